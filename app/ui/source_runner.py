"""One source at a time for the window: starts, replaces and stops capture threads, speaks in signals."""

from __future__ import annotations

import threading
import time
from functools import partial

from PySide6.QtCore import QObject, Signal

from app.capture import CameraInfo, CaptureThread, Frame, NewestSlot, Source, list_cameras, open_source
from app.ui.fitting import Fit, FittingSlot


class SourceRunner(QObject):
    """Every start is a new session with a number; what an older one still says is ignored.

    opened(Source), failed(one line), ended() speak of the session under way; cameras_listed(list of
    CameraInfo) answers look_for_cameras().
    """

    opened = Signal(object)
    failed = Signal(str)
    ended = Signal()
    cameras_listed = Signal(list)
    _said = Signal(int, str, object)

    def __init__(self) -> None:
        super().__init__()
        self.session = 0
        self.open_source = open_source  # another may stand in: a clip in the place of a camera
        self.spec: str | None = None
        self.to_screen = FittingSlot()
        self.to_network: NewestSlot[Frame] = NewestSlot()
        self._thread: CaptureThread | None = None
        self._leaving: list[CaptureThread] = []
        self._said.connect(self._hear)  # from the capture thread into the window's

    def start(self, spec: str, *, loop: bool = False, size: tuple[int, int] | None = None) -> int:
        """Leaves the source under way and opens spec. Returns the new session's number.

        size: width and height to ask of a camera.
        """
        self.stop()
        self.session += 1
        self.spec = spec
        self.to_screen, self.to_network = FittingSlot(self.to_screen.fit), NewestSlot()
        say = partial(self._said.emit, self.session)
        self._thread = CaptureThread(
            partial(self.open_source, spec) if size is None else partial(self.open_source, spec, size=size),
            self.to_network,  # first: it has the longer way
            self.to_screen,
            loop=loop,
            opened=lambda source: say("opened", source),
            failed=lambda text: say("failed", text),
            ended=lambda: say("ended", None),
        )
        self._thread.start()
        return self.session

    def stop(self) -> None:
        """Asks the source under way to end; does not wait (a driver may hang)."""
        if self._thread is not None:
            self._thread.stop()
            self._leaving.append(self._thread)
            self._thread = None
        self._leaving = [thread for thread in self._leaving if not thread.stop(0.0)]

    def wait(self, timeout: float) -> bool:
        """Waits for threads asked to end. True when none is left."""
        until = time.monotonic() + timeout
        self._leaving = [t for t in self._leaving if not t.stop(max(0.0, until - time.monotonic()))]
        return not self._leaving

    def fit_pictures(self, fit: Fit | None) -> None:
        """Pictures come ready for a view that wants them so."""
        self.to_screen.fit = fit

    def set_paused(self, paused: bool) -> None:
        """Holds a file where it is; a camera goes on."""
        if self._thread is not None:
            if paused:
                self._thread.pause()
            else:
                self._thread.resume()

    @property
    def silent_for(self) -> float:
        """Seconds since the last frame; 0 before the first."""
        last = self._thread.last_frame if self._thread is not None else 0.0
        return time.monotonic() - last if last else 0.0

    def look_for_cameras(self) -> None:
        """Lists the cameras off the main thread: some drivers take their time."""

        def look() -> None:
            cameras: list[CameraInfo] = list_cameras()
            self.cameras_listed.emit(cameras)

        threading.Thread(target=look, name="cameras", daemon=True).start()

    def _hear(self, session: int, what: str, value: object) -> None:
        if session != self.session or self._thread is None:
            return
        if what == "opened":
            self.opened.emit(value)
        elif what == "failed":
            self.failed.emit(str(value))
        else:
            self.ended.emit()


__all__ = ["Source", "SourceRunner"]
