"""How good the joints are: measures with explicit masks, the test sets, and `evaluate`.

Two sets, each skipped when its files are not there:
* photographs: the Leeds Sports Pose Extended images (Johnson & Everingham, CVPR 2011), the fixed
  validation split only, each image on its own -> PCK and the area under its curve;
* two views: one person before two calibrated cameras with 3D joints -> errors in millimetres and degrees.

Measures take joints as (N, J, 2) or (N, J, 3) with a mask (N, J) of what counts. A joint that was
asked for and not found is NaN: wrong for a share, left out of a mean error (read it beside the share found).
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from app.commands import add_runtime_arguments, load_estimator
from app.errors import EXIT_DONE, EXIT_USAGE, FormcueError
from app.files import check_writable, replacing, write_json
from app.skeleton import BONES, JOINT_NAMES, NUM_JOINTS, Joint, Pose
from app.training import counting
from app.training.datasets import read_lsp, validation_names

Array = NDArray[np.floating[Any]]
Mask = NDArray[np.bool_]

LIMB_JOINTS: Final[tuple[Joint, ...]] = tuple(
    Joint[f"{side}_{part}"]
    for part in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
    for side in ("left", "right")
)
ANGLES: Final[dict[str, tuple[Joint, Joint, Joint]]] = {
    "left_knee": (Joint.left_hip, Joint.left_knee, Joint.left_ankle),
    "right_knee": (Joint.right_hip, Joint.right_knee, Joint.right_ankle),
    "left_elbow": (Joint.left_shoulder, Joint.left_elbow, Joint.left_wrist),
    "right_elbow": (Joint.right_shoulder, Joint.right_elbow, Joint.right_wrist),
}
PCK_THRESHOLD: Final = 0.2  # of the torso diagonal, left shoulder to right hip
PCK3D_THRESHOLD: Final = 0.150  # metres; Mehta et al. 2017
DEPTH_MARGIN: Final = 0.10  # metres; bones that lie flatter than this have no clear sign
SCHEMA: Final = 1


class EvaluationError(FormcueError):
    """The evaluation cannot be done: a test set or the peer is missing or unusable."""

    exit_code = EXIT_USAGE


# ---------------------------------------------------------------------------------------- measures


def torso_diagonal(xy: Array, mask: Mask) -> tuple[Array, Mask]:
    """Left shoulder to right hip of labelled joints (N, J, 2): lengths (N,) and where it is known (N,)."""
    lengths = np.linalg.norm(xy[:, Joint.left_shoulder] - xy[:, Joint.right_hip], axis=-1)
    return lengths, mask[:, Joint.left_shoulder] & mask[:, Joint.right_hip] & (lengths > 0)


def distances(found: Array, labelled: Array) -> Array:
    """Distance of each joint from its label, (N, J, 2 or 3) -> (N, J); infinite for a joint not found."""
    apart = np.linalg.norm(found - labelled, axis=-1)
    return np.where(np.isnan(found).any(axis=-1), np.inf, apart)


def pck(apart: Array, unit: Array, mask: Mask, threshold: float = PCK_THRESHOLD) -> Array:
    """Percentage of correct keypoints as shares 0..1 per joint, (J,); NaN for a joint never labelled.

    apart: (N, J) distances; unit: (N,) length that the threshold is a fraction of. Yang & Ramanan 2013.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        right = apart / unit[:, None] < threshold
        return np.where(mask.any(axis=0), (right & mask).sum(axis=0) / mask.sum(axis=0), np.nan)


def auc(apart: Array, unit: Array, mask: Mask, limit: float = PCK_THRESHOLD) -> Array:
    """Area under each joint's PCK curve from 0 to `limit`, as a share 0..1, (J,); NaN if never labelled.

    The curve is a staircase, so its area is exact: the mean of max(0, 1 - distance / limit).
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        reach = np.clip(1 - apart / unit[:, None] / limit, 0, 1)
        return np.where(mask.any(axis=0), np.where(mask, reach, 0).sum(axis=0) / mask.sum(axis=0), np.nan)


def root_aligned(xyz: Array) -> Array:
    """(N, 19, 3) moved so that mid-hip is the origin."""
    return xyz - (xyz[:, [Joint.left_hip]] + xyz[:, [Joint.right_hip]]) / 2


def mpjpe(found: Array, labelled: Array, mask: Mask) -> float:
    """Mean per-joint position error of the masked joints that were found, in the unit given; NaN if none."""
    errors = np.linalg.norm(found - labelled, axis=-1)
    counted = errors[mask & np.isfinite(errors)]
    return float(counted.mean()) if counted.size else float("nan")


def procrustes(found: Array, labelled: Array, mask: Mask) -> Array:
    """`found` (N, J, 3), each row moved, turned and scaled to lie best on `labelled` over its mask.

    Least squares without reflection, Umeyama 1991. Rows with fewer than three usable joints become NaN.
    """
    usable = mask & np.isfinite(found).all(axis=-1) & np.isfinite(labelled).all(axis=-1)
    result = np.full(found.shape, np.nan)
    for row in np.flatnonzero(usable.sum(axis=1) >= 3):
        use = usable[row]
        origin, target = found[row, use].mean(axis=0), labelled[row, use].mean(axis=0)
        centred = found[row, use] - origin
        left, stretch, right = np.linalg.svd(centred.T @ (labelled[row, use] - target))
        signs = np.array([1, 1, np.sign(np.linalg.det(left @ right))])  # a body is never its mirror image
        scale = (stretch * signs).sum() / max((centred**2).sum(), 1e-12)
        result[row] = scale * (found[row] - origin) @ (left * signs @ right) + target
    return result


def pck3d(found: Array, labelled: Array, mask: Mask, threshold: float = PCK3D_THRESHOLD) -> float:
    """Share 0..1 of masked joints nearer than `threshold` (metres) to their label; NaN if none is masked."""
    return float((distances(found, labelled) < threshold)[mask].mean()) if mask.any() else float("nan")


def joint_angles(xyz: Array, corner: tuple[int, int, int]) -> Array:
    """Angle at the middle joint of the three, degrees 0..180, (N,); NaN where a joint is."""
    first, middle, last = (xyz[:, joint] for joint in corner)
    one, other = first - middle, last - middle
    with np.errstate(divide="ignore", invalid="ignore"):
        cosine = (one * other).sum(axis=-1) / np.linalg.norm(one, axis=-1) / np.linalg.norm(other, axis=-1)
    return np.degrees(np.arccos(np.clip(cosine, -1, 1)))


def joint_angle_error(found: Array, labelled: Array, mask: Mask, corner: tuple[int, int, int]) -> float:
    """Mean absolute difference of the angle over rows that have all three joints, degrees; NaN if none."""
    errors = np.abs(joint_angles(found, corner) - joint_angles(labelled, corner))
    counted = errors[mask[:, list(corner)].all(axis=1) & np.isfinite(errors)]
    return float(counted.mean()) if counted.size else float("nan")


def depth_sign_accuracy(
    found: Array,
    labelled: Array,
    mask: Mask,
    bones: Sequence[tuple[int, int]] = BONES,
    margin: float = DEPTH_MARGIN,
) -> float:
    """Share 0..1 of bones whose nearer end is the right one; NaN if no bone is deep enough to tell.

    Only bones count whose labelled ends differ by more than `margin` (metres) in depth.
    """
    first, last = ([bone[end] for bone in bones] for end in (0, 1))
    true = labelled[:, last, 2] - labelled[:, first, 2]
    clear = mask[:, first] & mask[:, last] & (np.abs(np.nan_to_num(true)) > margin)
    right = (found[:, last, 2] - found[:, first, 2]) * true > 0  # NaN compares false: not found is wrong
    return float(right[clear].mean()) if clear.any() else float("nan")


# ---------------------------------------------------------------------------------------- test sets

LSPET_FILES: Final = ("lspet-train-0.zip", "lspet-train-1.zip")
TWO_VIEW_FILE: Final = "two-view-3d.zip"


@dataclass(frozen=True, kw_only=True, eq=False)
class Stills:
    """Labelled photographs: names (N), jpeg bytes (N), xy (N, 19, 2) pixels, mask (N, 19) of labels."""

    names: tuple[str, ...]
    images: tuple[bytes, ...]
    xy: Array
    mask: Mask


@dataclass(frozen=True, kw_only=True, eq=False)
class View:
    """One camera's labelled video.

    xyz (F, 19, 3): metres in this camera's axes, origin mid-hip; xy (F, 19, 2): the same joints projected
    into the frame, pixels; mask (F, 19): which joints are labelled.
    """

    name: str
    xyz: Array
    xy: Array
    mask: Mask


@dataclass(frozen=True, kw_only=True, eq=False)
class Found:
    """An estimator's answers: xy (N, 19, 2), xyz (N, 19, 3), NaN where it found nobody; milliseconds (N,)."""

    xy: Array
    xyz: Array
    milliseconds: Array

    @property
    def share(self) -> float:
        """Share of images with a person found, 0..1."""
        return float(np.isfinite(self.xy[:, Joint.nose, 0]).mean())


def read_stills(folder: Path) -> Stills:
    """The photographs of the validation split. Raises DataSetError."""
    pictures = sorted(read_lsp([folder / name for name in LSPET_FILES]), key=lambda picture: picture.name)
    # The split is drawn from all names, so both files are needed.
    kept = validation_names([picture.name for picture in pictures])
    pictures = [picture for picture in pictures if picture.name in kept]
    return Stills(
        names=tuple(picture.name for picture in pictures),
        images=tuple(picture.encoded for picture in pictures),
        xy=np.array([picture.xy for picture in pictures]),
        mask=np.array([picture.xy_weight > 0 for picture in pictures]),
    )


def read_views(folder: Path) -> tuple[View, ...]:
    """The two cameras' labels. Raises EvaluationError."""
    document = json.loads(_read_member(folder / TWO_VIEW_FILE, "joints.json"))
    world = np.full((len(document["frames"]), NUM_JOINTS, 3), np.nan)
    for row, frame in enumerate(document["frames"]):
        for name, values in frame.items():
            world[row, Joint[name]] = np.asarray(values[:3], float) / 1000
    views = []
    for name, camera in document["cameras"].items():
        xyz = world @ np.array(camera["rotation"]).T + np.array(camera["translation_mm"]) / 1000
        views.append(
            View(
                name=name,
                xyz=root_aligned(xyz),
                xy=project(xyz, np.array(camera["intrinsics"]), camera["distortion"]),
                # Without both hips there is no origin to measure from.
                mask=np.asarray(np.isfinite(root_aligned(xyz)).all(axis=-1), bool),
            )
        )
    return tuple(views)


def project(xyz: Array, intrinsics: Array, distortion: Sequence[float]) -> Array:
    """Camera coordinates (..., 3) to pixels (..., 2); distortion k1, k2, p1, p2 of Brown's model."""
    k1, k2, p1, p2 = distortion
    x, y = xyz[..., 0] / xyz[..., 2], xyz[..., 1] / xyz[..., 2]
    square = x * x + y * y
    radial = 1 + k1 * square + k2 * square * square
    bent = np.stack(
        (
            x * radial + 2 * p1 * x * y + p2 * (square + 2 * x * x),
            y * radial + p1 * (square + 2 * y * y) + 2 * p2 * x * y,
        ),
        axis=-1,
    )
    return bent * intrinsics[[0, 1], [0, 1]] + intrinsics[:2, 2]


def _read_member(path: Path, name: str) -> bytes:
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.read(name)
    except (OSError, zipfile.BadZipFile, KeyError) as problem:
        hint = "give the original zip file"
        raise EvaluationError(f"{path}: cannot read {name} from it ({problem}); {hint}") from None


# ---------------------------------------------------------------------------------------- estimators


def collect(poses: Iterable[Pose | None]) -> Found:
    """Poses as arrays, timed one by one as the iterator makes them."""
    xy, xyz, milliseconds = [], [], []
    start = time.perf_counter()
    for pose in poses:
        milliseconds.append((time.perf_counter() - start) * 1000)
        xy.append(np.full((NUM_JOINTS, 2), np.nan) if pose is None else pose.xy)
        xyz.append(np.full((NUM_JOINTS, 3), np.nan) if pose is None else pose.xyz)
        start = time.perf_counter()
    return Found(
        xy=np.array(xy, float).reshape(-1, NUM_JOINTS, 2),
        xyz=np.array(xyz, float).reshape(-1, NUM_JOINTS, 3),
        milliseconds=np.array(milliseconds),
    )


def ask_peer(python: str, files: Sequence[Path]) -> tuple[str, list[Found]]:
    """Run MediaPipe's interpreter over images (together) or videos: its name, and one Found a file.

    Raises EvaluationError when the interpreter does not answer.
    """
    script = Path(__file__).with_name("peer.py")
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "joints.npz"
        command = [python, str(script), "--out", str(out), *map(str, files)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False)
        except OSError as problem:
            raise EvaluationError(f"--peer-python {python}: cannot be started ({problem.strerror})") from None
        if done.returncode or not out.is_file():
            last = (done.stderr.strip().splitlines() or ["no message"])[-1]
            raise EvaluationError(f"--peer-python {python}: MediaPipe did not answer: {last}")
        with np.load(out) as rows:
            seen = rows["found"][:, None, None]
            xy, xyz = np.where(seen, rows["xy"], np.nan), np.where(seen, rows["xyz"], np.nan)
            found = []
            for number in range(len(files)):
                mine = rows["name_index"] == number
                found.append(Found(xy=xy[mine], xyz=xyz[mine], milliseconds=rows["milliseconds"][mine]))
            return str(rows["model"][0]), found


# ---------------------------------------------------------------------------------------- scores


def score_stills(stills: Stills, found: Found) -> dict[str, Any]:
    """PCK@0.2 and its area, mean of the 12 limb joints and per joint, over images with a labelled torso."""
    unit, known = torso_diagonal(stills.xy, stills.mask)
    mask = stills.mask & known[:, None]
    apart = distances(found.xy, stills.xy)
    shares, areas = pck(apart, unit, mask), auc(apart, unit, mask)
    limbs = list(LIMB_JOINTS)
    summary = {
        "pck": _mean(shares[limbs]),
        "auc": _mean(areas[limbs]),
        "found": found.share,
        "milliseconds": float(np.median(found.milliseconds)),
    }
    per_joint = {JOINT_NAMES[j]: float(shares[j]) for j in np.flatnonzero(mask.any(axis=0))}
    return {**_known(summary), "pck_per_joint": per_joint}


def badness(stills: Stills, found: Found) -> Array:
    """How wrong each photograph came out, 0..1 (N,): its limb joints' mean distance in torsos, at most 1."""
    unit, known = torso_diagonal(stills.xy, stills.mask)
    limbs = list(LIMB_JOINTS)
    with np.errstate(divide="ignore", invalid="ignore"):
        apart = np.minimum(distances(found.xy, stills.xy) / unit[:, None], 1)[:, limbs]
    mask = stills.mask[:, limbs] & known[:, None]
    return np.asarray(np.where(mask, apart, 0).sum(axis=1) / np.maximum(mask.sum(axis=1), 1))


def score_view(view: View, found: Found) -> dict[str, Any]:
    """3D errors of one camera: millimetres, shares 0..1, degrees; and PCK@0.2 of the projected joints."""
    if len(found.xy) != len(view.xy):
        raise EvaluationError(f"{view.name}: {len(found.xy)} frames in the video, {len(view.xy)} labelled")
    xyz = root_aligned(found.xyz)
    aligned = procrustes(xyz, view.xyz, view.mask)
    unit, known = torso_diagonal(view.xy, view.mask)
    flat_mask = view.mask & known[:, None]
    angles = {name: joint_angle_error(xyz, view.xyz, view.mask, corner) for name, corner in ANGLES.items()}
    summary = {
        "mpjpe_mm": mpjpe(xyz, view.xyz, view.mask) * 1000,
        "procrustes_mm": mpjpe(aligned, view.xyz, view.mask) * 1000,
        "pck3d_150mm": pck3d(xyz, view.xyz, view.mask),
        "knee_degrees": _mean(np.array([angles["left_knee"], angles["right_knee"]])),
        "elbow_degrees": _mean(np.array([angles["left_elbow"], angles["right_elbow"]])),
        "depth_sign": depth_sign_accuracy(xyz, view.xyz, view.mask),
        "pck": _mean(pck(distances(found.xy, view.xy), unit, flat_mask)[list(LIMB_JOINTS)]),
        "found": found.share,
        "milliseconds": float(np.median(found.milliseconds)),
    }
    return _known(summary)


def table(title: str, columns: dict[str, dict[str, Any]]) -> str:
    """Scores as text: one row a figure, one column an estimator."""
    lines = [title, " " * 18 + "".join(f"{name:>20}" for name in columns)]
    rows: list[tuple[str, list[float | None]]] = []
    for key, value in next(iter(columns.values())).items():
        if isinstance(value, dict):
            inner = [column[key] for column in columns.values()]
            rows += [(f"  {joint}", [scores.get(joint) for scores in inner]) for joint in value]
        else:
            rows.append((key, [column[key] for column in columns.values()]))
    for name, values in rows:
        digits = 1 if name.endswith(("_mm", "_degrees", "milliseconds")) else 3
        cells = ("-" if value is None else f"{value:.{digits}f}" for value in values)
        lines.append(f"{name:<18}" + "".join(f"{cell:>20}" for cell in cells))
    return "\n".join(lines)


def _mean(values: Array) -> float:
    """Mean of those that are not NaN; NaN if none."""
    known = values[np.isfinite(values)]
    return float(known.mean()) if known.size else float("nan")


def _known(scores: dict[str, float]) -> dict[str, Any]:
    """JSON has no NaN: a figure that could not be measured is None."""
    return {name: value if math.isfinite(value) else None for name, value in scores.items()}


# ---------------------------------------------------------------------------------------- the command


def add_parser(commands: Any) -> None:
    """Adds `evaluate` to the sub-parsers of the main argument parser."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "evaluate",
        help="measure the network on labelled data",
        description="Measures the joints on photographs and on calibrated cameras (--data), or counting and "
        "form on clips (--counting, --form), and prints tables.",
    )
    add_arguments(parser)
    parser.set_defaults(run=run)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `python main.py evaluate`."""
    parser.add_argument("--data", type=Path, metavar="FOLDER", help="holds the test sets' zip files")
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
    if arguments.data is None:
        raise EvaluationError("nothing to measure: give --data FOLDER, --counting ZIP or --form ZIP")
    sets = [LSPET_FILES, (TWO_VIEW_FILE,)]
    present = [files for files in sets if all((arguments.data / file).is_file() for file in files)]
    if not present:
        names = f"{' and '.join(LSPET_FILES)}, or {TWO_VIEW_FILE}"
        raise EvaluationError(f"{arguments.data}: no test set there; put {names} into it")
    if arguments.vs and not arguments.peer_python:
        raise EvaluationError(
            f"--vs {arguments.vs}: give --peer-python PATH, an interpreter that has {arguments.vs}"
        )
    for path in filter(None, (arguments.out, arguments.worst)):
        check_writable(path)
    for files in sets:
        if files not in present:
            print(f"skipped {', '.join(files)}: not in {arguments.data}", file=sys.stderr)

    estimator, model = load_estimator(arguments)
    report: list[dict[str, Any]] = []
    peer = arguments.peer_python if arguments.vs else None
    with tempfile.TemporaryDirectory() as scratch:
        if LSPET_FILES in present:
            stills = read_stills(arguments.data)
            report.append(
                evaluate_stills(stills, estimator.estimate_still, Path(scratch), peer, arguments.worst)
            )
        if (TWO_VIEW_FILE,) in present:
            for view in read_views(arguments.data):
                estimator.reset()
                path = Path(scratch) / view.name
                path.write_bytes(_read_member(arguments.data / TWO_VIEW_FILE, view.name))
                report.append(evaluate_view(view, estimator.estimate, path, peer))
    if arguments.out:
        write_json(arguments.out, {"schema": SCHEMA, "model": model, "sets": report})
    return EXIT_DONE


def evaluate_stills(
    stills: Stills,
    estimate_still: Callable[[NDArray[np.uint8]], Pose | None],
    scratch: Path,
    peer: str | None = None,
    worst: Path | None = None,
) -> dict[str, Any]:
    """Score the photographs, print the table, draw the worst; returns the set's part of the report."""
    import cv2
    from tqdm import tqdm

    images: list[Any] = []
    for name, data in zip(stills.names, stills.images, strict=True):
        images.append(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR))
        if images[-1] is None:
            raise EvaluationError(f"{name}: not a readable image")
    found = collect(estimate_still(image) for image in tqdm(images, "photographs", leave=False, disable=None))
    scores = {"formcue": score_stills(stills, found)}
    if peer:
        paths = [scratch / name for name in stills.names]
        for path, data in zip(paths, stills.images, strict=True):
            path.write_bytes(data)
        name, answers = ask_peer(peer, paths)
        together = Found(
            xy=np.concatenate([answer.xy for answer in answers]),
            xyz=np.concatenate([answer.xyz for answer in answers]),
            milliseconds=np.concatenate([answer.milliseconds for answer in answers]),
        )
        scores[name] = score_stills(stills, together)
    title = f"Photographs: {len(stills.names)} of LSPET never trained on, whole image, each on its own"
    print(table(title, scores) + "\n")
    if worst:
        draw_worst(stills, images, found, worst)
    return {"set": "lspet-validation", "images": len(stills.names), "scores": scores}


def evaluate_view(
    view: View, estimate: Callable[[Any], Pose | None], path: Path, peer: str | None = None
) -> dict[str, Any]:
    """Score one camera's video, frame after frame, print the table; returns the set's part of the report."""
    from app.capture import open_source

    with open_source(str(path)) as source:
        found = collect(estimate(frame) for frame in iter(source.read, None))
    scores = {"formcue": score_view(view, found)}
    if peer:
        name, answers = ask_peer(peer, [path])
        scores[name] = score_view(view, answers[0])
    title = f"Two views: {view.name}, {len(view.xy)} frames in order, 3D joints from four cameras"
    print(table(title, scores) + "\n")
    return {"set": f"two-view-3d {view.name}", "frames": len(view.xy), "scores": scores}


def draw_worst(stills: Stills, images: Sequence[Any], found: Found, path: Path, count: int = 24) -> None:
    """A contact sheet of the worst photographs: found bones in colour, labels as white rings."""
    import cv2

    cell, columns = 256, 6
    white = (255, 255, 255)
    wrong = badness(stills, found)
    order = np.argsort(-wrong)[:count]
    sheet = np.zeros((-(-len(order) // columns) * cell, columns * cell, 3), np.uint8)
    for place, row in enumerate(order):
        image = images[row]
        scale = cell / max(image.shape[:2])
        small = cv2.resize(image, None, fx=scale, fy=scale)
        for first, last in BONES if np.isfinite(found.xy[row]).all() else ():
            colour = (255, 160, 0) if JOINT_NAMES[last].startswith("left") else (0, 140, 255)
            ends = [tuple(map(int, found.xy[row, joint] * scale)) for joint in (first, last)]
            cv2.line(small, ends[0], ends[1], colour, 2, cv2.LINE_AA)
        for joint in np.flatnonzero(stills.mask[row]):
            cv2.circle(small, tuple(map(int, stills.xy[row, joint] * scale)), 3, white, 1, cv2.LINE_AA)
        text = f"{stills.names[row]} {wrong[row]:.2f}"
        cv2.putText(small, text, (4, 14), cv2.FONT_HERSHEY_SIMPLEX, 0.42, white, 1, cv2.LINE_AA)
        top, left = divmod(place, columns)
        sheet[top * cell : top * cell + small.shape[0], left * cell : left * cell + small.shape[1]] = small
    with replacing(path) as temporary:
        temporary.write_bytes(cv2.imencode(".jpg", sheet, [cv2.IMWRITE_JPEG_QUALITY, 90])[1].tobytes())
