"""How often anything may be said: a layer behind the rules, so that nobody is nagged. Time is an argument."""

from __future__ import annotations

import math
from typing import Final

from app.exercise import Rule

# Two prompts are at least this far apart unless the second is more important.
QUIET_SECONDS: Final = 2.5
# The same prompt is not given more often than this in a row, whatever its file says.
MOST_IN_A_ROW: Final = 3


class Throttle:
    """Of one set: each rule's budget and cooldown, the quiet between prompts, never the same on and on."""

    def __init__(self) -> None:
        self._count: dict[str, int] = {}
        self._last: dict[str, float] = {}
        self._prompt: tuple[float, int] | None = None  # when the last one was, and its priority
        self._row: tuple[str, int] = ("", 0)

    def allows(self, rule: Rule, time: float) -> bool:
        """Whether it may be said now."""
        if self.said(rule) >= rule.per_set or self.too_often(rule) or self.cooldown_left(rule, time) > 0.0:
            return False
        quiet = self.since_prompt(time) >= QUIET_SECONDS
        return quiet or self._prompt is None or rule.priority > self._prompt[1]

    def note(self, rule: Rule, time: float) -> None:
        """It is said now."""
        self._count[rule.id] = self.said(rule) + 1
        self._last[rule.id] = time
        self._prompt = (time, rule.priority)
        self._row = (rule.id, self._row[1] + 1 if self._row[0] == rule.id else 1)

    def said(self, rule: Rule) -> int:
        """How often it was said in this set."""
        return self._count.get(rule.id, 0)

    def said_now(self, rule: Rule, time: float) -> bool:
        """Whether it was said at this very time."""
        return self._last.get(rule.id) == time

    def cooldown_left(self, rule: Rule, time: float) -> float:
        """Seconds until its cooldown is over."""
        last = self._last.get(rule.id)
        return 0.0 if last is None else max(0.0, rule.cooldown - (time - last))

    def too_often(self, rule: Rule) -> bool:
        """Whether it was the only one said for as long as is bearable."""
        return self._row[0] == rule.id and self._row[1] >= MOST_IN_A_ROW

    def since_prompt(self, time: float) -> float:
        """Seconds since anything was said; infinite before the first."""
        return math.inf if self._prompt is None else time - self._prompt[0]
