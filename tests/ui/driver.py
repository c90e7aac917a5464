"""Drives the real main() from inside its own event loop, as a user would, step by step."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Final

import cv2
import numpy as np
import pytest
from PySide6.QtCore import Qt, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

import app.ui.app as ui_app
import main
from app.bench.camera import HurriedClock, camera_of
from app.capture import Frame
from app.skeleton import Pose
from app.ui.records import EngineInfo
from app.ui.window import MainWindow
from app.ui.worker import Factory, Progressing
from tests.poses import squats

# A script yields conditions to wait for; between them it acts on the window.
Condition = Callable[[], object]
Script = Callable[[MainWindow], Generator[Condition, None, None]]

ENDING: Final = 30.0  # seconds for a closed window's program to leave its loop


def drive(arguments: list[str], script: Script, *, seconds: float = 150.0) -> int:
    """Runs main(arguments), goes through the script, closes the window. Returns the exit code.

    Fails when a condition of the script does not come true within so many seconds, when the script
    raises, or when the program goes on for long without its window.
    """
    application = QApplication.instance() or QApplication([])
    assert isinstance(application, QApplication)
    failures: list[BaseException] = []
    steps: list[Generator[Condition, None, None]] = []
    waiting: list[Condition] = []
    deadline = time.monotonic() + seconds

    def window() -> MainWindow | None:
        found = [w for w in application.topLevelWidgets() if isinstance(w, MainWindow) and w.isVisible()]
        return found[0] if found else None

    def give_up() -> None:
        """Fails instead of waiting for ever, whatever the program waits for."""
        seen = [widget for widget in application.topLevelWidgets() if widget.isVisible()]
        failures.append(AssertionError(f"the program did not end; it shows {seen}"))
        timer.stop()
        application.exit(1)

    def step() -> None:
        shown = window()
        if shown is None:
            if time.monotonic() > deadline:
                give_up()
            return
        try:
            if not steps:
                steps.append(script(shown))
                waiting.append(next(steps[0]))
            if waiting[0]():
                waiting[0] = next(steps[0])
            elif time.monotonic() > deadline:
                line = steps[0].gi_frame.f_lineno if steps[0].gi_frame is not None else 0
                raise AssertionError(f"waited in vain at line {line} of the script")
        except BaseException as error:
            if not isinstance(error, StopIteration):
                failures.append(error)
            timer.stop()
            ending.start(int(1000 * ENDING))
            shown.close()

    ending = QTimer(singleShot=True)
    ending.timeout.connect(give_up)
    timer = QTimer()
    timer.timeout.connect(step)
    timer.start(10)
    code = main.main(arguments)
    timer.stop()
    ending.stop()
    if failures:
        raise failures[0]
    assert steps, "the window never came up"
    return code


def hold_before_the_camera(window: MainWindow, clip: Path) -> None:
    """The clip in a camera's place, over and over, at 30 frames a second of its own clock.

    A frame comes when the last one was looked at: however busy the machine, the network sees them all.
    """
    clock = HurriedClock()
    clock.fetched = lambda: not (window.feed.runner.to_network.waiting or window.worker.results.waiting)
    window.feed.runner.open_source = camera_of([clip], clock)
    window.open("0")


def press(window: MainWindow, key: Qt.Key) -> None:
    """A key stroke on whatever has the focus."""
    QTest.keyClick(window.focusWidget() or window, key)


class ReplayEstimator:
    """Stands in for the network: gives the poses of a list by the frame's index, again from the start."""

    def __init__(self, poses: list[Pose | None]) -> None:
        self.poses = poses

    def estimate(self, frame: Frame, /) -> Pose | None:
        return self.poses[frame.index % len(self.poses)]

    def reset(self) -> None:
        pass


def replaying(
    poses: list[Pose | None], *, before: Callable[[], None] | None = None
) -> Callable[..., Factory]:
    """A network_factory that gives these poses; before() is run in its place of the warming up."""

    def factory(engine: object) -> Factory:
        def build(say: Progressing) -> tuple[ReplayEstimator, EngineInfo]:
            if before is not None:
                before()
            return ReplayEstimator(poses), EngineInfo(model="replay", device="cpu", runtime="none")

        return build

    return factory


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """A grey film of 25 frames a second, as long as two squats take; its left half is darker."""
    path = tmp_path / "squats.mp4"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 25.0, (640, 480))
    image = np.full((480, 640, 3), 150, np.uint8)
    image[:, :320] = 40
    for _ in two_squats():
        writer.write(image)
    writer.release()
    return path


def two_squats() -> list[Pose | None]:
    return list(squats(2, seconds=1.4, still=0.6))


@pytest.fixture
def replay(monkeypatch: pytest.MonkeyPatch) -> None:
    """The network is replaced by two squats."""
    monkeypatch.setattr(ui_app, "network_factory", replaying(two_squats()))
