"""The main window: puts the views together and decides what each of them shows."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent, QKeyEvent
from PySide6.QtWidgets import QFileDialog, QMainWindow

from app.capture import DEMO, VIDEO_SUFFIXES, CameraInfo, Source
from app.reps import Rep
from app.ui import notices, theme
from app.ui.library import Entry, load_entry
from app.ui.notice import Notice
from app.ui.page import Page
from app.ui.records import EngineInfo, RepRecord, Say, Summary
from app.ui.score import Score
from app.ui.source_runner import SourceRunner
from app.ui.stage import Stage
from app.ui.worker import InferenceWorker

TICK: Final = 15  # milliseconds: twice the picture's rate, so that no frame waits long

SILENT: Final = 2.0  # seconds without a frame before a camera that hangs is spoken of


@dataclass(frozen=True, kw_only=True)
class Options:
    """How the window starts. source None: the first camera. mirror None: cameras yes, files no."""

    source: str | None = None
    mirror: bool | None = None
    loop: bool = False
    language: str = "en"


class MainWindow(QMainWindow):
    """States: no source, opening, warming up, going on, paused, ended, failed; see _notice()."""

    def __init__(
        self, worker: InferenceWorker, entries: Sequence[Entry], chosen: Entry, options: Options
    ) -> None:
        super().__init__()
        self.setWindowTitle("Formcue")
        self.setWindowIcon(theme.app_icon())
        self.setAcceptDrops(True)
        self.resize(1280, 720)
        self.setMinimumSize(480, 480)
        self.worker, self.options = worker, options
        self.entries = {entry.id: entry for entry in entries}
        self.entry = chosen
        sound = chosen.exercise or next(e.exercise for e in entries if e.exercise is not None)
        self.score = Score(sound, language=options.language)
        self.source: Source | None = None
        self.engine: EngineInfo | None = None
        self.done: Summary | None = None
        self.paused = False
        self._cameras: list[CameraInfo] | None = None
        self._files: list[str] = []
        self._source_error = self._engine_error = self._preparing = ""
        self._help = False

        self.runner = SourceRunner()
        page = Page()
        self.setCentralWidget(page)
        self.top, self.status, self.panel = page.top, page.status, page.panel
        self.video, self.card, self.banner = page.video, page.card, page.banner
        self.stage = Stage(self.video)
        self._connect()
        self.top.fill_exercises([(e.id, e.name, e.exercise is not None) for e in entries], chosen.id)
        self.panel.plot.follow(sound.counting)
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._tick)
        self._timer.start(TICK)
        self._watch = QTimer(self)
        self._watch.timeout.connect(self._refresh)
        self._watch.start(1000)
        self.runner.look_for_cameras()
        if options.source is not None:
            self.open(options.source)
        self._refresh()

    # ---- building

    def _connect(self) -> None:
        self.worker.preparing.connect(self._on_preparing)
        self.worker.ready.connect(self._on_ready)
        self.worker.failed.connect(self._on_engine_failed)
        self.worker.happened.connect(self._on_happened)
        self.worker.finished.connect(self._on_finished)
        self.runner.opened.connect(self._on_opened)
        self.runner.failed.connect(self._on_source_failed)
        self.runner.ended.connect(self._on_source_ended)
        self.runner.cameras_listed.connect(self._on_cameras)
        self.top.exercise_chosen.connect(self.choose_exercise)
        self.top.source_chosen.connect(self.open)
        self.top.file_wanted.connect(self.ask_for_file)
        self.top.mirror_toggled.connect(self.set_mirror)
        self.top.full_screen_wanted.connect(self.toggle_full_screen)
        self.top.help_wanted.connect(self.toggle_help)
        self.panel.toggled.connect(self.toggle_pause)
        self.panel.reset_wanted.connect(self.reset)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Keys that no focused picker or button wants for itself; they are listed in words.KEYS."""
        acts = {
            Qt.Key.Key_Space: self.toggle_pause,
            Qt.Key.Key_R: self.reset,
            Qt.Key.Key_F: self.toggle_full_screen,
            Qt.Key.Key_F11: self.toggle_full_screen,
            Qt.Key.Key_M: lambda: self.set_mirror(not self.video.mirror),
            Qt.Key.Key_O: self.ask_for_file,
            Qt.Key.Key_E: self.next_exercise,
            Qt.Key.Key_Escape: self.leave,
            Qt.Key.Key_F1: self.toggle_help,
        }
        act = acts.get(Qt.Key(event.key()))
        if act is None or event.isAutoRepeat():
            super().keyPressEvent(event)
        else:
            act()

    # ---- what the user does

    def open(self, spec: str) -> None:
        """Opens a source: a camera's number or name, a file, or "demo"."""
        self._source_error, self.done, self.source, self._help = "", None, None, False
        if spec != DEMO and not spec.isdigit() and Path(spec).is_file() and spec not in self._files:
            self._files.append(spec)
            self._fill_sources(spec)
        self.stage.clear()
        self._start_set()
        session = self.runner.start(spec, loop=self.options.loop)
        self.worker.attach(session, self.runner.to_network)
        self.set_paused(False)
        self.top.select_source(spec)
        self._refresh()

    def ask_for_file(self) -> None:
        pattern = " ".join(f"*{suffix}" for suffix in VIDEO_SUFFIXES)
        name, _ = QFileDialog.getOpenFileName(self, "Open video", "", f"Videos ({pattern});;All files (*)")
        if name:
            self.open(name)
        else:
            self.top.select_source(self.runner.spec)

    def choose_exercise(self, name: str) -> None:
        """Counts another exercise from zero on; a broken one shows its errors."""
        self.entry = self.entries[name]
        self.top.exercise.setCurrentIndex(self.top.exercise.findData(name))
        if self.entry.exercise is not None:
            self.score = Score(self.entry.exercise, language=self.options.language)
            self.worker.set_exercise(self.entry.exercise)
            self.panel.plot.follow(self.entry.exercise.counting)
            self._start_set()
            if self.done is not None and self.runner.spec is not None:
                self.open(self.runner.spec)
        self._refresh()

    def next_exercise(self) -> None:
        names = list(self.entries)
        self.choose_exercise(names[(names.index(self.entry.id) + 1) % len(names)])

    def reload_exercise(self) -> None:
        """Reads a broken rule file again."""
        entry = load_entry(self.entry.path, language=self.options.language)
        order = [entry if known is self.entry else known for known in self.entries.values()]
        self.entries = {known.id: known for known in order}
        self.top.fill_exercises([(e.id, e.name, e.exercise is not None) for e in order], entry.id)
        self.choose_exercise(entry.id)

    def toggle_pause(self) -> None:
        if self.done is not None and self.runner.spec is not None:
            self.open(self.runner.spec)
        elif self.source is not None:
            self.set_paused(not self.paused)

    def set_paused(self, paused: bool) -> None:
        self.paused = paused
        self.worker.set_paused(paused)
        self._hold_source()
        self._refresh()

    def reset(self) -> None:
        """Counts from zero on."""
        if self.done is None:
            self.worker.reset()
            self._start_set()
            self._refresh()

    def set_mirror(self, mirror: bool) -> None:
        self.video.set_mirror(mirror)
        self.top.set_mirror(mirror)

    def toggle_full_screen(self) -> None:
        self.setWindowState(self.windowState() ^ Qt.WindowState.WindowFullScreen)

    def toggle_help(self) -> None:
        self._help = not self._help
        self._refresh()

    def leave(self) -> None:
        """Escape: closes the help, else leaves the full screen. It never ends the program."""
        if self._help:
            self.toggle_help()
        elif self.isFullScreen():
            self.toggle_full_screen()

    # ---- what is heard from the threads

    def _on_cameras(self, cameras: list[CameraInfo]) -> None:
        self._cameras = cameras
        self._fill_sources(self.runner.spec)
        if self.runner.spec is None and cameras:
            self.open(str(cameras[0].index))
        self._refresh()

    def _on_opened(self, source: Source) -> None:
        self.source = source
        mirror = self.options.mirror
        self.set_mirror(source.live if mirror is None else mirror)
        self._hold_source()
        self._refresh()

    def _on_source_failed(self, text: str) -> None:
        self._source_error, self.source = text, None
        self._refresh()

    def _on_source_ended(self) -> None:
        self.worker.complete(self.runner.session)

    def _on_preparing(self, text: str) -> None:
        self._preparing = text
        self._refresh()

    def _on_ready(self, info: EngineInfo) -> None:
        self.engine, self._engine_error = info, ""
        self._hold_source()
        self._refresh()

    def _on_engine_failed(self, text: str, trace: str) -> None:
        self._engine_error = text
        self._refresh()

    def _on_happened(self, session: int, what: object) -> None:
        if session == self.runner.session and isinstance(what, RepRecord):
            self.score.add_record(what)
            self.panel.list.add(what)
            if isinstance(what.event, Rep):
                self.panel.counter.pulse(good=not what.faults)

    def _on_finished(self, session: int, done: Summary) -> None:
        if session == self.runner.session:
            self.done = done
            self._refresh()

    # ---- the picture

    def _tick(self) -> None:
        now = time.monotonic()
        frame = self.runner.to_screen.take()
        if frame is not None:
            self.stage.add_frame(frame)
        progress = self.worker.results.take()
        if progress is not None and progress.session == self.runner.session and not self.paused:
            result = progress.result
            self.stage.add_progress(progress, now)
            self.score.add_result(result)
            self.panel.plot.add(result.time, result.measurement.values if result.measurement else None)
            self._show_score()
        if self.stage.paint(now, self.score, with_pose=not self.paused):
            self.status.show_state(self.source, self.engine, self.stage)
        if self.video.busy_text:
            self.video.turn = now
            self.video.update()

    # ---- what is shown

    def _start_set(self) -> None:
        self.score.clear()
        self.panel.list.records.clear()
        self.panel.plot.clear()
        self._show_score()

    def _hold_source(self) -> None:
        """A file waits for the network behind its first picture: no repetition is missed."""
        self.runner.set_paused(self.paused or self.engine is None)

    def _fill_sources(self, chosen: str | None) -> None:
        self.top.fill_sources(self._cameras or [], self._files, chosen)

    def _show_score(self) -> None:
        score = self.score
        self.panel.counter.show_state(score.number, score.word, score.phase, score.progress)
        if self.entry.exercise is None:
            self.banner.show_say(Say(text="Choose another exercise, or mend the file", icon="warning"))
        elif self.engine is None:
            self.banner.show_say(Say(text="Get into place, it starts in a moment", icon="person"))
        elif self.runner.spec is None:
            self.banner.show_say(Say(text="Choose a source to begin", icon="camera"))
        elif self.done is not None:
            self.banner.show_say(Say(text="Done. The space bar plays it again", icon="check"))
        else:
            self.banner.show_say(score.say)

    def _refresh(self) -> None:
        """Everything that follows from the state."""
        notice = self._notice()
        self.card.show_notice(notice)
        if notice is None:
            self.video.setFocus()  # so that keys are the window's
        self.video.dimmed = notice is not None
        self.video.busy_text = self._busy()
        running = self.source is not None and not self.paused and self.done is None
        self.panel.set_running(running, can_run=self.source is not None or self.done is not None)
        self._show_score()
        self.status.show_state(self.source, self.engine, self.stage)
        self.video.update()

    def _busy(self) -> str:
        if self._engine_error or self._source_error:
            return ""
        if self.runner.spec is not None and self.source is None:
            return "Opening the source…"
        if self.runner.spec is None and self._cameras is None:
            return "Looking for cameras…"
        if self.source is not None and self.source.live and self.runner.silent_for > SILENT:
            return f"No picture for {self.runner.silent_for:.0f} s: is the camera plugged in?"
        if self.engine is None:
            return self._preparing or "Preparing the network…"
        return ""

    def _notice(self) -> Notice | None:
        """The state that the picture is covered with, the most pressing first."""
        if self._help:
            return notices.help_keys(close=self.toggle_help)
        if self._engine_error:
            return notices.network_failed(self._engine_error, retry=self._retry_network)
        if self.entry.exercise is None:
            return notices.broken_exercise(self.entry, reload=self.reload_exercise)
        if self._source_error:
            return notices.source_failed(
                self._source_error,
                score=self.score,
                retry=lambda: self.open(self.runner.spec or DEMO),
                demo=lambda: self.open(DEMO),
                open_file=self.ask_for_file,
            )
        if self.runner.spec is None and self._cameras is not None:
            return notices.no_source(
                demo=lambda: self.open(DEMO), open_file=self.ask_for_file, look=self._look_again
            )
        if self.done is not None:
            return notices.summary(
                self.score,
                self.done,
                again=lambda: self.open(self.runner.spec or DEMO),
                open_file=self.ask_for_file,
            )
        if self.paused:
            return notices.paused(self.score, go_on=self.toggle_pause, reset=self.reset)
        return None

    def _look_again(self) -> None:
        self._cameras = None
        self.runner.look_for_cameras()
        self._refresh()

    def _retry_network(self) -> None:
        self._engine_error = ""
        self.worker.retry()
        self._refresh()

    # ---- Qt's own events

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        for url in event.mimeData().urls():
            if url.isLocalFile():
                self.open(url.toLocalFile())
                break

    def closeEvent(self, event: QCloseEvent) -> None:
        """Asks the threads to end and goes at once; the program waits for them behind (see app.py)."""
        self._timer.stop()
        self._watch.stop()
        self.runner.stop()
        self.worker.stop(0.0)
        event.accept()
