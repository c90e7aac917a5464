"""The rows of the studio's timeline: which parameters, at which scale, with which levels. Needs no Qt."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np

from app.conditions import Comparison
from app.exercise import LEVELS
from app.measures import parameter_of, unit_of
from app.overrides import Overrides, with_overrides
from app.reps import Signal
from app.rule_edit import Place, Threshold
from app.rules import Exercise
from app.studio_session import Analysis
from app.vocabulary import PARAMETERS

# What a lane shows beyond its curve at least, in the parameter's unit.
LEAST_MARGIN: Final = {
    "deg": 4.0, "ratio": 0.03, "deg/s": 20.0, "ratio/s": 0.1, "s": 0.1, "count": 1.0, "change": 0.05,
}  # fmt: skip
# Statistics that are values which the parameter itself had, or nearly so.
_LEVELS: Final = ("", "min", "max", "mean", "turn", "start")
# The zoom's end, seconds shown.
LEAST_SPAN: Final = 0.5

LevelKind = Literal["limit", "start", "turn", "reach", "start_below"]


@dataclass(frozen=True, kw_only=True)
class Level:
    """A level on a lane's curve.

    value: in the parameter's unit. threshold: the number behind it, of the file or a default of the counting;
    None for a limit of the selected rule that comes from elsewhere. comes_from: from where: a level
    ("beginner", "strict"), this person's adjustments ("yours"), or what the athlete's own value makes of a
    relative limit ("own"). comparison: such a limit's. signal: what turns the progress of "reach" and
    "start_below" into the parameter's unit.
    """

    kind: LevelKind
    value: float
    threshold: Threshold | None
    signal: Signal | None = None
    comes_from: str = ""
    comparison: Comparison | None = None

    def written_value(self, value: float) -> float:
        """What to write into the file for a level at that value of the parameter."""
        assert self.threshold is not None
        if self.kind in ("reach", "start_below") and self.signal is not None:
            value = self.signal.progress(value)
        return self.threshold.snapped(value)


@dataclass(frozen=True, kw_only=True, eq=False)
class Lane:
    """One row of the timeline: a parameter, its curves and the levels on it.

    curves: the parameter, or its left and right form where the sides are counted on their own.
    signal: whether the counting follows it. low, high: what is shown, in the parameter's unit.
    """

    parameter: str
    curves: tuple[str, ...]
    unit: str
    signal: bool
    levels: tuple[Level, ...]
    low: float
    high: float

    def share(self, value: float) -> float:
        """0 at the bottom of the lane to 1 at its top."""
        return (value - self.low) / (self.high - self.low)

    def value(self, share: float) -> float:
        return self.low + share * (self.high - self.low)


def lane_of(name: str) -> str:
    """The lane that a compared name belongs to: its parameter's, when it is a level on that curve.

    A range, a number of the repetition and what a set is judged by are none, and have a lane of their own.
    """
    parameter, _, statistic = name.partition(".")
    return parameter if parameter_of(name) and statistic in _LEVELS else name


def lanes_of(
    exercise: Exercise,
    thresholds: tuple[Threshold, ...],
    analysis: Analysis | None,
    *,
    elsewhere: tuple[Level, ...] = (),
) -> tuple[Lane, ...]:
    """One for each parameter that the exercise uses: signals first, then the rules', then the rest.

    elsewhere: limits of the selected rule that the file does not say, see limits_from_elsewhere.
    """
    signals = [signal.parameter for signal in exercise.counting.signals]
    rules = [lane_of(t.name) for t in thresholds if t.owner]
    others = [lane_of(t.name) for t in thresholds if t.name]
    return tuple(
        _lane(name, exercise, thresholds, analysis, elsewhere)
        for name in dict.fromkeys([*signals, *rules, *others])
    )


def limits_from_elsewhere(
    exercise: Exercise, rule_id: str, overrides: Overrides, analysis: Analysis | None
) -> tuple[Level, ...]:
    """Where else the limits of a rule lie than its `when` says.

    For beginners and strict ones where the rule has none of its own for them, for this person, and relative
    to the athlete's own repetitions.
    """
    rule = next((rule for rule in exercise.rules if rule.id == rule_id), None)
    if rule is None:
        return ()
    mine = Overrides(exercises=overrides.exercises)
    others: list[tuple[str, Exercise]] = [
        (level, with_overrides(exercise, Overrides(), level))
        for level in LEVELS
        if level != "normal" and level not in rule.levels
    ]
    others.append(("yours", with_overrides(exercise, mine, "normal")))
    out: list[Level] = []
    for name, other in others:
        changed = next((one for one in other.rules if one.id == rule_id), rule)
        for was, now in zip(rule.when.comparisons(), changed.when.comparisons(), strict=True):
            if was != now and not now.relative:
                limits = [now.limit] if was.limit != now.limit else []
                if now.upper is not None and now.upper != was.upper:
                    limits.append(now.upper)
                out += [Level(kind="limit", value=v, threshold=None, comes_from=name, comparison=now)
                        for v in limits]  # fmt: skip
    return (*out, *_relative_limits(rule_id, analysis))


def _relative_limits(rule_id: str, analysis: Analysis | None) -> list[Level]:
    """What the athlete's own value makes of limits that are relative to it, as last judged."""
    found: dict[tuple[str, str], Level] = {}
    for (_, judged), explanation in analysis.judgements.items() if analysis is not None else ():
        for check in explanation.checks if judged == rule_id else ():
            if check.relative and check.limit is not None:
                comparison = Comparison(parameter=check.parameter, operator=check.operator, limit=check.limit)
                found[check.parameter, check.operator] = Level(
                    kind="limit", value=check.limit, threshold=None, comes_from="own", comparison=comparison
                )
    return list(found.values())


def with_moved(
    lanes: tuple[Lane, ...], exercise: Exercise, thresholds: tuple[Threshold, ...], place: Place, value: float
) -> tuple[Lane, ...]:
    """The same lanes, at the same scale, with one number changed: while a level is dragged."""
    changed = tuple(replace(t, value=value) if t.place == place else t for t in thresholds)
    return tuple(
        replace(
            lane,
            levels=_levels(
                lane.parameter, exercise, changed, tuple(level for level in lane.levels if level.comes_from)
            ),
        )
        for lane in lanes
    )


def _lane(
    name: str,
    exercise: Exercise,
    thresholds: tuple[Threshold, ...],
    analysis: Analysis | None,
    elsewhere: tuple[Level, ...],
) -> Lane:
    info = PARAMETERS.get(name)
    each = exercise.counting.sides == "each" and info is not None and info.sided
    curves = (f"left_{name}", f"right_{name}") if each else (name,)
    levels = _levels(name, exercise, thresholds, elsewhere)
    known = [level.value for level in levels]
    if analysis is not None:
        for curve in curves:
            values = analysis.curve(curve)
            values = values[np.isfinite(values)]
            if len(values):
                known += [float(v) for v in np.percentile(values, [0.5, 99.5])]
    low, high = (min(known), max(known)) if known else (0.0, 1.0)
    unit = unit_of(name)
    margin = max(0.1 * (high - low), LEAST_MARGIN[unit])
    return Lane(
        parameter=name, curves=curves, unit=unit, signal=any(level.signal for level in levels),
        levels=levels, low=low - margin, high=high + margin,
    )  # fmt: skip


def _levels(
    name: str, exercise: Exercise, thresholds: tuple[Threshold, ...], elsewhere: tuple[Level, ...]
) -> tuple[Level, ...]:
    out: list[Level] = []
    for index, signal in enumerate(exercise.counting.signals):
        if signal.parameter == name:
            out += _levels_of_signal(index, signal, exercise, thresholds)
    limits = [t for t in thresholds if t.role == "limit" and lane_of(t.name) == name]
    out += [Level(kind="limit", value=t.value, threshold=t) for t in limits]
    out += [level for level in elsewhere if level.comparison and lane_of(level.comparison.parameter) == name]
    return tuple(out)


def _levels_of_signal(
    index: int, signal: Signal, exercise: Exercise, thresholds: tuple[Threshold, ...]
) -> list[Level]:
    """Start, turn, and where the turning region and the start position begin between them."""
    places = (("counting", "reps", "signals", index), ("counting", "reps", "signals"))  # in a list, or alone
    found = {t.role: t for t in thresholds if t.place[:-1] in places or t.role in ("reach", "start_below")}
    values = {role: t.value for role, t in found.items()}
    start, turn = values.get("start", signal.start), values.get("turn", signal.turn)
    now = replace(signal, start=start, turn=turn) if start != turn else signal
    shares: dict[LevelKind, float] = {
        "start": 0.0,
        "turn": 1.0,
        "reach": values.get("reach", exercise.counting.reach),
        "start_below": values.get("start_below", exercise.counting.start_below),
    }
    return [
        Level(
            kind=kind, value=now.start + share * (now.turn - now.start), threshold=found.get(kind), signal=now
        )
        for kind, share in shares.items()
    ]


@dataclass(frozen=True, kw_only=True)
class TimeWindow:
    """The part of a recording that is shown, seconds: left to right within start to end."""

    start: float
    end: float
    left: float
    right: float

    @classmethod
    def whole(cls, start: float, end: float) -> TimeWindow:
        end = max(end, start + LEAST_SPAN)
        return cls(start=start, end=end, left=start, right=end)

    @property
    def span(self) -> float:
        return self.right - self.left

    def share(self, time: float) -> float:
        """0 at the left edge to 1 at the right."""
        return (time - self.left) / self.span

    def time(self, share: float) -> float:
        """The time at that share of the width, within the recording."""
        return min(self.end, max(self.start, self.left + share * self.span))

    def zoomed(self, factor: float, around: float) -> TimeWindow:
        """Shows `factor` times less (over 1) or more (under 1); `around` stays where it is."""
        span = min(self.end - self.start, max(LEAST_SPAN, self.span / factor))
        around = min(self.right, max(self.left, around))
        return self._placed(around - self.share(around) * span, span)

    def moved(self, left: float) -> TimeWindow:
        """The same span from another time on."""
        return self._placed(left, self.span)

    def showing(self, time: float) -> TimeWindow:
        """Moved as little as is needed for that time to be seen, with some room ahead of it."""
        if self.left <= time <= self.right:
            return self
        return self._placed(time - (0.1 if time > self.right else 0.9) * self.span, self.span)

    def _placed(self, left: float, span: float) -> TimeWindow:
        left = min(self.end - span, max(self.start, left))
        return replace(self, left=left, right=left + span)
