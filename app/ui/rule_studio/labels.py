"""How the studio writes levels, values and lanes. No Qt."""

from __future__ import annotations

from typing import Final

from app.measures import format_value, unit_of
from app.rule_edit import Threshold
from app.studio_lanes import Level
from app.ui.words import plain, t

_SIGNS: Final = {"below": "<", "above": ">"}


def value_text(name: str, value: float) -> str:
    """A value as it is read aloud, times as finely as they can be set."""
    text = f"{value:.2f} s" if unit_of(name) == "s" else format_value(name, value)
    return text[1:] if text.startswith(("-0 ", "-0°")) else text


def sign_of(threshold: Threshold) -> str:
    """Which side of a limit is meant: < or >, and for the ends of between and outside likewise."""
    if threshold.operator in _SIGNS:
        return _SIGNS[threshold.operator]
    first, second = ("≥", "≤") if threshold.operator == "between" else ("<", ">")
    return second if threshold.upper else first


def fires_above(threshold: Threshold) -> bool:
    """Whether the limit is crossed by going up."""
    return sign_of(threshold) in (">", "≥")


def level_name(level: Level) -> str:
    """What a level is, in the words of the file: the rule and the statistic, or the counting's key."""
    threshold = level.threshold
    if level.kind != "limit" or threshold is None:
        return level.kind
    statistic = threshold.name.partition(".")[2]
    words = [threshold.owner, threshold.condition, statistic]
    return " ".join(word for word in words if word)


def level_value(level: Level, lane: str) -> str:
    """Its value in the lane's unit, with the side that is meant; shares of the way besides."""
    value = value_text(lane, level.value)
    if level.kind == "limit" and level.threshold is not None:
        return f"{sign_of(level.threshold)} {value}"
    return value


def level_tip(level: Level, file: str) -> str:
    """What can be done with it."""
    threshold = level.threshold
    if threshold is None and level.signal is not None:
        share = level.signal.progress(level.value)
        return t(
            "{key} is not in the file: the default {value:.2f} stands. Write it there to move it here.",
            key=level.kind,
            value=share,
        )
    line = threshold.line if threshold is not None else 0
    return t("{file}, line {line}. Drag it, or click it and use the arrow keys.", file=file, line=line)


def lane_title(name: str) -> str:
    """ "Knee", "Out duration", "Knee, range"."""
    parameter, _, statistic = name.partition(".")
    return f"{plain(parameter)}, {statistic.replace('.', ' ')}" if statistic else plain(parameter)
