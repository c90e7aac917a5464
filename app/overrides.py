"""Adjusting exercises to a person, in a small file of their own that leaves the trainer's as they are.

    format: 1
    level: beginner                            # beginner, normal or strict, for all exercises
    exercises:
      squat:
        level: normal                          # other than for the rest
        silent: [heels_up]                     # rules that are not judged
        rules:
          shallow: {limits: {knee.min: {above: 105deg}}, per_set: 2}
        signals: {knee: {turn: 100deg}}        # how far this person's repetitions go, for counting
      my_squat:
        own: {knee.min: 92deg}                 # what its limits such as `own + 10deg` start from

Levels. A rule file may say its own limits for beginners and for those who want it strict (`levels`). Where
it does not, what is wrong is judged by the same rule with its limit moved: for beginners away from firing,
for strict ones towards it (MOVED). Praise, hints, counting and the rules of a set are the same for all.
"""  # fmt: skip

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median
from typing import Any, Final

from app.conditionfile import comparisons, quantity
from app.conditions import Comparison, Condition
from app.errors import FormcueError
from app.exercise import LEVELS, Exercise, Level, Rule
from app.files import replacing
from app.measures import RepValues, unit_of
from app.parameters import Measurement
from app.reps import Rep, RepCounter, Signal
from app.rules import load_library
from app.yamlfile import (
    Field,
    Kind,
    Node,
    Reader,
    choice,
    described,
    exactly,
    many,
    mapping,
    read_fields,
    read_yaml,
    seconds,
    whole,
)
from app.yamlfile import YamlFileError as YamlFileError

FORMAT: Final = 1
# How far a level moves a limit, by its unit: degrees, or a share of the limit.
MOVED: Final[dict[str, tuple[float, float]]] = {  # unit -> for beginners, for strict ones
    "deg": (8.0, 4.0),
    "ratio": (0.15, 0.08),
    "s": (0.2, 0.1),
    "deg/s": (0.2, 0.1),
    "ratio/s": (0.2, 0.1),
}
# Repetitions that a calibration needs, and the least part of the trainer's range that they must have.
LEAST_REPS: Final = 3
LEAST_SHARE: Final = 0.35


class OverridesError(YamlFileError):
    """An adjustments file cannot be used. problems: every one, each "file:line:column: ..."."""


class CalibrationError(FormcueError):
    """A recording does not show this person's range; one line that says why and what to do."""


@dataclass(frozen=True, kw_only=True)
class RuleOverrides:
    """What is other for one rule; None and empty: as the trainer has it. limits: in the place of those."""

    limits: tuple[Comparison, ...] = ()
    hold_for: float | None = None
    cooldown: float | None = None
    per_set: int | None = None


@dataclass(frozen=True, kw_only=True)
class ExerciseOverrides:
    """What is other for one exercise. silent: rules not judged. signals: parameter -> (start, turn)."""

    level: Level | None = None
    silent: tuple[str, ...] = ()
    rules: Mapping[str, RuleOverrides] = field(default_factory=dict)
    signals: Mapping[str, tuple[float | None, float | None]] = field(default_factory=dict)
    own: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Overrides:
    """What is other for one person: by exercise id, and the level of those that name none."""

    level: Level | None = None
    exercises: Mapping[str, ExerciseOverrides] = field(default_factory=dict)


# -- reading ------------------------------------------------------------------------------------------


def load_overrides(
    path: Path, library: Mapping[str, Exercise] | None = None, *, name: str | None = None
) -> Overrides:
    """Reads an adjustments file. library: the exercises it may name (default: those that Formcue ships).

    name: how the problems call the file (default: the path). Raises OverridesError with every problem.
    """
    kind = _overrides(load_library() if library is None else library)
    return read_yaml(Path(path), kind, name=name, expected="adjustments", error=OverridesError)


def _overrides(library: Mapping[str, Exercise]) -> Kind[Overrides]:
    kinds = {key: _exercise(exercise) for key, exercise in library.items()}

    def by_exercise(reader: Reader, node: Node) -> dict[str, ExerciseOverrides]:
        fields = {key: Field(kind=kind) for key, kind in kinds.items()}
        return read_fields(reader, node, "the exercises", fields)

    fields = {
        "format": Field(kind=exactly(FORMAT, "the format number"), required=True),
        "level": Field(kind=choice(LEVELS, "a level")),
        "exercises": Field(kind=Kind(by_exercise, {})),
    }
    return mapping("the adjustments", fields, lambda reader, node, found: _made(found))


def _made(found: dict[str, Any]) -> Overrides:
    return Overrides(level=found.get("level"), exercises=found.get("exercises", {}))


def _exercise(exercise: Exercise) -> Kind[ExerciseOverrides]:
    ids = [rule.id for rule in exercise.rules]
    followed = [signal.parameter for signal in exercise.counting.signals]
    rules = {rule.id: Field(kind=_rule(rule)) for rule in exercise.rules}
    signals = {name: Field(kind=_signal(name)) for name in followed}
    own = {name: Field(kind=quantity(name)) for name in own_names(exercise)}

    def named(what: str, fields: Mapping[str, Field]) -> Kind[dict[str, Any]]:
        def read(reader: Reader, node: Node) -> dict[str, Any]:
            if not fields:
                raise reader.wrong(node, described(node), f"nothing: {exercise.id} has no {what}")
            return read_fields(reader, node, f"the {what}", fields)

        return Kind(read, {})

    return mapping(
        f"the adjustments of {exercise.id}",
        {
            "level": Field(kind=choice(LEVELS, "a level")),
            "silent": Field(kind=many(choice(ids, "a rule"), "rules", empty=True)),
            "rules": Field(kind=named("rules", rules)),
            "signals": Field(kind=named("signals", signals)),
            "own": Field(kind=named("limits relative to the athlete", own)),
        },
        lambda reader, node, found: ExerciseOverrides(**found),
    )


def _signal(name: str) -> Kind[tuple[float | None, float | None]]:
    value = quantity(name)
    fields = {"start": Field(kind=value), "turn": Field(kind=value)}
    return mapping(
        "a signal such as {turn: 100deg}",
        fields,
        lambda reader, node, found: (found.get("start"), found.get("turn")),
    )


def _rule(rule: Rule) -> Kind[RuleOverrides]:
    written = [(comparison.parameter, comparison.operator) for comparison in rule.when.comparisons()]
    known = ", ".join(f"{name} {operator}" for name, operator in dict.fromkeys(written))

    def check(reader: Reader, node: Node, found: tuple[Comparison, ...]) -> tuple[Comparison, ...]:
        for patch in found:
            if (patch.parameter, patch.operator) not in written:
                shown = f"{patch.parameter} {patch.operator}"
                raise reader.wrong(node, shown, f"a comparison of {rule.id}: {known}")
        return found

    fields = {
        "limits": Field(kind=comparisons(rule.judge, over=bool(rule.over)).then(check)),
        "for": Field(kind=seconds(60.0)),
        "cooldown": Field(kind=seconds(600.0)),
        "per_set": Field(kind=whole(1, 100, "how often a set")),
    }

    def make(reader: Reader, node: Node, found: dict[str, Any]) -> RuleOverrides:
        if "for" in found:
            found["hold_for"] = found.pop("for")
        return RuleOverrides(**found)

    return mapping(f"the adjustments of {rule.id}", fields, make)


def own_names(exercise: Exercise) -> tuple[str, ...]:
    """What the limits of an exercise are relative to: "knee.min"."""
    return tuple(
        dict.fromkeys(
            comparison.parameter
            for rule in exercise.rules
            for comparison in rule.when.comparisons()
            if comparison.relative
        )
    )


# -- applying -----------------------------------------------------------------------------------------


def with_overrides(exercise: Exercise, overrides: Overrides, level: Level | None = None) -> Exercise:
    """The exercise for this person; the given one stays as it is. level: instead of the file's."""
    mine = overrides.exercises.get(exercise.id, ExerciseOverrides())
    chosen: Level = level or mine.level or overrides.level or "normal"
    rules = tuple(
        _adjusted(rule, chosen, mine.rules.get(rule.id, RuleOverrides()))
        for rule in exercise.rules
        if rule.id not in mine.silent
    )
    signals = tuple(
        _ranged(signal, *mine.signals.get(signal.parameter, (None, None)))
        for signal in exercise.counting.signals
    )
    return replace(
        exercise,
        rules=rules,
        counting=replace(exercise.counting, signals=signals),
        own={**exercise.own, **mine.own},
    )


def _ranged(signal: Signal, start: float | None, turn: float | None) -> Signal:
    changed = replace(
        signal,
        start=signal.start if start is None else start,
        turn=signal.turn if turn is None else turn,
    )
    # Values that come to nothing, or turn the movement round, would make every repetition wrong.
    same_way = (changed.turn - changed.start) * (signal.turn - signal.start) > 0.0
    return changed if same_way else signal


def _adjusted(rule: Rule, level: Level, mine: RuleOverrides) -> Rule:
    if mine.limits:
        rule = replace(rule, when=_patched(rule.when, mine.limits))
    elif level in rule.levels:
        rule = replace(rule, when=_patched(rule.when, rule.levels[level]))
    elif level != "normal" and rule.is_fault and rule.judge != "set":
        rule = replace(rule, when=_moved(rule.when, level))
    return replace(
        rule,
        hold_for=rule.hold_for if mine.hold_for is None else mine.hold_for,
        cooldown=rule.cooldown if mine.cooldown is None else mine.cooldown,
        per_set=rule.per_set if mine.per_set is None else mine.per_set,
    )


def _patched(condition: Condition, patches: Sequence[Comparison]) -> Condition:
    new = {(patch.parameter, patch.operator): patch for patch in patches}
    return condition.changed(lambda old, under_not: new.get((old.parameter, old.operator), old))


def _moved(condition: Condition, level: Level) -> Condition:
    """The condition with every limit moved, so that it is harder (beginner) or easier (strict) to be true."""

    def move(old: Comparison, under_not: bool) -> Comparison:
        unit = unit_of(old.parameter)
        if unit not in MOVED or old.operator == "between":
            return old
        share = MOVED["ratio"] if old.relative == "share" else MOVED[unit]
        step = (share[0] if level == "beginner" else -share[1]) * (-1.0 if under_not else 1.0)
        absolute = unit == "deg" and old.relative != "share"
        limit = old.limit + _sign(old) * step * (1.0 if absolute else abs(old.limit))
        upper = None if old.upper is None else old.upper + step * (1.0 if absolute else abs(old.upper))
        if absolute and not old.relative:
            limit, upper = min(180.0, max(0.0, limit)), None if upper is None else min(180.0, upper)
        return old if upper is not None and limit >= upper else replace(old, limit=limit, upper=upper)

    return condition.changed(move)


def _sign(comparison: Comparison) -> float:
    """Which way its limit goes to make it harder to be true."""
    return 1.0 if comparison.operator == "above" else -1.0


# -- calibration --------------------------------------------------------------------------------------


def calibrated(exercise: Exercise, measurements: Sequence[Measurement | None]) -> ExerciseOverrides:
    """What a few repetitions tell of this person: how far they go, and what is usual for them.

    measurements: of a recording of at least LEAST_REPS repetitions, done as fully as this person can. Only a
    range smaller than the trainer's is taken over, so that nobody has to go further than the file asks.
    Raises CalibrationError when too few repetitions, or too small ones, are in it.
    """
    if exercise.counting.kind == "hold":
        raise CalibrationError(f"{exercise.id} is held: there is no range of repetitions to take over")
    # Less far than the file asks for is what is looked for here.
    generous = replace(exercise.counting, reach=0.45, start_below=0.4, min_range=0.3, at_turn=None)
    counter = RepCounter(generous)
    frames = [measurement for measurement in measurements if measurement is not None]
    reps: list[Rep] = []
    for measurement in frames:
        reps += [event for event in counter.step(measurement.time, measurement) if isinstance(event, Rep)]
    if frames:
        reps += [event for event in counter.finish(frames[-1].time) if isinstance(event, Rep)]
    if len(reps) < LEAST_REPS:
        raise CalibrationError(
            f"{len(reps)} repetitions of {exercise.id} in it, at least {LEAST_REPS} are needed; "
            "do them as far as you can, with the whole body in the picture"
        )
    values = [
        RepValues(rep, [(m.time, m.values) for m in frames if rep.start <= m.time <= rep.end]) for rep in reps
    ]

    def usual(name: str) -> float | None:
        seen = [value for one in values if (value := one.get(name)) is not None]
        return median(seen) if len(seen) >= LEAST_REPS else None

    signals: dict[str, tuple[float | None, float | None]] = {}
    for signal in exercise.counting.signals:
        far = usual(f"{signal.parameter}.{'max' if signal.turn > signal.start else 'min'}")
        if far is not None and LEAST_SHARE <= signal.progress(far) < 1.0:
            signals[signal.parameter] = (None, round(far, 3))
    own = {name: round(v, 3) for name in own_names(exercise) if (v := usual(name)) is not None}
    return ExerciseOverrides(signals=signals, own=own)


# -- writing ------------------------------------------------------------------------------------------


def save_overrides(path: Path, overrides: Overrides) -> None:
    """Writes the file, whole or not at all; comments of one that was there are lost.

    Raises app.files.OutputError when it cannot be written.
    """
    with replacing(path) as temporary:
        temporary.write_text(overrides_text(overrides), encoding="utf-8")


def overrides_text(overrides: Overrides) -> str:
    """The file's text."""
    lines = [f"format: {FORMAT}"]
    if overrides.level is not None:
        lines.append(f"level: {overrides.level}")
    if overrides.exercises:
        lines.append("exercises:")
    for exercise_id, mine in overrides.exercises.items():
        body = list(_lines(mine))
        lines += [f"  {exercise_id}:", *body] if body else [f"  {exercise_id}: {{}}"]
    return "\n".join(lines) + "\n"


def _lines(mine: ExerciseOverrides) -> Iterator[str]:
    if mine.level is not None:
        yield f"    level: {mine.level}"
    if mine.silent:
        yield f"    silent: [{', '.join(mine.silent)}]"
    if mine.rules:
        yield "    rules:"
    for rule_id, rule in mine.rules.items():
        parts = [f"limits: {_limits(rule.limits)}"] if rule.limits else []
        parts += [f"for: {_plain(rule.hold_for)}s"] if rule.hold_for is not None else []
        parts += [f"cooldown: {_plain(rule.cooldown)}s"] if rule.cooldown is not None else []
        parts += [f"per_set: {rule.per_set}"] if rule.per_set is not None else []
        yield f"      {rule_id}: {{{', '.join(parts)}}}"
    if mine.signals:
        yield "    signals:"
    for name, (start, turn) in mine.signals.items():
        parts = [] if start is None else [f"start: {written_value(name, start)}"]
        parts += [] if turn is None else [f"turn: {written_value(name, turn)}"]
        yield f"      {name}: {{{', '.join(parts)}}}"
    if mine.own:
        yield f"    own: {{{', '.join(f'{name}: {written_value(name, v)}' for name, v in mine.own.items())}}}"


def _limits(limits: Sequence[Comparison]) -> str:
    """The comparisons as they are written in a file: "{knee.min: {above: own + 10deg}}"."""
    by_name: dict[str, list[str]] = {}
    for comparison in limits:
        by_name.setdefault(comparison.parameter, []).append(f"{comparison.operator}: {_limit(comparison)}")
    return "{" + ", ".join(f"{name}: {{{', '.join(found)}}}" for name, found in by_name.items()) + "}"


def _limit(comparison: Comparison) -> str:
    name, limit = comparison.parameter, comparison.limit
    if comparison.relative == "share":
        return f"{_plain(limit * 100)}% of own"
    if comparison.relative == "plus":
        return f"own {'-' if limit < 0 else '+'} {written_value(name, abs(limit))}"
    if comparison.upper is not None:
        return f"[{written_value(name, limit)}, {written_value(name, comparison.upper)}]"
    return written_value(name, limit)


def _plain(value: float) -> str:
    """Without an exponent, which the reader does not know."""
    return f"{value:.6f}".rstrip("0").rstrip(".")


def written_value(name: str, value: float) -> str:
    """A value with its unit as files have it: 95deg, 0.6, 1.5s."""
    unit = unit_of(name)
    return _plain(value) + (unit if unit in ("deg", "deg/s", "s") else "")
