"""Runtimes: OpenVINO agrees with PyTorch, its cache survives anything, and every refusal is one line."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch

from app import openvino_runtime, runtimes, torch_runtime
from app.agreement import DisagreementError
from app.decode import decode_joints
from app.network import FinderConfig, FinderNetwork, PoseConfig, PoseNetwork
from app.runtimes import DeviceError, LoadedRuntime, load_runtime
from app.weights import WeightsError
from tests.conftest import REPOSITORY

SIDE = 64  # smaller than in use: a sixteenth of the time


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """Weights of untrained networks, whose heatmaps are sharpened so that they have clear peaks."""
    folder = tmp_path_factory.mktemp("weights")
    torch.manual_seed(3)
    paths = []
    for network in (
        PoseNetwork(PoseConfig(input_size=SIDE, encoder_width=0.25)),
        FinderNetwork(FinderConfig(input_size=SIDE)),
    ):
        for parameter in network.parameters():
            if parameter.dim() == 1:
                torch.nn.init.uniform_(parameter, 0.5, 1.0)
        if isinstance(network, PoseNetwork):
            for layer in (network.narrow_maps, network.wide_maps):
                layer.heat.weight.data *= 30
                layer.depth.weight.data *= 30
        path = folder / f"{network.config.kind}.safetensors"
        metadata = {"config": json.dumps(network.config.to_dict())}
        safetensors.torch.save_file(network.state_dict(), path, metadata=metadata)
        paths.append(str(path))
    return paths[0], paths[1]


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache") / "runtimes"


def load(files: tuple[str, str], cache: Path, **how: str) -> tuple[LoadedRuntime, list[str]]:
    said: list[str] = []
    return load_runtime(files[0], finder=files[1], cache=cache, progress=said.append, **how), said


@pytest.fixture(scope="module")
def loaded(files: tuple[str, str], cache: Path) -> LoadedRuntime:
    return load(files, cache, device="cpu")[0]


@pytest.fixture(scope="module")
def plain(files: tuple[str, str], cache: Path) -> LoadedRuntime:
    return load(files, cache, device="cpu", runtime="torch")[0]


@pytest.fixture(scope="module")
def pictures() -> np.ndarray:
    return np.random.default_rng(1).random((2, 3, SIDE, SIDE), np.float32)


def test_openvino_is_what_a_cpu_gets(loaded: LoadedRuntime, files: tuple[str, str]) -> None:
    assert (loaded.device, loaded.runtime, loaded.notes) == ("cpu", "openvino", ())
    assert loaded.model_name == "pose"
    assert loaded.sha256 == hashlib.sha256(Path(files[0]).read_bytes()).hexdigest()
    assert (loaded.input_size, loaded.finder_size) == (SIDE, SIDE)


def test_both_give_the_same_joints(loaded: LoadedRuntime, plain: LoadedRuntime, pictures: np.ndarray) -> None:
    assert plain.runtime == "torch"
    ours, theirs = loaded.pose_maps(pictures), plain.pose_maps(pictures)
    assert ours.shape == theirs.shape == (2, 38, SIDE // 4, SIDE // 4)
    assert ours.dtype == theirs.dtype == np.float32
    a, b = decode_joints(ours), decode_joints(theirs)
    sure = b.confidence > 0.3
    assert sure.any(), "the pictures must excite the network, or nothing is compared"
    assert np.abs(a.xy - b.xy)[sure].max() < 0.5
    assert np.abs(a.depth - b.depth)[sure].max() < 0.5


def test_both_find_the_same(loaded: LoadedRuntime, plain: LoadedRuntime, pictures: np.ndarray) -> None:
    ours, theirs = loaded.finder_maps(pictures), plain.finder_maps(pictures)
    assert ours.shape == (2, 4, SIDE // 8, SIDE // 8)
    np.testing.assert_allclose(ours, theirs, atol=0.01 * theirs.std())


def test_results_are_the_callers_to_keep(loaded: LoadedRuntime, pictures: np.ndarray) -> None:
    first = loaded.pose_maps(pictures[:1])
    copy = first.copy()
    loaded.pose_maps(pictures[1:])
    np.testing.assert_array_equal(first, copy)


def test_a_warm_cache_is_used_and_needs_no_torch(
    loaded: LoadedRuntime, files: tuple[str, str], cache: Path
) -> None:
    _, said = load(files, cache, device="cpu")
    assert said == []
    code = (
        "import sys; from pathlib import Path; from app.runtimes import load_runtime\n"
        f"r = load_runtime({files[0]!r}, finder={files[1]!r}, device='cpu', cache=Path({str(cache)!r}))\n"
        "r.warm_up(); print(r.runtime, 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=REPOSITORY)
    assert done.stdout.split() == ["openvino", "False"], done.stderr


def test_without_pytorch_what_was_converted_beforehand_runs(
    loaded: LoadedRuntime,
    files: tuple[str, str],
    cache: Path,
    tmp_path: Path,
    pictures: np.ndarray,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As in the one-file program: the networks came along, and the user's cache is empty."""
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(WeightsError, match="PyTorch, which must convert them once, is not installed"):
        load(files, tmp_path)
    monkeypatch.setattr("app.openvino_runtime.CONVERTED", cache)
    runtime, said = load(files, tmp_path)
    assert said == [] and not list(tmp_path.iterdir())
    assert np.array_equal(runtime.pose_maps(pictures[:1]), loaded.pose_maps(pictures[:1]))
    with pytest.raises(DeviceError, match="PyTorch is not installed here"):
        load(files, tmp_path, runtime="torch")


@pytest.mark.parametrize("name", ["network.bin", "made-from.json"])
def test_a_broken_cache_is_rebuilt(
    loaded: LoadedRuntime, files: tuple[str, str], cache: Path, pictures: np.ndarray, name: str
) -> None:
    before = loaded.pose_maps(pictures[:1])
    broken = sorted(cache.glob(f"{loaded.sha256[:16]}*/{name}"))
    assert len(broken) == 1
    broken[0].write_bytes(broken[0].read_bytes()[:-5])
    again, said = load(files, cache, device="cpu")
    assert len(said) == 1  # the other network's cache is whole
    assert again.runtime == "openvino"
    np.testing.assert_allclose(again.pose_maps(pictures[:1]), before, atol=0.01 * before.std())
    assert load(files, cache, device="cpu")[1] == []
    assert not [path for path in cache.iterdir() if path.name.startswith(".")], "nothing half-written stays"


def test_without_a_place_for_the_cache_it_still_works(files: tuple[str, str], tmp_path: Path) -> None:
    blocked = tmp_path / "a file"
    blocked.write_text("in the way")
    runtime, said = load(files, blocked / "runtimes", device="cpu")
    assert runtime.runtime == "openvino"
    assert len(said) == 2


def test_when_openvino_disagrees_pytorch_takes_over_and_says_so(
    files: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pictures: np.ndarray
) -> None:
    real = openvino_runtime._compiled
    wrong = lambda *a: lambda batch: real(*a)(batch) * np.float32(1.1)  # noqa: E731
    monkeypatch.setattr(openvino_runtime, "_compiled", wrong)
    runtime, _ = load(files, tmp_path / "cache", device="cpu")
    assert runtime.runtime == "torch"
    assert len(runtime.notes) == 1
    assert "differ from PyTorch's" in runtime.notes[0]
    assert not (tmp_path / "cache").exists()
    with pytest.raises(DeviceError, match="OpenVINO cannot run these weights"):
        load(files, tmp_path / "cache", runtime="openvino")


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"device": "gpu"}, "unknown device 'gpu'; choose one of auto, cpu, cuda, mps"),
        ({"runtime": "onnx"}, "unknown runtime 'onnx'; choose one of auto, openvino, torch"),
        ({"device": "mps", "runtime": "openvino"}, "runs on the CPU, not on mps"),
    ],
)
def test_what_does_not_exist_is_refused(
    files: tuple[str, str], cache: Path, how: dict[str, str], said: str
) -> None:
    with pytest.raises(DeviceError) as caught:
        load(files, cache, **how)
    assert said in str(caught.value)
    assert caught.value.exit_code == 2


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has CUDA")
def test_a_device_that_is_not_here_is_refused(files: tuple[str, str], cache: Path) -> None:
    with pytest.raises(DeviceError, match="no cuda device"):
        load(files, cache, device="cuda")


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (RuntimeError("CUDA error: no kernel image is available for execution on the device"), "unusable"),
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 MiB."), "memory"),
        (DisagreementError("its joints differ from PyTorch's by 3.0 pixels"), "disagrees"),
    ],
)
def test_a_graphics_card_that_cannot_be_used_leaves_it_to_the_cpu_unless_it_was_asked_for(
    loaded: LoadedRuntime,
    files: tuple[str, str],
    cache: Path,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    cause: str,
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(runtimes, "_is_here", lambda device: device in ("cuda", "cpu"))
    monkeypatch.setattr(torch_runtime, "torch_maps", broken)
    runtime, said = load(files, cache)
    assert (runtime.device, runtime.runtime, said) == ("cpu", "openvino", [])
    ((fallback),) = runtime.fallbacks
    assert (fallback.wanted, fallback.used, fallback.cause) == ("CUDA", "OpenVINO", cause)
    with pytest.raises(DeviceError, match=r"CUDA cannot run these weights .* try --device cpu"):
        load(files, cache, device="cuda")


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
def test_cuda_gives_the_same_joints(
    files: tuple[str, str], cache: Path, plain: LoadedRuntime, pictures: np.ndarray
) -> None:
    runtime, _ = load(files, cache, device="cuda")
    assert (runtime.device, runtime.runtime) == ("cuda", "torch")
    a, b = decode_joints(runtime.pose_maps(pictures)), decode_joints(plain.pose_maps(pictures))
    sure = b.confidence > 0.3
    assert np.abs(a.xy - b.xy)[sure].max() < 0.5


def test_weights_of_another_network_are_one_line(files: tuple[str, str], cache: Path, tmp_path: Path) -> None:
    state = safetensors.torch.load_file(files[0])
    state.pop(sorted(state)[0])
    path = tmp_path / "short.safetensors"
    config = json.dumps(dataclasses.asdict(PoseNetwork().config))
    safetensors.torch.save_file(state, path, metadata={"config": config})
    with pytest.raises(WeightsError, match="do not fit this version's network") as caught:
        load_runtime(str(path), finder=files[1], device="cpu", cache=cache)
    assert "\n" not in str(caught.value)


def test_ctrl_c_still_works_when_a_runtime_has_gone(
    files: tuple[str, str], cache: Path, loaded: LoadedRuntime
) -> None:
    """In a process of its own: an unloaded OpenVINO once turned the next signal into a segmentation fault."""
    code = (
        "import gc, os, signal, sys\n"
        "from pathlib import Path\n"
        "from app.runtimes import load_runtime\n"
        f"pose, finder, cache = {(*files, str(cache))!r}\n"
        "runtime = load_runtime(pose, finder=finder, device='cpu', cache=Path(cache))\n"
        "runtime.warm_up()\n"
        "del runtime\n"
        "gc.collect()\n"
        "try:\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n"
        "except KeyboardInterrupt:\n"
        "    sys.exit(42)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    assert done.returncode == 42, done.stderr[-2000:]
