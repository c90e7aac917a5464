"""Labels from a teacher: what is kept, and where it comes to lie. The teacher is made up."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

import main
from app.errors import FormcueError
from app.skeleton import MIRROR, NUM_JOINTS, Joint
from app.training import labelling
from app.training.answers import Found
from app.training.datasets import LSP_ORDER, LabelledPicture
from app.training.labelling import (
    Seen,
    added_labels,
    fused,
    own_labels,
    turned_back,
    upright_turns,
    weak_scale,
)
from app.training.sets import load_sets, write_packed

FOCAL = 180.0  # pixels a metre of the made-up people


def person(seed: int = 0) -> Seen:
    """Somebody upright in a picture of 300 x 400, pixels as weak perspective has them."""
    rng = np.random.default_rng(seed)
    xyz = rng.normal(0, 0.12, (NUM_JOINTS, 3))
    for joint in Joint:
        xyz[joint, 0] += (
            0.2 if joint.name.startswith("left") else -0.2 if joint.name.startswith("right") else 0
        )
        xyz[joint, 1] += -0.8 + 1.6 * joint / 18
    return Seen(xy=xyz[:, :2] * FOCAL + (150, 200), xyz=xyz, confidence=np.full(NUM_JOINTS, 0.9))


def in_the_mirror(seen: Seen, width: int) -> Seen:
    xy = seen.xy.copy()
    xy[:, 0] = width - xy[:, 0]
    return Seen(xy=xy[MIRROR], xyz=(seen.xyz * (-1, 1, 1))[MIRROR], confidence=seen.confidence[MIRROR])


def test_a_teacher_that_agrees_with_itself_is_trusted() -> None:
    seen = person()
    both = fused(seen, in_the_mirror(seen, 300), 300)
    np.testing.assert_allclose(both.xy, seen.xy)
    np.testing.assert_allclose(both.xyz, seen.xyz)
    known = [j for j in Joint if j not in (Joint.head_top, Joint.neck)]
    np.testing.assert_allclose(both.confidence[known], 0.9)
    assert both.confidence[Joint.neck] == 0, "MediaPipe has no neck"


def test_where_the_passes_disagree_the_label_loses_its_weight() -> None:
    seen = person()
    other = seen.xy.copy()
    torso = np.linalg.norm(seen.xy[Joint.left_shoulder] - seen.xy[Joint.right_hip])
    other[Joint.left_wrist] += (0.12 * torso, 0)  # at this distance 1/e is left
    other[Joint.right_knee] += (torso, 0)
    both = fused(seen, in_the_mirror(replace(seen, xy=other), 300), 300)
    assert both.confidence[Joint.left_wrist] == pytest.approx(0.9 / np.e, rel=0.2)
    assert both.confidence[Joint.right_knee] < 0.01
    labels = own_labels(both)
    assert labels is not None
    assert labels.weight[Joint.right_knee] == labels.weight[Joint.left_wrist] == 0
    assert labels.weight[Joint.left_knee] == pytest.approx(0.9)


def test_depth_is_on_the_scale_of_the_picture() -> None:
    seen = person()
    scale, apart = weak_scale(seen.xy, seen.xyz, seen.confidence)
    assert scale == pytest.approx(FOCAL)
    assert apart.max() < 1e-9
    labels = own_labels(seen)
    assert labels is not None
    np.testing.assert_allclose(labels.depth, seen.xyz[:, 2] * FOCAL, rtol=1e-4)
    assert (labels.depth_weight > 0).all()
    unsure = seen.confidence.copy()
    unsure[Joint.left_hip] = 0.1
    labels = own_labels(replace(seen, confidence=unsure))
    assert labels is not None and not labels.depth_weight.any(), "without mid-hip there is no depth"
    assert own_labels(replace(seen, confidence=np.full(NUM_JOINTS, 0.4))) is None


def lsp_labels(seen: Seen) -> tuple[np.ndarray, np.ndarray]:
    weight = np.zeros(NUM_JOINTS, np.float32)
    weight[list(LSP_ORDER)] = 1
    return seen.xy.astype(np.float32), weight


def test_depth_is_added_only_where_the_teacher_agrees_with_the_label() -> None:
    seen = person()
    xy, weight = lsp_labels(seen)
    body = np.ptp(xy[weight > 0], axis=0).max()
    xy[Joint.left_ankle] += (0.04 * body, 0)  # a little off: agrees
    xy[Joint.right_ankle] += (0.2 * body, 0)  # a label elsewhere
    labels = added_labels(xy, weight, seen)
    np.testing.assert_array_equal(labels.xy[list(LSP_ORDER)], xy[list(LSP_ORDER)])
    assert labels.depth_weight[Joint.left_knee] > 0 and labels.depth_weight[Joint.left_ankle] > 0
    assert labels.depth_weight[Joint.right_ankle] == 0
    # Nose and the left foot come from the teacher, the foot moved along with the labelled ankle.
    assert labels.weight[Joint.nose] > 0
    assert labels.xy[Joint.left_toe] - seen.xy[Joint.left_toe] == pytest.approx([0.04 * body, 0], abs=1e-3)
    assert labels.weight[Joint.right_toe] == labels.depth_weight[Joint.right_toe] == 0
    assert labels.depth[Joint.left_knee] == pytest.approx(seen.xyz[Joint.left_knee, 2] * FOCAL, rel=0.1)


@pytest.mark.parametrize("answer", [None, "someone else"])
def test_labels_stay_as_they_are_where_the_teacher_saw_nothing_of_use(answer: str | None) -> None:
    xy, weight = lsp_labels(person())
    seen = None if answer is None else replace(person(), xy=person().xy[:, ::-1] * 0.5)
    labels = added_labels(xy, weight, seen)
    np.testing.assert_array_equal(labels.weight, weight)
    assert not labels.depth_weight.any()


@pytest.mark.parametrize("quarters", [0, 1, 2, 3])
def test_what_was_seen_in_a_turned_picture_is_turned_back(quarters: int) -> None:
    width, height = 120, 80
    point = np.array([30.0, 50.0])
    image = np.zeros((height, width), np.uint8)
    image[50, 30] = 255
    rows, columns = np.nonzero(np.rot90(image, quarters))
    xy = np.tile([columns[0] + 0.5, rows[0] + 0.5], (NUM_JOINTS, 1))
    # X to the right of the turned picture, in the original's axes.
    ahead = np.tile([1.0, 0.0, 2.0], (NUM_JOINTS, 1))
    back = turned_back(Seen(xy=xy, xyz=ahead, confidence=np.ones(NUM_JOINTS)), quarters, width, height)
    assert back.xy[0] == pytest.approx(point + 0.5)
    assert back.xyz[0] == pytest.approx([(1, 0, 2), (0, 1, 2), (-1, 0, 2), (0, -1, 2)][quarters])
    # A body that lies is turned upright by as many turns as this says.
    lying = np.zeros((NUM_JOINTS, 2), np.float32)
    lying[Joint.neck] = [(0, -1), (1, 0), (0, 1), (-1, 0)][quarters]
    assert upright_turns(lying, np.ones(NUM_JOINTS, np.float32)) == quarters


# ---------------------------------------------------------------------------------------- the command


def answer_as(seen: Seen) -> Found:
    return Found(
        xy=seen.xy[None], xyz=seen.xyz[None], confidence=seen.confidence[None], milliseconds=np.ones(1)
    )


def made_up_peer(_python: str, files: Sequence[Path]) -> tuple[str, list[Found]]:
    """Finds person() in bright pictures 300 pixels wide and its mirror image in every second file."""
    answers = []
    for number, file in enumerate(files):
        image = cv2.imread(str(file))
        assert image is not None
        seen = person() if number % 2 == 0 else in_the_mirror(person(), image.shape[1])
        if image.mean() < 20:
            seen = replace(seen, xy=np.full((NUM_JOINTS, 2), np.nan))
        answers.append(answer_as(seen))
    return "made up", answers


@pytest.fixture
def peer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(labelling, "ask_peer", made_up_peer)


def write_clip(path: Path, values: Sequence[int]) -> None:
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 25.0, (300, 400))
    for value in values:
        writer.write(np.full((400, 300, 3), value, np.uint8))
    writer.release()


def test_clips_and_photographs_become_a_packed_set(
    peer: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # Of the clip's six frames three differ from the one before; in the dark one nobody is found.
    write_clip(tmp_path / "clip.avi", [100, 100, 160, 160, 0, 0])
    with zipfile.ZipFile(tmp_path / "photographs.zip", "w") as archive:
        archive.writestr("a/1.png", cv2.imencode(".png", np.full((400, 300, 3), 90, np.uint8))[1].tobytes())
    out = tmp_path / "labels.npz"
    files = [str(tmp_path / "clip.avi"), str(tmp_path / "photographs.zip")]
    assert main.main(["label", *files, "--out", str(out), "--peer-python", "python"]) == 0
    assert "labels.npz: 3 pictures, 3 of them with depth, 0 held out" in capsys.readouterr().out
    pictures = load_sets("packed", [str(out)], validation=False)
    scale = pictures[0].decode().shape[1] / 300
    knee, ankle = Joint.left_knee, Joint.right_ankle
    for picture in pictures:
        np.testing.assert_allclose(
            picture.xy[knee] - picture.xy[ankle], (person().xy[knee] - person().xy[ankle]) * scale, atol=1
        )
        assert picture.depth[knee] == pytest.approx(person().xyz[knee, 2] * FOCAL * scale, abs=1)
    assert main.main(["label", *files, "--out", str(out), "--peer-python", "python", "--whole"]) == 0
    frame = load_sets("packed", [str(out)], validation=False)[0]
    assert frame.decode().shape[:2] == (360, 270), "the whole frame, for the finder"


def test_labelled_photographs_get_depth_and_keep_their_split(
    peer: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    xy, weight = lsp_labels(person())
    nothing = np.zeros(NUM_JOINTS, np.float32)
    pictures = [
        LabelledPicture(
            name=f"p{n}",
            encoded=cv2.imencode(".png", np.full((400, 300, 3), value, np.uint8))[1].tobytes(),
            xy=xy,
            xy_weight=weight,
            depth=nothing,
            depth_weight=nothing,
        )
        for n, value in enumerate((100, 0, 150))
    ]
    write_packed(tmp_path / "flat.npz", pictures, [False, False, True])
    out = tmp_path / "deep.npz"
    order = ["label", str(tmp_path / "flat.npz"), "--labelled", "packed", "--peer-python", "python"]
    assert main.main([*order, "--out", str(out)]) == 0
    assert "3 pictures, 2 of them with depth, 1 held out" in capsys.readouterr().out
    lit, dark = load_sets("packed", [str(out)], validation=False)
    assert lit.depth[Joint.left_knee] == pytest.approx(person().xyz[Joint.left_knee, 2] * FOCAL, abs=1)
    assert not dark.depth_weight.any() and (dark.xy_weight == weight).all()
    assert main.main(["pack", "packed", str(out), "--out", str(tmp_path / "again.npz")]) == 0
    assert "3 people, 2 of them with depth, 1 held out" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("order", "says"),
    [
        (["nowhere.mp4"], "nowhere.mp4: there is no such file"),
        (["clip.avi", "--frames", "0"], "--frames 0: expected 1 or more"),
        (["clip.avi", "--labelled", "lsp", "--whole"], "leave out --labelled"),
        (["clip.avi"], "--peer-python no-such-interpreter: cannot be started"),
    ],
)
def test_what_cannot_be_labelled_is_said_in_one_line(
    order: list[str],
    says: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    write_clip(tmp_path / "clip.avi", [100])
    assert main.main(["label", *order, "--out", "a.npz", "--peer-python", "no-such-interpreter"]) == 2
    error = capsys.readouterr().err
    assert says in error and error.count("\n") == 1
    assert not (tmp_path / "a.npz").exists()


def test_nobody_found_is_no_empty_set(peer: None, tmp_path: Path) -> None:
    write_clip(tmp_path / "dark.avi", [0, 5])
    order = ["label", str(tmp_path / "dark.avi"), "--out", str(tmp_path / "a.npz"), "--peer-python", "python"]
    assert main.main(order) == 1
    with pytest.raises(FormcueError, match="sure of nobody"):
        labelling.run(_parsed(order))


def _parsed(order: list[str]) -> object:
    parser = main.Parser(prog="main.py")
    labelling.add_parser(parser.add_subparsers(parser_class=main.Parser))
    return parser.parse_args(order)
