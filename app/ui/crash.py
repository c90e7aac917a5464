"""When the program itself is wrong: say so, keep the details, and let the user go on or leave."""

from __future__ import annotations

import logging
import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

from PySide6.QtCore import QObject, Qt, QTimer, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication, QMessageBox, QWidget

from app.diagnostics import impersonal, report
from app.ui import theme
from app.ui.page_stack import shape_of
from app.ui.words import t

log = logging.getLogger(__name__)
COPIED_FOR = 2500  # milliseconds that the button says so


class CrashReporter(QObject):
    """Shows an uncaught error of any thread once, with what a report needs. Nothing is sent.

    log_folder: whose log's end the report has; None: there is no log.
    """

    _broke = Signal(str, str)

    def __init__(self, window: QWidget, log_folder: Path | None = None) -> None:
        super().__init__(window)
        self._window, self._log_folder = window, log_folder
        self._shown: set[str] = set()
        self._before: tuple[Any, Any] | None = None
        self._broke.connect(self._show_error, Qt.ConnectionType.QueuedConnection)

    def install(self) -> None:
        self._before = sys.excepthook, threading.excepthook
        sys.excepthook = self._on_error
        threading.excepthook = self._on_thread_error

    def remove(self) -> None:
        if self._before is not None:
            sys.excepthook, threading.excepthook = self._before
            self._before = None

    def show_earlier(self, trace: str) -> None:
        """Tells of a crash that ended an earlier run, from which nobody could be told."""
        box = self._box(
            "info",
            t("Formcue was ended by a crash the last time."),
            t("Every finished repetition is kept."),
            trace,
        )
        box.addButton(t("Go on"), QMessageBox.ButtonRole.AcceptRole)
        box.open()

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

    def _show_error(self, line: str, trace: str) -> None:
        if trace in self._shown:
            return
        self._shown.add(trace)
        advice = t("You can go on; if it keeps happening, start Formcue again.")
        box = self._box(
            "error",
            t("Something went wrong inside Formcue."),
            f"{impersonal(line)}\n\n{advice}",
            trace,
        )
        go_on = box.addButton(t("Go on"), QMessageBox.ButtonRole.AcceptRole)
        leave = box.addButton(t("Leave Formcue"), QMessageBox.ButtonRole.DestructiveRole)
        box.setDefaultButton(go_on)
        leave.clicked.connect(self._window.close)
        box.open()

    def _box(self, icon: str, title: str, text: str, trace: str) -> QMessageBox:
        """A box that waits for nobody, with the report to read and to copy."""
        box = theme.named(QMessageBox(QMessageBox.Icon.NoIcon, "Formcue", title), "told")
        box.setParent(self._window, Qt.WindowType.Dialog)
        offer = t(
            "A report helps to mend it: copy it, and paste it where you ask for help. It says nothing about "
            "you, and nothing was sent anywhere."
        )
        box.setInformativeText(f"{text}\n\n{offer}")
        told = report(trace, self._log_folder)
        box.setDetailedText(told)
        copy = box.addButton(t("Copy the report"), QMessageBox.ButtonRole.ActionRole)
        copy.clicked.disconnect()  # every button of a box closes it, and this one must not
        copy.clicked.connect(_copying(box, copy.setText, told))
        scale, _ = shape_of(self._window.width(), self._window.height())
        ink = "fault" if icon == "error" else "info"
        box.setIconPixmap(theme.pixmap(icon, round(44 * scale), ink, self._window.devicePixelRatioF()))
        box.setStyleSheet(theme.style_sheet(scale))
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        return box


def _copying(box: QMessageBox, label: Callable[[str], None], text: str) -> Callable[[], None]:
    def copy() -> None:
        QGuiApplication.clipboard().setText(text)
        label(t("Copied"))
        QTimer.singleShot(COPIED_FOR, box, lambda: label(t("Copy the report")))

    return copy
