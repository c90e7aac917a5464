"""Made-up athletes for tests: poses computed from joint angles, so that the truth is known."""

from __future__ import annotations

import math

import numpy as np

from app.recording import RecordedFrame, Recording
from app.skeleton import NUM_JOINTS, Joint, Pose

PIXELS_PER_METRE = 200.0
MID_HIP_STANDING = (320.0, 190.0)


def standing_figure(depth: float = 0.0) -> np.ndarray:
    """(19, 3) metres, seen from the athlete's left side (facing the picture's left).

    depth 0 is standing upright, 1 a squat with the thighs about level. The ankles stay in place.
    """
    shin = math.radians(4 + 28 * depth)  # lean of each segment from the vertical
    thigh = math.radians(-4 - 84 * depth)
    trunk = math.radians(2 + 38 * depth)
    points = np.zeros((NUM_JOINTS, 3))
    ankle = np.array([0.0, 0.85, 0.0])
    knee = ankle + 0.43 * np.array([-math.sin(shin), -math.cos(shin), 0.0])
    hip = knee + 0.42 * np.array([-math.sin(thigh), -math.cos(thigh), 0.0])
    up = np.array([-math.sin(trunk), -math.cos(trunk), 0.0])
    shoulder = hip + 0.50 * up
    arm = np.array([-math.sin(1.3 * depth), math.cos(1.3 * depth), 0.0])  # hangs, swings forward
    for side, z in (("left", -1.0), ("right", 1.0)):  # the left side is nearer to the camera
        away = np.array([0.0, 0.0, z])
        points[Joint[f"{side}_hip"]] = hip + 0.13 * away
        points[Joint[f"{side}_knee"]] = knee + 0.14 * away
        points[Joint[f"{side}_ankle"]] = ankle + 0.14 * away
        points[Joint[f"{side}_heel"]] = ankle + 0.14 * away + (0.06, 0.06, 0.0)
        points[Joint[f"{side}_toe"]] = ankle + 0.16 * away + (-0.18, 0.07, 0.0)
        points[Joint[f"{side}_shoulder"]] = shoulder + 0.19 * away
        points[Joint[f"{side}_elbow"]] = shoulder + 0.20 * away + 0.29 * arm
        points[Joint[f"{side}_wrist"]] = shoulder + 0.20 * away + 0.54 * arm
    points[Joint.neck] = shoulder + 0.06 * up
    points[Joint.nose] = shoulder + 0.20 * up + (-0.09, 0.0, 0.0)
    points[Joint.head_top] = shoulder + 0.34 * up
    return points


def pose_of(points: np.ndarray, time: float) -> Pose:
    """The Pose of a figure (19, 3) in metres, seen without perspective."""
    xy = points[:, :2] * PIXELS_PER_METRE + MID_HIP_STANDING
    middle = (points[Joint.left_hip] + points[Joint.right_hip]) / 2
    return Pose(
        time=time,
        xy=xy.astype(np.float32),
        xyz=(points - middle).astype(np.float32),
        confidence=np.full(NUM_JOINTS, 0.95, np.float32),
    )


def squats(
    count: int, *, depth: float = 1.0, seconds: float = 2.4, fps: float = 25.0, still: float = 1.5
) -> list[Pose]:
    """Stands still, does `count` squats one after another, stands still again."""
    total = round((2 * still + count * seconds) * fps)
    poses = []
    for i in range(total):
        t = i / fps
        at = (t - still) / seconds
        bend = depth * (1 - math.cos(2 * math.pi * at)) / 2 if 0 <= at <= count else 0.0
        poses.append(pose_of(standing_figure(bend), t))
    return poses


def recording_of(poses: list[Pose | None], *, fps: float = 25.0) -> Recording:
    """A recording of these poses; None is a frame with nobody in it."""
    frames = tuple(
        RecordedFrame(time=pose.time if pose is not None else i / fps, pose=pose)
        for i, pose in enumerate(poses)
    )
    return Recording(source="made up", width=640, height=480, fps=fps, frames=frames)
