"""`analyze`: one exercise video, or recorded pose file, to one JSON file; every frame is looked at."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import tempfile
import threading
import time
from array import array
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any, Final, Self

import cv2
import numpy as np
from tqdm import tqdm

from app.capture import Source, open_source
from app.commands import (
    add_adjust_arguments,
    add_exercise_argument,
    add_language_argument,
    add_runtime_arguments,
    adjusted,
    choose_exercise,
    load_estimator,
)
from app.errors import EXIT_DONE, EXIT_FAILED, FormcueError, UsageError
from app.files import OutputError, check_writable, json_pieces, replacing
from app.overlay import Image, draw_result
from app.pipeline import Event, Pipeline, StepResult
from app.recording import RecordedFrame, Recording, is_recording, load_recording, recording_writer
from app.reps import Hold, Rep
from app.rules import Prompt
from app.skeleton import Joint, Pose

SCHEMA: Final = 1
Clock = Callable[[], float]


def add_parser(commands: Any) -> None:
    """Adds `analyze` to the sub-parsers of the main argument parser."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "analyze",
        help="count and judge the repetitions of a video",
        description="Counts and judges the repetitions of a video, looking at every frame, and writes JSON.",
    )
    parser.add_argument("video", metavar="VIDEO", help='a video file, a recorded pose file, or "demo"')
    add_exercise_argument(parser, required=True)
    parser.add_argument("--out", metavar="FILE.json", type=Path, required=True, help="where the result goes")
    parser.add_argument("--frames", action="store_true", help="also joints and parameters of every frame")
    parser.add_argument(
        "--overlay", metavar="FILE.mp4", type=Path, help="also the video with the skeleton drawn"
    )
    parser.add_argument(
        "--record", metavar="FILE.poses.gz", type=Path, help="also the poses, to analyze again"
    )
    add_adjust_arguments(parser)
    add_language_argument(parser)
    add_runtime_arguments(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Does the work of the command. Raises FormcueError; nothing is left half-written."""
    exercise = adjusted(choose_exercise(args.exercise), args)
    outputs = [path for path in (args.out, args.overlay, args.record) if path is not None]
    for path in outputs:
        check_writable(path)
    if args.overlay is not None and args.overlay.suffix.lower() != ".mp4":
        raise UsageError(f"{args.overlay}: the overlay is an MP4 video; give it a name that ends in .mp4")
    places = [path.resolve() for path in outputs]
    if Path(args.video).resolve() in places or len(set(places)) < len(places):
        raise UsageError("each output must be a file of its own, and not the video")

    with ExitStack() as stack:
        stack.enter_context(_terminable())
        recording = load_recording(Path(args.video)) if is_recording(Path(args.video)) else None
        if recording is not None:
            if not recording.frames:
                raise UsageError(f"{args.video}: holds no frames; record it again")
            pipeline = Pipeline(None, exercise, language=args.language)
            model = {"name": None, "sha256": None, **(recording.model or {}), "device": None, "runtime": None}
            source = _described(args.video, recording)
            total: int | None = len(recording.frames)
        else:
            video = stack.enter_context(open_source(args.video))
            if video.live:
                raise UsageError(f"{args.video}: is a camera; analyze takes a video or a recorded pose file")
            estimator, model = load_estimator(args)
            pipeline = Pipeline(estimator, exercise, language=args.language)
            source, total = _described(args.video, video), video.frame_count

        out = stack.enter_context(replacing(args.out))
        tally = stack.enter_context(Tally(with_frames=args.frames, folder=out.parent))
        steps = (
            recorded_steps(pipeline, recording, tally)
            if recording is not None
            else video_steps(pipeline, video, tally)
        )
        record = None
        if args.record is not None:
            record = stack.enter_context(recording_writer(args.record, **_about(source, model)))
        writer = None
        if args.overlay is not None:
            temporary = stack.enter_context(replacing(args.overlay))
            writer = stack.enter_context(_OverlayWriter(args.overlay, temporary, source))
        for result in tqdm(steps, total=total, unit="frame", disable=not sys.stderr.isatty(), leave=False):
            tally.add(result)
            if record is not None:
                record(RecordedFrame(time=result.time, pose=result.pose))
            if writer is not None:
                writer.write(result)
        tally.add_events(pipeline.finish())
        if writer is not None:
            writer.finish()
        document = tally.document(source=source, model=model, pipeline=pipeline)
        with out.open("w", encoding="utf-8") as file:
            file.writelines(json_pieces(document))
    print(tally.summary(pipeline))
    return EXIT_DONE


def video_steps(
    pipeline: Pipeline, source: Source, tally: Tally, *, clock: Clock = time.perf_counter
) -> Iterator[StepResult]:
    """Steps through every frame of a source. Only the time inside Pipeline.step is measured."""
    while (frame := source.read()) is not None:
        start = clock()
        result = pipeline.step(frame)
        tally.seconds.append(clock() - start)
        yield result


def recorded_steps(
    pipeline: Pipeline, recording: Recording, tally: Tally, *, clock: Clock = time.perf_counter
) -> Iterator[StepResult]:
    """Steps through the poses of a recording."""
    for recorded in recording.frames:
        start = clock()
        result = pipeline.step_pose(recorded.time, recorded.pose)
        tally.seconds.append(clock() - start)
        yield result


class Tally:
    """Gathers what the steps bring, as the values of the JSON (design: "Contracts other programs rely on").

    with_frames: also what is known of every frame; it waits in a file without a name in `folder`, for a video
    may last hours. Leaving the context removes it. seconds: time spent in each step.
    """

    def __init__(self, *, with_frames: bool = False, folder: Path | None = None) -> None:
        self.seconds = array("d")
        self._reps: list[dict[str, Any]] = []
        self._holds: list[dict[str, Any]] = []
        self._prompts: list[dict[str, Any]] = []
        self._frames: IO[str] | None = None
        if with_frames:
            self._frames = tempfile.TemporaryFile("w+", encoding="utf-8", dir=folder)  # noqa: SIM115
        self._count = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._frames is not None:
            self._frames.close()

    def add(self, result: StepResult) -> None:
        self._count += 1
        self.add_events(result.events)
        if self._frames is None:
            return
        measurement = result.measurement
        frame = {
            "t": _rounded(result.time, 4),
            "view": None if measurement is None else measurement.view,
            "phase": result.phase,
            "joints": joints_as_json(result.pose),
            "parameters": {}
            if measurement is None
            else {name: _rounded(value, 3) for name, value in measurement.values.items()},
        }
        self._frames.write(f"{json.dumps(frame)}\n")

    def add_events(self, events: tuple[Event, ...]) -> None:
        for event in events:
            if isinstance(event, Rep):
                self._reps.append(
                    {
                        "start": _rounded(event.start, 3),
                        "turn": _rounded(event.turn, 3),
                        "end": _rounded(event.end, 3),
                        "side": event.side,
                        "range": _rounded(event.range, 1),
                        "valid": event.valid,
                    }
                )
            elif isinstance(event, Hold):
                self._holds.append({"start": _rounded(event.start, 3), "end": _rounded(event.end, 3)})
            elif isinstance(event, Prompt):
                self._prompts.append(
                    {
                        "t": _rounded(event.t, 3),
                        "rule": event.rule,
                        "rep": event.rep,
                        "severity": event.severity,
                        "text": event.text,
                        "parameter": event.parameter,
                        "value": _rounded(event.value, 3),
                        "limit": _rounded(event.limit, 3),
                    }
                )

    def document(
        self, *, source: Mapping[str, Any], model: Mapping[str, Any], pipeline: Pipeline
    ) -> dict[str, Any]:
        """The whole JSON; "frames" is an iterator, to be written once."""
        document: dict[str, Any] = {
            "schema": SCHEMA,
            "source": {**source, "frames": self._count},
            "model": dict(model),
            "exercise": pipeline.exercise.id,
            "reps": self._reps,
            "holds": self._holds,
            "prompts": self._prompts,
            "faults": {rule: _rounded(value, 3) for rule, value in pipeline.fault_counts.items()},
        }
        if self._frames is not None:
            self._frames.seek(0)
            document["frames"] = map(json.loads, self._frames)
        document["timing"] = self._timing()
        return document

    def summary(self, pipeline: Pipeline) -> str:
        """One line for people."""
        parts = [f"{pipeline.exercise.id}: {len(self._reps)} reps"]
        if self._holds:
            held = sum(hold["end"] - hold["start"] for hold in self._holds)
            parts.append(f"held for {held:.1f} s")
        parts.append(f"{len(self._prompts)} prompts")
        speed = self._timing()["frames_per_second"]
        parts.append(f"{self._count} frames" + (f" at {speed:.0f} a second" if speed else ""))
        return ", ".join(parts)

    def _timing(self) -> dict[str, Any]:
        total = sum(self.seconds)
        if not total:
            return {"frames_per_second": None, "latency_ms": {"p50": None, "p95": None}}
        p50, p95 = np.percentile(np.array(self.seconds) * 1000.0, [50, 95])
        return {
            "frames_per_second": _rounded(len(self.seconds) / total, 2),
            "latency_ms": {"p50": _rounded(p50, 2), "p95": _rounded(p95, 2)},
        }


def joints_as_json(pose: Pose | None) -> dict[str, dict[str, float | None]] | None:
    """Joint name -> x, y (pixels), confidence, X, Y, Z (metres); None for nobody."""
    if pose is None:
        return None
    return {
        joint.name: {
            "x": _rounded(pose.xy[joint, 0], 2),
            "y": _rounded(pose.xy[joint, 1], 2),
            "confidence": _rounded(pose.confidence[joint], 4),
            "X": _rounded(pose.xyz[joint, 0], 4),
            "Y": _rounded(pose.xyz[joint, 1], 4),
            "Z": _rounded(pose.xyz[joint, 2], 4),
        }
        for joint in Joint
    }


def _rounded(value: Any, digits: int) -> float | None:
    """A plain number, or None where nothing could be measured: JSON knows no NaN."""
    if value is None or not np.isfinite(value):
        return None
    return round(float(value), digits)


def _described(path: str, source: Source | Recording) -> dict[str, Any]:
    return {"path": path, "width": source.width, "height": source.height, "fps": _rounded(source.fps, 3)}


def _about(source: Mapping[str, Any], model: Mapping[str, Any]) -> dict[str, Any]:
    """What a recorded pose file says of where its poses come from."""
    return {
        "source": Path(source["path"]).name,  # not the whole path: it would tell of the athlete's computer
        "width": source["width"],
        "height": source["height"],
        "fps": source["fps"],
        "model": {key: str(model[key]) for key in ("name", "sha256")} if model["name"] else None,
    }


@contextmanager
def _terminable() -> Iterator[None]:
    """Turns a request to terminate into an ordinary exit, so that temporary files are removed."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def leave(*_: object) -> None:
        raise SystemExit(EXIT_FAILED)

    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


class _OverlayWriter:
    """The video of the drawn frames, written to `temporary`, called `path` in errors."""

    def __init__(self, path: Path, temporary: Path, source: Mapping[str, Any]) -> None:
        self._path, self._temporary = path, temporary
        self._size = int(source["width"]), int(source["height"])
        self._written = 0
        code = cv2.VideoWriter.fourcc(*"mp4v")  # the one MP4 codec that every build of OpenCV can write
        self._writer = cv2.VideoWriter(str(temporary), cv2.CAP_FFMPEG, code, float(source["fps"]), self._size)
        if not self._writer.isOpened():
            raise OutputError(f"{path}: this build of OpenCV cannot write MP4 video; leave --overlay out")

    def __enter__(self) -> _OverlayWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self._writer.release()

    def write(self, result: StepResult) -> None:
        width, height = self._size
        image: Image
        if result.frame is None:
            image = np.full((height, width, 3), 32, np.uint8)  # a recording has no picture
        else:
            image = result.frame.image.copy()
        draw_result(image, result)
        if image.shape[:2] != (height, width):  # a video that changes its size on the way
            image = cv2.resize(image, self._size).astype(np.uint8)
        self._writer.write(image)
        self._written += 1

    def finish(self) -> None:
        """Closes the file and looks whether all of it is there: OpenCV does not tell of a full disk."""
        self._writer.release()
        check = cv2.VideoCapture(str(self._temporary), cv2.CAP_FFMPEG)
        frames = round(check.get(cv2.CAP_PROP_FRAME_COUNT)) if check.isOpened() else 0
        check.release()
        if frames != self._written:
            failure: FormcueError = OutputError(
                f"{self._path}: only {frames} of {self._written} frames could be written; is the disk full?"
            )
            failure.exit_code = EXIT_FAILED
            raise failure
