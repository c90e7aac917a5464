"""One step for one frame: pose, parameters, phase, repetitions, prompts. No Qt and no clock.

The app, `analyze`, replay and the tests all drive this same class; time comes with the frames.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

from app.capture import Frame
from app.parameters import Measurement, Measurer
from app.reps import Hold, Rep, RepCounter
from app.rules import ActiveRule, Exercise, Prompt, RuleEngine
from app.skeleton import Pose

# A prompt stays up long enough to be read from across the room, and then as long as its rule fires.
SHOWN_SECONDS: Final = 3.0
# Of what went on in a longer gap between two frames nobody knows: the machine slept, the camera was gone. A
# hold ends with it, and a repetition is not pieced together across it.
_LONGEST_GAP: Final = 2.0
# Jitter of a camera's or a damaged file's clock is smoothed over; a longer jump back is a new recording.
_LARGEST_STEP_BACK: Final = 0.5

Event = Rep | Hold | Prompt


class PoseEstimator(Protocol):
    """What the pipeline needs of `app.estimator.Estimator`."""

    def estimate(self, frame: Frame, /) -> Pose | None: ...

    def reset(self) -> None: ...


@dataclass(frozen=True, kw_only=True, eq=False)
class StepResult:
    """All that is known after one frame.

    frame: the frame, or None when a recorded pose was given. time: its time, seconds.
    pose: None where nobody is. measurement: None where nothing could be measured.
    events: what is new in this step. prompt: what is to be shown now.
    faults: the rules that fire now, with the joints to colour.
    progress: how far into the repetition, 0 (start position) to 1 (turning point).
    """

    frame: Frame | None
    time: float
    pose: Pose | None
    measurement: Measurement | None
    phase: str
    count: int
    events: tuple[Event, ...]
    prompt: Prompt | None
    faults: tuple[ActiveRule, ...]
    progress: float


class Pipeline:
    """Follows one athlete through one exercise.

    estimator: may be None when only `step_pose` is used. language: of the prompts' texts.
    """

    def __init__(self, estimator: PoseEstimator | None, exercise: Exercise, *, language: str = "en") -> None:
        self._estimator = estimator
        self._language = language
        self._exercise = exercise
        self._start_over()

    @property
    def exercise(self) -> Exercise:
        return self._exercise

    @property
    def fault_counts(self) -> dict[str, float]:
        """Rule id -> how many repetitions it was active in, or for how many seconds (holds)."""
        return dict(self._engine.fault_counts)

    def set_exercise(self, exercise: Exercise) -> None:
        """Counts another exercise from zero on; the person being followed is kept."""
        self._exercise = exercise
        self._start_over()

    def begin_set(self) -> None:
        """The set proper begins: the count goes on, series and budgets of prompts begin (`RuleEngine`)."""
        self._engine.begin_set()

    def set_language(self, language: str) -> None:
        """Of the prompts from now on."""
        self._language = self._engine.language = language

    def set_estimator(self, estimator: PoseEstimator) -> None:
        """Another one finds the poses from the next frame on; the count goes on where it was."""
        self._estimator = estimator

    def reset(self) -> None:
        """Counts from zero on and looks for a person anew."""
        if self._estimator is not None:
            self._estimator.reset()
        self._start_over()

    def step(self, frame: Frame) -> StepResult:
        """Takes the next frame; times must not go back (see `step_pose`)."""
        if self._estimator is None:
            raise ValueError("this pipeline was made without an estimator: use step_pose")
        if self._goes_back(frame.time):
            self.reset()
        return self._advance(frame.time, self._estimator.estimate(frame), frame)

    def step_pose(self, time: float, pose: Pose | None) -> StepResult:
        """Takes the next pose of a recording.

        A time slightly before the last one counts as the same time; one more than half a second
        before it is taken as the start of another recording, and counting starts over.
        """
        if self._goes_back(time):
            self.reset()
        return self._advance(time, pose, None)

    def finish(self) -> tuple[Event, ...]:
        """What the end of the frames completes: a hold still running, a repetition at its end."""
        if self._time is None:
            return ()
        ended = tuple(self._counter.finish(self._time))
        return ended + tuple(self._engine.finish(self._time, ended))

    def _start_over(self) -> None:
        self._measurer = Measurer()
        self._counter = RepCounter(self._exercise.counting)
        self._engine = RuleEngine(self._exercise, language=self._language)
        self._over_rules = {rule.id for rule in self._exercise.rules if rule.judge != "frame"}
        self._time: float | None = None
        self._prompt: Prompt | None = None

    def _goes_back(self, time: float) -> bool:
        return self._time is not None and time < self._time - _LARGEST_STEP_BACK

    def _advance(self, time: float, pose: Pose | None, frame: Frame | None) -> StepResult:
        gap = 0.0
        if self._time is not None:
            time = max(time, self._time)
            gap = time - self._time
        self._time = time
        measurement = self._measurer.step(pose, time) if gap <= _LONGEST_GAP else None
        finished = self._counter.step(time, measurement)
        prompts = self._engine.step(time, measurement, self._counter.phase, finished)
        faults = tuple(fault for fault in self._engine.active if self._is_current(fault, time))
        self._prompt = self._shown(time, prompts, faults)
        return StepResult(
            frame=frame,
            time=time,
            pose=pose,
            measurement=measurement,
            phase=self._counter.phase,
            count=self._counter.count,
            events=(*finished, *prompts),
            prompt=self._prompt,
            faults=faults,
            progress=self._counter.progress,
        )

    def _is_current(self, fault: ActiveRule, time: float) -> bool:
        """What was wrong with a whole repetition is not held against the one that is under way now."""
        return fault.rule not in self._over_rules or time - fault.since < SHOWN_SECONDS

    def _shown(self, time: float, new: list[Prompt], faults: tuple[ActiveRule, ...]) -> Prompt | None:
        """The most important of the new prompts, else the one that is up: while fresh, a fault while true."""
        if new:
            return max(new, key=lambda prompt: prompt.priority)
        shown = self._prompt
        if shown is None:
            return None
        fresh = time - shown.t < SHOWN_SECONDS
        true = not shown.praise and any(fault.rule == shown.rule for fault in faults)
        return shown if fresh or true else None
