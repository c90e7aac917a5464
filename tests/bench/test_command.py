"""`bench` reports every part. Nothing here asserts how fast anything is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.bench.table import table
from app.bench.targets import growth, targets_of
from main import main


def test_reports_every_part_of_the_step(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "bench.json"
    parts = ["step", "rules", "people", "network"]
    assert main(["bench", "--frames", "12", "--json", str(out), "--only", *parts]) == 0
    report = json.loads(out.read_text(encoding="utf-8"))
    spent = report["step"]["milliseconds"]
    assert set(spent) == {
        "network", "lifter", "around the network", "parameters", "repetitions", "rules", "whole step",
    }  # fmt: skip
    assert all(0 < row["p50"] <= row["p95"] <= row["p99"] for row in spent.values())
    assert spent["whole step"]["p50"] >= spent["network"]["p50"]
    assert report["videos"] == ["demo"]
    assert (report["step"]["frames"], report["step"]["found"]) == (12, 12)
    assert list(report["rules"]) == ["10", "100", "1000", "10000"]
    assert list(report["people"]) == ["1", "2", "3", "5", "10"]
    assert all(row["found"] == 1.0 for row in report["people"].values())
    assert report["network"]["1"]["pictures_per_second"] > 0
    assert report["finder"]["pictures_per_second"] > 0
    printed = capsys.readouterr().out
    assert "whole step" in printed and "10000 rules" in printed and "10 people in the picture" in printed


def test_the_window_is_measured_in_a_process_of_its_own(tmp_path: Path) -> None:
    out = tmp_path / "bench.json"
    assert main(["bench", "--only", "window", "--seconds", "1", "--json", str(out)]) == 0
    window = json.loads(out.read_text(encoding="utf-8"))["window"]
    late = window["milliseconds"]["results"]
    assert 0 < late["p50"] <= late["p99"]
    assert window["size"] == [1280, 720]
    assert 0 < window["resident_mb"] <= window["peak_mb"]
    turns = window["turns"]
    assert turns["repaints_a_second"] > 0
    assert 0 < turns["cpu_ms"]["p50"] <= turns["longest_cpu_ms"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--frames", "3"], "--frames 3: expected 10 or more"),
        (["--seconds", "0"], "--seconds 0: expected a time above 0"),
        (["--hour", "2"], "--hour 2: expected 6 minutes or more"),
        (["--vs", "mediapipe"], "--vs mediapipe: give --peer-python PATH"),
        (["--vs", "mediapipe", "--peer-python", "no-such"], "--peer-python no-such: cannot be started"),
        (["--cores", "0"], "--cores 0: expected 1 to"),
        (["--size", "huge"], "'huge': expected a size such as 1280x720"),
        (["--video", "no-such.mp4"], "no-such.mp4"),
        (["--video", "0"], "--video 0: expected a file"),
        (["--exercise", "squats"], "did you mean 'squat'?"),
    ],
)
def test_bad_input_is_one_line(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "--only", "step", *arguments]) == 2
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1


def hour(*held: float, problem: str = "") -> Iterator[dict[str, Any]]:
    """What the process with the window says in an hour of so many samples."""
    for minute, resident in enumerate(held, 1):
        yield {"seconds": minute * 60.0}
        done = {"workouts": minute, "sets": 3 * minute, "reps": 40, "pages": 9, "results": 1800}
        yield {"minute": minute, "warm": minute > 2, "look": minute % 2, "own_mb": resident, **done}
    if problem:
        yield {"problem": problem}
    yield {"peak_mb": max(held)}


@pytest.mark.parametrize(
    ("lines", "code", "said"),
    [
        (hour(*[300.0] * 2, *[380.0] * 10), 0, "0.0% of 5.0%     holds"),
        (hour(*[300.0] * 4, *[380.0] * 8), 1, "26.7% of 5.0%     DOES NOT HOLD"),
        (hour(300.0, 300.0, 380.0), 0, "growth of memory                    unknown"),
        (hour(*[300.0] * 12, problem="ValueError: no"), 1, "went wrong: ValueError: no"),
    ],
)
def test_an_hour_fails_when_memory_grew_or_something_broke(
    lines: Iterator[dict[str, Any]],
    code: int,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("app.bench.windows.live_through", lambda args: lines)
    assert main(["bench", "--hour", "12"]) == code
    printed = capsys.readouterr().out
    assert said in printed
    assert "380 MB" in printed or "300 MB" in printed


def test_what_is_asked_for_is_judged_by_its_limit() -> None:
    step = {"peer": {"name": "Peer", "ratio": 1.9}}
    turns = {"longest_wall_ms": 51.0, "repaints_a_second": 30.4}
    window = {"milliseconds": {"results": {"p50": 42.0}}, "peak_mb": 901.0, "turns": turns}
    report = {"step": step, "window": window, "start": {"cold": 9.0, "warm": 4.0}}
    verdicts = {target["name"]: target["holds"] for target in targets_of(report)}
    assert verdicts == {
        "times as fast as Peer": False,
        "capture to prompt, median": True,
        "start to first pose, warm cache": True,
        "memory of the window, peak": False,
        "longest turn of the main thread": False,
        "repaints of the picture a second": True,
    }


def test_only_a_gpu_is_asked_for_a_gpus_speed() -> None:
    network = {"1": {"p50": 1.5}}
    assert targets_of({"network": network, "model": {"device": "cpu"}}) == []
    (target,) = targets_of({"network": network, "model": {"device": "cuda"}})
    assert target["holds"]


def test_growth_compares_like_with_like_once_warm() -> None:
    def growth_of(*held: float | None) -> float | None:
        """Of minutes in three looks by turns, a workout each, from the third on warm; then the end cuts one
        short."""
        minutes = [
            {"own_mb": value, "warm": place >= 2, "look": place % 3, "workouts": place}
            for place, value in enumerate((*held, 100.0, 100.0))
        ]
        return growth(minutes)

    cold = [200.0, 900.0]
    assert growth_of(*cold, 400, 500, 450, 420, 525, 450) == pytest.approx(0.05)
    assert growth_of(*cold, 400, 500, 450, 999, 999, 999, 400, 500, 450) == pytest.approx(0.0)
    assert growth_of(*cold, 400, 500, 450, None, 500, 450) is None
    assert growth_of(*cold, 400, 500, 450) is None  # no look came twice


def test_a_figure_that_is_not_known_is_said_so() -> None:
    report = {
        "machine": {"processor": "P", "cores": 2, "system": "S", "python": "3"},
        "videos": ["demo"],
        "start": {"cold": None, "warm": 2.0},
        "targets": [],
    }
    printed = table(report)
    assert "start to first pose, empty cache    unknown" in printed
    assert "asked for" not in printed
