"""The crop shows the frame where it says it does, and the networks' input is the crop."""

from __future__ import annotations

import numpy as np
import pytest

from app.crop import UPRIGHT, Crop, as_input

SIZE = 64
WIDTH, HEIGHT = 640, 480


@pytest.fixture(scope="module")
def slopes() -> np.ndarray:
    """A frame whose colours say where a pixel is: blue goes with x, green with y."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    return np.stack([40 + x / 4, 40 + y / 4, np.full_like(x, 90.0)], axis=2).round().astype(np.uint8)


@pytest.mark.parametrize("up", [UPRIGHT, (0.6, -0.8), (1.0, 0.0)])
@pytest.mark.parametrize("side", [50.0, 400.0])  # enlarged, and halved twice
def test_each_pixel_of_a_crop_is_the_frame_where_to_frame_puts_it(
    slopes: np.ndarray, up: tuple[float, float], side: float
) -> None:
    crop = Crop(centre=(300.0, 250.0), side=side, up=up)
    cut = crop.cut(slopes, SIZE)
    assert cut.shape == (SIZE, SIZE, 3) and cut.dtype == np.uint8
    v, u = np.mgrid[:SIZE, :SIZE]
    x, y = crop.to_frame(np.stack([u, v], axis=2).astype(np.float32), SIZE).transpose(2, 0, 1)
    inside = (x > 2) & (x < WIDTH - 3) & (y > 2) & (y < HEIGHT - 3)
    assert inside.mean() > 0.6
    expected = np.stack([40 + x / 4, 40 + y / 4, np.full_like(x, 90.0)], axis=2)
    assert np.abs(cut - expected)[inside].max() <= 2.0
    outside = (x < -8) | (x > WIDTH + 8) | (y < -8) | (y > HEIGHT + 8)
    assert not cut[outside].any(), "black, as in training"


def test_a_crop_beside_the_frame_is_black(slopes: np.ndarray) -> None:
    assert not Crop(centre=(-900.0, 250.0), side=200.0).cut(slopes, SIZE).any()


def test_the_input_is_red_green_blue_from_nought_to_one() -> None:
    crops = [np.full((8, 8, 3), (0, 51, 255), np.uint8), np.random.default_rng(0).integers(
        0, 256, (8, 8, 3), np.uint8
    )]  # fmt: skip
    batch = as_input(crops)
    assert batch.shape == (2, 3, 8, 8) and batch.dtype == np.float32
    assert batch[0, :, 3, 5] == pytest.approx([1.0, 0.2, 0.0])
    np.testing.assert_allclose(batch[1], crops[1][:, :, ::-1].transpose(2, 0, 1) / 255, atol=1e-6)
