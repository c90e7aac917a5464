"""The networks in PyTorch: CUDA in half precision as a captured graph, Apple's MPS, and the CPU."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from app.agreement import require_agreement, trial_batch
from app.errors import first_line
from app.network import build
from app.skeleton import FloatArray
from app.weights import Weights, WeightsError

log = logging.getLogger(__name__)

GRAPHS: Final = 4  # batch sizes that a graph is captured for; each holds its own memory
WARM_RUNS: Final = 3  # before a capture: libraries choose their kernels and take their workspaces


def network_of(weights: Weights) -> nn.Module:
    """The network, as trained, in single precision on the CPU. Raises WeightsError when they do not fit."""
    try:
        # Without memory until the file's own tensors fit: a configuration may ask for any size.
        with torch.device("meta"):
            network = build(weights.config)
        network.load_state_dict(weights.tensors(), strict=True, assign=True)
    except (TypeError, ValueError, RuntimeError) as error:
        raise WeightsError(
            "weights {name}: they do not fit this version's network ({reason})",
            name=weights.name,
            reason=first_line(error),
        ) from error
    return network.eval()


def fold(network: nn.Module) -> None:
    """Folds each normalisation into the convolution before it, in place: the same function, faster."""
    for module in network.modules():
        if isinstance(module, nn.Sequential):
            for i in range(len(module) - 1):
                first, second = module[i], module[i + 1]
                if isinstance(first, nn.Conv2d) and isinstance(second, nn.BatchNorm2d):
                    module[i] = fuse_conv_bn_eval(first, second)
                    module[i + 1] = nn.Identity()


class ChannelsLast(nn.Module):
    """The network on pictures (N, S, S, 3), giving maps (N, h, w, channels).

    OpenVINO's convolutions have the channels last, too. It sees that these steps move nothing (of a four-axis
    permutation at the end it does not), and the maps need not be brought into another order, which took it a
    tenth of the whole.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self._network = network

    def forward(self, pictures: Tensor) -> Tensor:
        maps: Tensor = self._network(pictures.permute(0, 3, 1, 2))
        return maps.flatten(2).permute(0, 2, 1).unflatten(1, maps.shape[2:])


def plain_maps(network: nn.Module, batch: FloatArray) -> FloatArray:
    """What every runtime is held against: the network as it is, single precision on the CPU."""
    with torch.inference_mode():
        maps: FloatArray = network(torch.from_numpy(batch)).numpy()
    return maps


def torch_maps(weights: Weights, device: str, *, threads: int, dtype: torch.dtype | None = None) -> TorchMaps:
    """The network of `weights` on `device` (cpu, cuda, mps). dtype None: half precision on CUDA, else single.

    threads: of the CPU; PyTorch has one number for the whole process. What is not exactly the reference
    (another device or precision) must agree with it on the trial frames. Raises WeightsError,
    DisagreementError, and whatever the device's driver raises.
    """
    torch.set_num_threads(threads)
    network = network_of(weights)
    dtype = dtype or (torch.float16 if device == "cuda" else torch.float32)
    if device == "cpu" and dtype == torch.float32:
        fold(network)
        return TorchMaps(network, device, dtype)
    trial = trial_batch(weights.kind, weights.input_size)
    reference = plain_maps(network, trial)
    fold(network)
    maps = TorchMaps(network, device, dtype)
    # One by one, as in use: on CUDA this is the captured graph, which is what must agree.
    ours = np.concatenate([maps(trial[i : i + 1]) for i in range(len(trial))])
    require_agreement(weights.kind, ours, reference, weights.input_size)
    return maps


class TorchMaps:
    """Callable: (N, 3, S, S) float32 RGB in 0..1 -> maps, float32, the caller's to keep.

    network: folded, in eval mode; it is moved to `device` and `dtype`, channels last where convolutions are
    faster so (CUDA's tensor cores, CPUs). On CUDA each batch size is captured once as a graph and replayed:
    launching some two hundred small kernels one by one takes longer than running them.
    """

    def __init__(self, network: nn.Module, device: str, dtype: torch.dtype) -> None:
        self._device, self._dtype = torch.device(device), dtype
        self._format = torch.contiguous_format if device == "mps" else torch.channels_last
        self._network = network.to(device=self._device, dtype=dtype).to(memory_format=self._format)  # type: ignore[call-overload]
        self._graphs: dict[int, _Graph] = {}
        self._capture = self._device.type == "cuda"

    @property
    def captured(self) -> tuple[int, ...]:
        """The batch sizes that there are graphs for."""
        return tuple(self._graphs)

    @torch.inference_mode()
    def __call__(self, batch: FloatArray) -> FloatArray:
        # Channels last, as the crops are in memory already.
        x = torch.from_numpy(np.ascontiguousarray(batch.transpose(0, 2, 3, 1), dtype=np.float32))
        x = x.permute(0, 3, 1, 2)
        graph = self._graph(x) if self._capture else None
        y = graph.replay(x) if graph is not None else self._forward(x.to(self._device))
        maps: FloatArray = y.cpu().numpy()
        return maps

    def _forward(self, x: Tensor) -> Tensor:
        """float32 on the device -> float32 on the device, contiguous."""
        y = self._network(x.to(dtype=self._dtype, memory_format=self._format))
        return y.to(dtype=torch.float32, memory_format=torch.contiguous_format)

    def _graph(self, x: Tensor) -> _Graph | None:
        """The graph of this batch size; None when there are enough, or this machine cannot capture."""
        known = self._graphs.get(len(x))
        if known is None and len(self._graphs) < GRAPHS:
            try:
                known = self._graphs[len(x)] = _Graph(self._forward, x, self._device)
            except torch.OutOfMemoryError:
                raise
            except RuntimeError as error:
                log.info("no CUDA graph (%s); kernels are launched one by one", first_line(error))
                self._capture = False
        return known


class _Graph:
    """The forward pass of one batch size, captured (PyTorch's notes on CUDA graphs) on this thread.

    A graph reads and writes fixed memory: `_input` and `_output`.
    """

    def __init__(self, forward: Callable[[Tensor], Tensor], example: Tensor, device: torch.device) -> None:
        # Pinned, so that the copy to the device needs no detour.
        self._host = torch.empty_like(example, pin_memory=True)
        self._input = example.to(device)
        side = torch.cuda.Stream(device)
        side.wait_stream(torch.cuda.current_stream(device))
        with torch.cuda.stream(side), torch.backends.cudnn.flags(enabled=True, benchmark=True):
            for _ in range(WARM_RUNS):
                forward(self._input)
        torch.cuda.current_stream(device).wait_stream(side)
        self._graph = torch.cuda.CUDAGraph()
        # Other threads may use CUDA meanwhile; only what this one does is captured.
        with (
            torch.backends.cudnn.flags(enabled=True, benchmark=True),
            torch.cuda.graph(self._graph, capture_error_mode="thread_local"),
        ):
            self._output = forward(self._input)

    def replay(self, x: Tensor) -> Tensor:
        """The maps, on the device, until the next replay: the caller copies them off, which waits."""
        self._host.copy_(x)
        self._input.copy_(self._host, non_blocking=True)
        self._graph.replay()
        return self._output
