"""The configuration of a training run, read from YAML and kept in its checkpoints."""

from __future__ import annotations

import difflib
import math
import types
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from pathlib import Path
from typing import Any, Final, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import torch
import yaml

from app.errors import FormcueError
from app.network import build, config_type
from app.skeleton import NUM_JOINTS
from app.training.datasets import Augmentation
from app.training.losses import HEATMAP_LOSSES
from app.training.sets import KINDS
from app.yamltext import MAX_DEPTH, RefusedError, text_of

MOST_THINGS = 20_000  # values and lists of a file
# Keys that say how heatmaps and depth maps are learnt, of which a finder has none.
POSE_KEYS: Final = (
    "stage", "batches", "mixing", "strict", "heatmap_loss", "depth_loss",
    "lambda_reg", "lambda_g", "lambda_g_3d", "sigma",
)  # fmt: skip
# The networks whose layers a base network can fill; app/training/base.py.
WITH_BASE: Final = ("mobile", "large")
LEAST_WIDTH: Final = 4  # the first layers have a quarter of it


class TrainingError(FormcueError):
    """A configuration or a run that cannot be used."""

    exit_code = 2


@dataclass(frozen=True, kw_only=True)
class SetConfig:
    """One data set: its kind (see sets.py), its files and its share of the pictures that are drawn."""

    kind: str
    files: list[str]
    share: float = 1.0
    depth: bool = True  # false: its depth labels are left out, its pictures count as 2D-labelled
    limit: int | None = None  # so many of its pictures, evenly spread over the set


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """Everything a run depends on. Unknown keys are refused."""

    out: str
    network: Literal["pose", "finder"] = "pose"
    # Keys of the network's own configuration (app/network.py): `architecture: mobile | large |
    # hourglass | cpm`, `stacks` or `stages`, widths. Its kind and input size are `network` and `size`.
    model: dict[str, Any] = field(default_factory=dict)
    sets: list[SetConfig]
    base: str | None = None  # the base network's arrays
    start: str | None = None  # or a weights file to go on from

    # "pretrain": 2D labels alone, depth layer untouched. "full": all channels, as below.
    stage: Literal["full", "pretrain"] = "full"
    # "alternating": a batch is 2D-labelled or 3D-labelled; "mixed": drawn by the sets' shares alone.
    batches: Literal["alternating", "mixed"] = "alternating"
    mixing: float | None = None  # share of 3D batches; by default a half where both kinds are there
    strict: bool = False  # a 2D batch leaves the depth output layer's parameters untouched
    # One of losses.HEATMAP_LOSSES; by default cross_entropy, and coordinates in pre-training.
    heatmap_loss: str | None = None
    depth_loss: Literal["robust", "squared"] = "robust"
    lambda_reg: float = 50.0  # weight of the depth at the joints, 3D-labelled pictures
    lambda_g: float = 0.02  # weight of the geometric constraint, 2D-labelled pictures
    lambda_g_3d: float = 0.02  # the same, 3D-labelled pictures
    sigma: float = 1.5  # cells of the labels' Gaussians at size 256

    pictures: int = 100_000
    batch: int = 32
    size: int = 256
    rate: float = 1e-3
    base_rate: float = 0.15  # of `rate`: the layers that came with the base network
    # Layers whose names begin so, as in the weights file, stay as they are: `[encoder., narrow_]` for all of
    # the base's. The first ones cost no backward pass then, which is most of the work with a large encoder.
    frozen: list[str] = field(default_factory=list)
    freeze_base_norm: bool = False  # the base's normalisation keeps its statistics
    warm_up: int = 2_000  # pictures
    weight_decay: float = 0.01
    average: float = 0.999  # of the moving average of the weights, which is what is kept
    seed: int = 0
    augmentation: Augmentation = field(default_factory=Augmentation)

    device: Literal["auto", "cpu", "cuda"] = "auto"
    precision: Literal["bf16", "fp16", "fp32"] = "bf16"
    loaders: int = 0  # processes that make the crops; 0: one thread, right for a CPU
    save_every: float = 120.0  # seconds
    log_every: int = 500  # pictures
    validate_every: int = 5_000  # pictures
    validation: SetConfig | None = None

    @property
    def heatmap_loss_name(self) -> str:
        return self.heatmap_loss or ("coordinates" if self.stage == "pretrain" else "cross_entropy")

    def network_values(self) -> dict[str, Any]:
        """The configuration of the network that is trained, as its weights file will carry it."""
        return {**self.model, "kind": self.network, "input_size": self.size}


def load_config(path: Path) -> TrainConfig:
    """The one configuration of a file. Raises TrainingError that names the file and the key."""
    configs = load_configs(path)
    if len(configs) != 1:
        raise TrainingError(f"{path}: holds {len(configs)} configurations, expected one")
    return configs[0]


def load_configs(path: Path) -> list[TrainConfig]:
    """All configurations of a file, one a YAML document. Raises TrainingError that names file and key."""
    documents = read_documents(path)
    if len(documents) == 1:
        return [config_of(documents[0], str(path))]
    return [config_of(values, f"{path}: document {i}") for i, values in enumerate(documents, 1)]


def read_documents(path: Path) -> list[Any]:
    """The YAML documents of a file that are not empty. Raises TrainingError."""
    try:
        text = text_of(path)
        _check_bounds(text)
        documents = [document for document in yaml.safe_load_all(text) if document is not None]
    except RefusedError as error:
        raise TrainingError(f"{path}: {error.args[2]}") from error
    except (yaml.YAMLError, ValueError, ArithmeticError, RecursionError) as error:
        raise TrainingError(f"{path}: cannot be read as YAML: {' '.join(str(error).split())}") from error
    if not documents:
        raise TrainingError(f"{path}: is empty; expected keys and values")
    return documents


def _check_bounds(text: str) -> None:
    """Raises ValueError for what is nested too deeply, and for aliases (*name) that stand for far too much:
    ten lines of aliases of aliases can be a thousand million things."""
    sizes: dict[str, int] = {}  # how many things each anchor (&name) stands for
    unfinished: list[tuple[str | None, int]] = []  # what is open: anchor, things so far
    for event in yaml.parse(text):
        anchor, size = getattr(event, "anchor", None), 1
        if isinstance(event, yaml.CollectionStartEvent):
            unfinished.append((anchor, 1))
            if len(unfinished) > MAX_DEPTH:
                raise ValueError(f"it is nested deeper than {MAX_DEPTH}")
            continue
        if isinstance(event, yaml.CollectionEndEvent):
            anchor, size = unfinished.pop()
        elif isinstance(event, yaml.AliasEvent):
            if anchor not in sizes:
                raise ValueError(f"the alias *{anchor} stands for itself, or for nothing")
            size = sizes[anchor]
        elif not isinstance(event, yaml.ScalarEvent):
            continue
        if anchor is not None:
            sizes[anchor] = size
        if unfinished:
            name, before = unfinished[-1]
            if before + size > MOST_THINGS:
                raise ValueError(f"its aliases stand for more than {MOST_THINGS} things")
            unfinished[-1] = name, before + size


def config_of(values: Any, where: str) -> TrainConfig:
    """Keys and values as a configuration, checked. Raises TrainingError that begins with `where`."""
    config = parse(TrainConfig, values, where)
    _check_finite(config, where)
    if not config.sets:
        raise TrainingError(f"{where}: sets: names no data set; expected at least one")
    for key in ("pictures", "batch", "size", "rate", "sigma", "log_every", "validate_every"):
        if getattr(config, key) <= 0:
            raise TrainingError(f"{where}: {key}: must be above 0, found {getattr(config, key)}")
    for key in ("lambda_reg", "lambda_g", "lambda_g_3d", "loaders", "weight_decay", "seed", "base_rate"):
        if getattr(config, key) < 0:
            raise TrainingError(f"{where}: {key}: must not be negative, found {getattr(config, key)}")
    if not 0 <= config.average < 1:
        raise TrainingError(f"{where}: average: expected 0 to below 1, found {config.average}")
    _check_augmentation(config.augmentation, f"{where}: augmentation")
    for entry in (*config.sets, *([config.validation] if config.validation else [])):
        of = f"{where}: sets: {entry.kind}"
        if entry.kind not in KINDS:
            raise TrainingError(f"{where}: sets: kind: {_instead(entry.kind, list(KINDS))}")
        if entry.share <= 0:
            raise TrainingError(f"{of}: share: must be above 0, found {entry.share}")
        if entry.limit is not None and entry.limit < 1:
            raise TrainingError(f"{of}: limit: must be at least 1, found {entry.limit}")
    if config.mixing is not None and not 0 <= config.mixing <= 1:
        raise TrainingError(f"{where}: mixing: is a share, expected 0 to 1, found {config.mixing}")
    if config.heatmap_loss_name not in HEATMAP_LOSSES:
        raise TrainingError(
            f"{where}: heatmap_loss: {_instead(config.heatmap_loss_name, list(HEATMAP_LOSSES))}"
        )
    if config.strict and config.batches == "mixed":
        raise TrainingError(
            f"{where}: strict: needs `batches: alternating`; in a mixed batch 3D labels train the depth layer"
        )
    if config.base and config.start:
        raise TrainingError(f"{where}: base and start: a run begins from one of them; leave one out")
    config = replace(config, model=_checked_model(config, where))
    _check_effect(config, values, where)
    return config


def _check_finite(values: Any, where: str) -> None:
    """Raises TrainingError for a number that is none, or infinite: it passes every comparison, or ends a run
    late."""
    for key, value in vars(values).items():
        for number in value if isinstance(value, tuple) else (value,):
            if isinstance(number, float) and not math.isfinite(number):
                raise TrainingError(f"{where}: {key}: expected a finite number, found {number}")
        if isinstance(value, Augmentation):
            _check_finite(value, f"{where}: {key}")
    for entry in getattr(values, "sets", ()):
        _check_finite(entry, f"{where}: sets: {entry.kind}")


def _check_augmentation(augmentation: Augmentation, where: str) -> None:
    for key, value in vars(augmentation).items():
        if key != "scale" and value < 0:
            raise TrainingError(f"{where}: {key}: must not be negative, found {value}")
    low, high = augmentation.scale
    if not 0 < low <= high:
        raise TrainingError(f"{where}: scale: expected the smaller one first, above 0, found {[low, high]}")


def _checked_model(config: TrainConfig, where: str) -> dict[str, Any]:
    """`model` with every value of the type that the network's configuration has for it."""
    for key, expected, why in (
        ("kind", config.network, "it is what `network` says"),
        ("input_size", config.size, "it is what `size` says"),
        ("joints", NUM_JOINTS, "labels have as many"),
    ):
        found = config.model.get(key, expected)
        if found != expected and not (key == "joints" and config.network == "finder"):
            raise TrainingError(
                f"{where}: model: {key}: expected {expected}, found {_brief(found)}; {why}, leave it out"
            )
    if not isinstance(config.model.get("architecture", ""), str):
        raise TrainingError(
            f"{where}: model: architecture: expected a text, found {_brief(config.model['architecture'])}"
        )
    try:
        kind = config_type(config.network_values())
    except ValueError as error:
        raise TrainingError(f"{where}: model: {error}") from error
    values = vars(parse(kind, config.network_values(), f"{where}: model"))
    for key, value in values.items():
        least = LEAST_WIDTH if key == "width" else 1
        if isinstance(value, int) and value < least:
            raise TrainingError(f"{where}: model: {key}: must be at least {least}, found {value}")
        if isinstance(value, float) and not 0 < value < math.inf:
            raise TrainingError(f"{where}: model: {key}: must be a number above 0, found {value}")
    try:
        with torch.device("meta"):  # shapes only: nothing is allocated
            multiple = build(values).size_multiple
    except (RuntimeError, OverflowError, TypeError) as error:  # torch has several for what is far too large
        raise TrainingError(f"{where}: model: its numbers are too large to build a network of") from error
    if config.size % multiple:
        raise TrainingError(f"{where}: size: must be a multiple of {multiple}, found {config.size}")
    return {key: values[key] for key in config.model}


def _check_effect(config: TrainConfig, given: Mapping[str, Any], where: str) -> None:
    """Raises TrainingError for keys that the file gives and that would do nothing: whoever wrote them
    believes that they do something."""
    if config.network == "finder":
        idle = ", ".join(key for key in POSE_KEYS if given.get(key) is not None)
        if idle:
            raise TrainingError(f"{where}: {idle}: without effect on `network: finder`; leave it out")
        return
    if config.batches == "mixed" and config.mixing is not None:
        raise TrainingError(
            f"{where}: mixing: without effect on `batches: mixed`, where the shares decide; leave one out"
        )
    architecture = config.model.get("architecture", "mobile")
    if architecture not in WITH_BASE:
        # 1 is what such a network does anyhow; one file may try several networks.
        for key, plain in (("base_rate", 1.0), ("freeze_base_norm", False)):
            if key in given and getattr(config, key) != plain:
                raise TrainingError(
                    f"{where}: {key}: without effect on {architecture}, which has no base; leave it out"
                )


T = TypeVar("T")


def parse(kind: type[T], values: Any, where: str) -> T:
    """Keys and values as the dataclass `kind`, nested ones too.

    Raises TrainingError for an unknown key (with the nearest known one), a missing one, or a value of
    another type.
    """
    if not isinstance(values, Mapping):
        raise TrainingError(f"{where}: expected keys and values, found {_brief(values)}")
    hints = get_type_hints(kind)
    known = {f.name: f for f in fields(kind)}  # type: ignore[arg-type]
    for key in values:
        if key not in known:
            raise TrainingError(f"{where}: unknown key {_instead(str(key), list(known))}")
    try:
        return kind(**{key: _convert(hints[key], value, f"{where}: {key}") for key, value in values.items()})
    except TypeError as error:  # a required key is missing; Python's text names it
        name = str(error).rsplit("argument", 1)[-1].lstrip("s: ")
        raise TrainingError(f"{where}: {name} is missing") from error


def _convert(hint: Any, value: Any, where: str) -> Any:
    """`value` as the type `hint` says; whole numbers do where a fraction is expected."""
    if isinstance(hint, type) and is_dataclass(hint):
        return parse(hint, {} if value is None else value, where)
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        if value is None:
            return None
        return _convert(next(part for part in inner if part is not type(None)), value, where)
    if origin is Literal:
        if value in inner:
            return value
        raise TrainingError(f"{where}: {_instead(str(value), [str(choice) for choice in inner])}")
    if origin is list and isinstance(value, list):
        return [_convert(inner[0], entry, f"{where}[{i}]") for i, entry in enumerate(value)]
    if origin is tuple and isinstance(value, list) and len(value) == len(inner):
        return tuple(_convert(part, entry, where) for part, entry in zip(inner, value, strict=True))
    if origin is dict and isinstance(value, dict):
        return value
    if hint is float and isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    if hint is float and isinstance(value, str):
        try:  # YAML reads 1e-3 as a text: it wants a point in it
            return float(value)
        except ValueError:
            pass
    if hint in (int, str, bool) and type(value) is hint:
        return value
    expected = {int: "a whole number", float: "a number", str: "a text", bool: "true or false"}
    plain = expected.get(hint, "a list" if origin in (list, tuple) else "keys and values")
    raise TrainingError(f"{where}: expected {plain}, found {_brief(value)}")


def _brief(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "..."


def _instead(found: str, known: list[str]) -> str:
    near = difflib.get_close_matches(found, known, n=1)
    return f"{found!r}; " + (f"did you mean {near[0]!r}?" if near else f"known are: {', '.join(known)}")
