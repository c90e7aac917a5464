"""Data sets with 3D labels: metres beside pictures, frames that keep their labels, broken ones refused."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from app.skeleton import NUM_JOINTS, Joint
from app.training.datasets import DataSetError, LabelledPicture
from app.training.readers_3d import (
    EVERY,
    H36M_17_JOINTS,
    H36M_JOINTS,
    MPI_JOINTS,
    fitted_lens,
    read_h36m,
    read_mpi_inf_3dhp,
)
from app.training.sets import load_sets, write_packed
from tests.training.test_readers import (
    WIDTH,
    assert_on_dots,
    dots,
    person_3d,
    scattered,
    write_cdf,
    write_picture,
)


def write_mpi(folder: Path, xy: np.ndarray, xyz: np.ndarray, first: int = 0, subject: str = "S1") -> Path:
    """MPI-INF-3DHP with one camera and its frames, numbered from `first`; returns the folder of frames."""
    savemat = pytest.importorskip("scipy.io", reason="MATLAB files need scipy").savemat
    sequence = folder / subject / "Seq1"
    frames = sequence / "imageSequence" / "video_0"
    frames.mkdir(parents=True)
    cells = {name: np.empty((1, 1), object) for name in ("annot2", "annot3")}
    cells["annot2"][0, 0], cells["annot3"][0, 0] = xy.reshape(len(xy), -1), xyz.reshape(len(xy), -1)
    savemat(sequence / "annot.mat", cells)
    for number, points in enumerate(xy, start=first):
        # A number of the video's own comes before that of the frame.
        write_picture(frames / f"cam0_{number}.jpg", points)
    return frames


def write_h36m(folder: Path, xy: np.ndarray, xyz: np.ndarray, subject: str = "S1") -> Path:
    """Human3.6M as published, with frames for the video; returns the folder of frames."""
    features, name = folder / subject / "MyPoseFeatures", "Walking 1.54138969"
    write_cdf(features / "D2_Positions" / f"{name}.cdf", xy.reshape(len(xy), -1))
    write_cdf(features / "D3_Positions_mono" / f"{name}.cdf", xyz.reshape(len(xyz), -1))
    frames = folder / subject / "Videos" / name
    for number, points in enumerate(xy):
        write_picture(frames / f"{name}_{number:06d}.jpg", points)
    return frames


def write_conversion(folder: Path, **changes: Any) -> np.ndarray:
    """Human3.6M converted, one picture of S1; `changes` are made to its record, None takes a key out.

    Returns the joints (17, 3), millimetres in the camera's axes."""
    xyz, xy = person_3d(17, 1)
    turn = cv2.Rodrigues(np.array([0.3, -1.2, 0.4]))[0]
    place = np.array([1500.0, -2200.0, 1600.0])
    world = changes.pop("world", xyz[0] @ turn + place)
    camera = {"R": turn.tolist(), "t": place.tolist(), "f": [800, 820], "c": [310, 250]}
    camera |= changes.pop("camera", {})
    low, high = xy[0].min(0), xy[0].max(0)
    note = {"id": 9, "image_id": 3, "bbox": [*low.tolist(), *(high - low).tolist()]}
    image = {"id": 3, "file_name": "a.jpg", "action_idx": 2, "subaction_idx": 1, "frame_idx": 0, "cam_idx": 4}
    image = {key: value for key, value in (image | changes).items() if value is not None}
    notes = folder / "annotations"
    notes.mkdir()
    for name, value in (
        ("data", {"images": [image], "annotations": [note]}),
        ("camera", {"4": camera}),
        ("joint_3d", {"2": {"1": {"0": np.asarray(world).tolist()}}}),
    ):
        (notes / f"Human36M_subject1_{name}.json").write_text(json.dumps(value))
    write_picture(folder / "images" / "a.jpg", xy[0])
    return xyz[0]


# ---------------------------------------------------------------------------------------- metres


def assert_metres(picture: LabelledPicture, xyz: np.ndarray, order: Mapping[int, Joint]) -> None:
    """The picture's xyz are these millimetres from mid-hip, of the joints that the set has."""
    spot = {joint: n for n, joint in order.items()}
    middle = (xyz[spot[Joint.left_hip]] + xyz[spot[Joint.right_hip]]) / 2
    assert picture.xyz is not None and picture.xyz.shape == (NUM_JOINTS, 3)
    for joint in Joint:
        if joint in spot:
            assert picture.xyz[joint] == pytest.approx((xyz[spot[joint]] - middle) / 1000, abs=1e-5)
        else:
            assert np.isnan(picture.xyz[joint]).all(), joint.name


def test_mpi_inf_3dhp_has_metres(tmp_path: Path) -> None:
    xyz, xy = person_3d(28, EVERY + 1)
    write_mpi(tmp_path, xy, xyz)
    first, second = read_mpi_inf_3dhp(tmp_path)
    assert_metres(first, xyz[0], MPI_JOINTS)
    assert_metres(second, xyz[EVERY], MPI_JOINTS)


def test_human36m_has_metres(tmp_path: Path) -> None:
    xyz, xy = person_3d(32, EVERY + 1)
    write_h36m(tmp_path, xy, xyz)
    _, second = read_h36m(tmp_path)
    assert_metres(second, xyz[EVERY], H36M_JOINTS)


def test_human36m_converted_has_metres(tmp_path: Path) -> None:
    xyz = write_conversion(tmp_path)
    (picture,) = read_h36m(tmp_path)
    assert_metres(picture, xyz, H36M_17_JOINTS)


def made_up(number: int, xyz: np.ndarray | None) -> LabelledPicture:
    return LabelledPicture(
        name=f"p{number}",
        encoded=cv2.imencode(".png", dots(scattered(3, number)))[1].tobytes(),
        xy=np.full((NUM_JOINTS, 2), 10.0, np.float32),
        xy_weight=np.ones(NUM_JOINTS, np.float32),
        depth=np.zeros(NUM_JOINTS, np.float32),
        depth_weight=np.zeros(NUM_JOINTS, np.float32),
        xyz=xyz,
    )


def test_packed_sets_keep_metres_where_they_are(tmp_path: Path) -> None:
    xyz = np.random.default_rng(2).normal(0, 0.5, (NUM_JOINTS, 3)).astype(np.float32)
    xyz[Joint.left_heel] = np.nan
    write_packed(tmp_path / "set.npz", [made_up(0, None), made_up(1, xyz)], [False, False])
    without, having = load_sets("packed", [str(tmp_path / "set.npz")], validation=False)
    assert without.xyz is None
    np.testing.assert_array_equal(having.xyz, xyz)
    # A set without metres is the same file as ever.
    write_packed(tmp_path / "flat.npz", [made_up(0, None)], [False])
    with np.load(tmp_path / "flat.npz") as file:
        assert "xyz" not in file.files


def test_metres_of_another_shape_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "set.npz"
    write_packed(path, [made_up(0, None)], [False])
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files}
    np.savez(path, **arrays, xyz=np.zeros((1, 17, 3), np.float32))
    with pytest.raises(DataSetError, match=r"set\.npz: xyz is \(1, 17, 3\) float32, expected \(1, 19, 3\)"):
        load_sets("packed", [str(path)], validation=False)


# ---------------------------------------------------------------------------------------- folders of frames


@pytest.mark.parametrize("first", [0, 1])
def test_a_missing_frame_shifts_no_labels(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, first: int
) -> None:
    xyz, xy = person_3d(28, 2 * EVERY + 1)
    frames = write_mpi(tmp_path, xy, xyz, first)
    (frames / f"cam0_{first + 10}.jpg").unlink()  # of a frame that is not read
    (frames / f"cam0_{first + EVERY}.jpg").unlink()  # of one that is
    with caplog.at_level(logging.WARNING):
        pictures = list(read_mpi_inf_3dhp(tmp_path))
    assert [picture.name.partition("#")[2] for picture in pictures] == ["0", str(2 * EVERY)]
    for picture in pictures:
        assert_on_dots(picture, set(MPI_JOINTS.values()), {Joint.nose})
    assert f"frame {EVERY}: its file is missing in" in caplog.text


def test_a_missing_frame_shifts_no_labels_of_human36m(tmp_path: Path) -> None:
    xyz, xy = person_3d(32, EVERY + 1)
    frames = write_h36m(tmp_path, xy, xyz)
    (frames / "Walking 1.54138969_000010.jpg").unlink()
    _, second = read_h36m(tmp_path)
    assert_on_dots(second, set(H36M_JOINTS.values()), {Joint.nose})


def test_frames_without_zeros_before_their_numbers_are_in_order(tmp_path: Path) -> None:
    """As text, 10 comes before 2."""
    xyz, xy = person_3d(28, 12)
    write_mpi(tmp_path, xy, xyz, first=1)
    pictures = list(read_mpi_inf_3dhp(tmp_path, every=1))
    assert len(pictures) == 12
    for picture in pictures:
        assert_on_dots(picture, set(MPI_JOINTS.values()), {Joint.nose})


def test_frames_whose_numbers_do_not_tell_are_refused(tmp_path: Path) -> None:
    xyz, xy = person_3d(28, 6)
    frames = write_mpi(tmp_path, xy, xyz)
    (frames / "cam0_0.jpg").unlink()  # left are 1 to 5 of 6, which could be counted from 1 without the last
    with pytest.raises(
        DataSetError,
        match=r"video_0: its files are numbered 1 to 5, and 6 frames are labelled: .*; add the",
    ):
        list(read_mpi_inf_3dhp(tmp_path))
    (frames / "cam0_1.jpg").unlink()
    with pytest.raises(DataSetError, match="numbered 2 to 5, and 6 frames are labelled"):
        list(read_mpi_inf_3dhp(tmp_path))


def test_frames_without_a_number_of_their_own_are_refused(tmp_path: Path) -> None:
    xyz, xy = person_3d(28, 3)
    frames = write_mpi(tmp_path, xy, xyz)
    write_picture(frames / "cover.jpg", xy[0])
    with pytest.raises(DataSetError, match=r"cover\.jpg: no frame number in its name; rename it like"):
        list(read_mpi_inf_3dhp(tmp_path))
    (frames / "cover.jpg").rename(frames / "cover_02.png")
    with pytest.raises(
        DataSetError, match=r"cover_02\.png: its name gives frame 2, and so does .*cam0_2\.jpg"
    ):
        list(read_mpi_inf_3dhp(tmp_path))


# ---------------------------------------------------------------------------------------- broken labels


@pytest.mark.parametrize("changes", [{"file_name": None}, {"file_name": 7}, {"file_name": ""}])
def test_a_converted_record_without_a_file_is_named(tmp_path: Path, changes: dict[str, Any]) -> None:
    write_conversion(tmp_path, **changes)
    with pytest.raises(DataSetError, match=r"Human36M_subject1_data\.json: image 3: no file_name; add it or"):
        list(read_h36m(tmp_path))


@pytest.mark.parametrize("part", ["world", "camera"])
def test_a_converted_record_that_is_not_finite_is_named(tmp_path: Path, part: str) -> None:
    broken: Any = np.full((17, 3), np.nan) if part == "world" else {"f": [np.nan, 820]}
    write_conversion(tmp_path, **{part: broken})
    with pytest.raises(
        DataSetError, match=r"image a\.jpg: a number of its camera, joints or bbox is not finite"
    ):
        list(read_h36m(tmp_path))


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("solid", [False, True])
def test_a_label_that_is_no_number_gives_no_lens(value: float, solid: bool) -> None:
    xyz, xy = person_3d(20, 3)
    (xyz if solid else xy)[1, 7, 1] = value
    with pytest.raises(DataSetError, match=r"here: frame 1, joint 7: the label is no finite number \(1 such"):
        fitted_lens(xy, xyz, "here")
    with pytest.raises(DataSetError, match="here: joint 27: the label"):
        fitted_lens(xy.reshape(-1, 2), xyz.reshape(-1, 3), "here")


def test_a_sequence_with_a_label_that_is_no_number_is_named(tmp_path: Path) -> None:
    xyz, xy = person_3d(28, 3)
    xyz[2, 5] = np.nan
    write_mpi(tmp_path, xy, xyz)
    with pytest.raises(
        DataSetError,
        match=r"annot\.mat: camera 0: frame 2, joint 5: the label is no .*; take the published file",
    ):
        list(read_mpi_inf_3dhp(tmp_path))


def test_joints_outside_the_picture_keep_their_metres_and_weigh_nothing(tmp_path: Path) -> None:
    xyz, xy = person_3d(28, 1)
    spot = {joint: n for n, joint in MPI_JOINTS.items()}
    toe = xyz[0, spot[Joint.left_toe]]
    toe[0] = 2.5 * toe[2]
    xy = (800, 820) * xyz[..., :2] / xyz[..., 2:] + (310, 250)
    assert xy[0, spot[Joint.left_toe], 0] > WIDTH
    write_mpi(tmp_path, xy, xyz)
    (picture,) = read_mpi_inf_3dhp(tmp_path)
    assert picture.xy_weight[Joint.left_toe] == 0
    assert_metres(picture, xyz[0], MPI_JOINTS)
