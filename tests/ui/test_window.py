from __future__ import annotations

import shutil
import time
from collections.abc import Generator
from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPointF, Qt, QTimer, QUrl
from PySide6.QtGui import QColor, QDropEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QMessageBox

import app.capture
import app.ui.app as ui_app
import app.ui.source_runner
import main
from app.capture import DEMO_CLIP, Source
from app.planfile import save_plan
from app.plans import Plan, PlannedExercise, PlanStep
from app.recording import load_recording
from app.rules import LIBRARY
from app.settings import load_settings
from app.ui.score import Score
from app.ui.window import MainWindow
from tests.ui.driver import Condition, clip, drive, press, replay, replaying, two_squats

__all__ = ["clip", "replay"]  # fixtures
Steps = Generator[Condition, None, None]


def score(window: MainWindow) -> Score:
    """Of the set under way."""
    assert window.coach.coaching is not None
    return window.coach.coaching.score


pytestmark = pytest.mark.usefixtures("alone")


def test_the_demo_clip_is_counted_and_its_fault_is_said() -> None:
    """The real program: the bundled clip, the bundled weights."""
    assert DEMO_CLIP.is_file()
    loud: list[str] = []

    def script(window: MainWindow) -> Steps:
        window.coach.banner.said.connect(
            lambda say: loud.append(say.text) if say.tone in ("warning", "error") else None
        )
        yield lambda: window.coach.video.frame is not None  # a picture before the network is ready or not
        yield lambda: window.feed.engine is not None
        yield lambda: window.coach.video.pose is not None
        yield lambda: (score(window).count >= 2 and loud) or window.coach.done is not None
        assert score(window).count >= 2
        assert loud  # the clip has shallow squats on purpose
        assert int(window.coach.panel.counter.number) == score(window).count
        yield lambda: any(rep.faults for rep in score(window).reps)
        assert "fps" in window.coach.status.right.text()
        assert "ms" in window.coach.status.right.text()

    assert drive(["--source", "demo", "--exercise", "squat"], script, seconds=150) == 0
    assert loud


@pytest.mark.usefixtures("replay")
def test_a_set_from_start_to_summary(clip: Path) -> None:
    def script(window: MainWindow) -> Steps:
        yield lambda: window.coach.done is not None
        assert score(window).count == 2
        assert window.coach.panel.counter.number == "2"
        assert window.coach.panel.list.records.rowCount() == 2
        assert window.coach.done is not None
        assert (window.coach.done.count, len(window.coach.done.sets)) == (2, 1)

    assert drive(["--source", str(clip), "--exercise", "squat"], script) == 0


@pytest.mark.usefixtures("replay")
def test_pause_holds_everything_and_reset_begins_anew(clip: Path) -> None:
    def script(window: MainWindow) -> Steps:
        yield lambda: score(window).count == 1
        press(window, Qt.Key.Key_Space)
        assert window.coach.paused
        assert window.coach.panel.primary.accessibleName() == "Go on"
        assert window.coach.card.notice is not None
        assert window.coach.card.notice.title == "Paused"
        before = score(window).result
        until = time.monotonic() + 0.4
        yield lambda: time.monotonic() > until
        assert score(window).result is before
        press(window, Qt.Key.Key_R)
        assert window.coach.panel.counter.number == "0"
        press(window, Qt.Key.Key_Space)
        assert not window.coach.paused
        assert window.coach.card.notice is None
        yield lambda: window.coach.done is not None
        assert score(window).count < 2  # what was before the reset is not in it
        assert window.coach.done.sets[0].count == 1  # and is kept

    assert drive(["--source", str(clip), "--exercise", "squat"], script) == 0


@pytest.mark.usefixtures("replay")
def test_mirror_swaps_the_picture_and_nothing_else(clip: Path) -> None:
    def left_is_dark(window: MainWindow) -> bool:
        image = window.coach.video.grab().toImage()
        y = image.height() // 2
        left = QColor(image.pixel(image.width() // 2 - 60, y)).lightness()
        return left < QColor(image.pixel(image.width() // 2 + 60, y)).lightness()

    def script(window: MainWindow) -> Steps:
        yield lambda: window.coach.video.pose is not None
        assert not window.coach.video.mirror  # a file is shown as it is
        assert left_is_dark(window)
        press(window, Qt.Key.Key_M)
        assert window.coach.video.mirror
        assert window.coach.top.mirror.isChecked()
        assert not left_is_dark(window)
        yield lambda: window.coach.done is not None
        assert window.coach.done.count == 2
        assert all(rep.side == "both" for rep in score(window).reps)

    assert drive(["--source", str(clip), "--exercise", "squat"], script) == 0


@pytest.mark.usefixtures("replay")
def test_without_a_camera_the_demo_is_offered(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app.capture, "DEMO_CLIP", clip)

    def script(window: MainWindow) -> Steps:
        next(card for card in window.home.exercises.cards if card.text() == "Squat").click()
        yield lambda: window.coach.card.notice is not None
        assert window.coach.card.notice is not None
        assert window.coach.card.notice.title == "No camera found"
        assert window.focusWidget() is window.coach.card.buttons[0]
        press(window, Qt.Key.Key_Space)
        yield lambda: window.feed.source is not None
        assert window.feed.source is not None
        assert window.feed.source.name == "Demo clip"
        assert window.coach.card.notice is None

    assert drive([], script) == 0


@pytest.mark.usefixtures("replay")
def test_a_source_that_breaks_keeps_the_set_and_can_be_tried_again(
    clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Breaking(app.capture.FileSource):
        def read(self) -> app.capture.Frame | None:
            frame = super().read()
            if frame is not None and frame.index == 65:
                raise app.capture.SourceError("the cable is out; plug it in")
            return frame

    def opening(spec: str) -> Source:
        return Breaking(Path(spec))

    monkeypatch.setattr(app.ui.source_runner, "open_source", opening)

    def script(window: MainWindow) -> Steps:
        yield lambda: score(window).count == 1
        yield lambda: window.coach.card.notice is not None
        assert window.coach.card.notice is not None
        assert "the cable is out" in window.coach.card.notice.text
        assert "1 rep" in window.coach.card.notice.text
        window.feed.runner.open_source = app.capture.open_source
        window.coach.card.buttons[0].click()
        yield lambda: window.coach.done is not None
        assert window.coach.done.count == 2

    assert drive(["--source", str(clip), "--exercise", "squat"], script) == 0


@pytest.mark.usefixtures("replay")
def test_another_source_leaves_a_workout_of_one_set_what_it_was(clip: Path) -> None:
    """Only a single exercise, which goes on until it is ended, begins anew with the source."""

    def script(window: MainWindow) -> Steps:
        yield lambda: window.coach.coaching is not None
        coached = window.coach.coaching
        window.open(str(clip))
        assert window.coach.coaching is not coached
        squats = PlannedExercise(exercise="squat", reps=5)
        plan = Plan(id="own", names={"en": "Own"}, steps=(PlanStep(exercises=(squats,)),))
        path = save_plan(window.shelf.own_plans, plan)
        window.shelf.reload_plans()
        window.begin_plan(path)
        coached = window.coach.coaching
        window.open(str(clip))
        assert window.coach.coaching is coached
        assert coached is not None and coached.word == "of 5 reps"

    assert drive(["--source", str(clip), "--exercise", "squat"], script) == 0


@pytest.mark.usefixtures("replay")
def test_a_dropped_file_is_opened(clip: Path) -> None:
    def script(window: MainWindow) -> Steps:
        window.begin_exercise("squat")
        yield lambda: window.coach.card.notice is not None
        data = QMimeData()
        data.setUrls([QUrl.fromLocalFile(str(clip))])
        window.coach.dropEvent(
            QDropEvent(
                QPointF(5, 5),
                Qt.DropAction.CopyAction,
                data,
                Qt.MouseButton.LeftButton,
                Qt.KeyboardModifier.NoModifier,
            )
        )
        yield lambda: window.feed.source is not None and window.coach.video.frame is not None
        assert window.coach.top.source.currentText() == clip.name

    assert drive([], script) == 0


@pytest.mark.usefixtures("replay")
def test_another_exercise_counts_from_zero(clip: Path) -> None:
    def script(window: MainWindow) -> Steps:
        yield lambda: score(window).count == 1
        row = window.coach.top.exercise.findData("push_up")
        window.coach.top.exercise.setCurrentIndex(row)
        window.coach.top.exercise.activated.emit(row)
        assert score(window).exercise.id == "push_up"
        assert window.coach.panel.counter.number == "0"
        yield lambda: window.coach.done is not None
        assert window.coach.done.count == 0  # squats are no push-ups
        assert window.coach.card.notice is not None
        assert window.coach.card.notice.title == "Nothing was counted"
        assert window.coach.banner.say.text == "Nothing was counted"

    assert drive(["--source", str(clip), "--exercise", "squat"], script) == 0


@pytest.mark.usefixtures("replay")
def test_a_broken_rule_file_shows_its_errors_until_it_is_mended(clip: Path, tmp_path: Path) -> None:
    whole = (LIBRARY / "squat.yaml").read_text(encoding="utf-8")
    shutil.copytree(LIBRARY / "tests", tmp_path / "tests")  # the recordings that the file's tests name
    rules = tmp_path / "mine.yaml"
    rules.write_text(whole.replace("id: squat", "id: mine\ncolour: <b>red</b>", 1), encoding="utf-8")

    def script(window: MainWindow) -> Steps:
        yield lambda: window.coach.card.notice is not None
        assert window.coach.card.notice is not None
        assert "mine.yaml:" in window.coach.card.notice.text
        assert "colour" in window.coach.card.notice.text
        rules.write_text(whole.replace("id: squat", "id: mine", 1), encoding="utf-8")
        window.coach.card.buttons[0].click()
        assert window.coach.card.notice is None
        yield lambda: score(window).count >= 1
        assert score(window).exercise.id == "mine"

    assert drive(["--source", str(clip), "--exercise", str(rules)], script) == 0


@pytest.mark.usefixtures("replay")
def test_a_broken_workout_says_what_is_wrong_and_is_read_again(clip: Path, tmp_path: Path) -> None:
    plan = tmp_path / "home" / "workouts" / "mine.yaml"
    plan.parent.mkdir(parents=True)
    whole = "format: 1\nid: mine\nname: {en: Mine}\nexercises:\n  - {exercise: squat, sets: 1, reps: 2}\n"
    plan.write_text(whole.replace("squat", "sqaut"), encoding="utf-8")

    def script(window: MainWindow) -> Steps:
        window.tour.hide()
        next(card for card in window.home.workouts.cards if card.text() == "Mine").click()
        yield lambda: window.findChildren(QMessageBox)
        box = window.findChildren(QMessageBox)[0]
        assert "mine.yaml:5" in box.text()
        assert "sqaut" in box.text()
        assert not box.iconPixmap().isNull()  # in the theme's colours, not Qt's own
        box.close()
        plan.write_text(whole, encoding="utf-8")
        next(card for card in window.home.workouts.cards if card.text() == "Mine").click()
        assert window.stack.currentWidget() is window.coach
        yield lambda: True

    assert drive([], script) == 0


@pytest.mark.usefixtures("replay")
def test_help_lists_keys_and_gestures_and_pauses_the_set(clip: Path) -> None:
    def script(window: MainWindow) -> Steps:
        yield lambda: window.coach.video.pose is not None
        press(window, Qt.Key.Key_F1)
        assert window.stack.currentWidget() is window.help
        assert window.coach.paused
        for said in ("Space", "Esc", "F1", "Right hand up", "Wrists crossed", "never uses the network"):
            assert said in window.help.text.text()
        press(window, Qt.Key.Key_Escape)
        assert window.stack.currentWidget() is window.coach
        press(window, Qt.Key.Key_F)
        yield window.isFullScreen
        press(window, Qt.Key.Key_Escape)
        yield lambda: not window.isFullScreen()
        press(window, Qt.Key.Key_Escape)
        assert window.stack.currentWidget() is window.home
        assert window.feed.spec is None  # nobody is looked at from the home page

    assert drive(["--source", str(clip)], script) == 0


@pytest.mark.usefixtures("replay")
def test_language_and_theme_change_at_once_and_are_kept(clip: Path) -> None:
    def script(window: MainWindow) -> Steps:
        yield lambda: score(window).count == 1
        dark = window.coach.banner.grab().toImage().pixelColor(300, 20)
        window.change(language="zh", units="imperial", theme="light", text_size="large")
        assert window.coach.panel.finish.accessibleName() == "结束"
        assert window.coach.banner.grab().toImage().pixelColor(300, 20) != dark
        assert "深蹲" in [card.text() for card in window.home.exercises.cards]
        yield lambda: window.coach.done is not None
        assert score(window).count == 2

    assert drive(["--source", str(clip), "--exercise", "squat"], script) == 0
    kept = load_settings().settings
    assert (kept.language, kept.units, kept.theme) == ("zh", "imperial", "light")
    assert kept.text_size == "large"


@pytest.mark.usefixtures("replay")
def test_the_first_steps_are_shown_once(clip: Path) -> None:
    def script(window: MainWindow) -> Steps:
        yield lambda: not window.tour.isHidden()
        for _ in range(3):
            window.tour.card.buttons[0].click()
        assert window.tour.isHidden()

    assert drive([], script) == 0
    assert load_settings().settings.tour_done


@pytest.mark.usefixtures("replay")
def test_search_and_keyboard_begin_an_exercise(clip: Path) -> None:
    def script(window: MainWindow) -> Steps:
        window.tour.hide()
        window.home.setFocus()
        press(window, Qt.Key.Key_Slash)
        assert window.focusWidget() is window.home.search
        QTest.keyClicks(window.home.search, "nothing is called so")
        assert not window.home.exercises.shown
        window.home.search.setText("squ")
        assert [card.text() for card in window.home.exercises.shown] == ["Squat"]
        press(window, Qt.Key.Key_Return)
        yield lambda: window.stack.currentWidget() is window.coach
        assert score(window).exercise.id == "squat"

    assert drive([], script) == 0


@pytest.mark.usefixtures("replay")
def test_what_was_wrong_is_kept_as_poses(clip: Path, tmp_path: Path) -> None:
    def script(window: MainWindow) -> Steps:
        yield lambda: score(window).count == 1
        press(window, Qt.Key.Key_X)
        window.keeper.settle()
        (kept,) = (tmp_path / "home" / "feedback").glob("*wrong_cue-squat.poses.gz")
        frames = load_recording(kept).frames
        assert len(frames) > 5
        assert frames[-1].time <= 10.0

    assert drive(["--source", str(clip), "--exercise", "squat"], script) == 0


@pytest.mark.usefixtures("replay")
def test_corrections_by_hand(clip: Path) -> None:
    def script(window: MainWindow) -> Steps:
        yield lambda: score(window).count == 1
        press(window, Qt.Key.Key_Up)
        assert score(window).count == 2
        press(window, Qt.Key.Key_Down)
        press(window, Qt.Key.Key_Down)
        assert window.coach.panel.counter.number == "0"

    assert drive(["--source", str(clip), "--exercise", "squat"], script) == 0


@pytest.mark.usefixtures("replay")
@pytest.mark.parametrize("size", [(1280, 720), (1920, 1080), (720, 1280), (480, 480)])
def test_every_view_has_its_place(clip: Path, size: tuple[int, int]) -> None:
    def script(window: MainWindow) -> Steps:
        window.resize(*size)
        yield lambda: window.coach.video.pose is not None
        views = [
            window.coach.video,
            window.coach.banner,
            window.coach.panel.counter,
            window.coach.panel.plot,
            window.coach.panel.primary,
        ]
        boxes = [view.rect().translated(view.mapTo(window, view.rect().topLeft())) for view in views]
        for i, box in enumerate(boxes):
            assert window.rect().contains(box), views[i]
            assert not any(box.intersects(other) for other in boxes[:i]), views[i]
        if size[1] >= 720:
            assert min(window.coach.panel.counter.width(), window.coach.panel.counter.height()) >= 0.3 * min(
                size
            )

    assert drive(["--source", str(clip)], script) == 0


def test_closing_works_while_the_network_is_being_prepared(
    clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = replaying(two_squats(), before=lambda: time.sleep(1.0))
    monkeypatch.setattr(ui_app, "network_factory", slow)

    def script(window: MainWindow) -> Steps:
        yield lambda: window.coach.video.frame is not None  # the first picture does not wait for the network
        assert window.feed.engine is None
        assert "Preparing" in window.coach.video.busy_text

    assert drive(["--source", str(clip)], script) == 0


def test_a_network_that_cannot_be_built_says_why_and_can_be_tried_again(
    clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trials: list[int] = []

    def fail_once() -> None:
        trials.append(1)
        if len(trials) == 1:
            raise app.capture.SourceError("weights/pose.safetensors: the checksum differs; download it again")

    monkeypatch.setattr(ui_app, "network_factory", replaying(two_squats(), before=fail_once))

    def script(window: MainWindow) -> Steps:
        yield lambda: window.coach.card.notice is not None
        assert window.coach.card.notice is not None
        assert "the checksum differs" in window.coach.card.notice.text
        window.coach.card.buttons[0].click()
        yield lambda: score(window).count == 2

    assert drive(["--source", str(clip), "--exercise", "squat"], script) == 0


@pytest.mark.usefixtures("replay")
def test_an_error_inside_is_shown_and_the_program_goes_on(clip: Path) -> None:
    def script(window: MainWindow) -> Steps:
        yield lambda: window.feed.source is not None

        def fail() -> None:
            raise RuntimeError("a wheel came off")

        QTimer.singleShot(0, fail)
        yield lambda: window.findChildren(QMessageBox)
        box = window.findChildren(QMessageBox)[0]
        assert "a wheel came off" in box.informativeText()
        assert "test_window.py" in box.detailedText()
        box.buttons()[0].click()
        yield lambda: window.coach.done is not None
        assert score(window).count == 2

    assert drive(["--source", str(clip), "--exercise", "squat"], script) == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--source", "nothing.mp4"], "no such file"),
        (["--exercise", "sqaut"], "did you mean 'squat'"),
        (["--exercise", "nothing.yaml"], "no such rule file"),
        (["--device", "gpu"], "--device"),
        (["analyse"], "did you mean 'analyze'"),
        (["squat.mp4"], "--source squat.mp4"),
    ],
)
def test_wrong_usage_is_one_line_and_two(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main.main(arguments) == 2
    printed = capsys.readouterr()
    assert words in printed.err
    assert printed.err.count("\n") == 1
    assert printed.out == ""
