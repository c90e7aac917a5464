"""One progress curve -> excursions: the movements that may be repetitions, and what the others lacked.

An exercise names one or more *signals*: a parameter with the value it has in the start position and
the value it has at the turning point (a squat: knee 170 -> 90 degrees, hip height 1.0 -> 0.6 leg
lengths). Each signal is turned into progress, 0 at start and 1 at turn, and their mean weighted by
confidence is the one curve that is followed: one noisy parameter is held by the other.

On that curve a repetition is an excursion: out from a low point, over a high point that reaches the
turning region, and back. Absolute levels (`reach`, `start_below`, `min_range`) say what may count at
all; how far back is "back" is relative to the athlete's own excursion, so that short-range curls count
once each, and a half-return in the middle of a movement does not make two of one. Counting is generous;
whether the range was good enough is for the rules to say.

Nothing counts before the start position was taken. One exception is made for a recording that opens
inside a movement: when the very first progress seen is not yet beyond `open_below`, going on to the
turning point and all the way back counts; opening beyond it (nearly at the turn) is a part, not a rep.

A movement that is no repetition is told as well (NotCounted), with everything that it lacked. Needs
numpy-free Python only; reads no clock.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Literal, TypedDict

from app.conditions import Comparison, Condition, holds_mostly
from app.parameters import Measurement
from app.view import View
from app.vocabulary import PARAMETERS

Side = Literal["left", "right", "both"]
PhaseNames = tuple[str, str, str, str]
DEFAULT_PHASES: Final[PhaseNames] = ("start", "away", "turn", "back")
NO_PHASE: Final = ""

# Gaps in the measurement up to this are bridged; after a longer one the movement under way is dropped.
LONGEST_GAP: Final = 1.0
# Progress is smoothed with this time constant, after a median over MEDIAN_SPAN seconds (or `steady`).
SMOOTHING: Final = 0.06
MEDIAN_SPAN: Final = 0.17
# Back means: this share of the own excursion (its height cut at FULL) or less is left.
BACK: Final = 0.35
FULL: Final = 1.1
# Back at the end of a recording, where the last frames are often cut off.
BACK_AT_END: Final = 0.45
# A half-return that goes out again ends a rep only below this progress, and after falling this far.
HALF_RETURN: Final = 0.5
HALF_FALL: Final = 0.4
# How long before the movement the start position is looked at, seconds.
BEFORE: Final = 0.8
# A movement that goes less far out and back than this, in progress, is none that anybody would count.
NOTED: Final = 0.25
# The part of the excursion around its top that is "at the turn".
TURN_BAND: Final = 0.15
# Within this of the start position's level nothing has begun; the level itself follows with DRIFT seconds.
LEAVE: Final = 0.12
DRIFT: Final = 3.0
# A rep must be seen: so many measurements, and no more than this share of its frames without one.
LEAST_SAMPLES: Final = 5
BLIND_SHARE: Final = 0.4
# Least mean confidence of the signals over a rep, an absent one counting 0. On our network's poses of real
# clips, reps of joints in the picture lie above 0.45, and "reps" of legs outside of it below 0.4.
LEAST_SURE: Final = 0.4
# A longer gap than this makes a rep not valid, seconds.
BLIND: Final = 0.3
# Share of a rep's frames in which the posture must hold.
POSTURE_SHARE: Final = 0.6


@dataclass(frozen=True, kw_only=True)
class Signal:
    """A parameter with its values in the start position and at the turning point."""

    parameter: str
    start: float
    turn: float
    weight: float = 1.0
    views: tuple[View, ...] = ()

    def progress(self, value: float) -> float:
        """0 in the start position, 1 at the turning point; beyond both without limit."""
        return (value - self.start) / (self.turn - self.start)

    def used_from(self, view: View) -> bool:
        """Whether it is followed when the camera stands there."""
        return not self.views or view in self.views


@dataclass(frozen=True, kw_only=True)
class Counting:
    """What counts as a repetition, or as a hold, of an exercise.

    kind: "reps" or "hold".
    signals: see Signal; at least one for reps. sides: "together" follows the signals as they are;
    "each" follows left and right on their own (one-sided and alternating exercises, both arms at once).
    side_by: a sided parameter; the side on which it is larger at the turn is the rep's side ("together").
    reach: progress at which the turning region begins. start_below: progress of the start position.
    open_below: see the module. min_range: least excursion, in progress.
    min_duration, max_duration: of a rep, seconds (of a hold: the least).
    posture: must hold during most of the rep (or hold). at_start, at_turn: must hold when it begins, and at
    the turning point. With sides "each" a sided parameter in them means the side that moves.
    sure: how well the signals must be seen over a rep, 0..1 (see LEAST_SURE).
    steady: seconds over which the median of progress is taken: more for slow movements that are hard to see.
    grace: seconds that a hold survives without its posture.
    phases: the names of start position, way out, turning region, way back (a hold: of none and of holding).
    """

    kind: Literal["reps", "hold"] = "reps"
    signals: tuple[Signal, ...] = ()
    sides: Literal["together", "each"] = "together"
    side_by: str | None = None
    reach: float = 0.7
    start_below: float = 0.45
    open_below: float = 0.65
    min_range: float = 0.35
    min_duration: float = 0.5
    max_duration: float = 12.0
    posture: Condition | None = None
    at_start: Condition | None = None
    at_turn: Condition | None = None
    sure: float = LEAST_SURE
    steady: float = MEDIAN_SPAN
    grace: float = 0.5
    phases: PhaseNames = DEFAULT_PHASES


LackKind = Literal[
    "start", "opening", "way", "range", "back", "fast", "slow", "unseen", "gone", "unsure",
    "posture", "at_start", "at_turn",
]  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Lack:
    """One thing that a movement lacked to be a repetition: what was found, and the least or most wanted.

    kind                      found and wanted
    start                     least progress before it, and that of the start position (start_below)
    opening                   progress at which the recording opens, and the most at which it may
    way                       progress at its top, and where the turning region begins (reach)
    range                     progress from low to high, and the least (min_range)
    back                      share of the way still left at the end, and the most
    fast, slow                seconds
    unseen                    share of its frames without a measurement; gone: seconds without one on end
    unsure                    how well the signals were seen, 0..1
    posture, at_start, at_turn   the value in the middle of its frames, and the limit; see comparison

    comparison: of the conditions, the one that did not hold. parameter, value, value_wanted: of way and
    range, the same of the signal that is furthest from it, in its unit.
    """

    kind: LackKind
    found: float
    wanted: float
    comparison: Comparison | None = None
    parameter: str = ""
    value: float | None = None
    value_wanted: float | None = None


class _OfSignal(TypedDict, total=False):
    parameter: str
    value: float
    value_wanted: float


@dataclass(frozen=True, kw_only=True)
class NotCounted:
    """A movement that was no repetition; seconds. top: when it was furthest out. lacks: at least one."""

    start: float
    top: float
    end: float
    side: Side
    lacks: tuple[Lack, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class _Sample:
    time: float
    progress: float
    sure: float
    missed: int
    value: float | None
    values: Mapping[str, float]
    view: View


@dataclass(frozen=True, kw_only=True)
class Excursion:
    """A full excursion of one track, not yet numbered."""

    start: float
    turn: float
    end: float
    range: float
    valid: bool
    side: Side


def combined_progress(signals: tuple[Signal, ...], measurement: Measurement) -> float | None:
    """The signals' progress, mean weighted by weight and confidence; None when none was measured."""
    total = weighted = 0.0
    for signal in signals:
        value = measurement.values.get(signal.parameter)
        if value is None or not signal.used_from(measurement.view):
            continue
        weight = signal.weight * measurement.confidence[signal.parameter]
        total += weight
        weighted += weight * min(2.0, max(-1.0, signal.progress(value)))
    return weighted / total if total > 0.0 else None


def _sureness(signals: tuple[Signal, ...], measurement: Measurement) -> float:
    """How well the signals are seen, 0..1: the mean of their confidences, 0 for one that is absent."""
    return sum(measurement.confidence.get(s.parameter, 0.0) for s in signals) / len(signals)


class _Smoother:
    """Median over a short span, then an exponential mean: spikes go, and times shift by under 0.1 s."""

    def __init__(self, span: float) -> None:
        self._span = span
        self._recent: deque[tuple[float, float]] = deque()
        self._value: float | None = None
        self._time = 0.0

    def step(self, time: float, value: float) -> float:
        self._recent.append((time, value))
        while time - self._recent[0][0] > self._span:
            self._recent.popleft()
        ordered = sorted(v for _, v in self._recent)
        middle = ordered[len(ordered) // 2]
        if self._value is None:
            self._value = middle
        else:
            self._value += (1.0 - math.exp(-(time - self._time) / SMOOTHING)) * (middle - self._value)
        self._time = time
        return self._value


class _SideValues:
    """A measurement seen by one side: `elbow` means that side's elbow."""

    def __init__(self, values: Mapping[str, float], side: Side) -> None:
        self._values = values
        self._side = side

    def get(self, name: str, /) -> float | None:
        if self._side != "both" and PARAMETERS[name].sided:
            return self._values.get(f"{self._side}_{name}")
        return self._values.get(name)


class Track:
    """Follows one progress curve and cuts it into excursions."""

    def __init__(self, counting: Counting, signals: tuple[Signal, ...], side: Side) -> None:
        self.counting = counting
        self.signals = signals
        self.side = side
        self.forget()

    def forget(self) -> None:
        """Start over: wait for the start position."""
        self._smooth = _Smoother(self.counting.steady)
        self._last: float | None = None
        self._raw = 0.0
        self._missed = 0  # frames without a measurement since the last one
        self.progress: float | None = None
        self._restart(started=False)
        self._opening: tuple[float, float] | None = None  # time and progress of a first sample too far out
        self._opened = True  # the next sample is the first one seen

    def _restart(self, *, started: bool) -> None:
        self._samples: list[_Sample] = []  # since the low point
        self._started = started  # the start position was taken, or the opening is not beyond open_below
        self._from_start = started
        self._low = math.inf
        self._high = -math.inf
        self._valley = math.inf
        self._valley_index = 0
        self._dip: _Sample | None = None  # before the start position was taken: the lowest, and the
        self._peak: _Sample | None = None  # highest after it
        self.stage = 0  # 0 start, 1 away, 2 turn, 3 back

    def step(self, time: float, measurement: Measurement | None) -> Excursion | NotCounted | None:
        """What ended with this measurement."""
        raw = None if measurement is None else combined_progress(self.signals, measurement)
        if raw is None or measurement is None:
            self._missed += 1
            if self._last is not None and time - self._last > LONGEST_GAP:
                return self._lose(time)
            return None
        lost = None
        if self._last is not None and (time - self._last > LONGEST_GAP or measurement.fresh):
            lost = self._lose(time)
        progress = self._smooth.step(time, raw)
        if self._opened:
            self._opened = False
            self._started = progress <= self.counting.open_below
            self._opening = None if self._started else (time, progress)
        self._last = time
        self._raw = raw
        self.progress = progress
        missed, self._missed = self._missed, 0
        found = self._advance(
            _Sample(
                time=time,
                progress=progress,
                sure=_sureness(self.signals, measurement),
                missed=missed,
                value=measurement.values.get(self.signals[0].parameter),
                values=measurement.values,
                view=measurement.view,
            )
        )
        return found or lost

    def _lose(self, time: float) -> NotCounted | None:
        """The athlete is gone, or another one is there: what was under way is none."""
        assert self._last is not None
        gone = Lack(kind="gone", found=time - self._last, wanted=LONGEST_GAP)
        lost = self._uncounted(self._samples, gone)
        self.forget()
        self._opened = False  # coming back into the picture is not the opening of a recording
        return lost

    def _advance(self, sample: _Sample) -> Excursion | NotCounted | None:
        rules = self.counting
        p = sample.progress
        if not self._started:
            self._started = p <= rules.start_below
            waited = self._not_started(sample)
            if self._started:
                self._rest(sample)
            return waited
        if self.stage == 0 and p - self._low <= LEAVE:
            self._rest(sample)
            return None
        if self.stage == 1 and p <= self._low:
            self._restart(started=True)
            self._rest(sample)
            return None
        self._samples.append(sample)
        if p > self._high:
            self._high = p
            self._valley, self._valley_index = p, len(self._samples) - 1
            reached = p >= rules.reach and p - self._low >= min(rules.min_range, 0.8 * self._open_range())
            self.stage = 2 if reached else max(1, self.stage)
            return self._drop_if_stale(sample.time)
        if p < self._valley:
            self._valley, self._valley_index = p, len(self._samples) - 1
        if self.stage >= 2:
            return self._coming_back(sample)
        # A small excursion that did not reach the turning region and came back is no rep.
        if p <= self._low + BACK * (self._high - self._low):
            short = self._uncounted(self._samples, *self._short())
            self._begin_at(len(self._samples) - 1)
            return short
        return self._drop_if_stale(sample.time)

    def _not_started(self, sample: _Sample) -> NotCounted | None:
        """Before the start position was taken: what moves is followed only to say why it does not count."""
        self.stage = 0
        if self._started and self._opening is not None:
            (time, opening), self._opening = self._opening, None
            lack = Lack(kind="opening", found=opening, wanted=self.counting.open_below)
            return NotCounted(start=time, top=time, end=sample.time, side=self.side, lacks=(lack,))
        p, low, top = sample.progress, self._dip, self._peak
        if low is None or top is None or p < low.progress:
            self._dip = self._peak = sample
        elif p > top.progress:
            self._peak = sample
        elif min(top.progress - p, top.progress - low.progress) >= NOTED:
            self._dip = self._peak = sample
            lack = Lack(kind="start", found=low.progress, wanted=self.counting.start_below)
            return NotCounted(start=low.time, top=top.time, end=sample.time, side=self.side, lacks=(lack,))
        return None

    def _short(self) -> list[Lack]:
        """What the excursion under way lacks in way and range, with the signal that is furthest from it."""
        rules = self.counting
        out = []
        if self._high < rules.reach:
            out.append(Lack(kind="way", found=self._high, wanted=rules.reach, **self._least_signal("way")))
        moved = self._high - self._low
        if moved < rules.min_range:
            out.append(Lack(kind="range", found=moved, wanted=rules.min_range, **self._least_signal("range")))
        return out

    def _least_signal(self, kind: Literal["way", "range"]) -> _OfSignal:
        """Of the signals that were followed, the one that went (or moved) least: where it got, and what would
        do."""
        found: list[tuple[float, _OfSignal]] = []
        for signal in self.signals:
            name, span = signal.parameter, signal.turn - signal.start
            values = [s.values[name] for s in self._samples if name in s.values and signal.used_from(s.view)]
            if not values:
                continue
            low, high = min(values), max(values)
            if kind == "way":
                far = high if span > 0 else low
                enough = signal.start + self.counting.reach * span
                found.append(
                    (signal.progress(far), {"parameter": name, "value": far, "value_wanted": enough})
                )
            else:
                enough = self.counting.min_range * abs(span)
                share = (high - low) / abs(span)
                found.append((share, {"parameter": name, "value": high - low, "value_wanted": enough}))
        return min(found, key=lambda one: one[0])[1] if found else {}

    def _uncounted(self, samples: list[_Sample], *lacks: Lack) -> NotCounted | None:
        """What is said of a movement that is none; None when it is too small, or lacks nothing."""
        if not samples or not lacks or self._high - self._low < NOTED:
            return None
        top = max(samples, key=lambda s: s.progress)
        start = samples[self._leaving()].time if samples is self._samples else samples[0].time
        return NotCounted(start=start, top=top.time, end=samples[-1].time, side=self.side, lacks=lacks)

    def _rest(self, sample: _Sample) -> None:
        """In or near the start position: its level follows, so that slow drift is no movement."""
        p = sample.progress
        if p <= self._low:
            self._low = p
        else:
            gap = sample.time - self._samples[-1].time if self._samples else 0.0
            self._low += (1.0 - math.exp(-gap / DRIFT)) * (p - self._low)
        self._high = p
        self._valley = p
        self._from_start = p <= self.counting.start_below
        self._samples.append(sample)
        if len(self._samples) > 400 or sample.time - self._samples[0].time > 2.0:
            self._samples = [s for s in self._samples if sample.time - s.time <= 1.0]

    def _open_range(self) -> float:
        """The least way out: less for a rep that began before the recording, whose way back must be full."""
        return self.counting.min_range if self._from_start else 0.6 * self.counting.min_range

    def _left(self, p: float) -> float:
        """Share of the own excursion that is still left to come back."""
        low = max(-0.05, self._low)
        return (p - low) / max(1e-6, min(self._high, FULL) - low)

    def _coming_back(self, sample: _Sample) -> Excursion | NotCounted | None:
        p = sample.progress
        self.stage = 3 if p < self._high - TURN_BAND * (self._high - self._low) else 2
        if self._left(p) <= BACK and self._high - p >= self.counting.min_range:
            return self._close(len(self._samples) - 1)
        fell = self._high - self._valley
        if self._valley <= HALF_RETURN and fell >= HALF_FALL and p - self._valley >= max(0.3, 0.5 * fell):
            return self._close(self._valley_index)
        return self._drop_if_stale(sample.time)

    def at_end(self) -> Excursion | NotCounted | None:
        """The rep under way when the recording ends, if it is nearly back."""
        if self.stage < 1 or not self._samples:
            return None
        p = min(self._raw, self._samples[-1].progress)  # smoothing lags behind, and no more is to come
        left = self._left(p)
        if self.stage >= 2 and left <= BACK_AT_END and self._high - p >= self.counting.min_range:
            return self._close(len(self._samples) - 1)
        back = [Lack(kind="back", found=left, wanted=BACK_AT_END)] if left > BACK_AT_END else []
        return self._uncounted(self._samples, *self._short(), *back)

    def _drop_if_stale(self, time: float) -> NotCounted | None:
        """A movement that takes longer than a rep may take is none: sitting down, resting, gone off."""
        taken = time - self._samples[0].time
        if taken <= 2 * self.counting.max_duration:
            return None
        stale = self._uncounted(
            self._samples, Lack(kind="slow", found=taken, wanted=self.counting.max_duration)
        )
        self._restart(started=False)
        return stale

    def _leaving(self) -> int:
        """Index of the sample at which the final way out to the high point began."""
        samples = self._samples
        level = self._low + BACK * (self._high - self._low)
        top = max(range(len(samples)), key=lambda i: samples[i].progress)
        index = top
        while index > 0 and samples[index].progress > level:
            index -= 1
        while index > 0 and samples[index - 1].progress <= samples[index].progress - 0.003:
            index -= 1
        return index

    def _begin_at(self, index: int) -> None:
        """The samples from `index` on begin the next movement."""
        rest = self._samples[index:]
        self._restart(started=True)
        for sample in rest:
            self._advance(sample)

    def _close(self, index: int) -> Excursion | NotCounted | None:
        """Cut the excursion out, judge it, and begin the next one where it ended."""
        before = self._samples
        samples = before[self._leaving() : index + 1]
        high, low, whole = self._high, self._low, self._from_start
        start, end = samples[0].time, samples[-1].time
        band = high - TURN_BAND * (high - low)
        top = _around_top(samples, band)
        first = [s for s in before if -BEFORE <= s.time - start <= 0.15]
        lacks = [*self._badly_seen(samples), *self._other_movement(samples, first, top)]
        none = self._uncounted(samples, *lacks)
        self._begin_at(index)
        if lacks:
            return none
        gaps = [b.time - a.time for a, b in pairwise(samples)]
        moved = [s.value for s in samples if s.value is not None]
        unit = PARAMETERS[self.signals[0].parameter].unit
        span = (max(moved) - min(moved)) * (1.0 if unit == "deg" else 100.0) if moved else 0.0
        # Looking back only, the median and the mean show what was half a span and a time constant ago.
        lag = self.counting.steady / 2 + SMOOTHING
        return Excursion(
            start=max(before[0].time, start - lag),
            turn=max(start, (top[0].time + top[-1].time) / 2 - lag),
            end=end,
            range=span,
            valid=whole and max(gaps) <= BLIND,
            side=self._side(top),
        )

    def _badly_seen(self, samples: list[_Sample]) -> list[Lack]:
        """Too fast, too slow, or not seen well enough."""
        rules, taken = self.counting, samples[-1].time - samples[0].time
        out = []
        if taken < rules.min_duration:
            out.append(Lack(kind="fast", found=taken, wanted=rules.min_duration))
        if taken > rules.max_duration:
            out.append(Lack(kind="slow", found=taken, wanted=rules.max_duration))
        missed = sum(s.missed for s in samples[1:])
        if len(samples) < LEAST_SAMPLES or missed > BLIND_SHARE * (missed + len(samples)):
            out.append(Lack(kind="unseen", found=missed / (missed + len(samples)), wanted=BLIND_SHARE))
        sure = sum(s.sure for s in samples)
        if sure < rules.sure * len(samples):
            out.append(Lack(kind="unsure", found=sure / len(samples), wanted=rules.sure))
        return out

    def _other_movement(self, samples: list[_Sample], first: list[_Sample], top: list[_Sample]) -> list[Lack]:
        """The conditions that did not hold: all through it, at its start, at its turning point."""
        out: list[Lack] = []
        rules = self.counting
        conditions: tuple[tuple[LackKind, Condition | None, list[_Sample], float], ...] = (
            ("posture", rules.posture, samples, POSTURE_SHARE),
            ("at_start", rules.at_start, first, 0.5),
            ("at_turn", rules.at_turn, top, 0.5),
        )
        for kind, condition, part, share in conditions:
            frames = [_SideValues(s.values, self.side) for s in part]
            if condition is not None and not holds_mostly(condition, frames, share):
                out += _blamed(kind, condition, frames, share)
        return out

    def _side(self, top: list[_Sample]) -> Side:
        name = self.counting.side_by
        if name is None:
            return self.side
        left = [s.values[f"left_{name}"] for s in top if f"left_{name}" in s.values]
        right = [s.values[f"right_{name}"] for s in top if f"right_{name}" in s.values]
        if not left or not right:
            return "left" if left else "right" if right else self.side
        return "left" if sum(left) / len(left) >= sum(right) / len(right) else "right"


def _blamed(kind: LackKind, condition: Condition, frames: list[_SideValues], share: float) -> list[Lack]:
    """The comparisons that did not hold in most of the frames, with the value in the middle of them.

    Under `not` every comparison may hold, and still it is they that speak against the movement.
    """
    out = []
    comparisons = condition.comparisons()
    failed = [c for c in comparisons if not holds_mostly(c, frames, share)]
    for comparison in failed or comparisons:
        values = sorted(v for frame in frames if (v := frame.get(comparison.parameter)) is not None)
        if values:
            found = values[len(values) // 2]
            out.append(Lack(kind=kind, found=found, wanted=comparison.limit, comparison=comparison))
    return out


def _around_top(samples: list[_Sample], band: float) -> list[_Sample]:
    """The unbroken run of samples at or above `band` that holds the highest one."""
    first = last = max(range(len(samples)), key=lambda i: samples[i].progress)
    while first > 0 and samples[first - 1].progress >= band:
        first -= 1
    while last < len(samples) - 1 and samples[last + 1].progress >= band:
        last += 1
    return samples[first : last + 1]
