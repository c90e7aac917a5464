"""The first steps, for one who has never seen Formcue: three cards at most, over the home page."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Signal
from PySide6.QtGui import QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QWidget

from app.ui import theme
from app.ui.notice import Action, Notice, NoticeCard
from app.ui.words import t


def steps() -> tuple[Notice, ...]:
    """What is said, without the buttons."""
    return (
        Notice(
            title=t("Put the screen where you can see it"),
            text=t("Two to three metres away, at the height of your hips, light before you. Your whole body "
                   "should be in the picture; before each set you are told how to stand."),
            icon="camera",
        ),
        Notice(
            title=t("Steer with your hands"),
            text=t("Right hand up starts a set. Wrists crossed before the chest pause it. Held high and "
                   "still, the hand ends a rest. The space bar does all that, too, and F1 lists the rest."),
            icon="hand",
        ),
        Notice(
            title=t("It stays between us"),
            text=t("Formcue never uses the network, and no picture is stored. Choose a workout, or see the "
                   "demo first."),
            icon="check",
        ),
    )  # fmt: skip


class Tour(QWidget):
    """Covers its parent; done: seen to the end, or skipped."""

    done = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.card = NoticeCard(self)
        self.step = 0
        parent.installEventFilter(self)
        self.hide()

    def begin(self) -> None:
        """From the first step."""
        self.step = 0
        self.setGeometry(self._home().rect())
        self.show()
        self.raise_()
        self.retranslate()

    def retranslate(self) -> None:
        """Sets all texts."""
        if self.isHidden():
            return
        notices = steps()
        last = self.step == len(notices) - 1
        shown = notices[self.step]
        go = Action(
            text=t("Let's go") if last else t("Go on"), icon="check" if last else "play", act=self._next
        )
        skip = () if last else (Action(text=t("Skip"), icon="close", act=self._end),)
        title = f"{self.step + 1}/{len(notices)}  {shown.title}"
        self.card.show_notice(
            Notice(title=title, text=shown.text, icon=shown.icon, actions=(go, *skip), wide=True)
        )
        self.card.place()  # the letters may be larger now

    def set_unit(self, unit: float) -> None:
        self.card.set_unit(unit)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is self.parent() and event.type() == QEvent.Type.Resize:
            self.setGeometry(self._home().rect())
        return False

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.card.place()

    def paintEvent(self, event: QPaintEvent) -> None:
        with QPainter(self) as painter:
            painter.fillRect(self.rect(), theme.colour("background", 0.78))

    def _home(self) -> QWidget:
        parent = self.parentWidget()
        assert parent is not None
        return parent

    def _next(self) -> None:
        self.step += 1
        if self.step < len(steps()):
            self.retranslate()
        else:
            self._end()

    def _end(self) -> None:
        self.card.show_notice(None)
        self.hide()
        self.done.emit()
