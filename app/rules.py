"""Rules over time -> prompts. The meaning of rule files; reading them is app/rulefile.py's work.

A rule is inactive, pending or firing, as an alert of Prometheus is: its condition must hold for its
`for` before it fires, and be gone for its `keep_for` before it clears. Time is an argument. Deciding
what is said is a separate layer behind that: one prompt at a time, the most important first, each at
most so often a set and not again before its cooldown has passed. What fires but is not spoken is still
active, and is counted as a fault.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from app.conditions import Blame, Condition
from app.parameters import PARAMETERS, Measurement, View
from app.reps import Counting, Hold, Rep
from app.skeleton import Joint
from app.yamlfile import YamlFileError

Severity = Literal["info", "warning", "error"]
SEVERITIES: Final[tuple[Severity, ...]] = ("info", "warning", "error")
Judge = Literal["frame", "rep"]
JUDGES: Final[tuple[Judge, ...]] = ("frame", "rep")

# How a rep's rules speak of a parameter: knee.min is the least knee angle of the rep, and so on.
STATISTICS: Final = ("min", "max", "mean", "range", "turn", "start")
# Numbers of the rep itself, for its rules: seconds of the whole, of the way out, of the way back.
REP_NUMBERS: Final = ("rep_duration", "out_duration", "back_duration")

LIBRARY: Final = Path(__file__).resolve().parent.parent / "coach_rules"

# Two prompts are at least this far apart unless the second is more important.
QUIET_SECONDS: Final = 2.5
# The same prompt is not given more often than this in a row, whatever its file says.
MOST_IN_A_ROW: Final = 3
# A condition that cannot be known for a moment leaves a rule as it is; for longer, it is not true.
UNKNOWN_SECONDS: Final = 0.3
# Extremes of a rep leave out this share of the frames: one bad frame is no extreme.
TRIMMED: Final = 0.04


class RuleFileError(YamlFileError):
    """A rule file cannot be used."""


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One reminder.

    judge: "frame" = at every frame, "rep" = when a repetition has ended, on its statistics.
    when: the condition. phases: only in these (empty: always). views: only from these.
    needs: joints that must be seen, besides those of the condition's parameters.
    hold_for, keep_for: seconds before it fires and before it clears. cooldown: seconds before it is said
    again. per_set: how often it may be said in a set. joints: what is highlighted. say: language -> text.
    """

    id: str
    severity: Severity
    priority: int
    judge: Judge
    when: Condition
    phases: tuple[str, ...]
    views: tuple[View, ...]
    needs: tuple[Joint, ...]
    hold_for: float
    keep_for: float
    cooldown: float
    per_set: int
    joints: tuple[Joint, ...]
    say: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class RuleTest:
    """What must come of a recorded pose file. reps, holds: how many; prompts: exactly these rules speak.

    None is not looked at. line: where it stands in the rule file.
    """

    recording: Path
    reps: int | None
    holds: int | None
    prompts: tuple[str, ...] | None
    line: int


@dataclass(frozen=True, kw_only=True)
class Exercise:
    """An exercise of the library: how it is counted and what is said about it.

    names, about: language -> text. views: the views it can be judged from, the best first.
    sources: where the reminders come from. tests: its own. path: the file it was read from.
    """

    id: str
    names: Mapping[str, str]
    about: Mapping[str, str]
    views: tuple[View, ...]
    counting: Counting
    rules: tuple[Rule, ...]
    sources: tuple[str, ...] = ()
    tests: tuple[RuleTest, ...] = ()
    path: Path | None = field(default=None, compare=False)

    def name(self, language: str = "en") -> str:
        """Its name in that language, else in English."""
        return in_language(self.names, language)


@dataclass(frozen=True, kw_only=True)
class Prompt:
    """What is shown or spoken now. t: seconds. rep: number of the repetition it is about, or None.

    value, limit: what was measured and the limit it crossed, in the parameter's unit.
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


def in_language(texts: Mapping[str, str], language: str) -> str:
    """The text in that language ("zh_CN" falls back to "zh"), else in English, else in any."""
    for key in (language, language.split("_")[0].split("-")[0], "en"):
        if key in texts:
            return texts[key]
    return next(iter(texts.values()), "")


def format_value(parameter: str, value: float) -> str:
    """A number with its unit as it is read aloud: 104°, 85 %, 1.5 s."""
    name = parameter.split(".")[0]
    if name in REP_NUMBERS:
        return f"{value:.1f} s"
    unit = PARAMETERS[name].unit
    return {"deg": f"{value:.0f}°", "deg/s": f"{value:.0f}°/s", "ratio": f"{value * 100:.0f} %"}.get(
        unit, f"{value * 100:.0f} %/s"
    )


class RepValues:
    """The statistics of one repetition, measured when asked for: `get("knee.min")`.

    frames: (time, values) of the repetition, in order. In a repetition of one side a sided parameter is
    that side's.
    """

    def __init__(self, rep: Rep, frames: Sequence[tuple[float, Mapping[str, float]]]) -> None:
        self._rep = rep
        self._frames = frames
        self._known: dict[str, float | None] = {
            "rep_duration": rep.end - rep.start,
            "out_duration": rep.turn - rep.start,
            "back_duration": rep.end - rep.turn,
        }

    def get(self, name: str, /) -> float | None:
        if name not in self._known:
            self._known[name] = self._measure(*name.split(".", 1))
        return self._known[name]

    def _measure(self, parameter: str, statistic: str = "mean") -> float | None:
        """None when it was seen in less than half of the frames: half a rep tells no extremes."""
        if self._rep.side != "both" and PARAMETERS[parameter].sided:
            parameter = f"{self._rep.side}_{parameter}"
        if statistic in ("turn", "start"):
            at = self._rep.turn if statistic == "turn" else self._rep.start
            near = [v[parameter] for t, v in self._frames if abs(t - at) <= 0.12 and parameter in v]
            return sorted(near)[len(near) // 2] if near else None
        seen = sorted(v[parameter] for _, v in self._frames if parameter in v)
        if not seen or 2 * len(seen) < len(self._frames):
            return None
        cut = int(TRIMMED * len(seen))
        low, high = seen[cut], seen[len(seen) - 1 - cut]
        return {"min": low, "max": high, "range": high - low}.get(statistic, sum(seen) / len(seen))


class _State:
    """A rule's life: inactive, pending (`pending_since`), firing (`since`)."""

    __slots__ = ("blame", "last_said", "last_true", "pending_since", "rep", "said", "since")

    def __init__(self) -> None:
        self.pending_since: float | None = None
        self.since: float | None = None
        self.last_true = 0.0
        self.blame: Blame | None = None
        self.said = 0
        self.last_said: float | None = None
        self.rep: int | None = None  # a rule of reps: the repetition that is yet to be spoken of


class RuleEngine:
    """Applies an exercise's rules.

        engine = RuleEngine(exercise, language="en")
        prompts = engine.step(time, measurement, counter.phase, events)
        prompts += engine.finish(time, counter.finish(time))

    step's prompts hold at most one: the most important of those due.
    """  # fmt: skip

    def __init__(self, exercise: Exercise, *, language: str = "en") -> None:
        self.exercise = exercise
        self.language = language
        self._frame_rules = tuple(r for r in exercise.rules if r.judge == "frame")
        self._rep_rules = tuple(r for r in exercise.rules if r.judge == "rep")
        self.reset()

    def reset(self) -> None:
        """A new set: budgets, cooldowns and faults start from nothing."""
        self._states = {rule.id: _State() for rule in self.exercise.rules}
        self._frames: deque[tuple[float, Mapping[str, float], View]] = deque()
        self._visible: deque[tuple[float, frozenset[Joint]]] = deque()
        self._time: float | None = None
        self._count = 0
        self._last_prompt: tuple[float, int] | None = None
        self._in_a_row: tuple[str, int] = ("", 0)
        self._faults = {rule.id: 0.0 for rule in self.exercise.rules if rule.severity != "info"}
        self._in_this_rep: set[str] = set()

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

    def step(
        self,
        time: float,
        measurement: Measurement | None,
        phase: str,
        events: Sequence[Rep | Hold] = (),
    ) -> list[Prompt]:
        """time: seconds, never going back. phase: the counter's. events: what just ended."""
        gap = 0.0 if self._time is None else time - self._time
        self._time = time
        if measurement is not None:
            self._frames.append((time, measurement.values, measurement.view))
            self._visible.append((time, measurement.visible))
            oldest = time - 1.5 * self.exercise.counting.max_duration - 2.0
            while self._frames[0][0] < oldest:
                self._frames.popleft()
                self._visible.popleft()
        due = [
            (rule, self._count + 1 if phase and self.exercise.counting.kind == "reps" else None)
            for rule in self._frame_rules
            if self._advance(rule, self._states[rule.id], time, measurement, phase, gap)
        ]
        self._judge_reps(time, events)
        return self._speak(time, due + self._due_reps(time))

    def _due_reps(self, time: float) -> list[tuple[Rule, int | None]]:
        """What a repetition showed stays lit, and may still be said, for keep_for after it."""
        due: list[tuple[Rule, int | None]] = []
        for rule in self._rep_rules:
            state = self._states[rule.id]
            if state.since is not None and time - state.last_true > rule.keep_for:
                state.since = state.rep = None
            if state.rep is not None:
                due.append((rule, state.rep))
        return due

    def finish(self, time: float, events: Sequence[Rep | Hold] = ()) -> list[Prompt]:
        """The end of a recording: judges the repetitions that it completed."""
        self._judge_reps(time, events)
        return self._speak(time, self._due_reps(time))

    def _judge_reps(self, time: float, events: Sequence[Rep | Hold]) -> None:
        for event in events:
            if isinstance(event, Rep):
                self._judge_rep(time, event)

    def _judge_rep(self, time: float, rep: Rep) -> None:
        self._count = rep.number
        whole = [frame for frame in self._frames if rep.start <= frame[0] <= rep.end]
        for rule in self._rep_rules:
            # Judged on the frames seen from a view that can judge it, and only if that is most of the rep.
            frames = [(t, values) for t, values, view in whole if view in rule.views]
            state = self._states[rule.id]
            state.since = state.rep = None
            if not frames or 2 * len(frames) < len(whole) or not self._needs_seen(rule, rep):
                continue
            values = RepValues(rep, frames)
            if rule.when.holds(values):
                state.blame = rule.when.blame(values)
                state.since = state.last_true = time
                state.rep = rep.number
                self._in_this_rep.add(rule.id)
        for rule_id in self._in_this_rep:
            if rule_id in self._faults:
                self._faults[rule_id] += 1
        # What still fires goes on into the next repetition.
        self._in_this_rep = {r.id for r in self._frame_rules if self._states[r.id].since is not None}

    def _needs_seen(self, rule: Rule, rep: Rep) -> bool:
        """Whether the joints that the rule needs were seen in most of the repetition."""
        if not rule.needs:
            return True
        seen = [
            all(joint in visible for joint in rule.needs)
            for time, visible in self._visible
            if rep.start <= time <= rep.end
        ]
        return 2 * sum(seen) > len(seen)

    def _advance(
        self, rule: Rule, state: _State, time: float, measurement: Measurement | None, phase: str, gap: float
    ) -> bool:
        """One frame of a rule's life; whether it is due to be spoken."""
        truth: bool | None = None
        if measurement is not None:
            if (rule.phases and phase not in rule.phases) or measurement.view not in rule.views:
                truth = False
            elif all(joint in measurement.visible for joint in rule.needs):
                truth = rule.when.holds(measurement.values)
        if truth is None:
            if time - state.last_true > UNKNOWN_SECONDS:
                state.pending_since = None
            if state.since is not None and time - state.last_true > max(rule.keep_for, UNKNOWN_SECONDS):
                state.since = None
            return False
        if truth:
            assert measurement is not None
            state.last_true = time
            state.blame = rule.when.blame(measurement.values) or state.blame
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

    def _may_speak(self, rule: Rule, time: float) -> bool:
        """The throttling layer: budget, cooldown, and never the same cue over and over."""
        state = self._states[rule.id]
        if state.said >= rule.per_set or state.blame is None:
            return False
        if state.last_said is not None and time - state.last_said < rule.cooldown:
            return False
        if self._in_a_row[0] == rule.id and self._in_a_row[1] >= MOST_IN_A_ROW:
            return False
        if self._last_prompt is not None:
            last, priority = self._last_prompt
            if time - last < QUIET_SECONDS and rule.priority <= priority:
                return False
        return True

    def _speak(self, time: float, due: list[tuple[Rule, int | None]]) -> list[Prompt]:
        ready = [(rule, rep) for rule, rep in due if self._may_speak(rule, time)]
        if not ready:
            return []
        rule, rep = max(ready, key=lambda pair: pair[0].priority)
        state = self._states[rule.id]
        blame = state.blame
        if blame is None:
            return []
        state.said += 1
        state.rep = None
        state.last_said = time
        self._last_prompt = (time, rule.priority)
        row = self._in_a_row[1] + 1 if self._in_a_row[0] == rule.id else 1
        self._in_a_row = (rule.id, row)
        return [
            Prompt(
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
            )
        ]

    def _text(self, rule: Rule, blame: Blame) -> str:
        text = in_language(rule.say, self.language)
        # Not str.format: texts come from files, and format can reach into objects.
        return text.replace("{value}", format_value(blame.parameter, blame.value)).replace(
            "{limit}", format_value(blame.parameter, blame.limit)
        )
