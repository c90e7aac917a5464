"""The stage measures how late the screen is. The picture itself is replaced."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from app.capture import Frame
from app.pipeline import StepResult
from app.ui.records import Progress
from app.ui.stage import Painted, Stage


class Picture:
    """Stands in for the video view."""

    frame: Frame | None = None
    pose = None
    corner_text = ""

    def show_frame(self, frame: Frame, pose: object, highlight: object) -> None:
        self.frame = frame


def frame_of(index: int, arrived: float) -> Frame:
    return Frame(image=np.zeros((4, 4, 3), np.uint8), time=arrived, index=index, arrived=arrived)


def progress_of(frame: Frame) -> Progress:
    result = cast(StepResult, SimpleNamespace(frame=frame, pose=None))
    return Progress(session=1, result=result, steps_per_second=30.0)


@pytest.fixture
def stage() -> Stage:
    return Stage(cast(Any, Picture()))


def test_latency_is_from_the_arrival_to_the_end_of_the_painting(stage: Stage) -> None:
    stage.add_progress(progress_of(frame_of(0, 10.0)), now=10.03)
    assert stage.latency == 0.0  # found, but nobody can see it yet
    stage.painted(10.05)
    assert stage.latency == pytest.approx(0.05)
    stage.painted(10.09)  # an animation: nothing of it is new
    assert stage.latency == pytest.approx(0.05)


def test_who_watches_is_told_of_every_painting_that_shows_something_new(stage: Stage) -> None:
    told: list[Painted] = []
    stage.watcher = told.append
    frame = frame_of(0, 10.0)
    stage.add_frame(frame)
    assert stage.paint(10.01, None, with_pose=True)
    stage.painted(10.02)
    progress = progress_of(frame)
    stage.add_progress(progress, now=10.03)
    stage.painted(10.05)
    stage.painted(10.06)
    assert [(p.now, p.progress, p.frame) for p in told] == [(10.02, None, frame), (10.05, progress, None)]


def test_a_lost_picture_is_not_waited_for(stage: Stage) -> None:
    stage.add_progress(progress_of(frame_of(0, 10.0)), now=10.03)
    stage.lose()
    stage.painted(12.0)
    assert stage.latency == 0.0
