"""The card in the middle of the picture: what is the matter, and the way on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from app.ui import theme


@dataclass(frozen=True, kw_only=True)
class Action:
    """A button of a notice. With another `act` it is still the same button: only the looks are compared."""

    text: str
    icon: str
    act: Callable[[], None] = field(compare=False)


@dataclass(frozen=True, kw_only=True)
class Notice:
    """No dead ends: every notice says what to do, or has a button that does it."""

    title: str
    text: str = ""
    icon: str = "info"
    ink: str = "accent"
    actions: tuple[Action, ...] = ()
    wide: bool = False
    left: bool = False


class NoticeCard(QFrame):
    """Shows one notice; hidden while there is none. The first action has the focus."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("notice")
        self.notice: Notice | None = None
        self.unit = 1.0
        self._icon = QLabel()
        self._title = theme.named(QLabel(), "noticeTitle")
        self._text = theme.named(QLabel(), "noticeText")
        for label in (self._icon, self._title, self._text):
            label.setAlignment(Qt.AlignmentFlag.AlignCenter)
            label.setWordWrap(True)
            label.setTextFormat(Qt.TextFormat.PlainText)
        self._text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._text.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.MinimumExpanding)
        self._buttons = QHBoxLayout()
        self._layout = QVBoxLayout(self)
        self._layout.addWidget(self._icon)
        self._layout.addWidget(self._title)
        self._layout.addWidget(self._text)
        self._layout.addLayout(self._buttons)
        self.hide()

    @property
    def buttons(self) -> list[QPushButton]:
        """The buttons of the notice, in order."""
        items = (self._buttons.itemAt(place) for place in range(self._buttons.count()))
        widgets = (item.widget() for item in items if item is not None)
        return [widget for widget in widgets if isinstance(widget, QPushButton)]

    def set_unit(self, unit: float) -> None:
        self.unit = unit
        if self.notice is not None:
            notice, self.notice = self.notice, None
            self.show_notice(notice)

    def show_notice(self, notice: Notice | None) -> None:
        """Shows it, or nothing with None."""
        same = notice == self.notice
        self.notice = notice
        if same:  # a button that is made anew under the mouse would miss the click
            return
        while self._buttons.count():
            item = self._buttons.takeAt(0)
            widget = item.widget() if item is not None else None
            if widget is not None:
                widget.hide()  # else one that was added this very turn is shown yet, as a window of its own
                widget.setParent(None)
                widget.deleteLater()
        if notice is None:
            self.hide()
            return
        pad = round(26 * self.unit)
        self._layout.setContentsMargins(pad, pad, pad, pad)
        self._layout.setSpacing(round(12 * self.unit))
        self._buttons.setSpacing(round(10 * self.unit))
        self._icon.setPixmap(
            theme.pixmap(notice.icon, round(56 * self.unit), notice.ink, self.devicePixelRatioF())
        )
        side = Qt.AlignmentFlag.AlignLeft if notice.left else Qt.AlignmentFlag.AlignHCenter
        self._text.setAlignment(side | Qt.AlignmentFlag.AlignVCenter)
        self._title.setText(notice.title)
        self._text.setText(notice.text)
        self._text.setVisible(bool(notice.text))
        for number, action in enumerate(notice.actions):
            button = QPushButton(theme.icon(action.icon, "on_fill" if number == 0 else "text"), "")
            theme.label(button, action.text)
            if number == 0:
                button.setObjectName("primary")
                button.setDefault(True)
            button.setMinimumHeight(round(54 * self.unit))
            button.setIconSize(QSize(round(20 * self.unit), round(20 * self.unit)))
            button.clicked.connect(partial(self._act, number))
            self._buttons.addWidget(button)
            button.show()
        self.setAccessibleName(f"{notice.title}. {notice.text}")
        self.show()
        self.raise_()
        self.place()
        if notice.actions:
            self.buttons[0].setFocus()

    def _act(self, number: int, _checked: bool = False) -> None:
        if self.notice is not None:
            self.notice.actions[number].act()

    def place(self) -> None:
        """Centres the card in its parent, no wider than that."""
        parent = self.parentWidget()
        if parent is None or self.notice is None:
            return
        margin = round(16 * self.unit)
        width = min(parent.width() - 2 * margin, round((660 if self.notice.wide else 620) * self.unit))
        self.setFixedWidth(max(200, width))
        self.ensurePolished()
        height = self._layout.totalHeightForWidth(self.width()) if self._layout.hasHeightForWidth() else -1
        height = min(
            max(height, self._layout.totalSizeHint().height() if height < 0 else 0), parent.height() - margin
        )
        self.setFixedHeight(max(80, height))
        self.move((parent.width() - self.width()) // 2, (parent.height() - self.height()) // 2)
