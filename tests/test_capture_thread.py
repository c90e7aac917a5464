"""The thread that reads a source: files to their end, cameras through whatever befalls them."""

from __future__ import annotations

import gc
import time
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from app.camera_trouble import Patience
from app.capture import Frame, NewestSlot, Source, open_source
from app.capture_thread import CaptureThread
from tests.scripted_camera import HASTY, SLEPT, Fault, ScriptedCamera
from tests.test_capture import COUNT, video, wait_for

__all__ = ["video"]  # a fixture


class Keeping(NewestSlot[Frame]):
    """A slot that remembers all it was given."""

    def __init__(self) -> None:
        super().__init__()
        self.given: list[Frame] = []

    def put(self, item: Frame) -> None:
        self.given.append(item)
        super().put(item)


class Listener:
    """Hears what a capture thread says."""

    def __init__(self) -> None:
        self.opened: list[Source] = []
        self.failures: list[str] = []
        self.ends = 0
        self.told: list[str] = []  # troubles, and "back"
        self.gaps: list[float] = []

    def back(self, seconds: float) -> None:
        self.told.append("back")
        self.gaps.append(seconds)

    def end(self) -> None:
        self.ends += 1


def run(
    factory: Callable[[], Source], slot: NewestSlot[Frame], patience: Patience | None = None, **options: bool
) -> tuple[CaptureThread, Listener]:
    heard = Listener()
    thread = CaptureThread(
        factory,
        slot,
        patience=patience,
        opened=heard.opened.append,
        failed=lambda problem: heard.failures.append(str(problem)),
        ended=heard.end,
        troubled=heard.told.append,
        back=heard.back,
        **options,
    )
    thread.start()
    return thread, heard


def test_the_thread_reads_to_the_end_and_closes_the_slot(video: Path) -> None:
    slot = Keeping()
    _, heard = run(lambda: open_source(str(video)), slot, real_time=False)
    wait_for(lambda: heard.ends)
    wait_for(lambda: slot.take() is None and slot.closed)
    assert [frame.index for frame in slot.given] == list(range(COUNT))
    assert all(frame.arrived > 0 for frame in slot.given)
    assert len(heard.opened) == 1
    assert heard.failures == []


def test_what_has_ended_goes_at_once_and_waits_for_no_collection_of_garbage(video: Path) -> None:
    """With it go its pictures, tens of megabytes."""
    gc.collect()
    gc.disable()
    try:
        thread, heard = run(lambda: open_source(str(video)), NewestSlot(), real_time=False)
        wait_for(lambda: heard.ends)
        assert thread.stop(5.0)
        source = weakref.ref(heard.opened.pop())
        del thread
        wait_for(lambda: source() is None)
    finally:
        gc.enable()


def test_a_loop_goes_on_in_time(video: Path) -> None:
    slot = Keeping()
    thread, heard = run(lambda: open_source(str(video)), slot, real_time=False, loop=True)
    wait_for(lambda: len(slot.given) > 2 * COUNT)
    assert thread.stop(5.0)
    times = [frame.time for frame in slot.given[: 2 * COUNT]]
    assert np.diff(times) == pytest.approx(np.full(2 * COUNT - 1, 0.1), abs=2e-3)
    assert len(heard.opened) == 1
    assert heard.ends == 0


def test_a_source_that_cannot_be_opened_is_told(tmp_path: Path) -> None:
    slot: NewestSlot[Frame] = NewestSlot()
    _, heard = run(lambda: open_source(str(tmp_path)), slot)
    wait_for(lambda: slot.closed)
    assert len(heard.failures) == 1
    assert "is a folder" in heard.failures[0]
    assert heard.ends == 0


def test_on_hold_the_first_picture_comes_and_no_more(video: Path) -> None:
    slot = Keeping()
    heard = Listener()
    thread = CaptureThread(lambda: open_source(str(video)), slot, real_time=False, ended=heard.end)
    thread.pause()
    thread.start()
    wait_for(lambda: slot.given)
    time.sleep(0.05)
    assert len(slot.given) == 1
    thread.resume()
    wait_for(lambda: heard.ends)
    assert len(slot.given) == COUNT


def test_a_thread_on_hold_can_be_stopped(video: Path) -> None:
    slot = Keeping()
    thread, heard = run(lambda: open_source(str(video)), slot)
    thread.pause()
    assert thread.stop(5.0)
    assert heard.ends == 0
    assert len(slot.given) < COUNT


# ---- cameras


@pytest.fixture
def camera() -> ScriptedCamera:
    return ScriptedCamera()


class Watched(Keeping):
    """A thread that reads a camera, what it says and what it hands out; stopped at the end."""

    def __init__(self, camera: Callable[[], Source], patience: Patience = HASTY) -> None:
        super().__init__()
        self.thread, self.heard = run(camera, self, patience)

    def wait_for_frames(self, count: int = 5) -> None:
        begun = len(self.given)
        wait_for(lambda: len(self.given) >= begun + count)


@pytest.fixture
def watched(camera: ScriptedCamera) -> Iterator[Watched]:
    made = Watched(camera)
    yield made
    camera.fault = "none"  # a driver that hangs would not let go
    assert made.thread.stop(10.0)
    assert camera.held == 0  # whatever happened, no camera is kept


@pytest.mark.parametrize(
    ("fault", "trouble", "reopens"),
    [
        ("unplugged", "absent", True),
        ("taken", "taken", True),
        ("silent", "silent", True),
        ("hanging", "silent", False),
        ("frozen", "frozen", True),
        ("black", "black", True),
        ("broken", "silent", True),
    ],
)
def test_a_trouble_is_told_and_passes_by_itself(
    camera: ScriptedCamera, watched: Watched, fault: Fault, trouble: str, reopens: bool
) -> None:
    watched.wait_for_frames()
    opened = camera.opened
    camera.fault = fault
    wait_for(lambda: trouble in watched.heard.told)
    at = len(watched.given)
    wait_for(lambda: not reopens or fault in ("unplugged", "taken") or camera.opened > opened)
    assert len(watched.given) == at  # nothing stale is handed out
    camera.fault = "none"
    wait_for(lambda: watched.heard.told[-1] == "back")
    watched.wait_for_frames()
    assert [frame.index for frame in watched.given] == list(range(len(watched.given)))
    times = [frame.time for frame in watched.given]
    assert times == sorted(times)
    assert max(np.diff(times)) == pytest.approx(max(watched.heard.gaps), abs=1e-6)
    assert not watched.closed
    assert watched.heard.failures == []
    assert watched.heard.ends == 0


def test_a_driver_that_hangs_for_ever_is_left_behind(camera: ScriptedCamera) -> None:
    """Its thread cannot be ended; another reads the camera, and the first one is not heard any more."""
    healthy = ScriptedCamera()  # the same camera: hanging is a matter of one opening
    watched = Watched(lambda: healthy() if camera.opened else camera())
    watched.wait_for_frames()
    camera.fault = "hanging"
    wait_for(lambda: healthy.opened == 1)
    watched.wait_for_frames()
    assert watched.heard.told[-1] == "back"
    camera.fault = "none"
    wait_for(lambda: camera.held == 0)  # it is closed as soon as the driver lets go
    assert watched.thread.stop(10.0)
    assert [frame.index for frame in watched.given] == list(range(len(watched.given)))


def test_hanging_readings_are_not_heaped_up(camera: ScriptedCamera, watched: Watched) -> None:
    watched.wait_for_frames()
    camera.fault = "hanging"
    wait_for(lambda: camera.held == 2)
    time.sleep(0.6)  # several times give_up
    assert camera.held == 2


@pytest.mark.parametrize(
    ("fault", "trouble"), [("unplugged", "absent"), ("taken", "taken"), ("slow", "slow")]
)
def test_a_camera_that_is_not_to_be_had_at_first_comes_later(
    camera: ScriptedCamera, fault: Fault, trouble: str
) -> None:
    camera.fault = fault
    watched = Watched(camera)
    wait_for(lambda: watched.heard.told == [trouble])
    assert watched.heard.opened == []
    camera.fault = "none"
    watched.wait_for_frames()
    assert watched.heard.told == [trouble, "back"]
    assert watched.heard.gaps == [0.0]  # nothing was missed
    assert len(watched.heard.opened) == 1
    assert watched.thread.stop(10.0)


def test_what_is_known_is_not_replaced_by_a_guess(camera: ScriptedCamera) -> None:
    """A camera that others have can be opened on Linux, and then gives nothing: it is taken, not silent."""
    camera.fault = "taken"
    watched = Watched(camera)
    wait_for(lambda: watched.heard.told == ["taken"])
    camera.fault = "hanging"
    wait_for(lambda: camera.opened >= 2)  # given up, and opened again
    assert watched.heard.told == ["taken"]
    camera.fault = "none"
    watched.wait_for_frames()
    assert watched.heard.told == ["taken", "back"]
    assert watched.thread.stop(10.0)


def test_a_script_of_faults_goes_by() -> None:
    camera = ScriptedCamera([(0.2, "frozen"), (0.6, "none"), (0.8, "unplugged"), (1.1, "none")])
    watched = Watched(camera)
    wait_for(lambda: watched.heard.told.count("back") >= 2 and not camera.script)
    assert watched.heard.told.index("frozen") < watched.heard.told.index("absent")
    assert watched.thread.stop(10.0)
    assert camera.held == 0


def test_the_wait_before_another_opening_doubles_up_to_a_bound() -> None:
    waits = Patience(first=0.5, longest=8.0).waits()
    assert [next(waits) for _ in range(7)] == [0.5, 1.0, 2.0, 4.0, 8.0, 8.0, 8.0]


def test_the_wait_is_cut_short_by_asking(camera: ScriptedCamera) -> None:
    camera.fault = "unplugged"
    watched = Watched(camera, Patience(first=60.0, longest=60.0))
    wait_for(lambda: watched.heard.told == ["absent"])
    camera.fault = "none"
    watched.thread.retry()
    watched.wait_for_frames()
    assert watched.thread.stop(10.0)


def test_a_wait_does_not_hold_up_the_stop(camera: ScriptedCamera) -> None:
    camera.fault = "unplugged"
    watched = Watched(camera, Patience(first=60.0, longest=60.0))
    wait_for(lambda: watched.heard.told == ["absent"])
    assert watched.thread.stop(10.0)
    assert watched.closed


def test_a_change_of_size_is_no_trouble(camera: ScriptedCamera, watched: Watched) -> None:
    watched.wait_for_frames()
    camera.fault = "small"
    wait_for(lambda: watched.given[-1].image.shape == (24, 32, 3))
    assert camera.opened == 1


def test_sleep_of_the_machine_is_told_as_a_gap(camera: ScriptedCamera, watched: Watched) -> None:
    watched.wait_for_frames()
    camera.fault = "asleep"
    wait_for(lambda: watched.heard.gaps)
    assert watched.heard.gaps[0] == pytest.approx(SLEPT, abs=5.0)


def test_a_camera_taken_for_a_file_still_fails_for_good(tmp_path: Path) -> None:
    """What never was a camera is not tried for ever."""
    slot = Keeping()
    _, heard = run(lambda: open_source(str(tmp_path / "nothing.mp4")), slot, HASTY)
    wait_for(lambda: slot.closed)
    assert heard.told == []
    assert "no such file" in heard.failures[0]
