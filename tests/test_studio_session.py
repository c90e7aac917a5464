"""The studio's core says what the pipeline says, keeps the last good file, and writes only on demand."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from app.pipeline import Pipeline
from app.recording import load_recording
from app.rule_edit import RuleEditError
from app.rules import LIBRARY, Prompt, RuleFileError
from app.studio_footage import Track, measure
from app.studio_lanes import TimeWindow, lanes_of, with_moved
from app.studio_session import StudioSession
from tests.squat_rules import RECORDING, write_squat

SHALLOW = "shallow"


@pytest.fixture(scope="module")
def track() -> Track:
    return measure(load_recording(RECORDING))


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    folder = tmp_path / "rules"
    shutil.copytree(LIBRARY, folder, ignore=shutil.ignore_patterns("tests"))
    write_squat(folder)
    shutil.copytree(LIBRARY / "tests", folder / "tests", dirs_exist_ok=True)
    return folder


def opened(path: Path, track: Track | None) -> StudioSession:
    session = StudioSession()
    session.open_rules(path)
    session.set_track(track)
    return session


def place_of(session: StudioSession, rule: str) -> tuple[str | int, ...]:
    return next(t.place for t in session.thresholds if t.owner == rule)


@pytest.mark.parametrize("name", ["squat", "biceps_curl", "plank"])
def test_it_says_what_the_pipeline_says(rules: Path, name: str) -> None:
    poses = {"squat": RECORDING.name, "biceps_curl": "biceps_curl-alternating.poses.gz"}
    path = RECORDING.parent / poses[name] if name in poses else LIBRARY / "tests" / "plank.poses.gz"
    recording = load_recording(path)
    session = opened(rules / f"{name}.yaml", measure(recording))
    pipeline = Pipeline(None, session.exercise)  # type: ignore[arg-type]
    steps = [pipeline.step_pose(frame.time, frame.pose) for frame in recording.frames]
    events = [event for step in steps for event in step.events] + list(pipeline.finish())
    analysis = session.analysis
    assert analysis is not None
    assert list(analysis.prompts) == [e for e in events if isinstance(e, Prompt)]
    assert [*analysis.reps, *analysis.holds] == [e for e in events if not isinstance(e, Prompt)]
    assert analysis.reps or analysis.holds
    assert list(analysis.counted.phases) == [step.phase for step in steps]
    spans = analysis.spans
    for step, time in zip(steps[:-1], analysis.track.times, strict=False):
        if step.phase:
            assert [s.name for s in spans if s.start <= time < s.end] == [step.phase]


def test_why_a_rule_fires_is_known_at_every_frame(rules: Path, track: Track) -> None:
    analysis = opened(rules / "squat.yaml", track).analysis
    assert analysis is not None
    explained = analysis.explained(SHALLOW)
    assert len(explained) == len(track.times)
    for found, active in zip(explained, analysis.active, strict=True):
        assert found.fires == any(rule.rule == SHALLOW for rule in active)
    first = analysis.reps[0]
    judged = analysis.judgement(first, SHALLOW)
    assert judged is not None
    knees = analysis.curve("knee")[[first.start <= time <= first.end for time in track.times]]
    assert judged.checks[0].value == pytest.approx(float(np.nanmin(knees)), abs=3.0)
    durations = analysis.curve("out_duration")
    at_turn = track.index_at(first.turn)
    assert durations[at_turn] == pytest.approx(first.turn - first.start)
    assert math.isnan(durations[0])
    with pytest.raises(KeyError):
        analysis.explained("no_such_rule")


def test_a_value_is_tried_without_writing(rules: Path, track: Track) -> None:
    path = rules / "squat.yaml"
    session, before = opened(path, track), path.read_bytes()
    said = session.analysis.prompts if session.analysis else ()
    assert SHALLOW in [prompt.rule for prompt in said]
    session.try_value(place_of(session, SHALLOW), 175.0)
    assert session.shown is not None
    assert SHALLOW not in [prompt.rule for prompt in session.shown.prompts]
    assert session.analysis is not None
    assert session.analysis.prompts == said
    session.end_trial()
    assert session.shown is session.analysis
    assert path.read_bytes() == before


def test_a_change_of_a_rule_keeps_the_counting_and_is_undone(rules: Path, track: Track) -> None:
    path = rules / "squat.yaml"
    session, before = opened(path, track), path.read_bytes()
    old = session.analysis
    session.change(place_of(session, SHALLOW), 175.0)
    assert session.analysis is not None
    assert old is not None
    assert session.analysis.counted is old.counted  # counted once
    assert b"{knee.min: {above: 175deg}}" in path.read_bytes()
    edit = session.undo()
    assert edit is not None
    assert (edit.was, edit.now) == ("95deg", "175deg")
    assert path.read_bytes() == before
    assert session.analysis.prompts == old.prompts
    session.redo()
    assert session.undo() is not None
    session.change(("counting", "reps", "reach"), 1.2)
    assert session.analysis.reps == ()  # nobody went so far


def test_a_broken_file_leaves_the_last_good_version(rules: Path, track: Track) -> None:
    path = rules / "squat.yaml"
    session = opened(path, track)
    sound, place = path.read_bytes(), place_of(session, SHALLOW)
    path.write_bytes(sound.replace(b"knee.min", b"kneee.min"))
    session.reload()
    (problem,) = session.problems
    assert problem.endswith('did you mean "knee.min"?')
    assert session.exercise is not None
    assert session.analysis is not None
    with pytest.raises(RuleEditError, match=r"squat\.yaml has errors; mend them first"):
        session.change(place, 90.0)
    path.write_bytes(sound)
    session.reload()
    assert session.problems == ()
    session.change(place, 90.0)


def test_a_file_broken_from_the_start_and_one_that_is_not_there(rules: Path, track: Track) -> None:
    session = opened(rules / "no_such.yaml", track)
    assert session.exercise is None
    assert "no_such.yaml:1:1" in session.problems[0]
    (rules / "no_such.yaml").write_text("format: 1\n")
    session.reload()
    assert len(session.problems) >= 1
    assert session.shown is None


def test_an_impossible_value_changes_nothing(rules: Path, track: Track) -> None:
    session = opened(rules / "squat.yaml", track)
    before = session.analysis
    with pytest.raises(RuleFileError, match="start_below"):
        session.change(("counting", "reps", "reach"), 0.3)
    assert session.analysis is before
    assert not session.can_undo


def test_lanes_are_of_what_the_exercise_uses(rules: Path, track: Track) -> None:
    session = opened(rules / "squat.yaml", track)
    assert session.exercise is not None
    lanes = lanes_of(session.exercise, session.thresholds, session.analysis)
    names = [lane.parameter for lane in lanes]
    assert names[:2] == ["knee", "hip_height"]  # what counts, first
    assert names.index("trunk_tilt") < names.index("thigh_difference")  # rules before the counting's posture
    assert "out_duration" in names
    knee = lanes[0]
    levels = {level.kind: level for level in knee.levels}
    assert (levels["start"].value, levels["turn"].value) == (170.0, 90.0)
    assert levels["reach"].value == 130.0
    assert levels["reach"].written_value(110.0) == 0.75  # half way is 0.5, three quarters is 110 degrees
    default = levels["start_below"].threshold
    assert default is not None
    assert (default.written, default.value) == (False, 0.45)  # not in the file, to be dragged into it
    moved = with_moved(lanes, session.exercise, session.thresholds, levels["turn"].threshold.place, 70.0)  # type: ignore[union-attr]
    again = {level.kind: level.value for level in moved[0].levels}
    assert (again["turn"], again["reach"]) == (70.0, 120.0)
    assert (moved[0].low, moved[0].high) == (knee.low, knee.high)


def test_sides_counted_on_their_own_have_two_curves(rules: Path, track: Track) -> None:
    session = opened(rules / "biceps_curl.yaml", track)
    assert session.exercise is not None
    lane = lanes_of(session.exercise, session.thresholds, session.analysis)[0]
    assert lane.curves == ("left_elbow", "right_elbow")


@pytest.mark.parametrize(
    ("act", "expected"),
    [
        (lambda w: w.zoomed(2.0, 5.0), (2.5, 7.5)),
        (lambda w: w.zoomed(2.0, 0.0), (0.0, 5.0)),
        (lambda w: w.zoomed(2.0, 0.0).zoomed(0.1, 9.0), (0.0, 10.0)),
        (lambda w: w.zoomed(1e9, 4.0), (3.8, 4.3)),
        (lambda w: w.zoomed(2.0, 0.0).showing(7.0), (5.0, 10.0)),
        (lambda w: w.zoomed(4.0, 0.0).showing(4.0), (3.75, 6.25)),
        (lambda w: w.zoomed(4.0, 10.0).showing(4.0), (1.75, 4.25)),
        (lambda w: w.zoomed(2.0, 0.0).moved(99.0), (5.0, 10.0)),
    ],
)
def test_the_window_of_time(act: Callable[[TimeWindow], TimeWindow], expected: tuple[float, float]) -> None:
    window = act(TimeWindow.whole(0.0, 10.0))
    assert (window.left, window.right) == pytest.approx(expected)
