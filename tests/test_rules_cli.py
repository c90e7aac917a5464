from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from app.conditionfile import condition
from app.errors import UsageError
from app.planfile import plan_files
from app.plans import PLANS
from app.rulefile import read_exercise
from app.rules import LIBRARY, RuleFileError, load_exercise, load_library
from app.rules_cli import check, find_rule_files
from app.yamlfile import read_yaml
from app.yamltext import compose
from main import main

INVALID = Path(__file__).parent / "invalid_rules"
SHALLOW = Path(__file__).parent / "recordings" / "squat-shallow-leaning.poses.gz"


# -- check -----------------------------------------------------------------------------------------------


def test_check_of_the_library(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check"]) == 0
    count = len(load_library()) + len(plan_files(PLANS)) + 1  # and the gestures
    assert f"{count} files: no problems" in capsys.readouterr().out


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


def test_check_knows_the_other_files_too(tmp_path: Path) -> None:
    assert check(LIBRARY / "gestures.yaml") == ()
    assert all(check(path) == () for path in find_rule_files([LIBRARY / "workouts"]))
    mine = tmp_path / "mine.yaml"
    mine.write_text("format: 1\nexercises: {squat: {level: easy}}\n")
    (problem,) = check(mine)
    assert problem.endswith('mine.yaml:2:28: found "easy", expected a level: beginner, normal, strict')


def test_nothing_in_a_rule_file_can_be_run() -> None:
    """The readers neither construct objects nor evaluate: no call of these names is in them."""
    for function in (read_exercise, condition, read_yaml, compose):
        tree = ast.parse(Path(function.__code__.co_filename).read_text("utf-8"))
        called = {
            node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            for node in ast.walk(tree)
            if isinstance(node, ast.Call)
        }
        assert not called & {
            "eval",
            "exec",
            "load",
            "unsafe_load",
            "full_load",
            "import_module",
            "__import__",
        }


# -- test ------------------------------------------------------------------------------------------------


def test_the_librarys_own_tests_pass(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["test"]) == 0
    assert "all passed" in capsys.readouterr().out
    assert all(entry.tests for entry in load_library().values())


def with_test(folder: Path, entry: str, recording: Path = LIBRARY / "tests" / "squat.poses.gz") -> Path:
    """The squat with this test alone."""
    (folder / "good.poses.gz").write_bytes(recording.read_bytes())
    path = folder / "squat.yaml"
    text = (LIBRARY / "squat.yaml").read_text("utf-8")
    path.write_text(text[: text.index("\ntests:")] + f"\ntests:\n  - {entry}\n", "utf-8")
    return path


def test_what_came_out_differently_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = with_test(tmp_path, "{recording: good.poses.gz, reps: 3, prompts: [shallow]}")
    assert main(["test", str(path)]) == 1
    printed = capsys.readouterr()
    place, expected, got, first, second, missing = printed.out.splitlines()
    assert place.endswith(": good.poses.gz")
    assert (expected.strip(), got.strip()) == ("- reps: 3", "+ reps: 2")
    assert first.strip().startswith("1: ") and ", turn " in second
    assert missing.strip().startswith("- shallow: was never said (nearest at ")
    assert "does not fire (repetition 2): knee.min " in missing and "above 95° wanted" in missing
    assert "1 of 1 test failed" in printed.err


@pytest.mark.parametrize(
    ("change", "why"),
    [("reach: 1.5", "% of the way, 150 % wanted ("), ("sure: 1.0", "seen with 0.95, 1.00 needed")],
)
def test_a_movement_that_did_not_count_is_told(
    change: str, why: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = with_test(tmp_path, "{recording: good.poses.gz, reps: 2}")
    text = path.read_text("utf-8")
    before = next(line.strip() for line in text.splitlines() if line.strip().startswith("reach: "))
    path.write_text(text.replace(before, change if "reach" in change else f"{before}\n    {change}"), "utf-8")
    assert main(["test", str(path)]) == 1
    lines = capsys.readouterr().out.splitlines()[3:]
    assert len(lines) == 2 and all("not counted: at " in line and why in line for line in lines)


def test_a_prompt_that_was_not_expected_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = with_test(tmp_path, "{recording: good.poses.gz, reps: 2, prompts: []}", SHALLOW)
    assert main(["test", str(path)]) == 1
    printed = capsys.readouterr().out
    assert "    + shallow: said at " in printed and ', repetition 1: "Go deeper' in printed


def test_the_value_is_told_where_the_text_does_not_say_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = with_test(tmp_path, "{recording: good.poses.gz, reps: 2, prompts: []}", SHALLOW)
    text = path.read_text("utf-8")
    path.write_text(re.sub('"Go deeper: [^"]*"', '"Go deeper"', text), "utf-8")
    assert main(["test", str(path)]) == 1
    assert re.search(r'"Go deeper" \(knee\.min \d+°, limit 95°\)', capsys.readouterr().out)


def test_a_recording_in_a_folder_there_is_proposed(tmp_path: Path) -> None:
    path = with_test(tmp_path, "{recording: good.poses.gz}")
    (tmp_path / "recs").mkdir()
    (path.parent / "good.poses.gz").rename(path.parent / "recs" / "good.poses.gz")
    with pytest.raises(RuleFileError, match=r'did you mean "recs/good\.poses\.gz"\?'):
        load_exercise(path)


def test_a_file_without_tests_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = with_test(tmp_path, "{recording: good.poses.gz}")
    text = path.read_text("utf-8")
    path.write_text(text[: text.index("\ntests:")], "utf-8")
    assert main(["test", str(path)]) == 0
    assert "squat.yaml: has no tests" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["none.poses.gz", "../good.poses.gz", "/etc/hostname"])
def test_a_recording_lies_beside_its_rule_file(tmp_path: Path, name: str) -> None:
    path = with_test(tmp_path, f"{{recording: {name}}}")
    with pytest.raises(RuleFileError, match="expected a recorded pose file that lies beside"):
        load_exercise(path)


# -- levels, adjustments, calibration ---------------------------------------------------------------------


def faults(folder: Path, *arguments: str) -> str:
    out = folder / "out.json"
    assert main(["analyze", str(SHALLOW), "--exercise", "squat", "--out", str(out), *arguments]) == 0
    return out.read_text("utf-8").split('"faults"')[1].split("\n")[0]


def test_analyze_at_a_level_and_with_adjustments(tmp_path: Path) -> None:
    assert '"shallow": 2' in faults(tmp_path)
    assert '"shallow": 0' in faults(tmp_path, "--level", "beginner")
    mine = tmp_path / "mine.yaml"
    mine.write_text("format: 1\nexercises: {squat: {silent: [shallow]}}\n")
    assert "shallow" not in faults(tmp_path, "--adjust", str(mine))


def test_calibrate_writes_an_adjustments_file_and_adds_to_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recording, out = (
        str(LIBRARY.parent / "tests" / "recordings" / "squat-good.poses.gz"),
        tmp_path / "me.yaml",
    )
    assert main(["calibrate", recording, "--exercise", "squat", "--out", str(out)]) == 0
    assert "nothing to adjust" in capsys.readouterr().out and not out.exists()
    shallow = tmp_path / "short.yaml"
    squat = (LIBRARY / "squat.yaml").read_text("utf-8").replace("id: squat", "id: short")
    squat = squat.replace("turn: 90deg", "turn: 30deg")
    shallow.write_text(squat[: squat.index("\ntests:")], "utf-8")
    out.write_text("format: 1\nlevel: strict\n")
    assert main(["calibrate", recording, "--exercise", str(shallow), "--out", str(out)]) == 0
    assert "knee: {turn: " in capsys.readouterr().out
    assert "level: strict\nexercises:\n  short:\n    signals:\n" in out.read_text("utf-8")


def test_calibrate_says_what_is_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["calibrate", str(SHALLOW), "--exercise", "squat", "--out", str(tmp_path / "me.yaml")]
    assert main(arguments) == 1
    assert "2 repetitions of squat in it, at least 3 are needed" in capsys.readouterr().err
