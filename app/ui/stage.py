"""Brings frames and results together on the picture, and measures how well that goes. Reads no clock."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from app.capture import Frame
from app.ui.playout import Playout
from app.ui.records import Progress
from app.ui.score import Score
from app.ui.video import VideoView


@dataclass(frozen=True, kw_only=True, eq=False)
class Painted:
    """A painting of the window that is over, and what it was the first to show.

    now: when it ended, monotonic seconds. progress: the result, with its prompt, count and curve; None: none
    that is new. frame: the picture under the skeleton; None: the one before.
    """

    now: float
    progress: Progress | None
    frame: Frame | None


class Stage:
    """Feeds the video view. `now` is monotonic seconds everywhere."""

    def __init__(self, video: VideoView) -> None:
        self.video = video
        # Seconds from a frame's arrival to the end of the painting of what was found in it: a running mean.
        self.latency = 0.0
        self.network_rate = 0.0  # steps a second
        self.watcher: Callable[[Painted], None] | None = None  # is told of every painting, to measure it
        self._playout = Playout()
        self._painted: list[float] = []
        self._new_progress: Progress | None = None  # given to the views, and not painted yet
        self._new_frame: Frame | None = None

    def clear(self) -> None:
        """Another source begins."""
        self._playout.clear()
        self._painted.clear()
        self._new_progress = self._new_frame = None
        self.latency = self.network_rate = 0.0
        self.video.clear()

    def lose(self) -> None:
        """The picture is gone for a while: what was measured of it no longer holds."""
        self._painted.clear()
        self._new_progress = self._new_frame = None
        self.latency = self.network_rate = 0.0
        self.video.corner_text = ""

    @property
    def picture_rate(self) -> float:
        """New pictures a second over the last second or so; 0 while unknown."""
        span = self._painted[-1] - self._painted[0] if len(self._painted) > 1 else 0.0
        return (len(self._painted) - 1) / span if span > 0.3 else 0.0

    def add_frame(self, frame: Frame) -> None:
        self._playout.add_frame(frame)

    def add_progress(self, progress: Progress, now: float) -> None:
        frame = progress.result.frame
        if frame is not None:
            self._playout.add_pose(frame, progress.result.pose, now)
        self._new_progress = progress
        self.network_rate = progress.steps_per_second

    def paint(self, now: float, score: Score | None, *, with_pose: bool) -> bool:
        """Shows what is due. True when the picture is a new one."""
        shown = self._playout.shown(now)
        if shown is None:
            return False
        fresh = shown.frame is not self.video.frame
        pose = shown.pose if with_pose else None
        if fresh or pose is not self.video.pose:
            self.video.corner_text = score.view_text if score is not None and pose is not None else ""
            self.video.show_frame(shown.frame, pose, score.highlight if score is not None else None)
        if fresh:
            self._painted = [moment for moment in self._painted if now - moment < 1.5] + [now]
            self._new_frame = shown.frame
        return fresh

    def painted(self, now: float) -> None:
        """The window has painted all that was changed in it, and handed it to the screen."""
        progress, frame = self._new_progress, self._new_frame
        if progress is None and frame is None:
            return
        self._new_progress = self._new_frame = None
        seen = progress.result.frame if progress is not None else None
        if seen is not None and self.network_rate:  # the very first frame waited for the network to be built
            late = now - seen.arrived
            self.latency = late if not self.latency else self.latency + 0.1 * (late - self.latency)
        if self.watcher is not None:
            self.watcher(Painted(now=now, progress=progress, frame=frame))
