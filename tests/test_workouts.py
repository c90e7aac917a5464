"""Workouts: plans in YAML, following one, and a journal that survives the process."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.errors import FormcueError
from app.files import OutputError
from app.journal import Journal, JournalError, journal_path, read_lines, unfinished
from app.loads import Load
from app.pipeline import Pipeline
from app.planfile import PlanError, free_id, load_plan, load_plans, save_plan
from app.plans import PLANS, Plan, PlannedExercise, PlanStep, one_set
from app.recording import load_recording
from app.rules import load_library
from app.set_recorder import SetRecorder
from app.summary import (
    FaultSummary,
    RepSummary,
    Tempo,
    rep_as_json,
    rep_from_json,
    to_work_on,
    workout_as_json,
)
from app.workouts import COUNTDOWN, READY, WorkoutRunner, in_start_position
from tests.conftest import REPOSITORY
from tests.poses import squats

LIBRARY = load_library()
NOON = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)


class Lines(list):
    """A journal in memory."""

    def write(self, line: dict) -> None:
        self.append(json.loads(json.dumps(line)))


def plan_of(*steps: PlanStep) -> Plan:
    return Plan(id="test", names={"en": "Test"}, steps=steps)


def squats_twice(reps: int = 3, rest: float = 10.0) -> Plan:
    return plan_of(PlanStep(exercises=(PlannedExercise(exercise="squat", reps=reps),), sets=2, rest=rest))


class Athlete:
    """Drives a runner in steps of a tenth of a second, and does one repetition a second when asked."""

    def __init__(self, runner: WorkoutRunner, time: float = 100.0) -> None:
        self.runner, self.time = runner, time
        self.entered: list[str] = []

    def wait(self, seconds: float, *, ready: bool = False) -> None:
        for _ in range(round(seconds * 10)):
            self._step(ready=ready)

    def do(self, reps: int) -> None:
        for _ in range(reps):
            for _ in range(9):
                self._step()
            done = RepSummary(start=self.time - 0.9, turn=self.time - 0.4, end=self.time, range=80.0)
            self._step(ended=(done,))

    def hold(self, seconds: float) -> None:
        since = self.time
        for _ in range(round(seconds * 10)):
            self._step(ready=True, holding=RepSummary(kind="hold", start=since, end=self.time))

    def start(self) -> None:
        """Takes the start position until the set begins."""
        self.wait(READY + COUNTDOWN + 0.3, ready=True)
        assert self.runner.state == "set"

    def _step(self, **arguments: object) -> None:
        self.entered += self.runner.step(self.time, **arguments)  # type: ignore[arg-type]
        self.time += 0.1


def athlete(plan: Plan, journal: Lines | None = None) -> Athlete:
    return Athlete(WorkoutRunner(plan, LIBRARY, started=NOON, journal=journal))


# -- following a plan ---------------------------------------------------------------------------------


def test_a_workout_goes_from_set_to_rest_to_set_and_ends() -> None:
    one = athlete(squats_twice())
    one.start()
    one.do(3)
    assert one.runner.state == "rest"
    assert one.runner.standing.remaining == pytest.approx(10.0, abs=0.2)
    assert one.runner.standing.number == 2  # what comes next
    one.wait(10.2)
    one.start()
    one.do(3)
    assert one.entered == ["countdown", "set", "rest", "before", "countdown", "set", "done"]
    summary = one.runner.summary
    assert summary.finished
    assert [done.count for done in summary.sets] == [3, 3]
    assert [rep.duration for rep in summary.sets[0].reps] == pytest.approx([0.9, 0.9, 0.9])
    assert summary.sets[0].reps[0].start >= summary.sets[0].started


def test_nothing_counts_before_the_set_and_in_the_rest() -> None:
    one = athlete(squats_twice())
    one.do(2)  # getting into position
    assert one.runner.state == "before"
    one.start()
    one.do(3)
    one.do(2)  # in the rest
    assert one.runner.state == "rest"
    assert one.runner.summary.count == 3


def test_leaving_the_start_position_ends_the_countdown() -> None:
    one = athlete(squats_twice())
    one.wait(READY + 0.3, ready=True)
    assert one.runner.state == "countdown"
    one.wait(0.5)  # a moment out of it is nothing
    assert one.runner.state == "countdown"
    one.wait(1.0)
    assert one.runner.state == "before"


def test_a_countdown_that_is_asked_for_goes_on_wherever_the_athlete_stands() -> None:
    one = athlete(squats_twice())
    one.wait(READY + 0.3, ready=True)
    assert one.runner.state == "countdown"  # by itself
    one.runner.start()
    one.wait(COUNTDOWN)
    assert one.runner.state == "set"


def test_a_hold_begins_with_the_position_and_ends_when_it_was_held_for_long_enough() -> None:
    one = athlete(plan_of(PlanStep(exercises=(PlannedExercise(exercise="plank", seconds=5.0),))))
    one.hold(3.0)
    one.wait(4.0)  # knees down: what was held is not under way any more, the set goes on
    assert one.runner.state == "set"
    one.hold(4.9)
    assert one.runner.state == "set"
    one.hold(0.4)
    assert one.runner.state in ("set", "done")
    one.hold(5.2)
    assert one.runner.state == "done"
    assert one.runner.summary.held == pytest.approx(5.0, abs=0.3)


def test_a_hold_that_fills_the_set_keeps_its_faults() -> None:
    one = athlete(plan_of(PlanStep(exercises=(PlannedExercise(exercise="plank", seconds=5.0),))))
    since = one.time
    sagging = FaultSummary(
        rule="sag",
        severity="error",
        parameter="hip_sag",
        value=0.2,
        limit=0.1,
        text="",
        time=since,
        seconds=2.0,
    )
    while one.runner.state != "done":
        under_way = RepSummary(kind="hold", start=since, end=one.time, faults=(sagging,))
        one._step(ready=True, holding=under_way)
    done = one.runner.summary.sets[0]
    assert [(total.rule, total.amount) for total in done.faults] == [("sag", 2.0)]
    assert done.score == pytest.approx(100 * (1 - 2.0 / done.held))


def test_the_recorder_follows_a_hold_until_it_ends() -> None:
    exercise = LIBRARY["plank"]
    pipeline, recorder = Pipeline(None, exercise), SetRecorder(exercise)
    recording = load_recording(exercise.tests[0].recording)
    longest, ended = 0.0, []
    for frame in recording.frames:
        result = pipeline.step_pose(frame.time, frame.pose)
        ended += recorder.add(result, pipeline.fault_counts)
        if recorder.holding is not None:
            longest = max(longest, recorder.holding.duration)
    ended += recorder.finish(pipeline.finish(), pipeline.fault_counts)
    assert [hold.kind for hold in ended] == ["hold"]
    assert longest == pytest.approx(ended[0].duration, abs=exercise.counting.grace + 0.1)


def test_a_set_of_seconds_ends_with_its_time() -> None:
    one = athlete(plan_of(PlanStep(exercises=(PlannedExercise(exercise="jumping_jack", seconds=6.0),))))
    one.start()
    one.do(4)
    assert one.runner.standing.remaining == pytest.approx(2.0, abs=0.3)
    one.wait(2.2)
    assert one.runner.state == "done"
    assert one.runner.summary.count == 4


def test_exercises_of_a_superset_take_turns() -> None:
    pair = (PlannedExercise(exercise="push_up", reps=5), PlannedExercise(exercise="squat", reps=6))
    plan = plan_of(PlanStep(exercises=pair, sets=2, between=5.0, rest=40.0))
    assert [(s.exercise, s.round, s.rest) for s in plan.sets] == [
        ("push_up", 1, 5.0),
        ("squat", 1, 40.0),
        ("push_up", 2, 5.0),
        ("squat", 2, 0.0),
    ]


def test_reps_are_added_and_taken_back_by_hand() -> None:
    one = athlete(squats_twice())
    one.start()
    one.do(1)
    assert one.runner.add_rep()
    assert one.runner.remove_rep().by_hand
    assert one.runner.remove_rep().range == 80.0
    assert one.runner.remove_rep() is None
    one.do(2)
    one.runner.add_rep()  # the third: the set is full
    assert one.runner.state == "rest"
    one.runner.remove_rep()  # also in the rest: of the set just done
    assert one.runner.summary.sets[0].count == 2


def test_skip_repeat_and_finish_keep_what_was_done() -> None:
    one = athlete(squats_twice())
    one.start()
    one.do(2)
    one.runner.repeat()
    one.start()
    one.do(3)
    one.runner.skip()  # the rest
    assert one.runner.state == "before"
    one.start()
    one.do(1)
    one.runner.finish()
    summary = one.runner.summary
    assert [done.count for done in summary.sets] == [2, 3, 1]
    assert not summary.finished


def test_a_pause_stops_the_time() -> None:
    one = athlete(squats_twice())
    one.start()
    one.do(3)
    one.wait(4.0)
    one.runner.pause()
    one.wait(60.0)
    assert one.runner.standing.remaining == pytest.approx(6.0, abs=0.2)
    elapsed = one.runner.elapsed
    one.runner.go_on()
    one.wait(1.0)
    assert one.runner.elapsed == pytest.approx(elapsed + 1.0, abs=0.2)
    one.runner.more_rest()
    assert one.runner.standing.remaining == pytest.approx(20.0, abs=0.3)


def test_an_exercise_that_is_gone_is_named() -> None:
    with pytest.raises(FormcueError, match="handstand"):
        athlete(plan_of(PlanStep(exercises=(PlannedExercise(exercise="handstand", reps=1),))))


# -- the journal --------------------------------------------------------------------------------------


def states_of(lines: Lines) -> Iterator[WorkoutRunner]:
    for length in range(1, len(lines) + 1):
        yield WorkoutRunner.resume(lines[:length], LIBRARY)


def test_a_runner_stands_again_where_the_journal_ends_whichever_line_that_is() -> None:
    lines = Lines()
    one = athlete(squats_twice(), lines)
    one.start()
    one.do(3)
    one.wait(10.2)
    one.start()
    one.do(2)
    one.runner.remove_rep()
    one.do(2)
    assert one.runner.state == "done"
    resumed = list(states_of(lines))
    assert resumed[-1].state == "done"
    assert workout_as_json(resumed[-1].summary) == workout_as_json(one.runner.summary)
    done = [line["what"] for line in lines]
    for length, runner in enumerate(resumed, 1):
        expected = done[:length].count("rep") - done[:length].count("no rep")
        assert runner.summary.count == expected
        assert runner.state in ("before", "done")


def test_a_set_goes_on_with_what_was_counted() -> None:
    lines = Lines()
    one = athlete(squats_twice(), lines)
    one.start()
    one.do(2)
    again = Athlete(WorkoutRunner.resume(lines, LIBRARY), time=0.0)  # another start of the clock
    assert again.runner.standing.count == 2
    again.start()
    again.do(1)
    assert again.runner.state == "rest"
    assert [done.count for done in again.runner.summary.sets] == [3]


def test_a_hold_that_was_cut_off_counts_to_its_last_second() -> None:
    lines = Lines()
    one = athlete(plan_of(PlanStep(exercises=(PlannedExercise(exercise="plank", seconds=30.0),))), lines)
    one.hold(12.3)
    again = WorkoutRunner.resume(lines, LIBRARY)
    assert again.standing.held == pytest.approx(12.0, abs=1.0)


def test_a_torn_line_is_left_out_and_cut_off_before_going_on(tmp_path: Path) -> None:
    path = journal_path(tmp_path, "abc")
    journal = Journal(path)
    one = Athlete(WorkoutRunner(squats_twice(), LIBRARY, started=NOON, journal=journal))
    one.start()
    one.do(2)
    journal.close()
    with path.open("ab") as file:
        file.write(b'{"what":"rep","t":1')
    left = unfinished(tmp_path)
    assert left is not None
    journal = Journal(path)
    again = WorkoutRunner.resume(left.lines, LIBRARY, journal=journal)
    again.finish()
    journal.close()
    assert WorkoutRunner.resume(read_lines(path), LIBRARY).state == "done"


def test_a_journal_in_use_belongs_to_its_window(tmp_path: Path) -> None:
    journal = Journal(journal_path(tmp_path, "abc"))
    WorkoutRunner(squats_twice(), LIBRARY, started=NOON, journal=journal)
    assert unfinished(tmp_path) is None
    with pytest.raises(JournalError):
        Journal(journal.path)
    journal.close()
    assert unfinished(tmp_path) is not None
    Journal(journal.path).remove()
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_journal_is_passed_over(tmp_path: Path) -> None:
    journal_path(tmp_path, "a").write_bytes(b"\x00\xff garbage\n")
    journal_path(tmp_path, "b").write_text('{"what": "rep"}\n')
    assert unfinished(tmp_path) is None
    with pytest.raises(FormcueError, match="left out"):
        WorkoutRunner.resume([{"what": "workout", "plan": 5}], LIBRARY)


CHILD = """
import sys
from pathlib import Path
from app.journal import Journal, journal_path
from tests.test_workouts import LIBRARY, NOON, Athlete, WorkoutRunner, squats_twice
journal = Journal(journal_path(Path(sys.argv[1]), "one"))
one = Athlete(WorkoutRunner(squats_twice(400), LIBRARY, started=NOON, journal=journal))
one.start()
while True:
    one.do(1)
    sys.stdout.write(f"{one.runner.summary.count}\\n")
    sys.stdout.flush()
"""


def kill_while_counting(folder: Path, seed: int) -> tuple[int, int]:
    """Starts a process that counts, and kills it at a random moment.

    Gives how many it said it had counted, and how many are there to go on with.
    """
    process = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(folder)], cwd=REPOSITORY, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    said = 0
    for _ in range(random.Random(seed).randrange(1, 300)):
        said = int(process.stdout.readline())
    process.send_signal(signal.SIGKILL if hasattr(signal, "SIGKILL") else signal.SIGTERM)
    rest = process.stdout.read().split()
    process.wait()
    said = int(rest[-1]) if rest else said
    left = unfinished(folder)
    assert left is not None
    return said, WorkoutRunner.resume(left.lines, LIBRARY).summary.count


def test_killed_in_the_middle_it_loses_nothing(tmp_path: Path) -> None:
    said, there = kill_while_counting(tmp_path, seed=3)
    assert said <= there <= said + 1  # one may be written and not yet said


# -- plans as files -----------------------------------------------------------------------------------


def test_the_plans_that_are_shipped_are_sound_and_speak_chinese() -> None:
    entries = load_plans(LIBRARY)
    assert len(entries) >= 5
    for entry in entries:
        assert entry.problems == ()
        assert entry.plan is not None
        assert entry.plan.names["zh"] and entry.plan.about["zh"]
        assert 240 <= entry.plan.expected_seconds <= 1800


def test_the_workout_in_the_reference_is_one(tmp_path: Path) -> None:
    text = (PLANS / "README.md").read_text(encoding="utf-8")
    path = tmp_path / "legs.yaml"
    path.write_text(text.split("```yaml\n")[1].split("```")[0], encoding="utf-8")
    assert [one.exercise for one in load_plan(path, LIBRARY).sets][-2:] == ["side_leg_raise", "donkey_kick"]


def test_a_plan_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    tempo = Tempo(out=2.0, turn=0.5, back=1.0)
    pair = (
        PlannedExercise(exercise="squat", reps=5, tempo=tempo),
        PlannedExercise(exercise="plank", seconds=20.0),
    )
    plan = Plan(
        id="mine",
        names={"en": "Mine: hard", "zh": "我的"},
        about={"en": "yes"},
        steps=(PlanStep(exercises=pair, sets=3, rest=90.0, between=0.0),),
    )
    assert load_plan(save_plan(tmp_path / "new", plan), LIBRARY) == plan
    with pytest.raises(OutputError, match="folder of your own"):
        save_plan(PLANS, plan)


def test_every_mistake_in_a_plan_is_told_at_its_place(tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(
        "format: 1\nid: other\nname: Bad\nexercises:\n"
        "  - {exercise: sqat, reps: 5}\n"
        "  - {exercise: plank, reps: 5}\n"
        "  - {exercise: squat}\n"
        "  - {exercise: squat, reps: 5, rest: 30}\n"
        "  - superset:\n      - {exercise: squat, reps: 5}\n"
        "  - {exercise: squat, reps: 5, between: 5s}\n"
    )
    with pytest.raises(PlanError) as caught:
        load_plan(path, LIBRARY, name="bad.yaml")
    places = [problem.split(": ")[0] for problem in caught.value.problems]
    assert places == [f"bad.yaml:{place}" for place in ("5:16", "6:29", "7:5", "8:38", "10:7", "11:41")]
    assert caught.value.problems[0].endswith('did you mean "squat"?')
    assert caught.value.problems[3].endswith("write 30s")


def plan_with(load: str) -> str:
    exercise = f"{{exercise: squat, reps: 5, load: {load}}}"
    return f"format: 1\nid: own\nname: Own\nexercises:\n  - {exercise}\n"


def test_a_load_stays_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    for written, value, unit in (("12 kg", 12.0, "kg"), ("27.5lb", 27.5, "lb"), ('"1.25 kg"', 1.25, "kg")):
        path.write_text(plan_with(written))
        plan = load_plan(path, LIBRARY)
        assert plan.sets[0].load == Load(value=value, unit=unit)  # type: ignore[arg-type]
        assert load_plan(save_plan(tmp_path, plan), LIBRARY) == plan
        assert f"load: {value:g} {unit}" in path.read_text()


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("12", 'found "12", expected {load}; write 12 kg or 12 lb'),
        ("12 lbs", 'found "12 lbs", expected {load}; did you mean "lb"?'),
        ("12.345 kg", 'found "12.345 kg", expected {load}'),
        ("-3 kg", 'found "-3 kg", expected {load}'),
        ("0 kg", 'found 0 kg, expected more than that, or no "load" at all'),
        ("5000 lb", "found 5000 lb, expected a load of 2200 lb or less"),
        ("[12 kg]", "found a list, expected a load such as 12 kg"),
    ],
)
def test_a_wrong_load_is_told_at_its_place_with_the_mend(tmp_path: Path, written: str, told: str) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(plan_with(written))
    with pytest.raises(PlanError) as caught:
        load_plan(path, LIBRARY, name="own.yaml")
    load = "a load with its unit and at most 2 decimals, such as 12 kg or 27.5 lb"
    assert caught.value.problems == (f"own.yaml:5:38: {told.format(load=load)}",)


def test_the_journal_carries_the_load_and_one_of_before_has_none() -> None:
    journal = Lines()
    loaded = PlannedExercise(exercise="squat", reps=2, load=Load(value=25.0, unit="lb"))
    one = athlete(plan_of(PlanStep(exercises=(loaded,), sets=2)), journal)
    one.start()
    one.do(2)
    resumed = WorkoutRunner.resume(journal, LIBRARY)
    assert resumed.standing.planned is not None and resumed.standing.planned.load == loaded.load
    assert [done.load_kg for done in resumed.summary.sets] == [pytest.approx(11.339809)]
    del journal[0]["plan"]["steps"][0]["exercises"][0]["load"]
    earlier = WorkoutRunner.resume(journal, LIBRARY)
    assert [(done.count, done.load_kg) for done in earlier.summary.sets] == [(2, None)]


def test_a_name_becomes_an_id_that_is_free() -> None:
    assert free_id("Leg day!", ["leg_day", "legs"]) == "leg_day_2"
    assert free_id("腿", []) == "workout"


# -- from poses to a summary ---------------------------------------------------------------------------


def test_the_recorder_finds_what_the_pipeline_counted_and_the_moment_of_the_fault() -> None:
    exercise = LIBRARY["squat"]
    pipeline, recorder = Pipeline(None, exercise), SetRecorder(exercise)
    runner = WorkoutRunner(one_set(exercise), LIBRARY, started=NOON)
    for pose in squats(3, depth=0.62, still=5.0):  # not deep enough
        result = pipeline.step_pose(pose.time, pose)
        ended = recorder.add(result, pipeline.fault_counts)
        ready = in_start_position(exercise, result.measurement, result.phase)
        runner.step(result.time, ended, ready=ready, holding=recorder.holding)
    runner.finish()
    done = runner.summary.sets[0]
    assert done.count == 3
    assert {total.rule: total.amount for total in done.faults} == {
        rule: count for rule, count in pipeline.fault_counts.items() if count
    }
    worst = done.faults[0].worst
    assert done.faults[0].rule == "shallow"
    assert worst.pose is not None
    assert done.reps[0].symmetry is None  # from the side the far leg cannot be judged
    deepest = max(squats(3, depth=0.62, still=5.0), key=lambda pose: pose.xy[9, 1])
    assert worst.pose.xy[9, 1] == pytest.approx(deepest.xy[9, 1], abs=2.0)
    assert done.score == 50.0  # a warning in every repetition
    assert to_work_on(runner.summary)[1].rule == "shallow"
    copy = rep_from_json(json.loads(json.dumps(rep_as_json(done.reps[0]))))
    assert rep_as_json(copy) == rep_as_json(done.reps[0])
