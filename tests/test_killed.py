"""Killed at any moment while it writes, the app leaves the old content or the new, never a broken one.

FORMCUE_KILLS=200 kills that often; the suite does it some twenty times.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.killing import WRITERS, Killer, found

KILLS = int(os.environ.get("FORMCUE_KILLS", "20"))
pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork, which this system has not")


@pytest.fixture(scope="module")
def killer() -> Iterator[Killer]:
    with Killer() as made:
        yield made


@pytest.mark.parametrize("kind", WRITERS)
def test_the_old_or_the_new_and_nothing_that_was_done_is_lost(
    kind: str, killer: Killer, tmp_path: Path
) -> None:
    place = list(WRITERS).index(kind)
    for seed in range(place, KILLS, len(WRITERS)):
        folder = tmp_path / str(seed)
        folder.mkdir()
        heard = killer.kill(kind, seed, folder)
        there = found(kind, folder)
        if kind != "cache":  # which may be lost: it is made anew
            assert heard <= there <= heard + 1  # the last one may be done and not yet heard of
