"""Poses of the whole body: from joint positions, by random angles, and by a small figure to build
exercises with. Axes and the neutral stance are those of bodies.py.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
from scipy.spatial.transform import Rotation

from app.errors import UsageError, first_line
from app.skeleton import Joint
from app.training.archives import BROKEN, open_arrays
from app.training.bodies import SEGMENT, SEGMENTS, SIDES, Array, BodyPose, Proportions, frame

# Signs of "outwards" along X.
_OUT: Final = {"left": 1.0, "right": -1.0}


def rx(degrees: float) -> Array:
    """Turn about X: positive leans a standing body forward."""
    return _turn("x", degrees)


def ry(degrees: float) -> Array:
    """Turn about Y: positive turns a standing body to its left."""
    return _turn("y", degrees)


def rz(degrees: float) -> Array:
    """Turn about Z: positive leans a standing body to its right."""
    return _turn("z", degrees)


def _turn(axis: str, degrees: float) -> Array:
    result: Array = Rotation.from_euler(axis, degrees, degrees=True).as_matrix()
    return result


def unit(vector: Array) -> Array:
    """The vector at length 1 (a zero vector stays zero)."""
    return vector / max(float(np.linalg.norm(vector)), 1e-9)


class Figure:
    """A pose under construction: start upright, turn the parts, read .pose().

    All parts start neutral in the world. `root` is the place of mid-hip.
    """

    def __init__(self, proportions: Proportions) -> None:
        self.p = proportions
        self.root = np.zeros(3)
        self.turn: dict[str, Array] = {name: np.eye(3) for name in SEGMENTS}
        self.grip = [0.35, 0.35]

    def pose(self) -> BodyPose:
        """What was built."""
        rotations = np.stack([self.turn[name] for name in SEGMENTS])
        return BodyPose(rotations=rotations, grip=(self.grip[0], self.grip[1]))

    def trunk(self, pelvis: Array, chest: Array | None = None, head: Array | None = None) -> None:
        """Turn pelvis, chest (default: as the pelvis) and head (default: as the chest)."""
        self.turn["pelvis"] = pelvis
        self.turn["chest"] = pelvis if chest is None else chest
        self.turn["head"] = self.turn["chest"] if head is None else head

    def hip(self, side: str) -> Array:
        """Place of the hip joint."""
        return self.root + self.turn["pelvis"] @ np.array([_OUT[side] * self.p.hip_half, 0.0, 0.0])

    def shoulder(self, side: str) -> Array:
        """Place of the shoulder joint (the shoulder girdle held still)."""
        middle = self.turn["pelvis"] @ np.array([0.0, self.p.pelvis, 0.0])
        out = self.turn["chest"] @ np.array([_OUT[side] * self.p.shoulder_half, self.p.chest, 0.0])
        return self.root + middle + out

    def ankle(self, side: str) -> Array:
        """Place of the ankle joint."""
        thigh, shin = self.turn[f"{side}_thigh"], self.turn[f"{side}_shin"]
        return self.hip(side) - self.p.thigh * thigh[:, 1] - self.p.shin * shin[:, 1]

    def wrist(self, side: str) -> Array:
        """Place of the wrist joint."""
        upper, fore = self.turn[f"{side}_upper_arm"], self.turn[f"{side}_forearm"]
        return self.shoulder(side) - self.p.upper_arm * upper[:, 1] - self.p.forearm * fore[:, 1]

    def leg(
        self,
        side: str,
        *,
        flex: float = 0.0,
        out: float = 0.0,
        twist: float = 0.0,
        knee: float = 0.0,
        toes_up: float = 0.0,
    ) -> None:
        """Angles in degrees: hip flexion, abduction, outward twist; knee flexion; ankle dorsiflexion."""
        sign = _OUT[side]
        thigh = self.turn["pelvis"] @ rz(sign * out) @ rx(-flex) @ ry(sign * twist)
        shin = thigh @ rx(knee)
        self.turn[f"{side}_thigh"], self.turn[f"{side}_shin"] = thigh, shin
        self.foot(side, shin @ rx(-toes_up))

    def foot(self, side: str, rotation: Array, toes: Array | None = None) -> None:
        """Turn a foot; its toes follow unless given."""
        self.turn[f"{side}_foot"] = rotation
        self.turn[f"{side}_toes"] = rotation if toes is None else toes

    def leg_to(self, side: str, ankle: Array, pole: Array) -> None:
        """Bend a leg so that its ankle comes to a place, the knee pointing towards `pole` (3,)."""
        hip = self.hip(side)
        knee, end = _bend(hip, ankle, self.p.thigh, self.p.shin, pole)
        right = np.cross(pole, end - hip)
        if np.linalg.norm(right) < 1e-6:
            right = np.array([1.0, 0.0, 0.0])
        self.turn[f"{side}_thigh"] = frame(knee - hip, right)
        self.turn[f"{side}_shin"] = frame(end - knee, right)

    def arm(
        self,
        side: str,
        *,
        flex: float = 0.0,
        out: float = 0.0,
        twist: float = 0.0,
        elbow: float = 0.0,
        palm: float = 0.0,
        wrist: float = 0.0,
    ) -> None:
        """Angles in degrees: forward elevation, then sideways elevation, inward twist of the upper
        arm; elbow flexion; palm turned (90 = to the front when the arm hangs, -90 = to the back);
        wrist bent to the palm."""
        sign = _OUT[side]
        upper = self.turn["chest"] @ rz(sign * out) @ rx(-flex) @ ry(-sign * twist)
        fore = upper @ rx(-elbow)
        self.turn[f"{side}_upper_arm"], self.turn[f"{side}_forearm"] = upper, fore
        self.hand(side, palm, wrist)

    def hand(self, side: str, palm: float = 0.0, wrist: float = 0.0) -> None:
        """Turn the hand against its forearm; see arm()."""
        sign = _OUT[side]
        self.turn[f"{side}_hand"] = self.turn[f"{side}_forearm"] @ ry(sign * palm) @ rz(-sign * wrist)

    def arm_to(self, side: str, wrist: Array, pole: Array, palm: float = 0.0) -> None:
        """Bend an arm so that its wrist comes to a place, the elbow pointing towards `pole` (3,)."""
        shoulder = self.shoulder(side)
        elbow, end = _bend(shoulder, wrist, self.p.upper_arm, self.p.forearm, pole)
        right = -np.cross(pole, end - shoulder)
        if np.linalg.norm(right) < 1e-6:
            right = np.array([1.0, 0.0, 0.0])
        self.turn[f"{side}_upper_arm"] = frame(elbow - shoulder, right)
        self.turn[f"{side}_forearm"] = frame(end - elbow, right)
        self.hand(side, palm)


def _bend(root: Array, tip: Array, upper: float, lower: float, pole: Array) -> tuple[Array, Array]:
    """Two links from root to tip: (place of the hinge, reached tip). Law of cosines."""
    reach = tip - root
    distance = float(np.linalg.norm(reach))
    limit = np.clip(distance, abs(upper - lower) * 1.02 + 1e-6, (upper + lower) * 0.9995)
    along = reach / max(distance, 1e-9)
    side = unit(pole - (pole @ along) * along)
    part = (upper**2 - lower**2 + limit**2) / (2 * limit)
    height = np.sqrt(max(upper**2 - part**2, 0.0))
    return root + part * along + height * side, root + limit * along


def pose_from_joints(joints: Array, rng: np.random.Generator | None = None) -> BodyPose:
    """The pose whose limbs have the directions found in (19, 3) joints (Y up; any proportions).

    A head top of zeros is one that nobody found; the nose alone then gives the head's nod, and the neck
    is placed by the shoulders. Where a limb is straight its hinge cannot be seen: the knees then point as
    the feet do and the elbows as the chest suggests. Hands, which no joint shows, are turned at random
    with `rng`.
    """

    def at(joint: Joint) -> Array:
        return np.asarray(joints[joint], dtype=np.float64)

    hips = at(Joint.left_hip) - at(Joint.right_hip)
    shoulders = at(Joint.left_shoulder) - at(Joint.right_shoulder)
    middle = (at(Joint.left_hip) + at(Joint.right_hip)) / 2
    up = (at(Joint.left_shoulder) + at(Joint.right_shoulder)) / 2 - middle
    turn = {"pelvis": _across(hips, up), "chest": _across(shoulders, up)}
    chest = turn["chest"]
    neck = at(Joint.neck)
    if not at(Joint.head_top).any():
        girdle = (at(Joint.left_shoulder) + at(Joint.right_shoulder)) / 2
        neck = girdle + 0.3 * float(np.linalg.norm(shoulders)) * chest[:, 1]
    turn["head"] = _head(at(Joint.head_top), at(Joint.nose), neck, chest)
    for side in SIDES:
        part = {name: Joint[f"{side}_{name}"] for name in _LIMB_JOINTS}
        down = at(part["knee"]) - at(part["hip"])
        lower = at(part["ankle"]) - at(part["knee"])
        sole = at(part["toe"]) - at(part["heel"])
        straight = 0.7 * unit(np.cross(sole, down)) + 0.3 * turn["pelvis"][:, 0]
        axis = _hinge(unit(down), unit(lower), 1.0, straight)
        turn[f"{side}_thigh"] = frame(down, axis)
        turn[f"{side}_shin"] = frame(lower, axis)
        turn[f"{side}_foot"] = turn[f"{side}_toes"] = _foot(sole, lower, turn[f"{side}_shin"])

        down = at(part["elbow"]) - at(part["shoulder"])
        lower = at(part["wrist"]) - at(part["elbow"])
        hanging = _shortest(-chest[:, 1], unit(down)) @ chest[:, 0]
        axis = _hinge(unit(down), unit(lower), -1.0, hanging)
        turn[f"{side}_upper_arm"] = frame(down, axis)
        turn[f"{side}_forearm"] = frame(lower, axis)
        palm = wrist = 0.0
        if rng is not None:
            palm, wrist = float(rng.uniform(-80, 80)), float(rng.normal(0, 12))
        out = _OUT[side]
        turn[f"{side}_hand"] = turn[f"{side}_forearm"] @ ry(out * palm) @ rz(-out * wrist)
    grips = (0.3, 0.3) if rng is None else (float(rng.uniform(0, 1)), float(rng.uniform(0, 1)))
    return BodyPose(rotations=np.stack([turn[name] for name in SEGMENTS]), grip=grips)


def _head(crown: Array, nose: Array, neck: Array, chest: Array) -> Array:
    if crown.any():
        # The nose lies in front of the line from neck to crown.
        skull = np.cross(crown - neck, nose - (0.45 * crown + 0.55 * neck))
        head = _across(skull, crown - neck) if np.linalg.norm(skull) > 1e-3 else chest
    else:
        # Of an upright head the nose lies 39 degrees above the neck's horizon.
        ahead = unit(nose - neck)
        x = unit(chest[:, 0] - (chest[:, 0] @ ahead) * ahead)
        up = np.cross(ahead, x)
        rise = np.radians(39.0)
        y = np.sin(rise) * ahead + np.cos(rise) * up
        head = np.stack([x, y, np.cross(x, y)], axis=1)
    # No neck turns further; what was found beyond that is noise.
    turn = Rotation.from_matrix(chest.T @ head)
    angle = np.degrees(turn.magnitude())
    if angle > 65.0:
        head = chest @ Rotation.from_rotvec(turn.as_rotvec() * 65.0 / angle).as_matrix()
    return head


_LIMB_JOINTS: Final = ("hip", "knee", "ankle", "heel", "toe", "shoulder", "elbow", "wrist")


def _across(right: Array, up: Array) -> Array:
    """(3, 3) with X along `right` and Y nearest to `up`."""
    x = unit(right)
    y = unit(up - (up @ x) * x)
    return np.stack([x, y, np.cross(x, y)], axis=1)


def _hinge(upper: Array, lower: Array, sign: float, straight: Array) -> Array:
    """The hinge's axis of a limb from its two directions, `straight` where they are in line."""
    axis = sign * np.cross(upper, lower)
    bent = float(np.linalg.norm(axis))
    trust = np.clip((bent - 0.1) / 0.3, 0.0, 1.0)
    if axis @ straight < 0 and bent < 0.5:  # a joint bent the wrong way is noise, not a knee
        trust = 0.0
    return trust * axis / max(bent, 1e-9) + (1.0 - trust) * unit(straight)


def _foot(sole: Array, lower: Array, shin: Array) -> Array:
    z = unit(sole)
    x = shin[:, 0] - (shin[:, 0] @ z) * z
    if np.linalg.norm(x) < 0.2:
        x = np.cross(-unit(lower), z)
    x = unit(x)
    return np.stack([x, np.cross(z, x), z], axis=1)


def _shortest(a: Array, b: Array) -> Array:
    """The smallest rotation that turns unit vector a to b."""
    axis = np.cross(a, b)
    sine = float(np.linalg.norm(axis))
    if sine < 1e-6:
        return np.eye(3)
    angle = np.arctan2(sine, float(a @ b))
    result: Array = Rotation.from_rotvec(axis / sine * angle).as_matrix()
    return result


def random_pose(p: Proportions, rng: np.random.Generator) -> BodyPose:
    """Every joint at a random angle within what people can do; a fifth of the bodies are tumbled."""
    figure = Figure(p)

    def lean(spread: float) -> Array:
        return rx(rng.normal(0, spread)) @ rz(rng.normal(0, 0.6 * spread)) @ ry(rng.normal(0, spread))

    base = ry(0.0)
    kind = rng.random()
    if kind < 0.2:
        base = Rotation.random(rng=rng).as_matrix()
    elif kind < 0.4:  # lying on the back, front or a side
        base = rx(float(rng.choice([-90, 90])) + rng.normal(0, 15)) @ ry(rng.normal(0, 40))
    else:
        base = rx(rng.normal(10, 25)) @ rz(rng.normal(0, 12))
    bent = rx(max(rng.normal(12, 22), -20.0)) @ rz(rng.normal(0, 10)) @ ry(rng.normal(0, 15))
    chest = base @ bent
    figure.trunk(base, chest, chest @ rx(rng.normal(5, 18)) @ rz(rng.normal(0, 10)) @ ry(rng.normal(0, 28)))
    alike = rng.random() < 0.4
    leg: dict[str, float] = {}
    arm: dict[str, float] = {}
    for side in SIDES:
        if side == "left" or not alike:
            leg = {
                "flex": float(np.clip(rng.normal(40, 42), -25, 125)),
                "out": float(np.clip(rng.normal(12, 18), -20, 60)),
                "twist": float(np.clip(rng.normal(8, 18), -30, 45)),
                "knee": float(np.clip(rng.normal(50, 48), 0, 145)),
                "toes_up": float(np.clip(rng.normal(-10, 18), -50, 30)),
            }
            arm = {
                "flex": float(np.clip(rng.normal(50, 60), -50, 175)),
                "out": float(np.clip(rng.normal(30, 35), -25, 120)),
                "twist": float(np.clip(rng.normal(10, 40), -70, 80)),
                "elbow": float(np.clip(rng.normal(55, 48), 0, 148)),
                "palm": float(np.clip(rng.normal(0, 45), -85, 85)),
                "wrist": float(np.clip(rng.normal(0, 22), -60, 60)),
            }
            if leg["flex"] < 10:
                leg["out"] = min(leg["out"], 40.0)
        figure.leg(side, **leg)
        figure.arm(side, **arm)
    figure.grip = [float(rng.random()), float(rng.random())]
    return figure.pose()


_MOCAP: Final = {
    "left_hip": "l_hip", "right_hip": "r_hip", "left_knee": "l_knee", "right_knee": "r_knee",
    "left_ankle": "l_ankle", "right_ankle": "r_ankle", "left_shoulder": "l_shoulder",
    "right_shoulder": "r_shoulder", "left_elbow": "l_elbow", "right_elbow": "r_elbow",
    "left_wrist": "l_wrist", "right_wrist": "r_wrist", "left_toe": "l_toe", "right_toe": "r_toe",
}  # fmt: skip


def heel(ankle: Array, knee: Array, toe: Array) -> Array:
    """(..., 3) metres: under and behind the ankle, opposite to the toe; motion capture has no marker."""
    shin = ankle - knee
    down = shin / np.maximum(np.linalg.norm(shin, axis=-1, keepdims=True), 1e-9)
    return np.asarray(ankle + 0.05 * down - 0.25 * (toe - ankle))


class MotionCapture:
    """Frames of an optical motion capture in UI-PRMD's 18 joints (arrays frames x 18 x 3, millimetres,
    z up, names in `joint_names`; Vakanski et al. 2018). Frames with a lost marker are left out."""

    def __init__(self, path: Path, every: int = 5) -> None:
        try:
            with open_arrays(path) as file:
                names = [str(name) for name in file["joint_names"]]
                frames = [file[key][::every] for key in file.files if key != "joint_names"]
        except BROKEN as error:
            raise UsageError(f"{path}: no motion capture in it ({first_line(error)})") from None
        points = np.concatenate(frames).astype(np.float64)
        points = points[(points > -30000).all(axis=(1, 2))]
        # Z up to Y up.
        points = np.stack([points[..., 1], points[..., 2], points[..., 0]], axis=-1) / 1000.0
        self._at = {name: points[:, index] for index, name in enumerate(names)}
        self.count = len(points)

    def joints(self, index: int) -> Array:
        """(19, 3) metres, Y up: the joints of one frame; head top, nose and heels from those near them."""
        joints = np.zeros((len(Joint), 3))
        for ours, theirs in _MOCAP.items():
            joints[Joint[ours]] = self._at[theirs][index]
        for side, s in (("left", "l"), ("right", "r")):
            ankle, toe, knee = (self._at[f"{s}_{n}"][index] for n in ("ankle", "toe", "knee"))
            joints[Joint[f"{side}_heel"]] = heel(ankle, knee, toe)
        neck, head = self._at["neck"][index], self._at["head"][index]
        across = joints[Joint.left_shoulder] - joints[Joint.right_shoulder]
        ahead = unit(np.cross(across, neck - self._at["pelvis"][index]))
        joints[Joint.neck], joints[Joint.head_top] = neck, head + 0.5 * (head - neck)
        joints[Joint.nose] = head + 0.1 * ahead
        return joints

    def pose(self, index: int, rng: np.random.Generator) -> BodyPose:
        """The pose of one frame; what the markers do not show is filled in at random."""
        joints = self.joints(index)
        neck, across = joints[Joint.neck], joints[Joint.left_shoulder] - joints[Joint.right_shoulder]
        pose = pose_from_joints(joints, rng)
        # The spine marker tells pelvis from chest, which two girdles alone do not.
        spine = self._at["spine"][index]
        hips = joints[Joint.left_hip] - joints[Joint.right_hip]
        pose.rotations[SEGMENT["pelvis"]] = _across(hips, spine - self._at["pelvis"][index])
        pose.rotations[SEGMENT["chest"]] = _across(across, neck - spine)
        return BodyPose(rotations=pose.rotations, grip=pose.grip)


def mirrored_pose(pose: BodyPose) -> BodyPose:
    """The pose seen in a mirror: left and right exchanged."""
    flip = np.diag([-1.0, 1.0, 1.0])
    swapped = [SEGMENT[_partner(name)] for name in SEGMENTS]
    return BodyPose(rotations=flip @ pose.rotations[swapped] @ flip, grip=(pose.grip[1], pose.grip[0]))


def _partner(name: str) -> str:
    if name.startswith("left_"):
        return "right_" + name.removeprefix("left_")
    return "left_" + name.removeprefix("right_") if name.startswith("right_") else name
