"""The same weights on whatever the machine has: OpenVINO or PyTorch on the CPU, CUDA, Apple's MPS.

OpenVINO is by far the fastest on CPUs. Its form of the network is made once from the PyTorch network,
kept in the user's cache under the hash of the weights and the version of OpenVINO, and used only after its
joints have agreed with PyTorch's. With a warm cache neither torch nor the network's code is imported.
"""

from __future__ import annotations

import ctypes
import hashlib
import json
import logging
import os
import shutil
import sys
import tempfile
import threading
import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache as once
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol, get_args

import numpy as np

from app.decode import decode_joints
from app.errors import UsageError, first_line
from app.lifter import Lifter
from app.skeleton import FloatArray
from app.weights import Weights, WeightsError, load_weights

if TYPE_CHECKING:
    from openvino import Core, Model
    from torch import nn

log = logging.getLogger(__name__)

Device = Literal["auto", "cpu", "cuda", "mps"]
RuntimeName = Literal["auto", "openvino", "torch"]
Maps = Callable[[FloatArray], FloatArray]

# Agreement asked of every runtime with PyTorch in single precision on the CPU.
MAX_JOINT_ERROR: Final = 0.5  # input pixels, joints that PyTorch is sure of
MAX_MAP_ERROR: Final = 0.02  # mean difference of the maps over their standard deviation
SURE: Final = 0.3
CACHE_FORMAT: Final = 1


class DeviceError(UsageError):
    """The device or runtime that was asked for is not there."""


class Runtime(Protocol):
    """The networks, ready to run. Calls are not thread-safe: one thread owns a runtime."""

    @property
    def model_name(self) -> str: ...
    @property
    def sha256(self) -> str: ...
    @property
    def device(self) -> str: ...
    @property
    def runtime(self) -> str: ...
    @property
    def input_size(self) -> int: ...
    @property
    def finder_size(self) -> int: ...

    def pose_maps(self, batch: FloatArray) -> FloatArray:
        """(N, 3, S, S) float32 RGB in 0..1 -> (N, 2·19, S/4, S/4) float32. S is `input_size`."""
        ...

    def finder_maps(self, batch: FloatArray) -> FloatArray:
        """(N, 3, F, F) float32 RGB in 0..1 -> (N, 4, F/8, F/8) float32. F is `finder_size`."""
        ...

    def lift(self, xyz: FloatArray, confidence: FloatArray) -> FloatArray:
        """(19, 3) metres in weak perspective, confidence (19,) -> (19, 3) metres; see app/lifter.py."""
        ...


@dataclass(frozen=True, kw_only=True, eq=False)
class LoadedRuntime:
    """What `load_runtime` gives. `notes`: one line each for whatever did not go the preferred way.

    The arrays that the maps functions return are the caller's to keep.
    """

    model_name: str
    sha256: str
    device: str
    runtime: str
    input_size: int
    finder_size: int
    pose_maps: Maps
    finder_maps: Maps
    lift: Callable[[FloatArray, FloatArray], FloatArray]
    notes: tuple[str, ...] = ()

    def warm_up(self) -> None:
        """Runs the networks once, so that the first frame does not pay for it."""
        self.finder_maps(np.zeros((1, 3, self.finder_size, self.finder_size), np.float32))
        self.pose_maps(np.zeros((1, 3, self.input_size, self.input_size), np.float32))


def load_runtime(
    name: str = "auto",
    *,
    device: Device | str = "auto",
    runtime: RuntimeName | str = "auto",
    finder: str = "auto",
    cache: Path | None = None,
    progress: Callable[[str], None] | None = None,
) -> LoadedRuntime:
    """The weights called `name` (and the finder's) on the best device there is, or on the one asked for.

    "auto" takes CUDA, then MPS where PyTorch offers them, else the CPU with OpenVINO, and falls back to
    PyTorch on the CPU with a note when that fails or disagrees. `cache` replaces the user's cache folder.
    `progress` is told in a few words what takes long. Raises WeightsError for weights, DeviceError for a
    device or runtime that does not exist or cannot be had here.
    """
    if device not in get_args(Device):
        raise DeviceError(f"unknown device {device!r}; choose one of {', '.join(get_args(Device))}")
    if runtime not in get_args(RuntimeName):
        raise DeviceError(f"unknown runtime {runtime!r}; choose one of {', '.join(get_args(RuntimeName))}")
    if runtime == "openvino" and device in ("cuda", "mps"):
        raise DeviceError(f"the runtime openvino runs on the CPU, not on {device}; leave --runtime out")
    weights = {"pose": load_weights(name, "pose"), "finder": load_weights(finder, "finder")}
    lifter = Lifter.load(load_weights("auto", "lifter"))
    notes: list[str] = []
    chosen = _choose_device(device, runtime)
    made: dict[str, Maps] | None = None
    used = "torch"
    if chosen == "cpu" and runtime != "torch":
        try:
            folder = cache if cache is not None else _cache_folder()
            made = {kind: _openvino_maps(w, folder, progress) for kind, w in weights.items()}
            used = "openvino"
        except WeightsError:
            raise
        except Exception as error:  # whatever is wrong with it, PyTorch still runs the network
            reason = first_line(error)
            if runtime == "openvino":
                raise DeviceError(
                    f"OpenVINO cannot run these weights ({reason}); try --runtime torch"
                ) from error
            notes.append(f"OpenVINO is not used ({reason}); PyTorch runs the network, more slowly")
    elif chosen != "cpu":
        try:
            made = {kind: _torch_maps(w, chosen, check=True) for kind, w in weights.items()}
        except WeightsError:
            raise
        except Exception as error:
            reason = first_line(error)
            if device != "auto":
                raise DeviceError(
                    f"{chosen} cannot run these weights ({reason}); try --device cpu"
                ) from error
            log.warning("%s is not used (%s)", chosen, reason)
            fallback = load_runtime(name, device="cpu", finder=finder, cache=cache, progress=progress)
            return _with_note(fallback, f"{chosen} is not used ({reason}); the CPU runs the network")
    if made is None:
        made = {kind: _torch_maps(w, "cpu", check=False) for kind, w in weights.items()}
    for note in notes:
        log.warning(note)
    return LoadedRuntime(
        model_name=weights["pose"].name,
        sha256=weights["pose"].sha256,
        device=chosen,
        runtime=used,
        input_size=_side(weights["pose"]),
        finder_size=_side(weights["finder"]),
        pose_maps=made["pose"],
        finder_maps=made["finder"],
        lift=lifter,
        notes=tuple(notes),
    )


def _with_note(runtime: LoadedRuntime, note: str) -> LoadedRuntime:
    values = {key: getattr(runtime, key) for key in runtime.__dataclass_fields__}
    return LoadedRuntime(**{**values, "notes": (note, *runtime.notes)})


def _side(weights: Weights) -> int:
    return int(weights.config.get("input_size", 256))


# ---------------------------------------------------------------- devices


def _choose_device(device: str, runtime: str) -> str:
    if device == "cpu" or runtime == "openvino":
        return "cpu"
    # Importing torch costs a second or two: only where an accelerator can be.
    if device in ("auto", "cuda") and _nvidia_driver():
        import torch

        if torch.cuda.is_available():
            return "cuda"
    if device in ("auto", "mps") and sys.platform == "darwin":
        import torch

        if torch.backends.mps.is_available():
            return "mps"
    if device != "auto":
        raise DeviceError(f"no {device} device that PyTorch can use here; leave --device out or use cpu")
    return "cpu"


def _nvidia_driver() -> bool:
    library = {"win32": "nvcuda.dll", "linux": "libcuda.so.1"}.get(sys.platform)
    if library is None:
        return False
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def cpu_threads() -> int:
    """Threads for the network: everything on small machines, else one core is left to the window.

    More than four do not help a network of this size.
    """
    try:
        cores = len(os.sched_getaffinity(0))  # type: ignore[attr-defined,unused-ignore]
    except AttributeError:
        cores = os.cpu_count() or 1
    return cores if cores <= 2 else min(4, cores - 1)


# ---------------------------------------------------------------- PyTorch


def _network(weights: Weights) -> nn.Module:
    from app.network import build

    try:
        network = build(weights.config)
        network.load_state_dict(weights.tensors(), strict=True)
    except (TypeError, ValueError, RuntimeError) as error:
        reason = str(error).strip().splitlines()[0]
        raise WeightsError(
            f"weights {weights.name}: they do not fit this version's network ({reason})"
        ) from error
    return network.eval()


def _fold(network: nn.Module) -> None:
    """Folds each normalisation into the convolution before it, in place: the same function, faster."""
    import torch
    from torch.nn.utils.fusion import fuse_conv_bn_eval

    for module in network.modules():
        if isinstance(module, torch.nn.Sequential):
            for i in range(len(module) - 1):
                first, second = module[i], module[i + 1]
                if isinstance(first, torch.nn.Conv2d) and isinstance(second, torch.nn.BatchNorm2d):
                    module[i] = fuse_conv_bn_eval(first, second)
                    module[i + 1] = torch.nn.Identity()


def _torch_maps(weights: Weights, device: str, *, check: bool) -> Maps:
    """PyTorch on `device`: half precision on CUDA, single precision elsewhere, channels last."""
    import torch

    network = _network(weights)
    reference = _plain(network, weights) if check else None
    _fold(network)
    dtype = torch.float16 if device == "cuda" else torch.float32
    network = network.to(device=device, dtype=dtype, memory_format=torch.channels_last)  # type: ignore[call-overload]

    @torch.inference_mode()
    def maps(batch: FloatArray) -> FloatArray:
        x = torch.from_numpy(np.ascontiguousarray(batch)).to(device=device, dtype=dtype)
        y = network(x.contiguous(memory_format=torch.channels_last))
        result: FloatArray = y.float().cpu().contiguous().numpy()
        return result

    if reference is not None:
        _require_agreement(weights, maps(_trial(weights)), reference)
    return maps


def _plain(network: nn.Module, weights: Weights) -> FloatArray:
    """PyTorch's own answer, single precision on the CPU, to the trial picture."""
    import torch

    with torch.inference_mode():
        reference: FloatArray = network(torch.from_numpy(_trial(weights))).numpy()
    return reference


def _trial(weights: Weights) -> FloatArray:
    """A fixed picture (1, 3, S, S): a plain figure before a smooth background, enough to excite the maps."""
    import cv2

    side = _side(weights)
    random = np.random.default_rng(0)
    small = random.uniform(60, 200, (8, 8, 3)).astype(np.float32)
    picture = cv2.resize(small, (side, side), interpolation=cv2.INTER_CUBIC)
    unit = side / 256.0

    def at(x: float, y: float) -> tuple[int, int]:
        return round(x * unit), round(y * unit)

    skin, shirt, trousers = (200, 160, 135), (60, 80, 150), (45, 45, 60)
    for start, end, colour, width in (
        ((118, 130), (112, 178), trousers, 20),
        ((112, 178), (110, 228), trousers, 15),
        ((138, 130), (146, 178), trousers, 20),
        ((146, 178), (150, 228), trousers, 15),
        ((128, 76), (128, 128), shirt, 42),
        ((106, 70), (84, 104), shirt, 13),
        ((84, 104), (74, 138), skin, 10),
        ((150, 70), (174, 98), shirt, 13),
        ((174, 98), (190, 66), skin, 10),
        ((128, 46), (128, 62), skin, 14),
    ):
        cv2.line(picture, at(*start), at(*end), colour, max(1, round(width * unit)), cv2.LINE_AA)
    cv2.ellipse(picture, at(128, 38), at(13, 17), 0, 0, 360, skin, -1, cv2.LINE_AA)
    picture = cv2.GaussianBlur(picture, (0, 0), 1.0)
    return np.ascontiguousarray((picture / 255.0).clip(0, 1).transpose(2, 0, 1)[None], dtype=np.float32)


def _require_agreement(weights: Weights, maps: FloatArray, reference: FloatArray) -> None:
    """Raises RuntimeError when `maps` are not what PyTorch makes of the trial picture."""
    difference = float(np.abs(maps - reference).mean() / max(float(reference.std()), 1e-6))
    if not difference <= MAX_MAP_ERROR:  # a NaN must fail
        raise RuntimeError(f"its maps differ from PyTorch's by {difference:.1%}")
    if weights.kind == "finder":
        return
    ours, theirs = decode_joints(maps), decode_joints(reference)
    sure = theirs.confidence > SURE
    errors = np.concatenate(
        [np.abs(ours.xy - theirs.xy)[sure].ravel(), np.abs(ours.depth - theirs.depth)[sure]]
    )
    if errors.size and not errors.max() <= MAX_JOINT_ERROR:
        raise RuntimeError(f"its joints differ from PyTorch's by {errors.max():.1f} pixels")


# ---------------------------------------------------------------- OpenVINO


def _cache_folder() -> Path:
    import platformdirs

    return Path(platformdirs.user_cache_dir("formcue", appauthor=False)) / "runtimes"


@once
def _core() -> Core:
    """OpenVINO, started once and kept to the end of the process.

    Its CPU plugin gives the thread a signal stack of its own and, when the last Core goes, frees the memory
    but leaves it in place: the next signal that Python handles (Ctrl-C, say) would end in a segmentation
    fault. Seen with 2026.4.
    """
    import openvino

    return openvino.Core()


def _openvino_maps(weights: Weights, cache: Path, progress: Callable[[str], None] | None) -> Maps:
    import openvino

    core = _core()
    version = openvino.__version__.split("-")[0]
    folder = cache / f"{weights.sha256[:16]}-{_side(weights)}-openvino-{version}"
    model = _cached_model(core, folder, weights)
    if model is None:
        if progress is not None:
            progress(f"Preparing the {weights.kind} network for this machine, once")
        network = _network(weights)
        reference = _plain(network, weights)
        _fold(network)
        model = _converted(network, weights)
        maps = _compiled(core, model, weights)
        _require_agreement(weights, maps(_trial(weights)), reference)
        _keep(model, folder, weights)
        return maps
    return _compiled(core, model, weights)


def _converted(network: nn.Module, weights: Weights) -> Model:
    """The network in OpenVINO's form, batch 1.

    Through OpenVINO's PyTorch frontend itself: `openvino.convert_model` does the same but takes nine times
    as long, and reports its use to its makers.
    """
    import torch
    from openvino.frontend import FrontEndManager
    from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder

    side = _side(weights)
    example = torch.zeros(1, 3, side, side)
    with torch.inference_mode(), warnings.catch_warnings():
        # torch.jit is deprecated as a way to deploy, but this frontend reads nothing else.
        warnings.simplefilter("ignore", DeprecationWarning)
        traced = torch.jit.freeze(torch.jit.trace(network, example, check_trace=False))
    frontend = FrontEndManager().load_by_framework("pytorch")
    # Both names must live until convert() is done: the C++ side calls back into them.
    decoder = TorchScriptPythonDecoder(traced, example_input=example, skip_freeze=True)
    loaded = frontend.load(decoder)
    model = frontend.convert(loaded)
    model.reshape([1, 3, side, side])
    return model


def _compiled(core: Any, model: Model, weights: Weights) -> Maps:
    options = {
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_NUM_THREADS": cpu_threads(),
        # Pinned threads would wait for the very core on which the window is drawing.
        "ENABLE_CPU_PINNING": False,
        # On chips that have bfloat16 OpenVINO would use it unasked, and joints would be pixels off.
        "INFERENCE_PRECISION_HINT": "f32",
    }
    request = core.compile_model(model, "CPU", options).create_infer_request()
    side = _side(weights)

    def maps(batch: FloatArray) -> FloatArray:
        if batch.shape[1:] != (3, side, side):
            raise ValueError(f"expected a batch (N, 3, {side}, {side}), found {batch.shape}")
        batch = np.ascontiguousarray(batch, dtype=np.float32)
        # One at a time: on a CPU a batch takes as long as its pictures one after the other.
        return np.concatenate(
            [request.infer([batch[i : i + 1]], share_inputs=True)[0] for i in range(len(batch))]
        )

    return maps


def _cached_model(core: Any, folder: Path, weights: Weights) -> Model | None:
    """The cached form, or None when there is none or any of its bytes is not what was written."""
    try:
        note = json.loads((folder / "made-from.json").read_text(encoding="utf-8"))
        xml, binary = (folder / "network.xml").read_bytes(), (folder / "network.bin").read_bytes()
        if note != _made_from(xml, binary, weights):
            raise ValueError("not what was written")
        return core.read_model(xml, binary)
    except FileNotFoundError:
        return None
    except Exception as error:  # OpenVINO raises RuntimeError, JSON ValueError, the disk OSError
        log.info("cached network in %s is rebuilt: %s", folder, str(error).splitlines()[:1])
        return None


def _made_from(xml: bytes, binary: bytes, weights: Weights) -> dict[str, Any]:
    return {
        "format": CACHE_FORMAT,
        "weights": weights.sha256,
        "xml": hashlib.sha256(xml).hexdigest(),
        "bin": hashlib.sha256(binary).hexdigest(),
    }


def _keep(model: Model, folder: Path, weights: Weights) -> None:
    """Puts the converted network into the cache in one step. A cache that cannot be written is no error."""
    import openvino

    temporary: Path | None = None
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
        openvino.save_model(model, temporary / "network.xml", compress_to_fp16=False)
        xml, binary = (temporary / "network.xml").read_bytes(), (temporary / "network.bin").read_bytes()
        note = json.dumps(_made_from(xml, binary, weights))
        (temporary / "made-from.json").write_text(note, encoding="utf-8")
        if folder.exists():  # broken, or another instance was faster: either way ours is as good
            doomed = folder.with_name(f".{folder.name}-old-{os.getpid()}-{threading.get_ident()}")
            folder.rename(doomed)
            shutil.rmtree(doomed, ignore_errors=True)
        temporary.rename(folder)
    except Exception as error:  # OpenVINO reports a full disk as RuntimeError
        log.info("the converted network is not cached: %s", error)
    finally:
        if temporary is not None:
            with suppress(OSError):
                shutil.rmtree(temporary)
