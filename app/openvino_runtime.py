"""The networks in OpenVINO, by far the fastest on CPUs.

Its form of a network is made once from the PyTorch network and, when it agrees with PyTorch, kept in the
user's cache under the hash of the weights and the version of OpenVINO. With a warm cache neither torch nor
the network's code is imported.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import logging
import os
import shutil
import tempfile
import threading
import warnings
from collections.abc import Callable
from contextlib import suppress
from functools import cache as once
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import openvino
from openvino import Core, Model, Tensor

from app.agreement import require_agreement, trial_batch
from app.skeleton import FloatArray
from app.weights import WEIGHTS_FOLDER, Weights, WeightsError

if TYPE_CHECKING:
    from torch import nn

log = logging.getLogger(__name__)

# Networks converted beforehand come along with the one-file program, which is without PyTorch; see .ci/build.
CONVERTED: Final = WEIGHTS_FOLDER / "converted"
CACHE_FORMAT: Final = 3  # goes up when the form or the agreement asked of it changes


def openvino_maps(
    weights: Weights,
    *,
    threads: int,
    cache: Path | None = None,
    progress: Callable[[str], None] | None = None,
) -> Callable[[FloatArray], FloatArray]:
    """(N, 3, S, S) float32 RGB in 0..1 -> maps, float32, the caller's to keep.

    From the cache (None: the user's), else converted, which `progress` is told of, and held against PyTorch.
    Raises WeightsError, DisagreementError, and whatever OpenVINO raises.
    """
    core = _core()
    model = _ready(core, weights, cache)
    if model is not None:
        return _compiled(core, model, weights, threads)
    if importlib.util.find_spec("torch") is None:
        raise WeightsError(
            "weights {name}: PyTorch, which must convert them once, is not installed; take "
            "weights of the catalogue, or install Formcue from its source",
            name=weights.name,
        )
    from app.torch_runtime import fold, network_of, plain_maps

    if progress is not None:
        progress(f"Preparing the {weights.kind} network for this machine, once")
    network = network_of(weights)
    trial = trial_batch(weights.kind, weights.input_size)
    reference = plain_maps(network, trial)
    fold(network)
    model = _converted(network, weights)
    maps = _compiled(core, model, weights, threads)
    require_agreement(weights.kind, maps(trial), reference, weights.input_size)
    _keep(model, _folder(weights, cache), weights)
    return maps


def has_converted(weights: Weights, cache: Path | None = None) -> bool:
    """Whether the converted network of these weights is here already, every byte as it was written."""
    return _ready(_core(), weights, cache) is not None


def _ready(core: Core, weights: Weights, cache: Path | None) -> Model | None:
    """The converted network that came along, else the cache's."""
    shipped = _cached_model(core, _folder(weights, CONVERTED), weights)
    return shipped if shipped is not None else _cached_model(core, _folder(weights, cache), weights)


def _folder(weights: Weights, cache: Path | None) -> Path:
    if cache is None:
        import platformdirs

        cache = Path(platformdirs.user_cache_dir("formcue", appauthor=False)) / "runtimes"
    version = openvino.__version__.split("-")[0]
    return cache / f"{weights.sha256[:16]}-{weights.input_size}-openvino-{version}"


@once
def _core() -> Core:
    """OpenVINO, started once and kept to the end of the process.

    Its CPU plugin gives the thread a signal stack of its own and, when the last Core goes, frees the memory
    but leaves it in place: the next signal that Python handles (Ctrl-C, say) would end in a segmentation
    fault. Seen with 2026.4.
    """
    return Core()


def _converted(network: nn.Module, weights: Weights) -> Model:
    """The network in OpenVINO's form, batch 1: (1, S, S, 3) -> (1, h, w, channels).

    Through OpenVINO's PyTorch frontend itself: `openvino.convert_model` does the same but takes nine times
    as long, and reports its use to its makers.
    """
    import torch
    from openvino.frontend import FrontEndManager
    from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder

    from app.torch_runtime import ChannelsLast

    side = weights.input_size
    example = torch.zeros(1, side, side, 3)
    with torch.inference_mode(), warnings.catch_warnings():
        # torch.jit is deprecated as a way to deploy, but this frontend reads nothing else.
        warnings.simplefilter("ignore", DeprecationWarning)
        traced = torch.jit.freeze(torch.jit.trace(ChannelsLast(network).eval(), example, check_trace=False))
    frontend = FrontEndManager().load_by_framework("pytorch")
    # Both names must live until convert() is done: the C++ side calls back into them.
    decoder = TorchScriptPythonDecoder(traced, example_input=example, skip_freeze=True)
    loaded = frontend.load(decoder)
    model = frontend.convert(loaded)
    model.reshape([1, side, side, 3])
    return model


def _compiled(core: Core, model: Model, weights: Weights, threads: int) -> Callable[[FloatArray], FloatArray]:
    options = {
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_NUM_THREADS": threads,
        # Pinned threads would wait for the very core on which the window is drawing.
        "ENABLE_CPU_PINNING": False,
        # On chips that have bfloat16 OpenVINO would use it unasked, and joints would be pixels off.
        "INFERENCE_PRECISION_HINT": "f32",
    }
    request = core.compile_model(model, "CPU", options).create_infer_request()
    side = weights.input_size

    def maps(batch: FloatArray) -> FloatArray:
        if batch.shape[1:] != (3, side, side):
            raise ValueError(f"expected a batch (N, 3, {side}, {side}), found {batch.shape}")
        pictures = np.ascontiguousarray(batch.transpose(0, 2, 3, 1), dtype=np.float32)
        # One at a time: on a CPU a batch takes as long as its pictures one after the other. Each result is
        # copied out once, of memory that the next one overwrites, and stays as it is: channels last.
        results = []
        for i in range(len(pictures)):
            # Given the array itself, `infer` would look at it for longer than any layer of the network takes.
            request.set_input_tensor(Tensor(pictures[i : i + 1], shared_memory=True))
            request.infer(share_outputs=True)
            results.append(request.get_output_tensor().data.copy())
        together: FloatArray = results[0] if len(results) == 1 else np.concatenate(results)
        return together.transpose(0, 3, 1, 2)

    return maps


def _cached_model(core: Core, folder: Path, weights: Weights) -> Model | None:
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
