"""The pages of the window: one is shown; all follow the window's size, the language and the theme."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol, cast

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QAbstractButton, QApplication, QStackedWidget, QWidget

from app.ui import theme

# The size that the measures of every view are given for, landscape and portrait.
LANDSCAPE: Final = (1280, 720)
PORTRAIT: Final = (720, 1180)


class Page(Protocol):
    """What every page can do, beside being a widget. keys() is optional, and so is set_unit: a page that
    keeps its own scale follows its own size."""

    def retranslate(self) -> None:
        """Sets all texts, and icons in the theme's colours."""
        ...

    def set_unit(self, unit: float, *, portrait: bool) -> None:
        """Sizes follow the window."""
        ...


def shape_of(width: int, height: int) -> tuple[float, bool]:
    """The scale of what is in a window of that size, and whether it is portrait.

    In steps, so that dragging the window's edge stays smooth.
    """
    portrait = width < height * 1.05
    across, down = PORTRAIT if portrait else LANDSCAPE
    scale = round(min(width / across, height / down) / 0.05) * 0.05
    return min(3.0, max(0.5, scale)), portrait


class PageStack(QStackedWidget):
    """show_page shows one, in the size and the look of now."""

    def __init__(self) -> None:
        super().__init__()
        self._shape: tuple[float, bool] | None = None  # scale and portrait, as laid out
        self._look: theme.Look | None = None
        self._outdated: set[QWidget] = set()  # pages with another shape or look than these

    @property
    def pages(self) -> list[QWidget]:
        return [page for place in range(self.count()) if (page := self.widget(place)) is not None]

    @property
    def unit(self) -> float:
        """The scale of now."""
        return self._shape[0] if self._shape is not None else 1.0

    def minimumSizeHint(self) -> QSize:
        """Of the page shown: another may still have the measures of a larger window."""
        page = self.currentWidget()
        return page.minimumSizeHint() if page is not None else super().minimumSizeHint()

    def add(self, page: QWidget) -> None:
        self._outdated.add(page)
        self.addWidget(page)

    def drop(self, page: QWidget | None) -> None:
        """A page that is not needed any more."""
        if page is not None:
            self._outdated.discard(page)
            self.removeWidget(page)
            page.deleteLater()

    def show_page(self, page: QWidget) -> None:
        """The keys go to what had the focus in it last, or asked for it while it was not seen."""
        asked = None
        if self.indexOf(page) < 0:
            asked = page.focusWidget()  # Qt forgets it when the page gets a parent
            self.add(page)
        self._dress(page)
        self.setCurrentWidget(page)
        last = asked or page.focusWidget()
        (last if last is not None and last.isVisibleTo(page) and last.isEnabled() else page).setFocus()

    def retranslate(self) -> None:
        """Language, theme or text size are others."""
        self._lay_out()
        for page in self.pages:
            cast(Page, page).retranslate()

    def arrange(self, width: int, height: int) -> bool:
        """Type and spacings follow the window. True when they are others now."""
        shape = shape_of(width, height)
        if shape == self._shape:
            return False
        self._shape = shape
        self._lay_out()
        return True

    def _lay_out(self) -> None:
        if self._look != theme.look():
            self._look = theme.look()
            QApplication.setPalette(theme.palette())
        self._outdated = set(self.pages)
        page = self.currentWidget()
        if page is not None:
            self._dress(page)

    def _dress(self, page: QWidget) -> None:
        """A style sheet costs by the widgets it is for: pages that are not seen wait until they are."""
        if page not in self._outdated or self._shape is None:
            return
        self._outdated.discard(page)
        scale, portrait = self._shape
        if hasattr(page, "set_unit"):
            page.setStyleSheet(theme.style_sheet(scale))
            cast(Page, page).set_unit(scale, portrait=portrait)

    def act(self, event: QKeyEvent) -> bool:
        """What the page shown does at this key. False when it is nothing to it.

        Enter presses the button that has the focus, as the space bar does; Qt does so in dialogs alone.
        """
        focused = self.window().focusWidget()
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and isinstance(focused, QAbstractButton):
            focused.click()
            return True
        keys: Callable[[], dict[Qt.Key, Callable[[], object]]] | None
        keys = getattr(self.currentWidget(), "keys", None)
        act = keys().get(Qt.Key(event.key())) if keys is not None else None
        if act is None:
            return False
        act()
        return True
