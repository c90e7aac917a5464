"""A row of large numbers with a word below each: what a page is about, readable from across the room."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.ui import theme


class FigureRow(QWidget):
    """show_figures([("42", "reps"), ...]); the first is the one that matters, in the accent's colour."""

    def __init__(self) -> None:
        super().__init__()
        self.unit = 1.0
        self.figures: Sequence[tuple[str, str]] = ()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def show_figures(self, figures: Sequence[tuple[str, str]]) -> None:
        self.figures = figures
        self.setAccessibleName(", ".join(f"{number} {word}" for number, word in figures))
        self.update()

    def set_unit(self, unit: float) -> None:
        self.unit = unit
        self.setFixedHeight(round(88 * unit))

    def sizeHint(self) -> QSize:
        return QSize(400, round(88 * self.unit))

    def paintEvent(self, event: QPaintEvent) -> None:
        with QPainter(self) as painter:  # ended even when the painting fails: Qt would crash otherwise
            self._paint(painter)

    def _paint(self, painter: QPainter) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if not self.figures:
            return
        unit, gap = self.unit, 10 * self.unit
        wide = (self.width() - gap * (len(self.figures) - 1)) / len(self.figures)
        centre = int(Qt.AlignmentFlag.AlignCenter)
        for place, (number, word) in enumerate(self.figures):
            box = QRectF(place * (wide + gap), 0, wide, self.height())
            painter.setPen(theme.edge())
            painter.setBrush(theme.colour("surface"))
            painter.drawRoundedRect(box.adjusted(0.5, 0.5, -0.5, -0.5), 14 * unit, 14 * unit)
            upper = QRectF(box.x() + 6, box.y() + 8 * unit, wide - 12, 44 * unit)
            painter.setFont(theme.fitted_font(number, upper, 34 * unit, 14 * unit, "ExtraBold", centre))
            painter.setPen(theme.colour("accent" if place == 0 else "text"))
            painter.drawText(upper, centre, number)
            lower = QRectF(box.x() + 6, upper.bottom() - 4 * unit, wide - 12, 36 * unit)
            flags = centre | int(Qt.TextFlag.TextWordWrap)
            painter.setFont(theme.fitted_font(word, lower, 16 * unit, 9 * unit, "Regular", flags))
            painter.setPen(theme.colour("muted"))
            painter.drawText(lower, flags, word)
