"""A camera that fails as it is told to: a Source with faults, for the tests."""

from __future__ import annotations

import time
from collections.abc import Sequence
from types import TracebackType
from typing import Literal, Self

import numpy as np

from app.camera_trouble import CameraError, Patience
from app.capture import Frame, steady_seconds

# unplugged: gone, and not to be opened. taken: another program has it, also against opening. slow: opening
# does not end. hanging: read() does not return, as a driver's may. silent: read() gives up. frozen: the same
# picture again and again. black: a covered lens. small: another size. broken: the driver raises what nobody
# expects. asleep: the machine sleeps: nothing moves, but the frames' clock.
Fault = Literal[
    "none", "unplugged", "taken", "slow", "hanging", "silent", "frozen", "black", "small", "broken", "asleep"
]
# As the app's, in a hurry.
HASTY = Patience(
    silent=0.12,
    frozen=0.12,
    black=0.12,
    slow=0.12,
    give_up=0.15,
    opening=5.0,
    first=0.02,
    longest=0.1,
    skip=1.5,
)
SLEPT = 3 * 3600.0  # seconds


class ScriptedCamera:
    """What opens it: `camera = ScriptedCamera([(0.5, "unplugged"), (0.8, "none")])`, then `camera()`.

    script: (seconds since the first opening, fault from then on). Setting `fault` by hand does the same.
    speed: how much faster than real its frames' clock goes; rate: frames a second of that clock. opened: how
    often it was; held: how many of its sources have not been closed.
    """

    def __init__(
        self, script: Sequence[tuple[float, Fault]] = (), *, speed: float = 1.0, rate: float = 60.0
    ) -> None:
        self.script = list(script)
        self.speed, self.rate = speed, rate
        self.opened = self.held = 0
        self.slept = 0.0  # seconds that the machine has slept
        self.images = np.random.default_rng(3).integers(100, 200, (16, 48, 64, 3), np.uint8)
        self._fault: Fault = "none"
        self._begun: float | None = None

    @property
    def fault(self) -> Fault:
        if self._begun is not None:
            while self.script and self.script[0][0] <= time.monotonic() - self._begun:
                self.fault = self.script.pop(0)[1]
        return self._fault

    @fault.setter
    def fault(self, fault: Fault) -> None:
        if fault == "asleep":
            self.slept += SLEPT
        self._fault = "none" if fault == "asleep" else fault

    def __call__(self, spec: str = "0", *, size: tuple[int, int] = (64, 48)) -> ScriptedSource:
        """Opens it, as `open_source` would."""
        if self._begun is None:
            self._begun = time.monotonic()
        while self.fault == "slow":
            time.sleep(0.005)
        if self.fault == "unplugged":
            raise CameraError("Scripted camera: is not there; plug it in again", "absent")
        if self.fault == "taken":
            raise CameraError("Scripted camera: cannot be opened; close other programs", "taken")
        self.opened += 1
        self.held += 1
        return ScriptedSource(self)


class ScriptedSource:
    """One opening of it."""

    name = "Scripted camera"
    live = True
    frame_count: int | None = None

    def __init__(self, camera: ScriptedCamera) -> None:
        self._camera = camera
        self.height, self.width = camera.images.shape[1:3]
        self.fps = camera.rate
        self._index = 0
        self._due = time.monotonic()

    def read(self) -> Frame | None:
        camera = self._camera
        self._due = max(self._due + 1.0 / (camera.rate * camera.speed), time.monotonic() - 0.05)
        time.sleep(max(0.0, self._due - time.monotonic()))
        while camera.fault == "hanging":
            time.sleep(0.005)
        if camera.fault in ("unplugged", "taken", "silent"):
            raise CameraError("Scripted camera: no picture; check its cable", "silent")
        if camera.fault == "broken":
            raise OSError(5, "the bus was reset")
        self._index += 1
        return Frame(
            image=self._image(camera.fault),
            time=steady_seconds() * camera.speed + camera.slept,
            index=self._index - 1,
        )

    def _image(self, fault: Fault) -> np.ndarray:
        image = self._camera.images[0 if fault == "frozen" else self._index % len(self._camera.images)]
        if fault == "black":
            return image // 50  # a covered sensor still has its noise
        return np.ascontiguousarray(image[::2, ::2]) if fault == "small" else image

    def close(self) -> None:
        self._camera.held -= 1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
