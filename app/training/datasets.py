"""Labelled pictures, and how one becomes a training crop.

A set is a list of `LabelledPicture`. Positions are pixels of the picture, depth is in the same scale,
away from the camera, relative to mid-hip; a weight of 0 means "no label".
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from app.errors import EXIT_USAGE, FormcueError, first_line
from app.skeleton import MIRROR, NUM_JOINTS, FloatArray, Joint
from app.training.archives import BROKEN, open_zip

log = logging.getLogger(__name__)

LSP_ORDER: Final = (
    Joint.right_ankle,
    Joint.right_knee,
    Joint.right_hip,
    Joint.left_hip,
    Joint.left_knee,
    Joint.left_ankle,
    Joint.right_wrist,
    Joint.right_elbow,
    Joint.right_shoulder,
    Joint.left_shoulder,
    Joint.left_elbow,
    Joint.left_wrist,
    Joint.neck,
    Joint.head_top,
)
_UPPER_BODY: Final = [
    Joint[name]
    for name in [
        "head_top",
        "nose",
        "neck",
        "left_shoulder",
        "right_shoulder",
        "left_elbow",
        "right_elbow",
        "left_wrist",
        "right_wrist",
        "left_hip",
        "right_hip",
    ]
]


class DataSetError(FormcueError):
    """A data set that cannot be read: names the file, the record and the mend."""

    exit_code = EXIT_USAGE


@dataclass(frozen=True, kw_only=True, eq=False)
class LabelledPicture:
    """encoded: the JPEG or PNG file's bytes. xy (19, 2), xy_weight (19,), depth (19,), depth_weight (19,).

    xyz (19, 3), where the set has it: metres in the camera's axes, origin mid-hip, NaN for joints without a
    label; also of joints outside the picture. Nothing is trained on it; `evaluate` measures with it.
    """

    name: str
    encoded: bytes
    xy: FloatArray
    xy_weight: FloatArray
    depth: FloatArray
    depth_weight: FloatArray
    xyz: FloatArray | None = None

    def decode(self) -> NDArray[np.uint8]:
        """H x W x 3 BGR. Raises DataSetError if the bytes are no picture."""
        try:
            image = cv2.imdecode(np.frombuffer(self.encoded, np.uint8), cv2.IMREAD_COLOR)
        except cv2.error:  # no bytes, or more pixels than OpenCV allows
            image = None
        if image is None:
            raise DataSetError(f"{self.name}: not a readable picture; remove it from the set")
        return image  # type: ignore[return-value]


def no_depth() -> tuple[FloatArray, FloatArray]:
    """depth and depth_weight of a picture without depth labels."""
    return np.zeros(NUM_JOINTS, np.float32), np.zeros(NUM_JOINTS, np.float32)


def validation_names(names: Sequence[str], count: int = 800) -> set[str]:
    """The fixed validation split of LSPET: the first `count` file names in the order of their SHA-1."""
    return set(sorted(names, key=lambda name: hashlib.sha1(name.encode()).hexdigest())[:count])


def read_lsp(archives: Sequence[Path]) -> Iterator[LabelledPicture]:
    """LSP/LSPET in zips with `annotations.json` (file, joints 14 x (x, y, visible)) and the pictures."""
    for path in archives:
        try:
            archive = open_zip(path)
            records = json.loads(archive.read("annotations.json"))
            if not isinstance(records, list):
                raise ValueError("annotations.json is no list")
        except (*BROKEN, RecursionError) as error:
            raise DataSetError(f"{path}: not an LSPET archive with annotations.json ({error})") from error
        inside = set(archive.namelist())
        missing = 0
        with archive:
            for number, record in enumerate(records):
                try:
                    name, joints = str(record["file"]), np.array(record["joints"], np.float32).reshape(14, 3)
                    if not np.isfinite(joints).all():
                        raise ValueError("a number is not finite")
                except (KeyError, TypeError, ValueError) as error:
                    raise DataSetError(
                        f"{path}: record {number}: expected file and 14 x 3 joints ({error})"
                    ) from None
                if name not in inside:
                    log.warning("%s: %s: the picture is missing; skipped", path, name)
                    missing += 1
                    continue
                try:
                    encoded = archive.read(name)
                except BROKEN as error:
                    log.warning("%s: %s: cannot be read (%s); skipped", path, name, first_line(error))
                    missing += 1
                    continue
                xy, weight = np.zeros((NUM_JOINTS, 2), np.float32), np.zeros(NUM_JOINTS, np.float32)
                xy[list(LSP_ORDER)] = joints[:, :2]
                weight[list(LSP_ORDER)] = joints.any(1)
                depth, depth_weight = no_depth()
                yield LabelledPicture(
                    name=name,
                    encoded=encoded,
                    xy=xy,
                    xy_weight=weight,
                    depth=depth,
                    depth_weight=depth_weight,
                )
        if missing:
            log.warning("%s: %d pictures are missing or damaged and were skipped", path, missing)


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """How far a crop may stray from the plain one. Angles in degrees."""

    rotation: float = 25.0
    any_rotation: float = 0.15  # share of crops turned by any angle
    scale: tuple[float, float] = (1.05, 1.9)  # crop side over the body's longer side
    shift: float = 0.08
    upper_body: float = 0.12  # share of crops that end at the hips, as at a desk
    occluders: float = 0.3  # share of crops with things in the way
    colour: float = 0.3  # spread of brightness, contrast and tint
    blur: float = 0.2  # share of crops


@dataclass(frozen=True, kw_only=True, eq=False)
class Crop:
    """image (S, S, 3) uint8 RGB; xy (19, 2) in crop pixels; depth (19,) in crop sides; weights (19,)."""

    image: NDArray[np.uint8]
    xy: FloatArray
    xy_weight: FloatArray
    depth: FloatArray
    depth_weight: FloatArray


def make_crop(
    picture: LabelledPicture, image: NDArray[np.uint8], size: int, rng: np.random.Generator, how: Augmentation
) -> Crop:
    """One random crop of the person, `size` pixels wide. A joint that falls outside keeps its position."""
    xy, weight, depth, depth_weight = picture.xy, picture.xy_weight, picture.depth, picture.depth_weight
    known = weight > 0
    if not known.any():
        return _negative_crop(picture, image, size, rng, how)
    framed = known.copy()
    if rng.random() < how.upper_body and known[_UPPER_BODY].sum() >= 8:
        framed[:] = False
        framed[_UPPER_BODY] = known[_UPPER_BODY]
    turn_any = rng.random() < how.any_rotation
    angle = rng.uniform(-180, 180) if turn_any else np.clip(rng.normal(0, how.rotation), -90, 90)
    cos, sin = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    turn = np.array([[cos, -sin], [sin, cos]], np.float32)
    turned = xy[framed] @ turn.T
    low, high = turned.min(0), turned.max(0)
    body = max(float((high - low).max()), 8.0)
    side = body * np.exp(rng.uniform(np.log(how.scale[0]), np.log(how.scale[1])))
    centre = (low + high) / 2 + rng.uniform(-1, 1, 2) * how.shift * side
    matrix = np.concatenate([turn, (side / 2 - centre)[:, None]], 1) * (size / side)
    if rng.random() < 0.5:
        matrix[0] = -matrix[0]
        matrix[0, 2] += size
        xy, weight, depth, depth_weight = xy[MIRROR], weight[MIRROR], depth[MIRROR], depth_weight[MIRROR]
    return Crop(
        image=spoil(warp(image, matrix, size), rng, how),
        xy=(xy @ matrix[:, :2].T + matrix[:, 2]).astype(np.float32),
        xy_weight=weight,
        depth=(depth / side).astype(np.float32),
        depth_weight=depth_weight,
    )


def _negative_crop(
    picture: LabelledPicture, image: NDArray[np.uint8], size: int, rng: np.random.Generator, how: Augmentation
) -> Crop:
    """A picture without anybody: every joint is nowhere."""
    height, width = image.shape[:2]
    side = min(height, width) * rng.uniform(0.3, 1.2)
    corner = rng.uniform(-0.1, 1.0, 2) * np.array([max(width - side, 1), max(height - side, 1)])
    scale = size / side
    matrix = np.array([[scale, 0, -corner[0] * scale], [0, scale, -corner[1] * scale]])
    return Crop(
        image=spoil(warp(image, matrix, size), rng, how),
        xy=np.full((NUM_JOINTS, 2), -1e4, np.float32),
        xy_weight=np.ones(NUM_JOINTS, np.float32),
        depth=picture.depth,
        depth_weight=picture.depth_weight,
    )


def warp(image: NDArray[np.uint8], matrix: NDArray[np.floating], size: int) -> NDArray[np.uint8]:
    """The square of `size` pixels that the 2 x 3 `matrix` maps the image into; black outside the image."""
    # Shrinking much without a low pass would alias; halving first is cheap and close enough.
    scale = float(np.hypot(matrix[0, 0], matrix[0, 1]))
    matrix = matrix.copy()
    while scale < 0.5 and min(image.shape[:2]) > 32:
        image = cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
        matrix[:, :2] *= 2
        scale *= 2
    return cv2.warpAffine(image, matrix.astype(np.float32), (size, size), flags=cv2.INTER_LINEAR)  # type: ignore[return-value]


def spoil(image: NDArray[np.uint8], rng: np.random.Generator, how: Augmentation) -> NDArray[np.uint8]:
    """Colours, blur and things in the way, as bad rooms and cheap cameras have them. BGR -> RGB.

    Without noise: in photographs and clips it is there, and `render` adds its own.
    """
    size = image.shape[0]
    image = image[:, :, ::-1]
    if rng.random() < how.occluders:
        image = image.copy()
        for _ in range(rng.integers(1, 4)):
            w, h = (rng.uniform(0.05, 0.3, 2) * size).astype(int)
            x, y = rng.integers(0, size - w), rng.integers(0, size - h)
            fill = rng.integers(0, 256, 3)
            if rng.random() < 0.5:  # a patch of the picture itself is harder than a flat one
                u, v = rng.integers(0, size - w), rng.integers(0, size - h)
                image[y : y + h, x : x + w] = image[v : v + h, u : u + w].copy()
            else:
                image[y : y + h, x : x + w] = fill
    if rng.random() < how.blur:
        k = int(rng.integers(1, 4)) * 2 + 1
        if rng.random() < 0.5:
            small = max(32, int(size * rng.uniform(0.25, 0.7)))
            image = cv2.resize(cv2.resize(image, (small, small), interpolation=cv2.INTER_AREA), (size, size))  # type: ignore[assignment]
        else:
            image = cv2.GaussianBlur(image, (k, k), 0)  # type: ignore[assignment]
    gain = 1 + rng.normal(0, how.colour * 0.5) + rng.normal(0, how.colour * 0.2, 3)
    offset = rng.normal(0, 20 * how.colour / 0.3)
    # One table a channel: far cheaper than floating point over the picture.
    ramp = np.arange(256, dtype=np.float32)[:, None]
    gamma = np.exp(rng.normal(0, how.colour * 0.6))
    table = np.clip(255 * (ramp / 255) ** gamma * np.clip(gain, 0.3, 2.0) + offset, 0, 255).astype(np.uint8)
    return cv2.LUT(np.ascontiguousarray(image), table[None])  # type: ignore[return-value]
