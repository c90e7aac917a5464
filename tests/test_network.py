"""The networks' contracts: shapes, size, and what their configuration accepts."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from app.network import EnsembleNetwork, FinderNetwork, PoseConfig, PoseNetwork, build


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


@pytest.mark.parametrize(
    ("values", "stages"),
    [
        ({"architecture": "mobile", "encoder_width": 0.5}, 1),
        ({"architecture": "large", "encoder_width": 0.25}, 1),
        ({"architecture": "ensemble", "encoder_width": 0.25}, 1),
        ({"architecture": "hourglass", "stacks": 3, "width": 16}, 3),
        ({"architecture": "cpm", "stages": 1, "width": 8}, 1),
        ({"architecture": "cpm", "stages": 4, "width": 8}, 4),
    ],
)
def test_every_base_network_gives_the_same_maps_at_each_of_its_stages(
    values: dict[str, Any], stages: int
) -> None:
    network = build({"kind": "pose", **values}).eval()
    image = torch.rand(2, 3, 64, 64)
    with torch.no_grad():
        maps = network.stages(image)
        assert [tuple(stage.shape) for stage in maps] == [(2, 38, 16, 16)] * stages
        assert torch.equal(network(image), maps[-1])
    assert build(network.config.to_dict()).config == network.config


def test_an_ensemble_averages_the_maps_of_both() -> None:
    network = build({"kind": "pose", "architecture": "ensemble", "encoder_width": 0.25}).eval()
    assert isinstance(network, EnsembleNetwork)
    image = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        maps, small, large = network(image), network.mobile(image), network.large(image)
    torch.testing.assert_close(maps[:, :19], (small[:, :19] + large[:, :19]) / 2)
    torch.testing.assert_close(maps[:, 19:], 0.7 * small[:, 19:] + 0.3 * large[:, 19:])


@pytest.mark.parametrize(
    ("values", "millions"),
    [
        ({"architecture": "hourglass", "stacks": 8}, 25.5),
        ({"architecture": "cpm", "stages": 6}, 32.5),
    ],
)
def test_the_large_networks_have_the_papers_layers(values: dict[str, Any], millions: float) -> None:
    with torch.device("meta"):
        network = build({"kind": "pose", **values})
    assert sum(p.numel() for p in network.parameters()) / 1e6 == pytest.approx(millions, rel=0.02)


def test_weights_from_before_the_depth_layer_was_one_of_its_own_still_load() -> None:
    network = PoseNetwork(PoseConfig(encoder_width=0.25, narrow=8, wide=8)).eval()
    old = dict(network.state_dict())
    for layer in ("narrow_maps", "wide_maps"):
        for name in ("weight", "bias"):
            parts = [old.pop(f"{layer}.{part}.{name}") for part in ("heat", "depth")]
            old[f"{layer}.{name}"] = torch.cat(parts)
    other = PoseNetwork(network.config).eval()
    other.load_state_dict(old)
    image = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        assert torch.equal(other(image), network(image))


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
    with pytest.raises(ValueError, match="expected one of mobile, large, ensemble, hourglass, cpm"):
        build({"kind": "pose", "architecture": "resnet"})
    with pytest.raises(TypeError, match="wider"):
        build({"kind": "pose", "wider": 3})
