"""Rows of the history's tables -> what was done.

SQLite does not see to it that a column holds what it should, and the file may be damaged or made up:
everything here raises ValueError, TypeError or LookupError then.
"""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from app.skeleton import NUM_JOINTS, Joint, Pose
from app.summary import SIDES, WORTH, FaultSummary, RepSummary, SetSummary, Tempo

_POSE_TYPE: Final = np.dtype("<f4")


def set_of(row: sqlite3.Row, reps: Sequence[RepSummary]) -> SetSummary:
    """A row of `sets`."""
    tempo = None if row["tempo"] is None else [number_of(value) for value in json.loads(row["tempo"])]
    return SetSummary(
        exercise=text_of(row["exercise"]),
        started=number_of(row["started"]),
        seconds=number_of(row["seconds"]),
        reps=tuple(reps),
        target_reps=None if row["target_reps"] is None else int(row["target_reps"]),
        target_seconds=number_or_none(row["target_seconds"]),
        tempo=None if tempo is None else Tempo(out=tempo[0], turn=tempo[1], back=tempo[2]),
        load_kg=number_or_none(row["load"]),
    )


def rep_of(row: sqlite3.Row, faults: Sequence[FaultSummary]) -> RepSummary:
    """A row of `reps`."""
    return RepSummary(
        kind=_one_of(("rep", "hold"), row["kind"]),
        start=number_of(row["start"]),
        turn=number_or_none(row["turn"]),
        end=number_of(row["end"]),
        side=_one_of(SIDES, row["side"]),
        range=number_or_none(row["range"]),
        valid=bool(row["valid"]),
        symmetry=number_or_none(row["symmetry"]),
        by_hand=bool(row["by_hand"]),
        faults=tuple(faults),
    )


def fault_of(row: sqlite3.Row) -> FaultSummary:
    """A row of `faults`."""
    pose = None
    if isinstance(row["pose"], bytes) and len(row["pose"]) == NUM_JOINTS * 6 * _POSE_TYPE.itemsize:
        table = np.frombuffer(row["pose"], dtype=_POSE_TYPE).reshape(NUM_JOINTS, 6).astype(np.float32)
        pose = Pose(time=row["time"], xy=table[:, :2], xyz=table[:, 2:5], confidence=table[:, 5])
    return FaultSummary(
        rule=text_of(row["rule"]),
        severity=_one_of(tuple(WORTH), row["severity"]),
        parameter=text_of(row["parameter"]),
        value=number_of(row["value"]),
        limit=number_of(row["threshold"]),
        text=text_of(row["text"]),
        time=number_of(row["time"]),
        joints=tuple(Joint[name] for name in row["joints"].split() if name in Joint.__members__),
        pose=pose,
        seconds=number_or_none(row["seconds"]),
    )


def packed(pose: Pose | None) -> bytes | None:
    """A pose as the column has it; see the schema."""
    if pose is None:
        return None
    table = np.concatenate([pose.xy, pose.xyz, pose.confidence[:, None]], axis=1)
    return table.astype(_POSE_TYPE).tobytes()


def text_of(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("a text is none")
    return value


def number_of(value: Any) -> float:
    if not isinstance(value, (int, float)) or not math.isfinite(value):
        raise ValueError("a number is none")
    return value


def number_or_none(value: Any) -> float | None:
    return None if value is None else number_of(value)


def _one_of(known: Sequence[Any], value: Any) -> Any:
    if value not in known:
        raise ValueError("a word is unknown")
    return value


def names_of(value: Any) -> dict[str, str]:
    names = json.loads(value)
    if not isinstance(names, dict):
        raise ValueError("a name is none")
    return {key: text_of(name) for key, name in names.items()}
