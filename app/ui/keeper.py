"""Keeps what is done: the journal of the workout under way, and then the history. No Qt.

Disks are slow at times, and the window must not wait for them: what is written at an end is written by a
thread of its own, in order.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

from app.errors import FormcueError, Line
from app.feedback import FOLDER as FEEDBACK
from app.feedback import Complaint, PoseBuffer
from app.history import FILE, Best, History
from app.journal import Journal, JournalError, journal_path, unfinished
from app.rules import Exercise
from app.summary import WorkoutSummary
from app.ui.words import NAMELESS, language, said, t
from app.workouts import Plan, WorkoutError, WorkoutRunner

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class _Unsaved:
    """A workout that is to be in the history, and the journal that holds it until then."""

    done: WorkoutSummary
    profile: str
    journal: Journal | None


class Keeper:
    """folder: where journals and history are. told: called, from another thread, with what
    says that something cannot be kept, in the language of the moment when it is asked."""

    def __init__(self, folder: Path, *, told: Callable[[Callable[[], str]], None]) -> None:
        self.folder = folder
        self._told = told
        self._journal: Journal | None = None
        self._unsaved: deque[_Unsaved] = deque()
        self._disk = ThreadPoolExecutor(max_workers=1, thread_name_prefix="disk")

    @property
    def history_path(self) -> Path:
        return self.folder / FILE

    def begin(
        self, plan: Plan, library: Mapping[str, Exercise], *, profile: str, keep: bool = True
    ) -> WorkoutRunner:
        """A new workout. keep False: it leaves no trace (a recording, the demo).

        Raises WorkoutError when it cannot be done.
        """
        self.leave()
        started = datetime.now().astimezone()
        id = started.strftime("%Y%m%d-%H%M%S-%f")
        if keep:
            try:
                self._journal = Journal(journal_path(self.folder, id), told=self._tell)
            except FormcueError as error:
                self._tell(error)
        return WorkoutRunner(
            plan, library, started=started, journal=self._journal, profile=profile or NAMELESS, id=id
        )

    def _tell(self, line: FormcueError | Line) -> None:
        self._told(partial(said, line))

    def leave(self) -> None:
        """The workout under way stays as it is, to be resumed."""
        if self._journal is not None:
            self._disk.submit(self._journal.close).result(timeout=5.0)
            self._journal = None

    def waiting(self, library: Mapping[str, Exercise]) -> WorkoutRunner | None:
        """The workout that was left in the middle, to look at; None when there is none."""
        found = unfinished(self.folder)
        if found is None or self._journal is not None:
            return None
        try:
            return WorkoutRunner.resume(found.lines, library)
        except WorkoutError as error:
            log.warning("%s", error)
            return None

    def waiting_text(self, library: Mapping[str, Exercise]) -> str:
        """What is unfinished, in a line; empty: nothing. A workout with nothing done in it is dropped."""
        waiting = self.waiting(library)
        if waiting is None:
            return ""
        if not waiting.summary.sets:
            self.put_away(library)
            return ""
        number, total = waiting.standing.number, len(waiting.plan.sets)
        name = waiting.plan.name(language())
        return t("“{name}” goes on with set {number} of {total}.", name=name, number=number, total=total)

    def resume(self, library: Mapping[str, Exercise]) -> WorkoutRunner:
        """Goes on with the workout that was left in the middle.

        Raises WorkoutError when there is none, JournalError when another window was faster.
        """
        found = unfinished(self.folder)
        if found is None:
            raise WorkoutError(t("There is no workout to go on with; another window may have it."))
        self._journal = Journal(found.path, told=self._tell)
        return WorkoutRunner.resume(found.lines, library, journal=self._journal)

    def save(self, done: WorkoutSummary, profile: str) -> None:
        """Into the history, and then out of the journal. An empty one is dropped.

        What the disk does not take is tried again with the next one and at the end. After that it is still
        in its journal, to be put away at the next start.
        """
        journal, self._journal = self._journal, None
        if journal is not None and not done.sets:
            self._disk.submit(self._drop, journal)
        elif done.sets:
            self._unsaved.append(_Unsaved(done=done, profile=profile or NAMELESS, journal=journal))
            self._disk.submit(self._write)

    def _write(self) -> None:
        """What is to be saved, the oldest first; runs in the disk's thread."""
        while self._unsaved:
            one = self._unsaved[0]
            try:
                with History(self.history_path) as history:
                    history.add(one.done, history.profile(one.profile))
            except FormcueError as error:
                self._tell(error)
                return
            self._unsaved.popleft()
            if one.journal is not None:
                self._drop(one.journal)

    def _drop(self, journal: Journal) -> None:
        try:
            journal.remove()
        except OSError as error:
            self._tell(
                Line(
                    "{path}: cannot be removed ({reason})", path=journal.path, reason=error.strerror or error
                )
            )

    def put_away(self, library: Mapping[str, Exercise]) -> None:
        """What was left in the middle goes into the history as it is."""
        found = unfinished(self.folder)
        if found is None or self._journal is not None:
            return
        try:
            runner = WorkoutRunner.resume(found.lines, library)
        except WorkoutError as error:
            log.warning("%s", error)
            with suppress(OSError):
                found.path.replace(found.path.with_suffix(".unreadable"))
            return
        runner.finish()
        try:
            self._journal = Journal(found.path, told=self._tell)
        except JournalError as error:  # another window was faster, and puts it away
            log.info("%s", error)
            return
        self.save(runner.summary, runner.profile)

    def new_bests(self, done: WorkoutSummary, profile: str) -> list[Best]:
        """What this workout was better in than all before it; nothing when the history cannot be read."""
        try:
            with History(self.history_path) as history:
                return history.new_bests(done, history.profile(profile or NAMELESS))
        except FormcueError as error:
            log.warning("%s", error)
            return []

    def keep_poses(
        self, poses: PoseBuffer, complaint: Complaint, exercise: str, *, size: tuple[int, int], about: str
    ) -> None:
        """What was just seen, for whoever writes the rules; what became of it is told."""

        def write() -> None:
            now = datetime.now().astimezone()
            folder = self.folder / FEEDBACK
            try:
                path = poses.save(folder, complaint, exercise, when=now, size=size, about=about)
            except FormcueError as error:
                self._tell(error)
            else:
                self._told(lambda: t("Poses kept for the rule studio: {file}", file=path.name))

        self._disk.submit(write)

    def settle(self) -> None:
        """Waits until everything is on the disk."""
        self._disk.submit(lambda: None).result(timeout=20.0)

    def close(self) -> None:
        """Ends; a workout under way can be resumed next time."""
        if self._journal is not None:
            self._disk.submit(self._journal.close)
            self._journal = None
        if self._unsaved:
            self._disk.submit(self._write)
        self._disk.shutdown(wait=True)
        for one in self._unsaved:
            if one.journal is not None:
                one.journal.close()
