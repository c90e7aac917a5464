from __future__ import annotations

import numpy as np
import pytest

from app.capture import Frame
from app.commands import choose_exercise
from app.pipeline import SHOWN_SECONDS, Pipeline, StepResult
from app.reps import Rep
from app.rules import Prompt
from app.skeleton import Pose
from tests.poses import squats

PICTURE = np.zeros((4, 4, 3), np.uint8)


class Replay:
    """Stands in for the estimator: gives the poses of a list, by the frame's index."""

    def __init__(self, poses: list[Pose | None]) -> None:
        self.poses = poses
        self.resets = 0

    def estimate(self, frame: Frame, /) -> Pose | None:
        return self.poses[frame.index]

    def reset(self) -> None:
        self.resets += 1


def frames(poses: list[Pose]) -> list[Frame]:
    return [Frame(image=PICTURE, time=pose.time, index=i) for i, pose in enumerate(poses)]


def reps_in(results: list[StepResult]) -> list[Rep]:
    return [event for result in results for event in result.events if isinstance(event, Rep)]


def replayed(poses: list[Pose], pipeline: Pipeline | None = None) -> list[StepResult]:
    pipeline = pipeline or Pipeline(None, choose_exercise("squat"))
    return [pipeline.step_pose(pose.time, pose) for pose in poses]


def test_squats_are_counted_when_they_are_done() -> None:
    results = replayed(squats(3, seconds=2.4, still=1.5))
    reps = reps_in(results)
    assert [rep.number for rep in reps] == [1, 2, 3]
    assert [rep.turn for rep in reps] == pytest.approx([2.7, 5.1, 7.5], abs=0.2)
    assert results[-1].count == 3
    counts = [result.count for result in results]
    assert counts == sorted(counts)
    assert max(result.progress for result in results) > 0.9
    assert results[20].progress < 0.2
    assert len({result.phase for result in results}) >= 3


def test_standing_still_counts_nothing_and_says_nothing() -> None:
    results = replayed(squats(3, depth=0.0))
    assert results[-1].count == 0
    assert all(result.events == () and result.prompt is None for result in results)


def test_frames_and_recorded_poses_give_the_same() -> None:
    poses = squats(2, depth=0.75)
    pipeline = Pipeline(Replay(list(poses)), choose_exercise("squat"))
    live = [pipeline.step(frame) for frame in frames(poses)]
    for a, b in zip(live, replayed(poses), strict=True):
        assert (a.time, a.phase, a.count, a.events, a.prompt, a.faults, a.progress) == (
            b.time,
            b.phase,
            b.count,
            b.events,
            b.prompt,
            b.faults,
            b.progress,
        )
        assert a.frame is not None
        assert b.frame is None


def test_a_step_without_a_person_has_no_pose_and_no_faults() -> None:
    poses: list[Pose | None] = [*squats(1), None]
    pipeline = Pipeline(Replay(poses), choose_exercise("squat"))
    for i, pose in enumerate(squats(1)):
        pipeline.step(Frame(image=PICTURE, time=pose.time, index=i))
    result = pipeline.step(Frame(image=PICTURE, time=60.0, index=len(poses) - 1))
    assert result.pose is None
    assert result.measurement is None
    assert result.faults == ()
    assert result.count == 1


def test_reset_and_another_exercise_start_from_zero() -> None:
    poses = squats(2)
    estimator = Replay(list(poses))
    pipeline = Pipeline(estimator, choose_exercise("squat"))
    replayed(poses, pipeline)
    pipeline.reset()
    assert estimator.resets == 1
    assert replayed(poses, pipeline)[-1].count == 2
    pipeline.set_exercise(choose_exercise("push_up"))
    assert estimator.resets == 1, "the person being followed is kept"
    assert pipeline.exercise.id == "push_up"
    assert pipeline.fault_counts == {} or not any(pipeline.fault_counts.values())


def test_a_small_step_back_in_time_is_the_same_time_a_long_one_starts_over() -> None:
    poses = squats(2)
    estimator = Replay(list(poses))
    pipeline = Pipeline(estimator, choose_exercise("squat"))
    results = replayed(poses, pipeline)
    end = results[-1].time
    assert pipeline.step_pose(end - 0.1, poses[-1]).time == end
    assert pipeline.step_pose(end, poses[-1]).count == 2
    assert pipeline.step_pose(0.0, poses[0]).count == 0
    assert estimator.resets == 1


def test_without_an_estimator_only_poses_are_taken() -> None:
    pipeline = Pipeline(None, choose_exercise("squat"))
    assert pipeline.finish() == ()
    with pytest.raises(ValueError, match="step_pose"):
        pipeline.step(Frame(image=PICTURE, time=0.0, index=0))


def test_a_prompt_stays_up_long_enough_to_be_read_and_then_goes() -> None:
    shallow = squats(3, depth=0.62)
    still = squats(0, still=4.0)
    last = shallow[-1].time
    later = [
        Pose(time=last + 0.04 + pose.time, xy=pose.xy, xyz=pose.xyz, confidence=pose.confidence)
        for pose in still
    ]
    results = replayed([*shallow, *later])
    said = [event for result in results for event in result.events if isinstance(event, Prompt)]
    assert said, "squats that shallow must be remarked upon"
    for prompt in said[-1:]:
        shown = [result.time for result in results if result.prompt == prompt]
        assert shown[0] == prompt.t
        assert shown[-1] - shown[0] >= SHOWN_SECONDS - 0.1
    assert results[-1].prompt is None


def test_praise_goes_also_while_all_stays_well() -> None:
    results = replayed(squats(6, fps=15.0))
    shown = [result.time for result in results if result.prompt is not None and result.prompt.praise]
    assert shown, "five clean squats must be praised"
    assert shown[-1] - shown[0] <= SHOWN_SECONDS


@pytest.mark.parametrize("takes", [1, 2, 3, 4, 6])
def test_a_weak_machine_that_skips_frames_counts_the_same(takes: int) -> None:
    """Time is data: a step that takes as long as so many frames leaves the others out, irregularly."""
    poses = squats(3, fps=30.0)
    kept, due = [], 0.0
    for pose in poses:
        if pose.time >= due:
            kept.append(pose)
            due = pose.time + takes / 30.0 * (1.25 if len(kept) % 3 else 0.6)
    reps = reps_in(replayed(kept))
    assert len(reps) == 3
    everything = reps_in(replayed(poses))
    for ours, theirs in zip(reps, everything, strict=True):
        assert ours.end == pytest.approx(theirs.end, abs=0.35)
        assert ours.range == pytest.approx(theirs.range, abs=12.0)
