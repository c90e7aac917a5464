"""The demonstrations: one repetition of an exercise as a loop of bodies in a room. Needs numpy only.

The loops lie in assets/demonstrations, made by `python -m app.training.pose_loops`. A body in a room is
(19, 3) metres: x to the picture's right, y up from the floor, z towards the viewer.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from app.recording import RecordingError, load_recording
from app.skeleton import NUM_JOINTS, Joint, Pose

FOLDER: Final = Path(__file__).resolve().parent.parent / "assets" / "demonstrations"

Body = NDArray[np.float64]  # (19, 3), axes of the room


@dataclass(frozen=True, kw_only=True, eq=False)
class Demonstration:
    """A loop of bodies.

    bodies: (N, 19, 3) metres in the room, the middle of the loop above the origin. seconds: of one round.
    """

    exercise: str
    bodies: NDArray[np.float64]
    seconds: float

    def at(self, time: float) -> Body:
        """The body `time` seconds after the start, round after round, between the frames too."""
        count = len(self.bodies)
        place = (time / self.seconds % 1.0) * count
        first = int(place) % count
        share = place - int(place)
        body: Body = (1 - share) * self.bodies[first] + share * self.bodies[(first + 1) % count]
        return body

    def most_moved(self) -> Body:
        """The body that is furthest from the first one: the turning point."""
        way = np.linalg.norm(self.bodies - self.bodies[0], axis=2).sum(axis=1)
        body: Body = self.bodies[int(way.argmax())]
        return body


@lru_cache(maxsize=32)
def load_demonstration(exercise: str, folder: Path = FOLDER) -> Demonstration | None:
    """The loop of an exercise, or None where there is none. Raises RecordingError for a damaged file."""
    path = folder / f"{exercise}.poses.gz"
    if not path.is_file():
        return None
    recording = load_recording(path)
    poses = [frame.pose for frame in recording.frames if frame.pose is not None]
    if not poses:
        raise RecordingError(f"{path}: nobody is in it")
    bodies = np.stack([in_room(pose) for pose in poses])
    bodies[:, :, 1] -= bodies[:, :, 1].min()
    middle = (bodies.max(axis=(0, 1)) + bodies.min(axis=(0, 1))) / 2
    bodies -= middle * (1.0, 0.0, 1.0)
    return Demonstration(exercise=exercise, bodies=bodies, seconds=len(poses) / recording.fps)


def pixels_per_metre(pose: Pose) -> float | None:
    """The scale that fits the 3D joints to those in the picture in the least squares sense.

    None when the joints are all in one place.
    """
    weight = pose.confidence.astype(np.float64) ** 2
    total = float(weight.sum())
    if total <= 0.0:
        return None
    weight /= total
    flat = pose.xy - weight @ pose.xy
    solid = pose.xyz[:, :2] - weight @ pose.xyz[:, :2]
    spread = float(weight @ (solid**2).sum(axis=1))
    across = float(weight @ (flat * solid).sum(axis=1))
    return across / spread if spread > 1e-6 and across > 0.0 else None


def in_room(pose: Pose, scale: float | None = None) -> Body:
    """A pose as a body in the room: where the hips are in the picture says where they are in the room.

    scale: pixels a metre (default: of this pose). The floor is not known from one pose: y is up from the
    picture's top edge, and z is 0 between the hips.
    """
    scale = scale or pixels_per_metre(pose)
    body = pose.xyz.astype(np.float64) * (1.0, -1.0, -1.0)
    if scale is not None:
        hips = pose.xy[[Joint.left_hip, Joint.right_hip]].mean(axis=0)
        body[:, :2] += hips * (1.0, -1.0) / scale
    assert body.shape == (NUM_JOINTS, 3)
    return body
