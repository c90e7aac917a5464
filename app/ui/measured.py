"""The real window, opened to be measured: how late its pictures are, and what an hour does to its memory.

`bench` runs each of these in a process of its own, with a folder of its own for settings and history.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication

from app.capture import Source
from app.memory import peak_mb, resident_mb
from app.settings import Settings
from app.ui.app import Engine, run_app
from app.ui.stage import Painted
from app.ui.turns import Turns
from app.ui.window import MainWindow, Options

CAMERA: Final = "0"  # the source that a clip stands in for
SIGN_OF_LIFE: Final = 10_000  # milliseconds
SETTLE: Final = 3.0  # seconds after the first pose that are not measured: caches fill, the window settles

# Opens what stands in for the camera; its arguments are those of app.capture.open_source.
Opener = Callable[..., Source]


def open_window(begin: Callable[[MainWindow], None], engine: Engine, options: Options) -> int:
    """Runs the app until its window is closed: settings of a fresh installation, the tour seen, no sound.

    begin: called once the window is shown. Returns the exit code.
    """
    application = QApplication.instance() or QApplication(["formcue"])
    assert isinstance(application, QApplication)

    def start() -> None:
        windows = [w for w in application.topLevelWidgets() if isinstance(w, MainWindow) and w.isVisible()]
        begin(windows[0])

    QTimer.singleShot(0, start)
    settings = Settings(tour_done=True, voice=False, volume=0.0)
    told = {"device": engine.device, "model": engine.weights}
    return run_app(options, settings=settings, told=told, runtime=engine.runtime)


def first_pose(told: Callable[[], None], engine: Engine, *, video: str, exercise: str) -> int:
    """Opens a video in the window and closes it when the first pose found in it is painted: told() is called
    at that moment. Returns the exit code."""

    def begin(window: MainWindow) -> None:
        def watch(painted: Painted) -> None:
            if painted.progress is not None and painted.progress.result.pose is not None:
                window.coach.stage.watcher = None
                told()
                QTimer.singleShot(0, window.close)

        window.coach.stage.watcher = watch

    return open_window(begin, engine, Options(source=video, exercise=exercise))


@dataclass(kw_only=True)
class Lateness:
    """Milliseconds from a frame's arrival to the end of the painting of the window, by what it showed first.

    results: the result of that frame: count, curve, prompt. prompts: those of them with another prompt than
    the one before. pictures: the frame itself, with its skeleton. arrived: when the results' frames came,
    monotonic seconds.
    """

    results: list[float] = field(default_factory=list)
    prompts: list[float] = field(default_factory=list)
    pictures: list[float] = field(default_factory=list)
    arrived: list[float] = field(default_factory=list)
    _prompt: object = None

    def take(self, painted: Painted) -> None:
        if painted.progress is not None and painted.progress.result.frame is not None:
            result = painted.progress.result
            late = (painted.now - painted.progress.result.frame.arrived) * 1000
            self.results.append(late)
            self.arrived.append(painted.progress.result.frame.arrived)
            if result.prompt is not self._prompt and result.prompt is not None:
                self.prompts.append(late)
            self._prompt = result.prompt
        if painted.frame is not None:
            self.pictures.append((painted.now - painted.frame.arrived) * 1000)


def lateness(
    camera: Opener,
    engine: Engine,
    *,
    exercise: str,
    seconds: float,
    size: tuple[int, int],
    settle: float = SETTLE,
    told: Callable[[float], None] = lambda _: None,
) -> dict[str, Any]:
    """Coaches the exercise in a window of that size, 3D view and all, from what stands in for the camera.

    Measures for so many seconds, `settle` seconds after the first pose. Gives Lateness's lists, "turns" (see
    Turns.end) and what else the window knows of its speed. told: called with the seconds left, now and then.
    """
    found: dict[str, Any] = {}

    def begin(window: MainWindow) -> None:
        window.resize(*size)
        window.feed.runner.open_source = camera
        window.begin_exercise(exercise, source=CAMERA)
        window.coach.top.figure.setChecked(True)
        late = Lateness()
        turns = Turns(lambda: window.coach.video.painted_frames)
        until: list[float] = []
        life = QTimer(window)
        life.timeout.connect(lambda: told(until[0] - time.monotonic() if until else seconds))
        life.start(SIGN_OF_LIFE)

        def watch(painted: Painted) -> None:
            result = painted.progress.result if painted.progress is not None else None
            if not until and result is not None and result.pose is not None:
                window.coach.toggle_pause()  # begins the set that waits for its start position
                until.append(time.monotonic() + settle + seconds)
            if until and painted.now > until[0] - seconds:
                if not turns.on:
                    turns.begin()
                late.take(painted)
            if until and painted.now > until[0]:
                window.coach.stage.watcher = None
                found.update(_found(window, late), turns=turns.end())
                QTimer.singleShot(0, window.close)

        window.coach.stage.watcher = watch

    open_window(begin, engine, Options())
    return found


def _found(window: MainWindow, late: Lateness) -> dict[str, Any]:
    coach, coaching = window.coach, window.coach.coaching
    span = late.arrived[-1] - late.arrived[0] if len(late.arrived) > 1 else 0.0
    return {
        "results": late.results,
        "prompts": late.prompts,
        "pictures": late.pictures,
        "results_a_second": (len(late.arrived) - 1) / span if span else 0.0,
        "pictures_a_second": coach.stage.picture_rate,
        "status_line_ms": coach.stage.latency * 1000,
        "counted": coaching.score.count if coaching is not None else 0,
        "size": [window.width(), window.height()],
        "resident_mb": resident_mb(),
        "peak_mb": peak_mb(),
    }
