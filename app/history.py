"""What was done, on disk: profiles, workouts, sets, repetitions, faults. SQLite, on this machine alone.

    profiles 1--* workouts 1--* sets 1--* reps 1--* faults, and for each fault of a set the pose of its
    worst moment (joints only; no picture is ever stored)

Safe against two windows, a kill and a full disk: write-ahead log, every change in one transaction that takes
the lock first. The schema has a version; before an older file is brought up to date it is copied aside, and
the whole way up is one transaction. What is deleted is overwritten with zeros, in the copies made before an
update as well. The file is not trusted: what cannot be in it is reported, never passed on. Queries say
`hidden = 0`, as the indexes have it: years of workouts are read no slower than weeks.

What the charts show
--------------------
volume   minutes of work: the durations of all repetitions and holds, without the pauses between them
range    mean range of an exercise's repetitions, in degrees or percent of the body's own size
score    form score 0..100: mean worth of what was seen, see app.summary.RepSummary.worth
streak   days in a row with a workout, up to today or, while today has none yet, up to yesterday
"""

from __future__ import annotations

import contextlib
import functools
import json
import logging
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Concatenate, Final, Literal, ParamSpec, TypeVar

from app.history_file import BROKEN, DAMAGED, changing, open_file, reason_of
from app.history_file import HistoryError as HistoryError
from app.history_rows import fault_of, names_of, number_of, number_or_none, packed, rep_of, set_of, text_of
from app.journal import journal_path
from app.summary import FaultSummary, SetSummary, WorkoutSummary

log = logging.getLogger(__name__)
FILE: Final = "history.sqlite"

# Sets of workouts that are not deleted; those that are wait to be purged, and are few.
_SHOWN: Final = "workout NOT IN (SELECT id FROM workouts WHERE hidden)"

Measure = Literal["reps", "minutes", "range", "score"]
BestOf = Literal["reps", "range", "hold", "score", "load"]
P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Profile:
    """Whose history it is."""

    id: int
    name: str


@dataclass(frozen=True, kw_only=True)
class WorkoutLine:
    """A workout in the list. id: of the workout (WorkoutSummary.id). exercises: ids, in order."""

    id: str
    names: Mapping[str, str]
    started: datetime
    seconds: float
    finished: bool
    sets: int
    reps: int
    score: float | None
    exercises: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Week:
    """A week's sum. monday: its first day. value: None where there was nothing to measure."""

    monday: date
    value: float | None


@dataclass(frozen=True, kw_only=True)
class Best:
    """A personal best of an exercise: most reps of a set, widest mean range, longest hold, best form,
    heaviest load (kg)."""

    exercise: str
    what: BestOf
    value: float
    day: date
    workout: str


def _reading(
    method: Callable[Concatenate[History, P], T],
) -> Callable[Concatenate[History, P], T]:
    """For a method that makes something of the file's content: what cannot be in it is a HistoryError."""

    @functools.wraps(method)
    def read(self: History, /, *args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return method(self, *args, **kwargs)
        except (ValueError, TypeError, LookupError, ArithmeticError, AttributeError) as error:
            raise HistoryError(DAMAGED, path=self.path, reason=reason_of(error)) from error

    return read


class History:
    """The database of one folder.

        with History(folder / history.FILE) as history:
            profile = history.profile("Anna")
            history.add(summary, profile)

    only_shown: why it can be read and not be written; None: it can. To be used by one thread. Raises
    HistoryError.
    """  # fmt: skip

    def __init__(self, path: Path) -> None:
        self.path: Final = path
        self._db, self.only_shown = open_file(path)
        if self.only_shown is not None:
            return
        try:
            self.purge()
        except HistoryError as error:  # a full disk: what is hidden stays so until there is room
            log.warning("%s", error)

    def __enter__(self) -> History:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._db.close()

    # ---- profiles

    @_reading
    def profiles(self) -> list[Profile]:
        """By name."""
        rows = self._read("SELECT id, name FROM profiles ORDER BY name COLLATE NOCASE")
        return [_profile(row) for row in rows]

    @_reading
    def profile(self, name: str) -> Profile:
        """The profile of that name, made when it is not there yet."""
        name = " ".join(name.split())[:60]
        query = "SELECT id, name FROM profiles WHERE name = ?"
        rows = self._read(query, (name,))
        if not rows:  # asked first, so that a full disk can still be looked at
            with self._change():
                self._db.execute("INSERT OR IGNORE INTO profiles (name) VALUES (?)", (name,))
            rows = self._read(query, (name,))
        return _profile(rows[0])

    def rename(self, profile: Profile, name: str) -> Profile:
        """Raises HistoryError when there is one of that name."""
        name = " ".join(name.split())[:60]
        if not name:
            raise HistoryError("a profile needs a name")
        if any(other.name == name and other.id != profile.id for other in self.profiles()):
            raise HistoryError('there is a profile "{name}" already; choose another name', name=name)
        with self._change():
            self._db.execute("UPDATE profiles SET name = ? WHERE id = ?", (name, profile.id))
        return Profile(id=profile.id, name=name)

    def delete_profile(self, profile: Profile) -> None:
        """With all that it did, for good."""
        gone = self._read("SELECT uuid FROM workouts WHERE profile = ?", (profile.id,))
        with self._change():
            self._db.execute("DELETE FROM profiles WHERE id = ?", (profile.id,))
        self._forget([row["uuid"] for row in gone])

    # ---- workouts

    def add(self, done: WorkoutSummary, profile: Profile) -> None:
        """Writes a workout; one that is there under its id is replaced, so that nothing is there twice."""
        began = done.started.timestamp()
        with self._change():
            self._db.execute("DELETE FROM workouts WHERE uuid = ?", (done.id,))
            number = self._insert(
                "workouts",
                uuid=done.id,
                profile=profile.id,
                plan=done.plan,
                names=json.dumps(dict(done.names), ensure_ascii=False),
                started=done.started.isoformat(),
                began=began,
                day=done.started.date().isoformat(),
                seconds=done.seconds,
                finished=done.finished,
            )
            for place, one in enumerate(done.sets):
                self._add_set(one, workout=number, place=place, profile=profile.id, began=began)

    def _add_set(self, done: SetSummary, **around: float) -> None:
        tempo = done.tempo
        number = self._insert(
            "sets",
            **around,
            exercise=done.exercise,
            started=done.started,
            seconds=done.seconds,
            target_reps=done.target_reps,
            target_seconds=done.target_seconds,
            tempo=None if tempo is None else json.dumps([tempo.out, tempo.turn, tempo.back]),
            load=done.load_kg,
            count=done.count,
            held=done.held,
            longest=max((rep.duration for rep in done.reps if rep.kind == "hold"), default=0.0),
            work=done.work,
            range=done.mean_range,
            score=done.score,
            weight=sum(not rep.by_hand for rep in done.reps),
        )
        worst = {id(total.worst) for total in done.faults}
        for rep_place, rep in enumerate(done.reps):
            rep_number = self._insert(
                "reps",
                set_id=number,
                place=rep_place,
                kind=rep.kind,
                start=rep.start,
                turn=rep.turn,
                end=rep.end,
                side=rep.side,
                range=rep.range,
                valid=rep.valid,
                symmetry=rep.symmetry,
                by_hand=rep.by_hand,
            )
            for fault in rep.faults:
                self._insert(
                    "faults",
                    rep=rep_number,
                    rule=fault.rule,
                    severity=fault.severity,
                    parameter=fault.parameter,
                    value=fault.value,
                    threshold=fault.limit,
                    text=fault.text,
                    time=fault.time,
                    seconds=fault.seconds,
                    joints=" ".join(joint.name for joint in fault.joints),
                    pose=packed(fault.pose) if id(fault) in worst else None,
                )

    def _insert(self, table: str, **values: Any) -> int:
        """A row; gives its number. Table and columns are names of this module, never of the outside."""
        marks = ", ".join("?" * len(values))
        query = f"INSERT INTO {table} ({', '.join(values)}) VALUES ({marks})"
        return int(self._db.execute(query, tuple(values.values())).lastrowid or 0)

    @_reading
    def workout(self, id: str) -> WorkoutSummary | None:
        """One workout with all that is in it; None when there is none of that id."""
        rows = self._read("SELECT * FROM workouts WHERE uuid = ? AND hidden = 0", (id,))
        if not rows:
            return None
        row = rows[0]
        sets = self._read("SELECT * FROM sets WHERE workout = ? ORDER BY place", (row["id"],))
        return WorkoutSummary(
            id=row["uuid"],
            plan=row["plan"],
            names=names_of(row["names"]),
            started=datetime.fromisoformat(row["started"]),
            seconds=number_of(row["seconds"]),
            sets=tuple(self._set(one) for one in sets),
            finished=bool(row["finished"]),
        )

    def _set(self, row: sqlite3.Row) -> SetSummary:
        faults: dict[int, list[FaultSummary]] = {}
        for fault in self._read(
            "SELECT faults.* FROM faults JOIN reps ON faults.rep = reps.id WHERE reps.set_id = ?"
            " ORDER BY faults.id",
            (row["id"],),
        ):
            faults.setdefault(fault["rep"], []).append(fault_of(fault))
        reps = tuple(
            rep_of(rep, faults.get(rep["id"], ()))
            for rep in self._read("SELECT * FROM reps WHERE set_id = ? ORDER BY place", (row["id"],))
        )
        return set_of(row, reps)

    @_reading
    def workouts(self, profile: Profile, *, most: int = 200, skip: int = 0) -> list[WorkoutLine]:
        """The newest first."""
        page = "FROM workouts WHERE profile = ? AND hidden = 0 ORDER BY began DESC, id DESC LIMIT ? OFFSET ?"
        which = (profile.id, most, skip)
        found: dict[int, list[sqlite3.Row]] = {}
        for one in self._read(
            "SELECT workout, exercise, count, score, weight FROM sets"
            f" WHERE workout IN (SELECT id {page}) ORDER BY workout, place",
            which,
        ):
            found.setdefault(one["workout"], []).append(one)
        out: list[WorkoutLine] = []
        for row in self._read(f"SELECT * {page}", which):
            sets = found.get(row["id"], [])
            weight = sum(number_of(one["weight"]) for one in sets if one["score"] is not None)
            total = sum(
                number_of(one["weight"]) * number_of(one["score"]) for one in sets if one["score"] is not None
            )
            out.append(
                WorkoutLine(
                    id=text_of(row["uuid"]),
                    names=names_of(row["names"]),
                    started=datetime.fromisoformat(row["started"]),
                    seconds=number_of(row["seconds"]),
                    finished=bool(row["finished"]),
                    sets=len(sets),
                    reps=sum(int(one["count"]) for one in sets),
                    score=total / weight if weight else None,
                    exercises=tuple(dict.fromkeys(text_of(one["exercise"]) for one in sets)),
                )
            )
        return out

    # ---- deleting

    def hide(self, ids: Sequence[str]) -> None:
        """Deletes these workouts, so that `restore` can still bring them back."""
        self._set_hidden(ids, True)

    def restore(self, ids: Sequence[str]) -> None:
        """Brings back what `hide` took away; what was purged since is gone."""
        self._set_hidden(ids, False)

    def _set_hidden(self, ids: Sequence[str], hidden: bool) -> None:
        with self._change():
            self._db.executemany(
                "UPDATE workouts SET hidden = ? WHERE uuid = ?", [(hidden, one) for one in ids]
            )

    def purge(self) -> None:
        """Deletes what is hidden for good: on the disk its bytes are zeros. Opening a history does it too."""
        gone = self._read("SELECT uuid FROM workouts WHERE hidden")
        if not gone:
            return
        with self._change():
            self._db.execute("DELETE FROM workouts WHERE hidden")
        self._forget([row["uuid"] for row in gone])

    def _forget(self, ids: Sequence[str]) -> None:
        """Nothing of these workouts stays in journals, the write-ahead log or copies made before updates."""
        try:
            for id in ids:
                with contextlib.suppress(ValueError, TypeError):  # not our id: not our file
                    journal_path(self.path.parent, id).unlink(missing_ok=True)
            for copy in self.path.parent.glob(f"{self.path.name}.v*"):
                copy.unlink(missing_ok=True)
            # While another window reads, the log cannot be cut; that window's own closing does it then.
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        except (OSError, *BROKEN) as error:
            raise HistoryError(
                "{path}: what was deleted may still be in files there ({reason})",
                path=self.path.parent,
                reason=reason_of(error),
            ) from error

    # ---- over time

    @_reading
    def exercises(self, profile: Profile) -> list[str]:
        """The exercises that were done, the most frequent first."""
        rows = self._read(
            f"SELECT exercise, COUNT(*) AS n FROM sets WHERE profile = ? AND {_SHOWN}"
            " GROUP BY exercise ORDER BY n DESC, exercise",
            (profile.id,),
        )
        return [text_of(row["exercise"]) for row in rows]

    def weeks(
        self, profile: Profile, measure: Measure, today: date, *, count: int = 12, exercise: str | None = None
    ) -> list[Week]:
        """The sums (reps, minutes) or means (range, score) of the last weeks, the oldest first.

        exercise: of it alone; a range can only be asked for of one, for their units differ.
        """
        if measure == "range" and exercise is None:
            raise ValueError("the ranges of different exercises have no common mean")
        monday = today - timedelta(days=today.weekday() + 7 * (count - 1))
        value = {
            "reps": "SUM(count)",
            "minutes": "SUM(work) / 60.0",
            "range": "SUM(range * count) / SUM(CASE WHEN range IS NOT NULL THEN count END)",
            "score": "SUM(score * weight) / SUM(CASE WHEN score IS NOT NULL THEN weight END)",
        }[measure]
        only, which = ("", ()) if exercise is None else (" AND exercise = ?", (exercise,))
        first, last = monday.isoformat(), (monday + timedelta(days=7 * count - 1)).isoformat()
        found = self._by_week(
            f"SELECT CAST((julianday(day) - julianday(?)) / 7 AS INTEGER) AS week, {value} AS value"
            " FROM workouts JOIN sets ON sets.workout = workouts.id"
            f" WHERE workouts.profile = ? AND hidden = 0 AND day BETWEEN ? AND ?{only} GROUP BY week",
            (first, profile.id, first, last, *which),
        )
        empty = 0.0 if measure in ("reps", "minutes") else None
        return [
            Week(monday=monday + timedelta(days=7 * week), value=found.get(week, empty))
            for week in range(count)
        ]

    @_reading
    def _by_week(self, query: str, values: Sequence[Any]) -> dict[int, float | None]:
        return {row["week"]: number_or_none(row["value"]) for row in self._read(query, values)}

    @_reading
    def days(self, profile: Profile, first: date, last: date) -> dict[date, int]:
        """Day -> how many workouts."""
        rows = self._read(
            "SELECT day, COUNT(*) AS n FROM workouts WHERE profile = ? AND hidden = 0 AND day BETWEEN ? AND ?"
            " GROUP BY day",
            (profile.id, first.isoformat(), last.isoformat()),
        )
        return {date.fromisoformat(row["day"]): int(row["n"]) for row in rows}

    @_reading
    def streak(self, profile: Profile, today: date) -> int:
        """Days in a row (see the module)."""
        wanted, length = today, 0
        for row in self._rows(  # read only as far as needed
            "SELECT DISTINCT day FROM workouts WHERE profile = ? AND hidden = 0 AND day <= ?"
            " ORDER BY day DESC",
            (profile.id, today.isoformat()),
        ):
            day = date.fromisoformat(row["day"])
            if length == 0 and day == today - timedelta(days=1):
                wanted = day
            if day != wanted:
                break
            length += 1
            wanted = day - timedelta(days=1)
        return length

    @_reading
    def bests(
        self, profile: Profile, *, before: datetime | None = None, exercises: Sequence[str] | None = None
    ) -> list[Best]:
        """Personal bests, by exercise. before: of what was begun earlier. exercises: of these alone.

        The best range and form count from three repetitions of a set on: one lucky one is no best.
        """
        until = 1e12 if before is None else before.timestamp()
        only = ""
        if exercises is not None:
            only = f" AND exercise IN ({', '.join('?' * len(exercises))})"
        out: list[Best] = []
        kinds: tuple[tuple[BestOf, str, str], ...] = (
            ("reps", "count", "count > 0"),
            ("range", "range", "count >= 3 AND range IS NOT NULL"),
            ("hold", "longest", "longest > 0"),
            ("score", "score", "weight >= 3 AND score IS NOT NULL"),
            ("load", "load", "load IS NOT NULL AND weight > 0"),
        )
        for what, value, condition in kinds:
            rows = self._read(
                "SELECT best.exercise, value, day, uuid FROM"
                # SQLite gives the workout of the row that has the maximum.
                f" (SELECT exercise, MAX({value}) AS value, workout FROM sets"
                f" WHERE profile = ? AND {_SHOWN} AND began < ? AND {condition}{only} GROUP BY exercise)"
                " AS best JOIN workouts ON workouts.id = best.workout",
                (profile.id, until, *(exercises or ())),
            )
            out += [
                Best(
                    exercise=text_of(row["exercise"]),
                    what=what,
                    value=number_of(row["value"]),
                    day=date.fromisoformat(row["day"]),
                    workout=row["uuid"],
                )
                for row in rows
            ]
        return sorted(out, key=lambda best: best.exercise)

    def new_bests(self, done: WorkoutSummary, profile: Profile) -> list[Best]:
        """The bests of this workout, which must be in the history, that are better than all before it.

        The first time that an exercise is done sets none: there was nothing to better.
        """
        done_here = tuple({one.exercise for one in done.sets})
        before = self.bests(profile, before=done.started, exercises=done_here)
        earlier = {(best.exercise, best.what): best.value for best in before}
        return [
            best
            for best in self.bests(profile, exercises=done_here)
            if best.workout == done.id
            and (known := earlier.get((best.exercise, best.what))) is not None
            and best.value > known + (0.1 if best.what == "load" else 0.5)
        ]

    # ---- the database

    def _read(self, query: str, values: Sequence[Any] = ()) -> list[sqlite3.Row]:
        return list(self._rows(query, values))

    def _rows(self, query: str, values: Sequence[Any] = ()) -> Iterator[sqlite3.Row]:
        try:
            yield from self._db.execute(query, values)
        except sqlite3.OperationalError as error:
            raise HistoryError(
                "{path}: cannot be read ({reason}); try again", path=self.path, reason=reason_of(error)
            ) from error
        except BROKEN as error:
            raise HistoryError(DAMAGED, path=self.path, reason=reason_of(error)) from error

    def _change(self) -> contextlib.AbstractContextManager[None]:
        """One transaction: all of it or nothing."""
        if self.only_shown is not None:
            raise self.only_shown
        return changing(self._db, self.path)


def _profile(row: sqlite3.Row) -> Profile:
    return Profile(id=row["id"], name=text_of(row["name"]))
