"""How far joints are from their labels: pure functions with explicit masks.

Joints are (N, J, 2) pixels or (N, J, 3) metres, with a mask (N, J) of what counts. A joint that was asked
for and not found is NaN: wrong for a share, left out of a mean error (read it beside the share found).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from app.skeleton import BONES, MIRROR, Joint

Array = NDArray[np.floating[Any]]
Mask = NDArray[np.bool_]

LIMB_JOINTS: Final[tuple[Joint, ...]] = tuple(
    Joint[f"{side}_{part}"]
    for part in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
    for side in ("left", "right")
)
# The angle at the middle joint: knee and elbow; hip between trunk and thigh; shoulder between trunk and arm.
ANGLES: Final[dict[str, tuple[Joint, Joint, Joint]]] = {
    f"{side}_{part}": (Joint[f"{side}_{first}"], Joint[f"{side}_{part}"], Joint[f"{side}_{last}"])
    for part, first, last in (
        ("knee", "hip", "ankle"),
        ("elbow", "shoulder", "wrist"),
        ("hip", "shoulder", "knee"),
        ("shoulder", "hip", "elbow"),
    )
    for side in ("left", "right")
}
PCK_THRESHOLD: Final = 0.2  # of the torso diagonal, left shoulder to right hip
PCKH_THRESHOLD: Final = 0.5  # of the head, neck to crown
PCK3D_THRESHOLD: Final = 0.150  # metres; Mehta et al. 2017
DEPTH_MARGIN: Final = 0.10  # metres; bones that lie flatter than this have no clear sign


def torso_diagonal(xy: Array, mask: Mask) -> tuple[Array, Mask]:
    """Left shoulder to right hip of labelled joints (N, J, 2): lengths (N,) and where it is known (N,)."""
    lengths = np.linalg.norm(xy[:, Joint.left_shoulder] - xy[:, Joint.right_hip], axis=-1)
    return lengths, mask[:, Joint.left_shoulder] & mask[:, Joint.right_hip] & (lengths > 0)


def head_length(xy: Array, mask: Mask) -> tuple[Array, Mask]:
    """Neck to crown of labelled joints (N, J, 2): lengths (N,) and where it is known (N,).

    The unit of PCKh (Andriluka et al. 2014), who take 0.6 of the diagonal of a box around the head; where
    only joints are labelled, as in LSP, the head segment stands for it.
    """
    lengths = np.linalg.norm(xy[:, Joint.head_top] - xy[:, Joint.neck], axis=-1)
    return lengths, mask[:, Joint.head_top] & mask[:, Joint.neck] & (lengths > 0)


def distances(found: Array, labelled: Array) -> Array:
    """Distance of each joint from its label, (N, J, 2 or 3) -> (N, J); infinite for a joint not found."""
    apart = np.linalg.norm(found - labelled, axis=-1)
    return np.where(np.isnan(found).any(axis=-1), np.inf, apart)


def pck(apart: Array, unit: Array, mask: Mask, threshold: float = PCK_THRESHOLD) -> Array:
    """Percentage of correct keypoints as shares 0..1 per joint, (J,); NaN for a joint never labelled.

    apart: (N, J) distances; unit: (N,) length that the threshold is a fraction of. Yang & Ramanan 2013.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        right = apart / unit[:, None] < threshold
        return np.where(mask.any(axis=0), (right & mask).sum(axis=0) / mask.sum(axis=0), np.nan)


def auc(apart: Array, unit: Array, mask: Mask, limit: float = PCK_THRESHOLD) -> Array:
    """Area under each joint's PCK curve from 0 to `limit`, as a share 0..1, (J,); NaN if never labelled.

    The curve is a staircase, so its area is exact: the mean of max(0, 1 - distance / limit).
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        reach = np.clip(1 - apart / unit[:, None] / limit, 0, 1)
        return np.where(mask.any(axis=0), np.where(mask, reach, 0).sum(axis=0) / mask.sum(axis=0), np.nan)


def root_aligned(xyz: Array) -> Array:
    """(N, 19, 3) moved so that mid-hip is the origin."""
    return xyz - (xyz[:, [Joint.left_hip]] + xyz[:, [Joint.right_hip]]) / 2


def mpjpe(found: Array, labelled: Array, mask: Mask) -> float:
    """Mean per-joint position error of the masked joints that were found, in the unit given; NaN if none."""
    errors = np.linalg.norm(found - labelled, axis=-1)
    counted = errors[mask & np.isfinite(errors)]
    return float(counted.mean()) if counted.size else float("nan")


def procrustes(found: Array, labelled: Array, mask: Mask) -> Array:
    """`found` (N, J, 3), each row moved, turned and scaled to lie best on `labelled` over its mask.

    Least squares without reflection, Umeyama 1991. Rows with fewer than three usable joints become NaN.
    """
    usable = mask & np.isfinite(found).all(axis=-1) & np.isfinite(labelled).all(axis=-1)
    result = np.full(found.shape, np.nan)
    for row in np.flatnonzero(usable.sum(axis=1) >= 3):
        use = usable[row]
        origin, target = found[row, use].mean(axis=0), labelled[row, use].mean(axis=0)
        centred = found[row, use] - origin
        left, stretch, right = np.linalg.svd(centred.T @ (labelled[row, use] - target))
        signs = np.array([1, 1, np.sign(np.linalg.det(left @ right))])  # a body is never its mirror image
        scale = (stretch * signs).sum() / max((centred**2).sum(), 1e-12)
        result[row] = scale * (found[row] - origin) @ (left * signs @ right) + target
    return result


def pck3d(found: Array, labelled: Array, mask: Mask, threshold: float = PCK3D_THRESHOLD) -> float:
    """Share 0..1 of masked joints nearer than `threshold` (metres) to their label; NaN if none is masked."""
    return float((distances(found, labelled) < threshold)[mask].mean()) if mask.any() else float("nan")


def auc3d(found: Array, labelled: Array, mask: Mask, limit: float = PCK3D_THRESHOLD) -> float:
    """Area under the 3D PCK curve from 0 to `limit` (metres), as a share 0..1; NaN if none is masked.

    Exact, where Mehta et al. take the mean of 31 thresholds.
    """
    reach = np.clip(1 - distances(found, labelled) / limit, 0, 1)
    return float(reach[mask].mean()) if mask.any() else float("nan")


def joint_angles(xyz: Array, corner: tuple[int, int, int]) -> Array:
    """Angle at the middle joint of the three, degrees 0..180, (N,); NaN where a joint is."""
    first, middle, last = (xyz[:, joint] for joint in corner)
    one, other = first - middle, last - middle
    with np.errstate(divide="ignore", invalid="ignore"):
        cosine = (one * other).sum(axis=-1) / np.linalg.norm(one, axis=-1) / np.linalg.norm(other, axis=-1)
    return np.degrees(np.arccos(np.clip(cosine, -1, 1)))


def joint_angle_error(found: Array, labelled: Array, mask: Mask, corner: tuple[int, int, int]) -> float:
    """Mean absolute difference of the angle over rows that have all three joints, degrees; NaN if none."""
    errors = np.abs(joint_angles(found, corner) - joint_angles(labelled, corner))
    counted = errors[mask[:, list(corner)].all(axis=1) & np.isfinite(errors)]
    return float(counted.mean()) if counted.size else float("nan")


def depth_sign_accuracy(
    found: Array,
    labelled: Array,
    mask: Mask,
    bones: Sequence[tuple[int, int]] = BONES,
    margin: float = DEPTH_MARGIN,
) -> float:
    """Share 0..1 of bones whose nearer end is the right one; NaN if no bone is deep enough to tell.

    For every bone (by default the 20 of the skeleton: head, shoulders, hips, trunk sides, arms, legs, feet)
    the sign of Z(last) - Z(first) is compared, found against labelled. Only bones count whose labelled ends
    differ by more than `margin` (the unit of `labelled`) in depth; guessing gets a half of them right.
    """
    first, last = ([bone[end] for bone in bones] for end in (0, 1))
    true = labelled[:, last, 2] - labelled[:, first, 2]
    clear = mask[:, first] & mask[:, last] & (np.abs(np.nan_to_num(true)) > margin)
    right = (found[:, last, 2] - found[:, first, 2]) * true > 0  # NaN compares false: not found is wrong
    return float(right[clear].mean()) if clear.any() else float("nan")


def side_switches(xy: Array) -> int:
    """Transitions between frames (F, 19, 2) at which left and right are exchanged, of arms or legs or both.

    Counted where exchanging the sides of shoulders, elbows and wrists, or of hips, knees and ankles, brings
    them nearer to where they were in the last frame with a person: to less than half of their movement, and
    by more than a quarter of the trunk. A person who stays exchanged counts once.
    """
    switches, last = 0, None
    groups = [[j for j in LIMB_JOINTS if j < Joint.left_hip], [j for j in LIMB_JOINTS if j >= Joint.left_hip]]
    for row in xy:
        if np.isnan(row[list(LIMB_JOINTS)]).any():
            continue
        if last is not None:
            trunk = np.linalg.norm(row[[3, 4]].mean(axis=0) - row[[9, 10]].mean(axis=0))
            for group in groups:
                moved = np.linalg.norm(row[group] - last[group], axis=1).mean()
                exchanged = np.linalg.norm(row[MIRROR[group]] - last[group], axis=1).mean()
                if exchanged < 0.5 * moved and moved - exchanged > 0.25 * trunk:
                    switches += 1
                    break
        last = row
    return switches
