"""What fuzzing once broke and what is known to be hostile: read, or refused in a line; see tests/fuzz.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fuzz import SEEDS, TARGETS, attempt, kept_seeds

CASES = [(name, path.name) for name in TARGETS for path in kept_seeds(name)]


@pytest.mark.parametrize(("target", "seed"), CASES)
def test_a_seed_is_read_or_refused(target: str, seed: str, tmp_path: Path) -> None:
    attempt(target, (SEEDS / target / seed).read_bytes(), tmp_path)


def test_every_folder_of_seeds_has_its_target() -> None:
    assert {path.name for path in SEEDS.iterdir()} <= set(TARGETS)
