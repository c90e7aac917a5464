"""`record`: the poses of a video or of the camera into a small file, without a picture in it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tqdm import tqdm

from app.capture import Source, open_source
from app.commands import add_runtime_arguments, load_estimator
from app.errors import EXIT_DONE, SourceError, UsageError
from app.files import check_writable
from app.pipeline import PoseEstimator
from app.recording import MAX_FRAMES, RecordedFrame, Recording, save_recording

ENDINGS = (".poses.gz", ".poses")


def add_parser(commands: Any) -> None:
    """Adds `record` to the sub-parsers of the main argument parser."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "record",
        help="record the poses of a video or the camera",
        description="Records the joints of the athlete in every frame: no picture, some 400 KB a minute. "
        "Such files are what the tests of rule files run on. Ctrl-C ends the recording and keeps it.",
    )
    parser.add_argument("source", metavar="VIDEO|CAMERA", help='a video file, a camera ("0"), or "demo"')
    parser.add_argument("--out", metavar="FILE.poses.gz", type=Path, required=True)
    parser.add_argument("--seconds", metavar="N", type=float, help="end after so many seconds")
    add_runtime_arguments(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Does the work of the command. Raises FormcueError; a recording that was cut short is kept."""
    if not args.out.name.lower().endswith(ENDINGS):
        raise UsageError(f"{args.out}: give the recording a name that ends in {' or '.join(ENDINGS)}")
    if args.seconds is not None and not args.seconds > 0:
        raise UsageError(f"--seconds {args.seconds:g}: give a time above 0")
    check_writable(args.out)
    with open_source(args.source) as source:
        estimator, model = load_estimator(args)
        frames: list[RecordedFrame] = []
        total = None if source.live else source.frame_count
        lost: SourceError | None = None
        bar = tqdm(total=total, unit="frame", disable=not sys.stderr.isatty(), leave=False)
        try:
            for frame in recorded_frames(source, estimator, seconds=args.seconds):
                frames.append(frame)
                bar.update()
        except KeyboardInterrupt:
            pass  # what was seen until now is the recording
        except SourceError as error:  # the camera was unplugged, the file breaks off
            lost = error
        finally:
            bar.close()
        if not frames:
            raise lost or UsageError(f"{args.source}: ended before its first frame; nothing was written")
        recording = Recording(
            source=Path(args.source).name,  # not the whole path: it would tell of the athlete's computer
            width=source.width,
            height=source.height,
            fps=_rate(frames) if source.live else source.fps,
            frames=tuple(frames),
            model={"name": str(model["name"]), "sha256": str(model["sha256"])},
        )
    save_recording(args.out, recording)
    seen = sum(frame.pose is not None for frame in frames)
    span = frames[-1].time - frames[0].time
    print(f"{args.out}: {len(frames)} frames in {span:.1f} s, somebody in {seen} of them")
    if lost is not None:
        raise lost
    return EXIT_DONE


def recorded_frames(
    source: Source, estimator: PoseEstimator, *, seconds: float | None = None
) -> Iterator[RecordedFrame]:
    """The poses of a source, one a frame, with times from 0 on; ends with it, or after `seconds`."""
    begin: float | None = None
    for _ in range(MAX_FRAMES):
        frame = source.read()
        if frame is None:
            return
        begin = frame.time if begin is None else begin
        time = frame.time - begin
        if seconds is not None and time >= seconds:
            return
        yield RecordedFrame(time=time, pose=estimator.estimate(frame))


def _rate(frames: list[RecordedFrame]) -> float:
    """Frames a second as they came: what a camera says of itself is not what it gives."""
    span = frames[-1].time - frames[0].time
    return min(1000.0, max(1.0, (len(frames) - 1) / span)) if span > 0 else 30.0
