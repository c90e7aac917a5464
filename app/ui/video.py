"""The picture with the skeleton over it."""

from __future__ import annotations

import math
from typing import Final

import cv2
import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QImage, QPainter, QPainterPath, QPaintEvent, QPen, QPixmap, QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.capture import Frame
from app.skeleton import Pose
from app.ui import theme
from app.ui.records import Highlight
from app.ui.skeleton_painter import paint_skeleton
from app.ui.words import t

RADIUS: Final = 16.0
BACKDROP_EVERY: Final = 12  # frames; the blurred surround may lag, nobody looks at it


class VideoView(QWidget):
    """Paints the newest picture, letterboxed, in physical pixels; mirrored on request.

    The picture is scaled once when it comes (OpenCV's scaler is several times as fast as Qt's), so
    that a repaint is a copy.
    """

    def __init__(self) -> None:
        super().__init__()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(160, 120)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.mirror = False
        self.unit = 1.0
        self.dimmed = False
        self.busy_text = ""  # a chip with a spinner, top left
        self.corner_text = ""  # a chip, top right
        self.notes: tuple[str, ...] = ()  # chips, bottom left
        self.turn = 0.0  # of the spinner, seconds
        self._frame: Frame | None = None
        self._image: QImage | None = None
        self._target = QRectF()
        self._backdrop: QPixmap | None = None
        self._backdrop_age = BACKDROP_EVERY
        self._pose: Pose | None = None
        self._highlight: Highlight | None = None
        self.painted_frames = 0
        self.retranslate()

    def retranslate(self) -> None:
        """Sets all texts."""
        self.setAccessibleName(t("Picture with the skeleton"))
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(880, 500)

    @property
    def frame(self) -> Frame | None:
        """The picture shown now."""
        return self._frame

    @property
    def pose(self) -> Pose | None:
        """The pose drawn now."""
        return self._pose

    def clear(self) -> None:
        """No picture: the empty state."""
        self._frame = self._image = self._backdrop = None
        self._pose = self._highlight = None
        self.update()

    def show_frame(self, frame: Frame, pose: Pose | None, highlight: Highlight | None = None) -> None:
        """Takes a picture and what to draw over it; a repaint follows."""
        if frame is not self._frame:
            self._frame = frame
            self._prepare()
        self._pose, self._highlight = pose, highlight
        self.update()

    def set_mirror(self, mirror: bool) -> None:
        """Swaps the picture and nothing else: left stays the athlete's left everywhere."""
        self.mirror = mirror
        self._backdrop_age = BACKDROP_EVERY
        self._prepare()
        self.update()

    def resizeEvent(self, event: QResizeEvent) -> None:
        self._backdrop_age = BACKDROP_EVERY
        self._prepare()
        super().resizeEvent(event)

    def _prepare(self) -> None:
        """Scales the picture to the widget's physical pixels."""
        if self._frame is None or self.width() < 2 or self.height() < 2:
            return
        ratio = self.devicePixelRatioF()
        image = self._frame.image
        height, width = image.shape[:2]
        factor = min(self.width() * ratio / width, self.height() * ratio / height)
        size = max(1, round(width * factor)), max(1, round(height * factor))
        method = cv2.INTER_AREA if factor < 0.6 else cv2.INTER_LINEAR
        scaled = cv2.resize(image, size, interpolation=method) if factor != 1.0 else image
        if self.mirror:
            scaled = cv2.flip(scaled, 1)
        scaled = cv2.cvtColor(scaled, cv2.COLOR_BGR2BGRA)  # what the screen wants: painting is a copy
        self._image = _to_image(scaled, QImage.Format.Format_RGB32)
        self._image.setDevicePixelRatio(ratio)
        w, h = size[0] / ratio, size[1] / ratio
        self._target = QRectF((self.width() - w) / 2, (self.height() - h) / 2, w, h)
        self._backdrop_age += 1
        if self._backdrop_age >= BACKDROP_EVERY:
            self._backdrop_age = 0
            self._make_backdrop(image)

    def _make_backdrop(self, image: np.ndarray) -> None:
        """A dark blur of the picture for the bars beside it."""
        small = cv2.GaussianBlur(cv2.resize(image, (32, 18), interpolation=cv2.INTER_AREA), (0, 0), 3)
        small = (small * 0.32).astype(np.uint8)
        if self.mirror:
            small = cv2.flip(small, 1)
        large = cv2.resize(
            small, (max(2, self.width()), max(2, self.height())), interpolation=cv2.INTER_CUBIC
        )
        self._backdrop = QPixmap.fromImage(
            _to_image(cv2.cvtColor(large, cv2.COLOR_BGR2BGRA), QImage.Format.Format_RGB32)
        )

    def place(self, x: float, y: float) -> QPointF:
        """Frame pixels -> widget coordinates."""
        if self._frame is None:
            return QPointF(x, y)
        height, width = self._frame.image.shape[:2]
        share = 1.0 - x / width if self.mirror else x / width
        return QPointF(
            self._target.x() + share * self._target.width(),
            self._target.y() + y / height * self._target.height(),
        )

    def paintEvent(self, event: QPaintEvent) -> None:
        with QPainter(self) as painter:  # ended even when the painting fails: Qt would crash otherwise
            self._paint(painter)

    def _paint(self, painter: QPainter) -> None:
        if self._image is None or self._frame is None:
            painter.fillRect(self.rect(), theme.colour("surface"))
        else:
            if self._backdrop is not None:
                painter.drawPixmap(0, 0, self._backdrop)
            painter.drawImage(self._target.topLeft(), self._image)
            if self._pose is not None and not self.dimmed:
                painter.setClipRect(self._target)
                paint_skeleton(painter, self._pose, self.place, highlight=self._highlight, unit=self.unit)
                painter.setClipping(False)
            self.painted_frames += 1
        if self.dimmed:
            painter.fillRect(self.rect(), theme.colour("background", 0.62))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self.busy_text:
            self._paint_chip(painter, self.busy_text, spinner=True)
        if self.corner_text and self._image is not None:
            self._paint_chip(painter, self.corner_text, left=False)
        for row, note in enumerate(reversed(self.notes)):
            self._paint_chip(painter, note, from_below=row)
        self._round_corners(painter)

    def _paint_chip(
        self,
        painter: QPainter,
        text: str,
        *,
        left: bool = True,
        spinner: bool = False,
        from_below: int | None = None,
    ) -> None:
        unit = self.unit
        painter.setFont(theme.font((20 if spinner else 16) * unit, "SemiBold"))
        metrics = painter.fontMetrics()
        h = metrics.height() + 14 * unit
        room = h * 0.95 if spinner else 14 * unit
        w = metrics.horizontalAdvance(text) + room + 14 * unit
        margin = 14 * unit
        top = margin if from_below is None else self.height() - (margin + h) - from_below * (h + 8 * unit)
        box = QRectF(margin if left else self.width() - w - margin, top, w, h)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.colour("picture_shade", 0.78))
        painter.drawRoundedRect(box, h / 2, h / 2)
        if spinner:
            ring = QRectF(box.x() + h * 0.26, box.y() + h * 0.26, h * 0.48, h * 0.48)
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(theme.colour("picture_muted", 0.35), 3 * unit))
            painter.drawEllipse(ring)
            painter.setPen(
                QPen(theme.colour("picture_accent"), 3 * unit, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap)
            )
            painter.drawArc(ring, round(-math.fmod(self.turn, 1.0) * 5760), 100 * 16)
        painter.setPen(theme.colour("picture_text"))
        painter.drawText(
            box.adjusted(room, 0, -8 * unit, 0),
            Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft,
            text,
        )

    def _round_corners(self, painter: QPainter) -> None:
        """Paints the page's colour over the corners: far cheaper than clipping the picture."""
        radius = RADIUS * self.unit
        whole, inner = QPainterPath(), QPainterPath()
        whole.addRect(QRectF(self.rect()))
        inner.addRoundedRect(QRectF(self.rect()), radius, radius)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.colour("background"))
        painter.drawPath(whole.subtracted(inner))


def _to_image(pixels: np.ndarray, form: QImage.Format) -> QImage:
    """A QImage that owns its pixels (H x W x 4)."""
    pixels = np.ascontiguousarray(pixels)
    height, width = pixels.shape[:2]
    return QImage(pixels.data, width, height, pixels.strides[0], form).copy()
