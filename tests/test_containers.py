from __future__ import annotations

import struct
from pathlib import Path

import cv2
import numpy as np
import pytest

from app.containers import missing_bytes, shown_seconds

FRAMES = 50


def film(path: Path, code: str) -> Path:
    """A little film of moving noise: 2 s at 25 frames a second."""
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*code), 25.0, (64, 48))
    assert writer.isOpened()
    noise = np.random.default_rng(1).integers(0, 255, (48, 64 + FRAMES, 3), np.uint8)
    for i in range(FRAMES):
        writer.write(np.ascontiguousarray(noise[:, i : i + 64]))
    writer.release()
    return path


@pytest.mark.parametrize(
    ("name", "code"), [("a.mp4", "mp4v"), ("a.mov", "mp4v"), ("a.avi", "MJPG"), ("a.mkv", "mp4v")]
)
def test_bytes_missing_at_the_end_are_told(tmp_path: Path, name: str, code: str) -> None:
    path = film(tmp_path / name, code)
    assert missing_bytes(path) == 0
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) * 3 // 4])
    assert missing_bytes(path) > 0


def test_what_is_no_film_lacks_nothing(tmp_path: Path) -> None:
    path = tmp_path / "x"
    for data in (b"", b"\x00" * 100, b"\xff\xd8\xff", b"\x1aE\xdf\xa3", b"RIFF", b"\x00\x00\x00\x05ftyp" * 5):
        path.write_bytes(data)
        assert missing_bytes(path) == 0
        assert shown_seconds(path) is None


def _box(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", 8 + len(content)) + name + content


def _movie(edits: list[tuple[int, int]]) -> bytes:
    """The boxes around an edit list of (duration, media time) in milliseconds."""
    table = struct.pack(">II", 0, len(edits)) + b"".join(struct.pack(">Iii", d, m, 0x10000) for d, m in edits)
    sound = _box(b"trak", _box(b"mdia", _box(b"hdlr", bytes(8) + b"soun")))
    video = _box(
        b"trak",
        _box(b"edts", _box(b"elst", table)) + _box(b"mdia", _box(b"hdlr", bytes(8) + b"vide" + bytes(12))),
    )
    header = _box(b"mvhd", bytes(12) + struct.pack(">II", 1000, 9400))
    return _box(b"ftyp", b"isom") + _box(b"moov", header + sound + video)


def test_a_trimmed_clip_shows_what_its_edit_list_says(tmp_path: Path) -> None:
    path = tmp_path / "trimmed.mp4"
    path.write_bytes(_movie([(500, -1), (6140, 3300)]))
    assert shown_seconds(path) == pytest.approx(6.14)
    assert missing_bytes(path) == 0


def test_a_damaged_edit_list_is_ignored(tmp_path: Path) -> None:
    path = tmp_path / "damaged.mp4"
    whole = _movie([(6140, 3300)])
    path.write_bytes(whole.replace(struct.pack(">II", 0, 1), struct.pack(">II", 0, 10_000)))
    assert shown_seconds(path) is None
