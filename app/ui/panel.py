"""The panel beside the picture (below it in portrait): counter, plot, repetitions, buttons."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QPushButton, QSizePolicy, QToolButton, QWidget

from app.ui import theme
from app.ui.counter import CounterRing
from app.ui.pacer import Pacer
from app.ui.plot import ParameterPlot
from app.ui.rep_list import ROW, RepList
from app.ui.words import t

WIDEST = 16_777_215  # Qt's own "no limit"


class SidePanel(QWidget):
    """Landscape: one column. Portrait: the counter at the left, the rest beside it."""

    toggled = Signal()  # start, pause, go on
    finish_wanted = Signal()
    one_more_wanted = Signal()
    no_rep_wanted = Signal()
    wrong_cue_wanted = Signal()
    wrong_rep_wanted = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.counter = CounterRing()
        self.plot = ParameterPlot()
        self.pacer = Pacer()
        self.pacer.hide()
        self.list = RepList()
        self.primary = theme.named(QPushButton(), "primary")
        self.primary.clicked.connect(self.toggled)
        self.finish = QPushButton()
        self.finish.clicked.connect(self.finish_wanted)
        self.one_more, self.no_rep = QToolButton(), QToolButton()
        self.wrong_rep, self.wrong_cue = QToolButton(), QToolButton()
        self._small = (self.one_more, self.no_rep, self.wrong_rep, self.wrong_cue)
        for small, asked in zip(
            self._small,
            (self.one_more_wanted, self.no_rep_wanted, self.wrong_rep_wanted, self.wrong_cue_wanted),
            strict=True,
        ):
            small.clicked.connect(asked)
            small.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self._buttons, self._corrections = QHBoxLayout(), QHBoxLayout()
        self._buttons.addWidget(self.primary, 3)
        self._buttons.addWidget(self.finish, 2)
        for button in (self.primary, self.finish, *self._small):
            button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            if button in self._small:
                self._corrections.addWidget(button, 3 if button in (self.wrong_rep, self.wrong_cue) else 2)
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._portrait = False
        self._place(portrait=False)
        self._unit = 1.0
        self._running = self._can_run = False
        self.retranslate()

    def retranslate(self) -> None:
        """Sets all texts, and the icons in the theme's colours."""
        theme.label(self.finish, t("Finish"))
        self.finish.setIcon(theme.icon("flag"))
        self.finish.setToolTip(t("Ends the set or the workout (Enter)"))
        for button, icon, text, tip in (
            (self.one_more, "plus", "1", t("One more: this repetition was missed (+)")),
            (self.no_rep, "minus", "1", t("That was no repetition (-)")),
            (
                self.wrong_rep,
                "close",
                t("count"),
                t("Wrong count: keeps the last ten seconds of poses (C)"),
            ),
            (self.wrong_cue, "close", t("cue"), t("Wrong cue: keeps the last ten seconds of poses (X)")),
        ):
            button.setText(text)
            button.setIcon(theme.icon(icon))
            button.setToolTip(tip)
            button.setAccessibleName(tip)
        self.set_running(self._running, can_run=self._can_run)
        self.list.retranslate()
        self.plot.retranslate()
        self.pacer.retranslate()

    def arrange(self, unit: float, *, portrait: bool) -> None:
        """Sizes and places everything for a window scale."""
        self.plot.unit = self.pacer.unit = unit
        self.list.set_unit(unit)
        self.counter.set_unit(unit)
        for button in (self.primary, self.finish):
            button.setFixedHeight(round(56 * unit))
            button.setIconSize(QSize(round(22 * unit), round(22 * unit)))
        for small in self._small:
            small.setFixedHeight(round(38 * unit))
            small.setIconSize(QSize(round(16 * unit), round(16 * unit)))
        self._grid.setSpacing(round(8 * unit))
        self._buttons.setSpacing(round(8 * unit))
        self._corrections.setSpacing(round(6 * unit))
        if portrait != self._portrait:
            self._portrait = portrait
            self._place(portrait=portrait)
        self._unit = unit
        self._share_height()
        self.pacer.setFixedHeight(round(92 * unit))
        if portrait:
            self.setMinimumWidth(0)
            self.setMaximumWidth(WIDEST)
            self.setFixedHeight(round(370 * unit))
        else:
            self.setMinimumHeight(0)
            self.setMaximumHeight(WIDEST)
            self.setFixedWidth(round(348 * unit))

    def show_pacer(self, on: bool) -> None:
        """The metronome takes its room from the counter and the list."""
        self.pacer.setVisible(on)
        self._share_height()

    def _share_height(self) -> None:
        """Whole rows of the list are seen; in the column the counter gets all that they leave it."""
        paced, unit = self.pacer.isVisibleTo(self), self._unit
        if self._portrait:
            rows, tall, plot = 1, 100, 104 if paced else 124
        else:
            rows, tall, plot = 2 if paced else 3, 180, 92
        self.list.setMinimumHeight(round(rows * ROW * unit))
        self.counter.setMinimumHeight(round(tall * unit))
        self.plot.setFixedHeight(round(plot * unit))

    def _place(self, *, portrait: bool) -> None:
        for part in (self.counter, self.plot, self.pacer, self.list):
            self._grid.removeWidget(part)
        for line in (self._corrections, self._buttons):
            self._grid.removeItem(line)
        column = 1 if portrait else 0
        first = 0 if portrait else 1
        if portrait:
            self._grid.addWidget(self.counter, 0, 0, 5, 1)
        else:
            self._grid.addWidget(self.counter, 0, 0)
        self._grid.addWidget(self.plot, first, column)
        self._grid.addWidget(self.pacer, first + 1, column)
        self._grid.addWidget(self.list, first + 2, column)
        self._grid.addLayout(self._corrections, first + 3, column)
        self._grid.addLayout(self._buttons, first + 4, column)
        for row in range(6):
            self._grid.setRowStretch(row, 1 if row == first + 2 else 0)
        for place in range(2):
            self._grid.setColumnStretch(place, 1 if portrait or place == 0 else 0)

    def set_running(self, running: bool, *, can_run: bool, text: str = "") -> None:
        """The one button says what it will do. text: other than to pause or to start."""
        self._running, self._can_run = running, can_run
        theme.label(self.primary, text or (t("Pause") if running else t("Start")))
        self.primary.setIcon(theme.icon("pause" if running and not text else "play", "on_fill"))
        self.primary.setToolTip(t("Space"))
        self.primary.setEnabled(can_run)
        for button in (self.finish, *self._small):
            button.setEnabled(can_run)
