"""`python main.py render`: sets of rendered pictures with exact labels, and demonstration clips.

A set is a folder of chunks, `rendered-00.npz`, `rendered-01.npz`, ..., each a "packed" data set for
training (see sets.py) with more labels beside. For N pictures:

    jpeg      (bytes,) uint8, the JPEG files one after another; offset (N + 1,) int64 into it
    width, height   (N,) int32, pixels
    xy        (N, 19, 2) float32, pixels from the picture's corner (the first pixel's middle is
              (0.5, 0.5)); joints outside the picture keep their true place
    weight    (N, 19) float32, 1 for joints inside the picture (what hides behind something counts)
    depth     (N, 19) float32, pixels away from the camera relative to mid-hip, on the scale of xy:
              Z * focal / distance (weak perspective); depth_weight (N, 19) float32
    xyz       (N, 19, 3) float32, metres, X right, Y down, Z away from the camera, origin mid-hip
    focal     (N,) float32, pixels; distance (N,) float32, metres from the camera to mid-hip along Z
    kind      (N,) str, where the pose came from; seed, views () int64
    backgrounds, mocap, found   () str, these options' files: name and start of the SHA-256, or "nothing"
    person    (N,) int32: pictures of the same number show the same person, clothes, pose and place from
              different cameras (`--views 2`: pictures 0 and 1 are a pair, 2 and 3 are one, ...)
    world     (N, 19, 3) float32, the joints in metres in the place's axes: Y up, the floor at 0; alike in
              all views of a person
    rotation, place, centre   (N, 3, 3), (N, 3), (N, 2) float32, the cameras:
              (X, Y, Z) = rotation (world - place), xy = focal (X, Y) / Z + centre

The same seed gives the same bytes on the same machine, and elsewhere the same labels up to rounding.
"""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from tqdm import tqdm

from app.errors import EXIT_DONE, FormcueError, UsageError, first_line
from app.files import replacing
from app.training.archives import BROKEN, PICTURE_ENDINGS, open_arrays
from app.training.demonstration import ClipWriter, Script, shots
from app.training.places import Backgrounds
from app.training.studio import (
    CapturedPoses,
    ExercisePoses,
    FoundPoses,
    PoseSource,
    RandomPoses,
    Rendered,
    Studio,
)

CHUNK: Final = 1000
JPEG_QUALITY: Final = 90
NOTHING: Final = "nothing"  # stands in a chunk for an option that was not given


def add_parser(commands: Any) -> None:
    """Adds `render` to the sub-parsers of the main argument parser."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "render",
        help="render bodies with exact 3D joints",
        description="Renders people with exact labels as training pictures, or a demonstration clip.",
    )
    add_arguments(parser)
    parser.set_defaults(run=run)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `python main.py render`."""
    parser.add_argument("--out", required=True, type=Path, metavar="FOLDER|FILE.mp4", help="where to write")
    parser.add_argument(
        "--seed", type=int, default=0, metavar="S", help="same seed, same pictures (default: 0)"
    )
    pictures = parser.add_argument_group("labelled pictures")
    pictures.add_argument(
        "--count", type=int, default=CHUNK, metavar="N", help=f"pictures (default: {CHUNK})"
    )
    pictures.add_argument(
        "--views", type=int, default=1, metavar="V", help="cameras around each person (default: 1)"
    )
    pictures.add_argument("--size", type=int, default=256, help="their side, pixels (default: 256)")
    pictures.add_argument(
        "--backgrounds", type=Path, metavar="FOLDER|ZIP", help="photographs without people (default: made up)"
    )
    pictures.add_argument(
        "--mocap",
        type=Path,
        metavar="FILE.npz",
        help="motion capture to draw poses from, UI-PRMD's 18 joints",
    )
    pictures.add_argument(
        "--found",
        type=Path,
        nargs="+",
        default=[],
        metavar="FILE.npz",
        help="poses found in photographs: arrays xyz (N, 19, 3) and confidence (N, 19)",
    )
    clips = parser.add_argument_group("demonstration clips")
    clips.add_argument("--clip", metavar="EXERCISE", help="render this exercise's clip to --out instead")
    clips.add_argument("--reps", type=int, default=8, metavar="N", help="repetitions (default: 8)")
    clips.add_argument(
        "--shallow",
        default="",
        metavar="4,6",
        help="numbers of repetitions that stop half-way (default: none)",
    )
    clips.add_argument("--depth", type=float, default=1.0, help="how deep the others go (default: 1)")
    clips.add_argument("--clip-size", default="1280x720", metavar="WxH", help="pixels (default: 1280x720)")
    clips.add_argument("--joints", type=Path, metavar="FILE.npz", help="write the clip's exact joints too")


def run(arguments: argparse.Namespace) -> int:
    """Renders; returns 0. Raises FormcueError with the exit code for what went wrong."""
    try:
        if arguments.clip is not None:
            _run_clip(arguments)
        else:
            _run_set(arguments)
    except OSError as error:
        raise FormcueError(f"cannot write {arguments.out}: {first_line(error)}") from error
    return EXIT_DONE


def _run_set(arguments: argparse.Namespace) -> None:
    if arguments.count < 1:
        raise UsageError(f"--count {arguments.count}: expected 1 or more")
    if not 32 <= arguments.size <= 2048:
        raise UsageError(f"--size {arguments.size}: expected 32 to 2048 pixels")
    if arguments.views < 1 or arguments.count % arguments.views or CHUNK % arguments.views:
        raise UsageError(
            f"--views {arguments.views}: expected 1 or more, and a divisor of --count and of {CHUNK}"
        )
    if arguments.seed < 0:
        raise UsageError(f"--seed {arguments.seed}: expected 0 or more")
    if arguments.out.suffix or arguments.out.is_file():
        raise UsageError(f"--out {arguments.out}: expected a folder (for a clip add --clip EXERCISE)")
    if arguments.backgrounds is not None and not arguments.backgrounds.exists():
        raise UsageError(f"--backgrounds {arguments.backgrounds}: there is no such folder or zip")
    sources: list[tuple[float, PoseSource]] = [(0.5, ExercisePoses()), (0.25, RandomPoses())]
    if arguments.mocap is not None:
        sources.append((0.15, CapturedPoses(arguments.mocap)))
    if arguments.found:
        sources.append((0.5, FoundPoses.load(arguments.found)))
    backgrounds = Backgrounds(arguments.backgrounds)
    files = {"backgrounds": [arguments.backgrounds], "mocap": [arguments.mocap], "found": arguments.found}
    render_set(
        arguments.out,
        count=arguments.count,
        seed=arguments.seed,
        size=arguments.size,
        views=arguments.views,
        backgrounds=backgrounds,
        sources=sources,
        made_from={
            option: ", ".join(_fingerprint(path) for path in paths if path is not None) or NOTHING
            for option, paths in files.items()
        },
    )


def _fingerprint(path: Path) -> str:
    """Name and beginning of the SHA-256 of a file, or of the photographs in a folder. A size would not do:
    poses found anew in as many photographs fill a file of the same size."""
    if path.is_file():
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256")
    else:
        digest = hashlib.sha256()
        for photograph in sorted(p for p in path.rglob("*") if p.suffix.lower() in PICTURE_ENDINGS):
            digest.update(photograph.relative_to(path).as_posix().encode() + b"\0")
            digest.update(hashlib.sha256(photograph.read_bytes()).digest())
    return f"{path.resolve().name} ({digest.hexdigest()[:12]})"


def render_set(
    folder: Path,
    *,
    count: int,
    seed: int,
    size: int,
    backgrounds: Backgrounds,
    sources: Sequence[tuple[float, PoseSource]],
    views: int = 1,
    chunk: int = CHUNK,
    made_from: Mapping[str, str] | None = None,
) -> None:
    """Write a labelled set of `count` pictures in chunks; whole chunks that are there already are kept.

    made_from: options of `render` and what tells their files from others, kept in the chunks.
    Raises UsageError when the folder holds chunks of another seed, number of views, size or other files,
    OSError when it cannot be written.
    """
    settings: dict[str, int | str] = {"seed": seed, "views": views, "size": size, **(made_from or {})}
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"rendered-{number:02d}.npz" for number in range(-(-count // chunk))]
    missing = [
        number for number, path in enumerate(paths)
        if not _is_done(path, settings, count=min(chunk, count - number * chunk))
    ]  # fmt: skip
    if not missing:
        print(f"{folder}: all {count} pictures are there already")
        return
    studio = Studio(backgrounds=backgrounds, sources=sources, size=size, views=views)
    parts = {number: range(number * chunk, min((number + 1) * chunk, count)) for number in missing}
    print(f"{folder}: drawn by {studio.renderer}", flush=True)  # "llvmpipe" is the CPU
    with tqdm(total=sum(map(len, parts.values())), unit="picture", desc="render") as bar:
        for number, indices in parts.items():
            pictures = []
            for picture in studio.pictures(seed, indices):
                pictures.append(picture)
                bar.update()
            write_chunk(paths[number], pictures, seed=seed, views=views, made_from=made_from)


def _is_done(path: Path, settings: Mapping[str, int | str], *, count: int) -> bool:
    """Whether the chunk is there and whole. Raises UsageError when it was made with other settings."""
    if not path.exists():
        return False
    try:
        with open_arrays(path) as file:
            theirs: dict[str, int | str] = {"seed": int(file["seed"]), "views": int(file["views"])}
            theirs["size"] = int(file["width"][0])
            # Chunks from before the files were kept have no word of them, and pass.
            theirs |= {name: str(file[name]) for name in settings if name not in theirs and name in file}
            there = len(file["xy"])
    except BROKEN:
        raise UsageError(f"{path}: not a chunk of `render`; choose another --out") from None
    for name, ours in settings.items():
        if theirs.get(name, ours) != ours:
            raise UsageError(f"{path}: made with --{name} {theirs[name]}, not {ours}; choose another --out")
    return there == count


def write_chunk(
    path: Path,
    pictures: Sequence[Rendered],
    *,
    seed: int,
    views: int,
    made_from: Mapping[str, str] | None = None,
) -> None:
    """Write one chunk of a labelled set, whole or not at all. `made_from`: see render_set. Raises OSError."""
    quality = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY]
    files = [cv2.imencode(".jpg", picture.image, quality)[1].ravel() for picture in pictures]
    weight = np.stack([picture.visible for picture in pictures]).astype(np.float32)
    files_of: dict[str, Any] = {option: np.str_(text) for option, text in (made_from or {}).items()}
    with replacing(path) as part, part.open("wb") as file:
        np.savez(
            file,
            jpeg=np.concatenate(files),
            offset=np.concatenate([[0], np.cumsum([len(f) for f in files])]).astype(np.int64),
            width=np.array([p.image.shape[1] for p in pictures], dtype=np.int32),
            height=np.array([p.image.shape[0] for p in pictures], dtype=np.int32),
            xy=np.stack([p.xy for p in pictures]).astype(np.float32),
            weight=weight,
            depth=np.stack([p.depth for p in pictures]).astype(np.float32),
            depth_weight=weight,
            xyz=np.stack([p.xyz for p in pictures]).astype(np.float32),
            focal=np.array([p.focal for p in pictures], dtype=np.float32),
            distance=np.array([p.distance for p in pictures], dtype=np.float32),
            kind=np.array([p.kind for p in pictures]),
            person=np.array([p.person for p in pictures], dtype=np.int32),
            world=np.stack([p.world for p in pictures]).astype(np.float32),
            rotation=np.stack([p.camera.rotation for p in pictures]).astype(np.float32),
            place=np.stack([p.camera.place for p in pictures]).astype(np.float32),
            centre=np.array([p.camera.centre for p in pictures], dtype=np.float32),
            seed=np.int64(seed),
            views=np.int64(views),
            **files_of,
        )


def _run_clip(arguments: argparse.Namespace) -> None:
    if arguments.out.suffix.lower() != ".mp4":
        raise UsageError(f"--out {arguments.out}: a clip's name ends in .mp4")
    if arguments.reps < 1:
        raise UsageError(f"--reps {arguments.reps}: expected 1 or more")
    if not 0.1 <= arguments.depth <= 1.1:
        raise UsageError(f"--depth {arguments.depth}: expected 0.1 to 1.1")
    try:
        shallow = [int(word) for word in arguments.shallow.split(",") if word.strip()]
    except ValueError:
        raise UsageError(f"--shallow {arguments.shallow}: expected numbers like 4,6") from None
    width, cross, height = arguments.clip_size.partition("x")
    if not (cross and width.isdigit() and height.isdigit()) or min(int(width), int(height)) < 64:
        raise UsageError(f"--clip-size {arguments.clip_size}: expected WIDTHxHEIGHT like 1280x720")
    script = Script.plain(
        arguments.clip, arguments.reps, shallow=shallow, full_depth=arguments.depth, seed=arguments.seed
    )
    render_clip(arguments.out, script, width=int(width), height=int(height), joints=arguments.joints)


def render_clip(path: Path, script: Script, *, width: int, height: int, joints: Path | None = None) -> None:
    """Render a clip to an MP4 file and, if asked, its joints: time (F,) s, xy (F, 19, 2) pixels, xyz
    (F, 19, 3) metres in camera axes. Sizes are made even, as H.264 wants them. Raises OSError."""
    width, height = width // 2 * 2, height // 2 * 2
    times, xy, xyz = script.times(), [], []
    path.parent.mkdir(parents=True, exist_ok=True)
    with ClipWriter(path, width, height) as writer:
        for shot in tqdm(
            shots(script, width=width, height=height), total=len(times), unit="frame", desc="clip"
        ):
            writer.write(shot.image)
            xy.append(shot.xy)
            xyz.append(shot.xyz)
    if joints is not None:
        with joints.open("wb") as file:
            np.savez(
                file,
                time=np.array(times),
                xy=np.array(xy, dtype=np.float32),
                xyz=np.array(xyz, dtype=np.float32),
            )
