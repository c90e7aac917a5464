"""Writing files so that nothing half-written is ever left behind. Needs no other package."""

from __future__ import annotations

import errno
import glob
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from app.errors import EXIT_FAILED, EXIT_USAGE, FormcueError

LEFT_BEHIND: Final = 24 * 3600.0  # seconds after which a temporary file has nobody who still writes it
LOCK_BYTE: Final = 1 << 30  # on Windows a locked byte cannot be read: one that no file of ours reaches
PATIENCE: Final = 5.0  # seconds to wait for another window that is writing the same file


class OutputError(FormcueError):
    """A file cannot be written; the text is one line that says which, why, and how to mend it."""

    exit_code = EXIT_USAGE


def check_writable(path: Path) -> None:
    """Refuses, before any work is done, a place where a file cannot be written.

    Raises OutputError.
    """
    if path.is_dir():
        raise OutputError("{path}: is a folder; give the name of a file", path=path)
    if path.exists() and not path.is_file():  # /dev/null would become an ordinary file
        raise OutputError("{path}: is a device, not a file; give the name of a file", path=path)
    folder = path.parent
    if not folder.exists():
        raise OutputError(
            "{path}: the folder {folder} does not exist; create it first", path=path, folder=folder
        )
    if not folder.is_dir():
        raise OutputError("{path}: {folder} is not a folder", path=path, folder=folder)
    if not os.access(folder, os.W_OK) or (path.exists() and not os.access(path, os.W_OK)):
        raise OutputError("{path}: no permission to write there; choose another place", path=path)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Gives the name of an empty temporary file beside `path`, with the same ending.

    When the block ends well, the temporary file is brought down to the disk and takes the place of `path`
    in one step; when it does not (Ctrl-C included), the temporary file is removed and `path` stays as it
    was. What a process that was killed left behind is removed by the next one that writes here, a day later.
    A link stays a link, and a file keeps its permissions.

    Raises OutputError when the file system refuses.
    """
    check_writable(path)
    target = path.resolve()
    begin = f".{target.name[:50]}-"
    try:
        _sweep(target.parent, begin)
        handle, name = tempfile.mkstemp(prefix=begin, suffix=f".part{target.suffix}", dir=target.parent)
        os.close(handle)
    except OSError as error:
        raise OutputError("{path}: cannot be written ({reason})", path=path, reason=error.strerror) from error
    temporary = Path(name)
    try:
        try:
            yield temporary
            temporary.chmod(_mode(target))
            _bring_down(temporary)
            temporary.replace(target)
        except OSError as error:
            failure = OutputError(
                "{path}: cannot be written ({reason})", path=path, reason=error.strerror or error
            )
            failure.exit_code = EXIT_FAILED  # the place looked right, then the disk was full or gone
            raise failure from error
    finally:
        with suppress(OSError):
            temporary.unlink()


def _mode(target: Path) -> int:
    """As it was, or as an ordinary new file: mkstemp makes files that only their owner can read."""
    try:
        return target.stat().st_mode & 0o777
    except FileNotFoundError:
        mask = os.umask(0)
        os.umask(mask)
        return 0o666 & ~mask


def _bring_down(path: Path) -> None:
    """Without this, a power cut soon after could leave the new name on an empty file."""
    with path.open("rb+") as file:
        try:
            os.fsync(file.fileno())
        except OSError as error:  # some file systems know no fsync
            if error.errno not in (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP):
                raise


def _sweep(folder: Path, begin: str) -> None:
    for path in folder.glob(f"{glob.escape(begin)}????????.part*"):
        with suppress(OSError):
            if time.time() - path.stat().st_mtime > LEFT_BEHIND:
                path.unlink()


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """For a file that is read, changed and written again: other windows wait meanwhile.

    The lock is a hidden file beside it. Where none can be made or had, the block is run all the same: a
    change that meets another one is better than none.
    """
    held: int | None = None
    try:
        held = os.open(path.with_name(f".{path.name}.lock"), os.O_RDWR | os.O_CREAT, 0o600)
    except OSError:
        yield
        return
    try:
        until = time.monotonic() + PATIENCE
        while True:
            try:
                lock(held)
                break
            except OSError:
                if time.monotonic() > until:
                    break
                time.sleep(0.01)
        yield
    finally:
        os.close(held)


def lock(file: int) -> None:
    """Marks an open file as in use until it is closed or the process ends. Raises OSError when it is."""
    if sys.platform == "win32":
        import msvcrt

        os.lseek(file, LOCK_BYTE, os.SEEK_SET)
        msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def to_json(value: Mapping[str, object]) -> str:
    """The object as JSON text: each top-level key and each entry of a top-level list on its own line.

    Raises ValueError when a number is not finite.
    """
    return "".join(json_pieces(value))


def json_pieces(value: Mapping[str, object]) -> Iterator[str]:
    """The text of `to_json`, piece after piece; a top-level iterator is written as a list.

    So a list that is made as it is written needs no memory. Raises ValueError when a number is not finite.
    """
    between = "{"
    for key, item in value.items():
        yield f"{between}{_dumps(key)}: "
        between = ",\n "
        if isinstance(item, (list, Iterator)):
            yield from _list_pieces(item)
        else:
            yield _dumps(item)
    yield "}\n" if value else "{}\n"


def _list_pieces(entries: Iterable[object]) -> Iterator[str]:
    between = "["
    for entry in entries:
        yield f"{between}\n  {_dumps(entry)}"
        between = ","
    yield "\n ]" if between == "," else "[]"


def _dumps(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def write_json(path: Path, value: Mapping[str, object]) -> None:
    """Writes `value` as UTF-8 JSON (see `to_json`), whole or not at all.

    Raises OutputError when the file cannot be written, ValueError when a number is not finite.
    """
    with replacing(path) as temporary:
        temporary.write_text(to_json(value), encoding="utf-8")
