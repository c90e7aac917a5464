"""What is lifted: as it was written, and in the other unit."""

from __future__ import annotations

import pytest

from app.loads import Load, in_unit, load_from_json


@pytest.mark.parametrize("value", [0.5, 1.25, 2.5, 12.0, 27.5, 45.0, 102.25])
@pytest.mark.parametrize("unit", ["kg", "lb"])
def test_a_load_is_shown_as_it_was_written(value: float, unit: str) -> None:
    load = Load(value=value, unit=unit)  # type: ignore[arg-type]
    assert in_unit(load.kg, load.unit) == value


@pytest.mark.parametrize(
    ("load", "pounds", "kilograms"),
    [(Load(value=12.0), 26.0, 12.0), (Load(value=25.0, unit="lb"), 25.0, 11.5), (Load(value=0.2), 1.0, 0.2)],
)
def test_in_the_other_unit_it_is_what_stands_on_weights(load: Load, pounds: float, kilograms: float) -> None:
    assert (in_unit(load.kg, "lb"), in_unit(load.kg, "kg")) == (pounds, kilograms)


def test_what_is_no_load_is_refused() -> None:
    assert load_from_json(None) is None
    for value, unit in ((12.0, "stone"), (0.0, "kg"), (-1.0, "lb"), (float("nan"), "kg"), (1e9, "kg")):
        with pytest.raises(ValueError, match="no load"):
            load_from_json({"value": value, "unit": unit})
