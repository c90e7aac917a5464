"""BlazePose as a teacher: where what the network says comes to lie. The network is made up."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from app.crop import Crop
from app.errors import UsageError
from app.skeleton import NUM_JOINTS, Joint
from app.training.blazepose import BlazePose, refined, square_around

openvino = pytest.importorskip("openvino")
ops = pytest.importorskip("openvino.opset8")

LEFT_WRIST, RIGHT_WRIST = 15, 16  # BlazePose's numbers
IMAGE = np.zeros((200, 300, 3), np.uint8)


def write_network(path: Path, landmarks: np.ndarray, world: np.ndarray, heatmaps: np.ndarray) -> Path:
    """A network that says the same of every square: (39, 5), (39, 3) and (64, 64, 39)."""
    picture = ops.parameter([1, 256, 256, 3], np.float32)
    nothing = ops.multiply(
        ops.reduce_mean(picture, ops.constant([1, 2, 3]), keep_dims=False), ops.constant(np.float32(0))
    )
    said = (landmarks.reshape(1, 195), np.full((1, 1), 0.75), heatmaps[None], world.reshape(1, 117))
    results = [ops.add(ops.constant(value.astype(np.float32)), nothing) for value in said]
    openvino.save_model(openvino.Model(results, [picture]), path, compress_to_fp16=False)
    return path


@pytest.fixture
def network(tmp_path: Path) -> BlazePose:
    """Sees the left wrist at (64, 128) and the right one at (192, 128) of the square, which is 256 wide."""
    landmarks, world = np.full((39, 5), 128.0), np.zeros((39, 3))
    landmarks[:, 3:] = 2.0  # logits
    landmarks[LEFT_WRIST, 0], landmarks[RIGHT_WRIST, 0] = 64, 192
    landmarks[LEFT_WRIST, 4] = -1.0  # perhaps outside the picture
    landmarks[34, 1] = 28  # the circle around the body: a hundred pixels straight up
    world[LEFT_WRIST] = (-0.5, 0.0, 0.3)
    world[RIGHT_WRIST] = (0.5, 0.0, -0.1)
    return BlazePose(write_network(tmp_path / "a.xml", landmarks, world, np.full((64, 64, 39), -9.0)))


def test_joints_lie_where_they_were_seen(network: BlazePose) -> None:
    said = network.look(IMAGE, Crop(centre=(100.0, 80.0), side=128.0))
    assert said.xy[Joint.left_wrist] == pytest.approx((68, 80))
    assert said.xy[Joint.right_wrist] == pytest.approx((132, 80))
    assert said.xyz[Joint.left_wrist] == pytest.approx((-0.5, 0, 0.3))
    assert said.confidence[Joint.right_wrist] == pytest.approx(1 / (1 + np.exp(-2)))
    assert said.confidence[Joint.left_wrist] == pytest.approx(1 / (1 + np.exp(1)))
    assert said.confidence[Joint.neck] == said.confidence[Joint.head_top] == 0, "BlazePose has none"
    assert said.presence == 0.75
    assert said.crop.centre == pytest.approx((100, 80))
    assert said.crop.side == pytest.approx(2.5 * 50)
    assert said.crop.up == pytest.approx((0, -1))


def test_in_the_mirror_left_is_right(network: BlazePose) -> None:
    said = network.look(IMAGE, Crop(centre=(100.0, 80.0), side=128.0), mirrored=True)
    assert said.xy[Joint.right_wrist] == pytest.approx((132, 80))
    assert said.xyz[Joint.right_wrist] == pytest.approx((0.5, 0, 0.3))
    assert said.confidence[Joint.right_wrist] < said.confidence[Joint.left_wrist]


def test_a_turned_square_is_turned_back(network: BlazePose) -> None:
    # Up in the square is to the right in the picture, so its right is down there.
    said = network.look(IMAGE, Crop(centre=(100.0, 80.0), side=128.0, up=(1.0, 0.0)))
    assert said.xy[Joint.right_wrist] == pytest.approx((100, 112))
    assert said.xyz[Joint.right_wrist] == pytest.approx((0, 0.5, -0.1))
    assert said.crop.up == pytest.approx((1, 0))


def test_a_lit_heatmap_moves_its_landmark() -> None:
    landmarks, heatmaps = np.full((39, 2), 100.0), np.zeros((64, 64, 39))
    heatmaps[24, 26, 7] = heatmaps[24, 27, 7] = 0.8  # row, column
    heatmaps[25, 28, 8] = 0.3  # too faint
    placed = refined(landmarks, heatmaps)
    assert placed[7] == pytest.approx((26.5 * 4, 24 * 4))
    assert placed[8] == pytest.approx((100, 100))


def test_the_square_holds_the_body_and_the_legs_that_are_not_seen() -> None:
    xy, known = np.zeros((NUM_JOINTS, 2), np.float32), np.zeros(NUM_JOINTS, bool)
    for joint, place in (
        (Joint.neck, (150, 60)),
        (Joint.left_hip, (160, 110)),
        (Joint.right_hip, (140, 110)),
        (Joint.left_ankle, (160, 200)),
    ):
        xy[joint], known[joint] = place, True
    crop = square_around(xy, known)
    assert crop.centre == pytest.approx((150, 110)) and crop.up == pytest.approx((0, -1))
    assert crop.side == pytest.approx(2.5 * 1.08 * np.hypot(10, 90))
    known[Joint.left_ankle] = False
    assert square_around(xy, known).side == pytest.approx(2.5 * 1.9 * 50)


def test_another_file_is_refused_in_one_line(tmp_path: Path) -> None:
    picture = ops.parameter([1, 256, 256, 3], np.float32)
    other = tmp_path / "other.xml"
    openvino.save_model(openvino.Model([ops.relu(picture)], [picture]), other)
    with pytest.raises(UsageError, match=r"other\.xml: not BlazePose's landmark network"):
        BlazePose(other)
    damaged = tmp_path / "damaged.tflite"
    damaged.write_bytes(b"nothing of the kind")
    with pytest.raises(UsageError, match=r"damaged\.tflite: no network that can be read") as refused:
        BlazePose(damaged)
    assert "\n" not in str(refused.value)
    with pytest.raises(UsageError, match="there is no such file"):
        BlazePose(tmp_path / "none.tflite")
