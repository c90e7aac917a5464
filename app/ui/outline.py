"""Over the picture before the set: where to stand, what to do, and the countdown."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

import cv2
import numpy as np
from PySide6.QtCore import QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import (
    QColor,
    QPainter,
    QPainterPath,
    QPaintEvent,
    QPen,
    QPolygonF,
)
from PySide6.QtWidgets import QWidget

from app.framing import HOLD_STILL, Advice
from app.skeleton import Joint
from app.ui import theme
from app.ui.skeleton_painter import Place
from app.ui.words import t

# The bones of the silhouette and how thick they are, metres.
_LIMBS: Final = (
    ("shoulder", "elbow", 0.11), ("elbow", "wrist", 0.09), ("hip", "knee", 0.17), ("knee", "ankle", 0.12),
    ("heel", "toe", 0.08), ("shoulder", "hip", 0.19),
)  # fmt: skip
_BODY: Final = (
    *(
        (Joint[f"{side}_{a}"], Joint[f"{side}_{b}"], thick)
        for side in ("left", "right")
        for a, b, thick in _LIMBS
    ),
    (Joint.left_shoulder, Joint.right_shoulder, 0.16),
    (Joint.left_hip, Joint.right_hip, 0.19),
)
_HEAD: Final = 0.125  # metres
_BACK: Final = 0.52  # how dark the picture is beside the silhouette


class OutlineOverlay(QWidget):
    """Lies over the video view: make it its child, resize it with it, and set `place`.

    place: frame pixels -> widget coordinates, that of the video view (it knows of mirroring).
    show_advice(advice) before the set; show_count(seconds) during the countdown; show_advice(None) hides it.
    notes: paints what must stay legible over all this.
    light: a text of framing.check_light, shown below the advice. mirror turns its arrows.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setAttribute(Qt.WidgetAttribute.WA_NoSystemBackground)
        self.unit = 1.0
        self.mirror = False
        self.place: Place | None = None
        self.notes: Callable[[QPainter], None] | None = None
        self.pulse = 0.0  # seconds, for the arrow's movement; the shell's tick sets it
        self._advice: Advice | None = None
        self._light = ""
        self._count: int | None = None

    def retranslate(self) -> None:
        """Sets all texts."""
        self.setAccessibleName(t(self._advice.text) if self._advice is not None else "")
        self.update()

    def show_advice(self, advice: Advice | None, light: str | None = None) -> None:
        """advice: None when there is nothing to advise. light: English, or None."""
        self._advice, self._light, self._count = advice, light or "", None
        self.retranslate()

    def show_count(self, seconds: int) -> None:
        """The countdown's number, large."""
        self._count = seconds
        self.setAccessibleName(str(seconds))
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        with QPainter(self) as painter:  # ended even when the painting fails: Qt would crash otherwise
            self._paint(painter)

    def _paint(self, painter: QPainter) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self._count is not None:
            self._paint_count(painter, self._count)
        elif self._advice is not None:
            ink = theme.colour("picture_accent" if self._advice.ok else "picture_warning")
            if self.place is not None:
                self._paint_outline(painter, self._advice, ink)
            self._paint_arrow(painter, self._advice, ink)
            self._paint_words(painter, self._advice, ink)
        if self.notes is not None and (self._count is not None or self._advice is not None):
            self.notes(painter)

    # ---- where to stand

    def _paint_outline(self, painter: QPainter, advice: Advice, ink: QColor) -> None:
        assert self.place is not None
        place, unit, outline = self.place, self.unit, advice.outline
        corners = [
            place(outline.left, outline.top),
            place(outline.left + outline.width, outline.top + outline.height),
        ]
        box = QRectF(corners[0], corners[1]).normalized()
        # Whoever is to hold still has the position already: an outline beside them would look unmatched.
        if outline.figure is not None and advice.text != HOLD_STILL:
            scale = box.height() / max(1.0, outline.height) * outline.scale  # widget pixels a metre
            points = [place(float(x), float(y)) for x, y in outline.figure]
            shape = _silhouette(points, scale)
            beside = QPainterPath()
            beside.addRect(QRectF(self.rect()))
            painter.fillPath(beside.subtracted(shape), theme.colour("picture_shade", 0.38))
            painter.strokePath(shape, QPen(theme.colour("picture_shade", 0.6), 6 * unit))
            painter.strokePath(shape, QPen(ink, 3.5 * unit, Qt.PenStyle.DashLine, c=Qt.PenCapStyle.RoundCap))
        self._paint_corners(painter, box, ink)

    def _paint_corners(self, painter: QPainter, box: QRectF, ink: QColor) -> None:
        """The four corners of the box: the room that the movement takes."""
        arm = min(box.width(), box.height()) * 0.16
        painter.setPen(QPen(ink, 6 * self.unit, c=Qt.PenCapStyle.RoundCap))
        for x, across in ((box.left(), 1), (box.right(), -1)):
            for y, down in ((box.top(), 1), (box.bottom(), -1)):
                painter.drawLines([QLineF(x, y, x + across * arm, y), QLineF(x, y, x, y + down * arm)])

    # ---- what to do

    def _paint_arrow(self, painter: QPainter, advice: Advice, ink: QColor) -> None:
        arrow = advice.arrow
        if not arrow:
            return
        if self.mirror and arrow in ("left", "right"):
            arrow = "right" if arrow == "left" else "left"
        unit = self.unit
        size = 62 * unit
        low = arrow in ("nearer", "further")
        centre = QPointF(self.width() / 2, self.height() * (0.76 if low else 0.46))
        shift = 0.16 * size * math.sin(2 * math.pi * 0.9 * self.pulse)
        painter.save()
        painter.translate(centre)
        painter.setPen(QPen(theme.colour("picture_shade", 0.7), 7 * unit))
        painter.setBrush(ink)
        if arrow == "turn":
            self._paint_turn(painter, size, ink)
        elif arrow in ("nearer", "further"):
            # Seen in the picture: away from the camera is up and smaller, towards it down and larger.
            painter.translate(0, (-shift if arrow == "further" else shift))
            self._paint_floor_arrow(painter, size, away=arrow == "further")
        else:
            painter.rotate({"right": 0, "down": 90, "left": 180, "up": 270}[arrow])
            painter.translate(shift + 1.6 * size, 0)
            painter.drawPath(_arrow(size))
        painter.restore()

    @staticmethod
    def _paint_floor_arrow(painter: QPainter, size: float, *, away: bool) -> None:
        """An arrow that lies on the floor: narrow where it is far."""
        far, near = 0.5, 1.4
        tip, tail = (-1.0, 1.0) if away else (1.0, -1.0)

        def at(x: float, along: float) -> QPointF:
            share = (along + 1.0) / 2
            return QPointF(x * size * (far + (near - far) * share), 0.8 * along * size)

        middle = 0.15 * tip
        points = [at(0, tip), at(0.95, middle), at(0.42, middle), at(0.42, tail),
                  at(-0.42, tail), at(-0.42, middle), at(-0.95, middle)]  # fmt: skip
        painter.drawPolygon(QPolygonF(points))

    @staticmethod
    def _paint_turn(painter: QPainter, size: float, ink: QColor) -> None:
        """Round the upright axis: an ellipse with a head."""
        wide, tall = 1.5 * size, 0.5 * size
        ring = QRectF(-wide, -tall, 2 * wide, 2 * tall)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for pen in (QPen(theme.colour("picture_shade", 0.7), 0.36 * size), QPen(ink, 0.24 * size)):
            pen.setCapStyle(Qt.PenCapStyle.FlatCap)
            painter.setPen(pen)
            painter.drawArc(ring, 40 * 16, 285 * 16)
        angle = math.radians(325)
        end = QPointF(wide * math.cos(angle), -tall * math.sin(angle))
        painter.translate(end)
        painter.rotate(-62)
        painter.setPen(QPen(theme.colour("picture_shade", 0.7), 0.06 * size))
        painter.setBrush(ink)
        half = 0.42 * size
        painter.drawPolygon(QPolygonF([QPointF(1.1 * half, 0), QPointF(-half, -half), QPointF(-half, half)]))

    def _paint_words(self, painter: QPainter, advice: Advice, ink: QColor) -> None:
        """The advice on a dark bar at the top, and below it what else there is to say."""
        unit = self.unit
        lines = [(t(advice.text), 46.0, "ExtraBold", theme.colour("picture_text"))]
        if self._light:
            lines.append((t(self._light), 24.0, "SemiBold", theme.colour("picture_warning")))
        if advice.desk:
            text = t("Upper body only")
            if advice.off:
                text = t("Upper body only: {count} reminders are off", count=len(advice.off))
            lines.append((text, 22.0, "SemiBold", theme.colour("picture_muted")))
        room = self.width() - 120 * unit
        flags = int(Qt.AlignmentFlag.AlignCenter)
        fonts = []
        for text, size, weight, _ in lines:
            box = QRectF(0, 0, room, size * 1.6 * unit)
            fonts.append(theme.fitted_font(text, box, size * unit, 15 * unit, weight, flags))
        heights = [1.35 * font.pixelSize() for font in fonts]
        painter.setFont(fonts[0])
        widest = 0.0
        for (text, *_), font in zip(lines, fonts, strict=True):
            painter.setFont(font)
            widest = max(widest, painter.fontMetrics().horizontalAdvance(text))
        card = QRectF(0, 18 * unit, widest + 72 * unit, sum(heights) + 22 * unit)
        card.moveLeft((self.width() - card.width()) / 2)
        painter.setPen(QPen(ink, 3 * unit))
        painter.setBrush(theme.colour("picture_shade", 0.92))
        painter.drawRoundedRect(card, 20 * unit, 20 * unit)
        top = card.top() + 11 * unit
        for (text, _, _, colour), font, height in zip(lines, fonts, heights, strict=True):
            painter.setFont(font)
            painter.setPen(colour)
            painter.drawText(QRectF(card.left(), top, card.width(), height), flags, text)
            top += height

    def _paint_count(self, painter: QPainter, count: int) -> None:
        painter.fillRect(self.rect(), theme.colour("picture_shade", _BACK))
        side = min(self.width(), self.height())
        text = str(count) if count > 0 else t("Go")
        painter.setFont(
            theme.font(0.56 * side, "Figures") if count > 0 else theme.font(0.34 * side, "ExtraBold")
        )
        painter.setPen(theme.colour("picture_text" if count > 0 else "picture_accent"))
        painter.drawText(QRectF(self.rect()), Qt.AlignmentFlag.AlignCenter, text)


def _silhouette(at: list[QPointF], scale: float) -> QPainterPath:
    """The edge of the body whose joints are there; scale: pixels a metre.

    Drawn as thick lines into a small mask whose edge is then followed: uniting paths loses parts of them.
    """
    fine = 2.0  # pixels of the widget for one of the mask
    edge = 0.25 * scale
    left, top = min(p.x() for p in at) - edge, min(p.y() for p in at) - edge
    right, bottom = max(p.x() for p in at) + edge, max(p.y() for p in at) + edge
    mask = np.zeros((math.ceil((bottom - top) / fine) + 1, math.ceil((right - left) / fine) + 1), np.uint8)
    places = [(round((p.x() - left) / fine), round((p.y() - top) / fine)) for p in at]

    def thick(metres: float) -> int:
        return max(1, round(metres * scale / fine))

    for a, b, metres in _BODY:
        cv2.line(mask, places[a], places[b], 255, thick(metres), cv2.LINE_8)
    trunk = [Joint.left_shoulder, Joint.right_shoulder, Joint.right_hip, Joint.left_hip]
    cv2.fillConvexPoly(mask, cv2.convexHull(np.array([places[joint] for joint in trunk], np.int32)), 255)
    nose, crown = np.array(places[Joint.nose]), np.array(places[Joint.head_top])
    head = tuple(int(v) for v in (nose + crown) // 2)
    cv2.circle(mask, head, thick(_HEAD), 255, -1)
    cv2.line(mask, head, places[Joint.neck], 255, thick(0.12))
    smooth = cv2.medianBlur(mask, 5)
    path = QPainterPath()
    for contour in cv2.findContours(smooth, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_TC89_L1)[0]:
        path.addPolygon(
            QPolygonF([QPointF(left + fine * x, top + fine * y) for x, y in contour[:, 0].tolist()])
        )
        path.closeSubpath()
    return path


def _arrow(size: float) -> QPainterPath:
    """To the right, its middle at the origin."""
    path = QPainterPath()
    path.addPolygon(
        QPolygonF([QPointF(x * size, y * size) for x, y in (
            (1.1, 0), (0.1, -0.9), (0.1, -0.38), (-1.0, -0.38), (-1.0, 0.38), (0.1, 0.38), (0.1, 0.9))])
    )  # fmt: skip
    path.closeSubpath()
    return path
