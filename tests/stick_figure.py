"""A runtime without networks: it reads a figure of coloured dots, one colour a joint, as ideal ones would.

The frame itself carries the pose, so that finding, cropping, turning and un-cropping are all put to the test.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from app.decode import FINDER_STRIDE, MAP_STRIDE
from app.skeleton import MIRROR, NUM_JOINTS, Joint

FINDER_SIZE = INPUT_SIZE = 256

# Metres, standing, facing the camera (the athlete's left is on the picture's right), origin mid-hip.
FIGURE = np.zeros((NUM_JOINTS, 3), np.float32)
for _name, _place in {
    "head_top": (0, -0.78, 0), "nose": (0, -0.63, -0.09), "neck": (0, -0.50, 0),
    "left_shoulder": (0.17, -0.48, 0), "left_elbow": (0.24, -0.21, 0.03), "left_wrist": (0.25, 0.03, -0.05),
    "left_hip": (0.10, 0, 0), "left_knee": (0.11, 0.40, -0.02), "left_ankle": (0.12, 0.81, 0.02),
    "left_heel": (0.12, 0.86, 0.07), "left_toe": (0.14, 0.88, -0.12),
}.items():  # fmt: skip
    FIGURE[Joint[_name]] = _place
    FIGURE[MIRROR[Joint[_name]]] = (-_place[0], *_place[1:])
FIGURE[[Joint.head_top, Joint.nose, Joint.neck], 0] = 0


def _colours() -> NDArray[np.uint8]:
    hues = (np.arange(NUM_JOINTS) * 180 / NUM_JOINTS).astype(np.uint8)
    hsv = np.stack([hues, np.full_like(hues, 255), np.full_like(hues, 255)], axis=1)
    return cv2.cvtColor(hsv[None], cv2.COLOR_HSV2BGR)[0]  # type: ignore[return-value]


# (19, 3) BGR of full saturation: mixing with the black around a dot changes its brightness, not its hue.
COLOURS = _colours()
_DIRECTIONS = COLOURS / np.linalg.norm(COLOURS.astype(np.float32), axis=1, keepdims=True)


@dataclass
class Person:
    """hip: mid-hip, pixels. scale: pixels a metre. turn: degrees, clockwise. figure: (19, 3) metres."""

    hip: tuple[float, float]
    scale: float
    turn: float = 0.0
    figure: NDArray[np.float32] = field(default_factory=lambda: FIGURE)

    @property
    def xy(self) -> NDArray[np.float32]:
        c, s = np.cos(np.radians(self.turn)), np.sin(np.radians(self.turn))
        flat = self.figure[:, :2] @ np.array([[c, s], [-s, c]], np.float32)
        return (flat * self.scale + np.array(self.hip)).astype(np.float32)


def draw(width: int, height: int, people: list[Person], hidden: tuple[Joint, ...] = ()) -> NDArray[np.uint8]:
    """A black frame with the people's joints as dots. The last person lies on top."""
    image = np.zeros((height, width, 3), np.uint8)
    for person in people:
        radius = max(1.6, person.scale * 0.025)
        for joint, (x, y) in enumerate(person.xy):
            if joint not in hidden:
                place = round(float(x) * 16), round(float(y) * 16)
                cv2.circle(image, place, round(radius * 16), COLOURS[joint].tolist(), -1, cv2.LINE_8, 4)
    return image


def _mirrored(places: NDArray[np.float32], seen: NDArray[np.bool_]) -> bool:
    """Whether the picture shows the figure, which faces the camera, mirrored: a network names by looks."""
    left, right, neck = Joint.left_shoulder, Joint.right_shoulder, Joint.neck
    if not seen[[left, right, neck, Joint.left_hip, Joint.right_hip]].all():
        return False
    down = places[[Joint.left_hip, Joint.right_hip]].mean(axis=0) - places[neck]
    across = places[left] - places[right]
    return bool(across[0] * down[1] - across[1] * down[0] < 0)


class StickRuntime:
    """Ideal networks for the figure. `swap` exchanges left and right in the maps of call number n when
    swap(n); `blind` makes both networks see nobody."""

    model_name, sha256, device, runtime = "stick", "0" * 64, "cpu", "fake"
    input_size, finder_size = INPUT_SIZE, FINDER_SIZE

    def __init__(self, figure: NDArray[np.float32] = FIGURE) -> None:
        self.figure = figure
        self.swap: Callable[[int], bool] = lambda call: False
        self.blind = False
        self.pose_calls = self.finder_calls = 0
        self.crops: list[NDArray[np.float32]] = []

    def read(self, picture: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """(3, S, S) RGB in 0..1 -> places (19, 2), seen (19,)."""
        bgr = picture[::-1].transpose(1, 2, 0)
        bright = bgr.max(axis=2)
        lit = np.argwhere(bright > 0.2)
        places, seen = np.zeros((NUM_JOINTS, 2), np.float32), np.zeros(NUM_JOINTS, bool)
        if len(lit) and not self.blind:
            values = bgr[lit[:, 0], lit[:, 1]]
            likeness = (values / np.linalg.norm(values, axis=1, keepdims=True)) @ _DIRECTIONS.T
            weight = bright[lit[:, 0], lit[:, 1]] ** 2 * (likeness.max(axis=1) > 0.995)
            for joint in range(NUM_JOINTS):
                mine = weight * (likeness.argmax(axis=1) == joint)
                if mine.sum() > 0.3:
                    places[joint] = (lit[:, ::-1] * mine[:, None]).sum(axis=0) / mine.sum()
                    seen[joint] = True
        return places, seen

    def pose_maps(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        self.pose_calls += 1
        side = INPUT_SIZE // MAP_STRIDE
        maps = np.full((len(batch), 2 * NUM_JOINTS, side, side), -12.0, np.float32)
        maps[:, NUM_JOINTS:] = 0
        centres = (np.arange(side) + 0.5) * MAP_STRIDE
        for n, picture in enumerate(batch):
            self.crops.append(picture)
            places, seen = self.read(picture)
            if seen.sum() < 4:
                continue
            trunk = [Joint.neck, Joint.left_shoulder, Joint.right_shoulder, Joint.left_hip, Joint.right_hip]
            known = [j for j in trunk if seen[j]] or list(np.flatnonzero(seen))
            spread_seen = places[known].std(axis=0)
            flat = self.figure[known, :2]
            scale = float(
                np.hypot(*spread_seen) / max(np.hypot(*flat.std(axis=0)), 1e-3)
            )  # crop pixels a metre
            for joint in np.flatnonzero(seen):
                square = (centres - places[joint, 0]) ** 2 + ((centres - places[joint, 1]) ** 2)[:, None]
                maps[n, joint] = np.maximum(9.0 - square / (2 * 4.0**2), -12.0)
                maps[n, NUM_JOINTS + joint] = self.figure[joint, 2] * scale / INPUT_SIZE
            if self.swap(self.pose_calls) != _mirrored(places, seen):
                maps[n] = maps[n][np.concatenate([MIRROR, MIRROR + NUM_JOINTS])]
        return maps

    def lift(self, xyz: NDArray[np.float32], confidence: NDArray[np.float32]) -> NDArray[np.float32]:
        return xyz

    def finder_maps(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        self.finder_calls += 1
        side = FINDER_SIZE // FINDER_STRIDE
        maps = np.full((len(batch), 4, side, side), -9.0, np.float32)
        for n, picture in enumerate(batch):
            places, seen = self.read(picture)
            hips = [Joint.left_hip, Joint.right_hip]
            if not seen[hips].all() or not seen[Joint.neck]:
                continue
            hip = places[hips].mean(axis=0)
            size = float(np.ptp(places[seen], axis=0).max())
            if size < 18:  # a real finder does not see the very small
                continue
            col, row = (np.clip(hip / FINDER_STRIDE, 0, side - 1)).astype(int)
            maps[n, 0, row, col] = 4.0
            maps[n, 1:3, row, col] = (places[Joint.neck] - hip) / FINDER_SIZE
            radius = np.abs(places[seen] - hip).max()
            maps[n, 3, row, col] = np.log(radius / FINDER_SIZE)
        return maps
