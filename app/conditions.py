"""Conditions on parameters: below, above, between, outside; all, any, not. Needs nothing but Python.

A condition is true, false or unknown (None): a parameter that was not measured makes it unknown, and
unknown never counts as true, nor as false under a `not` (Kleene's logic). So a rule whose joints are not
seen stays silent instead of guessing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

Operator = Literal["below", "above", "between", "outside"]


class Values(Protocol):
    """Where conditions look parameters up: a dict, or anything that measures when asked."""

    def get(self, name: str, /) -> float | None: ...


@dataclass(frozen=True, kw_only=True)
class Blame:
    """The comparison that made a condition true: what was measured, and the limit that it crossed."""

    parameter: str
    value: float
    limit: float


class Condition(Protocol):
    """What every condition can do."""

    def holds(self, values: Values) -> bool | None:
        """True, false, or None when it cannot be known."""
        ...

    def blame(self, values: Values) -> Blame | None:
        """The first comparison that makes it true; None when it is not true."""
        ...

    def parameters(self) -> tuple[str, ...]:
        """The names it looks up, in the order written."""
        ...


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """One parameter against one limit (below, above) or two (between, outside; limits included)."""

    parameter: str
    operator: Operator
    limit: float
    upper: float | None = None

    def _judge(self, value: float) -> bool:
        if self.operator == "below":
            return value < self.limit
        if self.operator == "above":
            return value > self.limit
        upper = self.limit if self.upper is None else self.upper
        inside = self.limit <= value <= upper
        return inside if self.operator == "between" else not inside

    def holds(self, values: Values) -> bool | None:
        value = values.get(self.parameter)
        return None if value is None else self._judge(value)

    def blame(self, values: Values) -> Blame | None:
        value = values.get(self.parameter)
        if value is None or not self._judge(value):
            return None
        limit = self.limit
        if self.upper is not None and abs(value - self.upper) < abs(value - self.limit):
            limit = self.upper
        return Blame(parameter=self.parameter, value=value, limit=limit)

    def parameters(self) -> tuple[str, ...]:
        return (self.parameter,)


@dataclass(frozen=True, kw_only=True)
class All:
    """True when every part is; false when any part is false, whatever else is unknown."""

    parts: tuple[Condition, ...]

    def holds(self, values: Values) -> bool | None:
        unknown = False
        for part in self.parts:
            truth = part.holds(values)
            if truth is False:
                return False
            unknown = unknown or truth is None
        return None if unknown else True

    def blame(self, values: Values) -> Blame | None:
        if self.holds(values) is not True:
            return None
        return next((found for part in self.parts if (found := part.blame(values))), None)

    def parameters(self) -> tuple[str, ...]:
        return _names(self.parts)


@dataclass(frozen=True, kw_only=True)
class AnyOf:
    """True when one part is; false only when all are known to be false."""

    parts: tuple[Condition, ...]

    def holds(self, values: Values) -> bool | None:
        unknown = False
        for part in self.parts:
            truth = part.holds(values)
            if truth is True:
                return True
            unknown = unknown or truth is None
        return None if unknown else False

    def blame(self, values: Values) -> Blame | None:
        return next((found for part in self.parts if (found := part.blame(values))), None)

    def parameters(self) -> tuple[str, ...]:
        return _names(self.parts)


@dataclass(frozen=True, kw_only=True)
class Not:
    """The opposite; unknown stays unknown."""

    part: Condition

    def holds(self, values: Values) -> bool | None:
        truth = self.part.holds(values)
        return None if truth is None else not truth

    def blame(self, values: Values) -> Blame | None:
        """The comparison that failed inside, for its value and limit."""
        if self.holds(values) is not True:
            return None
        inner = self.part
        if isinstance(inner, Comparison):
            value = values.get(inner.parameter)
            return None if value is None else Blame(parameter=inner.parameter, value=value, limit=inner.limit)
        return None

    def parameters(self) -> tuple[str, ...]:
        return self.part.parameters()


def _names(parts: tuple[Condition, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for part in parts for name in part.parameters()))


def holds_mostly(condition: Condition, frames: Sequence[Values], share: float) -> bool:
    """Whether it was true in at least `share` of the frames in which it could be known.

    Never known anywhere counts as yes: what is out of the picture is no evidence against.
    """
    known = [truth for values in frames if (truth := condition.holds(values)) is not None]
    return not known or sum(known) >= share * len(known)
