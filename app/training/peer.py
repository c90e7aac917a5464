"""MediaPipe's joints in this project's order, for comparison. Runs in an interpreter of its own.

MediaPipe pins old packages, so it is kept out of this project's environment: this file
imports nothing of the project and is started with another Python, which has `mediapipe`:

    PYTHON peer.py --out FILE.npz IMAGE|VIDEO...

An image is looked at on its own (static mode), a video is followed from frame to frame
(tracking mode). FILE.npz holds one row for every image and for every video frame:
names (F,) the files, name_index (R,) whose row it is, xy (R, 19, 2) pixels, xyz (R, 19, 3) metres
from mid-hip, confidence (R, 19), found (R,), milliseconds (R,) of the estimation alone,
model (1,) what answered, lacking (2,) the joints that MediaPipe does not have: head_top and neck.
These have confidence 0 and are not to be judged: head_top is NaN; the neck, so that bones can be drawn
to it, is the middle of the shoulders, below where this project has it.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.metadata
import sys
import time
from typing import Any, Final

import numpy as np

IMAGE_ENDINGS: Final = (".jpg", ".jpeg", ".png", ".bmp", ".webp")
NUM_JOINTS: Final = 19

# Joint of the skeleton -> BlazePose landmark. The order of joints is that of app/skeleton.py.
LANDMARKS: Final = {
    1: 0, 3: 11, 4: 12, 5: 13, 6: 14, 7: 15, 8: 16, 9: 23, 10: 24,
    11: 25, 12: 26, 13: 27, 14: 28, 15: 29, 16: 30, 17: 31, 18: 32,
}  # fmt: skip
LACKING: Final = tuple(joint for joint in range(NUM_JOINTS) if joint not in LANDMARKS)
NECK, LEFT_SHOULDER, RIGHT_SHOULDER = 2, 3, 4


def read_joints(result: Any, width: int, height: int) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """MediaPipe's result as xy (19, 2), xyz (19, 3), confidence (19,); None where it found nobody."""
    if not result.pose_landmarks:
        return None
    xy = np.full((NUM_JOINTS, 2), np.nan, np.float32)
    xyz = np.full((NUM_JOINTS, 3), np.nan, np.float32)
    confidence = np.zeros(NUM_JOINTS, np.float32)
    for joint, landmark in LANDMARKS.items():
        flat = result.pose_landmarks.landmark[landmark]
        solid = result.pose_world_landmarks.landmark[landmark]
        xy[joint] = flat.x * width, flat.y * height
        xyz[joint] = solid.x, solid.y, solid.z
        confidence[joint] = flat.visibility
    xy[NECK] = (xy[LEFT_SHOULDER] + xy[RIGHT_SHOULDER]) / 2
    xyz[NECK] = (xyz[LEFT_SHOULDER] + xyz[RIGHT_SHOULDER]) / 2
    return xy, xyz, confidence


def main(argv: list[str] | None = None) -> int:
    """Exit code 0, or 2 when a file cannot be read."""
    parser = argparse.ArgumentParser(description="MediaPipe's joints as an .npz file")
    parser.add_argument("--out", required=True, metavar="FILE.npz")
    parser.add_argument("--complexity", type=int, default=1, help="1 is the full model, the one in the wheel")
    parser.add_argument("files", nargs="+", metavar="IMAGE|VIDEO")
    arguments = parser.parse_args(argv)
    cv2 = importlib.import_module("cv2")
    make_pose = importlib.import_module("mediapipe").solutions.pose.Pose
    static = make_pose(static_image_mode=True, model_complexity=arguments.complexity)

    rows: list[tuple[int, np.ndarray, np.ndarray, np.ndarray, bool, float]] = []

    def add(pose: Any, image: np.ndarray, number: int) -> None:
        rgb = cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
        start = time.perf_counter()
        result = pose.process(rgb)
        spent = (time.perf_counter() - start) * 1000
        joints = read_joints(result, image.shape[1], image.shape[0])
        empty = np.zeros((NUM_JOINTS, 2)), np.zeros((NUM_JOINTS, 3)), np.zeros(NUM_JOINTS)
        rows.append((number, *(joints or empty), joints is not None, spent))

    for number, path in enumerate(arguments.files):
        before = len(rows)
        if path.lower().endswith(IMAGE_ENDINGS):
            image = cv2.imread(path)
            if image is not None:
                add(static, image, number)
        else:
            video = cv2.VideoCapture(path)
            with make_pose(static_image_mode=False, model_complexity=arguments.complexity) as following:
                while (read := video.read())[0]:
                    add(following, read[1], number)
        if len(rows) == before:
            print(f"{path}: not an image or video that can be read", file=sys.stderr)
            return 2

    model = f"MediaPipe {importlib.metadata.version('mediapipe')}"
    if arguments.complexity != 1:
        model += f" complexity {arguments.complexity}"
    name_index, xy, xyz, confidence, found, milliseconds = zip(*rows, strict=True)
    np.savez(
        arguments.out,
        names=np.array(arguments.files),
        name_index=np.array(name_index, np.int64),
        xy=np.array(xy, np.float32),
        xyz=np.array(xyz, np.float32),
        confidence=np.array(confidence, np.float32),
        found=np.array(found, bool),
        milliseconds=np.array(milliseconds, np.float32),
        model=np.array([model]),
        lacking=np.array(LACKING, np.int64),
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
