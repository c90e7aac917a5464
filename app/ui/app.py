"""Starts the window: the application object, the inference thread, and what happens when something breaks."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

from PySide6.QtCore import QtMsgType, qInstallMessageHandler
from PySide6.QtWidgets import QApplication

from app.diagnostics import earlier_hard_crashes, hide, versions
from app.errors import EXIT_DONE, EXIT_FAILED, Line, UsageError
from app.memory import tame_heap
from app.settings import Settings, data_folder, log_folder
from app.ui import theme
from app.ui.crash import CrashReporter
from app.ui.event_log import EventLog
from app.ui.event_loop import run_until_closed
from app.ui.library import Entry, Shelf
from app.ui.look import apply_look, translate_qt
from app.ui.main_thread import short_turns, spare_what_stays
from app.ui.records import EngineInfo
from app.ui.window import FIRST_EXERCISE, MainWindow, Options
from app.ui.words import language, said
from app.ui.worker import Factory, InferenceWorker, Progressing

log = logging.getLogger(__name__)
PATIENCE: Final = 20.0  # seconds that threads get to end: a network may be half loaded


@dataclass(frozen=True, kw_only=True)
class Engine:
    """Which network runs where; see app.runtimes."""

    weights: str = "auto"
    device: str = "auto"
    runtime: str = "auto"


def run_app(
    options: Options,
    *,
    settings: Settings,
    told: Mapping[str, Any],
    runtime: str = "auto",
    notice: Line | str = "",
    own: Path | None = None,
    full_screen: bool = False,
) -> int:
    """Opens the window and stays until it is closed. Returns the exit code.

    settings: the user's own. told: those that the command line says otherwise, for this time.
    notice: what is to be told about the settings. own: a rule file of one's own, chosen at the start.
    Raises UsageError when there is no such exercise, or none at all.
    """
    tame_heap()
    now = replace(settings, **told)
    apply_look(now)
    shelf = Shelf(data_folder(), own=own, level=now.strictness)
    if own is not None:
        options = replace(options, exercise=next(e.id for e in shelf.entries if e.path == own))
    chosen = _choose(shelf.entries, options.exercise)
    app = QApplication.instance() or QApplication([sys.argv[0]])
    assert isinstance(app, QApplication)
    app.setApplicationName("Formcue")
    app.setDesktopFileName("formcue")
    app.setStyle("Fusion")  # the same everywhere; the style sheet is written for it
    qInstallMessageHandler(_log_qt)
    theme.load_fonts()
    translate_qt()
    app.setFont(theme.font(15))

    sound = chosen.exercise or next(iter(shelf.exercises.values()))
    worker = InferenceWorker(network_factory(_engine(now, runtime)), sound, language=language())
    window = MainWindow(worker, shelf, settings, options, told=told)
    window.rebuild_engine.connect(lambda: worker.rebuild(network_factory(_engine(window.settings, runtime))))
    worker.ready.connect(lambda _: spare_what_stays())
    logs = log_folder()
    hide(now.profile)
    log.info("the window opens: %s", versions())
    EventLog(window.feed)
    crashes = CrashReporter(window, logs)
    crashes.install()
    if full_screen:
        window.showFullScreen()
    else:
        window.show()
    worker.start()
    for line in (notice, shelf.problem):
        if line:
            window.tell(partial(said, line))
    if earlier := earlier_hard_crashes(logs):
        crashes.show_earlier(earlier)
    signals = _quit_on_signals(app)
    try:
        with short_turns():
            code = run_until_closed(app, window)
    finally:
        for number, handler in signals.items():
            signal.signal(number, handler)
        crashes.remove()
        qInstallMessageHandler(None)
        window.feed.runner.stop()
    ended = worker.stop(PATIENCE) and window.feed.runner.wait(2.0)
    window.deleteLater()
    log.info("the window was closed")
    if not ended:
        # A driver that hangs in a read, or a network still loading: nothing of ours is unsaved, and
        # Python's own ending would wait for it or crash in it.
        log.warning("a thread did not end in time; leaving without it")
        logging.shutdown()
        os._exit(EXIT_DONE if code == 0 else EXIT_FAILED)
    return EXIT_DONE if code == 0 else EXIT_FAILED


def _engine(settings: Settings, runtime: str) -> Engine:
    return Engine(weights=settings.model, device=settings.device, runtime=runtime)


def _quit_on_signals(app: QApplication) -> dict[int, Any]:
    """Ctrl-C and a polite kill end the loop in order, not in the middle of a painting.

    Returns the handlers before.
    """
    if threading.current_thread() is not threading.main_thread():
        return {}
    numbers = (signal.SIGINT, signal.SIGTERM)
    return {number: signal.signal(number, lambda *_: app.quit()) for number in numbers}


def network_factory(engine: Engine) -> Factory:
    """What the inference thread builds; importing PyTorch alone takes a second, so it is done there."""

    def build(progressing: Progressing) -> tuple[object, EngineInfo]:
        from app.estimator import Estimator
        from app.lasting import load_lasting
        from app.runtimes import Fallback, Runtime

        def described(runtime: Runtime, *fallbacks: Fallback) -> EngineInfo:
            return EngineInfo(
                model=runtime.model_name,
                device=runtime.device,
                runtime=runtime.runtime,
                fallbacks=fallbacks,
            )

        runtime, fallbacks = load_lasting(
            engine.weights,
            device=engine.device,
            runtime=engine.runtime,
            progress=progressing.preparing,
            told=lambda fallback, now: progressing.changed(described(now, fallback)),
            or_default=True,
        )
        for fallback in fallbacks:
            log.warning("%s", fallback)
        return Estimator(runtime), described(runtime, *fallbacks)

    return build  # type: ignore[return-value]


def _choose(entries: list[Entry], wanted: str | None) -> Entry:
    """The entry to begin with; a broken one is taken too, so that the window can show its errors."""
    if not any(entry.exercise is not None for entry in entries):
        raise UsageError("no rule file of the library can be read; see `python main.py check`")
    for entry in entries:
        if entry.id == (wanted or FIRST_EXERCISE):
            return entry
    if wanted is not None:
        from app.commands import nearest

        raise UsageError(f"unknown exercise {wanted!r}; {nearest(wanted, [entry.id for entry in entries])}")
    return next(entry for entry in entries if entry.exercise is not None)


def _log_qt(kind: QtMsgType, context: object, text: str) -> None:
    """Qt's own messages go where ours go."""
    levels = {
        QtMsgType.QtDebugMsg: logging.DEBUG,
        QtMsgType.QtInfoMsg: logging.DEBUG,
        QtMsgType.QtWarningMsg: logging.INFO,
        QtMsgType.QtCriticalMsg: logging.WARNING,
        QtMsgType.QtFatalMsg: logging.CRITICAL,
    }
    logging.getLogger("qt").log(levels.get(kind, logging.INFO), "%s", text)
