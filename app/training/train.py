"""`train CONFIG`: mixed 2D- and 3D-labelled pictures in, a weights file out.

The run's folder holds `checkpoint.pt` (configuration, weights, averaged weights, optimiser, counters),
`metrics.jsonl` and `weights.safetensors` (the averaged weights, as the catalogue takes them). The run is
measured in pictures; killed at any time it loses at most `save_every` seconds and goes on with --resume.
"""

from __future__ import annotations

import argparse
import json
import os
import queue
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from safetensors.torch import save_file
from torch import Tensor, nn
from tqdm import tqdm

from app.errors import FormcueError
from app.network import MAP_STRIDE, PoseNetwork
from app.skeleton import Joint
from app.training import losses
from app.training.base import load_base
from app.training.cpu import speed_up_depthwise
from app.training.datasets import Augmentation, Crop, DataSetError, LabelledPicture, make_crop
from app.training.sets import load_sets

LIMBS = [joint for joint in Joint if joint.name.split("_")[-1] in
         ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")]  # fmt: skip


class TrainingError(FormcueError):
    """A configuration or a run that cannot be used."""

    exit_code = 2


@dataclass(frozen=True, kw_only=True)
class SetConfig:
    """One data set: its kind (see sets.py), its files and its share of each batch."""

    kind: str
    files: list[str]
    share: float


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """Everything a run depends on. Unknown keys are refused."""

    out: str
    sets: list[SetConfig]
    base: str | None = None  # the base network's arrays
    start: str | None = None  # or a weights file to go on from
    pictures: int = 100_000
    batch: int = 32
    size: int = 256
    rate: float = 1e-3
    base_rate: float = 0.15  # of `rate`: the layers that came with the base network
    warm_up: int = 2_000  # pictures
    weight_decay: float = 0.01
    sigma: float = 1.5  # cells of the labels' Gaussians at size 256
    lambda_reg: float = 10.0
    lambda_g: float = 0.02
    average: float = 0.999
    seed: int = 0
    save_every: float = 120.0  # seconds
    validate_every: int = 5_000  # pictures
    validation: SetConfig | None = None
    augmentation: Augmentation = field(default_factory=Augmentation)


def load_config(path: Path) -> TrainConfig:
    """Raises TrainingError that names the file and the key."""
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
        raise TrainingError(f"{path}: cannot be read as YAML: {' '.join(str(error).split())}") from error
    if not isinstance(values, dict):
        raise TrainingError(f"{path}: expected keys and values at the top")
    try:
        nested: dict[str, Any] = dict(values)
        nested["sets"] = [SetConfig(**entry) for entry in values.get("sets", [])]
        if values.get("validation"):
            nested["validation"] = SetConfig(**values["validation"])
        nested["augmentation"] = Augmentation(**values.get("augmentation", {}))
        return TrainConfig(**nested)
    except TypeError as error:
        known = ", ".join(f.name for f in fields(TrainConfig))
        raise TrainingError(f"{path}: {error}; known keys: {known}") from error


def _batches(
    sets: list[tuple[list[LabelledPicture], float]], config: TrainConfig, first_picture: int, stop: threading.Event
) -> Iterator[list[Crop]]:
    """Endless batches, made ahead by one thread (OpenCV lets go of the interpreter while it works).

    Each picture's randomness comes from the seed and its place in the run, so that a resumed run draws
    what the unbroken one would have drawn.
    """
    ready: queue.Queue[list[Crop]] = queue.Queue(maxsize=4)
    shares = np.cumsum([share for _, share in sets])
    shares = shares / shares[-1]

    def draw(place: int) -> Crop:
        rng = np.random.default_rng((config.seed, place))
        pictures = sets[int(np.searchsorted(shares, rng.random(), side="right"))][0]
        while True:
            picture = pictures[int(rng.integers(len(pictures)))]
            try:
                return make_crop(picture, picture.decode(), config.size, rng, config.augmentation)
            except DataSetError as error:
                tqdm.write(f"skipped: {error}")

    def work() -> None:
        place = first_picture
        while not stop.is_set():
            batch = [draw(place + i) for i in range(config.batch)]
            place += config.batch
            while not stop.is_set():
                try:
                    ready.put(batch, timeout=0.5)
                    break
                except queue.Full:
                    continue

    threading.Thread(target=work, daemon=True, name="crops").start()
    while True:
        yield ready.get()


def stack(crops: list[Crop], device: torch.device) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """-> pictures (N, 3, S, S) in 0..1, xy (N, 19, 2) pixels, xy weight, depth, depth weight (N, 19)."""
    image = torch.from_numpy(np.stack([crop.image for crop in crops])).to(device)
    image = image.permute(0, 3, 1, 2).float().div_(255).contiguous(memory_format=torch.channels_last)
    rest = [
        torch.from_numpy(np.stack([getattr(crop, name) for crop in crops]).astype(np.float32)).to(device)
        for name in ("xy", "xy_weight", "depth", "depth_weight")
    ]
    return image, rest[0], rest[1], rest[2], rest[3]


def compute_losses(maps: Tensor, xy: Tensor, xy_weight: Tensor, depth: Tensor, depth_weight: Tensor,
                   config: TrainConfig) -> dict[str, Tensor]:  # fmt: skip
    """The terms of the patent's mixed loss for one batch; the total is under "loss"."""
    joints = maps.shape[1] // 2
    logits, depth_maps = maps[:, :joints].float(), maps[:, joints:].float()
    height, width = logits.shape[-2:]
    position = xy / MAP_STRIDE
    inside = losses.is_inside(position, height, width)
    target = losses.gaussian_targets(position, height, width, config.sigma * height / 64)
    heatmap = losses.heatmap_cross_entropy(logits, target, inside, xy_weight)
    predicted = losses.read_depth(depth_maps, target)
    depth_weight = depth_weight * inside
    regression = losses.depth_regression(predicted, depth, depth_weight)
    known = (xy_weight > 0) & inside
    geometry = losses.geometric_constraint(xy / (width * MAP_STRIDE), predicted, known)
    total = heatmap + config.lambda_reg * regression + config.lambda_g * geometry
    return {"loss": total, "heatmap": heatmap, "depth": regression, "geometry": geometry}


@torch.no_grad()
def validate(network: nn.Module, pictures: list[LabelledPicture], size: int) -> float:
    """PCK@0.2 of the 12 limb joints on whole pictures, letterboxed: quick, one pass, no finding, no flip."""
    from app.training.datasets import warp

    network.eval()
    hits: list[list[bool]] = [[] for _ in LIMBS]
    for start in range(0, len(pictures), 32):
        chunk = pictures[start : start + 32]
        batch, scales = [], []
        for picture in chunk:
            image = picture.decode()
            side = max(image.shape[:2]) * 1.1
            scale = size / side
            shift = (size - np.array(image.shape[1::-1]) * scale) / 2
            batch.append(warp(image, np.array([[scale, 0, shift[0]], [0, scale, shift[1]]]), size)[:, :, ::-1])
            scales.append((scale, shift))
        x = torch.from_numpy(np.stack(batch).transpose(0, 3, 1, 2).astype(np.float32) / 255)
        with torch.autocast("cpu", torch.bfloat16):
            maps = network(x.contiguous(memory_format=torch.channels_last)).float()
        side_cells = maps.shape[-1]
        peak = maps[:, : len(Joint)].flatten(2).argmax(-1)
        found = torch.stack([peak % side_cells, peak // side_cells], -1).numpy() * MAP_STRIDE + MAP_STRIDE / 2
        for picture, (scale, shift), xy in zip(chunk, scales, found, strict=True):
            xy = (xy - shift) / scale
            torso = np.linalg.norm(picture.xy[Joint.left_shoulder] - picture.xy[Joint.right_hip])
            if not (picture.xy_weight[[Joint.left_shoulder, Joint.right_hip]] > 0).all():
                continue
            near = np.linalg.norm(xy - picture.xy, axis=1) < 0.2 * torso
            for row, joint in zip(hits, LIMBS, strict=True):
                if picture.xy_weight[joint] > 0:
                    row.append(bool(near[joint]))
    network.train()
    return float(np.mean([np.mean(row) for row in hits]))


def _rate(config: TrainConfig, done: int) -> float:
    """Warm up, then a cosine down to a hundredth."""
    warm = min(1.0, (done + config.batch) / max(config.warm_up, 1))
    progress = min(1.0, done / config.pictures)
    return config.rate * warm * (0.01 + 0.99 * 0.5 * (1 + float(np.cos(np.pi * progress))))


def _parameter_groups(network: nn.Module, config: TrainConfig) -> list[dict[str, Any]]:
    """Base and new layers apart, since an ordinary rate wipes out what the base knows; no decay on vectors."""
    groups: dict[tuple[bool, bool], list[nn.Parameter]] = {}
    for name, parameter in network.named_parameters():
        from_base = config.base_rate != 1 and name.startswith(("encoder.", "narrow_"))
        groups.setdefault((from_base, parameter.ndim > 1), []).append(parameter)
    return [
        {
            "params": parameters,
            "weight_decay": config.weight_decay if matrix else 0.0,
            "factor": config.base_rate if from_base else 1.0,
        }
        for (from_base, matrix), parameters in groups.items()
    ]


def _moving_average(decay: float) -> Any:
    """An exponential moving average whose first steps do not cling to where they began."""

    @torch.no_grad()
    def update(averaged: Any, current: Any, count: Tensor) -> None:
        n = float(count)
        for old, new in zip(averaged, current, strict=True):
            if old.is_floating_point():
                old.lerp_(new, 1 - min(decay, (1 + n) / (10 + n)))
            else:
                old.copy_(new)

    return update


def _replace_atomically(path: Path, write: Any) -> None:
    part = path.with_name(path.name + ".part")
    write(part)
    os.replace(part, path)


def train(config: TrainConfig, *, resume: bool) -> None:
    """Runs to the end of `config.pictures`, or on from the checkpoint."""
    out = Path(config.out)
    out.mkdir(parents=True, exist_ok=True)
    checkpoint_file = out / "checkpoint.pt"
    if resume and not checkpoint_file.exists():
        raise TrainingError(f"{checkpoint_file}: no checkpoint to resume from; leave out --resume")
    if not resume and checkpoint_file.exists():
        raise TrainingError(f"{out}: holds a run already; add --resume to go on or name another folder")
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.manual_seed(config.seed)
    sets = [(load_sets(entry.kind, entry.files, validation=False), entry.share) for entry in config.sets]
    held_out = config.validation and load_sets(config.validation.kind, config.validation.files, validation=True)
    for (pictures, _), entry in zip(sets, config.sets, strict=True):
        print(f"{entry.kind}: {len(pictures)} pictures, share {entry.share}", flush=True)

    network = PoseNetwork()
    if device.type == "cpu":
        speed_up_depthwise(network)
    if config.base and not resume:
        rng = np.random.default_rng(config.seed)
        plain = Augmentation(occluders=0, blur=0, any_rotation=0)
        first = sets[0][0][:64]
        crops = [make_crop(picture, picture.decode(), config.size, rng, plain) for picture in first]
        load_base(network, Path(config.base), stack(crops, torch.device("cpu"))[0])
    network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    average = torch.optim.swa_utils.AveragedModel(
        network, multi_avg_fn=_moving_average(config.average), use_buffers=True
    )
    optimiser = torch.optim.AdamW(_parameter_groups(network, config), lr=config.rate)
    done = 0
    if resume:
        state = torch.load(checkpoint_file, weights_only=True, map_location=device)
        network.load_state_dict(state["network"])
        average.load_state_dict(state["average"])
        optimiser.load_state_dict(state["optimiser"])
        done = state["done"]
    elif config.start:
        from safetensors.torch import load_file

        network.load_state_dict(load_file(config.start))
        average.module.load_state_dict(network.state_dict())

    def save() -> None:
        state = {
            "config": json.dumps(asdict(config)),
            "network": network.state_dict(),
            "average": average.state_dict(),
            "optimiser": optimiser.state_dict(),
            "done": done,
        }
        _replace_atomically(checkpoint_file, lambda part: torch.save(state, part))
        weights = {name: value.contiguous() for name, value in average.module.state_dict().items()}
        metadata = {"config": json.dumps(network.config.to_dict())}
        _replace_atomically(out / "weights.safetensors", lambda part: save_file(weights, part, metadata=metadata))

    stop = threading.Event()
    saved = time.monotonic()
    sums: dict[str, float] = {}
    network.train()
    try:
        with (
            tqdm(total=config.pictures, initial=done, unit=" pictures", mininterval=5) as bar,
            open(out / "metrics.jsonl", "a", encoding="utf-8") as log,
        ):
            for crops in _batches(sets, config, done, stop):
                if done >= config.pictures:
                    break
                for group in optimiser.param_groups:
                    group["lr"] = group["factor"] * _rate(config, done)
                image, *labels = stack(crops, device)
                with torch.autocast(device.type, torch.bfloat16):
                    maps = network(image)
                terms = compute_losses(maps, *labels, config)  # type: ignore[call-arg]
                optimiser.zero_grad(set_to_none=True)
                terms["loss"].backward()
                nn.utils.clip_grad_norm_(network.parameters(), 5.0)
                optimiser.step()
                average.update_parameters(network)
                before, done = done, done + len(crops)
                bar.update(len(crops))
                for name, term in terms.items():
                    sums[name] = 0.98 * sums.get(name, float(term)) + 0.02 * float(term)
                bar.set_postfix({name: f"{value:.3f}" for name, value in sums.items()}, refresh=False)
                if held_out and before // config.validate_every != done // config.validate_every:
                    row = {"pictures": done, "pck": validate(average.module, held_out, config.size), **sums}
                    log.write(json.dumps(row) + "\n")
                    log.flush()
                    tqdm.write(json.dumps(row))
                if time.monotonic() - saved > config.save_every:
                    save()
                    saved = time.monotonic()
    finally:
        stop.set()
        save()


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("config", metavar="CONFIG", type=Path, help="the run's YAML file")
    parser.add_argument("--resume", action="store_true", help="go on from the run's last checkpoint")


def run(arguments: argparse.Namespace) -> int:
    train(load_config(arguments.config), resume=arguments.resume)
    return 0
