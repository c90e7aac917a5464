"""After the end, with the hands full: a sign to the camera starts all again, or the camera goes off."""

from __future__ import annotations

from collections.abc import Generator

import pytest
from PySide6.QtCore import Qt
from shiboken6 import isValid

import app.capture
import app.ui.app as ui_app
import app.ui.source_runner
from app.skeleton import Joint, Pose
from app.ui import encore
from app.ui.window import MainWindow
from tests.poses import pose_of, standing_figure
from tests.scripted_camera import ScriptedCamera
from tests.ui.driver import Condition, drive, press, replaying, two_squats

Steps = Generator[Condition, None, None]
COMMAND = ["--source", "0", "--exercise", "squat"]


class Athlete:
    """Squats before the camera until told otherwise."""

    def __init__(self) -> None:
        self.poses: list[Pose | None] = two_squats()

    def raise_hand(self) -> None:
        figure = standing_figure()
        figure[Joint.right_elbow] = figure[Joint.right_shoulder] + (0.0, -0.29, 0.0)
        figure[Joint.right_wrist] = figure[Joint.right_shoulder] + (0.0, -0.54, 0.0)
        self.poses[:] = [pose_of(figure, 0.0)] * len(self.poses)


@pytest.fixture
def athlete(monkeypatch: pytest.MonkeyPatch) -> Athlete:
    made = Athlete()
    monkeypatch.setattr(ui_app, "network_factory", replaying(made.poses))
    return made


@pytest.fixture
def camera(alone: None, monkeypatch: pytest.MonkeyPatch) -> ScriptedCamera:
    made = ScriptedCamera(rate=25.0, speed=5.0)
    monkeypatch.setattr(app.ui.source_runner, "open_source", made)
    return made


def until_the_summary(window: MainWindow) -> Steps:
    coach = window.coach
    yield lambda: window.feed.source is not None and coach.video.pose is not None
    press(window, Qt.Key.Key_Space)
    yield lambda: coach.coaching is not None and coach.coaching.score.count >= 1
    press(window, Qt.Key.Key_Return)
    assert window.stack.currentWidget() is window.records.summary
    assert window.focusWidget() is window.records.summary.go_again  # the keys begin at "Once more"


def hint(window: MainWindow) -> str:
    """What the summary says of what goes without hands; empty: nothing."""
    page = window.records.summary
    assert page is not None
    return page.hint.text() if page.hint.isVisible() else ""


def test_a_raised_hand_starts_the_same_once_more(camera: ScriptedCamera, athlete: Athlete) -> None:
    def script(window: MainWindow) -> Steps:
        yield from until_the_summary(window)
        before = window.coach.coaching
        assert window.encore.on
        assert hint(window).startswith("Once more: Right hand up. The camera goes off in ")
        athlete.raise_hand()
        yield lambda: window.stack.currentWidget() is window.coach
        assert window.coach.coaching is not before
        assert window.coach.done is None
        yield lambda: not window.encore.on
        assert window.feed.spec == "0"  # the camera that was used before is used on
        yield lambda: window.feed.source is not None and camera.held == 1

    assert drive(COMMAND, script) == 0


def test_the_camera_goes_off_when_the_page_is_left_or_nobody_asks(
    camera: ScriptedCamera, athlete: Athlete, monkeypatch: pytest.MonkeyPatch
) -> None:
    def script(window: MainWindow) -> Steps:
        yield from until_the_summary(window)
        press(window, Qt.Key.Key_Escape)
        assert window.stack.currentWidget() is window.home
        yield lambda: camera.held == 0 and not window.encore.on
        monkeypatch.setattr(encore, "LOOKS_ON", 0.3)
        window.begin_exercise("squat", source="0")
        yield from until_the_summary(window)
        yield lambda: camera.held == 0 and not window.encore.on
        assert hint(window) == ""
        assert window.stack.currentWidget() is window.records.summary

    assert drive(COMMAND, script) == 0


def test_without_gestures_the_camera_goes_off_at_once(camera: ScriptedCamera, athlete: Athlete) -> None:
    def script(window: MainWindow) -> Steps:
        window.change(gestures=False)
        yield from until_the_summary(window)
        assert not window.encore.on
        assert hint(window) == ""
        yield lambda: camera.held == 0
        press(window, Qt.Key.Key_Space)  # and the keyboard does it too
        assert window.stack.currentWidget() is window.coach
        assert window.coach.done is None

    assert drive(COMMAND, script) == 0


def test_closing_the_window_ends_the_looking_on(camera: ScriptedCamera, athlete: Athlete) -> None:
    """It went on beyond its window, and then broke on the page that was gone."""
    looking: list[encore.Encore] = []

    def script(window: MainWindow) -> Steps:
        yield from until_the_summary(window)
        assert window.encore.on
        looking.append(window.encore)

    assert drive(COMMAND, script) == 0
    assert not isValid(looking[0]) or not looking[0].on
    assert camera.held == 0
