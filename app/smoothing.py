"""The One-Euro filter (Casiez, Roussel, Vogel 2012): still when the body is still, quick when it is quick."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from app.skeleton import FloatArray

MAX_GAP: Final = 0.5  # seconds without a value after which the past says nothing


class OneEuro:
    """Filters an array of values over time, each on its own.

    The cut-off is `minimum` Hz for a value at rest and grows by `slope` Hz for each unit a second it moves;
    the speed itself is filtered at `speed_cutoff` Hz.
    """

    def __init__(self, *, minimum: float, slope: float, speed_cutoff: float = 2.5):
        self._minimum, self._slope, self._speed_cutoff = minimum, slope, speed_cutoff
        self.reset()

    def reset(self) -> None:
        """Forgets the past: the next value passes unchanged."""
        self._time: float | None = None
        self._value: FloatArray | None = None
        self._speed: FloatArray | None = None

    def step(
        self, value: FloatArray, time: float, *, unit: float, trust: FloatArray | float = 1.0
    ) -> FloatArray:
        """The filtered value. unit: how large one unit (of `slope`) is in the values' own measure.

        trust: 0..1, broadcast against `value`; it scales the cut-off, so that what is hardly seen hardly
        moves. A repeated or earlier time gives the last result again.
        """
        if self._value is None or self._speed is None or self._time is None or time - self._time > MAX_GAP:
            self._time, self._value, self._speed = time, value.copy(), np.zeros_like(value)
            return value.copy()
        dt = time - self._time
        if dt <= 0:
            return self._value.copy()
        self._time = time
        speed = (value - self._value) / dt
        self._speed = self._speed + _alpha(self._speed_cutoff, dt) * (speed - self._speed)
        # Moving along one axis, a joint is quick in both: the length of the vector decides.
        length = (
            np.linalg.norm(self._speed, axis=-1, keepdims=True) if value.ndim > 1 else np.abs(self._speed)
        )
        cutoff = (self._minimum + self._slope * length / unit) * trust
        self._value = self._value + _alpha(cutoff, dt) * (value - self._value)
        return self._value.copy()


def _alpha(cutoff: Any, dt: float) -> Any:
    """Weight of the new value in a first-order low-pass at `cutoff` Hz, steps of `dt` seconds."""
    ratio = 2 * np.pi * cutoff * dt
    return ratio / (1 + ratio)
