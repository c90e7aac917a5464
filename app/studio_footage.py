"""What the rule studio works on: the poses of a recording or of a video, measured once. Needs no Qt.

A video is estimated in full, every frame of it, as `analyze` does. Its poses are kept in the cache folder,
so that the same clip is there at once the next time; its pictures stay in memory, packed, for as long as
the studio shows them.
"""

from __future__ import annotations

import hashlib
import os
import threading
from bisect import bisect_right
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from platformdirs import user_cache_dir

from app.capture import DEMO, DEMO_CLIP, Frame, Image, open_source
from app.errors import FormcueError, UsageError
from app.parameters import Measurement, Measurer
from app.pipeline import PoseEstimator
from app.recording import RecordedFrame, Recording, is_recording, load_recording, save_recording
from app.settings import HOME
from app.skeleton import Pose
from app.weights import WeightsError, read_catalogue

# Pictures are kept at this height at most, and so many bytes of them: then only every second one, and so on.
PICTURE_HEIGHT: Final = 400
PICTURE_BYTES: Final = 192 * 1024 * 1024
JPEG_QUALITY: Final = 82
KEPT_RECORDINGS: Final = 40

# Builds the estimator and says what its model is; see app.commands.load_estimator.
MakeEstimator = Callable[[], tuple[PoseEstimator, Mapping[str, Any]]]


@dataclass(frozen=True, kw_only=True, eq=False)
class Track:
    """A recording with what was measured on it, frame by frame; there is at least one."""

    recording: Recording
    times: tuple[float, ...]
    measurements: tuple[Measurement | None, ...]

    @property
    def start(self) -> float:
        return self.times[0]

    @property
    def end(self) -> float:
        return self.times[-1]

    def index_at(self, time: float) -> int:
        """The last frame at that time or before; the first one before the beginning."""
        return max(0, bisect_right(self.times, time) - 1)

    def values(self, parameter: str) -> np.ndarray:
        """The parameter in every frame, nan where it was not measured."""
        if parameter not in self._values:
            self._values[parameter] = np.array(
                [np.nan if m is None else m.values.get(parameter, np.nan) for m in self.measurements]
            )
        return self._values[parameter]

    @cached_property
    def _values(self) -> dict[str, np.ndarray]:
        return {}


def measure(recording: Recording) -> Track:
    """Measures every frame. Raises UsageError when there is none."""
    if not recording.frames:
        raise UsageError("{path}: holds no frames; record it again", path=recording.source)
    measurer = Measurer()
    return Track(
        recording=recording,
        times=tuple(frame.time for frame in recording.frames),
        measurements=tuple(measurer.step(frame.pose, frame.time) for frame in recording.frames),
    )


class Pictures:
    """The frames of a clip, packed as JPEG; filled by one thread while another looks at them."""

    def __init__(self) -> None:
        self._packed: dict[int, bytes] = {}
        self._every = 1
        self._bytes = 0
        self._lock = threading.Lock()

    def add(self, index: int, image: Image) -> None:
        """Keeps the picture, unless the memory set aside allows only every n-th."""
        if index % self._every:
            return
        height, width = image.shape[:2]
        if height > PICTURE_HEIGHT:
            size = max(1, round(width * PICTURE_HEIGHT / height)), PICTURE_HEIGHT
            image = cv2.resize(image, size, interpolation=cv2.INTER_AREA).astype(np.uint8)
        ok, packed = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
        if not ok:
            return
        with self._lock:
            self._packed[index] = packed.tobytes()
            self._bytes += len(self._packed[index])
            if self._bytes > PICTURE_BYTES:
                self._every *= 2
                self._packed = {i: data for i, data in self._packed.items() if i % self._every == 0}
                self._bytes = sum(map(len, self._packed.values()))

    def at(self, index: int) -> Image | None:
        """The picture of that frame, or of the last kept one before it; None when there is none."""
        with self._lock:
            packed = self._packed.get(index - index % self._every)
        if packed is None:
            return None
        image = cv2.imdecode(np.frombuffer(packed, np.uint8), cv2.IMREAD_COLOR)
        return None if image is None else image.astype(np.uint8)


@dataclass(frozen=True, kw_only=True, eq=False)
class Footage:
    """path: the recording or the clip. pictures: None when there are none (a recording)."""

    path: Path
    track: Track
    pictures: Pictures | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Loading:
    """How far the estimating is: share 0..1, and the frame that was looked at last with its pose."""

    share: float
    frame: Frame | None = None
    pose: Pose | None = None


class FootageLoader:
    """Loads one recording or video; to be run in a thread of its own.

    make_estimator: called only when a video is new. loading: hears how far it is. loaded: hears once of
    the footage; a clip known from the cache goes on filling its pictures after that.
    """

    def __init__(
        self,
        path: Path | str,
        make_estimator: MakeEstimator,
        *,
        loading: Callable[[Loading], None],
        loaded: Callable[[Footage], None],
        cache: Path | None = None,
    ) -> None:
        self.path = DEMO_CLIP if str(path) == DEMO else Path(path)
        self._make_estimator = make_estimator
        self._loading, self._loaded = loading, loaded
        self._cache = cache or cache_folder()
        self._stop = threading.Event()

    def stop(self) -> None:
        """Asks the loading to end early; then nothing more is heard of it."""
        self._stop.set()

    def run(self) -> None:
        """Raises FormcueError when the file cannot be used, or the network cannot run."""
        if is_recording(self.path):
            self._give(Footage(path=self.path, track=measure(load_recording(self.path))))
            return
        pictures = Pictures()
        kept = self._place()
        if kept is not None and kept.is_file():
            with suppress(FormcueError):  # a damaged file of the cache is estimated anew
                self._give(Footage(path=self.path, track=measure(load_recording(kept)), pictures=pictures))
                self._fill(pictures)
                return
        recording = self._estimate(pictures)
        if recording is not None:
            self._keep(recording, kept)
            self._give(Footage(path=self.path, track=measure(recording), pictures=pictures))

    def _give(self, footage: Footage) -> None:
        if not self._stop.is_set():
            self._loaded(footage)

    def _fill(self, pictures: Pictures) -> None:
        with open_source(str(self.path)) as source:
            while not self._stop.is_set() and (frame := source.read()) is not None:
                pictures.add(frame.index, frame.image)

    def _estimate(self, pictures: Pictures) -> Recording | None:
        """Every frame of the video; None when it was stopped."""
        with open_source(str(self.path)) as source:
            if source.live:
                raise UsageError(
                    "{path}: is a camera; the studio takes a video or a recorded pose file", path=self.path
                )
            self._loading(Loading(share=0.0))
            estimator, model = self._make_estimator()
            frames: list[RecordedFrame] = []
            while (frame := source.read()) is not None:
                if self._stop.is_set():
                    return None
                pose = estimator.estimate(frame)
                time = max(frame.time, frames[-1].time) if frames else frame.time
                frames.append(RecordedFrame(time=time, pose=pose))
                pictures.add(frame.index, frame.image)
                share = min(1.0, len(frames) / source.frame_count) if source.frame_count else 0.5
                self._loading(Loading(share=share, frame=frame, pose=pose))
            seen_by = {key: str(model[key]) for key in ("name", "sha256")}
            return Recording(
                source=self.path.name,
                width=source.width,
                height=source.height,
                fps=source.fps,
                frames=tuple(frames),
                model=seen_by,
            )

    def _place(self) -> Path | None:
        """Where this clip's poses are kept: the clip's place, size and time and the networks name it."""
        try:
            found = self.path.stat()
            networks = "|".join(entry.sha256 for entry in read_catalogue())
        except (OSError, WeightsError):
            return None
        key = f"{self.path.resolve()}|{found.st_size}|{found.st_mtime_ns}|{networks}"
        return self._cache / f"{hashlib.sha256(key.encode()).hexdigest()[:24]}.poses.gz"

    def _keep(self, recording: Recording, place: Path | None) -> None:
        """Writes the poses to the cache; the studio works as well without."""
        if place is None:
            return
        with suppress(FormcueError, OSError):
            self._cache.mkdir(parents=True, exist_ok=True)
            save_recording(place, recording)
            by_age = sorted(self._cache.glob("*.poses.gz"), key=lambda path: path.stat().st_mtime)
            for old in by_age[:-KEPT_RECORDINGS]:
                old.unlink()


def cache_folder() -> Path:
    """Where poses of clips are kept; FORMCUE_HOME moves it with everything else of the user's."""
    home = os.environ.get(HOME)
    return (Path(home) / "cache" if home else Path(user_cache_dir("formcue", appauthor=False))) / "poses"
