"""Frames that come late, seldom, unevenly or after hours of sleep, and dates that jump: all stays right."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pytest

from app.history import FILE, History
from app.pipeline import Pipeline
from app.plans import Plan, PlannedExercise, PlanStep
from app.recording import Recording, load_recording
from app.reps import Hold, Rep
from app.rules import load_library
from app.set_recorder import SetRecorder
from app.skeleton import Pose
from app.workouts import WorkoutRunner, in_start_position
from tests import motion
from tests.conftest import REPOSITORY
from tests.poses import squats
from tests.test_history import workout

LIBRARY = load_library()
HOURS = 3 * 3600.0


def later(poses: Iterable[Pose], seconds: float) -> list[Pose]:
    return [replace(pose, time=pose.time + seconds) for pose in poses]


def counted(exercise: str, poses: Iterable[tuple[float, Pose | None]]) -> list[Rep | Hold]:
    pipeline = Pipeline(None, LIBRARY[exercise])
    found = [event for time, pose in poses for event in pipeline.step_pose(time, pose).events]
    return [event for event in (*found, *pipeline.finish()) if isinstance(event, (Rep, Hold))]


def timed(poses: Iterable[Pose]) -> list[tuple[float, Pose | None]]:
    return [(pose.time, pose) for pose in poses]


# ---- hours between two frames


@pytest.mark.parametrize("left_at", [1.9, 2.7, 3.3])  # of a squat from 1.5 to 3.9 s
@pytest.mark.parametrize("back_at", [0.0, 2.7, 3.3])
def test_no_repetition_is_pieced_together_across_a_sleep(left_at: float, back_at: float) -> None:
    """Asleep in the middle of the second squat; awake when the athlete stands, is down, or comes up."""
    before = squats(2, still=1.5)
    first = [pose for pose in before if pose.time < left_at + 2.4]
    second = [pose for pose in squats(2, still=1.5) if pose.time >= back_at]
    reps = counted("squat", timed([*first, *later(second, HOURS)]))
    seen = 2 if back_at < 1.0 else 1  # what began before the first frame is none
    assert [rep.start < HOURS for rep in reps].count(True) == 1
    assert len(reps) == 1 + seen
    assert all(rep.end - rep.start < 5.0 for rep in reps)


class Training:
    """Pipeline, recorder and runner as the app has them, from poses. The set begins with the first one."""

    def __init__(self, *steps: PlanStep) -> None:
        plan = Plan(id="test", names={"en": "Test"}, steps=steps)
        self.runner = WorkoutRunner(plan, LIBRARY, started=datetime(2026, 3, 4, tzinfo=UTC))
        self.pipeline = Pipeline(None, self.runner.exercise)
        self.recorder = SetRecorder(self.runner.exercise)
        self.runner.start(at_once=True)

    def see(self, poses: Iterable[Pose]) -> None:
        for pose in poses:
            result = self.pipeline.step_pose(pose.time, pose)
            ended = self.recorder.add(result, self.pipeline.fault_counts)
            ready = in_start_position(self.runner.exercise, result.measurement, result.phase)
            self.runner.step(result.time, ended, ready=ready, holding=self.recorder.holding)


def plank(seconds: float) -> list[Pose]:
    return [motion.seen(motion.joints(motion.PLANK), i / 25) for i in range(round(seconds * 25))]


def test_a_hold_does_not_last_through_a_sleep() -> None:
    """Six seconds of a plank before it, and two after: eight have been held, of ten."""
    training = Training(PlanStep(exercises=(PlannedExercise(exercise="plank", seconds=10.0),)))
    training.see(plank(6.0))
    training.see(later(plank(2.0), HOURS))
    standing = training.runner.standing
    assert (standing.state, standing.number) == ("set", 1)
    assert standing.held == pytest.approx(8.0, abs=0.3)
    assert sum(training.pipeline.fault_counts.values()) < 20.0
    training.see(later(plank(3.0), HOURS + 2.0))
    assert training.runner.state == "done"
    holds = counted("plank", timed([*plank(6.0), *later(plank(6.0), HOURS)]))
    assert [hold.end - hold.start for hold in holds] == pytest.approx([6.0, 6.0], abs=0.2)


def test_a_set_waits_through_a_sleep_and_its_time_does_not_run() -> None:
    training = Training(PlanStep(exercises=(PlannedExercise(exercise="squat", seconds=60.0),)))
    training.see(squats(2))
    worked = training.runner.standing.remaining
    training.see(later(squats(1), HOURS))
    standing = training.runner.standing
    assert (standing.state, standing.count) == ("set", 3)
    assert worked is not None
    assert standing.remaining == pytest.approx(worked - squats(1)[-1].time, abs=0.2)
    assert training.runner.summary.seconds < 60.0


def test_a_rest_is_over_after_a_sleep_and_the_next_set_waits_for_the_athlete() -> None:
    squat = PlannedExercise(exercise="squat", reps=2)
    training = Training(PlanStep(exercises=(squat,), sets=2, rest=60.0))
    training.see(squats(2))
    assert training.runner.state == "rest"
    training.see(later(squats(0, still=0.2), HOURS))
    standing = training.runner.standing
    assert (standing.state, standing.number, standing.count) == ("before", 2, 0)
    assert training.runner.summary.seconds < 90.0  # the rest, and no more of the sleep
    assert training.runner.summary.sets[0].count == 2


# ---- few and many frames


def resampled(recording: Recording, times: Sequence[float]) -> list[tuple[float, Pose | None]]:
    """What a camera would have seen at these times: between two frames, what is between them."""
    frames = recording.frames
    known = np.array([frame.time for frame in frames])
    out: list[tuple[float, Pose | None]] = []
    for time in times:
        after = min(int(np.searchsorted(known, time, side="right")), len(frames) - 1)
        a, b = frames[max(0, after - 1)], frames[after]
        if a.pose is None or b.pose is None:
            out.append((time, None))
            continue
        share = np.float32((time - a.time) / (b.time - a.time)) if b.time > a.time else np.float32(0.0)
        pose = Pose(
            time=time,
            xy=a.pose.xy + share * (b.pose.xy - a.pose.xy),
            xyz=a.pose.xyz + share * (b.pose.xyz - a.pose.xyz),
            confidence=a.pose.confidence + share * (b.pose.confidence - a.pose.confidence),
        )
        out.append((time, pose))
    return out


TRACKS = {"squat-good": "squat", "biceps_curl-alternating": "biceps_curl", "push_up-sagging": "push_up"}


def track(name: str) -> tuple[Recording, int]:
    """A recording and how many repetitions are counted in it as it is."""
    recording = load_recording(REPOSITORY / "tests" / "recordings" / f"{name}.poses.gz")
    count = len(counted(TRACKS[name], [(frame.time, frame.pose) for frame in recording.frames]))
    assert count > 0
    return recording, count


@pytest.mark.parametrize(
    ("name", "rate"),
    [
        ("squat-good", 5.0),
        ("squat-good", 10.0),
        ("squat-good", 240.0),
        ("biceps_curl-alternating", 5.0),
        ("biceps_curl-alternating", 15.0),
        ("biceps_curl-alternating", 120.0),
        ("push_up-sagging", 5.0),
        ("push_up-sagging", 60.0),
    ],
)
def test_a_recording_is_counted_alike_at_every_rate(name: str, rate: float) -> None:
    recording, count = track(name)
    times = list(np.arange(recording.frames[0].time, recording.frames[-1].time, 1.0 / rate))
    assert len(counted(TRACKS[name], resampled(recording, times))) == count


@pytest.mark.parametrize("name", TRACKS)
def test_uneven_times_change_nothing(name: str) -> None:
    """A phone that gives 30 frames a second in good light, 12 in bad, and hiccups."""
    recording, count = track(name)
    random = np.random.default_rng(5)
    gaps = random.choice([1 / 30, 1 / 12, 0.25], size=4000, p=[0.7, 0.27, 0.03])
    times = recording.frames[0].time + np.cumsum(gaps)
    times = times[times < recording.frames[-1].time]
    assert len(counted(TRACKS[name], resampled(recording, list(times)))) == count


# ---- the date, which people and the net set


def test_nothing_is_measured_by_the_date() -> None:
    """Only the age of a file is: the file system knows no other clock."""
    asked = [
        path.relative_to(REPOSITORY).as_posix()
        for path in (REPOSITORY / "app").rglob("*.py")
        if "time.time()" in path.read_text(encoding="utf-8")
    ]
    assert asked == ["app/files.py"]


def test_the_history_bears_a_date_that_jumps(tmp_path: Path) -> None:
    """Each workout stays on the day that the athlete's clock showed, wherever and however it was set."""
    moments = {
        "late": "2026-03-18T23:50:00+08:00",
        "set back": "2026-03-17T10:00:00+08:00",
        "abroad": "2026-03-18T06:00:00-07:00",  # after the first, and the same day there
        "far ahead": "2027-01-01T00:00:00+08:00",  # an empty battery on the board
    }
    with History(tmp_path / FILE) as history:
        anna = history.profile("Anna")
        for id, moment in moments.items():
            history.add(replace(workout(id), started=datetime.fromisoformat(moment)), anna)
        assert len(history.workouts(anna)) == 4
        assert {line.started.isoformat() for line in history.workouts(anna)} == set(moments.values())
        days = history.days(anna, date(2026, 3, 1), date(2026, 3, 31))
        assert days == {date(2026, 3, 17): 1, date(2026, 3, 18): 2}
        assert history.streak(anna, date(2026, 3, 18)) == 2
        assert history.streak(anna, date(2026, 3, 10)) == 0
