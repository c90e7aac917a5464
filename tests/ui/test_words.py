"""Every text of the window has its Chinese, with the same placeholders."""

from __future__ import annotations

import ast
import string
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

import app.ui.window  # noqa: F401  so that every kind of error is known
from app.errors import FormcueError, Line, SourceError
from app.files import OutputError
from app.history_file import DAMAGED
from app.ui import words
from app.ui.words import language, set_language, t
from app.vocabulary import PARAMETERS
from app.yamlfile import YamlFileError

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


# Errors that a console alone shows, those before there is a window, and the problems of YAML files, which are
# composed of what was found and expected at a place and are English for all.
UNSEEN = {
    "analyze", "estimate", "record", "rules_cli", "doctor", "commands", "overrides", "demonstration",
    "errors", "rulefile", "yamltext", "ui/app", "ui/rule_studio/command",
}  # fmt: skip


def _named(tree: ast.Module) -> dict[str, str]:
    """The texts that have a name there."""
    return {
        target.id: node.value.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, ast.Constant)
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        if isinstance(target, ast.Name) and isinstance(node.value.value, str)
    }


def _errors_of(path: Path, tree: ast.Module) -> Iterator[tuple[str | None, str]]:
    """(text, place) of every error and line made there; None: a text that no window could translate."""
    named = {"DAMAGED": DAMAGED, **_named(tree)}
    kinds = {kind.__name__ for kind in _subclasses(FormcueError) if not issubclass(kind, YamlFileError)}
    for node in ast.walk(tree):
        is_one = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.args
        if not is_one or node.func.id not in {*kinds, "Line"}:
            continue
        given, place = node.args[0], f"{path.name}:{node.lineno}"
        if isinstance(given, ast.Name) and given.id in named:
            yield named[given.id], place
        elif isinstance(given, ast.Constant):
            yield given.value, place
        elif not (isinstance(given, ast.Call) and isinstance(given.func, ast.Name) and given.func.id == "t"):
            yield None, place


def _subclasses(kind: type) -> Iterator[type]:
    yield kind
    for below in kind.__subclasses__():
        yield from _subclasses(below)


def _seen_errors() -> list[tuple[str | None, str]]:
    app = UI.parent
    found = []
    for path in sorted([*app.glob("*.py"), *UI.rglob("*.py")]):
        if str(path.relative_to(app).with_suffix("")).replace("\\", "/") not in UNSEEN:
            found += _errors_of(path, ast.parse(path.read_text(encoding="utf-8")))
    return found


@pytest.mark.parametrize("code", CODES)
def test_every_error_a_window_can_show_is_translated(code: str) -> None:
    known, errors = words.translations(code), _seen_errors()
    assert len(errors) > 80
    assert {place: text for text, place in errors if text is None or text not in known} == {}


def test_errors_speak_the_language_of_the_window_and_english_in_the_console() -> None:
    missing = SourceError("{path}: is a folder; give one video file in it", path=Path("clips"))
    full = OutputError("{path}: cannot be written ({reason})", path="a{b}.csv", reason="Permission denied")
    line = Line("{path}: can be written again; nothing was lost", path="x")
    assert str(missing) == "clips: is a folder; give one video file in it"
    set_language("zh")
    assert words.said(missing) == "clips：是文件夹；请选择其中的一个视频文件"
    assert words.said(full) == "a{b}.csv：无法写入（没有权限）"
    assert words.said(line) == "x：又可以写入了；没有丢失任何内容"
    assert words.said(SourceError("as it {is}")) == "as it {is}"
    assert words.said("a line") == "a line"
    assert str(full) == "a{b}.csv: cannot be written (Permission denied)"


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
