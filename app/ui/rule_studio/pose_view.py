"""The pose at the playhead, over the clip's picture when there is one."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QImage, QPainter, QPainterPath, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.capture import Image
from app.rules import ActiveRule
from app.skeleton import Pose
from app.studio_footage import Footage, Loading
from app.studio_session import Analysis
from app.ui import theme
from app.ui.records import Highlight
from app.ui.rule_studio.labels import value_text
from app.ui.skeleton_painter import paint_skeleton
from app.ui.words import VIEW_NAMES, phase_name, t

RADIUS: Final = 14.0


class PoseView(QWidget):
    """Paints one frame, letterboxed: picture, pose, and chips in its corners."""

    def __init__(self) -> None:
        super().__init__()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(200, 120)
        self.unit = 1.0
        self.size_of_frame = (16, 9)
        self.pose: Pose | None = None
        self.highlight: Highlight | None = None
        self.left_chip = self.right_chip = ""
        self.share: float | None = None  # of a video that is being estimated
        self._loading: Loading | None = None  # the newest of it
        self._image: QImage | None = None
        self.retranslate()

    def sizeHint(self) -> QSize:
        return QSize(round(560 * self.unit), round(315 * self.unit))

    def retranslate(self) -> None:
        self.setAccessibleName(t("Pose at the playhead"))
        if self.share is not None and self._loading is not None:
            self.show_loading(self._loading)
        self.update()

    def clear(self) -> None:
        """Nothing to show."""
        self.pose, self.highlight, self._image = None, None, None
        self.share, self._loading = None, None
        self.left_chip = self.right_chip = ""
        self.update()

    def show_moment(
        self,
        image: Image | None,
        pose: Pose | None,
        size: tuple[int, int],
        highlight: Highlight | None = None,
    ) -> None:
        """size: width and height of the frame that the pose's pixels are of; image may be a smaller one."""
        self.pose, self.highlight, self.size_of_frame = pose, highlight, size
        self._image = None if image is None else _to_image(image)
        self.update()

    def show_loading(self, loading: Loading) -> None:
        """A video that is being estimated: how far it is, and what was seen last."""
        self.share, self._loading = loading.share, loading
        if loading.frame is None:
            self.left_chip = t("Preparing the network…")
            self.update()
            return
        self.left_chip = t("Estimating the poses: {percent} %", percent=round(100 * loading.share))
        height, width = loading.frame.image.shape[:2]
        self.show_moment(loading.frame.image, loading.pose, (width, height))

    def show_footage(self, footage: Footage, analysis: Analysis, index: int, rule: str) -> bool:
        """One frame: count, phase and view in the corners, what fires in colour, the selected rule's value.

        False when the clip's picture is not there yet.
        """
        recording, track = footage.track.recording, footage.track
        phase, measurement = analysis.counted.phases[index], track.measurements[index]
        self.left_chip = "  ·  ".join(filter(None, [str(analysis.counted.counts[index]), phase_name(phase)]))
        self.right_chip = t(VIEW_NAMES[measurement.view]) if measurement is not None else ""
        picture = footage.pictures.at(index) if footage.pictures is not None else None
        pose, size = recording.frames[index].pose, (recording.width, recording.height)
        self.show_moment(picture, pose, size, _highlight(analysis.active[index], rule))
        return picture is not None or footage.pictures is None

    def _target(self) -> QRectF:
        width, height = self.size_of_frame
        factor = min(self.width() / width, self.height() / height)
        w, h = width * factor, height * factor
        return QRectF((self.width() - w) / 2, (self.height() - h) / 2, w, h)

    def paintEvent(self, event: QPaintEvent) -> None:
        with QPainter(self) as painter:  # ended even when the painting fails
            self._paint(painter)

    def _paint(self, painter: QPainter) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        frame = QPainterPath()
        frame.addRoundedRect(QRectF(self.rect()), RADIUS * self.unit, RADIUS * self.unit)
        painter.setClipPath(frame)
        painter.fillRect(self.rect(), theme.colour("picture_shade"))
        target = self._target()
        if self._image is not None:
            painter.drawImage(target, self._image)
        elif self.pose is not None:
            self._floor(painter, target)
        if self.pose is not None:
            width, height = self.size_of_frame

            def place(x: float, y: float) -> QPointF:
                return QPointF(
                    target.x() + x / width * target.width(), target.y() + y / height * target.height()
                )

            paint_skeleton(painter, self.pose, place, highlight=self.highlight, unit=0.8 * self.unit)
        elif self._image is not None:
            self._chip(painter, t("Nobody in the picture"), "picture_muted", left=False, top=False)
        if self.left_chip:
            self._chip(painter, self.left_chip, "picture_text", left=True)
        if self.right_chip:
            self._chip(painter, self.right_chip, "picture_text", left=False)
        if self.share is not None:
            self._progress(painter)

    def _floor(self, painter: QPainter, target: QRectF) -> None:
        """The frame's edge, where a recording has no picture."""
        painter.setPen(QPen(theme.colour("picture_muted", 0.25), 1, Qt.PenStyle.DashLine))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(target.adjusted(1, 1, -1, -1))

    def _chip(self, painter: QPainter, text: str, ink: str, *, left: bool, top: bool = True) -> None:
        unit = self.unit
        painter.setFont(theme.font(13 * unit, "SemiBold"))
        metrics = painter.fontMetrics()
        w, h = metrics.horizontalAdvance(text) + 20 * unit, metrics.height() + 8 * unit
        margin = 10 * unit
        edges = self._target().adjusted(margin, margin, -margin, -margin)
        box = QRectF(
            edges.left() if left else edges.right() - w, edges.top() if top else edges.bottom() - h, w, h
        )
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.colour("picture_shade", 0.78))
        painter.drawRoundedRect(box, h / 2, h / 2)
        painter.setPen(theme.colour(ink))
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)

    def _progress(self, painter: QPainter) -> None:
        """A bar along the bottom."""
        assert self.share is not None
        unit = self.unit
        bar = QRectF(0, self.height() - 6 * unit, self.width(), 6 * unit)
        painter.fillRect(bar, theme.colour("picture_shade", 0.8))
        bar.setWidth(self.share * self.width())
        painter.fillRect(bar, theme.colour("picture_accent"))


def _to_image(image: Image) -> QImage:
    """A QImage that owns its pixels."""
    pixels = np.ascontiguousarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB))
    height, width = pixels.shape[:2]
    return QImage(pixels.data, width, height, 3 * width, QImage.Format.Format_RGB888).copy()


def _highlight(active: tuple[ActiveRule, ...], selected: str) -> Highlight | None:
    """The joints of what fires; beside one the value of the selected rule, else of the gravest."""
    if not active:
        return None
    first = next((rule for rule in active if rule.rule == selected), active[0])
    joints = frozenset(joint for rule in active for joint in rule.joints)
    tag_joint = first.joints[-1] if first.joints else None
    return Highlight(
        joints=joints,
        severity=first.severity,
        tag_joint=tag_joint,
        tag=value_text(first.parameter, first.value),
    )
