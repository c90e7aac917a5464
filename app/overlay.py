"""Draws a step's result onto its picture with OpenCV: skeleton, repetitions, prompt. No Qt."""

from __future__ import annotations

from collections.abc import Collection
from functools import cache
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from app.skeleton import BONES, Joint, Pose

if TYPE_CHECKING:
    from app.pipeline import StepResult

Image = NDArray[np.uint8]
Colour = tuple[int, int, int]  # blue, green, red

DRAWN_FROM: Final = 0.3  # a joint less sure than this is not drawn
SURE_FROM: Final = 0.7  # from here on the colour is full
_LEFT: Final[Colour] = (226, 196, 64)
_RIGHT: Final[Colour] = (60, 170, 250)
_MIDDLE: Final[Colour] = (235, 235, 235)
_UNSURE: Final[Colour] = (140, 140, 140)
_FAULT: Final[Colour] = (60, 60, 240)
_DARK: Final[Colour] = (24, 22, 20)
_SHIFT: Final = 4  # OpenCV's sub-pixel coordinates: 1/16 pixel


def draw_result(image: Image, result: StepResult) -> None:
    """Draws skeleton, count, phase and prompt onto image (H x W x 3 uint8 BGR), in place."""
    if result.pose is not None:
        at_fault = {joint for fault in result.faults for joint in fault.joints}
        draw_pose(image, result.pose, at_fault=at_fault)
    size = max(14, round(image.shape[0] * 0.05))
    margin = round(size * 0.5)
    _draw_label(image, f"{result.count}", left=margin, top=margin, size=2 * size)
    _draw_label(image, result.phase, left=margin, top=margin + 3 * size, size=round(size * 0.6))
    if result.prompt is not None:
        colour = _FAULT if result.prompt.severity == "error" else _DARK
        bottom = image.shape[0] - margin
        _draw_label(image, result.prompt.text, left=margin, bottom=bottom, size=size, ground=colour)


def draw_pose(image: Image, pose: Pose, *, at_fault: Collection[Joint] = ()) -> None:
    """Draws the skeleton onto image in place; the athlete's left and right have colours of their own.

    at_fault: joints to show as faulty; a bone is when both its ends are.
    """
    largest = float(np.hypot(*image.shape[:2]))
    width = max(2, round(min(_body_scale(pose), largest) * 0.011))
    seen = pose.confidence >= DRAWN_FROM
    bones = [bone for bone in BONES if seen[bone[0]] and seen[bone[1]]]
    for a, b in sorted(bones, key=lambda bone: -float(pose.xyz[bone, 2].sum())):  # the far ones first
        ends = _fixed(pose.xy[a]), _fixed(pose.xy[b])
        cv2.line(image, *ends, _DARK, width + 2, cv2.LINE_AA, _SHIFT)
        cv2.line(image, *ends, _bone_colour(pose, a, b, at_fault), width, cv2.LINE_AA, _SHIFT)
    for joint in Joint:
        if seen[joint]:
            fault = joint in at_fault
            colour = _FAULT if fault else _blend(pose.confidence[joint], _side_colour(joint))
            radius = width * (1.6 if fault else 0.9)
            centre = _fixed(pose.xy[joint])
            cv2.circle(image, centre, round((radius + 1) * 2**_SHIFT), _DARK, -1, cv2.LINE_AA, _SHIFT)
            cv2.circle(image, centre, round(radius * 2**_SHIFT), colour, -1, cv2.LINE_AA, _SHIFT)


def _body_scale(pose: Pose) -> float:
    """The diagonal of the box around the joints that are seen, in pixels."""
    xy = pose.xy[pose.confidence >= DRAWN_FROM]
    return float(np.hypot(*(xy.max(axis=0) - xy.min(axis=0)))) if len(xy) else 0.0


def _fixed(point: NDArray[np.float32]) -> tuple[int, int]:
    # OpenCV's lines overflow far outside the picture; nothing is lost by stopping before.
    x, y = np.clip(point, -20_000, 20_000)
    return round(float(x) * 2**_SHIFT), round(float(y) * 2**_SHIFT)


def _side_colour(joint: Joint) -> Colour:
    if joint.name.startswith("left_"):
        return _LEFT
    return _RIGHT if joint.name.startswith("right_") else _MIDDLE


def _bone_colour(pose: Pose, a: Joint, b: Joint, at_fault: Collection[Joint]) -> Colour:
    if a in at_fault and b in at_fault:
        return _FAULT
    sides = _side_colour(a), _side_colour(b)
    return _blend(min(pose.confidence[a], pose.confidence[b]), sides[0] if sides[0] == sides[1] else _MIDDLE)


def _blend(confidence: float, colour: Colour) -> Colour:
    share = float(np.clip((confidence - DRAWN_FROM) / (SURE_FROM - DRAWN_FROM), 0.0, 1.0))
    blue, green, red = (round(u + (c - u) * share) for u, c in zip(_UNSURE, colour, strict=True))
    return blue, green, red


@cache
def _font() -> cv2.FontFace:
    return cv2.FontFace("sans")


def _draw_label(
    image: Image,
    text: str,
    *,
    left: int,
    size: int,
    top: int | None = None,
    bottom: int | None = None,
    ground: Colour = _DARK,
) -> None:
    """White text on a dark ground; made smaller where the picture is too narrow for it."""
    if not text:
        return
    weight, pad = 500, max(3, size // 4)
    _, _, width, _ = cv2.getTextSize((0, 0), text, (0, 0), _font(), size, weight)
    room = image.shape[1] - 2 * left - 2 * pad
    if width > room > 0:
        size = max(8, int(size * room / width))
        _, _, width, _ = cv2.getTextSize((0, 0), text, (0, 0), _font(), size, weight)
    height = round(size * 1.3) + 2 * pad
    y = top if top is not None else (bottom if bottom is not None else image.shape[0]) - height
    box = image[max(0, y) : max(0, y) + height, left : left + width + 2 * pad]
    box[:] = (0.25 * box + 0.75 * np.array(ground)).astype(np.uint8)
    base = (left + pad, max(0, y) + pad + round(size * 1.0))
    cv2.putText(image, text, base, (255, 255, 255), _font(), size, weight)
