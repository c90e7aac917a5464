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
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, distributed, nn
from tqdm import tqdm

from app.training.base import load_base
from app.training.config import TrainConfig, TrainingError, load_config
from app.training.cpu import speed_up_depthwise
from app.training.datasets import DataSetError
from app.training.sets import load_sets
from app.training.tasks import FinderTask, PoseTask, Task


@dataclass(frozen=True, kw_only=True)
class Workers:
    """The processes that train one network together, each on its share of every batch."""

    rank: int = 0
    count: int = 1

    @classmethod
    def join(cls, batch: int) -> Workers:
        """As `torchrun` started us; alone otherwise. Raises TrainingError when the batch does not divide."""
        count = int(os.environ.get("WORLD_SIZE", "1"))
        if count == 1:
            return cls()
        if batch % count:
            raise TrainingError(f"batch: {batch} cannot be shared evenly by {count} processes; change one")
        distributed.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
        return cls(rank=distributed.get_rank(), count=count)

    def average_gradients(self, network: nn.Module) -> None:
        if self.count == 1:
            return
        gradients = [parameter.grad for parameter in network.parameters() if parameter.grad is not None]
        flat = torch.cat([gradient.flatten() for gradient in gradients])
        distributed.all_reduce(flat)
        flat /= self.count
        for gradient, part in zip(gradients, flat.split([g.numel() for g in gradients]), strict=True):
            gradient.copy_(part.view_as(gradient))


def _batches(
    task: Task, config: TrainConfig, first_picture: int, workers: Workers, stop: threading.Event
) -> Iterator[list[Any]]:
    """Endless batches, made ahead by one thread (OpenCV lets go of the interpreter while it works).

    Each picture's randomness comes from the seed and its place in the run, so that a resumed run draws
    what the unbroken one would have drawn.
    """
    ready: queue.Queue[list[Any]] = queue.Queue(maxsize=4)

    def draw(place: int) -> Any:
        rng = np.random.default_rng((config.seed, place))
        while True:
            try:
                return task.draw(rng)
            except DataSetError as error:
                tqdm.write(f"skipped: {error}")

    def work() -> None:
        place = first_picture
        share = config.batch // workers.count
        while not stop.is_set():
            batch = [draw(place + workers.rank * share + i) for i in range(share)]
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


def _rate(config: TrainConfig, done: int) -> float:
    """Warm up, then a cosine down to a hundredth."""
    warm = min(1.0, (done + config.batch) / max(config.warm_up, 1))
    progress = min(1.0, done / config.pictures)
    return config.rate * warm * (0.01 + 0.99 * 0.5 * (1 + float(np.cos(np.pi * progress))))


BASE_LAYERS = ("encoder.", "narrow_")


def _set_training(network: nn.Module, config: TrainConfig) -> None:
    network.train()
    if config.freeze_base_norm:
        for name, module in network.named_modules():
            if isinstance(module, nn.BatchNorm2d) and name.startswith(BASE_LAYERS):
                module.eval()


def _parameter_groups(network: nn.Module, config: TrainConfig) -> list[dict[str, Any]]:
    """Base and new layers apart: an ordinary rate wipes out what the base knows. No decay on vectors."""
    groups: dict[tuple[bool, bool], list[nn.Parameter]] = {}
    for name, parameter in network.named_parameters():
        from_base = config.base_rate != 1 and name.startswith(BASE_LAYERS)
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
    part.replace(path)


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
    workers = Workers.join(config.batch)
    torch.manual_seed(config.seed)
    sets = [(load_sets(entry.kind, entry.files, validation=False), entry.share) for entry in config.sets]
    held_out = config.validation and load_sets(
        config.validation.kind, config.validation.files, validation=True
    )
    for (pictures, _), entry in zip(sets, config.sets, strict=True):
        print(f"{entry.kind}: {len(pictures)} pictures, share {entry.share}", flush=True)

    task: Task = PoseTask(config, sets) if config.network == "pose" else FinderTask(config, sets)
    network = task.build()
    if device.type == "cpu":
        speed_up_depthwise(network)
    if config.base and not resume:
        rng = np.random.default_rng(config.seed)
        load_base(network, Path(config.base), task.collate([task.draw(rng) for _ in range(64)])[0])
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
        network.load_state_dict(load_file(config.start))
        average.module.load_state_dict(network.state_dict())

    def save() -> None:
        if workers.rank != 0:
            return
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
        _replace_atomically(
            out / "weights.safetensors", lambda part: save_file(weights, part, metadata=metadata)
        )

    stop = threading.Event()
    saved = time.monotonic()
    sums: dict[str, float] = {}
    _set_training(network, config)
    try:
        with (
            tqdm(
                total=config.pictures, initial=done, unit=" pictures", mininterval=5, disable=workers.rank > 0
            ) as bar,
            (out / "metrics.jsonl").open("a", encoding="utf-8") as log,
        ):
            for samples in _batches(task, config, done, workers, stop):
                if done >= config.pictures:
                    break
                for group in optimiser.param_groups:
                    group["lr"] = group["factor"] * _rate(config, done)
                image, *labels = (part.to(device) for part in task.collate(samples))
                with torch.autocast(device.type, torch.bfloat16):
                    maps = network(image)
                terms = task.losses(maps, *labels)
                optimiser.zero_grad(set_to_none=True)
                terms["loss"].backward()
                workers.average_gradients(network)
                nn.utils.clip_grad_norm_(network.parameters(), 5.0)
                optimiser.step()
                average.update_parameters(network)
                before, done = done, done + config.batch
                bar.update(config.batch)
                for name, term in terms.items():
                    value = float(term.detach())
                    sums[name] = 0.98 * sums.get(name, value) + 0.02 * value
                bar.set_postfix({name: f"{value:.3f}" for name, value in sums.items()}, refresh=False)
                if (
                    workers.rank == 0
                    and held_out
                    and before // config.validate_every != done // config.validate_every
                ):
                    row = {"pictures": done, **task.validate(average.module.eval(), held_out), **sums}
                    log.write(json.dumps(row) + "\n")
                    log.flush()
                    tqdm.write(json.dumps(row))
                if time.monotonic() - saved > config.save_every:
                    save()
                    saved = time.monotonic()
    finally:
        stop.set()
        save()


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("train", help="train a network on mixed 2D- and 3D-labelled pictures")
    parser.add_argument("config", metavar="CONFIG", type=Path, help="the run's YAML file")
    parser.add_argument("--resume", action="store_true", help="go on from the run's last checkpoint")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    train(load_config(arguments.config), resume=arguments.resume)
    return 0
