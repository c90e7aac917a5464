"""What was done: repetitions, sets, workouts, with their faults and the poses of the worst moments.

Plain values that the journal and the history keep and the pages show; how they come about is
app/set_recorder.py's and app/workouts.py's work. Needs numpy only. No picture is in any of them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, Literal

import numpy as np

from app.parameters import MIN_CONFIDENCE
from app.reps import Side
from app.rules import Exercise, Prompt, Severity, format_value, in_language
from app.skeleton import NUM_JOINTS, Joint, Pose

# What a repetition with faults is worth to the form score, by its gravest fault; without one it is worth 1.
WORTH: Final[dict[Severity, float]] = {"info": 1.0, "warning": 0.5, "error": 0.0}
_GRAVITY: Final = tuple(WORTH)  # the least first
SIDES: Final[tuple[Side, ...]] = ("left", "right", "both")


@dataclass(frozen=True, kw_only=True)
class FaultSummary:
    """A rule that was broken in one repetition or hold, at the moment where it was broken most.

    parameter, value, limit: what was measured, and the limit it crossed, in the parameter's unit.
    text: what the rule said, in the language of that day; `fault_text` says it in any.
    time: seconds, on the clock of the repetition it belongs to. joints: to be coloured. pose: that moment,
    None where nobody was seen. seconds: how long it was active in a hold; None for repetitions.
    """

    rule: str
    severity: Severity
    parameter: str
    value: float
    limit: float
    text: str
    time: float
    joints: tuple[Joint, ...] = ()
    pose: Pose | None = None
    seconds: float | None = None

    @property
    def is_shown(self) -> bool:
        """Whether the pose has the joints that it is about, so that it can be looked at."""
        return self.pose is not None and all(self.pose.confidence[j] >= MIN_CONFIDENCE for j in self.joints)

    @property
    def excess(self) -> float:
        """How far beyond its limit, in the parameter's unit."""
        return abs(self.value - self.limit)


@dataclass(frozen=True, kw_only=True)
class RepSummary:
    """One repetition, or one hold (kind): times in seconds, turn None for a hold.

    range: degrees, or percent of the body's own size; None for holds and for what was added by hand.
    symmetry: 0..1, the smaller of the two sides' ranges over the larger; None where it cannot be judged.
    by_hand: the athlete added it; nothing was measured.
    """

    start: float
    end: float
    turn: float | None = None
    kind: Literal["rep", "hold"] = "rep"
    side: Side = "both"
    range: float | None = None
    valid: bool = True
    symmetry: float | None = None
    by_hand: bool = False
    faults: tuple[FaultSummary, ...] = ()

    @property
    def duration(self) -> float:
        return self.end - self.start

    @property
    def out(self) -> float | None:
        """Seconds from the start position to the turning point."""
        return None if self.turn is None or self.by_hand else self.turn - self.start

    @property
    def back(self) -> float | None:
        """Seconds from the turning point back."""
        return None if self.turn is None or self.by_hand else self.end - self.turn

    @property
    def worth(self) -> float:
        """Its share of the form score: 1 without a fault, half with a warning, none with an error.

        A hold counts the seconds without a fault (half of those with a warning) over all of its own.
        """
        if self.kind == "rep":
            return min((WORTH[fault.severity] for fault in self.faults), default=1.0)
        if self.duration <= 0.0:
            return 0.0
        lost = sum((1.0 - WORTH[f.severity]) * (f.seconds or 0.0) for f in self.faults)
        return min(1.0, max(0.0, 1.0 - lost / self.duration))

    def shifted(self, seconds: float) -> RepSummary:
        """The same, on a clock that shows `seconds` more."""
        return replace(
            self,
            start=self.start + seconds,
            end=self.end + seconds,
            turn=None if self.turn is None else self.turn + seconds,
            faults=tuple(replace(fault, time=fault.time + seconds) for fault in self.faults),
        )


@dataclass(frozen=True, kw_only=True)
class Tempo:
    """The seconds that a plan asks for: the way out, the stay at the turning point, the way back."""

    out: float
    turn: float
    back: float

    @property
    def seconds(self) -> float:
        return self.out + self.turn + self.back


@dataclass(frozen=True, kw_only=True)
class FaultTotal:
    """A rule over a set: in how many repetitions (of a hold: for how many seconds), and where worst."""

    rule: str
    severity: Severity
    amount: float
    worst: FaultSummary


@dataclass(frozen=True, kw_only=True)
class SetSummary:
    """One set. started: seconds since the workout began; seconds: its length.

    target_reps, target_seconds: what the plan asked for; both None when it was open. load_kg: what was
    lifted, None without a load.
    The times of the repetitions are on the workout's clock.
    """

    exercise: str
    started: float
    seconds: float
    reps: tuple[RepSummary, ...] = ()
    target_reps: int | None = None
    target_seconds: float | None = None
    tempo: Tempo | None = None
    load_kg: float | None = None

    @property
    def count(self) -> int:
        """Repetitions."""
        return sum(rep.kind == "rep" for rep in self.reps)

    @property
    def held(self) -> float:
        """Seconds held, all holds together."""
        return sum(rep.duration for rep in self.reps if rep.kind == "hold")

    @property
    def work(self) -> float:
        """Seconds spent moving or holding."""
        return sum(rep.duration for rep in self.reps)

    @property
    def clean(self) -> int:
        """Repetitions or holds without a warning or an error."""
        return sum(rep.worth == 1.0 for rep in self.reps)

    @property
    def score(self) -> float | None:
        """The form score, 0..100: the mean worth of the repetitions (see RepSummary.worth).

        What was added by hand was not seen and does not count; None when nothing was seen. Holds weigh
        by their seconds.
        """
        seen = [rep for rep in self.reps if not rep.by_hand]
        weights = [rep.duration if rep.kind == "hold" else 1.0 for rep in seen]
        if not seen or sum(weights) <= 0.0:
            return None
        total = sum(weight * rep.worth for weight, rep in zip(weights, seen, strict=True))
        return 100.0 * total / sum(weights)

    @property
    def mean_range(self) -> float | None:
        """Mean range of the repetitions that have one, in its own unit."""
        return mean(rep.range for rep in self.reps)

    @property
    def symmetry(self) -> float | None:
        """0..1: within the repetitions where both sides were seen, else the left ones against the right."""
        within = mean(rep.symmetry for rep in self.reps)
        if within is not None:
            return within
        left = mean(rep.range for rep in self.reps if rep.side == "left")
        right = mean(rep.range for rep in self.reps if rep.side == "right")
        return None if left is None or right is None else evenness(left, right)

    @property
    def faults(self) -> tuple[FaultTotal, ...]:
        """The faults of the set, the gravest first, then the most frequent."""
        found: dict[str, list[FaultSummary]] = {}
        for rep in self.reps:
            for fault in rep.faults:
                found.setdefault(fault.rule, []).append(fault)
        totals = [
            FaultTotal(
                rule=rule,
                severity=faults[0].severity,
                amount=sum(1.0 if f.seconds is None else f.seconds for f in faults),
                worst=max(faults, key=lambda fault: (fault.is_shown, fault.excess)),
            )
            for rule, faults in found.items()
        ]
        return tuple(sorted(totals, key=lambda t: (-_GRAVITY.index(t.severity), -t.amount, t.rule)))

    def without(self, index: int) -> SetSummary:
        """Without that repetition: it was none."""
        return replace(self, reps=self.reps[:index] + self.reps[index + 1 :])

    def with_one_more(self) -> SetSummary:
        """With a repetition that was missed; nothing of it was measured."""
        end = self.started + self.seconds
        return replace(self, reps=(*self.reps, RepSummary(start=end, end=end, by_hand=True)))


@dataclass(frozen=True, kw_only=True)
class WorkoutSummary:
    """One workout. id: never given twice. names: of the plan, language -> text.

    started: with its time zone. seconds: its length, pauses left out. finished: the plan was done to its end.
    """

    id: str
    plan: str
    names: Mapping[str, str]
    started: datetime
    seconds: float
    sets: tuple[SetSummary, ...] = ()
    finished: bool = True

    @property
    def count(self) -> int:
        return sum(done.count for done in self.sets)

    @property
    def held(self) -> float:
        return sum(done.held for done in self.sets)

    @property
    def work(self) -> float:
        return sum(done.work for done in self.sets)

    @property
    def score(self) -> float | None:
        """The sets' form scores, each weighing by its repetitions and holds."""
        scored = [(score, len(done.reps)) for done in self.sets if (score := done.score) is not None]
        total = sum(weight for _, weight in scored)
        return sum(score * weight for score, weight in scored) / total if total else None

    def with_set(self, index: int, changed: SetSummary) -> WorkoutSummary:
        """With another set in the place of that one."""
        return replace(self, sets=(*self.sets[:index], changed, *self.sets[index + 1 :]))


def mean(values: Iterable[float | None]) -> float | None:
    """Of the values that are there; None of none."""
    there = [value for value in values if value is not None]
    return sum(there) / len(there) if there else None


def evenness(a: float, b: float) -> float:
    """The smaller over the larger, 0..1; two nothings are even."""
    larger = max(abs(a), abs(b))
    return 1.0 if larger == 0.0 else min(abs(a), abs(b)) / larger


def fault_text(exercise: Exercise | None, fault: FaultSummary | Prompt, language: str) -> str:
    """What the rule says of this fault, or in this prompt, in that language.

    When the rule is no longer there: what it said then.
    """
    for rule in exercise.rules if exercise is not None else ():
        if rule.id == fault.rule:
            text = in_language(rule.say, language)
            return text.replace("{value}", format_value(fault.parameter, fault.value)).replace(
                "{limit}", format_value(fault.parameter, fault.limit)
            )
    return fault.text


def to_work_on(summary: SetSummary | WorkoutSummary) -> tuple[str, FaultTotal] | None:
    """(exercise, fault) that cost the most form score, or None when all was clean.

    A fault costs what its repetitions lost by it; of two that cost the same, the graver one comes first.
    """
    sets = summary.sets if isinstance(summary, WorkoutSummary) else (summary,)
    costs: dict[tuple[str, str], float] = {}
    worst: dict[tuple[str, str], FaultTotal] = {}
    for done in sets:
        for total in done.faults:
            key = (done.exercise, total.rule)
            costs[key] = costs.get(key, 0.0) + total.amount * (1.0 - WORTH[total.severity])
            known = worst.get(key)
            amount = total.amount + (known.amount if known else 0.0)
            further = known.worst if known and known.worst.excess >= total.worst.excess else total.worst
            worst[key] = replace(total, amount=amount, worst=further)
    costly = [key for key, cost in costs.items() if cost > 0.0]
    if not costly:
        return None
    key = max(costly, key=lambda k: (costs[k], _GRAVITY.index(worst[k].severity)))
    return key[0], worst[key]


# -- as JSON ------------------------------------------------------------------------------------------


def pose_rows(pose: Pose) -> list[list[float]]:
    """19 rows of x, y (0.1 pixel), X, Y, Z (1 mm), confidence (0.001)."""
    table = np.concatenate([pose.xy, pose.xyz, pose.confidence[:, None]], axis=1)
    return [[round(float(v), 1 if i < 2 else 3) for i, v in enumerate(row)] for row in table]


def pose_from_rows(rows: Any, time: float) -> Pose | None:
    """The pose of such rows; None when they are none."""
    try:
        table = np.array(rows, dtype=np.float32)
    except (TypeError, ValueError):
        return None
    if table.shape != (NUM_JOINTS, 6) or not np.isfinite(table).all():
        return None
    return Pose(time=time, xy=table[:, :2], xyz=table[:, 2:5], confidence=table[:, 5])


def rep_as_json(rep: RepSummary) -> dict[str, Any]:
    """For the journal and for exports."""
    return {
        "kind": rep.kind,
        "start": _rounded(rep.start),
        "turn": _rounded(rep.turn),
        "end": _rounded(rep.end),
        "side": rep.side,
        "range": _rounded(rep.range, 1),
        "valid": rep.valid,
        "symmetry": _rounded(rep.symmetry),
        "by_hand": rep.by_hand,
        "faults": [_fault_as_json(fault) for fault in rep.faults],
    }


def _fault_as_json(fault: FaultSummary) -> dict[str, Any]:
    return {
        "rule": fault.rule,
        "severity": fault.severity,
        "parameter": fault.parameter,
        "value": _rounded(fault.value),
        "limit": _rounded(fault.limit),
        "text": fault.text,
        "time": _rounded(fault.time),
        "joints": [joint.name for joint in fault.joints],
        "pose": None if fault.pose is None else pose_rows(fault.pose),
        "seconds": _rounded(fault.seconds),
    }


def rep_from_json(value: Mapping[str, Any]) -> RepSummary:
    """The repetition of `rep_as_json`. Raises ValueError, KeyError or TypeError when it is none."""
    if value["kind"] not in ("rep", "hold") or value["side"] not in SIDES:
        raise ValueError("no repetition")
    return RepSummary(
        kind=value["kind"],
        start=float(value["start"]),
        turn=None if value["turn"] is None else float(value["turn"]),
        end=float(value["end"]),
        side=value["side"],
        range=None if value["range"] is None else float(value["range"]),
        valid=bool(value["valid"]),
        symmetry=None if value["symmetry"] is None else float(value["symmetry"]),
        by_hand=bool(value["by_hand"]),
        faults=tuple(_fault_from_json(fault) for fault in value["faults"]),
    )


def _fault_from_json(value: Mapping[str, Any]) -> FaultSummary:
    if value["severity"] not in WORTH:
        raise ValueError("no fault")
    time = float(value["time"])
    return FaultSummary(
        rule=str(value["rule"]),
        severity=value["severity"],
        parameter=str(value["parameter"]),
        value=float(value["value"]),
        limit=float(value["limit"]),
        text=str(value["text"]),
        time=time,
        joints=tuple(Joint[name] for name in value["joints"]),
        pose=None if value["pose"] is None else pose_from_rows(value["pose"], time),
        seconds=None if value["seconds"] is None else float(value["seconds"]),
    )


def set_as_json(done: SetSummary) -> dict[str, Any]:
    """A set with what can be read off it, for exports."""
    return {
        "exercise": done.exercise,
        "started": _rounded(done.started),
        "seconds": _rounded(done.seconds),
        "target_reps": done.target_reps,
        "target_seconds": _rounded(done.target_seconds),
        "load_kg": _rounded(done.load_kg),
        "count": done.count,
        "held": _rounded(done.held),
        "score": _rounded(done.score, 1),
        "mean_range": _rounded(done.mean_range, 1),
        "symmetry": _rounded(done.symmetry),
        "faults": {total.rule: _rounded(total.amount) for total in done.faults},
        "reps": [rep_as_json(rep) for rep in done.reps],
    }


def workout_as_json(done: WorkoutSummary) -> dict[str, Any]:
    """A workout, for exports."""
    return {
        "id": done.id,
        "plan": done.plan,
        "name": dict(done.names),
        "started": done.started.isoformat(),
        "seconds": _rounded(done.seconds),
        "finished": done.finished,
        "count": done.count,
        "held": _rounded(done.held),
        "score": _rounded(done.score, 1),
        "sets": [set_as_json(one) for one in done.sets],
    }


def _rounded(value: float | None, digits: int = 3) -> float | None:
    return None if value is None or not math.isfinite(value) else round(float(value), digits)
