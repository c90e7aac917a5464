"""Loss terms: pure functions of maps and labels, with explicit masks.

Shapes: N samples, J joints, H x W cells. Positions are in cells (x, y), cell centres at +0.5; depths and
bone lengths in units of the input side. Weights are 0 for "no label", else how far the label is trusted.
"""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor

from app.skeleton import Joint

# Mean bone lengths in fractions of stature, adults: Drillis & Contini 1966, as given by Winter,
# "Biomechanics and Motor Control of Human Movement". Joint centres; mid-hip to hip after Bell et al. 1990.
_ARM: Final = (
    (Joint.left_shoulder, Joint.left_elbow, 0.186),
    (Joint.left_elbow, Joint.left_wrist, 0.146),
    (Joint.right_shoulder, Joint.right_elbow, 0.186),
    (Joint.right_elbow, Joint.right_wrist, 0.146),
)
_LEG: Final = (
    (Joint.left_hip, Joint.left_knee, 0.245),
    (Joint.left_knee, Joint.left_ankle, 0.246),
    (Joint.right_hip, Joint.right_knee, 0.245),
    (Joint.right_knee, Joint.right_ankle, 0.246),
)
_SHOULDERS: Final = (
    (Joint.neck, Joint.left_shoulder, 0.129),
    (Joint.neck, Joint.right_shoulder, 0.129),
)
MID_HIP: Final = -1  # not a joint: the origin, between the hips
_HIPS: Final = ((MID_HIP, Joint.left_hip, 0.05), (MID_HIP, Joint.right_hip, 0.05))
BONE_GROUPS: Final[tuple[tuple[tuple[int, int, float], ...], ...]] = (_ARM, _LEG, _SHOULDERS, _HIPS)


def gaussian_targets(position: Tensor, height: int, width: int, sigma: float) -> Tensor:
    """(N, J, 2) positions in cells -> (N, J, H, W) Gaussians, each summing to 1 over the cells."""
    xs = torch.arange(width, device=position.device) + 0.5
    ys = torch.arange(height, device=position.device) + 0.5
    gx = torch.exp(-((xs - position[..., :1]) ** 2) / (2 * sigma**2))  # N, J, W
    gy = torch.exp(-((ys - position[..., 1:]) ** 2) / (2 * sigma**2))  # N, J, H
    target = gy[..., :, None] * gx[..., None, :]
    return target / target.sum((-2, -1), keepdim=True).clamp_min(1e-9)


def is_inside(position: Tensor, height: int, width: int) -> Tensor:
    """(N, J, 2) positions in cells -> (N, J) whether each lies in the picture."""
    x, y = position.unbind(-1)
    return (x >= 0) & (x < width) & (y >= 0) & (y < height)


def heatmap_cross_entropy(logits: Tensor, target: Tensor, inside: Tensor, weight: Tensor) -> Tensor:
    """Cross-entropy between the label and the softmax over all cells and "nowhere" (logit 0).

    logits, target: (N, J, H, W); inside, weight: (N, J). A joint outside the picture belongs nowhere.
    """
    flat = logits.flatten(2)  # N, J, H*W
    everywhere = torch.logaddexp(flat.logsumexp(-1), torch.zeros((), device=flat.device))  # N, J
    labelled = (flat * target.flatten(2)).sum(-1)
    loss = everywhere - torch.where(inside, labelled, torch.zeros_like(labelled))
    return (loss * weight).sum() / weight.sum().clamp_min(1.0)


def read_depth(depth_maps: Tensor, target: Tensor) -> Tensor:
    """Depth at the labelled places: (N, J, H, W) maps and Gaussians -> (N, J)."""
    return (depth_maps * target).sum((-2, -1))


def depth_regression(depth: Tensor, label: Tensor, weight: Tensor) -> Tensor:
    """Weighted mean of a distance that is Euclidean near zero and linear far off, (N, J) each.

    Linear beyond 0.1 input sides, so that a teacher's gross errors do not rule.
    """
    loss = torch.nn.functional.smooth_l1_loss(depth, label, reduction="none", beta=0.1)
    return (loss * weight).sum() / weight.sum().clamp_min(1.0)


def geometric_constraint(position: Tensor, depth: Tensor, known: Tensor) -> Tensor:
    """L_g of CN 111260774 B (after Zhou et al. 2017): variance of bone length ratios within each group.

        L_g = sum_i 1/|R_i| sum_{b in R_i} (l_b / mean_l_b - r_i)^2,   r_i the group's mean ratio

    position: (N, J, 2) and depth: (N, J) in units of the input side; known: (N, J) bool. Bones with an
    unknown end are left out; a group with fewer than two bones says nothing. Mean over the samples.
    """
    hips = [Joint.left_hip, Joint.right_hip]
    points = torch.cat([position, depth[..., None]], -1)  # N, J, 3
    centre = torch.cat([position[:, hips].mean(1), torch.zeros_like(depth[:, :1])], -1)  # N, 3
    points = torch.cat([points, centre[:, None]], 1)  # N, J + 1, 3: index -1 is mid-hip
    known = torch.cat([known, known[:, hips].all(1, keepdim=True)], 1)
    total = torch.zeros(len(points), device=points.device)
    for group in BONE_GROUPS:
        start, end = [bone[0] for bone in group], [bone[1] for bone in group]
        reference = torch.tensor([bone[2] for bone in group], device=points.device)
        square = ((points[:, start] - points[:, end]) ** 2).sum(-1)
        ratio = (square + 1e-8).sqrt() / reference  # N, B; the root's slope is finite at 0
        mask = (known[:, start] & known[:, end]).to(ratio.dtype)
        count = mask.sum(1)
        mean = (ratio * mask).sum(1) / count.clamp_min(1)
        spread = (((ratio - mean[:, None]) ** 2) * mask).sum(1) / count.clamp_min(1)
        total = total + spread * (count >= 2)
    return total.mean()
