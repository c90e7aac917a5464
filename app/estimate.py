"""`estimate`: the joints of the main person in still images, as JSON."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from app.analyze import joints_as_json
from app.commands import add_runtime_arguments, load_estimator
from app.errors import EXIT_DONE, EXIT_USAGE, FormcueError, UsageError
from app.files import check_writable, write_json

SCHEMA: Final = 1
LARGEST_FILE: Final = 200 * 2**20  # bytes; the largest cameras' photographs have about 100 MB


class ImageError(FormcueError):
    """An image cannot be used; the text is one line that says which and why."""

    exit_code = EXIT_USAGE


def add_parser(commands: Any) -> None:
    """Adds `estimate` to the sub-parsers of the main argument parser."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "estimate",
        help="find the joints in photographs",
        description="Finds the joints of the main person in each image and writes JSON. "
        "If one of the images cannot be read, none is worked on.",
    )
    parser.add_argument("images", metavar="IMAGE", nargs="+", type=Path, help="photographs")
    parser.add_argument("--out", metavar="FILE.json", type=Path, required=True, help="where the result goes")
    add_runtime_arguments(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Does the work of the command. Raises FormcueError; nothing is left half-written.

    All images are looked at before the first is worked on: a bad one among hundreds should show
    at once, and a result that silently lacks an image is worse than none.
    """
    check_writable(args.out)
    if args.out.resolve() in [path.resolve() for path in args.images]:
        raise UsageError(f"{args.out}: is one of the images; --out must be a file of its own")
    for path in args.images:
        read_image(path)
    estimator, model = load_estimator(args)
    images = []
    for path in tqdm(args.images, unit="image", disable=not sys.stderr.isatty(), leave=False):
        image = read_image(path)
        pose = estimator.estimate_still(image)
        height, width = image.shape[:2]
        images.append({"path": str(path), "width": width, "height": height, "joints": joints_as_json(pose)})
    write_json(args.out, {"schema": SCHEMA, "model": model, "images": images})
    found = sum(image["joints"] is not None for image in images)
    print(f"{len(images)} images, a person in {found} of them")
    return EXIT_DONE


def read_image(path: Path) -> NDArray[np.uint8]:
    """H x W x 3 uint8 BGR, turned upright as its EXIF data say. Raises ImageError."""
    if path.is_dir():
        raise ImageError(f"{path}: is a folder; give the image files in it, for example {path / '*.jpg'}")
    try:
        size = path.stat().st_size
        if size > LARGEST_FILE:
            raise ImageError(f"{path}: has {size >> 20} MB, more than an image should ({LARGEST_FILE >> 20})")
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise ImageError(f"{path}: there is no such file") from error
    except (OSError, ValueError) as error:
        raise ImageError(f"{path}: cannot be read ({getattr(error, 'strerror', None) or error})") from error
    if not data:
        raise ImageError(f"{path}: the file is empty")
    if _cut_off(data):
        raise ImageError(f"{path}: the file is cut off; copy it again")
    # Through memory, because OpenCV on Windows opens no path with letters beyond ASCII.
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:  # more pixels than OpenCV allows
        image = None
    if image is None:
        raise ImageError(f"{path}: not an image that can be read; give a JPEG, PNG, WebP, BMP or TIFF file")
    return image.astype(np.uint8, copy=False)


def _cut_off(data: bytes) -> bool:
    """Whether a JPEG, PNG or WebP lacks its end: OpenCV would fill the rest with grey and say nothing."""
    if data[:8] == b"\x89PNG\r\n\x1a\n":
        return b"IEND" not in data[-64:] and b"IEND" not in data
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return len(data) < 8 + int.from_bytes(data[4:8], "little")
    if data[:3] == b"\xff\xd8\xff":
        at = 2
        # Over the segments (a thumbnail inside one has an end mark of its own) to the scan.
        while at + 4 <= len(data) and data[at] == 0xFF and data[at + 1] != 0xDA:
            at += 1 if data[at + 1] == 0xFF else 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        return data.find(b"\xff\xd9", at) < 0
    return False
