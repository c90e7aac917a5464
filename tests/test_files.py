from __future__ import annotations

import json
from pathlib import Path

import pytest

from app.files import OutputError, check_writable, replacing, to_json, write_json


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "out.json"
    path.write_text("old")
    with replacing(path) as temporary:
        temporary.write_text("new")
        assert temporary.suffix == ".json"
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_nothing_is_left_when_the_work_stops(tmp_path: Path, error: type[BaseException]) -> None:
    path = tmp_path / "out.json"
    with pytest.raises(error), replacing(path) as temporary:
        temporary.write_text("half")
        raise error
    assert list(tmp_path.iterdir()) == []


def test_places_that_cannot_be_written_are_named(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="does not exist; create it first"):
        check_writable(tmp_path / "absent" / "out.json")
    with pytest.raises(OutputError, match="is a folder"):
        check_writable(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="is not a folder"):
        check_writable(tmp_path / "file" / "out.json")
    check_writable(tmp_path / "out.json")


def test_json_has_one_entry_a_line_and_no_nan(tmp_path: Path) -> None:
    value = {"schema": 1, "reps": [{"start": 0.5}, {"start": 1.5}], "holds": [], "text": "膝盖 90°"}
    text = to_json(value)
    assert json.loads(text) == value
    assert len(text.splitlines()) == 7
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "out.json", {"x": float("nan")})
    assert list(tmp_path.iterdir()) == []
