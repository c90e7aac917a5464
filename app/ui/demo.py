"""The demo mode: the clip over and over while nobody is there, the camera for whoever asks for it."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QObject, QTimer, Signal

from app.capture import DEMO
from app.ui.coach import CoachPage
from app.ui.feed import Feed
from app.ui.words import t

LOOK_EVERY: Final = 500  # milliseconds
PATIENCE: Final = 20.0  # seconds without anybody before the clip plays again


class DemoMode(QObject):
    """wanted(spec): another source is to be shown, DEMO or a camera. A camera is opened only when somebody
    asked for it with the space bar; from then on clip and camera take turns."""

    wanted = Signal(str)

    def __init__(self, coach: CoachPage, feed: Feed, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.coach, self.feed = coach, feed
        self._camera: str | None = None  # once it was asked for
        self._round = 0
        self._seen: float | None = None  # time of the last frame with somebody in it
        self._timer = QTimer(self)
        self._timer.timeout.connect(self.look)

    @property
    def on(self) -> bool:
        return self._timer.isActive()

    def begin(self) -> None:
        self._camera = None
        self._began()
        self.coach.set_demo(True)
        self._timer.start(LOOK_EVERY)

    def end(self) -> None:
        self._timer.stop()
        self.coach.set_demo(False)

    def try_camera(self) -> None:
        """Somebody wants to see themselves; without a camera the clip begins anew."""
        cameras = self.feed.cameras or []
        self._camera = str(cameras[0].index) if cameras else None
        if self._camera is None:
            self.coach.flash(lambda: t("No camera found"))
        self._show(self._camera or DEMO)

    def look(self) -> None:
        """Whether it is time for the other."""
        if self.feed.trouble is not None:
            self._camera = None  # until somebody asks for it again
            self._show(DEMO)
            return
        source, frame = self.feed.source, self.coach.video.frame
        coaching = self.coach.coaching
        result = coaching.score.result if coaching is not None else None
        if source is None or frame is None or result is None:
            return
        if source.live:
            if self._seen is None or result.pose is not None:
                self._seen = result.time
            elif result.time - self._seen > PATIENCE:
                self._show(DEMO)
        elif source.frame_count:
            begun = frame.index // source.frame_count
            if begun != self._round:
                self._round = begun
                if self._camera is not None:
                    self._show(self._camera)
                else:
                    self.coach.repeat()  # the next round counts from zero

    def _show(self, spec: str) -> None:
        self._began()
        self.coach.repeat()  # what one of them did is not counted for the other
        self.wanted.emit(spec)

    def _began(self) -> None:
        self._round, self._seen = 0, None
