"""Every page with the keyboard and with a screen reader: names, an order to go through, a focus that is seen,
and a way back."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAccessible, QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QComboBox, QWidget

import app.capture
import app.ui.app as ui_app
import app.ui.source_runner
from app.plans import PLANS
from app.ui import theme, words
from app.ui.step_form import Stepper
from app.ui.window import MainWindow
from tests.ui.driver import Condition, clip, drive, press, replaying, two_squats

__all__ = ["clip"]  # a fixture
Steps = Generator[Condition, None, None]
BACK = ("Home", "Back", "Close the studio", "To the exercises")


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    monkeypatch.setenv("FORMCUE_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(words, "_language", "en")
    monkeypatch.setattr(app.ui.source_runner, "list_cameras", list)
    monkeypatch.setattr(app.capture, "list_cameras", list)
    monkeypatch.setattr(ui_app, "network_factory", replaying(two_squats()))
    yield
    words.set_language("en")
    theme.use("dark")


def spoken_name(widget: QWidget) -> str:
    """What a screen reader calls it."""
    interface = QAccessible.queryAccessibleInterface(widget)
    return interface.text(QAccessible.Text.Name).strip() if interface is not None else ""


def controls(window: MainWindow) -> list[QWidget]:
    """What can be operated on the page shown, by the keyboard or the mouse; not the insides of a control."""
    page = window.stack.currentWidget()
    assert page is not None
    found = []
    for widget in page.findChildren(QWidget):
        inner = widget.objectName().startswith("qt_") or isinstance(widget.parent(), QComboBox)
        takes_focus = bool(widget.focusPolicy() & Qt.FocusPolicy.TabFocus) or isinstance(
            widget, QAbstractButton
        )
        if takes_focus and widget.isVisible() and widget.isEnabled() and not inner:
            found.append(widget)
    return found


def picture(widget: QWidget) -> QImage:
    return widget.grab().toImage()


def every_page(window: MainWindow, clip: Path) -> Iterator[tuple[str, Condition]]:
    """Opens page after page; gives its name and what to wait for."""
    window.tour.hide()
    yield "home", lambda: True
    window.show_settings()
    yield "settings", lambda: True
    window.show_home()
    window.toggle_help()
    yield "help", lambda: True
    window.toggle_help()
    window.records.show_history("")
    yield "history without anything", lambda: True
    window.show_home()
    window.records.edit_plan(PLANS / "push_pull.yaml")
    yield "editor", lambda: True
    window.show_home()
    window.records.show_studio(None)
    yield "studio", lambda: True
    window.show_home()
    window.begin_plan(PLANS / "legs.yaml")
    yield "no camera", lambda: window.coach.card.notice is not None
    window.open(str(clip))
    yield "coach", lambda: window.coach.video.pose is not None
    window.coach.coaching.start(at_once=True)
    window.coach.one_more()
    window.coach.finish()
    yield "summary", lambda: window.stack.currentWidget() is window.records.summary
    window.records.show_history("")
    yield "history", lambda: True


def look(window: MainWindow, name: str) -> list[str]:
    """What is wrong with the page shown."""
    page = window.stack.currentWidget()
    assert page is not None
    found, faults = controls(window), []
    reached: set[QWidget] = set()
    page.setFocus()
    for _ in range(2 * len(found) + 10):
        focused = window.focusWidget()
        if focused is not None:
            reached.add(focused)
        QTest.keyClick(focused or window, Qt.Key.Key_Tab)
    for widget in found:
        who = f"{name}: {type(widget).__name__} {widget.objectName()} {spoken_name(widget)!r}"
        if not spoken_name(widget):
            faults.append(f"{who} has no name")
        if isinstance(widget.parent(), Stepper):
            continue  # less and more: the arrow keys do it in the field between them
        if widget not in reached:
            faults.append(f"{who} is not reached by Tab")
            continue
        page.setFocus()
        without = picture(widget)
        widget.setFocus(Qt.FocusReason.TabFocusReason)
        assert widget.hasFocus()
        if picture(widget) == without:
            faults.append(f"{who} does not show that it has the focus")
    if name != "home" and not any(spoken_name(widget).startswith(BACK) for widget in found):
        faults.append(f"{name}: no button leads back")
    return faults


def test_every_control_has_a_name_a_place_in_the_order_and_a_focus_that_is_seen(clip: Path) -> None:
    faults: list[str] = []

    def script(window: MainWindow) -> Steps:
        window.activateWindow()
        yield window.isActiveWindow
        for name, ready in every_page(window, clip):
            yield ready
            faults.extend(look(window, name))

    assert drive([], script) == 0
    assert "\n".join(faults) == ""


def test_enter_presses_what_has_the_focus(clip: Path) -> None:
    def script(window: MainWindow) -> Steps:
        window.tour.hide()
        window.activateWindow()
        yield window.isActiveWindow
        window.home.settings.setFocus()
        press(window, Qt.Key.Key_Return)
        assert window.stack.currentWidget() is window.preferences
        press(window, Qt.Key.Key_Escape)
        assert window.stack.currentWidget() is window.home
        window.begin_plan(PLANS / "legs.yaml")
        window.open(str(clip))
        yield lambda: window.coach.video.pose is not None
        window.coach.pause()
        press(window, Qt.Key.Key_Return)  # "Go on" has the focus; Enter elsewhere finishes
        assert not window.coach.paused
        assert window.coach.done is None

    assert drive([], script) == 0


def test_after_a_rest_the_keys_are_the_workouts_again(clip: Path) -> None:
    def script(window: MainWindow) -> Steps:
        window.tour.hide()
        window.activateWindow()
        yield window.isActiveWindow
        window.begin_plan(PLANS / "legs.yaml")
        window.open(str(clip))
        coaching = window.coach.coaching
        assert coaching is not None
        yield lambda: window.coach.video.pose is not None
        coaching.start(at_once=True)
        while coaching.state != "rest":
            window.coach.one_more()
        rest = window.coach.overlays.rest
        panel = window.coach.panel
        yield lambda: rest is not None and window.focusWidget() is panel.primary
        done = coaching.last_set  # the rest's card alone has the clock
        assert done is not None and panel.counter.number == str(done.count) != coaching.number
        press(window, Qt.Key.Key_Space)
        assert rest is not None and not rest.isVisible()  # with no step to wait for
        press(window, Qt.Key.Key_Space)  # it begins the set, it does not press Home
        assert window.stack.currentWidget() is window.coach
        assert coaching.state == "countdown"
        first = coaching.exercise.id
        while coaching.exercise.id == first:
            window.coach.skip()
        window.change(language="zh")
        assert window.coach.top.exercise.currentData() == coaching.exercise.id != first
        window.show_home()
        assert window.focusWidget() is window.home.go_on  # Enter goes on with it

    assert drive([], script) == 0
