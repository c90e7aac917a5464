"""The measures of evaluation, on numbers worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from app.skeleton import MIRROR, NUM_JOINTS, Joint
from app.training import measures

EVERY = np.ones((1, NUM_JOINTS), bool)


def body(rng: np.random.Generator, rows: int = 1) -> np.ndarray:
    return rng.normal(0, 0.4, (rows, NUM_JOINTS, 3))


def turn(axis: int, degrees: float) -> np.ndarray:
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    matrix = np.eye(3)
    one, other = (i for i in range(3) if i != axis)
    matrix[[one, one, other, other], [one, other, one, other]] = cos, -sin, sin, cos
    return matrix


# ------------------------------------------------------------------------------- shares and areas


def test_pck_counts_what_is_strictly_nearer_than_the_threshold() -> None:
    apart = np.array([[1.9, 2.0], [0.0, np.inf], [9.0, 1.0]])
    mask = np.array([[True, True], [True, True], [False, True]])
    assert measures.pck(apart, np.array([10.0, 10, 10]), mask) == pytest.approx([1.0, 1 / 3])


def test_pck_measures_each_row_in_its_own_torso() -> None:
    apart = np.array([[3.0], [3.0]])
    assert measures.pck(apart, np.array([10.0, 20.0]), np.ones((2, 1), bool)) == pytest.approx([0.5])


def test_a_joint_that_is_never_labelled_has_no_pck_and_no_area() -> None:
    apart, unit, mask = np.zeros((2, 1)), np.ones(2), np.zeros((2, 1), bool)
    assert np.isnan(measures.pck(apart, unit, mask)).all()
    assert np.isnan(measures.auc(apart, unit, mask)).all()


def test_auc_is_the_area_under_the_pck_curve() -> None:
    rng = np.random.default_rng(3)
    apart, unit, mask = rng.uniform(0, 0.4, (50, 4)), np.ones(50), rng.random((50, 4)) < 0.8
    apart[0, 0] = np.inf
    steps = (np.arange(4000) + 0.5) / 4000 * 0.2
    curve = np.mean([measures.pck(apart, unit, mask, step) for step in steps], axis=0)
    assert measures.auc(apart, unit, mask) == pytest.approx(curve, abs=1e-3)


def test_a_joint_not_found_is_infinitely_far() -> None:
    found = np.array([[[0.0, 0.0], [np.nan, 1.0]]])
    assert measures.distances(found, np.array([[[3.0, 4.0], [1.0, 1.0]]])).tolist() == [[5.0, np.inf]]


def test_the_torso_is_known_only_where_both_its_ends_are_labelled() -> None:
    xy = np.zeros((3, NUM_JOINTS, 2))
    xy[:, Joint.right_hip] = 30, 40
    mask = np.ones((3, NUM_JOINTS), bool)
    mask[1, Joint.left_shoulder] = False
    xy[2, Joint.right_hip] = 0  # both ends in one place: nothing to measure with
    lengths, known = measures.torso_diagonal(xy, mask)
    assert lengths[0] == 50
    assert known.tolist() == [True, False, False]


def test_the_head_is_measured_from_neck_to_crown() -> None:
    xy = np.zeros((2, NUM_JOINTS, 2))
    xy[:, Joint.head_top] = 3, -4
    mask = np.ones((2, NUM_JOINTS), bool)
    mask[1, Joint.neck] = False
    lengths, known = measures.head_length(xy, mask)
    assert lengths[0] == 5 and known.tolist() == [True, False]


def walking(frames: int) -> np.ndarray:
    """A body (F, 19, 2) that drifts to the right, left joints at 100 px, right ones at 200 px."""
    xy = np.zeros((frames, NUM_JOINTS, 2))
    for joint in Joint:
        side = 100 if joint.name.startswith("left") else 200 if joint.name.startswith("right") else 150
        xy[:, joint, 0] = side + 2 * np.arange(frames)
        xy[:, joint, 1] = 20 * joint
    return xy


def test_a_switch_of_sides_counts_when_it_happens() -> None:
    xy = walking(10)
    assert measures.side_switches(xy) == 0
    xy[4:7] = xy[4:7, MIRROR]  # there and back
    assert measures.side_switches(xy) == 2
    legs = walking(10)
    low = [joint for joint in Joint if joint >= Joint.left_hip]
    legs[5:, low] = legs[5:][:, MIRROR[low]]
    legs[3] = np.nan  # a frame without anybody is passed over
    assert measures.side_switches(legs) == 1


# ------------------------------------------------------------------------------- 3D


def test_root_alignment_takes_away_where_the_person_stands() -> None:
    xyz = body(np.random.default_rng(0))
    moved = measures.root_aligned(xyz + np.array([1.0, -2.0, 5.0]))
    assert moved == pytest.approx(measures.root_aligned(xyz))
    assert (moved[0, Joint.left_hip] + moved[0, Joint.right_hip]) == pytest.approx([0, 0, 0])


def test_mpjpe_is_the_mean_over_masked_joints_that_were_found() -> None:
    labelled = np.zeros((1, 4, 3))
    found = np.array([[[0.3, 0, 0], [0, 0, 0.1], [np.nan, 0, 0], [9, 9, 9]]])
    mask = np.array([[True, True, True, False]])
    assert measures.mpjpe(found, labelled, mask) == pytest.approx(0.2)
    assert np.isnan(measures.mpjpe(found, labelled, np.zeros((1, 4), bool)))


def test_procrustes_undoes_any_move_turn_and_scale() -> None:
    rng = np.random.default_rng(1)
    labelled = body(rng, 3)
    found = 0.37 * labelled @ (turn(0, 50) @ turn(1, 160) @ turn(2, -20)).T + [4, 5, 6]
    mask = rng.random((3, NUM_JOINTS)) < 0.6
    aligned = measures.procrustes(found, labelled, mask)
    assert aligned == pytest.approx(labelled)  # also the joints that took no part in the fit


def test_procrustes_does_not_mirror_the_body() -> None:
    labelled = body(np.random.default_rng(2))
    aligned = measures.procrustes(labelled * [1, 1, -1], labelled, EVERY)
    assert measures.mpjpe(aligned, labelled, EVERY) > 0.05


def test_procrustes_fits_only_to_the_mask_and_needs_three_joints() -> None:
    labelled = body(np.random.default_rng(4), 2)
    found = labelled + np.array([1.0, 0, 0])
    found[0, Joint.left_toe] += 50  # would spoil the fit if it took part
    mask = np.ones((2, NUM_JOINTS), bool)
    mask[0, Joint.left_toe] = False
    mask[1, 2:] = False
    aligned = measures.procrustes(found, labelled, mask)
    assert measures.mpjpe(aligned[:1], labelled[:1], mask[:1]) == pytest.approx(0, abs=1e-9)
    assert np.isnan(aligned[1]).all()


def test_pck3d_takes_what_was_not_found_for_wrong() -> None:
    labelled = np.zeros((1, 4, 3))
    found = np.array([[[0.149, 0, 0], [0, 0.151, 0], [np.nan, 0, 0], [0, 0, 0]]])
    assert measures.pck3d(found, labelled, np.ones((1, 4), bool)) == 0.5
    assert measures.pck3d(found, labelled, np.array([[True, False, False, True]])) == 1.0


def test_auc3d_is_the_mean_of_pck3d_over_the_thresholds() -> None:
    rng = np.random.default_rng(8)
    labelled = rng.normal(0, 0.1, (40, 5, 3))
    found = labelled + rng.normal(0, 0.06, (40, 5, 3))
    found[0, 0] = np.nan
    mask = rng.random((40, 5)) < 0.7
    steps = (np.arange(3000) + 0.5) / 3000 * 0.15
    curve = np.mean([measures.pck3d(found, labelled, mask, step) for step in steps])
    assert measures.auc3d(found, labelled, mask) == pytest.approx(curve, abs=1e-3)
    assert np.isnan(measures.auc3d(found, labelled, mask & False))


def test_the_angles_are_those_of_the_joints_they_are_named_after() -> None:
    xyz = np.zeros((1, NUM_JOINTS, 3))  # standing straight, the left arm level to the side, thigh level ahead
    for name, place in {"shoulder": (2, 4, 0), "elbow": (3, 4, 0), "wrist": (3, 5, 0), "hip": (2, 2, 0),
                        "knee": (2, 2, 1), "ankle": (2, 1, 1)}.items():  # fmt: skip
        xyz[0, Joint[f"left_{name}"]] = place
    found = {
        name: float(measures.joint_angles(xyz, corner)[0])
        for name, corner in measures.ANGLES.items()
        if name.startswith("left")
    }
    assert found == pytest.approx(
        {"left_shoulder": 90, "left_elbow": 90, "left_hip": 90, "left_knee": 90}, abs=1e-4
    )


@pytest.mark.parametrize("bend", [0.0, 30.0, 90.0, 179.0])
def test_joint_angles_in_degrees(bend: float) -> None:
    end = turn(1, bend) @ [1.0, 0, 0]
    xyz = np.array([[[1.0, 0, 0], [0, 0, 0], 3 * end]]) + 7
    assert measures.joint_angles(xyz, (0, 1, 2)) == pytest.approx([bend], abs=1e-5)


def test_angle_error_leaves_out_rows_without_all_three_joints() -> None:
    straight = np.array([[1.0, 0, 0], [0, 0, 0], [-1.0, 0, 0]])
    bent = np.array([[1.0, 0, 0], [0, 0, 0], [0, 1.0, 0]])
    found, labelled = np.array([straight, bent, straight]), np.array([bent, bent, bent])
    mask = np.array([[True, True, True], [True, True, True], [True, False, True]])
    assert measures.joint_angle_error(found, labelled, mask, (0, 1, 2)) == pytest.approx(45)
    assert np.isnan(measures.joint_angle_error(found, labelled, mask & False, (0, 1, 2)))


def test_depth_sign_counts_only_bones_with_a_clear_depth() -> None:
    labelled = np.zeros((1, 4, 3))
    labelled[0, :, 2] = 0, 0.5, 0.45, -0.5
    found = np.zeros((1, 4, 3))
    found[0, :, 2] = 0, 0.01, 0, 0.2
    bones = [(0, 1), (1, 2), (0, 3)]  # right, too flat to count, wrong
    assert measures.depth_sign_accuracy(found, labelled, EVERY[:, :4], bones) == 0.5
    found[0, 1] = np.nan
    assert measures.depth_sign_accuracy(found, labelled, EVERY[:, :4], bones) == 0.0
    assert np.isnan(measures.depth_sign_accuracy(found, labelled * 0, EVERY[:, :4], bones))
