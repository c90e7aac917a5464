"""The panel beside the picture (below it in portrait): counter, plot, repetitions, buttons."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QPushButton, QSizePolicy, QWidget

from app.ui import theme
from app.ui.counter import CounterRing
from app.ui.plot import ParameterPlot
from app.ui.rep_list import RepList


class SidePanel(QWidget):
    """Landscape: one column. Portrait: the counter at the left, the rest beside it."""

    toggled = Signal()
    reset_wanted = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.counter = CounterRing()
        self.plot = ParameterPlot()
        self.list = RepList()
        self.primary = theme.named(QPushButton("Start"), "primary")
        self.primary.clicked.connect(self.toggled)
        self.reset = QPushButton()
        theme.label(self.reset, "Reset")
        self.reset.setIcon(theme.icon("reset"))
        self.reset.setToolTip("Count from zero (R)")
        self.reset.clicked.connect(self.reset_wanted)
        for button in (self.primary, self.reset):
            button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self._buttons = QHBoxLayout()
        self._buttons.addWidget(self.primary, 2)
        self._buttons.addWidget(self.reset, 1)
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._portrait: bool | None = None
        self.set_running(False, can_run=False)

    def arrange(self, unit: float, *, portrait: bool) -> None:
        """Sizes and places everything for a window scale."""
        self.plot.unit = unit
        self.list.set_unit(unit)
        height = round(58 * unit)
        for button in (self.primary, self.reset):
            button.setFixedHeight(height)
            button.setIconSize(QSize(round(22 * unit), round(22 * unit)))
        self._grid.setSpacing(round(10 * unit))
        self._buttons.setSpacing(round(10 * unit))
        if portrait != self._portrait:
            self._portrait = portrait
            for part in (self.counter, self.plot, self.list):
                self._grid.removeWidget(part)
            self._grid.removeItem(self._buttons)
            if portrait:
                self._grid.addWidget(self.counter, 0, 0, 3, 1)
                self._grid.addWidget(self.plot, 0, 1)
                self._grid.addWidget(self.list, 1, 1)
                self._grid.addLayout(self._buttons, 2, 1)
            else:
                self._grid.addWidget(self.counter, 0, 0)
                self._grid.addWidget(self.plot, 1, 0)
                self._grid.addWidget(self.list, 2, 0)
                self._grid.addLayout(self._buttons, 3, 0)
            for row in range(4):
                self._grid.setRowStretch(row, 0)
            for column in range(2):
                self._grid.setColumnStretch(column, 1 if portrait or column == 0 else 0)
            self._grid.setRowStretch(1 if portrait else 2, 1)
        # In the column the counter gets all that three rows of the list leave it.
        self.counter.setMinimumHeight(100 if portrait else round(292 * unit))
        self.plot.setFixedHeight(round((110 if portrait else 92) * unit))
        if portrait:
            self.setMinimumWidth(0)
            self.setMaximumWidth(16_777_215)
            self.setFixedHeight(round(330 * unit))
        else:
            self.setMinimumHeight(0)
            self.setMaximumHeight(16_777_215)
            self.setFixedWidth(round(348 * unit))

    def set_running(self, running: bool, *, can_run: bool) -> None:
        """The one button says what it will do."""
        theme.label(self.primary, "Pause" if running else "Start")
        self.primary.setIcon(theme.icon("pause" if running else "play", "on_fill"))
        self.primary.setToolTip("Space")
        self.primary.setEnabled(can_run)
        self.reset.setEnabled(can_run)
