"""An error of the program itself is told, can be copied without anything personal, and ends nothing."""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import pytest
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication, QMessageBox, QPushButton, QWidget

import app.ui.app as ui_app
import app.ui.source_runner
from app.capture import DEMO_CLIP, FileSource
from app.rules import load_library
from app.ui import words
from app.ui.crash import CrashReporter
from app.ui.event_log import EventLog
from app.ui.feed import Feed
from app.ui.records import EngineInfo
from app.ui.window import MainWindow
from app.ui.worker import InferenceWorker
from tests.ui.driver import drive, replaying


@pytest.fixture
def window(monkeypatch: pytest.MonkeyPatch) -> Iterator[QWidget]:
    monkeypatch.setattr(words, "_language", "en")
    application = QApplication.instance() or QApplication([])
    window = QWidget()
    window.show()
    yield window
    window.close()
    application.processEvents()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Of a real program that sees nobody and has no camera."""
    monkeypatch.setenv("FORMCUE_HOME", str(tmp_path))
    monkeypatch.setattr(app.ui.source_runner, "list_cameras", list)
    monkeypatch.setattr(ui_app, "network_factory", replaying([None]))
    return tmp_path


def _boxes(window: QWidget) -> list[QMessageBox]:
    QApplication.processEvents()
    return [box for box in window.findChildren(QMessageBox) if box.isVisible()]


def _button(box: QMessageBox, text: str) -> QPushButton:
    return next(button for button in box.findChildren(QPushButton) if button.text() == text)


def _break() -> None:
    raise ZeroDivisionError("of /home/annabel/x")


def test_an_error_of_a_thread_is_shown_once_and_copied(window: QWidget, tmp_path: Path) -> None:
    (tmp_path / "formcue.log").write_text("INFO engine: pose-mobile, openvino on cpu\n")
    before = sys.excepthook
    reporter = CrashReporter(window, tmp_path)
    reporter.install()
    try:
        for _ in range(2):
            thread = threading.Thread(target=_break)
            thread.start()
            thread.join()
        (box,) = _boxes(window)
        assert "ZeroDivisionError" in box.informativeText()
        _button(box, "Copy the report").click()
        copied = QGuiApplication.clipboard().text()
        assert "in _break" in copied and "openvino on cpu" in copied and "Python" in copied
        assert "annabel" not in copied + box.informativeText()
        assert _boxes(window) == [box]  # copying leaves it open
        _button(box, "Go on").click()
        assert _boxes(window) == []
        assert window.isVisible()
    finally:
        reporter.remove()
    assert sys.excepthook is before


def test_the_window_can_be_left(window: QWidget) -> None:
    reporter = CrashReporter(window)
    reporter.install()
    try:
        sys.excepthook(ZeroDivisionError, ZeroDivisionError("x"), None)
    finally:
        reporter.remove()
    (box,) = _boxes(window)
    _button(box, "Leave Formcue").click()
    assert not window.isVisible()


def test_a_crash_of_an_earlier_run_is_offered(window: QWidget, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(words, "_language", "zh")
    CrashReporter(window).show_earlier("Segmentation fault in thread 7")
    (box,) = _boxes(window)
    assert box.text() == "Formcue 上次因崩溃而退出。"
    assert "thread 7" in box.detailedText()
    _button(box, "继续").click()
    assert _boxes(window) == []


def test_what_happens_to_source_and_engine_is_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """The kind of the source, not its name, and each change once."""
    QApplication.instance() or QApplication([])
    worker = InferenceWorker(lambda say: (_ for _ in ()).throw(NotImplementedError), load_library()["squat"])
    feed = Feed(worker)
    EventLog(feed)
    source = FileSource(DEMO_CLIP)
    source.close()
    with caplog.at_level(logging.INFO, logger="app.ui.event_log"):
        worker.preparing.emit("Preparing the pose network for this machine, once")
        worker.ready.emit(EngineInfo(model="pose-mobile", device="cpu", runtime="openvino"))
        feed.opened.emit(source)
        for _ in range(3):
            feed.changed.emit()
        worker.failed.emit("out of memory", "")
        feed.engine_error = ""
        feed.changed.emit()
    assert caplog.messages == [
        "waits for: Preparing the pose network for this machine, once",
        "engine: pose-mobile, openvino on cpu",
        f"source: file, {source.width} x {source.height}, {source.fps:.1f} fps",
        "engine: no more",
        "notice: the network cannot run: out of memory",
        "notice: the network cannot run: no more",
    ]


def test_the_app_keeps_a_log_and_offers_the_report_of_a_crash(home: Path) -> None:
    """The real program, after a run that native code ended."""
    logs = home / "log"
    logs.mkdir()
    (logs / "hard-crash-999999999.txt").write_text("Fatal Python error: Segmentation fault\n")

    def script(window: MainWindow) -> Generator[Callable[[], object], None, None]:
        yield lambda: _boxes(window)
        (box,) = _boxes(window)
        assert "Segmentation fault" in box.detailedText()
        _button(box, "Go on").click()
        yield lambda: window.feed.engine is not None

    assert drive([], script, seconds=60) == 0
    text = (logs / "formcue.log").read_text(encoding="utf-8")
    assert "the window opens: Formcue" in text and "Segmentation fault" in text
    assert "engine: replay, none on cpu" in text and "the window was closed" in text
    assert list(logs.glob("hard-crash-*")) == []


def test_an_error_in_the_closing_leaves_no_program_without_a_window(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its box, and whatever else is still open, is not waited for."""
    monkeypatch.setattr(CrashReporter, "_on_error", lambda *_: box.open())
    QApplication.instance() or QApplication([])
    box = QMessageBox()

    def script(window: MainWindow) -> Generator[Callable[[], object], None, None]:
        yield lambda: window.feed.engine is not None
        monkeypatch.setattr(window.narrator, "quiet", _break)

    try:
        assert drive([], script, seconds=60) == 0
        assert box.isVisible()
    finally:
        box.close()
