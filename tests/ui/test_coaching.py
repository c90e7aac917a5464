"""One workout as the coach page sees it: what is asked for while the countdown runs."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np

from app.capture import Frame
from app.pipeline import Pipeline
from app.recording import load_recording
from app.rules import LIBRARY, load_exercise
from app.skeleton import Pose
from app.summary import RepSummary
from app.ui.coaching import JUST_BEGUN, Coaching
from app.workouts import COUNTDOWN, WorkoutRunner, one_set
from tests.poses import squats
from tests.ui.driver import ReplayEstimator

RATE = 25.0
SQUAT = load_exercise(LIBRARY / "squat.yaml")


class Live:
    """Coaching squats from the poses of a list, each once, then from nobody."""

    def __init__(self, poses: list[Pose | None], *, reps: int | None = None) -> None:
        plan = one_set(SQUAT, reps=reps)
        runner = WorkoutRunner(plan, {"squat": SQUAT}, started=datetime(2026, 3, 18, tzinfo=UTC))
        self.coaching = Coaching(runner, {"squat": SQUAT})
        self.pipeline = Pipeline(ReplayEstimator([*poses, *[None] * 500]), SQUAT)
        self.index = 0

    def step(self) -> None:
        image = np.zeros((480, 640, 3), np.uint8)
        frame = Frame(image=image, time=self.index / RATE, index=self.index)
        self.coaching.step(self.pipeline.step(frame), 640, 480)
        self.index += 1

    def wait(self, seconds: float) -> None:
        for _ in range(round(seconds * RATE)):
            self.step()

    def until(self, state: str) -> None:
        for _ in range(200):
            if self.coaching.state == state:
                return
            self.step()
        raise AssertionError(f"{self.coaching.state}, not {state}")


def standing() -> list[Pose | None]:
    return [*squats(1, seconds=0.4, still=12.0)][: round(10 * RATE)]


def test_who_asks_for_the_start_as_the_countdown_begins_by_itself_gets_the_start() -> None:
    live = Live(standing()[:70])
    live.until("countdown")
    live.step()
    assert live.coaching.just_counting
    live.coaching.start()
    assert not live.coaching.paused
    live.index = 70  # walks out of the picture, and it goes on all the same
    live.wait(COUNTDOWN + 0.3)
    assert live.coaching.state == "set"


def test_later_in_the_countdown_it_is_a_pause_that_is_asked_for() -> None:
    live = Live(standing())
    assert not live.coaching.just_counting
    live.until("countdown")
    live.wait(JUST_BEGUN + 0.2)
    assert live.coaching.state == "countdown"
    assert not live.coaching.just_counting
    live.until("set")
    assert not live.coaching.just_counting


def test_a_pause_says_so_and_what_is_left_of_the_set_after_it() -> None:
    live = Live(standing()[:10], reps=10)
    live.coaching.start(at_once=True)
    live.step()
    for end in (1.0, 2.0):
        live.coaching.add_rep(RepSummary(start=end - 0.5, end=end, by_hand=True))
    live.step()
    live.coaching.pause()
    assert live.coaching.say.text == "Paused"
    live.coaching.go_on()
    live.step()
    assert live.coaching.state == "before"
    assert live.coaching.say.text.startswith("Squat: 8 more.")


def test_before_its_set_nothing_of_a_hold_is_counted() -> None:
    plank = load_exercise(LIBRARY / "plank.yaml")
    runner = WorkoutRunner(one_set(plank), {"plank": plank}, started=datetime(2026, 3, 18, tzinfo=UTC))
    coaching = Coaching(runner, {"plank": plank})
    poses = [seen.pose for seen in load_recording(LIBRARY / "tests" / "plank.poses.gz").frames]
    pipeline = Pipeline(ReplayEstimator(poses), plank)
    shown, held = set(), 0.0
    for index in range(len(poses)):
        frame = Frame(image=np.zeros((480, 640, 3), np.uint8), time=index / RATE, index=index)
        coaching.step(pipeline.step(frame), 64, 48)  # not all of the body in it: no countdown
        if coaching.state == "before":
            shown.add(coaching.number)
            held = max(held, coaching.score.held)
    assert held >= 1.0
    assert shown == {"0"}
