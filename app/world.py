"""From joints in the image plane to metres: the scale of a person, joints not seen, the Pose. Needs numpy.

Weak perspective: one scale for the whole person, depth in the same scale as x and y.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from app.skeleton import NUM_JOINTS, FloatArray, Joint, Pose

# ---- metres: medians over the optical motion capture of eight adults (UI-PRMD, Vakanski et al. 2018),
# rounded: first joint, second joint, distance of the joint centres, weight. Long bones weigh more.
_METRIC: Final = (
    ("left_shoulder", "right_shoulder", 0.32, 1.0),
    ("left_shoulder", "left_hip", 0.51, 2.0),
    ("right_shoulder", "right_hip", 0.51, 2.0),
    ("left_shoulder", "right_hip", 0.55, 1.0),
    ("right_shoulder", "left_hip", 0.55, 1.0),
    ("left_shoulder", "left_elbow", 0.28, 1.0),
    ("right_shoulder", "right_elbow", 0.28, 1.0),
    ("left_elbow", "left_wrist", 0.25, 1.0),
    ("right_elbow", "right_wrist", 0.25, 1.0),
    ("left_hip", "left_knee", 0.40, 2.0),
    ("right_hip", "right_knee", 0.40, 2.0),
    ("left_knee", "left_ankle", 0.42, 2.0),
    ("right_knee", "right_ankle", 0.42, 2.0),
)
_FIRST: Final = np.array([Joint[row[0]] for row in _METRIC])
_SECOND: Final = np.array([Joint[row[1]] for row in _METRIC])
_LENGTH: Final = np.array([row[2] for row in _METRIC], np.float32)
_WEIGHT: Final = np.array([row[3] for row in _METRIC], np.float32)
TRUNK: Final = 0.57  # metres, mid-hip to neck
# Metres from the line of the shoulders up to the neck: where the labels of photographs have it, and so the
# network. Optical motion capture has it 5 cm lower.
NECK: Final = 0.07
# Focal length over the frame's longer side. Nobody tells us the lens; webcams, and phones that film, lie
# between 0.7 and 1.0 (53 to 71 degrees across).
FOCAL_LENGTH: Final = 0.85

# ---- where joints that are not seen are drawn: metres from the joint before, body upright and facing us
UNSEEN: Final = 0.1


def _level(*rows: tuple[Joint, Joint, float, float]) -> tuple[NDArray[np.intp], NDArray[np.intp], FloatArray]:
    joints, parents = (np.array([row[i] for row in rows], np.intp) for i in (0, 1))
    return joints, parents, np.array([row[2:] for row in rows], np.float32)


_J = Joint
_REST: Final = (  # from the trunk outwards: a level hangs from the one above
    _level((_J.left_shoulder, _J.neck, 0.16, NECK), (_J.right_shoulder, _J.neck, -0.16, NECK)),
    _level(
        (_J.left_hip, _J.neck, 0.1, TRUNK),
        (_J.right_hip, _J.neck, -0.1, TRUNK),
        (_J.left_elbow, _J.left_shoulder, 0.04, 0.27),
        (_J.right_elbow, _J.right_shoulder, -0.04, 0.27),
        (_J.nose, _J.neck, 0.0, -0.15),
    ),
    _level(
        (_J.left_wrist, _J.left_elbow, 0.0, 0.25),
        (_J.right_wrist, _J.right_elbow, 0.0, 0.25),
        (_J.left_knee, _J.left_hip, 0.0, 0.40),
        (_J.right_knee, _J.right_hip, 0.0, 0.40),
        (_J.head_top, _J.nose, 0.0, -0.15),
    ),
    _level((_J.left_ankle, _J.left_knee, 0.0, 0.41), (_J.right_ankle, _J.right_knee, 0.0, 0.41)),
    _level(
        (_J.left_heel, _J.left_ankle, 0.0, 0.05),
        (_J.right_heel, _J.right_ankle, 0.0, 0.05),
        (_J.left_toe, _J.left_ankle, 0.03, 0.07),
        (_J.right_toe, _J.right_ankle, -0.03, 0.07),
    ),
)


def metric_scale(xy: FloatArray, depth: FloatArray, confidence: FloatArray) -> float | None:
    """Metres per pixel: weighted median, over bones well seen, of mean length over seen length.

    xy (19, 2) and depth (19,) in pixels; both together make the seen length. None when too few are seen.
    """
    scale = metric_scales(np.concatenate([xy, depth[:, None]], axis=1)[None], confidence[None], unknown=0.0)
    return float(scale[0]) or None


def metric_scales(seen: NDArray[Any], confidence: NDArray[Any], unknown: float = 1.0) -> NDArray[Any]:
    """`metric_scale` of many people: seen (N, 19, 3), confidence (N, 19) -> (N,), `unknown` for None."""
    weight = _WEIGHT * (np.minimum(confidence[:, _FIRST], confidence[:, _SECOND]) > 0.35)  # N, bones
    bones = seen[:, _FIRST] - seen[:, _SECOND]
    ratio = _LENGTH / np.maximum(np.sqrt((bones * bones).sum(axis=-1)), 1e-3)
    order = ratio.argsort(axis=1)
    each = np.arange(len(ratio))
    summed = weight[each[:, None], order].cumsum(axis=1)
    middle = (summed < summed[:, -1:] / 2).sum(axis=1).clip(0, len(_LENGTH) - 1)
    scale = ratio[each, order[each, middle]]
    return np.where((weight > 0).sum(axis=1) >= 3, scale, unknown)


def place_before_camera(xy: FloatArray, scale: float, frame_size: tuple[int, int]) -> FloatArray:
    """Where the person is: x and y of mid-hip over its distance, and one over its distance in metres -> (3,).

    xy (19, 2) in frame pixels, scale in metres per pixel, frame_size (width, height). The lens is taken to be
    an ordinary one whose axis goes through the frame's middle.
    """
    width, height = frame_size
    focal = FOCAL_LENGTH * max(width, height)  # pixels
    x, y = xy[[Joint.left_hip, Joint.right_hip]].mean(axis=0)
    return np.array([(x - width / 2) / focal, (y - height / 2) / focal, 1 / (scale * focal)], np.float32)


def completed(
    xy: FloatArray, depth: FloatArray, confidence: FloatArray, up: tuple[float, float], scale: float
) -> tuple[FloatArray, FloatArray]:
    """xy (19, 2) and depth (19,) with each joint that is not seen put where a body at rest would have it.

    It hangs from the joint before it, in a body that stands along `up` (unit vector of the image) at `scale`
    metres a pixel. This is a guess for drawing, which its confidence gives away.
    """
    unseen = confidence < UNSEEN
    if not unseen.any():
        return xy, depth
    xy, depth = xy.copy(), depth.copy()
    upward = np.array(up, np.float32)
    across_axis = np.array([-upward[1], upward[0]], np.float32)
    axes = np.stack([across_axis, -upward])  # rows: the body's x and y in the image
    if unseen[Joint.neck]:
        shoulders = xy[[Joint.left_shoulder, Joint.right_shoulder]].mean(axis=0)
        xy[Joint.neck] = shoulders + upward * np.float32(NECK / scale)
    # Facing away, the left shoulder is on the picture's left.
    across = (xy[Joint.left_shoulder] - xy[Joint.right_shoulder]) @ across_axis
    side = 1.0 if across >= 0 else -1.0
    for joints, parents, offsets in _REST:
        mine = unseen[joints]
        offset = (offsets[mine] * (side, 1.0)) @ axes / scale
        xy[joints[mine]] = xy[parents[mine]] + offset
        depth[joints[mine]] = depth[parents[mine]]
    return xy, depth


def make_pose(xy: FloatArray, depth: FloatArray, confidence: FloatArray, scale: float, time: float) -> Pose:
    """xy (19, 2), depth (19,) in frame pixels, scale in metres per pixel -> Pose, weak perspective."""
    hips = [Joint.left_hip, Joint.right_hip]
    origin, origin_depth = xy[hips].mean(axis=0), float(depth[hips].mean())
    xyz = np.empty((NUM_JOINTS, 3), np.float32)
    xyz[:, :2] = (xy - origin) * scale
    xyz[:, 2] = (depth - origin_depth) * scale
    return Pose(time=time, xy=xy.astype(np.float32), xyz=xyz, confidence=confidence.astype(np.float32))
