"""The exercise's main parameter over the last seconds, with its start and turning values."""

from __future__ import annotations

import math
from collections import deque
from typing import Final

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QLinearGradient, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.reps import Counting
from app.rules import format_value
from app.ui import theme
from app.ui.words import plain, t

SPAN: Final = 8.0  # seconds shown
GAP: Final = 0.6  # seconds without a value that break the line


class ParameterPlot(QWidget):
    """A light plot: one curve, two dashed levels, the value now."""

    def __init__(self) -> None:
        super().__init__()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(100, 40)
        self.unit = 1.0
        self._name: str | None = None
        self._levels: tuple[float, ...] = ()
        self._values: deque[tuple[float, float]] = deque()
        self._now = 0.0
        self.retranslate()

    def retranslate(self) -> None:
        """Sets all texts."""
        self.setAccessibleName(t("Angle over time"))
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(320, round(104 * self.unit))

    def follow(self, counting: Counting) -> None:
        """Plots the first signal of counting from now on."""
        signal = counting.signals[0] if counting.signals else None
        self._name = signal.parameter if signal else None
        self._levels = (signal.start, signal.turn) if signal else ()
        self.clear()

    def clear(self) -> None:
        self._values.clear()
        self._now = 0.0
        self.update()

    def add(self, time: float, values: dict[str, float] | None) -> None:
        """A step's parameters (None: nobody was measured)."""
        if time < self._now:
            self._values.clear()
        self._now = time
        value = values.get(self._name) if values and self._name else None
        if value is not None and math.isfinite(value):
            self._values.append((time, value))
        while self._values and time - self._values[0][0] > SPAN:
            self._values.popleft()
        self.update()

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
        pad = 12 * unit
        title = QRectF(pad, 6 * unit, rect.width() - 2 * pad, 22 * unit)
        painter.setFont(theme.font(14 * unit, "SemiBold"))
        painter.setPen(theme.colour("muted"))
        painter.drawText(title, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, plain(self._name))
        if self._values and self._now - self._values[-1][0] < GAP:
            painter.setFont(theme.font(18 * unit, "ExtraBold"))
            painter.setPen(theme.colour("text"))
            text = format_value(self._name, self._values[-1][1])
            painter.drawText(title, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, text)
        area = QRectF(
            pad, title.bottom() + 4 * unit, rect.width() - 2 * pad, rect.height() - title.bottom() - 12 * unit
        )
        self._paint_curve(painter, area)

    def _paint_curve(self, painter: QPainter, area: QRectF) -> None:
        known = [value for _, value in self._values] + list(self._levels)
        low, high = min(known), max(known)
        margin = max(1e-6, (high - low) * 0.08)
        low, high = low - margin, high + margin

        def at(time: float, value: float) -> QPointF:
            x = area.right() - (self._now - time) / SPAN * area.width()
            return QPointF(x, area.bottom() - (value - low) / (high - low) * area.height())

        painter.setFont(theme.font(11 * self.unit))
        for level in self._levels:
            y = at(self._now, level).y()
            painter.setPen(QPen(theme.colour("line"), 1.2, Qt.PenStyle.DashLine))
            painter.drawLine(QPointF(area.left(), y), QPointF(area.right(), y))
        pieces: list[list[QPointF]] = []
        last: tuple[float, float] | None = None
        for time, value in self._values:
            if last is None or time - last[0] > GAP:
                pieces.append([])
            pieces[-1].append(at(time, value))
            last = (time, value)
        if last is None:
            return
        shade = QLinearGradient(area.topLeft(), area.bottomLeft())
        shade.setColorAt(0.0, theme.colour("accent", 0.30))
        shade.setColorAt(1.0, theme.colour("accent", 0.02))
        curve = QPen(theme.colour("accent"), 2.4 * self.unit, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap)
        painter.setClipRect(area.adjusted(0, -4, 6, 4))
        for piece in pieces:
            below = [QPointF(piece[-1].x(), area.bottom()), QPointF(piece[0].x(), area.bottom())]
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(shade)
            painter.drawPolygon(QPolygonF([*piece, *below]))
            painter.setPen(curve)
            painter.drawPolyline(QPolygonF(piece))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.colour("text"))
        painter.drawEllipse(at(*last), 3.6 * self.unit, 3.6 * self.unit)
        painter.setClipping(False)
