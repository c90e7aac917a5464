"""The rule studio's core: a rule file, a recording, and what comes of the one on the other. Needs no Qt.

The recording is measured once (app/studio_footage.py); after a change of the file only the counting and
the rules run again over the measurements, and the counting only when it is the counting that changed.
A file with errors does not take the last good exercise away: it stays, with the errors beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from app.conditions import names_in
from app.explanation import Explanation
from app.overrides import Overrides, OverridesError, load_overrides
from app.reps import Counting, Hold, NotCounted, Rep, RepCounter
from app.rule_edit import Edit, Place, RuleEditError, RuleEditor, Threshold, read_thresholds
from app.rules import (
    ActiveRule,
    Exercise,
    Prompt,
    RuleEngine,
    RuleFileError,
    load_exercise,
    load_library,
)
from app.studio_footage import Track
from app.vocabulary import PARAMETERS

Event = Rep | Hold
S = TypeVar("S")


@dataclass(frozen=True, kw_only=True)
class Span:
    """A stretch of time with a name: a phase."""

    name: str
    start: float
    end: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Counted:
    """What the counting made of a track. events: per frame, what ended there; last: at its end.

    not_counted: the movements that were no repetitions; what the other side did during one is none of them.
    """

    counting: Counting
    track: Track
    phases: tuple[str, ...]
    counts: tuple[int, ...]
    events: tuple[tuple[Event, ...], ...]
    last: tuple[Event, ...]
    not_counted: tuple[NotCounted, ...] = ()

    @property
    def all_events(self) -> list[Event]:
        return [event for events in (*self.events, self.last) for event in events]


@dataclass(frozen=True, kw_only=True, eq=False)
class Analysis:
    """What an exercise makes of a track.

    spans: the phases in their order. judgements: (number of the repetition, rule) -> what came of it.
    active: per frame, the rules that fire.
    """

    exercise: Exercise
    track: Track
    counted: Counted
    spans: tuple[Span, ...]
    reps: tuple[Rep, ...]
    holds: tuple[Hold, ...]
    prompts: tuple[Prompt, ...]
    judgements: Mapping[tuple[int, str], Explanation]
    active: tuple[tuple[ActiveRule, ...], ...]

    def not_counted_at(self, time: float) -> NotCounted | None:
        """The movement at that time that was no repetition; the last to begin of several."""
        found = [one for one in self.counted.not_counted if one.start <= time <= one.end]
        return max(found, key=lambda one: one.start, default=None)

    def judgement(self, rep: Rep, rule: str) -> Explanation | None:
        """What came of a rule of repetitions on that one; None when there is no such."""
        return self.judgements.get((rep.number, rule))

    def curve(self, name: str) -> np.ndarray:
        """A parameter in every frame, or what a rule compared then; of a repetition: all through it."""
        if name in PARAMETERS:
            return self.track.values(name)
        out = np.full(len(self.track.times), np.nan)
        times = np.array(self.track.times)
        for rule in rules_of_stretches(self.exercise, name):
            for index, explanation in enumerate(self.explained(rule)):
                out[index] = next((c.value for c in explanation.checks if c.parameter == name), None)
        for rep in self.reps:
            for (number, _), explanation in self.judgements.items():
                for check in explanation.checks if number == rep.number else ():
                    if check.parameter == name and check.value is not None:
                        out[(times >= rep.start) & (times <= rep.end)] = check.value
        return out

    def explained(self, rule: str) -> tuple[Explanation, ...]:
        """Why that rule fires or does not, frame by frame. Raises KeyError when there is no such rule."""
        if rule not in self._explained:
            again = judge(self.exercise, self.track, counted=self.counted, explain=(rule,))
            self._explained[rule] = again._explained[rule]
        return self._explained[rule]

    def states(self, rule: str, state_of: Callable[[Explanation], S]) -> tuple[S, ...]:
        """A word for each frame of `explained`; the very same tuple when asked again."""
        if rule not in self._states:
            known = rule in {r.id for r in self.exercise.rules}
            self._states[rule] = tuple(map(state_of, self.explained(rule))) if known else ()
        return self._states[rule]

    @cached_property
    def _states(self) -> dict[str, tuple[Any, ...]]:
        return {}

    @cached_property
    def _explained(self) -> dict[str, tuple[Explanation, ...]]:
        return {}


def count(counting: Counting, track: Track) -> Counted:
    """Runs the counter over all frames."""
    counter = RepCounter(counting)
    phases, counts, events = [], [], []
    not_counted: list[NotCounted] = []
    for time, measurement in zip(track.times, track.measurements, strict=True):
        events.append(tuple(counter.step(time, measurement)))
        phases.append(counter.phase)
        counts.append(counter.count)
        not_counted += counter.not_counted
    last = tuple(counter.finish(track.end))
    not_counted += counter.not_counted
    reps = [event for ended in (*events, last) for event in ended if isinstance(event, Rep)]
    return Counted(
        counting=counting,
        track=track,
        phases=tuple(phases),
        counts=tuple(counts),
        events=tuple(events),
        last=last,
        not_counted=tuple(
            one for one in not_counted if not any(rep.start <= one.top <= rep.end for rep in reps)
        ),
    )


def judge(
    exercise: Exercise,
    track: Track,
    *,
    counted: Counted | None = None,
    explain: Collection[str] = (),
    language: str = "en",
) -> Analysis:
    """Counts and judges all frames.

    counted: of before; taken over when it is of this very counting. explain: the rules whose explanations
    are wanted at once; `Analysis.explained` gives those of any other later. Raises KeyError when there is
    no such rule.
    """
    if counted is None or counted.track is not track or counted.counting != exercise.counting:
        counted = count(exercise.counting, track)
    engine = RuleEngine(exercise, language=language)
    prompts: list[Prompt] = []
    active: list[tuple[ActiveRule, ...]] = []
    judgements: dict[tuple[int, str], Explanation] = {}
    explained: dict[str, list[Explanation]] = {rule_id: [] for rule_id in explain}
    of_reps = [rule.id for rule in exercise.rules if rule.judge == "rep"]

    def note(events: tuple[Event, ...]) -> None:
        for event in events:
            if isinstance(event, Rep):
                judgements.update({(event.number, rule): engine.explain(rule) for rule in of_reps})

    for index, time in enumerate(track.times):
        ended = counted.events[index]
        prompts += engine.step(time, track.measurements[index], counted.phases[index], ended)
        active.append(tuple(engine.active))
        for rule_id in explain:
            explained[rule_id].append(engine.explain(rule_id))
        note(ended)
    prompts += engine.finish(track.end, counted.last)
    note(counted.last)
    events = counted.all_events
    analysis = Analysis(
        exercise=exercise,
        track=track,
        counted=counted,
        spans=_spans(track.times, counted.phases),
        reps=tuple(event for event in events if isinstance(event, Rep)),
        holds=tuple(event for event in events if isinstance(event, Hold)),
        prompts=tuple(prompts),
        judgements=judgements,
        active=tuple(active),
    )
    analysis._explained.update({rule_id: tuple(found) for rule_id, found in explained.items()})
    return analysis


def rules_of_stretches(exercise: Exercise, name: str = "") -> list[str]:
    """The rules that compare a statistic of the last seconds, of a phase or of the set (of this name)."""
    return [
        rule.id
        for rule in exercise.rules
        if rule.judge != "rep"
        for compared in names_in(rule.when)
        if compared not in PARAMETERS and name in ("", compared)
    ]


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


class StudioSession:
    """A rule file open on a recording.

    exercise: as the file said when it was last sound; None before that. problems: what is wrong with the
    file now, line by line. analysis: None until there are both. rule: the one that is looked at; "": the
    counting. adjustments: this person's, whose limits are shown beside the file's.
    """

    def __init__(self, *, language: str = "en", adjustments: Path | None = None) -> None:
        """adjustments: the person's file, if there is one; a broken one is left to those who apply it."""
        self.language = language
        self.adjustments = Overrides()
        self._adjustments = adjustments
        self.rule = ""
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

    def _take(self, exercise: Exercise) -> None:
        assert self.editor is not None
        self.exercise, self.problems = exercise, ()
        self.adjustments = Overrides()
        if self._adjustments is not None and self._adjustments.is_file():
            with suppress(OverridesError):
                self.adjustments = load_overrides(
                    self._adjustments, {**load_library(), exercise.id: exercise}
                )
        self.thresholds = read_thresholds(self.editor.text)
        self.analysis = self._judged(exercise)

    def _judged(self, exercise: Exercise) -> Analysis | None:
        if self.track is None:
            return None
        before = self.analysis.counted if self.analysis is not None else None
        known = {rule.id for rule in exercise.rules} & {self.rule, *rules_of_stretches(exercise)}
        return judge(exercise, self.track, counted=before, explain=known, language=self.language)

    def _sound_editor(self) -> RuleEditor:
        if self.editor is None or self.problems:
            name = self.path.name if self.path is not None else "the rule file"
            raise RuleEditError("{name} has errors; mend them first, then change values here", name=name)
        return self.editor
