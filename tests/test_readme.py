"""What the README says is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from main import COMMANDS, main

REPOSITORY = Path(__file__).resolve().parent.parent
README = (REPOSITORY / "README.md").read_text(encoding="utf-8")


def test_every_linked_file_is_there() -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", README)
    assert links
    assert [link for link in links if not (REPOSITORY / link).exists()] == []


def test_every_command_named_is_there() -> None:
    named = set(re.findall(r"main\.py ([a-z]+)\b", README))
    assert {"analyze", "estimate", "exercises", "check"} <= named
    assert named <= set(COMMANDS)


@pytest.mark.parametrize("command", ["analyze", "estimate", "exercises"])
def test_every_option_named_is_understood(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    line = next(line for line in README.splitlines() if f"main.py {command}" in line)
    with pytest.raises(SystemExit) as left:
        main([command, "--help"])
    assert left.value.code == 0
    understood = capsys.readouterr().out
    for option in re.findall(r"--[a-z]+", line):
        assert option in understood


def test_every_test_that_the_table_of_faults_names_is_there() -> None:
    """An ellipsis ends a name, a bracket or a line; names of files stand where they are first needed."""
    table = (REPOSITORY / "tests" / "FAULTS.md").read_text(encoding="utf-8")
    files = {
        path.name: path.read_text(encoding="utf-8") for path in (REPOSITORY / "tests").rglob("test_*.py")
    }
    defined = {name for text in files.values() for name in re.findall(r"def (test_\w+)", text)}
    assert set(re.findall(r"\btest_\w+\.py", table)) <= set(files)
    named = set(re.findall(r"\b(test_\w+)(?![\w.…])", table))
    assert len(named) > 50
    assert named <= defined
    for begun in re.findall(r"\b(test_\w+)…", table):
        assert any(name.startswith(begun) for name in defined), begun
    for ended in re.findall(r"…(\w+)\[", table):
        assert any(name.endswith(ended) for name in defined), ended
