"""Loss terms: pure functions of maps and labels, with explicit masks. The method is that of CN 111260774 B.

Shapes: N samples, J joints, H x W cells. Positions are in cells (x, y), cell centres at +0.5; depths and
bone lengths in units of the input side. Weights are 0 for "no label", else how far the label is trusted.
Terms come per joint (N, J) or per sample (N,); `weighted_mean` makes one number of them, with the mask.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor

from app.skeleton import Joint

# Adds a number up over all processes that train together; of one process it is the number itself.
Everywhere = Callable[[Tensor], Tensor]


def alone(total: Tensor) -> Tensor:
    """The `Everywhere` of a single process."""
    return total


def weighted_mean(values: Tensor, weight: Tensor, everywhere: Everywhere = alone) -> Tensor:
    """sum(values · weight) / sum(weight) over the whole batch; 0 where nothing is labelled.

    Of a batch that several processes share, this is one process's part: their sum is the mean.
    """
    return (values * weight).sum() / everywhere(weight.sum()).clamp_min(1.0)


# ---------------------------------------------------------------- heatmaps (the partial channels)


@dataclass(frozen=True, kw_only=True, eq=False)
class HeatmapLabel:
    """position: (N, J, 2) in cells. target: (N, J, H, W) Gaussians that sum to 1. inside: (N, J) bool,
    whether the joint lies in the picture; one that does not belongs to the cell "nowhere". sigma: cells.
    """

    position: Tensor
    target: Tensor
    inside: Tensor
    sigma: float


def heatmap_label(position: Tensor, height: int, width: int, sigma: float) -> HeatmapLabel:
    """(N, J, 2) positions in cells -> what maps of height x width cells are compared with."""
    xs = torch.arange(width, device=position.device) + 0.5
    ys = torch.arange(height, device=position.device) + 0.5
    gx = torch.exp(-((xs - position[..., :1]) ** 2) / (2 * sigma**2))  # N, J, W
    gy = torch.exp(-((ys - position[..., 1:]) ** 2) / (2 * sigma**2))  # N, J, H
    target = gy[..., :, None] * gx[..., None, :]  # N, J, H, W
    x, y = position.unbind(-1)
    return HeatmapLabel(
        position=position,
        target=target / target.sum((-2, -1), keepdim=True).clamp_min(1e-9),
        inside=(x >= 0) & (x < width) & (y >= 0) & (y < height),
        sigma=sigma,
    )


def probabilities(logits: Tensor) -> tuple[Tensor, Tensor]:
    """(N, J, H, W) logits -> (N, J, H·W) and "nowhere" (N, J): the softmax that app/decode.py reads.

    The "nowhere" cell has logit 0. Together they sum to 1.
    """
    flat = logits.flatten(2)
    p = torch.cat([flat, torch.zeros_like(flat[..., :1])], -1).softmax(-1)
    return p[..., :-1], p[..., -1]


def cross_entropy(logits: Tensor, label: HeatmapLabel) -> Tensor:
    """-sum t·log p over the cells and "nowhere" -> (N, J)."""
    flat = logits.flatten(2)  # N, J, H·W
    everything = torch.logaddexp(flat.logsumexp(-1), torch.zeros((), device=flat.device))  # N, J
    labelled = (flat * label.target.flatten(2)).sum(-1)
    return everything - torch.where(label.inside, labelled, torch.zeros_like(labelled))


# Where Huber's cost turns from quadratic to linear, in heights of the label's peak.
HUBER_DELTA: Final = 0.25
# The quantile that the pinball cost estimates: above a half, a missing peak costs more than a false one.
QUANTILE: Final = 0.8


def _squared(d: Tensor) -> Tensor:
    return d**2


def _absolute(d: Tensor) -> Tensor:
    return d.abs()


def _huber(d: Tensor) -> Tensor:
    # d²/2 near zero, delta·(|d| - delta/2) beyond
    return F.huber_loss(d, torch.zeros_like(d), reduction="none", delta=HUBER_DELTA)


def _log_cosh(d: Tensor) -> Tensor:
    # log cosh d = |d| + log(1 + e^(-2|d|)) - log 2, which cannot overflow
    return d.abs() + F.softplus(-2 * d.abs()) - 0.6931471805599453


def _pinball(d: Tensor) -> Tensor:
    # d = predicted - labelled:  QUANTILE·(-d) where too low, (1 - QUANTILE)·d where too high
    return torch.maximum((1 - QUANTILE) * d, -QUANTILE * d)


def _cell_by_cell(cost: Callable[[Tensor], Tensor]) -> Callable[[Tensor, HeatmapLabel], Tensor]:
    """sum over the cells and "nowhere" of cost(p - t), in heights of the label's peak -> (N, J).

    What is compared is the softmax itself, not the raw map: a network that has learnt by any of these is
    read by the same app/decode.py. The Gaussians sum to 1, so their peak is 1 / (2·pi·sigma²); taking it as
    the unit makes the costs independent of the size of the maps.
    """

    def loss(logits: Tensor, label: HeatmapLabel) -> Tensor:
        p, nowhere = probabilities(logits)
        target = label.target.flatten(2) * label.inside[..., None]
        peak = 2 * torch.pi * label.sigma**2
        costs = cost((p - target) * peak).sum(-1)  # N, J
        return costs + cost(nowhere - (~label.inside).to(nowhere.dtype))

    return loss


def coordinates(logits: Tensor, label: HeatmapLabel) -> Tensor:
    """The Euclidean distance between the labelled place and the one read differentiably -> (N, J), in sigmas.

        (x, y) = sum over the cells of p · centre / sum of p        (soft-argmax)

    A place says nothing of whether the joint is in the picture at all; so that the confidences that
    app/decode.py reads mean something, -log p(in the picture), or of "nowhere", is added.
    """
    flat, (height, width) = logits.flatten(2), logits.shape[-2:]
    p = flat.softmax(-1).unflatten(-1, (height, width))  # N, J, H, W, without "nowhere"
    x = (p.sum(-2) * (torch.arange(width, device=p.device) + 0.5)).sum(-1)  # N, J
    y = (p.sum(-1) * (torch.arange(height, device=p.device) + 0.5)).sum(-1)
    apart = ((torch.stack([x, y], -1) - label.position) ** 2).sum(-1)
    distance = (apart + 1e-6).sqrt() / label.sigma  # the root's slope is finite at 0
    somewhere = flat.logsumexp(-1)  # against the 0 of "nowhere"
    presence = F.softplus(torch.where(label.inside, -somewhere, somewhere))
    return torch.where(label.inside, distance, torch.zeros_like(distance)) + presence


HEATMAP_LOSSES: Final[dict[str, Callable[[Tensor, HeatmapLabel], Tensor]]] = {
    "cross_entropy": cross_entropy,
    "mse": _cell_by_cell(_squared),
    "mae": _cell_by_cell(_absolute),
    "huber": _cell_by_cell(_huber),
    "log_cosh": _cell_by_cell(_log_cosh),
    "quantile": _cell_by_cell(_pinball),
    "coordinates": coordinates,
}


# ---------------------------------------------------------------- depth maps


def read_depth(depth_maps: Tensor, target: Tensor) -> Tensor:
    """Depth at the labelled places: (N, J, H, W) maps and Gaussians -> (N, J)."""
    return (depth_maps * target).sum((-2, -1))


def squared_distance(depth: Tensor, label: Tensor) -> Tensor:
    """‖Y_dep - Ŷ_dep‖² of the patent, joint by joint -> (N, J)."""
    return (depth - label) ** 2


ROBUST_BEYOND: Final = 0.1  # input sides


def robust_distance(depth: Tensor, label: Tensor) -> Tensor:
    """As `squared_distance` up to ROBUST_BEYOND, linear from there, so that gross errors of labels that a
    teacher made do not rule -> (N, J)."""
    return F.smooth_l1_loss(depth, label, reduction="none", beta=ROBUST_BEYOND) * (2 * ROBUST_BEYOND)


DEPTH_LOSSES: Final[dict[str, Callable[[Tensor, Tensor], Tensor]]] = {
    "robust": robust_distance,
    "squared": squared_distance,
}


# ---------------------------------------------------------------- the geometric constraint

MID_HIP: Final = -1  # not a joint: the origin, between the hips
Bone = tuple[int, int, float]

# The groups R_i of bones whose ratios are fixed for one person, and each bone's mean length in the reference
# population as a fraction of stature: adults, men and women together (Drillis & Contini 1966, as given in
# Winter, "Biomechanics and Motor Control of Human Movement"); from mid-hip to a hip after Bell et al. 1990.
# Only ratios within a group matter, so any unit would do.
BONE_GROUPS: Final[dict[str, tuple[Bone, ...]]] = {
    "arms": (
        (Joint.left_shoulder, Joint.left_elbow, 0.186),
        (Joint.left_elbow, Joint.left_wrist, 0.146),
        (Joint.right_shoulder, Joint.right_elbow, 0.186),
        (Joint.right_elbow, Joint.right_wrist, 0.146),
    ),
    "legs": (
        (Joint.left_hip, Joint.left_knee, 0.245),
        (Joint.left_knee, Joint.left_ankle, 0.246),
        (Joint.right_hip, Joint.right_knee, 0.245),
        (Joint.right_knee, Joint.right_ankle, 0.246),
    ),
    "shoulders": (
        (Joint.neck, Joint.left_shoulder, 0.129),
        (Joint.neck, Joint.right_shoulder, 0.129),
    ),
    "hips": (
        (MID_HIP, Joint.left_hip, 0.05),
        (MID_HIP, Joint.right_hip, 0.05),
    ),
}


def geometric_constraint(position: Tensor, depth: Tensor, known: Tensor) -> Tensor:
    """Formula (2), L_g: how unequal the bones of each group are, measured by their reference lengths.

        L_g = sum_i 1/|R_i| sum_{b in R_i} (l_b / l̄_b - r̄_i)²,   r̄_i = 1/|R_i| sum_{b in R_i} l_b / l̄_b

    position: (N, J, 2) and depth: (N, J) in units of the input side; known: (N, J) bool. Bones with an
    unknown end are left out of R_i; a group with fewer than two bones left says nothing. -> (N,)
    """
    hips = [Joint.left_hip, Joint.right_hip]
    points = torch.cat([position, depth[..., None]], -1)  # N, J, 3
    # Depth is relative to mid-hip, so that point's own depth is 0.
    centre = torch.cat([position[:, hips].mean(1), torch.zeros_like(depth[:, :1])], -1)  # N, 3
    points = torch.cat([points, centre[:, None]], 1)  # N, J + 1, 3: index -1 is mid-hip
    known = torch.cat([known, known[:, hips].all(1, keepdim=True)], 1)
    total = points.new_zeros(len(points))
    for group in BONE_GROUPS.values():
        start, end = [bone[0] for bone in group], [bone[1] for bone in group]
        reference = points.new_tensor([bone[2] for bone in group])
        square = ((points[:, start] - points[:, end]) ** 2).sum(-1)
        ratio = (square + 1e-8).sqrt() / reference  # N, B; the root's slope is finite at 0
        mask = (known[:, start] & known[:, end]).to(ratio.dtype)
        count = mask.sum(1)
        mean = (ratio * mask).sum(1) / count.clamp_min(1)
        spread = (((ratio - mean[:, None]) ** 2) * mask).sum(1) / count.clamp_min(1)
        total = total + spread * (count >= 2)
    return total
