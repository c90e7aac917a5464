"""The history's file (app/history.py): opened and brought up to date, or opened to be looked at only."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from app.errors import FormcueError, first_line
from app.history_schema import MIGRATIONS

BUSY_SECONDS: Final = 5.0  # another window's transaction is over long before

DAMAGED: Final = "{path}: is damaged or no history ({reason}); move it away, and a new one is begun"

# All that a damaged file makes of a call: SQLite may be unable to name what it found, or count it.
BROKEN: Final = (sqlite3.Error, UnicodeDecodeError, MemoryError)


class HistoryError(FormcueError):
    """The history cannot be read or written; the text is one line that says why, and what to do."""


def reason_of(error: Exception) -> str:
    """What SQLite says, as one plain line: it may repeat what a damaged file holds, and fail at that."""
    if isinstance(error, (UnicodeDecodeError, MemoryError)):
        return "what is in it makes no sense"
    return "".join(c for c in first_line(error)[:120] if c.isprintable())


def open_file(path: Path) -> tuple[sqlite3.Connection, HistoryError | None]:
    """The database, up to date, and why it can only be looked at: None where it can be written.

    Where file or folder cannot be written, nothing is: an older version is brought up to date in memory.
    Raises HistoryError.
    """
    if path.exists() and not (os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)):
        return _to_look_at(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        db = _connect(path)
    except (OSError, sqlite3.Error) as error:
        raise HistoryError(
            "{path}: cannot be opened ({reason})", path=path, reason=reason_of(error)
        ) from error
    try:
        db.execute("PRAGMA secure_delete = ON")
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        db.execute("PRAGMA foreign_keys = ON")
        _bring_up_to_date(db, path, aside=True)
    except sqlite3.OperationalError as error:
        db.close()
        if error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN):
            return _to_look_at(path)  # the system lets nobody write after all
        raise HistoryError(
            "{path}: cannot be opened ({reason}); is the disk full? Try again",
            path=path,
            reason=reason_of(error),
        ) from error
    except BROKEN as error:
        db.close()
        raise HistoryError(DAMAGED, path=path, reason=reason_of(error)) from error
    except HistoryError:
        db.close()
        raise
    return db, None


def _connect(where: Path | str, *, uri: bool = False) -> sqlite3.Connection:
    """The file is not trusted."""
    db = sqlite3.connect(where, timeout=BUSY_SECONDS, isolation_level=None, uri=uri)
    db.row_factory = sqlite3.Row
    db.execute("PRAGMA trusted_schema = OFF")
    db.execute("PRAGMA cell_size_check = ON")
    return db


def _to_look_at(path: Path) -> tuple[sqlite3.Connection, HistoryError]:
    """With what a kill left in the write-ahead log where SQLite can read that, else as the file is."""
    why = HistoryError("{path}: is read-only: it is shown, and nothing new is kept", path=path)
    address = f"{path.absolute().as_uri()}?mode=ro"
    try:
        try:
            db = _looking(address, path)
        except sqlite3.OperationalError:  # the log has an index, which it would have to write
            db = _looking(f"{address}&immutable=1", path)
    except BROKEN as error:
        raise HistoryError(
            "{path}: cannot be opened ({reason})", path=path, reason=reason_of(error)
        ) from error
    return db, why


def _looking(address: str, path: Path) -> sqlite3.Connection:
    db = _connect(address, uri=True)
    try:
        version = _version(db)
        if version < len(MIGRATIONS):
            with closing(db) as older:
                db = _connect(":memory:")
                older.backup(db)
        _bring_up_to_date(db, path, aside=False)
    except BaseException:
        db.close()
        raise
    return db


def _bring_up_to_date(db: sqlite3.Connection, path: Path, *, aside: bool) -> None:
    """aside: what was there before is kept beside the file."""
    version = _version(db)
    if version > len(MIGRATIONS):
        raise HistoryError(
            "{path}: was written by a newer Formcue (version {version}, known {known}); update Formcue",
            path=path,
            version=version,
            known=len(MIGRATIONS),
        )
    if version == len(MIGRATIONS):
        return
    if version > 0 and aside:
        _copy_aside(db, path, version)
    with changing(db, path):
        version = _version(db)  # another window may have been first
        for script in MIGRATIONS[version:]:
            for statement in _statements(script):
                db.execute(statement)
        db.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")


@contextmanager
def changing(db: sqlite3.Connection, path: Path) -> Iterator[None]:
    """One transaction: all of it or nothing. It takes the lock first, so it never has to start over.

    Raises HistoryError.
    """
    try:
        db.execute("BEGIN IMMEDIATE")
        try:
            yield
            db.execute("COMMIT")
        except BaseException:
            if db.in_transaction:  # SQLite itself may have taken it back: a full disk does that
                db.execute("ROLLBACK")
            raise
    except BROKEN as error:
        raise HistoryError(
            "{path}: cannot be written ({reason}); is the disk full?", path=path, reason=reason_of(error)
        ) from error


def _version(db: sqlite3.Connection) -> int:
    return int(db.execute("PRAGMA user_version").fetchone()[0])


def _copy_aside(db: sqlite3.Connection, path: Path, version: int) -> None:
    """history.sqlite.v1 is what was there before the update."""
    with closing(sqlite3.connect(path.with_name(f"{path.name}.v{version}"))) as copy:
        db.backup(copy)


def _statements(script: str) -> Iterator[str]:
    """One by one: executescript would commit in between."""
    collected = ""
    for line in script.splitlines(keepends=True):
        collected += line
        if sqlite3.complete_statement(collected):
            yield collected
            collected = ""
