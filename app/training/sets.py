"""The kinds of data set that a training configuration can name.

lsp             LSP or LSPET: zips with annotations.json, or published folders (2D labels)
coco            person_keypoints_*.json (2D labels)
mpii            mpii_human_pose_v1_u12_1.mat, or train.json and valid.json (2D labels)
h36m            folders of Human3.6M (2D and 3D labels)
mpi_inf_3dhp    folders of MPI-INF-3DHP (2D and 3D labels)
pictures        without anybody: zips of photographs; every joint is "nowhere"
packed          npz files of pictures with 2D and 3D labels, as `render`, `label` and `pack` write them:
                jpeg (bytes, one after the other), offset (N + 1), xy (N, 19, 2), and
                weight (N, 19), depth (N, 19) in pixels, depth_weight (N, 19), optionally
                xyz (N, 19, 3) in metres, camera axes, from mid-hip, NaN where unlabelled, and
                val (N,), true for pictures held out

The layouts are described in readers.py and readers_3d.py. Held out for validation are of lsp 800 LSPET
pictures (in the order of their names' SHA-1) and the published second half of LSP; of coco and mpii the
files with "val" in their name, and of MPII's own file one picture in twenty; of the 3D sets whole subjects.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from app.errors import first_line
from app.files import replacing
from app.skeleton import NUM_JOINTS
from app.training.archives import BROKEN, PICTURE_ENDINGS, open_arrays, open_zip
from app.training.datasets import DataSetError, LabelledPicture, no_depth, validation_names
from app.training.readers import check_finite, read_coco, read_lsp_set, read_mpii
from app.training.readers_3d import read_h36m, read_mpi_inf_3dhp

Pictures = list[LabelledPicture]


def load_sets(kind: str, files: list[str], *, validation: bool) -> Pictures:
    """All pictures of one entry, the validation split's or the others. Raises DataSetError, also for a label
    that is no finite number, whichever reader it came from."""
    paths = [Path(name) for name in files]
    if not paths:
        raise DataSetError(f"data set of kind {kind}: no files named")
    if kind not in KINDS:
        raise DataSetError(f"unknown kind of data set {kind!r}: expected {', '.join(KINDS)}")
    pictures = KINDS[kind](paths, validation)
    for picture in pictures:
        check_finite(picture, f"{kind}: {picture.name}")
    return pictures


def _lsp(paths: Sequence[Path], validation: bool) -> Pictures:
    pictures = [picture for path in paths for picture in read_lsp_set(path)]
    # LSP numbers its pictures with four digits, LSPET with five.
    extended = validation_names([p.name for p in pictures if len(Path(p.name).stem) > 6])
    return [p for p in pictures if (p.name in extended or "im1001" <= p.name < "im2001") == validation]


def _coco(paths: Sequence[Path], validation: bool) -> Pictures:
    return [picture for path in paths if ("val" in path.stem) == validation for picture in read_coco(path)]


def _mpii(paths: Sequence[Path], validation: bool) -> Pictures:
    pictures: Pictures = []
    for path in paths:
        if path.suffix.lower() == ".json":
            pictures += read_mpii(path) if ("val" in path.stem) == validation else []
            continue
        everybody = list(read_mpii(path))
        names = sorted({source_of(picture) for picture in everybody})
        held_out = validation_names(names, -(-len(names) // 20))
        pictures += [picture for picture in everybody if (source_of(picture) in held_out) == validation]
    return pictures


def source_of(picture: LabelledPicture) -> str:
    """The photograph that a person was cut out of, or the clip that a frame comes from."""
    return picture.name.partition("#")[0]


def _h36m(paths: Sequence[Path], validation: bool) -> Pictures:
    return [picture for path in paths for picture in read_h36m(path, validation=validation)]


def _mpi_inf_3dhp(paths: Sequence[Path], validation: bool) -> Pictures:
    return [picture for path in paths for picture in read_mpi_inf_3dhp(path, validation=validation)]


def _pictures(paths: Sequence[Path], _validation: bool) -> Pictures:
    return [picture for path in paths for picture in _read_negatives(path)]


def _packed(paths: Sequence[Path], validation: bool) -> Pictures:
    files = [file for path in paths for file in (sorted(path.glob("*.npz")) if path.is_dir() else [path])]
    if not files:
        raise DataSetError(f"{', '.join(map(str, paths))}: no .npz files in it")
    return [picture for path in files for picture in _read_packed(path, validation=validation)]


KINDS: Final[Mapping[str, Callable[[Sequence[Path], bool], Pictures]]] = {
    "lsp": _lsp,
    "coco": _coco,
    "mpii": _mpii,
    "h36m": _h36m,
    "mpi_inf_3dhp": _mpi_inf_3dhp,
    "pictures": _pictures,
    "packed": _packed,
}


def _read_negatives(path: Path) -> Pictures:
    nowhere, nothing = no_depth()
    try:
        with open_zip(path) as archive:
            return [
                LabelledPicture(
                    name=name,
                    encoded=archive.read(name),
                    xy=np.zeros((NUM_JOINTS, 2), np.float32),
                    xy_weight=nothing,
                    depth=nowhere,
                    depth_weight=nothing,
                )
                for name in archive.namelist()
                if name.lower().endswith(PICTURE_ENDINGS)
            ]
    except BROKEN as error:
        raise DataSetError(f"{path}: not a zip of pictures ({first_line(error)})") from None


def _read_packed(path: Path, *, validation: bool) -> Pictures:
    try:
        with open_arrays(path) as file:
            arrays = {name: file[name] for name in file.files}
        needed = {"jpeg", "offset", "xy", "weight", "depth", "depth_weight"}
        if missing := ", ".join(sorted(needed - arrays.keys())):
            raise DataSetError(f"{path}: not a packed set (it lacks {missing}); see app/training/sets.py")
        jpeg, offset = arrays["jpeg"], arrays["offset"]
        xy, weight, depth, depth_weight = (arrays[k] for k in ("xy", "weight", "depth", "depth_weight"))
    except FileNotFoundError:
        raise DataSetError(f"{path}: there is no such file (from {Path.cwd()})") from None
    except BROKEN as error:
        raise DataSetError(
            f"{path}: not a packed set ({first_line(error)}); see app/training/sets.py"
        ) from None
    count = len(xy) if xy.ndim else 0
    held_out = arrays.get("val", np.zeros(count, bool))
    each = (count, NUM_JOINTS)
    xyz = arrays.get("xyz", np.full((*each, 3), np.nan, np.float32))
    for name, array, shape, kinds in (
        ("xy", xy, (*each, 2), "f"),
        ("weight", weight, each, "fiub"),
        ("depth", depth, each, "f"),
        ("depth_weight", depth_weight, each, "fiub"),
        ("xyz", xyz, (*each, 3), "f"),
        ("val", held_out, (count,), "bui"),
        ("offset", offset, (count + 1,), "iu"),
        ("jpeg", jpeg, jpeg.shape[:1], "u"),
    ):
        if array.shape != shape or array.dtype.kind not in kinds:
            raise DataSetError(
                f"{path}: {name} is {array.shape} {array.dtype}, expected {shape}; see app/training/sets.py"
            )
    return [
        LabelledPicture(
            name=f"{path.name}#{i}",
            encoded=jpeg[offset[i] : offset[i + 1]].tobytes(),
            xy=xy[i].astype(np.float32),
            xy_weight=weight[i].astype(np.float32),
            depth=depth[i].astype(np.float32),
            depth_weight=depth_weight[i].astype(np.float32),
            xyz=xyz[i].astype(np.float32) if np.isfinite(xyz[i]).any() else None,
        )
        for i in range(len(xy))
        if bool(held_out[i]) == validation
    ]


def write_packed(path: Path, pictures: Sequence[LabelledPicture], held_out: Sequence[bool]) -> None:
    """Write pictures as a packed set, whole or not at all. Raises OSError."""
    sizes = [len(picture.encoded) for picture in pictures]
    optional: dict[str, Any] = {}
    if any(picture.xyz is not None for picture in pictures):
        unlabelled = np.full((NUM_JOINTS, 3), np.nan, np.float32)
        optional["xyz"] = np.stack([unlabelled if p.xyz is None else p.xyz for p in pictures])
    with replacing(path) as part, part.open("wb") as file:
        np.savez(
            file,
            jpeg=np.frombuffer(b"".join(picture.encoded for picture in pictures), np.uint8),
            offset=np.cumsum([0, *sizes]),
            xy=np.stack([picture.xy for picture in pictures]).astype(np.float32),
            weight=np.stack([picture.xy_weight for picture in pictures]).astype(np.float32),
            depth=np.stack([picture.depth for picture in pictures]).astype(np.float32),
            depth_weight=np.stack([picture.depth_weight for picture in pictures]).astype(np.float32),
            val=np.array(held_out, bool),
            **optional,
        )
