"""Recorded pose files: what the estimator saw, without a picture. Needs numpy only.

The file is JSON, one value a line, UTF-8, packed with gzip or plain (reading tells them apart by
their first bytes). The first line is the header, every further line one frame:

    {"format": "formcue poses", "version": 1, "source": "squat.mp4", "width": 640, "height": 360,
     "fps": 25.0, "frames": 250, "joints": ["head_top", "nose", ...], "model": {"name", "sha256"} | null}
    {"t": 0.04, "pose": [[x, y, X, Y, Z, confidence], ...]}
    {"t": 0.08, "pose": null}

x, y are pixels of the frame, X, Y, Z metres (see `Pose`), in the order of the header's "joints".
`null` is a frame with nobody in it. Numbers are rounded to 0.1 pixel, 1 mm and 0.001.
Reading trusts nothing: sizes are bounded, every number is checked, nothing is executed.
"""

from __future__ import annotations

import gzip
import json
import math
import shutil
import tempfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final, cast

import numpy as np

from app.errors import EXIT_USAGE, FormcueError
from app.files import replacing
from app.skeleton import JOINT_NAMES, NUM_JOINTS, Pose

FORMAT: Final = "formcue poses"
VERSION: Final = 1
MAX_LINE: Final = 32_768  # characters; a frame of 19 joints has about 900
MAX_FRAMES: Final = 500_000  # more than four hours at 30 frames a second
MAX_BYTES: Final = 1 << 30  # unpacked; the longest recording has half of it
_GZIP_MAGIC: Final = b"\x1f\x8b"
_LARGEST: Final = 1e6  # no coordinate in pixels or metres, and no time, is beyond this


class RecordingError(FormcueError):
    """A recorded pose file cannot be used; the text is one line that says where and why."""

    exit_code = EXIT_USAGE


@dataclass(frozen=True, kw_only=True, eq=False)
class RecordedFrame:
    """What was seen at one time (seconds); pose is None where nobody was."""

    time: float
    pose: Pose | None


@dataclass(frozen=True, kw_only=True, eq=False)
class Recording:
    """The poses of one video or camera session, times in order.

    width, height: size of the frames in pixels. fps: nominal frames a second.
    model: name and SHA-256 of the weights that saw them, or None.
    """

    source: str
    width: int
    height: int
    fps: float
    frames: tuple[RecordedFrame, ...]
    model: Mapping[str, str] | None = None


def save_recording(path: Path, recording: Recording) -> None:
    """Writes the file, whole or not at all; packed with gzip when the name ends in ".gz".

    Raises app.files.OutputError when the file cannot be written.
    """
    with recording_writer(
        path,
        source=recording.source,
        width=recording.width,
        height=recording.height,
        fps=recording.fps,
        model=recording.model,
    ) as write:
        for frame in recording.frames:
            write(frame)


@contextmanager
def recording_writer(
    path: Path, *, source: str, width: int, height: int, fps: float, model: Mapping[str, str] | None = None
) -> Iterator[Callable[[RecordedFrame], None]]:
    """Gives what writes a frame; the file is there when the block ends well, and not at all when it does not.

    Hours of frames need no memory: they wait on the disk for the header, which tells how many they are.
    Raises app.files.OutputError when the file cannot be written.
    """
    count = 0

    def write(frame: RecordedFrame) -> None:
        nonlocal count
        rows = None if frame.pose is None else _rows(frame.pose)
        line = json.dumps({"t": round(frame.time, 4), "pose": rows}, separators=(",", ":"), allow_nan=False)
        packed.write(f"{line}\n".encode())
        count += 1

    with replacing(path) as temporary, tempfile.TemporaryFile(dir=temporary.parent) as waiting:
        packing = path.suffix == ".gz"
        packed = _packed(waiting) if packing else waiting
        yield write
        header = {
            "format": FORMAT,
            "version": VERSION,
            "source": source,
            "width": width,
            "height": height,
            "fps": fps,
            "frames": count,
            "joints": list(JOINT_NAMES),
            "model": dict(model) if model else None,
        }
        first = f"{json.dumps(header, ensure_ascii=False, allow_nan=False)}\n".encode()
        if packing:
            packed.close()
        waiting.seek(0)
        with temporary.open("wb") as file:
            # Two gzip files one after the other are one: what was packed already is only copied.
            file.write(gzip.compress(first, mtime=0) if packing else first)
            shutil.copyfileobj(waiting, file)


def _packed(file: IO[bytes]) -> IO[bytes]:
    """Without a name and a time of writing inside: the same poses give the same file."""
    return cast(IO[bytes], gzip.GzipFile(filename="", fileobj=file, mode="wb", mtime=0))


def is_recording(path: Path) -> bool:
    """Whether the file begins like a recorded pose file (it may still be broken further on)."""
    try:
        with _opened(path) as file:
            start = file.read(200)
    except (OSError, EOFError, zlib.error):
        return False
    return start.lstrip()[:1] == b"{" and f'"{FORMAT}"'.encode() in start


def load_recording(path: Path) -> Recording:
    """Reads and checks a recorded pose file. Raises RecordingError."""
    try:
        with _opened(path) as file:
            return _parse(path, file)
    except EOFError as error:
        raise RecordingError("{path}: the file is cut off; record it again", path=path) from error
    except (OSError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or error
        raise RecordingError("{path}: cannot be read ({reason})", path=path, reason=reason) from error


def _opened(path: Path) -> IO[bytes]:
    with path.open("rb") as file:
        packed = file.read(2) == _GZIP_MAGIC
    return cast(IO[bytes], gzip.open(path, "rb")) if packed else path.open("rb")


def _rows(pose: Pose) -> list[list[float]]:
    return [
        [
            round(float(x), 1),
            round(float(y), 1),
            *(round(float(v), 3) for v in xyz),
            round(float(confidence), 3),
        ]
        for (x, y), xyz, confidence in zip(pose.xy, pose.xyz, pose.confidence, strict=True)
    ]


def _parse(path: Path, file: IO[bytes]) -> Recording:
    lines = _lines(path, file)
    first = next(lines, None)
    if first is None:
        raise RecordingError("{path}: the file is empty", path=path)
    header = _object(path, *first)
    where = f"{path}:1"
    if header.get("format") != FORMAT:
        raise RecordingError(
            '{where}: not a recorded pose file ("format" is not "{format}")', where=where, format=FORMAT
        )
    if header.get("version") != VERSION:
        raise RecordingError(
            "{where}: version {found!r:.40} is not known, expected {version}; update Formcue",
            where=where,
            found=header.get("version"),
            version=VERSION,
        )
    order = _joint_order(where, header.get("joints"))
    count = header.get("frames")
    if not isinstance(count, int) or isinstance(count, bool) or not 0 <= count <= MAX_FRAMES:
        raise RecordingError(
            '{where}: "frames" is {count!r:.40}, expected a number from 0 to {max_frames}',
            where=where,
            count=count,
            max_frames=MAX_FRAMES,
        )
    source, model = header.get("source"), header.get("model")
    if not isinstance(source, str):
        raise RecordingError('{where}: "source" is missing, expected a text', where=where)
    if model is not None and not (
        isinstance(model, dict) and all(isinstance(model.get(key), str) for key in ("name", "sha256"))
    ):
        raise RecordingError(
            '{where}: "model" is not an object with "name" and "sha256", and not null', where=where
        )
    frames: list[RecordedFrame] = []
    for number, text in lines:
        if len(frames) >= count:
            raise RecordingError(
                "{path}:{number}: more frames than the header's {count}",
                path=path,
                number=number,
                count=count,
            )
        frame = _frame(f"{path}:{number}", _object(path, number, text), order)
        if frames and frame.time < frames[-1].time:
            raise RecordingError(
                "{path}:{number}: time {time} is before the last, {last}",
                path=path,
                number=number,
                time=frame.time,
                last=frames[-1].time,
            )
        frames.append(frame)
    if len(frames) != count:
        raise RecordingError(
            "{path}: ends after {number} of {count} frames; the file is cut off",
            path=path,
            number=len(frames),
            count=count,
        )
    return Recording(
        source=source,
        width=int(_number(where, "width", header.get("width"), low=1, high=100_000)),
        height=int(_number(where, "height", header.get("height"), low=1, high=100_000)),
        fps=_number(where, "fps", header.get("fps"), low=0.1, high=10_000),
        frames=tuple(frames),
        model=model,
    )


def _lines(path: Path, file: IO[bytes]) -> Iterator[tuple[int, bytes]]:
    """Numbered lines, one at a time: a file that unpacks to gigabytes is refused at its first long line."""
    number = size = 0
    while line := file.readline(MAX_LINE + 1):
        number += 1
        if len(line) > MAX_LINE:
            raise RecordingError(
                "{path}:{number}: the line is longer than {max_line} characters",
                path=path,
                number=number,
                max_line=MAX_LINE,
            )
        if number > MAX_FRAMES + 1:
            raise RecordingError("{path}: more than {max_frames} frames", path=path, max_frames=MAX_FRAMES)
        size += len(line)
        if size > MAX_BYTES:
            raise RecordingError("{path}: unpacks to more than {most} MB", path=path, most=MAX_BYTES >> 20)
        yield number, line


def _object(path: Path, number: int, line: bytes) -> dict[str, object]:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise RecordingError(
            "{path}:{number}: not a line of JSON; the file is damaged or cut off", path=path, number=number
        ) from error
    if not isinstance(value, dict):
        raise RecordingError("{path}:{number}: expected a JSON object", path=path, number=number)
    return value


def _joint_order(where: str, names: object) -> list[int]:
    """For each joint of our skeleton, its place in the file's rows."""
    if not isinstance(names, list) or len(names) > 1000:
        raise RecordingError('{where}: "joints" is missing, expected a list of names', where=where)
    missing = [name for name in JOINT_NAMES if name not in names]
    if missing:
        raise RecordingError('{where}: "joints" lacks {missing}', where=where, missing=", ".join(missing))
    return [names.index(name) for name in JOINT_NAMES]


def _number(where: str, name: str, value: object, *, low: float, high: float) -> float:
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not low <= value <= high:
        raise RecordingError(
            '{where}: "{name}" is {value!r:.40}, expected a number from {low:g} to {high:g}',
            where=where,
            name=name,
            value=value,
            low=low,
            high=high,
        )
    return float(value)


def _frame(where: str, value: dict[str, object], order: list[int]) -> RecordedFrame:
    time = _number(where, "t", value.get("t"), low=-_LARGEST, high=_LARGEST * 1000)
    rows = value.get("pose", False)
    if rows is None:
        return RecordedFrame(time=time, pose=None)
    if not isinstance(rows, list) or not all(
        isinstance(row, list) and len(row) == 6 and all(type(v) in (int, float) for v in row) for row in rows
    ):
        raise RecordingError(
            '{where}: "pose" must be null or a list of [x, y, X, Y, Z, confidence]', where=where
        )
    if len(rows) <= max(order):
        raise RecordingError(
            '{where}: "pose" has {number} joints, expected {num_joints}',
            where=where,
            number=len(rows),
            num_joints=NUM_JOINTS,
        )
    try:
        table = np.array(rows, dtype=np.float64)[order]
    except OverflowError:  # an integer of hundreds of digits
        table = np.full((NUM_JOINTS, 6), math.inf)
    if not (np.abs(table) <= _LARGEST).all() or (table[:, 5] < 0).any() or (table[:, 5] > 1).any():
        raise RecordingError("{where}: a number is out of range (confidence is 0 to 1)", where=where)
    row = table.astype(np.float32)
    return RecordedFrame(
        time=time, pose=Pose(time=time, xy=row[:, :2], xyz=row[:, 2:5], confidence=row[:, 5])
    )
