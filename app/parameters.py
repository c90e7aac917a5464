"""Pose -> parameters: the numbers that counting and rules speak of. Needs numpy only.

Vocabulary. Every parameter is listed in PARAMETERS with its unit, meaning and joints. A *sided*
parameter exists three times: `left_knee`, `right_knee` and `knee`, the athlete's knee: the mean of
both sides weighted by how well each is seen (confidence squared; from the side the nearer leg or arm
counts double, because the far one is hidden behind it).

Depth. Depth from one camera is the weakest of the three coordinates, so an angle is measured in the
image plane when the view makes that right: a joint that bends in the plane of the picture needs no
depth. Seen from the side (shoulder axis towards the camera) knees, hips, elbows and the trunk move in
the picture, and the image-plane angle is used (Cosoli et al. found about 2 degrees of error there and
14 obliquely). From front and back they move in depth, and the 3D angle is used. Between (a yaw of 35
to 60 degrees) the two angles are blended. A segment that is strongly foreshortened in the picture
(under half of its length) has no usable direction there, so its share goes to 3D from any view.

Absent rather than wrong: a parameter whose joints are not seen (confidence under MIN_CONFIDENCE) is
not in the measurement at all. Heights are along the picture's vertical; lengths are divided by the
athlete's own segment lengths, taken as running medians so that one bad frame does not stretch them.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from app.skeleton import Joint, Pose
from app.view import (
    DEPTH_YAW,
    SHOULDERS_OVER_TRUNK,
    Vec,
    View,
    ViewEstimator,
    blended_angle,
    cross,
    flat,
    length,
    mid,
    ramp,
    sub,
)
from app.vocabulary import BASE, BOTH_ANKLES, BOTH_HIPS, BOTH_SHOULDERS, LIMBS, PARTNER, SPEEDS, TRUNK

J = Joint


# A joint below this is treated as not seen. Our confidence is the mass of the heatmap in its window,
# and a hidden joint has its mass in "nowhere"; a guess through the body lies around 0.3 to 0.5.
MIN_CONFIDENCE: Final = 0.3

# What compares left and right needs both seen better than that: the far leg's guess is no difference.
SURE_OF_BOTH: Final = 0.4

# What a joint that was seen a moment ago keeps of its confidence, every frame.
BRIDGED: Final = 0.85

# Shoulders to hips of an adult, metres (0.288 of 1.72 m, the same source).
USUAL_TRUNK: Final = 0.5


@dataclass(frozen=True, kw_only=True, eq=False)
class Measurement:
    """What was measured on one pose.

    time: the pose's time, seconds. view: where the camera stands relative to the body.
    yaw: how far the shoulder axis is turned out of the picture, 0 (front or back) to 90 (side) degrees.
    values: parameter name -> number in the parameter's unit; a parameter that could not be measured is
    absent. confidence: parameter name -> 0..1, the least confident joint it stands on.
    visible: the joints that were seen. fresh: the first one of a person: nothing goes on from before.
    """

    time: float
    view: View
    yaw: float
    values: dict[str, float]
    confidence: dict[str, float]
    visible: frozenset[Joint]
    fresh: bool = False


class _RunningMedian:
    """Median of the last values, refreshed at most every few values: cheap and steady."""

    def __init__(self, keep: int = 75) -> None:
        self._values: deque[float] = deque(maxlen=keep)
        self._median: float | None = None
        self._stale = 0

    def add(self, value: float) -> float:
        self._values.append(value)
        self._stale += 1
        if self._median is None or self._stale >= 5 or len(self._values) < 15:
            ordered = sorted(self._values)
            self._median = ordered[len(ordered) // 2]
            self._stale = 0
        return self._median

    @property
    def value(self) -> float | None:
        return self._median


class Measurer:
    """Measures poses over time. One per person followed; no clock, time comes with the poses.

        measurer = Measurer()
        measurement = measurer.step(pose, time)      # None where there is no pose or no trunk to stand on
    """  # fmt: skip

    SPEED_TIME_CONSTANT: Final = 0.12
    FORGET_AFTER: Final = 2.0
    TRAVEL_SPAN: Final = 1.5
    LEAST_TRAVEL: Final = 0.15
    # A trunk may move so far at once (noise, half of it hidden), and so much more a second, in trunk lengths.
    JUMP_TRUNKS: Final = 0.8
    JUMP_SPEED: Final = 4.0
    JUMP_SECONDS: Final = 0.4
    BRIDGE_SECONDS: Final = 0.13

    def __init__(self) -> None:
        self._view = ViewEstimator()
        self.reset()

    def reset(self) -> None:
        """Forget the person: body sizes, view, speeds."""
        self._view.reset()
        self._sizes: dict[str, _RunningMedian] = {}
        self._speeds: dict[str, tuple[float, float, float]] = {}  # name -> time, smoothed value, speed
        self._travel: dict[str, deque[tuple[float, float, float]]] = {}
        self._trunk_pixels: float | None = None
        self._last_seen: tuple[NDArray[np.float64], Pose] | None = None  # per joint when; the pose
        self._place: tuple[float, float, float, float] | None = None  # time, x, y, pixels a metre
        self._time: float | None = None

    def step(self, pose: Pose | None, time: float) -> Measurement | None:
        """pose: the person in this frame or None. time: seconds, growing. Returns what was measured."""
        if pose is None:
            return None
        if self._time is not None and (time < self._time or time - self._time > self.FORGET_AFTER):
            self.reset()  # another person or another recording: sizes and view must be learnt anew
        pose = self._bridged(pose, time)
        placed = _points(pose)
        if placed is None:
            return None
        points, pixels = placed
        if not self._follows(pose, pixels, time):
            return None
        seen = [float(c) for c in pose.confidence]
        fresh = self._time is None
        measurement = _Measuring(self, points, seen, time, fresh).run(pose)
        self._time = time
        return measurement

    def _bridged(self, pose: Pose, time: float) -> Pose:
        """Joints that flicker away for up to BRIDGE_SECONDS stay where they were, a little less sure."""
        seen = pose.confidence >= MIN_CONFIDENCE
        last, self._last_seen = self._last_seen, None
        if last is None:
            ages = np.where(seen, time, -math.inf)
            self._last_seen = (ages, pose)
            return pose
        ages, before = last
        held = ~seen & (time - ages <= self.BRIDGE_SECONDS)
        if held.any():
            kept = np.maximum(BRIDGED * before.confidence, MIN_CONFIDENCE)
            pose = Pose(
                time=pose.time,
                xy=np.where(held[:, None], before.xy, pose.xy),
                xyz=np.where(held[:, None], before.xyz, pose.xyz),
                confidence=np.where(held, kept, pose.confidence),
            )
        self._last_seen = (np.where(seen, time, ages), pose)
        return pose

    def _follows(self, pose: Pose, pixels: float, time: float) -> bool:
        """Whether the body is where it can have got to since the last pose.

        A pose that jumps away is left out; when it is still there JUMP_SECONDS later it is another
        person (or another shot), and what was learnt of the first one is forgotten.
        pixels: of a metre at the body.
        """
        trunk = [joint for joint in TRUNK if pose.confidence[joint] >= MIN_CONFIDENCE]
        if len(trunk) < 2:
            return True
        x, y = (float(v) for v in pose.xy[trunk].mean(axis=0))
        if self._place is not None:
            then, old_x, old_y, old_pixels = self._place
            gap = time - then
            reach = (self.JUMP_TRUNKS + self.JUMP_SPEED * gap) * USUAL_TRUNK * old_pixels
            grown = max(pixels, old_pixels) / min(pixels, old_pixels)
            if math.hypot(x - old_x, y - old_y) > reach or grown > 1.8 + 2.0 * gap:
                if gap < self.JUMP_SECONDS:
                    return False
                self.reset()
        self._place = (time, x, y, pixels)
        return True

    def size(self, name: str, now: float | None) -> float | None:
        """The athlete's own length of a segment, metres: the running median with `now` added to it."""
        median = self._sizes.setdefault(name, _RunningMedian())
        return median.value if now is None or now <= 0.0 else median.add(now)

    def hand_share(self, side: str, time: float, hand: float, shoulder: float) -> float | None:
        """The hand's share of the vertical movement of the last TRAVEL_SPAN seconds; None while both rest.

        hand, shoulder: heights in the picture, in trunk lengths.
        """
        travel = self._travel.setdefault(side, deque())
        travel.append((time, hand, shoulder))
        while time - travel[0][0] > self.TRAVEL_SPAN:
            travel.popleft()
        moved = []
        for column in (1, 2):
            heights = [entry[column] for entry in travel]
            moved.append(max(heights) - min(heights))
        total = moved[0] + moved[1]
        return moved[0] / total if total >= self.LEAST_TRAVEL else None

    def speed(self, name: str, time: float, value: float) -> float:
        """Change of a smoothed parameter, per second."""
        last = self._speeds.get(name)
        if last is None or time - last[0] > 0.5 or time <= last[0]:
            self._speeds[name] = (time, value, 0.0)
            return 0.0
        gap = time - last[0]
        k = 1.0 - math.exp(-gap / self.SPEED_TIME_CONSTANT)
        smooth = last[1] + k * (value - last[1])
        self._speeds[name] = (time, smooth, (smooth - last[1]) / gap)
        return self._speeds[name][2]


def _points(pose: Pose) -> tuple[list[Vec], float] | None:
    """The joints in metres with x and y straight from the picture and z from the 3D pose.

    The picture's x and y are the best measured; the scale (pixels a metre) is the one that fits the 3D
    joints to them in the least squares sense, so that all three coordinates have the same unit. Returns
    the joints and the scale.
    None when too little of the body is seen to tell the scale.
    """
    weight = np.where(pose.confidence >= MIN_CONFIDENCE, pose.confidence, 0.0).astype(np.float64)
    if int((weight > 0).sum()) < 4:
        return None
    if not (np.isfinite(pose.xy).all() and np.isfinite(pose.xyz).all()):
        return None
    weight /= weight.sum()
    flat = pose.xy - weight @ pose.xy
    solid = pose.xyz[:, :2] - weight @ pose.xyz[:, :2]
    spread = float(weight @ (solid**2).sum(axis=1))
    if spread <= 1e-6:
        return None
    pixels = math.sqrt(float(weight @ (flat**2).sum(axis=1)) / spread)
    if pixels <= 1e-6:
        return None
    xy = (pose.xy / pixels).tolist()
    z = pose.xyz[:, 2].tolist()
    return [(x, y, depth) for (x, y), depth in zip(xy, z, strict=True)], pixels


class _Measuring:
    """The measuring of one pose: joints in, named values out. Lives for one step."""

    def __init__(
        self, measurer: Measurer, points: list[Vec], seen: list[float], time: float, fresh: bool
    ) -> None:
        self.fresh = fresh
        self.m = measurer
        self.p = points
        self.seen = seen
        self.time = time
        self.values: dict[str, float] = {}
        self.confidence: dict[str, float] = {}

    def put(self, name: str, joints: tuple[Joint, ...], measure: Callable[[], float | None]) -> None:
        """Measure when all joints are seen."""
        sure = min(map(self.seen.__getitem__, joints))  # sixty times a pose: a generator takes twice as long
        if sure < MIN_CONFIDENCE:
            return
        value = measure()
        if value is not None and math.isfinite(value):
            self.values[name] = value
            self.confidence[name] = min(1.0, sure)

    def run(self, pose: Pose) -> Measurement | None:
        p, seen = self.p, self.seen
        visible = frozenset(j for j in Joint if seen[j] >= MIN_CONFIDENCE)
        shoulder_pair = min(seen[j] for j in BOTH_SHOULDERS) >= MIN_CONFIDENCE
        hip_pair = min(seen[j] for j in BOTH_HIPS) >= MIN_CONFIDENCE
        shoulders = sub(p[J.left_shoulder], p[J.right_shoulder])
        hips = sub(p[J.left_hip], p[J.right_hip])
        self.up = sub(mid(p[J.left_shoulder], p[J.right_shoulder]), mid(p[J.left_hip], p[J.right_hip]))
        if shoulder_pair and hip_pair:
            view = self.m._view.step(self.time, shoulders, hips, self.up)
        else:
            view = self.m._view._view or "front"
        self.yaw = self.m._view.yaw
        self.flatness = ramp(self.yaw, *DEPTH_YAW)
        self._sizes(shoulder_pair, hip_pair)
        for side in ("left", "right"):
            self._side(side)
        self._join_sides(view)
        self._centre(pose, view)
        for name in SPEEDS:
            if name in self.values:
                self.values[f"{name}_speed"] = self.m.speed(name, self.time, self.values[name])
                self.confidence[f"{name}_speed"] = self.confidence[name]
        return Measurement(
            time=self.time,
            view=view,
            yaw=self.yaw,
            values=self.values,
            confidence=self.confidence,
            visible=visible,
            fresh=self.fresh,
        )

    def _segment(self, a: Joint, b: Joint) -> float | None:
        if min(self.seen[a], self.seen[b]) < MIN_CONFIDENCE:
            return None
        return length(sub(self.p[a], self.p[b]))

    def _sizes(self, shoulder_pair: bool, hip_pair: bool) -> None:
        size = self.m.size
        trunk = length(self.up) if shoulder_pair and hip_pair else None
        self.trunk = size("trunk", trunk)
        self.shoulder_width = size("shoulders", self._segment(J.left_shoulder, J.right_shoulder))
        self.upper_arm = self._limb("upper_arm", J.left_shoulder, J.left_elbow)
        self.forearm = self._limb("forearm", J.left_elbow, J.left_wrist)
        self.thigh = self._limb("thigh", J.left_hip, J.left_knee)
        self.shin = self._limb("shin", J.left_knee, J.left_ankle)
        self.leg = self.thigh + self.shin if self.thigh and self.shin else None
        self.arm = self.upper_arm + self.forearm if self.upper_arm and self.forearm else None
        if self.trunk is None and self.shoulder_width:
            self.trunk = self.shoulder_width / SHOULDERS_OVER_TRUNK  # hips out of the picture

    def _limb(self, name: str, a: Joint, b: Joint) -> float | None:
        """Length of a limb's segment, mean of both sides' medians."""
        left = self.m.size(f"left_{name}", self._segment(a, b))
        right = self.m.size(f"right_{name}", self._segment(PARTNER[a], PARTNER[b]))
        if left and right:
            return (left + right) / 2
        return left or right

    def _bend(self, a: Joint, at: Joint, b: Joint) -> float:
        return blended_angle(sub(self.p[a], self.p[at]), sub(self.p[b], self.p[at]), self.flatness)

    def _tilt(self, low: Vec, high: Vec) -> float:
        """Angle of low -> high from straight up, degrees 0..180."""
        return blended_angle(sub(high, low), (0.0, -1.0, 0.0), self.flatness)

    def _above(self, a: Vec, b: Vec, unit: float | None) -> float | None:
        """How far a is above b, in units."""
        return (b[1] - a[1]) / unit if unit else None

    def _side(self, side: str) -> None:
        p = self.p
        shoulder, elbow, wrist, hip, knee, ankle, heel, toe = LIMBS[side]

        def put(name: str, measure: Callable[[], float | None], *joints: Joint) -> None:
            self.put(f"{side}_{name}", joints, measure)

        put("knee", lambda: self._bend(hip, knee, ankle), hip, knee, ankle)
        put("hip", lambda: self._bend(shoulder, hip, knee), shoulder, hip, knee)
        put("elbow", lambda: self._bend(shoulder, elbow, wrist), shoulder, elbow, wrist)
        put("shoulder", lambda: self._bend(hip, shoulder, elbow), hip, shoulder, elbow)
        put("ankle", lambda: self._bend(knee, ankle, toe), knee, ankle, toe)
        put("body_line", lambda: self._bend(shoulder, hip, ankle), shoulder, hip, ankle)
        put("thigh_tilt", lambda: self._tilt(p[knee], p[hip]), hip, knee)
        put("shin_tilt", lambda: self._tilt(p[ankle], p[knee]), knee, ankle)
        put("upper_arm_tilt", lambda: 180.0 - self._tilt(p[shoulder], p[elbow]), shoulder, elbow)
        put("forearm_tilt", lambda: self._tilt(p[elbow], p[wrist]), elbow, wrist)
        put("arm_aside", lambda: self._aside(shoulder, elbow), shoulder, elbow, *TRUNK)
        put("leg_aside", lambda: self._aside(hip, knee), knee, *BOTH_HIPS)
        put("arm_reach", lambda: self._reach(shoulder, elbow, wrist), shoulder, elbow, wrist)
        put("wrist_height", lambda: self._above(p[wrist], p[shoulder], self.trunk), wrist, shoulder)
        put("elbow_height", lambda: self._above(p[elbow], p[shoulder], self.trunk), elbow, shoulder)
        put("shoulder_height", lambda: self._above(p[shoulder], p[wrist], self.arm), wrist, shoulder)
        put("hand_share", lambda: self._hand_share(side, wrist, shoulder), wrist, shoulder)
        put("hip_sag", lambda: self._sag(shoulder, hip, ankle), shoulder, hip, ankle)
        put("hip_bow", lambda: self._bow(shoulder, hip, knee), shoulder, hip, knee)
        put("knee_height", lambda: self._above(p[knee], p[hip], self.thigh), knee, hip)
        put("ankle_height", lambda: self._above(p[ankle], p[hip], self.leg), ankle, hip)
        put("knee_forward", lambda: self._knee_forward(knee, heel, toe), knee, heel, toe)
        put("heel_lift", lambda: self._above(p[heel], p[toe], self.shin), heel, toe)

    def _hand_share(self, side: str, wrist: Joint, shoulder: Joint) -> float | None:
        if not self.trunk:
            return None
        return self.m.hand_share(
            side, self.time, self.p[wrist][1] / self.trunk, self.p[shoulder][1] / self.trunk
        )

    def _aside(self, root: Joint, tip: Joint) -> float | None:
        """Part of a limb's direction that points outwards along the line of shoulders or hips (3D)."""
        limb, out = sub(self.p[tip], self.p[root]), sub(self.p[root], self.p[PARTNER[root]])
        size = length(limb) * length(out)
        if size <= 0.0:
            return None
        return (limb[0] * out[0] + limb[1] * out[1] + limb[2] * out[2]) / size

    def _reach(self, shoulder: Joint, elbow: Joint, wrist: Joint) -> float | None:
        """Shoulder to wrist over upper arm plus forearm, from the elbow's angle."""
        upper = length(sub(self.p[shoulder], self.p[elbow]))
        fore = length(sub(self.p[wrist], self.p[elbow]))
        if upper + fore <= 0.0:
            return None
        angle = math.radians(self._bend(shoulder, elbow, wrist))
        return math.sqrt(max(0.0, upper**2 + fore**2 - 2 * upper * fore * math.cos(angle))) / (upper + fore)

    def _sag(self, shoulder: Joint, hip: Joint, ankle: Joint) -> float | None:
        """Hip's vertical distance below the line shoulder-ankle over the line's length (image plane)."""
        a, b, c = self.p[shoulder], self.p[ankle], self.p[hip]
        run = b[0] - a[0]
        extent = length(sub(b, a))
        if extent <= 0.0 or abs(run) < 0.3 * extent:
            return None  # an upright or head-on body has no sag to be seen
        part = (c[0] - a[0]) / run
        return (c[1] - (a[1] + part * (b[1] - a[1]))) / extent

    def _bow(self, shoulder: Joint, hip: Joint, knee: Joint) -> float | None:
        """How much steeper the trunk rises towards the head than the thigh does (image plane), degrees."""
        line = sub(self.p[shoulder], self.p[knee])
        if abs(line[0]) < 0.3 * length(line):
            return None  # as for the sag: an upright or head-on body shows none
        ahead = math.copysign(1.0, line[0])

        def rise(low: Joint, high: Joint) -> float:
            segment = sub(self.p[high], self.p[low])
            return math.degrees(math.atan2(-segment[1], ahead * segment[0]))

        bow = rise(hip, shoulder) - rise(knee, hip)
        return (bow + 180.0) % 360.0 - 180.0

    def _knee_forward(self, knee: Joint, heel: Joint, toe: Joint) -> float | None:
        """Knee ahead of the toes along the picture, in shin lengths; the foot says which way is ahead."""
        foot = self.p[toe][0] - self.p[heel][0]
        if self.shin is None or self.yaw < 40.0 or abs(foot) < 0.15 * self.shin:
            return None
        return math.copysign(1.0, foot) * (self.p[knee][0] - self.p[toe][0]) / self.shin

    def _join_sides(self, view: View) -> None:
        """`knee` from `left_knee` and `right_knee`, and so on."""
        near = self.m._view.near_side
        nearer = 2.0 if view == "side" else 1.0
        for info in BASE:
            if not info.sided:
                continue
            total = weighted = best = 0.0
            for side in ("left", "right"):
                name = f"{side}_{info.name}"
                if name in self.values:
                    sure = self.confidence[name]
                    weight = sure * sure * (nearer if side == near else 1.0)
                    total += weight
                    weighted += weight * self.values[name]
                    best = max(best, sure)
            if total > 0.0:
                self.values[info.name] = weighted / total
                self.confidence[info.name] = best

    def _centre(self, pose: Pose, view: View) -> None:
        p = self.p
        hip_middle = mid(p[J.left_hip], p[J.right_hip])
        shoulder_middle = mid(p[J.left_shoulder], p[J.right_shoulder])
        self.put("trunk_tilt", TRUNK, lambda: self._tilt(hip_middle, shoulder_middle))
        self.put("head_tilt", (J.nose, J.neck, *TRUNK),
                 lambda: blended_angle(sub(p[J.nose], p[J.neck]), self.up, self.flatness))  # fmt: skip
        self.put("shoulder_level", BOTH_SHOULDERS, lambda: self._level(J.left_shoulder, J.right_shoulder))
        self.put("hip_level", BOTH_HIPS, lambda: self._level(J.left_hip, J.right_hip))
        self.put(
            "leg_spread",
            (*BOTH_HIPS, J.left_knee, J.right_knee),
            lambda: blended_angle(
                sub(p[J.left_knee], p[J.left_hip]), sub(p[J.right_knee], p[J.right_hip]), self.flatness
            ),
        )
        self._heights(hip_middle, shoulder_middle)
        self._widths(view)
        for name, out in (
            ("knee", "knee_difference"),
            ("elbow", "elbow_difference"),
            ("shoulder", "shoulder_difference"),
            ("thigh_tilt", "thigh_difference"),
        ):
            self._pair(name, out, lambda left, right: abs(left - right))
        self._pair("knee", "straighter_knee", max)
        self.put("nearness", TRUNK, lambda: self._nearness(pose))

    def _pair(self, name: str, out: str, join: Callable[[float, float], float]) -> None:
        left, right = f"left_{name}", f"right_{name}"
        if min(self.confidence.get(left, 0.0), self.confidence.get(right, 0.0)) >= SURE_OF_BOTH:
            self.values[out] = join(self.values[left], self.values[right])
            self.confidence[out] = min(self.confidence[left], self.confidence[right])

    def _lowest(self, left: Joint, right: Joint) -> tuple[float, float] | None:
        """(y, confidence) of the lower of a pair: the foot or knee that carries."""
        pair = [(self.p[j][1], self.seen[j]) for j in (left, right) if self.seen[j] >= MIN_CONFIDENCE]
        return max(pair, default=None)

    def _mean_height(self, left: Joint, right: Joint) -> tuple[float, float] | None:
        """(y, confidence) of a pair's middle, or of the one that is seen."""
        pair = [(self.seen[j], self.p[j][1]) for j in (left, right) if self.seen[j] >= MIN_CONFIDENCE]
        if not pair:
            return None
        total = sum(c for c, _ in pair)
        return sum(c * y for c, y in pair) / total, max(c for c, _ in pair)

    def _heights(self, hip_middle: Vec, shoulder_middle: Vec) -> None:
        hips = self._mean_height(J.left_hip, J.right_hip)
        for name, left, right, unit in (
            ("hip_height", J.left_ankle, J.right_ankle, self.leg),
            ("hip_over_knee", J.left_knee, J.right_knee, self.thigh),
        ):
            low = self._lowest(left, right)
            if hips and low and unit:
                self.values[name] = (low[0] - hips[0]) / unit
                self.confidence[name] = min(hips[1], low[1])
        self.put("trunk_height", TRUNK, lambda: self._above(shoulder_middle, hip_middle, self.trunk))
        self.put("chest_up", TRUNK, lambda: self._chest(1))
        self.put("chest_near", TRUNK, lambda: self._chest(2))
        wrists = self._mean_height(J.left_wrist, J.right_wrist)
        knees = self._mean_height(J.left_knee, J.right_knee)
        if wrists and knees and self.trunk:
            self.values["hands_over_knees"] = (knees[0] - wrists[0]) / self.trunk
            self.confidence["hands_over_knees"] = min(wrists[1], knees[1])
        if wrists and self.trunk and self.seen[J.nose] >= MIN_CONFIDENCE:
            self.values["head_over_hands"] = (wrists[0] - self.p[J.nose][1]) / self.trunk
            self.confidence["head_over_hands"] = min(wrists[1], self.seen[J.nose])

    def _widths(self, view: View) -> None:
        p = self.p

        def across(a: Joint, b: Joint) -> float:
            """Distance of a pair: in the picture from front and back, where that is the better one."""
            by_depth = ramp(self.yaw, 25.0, 45.0)
            d = sub(p[a], p[b])
            return (1 - by_depth) * length(flat(d)) + by_depth * length(d)

        width = self.shoulder_width
        if not width:
            return
        self.put("stance_width", BOTH_ANKLES, lambda: across(J.left_ankle, J.right_ankle) / width)
        self.put("hands_apart", (J.left_wrist, J.right_wrist, *BOTH_SHOULDERS), self._hands_apart)
        self.put("wrist_spread", (J.left_wrist, J.right_wrist),
                 lambda: across(J.left_wrist, J.right_wrist) / width)  # fmt: skip
        if view in ("front", "back"):
            ankles = across(J.left_ankle, J.right_ankle)
            if ankles > 0.4 * width:  # feet together make the ratio meaningless
                self.put("knee_width", (J.left_knee, J.right_knee, *BOTH_ANKLES),
                         lambda: across(J.left_knee, J.right_knee) / ankles)  # fmt: skip

    def _hands_apart(self) -> float | None:
        """The part of the way from right to left wrist that goes from right to left shoulder (image plane).

        Over the shoulders' width there, so it is the same near and far; None when they are seen edge on.
        """
        line = sub(self.p[J.left_shoulder], self.p[J.right_shoulder])
        hands = sub(self.p[J.left_wrist], self.p[J.right_wrist])
        square = line[0] ** 2 + line[1] ** 2
        if square < 0.25 * (line[2] ** 2 + square):
            return None
        return (hands[0] * line[0] + hands[1] * line[1]) / square

    def _chest(self, axis: int) -> float | None:
        """Part of the chest's direction (normal on shoulders and trunk) against an axis: 1 up, 2 near."""
        line = sub(self.p[J.left_shoulder], self.p[J.right_shoulder])
        chest = cross(line, self.up)
        size = length(chest)
        # Seen from the side the shoulder line is mostly depth; its sign is still what the network says.
        return None if size <= 0.0 else -chest[axis] / size

    def _level(self, a: Joint, b: Joint) -> float | None:
        d = sub(self.p[a], self.p[b])
        if math.hypot(d[0], d[1]) < 0.5 * length(d):
            return None  # seen from the side the line points at the camera
        return math.degrees(math.atan2(abs(d[1]), abs(d[0])))

    def _nearness(self, pose: Pose) -> float | None:
        """Trunk and shoulders in pixels over their slow mean: grows as the body comes nearer."""
        xy = pose.xy
        shoulders = float(np.hypot(*(xy[J.left_shoulder] - xy[J.right_shoulder])))
        middle = (xy[J.left_shoulder] + xy[J.right_shoulder] - xy[J.left_hip] - xy[J.right_hip]) / 2
        now = shoulders + float(np.hypot(*middle))
        if now <= 0.0:
            return None
        if self.m._trunk_pixels is None or self.m._time is None:
            self.m._trunk_pixels = now
        else:
            k = 1.0 - math.exp(-max(0.0, self.time - self.m._time) / 5.0)
            self.m._trunk_pixels += k * (now - self.m._trunk_pixels)
        return now / self.m._trunk_pixels
