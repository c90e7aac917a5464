"""What goes wrong in ways a person can mend: one line that says what, where and how. Needs nothing."""

from __future__ import annotations

from typing import Final

EXIT_DONE: Final = 0
EXIT_FAILED: Final = 1
EXIT_USAGE: Final = 2


class FormcueError(Exception):
    """An error whose text is meant for the user: one line, in plain words, with the mend.

    exit_code: what a command ends with when this reaches it. 1 = the work failed,
    2 = wrong usage or unusable input.
    """

    exit_code: int = EXIT_FAILED


class UsageError(FormcueError):
    """The command line asks for something that is not there."""

    exit_code = EXIT_USAGE


class SourceError(FormcueError):
    """A camera or a video cannot be opened, or stopped giving frames."""

    exit_code = EXIT_USAGE


def first_line(error: BaseException) -> str:
    """The error as one line of text, never empty."""
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
