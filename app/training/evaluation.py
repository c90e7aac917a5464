"""`evaluate`: how good the joints are, on test sets that were never trained on, beside MediaPipe.

--data FOLDER       the fixed test sets of this project, each skipped when its files are not there:
                    the validation split of the Leeds Sports Pose Extended photographs (Johnson &
                    Everingham, CVPR 2011), each image on its own, and one person before two calibrated
                    cameras with 3D joints, frame after frame
--set KIND FILE...  the held-out part of any data set that can be trained on (sets.py), in 3D too where its
                    joints are in metres
--sheets FOLDER --clips FILE...    contact sheets of clips, to judge by eye (sheets.py)
--counting, --form  repetitions and form on clips (counting.py)

The measures and their formulas are in measures.py. Beside a peer that lacks some joints, the means of both
are taken over the joints that both have.
"""

from __future__ import annotations

import argparse
import logging
import math
import sys
import tempfile
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from app.capture import open_source
from app.commands import add_runtime_arguments, load_estimator
from app.errors import EXIT_DONE, EXIT_USAGE, FormcueError
from app.files import check_writable, write_json
from app.skeleton import JOINT_NAMES, Joint, Pose
from app.training import counting
from app.training.answers import Found, ask_peer, collect, together
from app.training.archives import plain_name
from app.training.measures import (
    ANGLES,
    LIMB_JOINTS,
    PCKH_THRESHOLD,
    Array,
    Mask,
    auc,
    auc3d,
    depth_sign_accuracy,
    distances,
    head_length,
    joint_angle_error,
    mpjpe,
    pck,
    pck3d,
    procrustes,
    root_aligned,
    torso_diagonal,
)
from app.training.sets import KINDS
from app.training.sheets import draw_worst, make_clip_sheets
from app.training.testsets import (
    LSPET_FILES,
    TWO_VIEW_FILE,
    Stills,
    View,
    read_labelled,
    read_member,
    read_stills,
    read_views,
)

log = logging.getLogger(__name__)

SCHEMA: Final = 2
FLAT: Final = 0.2  # of the torso: bones of pictures' depth labels that lie flatter have no clear sign


_PNG: Final = b"\x89PNG"


class EvaluationError(FormcueError):
    """The evaluation cannot be done as asked for."""

    exit_code = EXIT_USAGE


# ---------------------------------------------------------------------------------------- scores


def score_stills(stills: Stills, found: Found, without: Collection[Joint] = ()) -> dict[str, Any]:
    """Shares 0..1 over images with a labelled torso (PCKh: head), means of the 12 limb joints and per joint.

    Where joints are labelled in metres also the 3D errors of `score_view`, over those people; where only
    depth is, angle errors in degrees and the depth sign. Joints of `without` and those that `found` lacks
    count in no mean; per joint, those that it lacks are None.
    """
    without = {*without, *found.lacking}
    apart = distances(found.xy, stills.xy)
    unit, known = torso_diagonal(stills.xy, stills.mask)
    head, has_head = head_length(stills.xy, stills.mask)
    mask, head_mask = stills.mask & known[:, None], stills.mask & has_head[:, None]
    shares, areas = pck(apart, unit, mask), auc(apart, unit, mask)
    head_shares = pck(apart, head, head_mask, PCKH_THRESHOLD)
    limbs = [joint for joint in LIMB_JOINTS if joint not in without]
    scores = {
        "found": found.share,
        "pck": _mean(shares[limbs]),
        "auc": _mean(areas[limbs]),
        "pckh": _mean(head_shares[limbs]),
    }
    per_joint = {
        "pck_per_joint": _by_joint(shares, mask, found),
        "auc_per_joint": _by_joint(areas, mask, found),
        "pckh_per_joint": _by_joint(head_shares, head_mask, found),
    }
    if stills.xyz_mask.any():
        scores_3d, per_joint_3d = _score_metres(found, stills.xyz, stills.xyz_mask, without)
    elif stills.depth_mask.any():
        scores_3d, per_joint_3d = _score_depth(stills, found, without)
    else:
        scores_3d, per_joint_3d = {}, {}
    times = {"milliseconds": float(np.median(found.milliseconds))}
    return {**_known(scores | scores_3d | times), **per_joint, **per_joint_3d}


def score_view(view: View, found: Found, without: Collection[Joint] = ()) -> dict[str, Any]:
    """3D errors of one camera: millimetres, shares 0..1, degrees; and PCK@0.2 of the projected joints.

    Joints of `without` and those that `found` lacks count in no mean; per joint, those that it lacks are
    None. Raises EvaluationError when the video has not as many frames as are labelled.
    """
    if len(found.xy) != len(view.xy):
        raise EvaluationError(f"{view.name}: {len(found.xy)} frames in the video, {len(view.xy)} labelled")
    without = {*without, *found.lacking}
    scores_3d, per_joint_3d = _score_metres(found, view.xyz, view.mask, without)
    unit, known = torso_diagonal(view.xy, view.mask)
    mask = view.mask & known[:, None]
    shares = pck(distances(found.xy, view.xy), unit, mask)
    scores = {
        "found": found.share,
        **scores_3d,
        "pck": _mean(shares[[joint for joint in LIMB_JOINTS if joint not in without]]),
        "milliseconds": float(np.median(found.milliseconds)),
    }
    return {**_known(scores), **per_joint_3d, "pck_per_joint": _by_joint(shares, mask, found)}


_Scores = tuple[dict[str, float], dict[str, dict[str, float | None]]]  # figures; figures per joint


def _score_metres(found: Found, labelled: Array, mask: Mask, without: Collection[Joint]) -> _Scores:
    """All 3D errors against labels (N, 19, 3) in metres, origin mid-hip."""
    xyz, counted = root_aligned(found.xyz), _except(mask, without)
    aligned = procrustes(xyz, labelled, counted)
    angles, degrees = _score_angles(xyz, labelled, mask, found, without)
    errors = np.linalg.norm(xyz - labelled, axis=-1) * 1000
    per_joint = np.array([_mean(errors[mask[:, joint], joint]) for joint in Joint])
    scores = {
        "mpjpe_mm": mpjpe(xyz, labelled, counted) * 1000,
        "procrustes_mm": mpjpe(aligned, labelled, counted) * 1000,
        "pck3d_150mm": pck3d(xyz, labelled, counted),
        "auc3d_150mm": auc3d(xyz, labelled, counted),
        **angles,
        "depth_sign": depth_sign_accuracy(xyz, labelled, counted),
    }
    return scores, {"mpjpe_mm_per_joint": _by_joint(per_joint, mask, found), "degrees_per_joint": degrees}


def _score_depth(stills: Stills, found: Found, without: Collection[Joint]) -> _Scores:
    """Angles and depth signs against weak-perspective labels, in torsos: they have no metres."""
    flat = stills.xy - stills.xy[:, [Joint.left_hip, Joint.right_hip]].mean(axis=1, keepdims=True)
    labelled = np.concatenate([flat, stills.depth[..., None]], axis=-1)
    torso = np.linalg.norm(labelled[:, Joint.left_shoulder] - labelled[:, Joint.right_hip], axis=-1)
    mask = stills.mask & stills.depth_mask & (torso > 0)[:, None]
    labelled = labelled / np.maximum(torso, 1e-6)[:, None, None]
    angles, degrees = _score_angles(found.xyz, labelled, mask, found, without)
    sign = depth_sign_accuracy(found.xyz, labelled, _except(mask, without), margin=FLAT)
    return {**angles, "depth_sign": sign}, {"degrees_per_joint": degrees}


def _score_angles(
    xyz: Array, labelled: Array, mask: Mask, found: Found, without: Collection[Joint]
) -> tuple[dict[str, float], dict[str, float | None]]:
    """Angle errors in degrees: means of left and right; per joint."""
    own = _except(mask, found.lacking)
    errors = {name: joint_angle_error(xyz, labelled, own, corner) for name, corner in ANGLES.items()}
    counted = {name: value for name, value in errors.items() if not {*ANGLES[name]} & {*without}}
    means = {
        f"{part}_degrees": _mean(np.array([v for name, v in counted.items() if name.endswith(f"_{part}")]))
        for part in ("knee", "elbow", "hip", "shoulder")
    }
    return means, _known(errors)


def _except(mask: Mask, joints: Collection[Joint]) -> Mask:
    """The mask (N, 19) without some joints."""
    kept = mask.copy()
    kept[:, list(joints)] = False
    return kept


def _by_joint(values: Array, mask: Mask, found: Found) -> dict[str, float | None]:
    """By name, of the joints that are labelled anywhere; None where the estimator lacks the joint."""
    return _known(
        {
            JOINT_NAMES[j]: math.nan if j in found.lacking else float(values[j])
            for j in np.flatnonzero(mask.any(axis=0))
        }
    )


def _mean(values: Array) -> float:
    """Mean of those that are not NaN; NaN if none."""
    known = values[np.isfinite(values)]
    return float(known.mean()) if known.size else float("nan")


def _known(scores: dict[str, float]) -> dict[str, float | None]:
    """JSON has no NaN: a figure that could not be measured is None."""
    return {name: value if math.isfinite(value) else None for name, value in scores.items()}


# ---------------------------------------------------------------------------------------- the table


@dataclass(frozen=True, kw_only=True)
class _Row:
    """How a figure is printed: its name, unit, factor from the JSON's unit, digits after the point."""

    title: str
    unit: str = "%"
    factor: float = 100.0
    digits: int = 1


_ROWS: Final[dict[str, _Row]] = {
    "found": _Row(title="person found"),
    "pck": _Row(title="PCK@0.2 of the torso, limbs"),
    "auc": _Row(title="area under PCK up to 0.2"),
    "pckh": _Row(title="PCKh@0.5 of the head, limbs"),
    "mpjpe_mm": _Row(title="MPJPE, mid-hip aligned", unit="mm", factor=1.0),
    "procrustes_mm": _Row(title="MPJPE after Procrustes", unit="mm", factor=1.0),
    "pck3d_150mm": _Row(title="3D PCK@150 mm"),
    "auc3d_150mm": _Row(title="area under 3D PCK to 150 mm"),
    **{
        f"{part}_degrees": _Row(title=f"{part} angle error", unit="°", factor=1.0)
        for part in ("knee", "elbow", "hip", "shoulder")
    },
    "depth_sign": _Row(title="depth sign of bones right"),
    "milliseconds": _Row(title="time an image, median", unit="ms", factor=1.0),
    "pck_per_joint": _Row(title="PCK@0.2"),
    "auc_per_joint": _Row(title="area under PCK"),
    "pckh_per_joint": _Row(title="PCKh@0.5"),
    "mpjpe_mm_per_joint": _Row(title="MPJPE", unit="mm", factor=1.0),
    "degrees_per_joint": _Row(title="angle error", unit="°", factor=1.0),
}
_NAME, _UNIT, _CELL = 30, 4, 11


def table(title: str, columns: dict[str, dict[str, Any]]) -> str:
    """Scores as text: one row a figure, one column an estimator; below them one row a joint."""
    first = next(iter(columns.values()))
    width = max(_CELL, *(len(name) + 2 for name in columns))
    lines = [title, " " * (_NAME + _UNIT) + "".join(f"{name:>{width}}" for name in columns)]
    for key, value in first.items():
        if not isinstance(value, dict):
            cells = [_cell(key, column[key]) for column in columns.values()]
            row = _ROWS[key]
            lines.append(_line(row.title, row.unit, cells, width))
    groups = [key for key, value in first.items() if isinstance(value, dict) and value]
    if groups:
        lines.append("by joint" + ("" if len(columns) == 1 else f", {' / '.join(columns)}"))
        cell = max(_CELL, *(len(_ROWS[key].title) + 5 for key in groups)) + 6 * (len(columns) - 1)
        titles = (f"{_ROWS[key].title} ({_ROWS[key].unit})" for key in groups)
        lines.append(" " * 16 + "".join(f"{text:>{cell}}" for text in titles))
        for joint in dict.fromkeys(joint for key in groups for joint in first[key]):
            shown = (
                " / ".join(_cell(key, column[key].get(joint)) for column in columns.values())
                if joint in first[key]
                else ""
                for key in groups
            )
            lines.append((f"  {joint:<14}" + "".join(f"{text:>{cell}}" for text in shown)).rstrip())
    return "\n".join(lines)


def _cell(key: str, value: float | None) -> str:
    row = _ROWS[key]
    return "-" if value is None else f"{value * row.factor:.{row.digits}f}"


def _line(name: str, unit: str, cells: Sequence[str], width: int) -> str:
    return f"{name:<{_NAME}}{unit:>{_UNIT}}" + "".join(f"{cell:>{width}}" for cell in cells)


# ---------------------------------------------------------------------------------------- the command


def add_parser(commands: Any) -> None:
    """Adds `evaluate` to the sub-parsers of the main argument parser."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "evaluate",
        help="measure the network on labelled data",
        description="Measures the joints on photographs and on calibrated cameras (--data), on any data set "
        "(--set), draws clips to be judged by eye (--sheets), or measures counting and form on clips "
        "(--counting, --form).",
    )
    add_arguments(parser)
    parser.set_defaults(run=run)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `python main.py evaluate`."""
    parser.add_argument("--data", type=Path, metavar="FOLDER", help="holds the test sets' zip files")
    parser.add_argument(
        "--set", nargs="+", action="append", default=[], metavar=("KIND", "FILE"),
        help=f"a data set's held-out part; KIND is one of {', '.join(KINDS)}",
    )  # fmt: skip
    parser.add_argument("--sheets", type=Path, metavar="FOLDER", help="write a contact sheet for every clip")
    parser.add_argument(
        "--clips", type=Path, nargs="+", default=[], metavar="VIDEO|ZIP", help="the clips for --sheets"
    )
    add_runtime_arguments(parser)
    parser.add_argument("--vs", choices=("mediapipe",), help="measure this peer on the same images too")
    parser.add_argument("--peer-python", metavar="PATH", help="an interpreter that has the peer installed")
    parser.add_argument("--out", type=Path, metavar="FILE.json", help="write the figures")
    parser.add_argument("--worst", type=Path, metavar="FILE.jpg", help="draw the worst photographs")
    counting.add_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Evaluates; returns 0. Raises FormcueError with the exit code for what went wrong."""
    if arguments.counting or arguments.form:
        return counting.run(arguments)
    _check(arguments)
    estimator, model = load_estimator(arguments)
    report: list[dict[str, Any]] = []
    peer = arguments.peer_python if arguments.vs or arguments.sheets else None
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        photographs = [read_stills(arguments.data)] if _has(arguments.data, LSPET_FILES) else []
        photographs += [read_labelled(kind, files) for kind, *files in arguments.set]
        for number, stills in enumerate(photographs, start=1):
            worst = arguments.worst
            if worst is not None and number > 1:  # a sheet for each set
                worst = worst.with_stem(f"{worst.stem}-{number}")
            report.append(evaluate_stills(stills, estimator.estimate_still, scratch, peer, worst))
        if _has(arguments.data, (TWO_VIEW_FILE,)):
            for view in read_views(arguments.data):
                estimator.reset()
                path = scratch / plain_name(view.name)
                path.write_bytes(read_member(arguments.data / TWO_VIEW_FILE, view.name))
                report.append(evaluate_view(view, estimator.estimate, path, peer))
        if arguments.sheets:
            report += make_clip_sheets(arguments.clips, arguments.sheets, estimator, scratch, peer)
    if arguments.out:
        write_json(arguments.out, {"schema": SCHEMA, "model": model, "sets": report})
    return EXIT_DONE


def _check(arguments: argparse.Namespace) -> None:
    """Refuses what cannot be done before any work is done."""
    if arguments.data is None and not arguments.set and not arguments.sheets:
        raise EvaluationError(
            "nothing to measure: give --data FOLDER, --set KIND FILE, --sheets FOLDER, --counting ZIP or "
            "--form ZIP"
        )
    if arguments.data is not None:
        sets = (LSPET_FILES, (TWO_VIEW_FILE,))
        if not any(_has(arguments.data, files) for files in sets):
            names = f"{' and '.join(LSPET_FILES)}, or {TWO_VIEW_FILE}"
            raise EvaluationError(f"{arguments.data}: no test set there; put {names} into it")
        for files in sets:
            if not _has(arguments.data, files):
                print(f"skipped {', '.join(files)}: not in {arguments.data}", file=sys.stderr)
    for kind, *files in arguments.set:
        if kind not in KINDS or not files:
            raise EvaluationError(f"--set {kind}: expected a kind ({', '.join(KINDS)}) and its files")
    if bool(arguments.sheets) != bool(arguments.clips):
        raise EvaluationError("--sheets FOLDER and --clips VIDEO... belong together: give both")
    if arguments.vs and not arguments.peer_python:
        raise EvaluationError(
            f"--vs {arguments.vs}: give --peer-python PATH, an interpreter that has {arguments.vs}"
        )
    for path in filter(None, (arguments.out, arguments.worst)):
        check_writable(path)


def _has(folder: Path | None, files: Sequence[str]) -> bool:
    return folder is not None and all((folder / file).is_file() for file in files)


def evaluate_stills(
    stills: Stills,
    estimate_still: Callable[[NDArray[np.uint8]], Pose | None],
    scratch: Path,
    peer: str | None = None,
    worst: Path | None = None,
) -> dict[str, Any]:
    """Score the photographs, print the table, draw the worst; returns the set's part of the report."""
    decoded = [cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) for data in stills.images]
    readable = [row for row, image in enumerate(decoded) if image is not None]
    for row in sorted(set(range(len(decoded))) - set(readable)):
        log.warning("%s: not a readable picture; skipped", stills.names[row])
    if not readable:
        raise EvaluationError(f"{stills.title}: none of the pictures can be read")
    stills, images = stills.kept(readable), [np.asarray(decoded[row], np.uint8) for row in readable]
    found = collect(estimate_still(image) for image in tqdm(images, "photographs", leave=False, disable=None))
    answers = {"formcue": found}
    if peer:
        # Names of records are no file names; what is a picture shows in its first bytes.
        paths = [
            scratch / f"{number:06d}{'.png' if data[:4] == _PNG else '.jpg'}"
            for number, data in enumerate(stills.images)
        ]
        for path, data in zip(paths, stills.images, strict=True):
            path.write_bytes(data)
        name, theirs = ask_peer(peer, paths)
        answers[name] = together(theirs)
    without = _lacking(answers, stills.mask)
    scores = {name: score_stills(stills, answer, without) for name, answer in answers.items()}
    in_metres = int(stills.xyz_mask.any(axis=1).sum())
    title = f"{stills.title}; 3D joints in metres of {in_metres}" if in_metres else stills.title
    _print(title, scores, without)
    if worst:
        draw_worst(stills, images, found, worst)
    return {
        "set": stills.key,
        "images": len(stills.names),
        "images_in_metres": in_metres,
        "means_without": [joint.name for joint in without],
        "scores": scores,
    }


def evaluate_view(
    view: View, estimate: Callable[[Any], Pose | None], path: Path, peer: str | None = None
) -> dict[str, Any]:
    """Score one camera's video, frame after frame, print the table; returns the set's part of the report."""
    with open_source(str(path)) as source:
        found = collect(estimate(frame) for frame in iter(source.read, None))
    answers = {"formcue": found}
    if peer:
        name, theirs = ask_peer(peer, [path])
        answers[name] = theirs[0]
    without = _lacking(answers, view.mask)
    scores = {name: score_view(view, answer, without) for name, answer in answers.items()}
    title = f"Two views: {view.name}, {len(view.xy)} frames in order, 3D joints from four cameras"
    _print(title, scores, without)
    return {
        "set": f"two-view-3d {view.name}",
        "frames": len(view.xy),
        "means_without": [joint.name for joint in without],
        "scores": scores,
    }


def _lacking(answers: dict[str, Found], mask: Mask) -> tuple[Joint, ...]:
    """The labelled joints that one of the estimators does not have."""
    lacking = {joint for answer in answers.values() for joint in answer.lacking}
    return tuple(joint for joint in sorted(lacking) if mask[:, joint].any())


def _print(title: str, scores: dict[str, dict[str, Any]], without: Sequence[Joint]) -> None:
    print(table(title, scores))
    if without:
        names = ", ".join(joint.name for joint in without)
        print(f"means are without {names}: not every estimator has them")
    print()
