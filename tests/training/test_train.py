"""Crops, data sets and the training loop, on pictures that the tests draw themselves."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from app.skeleton import JOINT_NAMES, NUM_JOINTS, Joint
from app.training.config import TrainingError, load_config
from app.training.datasets import LSP_ORDER, Augmentation, DataSetError, LabelledPicture, make_crop
from app.training.export import export
from app.training.finding import frame_targets, make_frame, person_of
from app.training.sets import load_sets
from app.training.train import train
from app.weights import load_weights

PLAIN = Augmentation(
    rotation=0, any_rotation=0, scale=(1.2, 1.2), shift=0, upper_body=0, occluders=0, colour=0, blur=0
)


def dotted_picture(seed: int) -> LabelledPicture:
    """A black picture with one joint-coloured dot where each joint is labelled."""
    rng = np.random.default_rng(seed)
    xy = rng.uniform(40, 200, (NUM_JOINTS, 2)).astype(np.float32)
    image = np.zeros((240, 240, 3), np.uint8)
    for joint, (x, y) in enumerate(xy):
        cv2.circle(image, (round(float(x)), round(float(y))), 4, (0, 255, 40 + 10 * joint), -1)
    return LabelledPicture(
        name=f"dots-{seed}",
        encoded=cv2.imencode(".png", image)[1].tobytes(),
        xy=xy,
        xy_weight=np.ones(NUM_JOINTS, np.float32),
        depth=rng.normal(0, 20, NUM_JOINTS).astype(np.float32),
        depth_weight=np.ones(NUM_JOINTS, np.float32),
    )


def lsp_archive(path: Path, count: int) -> Path:
    records = []
    with zipfile.ZipFile(path, "w") as archive:
        for i in range(count):
            picture = dotted_picture(i)
            joints = np.concatenate([picture.xy[list(LSP_ORDER)], np.ones((14, 1))], 1)
            joints[0] = 0 if i == 0 else joints[0]
            archive.writestr(f"im{i:05}.jpg", picture.encoded)
            records.append({"file": f"im{i:05}.jpg", "height": 240, "width": 240, "joints": joints.tolist()})
        archive.writestr("annotations.json", json.dumps(records))
    return path


@pytest.mark.parametrize("seed", range(6))
def test_labels_stay_on_their_dots_through_turning_scaling_and_flipping(seed: int) -> None:
    picture = dotted_picture(seed)
    how = Augmentation(occluders=0, colour=0, blur=0, upper_body=0, any_rotation=0.5)
    crop = make_crop(picture, picture.decode(), 192, np.random.default_rng(seed), how)
    assert crop.image.shape == (192, 192, 3)
    seen = 0
    for x, y in crop.xy:
        if 2 <= x < 190 and 2 <= y < 190:
            around = crop.image[
                round(float(y)) - 2 : round(float(y)) + 3, round(float(x)) - 2 : round(float(x)) + 3
            ]
            assert around[:, :, 1].max() > 100
            seen += 1
    assert seen >= 10


def test_a_flipped_crop_has_left_and_right_exchanged_and_depth_with_them() -> None:
    picture = dotted_picture(3)
    plain = [make_crop(picture, picture.decode(), 128, np.random.default_rng(s), PLAIN) for s in range(12)]
    left = {round(float(crop.depth[Joint.left_knee]), 5) for crop in plain}
    right = {round(float(crop.depth[Joint.right_knee]), 5) for crop in plain}
    assert len(left) == 2 and left == right  # both ways occurred, and they are each other's mirror


def test_in_a_picture_of_nobody_every_joint_is_nowhere() -> None:
    picture = dotted_picture(0)
    nobody = LabelledPicture(
        name="room",
        encoded=picture.encoded,
        xy=np.zeros((NUM_JOINTS, 2), np.float32),
        xy_weight=np.zeros(NUM_JOINTS, np.float32),
        depth=picture.depth,
        depth_weight=np.zeros(NUM_JOINTS, np.float32),
    )
    crop = make_crop(nobody, nobody.decode(), 96, np.random.default_rng(0), PLAIN)
    assert (crop.xy_weight == 1).all() and (crop.xy < 0).all() and (crop.depth_weight == 0).all()


def test_finder_frames_hold_people_where_their_targets_are() -> None:
    picture = dotted_picture(1)
    person = person_of(picture.xy, picture.xy_weight)
    assert person is not None
    reach = np.linalg.norm(picture.xy - person[:2], axis=1).max()
    assert person[4] >= reach
    image, people = make_frame(lambda rng: picture, 128, np.random.default_rng(5), PLAIN)
    score, geometry, mask = frame_targets([people], 128)
    assert image.shape == (128, 128, 3) and len(people) >= 1
    assert int((score[0] == 1).sum()) == len({(int(x // 8), int(y // 8)) for x, y, *_ in people})
    # The radius is told in every person's own cell, save where a second one shares it.
    for x, y, _, _, radius in people[-1:]:
        row, column = int(y // 8), int(x // 8)
        assert mask[0, row, column] == 1
        assert float(geometry[0, 2, row, column].exp()) * 128 == pytest.approx(radius, rel=0.01)


def test_lsp_names_the_archive_that_is_not_one(tmp_path: Path) -> None:
    bad = tmp_path / "bad.zip"
    bad.write_bytes(b"no zip")
    with pytest.raises(DataSetError, match=r"bad\.zip"):
        load_sets("lsp", [str(bad)], validation=False)


def test_lsp_joints_arrive_under_our_names_and_unlabelled_ones_weigh_nothing(tmp_path: Path) -> None:
    archive = lsp_archive(tmp_path / "lsp.zip", 3)
    pictures = load_sets("lsp", [str(archive)], validation=True)
    first = next(picture for picture in pictures if picture.name == "im00000.jpg")
    assert first.xy_weight[Joint.right_ankle] == 0
    assert first.xy_weight[JOINT_NAMES.index("nose")] == 0
    assert first.xy[Joint.left_wrist] == pytest.approx(dotted_picture(0).xy[Joint.left_wrist])


def test_an_unknown_key_in_a_configuration_is_named(tmp_path: Path) -> None:
    path = tmp_path / "run.yaml"
    path.write_text("out: x\nsets: []\nlearning_speed: 3\n")
    with pytest.raises(TrainingError, match="learning_speed"):
        load_config(path)


def packed_set(path: Path, count: int) -> Path:
    pictures = [dotted_picture(i) for i in range(count)]
    offset = np.cumsum([0, *(len(picture.encoded) for picture in pictures)])
    np.savez(
        path,
        jpeg=np.frombuffer(b"".join(picture.encoded for picture in pictures), np.uint8),
        offset=offset,
        xy=np.stack([picture.xy for picture in pictures]),
        weight=np.stack([picture.xy_weight for picture in pictures]),
        depth=np.stack([picture.depth for picture in pictures]),
        depth_weight=np.stack([picture.depth_weight for picture in pictures]),
    )
    return path


def test_a_run_trains_resumes_and_its_weights_go_into_a_catalogue(tmp_path: Path) -> None:
    data = packed_set(tmp_path / "dots.npz", 6)
    text = (
        f"out: {tmp_path / 'run'}\npictures: PICTURES\nbatch: 2\nsize: 64\nwarm_up: 4\nvalidate_every: 1000\n"
        f"sets:\n  - {{kind: packed, files: ['{data}'], share: 1}}\n"
    )
    config = tmp_path / "run.yaml"
    config.write_text(text.replace("PICTURES", "4"))
    train(load_config(config), resume=False)
    first = torch.load(tmp_path / "run" / "checkpoint.pt", weights_only=True)
    assert first["done"] == 4
    with pytest.raises(TrainingError, match="--resume"):
        train(load_config(config), resume=False)
    config.write_text(text.replace("PICTURES", "8"))
    train(load_config(config), resume=True)
    second = torch.load(tmp_path / "run" / "checkpoint.pt", weights_only=True)
    assert second["done"] == 8
    changed = [
        k for k, v in second["network"].items() if v.ndim == 4 and not torch.equal(v, first["network"][k])
    ]
    assert "encoder.stem.0.0.weight" in changed and "wide_maps.depth.weight" in changed

    catalogue = tmp_path / "weights"
    catalogue.mkdir()
    (catalogue / "catalogue.json").write_text('{"schema": 1, "weights": []}')
    export(tmp_path / "run" / "weights.safetensors", "dots", catalogue)
    weights = load_weights("dots", "pose", catalogue)
    assert weights.config["joints"] == NUM_JOINTS
    original = load_weights(str(tmp_path / "run" / "weights.safetensors"))
    for name, tensor in original.tensors().items():
        assert torch.allclose(weights.tensors()[name].float(), tensor.float(), rtol=2e-3, atol=1e-4), name
