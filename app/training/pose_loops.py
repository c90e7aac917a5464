"""The demonstrations of the library: one repetition of every exercise as a small loop of poses.

    python -m app.training.pose_loops [EXERCISE ...]

writes assets/demonstrations/ID.poses.gz from the same parametric motions that the rendered pictures show.
The loops are ordinary recorded pose files (see app/recording.py), seen exactly from the athlete's left:
from there the way of the hips through the room is in the picture too, and is kept (see app/demonstration.py).
"""  # fmt: skip

from __future__ import annotations

import argparse
import difflib
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from app.demonstration import FOLDER
from app.errors import EXIT_DONE, UsageError
from app.recording import RecordedFrame, Recording, save_recording
from app.skeleton import NUM_JOINTS, Joint, Pose
from app.training.bodies import Array, Body, body_model
from app.training.demonstration import athlete
from app.training.motions import MOTIONS, Style

FRAMES_PER_SECOND: Final = 15
WIDTH, HEIGHT, PIXELS_PER_METRE = 640, 480, 170.0

_ANKLES: Final = (Joint.left_ankle, Joint.right_ankle)
_WRISTS: Final = (Joint.left_wrist, Joint.right_wrist)
_SHOULDERS: Final = (Joint.left_shoulder, Joint.right_shoulder)
_HIPS: Final = (Joint.left_hip, Joint.right_hip)


@dataclass(frozen=True, kw_only=True)
class Loop:
    """How an exercise is shown.

    out, turn, back, rest: seconds. anchor: the joints that stay in their place. toes: the tips of the feet
    stay, not the ankles. inverted: it begins at the motion's depth 1 (a deadlift begins at the floor).
    hangs: nothing touches the floor.
    """

    out: float = 1.2
    turn: float = 0.35
    back: float = 1.1
    rest: float = 0.6
    anchor: tuple[Joint, ...] = _ANKLES
    style: Style = field(default_factory=Style)
    inverted: bool = False
    hangs: bool = False

    @property
    def seconds(self) -> float:
        """Length of the loop."""
        return self.out + self.turn + self.back + self.rest

    def depth_at(self, time: float) -> float:
        """Depth of the motion, 0 to 1, `time` seconds into the loop."""
        if time < self.out:
            depth = _ease(time / self.out)
        elif time < self.out + self.turn:
            depth = 1.0
        else:
            depth = 1.0 - _ease(min(1.0, (time - self.out - self.turn) / self.back))
        return 1.0 - depth if self.inverted else depth


LOOPS: Final[dict[str, Loop]] = {
    "squat": Loop(),
    "push_up": Loop(out=1.1, back=0.9, turn=0.2, anchor=_WRISTS),
    "biceps_curl": Loop(out=1.0, back=1.3),
    "jumping_jack": Loop(out=0.45, turn=0.1, back=0.45, rest=0.1),
    "lunge": Loop(),
    "sit_up": Loop(anchor=_HIPS),
    "crunch": Loop(out=0.8, back=0.8, anchor=_HIPS),
    "pull_up": Loop(anchor=_WRISTS, hangs=True),
    "deadlift": Loop(inverted=True, style=Style(lean=-0.2)),
    "glute_bridge": Loop(out=0.9, turn=0.6, back=0.9, anchor=_SHOULDERS),
    "lateral_raise": Loop(back=1.4),
    "front_raise": Loop(back=1.4),
    "shoulder_press": Loop(),
    "plank": Loop(out=1.5, turn=0.5, back=1.5, rest=0.5, anchor=_HIPS),
    "calf_raise": Loop(out=0.8, turn=0.5, back=0.9, anchor=(Joint.left_toe, Joint.right_toe)),
    "side_leg_raise": Loop(anchor=(Joint.right_ankle,)),
    "donkey_kick": Loop(out=0.8, back=0.9, anchor=_WRISTS),
}


def _ease(share: float) -> float:
    """From rest to rest with the least jerk (Flash and Hogan 1985)."""
    return float(share**3 * (10 - 15 * share + 6 * share**2))


def frames(name: str, body: Body) -> list[Array]:
    """The joints (19, 3) of every frame: metres, x to the athlete's left, y up from the floor, z ahead."""
    loop = LOOPS[name]
    out: list[Array] = []
    place: Array | None = None
    for number in range(round(loop.seconds * FRAMES_PER_SECOND)):
        figure = MOTIONS[name](loop.depth_at(number / FRAMES_PER_SECOND), body.proportions, loop.style)
        posed = body.posed(figure.pose())
        joints = posed.joints
        anchor = joints[list(loop.anchor)].mean(axis=0)
        if place is None:
            # Hanging from a bar, the feet are a hand's breadth above the floor at the lowest.
            place = anchor * 0.0
            place[1] = anchor[1] - posed.vertices[:, 1].min() + (0.12 if loop.hangs else 0.0)
        shift = place - anchor
        if not loop.hangs:
            shift[1] = -posed.vertices[:, 1].min()
        out.append(joints + shift)
    return out


def recording(name: str, body: Body) -> Recording:
    """The loop as it is seen from the athlete's left, the middle of its floor at the picture's middle."""
    points = np.stack(frames(name, body))
    points[:, :, [0, 2]] -= (points.max(axis=(0, 1)) + points.min(axis=(0, 1)))[[0, 2]] / 2
    seen = np.stack([-points[:, :, 2], -points[:, :, 1], -points[:, :, 0]], axis=2)  # camera axes
    shots = []
    for number, camera in enumerate(seen):
        middle = (camera[Joint.left_hip] + camera[Joint.right_hip]) / 2
        pose = Pose(
            time=number / FRAMES_PER_SECOND,
            xy=(camera[:, :2] * PIXELS_PER_METRE + (WIDTH / 2, HEIGHT - 40)).astype(np.float32),
            xyz=(camera - middle).astype(np.float32),
            confidence=np.ones(NUM_JOINTS, np.float32),
        )
        shots.append(RecordedFrame(time=pose.time, pose=pose))
    return Recording(
        source=f"demonstration of {name}",
        width=WIDTH,
        height=HEIGHT,
        fps=FRAMES_PER_SECOND,
        frames=tuple(shots),
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Writes the loops. Raises UsageError for an unknown exercise, BodiesMissingError, OutputError."""
    parser = argparse.ArgumentParser(prog="python -m app.training.pose_loops", description=__doc__)
    parser.add_argument("exercises", nargs="*", metavar="EXERCISE", help="only these (default: all)")
    names = parser.parse_args(arguments).exercises or list(LOOPS)
    for name in names:
        if name not in LOOPS:
            near = difflib.get_close_matches(name, LOOPS, n=1)
            hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(LOOPS)}"
            raise UsageError(f"no demonstration called {name!r}; {hint}")
    body, _ = athlete(body_model())
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in names:
        save_recording(FOLDER / f"{name}.poses.gz", recording(name, body))
        print(FOLDER / f"{name}.poses.gz")
    return EXIT_DONE


if __name__ == "__main__":
    sys.exit(main())
