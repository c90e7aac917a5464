"""When the program itself is wrong: say so, keep the details, and let the user go on or leave."""

from __future__ import annotations

import logging
import platform
import sys
import threading
import traceback
from types import TracebackType
from typing import Any

from PySide6.QtCore import QObject, Qt, Signal, qVersion
from PySide6.QtWidgets import QApplication, QMessageBox, QWidget

log = logging.getLogger(__name__)


class CrashReporter(QObject):
    """Shows an uncaught error of any thread once, with what a report needs. Nothing is sent."""

    _broke = Signal(str, str)

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self._window = window
        self._shown: set[str] = set()
        self._before: tuple[Any, Any] | None = None
        self._broke.connect(self._show, Qt.ConnectionType.QueuedConnection)

    def install(self) -> None:
        self._before = sys.excepthook, threading.excepthook
        sys.excepthook = self._on_error
        threading.excepthook = self._on_thread_error

    def remove(self) -> None:
        if self._before is not None:
            sys.excepthook, threading.excepthook = self._before
            self._before = None

    def _on_error(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            QApplication.quit()
            return
        text = "".join(traceback.format_exception(kind, error, trace))
        log.error("uncaught error\n%s", text)
        self._broke.emit(f"{kind.__name__}: {error}", text)

    def _on_thread_error(self, arguments: threading.ExceptHookArgs) -> None:
        if arguments.exc_value is not None:
            self._on_error(arguments.exc_type, arguments.exc_value, arguments.exc_traceback)

    def _show(self, line: str, trace: str) -> None:
        if trace in self._shown:
            return
        self._shown.add(trace)
        box = QMessageBox(QMessageBox.Icon.Critical, "Formcue", "Something went wrong inside Formcue.")
        box.setParent(self._window, Qt.WindowType.Dialog)
        box.setInformativeText(
            f"{line}\n\nYou can go on; if it keeps happening, start Formcue again. "
            "The details below help to mend it; nothing has been sent anywhere."
        )
        box.setDetailedText(
            f"Python {platform.python_version()}, Qt {qVersion()}, {platform.platform()}\n\n{trace}"
        )
        go_on = box.addButton("Go on", QMessageBox.ButtonRole.AcceptRole)
        leave = box.addButton("Leave Formcue", QMessageBox.ButtonRole.DestructiveRole)
        box.setDefaultButton(go_on)
        leave.clicked.connect(self._window.close)
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        box.open()
