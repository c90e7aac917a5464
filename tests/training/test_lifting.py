"""The lifter's training: what it makes up is a person before a camera, and learning from it mends joints."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from app.errors import UsageError
from app.lifter import SHARE, Lifter
from app.skeleton import MIRROR, NUM_JOINTS, Joint
from app.weights import WeightsError, load_weights
from app.world import NECK, TRUNK, metric_scales
from tests.poses import pose_of, standing_figure

pytest.importorskip("scipy", reason="needs the train extra")
from app.training import lifting


@pytest.fixture(scope="module")
def poses_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty people with their arms and legs anywhere."""
    rng = np.random.default_rng(0)
    people = np.stack(
        [pose_of(standing_figure(), 0.0).xyz + rng.normal(0, 0.12, (NUM_JOINTS, 3)) for _ in range(40)]
    )
    path = tmp_path_factory.mktemp("poses") / "poses.npz"
    np.savez(path, xyz=people.astype(np.float32))
    return path


def test_examples_are_people_seen_with_errors(poses_file: Path) -> None:
    poses = lifting.load_poses([poses_file])
    read, true = lifting.examples(poses, 400, np.random.default_rng(1))
    assert read.shape == (400, NUM_JOINTS, 4) and true.shape == (400, NUM_JOINTS, 3)
    assert torch.isfinite(read).all() and read[..., 3].min() >= 0 and read[..., 3].max() <= 1
    hips = [Joint.left_hip, Joint.right_hip]
    assert true[:, hips].mean(1).abs().max() < 1e-5
    # Bones are those of people, the same on both sides of one person.
    shins = [
        (true[:, Joint[f"{side}_ankle"]] - true[:, Joint[f"{side}_knee"]]).norm(dim=-1)
        for side in ("left", "right")
    ]
    assert torch.allclose(*shins, atol=1e-5)
    assert shins[0].min() > 0.28 and shins[0].max() < 0.55
    # What is read is on the scale that the app gives it.
    np.testing.assert_allclose(metric_scales(read[..., :3].numpy(), read[..., 3].numpy()), 1, atol=1e-3)
    assert 0.05 < float((read[..., :3] - true).norm(dim=-1).mean()) < 0.4


def test_training_mends_joints_and_the_app_reads_what_was_trained(poses_file: Path, tmp_path: Path) -> None:
    out = tmp_path / "lifter.safetensors"
    assert lifting.main(["--poses", str(poses_file), "--steps", "150", "--out", str(out)]) == 0
    weights = load_weights(str(out), "lifter")
    lifter = Lifter.load(weights)
    read, true = lifting.examples(lifting.load_poses([poses_file]), 200, np.random.default_rng(2))
    mended = np.stack([lifter(row[:, :3], row[:, 3]) for row in read.numpy()])
    before = float((read[..., :3] - true).norm(dim=-1).mean())
    after = float(np.linalg.norm(mended - true.numpy(), axis=-1).mean())
    assert after < 0.93 * before


def test_the_apps_lifter_is_the_trained_network(poses_file: Path) -> None:
    network = lifting.train_lifter(lifting.load_poses([poses_file]), steps=12, batch=32)
    arrays = {name: value.float().numpy() for name, value in network.arrays().items()}
    lifter = Lifter(arrays, width=network.width, blocks=network.depth)
    read, _ = lifting.examples(lifting.load_poses([poses_file]), 8, np.random.default_rng(3))
    with torch.inference_mode():
        expected = network(read).numpy()
    found = np.stack([lifter(row[:, :3], row[:, 3]) for row in read.numpy()])
    seen = read[..., :3].numpy()
    np.testing.assert_allclose(found, seen + SHARE * (expected - seen), atol=3e-3)  # the arrays are halves


def test_a_narrow_lifter_learns_from_a_wide_one(poses_file: Path, tmp_path: Path) -> None:
    wide, narrow = tmp_path / "wide.safetensors", tmp_path / "narrow.safetensors"
    often = ["--poses", str(poses_file), "--steps"]
    assert lifting.main([*often, "60", "--out", str(wide)]) == 0
    # Of several the mean is learnt; twice the same is that one.
    learning = ["--width", "48", "--teacher", str(wide), str(wide), "--out", str(narrow)]
    assert lifting.main([*often, "200", *learning]) == 0
    teacher, pupil = (lifting.LiftNetwork.load(load_weights(str(path), "lifter")) for path in (wide, narrow))
    assert (teacher.width, pupil.width) == (512, 48)
    read, _ = lifting.examples(lifting.load_poses([poses_file]), 200, np.random.default_rng(4))
    with torch.inference_mode():
        taught, learnt = teacher(read), pupil(read)
    untaught = float((read[..., :3] - taught).norm(dim=-1).mean())
    assert float((learnt - taught).norm(dim=-1).mean()) < 0.8 * untaught


def test_the_neck_is_where_the_pose_network_has_it(poses_file: Path) -> None:
    """Wherever the source has it: else the lifter would meet other trunks in use than it was trained on."""
    xyz = lifting.load_poses([poses_file]).xyz
    shoulders = xyz[:, [Joint.left_shoulder, Joint.right_shoulder]].mean(axis=1)
    above = np.linalg.norm(xyz[:, Joint.neck] - shoulders, axis=-1) / np.linalg.norm(shoulders, axis=-1)
    np.testing.assert_allclose(above, NECK / (TRUNK - NECK), atol=1e-6)


def test_mirrored_people_are_drawn(poses_file: Path) -> None:
    """Left and right are exchanged with the mirror, or the lifter would learn bodies that do not exist."""
    poses = lifting.load_poses([poses_file])
    one = lifting.Poses(xyz=poses.xyz[:1], share=np.ones(1))
    drawn = lifting._mixed(one, 64, np.random.default_rng(0))
    mirrored = poses.xyz[0][MIRROR] * (-1, 1, 1)
    same = [np.allclose(pose, poses.xyz[0], atol=1e-6) for pose in drawn]
    other = [np.allclose(pose, mirrored, atol=1e-6) for pose in drawn]
    assert any(same) and any(other)


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"xy": np.zeros((2, 19, 2))}, "no array xyz"),
        ({"xyz": np.zeros((2, 17, 3))}, r"xyz is \(2, 17, 3\), expected \(N, 19, 3\)"),
        ({"xyz": np.full((2, 19, 3), np.nan)}, "no poses"),
    ],
)
def test_files_without_poses_are_refused(tmp_path: Path, arrays: dict[str, np.ndarray], said: str) -> None:
    path = tmp_path / "poses.npz"
    np.savez(path, **arrays)
    with pytest.raises(UsageError, match=said):
        lifting.load_poses([path])


def test_readings_are_examples_as_they_are_read(tmp_path: Path, poses_file: Path) -> None:
    """Mirrored, tilted and shaken, who is read stays who is true, and what was read wrong stays wrong."""
    truth = lifting.load_poses([poses_file]).xyz
    read = np.concatenate([truth, np.full((len(truth), NUM_JOINTS, 1), 0.8)], axis=2)
    read[:, Joint.left_wrist, 2] += 0.3  # read too far away, always of the left arm
    path = tmp_path / "readings.npz"
    np.savez(path, read=read, xyz=truth)
    given, true = lifting.real_examples(lifting.load_readings([path]), 300, np.random.default_rng(5))
    off = (given[..., :3] - true).numpy()
    wrong = np.abs(off[:, [Joint.left_wrist, Joint.right_wrist], 2]) > 0.18
    assert (wrong.sum(axis=1) == 1).all() and 90 < wrong[:, 0].sum() < 210  # half are mirrored
    assert np.abs(off[..., :2]).max() < 0.08 and float(given[..., 3].min()) > 0.7
    out = tmp_path / "lifter.safetensors"
    options = ["--poses", str(poses_file), "--readings", str(path), "--steps", "150", "--width", "64"]
    assert lifting.main([*options, "--out", str(out)]) == 0
    lifter = Lifter.load(load_weights(str(out), "lifter"))
    mended = np.stack([lifter(row[:, :3].astype(np.float32), row[:, 3].astype(np.float32)) for row in read])
    after = np.linalg.norm(mended - truth, axis=-1)[:, Joint.left_wrist].mean()
    assert after < 0.27


def test_files_without_readings_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "poses.npz"
    np.savez(path, read=np.zeros((2, 19, 3)), xyz=np.zeros((2, 19, 3)))
    with pytest.raises(UsageError, match=r"read is \(2, 19, 3\)"):
        lifting.load_readings([path])
    np.savez(path, xyz=np.zeros((2, 19, 3)))
    with pytest.raises(UsageError, match="no arrays read and xyz"):
        lifting.load_readings([path])


def test_weights_of_another_shape_are_refused(poses_file: Path) -> None:
    network = lifting.LiftNetwork(width=32, blocks=1).eval()
    arrays = {name: value.float().numpy() for name, value in network.arrays().items()}
    with pytest.raises(WeightsError, match="do not fit"):
        Lifter(arrays, width=32, blocks=2)
