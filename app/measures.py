"""What conditions can speak of: parameters, their statistics over a stretch of time, a repetition, a set.

    knee                  a parameter, now                                        judge: frame
    knee.min              its least value over the last seconds, or in a phase    judge: frame and over, phase
    knee.min              its least value in the repetition                       judge: rep
    knee.min.change       how much that changed from the first reps to the last   judge: set
    rep_duration          a number of the repetition itself                       judge: rep
    rep_duration.change   and how it developed                                    judge: set
    reps                  a number of the set                                     judge: set

Values are looked up by these names and measured when asked for, None when they cannot be known. Needs
nothing but Python.
"""  # fmt: skip

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from app.conditions import OWN
from app.reps import Rep, Side
from app.vocabulary import PARAMETERS

Judge = Literal["frame", "phase", "rep", "set"]
JUDGES: Final[tuple[Judge, ...]] = ("frame", "phase", "rep", "set")

# How a rep's rules speak of a parameter: knee.min is the least knee angle of the rep, and so on.
STATISTICS: Final = ("min", "max", "mean", "range", "turn", "start")
# Over a phase, or over the last seconds, there is neither a turn nor a start.
STRETCH_STATISTICS: Final = ("min", "max", "mean", "range")
# Numbers of the rep itself. Seconds: of the whole, of the way out and back, in the turning region, in the
# start position before it; and how many reps in a row, with this one, had no fault.
REP_NUMBERS: Final = (
    "rep_duration",
    "out_duration",
    "back_duration",
    "turn_duration",
    "pause_duration",
    "clean_reps",
)
PHASE_NUMBERS: Final = ("phase_duration",)
# How a set's rules speak of a statistic of its reps: over all of them; of the first and the last few, and
# by what share it changed between them; left from right.
SET_STATISTICS: Final = ("min", "max", "mean", "range", "first", "last", "change", "sides")
# Numbers of the set itself: how many reps, the share of them without a fault, seconds.
SET_NUMBERS: Final = ("reps", "clean_share", "set_duration")

# Extremes of a stretch leave out this share of the frames: one bad frame is no extreme.
TRIMMED: Final = 0.04
# "At the turn" and "at the start" are this near, seconds.
AROUND: Final = 0.12

NumberUnit = Literal["deg", "ratio", "deg/s", "ratio/s", "s", "count", "change"]
_NUMBER_UNITS: Final[dict[str, NumberUnit]] = {"clean_reps": "count", "reps": "count", "clean_share": "ratio"}


def names_of(judge: Judge, *, over: bool = False) -> list[str]:
    """Every name that a condition of such a rule may use. over: whether it looks back over some seconds."""
    if judge == "frame" and not over:
        return list(PARAMETERS)
    if judge in ("frame", "phase"):
        stretch = [f"{name}.{statistic}" for name in PARAMETERS for statistic in STRETCH_STATISTICS]
        return stretch + (list(PHASE_NUMBERS) if judge == "phase" else [])
    rep = [f"{name}.{statistic}" for name in PARAMETERS for statistic in STATISTICS] + list(REP_NUMBERS)
    if judge == "rep":
        return rep
    return [f"{name}.{statistic}" for name in rep for statistic in SET_STATISTICS] + list(SET_NUMBERS)


def unit_of(name: str) -> NumberUnit:
    """The unit of any of these names."""
    if name.endswith(".change"):
        return "change"
    first = name.split(".")[0]
    if first in PARAMETERS:
        return PARAMETERS[first].unit
    return _NUMBER_UNITS.get(first, "s")


def parameter_of(name: str) -> str | None:
    """The parameter in a name; None for a number of the rep or of the set."""
    first = name.split(".")[0]
    return first if first in PARAMETERS else None


def format_value(name: str, value: float) -> str:
    """A number with its unit as it is read aloud: 104°, 85 %, 1.5 s."""
    unit = unit_of(name)
    if unit == "deg":
        return f"{value:z.0f}°"
    if unit == "deg/s":
        return f"{value:z.0f}°/s"
    if unit == "s":
        return f"{value:z.1f} s"
    if unit == "count":
        return f"{value:.0f}"
    if unit == "change":
        return f"{value * 100:+z.0f} %"
    return f"{value * 100:z.0f} %" + ("/s" if unit == "ratio/s" else "")


Frames = Sequence[tuple[float, Mapping[str, float]]]


class StretchValues:
    """Statistics of parameters over a stretch of frames: `get("knee.min")`.

    frames: (time, values), in order. numbers: what else is known of it, by name. side: in a movement of one
    side a sided parameter is that side's.
    """

    def __init__(
        self, frames: Frames, numbers: Mapping[str, float] | None = None, *, side: Side = "both"
    ) -> None:
        self._frames = frames
        self._side = side
        self._known: dict[str, float | None] = dict(numbers or {})

    def get(self, name: str, /) -> float | None:
        if name not in self._known:
            parameter, _, statistic = name.partition(".")
            self._known[name] = self._measure(parameter, statistic) if parameter in PARAMETERS else None
        return self._known[name]

    def _sided(self, parameter: str) -> str:
        return (
            f"{self._side}_{parameter}" if self._side != "both" and PARAMETERS[parameter].sided else parameter
        )

    def _measure(self, parameter: str, statistic: str) -> float | None:
        """None when it was seen in less than half of the frames: half of it tells no extremes."""
        parameter = self._sided(parameter)
        seen = sorted(v[parameter] for _, v in self._frames if parameter in v)
        if not seen or 2 * len(seen) < len(self._frames):
            return None
        cut = int(TRIMMED * len(seen))
        low, high = seen[cut], seen[len(seen) - 1 - cut]
        return {"min": low, "max": high, "range": high - low}.get(statistic, sum(seen) / len(seen))


class RepValues(StretchValues):
    """The statistics of one repetition, measured when asked for: `get("knee.min")`, `get("rep_duration")`.

    own: the athlete's own usual values, by name, for limits that are relative to them.
    """

    def __init__(
        self,
        rep: Rep,
        frames: Frames,
        numbers: Mapping[str, float] | None = None,
        own: Mapping[str, float] | None = None,
    ) -> None:
        durations = {
            "rep_duration": rep.end - rep.start,
            "out_duration": rep.turn - rep.start,
            "back_duration": rep.end - rep.turn,
        }
        owned = {OWN + name: value for name, value in (own or {}).items()}
        super().__init__(frames, {**durations, **(numbers or {}), **owned}, side=rep.side)
        self._rep = rep

    def _measure(self, parameter: str, statistic: str) -> float | None:
        if statistic not in ("turn", "start"):
            return super()._measure(parameter, statistic)
        parameter = self._sided(parameter)
        at = self._rep.turn if statistic == "turn" else self._rep.start
        near = [v[parameter] for t, v in self._frames if abs(t - at) <= AROUND and parameter in v]
        return sorted(near)[len(near) // 2] if near else None


@dataclass(frozen=True, kw_only=True)
class RepRow:
    """What is kept of a repetition until its set ends. values: rep-level name -> value, where known."""

    rep: Rep
    clean: bool
    values: Mapping[str, float]


class SetValues:
    """How the repetitions of a set developed: `get("knee.range.change")`, `get("reps")`.

    last: how many repetitions "first" and "last" mean. A value that fewer than that many reps have, or a
    change between reps that are the same ones, is not known.
    """

    def __init__(self, rows: Sequence[RepRow], last: int) -> None:
        self._rows = rows
        self._last = last

    def get(self, name: str, /) -> float | None:
        if name == "reps":
            return float(len(self._rows))
        if not self._rows:
            return None
        if name == "clean_share":
            return sum(row.clean for row in self._rows) / len(self._rows)
        if name == "set_duration":
            return self._rows[-1].rep.end - self._rows[0].rep.start
        base, _, statistic = name.rpartition(".")
        seen = [(row.rep.side, row.values[base]) for row in self._rows if base in row.values]
        return self._develop([value for _, value in seen], seen, statistic)

    def _develop(self, values: list[float], seen: list[tuple[Side, float]], statistic: str) -> float | None:
        if not values or 2 * len(values) < len(self._rows):
            return None
        if statistic == "sides":
            left = [value for side, value in seen if side == "left"]
            right = [value for side, value in seen if side == "right"]
            return abs(_mean(left) - _mean(right)) if min(len(left), len(right)) >= 2 else None
        if statistic in ("first", "last", "change"):
            if len(values) < self._last * (2 if statistic == "change" else 1):
                return None
            first, last = _mean(values[: self._last]), _mean(values[-self._last :])
            if statistic != "change":
                return first if statistic == "first" else last
            return last / first - 1.0 if abs(first) > 1e-6 else None
        whole = {"min": min(values), "max": max(values), "range": max(values) - min(values)}
        return whole.get(statistic, _mean(values))


def rep_names(names: Iterable[str]) -> set[str]:
    """The names of reps' statistics that these names of a set build on."""
    bases = (name.rpartition(".")[0] for name in names)
    return {base for base in bases if base}


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
