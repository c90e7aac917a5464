"""Plans as YAML: reading them with every mistake at its place, writing them, and the lists of them.

format: 1
id: legs
name: {en: Legs, zh: 腿部}
exercises:
  - {exercise: squat, sets: 3, reps: 10, load: 12 kg, rest: 60s, tempo: {out: 2s, turn: 1s, back: 1s}}
  - superset:
      - {exercise: lunge, reps: 8}
      - {exercise: plank, seconds: 20s}
    sets: 2
    between: 10s
    rest: 45s
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import yaml

from app.files import OutputError, replacing
from app.loads import DECIMALS, KILOGRAMS, MOST, Load, Unit
from app.plans import MOST_SETS, PLANS, Plan, PlannedExercise, PlanStep
from app.rules import Exercise, load_library
from app.summary import Tempo
from app.yamlfile import (
    SUFFIXES,
    Field,
    Kind,
    Node,
    Reader,
    YamlFileError,
    choice,
    exactly,
    identifier,
    many,
    mapping,
    quoted,
    read_yaml,
    scalar,
    seconds,
    texts,
    value_of,
    whole,
)

MOST_ROUNDS: Final = 20  # of one step
MOST_REPS: Final = 500
MOST_SECONDS: Final = 3600.0
MOST_REST: Final = 600.0
_LOAD: Final = re.compile(rf"([0-9]{{1,6}}(?:\.[0-9]{{1,{DECIMALS}}})?)\s*({'|'.join(KILOGRAMS)})")
_BARE: Final = re.compile(r"([0-9.]{1,12})\s*([A-Za-z]{0,12})")


class PlanError(YamlFileError):
    """A plan cannot be used. problems: every one, each "file:line:column: found, expected, nearest"."""


@dataclass(frozen=True, kw_only=True)
class PlanEntry:
    """A plan to choose. plan: None when its file is broken. own: it lies in the user's folder."""

    id: str
    path: Path
    plan: Plan | None
    own: bool
    problems: tuple[str, ...] = ()


def load_plan(path: Path, library: Mapping[str, Exercise] | None = None, *, name: str | None = None) -> Plan:
    """Reads one plan. library: the exercises that it may name (default: those that Formcue ships).

    name: how the problems call the file (default: the path). Raises PlanError with every problem.
    """
    kind = plan_kind(load_library() if library is None else library)
    plan = read_yaml(Path(path), kind, name=name, expected="a workout", error=PlanError)
    return replace(plan, path=Path(path))


def load_plans(
    library: Mapping[str, Exercise], *, own: Path | None = None, shipped: Path = PLANS
) -> list[PlanEntry]:
    """The plans that Formcue ships and, after them, those in the user's folder; the broken ones too."""
    out: list[PlanEntry] = []
    for folder, is_own in ((shipped, False), (own, True)):
        for path in plan_files(folder) if folder is not None and folder.is_dir() else ():
            try:
                plan = load_plan(path, library)
            except PlanError as error:
                out.append(PlanEntry(id=path.stem, path=path, plan=None, own=is_own, problems=error.problems))
            else:
                out.append(PlanEntry(id=plan.id, path=path, plan=plan, own=is_own))
    return out


def plan_files(folder: Path) -> list[Path]:
    """The plans of a folder, sorted by name; not what another window is writing there just now."""
    return sorted(
        path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES and not path.name.startswith(".")
    )


def save_plan(folder: Path, plan: Plan) -> Path:
    """Writes the plan into the user's folder, as <id>.yaml, whole or not at all; makes the folder.

    A plan that is there under that id is replaced. Raises OutputError: also for the folder of the plans that
    Formcue ships, which are never written over.
    """
    if folder.resolve() == PLANS.resolve():
        raise OutputError(
            "{folder}: holds the workouts that come with Formcue; save in a folder of your own", folder=folder
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            "{folder}: cannot be made ({reason}); choose another place", folder=folder, reason=error.strerror
        ) from error
    path = folder / f"{plan.id}.yaml"
    with replacing(path) as temporary:
        temporary.write_text(plan_text(plan), encoding="utf-8")
    return path


def free_id(wanted: str, taken: Sequence[str]) -> str:
    """An id made of a name, that is not taken: "Leg day!" -> leg_day, leg_day_2, ..."""
    letters = "".join(c if c.isascii() and c.isalnum() else "_" for c in wanted.lower())
    base = "_".join(filter(None, letters.split("_")))[:36].strip("_")
    if not base or not base[0].isalpha():
        base = f"workout_{base}".strip("_")[:36]
    made, number = base, 1
    while made in taken:
        number += 1
        made = f"{base}_{number}"
    return made


# -- reading ------------------------------------------------------------------------------------------


def load() -> Kind[Load]:
    """A load with its unit: 12 kg, 27.5 lb."""

    def read(reader: Reader, node: Node) -> Load:
        value = scalar(reader, node, "a load such as 12 kg")
        match = _LOAD.fullmatch(value)
        if match is None:
            raise reader.wrong(
                node,
                quoted(value),
                f"a load with its unit and at most {DECIMALS} decimals, such as 12 kg or 27.5 lb",
                _load_mend(reader, value),
            )
        unit: Unit = "kg" if match[2] == "kg" else "lb"
        made = Load(value=float(match[1]), unit=unit)
        if made.value == 0.0:
            raise reader.wrong(node, value, 'more than that, or no "load" at all')
        if made.value > MOST[unit]:
            raise reader.wrong(node, value, f"a load of {MOST[unit]:g} {unit} or less")
        return made

    return Kind(read, {"type": "string", "pattern": f"^{_LOAD.pattern}$"})


def _load_mend(reader: Reader, value: str) -> str:
    """For a number without a unit, or with another one."""
    match = _BARE.fullmatch(value)
    if match is None or match[2] in KILOGRAMS:
        return ""
    if match[2]:
        return reader.near(match[2], tuple(KILOGRAMS))
    return "write " + " or ".join(f"{match[1]} {unit}" for unit in KILOGRAMS)


def plan_kind(library: Mapping[str, Exercise]) -> Kind[Plan]:
    """What a plan must be; library: the exercises that it may name."""
    known = tuple(library)
    tempo = mapping(
        "a tempo",
        {
            "out": Field(
                kind=seconds(30.0), about="from the start position to the turning point", required=True
            ),
            "turn": Field(kind=seconds(30.0), about="at the turning point"),
            "back": Field(kind=seconds(30.0), about="back to the start position", required=True),
        },
        lambda reader, node, found: Tempo(**({"turn": 0.0} | found)),
    )
    amount = {
        "exercise": Field(kind=choice(known, "an exercise"), about="the id of an exercise"),
        "reps": Field(kind=whole(1, MOST_REPS, "repetitions"), about="how many repetitions"),
        "seconds": Field(kind=seconds(MOST_SECONDS), about="or for how long"),
        "tempo": Field(kind=tempo, about="seconds out, at the turning point, and back"),
        "load": Field(kind=load(), about="what is lifted, such as 12 kg or 25 lb"),
    }

    def planned(reader: Reader, node: Node, found: Mapping[str, Any]) -> PlannedExercise:
        name = found.get("exercise")
        if name is None:
            raise reader.wrong(node, 'no "exercise"', "one such as {exercise: squat, reps: 10}")
        if ("reps" in found) == ("seconds" in found):
            both = "both reps and seconds" if "reps" in found else "neither reps nor seconds"
            raise reader.wrong(node, both, "one of the two")
        if "reps" in found and library[name].counting.kind == "hold":
            place = value_of(node, "reps") or node
            raise reader.wrong(place, f"reps of {name}, which is held", "seconds, such as seconds: 30s")
        if found.get("seconds") == 0.0:
            raise reader.wrong(value_of(node, "seconds") or node, "0s", "a longer time")
        if "tempo" in found and library[name].counting.kind == "hold":
            raise reader.wrong(
                value_of(node, "tempo") or node, f"a tempo of {name}, which is held", "none: it does not move"
            )
        return PlannedExercise(**found)

    one = mapping("an exercise of a superset", amount, planned)
    rounds = {
        "sets": Field(kind=whole(1, MOST_ROUNDS, "sets"), about="how often (default 1)"),
        "rest": Field(kind=seconds(MOST_REST), about="after each set (default 60s)"),
        "between": Field(kind=seconds(MOST_REST), about="between the exercises of a superset (default 10s)"),
    }

    def step(reader: Reader, node: Node, found: dict[str, Any]) -> PlanStep:
        around = {key: found.pop(key) for key in ("sets", "rest", "between") if key in found}
        several = found.pop("superset", None)
        if several is None:
            if "between" in around:
                raise reader.wrong(
                    value_of(node, "between") or node, '"between" without a superset', 'only "rest"'
                )
            return PlanStep(exercises=(planned(reader, node, found),), **around)
        if found:
            key = next(iter(found))
            place = value_of(node, key) or node
            raise reader.wrong(place, f'"{key}" beside a superset', "it inside of the superset's list")
        if len(several) < 2:
            raise reader.wrong(
                value_of(node, "superset") or node, "a superset of one exercise", "two or more"
            )
        return PlanStep(exercises=several, **around)

    superset = Field(kind=many(one, "exercises", most=8), about="several exercises in turn")
    steps = mapping("an exercise", {**amount, "superset": superset, **rounds}, step)

    def plan(reader: Reader, node: Node, found: Mapping[str, Any]) -> Plan:
        made = Plan(
            id=found["id"], names=found["name"], about=found.get("about", {}), steps=found["exercises"]
        )
        if len(made.sets) > MOST_SETS:
            raise reader.wrong(
                value_of(node, "exercises") or node, f"{len(made.sets)} sets", f"at most {MOST_SETS}"
            )
        if made.id != reader.path.stem:
            raise reader.wrong(
                value_of(node, "id") or node,
                f'the id "{made.id}"',
                f'the file\'s own name, "{reader.path.stem}"',
            )
        return made

    return mapping(
        "a workout",
        {
            "format": Field(kind=exactly(1, "format"), about="the version of this language", required=True),
            "id": Field(kind=identifier(), about="the file's own name", required=True),
            "name": Field(kind=texts(), about="what it is called, by language", required=True),
            "about": Field(kind=texts(), about="what it is for, by language"),
            "exercises": Field(
                kind=many(steps, "exercises"), about="in the order they are done", required=True
            ),
        },
        plan,
    )


# -- writing ------------------------------------------------------------------------------------------


def plan_text(plan: Plan) -> str:
    """The plan as YAML that `load_plan` reads back to the same."""
    value: dict[str, Any] = {"format": 1, "id": plan.id, "name": dict(plan.names)}
    if plan.about:
        value["about"] = dict(plan.about)
    value["exercises"] = [_step(step) for step in plan.steps]
    return yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=110, default_flow_style=None)


def _step(step: PlanStep) -> dict[str, Any]:
    out: dict[str, Any]
    if len(step.exercises) == 1:
        out = {**_planned(step.exercises[0]), "sets": step.sets}
    else:
        out = {"superset": [_planned(e) for e in step.exercises], "sets": step.sets}
        out["between"] = _seconds(step.between)
    return {**out, "rest": _seconds(step.rest)}


def _planned(planned: PlannedExercise) -> dict[str, Any]:
    out: dict[str, Any] = {"exercise": planned.exercise}
    if planned.reps is not None:
        out["reps"] = planned.reps
    if planned.seconds is not None:
        out["seconds"] = _seconds(planned.seconds)
    if planned.tempo is not None:
        tempo = planned.tempo
        out["tempo"] = {
            "out": _seconds(tempo.out),
            "turn": _seconds(tempo.turn),
            "back": _seconds(tempo.back),
        }
    if planned.load is not None:
        out["load"] = str(planned.load)
    return out


def _seconds(value: float) -> str:
    """As the reader has it: every digit, and no exponent."""
    return f"{Decimal(repr(value)).normalize():f}s"
