"""Runs as a whole: what they leave behind, going on exactly, several processes, the shipped examples."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
import yaml

from app.runtimes import load_runtime
from app.training.ablation import load_ablation, run_ablation, table
from app.training.batches import make_batches
from app.training.config import TrainingError, config_of, load_configs
from app.training.datasets import DataSetError
from app.training.diary import Diary
from app.training.export import export
from app.training.tasks import make_task
from app.training.train import Run, read_set, train
from app.training.workers import Workers
from app.weights import load_weights
from main import main
from tests.training.runs import packed_set, run_values, write_config

REPOSITORY = Path(__file__).resolve().parents[2]
EXAMPLES = REPOSITORY / "app" / "training" / "examples"


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Sums in the same order here as in a process that is told to use one thread."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def state(folder: Path) -> dict[str, Any]:
    return torch.load(folder / "checkpoint.pt", weights_only=True)


def largest_difference(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> float:
    assert one.keys() == other.keys()
    return max(float((one[name].double() - other[name].double()).abs().max()) for name in one)


def command(config: Path, *more: str) -> list[str]:
    return [sys.executable, str(REPOSITORY / "main.py"), "train", str(config), *more]


def test_a_run_leaves_metrics_a_curve_and_pictures_behind(tmp_path: Path) -> None:
    values = run_values(tmp_path, log_every=4, validate_every=4)
    values["validation"] = {"kind": "packed", "files": values["sets"][0]["files"], "limit": 3}
    train(config_of(values, "test"), resume=False)
    run = tmp_path / "run"
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert [row["pictures"] for row in rows] == [4, 8]
    assert {"seconds", "rate", "loss_2d", "loss_3d", "depth_3d", "pck", "mpjpe_mm", "depth_mm"} <= rows[
        -1
    ].keys()
    sheet = cv2.imread(str(run / "samples" / "000000008.jpg"))
    assert sheet.shape == (64, 4 * 64, 3)
    assert sheet[:, : 3 * 64].any() and not sheet[:, 3 * 64 + 8 :].any()  # three pictures, then nothing
    pytest.importorskip("matplotlib", reason="the curve is drawn with the training extra's matplotlib")
    assert cv2.imread(str(run / "curve.png")) is not None


def test_a_killed_run_goes_on_as_if_nothing_had_happened(tmp_path: Path, one_thread: None) -> None:
    values = run_values(tmp_path, pictures=40, precision="fp32")
    train(config_of({**values, "out": str(tmp_path / "straight")}, "test"), resume=False)
    config = write_config(tmp_path / "run.yaml", {**values, "save_every": 0.0})
    checkpoint = tmp_path / "run" / "checkpoint.pt"
    process = subprocess.Popen(
        command(config),
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while not checkpoint.exists() and process.poll() is None:
        time.sleep(0.01)
    process.kill()
    process.wait()
    assert 0 < state(tmp_path / "run")["done"] < 40
    train(load_configs(config)[0], resume=True)
    one, other = state(tmp_path / "straight"), state(tmp_path / "run")
    assert one["done"] == other["done"] == 40
    for part in ("network", "average"):
        assert largest_difference(one[part], other[part]) < 1e-6
    for a, b in zip(*(part["optimiser"]["state"].values() for part in (one, other)), strict=True):
        assert largest_difference(a, b) < 1e-6


def test_ctrl_c_finishes_the_step_and_keeps_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = Diary.write

    def interrupt(self: Diary, row: dict[str, Any]) -> None:
        write(self, row)
        os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(Diary, "write", interrupt)
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        train(config_of(run_values(tmp_path, log_every=4), "test"), resume=False)
    assert state(tmp_path / "run")["done"] == 4
    assert signal.getsignal(signal.SIGINT) is before


def test_rows_beyond_the_checkpoint_are_made_again(tmp_path: Path) -> None:
    (tmp_path / "metrics.jsonl").write_text('{"pictures": 4}\n{"pictures": 8}\n{"pict')
    diary = Diary(tmp_path, done=4)
    diary.write({"pictures": 8, "loss": 1.0})
    rows = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert rows == [{"pictures": 4}, {"pictures": 8, "loss": 1.0}]


def test_two_processes_make_what_one_makes(tmp_path: Path, one_thread: None) -> None:
    """The same global batches, each process half of them; batch statistics are shared, so only rounding
    differs. Through torchrun, as people start it. Labels differ in number between the halves."""
    values = run_values(tmp_path, pictures=24, batch=4, precision="fp32", rate=1e-4)
    with np.load(values["sets"][0]["files"][0]) as file:
        arrays = dict(file)
    arrays["weight"][0, 5:] = 0
    arrays["depth_weight"][1, :7] = 0
    np.savez(values["sets"][0]["files"][0], **arrays)
    train(config_of({**values, "out": str(tmp_path / "one")}, "test"), resume=False)
    config = write_config(tmp_path / "run.yaml", {**values, "out": str(tmp_path / "two")})
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    subprocess.run(
        [*torchrun, *command(config)[1:]],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        check=True,
        capture_output=True,
    )
    start = Run(config_of(values, "test"), None, Workers(device=torch.device("cpu"))).network.state_dict()  # type: ignore[arg-type]
    one, two = state(tmp_path / "one"), state(tmp_path / "two")
    moved = largest_difference(start, one["network"])
    assert one["done"] == two["done"] == 24
    assert largest_difference(one["network"], two["network"]) < 0.02 * moved
    assert largest_difference(one["average"], two["average"]) < 0.02 * moved
    assert one["smooth"]["loss_3d"] == pytest.approx(float(two["smooth"]["loss_3d"]), rel=1e-3)


def test_a_batch_that_does_not_divide_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "3")
    with pytest.raises(TrainingError, match="3 processes"):
        train(config_of(run_values(tmp_path, batch=4), "test"), resume=False)


def test_loaders_of_their_own_make_the_same_batches(tmp_path: Path) -> None:
    made = []
    for loaders in (0, 2):
        config = config_of(run_values(tmp_path, loaders=loaders), "test")
        task = make_task(config, [(read_set(entry, validation=False), 1.0) for entry in config.sets])
        stop = threading.Event()
        batches = make_batches(task, 2, Workers(device=torch.device("cpu")), stop)
        made.append([next(batches) for _ in range(3)])
        stop.set()
        del batches
    for one, other in zip(*made, strict=True):
        assert all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


def test_a_broken_picture_is_told_and_skipped_and_a_broken_set_ends_the_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = packed_set(tmp_path / "dots.npz", 6)
    with np.load(data) as file:
        arrays = dict(file)
    arrays["jpeg"] = arrays["jpeg"].copy()
    arrays["jpeg"][: arrays["offset"][1]] = 0
    np.savez(data, **arrays)
    train(config_of(run_values(tmp_path, pictures=16), "test"), resume=False)
    assert "skipped: dots.npz#0" in "".join(capsys.readouterr())
    arrays["jpeg"][:] = 0
    np.savez(data, **arrays)
    with pytest.raises(DataSetError, match="not a readable picture"):
        train(config_of(run_values(tmp_path, out=str(tmp_path / "other")), "test"), resume=False)


@pytest.mark.parametrize(
    "model",
    [
        {"architecture": "hourglass", "stacks": 2, "width": 16},
        {"architecture": "cpm", "stages": 2, "width": 8},
    ],
)
def test_every_base_network_goes_from_training_through_the_catalogue_to_the_runtimes(
    tmp_path: Path, model: dict[str, Any]
) -> None:
    train(config_of(run_values(tmp_path, model=model, pictures=4), "test"), resume=False)
    catalogue = tmp_path / "weights"
    catalogue.mkdir()
    (catalogue / "catalogue.json").write_text('{"schema": 1, "weights": []}')
    path = export(tmp_path / "run" / "weights.safetensors", "large", catalogue)
    assert load_weights("large", "pose", catalogue).config["architecture"] == model["architecture"]
    # load_runtime itself compares OpenVINO's maps and joints with PyTorch's.
    runtime = load_runtime(str(path), device="cpu", runtime="openvino", cache=tmp_path / "cache")
    assert (runtime.runtime, runtime.input_size) == ("openvino", 64)
    maps = runtime.pose_maps(np.zeros((1, 3, 64, 64), np.float32))
    assert maps.shape == (1, 38, 16, 16) and np.isfinite(maps).all()


def test_the_minute_example_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The shipped file, shorter: it begins from the shipped weights, learns and measures."""
    monkeypatch.chdir(REPOSITORY)
    (config,) = load_configs(EXAMPLES / "minute.yaml")
    assert config.validation is not None
    config = replace(
        config,
        out=str(tmp_path / "run"),
        pictures=16,
        batch=8,
        log_every=8,
        validate_every=16,
        validation=replace(config.validation, limit=8),
    )
    train(config, resume=False)
    rows = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert [row["pictures"] for row in rows] == [8, 16]
    assert rows[-1]["pck"] > 0.2  # fresh weights would be near 0


def test_the_gpu_example_is_a_pre_training_and_a_run_that_starts_from_it(tmp_path: Path) -> None:
    """Checked in full, then a few steps of each on the CPU with pictures of the test's own."""
    first, second = load_configs(EXAMPLES / "gpu.yaml")
    assert (first.stage, second.stage) == ("pretrain", "full")
    assert second.start == f"{first.out}/weights.safetensors"
    short = run_values(tmp_path)
    sets = config_of(short, "test").sets
    keys: dict[str, Any] = {"sets": sets, "pictures": 4, "batch": 2, "size": 64, "loaders": 0}
    keys |= {"validation": None, "device": "cpu"}
    train(replace(first, **keys, out=str(tmp_path / "first")), resume=False)
    start = str(tmp_path / "first" / "weights.safetensors")
    train(replace(second, **keys, out=str(tmp_path / "second"), start=start), resume=False)
    assert state(tmp_path / "second")["done"] == 4


def test_runs_in_one_file_follow_each_other_and_finished_ones_are_passed_over(tmp_path: Path) -> None:
    values = run_values(tmp_path, pictures=4)
    second = {
        **values,
        "out": str(tmp_path / "second"),
        "start": str(tmp_path / "run" / "weights.safetensors"),
    }
    path = tmp_path / "two.yaml"
    path.write_text("---\n".join(yaml.safe_dump(part) for part in (values, second)))
    assert main(["train", str(path)]) == 0
    made = (tmp_path / "run" / "weights.safetensors").read_bytes()
    assert main(["train", str(path), "--resume"]) == 0
    assert (tmp_path / "run" / "weights.safetensors").read_bytes() == made
    assert state(tmp_path / "second")["done"] == 4


def test_an_ablation_compares_its_arms_on_the_same_pictures_and_is_not_run_twice(tmp_path: Path) -> None:
    common = run_values(tmp_path, pictures=4)
    del common["out"]
    few = {**common["sets"][1], "limit": 2}
    path = tmp_path / "ablation.yaml"
    path.write_text(
        yaml.safe_dump(
            {
                "out": str(tmp_path / "ablation"),
                "seeds": [0, 1],
                "common": common,
                "pretraining": {"pictures": 2},
                "arms": {
                    "3D only": {"sets": [few], "mixing": 1.0},
                    "pre-trained, constraint": {"pretrained": True, "lambda_g": 0.1},
                },
                "test": {"dots": few},
            },
            sort_keys=False,
        )
    )
    report = run_ablation(*load_ablation(path))
    assert json.loads((tmp_path / "ablation" / "ablation.json").read_text())["arms"] == report["arms"]
    assert set(report["arms"]) == {"3D only", "pre-trained, constraint"}
    assert set(report["arms"]["3D only"]["1"]) == {"dots: pck", "dots: mpjpe_mm", "dots: depth_mm"}
    seeds = [state(tmp_path / "ablation" / f"3d-only-{seed}")["network"] for seed in (0, 1)]
    assert largest_difference(*seeds) > 0
    weights = tmp_path / "ablation" / "3d-only-0" / "weights.safetensors"
    written = weights.stat().st_mtime_ns
    assert run_ablation(*load_ablation(path)) == report
    assert weights.stat().st_mtime_ns == written
    lines = table(report["arms"]).splitlines()
    assert len(lines) == 4 and " ± " in lines[2] and lines[2].endswith("| 2 |")
    values = yaml.safe_load(path.read_text())
    values["arms"]["3D only"]["lambda_reg"] = 7
    path.write_text(yaml.safe_dump(values, sort_keys=False))
    with pytest.raises(TrainingError, match="3d-only-0: was made with other keys than it has now"):
        run_ablation(*load_ablation(path))
    values["arms"] = {"A, b": {}, "a b": {}}
    path.write_text(yaml.safe_dump(values))
    with pytest.raises(TrainingError, match=r"arms: .* would share a folder"):
        load_ablation(path)
    values["arms"] = {"无约束": {}, "有约束": {}}
    path.write_text(yaml.safe_dump(values, allow_unicode=True), encoding="utf-8")
    assert [arm.name for arm in load_ablation(path)[1]] == ["无约束", "有约束"]


def test_the_shipped_ablation_is_one() -> None:
    ablation, arms, _ = load_ablation(EXAMPLES / "ablation.yaml")
    assert len(ablation.seeds) == 3 and len(arms) == 6


def test_a_run_whose_losses_are_no_numbers_any_more_ends_and_keeps_its_last_checkpoint(
    tmp_path: Path,
) -> None:
    values = run_values(tmp_path, pictures=4)
    train(config_of(values, "test"), resume=False)
    kept = (tmp_path / "run" / "checkpoint.pt").read_bytes()
    with pytest.raises(TrainingError, match=r"not finite.*lower `rate`"):
        train(config_of({**values, "pictures": 8, "lambda_reg": 1e40}, "test"), resume=True)
    assert (tmp_path / "run" / "checkpoint.pt").read_bytes() == kept


def test_starting_from_weights_of_another_network_is_told(tmp_path: Path) -> None:
    values = run_values(tmp_path, start=str(REPOSITORY / "weights" / "pose-mobile.safetensors"))
    with pytest.raises(TrainingError, match=r"start: .*of another network"):
        train(config_of(values, "test"), resume=False)
