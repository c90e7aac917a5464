"""Every text of the window has its Chinese, with the same placeholders."""

from __future__ import annotations

import ast
import string
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from app.ui import words
from app.ui.words import language, set_language, t
from app.vocabulary import PARAMETERS

UI = Path(words.__file__).parent
CODES = sorted(set(words.LANGUAGES) - {"en"})


@pytest.fixture(autouse=True)
def english_again() -> Iterator[None]:
    yield
    set_language("en")


def _spoken() -> dict[str, str]:
    """Every literal given to t(), with the place where."""
    found = {}
    for path in sorted(UI.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "t":
                asked = node.args[0]
                for given in (asked.body, asked.orelse) if isinstance(asked, ast.IfExp) else (asked,):
                    if isinstance(given, ast.Constant) and isinstance(given.value, str):
                        found[given.value] = f"{path.relative_to(UI)}:{node.lineno}"
    return found


def _placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


@pytest.mark.parametrize("code", CODES)
def test_every_text_is_translated(code: str) -> None:
    known = words.translations(code)
    assert {text: place for text, place in _spoken().items() if text not in known} == {}


@pytest.mark.parametrize("code", CODES)
def test_translations_are_whole(code: str) -> None:
    known = words.translations(code)
    assert [english for english, text in known.items() if not text.strip()] == []
    assert [english for english, text in known.items() if _placeholders(text) != _placeholders(english)] == []


@pytest.mark.parametrize("code", CODES)
def test_every_parameter_has_its_name(code: str) -> None:
    """They stand above the plot; a side and a speed are said with them."""
    set_language(code)
    of_a_side = ("left_", "right_")
    whole = [name for name in PARAMETERS if not name.startswith(of_a_side) and "speed" not in name]
    assert [name for name in whole if words.plain(name).isascii()] == []


@pytest.mark.parametrize("code", CODES)
def test_no_text_is_translated_twice(code: str) -> None:
    """YAML would let the last one win in silence."""
    node = yaml.compose((words.TRANSLATIONS / f"{code}.yaml").read_text(encoding="utf-8"))
    assert isinstance(node, yaml.MappingNode)
    keys = [key.value for key, _ in node.value]
    assert sorted({key for key in keys if keys.count(key) > 1}) == []
    assert all(isinstance(key, str) for key in yaml.safe_load(yaml.serialize(node)))  # "On" would be True


def test_the_language_changes_while_running(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(words, "translations", lambda code: {"{count} reps": "{count} 次"})
    assert t("{count} reps", count=3) == "3 reps"
    set_language("zh_CN")
    assert (language(), t("{count} reps", count=3)) == ("zh", "3 次")
    assert t("no such text, {count}", count=3) == "no such text, 3"
    set_language("tlh")
    assert language() == "en"
