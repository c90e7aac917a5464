"""Plays: says how much time has passed, again and again."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QElapsedTimer, QObject, QTimer, Signal

PLAY_EVERY: Final = 33  # milliseconds


class Player(QObject):
    """advanced(seconds since the last time)."""

    advanced = Signal(float)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._timer, self._clock = QTimer(self), QElapsedTimer()
        self._timer.timeout.connect(lambda: self.advanced.emit(self._clock.restart() / 1000))

    @property
    def playing(self) -> bool:
        return self._timer.isActive()

    def set_playing(self, playing: bool) -> None:
        if playing:
            self._clock.start()
            self._timer.start(PLAY_EVERY)
        else:
            self._timer.stop()
