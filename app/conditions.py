"""Conditions on parameters: below, above, between, outside; all, any, not. Needs nothing but Python.

A condition is true, false or unknown (None): a parameter that was not measured makes it unknown, and
unknown never counts as true, nor as false under a `not` (Kleene's logic). So a rule whose joints are not
seen stays silent instead of guessing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal, Protocol

Operator = Literal["below", "above", "between", "outside"]

# Where a parameter's value for this athlete is looked up: "own knee.min".
OWN: Final = "own "


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

    def comparisons(self) -> tuple[Comparison, ...]:
        """What it is made of, in the order written."""
        ...

    def changed(self, change: Callable[[Comparison, bool], Comparison]) -> Condition:
        """The same with other comparisons. change: (comparison, whether under a `not`) -> comparison."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """One parameter against one limit (below, above) or two (between, outside; limits included).

    relative: "share" = limit is a share of the athlete's own value, "plus" = is added to it.
    """

    parameter: str
    operator: Operator
    limit: float
    upper: float | None = None
    relative: Literal["", "share", "plus"] = ""

    def limit_for(self, values: Values) -> float | None:
        """The limit in the parameter's unit; None while the athlete's own value is not known."""
        if not self.relative:
            return self.limit
        own = values.get(OWN + self.parameter)
        if own is None:
            return None
        return self.limit * own if self.relative == "share" else own + self.limit

    def _judge(self, value: float, limit: float) -> bool:
        if self.operator == "below":
            return value < limit
        if self.operator == "above":
            return value > limit
        upper = limit if self.upper is None else self.upper
        inside = limit <= value <= upper
        return inside if self.operator == "between" else not inside

    def holds(self, values: Values) -> bool | None:
        value = values.get(self.parameter)
        if value is None:
            return None
        if self.relative:
            limit = self.limit_for(values)
            return None if limit is None else self._judge(value, limit)
        return self._judge(value, self.limit)

    def blame(self, values: Values) -> Blame | None:
        value, limit = values.get(self.parameter), self.limit_for(values)
        if value is None or limit is None or not self._judge(value, limit):
            return None
        if self.upper is not None and abs(value - self.upper) < abs(value - limit):
            limit = self.upper
        return Blame(parameter=self.parameter, value=value, limit=limit)

    def comparisons(self) -> tuple[Comparison, ...]:
        return (self,)

    def changed(self, change: Callable[[Comparison, bool], Comparison]) -> Condition:
        return change(self, False)


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

    def comparisons(self) -> tuple[Comparison, ...]:
        return tuple(comparison for part in self.parts for comparison in part.comparisons())

    def changed(self, change: Callable[[Comparison, bool], Comparison]) -> Condition:
        return All(parts=tuple(part.changed(change) for part in self.parts))


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

    def comparisons(self) -> tuple[Comparison, ...]:
        return tuple(comparison for part in self.parts for comparison in part.comparisons())

    def changed(self, change: Callable[[Comparison, bool], Comparison]) -> Condition:
        return AnyOf(parts=tuple(part.changed(change) for part in self.parts))


@dataclass(frozen=True, kw_only=True)
class Not:
    """The opposite; unknown stays unknown."""

    part: Condition

    def holds(self, values: Values) -> bool | None:
        truth = self.part.holds(values)
        return None if truth is None else not truth

    def blame(self, values: Values) -> Blame | None:
        """The first comparison inside that is known, for its value and limit."""
        if self.holds(values) is not True:
            return None
        for comparison in self.part.comparisons():
            value, limit = values.get(comparison.parameter), comparison.limit_for(values)
            if value is not None and limit is not None:
                return Blame(parameter=comparison.parameter, value=value, limit=limit)
        return None

    def comparisons(self) -> tuple[Comparison, ...]:
        return self.part.comparisons()

    def changed(self, change: Callable[[Comparison, bool], Comparison]) -> Condition:
        return replace(self, part=self.part.changed(lambda found, under: change(found, not under)))


def names_in(condition: Condition) -> tuple[str, ...]:
    """The names that a condition looks up, in the order written."""
    return tuple(dict.fromkeys(comparison.parameter for comparison in condition.comparisons()))


def holds_mostly(condition: Condition, frames: Sequence[Values], share: float) -> bool:
    """Whether it was true in at least `share` of the frames in which it could be known.

    Never known anywhere counts as yes: what is out of the picture is no evidence against.
    """
    known = [truth for values in frames if (truth := condition.holds(values)) is not None]
    return not known or sum(known) >= share * len(known)
