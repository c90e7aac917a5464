"""Live reload: tells the window when the rule file in use says something new, or is broken."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from PySide6.QtCore import QObject, QTimer, Signal

from app.rule_watch import RuleWatch

LOOK_EVERY: Final = 300  # milliseconds


class RuleReloader(QObject):
    """Watches one rule file at a time, with any editor's way of writing.

    reloaded(Exercise): it was changed and is sound. broken(tuple of problems): it was changed and is not, or
    is gone; the exercise in use stays in use.

        reloader = RuleReloader(parent)
        reloader.reloaded.connect(window.take_exercise)
        reloader.broken.connect(window.show_problems)
        reloader.watch(exercise.path)
    """  # fmt: skip

    reloaded = Signal(object)
    broken = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._watch: RuleWatch | None = None
        self._timer = QTimer(self)
        self._timer.timeout.connect(self.look)

    @property
    def path(self) -> Path | None:
        """The file watched now."""
        return self._watch.path if self._watch is not None else None

    def watch(self, path: Path | None) -> None:
        """This file from now on, as it is now; None: none."""
        self._watch = RuleWatch(path) if path is not None else None
        if path is None:
            self._timer.stop()
        else:
            self._timer.start(LOOK_EVERY)

    def expect(self, data: bytes) -> None:
        """The file's new content is the program's own doing: no news."""
        if self._watch is not None:
            self._watch.expect(data)

    def look(self) -> None:
        """Looks at the file now."""
        change = self._watch.poll() if self._watch is not None else None
        if change is not None and change.exercise is not None:
            self.reloaded.emit(change.exercise)
        elif change is not None:
            self.broken.emit(change.problems)
