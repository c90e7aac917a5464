"""Rules over time -> prompts. The meaning of rule files; reading them is app/rulefile.py's work.

A rule is inactive, pending or firing, as an alert of Prometheus is: its condition must hold for its
`for` before it fires, and be gone for its `keep_for` before it clears. Time is an argument. Deciding
what is said is a separate layer behind that: one prompt at a time, the most important first, each at
most so often a set and not again before its cooldown has passed; praise only where nothing is wrong. What
fires but is not spoken is still active, and is counted as a fault.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from app.conditions import Blame, Values, names_in
from app.exercise import Exercise as Exercise
from app.exercise import Rule as Rule
from app.exercise import Severity as Severity
from app.exercise import in_language as in_language
from app.explanation import Check, Explanation
from app.measures import REP_NUMBERS as REP_NUMBERS
from app.measures import RepRow, SetValues, StretchValues, rep_names
from app.measures import RepValues as RepValues
from app.measures import format_value as format_value
from app.parameters import Measurement
from app.reps import Hold, Rep
from app.skeleton import Joint
from app.throttle import QUIET_SECONDS, Throttle
from app.view import View
from app.yamlfile import YamlFileError

LIBRARY: Final = Path(__file__).resolve().parent.parent / "coach_rules"

# Praise keeps this far from any prompt before it.
PRAISE_QUIET_SECONDS: Final = 5.0
# A condition that cannot be known for a moment leaves a rule as it is; for longer, it is not true.
UNKNOWN_SECONDS: Final = 0.3
# A rule that looks back over some seconds waits until it has seen this share of them.
LEAST_LOOK_BACK: Final = 0.8


class RuleFileError(YamlFileError):
    """A rule file cannot be used."""


@dataclass(frozen=True, kw_only=True)
class Prompt:
    """What is shown or spoken now. t: seconds. rep: number of the repetition it is about, or None.

    value, limit: what was measured and the limit it crossed, in the parameter's unit.
    praise: it is said of what went well.
    """

    t: float
    rule: str
    rep: int | None
    severity: Severity
    priority: int
    text: str
    parameter: str
    value: float
    limit: float
    joints: tuple[Joint, ...]
    praise: bool = False


@dataclass(frozen=True, kw_only=True)
class ActiveRule:
    """A rule that fires now, spoken or not, with the joints to colour."""

    rule: str
    severity: Severity
    priority: int
    text: str
    parameter: str
    value: float
    limit: float
    joints: tuple[Joint, ...]
    since: float


def load_exercise(path: Path) -> Exercise:
    """Reads a rule file. Raises RuleFileError with every problem in it."""
    from app.rulefile import read_exercise

    return read_exercise(Path(path))


def load_library(folder: Path = LIBRARY) -> dict[str, Exercise]:
    """All rule files of a folder, by id, sorted. Raises RuleFileError with every problem in all of them."""
    from app.rulefile import read_library

    return read_library(Path(folder))


class _Frame(NamedTuple):
    """What rules look back on."""

    time: float
    values: Mapping[str, float]
    view: View
    phase: str
    visible: frozenset[Joint]


class _Judged(NamedTuple):
    """What a rule of something that is over was last judged on. rep: the repetition's number."""

    rep: int | None
    values: Values | None
    view_ok: bool
    needs_ok: bool


class _State:
    """A rule's life: inactive, pending (`pending_since`), firing (`since`)."""

    __slots__ = (
        "blame",
        "entered",
        "judged",
        "last_true",
        "pending_since",
        "rep",
        "since",
    )

    def __init__(self) -> None:
        self.pending_since: float | None = None
        self.since: float | None = None
        self.last_true = 0.0
        self.blame: Blame | None = None
        self.rep: int | None = None  # a rule of something over: the repetition that is yet to be spoken of
        self.entered: float | None = None  # a rule of phases: when one of them began
        self.judged: _Judged | None = None


class RuleEngine:
    """Applies an exercise's rules.

        engine = RuleEngine(exercise, language="en")
        prompts = engine.step(time, measurement, counter.phase, events)
        engine.explain("shallow", "en").text             # why it did or did not fire just now
        prompts += engine.finish(time, counter.finish(time))

    step's prompts hold at most one: the most important of those due.
    """  # fmt: skip

    def __init__(self, exercise: Exercise, *, language: str = "en") -> None:
        self.exercise = exercise
        self.language = language
        rules = exercise.rules
        self._frame_rules = tuple(rule for rule in rules if rule.judge == "frame")
        self._phase_rules = tuple(rule for rule in rules if rule.judge == "phase")
        # Faults first: whether a repetition was clean is known when they are judged.
        self._rep_rules = tuple(
            sorted((rule for rule in rules if rule.judge == "rep"), key=lambda rule: not rule.is_fault)
        )
        self._set_rules = tuple(rule for rule in rules if rule.judge == "set")
        self._over_rules = (*self._phase_rules, *self._rep_rules, *self._set_rules)
        self._look_back = max(
            [1.5 * exercise.counting.max_duration + 2.0, *(rule.over + 1.0 for rule in self._frame_rules)]
        )
        # What set rules build on, by the views that they judge from; what limits are relative to.
        self._developing: dict[tuple[View, ...], set[str]] = {}
        for rule in self._set_rules:
            self._developing.setdefault(rule.views, set()).update(rep_names(names_in(rule.when)))
        self._own_names = {
            comparison.parameter
            for rule in self._rep_rules
            for comparison in rule.when.comparisons()
            if comparison.relative
        }
        self._own: dict[str, float] = dict(exercise.own)
        self._learning: dict[str, list[float]] = {
            name: [] for name in self._own_names if name not in self._own
        }
        self.reset()

    def reset(self) -> None:
        """Everything starts from nothing but what is known to be the athlete's own."""
        self._states = {rule.id: _State() for rule in self.exercise.rules}
        self._plans = tuple((rule, self._states[rule.id]) for rule in self._frame_rules)
        self._frames: deque[_Frame] = deque()
        self._measurement: Measurement | None = None
        self._phase = ""
        self._time: float | None = None
        self._count = 0
        self._last_rep: Rep | None = None
        self._faults = {rule.id: 0.0 for rule in self.exercise.rules if rule.is_fault and rule.judge != "set"}
        self._in_this_rep: set[str] = set()
        self.begin_set()

    def begin_set(self) -> None:
        """The set proper begins: what was done before is neither praised nor held against it.

        What is under way goes on: the repetition, what fires, the counts.
        """
        self._clean = 0
        self._rows: dict[tuple[View, ...], list[RepRow]] = {views: [] for views in self._developing}
        self._throttle = Throttle()

    @property
    def active(self) -> list[ActiveRule]:
        """The rules that fire now, the most important first."""
        out = []
        for rule in self.exercise.rules:
            state = self._states[rule.id]
            if state.since is not None and state.blame is not None:
                out.append(
                    ActiveRule(
                        rule=rule.id,
                        severity=rule.severity,
                        priority=rule.priority,
                        text=self._text(rule, state.blame),
                        parameter=state.blame.parameter,
                        value=state.blame.value,
                        limit=state.blame.limit,
                        joints=rule.joints,
                        since=state.since,
                    )
                )
        return sorted(out, key=lambda a: -a.priority)

    @property
    def fault_counts(self) -> dict[str, float]:
        """Rule id -> the number of repetitions it was active in (holds: the seconds it was active)."""
        return dict(self._faults)

    @property
    def own(self) -> dict[str, float]:
        """The athlete's own values that are known by now, by name."""
        return dict(self._own)

    def step(
        self,
        time: float,
        measurement: Measurement | None,
        phase: str,
        events: Sequence[Rep | Hold] = (),
    ) -> list[Prompt]:
        """time: seconds, never going back. phase: the counter's. events: what just ended."""
        gap = 0.0 if self._time is None else time - self._time
        self._time, self._measurement, self._phase = time, measurement, phase
        if measurement is not None:
            frames = self._frames
            frames.append(_Frame(time, measurement.values, measurement.view, phase, measurement.visible))
            while frames[0].time < time - self._look_back:
                frames.popleft()
        number = self._count + 1 if phase and self.exercise.counting.kind == "reps" else None
        due = [(rule, number) for rule in self._step_frame_rules(time, measurement, phase, gap)]
        self._judge_phases(time, phase)
        self._judge_reps(time, events)
        return self._speak(time, due + self._due(time))

    def finish(self, time: float, events: Sequence[Rep | Hold] = ()) -> list[Prompt]:
        """The end of a set: judges the repetitions that this completed, and the set as a whole.

        Its prompts may be several: one of the last repetition, and all that is to be said of the set.
        """
        self._judge_reps(time, events)
        out = self._speak(time, self._due(time))
        of_set = [rule for rule in self._set_rules if rule.at == "end" and self._judge_set(rule, time)]
        return out + [self._said(rule, time, None) for rule in sorted(of_set, key=lambda r: -r.priority)]

    # -- rules of every frame -------------------------------------------------------------------------

    def _step_frame_rules(
        self, time: float, measurement: Measurement | None, phase: str, gap: float
    ) -> list[Rule]:
        """One frame of the life of each; gives those that are due to be spoken."""
        due: list[Rule] = []
        stretches: dict[float, Values | None] = {}
        for rule, state in self._plans:
            truth: bool | None = None
            if measurement is not None:
                if (rule.phases and phase not in rule.phases) or measurement.view not in rule.views:
                    truth = False
                elif rule.over or rule.sure or rule.needs or rule.until is not None:
                    truth = self._truth(rule, state, time, measurement, stretches)
                else:
                    truth = rule.when.holds(measurement.values)
            if truth is False and state.since is None:
                state.pending_since = None
            elif self._advance(rule, state, time, truth, measurement, gap, stretches):
                due.append(rule)
        return due

    def _truth(
        self,
        rule: Rule,
        state: _State,
        time: float,
        measurement: Measurement,
        stretches: dict[float, Values | None],
    ) -> bool | None:
        """Whether a frame rule's condition is true, with all that it asks for besides."""
        if rule.needs and not measurement.visible.issuperset(rule.needs):
            return None
        if rule.sure and self._sureness(rule, measurement) < rule.sure:
            return None
        values = self._looking_back(rule, time, measurement, stretches)
        if values is None:
            return None
        if state.since is None or rule.until is None:
            return rule.when.holds(values)
        cleared = rule.until.holds(values)
        return None if cleared is None else not cleared

    def _looking_back(
        self, rule: Rule, time: float, measurement: Measurement, stretches: dict[float, Values | None]
    ) -> Values | None:
        """What the rule judges: the frame, or the last seconds; None when too little of them was seen."""
        if not rule.over:
            return measurement.values
        if rule.over not in stretches:
            frames = []
            for frame in reversed(self._frames):
                if frame.time < time - rule.over:
                    break
                frames.append((frame.time, frame.values))
            enough = bool(frames) and time - frames[-1][0] >= LEAST_LOOK_BACK * rule.over
            stretches[rule.over] = StretchValues(frames[::-1]) if enough else None
        return stretches[rule.over]

    @staticmethod
    def _sureness(rule: Rule, measurement: Measurement) -> float:
        """How well the least seen of its parameters is seen, 0..1."""
        names = (name.split(".")[0] for name in names_in(rule.when))
        return min((measurement.confidence.get(name, 0.0) for name in names), default=1.0)

    def _advance(
        self,
        rule: Rule,
        state: _State,
        time: float,
        truth: bool | None,
        measurement: Measurement | None,
        gap: float,
        stretches: dict[float, Values | None],
    ) -> bool:
        """Whether it is due to be spoken."""
        if truth is None:
            if time - state.last_true > UNKNOWN_SECONDS:
                state.pending_since = None
            if state.since is not None and time - state.last_true > max(rule.keep_for, UNKNOWN_SECONDS):
                state.since = None
            return False
        if truth:
            assert measurement is not None
            state.last_true = time
            values = self._looking_back(rule, time, measurement, stretches)
            state.blame = (rule.when.blame(values) if values is not None else None) or state.blame
            if state.pending_since is None:
                state.pending_since = time
            if state.since is None and time - state.pending_since >= rule.hold_for:
                state.since = time
        else:
            state.pending_since = None
            if state.since is not None and time - state.last_true > rule.keep_for:
                state.since = None
        if state.since is None:
            return False
        self._in_this_rep.add(rule.id)
        if self.exercise.counting.kind == "hold" and rule.id in self._faults:
            self._faults[rule.id] += gap
        return truth

    # -- rules of what is over --------------------------------------------------------------------------

    def _due(self, time: float) -> list[tuple[Rule, int | None]]:
        """What a repetition or a phase showed stays lit, and may still be said, for keep_for after it."""
        due: list[tuple[Rule, int | None]] = []
        for rule in self._over_rules:
            state = self._states[rule.id]
            if state.since is not None and time - state.last_true > rule.keep_for:
                state.since = state.rep = None
            if state.rep is not None:
                due.append((rule, state.rep))
        return due

    def _judge_phases(self, time: float, phase: str) -> None:
        for rule in self._phase_rules:
            state = self._states[rule.id]
            if phase in rule.phases:
                if state.entered is None:
                    state.entered = time
            elif state.entered is not None:
                begin, state.entered = state.entered, None
                if phase:  # not when the athlete is gone
                    whole = [frame for frame in self._frames if begin <= frame.time < time]
                    self._judge(rule, time, self._count + 1, self._seen(rule, whole), whole)

    def _seen(self, rule: Rule, whole: Sequence[_Frame]) -> StretchValues | None:
        """A phase's statistics; None when most of it was seen from views that cannot judge it."""
        frames = [(f.time, f.values) for f in whole if f.view in rule.views]
        if not frames or 2 * len(frames) < len(whole):
            return None
        return StretchValues(frames, {"phase_duration": whole[-1].time - whole[0].time})

    def _judge_reps(self, time: float, events: Sequence[Rep | Hold]) -> None:
        for event in events:
            if isinstance(event, Rep):
                self._judge_rep(time, event)

    def _judge_rep(self, time: float, rep: Rep) -> None:
        self._count = rep.number
        whole = [frame for frame in self._frames if rep.start <= frame.time <= rep.end]
        seen: dict[tuple[View, ...], RepValues | None] = {}
        numbers = self._numbers(rep, whole)

        def values_from(views: tuple[View, ...]) -> RepValues | None:
            """Judged on the frames seen from a view that can judge it, if that is most of the rep."""
            if views not in seen:
                frames = [(f.time, f.values) for f in whole if f.view in views]
                enough = frames and 2 * len(frames) >= len(whole)
                seen[views] = RepValues(rep, frames, numbers, self._own) if enough else None
            return seen[views]

        clean = None
        for rule in self._rep_rules:
            if clean is None and not rule.is_fault:
                clean = self._note_clean(numbers)
                seen.clear()  # how many are clean is known now
            if rule.praise and not clean:
                self._put_out(rule)
            else:
                self._judge(rule, time, rep.number, values_from(rule.views), whole)
        if clean is None:
            clean = self._note_clean(numbers)
        for rule_id in self._in_this_rep:
            if rule_id in self._faults:
                self._faults[rule_id] += 1
        # What still fires goes on into the next repetition.
        self._in_this_rep = {r.id for r in self._frame_rules if self._states[r.id].since is not None}
        for views, names in self._developing.items():
            found = values_from(views)
            known = {name: v for name in names if found is not None and (v := found.get(name)) is not None}
            self._rows[views].append(RepRow(rep=rep, clean=clean, values=known))
        for rule in self._set_rules:
            if rule.at == "rep":
                self._judge_set(rule, time)
        self._learn(rep, RepValues(rep, [(f.time, f.values) for f in whole], numbers))
        self._last_rep = rep

    def _note_clean(self, numbers: dict[str, float]) -> bool:
        clean = not any(rule_id in self._faults for rule_id in self._in_this_rep)
        self._clean = self._clean + 1 if clean else 0
        numbers["clean_reps"] = self._clean
        return clean

    def _numbers(self, rep: Rep, whole: Sequence[_Frame]) -> dict[str, float]:
        """What only the phases and the repetition before tell of it."""
        turn = self.exercise.counting.phases[2]
        at_turn = [frame.time for frame in whole if frame.phase == turn]
        numbers = {"turn_duration": at_turn[-1] - at_turn[0]} if at_turn else {}
        if self._last_rep is not None and rep.start >= self._last_rep.end:
            numbers["pause_duration"] = rep.start - self._last_rep.end
        return numbers

    def _learn(self, rep: Rep, values: RepValues) -> None:
        """The first whole repetitions tell what is usual for this athlete: their middle values."""
        for name, found in list(self._learning.items()) if rep.valid else ():
            value = values.get(name)
            if value is not None:
                found.append(value)
            if len(found) >= self.exercise.own_reps:
                self._own[name] = sorted(found)[len(found) // 2]
                del self._learning[name]

    def _judge_set(self, rule: Rule, time: float) -> bool:
        """Whether the rule fires on the set so far."""
        return self._judge(rule, time, self._count, SetValues(self._rows[rule.views], rule.last), ())

    def _judge(
        self, rule: Rule, time: float, number: int, values: Values | None, whole: Sequence[_Frame]
    ) -> bool:
        """Whether a rule of what is over fires; it then waits to be spoken of."""
        state = self._states[rule.id]
        needs_ok = not rule.needs or 2 * sum(f.visible.issuperset(rule.needs) for f in whole) > len(whole)
        state.judged = _Judged(number, values, values is not None, needs_ok)
        state.since = state.rep = None
        if values is None or not needs_ok or not rule.when.holds(values):
            return False
        state.blame = rule.when.blame(values)
        state.since = state.last_true = time
        state.rep = number
        self._in_this_rep.add(rule.id)
        return True

    def _put_out(self, rule: Rule) -> None:
        state = self._states[rule.id]
        state.since = state.rep = state.judged = None

    # -- what is said -------------------------------------------------------------------------------------

    def _may_speak(self, rule: Rule, time: float) -> bool:
        if self._states[rule.id].blame is None or not self._throttle.allows(rule, time):
            return False
        return not rule.praise or self._all_is_well(time)

    def _all_is_well(self, time: float) -> bool:
        """Whether praise would not contradict what is lit or was just said."""
        if self._throttle.since_prompt(time) < PRAISE_QUIET_SECONDS:
            return False
        return not any(r.is_fault and self._states[r.id].since is not None for r in self.exercise.rules)

    def _speak(self, time: float, due: list[tuple[Rule, int | None]]) -> list[Prompt]:
        ready = [(rule, rep) for rule, rep in due if self._may_speak(rule, time)]
        if not ready:
            return []
        rule, rep = max(ready, key=lambda pair: pair[0].priority)
        return [self._said(rule, time, rep)]

    def _said(self, rule: Rule, time: float, rep: int | None) -> Prompt:
        """The prompt, which counts as said."""
        state = self._states[rule.id]
        blame = state.blame
        assert blame is not None  # a rule that fires has something to blame
        state.rep = None
        self._throttle.note(rule, time)
        return Prompt(
            t=time,
            rule=rule.id,
            rep=rep,
            severity=rule.severity,
            priority=rule.priority,
            text=self._text(rule, blame),
            parameter=blame.parameter,
            value=blame.value,
            limit=blame.limit,
            joints=rule.joints,
            praise=rule.praise,
        )

    def _text(self, rule: Rule, blame: Blame) -> str:
        text = in_language(rule.say, self.language)
        # Not str.format: texts come from files, and format can reach into objects.
        return text.replace("{value}", format_value(blame.parameter, blame.value)).replace(
            "{limit}", format_value(blame.parameter, blame.limit)
        )

    # -- why --------------------------------------------------------------------------------------------

    def explain(self, rule_id: str) -> Explanation:
        """Why that rule fires or does not, as of the last step. Raises KeyError when there is no such rule.

        A rule of what is over is explained on the repetition or phase that it was last judged on.
        """
        rule = next((rule for rule in self.exercise.rules if rule.id == rule_id), None)
        if rule is None:
            raise KeyError(rule_id)
        state, measurement, time = self._states[rule_id], self._measurement, self._time or 0.0
        judged = state.judged
        values: Values | None = None
        view_ok = phase_ok = True
        missing: tuple[Joint, ...] = ()
        unsure = None
        if rule.judge == "frame":
            phase_ok = not rule.phases or self._phase in rule.phases
            if measurement is not None:
                view_ok = measurement.view in rule.views
                missing = tuple(joint for joint in rule.needs if joint not in measurement.visible)
                sureness = self._sureness(rule, measurement)
                unsure = sureness if sureness < rule.sure else None
                values = self._looking_back(rule, time, measurement, {})
        elif judged is not None:
            values, view_ok = judged.values, judged.view_ok
            missing = () if judged.needs_ok else rule.needs
        checks = tuple(
            Check(
                parameter=comparison.parameter,
                operator=comparison.operator,
                value=None if values is None else values.get(comparison.parameter),
                limit=comparison.limit if values is None else comparison.limit_for(values),
                upper=comparison.upper,
                relative=comparison.relative,
                truth=None if values is None else comparison.holds(values),
            )
            for comparison in rule.when.comparisons()
        )
        return Explanation(
            rule=rule.id,
            judge=rule.judge,
            time=time,
            someone=measurement is not None or rule.judge != "frame",
            judged=rule.judge == "frame" or judged is not None,
            rep=judged.rep if judged is not None else None,
            fires=state.since is not None,
            since=state.since,
            condition=None if values is None else rule.when.holds(values),
            checks=checks,
            view=measurement.view if measurement is not None else None,
            views=rule.views,
            view_ok=view_ok,
            phase=self._phase,
            phases=rule.phases,
            phase_ok=phase_ok,
            missing=missing,
            sureness=unsure,
            sure=rule.sure,
            held=0.0 if state.pending_since is None else time - state.pending_since,
            hold_for=rule.hold_for if rule.judge == "frame" else 0.0,
            own_learnt=min((len(found) for found in self._learning.values()), default=self.exercise.own_reps),
            own_reps=self.exercise.own_reps,
            said=self._throttle.said(rule),
            per_set=rule.per_set,
            said_now=self._throttle.said_now(rule, time),
            cooldown_left=self._throttle.cooldown_left(rule, time),
            quiet_left=max(0.0, QUIET_SECONDS - self._throttle.since_prompt(time)),
            too_often=self._throttle.too_often(rule),
            praise_waits=rule.praise and not self._all_is_well(time),
        )
