"""One way to do each exercise for every reminder of its rule file, praise too, so that each is seen to fire.

A fault changes the start or the turning posture of the exercise done right (tests/motion.py), or how fast it
goes. `also` names the reminders that such a body cannot avoid bringing along.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from app.skeleton import Pose
from tests.motion import MOTIONS, PLANK, Motion, joints, play, seen

FPS = 10.0
NOISE = 0.008  # metres


@dataclass(frozen=True)
class Fault:
    """start, turn: what is different in the two postures. out, back: seconds of the ways out and back.

    depth: how far of the way it goes; of each repetition where they differ (otherwise there are two).
    yaw: where the camera stands (None: where the exercise is judged best).
    """

    start: Mapping[str, Any] = field(default_factory=dict)
    turn: Mapping[str, Any] = field(default_factory=dict)
    out: float = 1.0
    back: float = 1.0
    depth: float | tuple[float, ...] = 1.0
    yaw: float | None = None
    also: tuple[str, ...] = ()


FAULTS: dict[str, dict[str, Fault]] = {
    "biceps_curl": {
        "elbow_drifts": Fault(turn={"upper_arm": (58, 6), "forearm": (170, 2)}),
        "swinging": Fault(turn={"trunk": -26}, yaw=75),
        "not_lowered": Fault(start={"forearm": (62, 4)}),
        "not_lifted": Fault(depth=0.68),
        "uneven": Fault(depth=(1.0,) * 6, yaw=25),
    },
    "calf_raise": {
        "knees_bent": Fault(
            start={"thigh": (14, 3), "shin": (-13, 2)}, turn={"thigh": (16, 3), "shin": (-15, 2)}
        ),
        "low": Fault(turn={"toe": 70, "heel": 0.01}),
        "leaning": Fault(start={"trunk": 28}, turn={"trunk": 28}),
    },
    "crunch": {
        "too_high": Fault(turn={"trunk": -45}),
        "pulling_neck": Fault(turn={"head": 85}),
        "too_fast": Fault(back=0.2),
    },
    "deadlift": {
        "no_lockout": Fault(turn={"trunk": 26}),
        "hips_first": Fault(
            start={"trunk": 82, "thigh": (12, 6), "shin": (-6, 2), "upper_arm": (0, 3), "forearm": (0, 1)},
            out=4.0,
        ),
        "arms_bent": Fault(
            start={"upper_arm": (-30, 5), "forearm": (30, 2)},
            turn={"upper_arm": (-28, 5), "forearm": (32, 2)},
        ),
    },
    "donkey_kick": {
        "low": Fault(depth=0.5),
        "arched": Fault(turn={"trunk": 52}, back=1.6),
        "too_fast": Fault(back=0.2),
    },
    "front_raise": {
        "too_high": Fault(turn={"upper_arm": (122, 5), "forearm": (124, 2)}),
        "swinging": Fault(turn={"trunk": -26}),
        "arm_bent": Fault(start={"forearm": (55, 2)}, turn={"upper_arm": (85, 5), "forearm": (135, 2)}),
    },
    "glute_bridge": {
        "low": Fault(depth=0.6),
        "feet_far": Fault(start={"shin": (75, 5)}, turn={"shin": (65, 5)}),
        "too_fast": Fault(back=0.2),
    },
    "jumping_jack": {
        "arms_low": Fault(turn={"upper_arm": (180, 56), "forearm": (180, 30)}),
        "feet_narrow": Fault(turn={"thigh": (0, 4), "shin": (0, 4)}),
        "arms_bent": Fault(turn={"upper_arm": (180, 30), "forearm": (180, -35)}),
    },
    "lateral_raise": {
        "too_high": Fault(turn={"upper_arm": (170, 68), "forearm": (170, 66)}),
        "arms_bent": Fault(turn={"upper_arm": (10, 85), "forearm": (110, 25)}),
        "uneven": Fault(turn={"right": {"upper_arm": (10, 50), "forearm": (20, 45)}}),
    },
    "lunge": {
        "leaning": Fault(turn={"trunk": 46}),
        "shallow": Fault(depth=0.78),
        "knee_past_toes": Fault(
            turn={
                "left": {"thigh": (66, 3), "shin": (-48, 2)},
                "right": {"thigh": (-25, 3), "shin": (-105, 2)},
            },
            out=1.6,
            back=1.6,
        ),
    },
    "plank": {
        "hips_sag": Fault(start={"trunk": 72, "thigh": (-98, 3), "shin": (-90, 2)}),
        "hips_high": Fault(start={"trunk": 108, "thigh": (-64, 3), "shin": (-66, 2)}),
        "head_hangs": Fault(start={"head": 100}),
        "steady": Fault(),
    },
    "pull_up": {
        "chin_low": Fault(depth=0.65),
        "not_lowered": Fault(start={"upper_arm": (140, 30), "forearm": (178, -8)}),
        "swinging": Fault(turn={"trunk": -44, "thigh": (30, 3)}, yaw=90),
    },
    "push_up": {
        "hips_sag": Fault(
            start={"trunk": 54, "thigh": (-84, 3), "shin": (-84, 2)},
            turn={"trunk": 70, "thigh": (-100, 3), "shin": (-100, 2)},
        ),
        "hips_high": Fault(
            start={"trunk": 95, "thigh": (-45, 3), "shin": (-45, 2)},
            turn={"trunk": 112, "thigh": (-62, 3), "shin": (-62, 2)},
        ),
        "knees_bent": Fault(
            start={"thigh": (-62, 3), "shin": (-124, 2)}, turn={"thigh": (-78, 3), "shin": (-140, 2)}
        ),
        "shallow": Fault(depth=0.56),
        "too_fast": Fault(out=0.35, back=0.35, depth=1.2),
        "arms_bent_at_top": Fault(start={"upper_arm": (-35, 15), "forearm": (15, 0)}),
        "elbows_flared": Fault(turn={"upper_arm": (-20, 84), "forearm": (5, -12)}, yaw=35),
        "fading": Fault(depth=(1.0, 1.0, 1.0, 1.0, 0.62, 0.6, 0.58, 0.58), also=("shallow",)),
        "five_clean": Fault(depth=(1.0,) * 5),
    },
    "shoulder_press": {
        "not_up": Fault(depth=0.8),
        "uneven": Fault(turn={"right": {"upper_arm": (100, 70), "forearm": (180, 0)}}, also=("not_up",)),
        "leaning_back": Fault(start={"trunk": -24}, turn={"trunk": -26}, yaw=90),
    },
    "side_leg_raise": {
        "trunk_tilts": Fault(start={"trunk": 2}, turn={"trunk": 24}),
        "knee_bent": Fault(turn={"left": {"thigh": (0, 46), "shin": (-30, 10)}}),
        "too_fast": Fault(back=0.2),
    },
    "sit_up": {
        "not_up": Fault(depth=0.6),
        "pulling_neck": Fault(turn={"head": 85}),
        "too_fast": Fault(back=0.2),
    },
    "squat": {
        "knees_in": Fault(
            turn={"thigh": (80, -8), "shin": (-28, 16)}, start={"thigh": (3, 8), "shin": (-4, 4)}, yaw=0
        ),
        "leaning": Fault(turn={"trunk": 66}),
        "heels_up": Fault(turn={"toe": 55, "heel": 0.03}),
        "shallow": Fault(turn={"trunk": 30, "thigh": (62, 10), "shin": (-15, 4)}),
        "too_fast": Fault(out=0.25),
        "fading": Fault(depth=(1.0, 1.0, 1.0, 0.72, 0.7, 0.7, 0.68, 0.68), also=("shallow",)),
        "five_clean": Fault(depth=(1.0,) * 5),
    },
}


def _course(fault: Fault) -> list[tuple[float, float]]:
    """(time, part): still, then out and back once for each repetition, then still."""
    points = [(0.0, 0.0), (0.8, 0.0)]
    depths = fault.depth if isinstance(fault.depth, tuple) else (fault.depth, fault.depth)
    for depth in depths:
        at = points[-1][0]
        points += [(at + fault.out, depth), (at + fault.out + fault.back, 0.0)]
        points.append((points[-1][0] + 0.6, 0.0))
    course = []
    for i in range(int(points[-1][0] * FPS) + 4):
        t = i / FPS
        before = max(k for k, point in enumerate(points) if point[0] <= t)
        after = min(before + 1, len(points) - 1)
        (t0, a), (t1, b) = points[before], points[after]
        part = 0.0 if t1 == t0 else min(1.0, (t - t0) / (t1 - t0))
        course.append((t, a + (b - a) * part * part * (3 - 2 * part)))
    return course


def faulty(exercise: str, rule: str) -> list[Pose]:
    """Poses of the exercise done with that fault."""
    fault = FAULTS[exercise][rule]
    if exercise == "plank":
        wrong = replace(PLANK, **fault.start)
        return [seen(joints(wrong), i / FPS) for i in range(200 if rule == "steady" else 60)]
    if (exercise, rule) == ("biceps_curl", "uneven"):
        return _alternating(fault)
    right = MOTIONS[exercise]
    motion = Motion(
        start=replace(right.start, **fault.start),
        turn=replace(right.turn, **fault.turn),
        anchor=right.anchor,
        yaw=right.yaw,
    )
    return play(motion, _course(fault), yaw=fault.yaw, noise=NOISE)


def _alternating(fault: Fault) -> list[Pose]:
    """Curls of one arm after the other, the right one going less far."""
    poses, count = [], 0
    before = 0.0
    for time, part in _course(fault):
        if part > 0.0 and before == 0.0:
            count += 1
        before = part
        arm, way = ("left", 140.0) if count % 2 else ("right", 100.0)
        curled = {arm: {"forearm": (12.0 + way * part, 4.0)}}
        posture = replace(MOTIONS["biceps_curl"].start, **curled)
        poses.append(seen(joints(posture), time, yaw=fault.yaw or 0.0))
    return poses
