"""One source at a time for the window: starts, replaces and stops capture threads, speaks in signals."""

from __future__ import annotations

import threading
import time
from functools import partial
from typing import Any

from PySide6.QtCore import QObject, Signal

from app.camera_trouble import Patience
from app.capture import CameraInfo, CameraOpener, Frame, NewestSlot, Source, list_cameras, open_source
from app.capture_thread import CaptureThread
from app.ui.fitting import Fit, FittingSlot


class SourceRunner(QObject):
    """Every start is a new session with a number; what an older one still says is ignored.

    opened(Source), failed(FormcueError or a line), ended(), troubled(Trouble) and back(seconds without a
    picture) speak of the session under way, see CaptureThread; cameras_listed(list of CameraInfo) answers
    look_for_cameras().
    """

    patience = Patience()  # with cameras

    opened = Signal(object)
    failed = Signal(object)
    ended = Signal()
    troubled = Signal(str)
    back = Signal(float)
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
            CameraOpener(spec, size=size, opening=self.open_source),
            self.to_network,  # first: it has the longer way
            self.to_screen,
            loop=loop,
            patience=self.patience,
            opened=partial(say, "opened"),
            failed=partial(say, "failed"),
            ended=partial(say, "ended", None),
            troubled=partial(say, "troubled"),
            back=partial(say, "back"),
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

    def retry(self) -> None:
        """Opens a camera in trouble again at once."""
        if self._thread is not None:
            self._thread.retry()

    def look_for_cameras(self) -> None:
        """Lists the cameras off the main thread: some drivers take their time."""

        def look() -> None:
            cameras: list[CameraInfo] = list_cameras()
            self.cameras_listed.emit(cameras)

        threading.Thread(target=look, name="cameras", daemon=True).start()

    def _hear(self, session: int, what: str, value: Any) -> None:
        if session != self.session or self._thread is None:
            return
        if what == "opened":
            self.opened.emit(value)
        elif what == "troubled":
            self.troubled.emit(value)
        elif what == "back":
            self.back.emit(value)
        elif what == "failed":
            self.failed.emit(value)
        else:
            self.ended.emit()


__all__ = ["Source", "SourceRunner"]
