"""The loss terms: what is zero, what is not, and which way the gradient pulls."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from app.decode import decode_joints
from app.skeleton import MIRROR, NUM_JOINTS, Joint
from app.training.losses import (
    BONE_GROUPS,
    DEPTH_LOSSES,
    HEATMAP_LOSSES,
    MID_HIP,
    ROBUST_BEYOND,
    geometric_constraint,
    heatmap_label,
    read_depth,
    weighted_mean,
)


def proportional_body(scale: float, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Joints whose bones have the reference lengths times `scale`, in random directions."""
    rng = torch.Generator().manual_seed(seed)

    def direction() -> Tensor:
        return torch.nn.functional.normalize(torch.randn(3, generator=rng), dim=0)

    points = torch.zeros(NUM_JOINTS, 3)
    across = direction()
    points[Joint.left_hip], points[Joint.right_hip] = 0.05 * across, -0.05 * across
    points[Joint.neck] = torch.tensor([0.0, -0.3, 0.05])
    # From the trunk outwards: the arms hang on the shoulders.
    for group in ("shoulders", "arms", "legs"):
        for start, end, length in BONE_GROUPS[group]:
            points[end] = points[start] + length * direction()
    points = points * scale
    return points[None, :, :2], points[None, :, 2]


ALL_KNOWN = torch.ones(1, NUM_JOINTS, dtype=torch.bool)


@pytest.mark.parametrize("scale", [0.1, 0.5, 3.0])
def test_the_geometric_constraint_is_zero_for_a_proportional_body_of_any_size(scale: float) -> None:
    position, depth = proportional_body(scale)
    assert float(geometric_constraint(position, depth, ALL_KNOWN)) == pytest.approx(0.0, abs=1e-5)


def test_the_geometric_constraint_is_formula_2() -> None:
    """Against the formula written out by hand, for a body whose bones have random lengths."""
    rng = torch.Generator().manual_seed(4)
    points = torch.rand(NUM_JOINTS, 3, generator=rng, dtype=torch.float64)
    expected = 0.0
    for group in BONE_GROUPS.values():
        ratios = []
        for start, end, mean_length in group:
            hips = (points[Joint.left_hip] + points[Joint.right_hip]) / 2
            hips = torch.tensor([float(hips[0]), float(hips[1]), 0.0], dtype=torch.float64)
            a = hips if start == MID_HIP else points[start]
            ratios.append(float((a - points[end]).norm()) / mean_length)
        mean = sum(ratios) / len(ratios)
        expected += sum((ratio - mean) ** 2 for ratio in ratios) / len(ratios)
    found = geometric_constraint(points[None, :, :2], points[None, :, 2], ALL_KNOWN)
    assert float(found) == pytest.approx(expected, rel=1e-5)


def test_the_geometric_constraint_is_the_same_for_the_mirror_image() -> None:
    position, depth = proportional_body(0.5)
    depth[0, Joint.left_wrist] += 0.2
    mirrored = position[:, MIRROR] * torch.tensor([-1.0, 1.0])
    here = geometric_constraint(position, depth, ALL_KNOWN)
    assert float(here) > 0.01
    assert float(geometric_constraint(mirrored, depth[:, MIRROR], ALL_KNOWN)) == pytest.approx(float(here))


def test_the_gradient_of_the_geometric_constraint_is_that_of_finite_differences() -> None:
    rng = torch.Generator().manual_seed(1)
    position = torch.rand(3, NUM_JOINTS, 2, generator=rng, dtype=torch.float64)
    depth = torch.randn(3, NUM_JOINTS, generator=rng, dtype=torch.float64).requires_grad_()
    known = torch.rand(3, NUM_JOINTS, generator=rng) > 0.15
    assert torch.autograd.gradcheck(lambda d: geometric_constraint(position, d, known), depth)


def test_the_geometric_constraint_pulls_a_bone_that_is_too_long_shorter() -> None:
    position, depth = proportional_body(0.5)
    pushed = depth.clone()
    pushed[0, Joint.left_wrist] += 0.3 * torch.sign(depth[0, Joint.left_wrist] - depth[0, Joint.left_elbow])
    pushed.requires_grad_()
    geometric_constraint(position, pushed, ALL_KNOWN).sum().backward()
    assert pushed.grad is not None
    too_far = pushed.detach() - depth
    assert float(pushed.grad[0, Joint.left_wrist] * too_far[0, Joint.left_wrist]) > 0


def test_bones_with_an_unknown_end_say_nothing() -> None:
    position, depth = proportional_body(0.5)
    depth[0, Joint.left_wrist] += 0.3
    known = ALL_KNOWN.clone()
    known[0, Joint.left_wrist] = False
    assert float(geometric_constraint(position, depth, known)) == pytest.approx(0.0, abs=1e-5)
    # One bone of a pair says nothing either: there is nothing to compare it with.
    nothing = torch.zeros_like(known)
    nothing[0, [Joint.neck, Joint.left_shoulder]] = True
    depth[0, Joint.left_shoulder] += 1.0
    assert float(geometric_constraint(position, depth, nothing)) == 0.0


PLACES = torch.tensor([[[5.3, 9.5], [-30.0, 4.0]]])  # the second joint is outside the picture


@pytest.mark.parametrize("name", HEATMAP_LOSSES)
def test_each_heatmap_loss_prefers_the_labelled_place_and_nowhere_for_what_is_outside(name: str) -> None:
    label = heatmap_label(PLACES, 16, 16, 1.0)
    assert label.inside.tolist() == [[True, False]]
    right, wrong = torch.full((1, 2, 16, 16), -8.0), torch.full((1, 2, 16, 16), -8.0)
    # With a little in the cells around, as the label has it.
    right[0, 0] = (label.target[0, 0] + 1e-6).log() + 6
    wrong[0, 0] = right[0, 0].roll((-6, 7), (0, 1))
    wrong[0, 1, 4, 0] = 8.0
    good, bad = HEATMAP_LOSSES[name](right, label), HEATMAP_LOSSES[name](wrong, label)
    assert good.shape == (1, 2)
    assert (good < bad - 0.3).all()


@pytest.mark.parametrize("name", HEATMAP_LOSSES)
def test_each_heatmap_loss_leads_to_maps_that_are_decoded_at_the_labelled_place(name: str) -> None:
    """Descends on the maps alone from a flat start; what the app reads must be the labels."""
    position = torch.full((1, NUM_JOINTS, 2), -20.0)
    position[0, :6] = torch.tensor(
        [[3.2, 4.7], [12.9, 2.1], [8.5, 8.5], [2.0, 13.3], [10.4, 11.0], [13.6, 13.6]]
    )
    label = heatmap_label(position, 16, 16, 1.2)
    logits = torch.zeros(1, NUM_JOINTS, 16, 16, requires_grad=True)
    optimiser = torch.optim.Adam([logits], lr=0.1)
    for _ in range(300):
        optimiser.zero_grad()
        HEATMAP_LOSSES[name](logits, label).sum().backward()
        optimiser.step()
    maps = torch.cat([logits.detach(), torch.zeros_like(logits)], 1).numpy()
    found = decode_joints(maps)
    assert abs(found.xy[0, :6] / 4 - position[0, :6].numpy()).max() < 0.6
    assert found.confidence[0, :6].min() > 0.6
    assert found.confidence[0, 6:].max() < 0.3


def log_cosh(d: float) -> float:
    return math.log(math.cosh(d))


# One cell and "nowhere", and how far both are from the label: the cell in heights of the label's peak, which
# is 4 here, "nowhere" in itself. What each loss costs then, by hand, as cost of the cell + cost of nowhere.
DIFFERENCES = [(0.2, -0.05), (-0.2, 0.05), (1.0, -0.25), (-1.0, 0.25), (3.0, -0.75)]
BY_HAND = {
    # d²
    "mse": [0.04 + 0.0025, 0.04 + 0.0025, 1 + 0.0625, 1 + 0.0625, 9 + 0.5625],
    # |d|
    "mae": [0.2 + 0.05, 0.2 + 0.05, 1 + 0.25, 1 + 0.25, 3 + 0.75],
    # d²/2 up to 1/4, then (|d| - 1/8) / 4
    "huber": [0.02 + 0.00125, 0.02 + 0.00125, 0.21875 + 0.03125, 0.21875 + 0.03125, 0.71875 + 0.15625],
    "log_cosh": [log_cosh(a) + log_cosh(b) for a, b in DIFFERENCES],
    # 0.2 d where too high, -0.8 d where too low
    "quantile": [0.04 + 0.04, 0.16 + 0.01, 0.2 + 0.2, 0.8 + 0.05, 0.6 + 0.6],
    # -log of the probability of what is labelled: the cell where it is too low, nowhere where it is too high
    "cross_entropy": [-math.log(p) for p in (0.95, 0.95, 0.75, 0.75, 0.25)],
}


@pytest.mark.parametrize(
    ("name", "cell", "expected"),
    [
        (name, cell, cost)
        for name, costs in BY_HAND.items()
        for (cell, _), cost in zip(DIFFERENCES, costs, strict=True)
    ],
)
def test_each_heatmap_loss_costs_what_its_formula_says(name: str, cell: float, expected: float) -> None:
    inside = cell < 0  # the label is 1 or 0, so only that way can the cell be too low or too high
    place = torch.tensor([[[0.5, 0.5] if inside else [-30.0, 0.5]]])
    label = heatmap_label(place, 1, 1, sigma=math.sqrt(4 / (2 * math.pi)))
    p = cell / 4 + inside
    logits = torch.tensor([[[[math.log(p / (1 - p))]]]])
    assert float(HEATMAP_LOSSES[name](logits, label)) == pytest.approx(expected, rel=1e-4)


def test_the_coordinates_loss_is_the_euclidean_distance_in_sigmas() -> None:
    label = heatmap_label(torch.tensor([[[1.5, 2.5]]]), 16, 16, sigma=2.0)
    logits = torch.zeros(1, 1, 16, 16)
    logits[..., 6, 4] = 60.0  # 3 cells to the right of the label, 4 below it
    assert float(HEATMAP_LOSSES["coordinates"](logits, label)) == pytest.approx(5 / 2, rel=1e-4)
    logits[..., 6, 4] = logits[..., 2, 4] = logits[..., 6, 1] = logits[..., 2, 1] = 60.0
    assert float(HEATMAP_LOSSES["coordinates"](logits, label)) == pytest.approx(2.5 / 2, rel=1e-4)


def test_the_coordinates_loss_of_a_joint_outside_is_what_the_picture_takes_from_nowhere() -> None:
    logits = torch.full((1, 1, 1, 1), math.log(3.0))  # 3/4 in the picture
    for place, p in ((0.5, 0.75), (-30.0, 0.25)):
        label = heatmap_label(torch.tensor([[[place, 0.5]]]), 1, 1, sigma=1.0)
        found = float(HEATMAP_LOSSES["coordinates"](logits, label))
        assert found == pytest.approx(-math.log(p), abs=2e-3)  # the distance 0 is told as 0.001


def test_a_weighted_mean_counts_what_is_labelled_only() -> None:
    values, weight = torch.tensor([[1.0, 5.0, 9.0]]), torch.tensor([[1.0, 0.0, 0.5]])
    assert float(weighted_mean(values, weight)) == pytest.approx(5.5 / 1.5)
    assert float(weighted_mean(values, torch.zeros_like(weight))) == 0.0


def test_depth_is_read_where_the_label_is() -> None:
    maps = torch.zeros(1, 1, 16, 16)
    maps[0, 0, 8:11, 4:7] = 0.7
    target = heatmap_label(torch.tensor([[[5.5, 9.5]]]), 16, 16, 0.4).target
    assert float(read_depth(maps, target)) == pytest.approx(0.7, abs=0.01)


def test_the_robust_depth_loss_is_the_squared_distance_until_it_goes_straight_on() -> None:
    near, far = torch.tensor([ROBUST_BEYOND / 2]), torch.tensor([10 * ROBUST_BEYOND])
    zero = torch.zeros(1)
    robust, squared = DEPTH_LOSSES["robust"], DEPTH_LOSSES["squared"]
    assert float(robust(near, zero)) == pytest.approx(float(squared(near, zero)))
    assert float(robust(far, zero)) < float(squared(far, zero)) / 4
