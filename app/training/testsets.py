"""What is evaluated on: labelled photographs, and a person before calibrated cameras. Never trained on."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np

from app.skeleton import NUM_JOINTS, Joint
from app.training.archives import BROKEN, open_zip
from app.training.datasets import DataSetError, LabelledPicture, read_lsp, validation_names
from app.training.measures import Array, Mask, root_aligned
from app.training.sets import load_sets

LSPET_FILES: Final = ("lspet-train-0.zip", "lspet-train-1.zip")
TWO_VIEW_FILE: Final = "two-view-3d.zip"


@dataclass(frozen=True, kw_only=True, eq=False)
class Stills:
    """Labelled photographs.

    key: its name in the report; title: that for people. names (N); images (N): the files' bytes.
    xy (N, 19, 2) pixels, mask (N, 19) of labels; depth (N, 19) in pixels, away from the camera, from
    mid-hip, with a mask of its own; xyz (N, 19, 3) metres in the camera's axes, origin mid-hip, with a mask
    of its own: joints inside the picture of people whose hips both are, for else there is no origin. A
    picture cut out of a larger one keeps its camera's axes, as in the literature's protocols.
    """

    key: str
    title: str
    names: tuple[str, ...]
    images: tuple[bytes, ...]
    xy: Array
    mask: Mask
    depth: Array
    depth_mask: Mask
    xyz: Array
    xyz_mask: Mask

    @classmethod
    def of(cls, key: str, title: str, pictures: Sequence[LabelledPicture]) -> Stills:
        """The test set of these pictures, at least one."""
        mask = np.array([picture.xy_weight > 0 for picture in pictures])
        unlabelled = np.full((NUM_JOINTS, 3), np.nan)
        xyz = root_aligned(np.array([unlabelled if p.xyz is None else p.xyz for p in pictures], float))
        hips = mask[:, [Joint.left_hip, Joint.right_hip]].all(axis=1, keepdims=True)
        return cls(
            key=key,
            title=title,
            names=tuple(picture.name for picture in pictures),
            images=tuple(picture.encoded for picture in pictures),
            xy=np.array([picture.xy for picture in pictures]),
            mask=mask,
            depth=np.array([picture.depth for picture in pictures]),
            depth_mask=np.array([picture.depth_weight > 0 for picture in pictures]),
            xyz=xyz,
            xyz_mask=np.asarray(np.isfinite(xyz).all(axis=-1) & mask & hips, bool),
        )

    def kept(self, rows: Sequence[int]) -> Stills:
        """Those of some rows."""
        chosen = list(rows)
        return replace(
            self,
            names=tuple(self.names[row] for row in chosen),
            images=tuple(self.images[row] for row in chosen),
            xy=self.xy[chosen],
            mask=self.mask[chosen],
            depth=self.depth[chosen],
            depth_mask=self.depth_mask[chosen],
            xyz=self.xyz[chosen],
            xyz_mask=self.xyz_mask[chosen],
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class View:
    """One camera's labelled video.

    xyz (F, 19, 3): metres in this camera's axes, origin mid-hip; xy (F, 19, 2): the same joints projected
    into the frame, pixels; mask (F, 19): which joints are labelled.
    """

    name: str
    xyz: Array
    xy: Array
    mask: Mask


def read_stills(folder: Path) -> Stills:
    """The photographs of the validation split. Raises DataSetError."""
    pictures = sorted(read_lsp([folder / name for name in LSPET_FILES]), key=lambda picture: picture.name)
    # The split is drawn from all names, so both files are needed.
    kept = validation_names([picture.name for picture in pictures])
    pictures = [picture for picture in pictures if picture.name in kept]
    title = f"Photographs: {len(pictures)} of LSPET never trained on, whole image, each on its own"
    return Stills.of("lspet-validation", title, pictures)


def read_labelled(kind: str, files: Sequence[str]) -> Stills:
    """What a data set of sets.py holds out, or the whole of it where it holds nothing out. DataSetError."""
    pictures = load_sets(kind, list(files), validation=True)
    part = "held out"
    if not pictures:
        pictures, part = load_sets(kind, list(files), validation=False), "all of it, none is held out"
    pictures = [picture for picture in pictures if (picture.xy_weight > 0).any()]
    if not pictures:
        raise DataSetError(f"{', '.join(files)}: nobody is labelled in it")
    names = ", ".join(Path(file).name for file in files)
    title = f"{kind} {names}: {len(pictures)} people, {part}, each picture on its own"
    return Stills.of(f"{kind} {names}", title, pictures)


def read_views(folder: Path) -> tuple[View, ...]:
    """The two cameras' labels. Raises DataSetError."""
    document = json.loads(read_member(folder / TWO_VIEW_FILE, "joints.json"))
    world = np.full((len(document["frames"]), NUM_JOINTS, 3), np.nan)
    for row, frame in enumerate(document["frames"]):
        for name, values in frame.items():
            world[row, Joint[name]] = np.asarray(values[:3], float) / 1000
    views = []
    for name, camera in document["cameras"].items():
        xyz = world @ np.array(camera["rotation"]).T + np.array(camera["translation_mm"]) / 1000
        views.append(
            View(
                name=name,
                xyz=root_aligned(xyz),
                xy=project(xyz, np.array(camera["intrinsics"]), camera["distortion"]),
                # Without both hips there is no origin to measure from.
                mask=np.asarray(np.isfinite(root_aligned(xyz)).all(axis=-1), bool),
            )
        )
    return tuple(views)


def project(xyz: Array, intrinsics: Array, distortion: Sequence[float]) -> Array:
    """Camera coordinates (..., 3) to pixels (..., 2); distortion k1, k2, p1, p2 of Brown's model."""
    k1, k2, p1, p2 = distortion
    x, y = xyz[..., 0] / xyz[..., 2], xyz[..., 1] / xyz[..., 2]
    square = x * x + y * y
    radial = 1 + k1 * square + k2 * square * square
    bent = np.stack(
        (
            x * radial + 2 * p1 * x * y + p2 * (square + 2 * x * x),
            y * radial + p1 * (square + 2 * y * y) + 2 * p2 * x * y,
        ),
        axis=-1,
    )
    return bent * intrinsics[[0, 1], [0, 1]] + intrinsics[:2, 2]


def read_member(path: Path, name: str) -> bytes:
    try:
        with open_zip(path) as archive:
            return archive.read(name)
    except BROKEN as problem:
        hint = "give the original zip file"
        raise DataSetError(f"{path}: cannot read {name} from it ({problem}); {hint}") from None
