"""What goes wrong in ways a person can mend: one line that says what, where and how. Needs nothing."""

from __future__ import annotations

from typing import Final

EXIT_DONE: Final = 0
EXIT_FAILED: Final = 1
EXIT_USAGE: Final = 2


class Line:
    """A line for the user, in English: what a console shows.

        Line("{path}: can be written again", path=path)

    A window says it in its own language (app.ui.words.said): `text` is the key of its translation. Without
    values nothing is filled in, and braces are braces.
    """  # fmt: skip

    def __init__(self, text: str, /, **values: object) -> None:
        self.text: Final = text
        self.values: Final = values

    def __str__(self) -> str:
        return self.text.format(**self.values) if self.values else self.text


class FormcueError(Exception):
    """An error whose text is meant for the user: one line, in plain words, with the mend.

        raise SourceError("{path}: is a folder; give one video file in it", path=path)

    line: that text, for windows to translate; str() has it in English.
    exit_code: what a command ends with when this reaches it. 1 = the work failed,
    2 = wrong usage or unusable input.
    """  # fmt: skip

    exit_code: int = EXIT_FAILED

    def __init__(self, text: str = "", /, **values: object) -> None:
        self.line: Final = Line(text, **values)
        super().__init__(str(self.line))


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
