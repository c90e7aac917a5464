"""What the pages see with: the source under way and the engine that looks at it, in one place.

The pages ask for a source and hear what became of it; which thread does what is told in app/ui/worker.py
and app/capture.py.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Final

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtGui import QGuiApplication

from app.camera_trouble import Trouble
from app.capture import DEMO, CameraInfo, Frame, Source
from app.diagnostics import report
from app.errors import FormcueError
from app.settings import log_folder
from app.ui.amounts import length
from app.ui.engine_notes import fallback_text
from app.ui.records import EngineInfo, Progress, Summary
from app.ui.source_runner import SourceRunner
from app.ui.words import t
from app.ui.worker import InferenceWorker

LOOK_EVERY: Final = 3000  # milliseconds between looks for a camera while there is none
STUCK: Final = 3.0  # seconds for one frame: a graphics driver that hangs can only be waited for
WORTH_SAYING: Final = 1.0  # seconds without a picture


class Feed(QObject):
    """State of source and engine. Signals: changed (anything below), opened(Source), happened(what the
    inference thread found in the session under way), finished(Summary) at the end of a file, noted(a line
    on what has just become of the camera)."""

    changed = Signal()
    opened = Signal(object)
    happened = Signal(object)
    finished = Signal(object)
    noted = Signal(object)

    def __init__(self, worker: InferenceWorker, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.worker = worker
        self.runner = SourceRunner()
        self.source: Source | None = None
        self.source_error: FormcueError | str = ""
        self.trouble: Trouble | None = None  # what is the matter with the camera; it is being opened again
        self.engine: EngineInfo | None = None
        self.engine_error: FormcueError | str = ""
        self.engine_trace = ""
        self.preparing = ""  # what the building of the engine is busy with
        self.cameras: list[CameraInfo] | None = None  # None while they are being looked for
        self.files: list[str] = []  # opened before
        self.paused = False
        self._wanted: tuple[str, tuple[int, int] | None] | None = None  # waits for the list of cameras
        self._size: tuple[int, ...] = ()  # of the pictures
        self._look = QTimer(self)
        self._look.timeout.connect(self._look_again)
        self._look.start(LOOK_EVERY)
        worker.preparing.connect(self._on_preparing)
        worker.ready.connect(self._on_ready)
        worker.changed.connect(self._on_engine_changed)
        worker.restarted.connect(self._on_engine_restarted)
        worker.failed.connect(self._on_engine_failed)
        worker.happened.connect(self._on_happened)
        worker.finished.connect(self._on_finished)
        self.runner.opened.connect(self._on_opened)
        self.runner.failed.connect(self._on_source_failed)
        self.runner.troubled.connect(self._on_troubled)
        self.runner.back.connect(self._on_back)
        self.runner.ended.connect(lambda: self.worker.complete(self.runner.session))
        self.runner.cameras_listed.connect(self._on_cameras)

    @property
    def spec(self) -> str | None:
        """The source asked for: a camera's number or name, a file, "demo"; None: none."""
        return self.runner.spec

    @property
    def busy(self) -> str:
        """What is being waited for, in the user's language; empty: nothing."""
        if self.engine_error or self.source_error or self.trouble:
            return ""
        if self.spec is not None and self.source is None:
            return t("Opening the source…")
        if self.spec is None and self.cameras is None:
            return t("Looking for cameras…")
        if self.engine is None:
            return t(self.preparing) if self.preparing else t("Preparing the network…")
        if self.worker.busy_for > STUCK:
            return t(
                "No answer from {engine} for {time}",
                engine=self.engine.device.upper(),
                time=length(self.worker.busy_for),
            )
        return ""

    @property
    def camera(self) -> str:
        """The name of the camera asked for."""
        if self.source is not None:
            return self.source.name
        listed = (camera.name for camera in self.cameras or () if str(camera.index) == self.spec)
        return next(listed, t("Camera {name}", name=self.spec))

    # ---- what is asked

    def open(self, spec: str, *, loop: bool = False, size: tuple[int, int] | None = None) -> None:
        """Leaves the source under way for another. size: what is asked of a camera, pixels."""
        self.source_error, self.source, self._wanted = "", None, None
        self.trouble, self._size = None, ()
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
        self.trouble = None
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

    def retry_camera(self) -> None:
        """Opens a camera in trouble again at once, rather than in a few seconds."""
        self.runner.retry()

    def retry_engine(self) -> None:
        self.engine_error = ""
        self.worker.retry()
        self.changed.emit()

    def copy_report(self) -> None:
        """What to send with a report of the engine's failure, into the clipboard."""
        QGuiApplication.clipboard().setText(report(self.engine_trace, log_folder()))
        self.noted.emit(lambda: t("Copied"))

    def take_frame(self) -> Frame | None:
        """The newest picture, once."""
        frame = self.runner.to_screen.take()
        if frame is not None and frame.image.shape != self._size:
            if self._size:
                height, width = frame.image.shape[:2]
                self.noted.emit(
                    lambda: t("The picture is {width} × {height} now", width=width, height=height)
                )
            self._size = frame.image.shape
        return frame

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

    def _look_again(self) -> None:
        """A camera that is plugged in after all is found without being asked for."""
        if self._wanted is not None and self.spec is None and self.cameras is not None:
            self.runner.look_for_cameras()

    def _on_opened(self, source: Source) -> None:
        again, self.source = self.source is not None, source
        self._hold_source()
        if not again:
            self.opened.emit(source)
        self.changed.emit()

    def _on_source_failed(self, problem: FormcueError | str) -> None:
        self.source_error, self.source, self.trouble = problem, None, None
        self.changed.emit()

    def _on_troubled(self, trouble: Trouble) -> None:
        if self.spec == DEMO or Path(self.spec or "").is_file():
            return  # a file that is slow to open is waited for
        self.trouble = trouble
        self.changed.emit()

    def _on_back(self, seconds: float) -> None:
        self.trouble = None
        if seconds > WORTH_SAYING:
            self.noted.emit(lambda: t("The picture is back after {time}", time=length(seconds)))
        self.changed.emit()

    def _on_preparing(self, text: str) -> None:
        self.preparing = text
        self.changed.emit()

    def _on_ready(self, info: EngineInfo) -> None:
        self.engine, self.engine_error = info, ""
        self._hold_source()
        self._note_fallbacks(info)
        self.changed.emit()

    def _on_engine_changed(self, info: EngineInfo) -> None:
        self.engine = info
        self._note_fallbacks(info)
        self.changed.emit()

    def _note_fallbacks(self, info: EngineInfo) -> None:
        for fallback in info.fallbacks:
            self.noted.emit(partial(fallback_text, fallback))

    def _on_engine_restarted(self, text: str, trace: str) -> None:
        self.noted.emit(
            lambda: t("The recognition broke and was started again. Nothing that was counted is lost.")
        )

    def _on_engine_failed(self, problem: FormcueError | str, trace: str) -> None:
        self.engine, self.engine_error, self.engine_trace = None, problem, trace
        self._hold_source()
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
