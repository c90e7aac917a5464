"""`label`: labels from a teacher network, kept only where it is sure and steady.

The teacher is BlazePose (blazepose.py). Where labels, or else the app itself, say that somebody is, it looks
twice, the second time in the mirror; where both agree, their mean is its answer, and the less they agree the
less that weighs.

Clips and photographs without labels get its joints. Of a clip, frames evenly over it are taken that differ
from the last one taken. Of labelled photographs (--labelled KIND) the labels, which people placed, and the
teacher's joints are averaged where they agree; nose, heels and toes, which no 2D set but COCO labels, are the
teacher's.

Depth is the mean of two estimates, each mended by the lifter (app/lifter.py): the teacher's, on the scale
(weak perspective) that lays its X and Y best on the joints, and that of the app's own network. The more they
differ the less it weighs. The result is a packed set (sets.py).
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from app.capture import Frame, open_source
from app.crop import Image, around_joints, whole
from app.errors import EXIT_DONE, FormcueError, UsageError, first_line
from app.estimator import Estimator, Reading
from app.files import check_writable
from app.lifter import HIPS, Lifter
from app.runtimes import load_runtime
from app.skeleton import NUM_JOINTS, FloatArray, Joint
from app.training.archives import BROKEN, PICTURE_ENDINGS, open_zip, plain_name
from app.training.blazepose import Answer, BlazePose, square_around
from app.training.datasets import LabelledPicture, validation_names
from app.training.readers import Broken, trimmed
from app.training.sets import KINDS, load_sets, source_of, write_packed
from app.training.sheets import VIDEO_ENDINGS
from app.weights import load_weights
from app.world import make_pose, metric_scale

Array = NDArray[np.float64]
Known = NDArray[np.bool_]

SURE: Final = 0.5  # least confidence of a label
LEAST_JOINTS: Final = 8
STEADY: Final = 0.12  # torsos between the passes at which the confidence has fallen to 1/e
SAME_PLACE: Final = 0.15  # torsos between teacher and app at which what the app adds has fallen to 1/e
AGREES: Final = 0.25  # torsos between teacher and label up to which both mean the same
CONTRADICTS: Final = 0.35  # ... and from which a sure teacher makes a label doubtful
SAME_DEPTH: Final = 0.3  # metres between both estimates of depth at which its weight has fallen to 1/e
LARGEST: Final = 640  # pixels, longer side of what is looked at
FOLLOWED: Final = 2  # every so many frames of a clip the app looks where the person is
WHOLE: Final = 360  # pixels, longer side of kept whole frames
HELD_OUT: Final = 0.08  # share of the clips
SEEN: Final = 0.3  # confidence from which the app sees a joint
_CORE: Final = [Joint.left_shoulder, Joint.right_shoulder, Joint.left_hip, Joint.right_hip]
_LIMBS: Final = [
    j for j in Joint if j.name.split("_")[-1] in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
]
# How much the teacher's joint counts beside a label that agrees. By a hip both mean something else.
_COUNTS: Final = np.where(np.isin(np.arange(NUM_JOINTS), HIPS), 1.0, 1.5)
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
    """What is seen of one person. Of the teacher: xy (19, 2) pixels, xyz (19, 3) metres, confidence (19,).
    read: what the app's own network says, in pixels of the same picture."""

    xy: Array
    xyz: Array
    confidence: Array
    read: Reading


@dataclass(frozen=True, kw_only=True, eq=False)
class Labels:
    """xy (19, 2) pixels, weight (19,), depth (19,) pixels, depth_weight (19,)."""

    xy: FloatArray
    weight: FloatArray
    depth: FloatArray
    depth_weight: FloatArray


# ---------------------------------------------------------------------------------------- pure parts


def torso(xy: Array, known: Known) -> float:
    """The longer of the trunk's diagonals, pixels, of joints (19, 2) where known (19,); of somebody seen from
    above at least a fifth of the body."""
    diagonals = (
        (Joint.left_shoulder, Joint.right_hip),
        (Joint.right_shoulder, Joint.left_hip),
    )
    lengths = [float(np.linalg.norm(xy[a] - xy[b])) for a, b in diagonals if known[a] and known[b]]
    return max(*lengths, 0.2 * float(np.ptp(xy[known], axis=0).max()), 8.0)


def fused(plain: Answer, mirrored: Answer, read: Reading, length: float) -> Seen:
    """Both passes as one, of somebody whose torso is `length` pixels long.

    The confidence is the lesser of both, times exp(-(d / 0.12 torso)^2) of the distance d between them. A
    joint that the teacher calls hidden, but that the app's own network sees in the same place, has up to 0.6.
    """
    xy = (plain.xy + mirrored.xy) / 2
    confidence = np.minimum(plain.confidence, mirrored.confidence)
    near = np.exp(-((np.linalg.norm(xy - read.xy, axis=1) / (SAME_PLACE * length)) ** 2))
    confidence = np.maximum(confidence, np.where(read.confidence > SEEN, 0.6 * near, 0.0))
    steady = np.exp(-((np.linalg.norm(plain.xy - mirrored.xy, axis=1) / (STEADY * length)) ** 2))
    confidence = confidence * steady * min(plain.presence, mirrored.presence)
    confidence[_UNKNOWN] = 0.0
    return Seen(xy=xy, xyz=(plain.xyz + mirrored.xyz) / 2, confidence=confidence, read=read)


def weak_scale(xy: Array, xyz: Array, weight: Array) -> float:
    """Pixels a metre under which (19, 2) of X and Y lie best on xy: least squares with weights (19,), both
    centred on their weighted means."""
    share = (weight / max(float(weight.sum()), 1e-9))[:, None]
    solid, flat = xyz[:, :2], xy
    solid, flat = solid - (solid * share).sum(axis=0), flat - (flat * share).sum(axis=0)
    return float((share * solid * flat).sum() / max(float((share * solid * solid).sum()), 1e-9))


def own_labels(seen: Seen, size: tuple[int, int], lift: Lifter) -> Labels | None:
    """Labels of a picture of `size` (width, height) that has none; None where too little of the person is
    sure. Hips and shoulders outside of it BlazePose only guesses."""
    inside = ((seen.xy >= 0) & (seen.xy < size)).all(axis=1)
    weight = np.where(inside & (seen.confidence > SURE), seen.confidence, 0.0)
    sure = weight > 0
    if sure.sum() < LEAST_JOINTS or sure[_LIMBS].sum() < 5:
        return None
    xy = seen.xy.copy()
    for joint in _UNKNOWN:
        if seen.read.confidence[joint] > 0.6:
            xy[joint], weight[joint] = seen.read.xy[joint], 0.6
    return _deep(xy, weight, sure, seen, lift)


def added_labels(xy: FloatArray, weight: FloatArray, seen: Seen | None, lift: Lifter) -> Labels:
    """A photograph's own labels (19, 2) and (19,), with what the teacher adds where it agrees with them."""
    known = weight > 0
    points, weights = xy.astype(float), weight.astype(float)
    nothing = np.zeros(NUM_JOINTS)
    if seen is None:
        return _labels(points, weights, nothing, nothing)
    apart = np.linalg.norm(seen.xy - xy, axis=1) / torso(points, known)
    agrees = known & (seen.confidence > 0.3) & (apart < AGREES)
    counts = (_COUNTS * seen.confidence * agrees)[:, None]
    points = (points + counts * seen.xy) / (1 + counts)
    weights[known & (seen.confidence > 0.6) & (apart > CONTRADICTS)] *= 0.5
    if agrees[_LIMBS].sum() < 6:
        return _labels(points, weights, nothing, nothing)
    solid = agrees.copy()
    for joint in Joint:
        guard = _ADDED.get(joint)
        if known[joint] or joint in _UNKNOWN or seen.confidence[joint] <= SURE:
            continue
        if guard is not None and not agrees[guard]:
            continue
        # The teacher's heel hangs on its own ankle; it moves along with the labelled one.
        points[joint] = seen.xy[joint] + (0.0 if guard is None else points[guard] - seen.xy[guard])
        weights[joint] = 0.7 * seen.confidence[joint]
        solid[joint] = True
    return _deep(points, weights, solid, seen, lift)


def _deep(xy: Array, weight: Array, sure: Known, seen: Seen, lift: Lifter) -> Labels:
    """Labels with depth; `sure` (19,): where the teacher's joint lies where the label does."""
    nothing = np.zeros(NUM_JOINTS)
    scale = weak_scale(xy, seen.xyz, np.where(sure, seen.confidence, 0.0))
    if sure.sum() < 6 or sure[_CORE].sum() < 3 or scale <= 0:
        return _labels(xy, weight, nothing, nothing)
    read = seen.read
    labelled = weight > 0
    guessed = np.where((seen.confidence > 0.3)[:, None], seen.xy, read.xy)
    everywhere = np.where(labelled[:, None], xy, guessed)
    depth = seen.xyz[:, 2] * scale
    depth[Joint.neck] = depth[[Joint.left_shoulder, Joint.right_shoulder]].mean()
    depth[Joint.head_top] = depth[Joint.nose]
    confidence = np.maximum(seen.confidence, np.where(labelled, 0.5 * read.confidence, 0.0))
    estimates = [
        _mended(everywhere, depth, confidence, lift),
        _mended(everywhere, read.depth.astype(float), read.confidence.astype(float), lift),
    ]
    if estimates[0] is None or estimates[1] is None:
        return _labels(xy, weight, nothing, nothing)
    (one, one_scale), (other, other_scale) = estimates[0], estimates[1]
    trust = np.where(sure, np.minimum(seen.confidence, 1.0), 0.0)
    shoulders = seen.confidence[[Joint.left_shoulder, Joint.right_shoulder]].min()
    trust[_UNKNOWN] = np.where(labelled[_UNKNOWN], 0.5 * shoulders, 0.0)
    trust = trust * np.exp(-(((one - other) / SAME_DEPTH) ** 2))
    return _labels(xy, weight, (one + other) / (one_scale + other_scale), trust)


def _mended(xy: Array, depth: Array, confidence: Array, lift: Lifter) -> tuple[Array, float] | None:
    """Depth (19,) in metres as the lifter has it, of joints and depth in pixels, and the metres a pixel."""
    seen = (xy.astype(np.float32), depth.astype(np.float32), confidence.astype(np.float32))
    scale = metric_scale(*seen)
    if scale is None:
        return None
    pose = make_pose(*seen, scale, 0.0)
    return lift(pose.xyz, pose.confidence)[:, 2].astype(float), scale


def _labels(xy: Array, weight: Array, depth: Array, depth_weight: Array) -> Labels:
    placed = np.where(weight[:, None] > 0, xy, 0.0)
    arrays = (placed, weight, depth, depth_weight)
    points, weights, depths, depth_weights = (array.astype(np.float32) for array in arrays)
    return Labels(xy=points, weight=weights, depth=depths, depth_weight=depth_weights)


def moved(last: FloatArray | None, image: Image) -> FloatArray | None:
    """The picture made small, if even its most changed part differs from the last one; None if not."""
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    small: Any = cv2.resize(grey, (96, 96), interpolation=cv2.INTER_AREA).astype(np.float32)
    if last is not None and float(np.sort(np.abs(small - last).ravel())[-90:].mean()) < 8:
        return None
    return np.asarray(small, np.float32)


# ---------------------------------------------------------------------------------------- the teacher


class Teacher:
    """BlazePose, shown people where labels or the app's own networks say that they are."""

    def __init__(self, network: BlazePose) -> None:
        self._network = network
        self._estimator = Estimator(load_runtime(), smooth=False)
        # All of the way to what it says: of people rendered, whose depth is known, that leaves least error.
        self.lift = Lifter.load(load_weights("auto", "lifter"), share=1.0)

    def see(self, image: Image, xy: FloatArray, known: Known) -> Seen | None:
        """The person of whom the joints xy (19, 2) pixels are known (19,); None where too few are."""
        if known.sum() < LEAST_JOINTS - 2:
            return None
        plain = self._network.look(image, square_around(xy, known))
        # The second look is in the square that the first one asks for.
        mirrored = self._network.look(image, plain.crop, mirrored=True)
        frame = whole(image)
        crop = around_joints(xy, known.astype(np.float32), frame, (image.shape[1], image.shape[0]))
        read = self._estimator.read_twice(image, crop or frame)
        return fused(plain, mirrored, read, torso(xy.astype(float), known))

    def find(self, frame: Frame) -> tuple[FloatArray, Known] | None:
        """Whom the app finds in a picture, or in a clip's next frame: joints (19, 2) pixels, and which are
        seen."""
        if frame.index == 0:
            self._estimator.reset()
        pose = self._estimator.estimate(frame)
        if pose is None:
            return None
        known = pose.confidence > SEEN
        known[Joint.head_top] = False
        return (pose.xy, known) if known.sum() >= LEAST_JOINTS else None


# ---------------------------------------------------------------------------------------- what is labelled


@dataclass(frozen=True, kw_only=True, eq=False)
class Picture:
    """A photograph, whose frame has index 0, or a clip's frame, `wanted` or there to follow people by."""

    name: str
    frame: Frame
    wanted: bool = True


def unlabelled_pictures(files: Sequence[Path], frames: int, scratch: Path) -> Iterator[Picture]:
    """Photographs and clips, with at most `frames` wanted frames each, of files, folders and zips."""
    for path in files:
        members = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
        with Broken(path) as broken:
            for member in members:
                ending = member.suffix.lower()
                if ending in PICTURE_ENDINGS:
                    yield from _photograph(member, member.name, broken)
                elif ending == ".zip":
                    yield from _in_zip(member, frames, scratch, broken)
                elif ending in VIDEO_ENDINGS:
                    broken.read += 1
                    yield from _frames_of(member, frames)


def _in_zip(path: Path, frames: int, scratch: Path, broken: Broken) -> Iterator[Picture]:
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
                    yield from _photograph(place, name, broken)
                place.unlink()
    except BROKEN as error:
        raise UsageError(f"{path}: cannot be read as a zip ({first_line(error)})") from None


def _photograph(path: Path, name: str, broken: Broken) -> Iterator[Picture]:
    image = broken.picture(path, name)
    if image is not None:
        yield Picture(name=name, frame=Frame(image=_shrunk(image, LARGEST), time=0.0, index=0))


def _frames_of(video: Path, frames: int) -> Iterator[Picture]:
    with open_source(str(video)) as source:
        count = sum(1 for _ in iter(source.read, None))
    wanted = set(np.linspace(0, count - 1, min(frames, count)).round().astype(int).tolist())
    last: FloatArray | None = None
    with open_source(str(video)) as source:
        for frame in iter(source.read, None):
            chosen = frame.index in wanted
            if not chosen and frame.index % FOLLOWED:
                continue
            small = replace(frame, image=_shrunk(frame.image, LARGEST))
            changed = moved(last, small.image) if chosen else None
            if changed is not None:
                last = changed
            yield Picture(name=f"{video.stem}#{frame.index}", frame=small, wanted=changed is not None)


def _shrunk(image: Image, side: int) -> Image:
    scale = side / max(image.shape[:2])
    if scale >= 1:
        return image
    return cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)  # type: ignore[return-value]


def label_pictures(
    pictures: Iterator[Picture], teacher: Teacher, *, whole_frames: bool
) -> Iterator[LabelledPicture]:
    """The people of whom the teacher is sure; whole frames are for the person finder."""
    for picture in pictures:
        image = picture.frame.image
        found = teacher.find(picture.frame)
        seen = teacher.see(image, *found) if found is not None and picture.wanted else None
        labels = None if seen is None else own_labels(seen, (image.shape[1], image.shape[0]), teacher.lift)
        if seen is None or labels is None:
            continue
        if not whole_frames:
            yield trimmed(picture.name, image, labels.xy, labels.weight, labels.depth, labels.depth_weight)
        elif (labels.weight[_CORE] > 0).all():
            yield _whole_frame(picture.name, image, labels, seen)


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
    """Labelled photographs with what the teacher adds."""
    for picture in pictures:
        seen = teacher.see(picture.decode(), picture.xy, picture.xy_weight > 0)
        labels = added_labels(picture.xy, picture.xy_weight, seen, teacher.lift)
        yield replace(
            picture,
            xy=labels.xy,
            xy_weight=labels.weight,
            depth=labels.depth,
            depth_weight=labels.depth_weight,
        )


# ---------------------------------------------------------------------------------------- the command


def add_parser(commands: Any) -> None:
    """Adds `label` to the sub-parsers of the main argument parser."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "label",
        help="label clips and photographs with a teacher network",
        description="Has BlazePose label clips or photographs, or add to photographs that are labelled, and "
        "writes a packed data set for training. Labels are kept only where it is sure and steady.",
    )
    parser.add_argument(
        "files", nargs="+", type=Path, metavar="FILE", help="videos, pictures, folders or zips of them"
    )
    parser.add_argument("--out", required=True, type=Path, metavar="FILE.npz", help="the packed set")
    parser.add_argument(
        "--teacher",
        required=True,
        type=Path,
        metavar="FILE.tflite",
        help="BlazePose's landmark network: pose_landmark_heavy.tflite of the npm package @mediapipe/pose",
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
    teacher = Teacher(BlazePose(arguments.teacher))
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
                label_pictures(pictures, teacher, whole_frames=arguments.whole),
                unit="picture",
                disable=None,
                leave=False,
            )
        )
    # Frames of one clip are alike, so whole clips are held out.
    clips = sorted({source_of(picture) for picture in kept})
    chosen = validation_names(clips, round(HELD_OUT * len(clips)))
    return kept, [source_of(picture) in chosen for picture in kept]
