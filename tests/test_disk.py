"""The disk is full, cannot be written, or another window writes: the old content stays, and one is told."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtWidgets import QApplication

from app.errors import FormcueError
from app.feedback import PoseBuffer
from app.files import LEFT_BEHIND, OutputError, check_writable, replacing, write_json
from app.history import FILE, History, HistoryError
from app.journal import Journal, JournalError, journal_path, read_lines
from app.overrides import Overrides, save_overrides
from app.planfile import load_plans, save_plan
from app.plans import Plan, PlannedExercise, PlanStep, one_set
from app.recording import Recording, load_recording, save_recording
from app.rules import load_library
from app.settings import Settings, change_settings, load_settings
from app.summary import RepSummary, SetSummary, WorkoutSummary
from app.training.config import TrainingError
from app.training.diary import Diary
from app.ui.keeper import Keeper
from app.ui.pdf import save_pdf
from app.ui.report import workout_report
from app.workouts import WorkoutRunner
from main import main
from tests.disks import SmallDisk, limited_files, small_disk
from tests.poses import recording_of, squats
from tests.training.runs import tiny_run

LIBRARY = load_library()
NOON = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    with small_disk(tmp_path / "disk") as made:
        yield made


def workout(id: str, sets: int = 1) -> WorkoutSummary:
    reps = tuple(RepSummary(start=float(i), end=i + 0.5, range=80.0) for i in range(5))
    one = SetSummary(exercise="squat", started=0.0, seconds=9.0, reps=reps)
    return WorkoutSummary(
        id=id, plan="p", names={"en": "P"}, started=NOON, seconds=9.0, sets=(one,) * sets, finished=True
    )


def plan(name: str) -> Plan:
    steps = (PlanStep(exercises=(PlannedExercise(exercise="squat", reps=5),)),)
    return Plan(id="mine", names={"en": name}, steps=steps)


def poses(count: int) -> PoseBuffer:
    buffer = PoseBuffer()
    for pose in squats(1)[:count]:
        buffer.add(pose.time, pose)
    return buffer


def some_squats(text: str) -> Recording:
    return recording_of(squats(1)[: ord(text[0]) - 100])


# What is written whole or not at all: each writes something that depends on the text.
WRITERS: dict[str, Callable[[Path, str], object]] = {
    "settings": lambda folder, text: change_settings({"camera": text * 2000}, folder),
    "plan": lambda folder, text: save_plan(folder, plan(text)),
    "overrides": lambda folder, text: save_overrides(folder / "me.yaml", Overrides(level=text)),  # type: ignore[arg-type]
    "recording": lambda folder, text: save_recording(
        folder / "a.poses", recording_of(squats(1)[: ord(text[0]) - 100])
    ),
    "result": lambda folder, text: write_json(folder / "out.json", {"schema": 1, "text": text * 2000}),
    "kept poses": lambda folder, text: poses(ord(text[0]) - 100).save(
        folder, "wrong_cue", "squat", when=NOON, size=(8, 8), about=text
    ),
}


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.name: path.read_bytes()
        for path in folder.iterdir()
        if path.is_file() and path.name != "filler" and not path.name.endswith(".lock")
    }


@pytest.mark.parametrize("kind", WRITERS)
def test_a_full_disk_leaves_the_old_file_and_says_so(kind: str, disk: SmallDisk) -> None:
    WRITERS[kind](disk.folder, "normal")
    before = contents(disk.folder)
    disk.fill()
    with pytest.raises(OutputError, match="No space left on device") as caught:
        WRITERS[kind](disk.folder, "strict")
    assert "\n" not in str(caught.value)
    assert contents(disk.folder) == before
    disk.free()
    WRITERS[kind](disk.folder, "strict")
    assert contents(disk.folder) != before


@pytest.mark.parametrize("kind", WRITERS)
def test_a_file_that_cannot_grow_leaves_the_old_one(kind: str, tmp_path: Path) -> None:
    WRITERS[kind](tmp_path, "normal")
    before = contents(tmp_path)
    with limited_files(20), pytest.raises(OutputError, match="File too large"):
        WRITERS[kind](tmp_path, "strict")
    assert contents(tmp_path) == before


@pytest.mark.parametrize("kind", WRITERS)
def test_a_folder_that_cannot_be_written_is_named(kind: str, disk: SmallDisk) -> None:
    WRITERS[kind](disk.folder, "normal")
    before = contents(disk.folder)
    disk.forbid()
    with pytest.raises(OutputError) as caught:
        WRITERS[kind](disk.folder, "strict")
    assert str(disk.folder) in str(caught.value) and "\n" not in str(caught.value)
    assert contents(disk.folder) == before
    assert load_settings(disk.folder).notice == ""


def test_a_full_disk_leaves_the_history_whole_and_what_is_new_can_be_added_later(disk: SmallDisk) -> None:
    with History(disk.folder / FILE) as history:
        anna = history.profile("Anna")
        history.add(workout("a"), anna)
        disk.fill()
        with pytest.raises(HistoryError, match="is the disk full"):
            history.add(workout("b", sets=400), anna)
        assert [line.id for line in history.workouts(anna)] == ["a"]
        assert history.workout("a") is not None
    with History(disk.folder / FILE) as history:  # it opens on a full disk too
        assert [line.id for line in history.workouts(history.profile("Anna"))] == ["a"]
    disk.free()
    with History(disk.folder / FILE) as history:
        history.add(workout("b"), anna)
        assert len(history.workouts(anna)) == 2
    assert sqlite3.connect(disk.folder / FILE).execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_the_same_connection_goes_on_after_a_refused_change(tmp_path: Path) -> None:
    with History(tmp_path / FILE) as history:
        anna = history.profile("Anna")
        history.add(workout("a"), anna)
        with limited_files((tmp_path / FILE).stat().st_size), pytest.raises(HistoryError):
            history.add(workout("b", sets=500), anna)
        history.add(workout("c"), anna)
        assert {line.id for line in history.workouts(anna)} == {"a", "c"}


def test_a_history_that_cannot_be_written_is_one_line(disk: SmallDisk) -> None:
    with History(disk.folder / FILE) as history:
        history.add(workout("a"), history.profile("Anna"))
    disk.forbid()
    with pytest.raises(FormcueError) as caught, History(disk.folder / FILE) as history:
        history.add(workout("b"), history.profile("Anna"))
    assert "\n" not in str(caught.value)


def test_a_history_on_a_read_only_disk_can_be_looked_at(disk: SmallDisk) -> None:
    with History(disk.folder / FILE) as history:
        anna = history.profile("Anna")
        history.add(workout("a"), anna)
    disk.forbid()
    before = contents(disk.folder)
    with History(disk.folder / FILE) as history:
        assert "is read-only" in str(history.only_shown)
        assert [line.id for line in history.workouts(anna)] == ["a"]
        for change in (lambda: history.add(workout("b"), anna), lambda: history.hide(["a"])):
            with pytest.raises(HistoryError, match="nothing new is kept"):
                change()
        assert history.workout("a") is not None
    assert contents(disk.folder) == before


def test_a_read_only_history_shows_what_a_kill_left_in_its_log(disk: SmallDisk, tmp_path: Path) -> None:
    with History(tmp_path / FILE) as history:
        anna = history.profile("Anna")
        history.add(workout("a"), anna)
        for left in (FILE, f"{FILE}-wal", f"{FILE}-shm"):  # as they are now, in the middle
            shutil.copy(tmp_path / left, disk.folder / left)
    disk.forbid()
    with History(disk.folder / FILE) as history:
        assert [line.id for line in history.workouts(anna)] == ["a"]


def test_the_journal_waits_for_room_and_the_workout_goes_on(disk: SmallDisk) -> None:
    told: list[str] = []
    journal = Journal(journal_path(disk.folder, "one"), told=lambda line: told.append(str(line)))
    runner = WorkoutRunner(one_set(LIBRARY["squat"]), LIBRARY, started=NOON, journal=journal)
    runner.start(at_once=True)
    runner.step(0.0, ())
    disk.fill()
    for number in range(200):
        runner.step(1.0 + number, (RepSummary(start=number + 0.5, end=number + 1.0),))
    assert runner.summary.count == 200
    assert len(told) == 1 and "is the disk full" in told[0]
    disk.free()
    runner.step(300.0, (RepSummary(start=299.0, end=300.0),))
    assert len(told) == 2 and "nothing was lost" in told[1]
    journal.close()
    assert WorkoutRunner.resume(read_lines(journal.path), LIBRARY).summary.count == 201


def test_a_line_that_was_half_written_takes_no_other_with_it(tmp_path: Path) -> None:
    told: list[str] = []
    journal = Journal(journal_path(tmp_path, "one"), told=lambda line: told.append(str(line)))
    journal.write({"n": 1})
    with limited_files(12):  # the second line has room for five of its bytes
        journal.write({"n": 2})
        assert read_lines(journal.path) == [{"n": 1}]
        assert journal.path.read_bytes() == b'{"n":1}\n'
    journal.close()  # what was refused is tried again at the end
    assert read_lines(journal.path) == [{"n": 1}, {"n": 2}]
    assert len(told) == 2


def test_what_the_history_refuses_is_saved_as_soon_as_it_can_be(disk: SmallDisk) -> None:
    told: list[str] = []
    keeper = Keeper(disk.folder, told=lambda say: told.append(say()))
    done = keeper.begin(one_set(LIBRARY["squat"]), LIBRARY, profile="Anna")
    with History(disk.folder / FILE) as history:
        history.profile("Anna")
    disk.fill()
    keeper.save(workout(done.id, sets=300), "Anna")
    keeper.settle()
    assert len(told) == 1 and str(disk.folder / FILE) in told[0] and "disk" in told[0]
    assert journal_path(disk.folder, done.id).exists()
    disk.free()
    keeper.save(workout("next"), "Anna")
    keeper.settle()
    with History(disk.folder / FILE) as history:
        assert len(history.workouts(history.profile("Anna"))) == 2
    assert not journal_path(disk.folder, done.id).exists()
    keeper.close()


def test_a_workout_can_be_done_where_nothing_can_be_kept(disk: SmallDisk) -> None:
    told: list[str] = []
    disk.forbid()
    keeper = Keeper(disk.folder / "home", told=lambda say: told.append(say()))
    runner = keeper.begin(one_set(LIBRARY["squat"]), LIBRARY, profile="Anna")
    runner.start(at_once=True)
    runner.step(0.0, ())
    runner.step(1.0, (RepSummary(start=0.5, end=1.0),))
    assert runner.summary.count == 1
    keeper.save(runner.summary, "Anna")
    assert keeper.new_bests(runner.summary, "Anna") == []
    assert keeper.waiting(LIBRARY) is None
    keeper.close()
    assert len(told) >= 2 and all("\n" not in line for line in told)


def test_a_checkpoint_that_a_full_disk_refuses_leaves_the_last_one(tmp_path: Path) -> None:
    run = tiny_run(tmp_path)
    run.done = 1
    run.save()
    before = contents(tmp_path)
    run.done = 2
    with limited_files(20_000), pytest.raises(TrainingError, match="the last one is kept") as caught:
        run.save()
    assert "\n" not in str(caught.value)
    assert contents(tmp_path) == before
    run.load()
    assert run.done == 1


def test_metrics_that_a_full_disk_refuses_come_with_the_next(tmp_path: Path) -> None:
    diary = Diary(tmp_path, done=0)
    diary.write({"pictures": 1})
    with limited_files(17):
        diary.write({"pictures": 2})
        diary.draw_samples([np.zeros((40, 40, 3), np.uint8)], 2)
        assert list((tmp_path / "samples").iterdir()) == []
    diary.write({"pictures": 3})
    assert [row["pictures"] for row in Diary(tmp_path, done=9).rows] == [1, 2, 3]


def test_a_report_that_a_full_disk_refuses_leaves_the_old_one(disk: SmallDisk) -> None:
    """OpenCV and Qt write by themselves, and say nothing of a full disk: the files are looked at."""
    _screen = QApplication.instance() or QApplication([])
    path = disk.folder / "report.pdf"
    path.write_bytes(b"the old report")
    disk.fill()
    with pytest.raises(OutputError, match="is the disk full"):
        save_pdf(path, workout_report(workout("a"), LIBRARY))
    assert contents(disk.folder) == {"report.pdf": b"the old report"}
    disk.free()
    save_pdf(path, workout_report(workout("a"), LIBRARY))
    assert path.read_bytes().startswith(b"%PDF")


def test_an_overlay_that_a_full_disk_refuses_leaves_nothing_behind(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    seen, out, overlay = (tmp_path / name for name in ("a.poses", "out.json", "overlay.mp4"))
    save_recording(seen, recording_of(squats(1)[:20]))
    with limited_files(4000):
        arguments = [
            "analyze",
            str(seen),
            "--exercise",
            "squat",
            "--out",
            str(out),
            "--overlay",
            str(overlay),
        ]
        assert main(arguments) == 1
    assert "is the disk full" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == [seen]


# -- what writing leaves alone ------------------------------------------------------------------------


def test_a_device_is_not_replaced_by_a_file() -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    with pytest.raises(OutputError, match="is a device"):
        check_writable(Path("/dev/full"))


def test_a_link_stays_a_link_and_permissions_stay(tmp_path: Path) -> None:
    real, link = tmp_path / "real.json", tmp_path / "link.json"
    real.write_text("old")
    real.chmod(0o600)
    link.symlink_to(real)
    write_json(link, {"a": 1})
    assert link.is_symlink() and json.loads(real.read_text()) == {"a": 1}
    assert real.stat().st_mode & 0o777 == 0o600


def test_what_a_killed_process_left_is_removed_a_day_later_and_never_taken_for_a_file(tmp_path: Path) -> None:
    save_plan(tmp_path, plan("Mine"))
    old, young = tmp_path / ".mine.yaml-abcd1234.part.yaml", tmp_path / ".mine.yaml-efgh5678.part.yaml"
    for path, age in ((old, LEFT_BEHIND + 60.0), (young, 60.0)):
        path.write_text("format: 1\nid: mi")
        os.utime(path, (time.time() - age,) * 2)
    assert [entry.id for entry in load_plans(LIBRARY, own=tmp_path) if entry.own] == ["mine"]
    save_plan(tmp_path, plan("Mine too"))
    assert not old.exists() and young.exists()


def test_nothing_is_replaced_when_the_disk_cannot_be_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(_file: int) -> None:
        raise OSError(5, "Input/output error")

    path = tmp_path / "a.json"
    path.write_text("old")
    monkeypatch.setattr(os, "fsync", fails)
    with pytest.raises(OutputError, match="Input/output error"), replacing(path) as temporary:
        temporary.write_text("new")
    assert contents(tmp_path) == {"a.json": b"old"}


# -- two windows --------------------------------------------------------------------------------------


def test_two_windows_change_settings_and_neither_loses_one(tmp_path: Path) -> None:
    def window(key: str, values: list[object]) -> None:
        for value in values:
            change_settings({key: value}, tmp_path)

    windows = [
        threading.Thread(target=window, args=("volume", [i / 30 for i in range(30)])),
        threading.Thread(target=window, args=("camera", [f"camera {i}" for i in range(30)])),
    ]
    for one in windows:
        one.start()
    for one in windows:
        one.join()
    loaded = load_settings(tmp_path)
    assert loaded.settings == Settings(volume=29 / 30, camera="camera 29")


def test_a_setting_of_a_newer_version_is_kept(tmp_path: Path) -> None:
    (tmp_path / "settings.yaml").write_text("theme: light\nunheard_of: {a: [1, 2]}\n")
    change_settings({"theme": "dark", "volume": 0.5}, tmp_path)
    assert (tmp_path / "settings.yaml").read_text() == "unheard_of:\n  a:\n  - 1\n  - 2\nvolume: 0.5\n"


def test_settings_that_cannot_be_read_are_set_aside_before_they_are_written_over(tmp_path: Path) -> None:
    for text in ("theme: [", "theme: {"):
        (tmp_path / "settings.yaml").write_text(text)
        change_settings({"theme": "light"}, tmp_path)
        assert load_settings(tmp_path).settings.theme == "light"
    assert (tmp_path / "settings.broken.yaml").read_text() == "theme: ["
    assert (tmp_path / "settings.broken-2.yaml").read_text() == "theme: {"


def test_a_workout_belongs_to_one_window(tmp_path: Path) -> None:
    first, second = (Keeper(tmp_path, told=print) for _ in range(2))
    runner = first.begin(one_set(LIBRARY["squat"]), LIBRARY, profile="Anna")
    runner.start(at_once=True)
    assert second.waiting(LIBRARY) is None
    second.put_away(LIBRARY)  # finds nothing to put away
    with pytest.raises(FormcueError, match="another window"):
        second.resume(LIBRARY)
    with pytest.raises(JournalError, match="another window"):
        Journal(journal_path(tmp_path, runner.id))
    runner.step(0.0, ())
    runner.step(1.0, (RepSummary(start=0.5, end=1.0),))
    first.leave()
    resumed = second.resume(LIBRARY)
    assert resumed.summary.count == 1
    first.close()
    second.close()


def test_a_workout_in_which_nothing_was_done_is_not_offered_again(tmp_path: Path) -> None:
    one = plan("Legs")
    plans = replace(one, steps=one.steps * 3)
    keeper = Keeper(tmp_path, told=print)
    runner = keeper.begin(plans, LIBRARY, profile="")
    runner.start(at_once=True)
    runner.step(0.0, ())
    keeper.leave()
    assert keeper.waiting_text(LIBRARY) == ""
    runner = keeper.begin(plans, LIBRARY, profile="")
    runner.start(at_once=True)
    runner.step(0.0, ())
    runner.step(1.0, (RepSummary(start=0.5, end=1.0),))
    keeper.leave()
    assert keeper.waiting_text(LIBRARY) == "“Legs” goes on with set 1 of 3."
    keeper.close()


def test_a_recording_is_read_while_another_window_writes_it(tmp_path: Path) -> None:
    path = tmp_path / "a.poses.gz"
    recording = recording_of(squats(1)[:10])
    save_recording(path, recording)
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            save_recording(path, recording)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(20):
            assert len(load_recording(path).frames) == len(recording.frames)
    finally:
        stop.set()
        writer.join()
