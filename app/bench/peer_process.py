"""MediaPipe's step, a block of frames at a time. Runs in an interpreter of its own, which has `mediapipe`.

MediaPipe pins old packages, so it is kept out of this project's environment: this file imports nothing of
the project, and `bench` starts it with another Python. It says its name in a line of JSON, and then obeys
lines of its standard input: "open FILE" follows another video from its first frame on, "block N" does its
next N frames and answers with the milliseconds of each, and those of the processor for all, all threads
together. Conversion and decoding are not counted.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import json
import sys
import time
from typing import Any, Final

COMPLEXITY: Final = 1  # the full model, the one in the wheel


def main() -> int:
    """Obeys until standard input ends."""
    cv2 = importlib.import_module("cv2")
    make_pose = importlib.import_module("mediapipe").solutions.pose.Pose
    say({"name": f"MediaPipe {importlib.metadata.version('mediapipe')}"})
    following: Any = None
    video: Any = None
    for line in sys.stdin:
        command, _, value = line.rstrip("\n").partition(" ")
        if command == "open":
            if following is not None:
                following.close()
            following = make_pose(static_image_mode=False, model_complexity=COMPLEXITY)
            video = cv2.VideoCapture(value)
            say({"opened": video.isOpened()})
        else:
            frames = [frame for ok, frame in (video.read() for _ in range(int(value))) if ok]
            images = [cv2.cvtColor(frame, cv2.COLOR_BGR2RGB) for frame in frames]
            before = time.process_time()
            spent = [timed(following, image) for image in images]
            say({"milliseconds": spent, "processor": (time.process_time() - before) * 1000})
    return 0


def timed(following: Any, image: Any) -> float:
    """Milliseconds of one step."""
    start = time.perf_counter()
    following.process(image)
    return (time.perf_counter() - start) * 1000


def say(answer: dict[str, Any]) -> None:
    print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    sys.exit(main())
