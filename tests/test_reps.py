from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from app.conditions import Comparison
from app.explanation import not_counted_text
from app.parameters import Measurement, Measurer
from app.recording import load_recording
from app.reps import Counting, Hold, NotCounted, Rep, RepCounter, Signal
from app.rules import load_library
from app.skeleton import Joint, Pose
from tests.motion import MOTIONS, PLANK, STANDING, Motion, joints, play, reps, seen

LIBRARY = load_library()
RECORDINGS = Path(__file__).parent / "recordings"
KNEE = Counting(signals=(Signal(parameter="knee", start=170.0, turn=90.0),))


def measurement(time: float, **values: float) -> Measurement:
    return Measurement(
        time=time,
        view="side",
        yaw=90.0,
        values=dict(values),
        confidence=dict.fromkeys(values, 0.9),
        visible=frozenset(Joint),
    )


def count_knee(curve: Iterable[tuple[float, float]], counting: Counting = KNEE) -> list[Rep | Hold]:
    """curve: (time, part of the way from 170 to 90 degrees)."""
    counter, out, time = RepCounter(counting), [], 0.0
    for time, part in curve:
        out += counter.step(time, measurement(time, knee=170 - 80 * part))
    return out + counter.finish(time)


def measured(poses: Sequence[Pose | None], fps: float = 25.0) -> list[tuple[float, Measurement | None]]:
    measurer = Measurer()
    times = [i / fps if pose is None else pose.time for i, pose in enumerate(poses)]
    return [(time, measurer.step(pose, time)) for time, pose in zip(times, poses, strict=True)]


def count_measured(
    exercise: str, measurements: Iterable[tuple[float, Measurement | None]]
) -> list[Rep | Hold]:
    counter, out, time = RepCounter(LIBRARY[exercise].counting), [], 0.0
    for time, measurement in measurements:
        out += counter.step(time, measurement)
    return out + counter.finish(time)


def count_poses(exercise: str, poses: Sequence[Pose | None], fps: float = 25.0) -> list[Rep | Hold]:
    return count_measured(exercise, measured(poses, fps))


def line(*points: tuple[float, float], fps: float = 25.0) -> list[tuple[float, float]]:
    """A curve through (time, part) points."""
    times = np.arange(points[0][0], points[-1][0], 1 / fps)
    parts = np.interp(times, [p[0] for p in points], [p[1] for p in points])
    return list(zip(times.tolist(), parts.tolist(), strict=True))


@pytest.mark.parametrize("fps", [8.0, 12.0, 25.0, 60.0])
@pytest.mark.parametrize("seconds", [0.9, 2.4, 6.0])
def test_counts_at_any_speed_and_frame_rate(fps: float, seconds: float) -> None:
    found = count_knee(reps(5, seconds=seconds, fps=fps))
    assert [rep.number for rep in found if isinstance(rep, Rep)] == [1, 2, 3, 4, 5]


def test_start_turn_end_side_and_range() -> None:
    (rep,) = count_knee(reps(1, seconds=2.0, still=1.0))
    assert isinstance(rep, Rep)
    assert rep.start == pytest.approx(1.1, abs=0.25)
    assert rep.turn == pytest.approx(2.0, abs=0.15)
    assert rep.end == pytest.approx(2.8, abs=0.25)
    assert rep.range == pytest.approx(80, abs=4)
    assert (rep.side, rep.valid) == ("both", True)


def test_the_turn_is_the_middle_of_a_pause_there() -> None:
    (rep,) = count_knee(line((0, 0), (1, 0), (2, 1), (4, 1), (5, 0), (6, 0)))
    assert isinstance(rep, Rep)
    assert rep.turn == pytest.approx(3.0, abs=0.15)


@pytest.mark.parametrize("depth", [0.3, 0.5])
def test_small_movements_are_none(depth: float) -> None:
    assert count_knee(reps(4, depth=depth)) == []


def not_counted(curve: Iterable[tuple[float, float]], counting: Counting = KNEE) -> list[NotCounted]:
    counter, out, time = RepCounter(counting), [], 0.0
    for time, part in curve:
        counter.step(time, measurement(time, knee=170 - 80 * part))
        out += counter.not_counted
    counter.finish(time)
    return out + counter.not_counted


def test_a_repetition_is_no_movement_that_does_not_count() -> None:
    assert not_counted(reps(3)) == []
    assert not_counted(reps(3, depth=0.15)) == []  # nobody would count that


@pytest.mark.parametrize(
    ("curve", "counting", "expected"),
    [
        (line((0, 0), (1, 0), (2, 0.5), (3, 0), (4, 0)), KNEE,
         "no repetition: went 47 % of the way, 70 % wanted (knee 130°, 114° would do)"),
        (line((0, 0), (1, 0), (2, 0.3), (3, 0), (4, 0)), KNEE,
         "no repetition: went 28 % of the way, 70 % wanted (knee 146°, 114° would do); "
         "moved 28 % of the way, 35 % wanted (knee 24°, 28° would do)"),
        (line((0, 0), (1, 0), (1.5, 1), (2, 0), (3, 0)), replace(KNEE, min_duration=2.0),
         "no repetition: too fast: 0.9 s, 2 s at least"),
        (line((0, 0), (1, 0), (4, 1), (7, 0), (8, 0)), replace(KNEE, max_duration=3.0),
         "no repetition: too slow: 6.0 s, 3 s at most"),
        (line((0, 0), (1, 0), (2, 1), (3, 1)), KNEE,
         "no repetition: did not come back: 100 % of the way left, 45 % at most"),
        (line((0, 0.9), (1, 0.9), (2, 0), (3, 0)), KNEE,
         "no repetition: the recording opens 90 % of the way out, 65 % at most"),
        (line((0, 0), (1, 0), (2, 1), (3, 0), (4, 0)),
         replace(KNEE, at_turn=Comparison(parameter="knee", operator="below", limit=80.0)),
         "no repetition: at the turn: knee 100°, below 80° wanted"),
        (line((0, 0), (1, 0), (2, 1), (3, 0), (4, 0)), replace(KNEE, sure=0.95),
         "no repetition: seen with 0.90, 0.95 needed"),
    ],
)  # fmt: skip
def test_what_a_movement_lacked(curve: list[tuple[float, float]], counting: Counting, expected: str) -> None:
    assert count_knee(curve, counting) == []
    (found,) = not_counted(curve, counting)
    assert not_counted_text(found) == expected
    assert found.start <= found.top <= found.end
    assert not_counted_text(found, "zh").startswith("不计次：")


def test_the_signal_that_fell_short_is_the_one_told() -> None:
    counting = replace(KNEE, signals=(*KNEE.signals, Signal(parameter="hip", start=170.0, turn=70.0)))
    counter, out = RepCounter(counting), []
    for time, part in line((0, 0), (1, 0), (2, 1), (3, 0), (4, 0)):
        counter.step(time, measurement(time, knee=170 - 72 * part, hip=170 - 30 * part))
        out += counter.not_counted
    (lack,) = out[0].lacks
    assert (lack.kind, lack.parameter, lack.value_wanted) == ("way", "hip", 100.0)
    assert lack.value == pytest.approx(140, abs=2)


def test_movements_before_the_start_position_are_told() -> None:
    curve = line((0, 0.6), (1, 0.6), (2, 1), (3, 0.6), (4, 1), (5, 0.6), (6, 0.6))
    found = not_counted(curve, replace(KNEE, open_below=0.5))
    assert [lack.kind for one in found for lack in one.lacks] == ["start", "start"]
    assert [one.top for one in found] == pytest.approx([2.1, 4.1], abs=0.15)


def test_who_leaves_in_the_middle_is_told() -> None:
    curve = [p for p in line((0, 0), (1, 0), (2, 1), (6, 1), (7, 0), (8, 0)) if not 2.5 < p[0] < 5]
    assert [lack.kind for lack in not_counted(curve)[0].lacks] == ["gone"]


def test_noise_in_the_start_position_and_at_the_turn_is_no_rep() -> None:
    random = np.random.default_rng(3)
    curve = line((0, 0), (5, 0), (6, 1), (9, 1), (10, 0), (15, 0))
    assert len(count_knee((t, p + random.normal(0, 0.06)) for t, p in curve)) == 1


def test_one_wild_frame_is_no_rep() -> None:
    curve = [(t, 1.2 if i == 40 else p) for i, (t, p) in enumerate(line((0, 0), (4, 0)))]
    assert count_knee(curve) == []


def test_a_half_return_is_not_two_reps() -> None:
    assert len(count_knee(line((0, 0), (1, 0), (2, 1), (3, 0.6), (4, 1), (5, 0), (6, 0)))) == 1


def test_short_range_reps_count_once_each() -> None:
    """Arms that are never straightened: from 0.45 to 1 and back, over and over."""
    points = [(0.0, 0.45)]
    for i in range(4):
        points += [(2.0 * i + 1.0, 1.0), (2.0 * i + 2.0, 0.45)]
    assert len(count_knee(line(*points, (9.0, 0.45)))) == 4


def test_returns_that_become_shorter_still_count() -> None:
    points = [(0, 0), (1, 0), (2, 1), (3, 0.45), (4, 1), (5, 0.45), (6, 1), (7, 0), (8, 0)]
    assert len(count_knee(line(*points))) == 3


def test_nothing_counts_before_the_start_position_was_taken() -> None:
    """Sitting on a chair, then standing up and walking off."""
    assert count_knee(line((0, 0.95), (3, 0.95), (4, 0), (8, 0))) == []


def test_a_recording_may_open_a_little_way_out() -> None:
    assert len(count_knee(line((0, 0.25), (1, 1), (2, 0), (3, 0)))) == 1
    assert count_knee(line((0, 0.8), (0.5, 1), (2, 0), (3, 0))) == []


def test_the_last_rep_counts_when_it_is_nearly_back() -> None:
    assert len(count_knee(line((0, 0), (1, 0), (2, 1), (3, 0.35)))) == 1
    assert count_knee(line((0, 0), (1, 0), (2, 1), (3, 0.6))) == []


def test_a_movement_that_takes_too_long_or_too_short_is_none() -> None:
    assert count_knee(line((0, 0), (1, 0), (2, 1), (40, 1), (41, 0), (42, 0))) == []
    assert count_knee(line((0, 0), (1, 0), (1.1, 1), (1.2, 0), (3, 0), fps=50)) == []


def test_after_being_away_the_movement_begins_anew() -> None:
    counter, out = RepCounter(KNEE), []
    for time, part in line((0, 0), (1, 0), (2, 1)):
        out += counter.step(time, measurement(time, knee=170 - 80 * part))
    for i in range(50):
        out += counter.step(2 + i / 25, None)
    for time, part in line((4, 1), (5, 0), (6, 0)):
        out += counter.step(time, measurement(time, knee=170 - 80 * part))
    assert out == []


def test_posture_and_turn_conditions() -> None:
    upright = replace(KNEE, posture=Comparison(parameter="trunk_tilt", operator="below", limit=50.0))
    at_turn = replace(KNEE, at_turn=Comparison(parameter="trunk_tilt", operator="below", limit=50.0))
    for tilt_down, expected in ((10.0, 1), (80.0, 0)):
        for counting in (upright, at_turn):
            counter, out = RepCounter(counting), []
            for time, part in reps(1):
                out += counter.step(time, measurement(time, knee=170 - 80 * part, trunk_tilt=tilt_down))
            assert len(out) == expected


@pytest.mark.parametrize(("confidence", "expected"), [(0.55, 2), (0.33, 0)])
def test_a_rep_that_is_only_guessed_does_not_count(confidence: float, expected: int) -> None:
    """Legs outside of the picture: the network still places them, without being sure."""
    counter, out = RepCounter(KNEE), []
    for time, part in reps(2):
        guess = replace(measurement(time, knee=170 - 80 * part), confidence={"knee": confidence})
        out += counter.step(time, guess)
    assert len(out) == expected


def test_an_unseen_posture_is_no_evidence_against() -> None:
    counting = replace(KNEE, posture=Comparison(parameter="trunk_tilt", operator="below", limit=50.0))
    assert len(count_knee(reps(2), counting)) == 2


def test_phases_and_progress() -> None:
    counter = RepCounter(replace(KNEE, phases=("standing", "down", "bottom", "up")))
    assert counter.phase == ""
    seen_phases, progress = [], []
    for time, part in reps(2):
        counter.step(time, measurement(time, knee=170 - 80 * part))
        progress.append(counter.progress)
        if not seen_phases or seen_phases[-1] != counter.phase:
            seen_phases.append(counter.phase)
    assert seen_phases == ["standing", "down", "bottom", "up"] * 2 + ["standing"]
    assert min(progress) < 0.05 and max(progress) > 0.95


CURL = Counting(sides="each", signals=(Signal(parameter="elbow", start=160.0, turn=50.0),))


def curl(left: Sequence[tuple[float, float]], right: Sequence[tuple[float, float]] | None) -> list[Rep]:
    counter, out, time = RepCounter(CURL), [], 0.0
    for i, (time, part) in enumerate(left):
        values = {"left_elbow": 160 - 110 * part}
        if right is not None:
            values["right_elbow"] = 160 - 110 * right[i][1]
        out += counter.step(time, measurement(time, **values))
    out += counter.finish(time)
    return [rep for rep in out if isinstance(rep, Rep)]


def test_both_arms_at_once_are_one_rep() -> None:
    found = curl(reps(3), reps(3))
    assert [rep.side for rep in found] == ["both"] * 3


def test_both_arms_a_little_apart_are_one_rep() -> None:
    left = reps(3)
    right = [(t, left[max(0, i - 6)][1]) for i, (t, _) in enumerate(left)]
    assert [rep.side for rep in curl(left, right)] == ["both"] * 3


def test_alternating_arms_are_counted_one_by_one() -> None:
    left = line((0, 0), (1, 0), (2, 1), (3, 0), (5, 0), (6, 1), (7, 0), (10, 0))
    right = line((0, 0), (3, 0), (4, 1), (5, 0), (7, 0), (8, 1), (9, 0), (10, 0))
    assert [rep.side for rep in curl(left, right)] == ["left", "right", "left", "right"]


def test_one_arm_alone() -> None:
    assert [rep.side for rep in curl(reps(2), None)] == ["left", "left"]
    assert [rep.side for rep in curl(reps(2), [(0.0, 0.0)] * 1000)] == ["left", "left"]


# -- the library on made-up athletes ---------------------------------------------------------------


@pytest.mark.parametrize("exercise", sorted(MOTIONS))
def test_each_exercise_counts_its_own_motion(exercise: str) -> None:
    poses = play(MOTIONS[exercise], reps(4), noise=0.01)
    found = count_poses(exercise, poses)
    assert len(found) == 4
    turns = [rep.turn for rep in found if isinstance(rep, Rep)]
    assert turns == pytest.approx([2.2, 5.2, 8.2, 11.2], abs=0.3)


# What is part of another movement counts there too: a sit-up begins as a crunch.
ALIKE = {("crunch", "sit_up")}


@pytest.mark.parametrize("other", sorted(MOTIONS))
def test_no_exercise_counts_what_the_others_do(other: str) -> None:
    measurements = measured(play(MOTIONS[other], reps(2), noise=0.005))
    for exercise, rules in LIBRARY.items():
        if exercise == other or (exercise, other) in ALIKE or rules.counting.kind == "hold":
            continue
        assert count_measured(exercise, measurements) == [], f"{exercise} counts {other}"


@pytest.mark.parametrize("exercise", ["squat", "push_up", "biceps_curl", "lunge"])
@pytest.mark.parametrize("yaw", [60.0, 90.0, 270.0])
def test_the_view_does_not_matter_for_the_count(exercise: str, yaw: float) -> None:
    assert len(count_poses(exercise, play(MOTIONS[exercise], reps(3), yaw=yaw, noise=0.01))) == 3


def test_a_lunge_has_the_side_of_its_front_leg() -> None:
    found = count_poses("lunge", play(MOTIONS["lunge"], reps(2)))
    assert [rep.side for rep in found if isinstance(rep, Rep)] == ["left", "left"]
    mirrored = Motion(
        start=STANDING,
        turn=replace(
            MOTIONS["lunge"].turn, left=MOTIONS["lunge"].turn.right, right=MOTIONS["lunge"].turn.left
        ),
        anchor=(Joint.right_ankle,),
    )
    found = count_poses("lunge", play(mirrored, reps(2)))
    assert [rep.side for rep in found if isinstance(rep, Rep)] == ["right", "right"]


def test_joints_that_drop_out_at_random_do_not_spoil_the_count() -> None:
    random = np.random.default_rng(5)
    poses = play(MOTIONS["squat"], reps(5), noise=0.01)
    for pose in poses:
        pose.confidence[random.random(len(pose.confidence)) < 0.2] = 0.0
    assert len(count_poses("squat", poses)) == 5


def test_a_person_who_leaves_and_another_who_comes_are_not_one_movement() -> None:
    squat = MOTIONS["squat"]
    poses: list[Pose | None] = list(play(squat, line((0, 0), (2, 0), (3, 1), (4, 1))))
    for i, (_, part) in enumerate(line((0, 0), (3, 0))):
        pose = seen(squat.at(part), 4 + i / 25)
        pose.xy[:] += 350
        poses.append(pose)
    assert count_poses("squat", poses) == []


def test_walking_is_no_exercise() -> None:
    poses = []
    for i in range(250):
        t = i / 25
        swing = 28 * math.sin(2 * math.pi * t)
        knee = 35 * max(0.0, math.cos(2 * math.pi * t))
        posture = replace(
            STANDING,
            left={"thigh": (swing, 3), "shin": (swing - knee, 2), "upper_arm": (-swing, 8)},
            right={"thigh": (-swing, 3), "shin": (-swing - 35 + knee, 2), "upper_arm": (swing, 8)},
        )
        pose = seen(joints(posture), t)
        pose.xy[:, 0] += 40 * t - 200
        poses.append(pose)
    measurements = measured(poses)
    for exercise in LIBRARY:
        assert count_measured(exercise, measurements) == [], exercise


def test_a_plank_is_held_and_survives_a_short_gap() -> None:
    poses: list[Pose | None] = [seen(joints(STANDING), i / 25) for i in range(25)]
    poses += [None if 100 <= i < 115 else seen(joints(PLANK), 1 + i / 25) for i in range(250)]
    poses += [seen(joints(STANDING), 11 + i / 25) for i in range(50)]
    found = count_poses("plank", poses)
    assert len(found) == 1 and isinstance(found[0], Hold)
    assert found[0].start == pytest.approx(1.0, abs=0.5)
    assert found[0].end == pytest.approx(11.0, abs=0.3)


def test_a_hold_still_held_at_the_end_is_completed() -> None:
    poses = [seen(joints(PLANK), i / 25) for i in range(150)]
    (hold,) = count_poses("plank", poses)
    assert isinstance(hold, Hold)
    assert hold.end - hold.start == pytest.approx(6.0, abs=0.2)


# -- golden recordings ------------------------------------------------------------------------------

GOLDEN = sorted(path.with_suffix(".poses.gz") for path in RECORDINGS.glob("*.json"))


def test_there_are_golden_recordings() -> None:
    assert len(GOLDEN) >= 4


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.name)
def test_golden_recordings(path: Path) -> None:
    """Noisy made-up sets (see tests/make_recordings.py); what must come of them lies beside each."""
    expected = json.loads(path.with_name(path.name.replace(".poses.gz", ".json")).read_text("utf-8"))
    recording = load_recording(path)
    found = count_poses(expected["exercise"], [frame.pose for frame in recording.frames], recording.fps)
    found_reps = [rep for rep in found if isinstance(rep, Rep)]
    assert [rep.turn for rep in found_reps] == pytest.approx(expected["turns"], abs=0.2)
    assert [rep.side for rep in found_reps] == expected["sides"]
