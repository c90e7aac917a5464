from __future__ import annotations

from dataclasses import replace

import pytest

from app.commands import choose_exercise
from app.pipeline import Pipeline, StepResult
from app.rules import ActiveRule, Prompt
from app.skeleton import Joint
from app.summary import FaultSummary, RepSummary
from app.ui import words
from app.ui.score import Score
from tests.poses import squats


def steps(count: int) -> list[StepResult]:
    pipeline = Pipeline(None, choose_exercise("squat"))
    return [pipeline.step_pose(pose.time, pose) for pose in squats(count)]


@pytest.fixture
def score() -> Score:
    return Score(choose_exercise("squat"))


def rep(end: float, *rules: str) -> RepSummary:
    faults = tuple(
        FaultSummary(
            rule=rule, severity="warning", parameter="knee.min", value=110.0, limit=95.0, text="", time=end
        )
        for rule in rules
    )
    return RepSummary(start=end - 2, turn=end - 1, end=end, range=90.0, faults=faults)


def test_before_anything_is_known(score: Score) -> None:
    assert (score.number, score.word, score.phase, score.progress) == ("0", "reps", "", 0.0)
    assert score.say.tone == "calm"
    assert score.highlight is None


def test_it_counts_what_the_workout_says(score: Score) -> None:
    for result in steps(2)[::7]:
        score.add_result(result)
    assert score.phase
    assert score.show_reps([rep(1.0), rep(2.0)])
    assert score.number == "2"
    assert not score.show_reps([rep(1.0)])  # one was taken back: nothing to praise
    assert (score.number, score.word) == ("1", "rep")


def test_a_clean_rep_is_praised_and_a_faulty_one_not(score: Score) -> None:
    result = steps(1)[-1]
    score.add_result(result)
    score.show_reps([rep(result.time)])
    assert score.say.tone == "good"
    score.show_reps([rep(result.time), rep(result.time, "shallow")])
    assert score.say.tone == "calm"
    assert score.say.text == "1 of 2 without a fault"


def test_an_absent_athlete_is_called_after_a_moment(score: Score) -> None:
    last = steps(1)[-1]
    score.add_result(last)
    gone = replace(last, pose=None, measurement=None, time=last.time + 0.5)
    score.add_result(gone)
    assert "Step into" not in score.say.text
    score.add_result(replace(gone, time=last.time + 1.5))
    assert "Step into the picture" in score.say.text
    score.add_result(replace(last, time=last.time + 1.6))
    assert "Step into" not in score.say.text


def test_the_prompt_comes_before_all_but_absence(score: Score, monkeypatch: pytest.MonkeyPatch) -> None:
    last = steps(1)[-1]
    prompt = Prompt(
        t=last.time, rule="shallow", rep=1, severity="warning", priority=5, text="Go deeper!",
        parameter="knee.min", value=110.0, limit=95.0, joints=(Joint.left_knee,),
    )  # fmt: skip
    score.add_result(replace(last, prompt=prompt))
    said = "Go deeper: your knees bent to 110°, go to 95° or less"
    assert (score.say.text, score.say.tone) == (said, "warning")
    with monkeypatch.context() as patch:
        patch.setattr(words, "_language", "zh")  # in the middle of it
        assert score.say.text == "再蹲低一点：膝角 110°，要到 95° 以下"
    score.add_result(replace(last, prompt=replace(prompt, rule="gone")))
    assert score.say.text == "Go deeper!"  # what it said when it was there
    score.add_result(replace(last, prompt=prompt, pose=None, time=last.time + 5))
    assert score.say.icon == "step_in"


def test_the_worst_fault_gives_the_colour_and_the_value(score: Score) -> None:
    def fault(rule: str, severity: str, value: float, joint: Joint) -> ActiveRule:
        return ActiveRule(
            rule=rule, severity=severity, priority=1, text=rule, parameter="knee", value=value, limit=95.0,
            joints=(joint,), since=0.0,
        )  # type: ignore[arg-type]  # fmt: skip

    hint = fault("hint", "info", 1.0, Joint.nose)
    faults = (hint, fault("a", "error", 104.4, Joint.left_knee), fault("b", "warning", 3.0, Joint.left_hip))
    score.add_result(replace(steps(1)[-1], faults=faults))
    highlight = score.highlight
    assert highlight is not None
    assert highlight.joints == {Joint.left_knee, Joint.left_hip}
    assert (highlight.severity, highlight.tag_joint, highlight.tag) == ("error", Joint.left_knee, "104°")


def test_while_a_prompt_is_shown_the_value_at_the_limb_is_its_own(score: Score) -> None:
    last = steps(1)[-1]
    fault = ActiveRule(
        rule="leaning", severity="warning", priority=1, text="", parameter="trunk_tilt", value=61.0,
        limit=55.0, joints=(Joint.left_hip,), since=last.time,
    )  # fmt: skip
    prompt = Prompt(
        t=last.time, rule="leaning", rep=None, severity="warning", priority=5, text="you lean 57°",
        parameter="trunk_tilt", value=57.0, limit=55.0, joints=(Joint.left_hip,),
    )  # fmt: skip
    score.add_result(replace(last, faults=(fault,), prompt=prompt))
    assert score.highlight is not None
    assert score.highlight.tag == "57°"
    score.add_result(replace(last, faults=(replace(fault, rule="other"),), prompt=prompt))
    assert score.highlight is not None
    assert score.highlight.tag == ""  # the limb is coloured, but two numbers would contradict one another


def test_the_fault_of_a_rep_is_not_shown_in_the_next(score: Score) -> None:
    last = steps(1)[-1]
    fault = ActiveRule(
        rule="shallow", severity="warning", priority=1, text="", parameter="knee.min", value=128.0,
        limit=95.0, joints=(Joint.left_knee,), since=last.time,
    )  # fmt: skip
    score.add_result(replace(last, faults=(fault,)))
    assert score.highlight is not None
    score.add_result(replace(last, faults=(fault,), progress=0.6))
    assert score.highlight is None
    score.add_result(replace(last, faults=(fault,), time=last.time + 5))
    assert score.highlight is None


def test_a_view_that_cannot_be_judged_is_said_and_how_to_stand(score: Score) -> None:
    last = steps(1)[-1]
    assert last.measurement is not None
    wrong = replace(last.measurement, view="back")
    assert "back" not in score.exercise.views
    for i in range(5):
        score.add_result(replace(last, measurement=wrong, time=last.time + i))
    assert "to the camera" in score.say.text


def test_a_hold_shows_seconds() -> None:
    score = Score(choose_exercise("plank"))
    last = steps(1)[-1]
    holding = score.exercise.counting.phases[2]
    score.add_result(replace(last, phase=holding, time=10.0))
    score.add_result(replace(last, phase=holding, time=17.4))
    assert (score.number, score.word, score.phase) == ("7", "seconds", "Hold")
    score.add_result(replace(last, phase=score.exercise.counting.phases[0], time=18.0))
    assert (score.number, score.word) == ("7", "seconds, longest")


def test_another_sources_time_does_not_make_a_hold_of_less_than_nothing() -> None:
    score = Score(choose_exercise("plank"))
    last = steps(1)[-1]
    holding = score.exercise.counting.phases[2]
    score.add_result(replace(last, phase=holding, time=33.0))
    score.add_result(replace(last, phase=holding, time=0.2))
    score.add_result(replace(last, phase=holding, time=2.4))
    assert score.number == "2"
