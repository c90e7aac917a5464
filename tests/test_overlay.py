from __future__ import annotations

import numpy as np
import pytest

from app.overlay import draw_pose, draw_result
from app.pipeline import StepResult
from app.rules import Prompt
from app.skeleton import Joint, Pose
from tests.poses import pose_of, standing_figure


def blank(height: int = 480, width: int = 640) -> np.ndarray:
    return np.full((height, width, 3), 90, np.uint8)


def test_the_skeleton_is_drawn_where_the_joints_are() -> None:
    image, pose = blank(), pose_of(standing_figure(0.3), 0.0)
    draw_pose(image, pose)
    changed = (image != 90).any(axis=2)
    for joint in Joint:
        x, y = pose.xy[joint].round().astype(int)
        assert changed[y - 1 : y + 2, x - 1 : x + 2].any(), joint.name
    assert changed.mean() < 0.2


def test_an_unsure_joint_is_not_drawn() -> None:
    pose = pose_of(standing_figure(), 0.0)
    pose.confidence[:] = 0.05
    image = blank()
    draw_pose(image, pose)
    assert (image == 90).all()


def test_a_fault_changes_the_colour_of_its_joints_only() -> None:
    pose = pose_of(standing_figure(), 0.0)
    plain, faulty = blank(), blank()
    draw_pose(plain, pose)
    draw_pose(faulty, pose, at_fault={Joint.head_top})
    rows = np.nonzero((plain != faulty).any(axis=(1, 2)))[0]
    head = pose.xy[Joint.head_top, 1]
    assert len(rows) > 0
    assert np.abs(rows - head).max() < 30


@pytest.mark.parametrize("far", [1e9, -1e9, 1e5])
def test_joints_far_outside_the_picture_do_no_harm(far: float) -> None:
    pose = pose_of(standing_figure(), 0.0)
    pose.xy[Joint.left_wrist] = far
    draw_pose(blank(), pose)


@pytest.mark.parametrize(("height", "width"), [(480, 640), (1280, 720), (48, 64), (20, 20)])
@pytest.mark.parametrize("text", ["knee 104°, need 95° or less " * 3, "膝盖 104°", ""])
def test_labels_fit_into_any_picture(height: int, width: int, text: str) -> None:
    prompt = Prompt(
        t=0.0,
        rule="depth",
        rep=1,
        severity="error",
        priority=1,
        text=text,
        parameter="knee",
        value=104.0,
        limit=95.0,
        joints=(Joint.left_knee,),
    )
    result = StepResult(
        frame=None,
        time=0.0,
        pose=pose_of(standing_figure(), 0.0),
        measurement=None,
        phase="down",
        count=12,
        events=(prompt,),
        prompt=prompt,
        faults=(),
        progress=0.5,
    )
    image = blank(height, width)
    draw_result(image, result)
    assert image.shape == (height, width, 3)
    assert (image != 90).any()


def test_nobody_is_drawn_where_nobody_is() -> None:
    nobody: Pose | None = None
    result = StepResult(
        frame=None,
        time=0.0,
        pose=nobody,
        measurement=None,
        phase="",
        count=0,
        events=(),
        prompt=None,
        faults=(),
        progress=0.0,
    )
    image = blank()
    draw_result(image, result)
    changed = np.nonzero((image != 90).any(axis=2))
    assert changed[0].max() < 120  # the counter in the corner
    assert changed[1].max() < 120
