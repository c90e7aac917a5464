"""Memory goes back to where it came from: lent pictures to their lender, what is freed to the system."""

from __future__ import annotations

import platform
import subprocess
import sys
import tracemalloc

import numpy as np
import pytest

from app.memory import Lender


def place(array: np.ndarray) -> int:
    return array.ctypes.data


def test_what_nobody_holds_is_lent_again() -> None:
    lender = Lender()
    first = lender.lend((4, 6, 3))
    assert (first.shape, first.dtype) == ((4, 6, 3), np.uint8)
    second = lender.lend((4, 6, 3))
    places = {place(first), place(second)}
    assert len(places) == 2
    del first, second
    again = [lender.lend((4, 6, 3)) for _ in range(2)]
    assert {place(array) for array in again} == places


def test_a_view_of_it_is_enough_to_hold_it() -> None:
    lender = Lender()
    lent = lender.lend((4, 6, 3))
    lent[:] = 7
    corner = lent[1:3].reshape(-1)[::2].view()
    del lent
    lender.lend((4, 6, 3))[:] = 9
    assert (corner == 7).all()


def test_another_size_leaves_nothing_of_the_one_before() -> None:
    lender = Lender()
    tracemalloc.start()
    try:
        lent = [lender.lend((1 << 20,)) for _ in range(3)]
        assert tracemalloc.get_traced_memory()[0] > 3 << 20
        del lent
        lender.lend((8, 8, 3))
        assert tracemalloc.get_traced_memory()[0] < 1 << 20
    finally:
        tracemalloc.stop()


def test_what_only_a_busy_moment_needed_goes_back() -> None:
    lender = Lender()
    tracemalloc.start()
    try:
        lent = [lender.lend((1 << 20,)) for _ in range(9)]
        del lent
        two = [lender.lend((1 << 20,)) for _ in range(2)]
        for _ in range(600):
            two = [two[1], lender.lend((1 << 20,))]
        assert tracemalloc.get_traced_memory()[0] < 5 << 20
    finally:
        tracemalloc.stop()


glibc = pytest.mark.skipif(
    platform.libc_ver()[0] != "glibc", reason="another C library, which has its own ways"
)


@glibc
def test_large_blocks_go_back_to_the_system() -> None:
    """Also after others like them were freed, from which glibc learns to keep them in its heaps."""
    code = (
        "import ctypes\n"
        "from app.memory import tame_heap\n"
        "tame_heap()\n"
        "libc = ctypes.CDLL(None)\n"
        "libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]\n"
        "libc.free.argtypes = [ctypes.c_void_p]\n"
        "class Info(ctypes.Structure):\n"
        "    _fields_ = [(name, ctypes.c_size_t) for name in 'arena ordblks smblks hblks hblkhd'.split()]\n"
        "    _fields_ += [(f'more_{place}', ctypes.c_size_t) for place in range(5)]\n"
        "libc.mallinfo2.restype = Info\n"
        "libc.free(libc.malloc(8 << 20))\n"
        "before = libc.mallinfo2().hblkhd\n"
        "block = libc.malloc(4 << 20)\n"
        "print(libc.mallinfo2().hblkhd - before >= 4 << 20)\n"
        "libc.free(block)\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "True"


@glibc
def test_what_is_free_between_what_is_in_use_goes_back_when_asked() -> None:
    code = (
        "import ctypes\n"
        "from app.memory import give_back, own_mb, tame_heap\n"
        "tame_heap()\n"
        "libc = ctypes.CDLL(None)\n"
        "libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]\n"
        "libc.memset.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t]\n"
        "libc.free.argtypes = [ctypes.c_void_p]\n"
        "blocks = []\n"
        "for _ in range(800):\n"
        "    blocks.append(libc.malloc(100_000))\n"
        "    libc.memset(blocks[-1], 1, 100_000)\n"
        "full = own_mb()\n"
        "for block in blocks[::2]:\n"
        "    libc.free(block)\n"
        "freed = own_mb()\n"
        "give_back()\n"
        "print(full - freed < 5, freed - own_mb() > 30)\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "True True"
