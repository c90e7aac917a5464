"""What keeps the main thread's turns short beside the threads that capture and infer."""

from __future__ import annotations

import gc
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

SWITCH: Final = 0.001  # seconds; Python's own 5 ms add up when a turn enters Python ten times
BEHIND: Final = 5  # how much "nicer" the inference is than the window


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


def give_way() -> None:
    """The calling thread, and those that it begins from now on, wait when the main thread has something to
    do and the cores are taken. Linux only: elsewhere a whole process is nicer, or none."""
    if sys.platform == "linux":
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), os.nice(0) + BEHIND)
