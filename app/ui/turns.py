"""What the turns of the main thread's event loop cost, and which of them held the window up."""

from __future__ import annotations

import gc
import sys
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
from PySide6.QtCore import QObject, Qt, QTimer

PROBE: Final = 0.004  # seconds between the probe's own turns; what takes longer is somebody else's work
BLOCK: Final = 0.050  # seconds that a turn may last before it is felt
WORST: Final = 10  # of the blocks that are told, the longest
_APP: Final = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, kw_only=True)
class Block:
    """A turn that held the window up: milliseconds by the clock, of the processor, and of waiting for a core
    that others had (the rest: for locks; Linux tells), and what it was at."""

    at: float  # seconds from the begin
    wall: float
    cpu: float
    queued: float | None
    where: str


@dataclass(kw_only=True)
class _Spent:
    """Seconds of each turn."""

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    painted: list[bool] = field(default_factory=list)


class Turns(QObject):
    """Watches the main thread from `begin` to `end`. To be made and used in it.

    repaints: how often the picture was painted so far. A timer asks for a turn every few milliseconds: the
    time between two of its turns went to other work. By the clock this includes what other programs and
    threads took the processor for; the processor's time does not. A second thread looks where the main one is
    when it stays away, and names the function of ours.
    """

    def __init__(self, repaints: Callable[[], int]) -> None:
        super().__init__()
        self._repaints = repaints
        self._spent = _Spent()
        self._blocks: list[Block] = []
        self._collected = 0.0  # seconds of the longest garbage collection, in any thread
        self._collecting = 0.0
        self._where = ""  # the main thread is at, while it stays away
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._on_turn)
        self._stop = threading.Event()
        self._main = threading.get_ident()
        self._waits = Path(f"/proc/self/task/{threading.get_native_id()}/schedstat")

    @property
    def on(self) -> bool:
        return self._timer.isActive()

    def begin(self) -> None:
        """What came before is not measured."""
        self._begun = self._wall = time.perf_counter()
        self._cpu, self._count = time.thread_time(), self._repaints()
        self._begun_cpu, self._begun_count = self._cpu, self._count
        self._queued = self._read_queued()
        gc.callbacks.append(self._on_collection)
        threading.Thread(target=self._look, name="turns", daemon=True).start()
        self._timer.start(round(PROBE * 1000))

    def end(self) -> dict[str, Any]:
        """The figures: repaints a second of the picture, the main thread's share of a core, milliseconds of
        the turns in which the picture was painted (cpu, wall: p50, p99, max), the longest collection of
        garbage, and the blocks: how many turns took more than BLOCK by the clock and of the processor, and
        the worst of them."""
        self._timer.stop()
        self._stop.set()
        gc.callbacks.remove(self._on_collection)
        seconds = time.perf_counter() - self._begun
        painted = np.array(self._spent.painted, dtype=bool)
        wall, cpu = np.array(self._spent.wall), np.array(self._spent.cpu)
        worst = sorted(self._blocks, key=lambda block: -max(block.wall, block.cpu))[:WORST]
        return {
            "seconds": seconds,
            "repaints_a_second": (self._repaints() - self._begun_count) / seconds,
            "share_of_a_core": (time.thread_time() - self._begun_cpu) / seconds,
            "cpu_ms": _figures(cpu[painted]),
            "wall_ms": _figures(wall[painted]),
            "longest_cpu_ms": 1000 * float(cpu.max(initial=0.0)),
            "longest_wall_ms": 1000 * float(wall.max(initial=0.0)),
            "longest_collection_ms": 1000 * self._collected,
            "blocks_cpu": int((cpu > BLOCK).sum()),
            "blocks_wall": int((wall > BLOCK).sum()),
            "worst": [vars(block) for block in worst],
        }

    def _on_turn(self) -> None:
        wall, cpu, count = time.perf_counter(), time.thread_time(), self._repaints()
        away, busy = max(0.0, wall - self._wall - PROBE), cpu - self._cpu
        self._spent.wall.append(away)
        self._spent.cpu.append(busy)
        self._spent.painted.append(count != self._count)
        queued = self._read_queued()
        if max(away, busy) > BLOCK:
            at, waited = self._wall - self._begun, None
            if queued is not None and self._queued is not None:
                waited = 1000 * (queued - self._queued)
            block = Block(at=at, wall=1000 * away, cpu=1000 * busy, queued=waited, where=self._where)
            self._blocks.append(block)
        self._where, self._count, self._queued = "", count, queued
        self._wall, self._cpu = time.perf_counter(), time.thread_time()

    def _read_queued(self) -> float | None:
        """Seconds that the main thread has waited for a core so far; None where the system does not tell."""
        try:
            return int(self._waits.read_bytes().split()[1]) / 1e9
        except (OSError, IndexError, ValueError):
            return None

    def _look(self) -> None:
        """In a thread of its own: where the main thread is while it does not come back."""
        while not self._stop.wait(0.5 * BLOCK):
            if not self._where and time.perf_counter() - self._wall > 0.7 * BLOCK:
                frame = sys._current_frames().get(self._main)
                ours = [
                    f"{Path(line.filename).name}:{line.lineno} {line.name}"
                    for line in traceback.extract_stack(frame)
                    if Path(line.filename).is_relative_to(_APP)
                ]
                self._where = " < ".join(reversed(ours[-4:])) or "Qt"

    def _on_collection(self, phase: str, _info: dict[str, int]) -> None:
        if phase == "start":
            self._collecting = time.perf_counter()
        else:
            self._collected = max(self._collected, time.perf_counter() - self._collecting)


def _figures(seconds: np.ndarray) -> dict[str, float]:
    if not seconds.size:
        return {}
    return {
        **{f"p{q}": 1000 * float(np.percentile(seconds, q)) for q in (50, 99)},
        "max": 1000 * float(seconds.max()),
    }
