"""The method of CN 111260774 B as the training carries it out: which batch trains what."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from app.decode import decode_joints
from app.skeleton import NUM_JOINTS
from app.training.config import TrainConfig, TrainingError, config_of
from app.training.losses import HEATMAP_LOSSES, heatmap_label, weighted_mean
from app.training.tasks import PoseTask, depth_parameters, make_network
from app.training.train import Run, read_set, train, train_step
from app.training.workers import Workers
from tests.training.runs import run_values

ALONE = Workers(device=torch.device("cpu"))


def a_task(folder: Path, **keys: Any) -> tuple[TrainConfig, PoseTask]:
    config = config_of(run_values(folder, precision="fp32", **keys), "test")
    return config, PoseTask(config, [(read_set(entry, validation=False), 1.0) for entry in config.sets])


def a_batch(task: PoseTask, labels: Any, count: int = 2) -> tuple[Tensor, ...]:
    return task.collate([task.draw(np.random.default_rng(i), labels) for i in range(count)])


def heat_parameters(network: nn.Module) -> list[Tensor]:
    return [p for name, p in network.named_parameters() if ".heat." in name]


def copies(parameters: Any) -> list[Tensor]:
    return [parameter.detach().clone() for parameter in parameters]


def same(before: list[Tensor], after: Any) -> bool:
    return all(torch.equal(old, new) for old, new in zip(before, after, strict=True))


@pytest.mark.parametrize(
    ("mixing", "expected"),
    [(0.5, "2D 3D 2D 3D 2D 3D 2D 3D"), (0.25, "2D 2D 2D 3D 2D 2D 2D 3D"), (0.0, "2D " * 8), (1.0, "3D " * 8)],
)
def test_batches_alternate_by_the_mixing_ratio(tmp_path: Path, mixing: float, expected: str) -> None:
    _, task = a_task(tmp_path, mixing=mixing)
    assert [task.labels_of(batch) for batch in range(8)] == expected.split()
    assert sum(task.labels_of(batch) == "3D" for batch in range(1000)) == 1000 * mixing


def test_a_batch_holds_only_pictures_of_its_kind(tmp_path: Path) -> None:
    _, task = a_task(tmp_path)
    *_, depth_weight = a_batch(task, "2D", 8)
    assert float(depth_weight.sum()) == 0
    *_, depth_weight = a_batch(task, "3D", 8)
    assert (depth_weight > 0).any(1).all()


def test_mixed_batches_draw_from_all_pictures(tmp_path: Path) -> None:
    _, task = a_task(tmp_path, batches="mixed")
    assert task.labels_of(0) is None
    *_, depth_weight = a_batch(task, None, 24)
    deep = (depth_weight > 0).any(1)
    assert deep.any() and not deep.all()


def test_asking_for_3d_batches_without_depth_labels_is_refused(tmp_path: Path) -> None:
    values = run_values(tmp_path)
    with pytest.raises(TrainingError, match="mixing"):
        a_task(tmp_path, sets=values["sets"][:1], mixing=0.5)
    assert a_task(tmp_path, sets=values["sets"][:1])[1].mixing == 0  # by default: what is there


def gradients(config: TrainConfig, task: PoseTask, labels: Any) -> tuple[nn.Module, dict[str, Tensor]]:
    torch.manual_seed(0)
    network = make_network(config)
    image, *targets = a_batch(task, labels)
    task.losses(network.stages(image), targets)["loss"].backward()
    return network, {name: p.grad for name, p in network.named_parameters() if p.grad is not None}


def test_without_the_constraint_a_2d_batch_says_nothing_about_depth(tmp_path: Path) -> None:
    _, found = gradients(*a_task(tmp_path, lambda_g=0.0), "2D")
    assert all(not g.any() for name, g in found.items() if ".depth." in name)
    assert all(g.any() for name, g in found.items() if ".heat." in name)


def test_with_the_constraint_a_2d_batch_reaches_the_depth_channels(tmp_path: Path) -> None:
    _, found = gradients(*a_task(tmp_path, lambda_g=0.1), "2D")
    assert all(g.any() for name, g in found.items() if ".depth." in name)


def test_the_constraint_has_a_weight_of_its_own_in_3d_batches(tmp_path: Path) -> None:
    terms = {}
    for lambda_g, lambda_g_3d in ((0.0, 0.0), (1.0, 0.0), (0.0, 1.0)):
        _, task = a_task(tmp_path, lambda_g=lambda_g, lambda_g_3d=lambda_g_3d)
        torch.manual_seed(0)
        maps = torch.randn(2, 38, 16, 16)
        for labels in ("2D", "3D"):
            term = task.losses([maps], a_batch(task, labels)[1:])
            terms[lambda_g, lambda_g_3d, labels] = float(term["loss"]), float(term["geometry"])
    for labels, weights in (("2D", (1.0, 0.0)), ("3D", (0.0, 1.0))):
        without, geometry = terms[0.0, 0.0, labels]
        assert terms[*weights, labels][0] == pytest.approx(without + geometry, rel=1e-4)
        assert terms[*weights[::-1], labels][0] == pytest.approx(without)


def some_maps(seed: int = 0, size: int = 16) -> Tensor:
    return torch.randn(2, 2 * NUM_JOINTS, size, size, generator=torch.Generator().manual_seed(seed))


def test_the_maps_of_each_stage_are_supervised_alike(tmp_path: Path) -> None:
    _, task = a_task(tmp_path)
    labels = a_batch(task, "3D")[1:]
    early, late = some_maps(0), some_maps(1)
    both = task.losses([early, late], labels)
    alone = [task.losses([maps], labels) for maps in (early, late)]
    assert float(both["loss"]) == pytest.approx(float(alone[0]["loss"] + alone[1]["loss"]), rel=1e-5)
    for name in ("heatmap", "depth", "geometry"):  # what is told is the last stage's
        assert both[name] == alone[1][name] != alone[0][name]
    for changed in ([early + 0.5 * some_maps(2), late], [early, late + 0.5 * some_maps(2)]):
        assert abs(float(task.losses(changed, labels)["loss"] - both["loss"])) > 0.01


def depth_labels(apart: list[float], weight: list[float]) -> tuple[Tensor, ...]:
    """One picture of 64 pixels: labels of all places, and of the depths of the first joints. Maps of zeros
    are that far from them."""
    depth, depth_weight = torch.zeros(1, NUM_JOINTS), torch.zeros(1, NUM_JOINTS)
    depth[0, : len(apart)], depth_weight[0, : len(weight)] = torch.tensor(apart), torch.tensor(weight)
    xy = 12 + 2.0 * torch.arange(NUM_JOINTS)[None, :, None].expand(1, NUM_JOINTS, 2)
    return xy, torch.ones(1, NUM_JOINTS), depth, depth_weight


def test_the_squared_depth_loss_is_lambda_reg_times_the_squared_distance(tmp_path: Path) -> None:
    """Formula (1): the mean over the labelled joints, each as far as its label is trusted."""
    labels = depth_labels([0.3, -0.5, 0.4], [1.0, 1.0, 0.5])
    maps = torch.zeros(1, 2 * NUM_JOINTS, 16, 16)
    squared = (0.3**2 + 0.5**2 + 0.5 * 0.4**2) / 2.5
    keys = {"depth_loss": "squared", "lambda_g": 0.0, "lambda_g_3d": 0.0}
    for lambda_reg in (0.0, 1.0, 7.0):
        _, task = a_task(tmp_path, lambda_reg=lambda_reg, **keys)
        terms = task.losses([maps], labels)
        assert float(terms["depth"]) == pytest.approx(squared, rel=1e-5)
        assert float(terms["loss"] - terms["heatmap"]) == pytest.approx(lambda_reg * squared, abs=1e-5)
    # By default gross errors count less: linear from 0.1 on, 0.2 |d| - 0.01.
    _, task = a_task(tmp_path, **{**keys, "depth_loss": "robust"})
    robust = (0.05 + 0.09 + 0.5 * 0.07) / 2.5
    assert float(task.losses([maps], labels)["depth"]) == pytest.approx(robust, rel=1e-5)


def test_lambda_reg_weighs_the_depth_of_3d_batches_alone(tmp_path: Path) -> None:
    for labels in ("2D", "3D"):
        _, plain = a_task(tmp_path, lambda_reg=0.0)
        batch = a_batch(plain, labels)[1:]
        without = plain.losses([some_maps()], batch)["loss"]
        for lambda_reg in (2.0, 50.0):
            terms = a_task(tmp_path, lambda_reg=lambda_reg)[1].losses([some_maps()], batch)
            depth = float(terms["depth"])
            assert depth > 0.01 if labels == "3D" else depth == 0
            assert float(terms["loss"] - without) == pytest.approx(lambda_reg * depth, rel=1e-3)


@pytest.mark.parametrize("name", HEATMAP_LOSSES)
def test_the_heatmaps_are_taught_by_the_loss_that_is_asked_for(tmp_path: Path, name: str) -> None:
    _, task = a_task(tmp_path, heatmap_loss=name)
    xy, weight, *depth = a_batch(task, "3D")[1:]
    logits = some_maps()[:, :NUM_JOINTS]
    values = HEATMAP_LOSSES[name](logits, heatmap_label(xy / 4, 16, 16, task.config.sigma / 4))
    found = task.losses([some_maps()], [xy, weight, *depth])["heatmap"]
    assert float(found) == pytest.approx(float(values.mean()), rel=1e-5)


@pytest.mark.parametrize("model", [{}, {"architecture": "hourglass", "width": 16}])
def test_strict_leaves_the_depth_layer_as_3d_labels_made_it(tmp_path: Path, model: dict[str, Any]) -> None:
    """No gradient, no weight decay, no momentum; features below still hear of the constraint."""
    keys = {"strict": True, "lambda_g": 0.1, "weight_decay": 0.1}
    if model:
        keys["model"] = model
    config, task = a_task(tmp_path, **keys)
    run = Run(config, task, ALONE)
    depth_layer = depth_parameters(run.network)
    assert len(depth_layer) == 4
    before = copies(depth_layer)
    train_step(run, task, a_batch(task, "3D"), "3D")  # gives the optimiser momentum to go on with
    assert not same(before, depth_layer)
    before, heat = copies(depth_layer), copies(heat_parameters(run.network))
    train_step(run, task, a_batch(task, "2D"), "2D")
    assert same(before, depth_layer)
    assert all(parameter.grad is None for parameter in depth_layer)
    assert not same(heat, heat_parameters(run.network))

    with_constraint = copies(run.network.parameters())
    config, task = a_task(tmp_path, **{**keys, "lambda_g": 0.0})
    run = Run(config, task, ALONE)
    train_step(run, task, a_batch(task, "3D"), "3D")
    train_step(run, task, a_batch(task, "2D"), "2D")
    assert not same(with_constraint, run.network.parameters())


def test_without_strict_a_2d_batch_moves_the_depth_layer(tmp_path: Path) -> None:
    config, task = a_task(tmp_path, lambda_g=0.1)
    run = Run(config, task, ALONE)
    before = copies(depth_parameters(run.network))
    train_step(run, task, a_batch(task, "2D"), "2D")
    assert not same(before, depth_parameters(run.network))


def test_pre_training_uses_2d_labels_alone_and_the_full_stage_starts_from_it(tmp_path: Path) -> None:
    config, task = a_task(tmp_path, stage="pretrain", out=str(tmp_path / "first"))
    assert config.heatmap_loss_name == "coordinates"
    run = Run(config, task, ALONE)
    before = copies(depth_parameters(run.network))
    with_depth = a_batch(task, "3D")
    without_depth = (*with_depth[:3], *(torch.zeros_like(part) for part in with_depth[3:]))
    maps = torch.randn(2, 38, 16, 16)
    assert task.losses([maps], with_depth[1:])["loss"] == task.losses([maps], without_depth[1:])["loss"]
    train_step(run, task, with_depth, None)
    assert same(before, depth_parameters(run.network))

    train(config, resume=False)
    later = config_of(run_values(tmp_path, start=str(tmp_path / "first" / "weights.safetensors")), "test")
    started = Run(later, a_task(tmp_path)[1], ALONE).network.state_dict()

    for name, value in load_file(later.start or "").items():
        assert torch.equal(started[name], value), name


@pytest.mark.parametrize(
    "loss", ["cross_entropy", "mse", "mae", "huber", "log_cosh", "quantile", "coordinates"]
)
def test_each_heatmap_loss_teaches_a_tiny_network_where_a_dot_is(loss: str) -> None:
    """One dot in a black picture, the network is three convolutions; it is read as the app reads it."""

    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(1, 16, 5, padding=2), nn.ReLU(), nn.Conv2d(16, 1, 5, padding=2))
    optimiser = torch.optim.Adam(network.parameters(), lr=0.01)
    rng = torch.Generator().manual_seed(1)

    def dots(count: int) -> tuple[Tensor, Tensor]:
        cell = torch.randint(2, 14, (count, 1, 2), generator=rng)
        image = torch.zeros(count, 1, 16, 16)
        image[torch.arange(count), 0, cell[:, 0, 1], cell[:, 0, 0]] = 4.0
        return image, cell + 0.5

    for _ in range(200):
        image, place = dots(16)
        label = heatmap_label(place, 16, 16, 1.0)
        values = HEATMAP_LOSSES[loss](network(image), label)
        optimiser.zero_grad()
        weighted_mean(values, torch.ones_like(values)).backward()
        optimiser.step()
    image, place = dots(32)
    with torch.no_grad():
        heat = network(image).expand(-1, NUM_JOINTS, -1, -1)
    found = decode_joints(torch.cat([heat, torch.zeros_like(heat)], 1).numpy())
    apart = np.abs(found.xy[:, 0] / 4 - place[:, 0].numpy()).max(1)
    assert np.mean(apart < 0.75) > 0.95
