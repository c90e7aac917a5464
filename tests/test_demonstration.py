"""The shipped demonstrations: one for every exercise, closed loops, standing on their floor."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from app.demonstration import in_room, load_demonstration, pixels_per_metre
from app.pipeline import Pipeline
from app.recording import RecordingError
from app.rules import LIBRARY, load_exercise
from app.skeleton import Joint, Pose
from tests.poses import PIXELS_PER_METRE, pose_of, standing_figure

IDS = sorted(path.stem for path in LIBRARY.glob("*.yaml") if path.stem != "gestures")


@pytest.mark.parametrize("exercise", IDS)
def test_every_exercise_has_a_loop(exercise: str) -> None:
    loop = load_demonstration(exercise)
    assert loop is not None
    assert 1.0 <= loop.seconds <= 6.0
    assert loop.bodies[..., 1].min() == pytest.approx(0.0, abs=1e-9)  # touches its floor
    # It closes: from the last body to the first is no more than an ordinary step of the movement.
    steps = np.linalg.norm(np.diff(loop.bodies, axis=0), axis=2).max(axis=1)
    closing = float(np.linalg.norm(loop.bodies[0] - loop.bodies[-1], axis=1).max())
    assert closing <= max(0.02, 1.5 * float(steps.max()))
    assert np.allclose(loop.at(loop.seconds * 3), loop.bodies[0], atol=1e-6)


def seen(body: np.ndarray, time: float, *, from_front: bool) -> Pose:
    """The body as a camera at the athlete's left, or in front, sees it."""
    x, y, z = body.T
    camera = np.stack([-z, -y, x] if from_front else [x, -y, -z], axis=1)
    return replace(pose_of(camera, time), xy=(camera[:, :2] * 170 + 240).astype(np.float32))


@pytest.mark.parametrize("exercise", [name for name in IDS if name != "plank"])
def test_a_demonstration_counts_as_its_exercise(exercise: str) -> None:
    """What is shown is what is asked for: three rounds are three repetitions (one may lie at the edge)."""
    rules = load_exercise(LIBRARY / f"{exercise}.yaml")
    loop = load_demonstration(exercise)
    assert loop is not None
    pipeline = Pipeline(None, rules)
    count = 0
    for number in range(3 * len(loop.bodies)):
        time = number * loop.seconds / len(loop.bodies)
        body = loop.bodies[number % len(loop.bodies)]
        result = pipeline.step_pose(time, seen(body, time, from_front="side" not in rules.views))
        count = result.count
    assert count >= 2


def test_feet_of_a_squat_stay_where_they_are() -> None:
    loop = load_demonstration("squat")
    assert loop is not None
    ankles = loop.bodies[:, [Joint.left_ankle, Joint.right_ankle]]
    assert float(np.ptp(ankles, axis=0).max()) < 0.02
    hips = loop.bodies[:, Joint.left_hip, 1]
    assert hips.max() - hips.min() > 0.3


def test_in_room_puts_the_hips_where_the_picture_has_them() -> None:
    poses = [pose_of(standing_figure(depth), 0.0) for depth in (0.0, 1.0)]
    assert [pixels_per_metre(pose) for pose in poses] == pytest.approx([PIXELS_PER_METRE] * 2, rel=1e-3)
    ankles = [in_room(pose)[Joint.left_ankle] for pose in poses]
    moved = poses[1].xy[Joint.left_ankle] - poses[0].xy[Joint.left_ankle]
    assert ankles[1][:2] - ankles[0][:2] == pytest.approx(moved * (1, -1) / PIXELS_PER_METRE, abs=1e-3)


def test_no_loop_and_a_damaged_one(tmp_path: Path) -> None:
    assert load_demonstration("my_own", tmp_path) is None
    (tmp_path / "squat.poses.gz").write_bytes(b"nonsense")
    with pytest.raises(RecordingError, match=r"squat\.poses\.gz"):
        load_demonstration("squat", tmp_path)
