"""Charts drawn with the painter alone: the weeks of a history, and the repetitions of a set."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Final, Literal

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.history import Week
from app.summary import RepSummary
from app.ui import theme
from app.ui.amounts import day_text
from app.ui.words import t

CENTRE: Final = Qt.AlignmentFlag.AlignCenter
LEFT: Final = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
RIGHT: Final = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter

_STEPS: Final = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}


class WeekChart(QWidget):
    """One number a week: sums as bars, means as a line. The arrow keys and the mouse read single weeks."""

    def __init__(self, kind: Literal["bars", "line"]) -> None:
        super().__init__()
        self.kind: Final = kind
        self.unit = 1.0
        self.title = ""
        self.empty = ""
        self.sign = ""
        self.most: float | None = None
        self.weeks: Sequence[Week] = ()
        self.chosen: int | None = None
        self._say: Callable[[float], str] = lambda value: f"{value:.0f}"
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(120, 80)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)

    def show_weeks(
        self,
        weeks: Sequence[Week],
        *,
        title: str,
        say: Callable[[float], str],
        empty: str,
        sign: str = "",
        most: float | None = None,
    ) -> None:
        """say: a value with its unit. empty: what stands here when there is nothing to draw.

        sign: of the unit, at the axis, where the title does not name it. most: no value is larger.
        """
        self.weeks, self.title, self._say, self.empty = weeks, title, say, empty
        self.sign, self.most = sign, most
        self.chosen = None
        self._tell()
        self.update()

    def reading(self, *, short: bool = False) -> str:
        """The chosen week, else the newest one with a value, in words; short: the value alone."""
        place = self.chosen
        if place is None:
            place = next((i for i in reversed(range(len(self.weeks))) if self.weeks[i].value), None)
        if place is None or not self.weeks:
            return ""
        week = self.weeks[place]
        value = "–" if week.value is None else self._say(week.value)
        if short:
            return value
        return t("{value}, week of {day}", value=value, day=day_text(week.monday))

    def _tell(self) -> None:
        """What a screen reader says: the title, and all weeks in a line."""
        said = [
            f"{day_text(week.monday)}: {self._say(week.value)}"
            for week in self.weeks
            if week.value is not None
        ]
        self.setAccessibleName(self.title)
        self.setAccessibleDescription(", ".join(said) or self.empty)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        step = _STEPS.get(Qt.Key(event.key()))
        if step is None or not self.weeks:
            super().keyPressEvent(event)
            return
        now = len(self.weeks) - 1 if self.chosen is None else self.chosen + step
        self._choose(min(len(self.weeks) - 1, max(0, now)))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        area = self._area()
        if self.weeks and area.left() <= event.position().x() <= area.right():
            share = (event.position().x() - area.left()) / max(1.0, area.width())
            self._choose(min(len(self.weeks) - 1, int(share * len(self.weeks))))

    def leaveEvent(self, event: object) -> None:
        self._choose(None)

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self._choose(None)

    def _choose(self, place: int | None) -> None:
        if place != self.chosen:
            self.chosen = place
            self.setAccessibleDescription(self.reading())
        self.update()

    def _area(self) -> QRectF:
        """Where the weeks are drawn."""
        u = self.unit
        return QRectF(self.rect()).adjusted(52 * u, 46 * u, -14 * u, -30 * u)

    def paintEvent(self, event: QPaintEvent) -> None:
        with QPainter(self) as painter:  # ended even when the painting fails: Qt would crash otherwise
            self._paint(painter)

    def _paint(self, painter: QPainter) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        unit, rect = self.unit, QRectF(self.rect())
        painter.setBrush(theme.colour("surface"))
        focused = self.hasFocus()
        painter.setPen(QPen(theme.colour("info"), 2) if focused else theme.edge())
        painter.drawRoundedRect(rect.adjusted(1, 1, -1, -1), 14 * unit, 14 * unit)
        head = QRectF(14 * unit, 8 * unit, rect.width() - 28 * unit, 26 * unit)
        painter.setFont(theme.font(15 * unit, "SemiBold"))
        painter.setPen(theme.colour("text"))
        painter.drawText(head, LEFT, self.title)
        known = [week.value for week in self.weeks if week.value is not None]
        if not any(known):
            painter.setFont(theme.font(14 * unit))
            painter.setPen(theme.colour("muted"))
            flags = int(CENTRE | Qt.TextFlag.TextWordWrap)
            painter.drawText(rect.adjusted(18, 40 * unit, -18, -12), flags, self.empty)
            return
        used = painter.fontMetrics().horizontalAdvance(self.title)
        painter.setFont(theme.font(13 * unit))
        painter.setPen(theme.colour("accent" if self.chosen is not None else "muted"))
        room = head.adjusted(used + 10 * unit, 0, 0, 0)
        said = self.reading()
        fits = painter.fontMetrics().horizontalAdvance(said) <= room.width()
        painter.drawText(room, RIGHT, said if fits else self.reading(short=True))
        low, high, step = nice_range(known, from_zero=self.kind == "bars", most=self.most)
        area = self._area()
        self._paint_grid(painter, area, low, high, step)
        places = [
            QPointF(
                area.left() + (i + 0.5) * area.width() / len(self.weeks),
                area.bottom() - ((week.value or 0.0) - low) / (high - low) * area.height(),
            )
            for i, week in enumerate(self.weeks)
        ]
        if self.kind == "bars":
            self._paint_bars(painter, area, places)
        else:
            self._paint_line(painter, places)

    def _paint_grid(self, painter: QPainter, area: QRectF, low: float, high: float, step: float) -> None:
        unit = self.unit
        painter.setFont(theme.font(12 * unit))
        for number in range(round((high - low) / step) + 1):
            value = low + number * step
            y = area.bottom() - (value - low) / (high - low) * area.height()
            painter.setPen(QPen(theme.colour("line", 0.7), 1))
            painter.drawLine(QPointF(area.left(), y), QPointF(area.right(), y))
            painter.setPen(theme.colour("muted"))
            painter.drawText(
                QRectF(0, y - 10 * unit, area.left() - 7 * unit, 20 * unit),
                RIGHT,
                f"{_short(value)}{self.sign}",
            )
        wide = area.width() / len(self.weeks)
        every = max(1, math.ceil(62 * unit * theme.text_size() / wide))
        for i, week in enumerate(self.weeks):
            if (len(self.weeks) - 1 - i) % every == 0:
                x = area.left() + (i + 0.5) * wide
                text = day_text(week.monday)
                half = painter.fontMetrics().horizontalAdvance(text) / 2 + 1
                x = min(x, self.width() - 8 * unit - half)
                place = QRectF(x - half, area.bottom() + 5 * unit, 2 * half, 20 * unit)
                painter.drawText(place, CENTRE, text)

    def _paint_bars(self, painter: QPainter, area: QRectF, places: list[QPointF]) -> None:
        wide = area.width() / len(places)
        for i, place in enumerate(places):
            bar = QRectF(place.x() - 0.33 * wide, place.y(), 0.66 * wide, area.bottom() - place.y())
            if bar.height() <= 0:
                continue
            painter.setPen(QPen(theme.colour("text"), 2) if i == self.chosen else Qt.PenStyle.NoPen)
            painter.setBrush(theme.colour("accent"))
            round_by = min(4 * self.unit, bar.height() / 2, bar.width() / 2)
            painter.drawRoundedRect(bar, round_by, round_by)

    def _paint_line(self, painter: QPainter, places: list[QPointF]) -> None:
        there = [(i, p) for i, p in enumerate(places) if self.weeks[i].value is not None]
        ink = theme.colour("accent")
        painter.setPen(QPen(ink, 2.4 * self.unit, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawPolyline(QPolygonF([place for _, place in there]))
        for i, place in there:
            painter.setPen(QPen(theme.colour("text"), 2) if i == self.chosen else Qt.PenStyle.NoPen)
            painter.setBrush(ink)
            painter.drawEllipse(place, 4 * self.unit, 4 * self.unit)


def nice_range(
    values: Sequence[float], *, from_zero: bool, most: float | None = None
) -> tuple[float, float, float]:
    """Low, high and step of an axis with two to five steps of 1, 2 or 5 times a power of ten.

    most: where the axis ends at the latest; a value of ten times a step.
    """
    low, high = (0.0 if from_zero else min(values)), max(values)
    if high - low < 1e-6:
        low, high = (low, low + 1.0) if from_zero else (low - 5.0, high + 5.0)
    if most is not None and high > most:
        low, high = low - (high - most), most
    rough = (high - low) / 4
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(m * power for m in (1.0, 2.0, 5.0, 10.0) if m * power >= rough * 0.999)
    low = math.floor(low / step + 1e-9) * step
    return low, max(low + step, math.ceil(high / step - 1e-9) * step), step


def _short(value: float) -> str:
    return f"{round(value, 2):g}"


class RepStrip(QWidget):
    """The repetitions of a set side by side: high is far; a sign and a colour say what was wrong.

    The arrow keys choose one; Delete says that it was none.
    """

    chosen_changed = Signal(int)  # its place
    removal_wanted = Signal(int)

    def __init__(self, reps: Sequence[RepSummary], say: Callable[[int], str]) -> None:
        """say: the repetition at a place, in words."""
        super().__init__()
        self.reps, self._say = reps, say
        self.unit = 1.0
        self.chosen: int | None = None
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus if reps else Qt.FocusPolicy.NoFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.retranslate()

    def retranslate(self) -> None:
        self.setAccessibleName(t("Repetitions"))
        self.update()

    def set_unit(self, unit: float) -> None:
        self.unit = unit
        self.setFixedHeight(round(96 * unit))

    def sizeHint(self) -> QSize:
        return QSize(300, round(96 * self.unit))

    def choose(self, place: int | None) -> None:
        if place is not None and not 0 <= place < len(self.reps):
            return
        self.chosen = place
        if place is not None:
            self.setAccessibleDescription(self._say(place))
            self.chosen_changed.emit(place)
        self.update()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        step = _STEPS.get(Qt.Key(event.key()))
        if step is not None and self.reps:
            self.choose(0 if self.chosen is None else min(len(self.reps) - 1, max(0, self.chosen + step)))
        elif event.key() in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace) and self.chosen is not None:
            self.removal_wanted.emit(self.chosen)
        else:
            super().keyPressEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        wide = self._wide()
        place = int(event.position().x() / wide) if wide > 0 else -1
        self.choose(place if place < len(self.reps) else None)

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        if self.chosen is None and self.reps:
            self.choose(0)
        self.update()

    def _wide(self) -> float:
        return min(54 * self.unit, self.width() / max(1, len(self.reps)))

    def paintEvent(self, event: QPaintEvent) -> None:
        with QPainter(self) as painter:  # ended even when the painting fails: Qt would crash otherwise
            self._paint(painter)

    def _paint(self, painter: QPainter) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        unit, wide = self.unit, self._wide()
        if not self.reps:
            painter.setFont(theme.font(14 * unit))
            painter.setPen(theme.colour("muted"))
            painter.drawText(QRectF(self.rect()), LEFT, t("Nothing was counted in this set."))
            return
        top, bottom = 22 * unit, self.height() - 21 * unit
        highest = max(_extent(rep) for rep in self.reps) or 1.0
        painter.setFont(theme.font(min(13 * unit, 0.42 * wide), "SemiBold"))
        for i, rep in enumerate(self.reps):
            share = _extent(rep) / highest
            column = QRectF(i * wide, 0, wide, self.height())
            if i == self.chosen:
                edge = theme.colour("info") if self.hasFocus() else theme.colour("line")
                painter.setPen(QPen(edge, 2))
                painter.setBrush(theme.colour("raised"))
                painter.drawRoundedRect(column.adjusted(1.5, 1, -1.5, -1), 8 * unit, 8 * unit)
            ink, sign = _look(rep)
            tall = max(4 * unit, share * (bottom - top))
            bar = QRectF(column.center().x() - 0.28 * wide, bottom - tall, 0.56 * wide, tall)
            hollow = rep.by_hand
            painter.setPen(QPen(theme.colour(ink), 2, Qt.PenStyle.DashLine) if hollow else Qt.PenStyle.NoPen)
            painter.setBrush(Qt.BrushStyle.NoBrush if hollow else theme.colour(ink))
            painter.drawRoundedRect(bar, 4 * unit, 4 * unit)
            side = min(15 * unit, 0.7 * wide)
            place = QRectF(column.center().x() - side / 2, bar.top() - side - 3 * unit, side, side)
            theme.draw_icon(painter, sign, place, ink)
            painter.setPen(theme.colour("text" if i == self.chosen else "muted"))
            painter.drawText(QRectF(column.x(), bottom + 1, wide, 20 * unit), CENTRE, str(i + 1))


def _extent(rep: RepSummary) -> float:
    return rep.duration if rep.kind == "hold" else (rep.range or 0.0)


def _look(rep: RepSummary) -> tuple[str, str]:
    """The name of its colour, and its sign."""
    if rep.by_hand:
        return "muted", "plus"
    gravest = {fault.severity for fault in rep.faults}
    if "error" in gravest:
        return "fault", "error"
    return ("warning", "warning") if "warning" in gravest else ("accent", "check")
