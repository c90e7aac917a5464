from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from app.conditions import All, AnyOf, Blame, Comparison, Not, holds_mostly
from app.measures import RepRow, SetValues
from app.parameters import Measurement, Measurer
from app.recording import load_recording
from app.reps import Hold, Rep, RepCounter
from app.rules import (
    LIBRARY,
    Exercise,
    Prompt,
    RepValues,
    RuleEngine,
    format_value,
    load_exercise,
    load_library,
)
from app.skeleton import Joint
from app.throttle import MOST_IN_A_ROW, QUIET_SECONDS
from app.view import View
from app.vocabulary import PARAMETERS
from tests.motion import MOTIONS, play, reps

RECORDINGS = Path(__file__).parent / "recordings"
ALL_IDS = sorted(
    [
        "squat",
        "push_up",
        "biceps_curl",
        "jumping_jack",
        "lunge",
        "sit_up",
        "crunch",
        "pull_up",
        "deadlift",
        "glute_bridge",
        "lateral_raise",
        "front_raise",
        "shoulder_press",
        "plank",
        "calf_raise",
        "side_leg_raise",
        "donkey_kick",
    ]
)

LIBRARY_READ = load_library()

HEAD = """\
format: 1
id: thing
name: {en: Thing, zh: 东西}
views: [side]
counting:
  reps:
    signals:
      - {parameter: knee, start: 170deg, turn: 90deg}
phases: {start: up, away: down, turn: bottom, back: rising}
rules:
"""
HOLD = """\
format: 1
id: thing
name: {en: Thing}
views: [side]
counting:
  hold:
    posture: {knee: {above: 150deg}}
rules:
"""


def exercise(folder: Path, rules: str, head: str = HEAD) -> Exercise:
    path = folder / "thing.yaml"
    path.write_text(head + rules, "utf-8")
    return load_exercise(path)


def measurement(
    time: float, view: View = "side", hidden: tuple[Joint, ...] = (), **values: float
) -> Measurement:
    return Measurement(
        time=time,
        view=view,
        yaw=90.0,
        values=dict(values),
        confidence=dict.fromkeys(values, 0.9),
        visible=frozenset(set(Joint) - set(hidden)),
    )


def feed(
    engine: RuleEngine,
    knees: Iterable[tuple[float, float | None]],
    *,
    phase: str = "down",
    view: View = "side",
    hidden: tuple[Joint, ...] = (),
) -> list[Prompt]:
    """(time, knee angle or None where it is not seen) through the engine."""
    out = []
    for time, knee in knees:
        values = {} if knee is None else {"knee": knee}
        out += engine.step(time, measurement(time, view, hidden, **values), phase)
    return out


def steady(
    knee: float | None, start: float, end: float, gap: float = 0.1
) -> list[tuple[float, float | None]]:
    return [(start + i * gap, knee) for i in range(round((end - start) / gap))]


# -- conditions -------------------------------------------------------------------------------------


def below(limit: float) -> Comparison:
    return Comparison(parameter="knee", operator="below", limit=limit)


def test_comparisons() -> None:
    knee = {"knee": 90.0}
    assert below(91).holds(knee) and not below(90).holds(knee)
    assert Comparison(parameter="knee", operator="above", limit=89).holds(knee)
    inside = Comparison(parameter="knee", operator="between", limit=90, upper=100)
    outside = Comparison(parameter="knee", operator="outside", limit=90, upper=100)
    assert inside.holds(knee) and not outside.holds(knee)
    assert outside.blame({"knee": 110.0}) == Blame(parameter="knee", value=110.0, limit=100)
    assert outside.blame({"knee": 80.0}) == Blame(parameter="knee", value=80.0, limit=90)


def test_the_unknown_is_neither_true_nor_false() -> None:
    hip = Comparison(parameter="hip", operator="below", limit=50)
    seen = {"knee": 90.0}
    assert hip.holds(seen) is None and Not(part=hip).holds(seen) is None
    assert All(parts=(below(100), hip)).holds(seen) is None
    assert All(parts=(below(80), hip)).holds(seen) is False
    assert AnyOf(parts=(below(100), hip)).holds(seen) is True
    assert AnyOf(parts=(below(80), hip)).holds(seen) is None
    assert Not(part=below(80)).holds(seen) is True


def test_the_comparison_to_blame_is_the_one_that_holds() -> None:
    either = AnyOf(parts=(below(80), Comparison(parameter="hip", operator="above", limit=10)))
    assert either.blame({"knee": 90.0, "hip": 20.0}) == Blame(parameter="hip", value=20.0, limit=10)
    assert either.blame({"knee": 90.0, "hip": 5.0}) is None
    assert Not(part=below(80)).blame({"knee": 90.0}) == Blame(parameter="knee", value=90.0, limit=80)


def test_holds_mostly_judges_what_is_known() -> None:
    frames = [{"knee": 70.0}] * 6 + [{"knee": 120.0}] * 4 + [{}] * 20
    assert holds_mostly(below(100), frames, 0.6)
    assert not holds_mostly(below(100), frames, 0.7)
    assert holds_mostly(below(100), [{}], 0.9)


# -- hold times, cooldown, budget -----------------------------------------------------------------

DEEP = """\
  - id: deep
    when: {knee: {below: 60deg}}
    for: 0.5s
    keep_for: 0.4s
    cooldown: 5s
    say: {en: "knee {value}, {limit} or more", zh: "膝角 {value}"}
"""


def test_a_rule_fires_after_its_for_and_clears_after_its_keep_for(tmp_path: Path) -> None:
    engine = RuleEngine(exercise(tmp_path, DEEP))
    assert feed(engine, steady(50, 0.0, 0.5)) == [] and engine.active == []
    (prompt,) = feed(engine, steady(50, 0.5, 1.0))
    assert prompt.t == pytest.approx(0.5) and prompt.text == "knee 50°, 60° or more"
    assert (prompt.parameter, prompt.value, prompt.limit) == ("knee", 50.0, 60.0)
    assert prompt.joints == PARAMETERS["knee"].joints
    assert [a.rule for a in engine.active] == ["deep"]
    feed(engine, steady(80, 1.0, 1.3))
    assert [a.rule for a in engine.active] == ["deep"]
    feed(engine, steady(80, 1.3, 1.8))
    assert engine.active == []


def test_a_short_break_starts_the_waiting_anew(tmp_path: Path) -> None:
    engine = RuleEngine(exercise(tmp_path, DEEP))
    prompts = feed(engine, [*steady(50, 0.0, 0.4), (0.4, 80), *steady(50, 0.5, 0.95)])
    assert prompts == []


def test_a_rule_whose_parameter_is_not_seen_stays_silent(tmp_path: Path) -> None:
    engine = RuleEngine(exercise(tmp_path, DEEP))
    assert feed(engine, steady(None, 0.0, 3.0)) == []
    # A flicker does not reset it, being away does.
    assert feed(engine, [*steady(50, 3.0, 3.4), (3.4, None), *steady(50, 3.5, 3.7)]) != []
    feed(engine, steady(None, 4.0, 6.0))
    assert engine.active == []


def test_the_same_prompt_waits_for_its_cooldown(tmp_path: Path) -> None:
    engine = RuleEngine(exercise(tmp_path, DEEP))
    prompts = feed(engine, steady(50, 0.0, 9.0))
    assert [p.t for p in prompts] == pytest.approx([0.5, 5.5], abs=0.11)


def test_a_prompt_has_a_budget_and_never_comes_over_and_over(tmp_path: Path) -> None:
    twice = RuleEngine(exercise(tmp_path, DEEP.replace("cooldown: 5s", "cooldown: 3s\n    per_set: 2")))
    assert len(feed(twice, steady(50, 0.0, 60.0))) == 2
    many = RuleEngine(exercise(tmp_path, DEEP.replace("cooldown: 5s", "cooldown: 3s\n    per_set: 100")))
    assert len(feed(many, steady(50, 0.0, 60.0))) == MOST_IN_A_ROW
    many.reset()
    assert len(feed(many, steady(50, 0.0, 60.0))) == MOST_IN_A_ROW


def test_views_phases_and_needed_joints(tmp_path: Path) -> None:
    def prompts(more: str, **how: object) -> list[Prompt]:
        engine = RuleEngine(exercise(tmp_path, DEEP + more))
        return feed(engine, steady(50, 0.0, 2.0), **how)  # type: ignore[arg-type]

    assert prompts("    views: [front]\n") == []
    assert prompts("    views: [front]\n", view="front") != []
    assert prompts("    phases: [bottom]\n") == []
    assert prompts("    phases: [bottom]\n", phase="bottom") != []
    assert prompts("    needs: [heel]\n", hidden=(Joint.left_heel,)) == []
    assert prompts("    needs: [right_heel]\n", hidden=(Joint.left_heel,)) != []


PAIR = (
    DEEP
    + """\
  - id: straight
    severity: error
    when: {hip: {above: 170deg}}
    say: Bend
"""
)


def test_the_most_important_is_said_first_and_prompts_do_not_crowd(tmp_path: Path) -> None:
    engine = RuleEngine(exercise(tmp_path, PAIR))
    prompts = []
    for time, _ in steady(0, 0.0, 6.0):
        prompts += engine.step(time, measurement(time, knee=50, hip=175), "down")
    assert [p.rule for p in prompts[:2]] == ["straight", "deep"]
    assert prompts[1].t - prompts[0].t >= QUIET_SECONDS
    assert [a.rule for a in engine.active] == ["straight", "deep"]


def test_something_more_important_may_interrupt(tmp_path: Path) -> None:
    engine = RuleEngine(exercise(tmp_path, PAIR))
    prompts = []
    for time, _ in steady(0, 0.0, 2.0):
        prompts += engine.step(time, measurement(time, knee=50, hip=175 if time > 0.8 else 100), "down")
    assert [p.rule for p in prompts] == ["deep", "straight"]
    assert prompts[1].t - prompts[0].t < QUIET_SECONDS


def test_languages_fall_back_to_english(tmp_path: Path) -> None:
    def text(language: str) -> str:
        return feed(RuleEngine(exercise(tmp_path, DEEP), language=language), steady(50, 0.0, 1.0))[0].text

    assert text("zh") == text("zh_CN") == "膝角 50°"
    assert text("en") == text("fr") == "knee 50°, 60° or more"
    assert exercise(tmp_path, DEEP).name("zh") == "东西"


def test_texts_are_not_evaluated(tmp_path: Path) -> None:
    rules = DEEP.replace("knee {value}, {limit} or more", "{value} %s $HOME")
    assert feed(RuleEngine(exercise(tmp_path, rules)), steady(50, 0.0, 1.0))[0].text == "50° %s $HOME"


# -- repetitions --------------------------------------------------------------------------------------

SHALLOW = """\
  - id: shallow
    judge: rep
    views: [side]
    when: {knee.min: {above: 100deg}}
    say: "{value}, {limit} or less"
  - id: good
    severity: info
    judge: rep
    when: {knee.min: {below: 100deg}}
    say: Good
"""


def rep(number: int, start: float, end: float) -> Rep:
    return Rep(
        number=number, start=start, turn=(start + end) / 2, end=end, side="both", range=80.0, valid=True
    )


def do_rep(engine: RuleEngine, number: int, start: float, lowest: float, view: View = "side") -> list[Prompt]:
    """A rep of two seconds: 170 degrees down to `lowest` and back."""
    out = []
    for i in range(51):
        time = start + i * 0.04
        knee = 170 - (170 - lowest) * (1 - abs(i - 25) / 25)
        events = [rep(number, start, time)] if i == 50 else []
        out += engine.step(time, measurement(time, view, knee=knee), "down", events)
    return out


def test_a_rep_is_judged_when_it_ends(tmp_path: Path) -> None:
    engine = RuleEngine(exercise(tmp_path, SHALLOW))
    (prompt,) = do_rep(engine, 1, 0.0, 115.0)
    assert (prompt.rule, prompt.rep, prompt.t) == ("shallow", 1, pytest.approx(2.0))
    assert prompt.value == pytest.approx(117, abs=4) and prompt.text.endswith(", 100° or less")
    assert [p.rule for p in do_rep(engine, 2, 10.0, 80.0)] == ["good"]


def test_a_rep_seen_from_another_view_is_not_judged(tmp_path: Path) -> None:
    engine = RuleEngine(exercise(tmp_path, SHALLOW))
    assert do_rep(engine, 1, 0.0, 130.0, view="front") == []


def test_faults_count_reps_spoken_or_not_and_praise_is_no_fault(tmp_path: Path) -> None:
    engine = RuleEngine(exercise(tmp_path, SHALLOW + DEEP.replace("for: 0.5s", "for: 0.1s")))
    spoken = [
        p.rule for i, low in enumerate([120, 118, 40, 119]) for p in do_rep(engine, i + 1, 2.5 * i, low)
    ]
    assert spoken.count("shallow") < 3
    assert engine.fault_counts == {"shallow": 3, "deep": 1}


def test_faults_of_a_hold_are_seconds(tmp_path: Path) -> None:
    engine = RuleEngine(exercise(tmp_path, DEEP, HOLD))
    feed(engine, steady(50, 0.0, 3.0), phase="holding")
    assert engine.fault_counts["deep"] == pytest.approx(2.5, abs=0.2)


def test_statistics_of_a_rep() -> None:
    frames = [(i / 25, {"knee": 170 - 80 * (1 - abs(i - 25) / 25)}) for i in range(51)]
    frames[10] = (0.4, {"knee": 5.0})  # one bad frame
    values = RepValues(rep(1, 0.0, 2.0), frames)
    assert values.get("knee.min") == pytest.approx(92, abs=3)
    assert values.get("knee.max") == pytest.approx(168, abs=4)
    assert values.get("knee.turn") == pytest.approx(92, abs=5)
    assert values.get("knee.start") == pytest.approx(165, abs=5)
    assert values.get("rep_duration") == 2.0 and values.get("out_duration") == 1.0
    assert values.get("hip.min") is None


def test_half_seen_is_not_judged() -> None:
    frames = [(i / 25, {"knee": 120.0} if i % 3 == 0 else {}) for i in range(51)]
    assert RepValues(rep(1, 0.0, 2.0), frames).get("knee.min") is None


def test_values_read_as_they_are_said() -> None:
    assert format_value("knee.min", 104.4) == "104°"
    assert format_value("hip_height", 0.62) == "62 %"
    assert format_value("hip_height", -0.001) == "0 %"  # never "-0 %"
    assert format_value("rep_duration", 1.26) == "1.3 s"


# -- golden recordings -------------------------------------------------------------------------------


def coach(exercise: Exercise, poses: Sequence[object], fps: float) -> list[Prompt]:
    measurer, counter, engine = Measurer(), RepCounter(exercise.counting), RuleEngine(exercise)
    out: list[Prompt] = []
    time = 0.0
    for i, pose in enumerate(poses):
        time = i / fps
        measured = measurer.step(pose, time)  # type: ignore[arg-type]
        events: list[Rep | Hold] = counter.step(time, measured)
        out += engine.step(time, measured, counter.phase, events)
    return out + engine.finish(time, counter.finish(time))


@pytest.mark.parametrize("path", sorted(RECORDINGS.glob("*.json")), ids=lambda path: path.stem)
def test_golden_recordings_bring_their_reminders_and_no_others(path: Path) -> None:
    expected = json.loads(path.read_text("utf-8"))
    recording = load_recording(path.with_suffix(".poses.gz"))
    prompts = coach(
        LIBRARY_READ[expected["exercise"]], [frame.pose for frame in recording.frames], recording.fps
    )
    assert {p.rule for p in prompts} == set(expected["rules"])


@pytest.mark.parametrize("name", sorted(MOTIONS))
def test_what_is_done_right_is_not_corrected(name: str) -> None:
    poses = play(MOTIONS[name], reps(3), noise=0.008)
    wrong = [p.rule for p in coach(LIBRARY_READ[name], poses, 25.0) if p.severity != "info"]
    assert wrong == []


# -- the library ----------------------------------------------------------------------------------------


def test_the_library_has_every_exercise() -> None:
    library = load_library()
    assert list(library) == ALL_IDS
    for entry in library.values():
        assert len(entry.rules) >= 3, entry.id
        assert entry.sources, entry.id
        assert entry.path is not None and entry.path.parent == LIBRARY
        for texts in (entry.names, entry.about, *(rule.say for rule in entry.rules)):
            assert {"en", "zh"} <= set(texts), entry.id


def test_the_reference_names_every_parameter() -> None:
    text = (LIBRARY / "README.md").read_text("utf-8")
    plain = [n for n, info in PARAMETERS.items() if not n.startswith(("left_", "right_"))]
    assert [name for name in plain if f"`{name}`" not in text] == []


# -- phases, sets, praise ------------------------------------------------------------------------------


def test_a_phase_is_judged_when_it_is_over(tmp_path: Path) -> None:
    rules = """\
  - id: hanging
    judge: phase
    phases: [bottom]
    when: {knee.range: {above: 20deg}, phase_duration: {above: 0.5s}}
    say: "{value}"
"""
    engine = RuleEngine(exercise(tmp_path, rules))
    moving = [(i * 0.1, 60.0 + 5 * i) for i in range(10)]
    assert feed(engine, moving, phase="bottom") == []
    (prompt,) = feed(engine, [(1.0, 110.0)], phase="rising")
    assert (prompt.rule, prompt.rep, prompt.text) == ("hanging", 1, "45°")
    still = [(2.0 + i * 0.1, 60.0) for i in range(10)]
    feed(engine, still, phase="bottom")
    assert feed(engine, [(3.0, 60.0)], phase="rising") == []


def test_a_phase_that_ends_because_the_athlete_is_gone_is_not_judged(tmp_path: Path) -> None:
    rules = "  - {id: deep, judge: phase, phases: [bottom], when: {knee.min: {below: 90deg}}, say: Up}\n"
    engine = RuleEngine(exercise(tmp_path, rules))
    feed(engine, steady(60, 0.0, 1.0), phase="bottom")
    assert engine.step(1.0, None, "") == [] and engine.active == []


def test_looking_back_over_seconds(tmp_path: Path) -> None:
    rules = "  - {id: shaky, over: 1s, for: 0s, when: {knee.range: {above: 10deg}}, say: Hold still}\n"
    engine = RuleEngine(exercise(tmp_path, rules))
    shaking = [(i * 0.05, 90.0 + 20 * (i % 2)) for i in range(40)]
    (prompt,) = feed(engine, shaking)
    assert prompt.t == pytest.approx(0.8, abs=0.06) and prompt.value == 20.0
    assert feed(RuleEngine(exercise(tmp_path, rules)), steady(90, 0.0, 3.0)) == []


def test_until_holds_a_rule_between_two_levels(tmp_path: Path) -> None:
    more = "    until: {knee: {above: 80deg}}\n"
    engine = RuleEngine(exercise(tmp_path, DEEP + more))
    feed(engine, steady(50, 0.0, 1.0))
    feed(engine, steady(70, 1.0, 3.0))
    assert [a.rule for a in engine.active] == ["deep"]
    feed(engine, steady(85, 3.0, 4.0))
    assert engine.active == []


def test_what_is_seen_too_badly_is_not_judged(tmp_path: Path) -> None:
    # The measurements of these tests are seen with 0.9.
    assert feed(RuleEngine(exercise(tmp_path, DEEP + "    sure: 0.95\n")), steady(50, 0.0, 2.0)) == []
    assert feed(RuleEngine(exercise(tmp_path, DEEP + "    sure: 0.85\n")), steady(50, 0.0, 2.0)) != []


PRAISE = (
    SHALLOW[: SHALLOW.index("  - id: good")]
    + """\
  - id: three_clean
    praise: true
    judge: rep
    when: {clean_reps: {above: 2}}
    say: "Three clean ones"
"""
)


def test_praise_comes_after_three_clean_repetitions_and_sparsely(tmp_path: Path) -> None:
    engine = RuleEngine(exercise(tmp_path, PRAISE))
    lows = [80, 80, 120, 80, 80, 80, 80, 80]
    said = [
        (p.rep, p.rule) for i, low in enumerate(lows) for p in do_rep(engine, i + 1, i * 8.0, low) if p.praise
    ]
    # The third in a row is the sixth; the seventh comes within the cooldown of twenty seconds.
    assert said == [(6, "three_clean")]
    assert engine.fault_counts == {"shallow": 1}


def test_what_was_done_before_the_set_is_in_no_series(tmp_path: Path) -> None:
    engine = RuleEngine(exercise(tmp_path, PRAISE))
    said = []
    for i in range(5):
        if i == 2:
            engine.begin_set()
        said += [p.rep for p in do_rep(engine, i + 1, i * 8.0, 80) if p.praise]
    assert said == [5], "the third of the set"


SET = """\
  - id: fading
    severity: info
    judge: set
    last: 2
    when: {knee.range.change: {below: -20%}}
    say: "{value}, {limit}"
  - id: so_many
    judge: set
    when: {reps: {above: 4}}
    say: Enough
"""


def test_a_set_is_judged_when_it_ends(tmp_path: Path) -> None:
    engine = RuleEngine(exercise(tmp_path, SET))
    for i, low in enumerate([80, 80, 90, 120, 120]):
        assert do_rep(engine, i + 1, i * 3.0, low) == []
    prompts = engine.finish(16.0)
    assert [p.rule for p in prompts] == ["so_many", "fading"]
    assert prompts[1].text == "-44 %, -20 %" and prompts[1].value == pytest.approx(-0.44, abs=0.01)
    assert engine.fault_counts == {}


def test_a_set_can_be_judged_after_each_repetition(tmp_path: Path) -> None:
    engine = RuleEngine(exercise(tmp_path, SET.replace("    last: 2\n", "    last: 2\n    at: rep\n")))
    said = [p.rep for i, low in enumerate([80, 80, 120, 120]) for p in do_rep(engine, i + 1, i * 3.0, low)]
    assert said == [4]


def test_left_and_right_over_a_set() -> None:
    sides = [("left", 80.0), ("right", 60.0), ("left", 82.0), ("right", 62.0)]
    rows = []
    for i, (side, value) in enumerate(sides):
        one_sided = replace(rep(i + 1, i * 2.0, i * 2.0 + 1), side=side)  # type: ignore[arg-type]
        rows.append(RepRow(rep=one_sided, clean=i != 0, values={"elbow.range": value}))
    values = SetValues(rows, last=1)
    assert values.get("elbow.range.sides") == pytest.approx(20.0)
    assert values.get("elbow.range.range") == pytest.approx(22.0)
    assert values.get("elbow.range.last") == 62.0 and values.get("elbow.range.first") == 80.0
    assert values.get("clean_share") == 0.75 and values.get("reps") == 4 and values.get("set_duration") == 7.0
    assert values.get("hip.range.mean") is None
    assert SetValues(rows, last=3).get("elbow.range.change") is None  # first and last would be the same


# -- relative to the athlete ------------------------------------------------------------------------------

OWN_RULE = """\
  - id: less_than_usual
    judge: rep
    when: {knee.min: {above: own + 15deg}}
    say: "{value}, {limit} or less"
"""


def test_limits_relative_to_the_first_repetitions(tmp_path: Path) -> None:
    engine = RuleEngine(exercise(tmp_path, OWN_RULE))
    prompts = [
        p for i, low in enumerate([110, 90, 100, 112, 125]) for p in do_rep(engine, i + 1, i * 10.0, low)
    ]
    assert [(p.rep, p.limit) for p in prompts] == [(5, pytest.approx(102 + 15, abs=3))]
    engine.reset()
    assert [p.rep for p in do_rep(engine, 1, 100.0, 125.0)] == [1]  # what is their own goes on


def test_limits_relative_to_a_calibration(tmp_path: Path) -> None:
    own = replace(exercise(tmp_path, OWN_RULE), own={"knee.min": 70.0})
    (prompt,) = do_rep(RuleEngine(own), 1, 0.0, 100.0)
    assert prompt.limit == 85.0


# -- why ------------------------------------------------------------------------------------------------


def test_an_explanation_of_a_frame(tmp_path: Path) -> None:
    more = "    views: [side]\n    phases: [bottom]\n    needs: [left_heel]\n"
    engine = RuleEngine(exercise(tmp_path, DEEP + more))
    assert engine.explain("deep").text() == "does not fire: nobody is seen"
    feed(engine, steady(50, 0.0, 0.3), phase="bottom")
    why = engine.explain("deep")
    assert (why.fires, why.condition, why.hold_for) == (False, True, 0.5)
    assert why.held == pytest.approx(0.2)
    assert why.text() == "does not fire: knee 50° is below 60°; hold 0.2 s of 0.5 s"
    assert why.text("zh") == "未触发：knee 50°，低于 60°，符合；已保持 0.2 秒，需要 0.5 秒"
    feed(engine, [(1.0, 104.0)], phase="down", view="oblique", hidden=(Joint.left_heel,))
    assert engine.explain("deep").text() == (
        "does not fire: knee 104°, below 60° wanted; view oblique, only side can judge; "
        "phase down, only bottom is judged; not seen: left heel"
    )
    feed(engine, [(1.1, None)], phase="bottom")
    assert engine.explain("deep").checks[0].truth is None
    assert engine.explain("deep").text() == "does not fire: knee is not seen"
    with pytest.raises(KeyError):
        engine.explain("other")


def test_an_explanation_of_what_fires_and_is_not_said(tmp_path: Path) -> None:
    engine = RuleEngine(exercise(tmp_path, DEEP))
    feed(engine, steady(50, 0.0, 0.6))
    assert engine.explain("deep").text() == "fires: knee 50° is below 60°; said now"
    feed(engine, steady(50, 0.6, 1.6))
    assert engine.explain("deep").reasons()[-1] == "not said: 4.0 s until it may be said again"


def test_an_explanation_of_a_repetition(tmp_path: Path) -> None:
    engine = RuleEngine(exercise(tmp_path, SHALLOW + OWN_RULE))
    feed(engine, steady(90, 0.0, 0.3))
    assert engine.explain("shallow").text() == "does not fire: no repetition has ended yet"
    do_rep(engine, 1, 1.0, 90.0)
    why = engine.explain("shallow")
    assert (why.rep, why.judged, why.condition) == (1, True, False)
    assert why.text() == "does not fire (repetition 1): knee.min 93°, above 100° wanted"
    assert engine.explain("less_than_usual").reasons() == [
        "knee.min 93°",
        "the athlete's own value is not known yet: 1 of 3 repetitions",
    ]
    do_rep(engine, 2, 10.0, 130.0, view="front")
    assert engine.explain("shallow").reasons() == [
        "knee.min is not seen",
        "view mostly another, only side can judge",
    ]
