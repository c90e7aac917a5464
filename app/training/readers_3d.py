"""Readers of published data sets with 3D labels: Human3.6M and MPI-INF-3DHP.

set             layout                                                              joints that it lacks
h36m            published: S1/Videos/ACTION.CAMERA.mp4, S1/MyPoseFeatures/
                D2_Positions/ACTION.CAMERA.cdf and D3_Positions_mono/ (pixels,
                millimetres in the camera's axes)                                   nose, heels
                converted: annotations/Human36M_subject1_data.json, _camera.json,
                _joint_3d.json and images/ (as in 3DMPPE and its followers)         nose, heels, toes
mpi_inf_3dhp    published: S1/Seq1/annot.mat (annot2, annot3: pixels and
                millimetres) and imageSequence/video_0.avi, or its frames
                in imageSequence/video_0/                                           nose, heels

Both are videos, so one frame in EVERY is taken. In a folder of frames the last number in a file's name says
which frame it is, counted from 0 or from 1. Depth is given as in all our sets: pixels of the picture, away
from the camera, relative to mid-hip, in weak perspective: Z focal / distance; beside it xyz in metres. Focal
length and principal point of the published layouts are those that map the 3D labels to the 2D labels.

Held out for validation are the subjects that the literature tests on: S9 and S11 of Human3.6M, S8 of
MPI-INF-3DHP, whose own test set is another.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from app.errors import first_line
from app.skeleton import NUM_JOINTS, Joint
from app.training.datasets import DataSetError, LabelledPicture
from app.training.readers import Broken, read_json, read_mat, trimmed

Array = NDArray[np.float64]

EVERY: Final = 25  # frames; neighbours teach little that is new
LIMIT: Final = (
    15.0  # pixels between a 2D label and the projected 3D label, on average, that labels may differ
)

_LIMBS: Final = ("hip", "knee", "ankle"), ("shoulder", "elbow", "wrist")


def _sides(right: tuple[int, ...], left: tuple[int, ...], parts: tuple[str, ...]) -> dict[int, Joint]:
    both = (("right", right), ("left", left))
    return {n: Joint[f"{side}_{p}"] for side, numbers in both for n, p in zip(numbers, parts, strict=True)}


# Human3.6M's 32 joints; 14 and 15 are its "head" and the end of it.
H36M_JOINTS: Final[Mapping[int, Joint]] = {
    **_sides((1, 2, 3, 5), (6, 7, 8, 10), (*_LIMBS[0], "toe")),
    **_sides((25, 26, 27), (17, 18, 19), _LIMBS[1]),
    13: Joint.neck,
    15: Joint.head_top,
}
# The 17 that conversions keep.
H36M_17_JOINTS: Final[Mapping[int, Joint]] = {
    **_sides((1, 2, 3), (4, 5, 6), _LIMBS[0]),
    **_sides((14, 15, 16), (11, 12, 13), _LIMBS[1]),
    8: Joint.neck,
    10: Joint.head_top,
}
MPI_JOINTS: Final[Mapping[int, Joint]] = {
    **_sides((23, 24, 25, 27), (18, 19, 20, 22), (*_LIMBS[0], "toe")),
    **_sides((14, 15, 16), (9, 10, 11), _LIMBS[1]),
    5: Joint.neck,
    7: Joint.head_top,
}
H36M_HELD_OUT: Final = (9, 11)
MPI_HELD_OUT: Final = (8,)


@dataclass(frozen=True, kw_only=True, eq=False)
class Lens:
    """xy = focal (X, Y) / Z + centre: (2,) pixels each."""

    focal: Array
    centre: Array

    def project(self, xyz: Array) -> Array:
        """(..., 3) camera axes to (..., 2) pixels."""
        return np.asarray(self.focal * xyz[..., :2] / xyz[..., 2:] + self.centre)


def fitted_lens(xy: Array, xyz: Array, where: str) -> Lens:
    """The lens under which 3D labels (N, 3) fall best on 2D labels (N, 2), least squares.

    Both may be (frames, joints, 3 or 2), too. Raises DataSetError that begins with `where` when a label is
    not a finite number, and when they do not fit each other, as when they are in different axes or belong
    to different cameras.
    """
    broken = ~(np.isfinite(xy).all(axis=-1) & np.isfinite(xyz).all(axis=-1))
    if broken.any():
        place = ("frame", "joint")[-broken.ndim :]
        first = ", ".join(f"{word} {n}" for word, n in zip(place, np.argwhere(broken)[0], strict=True))
        raise DataSetError(
            f"{where}: {first}: the label is no finite number ({broken.sum()} such in all); "
            "take the published file, or remove it"
        )
    xy, xyz = xy.reshape(-1, 2), xyz.reshape(-1, 3)
    ahead = xyz[:, 2] > 0
    focal, centre = np.zeros(2), np.zeros(2)
    if ahead.sum() >= 4:
        for axis in (0, 1):
            ray = xyz[ahead, axis] / xyz[ahead, 2]
            terms = np.stack([ray, np.ones_like(ray)], axis=1)
            (focal[axis], centre[axis]), *_ = np.linalg.lstsq(terms, xy[ahead, axis], rcond=None)
    lens = Lens(focal=focal, centre=centre)
    if ahead.mean() < 0.99 or (focal <= 0).any():
        raise DataSetError(f"{where}: the 3D labels are not in the camera's axes (Z away from it)")
    apart = float(np.linalg.norm(lens.project(xyz[ahead]) - xy[ahead], axis=1).mean())
    if not apart <= LIMIT:  # a NaN is refused, too
        raise DataSetError(f"{where}: 2D and 3D labels do not belong together, they are {apart:.0f} px apart")
    return lens


def labelled(
    name: str,
    image: NDArray[np.uint8],
    xy: Array,
    xyz: Array,
    lens: Lens,
    order: Mapping[int, Joint],
) -> LabelledPicture | None:
    """One frame: published joints xy (K, 2) pixels and xyz (K, 3) millimetres in camera axes.

    Joints outside the picture weigh nothing; None when mid-hip lies outside.
    """
    ours, theirs = list(order.values()), list(order)
    points = np.zeros((NUM_JOINTS, 2), np.float32)
    points[ours] = xy[theirs]
    weight = np.zeros(NUM_JOINTS, np.float32)
    weight[ours] = 1.0
    weight *= ((points >= 0) & (points < image.shape[1::-1])).all(axis=1)
    hips = [Joint.left_hip, Joint.right_hip]
    if not (weight[hips] > 0).all():
        return None
    depth = np.zeros(NUM_JOINTS, np.float32)
    placed = np.full((NUM_JOINTS, 3), np.nan)
    placed[ours] = xyz[theirs]
    middle = placed[hips].mean(axis=0)
    depth[ours] = ((placed - middle)[:, 2] * float(lens.focal.mean()) / middle[2])[ours]
    picture = trimmed(name, image, points, weight, depth, weight)
    return replace(picture, xyz=((placed - middle) / 1000).astype(np.float32))


def _numbered(folder: Path, count: int) -> dict[int, Path]:
    """The pictures in a folder of frames by the frame they show, counted from 0; `count` are labelled.

    The last number in the name decides, never the place in the list: a file that is missing would shift all
    that follow. Raises DataSetError when the names do not tell.
    """
    files: dict[int, Path] = {}
    for path in sorted(p for p in folder.iterdir() if p.suffix.lower() in (".jpg", ".jpeg", ".png")):
        numbers = re.findall(r"[0-9]+", path.stem)
        if not numbers:
            raise DataSetError(
                f"{path}: no frame number in its name; rename it like frame_000000, or remove it"
            )
        number = int(numbers[-1])
        if number in files:
            raise DataSetError(
                f"{path}: its name gives frame {number}, and so does that of {files[number].name}; "
                "the last number in a name must be the frame's"
            )
        files[number] = path
    if not files:
        return {}
    first, last = min(files), max(files)
    # 1 to count - 1 are either frames counted from 0 without the first or from 1 without the last one.
    if first > 1 or (first == 1 and last == count - 1):
        raise DataSetError(
            f"{folder}: its files are numbered {first} to {last}, and {count} frames are labelled: "
            "whether they are counted from 0 or from 1 cannot be told; "
            "add the missing first or last file, or number them from 0"
        )
    return {number - first: path for number, path in files.items()}


def _frames(video: Path, wanted: range, broken: Broken) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """Chosen frames of a video file, or of the folder of the same name that holds its frames.

    wanted: a range whose end is the number of labelled frames.
    """
    folder = video.with_suffix("")
    if not video.is_file() and folder.is_dir():
        files = _numbered(folder, wanted.stop)
        for number in wanted:
            if number not in files:
                broken.skip(f"frame {number}", f"its file is missing in {folder}")
                continue
            image = broken.picture(files[number], files[number].name)
            if image is not None:
                yield number, image
        return
    capture = cv2.VideoCapture(str(video)) if video.is_file() else None
    if capture is None or not capture.isOpened():
        broken.skip(video.name, "the video is missing" if capture is None else "not a readable video")
        return
    try:
        for number in range(wanted.stop):
            if not capture.grab():
                broken.skip(f"{video.name} frame {number}", "the video ends here")
                return
            if number in wanted:
                done, frame = capture.retrieve()
                if not done:
                    broken.skip(f"{video.name} frame {number}", "not a readable frame")
                    continue
                broken.read += 1
                yield number, np.asarray(frame, np.uint8)
    finally:
        capture.release()


def _wanted(folder: Path, held_out: tuple[int, ...], validation: bool) -> bool:
    number = folder.name[1:]
    return number.isdigit() and (int(number) in held_out) == validation


# ---------------------------------------------------------------------------------------- Human3.6M


def read_h36m(folder: Path, *, validation: bool = False, every: int = EVERY) -> Iterator[LabelledPicture]:
    """Human3.6M in either layout: the training subjects, or those held out."""
    if (folder / "annotations").is_dir():
        yield from _h36m_converted(folder, validation, every)
        return
    subjects = sorted(p for p in folder.glob("S*") if (p / "MyPoseFeatures").is_dir())
    if not subjects:
        raise DataSetError(
            f"{folder}: expected S1/MyPoseFeatures/ and S1/Videos/, or annotations/ and images/"
        )
    for subject in subjects:
        if not _wanted(subject, H36M_HELD_OUT, validation):
            continue
        features = subject / "MyPoseFeatures"
        for file in sorted((features / "D3_Positions_mono").glob("*.cdf")):
            if file.stem.startswith("_ALL"):  # every video at once, without a picture
                continue
            xyz = _read_cdf(file, 3)
            xy = _read_cdf(features / "D2_Positions" / file.name, 2)
            if len(xy) != len(xyz):
                raise DataSetError(f"{file}: {len(xyz)} frames, but {len(xy)} in D2_Positions")
            lens = fitted_lens(xy, xyz, str(file))
            with Broken(subject / "Videos" / f"{file.stem}.mp4") as broken:
                for number, image in _frames(broken.source, range(0, len(xyz), every), broken):
                    name = f"{subject.name}/{file.stem}#{number}"
                    picture = labelled(name, image, xy[number], xyz[number], lens, H36M_JOINTS)
                    if picture is not None:
                        yield picture


def _read_cdf(path: Path, dimensions: int) -> Array:
    """The poses (F, 32, dimensions) of one of Human3.6M's files."""
    try:
        import cdflib
    except ImportError:
        raise DataSetError(f"{path}: reading it needs cdflib: pip install -e '.[train]'") from None
    try:
        values = np.asarray(cdflib.CDF(path).varget("Pose"), float)
    except Exception as error:  # cdflib raises plain Exceptions
        raise DataSetError(f"{path}: no poses can be read from it ({first_line(error)})") from None
    values = values.reshape(-1, values.shape[-1])
    if values.shape[1] != 32 * dimensions:
        raise DataSetError(f"{path}: {values.shape[1]} numbers a frame, expected {32 * dimensions}")
    return values.reshape(-1, 32, dimensions)


def _h36m_converted(folder: Path, validation: bool, every: int) -> Iterator[LabelledPicture]:
    files = sorted((folder / "annotations").glob("Human36M_subject*_data.json"))
    if not files:
        raise DataSetError(f"{folder / 'annotations'}: no Human36M_subject1_data.json in it")
    for file in files:
        subject = file.name.removeprefix("Human36M_subject").removesuffix("_data.json")
        if not subject.isdigit() or (int(subject) in H36M_HELD_OUT) != validation:
            continue
        document = read_json(file)
        cameras = read_json(file.with_name(f"Human36M_subject{subject}_camera.json"))
        joints = read_json(file.with_name(f"Human36M_subject{subject}_joint_3d.json"))
        try:
            boxes = {row["image_id"]: np.array(row["bbox"], float) for row in document["annotations"]}
            rows = [row for row in document["images"] if row["frame_idx"] % every == 0]
        except (KeyError, TypeError, ValueError) as error:
            raise DataSetError(f"{file}: expected images and annotations with bbox (no {error})") from None
        with Broken(file) as broken:
            for row in rows:
                name = row.get("file_name")
                if not isinstance(name, str) or not name:
                    raise DataSetError(
                        f"{file}: image {row.get('id', '?')}: no file_name; add it or remove the record"
                    )
                xyz, lens = _h36m_record(row, cameras, joints, boxes, f"{file}: image {name}")
                image = broken.named([folder / "images"], name)
                if image is not None:
                    picture = labelled(name, image, lens.project(xyz), xyz, lens, H36M_17_JOINTS)
                    if picture is not None:
                        yield picture


def _h36m_record(row: Any, cameras: Any, joints: Any, boxes: Any, where: str) -> tuple[Array, Lens]:
    """The 17 joints in camera axes, millimetres, and the lens."""
    try:
        camera = cameras[str(row["cam_idx"])]
        place = (str(row[key]) for key in ("action_idx", "subaction_idx", "frame_idx"))
        world = joints
        for key in place:
            world = world[key]
        world = np.array(world, float).reshape(17, 3)
        turn, move = np.array(camera["R"], float).reshape(3, 3), np.array(camera["t"], float).reshape(3)
        lens = Lens(focal=np.array(camera["f"], float), centre=np.array(camera["c"], float))
        left, top, wide, tall = boxes[row["id"]]
    except (KeyError, TypeError, ValueError) as error:
        raise DataSetError(f"{where}: no camera, joints or bbox for it ({first_line(error)})") from None
    numbers = (world, turn, move, lens.focal, lens.centre, boxes[row["id"]])
    if not all(np.isfinite(values).all() for values in numbers):
        raise DataSetError(
            f"{where}: a number of its camera, joints or bbox is not finite; remove the record"
        )
    # Two conventions are about: t as the camera's place, R (X - t), and as a shift, R X + t. The
    # published bbox around the joints tells which.
    for xyz in ((world - move) @ turn.T, world @ turn.T + move):
        if (xyz[:, 2] > 0).all():
            points = lens.project(xyz)
            edge = 0.2 * max(wide, tall)
            low, high = np.array([left, top]) - edge, np.array([left + wide, top + tall]) + edge
            if ((points > low) & (points < high)).all():
                return xyz, lens
    raise DataSetError(f"{where}: the camera does not show the joints inside the bbox")


# ---------------------------------------------------------------------------------------- MPI-INF-3DHP


def read_mpi_inf_3dhp(
    folder: Path, *, validation: bool = False, every: int = EVERY
) -> Iterator[LabelledPicture]:
    """MPI-INF-3DHP's training subjects, or the one held out."""
    files = sorted(folder.glob("S*/Seq*/annot.mat"))
    if not files:
        raise DataSetError(f"{folder}: expected S1/Seq1/annot.mat and S1/Seq1/imageSequence/")
    for file in files:
        if not _wanted(file.parent.parent, MPI_HELD_OUT, validation):
            continue
        values = read_mat(file, "annot2", "annot3")
        # The reader of MATLAB files makes a cell array with one cell into its content.
        flat, solid = (v if v.dtype == object else [v] for v in map(np.asarray, values.values()))
        if len(flat) != len(solid):
            raise DataSetError(f"{file}: {len(flat)} cameras in annot2, {len(solid)} in annot3")
        for camera in range(len(flat)):
            where = f"{file}: camera {camera}"
            try:
                xy = np.asarray(flat[camera], float).reshape(-1, 28, 2)
                xyz = np.asarray(solid[camera], float).reshape(-1, 28, 3)
            except (TypeError, ValueError):
                raise DataSetError(f"{where}: expected 28 joints a frame in annot2 and annot3") from None
            if len(xy) != len(xyz):
                raise DataSetError(f"{where}: {len(xy)} frames in annot2, {len(xyz)} in annot3")
            video = file.parent / "imageSequence" / f"video_{camera}.avi"
            if not video.is_file() and not video.with_suffix("").is_dir():
                continue  # few keep all 14 cameras
            lens = fitted_lens(xy, xyz, where)
            with Broken(video) as broken:
                for number, image in _frames(video, range(0, len(xy), every), broken):
                    name = f"{file.parent.relative_to(folder)}/video_{camera}#{number}"
                    picture = labelled(name, image, xy[number], xyz[number], lens, MPI_JOINTS)
                    if picture is not None:
                        yield picture
