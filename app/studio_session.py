"""The rule studio's core: a rule file, a recording, and what comes of the one on the other. Needs no Qt.

The recording is measured once (app/studio_footage.py); after a change of the file only the counting and
the rules run again over the measurements, and the counting only when it is the counting that changed.
A file with errors does not take the last good exercise away: it stays, with the errors beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from app.parameters import PARAMETERS
from app.reps import Counting, Hold, Rep, RepCounter
from app.rule_edit import Edit, Place, RuleEditError, RuleEditor, Threshold, read_thresholds
from app.rules import (
    REP_NUMBERS,
    ActiveRule,
    Exercise,
    Prompt,
    RepValues,
    Rule,
    RuleEngine,
    RuleFileError,
    load_exercise,
)
from app.studio_footage import Track

Event = Rep | Hold
# What a lane shows beyond its curve at least, in the parameter's unit.
LEAST_MARGIN: Final = {"deg": 4.0, "ratio": 0.03, "deg/s": 20.0, "ratio/s": 0.1, "s": 0.1}


@dataclass(frozen=True, kw_only=True)
class Span:
    """A stretch of time with a name: a phase."""

    name: str
    start: float
    end: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Counted:
    """What the counting made of a track. events: per frame, what ended there; last: at its end."""

    counting: Counting
    track: Track
    phases: tuple[str, ...]
    counts: tuple[int, ...]
    events: tuple[tuple[Event, ...], ...]
    last: tuple[Event, ...]

    @property
    def all_events(self) -> list[Event]:
        return [event for events in (*self.events, self.last) for event in events]


@dataclass(frozen=True, kw_only=True, eq=False)
class Analysis:
    """What an exercise makes of a track.

    spans: the phases in their order. active: per frame, the rules that fire.
    """

    exercise: Exercise
    track: Track
    counted: Counted
    spans: tuple[Span, ...]
    reps: tuple[Rep, ...]
    holds: tuple[Hold, ...]
    prompts: tuple[Prompt, ...]
    active: tuple[tuple[ActiveRule, ...], ...]

    def statistic(self, rep: Rep, name: str, rule: Rule | None = None) -> float | None:
        """What the rule says of that repetition: "knee.min", "out_duration"; None when it cannot be known."""
        frames = [
            (m.time, m.values)
            for m in self.track.measurements
            if m is not None and rep.start <= m.time <= rep.end and (rule is None or m.view in rule.views)
        ]
        return RepValues(rep, frames).get(name)

    def curve(self, name: str) -> np.ndarray:
        """A parameter in every frame; a number of the repetition is the same through all of it."""
        if name not in REP_NUMBERS:
            return self.track.values(name)
        out = np.full(len(self.track.times), np.nan)
        times = np.array(self.track.times)
        for rep in self.reps:
            value = RepValues(rep, ()).get(name)
            if value is not None:
                out[(times >= rep.start) & (times <= rep.end)] = value
        return out


def count(counting: Counting, track: Track) -> Counted:
    """Runs the counter over all frames."""
    counter = RepCounter(counting)
    phases, counts, events = [], [], []
    for time, measurement in zip(track.times, track.measurements, strict=True):
        events.append(tuple(counter.step(time, measurement)))
        phases.append(counter.phase)
        counts.append(counter.count)
    return Counted(
        counting=counting,
        track=track,
        phases=tuple(phases),
        counts=tuple(counts),
        events=tuple(events),
        last=tuple(counter.finish(track.end)),
    )


def judge(
    exercise: Exercise, track: Track, *, counted: Counted | None = None, language: str = "en"
) -> Analysis:
    """Counts and judges all frames. counted: of before; taken over when it is of this very counting."""
    if counted is None or counted.track is not track or counted.counting != exercise.counting:
        counted = count(exercise.counting, track)
    engine = RuleEngine(exercise, language=language)
    prompts: list[Prompt] = []
    active: list[tuple[ActiveRule, ...]] = []
    for index, time in enumerate(track.times):
        prompts += engine.step(time, track.measurements[index], counted.phases[index], counted.events[index])
        active.append(tuple(engine.active))
    prompts += engine.finish(track.end, counted.last)
    events = counted.all_events
    return Analysis(
        exercise=exercise,
        track=track,
        counted=counted,
        spans=_spans(track.times, counted.phases),
        reps=tuple(event for event in events if isinstance(event, Rep)),
        holds=tuple(event for event in events if isinstance(event, Hold)),
        prompts=tuple(prompts),
        active=tuple(active),
    )


def _spans(times: Sequence[float], names: Sequence[str]) -> tuple[Span, ...]:
    """Neighbouring frames of the same phase as one; a span ends where the next begins."""
    out: list[Span] = []
    begin = 0
    for index in range(1, len(times) + 1):
        if index == len(times) or names[index] != names[begin]:
            if names[begin]:
                out.append(Span(name=names[begin], start=times[begin], end=times[min(index, len(times) - 1)]))
            begin = index
    return tuple(out)


@dataclass(frozen=True, kw_only=True, eq=False)
class Lane:
    """One row of the timeline: a parameter, its curves and the thresholds on it.

    curves: the parameter, or its left and right form where the sides are counted on their own.
    counting: whether it is a signal. low, high: what is shown, in the parameter's unit.
    """

    parameter: str
    curves: tuple[str, ...]
    unit: str
    counting: bool
    thresholds: tuple[Threshold, ...]
    low: float
    high: float


class StudioSession:
    """A rule file open on a recording.

    exercise: as the file said when it was last sound; None before that. problems: what is wrong with the
    file now, line by line. analysis: None until there are both.
    """

    def __init__(self, *, language: str = "en") -> None:
        self.language = language
        self.path: Path | None = None
        self.editor: RuleEditor | None = None
        self.exercise: Exercise | None = None
        self.problems: tuple[str, ...] = ()
        self.track: Track | None = None
        self.analysis: Analysis | None = None
        self.thresholds: tuple[Threshold, ...] = ()
        self._trial: Analysis | None = None

    @property
    def shown(self) -> Analysis | None:
        """The analysis to show: of the change being tried, else of the file."""
        return self._trial or self.analysis

    @property
    def can_undo(self) -> bool:
        return self.editor is not None and self.editor.can_undo

    @property
    def can_redo(self) -> bool:
        return self.editor is not None and self.editor.can_redo

    def open_rules(self, path: Path) -> None:
        """Opens another rule file; a broken one leaves nothing but its problems."""
        self.path, self.editor, self.exercise, self.analysis = path, None, None, None
        self.thresholds, self._trial = (), None
        self.reload()

    def reload(self) -> None:
        """Reads the file again. Broken: the last good version stays, and `problems` says what is wrong."""
        if self.path is None:
            return
        self._trial = None
        try:
            exercise = load_exercise(self.path)
            if self.editor is None:
                self.editor = RuleEditor(self.path)
            else:
                self.editor.reload()
        except RuleFileError as error:
            self.problems = error.problems
        except RuleEditError as error:
            self.problems = (str(error),)
        else:
            self._take(exercise)

    def set_track(self, track: Track | None) -> None:
        """Another recording, or none."""
        self.track = track
        self._trial = None
        self.analysis = self._judged(self.exercise) if self.exercise is not None else None

    def set_language(self, language: str) -> None:
        """Of the prompts' texts."""
        self.language = language
        self.analysis = self._judged(self.exercise) if self.exercise is not None else None

    def try_value(self, place: Place, value: float) -> None:
        """Shows what a change would bring; nothing is written. Raises RuleFileError, RuleEditError."""
        exercise = self._sound_editor().try_value(place, value)
        self._trial = self._judged(exercise)

    def end_trial(self) -> None:
        """Shows the file as it is again."""
        self._trial = None

    def change(self, place: Place, value: float) -> None:
        """Writes the change. Raises RuleFileError, RuleEditError, OutputError; then all is as it was."""
        self._trial = None
        self._take(self._sound_editor().change(place, value))

    def undo(self) -> Edit | None:
        """Takes the last change back. Raises as `change`."""
        edit = self._sound_editor().undo() if self.can_undo else None
        if edit is not None:
            self.reload()
        return edit

    def redo(self) -> Edit | None:
        """Makes the last change again that was taken back. Raises as `change`."""
        edit = self._sound_editor().redo() if self.can_redo else None
        if edit is not None:
            self.reload()
        return edit

    def threshold(self, place: Place) -> Threshold | None:
        """The number at that place of the file; None when there is none any more."""
        return next((t for t in self.thresholds if t.place == place), None)

    def lanes(self) -> tuple[Lane, ...]:
        """One for each parameter that the exercise uses: signals first, then the rules', then the rest."""
        if self.exercise is None:
            return ()
        counting = self.exercise.counting
        signals = [signal.parameter for signal in counting.signals]
        rules = [t.parameter for t in self.thresholds if t.owner]
        others = [t.parameter for t in self.thresholds if t.parameter]
        return tuple(self._lane(name, name in signals) for name in dict.fromkeys([*signals, *rules, *others]))

    def _lane(self, name: str, counting: bool) -> Lane:
        assert self.exercise is not None
        info = PARAMETERS.get(name)
        each = self.exercise.counting.sides == "each" and info is not None and info.sided
        curves = (f"left_{name}", f"right_{name}") if each else (name,)
        thresholds = tuple(t for t in self.thresholds if t.parameter == name)
        known = [t.value for t in thresholds]
        if self.analysis is not None:
            for curve in curves:
                values = self.analysis.curve(curve)
                values = values[np.isfinite(values)]
                if len(values):
                    known += [float(v) for v in np.percentile(values, [0.5, 99.5])]
        low, high = (min(known), max(known)) if known else (0.0, 1.0)
        unit = info.unit if info is not None else "s"
        margin = max(0.1 * (high - low), LEAST_MARGIN[unit])
        return Lane(
            parameter=name, curves=curves, unit=unit, counting=counting, thresholds=thresholds,
            low=low - margin, high=high + margin,
        )  # fmt: skip

    def _take(self, exercise: Exercise) -> None:
        assert self.editor is not None
        self.exercise, self.problems = exercise, ()
        self.thresholds = read_thresholds(self.editor.text)
        self.analysis = self._judged(exercise)

    def _judged(self, exercise: Exercise) -> Analysis | None:
        if self.track is None:
            return None
        known = self.analysis.counted if self.analysis is not None else None
        return judge(exercise, self.track, counted=known, language=self.language)

    def _sound_editor(self) -> RuleEditor:
        if self.editor is None or self.problems:
            name = self.path.name if self.path is not None else "the rule file"
            raise RuleEditError(f"{name} has errors; mend them first, then change values here")
        return self.editor
