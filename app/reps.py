"""Parameters over time -> phases, repetitions, holds. Needs numpy-free Python only; reads no clock.

How a repetition is found
-------------------------
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
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final, Literal

from app.conditions import Condition, holds_mostly
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
# Movement of the two sides is one rep of both when their turns lie this close, in parts of the rep.
TOGETHER: Final = 0.35


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


@dataclass(frozen=True, kw_only=True)
class Rep:
    """One counted repetition; times in seconds.

    turn: middle of the time at the turning point. range: how far the first signal's parameter moved:
    degrees, or percent of the body's size. valid: seen from start position to return without a gap.
    """

    number: int
    start: float
    turn: float
    end: float
    side: Side
    range: float
    valid: bool


@dataclass(frozen=True, kw_only=True)
class Hold:
    """One hold of a position, seconds."""

    start: float
    end: float


@dataclass(frozen=True, kw_only=True, eq=False)
class _Sample:
    time: float
    progress: float
    sure: float
    missed: int
    value: float | None
    values: Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class _Excursion:
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
        if value is None or (signal.views and measurement.view not in signal.views):
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


class _Track:
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
        self._opened = True  # the next sample is the first one seen

    def _restart(self, *, started: bool) -> None:
        self._samples: list[_Sample] = []  # since the low point
        self._started = started  # the start position was taken, or the opening is not beyond open_below
        self._from_start = started
        self._low = math.inf
        self._high = -math.inf
        self._valley = math.inf
        self._valley_index = 0
        self.stage = 0  # 0 start, 1 away, 2 turn, 3 back

    def step(self, time: float, measurement: Measurement | None) -> _Excursion | None:
        raw = None if measurement is None else combined_progress(self.signals, measurement)
        if raw is None or measurement is None:
            self._missed += 1
            if self._last is not None and time - self._last > LONGEST_GAP:
                self.forget()
                self._opened = False  # coming back into the picture is not the opening of a recording
            return None
        if self._last is not None and (time - self._last > LONGEST_GAP or measurement.fresh):
            self.forget()
            self._opened = False
        progress = self._smooth.step(time, raw)
        if self._opened:
            self._opened = False
            self._started = progress <= self.counting.open_below
        self._last = time
        self._raw = raw
        self.progress = progress
        missed, self._missed = self._missed, 0
        return self._advance(
            _Sample(
                time=time,
                progress=progress,
                sure=_sureness(self.signals, measurement),
                missed=missed,
                value=measurement.values.get(self.signals[0].parameter),
                values=measurement.values,
            )
        )

    def _advance(self, sample: _Sample) -> _Excursion | None:
        rules = self.counting
        p = sample.progress
        if p <= rules.start_below:
            self._started = True
        if not self._started:
            self.stage = 0
            return None
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
            self._drop_if_stale(sample.time)
            return None
        if p < self._valley:
            self._valley, self._valley_index = p, len(self._samples) - 1
        if self.stage >= 2:
            return self._coming_back(sample)
        # A small excursion that did not reach the turning region and came back is no rep.
        if p <= self._low + BACK * (self._high - self._low):
            self._begin_at(len(self._samples) - 1)
        self._drop_if_stale(sample.time)
        return None

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

    def _coming_back(self, sample: _Sample) -> _Excursion | None:
        p = sample.progress
        self.stage = 3 if p < self._high - TURN_BAND * (self._high - self._low) else 2
        if self._left(p) <= BACK and self._high - p >= self.counting.min_range:
            return self._close(len(self._samples) - 1)
        fell = self._high - self._valley
        if self._valley <= HALF_RETURN and fell >= HALF_FALL and p - self._valley >= max(0.3, 0.5 * fell):
            return self._close(self._valley_index)
        self._drop_if_stale(sample.time)
        return None

    def at_end(self) -> _Excursion | None:
        """The rep under way when the recording ends, if it is nearly back."""
        if self.stage < 2 or not self._samples:
            return None
        p = min(self._raw, self._samples[-1].progress)  # smoothing lags behind, and no more is to come
        if self._left(p) <= BACK_AT_END and self._high - p >= self.counting.min_range:
            return self._close(len(self._samples) - 1)
        return None

    def _drop_if_stale(self, time: float) -> None:
        """A movement that takes longer than a rep may take is none: sitting down, resting, gone off."""
        if time - self._samples[0].time > 2 * self.counting.max_duration:
            self._restart(started=False)

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

    def _close(self, index: int) -> _Excursion | None:
        """Cut the excursion out, judge it, and begin the next one where it ended."""
        before = self._samples
        samples = before[self._leaving() : index + 1]
        high, low, whole = self._high, self._low, self._from_start
        self._begin_at(index)
        start, end = samples[0].time, samples[-1].time
        if not self.counting.min_duration <= end - start <= self.counting.max_duration:
            return None
        gaps = [b.time - a.time for a, b in pairwise(samples)]
        missed = sum(s.missed for s in samples[1:])
        if len(samples) < LEAST_SAMPLES or missed > BLIND_SHARE * (missed + len(samples)):
            return None
        if sum(s.sure for s in samples) < self.counting.sure * len(samples):
            return None
        band = high - TURN_BAND * (high - low)
        top = _around_top(samples, band)
        first = [s for s in before if -BEFORE <= s.time - start <= 0.15]
        for condition, part, share in (
            (self.counting.posture, samples, POSTURE_SHARE),
            (self.counting.at_start, first, 0.5),
            (self.counting.at_turn, top, 0.5),
        ):
            if condition and not holds_mostly(
                condition, [_SideValues(s.values, self.side) for s in part], share
            ):
                return None
        moved = [s.value for s in samples if s.value is not None]
        unit = PARAMETERS[self.signals[0].parameter].unit
        span = (max(moved) - min(moved)) * (1.0 if unit == "deg" else 100.0) if moved else 0.0
        # Looking back only, the median and the mean show what was half a span and a time constant ago.
        lag = self.counting.steady / 2 + SMOOTHING
        return _Excursion(
            start=max(before[0].time, start - lag),
            turn=max(start, (top[0].time + top[-1].time) / 2 - lag),
            end=end,
            range=span,
            valid=whole and max(gaps) <= BLIND,
            side=self._side(top),
        )

    def _side(self, top: list[_Sample]) -> Side:
        name = self.counting.side_by
        if name is None:
            return self.side
        left = [s.values[f"left_{name}"] for s in top if f"left_{name}" in s.values]
        right = [s.values[f"right_{name}"] for s in top if f"right_{name}" in s.values]
        if not left or not right:
            return "left" if left else "right" if right else self.side
        return "left" if sum(left) / len(left) >= sum(right) / len(right) else "right"


def _around_top(samples: list[_Sample], band: float) -> list[_Sample]:
    """The unbroken run of samples at or above `band` that holds the highest one."""
    first = last = max(range(len(samples)), key=lambda i: samples[i].progress)
    while first > 0 and samples[first - 1].progress >= band:
        first -= 1
    while last < len(samples) - 1 and samples[last + 1].progress >= band:
        last += 1
    return samples[first : last + 1]


class RepCounter:
    """Counts one exercise.

        counter = RepCounter(exercise.counting)
        events = counter.step(time, measurement)      # Rep and Hold objects that just ended
        events += counter.finish(time)                # at the end of a recording
    """  # fmt: skip

    def __init__(self, counting: Counting) -> None:
        self.counting = counting
        self.reset()

    def reset(self) -> None:
        """Counts from zero on."""
        counting = self.counting
        self.count = 0
        self._hold = _HoldFollower(counting) if counting.kind == "hold" else None
        self._tracks: list[_Track] = []
        self._waiting: list[_Excursion] = []
        self._counted: deque[Rep] = deque(maxlen=4)
        if counting.kind == "hold":
            return
        if counting.sides == "together":
            self._tracks.append(_Track(counting, counting.signals, "both"))
            return
        for side in ("left", "right"):
            signals = tuple(_on_side(signal, side) for signal in counting.signals)
            self._tracks.append(_Track(counting, signals, "left" if side == "left" else "right"))

    @property
    def phase(self) -> str:
        """The name of the phase that the athlete is in; empty before the first measurement."""
        if self._hold is not None:
            return self.counting.phases[2 if self._hold.since is not None else 0]
        track = self._leading()
        return NO_PHASE if track is None else self.counting.phases[track.stage]

    @property
    def progress(self) -> float:
        """0 in the start position to 1 at the turning point; a hold: 1 while held."""
        if self._hold is not None:
            return 1.0 if self._hold.since is not None else 0.0
        track = self._leading()
        return 0.0 if track is None or track.progress is None else min(1.0, max(0.0, track.progress))

    @property
    def holding_since(self) -> float | None:
        """When the hold under way began, seconds; None when there is none."""
        return None if self._hold is None else self._hold.since

    def _leading(self) -> _Track | None:
        """The side that is further out."""
        seen = [t for t in self._tracks if t.progress is not None]
        return max(seen, key=lambda t: (t.stage > 0, t.progress or 0.0), default=None)

    def step(self, time: float, measurement: Measurement | None) -> list[Rep | Hold]:
        """The reps and holds that ended with this measurement. time: seconds, never going back."""
        if self._hold is not None:
            held = self._hold.step(time, measurement)
            self.count += len(held)
            return list(held)
        for track in self._tracks:
            excursion = track.step(time, measurement)
            if excursion is not None:
                self._waiting.append(excursion)
        return list(self._release(time, last=False))

    def finish(self, time: float) -> list[Rep | Hold]:
        """What the end of a recording completes: a rep that is nearly back, a hold still held."""
        if self._hold is not None:
            held = self._hold.finish(time)
            self.count += len(held)
            return list(held)
        for track in self._tracks:
            excursion = track.at_end()
            if excursion is not None:
                self._waiting.append(excursion)
        return list(self._release(time, last=True))

    def _release(self, time: float, *, last: bool) -> list[Rep]:
        """Numbers the waiting excursions; those of left and right at the same time become one rep."""
        if self.counting.sides == "together":
            found, self._waiting = self._waiting, []
            return [self._number(e) for e in found]
        out: list[Rep] = []
        while self._waiting:
            first = self._waiting[0]
            if self._swallowed(first):
                self._waiting.pop(0)
                continue
            partner = next((e for e in self._waiting[1:] if _together(first, e)), None)
            if partner is not None:
                self._waiting.remove(partner)
                first = replace(
                    first,
                    side="both",
                    start=min(first.start, partner.start),
                    turn=(first.turn + partner.turn) / 2,
                    end=max(first.end, partner.end),
                    range=max(first.range, partner.range),
                )
            elif not last and time - first.end < 0.5 and self._other_is_coming_back(first):
                break  # the other arm is about to finish the same movement
            self._waiting.pop(0)
            out.append(self._number(first))
        return out

    def _other_is_coming_back(self, excursion: _Excursion) -> bool:
        return any(track.side != excursion.side and track.stage >= 2 for track in self._tracks)

    def _swallowed(self, excursion: _Excursion) -> bool:
        """Whether it is the other side's share of a rep that was counted already."""
        return any(
            rep.side != excursion.side and rep.start <= excursion.turn <= rep.end + 0.1
            for rep in self._counted
        )

    def _number(self, e: _Excursion) -> Rep:
        self.count += 1
        rep = Rep(
            number=self.count,
            start=e.start,
            turn=e.turn,
            end=e.end,
            side=e.side,
            range=e.range,
            valid=e.valid,
        )
        self._counted.append(rep)
        return rep


def _together(a: _Excursion, b: _Excursion) -> bool:
    shorter = min(a.end - a.start, b.end - b.start)
    return a.side != b.side and abs(a.turn - b.turn) <= TOGETHER * shorter


def _on_side(signal: Signal, side: str) -> Signal:
    """The signal of one side; a parameter that has no sides is shared by both."""
    if PARAMETERS[signal.parameter].sided:
        return replace(signal, parameter=f"{side}_{signal.parameter}")
    return signal


class _HoldFollower:
    """A position held: begins when its condition is true, survives gaps of `grace` seconds."""

    def __init__(self, counting: Counting) -> None:
        self.counting = counting
        self.since: float | None = None
        self._good = 0.0

    def step(self, time: float, measurement: Measurement | None) -> list[Hold]:
        condition = self.counting.posture
        truth = None if measurement is None or condition is None else condition.holds(measurement.values)
        if truth:
            if self.since is None:
                self.since = time
            self._good = time
            return []
        if self.since is None or time - self._good <= self.counting.grace:
            return []
        return self.finish(self._good)

    def finish(self, time: float) -> list[Hold]:
        start, self.since = self.since, None
        if start is None or self._good - start < self.counting.min_duration:
            return []
        return [Hold(start=start, end=self._good)]
