"""What happened to source and engine, for the log: without it, an error's trace tells half of the story."""

from __future__ import annotations

import logging

from PySide6.QtCore import QObject

from app.capture import DEMO, Source
from app.diagnostics import hide
from app.ui.feed import Feed

log = logging.getLogger(__name__)


class EventLog(QObject):
    """Writes the feed's changes into the log. Which camera or which file it is stays the user's own."""

    def __init__(self, feed: Feed) -> None:
        super().__init__(feed)
        self._feed = feed
        self._told: dict[str, str] = {}
        feed.opened.connect(self._on_opened)
        feed.changed.connect(self._on_changed)

    def _on_opened(self, source: Source) -> None:
        kind = "camera" if source.live else "demo clip" if self._feed.spec == DEMO else "file"
        log.info("source: %s, %d x %d, %.1f fps", kind, source.width, source.height, source.fps)

    def _on_changed(self) -> None:
        feed = self._feed
        for camera in feed.cameras or ():
            hide(camera.name)
        engine = feed.engine
        running = f"{engine.model}, {engine.runtime} on {engine.device}" if engine is not None else ""
        cameras = "" if feed.cameras is None else str(len(feed.cameras))
        for what, now in (
            ("cameras found", cameras),
            ("engine", running),
            ("notice: the network cannot run", str(feed.engine_error)),
            ("notice: the source failed", str(feed.source_error)),
            ("waits for", feed.preparing),
        ):
            if now != self._told.get(what, ""):
                self._told[what] = now
                log.info("%s: %s", what, now or "no more")
