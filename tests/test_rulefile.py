from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from app.overrides import load_overrides
from app.rulefile import exercise_schema, read_exercise
from app.rules import LIBRARY, RuleFileError, load_exercise, load_library
from app.rules_cli import SCHEMA_FILE, schema_text

INVALID = Path(__file__).parent / "invalid_rules"
SCHEMA_LINE = "# yaml-language-server: $schema=exercise.schema.json\n"


# -- broken files ---------------------------------------------------------------------------------------


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


def test_a_library_reports_all_its_files(tmp_path: Path) -> None:
    for name in ("bad_view.yaml", "wrong_format.yaml"):
        (tmp_path / name).write_bytes((INVALID / name).read_bytes())
    with pytest.raises(RuleFileError) as caught:
        load_library(tmp_path)
    assert len(caught.value.problems) == 2
    assert "\n" not in str(caught.value) and "1 more" in str(caught.value)
    with pytest.raises(RuleFileError, match="no such folder"):
        load_library(tmp_path / "nothing")


# -- the words of the language --------------------------------------------------------------------------

EVERYTHING = """\
format: 1
id: everything
name: {en: Everything, zh: 全部}
about: Stand there
views: [side, front]
sources: Somebody 2020
own_reps: 4
counting:
  reps:
    signals:
      - {parameter: knee, start: 170deg, turn: 90°, weight: 2, views: side}
      - {parameter: hip_height, start: 100%, turn: 0.6}
    sides: each
    side_by: thigh_tilt
    reach: 0.6
    posture: {not: {any: [{trunk_tilt: {above: 80}}, {knee: {outside: [20deg, 179deg]}}]}}
phases: {start: up, away: down, turn: low, back: rising}
rules:
  - id: a
    severity: error
    priority: 7
    phases: [down, low]
    views: side
    needs: [heel, left_toe]
    sure: 0.5
    for: 250ms
    until: {trunk_tilt: {below: 40deg}}
    when: {trunk_tilt: {above: 50deg}}
    levels: {beginner: {trunk_tilt: {above: 60deg}}, strict: {trunk_tilt: {above: 45deg}}}
    say: {en: "{value} of {limit}", zh: "{value}", de: Hoch}
  - {id: b, over: 2s, when: {left_knee.range: {above: 5deg}}, say: Hold still}
  - {id: c, judge: phase, phases: low, when: {knee.mean: {above: 5deg}, phase_duration: {below: 1s}}, say: c}
  - {id: d, judge: rep, when: {knee.min: {above: 90% of own}, pause_duration: {above: 3s}}, say: d}
  - {id: e, judge: rep, when: {hip.range: {below: own - 10deg}, turn_duration: {below: 0.2s}}, say: e}
  - {id: f, judge: rep, praise: true, when: {clean_reps: {between: [3, 5]}}, say: f}
  - {id: g, judge: set, at: rep, last: 2, when: {knee.range.change: {below: -20%}}, say: g}
  - {id: h, judge: set, when: {rep_duration.last: {above: 4s}, clean_share: {below: 50%}}, say: h}
"""


def test_every_word_of_the_language_is_read(tmp_path: Path) -> None:
    path = tmp_path / "everything.yaml"
    path.write_text(EVERYTHING, "utf-8")
    exercise = load_exercise(path)
    rules = {rule.id: rule for rule in exercise.rules}
    a = rules["a"]
    assert (a.hold_for, a.sure, a.priority, len(a.needs), a.phases) == (0.25, 0.5, 7, 3, ("down", "low"))
    assert set(a.levels) == {"beginner", "strict"} and a.until is not None
    assert rules["b"].over == 2.0 and rules["c"].judge == "phase" and exercise.own_reps == 4
    limits = [rules[i].when.comparisons()[0] for i in "de"]
    assert [(one.limit, one.relative) for one in limits] == [(0.9, "share"), (-10.0, "plus")]
    assert (rules["f"].praise, rules["f"].severity, rules["f"].is_fault) == (True, "info", False)
    assert (rules["g"].at, rules["g"].last, rules["h"].at, rules["h"].per_set) == ("rep", 2, "end", 1)
    assert exercise.counting.signals[1].start == 1.0
    jsonschema.validate(yaml.safe_load(EVERYTHING), exercise_schema())


_HEAD = EVERYTHING[: EVERYTHING.index("  - id: a")].replace("id: everything", "id: my_squat")
_EXAMPLES = re.findall(r"```yaml\n(.*?)```", (LIBRARY / "README.md").read_text("utf-8"), re.DOTALL)


@pytest.mark.parametrize("example", _EXAMPLES, ids=[text.splitlines()[0].strip() for text in _EXAMPLES])
def test_the_examples_of_the_reference_are_sound(example: str, tmp_path: Path) -> None:
    path = tmp_path / "my_squat.yaml"
    if "exercises:" in example:
        path.write_text(example, "utf-8")
        assert load_overrides(path).exercises
        return
    if example.startswith("    "):  # keys of a rule
        example = "  - id: one\n    judge: rep\n    say: a\n" + example
    path.write_text(example if example.startswith("format") else _HEAD + example, "utf-8")
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "demo.poses.gz").touch()
    assert load_exercise(path).rules


# -- the schema for editors -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def validator() -> jsonschema.Draft7Validator:
    schema = json.loads(SCHEMA_FILE.read_text("utf-8"))
    jsonschema.Draft7Validator.check_schema(schema)
    return jsonschema.Draft7Validator(schema)


def test_the_schema_in_the_library_is_the_readers() -> None:
    assert SCHEMA_FILE.read_text("utf-8") == schema_text(), "python main.py schema writes it"


@pytest.mark.parametrize("name", sorted(load_library()))
def test_the_library_passes_its_schema_and_switches_it_on(
    name: str, validator: jsonschema.Draft7Validator
) -> None:
    text = (LIBRARY / f"{name}.yaml").read_text("utf-8")
    assert text.startswith(SCHEMA_LINE)
    assert [error.message for error in validator.iter_errors(yaml.safe_load(text))] == []


@pytest.mark.parametrize(
    "name",
    [
        "bad_id", "bad_joint", "bad_severity", "bad_view", "keys_of_other_rules", "levels_of_nothing",
        "missing_parts", "names_of_a_set", "phase_rule_without_phases", "phases_in_rep_rule",
        "relative_limits", "reps_and_hold", "statistic_in_frame_rule", "statistic_missing",
        "statistic_misspelt", "time_without_unit", "unknown_keys", "unknown_parameter",
        "value_with_wrong_unit", "wrong_format", "wrong_kinds",
    ],
)  # fmt: skip
def test_the_schema_marks_mistakes_in_keys_and_values(
    name: str, validator: jsonschema.Draft7Validator
) -> None:
    broken: Any = yaml.safe_load((INVALID / f"{name}.yaml").read_text("utf-8"))
    assert not validator.is_valid(broken)
