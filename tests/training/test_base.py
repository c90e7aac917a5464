"""A base network's arrays in our modules: the same maps as before, and layers that stay as they are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from app.network import ConvNorm, PoseNetwork, build
from app.training import base
from app.training.config import TrainingError, config_of
from app.training.train import train
from tests.training.runs import run_values


def scattered(network: PoseNetwork) -> PoseNetwork:
    """With normalisations that are not those of a fresh network."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            for vector in (module.running_mean, module.bias):
                nn.init.normal_(vector, std=0.1)  # type: ignore[arg-type]
            for vector in (module.running_var, module.weight):
                nn.init.uniform_(vector, 0.8, 1.2)  # type: ignore[arg-type]
    return network.eval()


def folded(block: nn.Module) -> tuple[Tensor, Tensor]:
    """Kernel and bias of a convolution with its normalisation folded in."""
    assert isinstance(block, ConvNorm)
    conv, norm = block[0], block[1]
    assert isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d)
    assert norm.running_mean is not None and norm.running_var is not None
    scale = norm.weight / (norm.running_var + norm.eps).sqrt()
    return conv.weight * scale[:, None, None, None], norm.bias - norm.running_mean * scale


def as_base(network: PoseNetwork, path: Path, architecture: str) -> Path:
    """The arrays of a base network that computes what the encoder and the narrow decoder of this one do."""
    numbers = base._NUMBERS[architecture]
    layers = [*zip(network.encoder.stem, numbers.stem, strict=True)]
    for block, rows in zip(network.encoder.blocks, numbers.blocks, strict=True):
        layers += [
            (getattr(block, n), row) for n, row in zip(("expand", "spatial", "project"), rows, strict=True)
        ]
    layers += zip(network.encoder.top, numbers.top, strict=True)
    for name, pair in numbers.narrow.items():
        layers += zip(getattr(network, name), pair, strict=True)
    arrays: dict[str, Any] = {}
    for layer, (kernel, bias) in layers:
        weight, shift = folded(layer)
        depthwise = weight.shape[1] == 1 and layer[0].groups > 1  # type: ignore[index, union-attr]
        arrays[str(kernel)] = weight.permute(1, 2, 3, 0) if depthwise else weight.permute(0, 2, 3, 1)
        arrays[str(bias)] = shift
    kernel, bias = numbers.maps
    heat = network.narrow_maps.heat
    landmarks = torch.zeros(39, 1, 1, heat.in_channels), torch.zeros(39)
    for joint, landmark in base.LANDMARKS.items():
        landmarks[0][landmark, 0, 0], landmarks[1][landmark] = heat.weight[joint, :, 0, 0], heat.bias[joint]
    arrays[str(kernel)], arrays[str(bias)] = landmarks
    np.savez(path, **{name: array.detach().numpy() for name, array in arrays.items()})
    return path


@pytest.mark.parametrize("architecture", ["mobile", "large"])
def test_a_network_begins_as_its_base(architecture: str, tmp_path: Path) -> None:
    torch.manual_seed(1)
    known = scattered(build({"kind": "pose", "architecture": architecture}))
    path = as_base(known, tmp_path / "base.npz", architecture)
    network = build(known.config.to_dict())
    pictures = torch.rand(4, 3, 64, 64)
    base.load_base(network, path, pictures)
    joints = list(base.LANDMARKS)
    for either in (known, network):
        nn.init.zeros_(either.wide_maps.heat.weight)
        nn.init.zeros_(either.wide_maps.heat.bias)
    with torch.no_grad():
        torch.testing.assert_close(
            network.eval()(pictures)[:, joints], known(pictures)[:, joints], rtol=1e-3, atol=1e-3
        )


def test_a_base_of_the_other_size_is_refused(tmp_path: Path) -> None:
    path = as_base(scattered(PoseNetwork()), tmp_path / "base.npz", "mobile")
    with pytest.raises(KeyError):
        base.load_base(build({"kind": "pose", "architecture": "large"}), path, torch.rand(2, 3, 64, 64))


def test_frozen_layers_stay_as_they_are(tmp_path: Path) -> None:
    first = run_values(tmp_path, out=str(tmp_path / "first"))
    train(config_of(first, "first"), resume=False)
    start = tmp_path / "first" / "weights.safetensors"
    frozen = ["encoder.", "narrow_"]
    second = run_values(tmp_path, out=str(tmp_path / "second"), start=str(start), frozen=frozen)
    train(config_of(second, "second"), resume=False)
    before, after = load_file(start), load_file(tmp_path / "second" / "weights.safetensors")
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert not [name for name in changed if name.startswith(("encoder.", "narrow_"))]
    assert {name.split(".")[0] for name in changed} >= {"wide_whole", "mix_fine", "wide_maps"}


@pytest.mark.parametrize(
    ("frozen", "said"),
    [
        (["encodr."], "no layer's name begins with 'encodr.'; they begin with .*encoder., "),
        ([""], "all layers"),
    ],
)
def test_freezing_nothing_or_everything_is_refused(tmp_path: Path, frozen: list[str], said: str) -> None:
    values = run_values(tmp_path, out=str(tmp_path / "run"), frozen=frozen)
    with pytest.raises(TrainingError, match=said):
        train(config_of(values, "run"), resume=False)
