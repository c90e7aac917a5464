from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from app.parameters import MIN_CONFIDENCE, Measurement, Measurer
from app.skeleton import MIRROR, NUM_JOINTS, Joint, Pose
from app.view import blended_angle
from app.vocabulary import PARAMETERS
from tests.motion import MOTIONS, PRONE, STANDING, SUPINE, Posture, joints, seen


def measure(posture: Posture, *, yaw: float = 90.0, hidden: tuple[Joint, ...] = ()) -> Measurement:
    pose = seen(joints(posture), 0.0, yaw=yaw)
    pose.confidence[list(hidden)] = 0.0
    measurement = Measurer().step(pose, 0.0)
    assert measurement is not None
    return measurement


def with_depth(pose: Pose, depth: np.ndarray) -> Pose:
    xyz = pose.xyz.copy()
    xyz[:, 2] = depth
    return Pose(time=pose.time, xy=pose.xy, xyz=xyz, confidence=pose.confidence)


@pytest.mark.parametrize("yaw", [0.0, 45.0, 90.0, 135.0, 180.0, 270.0])
@pytest.mark.parametrize("bend", [0.0, 40.0, 90.0, 120.0])
def test_the_knee_is_the_angle_it_was_bent_to(yaw: float, bend: float) -> None:
    posture = replace(STANDING, thigh=(bend / 2, 0), shin=(-bend / 2, 0))
    blended = yaw in (45.0, 135.0)  # there the picture's share, which needs no depth, costs some degrees
    assert measure(posture, yaw=yaw).values["knee"] == pytest.approx(180 - bend, abs=7 if blended else 4)


@pytest.mark.parametrize("yaw", [0.0, 45.0, 90.0])
def test_elbow_shoulder_and_trunk(yaw: float) -> None:
    posture = replace(STANDING, trunk=0, upper_arm=(30, 0), forearm=(100, 0))
    values = measure(posture, yaw=yaw).values
    assert values["elbow"] == pytest.approx(110, abs=4)
    assert values["shoulder"] == pytest.approx(30, abs=4)
    assert values["upper_arm_tilt"] == pytest.approx(30, abs=4)
    assert values["forearm_tilt"] == pytest.approx(80, abs=4)
    assert values["trunk_tilt"] == pytest.approx(0, abs=4)
    leaning = measure(replace(posture, trunk=40), yaw=yaw).values
    assert leaning["trunk_tilt"] == pytest.approx(40, abs=4)


def test_left_and_right_are_the_athletes_own() -> None:
    posture = replace(STANDING, left={"forearm": (95, 0), "upper_arm": (5, 0)})
    values = measure(posture, yaw=0).values
    assert values["left_elbow"] == pytest.approx(90, abs=4)
    assert values["right_elbow"] > 160
    assert values["elbow_difference"] == pytest.approx(values["right_elbow"] - values["left_elbow"])


def test_a_mirrored_body_measures_the_same_with_sides_exchanged() -> None:
    posture = replace(STANDING, left={"forearm": (95, 10), "thigh": (40, 3)})
    pose = seen(joints(posture), 0.0, yaw=30)
    turned = Pose(
        time=0.0,
        xy=(pose.xy * (-1, 1))[MIRROR].astype(np.float32),
        xyz=(pose.xyz * (-1, 1, 1))[MIRROR].astype(np.float32),
        confidence=pose.confidence[MIRROR],
    )
    one, other = Measurer().step(pose, 0.0), Measurer().step(turned, 0.0)
    assert one is not None and other is not None
    for name, value in one.values.items():
        swapped = name.replace("left", "#").replace("right", "left").replace("#", "right")
        assert other.values[swapped] == pytest.approx(value, abs=1e-3), name


@pytest.mark.parametrize(
    ("yaw", "view"),
    [(0, "front"), (20, "front"), (45, "oblique"), (90, "side"), (270, "side"), (180, "back"), (160, "back")],
)
def test_the_view_of_somebody_standing(yaw: float, view: str) -> None:
    assert measure(STANDING, yaw=yaw).view == view


def test_the_view_of_somebody_lying() -> None:
    assert measure(PRONE, yaw=90).view == "side"
    assert measure(PRONE, yaw=0).view == "front"
    assert measure(PRONE, yaw=180).view == "back"
    assert measure(SUPINE, yaw=90).view == "side"


def test_the_view_does_not_flicker_at_its_border() -> None:
    measurer, views = Measurer(), []
    for i in range(100):
        pose = seen(joints(STANDING), i / 25, yaw=58 + 4 * math.sin(i))
        measurement = measurer.step(pose, pose.time)
        assert measurement is not None
        views.append(measurement.view)
    assert sum(a != b for a, b in pairwise(views)) <= 1


def test_from_the_side_wrong_depth_does_no_harm() -> None:
    """Depth is the weakest coordinate; the bending of a knee seen from the side does not need it."""
    posture = replace(STANDING, thigh=(45, 0), shin=(-45, 0))
    pose = seen(joints(posture), 0.0, yaw=90)
    noise = np.random.default_rng(1).normal(0, 0.08, NUM_JOINTS)
    noise[[Joint.left_shoulder, Joint.right_shoulder, Joint.left_hip, Joint.right_hip]] = 0
    measurement = Measurer().step(with_depth(pose, pose.xyz[:, 2] + noise), 0.0)
    assert measurement is not None
    assert measurement.values["knee"] == pytest.approx(90, abs=5)


def test_from_the_front_depth_is_what_shows_a_bent_knee() -> None:
    pose = seen(joints(replace(STANDING, thigh=(45, 0), shin=(-45, 0))), 0.0, yaw=0)
    solid, flat = Measurer().step(pose, 0.0), Measurer().step(with_depth(pose, np.zeros(NUM_JOINTS)), 0.0)
    assert solid is not None and flat is not None
    assert solid.values["knee"] == pytest.approx(90, abs=4)
    assert flat.values["knee"] > 150


def test_blended_angle_leaves_the_picture_when_a_segment_points_at_the_camera() -> None:
    at_camera, down = (0.02, 0.0, -0.4), (0.0, 0.4, 0.0)
    assert blended_angle(at_camera, down, 1.0) == pytest.approx(90, abs=1)
    # In the picture alone the stub of it would be taken at its word.
    assert blended_angle((0.02, 0.02, -0.4), down, 1.0) == pytest.approx(87, abs=2)
    assert blended_angle((0.3, 0.3, -0.4), (0.0, 0.4, 0.0), 1.0) == pytest.approx(45, abs=0.1)


def test_what_is_not_seen_is_absent() -> None:
    values = measure(STANDING, hidden=(Joint.left_knee,)).values
    assert "left_knee" not in values and "left_hip" not in values
    assert values["knee"] == values["right_knee"]
    legless = measure(STANDING, hidden=tuple(j for j in Joint if "knee" in j.name or "ankle" in j.name))
    assert not {"knee", "hip_height", "stance_width", "straighter_knee"} & set(legless.values)
    assert "elbow" in legless.values and Joint.left_knee not in legless.visible


def test_nobody_and_next_to_nobody_measure_nothing() -> None:
    assert Measurer().step(None, 0.0) is None
    pose = seen(joints(STANDING), 0.0)
    pose.confidence[:] = 0.0
    assert Measurer().step(pose, 0.0) is None
    pose.confidence[:] = 1.0
    pose.xy[3] = np.nan
    assert Measurer().step(pose, 0.0) is None


def test_ratios_do_not_depend_on_the_size_in_the_picture() -> None:
    points = joints(MOTIONS["squat"].turn)
    near, far = (Measurer().step(seen(points, 0.0, scale=scale), 0.0) for scale in (400.0, 60.0))
    assert near is not None and far is not None
    for name, value in near.values.items():
        assert far.values[name] == pytest.approx(value, rel=1e-3, abs=0.2), name


def test_heights_and_widths() -> None:
    standing = measure(STANDING, yaw=0).values
    assert standing["hip_height"] == pytest.approx(1.0, abs=0.03)
    assert standing["wrist_height"] < -0.9
    wide = measure(replace(STANDING, thigh=(3, 25), shin=(-4, 25)), yaw=0).values
    assert wide["stance_width"] > 2 * standing["stance_width"]
    caved = measure(replace(STANDING, thigh=(3, 3), shin=(-4, 25)), yaw=0).values
    assert caved["knee_width"] < 0.6 < wide["knee_width"]
    assert measure(MOTIONS["squat"].turn).values["hip_height"] < 0.55
    assert measure(MOTIONS["shoulder_press"].turn, yaw=0).values["wrist_height"] > 0.9


def test_body_line_and_sag() -> None:
    straight = replace(PRONE, trunk=80, thigh=(-80, 3), shin=(-80, 2))
    assert measure(straight).values["body_line"] > 172
    assert abs(measure(straight).values["hip_sag"]) < 0.04
    assert measure(replace(straight, trunk=60, thigh=(-100, 3), shin=(-100, 2))).values["hip_sag"] > 0.1
    assert measure(replace(straight, trunk=105, thigh=(-55, 3), shin=(-55, 2))).values["hip_sag"] < -0.1
    assert "hip_sag" not in measure(STANDING).values


def test_the_belly_hangs_or_the_hips_are_piked() -> None:
    straight = replace(PRONE, trunk=80, thigh=(-80, 3), shin=(-80, 2))
    for yaw in (90.0, -90.0):
        assert abs(measure(straight, yaw=yaw).values["hip_bow"]) < 2
        hanging = measure(replace(straight, trunk=60, thigh=(-90, 3)), yaw=yaw).values["hip_bow"]
        assert hanging == pytest.approx(30, abs=3)
        piked = measure(replace(straight, trunk=100, thigh=(-60, 3)), yaw=yaw).values["hip_bow"]
        assert piked == pytest.approx(-40, abs=3)
    assert "hip_bow" not in measure(STANDING).values


def test_where_the_chest_points() -> None:
    assert measure(PRONE).values["chest_up"] < -0.8
    assert measure(SUPINE).values["chest_up"] > 0.8
    assert abs(measure(STANDING).values["chest_up"]) < 0.2


def test_speed_has_the_sign_and_size_of_the_change() -> None:
    measurer, speeds = Measurer(), []
    for i in range(30):
        bend = 3.0 * i  # 75 degrees a second at 25 frames a second
        pose = seen(joints(replace(STANDING, thigh=(bend / 2, 0), shin=(-bend / 2, 0))), i / 25)
        measurement = measurer.step(pose, pose.time)
        assert measurement is not None
        speeds.append(measurement.values["knee_speed"])
    assert speeds[-1] == pytest.approx(-75, rel=0.1)


def test_a_joint_that_flickers_is_bridged_and_one_that_stays_away_is_not() -> None:
    measurer = Measurer()
    present = []
    for i in range(30):
        pose = seen(joints(STANDING), i / 25)
        if i in (5, 6) or i >= 20:
            pose.confidence[[Joint.left_knee, Joint.right_knee]] = 0.0
        measurement = measurer.step(pose, pose.time)
        assert measurement is not None
        present.append("knee" in measurement.values)
    assert all(present[:22])
    assert not any(present[25:])


def test_a_pose_that_jumps_away_is_left_out_and_somebody_else_starts_afresh() -> None:
    measurer = Measurer()
    for i in range(10):
        assert measurer.step(seen(joints(STANDING), i / 25), i / 25) is not None
    far = seen(joints(STANDING), 0.4)
    far.xy[:] += 300
    assert measurer.step(far, 0.4) is None
    back = measurer.step(seen(joints(STANDING), 0.44), 0.44)
    assert back is not None and not back.fresh
    results = []
    for i in range(12, 30):
        other = seen(joints(STANDING), i / 25)
        other.xy[:] += 300
        results.append(measurer.step(other, i / 25))
    first = next(r for r in results if r is not None)
    assert first.fresh
    assert results[-1] is not None and not results[-1].fresh


def test_the_vocabulary_covers_what_is_measured() -> None:
    for motion in MOTIONS.values():
        for posture in (motion.start, motion.turn):
            measurement = measure(posture, yaw=motion.yaw)
            assert set(measurement.values) <= set(PARAMETERS)
            assert set(measurement.values) == set(measurement.confidence)
            assert all(MIN_CONFIDENCE <= c <= 1 for c in measurement.confidence.values())
    sided = [info for info in PARAMETERS.values() if info.sided]
    assert all(f"left_{info.name}" in PARAMETERS and f"right_{info.name}" in PARAMETERS for info in sided)
