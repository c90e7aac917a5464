"""What estimators answer to pictures and videos: ours, and MediaPipe in an interpreter of its own."""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from app.errors import EXIT_USAGE, FormcueError
from app.skeleton import NUM_JOINTS, Joint, Pose
from app.training.measures import Array


class PeerError(FormcueError):
    """MediaPipe does not answer: its interpreter is missing or has no MediaPipe."""

    exit_code = EXIT_USAGE


@dataclass(frozen=True, kw_only=True, eq=False)
class Found:
    """An estimator's answers: xy (N, 19, 2) pixels, xyz (N, 19, 3) metres, both NaN where it found nobody;
    confidence (N, 19), 0 there; milliseconds (N,). lacking: joints that it does not have and was not asked
    for, whatever stands in their place."""

    xy: Array
    xyz: Array
    confidence: Array
    milliseconds: Array
    lacking: tuple[Joint, ...] = ()

    @property
    def share(self) -> float:
        """Share of images with a person found, 0..1."""
        return float(np.isfinite(self.xy[:, Joint.nose, 0]).mean())


def collect(poses: Iterable[Pose | None]) -> Found:
    """Poses as arrays, timed one by one as the iterator makes them."""
    xy, xyz, confidence, milliseconds = [], [], [], []
    start = time.perf_counter()
    for pose in poses:
        milliseconds.append((time.perf_counter() - start) * 1000)
        xy.append(np.full((NUM_JOINTS, 2), np.nan) if pose is None else pose.xy)
        xyz.append(np.full((NUM_JOINTS, 3), np.nan) if pose is None else pose.xyz)
        confidence.append(np.zeros(NUM_JOINTS) if pose is None else pose.confidence)
        start = time.perf_counter()
    return Found(
        xy=np.array(xy, float).reshape(-1, NUM_JOINTS, 2),
        xyz=np.array(xyz, float).reshape(-1, NUM_JOINTS, 3),
        confidence=np.array(confidence, float).reshape(-1, NUM_JOINTS),
        milliseconds=np.array(milliseconds),
    )


def ask_peer(python: str, files: Sequence[Path]) -> tuple[str, list[Found]]:
    """Run MediaPipe's interpreter over images (together) or videos: its name, and one Found a file.

    Raises PeerError when the interpreter does not answer.
    """
    script = Path(__file__).with_name("peer.py")
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "joints.npz"
        command = [python, str(script), "--out", str(out), *map(str, files)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False)
        except OSError as problem:
            raise PeerError(f"--peer-python {python}: cannot be started ({problem.strerror})") from None
        if done.returncode or not out.is_file():
            last = (done.stderr.strip().splitlines() or ["no message"])[-1]
            raise PeerError(f"--peer-python {python}: MediaPipe did not answer: {last}")
        with np.load(out, allow_pickle=False) as rows:
            seen = rows["found"][:, None, None]
            xy, xyz = np.where(seen, rows["xy"], np.nan), np.where(seen, rows["xyz"], np.nan)
            lacking = tuple(Joint(int(joint)) for joint in rows["lacking"])
            found = []
            for number in range(len(files)):
                mine = rows["name_index"] == number
                found.append(
                    Found(
                        xy=xy[mine],
                        xyz=xyz[mine],
                        confidence=np.where(rows["found"][mine, None], rows["confidence"][mine], 0.0),
                        milliseconds=rows["milliseconds"][mine],
                        lacking=lacking,
                    )
                )
            return str(rows["model"][0]), found


def together(answers: Sequence[Found]) -> Found:
    """Several answers of one estimator as one, one after the other."""
    return Found(
        xy=np.concatenate([answer.xy for answer in answers]),
        xyz=np.concatenate([answer.xyz for answer in answers]),
        confidence=np.concatenate([answer.confidence for answer in answers]),
        milliseconds=np.concatenate([answer.milliseconds for answer in answers]),
        lacking=answers[0].lacking,
    )
