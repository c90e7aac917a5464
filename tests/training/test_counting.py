"""How counting is measured: labels against what was counted, harder variants, form."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest

from app.estimator import Estimator
from app.recording import RecordedFrame, Recording, save_recording
from app.rules import load_library
from app.skeleton import Joint
from app.training import counting
from app.training.counting import Clip, ClipsError, Tracks, changed_poses
from main import main
from tests.motion import MOTIONS, play, reps

MODEL = {"name": "made up", "sha256": "0" * 64}


def recorded(exercise: str, count: int) -> Recording:
    poses = play(MOTIONS[exercise], reps(count, seconds=2.0, rest=0.6))
    frames = tuple(RecordedFrame(time=pose.time, pose=pose) for pose in poses)
    return Recording(source="made up", width=640, height=480, fps=25.0, frames=frames)


def turning_times(count: int) -> list[float]:
    return [1.0 + 1.0 + 2.6 * i for i in range(count)]


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    """A zip of labelled clips whose poses are recorded already; the pictures are never opened."""
    labels = [
        {"clip": "a.mp4", "exercise": "squat", "view": "side", "reps": 3, "turning_times": turning_times(3)},
        {"clip": "b.mp4", "exercise": "squat", "view": "side", "reps": 4, "turning_times": turning_times(4)},
        {"clip": "c.mp4", "exercise": "lunge", "view": "side", "reps": 2, "turning_times": turning_times(2)},
    ]
    path = tmp_path / "clips.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("labels.json", json.dumps(labels))
        for label in labels:
            archive.writestr(str(label["clip"]), b"no video")
    (tmp_path / "tracks").mkdir()
    for name, exercise, count in (("a", "squat", 3), ("b", "squat", 2), ("c", "lunge", 2)):
        save_recording(tmp_path / "tracks" / f"{name}.poses.gz", recorded(exercise, count))
    return path


def evaluated(clips: Path, *options: str) -> dict[str, object]:
    out = clips.parent / "figures.json"
    tracks = str(clips.parent / "tracks")
    arguments = ["evaluate", "--counting", str(clips), "--tracks", tracks, "--out", str(out), *options]
    assert main(arguments) == 0
    figures: dict[str, dict[str, object]] = json.loads(out.read_text("utf-8"))
    return figures["counting"]


def test_counts_and_turning_points_are_held_against_the_labels(
    clips: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    figures = evaluated(clips)
    assert (figures["exact"], figures["within_one"], figures["clips_counted"]) == (2, 2, 3)
    assert (figures["turns"], figures["turns_near"]) == (9, 7), "two of b's four were never counted"
    assert "WRONG" in capsys.readouterr().out


def test_what_a_rule_file_counts_on_other_exercises_is_false(clips: Path) -> None:
    """Lunges done and called squats: the lunge file counts nothing false, because they are not its own."""
    text = json.dumps(
        [{"clip": "c.mp4", "exercise": "squat", "view": "side", "reps": 0, "turning_times": []}]
    )
    other = clips.parent / "other.zip"
    with zipfile.ZipFile(other, "w") as archive:
        archive.writestr("labels.json", text)
        archive.writestr("c.mp4", b"no video")
    figures = evaluated(other)
    assert figures["false_reps"] == {"c": {"lunge": 2}}
    rates = figures["false_reps_per_minute"]
    assert isinstance(rates, dict) and "squat" not in rates and rates["lunge"] > 10


def test_the_labels_of_a_zip_are_checked(tmp_path: Path) -> None:
    path = tmp_path / "clips.zip"
    with pytest.raises(ClipsError, match="there is no such file"):
        counting.read_counted(path)
    path.write_bytes(b"no zip")
    with pytest.raises(ClipsError, match="cannot be read as a zip"):
        counting.read_counted(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("labels.json", json.dumps([{"clip": "a.mp4", "exercise": "squat"}]))
    with pytest.raises(ClipsError, match="lacks 'reps'"):
        counting.read_counted(path)


def test_mirrored_poses_exchange_left_and_right() -> None:
    before = recorded("squat", 1)
    after = changed_poses(before, "mirrored")
    a, b = before.frames[40].pose, after.frames[40].pose
    assert a is not None and b is not None
    assert np.allclose(b.xy[Joint.left_knee], [640 - a.xy[Joint.right_knee][0], a.xy[Joint.right_knee][1]])
    assert np.allclose(b.xyz[Joint.left_knee], a.xyz[Joint.right_knee] * [-1, 1, 1])


def test_other_variants_change_time_rate_and_joints() -> None:
    before = recorded("squat", 1)
    end = before.frames[-1].time
    assert changed_poses(before, "half speed").frames[-1].time == pytest.approx(2 * end)
    assert changed_poses(before, "double speed").frames[-1].time == pytest.approx(end / 2)
    fewer = changed_poses(before, "12 fps").frames
    assert len(fewer) == pytest.approx(end * 12, abs=1)
    lost = [f.pose.confidence == 0 for f in changed_poses(before, "20 % of joints lost").frames if f.pose]
    assert np.mean(lost) == pytest.approx(0.2, abs=0.03)


def test_poses_that_other_weights_saw_are_estimated_anew(tmp_path: Path) -> None:
    class AskedError(Exception):
        pass

    def estimator() -> Estimator:
        raise AskedError

    clip = Clip(archive=tmp_path / "clips.zip", member="a.mp4", exercise="squat")
    save_recording(tmp_path / "a.poses.gz", recorded("squat", 1))
    assert Tracks(tmp_path, MODEL, estimator).get(clip).frames
    old = Recording(**{**vars(recorded("squat", 1)), "model": {"name": "old", "sha256": "1" * 64}})
    save_recording(tmp_path / "a.poses.gz", old)
    with pytest.raises(AskedError):
        Tracks(tmp_path, MODEL, estimator).get(clip)


def test_form_is_told_by_the_reminders_that_are_active_in_half_of_the_reps(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    exercise = load_library()["squat"]
    clips = [
        Clip(archive=tmp_path, member="correct/1.mp4", exercise="squat", wrong=False),
        Clip(archive=tmp_path, member="wrong/2.mp4", exercise="squat", wrong=True),
        Clip(archive=tmp_path, member="wrong/3.mp4", exercise="squat", wrong=True),
        Clip(archive=tmp_path, member="correct/4.mp4", exercise="squat", wrong=False),
    ]
    nothing = [RecordedFrame(time=i / 25, pose=None) for i in range(50)]
    shallow = play(MOTIONS["squat"], reps(2, seconds=2.0, rest=0.6, depth=0.72))
    dips = play(MOTIONS["squat"], reps(2, seconds=2.0, rest=0.6, depth=0.4))
    for clip, frames in zip(
        clips,
        (
            recorded("squat", 2).frames,
            tuple(RecordedFrame(time=pose.time, pose=pose) for pose in shallow),
            tuple(RecordedFrame(time=pose.time, pose=pose) for pose in dips),
            tuple(nothing),
        ),
        strict=True,
    ):
        save_recording(
            tmp_path / f"{clip.name}.poses.gz",
            Recording(source="made up", width=640, height=480, fps=25.0, frames=frames),
        )
    figures = counting.evaluate_form(clips, exercise, Tracks(tmp_path, MODEL, _no_estimator))
    assert figures["accuracy"] == 1.0
    assert [row["reasons"] for row in figures["clips"]] == [[], ["shallow"], ["no_rep"], []]
    assert "told right 4 of 4" in capsys.readouterr().out


def _no_estimator() -> Estimator:
    raise AssertionError("all poses were recorded")
