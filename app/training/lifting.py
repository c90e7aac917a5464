"""`python -m app.training.lifting`: trains the lifter (app/lifter.py), without a single picture.

An example is made from numbers: the pose of a real person, legs and trunk perhaps of two; bones of another
person's lengths; any heading; a camera at any height and distance, in full perspective. From that comes what
the pose network would have read, wrong in the ways it is wrong: places by a few centimetres, more at wrists
and feet; depth too flat, tilted, whole limbs off or turned inside out; joints not seen at all. The lifter
learns the way back (Martinez et al. 2017; made-up cameras and bones after Gong et al. 2021, "PoseAug").

Made-up errors are like the network's, but not its own. So half of the examples can be what it really reads of
rendered people (app/training/readings.py).
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file
from scipy.spatial.transform import Rotation
from torch import Tensor, nn
from tqdm import trange

from app.bones import BONES
from app.errors import EXIT_DONE, FormcueError, UsageError, first_line
from app.files import check_writable, replacing
from app.lifter import Lifter
from app.skeleton import MIRROR, NUM_JOINTS, Joint
from app.training.archives import BROKEN, open_arrays
from app.training.poses import MotionCapture
from app.weights import Weights, load_weights
from app.world import NECK, TRUNK, metric_scales

Array = NDArray[np.float64]
HIPS: Final = [Joint.left_hip, Joint.right_hip]
SHOULDERS: Final = [Joint.left_shoulder, Joint.right_shoulder]
RAISED: Final = NECK / (TRUNK - NECK)  # the neck above the shoulders, over the shoulders above the hips

LEGS: Final = {
    Joint[f"{side}_hip"]: [Joint[f"{side}_{part}"] for part in ("knee", "ankle", "heel", "toe")]
    for side in ("left", "right")
}
# Limbs whose depth goes wrong together, from the trunk outwards, and how it grows on the way.
LIMBS: Final = tuple(
    ([Joint[f"{side}_{part}"] for part in parts], np.array(growth))
    for side in ("left", "right")
    for parts, growth in (
        (("shoulder", "elbow", "wrist"), (0.5, 1.0, 1.7)),
        (("hip", "knee", "ankle", "heel", "toe"), (0.4, 1.0, 1.7, 1.8, 1.8)),
    )
)
# How unsurely the pose network sees a joint, over how surely it sees a shoulder.
UNSURE: Final = np.array([1, 1.2, 1, 1, 1, 1.3, 1.3, 1.8, 1.8, 1.3, 1.3, 1.3, 1.3, 1.6, 1.6, 1.8, 1.8, 2, 2])
ANGLES: Final = tuple(
    tuple(Joint[f"{side}_{part}"] for part in corner)
    for side in ("left", "right")
    for corner in (
        ("hip", "knee", "ankle"),
        ("shoulder", "elbow", "wrist"),
        ("shoulder", "hip", "knee"),
        ("hip", "shoulder", "elbow"),
    )
)


# ---------------------------------------------------------------- poses


@dataclass(frozen=True, kw_only=True, eq=False)
class Poses:
    """xyz: (N, 19, 3) metres in camera axes, origin mid-hip, any body. share: (N,) of the draws, sum 1."""

    xyz: Array
    share: Array


def load_poses(files: Sequence[Path], mocap: Path | None = None) -> Poses:
    """From .npz files with `xyz` (N, 19, 3) in camera axes, and UI-PRMD's motion capture.

    Each file is drawn from equally often: thousands of frames of a few movements do not hide a few hundred
    rare poses. Raises UsageError for a file without poses.
    """
    kept = []
    for path in files:
        try:
            with open_arrays(path) as file:
                xyz = np.asarray(file["xyz"], np.float64)
        except BROKEN as error:
            raise UsageError(f"{path}: no array xyz of poses in it ({first_line(error)})") from None
        if xyz.ndim != 3 or xyz.shape[1:] != (NUM_JOINTS, 3):
            raise UsageError(f"{path}: xyz is {xyz.shape}, expected (N, {NUM_JOINTS}, 3)")
        kept.append(xyz)
    if mocap is not None:
        capture = MotionCapture(mocap)
        joints = np.stack([capture.joints(i) for i in range(capture.count)])
        kept.append(joints * np.array([1.0, -1.0, -1.0]))  # Y up to the camera's axes
    kept = [_with_neck(_usable(xyz - xyz[:, HIPS].mean(axis=1, keepdims=True))) for xyz in kept]
    if not any(len(xyz) for xyz in kept):
        raise UsageError("no poses: give .npz files with xyz, or --mocap FILE")
    share = np.concatenate([np.full(len(xyz), 1 / len(xyz)) for xyz in kept if len(xyz)])
    return Poses(xyz=np.concatenate(kept), share=share / share.sum())


@dataclass(frozen=True, kw_only=True, eq=False)
class Readings:
    """Of N rendered people. read: (N, 19, 4), what the pose network says, metres and confidence; xyz:
    (N, 19, 3), where the joints are. Camera axes, origin mid-hip."""

    read: Array
    xyz: Array


def load_readings(files: Sequence[Path]) -> Readings:
    """From the files of app/training/readings.py. Raises UsageError for one that is none."""
    read, xyz = [], []
    for path in files:
        try:
            with open_arrays(path) as file:
                read.append(np.asarray(file["read"], np.float64))
                xyz.append(np.asarray(file["xyz"], np.float64))
        except BROKEN as error:
            raise UsageError(f"{path}: no arrays read and xyz in it ({first_line(error)})") from None
        if read[-1].shape != (len(xyz[-1]), NUM_JOINTS, 4) or xyz[-1].shape[1:] != (NUM_JOINTS, 3):
            raise UsageError(
                f"{path}: read is {read[-1].shape} and xyz {xyz[-1].shape}, "
                f"expected (N, {NUM_JOINTS}, 4) and (N, {NUM_JOINTS}, 3)"
            )
    true = np.concatenate(xyz)
    return Readings(read=np.concatenate(read), xyz=true - true[:, HIPS].mean(axis=1, keepdims=True))


def _usable(xyz: Array) -> Array:
    """Complete ones, whose trunk has a length."""
    complete = np.isfinite(xyz).all(axis=(1, 2))
    return xyz[complete & (np.linalg.norm(xyz[:, SHOULDERS].mean(axis=1), axis=-1) > 0.2)]


def _with_neck(xyz: Array) -> Array:
    """With the neck where the pose network has learnt it from photographs, above the line of the shoulders.

    Motion capture has it lower, and a pose without a neck of its own between the shoulders.
    """
    xyz = xyz.copy()
    xyz[:, Joint.neck] = (1 + RAISED) * xyz[:, SHOULDERS].mean(axis=1)
    return xyz


# ---------------------------------------------------------------- examples


def examples(poses: Poses, count: int, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """What the pose network would read, (N, 19, 4) metres and confidence, and the truth, (N, 19, 3)."""
    people = _before_camera(_with_new_bones(_mixed(poses, count, rng), rng), rng)
    away = np.exp(rng.uniform(np.log(1.5), np.log(7.0), count))  # metres, lens to mid-hip
    aside = np.stack([rng.normal(0, 0.25, count), rng.normal(0, 0.18, count), np.ones(count)], axis=-1)
    seen = people + (aside * away[:, None])[:, None]
    seen[..., 2] = np.maximum(seen[..., 2], 0.35)
    flat = seen[..., :2] / seen[..., 2:]
    flat = (flat - flat[:, HIPS].mean(axis=1, keepdims=True)) * away[:, None, None]
    read = _misread(flat, people, rng)
    return torch.from_numpy(read), torch.from_numpy(people.astype(np.float32))


def real_examples(readings: Readings, count: int, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """As `examples`, of people whom the pose network has read: mirrored, the camera tilted a little, and
    shaken, so that many examples come of one picture."""
    chosen = rng.integers(len(readings.read), size=count)
    read, true = readings.read[chosen], readings.xyz[chosen]
    mirrored = rng.random(count) < 0.5
    read[mirrored], true[mirrored] = _mirrored(read[mirrored]), _mirrored(true[mirrored])
    tilt = Rotation.from_rotvec(rng.normal(0, (0, 0, 0.2), (count, 3))).as_matrix()
    true = np.einsum("nij,nkj->nki", tilt, true)
    read[..., :3] = np.einsum("nij,nkj->nki", tilt, read[..., :3])
    read[..., :3] += rng.normal(0, (0.01, 0.01, 0.03), true.shape)
    read[..., :3] -= read[:, HIPS, :3].mean(axis=1, keepdims=True)
    return torch.from_numpy(read.astype(np.float32)), torch.from_numpy(true.astype(np.float32))


def _mixed(poses: Poses, count: int, rng: np.random.Generator) -> Array:
    """Poses, half of them mirrored, three of ten with the legs of another."""
    xyz, other = (poses.xyz[rng.choice(len(poses.xyz), count, p=poses.share)] for _ in range(2))
    mirrored = rng.random(count) < 0.5
    xyz[mirrored] = _mirrored(xyz[mirrored])
    mixed = rng.random(count) < 0.3
    turn = np.einsum("nki,nkj->nij", _trunk_axes(xyz), _trunk_axes(other))
    other = np.einsum("nij,nkj->nki", turn, other)
    for hip, leg in LEGS.items():
        moved = other[:, leg] - other[:, [hip]] + xyz[:, [hip]]
        xyz[:, leg] = np.where(mixed[:, None, None], moved, xyz[:, leg])
    return xyz


def _mirrored(people: Array) -> Array:
    """(N, 19, 3 or more), X first: as in a mirror, left and right exchanged."""
    people = people[:, MIRROR]
    people[..., 0] *= -1
    return people


def _trunk_axes(xyz: Array) -> Array:
    """(N, 3, 3): rows are the trunk's left, up and ahead."""
    up = _unit(xyz[:, Joint.neck])
    across = xyz[:, Joint.left_shoulder] - xyz[:, Joint.right_shoulder]
    left = _unit(across - (across * up).sum(axis=-1, keepdims=True) * up)
    return np.stack([left, up, np.cross(left, up)], axis=1)


def _unit(vectors: Array) -> Array:
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.maximum(length, 1e-6))


def _with_new_bones(xyz: Array, rng: np.random.Generator) -> Array:
    """The same directions, a little shaken, with bones of a random person."""
    count = len(xyz)
    size = rng.normal(1.0, 0.06, count)
    kinds = sorted({joint.name.rpartition("_")[2] for joint, _, _ in BONES})
    proportion = {kind: np.exp(rng.normal(0, 0.05, count)) for kind in kinds}
    built = np.zeros_like(xyz)
    for joint, start, length in BONES:
        bone = xyz[:, joint] - (0 if start is None else xyz[:, start])
        reach = np.linalg.norm(bone, axis=-1, keepdims=True)
        direction = _unit(bone + rng.normal(0, 0.03, bone.shape) * reach)
        long = length * size * proportion[joint.name.rpartition("_")[2]]
        built[:, joint] = (0 if start is None else built[:, start]) + direction * long[:, None]
    return np.asarray(built - built[:, HIPS].mean(axis=1, keepdims=True))


def _before_camera(xyz: Array, rng: np.random.Generator) -> Array:
    """Turned to any side, seen by a camera that looks up or, more often and steeper, down."""
    count = len(xyz)
    heading = np.where(rng.random(count) < 0.8, rng.uniform(-np.pi, np.pi, count), 0.0)
    shelf = rng.random(count) < 0.45
    pitch = np.where(shelf, rng.uniform(-0.3, 0.9, count), rng.normal(0.05, 0.2, count))
    angles = np.stack([rng.normal(0, 0.15, count), pitch, heading], axis=-1)
    turn = Rotation.from_euler("ZXY", angles) * Rotation.from_rotvec(rng.normal(0, 0.09, (count, 3)))
    return np.einsum("nij,nkj->nki", turn.as_matrix(), xyz)


def _misread(flat: Array, xyz: Array, rng: np.random.Generator) -> NDArray[np.float32]:
    """(N, 19, 4): places (N, 19, 2) metres and depth, with the pose network's errors, and confidence."""
    shape = xyz.shape[:2]
    count = len(xyz)
    # How hard the picture is decides everything that follows, and shows in the confidence.
    hard = np.exp(rng.normal(0, 0.6, (count, 1)))
    blur = 0.018 * hard * UNSURE
    missed = rng.random(shape) < 0.03 * hard
    places = flat + rng.normal(size=flat.shape) * blur[..., None]
    places += missed[..., None] * rng.normal(0, 0.2, flat.shape)

    wrong = 0.5 + 0.45 * hard
    tilt = np.asarray(
        Rotation.from_rotvec(rng.normal(0, (0.12, 0.12, 0.012), (count, 3)) * wrong).as_matrix()
    )
    depth = np.einsum("nj,nkj->nk", tilt[:, 2], xyz) * rng.uniform(0.65, 1.05, (count, 1))
    depth += 0.03 * wrong * UNSURE * rng.normal(size=shape)
    for limb, growth in LIMBS:
        # Where the network is unsure it says the mean of what may be: a limb that points less at the camera.
        depth[:, limb] -= (depth[:, limb] - depth[:, limb[:1]]) * rng.uniform(-0.05, 0.45, (count, 1))
        off = rng.normal(0, 0.05, (count, 1)) * growth
        off += 0.7 * rng.normal(0, 0.06, (count, len(limb))).cumsum(axis=1)
        depth[:, limb] += off * wrong
        inside_out = rng.random((count, 1)) < 0.04 * hard
        depth[:, limb] = np.where(inside_out, 2 * depth[:, limb[:1]] - depth[:, limb], depth[:, limb])

    doubt = 4.8 * blur * rng.uniform(0.5, 1.5, shape) + 0.5 * missed * rng.random(shape)
    confidence = np.clip(1 - doubt, 0.05, 1)
    unseen = rng.random(shape) < 0.03
    unseen[:, Joint.left_heel :] |= rng.random((count, 1)) < 0.1  # the feet are cut off
    confidence = np.where(unseen, rng.uniform(0, 0.1, shape), confidence)
    places += unseen[..., None] * rng.normal(0, 0.3, flat.shape)
    depth += unseen * rng.normal(0, 0.2, shape)

    read = np.concatenate([places, depth[..., None]], axis=-1)
    read -= read[:, HIPS].mean(axis=1, keepdims=True)
    read *= metric_scales(read, confidence)[:, None, None]
    return np.concatenate([read, confidence[..., None]], axis=-1).astype(np.float32)


# ---------------------------------------------------------------- network


class LiftNetwork(nn.Module):
    """(N, 19, 4) -> (N, 19, 3). Residual blocks of two layers each, as Martinez et al. have them."""

    def __init__(self, width: int = 512, blocks: int = 2, *, dropout: float = 0.05) -> None:
        super().__init__()
        self.width, self.depth = width, blocks
        self.into = nn.Linear(4 * NUM_JOINTS, width)
        self.blocks = nn.ModuleList(
            nn.Sequential(
                nn.BatchNorm1d(width), nn.ReLU(), nn.Dropout(dropout), nn.Linear(width, width),
                nn.BatchNorm1d(width), nn.ReLU(), nn.Linear(width, width),
            )
            for _ in range(blocks)
        )  # fmt: skip
        self.out = nn.Linear(width, 3 * NUM_JOINTS)
        nn.init.zeros_(self.out.weight)  # at first nothing is changed
        nn.init.zeros_(self.out.bias)

    def forward(self, read: Tensor) -> Tensor:
        h = self.into(read.flatten(1))  # N, W
        for block in self.blocks:
            h = h + block(h)
        mended = read[..., :3] + self.out(h).view(-1, NUM_JOINTS, 3)
        return mended - mended[:, HIPS].mean(1, keepdim=True)

    @classmethod
    def load(cls, weights: Weights) -> LiftNetwork:
        """A trained one, in eval mode. Raises WeightsError when the weights are no lifter's."""
        width, blocks = int(weights.config["width"]), int(weights.config["blocks"])
        arrays = weights.arrays()
        Lifter(arrays, width=width, blocks=blocks)  # raises for what does not fit
        network = cls(width, blocks)
        with torch.no_grad():
            for name, parameter in network._parameters_by_name().items():
                parameter.copy_(torch.from_numpy(np.asarray(arrays[name], np.float32)))
        for norm in network._norms().values():
            norm.eps = 0.0  # scale and shift are all there is to it
        return network.eval()

    def arrays(self) -> dict[str, Tensor]:
        """For app.lifter.Lifter: the normalisations as scale and shift."""
        named = self._parameters_by_name()
        for at, norm in self._norms().items():
            assert norm.running_mean is not None and norm.running_var is not None
            scale = norm.weight / (norm.running_var + norm.eps).sqrt()
            named[f"{at}.scale"], named[f"{at}.shift"] = scale, norm.bias - norm.running_mean * scale
        return {name: value.detach().half().contiguous() for name, value in named.items()}

    def _parameters_by_name(self) -> dict[str, Tensor]:
        """Under the names that the file has."""
        named = {"in.weight": self.into.weight, "in.bias": self.into.bias}
        named |= {"out.weight": self.out.weight, "out.bias": self.out.bias}
        for at, norm in self._norms().items():
            named[f"{at}.scale"], named[f"{at}.shift"] = norm.weight, norm.bias
        for i, block in enumerate(self.blocks):
            linears = [part for part in block.children() if isinstance(part, nn.Linear)]
            for half, linear in enumerate(linears):
                named[f"{i}.{half}.weight"], named[f"{i}.{half}.bias"] = linear.weight, linear.bias
        return named

    def _norms(self) -> dict[str, nn.BatchNorm1d]:
        """block.half -> its normalisation."""
        return {
            f"{i}.{half}": norm
            for i, block in enumerate(self.blocks)
            for half, norm in enumerate(part for part in block.children() if isinstance(part, nn.BatchNorm1d))
        }


def lifting_loss(found: Tensor, true: Tensor) -> Tensor:
    """(N, 19, 3) each: mean distance in metres, directions of the bones, and angles of the joints."""
    joints = [joint for joint, start, _ in BONES if start is not None]
    starts = [start for _, start, _ in BONES if start is not None]
    along = torch.cosine_similarity(
        found[:, joints] - found[:, starts], true[:, joints] - true[:, starts], dim=-1
    )
    bent = torch.stack([(_angle(found, *c) - _angle(true, *c)).abs().mean() for c in ANGLES])
    return (found - true).norm(dim=-1).mean() + 0.15 * (1 - along).mean() + 0.03 * bent.sum()


def _angle(xyz: Tensor, first: int, middle: int, last: int) -> Tensor:
    """Radians at the middle joint."""
    one, other = xyz[:, first] - xyz[:, middle], xyz[:, last] - xyz[:, middle]
    return torch.acos(torch.cosine_similarity(one, other, dim=-1).clamp(-0.999, 0.999))


def train_lifter(
    poses: Poses,
    *,
    steps: int,
    readings: Readings | None = None,
    width: int = 512,
    teachers: Sequence[LiftNetwork] = (),
    batch: int = 256,
    rate: float = 1.5e-3,
    seed: int = 0,
) -> LiftNetwork:
    """A lifter trained on steps x batch examples, made up or, with `readings`, half of them real; about five
    minutes for 7,000 steps on two cores.

    With teachers it learns the mean of what they give for them in place of the truth: a narrow lifter gets
    nearer to wide ones so than by itself (distillation, Hinton et al. 2015).
    """
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    network = LiftNetwork(width, dropout=0.0 if teachers else 0.05)
    optimiser = torch.optim.AdamW(network.parameters(), rate, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, total_steps=steps, pct_start=0.05)
    real = batch // 2 if readings is not None else 0
    with trange(steps, unit=" steps", mininterval=2) as bar:
        for _ in bar:
            read, true = examples(poses, batch - real, rng)
            if readings is not None:
                read_too, true_too = real_examples(readings, real, rng)
                read, true = torch.cat([read, read_too]), torch.cat([true, true_too])
            if teachers:
                with torch.no_grad():
                    true = torch.stack([teacher(read) for teacher in teachers]).mean(0)
            found = network(read)
            loss = lifting_loss(found, true)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            before, after = ((x - true).norm(dim=-1).mean().item() * 1000 for x in (read[..., :3], found))
            bar.set_postfix_str(f"{before:.0f} mm -> {after:.0f} mm", refresh=False)
    return network.eval()


# ---------------------------------------------------------------- the command


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m app.training.lifting", description="Trains the lifter.")
    parser.add_argument("--poses", nargs="+", type=Path, default=[], metavar="FILE.npz", help="with xyz")
    parser.add_argument("--mocap", type=Path, metavar="FILE.npz", help="UI-PRMD's motion capture")
    parser.add_argument(
        "--readings", nargs="+", type=Path, default=[], metavar="FILE.npz", help="what the network reads"
    )
    parser.add_argument(
        "--steps", type=int, default=7000, metavar="N", help="of 256 examples (default: 7000)"
    )
    parser.add_argument("--width", type=int, default=512, metavar="N", help="of its layers (default: 512)")
    parser.add_argument(
        "--teacher",
        nargs="+",
        default=[],
        metavar="NAME|FILE.safetensors",
        help="lifters the mean of whose answers is learnt, not the truth",
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.safetensors")
    args = parser.parse_args(argv)
    try:
        check_writable(args.out)
        poses = load_poses(args.poses, args.mocap)
        teachers = [LiftNetwork.load(load_weights(name, "lifter")) for name in args.teacher]
        readings = load_readings(args.readings) if args.readings else None
        network = train_lifter(
            poses,
            steps=args.steps,
            readings=readings,
            width=args.width,
            teachers=teachers,
            seed=args.seed,
        )
        config = {"kind": "lifter", "joints": NUM_JOINTS, "width": network.width, "blocks": network.depth}
        with replacing(args.out) as part:
            save_file(network.arrays(), part, metadata={"config": json.dumps(config)})
    except FormcueError as error:
        print(f"lifting: {error}", file=sys.stderr)
        return error.exit_code
    return EXIT_DONE


if __name__ == "__main__":
    sys.exit(main())
