"""Mends the joints in metres: the lifter, a small network without pictures. Needs numpy.

The pose network reads each joint's depth on its own, and one scale for the whole person (weak perspective)
leaves near limbs too long. The lifter sees all joints together and knows how people are built and bent: from
19 joints with their confidences it gives the 19 joints corrected (after Martinez et al. 2017, "A simple yet
effective baseline for 3d human pose estimation"). It is trained by app/training/lifting.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from app.skeleton import NUM_JOINTS, FloatArray, Joint
from app.weights import Weights, WeightsError

HIPS: Final = [Joint.left_hip, Joint.right_hip]
# How far the joints are moved to where the lifter has them. Two estimates whose errors differ are best
# averaged. Of rendered people, whose like the lifter has learnt from, all of the way leaves least error;
# before calibrated cameras it leaves no less than half of it, and elbows worse.
SHARE: Final = 0.5
PARTS: Final = ("scale", "shift", "weight", "bias")  # of each half of a block


class Lifter:
    """Callable: (19, 3) metres as seen in weak perspective, confidence (19,) -> (19, 3) metres.

    X right, Y down, Z away from the camera, origin mid-hip in both. arrays: in.weight (W, 76), in.bias (W,),
    for each block i and half h of it {i}.{h}.scale, {i}.{h}.shift (W,), {i}.{h}.weight (W, W),
    {i}.{h}.bias (W,), and out.weight (57, W), out.bias (57,). Raises WeightsError when they do not fit.
    """

    def __init__(
        self, arrays: Mapping[str, FloatArray], *, width: int, blocks: int, share: float = SHARE
    ) -> None:
        names = [f"{i}.{h}.{part}" for i in range(blocks) for h in range(2) for part in PARTS]
        shapes = {name: (width, width) if name.endswith("weight") else (width,) for name in names}
        shapes |= {"in.weight": (width, 4 * NUM_JOINTS), "in.bias": (width,)}
        shapes |= {"out.weight": (3 * NUM_JOINTS, width), "out.bias": (3 * NUM_JOINTS,)}
        found = {name: value.shape for name, value in arrays.items()}
        if found != shapes:
            wrong = sorted(name for name in found.keys() | shapes if found.get(name) != shapes.get(name))
            raise WeightsError("lifter weights do not fit this version: {wrong}", wrong=", ".join(wrong[:3]))
        # By columns: that is how BLAS reads 4 MB of weights, out of a cold cache, fastest.
        self._arrays = {name: np.asfortranarray(value, np.float32) for name, value in arrays.items()}
        self._blocks = blocks
        self._share = share

    @classmethod
    def load(cls, weights: Weights, *, share: float = SHARE) -> Lifter:
        """From the catalogue's weights of kind "lifter". Raises WeightsError when they do not fit."""
        config = weights.config
        return cls(weights.arrays(), width=int(config["width"]), blocks=int(config["blocks"]), share=share)

    def __call__(self, xyz: FloatArray, confidence: FloatArray) -> FloatArray:
        w = self._arrays
        x = np.concatenate([xyz, confidence[:, None]], axis=1).ravel().astype(np.float32)  # 76
        h = w["in.weight"] @ x + w["in.bias"]  # W
        for i in range(self._blocks):
            y = h
            for half in range(2):
                at = f"{i}.{half}."
                y = np.maximum(y * w[at + "scale"] + w[at + "shift"], 0.0)
                y = w[at + "weight"] @ y + w[at + "bias"]
            h = h + y
        mended = xyz + self._share * (w["out.weight"] @ h + w["out.bias"]).reshape(NUM_JOINTS, 3)
        return (mended - mended[HIPS].mean(axis=0)).astype(np.float32)
