"""Runtimes that break in the middle of a set: the next one reads the same frame, and nothing is lost."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch

import app.weights
from app.capture import Frame
from app.estimator import Estimator
from app.lasting import LastingRuntime, load_lasting
from app.network import FinderConfig, FinderNetwork, PoseConfig, PoseNetwork
from app.pipeline import Pipeline, StepResult
from app.rules import load_library
from app.runtimes import Fallback, Runtime
from app.weights import WEIGHTS_FOLDER, WeightsError
from tests.motion import MOTIONS, play, reps
from tests.stick_figure import Person, StickRuntime, draw

FPS = 12.0
REPS = 1
SIDE = 64


class Breaking(StickRuntime):
    """Reads figures of dots until its calls are spent; then does what it is told to."""

    def __init__(
        self, device: str, *, after: int = 10**9, then: Callable[[np.ndarray], np.ndarray] | None = None
    ) -> None:
        super().__init__()
        self.device, self.runtime = device, "torch" if device != "cpu" else "openvino"
        self.left, self.then = after, then

    def pose_maps(self, batch: np.ndarray) -> np.ndarray:
        maps = super().pose_maps(batch)
        self.left -= 1
        return maps if self.left >= 0 or self.then is None else self.then(maps)


def lost(_: np.ndarray) -> np.ndarray:
    raise RuntimeError("CUDA error: the launch timed out and was terminated\nCompile with TORCH_USE_CUDA_DSA")


def out_of_memory(_: np.ndarray) -> np.ndarray:
    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB.")


def no_numbers(maps: np.ndarray) -> np.ndarray:
    return np.full_like(maps, np.nan)


def one_infinite(maps: np.ndarray) -> np.ndarray:
    maps = maps.copy()
    maps[0, 3, 5, 7] = np.inf
    return maps


@pytest.fixture(scope="module")
def frames() -> list[Frame]:
    """Lateral raises, as dots before a black wall: flat, as the depth that their reader gives never moves."""
    poses = play(MOTIONS["lateral_raise"], reps(REPS, seconds=1.5, rest=0.3, still=0.6, fps=FPS))
    return [
        Frame(image=draw(640, 480, [Person((320, 250), 180, figure=p.xyz)]), time=p.time, index=i)
        for i, p in enumerate(poses)
        if p is not None
    ]


def counted(runtime: Runtime, frames: list[Frame]) -> list[StepResult]:
    pipeline = Pipeline(Estimator(runtime), load_library()["lateral_raise"])
    return [pipeline.step(frame) for frame in frames]


@pytest.fixture(scope="module")
def undisturbed(frames: list[Frame]) -> list[StepResult]:
    results = counted(StickRuntime(), frames)
    assert results[-1].count == REPS
    return results


@pytest.mark.parametrize(
    ("then", "cause", "after"),
    [
        (lost, "broke", 0),
        (lost, "broke", 17),
        (out_of_memory, "memory", 17),
        (no_numbers, "numbers", 17),
        (one_infinite, "numbers", 17),
    ],
)
def test_a_runtime_that_breaks_is_replaced_within_the_frame(
    frames: list[Frame],
    undisturbed: list[StepResult],
    then: Callable[[np.ndarray], np.ndarray],
    cause: str,
    after: int,
) -> None:
    told: list[tuple[Fallback, Runtime]] = []
    spare = Breaking("cpu")
    first = Breaking("cuda", after=after, then=then)
    runtime = LastingRuntime(first, [lambda: spare], told=lambda *what: told.append(what))
    assert runtime.device == "cuda"
    results = counted(runtime, frames)
    assert [r.count for r in results] == [r.count for r in undisturbed]
    assert [r.phase for r in results] == [r.phase for r in undisturbed]
    for ours, theirs in zip(results, undisturbed, strict=True):
        assert ours.pose is not None
        assert theirs.pose is not None
        np.testing.assert_array_equal(ours.pose.xy, theirs.pose.xy)
    ((fallback, used),) = told  # said once
    assert (fallback.wanted, fallback.used, fallback.cause) == ("CUDA", "OpenVINO", cause)
    assert used is spare
    assert "\n" not in str(fallback)
    assert (runtime.device, runtime.runtime) == ("cpu", "openvino")


def test_one_after_the_other_breaks_and_one_cannot_be_made(frames: list[Frame]) -> None:
    told: list[Fallback] = []

    def not_there() -> Runtime:
        raise ImportError("No module named 'openvino'")

    second, last = Breaking("cpu", after=10, then=lost), StickRuntime()
    runtime = LastingRuntime(
        Breaking("cuda", after=12, then=lost),
        [not_there, lambda: second, lambda: last],
        told=lambda fallback, _: told.append(fallback),
    )
    assert counted(runtime, frames)[-1].count == REPS
    assert [fallback.wanted for fallback in told] == ["CUDA", "OpenVINO"]
    assert last.pose_calls > 0


def test_when_the_last_one_breaks_its_own_error_is_raised() -> None:
    runtime = LastingRuntime(
        Breaking("cuda", after=0, then=lost), [lambda: Breaking("cpu", after=0, then=lost)]
    )
    with pytest.raises(RuntimeError, match="the launch timed out"):
        runtime.pose_maps(np.zeros((1, 3, 256, 256), np.float32))


@pytest.mark.parametrize("spares", [0, 1])
def test_weights_that_give_no_numbers_anywhere_find_nobody_and_break_nothing(
    frames: list[Frame], spares: int
) -> None:
    told: list[Fallback] = []
    runtime = LastingRuntime(
        Breaking("cuda", after=0, then=no_numbers),
        [lambda: Breaking("cpu", after=0, then=no_numbers)] * spares,
        told=lambda fallback, _: told.append(fallback),
    )
    assert all(result.pose is None for result in counted(runtime, frames[:4]))
    assert runtime.device == "cuda"  # the spare is no better
    assert [fallback.cause for fallback in told] == ["numbers"]


def test_a_lifter_that_gives_no_numbers_is_left_out(frames: list[Frame]) -> None:
    class Lifts(StickRuntime):
        def lift(self, xyz: np.ndarray, confidence: np.ndarray) -> np.ndarray:
            return xyz * np.nan

    told: list[Fallback] = []
    runtime = LastingRuntime(Lifts(), told=lambda fallback, _: told.append(fallback))
    assert counted(runtime, frames)[-1].count == REPS
    assert [(fallback.wanted, fallback.cause) for fallback in told] == [("the lifter", "numbers")]


# ---------------------------------------------------------------- weights files


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A catalogue of small untrained networks and the real lifter; and a cache with their converted forms."""
    folder = tmp_path_factory.mktemp("weights")
    rows = []
    torch.manual_seed(1)
    for network in (
        PoseNetwork(PoseConfig(input_size=SIDE, encoder_width=0.25)),
        FinderNetwork(FinderConfig(input_size=SIDE)),
    ):
        kind = network.config.kind
        path = folder / f"{kind}-small.safetensors"
        config = network.config.to_dict()
        safetensors.torch.save_file(network.state_dict(), path, metadata={"config": json.dumps(config)})
        rows.append(row(path, kind, config))
    catalogue = json.loads((WEIGHTS_FOLDER / "catalogue.json").read_text(encoding="utf-8"))
    lifter = next(entry for entry in catalogue["weights"] if entry["kind"] == "lifter")
    shutil.copy(WEIGHTS_FOLDER / lifter["file"], folder)
    text = json.dumps({"schema": 1, "weights": [*rows, lifter]})
    (folder / "catalogue.json").write_text(text, encoding="utf-8")
    cache = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(app.weights, "WEIGHTS_FOLDER", folder)
        load_lasting(device="cpu", cache=cache)
    return folder, cache


def row(path: Path, kind: str, config: dict[str, object]) -> dict[str, object]:
    data = path.read_bytes()
    return {
        "name": path.stem,
        "file": path.name,
        "sha256": hashlib.sha256(data).hexdigest(),
        "size": len(data),
        "kind": kind,
        "config": config,
        "card": "card.md",
    }


@pytest.fixture
def weights(small: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """Copies of both, for the test to damage."""
    folder = Path(shutil.copytree(small[0], tmp_path / "weights"))
    cache = Path(shutil.copytree(small[1], tmp_path / "cache"))
    monkeypatch.setattr(app.weights, "WEIGHTS_FOLDER", folder)
    return folder, cache


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    for place in (len(data) // 2, len(data) - 3):
        data[place] ^= 0x10
    path.write_bytes(data)


@pytest.mark.parametrize("kind", ["pose", "finder"])
def test_flipped_bytes_are_noticed_and_the_converted_copy_stands_in(
    weights: tuple[Path, Path], kind: str
) -> None:
    folder, cache = weights
    picture = np.random.default_rng(0).random((1, 3, SIDE, SIDE), np.float32)
    before, _ = load_lasting(device="cpu", cache=cache)
    flip(folder / f"{kind}-small.safetensors")
    runtime, (fallback,) = load_lasting(device="cpu", cache=cache)
    assert (fallback.wanted, fallback.cause) == (f"{kind}-small", "damaged")
    assert "damaged or was swapped; reinstall" in str(fallback)
    np.testing.assert_array_equal(runtime.pose_maps(picture), before.pose_maps(picture))
    assert runtime.sha256 == before.sha256
    with pytest.raises(WeightsError, match="damaged or was swapped"):  # and never without it
        load_lasting(device="cpu", cache=folder / "empty")
    with pytest.raises(WeightsError, match="damaged or was swapped"):
        load_lasting(device="cpu", runtime="torch", cache=cache)


def test_other_weights_under_a_catalogued_name_are_not_used(weights: tuple[Path, Path]) -> None:
    folder, _ = weights
    torch.manual_seed(2)
    network = PoseNetwork(PoseConfig(input_size=SIDE, encoder_width=0.25))
    path = folder / "pose-small.safetensors"
    safetensors.torch.save_file(
        network.state_dict(), path, metadata={"config": json.dumps(network.config.to_dict())}
    )
    with pytest.raises(WeightsError, match="the file is damaged or was swapped"):
        load_lasting(device="cpu", cache=folder / "empty")


def test_own_weights_that_are_swapped_are_other_weights(weights: tuple[Path, Path], tmp_path: Path) -> None:
    """No hash is known of a file of one's own; but what was converted from its old content is not used."""
    folder, cache = weights
    own = tmp_path / "own.safetensors"
    shutil.copy(folder / "pose-small.safetensors", own)
    picture = np.random.default_rng(0).random((1, 3, SIDE, SIDE), np.float32)
    first, _ = load_lasting(str(own), device="cpu", cache=cache)
    torch.manual_seed(2)
    network = PoseNetwork(PoseConfig(input_size=SIDE, encoder_width=0.25)).eval()
    metadata = {"config": json.dumps(network.config.to_dict())}
    safetensors.torch.save_file(network.state_dict(), own, metadata=metadata)
    second, _ = load_lasting(str(own), device="cpu", cache=cache)
    assert first.sha256 != second.sha256
    with torch.inference_mode():
        expected = network(torch.from_numpy(picture)).numpy()
    np.testing.assert_allclose(second.pose_maps(picture), expected, atol=1e-3 * expected.std())


def test_a_damaged_lifter_is_gone_without(weights: tuple[Path, Path]) -> None:
    folder, cache = weights
    flip(folder / "lifter.safetensors")
    runtime, (fallback,) = load_lasting(device="cpu", cache=cache)
    assert (fallback.wanted, fallback.cause) == ("the lifter", "damaged")
    xyz = np.ones((19, 3), np.float32)
    np.testing.assert_array_equal(runtime.lift(xyz, np.ones(19, np.float32)), xyz)


def test_the_app_goes_on_with_the_default_weights_when_those_of_the_settings_are_gone(
    weights: tuple[Path, Path],
) -> None:
    folder, cache = weights
    gone = str(folder / "mine.safetensors")
    with pytest.raises(WeightsError, match="missing"):
        load_lasting(gone, device="cpu", cache=cache)
    runtime, (fallback,) = load_lasting(gone, device="cpu", cache=cache, or_default=True)
    assert runtime.model_name == "pose-small"
    assert (fallback.wanted, fallback.used, fallback.cause) == (gone, "pose-small", "damaged")


def test_what_becomes_of_the_files_while_it_runs_does_not_matter(
    weights: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """OpenVINO breaks when the weights' files have gone: PyTorch is built from what was read at the start."""
    folder, cache = weights
    calls = 0

    def breaking(*how: object) -> Callable[[np.ndarray], np.ndarray]:
        real = compiled(*how)

        def maps(batch: np.ndarray) -> np.ndarray:
            nonlocal calls
            calls += 1
            if calls > 4:
                raise RuntimeError("Exception from src/inference: infer failed")
            return real(batch)

        return maps

    from app import openvino_runtime

    compiled = openvino_runtime._compiled
    monkeypatch.setattr(openvino_runtime, "_compiled", breaking)
    told: list[Fallback] = []
    runtime, _ = load_lasting(device="cpu", cache=cache, told=lambda fallback, _: told.append(fallback))
    shutil.rmtree(folder)
    shutil.rmtree(cache)
    picture = np.random.default_rng(0).random((1, 3, SIDE, SIDE), np.float32)
    maps = [runtime.pose_maps(picture) for _ in range(5)]
    assert runtime.runtime == "torch"
    assert [(fallback.wanted, fallback.used) for fallback in told] == [("OpenVINO", "PyTorch")]
    np.testing.assert_allclose(maps[-1], maps[0], atol=1e-3 * maps[0].std())
