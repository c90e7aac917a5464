"""What the pose network reads of rendered people, beside what is true: for the lifter to learn from.

    python -m app.training.readings FOLDER|FILE.npz ... --out readings.npz

The pictures are those of `python main.py render`, whose joints in metres are exact. The file written has,
for each person read, `read` (N, 19, 4): metres in weak perspective as the app gives them to the lifter (but
that it puts unseen joints where a body at rest has them), and confidence; and `xyz` (N, 19, 3): the truth.
Both X right, Y down, Z away, origin mid-hip.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from app.crop import Image, around_joints, as_input, whole
from app.errors import EXIT_DONE, FormcueError, UsageError, first_line
from app.estimator import Reading
from app.files import check_writable, replacing
from app.runtimes import Runtime, load_runtime
from app.skeleton import FloatArray
from app.training.archives import BROKEN, open_arrays
from app.world import make_pose, metric_scale

Array = NDArray[Any]


def read_person(image: Image, xy: FloatArray, seen: FloatArray, runtime: Runtime) -> FloatArray | None:
    """(19, 4): metres in weak perspective and confidence, of the person with the joints xy (19, 2) pixels.

    seen: (19,), 1 for joints inside the picture. None where the network sees too little of a person.
    """
    size = runtime.input_size
    crop = around_joints(xy, seen, whole(image), (image.shape[1], image.shape[0]))
    if crop is None:
        return None
    reading = Reading.of(runtime.pose_maps(as_input([crop.cut(image, size)])), crop, size)
    scale = metric_scale(reading.xy, reading.depth, reading.confidence)
    if scale is None:
        return None
    pose = make_pose(reading.xy, reading.depth, reading.confidence, scale, 0.0)
    return np.concatenate([pose.xyz, pose.confidence[:, None]], axis=1)


def readings(path: Path, runtime: Runtime) -> Iterator[tuple[FloatArray | None, FloatArray]]:
    """Of each picture of a rendered set: what is read, and the truth (19, 3). Raises UsageError."""
    try:
        with open_arrays(path) as file:
            arrays = {name: file[name] for name in ("jpeg", "offset", "xy", "weight", "xyz")}
    except BROKEN as error:
        raise UsageError(f"{path}: no set of rendered pictures ({first_line(error)})") from None
    offset = arrays["offset"]
    for i in range(len(arrays["xyz"])):
        image = cv2.imdecode(arrays["jpeg"][offset[i] : offset[i + 1]], cv2.IMREAD_COLOR)
        if image is None:
            raise UsageError(f"{path}: picture {i} is damaged")
        found = read_person(image, arrays["xy"][i], arrays["weight"][i], runtime)  # type: ignore[arg-type]
        yield found, arrays["xyz"][i]


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m app.training.readings",
        description="Reads rendered people, for the lifter's training.",
    )
    parser.add_argument("paths", nargs="+", type=Path, metavar="FOLDER|FILE.npz", help="sets of `render`")
    parser.add_argument("--out", required=True, type=Path, metavar="FILE.npz")
    args = parser.parse_args(argv)
    try:
        check_writable(args.out)
        files = [
            file for path in args.paths for file in (sorted(path.glob("*.npz")) if path.is_dir() else [path])
        ]
        if not files:
            raise UsageError(f"{', '.join(map(str, args.paths))}: no .npz file there")
        runtime = load_runtime()
        read, true, count = [], [], 0
        with tqdm(unit="picture") as bar:
            for file in files:
                for found, xyz in readings(file, runtime):
                    bar.update()
                    count += 1
                    if found is not None:
                        read.append(found)
                        true.append(xyz)
        if not read:
            raise UsageError("nobody was seen in any of the pictures")
        with replacing(args.out) as part, part.open("wb") as out:
            np.savez_compressed(out, read=np.array(read, np.float32), xyz=np.array(true, np.float32))
        print(f"{args.out}: {len(read)} people read in {count} pictures")
    except FormcueError as error:
        print(f"readings: {error}", file=sys.stderr)
        return error.exit_code
    return EXIT_DONE


if __name__ == "__main__":
    sys.exit(main())
