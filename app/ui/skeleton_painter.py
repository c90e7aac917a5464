"""Draws a pose over the picture: faded by confidence, the limb at fault in its own colour and shape."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen

from app.skeleton import BONES, Joint, Pose
from app.ui import theme
from app.ui.records import Highlight

DRAWN_FROM: Final = 0.3  # a joint less sure than this is not drawn
SURE_FROM: Final = 0.75  # from here on the colour is full
THINNEST, THICKEST = 3.5, 15.0  # pixels
FEET: Final = {Joint.left_heel, Joint.right_heel, Joint.left_toe, Joint.right_toe}

Place = Callable[[float, float], QPointF]


def paint_skeleton(
    painter: QPainter,
    pose: Pose,
    place: Place,
    *,
    highlight: Highlight | None = None,
    unit: float = 1.0,
) -> None:
    """Draws pose; place turns frame pixels into widget coordinates.

    highlight: joints to show as faulty; a bone is when both its ends are. unit: the window's scale.
    """
    points = {
        joint: place(float(pose.xy[joint, 0]), float(pose.xy[joint, 1]))
        for joint in Joint
        if pose.confidence[joint] >= DRAWN_FROM
    }
    if not points:
        return
    width = _line_width(points)
    at_fault = highlight.joints if highlight is not None else frozenset[Joint]()
    ink = f"picture_{theme.SEVERITIES[highlight.severity][0]}" if highlight is not None else "picture_fault"
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    bones = [bone for bone in BONES if bone[0] in points and bone[1] in points]
    faulty = [bone for bone in bones if bone[0] in at_fault and bone[1] in at_fault]
    sound = [bone for bone in bones if bone not in faulty]

    for a, b in bones:  # a dark edge keeps the lines readable on any clothes and any wall
        shade = 0.55 * min(_opacity(pose, a), _opacity(pose, b))
        _line(painter, points[a], points[b], theme.colour("#000000", shade), _bone_width(a, b, width) + 3.5)
    for a, b in sound:
        sure = theme.colour("picture_accent", min(_opacity(pose, a), _opacity(pose, b)))
        _line(painter, points[a], points[b], sure, _bone_width(a, b, width))
    for a, b in faulty:
        _line(painter, points[a], points[b], theme.colour(ink, 0.35), 2.4 * width)
    for a, b in faulty:
        _line(painter, points[a], points[b], theme.colour(ink), 1.25 * width)

    for joint, point in points.items():
        if joint in at_fault:
            _ring(painter, point, 1.15 * width, ink)
        elif joint not in FEET and joint is not Joint.nose:
            painter.setPen(QPen(theme.colour("#000000", 0.5 * _opacity(pose, joint)), 1.2))
            painter.setBrush(theme.colour("picture_text", _opacity(pose, joint)))
            painter.drawEllipse(point, 0.66 * width, 0.66 * width)
    if highlight is not None and highlight.tag and highlight.tag_joint in points:
        tagged, gap = points[highlight.tag_joint], 2.6 * width
        if _lies(points):
            top = min(points[wrong].y() for wrong in at_fault if wrong in points)
            edge = tagged - QPointF(0, 1.3 * width)  # of its ring
            _draw_tag(painter, highlight.tag, edge, ink, unit, above=top - gap)
        else:
            _draw_tag(painter, highlight.tag, tagged, ink, unit, aside=gap)
    painter.restore()


def _line_width(points: dict[Joint, QPointF]) -> float:
    """Thicker on a near body than on a far one."""
    xs = [point.x() for point in points.values()]
    ys = [point.y() for point in points.values()]
    size = float(np.hypot(max(xs) - min(xs), max(ys) - min(ys)))
    return min(THICKEST, max(THINNEST, 0.0195 * size))


def _bone_width(a: Joint, b: Joint, width: float) -> float:
    return 0.6 * width if a in FEET or b in FEET else width


def _opacity(pose: Pose, joint: Joint) -> float:
    share = (float(pose.confidence[joint]) - DRAWN_FROM) / (SURE_FROM - DRAWN_FROM)
    return 0.3 + 0.7 * min(1.0, max(0.0, share))


def _line(painter: QPainter, a: QPointF, b: QPointF, ink: QColor, width: float) -> None:
    painter.setPen(QPen(ink, width, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
    painter.drawLine(a, b)


def _ring(painter: QPainter, point: QPointF, radius: float, ink: str) -> None:
    painter.setPen(QPen(theme.colour(ink), 0.45 * radius))
    painter.setBrush(theme.colour("#FFFFFF"))
    painter.drawEllipse(point, radius, radius)


def _lies(points: dict[Joint, QPointF]) -> bool:
    """Whether the trunk is nearer to level than to upright."""
    for side in ("left", "right"):
        shoulder, hip = points.get(Joint[f"{side}_shoulder"]), points.get(Joint[f"{side}_hip"])
        if shoulder is not None and hip is not None:
            return abs(shoulder.x() - hip.x()) > abs(shoulder.y() - hip.y())
    return False


def _draw_tag(
    painter: QPainter,
    text: str,
    joint: QPointF,
    ink: str,
    unit: float,
    *,
    aside: float = 0.0,
    above: float | None = None,
) -> None:
    """The value in a pill where no limb is under it: beside the joint, on the side where there is room.

    above: over a body that lies, at this height, with a line down to the joint.
    """
    painter.setFont(theme.font(24 * unit, "Figures"))
    metrics = painter.fontMetrics()
    w, h = metrics.horizontalAdvance(text) + 18 * unit, metrics.height() + 6 * unit
    widest = painter.viewport().width() / painter.device().devicePixelRatioF() - 8
    if above is not None:
        box = QRectF(min(max(8.0, joint.x() - w / 2), widest - w), max(8.0, above - h), w, h)
        for shade, thick in (("picture_shade", 6 * unit), (ink, 3 * unit)):
            _line(painter, QPointF(joint.x(), box.bottom()), joint, theme.colour(shade), thick)
    else:
        left = joint.x() + aside
        if left + w > widest:
            left = joint.x() - aside - w
        box = QRectF(left, joint.y() - h / 2, w, h)
    painter.setPen(QPen(theme.colour("picture_shade", 0.7), 2 * unit))
    painter.setBrush(theme.colour(ink))
    painter.drawRoundedRect(box, h / 3, h / 3)
    painter.setPen(theme.colour("picture_shade"))
    painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)
