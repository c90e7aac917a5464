"""BlazePose's landmark network, the teacher of `label` (Bazarevsky et al. 2020, "BlazePose").

It is read from the file that MediaPipe itself uses: `pose_landmark_heavy.tflite` (27 MB, Apache-2.0) of the
npm package @mediapipe/pose, or the smaller and less exact `pose_landmark_full.tflite`. What MediaPipe does
around the network is done here, too: the turned square around the person, which the network's own auxiliary
landmarks mend for the next look, and the landmarks moved to where its heatmaps have their weight.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from app.crop import UPRIGHT, Crop, Image, as_input
from app.errors import UsageError, first_line
from app.lifter import HIPS
from app.skeleton import MIRROR, NUM_JOINTS, FloatArray, Joint
from app.training.peer import LANDMARKS

Array = NDArray[np.float64]

SIDE: Final = 256  # pixels of the square that the network sees
CELLS: Final = 64  # of its heatmaps, a side
NUM_LANDMARKS: Final = 39  # 33 of the body, then auxiliary ones; of these:
CENTRE, TOP = 33, 34  # mid-hip, and a point straight up on the circle that holds the body
ROOM: Final = 2.5  # side of the square over the radius of that circle
WINDOW: Final = 3  # cells on each side of a landmark in which its heatmap is looked at
LIT: Final = 0.5  # least peak of a heatmap that moves its landmark
# Each output of the network by its shape, the batch left out.
_PRESENCE, _LANDMARKS, _WORLD = (1,), (5 * NUM_LANDMARKS,), (3 * NUM_LANDMARKS,)
_HEATMAPS: Final = (CELLS, CELLS, NUM_LANDMARKS)

_JOINTS: Final = list(LANDMARKS)
_LANDMARK: Final = list(LANDMARKS.values())
# Circle's radius over the trunk's length (mid-hip to neck), when no leg is known, and when no foot is.
_NO_LEGS, _NO_FEET = 1.9, 1.8


@dataclass(frozen=True, kw_only=True, eq=False)
class Answer:
    """What it says of one square: xy (19, 2) pixels of the picture, xyz (19, 3) metres, confidence (19,), all
    0 where BlazePose has no such joint; presence: 0..1, that somebody is there; crop: the square to look at
    next."""

    xy: Array
    xyz: Array
    confidence: Array
    presence: float
    crop: Crop


class BlazePose:
    """The network in a .tflite file. Raises UsageError when it cannot be read or is another."""

    def __init__(self, path: Path) -> None:
        import openvino  # 0.3 s

        if not path.is_file():
            raise UsageError(f"--teacher {path}: there is no such file; see {Path(__file__).name}")
        try:
            model = openvino.Core().compile_model(path, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
            shapes = [tuple(output.shape)[1:] for output in model.outputs]
            seen = tuple(model.inputs[0].shape)
        except Exception as error:  # openvino raises RuntimeError and others, for whatever is wrong
            raise UsageError(f"--teacher {path}: no network that can be read ({first_line(error)})") from None
        missing = {_PRESENCE, _LANDMARKS, _WORLD, _HEATMAPS} - set(shapes)
        if missing or seen != (1, SIDE, SIDE, 3):
            raise UsageError(
                f"--teacher {path}: not BlazePose's landmark network (it has {seen} -> {shapes})"
            )
        self._model = model
        self._place = {shape: shapes.index(shape) for shape in (_PRESENCE, _LANDMARKS, _WORLD, _HEATMAPS)}

    def look(self, image: Image, crop: Crop, *, mirrored: bool = False) -> Answer:
        """The person in a square of the picture (H, W, 3 BGR); `mirrored` shows it the mirror image."""
        picture = as_input([crop.cut(image, SIDE)])[0].transpose(1, 2, 0)
        outputs = self._model(np.ascontiguousarray(picture[None, :, ::-1] if mirrored else picture[None]))
        said = {shape: np.asarray(outputs[place][0], float) for shape, place in self._place.items()}
        landmarks = said[_LANDMARKS].reshape(NUM_LANDMARKS, 5)
        at = refined(landmarks[:, :2], _sigmoid(said[_HEATMAPS]))
        world = said[_WORLD].reshape(NUM_LANDMARKS, 3)
        # Columns 3 and 4: that it is not hidden, that it is inside the picture.
        sure = _sigmoid(landmarks[:, 3:]).min(axis=1)
        if mirrored:
            at[:, 0] = SIDE - at[:, 0]
            world = world * (-1, 1, 1)
        placed = crop.to_frame(at.astype(np.float32), SIDE)
        ux, uy = crop.up
        world[:, :2] = world[:, :2] @ np.array([[-uy, ux], [-ux, -uy]])
        order = MIRROR if mirrored else np.arange(NUM_JOINTS)
        xy, xyz, confidence = np.zeros((NUM_JOINTS, 2)), np.zeros((NUM_JOINTS, 3)), np.zeros(NUM_JOINTS)
        xy[_JOINTS], xyz[_JOINTS], confidence[_JOINTS] = placed[_LANDMARK], world[_LANDMARK], sure[_LANDMARK]
        return Answer(
            xy=xy[order],
            xyz=xyz[order],
            confidence=confidence[order],
            presence=float(said[_PRESENCE][0]),
            crop=_square(placed[CENTRE], placed[TOP] - placed[CENTRE], crop),
        )


def refined(landmarks: Array, heatmaps: Array) -> Array:
    """Landmarks (39, 2), pixels of the square, each moved to the middle of its heatmap (64, 64, 39; 0..1)
    around it, if that is lit at all."""
    placed = landmarks.copy()
    for index, (column, row) in enumerate((landmarks * (CELLS / SIDE)).astype(int)):
        x, y = (np.arange(max(at - WINDOW, 0), min(at + WINDOW + 1, CELLS)) for at in (column, row))
        near = heatmaps[y[:, None], x, index]
        if near.size and near.max() >= LIT:
            middle = np.array([near.sum(axis=0) @ x, near.sum(axis=1) @ y]) / near.sum()
            placed[index] = middle * (SIDE / CELLS)
    return placed


def square_around(xy: FloatArray, known: NDArray[np.bool_]) -> Crop:
    """The square for somebody whose joints are at xy (19, 2) pixels, where known (19,); four at least are."""
    points = xy[known].astype(float)
    centre = xy[HIPS].mean(axis=0) if known[HIPS].all() else (points.min(axis=0) + points.max(axis=0)) / 2
    up = np.array(UPRIGHT)
    radius = 1.08 * float(np.linalg.norm(points - centre, axis=1).max())  # the crown lies beyond the joints
    top = [j for j in (Joint.neck, Joint.left_shoulder, Joint.right_shoulder) if known[j]]
    if known[HIPS].all() and top:
        trunk = xy[top].mean(axis=0) - centre
        length = float(np.linalg.norm(trunk))
        up = trunk if length > 4 else up
        if not known[[Joint.left_ankle, Joint.right_ankle]].any():
            legs = known[[Joint.left_knee, Joint.right_knee]].any()
            radius = max(radius, (_NO_FEET if legs else _NO_LEGS) * length)
    return _square(centre, up / np.linalg.norm(up) * radius, Crop(centre=(0, 0), side=16.0))


def _square(centre: Any, top: Any, otherwise: Crop) -> Crop:
    """From mid-hip and the way from it to the circle's top; `otherwise` where that is no way at all."""
    radius = float(np.linalg.norm(top))
    if not radius > 2:
        return otherwise
    return Crop(
        centre=(float(centre[0]), float(centre[1])),
        side=max(ROOM * radius, 16.0),
        up=(float(top[0]) / radius, float(top[1]) / radius),
    )


def _sigmoid(logit: Any) -> Array:
    return np.asarray(1 / (1 + np.exp(-np.clip(logit, -30, 30))))
