"""The kinds of data set that a training configuration can name.

lsp         zips of LSP/LSPET photographs with annotations.json (2D labels)
pictures    without anybody: a zip of photographs; every joint is "nowhere"
packed      npz files of pictures with 2D and 3D labels, as `render` writes and teachers' labels are kept:
            jpeg (bytes, one after the other), offset (N + 1), xy (N, 19, 2), and
            weight (N, 19), depth (N, 19) in pixels, depth_weight (N, 19)
"""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np

from app.skeleton import NUM_JOINTS
from app.training.datasets import DataSetError, LabelledPicture, read_lsp, validation_names

PICTURE_ENDINGS = (".jpg", ".jpeg", ".png")


def load_sets(kind: str, files: list[str], *, validation: bool) -> list[LabelledPicture]:
    """All pictures of one entry, the validation split's or the others. Raises DataSetError."""
    paths = [Path(name) for name in files]
    if not paths:
        raise DataSetError(f"data set of kind {kind}: no files named")
    if kind == "lsp":
        pictures = list(read_lsp(paths))
        held_out = validation_names([picture.name for picture in pictures])
        return [picture for picture in pictures if (picture.name in held_out) == validation]
    if kind == "pictures":
        return [picture for path in paths for picture in _read_negatives(path)]
    if kind == "packed":
        return [picture for path in paths for picture in _read_packed(path, validation=validation)]
    raise DataSetError(f"unknown kind of data set {kind!r}: expected lsp, pictures or packed")


def _read_negatives(path: Path) -> list[LabelledPicture]:
    nothing = np.zeros(NUM_JOINTS, np.float32)
    with zipfile.ZipFile(path) as archive:
        return [
            LabelledPicture(
                name=name,
                encoded=archive.read(name),
                xy=np.zeros((NUM_JOINTS, 2), np.float32),
                xy_weight=nothing,
                depth=nothing,
                depth_weight=nothing,
            )
            for name in archive.namelist()
            if name.lower().endswith(PICTURE_ENDINGS)
        ]


def _read_packed(path: Path, *, validation: bool) -> list[LabelledPicture]:
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        jpeg, offset = arrays["jpeg"], arrays["offset"]
        xy, weight, depth, depth_weight = (arrays[k] for k in ("xy", "weight", "depth", "depth_weight"))
    except (OSError, KeyError, ValueError) as error:
        raise DataSetError(f"{path}: not a packed set ({error}); see app/training/sets.py") from error
    held_out = arrays.get("val", np.zeros(len(xy), bool))
    return [
        LabelledPicture(
            name=f"{path.name}#{i}",
            encoded=jpeg[offset[i] : offset[i + 1]].tobytes(),
            xy=xy[i].astype(np.float32),
            xy_weight=weight[i].astype(np.float32),
            depth=depth[i].astype(np.float32),
            depth_weight=depth_weight[i].astype(np.float32),
        )
        for i in range(len(xy))
        if bool(held_out[i]) == validation
    ]
