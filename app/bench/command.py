"""`bench`: what a step costs and where, how late the window is, what it holds; beside MediaPipe if wanted."""

from __future__ import annotations

import argparse
import os
import platform
import re
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from statistics import median
from typing import Any, Final

import numpy as np
from tqdm import tqdm

from app.bench import steps, windows
from app.bench.peer import MediaPipe
from app.bench.table import hour_table, table
from app.bench.targets import growth, targets_of
from app.capture import DEMO, check_source
from app.commands import add_exercise_argument, add_runtime_arguments, choose_exercise, load_estimator
from app.errors import EXIT_DONE, EXIT_FAILED, UsageError
from app.files import check_writable, write_json
from app.memory import peak_mb

SCHEMA: Final = 2
PARTS: Final = ("step", "rules", "people", "network", "start", "window")
CROWD_FRAMES: Final = 60  # that are tiled with people
RULE_FRAMES: Final = 300  # that many rules are timed on, at most


def add_parser(commands: Any) -> None:
    """Adds `bench` to the sub-parsers of the main argument parser."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "bench",
        help="measure the speed of every part, how late the window is, and its memory",
        description="Times the step and its parts on videos, many rules and many people, the networks alone, "
        "the start, and how late the real window shows what it found; each window is opened out of sight in "
        "a process of its own. --hour runs an hour of workouts in the window instead and watches its memory.",
    )
    parser.add_argument("--video", nargs="+", metavar="FILE", default=[DEMO], help="default: the demo clip")
    add_exercise_argument(parser)
    add_runtime_arguments(parser)
    parser.add_argument("--only", nargs="+", choices=PARTS, metavar="PART", help=f"of {', '.join(PARTS)}")
    parser.add_argument(
        "--frames", type=int, default=600, metavar="N", help="of each video, at most (default: 600)"
    )
    parser.add_argument(
        "--seconds", type=float, default=20.0, metavar="N", help="the window is measured (default: 20)"
    )
    parser.add_argument("--size", type=_size, default=(1280, 720), metavar="WxH", help="of the window")
    parser.add_argument("--screen", action="store_true", help="open the windows on the screen")
    parser.add_argument("--cores", type=int, metavar="N", help="use so many processor cores only (Linux)")
    parser.add_argument("--vs", choices=("mediapipe",), help="time this peer on the same videos, in turns")
    parser.add_argument("--peer-python", metavar="PATH", help="an interpreter that has the peer installed")
    parser.add_argument(
        "--hour",
        nargs="?",
        type=float,
        const=60.0,
        metavar="MINUTES",
        help="live through an hour of workouts as fast as it goes (or so many minutes), and nothing else; "
        "growth is how far its memory (programs' and fonts' files left out) in the last whole workout of a "
        "look is above that in the first, the median of the looks, once a workout was done and every page "
        "was seen",
    )
    parser.add_argument(
        "--repeat-poses",
        action="store_true",
        help="with --hour: the network looks at each frame of the videos once, then its poses come again",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures")
    # What a process that `bench` started is to measure.
    parser.add_argument("--inside", choices=("first-pose", "window", "hour"), help=argparse.SUPPRESS)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Measures and prints a table. Raises FormcueError for a video, weights or peer that cannot be used."""
    args.exercise = args.exercise or "squat"
    if args.inside:
        return windows.run_inside(args)
    _check(args)
    if args.cores:
        _use_cores(args.cores)
    if args.hour is not None:
        return _run_hour(args)
    report = _measure(args, args.only or PARTS)
    print(table(report))
    if args.json:
        write_json(args.json, report)
    return EXIT_DONE


def _check(args: argparse.Namespace) -> None:
    """Before anything is measured: a mistake at the end of five minutes annoys."""
    if args.frames < 2 * steps.WARM:
        raise UsageError(f"--frames {args.frames}: expected {2 * steps.WARM} or more")
    if not args.seconds > 0:
        raise UsageError(f"--seconds {args.seconds:g}: expected a time above 0")
    if args.hour is not None and not args.hour >= 6:
        raise UsageError(f"--hour {args.hour:g}: expected 6 minutes or more; what comes before is warming up")
    if args.vs and not args.peer_python:
        raise UsageError(f"--vs {args.vs}: give --peer-python PATH, an interpreter that has {args.vs}")
    if args.cores is not None and not 1 <= args.cores <= len(_allowed_cores()):
        raise UsageError(f"--cores {args.cores}: expected 1 to {len(_allowed_cores())}")
    for video in args.video:
        if video.strip().isdigit():
            raise UsageError(f"--video {video}: expected a file, for the same frames every time")
        check_source(video)
    choose_exercise(args.exercise)
    if args.json:
        check_writable(args.json)


def _measure(args: argparse.Namespace, parts: Sequence[str]) -> dict[str, Any]:
    report: dict[str, Any] = {"schema": SCHEMA, "machine": _machine(), "videos": args.video}
    exercise = choose_exercise(args.exercise)
    with tqdm(total=len(parts), unit="part", disable=not sys.stderr.isatty(), leave=False) as bar:

        def begins(part: str) -> None:
            bar.set_description(part)

        # The windows first: nothing that this process holds or leaves running is in their way.
        if "start" in parts:
            begins("start")
            report["start"] = windows.time_starts(args, told=bar.refresh)
            bar.update()
        if "window" in parts:
            begins("window")
            report["window"] = _window(windows.measure_window(args))
            bar.update()
        with ExitStack() as stack:
            peer = stack.enter_context(MediaPipe(args.peer_python)) if args.vs else None
            if set(parts) - {"start", "window"}:
                begins("loading")
                estimator, report["model"] = load_estimator(args)
            if {"step", "rules"} & set(parts):
                begins("step")
                timed = steps.time_steps(
                    estimator, exercise, args.video, most=args.frames, peer=peer, told=lambda _: bar.refresh()
                )
                if "step" in parts:
                    report["step"] = _step(timed, peer.name if peer is not None else "")
                    bar.update()
        if "rules" in parts:
            begins("rules")
            report["rules"] = {
                str(count): _rules(count, steps.time_rules(exercise, timed.measured[:RULE_FRAMES], count))
                for count in steps.RULE_COUNTS
            }
            bar.update()
        if "people" in parts:
            begins("people")
            frames = steps.read_frames(args.video[0], min(args.frames, CROWD_FRAMES))
            report["people"] = {
                str(people): _crowd(steps.time_people(estimator, frames, people)) for people in steps.PEOPLE
            }
            bar.update()
        if "network" in parts:
            begins("network")
            on_gpu, runtime = report["model"]["device"] != "cpu", estimator.runtime
            report["network"] = {
                str(batch): _network(batch, steps.time_network(runtime.pose_maps, runtime.input_size, batch))
                for batch in (steps.BATCHES if on_gpu else steps.BATCHES[:1])
            }
            report["finder"] = _network(1, steps.time_network(runtime.finder_maps, runtime.finder_size, 1))
            bar.update()
    report["targets"] = targets_of(report)
    return report


def _run_hour(args: argparse.Namespace) -> int:
    """Exit code 1 when the memory grew by more than is allowed, or anything went wrong on the way."""
    lines: list[dict[str, Any]] = []
    problems: list[str] = []
    peak, done = None, 0
    with tqdm(total=round(args.hour * 60), unit="s", disable=not sys.stderr.isatty(), leave=False) as bar:
        for line in windows.live_through(args):
            if "minute" in line:
                lines.append(line)
                bar.set_postfix_str(f"{line['own_mb'] or 0:.0f} MB")
            elif "problem" in line:
                problems.append(line["problem"])
            elif "seconds" in line:
                done += (passed := round(line["seconds"]) - done)
                bar.update(passed)
            else:
                peak = line["peak_mb"]
    hour = {"minutes": lines, "peak_mb": peak, "growth": growth(lines), "problems": problems}
    report = {"schema": SCHEMA, "machine": _machine(), "videos": args.video, "hour": hour}
    report["targets"] = targets_of(report)
    print(hour_table(report))
    if args.json:
        write_json(args.json, report)
    fine = not problems and all(target["holds"] for target in report["targets"])
    return EXIT_DONE if fine else EXIT_FAILED


# ---------------------------------------------------------------- figures


def _step(timed: steps.Steps, peer: str) -> dict[str, Any]:
    whole = timed.milliseconds[steps.WHOLE]
    out = {
        "frames": timed.frames,
        "found": timed.found,
        "milliseconds": {part: quantiles(values) for part, values in timed.milliseconds.items()},
        "frames_per_second": 1000 / float(np.mean(whole)),
        "processor_ms": timed.processor,
        "peak_mb": peak_mb(),
    }
    if timed.peer:
        out["peer"] = {
            "name": peer,
            "milliseconds": quantiles(timed.peer),
            "frames_per_second": 1000 / float(np.mean(timed.peer)),
            "processor_ms": timed.peer_processor,
            "ratio": median(timed.peer) / median(whole),
        }
    return out


def _rules(count: int, spent: Sequence[float]) -> dict[str, float]:
    return {**quantiles(spent), "rules_per_millisecond": count / max(median(spent), 1e-9)}


def _crowd(crowd: steps.Crowd) -> dict[str, Any]:
    return {"step": quantiles(crowd.step), "finding": median(crowd.finding), "found": crowd.found}


def _network(batch: int, spent: Sequence[float]) -> dict[str, float]:
    return {**quantiles(spent), "pictures_per_second": 1000 * batch / median(spent)}


def _window(found: dict[str, Any]) -> dict[str, Any]:
    late = {name: quantiles(found[name]) for name in ("results", "prompts", "pictures") if found[name]}
    rest = {name: value for name, value in found.items() if name not in ("results", "prompts", "pictures")}
    return {"milliseconds": late, "prompts": len(found["prompts"]), **rest}


def quantiles(values: Sequence[float]) -> dict[str, float]:
    return {f"p{q}": float(np.percentile(values, q)) for q in (50, 95, 99)}


# ---------------------------------------------------------------- the machine


def _size(text: str) -> tuple[int, int]:
    found = re.fullmatch(r"(\d{3,4})x(\d{3,4})", text)
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r}: expected a size such as 1280x720")
    return int(found[1]), int(found[2])


def _allowed_cores() -> set[int]:
    with suppress(AttributeError):
        return os.sched_getaffinity(0)  # type: ignore[attr-defined,no-any-return,unused-ignore]
    return set(range(os.cpu_count() or 1))


def _use_cores(count: int) -> None:
    """This process and all that it starts. Raises UsageError where the system cannot."""
    pin: Callable[[int, Sequence[int]], None] | None = getattr(os, "sched_setaffinity", None)
    if pin is None:
        raise UsageError("--cores: this system cannot keep a program to some cores; leave it out")
    pin(0, sorted(_allowed_cores())[:count])


def _machine() -> dict[str, Any]:
    return {
        "processor": _processor(),
        "cores": len(_allowed_cores()),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
    }


def _processor() -> str:
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
