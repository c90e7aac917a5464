"""Where a person stands before the camera, told from pixels alone."""

from __future__ import annotations

import numpy as np
import pytest

from app.skeleton import NUM_JOINTS, FloatArray
from app.world import FOCAL_LENGTH, place_before_camera


def hips_at(x: float, y: float) -> FloatArray:
    return np.full((NUM_JOINTS, 2), (x, y), np.float32)


def test_whoever_is_in_the_middle_stands_on_the_lens_axis_at_the_distance_of_their_size() -> None:
    focal = FOCAL_LENGTH * 1280  # pixels
    scale = 2.5 / focal  # metres a pixel of a person 2.5 m away
    np.testing.assert_allclose(
        place_before_camera(hips_at(640, 360), scale, (1280, 720)), (0, 0, 0.4), atol=1e-6
    )


def test_right_and_down_in_the_picture_are_right_and_down_before_the_camera() -> None:
    x, y, _ = place_before_camera(hips_at(1280, 720), 0.002, (1280, 720))
    assert x == pytest.approx(0.5 / FOCAL_LENGTH) and y == pytest.approx(0.5 * 9 / 16 / FOCAL_LENGTH)


def test_the_longer_side_gives_the_lens_in_portrait_too() -> None:
    upright = place_before_camera(hips_at(540, 1440), 0.002, (1080, 1920))
    lying = place_before_camera(hips_at(1440, 540), 0.002, (1920, 1080))
    np.testing.assert_allclose(upright, lying[[1, 0, 2]], atol=1e-7)
