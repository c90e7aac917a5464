"""The real window while it is measured, with the network replaced. Nothing here asserts how fast it is."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

import app.ui.long_run
from app.bench.camera import HurriedClock, camera_of
from app.ui.app import Engine
from app.ui.long_run import Minute, long_run
from app.ui.measured import first_pose, lateness
from tests.ui.driver import replay, two_squats  # noqa: F401

pytestmark = pytest.mark.usefixtures("alone")


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """A film as long as two squats take, with the noise of a live camera."""
    path = tmp_path / "noise.mp4"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 25.0, (160, 120))
    random = np.random.default_rng(0)
    for _ in two_squats():
        writer.write(random.integers(90, 160, (120, 160, 3), np.uint8))
    writer.release()
    return path


@pytest.mark.usefixtures("replay")
def test_tells_when_the_first_pose_is_painted_and_closes(clip: Path) -> None:
    told: list[bool] = []
    assert first_pose(lambda: told.append(True), Engine(), video=str(clip), exercise="squat") == 0
    assert told == [True]


@pytest.mark.usefixtures("replay")
def test_every_result_shown_is_late_by_something(clip: Path) -> None:
    found = lateness(camera_of([clip]), Engine(), exercise="squat", seconds=1.0, size=(800, 600), settle=0.4)
    assert len(found["results"]) > 2 and min(found["results"]) > 0
    assert len(found["pictures"]) > 2 and min(found["pictures"]) > 0
    assert found["status_line_ms"] > 0
    assert found["size"] == [800, 600]


@pytest.mark.usefixtures("replay")
def test_a_long_run_works_out_and_looks_at_every_page(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"PAGE_SECONDS": 0.0, "SHAPES": ((800, 600),), "LOOKS": ({"theme": "light"},)}.items():
        monkeypatch.setattr(app.ui.long_run, name, value)
    monkeypatch.setattr(app.ui.long_run, "LONGEST_WORKOUT", 3.0)
    told: list[Minute] = []
    clock = HurriedClock()
    code = long_run(camera_of([clip], clock), clock, Engine(), minutes=0.1, told=told.append)
    assert code == 0
    assert [(told_at.minute, told_at.workouts, told_at.warm) for told_at in told] == [(0, 2, True)]
    assert told[0].results > 5 and told[0].pages > 25
    assert (tmp_path / "home" / "history.sqlite").is_file()
