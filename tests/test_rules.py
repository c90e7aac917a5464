from __future__ import annotations

import ast
import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest

from app.conditions import All, AnyOf, Blame, Comparison, Not, holds_mostly
from app.errors import UsageError
from app.parameters import PARAMETERS, Measurement, Measurer, View
from app.recording import load_recording
from app.reps import Hold, Rep, RepCounter
from app.rulefile import read_exercise
from app.rules import (
    LIBRARY,
    MOST_IN_A_ROW,
    QUIET_SECONDS,
    Exercise,
    Prompt,
    RepValues,
    RuleEngine,
    RuleFileError,
    format_value,
    load_exercise,
    load_library,
)
from app.rules_cli import check, find_rule_files
from app.skeleton import Joint
from app.yamlfile import MAX_BYTES
from main import main
from tests.motion import MOTIONS, play, reps

INVALID = Path(__file__).parent / "invalid_rules"
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


@pytest.mark.parametrize("path", sorted(RECORDINGS.glob("*.poses.gz")), ids=lambda path: path.name)
def test_golden_recordings_bring_their_reminders_and_no_others(path: Path) -> None:
    expected = json.loads(path.with_name(path.name.replace(".poses.gz", ".json")).read_text("utf-8"))
    recording = load_recording(path)
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


# -- broken files ----------------------------------------------------------------------------------------


def expected_problems() -> dict[str, list[str]]:
    """File -> its problems, from invalid_rules/expected.txt."""
    out: dict[str, list[str]] = {}
    for line in (INVALID / "expected.txt").read_text("utf-8").splitlines():
        out.setdefault(line.split(":", 1)[0], []).append(line)
    return out


def test_every_broken_file_has_its_expectation() -> None:
    assert set(expected_problems()) == {path.name for path in INVALID.glob("*.yaml")}


@pytest.mark.parametrize("name", sorted(expected_problems()))
def test_broken_files_are_refused_with_every_problem(name: str) -> None:
    with pytest.raises(RuleFileError) as caught:
        read_exercise(INVALID / name, name=name)
    assert list(caught.value.problems) == expected_problems()[name]


def test_too_large_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "large.yaml"
    path.write_bytes(b"# " + b"x" * MAX_BYTES)
    with pytest.raises(RuleFileError, match="64 KB"):
        load_exercise(path)
    bomb = "a: &a [x, x, x, x, x, x, x, x, x]\nb: &b [*a, *a, *a, *a, *a]\nc: [*b, *b, *b, *b, *b]\n"
    path.write_text(bomb)
    with pytest.raises(RuleFileError, match=r':1:4: found the anchor "&a"'):
        load_exercise(path)


def test_a_missing_file_and_a_folder(tmp_path: Path) -> None:
    with pytest.raises(RuleFileError, match="cannot be opened"):
        load_exercise(tmp_path / "nothing.yaml")
    with pytest.raises(RuleFileError, match="cannot be opened"):
        load_exercise(tmp_path)
    with pytest.raises(RuleFileError, match="no such folder"):
        load_library(tmp_path / "nothing")


def test_a_library_reports_all_its_files(tmp_path: Path) -> None:
    for name in ("bad_view.yaml", "wrong_format.yaml"):
        (tmp_path / name).write_bytes((INVALID / name).read_bytes())
    with pytest.raises(RuleFileError) as caught:
        load_library(tmp_path)
    assert len(caught.value.problems) == 2
    assert "\n" not in str(caught.value) and "1 more" in str(caught.value)


# -- check -----------------------------------------------------------------------------------------------


def test_check_of_the_library(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check"]) == 0
    assert "17 rule files: no problems" in capsys.readouterr().out


def test_check_prints_every_problem_once(capsys: pytest.CaptureFixture[str]) -> None:
    files = [INVALID / "bad_view.yaml", INVALID / "bad_joint.yaml"]
    assert main(["check", *map(str, files)]) == 1
    printed = capsys.readouterr()
    assert len(printed.out.splitlines()) == 3
    assert "bad_view.yaml:4:15: found " in printed.out
    assert "3 problems in 2 of 2 files" in printed.err


def test_check_of_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(tmp_path / "none.yaml")]) == 2
    assert main(["check", str(tmp_path)]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2 and "no such file" in lines[0] and "no rule file" in lines[1]
    with pytest.raises(UsageError):
        find_rule_files([tmp_path])
    assert check(LIBRARY / "squat.yaml") == ()


def test_nothing_in_a_rule_file_can_be_run() -> None:
    """The reader neither constructs objects nor evaluates: no call of these names is in it."""
    tree = ast.parse((Path(read_exercise.__code__.co_filename)).read_text("utf-8"))
    called = {
        node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
    }
    assert not called & {"eval", "exec", "load", "unsafe_load", "full_load", "import_module", "__import__"}


# -- test ------------------------------------------------------------------------------------------------


def test_the_librarys_own_tests_pass(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["test"]) == 0
    assert "17 tests of 17 rule files: all passed" in capsys.readouterr().out
    assert all(entry.tests for entry in LIBRARY_READ.values())


def with_test(folder: Path, entry: str) -> Path:
    (folder / "good.poses.gz").write_bytes((LIBRARY / "tests" / "squat.poses.gz").read_bytes())
    path = folder / "squat.yaml"
    text = (LIBRARY / "squat.yaml").read_text("utf-8")
    path.write_text(text[: text.index("\ntests:")] + f"\ntests:\n  - {entry}\n", "utf-8")
    return path


def test_what_came_out_differently_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = with_test(tmp_path, "{recording: good.poses.gz, reps: 3, prompts: [shallow]}")
    assert main(["test", str(path)]) == 1
    printed = capsys.readouterr()
    first, second = printed.out.splitlines()
    assert "good.poses.gz: counted 2 reps, expected 3; ended at " in first
    assert second.endswith("good.poses.gz: shallow was not said, expected it")
    assert "1 of 1 test failed" in printed.err


def test_a_prompt_that_was_not_expected_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = with_test(tmp_path, "{recording: good.poses.gz, reps: 2, prompts: []}")
    path.write_text(path.read_text("utf-8").replace("{above: 95deg}", "{above: 20deg}"), "utf-8")
    assert main(["test", str(path)]) == 1
    assert "(shallow) at " in capsys.readouterr().out


@pytest.mark.parametrize("name", ["none.poses.gz", "../good.poses.gz", "/etc/hostname"])
def test_a_recording_lies_beside_its_rule_file(tmp_path: Path, name: str) -> None:
    path = with_test(tmp_path, f"{{recording: {name}}}")
    with pytest.raises(RuleFileError, match="expected a recorded pose file that lies beside"):
        load_exercise(path)
