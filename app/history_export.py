"""The history for other programs: CSV with a repetition a row and without poses, JSON with everything."""

from __future__ import annotations

import csv
import io
from typing import Any, Final

from app.files import to_json
from app.history import History, Profile
from app.rules import in_language
from app.summary import RepSummary, SetSummary, WorkoutSummary, workout_as_json

SCHEMA: Final = 2
COLUMNS: Final = (
    "workout_id",
    "workout",
    "started",
    "finished",
    "set",
    "exercise",
    "target_reps",
    "target_seconds",
    "load_kg",
    "number",
    "kind",
    "start",
    "turn",
    "end",
    "side",
    "range",
    "symmetry",
    "seen_whole",
    "by_hand",
    "faults",
)
_PAGE: Final = 500


def as_csv(history: History, profile: Profile, *, language: str = "en") -> str:
    """One row a repetition or hold, oldest workout first. Times are seconds since the workout began;
    seen_whole: from the start position to the return without a gap.

    Begins with the mark by which spreadsheets know UTF-8. Raises HistoryError.
    """
    out = io.StringIO()
    out.write("\ufeff")
    writer = csv.DictWriter(out, COLUMNS, lineterminator="\r\n")
    writer.writeheader()
    for done in all_workouts(history, profile):
        for set_number, one in enumerate(done.sets, 1):
            for number, rep in enumerate(one.reps, 1):
                writer.writerow(_row(done, set_number, one, number, rep, language))
    return out.getvalue()


def as_json(history: History, profile: Profile) -> str:
    """Everything that is known of a profile, with the poses of the worst moments. Raises HistoryError."""
    workouts = [workout_as_json(done) for done in all_workouts(history, profile)]
    return to_json({"schema": SCHEMA, "profile": profile.name, "workouts": workouts})


def all_workouts(history: History, profile: Profile) -> list[WorkoutSummary]:
    """The oldest first."""
    ids: list[str] = []
    while page := history.workouts(profile, most=_PAGE, skip=len(ids)):
        ids += [line.id for line in page]
    found = (history.workout(one) for one in reversed(ids))
    return [done for done in found if done is not None]


def _row(
    done: WorkoutSummary, set_number: int, one: SetSummary, number: int, rep: RepSummary, language: str
) -> dict[str, Any]:
    return {
        "workout_id": done.id,
        "workout": _plain(in_language(done.names, language)),
        "started": done.started.isoformat(timespec="seconds"),
        "finished": _yes(done.finished),
        "set": set_number,
        "exercise": _plain(one.exercise),
        "target_reps": one.target_reps,
        "target_seconds": one.target_seconds,
        "load_kg": _number(one.load_kg),
        "number": number,
        "kind": rep.kind,
        "start": _number(rep.start),
        "turn": _number(rep.turn),
        "end": _number(rep.end),
        "side": rep.side,
        "range": _number(rep.range, 1),
        "symmetry": _number(rep.symmetry),
        "seen_whole": _yes(rep.valid),
        "by_hand": _yes(rep.by_hand),
        "faults": " ".join(fault.rule for fault in rep.faults),
    }


def _plain(text: str) -> str:
    """A text that a spreadsheet does not take for a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def _yes(value: bool) -> str:
    return "yes" if value else "no"


def _number(value: float | None, digits: int = 3) -> str:
    return "" if value is None else f"{value:.{digits}f}"
