"""Whatever breaks in the inference thread, the window stays, says so, and the set goes on."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from PySide6.QtGui import QGuiApplication

import app.capture
import app.estimator
import app.lasting
import app.ui.app as ui_app
import app.ui.feed
import app.ui.source_runner
from app.capture import Frame
from app.runtimes import Fallback, LoadedRuntime, Way
from app.skeleton import Pose
from app.ui import words
from app.ui.engine_notes import fallback_text
from app.ui.records import EngineInfo
from app.ui.window import MainWindow
from app.ui.worker import Factory, Progressing
from tests.ui.driver import Condition, ReplayEstimator, clip, drive, two_squats

__all__ = ["clip"]  # a fixture
Steps = Generator[Condition, None, None]
RESTARTED = "The recognition broke and was started again. Nothing that was counted is lost."
DAMAGED = Fallback(
    wanted="the lifter", used="depth as the network reads it", cause="damaged", reason="lifter: damaged"
)
BLACK = np.zeros((1, 3, 8, 8), np.float32)


pytestmark = pytest.mark.usefixtures("alone")


def count(window: MainWindow) -> int:
    assert window.coach.coaching is not None
    return window.coach.coaching.score.count


class Crashing(ReplayEstimator):
    """Two squats; at the frames of these numbers, error is raised, at each once."""

    def __init__(self, poses: list[Pose | None], at: set[int], error: Callable[[], BaseException]) -> None:
        super().__init__(poses)
        self.at, self.error = at, error

    def estimate(self, frame: Frame, /) -> Pose | None:
        due = {number for number in self.at if frame.index >= number}
        if due:
            self.at -= due
            raise self.error()
        return super().estimate(frame)


def crashing(built: list[str], at: set[int], error: Callable[[], BaseException]) -> Callable[..., Factory]:
    def factory(engine: object) -> Factory:
        def build(progressing: Progressing) -> tuple[Crashing, EngineInfo]:
            built.append("network")
            return Crashing(two_squats(), at, error), EngineInfo(model="m", device="cpu", runtime="none")

        return build

    return factory


def test_a_crash_is_mended_once_and_the_set_goes_on(
    clip: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Even what was meant to end the process."""
    built: list[str] = []
    middle = round(len(two_squats()) * 0.6)
    monkeypatch.setattr(ui_app, "network_factory", crashing(built, {middle}, lambda: SystemExit(3)))

    def script(window: MainWindow) -> Steps:
        yield lambda: count(window) == 1
        yield lambda: RESTARTED in window.coach.video.notes
        assert window.feed.engine_error == ""
        yield lambda: window.coach.done is not None
        assert count(window) == 2
        assert window.coach.done is not None
        assert window.coach.done.count == 2

    with caplog.at_level(logging.ERROR):
        assert drive(["--source", str(clip), "--exercise", "squat"], script) == 0
    assert len(built) == 2
    assert "in estimate" in caplog.text  # the report: where it broke


def test_a_second_crash_stops_and_says_so_and_trying_again_keeps_the_count(
    clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built: list[str] = []
    end = len(two_squats())
    broken = {round(end * 0.55), round(end * 0.56)}
    monkeypatch.setattr(ui_app, "network_factory", crashing(built, broken, lambda: KeyError("left_knee")))

    def script(window: MainWindow) -> Steps:
        yield lambda: window.feed.engine_error
        notice = window.coach.card.notice
        assert notice is not None
        assert notice.title == "The network cannot run"
        assert "KeyError: 'left_knee'" in notice.text
        assert "Your set is kept: 1 rep" in notice.text
        assert window.coach.banner.say.text == notice.title
        retry, copy, _ = window.coach.card.buttons
        copy.click()
        assert "in estimate" in QGuiApplication.clipboard().text()
        still = time.monotonic() + 0.3
        yield lambda: time.monotonic() > still
        shown = window.coach.video.frame
        yield lambda: time.monotonic() > still + 0.3
        assert window.coach.video.frame is shown  # a file waits, so that nothing of it is missed
        retry.click()
        yield lambda: window.coach.card.notice is None and window.feed.engine is not None
        yield lambda: window.coach.done is not None
        assert count(window) == 2

    assert drive(["--source", str(clip), "--exercise", "squat"], script) == 0
    assert len(built) == 3  # at the start, after the first crash, at Try again


class FakeNetworks:
    """In the place of the weights: a CUDA that is lost after some calls, and a CPU that is not."""

    after = 40
    read_by: ClassVar[set[str]] = set()  # the devices that read a frame

    @classmethod
    def read(cls, *_: object, **__: object) -> FakeNetworks:
        return cls()

    def on(self, ways: tuple[Way, ...], _progress: object = None) -> LoadedRuntime:
        device, runtime = ways[0]
        left = self.after if device == "cuda" else 10**9

        def maps(batch: np.ndarray) -> np.ndarray:
            nonlocal left
            left -= 1
            if left < 0:
                raise RuntimeError("CUDA error: unspecified launch failure")
            self.read_by.add(device)
            return batch

        how: dict[str, Any] = {"pose_maps": maps, "finder_maps": maps, "lift": lambda xyz, _: xyz}
        known = {"sha256": "0", "model_name": "m", "input_size": 8, "finder_size": 8, "fallbacks": (DAMAGED,)}
        return LoadedRuntime(device=device, runtime=runtime, **known, **how)


def test_a_graphics_card_that_is_lost_in_a_set_is_replaced_by_the_cpu(
    clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Reading(ReplayEstimator):
        """Asks its runtime for maps with every frame, as the real one does."""

        def __init__(self, runtime: LoadedRuntime) -> None:
            super().__init__(two_squats())
            self.runtime = runtime

        def estimate(self, frame: Frame, /) -> Pose | None:
            self.runtime.pose_maps(BLACK)
            return super().estimate(frame)

    real = app.lasting.ways
    here = (("cuda", "torch"), ("cpu", "openvino"), ("cpu", "torch"))
    monkeypatch.setattr(app.lasting, "Networks", FakeNetworks)
    monkeypatch.setattr(app.lasting, "ways", lambda *how: real(*how) if how[0] == "cpu" else here)
    monkeypatch.setattr(app.estimator, "Estimator", Reading)
    monkeypatch.setattr(FakeNetworks, "read_by", set())

    def script(window: MainWindow) -> Steps:
        said = "The weights of the lifter are damaged or missing; depth as the network reads it is used"
        yield lambda: said in window.coach.video.notes
        yield lambda: any("CUDA broke" in note for note in window.coach.video.notes)
        assert window.feed.engine_error == ""
        assert "CPU / openvino" in window.coach.status.right.text()
        yield lambda: window.coach.done is not None
        assert count(window) == 2

    assert drive(["--source", str(clip), "--exercise", "squat"], script) == 0
    assert FakeNetworks.read_by == {"cuda", "cpu"}


def test_a_driver_that_hangs_is_spoken_of_until_it_comes_back(
    clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    back = threading.Event()

    class Hanging(ReplayEstimator):
        def estimate(self, frame: Frame, /) -> Pose | None:
            back.wait(60)
            return super().estimate(frame)

    info = EngineInfo(model="m", device="cuda", runtime="torch")
    monkeypatch.setattr(ui_app, "network_factory", lambda _: lambda _: (Hanging(two_squats()), info))
    monkeypatch.setattr(app.ui.feed, "STUCK", 0.2)

    def script(window: MainWindow) -> Steps:
        yield lambda: window.coach.video.busy_text.startswith("No answer from CUDA for")
        back.set()
        yield lambda: window.coach.video.busy_text == "" and window.coach.video.pose is not None

    assert drive(["--source", str(clip), "--exercise", "squat"], script) == 0


def test_on_a_weak_machine_poses_get_fewer_and_picture_and_count_stay_right(
    clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[int] = []

    class Slow(ReplayEstimator):
        def estimate(self, frame: Frame, /) -> Pose | None:
            time.sleep(0.11)  # of 0.04 between frames
            steps.append(frame.index)
            return super().estimate(frame)

    info = EngineInfo(model="m", device="cpu", runtime="none")
    monkeypatch.setattr(ui_app, "network_factory", lambda _: lambda _: (Slow(two_squats()), info))

    def script(window: MainWindow) -> Steps:
        yield lambda: window.coach.done is not None
        assert count(window) == 2
        assert len(steps) < len(two_squats()) / 2
        assert steps[-1] > len(two_squats()) - 8  # the newest frames, not a queue of old ones
        assert window.coach.video.painted_frames > len(steps)

    assert drive(["--source", str(clip), "--exercise", "squat"], script) == 0


@pytest.mark.parametrize("cause", ["unusable", "disagrees", "broke", "memory", "numbers", "damaged"])
def test_every_fallback_is_said_in_both_languages(cause: Any) -> None:
    fallback = Fallback(wanted="CUDA", used="OpenVINO", cause=cause, reason="a long reason " * 20)
    try:
        words.set_language("en")
        english = fallback_text(fallback)
        words.set_language("zh")
        chinese = fallback_text(fallback)
    finally:
        words.set_language("en")
    assert "OpenVINO" in english
    assert len(english) < 150
    assert "OpenVINO" in chinese
    assert any("\u4e00" <= letter <= "\u9fff" for letter in chinese)
