"""The measurements in the real window, each in a process of its own that speaks in lines of JSON.

`bench` starts itself again for them: what a window holds in memory, and how long one takes to start, is known
only of a process that does nothing else.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from app.bench.camera import HurriedClock, camera_of
from app.capture import DEMO, DEMO_CLIP, open_source
from app.errors import EXIT_DONE, EXIT_FAILED, FormcueError
from app.memory import peak_mb
from app.settings import HOME

ROOT: Final = Path(__file__).resolve().parent.parent.parent
PATIENCE: Final = 180.0  # seconds without a line, after which a window counts as stuck
STARTS: Final = 3  # with a warm cache
CACHE: Final = "XDG_CACHE_HOME"  # where Linux has a program's cache put

Line = dict[str, Any]


class WindowError(FormcueError):
    """A window that was opened to be measured did not do what it was asked."""


# ---------------------------------------------------------------- in the process that asks


def time_starts(args: argparse.Namespace, told: Callable[[], None]) -> dict[str, float | None]:
    """Seconds from the start of a new process until its window has painted the first pose.

    cold: with an empty cache; None off Linux, where a program's cache cannot be put elsewhere. warm: the
    median of some starts with a full one.
    """
    seconds = []
    with tempfile.TemporaryDirectory(prefix="formcue-bench-") as folder:
        for _ in range(STARTS + 1):
            begin = time.monotonic()
            lines = _ask("first-pose", args, {CACHE: folder})
            shown = [time.monotonic() - begin for line in lines if "pose" in line]
            if not shown:
                raise WindowError("the window was closed before it had shown a pose")
            seconds.append(shown[0])
            told()
    cold = seconds[0] if sys.platform.startswith("linux") else None
    return {"cold": cold, "warm": sorted(seconds[1:])[(len(seconds) - 1) // 2]}


def measure_window(args: argparse.Namespace) -> Line:
    """What app.ui.measured.lateness finds."""
    found: Line = {"problems": []}
    for line in _ask("window", args):
        if "problem" in line:
            found["problems"].append(line["problem"])
        elif "left" not in line:  # a sign of life
            found.update(line)
    if not found.get("results"):
        raise WindowError("the window showed no result in the time it had; is there somebody in --video?")
    return found


def live_through(args: argparse.Namespace) -> Iterator[Line]:
    """The minutes of app.ui.long_run, the seconds in between, problems, and at last the memory's peak."""
    yield from _ask("hour", args)


def _ask(part: str, args: argparse.Namespace, more: Mapping[str, str] | None = None) -> Iterator[Line]:
    """Starts the part in a process of its own and gives its lines. Raises WindowError when it fails."""
    with (
        tempfile.TemporaryDirectory(prefix="formcue-bench-") as home,
        tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as said,
    ):
        environment = {**os.environ, HOME: home, **(more or {})}
        if not args.screen:
            environment["QT_QPA_PLATFORM"] = "offscreen"
        process = subprocess.Popen(
            [*own_command(), "bench", *_arguments(args), "--inside", part],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=said,
            text=True,
            encoding="utf-8",
        )
        assert process.stdout is not None
        alarm = _Alarm(process.kill)
        try:
            for text in process.stdout:
                alarm.put_off()
                if text.startswith("{"):
                    yield json.loads(text)
            code = process.wait()
        finally:
            alarm.off()
            process.kill()
            process.wait()
            process.stdout.close()
        if code != EXIT_DONE:
            said.seek(0)
            last = (said.read().strip().splitlines() or ["it said nothing"])[-1]
            stuck = f", {PATIENCE:.0f} s without a sign of life" if alarm.rang else ""
            raise WindowError(f"the window opened for {part} ended with {code}{stuck}: {last}")


class _Alarm:
    """Calls act() unless it is put off again and again."""

    def __init__(self, act: Callable[[], object]) -> None:
        self._act = act
        self.rang = False
        self._timer: threading.Timer | None = None
        self.put_off()

    def put_off(self) -> None:
        self.off()
        self._timer = threading.Timer(PATIENCE, self._ring)
        self._timer.daemon = True
        self._timer.start()

    def off(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _ring(self) -> None:
        self.rang = True
        self._act()


def own_command() -> list[str]:
    """What starts Formcue again as it was started: the interpreter with main.py, or the packed program."""
    return [sys.executable] if getattr(sys, "frozen", False) else [sys.executable, str(ROOT / "main.py")]


def _arguments(args: argparse.Namespace) -> list[str]:
    """Those of `bench` that the process inside needs too."""
    out = ["--video", *map(str, args.video), "--device", args.device, "--runtime", args.runtime]
    out += ["--weights", args.weights, "--exercise", args.exercise, "--seconds", str(args.seconds)]
    out += ["--size", f"{args.size[0]}x{args.size[1]}"]
    out += ["--hour", str(args.hour)] if args.hour is not None else []
    return out + (["--repeat-poses"] if args.repeat_poses else [])


# ---------------------------------------------------------------- in the process that has the window


def run_inside(args: argparse.Namespace) -> int:
    """Opens the window for args.inside and says what it finds."""
    from app.ui import long_run, measured  # Qt, for those only who open a window
    from app.ui.app import Engine

    logging.getLogger().addHandler(_Tattle(logging.ERROR))
    engine = Engine(weights=args.weights, device=args.device, runtime=args.runtime)
    clips = clip_paths(args.video)
    if args.inside == "first-pose":
        return measured.first_pose(
            lambda: _say({"pose": True}), engine, video=str(clips[0]), exercise=args.exercise
        )
    if args.inside == "window":
        _say(
            measured.lateness(
                camera_of(clips),
                engine,
                exercise=args.exercise,
                seconds=args.seconds,
                size=args.size,
                told=lambda left: _say({"left": left}),
            )
        )
        return EXIT_DONE
    clock = HurriedClock()
    minutes: list[long_run.Minute] = []

    def told(minute: long_run.Minute) -> None:
        minutes.append(minute)
        _say(asdict(minute))

    code = long_run.long_run(
        camera_of(clips, clock),
        clock,
        engine,
        minutes=args.hour,
        told=told,
        alive=lambda seconds: _say({"seconds": seconds}),
        repeat=_count_frames(clips) if args.repeat_poses else 0,
    )
    _say({"peak_mb": peak_mb()})
    return code if minutes and minutes[-1].minute >= int(args.hour) else EXIT_FAILED


def _count_frames(clips: Sequence[Path]) -> int:
    """As read; what a file says of itself is a hint only."""
    count = 0
    for clip in clips:
        with open_source(str(clip)) as source:
            count += sum(1 for _ in iter(source.read, None))
    return count


class _Tattle(logging.Handler):
    """Says what goes wrong on the way: the window itself goes on, as it does for an athlete."""

    def emit(self, record: logging.LogRecord) -> None:
        _say({"problem": record.getMessage().strip().splitlines()[-1]})


def clip_paths(videos: Sequence[str]) -> list[Path]:
    return [DEMO_CLIP if video == DEMO else Path(video).expanduser() for video in videos]


def _say(line: Line) -> None:
    print(json.dumps(line), flush=True)
