"""The ring that fills while a gesture is made, and what the gesture will do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from PySide6.QtCore import QEasingCurve, QPointF, QRectF, QSize, Qt, QVariantAnimation
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from app.gestures import Action, Gesture, GestureState, Situation
from app.ui import theme
from app.ui.words import language, t

# What an action is called, by the situation in which it is asked for.
_ICONS: Final[dict[Action, str]] = {"go": "play", "pause": "pause", "skip": "skip"}


def action_text(does: Action, situation: Situation) -> str:
    """What a gesture will do, in the user's language."""
    if does == "go" and situation == "done":
        return t("Once more")
    if does == "go":
        return t("Go on") if situation in ("paused", "rest") else t("Start")
    return t("Pause") if does == "pause" else t("Skip")


class GestureRing(QWidget):
    """Lies over the picture, seen only while a gesture is being made: show_state(state, situation)."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.unit = 1.0
        self._state = GestureState()
        self._situation: Situation = "before"
        self._burst = 0.0
        self._animation = QVariantAnimation(self)
        self._animation.setDuration(420)
        self._animation.setStartValue(1.0)
        self._animation.setEndValue(0.0)
        self._animation.setEasingCurve(QEasingCurve.Type.OutCubic)
        self._animation.valueChanged.connect(self._on_burst)
        self.hide()

    def sizeHint(self) -> QSize:
        side = round(230 * self.unit)
        return QSize(side, side)

    def retranslate(self) -> None:
        """Sets all texts."""
        gesture = self._state.gesture
        self.setAccessibleName("" if gesture is None else action_text(gesture.does, self._situation))
        self.update()

    def show_state(self, state: GestureState, situation: Situation) -> None:
        """Call with every result; cheap while nothing is made."""
        if state.gesture is None:
            self._state = state
            if self._burst == 0.0:
                self.hide()
            return
        before = self._state.gesture
        self._state, self._situation = state, situation
        if state.fired:
            self._animation.stop()
            self._animation.start()
        if before is not state.gesture:
            self.retranslate()
        self.show()
        self.raise_()
        self.update()

    def _on_burst(self, value: float) -> None:
        self._burst = float(value)
        if value == 0.0 and self._state.gesture is None:
            self.hide()
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        with QPainter(self) as painter:  # ended even when the painting fails: Qt would crash otherwise
            self._paint(painter)

    def _paint(self, painter: QPainter) -> None:
        gesture = self._state.gesture
        if gesture is None:
            return
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        side = min(self.width(), self.height())
        stroke = 0.085 * side
        ring = QRectF(0, 0, side - 2.2 * stroke, side - 2.2 * stroke)
        ring.moveCenter(QRectF(self.rect()).center())
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.colour("picture_shade", 0.95))
        painter.drawEllipse(ring.adjusted(*(stroke * sign for sign in (-1, -1, 1, 1))))
        done = self._state.progress >= 1.0
        ink = theme.colour("picture_accent")
        if self._burst > 0.0:
            grown = stroke * 1.0 * (1.0 - self._burst)
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(theme.colour("picture_accent", self._burst), 0.7 * stroke))
            painter.drawEllipse(ring.adjusted(-grown, -grown, grown, grown))
        painter.setBrush(theme.colour("picture_accent", 0.9) if done else Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(theme.colour("picture_muted", 0.35), stroke))
        painter.drawEllipse(ring)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(ink, stroke, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
        painter.drawArc(ring, 90 * 16, -round(self._state.progress * 360 * 16))
        within = "picture_shade" if done else "picture_text"
        place = QRectF(0, 0, 0.34 * side, 0.34 * side)
        place.moveCenter(ring.center() - QPointF(0, 0.09 * side))
        theme.draw_icon(painter, "check" if done else _ICONS[gesture.does], place, within)
        text = action_text(gesture.does, self._situation)
        room = QRectF(0, 0, 0.56 * side, 0.18 * side)
        room.moveCenter(ring.center() + QPointF(0, 0.17 * side))
        centre = int(Qt.AlignmentFlag.AlignCenter)
        painter.setFont(theme.fitted_font(text, room, 0.14 * side, 0.06 * side, "ExtraBold", centre))
        painter.setPen(theme.colour(within))
        painter.drawText(room, centre, text)


def gesture_lines(gestures: Sequence[Gesture]) -> list[tuple[str, str]]:
    """(what to do, what it does) of every gesture in the user's language, for the list of keys (F1)."""
    return [(gesture.name(language()), _told(gesture)) for gesture in gestures]


def _told(gesture: Gesture) -> str:
    """What a gesture does where it is read."""
    if gesture.does == "pause":
        return t("Pause")
    if gesture.situations == ("rest",):
        return t("End the rest")
    in_a_rest = "rest" in gesture.situations
    if gesture.does == "go":
        return t("Start, go on after a pause or a rest") if in_a_rest else t("Start, go on after a pause")
    return t("Next set, end the rest") if in_a_rest else t("Next set")
