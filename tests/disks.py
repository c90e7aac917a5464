"""Disks that are full, and folders that cannot be written: real ones, as far as this machine allows."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

KILOBYTES = 1024


class SmallDisk:
    """A folder on a disk of one megabyte of its own. Needs Linux and the rights of root; skips without."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def fill(self, left: int = 0) -> None:
        """Leaves that many bytes."""
        with (self.folder / "filler").open("wb", buffering=0) as file, suppress(OSError):
            while True:
                file.write(bytes(4096))
        size = (self.folder / "filler").stat().st_size
        os.truncate(self.folder / "filler", size - left)

    def free(self) -> None:
        (self.folder / "filler").unlink()

    def forbid(self) -> None:
        """Nothing can be written any more, as on a disk that the system made read-only."""
        _run("mount", "-o", "remount,ro", str(self.folder))


@contextmanager
def small_disk(folder: Path) -> Iterator[SmallDisk]:
    folder.mkdir()
    if not sys.platform.startswith("linux") or os.geteuid() != 0 or not _mounted(folder):
        pytest.skip("needs to mount a small disk, which this machine does not allow")
    try:
        yield SmallDisk(folder)
    finally:
        _run("umount", "-l", str(folder))


def _mounted(folder: Path) -> bool:
    return _run("mount", "-t", "tmpfs", "-o", f"size={KILOBYTES}k", "formcue-test", str(folder)) == 0


def _run(*command: str) -> int:
    return subprocess.run(command, capture_output=True, check=False).returncode


@contextmanager
def limited_files(most: int) -> Iterator[None]:
    """No file of this process can grow past that many bytes: the kernel refuses, whoever runs the tests."""
    resource = pytest.importorskip(
        "resource", reason="needs a limit on file sizes, which this system has not"
    )
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
