"""What is trained: the pose network or the person finder. One loop (train.py) drives either.

A task draws one sample, stacks samples into a batch, turns maps into losses, and measures the network on
held-out pictures.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, Final, Literal, Protocol

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from tqdm import tqdm

from app.decode import decode_joints
from app.network import FINDER_STRIDE, MAP_STRIDE, AnyNetwork, Maps, build
from app.overlay import draw_pose
from app.skeleton import NUM_JOINTS, FloatArray, Joint, Pose
from app.training import losses
from app.training.config import TrainConfig, TrainingError
from app.training.datasets import Crop, DataSetError, LabelledPicture, make_crop, warp
from app.training.finding import finder_losses, frame_targets, make_frame, person_of
from app.training.losses import Everywhere, alone

LIMBS: Final = [
    joint
    for joint in Joint
    if joint.name.split("_")[-1] in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
]
# Depth errors of pictures without a scale are told as of a person this tall.
STATURE_MM: Final = 1700.0
# What a batch is labelled with; None: drawn from all pictures.
Labels = Literal["2D", "3D"] | None
Sets = Sequence[tuple[list[LabelledPicture], float]]  # with their shares


class Task(Protocol):
    """See the module's text. `config` is the run's."""

    config: TrainConfig

    def draw(self, rng: np.random.Generator, labels: Labels) -> Any:
        """One sample. Raises DataSetError for a broken picture."""

    def labels_of(self, batch: int) -> Labels:
        """Of the run's batch with this number."""

    def collate(self, samples: list[Any]) -> tuple[Tensor, ...]:
        """-> pictures (N, 3, S, S) in 0..1, then the labels."""

    def losses(
        self, stages: list[Tensor], labels: Sequence[Tensor], everywhere: Everywhere
    ) -> dict[str, Tensor]:
        """The terms; what is to be minimised is under "loss"."""

    def validate(self, network: nn.Module, pictures: list[LabelledPicture]) -> dict[str, float]:
        """Figures of held-out pictures; those that cannot be told are left out. So are broken pictures,
        each with a word the first time."""

    def show(self, network: nn.Module, pictures: list[LabelledPicture]) -> list[NDArray[np.uint8]]:
        """The pictures (S, S, 3) BGR with what the network sees drawn in; broken ones as in `validate`."""


def make_task(config: TrainConfig, sets: Sets) -> Task:
    return PoseTask(config, sets) if config.network == "pose" else FinderTask(config, sets)


def make_network(config: TrainConfig) -> AnyNetwork:
    return build(config.network_values())


class _Decoder:
    """Decodes held-out pictures. A broken one must not end a run that has learnt for hours: it is told once,
    and left out each time."""

    def __init__(self) -> None:
        self._told: set[str] = set()

    def __call__(
        self, pictures: Sequence[LabelledPicture]
    ) -> Iterator[list[tuple[LabelledPicture, NDArray[np.uint8]]]]:
        """The readable pictures (H, W, 3) BGR, at most 32 at a time."""
        for start in range(0, len(pictures), 32):
            readable = []
            for picture in pictures[start : start + 32]:
                try:
                    readable.append((picture, picture.decode()))
                except DataSetError as error:
                    if picture.name not in self._told:
                        tqdm.write(f"validation: skipped: {error}")
                        self._told.add(picture.name)
            if readable:
                yield readable


class _Mixture:
    """Pictures of several sets, drawn by share."""

    def __init__(self, sets: Sets):
        self.sets = [pictures for pictures, _ in sets if pictures]
        shares = np.cumsum([share for pictures, share in sets if pictures])
        self.limits = shares / shares[-1] if len(shares) else shares

    def __call__(self, rng: np.random.Generator) -> LabelledPicture:
        pictures = self.sets[int(np.searchsorted(self.limits, rng.random(), side="right"))]
        return pictures[int(rng.integers(len(pictures)))]


def has_depth(picture: LabelledPicture) -> bool:
    """Whether any of its joints has a depth label: then it is 3D-labelled."""
    return bool((picture.depth_weight > 0).any())


def _only(sets: Sets, *, deep: bool) -> Sets:
    """The 3D-labelled pictures of each set, or the others; its share goes by how many of it they are."""
    parts = []
    for pictures, share in sets:
        part = [picture for picture in pictures if has_depth(picture) == deep]
        parts.append((part, share * len(part) / max(len(pictures), 1)))
    return parts


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


DTYPES: Final = {"bf16": torch.bfloat16, "fp16": torch.float16, "fp32": torch.float32}


def autocast(config: TrainConfig, device: torch.device) -> torch.autocast:
    """The run's precision: the forward pass belongs inside."""
    return torch.autocast(device.type, DTYPES[config.precision], enabled=config.precision != "fp32")


@torch.no_grad()
def _maps(network: nn.Module, images: list[NDArray[np.uint8]], config: TrainConfig) -> Tensor:
    device = next(network.parameters()).device
    with autocast(config, device):
        maps: Tensor = network(to_batch(images).to(device))
    return maps.float().cpu()


def depth_parameters(network: nn.Module) -> list[nn.Parameter]:
    """The parameters of the depth output layer, of every stack or stage."""
    return [p for layer in network.modules() if isinstance(layer, Maps) for p in layer.depth.parameters()]


class PoseTask:
    """Heatmaps and depth maps from crops of one person, by the method of CN 111260774 B.

    A 2D batch trains the *partial channels*, the heatmaps, by its labels. Its depth has no label: the
    geometric constraint alone holds it (lambda_g). A 3D batch trains *all channels*: heatmaps, depth at the
    labelled joints (lambda_reg), and the constraint with a weight of its own (lambda_g_3d).

    Two readings of "a 2D image trains the partial channels" are there. Without `strict` the constraint's
    gradient reaches the depth channels, their output layer included. With `strict` the parameters of the
    depth output layer are those that 3D labels have made of them: in a 2D batch they get neither gradient
    nor weight decay nor momentum. The constraint is still there, but its gradient passes through the held
    layer into the features below, which learn to be such that the held layer's depths are of a possible
    body. (With `lambda_g: 0` as well, a 2D batch trains the heatmaps and nothing else.)
    """

    def __init__(self, config: TrainConfig, sets: Sets):
        self.config, self._decode = config, _Decoder()
        self.pools: dict[Labels, _Mixture] = {
            None: _Mixture(sets),
            "2D": _Mixture(_only(sets, deep=False)),
            "3D": _Mixture(_only(sets, deep=True)),
        }
        flat, deep = bool(self.pools["2D"].sets), bool(self.pools["3D"].sets)
        self.mixing = config.mixing if config.mixing is not None else 0.5 if flat and deep else float(deep)
        if config.batches == "alternating" and config.stage == "full":
            if self.mixing > 0 and not deep:
                raise TrainingError(f"mixing: {self.mixing} asks for 3D batches, but no set has depth labels")
            if self.mixing < 1 and not flat:
                raise TrainingError(
                    f"mixing: {self.mixing} asks for 2D batches, but all sets have depth labels; write 1"
                )

    def labels_of(self, batch: int) -> Labels:
        """By the mixing ratio m: batch number b is 3D-labelled where b·m passes a whole number.

        Without memory, so that a resumed run goes on as the unbroken one.
        """
        if self.config.stage == "pretrain" or self.config.batches == "mixed":
            return None
        return "3D" if math.floor((batch + 1) * self.mixing) > math.floor(batch * self.mixing) else "2D"

    def draw(self, rng: np.random.Generator, labels: Labels) -> Crop:
        picture = self.pools[labels](rng)
        return make_crop(picture, picture.decode(), self.config.size, rng, self.config.augmentation)

    def collate(self, samples: list[Crop]) -> tuple[Tensor, ...]:
        names = ("xy", "xy_weight", "depth", "depth_weight")
        labels = [np.stack([getattr(crop, name) for crop in samples]).astype(np.float32) for name in names]
        return to_batch([crop.image for crop in samples]), *map(torch.from_numpy, labels)

    def losses(
        self, stages: list[Tensor], labels: Sequence[Tensor], everywhere: Everywhere = alone
    ) -> dict[str, Tensor]:
        """Each stack's or stage's maps are supervised alike; the terms told are the last one's."""
        terms = [self._losses(maps, labels, everywhere) for maps in stages]
        return {**terms[-1], "loss": torch.stack([term["loss"] for term in terms]).sum()}

    def _losses(self, maps: Tensor, labels: Sequence[Tensor], everywhere: Everywhere) -> dict[str, Tensor]:
        xy, xy_weight, depth, depth_weight = labels
        config = self.config
        joints = maps.shape[1] // 2
        logits, depth_maps = maps[:, :joints].float(), maps[:, joints:].float()
        height, width = logits.shape[-2:]
        label = losses.heatmap_label(xy / MAP_STRIDE, height, width, config.sigma * height / 64)
        values = losses.HEATMAP_LOSSES[config.heatmap_loss_name](logits, label)
        heatmap = losses.weighted_mean(values, xy_weight, everywhere)
        if config.stage == "pretrain":
            return {"loss": heatmap, "heatmap": heatmap}
        predicted = losses.read_depth(depth_maps, label.target)
        apart = losses.DEPTH_LOSSES[config.depth_loss](predicted, depth)
        regression = losses.weighted_mean(apart, depth_weight * label.inside, everywhere)
        known = (xy_weight > 0) & label.inside
        unequal = losses.geometric_constraint(xy / (width * MAP_STRIDE), predicted, known)
        deep = (depth_weight > 0).any(1)
        samples = torch.ones_like(unequal)
        geometry = losses.weighted_mean(unequal, samples, everywhere)
        lambda_g = torch.where(deep, config.lambda_g_3d, config.lambda_g)
        held = losses.weighted_mean(unequal * lambda_g, samples, everywhere)
        total = heatmap + config.lambda_reg * regression + held
        return {"loss": total, "heatmap": heatmap, "depth": regression, "geometry": geometry}

    def validate(self, network: nn.Module, pictures: list[LabelledPicture]) -> dict[str, float]:
        """On whole pictures, one pass, no finding, no flip. Those figures that the labels allow:

        pck: PCK@0.2 of the torso diagonal, mean of the 12 limb joints.
        mpjpe_mm: mean distance of the joints from the labelled ones in 3D, mid-hips laid on each other;
        depth_mm: the same, along the view only. Both as of a person of STATURE_MM.
        """
        hits: list[list[bool]] = [[] for _ in LIMBS]
        far, deep = [], []
        for picture, _, found in self._see(network, pictures):
            for row, hit in zip(hits, _limb_hits(picture, found), strict=True):
                row.extend(hit)
            known = (picture.depth_weight > 0) & (picture.xy_weight > 0)
            stature = _stature(picture, known)
            if stature is not None:
                truth = np.concatenate([picture.xy, picture.depth[:, None]], 1)
                apart = (_from_mid_hip(found[:, :3]) - _from_mid_hip(truth))[known] * (STATURE_MM / stature)
                far.append(np.linalg.norm(apart, axis=1).mean())
                deep.append(np.abs(apart[:, 2]).mean())
        figures = {}
        if any(hits):
            figures["pck"] = float(np.mean([np.mean(row) for row in hits if row]))
        if far:
            figures.update(mpjpe_mm=float(np.mean(far)), depth_mm=float(np.mean(deep)))
        return figures

    def _see(
        self, network: nn.Module, pictures: list[LabelledPicture]
    ) -> Iterator[tuple[LabelledPicture, NDArray[np.uint8], FloatArray]]:
        """Each readable picture, decoded, and (19, 4): x, y and depth in its pixels, and confidence."""
        for readable in self._decode(pictures):
            boxed = [letterbox(image, self.config.size, 1.1) for _, image in readable]
            joints = decode_joints(_maps(network, [image for image, _, _ in boxed], self.config).numpy())
            for i, ((picture, image), (_, scale, shift)) in enumerate(zip(readable, boxed, strict=True)):
                xy, depth = (joints.xy[i] - shift) / scale, joints.depth[i] / scale
                found = np.column_stack([xy, depth, joints.confidence[i]]).astype(np.float32)
                yield picture, image, found

    def show(self, network: nn.Module, pictures: list[LabelledPicture]) -> list[NDArray[np.uint8]]:
        shown = []
        for _, image, found in self._see(network, pictures):
            boxed, scale, shift = letterbox(image, self.config.size, 1.1)
            canvas = np.ascontiguousarray(boxed[:, :, ::-1])
            xyz = np.zeros((NUM_JOINTS, 3), np.float32)
            xyz[:, 2] = found[:, 2]
            xy = (found[:, :2] * scale + shift).astype(np.float32)
            draw_pose(canvas, Pose(time=0.0, xy=xy, xyz=xyz, confidence=found[:, 3]))
            shown.append(canvas)
        return shown


def _limb_hits(picture: LabelledPicture, found: FloatArray) -> list[list[bool]]:
    """For each limb joint [] where it cannot be judged, else whether it is within 0.2 torso diagonals."""
    ends = [Joint.left_shoulder, Joint.right_hip]
    if not (picture.xy_weight[ends] > 0).all():
        return [[] for _ in LIMBS]
    torso = float(np.linalg.norm(picture.xy[ends[0]] - picture.xy[ends[1]]))
    near = np.linalg.norm(found[:, :2] - picture.xy, axis=1) < 0.2 * torso
    return [[bool(near[joint])] if picture.xy_weight[joint] > 0 else [] for joint in LIMBS]


def _from_mid_hip(xyz: FloatArray) -> FloatArray:
    return xyz - (xyz[Joint.left_hip] + xyz[Joint.right_hip]) / 2


def _stature(picture: LabelledPicture, known: NDArray[np.bool_]) -> float | None:
    """The labelled person's stature in pixels, from arms and legs; None where hips or bones are unknown."""
    if not known[[Joint.left_hip, Joint.right_hip]].all():
        return None
    xyz = np.concatenate([picture.xy, picture.depth[:, None]], 1)
    statures = [
        float(np.linalg.norm(xyz[start] - xyz[end])) / fraction
        for group in ("arms", "legs")
        for start, end, fraction in losses.BONE_GROUPS[group]
        if known[start] and known[end]
    ]
    return float(np.mean(statures)) if len(statures) >= 4 else None


class FinderTask:
    """Where people are, from whole frames."""

    def __init__(self, config: TrainConfig, sets: Sets):
        self.config, self.mixture, self._decode = config, _Mixture(sets), _Decoder()

    def labels_of(self, batch: int) -> Labels:
        return None

    def draw(self, rng: np.random.Generator, labels: Labels) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
        return make_frame(self.mixture, self.config.size, rng, self.config.augmentation)

    def collate(self, samples: list[Any]) -> tuple[Tensor, ...]:
        return to_batch([image for image, _ in samples]), *frame_targets(
            [people for _, people in samples], self.config.size
        )

    def losses(
        self, stages: list[Tensor], labels: Sequence[Tensor], everywhere: Everywhere = alone
    ) -> dict[str, Tensor]:
        score, geometry, mask = labels
        return finder_losses(stages[-1], score, geometry, mask, everywhere)

    def validate(self, network: nn.Module, pictures: list[LabelledPicture]) -> dict[str, float]:
        """Share of pictures whose best cell scores over 0.4 within a quarter radius of mid-hip, and the
        share of the known people whose radius is right within a quarter."""
        near, right, count = 0, 0, 0
        for picture, _, (score, hip, radius) in self._see(network, pictures):
            person = person_of(picture.xy, picture.xy_weight)
            if person is None:
                continue
            count += 1
            near += bool(score > 0.4 and np.linalg.norm(hip - person[:2]) < person[4] / 4)
            right += bool(abs(radius / person[4] - 1) < 0.25)
        return {"found": near / count, "radius": right / count} if count else {}

    def _see(
        self, network: nn.Module, pictures: list[LabelledPicture]
    ) -> Iterator[tuple[LabelledPicture, NDArray[np.uint8], tuple[float, FloatArray, float]]]:
        """Each readable picture, decoded, and its best cell: the score, and mid-hip and radius in the
        picture's pixels."""
        for readable in self._decode(pictures):
            boxed = [letterbox(image, self.config.size) for _, image in readable]
            maps = _maps(network, [image for image, _, _ in boxed], self.config)
            for (picture, image), (_, scale, shift), out in zip(readable, boxed, maps, strict=True):
                row, column = divmod(int(out[0].argmax()), out.shape[-1])
                hip = ((np.array([column, row]) + 0.5) * FINDER_STRIDE - shift) / scale
                radius = float(out[3, row, column].exp()) * self.config.size / scale
                score = float(out[0, row, column].sigmoid())
                yield picture, image, (score, hip.astype(np.float32), radius)

    def show(self, network: nn.Module, pictures: list[LabelledPicture]) -> list[NDArray[np.uint8]]:
        shown = []
        for _, image, (score, hip, radius) in self._see(network, pictures):
            boxed, scale, shift = letterbox(image, self.config.size)
            canvas = np.ascontiguousarray(boxed[:, :, ::-1])
            x, y = (hip * scale + shift).round().astype(int)
            colour = (80, 220, 80) if score > 0.4 else (80, 80, 220)
            cv2.circle(canvas, (int(x), int(y)), round(radius * scale), colour, 2, cv2.LINE_AA)
            shown.append(canvas)
        return shown
