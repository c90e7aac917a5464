"""`label`: labels from a teacher network, kept only where it is sure and steady.

The teacher is MediaPipe in an interpreter of its own (peer.py). It looks at every picture and at its mirror
image; where both agree, their mean is the label, and the less they agree the less the label weighs.

Clips and photographs without labels get 2D labels and depth. Of a clip, frames evenly over it are taken that
differ from the last one taken. Labelled photographs (--labelled KIND) keep their own 2D labels and get depth
at the joints where the teacher's position agrees with the label; nose, heels and toes, which no 2D set but
COCO labels, are the teacher's. People whom the teacher does not find as they are, it sees once more with the
labelled body turned upright.

The result is a packed set (sets.py). The teacher's depths are metres; pixels come from the weak-perspective
scale that lays its X and Y best on its x and y.
"""

from __future__ import annotations

import argparse
import logging
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from app.capture import open_source
from app.errors import EXIT_DONE, FormcueError, UsageError, first_line
from app.files import check_writable
from app.skeleton import MIRROR, NUM_JOINTS, FloatArray, Joint
from app.training.answers import Found, ask_peer
from app.training.archives import BROKEN, open_zip, plain_name
from app.training.datasets import LabelledPicture, validation_names
from app.training.readers import Broken, trimmed
from app.training.sets import KINDS, PICTURE_ENDINGS, load_sets, source_of, write_packed
from app.training.sheets import VIDEO_ENDINGS

log = logging.getLogger(__name__)

Image = NDArray[np.uint8]
Array = NDArray[np.float64]

SURE: Final = 0.5  # least confidence of a label
LEAST_JOINTS: Final = 8
STEADY: Final = 0.12  # torsos between the passes at which the confidence has fallen to 1/e
AGREES: Final = 0.09  # of the body's longer side, between teacher and label
FITS: Final = 0.12  # of the body's longer side, between the teacher's 2D and its 3D at the fitted scale
LARGEST: Final = 640  # pixels, longer side of what the teacher sees
WHOLE: Final = 360  # pixels, longer side of kept whole frames
BATCH: Final = 200  # pictures a call of the teacher
HELD_OUT: Final = 0.08  # share of the clips
_CORE: Final = [Joint.left_shoulder, Joint.right_shoulder, Joint.left_hip, Joint.right_hip]
_HIPS: Final = [Joint.left_hip, Joint.right_hip]
# What the teacher adds to labelled photographs, and the label that must agree for it.
_ADDED: Final[dict[Joint, Joint | None]] = {
    Joint.nose: None,
    Joint.left_heel: Joint.left_ankle,
    Joint.left_toe: Joint.left_ankle,
    Joint.right_heel: Joint.right_ankle,
    Joint.right_toe: Joint.right_ankle,
}
# MediaPipe has no crown, and its neck is no joint of its own.
_UNKNOWN: Final = [Joint.head_top, Joint.neck]


@dataclass(frozen=True, kw_only=True, eq=False)
class Seen:
    """What the teacher says of one picture: xy (19, 2) pixels, xyz (19, 3) metres, confidence (19,)."""

    xy: Array
    xyz: Array
    confidence: Array


@dataclass(frozen=True, kw_only=True, eq=False)
class Labels:
    """xy (19, 2) pixels, weight (19,), depth (19,) pixels, depth_weight (19,)."""

    xy: FloatArray
    weight: FloatArray
    depth: FloatArray
    depth_weight: FloatArray


# ---------------------------------------------------------------------------------------- pure parts


def fused(plain: Seen, mirrored: Seen, width: int) -> Seen:
    """Both passes as one. `mirrored` is as it was seen in the mirror image of a picture `width` pixels wide.

    The confidence is the lesser of both, times exp(-(d / 0.12 torso)^2) of the distance d between them.
    """
    xy, xyz = mirrored.xy[MIRROR], mirrored.xyz[MIRROR]
    xy = np.stack([width - xy[:, 0], xy[:, 1]], axis=1)
    xyz = xyz * (-1, 1, 1)
    mean = (plain.xy + xy) / 2
    known = mean[[joint for joint in Joint if joint not in _UNKNOWN]]
    torso = max(
        float(np.linalg.norm(mean[Joint.left_shoulder] - mean[Joint.right_hip])),
        float(np.linalg.norm(mean[Joint.right_shoulder] - mean[Joint.left_hip])),
        0.2 * float(np.ptp(known, axis=0).max()),
        8.0,
    )
    apart = np.linalg.norm(plain.xy - xy, axis=1)
    confidence = np.minimum(plain.confidence, mirrored.confidence[MIRROR])
    confidence = confidence * np.exp(-((apart / (STEADY * torso)) ** 2))
    confidence[_UNKNOWN] = 0.0
    return Seen(xy=mean, xyz=(plain.xyz + xyz) / 2, confidence=confidence)


def weak_scale(xy: Array, xyz: Array, weight: Array) -> tuple[float, Array]:
    """Pixels a metre under which (19, 2) of X and Y lie best on xy, and each joint's distance then, pixels.

    Least squares with weights (19,), both centred on their weighted means.
    """
    share = (weight / max(float(weight.sum()), 1e-9))[:, None]
    solid, flat = xyz[:, :2], xy
    solid, flat = solid - (solid * share).sum(axis=0), flat - (flat * share).sum(axis=0)
    scale = float((share * solid * flat).sum() / max(float((share * solid * solid).sum()), 1e-9))
    return scale, np.linalg.norm(solid * scale - flat, axis=1)


def own_labels(seen: Seen) -> Labels | None:
    """Labels of a picture that has none; None where too little of the person is sure."""
    weight = np.where(seen.confidence > SURE, seen.confidence, 0.0)
    known = weight > 0
    if known.sum() < LEAST_JOINTS:
        return None
    body = float(np.ptp(seen.xy[known], axis=0).max())
    scale, apart = weak_scale(seen.xy, seen.xyz, weight)
    solid = known & (apart < FITS * body) & bool(known[_HIPS].all() and scale > 0)
    return _labels(seen.xy, weight, seen.xyz[:, 2] * scale, np.where(solid, weight, 0.0))


def added_labels(xy: FloatArray, weight: FloatArray, seen: Seen | None) -> Labels:
    """A photograph's own labels (19, 2) and (19,), with what the teacher adds where it agrees with them."""
    known = weight > 0
    points, weights = xy.astype(float), weight.astype(float)
    nothing = _labels(points, weights, np.zeros(NUM_JOINTS), np.zeros(NUM_JOINTS))
    if seen is None or known.sum() < LEAST_JOINTS:
        return nothing
    body = max(float(np.ptp(xy[known], axis=0).max()), 20.0)
    gap = seen.xy - xy
    agrees = known & (np.linalg.norm(gap, axis=1) < AGREES * body) & (seen.confidence > 0.3)
    if agrees[_CORE].sum() < 3 or agrees.sum() < 6:
        return nothing
    scale, apart = weak_scale(points, seen.xyz, np.where(agrees, seen.confidence, 0.0))
    if scale <= 0:
        return nothing
    solid = agrees & (apart < 0.1 * body)
    for joint, guard in _ADDED.items():
        if known[joint] or seen.confidence[joint] <= SURE or (guard is not None and not agrees[guard]):
            continue
        # The teacher's heel hangs on its own ankle; it moves along with the labelled one.
        points[joint] = seen.xy[joint] - (0.0 if guard is None else gap[guard])
        weights[joint] = 0.7 * seen.confidence[joint]
        solid[joint] = True
    depth_weight = np.where(solid, np.minimum(seen.confidence, 1.0), 0.0)
    return _labels(points, weights, seen.xyz[:, 2] * scale, depth_weight)


def _labels(xy: Array, weight: Array, depth: Array, depth_weight: Array) -> Labels:
    placed = np.where(weight[:, None] > 0, xy, 0.0)
    arrays = (placed, weight, depth, depth_weight)
    points, weights, depths, depth_weights = (array.astype(np.float32) for array in arrays)
    return Labels(xy=points, weight=weights, depth=depths, depth_weight=depth_weights)


def turned_back(seen: Seen, quarters: int, width: int, height: int) -> Seen:
    """What was seen in a picture that np.rot90 had turned `quarters` times, in axes of the original, which is
    width x height pixels."""
    xy, xyz = seen.xy, seen.xyz
    for done in range(quarters):
        # One turn sent (x, y) of a picture w wide to (y, w - x).
        before = width if (quarters - done - 1) % 2 == 0 else height
        xy = np.stack([before - xy[:, 1], xy[:, 0]], axis=1)
        xyz = np.stack([-xyz[:, 1], xyz[:, 0], xyz[:, 2]], axis=1)
    return Seen(xy=xy, xyz=xyz, confidence=seen.confidence)


def upright_turns(xy: FloatArray, weight: FloatArray) -> int:
    """How often np.rot90 turns the picture so that the labelled body stands the right way up, 0 to 3."""
    if not (weight[[Joint.neck, *_HIPS]] > 0).all():
        return 0
    up = xy[Joint.neck] - xy[_HIPS].mean(axis=0)
    return round(float(np.degrees(np.arctan2(up[0], -up[1]))) / 90) % 4


def moved(last: FloatArray | None, image: Image) -> FloatArray | None:
    """The picture made small, if even its most changed part differs from the last one; None if not."""
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    small: Any = cv2.resize(grey, (96, 96), interpolation=cv2.INTER_AREA).astype(np.float32)
    if last is not None and float(np.sort(np.abs(small - last).ravel())[-90:].mean()) < 8:
        return None
    return np.asarray(small, np.float32)


# ---------------------------------------------------------------------------------------- the teacher


class Teacher:
    """MediaPipe, asked in batches for pictures and their mirror images."""

    def __init__(self, python: str) -> None:
        self._python = python

    def see(self, images: Sequence[Image]) -> list[Seen | None]:
        """One answer a picture, None where it did not find somebody in both passes. Raises PeerError."""
        if not images:
            return []
        with tempfile.TemporaryDirectory() as folder:
            paths = []
            for number, image in enumerate(images):
                for name, picture in (("a", image), ("b", image[:, ::-1])):
                    paths.append(Path(folder) / f"{number:05d}{name}.png")
                    cv2.imwrite(str(paths[-1]), picture, [cv2.IMWRITE_PNG_COMPRESSION, 1])
            _, answers = ask_peer(self._python, paths)
        both = [_seen(answer) for answer in answers]
        return [
            None if plain is None or other is None else fused(plain, other, image.shape[1])
            for image, plain, other in zip(images, both[::2], both[1::2], strict=True)
        ]


def _seen(answer: Found) -> Seen | None:
    if not np.isfinite(answer.xy).all():
        return None
    return Seen(xy=answer.xy[0], xyz=answer.xyz[0], confidence=answer.confidence[0])


def _batches(items: Iterator[Any]) -> Iterator[list[Any]]:
    batch: list[Any] = []
    for item in items:
        batch.append(item)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


# ---------------------------------------------------------------------------------------- what is labelled


def unlabelled_pictures(files: Sequence[Path], frames: int, scratch: Path) -> Iterator[tuple[str, Image]]:
    """(name, picture) of photographs and of at most `frames` frames a clip, of files, folders and zips."""
    for path in files:
        members = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
        with Broken(path) as broken:
            for member in members:
                ending = member.suffix.lower()
                if ending in PICTURE_ENDINGS:
                    image = broken.picture(member, member.name)
                    if image is not None:
                        yield member.name, _shrunk(image, LARGEST)
                elif ending == ".zip":
                    yield from _in_zip(member, frames, scratch, broken)
                elif ending in VIDEO_ENDINGS:
                    broken.read += 1
                    yield from _frames_of(member, frames)


def _in_zip(path: Path, frames: int, scratch: Path, broken: Broken) -> Iterator[tuple[str, Image]]:
    try:
        with open_zip(path) as archive:
            for name in sorted(archive.namelist()):
                ending = Path(name).suffix.lower()
                if ending not in (*PICTURE_ENDINGS, *VIDEO_ENDINGS):
                    continue
                place = scratch / path.stem / plain_name(name)
                place.parent.mkdir(exist_ok=True)
                place.write_bytes(archive.read(name))
                if ending in VIDEO_ENDINGS:
                    broken.read += 1
                    yield from _frames_of(place, frames)
                else:
                    image = broken.picture(place, name)
                    if image is not None:
                        yield name, _shrunk(image, LARGEST)
                place.unlink()
    except BROKEN as error:
        raise UsageError(f"{path}: cannot be read as a zip ({first_line(error)})") from None


def _frames_of(video: Path, frames: int) -> Iterator[tuple[str, Image]]:
    with open_source(str(video)) as source:
        count = sum(1 for _ in iter(source.read, None))
    wanted = set(np.linspace(0, count - 1, min(frames, count)).round().astype(int).tolist())
    last: FloatArray | None = None
    with open_source(str(video)) as source:
        for number, frame in enumerate(iter(source.read, None)):
            if number not in wanted:
                continue
            changed = moved(last, frame.image)
            if changed is not None:
                last = changed
                yield f"{video.stem}#{number}", _shrunk(frame.image, LARGEST)


def _shrunk(image: Image, side: int) -> Image:
    scale = side / max(image.shape[:2])
    if scale >= 1:
        return image
    return cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)  # type: ignore[return-value]


def label_pictures(
    pictures: Iterator[tuple[str, Image]], teacher: Teacher, *, whole: bool
) -> Iterator[LabelledPicture]:
    """The people whom the teacher is sure of; `whole` keeps the whole frames, for the person finder."""
    for batch in _batches(pictures):
        for (name, image), seen in zip(batch, teacher.see([image for _, image in batch]), strict=True):
            labels = None if seen is None else own_labels(seen)
            if seen is None or labels is None:
                continue
            if not whole:
                yield trimmed(name, image, labels.xy, labels.weight, labels.depth, labels.depth_weight)
            elif (labels.weight[_CORE] > 0).all():
                yield _whole_frame(name, image, labels, seen)


def _whole_frame(name: str, image: Image, labels: Labels, seen: Seen) -> LabelledPicture:
    """A frame for the finder: it wants the whole body's reach, so unsure limbs count a little."""
    small = _shrunk(image, WHOLE)
    unsure = (labels.weight == 0) & ~np.isin(np.arange(NUM_JOINTS), [Joint.nose, *_UNKNOWN])
    xy = np.where((labels.weight > 0)[:, None], labels.xy, seen.xy) * (small.shape[1] / image.shape[1])
    nothing = np.zeros(NUM_JOINTS, np.float32)
    return LabelledPicture(
        name=name,
        encoded=cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, 90])[1].tobytes(),
        xy=xy.astype(np.float32),
        xy_weight=np.where(unsure, 0.05, labels.weight).astype(np.float32),
        depth=nothing,
        depth_weight=nothing,
    )


def deepen(pictures: Sequence[LabelledPicture], teacher: Teacher) -> Iterator[LabelledPicture]:
    """Labelled photographs with the teacher's depth where it agrees."""
    for batch in _batches(iter(pictures)):
        images = [picture.decode() for picture in batch]
        seen = teacher.see(images)
        again = [n for n, (answer, p) in enumerate(zip(seen, batch, strict=True)) if _disagrees(answer, p)]
        turns = [upright_turns(batch[n].xy, batch[n].xy_weight) for n in again]
        edges = [max(images[n].shape[:2]) // 6 for n in again]
        padded = [
            cv2.copyMakeBorder(np.rot90(images[n], k).copy(), e, e, e, e, cv2.BORDER_REPLICATE)
            for n, k, e in zip(again, turns, edges, strict=True)
        ]
        for n, k, edge, answer in zip(again, turns, edges, teacher.see(padded), strict=True):
            if answer is not None:
                height, width = images[n].shape[:2]
                inside = Seen(xy=answer.xy - edge, xyz=answer.xyz, confidence=answer.confidence)
                seen[n] = turned_back(inside, k, width, height)
        for picture, answer in zip(batch, seen, strict=True):
            labels = added_labels(picture.xy, picture.xy_weight, answer)
            yield LabelledPicture(
                name=picture.name,
                encoded=picture.encoded,
                xy=labels.xy,
                xy_weight=labels.weight,
                depth=labels.depth,
                depth_weight=labels.depth_weight,
            )


def _disagrees(seen: Seen | None, picture: LabelledPicture) -> bool:
    return not (added_labels(picture.xy, picture.xy_weight, seen).depth_weight > 0).any()


# ---------------------------------------------------------------------------------------- the command


def add_parser(commands: Any) -> None:
    """Adds `label` to the sub-parsers of the main argument parser."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "label",
        help="label clips and photographs with a teacher network",
        description="Has MediaPipe label clips or photographs, or add depth to labelled photographs, and "
        "writes a packed data set for training. Labels are kept only where it is sure and steady.",
    )
    parser.add_argument(
        "files", nargs="+", type=Path, metavar="FILE", help="videos, pictures, folders or zips of them"
    )
    parser.add_argument("--out", required=True, type=Path, metavar="FILE.npz", help="the packed set")
    parser.add_argument(
        "--peer-python", required=True, metavar="PATH", help="an interpreter that has mediapipe installed"
    )
    parser.add_argument(
        "--labelled", metavar="KIND", choices=list(KINDS), help="the files are a data set with 2D labels"
    )
    parser.add_argument("--frames", type=int, default=38, metavar="N", help="at most, a clip (default: 38)")
    parser.add_argument(
        "--whole", action="store_true", help="keep whole frames, for training the person finder"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Labels; returns 0. Raises FormcueError with the exit code for what went wrong."""
    check_writable(arguments.out)
    if arguments.frames < 1:
        raise UsageError(f"--frames {arguments.frames}: expected 1 or more")
    if arguments.labelled and arguments.whole:
        raise UsageError("--whole is for clips and photographs without labels; leave out --labelled")
    for path in arguments.files:
        if not path.exists():
            raise UsageError(f"{path}: there is no such file or folder")
    teacher = Teacher(arguments.peer_python)
    if arguments.labelled:
        kept, held_out = _run_labelled(arguments, teacher)
    else:
        kept, held_out = _run_unlabelled(arguments, teacher)
    if not kept:
        raise FormcueError("the teacher is sure of nobody in these files; nothing is written")
    write_packed(arguments.out, kept, held_out)
    deep = sum(bool((picture.depth_weight > 0).any()) for picture in kept)
    print(f"{arguments.out}: {len(kept)} pictures, {deep} of them with depth, {sum(held_out)} held out")
    return EXIT_DONE


def _run_labelled(
    arguments: argparse.Namespace, teacher: Teacher
) -> tuple[list[LabelledPicture], list[bool]]:
    files = [str(path) for path in arguments.files]
    kept: list[LabelledPicture] = []
    held_out: list[bool] = []
    for validation in (False, True):
        pictures = load_sets(arguments.labelled, files, validation=validation)
        kept += tqdm(
            deepen(pictures, teacher), total=len(pictures), unit="picture", disable=None, leave=False
        )
        held_out += [validation] * len(pictures)
    return kept, held_out


def _run_unlabelled(
    arguments: argparse.Namespace, teacher: Teacher
) -> tuple[list[LabelledPicture], list[bool]]:
    with tempfile.TemporaryDirectory() as scratch:
        pictures = unlabelled_pictures(arguments.files, arguments.frames, Path(scratch))
        kept = list(
            tqdm(
                label_pictures(pictures, teacher, whole=arguments.whole),
                unit="picture",
                disable=None,
                leave=False,
            )
        )
    # Frames of one clip are alike, so whole clips are held out.
    clips = sorted({source_of(picture) for picture in kept})
    chosen = validation_names(clips, round(HELD_OUT * len(clips)))
    return kept, [source_of(picture) in chosen for picture in kept]
