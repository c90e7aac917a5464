"""What there is to choose: exercises and workouts; a broken file keeps its place, with its errors. No Qt."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from app.exercise import Level
from app.overrides import Overrides, OverridesError, load_overrides, with_overrides
from app.planfile import PlanEntry, load_plans
from app.rulefile import rule_files
from app.rules import LIBRARY, Exercise, RuleFileError, load_exercise
from app.ui.words import alphabetic, language, plain

log = logging.getLogger(__name__)
ADJUSTMENTS = "adjustments.yaml"  # the user's own, in the data folder; see app/overrides.py


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One exercise. exercise: None when its file is broken; problems: what is wrong with it, line by line."""

    id: str
    path: Path
    exercise: Exercise | None
    problems: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """In the language spoken now."""
        return self.exercise.name(language()) if self.exercise is not None else plain(self.path.stem)


class Shelf:
    """The exercises and the workouts to choose from.

    data: the user's folder, with workouts and adjustments. folder: of the rule files. own: a rule file of
    one's own, which takes the place of one of the same id. level: how strictly is judged.
    """

    def __init__(
        self, data: Path, *, folder: Path = LIBRARY, own: Path | None = None, level: Level = "normal"
    ) -> None:
        self._entries = {entry.id: entry for entry in map(load_entry, rule_files(folder))}
        self.own_plans = data / "workouts"
        self._level: Level = level
        self._judged: dict[str, Exercise] | None = None  # what `exercises` gives, once it was asked for
        self.problem = ""  # what is wrong with the adjustments, in a line
        self._overrides = Overrides()
        if own is not None:
            entry = load_entry(own)
            self._entries[entry.id] = entry
        self.plans: list[PlanEntry] = []
        self._load_overrides(data / ADJUSTMENTS)
        self.reload_plans()

    @property
    def entries(self) -> list[Entry]:
        """By name, in the language spoken now."""
        return sorted(self._entries.values(), key=lambda entry: alphabetic(entry.name))

    @property
    def level(self) -> Level:
        """How strictly is judged."""
        return self._level

    @level.setter
    def level(self, level: Level) -> None:
        self._level, self._judged = level, None

    @property
    def exercises(self) -> Mapping[str, Exercise]:
        """Those whose files are sound, as they are judged: by the level, for this person."""
        if self._judged is None:
            self._judged = {
                id: with_overrides(entry.exercise, self._overrides, self._level)
                for id, entry in self._entries.items()
                if entry.exercise is not None
            }
        return self._judged

    def entry(self, id: str) -> Entry | None:
        return self._entries.get(id)

    def reload_entry(self, path: Path) -> Entry:
        """Reads a rule file again; it keeps its place."""
        entry = load_entry(path)
        self._entries = {id: known for id, known in self._entries.items() if known.path != path}
        self._entries[entry.id] = entry
        self._judged = None
        return entry

    def reload_plans(self) -> None:
        """Reads the workouts again; one's own come first."""
        found = load_plans(self.exercises, own=self.own_plans)
        self.plans = sorted(found, key=lambda entry: entry.path.parent != self.own_plans)

    def _load_overrides(self, path: Path) -> None:
        if not path.exists():
            return
        try:
            self._overrides = load_overrides(path, self.exercises)
            self._judged = None
        except OverridesError as error:
            self.problem = str(error)
            log.warning("%s", error)

    def plan(self, path: Path) -> PlanEntry | None:
        return next((entry for entry in self.plans if entry.path == path), None)


def load_entry(path: Path) -> Entry:
    """One rule file, whole or broken."""
    try:
        exercise = load_exercise(path)
    except RuleFileError as error:
        return Entry(id=path.stem, path=path, exercise=None, problems=error.problems)
    return Entry(id=exercise.id, path=path, exercise=exercise)


def shown_entries(entries: Sequence[Entry]) -> list[tuple[str, str, bool]]:
    """(id, name, sound) of each, for a picker."""
    return [(entry.id, entry.name, entry.exercise is not None) for entry in entries]
