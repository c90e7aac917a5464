"""What fuzzing once broke, what is known to be hostile, and good files damaged: read, or refused in a line.

See tests/fuzz.py.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz import SEEDS, TARGETS, attempt, good_files, kept_seeds

CASES = [(name, path.name) for name in TARGETS for path in kept_seeds(name)]


@pytest.mark.parametrize(("target", "seed"), CASES)
def test_a_seed_is_read_or_refused(target: str, seed: str, tmp_path: Path) -> None:
    attempt(target, (SEEDS / target / seed).read_bytes(), tmp_path)


def test_every_folder_of_seeds_has_its_target() -> None:
    assert {path.name for path in SEEDS.iterdir()} <= set(TARGETS)


@cache
def good(target: str) -> list[bytes]:
    return list(good_files(target))


@st.composite
def damages(draw: st.DrawFn) -> tuple[int, list[tuple[int, int, bytes]]]:
    """Which file, and what is done to it: from where, how many bytes go, and what comes in their place."""
    some = st.tuples(st.integers(0, 1 << 16), st.integers(0, 40), st.binary(max_size=6))
    return draw(st.integers(0, 1000)), draw(st.lists(some, min_size=1, max_size=4))


@pytest.mark.parametrize("target", TARGETS)
@settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(damage=damages())
def test_a_good_file_that_was_damaged_anywhere_is_read_or_refused(
    target: str, damage: tuple[int, list[tuple[int, int, bytes]]], tmp_path: Path
) -> None:
    which, edits = damage
    data = good(target)[which % len(good(target))]
    for place, gone, come in edits:
        start = place % max(1, len(data))
        data = data[:start] + come + data[start + gone :]
    attempt(target, data, tmp_path)
