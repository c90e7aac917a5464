"""A skeleton that stands still: the worst moment of a fault, with the faulty limb and its value."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.rules import format_value
from app.skeleton import Joint, Pose
from app.summary import FaultSummary
from app.ui import theme
from app.ui.records import Highlight
from app.ui.skeleton_painter import DRAWN_FROM, paint_skeleton
from app.ui.words import t


class PoseStill(QWidget):
    """Shows one fault's pose as large as fits, upright as the camera saw it."""

    def __init__(self, fault: FaultSummary | None = None) -> None:
        super().__init__()
        self.unit = 1.0
        self.fault = fault
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.retranslate()

    def retranslate(self) -> None:
        self.setAccessibleName(t("The skeleton at the worst moment"))

    def set_unit(self, unit: float) -> None:
        self.unit = unit
        self.setFixedSize(self.sizeHint())

    def sizeHint(self) -> QSize:
        return QSize(round(136 * self.unit), round(136 * self.unit))

    def show_fault(self, fault: FaultSummary | None) -> None:
        self.fault = fault
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        with QPainter(self) as painter:  # ended even when the painting fails: Qt would crash otherwise
            rect = QRectF(self.rect())
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(theme.edge())
            painter.setBrush(theme.colour("picture_shade"))
            painter.drawRoundedRect(rect.adjusted(0.5, 0.5, -0.5, -0.5), 12 * self.unit, 12 * self.unit)
            paint_still(painter, rect, self.fault, self.unit)


def paint_still(painter: QPainter, rect: QRectF, fault: FaultSummary | None, unit: float) -> None:
    """Draws the pose of a fault into rect, on a ground that is there already."""
    if fault is None or fault.pose is None:
        painter.setFont(theme.font(13 * unit))
        painter.setPen(theme.colour("picture_muted"))
        flags = int(Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap)
        painter.drawText(rect.adjusted(8, 8, -8, -8), flags, t("No picture of this moment"))
        return
    bounds = _bounds(fault.pose)
    room = rect.adjusted(0.13 * rect.width(), 0.1 * rect.height(), -0.13 * rect.width(), -0.1 * rect.height())
    scale = min(room.width() / max(1.0, bounds.width()), room.height() / max(1.0, bounds.height()))

    def place(x: float, y: float) -> QPointF:
        return room.center() + QPointF(x - bounds.center().x(), y - bounds.center().y()) * scale

    joints = [joint for joint in fault.joints if fault.pose.confidence[joint] >= DRAWN_FROM]
    highlight = Highlight(
        joints=frozenset(joints),
        severity=fault.severity,
        tag_joint=joints[len(joints) // 2] if joints else None,
        tag=format_value(fault.parameter, fault.value),
    )
    painter.save()
    painter.setClipRect(rect)
    paint_skeleton(painter, fault.pose, place, highlight=highlight, unit=0.62 * unit)
    painter.restore()


def _bounds(pose: Pose) -> QRectF:
    """Of the joints that are drawn, pixels of the frame."""
    seen = [joint for joint in Joint if pose.confidence[joint] >= DRAWN_FROM]
    xs = [float(pose.xy[joint, 0]) for joint in seen] or [0.0]
    ys = [float(pose.xy[joint, 1]) for joint in seen] or [0.0]
    return QRectF(min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys))
