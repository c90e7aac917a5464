"""The home page: what to do today. Workouts and exercises as cards, a search, and the ways to all else."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QPainter, QPixmap
from PySide6.QtWidgets import (
    QBoxLayout,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app.planfile import PlanEntry
from app.ui import theme
from app.ui.cards import Card, CardGrid
from app.ui.demonstration_view import demonstration_still
from app.ui.empty_state import EmptyState
from app.ui.library import Entry
from app.ui.words import VIEW_NAMES, language, plain, t

SHOWN_IN_PLAN = 3  # exercises in the picture of a workout


class HomePage(QWidget):
    """Signals: exercise_chosen(id), plan_chosen(path), plan_edited(path), and wishes for other pages."""

    exercise_chosen = Signal(str)
    plan_chosen = Signal(object)
    plan_edited = Signal(object)  # a path, or None for a new one
    resume_wanted = Signal()
    discard_wanted = Signal()
    demo_wanted = Signal()
    history_wanted = Signal()
    studio_wanted = Signal()
    settings_wanted = Signal()
    help_wanted = Signal()

    def __init__(self) -> None:
        super().__init__()
        theme.named(self, "page")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._entries: Sequence[Entry] = ()
        self._plans: Sequence[PlanEntry] = ()
        self._unit = 1.0
        self.mark = QLabel()
        self.brand = theme.named(QLabel("Formcue"), "brand")
        self.search = theme.named(QLineEdit(), "search")
        self.search.setClearButtonEnabled(True)
        self.search.textChanged.connect(self._filter)
        self.search.returnPressed.connect(self._take_first)
        self.demo = theme.named(QPushButton(), "primary")
        self.history, self.studio = QToolButton(), QToolButton()
        self.settings, self.help = QToolButton(), QToolButton()
        self._tools = (self.history, self.studio, self.settings, self.help)
        first, second = QHBoxLayout(), QHBoxLayout()
        for widget, stretch in ((self.mark, 0), (self.brand, 0), (self.search, 1), (self.demo, 0)):
            first.addWidget(widget, stretch)
        wishes = (self.history_wanted, self.studio_wanted, self.settings_wanted, self.help_wanted)
        for tool, wanted in zip(self._tools, wishes, strict=True):
            tool.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextUnderIcon)
            tool.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            tool.clicked.connect(wanted)
            second.addWidget(tool)
        head = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        head.addLayout(first, 1)
        head.addLayout(second)
        self._lines = (first, second)
        self.demo.clicked.connect(self.demo_wanted)
        self._head = head

        self.resume = theme.named(QFrame(), "card")
        self._resume_text = theme.named(QLabel(), "lead")
        self._resume_text.setWordWrap(True)
        self.go_on = theme.named(QPushButton(), "primary")
        self.leave = QPushButton()
        self.go_on.clicked.connect(self.resume_wanted)
        self.leave.clicked.connect(self.discard_wanted)
        row = QHBoxLayout(self.resume)
        row.addWidget(self._resume_text, 1)
        row.addWidget(self.leave)
        row.addWidget(self.go_on)
        self._resume_row = row
        self.resume.hide()

        self._workouts_title = theme.named(QLabel(), "heading")
        self.new_plan = QPushButton()
        self.new_plan.clicked.connect(lambda: self.plan_edited.emit(None))
        title = QHBoxLayout()
        title.addWidget(self._workouts_title, 1)
        title.addWidget(self.new_plan)
        self.workouts = CardGrid()
        self._exercises_title = theme.named(QLabel(), "heading")
        self.exercises = CardGrid()
        self.nothing = EmptyState("search", way_on="reset")
        self.nothing.wanted.connect(self._show_all)
        inner = theme.named(QWidget(), "page")
        self._list = QVBoxLayout(inner)
        self._list.addLayout(title)
        for part in (self.workouts, self._exercises_title, self.exercises, self.nothing):
            self._list.addWidget(part)
        self._list.addStretch(1)
        self._scroll = QScrollArea()
        self._scroll.setWidgetResizable(True)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._scroll.setFrameShape(QFrame.Shape.NoFrame)
        self._scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._scroll.setWidget(inner)
        self._all = QVBoxLayout(self)
        self._all.addLayout(head)
        self._all.addWidget(self.resume)
        self._all.addWidget(self._scroll, 1)
        self.retranslate()

    # ---- what there is

    def show_library(self, entries: Sequence[Entry], plans: Sequence[PlanEntry]) -> None:
        """What can be chosen; broken files keep their place, and say so."""
        self._entries, self._plans = entries, plans
        self._fill()

    def offer_to_resume(self, text: str) -> None:
        """A workout is unfinished: what it is, in a line. Empty: there is none."""
        self._resume_text.setText(text)
        self.resume.setVisible(bool(text))
        if text:
            self.go_on.setFocus()

    def retranslate(self) -> None:
        """Sets all texts, and the icons in the theme's colours."""
        self.search.setPlaceholderText(t("Search exercises and workouts"))
        self.search.setAccessibleName(t("Search exercises and workouts"))
        theme.label(self.demo, t("Demo"))
        self.demo.setIcon(theme.icon("play", "on_fill"))
        self.demo.setToolTip(t("See Formcue at work on a clip, without a camera"))
        names = (t("History"), t("Rule studio"), t("Settings"), t("Help"))
        icons = ("history", "studio", "settings", "help")
        for tool, name, icon in zip(self._tools, names, icons, strict=True):
            tool.setText(name)
            tool.setAccessibleName(name)
            tool.setIcon(theme.icon(icon))
        theme.label(self.go_on, t("Go on"))
        self.go_on.setIcon(theme.icon("play", "on_fill"))
        self.leave.setText(t("Put it into the history"))
        self._workouts_title.setText(t("Workouts"))
        self._exercises_title.setText(t("Exercises"))
        theme.label(self.new_plan, t("New workout"))
        self.new_plan.setIcon(theme.icon("plus"))
        self.nothing.say(t("Nothing is called that. A shorter word finds more."), t("Show all"))
        self._fill()

    def set_unit(self, unit: float, *, portrait: bool) -> None:
        """Sizes follow the window."""
        self._unit = unit
        gap = round(14 * unit)
        self._all.setContentsMargins(gap, gap, gap, round(6 * unit))
        self._all.setSpacing(round(12 * unit))
        ways = QBoxLayout.Direction
        self._head.setDirection(ways.TopToBottom if portrait else ways.LeftToRight)
        for line in (self._head, *self._lines):
            line.setSpacing(round(10 * unit))
        self._list.setSpacing(round(10 * unit))
        self._list.setContentsMargins(0, 0, round(6 * unit), gap)
        self._resume_row.setContentsMargins(gap, gap, gap, gap)
        self._resume_row.setSpacing(gap)
        self.mark.setPixmap(theme.app_icon().pixmap(QSize(round(44 * unit), round(44 * unit))))
        for tool in self._tools:
            tool.setIconSize(QSize(round(24 * unit), round(24 * unit)))
            tool.setMinimumWidth(round(82 * unit))
            wide = QSizePolicy.Policy.Expanding if portrait else QSizePolicy.Policy.Preferred
            tool.setSizePolicy(wide, QSizePolicy.Policy.Fixed)
        self.nothing.set_unit(unit)
        for button in (self.demo, self.go_on, self.leave, self.new_plan):
            button.setMinimumHeight(round((44 if button is self.new_plan else 54) * unit))
            button.setIconSize(QSize(round(20 * unit), round(20 * unit)))
        self.search.setMinimumHeight(round(52 * unit))
        for grid in (self.workouts, self.exercises):
            grid.set_unit(unit)

    # ---- cards

    def _fill(self) -> None:
        bar = self._scroll.verticalScrollBar()
        place = bar.value()
        focused = [_focused_place(grid) for grid in (self.workouts, self.exercises)]
        plans = [self._plan_card(entry) for entry in self._plans]
        for card, entry in zip(plans, self._plans, strict=True):
            card.clicked.connect(partial(self.plan_chosen.emit, entry.path))
            card.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
            card.customContextMenuRequested.connect(lambda _, entry=entry: self._edit(entry))
            card.setToolTip(t("Right click or E changes this workout"))
        self.workouts.show_cards(plans)
        cards = [self._exercise_card(entry) for entry in self._entries]
        for card, known in zip(cards, self._entries, strict=True):
            card.clicked.connect(partial(self.exercise_chosen.emit, known.id))
        self.exercises.show_cards(cards)
        self._filter(self.search.text())
        for grid, at in zip((self.workouts, self.exercises), focused, strict=True):
            if at is not None and at < len(grid.cards):
                grid.cards[at].setFocus()
        bar.setValue(place)  # the focus went on from card to card, and the list with it

    def _edit(self, entry: PlanEntry) -> None:
        """A broken one cannot be changed here; choosing it says what is wrong with it."""
        (self.plan_edited if entry.plan is not None else self.plan_chosen).emit(entry.path)

    def _edit_focused(self) -> None:
        for card, entry in zip(self.workouts.cards, self._plans, strict=True):
            if card.hasFocus():
                self._edit(entry)

    def _exercise_card(self, entry: Entry) -> Card:
        exercise = entry.exercise
        if exercise is None:
            return Card(entry.name, t("the file has errors"), _icon("warning", "warning"), warning=True)
        return Card(
            exercise.name(language()),
            t(VIEW_NAMES[exercise.views[0]]) if exercise.views else "",
            lambda size, ratio: demonstration_still(entry.id, size, ratio),
        )

    def _plan_card(self, entry: PlanEntry) -> Card:
        plan = entry.plan
        if plan is None:
            return Card(plain(entry.id), t("the file has errors"), _icon("warning", "warning"), warning=True)
        minutes = max(1, round(plan.expected_seconds / 60))
        below = t("{minutes} min · {sets} sets", minutes=minutes, sets=len(plan.sets))
        return Card(plan.name(language()), below, _together(plan.exercises[:SHOWN_IN_PLAN]))

    def _filter(self, wanted: str) -> None:
        words = wanted.casefold().split()

        def fits(card: Card, *more: str) -> bool:
            text = " ".join((card.text(), *more)).casefold()
            return all(word in text for word in words)

        for card, plan in zip(self.workouts.cards, self._plans, strict=True):
            card.setVisible(fits(card, plan.id, *(plan.plan.exercises if plan.plan is not None else ())))
        for card, entry in zip(self.exercises.cards, self._entries, strict=True):
            names = entry.exercise.names.values() if entry.exercise is not None else ()
            card.setVisible(fits(card, entry.id, *names))
        for title, grid in ((self._workouts_title, self.workouts), (self._exercises_title, self.exercises)):
            grid.arrange()
            title.setVisible(bool(grid.shown))
        self.new_plan.setVisible(not words)
        self.nothing.setVisible(bool(words) and not self.workouts.shown and not self.exercises.shown)

    def _show_all(self) -> None:
        self.search.clear()
        self.search.setFocus()

    def _take_first(self) -> None:
        """Enter in the search: the first that is found."""
        found = self.exercises.shown or self.workouts.shown
        if found and self.search.text().strip():
            found[0].click()

    # ---- keys

    def keys(self) -> dict[Qt.Key, Callable[[], object]]:
        return {Qt.Key.Key_Slash: self.search.setFocus, Qt.Key.Key_E: self._edit_focused}

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Up and down go from one grid to the other."""
        grids = [grid for grid in (self.workouts, self.exercises) if grid.shown]
        at = next((place for place, grid in enumerate(grids) if _has_focus(grid)), None)
        key = Qt.Key(event.key())
        if key == Qt.Key.Key_Down and grids and (at is None or at + 1 < len(grids)):
            grids[0 if at is None else at + 1].shown[0].setFocus(Qt.FocusReason.TabFocusReason)
        elif key == Qt.Key.Key_Up and at:
            grids[at - 1].shown[-1].setFocus(Qt.FocusReason.BacktabFocusReason)
        else:
            super().keyPressEvent(event)
            return
        focused = self.focusWidget()
        if focused is not None and _has_focus(self._scroll):
            self._scroll.ensureWidgetVisible(focused)


def _has_focus(parent: QWidget) -> bool:
    focused = parent.window().focusWidget()
    return focused is not None and parent.isAncestorOf(focused)


def _focused_place(grid: CardGrid) -> int | None:
    """The number of the card that has the focus."""
    return next((place for place, card in enumerate(grid.cards) if card.hasFocus()), None)


def _icon(name: str, ink: str) -> Callable[[QSize, float], QPixmap]:
    """A card's picture that is one icon."""

    def picture(size: QSize, ratio: float) -> QPixmap:
        made = _empty(size, ratio)
        side = round(0.5 * size.height())
        with QPainter(made) as painter:
            painter.drawPixmap(
                (size.width() - side) // 2,
                (size.height() - side) // 2,
                theme.pixmap(name, side, ink, ratio),
            )
        return made

    return picture


def _together(exercises: Sequence[str]) -> Callable[[QSize, float], QPixmap]:
    """A card's picture of several exercises side by side."""

    def picture(size: QSize, ratio: float) -> QPixmap:
        made = _empty(size, ratio)
        # They overlap, so that each has room for its floor.
        wide = round(size.width() * (1.0 if len(exercises) < 2 else 0.6))
        with QPainter(made) as painter:
            for place, exercise in enumerate(exercises):
                still = demonstration_still(exercise, QSize(wide, size.height()), ratio)
                middle = size.width() * (place + 0.5) / len(exercises)
                painter.drawPixmap(round(middle - wide / 2), 0, still)
        return made

    return picture


def _empty(size: QSize, ratio: float) -> QPixmap:
    made = QPixmap(round(size.width() * ratio), round(size.height() * ratio))
    made.setDevicePixelRatio(ratio)
    made.fill(Qt.GlobalColor.transparent)
    return made
