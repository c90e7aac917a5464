"""Whether a runtime gives what PyTorch gives: asked on frames of the demo clip before a runtime is used.

Frames of a real person, because only these excite the maps as in use; the clip ships with Formcue.
"""

from __future__ import annotations

from functools import cache
from typing import Final

import numpy as np

from app.capture import DEMO, open_source
from app.crop import Crop, Image, as_input, whole
from app.decode import CropJoints, decode_joints
from app.skeleton import NUM_JOINTS, FloatArray
from app.weights import Kind
from app.world import TRUNK, metric_scale

MAX_JOINT_ERROR: Final = 0.5  # input pixels, and ...
MAX_DEPTH_ERROR: Final = 0.005  # ... metres, of joints that PyTorch is sure of
MAX_MAP_ERROR: Final = 0.02  # mean difference of the maps over their standard deviation
SURE: Final = 0.5
# Where two cells of a heatmap differ by no more than this, in logits, rounding chooses which is the peak,
# and the window that the joint is read in moves by a cell.
TIE: Final = 0.1
# Frames of the demo clip, each with the square that the estimator cuts there: standing twice, and at the
# bottom of a squat.
TRIALS: Final = {
    20: Crop(centre=(618.0, 379.0), side=681.0, up=(-0.033, -0.9995)),
    60: Crop(centre=(617.0, 377.0), side=681.0, up=(-0.035, -0.9994)),
    100: Crop(centre=(656.0, 476.0), side=472.0, up=(0.634, -0.7733)),
}


class DisagreementError(RuntimeError):
    """A runtime gives other maps than PyTorch does. The text follows its name: "its joints differ …"."""


def trial_batch(kind: Kind, size: int) -> FloatArray:
    """(N, 3, size, size) RGB in 0..1: what the network of that kind gets to see of the trial frames.

    Raises SourceError when the demo clip cannot be read.
    """
    images, crops = _trial_images(), TRIALS.items()
    return as_input(
        [(whole(images[i]) if kind == "finder" else crop).cut(images[i], size) for i, crop in crops]
    )


@cache
def _trial_images() -> dict[int, Image]:
    with open_source(DEMO) as source:
        frames = (source.read() for _ in range(max(TRIALS) + 1))
        return {i: frame.image for i, frame in enumerate(frames) if frame is not None and i in TRIALS}


def require_agreement(kind: Kind, maps: FloatArray, reference: FloatArray, size: int) -> None:
    """Raises DisagreementError when `maps` are not what PyTorch makes, `reference`, of the same pictures.

    size: side of the network's input, pixels.
    """
    difference = float(np.abs(maps - reference).mean() / max(float(reference.std()), 1e-6))
    if not difference <= MAX_MAP_ERROR:  # a NaN must fail
        raise DisagreementError(f"its maps differ from PyTorch's by {difference:.1%}")
    if kind != "pose":
        return
    ours, theirs = decode_joints(maps), decode_joints(_with_peaks_of(maps, reference))
    sure = theirs.confidence >= SURE
    errors = np.abs(ours.xy - theirs.xy).max(axis=2)[sure]
    if errors.size and not errors.max() <= MAX_JOINT_ERROR:
        raise DisagreementError(f"its joints differ from PyTorch's by {errors.max():.1f} pixels")
    metres = (np.abs(ours.depth - theirs.depth) * _scales(theirs, size)[:, None])[sure]
    if metres.size and not metres.max() <= MAX_DEPTH_ERROR:
        raise DisagreementError(f"its depths differ from PyTorch's by {metres.max() * 1000:.0f} mm")


def _with_peaks_of(maps: FloatArray, reference: FloatArray) -> FloatArray:
    """The reference, whose heatmaps have their peaks where `maps` have theirs, as far as they nearly have."""
    n, _, h, w = reference.shape
    reference = reference.copy()
    heat = reference[:, :NUM_JOINTS].reshape(n, NUM_JOINTS, h * w)  # a copy
    peak = maps[:, :NUM_JOINTS].reshape(n, NUM_JOINTS, h * w).argmax(axis=2)[:, :, None]
    there, top = np.take_along_axis(heat, peak, axis=2), heat.max(axis=2, keepdims=True)
    np.put_along_axis(heat, peak, np.where(there >= top - TIE, np.nextafter(top, np.inf), there), axis=2)
    reference[:, :NUM_JOINTS] = heat.reshape(n, NUM_JOINTS, h, w)
    return reference


def _scales(joints: CropJoints, size: int) -> FloatArray:
    """(N,): metres per input pixel; where too few joints are seen, of a body that fills the crop."""
    scales = [
        metric_scale(xy, depth, confidence) or TRUNK / (0.3 * size)
        for xy, depth, confidence in zip(joints.xy, joints.depth, joints.confidence, strict=True)
    ]
    return np.array(scales, np.float32)
