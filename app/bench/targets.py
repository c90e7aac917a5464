"""What is asked of Formcue's speed on a machine with two cores, and whether a report shows it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean, median
from typing import Any, Final

FASTER_THAN_PEER: Final = 2.0  # times
LATEST_RESULT: Final = 60.0  # milliseconds, capture to prompt, median
LONGEST_START: Final = 4.0  # seconds to the first pose, warm cache
LEAST_REPAINTS: Final = 30.0  # of the picture, a second
LONGEST_TURN: Final = 50.0  # milliseconds of the main thread, by the clock
MOST_MEMORY: Final = 900.0  # megabytes, with the 3D view
GPU_NETWORK: Final = 2.0  # milliseconds, one picture
MOST_GROWTH: Final = 0.05  # of the memory, in an hour

Report = Mapping[str, Any]


def targets_of(report: Report) -> list[dict[str, Any]]:
    """One entry for each target that the report has a figure for: name, limit, value, unit, holds."""
    step, start, window = report.get("step", {}), report.get("start", {}), report.get("window", {})
    hour, network = report.get("hour", {}), report.get("network", {})
    on_gpu = report.get("model", {}).get("device", "cpu") != "cpu"
    alone = network.get("1", {}).get("p50")
    late = window.get("milliseconds", {}).get("results", {})
    turns = window.get("turns", {})
    found = [
        _at_most("capture to prompt, median", late.get("p50"), LATEST_RESULT, "ms"),
        _at_most("longest turn of the main thread", turns.get("longest_wall_ms"), LONGEST_TURN, "ms"),
        _at_most("start to first pose, warm cache", start.get("warm"), LONGEST_START, "s"),
        _at_most("memory of the window, peak", window.get("peak_mb", hour.get("peak_mb")), MOST_MEMORY, "MB"),
        _at_most("network on the GPU, one picture", alone if on_gpu else None, GPU_NETWORK, "ms"),
        _at_most("growth of memory", hour.get("growth"), MOST_GROWTH, ""),
    ]
    repaints = turns.get("repaints_a_second")
    if repaints is not None:
        name = "repaints of the picture a second"
        found.append(_target(name, repaints, LEAST_REPAINTS, "", round(repaints, 1) >= LEAST_REPAINTS))
    ratio = step.get("peer", {}).get("ratio")
    if ratio is not None:
        name = f"times as fast as {step['peer']['name']}"
        found.insert(0, _target(name, ratio, FASTER_THAN_PEER, "", ratio >= FASTER_THAN_PEER))
    return [target for target in found if target is not None]


def _at_most(name: str, value: float | None, limit: float, unit: str) -> dict[str, Any] | None:
    return None if value is None else _target(name, value, limit, unit, value <= limit)


def _target(name: str, value: float, limit: float, unit: str, holds: bool) -> dict[str, Any]:
    return {"name": name, "value": value, "limit": limit, "unit": unit, "holds": holds}


def growth(minutes: Sequence[Mapping[str, Any]]) -> float | None:
    """By what share the memory at the end of a long run is above that at its beginning, like with like.

    Each look comes again every few workouts. What was held in its last workout is divided by what was held in
    its first warm one (means over their minutes); the growth is the median of the looks. See app.ui.long_run.
    The workout that the end of the run cuts short is not compared: it had not all shapes of the window.
    None when no look came twice, or the system does not tell.
    """
    whole = minutes[-1]["workouts"] - 1 if minutes else 0  # in the last line it counts as done
    held: dict[int, dict[int, list[float]]] = {}  # by look and workout
    for minute in minutes:
        if minute["own_mb"] is None:
            return None
        if minute["warm"] and minute["workouts"] < whole:
            of_look = held.setdefault(minute["look"], {})
            of_look.setdefault(minute["workouts"], []).append(minute["own_mb"])
    ratios = [
        fmean(workouts[max(workouts)]) / fmean(workouts[min(workouts)])
        for workouts in held.values()
        if len(workouts) > 1
    ]
    return median(ratios) - 1.0 if ratios else None
