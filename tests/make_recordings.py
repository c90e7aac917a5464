"""Makes the golden recordings: noisy sets of the made-up athlete, with their truth.

Those in tests/recordings are for the tests of counting and rules; those in coach_rules/tests, one a rule
file, done right, for the rule files' own tests.

    python -m tests.make_recordings

The truth is written from how the motion was made, never from what Formcue made of it.
"""  # fmt: skip

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np

from app.recording import RecordedFrame, Recording, save_recording
from app.rules import LIBRARY
from app.skeleton import Pose
from tests.faults import FAULTS, faulty
from tests.faults import FPS as FAULT_FPS
from tests.motion import MOTIONS, PLANK, PRONE, STANDING, Motion, joints, play, reps, seen

FOLDER = Path(__file__).parent / "recordings"
FPS = 15.0
NOISE = 0.012  # metres


def along(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """(time, part) along smooth steps between (time, part) points."""
    times = np.arange(points[0][0], points[-1][0], 1 / FPS)
    out = []
    for t in times.tolist():
        i = max(k for k, point in enumerate(points) if point[0] <= t)
        (t0, a), (t1, b) = points[i], points[min(i + 1, len(points) - 1)]
        part = 0.0 if t1 == t0 else (t - t0) / (t1 - t0)
        out.append((t, a + (b - a) * part * part * (3 - 2 * part)))
    return out


def save(
    name: str, exercise: str, poses: list[Pose], turns: list[float], sides: list[str], rules: list[str]
) -> None:
    """rules: the reminders that must be given at least once; no other may be."""
    save_poses(FOLDER / f"{name}.poses.gz", poses, FPS)
    truth = {"exercise": exercise, "turns": turns, "sides": sides, "rules": rules}
    (FOLDER / f"{name}.json").write_text(json.dumps(truth, indent=1) + "\n", "utf-8")


def save_poses(path: Path, poses: list[Pose], fps: float) -> None:
    path.parent.mkdir(exist_ok=True)
    frames = tuple(RecordedFrame(time=pose.time, pose=pose) for pose in poses)
    save_recording(path, Recording(source="made up", width=640, height=480, fps=fps, frames=frames))


def library() -> None:
    """Two repetitions of every exercise and a plank of five seconds, done right and with each fault."""
    curve = reps(2, seconds=2.0, rest=0.5, still=0.8, fps=10.0)
    for name, motion in MOTIONS.items():
        save_poses(LIBRARY / "tests" / f"{name}.poses.gz", play(motion, curve, noise=NOISE), 10.0)
    plank = [seen(joints(PLANK), i / 10) for i in range(50)]
    save_poses(LIBRARY / "tests" / "plank.poses.gz", plank, 10.0)
    for name, faults in FAULTS.items():
        for rule in faults:
            save_poses(LIBRARY / "tests" / f"{name}-{rule}.poses.gz", faulty(name, rule), FAULT_FPS)


def main() -> None:
    library()
    squat = along(
        [(0, 0), (1, 0), (2, 1), (3, 0), (4, 1), (5, 0), (5.6, 0.3), (6.2, 0), (7.5, 1), (8.5, 0), (9.5, 0)]
    )
    save("squat-good", "squat", play(MOTIONS["squat"], squat, noise=NOISE), [2.0, 4.0, 7.5], ["both"] * 3, [])

    half = replace(MOTIONS["squat"].turn, trunk=62, thigh=(55, 12), shin=(-22, 4))
    shallow = Motion(start=STANDING, turn=half)
    curve = along([(0, 0), (1, 0), (2.2, 1), (2.8, 1), (4, 0), (5.2, 1), (5.8, 1), (7, 0), (8, 0)])
    save("squat-shallow-leaning", "squat", play(shallow, curve, noise=NOISE), [2.5, 5.5], ["both"] * 2,
         ["leaning", "shallow"])  # fmt: skip

    sagging = Motion(
        start=replace(PRONE, trunk=54, thigh=(-84, 3), shin=(-84, 2)),
        turn=replace(MOTIONS["push_up"].turn, trunk=70, thigh=(-100, 3), shin=(-100, 2)),
        anchor=MOTIONS["push_up"].anchor,
    )
    curve = along([(0, 0), (1, 0), (2, 1), (3, 0), (4, 1), (5, 0), (6, 1), (7, 0), (8, 0)])
    save(
        "push_up-sagging",
        "push_up",
        play(sagging, curve, noise=NOISE),
        [2.0, 4.0, 6.0],
        ["both"] * 3,
        ["hips_sag"],
    )

    random = np.random.default_rng(2)
    poses = []
    left = along([(0, 0), (1, 0), (2, 1), (3, 0), (5, 0), (6, 1), (7, 0), (10, 0)])
    right = along([(0, 0), (3, 0), (4, 1), (5, 0), (7, 0), (8, 1), (9, 0), (10, 0)])
    for (t, a), (_, b) in zip(left, right, strict=True):
        arms = {side: {"forearm": (12 + 138 * p, 4)} for side, p in (("left", a), ("right", b))}
        points = joints(replace(STANDING, left=arms["left"], right=arms["right"]))
        poses.append(seen(points + random.normal(0, NOISE, points.shape), t, yaw=25))
    save(
        "biceps_curl-alternating",
        "biceps_curl",
        poses,
        [2.0, 4.0, 6.0, 8.0],
        ["left", "right", "left", "right"],
        [],
    )


if __name__ == "__main__":
    main()
