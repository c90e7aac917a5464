"""Where the camera stands relative to the body, and what that does to angles. Needs nothing."""

from __future__ import annotations

import math
from typing import Final, Literal

View = Literal["front", "side", "oblique", "back"]
VIEWS: Final[tuple[View, ...]] = ("front", "side", "oblique", "back")
Vec = tuple[float, float, float]

# Yaw of the shoulder axis out of the picture, degrees: below the first only 3D, above the second only 2D.
DEPTH_YAW: Final = (35.0, 60.0)
# Share of a segment's length that must be seen in the picture for its direction there to be used.
FORESHORTENED: Final = (0.3, 0.5)

# Typical shoulder width over trunk length (shoulder to hip), between the joint centres. Drillis and
# Contini 1966: 0.259 of the height over 0.288; the centres that networks find lie a little closer.
SHOULDERS_OVER_TRUNK: Final = 0.70


def sub(a: Vec, b: Vec) -> Vec:
    return (a[0] - b[0], a[1] - b[1], a[2] - b[2])


def mid(a: Vec, b: Vec) -> Vec:
    return ((a[0] + b[0]) / 2, (a[1] + b[1]) / 2, (a[2] + b[2]) / 2)


def length(a: Vec) -> float:
    return math.sqrt(a[0] * a[0] + a[1] * a[1] + a[2] * a[2])


def cross(a: Vec, b: Vec) -> Vec:
    return (a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0])


def angle(a: Vec, b: Vec) -> float:
    """Angle between two vectors, degrees 0..180. Uses atan2, which stays exact near 0 and 180."""
    dot = a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
    return math.degrees(math.atan2(length(cross(a, b)), dot))


def ramp(value: float, low: float, high: float) -> float:
    return min(1.0, max(0.0, (value - low) / (high - low)))


def flat(a: Vec) -> Vec:
    return (a[0], a[1], 0.0)


def blended_angle(a: Vec, b: Vec, flatness: float) -> float:
    """Angle between two segments, degrees: in the picture by `flatness` (0..1), the rest in 3D.

    The picture's share shrinks to nothing where either segment is foreshortened, see FORESHORTENED.
    """
    seen = 1.0
    for segment in (a, b):
        full = length(segment)
        if full <= 0.0:
            return 0.0
        seen = min(seen, ramp(math.hypot(segment[0], segment[1]) / full, *FORESHORTENED))
    share = flatness * seen
    if share >= 1.0:
        return angle(flat(a), flat(b))
    solid = angle(a, b)
    return solid if share <= 0.0 else share * angle(flat(a), flat(b)) + (1 - share) * solid


class ViewEstimator:
    """Where the camera stands, from shoulders, hips and trunk, smoothed over about half a second.

    Two cues for the yaw of the shoulder and hip axes: their depth (3D), and how narrow they are in the
    picture against the trunk (which needs no depth but shrinks with a trunk that points at the camera,
    so it counts less then). Classes change only when the yaw leaves a band of hysteresis.
    """

    TIME_CONSTANT: Final = 0.4
    # Enter at the first, leave at the second: side above them, front and back below them.
    SIDE: Final = (60.0, 52.0)
    FLAT: Final = (28.0, 36.0)

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self._time: float | None = None
        self._yaw = 0.0
        self._facing = 0.0
        self._near_left = 0.0
        self._view: View | None = None

    @property
    def yaw(self) -> float:
        return self._yaw

    @property
    def near_side(self) -> Literal["left", "right"]:
        """The side of the body that is nearer to the camera."""
        return "left" if self._near_left >= 0.0 else "right"

    def step(self, time: float, shoulders: Vec, hips: Vec, up: Vec) -> View:
        """shoulders, hips: left minus right. up: shoulders' middle minus hips' middle. Camera axes."""
        trunk = length(up)
        width = length(shoulders)
        if trunk <= 0.0 or width <= 0.0:
            return self._view or "front"
        axis = (shoulders[0] + hips[0], shoulders[1] + hips[1], shoulders[2] + hips[2])
        solid = math.degrees(math.atan2(abs(axis[2]), math.hypot(axis[0], axis[1])))
        upright = math.hypot(up[0], up[1]) / trunk  # 1: trunk in the picture, 0: trunk points at the camera
        ratio = math.hypot(shoulders[0], shoulders[1]) / (SHOULDERS_OVER_TRUNK * trunk)
        picture = math.degrees(math.acos(min(1.0, ratio)))
        weight = 0.5 * ramp(upright, 0.4, 0.8)
        yaw = (1 - weight) * solid + weight * picture
        chest = cross(shoulders, up)
        size = max(length(chest), 1e-9)
        # A lying trunk points its chest up or down; then the end that is nearer to the camera tells.
        facing = -chest[2] / size - (up[2] / trunk) * (chest[1] / size)
        near_left = -axis[2] / max(length(axis), 1e-9)
        if self._time is None or time - self._time > 2.0 or time < self._time:
            self._yaw, self._facing, self._near_left, self._view = yaw, facing, near_left, None
        else:
            k = 1.0 - math.exp(-(time - self._time) / self.TIME_CONSTANT)
            self._yaw += k * (yaw - self._yaw)
            self._facing += k * (facing - self._facing)
            self._near_left += k * (near_left - self._near_left)
        self._time = time
        self._view = self._classify()
        return self._view

    def _classify(self) -> View:
        side = self.SIDE[1] if self._view == "side" else self.SIDE[0]
        flat = self.FLAT[1] if self._view in ("front", "back") else self.FLAT[0]
        if self._yaw >= side:
            return "side"
        if self._yaw > flat:
            return "oblique"
        if self._view in ("front", "back") and abs(self._facing) < 0.2:
            return self._view
        return "front" if self._facing >= 0.0 else "back"
