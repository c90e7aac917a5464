"""The square of a frame that the pose network sees: where it is, how it is turned, and the way back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from app.decode import Candidate
from app.skeleton import FloatArray, Joint

Image = NDArray[np.uint8]
UPRIGHT: Final = (0.0, -1.0)
# Crop side over the longer side of the box around the joints. Training draws it from 1.05 to 1.9.
MARGIN: Final = 1.35
# Where legs that are not seen would be, in lengths of the trunk (mid-hip to neck) below the hips.
LEGS: Final = 1.6
MIN_SIDE: Final = 12.0  # pixels: less holds no person that anybody could read
SEEN: Final = 0.25  # a joint below this confidence does not shape the crop


@dataclass(frozen=True, kw_only=True)
class Crop:
    """A turned square. centre: (x, y) and side in frame pixels; up: unit vector of the frame that points
    up in the crop."""

    centre: tuple[float, float]
    side: float
    up: tuple[float, float] = UPRIGHT

    def matrix(self, size: int) -> NDArray[np.float64]:
        """(2, 3): frame pixels -> pixels of a crop `size` wide. A rotation, one scale and a shift."""
        ux, uy = self.up
        scale = size / self.side
        turn = np.array([[-uy, ux], [-ux, -uy]]) * scale
        shift = size / 2 - turn @ np.array(self.centre)
        return np.concatenate([turn, shift[:, None]], axis=1)

    def cut(self, image: Image, size: int) -> Image:
        """The crop, (size, size, 3); what lies outside the frame is black, as in training."""
        matrix = self.matrix(size)
        height, width = image.shape[:2]
        # Four pixels of the crop more on each side, for what halving drops and interpolation looks at.
        reach = self.side * ((abs(self.up[0]) + abs(self.up[1])) / 2 + 4 / size)
        x0, y0 = (max(0, int(c - reach)) for c in self.centre)
        x1, y1 = (min(e, int(c + reach) + 1) for c, e in zip(self.centre, (width, height), strict=True))
        if x1 - x0 > 1 and y1 - y0 > 1:  # the part of the frame that is needed
            image = image[y0:y1, x0:x1]
            matrix[:, 2] += matrix[:, :2] @ (x0, y0)
        # Shrinking by sampling would alias: first halve by area.
        scale = size / self.side
        while scale < 0.5 and min(image.shape[:2]) > 1:
            half = (image.shape[1] // 2, image.shape[0] // 2)
            # An odd last row or column is dropped, so that the factor is exactly two.
            even = image[: half[1] * 2, : half[0] * 2]
            image = cv2.resize(even, half, interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
            # Pixel i of the half is the mean of 2i and 2i + 1, whose centre is 2i + 0.5.
            matrix[:, 2] += matrix[:, :2] @ (0.5, 0.5)
            matrix[:, :2] *= 2
            scale *= 2
        # A fourth channel and back: OpenCV turns pixels of four bytes twice as fast as those of three.
        four = cv2.cvtColor(image, cv2.COLOR_BGR2BGRA)
        turned = cv2.warpAffine(four, matrix, (size, size), flags=cv2.INTER_LINEAR)
        return cv2.cvtColor(turned, cv2.COLOR_BGRA2BGR)  # type: ignore[return-value]

    def to_frame(self, xy: FloatArray, size: int) -> FloatArray:
        """(…, 2) pixels of the crop -> (…, 2) pixels of the frame."""
        ux, uy = self.up
        back = np.array([[-uy, -ux], [ux, -uy]], np.float32)
        offset = (xy / size - 0.5) * self.side
        return (offset @ back.T + np.array(self.centre, np.float32)).astype(np.float32)


def as_input(crops: Sequence[Image]) -> FloatArray:
    """BGR uint8 crops of one size S -> (N, 3, S, S) float32 RGB in 0..1, as the networks take them.

    In memory the channels come last, as in the crops and in the convolutions of most runtimes.
    """
    batch = np.empty((len(crops), *crops[0].shape), np.float32)
    for crop, scaled in zip(crops, batch, strict=True):
        scaled[:] = cv2.cvtColor(crop, cv2.COLOR_BGR2RGB)  # converting first is twice as fast as all at once
        scaled *= np.float32(1 / 255)
    return batch.transpose(0, 3, 1, 2)


def whole(image: Image, up: tuple[float, float] = UPRIGHT, margin: float = 1.0) -> Crop:
    """The smallest crop that holds the whole image, upright or turned by quarters."""
    height, width = image.shape[:2]
    return Crop(centre=(width / 2, height / 2), side=max(width, height) * margin, up=up)


def around_candidate(person: Candidate) -> Crop:
    """A crop around somebody whom the finder saw, turned so that hip to neck points up."""
    trunk = (person.neck[0] - person.hip[0], person.neck[1] - person.hip[1])
    length = float(np.hypot(*trunk))
    up = (trunk[0] / length, trunk[1] / length) if length > 0.1 * person.radius else UPRIGHT
    return Crop(centre=person.hip, side=max(2 * person.radius * 1.15, MIN_SIDE), up=up)


def around_joints(
    xy: FloatArray, confidence: FloatArray, before: Crop, frame_size: tuple[int, int], margin: float = MARGIN
) -> Crop | None:
    """The crop for a person whose joints are at `xy` (19, 2), or None when hardly any joint is seen.

    Turned so that hip to neck points up, around all joints seen and the place where legs would be that are
    not seen (a crop of the upper body alone would never let the legs back in). `before` gives the turn
    where the trunk cannot. frame_size: (width, height).
    """
    seen = confidence >= SEEN
    if seen.sum() < 4:
        return None
    points = xy[seen]
    shoulders_seen = bool(seen[Joint.left_shoulder] and seen[Joint.right_shoulder])
    top = xy[Joint.neck]
    if not seen[Joint.neck] and shoulders_seen:
        top = (xy[Joint.left_shoulder] + xy[Joint.right_shoulder]) / 2
    hips = [j for j in (Joint.left_hip, Joint.right_hip) if seen[j]]
    up = np.array(before.up, np.float32)
    if hips and (seen[Joint.neck] or shoulders_seen):
        trunk = top - xy[hips].mean(axis=0)
        length = float(np.hypot(*trunk))
        # Towards or away from the camera the trunk is short and its direction is noise.
        if length > 0.12 * before.side:
            up = trunk / length
        if not (seen[Joint.left_knee] or seen[Joint.right_knee]):
            points = np.vstack([points, _inside(xy[hips].mean(axis=0) - up * LEGS * length, frame_size)])
    elif shoulders_seen and not hips:
        width = float(np.hypot(*(xy[Joint.left_shoulder] - xy[Joint.right_shoulder])))
        points = np.vstack([points, _inside(top - up * 3.0 * width, frame_size)])
    right = np.array([-up[1], up[0]])
    axes = np.stack([right, -up], axis=1)  # columns: crop x and crop y, in the frame
    turned = points @ axes
    low, high = turned.min(axis=0), turned.max(axis=0)
    centre = axes @ ((low + high) / 2)
    side = max(float((high - low).max()) * margin, MIN_SIDE)
    return Crop(centre=(float(centre[0]), float(centre[1])), side=side, up=(float(up[0]), float(up[1])))


def _inside(point: FloatArray, frame_size: tuple[int, int]) -> FloatArray:
    return np.clip(point, 0, np.array(frame_size, np.float32) - 1)
