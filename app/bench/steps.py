"""The step without the window: where its time goes, and what more rules and more people cost."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any, Final, Protocol

import cv2
import numpy as np

from app.capture import Frame, Image, open_source
from app.errors import UsageError
from app.estimator import Estimator
from app.parameters import Measurement, Measurer
from app.pipeline import Pipeline
from app.reps import RepCounter
from app.rules import Exercise, RuleEngine
from app.runtimes import Maps, Runtime
from app.skeleton import FloatArray, Pose

BLOCK: Final = 60  # frames done by one before it is the other's turn
WARM: Final = 5  # of them that are not counted: caches fill, the processor speeds up
RULE_COUNTS: Final = (10, 100, 1000, 10_000)
RULE_SECONDS: Final = 3.0  # spent on each number of rules at most
PEOPLE: Final = (1, 2, 3, 5, 10)
BATCHES: Final = (1, 64)
WHOLE: Final = "whole step"
MOVEMENT: Final = ("parameters", "repetitions", "rules")
PARTS: Final = ("network", "lifter", "around the network", *MOVEMENT, WHOLE)

Milliseconds = list[float]


class Peer(Protocol):
    """Somebody else's step, timed on the same frames."""

    def open(self, video: str) -> None: ...

    def block(self, frames: int) -> tuple[Milliseconds, float]: ...


@dataclass(frozen=True, kw_only=True, eq=False)
class Steps:
    """What `time_steps` found. milliseconds: part -> one value for each counted frame; peer: likewise.

    processor, peer_processor: milliseconds of the processor for each frame, all threads together.
    measured: frames' times and measurements of the first video, for `time_rules`.
    """

    frames: int
    found: int  # frames with somebody in them
    milliseconds: dict[str, Milliseconds]
    peer: Milliseconds
    processor: float
    peer_processor: float
    measured: list[tuple[float, Measurement | None]]


class TimedRuntime:
    """A runtime that books how long its networks take: `spent`, part -> milliseconds since it was cleared.

    A frame may need a network more than once, or not at all.
    """

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self.spent: dict[str, float] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._runtime, name)

    def pose_maps(self, batch: FloatArray) -> FloatArray:
        return self._timed("network", lambda: self._runtime.pose_maps(batch))

    def finder_maps(self, batch: FloatArray) -> FloatArray:
        return self._timed("network", lambda: self._runtime.finder_maps(batch))

    def lift(self, xyz: FloatArray, confidence: FloatArray) -> FloatArray:
        return self._timed("lifter", lambda: self._runtime.lift(xyz, confidence))

    def _timed(self, part: str, work: Callable[[], FloatArray]) -> FloatArray:
        start = time.perf_counter()
        result = work()
        self.spent[part] = self.spent.get(part, 0.0) + (time.perf_counter() - start) * 1000
        return result


@dataclass(eq=False)
class _TimedEstimator:
    """Books the estimator's own time beside its networks'."""

    estimator: Estimator
    runtime: TimedRuntime
    poses: list[Pose | None] = field(default_factory=list)
    spent: dict[str, float] = field(default_factory=dict)

    def estimate(self, frame: Frame) -> Pose | None:
        self.runtime.spent = {"network": 0.0, "lifter": 0.0}
        start = time.perf_counter()
        pose = self.estimator.estimate(frame)
        whole = (time.perf_counter() - start) * 1000
        inside = self.runtime.spent
        self.spent = {"network": inside["network"], "lifter": inside["lifter"]}
        self.spent["around the network"] = whole - sum(inside.values())
        self.poses.append(pose)
        return pose

    def reset(self) -> None:
        self.estimator.reset()


# ---------------------------------------------------------------- the step


def time_steps(
    estimator: Estimator,
    exercise: Exercise,
    videos: Sequence[str],
    *,
    most: int,
    peer: Peer | None = None,
    told: Callable[[int], None] = lambda frames: None,
) -> Steps:
    """Times `Pipeline.step` and its parts on at most so many frames of each video.

    With a peer the two take turns, a block of frames each, so that both see the same load of the machine.
    Decoding is nobody's time. told: called with the number of frames of every block done.
    Raises SourceError or UsageError for a video that cannot be used.
    """
    runtime = TimedRuntime(estimator.runtime)
    timed = _TimedEstimator(type(estimator)(runtime), runtime)
    spent: dict[str, Milliseconds] = {part: [] for part in PARTS}
    theirs: Milliseconds = []
    first: list[tuple[float, Measurement | None]] = []
    frames = found = 0
    ours_processor = their_processor = 0.0

    def their_turn(block: Sequence[Frame]) -> None:
        nonlocal their_processor
        if peer is not None:
            spent_by_them, processor = peer.block(len(block))
            theirs.extend(spent_by_them[WARM:])
            their_processor += processor

    for video in videos:
        pipeline = Pipeline(timed, exercise)
        pipeline.reset()
        if peer is not None:
            peer.open(video)
        times: list[float] = []
        timed.poses.clear()
        for number, block in enumerate(_blocks(video, most)):
            if number % 2:
                their_turn(block)
            before = time.process_time()
            _time_block(pipeline, timed, block, spent)
            ours_processor += (time.process_time() - before) * 1000
            if number % 2 == 0:
                their_turn(block)
            times += [frame.time for frame in block]
            told(len(block))
        if len(times) < 2 * WARM:
            raise UsageError(f"--video {video}: {len(times)} frames, expected {2 * WARM} or more")
        measured = _time_movement(exercise, times, timed.poses, spent)
        first = first or measured
        frames += len(times)
        found += sum(pose is not None for pose in timed.poses)
    return Steps(
        frames=frames,
        found=found,
        milliseconds=spent,
        peer=theirs,
        processor=ours_processor / frames,
        peer_processor=their_processor / frames,
        measured=first,
    )


def read_frames(video: str, most: int) -> list[Frame]:
    """The first frames of a video. Raises SourceError, or UsageError for a camera."""
    return next(_blocks(video, most, size=most), [])


def _blocks(video: str, most: int, *, size: int = BLOCK) -> Iterator[list[Frame]]:
    """Decoded a block at a time, beforehand: a whole clip does not fit into every memory."""
    with open_source(video) as source:
        if source.live:
            raise UsageError(f"--video {video}: expected a file, for the same frames every time")
        coming = islice(iter(source.read, None), most)
        while block := list(islice(coming, size)):
            yield block


def _time_block(
    pipeline: Pipeline,
    timed: _TimedEstimator,
    block: Sequence[Frame],
    spent: dict[str, Milliseconds],
) -> None:
    for place, frame in enumerate(block):
        start = time.perf_counter()
        pipeline.step(frame)
        whole = (time.perf_counter() - start) * 1000
        if place >= WARM:
            for part, value in {**timed.spent, WHOLE: whole}.items():
                spent[part].append(value)


def _time_movement(
    exercise: Exercise, times: Sequence[float], poses: Sequence[Pose | None], spent: dict[str, Milliseconds]
) -> list[tuple[float, Measurement | None]]:
    """Books "parameters", "repetitions" and "rules" on the poses found."""
    measurer, counter, engine = Measurer(), RepCounter(exercise.counting), RuleEngine(exercise)
    kept: list[tuple[float, Measurement | None]] = []
    for place, (moment, pose) in enumerate(zip(times, poses, strict=True)):
        clock = [time.perf_counter()]
        measurement = measurer.step(pose, moment)
        clock.append(time.perf_counter())
        ended = counter.step(moment, measurement)
        clock.append(time.perf_counter())
        engine.step(moment, measurement, counter.phase, ended)
        _ = engine.active
        clock.append(time.perf_counter())
        if place >= WARM:
            for part, begin, end in zip(MOVEMENT, clock, clock[1:], strict=False):
                spent[part].append((end - begin) * 1000)
        kept.append((moment, measurement))
    return kept


# ---------------------------------------------------------------- powers of ten


def time_rules(
    exercise: Exercise, measured: Sequence[tuple[float, Measurement | None]], count: int
) -> Milliseconds:
    """Milliseconds a frame with `count` rules: the exercise's own, over and over under other names."""
    own = exercise.rules
    rules = tuple(replace(own[i % len(own)], id=f"{own[i % len(own)].id}_{i}") for i in range(count))
    many = replace(exercise, rules=rules)
    counter, engine = RepCounter(many.counting), RuleEngine(many)
    spent: Milliseconds = []
    for moment, measurement in measured:
        ended = counter.step(moment, measurement)
        start = time.perf_counter()
        engine.step(moment, measurement, counter.phase, ended)
        _ = engine.active  # the pipeline asks for them in every step
        spent.append((time.perf_counter() - start) * 1000)
        if sum(spent) > RULE_SECONDS * 1000:
            break
    return spent


@dataclass(frozen=True, kw_only=True)
class Crowd:
    """What so many people in the picture cost. step: milliseconds of following one of them, a value a frame;
    finding: of the first frame, in which one is chosen; found: share of frames with a pose."""

    people: int
    step: Milliseconds
    finding: Milliseconds
    found: float


def time_people(estimator: Estimator, frames: Sequence[Frame], people: int) -> Crowd:
    """Times the estimator on the frames, each tiled with itself `people` times and as large as before."""
    crowd = [replace(frame, image=tiled(frame.image, people)) for frame in frames]
    spent: list[Milliseconds] = [[], []]
    found = 0
    for again in range(2):  # found twice, so that the finding has more than one value
        estimator.reset()
        for place, frame in enumerate(crowd):
            start = time.perf_counter()
            pose = estimator.estimate(frame)
            lasted = (time.perf_counter() - start) * 1000
            found += pose is not None
            if place == 0 or (again == 0 and place >= WARM):
                spent[min(place, 1)].append(lasted)
            if again and not place:
                break
    return Crowd(people=people, finding=spent[0], step=spent[1], found=found / (len(crowd) + 1))


def tiled(image: Image, people: int) -> Image:
    """A picture of the same size that holds the image `people` times, each made smaller to fit."""
    if people == 1:
        return image
    across = math.ceil(math.sqrt(people))
    down = math.ceil(people / across)
    height, width = image.shape[:2]
    scale = 1.0 / max(across, down)
    small = cv2.resize(image, (int(width * scale), int(height * scale)), interpolation=cv2.INTER_AREA)
    out = np.full_like(image, 96)
    for number in range(people):
        row, column = divmod(number, across)
        top, left = row * (height // down), column * (width // across)
        out[top : top + small.shape[0], left : left + small.shape[1]] = small
    return out


# ---------------------------------------------------------------- the network alone


def time_network(maps: Maps, side: int, batch: int, *, seconds: float = 1.0) -> Milliseconds:
    """Milliseconds a call with a batch of side x side pictures, from memory to memory: transfers count."""
    pictures = np.random.default_rng(0).random((batch, 3, side, side), np.float32)
    for _ in range(WARM):
        maps(pictures)
    spent: Milliseconds = []
    until = time.perf_counter() + seconds
    while time.perf_counter() < until or len(spent) < WARM:
        start = time.perf_counter()
        maps(pictures)
        spent.append((time.perf_counter() - start) * 1000)
    return spent
