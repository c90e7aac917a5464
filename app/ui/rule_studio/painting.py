"""What the timeline's painters share: the painter, the geometry, and writing in it."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QFontMetricsF, QPainter

from app.ui import theme
from app.ui.rule_studio.rows import Rows
from app.ui.rule_studio.state import Timeline

LEFT: Final = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
RIGHT: Final = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
CENTRE: Final = Qt.AlignmentFlag.AlignCenter
# Start position, way out, turning region, way back: colour and how strong.
PHASE_INKS: Final = (("muted", 0.14), ("info", 0.34), ("accent", 0.42), ("info", 0.2))


class RowPainter:
    """Paints one state of the timeline in one geometry."""

    def __init__(self, painter: QPainter, rows: Rows, shown: Timeline) -> None:
        self.p, self.rows, self.shown = painter, rows, shown
        self.unit = rows.unit
        self.severities = {rule.id: rule.severity for rule in shown.analysis.exercise.rules}
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)

    def write(
        self, rect: QRectF, text: str, size: float, ink: str, weight: str = "Regular", flags: int = LEFT
    ) -> None:
        self.p.setFont(theme.font(size * self.unit, weight))
        self.p.setPen(theme.colour(ink))
        metrics = QFontMetricsF(self.p.font())
        self.p.drawText(rect, flags, metrics.elidedText(text, Qt.TextElideMode.ElideRight, rect.width()))
