"""How the studio writes levels, values and lanes. No Qt."""

from __future__ import annotations

from typing import Final

from app.conditions import Operator
from app.measures import format_value, unit_of
from app.rule_edit import Threshold
from app.studio_lanes import Level
from app.ui.words import plain, t

_SIGNS: Final = {"below": "<", "above": ">"}
# Limits that the file's `when` does not say: what they are called, and where they come from.
_FROM: Final = {"beginner": "beginners", "strict": "strict", "yours": "yours", "own": "own"}
_TIPS: Final = {
    "beginner": "Where the limit lies for beginners. Another one can be written under `levels`.",
    "strict": "Where the limit lies for strict ones. Another one can be written under `levels`.",
    "yours": "Your own limit, from your adjustments.",
    "own": "What the limit came to, from the athlete's first repetitions.",
}


def value_text(name: str, value: float) -> str:
    """A value as it is read aloud, times as finely as they can be set."""
    text = f"{value:.2f} s" if unit_of(name) == "s" else format_value(name, value)
    return text[1:] if text.startswith(("-0 ", "-0°")) else text


def _sign(operator: Operator | str, *, upper: bool) -> str:
    """Which side of a limit is meant: < or >, and for the ends of between and outside likewise."""
    if operator in _SIGNS:
        return _SIGNS[operator]
    first, second = ("≥", "≤") if operator == "between" else ("<", ">")
    return second if upper else first


def fires_above(threshold: Threshold) -> bool:
    """Whether the limit is crossed by going up."""
    return _sign(threshold.operator, upper=threshold.upper) in (">", "≥")


def level_name(level: Level) -> str:
    """What a level is, in the words of the file: the rule and the statistic, or the counting's key."""
    threshold = level.threshold
    if level.comparison is not None:
        statistic = level.comparison.parameter.partition(".")[2]
        return f"{t(_FROM[level.comes_from])} {statistic}".rstrip()
    if level.kind != "limit" or threshold is None:
        return level.kind
    statistic = threshold.name.partition(".")[2]
    words = [threshold.owner, threshold.condition, statistic]
    return " ".join(word for word in words if word)


def level_value(level: Level, lane: str) -> str:
    """Its value in the lane's unit, with the side that is meant; shares of the way besides."""
    value = value_text(lane, level.value)
    if level.comparison is not None:
        return f"{_sign(level.comparison.operator, upper=level.value == level.comparison.upper)} {value}"
    if level.kind == "limit" and level.threshold is not None:
        return f"{_sign(level.threshold.operator, upper=level.threshold.upper)} {value}"
    return value


def level_tip(level: Level, file: str) -> str:
    """What can be done with it."""
    threshold = level.threshold
    if threshold is None:
        return t(_TIPS[level.comes_from]) if level.comes_from else ""
    if not threshold.written:
        return t(
            "{key} is not in the file: the default {value:.2f} stands. Drag it, and it is written there.",
            key=level.kind,
            value=threshold.value,
        )
    line = threshold.line
    return t("{file}, line {line}. Drag it, or click it and use the arrow keys.", file=file, line=line)


def lane_title(name: str) -> str:
    """ "Knee", "Out duration", "Knee, range"."""
    parameter, _, statistic = name.partition(".")
    return f"{plain(parameter)}, {statistic.replace('.', ' ')}" if statistic else plain(parameter)
