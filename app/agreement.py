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
from app.skeleton import FloatArray
from app.weights import Kind
from app.world import TRUNK, metric_scale

MAX_JOINT_ERROR: Final = 0.5  # input pixels, and ...
MAX_DEPTH_ERROR: Final = 0.005  # ... metres, of joints that PyTorch is sure of
MAX_MAP_ERROR: Final = 0.02  # mean difference of the maps over their standard deviation
# Where two places are nearly as likely, rounding decides between them, and neither is wrong.
SURE: Final = 0.5
# Of the demo clip: standing, on the way down, at the bottom of a squat; and the square that holds the person.
TRIAL_FRAMES: Final = (20, 85, 100)
TRIAL_CROP: Final = Crop(centre=(632.0, 392.0), side=690.0)


class DisagreementError(RuntimeError):
    """A runtime gives other maps than PyTorch does. The text follows its name: "its joints differ …"."""


def trial_batch(kind: Kind, size: int) -> FloatArray:
    """(N, 3, size, size) RGB in 0..1: what the network of that kind gets to see of the trial frames.

    Raises SourceError when the demo clip cannot be read.
    """
    images = _trial_images()
    return as_input([(whole(image) if kind == "finder" else TRIAL_CROP).cut(image, size) for image in images])


@cache
def _trial_images() -> tuple[Image, ...]:
    with open_source(DEMO) as source:
        frames = (source.read() for _ in range(TRIAL_FRAMES[-1] + 1))
        kept = [f.image for i, f in enumerate(frames) if f is not None and i in TRIAL_FRAMES]
    return tuple(kept)


def require_agreement(kind: Kind, maps: FloatArray, reference: FloatArray, size: int) -> None:
    """Raises DisagreementError when `maps` are not what PyTorch makes, `reference`, of the same pictures.

    size: side of the network's input, pixels.
    """
    difference = float(np.abs(maps - reference).mean() / max(float(reference.std()), 1e-6))
    if not difference <= MAX_MAP_ERROR:  # a NaN must fail
        raise DisagreementError(f"its maps differ from PyTorch's by {difference:.1%}")
    if kind != "pose":
        return
    ours, theirs = decode_joints(maps), decode_joints(reference)
    sure = theirs.confidence >= SURE
    errors = np.abs(ours.xy - theirs.xy).max(axis=2)[sure]
    if errors.size and not errors.max() <= MAX_JOINT_ERROR:
        raise DisagreementError(f"its joints differ from PyTorch's by {errors.max():.1f} pixels")
    metres = (np.abs(ours.depth - theirs.depth) * _scales(theirs, size)[:, None])[sure]
    if metres.size and not metres.max() <= MAX_DEPTH_ERROR:
        raise DisagreementError(f"its depths differ from PyTorch's by {metres.max() * 1000:.0f} mm")


def _scales(joints: CropJoints, size: int) -> FloatArray:
    """(N,): metres per input pixel; where too few joints are seen, of a body that fills the crop."""
    scales = [
        metric_scale(xy, depth, confidence) or TRUNK / (0.3 * size)
        for xy, depth, confidence in zip(joints.xy, joints.depth, joints.confidence, strict=True)
    ]
    return np.array(scales, np.float32)
