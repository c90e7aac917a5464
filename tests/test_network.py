"""The networks' contracts: shapes, size, and what their configuration accepts."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from app.network import FinderNetwork, PoseNetwork, build


def multiply_adds(network: nn.Module, size: int) -> int:
    total = 0

    def count(module: nn.Module, _inputs: object, out: torch.Tensor) -> None:
        nonlocal total
        assert isinstance(module, nn.Conv2d)
        total += out.shape[2] * out.shape[3] * module.weight.numel()

    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            module.register_forward_hook(count)
    with torch.no_grad():
        network.eval()(torch.zeros(1, 3, size, size))
    return total


def test_the_pose_network_gives_two_maps_a_joint_at_a_quarter_of_the_size() -> None:
    with torch.no_grad():
        maps = PoseNetwork().eval()(torch.rand(2, 3, 128, 128))
    assert maps.shape == (2, 38, 32, 32)


def test_the_finder_gives_four_maps_at_an_eighth_of_the_size_and_believes_in_nobody_before_training() -> None:
    with torch.no_grad():
        maps = FinderNetwork().eval()(torch.rand(2, 3, 128, 128))
    assert maps.shape == (2, 4, 16, 16)
    assert float(maps[:, 0].sigmoid().max()) < 0.3


@pytest.mark.parametrize("network", [PoseNetwork(), FinderNetwork()])
def test_both_are_of_mobile_size(network: PoseNetwork | FinderNetwork) -> None:
    assert sum(parameter.numel() for parameter in network.parameters()) < 5e6
    assert multiply_adds(network, network.config.input_size) < 0.7e9


def test_build_makes_what_the_configuration_says() -> None:
    network = build({"kind": "pose", "wide": 32})
    assert isinstance(network, PoseNetwork) and network.config.wide == 32
    assert isinstance(build({"kind": "finder"}), FinderNetwork)


def test_build_refuses_what_it_does_not_know() -> None:
    with pytest.raises(ValueError, match="hourglass"):
        build({"kind": "hourglass"})
    with pytest.raises(TypeError, match="wider"):
        build({"kind": "pose", "wider": 3})
