"""Exercises of a made-up athlete: postures given by the directions of the segments, so that truth is known.

A posture names for each segment where it points, in the athlete's own world (x to the athlete's left, y up,
z forward): `flex` degrees in the plane of walking (0 down, 90 forward, 180 up, -90 back) and `aside` degrees
out to the side. A motion goes from the start posture (0) to the turning posture (1) and back.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from app.skeleton import NUM_JOINTS, Joint, Pose

LENGTHS = {"upper_arm": 0.29, "forearm": 0.25, "thigh": 0.42, "shin": 0.43}
TRUNK, HALF_SHOULDERS, HALF_HIPS = 0.50, 0.19, 0.10
PIXELS_PER_METRE = 180.0
CENTRE = (320.0, 240.0)

Direction = tuple[float, float]  # flex, aside


@dataclass(frozen=True)
class Posture:
    """trunk: forward lean, degrees (90 face down, -90 on the back). Limbs: both sides alike unless `left`
    or `right` says otherwise. anchor: the joint that stays in its place. toe: flex of the foot."""

    trunk: float = 2.0
    upper_arm: Direction = (5.0, 8.0)
    forearm: Direction = (12.0, 4.0)
    thigh: Direction = (3.0, 3.0)
    shin: Direction = (-4.0, 2.0)
    toe: float = 85.0
    heel: float = 0.0
    head: float = 10.0
    left: Mapping[str, Direction] = field(default_factory=dict)
    right: Mapping[str, Direction] = field(default_factory=dict)

    def limb(self, side: str, segment: str) -> Direction:
        own = self.left if side == "left" else self.right
        return own.get(segment, getattr(self, segment))


def between(a: Posture, b: Posture, part: float) -> Posture:
    """The posture `part` of the way from a to b."""

    def mix(x: float, y: float) -> float:
        return x + part * (y - x)

    def both(segment: str, side: str) -> Direction:
        p, q = a.limb(side, segment), b.limb(side, segment)
        return mix(p[0], q[0]), mix(p[1], q[1])

    return replace(
        a,
        trunk=mix(a.trunk, b.trunk),
        toe=mix(a.toe, b.toe),
        heel=mix(a.heel, b.heel),
        head=mix(a.head, b.head),
        left={segment: both(segment, "left") for segment in LENGTHS},
        right={segment: both(segment, "right") for segment in LENGTHS},
    )


def _point(direction: Direction, side: float) -> np.ndarray:
    flex, aside = math.radians(direction[0]), math.radians(direction[1])
    return np.array(
        [side * math.sin(aside), -math.cos(flex) * math.cos(aside), math.sin(flex) * math.cos(aside)]
    )


def joints(posture: Posture) -> np.ndarray:
    """(19, 3) metres in the athlete's world, mid-hip at the origin."""
    p = np.zeros((NUM_JOINTS, 3))
    lean = math.radians(posture.trunk)
    up = np.array([0.0, math.cos(lean), math.sin(lean)])
    nod = math.radians(posture.trunk + posture.head)
    head = np.array([0.0, math.cos(nod), math.sin(nod)])
    face = np.array([0.0, -math.sin(nod), math.cos(nod)])
    p[Joint.neck] = (TRUNK + 0.05) * up
    p[Joint.nose] = p[Joint.neck] + 0.15 * head + 0.09 * face
    p[Joint.head_top] = p[Joint.neck] + 0.30 * head
    for side, sign in (("left", 1.0), ("right", -1.0)):
        out = np.array([sign, 0.0, 0.0])
        shoulder, hip = TRUNK * up + HALF_SHOULDERS * out, HALF_HIPS * out
        elbow = shoulder + LENGTHS["upper_arm"] * _point(posture.limb(side, "upper_arm"), sign)
        knee = hip + LENGTHS["thigh"] * _point(posture.limb(side, "thigh"), sign)
        shin = posture.limb(side, "shin")
        ankle = knee + LENGTHS["shin"] * _point(shin, sign)
        toe = _point((posture.toe, 10.0), sign)
        for name, place in (
            ("shoulder", shoulder),
            ("hip", hip),
            ("elbow", elbow),
            ("wrist", elbow + LENGTHS["forearm"] * _point(posture.limb(side, "forearm"), sign)),
            ("knee", knee),
            ("ankle", ankle),
            ("heel", ankle - 0.05 * toe + np.array([0.0, posture.heel - 0.06, 0.0])),
            ("toe", ankle + 0.17 * toe - np.array([0.0, 0.06, 0.0])),
        ):
            p[Joint[f"{side}_{name}"]] = place
    return p


def seen(points: np.ndarray, time: float, *, yaw: float = 90.0, scale: float = PIXELS_PER_METRE) -> Pose:
    """The Pose that a camera sees. yaw: 0 from the front, 90 from the athlete's left, 180 from the back."""
    c, s = math.cos(math.radians(yaw)), math.sin(math.radians(yaw))
    x, y, z = points[:, 0], points[:, 1], points[:, 2]
    # From the front the athlete's left is on the picture's right, and forward is towards the camera.
    camera = np.stack([c * x - s * z, -y, -c * z - s * x], axis=1)
    middle = (camera[Joint.left_hip] + camera[Joint.right_hip]) / 2
    return Pose(
        time=time,
        xy=(camera[:, :2] * scale + CENTRE).astype(np.float32),
        xyz=(camera - middle).astype(np.float32),
        confidence=np.full(NUM_JOINTS, 0.95, np.float32),
    )


@dataclass(frozen=True)
class Motion:
    """start and turn: the two postures. anchor: the joints whose mean place stays where it is."""

    start: Posture
    turn: Posture
    anchor: tuple[Joint, ...] = (Joint.left_ankle, Joint.right_ankle)
    yaw: float = 90.0

    def at(self, part: float) -> np.ndarray:
        points = joints(between(self.start, self.turn, part))
        return points - points[list(self.anchor)].mean(axis=0)


def play(
    motion: Motion | Callable[[float], np.ndarray],
    curve: Iterable[tuple[float, float]],
    *,
    yaw: float | None = None,
    noise: float = 0.0,
    seed: int = 0,
) -> list[Pose]:
    """Poses of a motion along (time, part) pairs. noise: metres, added to every joint."""
    random = np.random.default_rng(seed)
    at = motion.at if isinstance(motion, Motion) else motion
    angle = yaw if yaw is not None else motion.yaw if isinstance(motion, Motion) else 90.0
    poses = []
    for time, part in curve:
        points = at(part)
        if noise:
            points = points + random.normal(0.0, noise, points.shape)
        poses.append(seen(points, time, yaw=angle))
    return poses


def reps(
    count: int,
    *,
    seconds: float = 2.4,
    rest: float = 0.6,
    still: float = 1.0,
    depth: float = 1.0,
    fps: float = 25.0,
    end_still: float | None = None,
) -> list[tuple[float, float]]:
    """(time, part): still, then `count` times out and back in `seconds` with `rest` between, then still."""
    end = still if end_still is None else end_still
    total = still + count * (seconds + rest) + end
    out = []
    for i in range(round(total * fps)):
        t = i / fps
        at = t - still
        part = 0.0
        if 0 <= at < count * (seconds + rest):
            within = at % (seconds + rest)
            part = depth * (1 - math.cos(2 * math.pi * min(within, seconds) / seconds)) / 2
        out.append((t, part))
    return out


_WRISTS = (Joint.left_wrist, Joint.right_wrist)
_SHOULDERS = (Joint.left_shoulder, Joint.right_shoulder)
_HIPS = (Joint.left_hip, Joint.right_hip)
_KNEES = (Joint.left_knee, Joint.right_knee)
STANDING = Posture()
SUPINE = Posture(trunk=-88, upper_arm=(10, 15), forearm=(150, 5), thigh=(150, 5), shin=(20, 5), toe=90)
ON_FOURS = Posture(trunk=80, upper_arm=(0, 5), forearm=(0, 2), thigh=(0, 3), shin=(-88, 3), toe=-120)
PRONE = Posture(trunk=70, upper_arm=(0, 8), forearm=(0, 4), thigh=(-70, 3), shin=(-70, 2), toe=0)

# One motion for every exercise of the library, done right, from a view that can judge it.
MOTIONS: dict[str, Motion] = {
    "squat": Motion(
        STANDING, Posture(trunk=35, upper_arm=(70, 5), forearm=(80, 2), thigh=(85, 12), shin=(-28, 4))
    ),
    "push_up": Motion(
        PRONE,
        replace(PRONE, trunk=86, thigh=(-86, 3), shin=(-86, 2), upper_arm=(-112, 40), forearm=(15, -10)),
        anchor=_WRISTS,
    ),
    "biceps_curl": Motion(STANDING, replace(STANDING, upper_arm=(8, 6), forearm=(150, 2)), yaw=60),
    "jumping_jack": Motion(
        replace(STANDING, upper_arm=(0, 12), forearm=(0, 10)),
        Posture(upper_arm=(180, 20), forearm=(180, 5), thigh=(0, 22), shin=(0, 22)),
        yaw=0,
    ),
    "lunge": Motion(
        STANDING,
        Posture(
            trunk=5,
            left={"thigh": (80, 3), "shin": (-5, 2)},
            right={"thigh": (-15, 3), "shin": (-100, 2)},
        ),
        anchor=(Joint.left_ankle,),
    ),
    "sit_up": Motion(SUPINE, replace(SUPINE, trunk=-15, upper_arm=(60, 15), forearm=(140, 5)), anchor=_HIPS),
    "crunch": Motion(SUPINE, replace(SUPINE, trunk=-62, head=30), anchor=_HIPS),
    "pull_up": Motion(
        Posture(trunk=0, upper_arm=(175, 12), forearm=(178, 2), thigh=(0, 3), shin=(-20, 2), toe=30),
        Posture(trunk=-5, upper_arm=(20, 40), forearm=(178, -12), thigh=(0, 3), shin=(-20, 2), toe=30),
        anchor=_WRISTS,
        yaw=180,
    ),
    "deadlift": Motion(
        Posture(trunk=65, upper_arm=(-5, 3), forearm=(0, 1), thigh=(70, 8), shin=(-25, 2)),
        replace(STANDING, upper_arm=(0, 3), forearm=(2, 2)),
    ),
    "glute_bridge": Motion(
        replace(SUPINE, upper_arm=(-85, 15), forearm=(-88, 5)),
        replace(SUPINE, trunk=-113, upper_arm=(-70, 15), forearm=(-75, 5), thigh=(112, 5), shin=(5, 5)),
        anchor=_SHOULDERS,
    ),
    "lateral_raise": Motion(STANDING, replace(STANDING, upper_arm=(10, 85), forearm=(20, 80)), yaw=0),
    "front_raise": Motion(STANDING, replace(STANDING, upper_arm=(88, 5), forearm=(92, 2))),
    "shoulder_press": Motion(
        replace(STANDING, upper_arm=(10, 60), forearm=(180, 5)),
        replace(STANDING, upper_arm=(180, 15), forearm=(180, 2)),
        yaw=0,
    ),
    "calf_raise": Motion(
        STANDING, replace(STANDING, toe=45, heel=0.03), anchor=(Joint.left_toe, Joint.right_toe)
    ),
    "side_leg_raise": Motion(
        STANDING,
        replace(STANDING, left={"thigh": (0, 42), "shin": (0, 40)}),
        anchor=(Joint.right_ankle,),
        yaw=0,
    ),
    "donkey_kick": Motion(
        ON_FOURS, replace(ON_FOURS, left={"thigh": (-95, 3), "shin": (-175, 2)}), anchor=_WRISTS
    ),
}

# The plank is held: on the forearms, body in one line.
PLANK = replace(PRONE, trunk=84, upper_arm=(0, 8), forearm=(88, -5), thigh=(-84, 3), shin=(-84, 2))
