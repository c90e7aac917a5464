"""The loss terms: what is zero, what is not, and which way the gradient pulls."""

from __future__ import annotations

import pytest
import torch

from app.skeleton import MIRROR, NUM_JOINTS, Joint
from app.training.losses import (
    BONE_GROUPS,
    MID_HIP,
    gaussian_targets,
    geometric_constraint,
    heatmap_cross_entropy,
    is_inside,
    read_depth,
)


def proportional_body(scale: float, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Joints whose bones have the reference lengths times `scale`, in random directions."""
    rng = torch.Generator().manual_seed(seed)
    points = torch.zeros(NUM_JOINTS, 3)
    across = torch.nn.functional.normalize(torch.randn(3, generator=rng), dim=0)
    points[Joint.left_hip], points[Joint.right_hip] = 0.05 * across, -0.05 * across
    points[Joint.neck] = torch.tensor([0.0, -0.3, 0.05])
    for group in BONE_GROUPS:
        for start, end, length in group:
            if start != MID_HIP:
                step = torch.nn.functional.normalize(torch.randn(3, generator=rng), dim=0)
                points[end] = points[start] + length * step
    # Shoulders come after the arms in the table, so the arms are hung on them again.
    moved = {Joint.left_elbow: Joint.left_shoulder, Joint.right_elbow: Joint.right_shoulder}
    for elbow, shoulder in moved.items():
        wrist = Joint[elbow.name.replace("elbow", "wrist")]
        upper = torch.nn.functional.normalize(torch.randn(3, generator=rng), dim=0)
        lower = torch.nn.functional.normalize(torch.randn(3, generator=rng), dim=0)
        points[elbow] = points[shoulder] + 0.186 * upper
        points[wrist] = points[elbow] + 0.146 * lower
    points = points * scale
    return points[None, :, :2], points[None, :, 2]


ALL_KNOWN = torch.ones(1, NUM_JOINTS, dtype=torch.bool)


@pytest.mark.parametrize("scale", [0.1, 0.5, 3.0])
def test_the_geometric_constraint_is_zero_for_a_proportional_body_of_any_size(scale: float) -> None:
    position, depth = proportional_body(scale)
    assert float(geometric_constraint(position, depth, ALL_KNOWN)) == pytest.approx(0.0, abs=1e-5)


def test_the_geometric_constraint_is_the_same_for_the_mirror_image() -> None:
    position, depth = proportional_body(0.5)
    depth[0, Joint.left_wrist] += 0.2
    mirrored = position[:, MIRROR] * torch.tensor([-1.0, 1.0])
    here = geometric_constraint(position, depth, ALL_KNOWN)
    assert float(here) > 0.01
    assert float(geometric_constraint(mirrored, depth[:, MIRROR], ALL_KNOWN)) == pytest.approx(float(here))


def test_the_geometric_constraint_pulls_a_bone_that_is_too_long_shorter() -> None:
    position, depth = proportional_body(0.5)
    pushed = depth.clone()
    pushed[0, Joint.left_wrist] += 0.3 * torch.sign(depth[0, Joint.left_wrist] - depth[0, Joint.left_elbow])
    pushed.requires_grad_()
    geometric_constraint(position, pushed, ALL_KNOWN).backward()
    assert pushed.grad is not None
    too_far = pushed.detach() - depth
    assert float(pushed.grad[0, Joint.left_wrist] * too_far[0, Joint.left_wrist]) > 0


def test_bones_with_an_unknown_end_say_nothing() -> None:
    position, depth = proportional_body(0.5)
    depth[0, Joint.left_wrist] += 0.3
    known = ALL_KNOWN.clone()
    known[0, Joint.left_wrist] = False
    assert float(geometric_constraint(position, depth, known)) == pytest.approx(0.0, abs=1e-5)


def test_cross_entropy_prefers_the_labelled_place_and_nowhere_for_what_is_outside() -> None:
    position = torch.tensor([[[5.5, 9.5], [-30.0, 4.0]]])
    target, inside = gaussian_targets(position, 16, 16, 1.0), is_inside(position, 16, 16)
    weight = torch.ones(1, 2)
    right, wrong = torch.full((1, 2, 16, 16), -8.0), torch.full((1, 2, 16, 16), -8.0)
    right[0, 0, 9, 5] = 8.0  # the second joint stays low everywhere: nowhere wins
    wrong[0, 0, 3, 12] = 8.0
    wrong[0, 1, 4, 0] = 8.0
    assert inside.tolist() == [[True, False]]
    good = heatmap_cross_entropy(right, target, inside, weight)
    assert float(good) < float(heatmap_cross_entropy(wrong, target, inside, weight)) - 4


def test_depth_is_read_where_the_label_is() -> None:
    maps = torch.zeros(1, 1, 16, 16)
    maps[0, 0, 8:11, 4:7] = 0.7
    target = gaussian_targets(torch.tensor([[[5.5, 9.5]]]), 16, 16, 0.4)
    assert float(read_depth(maps, target)) == pytest.approx(0.7, abs=0.01)
