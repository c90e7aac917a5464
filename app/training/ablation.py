"""`python -m app.training.ablation FILE`: what each part of the method is worth, on held-out pictures.

Runs the ordinary training once for each arm and seed, measures every result on the same held-out sets and
writes `ablation.json` and `ablation.md` (a table of mean ± standard deviation over the seeds) into `out`.
Runs that are finished are not run again, so a stopped ablation goes on where it was.

The file (app/training/examples/ablation.yaml is one):
    out           folder of the runs
    seeds         list of whole numbers
    common        keys of a training configuration, for all runs
    pretraining   keys over `common` of the pre-training, done once a seed for the arms that want it
    arms          name -> keys over `common`, and `pretrained: true` to begin from the pre-training
    test          name -> a data set, held out whole
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from app.errors import EXIT_DONE, FormcueError
from app.files import write_json
from app.training.config import SetConfig, TrainConfig, TrainingError, config_of, parse, read_documents
from app.training.tasks import make_network, make_task
from app.training.train import read_set, train

Figures = dict[str, float]


@dataclass(frozen=True, kw_only=True)
class Ablation:
    """The file, as it is written."""

    out: str
    seeds: list[int]
    common: dict[str, Any]
    pretraining: dict[str, Any] | None = None
    arms: dict[str, Any]
    test: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Arm:
    """One way of training: `values` are the keys of its configuration, without out, seed and start."""

    name: str
    pretrained: bool
    values: Mapping[str, Any]


def load_ablation(path: Path) -> tuple[Ablation, list[Arm], dict[str, SetConfig]]:
    """The file, its arms and its test sets, all checked. Raises TrainingError."""
    documents = read_documents(path)
    if len(documents) != 1:
        raise TrainingError(f"{path}: holds {len(documents)} documents, expected one")
    ablation = parse(Ablation, documents[0], str(path))
    if not ablation.seeds or not ablation.arms or not ablation.test:
        raise TrainingError(f"{path}: seeds, arms and test each need at least one entry")
    arms = []
    for name, values in ((str(name), values) for name, values in ablation.arms.items()):
        if not isinstance(values, Mapping):
            raise TrainingError(f"{path}: arms: {name}: expected keys and values, found {values!r}")
        keys = {**ablation.common, **values}
        pretrained = keys.pop("pretrained", False)
        if pretrained and ablation.pretraining is None:
            raise TrainingError(f"{path}: arms: {name}: pretrained, but there is no `pretraining`")
        config_of({**keys, "out": "-"}, f"{path}: arms: {name}")
        arms.append(Arm(name=name, pretrained=bool(pretrained), values=keys))
    folders: dict[str, str] = {}
    for arm in arms:
        other = folders.setdefault(_as_folder(arm.name), arm.name)
        if other != arm.name:
            raise TrainingError(f"{path}: arms: {arm.name} and {other} would share a folder; rename one")
    if ablation.pretraining is not None:
        config_of(_pretraining(ablation) | {"out": "-"}, f"{path}: pretraining")
    tests = {
        name: parse(SetConfig, values, f"{path}: test: {name}") for name, values in ablation.test.items()
    }
    return ablation, arms, tests


def _pretraining(ablation: Ablation) -> dict[str, Any]:
    return {**ablation.common, "stage": "pretrain", **(ablation.pretraining or {})}


def run_ablation(ablation: Ablation, arms: Sequence[Arm], tests: Mapping[str, SetConfig]) -> dict[str, Any]:
    """All runs -> what `ablation.json` holds. Raises as `train`."""
    out = Path(ablation.out)
    out.mkdir(parents=True, exist_ok=True)
    results: dict[str, dict[str, Figures]] = {arm.name: {} for arm in arms}
    for seed in ablation.seeds:  # seed by seed: a stopped ablation still compares like with like
        start = None
        if any(arm.pretrained for arm in arms):
            start = _finished(_pretraining(ablation), out / f"pretraining-{seed}", seed, None)
        for arm in arms:
            folder = out / f"{_as_folder(arm.name)}-{seed}"
            weights = _finished(arm.values, folder, seed, start if arm.pretrained else None)
            results[arm.name][str(seed)] = _measure(config_at(arm.values, folder, seed), weights, tests)
            report = {"seeds": ablation.seeds, "arms": results, "test": ablation.test}
            write_json(out / "ablation.json", report)
            (out / "ablation.md").write_text(table(results), encoding="utf-8")
    return report


def _as_folder(name: str) -> str:
    return re.sub(r"[^\w]+", "-", name.lower()).strip("-")


def config_at(values: Mapping[str, Any], folder: Path, seed: int) -> TrainConfig:
    return config_of({**values, "out": str(folder), "seed": seed}, folder.name)


def _finished(values: Mapping[str, Any], folder: Path, seed: int, start: Path | None) -> Path:
    """The weights of that run, which is begun, continued or passed over as need be."""
    config = config_at(values, folder, seed)
    if start is not None:
        config = replace(config, start=str(start), base=None)
    weights = folder / "weights.safetensors"
    note = folder / "finished"
    made_with = json.dumps(asdict(config), sort_keys=True)
    if not note.exists():
        print(f"{folder.name}:", flush=True)
        train(config, resume=(folder / "checkpoint.pt").exists())
        note.write_text(made_with, encoding="utf-8")
    elif note.read_text(encoding="utf-8") not in ("", made_with):  # empty: by a version before
        raise TrainingError(f"{folder}: was made with other keys than it has now; name another `out`")
    return weights


@torch.no_grad()
def _measure(config: TrainConfig, weights: Path, tests: Mapping[str, SetConfig]) -> Figures:
    """All figures of all test sets, as "set: figure"."""
    network = make_network(config)
    network.load_state_dict(load_file(weights))
    task = make_task(replace(config, batches="mixed", strict=False), [])
    figures = {}
    for name, entry in tests.items():
        found = task.validate(network.eval(), read_set(entry, validation=True))
        figures.update({f"{name}: {figure}": value for figure, value in found.items()})
    return figures


def table(results: Mapping[str, Mapping[str, Figures]]) -> str:
    """Markdown: a line for each arm, mean ± standard deviation over its seeds for each figure."""
    names = list(dict.fromkeys(name for seeds in results.values() for row in seeds.values() for name in row))
    lines = [f"| | {' | '.join(names)} | seeds |", f"| --- |{' --- |' * (len(names) + 1)}"]
    for arm, seeds in results.items():
        cells = []
        for name in names:
            values = [row[name] for row in seeds.values() if name in row]
            digits = 3 if name.endswith("pck") else 1
            spread = f" ± {statistics.stdev(values):.{digits}f}" if len(values) > 1 else ""
            cells.append(f"{statistics.mean(values):.{digits}f}{spread}" if values else "")
        lines.append(f"| {arm} | {' | '.join(cells)} | {len(seeds)} |")
    return "\n".join(lines) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m app.training.ablation", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("file", metavar="FILE", type=Path, help="what to compare (YAML)")
    try:
        report = run_ablation(*load_ablation(parser.parse_args(arguments).file))
    except FormcueError as error:
        print(f"formcue: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("formcue: stopped; the same command goes on", file=sys.stderr)
        return 130
    print(table(report["arms"]))
    return EXIT_DONE


if __name__ == "__main__":
    raise SystemExit(main())
