"""Contact sheets, to judge by eye: clips with the skeletons drawn in, and the worst photographs of a set.

A clip's sheet shows FRAMES frames evenly over the clip, row by row: left what this project found in the
frame, right what the peer found. The athlete's left limbs are drawn in blue, the right ones in orange; bones
with an end that the estimator is not sure of, which the app would not show, are drawn thin.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from app.capture import open_source
from app.errors import EXIT_USAGE, FormcueError, first_line
from app.files import replacing
from app.overlay import DRAWN_FROM
from app.skeleton import BONES, JOINT_NAMES
from app.training.answers import Found, ask_peer, collect
from app.training.archives import BROKEN, open_zip, plain_name
from app.training.measures import LIMB_JOINTS, Array, distances, side_switches, torso_diagonal
from app.training.testsets import Stills

if TYPE_CHECKING:
    from app.estimator import Estimator

Image = NDArray[np.uint8]

FRAMES: Final = 12
COLUMNS: Final = 3  # pairs side by side
CELL: Final = 320  # pixels, width of one picture
VIDEO_ENDINGS: Final = (".mp4", ".avi", ".mov", ".mkv", ".webm", ".m4v")
_WHITE: Final = (255, 255, 255)
_LEFT, _RIGHT, _MIDDLE = (255, 160, 0), (0, 140, 255), (230, 230, 230)


class SheetError(FormcueError):
    """A sheet cannot be made: a clip is missing or cannot be read."""

    exit_code = EXIT_USAGE


def unpacked(clips: Sequence[Path], scratch: Path) -> list[Path]:
    """The videos named, and those in the zips named, unpacked into `scratch`. Raises SheetError."""
    videos: list[Path] = []
    for path in clips:
        if not path.is_file():
            raise SheetError(f"{path}: there is no such clip or zip")
        if path.suffix.lower() != ".zip":
            videos.append(path)
            continue
        try:
            with open_zip(path) as archive:
                names = sorted(n for n in archive.namelist() if n.lower().endswith(VIDEO_ENDINGS))
                for name in names:
                    target = scratch / path.stem / plain_name(Path(name).name)
                    target.parent.mkdir(exist_ok=True)
                    target.write_bytes(archive.read(name))
                    videos.append(target)
        except BROKEN as error:
            raise SheetError(f"{path}: cannot be read as a zip ({first_line(error)})") from None
        if not names:
            raise SheetError(f"{path}: no videos in it (looked for {', '.join(VIDEO_ENDINGS)})")
    return videos


def make_clip_sheets(
    clips: Sequence[Path], folder: Path, estimator: Estimator, scratch: Path, peer: str | None = None
) -> list[dict[str, Any]]:
    """One JPEG a clip into `folder`; prints a line a clip, returns the same figures. Raises SheetError."""
    folder.mkdir(parents=True, exist_ok=True)
    videos = unpacked(clips, scratch)
    who = ["formcue"]
    report: list[dict[str, Any]] = []
    for path in tqdm(videos, unit="clip", leave=False, disable=None):
        estimator.reset()
        chosen, ours = _followed(path, estimator)
        answers = [ours]
        if peer is not None:
            name, (theirs,) = ask_peer(peer, [path])
            who = ["formcue", name]
            answers.append(theirs)
        rows = sorted(chosen)
        pictures = [[drawn(chosen[row], *_at(answer, row)) for answer in answers] for row in rows]
        sheet = clip_sheet(pictures, [f"frame {row}" for row in rows], who)
        target = folder / f"{path.stem}.jpg"
        with replacing(target) as part:
            part.write_bytes(cv2.imencode(".jpg", sheet, [cv2.IMWRITE_JPEG_QUALITY, 88])[1].tobytes())
        scores = {
            name: {"found": answer.share, "side_switches": side_switches(answer.xy)}
            for name, answer in zip(who, answers, strict=True)
        }
        report.append({"set": f"clip {path.stem}", "frames": len(ours.xy), "scores": scores})
    print(_listed(report, who))
    return report


def _followed(path: Path, estimator: Estimator) -> tuple[dict[int, Image], Found]:
    """The frames to show, by number, and what was found in every frame, in order."""
    with open_source(str(path)) as source:
        count = sum(1 for _ in iter(source.read, None))
    if not count:
        raise SheetError(f"{path}: no frames in it")
    wanted = set(np.linspace(0, count - 1, min(FRAMES, count)).round().astype(int).tolist())
    chosen: dict[int, Image] = {}
    with open_source(str(path)) as source:

        def poses() -> Any:
            for number, frame in enumerate(iter(source.read, None)):
                if number in wanted:
                    chosen[number] = frame.image.copy()
                yield estimator.estimate(frame)

        return chosen, collect(poses())


def _at(answer: Found, row: int) -> tuple[Array | None, Array | None]:
    """Position and confidence of one frame; a peer may count a frame or two less than we do."""
    return (answer.xy[row], answer.confidence[row]) if row < len(answer.xy) else (None, None)


def _listed(report: Sequence[dict[str, Any]], who: Sequence[str]) -> str:
    wide = max(len("clip"), *(len(part["set"]) - 5 for part in report)) + 2
    lines = [
        "Clips: person found, % of frames; transitions at which left and right are exchanged",
        f"{'clip':<{wide}}{'frames':>7}" + "".join(f"{name:>22}" for name in who),
    ]
    for part in report:
        cells = (
            f"{100 * score['found']:>14.1f} %{score['side_switches']:>6}" for score in part["scores"].values()
        )
        lines.append(f"{part['set'][5:]:<{wide}}{part['frames']:>7}" + "".join(cells))
    frames = sum(part["frames"] for part in report)
    totals = (
        f"{sum(100 * p['scores'][name]['found'] * p['frames'] for p in report) / frames:>14.1f} %"
        f"{sum(p['scores'][name]['side_switches'] for p in report):>6}"
        for name in who
    )
    lines.append(f"{'all':<{wide}}{frames:>7}" + "".join(totals))
    return "\n".join(lines)


def drawn(image: Image, xy: Array | None, confidence: Array | None, width: int = CELL) -> Image:
    """The picture shrunk to `width`, bones drawn in where somebody was found."""
    scale = width / image.shape[1]
    small: Any = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    if xy is not None and np.isfinite(xy).any():
        draw_bones(small, xy * scale, confidence)
    return small


def draw_bones(image: Image, xy: Array, confidence: Array | None = None) -> None:
    """The skeleton (19, 2), pixels, onto the image in place; thin where the confidence (19,) is low. Bones
    with an end that is NaN are left out: a peer may not have that joint."""
    there = np.asarray(np.isfinite(xy).all(axis=1))
    ends = [tuple(map(int, point)) for point in np.clip(np.nan_to_num(xy), -9999, 9999)]
    for first, last in BONES:
        name = JOINT_NAMES[last]
        colour = _MIDDLE if JOINT_NAMES[first].partition("_")[0] != name.partition("_")[0] else _LEFT
        if colour == _LEFT and name.startswith("right"):
            colour = _RIGHT
        if not (there[first] and there[last]):
            continue
        sure = confidence is None or min(confidence[first], confidence[last]) >= DRAWN_FROM
        cv2.line(image, ends[first], ends[last], colour, 2 if sure else 1, cv2.LINE_AA)


def clip_sheet(pictures: Sequence[Sequence[Image]], captions: Sequence[str], who: Sequence[str]) -> Image:
    """Rows of pictures, each a group that belongs together, as one picture; `who` is written on the first."""
    tall, wide = pictures[0][0].shape[:2]
    group = wide * len(who)
    rows = -(-len(pictures) // COLUMNS)
    sheet = np.zeros((rows * (tall + 4), COLUMNS * (group + 8), 3), np.uint8)
    for place, (parts, caption) in enumerate(zip(pictures, captions, strict=True)):
        row, column = divmod(place, COLUMNS)
        top, left = row * (tall + 4), column * (group + 8)
        for number, part in enumerate(parts):
            sheet[top : top + tall, left + number * wide : left + (number + 1) * wide] = part
            text = f"{who[number]}, {caption}" if place == 0 or number == 0 else ""
            _write(sheet, text, (left + number * wide + 4, top + 14))
    return sheet


def _write(image: Image, text: str, place: tuple[int, int]) -> None:
    cv2.putText(image, text, place, cv2.FONT_HERSHEY_SIMPLEX, 0.42, (0, 0, 0), 3, cv2.LINE_AA)
    cv2.putText(image, text, place, cv2.FONT_HERSHEY_SIMPLEX, 0.42, _WHITE, 1, cv2.LINE_AA)


# ---------------------------------------------------------------------------------------- photographs


def badness(stills: Stills, found: Found) -> Array:
    """How wrong each photograph came out, 0..1 (N,): its limb joints' mean distance in torsos, at most 1."""
    unit, known = torso_diagonal(stills.xy, stills.mask)
    limbs = list(LIMB_JOINTS)
    with np.errstate(divide="ignore", invalid="ignore"):
        apart = np.minimum(distances(found.xy, stills.xy) / unit[:, None], 1)[:, limbs]
    mask = stills.mask[:, limbs] & known[:, None]
    return np.asarray(np.where(mask, apart, 0).sum(axis=1) / np.maximum(mask.sum(axis=1), 1))


def draw_worst(stills: Stills, images: Sequence[Image], found: Found, path: Path, count: int = 24) -> None:
    """A contact sheet of the worst photographs: found bones in colour, labels as white rings."""
    cell, columns = 256, 6
    wrong = badness(stills, found)
    order = np.argsort(-wrong)[:count]
    sheet = np.zeros((-(-len(order) // columns) * cell, columns * cell, 3), np.uint8)
    for place, row in enumerate(order):
        scale = cell / max(images[row].shape[:2])
        small: Any = cv2.resize(images[row], None, fx=scale, fy=scale)
        if np.isfinite(found.xy[row]).all():
            draw_bones(small, found.xy[row] * scale)
        for joint in np.flatnonzero(stills.mask[row]):
            cv2.circle(small, tuple(map(int, stills.xy[row, joint] * scale)), 3, _WHITE, 1, cv2.LINE_AA)
        _write(small, f"{stills.names[row]} {wrong[row]:.2f}", (4, 14))
        top, left = divmod(place, columns)
        sheet[top * cell : top * cell + small.shape[0], left * cell : left * cell + small.shape[1]] = small
    with replacing(path) as temporary:
        temporary.write_bytes(cv2.imencode(".jpg", sheet, [cv2.IMWRITE_JPEG_QUALITY, 90])[1].tobytes())
