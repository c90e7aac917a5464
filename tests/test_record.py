from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app import record
from app.camera_trouble import CameraError
from app.capture import Frame
from app.recording import load_recording
from main import main
from tests.poses import squats

POSES = squats(1)[:30]


class FakeSource:
    """Frames of a camera or a video, a tenth of a second apart, with times that do not begin at 0."""

    width, height, fps, frame_count = 64, 48, 30.0, 30

    def __init__(
        self, *, live: bool = False, stop_after: int | None = None, stop_by: BaseException | None = None
    ) -> None:
        self.live = live
        self.given = 0
        self.stop_after, self.stop_by = stop_after, stop_by or KeyboardInterrupt()

    def read(self) -> Frame | None:
        if self.given == self.stop_after:
            raise self.stop_by
        if self.given == len(POSES):
            return None
        self.given += 1
        return Frame(image=np.zeros((48, 64, 3), np.uint8), time=500.0 + self.given / 10, index=self.given)

    def __enter__(self) -> FakeSource:
        return self

    def __exit__(self, *_: object) -> None:
        pass


class FakeEstimator:
    """Gives the poses one by one; nobody is in the second frame."""

    def __init__(self) -> None:
        self.seen = 0

    def estimate(self, frame: Frame) -> Any:
        self.seen += 1
        return None if self.seen == 2 else POSES[self.seen - 1]

    def reset(self) -> None:
        pass


def record_from(monkeypatch: pytest.MonkeyPatch, source: FakeSource, *arguments: str) -> int:
    monkeypatch.setattr(record, "open_source", lambda spec: source)
    model = {"name": "m", "sha256": "0"}
    monkeypatch.setattr(record, "load_estimator", lambda args: (FakeEstimator(), model))
    return main(["record", *arguments])


def test_a_video_is_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "a.poses.gz"
    assert record_from(monkeypatch, FakeSource(), "/home/me/squat.mp4", "--out", str(out)) == 0
    recording = load_recording(out)
    assert (recording.source, recording.fps, recording.width) == ("squat.mp4", 30.0, 64)
    assert [round(frame.time, 3) for frame in recording.frames[:3]] == [0.0, 0.1, 0.2]
    assert len(recording.frames) == 30 and recording.frames[1].pose is None
    assert "30 frames in 2.9 s, somebody in 29 of them" in capsys.readouterr().out


def test_an_end_by_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "a.poses.gz"
    assert record_from(monkeypatch, FakeSource(live=True), "0", "--out", str(out), "--seconds", "1.05") == 0
    recording = load_recording(out)
    assert len(recording.frames) == 11
    assert recording.fps == pytest.approx(10.0)  # what came, not what the camera says of itself


def test_ctrl_c_keeps_what_was_recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "a.poses"
    assert record_from(monkeypatch, FakeSource(live=True, stop_after=7), "0", "--out", str(out)) == 0
    assert len(load_recording(out).frames) == 7


def test_a_camera_that_is_unplugged_costs_nothing_of_what_was_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "a.poses"
    gone = CameraError("USB Camera: is gone; plug it in again", "absent")
    source = FakeSource(live=True, stop_after=7, stop_by=gone)
    assert record_from(monkeypatch, source, "0", "--out", str(out)) == 2
    assert len(load_recording(out).frames) == 7
    assert "USB Camera: is gone" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["x.mp4", "--out", "a.json"], "a name that ends in .poses.gz"),
        (["x.mp4", "--out", "a.poses", "--seconds", "0"], "give a time above 0"),
        (["x.mp4", "--out", "nowhere/a.poses"], "does not exist"),
        (["x.mp4", "--out", "a.poses"], "x.mp4"),
    ],
)
def test_wrong_usage_is_one_line(
    arguments: list[str],
    says: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["record", *arguments]) == 2
    error = capsys.readouterr().err
    assert says in error and error.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_written_when_nothing_was_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert record_from(monkeypatch, FakeSource(stop_after=0), "0", "--out", str(tmp_path / "a.poses")) == 2
    assert list(tmp_path.iterdir()) == []
