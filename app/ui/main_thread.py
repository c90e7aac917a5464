"""What keeps the main thread's turns short beside the threads that capture and infer."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

SWITCH: Final = 0.001  # seconds; Python's own 5 ms add up when a turn enters Python ten times


@contextmanager
def short_turns() -> Iterator[None]:
    """While the window is open a thread that computes in Python hands over sooner to one that waits."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH)
    try:
        yield
    finally:
        sys.setswitchinterval(before)
        gc.unfreeze()


def spare_what_stays() -> None:
    """The collector of garbage does not look again at what is there now: libraries and pages, some 70,000
    objects, for which it would stop every thread. Call it when everything is loaded."""
    gc.freeze()
