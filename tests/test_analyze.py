"""`analyze` through main(): the JSON that other programs rely on, and what happens to bad input."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

import app.analyze
import app.weights
from app.analyze import Tally, video_steps
from app.capture import Frame, open_source
from app.commands import choose_exercise
from app.pipeline import Pipeline
from app.recording import RecordedFrame, load_recording, recording_writer, save_recording
from app.skeleton import JOINT_NAMES, Pose
from main import main
from tests import motion
from tests.poses import recording_of, squats

MODEL = {"name": "made up", "sha256": "0" * 64, "device": "cpu", "runtime": "none"}
KEYS = ["schema", "source", "model", "exercise", "reps", "holds", "prompts", "faults", "timing"]


class Replay:
    """Stands in for the estimator: gives the poses of a list, by the frame's index."""

    def __init__(self, poses: list[Pose | None]) -> None:
        self.poses = poses

    def estimate(self, frame: Frame, /) -> Pose | None:
        return self.poses[frame.index]

    def reset(self) -> None:
        pass


def film(path: Path, frames: int, *, size: tuple[int, int] = (64, 48)) -> Path:
    """A film of moving noise, 25 frames a second."""
    code = {".avi": "MJPG"}.get(path.suffix, "mp4v")
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*code), 25.0, size)
    assert writer.isOpened()
    noise = np.random.default_rng(1).integers(0, 255, (size[1], size[0] + 50, 3), np.uint8)
    for i in range(frames):
        writer.write(np.ascontiguousarray(noise[:, i % 50 : i % 50 + size[0]]))
    writer.release()
    return path


@pytest.fixture
def recorded(tmp_path: Path) -> Path:
    path = tmp_path / "squats.poses.gz"
    save_recording(path, recording_of(squats(3)))
    return path


@pytest.fixture
def replay(monkeypatch: pytest.MonkeyPatch) -> Callable[[list[Pose | None]], None]:
    def use(poses: list[Pose | None]) -> None:
        monkeypatch.setattr(app.analyze, "load_estimator", lambda args: (Replay(poses), MODEL))

    return use


def analysed(path: Path, *more: str, out: Path) -> dict:
    assert main(["analyze", str(path), "--exercise", "squat", "--out", str(out), *more]) == 0
    return json.loads(out.read_text(encoding="utf-8"))


def test_a_recorded_pose_file_is_counted(tmp_path: Path, recorded: Path, capsys) -> None:
    found = analysed(recorded, out=tmp_path / "out.json")
    assert list(found) == KEYS
    assert found["schema"] == 1
    frames = len(squats(3))
    assert found["source"] == {
        "path": str(recorded),
        "width": 640,
        "height": 480,
        "fps": 25.0,
        "frames": frames,
    }
    assert found["model"] == {"name": None, "sha256": None, "device": None, "runtime": None}
    assert found["exercise"] == "squat"
    assert [list(rep) for rep in found["reps"]] == [["start", "turn", "end", "side", "range", "valid"]] * 3
    assert [rep["turn"] for rep in found["reps"]] == pytest.approx([2.7, 5.1, 7.5], abs=0.2)
    assert all(rep["start"] < rep["turn"] < rep["end"] for rep in found["reps"])
    assert all(rep["side"] == "both" and rep["valid"] and 60 < rep["range"] < 130 for rep in found["reps"])
    assert found["holds"] == []
    assert set(found["faults"]) <= {rule.id for rule in choose_exercise("squat").rules}
    assert list(found["timing"]) == ["frames_per_second", "latency_ms"]
    assert found["timing"]["frames_per_second"] > 0
    assert 0 < found["timing"]["latency_ms"]["p50"] <= found["timing"]["latency_ms"]["p95"]
    assert "3 reps" in capsys.readouterr().out


def test_shallow_squats_are_counted_and_remarked_upon(tmp_path: Path) -> None:
    path = tmp_path / "shallow.poses"
    save_recording(path, recording_of(squats(3, depth=0.62)))
    found = analysed(path, out=tmp_path / "out.json")
    assert len(found["reps"]) == 3
    rules = {rule.id for rule in choose_exercise("squat").rules}
    keys = ["t", "rule", "rep", "severity", "text", "parameter", "value", "limit"]
    assert found["prompts"]
    for prompt in found["prompts"]:
        assert list(prompt) == keys
        assert prompt["rule"] in rules
        assert prompt["text"]
    assert any(found["faults"].values())
    # Faults are counted whether or not they were spoken.
    for prompt in found["prompts"]:
        if prompt["severity"] != "info":
            assert found["faults"][prompt["rule"]] >= 1


def test_a_hold_is_measured_in_seconds(tmp_path: Path) -> None:
    plank = motion.play(motion.Motion(motion.PRONE, motion.PRONE), [(i / 25, 0.0) for i in range(250)])
    path, out = tmp_path / "plank.poses", tmp_path / "out.json"
    save_recording(path, recording_of(list(plank)))
    assert main(["analyze", str(path), "--exercise", "plank", "--out", str(out)]) == 0
    found = json.loads(out.read_text(encoding="utf-8"))
    assert found["reps"] == []
    assert [list(hold) for hold in found["holds"]] == [["start", "end"]]
    assert found["holds"][0]["end"] - found["holds"][0]["start"] == pytest.approx(10, abs=0.5)


def test_the_demo_clip_from_picture_to_prompt(tmp_path: Path) -> None:
    """The real network on the bundled clip: eight squats, the fourth and the sixth of them shallow."""
    out = tmp_path / "out.json"
    assert main(["analyze", "demo", "--exercise", "squat", "--out", str(out)]) == 0
    found = json.loads(out.read_text(encoding="utf-8"))
    assert len(found["reps"]) == 8
    # Both are faults; the second follows too soon after the first to be nagged about as well.
    said = [prompt["rep"] for prompt in found["prompts"] if prompt["rule"] == "shallow"]
    assert said in ([4], [4, 6])
    assert found["faults"]["shallow"] == 2


def test_every_video_frame_has_an_entry_and_nobody_is_null(tmp_path: Path, replay) -> None:
    poses: list[Pose | None] = [*squats(1)[:30]]
    poses[7] = None
    replay(poses)
    found = analysed(film(tmp_path / "a.mp4", 30), "--frames", out=tmp_path / "out.json")
    assert list(found) == [*KEYS[:-1], "frames", "timing"]
    assert found["model"] == MODEL
    assert found["source"]["frames"] == len(found["frames"]) == 30
    assert [frame["t"] for frame in found["frames"]] == pytest.approx([i / 25 for i in range(30)], abs=0.002)
    for i, frame in enumerate(found["frames"]):
        assert list(frame) == ["t", "view", "phase", "joints", "parameters"]
        if i == 7:
            assert frame["joints"] is None
            assert frame["parameters"] == {}
        else:
            assert list(frame["joints"]) == list(JOINT_NAMES)
            assert list(frame["joints"]["left_knee"]) == ["x", "y", "confidence", "X", "Y", "Z"]
            assert frame["joints"]["left_knee"]["x"] == pytest.approx(poses[i].xy[11, 0], abs=0.01)
            assert frame["view"] in ("front", "side", "oblique", "back")
            assert frame["parameters"]["left_knee"] > 100


def test_the_overlay_has_the_videos_frames_with_the_skeleton_on_them(tmp_path: Path, replay) -> None:
    poses: list[Pose | None] = [*squats(1)[:20]]
    replay(poses)
    video, overlay = film(tmp_path / "a.mp4", 20, size=(640, 480)), tmp_path / "over.mp4"
    found = analysed(video, "--overlay", str(overlay), out=tmp_path / "out.json")
    assert "frames" not in found
    with open_source(str(video)) as plain, open_source(str(overlay)) as drawn:
        assert (drawn.width, drawn.height, drawn.fps) == (640, 480, 25.0)
        count = 0
        while (a := plain.read()) is not None:
            b = drawn.read()
            assert b is not None
            x, y = poses[count].xy[3].astype(int)  # the left shoulder
            near = np.s_[y - 3 : y + 4, x - 3 : x + 4]
            assert np.abs(a.image[near].astype(int) - b.image[near]).mean() > 20
            count += 1
        assert drawn.read() is None
    assert count == 20
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.mp4", "out.json", "over.mp4"]


def test_recorded_poses_give_the_same_result_again(tmp_path: Path, replay) -> None:
    poses: list[Pose | None] = [*squats(2, depth=0.62)]
    replay(poses)
    kept = tmp_path / "a.poses.gz"
    first = analysed(film(tmp_path / "a.mp4", len(poses)), "--record", str(kept), out=tmp_path / "1.json")
    second = analysed(kept, out=tmp_path / "2.json")
    assert len(first["reps"]) == 2
    assert first["prompts"]
    for key in ("reps", "prompts"):
        for a, b in zip(first[key], second[key], strict=True):
            # The file is rounded to a tenth of a pixel and a millimetre.
            for name in a:
                expected = pytest.approx(a[name], abs=0.3) if isinstance(a[name], float) else a[name]
                assert b[name] == expected, name
    assert first["faults"] == second["faults"]
    assert second["model"] == {**MODEL, "device": None, "runtime": None}
    assert second["source"]["frames"] == len(poses)


def test_a_recording_can_be_drawn_too(tmp_path: Path, recorded: Path) -> None:
    analysed(recorded, "--overlay", str(tmp_path / "over.mp4"), out=tmp_path / "out.json")
    with open_source(str(tmp_path / "over.mp4")) as drawn:
        frame = drawn.read()
        assert frame is not None
        assert frame.image.shape == (480, 640, 3)
        assert frame.image.max() > 150


def test_timing_is_of_the_step_alone(tmp_path: Path) -> None:
    """A step of 10 ms and a decoder of 90 ms: 100 frames a second."""

    class Clock:
        now = 0.0

        def __call__(self) -> float:
            return self.now

    clock = Clock()

    class Slow(Replay):
        def estimate(self, frame: Frame, /) -> Pose | None:
            clock.now += 0.010
            return super().estimate(frame)

    pipeline, tally = Pipeline(Slow([*squats(1)[:20]]), choose_exercise("squat")), Tally()
    with open_source(str(film(tmp_path / "a.mp4", 20))) as source:
        for result in video_steps(pipeline, source, tally, clock=clock):
            tally.add(result)
            clock.now += 0.090
    timing = tally.document(source={}, model={}, pipeline=pipeline)["timing"]
    assert timing["frames_per_second"] == pytest.approx(100, rel=0.01)
    assert timing["latency_ms"] == {"p50": pytest.approx(10, rel=0.01), "p95": pytest.approx(10, rel=0.01)}


def test_a_long_video_needs_no_more_memory_than_a_short_one(tmp_path: Path) -> None:
    """Of three hours nothing is kept but what is counted: the frames wait on the disk."""
    poses = squats(2, still=0.3)
    picture = np.zeros((4, 4, 3), np.uint8)

    class Long:
        left = iter(range(900))

        def read(self) -> Frame | None:
            index = next(self.left, None)
            return None if index is None else Frame(image=picture, time=index / 25, index=index)

    class Again(Replay):
        def estimate(self, frame: Frame, /) -> Pose | None:
            return self.poses[frame.index % len(self.poses)]

    kept, pipeline = tmp_path / "long.poses.gz", Pipeline(Again([*poses]), choose_exercise("squat"))
    used = []
    tracemalloc.start()
    try:
        with (
            Tally(with_frames=True, folder=tmp_path) as tally,
            recording_writer(kept, source="long", width=4, height=4, fps=25.0) as write,
        ):
            for result in video_steps(pipeline, Long(), tally):  # type: ignore[arg-type]
                tally.add(result)
                write(RecordedFrame(time=result.time, pose=result.pose))
                if len(tally.seconds) in (600, 900):
                    used.append(tracemalloc.get_traced_memory()[0])
            document = tally.document(source={}, model={}, pipeline=pipeline)
            assert sum(1 for _ in document["frames"]) == 900
    finally:
        tracemalloc.stop()
    assert used[1] - used[0] < 50 * 1000  # bytes; a frame kept would be more than a thousand
    assert len(document["reps"]) > 9
    assert len(load_recording(kept).frames) == 900
    assert list(tmp_path.iterdir()) == [kept]


@pytest.mark.parametrize("stop", ["ctrl-c", "terminate", "break"])
def test_nothing_is_left_behind_when_it_stops_half_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stop: str
) -> None:
    if stop == "terminate" and os.name == "nt":
        pytest.skip("Windows ends a process without asking it")

    class Stopped(Replay):
        def estimate(self, frame: Frame, /) -> Pose | None:
            if frame.index == 10 and stop == "terminate":
                os.kill(os.getpid(), signal.SIGTERM)
            elif frame.index == 10:
                raise KeyboardInterrupt if stop == "ctrl-c" else RuntimeError("broke")
            return super().estimate(frame)

    monkeypatch.setattr(app.analyze, "load_estimator", lambda args: (Stopped([None] * 20), MODEL))
    video, out, overlay = film(tmp_path / "a.mp4", 20), tmp_path / "out.json", tmp_path / "over.mp4"
    out.write_text("from before")
    code: object = None
    try:
        code = main(
            ["analyze", str(video), "--exercise", "squat", "--out", str(out), "--overlay", str(overlay)]
        )
    except (KeyboardInterrupt, SystemExit, RuntimeError) as error:
        code = error
    assert code != 0
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.mp4", "out.json"]
    assert out.read_text() == "from before"


def bad_video(tmp_path: Path, kind: str) -> Path:
    path = tmp_path / "bad.mp4"
    if kind == "folder":
        path.mkdir()
    elif kind == "empty":
        path.write_bytes(b"")
    elif kind == "text":
        path.write_text("not a video\n" * 50)
    elif kind == "noise":
        path.write_bytes(np.random.default_rng(2).bytes(5000))
    elif kind == "picture":
        path = tmp_path / "bad.png"
        cv2.imwrite(str(path), np.zeros((20, 20, 3), np.uint8))
    elif kind.startswith("cut"):
        path = film(tmp_path / f"bad{kind.removeprefix('cut ')}", 40)
        whole = path.read_bytes()
        path.write_bytes(whole[: len(whole) * 2 // 3])
    elif kind == "cut off poses":
        path = tmp_path / "bad.poses"
    return path


def refused(capfd: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str]:
    """Exit code and the one line on stderr. argparse's own refusals end the program."""
    try:
        code = main([str(argument) for argument in arguments])
    except SystemExit as error:
        code = int(error.code or 0)
    printed = capfd.readouterr().err.strip()
    assert len(printed.splitlines()) == 1, printed
    assert "Traceback" not in printed
    return code, printed


@pytest.mark.parametrize(
    "kind", ["missing", "folder", "empty", "text", "noise", "picture", "cut .mp4", "cut .avi", "cut .mkv"]
)
def test_a_bad_video_is_refused_in_one_line(tmp_path: Path, capfd, replay, kind: str) -> None:
    replay([None] * 100)
    path = bad_video(tmp_path, kind)
    before = sorted(tmp_path.iterdir())
    overlay = tmp_path / "over.mp4"
    code, line = refused(
        capfd, "analyze", path, "--exercise", "squat", "--out", tmp_path / "o.json", "--overlay", overlay
    )
    assert code == 2
    assert path.name in line
    assert sorted(tmp_path.iterdir()) == before


def test_a_damaged_recording_is_refused_in_one_line(tmp_path: Path, capfd, recorded: Path) -> None:
    recorded.write_bytes(recorded.read_bytes()[:-300])
    code, line = refused(capfd, "analyze", recorded, "--exercise", "squat", "--out", tmp_path / "o.json")
    assert (code, "cut off" in line) == (2, True)
    empty = tmp_path / "none.poses"
    save_recording(empty, recording_of([]))
    code, line = refused(capfd, "analyze", empty, "--exercise", "squat", "--out", tmp_path / "o.json")
    assert (code, "holds no frames" in line) == (2, True)
    assert not (tmp_path / "o.json").exists()


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("sqat", "did you mean 'squat'?"),
        ("Push-Up", "did you mean 'push_up'?"),
        ("zzz", "known are: "),
        ("absent.yaml", "no such rule file"),
    ],
)
def test_an_unknown_exercise_is_answered_with_the_nearest(
    tmp_path: Path, capfd, recorded: Path, name: str, says: str
) -> None:
    code, line = refused(capfd, "analyze", recorded, "--exercise", name, "--out", tmp_path / "o.json")
    assert code == 2
    assert says in line
    assert not (tmp_path / "o.json").exists()


def test_a_broken_rule_file_is_refused_in_one_line_with_the_place(
    tmp_path: Path, capfd, recorded: Path
) -> None:
    path = tmp_path / "broken.yaml"
    path.write_text("id: broken\nnames: [\n")
    code, line = refused(capfd, "analyze", recorded, "--exercise", path, "--out", tmp_path / "o.json")
    assert code in (1, 2)
    assert f"{path}:" in line
    assert not (tmp_path / "o.json").exists()


def test_weights_that_were_changed_are_refused_in_one_line(tmp_path: Path, capfd, monkeypatch) -> None:
    folder = tmp_path / "weights"
    folder.mkdir()
    rows = []
    for kind in ("pose", "finder"):
        data = kind.encode() * 1000
        (folder / kind).write_bytes(data[:-1] + b"!")  # one byte is not what was hashed
        digest = hashlib.sha256(data).hexdigest()
        rows.append({"name": kind, "file": kind, "sha256": digest, "size": len(data), "kind": kind})
        rows[-1] |= {"config": {"kind": kind}, "card": "card.md"}
    (folder / "catalogue.json").write_text(json.dumps({"schema": 1, "weights": rows}))
    monkeypatch.setattr(app.weights, "WEIGHTS_FOLDER", folder)
    video = film(tmp_path / "a.mp4", 5)
    code, line = refused(capfd, "analyze", video, "--exercise", "squat", "--out", tmp_path / "o.json")
    assert code in (1, 2)
    assert "SHA-256" in line
    assert str(folder / "pose") in line
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.mp4", "weights"]


def test_places_that_cannot_be_written_are_refused_before_the_work(
    tmp_path: Path, capfd, recorded: Path
) -> None:
    start = ["analyze", recorded, "--exercise", "squat", "--out"]
    for more, says in [
        ([tmp_path / "absent" / "o.json"], "create it first"),
        ([tmp_path], "is a folder"),
        ([recorded], "file of its own"),
        ([tmp_path / "o.json", "--overlay", tmp_path / "o.txt"], "ends in .mp4"),
        ([tmp_path / "o.mp4", "--overlay", tmp_path / "o.mp4"], "file of its own"),
        ([tmp_path / "o.json", "--overlay", tmp_path / "absent" / "o.mp4"], "create it first"),
    ]:
        code, line = refused(capfd, *start, *more)
        assert (code, says in line) == (2, True), line
    assert sorted(tmp_path.iterdir()) == [recorded]


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="needs a user who may not write everywhere")
def test_a_folder_without_permission_is_refused(tmp_path: Path, capfd, recorded: Path) -> None:
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o555)
    code, line = refused(capfd, "analyze", recorded, "--exercise", "squat", "--out", locked / "o.json")
    assert (code, "no permission" in line) == (2, True)


def test_a_camera_is_no_video(tmp_path: Path, capfd, monkeypatch) -> None:
    class Camera:
        live, name = True, "Camera 0"

        def __enter__(self) -> Camera:
            return self

        def __exit__(self, *_: object) -> None:
            pass

    monkeypatch.setattr(app.analyze, "open_source", lambda spec: Camera())
    code, line = refused(capfd, "analyze", "0", "--exercise", "squat", "--out", tmp_path / "o.json")
    assert (code, "is a camera" in line) == (2, True)
