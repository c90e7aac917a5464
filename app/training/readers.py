"""Readers of published data sets with 2D labels, and what all readers share.

Every reader yields LabelledPicture, one person each, with joints under this project's names; joints that
a set does not label have weight 0:

set         files                                                          joints that it lacks
lsp         zip with annotations.json and the pictures, or the             nose, heels, toes
            published folder: joints.mat (3 x 14 x N for LSP,
            14 x 3 x N for LSPET) and images/
coco        person_keypoints_*.json, pictures in a folder beside it        head top, neck; heels and toes
            (train2017/, images/train2017/ or images/)                     but for COCO-WholeBody
mpii        mpii_human_pose_v1_u12_1.mat as published, or train.json       nose, heels, toes
            and valid.json of its usual conversion; pictures in images/
h36m, mpi_inf_3dhp        see readers_3d.py

Large pictures are cut to the person and shrunk while they are read, so that a whole set fits into memory.

A record that is broken, as by a position that is no finite number, ends the reading with a DataSetError that
names file and record. A picture that is missing or cannot be decoded is reported by name and left out; at the
end the number of those is reported.
"""

from __future__ import annotations

import json
import logging
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from app.errors import first_line
from app.skeleton import NUM_JOINTS, FloatArray, Joint
from app.training.archives import inside
from app.training.datasets import LSP_ORDER, DataSetError, LabelledPicture, no_depth, read_lsp

log = logging.getLogger(__name__)

# Published order -> our joint, for the joints that we have too.
COCO_JOINTS: Final[Mapping[int, Joint]] = {
    0: Joint.nose, 5: Joint.left_shoulder, 6: Joint.right_shoulder, 7: Joint.left_elbow, 8: Joint.right_elbow,
    9: Joint.left_wrist, 10: Joint.right_wrist, 11: Joint.left_hip, 12: Joint.right_hip, 13: Joint.left_knee,
    14: Joint.right_knee, 15: Joint.left_ankle, 16: Joint.right_ankle,
}  # fmt: skip
# COCO-WholeBody's foot_kpts; its small toes, 1 and 4, are none of ours.
COCO_FEET: Final[Mapping[int, Joint]] = {
    0: Joint.left_toe, 2: Joint.left_heel, 3: Joint.right_toe, 5: Joint.right_heel,
}  # fmt: skip
MPII_JOINTS: Final[Mapping[int, Joint]] = {
    0: Joint.right_ankle, 1: Joint.right_knee, 2: Joint.right_hip, 3: Joint.left_hip, 4: Joint.left_knee,
    5: Joint.left_ankle, 8: Joint.neck, 9: Joint.head_top, 10: Joint.right_wrist, 11: Joint.right_elbow,
    12: Joint.right_shoulder, 13: Joint.left_shoulder, 14: Joint.left_elbow, 15: Joint.left_wrist,
}  # fmt: skip

LEAST_SIDE: Final = 48.0  # pixels that the labelled joints of a person must span
LEAST_JOINTS: Final = 6
KEPT_SIDE: Final = 256.0  # pixels that a body keeps
ROOM: Final = 2.4  # side of the kept square over the body's: what augmentation may look at
WARNED: Final = 10  # broken pictures that are named one by one


# ---------------------------------------------------------------------------------------- shared


class Broken:
    """Reports the pictures of one source that cannot be read; a context, whose end reports their number.

    Raises DataSetError at the end when not a single picture could be read.
    """

    def __init__(self, source: Path) -> None:
        self.source, self.count, self.read = source, 0, 0

    def skip(self, name: str, why: str) -> None:
        self.count += 1
        if self.count <= WARNED:
            log.warning("%s: %s: %s; skipped", self.source, name, why)

    def __enter__(self) -> Broken:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _value: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if kind is not None or not self.count:
            return
        if not self.read:
            raise DataSetError(
                f"{self.source}: none of its {self.count} pictures can be read; are they in the right folder?"
            )
        log.warning("%s: %d pictures could not be read and were skipped", self.source, self.count)

    def named(self, folders: Sequence[Path], name: str) -> NDArray[np.uint8] | None:
        """The picture that labels name, in the first folder that has it, never elsewhere; as `picture`."""
        try:
            places = [inside(folder, name) for folder in folders]
            path = next((place for place in places if place.is_file()), places[0])
        except (OSError, ValueError) as error:
            self.skip(name, first_line(error))
            return None
        return self.picture(path, name)

    def picture(self, path: Path, name: str) -> NDArray[np.uint8] | None:
        """The decoded picture (H, W, 3) BGR, or None and a report."""
        try:
            image = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_COLOR)
        except FileNotFoundError:
            self.skip(name, "the picture is missing")
            return None
        except (OSError, cv2.error) as error:
            self.skip(name, first_line(error))
            return None
        if image is None:
            self.skip(name, "not a readable picture")
            return None
        self.read += 1
        return image  # type: ignore[return-value]


def trimmed(
    name: str,
    image: NDArray[np.uint8],
    xy: FloatArray,
    weight: FloatArray,
    depth: FloatArray | None = None,
    depth_weight: FloatArray | None = None,
) -> LabelledPicture:
    """A person cut out of a picture, with room around, shrunk to at most KEPT_SIDE pixels of body.

    xy (19, 2), depth (19,): pixels of `image`; weight, depth_weight (19,).
    """
    if depth is None or depth_weight is None:
        depth, depth_weight = no_depth()
    low, high = xy[weight > 0].min(0), xy[weight > 0].max(0)
    body = max(float((high - low).max()), 1.0)
    height, width = image.shape[:2]
    corner = np.clip((low + high - ROOM * body) / 2, 0, [width - 1, height - 1]).astype(int)
    end = np.clip((low + high + ROOM * body) / 2, corner + 1, [width, height]).astype(int)
    part = image[corner[1] : end[1], corner[0] : end[0]]
    scale = min(1.0, KEPT_SIDE / body)
    if scale < 1.0:
        part = cv2.resize(part, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
    placed = np.where(weight[:, None] > 0, (xy - corner) * scale, 0)
    return LabelledPicture(
        name=name,
        encoded=cv2.imencode(".jpg", part, [cv2.IMWRITE_JPEG_QUALITY, 92])[1].tobytes(),
        xy=placed.astype(np.float32),
        xy_weight=weight.astype(np.float32),
        depth=(depth * scale).astype(np.float32),
        depth_weight=depth_weight.astype(np.float32),
    )


def large_enough(xy: FloatArray, weight: FloatArray) -> bool:
    """Whether enough joints of a person are labelled, and far enough apart, to learn from."""
    known = weight > 0
    return bool(known.sum() >= LEAST_JOINTS and np.ptp(xy[known], axis=0).max() >= LEAST_SIDE)


def read_json(path: Path) -> Any:
    """Raises DataSetError that names the file."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise DataSetError(f"{path}: cannot be read as JSON ({first_line(error)})") from None


def read_mat(path: Path, *names: str) -> dict[str, Any]:
    """The named variables of a MATLAB file. Raises DataSetError that names file and variable."""
    try:
        from scipy.io import loadmat
    except ImportError:
        raise DataSetError(f"{path}: reading it needs scipy: pip install -e '.[train]'") from None
    try:
        values = loadmat(path, struct_as_record=False, squeeze_me=True)
    except (OSError, ValueError, TypeError, NotImplementedError) as error:
        raise DataSetError(f"{path}: cannot be read as a MATLAB file ({first_line(error)})") from None
    for name in names:
        if name not in values:
            raise DataSetError(f"{path}: no variable {name} in it")
    return {name: values[name] for name in names}


def check_finite(picture: LabelledPicture, where: str) -> None:
    """Raises DataSetError that begins with `where` when a label of the picture is no finite number: even at
    weight 0 it would make the loss NaN."""
    try:
        for name in ("xy", "xy_weight", "depth", "depth_weight"):
            _finite(getattr(picture, name), name)
    except ValueError as error:
        raise DataSetError(f"{where}: {error}; mend the record or leave it out") from None


def _finite(values: FloatArray, what: str) -> FloatArray:
    """The same array. Raises ValueError when a number in it is NaN or infinite."""
    wrong = ~np.isfinite(values)
    if wrong.any():
        raise ValueError(f"{what}: expected finite numbers, found {values[wrong][0]}")
    return values


def _numbers(values: Any, *shape: int) -> FloatArray:
    """What labels hold, as float32 of that shape. Raises ValueError or TypeError for something else."""
    try:
        with np.errstate(over="ignore"):  # to infinity, which is refused where it matters
            return np.array(values, np.float32).reshape(shape)
    except OverflowError as error:  # a whole number of hundreds of digits
        raise ValueError(first_line(error)) from None


def _placed(
    points: FloatArray, flags: FloatArray, order: Mapping[int, Joint]
) -> tuple[FloatArray, FloatArray]:
    """Published joints (K, 2) and flags (K,), above 0 where labelled -> our xy (19, 2) and weight (19,).

    Raises ValueError when a flag, or the position of a labelled joint, is no finite number. Where no label
    is, the position means nothing, and NaN does as well as 0.
    """
    seen = _finite(flags, "flags") > 0
    _finite(points[seen], "positions")
    xy, weight = np.zeros((NUM_JOINTS, 2), np.float32), np.zeros(NUM_JOINTS, np.float32)
    theirs, ours = list(order), list(order.values())
    xy[ours], weight[ours] = np.where(seen[:, None], points, 0)[theirs], seen[theirs]
    return xy, weight


# ---------------------------------------------------------------------------------------- COCO


def read_coco(file: Path) -> Iterator[LabelledPicture]:
    """People of a COCO keypoints file; crowds and people too small or too little labelled are left out.

    Raises DataSetError for a record that is broken.
    """
    document = read_json(file)
    try:
        pictures = {row["id"]: str(row["file_name"]) for row in document["images"]}
        people = document["annotations"]
    except (KeyError, TypeError) as error:
        raise DataSetError(f"{file}: not a COCO keypoints file (no {error})") from None
    if not isinstance(people, list):
        raise DataSetError(f"{file}: not a COCO keypoints file (annotations is no list)")
    split = file.stem.rpartition("_")[2]
    root = file.parent.parent
    folders = [root / split, root / "images" / split, root / "images", file.parent / "images", file.parent]
    last: tuple[Any, NDArray[np.uint8] | None] = (None, None)
    with Broken(file) as broken:
        for row in _by_picture(file, people, pictures):
            name = pictures[row["image_id"]]
            try:
                points = _numbers(row["keypoints"], 17, 3)
                feet = _numbers(row.get("foot_kpts", [0] * 18), 6, 3)
                xy, weight = _placed(points[:, :2], points[:, 2], COCO_JOINTS)
                foot_xy, foot_weight = _placed(feet[:, :2], feet[:, 2], COCO_FEET)
            except (KeyError, ValueError, TypeError) as error:
                raise DataSetError(
                    f"{file}: annotation {row.get('id', '?')}: expected 17 x 3 keypoints ({error})"
                ) from None
            xy, weight = xy + foot_xy, weight + foot_weight
            if row.get("iscrowd") or not large_enough(xy, weight):
                continue
            if last[0] != name:
                last = name, broken.named(folders, name)
            if last[1] is not None:
                yield trimmed(f"{name}#{row.get('id', '?')}", last[1], xy, weight)


def _by_picture(file: Path, people: list[Any], pictures: Mapping[Any, str]) -> list[Mapping[str, Any]]:
    """The annotations in the order of their pictures' ids, so that each picture is decoded once.

    Raises DataSetError for one that is none, or whose image_id is no picture's.
    """
    # By type first: a number and a text do not compare.
    ranks = {key: rank for rank, key in enumerate(sorted(pictures, key=lambda k: (type(k).__name__, k)))}
    ranked = []
    for number, row in enumerate(people):
        if not isinstance(row, Mapping):
            raise DataSetError(f"{file}: annotations[{number}]: expected keys and values, found {row!r:.40}")
        try:
            ranked.append((ranks[row["image_id"]], number, row))
        except (KeyError, TypeError):
            found = repr(row["image_id"]) if "image_id" in row else "none"
            raise DataSetError(
                f"{file}: annotation {row.get('id', '?')}: expected image_id to be the id of one of images, "
                f"found {found:.40}"
            ) from None
    return [row for *_, row in sorted(ranked, key=lambda entry: entry[:2])]


# ---------------------------------------------------------------------------------------- MPII


def read_mpii(file: Path) -> Iterator[LabelledPicture]:
    """People of MPII's MATLAB file (its training pictures; the others have no labels) or its conversion."""
    records = _mpii_conversion(file) if file.suffix.lower() == ".json" else _mpii_published(file)
    root = file.parent
    folders = [root / "images", root.parent / "images", root]
    last: tuple[Any, NDArray[np.uint8] | None] = (None, None)
    with Broken(file) as broken:
        for number, (name, xy, weight) in enumerate(records):
            if not large_enough(xy, weight):
                continue
            if last[0] != name:
                last = name, broken.named(folders, name)
            if last[1] is not None:
                yield trimmed(f"{name}#{number}", last[1], xy, weight)


_Labels = tuple[str, FloatArray, FloatArray]  # picture, our xy (19, 2), weight (19,)


def _mpii_conversion(file: Path) -> Iterator[_Labels]:
    rows = read_json(file)
    if not isinstance(rows, list):
        raise DataSetError(f"{file}: expected a list of people with image, joints and joints_vis")
    for number, row in enumerate(rows):
        try:
            points, flags = _numbers(row["joints"], 16, 2), _numbers(row["joints_vis"], 16)
            labels = str(row["image"]), *_placed(points, flags, MPII_JOINTS)
        except (KeyError, ValueError, TypeError) as error:
            raise DataSetError(
                f"{file}: record {number}: expected image, 16 x 2 joints and 16 joints_vis ({error})"
            ) from None
        yield labels


def _mpii_published(file: Path) -> Iterator[_Labels]:
    release = read_mat(file, "RELEASE")["RELEASE"]
    try:
        pictures, training = np.atleast_1d(release.annolist), np.atleast_1d(release.img_train)
    except AttributeError as error:
        raise DataSetError(f"{file}: not MPII's RELEASE ({error})") from None
    if pictures.shape != training.shape:
        raise DataSetError(
            f"{file}: annolist has {pictures.size} pictures and img_train {training.size}, expected one "
            "number a picture; get the file anew"
        )
    for number, (picture, trains) in enumerate(zip(pictures, training, strict=True)):
        try:
            if not trains:
                continue
            name = str(picture.image.name)
            for person in np.atleast_1d(picture.annorect):
                labels = np.atleast_1d(getattr(getattr(person, "annopoints", None), "point", []))
                points, flags = np.zeros((16, 2), np.float32), np.zeros(16, np.float32)
                for label in labels:
                    spot = int(label.id)
                    if spot < 0:  # or it would count from the end
                        raise IndexError(f"expected id to be 0 to 15, found {spot}")
                    points[spot], flags[spot] = _numbers([label.x, label.y], 2), 1
                if flags.any():
                    yield name, *_placed(points, flags, MPII_JOINTS)
        except (AttributeError, IndexError, OverflowError, TypeError, ValueError) as error:
            raise DataSetError(f"{file}: annolist({number + 1}): {first_line(error)}") from None


# ---------------------------------------------------------------------------------------- LSP


def read_lsp_set(path: Path) -> Iterator[LabelledPicture]:
    """LSP or LSPET: our zip, or the published folder (or its joints.mat).

    Raises DataSetError for a record that is broken.
    """
    if path.suffix.lower() == ".zip" or (path.is_file() and zipfile.is_zipfile(path)):
        yield from read_lsp([path])
        return
    file = path if path.suffix.lower() == ".mat" else path / "joints.mat"
    if not file.is_file():
        raise DataSetError(f"{path}: expected a zip with annotations.json, or a folder with joints.mat")
    try:
        joints = np.atleast_3d(np.asarray(read_mat(file, "joints")["joints"], np.float32))
    except (TypeError, ValueError) as error:
        raise DataSetError(f"{file}: joints: expected numbers ({first_line(error)})") from None
    if joints.shape[:2] == (3, 14):  # LSP: the third row says what is hidden; hidden joints have a place too
        joints, extended = joints.transpose(2, 1, 0), False
    elif joints.shape[:2] == (14, 3):  # LSPET: the third column says what is labelled
        joints, extended = joints.transpose(2, 0, 1), True
    else:
        raise DataSetError(f"{file}: joints are {joints.shape}, expected 3 x 14 x N or 14 x 3 x N")
    digits = 5 if extended else 4
    with Broken(file) as broken:
        for number, row in enumerate(joints, start=1):
            name = f"im{number:0{digits}d}.jpg"
            flags = row[:, 2] if extended else np.ones(14, np.float32)
            try:
                xy, weight = _placed(row[:, :2], flags, dict(enumerate(LSP_ORDER)))
            except ValueError as error:
                raise DataSetError(f"{file}: record {number} ({name}): {error}; mend or remove it") from None
            image = broken.picture(file.parent / "images" / name, name)
            if image is not None and (weight > 0).any():
                yield trimmed(name, image, xy, weight)


READERS_2D: Final[Mapping[str, Any]] = {"lsp": read_lsp_set, "coco": read_coco, "mpii": read_mpii}


def read_all(reader: Any, paths: Sequence[Path]) -> list[LabelledPicture]:
    """All pictures of several files or folders. Raises DataSetError."""
    return [picture for path in paths for picture in reader(path)]
