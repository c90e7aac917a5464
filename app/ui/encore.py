"""After the end, the hands still full: the camera looks on for the sign that starts it all again."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Final

from PySide6.QtCore import QObject, QTimer, Signal

from app.gestures import Gesture, GestureReader
from app.ui.feed import Feed
from app.ui.gesture_ring import GestureRing
from app.ui.summary_page import SummaryPage
from app.ui.words import language, t

LOOKS_ON: Final = 30.0  # seconds
_LOOK_EVERY: Final = 50  # milliseconds


class Encore(QObject):
    """Reads the sign on the summary page: `wanted` when it was made.

    Only with a camera: a recording is over. The page says how long the camera looks on; it is closed when the
    time is up, or the page is left.
    """

    wanted = Signal()

    def __init__(self, feed: Feed) -> None:
        super().__init__(feed)
        self.feed = feed
        self._page: SummaryPage | None = None
        self._ring: GestureRing | None = None
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._look)

    @property
    def on(self) -> bool:
        return self._timer.isActive()

    def begin(self, page: SummaryPage, gestures: Sequence[Gesture]) -> None:
        """page: shown now. gestures: all that are read. Without one for it the source is closed at once."""
        signs = tuple(
            gesture for gesture in gestures if gesture.does == "go" and "done" in gesture.situations
        )
        source = self.feed.source
        if not signs or source is None or not source.live or self.feed.trouble is not None:
            self.feed.close()
            return
        self._page, self._reader, self._sign = page, GestureReader(signs), signs[0]
        self._session = self.feed.runner.session
        self._until = time.monotonic() + LOOKS_ON
        self._ring = GestureRing(page)
        self._timer.start(_LOOK_EVERY)
        self._look()

    def end(self) -> None:
        """The camera goes off, unless it is used for something else by now."""
        if not self.on:
            return
        self._timer.stop()
        assert self._page is not None
        assert self._ring is not None
        self._page.show_hint("")
        self._ring.deleteLater()
        self._page = self._ring = None
        if self.feed.runner.session == self._session:
            self.feed.close()

    def _look(self) -> None:
        page, ring = self._page, self._ring
        assert page is not None
        assert ring is not None
        left = self._until - time.monotonic()
        if left <= 0.0 or not page.isVisible() or self.feed.runner.session != self._session:
            self.end()
            return
        sign = self._sign.name(language())
        page.show_hint(
            t("Once more: {gesture}. The camera goes off in {count} s.", gesture=sign, count=f"{left:.0f}")
        )
        progress = self.feed.take_progress()
        if progress is None:
            return
        state = self._reader.step(progress.result.time, progress.result.measurement, "done")
        ring.unit = page.height() / 720
        size = ring.sizeHint()
        ring.setGeometry(
            (page.width() - size.width()) // 2,
            (page.height() - size.height()) // 2,
            size.width(),
            size.height(),
        )
        ring.show_state(state, "done")
        if state.fired:
            self.wanted.emit()
