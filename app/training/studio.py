"""The studio: draws people in random poses, clothes, light and places, with exact joints.

Everything is drawn from the numbers that a picture is given, so a picture can be made again. What
decides its labels and what decides only its looks come from separate generators: other backgrounds
leave the labels as they were.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from app.errors import UsageError, first_line
from app.skeleton import NUM_JOINTS, Joint
from app.training import props
from app.training.archives import BROKEN, open_arrays
from app.training.bodies import SIDES, Array, Body, BodyPose, PosedBody, body_model
from app.training.canvas import Camera, Canvas, Image, Mesh
from app.training.motions import MOTIONS, Style, motion_pose
from app.training.places import Backgrounds, contacts, in_the_way, random_camera, random_light, random_place
from app.training.poses import MotionCapture, mirrored_pose, pose_from_joints, random_pose
from app.training.wardrobe import Dressed, Outfit, dress

BATCH: Final = 16  # bodies shaped at once
_SITTING: Final = ("seated", "desk", "shoulder_press")
_BARBELL_LIFTS: Final = ("deadlift", "shoulder_press", "bent_row", "biceps_curl")
_LIFTS: Final = (*_BARBELL_LIFTS, "lateral_raise", "front_raise", "lunge")


@dataclass(frozen=True, kw_only=True, eq=False)
class Rendered:
    """One picture with its labels.

    image: (H, W, 3) BGR. xy: (19, 2) pixels from the picture's corner (the first pixel's middle is
    (0.5, 0.5)), also of joints outside it. xyz: (19, 3) metres, X right, Y down, Z away from the
    camera, origin mid-hip. depth: (19,) Z * focal / distance: on the scale of xy (weak perspective).
    visible: (19,) inside the picture; what hides behind something counts. focal: pixels; distance:
    metres from the camera's plane to mid-hip. kind: where the pose came from. person: its number; the
    same one looks the same and holds still in every view. world: (19, 3) metres, Y up, the floor at 0.
    """

    image: Image
    xy: Array
    xyz: Array
    depth: Array
    visible: NDArray[np.bool_]
    focal: float
    distance: float
    kind: str
    person: int
    world: Array
    camera: Camera


class PoseSource(Protocol):
    """Draws poses at random."""

    def draw(self, body: Body, rng: np.random.Generator) -> tuple[BodyPose, str]:
        """(pose for this body, its name)."""


class ExercisePoses:
    """The exercises of motions.py at any place of their repetition, loosely done."""

    def __init__(self) -> None:
        # What lies, hangs or kneels is what photographs of people rarely show: more of it.
        heavy = {"push_up": 2.5, "sit_up": 2.0, "squat": 2.0, "plank": 1.5, "glute_bridge": 1.5, "lunge": 1.5,
                 "crunch": 1.5, "deadlift": 1.3, "donkey_kick": 1.3}  # fmt: skip
        self._names = list(MOTIONS)
        weights = np.array([heavy.get(name, 1.0) for name in self._names])
        self._share = weights / weights.sum()

    def draw(self, body: Body, rng: np.random.Generator) -> tuple[BodyPose, str]:
        name = self._names[rng.choice(len(self._names), p=self._share)]
        depth = float(np.clip(rng.beta(0.7, 0.7) * rng.uniform(0.7, 1.12), 0, 1.1))
        pose = motion_pose(name, depth, body.proportions, Style.sample(rng))
        return (mirrored_pose(pose) if rng.random() < 0.5 else pose), name


class RandomPoses:
    """Random joint angles."""

    def draw(self, body: Body, rng: np.random.Generator) -> tuple[BodyPose, str]:
        return random_pose(body.proportions, rng), "random"


class CapturedPoses:
    """Frames of an optical motion capture; see poses.MotionCapture."""

    def __init__(self, path: Path) -> None:
        self._capture = MotionCapture(path)

    def draw(self, body: Body, rng: np.random.Generator) -> tuple[BodyPose, str]:
        pose = self._capture.pose(int(rng.integers(self._capture.count)), rng)
        return (mirrored_pose(pose) if rng.random() < 0.5 else pose), "mocap"


class FoundPoses:
    """Poses found in photographs: (N, 19, 3) metres in camera axes (X right, Y down, Z away)."""

    def __init__(self, xyz: Array) -> None:
        self._xyz = np.asarray(xyz, dtype=np.float64) * np.array([1.0, -1.0, -1.0])

    @classmethod
    def load(cls, paths: Sequence[Path], least: float = 0.25) -> FoundPoses:
        """From .npz files with xyz and confidence (or teacher_xyz and teacher_confidence), taking the
        people all of whose limbs were found with at least the confidence `least`.

        Raises UsageError when a file has no such arrays or nobody is left.
        """
        kept = []
        for path in paths:
            with _opened(path) as file:
                prefix = "teacher_" if "teacher_xyz" in file else ""
                if f"{prefix}xyz" not in file or f"{prefix}confidence" not in file:
                    raise UsageError(f"{path}: no arrays xyz and confidence in it")
                limbs = file[f"{prefix}confidence"][:, Joint.left_shoulder : Joint.left_heel]
                sure = (limbs >= least).all(axis=1)
                if "val" in file:  # poses kept for validation stay unseen
                    sure &= ~file["val"]
                kept.append(file[f"{prefix}xyz"][sure])
        xyz = np.concatenate(kept) if kept else np.zeros((0, NUM_JOINTS, 3))
        if not len(xyz):
            raise UsageError(f"{', '.join(map(str, paths))}: no pose found with confidence {least} or more")
        return cls(xyz)

    def draw(self, body: Body, rng: np.random.Generator) -> tuple[BodyPose, str]:
        joints = self._xyz[rng.integers(len(self._xyz))]
        pose = pose_from_joints(joints, rng)
        if rng.random() < 0.5:
            pose = mirrored_pose(pose)
        # A little noise, so that one photograph gives many poses.
        noise = Rotation.from_rotvec(rng.normal(0, np.radians(5), (len(pose.rotations), 3))).as_matrix()
        return BodyPose(rotations=noise @ pose.rotations, grip=pose.grip), "found"


def _opened(path: Path) -> Any:
    try:
        return open_arrays(path)
    except BROKEN as error:
        raise UsageError(f"{path}: cannot be read as .npz ({first_line(error)})") from None


def equipment(body: PosedBody, kind: str, rng: np.random.Generator) -> list[Mesh]:
    """What is in the hands, and what the exercise needs to sit at or to hang from."""
    meshes: list[Mesh] = []
    hands = {side: props.fist(body, side) for side in SIDES}
    if rng.random() < (0.6 if kind in _LIFTS else 0.06):
        if kind in _BARBELL_LIFTS and rng.random() < 0.45:
            meshes += props.barbell(hands["left"][0], hands["right"][0], rng)
        else:
            for middle, along in hands.values():
                meshes += props.dumbbell(middle, along, rng)
    elif kind == "squat" and rng.random() < 0.3:
        across = body.joints[Joint.left_shoulder] - body.joints[Joint.right_shoulder]
        back = np.cross(across, body.rotations[1][:, 1])
        at = (body.joints[Joint.left_shoulder] + body.joints[Joint.right_shoulder]) / 2
        at = at + 0.1 * back / max(float(np.linalg.norm(back)), 1e-6) + np.array([0, 0.05, 0])
        meshes += props.barbell(at + across / 2, at - across / 2, rng)
    elif kind == "pull_up":
        left, right = hands["left"][0], hands["right"][0]
        across = (left - right) / max(float(np.linalg.norm(left - right)), 1e-6)
        meshes.append(props.cylinder(left + across, right - across, 0.016, np.full(3, rng.uniform(0.1, 0.7))))
    knee = min(body.joints[Joint[f"{side}_knee"]][1] for side in SIDES)
    if kind in _SITTING and abs(body.joints[Joint.left_hip][1] - knee) < 0.2 and knee > 0.3:
        meshes += props.chair(body, rng)
        if kind == "desk":
            meshes += props.desk(body, rng)
    return meshes


def body_mesh(posed: PosedBody, body: Body, dressed: Dressed) -> Mesh:
    """A dressed body for the canvas."""
    return Mesh(
        vertices=posed.vertices,
        normals=posed.normals,
        faces=dressed.faces,
        colours=dressed.skin,
        fields=dressed.fields,
        rest=body.vertices,
    )


def garment_colours(outfit: Outfit) -> tuple[Array, Array, Array]:
    """What Canvas.draw wants to know of an outfit."""
    return np.array(outfit.colours), np.array(outfit.second), np.array(outfit.pattern, dtype=float)


@dataclass(frozen=True, kw_only=True)
class Flaws:
    """Of cameras and old clips: which share of the pictures has each."""

    small: float = 0.3  # a small person in a small video
    unsharp: float = 0.25  # of those that are not small
    motion_blur: float = 0.12
    contrast: float = 0.5  # and brightness
    grey: float = 0.08
    noise: float = 0.5
    jpeg: float = 0.5


FLAWS: Final = Flaws()


def spoil(image: Image, rng: np.random.Generator, flaws: Flaws) -> Image:
    """A BGR picture (S, S, 3) as a bad camera or an old clip would show it."""
    size = image.shape[0]
    result: Any = image.astype(np.float32)
    if rng.random() < flaws.small:
        small = int(size * rng.uniform(0.3, 0.85))
        result = cv2.resize(result, (small, small), interpolation=cv2.INTER_AREA)
        result = cv2.resize(result, (size, size), interpolation=cv2.INTER_LINEAR)
    elif rng.random() < flaws.unsharp:
        result = cv2.GaussianBlur(result, (0, 0), rng.uniform(0.4, 1.4))
    if rng.random() < flaws.motion_blur:
        length = int(rng.integers(3, 12))
        kernel: Any = np.zeros((length, length), np.float32)
        kernel[length // 2] = 1.0 / length
        turn = cv2.getRotationMatrix2D(((length - 1) / 2, (length - 1) / 2), rng.uniform(0, 180), 1.0)
        kernel = cv2.warpAffine(kernel, turn, (length, length))
        result = cv2.filter2D(result, -1, kernel / max(float(kernel.sum()), 1e-6))
    if rng.random() < flaws.contrast:
        contrast, shift = rng.uniform(0.7, 1.25), rng.normal(0, 12)
        result = (result - 128) * contrast + 128 + shift
    if rng.random() < flaws.grey:
        result = np.repeat(result.mean(axis=2, keepdims=True), 3, axis=2)
    if rng.random() < flaws.noise:
        result = result + rng.normal(0, rng.uniform(1, 9), result.shape).astype(np.float32)
    result8 = np.clip(result, 0, 255).astype(np.uint8)
    if rng.random() < flaws.jpeg:
        quality = int(rng.integers(25, 80))
        done, data = cv2.imencode(".jpg", result8, [cv2.IMWRITE_JPEG_QUALITY, quality])
        if done:
            result8 = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), dtype=np.uint8)
    return result8


class Studio:
    """Renders pictures: bodies, poses, clothes, light, camera, background, all drawn from one generator.

    views: how many cameras look at each person; picture n shows person n // views.
    """

    def __init__(
        self,
        *,
        backgrounds: Backgrounds,
        sources: Sequence[tuple[float, PoseSource]],
        size: int = 256,
        views: int = 1,
        flaws: Flaws = FLAWS,
    ) -> None:
        self._model = body_model()
        self._canvas = Canvas(size, size)
        self._backgrounds = backgrounds
        self._sources = [source for _, source in sources]
        shares = np.array([share for share, _ in sources], dtype=float)
        self._shares = shares / shares.sum()
        self._size = size
        self._views = views
        self._flaws = flaws

    @property
    def renderer(self) -> str:
        """What OpenGL calls the device that draws."""
        return self._canvas.renderer

    def pictures(self, seed: int, numbers: Sequence[int]) -> Iterator[Rendered]:
        """The pictures of these numbers under a seed; each is the same whichever others are made."""
        people: dict[int, list[Body]] = {}
        for number in numbers:
            person, view = divmod(number, self._views)
            batch = person // BATCH
            if batch not in people:
                people = {batch: self._model.sample(np.random.default_rng([seed, batch, 2]), BATCH)}
            yield self._picture(people[batch][person % BATCH], seed, person, view)

    def _picture(self, body: Body, seed: int, person: int, view: int) -> Rendered:
        labels, looks = (np.random.default_rng([seed, person, stream]) for stream in (0, 1))
        source = self._sources[labels.choice(len(self._sources), p=self._shares)]
        pose, kind = source.draw(body, labels)
        outfit = Outfit.sample(looks, male=body.male)
        dressed = dress(body, outfit)
        posed = body.posed(pose, dressed.surface)
        posed = posed.moved(np.array([0.0, _above_floor(kind, labels) - posed.vertices[:, 1].min(), 0.0]))
        place, light = random_place(posed, looks), random_light(looks)
        meshes = [body_mesh(posed, body, dressed)]
        if outfit.tail > 0:
            meshes += props.ponytail(posed, outfit.tail, np.array(outfit.colours[3]), body.height / 1.7)
        meshes += equipment(posed, kind, looks) + in_the_way(posed, looks)

        # The same person before another camera: only what the camera decides is drawn anew.
        labels, looks = (np.random.default_rng([seed, person, stream, view]) for stream in (3, 4))
        camera = random_camera(posed, self._size, labels)
        middle = (posed.vertices.min(axis=0) + posed.vertices.max(axis=0)) / 2
        drawn = self._canvas.draw(
            meshes + place.meshes(camera, posed.vertices),
            camera,
            light,
            garments=garment_colours(outfit),
            shadow_reach=(middle, 1.8),
            contacts=contacts(posed),
        ).astype(np.float32)
        alpha = drawn[..., 3:] / 255.0
        behind = self._backgrounds.draw(self._size, looks)
        image = np.clip(drawn[..., 2::-1] + (1.0 - alpha) * behind, 0, 255).astype(np.uint8)
        seen = camera.to_camera(posed.joints)
        hips = (seen[Joint.left_hip] + seen[Joint.right_hip]) / 2
        xyz, xy = seen - hips, camera.project(posed.joints)
        return Rendered(
            image=spoil(image, looks, self._flaws),
            xy=xy,
            xyz=xyz,
            depth=xyz[:, 2] * camera.focal / hips[2],
            visible=np.all((xy >= 0) & (xy < self._size), axis=1),
            focal=camera.focal,
            distance=float(hips[2]),
            kind=kind,
            person=person,
            world=posed.joints,
            camera=camera,
        )


def _above_floor(kind: str, rng: np.random.Generator) -> float:
    """Metres between the floor and the body's lowest point: who hangs or jumps does not touch it."""
    if kind == "pull_up":
        return float(rng.uniform(0.05, 0.6))
    airborne = {"jumping_jack": 0.4, "found": 0.25, "random": 0.2}.get(kind, 0.0)
    return float(rng.uniform(0.02, 0.4)) if rng.random() < airborne else 0.0
