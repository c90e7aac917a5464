"""The history: what goes in comes out, adds up, survives, and is gone when it is deleted."""

from __future__ import annotations

import csv
import io
import json
import multiprocessing
import sqlite3
from dataclasses import replace
from datetime import date, datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pytest

from app import history_file
from app.history import FILE, History, HistoryError
from app.history_export import as_csv, as_json
from app.journal import journal_path
from app.skeleton import Joint
from app.summary import FaultSummary, RepSummary, SetSummary, WorkoutSummary, workout_as_json
from tests.poses import pose_of, standing_figure

ZONE = timezone(timedelta(hours=8))
TODAY = date(2026, 3, 18)  # a Wednesday


def fault(value: float = 110.0, *, severity: str = "warning", depth: float = 0.5) -> FaultSummary:
    return FaultSummary(
        rule="shallow",
        severity=severity,  # type: ignore[arg-type]
        parameter="knee.min",
        value=value,
        limit=95.0,
        text="Go deeper",
        time=1.0,
        joints=(Joint.left_knee,),
        pose=pose_of(standing_figure(depth), 1.0),
    )


def rep(number: int, *, range: float = 80.0, faults: tuple[FaultSummary, ...] = ()) -> RepSummary:
    start = 3.0 * number
    return RepSummary(
        start=start, turn=start + 1.0, end=start + 2.0, range=range, symmetry=0.9, faults=faults
    )


def workout(
    id: str,
    day: date = TODAY,
    *,
    reps: int = 4,
    range: float = 80.0,
    faulty: int = 0,
    exercise: str = "squat",
) -> WorkoutSummary:
    done = tuple(
        rep(i, range=range, faults=(fault(100.0 + i),) if i < faulty else ()) for i in np.arange(reps)
    )
    one = SetSummary(exercise=exercise, started=0.0, seconds=3.0 * reps, reps=done, target_reps=reps)
    started = datetime(day.year, day.month, day.day, 7, 30, tzinfo=ZONE)
    return WorkoutSummary(
        id=id, plan="legs", names={"en": "Legs", "zh": "腿"}, started=started, seconds=90.0, sets=(one,)
    )


@pytest.fixture
def history(tmp_path: Path):
    with History(tmp_path / FILE) as made:
        yield made


def test_a_workout_comes_back_whole_with_the_pose_of_the_worst_moment(history: History) -> None:
    anna = history.profile("Anna")
    done = workout("a", faulty=3)
    history.add(done, anna)
    back = history.workout("a")
    assert back is not None
    assert back.started == done.started and back.started.utcoffset() == timedelta(hours=8)
    total, expected = back.sets[0].faults[0], done.sets[0].faults[0]
    assert (total.rule, total.amount, total.worst.value) == ("shallow", 3.0, 102.0)
    assert total.worst.pose is not None and expected.worst.pose is not None
    np.testing.assert_array_equal(total.worst.pose.xyz, expected.worst.pose.xyz)
    poses = [f.pose is not None for r in back.sets[0].reps for f in r.faults]
    assert poses == [False, False, True]  # one for a fault of a set, not one for each repetition
    bare = workout_as_json(done)
    for one in bare["sets"][0]["reps"][:2]:
        one["faults"][0]["pose"] = None
    assert workout_as_json(back) == bare
    assert history.workout("b") is None


def test_writing_the_same_workout_again_replaces_it(history: History) -> None:
    anna = history.profile("Anna")
    done = workout("a")
    history.add(done, anna)
    history.add(done.with_set(0, done.sets[0].without(0)), anna)
    assert [(line.id, line.reps) for line in history.workouts(anna)] == [("a", 3)]


def test_each_profile_has_its_own(history: History) -> None:
    anna, bo = history.profile("Anna"), history.profile("  Bo ")
    history.add(workout("a"), anna)
    history.add(workout("b"), bo)
    assert [line.id for line in history.workouts(bo)] == ["b"]
    assert history.profile("Bo") == bo
    with pytest.raises(HistoryError, match="already"):
        history.rename(bo, "Anna")
    assert history.rename(bo, "Bea").name == "Bea"
    history.delete_profile(anna)
    assert [profile.name for profile in history.profiles()] == ["Bea"]
    assert history.workout("a") is None


def test_weeks_add_up(history: History) -> None:
    anna = history.profile("Anna")
    history.add(workout("1", TODAY - timedelta(days=9), reps=6, range=70.0), anna)  # last week's Monday
    history.add(workout("2", TODAY - timedelta(days=3), reps=2, range=90.0, faulty=2), anna)  # and Sunday
    history.add(workout("3", TODAY, reps=4, range=85.0, exercise="lunge"), anna)
    weeks = history.weeks(anna, "reps", TODAY, count=3)
    assert [week.monday for week in weeks] == [date(2026, 3, 2), date(2026, 3, 9), date(2026, 3, 16)]
    assert [week.value for week in weeks] == [0.0, 8.0, 4.0]
    assert [week.value for week in history.weeks(anna, "range", TODAY, count=3, exercise="squat")] == [
        None,
        pytest.approx((6 * 70 + 2 * 90) / 8),
        None,
    ]
    assert [week.value for week in history.weeks(anna, "score", TODAY, count=2)] == [
        pytest.approx((6 * 100 + 2 * 50) / 8),
        100.0,
    ]
    assert history.weeks(anna, "minutes", TODAY, count=1)[0].value == pytest.approx(4 * 2.0 / 60)
    with pytest.raises(ValueError, match="exercise"):
        history.weeks(anna, "range", TODAY)
    assert history.exercises(anna) == ["squat", "lunge"]
    assert history.days(anna, TODAY - timedelta(days=3), TODAY) == {TODAY - timedelta(days=3): 1, TODAY: 1}


def test_a_streak_counts_days_in_a_row_and_is_not_over_before_the_day_is(history: History) -> None:
    anna = history.profile("Anna")
    for back in (1, 2, 3, 5):
        history.add(workout(str(back), TODAY - timedelta(days=back)), anna)
    assert history.streak(anna, TODAY) == 3
    history.add(workout("0"), anna)
    assert history.streak(anna, TODAY) == 4
    assert history.streak(anna, TODAY + timedelta(days=2)) == 0


def test_a_best_must_better_something(history: History) -> None:
    anna = history.profile("Anna")
    first, second = (
        workout("1", TODAY - timedelta(days=1), reps=5, faulty=5),
        workout("2", reps=8, range=79.0),
    )
    history.add(first, anna)
    assert history.new_bests(first, anna) == []
    history.add(second, anna)
    assert {(best.what, best.value) for best in history.new_bests(second, anna)} == {
        ("reps", 8),
        ("score", 100),
    }
    ranges = [best for best in history.bests(anna) if best.what == "range"]
    assert [(best.value, best.workout) for best in ranges] == [(80.0, "1")]


def everything_on_disk(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_deleted_means_deleted(tmp_path: Path) -> None:
    with History(tmp_path / FILE) as history:
        anna = history.profile("Anna")
        secret = replace(workout("a", faulty=2), names={"en": "Pelvic floor after the birth"})
        history.add(secret, anna)
        history.add(workout("b"), anna)
        (tmp_path / f"{FILE}.v0").write_bytes(b"Pelvic floor, as it was before an update")
        journal_path(tmp_path, "a").write_bytes(b"Pelvic floor, left behind by a crash")
        history.hide(["a"])
        assert [line.id for line in history.workouts(anna)] == ["b"]
        history.restore(["a"])
        assert len(history.workouts(anna)) == 2
        assert b"Pelvic floor" in everything_on_disk(tmp_path)
        history.hide(["a"])
        history.purge()
        assert b"Pelvic floor" not in everything_on_disk(tmp_path)
    assert b"Pelvic floor" not in everything_on_disk(tmp_path)


def test_what_was_hidden_when_the_power_went_is_gone_at_the_next_start(tmp_path: Path) -> None:
    with History(tmp_path / FILE) as history:
        anna = history.profile("Anna")
        history.add(workout("a"), anna)
        history.hide(["a"])
    with History(tmp_path / FILE) as history:
        history.restore(["a"])
        assert history.workouts(anna) == []


def _write(folder: Path, name: str) -> None:
    with History(folder / FILE) as history:
        profile = history.profile("Anna")
        for number in range(20):
            history.add(workout(f"{name}-{number}"), profile)


def test_two_windows_write_at_the_same_time(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    windows = [context.Process(target=_write, args=(tmp_path, name)) for name in ("one", "two")]
    for window in windows:
        window.start()
    for window in windows:
        window.join()
    assert [window.exitcode for window in windows] == [0, 0]
    with History(tmp_path / FILE) as history:
        assert len(history.workouts(history.profile("Anna"))) == 40


def test_an_update_keeps_what_was_there_and_a_copy_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with History(tmp_path / FILE) as history:
        history.add(workout("a"), history.profile("Anna"))
    more = "ALTER TABLE workouts ADD COLUMN note TEXT NOT NULL DEFAULT 'none';"
    known = history_file.MIGRATIONS
    monkeypatch.setattr(history_file, "MIGRATIONS", (*known, more + "INSERT INTO nowhere VALUES (1);"))
    with pytest.raises(HistoryError):
        History(tmp_path / FILE)
    monkeypatch.setattr(history_file, "MIGRATIONS", known)
    with History(tmp_path / FILE) as history:  # the update that failed half way left nothing behind
        assert history.workout("a") is not None
    monkeypatch.setattr(history_file, "MIGRATIONS", (*known, more))
    with History(tmp_path / FILE) as history:
        assert history.workout("a") is not None
    copy = sqlite3.connect(tmp_path / f"{FILE}.v{len(known)}")
    assert copy.execute("SELECT uuid FROM workouts").fetchall() == [("a",)]
    assert "note" not in {row[1] for row in copy.execute("PRAGMA table_info(workouts)")}
    copy.close()
    monkeypatch.setattr(history_file, "MIGRATIONS", known)
    with pytest.raises(HistoryError, match="newer Formcue"):
        History(tmp_path / FILE)


def as_version_1(path: Path, copy: Path) -> None:
    """The same history as the first version wrote it."""
    first = sqlite3.connect(copy)
    first.executescript(history_file.MIGRATIONS[0])
    first.execute("ATTACH ? AS now", (str(path),))
    for table in ("profiles", "workouts", "sets", "reps", "faults"):
        columns = ", ".join(row[1] for row in first.execute(f"PRAGMA main.table_info({table})"))
        first.execute(f"INSERT INTO main.{table} ({columns}) SELECT {columns} FROM now.{table}")
    first.execute("PRAGMA main.user_version = 1")
    first.commit()
    first.close()


def test_an_older_history_that_cannot_be_written_is_shown_and_left_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with History(tmp_path / "now.sqlite") as history:
        history.add(workout("a", faulty=3), history.profile("Anna"))
    as_version_1(tmp_path / "now.sqlite", tmp_path / FILE)
    before = (tmp_path / FILE).read_bytes()
    monkeypatch.setattr(history_file.os, "access", lambda *_: False)
    with History(tmp_path / FILE) as history:
        anna = history.profile("Anna")
        assert [line.id for line in history.workouts(anna)] == ["a"]
        assert [best.what for best in history.bests(anna)]  # asks for loads, which that version has not
        with pytest.raises(HistoryError, match="is read-only"):
            history.profile("Ben")
    assert (tmp_path / FILE).read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == [FILE, "now.sqlite"]
    (tmp_path / FILE).write_bytes(b"no database at all" * 100)
    with pytest.raises(HistoryError, match="cannot be opened"):
        History(tmp_path / FILE)


def test_a_history_from_before_there_were_loads_keeps_everything(tmp_path: Path) -> None:
    with History(tmp_path / "now.sqlite") as history:
        history.add(workout("a", faulty=3), history.profile("Anna"))
    as_version_1(tmp_path / "now.sqlite", tmp_path / FILE)
    with History(tmp_path / "now.sqlite") as now, History(tmp_path / FILE) as updated:
        anna = updated.profile("Anna")
        same, there = updated.workout("a"), now.workout("a")
        assert same is not None and there is not None
        assert workout_as_json(same) == workout_as_json(there)
        assert same.sets[0].load_kg is None
        assert updated.bests(anna) == now.bests(now.profile("Anna"))
        lifted = workout("b")
        updated.add(lifted.with_set(0, replace(lifted.sets[0], load_kg=12.0)), anna)
        again = updated.workout("b")
        assert again is not None and again.sets[0].load_kg == 12.0
    assert (tmp_path / f"{FILE}.v1").is_file()


def test_the_heaviest_load_is_a_best_and_is_exported(history: History) -> None:
    anna = history.profile("Anna")
    for back, kg in ((3, None), (2, 11.33980925), (1, 12.0), (0, 10.0)):
        done = workout(f"{back}", TODAY - timedelta(days=back))
        history.add(done.with_set(0, replace(done.sets[0], load_kg=kg)), anna)
    loads = [best for best in history.bests(anna) if best.what == "load"]
    assert [(best.value, best.workout) for best in loads] == [(12.0, "1")]
    heaviest = history.workout("1")
    assert heaviest is not None
    assert [(best.what, best.value) for best in history.new_bests(heaviest, anna)] == [("load", 12.0)]
    rows = csv.DictReader(io.StringIO(as_csv(history, anna).removeprefix("\ufeff")))
    assert [row["load_kg"] for row in rows if row["number"] == "1"] == ["", "11.340", "12.000", "10.000"]
    document = json.loads(as_json(history, anna))
    assert [w["sets"][0]["load_kg"] for w in document["workouts"]] == [None, 11.34, 12.0, 10.0]


def test_a_file_that_is_no_history_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / FILE
    path.write_bytes(b"this is no database" * 100)
    with pytest.raises(HistoryError, match="move it away"):
        History(path)
    assert path.read_bytes().startswith(b"this is no database")


def test_exports_say_the_same_as_the_history(history: History) -> None:
    anna = history.profile("Anna")
    history.add(workout("a", faulty=2), anna)
    history.add(replace(workout("b"), names={"en": "=HYPERLINK(1)"}), anna)
    rows = list(csv.DictReader(io.StringIO(as_csv(history, anna, language="en").removeprefix("\ufeff"))))
    assert len(rows) == 8
    assert [row["faults"] for row in rows if row["workout_id"] == "a"] == ["shallow", "shallow", "", ""]
    assert {row["workout"] for row in rows} == {"Legs", "'=HYPERLINK(1)"}  # a sheet must not run it
    assert rows[0]["range"] == "80.0"
    document = json.loads(as_json(history, anna))
    assert document["schema"] == 2 and document["profile"] == "Anna"
    assert {w["id"]: w["count"] for w in document["workouts"]} == {"a": 4, "b": 4}
    assert document["workouts"][0]["sets"][0]["reps"][0]["range"] == 80.0
