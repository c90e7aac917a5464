"""`export FILE --name NAME`: a run's weights into the catalogue, in half precision, with their hash.

With `--beside FILE` those of a large and of a mobile network become one ensemble (app/network.py).
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save

from app.errors import UsageError, first_line
from app.files import replacing, write_json
from app.lifter import Lifter
from app.network import build
from app.weights import SUFFIX, WEIGHTS_FOLDER, WeightsError, read_catalogue, read_config

# Half precision has 11 bits: the rounding moves no joint by a hundredth of a pixel, and halves the file.
HALF_LIMIT = 6e4


def export(
    source: Path,
    name: str,
    folder: Path = WEIGHTS_FOLDER,
    *,
    beside: Path | None = None,
    replace: bool = False,
) -> Path:
    """Writes NAME.safetensors and its catalogue entry. replace: also where there is an entry of that name.

    source: a large network's weights where `beside` is a mobile one's, and both become an ensemble. Raises
    UsageError when the name is none or taken, or a file is missing or does not fit its own configuration.
    """
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,60}", name):
        raise UsageError(f"--name {name!r:.80}: expected letters, digits, dots and dashes")
    config, state = _read(source)
    if beside is not None:
        small, small_state = _read(beside)
        sizes = [(source, config, "large"), (beside, small, "mobile")]
        for path, values, wanted in sizes:
            if values["kind"] != "pose" or values.get("architecture", "mobile") != wanted:
                raise UsageError(
                    f"{path}: not a {wanted} network's; an ensemble is of a large and a mobile one"
                )
        config = {**config, "architecture": "ensemble"}
        state = {f"large.{key}": value for key, value in state.items()}
        state |= {f"mobile.{key}": value for key, value in small_state.items()}
        _require_fit(beside, config, state)
    table = json.loads((folder / "catalogue.json").read_text(encoding="utf-8"))
    for row in table["weights"]:
        if row["name"] == name and row["kind"] != config["kind"]:
            raise UsageError(f"--name {name}: those weights are of kind {row['kind']}, not {config['kind']}")
        if row["name"] == name and not replace:
            raise UsageError(f"--name {name}: is in the catalogue already; give another name, or --replace")
    halves = {
        key: value.half() if value.dtype == torch.float32 and float(value.abs().max()) < HALF_LIMIT else value
        for key, value in state.items()
    }
    packed = save(halves, metadata={"config": json.dumps(config)})
    target = folder / f"{name}{SUFFIX}"
    with replacing(target) as part:
        part.write_bytes(packed)
    entry = {
        "name": name,
        "file": target.name,
        "sha256": hashlib.sha256(packed).hexdigest(),
        "size": len(packed),
        "kind": config["kind"],
        "config": config,
        "card": f"{name}.md",
    }
    rows = [row for row in table["weights"] if row["name"] != name]
    table["weights"] = [*rows, entry]
    write_json(folder / "catalogue.json", table)
    read_catalogue(folder)
    return target


def _read(path: Path) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    """A weights file's configuration and tensors, which fit it. Raises UsageError."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror or error})") from error
    config = read_config(data, str(path))
    try:
        state = load(data)
    except SafetensorError as error:
        raise UsageError(f"{path}: does not fit its configuration ({first_line(error)})") from error
    _require_fit(path, config, state)
    return config, state


def _require_fit(path: Path, config: dict[str, Any], state: dict[str, torch.Tensor]) -> None:
    try:
        if config["kind"] == "lifter":
            arrays = {key: value.float().numpy() for key, value in state.items()}
            Lifter(arrays, width=config["width"], blocks=config["blocks"])
        else:
            build(config).load_state_dict(state)
    except (TypeError, ValueError, RuntimeError, KeyError, WeightsError) as error:
        raise UsageError(f"{path}: does not fit its configuration ({first_line(error)})") from error


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("export", help="put a run's weights into the catalogue")
    parser.add_argument("file", metavar="FILE", type=Path, help="a run's weights.safetensors")
    parser.add_argument("--name", required=True, help="its name in the catalogue")
    parser.add_argument(
        "--beside",
        metavar="FILE",
        type=Path,
        help="a mobile network's weights, FILE a large one's: both in one",
    )
    parser.add_argument("--replace", action="store_true", help="weights that have that name already")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    target = export(arguments.file, arguments.name, beside=arguments.beside, replace=arguments.replace)
    print(f"{target}: {target.stat().st_size / 1e6:.1f} MB")
    return 0
