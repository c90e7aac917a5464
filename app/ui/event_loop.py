"""The loop that a window lives in."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject
from PySide6.QtWidgets import QApplication, QWidget


def run_until_closed(app: QApplication, window: QWidget) -> int:
    """Runs the event loop until window is closed. Returns its exit code, 0 after a closing.

    Qt's own rule is to go on until no window is visible: a box that opens while its window closes (an error
    in the closing, say) would keep a program alive that nobody sees.
    """
    end = _EndOfWindow(app)
    window.installEventFilter(end)
    try:
        return app.exec()
    finally:
        window.removeEventFilter(end)


class _EndOfWindow(QObject):
    def __init__(self, app: QApplication) -> None:
        super().__init__()
        self._app = app

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Close:
            self._app.exit(0)  # after this event: the window still does its own closing
        return False
