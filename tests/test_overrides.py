from __future__ import annotations

from pathlib import Path

import pytest

from app.conditions import AnyOf, Comparison, Not
from app.measures import format_value
from app.overrides import (
    CalibrationError,
    ExerciseOverrides,
    Overrides,
    OverridesError,
    RuleOverrides,
    calibrated,
    load_overrides,
    overrides_text,
    save_overrides,
    with_overrides,
)
from app.parameters import Measurer
from app.recording import load_recording
from app.reps import RepCounter
from app.rules import LIBRARY, Exercise, RuleEngine, load_exercise
from tests.motion import MOTIONS, play, reps

SHALLOW = Path(__file__).parent / "recordings" / "squat-shallow-leaning.poses.gz"
SQUAT = load_exercise(LIBRARY / "squat.yaml")
OWN = """\
format: 1
id: own
name: Own
views: [side]
counting: {reps: {signals: {parameter: knee, start: 170deg, turn: 90deg}}}
rules:
  - id: less
    judge: rep
    when: {knee.min: {above: own + 10deg}}
    levels: {beginner: {knee.min: {above: own + 25deg}}}
    say: a
  - {id: slow, judge: rep, when: {rep_duration: {above: 4s}}, say: a}
  - {id: good, judge: rep, praise: true, when: {knee.min: {below: 90deg}}, say: a}
  - {id: bent, when: {not: {knee: {above: 150deg}}, hip: {outside: [60deg, 170deg]}}, say: a}
"""


@pytest.fixture
def own(tmp_path: Path) -> Exercise:
    (tmp_path / "own.yaml").write_text(OWN, "utf-8")
    return load_exercise(tmp_path / "own.yaml")


def limits(exercise: Exercise, rule: str) -> list[float | None]:
    found = next(r for r in exercise.rules if r.id == rule).when.comparisons()
    return [limit for one in found for limit in (one.limit, one.upper) if limit is not None]


def rules_said(exercise: Exercise, recording: Path) -> list[str]:
    measurer, counter, engine = Measurer(), RepCounter(exercise.counting), RuleEngine(exercise)
    out = []
    for frame in load_recording(recording).frames:
        measurement = measurer.step(frame.pose, frame.time)
        events = counter.step(frame.time, measurement)
        out += [p.rule for p in engine.step(frame.time, measurement, counter.phase, events)]
    return out


# -- files ----------------------------------------------------------------------------------------------


def read(folder: Path, content: str, *exercises: Exercise) -> Overrides:
    path = folder / "mine.yaml"
    path.write_text(content, "utf-8")
    return load_overrides(path, {exercise.id: exercise for exercise in exercises}, name="mine.yaml")


def test_a_file_and_what_it_changes(tmp_path: Path, own: Exercise) -> None:
    content = """\
format: 1
level: strict
exercises:
  own:
    level: normal
    silent: [slow]
    rules: {bent: {limits: {knee: {above: 140deg}}, for: 1s, cooldown: 20s, per_set: 1}}
    signals: {knee: {turn: 110deg}}
    own: {knee.min: 100deg}
"""
    found = read(tmp_path, content, own)
    changed = with_overrides(own, found)
    assert [rule.id for rule in changed.rules] == ["less", "good", "bent"]
    bent = changed.rules[2]
    assert limits(changed, "bent") == [140.0, 60.0, 170.0]
    assert (bent.hold_for, bent.cooldown, bent.per_set, bent.keep_for) == (1.0, 20.0, 1, 0.3)
    assert (changed.counting.signals[0].start, changed.counting.signals[0].turn) == (170.0, 110.0)
    assert changed.own == {"knee.min": 100.0} and limits(changed, "less") == [10.0]
    assert limits(own, "bent") == [150.0, 60.0, 170.0]  # the trainer's stays
    save_overrides(tmp_path / "again.yaml", found)
    assert load_overrides(tmp_path / "again.yaml", {"own": own}) == found


def test_every_mistake_of_a_file(tmp_path: Path, own: Exercise) -> None:
    content = """\
format: 1
level: hard
exercises:
  owm: {}
  own:
    silent: [slwo]
    rules:
      bent: {limits: {knee: {below: 140deg}}, per_set: 0}
      lass: {}
    signals: {hip: {turn: 1deg}, knee: {turn: 1km}}
    own: {knee.max: 100deg}
"""
    with pytest.raises(OverridesError) as caught:
        read(tmp_path, content, own)
    assert list(caught.value.problems) == [
        'mine.yaml:2:8: found "hard", expected a level: beginner, normal, strict',
        'mine.yaml:4:3: found the key "owm", expected a key: own; did you mean "own"?',
        'mine.yaml:6:14: found "slwo", expected a rule: less, slow, good, bent; did you mean "slow"?',
        "mine.yaml:8:22: found knee below, expected a comparison of bent: knee above, hip outside",
        "mine.yaml:8:56: found 0, expected how often a set, a whole number from 1 to 100",
        'mine.yaml:9:7: found the key "lass", expected a key: less, slow, good, bent; did you mean "less"?',
        'mine.yaml:10:15: found the key "hip", expected a key: knee',
        'mine.yaml:10:47: found "1km", expected a value of knee in its unit, such as 95deg',
        'mine.yaml:11:11: found the key "knee.max", expected a key: knee.min; did you mean "knee.min"?',
    ]


def test_a_signal_is_not_turned_round(own: Exercise) -> None:
    for start, turn in ((None, 175.0), (80.0, None)):
        mine = ExerciseOverrides(signals={"knee": (start, turn)})
        assert with_overrides(own, Overrides(exercises={"own": mine})).counting == own.counting


# -- levels -----------------------------------------------------------------------------------------------


def test_levels_move_limits_away_from_firing_and_towards_it(own: Exercise) -> None:
    beginner, strict = (with_overrides(own, Overrides(), level) for level in ("beginner", "strict"))  # type: ignore[arg-type]
    assert limits(beginner, "less") == [25.0]  # as its file says
    assert limits(strict, "less") == [6.0]
    assert limits(beginner, "slow") == [pytest.approx(4.8)]
    assert limits(strict, "slow") == [pytest.approx(3.6)]
    assert limits(beginner, "good") == limits(strict, "good") == [90.0]  # praise is the same for all
    # Under a `not` the limit goes the other way.
    assert limits(beginner, "bent") == [142.0, 52.0, 178.0]
    assert limits(strict, "bent") == [154.0, 64.0, 166.0]
    assert with_overrides(own, Overrides(level="beginner"), "normal") == own


def test_a_beginner_hears_less(own: Exercise) -> None:
    assert "shallow" in rules_said(SQUAT, SHALLOW)
    beginner = with_overrides(SQUAT, Overrides(level="beginner"))
    assert "shallow" not in rules_said(beginner, SHALLOW)


def test_changes_reach_into_conditions() -> None:
    below = Comparison(parameter="knee", operator="below", limit=90.0)
    nested = Not(part=AnyOf(parts=(below, Not(part=below))))
    seen: list[bool] = []
    nested.changed(lambda old, under: seen.append(under) or old)  # type: ignore[func-returns-value]
    assert seen == [True, False]


# -- calibration ------------------------------------------------------------------------------------------


def test_calibration_takes_over_a_smaller_range(own: Exercise) -> None:
    measurer = Measurer()
    poses = play(MOTIONS["squat"], reps(3, depth=0.62))
    found = calibrated(own, [measurer.step(pose, i / 25) for i, pose in enumerate(poses)])
    start, turn = found.signals["knee"]
    assert start is None and turn is not None and 95.0 < turn < 135.0
    assert found.own["knee.min"] == pytest.approx(turn, abs=3.0)
    changed = with_overrides(own, Overrides(exercises={"own": found}))
    assert changed.counting.signals[0].turn == turn


def test_calibration_needs_repetitions(own: Exercise) -> None:
    with pytest.raises(CalibrationError, match="0 repetitions of own in it, at least 3"):
        calibrated(own, [None] * 50)
    plank = load_exercise(LIBRARY / "plank.yaml")
    with pytest.raises(CalibrationError, match="is held"):
        calibrated(plank, [])


def test_what_is_written_can_be_read() -> None:
    patches = (
        Comparison(parameter="knee.min", operator="above", limit=0.9, relative="share"),
        Comparison(parameter="knee.min", operator="below", limit=-10.0, relative="plus"),
        Comparison(parameter="rep_duration", operator="outside", limit=1.0, upper=2.5),
    )
    rules = {"less": RuleOverrides(limits=patches, cooldown=1.5)}
    text = overrides_text(Overrides(exercises={"own": ExerciseOverrides(rules=rules)}))
    assert (
        "      less: {limits: {knee.min: {above: 90% of own, below: own - 10deg}, "
        "rep_duration: {outside: [1s, 2.5s]}}, cooldown: 1.5s}"
    ) in text
    assert format_value("knee.min.change", -0.2) == "-20 %"
