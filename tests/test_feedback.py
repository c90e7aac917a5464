"""The last ten seconds of poses, kept when the athlete says that something was wrong."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import pytest

from app.feedback import SECONDS, PoseBuffer
from app.files import OutputError
from app.recording import load_recording
from main import main
from tests.poses import squats

NOON = datetime(2026, 3, 4, 12, 0, 5)


def filled() -> PoseBuffer:
    buffer = PoseBuffer()
    for pose in squats(8):  # 22 seconds
        buffer.add(1000.0 + pose.time, pose)
    return buffer


def test_it_keeps_the_last_ten_seconds_and_analyze_counts_them(tmp_path: Path) -> None:
    path = filled().save(tmp_path / "new", "wrong_cue", "squat", when=NOON, size=(640, 480), about="shallow")
    assert path.name == "20260304-120005-wrong_cue-squat.poses.gz"
    recording = load_recording(path)
    assert recording.source == "wrong cue squat shallow"
    assert recording.frames[0].time == 0.0
    assert recording.frames[-1].time == pytest.approx(SECONDS, abs=0.05)
    assert recording.fps == pytest.approx(25.0, abs=0.1)
    out = tmp_path / "out.json"
    assert main(["analyze", str(path), "--exercise", "squat", "--out", str(out)]) == 0
    assert len(json.loads(out.read_text(encoding="utf-8"))["reps"]) == 3


def test_another_recording_begins_anew_and_nothing_is_no_file(tmp_path: Path) -> None:
    buffer = filled()
    buffer.add(0.0, None)
    assert len(buffer) == 1
    assert buffer.recording(source="x", size=(4, 3)).frames[0].pose is None
    buffer.clear()
    with pytest.raises(OutputError, match="nothing was seen"):
        buffer.save(tmp_path, "wrong_rep", "squat", when=NOON, size=(640, 480))
    assert list(tmp_path.iterdir()) == []
