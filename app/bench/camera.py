"""A clip in the place of a camera: live, for ever, at a steady rate or as fast as its frames are fetched."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from app.capture import Frame, Source, open_source

RATE: Final = 30.0  # frames a second, as most cameras give
_LOOK_EVERY: Final = 0.001  # seconds
_LONGEST_WAIT: Final = 0.5  # seconds; somebody who wants no pictures just now gets the newest later, as ever


class HurriedClock:
    """Time that passes with the frames of all cameras that go by it.

    seconds: of all of them. fetched: says whether the last frame was; asked before the next one is given.
    """

    def __init__(self) -> None:
        self.seconds = 0.0
        self.fetched: Callable[[], bool] = lambda: True


class ClipCamera:
    """Plays clips one after the other, over and over, one frame of theirs for each frame of a camera.

    clock None: RATE frames a second, with times of the monotonic clock, as a camera's are. Else a frame comes
    as soon as the one before was fetched, 1 / RATE seconds later than it by that clock.

    Raises SourceError when a clip cannot be read.
    """

    live = True
    frame_count: int | None = None
    fps = RATE

    def __init__(self, clips: Sequence[Path], clock: HurriedClock | None = None) -> None:
        self.name = "Camera"
        self._clips, self._clock = tuple(clips), clock
        self._played = 0
        self._index = 0
        self._clip: Source = open_source(str(self._clips[0]))
        self.width, self.height = self._clip.width, self._clip.height
        self._opened = time.monotonic()

    def read(self) -> Frame:
        """The next frame, when it is due."""
        frame = self._next_frame()
        if self._clock is None:
            time.sleep(max(0.0, self._opened + self._index / RATE - time.monotonic()))
            moment = time.monotonic()
        else:
            until = time.monotonic() + _LONGEST_WAIT
            while not self._clock.fetched() and time.monotonic() < until:
                time.sleep(_LOOK_EVERY)
            self._clock.seconds += 1.0 / RATE
            moment = self._clock.seconds
        frame = replace(frame, time=moment, index=self._index)
        self.height, self.width = frame.image.shape[:2]
        self._index += 1
        return frame

    def _next_frame(self) -> Frame:
        while (frame := self._clip.read()) is None:
            self._clip.close()
            self._played += 1
            self._clip = open_source(str(self._clips[self._played % len(self._clips)]))
        return frame

    def close(self) -> None:
        self._clip.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def camera_of(clips: Sequence[Path], clock: HurriedClock | None = None) -> Callable[..., Source]:
    """What takes the place of app.capture.open_source; what it is asked for does not matter."""

    def open_camera(spec: str, **asked: Any) -> Source:
        return ClipCamera(clips, clock)

    return open_camera
