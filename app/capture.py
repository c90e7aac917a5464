"""Where frames come from: a camera, a video file or the demo clip.

A Source is read by one thread. In the app that is a CaptureThread (app/capture_thread.py), which keeps only
the newest frame (a late picture is worth nothing); a command reads the Source itself and misses no frame.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Generic, Protocol, Self, TypeVar

# FFmpeg and OpenCV write their complaints straight to stderr; ours are the lines to read.
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
# Media Foundation on Windows takes up to minutes to open a camera with hardware transforms on.
os.environ.setdefault("OPENCV_VIDEOIO_MSMF_ENABLE_HW_TRANSFORMS", "0")
# OpenCV's read() on Linux would wait ten seconds for a camera that gives nothing.
os.environ.setdefault("OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT", "2")

import cv2
import numpy as np
from numpy.typing import NDArray

from app.camera_trouble import CameraError
from app.containers import missing_bytes, shown_seconds
from app.errors import SourceError
from app.memory import Lender

__all__ = [
    "DEMO",
    "VIDEO_SUFFIXES",
    "CameraInfo",
    "CameraOpener",
    "Frame",
    "NewestSlot",
    "Source",
    "SourceError",
    "check_source",
    "list_cameras",
    "open_source",
    "steady_seconds",
]

log = logging.getLogger(__name__)
with contextlib.suppress(AttributeError):
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)

DEMO: Final = "demo"
DEMO_CLIP: Final = Path(__file__).resolve().parent.parent / "assets" / "demo.mp4"
VIDEO_SUFFIXES: Final = (".mp4", ".mov", ".m4v", ".avi", ".mkv", ".webm", ".mpg", ".mpeg", ".wmv", ".gif")
STILL_SUFFIXES: Final = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".heic")
# These carry an index of their frames, so that a missing end can be told from a long sound track.
INDEXED_SUFFIXES: Final = (".mp4", ".mov", ".m4v", ".avi")
LARGEST_PICTURE: Final = 40_000_000  # pixels; 8K has 33 million
CAMERA_SIZE: Final = (1280, 720)
CAMERA_PATIENCE: Final = 3.0  # seconds without a frame before a camera counts as lost

Image = NDArray[np.uint8]
T = TypeVar("T")


def steady_seconds() -> float:
    """The clock of live frames: it never goes back, whatever becomes of the date, and it goes on while the
    machine sleeps, so that an hour of sleep is an hour between two frames and not a moment."""
    if sys.platform == "win32":
        return time.perf_counter()
    # Only Linux's own CLOCK_MONOTONIC stands still in sleep.
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


@dataclass(frozen=True, kw_only=True, eq=False)
class Frame:
    """One image with its capture time.

    image: H x W x 3 uint8, BGR, upright.
    time: seconds; a camera's by `steady_seconds`, a file's from its own timestamps, from 0.
    index: 0, 1, 2, ... as read from the source.
    arrived: monotonic seconds at which the frame was handed out live, for showing the latency
        only; 0 when nobody asked.
    """

    image: Image
    time: float
    index: int
    arrived: float = 0.0


@dataclass(frozen=True, kw_only=True)
class CameraInfo:
    """A camera of this machine; index is what OpenCV opens it by."""

    index: int
    name: str


class Source(Protocol):
    """Where frames come from. width and height are those of the frames (after rotation)."""

    name: str
    width: int
    height: int
    fps: float
    frame_count: int | None  # as the file says it: a hint for progress, not a promise
    live: bool

    def read(self) -> Frame | None:
        """The next frame, or None at the end. Raises SourceError when the source breaks."""
        ...

    def close(self) -> None: ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class _Capture:
    """What both kinds of source share: an OpenCV capture, closed once."""

    def __init__(self, capture: cv2.VideoCapture) -> None:
        self._capture = capture
        self._index = 0
        self._lender = Lender()
        self._shape: tuple[int, ...] | None = None  # of the last picture, where the next may be as it

    def close(self) -> None:
        self._capture.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _grab(self) -> Image | None:
        """The next picture, if there is one, where an earlier one was that nobody looks at any more."""
        ok, raw = self._capture.read(None if self._shape is None else self._lender.lend(self._shape))
        if not ok or raw is None:
            return None
        self._shape = raw.shape if raw.dtype == np.uint8 else None
        return _as_bgr(raw)

    def _number(self, name: int) -> float:
        value = float(self._capture.get(name))
        return value if np.isfinite(value) and value > 0 else 0.0


class FileSource(_Capture):
    """A video file, every frame in order, upright by its rotation mark.

    Raises SourceError when path is missing, empty, a folder, a still image or no video, and from
    read() when the file stops before the end that its index promises.
    """

    live = False

    def __init__(self, path: Path, *, name: str | None = None) -> None:
        _check_file(path)
        super().__init__(cv2.VideoCapture(str(path), cv2.CAP_FFMPEG))
        self.path = path
        self.name = name or path.name
        self._capture.set(cv2.CAP_PROP_ORIENTATION_AUTO, 1)
        wide, tall = self._number(cv2.CAP_PROP_FRAME_WIDTH), self._number(cv2.CAP_PROP_FRAME_HEIGHT)
        if wide * tall > LARGEST_PICTURE:  # before a frame of it is asked for: a small file may say any size
            self.close()
            raise SourceError(
                "{path}: its picture is {wide:.0f} x {tall:.0f}, larger than 8K; make it smaller",
                path=path,
                wide=wide,
                tall=tall,
            )
        first = self._grab() if self._capture.isOpened() else None
        if first is None:
            self.close()
            raise SourceError(
                "{path}: not a video that can be read (damaged, cut short or another kind of file); "
                "play it in a video player to check, or convert it to MP4",
                path=path,
            )
        self._ahead: Image | None = first
        self._ahead_time = self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000.0
        self.height, self.width = first.shape[:2]
        rate = self._number(cv2.CAP_PROP_FPS)
        self.fps = rate if 0.5 <= rate <= 1000.0 else 30.0
        self.frame_count = int(min(self._number(cv2.CAP_PROP_FRAME_COUNT), 1e9)) or None
        self._start = self._ahead_time
        self._last = -1.0

    def read(self) -> Frame | None:
        image, stamp = self._ahead, self._ahead_time
        self._ahead = None
        if image is None:
            image = self._grab()
            if image is None:
                self._check_end()
                return None
            stamp = self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000.0
        seconds = stamp - self._start
        # Some containers carry no times or stand still for a frame; time must go on regardless.
        if not np.isfinite(seconds) or seconds <= self._last:
            seconds = self._last + 1.0 / self.fps if self._index else 0.0
        self._last = seconds
        frame = Frame(image=image, time=seconds, index=self._index)
        self._index += 1
        return frame

    def _check_end(self) -> None:
        """Raises SourceError when frames that the file's index lists are not there."""
        if self.frame_count is None or self.path.suffix.lower() not in INDEXED_SUFFIXES:
            return
        expected = self.frame_count
        if (seconds := shown_seconds(self.path)) is not None:  # trimmed: fewer frames are shown than held
            expected = min(expected, int(seconds * self.fps))
        missing = expected - self._index
        if missing > max(5, 0.05 * expected):
            raise SourceError(
                "{path}: breaks off after {index} of {expected} frames ({last:.1f} s); the file is "
                "cut short or damaged, copy or record it again",
                path=self.path,
                index=self._index,
                expected=expected,
                last=self._last,
            )


class CameraSource(_Capture):
    """A camera. Frames carry the time at which they came, by `steady_seconds`.

    Raises CameraError when the camera is absent or taken, and from read() when it gives no picture for a few
    seconds.
    """

    live = True

    def __init__(self, index: int, *, name: str | None = None, size: tuple[int, int] = CAMERA_SIZE) -> None:
        self.name = name or f"Camera {index}"
        self.index, self.listed = index, name is not None
        self.frame_count: int | None = None
        super().__init__(cv2.VideoCapture(index, _camera_api()))
        if not self._capture.isOpened():
            self.close()
            raise _no_camera(index, name)
        # Motion JPEG first: raw frames of this size come at 10 a second over USB 2.
        self._capture.set(cv2.CAP_PROP_FOURCC, float(cv2.VideoWriter.fourcc(*"MJPG")))
        self._capture.set(cv2.CAP_PROP_FRAME_WIDTH, size[0])
        self._capture.set(cv2.CAP_PROP_FRAME_HEIGHT, size[1])
        self._capture.set(cv2.CAP_PROP_FPS, 30)
        self._capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)
        self.width = int(self._number(cv2.CAP_PROP_FRAME_WIDTH))
        self.height = int(self._number(cv2.CAP_PROP_FRAME_HEIGHT))
        self.fps = self._number(cv2.CAP_PROP_FPS) or 30.0

    def read(self) -> Frame | None:
        asked = time.monotonic()
        while True:
            image = self._grab()
            if image is not None:
                break
            if (waited := time.monotonic() - asked) > CAMERA_PATIENCE:
                raise self._lost(waited)
            time.sleep(0.02)
        self.height, self.width = image.shape[:2]
        frame = Frame(image=image, time=steady_seconds(), index=self._index)
        self._index += 1
        return frame

    def _lost(self, waited: float) -> CameraError:
        if self.listed and self.index not in [camera.index for camera in list_cameras()]:
            return CameraError("{name}: is gone; plug it in again", "absent", name=self.name)
        if not self._index:  # a camera that another program has can be opened on Linux, but not read
            text = "{name}: opens and gives no picture; close other programs that use it"
            return CameraError(text, "taken", name=self.name)
        return CameraError(
            "{name}: no picture for {waited:.0f} s; check its cable", "silent", name=self.name, waited=waited
        )


def open_source(spec: str, *, size: tuple[int, int] = CAMERA_SIZE) -> Source:
    """Opens what spec names: a camera's number ("0") or name, a video file, or "demo".

    size: width and height asked of a camera; it gives the nearest that it has.

    Raises SourceError, one line with the mend.
    """
    found = _find(spec)
    if isinstance(found, CameraInfo):
        return CameraSource(found.index, name=found.name or None, size=size)
    return FileSource(found, name="Demo clip" if found == DEMO_CLIP else None)


class CameraOpener:
    """Opens what spec names, as often as asked (see `open_source`); a camera again by its name.

    Plugged in again, a camera may have another number, and its old number may by then be another camera's, by
    which nobody asked to be seen. size: None for the usual one. opening: in the place of `open_source`.
    Raises SourceError.
    """

    def __init__(
        self, spec: str, *, size: tuple[int, int] | None = None, opening: Callable[..., Source] = open_source
    ) -> None:
        self._spec, self._opening = spec, opening
        self._options = {} if size is None else {"size": size}
        self._name: str | None = None  # of the camera, once it was opened

    def __call__(self) -> Source:
        if self._name is None:
            source = self._opening(self._spec, **self._options)
            if isinstance(source, CameraSource) and source.listed:
                self._name = source.name
            return source
        index = next((camera.index for camera in list_cameras() if camera.name == self._name), None)
        if index is None:
            raise CameraError("{name}: is not there; plug it in again", "absent", name=self._name)
        return CameraSource(index, name=self._name, **self._options)


def check_source(spec: str) -> None:
    """Raises SourceError when spec names nothing, or a file that cannot be shown. Opens no camera."""
    found = _find(spec)
    if isinstance(found, Path):
        FileSource(found).close()


def _find(spec: str) -> CameraInfo | Path:
    """What spec names. A camera given by number need not be there (yet); its name is then empty."""
    text = str(spec).strip()
    if text.lower() == DEMO:
        if not DEMO_CLIP.is_file():
            raise SourceError(
                "{path}: the demo clip is missing; install Formcue again or give a video",
                path=DEMO_CLIP,
            )
        return DEMO_CLIP
    if text.isascii() and text.isdigit():
        number = int(text)
        named = [camera for camera in list_cameras() if camera.index == number]
        return named[0] if named else CameraInfo(index=number, name="")
    path = Path(text).expanduser()
    if text and _exists(path):
        return path
    cameras = list_cameras()
    wanted = text.casefold()
    found = [c for c in cameras if c.name.casefold() == wanted]
    found = found or [c for c in cameras if wanted and wanted in c.name.casefold()]
    if found:
        return found[0]
    raise _not_found(text, path, cameras)


def list_cameras() -> list[CameraInfo]:
    """The cameras of this machine, in OpenCV's order. Empty when there is none or none can be listed."""
    try:
        from cv2_enumerate_cameras import enumerate_cameras

        listed = [(int(found.index), str(found.name).strip()) for found in enumerate_cameras(_camera_api())]
    except Exception as error:  # a broken driver must not keep the app from opening a file
        log.warning("cameras cannot be listed: %s", error)
        return []
    cameras: list[CameraInfo] = []
    seen: dict[str, int] = {}
    for index, name in sorted(set(listed)):
        name = name or f"Camera {index}"
        seen[name] = seen.get(name, 0) + 1
        shown = name if seen[name] == 1 else f"{name} ({seen[name]})"
        cameras.append(CameraInfo(index=index, name=shown))
    return cameras


def _camera_api() -> int:
    if sys.platform == "win32":
        return int(cv2.CAP_DSHOW)  # Media Foundation can take minutes to open
    if sys.platform == "darwin":
        return int(cv2.CAP_AVFOUNDATION)
    return int(cv2.CAP_V4L2)


def _as_bgr(image: NDArray[Any]) -> Image:
    """H x W x 3 uint8 whatever the decoder gave: one channel, four, or deeper than 8 bit."""
    if image.dtype != np.uint8:
        image = cv2.normalize(image, np.empty_like(image), 0, 255, cv2.NORM_MINMAX, dtype=cv2.CV_8U)
    if image.ndim == 2 or image.shape[2] == 1:
        image = cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)
    elif image.shape[2] == 4:
        image = cv2.cvtColor(image, cv2.COLOR_BGRA2BGR)
    return image


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # a name too long, or with a null character
        return False


def _check_file(path: Path) -> None:
    """Raises SourceError for what is plainly no video, in words that say what it is."""
    if path.is_dir():
        raise SourceError("{path}: is a folder; give one video file in it", path=path)
    if path.suffix.lower() in STILL_SUFFIXES:
        raise SourceError("{path}: is a still image; give a video, or use `estimate` for images", path=path)
    try:
        if path.stat().st_size == 0:
            raise SourceError("{path}: is empty (0 bytes); copy or record it again", path=path)
        with path.open("rb") as file:
            head = file.read(512)
    except OSError as error:
        reason = error.strerror or error
        raise SourceError(
            "{path}: cannot be read ({reason}); check its permissions", path=path, reason=reason
        ) from error
    # FFmpeg would happily render a text file as a film of a terminal. No video lacks a zero byte.
    if b"\0" not in head:
        raise SourceError("{path}: is a text file, not a video; give a video file such as MP4", path=path)
    if missing := missing_bytes(path):
        raise SourceError(
            "{path}: is cut short, {missing} bytes of its end are missing; copy or record it again",
            path=path,
            missing=missing,
        )


def _no_camera(index: int, name: str | None) -> CameraError:
    """Why camera number index could not be opened. name: as the machine lists it; None: it does not."""
    if name is not None:
        return CameraError(
            "{name}: cannot be opened; close other programs that use it and allow camera access "
            "in the system's privacy settings",
            "taken",
            name=name,
        )
    listed = ", ".join(f"{camera.index} = {camera.name}" for camera in list_cameras())
    if listed:
        return CameraError(
            "camera {index}: there is none; this machine has {listed}", "absent", index=index, listed=listed
        )
    text = "camera {index}: no camera was found; plug one in, or use a video file or `--source {demo}`"
    return CameraError(text, "absent", index=index, demo=DEMO)


def _not_found(text: str, path: Path, cameras: list[CameraInfo]) -> SourceError:
    if path.suffix or os.sep in text or "/" in text:
        folder = path.parent
        try:
            beside = [entry.name for entry in folder.iterdir()] if folder.is_dir() else []
        except OSError:
            beside = []
        nearest = get_close_matches(path.name, beside, n=1)
        if not nearest:
            return SourceError("{name}: no such file; check the path", name=text)
        return SourceError(
            "{name}: no such file; did you mean {other}?", name=text, other=folder / nearest[0]
        )
    known = [camera.name for camera in cameras] + [DEMO]
    nearest = get_close_matches(text, known, n=1)
    if nearest:
        wrong = "{name!r}: neither a file nor a camera; did you mean {other!r}?"
        return SourceError(wrong, name=text, other=nearest[0])
    wrong = "{name!r}: neither a file nor a camera; known: {known}, or a camera's number"
    return SourceError(wrong, name=text, known=", ".join(known))


class NewestSlot(Generic[T]):
    """Holds one item, the newest; whoever comes late finds only that. Safe between threads."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._item: T | None = None
        self._closed = False

    def put(self, item: T) -> None:
        """Leaves item for the taker, in the place of one not taken yet. After close() nothing is kept."""
        with self._condition:
            if not self._closed:
                self._item = item
                self._condition.notify()

    def take(self, timeout: float | None = 0.0) -> T | None:
        """The newest item, once; waits up to timeout seconds (None: for ever). None: none came, or closed."""
        with self._condition:
            if self._item is None and not self._closed and timeout != 0.0:
                self._condition.wait_for(lambda: self._item is not None or self._closed, timeout)
            item, self._item = self._item, None
            return item

    def close(self) -> None:
        """Wakes the taker. An item that waits can still be taken."""
        with self._condition:
            self._closed = True
            self._condition.notify_all()

    @property
    def waiting(self) -> bool:
        """Whether an item is there that was not taken yet."""
        with self._condition:
            return self._item is not None

    @property
    def closed(self) -> bool:
        """True when closed and empty: nothing will come any more."""
        with self._condition:
            return self._closed and self._item is None
