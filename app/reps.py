"""Excursions over time -> phases, numbered repetitions, holds. Needs numpy-free Python only; reads no clock.

What a repetition is, and how it is found on the curve of one side or of both, is app/excursions.py's. Here
the sides are put together (both arms at once are one repetition), repetitions are numbered, and holds are
followed.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from typing import Final

from app.excursions import DEFAULT_PHASES as DEFAULT_PHASES
from app.excursions import NO_PHASE, Excursion, Track
from app.excursions import Counting as Counting
from app.excursions import Lack as Lack
from app.excursions import LackKind as LackKind
from app.excursions import NotCounted as NotCounted
from app.excursions import PhaseNames as PhaseNames
from app.excursions import Side as Side
from app.excursions import Signal as Signal
from app.excursions import combined_progress as combined_progress
from app.parameters import Measurement
from app.vocabulary import PARAMETERS

# Movement of the two sides is one rep of both when their turns lie this close, in parts of the rep.
TOGETHER: Final = 0.35


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


class RepCounter:
    """Counts one exercise.

        counter = RepCounter(exercise.counting)
        events = counter.step(time, measurement)      # Rep and Hold objects that just ended
        events += counter.finish(time)                # at the end of a recording

    not_counted: the movements that ended with the last step and were no repetitions.
    """  # fmt: skip

    def __init__(self, counting: Counting) -> None:
        self.counting = counting
        self.reset()

    def reset(self) -> None:
        """Counts from zero on."""
        counting = self.counting
        self.count = 0
        self.not_counted: list[NotCounted] = []
        self._hold = _HoldFollower(counting) if counting.kind == "hold" else None
        self._tracks: list[Track] = []
        self._waiting: list[Excursion] = []
        self._counted: deque[Rep] = deque(maxlen=4)
        if counting.kind == "hold":
            return
        if counting.sides == "together":
            self._tracks.append(Track(counting, counting.signals, "both"))
            return
        for side in ("left", "right"):
            signals = tuple(_on_side(signal, side) for signal in counting.signals)
            self._tracks.append(Track(counting, signals, "left" if side == "left" else "right"))

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

    def _leading(self) -> Track | None:
        """The side that is further out."""
        seen = [t for t in self._tracks if t.progress is not None]
        return max(seen, key=lambda t: (t.stage > 0, t.progress or 0.0), default=None)

    def step(self, time: float, measurement: Measurement | None) -> list[Rep | Hold]:
        """The reps and holds that ended with this measurement. time: seconds, never going back."""
        if self._hold is not None:
            held = self._hold.step(time, measurement)
            self.count += len(held)
            return list(held)
        self._take([track.step(time, measurement) for track in self._tracks])
        return list(self._release(time, last=False))

    def finish(self, time: float) -> list[Rep | Hold]:
        """What the end of a recording completes: a rep that is nearly back, a hold still held."""
        if self._hold is not None:
            held = self._hold.finish(time)
            self.count += len(held)
            return list(held)
        self._take([track.at_end() for track in self._tracks])
        return list(self._release(time, last=True))

    def _take(self, ended: list[Excursion | NotCounted | None]) -> None:
        self._waiting += [one for one in ended if isinstance(one, Excursion)]
        self.not_counted = [one for one in ended if isinstance(one, NotCounted)]

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

    def _other_is_coming_back(self, excursion: Excursion) -> bool:
        return any(track.side != excursion.side and track.stage >= 2 for track in self._tracks)

    def _swallowed(self, excursion: Excursion) -> bool:
        """Whether it is the other side's share of a rep that was counted already."""
        return any(
            rep.side != excursion.side and rep.start <= excursion.turn <= rep.end + 0.1
            for rep in self._counted
        )

    def _number(self, e: Excursion) -> Rep:
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


def _together(a: Excursion, b: Excursion) -> bool:
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
