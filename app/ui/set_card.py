"""One set of a summary: its amounts, its repetitions side by side, and its faults at their worst moments."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from app.summary import FaultTotal, SetSummary, fault_text
from app.ui import amounts, theme
from app.ui.amounts import Library
from app.ui.charts import RepStrip
from app.ui.demonstration_view import demonstration_still
from app.ui.still import PoseStill
from app.ui.words import language, t

MOST_FAULTS = 4


class FaultRow(QWidget):
    """A fault: the skeleton at its worst moment, what to do about it, and how often it was there."""

    def __init__(self, total: FaultTotal, done: SetSummary, library: Library) -> None:
        super().__init__()
        self.total, self.done, self.library = total, done, library
        self.still = PoseStill(total.worst)
        self._sign = QLabel()
        self.text = theme.named(QLabel(), "lead")
        self.text.setWordWrap(True)
        self.text.setTextFormat(Qt.TextFormat.PlainText)
        self.often = theme.named(QLabel(), "status")
        words = QVBoxLayout()
        words.addStretch(1)
        words.addWidget(self.text)
        below = QHBoxLayout()
        below.addWidget(self._sign)
        below.addWidget(self.often, 1)
        words.addLayout(below)
        words.addStretch(1)
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.addWidget(self.still)
        self._row.addLayout(words, 1)

    def retranslate(self) -> None:
        self.still.retranslate()
        known = self.library.get(self.done.exercise)
        self.text.setText(fault_text(known, self.total.worst, language()))
        self.often.setText(amounts.fault_amount(self.total, self.done))

    def set_unit(self, unit: float) -> None:
        self.still.set_unit(unit)
        self._row.setSpacing(round(12 * unit))
        ink, icon = theme.SEVERITIES[self.total.severity]
        self._sign.setPixmap(theme.pixmap(icon, round(16 * unit), ink, self.devicePixelRatioF()))


class SetCard(QFrame):
    """rep_removed(place), rep_added: the athlete corrects what was counted."""

    rep_removed = Signal(int)
    rep_added = Signal()

    def __init__(self, done: SetSummary, number: int, total: int, library: Library) -> None:
        super().__init__()
        theme.named(self, "card")
        self.done, self.number, self.total, self.library = done, number, total, library
        self.picture = QLabel()
        self.title = theme.named(QLabel(), "heading")
        self.details = theme.named(QLabel(), "lead")
        self.details.setWordWrap(True)
        self.score = theme.named(QLabel(), "heading")
        self.strip = RepStrip(done.reps, self._rep_text)
        self.rep = theme.named(QLabel(), "lead")
        self.rep.setWordWrap(True)
        self.remove, self.add = QPushButton(), QPushButton()
        faults = [total for total in done.faults if total.severity != "info"] or list(done.faults)
        self.faults = [FaultRow(total, done, library) for total in faults[:MOST_FAULTS]]
        self._lay_out()
        self.strip.chosen_changed.connect(lambda _: self._show_rep())
        self.strip.removal_wanted.connect(self.rep_removed)
        self.remove.clicked.connect(lambda: self.rep_removed.emit(self.strip.chosen))
        self.add.clicked.connect(self.rep_added)
        for button in (self.remove, self.add):
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.retranslate()

    def _lay_out(self) -> None:
        words = QVBoxLayout()
        words.addWidget(self.title)
        words.addWidget(self.details)
        head = QHBoxLayout()
        head.addWidget(self.picture)
        head.addLayout(words, 1)
        head.addWidget(self.score, 0, Qt.AlignmentFlag.AlignTop)
        correct = QHBoxLayout()
        correct.addWidget(self.rep, 1)
        correct.addWidget(self.remove)
        correct.addWidget(self.add)
        self._faults = QGridLayout()
        for place, row in enumerate(self.faults):
            self._faults.addWidget(row, place // 2, place % 2)
        for column in (0, 1):
            self._faults.setColumnStretch(column, 1)
        self._all = QVBoxLayout(self)
        for part in (head, self.strip, correct, self._faults):
            if isinstance(part, QWidget):
                self._all.addWidget(part)
            else:
                self._all.addLayout(part)

    def retranslate(self) -> None:
        name = amounts.exercise_name(self.library, self.done.exercise)
        if self.total > 1:
            name = t("{number}. {exercise}", number=self.number, exercise=name)
        self.title.setText(name)
        self.details.setText(" · ".join(amounts.set_details(self.done, self.library)))
        self.score.setText(t("Form {score}", score=amounts.score_text(self.done.score)))
        self.score.setToolTip(
            t("100: no fault in any repetition. A warning takes half of a repetition, an error all of it.")
        )
        self.remove.setText(t("That was no hold") if self._is_hold else t("That was no rep"))
        self.add.setText(t("One was missed"))
        self.strip.retranslate()
        for row in self.faults:
            row.retranslate()
        self._show_rep()

    def set_unit(self, unit: float) -> None:
        pad = round(16 * unit)
        self._all.setContentsMargins(pad, pad, pad, pad)
        self._all.setSpacing(round(10 * unit))
        self._faults.setSpacing(round(12 * unit))
        self.strip.set_unit(unit)
        size = QSize(round(74 * unit), round(74 * unit))
        self.picture.setPixmap(demonstration_still(self.done.exercise, size, self.devicePixelRatioF()))
        for row in self.faults:
            row.set_unit(unit)

    @property
    def _is_hold(self) -> bool:
        known = self.library.get(self.done.exercise)
        return known is not None and known.counting.kind == "hold"

    def _rep_text(self, place: int) -> str:
        """A repetition in words, its faults with it."""
        rep = self.done.reps[place]
        known = self.library.get(self.done.exercise)
        parts = amounts.rep_details(rep, place + 1, self.done, self.library)
        faults = [fault_text(known, fault, language()) for fault in rep.faults]
        return " · ".join(parts) + "".join(f"\n{fault}" for fault in faults)

    def _show_rep(self) -> None:
        chosen = self.strip.chosen
        there = bool(self.done.reps)
        self.remove.setEnabled(chosen is not None)
        self.remove.setVisible(there)
        self.add.setHidden(self._is_hold)  # nobody knows how long it was
        if chosen is not None:
            self.rep.setText(self._rep_text(chosen))
        elif not there:
            self.rep.setText("")
        elif self._is_hold:
            self.rep.setText(t("Choose a hold to see more of it."))
        else:
            self.rep.setText(t("Choose a repetition to see more of it."))
