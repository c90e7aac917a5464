"""Brings frames and results together on the picture, and measures how well that goes. Reads no clock."""

from __future__ import annotations

from app.capture import Frame
from app.ui.playout import Playout
from app.ui.records import Progress
from app.ui.score import Score
from app.ui.video import VideoView


class Stage:
    """Feeds the video view. `now` is monotonic seconds everywhere."""

    def __init__(self, video: VideoView) -> None:
        self.video = video
        self.latency = 0.0  # seconds from a frame's arrival to its pose, a running mean
        self.network_rate = 0.0  # steps a second
        self._playout = Playout()
        self._painted: list[float] = []

    def clear(self) -> None:
        """Another source begins."""
        self._playout.clear()
        self._painted.clear()
        self.latency = self.network_rate = 0.0
        self.video.clear()

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
            late = now - frame.arrived
            if self.network_rate:  # the very first frame waited for the network to be built
                self.latency = late if not self.latency else self.latency + 0.1 * (late - self.latency)
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
        return fresh
