"""The history: weeks as charts, the workouts to open, delete and export, and whose they are."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

from PySide6.QtCore import QSize, Qt, QTimer, Signal
from PySide6.QtGui import QHideEvent
from PySide6.QtWidgets import (
    QBoxLayout,
    QComboBox,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QInputDialog,
    QLabel,
    QLineEdit,
    QListView,
    QMenu,
    QPushButton,
    QStackedLayout,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app.errors import FormcueError
from app.files import replacing
from app.history import History, HistoryError, Measure, Profile, Week
from app.history_export import as_csv, as_json
from app.ui import amounts, theme
from app.ui.amounts import Library
from app.ui.charts import WeekChart
from app.ui.empty_state import EmptyState
from app.ui.figure_row import FigureRow
from app.ui.pdf import save_pdf
from app.ui.report import history_report
from app.ui.saving import ask_where
from app.ui.summary_page import SummaryPage
from app.ui.words import NAMELESS, language, profile_name, said, t
from app.ui.workout_list import WorkoutList

SPANS: Final = (12, 26, 52)  # weeks
T = TypeVar("T")
UNDO_SECONDS: Final = 12
EXPORTS: Final = ("csv", "json", "pdf")


class HistoryPage(QWidget):
    """history: the database; profile: whose is shown first. today: the date, asked for when it is needed.

    home_wanted; profile_chosen(name): the settings keep it. A workout that is deleted can be had back until
    the bar below is gone or the page is left, and is overwritten then.
    """

    home_wanted = Signal()
    profile_chosen = Signal(str)

    def __init__(
        self, history: History, profile: Profile, library: Library, *, today: date | None = None
    ) -> None:
        super().__init__()
        theme.named(self, "page")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.history, self.profile, self.library = history, profile, library
        self._fixed_today = today
        self._unit, self._portrait = 1.0, False
        self._deleted: list[str] = []
        self._make_parts()
        self._lay_out()
        self._connect()
        self.retranslate()

    def _make_parts(self) -> None:
        self.title = theme.named(QLabel(), "noticeTitle")
        self.home, self.export = QPushButton(), QPushButton()
        self.profiles = QComboBox()
        self.people = QToolButton()
        self.people.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.people_menu, self.export_menu = QMenu(self), QMenu(self)
        self.people.setMenu(self.people_menu)
        self.export.setMenu(self.export_menu)
        self.figures = FigureRow()
        self.exercise, self.span = QComboBox(), QComboBox()
        for box in (self.profiles, self.exercise, self.span):
            box.setView(QListView())  # the style sheet's rows; Fusion's own popup ignores them
            box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.reps, self.minutes = WeekChart("bars"), WeekChart("bars")
        self.score, self.range = WeekChart("line"), WeekChart("line")
        self.charts = (self.reps, self.minutes, self.score, self.range)
        self.best = theme.named(QLabel(), "status")
        self.best.setWordWrap(True)
        self.list = WorkoutList(self.library)
        self.list_title = theme.named(QLabel(), "heading")
        self.open, self.delete = QPushButton(), QPushButton()
        self.nothing = EmptyState("history", way_on="play")
        self.undo_bar = theme.named(QFrame(), "card")
        self.undo_text = theme.named(QLabel(), "lead")
        self.undo = QPushButton()
        self.told = theme.named(QLabel(), "quiet")
        self.told.setWordWrap(True)
        self.past = SummaryPage(self.library, past=True)
        self._undo_timer = QTimer(self)
        self._undo_timer.setSingleShot(True)
        self._undo_timer.setInterval(UNDO_SECONDS * 1000)

    def _lay_out(self) -> None:
        main = theme.named(QWidget(), "page")
        self._head = QHBoxLayout()
        self._head.addWidget(self.home)
        self._head.addWidget(self.title, 1)
        for part in (self.profiles, self.people, self.export):
            self._head.addWidget(part)
        self._filter = QHBoxLayout()
        self._filter.addWidget(self.exercise)
        self._filter.addWidget(self.span)
        self._filter.addWidget(self.best, 1)
        self._grid = QGridLayout()
        for place, chart in enumerate(self.charts):
            self._grid.addWidget(chart, place // 2, place % 2)
        left = QVBoxLayout()
        left.addLayout(self._filter)
        left.addLayout(self._grid, 1)
        right = QVBoxLayout()
        row = QHBoxLayout()
        row.addWidget(self.list_title, 1)
        row.addWidget(self.delete)
        row.addWidget(self.open)
        right.addLayout(row)
        right.addWidget(self.list, 1)
        self._undo_row = QHBoxLayout(self.undo_bar)
        self._undo_row.addWidget(self.undo_text, 1)
        self._undo_row.addWidget(self.undo)
        self.undo_bar.hide()
        self.told.hide()
        self._columns = (left, right)
        self.something = QWidget()
        self._body = QBoxLayout(QBoxLayout.Direction.LeftToRight, self.something)
        self._body.setContentsMargins(0, 0, 0, 0)
        self._body.addLayout(left, 5)
        self._body.addLayout(right, 3)
        self._all = QVBoxLayout(main)
        self._all.addLayout(self._head)
        self._all.addWidget(self.figures)
        self._all.addWidget(self.something, 1)
        self._all.addWidget(self.nothing, 1)
        self._all.addWidget(self.undo_bar)
        self._all.addWidget(self.told)
        self._stack = QStackedLayout(self)
        self._stack.addWidget(main)
        self._stack.addWidget(self.past)

    def _connect(self) -> None:
        self.home.clicked.connect(self.home_wanted)
        self.nothing.wanted.connect(self.home_wanted)
        self.profiles.activated.connect(lambda row: self.choose_profile(self.profiles.itemData(row)))
        self.exercise.activated.connect(lambda row: self.choose_exercise(self.exercise.itemData(row)))
        self.span.activated.connect(lambda _: self._draw_charts())
        self.list.opened.connect(self.open_workout)
        self.list.deletion_wanted.connect(self.delete_chosen)
        self.list.chosen_changed.connect(self._enable)
        self.open.clicked.connect(self.list.open_chosen)
        self.delete.clicked.connect(self.delete_chosen)
        self.undo.clicked.connect(self.undo_delete)
        self._undo_timer.timeout.connect(self.settle)
        self.past.home_wanted.connect(self.close_workout)
        self.past.corrected.connect(self._correct)

    # ---- what is shown

    @property
    def today(self) -> date:
        return self._fixed_today or date.today()

    def refresh(self) -> None:
        """Reads everything again: something was added, or another window wrote."""
        self._fill_pickers()
        self.list.show_lines(self._guarded(lambda: self.history.workouts(self.profile)) or [])
        self._draw_figures()
        self._draw_charts()
        self._enable()

    def _fill_pickers(self) -> None:
        self.profiles.clear()
        for known in self._guarded(self.history.profiles) or []:
            self.profiles.addItem(theme.icon("person"), profile_name(known.name), known.name)
        self.profiles.setCurrentIndex(self.profiles.findData(self.profile.name))
        chosen = self.exercise.currentData()
        self.exercise.clear()
        self.exercise.addItem(t("All exercises"), None)
        for exercise in self._guarded(lambda: self.history.exercises(self.profile)) or []:
            name = amounts.exercise_name(self.library, exercise)
            self.exercise.addItem(theme.icon(theme.exercise_icon(exercise)), name, exercise)
        self.exercise.setCurrentIndex(max(0, self.exercise.findData(chosen)))
        weeks = max(0, self.span.currentIndex())
        self.span.clear()
        for count in SPANS:
            self.span.addItem(t("{count} weeks", count=count), count)
        self.span.setCurrentIndex(weeks)

    def _draw_figures(self) -> None:
        streak = self._guarded(lambda: self.history.streak(self.profile, self.today)) or 0

        def this_week(measure: Measure) -> float | None:
            weeks = self._weeks(measure, 1)
            return weeks[0].value if weeks else None

        self.figures.show_figures(
            [
                (str(streak), t("day in a row") if streak == 1 else t("days in a row")),
                (f"{this_week('reps') or 0:.0f}", t("reps this week")),
                (amounts.length(60 * (this_week("minutes") or 0)), t("at work this week")),
                (amounts.score_text(this_week("score")), t("form score of 100 this week")),
            ]
        )

    def _weeks(self, measure: Measure, count: int, exercise: str | None = None) -> list[Week]:
        return (
            self._guarded(
                lambda: self.history.weeks(self.profile, measure, self.today, count=count, exercise=exercise)
            )
            or []
        )

    def _draw_charts(self) -> None:
        exercise, count = self.exercise.currentData(), self.span.currentData()
        unit = amounts.sign(self.library, exercise) if exercise is not None else ""
        known = self.library.get(exercise) if exercise is not None else None
        hold = known is not None and known.counting.kind == "hold"
        nothing, of_reps = t("Nothing in these weeks."), t("A hold is counted by its minutes.")
        shown: tuple[tuple[WeekChart, Measure, str, Callable[[float], str]], ...] = (
            (self.reps, "reps", t("Repetitions"), lambda v: amounts.reps(round(v))),
            (self.minutes, "minutes", t("Minutes of work"), lambda v: t("{count} min", count=f"{v:.1f}")),
            (self.score, "score", t("Form score"), lambda v: f"{v:.0f}"),
            (self.range, "range", t("Range"), lambda v: f"{v:.0f}{unit}"),
        )
        for chart, measure, title, say in shown:
            if measure == "range" and exercise is None:
                chart.show_weeks([], title=title, say=say, empty=t("Choose an exercise to see its range."))
                continue
            weeks = self._weeks(measure, count, exercise)
            empty = of_reps if hold and measure in ("reps", "range") else nothing
            sign = unit if measure == "range" else ""
            most = 100.0 if measure == "score" else None
            chart.show_weeks(weeks, title=title, say=say, empty=empty, sign=sign, most=most)
        bests = [
            amounts.best_amount(best, self.library)
            for best in (
                self._guarded(lambda: self.history.bests(self.profile, exercises=[exercise]))
                if exercise
                else None
            )
            or []
        ]
        self.best.setText(t("Best: {bests}", bests=" · ".join(bests)) if bests else "")

    def _enable(self) -> None:
        there = bool(self.list.lines)
        self.open.setEnabled(self.list.chosen is not None)
        can_change = self.history.only_shown is None
        self.delete.setEnabled(can_change and self.list.chosen is not None)
        self.people.setEnabled(can_change)
        self.export.setEnabled(there)
        for part in (self.figures, self.something):
            part.setVisible(there)
        self.nothing.setVisible(not there)

    def _guarded(self, read: Callable[[], T]) -> T | None:
        """What was read, or None: then the line below says why."""
        try:
            return read()
        except HistoryError as error:
            self._tell(said(error))
            return None

    def _tell(self, text: str) -> None:
        self.told.setText(text)
        self.told.setVisible(bool(text))

    def retranslate(self) -> None:
        """Sets all texts, and the icons in the theme's colours."""
        self.title.setText(t("History"))
        why = self.history.only_shown
        self._tell(said(why) if why is not None else "")  # it would stay in the language that it was said in
        self.nothing.say(
            t("Your workouts will stand here. Go home and choose one: five minutes are enough."),
            t("Choose a workout"),
        )
        theme.label(self.home, t("Home"))
        self.home.setIcon(theme.icon("home"))
        theme.label(self.export, t("Export"))
        self.export.setIcon(theme.icon("folder"))
        self.list_title.setText(t("Workouts"))
        theme.label(self.open, t("Open"))
        self.open.setIcon(theme.icon("check"))
        theme.label(self.delete, t("Delete"))
        self.delete.setIcon(theme.icon("close"))
        theme.label(self.undo, t("Undo"))
        self.undo.setIcon(theme.icon("reset"))
        self.profiles.setAccessibleName(t("Profile"))
        self.exercise.setAccessibleName(t("Exercise"))
        self.span.setAccessibleName(t("How many weeks"))
        self.people.setIcon(theme.icon("edit"))
        self.people.setAccessibleName(t("Profiles: new, rename, delete"))
        self.people.setToolTip(t("Profiles: new, rename, delete"))
        self.people_menu.clear()
        self.people_menu.addAction(t("New profile…"), self._ask_for_profile)
        self.people_menu.addAction(t("Rename…"), self._ask_for_name)
        self.people_menu.addAction(t("Delete this profile and all it did…"), self._ask_to_delete)
        self.export_menu.clear()
        for kind, text in zip(
            EXPORTS, (t("Table (CSV)…"), t("Everything (JSON)…"), t("Report (PDF)…")), strict=True
        ):
            self.export_menu.addAction(text, partial(self._ask_where, kind))
        self.list.retranslate()
        self.past.retranslate()
        self._say_deleted()
        self.refresh()

    def set_unit(self, unit: float, *, portrait: bool) -> None:
        """Sizes follow the window."""
        self._unit, self._portrait = unit, portrait
        gap = round(14 * unit)
        self._all.setContentsMargins(gap, gap, gap, gap)
        self._all.setSpacing(round(12 * unit))
        for layout in (self._head, self._filter, self._grid, *self._columns):
            layout.setSpacing(round(10 * unit))
        self._body.setSpacing(gap)
        self._undo_row.setContentsMargins(gap, gap // 2, gap // 2, gap // 2)
        ways = QBoxLayout.Direction
        self._body.setDirection(ways.TopToBottom if portrait else ways.LeftToRight)
        for place, stretch in enumerate((1, 1) if portrait else (5, 3)):
            self._body.setStretch(place, stretch)
        for button in (self.home, self.export, self.profiles, self.people):
            button.setMinimumHeight(round(48 * unit))
        icons = QSize(round(20 * unit), round(20 * unit))
        for tool in (self.home, self.export, self.open, self.delete, self.undo, self.people,
                     self.profiles, self.exercise):  # fmt: skip
            tool.setIconSize(icons)
        for chart in self.charts:
            chart.unit = unit
        self.figures.set_unit(unit)
        self.nothing.set_unit(unit)
        self.list.set_unit(unit)
        self.past.set_unit(unit, portrait=portrait)

    def keys(self) -> dict[Qt.Key, Callable[[], object]]:
        """Keys that no focused widget wants for itself."""
        back = self.close_workout if self._stack.currentIndex() else self.home_wanted.emit
        return {Qt.Key.Key_Escape: back}

    # ---- one workout

    def choose_exercise(self, exercise: str | None) -> None:
        """Charts of it alone; None: of all."""
        self.exercise.setCurrentIndex(max(0, self.exercise.findData(exercise)))
        self._draw_charts()

    def open_workout(self, id: str) -> None:
        done = self._guarded(lambda: self.history.workout(id))
        if done is not None:
            bests = self._guarded(lambda: self.history.new_bests(done, self.profile)) or []
            self.past.show_summary(done, bests=bests)
            self._stack.setCurrentIndex(1)

    def close_workout(self) -> None:
        self._stack.setCurrentIndex(0)
        self.list.setFocus()

    def _correct(self, changed: object) -> None:
        self._guarded(lambda: self.history.add(changed, self.profile))  # type: ignore[arg-type]
        self.refresh()

    # ---- deleting

    def delete_chosen(self) -> None:
        """Takes it out of the list; it can be had back for a moment."""
        id = self.list.chosen
        if id is None:
            return
        row = self.list.currentIndex().row()
        try:
            self.history.hide([id])
        except HistoryError as error:
            self._tell(said(error))
            return
        self._deleted.append(id)
        self._undo_timer.start()
        self._say_deleted()
        self.refresh()
        self.list.setCurrentIndex(self.list.model().index(min(row, len(self.list.lines) - 1), 0))

    def undo_delete(self) -> None:
        self._guarded(lambda: self.history.restore(self._deleted))
        self._deleted.clear()
        self._undo_timer.stop()
        self._say_deleted()
        self.refresh()

    def settle(self) -> None:
        """What was deleted is gone for good now."""
        if self._deleted:
            self._guarded(self.history.purge)
            self._deleted.clear()
            self._undo_timer.stop()
            self._say_deleted()

    def focus_list(self) -> None:
        """The keys begin at the workouts."""
        (self.list if self.list.lines else self.nothing.button).setFocus()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self.settle()

    def _say_deleted(self) -> None:
        count = len(self._deleted)
        self.undo_text.setText(
            t("1 workout deleted") if count == 1 else t("{count} workouts deleted", count=count)
        )
        self.undo_bar.setVisible(count > 0)

    # ---- profiles

    def choose_profile(self, name: str) -> None:
        """That profile's history; it is made when it is not there yet."""
        if not name.strip():
            return
        made = self._guarded(lambda: self.history.profile(name))
        if made is not None:
            self.settle()
            self.profile = made
            self.profile_chosen.emit(made.name)
            self.refresh()
            self.focus_list()

    def rename_profile(self, name: str) -> None:
        renamed = self._guarded(lambda: self.history.rename(self.profile, name))
        if renamed is not None:
            self.profile = renamed
            self.profile_chosen.emit(renamed.name)
            self.refresh()

    def delete_profile(self) -> None:
        """With all that it did, for good; another one is shown then."""
        self._guarded(lambda: self.history.delete_profile(self.profile))
        left = self._guarded(self.history.profiles) or []
        self.choose_profile(left[0].name if left else NAMELESS)

    def _ask_for_profile(self) -> None:
        name, sure = QInputDialog.getText(self, t("New profile…"), t("Name of the new profile"))
        if sure:
            self.choose_profile(name)

    def _ask_for_name(self) -> None:
        name, sure = QInputDialog.getText(
            self,
            t("Rename…"),
            t("New name of {name}", name=profile_name(self.profile.name)),
            QLineEdit.EchoMode.Normal,
            profile_name(self.profile.name),
        )
        if sure:
            self.rename_profile(name)

    def _ask_to_delete(self) -> None:
        """Nothing brings it back, so its name is asked for."""
        text = t(
            "This cannot be undone. To delete {name} with all workouts, write the name.",
            name=profile_name(self.profile.name),
        )
        name, sure = QInputDialog.getText(self, t("Delete this profile and all it did…"), text)
        if sure and name.strip() == profile_name(self.profile.name):
            self.delete_profile()
        elif sure:
            self._tell(t("Nothing was deleted: the name that was written is another one."))

    # ---- exports

    def export_to(self, path: Path, kind: str) -> None:
        """Writes the profile's history; the line below says where, or why not."""
        try:
            if kind == "pdf":
                save_pdf(path, history_report(self.history, self.profile, self.library, self.today))
            else:
                text = (
                    as_csv(self.history, self.profile, language=language())
                    if kind == "csv"
                    else as_json(self.history, self.profile)
                )
                with replacing(path) as temporary:
                    temporary.write_text(text, encoding="utf-8", newline="")
        except FormcueError as error:
            self._tell(said(error))
        else:
            self._tell(t("Saved: {path}", path=path))

    def _ask_where(self, kind: str) -> None:
        name = f"formcue-{profile_name(self.profile.name)}-{self.today.isoformat()}.{kind}"
        path = ask_where(self, t("Export"), name=name, kind=kind.upper())
        if path is not None:
            self.export_to(path, kind)
