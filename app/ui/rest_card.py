"""Between two sets: how long the rest still is, what comes next, and how the last set went."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import (
    QBoxLayout,
    QFrame,
    QLabel,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from app.summary import SetSummary, fault_text, to_work_on
from app.ui import amounts, theme
from app.ui.amounts import Library
from app.ui.demonstration_view import demonstration_still
from app.ui.words import language, t
from app.workouts import MORE_REST, Standing


class TimerRing(QWidget):
    """A ring that runs empty, with the time left in it."""

    def __init__(self) -> None:
        super().__init__()
        self.remaining, self.total = 0.0, 1.0
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(120, 120)

    def show_time(self, remaining: float, total: float) -> None:
        """Seconds; screen readers hear of each ten, and of the last five."""
        before, after = amounts.clock(self.remaining), amounts.clock(remaining)
        self.remaining, self.total = remaining, max(total, remaining, 0.001)
        whole = int(-(-remaining // 1))
        if before != after and (whole % 10 == 0 or whole <= 5):
            self.setAccessibleName(t("{count} s of rest", count=whole))
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        with QPainter(self) as painter:  # ended even when the painting fails: Qt would crash otherwise
            self._paint(painter)

    def _paint(self, painter: QPainter) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        side = min(self.width(), self.height())
        stroke = 0.062 * side
        ring = QRectF(0, 0, side - 1.6 * stroke, side - 1.6 * stroke)
        ring.moveCenter(QRectF(self.rect()).center())
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(theme.colour("raised"), stroke))
        painter.drawEllipse(ring)
        share = self.remaining / self.total
        painter.setPen(QPen(theme.colour("accent"), stroke, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
        if share > 0.002:
            painter.drawArc(ring, 90 * 16, round(share * 359.9 * 16))
        text = amounts.clock(self.remaining)
        room = ring.adjusted(2 * stroke, 2 * stroke, -2 * stroke, -2 * stroke)
        centre = int(Qt.AlignmentFlag.AlignCenter)
        painter.setFont(theme.fitted_font(text, room, 0.3 * side, 0.1 * side, "Figures", centre))
        painter.setPen(theme.colour("text"))
        painter.drawText(room, centre, text)


_STEP: Final = 20  # pixels


class ExercisePicture(QWidget):
    """How an exercise looks at its turning point, as large as there is room for."""

    def __init__(self) -> None:
        super().__init__()
        self.exercise = ""
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(60, 60)

    def show_exercise(self, exercise: str) -> None:
        self.exercise = exercise
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        if self.exercise:
            # In steps: words make every rest a few pixels different, and stills are kept by size.
            size = QSize(self.width() // _STEP * _STEP, self.height() // _STEP * _STEP)
            left, top = (self.width() - size.width()) / 2, (self.height() - size.height()) / 2
            with QPainter(self) as painter:
                still = demonstration_still(self.exercise, size, self.devicePixelRatioF())
                painter.drawPixmap(QPointF(left, top), still)


class RestCard(QFrame):
    """show_rest(standing, ...) at every step of a rest. more_wanted: its button; the panel's ends it."""

    more_wanted = Signal()

    def __init__(self, library: Library) -> None:
        super().__init__()
        theme.named(self, "card")
        self.library = library
        self._standing: Standing | None = None
        self._last: SetSummary | None = None
        self.title = theme.named(QLabel(), "title")
        self.ring = TimerRing()
        self.more = QPushButton()
        self.next_word = theme.named(QLabel(), "heading")
        self.picture = ExercisePicture()
        self.name = theme.named(QLabel(), "far")
        self.amount = theme.named(QLabel(), "title")
        self.last_word = theme.named(QLabel(), "quiet")
        self.last = theme.named(QLabel(), "lead")
        for label in (
            self.title,
            self.next_word,
            self.name,
            self.amount,
            self.last_word,
            self.last,
        ):
            label.setAlignment(Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignVCenter)
            label.setWordWrap(True)
        self._lay_out()
        self.more.clicked.connect(self.more_wanted)
        self.retranslate()

    def _lay_out(self) -> None:
        self._time = QVBoxLayout()
        self._time.addWidget(self.title)
        self._time.addWidget(self.ring, 1)
        self._time.addWidget(self.more, 0, Qt.AlignmentFlag.AlignHCenter)
        self._next = QVBoxLayout()
        self._next.addWidget(self.next_word)
        self._next.addWidget(self.picture, 1)
        self._next.addWidget(self.name)
        self._next.addWidget(self.amount)
        self._next.addWidget(self.last_word)
        self._next.addWidget(self.last)
        self._all = QBoxLayout(QBoxLayout.Direction.LeftToRight, self)
        self._all.addLayout(self._time, 1)
        self._all.addLayout(self._next, 1)

    def show_rest(self, standing: Standing, *, total: float, last: SetSummary | None) -> None:
        """standing: of the runner. total: the whole rest, seconds. last: the set just done."""
        changed = self._standing is None or standing.number != self._standing.number or last is not self._last
        self._standing, self._last = standing, last
        self.ring.show_time(standing.remaining or 0.0, total)
        if changed:
            self.retranslate()

    def retranslate(self) -> None:
        """Sets all texts."""
        self.more.setText(t("+{seconds} s", seconds=round(MORE_REST)))
        self.more.setAccessibleName(t("{seconds} seconds more rest", seconds=round(MORE_REST)))
        self.title.setText(t("Rest"))
        self.next_word.setText(t("Next"))
        self.last_word.setText(t("The set just done"))
        standing = self._standing
        planned = standing.planned if standing is not None else None
        if standing is not None and planned is not None:
            self.next_word.setText(
                t("Next: set {number} of {total}", number=standing.number, total=standing.total)
            )
            self.name.setText(amounts.exercise_name(self.library, planned.exercise))
            self.amount.setText(amounts.planned_amount(planned, self.library))
            self.picture.show_exercise(planned.exercise)
        self._say_last()

    def _say_last(self) -> None:
        last = self._last
        self.last_word.setVisible(last is not None)
        self.last.setVisible(last is not None)
        if last is None:
            return
        done = amounts.done_amount(last)
        if last.score is not None:
            done += " · " + t("form {score}", score=amounts.score_text(last.score))
        text = amounts.named(self.library, last.exercise, done)
        found = to_work_on(last)
        if found is not None:
            text += "\n" + fault_text(self.library.get(last.exercise), found[1].worst, language())
        self.last.setText(text)

    def set_unit(self, unit: float, *, portrait: bool) -> None:
        """Sizes follow the window."""
        gap = round(24 * unit)
        self._all.setContentsMargins(gap, gap, gap, gap)
        self._all.setSpacing(gap)
        self._all.setDirection(
            QBoxLayout.Direction.TopToBottom if portrait else QBoxLayout.Direction.LeftToRight
        )
        for layout in (self._time, self._next):
            layout.setSpacing(round(12 * unit))
        self.more.setMinimumSize(round(160 * unit), round(56 * unit))
        self._all.activate()  # others place themselves by the ring
