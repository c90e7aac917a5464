"""Maps to joints: the one reading of the networks' outputs, the same in training's evaluation and in use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from app.skeleton import MIRROR, NUM_JOINTS, FloatArray

MAP_STRIDE: Final = 4  # input pixels per cell of the pose maps
FINDER_STRIDE: Final = 8  # input pixels per cell of the finder's maps
REACH: Final = 3  # the window around a peak is 7 x 7 cells
# Its cells, row by row: how far below the peak and to its right they are, and what sums up mass and place.
_DOWN, _ACROSS = (steps.ravel() - REACH for steps in np.indices((2 * REACH + 1, 2 * REACH + 1)))
_MOMENTS: Final = np.stack([np.ones_like(_DOWN), _ACROSS, _DOWN], axis=1).astype(np.float32)  # 49, 3


@dataclass(frozen=True, kw_only=True, eq=False)
class CropJoints:
    """Joints in a crop. xy: (N, 19, 2) input pixels; depth: (N, 19) input pixels away from the camera,
    relative to mid-hip; confidence: (N, 19) in 0..1."""

    xy: FloatArray
    depth: FloatArray
    confidence: FloatArray


@np.errstate(invalid="ignore", over="ignore")  # maps that are not finite are dealt with below
def decode_joints(maps: FloatArray) -> CropJoints:
    """(N, 2·19, h, w) pose maps -> joints.

    p is the softmax over the h·w cells and one "nowhere" cell of logit 0. Around the strongest cell, in a
    window of 7 x 7: the confidence is the sum of p, the place is the mean of the cell centres weighted by
    p, the depth is the depth map's mean weighted by p. A map that is not finite gives confidence 0.
    """
    n, _, h, w = maps.shape
    heat = _rows(maps[:, :NUM_JOINTS])
    each = np.arange(n * NUM_JOINTS)[:, None]
    peak = heat.argmax(axis=1)[:, None]  # N·19, 1
    top = np.maximum(heat[each, peak], 0.0)  # the largest logit, "nowhere" included: exp cannot overflow
    share = heat - top
    np.exp(share, out=share)  # p, but for the division by ...
    total = share.sum(axis=1) + np.exp(-top[:, 0])
    row, col = np.divmod(peak, w)
    rows, cols = row + _DOWN, col + _ACROSS  # N·19, 49
    inside = (rows >= 0) & (rows < h) & (cols >= 0) & (cols < w)
    cells = np.where(inside, rows * w + cols, peak)
    near = share[each, cells] * inside
    mass, across, down = (near @ _MOMENTS).T
    scale = 1.0 / np.maximum(mass, 1e-12)
    x = (col[:, 0] + 0.5 + across * scale) * MAP_STRIDE
    y = (row[:, 0] + 0.5 + down * scale) * MAP_STRIDE
    image, joint = np.divmod(each, NUM_JOINTS)
    depths = maps[image, joint + NUM_JOINTS, cells // w, cells % w]
    depth = (near * depths).sum(axis=1) * scale * (w * MAP_STRIDE)
    joints = np.stack([x, y, depth, mass / total], axis=1).astype(np.float32)
    bad = ~np.isfinite(joints).all(axis=1)
    if bad.any():
        joints[bad] = (w * MAP_STRIDE / 2, h * MAP_STRIDE / 2, 0.0, 0.0)
    joints = joints.reshape(n, NUM_JOINTS, 4)
    confidence = np.clip(joints[:, :, 3], 0.0, 1.0)
    return CropJoints(xy=joints[:, :, :2], depth=joints[:, :, 2], confidence=confidence)


def _rows(maps: FloatArray) -> FloatArray:
    """(N, C, h, w) -> (N·C, h·w), contiguous."""
    n, channels, h, w = maps.shape
    if n == 1 and maps.strides[1] == maps.itemsize:  # channels last; OpenCV's transpose is the faster one
        turned = cv2.transpose(maps.transpose(0, 2, 3, 1).reshape(h * w, channels))
        return np.asarray(turned, np.float32)
    return maps.reshape(n * channels, h * w)


def flip_maps(maps: FloatArray) -> FloatArray:
    """Pose maps of a mirrored crop as maps of the crop itself: columns reversed, left and right exchanged."""
    order = np.concatenate([MIRROR, MIRROR + NUM_JOINTS])
    return np.ascontiguousarray(maps[:, order, :, ::-1])


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """Somebody the finder sees. Places in pixels of the picture that was letterboxed.

    score: 0..1. hip, neck: (x, y). radius: half the side of the square around mid-hip that holds the body.
    """

    score: float
    hip: tuple[float, float]
    neck: tuple[float, float]
    radius: float


def decode_finder(maps: FloatArray, threshold: float) -> list[Candidate]:
    """(4, h, w) finder maps -> candidates in input pixels, best first.

    A candidate is a cell whose person score is at least `threshold` and the largest of its 3 x 3
    neighbourhood; its place is the mean of those nine cell centres weighted by their scores.
    """
    w = maps.shape[2]
    side = w * FINDER_STRIDE
    score = 1.0 / (1.0 + np.exp(-np.clip(np.nan_to_num(maps[0], nan=-30.0), -30.0, 30.0)))
    padded = np.pad(score, 1)
    patches = np.lib.stride_tricks.sliding_window_view(padded, (3, 3))  # (h, w, 3, 3)
    found = np.argwhere((score >= threshold) & (score >= patches.max(axis=(2, 3))))
    candidates = []
    offsets = np.arange(-1, 2)
    for r, c in found[np.argsort(-score[found[:, 0], found[:, 1]])]:
        near = patches[r, c]
        hip_x = (c + 0.5 + (near.sum(axis=0) * offsets).sum() / near.sum()) * FINDER_STRIDE
        hip_y = (r + 0.5 + (near.sum(axis=1) * offsets).sum() / near.sum()) * FINDER_STRIDE
        vector_x, vector_y, log_radius = (float(v) for v in maps[1:, r, c])
        radius = side * float(np.exp(np.clip(log_radius, -5.0, 1.0)))
        if not np.isfinite([vector_x, vector_y, radius]).all():
            continue
        neck = (float(hip_x + vector_x * side), float(hip_y + vector_y * side))
        candidates.append(
            Candidate(score=float(score[r, c]), hip=(float(hip_x), float(hip_y)), neck=neck, radius=radius)
        )
    return candidates
