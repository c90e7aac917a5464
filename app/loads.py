"""What is lifted: a load as it was written, and as it is shown to one who thinks in kilograms or in pounds.

One number, of one dumbbell or of the whole bar: which of them is the athlete's own business.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

Unit = Literal["kg", "lb"]
KILOGRAMS: Final[dict[Unit, float]] = {"kg": 1.0, "lb": 0.45359237}  # of one; the pound is exactly that
STEP: Final[dict[Unit, float]] = {"kg": 0.5, "lb": 1.0}  # what scales and shops know
MOST: Final[dict[Unit, float]] = {"kg": 1000.0, "lb": 2200.0}
DECIMALS: Final = 2  # of what is written: 1.25 kg is on small plates


@dataclass(frozen=True, kw_only=True)
class Load:
    """value: more than 0, at most `MOST` of its unit."""

    value: float
    unit: Unit = "kg"

    @property
    def kg(self) -> float:
        return self.value * KILOGRAMS[self.unit]

    def __str__(self) -> str:
        return f"{self.value:g} {self.unit}"


def load_from_json(value: Any) -> Load | None:
    """The load of its fields, or None of None. Raises ValueError, KeyError or TypeError when it is none."""
    if value is None:
        return None
    made = Load(value=float(value["value"]), unit=value["unit"])
    if made.unit not in KILOGRAMS or not 0.0 < made.value <= MOST[made.unit]:
        raise ValueError("no load")
    return made


def in_unit(kg: float, unit: Unit) -> float:
    """A load in that unit: exact when it was written in it, else to the nearest `STEP`.

    25 lb are 25, and 11.5 kg.
    """
    value = kg / KILOGRAMS[unit]
    written = round(value, DECIMALS)
    if abs(value - written) < 1e-6:
        return written
    return max(1, round(value / STEP[unit])) * STEP[unit]
