"""`pack`: a published data set as a packed one, which is read in seconds and fits into memory."""

from __future__ import annotations

import argparse
from itertools import compress
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from tqdm import tqdm

from app.errors import EXIT_DONE
from app.files import check_writable
from app.training.datasets import DataSetError, LabelledPicture
from app.training.readers import Broken
from app.training.sets import KINDS, load_sets, write_packed


def add_parser(commands: Any) -> None:
    """Adds `pack` to the sub-parsers of the main argument parser."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "pack",
        help="make one file of a published data set",
        description="Reads a data set, cuts every person out and shrinks them, and writes one file that "
        "training reads in seconds. What the set holds out for validation stays held out.",
    )
    parser.add_argument("kind", choices=list(KINDS), help="its layout; see app/training/sets.py")
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="its files or folders")
    parser.add_argument("--out", required=True, type=Path, metavar="FILE.npz", help="the packed set")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Packs; returns 0. Raises DataSetError, OutputError."""
    check_writable(arguments.out)
    files = [str(path) for path in arguments.files]
    pictures: list[LabelledPicture] = []
    held_out: list[bool] = []
    for validation in (False, True):
        # Pictures of nobody have no held-out part.
        part = [] if validation and arguments.kind == "pictures" else load_sets(
            arguments.kind, files, validation=validation
        )  # fmt: skip
        pictures += part
        held_out += [validation] * len(part)
    broken = Broken(Path(", ".join(files)))
    with broken:
        bar = tqdm(pictures, "looking at each", leave=False, mininterval=1, disable=None)
        readable = [_is_readable(picture, broken) for picture in bar]
    pictures, held_out = list(compress(pictures, readable)), list(compress(held_out, readable))
    if not pictures:
        raise DataSetError(f"{', '.join(files)}: nobody is labelled in it; nothing is written")
    write_packed(arguments.out, pictures, held_out)
    deep = sum(bool((picture.depth_weight > 0).any()) for picture in pictures)
    print(f"{arguments.out}: {len(pictures)} people, {deep} of them with depth, {sum(held_out)} held out")
    return EXIT_DONE


def _is_readable(picture: LabelledPicture, broken: Broken) -> bool:
    """Reports the picture where it is not: training would meet it again and again."""
    try:
        readable = cv2.imdecode(np.frombuffer(picture.encoded, np.uint8), cv2.IMREAD_COLOR) is not None
    except cv2.error:  # empty
        readable = False
    if readable:
        broken.read += 1
    else:
        broken.skip(picture.name, "not a readable picture")
    return readable
