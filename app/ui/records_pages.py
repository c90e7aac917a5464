"""The pages about what was done and what can be changed: summary, history, workout editor, rule studio.

They are made when they are asked for; each knows nothing of the window.
"""

from __future__ import annotations

import logging
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from app.errors import FormcueError
from app.history import History, Profile
from app.rules import LIBRARY
from app.summary import WorkoutSummary
from app.ui.history_page import HistoryPage
from app.ui.keeper import Keeper
from app.ui.library import Shelf
from app.ui.page_stack import PageStack
from app.ui.rule_studio.page import StudioPage
from app.ui.summary_page import SummaryPage
from app.ui.words import NAMELESS, said
from app.ui.workout_editor import WorkoutEditor

log = logging.getLogger(__name__)


class RecordPages(QObject):
    """Signals: again_wanted: what the summary shows, once more; profile_chosen(name); problem(its line)."""

    home_wanted = Signal()
    again_wanted = Signal()
    plans_changed = Signal()
    profile_chosen = Signal(str)
    problem = Signal(object)

    def __init__(self, stack: PageStack, shelf: Shelf, keeper: Keeper) -> None:
        super().__init__()
        self.stack, self.shelf, self.keeper = stack, shelf, keeper
        self.summary: SummaryPage | None = None
        self.history: HistoryPage | None = None
        self.editor: WorkoutEditor | None = None
        self.studio: StudioPage | None = None
        self._profile = ""

    def show_summary(self, done: WorkoutSummary, profile: str) -> SummaryPage:
        """What was just done. What is corrected in it is kept again."""
        self._profile = profile
        self.stack.drop(self.summary)
        page = self.summary = SummaryPage(self.shelf.exercises)
        page.show_summary(done, bests=self.keeper.new_bests(done, profile))
        page.home_wanted.connect(self.home_wanted)
        page.again.connect(self.again_wanted)
        page.corrected.connect(lambda changed: self.keeper.save(changed, self._profile))
        self.stack.show_page(page)
        return page

    def show_history(self, profile: str) -> None:
        """Everything that was ever done, by this profile first."""
        self.keeper.settle()
        self._close_history()
        try:
            history = History(self.keeper.history_path)
        except FormcueError as error:
            self.problem.emit(partial(said, error))
            return
        try:
            whose = _profile(history, profile or NAMELESS)
        except FormcueError as error:
            history.close()
            self.problem.emit(partial(said, error))
            return
        page = HistoryPage(history, whose, self.shelf.exercises)
        page.home_wanted.connect(self.home_wanted)
        page.profile_chosen.connect(self.profile_chosen)
        self.history = page
        self.stack.show_page(page)
        page.focus_list()

    def edit_plan(self, path: Path | None) -> None:
        """A workout of one's own, or a copy of one of Formcue's; None: a new one."""
        entry = self.shelf.plan(path) if path is not None else None
        self.stack.drop(self.editor)
        plan = entry.plan if entry is not None else None
        page = self.editor = WorkoutEditor(self.shelf.exercises, plan, folder=self.shelf.own_plans)
        page.saved.connect(lambda _: self.plans_changed.emit())
        page.cancelled.connect(self.home_wanted)
        self.stack.show_page(page)

    def show_studio(self, recording: Path | None, rules: Path | None = None) -> None:
        """The rule studio, with what was opened in it last."""
        first = self.studio is None
        if self.studio is None:
            self.studio = StudioPage()
            self.studio.closed.connect(self.home_wanted)
        if first or rules is not None or recording is not None:
            self.studio.open(rules or LIBRARY / "squat.yaml", recording)
        self.stack.show_page(self.studio)

    def close(self) -> None:
        """The window is closed."""
        self._close_history()
        if self.studio is not None:
            self.studio.stop()

    def _close_history(self) -> None:
        if self.history is not None:
            self.history.history.close()
            self.stack.drop(self.history)
            self.history = None


def _profile(history: History, name: str) -> Profile:
    """Of that name; of anybody where a new one cannot be kept. Raises HistoryError when there is nobody."""
    known = history.profiles() if history.only_shown is not None else []
    return known[0] if known and name not in [one.name for one in known] else history.profile(name)
