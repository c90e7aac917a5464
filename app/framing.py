"""Before the set: what the athlete should do so that the camera sees what the exercise needs.

The guide looks at each pose and says one thing at a time, in words: come into the picture, take a step back,
turn your left side to me. When all is right it says so, and watches for the start position. Where the body
should be is given as an outline. No Qt and no clock: time comes with the poses.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from app.demonstration import load_demonstration, pixels_per_metre
from app.errors import FormcueError
from app.parameters import MIN_CONFIDENCE, Measurement
from app.reps import combined_progress
from app.rules import Exercise, Rule
from app.skeleton import MIRROR, Joint, Pose
from app.view import View
from app.vocabulary import PARAMETERS

Picture = NDArray[np.uint8]
Arrow = Literal["", "left", "right", "up", "down", "nearer", "further", "turn"]

# What is said: the English texts, as they stand in the translations.
COME: Final = "Come into the picture"
STEP_BACK: Final = "One step back"
STEPS_BACK: Final = "Two steps back"
COME_CLOSER: Final = "One step closer"
TILT_UP: Final = "Tilt the screen up"
TILT_DOWN: Final = "Tilt the screen down"
TO_THE_MIDDLE: Final = "Step to the middle"
FACE_ME: Final = "Turn to face me"
LEFT_SIDE: Final = "Turn your left side to me"
RIGHT_SIDE: Final = "Turn your right side to me"
HALF_TURNED: Final = "Turn half way to me"
BACK_TO_ME: Final = "Turn your back to me"
TAKE_POSITION: Final = "Get into the start position"
HOLD_STILL: Final = "Hold still"
TEXTS: Final = (
    COME, STEP_BACK, STEPS_BACK, COME_CLOSER, TILT_UP, TILT_DOWN, TO_THE_MIDDLE, FACE_ME, LEFT_SIDE,
    RIGHT_SIDE, HALF_TURNED, BACK_TO_ME, TAKE_POSITION, HOLD_STILL,
)  # fmt: skip
_ARROWS: Final[dict[str, Arrow]] = {
    STEP_BACK: "further", STEPS_BACK: "further", COME_CLOSER: "nearer", TILT_UP: "up", TILT_DOWN: "down",
    FACE_ME: "turn", LEFT_SIDE: "turn", RIGHT_SIDE: "turn", HALF_TURNED: "turn", BACK_TO_ME: "turn",
}  # fmt: skip

# Nothing is said before it has been so for this long, seconds; what was right may be wrong for longer.
SETTLE: Final = 0.4
FORGIVE: Final = 0.9
READY_AFTER: Final = 0.7
BLIND_AFTER: Final = 1.0
# Shares of the picture that the movement may fill, largest and least; and how much more before it is said
# that it is too large when it was not before (and the reverse): no flicker at the border.
LARGEST, LEAST, SLACK = 0.99, 0.36, 0.06
FILLED: Final = 0.74  # of the picture, by the outline: above it there is room for the words
_FLOOR: Final = 0.95  # of its height: where the outline stands
EDGE: Final = 0.012  # of the picture's size: a joint so near to the edge is as good as cut off
_OFF_MIDDLE: Final = 0.10
# Metres that a movement takes when nothing is known of it: an adult with the arms a little out.
_USUAL: Final = (0.9, 1.85)
_UPRIGHT: Final = 45.0  # degrees of the trunk
_LEGS: Final = ("knee", "ankle", "heel", "toe")
_SCALE_SECONDS: Final = 0.5
_SURELY: Final = 0.4  # of 1: from here on it is told which way the athlete faces


@dataclass(frozen=True, kw_only=True, eq=False)
class Outline:
    """Where the body should be: a box in frame pixels, and a figure in it, (19, 2) frame pixels or None.

    scale: pixels a metre there.
    """

    left: float
    top: float
    width: float
    height: float
    figure: NDArray[np.float64] | None
    scale: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Advice:
    """What to do now.

    text: English, the key of its translation. arrow: which way, for the drawing (left and right are the
    picture's). ok: the camera sees what it needs. ready: and the start position is held; the countdown may
    begin. desk: the upper body alone is seen, and that is enough for this exercise. off: the rules that
    cannot be judged so. outline: where to be.
    """

    text: str
    arrow: Arrow
    ok: bool
    ready: bool
    desk: bool
    off: tuple[Rule, ...]
    outline: Outline


@dataclass(kw_only=True)
class _Steady:
    """Shows the first value at once, and another only after it has stayed for a while."""

    shown: str = ""
    candidate: str = ""
    since: float = 0.0
    after: Mapping[str, float] = field(default_factory=dict)  # what is shown -> seconds before it gives way

    def step(self, time: float, value: str) -> str:
        if value != self.candidate:
            self.candidate, self.since = value, time
        self.shown = self.shown or value
        if value != self.shown and time - self.since >= self.after.get(self.shown, SETTLE):
            self.shown = value
        return self.shown


class FramingGuide:
    """Guides one athlete to one exercise.

        guide = FramingGuide(exercise)
        advice = guide.step(time, pose, measurement, width, height)     # pose, measurement of a StepResult

    desk_allowed: whether the exercise can be counted on the upper body alone.
    """  # fmt: skip

    def __init__(self, exercise: Exercise) -> None:
        self.exercise: Final = exercise
        self._figure, self._room = _movement(exercise)
        measured = [name for signal in exercise.counting.signals for name in _joint_names(signal.parameter)]
        if exercise.counting.posture is not None and not measured:
            compared = exercise.counting.posture.comparisons()
            measured = [name for comparison in compared for name in _joint_names(comparison.parameter)]
        self.desk_allowed: Final = bool(measured) and not any(
            part in name for name in measured for part in _LEGS
        )
        self.reset()

    def reset(self) -> None:
        """Another athlete, or the exercise anew."""
        self._steady = _Steady(after={TAKE_POSITION: FORGIVE, HOLD_STILL: FORGIVE})
        self._scale: float | None = None
        self._foot: tuple[float, ...] | None = None  # middle and lowest point, pixels
        self._faces_right = 0.0  # -1 the picture's left, 1 its right
        self._flipped = False  # the outline, which faces the left of itself
        self._time: float | None = None
        self._since: float | None = None  # the start position is held since
        self._side = ""  # which side to turn, once it was said
        self._blind: dict[str, float] = {}  # rule -> since when its joints are not seen

    def step(
        self, time: float, pose: Pose | None, measurement: Measurement | None, width: int, height: int
    ) -> Advice:
        """time: seconds, never going back. pose, measurement: None where nobody is. width, height: of the
        frame, pixels."""
        gap = 0.0 if self._time is None else time - self._time
        self._time = time
        desk = False
        if pose is None or measurement is None:
            wanted = COME
        else:
            self._follow(pose, measurement, gap)
            desk = self._is_desk(pose, measurement, height)
            wanted = (
                self._distance(pose, measurement, width, height, desk=desk)
                or self._turned(pose, measurement, desk=desk)
                or self._position(time, measurement)
            )
        if wanted not in (TAKE_POSITION, HOLD_STILL):
            self._since = None
        text = self._steady.step(time, wanted)
        ok = text in (TAKE_POSITION, HOLD_STILL)
        held = self._since is not None and time - self._since >= READY_AFTER
        return Advice(
            text=text,
            arrow=self._arrow(text, pose, width),
            ok=ok,
            ready=text == HOLD_STILL and held,
            desk=desk and ok,
            off=self._off(time, measurement) if ok and measurement is not None else (),
            outline=self._outline(width, height, ok=ok),
        )

    # ---- where the body should be

    def _outline(self, width: int, height: int, *, ok: bool) -> Outline:
        """In the middle, as large as the picture allows; around the athlete once they are in place."""
        wide, tall = self._room
        scale = FILLED * min(width / wide, height / tall)
        middle, bottom = width / 2, height * _FLOOR
        if wide > tall:  # lying: its floor is not the picture's lower edge
            bottom = min(bottom, height * 0.5 + tall * scale * 0.75)
        if ok and self._scale is not None and self._foot is not None:
            scale, (middle, bottom) = self._scale, self._foot
        figure = None
        if self._figure is not None:
            figure = self._figure * (-scale if self._flipped else scale, -scale) + (middle, bottom)
        return Outline(
            left=middle - wide * scale / 2, top=bottom - tall * scale, width=wide * scale,
            height=tall * scale, figure=figure, scale=scale,
        )  # fmt: skip

    # ---- what is wrong

    def _follow(self, pose: Pose, measurement: Measurement, gap: float) -> None:
        """Scale, place and facing of the athlete, without the trembling of single poses."""
        now = pixels_per_metre(pose)
        if now is None:
            return
        xy = pose.xy[sorted(measurement.visible)]
        if not len(xy):
            return
        foot = (float(xy[:, 0].min() + xy[:, 0].max()) / 2, float(xy[:, 1].max()))
        # Seen from their right side (the right shoulder nearer), they face the picture's right.
        faces = float(np.sign(pose.xyz[Joint.left_shoulder, 2] - pose.xyz[Joint.right_shoulder, 2]))
        if self._scale is None or self._foot is None:
            self._scale, self._foot = now, foot
            return
        share = 1.0 - math.exp(-gap / _SCALE_SECONDS)
        self._scale += share * (now - self._scale)
        self._foot = tuple(old + share * (new - old) for old, new in zip(self._foot, foot, strict=True))
        self._faces_right += share * (faces - self._faces_right)
        if self.exercise.views[0] == "side" and abs(self._faces_right) > _SURELY:
            self._flipped = self._faces_right > 0

    def _is_desk(self, pose: Pose, measurement: Measurement, height: int) -> bool:
        """The feet are out of the picture, and the exercise can do without them.

        Below its edge the network guesses where they are, now and then with some confidence.
        """
        return self.desk_allowed and not any(
            joint in measurement.visible and pose.xy[joint, 1] < height
            for joint in (Joint.left_ankle, Joint.right_ankle)
        )

    def _distance(
        self, pose: Pose, measurement: Measurement, width: int, height: int, *, desk: bool
    ) -> str | None:
        seen = [joint for joint in Joint if joint in measurement.visible]
        if not seen:
            return COME
        xy = pose.xy[seen]
        left, right = float(xy[:, 0].min()) / width, float(xy[:, 0].max()) / width
        top, bottom = float(xy[:, 1].min()) / height, float(xy[:, 1].max()) / height
        head = Joint.head_top in measurement.visible or Joint.nose in measurement.visible
        feet = any(
            joint in measurement.visible
            for joint in (Joint.left_ankle, Joint.right_ankle, Joint.left_toe, Joint.right_toe)
        )
        # Who will lie down need not fit in upright: a low camera sees a standing body's legs only.
        later = self._room[0] > self._room[1] and measurement.values.get("trunk_tilt", 0.0) < _UPRIGHT
        cut_above = not later and (not head or top < EDGE)
        cut_below = not later and not desk and (not feet or bottom > 1 - EDGE)
        cut_left, cut_right = left < EDGE, right > 1 - EDGE
        shown = self._steady.shown
        large = self._filled(width, height, desk=desk)
        too_large = large > LARGEST + (0.0 if shown in (STEP_BACK, STEPS_BACK) else SLACK)
        if (cut_above and cut_below) or (cut_left and cut_right) or too_large:
            return STEPS_BACK if large > 1.7 else STEP_BACK
        if cut_above:
            return TILT_UP if bottom < 0.93 or desk else STEP_BACK
        if cut_below:
            return TILT_DOWN if top > 0.12 else STEP_BACK
        middle = (left + right) / 2
        if cut_left or cut_right or abs(middle - 0.5) > self._free(width):
            return TO_THE_MIDDLE
        if large < LEAST + (SLACK if shown == COME_CLOSER else 0.0):
            return COME_CLOSER
        return None

    def _filled(self, width: int, height: int, *, desk: bool) -> float:
        """Share of the picture that the whole movement will take where the athlete is now."""
        if self._scale is None:
            return 0.5
        wide, tall = self._room
        if desk:
            tall = 0.55 * tall
        return self._scale * max(wide / width, tall / height)

    def _free(self, width: int) -> float:
        """How far off the middle the athlete may be: as far as the movement still fits."""
        fits = 0.5 - 0.5 * (self._scale or 0.0) * self._room[0] / width
        slack = 0.02 if self._steady.shown == TO_THE_MIDDLE else 0.06
        return max(_OFF_MIDDLE, fits) + slack

    def _turned(self, pose: Pose, measurement: Measurement, *, desk: bool) -> str | None:
        """How to turn for the best view that the exercise has; None when the view will do."""
        views = self.exercise.views
        if measurement.view in views or (desk and measurement.view in ("front", "oblique")):
            return None
        best: View = views[0]
        if best == "side":
            if not self._side:
                nearer = pose.xyz[Joint.right_shoulder, 2] - pose.xyz[Joint.left_shoulder, 2]
                self._side = RIGHT_SIDE if nearer < -0.12 else LEFT_SIDE
            return self._side
        return {"front": FACE_ME, "oblique": HALF_TURNED, "back": BACK_TO_ME}[best]

    def _position(self, time: float, measurement: Measurement) -> str:
        """Whether the start position (of a hold: the position) is taken."""
        if self._in_position(measurement):
            self._since = time if self._since is None else self._since
            return HOLD_STILL
        self._since = None
        return TAKE_POSITION

    def _in_position(self, measurement: Measurement) -> bool:
        counting = self.exercise.counting
        if counting.kind == "hold":
            return counting.posture is None or counting.posture.holds(measurement.values) is True
        if counting.posture is not None and counting.posture.holds(measurement.values) is False:
            return False
        progress = combined_progress(counting.signals, measurement)
        return progress is not None and abs(progress) <= counting.start_below

    def _arrow(self, text: str, pose: Pose | None, width: int) -> Arrow:
        if text == TO_THE_MIDDLE and pose is not None:
            seen = pose.confidence >= MIN_CONFIDENCE
            middle = float(pose.xy[seen, 0].mean()) if seen.any() else width / 2
            return "right" if middle < width / 2 else "left"
        return _ARROWS.get(text, "")

    # ---- what cannot be judged

    def _off(self, time: float, measurement: Measurement) -> tuple[Rule, ...]:
        """The rules that speak of joints which have not been in the picture for a while, on either side."""
        hidden = {
            joint
            for joint in Joint
            if joint not in measurement.visible and Joint(int(MIRROR[joint])) not in measurement.visible
        }
        for rule in self.exercise.rules:
            if self._is_off(rule, measurement, hidden):
                self._blind.setdefault(rule.id, time)
            else:
                self._blind.pop(rule.id, None)
        return tuple(
            rule for rule in self.exercise.rules if time - self._blind.get(rule.id, time) >= BLIND_AFTER
        )

    @staticmethod
    def _is_off(rule: Rule, measurement: Measurement, hidden: set[Joint]) -> bool:
        if any(joint in hidden for joint in rule.needs):
            return True
        for comparison in rule.when.comparisons():
            name = comparison.parameter.split(".")[0]
            known = PARAMETERS.get(name)
            if known is not None and name not in measurement.values and hidden & set(known.joints):
                return True
        return False


def _joint_names(parameter: str) -> list[str]:
    known = PARAMETERS.get(parameter.split(".")[0])
    return [] if known is None else [joint.name for joint in known.joints]


def _movement(exercise: Exercise) -> tuple[NDArray[np.float64] | None, tuple[float, float]]:
    """The start position as a flat figure (19, 2) metres, and the room of the movement: width, height.

    Seen from the view that the exercise is best judged from; y is up from the floor, x from the middle.
    """
    try:
        loop = load_demonstration(exercise.id)
    except FormcueError:
        loop = None
    if loop is None:
        return None, _USUAL
    across = 0 if exercise.views[0] == "side" else 2
    # Looking from in front, the athlete's left (nearer to the viewer in the loop) is on the right.
    flat = loop.bodies[:, :, [across, 1]]
    low, high = flat.min(axis=(0, 1)), flat.max(axis=(0, 1))
    middle = np.array([(low[0] + high[0]) / 2, 0.0])
    room = float(high[0] - low[0]) + 0.25, float(high[1]) + 0.12
    return flat[0] - middle, (max(room[0], 0.7), max(room[1], 0.75))


# ---- light

DARK: Final = "It is too dark: switch on a light"
AGAINST_THE_LIGHT: Final = "The light is behind you: turn the camera or draw the curtain"
BLURRED: Final = "The picture is blurred: wipe the lens"
LIGHT_TEXTS: Final = (DARK, AGAINST_THE_LIGHT, BLURRED)

# Brightness of a picture from 0 to 255.
_TOO_DARK: Final = 28.0
_BRIGHT: Final = 185.0
_IN_SHADOW: Final = 0.38  # the athlete's brightness over that of what is around
_EDGES: Final = 0.997  # the strongest differences, without single pixels of noise
_UNSHARP: Final = 0.5


def check_light(image: Picture, pose: Pose | None = None) -> str | None:
    """What is wrong with the picture itself, as an English text, or None.

    image: (H, W, 3) BGR. pose: where the athlete is, to tell a window behind them from a bright room.
    Looks at every few pixels only; half a millisecond. Once a second is enough.
    """
    step = max(1, min(image.shape[:2]) // 180)
    small = image[::step, ::step].astype(np.float32)
    luma = small @ np.array([0.114, 0.587, 0.299], np.float32)  # (h, w)
    if float(np.median(luma)) < _TOO_DARK and float(luma.mean()) < 1.4 * _TOO_DARK:
        return DARK
    if pose is not None:
        inside, around = _inside(luma, pose, step)
        if inside is not None and around > _BRIGHT and inside < _IN_SHADOW * around:
            return AGAINST_THE_LIGHT
    if _sharpness(luma) < _UNSHARP:
        return BLURRED
    return None


def _inside(luma: NDArray[np.float32], pose: Pose, step: int) -> tuple[float | None, float]:
    """Brightness of the bright parts of trunk and head, and of what is around them."""
    joints = [Joint.left_shoulder, Joint.right_shoulder, Joint.left_hip, Joint.right_hip, Joint.nose]
    seen = [joint for joint in joints if pose.confidence[joint] >= MIN_CONFIDENCE]
    if len(seen) < 3:
        return None, 0.0
    xy = pose.xy[seen] / step
    left, top = np.floor(xy.min(axis=0)).astype(int)
    right, bottom = np.ceil(xy.max(axis=0)).astype(int) + 1
    height, width = luma.shape
    left, right = max(0, left), min(width, right)
    top, bottom = max(0, top), min(height, bottom)
    if right - left < 2 or bottom - top < 2:
        return None, 0.0
    inside = float(np.quantile(luma[top:bottom, left:right], 0.9))  # skin, not black clothes
    mask = np.ones(luma.shape, bool)
    grow = max(2, (right - left) // 3)
    mask[max(0, top - grow) : bottom + grow, max(0, left - grow) : right + grow] = False
    around = luma[mask]
    return inside, float(np.quantile(around, 0.75)) if around.size > 50 else 0.0


def _sharpness(luma: NDArray[np.float32]) -> float:
    """How sudden the strongest edges are: 2 for a step from one pixel to the next, near 0 for slow ones.

    The second difference over the first: it does not depend on how much there is to see.
    """
    first = np.concatenate([np.abs(np.diff(luma, axis=0)).ravel(), np.abs(np.diff(luma, axis=1)).ravel()])
    second = np.concatenate(
        [np.abs(np.diff(luma, 2, axis=0)).ravel(), np.abs(np.diff(luma, 2, axis=1)).ravel()]
    )
    return float(np.quantile(second, _EDGES) / (np.quantile(first, _EDGES) + 1.0))
