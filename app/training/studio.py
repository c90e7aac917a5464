"""The studio: draws people in random poses, clothes, light and places, with exact joints.

Everything is drawn from the numbers that a picture is given, so a picture can be made again. What
decides its labels and what decides only its looks come from separate generators: other backgrounds
leave the labels as they were.
"""

from __future__ import annotations

import zipfile
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
from app.training.bodies import SIDES, Array, Body, BodyPose, PosedBody, body_model
from app.training.canvas import Camera, Canvas, Image, Light, Mesh, look_at
from app.training.motions import MOTIONS, Style, motion_pose
from app.training.poses import MotionCapture, mirrored_pose, pose_from_joints, random_pose, ry
from app.training.wardrobe import Dressed, Outfit, dress

BATCH: Final = 16  # bodies shaped at once


@dataclass(frozen=True, kw_only=True, eq=False)
class Rendered:
    """One picture with its labels.

    image: (H, W, 3) BGR. xy: (19, 2) pixels from the picture's corner (the first pixel's middle is
    (0.5, 0.5)), also of joints outside it. xyz: (19, 3) metres, X right, Y down, Z away from the
    camera, origin mid-hip. depth: (19,) Z * focal / distance: on the scale of xy (weak perspective).
    visible: (19,) inside the picture; what hides behind something counts. focal: pixels; distance:
    metres from the camera's plane to mid-hip. kind: where the pose came from.
    """

    image: Image
    xy: Array
    xyz: Array
    depth: Array
    visible: NDArray[np.bool_]
    focal: float
    distance: float
    kind: str


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
        return np.load(path, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: cannot be read as .npz ({first_line(error)})") from None


class Backgrounds:
    """Photographs to put behind people: a folder or a zip of pictures, or nothing (made up).

    Raises UsageError when there are none.
    """

    def __init__(self, path: Path | None) -> None:
        self._pictures: list[bytes] = []
        if path is None:
            return
        endings = (".jpg", ".jpeg", ".png")
        if path.is_dir():
            names = sorted(p for p in path.rglob("*") if p.suffix.lower() in endings)
            self._pictures = [p.read_bytes() for p in names]
        elif zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                inside = sorted(n for n in archive.namelist() if n.lower().endswith(endings))
                self._pictures = [archive.read(name) for name in inside]
        if not self._pictures:
            raise UsageError(f"{path}: no pictures in it (looked for .jpg and .png, in a folder or a zip)")

    def draw(self, size: int, rng: np.random.Generator) -> Image:
        """A (size, size, 3) BGR picture."""
        if not self._pictures or rng.random() < 0.08:
            return _made_up(size, rng)
        data = np.frombuffer(self._pictures[rng.integers(len(self._pictures))], np.uint8)
        picture = cv2.imdecode(data, cv2.IMREAD_COLOR)
        if picture is None:
            return _made_up(size, rng)
        height, width = picture.shape[:2]
        side = int(min(height, width) * rng.uniform(0.35, 1.0))
        left, top = int(rng.integers(width - side + 1)), int(rng.integers(height - side + 1))
        crop: Any = picture[top : top + side, left : left + side]
        crop = cv2.resize(crop, (size, size), interpolation=cv2.INTER_LINEAR)
        if rng.random() < 0.5:
            crop = crop[:, ::-1]
        gain = rng.uniform(0.55, 1.3) * rng.uniform(0.9, 1.1, 3)
        result: Any = np.clip(crop * gain + rng.normal(0, 12), 0, 255).astype(np.uint8)
        if rng.random() < 0.3:
            result = cv2.GaussianBlur(result, (0, 0), rng.uniform(0.5, 3))
        return np.asarray(result, dtype=np.uint8)


def _made_up(size: int, rng: np.random.Generator) -> Image:
    """Smooth colour noise with a floor line."""
    coarse = rng.uniform(30, 225, (int(rng.integers(2, 7)), int(rng.integers(2, 7)), 3)).astype(np.float32)
    picture = cv2.resize(coarse, (size, size), interpolation=cv2.INTER_CUBIC) * rng.uniform(0.3, 1.0)
    picture += rng.uniform(0, 120)
    line = int(size * rng.uniform(0.3, 0.95))
    picture[line:] = picture[line:] * 0.5 + rng.uniform(20, 200, 3) * 0.5
    return np.clip(picture, 0, 255).astype(np.uint8)


def _light(rng: np.random.Generator) -> Light:
    sun = rng.normal(size=3)
    sun[1] = abs(sun[1]) + 0.15
    warm = rng.normal(0, 0.12)
    strength, fill = rng.uniform(0.2, 1.1), rng.uniform(0.25, 0.7)
    tint = np.array([1 + warm, 1.0, 1 - warm])
    return Light(
        sun=sun / np.linalg.norm(sun),
        sun_colour=_triple(strength * tint),
        sky_colour=_triple(fill * (2 - tint) * rng.uniform(0.9, 1.1, 3)),
        ground_colour=_triple(fill * rng.uniform(0.3, 0.8) * rng.uniform(0.8, 1.2, 3)),
        shadow=bool(rng.random() < 0.6),
        softness=float(rng.uniform(0.005, 0.04)),
        shine=float(rng.uniform(0.0, 0.5)),
    )


def _triple(values: Array) -> tuple[float, float, float]:
    r, g, b = np.maximum(values, 0.0)
    return float(r), float(g), float(b)


def _camera(body: PosedBody, size: int, rng: np.random.Generator) -> Camera:
    """A crop out of a wider picture: the lens's view is larger than the crop, so perspective is
    that of a person anywhere in a webcam's frame."""
    points = body.vertices
    low, high = points.min(axis=0), points.max(axis=0)
    middle = (low + high) / 2
    radius = float(np.linalg.norm(points - middle, axis=1).max())
    half = np.radians(rng.uniform(35, 90)) / 2
    share = rng.uniform(0.3, 0.95)
    away = float(np.clip(radius / (np.tan(half) * share), radius + 0.5, 9.0))
    height = low[1] + rng.uniform(0.2, 2.2)
    level = np.sqrt(max(away**2 - (height - middle[1]) ** 2, (0.5 * away) ** 2))
    angle = rng.uniform(0, 2 * np.pi)
    place = np.array([middle[0] + level * np.sin(angle), height, middle[2] + level * np.cos(angle)])
    if rng.random() < 0.06:  # from above
        place = middle + away * np.array([np.sin(angle) * 0.5, 0.85, np.cos(angle) * 0.5])
    # The optical axis passes beside the person where there is room for it.
    room = half * max(1.0 - share, 0.0) * 0.9
    rotation = look_at(place, middle, float(rng.normal(0, 5) if rng.random() < 0.8 else rng.normal(0, 20)))
    aside = Rotation.from_euler("yx", rng.uniform(-room, room, 2)).as_matrix()
    rotation = aside @ rotation
    plain = Camera(rotation=rotation, place=place, focal=1.0, centre=(0.0, 0.0))
    seen = plain.project(points)
    left, right = seen.min(axis=0), seen.max(axis=0)
    extent = float((right - left).max())
    cut = rng.random() < 0.1
    fill = rng.uniform(1.0, 1.7) if cut else 0.4 + 0.55 * max(rng.random(2))
    focal = float(fill * size / extent)
    spare = size - (right - left) * focal
    if cut:
        spare = np.where(spare < 0, spare * rng.uniform(0, 1, 2), spare * rng.random(2))
    else:
        spare = spare * rng.random(2)
    centre = spare - left * focal
    return Camera(rotation=rotation, place=place, focal=focal, centre=(float(centre[0]), float(centre[1])))


def _things(body: PosedBody, kind: str, rng: np.random.Generator) -> list[Mesh]:
    """Equipment in the hands and things in the way."""
    meshes: list[Mesh] = []
    lifts = kind in (
        "biceps_curl",
        "lateral_raise",
        "front_raise",
        "shoulder_press",
        "deadlift",
        "bent_row",
        "lunge",
    )
    if rng.random() < (0.6 if lifts else 0.06):
        hands = {side: props.fist(body, side) for side in SIDES}
        if kind in ("deadlift", "shoulder_press", "bent_row", "biceps_curl") and rng.random() < 0.45:
            meshes += props.barbell(hands["left"][0], hands["right"][0], rng)
        else:
            for middle, along in hands.values():
                meshes += props.dumbbell(middle, along, rng)
    elif kind == "squat" and rng.random() < 0.3:
        across = body.joints[Joint.left_shoulder] - body.joints[Joint.right_shoulder]
        back = np.cross(across, body.rotations[1][:, 1])
        at = (body.joints[Joint.left_shoulder] + body.joints[Joint.right_shoulder]) / 2
        at = at - 0.1 * back / max(float(np.linalg.norm(back)), 1e-6) * -1 + np.array([0, 0.05, 0])
        meshes += props.barbell(at + across / 2, at - across / 2, rng)
    elif kind == "pull_up":
        left, right = props.fist(body, "left")[0], props.fist(body, "right")[0]
        across = (left - right) / max(float(np.linalg.norm(left - right)), 1e-6)
        meshes.append(props.cylinder(left + across, right - across, 0.016, np.full(3, rng.uniform(0.1, 0.7))))
    if rng.random() < 0.14:  # a box, bench or ball somewhere near
        spot = body.joints[rng.integers(NUM_JOINTS)] + rng.normal(0, 0.35, 3)
        turn = ry(float(rng.uniform(0, 90)))
        colour = rng.random(3)
        shape = rng.random()
        if shape < 0.6:
            meshes.append(props.box(spot, rng.uniform(0.06, 0.5, 3), turn, colour))
        elif shape < 0.8:
            meshes.append(props.ellipsoid(spot, np.full(3, rng.uniform(0.05, 0.3)), turn, colour))
        else:
            end = spot + rng.normal(0, 0.6, 3)
            meshes.append(props.cylinder(spot, end, float(rng.uniform(0.01, 0.06)), colour))
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


def _spoil(image: Image, rng: np.random.Generator) -> Image:
    """Motion blur, lost resolution, noise, colour and JPEG, as cameras and old clips have them."""
    size = image.shape[0]
    result: Any = image.astype(np.float32)
    if rng.random() < 0.3:  # a small person in a small video
        small = int(size * rng.uniform(0.3, 0.85))
        result = cv2.resize(result, (small, small), interpolation=cv2.INTER_AREA)
        result = cv2.resize(result, (size, size), interpolation=cv2.INTER_LINEAR)
    elif rng.random() < 0.25:
        result = cv2.GaussianBlur(result, (0, 0), rng.uniform(0.4, 1.4))
    if rng.random() < 0.12:
        length = int(rng.integers(3, 12))
        kernel: Any = np.zeros((length, length), np.float32)
        kernel[length // 2] = 1.0 / length
        turn = cv2.getRotationMatrix2D(((length - 1) / 2, (length - 1) / 2), rng.uniform(0, 180), 1.0)
        kernel = cv2.warpAffine(kernel, turn, (length, length))
        result = cv2.filter2D(result, -1, kernel / max(float(kernel.sum()), 1e-6))
    if rng.random() < 0.5:
        contrast, shift = rng.uniform(0.7, 1.25), rng.normal(0, 12)
        result = (result - 128) * contrast + 128 + shift
    if rng.random() < 0.08:
        result = np.repeat(result.mean(axis=2, keepdims=True), 3, axis=2)
    if rng.random() < 0.5:
        result = result + rng.normal(0, rng.uniform(1, 9), result.shape).astype(np.float32)
    result8 = np.clip(result, 0, 255).astype(np.uint8)
    if rng.random() < 0.5:
        quality = int(rng.integers(25, 80))
        done, data = cv2.imencode(".jpg", result8, [cv2.IMWRITE_JPEG_QUALITY, quality])
        if done:
            result8 = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), dtype=np.uint8)
    return result8


class Studio:
    """Renders pictures: bodies, poses, clothes, light, camera, background, all drawn from one generator."""

    def __init__(
        self, *, backgrounds: Backgrounds, sources: Sequence[tuple[float, PoseSource]], size: int = 256
    ) -> None:
        self._model = body_model()
        self._canvas = Canvas(size, size)
        self._backgrounds = backgrounds
        self._sources = [source for _, source in sources]
        shares = np.array([share for share, _ in sources], dtype=float)
        self._shares = shares / shares.sum()
        self._size = size

    def pictures(self, seed: int, numbers: Sequence[int]) -> Iterator[Rendered]:
        """The pictures of these numbers under a seed; each is the same whichever others are made."""
        people: dict[int, list[Body]] = {}
        for number in numbers:
            batch = number // BATCH
            if batch not in people:
                people = {batch: self._model.sample(np.random.default_rng([seed, batch, 2]), BATCH)}
            body = people[batch][number % BATCH]
            labels, looks = (np.random.default_rng([seed, number, stream]) for stream in (0, 1))
            yield self._picture(body, labels, looks)

    def _picture(self, body: Body, labels: np.random.Generator, looks: np.random.Generator) -> Rendered:
        source = self._sources[labels.choice(len(self._sources), p=self._shares)]
        pose, kind = source.draw(body, labels)
        outfit = Outfit.sample(looks, male=body.male)
        dressed = dress(body, outfit)
        posed = body.posed(pose, dressed.surface)
        camera, light = _camera(posed, self._size, labels), _light(looks)
        meshes = [body_mesh(posed, body, dressed)]
        if outfit.tail > 0:
            meshes += props.ponytail(posed, outfit.tail, np.array(outfit.colours[3]), body.height / 1.7)
        meshes += _things(posed, kind, looks)
        drawn = self._canvas.draw(
            meshes, camera, light, garments=garment_colours(outfit), shadow_reach=(np.zeros(3), 1.3)
        ).astype(np.float32)
        alpha = drawn[..., 3:] / 255.0
        behind = self._backgrounds.draw(self._size, looks)
        image = np.clip(drawn[..., 2::-1] + (1.0 - alpha) * behind, 0, 255).astype(np.uint8)
        seen = camera.to_camera(posed.joints)
        hips = (seen[Joint.left_hip] + seen[Joint.right_hip]) / 2
        xyz, xy = seen - hips, camera.project(posed.joints)
        return Rendered(
            image=_spoil(image, looks),
            xy=xy,
            xyz=xyz,
            depth=xyz[:, 2] * camera.focal / hips[2],
            visible=np.all((xy >= 0) & (xy < self._size), axis=1),
            focal=camera.focal,
            distance=float(hips[2]),
            kind=kind,
        )
