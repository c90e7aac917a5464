"""The banner under the picture: one thing at a time, readable from three metres."""

from __future__ import annotations

from PySide6.QtCore import QEasingCurve, QRectF, QSize, Qt, QVariantAnimation, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.ui import theme
from app.ui.records import Say


class PromptBanner(QWidget):
    """Shape, colour and words together: a filled block with an icon, and large text beside it."""

    said = Signal(object)  # a new Say is shown

    def __init__(self) -> None:
        super().__init__()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.unit = 1.0
        self.say = Say(text="")
        self._appear = 1.0
        self._animation = QVariantAnimation(self)
        self._animation.setDuration(220)
        self._animation.setStartValue(0.0)
        self._animation.setEndValue(1.0)
        self._animation.setEasingCurve(QEasingCurve.Type.OutCubic)
        self._animation.valueChanged.connect(self._on_appear)

    def sizeHint(self) -> QSize:
        return QSize(600, round(104 * self.unit))

    def set_unit(self, unit: float) -> None:
        self.unit = unit
        self.setFixedHeight(round(104 * unit))

    def show_say(self, say: Say) -> None:
        """Shows it; a new one slides in, the same one stays."""
        if say == self.say:
            return
        # Only the number in it changed: no new entrance.
        same = _without_numbers(say.text) == _without_numbers(self.say.text) and say.tone == self.say.tone
        self.say = say
        self.said.emit(say)
        self.setAccessibleName(say.text)
        if not same and say.tone in ("warning", "error", "info"):
            self._animation.stop()
            self._animation.start()
        self.update()

    def _on_appear(self, value: float) -> None:
        self._appear = float(value)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        with QPainter(self) as painter:  # ended even when the painting fails: Qt would crash otherwise
            self._paint(painter)

    def _paint(self, painter: QPainter) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        rect, unit = QRectF(self.rect()), self.unit
        loud = self.say.tone in ("warning", "error", "info")
        ink = {
            "calm": "muted",
            "good": "accent",
            **{name: pair[0] for name, pair in theme.SEVERITIES.items()},
        }[self.say.tone]
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.colour("raised" if loud else "surface"))
        painter.drawRoundedRect(rect, 16 * unit, 16 * unit)
        block = QRectF(0, 0, rect.height(), rect.height())
        if loud:
            painter.setBrush(theme.colour(ink))
            painter.drawRoundedRect(block, 16 * unit, 16 * unit)
            painter.drawRect(block.adjusted(block.width() / 2, 0, 0, 0))
        side = block.width() * (0.62 if loud else 0.5)
        place = QRectF(0, 0, side, side)
        place.moveCenter(block.center())
        theme.draw_icon(painter, self.say.icon, place, "on_fill" if loud else ink)
        slide = (1.0 - self._appear) * 40 * unit if loud else 0.0
        room = rect.adjusted(block.width() + 20 * unit + slide, 6 * unit, -18 * unit, -6 * unit)
        flags = int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft | Qt.TextFlag.TextWordWrap)
        largest = (50 if loud else 40) * unit
        painter.setFont(
            theme.fitted_font(
                self.say.text, room, largest, 18 * unit, "ExtraBold" if loud else "SemiBold", flags
            )
        )
        painter.setOpacity(0.5 + 0.5 * self._appear if loud else 1.0)  # to be read from the first moment
        painter.setPen(theme.colour("text" if loud or self.say.tone == "good" else "muted"))
        painter.drawText(room, flags, self.say.text)


def _without_numbers(text: str) -> str:
    return "".join(letter for letter in text if not letter.isdigit())
