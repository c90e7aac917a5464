"""The pages after and around a workout: summary, history, editor, rest, and the report on paper."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from PySide6.QtCore import QLocale, Qt
from PySide6.QtTest import QSignalSpy, QTest
from PySide6.QtWidgets import QApplication, QLineEdit, QWidget

from app import history_file
from app.history import FILE, History
from app.loads import Load
from app.pipeline import Pipeline
from app.planfile import load_plan
from app.plans import PLANS, Plan, PlannedExercise, PlannedSet, PlanStep
from app.rules import load_library
from app.set_recorder import SetRecorder
from app.settings import Settings
from app.summary import RepSummary, SetSummary, Tempo, WorkoutSummary
from app.ui import amounts, theme, words
from app.ui.charts import WeekChart, nice_range
from app.ui.history_page import HistoryPage
from app.ui.look import unit_of
from app.ui.pdf import save_pdf
from app.ui.report import history_report, workout_report
from app.ui.rest_card import RestCard
from app.ui.summary_page import SummaryPage
from app.ui.workout_editor import WorkoutEditor
from app.workouts import Standing
from tests.poses import squats

LIBRARY = load_library()
TODAY = date(2026, 3, 18)
NOW = datetime(2026, 3, 18, 18, 30, tzinfo=UTC)


@pytest.fixture(scope="module", autouse=True)
def application() -> QApplication:
    made = QApplication.instance() or QApplication([])
    assert isinstance(made, QApplication)
    return made


@pytest.fixture(autouse=True)
def english_again() -> Iterator[None]:
    yield
    words.set_language("en")
    amounts.set_unit("kg")
    theme.use("dark")


@pytest.fixture(scope="module")
def shallow() -> SetSummary:
    """Four squats that are not deep enough, as the pipeline saw them."""
    exercise = LIBRARY["squat"]
    pipeline, recorder = Pipeline(None, exercise), SetRecorder(exercise)
    reps = []
    for pose in squats(4, depth=0.62):
        reps += recorder.add(pipeline.step_pose(pose.time, pose), pipeline.fault_counts)
    reps += recorder.finish(pipeline.finish(), pipeline.fault_counts)
    return SetSummary(exercise="squat", started=0.0, seconds=12.0, reps=tuple(reps), target_reps=5)


def workout(done: SetSummary, *, id: str = "a", days_ago: int = 0) -> WorkoutSummary:
    return WorkoutSummary(
        id=id,
        plan="legs",
        names={"en": "Legs", "zh": "腿部训练"},
        started=NOW - timedelta(days=days_ago),
        seconds=60.0,
        sets=(done, replace(done, started=30.0)),
    )


@pytest.fixture
def history(tmp_path: Path, shallow: SetSummary) -> Iterator[History]:
    with History(tmp_path / FILE) as made:
        anna = made.profile("Anna")
        for days_ago in range(5):
            made.add(workout(shallow, id=f"day {days_ago}", days_ago=days_ago), anna)
        yield made


def texts(page: QWidget) -> str:
    """Everything that is written in it in labels and on buttons."""
    shown = [w for w in page.findChildren(QWidget) if not w.isHidden() and hasattr(w, "text")]
    return "\n".join(w.text() for w in shown if callable(w.text))


def press(
    widget: QWidget, key: Qt.Key, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier
) -> None:
    QTest.keyClick(widget, key, modifier)


def painted(page: QWidget, *, width: int = 1280, height: int = 720) -> bool:
    """Paints all of it, and says whether more than the ground is there."""
    page.setStyleSheet(theme.style_sheet(1.0))
    page.resize(width, height)
    image = page.grab().toImage()
    seen = {image.pixel(x, y) for x in range(0, width, 7) for y in range(0, height, 7)}
    return len(seen) > 10


# -- summary ------------------------------------------------------------------------------------------


def test_the_summary_says_what_was_seen_and_what_to_work_on(shallow: SetSummary) -> None:
    page = SummaryPage(LIBRARY)
    page.show_summary(workout(shallow))
    assert page.figures.accessibleName().startswith("50 form score of 100, 8 reps, 2 sets")
    written = texts(page)
    assert "4 of 5 reps" in written
    assert "Squat: in 8 of 8 reps" in written
    assert page.still.fault is not None and page.still.fault.rule == "shallow"
    for width, height in ((1280, 720), (720, 1180)):
        page.set_unit(1.0, portrait=width < height)
        assert painted(page, width=width, height=height)


def test_what_is_replaced_at_once_flashes_up_in_no_window(shallow: SetSummary, tmp_path: Path) -> None:
    summary = SummaryPage(LIBRARY)
    editor = WorkoutEditor(LIBRARY, load_plan(PLANS / "push_pull.yaml", LIBRARY), folder=tmp_path)
    for page in (summary, editor):
        page.show()
    QApplication.processEvents()
    before = {w for w in QApplication.topLevelWidgets() if w.isVisible()}
    for _ in range(2):
        summary.show_summary(workout(shallow))
        editor.retranslate()
    QApplication.processEvents()
    assert {w for w in QApplication.topLevelWidgets() if w.isVisible()} == before


def test_what_became_of_a_report_is_told(shallow: SetSummary, tmp_path: Path) -> None:
    page = SummaryPage(LIBRARY, past=True)
    page.show_summary(workout(shallow))
    page.save_report(tmp_path / "set.pdf")
    assert f"Saved: {tmp_path / 'set.pdf'}" in texts(page)
    page.save_report(tmp_path / "nowhere" / "set.pdf")
    assert "Saved" not in texts(page) and "nowhere" in texts(page)


def test_what_goes_without_hands_leaves_its_place_behind(shallow: SetSummary) -> None:
    page = SummaryPage(LIBRARY)
    page.show_summary(workout(shallow))
    page.resize(1280, 720)
    page.show()
    page.show_hint("Once more: Right hand up.")
    QApplication.processEvents()
    place = page.figures.y()
    page.show_hint("")
    QApplication.processEvents()
    assert not page.hint.isVisible()
    assert page.figures.y() == place


def test_a_repetition_is_looked_at_and_taken_out_with_the_keys(shallow: SetSummary) -> None:
    page = SummaryPage(LIBRARY)
    page.show_summary(workout(shallow))
    strip = page.cards[1].strip
    strip.choose(0)
    press(strip, Qt.Key.Key_Right)
    assert "Rep 2 · range" in page.cards[1].rep.text()
    assert "Go deeper" in page.cards[1].rep.text()
    wrong, corrected = QSignalSpy(page.wrong_rep), QSignalSpy(page.corrected)
    press(strip, Qt.Key.Key_Delete)
    assert wrong.at(0) == [1, 1]
    assert [done.count for done in corrected.at(0)[0].sets] == [4, 3]
    assert "3 of 5 reps" in page.cards[1].details.text()
    page.cards[1].add.click()
    assert page.summary is not None and page.summary.sets[1].reps[-1].by_hand
    assert page.summary.sets[1].score == 50.0  # what was not seen does not change the form


def test_the_summary_changes_its_language_and_praises(shallow: SetSummary) -> None:
    page = SummaryPage(LIBRARY)
    page.show_summary(replace(shallow, reps=tuple(replace(rep, faults=()) for rep in shallow.reps)))
    assert page.next_title.text() == "Nothing to correct"
    words.set_language("zh")
    page.retranslate()
    assert page.title.text() == "完成：深蹲"
    assert "Rep" not in texts(page) and "reps" not in texts(page)


def test_an_empty_summary_says_what_to_do() -> None:
    page = SummaryPage(LIBRARY)
    assert "Take the start position" in texts(page)
    assert painted(page)


# -- history ------------------------------------------------------------------------------------------


def open_history(history: History) -> HistoryPage:
    page = HistoryPage(history, history.profile("Anna"), LIBRARY, today=TODAY)
    page.set_unit(1.0, portrait=False)
    return page


def test_the_history_shows_weeks_and_workouts(history: History) -> None:
    page = open_history(history)
    assert page.figures.accessibleName().startswith("5 days in a row, 24 reps this week")
    assert [line.id for line in page.list.lines] == [f"day {n}" for n in range(5)]
    assert page.reps.accessibleDescription() == (
        ", ".join(f"{day}: 0 reps" for day in _mondays(10)) + ", 9 Mar: 16 reps, 16 Mar: 24 reps"
    )
    page.choose_exercise("squat")
    assert page.range.weeks[-1].value == pytest.approx(_range(history), abs=0.01)
    assert "8 reps" not in page.best.text() and "4 reps in one set" in page.best.text()
    assert painted(page)
    press(page.reps, Qt.Key.Key_Left)
    press(page.reps, Qt.Key.Key_Left)
    assert page.reps.reading() == "16 reps, week of 9 Mar"


def _mondays(count: int) -> list[str]:
    first = date(2026, 3, 2) - timedelta(days=7 * (count - 1))
    days = [first + timedelta(days=7 * week) for week in range(count)]
    return [f"{day.day} {day:%b}" for day in days]


def _range(history: History) -> float:
    done = history.workout("day 0")
    assert done is not None and done.sets[0].mean_range is not None
    return done.sets[0].mean_range


def test_a_workout_is_opened_corrected_and_left_with_the_keys(history: History) -> None:
    page = open_history(history)
    press(page.list, Qt.Key.Key_Down)
    press(page.list, Qt.Key.Key_Return)
    assert page.past.summary is not None and page.past.summary.id == "day 1"
    page.past.cards[0].strip.choose(0)
    page.past.cards[0].remove.click()
    assert [line.reps for line in page.list.lines][:2] == [8, 7]
    page.keys()[Qt.Key.Key_Escape]()
    left = QSignalSpy(page.home_wanted)
    page.keys()[Qt.Key.Key_Escape]()
    assert left.count() == 1


def test_what_is_deleted_can_be_had_back_until_the_page_is_left(history: History, tmp_path: Path) -> None:
    page = open_history(history)
    page.show()
    press(page.list, Qt.Key.Key_Delete)
    press(page.list, Qt.Key.Key_Delete)
    assert [line.id for line in page.list.lines] == ["day 2", "day 3", "day 4"]
    assert page.undo_text.text() == "2 workouts deleted"
    page.undo.click()
    assert len(page.list.lines) == 5
    press(page.list, Qt.Key.Key_Delete)
    page.hide()
    history.restore(["day 0"])
    assert len(history.workouts(history.profile("Anna"))) == 4


def test_profiles_are_made_chosen_renamed_and_deleted(history: History) -> None:
    page = open_history(history)
    chosen = QSignalSpy(page.profile_chosen)
    page.choose_profile("Bo")
    assert page.list.lines == []
    assert painted(page)
    page.rename_profile("Anna")
    assert "already" in page.told.text()
    page.rename_profile("Bea")
    assert [chosen.at(n)[0] for n in range(chosen.count())] == ["Bo", "Bea"]
    page.delete_profile()
    assert page.profile.name == "Anna"
    assert len(page.list.lines) == 5


def test_everything_can_be_exported(history: History, tmp_path: Path) -> None:
    page = open_history(history)
    for kind in ("csv", "json", "pdf"):
        page.export_to(tmp_path / f"out.{kind}", kind)
        assert page.told.text().startswith("Saved")
    assert len((tmp_path / "out.csv").read_text(encoding="utf-8-sig").splitlines()) == 1 + 5 * 8
    assert len(json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))["workouts"]) == 5
    assert (tmp_path / "out.pdf").read_bytes().startswith(b"%PDF")
    page.export_to(tmp_path / "nowhere" / "out.csv", "csv")
    assert "does not exist" in page.told.text()


def test_a_history_that_was_closed_is_told_and_breaks_nothing(history: History) -> None:
    page = open_history(history)
    press(page.list, Qt.Key.Key_Delete)
    history.close()
    page.settle()
    page.refresh()
    assert "closed database" in page.told.text()


def test_a_read_only_history_says_so_and_is_shown(history: History, monkeypatch: pytest.MonkeyPatch) -> None:
    history.close()
    monkeypatch.setattr(history_file.os, "access", lambda *_: False)
    with History(history.path) as shown:
        page = HistoryPage(shown, shown.profile("Anna"), LIBRARY, today=TODAY)
        assert not page.told.isHidden() and "is read-only: it is shown" in page.told.text()
        assert len(page.list.lines) == 5
        page.list.setCurrentIndex(page.list.model().index(0, 0))
        assert page.open.isEnabled() and not page.delete.isEnabled() and not page.people.isEnabled()
        words.set_language("zh")
        page.retranslate()
        assert "是只读的" in page.told.text()
        press(page.list, Qt.Key.Key_Delete)
        assert len(page.list.lines) == 5 and page.undo_bar.isHidden()


# -- charts and paper ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "from_zero", "expected"),
    [
        ([3.0, 97.0], True, (0.0, 100.0, 50.0)),
        ([4.0], True, (0.0, 4.0, 1.0)),
        ([88.0, 97.0], False, (85.0, 100.0, 5.0)),
        ([100.0, 100.0], False, (95.0, 105.0, 5.0)),
        ([0.02, 0.31], True, (0.0, 0.4, 0.1)),
    ],
)
def test_axes_have_round_numbers(
    values: list[float], from_zero: bool, expected: tuple[float, float, float]
) -> None:
    assert nice_range(values, from_zero=from_zero) == pytest.approx(expected)


def test_a_chart_without_anything_says_so() -> None:
    chart = WeekChart("bars")
    chart.show_weeks([], title="Repetitions", say=str, empty="Nothing here yet")
    assert chart.accessibleDescription() == "Nothing here yet"
    assert chart.reading() == ""
    press(chart, Qt.Key.Key_Left)
    chart.resize(300, 200)
    chart.grab()


@pytest.mark.parametrize(
    ("exercise", "code", "told", "head", "fields"),
    [
        ("squat", "en", "down 1.5 s, up 0.5 s", "Down + up, seconds", ["Down", "Bottom", "Up"]),
        ("squat", "zh", "下降 1.5 秒，上升 0.5 秒", "下降＋上升（秒）", ["下降", "最低点", "上升"]),
        ("sit_up", "en", "up 1.5 s, down 0.5 s", "Up + down, seconds", ["Up", "Top", "Down"]),
        ("no_longer_there", "en", "away 1.5 s, back 0.5 s", "Away + back, seconds", None),
    ],
)
def test_a_tempo_is_told_in_the_words_of_the_exercise(
    exercise: str, code: str, told: str, head: str, fields: list[str] | None, tmp_path: Path
) -> None:
    words.set_language(code)
    tempo = Tempo(out=2.0, turn=0.0, back=1.0)
    rep = RepSummary(start=0.0, turn=1.5, end=2.0)
    done = SetSummary(exercise=exercise, started=0.0, seconds=4.0, reps=(rep,), tempo=tempo)
    assert told in amounts.set_details(done, LIBRARY)
    assert any(part.startswith(told) for part in amounts.rep_details(rep, 1, done, LIBRARY))
    assert any(head in getattr(block, "head", ()) for block in workout_report(workout(done), LIBRARY).blocks)
    if fields is not None:
        step = PlanStep(exercises=(PlannedExercise(exercise=exercise, reps=5, tempo=tempo),))
        editor = WorkoutEditor(LIBRARY, Plan(id="own", names={"en": "Own"}, steps=(step,)), folder=tmp_path)
        assert [box.prefix().strip() for box in editor.form.amounts[0].tempo] == fields


def test_a_report_has_a_line_for_each_repetition(shallow: SetSummary, tmp_path: Path) -> None:
    report = workout_report(workout(shallow), LIBRARY)
    rows = [row for block in report.blocks for row in getattr(block, "rows", ())]
    assert len(rows) == 8
    assert "Go deeper" in rows[0][-1]
    save_pdf(tmp_path / "report.pdf", report)
    assert (tmp_path / "report.pdf").read_bytes().startswith(b"%PDF")
    assert theme.current() == "dark"


# -- editor -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", ["en", "zh"])
def test_the_largest_text_is_cut_in_no_field_and_no_window(code: str, tmp_path: Path) -> None:
    words.set_language(code)
    theme.use("dark", text_size=theme.TEXT_SIZES["largest"])
    editor = WorkoutEditor(LIBRARY, load_plan(PLANS / "push_pull.yaml", LIBRARY), folder=tmp_path)
    editor.form.amounts[0].with_tempo.setChecked(True)
    editor.set_unit(1.0, portrait=True)
    editor.form.amounts[0].tempo[1].setValue(12.5)
    assert painted(editor, width=720, height=1180)
    for box in editor.form.amounts[0].tempo:
        field = box.findChild(QLineEdit)
        assert field.fontMetrics().horizontalAdvance(field.text()) < field.width()
    assert editor.minimumSizeHint().width() <= 720


def test_a_workout_is_made_with_the_keyboard_and_saved(tmp_path: Path) -> None:
    editor = WorkoutEditor(LIBRARY, None, folder=tmp_path / "own")
    saved = QSignalSpy(editor.saved)
    assert "choose it and press Add" in texts(editor)
    editor.save_plan()
    assert editor.told.text() == "⚠ Add an exercise first."
    QTest.keyClicks(editor.name, "Leg day!")
    for word in ("squat", "plank", "push"):
        QTest.keyClicks(editor.search, word)
        press(editor.search, Qt.Key.Key_Return)
    assert [step.exercises[0].exercise for step in editor.plan.steps] == ["squat", "plank", "push_up"]
    assert editor.told.text() == ""  # it is mended
    assert editor.name.placeholderText() == "Squat, Plank, Push-up"
    editor.choose(2)
    editor.form.amounts[0].amount.box.setValue(7)
    editor.form.amounts[0].with_tempo.click()
    editor.form.rest.setValue(45)
    press(editor.steps, Qt.Key.Key_Up, Qt.KeyboardModifier.AltModifier)
    editor.choose(0)
    editor.join.click()
    editor.form.between.setValue(5)
    editor.save.click()
    plan = load_plan(saved.at(0)[0], LIBRARY)
    assert plan.path == tmp_path / "own" / "leg_day.yaml"
    assert [[e.exercise for e in step.exercises] for step in plan.steps] == [["squat", "push_up"], ["plank"]]
    assert (plan.steps[0].exercises[1].reps, plan.steps[0].between) == (7, 5.0)
    assert plan.steps[0].exercises[1].tempo is not None
    assert painted(editor)


def test_a_shipped_workout_is_saved_as_a_copy(tmp_path: Path) -> None:
    shipped = load_plan(PLANS / "legs.yaml", LIBRARY)
    editor = WorkoutEditor(LIBRARY, shipped, folder=tmp_path)
    saved = QSignalSpy(editor.saved)
    assert editor.cancel.text() == "Back"
    editor.choose(2)
    editor.join.click()  # the superset falls apart
    press(editor.steps, Qt.Key.Key_Delete)
    assert editor.cancel.text() == "Leave without saving"
    editor.save.click()
    copy = load_plan(saved.at(0)[0], LIBRARY)
    assert copy.id == "legs_2"
    assert [e for step in copy.steps for e in (x.exercise for x in step.exercises)] == [
        "squat",
        "lunge",
        "donkey_kick",
        "calf_raise",
    ]
    again = WorkoutEditor(LIBRARY, copy, folder=tmp_path)
    again.save_plan()  # one's own is written in its place
    assert [path.name for path in tmp_path.iterdir()] == ["legs_2.yaml"]


def test_dragging_a_row_changes_the_order(tmp_path: Path) -> None:
    editor = WorkoutEditor(LIBRARY, load_plan(PLANS / "five_minutes.yaml", LIBRARY), folder=tmp_path)
    before = list(editor.plan.steps)
    model = editor.steps.model()
    model.moveRow(model.index(0, 0).parent(), 0, model.index(0, 0).parent(), 3)
    assert list(editor.plan.steps) == [before[1], before[2], before[0], *before[3:]]
    assert isinstance(editor.plan.steps[0], PlanStep)


# -- rest ---------------------------------------------------------------------------------------------


def test_the_rest_says_how_long_and_what_comes(shallow: SetSummary) -> None:
    card = RestCard(LIBRARY)
    planned = load_plan(PLANS / "five_minutes.yaml", LIBRARY).sets[4]
    standing = Standing(
        state="rest", paused=False, number=5, total=5, planned=planned, count=0, held=0.0, remaining=9.4
    )
    card.show_rest(standing, total=30.0, last=shallow)
    written = texts(card)
    assert "Plank" in written and "hold for 20 s" in written and "Next: set 5 of 5" in written
    assert "Squat: 4 of 5 reps · form 50" in written and "Go deeper" in written
    assert card.ring.accessibleName() == "10 s of rest"
    assert painted(card)
    longer = QSignalSpy(card.more_wanted)
    card.more.click()
    assert longer.count() == 1


# -- loads --------------------------------------------------------------------------------------------


def test_loads_are_in_the_unit_that_was_chosen_or_is_usual_here() -> None:
    usual = {
        name: unit_of(Settings(), QLocale(name)) for name in ("en_US", "es_US", "en_GB", "de_DE", "zh_CN")
    }
    assert usual == {"en_US": "lb", "es_US": "lb", "en_GB": "kg", "de_DE": "kg", "zh_CN": "kg"}
    american = QLocale("en_US")
    assert unit_of(Settings(units="metric"), american) == "kg"
    assert unit_of(Settings(units="imperial"), QLocale("de_DE")) == "lb"


def test_another_unit_shows_on_every_page_at_once(shallow: SetSummary, tmp_path: Path) -> None:
    lifted = replace(shallow, load_kg=12.0)
    planned = PlannedSet(
        exercise="squat", reps=8, seconds=None, tempo=None, round=1, rounds=1, rest=0.0, load=Load(value=12.0)
    )
    summary, card = SummaryPage(LIBRARY), RestCard(LIBRARY)
    summary.show_summary(workout(lifted))
    card.show_rest(
        Standing(
            state="rest", paused=False, number=2, total=2, planned=planned, count=0, held=0.0, remaining=9.0
        ),
        total=30.0,
        last=lifted,
    )
    with History(tmp_path / FILE) as history:
        history.add(workout(lifted), history.profile("Anna"))
        past = HistoryPage(history, history.profile("Anna"), LIBRARY, today=TODAY)
        past.choose_exercise("squat")
        for unit, language, load, best in (
            ("kg", "en", "12 kg", "heaviest: 12 kg"),
            ("lb", "en", "26 lb", "heaviest: 26 lb"),
            ("lb", "zh", "26 磅", "最重 26 磅"),
        ):
            amounts.set_unit(unit)  # type: ignore[arg-type]
            words.set_language(language)
            for page in (summary, card, past):
                page.retranslate()
            assert load in summary.cards[0].details.text()
            assert load in card.amount.text() and load in card.last.text()
            assert best in past.best.text()
            paragraphs = [
                getattr(block, "text", "") for block in workout_report(workout(lifted), LIBRARY).blocks
            ]
            assert any(load in text for text in paragraphs)
            report = history_report(history, history.profile("Anna"), LIBRARY, TODAY)
            assert any(load in row for block in report.blocks for row in getattr(block, "rows", ()))


def test_a_load_is_typed_in_the_unit_shown_and_an_untouched_one_stays_as_written(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text(
        "format: 1\nid: own\nname: Own\nexercises:\n"
        "  - {exercise: squat, reps: 5, load: 25 lb}\n  - {exercise: plank, seconds: 30s}\n"
    )
    editor = WorkoutEditor(LIBRARY, load_plan(tmp_path / "own.yaml", LIBRARY), folder=tmp_path)
    assert "Squat: 5 reps, 11.5 kg" in editor.steps.item(0).text()
    field = editor.form.amounts[0].load
    assert field.box.text() == "11.5 kg"
    editor.form.amounts[0].amount.box.setValue(6)
    editor.choose(1)
    field = editor.form.amounts[0].load
    assert field.box.text() == "no load"
    amounts.set_unit("lb")
    editor.retranslate()
    field = editor.form.amounts[0].load
    field.box.setValue(10)
    field.more.click()
    assert field.box.text() == "11 lb"
    editor.choose(0)
    assert editor.form.amounts[0].load.box.text() == "25 lb"
    editor.save.click()
    plan = load_plan(tmp_path / "own.yaml", LIBRARY)
    assert plan.steps[0].exercises[0] == PlannedExercise(
        exercise="squat", reps=6, load=Load(value=25.0, unit="lb")
    )
    assert plan.steps[1].exercises[0].load == Load(value=11.0, unit="lb")
    editor.choose(1)
    editor.form.amounts[0].load.box.setValue(0)
    assert editor.plan.steps[1].exercises[0].load is None
    assert painted(editor)
