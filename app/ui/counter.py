"""The big number, and around it how far the repetition has come."""

from __future__ import annotations

from PySide6.QtCore import QEasingCurve, QRectF, QSize, Qt, QVariantAnimation
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.ui import theme


class CounterRing(QWidget):
    """Number, word and ring. The ring fills from the start position to the turning point."""

    def __init__(self) -> None:
        super().__init__()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(100, 100)
        self._unit = 1.0
        self.number = "0"
        self.word = ""
        self.phase = ""
        self.progress = 0.0
        self._pulse = 0.0
        self._pulse_ink = "accent"
        self._animation = QVariantAnimation(self)
        self._animation.setDuration(650)
        self._animation.setStartValue(1.0)
        self._animation.setEndValue(0.0)
        self._animation.setEasingCurve(QEasingCurve.Type.OutCubic)
        self._animation.valueChanged.connect(self._on_pulse)

    def sizeHint(self) -> QSize:
        return QSize(round(300 * self._unit), round(290 * self._unit))

    def set_unit(self, unit: float) -> None:
        """Sizes follow the window."""
        self._unit = unit
        self.updateGeometry()

    def show_state(self, number: str, word: str, phase: str, progress: float) -> None:
        progress = min(1.0, max(0.0, progress))
        new = (number, word, phase)
        if new == (self.number, self.word, self.phase) and abs(progress - self.progress) < 0.002:
            return
        self.number, self.word, self.phase = new
        self.progress = progress
        self.setAccessibleName(f"{number} {word}")
        self.update()

    def pulse(self, *, good: bool) -> None:
        """A repetition has been counted."""
        self._pulse_ink = "accent" if good else "warning"
        self._animation.stop()
        self._animation.start()

    def _on_pulse(self, value: float) -> None:
        self._pulse = float(value)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        with QPainter(self) as painter:  # ended even when the painting fails: Qt would crash otherwise
            self._paint(painter)

    def _paint(self, painter: QPainter) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        side = min(self.width(), self.height())
        stroke = side * 0.062
        ring = QRectF(0, 0, side - stroke * 2.1, side - stroke * 2.1)
        ring.moveCenter(QRectF(self.rect()).center())
        if self._pulse > 0.0:
            grown = ring.adjusted(*(stroke * 0.9 * (1 - self._pulse) * sign for sign in (-1, -1, 1, 1)))
            painter.setPen(QPen(theme.colour(self._pulse_ink, 0.8 * self._pulse), stroke * 0.7))
            painter.drawEllipse(grown)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.colour(self._pulse_ink, 0.22 * self._pulse))
            painter.drawEllipse(ring)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(theme.colour("raised"), stroke))
        painter.drawEllipse(ring)
        if self.progress > 0.01:
            painter.setPen(
                QPen(theme.colour("accent"), stroke, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap)
            )
            painter.drawArc(ring, 90 * 16, -round(self.progress * 359.9 * 16))
        self._paint_text(painter, ring, side)

    def _paint_text(self, painter: QPainter, ring: QRectF, side: float) -> None:
        share = {1: 0.54, 2: 0.5, 3: 0.37}.get(len(self.number), 0.28)
        # As large as there is room for: the text size asked for has nothing to add.
        painter.setFont(theme.font(side * share / theme.text_size(), "Figures"))
        painter.setPen(theme.colour("text"))
        # Digits have no descenders: centre their visible height, not the line's.
        metrics = painter.fontMetrics()
        digits = metrics.tightBoundingRect(self.number)
        centre = ring.center()
        baseline = centre.y() - side * 0.09 + digits.height() / 2
        left = centre.x() - metrics.horizontalAdvance(self.number) / 2
        painter.drawText(round(left), round(baseline), self.number)
        painter.setFont(theme.font(side * 0.066, "SemiBold"))
        painter.setPen(theme.colour("muted"))
        # Taller than the letters, else descenders are cut.
        word = QRectF(ring.x(), centre.y() + side * 0.115, ring.width(), side * 0.12)
        painter.drawText(word, Qt.AlignmentFlag.AlignCenter, self.word)
        if self.phase:
            painter.setFont(theme.font(side * 0.078, "SemiBold"))
            painter.setPen(theme.colour("accent"))
            painter.drawText(word.translated(0, side * 0.092), Qt.AlignmentFlag.AlignCenter, self.phase)
