"""Crops, data sets and the training loop, on pictures that the tests draw themselves."""

from __future__ import annotations

import json
import re
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from app.skeleton import JOINT_NAMES, NUM_JOINTS, Joint
from app.training.config import TrainingError, load_config, load_configs
from app.training.datasets import LSP_ORDER, Augmentation, DataSetError, LabelledPicture, make_crop
from app.training.export import export
from app.training.finding import frame_targets, make_frame, person_of
from app.training.sets import load_sets
from app.training.train import train
from app.weights import load_weights
from tests.training.runs import PLAIN, dotted_picture, packed_set


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


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("lamda_reg: 3", "unknown key 'lamda_reg'; did you mean 'lambda_reg'?"),
        ("qqq: 3", "unknown key 'qqq'; known are: out, network, "),
        ("heatmap_loss: hubber", "heatmap_loss: 'hubber'; did you mean 'huber'?"),
        ("stage: pretraining", "stage: 'pretraining'; did you mean 'pretrain'?"),
        ("batch: many", "batch: expected a whole number, found 'many'"),
        ("strict: 1", "strict: expected true or false, found 1"),
        ("mixing: 1.5", "mixing: is a share, expected 0 to 1, found 1.5"),
        ("pictures: 0", "pictures: must be above 0, found 0"),
        ("{strict: true, batches: mixed}", "strict: needs `batches: alternating`"),
        ("{base: a.npz, start: b.safetensors}", "base and start: a run begins from one of them"),
        ("augmentation: {rotations: 3}", "augmentation: unknown key 'rotations'; did you mean 'rotation'?"),
        (
            "model: {architecture: hourglas}",
            "model: unknown architecture 'hourglas': expected one of mob",
        ),
        ("model: {architecture: cpm, stacks: 3}", "model: unknown key 'stacks'; did you mean 'stages'?"),
        ("{size: 96, model: {architecture: hourglass}}", "size: must be a multiple of 64, found 96"),
        ("model: {architecture: hourglass, stacks: 0}", "model: stacks: must be at least 1, found 0"),
        ("model: {architecture: cpm, stages: 0}", "model: stages: must be at least 1, found 0"),
        ("model: {architecture: hourglass, width: 2}", "model: width: must be at least 4, found 2"),
        ("model: {architecture: cpm, width: -4}", "model: width: must be at least 4, found -4"),
        ("model: {narrow: 2.5}", "model: narrow: expected a whole number, found 2.5"),
        ("model: {encoder_width: 0}", "model: encoder_width: must be a number above 0, found 0.0"),
        ("model: {encoder_width: .nan}", "model: encoder_width: must be a number above 0, found nan"),
        ("model: {wide: 10000000000000}", "model: its numbers are too large to build a network of"),
        ("model: {architecture: [cpm]}", "model: architecture: expected a text, found ['cpm']"),
        ("model: {joints: 10}", "model: joints: expected 19, found 10; labels have as many, leave it out"),
        (
            "{size: 192, model: {input_size: 128}}",
            "model: input_size: expected 192, found 128; it is what `size` says, leave it out",
        ),
        (
            "model: {kind: finder}",
            "model: kind: expected pose, found 'finder'; it is what `network` says, leave it out",
        ),
        (
            "{network: finder, stage: pretrain, strict: true, lambda_g: 0.1}",
            "stage, strict, lambda_g: without effect on `network: finder`; leave it out",
        ),
        ("{network: finder, model: {joints: 10}}", "model: unknown key 'joints'; known are: kind, "),
        ("{batches: mixed, mixing: 0.3}", "mixing: without effect on `batches: mixed`, where the shares"),
        (
            "{start: a.safetensors, base_rate: 0.3, model: {architecture: hourglass}}",
            "base_rate: without effect on hourglass, which has no base; leave it out",
        ),
        (
            "{start: a.safetensors, base_rate: 0.3, model: {architecture: cpm}}",
            "base_rate: without effect on cpm, which has no base; leave it out",
        ),
        (
            "{freeze_base_norm: true, model: {architecture: cpm}}",
            "freeze_base_norm: without effect on cpm, which has no base; leave it out",
        ),
        ("validation: {kind: packed}", "validation: 'files' is missing"),
        ("sets: [{kind: packed, file: x}]", "sets[0]: unknown key 'file'; did you mean 'files'?"),
    ],
)
def test_what_is_wrong_in_a_configuration_is_told_with_its_place(
    tmp_path: Path, text: str, told: str
) -> None:
    path = tmp_path / "run.yaml"
    good = {"out": "x", "sets": [{"kind": "packed", "files": ["a.npz"]}]}
    path.write_text(yaml.safe_dump({**good, **yaml.safe_load(text)}))
    with pytest.raises(TrainingError, match=re.escape(f"{path}: {told}")):
        load_config(path)


@pytest.mark.parametrize(
    "text",
    [
        "model: {kind: pose, architecture: cpm, joints: 19, input_size: 256, stages: 1, width: 4}",
        "{network: finder, base: a.npz, base_rate: 0.2, model: {narrow: 1}}",
        "{batches: mixed, mixing: null}",
        "{base_rate: 0.3, freeze_base_norm: true, start: a.safetensors, model: {architecture: large}}",
    ],
)
def test_what_says_no_more_than_the_rest_is_taken(tmp_path: Path, text: str) -> None:
    path = tmp_path / "run.yaml"
    good = {"out": "x", "sets": [{"kind": "packed", "files": ["a.npz"]}]}
    path.write_text(yaml.safe_dump({**good, **yaml.safe_load(text)}))
    config = load_config(path)
    assert (config.network_values()["kind"], config.network_values()["input_size"]) == (config.network, 256)


def test_a_width_in_yaml_s_other_notation_is_a_number(tmp_path: Path) -> None:
    """YAML reads 1e-1 as a text."""
    path = tmp_path / "run.yaml"
    path.write_text("{out: x, model: {encoder_width: 1e-1}, sets: [{kind: packed, files: [a.npz]}]}")
    assert load_config(path).network_values()["encoder_width"] == 0.1


@pytest.mark.parametrize("architecture", ["hourglass", "cpm", "large"])
def test_the_gpu_example_holds_for_the_networks_that_it_names(tmp_path: Path, architecture: str) -> None:
    example = Path(__file__).resolve().parents[2] / "app" / "training" / "examples" / "gpu.yaml"
    path = tmp_path / "gpu.yaml"
    path.write_text(example.read_text().replace("architecture: mobile", f"architecture: {architecture}"))
    assert [config.model for config in load_configs(path)] == [{"architecture": architecture}] * 2


def test_the_configurations_of_the_shipped_weights_are_still_understood() -> None:
    folder = Path(__file__).resolve().parents[2] / "weights"
    assert [len(load_configs(path)) for path in sorted(folder.glob("*.training.yaml"))] == [1, 1, 5]


def test_a_run_trains_resumes_and_its_weights_go_into_a_catalogue(tmp_path: Path) -> None:
    data = packed_set(tmp_path / "dots.npz", 6)
    text = (
        f"out: {tmp_path / 'run'}\npictures: PICTURES\nbatch: 2\nsize: 64\nwarm_up: 4\n"
        "model: {encoder_width: 0.25, narrow: 8, wide: 8}\nvalidate_every: 1000\n"
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
