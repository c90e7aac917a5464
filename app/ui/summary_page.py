"""After a set or a workout: how it went, repetition by repetition, and what to work on next."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import (
    QBoxLayout,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from app.errors import FormcueError
from app.history import Best
from app.summary import FaultTotal, SetSummary, WorkoutSummary, fault_text, to_work_on
from app.ui import amounts, theme
from app.ui.amounts import Library
from app.ui.figure_row import FigureRow
from app.ui.pdf import save_pdf
from app.ui.report import workout_report
from app.ui.saving import ask_where
from app.ui.set_card import SetCard
from app.ui.still import PoseStill
from app.ui.words import language, said, t


class SummaryPage(QWidget):
    """Shows a workout or a single set.

        page = SummaryPage(library)
        page.show_summary(summary, bests=history.new_bests(summary, profile))

    again, home_wanted: the two ways on. wrong_rep(set, repetition): that was none.
    corrected(WorkoutSummary): what was counted is now this; it is shown already. past: a workout from the
    history, which has no "again", and home is the way back.
    """  # fmt: skip

    again = Signal()
    home_wanted = Signal()
    wrong_rep = Signal(int, int)
    corrected = Signal(object)

    def __init__(self, library: Library, *, past: bool = False) -> None:
        super().__init__()
        theme.named(self, "page")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.library, self.past = library, past
        self.summary: WorkoutSummary | None = None
        self.bests: Sequence[Best] = ()
        self.cards: list[SetCard] = []
        self._unit, self._portrait = 1.0, False
        self.title = theme.named(QLabel(), "noticeTitle")
        self.when = theme.named(QLabel(), "status")
        self.home, self.export = QPushButton(), QPushButton()
        self.go_again = theme.named(QPushButton(), "primary")
        self.hint = theme.named(QLabel(), "lead")  # what goes without touching anything
        self.told = theme.named(QLabel(), "quiet")  # what became of the report
        for line in (self.hint, self.told):
            line.hide()
        self.figures = FigureRow()
        self.next = theme.named(QFrame(), "card")
        self.next_title = theme.named(QLabel(), "heading")
        self.next_text = theme.named(QLabel(), "lead")
        self.next_often = theme.named(QLabel(), "status")
        self.still = PoseStill()
        self.best = theme.named(QFrame(), "card")
        self.best_title = theme.named(QLabel(), "heading")
        self.best_text = theme.named(QLabel(), "lead")
        for label in (
            self.title, self.hint, self.told, self.next_title, self.next_text, self.next_often,
            self.best_title, self.best_text,
        ):  # fmt: skip
            label.setWordWrap(True)
            label.setTextFormat(Qt.TextFormat.PlainText)
        self._lay_out()
        self.home.clicked.connect(self.home_wanted)
        self.go_again.clicked.connect(self.again)
        self.export.clicked.connect(self._ask_for_report)
        self.retranslate()

    def _lay_out(self) -> None:
        words = QVBoxLayout()
        words.addWidget(self.title)
        words.addWidget(self.when)
        self._head = QHBoxLayout()
        self._head.addWidget(self.home)
        self._head.addLayout(words, 1)
        for button in (self.export, self.go_again):
            self._head.addWidget(button)
        self._next = QVBoxLayout(self.next)
        for part in (self.next_title, self.still, self.next_text, self.next_often):
            self._next.addWidget(part)
        self._best = QVBoxLayout(self.best)
        self._best.addWidget(self.best_title)
        self._best.addWidget(self.best_text)
        self._side = QVBoxLayout()
        self._side.addWidget(self.next)
        self._side.addWidget(self.best)
        self._side.addStretch(1)
        inner = theme.named(QWidget(), "page")
        self._list = QVBoxLayout(inner)
        self._empty = theme.named(QLabel(), "lead")
        self._empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._empty.setWordWrap(True)
        self._list.addWidget(self._empty, 1)
        self._list.addStretch(1)
        self._scroll = QScrollArea()
        self._scroll.setWidgetResizable(True)
        self._scroll.setFrameShape(QFrame.Shape.NoFrame)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._scroll.setWidget(inner)
        self._body = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        self._body.addWidget(self._scroll, 1)
        self._body.addLayout(self._side)
        self._all = QVBoxLayout(self)
        self._all.addLayout(self._head)
        self._all.addWidget(self.hint)
        self._all.addWidget(self.figures)
        self._all.addLayout(self._body, 1)
        self._all.addWidget(self.told)

    # ---- what is shown

    def show_summary(self, summary: WorkoutSummary | SetSummary, *, bests: Sequence[Best] = ()) -> None:
        """bests: what this workout was better in than all before it."""
        if isinstance(summary, SetSummary):
            summary = _alone(summary, self.library)
        self.summary, self.bests = summary, bests
        for card in self.cards:
            card.hide()  # else one that was added this very turn is shown yet, as a window of its own
            card.setParent(None)
            card.deleteLater()
        self.cards = [
            SetCard(done, number, len(summary.sets), self.library)
            for number, done in enumerate(summary.sets, 1)
        ]
        for place, card in enumerate(self.cards):
            self._list.insertWidget(1 + place, card)
            card.rep_removed.connect(lambda rep, at=place: self._remove(at, rep))
            card.rep_added.connect(lambda at=place: self._add(at))
        self.retranslate()
        self.set_unit(self._unit, portrait=self._portrait)
        (self.home if self.past else self.go_again).setFocus()

    def show_hint(self, text: str) -> None:
        """A line below the title; empty: none any more, and nothing moves up under somebody's mouse."""
        self.hint.setVisible(bool(text))
        if text:
            self.hint.setText(text)
            policy = self.hint.sizePolicy()
            policy.setRetainSizeWhenHidden(True)
            self.hint.setSizePolicy(policy)

    def save_report(self, path: Path) -> None:
        """Writes what is shown as a PDF; a line at the foot says where, or why not."""
        assert self.summary is not None
        try:
            save_pdf(path, workout_report(self.summary, self.library))
        except FormcueError as error:
            self._tell(said(error))
        else:
            self._tell(t("Saved: {path}", path=path))

    def _ask_for_report(self) -> None:
        if self.summary is None:
            return
        name = f"formcue-{self.summary.started:%Y-%m-%d}.pdf"
        path = ask_where(self, t("Report as PDF"), name=name, kind="PDF")
        if path is not None:
            self.save_report(path)

    def _tell(self, text: str) -> None:
        self.told.setText(text)
        self.told.setVisible(bool(text))

    def _remove(self, place: int, rep: int) -> None:
        assert self.summary is not None
        self.wrong_rep.emit(place, rep)
        self._correct(place, self.summary.sets[place].without(rep), chosen=rep - 1)

    def _add(self, place: int) -> None:
        assert self.summary is not None
        changed = self.summary.sets[place].with_one_more()
        self._correct(place, changed, chosen=len(changed.reps) - 1)

    def _correct(self, place: int, changed: SetSummary, *, chosen: int) -> None:
        assert self.summary is not None
        at = self._scroll.verticalScrollBar().value()
        self.show_summary(self.summary.with_set(place, changed), bests=self.bests)
        strip = self.cards[place].strip
        if strip.reps:
            strip.choose(max(0, chosen))
            strip.setFocus()
        self._scroll.verticalScrollBar().setValue(at)
        self.corrected.emit(self.summary)

    def retranslate(self) -> None:
        """Sets all texts, and the icons in the theme's colours."""
        self._tell("")  # it would stay in the language that it was said in
        theme.label(self.home, t("Back") if self.past else t("Home"))
        self.home.setIcon(theme.icon("back" if self.past else "home"))
        theme.label(self.export, t("Report as PDF"))
        self.export.setIcon(theme.icon("folder"))
        theme.label(self.go_again, t("Once more"))
        self.go_again.setIcon(theme.icon("refresh", "on_fill"))
        self.go_again.setVisible(not self.past)
        self.best_title.setText(t("Personal bests"))
        self._empty.setText(
            t("Nothing was counted. Take the start position, all of you in the picture, and try again.")
        )
        for card in self.cards:
            card.retranslate()
        summary = self.summary
        self.export.setVisible(summary is not None and bool(summary.sets))
        self._empty.setVisible(summary is None or not summary.sets)
        self.figures.setVisible(summary is not None and bool(summary.sets))
        if summary is None:
            self.title.setText(t("Nothing done yet"))
            self.next.hide()
            self.best.hide()
            return
        self._say(summary)

    def _say(self, summary: WorkoutSummary) -> None:
        name = amounts.names(summary.names)
        if self.past:
            self.title.setText(name)
        elif summary.finished:
            self.title.setText(t("Done: {name}", name=name))
        else:
            self.title.setText(t("Ended early: {name}", name=name))
        self.when.setText(amounts.moment_text(summary.started))
        figures = [(amounts.score_text(summary.score), t("form score of 100"))]
        if summary.count:
            figures.append((str(summary.count), t("rep") if summary.count == 1 else t("reps")))
        if summary.held:
            figures.append((amounts.length(summary.held), t("held")))
        figures.append((str(len(summary.sets)), t("set") if len(summary.sets) == 1 else t("sets")))
        figures.append((amounts.length(summary.work), t("at work")))
        if summary.seconds > summary.work:
            figures.append((amounts.length(summary.seconds), t("in all")))
        self.figures.show_figures(figures)
        self.best.setVisible(bool(self.bests))
        self.best_text.setText("\n".join(amounts.best_text(best, self.library) for best in self.bests))
        self._say_next(summary)

    def _say_next(self, summary: WorkoutSummary) -> None:
        """What cost the most; praise when nothing did."""
        found = to_work_on(summary)
        self.next.setVisible(bool(summary.sets))
        self.still.setVisible(found is not None)
        self.next_often.setVisible(found is not None)
        if found is None:
            self.next_title.setText(t("Nothing to correct"))
            self.next_text.setText(t("Every repetition was clean. Next time: one more, or a little slower."))
            return
        exercise, total = found
        self.next_title.setText(t("Work on next"))
        self.still.show_fault(total.worst)
        self.next_text.setText(fault_text(self.library.get(exercise), total.worst, language()))
        self.next_often.setText(self._how_often(exercise, total, summary))

    def _how_often(self, exercise: str, total: FaultTotal, summary: WorkoutSummary) -> str:
        same = [done for done in summary.sets if done.exercise == exercise]
        if total.worst.seconds is not None:
            held = round(sum(done.held for done in same))
            often = t("for {done} of {all} s", done=round(total.amount), all=held)
        else:
            count = sum(done.count for done in same)
            often = t("in {done} of {all} reps", done=round(total.amount), all=count)
        return amounts.named(self.library, exercise, often)

    # ---- size and keys

    def set_unit(self, unit: float, *, portrait: bool) -> None:
        """Sizes follow the window."""
        self._unit, self._portrait = unit, portrait
        gap = round(14 * unit)
        self._all.setContentsMargins(gap, gap, gap, gap)
        self._all.setSpacing(round(12 * unit))
        self._head.setSpacing(round(10 * unit))
        self._list.setContentsMargins(0, 0, round(6 * unit), 0)
        for layout in (self._list, self._body, self._side):
            layout.setSpacing(round(12 * unit))
        for layout in (self._next, self._best):
            layout.setContentsMargins(round(16 * unit), gap, round(16 * unit), gap)
            layout.setSpacing(round(8 * unit))
        ways = QBoxLayout.Direction
        # In portrait the advice is above the sets: below them it would be at the foot of the window.
        self._body.setDirection(ways.BottomToTop if portrait else ways.LeftToRight)
        for frame in (self.next, self.best):
            frame.setMinimumWidth(0 if portrait else round(300 * unit))
            frame.setMaximumWidth(16_777_215 if portrait else round(300 * unit))
        self.figures.set_unit(unit)
        self.still.set_unit(1.9 * unit if not portrait else 1.2 * unit)
        for button in (self.home, self.export, self.go_again):
            button.setMinimumHeight(round(54 * unit))
            button.setIconSize(QSize(round(20 * unit), round(20 * unit)))
        for card in self.cards:
            card.set_unit(unit)

    def keys(self) -> dict[Qt.Key, Callable[[], object]]:
        """Keys that no focused widget wants for itself."""
        out: dict[Qt.Key, Callable[[], object]] = {Qt.Key.Key_Escape: self.home_wanted.emit}
        if not self.past:
            out[Qt.Key.Key_Space] = self.again.emit
        return out


def _alone(done: SetSummary, library: Library) -> WorkoutSummary:
    """A workout of that set."""
    known = library.get(done.exercise)
    return WorkoutSummary(
        id="",
        plan=done.exercise,
        names=known.names if known is not None else {"en": done.exercise},
        started=datetime.now().astimezone(),
        seconds=done.seconds,
        sets=(done,),
    )
