"""What the person finder learns from: frames and mosaics, mid-hip, neck and radius of each person."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from app.network import FINDER_STRIDE
from app.skeleton import MIRROR, FloatArray, Joint
from app.training.datasets import Augmentation, LabelledPicture, spoil, warp
from app.training.losses import Everywhere, alone

_HIPS: Final = [Joint.left_hip, Joint.right_hip]
_SHOULDERS: Final = [Joint.left_shoulder, Joint.right_shoulder]
# The joints reach to the ankles and the crown; flesh, hands and feet go on.
BODY_MARGIN: Final = 1.1


def person_of(xy: FloatArray, weight: FloatArray) -> FloatArray | None:
    """(mid-hip x, y, neck x, y, radius) of the labelled joints, in pixels; None without hips or shoulders."""
    if not (weight[_HIPS + _SHOULDERS] > 0).all():
        return None
    hip, neck = xy[_HIPS].mean(0), xy[_SHOULDERS].mean(0)
    radius = float(np.linalg.norm(xy[weight > 0] - hip, axis=1).max()) * BODY_MARGIN
    return np.array([*hip, *neck, radius], np.float32)


def make_frame(
    draw: Callable[[np.random.Generator], LabelledPicture],
    size: int,
    rng: np.random.Generator,
    how: Augmentation,
) -> tuple[NDArray[np.uint8], FloatArray]:
    """One training frame: image (S, S, 3) uint8 RGB, and people (P, 5) as `person_of`, in pixels of it.

    Half of them are mosaics of four pictures, which teach small people and several at once.
    """
    canvas = np.zeros((size, size, 3), np.uint8)
    people: list[FloatArray] = []
    tiles = (1, 1) if rng.random() < 0.5 else (2, 2) if rng.random() < 0.7 else (3, 3)
    cuts = [np.linspace(0, size, n + 1).round().astype(int) for n in tiles]
    for row in range(tiles[1]):
        for column in range(tiles[0]):
            x0, x1, y0, y1 = cuts[0][column], cuts[0][column + 1], cuts[1][row], cuts[1][row + 1]
            tile = int(max(x1 - x0, y1 - y0))
            image, person = _place(draw(rng), tile, rng)
            canvas[y0:y1, x0:x1] = image[: y1 - y0, : x1 - x0]
            if person is not None and (person[:2] >= 0).all() and (person[:2] < tile).all():
                person[:4] += [x0, y0, x0, y0]
                people.append(person)
    return spoil(canvas, rng, how), np.array(people, np.float32).reshape(-1, 5)


def _place(
    picture: LabelledPicture, tile: int, rng: np.random.Generator
) -> tuple[NDArray[np.uint8], FloatArray | None]:
    """The picture letterboxed into a square tile, sometimes zoomed, turned or mirrored -> BGR, person."""
    image = picture.decode()
    height, width = image.shape[:2]
    angle = rng.choice([90, -90, 180]) if rng.random() < 0.08 else rng.normal(0, 8)
    cos, sin = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    scale = tile / max(width, height) * np.exp(rng.normal(0, 0.3))
    linear = np.array([[cos, -sin], [sin, cos]]) * scale
    if rng.random() < 0.5:
        linear[0] = -linear[0]
        xy, weight = picture.xy[MIRROR], picture.xy_weight[MIRROR]
    else:
        xy, weight = picture.xy, picture.xy_weight
    middle = np.array([width, height]) / 2
    shift = tile / 2 + rng.uniform(-0.2, 0.2, 2) * tile - linear @ middle
    matrix = np.concatenate([linear, shift[:, None]], 1)
    placed = (xy @ linear.T + shift).astype(np.float32)
    return warp(image, matrix, tile), person_of(placed, weight)


def frame_targets(people: list[FloatArray], side: int) -> tuple[Tensor, Tensor, Tensor]:
    """People of N frames -> score (N, h, h), geometry (N, 3, h, h) and its mask (N, h, h), h = side / 8."""
    cells = side // FINDER_STRIDE
    score = np.zeros((len(people), cells, cells), np.float32)
    geometry = np.zeros((len(people), 3, cells, cells), np.float32)
    mask = np.zeros((len(people), cells, cells), np.float32)
    centres = (np.arange(cells) + 0.5) * FINDER_STRIDE
    for n, rows in enumerate(people):
        for hip_x, hip_y, neck_x, neck_y, radius in rows:
            sigma = max(radius * 0.12, FINDER_STRIDE * 0.6)
            bump = np.exp(-((centres[None] - hip_x) ** 2 + (centres[:, None] - hip_y) ** 2) / (2 * sigma**2))
            column, row = int(hip_x // FINDER_STRIDE), int(hip_y // FINDER_STRIDE)
            bump[row, column] = 1.0
            score[n] = np.maximum(score[n], bump)
            near = bump > 0.5
            geometry[n][:, near] = (
                np.array([neck_x - hip_x, neck_y - hip_y, side * np.log(max(radius, 4.0) / side)])[:, None]
                / side
            )
            mask[n][near] = 1.0
    return torch.from_numpy(score), torch.from_numpy(geometry), torch.from_numpy(mask)


def finder_losses(
    maps: Tensor, score: Tensor, geometry: Tensor, mask: Tensor, everywhere: Everywhere = alone
) -> dict[str, Tensor]:
    """Focal loss of the score as CornerNet defines it (Law & Deng 2018), L1 of the geometry near mid-hip."""
    logits = maps[:, 0].float()
    found = logits.sigmoid()
    peak = score >= 1.0
    gain = (1 - found) ** 2 * F.logsigmoid(logits) * peak
    calm = (1 - score) ** 4 * found**2 * F.logsigmoid(-logits) * ~peak
    focal = -(gain.sum() + calm.sum()) / everywhere(peak.sum()).clamp_min(1)
    size_error = (maps[:, 1:].float() - geometry).abs() * mask[:, None]
    geometry_loss = size_error.sum() / everywhere(mask.sum()).clamp_min(1)
    return {"loss": focal + 2.0 * geometry_loss, "score": focal, "geometry": geometry_loss}
