from __future__ import annotations

import shutil
import time
from collections.abc import Generator
from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPointF, Qt, QTimer, QUrl
from PySide6.QtGui import QColor, QDropEvent
from PySide6.QtWidgets import QMessageBox

import app.capture
import app.ui.app as ui_app
import app.ui.source_runner
import main
from app.capture import DEMO_CLIP, Source
from app.rules import LIBRARY
from app.ui.window import MainWindow
from tests.ui.driver import Condition, clip, drive, press, replay, replaying, two_squats

__all__ = ["clip", "replay"]  # fixtures
Steps = Generator[Condition, None, None]


@pytest.fixture(autouse=True)
def no_camera(monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine's own cameras stay out of the tests."""
    monkeypatch.setattr(app.ui.source_runner, "list_cameras", list)
    monkeypatch.setattr(app.capture, "list_cameras", list)


def test_the_demo_clip_is_counted_and_its_fault_is_said() -> None:
    """The real program: the bundled clip, the bundled weights."""
    assert DEMO_CLIP.is_file()
    loud: list[str] = []

    def script(window: MainWindow) -> Steps:
        window.banner.said.connect(
            lambda say: loud.append(say.text) if say.tone in ("warning", "error") else None
        )
        yield lambda: window.video.frame is not None  # a picture before the network is ready or not
        yield lambda: window.engine is not None
        yield lambda: window.video.pose is not None
        yield lambda: (window.score.count >= 2 and loud) or window.done is not None
        assert window.score.count >= 2
        assert loud  # the clip has shallow squats on purpose
        assert int(window.panel.counter.number) == window.score.count
        assert any(record.faults for record in window.score.records)
        assert "fps" in window.status.right.text()
        assert "ms" in window.status.right.text()

    assert drive(["--source", "demo", "--exercise", "squat"], script, seconds=150) == 0
    assert loud


@pytest.mark.usefixtures("replay")
def test_a_set_from_start_to_summary(clip: Path) -> None:
    def script(window: MainWindow) -> Steps:
        yield lambda: window.done is not None
        assert window.score.count == 2
        assert window.panel.counter.number == "2"
        assert window.panel.list.records.rowCount() == 2
        notice = window.card.notice
        assert notice is not None
        assert "2 reps" in notice.title
        press(window, Qt.Key.Key_Space)  # plays again, from zero
        yield lambda: window.done is None and window.source is not None
        assert window.score.count < 2
        yield lambda: window.done is not None
        assert window.score.count == 2

    assert drive(["--source", str(clip), "--exercise", "squat"], script) == 0


@pytest.mark.usefixtures("replay")
def test_pause_holds_everything_and_reset_begins_anew(clip: Path) -> None:
    def script(window: MainWindow) -> Steps:
        yield lambda: window.score.count == 1
        press(window, Qt.Key.Key_Space)
        assert window.paused
        assert window.panel.primary.accessibleName() == "Start"
        assert window.card.notice is not None
        assert window.card.notice.title == "Paused"
        before = window.score.result
        until = time.monotonic() + 0.4
        yield lambda: time.monotonic() > until
        assert window.score.result is before
        press(window, Qt.Key.Key_R)
        assert window.panel.counter.number == "0"
        press(window, Qt.Key.Key_Space)
        assert not window.paused
        assert window.card.notice is None
        yield lambda: window.score.result is not None
        yield lambda: window.done is not None
        assert window.done.count == 1  # only the second squat was after the reset

    assert drive(["--source", str(clip), "--exercise", "squat"], script) == 0


@pytest.mark.usefixtures("replay")
def test_mirror_swaps_the_picture_and_nothing_else(clip: Path) -> None:
    def left_is_dark(window: MainWindow) -> bool:
        image = window.video.grab().toImage()
        y = image.height() // 2
        left = QColor(image.pixel(image.width() // 2 - 60, y)).lightness()
        return left < QColor(image.pixel(image.width() // 2 + 60, y)).lightness()

    def script(window: MainWindow) -> Steps:
        yield lambda: window.video.pose is not None
        assert not window.video.mirror  # a file is shown as it is
        assert left_is_dark(window)
        press(window, Qt.Key.Key_M)
        assert window.video.mirror
        assert window.top.mirror.isChecked()
        assert not left_is_dark(window)
        yield lambda: window.done is not None
        assert window.done.count == 2
        assert all(record.event.side == "both" for record in window.score.records)  # type: ignore[union-attr]

    assert drive(["--source", str(clip), "--exercise", "squat"], script) == 0


@pytest.mark.usefixtures("replay")
def test_without_a_camera_the_demo_is_offered(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app.capture, "DEMO_CLIP", clip)

    def script(window: MainWindow) -> Steps:
        yield lambda: window.card.notice is not None
        assert window.card.notice is not None
        assert window.card.notice.title == "No camera found"
        assert window.focusWidget() is window.card.buttons[0]
        press(window, Qt.Key.Key_Space)
        yield lambda: window.source is not None
        assert window.source is not None
        assert window.source.name == "Demo clip"
        assert window.card.notice is None

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
        yield lambda: window.score.count == 1
        yield lambda: window.card.notice is not None
        assert window.card.notice is not None
        assert "the cable is out" in window.card.notice.text
        assert "1 repetition" in window.card.notice.text
        monkeypatch.undo()
        monkeypatch.setattr(app.ui.source_runner, "list_cameras", list)
        window.card.buttons[0].click()
        yield lambda: window.done is not None
        assert window.done.count == 2

    assert drive(["--source", str(clip), "--exercise", "squat"], script) == 0


@pytest.mark.usefixtures("replay")
def test_a_dropped_file_is_opened(clip: Path) -> None:
    def script(window: MainWindow) -> Steps:
        yield lambda: window.card.notice is not None
        data = QMimeData()
        data.setUrls([QUrl.fromLocalFile(str(clip))])
        window.dropEvent(
            QDropEvent(
                QPointF(5, 5),
                Qt.DropAction.CopyAction,
                data,
                Qt.MouseButton.LeftButton,
                Qt.KeyboardModifier.NoModifier,
            )
        )
        yield lambda: window.source is not None and window.video.frame is not None
        assert window.top.source.currentText() == clip.name

    assert drive([], script) == 0


@pytest.mark.usefixtures("replay")
def test_another_exercise_counts_from_zero(clip: Path) -> None:
    def script(window: MainWindow) -> Steps:
        yield lambda: window.score.count == 1
        row = window.top.exercise.findData("push_up")
        window.top.exercise.setCurrentIndex(row)
        window.top.exercise.activated.emit(row)
        assert window.score.exercise.id == "push_up"
        assert window.panel.counter.number == "0"
        yield lambda: window.done is not None
        assert window.done.count == 0  # squats are no push-ups
        assert window.card.notice is not None
        assert "Nothing was counted" in window.card.notice.text

    assert drive(["--source", str(clip), "--exercise", "squat"], script) == 0


@pytest.mark.usefixtures("replay")
def test_a_broken_rule_file_shows_its_errors_until_it_is_mended(clip: Path, tmp_path: Path) -> None:
    whole = (LIBRARY / "squat.yaml").read_text(encoding="utf-8")
    shutil.copytree(LIBRARY / "tests", tmp_path / "tests")  # the recordings that the file's tests name
    rules = tmp_path / "mine.yaml"
    rules.write_text(whole.replace("id: squat", "id: mine\ncolour: <b>red</b>", 1), encoding="utf-8")

    def script(window: MainWindow) -> Steps:
        yield lambda: window.card.notice is not None
        assert window.card.notice is not None
        assert "mine.yaml:" in window.card.notice.text
        assert "colour" in window.card.notice.text
        rules.write_text(whole.replace("id: squat", "id: mine", 1), encoding="utf-8")
        window.card.buttons[0].click()
        assert window.card.notice is None
        yield lambda: window.score.count >= 1
        assert window.score.exercise.id == "mine"

    assert drive(["--source", str(clip), "--exercise", str(rules)], script) == 0


@pytest.mark.usefixtures("replay")
def test_help_lists_the_keys_and_escape_closes_it(clip: Path) -> None:
    def script(window: MainWindow) -> Steps:
        yield lambda: window.source is not None
        press(window, Qt.Key.Key_F1)
        assert window.card.notice is not None
        for key in ("Space", "R", "F", "M", "Esc", "F1"):
            assert f"<b>{key}</b>" in window.card.notice.text
        press(window, Qt.Key.Key_Escape)
        assert window.card.notice is None
        press(window, Qt.Key.Key_F)
        yield window.isFullScreen
        press(window, Qt.Key.Key_Escape)
        yield lambda: not window.isFullScreen()
        assert window.isVisible()

    assert drive(["--source", str(clip)], script) == 0


@pytest.mark.usefixtures("replay")
@pytest.mark.parametrize("size", [(1280, 720), (1920, 1080), (720, 1280), (480, 480)])
def test_every_view_has_its_place(clip: Path, size: tuple[int, int]) -> None:
    def script(window: MainWindow) -> Steps:
        window.resize(*size)
        yield lambda: window.video.pose is not None
        views = [window.video, window.banner, window.panel.counter, window.panel.plot, window.panel.primary]
        boxes = [view.rect().translated(view.mapTo(window, view.rect().topLeft())) for view in views]
        for i, box in enumerate(boxes):
            assert window.rect().contains(box), views[i]
            assert not any(box.intersects(other) for other in boxes[:i]), views[i]
        if size[1] >= 720:
            assert min(window.panel.counter.width(), window.panel.counter.height()) >= 0.3 * min(size)

    assert drive(["--source", str(clip)], script) == 0


def test_closing_works_while_the_network_is_being_prepared(
    clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = replaying(two_squats(), before=lambda: time.sleep(1.0))
    monkeypatch.setattr(ui_app, "network_factory", slow)

    def script(window: MainWindow) -> Steps:
        yield lambda: window.video.frame is not None  # the first picture does not wait for the network
        assert window.engine is None
        assert "Preparing" in window.video.busy_text

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
        yield lambda: window.card.notice is not None
        assert window.card.notice is not None
        assert "the checksum differs" in window.card.notice.text
        window.card.buttons[0].click()
        yield lambda: window.score.count == 2

    assert drive(["--source", str(clip), "--exercise", "squat"], script) == 0


@pytest.mark.usefixtures("replay")
def test_an_error_inside_is_shown_and_the_program_goes_on(clip: Path) -> None:
    def script(window: MainWindow) -> Steps:
        yield lambda: window.source is not None

        def fail() -> None:
            raise RuntimeError("a wheel came off")

        QTimer.singleShot(0, fail)
        yield lambda: window.findChildren(QMessageBox)
        box = window.findChildren(QMessageBox)[0]
        assert "a wheel came off" in box.informativeText()
        assert "test_window.py" in box.detailedText()
        box.buttons()[0].click()
        yield lambda: window.done is not None
        assert window.score.count == 2

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
