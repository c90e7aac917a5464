"""Which exercise is being done: told from counting alone, for every rule file there is."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.parameters import Measurer
from app.recognition import Guess, Recogniser
from app.rules import load_library
from app.skeleton import Pose
from tests.motion import MOTIONS, PLANK, joints, play, reps, seen

LIBRARY = load_library()


def guesses(poses: list[Pose], library: dict[str, object] | None = None) -> list[Guess | None]:
    recogniser, measurer = Recogniser(library or LIBRARY), Measurer()  # type: ignore[arg-type]
    return [recogniser.step(pose.time, measurer.step(pose, pose.time)) for pose in poses]


@pytest.mark.parametrize("exercise", sorted(MOTIONS))
def test_each_exercise_is_recognised_by_its_third_repetition(exercise: str) -> None:
    found = guesses(play(MOTIONS[exercise], reps(3, seconds=2.0, rest=0.5, fps=15.0)))
    assert found[-1] is not None and found[-1].exercise == exercise
    assert {guess.exercise for guess in found if guess} == {exercise}


def test_one_repetition_is_no_guess_yet() -> None:
    assert guesses(play(MOTIONS["squat"], reps(1, fps=15.0)))[-1] is None


def test_a_hold_is_recognised_after_some_seconds() -> None:
    found = guesses([seen(joints(PLANK), i / 10) for i in range(200)])
    assert found[60] is None, "it may be a rest between push-ups"
    assert found[-1] is not None and found[-1].exercise == "plank"


def test_it_is_forgotten_when_nothing_more_is_done() -> None:
    still = [seen(MOTIONS["squat"].at(0.0), 10.0 + i / 10) for i in range(300)]
    poses = play(MOTIONS["squat"], reps(3, seconds=2.0, rest=0.5, fps=15.0))
    assert guesses(poses)[-1] is not None
    assert guesses([*poses, *still])[-1] is None


def test_an_exercise_of_ones_own_is_recognised_without_code(tmp_path: Path) -> None:
    (tmp_path / "arm_lift.yaml").write_text(
        "format: 1\nid: arm_lift\nname: Arm lift\nviews: [side]\ncounting:\n  reps:\n    signals:\n"
        "      - {parameter: upper_arm_tilt, start: 10deg, turn: 85deg}\nrules: []\n",
        "utf-8",
    )
    library = load_library(tmp_path)
    found = guesses(play(MOTIONS["front_raise"], reps(3, seconds=2.0, rest=0.5, fps=15.0)), dict(library))
    assert found[-1] is not None and found[-1].exercise == "arm_lift"
