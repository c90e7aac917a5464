"""MediaPipe beside us, with a package in its place that answers fixed landmarks: what is read of it, and that
joints which it does not have are not held against it."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from app.skeleton import NUM_JOINTS, Joint, Pose
from app.training import answers, evaluation, sheets, testsets
from app.training.datasets import LabelledPicture
from app.training.sets import write_packed
from main import main
from tests.training.test_evaluation import Symmetric, pose_at, write_video

# As much of MediaPipe's API as is used. Landmark n lies at n %, n / 2 % of the picture and at n cm, n / 2 cm,
# -n cm; in pictures that are more blue than red there is nobody. Followed videos are seen less surely.
FAKE = """
from types import SimpleNamespace as Some

class Pose:
    def __init__(self, *, static_image_mode, model_complexity):
        self.sure = 0.9 if static_image_mode else 0.6

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def process(self, rgb):
        red, _, blue = rgb.mean(axis=(0, 1))
        if blue > red:
            return Some(pose_landmarks=None, pose_world_landmarks=None)
        flat = [Some(x=n / 100, y=n / 200, z=0.0, visibility=self.sure) for n in range(33)]
        solid = [Some(x=n / 100, y=n / 200, z=-n / 100, visibility=self.sure) for n in range(33)]
        return Some(pose_landmarks=Some(landmark=flat), pose_world_landmarks=Some(landmark=solid))

solutions = Some(pose=Some(Pose=Pose))
"""
# BlazePose's numbers, https://ai.google.dev/edge/mediapipe/solutions/vision/pose_landmarker
LANDMARK = {
    "nose": 0, "left_shoulder": 11, "right_shoulder": 12, "left_elbow": 13, "right_elbow": 14,
    "left_wrist": 15, "right_wrist": 16, "left_hip": 23, "right_hip": 24, "left_knee": 25, "right_knee": 26,
    "left_ankle": 27, "right_ankle": 28, "left_heel": 29, "right_heel": 30, "left_toe": 31, "right_toe": 32,
}  # fmt: skip
RED, BLUE = (20, 20, 220), (220, 20, 20)
WIDTH, HEIGHT = 400, 200


@pytest.fixture
def python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """An interpreter that has "MediaPipe 0.0.7"."""
    packages = tmp_path / "packages"
    (packages / "mediapipe").mkdir(parents=True)
    (packages / "mediapipe" / "__init__.py").write_text(FAKE)
    (packages / "mediapipe-0.0.7.dist-info").mkdir()
    (packages / "mediapipe-0.0.7.dist-info" / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: mediapipe\nVersion: 0.0.7\n"
    )
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, (str(packages), os.getenv("PYTHONPATH")))))
    return sys.executable


def picture(colour: tuple[int, int, int]) -> np.ndarray:
    return np.full((HEIGHT, WIDTH, 3), colour, np.uint8)


def landmarks() -> tuple[np.ndarray, np.ndarray]:
    """What the package answers: xy (19, 2) pixels, xyz (19, 3) metres; 0 where it has no such joint."""
    numbers = np.array([LANDMARK.get(joint.name, 0) for joint in Joint])[:, None]
    return numbers / 100 * [WIDTH, HEIGHT / 2], numbers / 100 * [1, 0.5, -1]


def test_landmarks_are_read_as_our_joints(python: str, tmp_path: Path) -> None:
    files = [tmp_path / "red.png", tmp_path / "blue.png"]
    for file, colour in zip(files, (RED, BLUE), strict=True):
        cv2.imwrite(str(file), picture(colour))
    name, (red, blue) = answers.ask_peer(python, files)
    assert name == "MediaPipe 0.0.7"
    assert red.lacking == blue.lacking == (Joint.head_top, Joint.neck)

    has = [Joint[joint] for joint in LANDMARK]
    xy, xyz = landmarks()
    assert red.xy[0, has] == pytest.approx(xy[has], abs=1e-3)
    assert red.xyz[0, has] == pytest.approx(xyz[has], abs=1e-6)
    assert red.confidence[0, has] == pytest.approx(0.9)
    assert red.confidence[0, list(red.lacking)].tolist() == [0, 0]
    assert np.isnan(red.xy[0, Joint.head_top]).all() and np.isnan(red.xyz[0, Joint.head_top]).all()
    assert red.xy[0, Joint.neck] == pytest.approx([0.115 * WIDTH, 0.0575 * HEIGHT])  # between the shoulders
    assert (red.milliseconds >= 0).all() and red.share == 1.0

    assert blue.share == 0.0 and np.isnan(blue.xy).all() and np.isnan(blue.xyz).all()
    assert not blue.confidence.any()
    both = answers.together([red, blue])
    assert both.share == 0.5 and both.lacking == red.lacking and both.xy.shape == (2, NUM_JOINTS, 2)


def test_videos_are_followed_frame_by_frame(python: str, tmp_path: Path) -> None:
    write_video(tmp_path / "grey.mp4", 4)
    cv2.imwrite(str(tmp_path / "red.png"), picture(RED))
    _, (video, image) = answers.ask_peer(python, [tmp_path / "grey.mp4", tmp_path / "red.png"])
    assert video.xy.shape == (4, NUM_JOINTS, 2) and image.xy.shape == (1, NUM_JOINTS, 2)
    seen = np.isfinite(video.xy[:, Joint.nose, 0])
    assert seen.any() and video.confidence[seen][:, Joint.nose] == pytest.approx(0.6)
    assert image.confidence[0, Joint.nose] == pytest.approx(0.9)


def test_a_file_that_the_peer_cannot_read_is_named(python: str, tmp_path: Path) -> None:
    (tmp_path / "broken.png").write_bytes(b"no picture")
    with pytest.raises(answers.PeerError, match=r"did not answer: .*broken\.png: not an image or video"):
        answers.ask_peer(python, [tmp_path / "broken.png"])


def labelled(colour: tuple[int, int, int] = RED) -> LabelledPicture:
    """A picture labelled as the package answers, but for head and neck, which lie elsewhere."""
    xy, xyz = landmarks()
    xy[[Joint.head_top, Joint.neck]] = (10, 150), (10, 190)
    middle = (xyz[Joint.left_hip] + xyz[Joint.right_hip]) / 2
    xyz[[Joint.head_top, Joint.neck]] = (1, 1, 1), (1, 1, 2)
    return LabelledPicture(
        name="p",
        encoded=cv2.imencode(".png", picture(colour))[1].tobytes(),
        xy=xy.astype(np.float32),
        xy_weight=np.ones(NUM_JOINTS, np.float32),
        depth=np.zeros(NUM_JOINTS, np.float32),
        depth_weight=np.zeros(NUM_JOINTS, np.float32),
        xyz=(xyz - middle).astype(np.float32),
    )


def test_joints_that_the_peer_lacks_are_not_held_against_it(
    python: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Both answer alike but for head and neck: the peer has none, ours are 1 m off. The means are alike."""
    stills = testsets.Stills.of("k", "A set", [labelled()])

    def estimate_still(_: np.ndarray) -> Pose:
        xyz = stills.xyz[0].copy()
        xyz[[Joint.head_top, Joint.neck]] += [1.0, 0, 0]
        return pose_at(stills.xy[0], xyz)

    alone = evaluation.evaluate_stills(stills, estimate_still, tmp_path)
    assert alone["means_without"] == []
    assert alone["scores"]["formcue"]["mpjpe_mm"] == pytest.approx(2000 / 19, abs=0.01)
    capsys.readouterr()

    part = evaluation.evaluate_stills(stills, estimate_still, tmp_path, peer=python)
    json.dumps(part, allow_nan=False)
    assert part["means_without"] == ["head_top", "neck"]
    assert list(part["scores"]) == ["formcue", "MediaPipe 0.0.7"]
    for scores in part["scores"].values():
        assert scores["found"] == scores["pck"] == scores["pckh"] == 1.0
        assert scores["mpjpe_mm"] == pytest.approx(0, abs=0.01)
        assert scores["procrustes_mm"] == pytest.approx(0, abs=0.01)
        assert scores["pck3d_150mm"] == 1.0
        assert scores["auc3d_150mm"] == pytest.approx(1, abs=1e-4)
        assert scores["depth_sign"] == 1.0
    ours, theirs = part["scores"].values()
    for joint in ("head_top", "neck"):
        assert ours["mpjpe_mm_per_joint"][joint] == pytest.approx(1000, abs=0.01)
        assert ours["pck_per_joint"][joint] == 1.0
        for group in ("pck_per_joint", "auc_per_joint", "pckh_per_joint", "mpjpe_mm_per_joint"):
            assert theirs[group][joint] is None
    assert theirs["mpjpe_mm_per_joint"]["left_toe"] == pytest.approx(0, abs=0.01)
    assert theirs["degrees_per_joint"]["left_knee"] == pytest.approx(0, abs=0.1)

    printed = capsys.readouterr().out
    rows = {line.split()[0]: line for line in printed.splitlines() if line.startswith("  ")}
    assert "100.0 / -" in rows["head_top"] and "1000.0 / -" in rows["neck"]
    assert "-" not in rows["left_toe"]
    assert "means are without head_top, neck: not every estimator has them" in printed


def test_a_bone_that_ends_in_a_lacking_joint_has_no_depth_sign(python: str, tmp_path: Path) -> None:
    """Of a set that labels only heads and hips nothing is left to tell."""
    still = labelled()
    still.xy_weight[:] = 0
    still.xy_weight[[Joint.head_top, Joint.nose, Joint.neck, Joint.left_hip, Joint.right_hip]] = 1
    stills = testsets.Stills.of("k", "A set", [still])
    part = evaluation.evaluate_stills(
        stills, lambda _: pose_at(stills.xy[0], stills.xyz[0]), tmp_path, peer=python
    )
    assert [scores["depth_sign"] for scores in part["scores"].values()] == [None, None]
    assert part["scores"]["formcue"]["pckh_per_joint"]["head_top"] == 1.0


def test_lacking_joints_count_for_nothing_whoever_asks() -> None:
    stills = testsets.Stills.of("k", "A set", [labelled()])
    xyz = stills.xyz[0] + 0
    xyz[Joint.left_wrist] += 5
    found = answers.collect([pose_at(stills.xy[0] + 0, xyz)])
    lacking = answers.Found(
        xy=found.xy,
        xyz=found.xyz,
        confidence=found.confidence,
        milliseconds=found.milliseconds,
        lacking=(Joint.left_wrist,),
    )
    scores = evaluation.score_stills(stills, lacking)
    assert scores["mpjpe_mm"] == pytest.approx(0, abs=0.01)
    assert scores["elbow_degrees"] == pytest.approx(0, abs=0.1)
    assert scores["degrees_per_joint"]["left_elbow"] is None
    assert evaluation.score_stills(stills, found)["elbow_degrees"] > 1


def test_the_command_shows_two_columns(
    python: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("app.lasting.load_lasting", lambda *_, **__: (Symmetric(), ()))
    write_packed(tmp_path / "set.npz", [labelled(), labelled(BLUE)], [True, True])
    out = tmp_path / "figures.json"
    words = ["evaluate", "--set", "packed", str(tmp_path / "set.npz"), "--vs", "mediapipe"]
    assert main([*words, "--peer-python", python, "--out", str(out)]) == 0
    (part,) = json.loads(out.read_text(encoding="utf-8"))["sets"]
    theirs = part["scores"]["MediaPipe 0.0.7"]
    assert theirs["found"] == theirs["pck"] == theirs["pck3d_150mm"] == 0.5
    assert theirs["mpjpe_mm"] == pytest.approx(0, abs=0.01)
    assert theirs["pck_per_joint"]["head_top"] is None
    assert part["scores"]["formcue"]["pck_per_joint"]["head_top"] is not None
    printed = capsys.readouterr().out
    assert "by joint, formcue / MediaPipe 0.0.7" in printed


def test_a_calibrated_view_is_shown_in_two_columns(python: str, tmp_path: Path) -> None:
    write_video(tmp_path / "view.mp4", 3)
    picture = labelled()
    assert picture.xyz is not None
    view = testsets.View(
        name="view.mp4",
        xyz=np.array([picture.xyz] * 3, float),
        xy=np.array([picture.xy] * 3, float) * [108 / WIDTH, 192 / HEIGHT],
        mask=np.ones((3, NUM_JOINTS), bool),
    )
    part = evaluation.evaluate_view(view, lambda _: None, tmp_path / "view.mp4", python)
    theirs = part["scores"]["MediaPipe 0.0.7"]
    assert part["means_without"] == ["head_top", "neck"]
    assert theirs["mpjpe_mm"] == pytest.approx(0, abs=0.01)
    assert theirs["mpjpe_mm_per_joint"]["neck"] is None and theirs["pck_per_joint"]["neck"] is None
    assert theirs["pck"] == theirs["found"]


def test_sheets_draw_what_the_peer_has(python: str, tmp_path: Path) -> None:
    file = tmp_path / "red.png"
    cv2.imwrite(str(file), picture(RED))
    _, (found,) = answers.ask_peer(python, [file])
    shown = sheets.drawn(picture(RED), found.xy[0], found.confidence[0], width=WIDTH)
    changed = (shown != picture(RED)).any(axis=2)
    assert changed[round(found.xy[0, Joint.left_knee, 1]), round(found.xy[0, Joint.left_knee, 0])]
    # From the nose, which lies in the corner, goes a bone to the neck, and none to a crown.
    neck = found.xy[0, Joint.neck] / 2
    assert changed[round(neck[1]), round(neck[0])]
    nobody = np.full((NUM_JOINTS, 2), np.nan)
    assert (sheets.drawn(picture(RED), nobody, None, width=WIDTH) == picture(RED)).all()
