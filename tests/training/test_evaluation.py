"""Evaluation: the test sets, the scores and the tables, on small made-up sets."""

from __future__ import annotations

import argparse
import json
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from app.errors import FormcueError
from app.skeleton import BONES, JOINT_NAMES, MIRROR, NUM_JOINTS, Joint, Pose
from app.training import answers, evaluation, measures, sheets, testsets
from app.training.datasets import LSP_ORDER, LabelledPicture
from app.training.sets import write_packed
from main import main
from tests.training.test_measures import turn
from tests.training.test_readers import person_3d
from tests.training.test_readers_3d import write_h36m, write_mpi

# ------------------------------------------------------------------------------- test sets


def write_photographs(folder: Path, count: int = 4) -> dict[str, np.ndarray]:
    """Two zips in the photographs' form; returns each name's 14 x 3 labels."""
    rng = np.random.default_rng(5)
    labels: dict[str, np.ndarray] = {}
    for half, file in enumerate(testsets.LSPET_FILES):
        entries = []
        with zipfile.ZipFile(folder / file, "w") as archive:
            for number in range(half, count, 2):
                name = f"im{number:05d}.jpg"
                joints = np.column_stack((rng.uniform(5, 95, (14, 2)).round(1), np.ones(14)))
                joints[LSP_ORDER.index(Joint.left_wrist)] = 0
                labels[name] = joints
                entries.append({"file": name, "height": 80, "width": 100, "joints": joints.tolist()})
                # The blue value says which picture it is.
                image = np.full((80, 100, 3), 20 * number, np.uint8)
                archive.writestr(name, cv2.imencode(".jpg", image)[1].tobytes())
            archive.writestr("annotations.json", json.dumps(entries))
    return labels


def pose_at(xy: np.ndarray, xyz: np.ndarray | None = None) -> Pose:
    solid = np.zeros((NUM_JOINTS, 3)) if xyz is None else xyz
    return Pose(
        time=0.0,
        xy=xy.astype(np.float32),
        xyz=solid.astype(np.float32),
        confidence=np.ones(NUM_JOINTS, np.float32),
    )


def test_photographs_are_scored_image_by_image(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    labels = write_photographs(tmp_path)
    stills = testsets.read_stills(tmp_path)
    assert set(stills.names) == set(labels)
    assert not stills.mask[:, Joint.left_wrist].any()
    assert stills.mask.sum() == 4 * 13

    def estimate_still(image: np.ndarray) -> Pose | None:
        number = round(float(image.mean()) / 20)
        if number == 3:
            return None
        row = stills.names.index(f"im{number:05d}.jpg")
        np.testing.assert_allclose(
            stills.xy[row, Joint.right_ankle], labels[stills.names[row]][0, :2], rtol=1e-6
        )
        xy = stills.xy[row].copy()
        xy[Joint.right_knee] += 500
        return pose_at(xy)

    part = evaluation.evaluate_stills(stills, estimate_still, tmp_path, worst=tmp_path / "worst.jpg")
    scores = part["scores"]["formcue"]
    assert scores["found"] == 0.75
    assert scores["pck_per_joint"]["right_knee"] == 0.0
    assert scores["pck_per_joint"]["left_knee"] == 0.75
    assert "left_wrist" not in scores["pck_per_joint"]
    assert scores["pck"] == pytest.approx(0.75 * 10 / 11)  # 11 limb joints are labelled, one is always wrong
    assert scores["auc"] == pytest.approx(0.75 * 10 / 11, abs=1e-3)
    json.dumps(part, allow_nan=False)
    printed = capsys.readouterr().out
    assert "right_knee" in printed and "75.0" in printed

    sheet = cv2.imread(str(tmp_path / "worst.jpg"))
    assert sheet is not None and sheet.shape == (256, 6 * 256, 3)
    assert sheet[150, 250].mean() == pytest.approx(60, abs=3)  # image 3, found by nobody, comes first


def write_two_views(folder: Path) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """A zip in the form of the calibrated set: world joints (F, 19, 3) and each camera's 3 x 4 matrix."""
    rng = np.random.default_rng(6)
    world = rng.normal(0, 400, (5, NUM_JOINTS, 3)).round(1)
    cameras = {"camera-1.mp4": turn(1, 30), "camera-3.mp4": turn(1, -140) @ turn(0, 10)}
    move = np.array([10.0, -20.0, 3000.0])
    document = {
        "cameras": {
            name: {
                "intrinsics": [[1500.0, 0, 540], [0, 1500.0, 960], [0, 0, 1]],
                "distortion": [-0.1, 0.02, 0.001, -0.002],
                "rotation": rotation.tolist(),
                "translation_mm": move.tolist(),
            }
            for name, rotation in cameras.items()
        },
        "frames": [
            {
                name: [*point, 4.0]
                for name, point in zip(JOINT_NAMES, frame.tolist(), strict=True)
                if name not in ("neck", "head_top") and not (row == 2 and name == "left_hip")
            }
            for row, frame in enumerate(world)
        ],
    }
    with zipfile.ZipFile(folder / testsets.TWO_VIEW_FILE, "w") as archive:
        archive.writestr("joints.json", json.dumps(document))
    return world, {name: np.column_stack((rotation, move)) for name, rotation in cameras.items()}


def test_views_are_read_into_each_cameras_axes_and_pixels(tmp_path: Path) -> None:
    world, cameras = write_two_views(tmp_path)
    views = testsets.read_views(tmp_path)
    assert [view.name for view in views] == list(cameras)
    for view in views:
        matrix = cameras[view.name]
        xyz = (world @ matrix[:, :3].T + matrix[:, 3]) / 1000
        assert view.mask[:, [Joint.neck, Joint.head_top]].sum() == 0
        assert view.mask[2].sum() == 0  # a hip is missing: no origin
        assert view.mask[[0, 1, 3, 4]].sum() == 4 * 17
        middle = (xyz[:, Joint.left_hip] + xyz[:, Joint.right_hip]) / 2
        np.testing.assert_allclose(view.xyz[view.mask], (xyz - middle[:, None])[view.mask], atol=1e-9)
        turned, _ = cv2.Rodrigues(matrix[:, :3])
        lens = np.array([[1500.0, 0, 540], [0, 1500.0, 960], [0, 0, 1]])
        bend = np.array([-0.1, 0.02, 0.001, -0.002])
        expected, _ = cv2.projectPoints(world.reshape(-1, 1, 3), turned, matrix[:, 3], lens, bend)
        expected = expected.reshape(5, NUM_JOINTS, 2)
        np.testing.assert_allclose(view.xy[view.mask], expected[view.mask], rtol=1e-6)


def test_a_view_is_scored_from_its_root_and_after_procrustes(tmp_path: Path) -> None:
    write_two_views(tmp_path)
    view = testsets.read_views(tmp_path)[0]
    poses: list[Pose | None] = [
        pose_at(np.nan_to_num(xy), np.nan_to_num(xyz) * 1.5)
        for xy, xyz in zip(view.xy, view.xyz, strict=True)
    ]
    poses[4] = None
    scores = evaluation.score_view(view, answers.collect(poses))
    away = np.linalg.norm(view.xyz[[0, 1, 3]], axis=-1)[view.mask[[0, 1, 3]]].mean()
    assert scores["mpjpe_mm"] == pytest.approx(0.5 * away * 1000, rel=1e-4)
    assert scores["procrustes_mm"] == pytest.approx(0, abs=0.01)
    assert scores["knee_degrees"] == pytest.approx(0, abs=0.05)
    assert scores["depth_sign"] == pytest.approx(0.75, abs=0.1)
    assert scores["pck"] == pytest.approx(0.75)
    assert scores["found"] == 0.8


def test_a_video_of_another_length_is_refused(tmp_path: Path) -> None:
    write_two_views(tmp_path)
    view = testsets.read_views(tmp_path)[0]
    with pytest.raises(FormcueError, match=r"camera-1\.mp4: 3 frames in the video, 5 labelled"):
        evaluation.score_view(view, answers.collect([None] * 3))


def test_figures_that_cannot_be_measured_are_none(tmp_path: Path) -> None:
    write_two_views(tmp_path)
    view = testsets.read_views(tmp_path)[0]
    scores = evaluation.score_view(view, answers.collect([None] * 5))
    assert scores["mpjpe_mm"] is None and scores["pck"] == 0.0 and scores["found"] == 0.0
    assert "-" in evaluation.table("nobody found", {"formcue": scores})


# ------------------------------------------------------------------------------- scores, by hand

# Metres from mid-hip, Y down. Knees straight, everything in one plane but the left foot, 0.2 m behind.
STANDING = {
    "head_top": (0, -0.8, 0), "nose": (0, -0.65, 0), "neck": (0, -0.55, 0),
    "left_shoulder": (0.2, -0.5, 0), "right_shoulder": (-0.2, -0.5, 0),
    "left_elbow": (0.5, -0.5, 0), "right_elbow": (-0.5, -0.5, 0),
    "left_wrist": (0.8, -0.5, 0), "right_wrist": (-0.8, -0.5, 0.05),
    "left_hip": (0.1, 0, 0), "right_hip": (-0.1, 0, 0),
    "left_knee": (0.1, 0.4, 0), "right_knee": (-0.1, 0.4, 0),
    "left_ankle": (0.1, 0.8, 0.2), "right_ankle": (-0.1, 0.8, 0),
    "left_heel": (0.1, 0.85, 0.25), "right_heel": (-0.1, 0.85, 0),
    "left_toe": (0.1, 0.85, 0.05), "right_toe": (-0.1, 0.85, 0),
}  # fmt: skip


def standing(**moved: tuple[float, float, float]) -> np.ndarray:
    """The body (19, 3), some joints moved by so many metres."""
    xyz = np.array([STANDING[name] for name in JOINT_NAMES], float)
    for name, by in moved.items():
        xyz[Joint[name]] += by
    return xyz


def labelled_picture(xy: np.ndarray, xyz: np.ndarray | None = None, **more: np.ndarray) -> LabelledPicture:
    every, nothing = np.ones(NUM_JOINTS, np.float32), np.zeros(NUM_JOINTS, np.float32)
    labels = {"xy_weight": every, "depth": nothing, "depth_weight": nothing, "xyz": xyz} | more
    image = cv2.imencode(".png", np.full((200, 200, 3), 90, np.uint8))[1].tobytes()
    return LabelledPicture(name="p", encoded=image, xy=xy.astype(np.float32), **labels)  # type: ignore[arg-type]


FLAT_XY = 100 + 100 * standing()[:, :2]


def score_both(*bodies: tuple[np.ndarray, np.ndarray]) -> list[dict]:
    """Scores of (labelled, found) joints in metres, as pictures on their own and as a calibrated view."""
    stills = testsets.Stills.of(
        "k", "t", [labelled_picture(FLAT_XY, label.astype(np.float32)) for label, _ in bodies]
    )
    view = testsets.View(
        name="v",
        xyz=np.array([label for label, _ in bodies]),
        xy=np.array([FLAT_XY for _ in bodies]),
        mask=np.ones((len(bodies), NUM_JOINTS), bool),
    )
    found = answers.collect([pose_at(FLAT_XY, xyz) for _, xyz in bodies])
    return [evaluation.score_stills(stills, found), evaluation.score_view(view, found)]


def test_errors_in_metres_by_hand() -> None:
    """Four joints are off by 30, 60, 149 and 300 mm; the figures follow. They do not depend on the place."""
    off = standing(
        left_elbow=(0, 0.03, 0), right_elbow=(0, 0, -0.06), nose=(0, 0.149, 0), head_top=(0.3, 0, 0)
    )
    for scores in score_both((standing(), off + np.array([3.0, -1.0, 7.0]))):
        assert scores["mpjpe_mm"] == pytest.approx((30 + 60 + 149 + 300) / 19, abs=1e-3)
        assert scores["pck3d_150mm"] == pytest.approx(18 / 19)
        # An area under 3D PCK is the mean of 1 - error / 150 mm.
        assert scores["auc3d_150mm"] == pytest.approx((15 + 0.8 + 0.6 + 1 / 150 + 0) / 19, abs=1e-5)
        per_joint = scores["mpjpe_mm_per_joint"]
        assert set(per_joint) == set(JOINT_NAMES)
        assert per_joint["left_elbow"] == pytest.approx(30, abs=1e-3)
        assert per_joint["head_top"] == pytest.approx(300, abs=1e-3)
        assert per_joint["left_toe"] == pytest.approx(0, abs=1e-3)


def test_procrustes_by_hand() -> None:
    """A body of half the size, seen from behind: wrong everywhere, but of the right form."""
    for scores in score_both((standing(), standing() * [-0.5, 0.5, -0.5])):
        assert scores["mpjpe_mm"] > 300
        assert scores["procrustes_mm"] == pytest.approx(0, abs=1e-3)


def test_angles_and_depth_signs_by_hand() -> None:
    """The left shank, 90 degrees off in one of two pictures; of the bones with a clear depth (knee to ankle,
    ankle to toe, heel to toe) the toe's two are the wrong way round in the other."""
    label = standing(left_ankle=(0, 0, -0.2), left_heel=(0, 0, -0.25), left_toe=(0, 0, -0.05))  # all flat
    bent = label.copy()
    bent[Joint.left_ankle] = bent[Joint.left_knee] + [0.4, 0, 0]
    turned = standing(left_toe=(0, 0, 0.4))
    for scores in score_both((label, bent), (standing(), turned)):
        assert scores["degrees_per_joint"]["left_knee"] == pytest.approx(45, abs=0.01)
        assert scores["degrees_per_joint"]["right_knee"] == pytest.approx(0, abs=0.1)
        assert scores["knee_degrees"] == pytest.approx(22.5, abs=0.05)
        assert set(scores["degrees_per_joint"]) == set(measures.ANGLES)
        assert scores["depth_sign"] == pytest.approx(1 / 3)


def test_depth_without_metres_gives_angles_joint_by_joint() -> None:
    stills = testsets.Stills.of(
        "k", "t", [labelled_picture(FLAT_XY, depth_weight=np.ones(NUM_JOINTS, np.float32))]
    )
    flat = standing() * [1, 1, 0]
    bent = flat.copy()
    bent[Joint.right_wrist] = bent[Joint.right_elbow] + [0, 0.3, 0]
    scores = evaluation.score_stills(stills, answers.collect([pose_at(FLAT_XY, bent)]))
    assert scores["degrees_per_joint"]["right_elbow"] == pytest.approx(90, abs=0.01)
    assert scores["degrees_per_joint"]["left_elbow"] == pytest.approx(0, abs=0.1)
    assert scores["elbow_degrees"] == pytest.approx(45, abs=0.05)
    assert "mpjpe_mm" not in scores and "mpjpe_mm_per_joint" not in scores


def test_shares_in_the_plane_by_hand() -> None:
    """A torso of 50 px, so PCK's limit is 10 px; a head of 40 px, so PCKh's is 20 px."""
    xy = np.full((NUM_JOINTS, 2), 100.0)
    xy[Joint.left_shoulder], xy[Joint.right_hip] = (130, 60), (100, 100)
    xy[Joint.head_top], xy[Joint.neck] = (100, 10), (100, 50)
    found = xy.copy()
    for joint, by in {"left_elbow": 9, "right_elbow": 11, "left_wrist": 19, "right_wrist": 21}.items():
        found[Joint[joint], 0] += by
    stills = testsets.Stills.of("k", "t", [labelled_picture(xy)])
    scores = evaluation.score_stills(stills, answers.collect([pose_at(found)]))
    assert scores["pck"] == pytest.approx(9 / 12)
    assert scores["auc"] == pytest.approx((8 + 0.1) / 12)
    assert scores["pckh"] == pytest.approx(11 / 12)
    assert [scores["pckh_per_joint"][name] for name in ("left_wrist", "right_wrist")] == [1.0, 0.0]
    assert [scores["pck_per_joint"][name] for name in ("left_elbow", "left_wrist")] == [1.0, 0.0]
    assert scores["auc_per_joint"]["left_elbow"] == pytest.approx(0.1)
    # With a head of 36 px the limit is 18 px: the other wrist is wrong, too.
    xy[Joint.head_top] = 100, 14
    stills = testsets.Stills.of("k", "t", [labelled_picture(xy)])
    scores = evaluation.score_stills(stills, answers.collect([pose_at(found)]))
    assert scores["pckh"] == pytest.approx(10 / 12)


def test_metres_count_inside_the_picture_and_from_known_hips() -> None:
    every = np.ones(NUM_JOINTS, np.float32)
    cut, footless, sparse = every.copy(), every.copy(), standing().astype(np.float32)
    cut[Joint.left_hip] = 0
    footless[[Joint.left_toe, Joint.left_heel]] = 0
    sparse[Joint.nose] = np.nan
    stills = testsets.Stills.of(
        "k",
        "t",
        [
            labelled_picture(FLAT_XY),  # no metres
            labelled_picture(FLAT_XY, standing().astype(np.float32), xy_weight=cut),
            labelled_picture(FLAT_XY, standing().astype(np.float32), xy_weight=footless),
            labelled_picture(FLAT_XY, sparse),
        ],
    )
    assert stills.xyz_mask.sum(axis=1).tolist() == [0, 0, 17, 18]
    assert not stills.xyz_mask[2, Joint.left_toe] and not stills.xyz_mask[3, Joint.nose]
    far, near = standing(nose=(9, 0, 0), left_toe=(9, 0, 0)), standing(nose=(9, 0, 0), neck=(0.07, 0, 0))
    found = answers.collect([pose_at(FLAT_XY, xyz) for xyz in (far, far, standing(), near)])
    scores = evaluation.score_stills(stills, found)
    assert scores["mpjpe_mm"] == pytest.approx(70 / 35, abs=1e-3)
    assert scores["mpjpe_mm_per_joint"]["neck"] == pytest.approx(35, abs=1e-3)
    json.dumps(scores, allow_nan=False)


def test_a_picture_that_is_left_out_takes_its_metres_with_it(tmp_path: Path) -> None:
    bodies = [standing(left_toe=(0.3, 0, 0)), standing()]
    pictures = [labelled_picture(FLAT_XY, xyz.astype(np.float32)) for xyz in bodies]
    pictures[0] = replace(pictures[0], encoded=b"broken")
    stills = testsets.Stills.of("k", "t", pictures)
    part = evaluation.evaluate_stills(stills, lambda _: pose_at(FLAT_XY, standing()), tmp_path)
    assert part["images"] == part["images_in_metres"] == 1
    assert part["scores"]["formcue"]["mpjpe_mm"] == pytest.approx(0, abs=1e-3)


# ------------------------------------------------------------------------------- the command


def options(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    evaluation.add_arguments(parser)
    return parser.parse_args(words)


def test_a_folder_without_a_test_set_is_named(tmp_path: Path) -> None:
    with pytest.raises(FormcueError, match=r"no test set there; put lspet-train-0\.zip and") as refused:
        evaluation.run(options("--data", str(tmp_path)))
    assert refused.value.exit_code == 2


class Everywhere:
    """A runtime without a network: its maps see joints in the middle of whatever they are shown."""

    model_name, sha256, device, runtime, notes = "none", "0" * 64, "cpu", "torch", ()
    input_size = finder_size = 256

    def warm_up(self) -> None:
        """Nothing to warm."""

    def pose_maps(self, batch: np.ndarray) -> np.ndarray:
        maps = np.full((len(batch), 2 * NUM_JOINTS, 64, 64), -20, np.float32)
        for joint in range(NUM_JOINTS):
            maps[:, joint, 20 + joint, 30 + joint % 5] = 10
        maps[:, NUM_JOINTS:] = 0
        return maps

    def lift(self, xyz: np.ndarray, confidence: np.ndarray) -> np.ndarray:
        return xyz

    def finder_maps(self, batch: np.ndarray) -> np.ndarray:
        maps = np.zeros((len(batch), 4, 32, 32), np.float32)
        maps[:, 0] = -20
        maps[:, 0, 16, 16], maps[:, 2, 16, 16], maps[:, 3, 16, 16] = 10, -0.1, np.log(0.3)
        return maps


def write_video(path: Path, frames: int) -> None:
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 25.0, (108, 192))
    for number in range(frames):
        writer.write(np.full((192, 108, 3), 20 * number % 256, np.uint8))
    writer.release()


def test_the_command_prints_and_writes_both_sets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("app.lasting.load_lasting", lambda *_, **__: (Everywhere(), ()))
    write_photographs(tmp_path)
    _, cameras = write_two_views(tmp_path)
    write_video(tmp_path / "video.mp4", 5)
    with zipfile.ZipFile(tmp_path / testsets.TWO_VIEW_FILE, "a") as archive:
        for name in cameras:
            archive.write(tmp_path / "video.mp4", name)
    out = tmp_path / "figures.json"
    assert main(["evaluate", "--data", str(tmp_path), "--out", str(out)]) == 0

    report = json.loads(out.read_text(encoding="utf-8"))
    assert report["schema"] == 2
    assert report["model"]["name"] == "none"
    assert [part["set"] for part in report["sets"]] == [
        "lspet-validation",
        *(f"two-view-3d {name}" for name in cameras),
    ]
    for part in report["sets"][1:]:
        assert part["frames"] == 5
        assert part["scores"]["formcue"]["found"] == 1.0
    printed = capsys.readouterr().out
    assert "Photographs: 4 of LSPET" in printed
    assert "camera-3.mp4, 5 frames" in printed


def test_any_data_set_can_be_measured_with_its_depth(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    rng = np.random.default_rng(0)
    solid = rng.uniform((40, 40, -60), (200, 200, 60), (3, NUM_JOINTS, 3))
    middle = solid[:, [Joint.left_hip, Joint.right_hip]].mean(axis=1, keepdims=True)
    pictures = [
        LabelledPicture(
            name=f"p{n}",
            encoded=b"broken"
            if n == 2
            else cv2.imencode(".png", np.full((240, 240, 3), 80 * n, np.uint8))[1].tobytes(),
            xy=row[:, :2].astype(np.float32),
            xy_weight=np.ones(NUM_JOINTS, np.float32),
            depth=(row - middle[n])[:, 2].astype(np.float32),
            depth_weight=np.ones(NUM_JOINTS, np.float32),
        )
        for n, row in enumerate(solid)
    ]
    write_packed(tmp_path / "mine.npz", pictures, [True] * 3)
    stills = testsets.read_labelled("packed", [str(tmp_path / "mine.npz")])

    def estimate_still(image: np.ndarray) -> Pose | None:
        row = round(float(image.mean()) / 80)
        xyz = (solid[row] - middle[row]) * 0.003  # the scale of metres is the estimator's own
        if row == 1:
            xyz[:, 2] *= -1  # seen the wrong way round: angles are right, depths are not
        return pose_at(solid[row, :, :2], xyz)

    scores = evaluation.evaluate_stills(stills, estimate_still, tmp_path)["scores"]["formcue"]
    assert scores["pck"] == 1.0 and scores["pckh"] == 1.0
    assert scores["knee_degrees"] == pytest.approx(0, abs=0.1)
    clear = [
        abs(row[a, 2] - row[b, 2]) > 0.2 * np.linalg.norm(row[Joint.left_shoulder] - row[Joint.right_hip])
        for row in solid[:2]
        for a, b in BONES
    ]
    first = sum(clear[: len(BONES)])
    assert scores["depth_sign"] == pytest.approx(first / sum(clear))
    assert "packed mine.npz: 3 people, held out" in capsys.readouterr().out
    assert "mine.npz#2: not a readable picture; skipped" in caplog.text


class Symmetric(Everywhere):
    """Its mirror image is itself, so that pictures on their own are believed."""

    def pose_maps(self, batch: np.ndarray) -> np.ndarray:
        maps = np.full((len(batch), 2 * NUM_JOINTS, 64, 64), -20, np.float32)
        for joint in Joint:
            out = 2 + min(joint, MIRROR[joint]) // 2
            columns = {"left": [32 + out], "right": [31 - out]}.get(joint.name.partition("_")[0], [31, 32])
            maps[:, joint, 14 + 2 * min(joint, MIRROR[joint]), columns] = 10
        maps[:, NUM_JOINTS:] = 0
        return maps


@pytest.mark.parametrize("kind", ["h36m", "mpi_inf_3dhp", "packed"])
def test_sets_in_metres_are_measured_in_3d(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("app.lasting.load_lasting", lambda *_, **__: (Symmetric(), ()))
    source, lacks = tmp_path / "set", {"nose", "left_heel", "right_heel"}
    if kind == "packed":
        source, lacks = tmp_path / "set.npz", set()
        write_packed(source, [labelled_picture(FLAT_XY, standing().astype(np.float32))], [True])
    else:
        xyz, xy = person_3d(32 if kind == "h36m" else 28, 1)
        write = write_h36m if kind == "h36m" else write_mpi
        write(source, xy, xyz, subject="S9" if kind == "h36m" else "S8")
    out = tmp_path / "figures.json"
    assert main(["evaluate", "--set", kind, str(source), "--out", str(out)]) == 0

    (part,) = json.loads(out.read_text(encoding="utf-8"))["sets"]
    assert part["images"] == part["images_in_metres"] == 1
    scores = part["scores"]["formcue"]
    assert scores["mpjpe_mm"] > scores["procrustes_mm"] > 1
    for name in ("pck3d_150mm", "auc3d_150mm", "depth_sign"):
        assert 0 <= scores[name] <= 1
    assert set(scores["mpjpe_mm_per_joint"]) == set(JOINT_NAMES) - lacks
    assert scores["degrees_per_joint"]["left_knee"] is not None
    printed = capsys.readouterr().out
    for text in ("MPJPE after Procrustes", "3D PCK@150 mm", "angle error (°)", "3D joints in metres of 1"):
        assert text in printed


def test_the_table_is_aligned_and_has_units() -> None:
    columns = {
        "formcue": {"found": 0.9581, "mpjpe_mm": 101.24, "pck_per_joint": {"nose": 0.5, "left_knee": 1.0}},
        "MediaPipe 0.10.21": {"found": 1.0, "mpjpe_mm": None, "pck_per_joint": {"nose": 0.25}},
    }
    assert evaluation.table("A set", columns).splitlines() == [
        "A set",
        "                                              formcue  MediaPipe 0.10.21",
        "person found                     %               95.8              100.0",
        "MPJPE, mid-hip aligned          mm              101.2                  -",
        "by joint, formcue / MediaPipe 0.10.21",
        "                       PCK@0.2 (%)",
        "  nose                 50.0 / 25.0",
        "  left_knee              100.0 / -",
    ]


def test_clips_become_sheets_and_a_line_each(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_video(tmp_path / "one.mp4", 30)
    with zipfile.ZipFile(tmp_path / "clips.zip", "w") as archive:
        archive.write(tmp_path / "one.mp4", "inside/two.mp4")
        archive.writestr("labels.json", "[]")

    class Follower:
        seen = 0

        def reset(self) -> None:
            self.seen = 0

        def estimate(self, frame: object) -> Pose | None:
            self.seen += 1
            return None if self.seen > 15 else pose_at(np.full((NUM_JOINTS, 2), 50.0))

    report = sheets.make_clip_sheets(
        [tmp_path / "one.mp4", tmp_path / "clips.zip"],
        tmp_path / "out",
        Follower(),
        tmp_path,  # type: ignore[arg-type]
    )
    assert [part["set"] for part in report] == ["clip one", "clip two"]
    assert report[1]["scores"]["formcue"] == {"found": 0.5, "side_switches": 0}
    sheet = cv2.imread(str(tmp_path / "out" / "two.jpg"))
    assert sheet is not None and sheet.shape[1] == 3 * (320 + 8)
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1].split() == ["all", "60", "50.0", "%", "0"]
    with pytest.raises(FormcueError, match=r"three\.mp4: there is no such clip or zip"):
        sheets.unpacked([tmp_path / "three.mp4"], tmp_path)


def test_a_peer_needs_its_interpreter(tmp_path: Path) -> None:
    write_photographs(tmp_path)
    with pytest.raises(FormcueError, match="--vs mediapipe: give --peer-python PATH"):
        evaluation.run(options("--data", str(tmp_path), "--vs", "mediapipe"))


def test_a_damaged_zip_is_one_line(tmp_path: Path) -> None:
    (tmp_path / testsets.TWO_VIEW_FILE).write_bytes(b"no zip")
    with pytest.raises(FormcueError, match=r"two-view-3d\.zip: cannot read joints\.json") as refused:
        testsets.read_views(tmp_path)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("python", ["no-such-interpreter", sys.executable])
def test_a_peer_that_does_not_answer_is_one_line(python: str, tmp_path: Path) -> None:
    # This project's own interpreter has no MediaPipe.
    if python == sys.executable:
        pytest.importorskip("cv2")
        with pytest.raises(ImportError):
            __import__("mediapipe")
    image = tmp_path / "grey.png"
    cv2.imwrite(str(image), np.full((40, 40, 3), 128, np.uint8))
    with pytest.raises(FormcueError, match=f"--peer-python {python}") as refused:
        answers.ask_peer(python, [image])
    assert "\n" not in str(refused.value)
