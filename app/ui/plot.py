"""The exercise's main parameter over the last seconds: its curve, the phases, and the limits that matter."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from PySide6.QtCore import QLineF, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QLinearGradient, QPainter, QPaintEvent, QPen, QPixmap, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.reps import Counting
from app.rules import Rule, Severity, format_value
from app.ui import theme
from app.ui.words import phase_name, plain, t

SPAN: Final = 8.0  # seconds shown
GAP: Final = 0.6  # seconds without a value that break the line
_TALL: Final = 150.0  # units of height from which the phases are named and the limits labelled
_STRAIGHT: Final = 0.35  # pixels that a value may lie beside a line that stands for it


@dataclass(frozen=True, kw_only=True)
class _Scale:
    """Where times and values lie. area: the curve's; low, high: values at its edges; now: its right edge."""

    area: QRectF
    now: float
    low: float
    high: float

    def x(self, time: float) -> float:
        return self.area.right() - (self.now - time) / SPAN * self.area.width()

    def y(self, value: float) -> float:
        return self.area.bottom() - (value - self.low) / (self.high - self.low) * self.area.height()


@dataclass(frozen=True, kw_only=True)
class Limit:
    """A value at which a reminder fires."""

    value: float
    severity: Severity


class ParameterPlot(QWidget):
    """follow(counting, rules), then add(time, values, phase) with every step and mark(time) for every rep.

    The dashed levels are those of counting (start and turning point), the solid ones the limits of the
    reminders, each with the sign of its severity. Bands behind the curve are the phases: on the way out,
    at the turning point, on the way back.
    """

    def __init__(self) -> None:
        super().__init__()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(100, 40)
        self.unit = 1.0
        self._name: str | None = None
        self._levels: tuple[float, ...] = ()
        self._limits: tuple[Limit, ...] = ()
        self._phases: tuple[str, ...] = ()
        self._holding = ""  # the phase in which a hold is held
        self._values: deque[tuple[float, float]] = deque()
        self._bands: deque[tuple[float, str]] = deque()  # from when on, which phase
        self._marks: deque[float] = deque()
        self._lost = False  # no picture
        self._now = 0.0
        self._still = QPixmap()  # what changes with the exercise and the size only, see _still_layer
        self._still_key: tuple[object, ...] = ()
        self.retranslate()

    def sizeHint(self) -> QSize:
        return QSize(320, round(104 * self.unit))

    def retranslate(self) -> None:
        """Sets all texts."""
        self.setAccessibleName(t("Angle over time"))
        self.update()

    def follow(self, counting: Counting, rules: Sequence[Rule] = ()) -> None:
        """Plots the main parameter from now on, with the limits that the rules have on it."""
        self._name, self._levels = main_parameter(counting, rules)
        self._limits = limits_of(rules, self._name) if self._name else ()
        self._phases = tuple(counting.phases)
        self._holding = counting.phases[2] if counting.kind == "hold" else ""
        self.clear()

    def clear(self) -> None:
        self._values.clear()
        self._bands.clear()
        self._marks.clear()
        self._now = 0.0
        self.update()

    def add(self, time: float, values: Mapping[str, float] | None, phase: str = "") -> None:
        """A step's parameters (None: nobody was measured) and phase."""
        if time < self._now:
            self.clear()
        self._now = time
        value = values.get(self._name) if values and self._name else None
        if value is not None and math.isfinite(value):
            self._values.append((time, value))
            self._lost = False
        if not self._bands or self._bands[-1][1] != phase:
            self._bands.append((time, phase))
        oldest = time - SPAN
        while self._values and self._values[0][0] < oldest:
            self._values.popleft()
        while len(self._bands) > 1 and self._bands[1][0] < oldest:
            self._bands.popleft()
        while self._marks and self._marks[0] < oldest:
            self._marks.popleft()
        self.update()

    def lose(self) -> None:
        """There is no picture: the last value is not one of now."""
        self._lost = True
        self.update()

    @property
    def newest(self) -> float | None:
        """The value of now; None when there is none."""
        if self._lost or not self._values or self._now - self._values[-1][0] >= GAP:
            return None
        return self._values[-1][1]

    def mark(self, time: float) -> None:
        """A repetition turned at this time."""
        self._marks.append(time)

    # ---- painting

    def paintEvent(self, event: QPaintEvent) -> None:
        with QPainter(self) as painter:  # ended even when the painting fails: Qt would crash otherwise
            self._paint(painter)

    def _paint(self, painter: QPainter) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        unit = self.unit
        rect = QRectF(self.rect())
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.colour("surface"))
        painter.drawRoundedRect(rect, 14 * unit, 14 * unit)
        if self._name is None:
            return
        large = self._is_large
        title = self._title
        area = QRectF(
            title.left(), title.bottom() + 4 * unit, title.width(), rect.height() - title.bottom() - 12 * unit
        )
        if large:
            area.adjust(0, 0, -44 * unit, -20 * unit)  # room for the labels and the phases' names
        known = [value for _, value in self._values] + list(self._levels)
        known += [limit.value for limit in self._limits]
        low, high = min(known), max(known)
        margin = max(1e-6, (high - low) * 0.08)
        scale = _Scale(area=area, now=self._now, low=low - margin, high=high + margin)
        self._paint_phases(painter, scale)
        painter.drawPixmap(0, 0, self._still_layer(scale))
        if self.newest is not None:
            painter.setFont(theme.font((30 if large else 18) * unit, "Figures"))
            painter.setPen(theme.colour("text"))
            text = format_value(self._name, self.newest)
            painter.drawText(title, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, text)
        self._paint_curve(painter, scale)

    @property
    def _is_large(self) -> bool:
        return self.height() >= _TALL * self.unit

    @property
    def _title(self) -> QRectF:
        pad = 12 * self.unit
        return QRectF(pad, 6 * self.unit, self.width() - 2 * pad, (34 if self._is_large else 22) * self.unit)

    def _still_layer(self, scale: _Scale) -> QPixmap:
        """Title, levels and limits: painted once, and copied from then on."""
        ratio = self.devicePixelRatioF()
        key = (self.size().toTuple(), self.unit, ratio, theme.look(), scale.low, scale.high,
               self._name, self._levels, self._limits)  # fmt: skip
        if key != self._still_key:
            self._still_key = key
            self._still = QPixmap(self.size() * ratio)
            self._still.setDevicePixelRatio(ratio)
            self._still.fill(Qt.GlobalColor.transparent)
            with QPainter(self._still) as painter:
                painter.setRenderHint(QPainter.RenderHint.Antialiasing)
                self._paint_title(painter)
                self._paint_levels(painter, scale)
        return self._still

    def _paint_title(self, painter: QPainter) -> None:
        assert self._name is not None
        painter.setFont(theme.font((20 if self._is_large else 14) * self.unit, "SemiBold"))
        painter.setPen(theme.colour("muted"))
        flags = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        painter.drawText(self._title, flags, t(plain(self._name)))

    def _paint_phases(self, painter: QPainter, scale: _Scale) -> None:
        """A band a phase; at the turning point the strongest. Named below where there is room."""
        area = scale.area
        strength = dict(zip(self._phases, ("", "away", "turn", "back"), strict=False))
        inks = {"away": ("accent", 0.08), "turn": ("accent", 0.24), "back": ("info", 0.10)}
        painter.setFont(theme.font(13 * self.unit))
        starts = list(self._bands)
        for number, (begin, phase) in enumerate(starts):
            end = starts[number + 1][0] if number + 1 < len(starts) else self._now
            left, right = max(area.left(), scale.x(begin)), scale.x(end)
            ink = inks.get(strength.get(phase, ""))
            if ink is None or right - left < 1.0:
                continue
            painter.fillRect(QRectF(left, area.top(), right - left, area.height()), theme.colour(*ink))
            text = t("Hold") if phase == self._holding else phase_name(phase)
            if self._is_large and painter.fontMetrics().horizontalAdvance(text) < right - left - 4:
                painter.setPen(theme.colour("muted"))
                name = QRectF(left, area.bottom() + 2, right - left, 18 * self.unit)
                painter.drawText(name, Qt.AlignmentFlag.AlignCenter, text)

    def _paint_levels(self, painter: QPainter, scale: _Scale) -> None:
        assert self._name is not None
        area = scale.area
        for level in self._levels:
            y = scale.y(level)
            painter.setPen(QPen(theme.colour("muted", 0.6), 1.2 * self.unit, Qt.PenStyle.DashLine))
            painter.drawLine(QPointF(area.left(), y), QPointF(area.right(), y))
            crowded = any(abs(scale.y(other.value) - y) < 17 * self.unit for other in self._limits)
            if not crowded:
                self._paint_label(painter, area, y, format_value(self._name, level), "muted")
        for limit in self._limits:
            y = scale.y(limit.value)
            name, icon = theme.SEVERITIES[limit.severity]
            painter.setPen(QPen(theme.colour(name), 1.6 * self.unit))
            painter.drawLine(QPointF(area.left(), y), QPointF(area.right(), y))
            side = 13 * self.unit
            top = y - side - 1 if y - side > area.top() else y + 1
            theme.draw_icon(painter, icon, QRectF(area.left() + 2, top, side, side), name)
            self._paint_label(painter, area, y, format_value(self._name, limit.value), name)

    def _paint_label(self, painter: QPainter, area: QRectF, y: float, text: str, name: str) -> None:
        if not self._is_large:
            return
        painter.setFont(theme.font(15 * self.unit, "SemiBold"))
        painter.setPen(theme.colour(name))
        box = QRectF(area.right() + 6 * self.unit, y - 10 * self.unit, 46 * self.unit, 20 * self.unit)
        painter.drawText(box, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, text)

    def _paint_curve(self, painter: QPainter, scale: _Scale) -> None:
        if not self._values:
            return
        unit, area = self.unit, scale.area
        shade = QLinearGradient(area.topLeft(), area.bottomLeft())
        shade.setColorAt(0.0, theme.colour("accent", 0.30))
        shade.setColorAt(1.0, theme.colour("accent", 0.02))
        curve = QPen(theme.colour("accent"), 2.6 * unit, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap)
        painter.setClipRect(area.adjusted(0, -4, 6 * unit, 4))
        for piece in self._pieces(scale):
            below = [QPointF(piece[-1].x(), area.bottom()), QPointF(piece[0].x(), area.bottom())]
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(shade)
            painter.drawPolygon(QPolygonF([*piece, *below]))
            painter.setPen(curve)
            painter.drawPolyline(QPolygonF(piece))
        painter.setPen(QPen(theme.colour("text", 0.8), 2.0 * unit))
        for mark in self._marks:
            x = scale.x(mark)
            painter.drawLine(QLineF(x, area.top() - 3, x, area.top() + 7 * unit))
        time, value = self._values[-1]
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.colour("text"))
        painter.drawEllipse(QPointF(scale.x(time), scale.y(value)), 4.2 * unit, 4.2 * unit)
        painter.setClipping(False)

    def _pieces(self, scale: _Scale) -> list[list[QPointF]]:
        """The runs of values without a gap, with no more points than their shapes need."""
        times, values = np.array(self._values, dtype=np.float64).T
        spots = np.stack([scale.x(times), scale.y(values)], axis=1).astype(np.float32)
        runs = np.split(spots, np.flatnonzero(np.diff(times) > GAP) + 1)
        needed = (cv2.approxPolyDP(run, _STRAIGHT * self.unit, closed=False)[:, 0] for run in runs)
        return [[QPointF(x, y) for x, y in run.tolist()] for run in needed]


def main_parameter(counting: Counting, rules: Sequence[Rule] = ()) -> tuple[str | None, tuple[float, ...]]:
    """What an exercise's curve shows, and the levels that counting has on it.

    Of repetitions it is the first signal. A hold has none: there it is what the most important reminder with
    a limit on it is about, else what the posture asks for first.
    """
    if counting.signals:
        signal = counting.signals[0]
        return signal.parameter, (signal.start, signal.turn)
    for rule in sorted(rules, key=lambda rule: (not rule.is_fault, -rule.priority)):
        for comparison in rule.when.comparisons():
            name = comparison.parameter.partition(".")[0]
            if limits_of([rule], name):
                return name, ()
    for comparison in counting.posture.comparisons() if counting.posture is not None else ():
        ends = (comparison.limit, comparison.upper)
        return comparison.parameter, tuple(end for end in ends if end is not None)
    return None, ()


def limits_of(rules: Sequence[Rule], parameter: str) -> tuple[Limit, ...]:
    """The limits that the rules set for a parameter or a statistic of it; each once, the worst severity.

    Limits that are relative to the athlete's own values are not known beforehand, and are left out.
    """
    order = ("info", "warning", "error")
    found: dict[float, Severity] = {}
    for rule in rules:
        for comparison in rule.when.comparisons():
            base, _, statistic = comparison.parameter.partition(".")
            on_the_curve = statistic in ("", "min", "max", "mean", "start", "turn")
            if base != parameter or not on_the_curve or comparison.relative:
                continue
            for value in (comparison.limit, comparison.upper):
                if value is not None and order.index(rule.severity) >= order.index(found.get(value, "info")):
                    found[value] = rule.severity
    return tuple(Limit(value=value, severity=severity) for value, severity in sorted(found.items()))
