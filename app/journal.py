"""The journal of the workout under way: one JSON line for each thing that happens, on disk at once.

A line is handed to the operating system before `write` returns, so a process that dies, whatever kills it,
loses none; a thread then brings it down to the disk (fsync), so a power cut costs no more than the moment
that the disk needs, and the window never waits for it. A line cut in two by the power is left out in reading.
Lines that a full disk refuses are kept, and written with the next one that it takes: the workout goes on.
"""

from __future__ import annotations

import json
import logging
import os
import re
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from app.errors import EXIT_USAGE, FormcueError, Line
from app.files import lock

log = logging.getLogger(__name__)
SUFFIX: Final = ".journal"
MAX_BYTES: Final = 64 * 1024 * 1024  # a day of workouts has a few
_BLOCK: Final = 1 << 16
_FLAGS: Final = os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0)
_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]{0,99}")


class JournalError(FormcueError):
    """The journal cannot be opened; the text is one line that says why."""

    exit_code = EXIT_USAGE


def _warn(line: Line) -> None:
    log.warning("%s", line)


class Journal:
    """Appends lines to a file, which is made when it is not there.

        journal = Journal(journal_path(folder, id))
        journal.write({"what": "rep", ...})
        journal.remove()                      # when the workout is in the history

    told: hears one line when the disk begins to refuse, and one when it takes again what it refused.
    Raises JournalError when the file cannot be opened, or another window writes in it.
    """  # fmt: skip

    def __init__(self, path: Path, *, told: Callable[[Line], None] = _warn) -> None:
        self.path: Final = path
        self._told = told
        self._refused = b""  # lines that the disk did not take yet
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(path, _FLAGS, 0o600)
        except OSError as error:
            raise JournalError(
                "{path}: cannot be written ({reason})", path=path, reason=error.strerror or error
            ) from error
        try:
            lock(self._file)  # before anything is changed
            self._end = self._cut_torn_line()
        except OSError as error:
            os.close(self._file)
            raise JournalError(
                "{path}: belongs to another window ({reason})", path=path, reason=error.strerror or error
            ) from error
        self._changed = threading.Condition()
        self._unsafe = False
        self._open = True
        self._thread = threading.Thread(target=self._bring_down, name="journal", daemon=True)
        self._thread.start()

    def write(self, line: Mapping[str, Any], /) -> None:
        """Appends one line. Never raises for the disk: see the module."""
        data = (json.dumps(line, ensure_ascii=False, allow_nan=False, separators=(",", ":")) + "\n").encode()
        self._append(self._refused + data)

    def _append(self, data: bytes) -> None:
        """All of it, or nothing: then it waits in `_refused`."""
        before = self._refused
        try:
            left = data
            while left:
                left = left[os.write(self._file, left) :]
        except OSError as error:
            self._refused = data
            with suppress(OSError):  # a line that has no end would take the next one into it
                os.ftruncate(self._file, self._end)
            if not before:
                self._told(
                    Line(
                        "{path}: cannot be written ({reason}); is the disk full? "
                        "The workout goes on and is kept in memory until there is room",
                        path=self.path,
                        reason=error.strerror or error,
                    )
                )
            return
        self._end += len(data)
        self._refused = b""
        if before:
            self._told(Line("{path}: can be written again; nothing was lost", path=self.path))
        with self._changed:
            self._unsafe = True
            self._changed.notify()

    def close(self) -> None:
        """Waits until all of it is on the disk."""
        if self._refused and self._open:
            self._append(self._refused)
        with self._changed:
            if not self._open:
                return
            self._open = False
            self._changed.notify()
        self._thread.join()
        os.close(self._file)

    def remove(self) -> None:
        """Closes and deletes it; its lines are somewhere else by now. Raises OSError."""
        self._refused = b""
        self.close()
        self.path.unlink(missing_ok=True)

    def _cut_torn_line(self) -> int:
        """Ends the file behind its last whole line, and gives that place."""
        end = place = os.fstat(self._file).st_size
        while place > 0:
            start = max(0, place - _BLOCK)
            os.lseek(self._file, start, os.SEEK_SET)
            found = os.read(self._file, place - start).rfind(b"\n")
            place = start + found + 1 if found >= 0 else start
            if found >= 0:
                break
        if place < end:
            os.ftruncate(self._file, place)
        return place

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
    """Where the journal of that workout lies. Raises ValueError for an id that leads out of the folder."""
    if not _ID.fullmatch(id):
        raise ValueError(f"{id!r} is no id of a workout")
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
        if not path.is_file() or path.stat().st_size > MAX_BYTES:
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


def _in_use(path: Path) -> bool:
    """Whether another window writes in it."""
    try:
        file = os.open(path, os.O_RDWR)
    except OSError:
        return True
    try:
        lock(file)
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
