"""`bench`: how long a step takes and where the time goes, beside MediaPipe on the same video if wanted.

Everything is timed on one real video, frame after frame, through the parts' public surface: the networks
inside a runtime that keeps a stop-watch, the other parts one after the other on the poses found.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np

from app.capture import DEMO, DEMO_CLIP, Frame, open_source
from app.commands import add_exercise_argument, add_runtime_arguments, choose_exercise, load_estimator
from app.errors import EXIT_DONE, FormcueError, UsageError
from app.files import check_writable, write_json
from app.parameters import Measurement, Measurer
from app.reps import Rep, RepCounter
from app.rules import Exercise, RuleEngine
from app.skeleton import FloatArray, Pose
from app.training.answers import ask_peer

SCHEMA: Final = 1
WARM: Final = 10  # frames that are not counted: caches fill, the processor speeds up
RULE_COUNTS: Final = (10, 100, 1000)
# What a new process does up to its first pose; it prints when it has one.
_FIRST_POSE: Final = """
import argparse, sys
from app.capture import open_source
from app.commands import load_estimator
source = open_source(sys.argv[1])
frame = source.read()
weights, device, runtime = sys.argv[2:]
estimator, _ = load_estimator(argparse.Namespace(weights=weights, device=device, runtime=runtime))
while frame is not None and estimator.estimate(frame) is None:
    frame = source.read()
print("pose" if frame is not None else "nobody", flush=True)
"""


@dataclass(eq=False)
class StopWatch:
    """Milliseconds by part of the step."""

    spent: dict[str, list[float]] = field(default_factory=dict)

    def time(self, part: str, work: Callable[[], Any]) -> Any:
        """Does the work and books its time; gives back what the work gives."""
        start = time.perf_counter()
        result = work()
        self.spent.setdefault(part, []).append((time.perf_counter() - start) * 1000)
        return result


@dataclass(frozen=True, eq=False)
class TimedMaps:
    """One network's maps, timed. Per frame: a frame may need the network more than once, or not at all."""

    maps: Callable[[FloatArray], FloatArray]
    this_frame: list[float]

    def __call__(self, batch: FloatArray) -> FloatArray:
        start = time.perf_counter()
        result = self.maps(batch)
        self.this_frame.append((time.perf_counter() - start) * 1000)
        return result


def add_parser(commands: Any) -> None:
    """Adds `bench` to the sub-parsers of the main argument parser."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "bench",
        help="measure the speed of every part of a step",
        description="Times every part of a step on a video, the start-up, the memory and the rules.",
    )
    parser.add_argument("--video", metavar="FILE", default=DEMO, help="default: the demo clip")
    add_exercise_argument(parser)
    add_runtime_arguments(parser)
    parser.add_argument("--frames", type=int, default=600, metavar="N", help="at most (default: 600)")
    parser.add_argument("--vs", choices=("mediapipe",), help="time this peer on the same video too")
    parser.add_argument("--peer-python", metavar="PATH", help="an interpreter that has the peer installed")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Measures and prints a table. Raises FormcueError for a video, weights or peer that cannot be used."""
    if args.frames < 2 * WARM:
        raise UsageError(f"--frames {args.frames}: expected {2 * WARM} or more")
    if args.vs and not args.peer_python:
        raise UsageError(f"--vs {args.vs}: give --peer-python PATH, an interpreter that has {args.vs}")
    if args.json:
        check_writable(args.json)
    exercise = choose_exercise(args.exercise or "squat")
    frames = _frames(args.video, args.frames)
    start_seconds = time_to_first_pose(args)
    estimator, model = load_estimator(args)
    watch = StopWatch()
    poses = _time_estimator(estimator, frames, watch)
    measurements = _time_movement(exercise, frames, poses, watch)
    report: dict[str, Any] = {
        "schema": SCHEMA,
        "machine": _machine(),
        "model": model,
        "video": {"path": args.video, "frames": len(frames), "found": sum(p is not None for p in poses)},
        "milliseconds": {part: _quantiles(values) for part, values in watch.spent.items()},
        "frames_per_second": 1000 / float(np.mean(watch.spent["whole step"])),
        "first_pose_seconds": start_seconds,
        "peak_memory_mb": _peak_memory(),
        "rules_milliseconds": {n: time_rules(exercise, measurements, n) for n in RULE_COUNTS},
    }
    if args.vs:
        report["peer"] = _time_peer(args.peer_python, args.video, len(frames))
    print(table(report))
    if args.json:
        write_json(args.json, report)
    return EXIT_DONE


def table(report: dict[str, Any]) -> str:
    """The report for people."""
    machine, model = report["machine"], report["model"]
    lines = [
        f"{machine['processor']}, {machine['cores']} cores, {machine['system']}, Python {machine['python']}",
        f"{model['name']} with {model['runtime']} on {model['device']}; {report['video']['path']}, "
        f"{report['video']['frames']} frames, somebody in {report['video']['found']}",
        "",
        f"{'milliseconds':<26}{'p50':>8}{'p95':>8}{'p99':>8}",
    ]
    for part, row in report["milliseconds"].items():
        lines.append(f"{part:<26}{row['p50']:>8.2f}{row['p95']:>8.2f}{row['p99']:>8.2f}")
    peer = report.get("peer")
    if peer:
        row = peer["milliseconds"]
        lines.append(f"{peer['name']:<26}{row['p50']:>8.2f}{row['p95']:>8.2f}{row['p99']:>8.2f}")
    lines += ["", f"{'frames a second':<26}{report['frames_per_second']:>8.1f}"]
    if peer:
        lines.append(f"{peer['name']:<26}{peer['frames_per_second']:>8.1f}")
    lines.append(f"{'start to first pose':<26}{report['first_pose_seconds']:>8.1f} s")
    if report["peak_memory_mb"] is not None:
        lines.append(f"{'memory at its peak':<26}{report['peak_memory_mb']:>8.0f} MB")
    for count, spent in report["rules_milliseconds"].items():
        lines.append(f"{f'{count} rules, one frame':<26}{spent:>8.2f} ms")
    return "\n".join(lines)


# ---------------------------------------------------------------- the parts


def _frames(video: str, most: int) -> list[Frame]:
    """Decoded beforehand: reading a file is not part of the step."""
    frames: list[Frame] = []
    with open_source(video) as source:
        if source.live:
            raise UsageError(f"--video {video}: expected a file, for the same frames every time")
        while len(frames) < most and (frame := source.read()) is not None:
            frames.append(frame)
    if len(frames) < 2 * WARM:
        raise UsageError(f"--video {video}: {len(frames)} frames, expected {2 * WARM} or more")
    return frames


def _time_estimator(estimator: Any, frames: Sequence[Frame], watch: StopWatch) -> list[Pose | None]:
    """Books "network" and "around the network": cropping, reading the maps, following, smoothing."""
    networks: list[float] = []
    timed = replace(
        estimator.runtime,
        pose_maps=TimedMaps(estimator.runtime.pose_maps, networks),
        finder_maps=TimedMaps(estimator.runtime.finder_maps, networks),
    )
    estimator = type(estimator)(timed)
    poses: list[Pose | None] = []
    for frame in frames:
        networks.clear()
        start = time.perf_counter()
        poses.append(estimator.estimate(frame))
        whole = (time.perf_counter() - start) * 1000
        if len(poses) > WARM:
            watch.spent.setdefault("network", []).append(sum(networks))
            watch.spent.setdefault("around the network", []).append(whole - sum(networks))
    return poses


def _time_movement(
    exercise: Exercise, frames: Sequence[Frame], poses: Sequence[Pose | None], watch: StopWatch
) -> list[tuple[float, Measurement | None]]:
    """Books "parameters", "repetitions", "rules" and, with the estimator's own, "whole step"."""
    measurer, counter, engine = Measurer(), RepCounter(exercise.counting), RuleEngine(exercise)
    kept: list[tuple[float, Measurement | None]] = []
    parts = ("parameters", "repetitions", "rules")
    for frame, pose in zip(frames, poses, strict=True):
        when = frame.time
        measurement = watch.time("parameters", partial(measurer.step, pose, when))
        ended = watch.time("repetitions", partial(counter.step, when, measurement))
        watch.time("rules", partial(engine.step, when, measurement, counter.phase, ended))
        kept.append((when, measurement))
    for part in parts:
        del watch.spent[part][:WARM]
    columns = [watch.spent[part] for part in ("network", "around the network", *parts)]
    watch.spent["whole step"] = [sum(row) for row in zip(*columns, strict=True)]
    return kept


def time_rules(
    exercise: Exercise, measurements: Sequence[tuple[float, Measurement | None]], count: int
) -> float:
    """Median milliseconds a frame with `count` rules, the exercise's own over and over."""
    rules = tuple(
        replace(
            exercise.rules[i % len(exercise.rules)], id=f"{exercise.rules[i % len(exercise.rules)].id}_{i}"
        )
        for i in range(count)
    )
    many = replace(exercise, rules=rules)
    counter, engine = RepCounter(many.counting), RuleEngine(many)
    spent = []
    for when, measurement in measurements[:300]:
        ended: list[Rep | Any] = list(counter.step(when, measurement))
        start = time.perf_counter()
        engine.step(when, measurement, counter.phase, ended)
        spent.append((time.perf_counter() - start) * 1000)
    return float(np.median(spent))


def time_to_first_pose(args: argparse.Namespace) -> float:
    """Seconds from the start of a new process to its first pose, with a warm cache: the better of two."""
    root = Path(__file__).resolve().parent.parent.parent
    command = [sys.executable, "-c", _FIRST_POSE, args.video, args.weights, args.device, args.runtime]
    spent = []
    for _ in range(2):
        start = time.perf_counter()
        done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
        spent.append(time.perf_counter() - start)
        if done.returncode:
            last = (done.stderr.strip().splitlines() or ["no message"])[-1]
            raise FormcueError(f"a new process found no pose: {last}")
    return min(spent)


def _time_peer(python: str, video: str, frames: int) -> dict[str, Any]:
    """MediaPipe following through the same video, in its own interpreter, on its own call alone."""
    path = DEMO_CLIP if video == DEMO else Path(video)
    name, answers = ask_peer(python, [path])
    spent = list(map(float, answers[0].milliseconds[WARM:frames]))
    return {
        "name": name,
        "milliseconds": _quantiles(spent),
        "frames_per_second": 1000 / float(np.mean(spent)),
    }


# ---------------------------------------------------------------- figures


def _quantiles(values: Sequence[float]) -> dict[str, float]:
    return {f"p{q}": float(np.percentile(values, q)) for q in (50, 95, 99)}


def _machine() -> dict[str, Any]:
    try:
        cores = len(os.sched_getaffinity(0))  # type: ignore[attr-defined,unused-ignore]
    except AttributeError:
        cores = os.cpu_count() or 1
    return {
        "processor": _processor(),
        "cores": cores,
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
    }


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _peak_memory() -> float | None:
    """Megabytes that this process held at most; None where the system does not tell."""
    try:
        import resource
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024 * 1024 if sys.platform == "darwin" else 1024)
