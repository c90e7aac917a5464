"""A rule file in use is heard of when it changes, in whatever way an editor writes it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from app.rule_watch import MISSING_LOOKS, RuleChange, RuleWatch
from app.rules import LIBRARY


@pytest.fixture
def plank(tmp_path: Path) -> Path:
    shutil.copytree(LIBRARY / "tests", tmp_path / "tests")
    return Path(shutil.copy(LIBRARY / "plank.yaml", tmp_path / "plank.yaml"))


def looks(watch: RuleWatch, count: int = 3) -> list[RuleChange]:
    return [change for _ in range(count) if (change := watch.poll()) is not None]


def changed(path: Path) -> bytes:
    return path.read_bytes().replace(b"grace: 1s", b"grace: 2s")


def test_written_in_place_is_heard_of_once(plank: Path) -> None:
    watch = RuleWatch(plank)
    assert looks(watch) == []
    plank.write_bytes(changed(plank))
    assert watch.poll() is None  # it may still be being written
    (change,) = looks(watch)
    assert change.exercise is not None
    assert change.exercise.counting.grace == 2.0


def test_a_file_that_takes_its_place(plank: Path, tmp_path: Path) -> None:
    watch = RuleWatch(plank)
    new = tmp_path / "new"
    new.write_bytes(changed(plank))
    old = plank.stat()
    os.utime(new, ns=(old.st_atime_ns, old.st_mtime_ns))  # the same time and size: only the number differs
    new.replace(plank)
    (change,) = looks(watch)
    assert change.exercise is not None


def test_moved_away_and_back_is_no_loss(plank: Path, tmp_path: Path) -> None:
    watch = RuleWatch(plank)
    text = changed(plank)
    plank.rename(tmp_path / "backup")
    assert looks(watch, MISSING_LOOKS - 1) == []
    plank.write_bytes(text)
    assert [change.problems for change in looks(watch)] == [()]


def test_gone_for_good_is_said(plank: Path) -> None:
    watch = RuleWatch(plank)
    plank.unlink()
    (change,) = looks(watch, 2 * MISSING_LOOKS)
    assert change.exercise is None
    assert "plank.yaml" in change.problems[0]


def test_half_written_is_not_read(plank: Path) -> None:
    """Looks fall between the pieces of a slow write."""
    watch = RuleWatch(plank)
    text = changed(plank)
    found = []
    for end in range(0, len(text) + 1, 400):
        plank.write_bytes(text[:end])
        found += looks(watch, 1)
    plank.write_bytes(text)
    found += looks(watch)
    assert [change.problems for change in found] == [()]


def test_saved_without_a_change_is_no_news(plank: Path) -> None:
    watch = RuleWatch(plank)
    os.utime(plank, ns=(1, 1))
    assert looks(watch) == []


def test_broken_and_mended(plank: Path) -> None:
    watch = RuleWatch(plank)
    sound = plank.read_bytes()
    plank.write_bytes(sound.replace(b"grace:", b"grase:"))
    (change,) = looks(watch)
    assert change.exercise is None
    assert "grase" in change.problems[0]
    plank.write_bytes(sound)
    (change,) = looks(watch)
    assert change.exercise is not None


def test_what_one_writes_oneself_is_no_news(plank: Path) -> None:
    watch = RuleWatch(plank)
    text = changed(plank)
    plank.write_bytes(text)
    watch.expect(text)
    assert looks(watch) == []
