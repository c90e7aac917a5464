from __future__ import annotations

import numpy as np
import pytest

from app.capture import Frame
from app.skeleton import NUM_JOINTS, Pose
from app.ui.playout import LONGEST_DELAY, STALE, Playout

PICTURE = np.zeros((4, 4, 3), np.uint8)


def frame(moment: float) -> Frame:
    return Frame(image=PICTURE, time=moment, index=round(moment * 25), arrived=moment)


def pose(moment: float, x: float) -> Pose:
    return Pose(
        time=moment,
        xy=np.full((NUM_JOINTS, 2), x, np.float32),
        xyz=np.zeros((NUM_JOINTS, 3), np.float32),
        confidence=np.ones(NUM_JOINTS, np.float32),
    )


def test_nothing_is_shown_before_the_first_frame_and_then_at_once() -> None:
    playout = Playout()
    assert playout.shown(1.0) is None
    playout.add_frame(frame(1.0))
    shown = playout.shown(1.0)
    assert shown is not None
    assert shown.pose is None


def test_a_frame_waits_for_its_pose_and_stands_with_it() -> None:
    """Frames every 40 ms, poses 60 ms late: no frame is shown with the pose of an earlier one."""
    playout = Playout()
    played = {}
    for tick in range(200):
        now = 10.0 + tick * 0.01
        if tick % 4 == 0:
            playout.add_frame(frame(now))
        if tick >= 6 and (tick - 6) % 4 == 0:
            playout.add_pose(frame(now - 0.06), pose(now - 0.06, tick - 6), now)
        shown = playout.shown(now)
        if tick > 50 and shown is not None:
            assert shown.pose is not None
            played[round((shown.frame.arrived - 10.0) * 100)] = float(shown.pose.xy[0, 0])
            assert now - shown.frame.arrived <= 0.06 + 0.041
    assert len(played) > 30
    assert all(x == pytest.approx(moment) for moment, x in played.items())


def test_between_two_poses_the_skeleton_is_interpolated() -> None:
    playout = Playout()
    playout.add_pose(frame(1.00), pose(1.00, 0.0), 1.1)
    playout.add_frame(frame(1.05))
    playout.add_pose(frame(1.10), pose(1.10, 10.0), 1.2)
    shown = playout.shown(1.2)
    assert shown is not None
    assert shown.pose is not None
    assert shown.pose.xy[0, 0] == pytest.approx(5.0, abs=1e-3)
    assert playout.shown(1.21) is shown  # nothing better is known: nothing to repaint


def test_a_slow_network_does_not_hold_the_picture_back() -> None:
    playout = Playout()
    playout.add_pose(frame(0.0), pose(0.0, 0.0), 2.0)
    assert playout.delay == LONGEST_DELAY
    for i in range(30):
        playout.add_frame(frame(2.0 + i * 0.04))
    shown = playout.shown(3.2)
    assert shown is not None
    assert 3.2 - shown.frame.arrived <= LONGEST_DELAY + 0.04
    assert shown.frame.arrived > STALE
    assert shown.pose is None  # a skeleton of long ago is worse than none


def test_nobody_between_two_poses_is_nobody() -> None:
    playout = Playout()
    playout.add_pose(frame(1.00), pose(1.00, 0.0), 1.05)
    playout.add_pose(frame(1.04), None, 1.09)
    playout.add_frame(frame(1.06))
    playout.add_pose(frame(1.08), pose(1.08, 1.0), 1.13)
    shown = playout.shown(1.2)
    assert shown is not None
    assert shown.pose is None


def test_another_source_starts_from_nothing() -> None:
    playout = Playout()
    playout.add_frame(frame(1.0))
    playout.add_pose(frame(1.0), pose(1.0, 0.0), 1.1)
    playout.clear()
    assert playout.shown(2.0) is None
    assert playout.delay == 0.0
