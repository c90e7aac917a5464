"""The two strips: what is wrong with the rule file, and which of its own tests pass."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QSizePolicy, QVBoxLayout

from app.ui import theme
from app.ui.rule_studio.background import TestOutcome
from app.ui.words import t

SHOWN: Final = 4  # problems; more would push the timeline away
SHOWN_TESTS: Final = 6
_PLACE: Final = re.compile(r"^(?P<file>.*?):(?P<line>\d+):(?P<column>\d+): (?P<what>.*)$", re.DOTALL)


class ProblemStrip(QFrame):
    """Every problem with its place, and the line of the file that it is in."""

    def __init__(self) -> None:
        super().__init__()
        theme.named(self, "card")
        self.problems: tuple[str, ...] = ()
        self._kept = False
        self._path: Path | None = None
        self._text = QLabel()
        self._text.setTextFormat(Qt.TextFormat.RichText)
        self._text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._text.setWordWrap(True)
        layout = QVBoxLayout(self)
        layout.addWidget(self._text)
        self.hide()

    def retranslate(self) -> None:
        self.show_problems(self._path, self.problems, kept=self._kept)

    def show_problems(self, path: Path | None, problems: Sequence[str], *, kept: bool) -> None:
        """kept: whether the last good version is still shown below."""
        self._path, self.problems, self._kept = path, tuple(problems), kept
        self.setVisible(bool(problems))
        if not problems or path is None:
            return
        lines = _lines(path)
        count = len(problems)
        title = t("1 problem in {file}", file=path.name) if count == 1 else t(
            "{count} problems in {file}", count=count, file=path.name
        )  # fmt: skip
        note = t("Below is still the last version without errors.") if kept else ""
        rows = [_row(problem, lines) for problem in problems[:SHOWN]]
        if count > SHOWN:
            rows.append(
                f"<tr><td></td><td style='color:{theme.ink('muted')}'>"
                f"{html.escape(t('and {count} more', count=count - SHOWN))}</td></tr>"
            )
        self._text.setText(
            f"<b style='color:{theme.ink('fault')}'>{html.escape(title)}</b>&nbsp;&nbsp;"
            f"<span style='color:{theme.ink('muted')}'>{html.escape(note)}</span>"
            f"<table cellspacing='0' cellpadding='2'>{''.join(rows)}</table>"
        )
        self.setAccessibleName("; ".join(problems))


def _row(problem: str, lines: Sequence[str]) -> str:
    match = _PLACE.match(problem)
    if match is None:
        return f"<tr><td></td><td>{html.escape(problem)}</td></tr>"
    line, column = int(match["line"]), int(match["column"])
    written = lines[line - 1].rstrip() if 0 < line <= len(lines) else ""
    before, after = written[: column - 1].lstrip(), written[column - 1 :]
    quoted = (
        f"<br><span style='font-family:monospace; color:{theme.ink('muted')}'>{html.escape(before)}"
        f"<span style='color:{theme.ink('warning')}'>{html.escape(after)}</span></span>"
        if written.strip()
        else ""
    )
    place = html.escape(f"{Path(match['file']).name}:{line}:{column}")
    return (
        f"<tr><td style='color:{theme.ink('info')}; white-space:nowrap; padding-right:10px'>{place}</td>"
        f"<td>{html.escape(match['what'])}{quoted}</td></tr>"
    )


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8", errors="replace")[:65536].splitlines()
    except OSError:
        return []


class TestStrip(QFrame):
    """The rule file's own tests, one button each: green or not, and a click opens its recording."""

    __test__ = False  # pytest takes every class of such a name for tests

    recording_wanted = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.outcomes: tuple[TestOutcome, ...] = ()
        self.running = False
        self._unit = 1.0
        self._label = theme.named(QLabel(), "status")
        self._difference = theme.named(QLabel(), "status")
        self._difference.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self._buttons: list[QPushButton] = []
        self._layout = QHBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.addWidget(self._label)
        self._layout.addWidget(self._difference, 1)
        self.hide()

    def retranslate(self) -> None:
        self.show_outcomes(self.outcomes)

    def set_unit(self, unit: float) -> None:
        self._unit = unit
        self._layout.setSpacing(round(8 * unit))
        for button in self._buttons:
            button.setIconSize(QSize(round(18 * unit), round(18 * unit)))

    def show_running(self) -> None:
        """The tests are running; what they said before stays until they are done."""
        self.running = True
        self._label.setText(t("Tests …"))

    def show_outcomes(self, outcomes: Sequence[TestOutcome]) -> None:
        self.running, self.outcomes = False, tuple(outcomes)
        self.setVisible(bool(outcomes))
        for button in self._buttons:
            self._layout.removeWidget(button)
            button.deleteLater()
        self._buttons = []
        failed = [outcome for outcome in outcomes if outcome.differences]
        self._label.setText(
            t("{failed} of {count} tests fail", failed=len(failed), count=len(outcomes))
            if failed
            else t("Tests: all pass")
        )
        # Those that fail first; more buttons than fit would make the window wider.
        shown = sorted(outcomes, key=lambda outcome: not outcome.differences)[:SHOWN_TESTS]
        for place, outcome in enumerate(shown):
            good = not outcome.differences
            button = QPushButton()
            theme.label(button, outcome.test.recording.name.removesuffix(".poses.gz"))
            button.setIcon(theme.icon("check" if good else "error", "accent" if good else "fault"))
            button.setIconSize(QSize(round(18 * self._unit), round(18 * self._unit)))
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            button.setToolTip("\n".join(outcome.differences) or t("Passed. Click to open the recording."))
            button.clicked.connect(
                lambda _=False, path=outcome.test.recording: self.recording_wanted.emit(path)
            )
            self._layout.insertWidget(1 + place, button)
            self._buttons.append(button)
        first = failed[0].differences[0].splitlines()[0] if failed else ""
        self._difference.setText(f"{failed[0].test.recording.name}: {first}" if failed else "")
        self._difference.setToolTip("\n".join(d for outcome in failed for d in outcome.differences))
