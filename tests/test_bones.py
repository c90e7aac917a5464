"""Bones that came out too short get their length back, where the picture shows them."""

from __future__ import annotations

import numpy as np
import pytest

from app.bones import BONES, BoneFit
from app.skeleton import NUM_JOINTS, FloatArray, Joint
from tests.poses import standing_figure

AWAY = 2.5  # metres
HIPS = [Joint.left_hip, Joint.right_hip]
ALL_SEEN = np.ones(NUM_JOINTS, np.float32)


def adult(depth: float) -> FloatArray:
    """(19, 3): the test figure, three quarters turned, with bones of exactly the reference lengths."""
    figure = standing_figure(depth)
    turn = np.radians(50)
    figure = figure @ np.array([[np.cos(turn), 0, -np.sin(turn)], [0, 1, 0], [np.sin(turn), 0, np.cos(turn)]])
    figure = figure - figure[HIPS].mean(axis=0)
    built = np.zeros_like(figure)
    for joint, start, length in BONES:
        bone = figure[joint] - (0 if start is None else figure[start])
        built[joint] = (0 if start is None else built[start]) + bone * length / np.linalg.norm(bone)
    return (built - built[HIPS].mean(axis=0)).astype(np.float32)


def seen_from(xyz: FloatArray, x: float = 0.0, y: float = 0.0) -> tuple[FloatArray, FloatArray]:
    """What a camera sees of somebody at (x, y, 1) · AWAY: weak-perspective places (19, 2), and the place."""
    camera = xyz + np.array([x, y, 1.0]) * AWAY
    sight = camera[:, :2] / camera[:, 2:]
    flat = (sight - sight[HIPS].mean(axis=0)) * AWAY
    return flat.astype(np.float32), np.array([x, y, 1 / AWAY], np.float32)


def mean_error(found: FloatArray, true: FloatArray) -> float:
    return float(np.linalg.norm(found - true, axis=1).mean())


@pytest.mark.parametrize(("x", "y"), [(0.0, 0.0), (0.3, 0.1), (-0.2, -0.25)])
@pytest.mark.parametrize("depth", [0.0, 0.5, 1.0])
def test_depth_that_is_too_flat_is_mended(depth: float, x: float, y: float) -> None:
    true = adult(depth)
    flat, place = seen_from(true, x, y)
    estimated = true * np.array([1, 1, 0.7], np.float32)
    found = BoneFit()(estimated, flat, ALL_SEEN, place)
    assert mean_error(found, true) < 0.92 * mean_error(estimated, true)
    np.testing.assert_allclose(found[HIPS].mean(axis=0), 0, atol=1e-6)


def test_what_is_right_already_stays() -> None:
    true = adult(0.6)
    flat, place = seen_from(true, 0.2, 0.1)
    assert mean_error(BoneFit()(true, flat, ALL_SEEN, place), true) < 0.002


def test_a_joint_that_is_not_seen_pulls_no_bone_astray() -> None:
    """Its place is a guess: bone lengths and the estimate say where it is."""
    true = adult(0.6)
    flat, place = seen_from(true)
    flat[Joint.left_wrist] += 0.4
    unseen = ALL_SEEN.copy()
    unseen[Joint.left_wrist] = 0.05
    shift = BoneFit()(true, flat, unseen, place)[Joint.left_wrist] - true[Joint.left_wrist]
    taken = BoneFit()(true, flat, ALL_SEEN, place)[Joint.left_wrist] - true[Joint.left_wrist]
    assert np.linalg.norm(shift) < 0.5 * np.linalg.norm(taken)


def test_nonsense_gives_numbers() -> None:
    """All joints in one place, or behind the lens: still a body of finite size."""
    nothing = np.zeros((NUM_JOINTS, 3), np.float32)
    near = np.array([0, 0, 10], np.float32)
    found = BoneFit()(nothing, nothing[:, :2], np.zeros(NUM_JOINTS, np.float32), near)
    assert np.isfinite(found).all() and np.abs(found).max() < 10


def test_of_a_person_who_is_followed_each_frame_goes_on_from_the_last() -> None:
    """A second frame like the first is at least as good, and a reset forgets."""
    true = adult(0.8)
    flat, place = seen_from(true, 0.1, 0.05)
    estimated = true * np.array([1, 1, 0.7], np.float32)
    fit = BoneFit()
    errors = [mean_error(fit(estimated, flat, ALL_SEEN, place), true) for _ in range(6)]
    assert errors[-1] < errors[0]
    fit.reset()
    assert mean_error(fit(estimated, flat, ALL_SEEN, place), true) == pytest.approx(errors[0])


def test_a_frame_of_no_numbers_spoils_none_after_it() -> None:
    true = adult(0.8)
    flat, place = seen_from(true)
    fit = BoneFit()
    fit(true, flat, ALL_SEEN, place)
    assert np.isnan(fit(true * np.nan, flat, ALL_SEEN, place)).all()
    np.testing.assert_array_equal(fit(true, flat, ALL_SEEN, place), BoneFit()(true, flat, ALL_SEEN, place))
