"""How much memory this process holds."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

_STATUS: Final = Path("/proc/self/status")


def resident_mb() -> float | None:
    """Megabytes held now. Off Linux the most that was ever held; None where the system does not tell."""
    return _status("VmRSS") or peak_mb()


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
