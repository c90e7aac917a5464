"""Pages get the size and the look of now when they are seen, and not before: each one costs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtWidgets import QApplication, QLabel, QLineEdit, QVBoxLayout, QWidget

from app.ui import theme
from app.ui.page_stack import PageStack, shape_of


@pytest.fixture(autouse=True)
def application() -> Iterator[QApplication]:
    made = QApplication.instance() or QApplication([])
    assert isinstance(made, QApplication)
    theme.use("dark")
    yield made
    theme.use("dark")


class Page(QWidget):
    """Notes what it is told; its label is as high as a twentieth of a window of that scale."""

    def __init__(self) -> None:
        super().__init__()
        self.label = QLabel("a page")
        QVBoxLayout(self).addWidget(self.label)
        self.told: list[tuple[float, bool]] = []

    def retranslate(self) -> None:
        self.label.setText("a page")

    def set_unit(self, unit: float, *, portrait: bool) -> None:
        self.told.append((unit, portrait))
        self.label.setMinimumHeight(round(36 * unit))


def test_a_page_that_is_not_seen_waits() -> None:
    stack, first, second = PageStack(), Page(), Page()
    stack.add(first)
    stack.add(second)
    stack.show_page(first)
    assert stack.arrange(1280, 720)
    assert not stack.arrange(1280, 720)  # nothing new
    assert stack.arrange(1920, 1080)
    assert [unit for unit, _ in first.told] == [1.0, 1.5]
    assert second.told == []
    stack.show_page(second)
    assert second.told == [(1.5, False)]
    stack.show_page(first)
    stack.show_page(second)
    assert second.told == [(1.5, False)]  # once is enough
    assert theme.style_sheet(1.5) == second.styleSheet() == first.styleSheet()


def test_another_theme_reaches_a_page_when_it_is_seen() -> None:
    stack, first, second = PageStack(), Page(), Page()
    for page in (first, second):
        stack.add(page)
        stack.show_page(page)
    stack.arrange(1280, 720)
    theme.use("light")
    stack.retranslate()
    assert second.styleSheet() == theme.style_sheet(1.0)
    stack.show_page(first)
    assert first.styleSheet() == theme.style_sheet(1.0)


def test_a_page_that_is_not_seen_does_not_hold_the_window_open() -> None:
    stack, first, second = PageStack(), Page(), Page()
    for page in (first, second):
        stack.add(page)
    stack.show_page(second)
    stack.arrange(3840, 2160)
    stack.show_page(first)
    stack.arrange(1280, 720)
    assert second.minimumSizeHint().height() > first.minimumSizeHint().height()
    assert stack.minimumSizeHint() == first.minimumSizeHint()


def test_the_scale_follows_the_shorter_side_and_has_its_bounds() -> None:
    assert shape_of(1280, 720) == (1.0, False)
    assert shape_of(720, 1180) == (1.0, True)
    assert shape_of(1920, 720) == (1.0, False)
    assert shape_of(100, 90)[0] == 0.5
    assert shape_of(20_000, 10_000)[0] == 3.0


def test_a_page_that_is_shown_again_has_its_focus_where_it_was() -> None:
    stack, first, second = PageStack(), Page(), Page()
    field = QLineEdit(first)
    stack.show()
    stack.show_page(first)
    assert stack.focusWidget() is first
    field.setFocus()
    stack.show_page(second)
    assert stack.focusWidget() is second
    stack.show_page(first)
    assert stack.focusWidget() is field
    stack.show_page(second)
    field.hide()
    stack.show_page(first)
    assert stack.focusWidget() is first
    stack.close()
