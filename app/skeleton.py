"""The body model: joints, bones, left/right pairs, and a person's pose. Needs numpy only.

Image coordinates are pixels of the full frame, x right and y down. World coordinates are
metres in the camera's axes: X right, Y down, Z away from the camera, origin mid-hip.
"left" and "right" are always the athlete's own, whatever the picture shows.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]


class Joint(IntEnum):
    """The named points of the body; the value is the joint's channel everywhere."""

    head_top = 0
    nose = 1
    neck = 2
    left_shoulder = 3
    right_shoulder = 4
    left_elbow = 5
    right_elbow = 6
    left_wrist = 7
    right_wrist = 8
    left_hip = 9
    right_hip = 10
    left_knee = 11
    right_knee = 12
    left_ankle = 13
    right_ankle = 14
    left_heel = 15
    right_heel = 16
    left_toe = 17
    right_toe = 18


JOINT_NAMES: Final[tuple[str, ...]] = tuple(joint.name for joint in Joint)
NUM_JOINTS: Final = len(JOINT_NAMES)

# Drawn and measured segments, from the trunk outwards.
BONES: Final[tuple[tuple[Joint, Joint], ...]] = (
    (Joint.head_top, Joint.nose),
    (Joint.nose, Joint.neck),
    (Joint.left_shoulder, Joint.right_shoulder),
    (Joint.left_shoulder, Joint.left_hip),
    (Joint.right_shoulder, Joint.right_hip),
    (Joint.left_hip, Joint.right_hip),
    (Joint.left_shoulder, Joint.left_elbow),
    (Joint.left_elbow, Joint.left_wrist),
    (Joint.right_shoulder, Joint.right_elbow),
    (Joint.right_elbow, Joint.right_wrist),
    (Joint.left_hip, Joint.left_knee),
    (Joint.left_knee, Joint.left_ankle),
    (Joint.right_hip, Joint.right_knee),
    (Joint.right_knee, Joint.right_ankle),
    (Joint.left_ankle, Joint.left_heel),
    (Joint.left_heel, Joint.left_toe),
    (Joint.left_ankle, Joint.left_toe),
    (Joint.right_ankle, Joint.right_heel),
    (Joint.right_heel, Joint.right_toe),
    (Joint.right_ankle, Joint.right_toe),
)


def mirrored(name: str) -> str:
    """The same name on the body's other side: "left_knee" -> "right_knee", "nose" -> "nose"."""
    if name.startswith("left_"):
        return "right_" + name.removeprefix("left_")
    if name.startswith("right_"):
        return "left_" + name.removeprefix("right_")
    return name


# MIRROR[j] is joint j's partner: indexing with it swaps left and right.
MIRROR: Final = np.array([Joint[mirrored(joint.name)] for joint in Joint], dtype=np.intp)


@dataclass(frozen=True, kw_only=True, eq=False)
class Pose:
    """All joints of one person in one frame.

    time: capture time of the frame, monotonic seconds.
    xy: (19, 2) image coordinates, pixels of the full frame.
    xyz: (19, 3) world coordinates, metres, camera axes, origin mid-hip.
    confidence: (19,) in 0..1.
    """

    time: float
    xy: FloatArray
    xyz: FloatArray
    confidence: FloatArray

    def __post_init__(self) -> None:
        """Raises ValueError when a shape is not that of this skeleton."""
        for name, shape in (("xy", (NUM_JOINTS, 2)), ("xyz", (NUM_JOINTS, 3)), ("confidence", (NUM_JOINTS,))):
            found = getattr(self, name).shape
            if found != shape:
                raise ValueError(f"Pose.{name} has shape {found}, expected {shape}")
