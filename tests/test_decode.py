"""The reading of the maps: places, depths and confidences, checked against the definition."""

from __future__ import annotations

import numpy as np
import pytest

from app.decode import decode_finder, decode_joints, flip_maps
from app.skeleton import MIRROR, NUM_JOINTS, Joint

SIDE = 64


def empty() -> np.ndarray:
    maps = np.full((1, 2 * NUM_JOINTS, SIDE, SIDE), -20.0, np.float32)
    maps[:, NUM_JOINTS:] = 0
    return maps


def bump(x: float, y: float, height: float) -> np.ndarray:
    """A Gaussian of logits around (x, y) in input pixels."""
    centres = (np.arange(SIDE) + 0.5) * 4
    return height - ((centres - x) ** 2 + ((centres - y) ** 2)[:, None]) / (2 * 4.0**2)


def by_definition(maps: np.ndarray, joint: int) -> tuple[float, float, float, float]:
    """x, y, depth, confidence, cell by cell."""
    heat = maps[0, joint].astype(float)
    p = np.exp(heat) / (np.exp(heat).sum() + 1.0)
    row, col = np.unravel_index(heat.argmax(), heat.shape)
    mass = x = y = depth = 0.0
    for r in range(max(row - 3, 0), min(row + 4, SIDE)):
        for c in range(max(col - 3, 0), min(col + 4, SIDE)):
            mass += p[r, c]
            x += p[r, c] * (c + 0.5) * 4
            y += p[r, c] * (r + 0.5) * 4
            depth += p[r, c] * maps[0, NUM_JOINTS + joint, r, c] * SIDE * 4
    return x / mass, y / mass, depth / mass, mass


@pytest.mark.parametrize("place", [(131.7, 77.2), (1.0, 254.5), (255.9, 0.1)])
def test_places_between_cells_and_at_the_border(place: tuple[float, float]) -> None:
    maps = empty()
    maps[0, Joint.nose] = bump(*place, 4.0)
    maps[0, NUM_JOINTS + Joint.nose] = np.linspace(-0.1, 0.1, SIDE)
    joints = decode_joints(maps)
    found = (*joints.xy[0, Joint.nose], joints.depth[0, Joint.nose], joints.confidence[0, Joint.nose])
    assert found == pytest.approx(by_definition(maps, Joint.nose), rel=1e-3, abs=1e-3)


def test_a_clear_peak_is_read_to_a_fraction_of_a_pixel() -> None:
    maps = empty()
    maps[0, Joint.neck] = bump(131.7, 77.2, 12.0)
    assert decode_joints(maps).xy[0, Joint.neck] == pytest.approx([131.7, 77.2], abs=0.1)


def test_what_is_nowhere_has_no_confidence() -> None:
    joints = decode_joints(empty())
    assert joints.confidence.max() < 1e-4
    assert np.isfinite(joints.xy).all()


def test_two_places_share_the_confidence() -> None:
    maps = empty()
    maps[0, Joint.left_knee] = np.maximum(bump(60, 60, 9.0), bump(200, 200, 9.0))
    assert decode_joints(maps).confidence[0, Joint.left_knee] == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e30])
def test_maps_that_are_not_finite_give_finite_joints(value: float) -> None:
    maps = empty()
    maps[0, Joint.nose] = value
    joints = decode_joints(maps)
    assert np.isfinite(joints.xy).all()
    assert np.isfinite(joints.depth).all()
    assert joints.confidence.min() >= 0
    assert joints.confidence.max() <= 1


def test_flipping_twice_is_nothing_and_once_exchanges_the_sides() -> None:
    maps = np.random.default_rng(0).normal(size=(2, 2 * NUM_JOINTS, SIDE, SIDE)).astype(np.float32)
    np.testing.assert_array_equal(flip_maps(flip_maps(maps)), maps)
    plain, flipped = decode_joints(maps), decode_joints(flip_maps(maps))
    np.testing.assert_allclose(flipped.xy[..., 0], 256 - plain.xy[:, MIRROR, 0], atol=0.01)
    np.testing.assert_allclose(flipped.depth, plain.depth[:, MIRROR], atol=0.01)


def test_the_finders_people_best_first() -> None:
    maps = np.full((4, 32, 32), -9.0, np.float32)
    for row, col, logit in ((10, 5, 1.0), (20, 25, 3.0), (20, 26, 2.0)):
        maps[:, row, col] = logit, 0.05, -0.2, np.log(0.25)
    people = decode_finder(maps, 0.5)
    assert [round(p.score, 2) for p in people] == [0.95, 0.73]  # the third is the second's neighbour
    x, y = people[1].hip
    assert (x, y) == pytest.approx((44, 84), abs=0.1)
    assert people[1].neck == pytest.approx((x + 12.8, y - 51.2), abs=1e-3)
    assert people[1].radius == pytest.approx(64, rel=1e-4)
    assert decode_finder(np.full((4, 32, 32), np.nan, np.float32), 0.5) == []
