"""From joints to a body: bones as long as a person's, where the picture shows them. Needs numpy.

What a network regresses is a mean over all that it holds possible: where it is unsure, limbs come out too
short. Here the joints are moved a little, so that at once the bones get the lengths of an adult, the joints
lie on the lines of sight on which the picture shows them, and the depth of each bone stays as near as can be
to what was estimated. That is a least-squares problem (bundle adjustment with one camera, Triggs et al.
2000). Of a person who is followed one step of Gauss and Newton's method a frame, from where the last frame's
ended, solves it as well as ten a frame would.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from app.skeleton import NUM_JOINTS, FloatArray, Joint
from app.world import TRUNK

Array = NDArray[np.float64]

# Joint, the joint its bone hangs from (None: mid-hip), the bone's length in metres: UI-PRMD's medians as in
# app/world.py, with the neck where the network has it (NECK there); feet and head from the rendered bodies.
BONES: Final[tuple[tuple[Joint, Joint | None, float], ...]] = (
    (Joint.neck, None, TRUNK),
    (Joint.nose, Joint.neck, 0.18),
    (Joint.head_top, Joint.nose, 0.17),
    *((Joint[f"{side}_shoulder"], Joint.neck, 0.175) for side in ("left", "right")),
    *((Joint[f"{side}_elbow"], Joint[f"{side}_shoulder"], 0.28) for side in ("left", "right")),
    *((Joint[f"{side}_wrist"], Joint[f"{side}_elbow"], 0.25) for side in ("left", "right")),
    *((Joint[f"{side}_hip"], None, 0.10) for side in ("left", "right")),
    *((Joint[f"{side}_knee"], Joint[f"{side}_hip"], 0.40) for side in ("left", "right")),
    *((Joint[f"{side}_ankle"], Joint[f"{side}_knee"], 0.39) for side in ("left", "right")),
    *((Joint[f"{side}_heel"], Joint[f"{side}_ankle"], 0.075) for side in ("left", "right")),
    *((Joint[f"{side}_toe"], Joint[f"{side}_ankle"], 0.175) for side in ("left", "right")),
)
_LENGTH: Final = np.array([length for _, _, length in BONES])

# How far each may be off, one standard deviation.
_PLACE: Final = 0.03  # metres, of a joint from its line of sight
_BONE: Final = 0.05  # of a bone's length
_DEPTH: Final = 0.08  # metres, of one end of a bone before the other
_AWAY: Final = 0.08  # of the person's distance
_ACROSS: Final = 0.3  # metres across the view, of a joint from where it was estimated
_BEYOND: Final = 2.0  # deviations from which a joint off its line of sight pulls no harder (Huber)
_NEAREST: Final = 0.3  # metres before the lens
_FIRST: Final = 3  # steps in the first frame

_HIPS: Final = [Joint.left_hip, Joint.right_hip]
_BONES: Final = len(BONES)
# The unknowns: x, y, z of each joint, then the logarithm of the person's distance.
_UNKNOWNS: Final = 3 * NUM_JOINTS + 1
_X: Final = 3 * np.arange(NUM_JOINTS)
# The rows: lines of sight, across and down the picture, then the bones' lengths.
_SIGHT_X: Final = np.arange(NUM_JOINTS)
_SIGHT_Y: Final = _SIGHT_X + NUM_JOINTS
_ALONG: Final = slice(2 * NUM_JOINTS, None)


def _ends() -> Array:
    """(bones, 19): bone vectors from joints, by matrix product."""
    ends = np.zeros((_BONES, NUM_JOINTS))
    for row, (joint, start, _) in enumerate(BONES):
        ends[row, joint] += 1
        ends[row, _HIPS if start is None else start] -= 0.5 if start is None else 1
    return ends


def _depths() -> Array:
    """(bones, unknowns): the Jacobian of the bones' depths."""
    jacobian = np.zeros((_BONES, _UNKNOWNS))
    jacobian[:, 2:-1:3] = _END / _DEPTH
    return jacobian


def _same_for_all() -> Array:
    """(unknowns, unknowns): of the normal equations what is the same for every pose: depths, distance, places
    estimated, the origin between the hips, and a little damping (Levenberg)."""
    origin = np.zeros((3, _UNKNOWNS))
    for axis in range(3):
        origin[axis, [3 * hip + axis for hip in _HIPS]] = 0.5 / 0.002  # all but fixed
    alone = np.ones(_UNKNOWNS)
    alone[:-1] += np.tile([1 / _ACROSS**2, 1 / _ACROSS**2, 0], NUM_JOINTS)
    alone[-1] += 1 / _AWAY**2
    return np.asarray(_DEPTHS.T @ _DEPTHS + origin.T @ origin + np.diag(alone))


_END: Final = _ends()
_DEPTHS: Final = _depths()
_SAME: Final = _same_for_all()


class BoneFit:
    """Callable, frame by frame of one person: (19, 3) estimated metres -> (19, 3) metres of a body.

    Both X right, Y down, Z away, origin mid-hip. `reset` for another person, or a picture on its own.
    """

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self._moved: Array | None = None  # (19, 3) metres, in the last frame
        self._farther = 0.0  # logarithm of the distance over the one told

    def __call__(
        self, estimated: FloatArray, seen: FloatArray, confidence: FloatArray, place: FloatArray
    ) -> FloatArray:
        """seen: (19, 2) metres in weak perspective, where the picture shows the joints; confidence: (19,);
        place: (3,), where mid-hip is, as of app.world.place_before_camera."""
        away = 1 / float(place[2])
        direction = np.array([place[0], place[1], 1.0])  # of mid-hip; its length is the distance's unit
        sight = seen / away + direction[:2]  # 19, 2: x and y over the distance
        estimate = estimated.astype(np.float64)
        depth = _END @ estimate[:, 2]
        trust = np.clip(confidence, 0.002, 1.0).astype(np.float64)
        steps = _FIRST if self._moved is None else 1
        xyz = estimate if self._moved is None else estimate + self._moved
        for _ in range(steps):
            hip = direction * (away * np.exp(self._farther))
            jacobian, residual = _linearised(xyz, hip, sight, trust)
            slope = residual @ jacobian + ((_END @ xyz[:, 2] - depth) / _DEPTH) @ _DEPTHS
            slope[:-1].reshape(NUM_JOINTS, 3)[:, :2] += (xyz - estimate)[:, :2] / _ACROSS**2
            slope[-1] += self._farther / _AWAY**2
            step = np.linalg.solve(jacobian.T @ jacobian + _SAME, slope)
            xyz = xyz - step[:-1].reshape(NUM_JOINTS, 3)
            xyz -= (xyz[_HIPS[0]] + xyz[_HIPS[1]]) / 2
            self._farther -= float(step[-1])
        if not np.isfinite(xyz).all():  # as the estimate is, then; the next frame shall not inherit it
            self.reset()
            return estimated
        self._moved = xyz - estimate
        return xyz.astype(np.float32)


def _linearised(xyz: Array, hip: Array, sight: Array, trust: Array) -> tuple[Array, Array]:
    """Of the lines of sight (two rows a joint) and the bones' lengths: the Jacobian (rows, unknowns) and the
    residuals (rows,).

    hip: (3,) metres, mid-hip from the lens; sight: (19, 2); trust: (19,), 0..1.
    """
    jacobian = np.zeros((2 * NUM_JOINTS + _BONES, _UNKNOWNS))
    depth = np.maximum(xyz[:, 2] + hip[2], _NEAREST)
    found = (xyz[:, :2] + hip[:2]) / depth[:, None]
    off = (found - sight) * (hip[2] / _PLACE)
    weight = np.sqrt(trust * _BEYOND / np.maximum(np.hypot(off[:, 0], off[:, 1]), _BEYOND))
    slope = weight * (hip[2] / _PLACE) / depth
    for axis, rows in enumerate((_SIGHT_X, _SIGHT_Y)):
        jacobian[rows, _X + axis] = slope
        jacobian[rows, _X + 2] = -slope * found[:, axis]
        jacobian[rows, -1] = slope * (hip[axis] - found[:, axis] * hip[2])

    bones = _END @ xyz
    length = np.maximum(np.sqrt((bones * bones).sum(axis=1)), 1e-3)
    along = bones / (length * _LENGTH * _BONE)[:, None]
    jacobian[_ALONG, :-1] = (_END[:, :, None] * along[:, None, :]).reshape(_BONES, -1)
    short = (length / _LENGTH - 1) / _BONE
    return jacobian, np.concatenate([off[:, 0] * weight, off[:, 1] * weight, short])
