"""Gestures: made on purpose they act once, and no movement of an exercise is one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from app.demonstration import load_demonstration
from app.gestures import (
    SITUATIONS,
    Gesture,
    GestureFileError,
    GestureReader,
    GestureState,
    Situation,
    load_gestures,
)
from app.parameters import Measurement, Measurer
from app.recording import load_recording
from app.rules import LIBRARY, load_library
from app.skeleton import Joint, Pose
from tests.motion import STANDING, Posture, joints, seen

HAND_UP = replace(STANDING, right={"upper_arm": (172, 8), "forearm": (178, 4)})
BENT_HAND_UP = replace(STANDING, right={"upper_arm": (150, 25), "forearm": (176, -12)})
CROSSED = replace(STANDING, upper_arm=(40, -8), forearm=(125, -58))
LEFT_ASIDE = replace(STANDING, left={"upper_arm": (0, 88), "forearm": (5, 86)})
RIGHT_ASIDE = replace(STANDING, right={"upper_arm": (10, 84), "forearm": (15, 80)})
# What people do between two sets.
DRINKING = replace(STANDING, right={"upper_arm": (60, 25), "forearm": (150, -25)})
WIPING = replace(STANDING, right={"upper_arm": (95, 25), "forearm": (160, -60)})
HAND_BEHIND_HEAD = replace(STANDING, right={"upper_arm": (170, 5), "forearm": (20, -30)})
LEANING = replace(HAND_UP, trunk=30.0)
BOTH_UP = replace(STANDING, upper_arm=(172, 8), forearm=(178, 4))
LOWER_HAND_UP = replace(STANDING, right={"upper_arm": (130, 20), "forearm": (172, 8)})

ALL = load_gestures()
RECORDINGS = Path(__file__).parent / "recordings"


def held(*parts: tuple[Posture, float], yaw: float = 0.0, fps: float = 25.0) -> list[Pose]:
    """The postures one after another for so many seconds, with the noise of a network."""
    random = np.random.default_rng(3)
    poses: list[Pose] = []
    for posture, seconds in parts:
        for _ in range(round(seconds * fps)):
            points = joints(posture)
            poses.append(seen(points + random.normal(0, 0.012, points.shape), len(poses) / fps, yaw=yaw))
    return poses


def measured(poses: Iterable[tuple[float, Pose | None]]) -> list[tuple[float, Measurement | None]]:
    measurer = Measurer()
    return [(time, measurer.step(pose, time)) for time, pose in poses]


def read(
    poses: Sequence[Pose], situation: Situation, gestures: tuple[Gesture, ...] = ALL
) -> list[tuple[float, GestureState]]:
    reader = GestureReader(gestures)
    steps = measured((pose.time, pose) for pose in poses)
    return [(time, reader.step(time, measurement, situation)) for time, measurement in steps]


def acts(states: Sequence[tuple[float, GestureState]]) -> list[tuple[float, str]]:
    return [(time, state.gesture.does) for time, state in states if state.fired and state.gesture is not None]


@pytest.mark.parametrize(
    ("posture", "action"),
    [
        (HAND_UP, "go"),
        (BENT_HAND_UP, "go"),
        (CROSSED, "pause"),
        (LEFT_ASIDE, "skip"),
        (RIGHT_ASIDE, "skip"),
    ],
)
@pytest.mark.parametrize("yaw", [0.0, 20.0, -20.0])
def test_made_on_purpose_it_acts_once_after_a_second(posture: Posture, action: str, yaw: float) -> None:
    found = acts(read(held((STANDING, 1.0), (posture, 3.0), (STANDING, 1.0), yaw=yaw), "before"))
    assert [name for _, name in found] == [action]
    assert 1.9 <= found[0][0] <= 2.5


@pytest.mark.parametrize(
    ("name", "action"),
    [
        ("right_hand_up", "go"),
        ("hands_crossed", "pause"),
        ("left_arm_aside", "skip"),
        ("right_arm_aside", "skip"),
    ],
)
def test_seen_by_the_network_they_act_too(name: str, action: str) -> None:
    """A rendered athlete, as the network saw her: the gesture is complete after 0.9 s and held for 2."""
    frames = load_recording(RECORDINGS / f"gesture-{name}.poses.gz").frames
    reader = GestureReader(ALL)
    states = [
        (t, reader.step(t, seen_then, "before"))
        for t, seen_then in measured((f.time, f.pose) for f in frames)
    ]
    found = acts(states)
    assert [name for _, name in found] == [action]
    assert 1.5 <= found[0][0] <= 2.6


def test_the_ring_fills_and_empties() -> None:
    states = read(held((STANDING, 1.0), (HAND_UP, 0.8), (STANDING, 1.0)), "before")
    progress = [state.progress for _, state in states]
    assert 0.6 <= max(progress) < 1.0
    assert progress[-1] == 0.0
    assert acts(states) == []
    rising = [p for p in progress if p > 0]
    assert rising == sorted(rising)


def test_let_go_and_made_again_it_acts_again() -> None:
    twice = held((STANDING, 1.0), (HAND_UP, 2.0), (STANDING, 1.0), (HAND_UP, 2.0))
    assert [name for _, name in acts(read(twice, "paused"))] == ["go", "go"]


def test_a_frame_without_a_body_does_not_begin_anew() -> None:
    poses = held((STANDING, 1.0), (HAND_UP, 1.6))
    reader, fired = GestureReader(ALL), []
    frames = [(pose.time, None if 30 <= number < 33 else pose) for number, pose in enumerate(poses)]
    for time, measurement in measured(frames):
        fired.append(reader.step(time, measurement, "before").fired)
    assert sum(fired) == 1


@pytest.mark.parametrize("posture", [HAND_UP, BENT_HAND_UP])
@pytest.mark.parametrize("yaw", [0.0, 20.0, -20.0])
def test_a_rest_is_ended_by_a_hand_that_stays_up(posture: Posture, yaw: float) -> None:
    found = acts(read(held((STANDING, 4.0), (posture, 4.0), (STANDING, 1.0), yaw=yaw), "rest"))
    assert [name for _, name in found] == ["go"]
    assert 6.4 <= found[0][0] <= 7.2


def test_the_first_seconds_of_a_rest_are_not_looked_at() -> None:
    poses = held((HAND_UP, 7.0))
    (found,) = acts(read(poses, "rest"))
    assert found[0] >= 5.5
    reader = GestureReader(ALL)
    steps = measured((pose.time, pose) for pose in poses)
    fired = [t for t, seen in steps if reader.step(t, seen, "set" if t < 1.0 else "rest").fired]
    assert fired and fired[0] >= 6.5  # of the rest, not of what was before it


@pytest.mark.parametrize(
    "parts",
    [
        pytest.param([(DRINKING, 6.0)], id="drinking"),
        pytest.param([(WIPING, 6.0)], id="wiping"),
        pytest.param([(HAND_BEHIND_HEAD, 6.0)], id="a stretch with the hand behind the head"),
        pytest.param([(LEANING, 6.0)], id="a stretch that leans"),
        pytest.param([(BOTH_UP, 6.0)], id="both arms up"),
        pytest.param([(RIGHT_ASIDE, 6.0)], id="an arm to the side, for the bottle"),
        pytest.param([(HAND_UP, 1.8), (STANDING, 1.0)] * 3, id="up and down again"),
        pytest.param([(HAND_UP, 0.8), (LOWER_HAND_UP, 0.8)] * 5, id="a hand that does not stay where it is"),
    ],
)
def test_what_one_does_in_a_rest_does_not_end_it(parts: list[tuple[Posture, float]]) -> None:
    assert acts(read(held((STANDING, 3.5), *parts), "rest")) == []


def test_no_captured_arm_movement_ends_a_rest(data_folder: Path) -> None:
    """Motion capture of arms raised in front and to the side, over and over, for twelve seconds."""
    with np.load(data_folder / "ui-prmd-mocap.npz") as file:
        names = [str(name) for name in file["joint_names"]]
        for key in ("m07_s03_e04_cor", "m10_s03_e04_cor", "m10_s05_e05_cor"):
            points = np.where(file[key] <= -30000, np.nan, file[key] / 1000.0)
            looped = [points[number % len(points)] for number in range(300)]
            steps = measured((i / 25, captured(frame, names, i / 25)) for i, frame in enumerate(looped))
            reader = GestureReader(ALL)
            assert [t for t, seen in steps if reader.step(t, seen, "rest").fired] == []


def test_during_a_set_only_the_crossed_hands_are_read() -> None:
    for posture, expected in ((HAND_UP, []), (LEFT_ASIDE, []), (CROSSED, ["pause"])):
        found = acts(read(held((STANDING, 1.0), (posture, 2.5)), "set"))
        assert [name for _, name in found] == expected


def assert_none(name: str, steps: list[tuple[float, Measurement | None]]) -> None:
    """In no situation: all of them are read, at any time."""
    reader = GestureReader(tuple(replace(gesture, situations=SITUATIONS, after=0.0) for gesture in ALL))
    for time, measurement in steps:
        state = reader.step(time, measurement, "set")
        assert not state.fired, f"{name}: {state.gesture} at {time:.1f} s"


def test_no_exercise_of_the_library_is_a_gesture() -> None:
    """Its demonstration seen from the side, half turned and from the front; its test recording."""
    for path in sorted((LIBRARY / "tests").glob("*.poses.gz")):
        frames = load_recording(path).frames[::2]
        assert_none(path.name, measured((frame.time, frame.pose) for frame in frames))
    for exercise in load_library():
        loop = load_demonstration(exercise)
        assert loop is not None
        for yaw in (-45.0, -90.0):
            poses = []
            for number in range(len(loop.bodies) + 15):
                time = number * loop.seconds / len(loop.bodies)
                body = loop.bodies[number % len(loop.bodies)]  # looks to the picture's left
                world = np.stack([body[:, 2], body[:, 1], -body[:, 0]], axis=1)
                poses.append((time, seen(world, time, yaw=90.0 + yaw)))
            assert_none(exercise, measured(poses))


_PENN = {"sho": "shoulder", "elb": "elbow", "wri": "wrist", "hip": "hip", "kne": "knee", "ank": "ankle"}


def test_no_real_athlete_makes_one(data_folder: Path) -> None:
    """Every twentieth of the hand-labelled clips (depth unknown: flat), seen 30 times a second."""
    with np.load(data_folder / "penn-action-tracks.npz") as file:
        names = [str(name) for name in file["names"]]
        clips = {key: file[key].astype(float) for key in sorted(set(file.files) - {"names"})[::20]}
    assert len(clips) > 25
    for clip, frames in clips.items():
        poses = [(number / 30, penn_pose(rows, names, number / 30)) for number, rows in enumerate(frames)]
        assert_none(clip, measured(poses))


def penn_pose(rows: np.ndarray, names: list[str], time: float) -> Pose:
    xy, sure = np.zeros((len(Joint), 2)), np.zeros(len(Joint))
    for name, (x, y, visible) in zip(names, rows, strict=True):
        side, _, part = name.partition("_")
        joint = Joint[f"{'left' if side == 'l' else 'right'}_{_PENN[part]}"] if part else Joint.head_top
        xy[joint], sure[joint] = (x, y), 0.9 * visible
    trunk = xy[[Joint.left_shoulder, Joint.right_shoulder]].mean(0) - xy[
        [Joint.left_hip, Joint.right_hip]
    ].mean(0)
    xyz = np.zeros((len(Joint), 3))
    xyz[:, :2] = (
        (xy - xy[[Joint.left_hip, Joint.right_hip]].mean(0)) * 0.5 / max(float(np.hypot(*trunk)), 20.0)
    )
    return Pose(
        time=time, xy=xy.astype(np.float32), xyz=xyz.astype(np.float32), confidence=sure.astype(np.float32)
    )


def test_no_captured_movement_is_one(data_folder: Path) -> None:
    """Motion capture of squats, lunges, steps and leg raises, from in front (its arm exercises are left out:
    two of them are the very movement of a gesture)."""
    with np.load(data_folder / "ui-prmd-mocap.npz") as file:
        names = [str(name) for name in file["joint_names"]]
        found = 0
        for key in sorted(file.files):
            if not ("m01" <= key[:3] <= "m06" and key[4:11] in ("s03_e04", "s07_e02")[int(key[2]) % 2 :]):
                continue
            found += 1
            points = np.where(file[key] <= -30000, np.nan, file[key] / 1000.0)
            assert_none(
                key, measured((i / 25, captured(frame, names, i / 25)) for i, frame in enumerate(points))
            )
        assert found >= 8


def captured(frame: np.ndarray, names: list[str], time: float) -> Pose:
    camera = np.zeros((len(Joint), 3))
    sure = np.zeros(len(Joint), np.float32)
    for name, place in zip(names, frame, strict=True):
        full = name.replace("l_", "left_", 1) if name.startswith("l_") else name.replace("r_", "right_", 1)
        if full in Joint.__members__ and np.isfinite(place).all():
            camera[Joint[full]] = (place[1], -place[2], -place[0])
            sure[Joint[full]] = 0.9
    middle = (camera[Joint.left_hip] + camera[Joint.right_hip]) / 2
    xy = (camera[:, :2] * 180 + 320).astype(np.float32)
    return Pose(time=time, xy=xy, xyz=(camera - middle).astype(np.float32), confidence=sure)


def test_arms_folded_for_a_front_squat_are_no_pause() -> None:
    folded = replace(STANDING, upper_arm=(80, 5), forearm=(100, -75))
    assert acts(read(held((STANDING, 1.0), (folded, 3.0)), "set")) == []


def test_mistakes_are_told_with_their_place(tmp_path: Path) -> None:
    path = tmp_path / "gestures.yaml"
    path.write_text(
        "format: 1\n"
        "gestures:\n"
        "  - id: wave\n"
        "    name: Wave\n"
        "    does: start\n"
        "    while: [befor]\n"
        "    if: {right_wrist_hight: {above: 0.6}}\n",
        "utf-8",
    )
    with pytest.raises(GestureFileError) as error:
        load_gestures(path)
    assert error.value.problems == (
        'gestures.yaml:5:11: found "start", expected an action: go, pause, skip',
        'gestures.yaml:6:13: found "befor", expected a situation: before, countdown, set, rest, paused, done;'
        ' did you mean "before"?',
        'gestures.yaml:7:10: found "right_wrist_hight", expected a parameter, all, any or not;'
        ' did you mean "right_wrist_height"?',
    )


def test_one_that_acts_at_once_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "gestures.yaml"
    path.write_text(
        "format: 1\n"
        "gestures: {id: up, name: Up, does: go, while: rest, if: {knee: {below: 90deg}}, for: 0.1s}\n",
        "utf-8",
    )
    with pytest.raises(GestureFileError, match="acts by accident"):
        load_gestures(path)
