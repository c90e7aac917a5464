"""Plans of workouts: exercises with sets, repetitions or seconds, rests and tempo. No Qt and no file.

app/planfile.py reads and writes them as YAML, app/workouts.py follows them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from app.loads import Load, load_from_json
from app.rules import LIBRARY, Exercise, in_language
from app.summary import Tempo

PLANS: Final = LIBRARY / "workouts"  # those that come with Formcue

# For the estimate of a plan's length, seconds: one repetition, getting ready for a set.
USUAL_REP: Final = 3.0
USUAL_START: Final = 8.0
MOST_SETS: Final = 200  # of a whole plan


@dataclass(frozen=True, kw_only=True)
class PlannedExercise:
    """One exercise of a plan: so many repetitions, or so many seconds (of a hold: held; else of trying)."""

    exercise: str
    reps: int | None = None
    seconds: float | None = None
    tempo: Tempo | None = None
    load: Load | None = None

    @property
    def expected(self) -> float:
        """About how long one set of it takes, seconds."""
        if self.seconds is not None:
            return self.seconds
        return (self.reps or 0) * (self.tempo.seconds if self.tempo is not None else USUAL_REP)


@dataclass(frozen=True, kw_only=True)
class PlanStep:
    """One exercise, or several in turn (a superset), done `sets` times.

    rest: seconds after each round. between: seconds between the exercises of a superset.
    """

    exercises: tuple[PlannedExercise, ...]
    sets: int = 1
    rest: float = 60.0
    between: float = 10.0


@dataclass(frozen=True, kw_only=True)
class PlannedSet:
    """One set of a plan. round, rounds: the how manieth of how many of its step. rest: after it, seconds."""

    exercise: str
    reps: int | None
    seconds: float | None
    tempo: Tempo | None
    round: int
    rounds: int
    rest: float
    superset: bool = False
    load: Load | None = None


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A workout to be done. names, about: language -> text. path: the file it was read from."""

    id: str
    names: Mapping[str, str]
    steps: tuple[PlanStep, ...]
    about: Mapping[str, str] = field(default_factory=dict)
    path: Path | None = field(default=None, compare=False)

    def name(self, language: str = "en") -> str:
        return in_language(self.names, language)

    @property
    def is_open(self) -> bool:
        """A single exercise that goes on until somebody ends it: no workout that could be lost."""
        sets = self.sets
        return len(sets) == 1 and sets[0].reps is None and sets[0].seconds is None

    @property
    def sets(self) -> tuple[PlannedSet, ...]:
        """Every set in the order it is done; nobody rests after the last one."""
        out: list[PlannedSet] = []
        for step in self.steps:
            for number in range(1, step.sets + 1):
                for place, planned in enumerate(step.exercises, 1):
                    last = place == len(step.exercises)
                    out.append(
                        PlannedSet(
                            exercise=planned.exercise,
                            reps=planned.reps,
                            seconds=planned.seconds,
                            tempo=planned.tempo,
                            round=number,
                            rounds=step.sets,
                            rest=step.rest if last else step.between,
                            superset=len(step.exercises) > 1,
                            load=planned.load,
                        )
                    )
        if out:
            out[-1] = replace(out[-1], rest=0.0)
        return tuple(out)

    @property
    def exercises(self) -> tuple[str, ...]:
        """The exercises in it, each once, in order."""
        return tuple(dict.fromkeys(e.exercise for step in self.steps for e in step.exercises))

    @property
    def expected_seconds(self) -> float:
        """About how long it takes, rests included."""
        work = sum(e.expected * step.sets for step in self.steps for e in step.exercises)
        return work + sum(one.rest + USUAL_START for one in self.sets)


def one_set(exercise: Exercise, *, reps: int | None = None, seconds: float | None = None) -> Plan:
    """A workout of one set; without reps and seconds it is open, and ends with `finish`."""
    planned = PlannedExercise(exercise=exercise.id, reps=reps, seconds=seconds)
    return Plan(id=exercise.id, names=exercise.names, steps=(PlanStep(exercises=(planned,)),))


# -- as JSON, for the journal: it must be readable when the plan's file is gone or changed -------------------


def plan_as_json(plan: Plan) -> dict[str, Any]:
    """The plan in plain values."""
    return asdict(replace(plan, path=None, names=dict(plan.names), about=dict(plan.about)))


def plan_from_json(value: Mapping[str, Any]) -> Plan:
    """The plan of `plan_as_json`. Raises ValueError, KeyError or TypeError when it is none."""
    if sum(abs(int(step["sets"])) * len(step["exercises"]) for step in value["steps"]) > MOST_SETS:
        raise ValueError(f"more than {MOST_SETS} sets")
    steps = [
        PlanStep(
            exercises=tuple(
                PlannedExercise(
                    exercise=str(e["exercise"]),
                    reps=None if e["reps"] is None else int(e["reps"]),
                    seconds=None if e["seconds"] is None else float(e["seconds"]),
                    tempo=None if e["tempo"] is None else Tempo(**e["tempo"]),
                    load=load_from_json(e.get("load")),  # journals of earlier versions have none
                )
                for e in step["exercises"]
            ),
            sets=int(step["sets"]),
            rest=float(step["rest"]),
            between=float(step["between"]),
        )
        for step in value["steps"]
    ]
    return Plan(
        id=str(value["id"]), names=dict(value["names"]), about=dict(value["about"]), steps=tuple(steps)
    )
