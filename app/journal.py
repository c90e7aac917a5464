"""The journal of the workout under way: one JSON line for each thing that happens, on disk at once.

A line is handed to the operating system before `write` returns, so a process that dies, whatever kills it,
loses none; a thread then brings it down to the disk (fsync), so a power cut costs no more than the moment
that the disk needs, and the window never waits for it. A line cut in two by the power is left out in reading.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from app.errors import EXIT_USAGE, FormcueError

SUFFIX: Final = ".journal"
MAX_BYTES: Final = 64 * 1024 * 1024  # a day of workouts has a few


class JournalError(FormcueError):
    """The journal cannot be written; the text is one line that says why."""

    exit_code = EXIT_USAGE


class Journal:
    """Appends lines to a file, which is made when it is not there.

        journal = Journal(journal_path(folder, id))
        journal.write({"what": "rep", ...})
        journal.remove()                      # when the workout is in the history

    Raises JournalError when the file cannot be opened or written, or another window writes in it.
    """  # fmt: skip

    def __init__(self, path: Path) -> None:
        self.path: Final = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._cut_torn_line()
            self._file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
            _lock(self._file)
        except OSError as error:
            raise JournalError(f"{path}: cannot be written ({error.strerror or error})") from error
        self._changed = threading.Condition()
        self._unsafe = False
        self._open = True
        self._thread = threading.Thread(target=self._bring_down, name="journal", daemon=True)
        self._thread.start()

    def write(self, line: Mapping[str, Any], /) -> None:
        """Appends one line."""
        data = (json.dumps(line, ensure_ascii=False, allow_nan=False, separators=(",", ":")) + "\n").encode()
        try:
            while data:
                data = data[os.write(self._file, data) :]
        except OSError as error:
            raise JournalError(
                f"{self.path}: cannot be written ({error.strerror or error}); is the disk full?"
            ) from error
        with self._changed:
            self._unsafe = True
            self._changed.notify()

    def close(self) -> None:
        """Waits until all of it is on the disk."""
        with self._changed:
            if not self._open:
                return
            self._open = False
            self._changed.notify()
        self._thread.join()
        os.close(self._file)

    def remove(self) -> None:
        """Closes and deletes it."""
        self.close()
        self.path.unlink(missing_ok=True)

    def _cut_torn_line(self) -> None:
        """What follows a line that has no end would be taken for a part of it."""
        if not self.path.exists():
            return
        data = self.path.read_bytes()
        whole = data.rfind(b"\n") + 1
        if whole < len(data):
            os.truncate(self.path, whole)

    def _bring_down(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._unsafe or not self._open)
                if not self._unsafe:
                    return
                self._unsafe = False
            try:
                os.fsync(self._file)
            except OSError:  # some file systems know no fsync; the line is with the system all the same
                continue


@dataclass(frozen=True, kw_only=True)
class Unfinished:
    """A workout whose journal was left behind. lines: for `WorkoutRunner.resume`; path: to go on in."""

    path: Path
    lines: tuple[dict[str, Any], ...]


def journal_path(folder: Path, id: str) -> Path:
    return folder / f"{id}{SUFFIX}"


def unfinished(folder: Path) -> Unfinished | None:
    """The newest workout that was begun and is neither in the history nor under way in another window.

    Never raises for what is in the files: what cannot be read is no workout to go on with.
    """
    found = sorted(folder.glob(f"*{SUFFIX}"), key=_changed, reverse=True) if folder.is_dir() else []
    for path in found:
        lines = read_lines(path)
        if lines and lines[0].get("what") == "workout" and not _in_use(path):
            return Unfinished(path=path, lines=tuple(lines))
    return None


def read_lines(path: Path) -> list[dict[str, Any]]:
    """The whole lines of a journal, up to the first that cannot be read."""
    out: list[dict[str, Any]] = []
    try:
        if path.stat().st_size > MAX_BYTES:
            return []
        data = path.read_bytes()
    except OSError:
        return []
    for line in data.split(b"\n")[:-1]:
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            break
        if not isinstance(value, dict):
            break
        out.append(value)
    return out


def _lock(file: int) -> None:
    """Marks the file as in use until it is closed or the process ends. Raises OSError when it is already."""
    if sys.platform == "win32":
        import msvcrt

        os.lseek(file, MAX_BYTES, os.SEEK_SET)  # a byte that is never written: locked ones cannot be read
        msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _in_use(path: Path) -> bool:
    """Whether another window writes in it."""
    try:
        file = os.open(path, os.O_RDWR)
    except OSError:
        return True
    try:
        _lock(file)
    except OSError:
        return True
    else:
        return False
    finally:
        os.close(file)


def _changed(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
