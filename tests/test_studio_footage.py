"""A clip is estimated once, its poses are kept, and its pictures are there frame by frame."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

import app.studio_footage as studio_footage
from app.errors import FormcueError
from app.pipeline import PoseEstimator
from app.recording import save_recording
from app.studio_footage import Footage, FootageLoader, Loading, Pictures
from tests.poses import recording_of, squats
from tests.ui.driver import ReplayEstimator

FRAMES = 30


@pytest.fixture
def film(tmp_path: Path) -> Path:
    """Frames that grow brighter one by one."""
    path = tmp_path / "film.mp4"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 25.0, (320, 240))
    for number in range(FRAMES):
        writer.write(np.full((240, 320, 3), 20 + 7 * number, np.uint8))
    writer.release()
    return path


class Run:
    """One loading, and what was heard of it."""

    def __init__(self, path: Path, cache: Path) -> None:
        self.estimators = 0
        self.loadings: list[Loading] = []
        self.footage: list[Footage] = []
        self.loader = FootageLoader(
            path, self._make, loading=self.loadings.append, loaded=self.footage.append, cache=cache
        )

    def _make(self) -> tuple[PoseEstimator, Mapping[str, Any]]:
        self.estimators += 1
        return ReplayEstimator(list(squats(1))), {"name": "replay", "sha256": "0"}


def test_a_clip_is_estimated_once(film: Path, tmp_path: Path) -> None:
    first = Run(film, tmp_path / "cache")
    first.loader.run()
    (footage,) = first.footage
    assert len(footage.track.times) == FRAMES
    assert [loading.share for loading in first.loadings][-1] == 1.0
    again = Run(film, tmp_path / "cache")
    again.loader.run()
    assert (first.estimators, again.estimators) == (1, 0)
    assert again.footage[0].track.times == pytest.approx(footage.track.times, abs=1e-3)
    pictures = again.footage[0].pictures
    assert pictures is not None
    for index in (0, 7, FRAMES - 1):
        image = pictures.at(index)
        assert image is not None
        assert float(image.mean()) == pytest.approx(20 + 7 * index, abs=4)
    assert pictures.at(FRAMES) is None


def test_another_clip_under_the_same_name_is_estimated_anew(film: Path, tmp_path: Path) -> None:
    Run(film, tmp_path / "cache").loader.run()
    film.write_bytes(film.read_bytes() + b"\0")
    again = Run(film, tmp_path / "cache")
    again.loader.run()
    assert again.estimators == 1


def test_damaged_poses_in_the_cache_do_no_harm(film: Path, tmp_path: Path) -> None:
    Run(film, tmp_path / "cache").loader.run()
    (kept,) = (tmp_path / "cache").iterdir()
    kept.write_bytes(kept.read_bytes()[:100])
    again = Run(film, tmp_path / "cache")
    again.loader.run()
    assert again.estimators == 1
    assert len(again.footage) == 1


def test_given_up_it_says_nothing_more(film: Path, tmp_path: Path) -> None:
    run = Run(film, tmp_path / "cache")
    run.loader.stop()
    run.loader.run()
    assert run.footage == []
    assert not (tmp_path / "cache").exists()  # half a recording is none


def test_a_recording_needs_no_network(tmp_path: Path) -> None:
    path = tmp_path / "one.poses.gz"
    save_recording(path, recording_of(list(squats(1))))
    run = Run(path, tmp_path / "cache")
    run.loader.run()
    assert run.estimators == 0
    assert run.footage[0].pictures is None


def test_what_cannot_be_used_is_said(tmp_path: Path) -> None:
    empty = tmp_path / "none.poses.gz"
    save_recording(empty, recording_of([]))
    with pytest.raises(FormcueError, match="holds no frames"):
        Run(empty, tmp_path).loader.run()
    with pytest.raises(FormcueError):
        Run(tmp_path / "missing.mp4", tmp_path).loader.run()


def test_a_long_clip_keeps_fewer_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    pictures = Pictures()
    noise = np.random.default_rng(1).integers(0, 255, (60, 80, 3), dtype=np.uint8)
    monkeypatch.setattr(studio_footage, "PICTURE_BYTES", 20_000)
    for index in range(40):
        pictures.add(index, noise)
    assert pictures.at(39) is not None  # of the last one kept before it
    assert pictures.at(39).shape == noise.shape  # type: ignore[union-attr]
