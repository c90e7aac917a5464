"""What a video file says of its own length, read from its structure. Needs the standard library only.

OpenCV plays a file that was cut short up to the cut and calls it the end. The containers carry their sizes,
so the difference can be told: ISO media (MP4, MOV: ISO/IEC 14496-12), AVI (RIFF), Matroska and WebM (EBML,
RFC 8794).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final

_MAX_BOXES: Final = 10_000  # more than any honest file has at one level
_MAX_TABLE: Final = 1 << 20


def missing_bytes(path: Path) -> int:
    """How many bytes the file lacks of what its own structure says; 0 when none, or when it cannot be told.

    Raises OSError when the file cannot be read.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(64)
        if head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"):
            end = max((start + length for _, start, length in _boxes(file, 0, size)), default=size)
        elif head[:4] == b"RIFF" and head[8:11] == b"AVI":
            end = 8 + int.from_bytes(head[4:8], "little")
        elif head[:4] == b"\x1aE\xdf\xa3":
            end = _matroska_end(file, size)
        else:
            end = 0
    return max(0, end - size)


def shown_seconds(path: Path) -> float | None:
    """How long an MP4 or MOV file's edit list lets its video track play; None without one.

    A clip that was trimmed on a phone still holds, and counts, the frames of the whole recording.
    Raises OSError when the file cannot be read.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        try:
            for name, start, length in _boxes(file, 0, size):
                if name == b"moov":
                    return _edited_seconds(file, start, start + length)
        except (struct.error, IndexError):  # a damaged table: the decoder will have its say
            return None
    return None


def _boxes(file: IO[bytes], start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Name, start and length of the boxes that begin between start and end, headers included."""
    for _ in range(_MAX_BOXES):
        if start + 8 > end:
            return
        file.seek(start)
        header = file.read(16)
        if len(header) < 8:
            return
        length = int.from_bytes(header[:4], "big")
        if length == 1:  # the true length follows in 64 bits
            length = int.from_bytes(header[8:16], "big")
        elif length == 0:  # up to the end of the file
            length = end - start
        if length < 8:  # not a box: padding or rubbish, which players skip too
            return
        yield header[4:8], start, length
        start += length


def _inside(file: IO[bytes], start: int, end: int, *names: bytes) -> tuple[int, int] | None:
    """Start and end of the box reached by going down through boxes of these names."""
    for name in names:
        found = next((box for box in _boxes(file, start + 8, end) if box[0] == name), None)
        if found is None:
            return None
        start, end = found[1], found[1] + found[2]
    return start, end


def _content(file: IO[bytes], box: tuple[int, int]) -> bytes:
    file.seek(box[0] + 8)
    return file.read(min(box[1] - box[0] - 8, _MAX_TABLE))


def _edited_seconds(file: IO[bytes], start: int, end: int) -> float | None:
    header = _inside(file, start, end, b"mvhd")
    if header is None:
        return None
    data = _content(file, header)
    scale = struct.unpack_from(">I", data, 20 if data[0] == 1 else 12)[0]
    for name, at, length in _boxes(file, start + 8, end):
        if name != b"trak":
            continue
        handler = _inside(file, at, at + length, b"mdia", b"hdlr")
        edits = _inside(file, at, at + length, b"edts", b"elst")
        if handler is None or edits is None or _content(file, handler)[8:12] != b"vide":
            continue
        data = _content(file, edits)
        entry = ">Qq4x" if data[0] == 1 else ">Ii4x"
        rows = [
            struct.unpack_from(entry, data, 8 + i * struct.calcsize(entry))
            for i in range(struct.unpack_from(">I", data, 4)[0])
        ]
        # A media time of -1 is an empty stretch in front, in which no frame is shown.
        seconds = sum(duration for duration, media_time in rows if media_time >= 0) / scale if scale else 0.0
        return seconds or None
    return None


def _matroska_end(file: IO[bytes], size: int) -> int:
    """End of the segment, 0 when it is of unknown size (a live recording)."""
    position = 0
    for _ in range(8):
        file.seek(position)
        data = file.read(16)
        if len(data) < 12:
            return 0
        id_length = _vint_length(data[0])
        size_length = _vint_length(data[id_length])
        raw = data[id_length : id_length + size_length]
        value = int.from_bytes(raw, "big") & ((1 << (7 * size_length)) - 1)
        if value == (1 << (7 * size_length)) - 1:
            return 0
        position += id_length + size_length + value
        if data[:id_length] == b"\x18\x53\x80\x67":  # Segment
            return position
        if position > size:
            return 0
    return 0


def _vint_length(first: int) -> int:
    """Length in bytes of a variable-size number, by its first byte (RFC 8794, section 4)."""
    return 9 - first.bit_length() if first else 8
