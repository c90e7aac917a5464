"""Several processes that train one network together, started by `torchrun`; one process is the simple case.

Each process takes its share of every batch. Sums that a loss divides by, gradients and the statistics of
batch normalisation are added up over all of them, so that the result is what one process would have made of
the whole batch, up to rounding.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

import torch
from torch import Tensor, distributed, nn
from torch.distributed.nn.functional import all_reduce

from app.training.config import TrainConfig, TrainingError


@dataclass(frozen=True, kw_only=True)
class Workers:
    """This process among them. rank: 0 is the one that writes and reports."""

    rank: int = 0
    count: int = 1
    device: torch.device

    @classmethod
    def join(cls, config: TrainConfig) -> Workers:
        """As `torchrun` started us; alone otherwise.

        Raises TrainingError when the batch does not divide or the device is not there.
        """
        device = choose_device(config)
        if device.type == "cuda":
            torch.cuda.set_device(device)
            torch.backends.cudnn.benchmark = True  # all batches have one shape
            torch.set_float32_matmul_precision("high")
        count = int(os.environ.get("WORLD_SIZE", "1"))
        if count == 1:
            return cls(device=device)
        if config.batch % count:
            raise TrainingError(
                f"batch: {config.batch} cannot be shared evenly by {count} processes; change one"
            )
        if not distributed.is_initialized():
            distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
        return cls(rank=distributed.get_rank(), count=count, device=device)

    def everywhere(self, value: Tensor) -> Tensor:
        """The sum over all processes, without a gradient."""
        if self.count == 1:
            return value
        total = value.detach().clone()
        distributed.all_reduce(total)
        return total

    def add_up(self, network: nn.Module) -> None:
        """Replaces each gradient by the sum over all processes: each holds its part of the loss's."""
        if self.count == 1:
            return
        gradients = [parameter.grad for parameter in network.parameters() if parameter.grad is not None]
        flat = torch.cat([gradient.flatten() for gradient in gradients])
        distributed.all_reduce(flat)
        for gradient, part in zip(gradients, flat.split([g.numel() for g in gradients]), strict=True):
            gradient.copy_(part.view_as(gradient))

    def share_statistics(self, network: nn.Module) -> None:
        """Makes the normalisation layers take their statistics from all processes' parts of a batch."""
        if self.count == 1:
            return
        for module in network.modules():
            if type(module) is nn.BatchNorm2d:
                module.__class__ = _SharedNorm

    def leave(self) -> None:
        if self.count > 1 and distributed.is_initialized():
            distributed.destroy_process_group()


def choose_device(config: TrainConfig) -> torch.device:
    """The device of this process. Raises TrainingError when it, or its precision, is not to be had."""
    kind = config.device
    if kind == "auto":
        kind = "cuda" if torch.cuda.is_available() else "cpu"
    if kind == "cuda" and not torch.cuda.is_available():
        raise TrainingError("device: cuda: no CUDA device that PyTorch can use; write auto or cpu")
    if kind == "cpu" and config.precision == "fp16":
        raise TrainingError("precision: fp16 is for GPUs; write bf16 or fp32")
    if kind == "cpu":
        return torch.device("cpu")
    return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))


class _SharedNorm(nn.BatchNorm2d):
    """Batch normalisation over the batches of all processes. (torch's own works on GPUs only.)

    Mean and variance each travel with their gradient, so the backward pass is shared too.
    """

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return super().forward(x)
        assert self.running_mean is not None and self.running_var is not None
        assert self.num_batches_tracked is not None and self.momentum is not None
        with torch.autocast(x.device.type, enabled=False):
            exact = x.float()
            count = x.numel() // x.shape[1] * distributed.get_world_size()
            mean = all_reduce(exact.sum((0, 2, 3))) / count
            centred = exact - mean[:, None, None]
            variance = all_reduce((centred**2).sum((0, 2, 3))) / count
            scale = self.weight * (variance + self.eps).rsqrt()
            y: Tensor = centred * scale[:, None, None] + self.bias[:, None, None]
        with torch.no_grad():
            self.num_batches_tracked += 1
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance * count / max(count - 1, 1), self.momentum)
        return y.to(x.dtype)
