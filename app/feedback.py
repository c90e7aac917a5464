""" "Wrong cue" and "wrong rep": the last ten seconds of poses, kept for whoever writes the rules.

No picture is in them, and nothing is written before the athlete asks for it. What is written is a recorded
pose file, as `analyze --record` makes them: the rule studio opens it, `analyze` counts it again, and a rule
file can name it as a test.
"""

from __future__ import annotations

from collections import deque
from datetime import datetime
from pathlib import Path
from typing import Final, Literal

from app.files import OutputError
from app.recording import RecordedFrame, Recording, save_recording
from app.skeleton import Pose

SECONDS: Final = 10.0
FOLDER: Final = "feedback"  # in the data folder
Complaint = Literal["wrong_cue", "wrong_rep"]
COMPLAINTS: Final[tuple[Complaint, ...]] = ("wrong_cue", "wrong_rep")
_SLOWEST: Final = 5.0  # frames a second: of a recording of one frame, and of a camera that hangs


class PoseBuffer:
    """The poses of the last seconds.

        buffer.add(result.time, result.pose)                         # every step
        path = buffer.save(folder, "wrong_cue", "squat", when=now, size=(640, 480), about="shallow")
    """  # fmt: skip

    def __init__(self, seconds: float = SECONDS) -> None:
        self.seconds: Final = seconds
        self._frames: deque[RecordedFrame] = deque()

    def __len__(self) -> int:
        return len(self._frames)

    def add(self, time: float, pose: Pose | None) -> None:
        """time: of the frame, seconds; a time that goes back begins another recording."""
        if self._frames and time < self._frames[-1].time:
            self._frames.clear()
        self._frames.append(RecordedFrame(time=time, pose=pose))
        while time - self._frames[0].time > self.seconds:
            self._frames.popleft()

    def clear(self) -> None:
        """Another source, or another person."""
        self._frames.clear()

    def recording(self, *, source: str, size: tuple[int, int]) -> Recording:
        """What is in it, with times that begin at 0. size: width and height of the frames, pixels."""
        first = self._frames[0].time if self._frames else 0.0
        frames = tuple(RecordedFrame(time=frame.time - first, pose=frame.pose) for frame in self._frames)
        length = frames[-1].time if frames else 0.0
        fps = (len(frames) - 1) / length if length > 0.0 else _SLOWEST
        return Recording(
            source=source, width=size[0], height=size[1], fps=max(_SLOWEST, round(fps, 2)), frames=frames
        )

    def save(
        self,
        folder: Path,
        complaint: Complaint,
        exercise: str,
        *,
        when: datetime,
        size: tuple[int, int],
        about: str = "",
    ) -> Path:
        """Writes it as <folder>/<day>-<time>-<complaint>-<exercise>.poses.gz, and gives that path.

        about: the rule that was wrong, or nothing. Raises OutputError: also when nothing was seen yet.
        """
        if not self._frames:
            raise OutputError("nothing was seen in the last ten seconds; there is nothing to keep")
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(
                "{folder}: cannot be made ({reason}); choose another place",
                folder=folder,
                reason=error.strerror,
            ) from error
        words = " ".join(filter(None, (complaint.replace("_", " "), exercise, about)))
        path = folder / f"{when:%Y%m%d-%H%M%S}-{complaint}-{exercise}.poses.gz"
        save_recording(path, self.recording(source=words, size=size))
        return path
