"""What a rule file says, as data: an exercise, how it is counted, its rules and tests. Needs only Python."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from app.conditions import Comparison, Condition
from app.measures import Judge
from app.reps import Counting
from app.skeleton import Joint
from app.view import View

Severity = Literal["info", "warning", "error"]
SEVERITIES: Final[tuple[Severity, ...]] = ("info", "warning", "error")
Level = Literal["beginner", "normal", "strict"]
LEVELS: Final[tuple[Level, ...]] = ("beginner", "normal", "strict")


def in_language(texts: Mapping[str, str], language: str) -> str:
    """The text in that language ("zh_CN" falls back to "zh"), else in English, else in any."""
    for key in (language, language.split("_")[0].split("-")[0], "en"):
        if key in texts:
            return texts[key]
    return next(iter(texts.values()), "")


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One reminder.

    judge: "frame" = at every frame; "phase" = when one of its phases is over, "rep" = when a repetition is,
    "set" = on how the repetitions of the set developed: each on the statistics of what is over.
    when: the condition. until: once it fires, what must be true for it to clear (None: `when` gone).
    phases: only in these (empty: always). views: only from these.
    needs: joints that must be seen, besides those of the condition's parameters. sure: how well those
    parameters must be seen, 0..1. over: a frame rule judges statistics of so many seconds back (0: of now).
    at, last: a set rule is judged when the set ends or after each repetition; how many reps "first" and
    "last" are. hold_for, keep_for: seconds before it fires and before it clears. cooldown: seconds before it
    is said again. per_set: how often it may be said in a set. praise: is said of what went well: sparsely,
    and only where nothing is wrong. joints: what is highlighted. say: language -> text.
    levels: what replaces comparisons of `when`, by level; see app/overrides.py.
    """

    id: str
    severity: Severity
    priority: int
    judge: Judge
    when: Condition
    until: Condition | None = None
    phases: tuple[str, ...]
    views: tuple[View, ...]
    needs: tuple[Joint, ...]
    sure: float = 0.0
    over: float = 0.0
    at: Literal["end", "rep"] = "end"
    last: int = 3
    hold_for: float
    keep_for: float
    cooldown: float
    per_set: int
    praise: bool = False
    joints: tuple[Joint, ...]
    say: Mapping[str, str]
    levels: Mapping[Level, tuple[Comparison, ...]] = field(default_factory=dict)

    @property
    def is_fault(self) -> bool:
        """Whether what it speaks of is something wrong; hints and praise are not."""
        return self.severity != "info"


@dataclass(frozen=True, kw_only=True)
class RuleTest:
    """What must come of a recorded pose file. reps, holds: how many; prompts: exactly these rules speak.

    None is not looked at. line: where it stands in the rule file.
    """

    recording: Path
    reps: int | None
    holds: int | None
    prompts: tuple[str, ...] | None
    line: int


@dataclass(frozen=True, kw_only=True)
class Exercise:
    """An exercise of the library: how it is counted and what is said about it.

    names, about: language -> text. views: the views it can be judged from, the best first.
    sources: where the reminders come from. tests: its own. path: the file it was read from.
    own: this athlete's usual values, by name ("knee.min"), for limits that are relative to them; those that
    are missing are learnt from the first own_reps repetitions.
    """

    id: str
    names: Mapping[str, str]
    about: Mapping[str, str]
    views: tuple[View, ...]
    counting: Counting
    rules: tuple[Rule, ...]
    sources: tuple[str, ...] = ()
    tests: tuple[RuleTest, ...] = ()
    own: Mapping[str, float] = field(default_factory=dict)
    own_reps: int = 3
    path: Path | None = field(default=None, compare=False)

    def name(self, language: str = "en") -> str:
        """Its name in that language, else in English."""
        return in_language(self.names, language)
