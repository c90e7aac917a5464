"""What augmentation does to a crop: each setting is seen, alone, and the labels go with the picture."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import cv2
import numpy as np
import pytest

from app.skeleton import NUM_JOINTS, Joint
from app.training.datasets import Augmentation, Crop, LabelledPicture, make_crop
from tests.training.runs import PLAIN

SIZE = 96


@cache
def standing() -> LabelledPicture:
    """Somebody upright, 200 pixels tall; the picture has smooth colours, fine stripes and a black spot."""
    places = {"head_top": (0, 20), "nose": (0, 35), "neck": (0, 55), "shoulder": (20, 60), "elbow": (28, 90),
              "wrist": (30, 120), "hip": (12, 135), "knee": (14, 170), "ankle": (14, 210), "heel": (13, 218),
              "toe": (18, 220)}  # fmt: skip
    xy = np.zeros((NUM_JOINTS, 2), np.float32)
    for joint in Joint:
        side, _, part = joint.name.rpartition("_")
        x, y = places[joint.name if joint.name in places else part]
        xy[joint] = 120 + (x if side == "left" else -x), y
    rows, columns = np.mgrid[0:240, 0:240]
    image = np.stack([columns, rows, 240 - columns], axis=2) * 0.5 + 60 + (columns % 8 < 4)[..., None] * 40
    image[100:130, 100:140] = 0
    return LabelledPicture(
        name="standing",
        encoded=cv2.imencode(".png", image.astype(np.uint8))[1].tobytes(),
        xy=xy,
        xy_weight=np.ones(NUM_JOINTS, np.float32),
        depth=np.linspace(-20, 20, NUM_JOINTS).astype(np.float32),
        depth_weight=np.ones(NUM_JOINTS, np.float32),
    )


def crop(seed: int, how: Augmentation) -> Crop:
    picture = standing()
    return make_crop(picture, picture.decode(), SIZE, np.random.default_rng(seed), how)


def crops(how: Augmentation, count: int = 40) -> list[Crop]:
    return [crop(seed, how) for seed in range(count)]


def pairs(count: int = 40, **keys: Any) -> list[tuple[Crop, Crop]]:
    """Plain crops, and the same ones with these settings."""
    return list(zip(crops(PLAIN, count), crops(replace(PLAIN, **keys), count), strict=True))


def alike(one: Crop, other: Crop) -> bool:
    names = ("xy", "xy_weight", "depth", "depth_weight")
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in names)


def changed(one: Crop, other: Crop) -> np.ndarray:
    """(S, S), which pixels are."""
    return (one.image != other.image).any(axis=2)


@pytest.mark.parametrize("setting", ["occluders", "blur"])
def test_occluders_and_blur_have_the_share_that_is_asked_for(setting: str) -> None:
    half = pairs(100, **{setting: 0.5})
    assert 35 <= sum(changed(plain, having).any() for plain, having in half) <= 65
    assert all(changed(plain, having).any() for plain, having in pairs(**{setting: 1.0}))


def test_occluders_cover_a_few_rectangles_and_leave_the_labels() -> None:
    flat = 0
    for plain, having in pairs(occluders=1.0):
        assert alike(plain, having)
        covered = changed(plain, having)
        assert 0.001 < covered.mean() < 0.3
        # A few rectangles, on each other or not, have few corners; speckles would have many.
        pieces, _ = cv2.connectedComponents(covered.astype(np.uint8))
        assert pieces - 1 <= 40
        flat += bool(covered.any()) and len(np.unique(having.image[covered], axis=0)) <= 3
    assert 5 <= flat <= 35, "some are of one colour, others are parts of the picture"


def test_blur_takes_the_fine_structure_and_leaves_the_labels() -> None:
    def sharpness(found: Crop) -> float:
        return float(cv2.Laplacian(found.image, cv2.CV_32F)[4:-4, 4:-4].std())

    for plain, having in pairs(blur=1.0):
        assert alike(plain, having)
        assert sharpness(having) < 0.8 * sharpness(plain)
        assert abs(having.image.mean() - plain.image.mean()) < 1.5


def test_colours_are_changed_channel_by_channel_and_the_labels_are_left() -> None:
    shifts, lifted = [], 0
    for plain, having in pairs(colour=0.3):
        assert alike(plain, having)
        for channel in range(3):
            old, new = plain.image[..., channel].ravel(), having.image[..., channel].ravel()
            order = np.argsort(old, kind="stable")
            assert (np.diff(new[order].astype(int)) >= 0)[np.diff(old[order].astype(int)) > 0].all()
            assert all(len(set(new[old == value])) == 1 for value in np.unique(old)[::16])
        shifts.append((having.image.astype(float) - plain.image).mean(axis=(0, 1)))
        lifted += having.image.max(axis=2).min() > 5
    assert 5 <= lifted <= 35, "black itself, too"
    assert np.std(shifts, axis=0).min() > 10, "brighter and darker"
    assert np.std(np.array(shifts) - np.mean(shifts, axis=1, keepdims=True)) > 3, "and of another tint"


def test_crops_of_the_upper_body_end_near_the_hips() -> None:
    legs = [Joint.left_knee, Joint.right_knee, Joint.left_ankle, Joint.right_ankle]
    body = [Joint.head_top, Joint.left_wrist, Joint.right_wrist, Joint.left_hip, Joint.right_hip]
    for plain, upper in pairs(upper_body=1.0):
        assert (plain.xy[legs] < SIZE).all()
        assert (upper.xy[legs, 1] > SIZE).all(), "outside, and told where"
        assert ((upper.xy[body] > 0) & (upper.xy[body] < SIZE)).all()
        assert np.array_equal(plain.xy_weight, upper.xy_weight)
    some = [bool((found.xy[legs] > SIZE).any()) for found in crops(replace(PLAIN, upper_body=0.5), 100)]
    assert 35 <= sum(some) <= 65


def test_depth_is_on_the_scale_of_the_crop() -> None:
    picture = standing()
    ends = [Joint.head_top, Joint.neck]  # these have no other side to be exchanged with
    for found in crops(replace(PLAIN, scale=(1.1, 2.0), upper_body=0.5)):
        scale = np.linalg.norm(np.diff(found.xy[ends], axis=0)) / np.linalg.norm(
            np.diff(picture.xy[ends], axis=0)
        )
        np.testing.assert_allclose(found.depth[ends] * SIZE, picture.depth[ends] * scale, rtol=1e-4)


def upright(found: Crop) -> float:
    """Degrees by which the person is turned from upright."""
    x, y = found.xy[Joint.head_top] - found.xy[[Joint.left_heel, Joint.right_heel]].mean(axis=0)
    return float(np.degrees(np.arctan2(x, -y)))


def test_crops_are_turned_a_little_or_by_any_angle() -> None:
    assert max(abs(upright(found)) for found in crops(PLAIN)) < 1
    little = [upright(found) for found in crops(replace(PLAIN, rotation=10.0), 100)]
    assert np.std(little) == pytest.approx(10, rel=0.25)
    anyhow = np.abs([upright(found) for found in crops(replace(PLAIN, any_rotation=1.0), 100)])
    assert 35 <= (anyhow > 90).sum() <= 65
    assert 2 <= sum(abs(upright(f)) > 90 for f in crops(replace(PLAIN, any_rotation=0.1), 100)) <= 10


def test_crops_are_wider_and_shifted_within_their_bounds() -> None:
    tall = [float(np.ptp(found.xy[:, 1])) / SIZE for found in crops(replace(PLAIN, scale=(1.1, 2.0)), 100)]
    assert 1 / 2.0 < min(tall) < 0.55 and 0.85 < max(tall) < 1 / 1.1
    for found in crops(replace(PLAIN, shift=0.0)):
        np.testing.assert_allclose((found.xy.min(axis=0) + found.xy.max(axis=0)) / 2, SIZE / 2, atol=0.01)
    shifted = crops(replace(PLAIN, shift=0.1), 100)
    apart = np.array([(found.xy.min(axis=0) + found.xy.max(axis=0)) / 2 - SIZE / 2 for found in shifted])
    assert np.abs(apart).max() < 0.1 * SIZE + 0.01
    assert (np.abs(apart).max(axis=0) > 0.08 * SIZE).all()


def test_by_default_nothing_is_left_out() -> None:
    """The defaults are those of `train` where its configuration names none."""
    how = Augmentation()
    for name in ("occluders", "blur", "upper_body", "any_rotation"):
        assert 0.05 < getattr(how, name) < 0.5
    assert how.rotation > 5 and how.colour > 0.1 and how.shift > 0.02 and how.scale[1] > 1.5 * how.scale[0]
