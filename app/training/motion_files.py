"""Motion capture files of others as poses: BVH, and Acclaim's AMC with the ASF of its subject beside it.

    python -m app.training.motion_files FOLDER|FILE.bvh|FILE.amc ... --out poses.npz

The file written has `xyz` (N, 19, 3), metres in camera axes, origin mid-hip, for `--poses` of
app/training/lifting.py, and `confidence` (N, 19), all ones, so that `render --found` takes it too. A file's
unit is not told in it, so a body is made as long as an adult's. What no marker shows is put where it lies on
people: the nose before the head, the heel under and behind the ankle.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from scipy.spatial.transform import Rotation
from tqdm import tqdm

from app.errors import EXIT_DONE, FormcueError, UsageError, first_line
from app.files import check_writable, replacing
from app.skeleton import Joint
from app.training.bodies import SIDES, Array
from app.training.poses import heel
from app.world import NECK, TRUNK

# Poses a second kept: nearer neighbours are all but the same.
RATE: Final = 10.0
ACCLAIM_RATE: Final = 120.0  # that of the database of Carnegie Mellon University; the files do not tell it

# What programs call the joints, in lower case and without a "mixamorig:" before; S stands for the side.
_BVH: Final[Mapping[str, tuple[str, ...]]] = {
    "hip": ("Supleg", "S_thigh", "Sthigh", "Ship"),
    "knee": ("Sleg", "S_calf", "Slowleg", "Sknee", "Sshin"),
    "ankle": ("Sfoot", "S_foot", "Sankle"),
    "toe": ("Stoebase", "S_toebase", "Stoe"),
    "shoulder": ("Sarm", "S_upperarm", "Suparm", "Sshoulder"),
    "elbow": ("Sforearm", "S_forearm", "Slowarm", "Selbow"),
    "wrist": ("Shand", "S_hand", "Swrist"),
}
# Acclaim names bones, which end in the joints.
_ACCLAIM: Final[Mapping[str, tuple[str, ...]]] = {
    "hip": ("Shipjoint",),
    "knee": ("Sfemur",),
    "ankle": ("Stibia",),
    "toe": ("Sfoot",),
    "shoulder": ("Sclavicle",),
    "elbow": ("Shumerus",),
    "wrist": ("Sradius",),
}
_SIDE_NAMES: Final = {"left": ("left", "l"), "right": ("right", "r")}


@dataclass(frozen=True, kw_only=True, eq=False)
class Motion:
    """Named points (F, 3) of F frames, in the file's own unit, Y up; skull: where the head turns, and how."""

    points: Mapping[str, Array]
    names: Mapping[str, tuple[str, ...]]  # of the joints among the points
    skull: Array
    head: Rotation
    rate: float  # frames a second


def read_poses(path: Path) -> Array:
    """(N, 19, 3) metres in camera axes, origin mid-hip, ten poses a second of one .bvh or .amc file.

    Raises UsageError for a file that cannot be read or has not the joints of a person.
    """
    try:
        motion = _read_bvh(path) if path.suffix.lower() == ".bvh" else _read_amc(path)
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({first_line(error)})") from error
    except (ValueError, LookupError) as error:
        raise UsageError(f"{path}: broken or cut short ({first_line(error)})") from None
    every = max(1, round(motion.rate / RATE))
    return _as_people(motion, path)[::every]


def _as_people(motion: Motion, path: Path) -> Array:
    named = {
        name.lower().rpartition(":")[2].removeprefix("cc_base_"): at for name, at in motion.points.items()
    }

    def point(*names: str) -> Array:
        for name in names:
            if name in named:
                return named[name]
        raise UsageError(f"{path}: no joint called {' or '.join(names)} in it; rename it there")

    joints = np.zeros((len(motion.skull), len(Joint), 3))
    for side in SIDES:
        for part, names in motion.names.items():
            spelled = [name.replace("S", known, 1) for known in _SIDE_NAMES[side] for name in names]
            joints[:, Joint[f"{side}_{part}"]] = point(*spelled)
    hips, shoulders = (
        joints[:, [Joint[f"left_{part}"], Joint[f"right_{part}"]]].mean(axis=1)
        for part in ("hip", "shoulder")
    )
    # An adult's trunk is so long; the file's unit may be anything.
    trunk = float(np.median(np.linalg.norm(shoulders - hips, axis=-1)))
    if not np.isfinite(joints).all() or trunk <= 0:
        raise UsageError(f"{path}: places in it that are no numbers, or nobody's")
    metres = (TRUNK - NECK) / trunk
    joints = (joints - hips[:, None]) * metres
    skull = (motion.skull - hips) * metres
    joints[:, Joint.neck] = (shoulders - hips) * (TRUNK / trunk)
    joints[:, Joint.nose] = skull + motion.head.apply([0.0, 0.06, 0.09])
    joints[:, Joint.head_top] = skull + motion.head.apply([0.0, 0.20, 0.0])
    for side in SIDES:
        ankle, knee, toe = (joints[:, Joint[f"{side}_{part}"]] for part in ("ankle", "knee", "toe"))
        joints[:, Joint[f"{side}_heel"]] = heel(ankle, knee, toe)
    return joints * np.array([1.0, -1.0, -1.0])  # Y up to the camera's axes


# ---------------------------------------------------------------- BVH


@dataclass(kw_only=True)
class _Node:
    name: str
    parent: int | None
    offset: Array
    turns: str = ""  # the order of its angles, such as "ZYX"
    first: int = 0  # its first angle among the numbers of a frame


def _read_bvh(path: Path) -> Motion:
    """Biovision's format: a hierarchy of offsets, then a line of numbers a frame."""
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    rows = iter(lines)
    nodes = _hierarchy(rows)
    next(rows, "")  # Frames: N
    seconds = float(next(rows, "").rpartition(":")[2])
    table = np.array([[float(word) for word in row.split()] for row in rows if row.strip()])
    if not nodes or not seconds > 0 or table.ndim != 2:
        raise ValueError("no motion in it")
    places: list[Array] = []
    turned: list[Rotation] = []
    for node in nodes:
        own = Rotation.identity(len(table))
        if node.turns:
            own = Rotation.from_euler(node.turns, table[:, node.first : node.first + 3], degrees=True)
        if node.parent is None:
            places.append(np.zeros((len(table), 3)))
            turned.append(own)
        else:
            places.append(places[node.parent] + turned[node.parent].apply(node.offset))
            turned.append(turned[node.parent] * own)
    head = next((i for i, node in enumerate(nodes) if node.name.lower().endswith("head")), None)
    if head is None:
        raise UsageError(f"{path}: no joint called Head in it; rename it there")
    points = {node.name: at for node, at in zip(nodes, places, strict=True)}
    return Motion(points=points, names=_BVH, skull=places[head], head=turned[head], rate=1 / seconds)


def _hierarchy(rows: Iterator[str]) -> list[_Node]:
    """The nodes, parents first, up to the line MOTION. Raises ValueError or LookupError for a broken one."""
    nodes: list[_Node] = []
    open_: list[int | None] = []  # the nodes whose braces are open; None for an end without a joint
    numbers = 0
    named: int | None = None
    for row in rows:
        words = row.split()
        match words:
            case ["ROOT" | "JOINT", *rest]:
                nodes.append(
                    _Node(name=" ".join(rest), parent=open_[-1] if open_ else None, offset=np.zeros(3))
                )
                named = len(nodes) - 1
            case ["End", *_]:
                named = None
            case ["{"]:
                open_.append(named)
            case ["}"]:
                open_.pop()
            case ["OFFSET", *at] if named is not None:
                nodes[named].offset = np.array([float(word) for word in at])
            case ["CHANNELS", _, *channels] if named is not None:
                kinds = [channel for channel in channels if channel.endswith("rotation")]
                # Capital letters: each turn is about the axes that the ones before have turned.
                nodes[named].turns = "".join(channel[0].upper() for channel in kinds)
                nodes[named].first = numbers + len(channels) - len(kinds)
                numbers += len(channels)
            case ["MOTION"]:
                return nodes
    raise ValueError("no line MOTION")


# ---------------------------------------------------------------- Acclaim


@dataclass(frozen=True, kw_only=True, eq=False)
class _Bone:
    along: Array  # (3,) from its start to its end, in the axes of the whole body at rest
    axes: Rotation  # its own axes in those
    angles: tuple[int, ...]  # which of x, y, z its numbers turn about


def _read_amc(path: Path) -> Motion:
    """Acclaim's format: bones with axes of their own in an .asf, angles of each frame in the .amc."""
    skeletons = sorted(path.parent.glob("*.asf"))
    own = [asf for asf in skeletons if path.stem.startswith(asf.stem)]
    if not skeletons:
        raise UsageError(f"{path}: the .asf of its subject must lie beside it")
    bones, parents = _read_asf((own or skeletons)[0])
    frames: list[dict[str, list[float]]] = []
    for row in path.read_text(encoding="utf-8", errors="replace").splitlines():
        words = row.split()
        if not words or words[0][0] in "#:":
            continue
        if len(words) == 1:
            frames.append({})
        else:
            frames[-1][words[0]] = [float(word) for word in words[1:]]
    if not frames:
        raise ValueError("no frames in it")
    count = len(frames)
    root = np.array([frame["root"][3:6] for frame in frames])
    turned = {"root": Rotation.from_euler("xyz", root, degrees=True)}
    places = {"root": np.zeros((count, 3))}
    for name in _parents_first(parents):
        bone, parent = bones[name], parents[name]
        angles = np.zeros((count, 3))
        if bone.angles:
            angles[:, bone.angles] = [frame[name] for frame in frames]
        own_turn = Rotation.from_euler("xyz", angles, degrees=True)
        turned[name] = turned[parent] * (bone.axes * own_turn * bone.axes.inv())
        places[name] = places[parent] + turned[name].apply(bone.along)
    # The bone "upperneck" ends where "head" begins.
    return Motion(
        points=places, names=_ACCLAIM, skull=places["upperneck"], head=turned["head"], rate=ACCLAIM_RATE
    )


def _read_asf(path: Path) -> tuple[dict[str, _Bone], dict[str, str]]:
    """The bones by name, and each one's parent."""
    bones: dict[str, _Bone] = {}
    parents: dict[str, str] = {}
    section, bone = "", dict[str, list[str]]()
    for row in path.read_text(encoding="utf-8", errors="replace").splitlines():
        words = row.split()
        if not words:
            continue
        if words[0].startswith(":"):
            section = words[0]
        elif section == ":bonedata" and words[0] == "begin":
            bone = {}
        elif section == ":bonedata" and words[0] == "end":
            direction = np.array([float(word) for word in bone["direction"]])
            bones[bone["name"][0]] = _Bone(
                along=direction * float(bone["length"][0]),
                axes=Rotation.from_euler("xyz", [float(word) for word in bone["axis"][:3]], degrees=True),
                angles=tuple("xyz".index(kind[1]) for kind in bone.get("dof", []) if kind[0] == "r"),
            )
        elif section == ":bonedata":
            bone[words[0]] = words[1:]
        elif section == ":hierarchy" and words[0] not in ("begin", "end"):
            parents |= dict.fromkeys(words[1:], words[0])
    return bones, parents


def _parents_first(parents: Mapping[str, str]) -> list[str]:
    ordered = ["root"]
    for name in ordered:  # grows while it is gone through
        ordered += [child for child, parent in parents.items() if parent == name and child not in ordered]
    return ordered[1:]


# ---------------------------------------------------------------- the command


def motion_files(paths: Sequence[Path]) -> list[Path]:
    """The .bvh and .amc files among paths and in the folders among them. Raises UsageError for none."""
    found: list[Path] = []
    for path in paths:
        inside = sorted(path.rglob("*")) if path.is_dir() else [path]
        found += [file for file in inside if file.suffix.lower() in (".bvh", ".amc")]
    if not found:
        raise UsageError(f"{', '.join(map(str, paths))}: no .bvh or .amc file there")
    return found


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m app.training.motion_files", description="Makes poses of motion capture files."
    )
    parser.add_argument(
        "paths", nargs="+", type=Path, metavar="FOLDER|FILE", help="of .bvh or .amc with .asf"
    )
    parser.add_argument("--out", required=True, type=Path, metavar="FILE.npz")
    args = parser.parse_args(argv)
    try:
        check_writable(args.out)
        people, skipped = [], 0
        for path in tqdm(motion_files(args.paths), unit="file"):
            try:
                people.append(read_poses(path))
            except UsageError as error:
                tqdm.write(f"skipped: {error}", file=sys.stderr)
                skipped += 1
        if not people:
            raise UsageError("none of the files could be read")
        xyz = np.concatenate(people).astype(np.float32)
        with replacing(args.out) as part, part.open("wb") as file:
            np.savez_compressed(file, xyz=xyz, confidence=np.ones(xyz.shape[:2], np.float32))
        print(
            f"{args.out}: {len(xyz)} poses of {len(people)} files"
            + (f", {skipped} skipped" if skipped else "")
        )
    except FormcueError as error:
        print(f"motion_files: {error}", file=sys.stderr)
        return error.exit_code
    return EXIT_DONE


if __name__ == "__main__":
    sys.exit(main())
