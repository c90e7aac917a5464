"""The configuration of a training run, read from YAML and kept in its checkpoints."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

import yaml

from app.errors import FormcueError
from app.training.datasets import Augmentation


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
    network: Literal["pose", "finder"] = "pose"
    sets: list[SetConfig]
    base: str | None = None  # the base network's arrays
    start: str | None = None  # or a weights file to go on from
    pictures: int = 100_000
    batch: int = 32
    size: int = 256
    rate: float = 1e-3
    base_rate: float = 0.15  # of `rate`: the layers that came with the base network
    freeze_base_norm: bool = False  # the base's normalisation keeps its statistics
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
