"""`train CONFIG`: mixed 2D- and 3D-labelled pictures in, a weights file out.

The run's folder holds `checkpoint.pt` (configuration, weights, averaged weights, optimiser, random state,
counters), `weights.safetensors` (the averaged weights, as the catalogue takes them), `metrics.jsonl`,
`curve.png` and `samples/`. The run is measured in pictures; killed at any time it loses at most
`save_every` seconds and goes on with --resume as if nothing had happened.

On several GPUs, or processes: `torchrun --nproc-per-node N main.py train CONFIG`.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from tqdm import tqdm

from app.errors import first_line
from app.files import OutputError, replacing
from app.network import AnyNetwork, FinderNetwork, PoseNetwork
from app.training.base import load_base
from app.training.batches import draw_sample, make_batches
from app.training.config import SetConfig, TrainConfig, TrainingError, load_configs
from app.training.cpu import speed_up_depthwise
from app.training.datasets import LabelledPicture
from app.training.diary import Diary
from app.training.sets import load_sets
from app.training.tasks import Labels, Task, autocast, depth_parameters, make_network, make_task
from app.training.workers import Workers

# Keys that may change when a run goes on; all others decide what it computes, and are told.
HARMLESS: Final = {"out", "device", "loaders", "save_every", "log_every", "validate_every", "validation"}
LOADERS_A_CORE: Final = 8  # processes; many more only fill the memory, until the system kills some
SAMPLES: Final = 8  # held-out pictures drawn at each validation
BASE_LAYERS: Final = ("encoder.", "narrow_")


def read_set(entry: SetConfig, *, validation: bool) -> list[LabelledPicture]:
    """The pictures of one entry of a configuration. A set without a validation split of its own is held
    out whole where it is named for validation. Raises DataSetError."""
    pictures = load_sets(entry.kind, entry.files, validation=validation)
    if validation and not pictures:
        pictures = load_sets(entry.kind, entry.files, validation=False)
    if entry.limit is not None and entry.limit < len(pictures):
        pictures = [pictures[i * len(pictures) // entry.limit] for i in range(entry.limit)]
    if entry.depth:
        return pictures
    return [replace(picture, depth_weight=np.zeros_like(picture.depth_weight)) for picture in pictures]


def _rate(config: TrainConfig, done: int) -> float:
    """Warm up, then a cosine down to a hundredth."""
    warm = min(1.0, (done + config.batch) / max(config.warm_up, 1))
    progress = min(1.0, done / config.pictures)
    return config.rate * warm * (0.01 + 0.99 * 0.5 * (1 + float(np.cos(np.pi * progress))))


def _set_training(network: nn.Module, config: TrainConfig) -> None:
    network.train()
    still = (*config.frozen, *(BASE_LAYERS if config.freeze_base_norm else ()))
    for name, module in network.named_modules():
        if isinstance(module, nn.BatchNorm2d) and name.startswith(still):
            module.eval()


def _parameter_groups(network: nn.Module, config: TrainConfig) -> list[dict[str, Any]]:
    """Base and new layers apart: an ordinary rate wipes out what the base knows. No decay on vectors.

    Raises TrainingError for a name in `frozen` that no layer's begins with, or when nothing is left to train.
    """
    names = [name for name, _ in network.named_parameters()]
    for prefix in config.frozen:
        if not any(name.startswith(prefix) for name in names):
            first = ", ".join(sorted({f"{name.partition('.')[0]}." for name in names}))
            raise TrainingError(
                f"frozen: no layer's name begins with {prefix!r:.60}; they begin with {first}"
            )
    trained_before = config.base is not None or config.start is not None
    groups: dict[tuple[bool, bool], list[nn.Parameter]] = {}
    for name, parameter in network.named_parameters():
        if name.startswith(tuple(config.frozen)):
            parameter.requires_grad_(False)
            continue
        from_base = trained_before and name.startswith(BASE_LAYERS)
        groups.setdefault((from_base, parameter.ndim > 1), []).append(parameter)
    if not groups:
        raise TrainingError("frozen: all layers are; leave out those that shall learn")
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


def _put(path: Path, write: Callable[[Path], None]) -> None:
    """Writes a file, whole or not at all. Raises TrainingError."""
    try:
        with replacing(path) as part:
            write(part)
    except (
        OutputError,
        RuntimeError,
        SafetensorError,
    ) as error:
        # Both libraries report a full disk in their own words.
        raise TrainingError(
            f"{path}: cannot be written ({first_line(error)}); the last one is kept: make room, and --resume"
        ) from error


@contextmanager
def _asked_to_stop() -> Iterator[threading.Event]:
    """An event that Ctrl-C or a polite kill sets; the step that is being computed is finished first.

    A second Ctrl-C stops at once. Outside the main thread, where signals do not arrive, it is never set.
    """
    asked = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield asked
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def ask(_number: int, _frame: Any) -> None:
        if asked.is_set():
            raise KeyboardInterrupt
        asked.set()

    for number in before:
        signal.signal(number, ask)
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _load_start(network: nn.Module, path: str) -> None:
    try:
        network.load_state_dict(load_file(path))
    except OSError as error:
        raise TrainingError(f"start: {path}: cannot be read ({error.strerror or error})") from error
    except RuntimeError as error:
        raise TrainingError(f"start: {path}: of another network than `network` and `model` say") from error
    except Exception as error:  # safetensors' own exception, for a file of another kind
        raise TrainingError(f"start: {path}: not a weights file ({first_line(error)})") from error


def _load_arrays(network: AnyNetwork, config: TrainConfig, task: Task) -> None:
    assert config.base is not None
    if not isinstance(network, (PoseNetwork, FinderNetwork)):
        raise TrainingError("base: those arrays are a mobile network's; use start with weights of your own")
    rng = np.random.default_rng(config.seed)
    pictures = task.collate([draw_sample(task, rng, None) for _ in range(64)])[0]
    try:
        load_base(network, Path(config.base), pictures)
    except (OSError, KeyError, ValueError, RuntimeError) as error:
        raise TrainingError(f"base: {config.base}: not this network's base ({first_line(error)})") from error


class Run:
    """The state of a run: everything that a checkpoint carries."""

    def __init__(self, config: TrainConfig, task: Task, workers: Workers):
        self.config, self.workers = config, workers
        self.folder = Path(config.out)
        torch.manual_seed(config.seed)
        self.network = make_network(config)
        if workers.device.type == "cpu":
            speed_up_depthwise(self.network)
        workers.share_statistics(self.network)
        if config.base and not self.checkpoint.exists():
            _load_arrays(self.network, config, task)
        self.network.to(workers.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        if config.start and not self.checkpoint.exists():
            _load_start(self.network, config.start)
        self.average = torch.optim.swa_utils.AveragedModel(
            self.network, multi_avg_fn=_moving_average(config.average), use_buffers=True
        )
        self.optimiser = torch.optim.AdamW(_parameter_groups(self.network, config), lr=config.rate)
        # Only half precision needs its losses scaled up.
        self.scaler = torch.amp.GradScaler(workers.device.type, enabled=config.precision == "fp16")
        self.depth_layer = depth_parameters(self.network)
        self.done = 0  # pictures
        self.smooth: dict[str, Tensor] = {}  # the losses, averaged over some fifty batches

    @property
    def checkpoint(self) -> Path:
        return self.folder / "checkpoint.pt"

    @property
    def weights(self) -> Path:
        """The moving average alone, as `export` and `--weights` take it."""
        return self.folder / "weights.safetensors"

    def save(self) -> None:
        """By the first process. Raises TrainingError, and leaves the last checkpoint, when the losses are
        no numbers any more."""
        broken = [name for name, value in self.smooth.items() if not math.isfinite(float(value))]
        if broken:
            raise TrainingError(
                f"{', '.join(broken)} is not finite after {self.done} pictures; the last checkpoint is "
                "kept: lower `rate`, or write `precision: fp32`, and --resume"
            )
        if self.workers.rank != 0:
            return
        state = {
            "config": json.dumps(asdict(self.config)),
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "scaler": self.scaler.state_dict(),
            "random": torch.get_rng_state(),
            "smooth": self.smooth,
            "done": self.done,
        }
        _put(self.checkpoint, lambda part: torch.save(state, part))
        weights = {name: value.contiguous() for name, value in self.average.module.state_dict().items()}
        metadata = {"config": json.dumps(self.network.config.to_dict())}
        _put(self.weights, lambda part: save_file(weights, part, metadata=metadata))

    def load(self) -> None:
        """From the checkpoint. Raises TrainingError when it is of another network or damaged."""
        try:
            state = torch.load(self.checkpoint, weights_only=True, map_location=self.workers.device)
            before, now = json.loads(state["config"]), json.loads(json.dumps(asdict(self.config)))
        except Exception as error:  # pickle and zip each have their own
            raise TrainingError(
                f"{self.checkpoint}: is damaged and cannot be gone on from; begin anew, with `start:` the "
                f"weights beside it if these are well"
            ) from error
        for key in ("network", "model"):
            if before.get(key) != now[key]:
                raise TrainingError(
                    f"{self.checkpoint}: {key} was {before.get(key)} when this run began, now {now[key]}; "
                    "name another `out`"
                )
        try:
            self.network.load_state_dict(state["network"])
            self.average.load_state_dict(state["average"])
            self.optimiser.load_state_dict(state["optimiser"])
            self.scaler.load_state_dict(state["scaler"])
            torch.set_rng_state(state["random"].cpu())
            self.smooth, self.done = state["smooth"], state["done"]
        except Exception as error:  # shapes, names and types each have their own
            raise TrainingError(
                f"{self.checkpoint}: is damaged, or of another version ({first_line(error)})"
            ) from error
        for key in sorted(now.keys() - HARMLESS):
            if self.workers.rank == 0 and before.get(key) != now[key]:
                tqdm.write(f"note: {key} was {before.get(key)} when this run began, now {now[key]}")


def train(config: TrainConfig, *, resume: bool) -> None:
    """Runs to the end of `config.pictures`, or on from the checkpoint.

    Raises TrainingError or DataSetError for what cannot be used, KeyboardInterrupt when asked to stop (the
    run is saved then).
    """
    folder = Path(config.out)
    checkpoint = folder / "checkpoint.pt"
    if resume and not checkpoint.exists():
        raise TrainingError(f"{checkpoint}: no checkpoint to resume from; leave out --resume")
    if not resume and checkpoint.exists():
        raise TrainingError(f"{folder}: holds a run already; add --resume to go on or name another folder")
    workers = Workers.join(config)
    try:
        _train(config, workers)
    finally:
        workers.leave()


def train_step(run: Run, task: Task, batch: Sequence[Tensor], labels: Labels) -> dict[str, Tensor]:
    """One batch through the network and back -> its loss terms.

    batch: pictures (N, 3, S, S), then the labels as the task stacks them; labels: what they are.
    """
    config, workers, network, optimiser = run.config, run.workers, run.network, run.optimiser
    image, *targets = (part.to(workers.device, non_blocking=True) for part in batch)
    for group in optimiser.param_groups:
        group["lr"] = group["factor"] * _rate(config, run.done)
    _set_training(network, config)
    with autocast(config, workers.device):
        stages = network.stages(image)
    terms = task.losses(stages, targets, workers.everywhere)
    optimiser.zero_grad(set_to_none=True)
    run.scaler.scale(terms["loss"]).backward()
    if config.stage == "pretrain" or (config.strict and labels == "2D"):
        # Without a gradient the optimiser passes them by: no decay, no momentum either.
        for parameter in run.depth_layer:
            parameter.grad = None
    workers.add_up(network)
    run.scaler.unscale_(optimiser)
    nn.utils.clip_grad_norm_(network.parameters(), 5.0)
    run.scaler.step(optimiser)
    run.scaler.update()
    run.average.update_parameters(network)
    return terms


def _train(config: TrainConfig, workers: Workers) -> None:
    cores = os.cpu_count() or 1
    if config.loaders > LOADERS_A_CORE * cores:
        raise TrainingError(
            f"loaders: {config.loaders} processes for {cores} cores; {LOADERS_A_CORE * cores} at most"
        )
    sets = []
    for entry in config.sets:
        pictures = read_set(entry, validation=False)
        sets.append((pictures, entry.share))
        if workers.rank == 0:
            named = ", ".join(entry.files) + ("" if entry.depth else ", 2D labels only")
            print(f"{entry.kind} {named}: {len(pictures)} pictures, share {entry.share:g}", flush=True)
    if not any(pictures for pictures, _ in sets):
        named = ", ".join(name for entry in config.sets for name in entry.files)
        raise TrainingError(f"sets: no pictures to train on in {named:.200}; what is held out is not counted")
    held_out = read_set(config.validation, validation=True) if config.validation else []
    try:
        Path(config.out).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TrainingError(f"out: {config.out}: no folder can be made there ({first_line(error)})") from None
    task = make_task(config, sets)
    run = Run(config, task, workers)
    if run.checkpoint.exists():
        run.load()
    diary = Diary(run.folder, done=run.done) if workers.rank == 0 else None
    began = saved = time.monotonic()
    first = run.done
    stop = threading.Event()
    bar = tqdm(
        total=config.pictures, initial=run.done, unit=" pictures", mininterval=5, disable=workers.rank > 0
    )
    with _asked_to_stop() as asked, bar:
        try:
            batches = make_batches(task, run.done, workers, stop)
            while run.done < config.pictures:
                labels = task.labels_of(run.done // config.batch)
                terms = train_step(run, task, next(batches), labels)
                before, run.done = run.done, run.done + config.batch
                _smooth(run, terms, labels)
                bar.update(config.batch)

                def passed(every: int, before: int = before) -> bool:
                    return before // every != run.done // every

                ended = run.done >= config.pictures
                checked = ended or passed(config.validate_every)
                if diary is not None and (checked or passed(config.log_every)):
                    spent = time.monotonic() - began
                    row: dict[str, Any] = {"pictures": run.done, "seconds": round(diary.earlier + spent, 1)}
                    row["rate"] = round((run.done - first) / spent, 1)
                    row.update({name: round(float(value), 5) for name, value in run.smooth.items()})
                    shown = {name: f"{row[name]:.3f}" for name in run.smooth if name.startswith("loss")}
                    bar.set_postfix(shown, refresh=False)
                    if checked and held_out:
                        averaged = run.average.module.eval()
                        row.update({k: round(v, 5) for k, v in task.validate(averaged, held_out).items()})
                        spread = held_out[:: max(1, len(held_out) // SAMPLES)][:SAMPLES]
                        diary.draw_samples(task.show(averaged, spread), run.done)
                        tqdm.write(json.dumps(row))
                    diary.write(row)
                    if checked:
                        diary.draw_curve()
                if workers.everywhere(torch.tensor(float(asked.is_set()), device=workers.device)) > 0:
                    run.save()
                    bar.write(f"stopped after {run.done} pictures; --resume goes on")
                    raise KeyboardInterrupt
                if time.monotonic() - saved > config.save_every:
                    run.save()
                    saved = time.monotonic()
            run.save()
        finally:
            stop.set()
    if workers.rank == 0:
        print(
            f"{run.weights}: trained on {run.done} pictures; `export` puts it into the catalogue", flush=True
        )


def _smooth(run: Run, terms: dict[str, Tensor], labels: Labels) -> None:
    """Takes a batch's losses into the averages; 2D and 3D batches have averages of their own."""
    told = [name for name in terms if not (labels == "2D" and name == "depth")]
    values = run.workers.everywhere(torch.stack([terms[name].detach().float() for name in told]))
    for name, value in zip(told, values, strict=True):
        key = name if labels is None else f"{name}_{labels.lower()}"
        run.smooth[key] = run.smooth[key].lerp(value, 0.02) if key in run.smooth else value


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "train",
        help="train a network on mixed 2D- and 3D-labelled pictures",
        description="Trains a network on mixed 2D- and 3D-labelled pictures. The configuration's keys are "
        "those of app/training/config.py; app/training/examples/ has some to start from. Several documents "
        "in one file are runs one after the other. Several processes: torchrun --nproc-per-node N main.py "
        "train CONFIG.",
    )
    parser.add_argument("config", metavar="CONFIG", type=Path, help="the run's YAML file")
    parser.add_argument("--resume", action="store_true", help="go on from the run's last checkpoint")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Each configuration of the file in turn; with --resume those that are done are passed over."""
    configs = load_configs(arguments.config)
    for config in configs:
        resume = arguments.resume
        if len(configs) > 1:
            resume = resume and (Path(config.out) / "checkpoint.pt").exists()
        train(config, resume=resume)
    return 0
