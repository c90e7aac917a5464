"""The workout editor: exercises of the library in a list, with sets, amounts, rests, tempo, supersets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QBoxLayout,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app.errors import FormcueError
from app.planfile import free_id, plan_files, save_plan
from app.plans import PLANS, Plan, PlannedExercise, PlanStep
from app.ui import amounts, theme
from app.ui.amounts import Library
from app.ui.step_form import StepForm
from app.ui.words import language, said, t

ROLE = Qt.ItemDataRole.UserRole
NAMED_AFTER = 3  # exercises: what a workout is called that nobody gave a name
USUAL_REPS, USUAL_HOLD, USUAL_SETS, USUAL_REST = 10, 30.0, 3, 60.0


class StepList(QListWidget):
    """The steps in order: dragged with the mouse; Alt with up and down moves one, Delete takes it out."""

    move_wanted = Signal(int)
    removal_wanted = Signal()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        alt = bool(event.modifiers() & Qt.KeyboardModifier.AltModifier)
        if alt and event.key() in (Qt.Key.Key_Up, Qt.Key.Key_Down):
            self.move_wanted.emit(-1 if event.key() == Qt.Key.Key_Up else 1)
        elif event.key() in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self.removal_wanted.emit()
        else:
            super().keyPressEvent(event)


class WorkoutEditor(QWidget):
    """library: the exercises to choose from. plan: what is edited; None: a new one. folder: the user's own.

    saved(path): it lies there now. A plan that came with Formcue is saved as a copy of one's own.
    cancelled: leave, without saving.
    """

    saved = Signal(object)
    cancelled = Signal()

    def __init__(self, library: Library, plan: Plan | None, *, folder: Path) -> None:
        super().__init__()
        theme.named(self, "page")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.library, self.folder = library, folder
        self.plan = plan or Plan(id="", names={}, steps=())
        self._before = self.plan
        self._problem = ""
        self._unit = 1.0
        self._make_parts()
        self._lay_out()
        self._connect()
        self.retranslate()
        self._fill(0)

    def _make_parts(self) -> None:
        self.title = theme.named(QLabel(), "noticeTitle")
        self.cancel = QPushButton()
        self.save = theme.named(QPushButton(), "primary")
        self.name = theme.named(QLineEdit(), "search")
        self.length = theme.named(QLabel(), "lead")
        self.told = theme.named(QLabel(), "problem")
        self.told.setWordWrap(True)
        self.told.hide()
        self.search = theme.named(QLineEdit(), "search")
        self.search.setClearButtonEnabled(True)
        self.library_title, self.steps_title = (theme.named(QLabel(), "heading") for _ in range(2))
        self.choices, self.steps = QListWidget(), StepList()
        self.none = theme.named(QLabel(), "quiet")
        self.none.setWordWrap(True)
        self.steps.setDragDropMode(QAbstractItemView.DragDropMode.InternalMove)
        self.steps.setDefaultDropAction(Qt.DropAction.MoveAction)
        for view in (self.choices, self.steps):
            view.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
            view.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.add = QPushButton()
        self.up, self.down, self.remove, self.join = (QToolButton() for _ in range(4))
        self.empty = theme.named(QLabel(), "lead")
        self.empty.setWordWrap(True)
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.form = StepForm(self.library)

    def _lay_out(self) -> None:
        self._head = QHBoxLayout()
        self._head.addWidget(self.cancel)
        self._head.addWidget(self.title)
        self._head.addWidget(self.name, 1)
        self._head.addWidget(self.length)
        self._head.addWidget(self.save)
        left, middle = QVBoxLayout(), QVBoxLayout()
        left.addWidget(self.library_title)
        left.addWidget(self.search)
        left.addWidget(self.none)
        left.addWidget(self.choices, 1)
        left.addWidget(self.add)
        tools = QHBoxLayout()
        for tool in (self.join, self.up, self.down, self.remove):
            tool.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
            tool.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            tools.addWidget(tool)
        self._order = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        self._order.addWidget(self.steps_title, 1)
        self._order.addLayout(tools)
        middle.addLayout(self._order)
        middle.addWidget(self.steps, 1)
        middle.addWidget(self.empty, 1)
        card = theme.named(QFrame(), "card")
        self._card = QVBoxLayout(card)
        self._card.addWidget(self.form)
        middle.addWidget(card)
        self.card = card
        self._columns = (left, middle, tools)
        self._body = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        self._body.addLayout(left)
        self._body.addLayout(middle, 1)
        self._all = QVBoxLayout(self)
        self._all.addLayout(self._head)
        self._all.addWidget(self.told)
        self._all.addLayout(self._body, 1)

    def _connect(self) -> None:
        self.cancel.clicked.connect(self.cancelled)
        self.save.clicked.connect(self.save_plan)
        self.name.textChanged.connect(lambda _: self._say())
        self.search.textChanged.connect(self._filter)
        self.search.returnPressed.connect(self._add_first)
        self.choices.itemActivated.connect(lambda item: self.add_exercise(item.data(ROLE)))
        self.add.clicked.connect(self._add_chosen)
        self.steps.currentRowChanged.connect(self._show_step)
        self.steps.model().rowsMoved.connect(self._reordered)
        self.steps.move_wanted.connect(self.move_step)
        self.steps.removal_wanted.connect(self.remove_step)
        self.up.clicked.connect(lambda: self.move_step(-1))
        self.down.clicked.connect(lambda: self.move_step(1))
        self.remove.clicked.connect(self.remove_step)
        self.join.clicked.connect(self.join_or_split)
        self.form.changed.connect(self._changed)

    # ---- the plan

    @property
    def row(self) -> int:
        """Of the chosen step; -1 for none."""
        return self.steps.currentRow()

    def choose(self, row: int) -> None:
        self.steps.setCurrentRow(row)

    def add_exercise(self, exercise: str) -> None:
        """At the end, with usual amounts."""
        known = self.library[exercise]
        hold = known.counting.kind == "hold"
        planned = PlannedExercise(
            exercise=exercise, reps=None if hold else USUAL_REPS, seconds=USUAL_HOLD if hold else None
        )
        step = PlanStep(exercises=(planned,), sets=USUAL_SETS, rest=USUAL_REST)
        self._replace((*self.plan.steps, step), len(self.plan.steps))

    def remove_step(self) -> None:
        if self.row >= 0:
            steps = self.plan.steps
            self._replace(steps[: self.row] + steps[self.row + 1 :], min(self.row, len(steps) - 2))

    def move_step(self, by: int) -> None:
        """The chosen step up (-1) or down (1)."""
        to = self.row + by
        if self.row < 0 or not 0 <= to < len(self.plan.steps):
            return
        steps = list(self.plan.steps)
        steps[self.row], steps[to] = steps[to], steps[self.row]
        self._replace(tuple(steps), to)

    def join_or_split(self) -> None:
        """A superset of the chosen step and the next one; a superset falls apart again."""
        row, steps = self.row, self.plan.steps
        if row < 0:
            return
        step = steps[row]
        if len(step.exercises) > 1:
            parts = tuple(PlanStep(exercises=(e,), sets=step.sets, rest=step.rest) for e in step.exercises)
            self._replace(steps[:row] + parts + steps[row + 1 :], row)
        elif row + 1 < len(steps):
            both = replace(step, exercises=step.exercises + steps[row + 1].exercises)
            self._replace((*steps[:row], both, *steps[row + 2 :]), row)

    def save_plan(self) -> None:
        """Writes it and says so by `saved`; else the line above says why not."""
        if not self.plan.steps:
            self._tell("Add an exercise first.")
            self.search.setFocus()
            return
        name = " ".join(self.name.text().split()) or self._usual_name()
        own = self._before.path is not None and self._before.path.parent == self.folder
        taken = [
            path.stem for folder in (PLANS, self.folder) if folder.is_dir() for path in plan_files(folder)
        ]
        id = self._before.id if own else free_id(name, taken)
        names = dict(self._before.names) if own else {}
        names |= {"en": names.get("en", name), language(): name}
        try:
            path = save_plan(self.folder, replace(self.plan, id=id, names=names))
        except FormcueError as error:
            self._tell(said(error))
            return
        self.saved.emit(path)

    def _replace(self, steps: tuple[PlanStep, ...], row: int) -> None:
        self.plan = replace(self.plan, steps=steps)
        self._fill(row)

    def _changed(self, step: PlanStep) -> None:
        """The form changed the chosen step."""
        row = self.row
        steps = (*self.plan.steps[:row], step, *self.plan.steps[row + 1 :])
        self.plan = replace(self.plan, steps=steps)
        self.steps.item(row).setText(self._step_text(row, step))
        self._say()

    def _reordered(self) -> None:
        """A row was dragged to another place."""
        order = [self.steps.item(row).data(ROLE) for row in range(self.steps.count())]
        if len(order) == len(self.plan.steps):
            self._replace(tuple(self.plan.steps[number] for number in order), self.row)

    # ---- what is shown

    def _fill(self, row: int) -> None:
        self.steps.blockSignals(True)
        self.steps.clear()
        for number, step in enumerate(self.plan.steps):
            item = QListWidgetItem(
                theme.icon(theme.exercise_icon(step.exercises[0].exercise)), self._step_text(number, step)
            )
            item.setData(ROLE, number)
            self.steps.addItem(item)
        self.steps.blockSignals(False)
        self.steps.setCurrentRow(row)
        self._show_step(self.row)

    def _step_text(self, number: int, step: PlanStep) -> str:
        rounds = amounts.sets(step.sets)
        parts = []
        for planned in step.exercises:
            amount = (
                amounts.reps(planned.reps)
                if planned.reps is not None
                else amounts.length(planned.seconds or 0)
            )
            amount = amounts.with_load(amount, None if planned.load is None else planned.load.kg)
            parts.append(amounts.named(self.library, planned.exercise, amount))
        rest = t("rest {time}", time=amounts.length(step.rest))
        return f"{number + 1}.  {'  +  '.join(parts)}\n{rounds} · {rest}"

    def _show_step(self, row: int) -> None:
        there = 0 <= row < len(self.plan.steps)
        self.card.setVisible(there)
        self.steps.setVisible(bool(self.plan.steps))
        self.empty.setVisible(not self.plan.steps)
        if there:
            self.form.show_step(self.plan.steps[row])
        several = there and len(self.plan.steps[row].exercises) > 1
        self.join.setText(t("Split the superset") if several else t("Superset with the next"))
        self.join.setIcon(theme.icon("workout"))
        self.join.setEnabled(several or (there and row + 1 < len(self.plan.steps)))
        self.up.setEnabled(row > 0)
        self.down.setEnabled(there and row + 1 < len(self.plan.steps))
        self.remove.setEnabled(there)
        self._say()

    def _say(self) -> None:
        self.length.setText(
            t("about {time}", time=amounts.length(60 * max(1, round(self.plan.expected_seconds / 60))))
            if self.plan.steps
            else ""
        )
        if self.plan.steps:
            self._tell("")  # what was missing is there
        self.name.setPlaceholderText(self._usual_name() or t("Name of the workout"))
        changed = self.plan != self._before or self.name.text() != amounts.names(self._before.names)
        self.cancel.setText(t("Leave without saving") if changed else t("Back"))
        self.cancel.setAccessibleName(self.cancel.text())
        self.cancel.setIcon(theme.icon("back"))

    def _usual_name(self) -> str:
        """The name of a workout that is given none: its exercises."""
        return ", ".join(
            amounts.exercise_name(self.library, exercise) for exercise in self.plan.exercises[:NAMED_AFTER]
        )

    def _tell(self, text: str) -> None:
        """A text for `t`, or what an error says."""
        self._problem = text
        self.told.setText(f"⚠ {t(text)}" if text else "")
        self.told.setVisible(bool(text))

    def _filter(self, wanted: str) -> None:
        words = wanted.casefold().split()
        for row in range(self.choices.count()):
            item = self.choices.item(row)
            known = self.library[item.data(ROLE)]
            text = " ".join((known.id, *known.names.values())).casefold()
            item.setHidden(not all(word in text for word in words))
        found = self._found()
        self.none.setHidden(bool(found))
        self.add.setEnabled(bool(found))
        chosen = self.choices.currentItem()
        if found and (chosen is None or chosen.isHidden()):
            self.choices.setCurrentItem(found[0])  # what is not seen is not added

    def _add_first(self) -> None:
        """Enter in the search adds the first that is found."""
        found = self._found()
        if found:
            self.add_exercise(found[0].data(ROLE))
            self.search.clear()

    def _found(self) -> list[QListWidgetItem]:
        """The exercises that the search leaves."""
        items = (self.choices.item(row) for row in range(self.choices.count()))
        return [item for item in items if not item.isHidden()]

    def _add_chosen(self) -> None:
        item = self.choices.currentItem()
        if item is not None:
            self.add_exercise(item.data(ROLE))

    def retranslate(self) -> None:
        """Sets all texts, and the icons in the theme's colours."""
        self.title.setText(t("Workout"))
        self.name.setAccessibleName(t("Name of the workout"))
        if not self.name.isModified():
            self.name.setText(amounts.names(self.plan.names) if self.plan.names else "")
            self.name.setCursorPosition(0)  # a narrow field shows the name's beginning
        theme.label(self.save, t("Save"))
        self.save.setIcon(theme.icon("check", "on_fill"))
        self.search.setPlaceholderText(t("Search exercises"))
        self.none.setText(t("Nothing is called that. A shorter word finds more."))
        self.search.setAccessibleName(t("Search exercises"))
        self.library_title.setText(t("Exercises"))
        self.steps_title.setText(t("In this order"))
        self.choices.setAccessibleName(t("Exercises"))
        self.steps.setAccessibleName(t("In this order"))
        self.steps.setToolTip(t("Drag to another place, or Alt with the arrow keys; Delete takes it out."))
        theme.label(self.add, t("Add"))
        self.add.setIcon(theme.icon("plus"))
        for tool, icon, text in (
            (self.up, "", t("Move up")),
            (self.down, "", t("Move down")),
            (self.remove, "close", t("Remove")),
        ):
            tool.setText(text)
            tool.setAccessibleName(text)
            if icon:
                tool.setIcon(theme.icon(icon))
        self.empty.setText(t("Double-click an exercise, or choose it and press Add: it comes here."))
        chosen = self.choices.currentRow()
        self.choices.clear()
        for known in sorted(self.library.values(), key=lambda e: e.name(language())):
            item = QListWidgetItem(theme.icon(theme.exercise_icon(known.id)), known.name(language()))
            item.setData(ROLE, known.id)
            self.choices.addItem(item)
        self.choices.setCurrentRow(max(0, chosen))
        self._filter(self.search.text())
        self.form.retranslate()
        self._tell(self._problem)
        self._fill(max(0, self.row))

    def set_unit(self, unit: float, *, portrait: bool) -> None:
        """Sizes follow the window."""
        self._unit = unit
        gap = round(14 * unit)
        self._all.setContentsMargins(gap, gap, gap, gap)
        self._all.setSpacing(round(12 * unit))
        for layout in (self._head, *self._columns):
            layout.setSpacing(round(10 * unit))
        self._body.setSpacing(gap)
        self._order.setSpacing(round(10 * unit))
        way = QBoxLayout.Direction.TopToBottom if portrait else QBoxLayout.Direction.LeftToRight
        for box in (self._body, self._order):
            box.setDirection(way)
        self._card.setContentsMargins(gap, gap, gap, gap)
        self.title.setHidden(portrait)  # the name needs its room
        for button in (self.save, self.cancel, self.name):
            button.setMinimumHeight(round(50 * unit))
        self.search.setMinimumHeight(round(44 * unit))
        for part in (self.search, self.none, self.choices, self.add):
            part.setFixedWidth(round(320 * unit)) if not portrait else part.setMaximumWidth(16_777_215)
        icons = QSize(round(20 * unit), round(20 * unit))
        for tool in (self.cancel, self.save, self.add, self.join, self.remove):
            tool.setIconSize(icons)
        figures = QSize(round(40 * unit), round(40 * unit))
        for view in (self.choices, self.steps):
            view.setIconSize(figures)
            view.setSpacing(round(2 * unit))
        self.form.set_unit(unit)

    def keys(self) -> dict[Qt.Key, Callable[[], object]]:
        """Keys that no focused widget wants for itself."""
        return {Qt.Key.Key_Escape: self.cancelled.emit}
