"""What the views of a body in a room share: a card with a floor, and a pace that spares the picture."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QElapsedTimer, QRectF, Qt, QTimer
from PySide6.QtGui import QHideEvent, QPainter, QPainterPath, QPaintEvent, QShowEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.ui import theme
from app.ui.figure_painter import Floor

PACE: Final = 40  # milliseconds between two paintings: a body costs more than the picture beside it
_LONGEST: Final = 0.2  # seconds that one move covers: a window that was covered goes on where it was


class FigureView(QWidget):
    """Paints `paint_inside` on a card, once in PACE at the most.

    animated: moves by itself, by `move_on`, as long as it is seen. show_soon: something new is to be painted.
    """

    def __init__(self) -> None:
        super().__init__()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(120, 120)
        self.unit = 1.0
        self.floor = Floor()
        self._animated = self._waiting = False
        self._clock = QElapsedTimer()
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._on_tick)

    # ---- for the views

    def paint_inside(self, painter: QPainter, rect: QRectF) -> None:
        """What is on the card, rect; what lies beyond it is cut off."""
        raise NotImplementedError

    def move_on(self, seconds: float) -> None:
        """The animation goes on by so many seconds; a repaint follows."""

    def paint_words(self, painter: QPainter, rect: QRectF, text: str, largest: float) -> None:
        """A text in the place of a body, as large as it fits."""
        room = rect.adjusted(*(24 * self.unit * sign for sign in (1, 1, -1, -1)))
        flags = int(Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap)
        painter.setFont(theme.fitted_font(text, room, largest * self.unit, 12 * self.unit, "SemiBold", flags))
        painter.setPen(theme.colour("muted"))
        painter.drawText(room, flags, text)

    # ---- when it is painted

    @property
    def animated(self) -> bool:
        """Whether it moves by itself."""
        return self._animated

    @animated.setter
    def animated(self, animated: bool) -> None:
        self._animated = animated
        self._go()

    def show_soon(self) -> None:
        """A repaint follows: at once, or when the last one is PACE ago."""
        if self._timer.isActive():
            self._waiting = True
        else:
            self.update()
            if self.isVisible():
                self._timer.start(PACE)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._go()

    def hideEvent(self, event: QHideEvent) -> None:
        self._timer.stop()
        super().hideEvent(event)

    def _go(self) -> None:
        if self._animated and self.isVisible():
            self._clock.start()
            self._timer.start(PACE)

    def _on_tick(self) -> None:
        if self._animated:
            self.move_on(min(_LONGEST, self._clock.restart() / 1000.0))
        elif not self._waiting:
            self._timer.stop()
            return
        self._waiting = False
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        with QPainter(self) as painter:  # ended even when the painting fails: Qt would crash otherwise
            self._paint(painter)

    def _paint(self, painter: QPainter) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        rect = QRectF(self.rect())
        card = QPainterPath()
        card.addRoundedRect(rect, 14 * self.unit, 14 * self.unit)
        painter.fillPath(card, theme.colour("surface"))
        painter.setClipRect(rect)
        self.paint_inside(painter, rect)
        painter.setClipping(False)
        if self.hasFocus():
            painter.strokePath(card, theme.colour("info"))
