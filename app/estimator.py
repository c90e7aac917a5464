"""Frame to Pose: find the person, crop, infer, un-crop, follow from frame to frame, smooth, lift, fit bones.

One person is followed: the crop of each frame comes from the joints of the one before, so that the finder
runs only at the start and after a loss, and somebody who walks by is not picked up.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from app.bones import BoneFit
from app.capture import Frame
from app.crop import MARGIN, MIN_SIDE, UPRIGHT, Crop, Image, around_candidate, around_joints, as_input, whole
from app.decode import Candidate, decode_finder, decode_joints, flip_maps
from app.runtimes import Runtime
from app.skeleton import MIRROR, NUM_JOINTS, FloatArray, Joint, Pose
from app.smoothing import OneEuro
from app.world import TRUNK, completed, make_pose, metric_scale, place_before_camera

# ---- presence: the mean confidence of the best of the trunk's and limbs' roots
CORE: Final = np.array(
    [
        Joint.neck,
        Joint.left_shoulder,
        Joint.right_shoulder,
        Joint.left_elbow,
        Joint.right_elbow,
        Joint.left_hip,
        Joint.right_hip,
        Joint.left_knee,
        Joint.right_knee,
    ]
)
CORE_COUNT: Final = 6  # of these: from the side, or behind a desk, the others are hidden
ENTER: Final = 0.45  # presence from which somebody is there whom the finder is sure of, and ...
UNSURE: Final = 0.7  # ... whom it does not see at all; in between for scores in between
LEAVE: Final = 0.28  # presence below which the person may be gone
GONE: Final = 0.14  # presence below which no skeleton is shown even for a moment
LOST_AFTER: Final = 0.3  # seconds below LEAVE

# ---- the finder
CANDIDATE: Final = 0.2  # score from which the finder's candidate is tried
SURE_CANDIDATE: Final = 0.6  # score from which no second look is needed
REMEMBER: Final = 2.0  # seconds for which a lost person is looked for at the old place only

# ---- following
GROW, SHRINK = 0.10, 0.6  # seconds in which the crop's side follows the body, up and down
TURN: Final = 0.12  # seconds in which its turn does
SCALE_SECONDS: Final = 0.8  # seconds in which metres per pixel do
SMALLEST: Final = 1.3  # metres: no crop is smaller, or a few lost joints would narrow it down to nothing
DOUBT: Final = 0.5  # presence below which the crop does not shrink, the scale rests, and ...
LOOK_AGAIN: Final = 0.25  # ... the finder is asked every so many seconds
WEAK: Final = 0.42  # presence that, lasting, is believed only if the finder agrees within ...
WEAK_SECONDS: Final = 1.5
LEAP: Final = 0.35  # trunk lengths that the trunk may jump in no time ...
LEAP_SPEED: Final = 8.0  # ... and for each second passed
SWAP_SECONDS: Final = 0.5  # left and right are held against the network at most so long
UNTWISTED: Final = 0.8  # cosine between shoulders and hips from which a trunk is surely not twisted
LARGEST_STEP_BACK: Final = 0.5  # seconds; a longer jump back in time is another recording

# ---- single images
STILL_ENTER: Final = 0.44  # presence of the best of many crops from which somebody is there
STILL_MARGINS: Final = (1.2, 1.35, 1.55)  # of the crops in which the joints are read at last
AGREE: Final = 0.025  # crop sides within which readings of a joint support each other
_QUARTERS: Final = ((0.0, -1.0), (1.0, 0.0), (-1.0, 0.0), (0.0, 1.0))

_UPPER: Final = np.array([j for j in Joint if j.name.split("_")[-1] in ("shoulder", "elbow", "wrist")])
_LOWER: Final = np.array(
    [j for j in Joint if j.name.split("_")[-1] in ("hip", "knee", "ankle", "heel", "toe")]
)
_TRUNK: Final = np.array([Joint.left_shoulder, Joint.right_shoulder, Joint.left_hip, Joint.right_hip])


@dataclass(frozen=True, kw_only=True, eq=False)
class Reading:
    """Joints in frame pixels: xy (19, 2), depth (19,) away from the camera relative to mid-hip,
    confidence (19,), and the crop they were read in."""

    xy: FloatArray
    depth: FloatArray
    confidence: FloatArray
    crop: Crop

    @classmethod
    def of(cls, maps: FloatArray, crop: Crop, size: int) -> Reading:
        """What the network says (1, 38, h, w) of a crop that was cut `size` pixels wide."""
        joints = decode_joints(maps)
        return cls(
            xy=crop.to_frame(joints.xy[0], size),
            depth=joints.depth[0] * np.float32(crop.side / size),
            confidence=joints.confidence[0],
            crop=crop,
        )

    @cached_property  # asked for half a dozen times in a frame
    def presence(self) -> float:
        """0..1: whether somebody is there at all."""
        return float(np.sort(self.confidence[CORE])[-CORE_COUNT:].mean())

    @cached_property
    def twist(self) -> float:
        """Cosine of the angle by which the hips are turned against the shoulders: below 0 nobody's are."""
        joints = np.concatenate([self.xy, self.depth[:, None]], axis=1)
        left_shoulder, right_shoulder, left_hip, right_hip = joints[_TRUNK]
        spine = left_shoulder + right_shoulder - left_hip - right_hip
        spine = spine / max(float(np.linalg.norm(spine)), 1e-6)
        across = np.stack([left_shoulder - right_shoulder, left_hip - right_hip])
        across -= (across @ spine)[:, None] * spine
        widths = np.linalg.norm(across, axis=1)
        return float(across[0] @ across[1] / max(float(widths.prod()), 1e-6))

    def swapped(self, joints: NDArray[np.intp]) -> Reading:
        """With left and right exchanged among `joints`."""
        order = np.arange(NUM_JOINTS)
        order[joints] = MIRROR[joints]
        return replace(self, xy=self.xy[order], depth=self.depth[order], confidence=self.confidence[order])


@dataclass(kw_only=True)
class _Track:
    """The person being followed."""

    crop: Crop  # for the next frame
    last: Reading
    asked: Crop | None  # that the joints of the last reading ask for
    time: float
    seen: float  # time of the last frame in which presence was above LEAVE
    scale: float  # metres per frame pixel
    looked: float  # time of the finder's last look
    believed: float  # last time at which presence was above WEAK, or the finder agreed
    since_swap: float | None = None  # since when left and right are held against the network


class Estimator:
    """Follows one person through frames, or reads a single image. Not thread-safe.

    runtime: both networks. smooth: One-Euro filters on joints and depth (off for measuring the network).
    """

    def __init__(self, runtime: Runtime, *, smooth: bool = True):
        self._runtime = runtime
        self._smooth = smooth
        # Measured on real clips: of the centimetre by which joints at rest tremble, a quarter is left; joints
        # faster than 1 m/s lag by 12 ms. Depth trembles twice as much and moves less.
        self._xy_filter = OneEuro(minimum=0.8, slope=9.0)
        self._depth_filter = OneEuro(minimum=0.5, slope=4.0)
        self._bones = BoneFit()
        self.reset()

    @property
    def runtime(self) -> Runtime:
        """The networks it runs."""
        return self._runtime

    def reset(self) -> None:
        """Forgets whom it followed."""
        self._track: _Track | None = None
        self._memory: _Track | None = None
        self._frame_shape: tuple[int, ...] | None = None
        self._time: float | None = None
        self._look = 0
        self._begin_anew()

    def _begin_anew(self) -> None:
        """The next pose has nothing to do with those before."""
        self._xy_filter.reset()
        self._depth_filter.reset()
        self._bones.reset()

    # ------------------------------------------------------------ frame by frame

    def estimate(self, frame: Frame) -> Pose | None:
        """The followed person's pose in this frame, None where nobody is.

        Frames come in order; a change of size, or a time that jumps back, begins anew.
        """
        image = _as_bgr(frame.image)
        if image is None:
            return None
        size_changed = self._frame_shape is not None and self._frame_shape != image.shape
        if size_changed or (self._time is not None and frame.time < self._time - LARGEST_STEP_BACK):
            self.reset()
        self._frame_shape, self._time = image.shape, frame.time
        reading = self._follow(image, frame.time) if self._track is not None else None
        if self._track is None:
            reading = self._find(image, frame.time)
        if reading is None or self._track is None:
            return None
        return self._pose(reading, self._track, image, frame.time)

    def _follow(self, image: Image, time: float) -> Reading | None:
        """Reads the crop that the last frame left; ends the track when the person has gone."""
        track = self._track
        assert track is not None
        reading = self._read(image, track.crop)
        passed = max(time - track.time, 0.0)
        good = reading.presence >= LEAVE and not _leapt(track.last, reading, passed)
        doubtful = not good or reading.presence < DOUBT
        if doubtful and (not good or not 0 <= time - track.looked < LOOK_AGAIN):
            # The person may have moved out of the crop in one bound, or the crop is a poor one.
            track.looked = time
            found = self._find_near(image, track, time)
            if found is not None:
                track.believed = time
            if found is not None and (not good or found.presence > reading.presence + 0.05):
                reading, good = found, True
        if not good:
            if time - track.seen > LOST_AFTER or time < track.time:
                self._memory, self._track = track, None
            return reading if self._track is not None and reading.presence >= GONE else None
        if reading.presence >= WEAK or time < track.believed:
            track.believed = time
        elif time - track.believed > WEAK_SECONDS:
            self._memory, self._track = track, None
            return None
        reading = self._keep_sides(track, reading, time)
        self._advance(track, reading, time, image)
        return reading

    def _advance(self, track: _Track, reading: Reading, time: float, image: Image) -> None:
        passed = min(max(time - track.time, 0.0), 0.2)
        target = around_joints(reading.xy, reading.confidence, reading.crop, (image.shape[1], image.shape[0]))
        if target is not None:
            before = track.crop
            wanted = max(target.side, SMALLEST / track.scale)
            if reading.presence < DOUBT:
                wanted = max(wanted, before.side)
            slow = GROW if wanted > before.side else SHRINK
            side = before.side * (wanted / before.side) ** _share(passed, slow)
            # A box that no longer holds the body helps nobody, however smooth it is.
            side = max(side, target.side * 0.9)
            turn = _share(passed, TURN)
            up = np.array(before.up) * (1 - turn) + np.array(target.up) * turn
            length = float(np.hypot(*up))
            if length < 0.3:  # upside down from one frame to the next
                up, length = np.array(target.up), 1.0
            up = up / length
            # The body goes on as it went: half of its last step ahead.
            step = np.zeros(2)
            if track.asked is not None and 0 < passed < 0.2:
                step = (np.array(target.centre) - np.array(track.asked.centre)) * 0.5
                step *= min(1.0, 0.1 * side / max(float(np.hypot(*step)), 1e-6))
            centre = (float(target.centre[0] + step[0]), float(target.centre[1] + step[1]))
            track.crop = Crop(centre=centre, side=side, up=(float(up[0]), float(up[1])))
        scale = metric_scale(reading.xy, reading.depth, reading.confidence)
        if scale is not None and reading.presence >= DOUBT:
            track.scale *= (scale / track.scale) ** _share(passed, SCALE_SECONDS)
        track.last, track.asked, track.time, track.seen = reading, target, time, time

    def _keep_sides(self, track: _Track, reading: Reading, time: float) -> Reading:
        """Undoes a sudden exchange of left and right: of arms, of legs, or of single pairs.

        Nobody turns round within a frame. But a network that insists for half a second is right, and the
        past was wrong; and so it was, at once, if with its sides the hips would face away from the shoulders.
        """
        if time - track.time > 0.2:
            track.since_swap = None
            return reading
        trunk = _trunk_pixels(track.last)
        wrong = _exchanged(track.last, reading, trunk)
        if not len(wrong):
            track.since_swap = None
            return reading
        if track.since_swap is None:
            track.since_swap = time
        kept = reading.swapped(wrong)
        if time - track.since_swap > SWAP_SECONDS or (kept.twist < -UNTWISTED and reading.twist > UNTWISTED):
            track.since_swap = None
            self._begin_anew()
            return reading
        return kept

    # ------------------------------------------------------------ finding

    def _find(self, image: Image, time: float) -> Reading | None:
        """Looks for somebody to follow; two windows a frame at most, the others in the frames to come."""
        memory = self._memory
        if memory is not None and not 0 <= time - memory.seen <= REMEMBER:
            self._memory = memory = None
        people = self._candidates(image, whole(image))
        if not people or people[0].score < SURE_CANDIDATE:
            looks = _second_looks(image)
            if memory is not None:
                looks = [replace(memory.crop, side=memory.crop.side * 1.6, up=UPRIGHT)]
            if looks:
                people += self._candidates(image, looks[self._look % len(looks)])
                self._look += 1
        if memory is not None:
            people = [person for person in people if _same_person(person, memory, time)]
        for person in sorted(people, key=lambda p: -_importance(p, image))[:2]:
            reading = self._settle(image, around_candidate(person), person.score)
            if reading is None:
                continue
            self._start(reading, time, image, memory)
            return reading
        if memory is None and not people:
            # Somebody too near to be seen whole is no business of the finder's.
            reading = self._settle(image, whole(image), 0.0)
            if reading is not None:
                self._start(reading, time, image, None)
                return reading
        return None

    def _find_near(self, image: Image, track: _Track, time: float) -> Reading | None:
        people = self._candidates(image, whole(image))
        for person in people:
            if _same_person(person, track, time):
                reading = self._settle(image, around_candidate(person), SURE_CANDIDATE)
                if reading is not None:
                    return reading
        return None

    def _settle(self, image: Image, crop: Crop, score: float) -> Reading | None:
        """Reads a crop, then once more in the crop that its joints ask for; None if nobody is there.

        The less sure the finder is (`score`), the surer the joints must be.
        """
        reading = self._read(image, crop)
        size = (image.shape[1], image.shape[0])
        better = around_joints(reading.xy, reading.confidence, reading.crop, size)
        if better is not None:
            again = self._read(image, better)
            if again.presence >= reading.presence:
                reading = again
        needed = UNSURE - (UNSURE - ENTER) * min(score / SURE_CANDIDATE, 1.0)
        return reading if reading.presence >= needed else None

    def _start(self, reading: Reading, time: float, image: Image, memory: _Track | None) -> None:
        size = (image.shape[1], image.shape[0])
        asked = around_joints(reading.xy, reading.confidence, reading.crop, size)
        crop = asked or reading.crop
        scale = metric_scale(reading.xy, reading.depth, reading.confidence) or (
            memory.scale if memory is not None else TRUNK / (0.3 * crop.side)
        )
        self._track = _Track(
            crop=crop,
            last=reading,
            asked=asked,
            time=time,
            seen=time,
            scale=scale,
            looked=time,
            believed=time,
        )
        self._memory = None
        self._begin_anew()

    def _candidates(self, image: Image, window: Crop) -> list[Candidate]:
        """Whom the finder sees in `window` (an upright square of the frame), in frame pixels."""
        size = self._runtime.finder_size
        maps = self._runtime.finder_maps(as_input([window.cut(image, size)]))
        scale = window.side / size

        def back(point: tuple[float, float]) -> tuple[float, float]:
            x, y = ((p - size / 2) * scale + c for p, c in zip(point, window.centre, strict=True))
            return x, y

        return [
            Candidate(score=p.score, hip=back(p.hip), neck=back(p.neck), radius=p.radius * scale)
            for p in decode_finder(maps[0], CANDIDATE)
        ]

    # ------------------------------------------------------------ reading

    def _read(self, image: Image, crop: Crop) -> Reading:
        size = self._runtime.input_size
        maps = self._runtime.pose_maps(as_input([crop.cut(image, size)]))
        return Reading.of(maps, crop, size)

    def read_twice(self, image: Image, crop: Crop) -> Reading:
        """The mean of the crop and its mirror image."""
        size = self._runtime.input_size
        batch = as_input([crop.cut(image, size)])
        batch = np.concatenate([batch, batch[:, :, :, ::-1]])
        maps = self._runtime.pose_maps(np.ascontiguousarray(batch))
        mean = (maps[:1] + flip_maps(maps[1:])) * np.float32(0.5)
        return Reading.of(mean, crop, size)

    def _read_around(self, image: Image, reading: Reading, margin: float) -> Reading:
        """Reads again in the crop that the joints of `reading` ask for."""
        size = (image.shape[1], image.shape[0])
        crop = around_joints(reading.xy, reading.confidence, reading.crop, size, margin=margin)
        return reading if crop is None else self.read_twice(image, crop)

    def _pose(self, reading: Reading, track: _Track, image: Image, time: float) -> Pose:
        xy, depth = completed(reading.xy, reading.depth, reading.confidence, reading.crop.up, track.scale)
        if self._smooth:
            trust = np.clip(reading.confidence * 2, 0.02, 1.0)
            xy = self._xy_filter.step(xy, time, unit=1 / track.scale, trust=trust[:, None])
            depth = self._depth_filter.step(depth, time, unit=1 / track.scale, trust=trust)
        pose = make_pose(xy, depth, reading.confidence, track.scale, time)
        return self._lifted(pose, track.scale, image, self._bones)

    def _lifted(self, pose: Pose, scale: float, image: Image, fit: BoneFit) -> Pose:
        place = place_before_camera(pose.xy, scale, (image.shape[1], image.shape[0]))
        lifted = self._runtime.lift(pose.xyz, pose.confidence)
        return replace(pose, xyz=fit(lifted, pose.xyz[:, :2], pose.confidence, place))

    # ------------------------------------------------------------ single images

    def estimate_still(self, image: Image) -> Pose | None:
        """The main person's pose in one image on its own, None where nobody is. Takes its time.

        Crops come from the finder and from the whole image, turned by quarters; each is read together with
        its mirror image, and once more in the crop that its joints ask for. Around the most confident of
        these, joints are read in three more crops, which then vote.
        """
        bgr = _as_bgr(image)
        if bgr is None:
            return None
        people = self._candidates(bgr, whole(bgr))
        if not people:
            for window in _second_looks(bgr):
                people += self._candidates(bgr, window)
        people = sorted(people, key=lambda p: -_importance(p, bgr))[:2]
        crops = [around_candidate(person) for person in people]
        crops += [whole(bgr, up=up, margin=1.05) for up in _QUARTERS]
        readings = [self.read_twice(bgr, crop) for crop in crops]
        again = [self._read_around(bgr, reading, MARGIN) for reading in readings]
        best = max(again, key=_still_score)
        if best.presence < STILL_ENTER:
            return None
        best = _vote([best, *(self._read_around(bgr, best, margin) for margin in STILL_MARGINS)])
        scale = metric_scale(best.xy, best.depth, best.confidence) or TRUNK / (0.3 * best.crop.side)
        xy, depth = completed(best.xy, best.depth, best.confidence, best.crop.up, scale)
        pose = make_pose(xy, depth, best.confidence, scale, 0.0)
        return self._lifted(pose, scale, bgr, BoneFit())


# ---------------------------------------------------------------- helpers without state


def _as_bgr(image: Image) -> Image | None:
    """H x W x 3 uint8, whatever the source gave (grey, one channel, four); None when it is too small."""
    if image.dtype != np.uint8 or image.ndim not in (2, 3) or min(image.shape[:2]) < MIN_SIDE:
        return None
    if image.ndim == 3 and image.shape[2] == 3:
        return image
    channels = 1 if image.ndim == 2 else image.shape[2]
    code = {1: cv2.COLOR_GRAY2BGR, 4: cv2.COLOR_BGRA2BGR}.get(channels)
    return None if code is None else cv2.cvtColor(image, code)  # type: ignore[return-value]


def _still_score(reading: Reading) -> float:
    return float(reading.confidence.mean())


def _vote(readings: list[Reading]) -> Reading:
    """For each joint the place that the readings support most, the mean of those near it.

    The support of a place is the sum over readings of confidence times exp(-d² / 2σ²).
    """
    xy = np.stack([reading.xy for reading in readings])  # R, 19, 2
    depth = np.stack([reading.depth for reading in readings])
    confidence = np.stack([reading.confidence for reading in readings])
    sigma = AGREE * float(np.median([reading.crop.side for reading in readings]))
    distance = np.linalg.norm(xy[:, None] - xy[None], axis=3)  # R, R, 19
    near = np.exp(-((distance / sigma) ** 2) / 2)
    winner = (near * confidence).sum(axis=1).argmax(axis=0)  # 19
    near = near[winner, :, np.arange(NUM_JOINTS)].T  # R, 19
    weight = near * np.maximum(confidence, 1e-6)
    weight /= weight.sum(axis=0)
    return replace(
        readings[0],
        xy=(weight[:, :, None] * xy).sum(axis=0).astype(np.float32),
        depth=(weight * depth).sum(axis=0).astype(np.float32),
        # Readings that put the joint elsewhere count as not having seen it here.
        confidence=(near * confidence).mean(axis=0).astype(np.float32),
    )


def _share(passed: float, slow: float) -> float:
    """How much of the way to its target a value goes in `passed` seconds with time constant `slow`."""
    return 1.0 - float(np.exp(-max(passed, 0.01) / slow))


def _trunk_pixels(reading: Reading) -> float:
    """Length of the trunk in frame pixels, or a fair guess where it points at the camera."""
    shoulders = reading.xy[[Joint.left_shoulder, Joint.right_shoulder]].mean(axis=0)
    hips = reading.xy[[Joint.left_hip, Joint.right_hip]].mean(axis=0)
    return max(float(np.hypot(*(shoulders - hips))), 0.15 * reading.crop.side)


def _leapt(before: Reading, now: Reading, passed: float) -> bool:
    """Whether the trunk moved faster than a trunk can: then it is somebody else, or nobody."""
    both = np.minimum(before.confidence, now.confidence)[_TRUNK]
    if both.max() < 0.2:
        return False
    steps = np.hypot(*(now.xy[_TRUNK] - before.xy[_TRUNK]).T)
    # Left and right exchanged is no leap: measure the nearer of the two.
    crossed = np.hypot(*(now.xy[MIRROR[_TRUNK]] - before.xy[_TRUNK]).T)
    step = min(_median(steps[both >= 0.2]), _median(crossed[both >= 0.2]))
    return step > (LEAP + LEAP_SPEED * passed) * _trunk_pixels(before)


def _median(few: FloatArray) -> float:
    """numpy's own takes four times as long over a handful."""
    values = np.sort(few)
    return float(values[(len(few) - 1) // 2] + values[len(few) // 2]) / 2


def _exchanged(before: Reading, now: Reading, trunk: float) -> NDArray[np.intp]:
    """The joints that are far from where they were, while their partners are near that place."""
    weight = np.minimum(before.confidence, now.confidence)
    same = np.hypot(*(now.xy - before.xy).T)
    other = np.hypot(*(now.xy[MIRROR] - before.xy).T)
    alone = (same > 0.2 * trunk) & (other < 0.5 * same) & (weight > 0.2)
    wrong = alone & alone[MIRROR]
    for group in (_UPPER, _LOWER):
        sure = weight[group]
        if sure.sum() >= 1.0:
            kept, crossed = (float((d[group] * sure).sum() / sure.sum()) for d in (same, other))
            wrong[group] |= kept > 0.2 * trunk and crossed < 0.5 * kept
    return np.flatnonzero(wrong)


def _second_looks(image: Image) -> list[Crop]:
    """Windows for people too small for a look at the whole frame: 15 % of the height is enough in these."""
    height, width = image.shape[:2]
    longer, side = max(height, width), min(height, width)
    windows = []
    for share in (1.0, 0.6):
        length = side * share
        along = max(1, int(np.ceil((longer - length) / (0.6 * length))) + 1) if longer > length else 1
        across = 1 if share == 1.0 else 2
        for i in range(along):
            for k in range(across):
                a = length / 2 + (longer - length) * (i / (along - 1) if along > 1 else 0.5)
                b = length / 2 + (side - length) * (k / (across - 1) if across > 1 else 0.5)
                windows.append(Crop(centre=(a, b) if width >= height else (b, a), side=length))
    return [window for window in windows if window.side < 0.9 * longer]


def _importance(person: Candidate, image: Image) -> float:
    """The main person is seen surely, is large, and stands near the middle."""
    height, width = image.shape[:2]
    off = abs(person.hip[0] / width - 0.5) + abs(person.hip[1] / height - 0.5)
    return person.score * float(np.sqrt(person.radius / max(width, height))) * (1.0 - 0.5 * min(off, 1.0))


def _same_person(person: Candidate, track: _Track, time: float) -> bool:
    """Whether the finder's candidate can be whom `track` last saw: near enough, and about as large."""
    passed = max(time - track.seen, 0.0)
    hips = track.last.xy[[Joint.left_hip, Joint.right_hip]].mean(axis=0)
    if track.last.confidence[[Joint.left_hip, Joint.right_hip]].max() < 0.2:
        hips = np.array(track.last.crop.centre)
    radius = track.last.crop.side / 2
    far = float(np.hypot(person.hip[0] - hips[0], person.hip[1] - hips[1]))
    ratio = person.radius / radius
    return far < radius * (0.5 + 0.8 * passed) and 0.5 < ratio < 1.8
