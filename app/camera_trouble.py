"""What goes wrong with cameras, and how long each is borne. Needs numpy only; reads no clock.

A camera that stops giving pictures is rarely an error: its cable was touched, the machine slept, another
program took it. So its troubles have names, that the window has words for, and they pass: the capture thread
opens the camera again until the picture is back.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from app.errors import SourceError

# absent: not plugged in. taken: there, but another program or the system keeps it. slow: still being opened.
# silent: gave pictures and stopped. frozen: the same picture again and again. black: nothing but black.
Trouble = Literal["absent", "taken", "slow", "silent", "frozen", "black"]

BLACK: Final = 8.0  # mean brightness, 0..255, of a covered lens with its noise
NOT_BLACK: Final = 12.0  # from which there is something to see again: no flicker between the two
_STEP: Final = 16  # every so many pixels are looked at, both ways


class CameraError(SourceError):
    """A camera cannot be opened, or stopped giving pictures; it may well do so again."""

    def __init__(self, text: str, trouble: Trouble, /, **values: object) -> None:
        super().__init__(text, **values)
        self.trouble: Final = trouble


@dataclass(frozen=True, kw_only=True)
class Patience:
    """Seconds after which something is done about a camera.

    silent, frozen, black, slow: until that trouble is spoken of. give_up: from there until the camera is
    closed and opened again. opening: until an opening that does not end is left to itself. first, longest:
    wait before the camera is opened again, doubled each time in vain. settled: pictures for so long end the
    doubling. skip: frames further apart are told of as a stretch without a picture.
    """

    silent: float = 2.0
    frozen: float = 2.0
    black: float = 2.0
    slow: float = 3.0
    give_up: float = 8.0
    opening: float = 90.0
    first: float = 0.5
    longest: float = 8.0
    settled: float = 20.0
    skip: float = 4.0

    def waits(self) -> Iterator[float]:
        """How long to wait before each new opening: first, twice that, ... longest, longest, ..."""
        wait = self.first
        while True:
            yield wait
            wait = min(2.0 * wait, self.longest)


class PictureWatch:
    """Whether a camera's pictures are alive. A live sensor always has some noise: it never repeats itself."""

    def __init__(self, patience: Patience) -> None:
        self._patience = patience
        self._print: int | None = None
        self._changed = 0.0
        self._dark_since: float | None = None

    def step(self, image: NDArray[np.uint8], now: float) -> Trouble | None:
        """What is wrong with the pictures so far. image: H x W x 3; now: seconds, never going back."""
        seen = image[::_STEP, ::_STEP]
        fingerprint = hash((image.shape, seen.tobytes()))
        if fingerprint != self._print:
            self._print, self._changed = fingerprint, now
        brightness = float(seen.mean())
        if brightness < (BLACK if self._dark_since is None else NOT_BLACK):
            if self._dark_since is None:
                self._dark_since = now
            if now - self._dark_since > self._patience.black:
                return "black"
        else:
            self._dark_since = None
        return "frozen" if now - self._changed > self._patience.frozen else None
