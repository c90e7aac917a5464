"""A clip in a camera's place, and pictures with more people in them."""

from __future__ import annotations

import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from app.bench.camera import RATE, HurriedClock, camera_of
from app.bench.steps import tiled


@pytest.fixture
def clips(tmp_path: Path) -> list[Path]:
    """A dark film of three frames, and a bright one of two."""
    paths = []
    for name, shade, frames in (("dark", 30, 3), ("bright", 200, 2)):
        paths.append(tmp_path / f"{name}.avi")
        writer = cv2.VideoWriter(str(paths[-1]), cv2.VideoWriter.fourcc(*"MJPG"), 25.0, (64, 48))
        for _ in range(frames):
            writer.write(np.full((48, 64, 3), shade, np.uint8))
        writer.release()
    return paths


def test_plays_its_clips_over_and_over_as_one_camera(clips: list[Path]) -> None:
    with camera_of(clips, HurriedClock())("0", size=(1280, 720)) as camera:
        assert camera.live
        frames = [camera.read() for _ in range(7)]
    assert [frame.index for frame in frames if frame is not None] == list(range(7))
    assert [bool(frame.image.mean() > 100) for frame in frames if frame is not None] == [
        False, False, False, True, True, False, False,
    ]  # fmt: skip


def test_in_a_hurry_time_is_that_of_the_frames(clips: list[Path]) -> None:
    clock = HurriedClock()
    with camera_of(clips, clock)("0") as camera:
        first, second = camera.read(), camera.read()
    with camera_of(clips, clock)("0") as again:
        third = again.read()
    assert first is not None and second is not None and third is not None
    assert [round(frame.time * RATE) for frame in (first, second, third)] == [1, 2, 3]
    assert clock.seconds == pytest.approx(3 / RATE)


def test_in_a_hurry_it_waits_until_the_last_frame_was_fetched(clips: list[Path]) -> None:
    clock = HurriedClock()
    asked: list[bool] = []
    clock.fetched = lambda: asked.append(True) or len(asked) >= 3
    with camera_of(clips, clock)("0") as camera:
        camera.read()
    assert len(asked) == 3


def test_live_it_has_a_cameras_times(clips: list[Path]) -> None:
    with camera_of(clips)("0") as camera:
        before = time.monotonic()
        frames = [camera.read() for _ in range(3)]
        assert all(frame is not None and before <= frame.time <= time.monotonic() for frame in frames)


@pytest.mark.parametrize("people", [1, 2, 3, 5, 10])
def test_more_people_fit_into_the_same_picture(people: int) -> None:
    image = np.full((90, 160, 3), 96, np.uint8)
    image[30:60, 70:90] = 255
    picture = tiled(image, people)
    assert picture.shape == image.shape
    _, white = cv2.threshold(picture[:, :, 0], 175, 255, cv2.THRESH_BINARY)
    assert cv2.connectedComponents(white)[0] - 1 == people
