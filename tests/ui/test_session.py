"""A whole workout through the real window: begun by a gesture, killed in the middle, gone on with, kept."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel

import app.capture
import app.ui.app as ui_app
import app.ui.source_runner
import main
from app.capture import DEMO_CLIP
from app.history import FILE, History
from app.recording import save_recording
from app.skeleton import Joint, Pose
from app.ui.window import MainWindow
from app.ui.words import NAMELESS
from tests.poses import pose_of, recording_of, squats, standing_figure
from tests.ui.driver import Condition, drive, hold_before_the_camera, press, replaying

Steps = Generator[Condition, None, None]
REPOSITORY = Path(__file__).resolve().parents[2]
FPS = 30  # of the clip that is held before the camera
PLAN = """\
format: 1
id: own
name: {en: Three sets}
exercises:
  - {exercise: squat, sets: 3, reps: 2, rest: 1s, load: 25 lb}
"""
SEEN_PLAN = """\
format: 1
id: own
name: {en: Two sets}
exercises:
  - {exercise: squat, sets: 2, reps: 2, rest: 1s}
"""
SQUATS_END = 207  # the demo clip's frame after two squats


def poses() -> list[Pose | None]:
    """Right hand up, standing, two squats; again and again, as the clip is seen in a loop.

    While the hand is up the feet are below the picture: the gesture begins the set, not the start position.
    """
    signalling = standing_figure()
    signalling[Joint.right_elbow] = signalling[Joint.right_shoulder] + (0.0, -0.29, 0.0)
    signalling[Joint.right_wrist] = signalling[Joint.right_shoulder] + (0.0, -0.54, 0.0)
    signalling[:, 1] += 0.7
    start = [pose_of(signalling, i / FPS) for i in range(round(2.6 * FPS))]
    rest = squats(2, seconds=1.4, still=0.8, fps=FPS)
    still = [rest[0]] * round(1.9 * FPS)
    moved = [*start, *still, *rest]
    return [
        Pose(time=i / FPS, xy=pose.xy, xyz=pose.xyz, confidence=pose.confidence)
        for i, pose in enumerate(moved)
    ]


def at_home(home: Path, patch: pytest.MonkeyPatch, plan: str) -> None:
    """A home with one workout of one's own, and no camera."""
    patch.setenv("FORMCUE_HOME", str(home))
    patch.setattr(app.ui.source_runner, "list_cameras", list)
    patch.setattr(app.capture, "list_cameras", list)
    (home / "workouts").mkdir(parents=True, exist_ok=True)
    (home / "workouts" / "own.yaml").write_text(plan, encoding="utf-8")


def prepare(home: Path, patch: pytest.MonkeyPatch) -> Path:
    """At home with a clip, and the network replaced. Gives the clip."""
    at_home(home, patch, PLAN)
    patch.setattr(ui_app, "network_factory", replaying(poses()))
    clip = home / "clip.mp4"
    if not clip.exists():
        writer = cv2.VideoWriter(str(clip), cv2.VideoWriter.fourcc(*"mp4v"), FPS, (640, 480))
        for number in range(len(poses())):  # a picture that stands still is no camera's
            writer.write(np.full((480, 640, 3), 130 + number % 40, np.uint8))
        writer.release()
    return clip


def first_half(home: Path) -> None:
    """In a process of its own: until the first repetition of the second set, and then no further."""
    patch = pytest.MonkeyPatch()
    clip = prepare(home, patch)

    def script(window: MainWindow) -> Steps:
        window.tour.hide()
        next(card for card in window.home.workouts.cards if card.text() == "Three sets").click()
        hold_before_the_camera(window, clip)
        coaching = window.coach.coaching
        assert coaching is not None
        yield lambda: coaching.gesture.gesture is not None
        yield lambda: coaching.state == "countdown"  # while the hand is up: the gesture began it
        assert coaching.gesture.progress == 1.0
        yield lambda: coaching.state == "rest"
        rest = window.coach.overlays.rest
        yield lambda: rest is not None and rest.isVisible() and "set 2 of 3" in rest.next_word.text()
        yield lambda: coaching.standing.number == 2 and coaching.state == "set" and coaching.score.count == 1
        os.kill(os.getpid(), signal.SIGKILL)

    drive([], script, seconds=240)


def film(path: Path) -> None:
    """The demo clip's athlete: four seconds standing, then two squats."""
    reader = cv2.VideoCapture(str(DEMO_CLIP))
    frames = [reader.read()[1] for _ in range(SQUATS_END)]
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 30.0, (640, 360))
    for number, image in enumerate([frames[0]] * 60 + frames):
        small = cv2.resize(image, (640, 360), interpolation=cv2.INTER_AREA)
        writer.write(cv2.add(small, np.full_like(small, number % 4)))  # not frozen while the athlete stands
    writer.release()
    reader.release()


def first_half_seen(home: Path) -> None:
    """The same with the network, until the second set has a repetition; the start position begins it."""
    patch = pytest.MonkeyPatch()
    at_home(home, patch, SEEN_PLAN)
    film(home / "clip.mp4")

    def script(window: MainWindow) -> Steps:
        window.tour.hide()
        next(card for card in window.home.workouts.cards if card.text() == "Two sets").click()
        hold_before_the_camera(window, home / "clip.mp4")
        coaching = window.coach.coaching
        assert coaching is not None
        for state in ("countdown", "set", "rest"):
            yield lambda state=state: coaching.state == state
        yield lambda: coaching.standing.number == 2 and coaching.state == "set" and coaching.score.count == 1
        os.kill(os.getpid(), signal.SIGKILL)

    drive([], script, seconds=240)


def is_killed(half: Callable[[Path], None], home: Path) -> None:
    """Runs one of the halves above in a process of its own, which must die of its SIGKILL."""
    code = (
        "from pathlib import Path\n"
        f"from tests.ui.test_session import {half.__name__}\n"
        f"{half.__name__}(Path({str(home)!r}))"
    )
    killed = subprocess.run(
        [sys.executable, "-c", code],
        cwd=REPOSITORY,
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr[-2000:]


def assert_same(kept: list[dict[str, Any]], analyzed: list[dict[str, Any]]) -> None:
    """Repetitions of a clip that was seen again and again, and what `analyze` found of each of them."""
    for rep, same in zip(kept, analyzed, strict=True):
        assert (rep["side"], rep["valid"]) == (same["side"], same["valid"])
        # An athlete who is followed already is looked at through another crop, and its noise is another.
        assert rep["range"] == pytest.approx(same["range"], abs=10.0)
        assert rep["end"] - rep["start"] == pytest.approx(same["end"] - same["start"], abs=0.2)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_a_workout_survives_a_kill_and_ends_in_the_history(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_killed(first_half, tmp_path)
    clip = prepare(tmp_path, monkeypatch)

    def script(window: MainWindow) -> Steps:
        assert not window.home.resume.isHidden()
        offer = window.home.resume.findChild(QLabel)
        window.change(language="zh", units="metric")
        assert "还没做完" in offer.text()
        window.change(language="en")
        assert offer.text() == "“Three sets” goes on with set 2 of 3."
        window.home.go_on.click()
        hold_before_the_camera(window, clip)
        coaching = window.coach.coaching
        assert coaching is not None
        assert (coaching.standing.number, coaching.standing.count) == (2, 1)
        yield lambda: window.records.summary is not None
        assert window.stack.currentWidget() is window.records.summary
        done = window.records.summary.summary
        assert done is not None
        assert (done.finished, [one.count for one in done.sets]) == (True, [2, 2, 2])
        details = window.records.summary.cards[0].details
        assert "2 of 2 reps, 11.5 kg" in details.text()
        window.change(units="imperial")
        assert "2 of 2 reps, 25 lb" in details.text()
        assert "6 reps, 3 sets" in window.records.summary.figures.accessibleName()
        window.home.history_wanted.emit()
        page = window.records.history
        assert page is not None and window.stack.currentWidget() is page
        assert [(line.sets, line.reps) for line in page.list.lines] == [(3, 6)]
        press(window, Qt.Key.Key_Return)  # the list has the focus
        assert page.past.summary is not None and page.past.summary.count == 6
        for kind in ("json", "csv", "pdf"):
            page.export_to(tmp_path / f"out.{kind}", kind)
        assert window.coach.video.frame is not None
        window.show_home()
        assert window.home.resume.isHidden()
        assert window.coach.video.frame is None  # no picture of the athlete stays

    assert drive([], script, seconds=240) == 0

    with History(tmp_path / FILE) as history:
        profile = history.profile(NAMELESS)
        (line,) = history.workouts(profile)
        assert (line.finished, line.sets, line.reps) == (True, 3, 6)
    exported = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    assert len((tmp_path / "out.csv").read_text(encoding="utf-8-sig").splitlines()) == 1 + 6
    assert (tmp_path / "out.pdf").read_bytes().startswith(b"%PDF")
    assert list(tmp_path.glob("*.journal")) == []

    # The same poses through `analyze` give the same repetitions.
    track, out = tmp_path / "track.poses.gz", tmp_path / "analyzed.json"
    save_recording(track, recording_of(poses(), fps=FPS))
    assert main.main(["analyze", str(track), "--exercise", "squat", "--out", str(out)]) == 0
    analyzed = json.loads(out.read_text(encoding="utf-8"))["reps"]
    assert [one["load_kg"] for one in exported["workouts"][0]["sets"]] == [11.34] * 3
    kept = [rep for one in exported["workouts"][0]["sets"] for rep in one["reps"]]
    assert_same(kept, analyzed * 3)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_what_the_network_sees_is_what_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From pictures to the export, with nothing replaced but the camera."""
    is_killed(first_half_seen, tmp_path)
    at_home(tmp_path, monkeypatch, SEEN_PLAN)
    clip, out = tmp_path / "clip.mp4", tmp_path / "out.json"

    def script(window: MainWindow) -> Steps:
        window.home.go_on.click()
        hold_before_the_camera(window, clip)
        yield lambda: window.records.summary is not None
        window.home.history_wanted.emit()
        page = window.records.history
        assert page is not None
        page.export_to(out, "json")

    assert drive([], script, seconds=240) == 0
    (workout,) = json.loads(out.read_text(encoding="utf-8"))["workouts"]
    sets = [one["reps"] for one in workout["sets"]]
    assert workout["finished"] and [len(reps) for reps in sets] == [2, 2]

    assert main.main(["analyze", str(clip), "--exercise", "squat", "--out", str(out)]) == 0
    first, second = json.loads(out.read_text(encoding="utf-8"))["reps"]
    # After the kill the clip began anew: the second set's last one is its first again.
    assert_same([rep for reps in sets for rep in reps], [first, second, first, first])
