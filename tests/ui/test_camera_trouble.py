"""Whatever befalls the camera, the window says so, keeps the set, and goes on by itself."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt

import app.capture
import app.ui.app as ui_app
import app.ui.feed
import app.ui.source_runner
from app.camera_trouble import Patience
from app.capture import CameraInfo
from app.history import FILE, History
from app.ui.source_runner import SourceRunner
from app.ui.window import MainWindow
from app.ui.words import NAMELESS
from tests.scripted_camera import Fault, ScriptedCamera
from tests.ui.driver import Condition, clip, drive, press, replaying, two_squats

__all__ = ["clip"]  # a fixture
Steps = Generator[Condition, None, None]
PATIENCE = Patience(
    silent=0.4, frozen=0.3, black=0.3, slow=0.3, give_up=0.3, first=0.05, longest=0.2, skip=20.0
)
TROUBLES: dict[Fault, str] = {
    "unplugged": "The camera is not there",
    "taken": "The camera cannot be used",
    "silent": "The camera gives no picture",
    "hanging": "The camera gives no picture",
    "frozen": "The picture stands still",
    "black": "The picture is black",
    "broken": "The camera gives no picture",
}


@pytest.fixture
def camera(alone: None, monkeypatch: pytest.MonkeyPatch) -> ScriptedCamera:
    """In the place of the machine's: it sees two squats, again and again, in a hurry."""
    made = ScriptedCamera(rate=25.0, speed=5.0)
    monkeypatch.setattr(app.ui.source_runner, "open_source", made)
    monkeypatch.setattr(SourceRunner, "patience", PATIENCE)
    monkeypatch.setattr(ui_app, "network_factory", replaying(two_squats()))
    return made


def title(window: MainWindow) -> str:
    """Of the notice over the picture; empty: there is none."""
    return window.coach.card.notice.title if window.coach.card.notice is not None else ""


def text(window: MainWindow) -> str:
    """Of the notice, below its title."""
    return window.coach.card.notice.text if window.coach.card.notice is not None else ""


def count(window: MainWindow) -> int:
    assert window.coach.coaching is not None
    return window.coach.coaching.score.count


def begin(window: MainWindow) -> Steps:
    """Until the first repetition is counted."""
    yield lambda: window.feed.source is not None and window.coach.video.pose is not None
    press(window, Qt.Key.Key_Space)
    yield lambda: count(window) >= 1


def test_every_trouble_is_said_and_the_set_goes_on_by_itself(camera: ScriptedCamera, tmp_path: Path) -> None:
    counted: list[int] = []

    def script(window: MainWindow) -> Steps:
        yield lambda: title(window) == "The camera is not there"
        offered = [button.accessibleName() for button in window.coach.card.buttons]
        assert offered == ["Try now", "Demo clip", "Open video…"]
        camera.fault = "none"
        yield from begin(window)
        assert title(window) == ""
        coaching = window.coach.coaching
        for fault, expected in TROUBLES.items():
            camera.fault = fault
            yield lambda expected=expected: title(window) == expected  # type: ignore[misc]
            # A repetition of the last pictures may come in after the trouble; then both say so.
            yield lambda: f"Your set is kept: {count(window)} rep" in text(window)
            kept = count(window)
            panel = window.coach.panel
            # What was counted stays; what was measured of a picture that is gone does not.
            assert panel.counter.number == str(kept)
            assert (panel.counter.phase, panel.counter.progress) == ("", 0.0)
            assert window.coach.banner.say is not None
            assert "No picture" in window.coach.banner.say.text
            assert "ms" not in window.coach.status.right.text()
            assert panel.plot.newest is None
            yield lambda: window.coach.video.pose is None
            camera.fault = "none"
            yield lambda: title(window) == "" and window.coach.video.pose is not None
            assert window.coach.coaching is coaching  # the same set
            assert count(window) >= kept
            counted.append(kept)
        last = count(window)
        yield lambda: count(window) > last
        assert "fps" in window.coach.status.right.text()
        counted.append(count(window))
        window.change(language="zh")
        camera.fault = "frozen"
        yield lambda: title(window) == "画面静止不动"
        assert window.coach.card.notice is not None
        assert "这一组已保留" in window.coach.card.notice.text
        counted.append(count(window))
        window.coach.card.buttons[1].click()  # enough
        yield lambda: window.records.summary is not None

    camera.fault = "unplugged"
    assert drive(["--source", "0", "--exercise", "squat"], script) == 0
    assert counted == sorted(counted)
    with History(tmp_path / "home" / FILE) as history:
        (line,) = history.workouts(history.profile(NAMELESS))
    assert line.reps == counted[-1]  # nothing was lost, nor counted twice


def test_sleep_and_another_size_are_noted_and_cost_nothing(camera: ScriptedCamera) -> None:
    def script(window: MainWindow) -> Steps:
        yield from begin(window)
        before = count(window)
        coaching = window.coach.coaching
        camera.fault = "small"
        yield lambda: "The picture is 32 × 24 now" in window.coach.video.notes
        camera.fault = "none"
        camera.fault = "asleep"
        yield lambda: any("The picture is back after 180 min" in note for note in window.coach.video.notes)
        yield lambda: count(window) > before
        assert title(window) == ""
        assert window.coach.coaching is coaching
        assert coaching is not None
        assert coaching.summary.seconds < 120.0  # hours of sleep are no time of work

    assert drive(["--source", "0", "--exercise", "squat"], script) == 0


def test_a_camera_plugged_in_after_all_is_found(
    camera: ScriptedCamera, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app.ui.feed, "LOOK_EVERY", 50)

    def script(window: MainWindow) -> Steps:
        window.begin_exercise("squat")
        yield lambda: title(window) == "No camera found"
        found = [CameraInfo(index=0, name="Scripted camera")]
        monkeypatch.setattr(app.ui.source_runner, "list_cameras", lambda: found)
        yield lambda: title(window) == "" and window.coach.video.frame is not None

    assert drive([], script) == 0


def test_a_rest_does_not_wait_for_the_picture(camera: ScriptedCamera, tmp_path: Path) -> None:
    plans = tmp_path / "home" / "workouts"
    plans.mkdir(parents=True)
    (plans / "two.yaml").write_text(
        "format: 1\nid: two\nname: {en: Two}\n"
        "exercises:\n  - {exercise: squat, sets: 2, reps: 1, rest: 2s}\n",
        encoding="utf-8",
    )

    def script(window: MainWindow) -> Steps:
        window.tour.hide()
        next(card for card in window.home.workouts.cards if card.text() == "Two").click()
        window.open("0")
        coaching = window.coach.coaching
        assert coaching is not None
        yield lambda: window.feed.source is not None and window.coach.video.pose is not None
        press(window, Qt.Key.Key_Space)
        yield lambda: coaching.state == "rest"
        camera.fault = "unplugged"
        yield lambda: title(window) == "The camera is not there"
        if coaching.state == "rest":  # the frames' clock is a fast one: it may be over by now
            yield lambda: coaching.state == "before"
        assert title(window) == "The camera is not there"
        assert coaching.standing.number == 2

    assert drive([], script) == 0


def test_the_demonstration_goes_back_to_the_clip(
    camera: ScriptedCamera, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app.capture, "DEMO_CLIP", clip)
    monkeypatch.setattr(
        app.ui.source_runner, "list_cameras", lambda: [CameraInfo(index=0, name="Scripted camera")]
    )
    monkeypatch.setattr(
        app.ui.source_runner,
        "open_source",
        lambda spec, **asked: camera() if spec == "0" else app.capture.open_source(spec),
    )

    def script(window: MainWindow) -> Steps:
        yield lambda: window.feed.source is not None and bool(window.feed.cameras)
        press(window, Qt.Key.Key_Space)
        yield lambda: window.feed.spec == "0" and window.coach.video.pose is not None
        camera.fault = "unplugged"
        yield lambda: window.feed.spec == app.capture.DEMO and window.feed.source is not None
        assert title(window) == ""

    assert drive(["--source", "demo"], script) == 0


def test_patience_of_the_app_is_bounded() -> None:
    usual = replace(SourceRunner.patience)
    assert max(usual.silent, usual.frozen, usual.black) <= 2.0  # seconds until it is said
    assert usual.longest <= 10.0  # seconds until a camera that is back is seen
