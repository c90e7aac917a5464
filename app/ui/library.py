"""The exercises to choose from; a broken rule file keeps its place in the list, with its errors. No Qt."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from app.rules import LIBRARY, Exercise, RuleFileError, load_exercise
from app.ui.words import plain

RULE_SUFFIXES = (".yaml", ".yml")


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One choice. exercise: None when its file is broken; problems: what is wrong with it, line by line."""

    id: str
    name: str
    path: Path
    exercise: Exercise | None
    problems: tuple[str, ...] = ()


def load_entries(*, language: str = "en", folder: Path = LIBRARY, own: Path | None = None) -> list[Entry]:
    """The library's exercises by name, then a rule file of one's own."""
    paths = sorted(path for path in folder.glob("*") if path.suffix in RULE_SUFFIXES)
    entries = {entry.id: entry for entry in (load_entry(path, language=language) for path in paths)}
    ordered = sorted(entries.values(), key=lambda entry: entry.name)
    if own is not None:
        entry = load_entry(own, language=language)
        ordered = [other for other in ordered if other.id != entry.id] + [entry]
    return ordered


def load_entry(path: Path, *, language: str = "en") -> Entry:
    """One rule file, whole or broken."""
    try:
        exercise = load_exercise(path)
    except RuleFileError as error:
        return Entry(id=path.stem, name=plain(path.stem), path=path, exercise=None, problems=error.problems)
    return Entry(id=exercise.id, name=exercise.name(language), path=path, exercise=exercise)
