"""Whatever a file holds, reading it ends soon, in a value or in problems that name their places."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.rulefile import read_exercise
from app.rules import RuleFileError
from app.yamlfile import (
    MAX_PROBLEMS,
    Field,
    YamlFileError,
    flag,
    identifier,
    keyed,
    many,
    mapping,
    read_yaml,
    seconds,
    text,
    texts,
    whole,
    within,
)
from app.yamltext import MAX_BYTES
from tests.test_rulefile import EVERYTHING

PLAN = mapping(
    "the plan",
    {
        "id": Field(kind=identifier(), required=True),
        "names": Field(kind=texts()),
        "rest": Field(kind=seconds(60.0)),
        "sets": Field(kind=whole(1, 9, "sets")),
        "share": Field(kind=within(0.0, 1.0, "a share")),
        "loud": Field(kind=flag()),
        "notes": Field(kind=many(text(20), "notes", most=3)),
        "limits": Field(kind=keyed(identifier(), whole(0, 5, "a limit"), "limits")),
    },
    lambda reader, node, found: found,
)


def read(folder: Path, content: str) -> dict[str, Any]:
    path = folder / "plan.yaml"
    path.write_text(content, "utf-8")
    return read_yaml(path, PLAN, name="plan.yaml", expected="a plan")


def problems(folder: Path, content: str) -> tuple[str, ...]:
    with pytest.raises(YamlFileError) as caught:
        read(folder, content)
    return caught.value.problems


def test_values_of_every_kind(tmp_path: Path) -> None:
    content = "id: a_b\nnames: {en: A, zh: 甲}\nrest: 1min\nsets: 3\nshare: .5\nloud: true\nnotes: x\n"
    content += "limits: {a: 1}\n"
    assert read(tmp_path, content) == {
        "id": "a_b", "names": {"en": "A", "zh": "甲"}, "rest": 60.0, "sets": 3, "share": 0.5, "loud": True,
        "notes": ("x",), "limits": {"a": 1},
    }  # fmt: skip


def test_all_problems_come_at_once_in_their_order(tmp_path: Path) -> None:
    content = (
        "id: A\nrest: 90s\nsetz: 1\nsets: 2.5\nshare: 3\nloud: yes\nnotes: [a, b, c, d]\nlimits: {a: 9}\n"
    )
    assert problems(tmp_path, content) == (
        'plan.yaml:1:5: found "A", expected an id: a-z, 0-9 and _, beginning with a letter, at most 40',
        "plan.yaml:2:7: found 90s, expected a time of 60s or less",
        'plan.yaml:3:1: found the key "setz", expected a key: id, names, rest, sets, share, loud, notes, '
        'limits; did you mean "sets"?',
        "plan.yaml:4:7: found 2.5, expected sets, a whole number from 1 to 9",
        "plan.yaml:5:8: found 3, expected a share from 0 to 1",
        'plan.yaml:6:7: found "yes", expected true or false',
        "plan.yaml:7:8: found 4 entries, expected at most 3",
        "plan.yaml:8:13: found 9, expected a limit, a whole number from 0 to 5",
    )


HOSTILE = {
    "code": "id: !!python/object/apply:os.system ['touch RUN']",
    "code by another name": "%TAG ! tag:yaml.org,2002:python/\n---\nid: !object/apply:os.system [touch RUN]",
    "aliases": "a: &a [x,x,x]\nb: &b [*a,*a,*a]\nc: [*b,*b,*b]",
    "merge of itself": "a: &a\n  <<: *a",
    "deep list": "id: " + "[" * 5000,
    "deep mapping": "id: " + "{a: " * 5000,
    "deep indentation": "\n".join(" " * i + "a:" for i in range(300)),
    "many dashes": "- " * 20_000,
    "explicit keys": "? " * 20_000,
    "long text": "id: " + "x" * 60_000,
    "long key": "x" * 60_000 + ": 1",
    "long number": "sets: " + "9" * 60_000,
    "many digits after the point": "share: 0." + "9" * 60_000,
    "not a number": "share: .nan",
    "no end": "share: .inf",
    "many keys": "\n".join(f"key{i}: 1" for i in range(5000)),
    "the same key": "id: a\n" * 8000,
    "many quotes": 'id: "' + '\\"' * 20_000,
    "a key of a mapping": "{{}: 1}",
    "two documents": "id: a\n---\nid: b",
    "a control character": 'id: "\\e[2J"',
    "nothing": "",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_texts_are_refused_and_nothing_is_run(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    found = problems(tmp_path, HOSTILE[name])
    assert 1 <= len(found) <= MAX_PROBLEMS + 1
    for line in found:
        assert line.startswith("plan.yaml:") and line.isprintable() and len(line) < 400
    assert not (tmp_path / "RUN").exists()


def test_hostile_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "plan.yaml"
    with path.open("wb") as file:
        file.truncate(2**32)  # four gigabytes of nothing, which take no space
    with pytest.raises(YamlFileError, match=f"more than {MAX_BYTES // 1024} KB"):
        read_yaml(path, PLAN)
    path.write_bytes(bytes(range(256)))
    with pytest.raises(YamlFileError, match="bytes that are no text"):
        read_yaml(path, PLAN)
    path.write_bytes(b"\x7fELF\x02\x01\x01\x00\x00")
    with pytest.raises(YamlFileError, match="a character that is no text"):
        read_yaml(path, PLAN)
    for other in (tmp_path, tmp_path / "absent", Path("bad\0name")):
        with pytest.raises(YamlFileError, match="cannot be opened"):
            read_yaml(other, PLAN)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.yaml")
    with pytest.raises(YamlFileError, match="not a file"):
        read_yaml(tmp_path / "pipe.yaml", PLAN)


# -- anything at all --------------------------------------------------------------------------------------

_LINES = EVERYTHING.splitlines()
_WORDS = sorted({word for line in _LINES for word in line.replace("{", " ").replace("}", " ").split()})
_PIECE = st.one_of(
    st.sampled_from(_LINES),
    st.sampled_from(_WORDS),
    st.sampled_from([*"-{}[],|>'\"\t#?", "  ", ": ", "&a ", "*a", "!!map "]),
    st.text(max_size=6),
    st.floats().map(str),
    st.integers().map(str),
)  # fmt: skip


@st.composite
def edited(draw: st.DrawFn) -> str:
    """A good rule file in which some lines were replaced, doubled, cut or moved."""
    lines = list(_LINES)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(lines) - 1))
        what = draw(st.sampled_from(("replace", "insert", "cut", "double", "indent")))
        if what == "replace":
            lines[at] = "".join(draw(st.lists(_PIECE, max_size=5)))
        elif what == "insert":
            lines.insert(at, "".join(draw(st.lists(_PIECE, max_size=5))))
        elif what == "cut":
            place = draw(st.integers(0, len(lines[at])))
            lines[at] = lines[at][:place] + draw(_PIECE) + lines[at][place:]
        elif what == "double":
            lines.insert(at, lines[at])
        else:
            lines[at] = "  " + lines[at]
    return "\n".join(lines)


@given(st.one_of(edited(), st.lists(_PIECE, max_size=40).map("".join), st.binary(max_size=300)))
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
def test_any_file_is_read_or_refused_with_places(
    tmp_path_factory: pytest.TempPathFactory, content: str | bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "everything.yaml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass"))
    try:
        read_exercise(path, name="everything.yaml")
    except RuleFileError as error:
        assert error.problems
        for line in error.problems:
            place = line.split(":")
            assert place[0] == "everything.yaml" and int(place[1]) >= 1 and int(place[2]) >= 1
            assert "\n" not in line
