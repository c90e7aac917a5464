"""Which exercise of the library is being done. Reads no clock; needs no network of its own.

Every rule file's own counting runs beside the others on the same measurements: what counts steadily is
what is being done. So an exercise that somebody adds as a rule file is recognised as soon as it counts,
without a line of code, and whatever counting leaves out (walking, getting into position) is no exercise
here either. It only offers: what to do with a guess is for the app and the athlete to decide.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from app.exercise import Exercise
from app.parameters import Measurement
from app.reps import Hold, Rep, RepCounter

# Repetitions and holds that ended longer ago than this say nothing about now, seconds.
MEMORY: Final = 20.0
# Counting for recognition looks at no more frames than it needs, seconds between them.
EVERY: Final = 0.06
# A position held so long may be a rest between repetitions; so much longer is worth one, seconds.
REST: Final = 4.0
HOLD: Final = 6.0
# Below this there is no guess: one repetition alone stays under it, and so do two exercises that count alike.
LEAST_SURENESS: Final = 0.6


@dataclass(frozen=True, kw_only=True)
class Guess:
    """The exercise (its id) that is being done, and how sure that is, 0..1."""

    exercise: str
    sureness: float


class Recogniser:
    """Watches for all exercises of a library at once.

        recogniser = Recogniser(load_library())
        guess = recogniser.step(time, measurement)       # None while nothing is clear
    """  # fmt: skip

    def __init__(self, library: Mapping[str, Exercise]) -> None:
        self._library = dict(library)
        self.reset()

    def reset(self) -> None:
        """Forgets what was done."""
        self._counters = {name: RepCounter(exercise.counting) for name, exercise in self._library.items()}
        self._seen: dict[str, deque[tuple[float, Rep | Hold]]] = {name: deque() for name in self._library}
        self._time: float | None = None

    def step(self, time: float, measurement: Measurement | None) -> Guess | None:
        """The guess after this measurement. time: seconds; going back starts over."""
        if self._time is not None and time < self._time:
            self.reset()
        if self._time is None or time - self._time >= EVERY or measurement is None or measurement.fresh:
            self._time = time
            for name, counter in self._counters.items():
                self._seen[name].extend((time, event) for event in counter.step(time, measurement))
        return self._guess(time)

    def _guess(self, time: float) -> Guess | None:
        moved: dict[str, float] = {}  # seconds of what was counted
        worth: dict[str, float] = {}  # and how many repetitions that is
        held: dict[str, float] = {}
        for name, seen in self._seen.items():
            while seen and time - seen[0][0] > MEMORY:
                seen.popleft()
            since = self._counters[name].holding_since
            events = [event for _, event in seen] + ([] if since is None else [Hold(start=since, end=time)])
            seconds = sum(event.end - event.start for event in events)
            if not events:
                continue
            if self._counters[name].counting.kind == "hold":
                held[name] = min(seconds, MEMORY) - REST
            else:
                moved[name], worth[name] = seconds, float(len(events))
        most = max(moved.values(), default=0.0)
        for name, seconds in held.items():
            still = seconds - most  # push-ups are done in the position of a plank: what moved was not held
            if still > 0.0:
                moved[name], worth[name] = still, still / HOLD
        if not worth:
            return None
        best = max(moved, key=lambda name: moved[name])
        # What is left of the doubt after so many repetitions, and how much of the counted time is its own.
        sureness = (1.0 - 0.5 ** worth[best]) * moved[best] / sum(moved.values())
        return Guess(exercise=best, sureness=sureness) if sureness >= LEAST_SURENESS else None
