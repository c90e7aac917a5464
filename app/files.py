"""Writing files so that nothing half-written is ever left behind. Needs no other package."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from app.errors import EXIT_FAILED, EXIT_USAGE, FormcueError


class OutputError(FormcueError):
    """A file cannot be written; the text is one line that says which, why, and how to mend it."""

    exit_code = EXIT_USAGE


def check_writable(path: Path) -> None:
    """Refuses, before any work is done, a place where a file cannot be written.

    Raises OutputError.
    """
    if path.is_dir():
        raise OutputError(f"{path}: is a folder; give the name of a file")
    folder = path.parent
    if not folder.exists():
        raise OutputError(f"{path}: the folder {folder} does not exist; create it first")
    if not folder.is_dir():
        raise OutputError(f"{path}: {folder} is not a folder")
    if not os.access(folder, os.W_OK) or (path.exists() and not os.access(path, os.W_OK)):
        raise OutputError(f"{path}: no permission to write there; choose another place")


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Gives the name of an empty temporary file beside `path`, with the same ending.

    When the block ends well, the temporary file takes the place of `path` in one step; when it
    does not (Ctrl-C included), the temporary file is removed and `path` stays as it was.

    Raises OutputError when the file system refuses.
    """
    check_writable(path)
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.stem}-", suffix=path.suffix, dir=path.parent)
        os.close(handle)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror})") from error
    temporary = Path(name)
    try:
        try:
            yield temporary
            # mkstemp makes files that only their owner can read; the result should be an ordinary file.
            mask = os.umask(0)
            os.umask(mask)
            temporary.chmod(0o666 & ~mask)
            temporary.replace(path)
        except OSError as error:
            failure = OutputError(f"{path}: cannot be written ({error.strerror or error})")
            failure.exit_code = EXIT_FAILED  # the place looked right, then the disk was full or gone
            raise failure from error
    finally:
        with suppress(OSError):
            temporary.unlink()


def to_json(value: Mapping[str, object]) -> str:
    """The object as JSON text: each top-level key and each entry of a top-level list on its own line.

    Raises ValueError when a number is not finite.
    """
    parts = []
    for key, item in value.items():
        if isinstance(item, list) and item:
            body = "[\n  " + ",\n  ".join(_dumps(entry) for entry in item) + "\n ]"
        else:
            body = _dumps(item)
        parts.append(f"{_dumps(key)}: {body}")
    return "{" + ",\n ".join(parts) + "}\n"


def _dumps(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def write_json(path: Path, value: Mapping[str, object]) -> None:
    """Writes `value` as UTF-8 JSON (see `to_json`), whole or not at all.

    Raises OutputError when the file cannot be written, ValueError when a number is not finite.
    """
    with replacing(path) as temporary:
        temporary.write_text(to_json(value), encoding="utf-8")
