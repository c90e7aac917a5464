"""Labels from a teacher: what is kept, and where it comes to lie. What the teacher sees is made up."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

import main
from app.capture import Frame
from app.crop import Crop, Image
from app.errors import FormcueError
from app.estimator import Reading
from app.lifter import Lifter
from app.skeleton import NUM_JOINTS, FloatArray, Joint
from app.training import labelling
from app.training.blazepose import Answer
from app.training.datasets import LSP_ORDER, LabelledPicture
from app.training.labelling import Known, Seen, added_labels, fused, own_labels, torso, weak_scale
from app.training.sets import load_sets, write_packed
from app.weights import load_weights

SIZE = (300, 400)
FOCAL = 180.0  # pixels a metre of the made-up people


LIFT = Lifter.load(load_weights("auto", "lifter"), share=0.0)  # leaves depth as it is told


def person(seed: int = 0) -> Seen:
    """Somebody upright in a picture of 300 x 400, pixels as weak perspective has them; all agree on him."""
    rng = np.random.default_rng(seed)
    xyz = rng.normal(0, 0.12, (NUM_JOINTS, 3))
    for joint in Joint:
        xyz[joint, 0] += (
            0.2 if joint.name.startswith("left") else -0.2 if joint.name.startswith("right") else 0
        )
        xyz[joint, 1] += -0.8 + 1.6 * joint / 18
    xyz -= xyz[[Joint.left_hip, Joint.right_hip]].mean(axis=0)
    confidence = np.full(NUM_JOINTS, 0.9)
    confidence[[Joint.head_top, Joint.neck]] = 0.0
    xy = xyz[:, :2] * FOCAL + (150, 200)
    read = Reading(
        xy=xy.astype(np.float32),
        depth=(xyz[:, 2] * FOCAL).astype(np.float32),
        confidence=np.full(NUM_JOINTS, 0.8, np.float32),
        crop=Crop(centre=(150, 200), side=400),
    )
    return Seen(xy=xy, xyz=xyz, confidence=confidence, read=read)


def answer(seen: Seen, presence: float = 1.0) -> Answer:
    return Answer(
        xy=seen.xy, xyz=seen.xyz, confidence=seen.confidence, presence=presence, crop=seen.read.crop
    )


def in_pixels(labels: labelling.Labels, joint: Joint) -> float:
    """The depth of a joint before the hips'."""
    return float(labels.depth[joint] - labels.depth[[Joint.left_hip, Joint.right_hip]].mean())


def test_a_teacher_that_agrees_with_itself_is_trusted() -> None:
    seen = person()
    both = fused(answer(seen), answer(seen), seen.read, 100.0)
    np.testing.assert_allclose(both.xy, seen.xy)
    np.testing.assert_allclose(both.xyz, seen.xyz)
    np.testing.assert_allclose(both.confidence, seen.confidence)
    doubtful = fused(answer(seen), answer(seen, 0.1), seen.read, 100.0)
    assert own_labels(doubtful, SIZE, LIFT) is None, "once it saw hardly anybody there"


def test_where_the_passes_disagree_the_label_loses_its_weight() -> None:
    seen = person()
    other = seen.xy.copy()
    length = torso(seen.xy, np.ones(NUM_JOINTS, bool))
    other[Joint.left_wrist] += (0.12 * length, 0)  # at this distance 1/e is left
    other[Joint.right_knee] += (length, 0)
    both = fused(answer(seen), answer(replace(seen, xy=other)), seen.read, length)
    assert both.confidence[Joint.left_wrist] == pytest.approx(0.9 / np.e)
    assert both.confidence[Joint.right_knee] < 0.01
    labels = own_labels(both, SIZE, LIFT)
    assert labels is not None
    assert labels.weight[Joint.right_knee] == labels.weight[Joint.left_wrist] == 0
    assert labels.weight[Joint.left_knee] == pytest.approx(0.9)


def test_a_hidden_joint_counts_where_the_app_sees_it_too() -> None:
    seen = person()
    hidden = seen.confidence.copy()
    hidden[[Joint.left_knee, Joint.right_knee]] = 0.1
    elsewhere = seen.read.xy.copy()
    elsewhere[Joint.right_knee] += 60
    both = fused(*[answer(replace(seen, confidence=hidden))] * 2, replace(seen.read, xy=elsewhere), 100.0)
    assert both.confidence[Joint.left_knee] == pytest.approx(0.6)
    assert both.confidence[Joint.right_knee] == pytest.approx(0.1)
    labels = own_labels(both, SIZE, LIFT)
    assert labels is not None and labels.weight[Joint.left_knee] > 0 == labels.weight[Joint.right_knee]


def test_what_lies_outside_of_the_picture_is_no_label() -> None:
    seen = person()
    labels = own_labels(seen, (300, int(seen.xy[Joint.left_ankle, 1])), LIFT)
    assert labels is not None
    assert labels.weight[Joint.left_ankle] == 0 < labels.weight[Joint.left_knee]


def test_depth_is_on_the_scale_of_the_picture() -> None:
    seen = person()
    assert weak_scale(seen.xy, seen.xyz, seen.confidence) == pytest.approx(FOCAL)
    labels = own_labels(seen, SIZE, LIFT)
    assert labels is not None
    for joint in (Joint.left_wrist, Joint.right_knee):
        assert in_pixels(labels, joint) == pytest.approx(seen.xyz[joint, 2] * FOCAL, abs=0.1)
    # BlazePose has no crown and no neck: they are the app's own.
    np.testing.assert_allclose(labels.xy[Joint.neck], seen.read.xy[Joint.neck])
    assert 0 < labels.weight[Joint.neck] < labels.weight[Joint.left_knee]
    assert own_labels(replace(seen, confidence=np.full(NUM_JOINTS, 0.4)), SIZE, LIFT) is None


def test_depth_on_which_teacher_and_app_differ_weighs_little() -> None:
    seen = person()
    depth = seen.read.depth.copy()
    depth[Joint.left_wrist] += 0.6 * FOCAL
    labels = own_labels(replace(seen, read=replace(seen.read, depth=depth)), SIZE, LIFT)
    assert labels is not None
    assert labels.depth_weight[Joint.left_wrist] < 0.1 * labels.depth_weight[Joint.right_wrist]
    assert in_pixels(labels, Joint.left_wrist) == pytest.approx(
        (seen.xyz[Joint.left_wrist, 2] + 0.3) * FOCAL, rel=0.1
    )
    assert labels.weight[Joint.left_wrist] == labels.weight[Joint.right_wrist]


def lsp_labels(seen: Seen) -> tuple[np.ndarray, np.ndarray]:
    weight = np.zeros(NUM_JOINTS, np.float32)
    weight[list(LSP_ORDER)] = 1
    return seen.xy.astype(np.float32), weight


def test_labels_and_teacher_are_averaged_where_they_agree() -> None:
    seen = person()
    xy, weight = lsp_labels(seen)
    length = torso(seen.xy, weight > 0)
    xy[Joint.left_ankle] += (0.1 * length, 0)  # a little off: agrees
    xy[Joint.right_ankle] += (0.6 * length, 0)  # a label elsewhere
    xy[Joint.left_hip] += (0.1 * length, 0)
    labels = added_labels(xy, weight, seen, LIFT)

    def share(joint: Joint) -> float:
        """How far the label went on its way to the teacher's joint."""
        return float((xy[joint, 0] - labels.xy[joint, 0]) / (xy[joint, 0] - seen.xy[joint, 0]))

    assert share(Joint.left_ankle) == pytest.approx(1.35 / 2.35, abs=1e-3)
    assert share(Joint.left_hip) == pytest.approx(0.9 / 1.9, abs=1e-3)
    np.testing.assert_allclose(labels.xy[Joint.right_ankle], xy[Joint.right_ankle], rtol=1e-6)
    assert labels.weight[Joint.right_ankle] == 0.5, "one of them is wrong"
    assert labels.depth_weight[Joint.left_knee] > 0 and labels.depth_weight[Joint.left_ankle] > 0
    assert labels.depth_weight[Joint.right_ankle] == 0
    # Nose and the left foot come from the teacher, the foot moved along with the ankle.
    assert labels.weight[Joint.nose] > 0
    moved = labels.xy[Joint.left_ankle] - seen.xy[Joint.left_ankle]
    assert labels.xy[Joint.left_toe] - seen.xy[Joint.left_toe] == pytest.approx(moved, abs=1e-3)
    assert labels.weight[Joint.right_toe] == labels.depth_weight[Joint.right_toe] == 0
    assert in_pixels(labels, Joint.left_knee) == pytest.approx(seen.xyz[Joint.left_knee, 2] * FOCAL, abs=8)


@pytest.mark.parametrize("saw", [None, "someone else"])
def test_labels_stay_as_they_are_where_the_teacher_saw_nothing_of_use(saw: str | None) -> None:
    xy, weight = lsp_labels(person())
    seen = None if saw is None else replace(person(), xy=person().xy[:, ::-1] * 0.5 - 500)
    labels = added_labels(xy, weight, seen, LIFT)
    known = weight > 0
    np.testing.assert_allclose(labels.xy[known], xy[known], rtol=1e-6)
    assert (labels.weight[known] > 0).all() and not labels.weight[~known].any()
    assert not labels.depth_weight.any()


# ---------------------------------------------------------------------------------------- the command


class MadeUp:
    """A teacher who sees person() in bright pictures."""

    lift = LIFT

    def __init__(self, _network: object) -> None:
        pass

    def find(self, frame: Frame) -> tuple[FloatArray, Known] | None:
        seen = person()
        return (seen.read.xy, seen.confidence > 0) if frame.image.mean() > 20 else None

    def see(self, image: Image, _xy: FloatArray, _known: Known) -> Seen | None:
        return person() if image.mean() > 20 else None


@pytest.fixture
def teacher(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(labelling, "Teacher", MadeUp)
    monkeypatch.setattr(labelling, "BlazePose", lambda _path: None)


def write_clip(path: Path, values: Sequence[int]) -> None:
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 25.0, (300, 400))
    for value in values:
        writer.write(np.full((400, 300, 3), value, np.uint8))
    writer.release()


def test_clips_and_photographs_become_a_packed_set(
    teacher: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # Of the clip's six frames three differ from the one before; in the dark one nobody is found.
    write_clip(tmp_path / "clip.avi", [100, 100, 160, 160, 0, 0])
    with zipfile.ZipFile(tmp_path / "photographs.zip", "w") as archive:
        archive.writestr("a/1.png", cv2.imencode(".png", np.full((400, 300, 3), 90, np.uint8))[1].tobytes())
    out = tmp_path / "labels.npz"
    files = [str(tmp_path / "clip.avi"), str(tmp_path / "photographs.zip")]
    assert main.main(["label", *files, "--out", str(out), "--teacher", "heavy.tflite"]) == 0
    assert "labels.npz: 3 pictures, 3 of them with depth, 0 held out" in capsys.readouterr().out
    pictures = load_sets("packed", [str(out)], validation=False)
    scale = pictures[0].decode().shape[1] / 300
    knee, ankle = Joint.left_knee, Joint.right_ankle
    for picture in pictures:
        np.testing.assert_allclose(
            picture.xy[knee] - picture.xy[ankle], (person().xy[knee] - person().xy[ankle]) * scale, atol=1
        )
        assert picture.depth[knee] == pytest.approx(person().xyz[knee, 2] * FOCAL * scale, abs=1)
    assert main.main(["label", *files, "--out", str(out), "--teacher", "heavy.tflite", "--whole"]) == 0
    frame = load_sets("packed", [str(out)], validation=False)[0]
    assert frame.decode().shape[:2] == (360, 270), "the whole frame, for the finder"


def test_labelled_photographs_get_depth_and_keep_their_split(
    teacher: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
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
    order = ["label", str(tmp_path / "flat.npz"), "--labelled", "packed", "--teacher", "heavy.tflite"]
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
        (["clip.avi"], "--teacher no-such.tflite: there is no such file"),
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
    assert main.main(["label", *order, "--out", "a.npz", "--teacher", "no-such.tflite"]) == 2
    error = capsys.readouterr().err
    assert says in error and error.count("\n") == 1
    assert not (tmp_path / "a.npz").exists()


def test_nobody_found_is_no_empty_set(teacher: None, tmp_path: Path) -> None:
    write_clip(tmp_path / "dark.avi", [0, 5])
    order = [
        "label",
        str(tmp_path / "dark.avi"),
        "--out",
        str(tmp_path / "a.npz"),
        "--teacher",
        "heavy.tflite",
    ]
    assert main.main(order) == 1
    with pytest.raises(FormcueError, match="sure of nobody"):
        labelling.run(_parsed(order))


def _parsed(order: list[str]) -> object:
    parser = main.Parser(prog="main.py")
    labelling.add_parser(parser.add_subparsers(parser_class=main.Parser))
    return parser.parse_args(order)
