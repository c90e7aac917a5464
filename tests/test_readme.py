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
