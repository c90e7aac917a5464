"""Which picture and which skeleton belong on the screen now. No Qt.

The network's answer comes some forty milliseconds after its picture. Shown at once, the skeleton
would trail behind a moving limb. So both are played out a little late, by a delay that follows the
measured latency: the picture keeps the camera's own rhythm whatever the network does, and the
skeleton is interpolated between the two poses around the picture shown.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final

import numpy as np

from app.capture import Frame
from app.skeleton import Pose

# A delay up to this is not felt as a lag of one's own mirror image. A slower network's skeleton trails.
LONGEST_DELAY: Final = 0.16
STALE: Final = 0.5  # seconds after which a skeleton no longer belongs to the picture


@dataclass(frozen=True, kw_only=True, eq=False)
class Shown:
    """What to paint. pose: None when nobody was seen or nothing is known yet."""

    frame: Frame
    pose: Pose | None


class Playout:
    """Holds the last few frames and poses. `now` is monotonic seconds, given by the caller."""

    def __init__(self) -> None:
        self._frames: deque[Frame] = deque(maxlen=24)
        self._poses: deque[tuple[float, Pose | None]] = deque(maxlen=24)
        self._shown: Shown | None = None
        self._settled = False
        self._delay = 0.0

    def clear(self) -> None:
        """Forgets everything: another source begins."""
        self._frames.clear()
        self._poses.clear()
        self._shown = None
        self._settled = False
        self._delay = 0.0

    @property
    def delay(self) -> float:
        """Seconds between a frame's arrival and its showing."""
        return self._delay

    def add_frame(self, frame: Frame) -> None:
        self._frames.append(frame)

    def add_pose(self, frame: Frame, pose: Pose | None, now: float) -> None:
        """The pose seen in a frame. Its lateness steers the delay: up at once, down slowly."""
        self._poses.append((frame.arrived, pose))
        late = min(LONGEST_DELAY, max(0.0, now - frame.arrived))
        self._delay = late if late > self._delay else self._delay + 0.02 * (late - self._delay)

    def shown(self, now: float) -> Shown | None:
        """The newest frame that is old enough, with its pose; None before the first frame.

        The same object again while nothing better is known.
        """
        due = now - self._delay
        frame = self._shown.frame if self._shown is not None else None
        while self._frames and (frame is None or self._frames[0].arrived <= due):
            frame = self._frames.popleft()
        if frame is None:
            return None
        if self._shown is None or frame is not self._shown.frame or not self._settled:
            pose, self._settled = self._pose_at(frame.arrived)
            if self._shown is None or (frame, pose) != (self._shown.frame, self._shown.pose):
                self._shown = Shown(frame=frame, pose=pose)
        return self._shown

    def _pose_at(self, moment: float) -> tuple[Pose | None, bool]:
        """The pose at a moment, and whether it is final: later poses would not change it."""
        before: tuple[float, Pose | None] | None = None
        for known in self._poses:
            if known[0] == moment:
                return known[1], True
            if known[0] > moment:
                if before is None or before[1] is None or known[1] is None:
                    return (before[1] if before is not None else None), True
                share = (moment - before[0]) / (known[0] - before[0])
                return _between(before[1], known[1], share), True
            before = known
        if before is None or moment - before[0] > STALE:
            return None, False
        return before[1], False


def _between(a: Pose, b: Pose, share: float) -> Pose:
    """The pose at share (0..1) of the way from a to b."""
    share32 = np.float32(share)
    return Pose(
        time=a.time + share * (b.time - a.time),
        xy=a.xy + share32 * (b.xy - a.xy),
        xyz=a.xyz + share32 * (b.xyz - a.xyz),
        confidence=np.minimum(a.confidence, b.confidence),
    )
