"""Hears of changes of a rule file while it is in use. Needs no Qt; whoever uses it polls, and has the clock.

Editors write files in different ways: into the old file, by a new one that takes its place, or away first
and back a moment later. So the file is looked at again and again, and read when it has come to rest: the
same at two looks in a row. What it says is compared, not its time: a file saved without a change is none.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from app.rules import Exercise, RuleFileError, load_exercise
from app.yamltext import MAX_BYTES

# Looks in a row at which a file must be missing before that is spoken of: editors replace files.
MISSING_LOOKS: Final = 4

# Time of change, size and number of the file; None when it is not there.
_Stamp = tuple[int, int, int] | None


@dataclass(frozen=True, kw_only=True)
class RuleChange:
    """What the file says now. exercise: None when it is broken; problems: what is wrong, line by line."""

    exercise: Exercise | None
    problems: tuple[str, ...] = ()


class RuleWatch:
    """Watches one rule file.

        watch = RuleWatch(path)
        change = watch.poll()      # every half a second or so; None while there is nothing new
    """  # fmt: skip

    def __init__(self, path: Path) -> None:
        self.path = path
        self._known = _content(path)
        self._last = _stamp(path)
        self._read_at = self._last
        self._missing = 0

    def expect(self, data: bytes) -> None:
        """What the user of this watch has written itself, or has read already: no news."""
        self._known = data

    def poll(self) -> RuleChange | None:
        """Looks at the file. What it says, when that is new and the file is at rest."""
        stamp = _stamp(self.path)
        resting, self._last = stamp == self._last, stamp
        self._missing = 0 if stamp is not None else self._missing + 1
        if not resting or stamp == self._read_at or (stamp is None and self._missing < MISSING_LOOKS):
            return None
        self._read_at = stamp
        data = _content(self.path)
        if data == self._known:
            return None
        self._known = data
        try:
            return RuleChange(exercise=load_exercise(self.path))
        except RuleFileError as error:
            return RuleChange(exercise=None, problems=error.problems)


def _stamp(path: Path) -> _Stamp:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _content(path: Path) -> bytes | None:
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError:
        return None
