from __future__ import annotations

import json
from pathlib import Path

import pytest

from app.commands import choose_exercise, nearest
from app.errors import UsageError
from app.rules import load_library
from main import COMMANDS, main


def test_exercises_as_json_are_the_library(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["exercises", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    library = load_library()
    assert [entry["id"] for entry in listed] == list(library)
    assert {"squat", "push_up", "biceps_curl"} <= set(library)
    for entry in listed:
        assert list(entry) == ["id", "names", "views", "rules"]
        assert entry["names"]["en"]
        assert set(entry["views"]) <= {"front", "side", "oblique", "back"}
        exercise = library[entry["id"]]
        assert [rule["id"] for rule in entry["rules"]] == [rule.id for rule in exercise.rules]
        assert all(rule["severity"] in ("info", "warning", "error") for rule in entry["rules"])


def test_exercises_for_people_have_a_line_each(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["exercises"]) == 0
    lines = capsys.readouterr().out.strip().splitlines()
    assert len(lines) == len(load_library())
    squat = next(line for line in lines if line.startswith("squat"))
    assert load_library()["squat"].name() in squat
    assert load_library()["squat"].rules[0].id in squat


def test_an_exercise_is_chosen_by_id_or_by_file() -> None:
    squat = choose_exercise("squat")
    assert squat.path is not None
    assert choose_exercise(str(squat.path)).id == "squat"
    with pytest.raises(UsageError, match="did you mean 'squat'"):
        choose_exercise("squats")
    with pytest.raises(UsageError, match="no such rule file"):
        choose_exercise("somewhere/else.yml")


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [("Push Up", "did you mean 'push_up'?"), ("q", "known are: push_up, squat")],
)
def test_the_nearest_name_or_else_all_of_them(wrong: str, hint: str) -> None:
    assert nearest(wrong, ["squat", "push_up"]) == hint


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_a_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    try:
        assert main([command, "--help"]) == 2  # a package of the extra "train" is not installed
        assert "pip install" in capsys.readouterr().err
    except SystemExit as left:
        assert left.code == 0
        assert f"main.py {command}" in capsys.readouterr().out


def test_wrong_usage_ends_with_2_and_one_line(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    for arguments in (
        ["analyse"],
        ["analyze"],
        ["analyze", "a.mp4", "--exercise", "squat"],
        ["analyze", "a.mp4", "--exercise", "squat", "--out", str(tmp_path / "o.json"), "--device", "tpu"],
        ["estimate", "--out", str(tmp_path / "o.json")],
        ["exercises", "--xml"],
    ):
        assert main(arguments) == 2, arguments
        assert len(capsys.readouterr().err.strip().splitlines()) == 1, arguments
    assert list(tmp_path.iterdir()) == []
