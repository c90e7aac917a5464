"""What is kept for the day when something goes wrong: a log of bounded size, and the traces of hard crashes.

Both lie on this machine alone, and nothing in them says whose machine it is: every line goes through
`impersonal` before it is written. A place that cannot be written is no error; there is then no log.
"""

from __future__ import annotations

import faulthandler
import getpass
import importlib.metadata
import logging
import logging.handlers
import os
import platform
import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from app import __version__

log = logging.getLogger(__name__)

ROOT: Final = Path(__file__).resolve().parent.parent  # the checkout, or where the build unpacked itself
LOG_FILE: Final = "formcue.log"
MAX_BYTES: Final = 512 * 1024
OLDER_FILES: Final = 2  # besides the one being written: 1.5 MiB in all
TAIL_LINES: Final = 120
MAX_CRASHES: Final = 5  # of which the traces are read; more say nothing more
MAX_CRASH_BYTES: Final = 64 * 1024
# The packages whose versions a report names: those that have native code of their own.
TOLD_PACKAGES: Final = ("numpy", "opencv-python-headless", "openvino", "torch", "PySide6-Essentials")

# Account and host names that are everybody's say nothing, and replacing them would only garble the text.
_EVERYBODYS: Final = frozenset(
    {"root", "user", "admin", "administrator", "guest", "ubuntu", "runner", "localhost", "home"}
)
_VIDEO: Final = r"mp4|mov|m4v|avi|mkv|webm|mpe?g|wmv|gif"
_OTHER: Final = r"jpe?g|png|bmp|webp|tiff?|heic|poses\.gz|csv|pdf|json|ya?ml"


# ---------------------------------------------------------------- nothing personal


_hidden: Final[set[str]] = set()


def hide(name: str) -> None:
    """From now on the log and reports are without this name too: a profile's, a camera's ("Ann's phone")."""
    if len(name.strip()) > 1:
        _hidden.add(name.strip())


def impersonal(text: str) -> str:
    """The text without home folder, account name, host name, what `hide` was told, and names of own files.

    Paths of Formcue's own files are told from its folder on, those of Python's from Python's folder on, the
    user's own files by their kind alone ("<file>.mp4").
    """
    for path, stand_in in _known_places():
        text = _path_pattern(path).sub(stand_in, text)
    # Homes of others, and files anywhere: a disk or a folder may be named after somebody too.
    text = re.sub(r"(?i)([\\/](?:home|users)[\\/]+)[^\\/\s:;,'\"<>]+", r"\1<user>", text)
    start = r"(?:~|(?<![\w>])[A-Za-z]:|(?<![\w>.~\\/]))"  # ~/…, C:\…, /…; not app/… and not <python>/…
    with_path = rf"(?i){start}[\\/](?=\S)[^\"'\n:*?]*?\.({_VIDEO}|{_OTHER})\b"
    name_alone = rf"(?i)(?<![\w\\/.>-])[\w-][\w .-]*\.({_VIDEO})\b"
    for pattern in (with_path, name_alone):
        text = re.sub(pattern, r"<file>.\1", text)
    for name in sorted(_own_names() | _hidden, key=len, reverse=True):
        # As a whole word, and not where it is a function's name: "max" is also somebody's.
        text = re.sub(rf"(?i)(?<![\w.]){re.escape(name)}(?![\w(])", "<name>", text)
    return text


def _known_places() -> list[tuple[str, str]]:
    """(path, what stands for it), the innermost first: one may lie in another."""
    places = [(str(ROOT), "<formcue>")]
    places += [(prefix, "<python>") for prefix in {sys.prefix, sys.base_prefix} if len(prefix) > 1]
    with suppress(RuntimeError):  # there may be no home
        places.append((str(Path.home()), "~"))
    moved = os.environ.get("FORMCUE_HOME")
    if moved:
        places.append((str(Path(moved).expanduser()), "<formcue home>"))
    return sorted((place for place in places if len(place[0]) > 1), key=lambda place: -len(place[0]))


def _path_pattern(path: str) -> re.Pattern[str]:
    """Matches the path however its separators are written; on Windows, case means nothing."""
    parts = [re.escape(part) for part in re.split(r"[\\/]+", path)]
    flags = re.IGNORECASE if sys.platform == "win32" else re.NOFLAG
    return re.compile(r"(?<![\w~>.])" + r"[\\/]+".join(parts) + r"(?![\w-])", flags)


def _own_names() -> set[str]:
    names = {platform.node(), platform.node().split(".")[0]}
    with suppress(OSError, KeyError, ImportError):
        names.add(getpass.getuser())
    with suppress(RuntimeError):
        names.add(Path.home().name)
    return {name for name in names if len(name) > 2 and name.lower() not in _EVERYBODYS}


# ---------------------------------------------------------------- the log


class LogFile(logging.handlers.RotatingFileHandler):
    """The rotating log file. Opened for each line and closed again: lines are few, so two instances can
    share the file, and Windows lets either of them rename it when it is full."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        super().__init__(
            folder / LOG_FILE, maxBytes=MAX_BYTES, backupCount=OLDER_FILES, encoding="utf-8", delay=True
        )
        self.setLevel(logging.INFO)
        self.setFormatter(_Impersonal("%(asctime)s %(process)d %(levelname)s %(name)s: %(message)s"))
        self.addFilter(_worth_keeping)

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError:
            return
        super().emit(record)
        if self.stream is not None:
            with suppress(OSError):  # a full disk is noticed here at the latest
                self.stream.close()
            self.stream = None  # the base class opens it anew

    def doRollover(self) -> None:  # noqa: N802, the base class's name
        with suppress(OSError):  # another instance is at it, or was first: this line goes on as before
            super().doRollover()

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802, the base class's name
        """A disk that is full or a folder that is read-only: the app has other ways to say so."""


class _Impersonal(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return impersonal(super().format(record))


def _worth_keeping(record: logging.LogRecord) -> bool:
    ours = record.name.split(".")[0] in ("app", "formcue")
    return ours or record.levelno >= logging.WARNING


@contextmanager
def kept_log(folder: Path | None) -> Iterator[None]:
    """While it lasts, what is logged goes to the log in `folder` too; None: it does not."""
    if folder is None:
        yield
        return
    root = logging.getLogger()
    handler, level = LogFile(folder), root.level
    root.addHandler(handler)
    root.setLevel(min(level, logging.INFO))
    try:
        yield
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
        handler.close()


def tail(folder: Path, lines: int = TAIL_LINES) -> str:
    """The last lines of the log; empty when there is none."""
    found: list[str] = []
    for name in (LOG_FILE, f"{LOG_FILE}.1"):
        with suppress(OSError):
            text = (folder / name).read_text(encoding="utf-8", errors="replace")
            found = [*text.splitlines()[-lines:], *found]
        if len(found) >= lines:
            break
    return "\n".join(found[-lines:])


def versions() -> str:
    """Formcue, Python, the system and the packages with native code, as one line."""
    told = [f"Formcue {__version__}{' (built)' if is_built() else ''}", f"Python {platform.python_version()}"]
    told.append(platform.platform())
    for package in TOLD_PACKAGES:
        with suppress(importlib.metadata.PackageNotFoundError):
            told.append(f"{package} {importlib.metadata.version(package)}")
    return ", ".join(told)


def is_built() -> bool:
    """Whether this is the one-file program, which brings its own Python, and not a checkout."""
    return bool(getattr(sys, "frozen", False))


def report(trace: str, folder: Path | None) -> str:
    """What to send with a report of an error: versions, the trace and the log's end, nothing personal."""
    parts = [versions(), trace.strip()]
    log_end = tail(folder) if folder is not None else ""
    if log_end:
        parts.append(f"The log's last lines:\n{log_end}")
    return impersonal("\n\n".join(part for part in parts if part)) + "\n"


# ---------------------------------------------------------------- hard crashes


@contextmanager
def hard_crashes_kept(folder: Path) -> Iterator[None]:
    """While it lasts, a crash of native code leaves the Python trace of every thread in `folder`.

    A file for each process, gone when it ends well. Does nothing where somebody else watches already.
    """
    path = folder / f"hard-crash-{os.getpid()}.txt"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = path.open("w", encoding="utf-8") if not faulthandler.is_enabled() else None
    except OSError:
        file = None
    if file is None:
        yield
        return
    with file:
        faulthandler.enable(file)
        try:
            yield
        finally:
            faulthandler.disable()
    with suppress(OSError):
        path.unlink()


def earlier_hard_crashes(folder: Path) -> str:
    """The traces that runs before this one left, oldest first; each is told once. Empty: none did."""
    found = []
    for path in sorted(folder.glob("hard-crash-*.txt"), key=_changed):
        if _still_runs(path):
            continue
        with suppress(OSError):
            with path.open("rb") as file:
                text = file.read(MAX_CRASH_BYTES).decode("utf-8", errors="replace").strip()
            when = time.strftime("%Y-%m-%d %H:%M", time.localtime(_changed(path)))
            path.unlink()  # Windows refuses while its process lives; then it is not told
            if text:
                found.append(impersonal(f"Ended by a crash on {when}\n{text}"))
    for text in found:
        log.info("an earlier run was ended by a crash\n%s", text)
    return "\n\n".join(found[-MAX_CRASHES:])


def _changed(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _still_runs(path: Path) -> bool:
    """Whether the process that the file is named after lives; on Windows asking would end it."""
    if sys.platform == "win32":
        return False
    try:
        os.kill(int(path.stem.rpartition("-")[2]), 0)
    except (ValueError, ProcessLookupError):
        return False
    except OSError:
        return True
    return True
