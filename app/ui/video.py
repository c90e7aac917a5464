"""The picture with the skeleton over it."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Final

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QFontMetrics,
    QImage,
    QPainter,
    QPainterPath,
    QPaintEvent,
    QPen,
    QPixmap,
    QRegion,
    QResizeEvent,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.capture import Frame, Image
from app.skeleton import Pose
from app.ui import theme
from app.ui.fitting import Fit, FittedFrame, Fitter
from app.ui.records import Highlight
from app.ui.skeleton_painter import paint_skeleton
from app.ui.words import t

RADIUS: Final = 16.0
SPIN_EVERY: Final = 0.04  # seconds
MOST_LINES: Final = 3  # of a note


class VideoView(QWidget):
    """Paints the newest picture, letterboxed, in physical pixels; mirrored on request.

    `fit` is what it wants pictures to be like, and `fit_changed` tells when that is something else: frames
    that come fitted so (see app/ui/fitting.py) cost a repaint no more than a copy. Others are fitted here.
    """

    fit_changed = Signal(object)  # Fit

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
        self.corner_free = True  # else something else stands there
        self.notes: tuple[str, ...] = ()  # chips, bottom left
        self.fit: Fit | None = None  # None: there is no room for a picture yet
        self._ratio = self.devicePixelRatioF()
        self._turn = 0.0  # of the spinner, seconds
        self._busy_box = QRectF()
        self._frame: Frame | None = None
        self._fitted: FittedFrame | None = None  # the same, in this view's size
        self._fitter = Fitter()
        self._target = QRectF()
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
        self._frame = self._fitted = self._pose = self._highlight = None
        self.update()

    def show_frame(self, frame: Frame, pose: Pose | None, highlight: Highlight | None = None) -> None:
        """Takes a picture and what to draw over it; a repaint follows."""
        if frame is not self._frame:
            self._frame = frame
            self._fit_picture()
        self._pose, self._highlight = pose, highlight
        self.update()

    def set_mirror(self, mirror: bool) -> None:
        """Swaps the picture and nothing else: left stays the athlete's left everywhere."""
        self.mirror = mirror
        self._refit()
        self.update()

    def spin(self, now: float) -> None:
        """Turns what shows that something is being waited for. now: seconds."""
        if now - self._turn >= SPIN_EVERY:
            self._turn = now
            self.update(self._busy_box.toAlignedRect())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._refit()

    def _refit(self) -> None:
        """Size or direction are others."""
        width, height = round(self.width() * self._ratio), round(self.height() * self._ratio)
        fit = Fit(width=width, height=height, mirror=self.mirror) if min(width, height) > 1 else None
        if fit != self.fit:
            self.fit = fit
            self.fit_changed.emit(fit)
        self._fit_picture()

    def _fit_picture(self) -> None:
        frame = self._frame
        if self._ratio != self.devicePixelRatioF():  # the window is on another screen now
            self._ratio = self.devicePixelRatioF()
            self._refit()
        elif frame is not None and self.fit is not None:
            if not isinstance(frame, FittedFrame) or frame.fit != self.fit:
                frame = self._fitter.fitted(frame, self.fit)
            self._fitted = frame
            height, width = (side / self._ratio for side in frame.picture.shape[:2])
            self._target = QRectF((self.width() - width) / 2, (self.height() - height) / 2, width, height)

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
        if self._fitted is None:
            painter.fillRect(self.rect(), theme.colour("surface"))
        else:
            self._paint_picture(painter, self._fitted)
            if self._pose is not None and not self.dimmed:
                painter.setClipRect(self._target)
                paint_skeleton(painter, self._pose, self.place, highlight=self._highlight, unit=self.unit)
                painter.setClipping(False)
            self.painted_frames += 1
        if self.dimmed:
            painter.fillRect(self.rect(), theme.colour("background", 0.62))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self.busy_text:
            self._paint_busy(painter)
        unit = self.unit
        margin = 14 * unit
        if self.corner_text and self.corner_free and self._fitted is not None:
            chip = self._chip(self.corner_text)
            painter.drawPixmap(QPointF(round(self.width() - margin - _wide(chip)), round(margin)), chip)
        self.paint_notes(painter)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.colour("background"))
        painter.drawPath(_corners(self.width(), self.height(), RADIUS * unit))

    def paint_notes(self, painter: QPainter) -> None:
        """The chips at the bottom left; what lies over the picture paints them again over itself."""
        margin = 14 * self.unit
        bottom = self.height() - margin
        for note in reversed(self.notes):
            chip = self._chip(note)
            painter.drawPixmap(QPointF(round(margin), round(bottom - _tall(chip))), chip)
            bottom -= _tall(chip) + 8 * self.unit

    def _paint_picture(self, painter: QPainter, fitted: FittedFrame) -> None:
        if fitted.surround is not None:
            beside = QRegion(self.rect()).subtracted(QRegion(self._target.toRect()))
            painter.setClipRegion(beside)
            painter.drawImage(0, 0, _as_image(fitted.surround, self._ratio))
            painter.setClipping(False)
        painter.drawImage(self._target.topLeft(), _as_image(fitted.picture, self._ratio))

    def _chip(self, text: str, *, busy: bool = False) -> QPixmap:
        return _chip(text, self.unit, self._ratio, theme.look(), busy, self.width() - 28 * self.unit)

    def _paint_busy(self, painter: QPainter) -> None:
        """The chip at the top left, with a ring that turns."""
        unit = self.unit
        chip = self._chip(self.busy_text, busy=True)
        h = _tall(chip)
        box = self._busy_box = QRectF(round(14 * unit), round(14 * unit), _wide(chip), h)
        painter.drawPixmap(box.topLeft(), chip)
        ring = QRectF(box.x() + h * 0.26, box.y() + h * 0.26, h * 0.48, h * 0.48)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(theme.colour("picture_muted", 0.35), 3 * unit))
        painter.drawEllipse(ring)
        painter.setPen(
            QPen(theme.colour("picture_accent"), 3 * unit, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap)
        )
        painter.drawArc(ring, round(-math.fmod(self._turn, 1.0) * 5760), 100 * 16)


def _as_image(pixels: Image, ratio: float) -> QImage:
    """A QImage of H x W x 4 pixels, which must outlive it."""
    height, width = pixels.shape[:2]
    made = QImage(pixels.data, width, height, pixels.strides[0], QImage.Format.Format_RGB32)
    made.setDevicePixelRatio(ratio)
    return made


@lru_cache(maxsize=32)
def _chip(text: str, unit: float, ratio: float, look: theme.Look, busy: bool, most: float) -> QPixmap:
    """Text on a dark pill, at most so wide: what is longer is a little smaller, and then goes on below; busy:
    with room for the ring. Its words stay the same for seconds."""
    size = 20 * unit
    font = theme.font(size, "SemiBold")
    metrics = QFontMetrics(font)
    h = metrics.height() + 14 * unit
    room = h * 0.95 if busy else 14 * unit
    flags = int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft | Qt.TextFlag.TextWordWrap)
    words = QRectF(0, 0, max(1.0, most - room - 14 * unit), MOST_LINES * metrics.height())
    if metrics.horizontalAdvance(text) > words.width():
        size *= 0.8
        font = theme.font(size, "SemiBold")
        metrics = QFontMetrics(font)
    if metrics.horizontalAdvance(text) > words.width():
        font = theme.fitted_font(text, words, size, 0.6 * size, "SemiBold", flags)
        metrics = QFontMetrics(font)
        words.setSize(metrics.boundingRect(words.toRect(), flags, text).size().toSizeF())
        h = words.height() + 14 * unit
    else:
        words.setWidth(metrics.horizontalAdvance(text) + 1)
    w = words.width() + room + 14 * unit
    made = QPixmap(math.ceil(w * ratio), math.ceil(h * ratio))
    made.setDevicePixelRatio(ratio)
    made.fill(Qt.GlobalColor.transparent)
    with QPainter(made) as painter:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.colour("picture_shade", 0.78))
        round_by = min(h / 2, 20 * unit)
        painter.drawRoundedRect(QRectF(0, 0, w, h), round_by, round_by)
        painter.setFont(font)
        painter.setPen(theme.colour("picture_text"))
        painter.drawText(QRectF(room, 0, words.width(), h), flags, text)
    return made


def _wide(chip: QPixmap) -> float:
    return chip.width() / chip.devicePixelRatio()


def _tall(chip: QPixmap) -> float:
    return chip.height() / chip.devicePixelRatio()


@lru_cache(maxsize=4)
def _corners(width: int, height: int, radius: float) -> QPainterPath:
    """What is painted over in the page's colour: far cheaper than clipping the picture."""
    whole, inner = QPainterPath(), QPainterPath()
    rect = QRectF(0, 0, width, height)
    whole.addRect(rect)
    inner.addRoundedRect(rect, radius, radius)
    return whole.subtracted(inner)
