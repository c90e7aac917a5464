from __future__ import annotations

import shutil
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

import app.capture as capture
from app.camera_trouble import CameraError
from app.capture import (
    CameraInfo,
    CameraOpener,
    Frame,
    NewestSlot,
    Source,
    SourceError,
    check_source,
    list_cameras,
    open_source,
)

COUNT = 20


def write_video(path: Path, *, count: int = COUNT, fps: float = 10.0) -> Path:
    """A small video; frame i is a grey of 10 + 10 i, with its left half darker."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), fps, (64, 48))
    assert writer.isOpened()
    for i in range(count):
        image = np.full((48, 64, 3), 10 + 10 * i, np.uint8)
        image[:, :32] //= 2
        writer.write(image)
    writer.release()
    return path


@pytest.fixture
def video(tmp_path: Path) -> Path:
    return write_video(tmp_path / "squat.mp4")


def all_frames(source: Source) -> list[Frame]:
    frames = []
    while (frame := source.read()) is not None:
        frames.append(frame)
    return frames


def test_a_file_gives_every_frame_with_the_files_own_times(video: Path) -> None:
    with open_source(str(video)) as source:
        assert (source.width, source.height, source.live) == (64, 48, False)
        assert source.frame_count == COUNT
        assert source.fps == pytest.approx(10.0)
        frames = all_frames(source)
        assert source.read() is None  # the end stays the end
    assert [frame.index for frame in frames] == list(range(COUNT))
    assert [frame.time for frame in frames] == pytest.approx([0.1 * i for i in range(COUNT)], abs=1e-3)
    brightness = [float(frame.image[:, 40:].mean()) for frame in frames]
    assert brightness == sorted(brightness)
    assert frames[0].image.shape == (48, 64, 3)
    assert frames[0].image.dtype == np.uint8


def test_frames_that_are_held_stay_as_they_are(video: Path) -> None:
    """Those that nobody holds make room for the ones that come."""
    with open_source(str(video)) as source:
        held = [frame.image for frame in (source.read() for _ in range(3)) if frame is not None]
        places = set()
        while (frame := source.read()) is not None:
            places.add(frame.image.ctypes.data)
    assert len(places) <= 2  # the one in hand, and the one that is read meanwhile
    assert not places & {image.ctypes.data for image in held}
    shades = [int(image[24, 48, 0]) for image in held]
    assert shades == pytest.approx([10, 20, 30], abs=4)


@pytest.mark.parametrize(
    ("turned", "matrix", "dark"),
    [  # clockwise; the first four numbers of the track's matrix; where the dark left half is then
        (90, (0, 1, -1, 0), "upper"),
        (180, (-1, 0, 0, -1), "right"),
        (270, (0, -1, 1, 0), "lower"),
    ],
)
def test_the_rotation_mark_is_honoured(video: Path, turned: int, matrix: tuple[int, ...], dark: str) -> None:
    """A phone records as its sensor lies, and notes how it was held."""
    a, b, c, d = (value * 65536 for value in matrix)
    x, y = (64 if -1 in matrix[0::2] else 0), (48 if -1 in matrix[1::2] else 0)
    x, y = (48 if turned == 90 else x), (64 if turned == 270 else y)
    data = bytearray(video.read_bytes())
    at = data.index(b"tkhd") + 4 + 40  # after the name: 40 bytes, then the matrix
    data[at : at + 36] = b"".join(
        value.to_bytes(4, "big", signed=True) for value in (a, b, 0, c, d, 0, x << 16, y << 16, 1 << 30)
    )
    video.write_bytes(bytes(data))
    with open_source(str(video)) as source:
        size = (64, 48) if turned == 180 else (48, 64)
        assert (source.width, source.height) == size
        frames = all_frames(source)
    assert len(frames) == COUNT
    image = frames[-1].image
    assert image.shape == (size[1], size[0], 3)
    halves = {
        "upper": image[: size[1] // 2],
        "lower": image[size[1] // 2 :],
        "right": image[:, size[0] // 2 :],
    }
    assert halves[dark].mean() < 0.8 * image.mean()


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="needs the program ffmpeg to make the file")
@pytest.mark.parametrize("name", ["uneven.mp4", "uneven.mkv", "uneven.webm"])
def test_a_variable_rate_keeps_its_own_times(tmp_path: Path, name: str) -> None:
    """Thirty frames a second for a third of one, then five a second: as a phone does when it gets dark."""
    path = tmp_path / name
    times = "(if(lt(N,10),N/30,10/30+(N-10)/5)+0.001)/TB"  # rounded down by ffmpeg
    command = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=64x48:rate=30", "-frames:v", "20"]
    subprocess.run([*command, "-vf", f"setpts='{times}'", "-fps_mode", "vfr", str(path)], check=True)
    expected = [i / 30 for i in range(10)] + [10 / 30 + i / 5 for i in range(10)]
    with open_source(str(path)) as source:
        frames = all_frames(source)
    assert [frame.time for frame in frames] == pytest.approx(expected, abs=2e-3)


def as_missing(folder: Path) -> Path:
    return folder / "nothing.mp4"


def as_empty(folder: Path) -> Path:
    (folder / "empty.mp4").touch()
    return folder / "empty.mp4"


def as_text(folder: Path) -> Path:
    (folder / "notes.txt").write_text("three sets of ten\n" * 200, encoding="utf-8")
    return folder / "notes.txt"


def as_text_named_video(folder: Path) -> Path:
    return as_text(folder).rename(folder / "notes.mp4")


def as_noise(folder: Path) -> Path:
    noise = np.random.default_rng(1).integers(0, 256, 5000, dtype=np.uint8)
    (folder / "noise.mp4").write_bytes(b"\0" + noise.tobytes())
    return folder / "noise.mp4"


def as_still(folder: Path) -> Path:
    cv2.imwrite(str(folder / "photo.jpg"), np.zeros((20, 20, 3), np.uint8))
    return folder / "photo.jpg"


def as_half(folder: Path) -> Path:
    whole = write_video(folder / "half.mp4").read_bytes()
    (folder / "half.mp4").write_bytes(whole[: len(whole) // 2])
    return folder / "half.mp4"


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (as_missing, "no such file"),
        (as_empty, "is empty"),
        (as_text, "text file"),
        (as_text_named_video, "text file"),
        (as_noise, "not a video"),
        (as_still, "still image"),
        (as_half, ""),
        (lambda folder: folder, "is a folder"),
    ],
)
def test_what_is_no_video_is_refused_in_one_line(
    tmp_path: Path, make: Callable[[Path], Path], words: str, capfd: pytest.CaptureFixture[str]
) -> None:
    path = make(tmp_path)
    with pytest.raises(SourceError) as caught:
        check_source(str(path))
    text = str(caught.value)
    assert str(path) in text
    assert words in text
    assert "\n" not in text
    assert caught.value.exit_code == 2
    assert capfd.readouterr().err == ""  # neither OpenCV nor FFmpeg adds lines of its own


def test_a_mistyped_file_is_offered(video: Path) -> None:
    with pytest.raises(SourceError, match=r"did you mean .*squat\.mp4"):
        open_source(str(video.with_name("sqaut.mp4")))


def test_a_number_without_a_camera_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capture, "list_cameras", list)
    with pytest.raises(SourceError, match=r"camera 97: .*--source demo"):
        open_source("97")
    check_source("97")  # it may still be plugged in


def test_an_unknown_name_lists_the_cameras(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capture, "list_cameras", lambda: [CameraInfo(index=2, name="Built-in Camera")])
    with pytest.raises(SourceError, match="did you mean 'Built-in Camera'"):
        open_source("built-on camera")
    with pytest.raises(SourceError, match="known: Built-in Camera, demo"):
        open_source("xyz")


class FakeCamera:
    """OpenCV's capture of a camera: what its frames are is given as a list; then they fail."""

    def __init__(self, frames: list[np.ndarray]) -> None:
        self.frames = frames
        self.released = False

    def isOpened(self) -> bool:  # noqa: N802
        return True

    def set(self, *_: float) -> bool:
        return True

    def get(self, _: int) -> float:
        return 0.0

    def read(self, _room: np.ndarray | None = None) -> tuple[bool, np.ndarray | None]:
        return (True, self.frames.pop(0)) if self.frames else (False, None)

    def release(self) -> None:
        self.released = True


@pytest.fixture
def camera(monkeypatch: pytest.MonkeyPatch) -> FakeCamera:
    fake = FakeCamera([np.full((8, 10, 3), value, np.uint8) for value in (1, 2, 3)])
    monkeypatch.setattr(capture.cv2, "VideoCapture", lambda *_: fake)
    monkeypatch.setattr(capture, "list_cameras", lambda: [CameraInfo(index=4, name="USB Camera")])
    return fake


def test_a_camera_is_found_by_number_and_by_part_of_its_name(camera: FakeCamera) -> None:
    for spec in ("4", "usb"):
        with open_source(spec) as source:
            assert (source.name, source.live, source.frame_count) == ("USB Camera", True, None)
    assert camera.released


def test_a_camera_that_stops_is_reported(camera: FakeCamera, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capture, "CAMERA_PATIENCE", 0.05)
    with open_source("4") as source:
        times = [frame.time for frame in (source.read() for _ in range(3)) if frame is not None]
        assert len(times) == 3
        assert times == sorted(times)
        with pytest.raises(CameraError, match="USB Camera: no picture") as caught:
            source.read()
        assert caught.value.trouble == "silent"
        monkeypatch.setattr(capture, "list_cameras", list)
        with pytest.raises(CameraError, match="plug it in again") as caught:
            source.read()
        assert caught.value.trouble == "absent"


def test_a_camera_that_opens_and_gives_nothing_is_in_other_hands(
    camera: FakeCamera, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(capture, "CAMERA_PATIENCE", 0.05)
    camera.frames = []
    with open_source("4") as source, pytest.raises(CameraError, match="close other programs") as caught:
        source.read()
    assert caught.value.trouble == "taken"


def test_a_camera_plugged_in_again_is_known_by_its_name(
    camera: FakeCamera, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And not by its number, which may by then be another camera's."""
    numbers: list[int] = []

    def opened(index: int, api: int) -> FakeCamera:
        numbers.append(index)
        return camera

    monkeypatch.setattr(capture.cv2, "VideoCapture", opened)
    opener = CameraOpener("4")
    opener().close()
    other = CameraInfo(index=4, name="Built-in Camera")
    monkeypatch.setattr(capture, "list_cameras", lambda: [other])
    with pytest.raises(CameraError, match="USB Camera: is not there") as caught:
        opener()
    assert caught.value.trouble == "absent"
    monkeypatch.setattr(capture, "list_cameras", lambda: [other, CameraInfo(index=6, name="USB Camera")])
    assert opener().name == "USB Camera"
    assert numbers == [4, 6]


def test_the_frames_clock_is_not_the_date(camera: FakeCamera, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody sets the clock back by a day between two frames."""
    with open_source("4") as source:
        times = []
        for day in (0, -1, +2):
            monkeypatch.setattr(time, "time", lambda day=day: 1.7e9 + 86_400 * day)
            frame = source.read()
            assert frame is not None
            times.append(frame.time)
    assert 0 <= times[2] - times[0] < 60
    assert times == sorted(times)


def test_cameras_of_the_same_name_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    import cv2_enumerate_cameras

    class Found:
        def __init__(self, index: int, name: str) -> None:
            self.index, self.name = index, name

    found = [Found(2, "HD Camera"), Found(0, "HD Camera"), Found(1, "")]
    monkeypatch.setattr(cv2_enumerate_cameras, "enumerate_cameras", lambda *_: found)
    assert list_cameras() == [
        CameraInfo(index=0, name="HD Camera"),
        CameraInfo(index=1, name="Camera 1"),
        CameraInfo(index=2, name="HD Camera (2)"),
    ]


def test_a_driver_that_cannot_list_cameras_does_no_harm(monkeypatch: pytest.MonkeyPatch) -> None:
    import cv2_enumerate_cameras

    def broken(*_: int) -> list[object]:
        raise OSError("driver")

    monkeypatch.setattr(cv2_enumerate_cameras, "enumerate_cameras", broken)
    assert list_cameras() == []


def wait_for(condition: Callable[[], object], seconds: float = 10.0) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.005)


def test_the_newest_slot_keeps_one_item() -> None:
    slot: NewestSlot[int] = NewestSlot()
    assert slot.take() is None
    slot.put(1)
    slot.put(2)
    assert slot.take() == 2
    assert slot.take(0.001) is None
    slot.put(3)
    slot.close()
    slot.put(4)
    assert not slot.closed  # what was there before can still be taken
    assert slot.take() == 3
    assert slot.closed
    assert slot.take(None) is None  # does not wait for what cannot come


def test_a_waiting_taker_is_woken() -> None:
    slot: NewestSlot[str] = NewestSlot()
    taken: list[str | None] = []

    def take_two() -> None:
        taken.append(slot.take(10.0))
        taken.append(slot.take(None))

    taker = threading.Thread(target=take_two, daemon=True)
    taker.start()
    slot.put("frame")
    wait_for(lambda: taken)
    slot.close()
    taker.join(5.0)
    assert taken == ["frame", None]
