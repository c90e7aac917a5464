"""A number is changed at its place, and nothing else in the file."""

from __future__ import annotations

import difflib
import shutil
from pathlib import Path

import pytest

from app.rule_edit import RuleEditError, RuleEditor, read_thresholds, rewritten
from app.rulefile import rule_files
from app.rules import LIBRARY, RuleFileError
from tests.squat_rules import write_squat

ODD = """# the file begins with a word
format: 1   # and every line
id: odd
name:   {en: "Odd, but right",   zh: 怪}
views: [ side,oblique ]   # has its own layout

counting:
  reps:
    signals: {parameter: knee, start: 170°,   turn: "90 deg"}   # alone, and in quotes
    reach: .60
rules:
- {id: narrow, when: {stance_width: {between: [60 %,  95%]}}, say: "a, b"}
- id: fast
  judge: rep
  when:
      any:
        - out_duration:    {below: 0.5s}   # quick
        - {knee.min: {below: 40deg}, hip.max: {above: 1.5e2}}
  say: too fast

# the end"""


@pytest.fixture
def odd(tmp_path: Path) -> Path:
    path = tmp_path / "odd.yaml"
    path.write_bytes(ODD.replace("1.5e2", "150deg").encode())
    return path


@pytest.fixture
def squat(tmp_path: Path) -> Path:
    return write_squat(tmp_path)


@pytest.mark.parametrize(
    ("written", "value", "expected"),
    [
        ("95deg", 88.0, "88deg"),
        ("95.5°", 88.0, "88.0°"),
        ("60%", 0.55, "55%"),
        ("60 %", 0.555, "55.5 %"),
        ("0.60", 0.5, "0.50"),
        ("1.0", 0.25, "0.25"),
        ("-0.25", 0.0, "0.00"),
        ("0.5s", 0.45, "0.45s"),
        ("120deg/s", 115.0, "115deg/s"),
    ],
)
def test_unit_and_decimals_stay_as_written(written: str, value: float, expected: str) -> None:
    assert rewritten(written, value) == expected


def test_every_level_of_the_library_changes_alone() -> None:
    """One line differs, in one token, whichever number is changed in whichever file."""
    for path in rule_files(LIBRARY):
        editor = RuleEditor(path)
        thresholds = read_thresholds(editor.text)
        assert thresholds, path
        for threshold in (t for t in thresholds if t.written):
            way = threshold.step if threshold.value + threshold.step <= threshold.highest else -threshold.step
            value = threshold.snapped(threshold.value + way)
            after = editor.with_value(threshold.place, value)
            lines = list(zip(editor.text.split("\n"), after.split("\n"), strict=True))
            changed = [number for number, (a, b) in enumerate(lines, 1) if a != b]
            assert changed == [threshold.line], (path, threshold)
            found = next(t for t in read_thresholds(after) if t.place == threshold.place)
            assert found.value == pytest.approx(value)


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_odd_layouts_stay(odd: Path, ending: str, mark: bytes) -> None:
    before = mark + odd.read_bytes().replace(b"\n", ending.encode())
    odd.write_bytes(before)
    editor = RuleEditor(odd)
    for threshold in (t for t in read_thresholds(editor.text) if t.written):
        editor.change(threshold.place, threshold.snapped(threshold.value - threshold.step))
    after = odd.read_bytes()
    pieces = difflib.SequenceMatcher(None, before, after, autojunk=False).get_opcodes()
    assert all(before[a:b].strip(b"0123456789.") == b"" for kind, a, b, _, _ in pieces if kind != "equal")
    for written in ('start: 169°,   turn: "89 deg"}   # alone', "[59 %,  94%]", "{below: 0.45s}   # quick"):
        assert written.encode() in after
    while editor.can_undo:
        editor.undo()
    assert odd.read_bytes() == before
    while editor.can_redo:
        editor.redo()
    assert odd.read_bytes() == after


BLOCK = """counting:
  reps:
    signals:
      - {parameter: knee, start: 170deg, turn: 90deg}
      # the hips say the same
      - {parameter: hip_height, start: 1, turn: 0.6}
"""


@pytest.mark.parametrize(
    ("counting", "expected"),
    [
        (BLOCK, "  reps:\n    start_below: 0.3\n    signals:\n"),
        (BLOCK + "    reach: 0.6   # half way\n    steady: 0.2s\n",
         "    reach: 0.6   # half way\n    start_below: 0.3\n    steady: 0.2s\n"),
        (BLOCK + "    reach: 0.6   # the end", "    reach: 0.6   # the end\n    start_below: 0.3\n"),
        ("counting: {reps: {signals: {parameter: knee, start: 170deg, turn: 90deg} }}\n",
         "turn: 90deg}, start_below: 0.3 }}\n"),
        ("counting: {reps: {signals: {parameter: knee, start: 170deg, turn: 90deg}, reach: 0.6,}}\n",
         "reach: 0.6, start_below: 0.3}}\n"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_a_default_that_is_changed_is_written(
    tmp_path: Path, counting: str, expected: str, ending: str
) -> None:
    path = tmp_path / "odd.yaml"
    head = "format: 1\nid: odd\nname: Odd\nviews: side\nrules:\n"
    rule = "- {id: fast, judge: rep, when: {out_duration: {below: 0.5s}}, say: too fast}\n"
    before = (head + rule + counting).replace("\n", ending).encode()
    path.write_bytes(before)
    editor = RuleEditor(path)
    (level,) = [t for t in read_thresholds(editor.text) if t.role == "start_below"]
    assert (level.value, level.written, editor.written(level.place)) == (0.45, False, "0.45")
    assert editor.change(level.place, 0.3).counting.start_below == 0.3
    assert expected.replace("\n", ending).encode() in path.read_bytes()
    (level,) = [t for t in read_thresholds(editor.text) if t.role == "start_below"]
    assert (level.value, level.written) == (0.3, True)
    editor.undo()
    assert path.read_bytes() == before


def test_a_new_change_forgets_what_was_taken_back(odd: Path) -> None:
    editor = RuleEditor(odd)
    place = ("counting", "reps", "reach")
    editor.change(place, 0.7)
    editor.undo()
    editor.change(place, 0.8)
    assert editor.redo() is None
    assert editor.written(place) == "0.80"  # no decimal less than were written


def test_a_file_changed_by_another_program_is_not_overwritten(odd: Path) -> None:
    editor = RuleEditor(odd)
    place = ("counting", "reps", "reach")
    editor.change(place, 0.7)
    foreign = odd.read_bytes() + b"\n# somebody else\n"
    odd.write_bytes(foreign)
    for act in (lambda: editor.change(place, 0.8), editor.undo):
        with pytest.raises(RuleEditError, match=r"odd.yaml was changed by another program.*F5"):
            act()
        assert odd.read_bytes() == foreign
    editor.reload()
    assert not editor.can_undo  # what was done before would take the other's change away
    editor.change(place, 0.8)
    assert b"# somebody else" in odd.read_bytes()


def test_a_change_that_makes_the_file_wrong_is_refused_in_the_readers_words(odd: Path) -> None:
    before = odd.read_bytes()
    editor = RuleEditor(odd)
    with pytest.raises(RuleFileError, match=r"odd.yaml:12:\d+: found .* expected the lower value first"):
        editor.change(("rules", 0, "when", "stance_width", "between", 0), 0.97)
    assert odd.read_bytes() == before
    assert not editor.can_undo
    with pytest.raises(RuleEditError, match=r"there is no rules\.7\.when"):
        editor.change(("rules", 7, "when", "knee", "below"), 90.0)


def test_links_and_permissions_stay(squat: Path, tmp_path: Path) -> None:
    squat.chmod(0o640)
    link = tmp_path / "elsewhere" / "squat.yaml"
    link.parent.mkdir()
    shutil.copytree(tmp_path / "tests", link.parent / "tests")
    link.symlink_to(squat)
    editor = RuleEditor(link)
    editor.change(("counting", "reps", "reach"), 0.55)
    assert link.is_symlink()
    assert b"reach: 0.55" in squat.read_bytes()
    assert squat.stat().st_mode & 0o777 == 0o640
    assert sorted(path.name for path in tmp_path.iterdir()) == ["elsewhere", "squat.yaml", "tests"]
