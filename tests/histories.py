"""A long history: `python -m tests.histories FOLDER [SETS]` makes one where there is none, and times it.

A few weeks are written as the app writes them; the years before are copies of them, made inside of SQLite.
"""

from __future__ import annotations

import os
import sqlite3
import sys
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import app.history as history_module
from app.history import History, Profile
from app.skeleton import Joint
from app.summary import FaultSummary, RepSummary, SetSummary, WorkoutSummary
from tests.poses import pose_of, standing_figure

SETS_EACH = 5  # of one workout
REPS_EACH = 8
EXERCISES = ("squat", "push_up", "lunge", "plank", "sit_up", "pull_up", "calf_raise", "biceps_curl")
TEMPLATE = 40  # workouts that are written one by one
SPAN = timedelta(days=28)  # that they cover
SECONDS = SPAN.days * 86400
LAST = datetime(2026, 3, 18, 7, 30, tzinfo=UTC)


def long_history(path: Path, sets: int, *, template: int = TEMPLATE) -> Profile:
    """Writes that many sets (of five a workout, with repetitions, faults and poses) of one profile.

    template: how many workouts are written one by one, and always there.
    """
    with History(path) as history:
        profile = history.profile("Anna")
        for number in range(template):
            history.add(_workout(number, LAST - number * SPAN / template), profile)
    _copy(path, max(0, -(-sets // (SETS_EACH * template)) - 1))
    return profile


def _workout(number: int, started: datetime) -> WorkoutSummary:
    sets = tuple(_set(EXERCISES[(number + place) % len(EXERCISES)], place) for place in range(SETS_EACH))
    return WorkoutSummary(
        id=f"made-{number}",
        plan="legs",
        names={"en": "Legs", "zh": "腿"},
        started=started,
        seconds=600.0,
        sets=sets,
        finished=True,
    )


def _set(exercise: str, place: int) -> SetSummary:
    began = 120.0 * place
    reps = tuple(
        RepSummary(
            start=began + 3.0 * i,
            turn=began + 3.0 * i + 1.0,
            end=began + 3.0 * i + 2.0,
            range=80.0 + i,
            symmetry=0.9,
            faults=(_fault(began + 3.0 * i),) if i == 3 else (),
        )
        for i in range(REPS_EACH)
    )
    return SetSummary(exercise=exercise, started=began, seconds=60.0, reps=reps, target_reps=REPS_EACH)


def _fault(time: float) -> FaultSummary:
    return FaultSummary(
        rule="shallow",
        severity="warning",
        parameter="knee.min",
        value=110.0,
        limit=95.0,
        text="Go deeper",
        time=time,
        joints=(Joint.left_knee,),
        pose=pose_of(standing_figure(0.5), time),
    )


def _copy(path: Path, copies: int) -> None:
    """Copies all that is there, each copy one span of time further back."""
    database = sqlite3.connect(path)
    tables = ("workouts", "sets", "reps", "faults")
    sizes = {t: database.execute(f"SELECT MAX(id) FROM {t}").fetchone()[0] for t in tables}
    parent = {"sets": "workout", "reps": "set_id", "faults": "rep"}
    above = {"sets": "workouts", "reps": "sets", "faults": "reps"}
    with database:
        for table in tables:
            columns = [row[1] for row in database.execute(f"PRAGMA table_info({table})")]
            values = {name: name for name in columns}
            values["id"] = f"id + n * {sizes[table]}"
            if table in parent:
                values[parent[table]] += f" + n * {sizes[above[table]]}"
            else:
                values["uuid"] = "uuid || '-' || n"
                values["day"] = f"date(day, '-' || (n * {SPAN.days}) || ' days')"
                values["started"] = f"strftime('%Y-%m-%dT%H:%M:%SZ', began - n * {SECONDS}, 'unixepoch')"
            if "began" in values:
                values["began"] += f" - n * {SECONDS}"
            database.execute(
                f"WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < {copies})"
                f" INSERT INTO {table} ({', '.join(columns)})"
                f" SELECT {', '.join(values[name] for name in columns)} FROM {table}, c"
                f" WHERE id <= {sizes[table]} AND {copies} > 0"
            )
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()


def _page_shower() -> Callable[[History, Profile], None]:
    """What opens and paints the history's page; all that it needs is loaded before."""
    from PySide6.QtWidgets import QApplication

    from app.rules import load_library
    from app.ui.history_page import HistoryPage

    screen = QApplication.instance() or QApplication([])
    library = load_library()

    def show(history: History, profile: Profile) -> None:
        page = HistoryPage(history, profile, library, today=LAST.date())
        page.resize(1280, 720)
        page.show()
        screen.processEvents()
        page.close()

    return show


def main() -> None:
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    path = Path(sys.argv[1]) / history_module.FILE
    if not path.exists():
        long_history(path, int(sys.argv[2]) if len(sys.argv) > 2 else 100_000)
    show_page = _page_shower()
    began, worked = time.perf_counter(), time.process_time()
    with History(path) as history:
        profile = history.profile("Anna")
        today: date = LAST.date()
        parts = {
            "open": lambda: None,
            "workouts": lambda: history.workouts(profile),
            "exercises": lambda: history.exercises(profile),
            "streak": lambda: history.streak(profile, today),
            "52 weeks": lambda: [
                history.weeks(profile, m, today, count=52) for m in ("reps", "minutes", "score")
            ],
            "bests": lambda: history.bests(profile),
            "page": lambda: show_page(history, profile),
        }
        for name, part in parts.items():
            part()
            wall, cpu = time.perf_counter() - began, time.process_time() - worked
            print(f"{name:12} {wall:.3f} s since the start, {cpu:.3f} s of computing")


if __name__ == "__main__":
    main()
