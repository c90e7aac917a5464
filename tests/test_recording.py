from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from app.recording import RecordingError, is_recording, load_recording, save_recording
from tests.poses import recording_of, squats


@pytest.fixture
def lines(tmp_path: Path) -> list[str]:
    """The lines of a good file: a header and three frames, the second with nobody in it."""
    first, _, third = squats(1)[:3]
    save_recording(tmp_path / "good.poses", recording_of([first, None, third]))
    return (tmp_path / "good.poses").read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("name", ["a.poses", "a.poses.gz"])
def test_what_is_saved_is_loaded(tmp_path: Path, name: str) -> None:
    poses = squats(1)
    recording = recording_of([poses[0], None, *poses[2:]])
    save_recording(tmp_path / name, recording)
    loaded = load_recording(tmp_path / name)
    assert is_recording(tmp_path / name)
    assert (loaded.width, loaded.height, loaded.fps, loaded.source) == (640, 480, 25.0, "made up")
    assert len(loaded.frames) == len(poses)
    assert loaded.frames[1].pose is None
    for kept, original in zip(loaded.frames, recording.frames, strict=True):
        assert kept.time == pytest.approx(original.time, abs=1e-4)
        if kept.pose is not None and original.pose is not None:
            np.testing.assert_allclose(kept.pose.xy, original.pose.xy, atol=0.051)
            np.testing.assert_allclose(kept.pose.xyz, original.pose.xyz, atol=0.00051)
            np.testing.assert_allclose(kept.pose.confidence, original.pose.confidence, atol=0.00051)


def test_the_same_poses_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a.poses.gz", "b.poses.gz"):
        save_recording(tmp_path / name, recording_of(squats(1)))
    assert (tmp_path / "a.poses.gz").read_bytes() == (tmp_path / "b.poses.gz").read_bytes()


def test_joints_are_taken_by_name_not_by_place(tmp_path: Path, lines: list[str]) -> None:
    header, frame = json.loads(lines[0]), json.loads(lines[1])
    header["joints"].reverse()
    header["frames"] = 1
    straight = load_recording(tmp_path / "good.poses").frames[0].pose
    frame["pose"].reverse()
    path = tmp_path / "reversed.poses"
    path.write_text(json.dumps(header) + "\n" + json.dumps(frame) + "\n")
    turned = load_recording(path).frames[0].pose
    assert straight is not None
    assert turned is not None
    np.testing.assert_array_equal(straight.xy, turned.xy)


def _changed(line: str, **values: object) -> str:
    return json.dumps({**json.loads(line), **values})


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda lines: [], "empty"),
        (lambda lines: lines[:-1], "ends after 2 of 3 frames"),
        (lambda lines: [*lines, lines[-1]], "more frames than the header's 3"),
        (lambda lines: [*lines[:-1], lines[-1][:50]], ":4: not a line of JSON"),
        (lambda lines: ["[" * 20_000, *lines[1:]], ":1: not a line of JSON"),
        (lambda lines: ["7", *lines[1:]], ":1: expected a JSON object"),
        (lambda lines: [_changed(lines[0], format="x"), *lines[1:]], "not a recorded pose file"),
        (lambda lines: [_changed(lines[0], version=2), *lines[1:]], "version 2 is not known, expected 1"),
        (lambda lines: [_changed(lines[0], joints=["nose"]), *lines[1:]], '"joints" lacks head_top'),
        (lambda lines: [_changed(lines[0], frames=10**9), *lines[1:]], '"frames" is 1000000000'),
        (lambda lines: [_changed(lines[0], width="wide"), *lines[1:]], "\"width\" is 'wide'"),
        (lambda lines: [_changed(lines[0], model="x"), *lines[1:]], '"model" is not an object'),
        (lambda lines: [*lines[:2], _changed(lines[2], t=-1), lines[3]], ":3: time -1.0 is before the last"),
        (lambda lines: [*lines[:3], _changed(lines[3], pose=[[1, 2]])], ':4: "pose" must be null or a list'),
        (lambda lines: [*lines[:3], _changed(lines[3], pose=[[0] * 6] * 4)], ':4: "pose" has 4 joints'),
        (
            lambda lines: [*lines[:3], _changed(lines[3], pose=[[0, 0, 0, 0, 0, 2]] * 19)],
            ":4: a number",
        ),
        (
            lambda lines: [*lines[:3], _changed(lines[3], pose=[[10**400] + [0] * 5] * 19)],
            ":4: a number",
        ),
        (lambda lines: [*lines[:3], lines[3].replace("0.95", "NaN")], ":4: a number"),
        (lambda lines: [*lines[:3], lines[3] + " " * 40_000], ":4: the line is longer"),
    ],
)
def test_a_bad_file_is_refused_with_the_place(tmp_path: Path, lines: list[str], change, says: str) -> None:
    path = tmp_path / "bad.poses"
    path.write_text("".join(line + "\n" for line in change(lines)))
    with pytest.raises(RecordingError) as caught:
        load_recording(path)
    text = str(caught.value)
    assert says in text
    assert text.startswith(str(path))
    assert "\n" not in text
    assert len(text) < 400


def test_a_cut_off_packed_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "cut.poses.gz"
    save_recording(path, recording_of(squats(2)))
    path.write_bytes(path.read_bytes()[:-200])
    assert is_recording(path)
    with pytest.raises(RecordingError, match="cut off"):
        load_recording(path)


def test_a_file_that_unpacks_to_gigabytes_is_refused_at_its_first_line(tmp_path: Path) -> None:
    path = tmp_path / "bomb.poses.gz"
    path.write_bytes(gzip.compress(b'{"format": "formcue poses", "x": "' + b"a" * 50_000_000))
    with pytest.raises(RecordingError, match="longer than"):
        load_recording(path)


def test_other_files_are_no_recordings(tmp_path: Path) -> None:
    for name, data in (("a", b""), ("b", b"\x1f\x8bnonsense"), ("c", b"{}"), ("d", b"\x00" * 300)):
        (tmp_path / name).write_bytes(data)
        assert not is_recording(tmp_path / name)
    assert not is_recording(tmp_path)
    assert not is_recording(tmp_path / "absent")
