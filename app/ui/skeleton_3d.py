"""The athlete in 3D: the pose in a room of its own, to be looked at from any side."""

from __future__ import annotations

import math
from typing import Final

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QWheelEvent

from app.demonstration import Body, in_room, pixels_per_metre
from app.rules import Severity
from app.skeleton import Joint, Pose
from app.ui.figure_painter import HIDDEN, Look, OrbitCamera, paint_body, paint_shadow
from app.ui.figure_view import FigureView
from app.ui.words import t

TURN_SPEED: Final = 16.0  # degrees a second when it turns by itself
STEP: Final = 12.0  # degrees for a press of an arrow key
HOME: Final = (-24.0, 12.0)  # yaw and pitch at first: a little from the side, a little from above
PITCHES: Final = (-4.0, 80.0)
ZOOMS: Final = (0.6, 2.2)

# Seconds after which what was learnt of the room has moved by two thirds to what is seen now.
_SCALE_SECONDS: Final = 1.5
_FLOOR_SECONDS: Final = 4.0
_MIDDLE_SECONDS: Final = 1.2
_SOLE: Final = 0.04  # metres from the lowest joint to what it stands on
_FORGET_SECONDS: Final = 2.0
_HIPS_HIGH: Final = 0.86  # metres above the ankles when standing
_HIPS: Final = [Joint.left_hip, Joint.right_hip]
_SHOULDERS: Final = [Joint.left_shoulder, Joint.right_shoulder]
_ANKLES: Final = [Joint.left_ankle, Joint.right_ankle]
_LIES_DOWN, _STILL = 0.3, 0.02  # metres that the body's middle is off before the camera follows, and then
_ROOM: Final = 2.15  # metres that fit into the height of the view


class Standing:
    """Puts the poses of a camera on a floor that does not move. Time is the poses'; no Qt, no clock.

    A pose has its origin between the hips, so in a squat the feet would come up. Where the hips are in the
    picture gives the way back, at a scale that changes slowly, because one frame's scale is noisy. The
    floor is the lowest point of the last seconds.
    """

    def __init__(self) -> None:
        self._time: float | None = None
        self._scale = 1.0
        self._floor = 0.0
        self._middle = 0.0

    def step(self, pose: Pose) -> Body | None:
        """The body in the room, its floor at y = 0 and the athlete around x = 0; None without a scale."""
        scale = pixels_per_metre(pose)
        if scale is None:
            return None
        gap = math.inf if self._time is None else pose.time - self._time
        fresh = not 0.0 <= gap <= _FORGET_SECONDS
        self._time = pose.time
        if fresh:
            self._scale = scale
        else:
            self._scale += _share(gap, _SCALE_SECONDS) * (scale - self._scale)
        body = in_room(pose, self._scale)
        lowest = _lowest(body, pose) - _SOLE
        middle = float(body[:, 0].mean())
        if fresh:
            self._floor, self._middle = lowest, middle
        else:
            rising = _share(gap, _FLOOR_SECONDS if lowest > self._floor else 0.15)
            self._floor += rising * (lowest - self._floor)
            self._middle += _share(gap, _MIDDLE_SECONDS) * (middle - self._middle)
        body[:, 0] -= self._middle
        body[:, 1] -= min(self._floor, lowest)
        return body


def _lowest(body: Body, pose: Pose) -> float:
    """Height of the lowest joint; of a standing body whose feet are not seen, where they would be."""
    seen = pose.confidence >= HIDDEN
    lowest = float(body[seen if seen.any() else slice(None), 1].min())
    hips = float(body[_HIPS, 1].mean())
    upright = float(body[_SHOULDERS, 1].mean()) - hips > 0.3
    return min(lowest, hips - _HIPS_HIGH) if upright and not seen[_ANKLES].any() else lowest


def _share(gap: float, seconds: float) -> float:
    return 1.0 - math.exp(-gap / seconds)


class Skeleton3DView(FigureView):
    """set_pose(pose or None, faulty joints): the body on its floor, turned as the user likes.

    Drag or the arrow keys turn it, the wheel or + and - come nearer, Home puts it back, and T (or a double
    click) lets it turn by itself. In the demo mode set `turning`. `mirror` as in the video view, so that
    both show the athlete's arm on the same side.
    """

    def __init__(self) -> None:
        super().__init__()
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.OpenHandCursor)
        self.mirror = False
        self.yaw, self.pitch = HOME
        self.zoom = 1.0
        self._standing = Standing()
        self._body: Body | None = None
        self._look = Look()
        self._height = 0.85  # metres: what the camera looks at
        self._following = False
        self._grabbed: QPointF | None = None
        self.retranslate()

    def sizeHint(self) -> QSize:
        return QSize(360, 360)

    def retranslate(self) -> None:
        """Sets all texts."""
        self.setAccessibleName(t("Skeleton in 3D"))
        self.setToolTip(t("Drag or use the arrow keys to turn it, T lets it turn by itself"))
        self.update()

    # ---- what is shown

    def set_pose(
        self, pose: Pose | None, faulty: frozenset[Joint] = frozenset(), *, severity: Severity = "error"
    ) -> None:
        """The pose from now on; None shows that nobody is there."""
        self._body = None if pose is None else self._standing.step(pose)
        if pose is not None and self._body is not None:
            if self.mirror:
                self._body[:, 0] *= -1.0
            seen = tuple(float(sure) for sure in pose.confidence)
            self._look = Look(faulty=faulty, severity=severity, seen=seen)
            self._look_at(max(0.45, 0.5 * float(self._body[:, 1].max())))
        self.show_soon()

    def _look_at(self, height: float) -> None:
        """The camera follows a body that lies down, slowly, and does not nod with every squat."""
        off = height - self._height
        self._following = abs(off) > (_STILL if self._following else _LIES_DOWN)
        if self._following:
            self._height += 0.04 * off

    @property
    def body(self) -> Body | None:
        """What is painted now, (19, 3) metres in the room."""
        return self._body

    @property
    def turning(self) -> bool:
        """Whether it turns by itself."""
        return self.animated

    @turning.setter
    def turning(self, turning: bool) -> None:
        self.animated = turning

    # ---- turning it

    def turn(self, yaw: float, pitch: float = 0.0) -> None:
        """By so many degrees."""
        self.yaw = (self.yaw + yaw + 180.0) % 360.0 - 180.0
        self.pitch = min(PITCHES[1], max(PITCHES[0], self.pitch + pitch))
        self.update()

    def come_nearer(self, factor: float) -> None:
        self.zoom = min(ZOOMS[1], max(ZOOMS[0], self.zoom * factor))
        self.update()

    def look_from_home(self) -> None:
        """As at first."""
        (self.yaw, self.pitch), self.zoom = HOME, 1.0
        self.turning = False
        self.update()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        acts = {
            Qt.Key.Key_Left: lambda: self.turn(-STEP),
            Qt.Key.Key_Right: lambda: self.turn(STEP),
            Qt.Key.Key_Up: lambda: self.turn(0.0, STEP),
            Qt.Key.Key_Down: lambda: self.turn(0.0, -STEP),
            Qt.Key.Key_Plus: lambda: self.come_nearer(1.15),
            Qt.Key.Key_Equal: lambda: self.come_nearer(1.15),
            Qt.Key.Key_Minus: lambda: self.come_nearer(1 / 1.15),
            Qt.Key.Key_Home: self.look_from_home,
            Qt.Key.Key_T: self._toggle,
        }
        act = acts.get(Qt.Key(event.key()))
        if act is None:
            super().keyPressEvent(event)
        else:
            act()

    def _toggle(self) -> None:
        self.turning = not self.turning

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._grabbed = event.position()
            self.setCursor(Qt.CursorShape.ClosedHandCursor)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._grabbed is not None:
            moved = event.position() - self._grabbed
            self._grabbed = event.position()
            self.turn(-0.4 * moved.x(), 0.3 * moved.y())

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._grabbed = None
        self.setCursor(Qt.CursorShape.OpenHandCursor)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        self._toggle()

    def wheelEvent(self, event: QWheelEvent) -> None:
        self.come_nearer(1.0 + event.angleDelta().y() / 1200.0)

    def move_on(self, seconds: float) -> None:
        if self._grabbed is None:
            self.turn(TURN_SPEED * seconds)

    # ---- painting

    @property
    def camera(self) -> OrbitCamera:
        """From where the room is seen now."""
        rect = QRectF(self.rect())
        distance = 4.6
        focal = distance * self.zoom * min(rect.height() / _ROOM, rect.width() / (0.82 * _ROOM))
        return OrbitCamera(
            target=(0.0, round(self._height, 2), 0.0),
            centre=(rect.center().x(), rect.center().y() + 0.02 * rect.height()),
            focal=focal,
            yaw=self.yaw,
            pitch=self.pitch,
            distance=distance,
        )

    def paint_inside(self, painter: QPainter, rect: QRectF) -> None:
        camera = self.camera
        self.floor.paint(painter, camera, rect, 1.35)
        if self._body is not None:
            paint_shadow(painter, camera, self._body)
            paint_body(painter, camera, self._body, self._look)
        else:
            self.paint_words(painter, rect, t("Nobody in the picture"), 17)
