"""What is trained: the pose network or the person finder. One loop (train.py) drives either.

A task draws one sample, stacks samples into a batch, turns maps into losses, and measures the network on
held-out pictures.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from app.network import FINDER_STRIDE, MAP_STRIDE, FinderNetwork, PoseNetwork
from app.skeleton import Joint
from app.training import losses
from app.training.config import TrainConfig
from app.training.datasets import Crop, LabelledPicture, make_crop, warp
from app.training.finding import finder_losses, frame_targets, make_frame, person_of

LIMBS: Final = [
    joint
    for joint in Joint
    if joint.name.split("_")[-1] in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
]


class Task(Protocol):
    """See the module's text."""

    def build(self) -> PoseNetwork | FinderNetwork: ...

    def draw(self, rng: np.random.Generator) -> Any:
        """One sample. Raises DataSetError for a broken picture."""

    def collate(self, samples: list[Any]) -> tuple[Tensor, ...]:
        """-> pictures (N, 3, S, S) in 0..1, then the labels."""

    def losses(self, maps: Tensor, *labels: Tensor) -> dict[str, Tensor]:
        """The terms; their sum to be minimised is under "loss"."""

    def validate(self, network: nn.Module, pictures: list[LabelledPicture]) -> dict[str, float]: ...


class _Mixture:
    """Pictures of several sets, drawn by share."""

    def __init__(self, sets: Sequence[tuple[list[LabelledPicture], float]]):
        self.sets = [pictures for pictures, _ in sets]
        shares = np.cumsum([share for _, share in sets])
        self.limits = shares / shares[-1]

    def __call__(self, rng: np.random.Generator) -> LabelledPicture:
        pictures = self.sets[int(np.searchsorted(self.limits, rng.random(), side="right"))]
        return pictures[int(rng.integers(len(pictures)))]


def to_batch(images: Sequence[NDArray[np.uint8]]) -> Tensor:
    """RGB pictures (S, S, 3) uint8 -> (N, 3, S, S) in 0..1, channels last in memory."""
    batch = torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).float().div_(255)
    return batch.contiguous(memory_format=torch.channels_last)


def letterbox(
    image: NDArray[np.uint8], size: int, margin: float = 1.0
) -> tuple[NDArray[np.uint8], float, Any]:
    """The whole BGR picture in a square -> RGB, and the scale and shift that led there."""
    scale = size / (max(image.shape[:2]) * margin)
    shift = (size - np.array(image.shape[1::-1]) * scale) / 2
    matrix = np.array([[scale, 0, shift[0]], [0, scale, shift[1]]])
    return np.ascontiguousarray(warp(image, matrix, size)[:, :, ::-1]), scale, shift


@torch.no_grad()
def _maps(network: nn.Module, images: list[NDArray[np.uint8]]) -> Tensor:
    device = next(network.parameters()).device
    with torch.autocast(device.type, torch.bfloat16):
        maps: Tensor = network(to_batch(images).to(device))
    return maps.float().cpu()


class PoseTask:
    """Heatmaps and depth maps from crops of one person."""

    def __init__(self, config: TrainConfig, sets: Sequence[tuple[list[LabelledPicture], float]]):
        self.config, self.mixture = config, _Mixture(sets)

    def build(self) -> PoseNetwork:
        return PoseNetwork()

    def draw(self, rng: np.random.Generator) -> Crop:
        picture = self.mixture(rng)
        return make_crop(picture, picture.decode(), self.config.size, rng, self.config.augmentation)

    def collate(self, samples: list[Crop]) -> tuple[Tensor, ...]:
        names = ("xy", "xy_weight", "depth", "depth_weight")
        labels = [np.stack([getattr(crop, name) for crop in samples]).astype(np.float32) for name in names]
        return to_batch([crop.image for crop in samples]), *map(torch.from_numpy, labels)

    def losses(self, maps: Tensor, *labels: Tensor) -> dict[str, Tensor]:
        xy, xy_weight, depth, depth_weight = labels
        config = self.config
        joints = maps.shape[1] // 2
        logits, depth_maps = maps[:, :joints].float(), maps[:, joints:].float()
        height, width = logits.shape[-2:]
        position = xy / MAP_STRIDE
        inside = losses.is_inside(position, height, width)
        target = losses.gaussian_targets(position, height, width, config.sigma * height / 64)
        heatmap = losses.heatmap_cross_entropy(logits, target, inside, xy_weight)
        predicted = losses.read_depth(depth_maps, target)
        regression = losses.depth_regression(predicted, depth, depth_weight * inside)
        known = (xy_weight > 0) & inside
        geometry = losses.geometric_constraint(xy / (width * MAP_STRIDE), predicted, known)
        total = heatmap + config.lambda_reg * regression + config.lambda_g * geometry
        return {"loss": total, "heatmap": heatmap, "depth": regression, "geometry": geometry}

    def validate(self, network: nn.Module, pictures: list[LabelledPicture]) -> dict[str, float]:
        """PCK@0.2 of the 12 limb joints on whole pictures: quick, one pass, no finding, no flip."""
        hits: list[list[bool]] = [[] for _ in LIMBS]
        for start in range(0, len(pictures), 32):
            chunk = pictures[start : start + 32]
            boxed = [letterbox(picture.decode(), self.config.size, 1.1) for picture in chunk]
            maps = _maps(network, [image for image, _, _ in boxed])
            side = maps.shape[-1]
            peak = maps[:, : len(Joint)].flatten(2).argmax(-1)
            found = torch.stack([peak % side, peak // side], -1).numpy() * MAP_STRIDE + MAP_STRIDE / 2
            for picture, (_, scale, shift), xy in zip(chunk, boxed, found, strict=True):
                ends = [Joint.left_shoulder, Joint.right_hip]
                if not (picture.xy_weight[ends] > 0).all():
                    continue
                torso = float(np.linalg.norm(picture.xy[ends[0]] - picture.xy[ends[1]]))
                near = np.linalg.norm((xy - shift) / scale - picture.xy, axis=1) < 0.2 * torso
                for row, joint in zip(hits, LIMBS, strict=True):
                    if picture.xy_weight[joint] > 0:
                        row.append(bool(near[joint]))
        return {"pck": float(np.mean([np.mean(row) for row in hits]))}


class FinderTask:
    """Where people are, from whole frames."""

    def __init__(self, config: TrainConfig, sets: Sequence[tuple[list[LabelledPicture], float]]):
        self.config, self.mixture = config, _Mixture(sets)

    def build(self) -> FinderNetwork:
        return FinderNetwork()

    def draw(self, rng: np.random.Generator) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
        return make_frame(self.mixture, self.config.size, rng, self.config.augmentation)

    def collate(self, samples: list[Any]) -> tuple[Tensor, ...]:
        return to_batch([image for image, _ in samples]), *frame_targets(
            [people for _, people in samples], self.config.size
        )

    def losses(self, maps: Tensor, *labels: Tensor) -> dict[str, Tensor]:
        return finder_losses(maps, *labels)

    def validate(self, network: nn.Module, pictures: list[LabelledPicture]) -> dict[str, float]:
        """Share of pictures whose best cell scores over 0.4 within a quarter radius of mid-hip, and the
        share of the known people whose radius is right within a quarter."""
        near, right, count = 0, 0, 0
        for start in range(0, len(pictures), 32):
            chunk = pictures[start : start + 32]
            boxed = [letterbox(picture.decode(), self.config.size) for picture in chunk]
            maps = _maps(network, [image for image, _, _ in boxed])
            for picture, (_, scale, shift), out in zip(chunk, boxed, maps, strict=True):
                person = person_of(picture.xy, picture.xy_weight)
                if person is None:
                    continue
                cell = int(out[0].argmax())
                row, column = divmod(cell, out.shape[-1])
                hip = ((np.array([column, row]) + 0.5) * FINDER_STRIDE - shift) / scale
                radius = float(out[3, row, column].exp()) * self.config.size / scale
                count += 1
                near += bool(
                    out[0, row, column].sigmoid() > 0.4 and np.linalg.norm(hip - person[:2]) < person[4] / 4
                )
                right += bool(abs(radius / person[4] - 1) < 0.25)
        return {"found": near / max(count, 1), "radius": right / max(count, 1)}
