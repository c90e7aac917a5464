"""What the pages see with: the source under way and the engine that looks at it, in one place.

The pages ask for a source and hear what became of it; which thread does what is told in app/ui/worker.py
and app/capture.py.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from PySide6.QtCore import QObject, Signal

from app.capture import DEMO, CameraInfo, Frame, Source
from app.ui.records import EngineInfo, Progress, Summary
from app.ui.source_runner import SourceRunner
from app.ui.words import t
from app.ui.worker import InferenceWorker

SILENT: Final = 2.0  # seconds without a frame before a camera that hangs is spoken of


class Feed(QObject):
    """State of source and engine. Signals: changed (anything below), opened(Source), happened(what the
    inference thread found in the session under way), finished(Summary) at the end of a file."""

    changed = Signal()
    opened = Signal(object)
    happened = Signal(object)
    finished = Signal(object)

    def __init__(self, worker: InferenceWorker) -> None:
        super().__init__()
        self.worker = worker
        self.runner = SourceRunner()
        self.source: Source | None = None
        self.source_error = ""
        self.engine: EngineInfo | None = None
        self.engine_error = ""
        self.preparing = ""  # what the building of the engine is busy with
        self.cameras: list[CameraInfo] | None = None  # None while they are being looked for
        self.files: list[str] = []  # opened before
        self.paused = False
        self._wanted: tuple[str, tuple[int, int] | None] | None = None  # waits for the list of cameras
        worker.preparing.connect(self._on_preparing)
        worker.ready.connect(self._on_ready)
        worker.failed.connect(self._on_engine_failed)
        worker.happened.connect(self._on_happened)
        worker.finished.connect(self._on_finished)
        self.runner.opened.connect(self._on_opened)
        self.runner.failed.connect(self._on_source_failed)
        self.runner.ended.connect(lambda: self.worker.complete(self.runner.session))
        self.runner.cameras_listed.connect(self._on_cameras)

    @property
    def spec(self) -> str | None:
        """The source asked for: a camera's number or name, a file, "demo"; None: none."""
        return self.runner.spec

    @property
    def busy(self) -> str:
        """What is being waited for, in the user's language; empty: nothing."""
        if self.engine_error or self.source_error:
            return ""
        if self.spec is not None and self.source is None:
            return t("Opening the source…")
        if self.spec is None and self.cameras is None:
            return t("Looking for cameras…")
        if self.source is not None and self.source.live and self.runner.silent_for > SILENT:
            silent = f"{self.runner.silent_for:.0f}"
            return t("No picture for {time} s: is the camera plugged in?", time=silent)
        if self.engine is None:
            return t(self.preparing) if self.preparing else t("Preparing the network…")
        return ""

    # ---- what is asked

    def open(self, spec: str, *, loop: bool = False, size: tuple[int, int] | None = None) -> None:
        """Leaves the source under way for another. size: what is asked of a camera, pixels."""
        self.source_error, self.source, self._wanted = "", None, None
        if spec != DEMO and not spec.isdigit() and Path(spec).is_file() and spec not in self.files:
            self.files.append(spec)
        session = self.runner.start(spec, loop=loop, size=size)
        self.worker.attach(session, self.runner.to_network)
        self.set_paused(False)

    def open_camera(self, name: str, *, size: tuple[int, int] | None = None) -> None:
        """The camera of that name, else the first one, as soon as it is known which there are."""
        self._wanted = (name, size)
        if self.cameras:
            self._wanted = None
            named = next((camera for camera in self.cameras if camera.name == name), self.cameras[0])
            self.open(str(named.index), size=size)

    def close(self) -> None:
        """No source any more: a camera's light goes out."""
        self.runner.stop()
        self.runner.spec, self.source, self.source_error, self._wanted = None, None, "", None
        self.changed.emit()

    def set_paused(self, paused: bool) -> None:
        self.paused = paused
        self.worker.set_paused(paused)
        self._hold_source()
        self.changed.emit()

    def look_for_cameras(self) -> None:
        self.cameras = None
        self.runner.look_for_cameras()
        self.changed.emit()

    def retry_engine(self) -> None:
        self.engine_error = ""
        self.worker.retry()
        self.changed.emit()

    def take_frame(self) -> Frame | None:
        """The newest picture, once."""
        return self.runner.to_screen.take()

    def take_progress(self) -> Progress | None:
        """The newest result of the source under way, once."""
        progress = self.worker.results.take()
        current = progress is not None and progress.session == self.runner.session
        return progress if current and not self.paused else None

    # ---- what is heard from the threads

    def _on_cameras(self, cameras: list[CameraInfo]) -> None:
        self.cameras = cameras
        if self._wanted is not None:
            name, size = self._wanted
            self.open_camera(name, size=size)
        self.changed.emit()

    def _on_opened(self, source: Source) -> None:
        self.source = source
        self._hold_source()
        self.opened.emit(source)
        self.changed.emit()

    def _on_source_failed(self, text: str) -> None:
        self.source_error, self.source = text, None
        self.changed.emit()

    def _on_preparing(self, text: str) -> None:
        self.preparing = text
        self.changed.emit()

    def _on_ready(self, info: EngineInfo) -> None:
        self.engine, self.engine_error = info, ""
        self._hold_source()
        self.changed.emit()

    def _on_engine_failed(self, text: str, trace: str) -> None:
        self.engine_error = text
        self.changed.emit()

    def _on_happened(self, session: int, what: object) -> None:
        if session == self.runner.session:
            self.happened.emit(what)

    def _on_finished(self, session: int, done: Summary) -> None:
        if session == self.runner.session:
            self.finished.emit(done)

    def _hold_source(self) -> None:
        """A file waits for the network behind its first picture: no repetition is missed."""
        self.runner.set_paused(self.paused or self.engine is None)
