"""Published data sets, on small files of the same layouts: joints land under our names, errors name the
record, broken pictures are reported and left out."""

from __future__ import annotations

import json
import logging
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from app.skeleton import Joint
from app.training.datasets import LSP_ORDER, DataSetError, LabelledPicture
from app.training.readers import COCO_FEET, COCO_JOINTS, MPII_JOINTS, read_coco, read_lsp_set, read_mpii
from app.training.readers_3d import (
    EVERY,
    H36M_17_JOINTS,
    H36M_JOINTS,
    MPI_JOINTS,
    fitted_lens,
    read_h36m,
    read_mpi_inf_3dhp,
)
from app.training.sets import KINDS, load_sets, write_packed

WIDTH, HEIGHT = 640, 480


def dots(xy: np.ndarray) -> np.ndarray:
    """A picture (H, W, 3) with a white dot at each point."""
    image = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    for x, y in xy:
        cv2.circle(image, (round(float(x)), round(float(y))), 6, (255, 255, 255), -1)
    return image


def write_picture(path: Path, xy: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), dots(xy))


def scattered(count: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.uniform((60, 60), (580, 420), (count, 2)).round().astype(np.float32)


def assert_on_dots(picture: LabelledPicture, joints: set[Joint], lacking: set[Joint]) -> None:
    """The picture shows a dot at every labelled joint, and exactly these joints are labelled."""
    image = picture.decode()
    assert {Joint(j) for j in np.flatnonzero(picture.xy_weight)} == joints
    assert not joints & lacking
    for joint in joints:
        x, y = picture.xy[joint]
        assert image[round(float(y)), round(float(x))].mean() > 150, joint.name
    assert np.ptp(picture.xy[sorted(joints)], axis=0).max() <= 257, "bodies are shrunk"


# ---------------------------------------------------------------------------------------- COCO


def write_coco(folder: Path, annotations: list[dict[str, Any]], name: str = "train2017") -> Path:
    file = folder / "annotations" / f"person_keypoints_{name}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    images = [{"id": n, "file_name": f"{n:012d}.jpg"} for n in {row["image_id"] for row in annotations}]
    file.write_text(json.dumps({"images": images, "annotations": annotations}))
    return file


def coco_person(number: int, points: np.ndarray, flags: list[int], **more: Any) -> dict[str, Any]:
    keypoints = np.column_stack((points, flags)).ravel().tolist()
    return {"id": number, "image_id": 7, "keypoints": keypoints, "iscrowd": 0, **more}


def test_coco_people_are_cut_out_one_by_one(tmp_path: Path) -> None:
    points, feet = scattered(17), scattered(6, 1)
    flags = [2] * 17
    flags[9], flags[10] = 0, 1  # the left wrist is not labelled, the right one is hidden
    foot = np.column_stack((feet, [2] * 6)).ravel().tolist()
    people = [
        coco_person(1, points, flags),
        coco_person(2, points, flags, iscrowd=1),
        coco_person(3, points / 50, flags),  # too small
        coco_person(4, points, [2] * 3 + [0] * 14),  # too little labelled
        coco_person(5, points, flags, foot_kpts=foot),
    ]
    file = write_coco(tmp_path, people)
    write_picture(tmp_path / "train2017" / "000000000007.jpg", np.concatenate((points, feet)))
    pictures = list(read_coco(file))
    assert [picture.name for picture in pictures] == ["000000000007.jpg#1", "000000000007.jpg#5"]
    body = set(COCO_JOINTS.values()) - {Joint.left_wrist}
    assert_on_dots(pictures[0], body, {Joint.head_top, Joint.neck, Joint.left_heel, Joint.left_toe})
    assert_on_dots(pictures[1], body | set(COCO_FEET.values()), {Joint.head_top, Joint.neck})
    assert not pictures[0].depth_weight.any()


def test_coco_files_are_split_by_name(tmp_path: Path) -> None:
    files = []
    for name in ("train2017", "val2017"):
        points = scattered(17)
        files.append(str(write_coco(tmp_path, [coco_person(1, points, [2] * 17)], name)))
        write_picture(tmp_path / "images" / name / "000000000007.jpg", points)
    assert len(load_sets("coco", files, validation=False)) == 1
    assert len(load_sets("coco", files, validation=True)) == 1
    assert load_sets("coco", files[:1], validation=True) == []


def test_a_broken_coco_record_is_named(tmp_path: Path) -> None:
    file = write_coco(tmp_path, [{"id": 41, "image_id": 7, "keypoints": [1, 2, 3]}])
    with pytest.raises(DataSetError, match=r"person_keypoints_train2017\.json: annotation 41: expected"):
        list(read_coco(file))
    file.write_text("{}")
    with pytest.raises(DataSetError, match="not a COCO keypoints file"):
        list(read_coco(file))
    file.write_text("{")
    with pytest.raises(DataSetError, match="cannot be read as JSON"):
        list(read_coco(file))


def test_broken_pictures_are_reported_counted_and_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    points = scattered(17)
    people = [{**coco_person(n, points, [2] * 17), "image_id": n} for n in range(1, 4)]
    file = write_coco(tmp_path, people)
    write_picture(tmp_path / "train2017" / "000000000001.jpg", points)
    (tmp_path / "train2017" / "000000000002.jpg").write_bytes(b"no picture")
    with caplog.at_level(logging.WARNING):
        assert len(list(read_coco(file))) == 1
    assert "000000000002.jpg: not a readable picture; skipped" in caplog.text
    assert "000000000003.jpg: the picture is missing; skipped" in caplog.text
    assert "2 pictures could not be read" in caplog.text
    (tmp_path / "train2017" / "000000000001.jpg").unlink()
    with pytest.raises(
        DataSetError, match="none of its 3 pictures can be read; are they in the right folder"
    ):
        list(read_coco(file))


# ---------------------------------------------------------------------------------------- MPII

MPII_LACKS = {Joint.nose, Joint.left_heel, Joint.right_toe}


def test_mpii_conversion(tmp_path: Path) -> None:
    points = scattered(16)
    seen = [1] * 16
    seen[9] = 0
    file = tmp_path / "annot" / "train.json"
    file.parent.mkdir()
    row = {"image": "a.jpg", "joints": points.tolist(), "joints_vis": seen, "scale": 3.0}
    file.write_text(json.dumps([row]))
    write_picture(tmp_path / "images" / "a.jpg", points)
    (picture,) = read_mpii(file)
    assert_on_dots(picture, set(MPII_JOINTS.values()) - {Joint.head_top}, MPII_LACKS)
    file.write_text(json.dumps([row, {"image": "b.jpg", "joints": [[1, 2]]}]))
    with pytest.raises(DataSetError, match=r"train\.json: record 1: expected image, 16 x 2 joints"):
        list(read_mpii(file))


def mpii_release(pictures: list[tuple[str, list[np.ndarray]]], training: list[int]) -> Any:
    """The nested structures of MPII's file, for scipy to write."""

    def struct(**fields: Any) -> np.ndarray:
        result = np.zeros((1, 1), dtype=[(name, object) for name in fields])
        for name, value in fields.items():
            result[name][0, 0] = value
        return result

    def row(structs: list[np.ndarray]) -> Any:
        return np.concatenate(structs, axis=1) if structs else np.zeros((0, 0))

    annolist = []
    for name, people in pictures:
        rects = [
            struct(
                scale=2.0,
                annopoints=struct(
                    point=row([struct(x=x, y=y, id=n, is_visible=1) for n, (x, y) in enumerate(points)])
                ),
            )
            for points in people
        ]
        annolist.append(struct(image=struct(name=name), annorect=row(rects)))
    return {"RELEASE": struct(annolist=row(annolist), img_train=np.array([training], np.uint8))}


def test_mpii_as_published(tmp_path: Path) -> None:
    savemat = pytest.importorskip("scipy.io", reason="MATLAB files need scipy").savemat
    one, two = scattered(16, 2), scattered(16, 3)
    file = tmp_path / "mpii_human_pose_v1_u12_1.mat"
    savemat(file, mpii_release([("a.jpg", [one, two]), ("b.jpg", []), ("c.jpg", [one])], [1, 1, 0]))
    write_picture(tmp_path / "images" / "a.jpg", np.concatenate((one, two)))
    pictures = list(read_mpii(file))
    assert [picture.name for picture in pictures] == ["a.jpg#0", "a.jpg#1"]
    for picture in pictures:
        assert_on_dots(picture, set(MPII_JOINTS.values()), MPII_LACKS)
    savemat(file, {"other": 1})
    with pytest.raises(DataSetError, match="no variable RELEASE"):
        list(read_mpii(file))


# ---------------------------------------------------------------------------------------- LSP


def published_lsp(folder: Path, extended: bool, *lost: tuple[int, int]) -> None:
    """Two pictures in the layout of LSP or LSPET; lost: joint and column of numbers that one lacks."""
    savemat = pytest.importorskip("scipy.io", reason="MATLAB files need scipy").savemat
    rows = []
    for number in (1, 2):
        points = scattered(14, number)
        write_picture(folder / "images" / f"im{number:0{5 if extended else 4}d}.jpg", points)
        rows.append(np.column_stack((points, [0.0] + [1.0] * 13)))
    for place in lost:
        rows[-1][place] = np.nan
    joints = np.stack(rows, axis=2)  # 14 x 3 x N
    savemat(folder / "joints.mat", {"joints": joints if extended else joints.transpose(1, 0, 2)})


@pytest.mark.parametrize("extended", [False, True])
def test_lsp_as_published(tmp_path: Path, extended: bool) -> None:
    published_lsp(tmp_path, extended)
    pictures = list(read_lsp_set(tmp_path))
    assert len(pictures) == 2
    # The third number tells of LSPET whether a joint is labelled, of LSP whether it is hidden.
    expected = set(LSP_ORDER) - ({LSP_ORDER[0]} if extended else set())
    for picture in pictures:
        assert_on_dots(picture, expected, {Joint.nose, Joint.left_toe})


def test_a_broken_record_of_an_lsp_archive_is_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "lsp.zip"
    good = {"file": "im00001.jpg", "joints": np.ones((14, 3)).tolist()}
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("annotations.json", json.dumps([good, {"file": "im00002.jpg", "joints": [1]}]))
    with caplog.at_level(logging.WARNING), pytest.raises(DataSetError, match=r"lsp\.zip: record 1: expected"):
        list(read_lsp_set(path))
    assert "im00001.jpg: the picture is missing; skipped" in caplog.text


# ---------------------------------------------------------------------------------------- 3D


def person_3d(count: int, frames: int) -> tuple[np.ndarray, np.ndarray]:
    """Joints in camera axes (F, count, 3) millimetres, and pixels under focal 800, 820, centre 310, 250."""
    rng = np.random.default_rng(count)
    xyz = rng.uniform((-900, -600, 3500), (900, 600, 4500), (frames, count, 3))
    return xyz, (800, 820) * xyz[..., :2] / xyz[..., 2:] + (310, 250)


def write_frames(folder: Path, xy: np.ndarray) -> None:
    for number, points in enumerate(xy):
        write_picture(folder / f"frame_{number:06d}.jpg", points)


def assert_depth(picture: LabelledPicture, xyz: np.ndarray, order: Mapping[int, Joint]) -> None:
    """Depth is that of weak perspective, on the scale of the picture."""
    spot = {joint: n for n, joint in order.items()}
    hips = xyz[[spot[Joint.left_hip], spot[Joint.right_hip]], 2].mean()
    labelled = [joint for joint in order.values() if picture.depth_weight[joint]]
    assert len(labelled) >= 12
    # How much the picture was shrunk shows in the distance of any two joints.
    a, b = labelled[0], labelled[-1]
    flat = (800, 820) * xyz[:, :2] / xyz[:, 2:]
    shrunk = np.linalg.norm(picture.xy[a] - picture.xy[b]) / np.linalg.norm(flat[spot[a]] - flat[spot[b]])
    for joint in labelled:
        expected = (xyz[spot[joint], 2] - hips) * 810 / hips * shrunk
        assert picture.depth[joint] == pytest.approx(expected, abs=0.5), joint.name


def test_mpi_inf_3dhp_as_published(tmp_path: Path) -> None:
    savemat = pytest.importorskip("scipy.io", reason="MATLAB files need scipy").savemat
    frames = EVERY + 2
    xyz, xy = person_3d(28, frames)
    for subject in ("S1", "S8"):
        folder = tmp_path / subject / "Seq1"
        folder.mkdir(parents=True)
        cells: dict[str, Any] = {}
        for name, values in (("annot2", xy), ("annot3", xyz)):
            cells[name] = np.empty((2, 1), object)
            for camera in (0, 1):  # of the second camera nobody kept the video
                cells[name][camera, 0] = values.reshape(frames, -1)
        savemat(folder / "annot.mat", cells)
        write_frames(folder / "imageSequence" / "video_0", xy)
    pictures = list(read_mpi_inf_3dhp(tmp_path))
    assert [picture.name for picture in pictures] == ["S1/Seq1/video_0#0", f"S1/Seq1/video_0#{EVERY}"]
    assert_on_dots(pictures[1], set(MPI_JOINTS.values()), {Joint.nose, Joint.left_heel})
    assert_depth(pictures[1], xyz[EVERY], MPI_JOINTS)
    held_out = load_sets("mpi_inf_3dhp", [str(tmp_path)], validation=True)
    assert {picture.name[:2] for picture in held_out} == {"S8"}

    other = xyz + np.random.default_rng(1).normal(0, 400, xyz.shape)
    cells["annot3"][0, 0] = other.reshape(frames, -1)
    savemat(tmp_path / "S1" / "Seq1" / "annot.mat", cells)
    with pytest.raises(DataSetError, match=r"annot\.mat: camera 0: 2D and 3D labels do not belong together"):
        list(read_mpi_inf_3dhp(tmp_path))


def test_a_video_that_ends_early_is_reported(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    savemat = pytest.importorskip("scipy.io", reason="MATLAB files need scipy").savemat
    xyz, xy = person_3d(28, 2 * EVERY)
    folder = tmp_path / "S1" / "Seq1"
    (folder / "imageSequence").mkdir(parents=True)
    cells = {name: np.empty((1, 1), object) for name in ("annot2", "annot3")}
    cells["annot2"][0, 0], cells["annot3"][0, 0] = xy.reshape(len(xy), -1), xyz.reshape(len(xy), -1)
    savemat(folder / "annot.mat", cells)
    path = str(folder / "imageSequence" / "video_0.avi")
    writer = cv2.VideoWriter(path, cv2.VideoWriter.fourcc(*"MJPG"), 25.0, (WIDTH, HEIGHT))
    for points in xy[:3]:
        writer.write(dots(points))
    writer.release()
    with caplog.at_level(logging.WARNING):
        (picture,) = read_mpi_inf_3dhp(tmp_path)
    assert_on_dots(picture, set(MPI_JOINTS.values()), {Joint.nose})
    assert "the video ends here; skipped" in caplog.text


def write_cdf(path: Path, values: np.ndarray) -> None:
    cdfwrite = pytest.importorskip("cdflib.cdfwrite", reason="Human3.6M's files need cdflib")
    path.parent.mkdir(parents=True, exist_ok=True)
    file = cdfwrite.CDF(str(path), delete=True)
    spec = {"Variable": "Pose", "Data_Type": 45, "Num_Elements": 1, "Rec_Vary": True,
            "Dim_Sizes": [values.shape[1]], "Var_Type": "zVariable"}  # fmt: skip
    file.write_var(spec, var_data=values)
    file.close()


def test_human36m_as_published(tmp_path: Path) -> None:
    xyz, xy = person_3d(32, EVERY + 1)
    for subject in ("S1", "S9"):
        features = tmp_path / subject / "MyPoseFeatures"
        write_cdf(features / "D2_Positions" / "Walking 1.54138969.cdf", xy.reshape(len(xy), -1))
        write_cdf(features / "D3_Positions_mono" / "Walking 1.54138969.cdf", xyz.reshape(len(xyz), -1))
        # A folder of frames stands for the video.
        write_frames(tmp_path / subject / "Videos" / "Walking 1.54138969", xy)
    pictures = list(read_h36m(tmp_path))
    assert [p.name for p in pictures] == ["S1/Walking 1.54138969#0", f"S1/Walking 1.54138969#{EVERY}"]
    assert_on_dots(pictures[1], set(H36M_JOINTS.values()), {Joint.nose, Joint.left_heel})
    assert_depth(pictures[1], xyz[EVERY], H36M_JOINTS)
    assert {p.name[:2] for p in read_h36m(tmp_path, validation=True)} == {"S9"}
    write_cdf(tmp_path / "S1/MyPoseFeatures/D2_Positions/Walking 1.54138969.cdf", xy.reshape(len(xy), -1)[:5])
    with pytest.raises(DataSetError, match=r"Walking 1\.54138969\.cdf: 26 frames, but 5 in D2_Positions"):
        list(read_h36m(tmp_path))


@pytest.mark.parametrize("as_place", [True, False])
def test_human36m_converted(tmp_path: Path, as_place: bool) -> None:
    """The camera's translation is read in either of the conventions that are about."""
    xyz, xy = person_3d(17, 1)
    turn = cv2.Rodrigues(np.array([0.3, -1.2, 0.4]))[0]
    place = np.array([1500.0, -2200.0, 1600.0])
    world = xyz[0] @ turn + place  # xyz = turn (world - place)
    notes = tmp_path / "annotations"
    notes.mkdir()
    image = {"id": 3, "file_name": "s_01/a.jpg", "action_idx": 2, "subaction_idx": 1, "frame_idx": 0,
             "cam_idx": 4, "width": WIDTH, "height": HEIGHT}  # fmt: skip
    low, high = xy[0].min(0), xy[0].max(0)
    note = {"id": 9, "image_id": 3, "bbox": [*low.tolist(), *(high - low).tolist()]}
    shift = place if as_place else -turn @ place
    camera = {"R": turn.tolist(), "t": shift.tolist(), "f": [800, 820], "c": [310, 250]}
    for name, value in (
        ("data", {"images": [image], "annotations": [note]}),
        ("camera", {"4": camera}),
        ("joint_3d", {"2": {"1": {"0": world.tolist()}}}),
    ):
        (notes / f"Human36M_subject1_{name}.json").write_text(json.dumps(value))
    write_picture(tmp_path / "images" / "s_01" / "a.jpg", xy[0])
    (picture,) = read_h36m(tmp_path)
    assert_on_dots(picture, set(H36M_17_JOINTS.values()), {Joint.nose, Joint.left_heel, Joint.left_toe})
    assert_depth(picture, xyz[0], H36M_17_JOINTS)
    (notes / "Human36M_subject1_camera.json").write_text(json.dumps({"4": {**camera, "t": [0, 0, 0]}}))
    with pytest.raises(DataSetError, match=r"subject1_data\.json: image s_01/a\.jpg: the camera does not"):
        list(read_h36m(tmp_path))
    (notes / "Human36M_subject1_camera.json").write_text("{}")
    with pytest.raises(DataSetError, match=r"image s_01/a\.jpg: no camera, joints or bbox"):
        list(read_h36m(tmp_path))


def test_the_lens_is_found_from_the_labels() -> None:
    xyz, xy = person_3d(20, 3)
    lens = fitted_lens(xy.reshape(-1, 2), xyz.reshape(-1, 3), "here")
    assert lens.focal == pytest.approx([800, 820])
    assert lens.centre == pytest.approx([310, 250])
    with pytest.raises(DataSetError, match="here: the 3D labels are not in the camera's axes"):
        fitted_lens(xy.reshape(-1, 2), -xyz.reshape(-1, 3), "here")


# ---------------------------------------------------------------------------------------- sets


def test_what_is_packed_comes_back_with_its_split(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    pictures = [
        LabelledPicture(
            name=f"p{n}",
            encoded=cv2.imencode(".png", dots(scattered(3, n)))[1].tobytes(),
            xy=rng.random((19, 2), np.float32),
            xy_weight=np.ones(19, np.float32),
            depth=rng.random(19, np.float32),
            depth_weight=np.zeros(19, np.float32),
        )
        for n in range(3)
    ]
    write_packed(tmp_path / "set.npz", pictures, [False, True, False])
    back = load_sets("packed", [str(tmp_path / "set.npz")], validation=False)
    assert [picture.encoded for picture in back] == [pictures[0].encoded, pictures[2].encoded]
    np.testing.assert_array_equal(back[1].xy, pictures[2].xy)
    held_out = load_sets("packed", [str(tmp_path / "set.npz")], validation=True)
    np.testing.assert_array_equal(held_out[0].depth, pictures[1].depth)


@pytest.mark.parametrize("kind", list(KINDS))
def test_a_set_that_is_not_there_is_named(tmp_path: Path, kind: str) -> None:
    file = {"coco": "val.json", "mpii": "val.json", "packed": "a.npz"}.get(kind, "nothing")
    with pytest.raises(DataSetError, match=file) as refused:
        load_sets(kind, [str(tmp_path / file)], validation=True)
    assert "\n" not in str(refused.value) and refused.value.exit_code == 2
