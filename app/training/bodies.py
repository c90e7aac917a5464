"""Human bodies of any shape, and how they take a pose. Needs the package `anny`.

Axes of this module and of poses.py: metres, X to the athlete's left, Y up, Z to the front.

A pose is one rotation per segment of the body (see SEGMENTS), relative to the *neutral* stance:
upright, facing +Z, arms hanging, palms to the thighs, legs straight, toes to the front. The body
mesh follows by linear blend skinning, v' = sum_b w_b (G_b (v - h_b) + h'_b), with h_b the head of
bone b in the rest shape and h'_b its place after the parents have turned.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.spatial.transform import Rotation, Slerp

from app.errors import FormcueError
from app.skeleton import NUM_JOINTS, Joint

Array = NDArray[np.float64]

SIDES: Final = ("left", "right")
_LIMB_PARTS: Final = ("upper_arm", "forearm", "hand", "thigh", "shin", "foot", "toes")
SEGMENTS: Final = ("pelvis", "chest", "head", *(f"{side}_{part}" for side in SIDES for part in _LIMB_PARTS))
SEGMENT: Final = {name: index for index, name in enumerate(SEGMENTS)}


class BodiesMissingError(FormcueError):
    """The body model cannot be loaded; one line that says how to mend it."""


@dataclass(frozen=True, kw_only=True, eq=False)
class BodyPose:
    """How the segments are turned.

    rotations: (17, 3, 3), world <- neutral, in the order of SEGMENTS.
    grip: (left, right), 0 = stretched fingers, 1 = fist.
    """

    rotations: Array
    grip: tuple[float, float] = (0.3, 0.3)

    def turned(self, rotation: Array) -> BodyPose:
        """The same pose with the whole body turned by a (3, 3) rotation."""
        return BodyPose(rotations=rotation @ self.rotations, grip=self.grip)


@dataclass(frozen=True, kw_only=True, eq=False)
class Proportions:
    """Lengths of one body in metres, for poses that must touch the floor or a bar."""

    hip_half: float
    pelvis: float  # mid-hip to the middle of the spine
    chest: float  # middle of the spine to the middle of the shoulders
    shoulder_half: float
    upper_arm: float
    forearm: float
    hand: float  # wrist to knuckles
    thigh: float
    shin: float
    ankle: float  # height of the ankle's centre above the sole
    foot: float  # ankle to toe tip, along the floor


@dataclass(frozen=True, kw_only=True, eq=False)
class PosedBody:
    """vertices, normals: (V, 3); joints: (19, 3) in the order of Joint; bones: name -> head (3,)."""

    vertices: Array
    normals: Array
    joints: Array
    bones: dict[str, Array]
    rotations: Array

    def moved(self, shift: Array, turn: Array | None = None) -> PosedBody:
        """The body shifted by (3,) metres, then turned about the origin by a (3, 3) rotation."""
        around = np.eye(3) if turn is None else turn

        def place(points: Array) -> Array:
            return np.asarray((points + shift) @ around.T)

        return PosedBody(
            vertices=place(self.vertices),
            normals=self.normals @ around.T,
            joints=place(self.joints),
            bones={name: place(point) for name, point in self.bones.items()},
            rotations=around @ self.rotations,
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Body:
    """One person in the rest shape (arms held away from the trunk).

    vertices, normals: (V, 3); heads: (B, 3) of the bones; align: (17, 3, 3) neutral <- rest.
    arm, leg: (V,) place along the limb, 0 at its root, 1 at the elbow or knee, 2 at the wrist or ankle.
    """

    model: BodyModel
    vertices: Array
    normals: Array
    heads: Array
    align: Array
    proportions: Proportions
    arm: Array
    leg: Array
    markers: Array  # (6, 3): head top, nose, left heel, right heel, left toe, right toe at rest
    height: float
    male: bool

    def posed(self, pose: BodyPose, surface: tuple[Array, Array] | None = None) -> PosedBody:
        """The body in a pose, mid-hip at the origin; `surface` are the rest vertices and normals of the
        dressed body, if it is."""
        model = self.model
        turns = model.bone_rotations(pose, self)
        heads = np.empty_like(self.heads)
        heads[0] = self.heads[0]
        for bone in range(1, len(heads)):
            parent = model.parents[bone]
            heads[bone] = heads[parent] + turns[parent] @ (self.heads[bone] - self.heads[parent])
        middle = (heads[model.bone["upperleg01.L"]] + heads[model.bone["upperleg01.R"]]) / 2
        heads -= middle
        shift = heads - np.einsum("bij,bj->bi", turns, self.heads)
        affine = model.weights @ np.concatenate([turns.reshape(-1, 9), shift], axis=1)
        linear = affine[:, :9].reshape(-1, 3, 3)
        rest, rest_normals = surface or (self.vertices, self.normals)
        vertices = np.einsum("vij,vj->vi", linear, rest) + affine[:, 9:]
        normals = np.einsum("vij,vj->vi", linear, rest_normals)
        normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9)
        bones = {name: heads[index] for name, index in model.bone.items()}

        joints = np.zeros((NUM_JOINTS, 3))
        for joint, bone_name in _JOINT_BONES.items():
            joints[joint] = bones[bone_name]
        # Annotators of photographs mark the neck where it leaves the trunk, a little under the
        # first neck bone's head.
        joints[Joint.neck] = 0.85 * bones["neck01"] + 0.15 * (bones["clavicle.L"] + bones["clavicle.R"]) / 2
        for joint, point, bone_name in zip(_MARKERS, self.markers, _MARKER_BONES, strict=True):
            index = model.bone[bone_name]
            joints[joint] = turns[index] @ point + shift[index]
        return PosedBody(
            vertices=vertices, normals=normals, joints=joints, bones=bones, rotations=pose.rotations
        )


_JOINT_BONES: Final = {
    Joint.left_shoulder: "upperarm01.L",
    Joint.right_shoulder: "upperarm01.R",
    Joint.left_elbow: "lowerarm01.L",
    Joint.right_elbow: "lowerarm01.R",
    Joint.left_wrist: "wrist.L",
    Joint.right_wrist: "wrist.R",
    Joint.left_hip: "upperleg01.L",
    Joint.right_hip: "upperleg01.R",
    Joint.left_knee: "lowerleg01.L",
    Joint.right_knee: "lowerleg01.R",
    Joint.left_ankle: "foot.L",
    Joint.right_ankle: "foot.R",
}
_MARKERS: Final = (
    Joint.head_top, Joint.nose, Joint.left_heel, Joint.right_heel, Joint.left_toe, Joint.right_toe,
)  # fmt: skip
_MARKER_BONES: Final = ("head", "head", "foot.L", "foot.R", "toe1-1.L", "toe1-1.R")


class BodyModel:
    """The parametric body. The first construction on a machine takes a minute or two (anny builds
    and caches its model), later ones a few seconds.

    Raises BodiesMissingError when the package is not installed.
    """

    def __init__(self) -> None:
        try:
            import warp

            warp.config.log_level = 40  # errors; else it lists its devices on standard output
            import anny
        except ImportError:
            raise BodiesMissingError(
                "rendering needs the package anny, which is not installed: pip install '.[train]'"
            ) from None
        import warnings

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            self._anny: Any = anny.create_fullbody_model(rig="default", topology="default")
        labels: list[str] = list(self._anny.bone_labels)
        self.bone: dict[str, int] = {name: index for index, name in enumerate(labels)}
        self.parents: list[int] = list(self._anny.bone_parents)
        values = self._anny.vertex_bone_weights.numpy().astype(np.float64)
        columns = self._anny.vertex_bone_indices.numpy()
        count, width = values.shape
        rows = np.repeat(np.arange(count), width)
        self.weights = sparse.csr_matrix(
            (values.ravel(), (rows, columns.ravel())), shape=(count, len(labels))
        )
        self.base_index = self._anny.base_mesh_vertex_indices.numpy()
        self.faces = self._anny.get_triangular_faces().numpy().astype(np.int32)
        self._corner = sparse.csr_matrix(
            (np.ones(self.faces.size), (self.faces.ravel(), np.repeat(np.arange(len(self.faces)), 3))),
            shape=(count, len(self.faces)),
        )
        # Row v averages the neighbours of vertex v.
        ring = self._corner @ self._corner.T
        ring.setdiag(0)
        ring.data[:] = np.minimum(ring.data, 1.0)
        ring.eliminate_zeros()
        degree = np.maximum(np.asarray(ring.sum(axis=1)).ravel(), 1.0)
        self.average = sparse.csr_matrix(sparse.diags(1.0 / degree) @ ring)

        def share(test: Any) -> Array:
            chosen = [index for name, index in self.bone.items() if test(name)]
            return np.asarray(self.weights[:, chosen].sum(axis=1)).ravel()

        hand = ("wrist", "finger", "metacarpal")
        arm = ("upperarm", "lowerarm", *hand)
        leg = ("upperleg", "lowerleg", "foot", "toe")
        self.arm_share = {s: share(lambda n, s=s: n.startswith(arm) and n.endswith(s)) for s in "LR"}
        self.leg_share = {s: share(lambda n, s=s: n.startswith(leg) and n.endswith(s)) for s in "LR"}
        self.hand_share = share(lambda n: n.startswith(hand))
        self.foot_share = share(lambda n: n.startswith(("foot", "toe")))
        self.face_bones = set(labels[self.bone["head"] :])
        self.head_share = share(lambda n: n in self.face_bones)
        self.lip_share = share(lambda n: n.startswith("oris"))
        # MakeHuman's base mesh keeps the eyeballs behind the body's own vertices.
        self.eyes = (self.base_index >= 14598) & (self.base_index <= 14741)
        self._segment_of = [self._segment(name) for name in labels]

    @staticmethod
    def _segment(bone: str) -> tuple[str, str, float]:
        """(segment a, segment b, share of b) that a bone follows."""
        if bone in ("root", "spine05") or bone.startswith("pelvis"):
            return "pelvis", "pelvis", 0.0
        trunk = {"spine04": 0.3, "spine03": 0.6, "spine02": 0.85}
        if bone in trunk:
            return "pelvis", "chest", trunk[bone]
        if bone.startswith(("spine01", "breast")):
            return "chest", "chest", 0.0
        neck = {"neck01": 0.25, "neck02": 0.5, "neck03": 0.75}
        if bone in neck:
            return "chest", "head", neck[bone]
        side = {"L": "left", "R": "right"}.get(bone.rpartition(".")[2], "")
        for start, part in (
            ("clavicle", ("chest", "upper_arm", 0.12)),
            ("shoulder01", ("chest", "upper_arm", 0.35)),
            ("upperarm", ("upper_arm", "upper_arm", 0.0)),
            ("lowerarm01", ("forearm", "forearm", 0.0)),
            ("lowerarm02", ("forearm", "hand", 0.5)),
            ("wrist", ("hand", "hand", 0.0)),
            ("metacarpal", ("hand", "hand", 0.0)),
            ("finger", ("hand", "hand", 0.0)),
            ("upperleg", ("thigh", "thigh", 0.0)),
            ("lowerleg", ("shin", "shin", 0.0)),
            ("foot", ("foot", "foot", 0.0)),
            ("toe", ("toes", "toes", 0.0)),
        ):
            if bone.startswith(start) and side:
                a, b, share = part
                return (a if a == "chest" else f"{side}_{a}"), f"{side}_{b}", share
        return "head", "head", 0.0

    def bone_rotations(self, pose: BodyPose, body: Body) -> Array:
        """(B, 3, 3) world <- rest rotation of every bone."""
        turns = pose.rotations @ body.align
        blends: dict[tuple[str, str, float], Array] = {}
        result = np.empty((len(self.parents), 3, 3))
        for index, key in enumerate(self._segment_of):
            if key not in blends:
                first, second, share = key
                a, b = turns[SEGMENT[first]], turns[SEGMENT[second]]
                blends[key] = a if share == 0.0 else _between(a, b, share)
            result[index] = blends[key]
        for side, letter, grip in (("left", "L", pose.grip[0]), ("right", "R", pose.grip[1])):
            self._curl(result, turns[SEGMENT[f"{side}_hand"]], body, letter, grip)
        return result

    def _curl(self, result: Array, hand: Array, body: Body, letter: str, grip: float) -> None:
        def at(name: str) -> Array:
            return body.heads[self.bone[f"{name}.{letter}"]]

        across = _unit(at("finger5-1") - at("finger2-1"))
        # Positive turns about this axis bend the fingers into the palm.
        axis = across if letter == "L" else -across
        for finger in range(2, 6):
            for knuckle in range(1, 4):
                turn = Rotation.from_rotvec(axis * np.radians(80.0 * grip) * knuckle * 0.9).as_matrix()
                result[self.bone[f"finger{finger}-{knuckle}.{letter}"]] = hand @ turn
        for knuckle in (2, 3):
            turn = Rotation.from_rotvec(axis * np.radians(30.0 * grip) * knuckle * 0.7).as_matrix()
            result[self.bone[f"finger1-{knuckle}.{letter}"]] = hand @ turn

    def bodies(self, *, male: Array, height: Array, **phenotypes: Array) -> list[Body]:
        """Bodies of given shape: male (N,) 0 woman .. 1 man, height (N,) metres from sole to crown,
        and anny's age, muscle, weight, proportions (N,) in 0..1 (age 0.67 is a young adult)."""
        import torch

        given = {name: torch.as_tensor(value, dtype=torch.float32) for name, value in phenotypes.items()}
        given["gender"] = 1.0 - torch.as_tensor(male, dtype=torch.float32)
        with torch.no_grad():
            amounts = self._anny.get_phenotype_blendshape_coefficients(**given)
            rest = self._anny.get_rest_model(amounts)
        swap = [0, 2, 1]
        sign = np.array([1.0, 1.0, -1.0])
        vertices = rest["rest_vertices"].numpy().astype(np.float64)[..., swap] * sign
        heads = rest["rest_bone_heads"].numpy().astype(np.float64)[..., swap] * sign
        return [
            self._body(v, h, float(tall), bool(m > 0.5))
            for v, h, tall, m in zip(vertices, heads, height, male, strict=True)
        ]

    def sample(self, rng: np.random.Generator, count: int) -> list[Body]:
        """`count` different people: mostly adults of all builds, a few adolescents and old people."""
        male = (rng.random(count) < 0.55).astype(float)
        age = np.where(
            rng.random(count) < 0.08, rng.uniform(0.45, 0.6, count), rng.uniform(0.62, 0.95, count)
        )
        athletic = rng.random(count) < 0.6
        muscle = np.where(athletic, rng.uniform(0.5, 0.95, count), rng.uniform(0.2, 0.6, count))
        weight = np.where(athletic, rng.uniform(0.25, 0.6, count), rng.uniform(0.3, 0.95, count))
        height = np.where(male > 0.5, rng.normal(1.77, 0.07, count), rng.normal(1.65, 0.065, count))
        return self.bodies(
            male=np.clip(male + rng.normal(0, 0.08, count), 0, 1),
            height=height * np.where(age < 0.6, 0.92, 1.0),
            age=age,
            muscle=muscle,
            weight=weight,
            proportions=rng.uniform(0.2, 1.0, count),
        )

    def normals(self, vertices: Array) -> Array:
        """(V, 3) unit normals of a shape of this mesh."""
        a, b, c = (vertices[self.faces[:, corner]] for corner in range(3))
        normals: Array = self._corner @ np.cross(b - a, c - a)
        return normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)

    def _body(self, vertices: Array, heads: Array, height: float, male: bool) -> Body:
        solid = ~self.eyes
        tall = np.ptp(vertices[solid, 1])
        vertices, heads = vertices * (height / tall), heads * (height / tall)
        sole = vertices[:, 1].min()

        def at(name: str) -> Array:
            return heads[self.bone[name]]

        align = np.tile(np.eye(3), (len(SEGMENTS), 1, 1))
        arm, leg = np.zeros(len(vertices)), np.zeros(len(vertices))
        on_head = solid & (self.head_share > 0.9)
        crown = vertices[on_head][:, 1].argmax()
        middle = on_head & (np.abs(vertices[:, 0]) < 0.012) & (vertices[:, 1] > at("jaw")[1])
        nose = vertices[middle][vertices[middle][:, 2].argmax()]
        markers = np.empty((6, 3))
        markers[0] = vertices[on_head][crown] * (0.0, 1.0, 1.0)
        markers[0, 2] = (markers[0, 2] + at("head")[2]) / 2
        markers[1] = nose
        for number, (side, s) in enumerate(zip(SIDES, "LR", strict=True)):
            shoulder, elbow, wrist = at(f"upperarm01.{s}"), at(f"lowerarm01.{s}"), at(f"wrist.{s}")
            hip, knee, ankle = at(f"upperleg01.{s}"), at(f"lowerleg01.{s}"), at(f"foot.{s}")
            toe = at(f"toe1-2.{s}")
            # The rest arm is slightly bent to the front: its plane gives the elbow's axis.
            hinge = -np.cross(elbow - shoulder, wrist - elbow)
            knuckles = at(f"finger3-1.{s}")
            across = at(f"finger5-1.{s}") - at(f"finger2-1.{s}")
            # Neutral hands have the thumb in front, the little finger behind.
            outward = np.cross(wrist - knuckles, -across)
            ahead = (toe - ankle) * (1.0, 0.0, 1.0)
            axis = np.cross(ahead, knee - hip)
            for part, down, right in (
                ("upper_arm", elbow - shoulder, hinge),
                ("forearm", wrist - elbow, hinge),
                ("hand", knuckles - wrist, outward),
                ("thigh", knee - hip, axis),
                ("shin", ankle - knee, axis),
                ("foot", np.array([0.0, -1.0, 0.0]), axis),
                ("toes", np.array([0.0, -1.0, 0.0]), axis),
            ):
                align[SEGMENT[f"{side}_{part}"]] = frame(down, right).T
            arm += self.arm_share[s] * _along(vertices, shoulder, elbow, wrist)
            leg += self.leg_share[s] * _along(vertices, hip, knee, ankle)
            foot = np.flatnonzero(self.foot_share * self.leg_share[s] > 0.5)
            low = foot[vertices[foot, 1] < sole + 0.025 * height]
            direction = _unit(ahead)
            back = low[(vertices[low] @ direction).argmin()]
            markers[2 + number] = vertices[back]
            tip = low[(vertices[low] @ direction + 0.3 * _inwards(vertices[low], s)).argmax()]
            markers[4 + number] = 0.75 * vertices[tip] + 0.25 * toe

        shoulders = (at("upperarm01.L") + at("upperarm01.R")) / 2
        hips = (at("upperleg01.L") + at("upperleg01.R")) / 2
        lumbar = at("spine03")
        proportions = Proportions(
            hip_half=float(abs(at("upperleg01.L")[0])),
            pelvis=float(lumbar[1] - hips[1]),
            chest=float(shoulders[1] - lumbar[1]),
            shoulder_half=float(abs(at("upperarm01.L")[0])),
            upper_arm=_distance(at("upperarm01.L"), at("lowerarm01.L")),
            forearm=_distance(at("lowerarm01.L"), at("wrist.L")),
            hand=_distance(at("wrist.L"), at("finger3-1.L")),
            thigh=_distance(at("upperleg01.L"), at("lowerleg01.L")),
            shin=_distance(at("lowerleg01.L"), at("foot.L")),
            ankle=float(at("foot.L")[1] - sole),
            foot=_distance(at("foot.L") * (1, 0, 1), at("toe1-2.L") * (1, 0, 1)) + 0.02,
        )
        return Body(
            model=self,
            vertices=vertices,
            normals=self.normals(vertices),
            heads=heads,
            align=align,
            proportions=proportions,
            arm=arm,
            leg=leg,
            markers=markers,
            height=height,
            male=male,
        )


@cache
def body_model() -> BodyModel:
    """The model, loaded once in a process. Raises BodiesMissingError."""
    return BodyModel()


def _inwards(points: Array, letter: str) -> Array:
    """How far (N, 3) points of a foot lie towards the body's middle, where the big toe is."""
    return -points[:, 0] if letter == "L" else points[:, 0]


def frame(down: Array, right: Array) -> Array:
    """(3, 3) rotation whose -Y column is `down` and whose X column is nearest to `right`."""
    y = -_unit(down)
    x = _unit(right - (right @ y) * y)
    return np.stack([x, y, np.cross(x, y)], axis=1)


def _along(points: Array, root: Array, hinge: Array, tip: Array) -> Array:
    """Place of (V, 3) points along a limb: 0 at the root, 1 at the hinge, 2 at the tip."""
    upper, lower = hinge - root, tip - hinge
    first = (points - root) @ upper / (upper @ upper)
    second = (points - hinge) @ lower / (lower @ lower)
    return np.where(first + second < 1.0, np.minimum(first, 1.0), 1.0 + np.maximum(second, 0.0))


def _unit(vector: Array) -> Array:
    return vector / max(float(np.linalg.norm(vector)), 1e-12)


def _distance(a: Array, b: Array) -> float:
    return float(np.linalg.norm(a - b))


def _between(a: Array, b: Array, share: float) -> Array:
    """The rotation `share` of the way from a to b."""
    result: Array = Slerp([0.0, 1.0], Rotation.from_matrix(np.stack([a, b])))(share).as_matrix()
    return result
