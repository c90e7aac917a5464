"""`bench` reports every part of the step. Nothing here asserts how fast anything is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from main import main


def test_reports_every_part(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "bench.json"
    assert main(["bench", "--frames", "40", "--json", str(out)]) == 0
    report = json.loads(out.read_text(encoding="utf-8"))
    parts = report["milliseconds"]
    assert set(parts) == {
        "network", "around the network", "parameters", "repetitions", "rules", "whole step",
    }  # fmt: skip
    assert all(0 < row["p50"] <= row["p95"] <= row["p99"] for row in parts.values())
    assert parts["whole step"]["p50"] >= parts["network"]["p50"]
    assert report["video"] == {"path": "demo", "frames": 40, "found": 40}
    assert set(report["rules_milliseconds"]) == {"10", "100", "1000"}
    assert report["first_pose_seconds"] > 0
    printed = capsys.readouterr().out
    assert "whole step" in printed and "1000 rules, one frame" in printed


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--frames", "3"], "--frames 3: expected 20 or more"),
        (["--vs", "mediapipe"], "--vs mediapipe: give --peer-python PATH"),
        (["--video", "no-such.mp4"], "no-such.mp4"),
    ],
)
def test_bad_input_is_one_line(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", *arguments]) == 2
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1
