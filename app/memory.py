"""How much memory this process holds, and how it is kept from holding more and more."""

from __future__ import annotations

import ctypes
import math
import platform
import sys
import weakref
from collections import deque
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

_STATUS: Final = Path("/proc/self/status")
_MOST_LENT: Final = 32  # free buffers of a lender; the window holds some two dozen frames at most
_LOOK_EVERY: Final = 256  # arrays lent, between looks for buffers that none of them needed

# glibc's own values are learnt from what is freed: after the first frame it takes blocks of up to 32 MB from
# its heaps, and keeps twice as much free at the end of each heap, of which it makes eight a core.
_MALLOPT: Final = (
    (-3, 1 << 20),  # M_MMAP_THRESHOLD, bytes: larger blocks are the system's, and go back to it when freed
    (-1, 2 << 20),  # M_TRIM_THRESHOLD, bytes: what may lie free at the end of a heap
    (-8, 4),  # M_ARENA_MAX: heaps. Threads that come and go leave theirs behind, half empty
)


def resident_mb() -> float | None:
    """Megabytes held now. Off Linux the most that was ever held; None where the system does not tell."""
    return _status("VmRSS") or peak_mb()


def own_mb() -> float | None:
    """Of `resident_mb`, what is not the content of files (programs, libraries, fonts), which the system drops
    and reads again as it likes; all of it where the system does not tell them apart."""
    own = _status("RssAnon")
    return resident_mb() if own is None else own + (_status("RssShmem") or 0.0)


def peak_mb() -> float | None:
    """The most megabytes held so far; None where the system does not tell (Windows)."""
    # Before `getrusage`: on Linux that begins with the memory of the process that started this one.
    held = _status("VmHWM")
    if held is not None:
        return held
    try:
        import resource
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024 * 1024 if sys.platform == "darwin" else 1024)


def _status(name: str) -> float | None:
    try:
        lines = _STATUS.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return None
    row = next((line for line in lines if line.startswith(f"{name}:")), None)
    return None if row is None else float(row.split()[1]) / 1024


def tame_heap() -> None:
    """Has memory that is freed go back to the system. To be called once, before there are threads.

    Does something on Linux with glibc only, whose heaps else fill with holes where large blocks were.
    Whoever needs large blocks many times a second borrows them of a Lender: a block from the system costs a
    page fault for every 4 KB.
    """
    if (libc := _glibc()) is not None:
        for name, value in _MALLOPT:
            libc.mallopt(name, value)


def give_back() -> None:
    """Has the system take back what lies free between that which is in use, in whole pages: nothing else does
    before the end of a heap is free. For moments after much was freed; it takes some milliseconds.

    Does something on Linux with glibc only.
    """
    if (libc := _glibc()) is not None:
        libc.malloc_trim(0)


@cache
def _glibc() -> ctypes.CDLL | None:
    """None where there is another C library."""
    return ctypes.CDLL(None) if platform.libc_ver()[0] == "glibc" else None


class Lender:
    """Lends arrays, and lends their memory again when nobody holds them any more. Safe between threads.

    It keeps memory of one size, that of the latest array: the pictures of a source are all alike. What was
    needed in one busy moment only goes back to the system.
    """

    def __init__(self) -> None:
        self._free: deque[bytearray] = deque(maxlen=_MOST_LENT)
        self._fewest_free = _MOST_LENT  # since the last look
        self._lent = 0

    def lend(self, shape: tuple[int, ...]) -> NDArray[np.uint8]:
        """An array of that shape, with anything in it. It is the borrower's until it and all views of it
        are gone."""
        buffer = self._take(math.prod(shape))
        lent: NDArray[np.uint8] = np.ndarray(shape, np.uint8, buffer)
        weakref.finalize(lent, self._free.append, buffer).atexit = False
        return lent

    def _take(self, size: int) -> bytearray:
        self._let_go()
        while True:
            try:
                buffer = self._free.pop()
            except IndexError:
                return bytearray(size)
            if len(buffer) == size:
                return buffer

    def _let_go(self) -> None:
        """Frees, now and then, what lay there unused since the last look."""
        self._fewest_free = min(self._fewest_free, len(self._free))
        self._lent += 1
        if self._lent % _LOOK_EVERY == 0:
            with suppress(IndexError):  # another thread may take them at the same time
                for _ in range(self._fewest_free - 1):
                    self._free.popleft()  # the last one that was given back is the next one lent
            self._fewest_free = _MOST_LENT
