"""Zips and npz files of others: measured before memory is taken; no name in them leads out of a folder."""

from __future__ import annotations

import math
import struct
import zipfile
import zlib
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any, Final

import numpy as np
from numpy.lib.npyio import NpzFile

# What a zip may unpack to: so much, and so many times its own size. Pictures, clips and labels need far less.
FREE_BYTES: Final = 256 << 20
FREE_TIMES: Final = 20
PICTURE_ENDINGS: Final = (".jpg", ".jpeg", ".png")
# All that damaged archives raise, one member or another.
BROKEN: Final = (
    OSError,
    ValueError,
    LookupError,
    EOFError,
    RuntimeError,  # a password, or a compression that is not known
    struct.error,
    zlib.error,
    zipfile.BadZipFile,
)


def open_zip(path: Path) -> zipfile.ZipFile:
    """The archive, looked over: one that unpacks to far too much is refused. Raises one of BROKEN."""
    archive = zipfile.ZipFile(path)
    size = sum(member.file_size for member in archive.infolist())
    if size > FREE_BYTES + FREE_TIMES * path.stat().st_size:
        archive.close()
        raise zipfile.BadZipFile(f"would unpack to {size >> 20} MB, far more than such a file should")
    return archive


def plain_name(name: str) -> str:
    """What a member of an archive is called on the disk: "a/b.mp4" -> "a-b.mp4", no folders on any system."""
    flat = name.replace("/", "-").replace("\\", "-").lstrip(".")
    return "".join(c if c.isprintable() and c not in '<>:"|?*' else "_" for c in flat)[-200:] or "_"


def inside(folder: Path, name: str) -> Path:
    """The file that labels name, below the folder. Raises ValueError when it would lie elsewhere."""
    for flavour in (PurePosixPath, PureWindowsPath):
        named = flavour(name)
        if named.anchor or ".." in named.parts:
            raise ValueError(f"{name!r:.80} leads out of {folder}")
    return folder / name


def open_arrays(path: Path) -> NpzFile:
    """An npz file, looked over; its arrays are read one by one. Raises one of BROKEN.

    numpy itself takes memory for the shape that a header states before it looks whether the data are there.
    """
    with open_zip(path) as archive:
        for member in archive.infolist():
            with archive.open(member) as file:
                shape, dtype = _header(file)
            if dtype.hasobject:
                raise ValueError(f"{member.filename}: holds objects, not numbers")
            if math.prod(shape) * dtype.itemsize > member.file_size:
                raise ValueError(
                    f"{member.filename}: {shape} {dtype} is more than its {member.file_size} bytes"
                )
    opened: NpzFile = np.load(path, allow_pickle=False)
    return opened


def _header(file: Any) -> tuple[tuple[int, ...], np.dtype[Any]]:
    version = np.lib.format.read_magic(file)
    readers = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }
    if version not in readers:
        raise ValueError(f"version {version} of an array's header is not known")
    shape, _, dtype = readers[version](file)
    return shape, dtype
