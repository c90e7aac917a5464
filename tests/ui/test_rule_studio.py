"""The studio as a trainer uses it: with the mouse on the timeline, and with keys."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

import main
from app.recording import load_recording
from app.ui import theme
from app.ui.rule_studio import StudioPage
from app.ui.rule_studio.rows import LevelLabel
from app.ui.words import set_language
from tests.squat_rules import RECORDING, write_squat


@pytest.fixture(scope="module")
def application() -> QApplication:
    app = QApplication.instance() or QApplication([])
    assert isinstance(app, QApplication)
    theme.load_fonts()
    return app


@pytest.fixture
def rules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FORMCUE_HOME", str(tmp_path / "home"))
    return write_squat(tmp_path)


@pytest.fixture
def page(application: QApplication, rules: Path) -> Iterator[StudioPage]:
    made = StudioPage()
    made.resize(1280, 720)
    made.show()
    made.open(rules, RECORDING)
    wait(lambda: made.footage is not None and not made.test_strip.running)
    yield made
    made.stop()
    made.close()
    made.deleteLater()


def wait(condition: Callable[[], object], seconds: float = 30.0) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "waited in vain"
        QTest.qWait(10)


def label_of(page: StudioPage, owner: str, kind: str = "limit") -> LevelLabel:
    """The level's line, scrolled into view."""

    def found() -> LevelLabel:
        rows = page.timeline.rows()
        assert rows is not None
        return next(
            label
            for label in rows.labels()
            if label.level.kind == kind and label.level.threshold is not None
            and label.level.threshold.owner == owner
        )  # fmt: skip

    page.timeline.reveal(found().lane.parameter)
    return found()


def on_line(page: StudioPage, label: LevelLabel) -> QPoint:
    rows = page.timeline.rows()
    assert rows is not None
    return QPoint(round(rows.plot_left + 40), round(label.y))


def drag(page: StudioPage, start: QPoint, end: QPoint) -> None:
    view = page.timeline.viewport()
    QTest.mousePress(view, Qt.MouseButton.LeftButton, pos=start)
    for part in (0.3, 0.7, 1.0):
        QTest.mouseMove(view, start + (end - start) * part)
    QTest.mouseRelease(view, Qt.MouseButton.LeftButton, pos=end)


def differences(before: bytes, after: bytes) -> list[tuple[bytes, bytes]]:
    pairs = zip(before.split(b"\n"), after.split(b"\n"), strict=True)
    return [(old.strip(), new.strip()) for old, new in pairs if old != new]


def said(page: StudioPage) -> list[str]:
    assert page.session.shown is not None
    return [prompt.rule for prompt in page.session.shown.prompts]


def test_dragging_a_line_changes_that_number_and_undo_restores_the_bytes(
    page: StudioPage, rules: Path
) -> None:
    before = rules.read_bytes()
    assert "shallow" in said(page)
    label = label_of(page, "shallow")
    rows = page.timeline.rows()
    assert rows is not None
    target = QPoint(0, round(rows.y(0, 160.0) - label.y))
    drag(page, on_line(page, label), on_line(page, label) + target)
    ((old, new),) = differences(before, rules.read_bytes())
    assert old == b"when: {knee.min: {above: 95deg}}"
    written = float(new.split(b"above: ")[1].split(b"deg")[0])
    assert written == pytest.approx(160, abs=2)
    assert "shallow" not in said(page)  # everything followed at once
    QTest.keyClick(page, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert rules.read_bytes() == before
    assert "shallow" in said(page)
    QTest.keyClick(
        page, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
    )
    assert differences(before, rules.read_bytes()) == [(old, new)]


def test_while_dragging_the_outcome_is_shown_and_nothing_is_written(page: StudioPage, rules: Path) -> None:
    before = rules.read_bytes()
    start = on_line(page, label_of(page, "shallow"))
    view = page.timeline.viewport()
    QTest.mousePress(view, Qt.MouseButton.LeftButton, pos=start)
    QTest.mouseMove(view, start - QPoint(0, 60))
    assert "shallow" not in said(page)
    assert page.session.rule == "shallow"  # the line's rule is the one inspected
    assert "knee.min 95°" in page.bar.note.text()
    assert rules.read_bytes() == before
    QTest.keyClick(page.timeline, Qt.Key.Key_Escape)
    QTest.mouseRelease(view, Qt.MouseButton.LeftButton, pos=start - QPoint(0, 60))
    assert rules.read_bytes() == before
    assert "shallow" in said(page)


def test_a_counting_level_counts_anew(page: StudioPage, rules: Path) -> None:
    before = rules.read_bytes()
    assert page.session.analysis is not None
    count = len(page.session.analysis.reps)
    label = label_of(page, "", "reach")
    rows = page.timeline.rows()
    assert rows is not None
    target = QPoint(0, round(rows.lane(0).bottom() - label.y))  # as deep as the lane shows
    drag(page, on_line(page, label), on_line(page, label) + target)
    ((old, new),) = differences(before, rules.read_bytes())
    assert old.startswith(b"reach: 0.5 ")
    assert old.split(b"#")[1] == new.split(b"#")[1]  # the comment
    assert len(page.session.analysis.reps) < count


def test_a_default_of_the_counting_is_dragged_into_the_file(page: StudioPage, rules: Path) -> None:
    before = rules.read_bytes()
    assert b"start_below" not in before
    label = label_of(page, "", "start_below")
    assert label.level.value == pytest.approx(134.0)  # 0.45 of the way from 170 to 90
    rows = page.timeline.rows()
    assert rows is not None
    drag(page, on_line(page, label), on_line(page, label) + QPoint(0, round(rows.y(0, 146.0) - label.y)))
    assert b"\n    start_below: 0.3" in rules.read_bytes()
    assert page.session.exercise is not None
    assert page.session.exercise.counting.start_below == pytest.approx(0.3, abs=0.02)
    QTest.keyClick(page, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert rules.read_bytes() == before


def test_a_movement_that_did_not_count_says_why(page: StudioPage, rules: Path) -> None:
    rules.write_bytes(rules.read_bytes().replace(b"reach: 0.5 ", b"reach: 1.2 "))
    QTest.keyClick(page, Qt.Key.Key_F5)
    assert page.session.analysis is not None
    assert page.session.analysis.reps == ()
    missed = page.session.analysis.counted.not_counted[0]
    rows = page.timeline.rows()
    assert rows is not None
    crossed = QPoint(round(rows.x((missed.start + missed.end) / 2)), round(rows.reps.center().y()))
    QTest.mouseClick(page.timeline.viewport(), Qt.MouseButton.LeftButton, pos=crossed)
    assert page.session.rule == ""
    assert page.playhead == pytest.approx(missed.top)
    assert page.inspector.sentence().startswith("No repetition: went ")
    assert "120 % wanted (hip_height " in page.inspector.sentence()  # the signal that fell shortest
    page.scrub(0.0)
    assert "Counted: 0; not counted: 2." in page.inspector.sentence()
    rules.write_bytes(rules.read_bytes().replace(b"reach: 1.2 ", b"reach: 0.5 "))
    QTest.keyClick(page, Qt.Key.Key_F5)
    page.scrub(page.session.analysis.reps[0].turn)
    assert page.inspector.sentence().startswith("Repetition 1: Knee moved ")
    page.select_rule("shallow")
    assert page.inspector.sentence().startswith("Does not fire")


def test_limits_of_other_levels_and_ones_own_are_lines(page: StudioPage, tmp_path: Path) -> None:
    def names() -> list[tuple[str, float]]:
        rows = page.timeline.rows()
        assert rows is not None
        return [(one.level.comes_from, one.level.value) for one in rows.labels() if one.level.comes_from]

    adjustments = tmp_path / "home" / "data" / "adjustments.yaml"
    page.select_rule("shallow")
    assert sorted(names()) == [("beginner", 103.0), ("strict", 91.0)]
    page.session._adjustments = adjustments
    adjustments.parent.mkdir(parents=True, exist_ok=True)
    text = "format: 1\nexercises: {squat: {rules: {shallow: {limits: {knee.min: {above: 120deg}}}}}}\n"
    adjustments.write_text(text, "utf-8")
    QTest.keyClick(page, Qt.Key.Key_F5)
    assert sorted(names()) == [("beginner", 103.0), ("strict", 91.0), ("yours", 120.0)]
    page.select_rule("")
    assert names() == []


def test_an_impossible_place_is_refused_in_words(page: StudioPage, rules: Path) -> None:
    before = rules.read_bytes()
    label = label_of(page, "", "reach")
    rows = page.timeline.rows()
    assert rows is not None
    target = QPoint(0, round(rows.lane(0).top() - label.y))
    drag(page, on_line(page, label), on_line(page, label) + target)
    assert rules.read_bytes() == before
    assert "start_below" in page.bar.note.text()


def test_the_arrow_keys_move_the_selected_level(page: StudioPage, rules: Path) -> None:
    before = rules.read_bytes()
    label = label_of(page, "shallow")
    QTest.mouseClick(page.timeline.viewport(), Qt.MouseButton.LeftButton, pos=label.box.center().toPoint())
    assert rules.read_bytes() == before  # a click alone moves nothing
    QTest.keyClick(page.timeline, Qt.Key.Key_Up)
    assert differences(before, rules.read_bytes())[0][1] == b"when: {knee.min: {above: 96deg}}"
    QTest.keyClick(page.timeline, Qt.Key.Key_Down, Qt.KeyboardModifier.ShiftModifier)
    assert differences(before, rules.read_bytes())[0][1] == b"when: {knee.min: {above: 91deg}}"
    for _ in range(2):
        QTest.keyClick(page, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert rules.read_bytes() == before
    QTest.keyClick(page.timeline, Qt.Key.Key_PageDown)
    assert page.hand.selected not in (None, label.place)


def test_scrubbing_shows_why(page: StudioPage) -> None:
    analysis = page.session.analysis
    assert analysis is not None
    rows = page.timeline.rows()
    assert rows is not None
    prompt = next(p for p in analysis.prompts if p.rule == "shallow")
    page.select_rule("leaning")
    flag = QPoint(round(rows.x(prompt.t) + 4), round(rows.prompts.center().y()))
    QTest.mouseClick(page.timeline.viewport(), Qt.MouseButton.LeftButton, pos=flag)
    assert page.session.rule == "shallow"
    assert page.playhead == pytest.approx(prompt.t)
    assert page.inspector.sentence().startswith("Fires (repetition 1): knee.min")
    assert [row.name for row in page.inspector.rows()][:2] == ["knee.min", "View"]
    assert page.inspector.rows()[0].met is True
    page.setFocus()
    QTest.keyClick(page, Qt.Key.Key_Home)
    assert page.playhead == analysis.track.start
    assert "no repetition has ended yet" in page.inspector.sentence()
    QTest.keyClick(page, Qt.Key.Key_Right)
    assert page.playhead == analysis.track.times[1]
    bracket = QPoint(round(rows.x(analysis.reps[1].turn)), round(rows.reps.center().y()))
    QTest.mouseClick(page.timeline.viewport(), Qt.MouseButton.LeftButton, pos=bracket)
    assert page.playhead == pytest.approx(analysis.reps[1].turn)
    middle = QPoint(round(rows.x(3.0)), round(rows.ruler.center().y()))
    QTest.mouseClick(page.timeline.viewport(), Qt.MouseButton.LeftButton, pos=middle)
    assert page.playhead == pytest.approx(3.0, abs=0.02)


def test_a_rule_that_cannot_judge_from_here_says_so(page: StudioPage) -> None:
    page.select_rule("knees_in")  # from the front only, and this was filmed from the side
    page.scrub(3.0)
    assert "only front or back can judge" in page.inspector.sentence()
    view = next(row for row in page.inspector.rows() if row.name == "View")
    assert (view.met, view.found, view.wanted) == (False, "Side view", "Front view, Back view")


def test_zoom_keeps_the_playhead_and_space_plays(page: StudioPage) -> None:
    page.scrub(3.0)
    page.setFocus()
    rows = page.timeline.rows()
    assert rows is not None
    x, span = rows.x(3.0), rows.window.span
    QTest.keyClick(page, Qt.Key.Key_Plus)
    nearer = page.timeline.rows()
    assert nearer is not None
    assert nearer.window.span < span
    assert nearer.x(3.0) == pytest.approx(x, abs=2)
    QTest.keyClick(page, Qt.Key.Key_0)
    assert page.timeline.rows().window.span == span  # type: ignore[union-attr]
    QTest.keyClick(page, Qt.Key.Key_Space)
    wait(lambda: page.playhead > 3.1)
    QTest.keyClick(page, Qt.Key.Key_Space)
    assert not page.player.playing


def test_an_error_in_the_file_is_shown_in_place_and_mended_live(page: StudioPage, rules: Path) -> None:
    sound = rules.read_bytes()
    rules.write_bytes(sound.replace(b"trunk_tilt: {above: 55deg}", b"trunk_tild: {above: 55deg}"))
    wait(lambda: page.session.problems)
    assert page.problems.isVisible()
    (problem,) = page.problems.problems
    line = sound[: sound.index(b"trunk_tilt: {above: 55deg}")].count(b"\n") + 1
    assert f"squat.yaml:{line}:" in problem
    assert 'did you mean "trunk_tilt"?' in problem
    assert page.timeline.shown is not None  # the last good version
    wait(lambda: page.problems.height() >= page.problems.heightForWidth(page.problems.width()))  # all of it
    rules.write_bytes(sound.replace(b"95deg", b"170deg"))
    wait(lambda: not page.session.problems)
    assert not page.problems.isVisible()
    assert "shallow" not in said(page)


def test_a_change_over_somebody_elses_is_refused(page: StudioPage, rules: Path) -> None:
    page.reloader.watch(None)  # before it was heard of
    foreign = rules.read_bytes().replace(b"55deg", b"50deg")
    rules.write_bytes(foreign)
    start = on_line(page, label_of(page, "shallow"))
    drag(page, start, start - QPoint(0, 20))
    assert rules.read_bytes() == foreign
    assert "changed by another program" in page.bar.note.text()
    QTest.keyClick(page, Qt.Key.Key_F5)
    start = on_line(page, label_of(page, "shallow"))
    drag(page, start, start - QPoint(0, 20))
    assert b"50deg" in rules.read_bytes()
    assert rules.read_bytes() != foreign


def test_the_files_own_tests_run_on_each_change(page: StudioPage, rules: Path) -> None:
    assert [outcome.differences for outcome in page.test_strip.outcomes] == [()] * len(
        page.test_strip.outcomes
    )
    page.session.change(("counting", "reps", "reach"), 1.4)
    page._file_changed()
    wait(lambda: not page.test_strip.running)
    assert any("reps" in line for o in page.test_strip.outcomes for line in o.differences)


def test_what_is_missing_is_asked_for(application: QApplication, rules: Path, tmp_path: Path) -> None:
    page = StudioPage()
    page.resize(1280, 720)
    page.show()
    assert page.empty.isVisible()
    assert page.empty.rules.isVisible()
    rules_url, poses_url = QUrl.fromLocalFile(str(rules)), QUrl.fromLocalFile(str(RECORDING))
    data = QMimeData()
    data.setUrls([rules_url])
    drop(page, data)
    assert page.empty.demo.isVisible()
    assert not page.empty.rules.isVisible()
    (tmp_path / "no.poses.gz").write_bytes(b"{}")
    page.open_recording(tmp_path / "no.poses.gz")
    wait(lambda: page.empty.isVisible())
    data.setUrls([poses_url])
    drop(page, data)
    wait(lambda: page.footage is not None)
    assert page.split.isVisible()
    page.stop()
    page.close()


def drop(page: StudioPage, data: QMimeData) -> None:
    buttons, keys = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    page.dropEvent(QDropEvent(QPointF(9, 9), Qt.DropAction.CopyAction, data, buttons, keys))


def test_it_speaks_chinese(page: StudioPage) -> None:
    set_language("zh")
    try:
        page.retranslate()
        page.scrub(3.0)
        assert "规则" in page.bar.rules.toolTip()
        assert page.inspector.sentence().startswith(("触发", "未触发"))
        assert page.session.analysis is not None
        assert "再" in next(p.text for p in page.session.analysis.prompts if p.rule == "shallow")
    finally:
        set_language("en")


def test_the_command_opens_it_and_refuses_what_is_not_there(
    application: QApplication, rules: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main.main(["studio", "no_such.yaml"]) == 2
    assert "there is no such rule file" in capsys.readouterr().err

    def close() -> None:
        pages = [w for w in application.topLevelWidgets() if isinstance(w, StudioPage) and w.isVisible()]
        if pages and pages[0].footage is not None:
            assert len(pages[0].footage.track.times) == len(load_recording(RECORDING).frames)
            pages[0].closed.emit()

    from PySide6.QtCore import QTimer

    timer = QTimer()
    timer.timeout.connect(close)
    timer.start(20)
    assert main.main(["studio", str(rules), str(RECORDING)]) == 0
    timer.stop()
