"""One step of a plan in fields: sets, rests, and of each exercise the amount, the load and the tempo."""

from __future__ import annotations

from dataclasses import replace
from typing import Generic, TypeVar

from PySide6.QtCore import QLocale, QSignalBlocker, QSize, Qt, Signal
from PySide6.QtWidgets import (
    QAbstractSpinBox,
    QComboBox,
    QDoubleSpinBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QListView,
    QSpinBox,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app.loads import MOST, STEP, Load, in_unit
from app.planfile import MOST_REPS, MOST_REST, MOST_ROUNDS, MOST_SECONDS
from app.plans import PlannedExercise, PlanStep
from app.summary import Tempo
from app.ui import amounts, theme
from app.ui.amounts import Library
from app.ui.words import t

USUAL_TEMPO = Tempo(out=2.0, turn=0.0, back=1.0)
REPS, SECONDS = 0, 1  # rows of the picker


Box = TypeVar("Box", bound=QAbstractSpinBox)


class Stepper(QWidget, Generic[Box]):
    """A number with a button on either side: less and more. wide: of the number's field, in units."""

    def __init__(self, box: Box, *, wide: int = 84) -> None:
        super().__init__()
        self.box: Box = theme.named(box, "plain")
        self._wide = wide
        self.box.setButtonSymbols(QAbstractSpinBox.ButtonSymbols.NoButtons)
        self.box.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.less, self.more = QToolButton(), QToolButton()
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        for part in (self.less, self.box, self.more):
            self._row.addWidget(part)
        for button, step in ((self.less, self.box.stepDown), (self.more, self.box.stepUp)):
            button.setAutoRepeat(True)
            button.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # the arrow keys do the same in the field
            button.clicked.connect(step)

    def retranslate(self, name: str) -> None:
        """name: of the number, for screen readers."""
        self.box.setAccessibleName(name)
        for button, icon, text in ((self.less, "minus", t("less")), (self.more, "plus", t("more"))):
            button.setIcon(theme.icon(icon))
            button.setAccessibleName(f"{name}: {text}")

    def set_unit(self, unit: float) -> None:
        self._row.setSpacing(round(4 * unit))
        self.box.setFixedSize(round(self._wide * unit), round(42 * unit))
        for button in (self.less, self.more):
            button.setFixedSize(round(42 * unit), round(42 * unit))
            button.setIconSize(QSize(round(18 * unit), round(18 * unit)))


class _LoadBox(QDoubleSpinBox):
    """What is lifted, in the unit that loads are shown in; 0 is none."""

    def __init__(self) -> None:
        super().__init__()
        self.setDecimals(2)

    def show_load(self, load: Load | None) -> None:
        """Announces nothing."""
        unit = amounts.unit()
        with QSignalBlocker(self):
            self.setRange(0.0, MOST[unit])
            self.setSingleStep(STEP[unit])
            self.setValue(0.0 if load is None else in_unit(load.kg, unit))
            self.setSpecialValueText(t("no load"))
            self.setSuffix(f" {t('lb') if unit == 'lb' else t('kg')}")

    @property
    def load(self) -> Load | None:
        return Load(value=self.value(), unit=amounts.unit()) if self.value() else None

    def textFromValue(self, value: float) -> str:
        return self.locale().toString(value, "f", QLocale.FloatingPointPrecisionOption.FloatingPointShortest)


class _Amount(QWidget):
    """One exercise: how many or how long, with what load, and in what time."""

    changed = Signal()

    def __init__(self, planned: PlannedExercise, library: Library) -> None:
        super().__init__()
        self.planned, self.library = planned, library
        self.is_hold = library[planned.exercise].counting.kind == "hold"
        self.name = theme.named(QLabel(), "lead")
        self.name.setWordWrap(True)  # the fields beside it keep their width
        self.amount = Stepper(QSpinBox())
        self.load = Stepper(_LoadBox(), wide=104)
        self.kind = QComboBox()
        self.kind.setView(QListView())  # the style sheet's rows; Fusion's own popup ignores them
        self.with_tempo = QToolButton()
        self.with_tempo.setCheckable(True)
        self.with_tempo.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.tempo = [theme.named(QDoubleSpinBox(), "plain") for _ in range(3)]
        for box in self.tempo:
            box.setButtonSymbols(QAbstractSpinBox.ButtonSymbols.NoButtons)
            box.setAlignment(Qt.AlignmentFlag.AlignCenter)
            box.setRange(0.0, 30.0)
            box.setSingleStep(0.5)
            box.setDecimals(1)
        self._row, self._tempo_row = QHBoxLayout(), QHBoxLayout()
        self._row.addWidget(self.name, 1)
        self._row.addWidget(self.amount)
        self._row.addWidget(self.kind)
        self._row.addWidget(self.load)
        self._tempo_row.addStretch(1)
        for part in (self.with_tempo, *self.tempo):
            self._tempo_row.addWidget(part)
        self._all = QVBoxLayout(self)
        self._all.setContentsMargins(0, 0, 0, 0)
        self._all.addLayout(self._row)
        self._all.addLayout(self._tempo_row)
        self._show()
        self.amount.box.valueChanged.connect(self._on_change)
        self.load.box.valueChanged.connect(self._on_load)
        self.kind.activated.connect(self._on_kind)
        self.with_tempo.toggled.connect(self._on_change)
        for box in self.tempo:
            box.valueChanged.connect(self._on_change)

    def _show(self) -> None:
        planned = self.planned
        reps = planned.reps is not None
        self.amount.box.setRange(1, MOST_REPS if reps else int(MOST_SECONDS))
        self.amount.box.setValue(planned.reps if planned.reps is not None else round(planned.seconds or 1.0))
        self.retranslate()
        self.kind.setCurrentIndex(REPS if reps else SECONDS)
        self.kind.setEnabled(not self.is_hold)
        self.with_tempo.setChecked(planned.tempo is not None)
        tempo = planned.tempo or USUAL_TEMPO
        for box, value in zip(self.tempo, (tempo.out, tempo.turn, tempo.back), strict=True):
            box.setValue(value)
        self._show_tempo()

    def _show_tempo(self) -> None:
        self.with_tempo.setVisible(not self.is_hold)
        for box in self.tempo:
            box.setVisible(not self.is_hold and self.with_tempo.isChecked())

    def _on_kind(self, row: int) -> None:
        """From repetitions to seconds and back, with a usual amount."""
        value = 10 if row == REPS else 30
        self.planned = replace(
            self.planned, reps=value if row == REPS else None, seconds=None if row == REPS else float(value)
        )
        self.blockSignals(True)
        self._show()
        self.blockSignals(False)
        self.changed.emit()

    def _on_load(self) -> None:
        """Only now: a load that nobody touches stays as it was written, in its own unit."""
        self.planned = replace(self.planned, load=self.load.box.load)
        self.changed.emit()

    def _on_change(self) -> None:
        reps = self.kind.currentIndex() == REPS
        out, turn, back = (box.value() for box in self.tempo)
        self._show_tempo()
        self.planned = replace(
            self.planned,
            reps=self.amount.box.value() if reps else None,
            seconds=None if reps else float(self.amount.box.value()),
            tempo=Tempo(out=out, turn=turn, back=back) if self.with_tempo.isChecked() else None,
        )
        self.changed.emit()

    def retranslate(self) -> None:
        self.name.setText(amounts.exercise_name(self.library, self.planned.exercise))
        row = self.kind.currentIndex()
        self.kind.clear()
        self.kind.addItems([t("reps"), t("seconds")])
        self.kind.setCurrentIndex(row)
        self.kind.setAccessibleName(t("Repetitions or seconds"))
        self.amount.retranslate(t("How many"))
        self.load.retranslate(t("Load"))
        self.load.box.show_load(self.planned.load)
        self.with_tempo.setText(t("Tempo"))
        for box, text in zip(self.tempo, amounts.ways(self.library, self.planned.exercise), strict=True):
            box.setPrefix(f"{text} ")
            box.setSuffix(f" {t('s')}")
            box.setAccessibleName(t("Tempo: {part}", part=text))

    def set_unit(self, unit: float) -> None:
        for layout in (self._all, self._row, self._tempo_row):
            layout.setSpacing(round(8 * unit))
        for stepper in (self.amount, self.load):
            stepper.set_unit(unit)
        for part in (self.kind, self.with_tempo):
            part.setMinimumHeight(round(42 * unit))
        for box in self.tempo:  # as wide as what is in them, in any language and size
            box.setFixedHeight(round(42 * unit))


class StepForm(QWidget):
    """changed(PlanStep): with every change of a field."""

    changed = Signal(object)

    def __init__(self, library: Library) -> None:
        super().__init__()
        self.library = library
        self._step: PlanStep | None = None
        self._unit = 1.0
        self.steppers = tuple(Stepper(QSpinBox()) for _ in range(3))
        self.sets, self.rest, self.between = (stepper.box for stepper in self.steppers)
        self.sets.setRange(1, MOST_ROUNDS)
        for box in (self.rest, self.between):
            box.setRange(0, int(MOST_REST))
            box.setSingleStep(5)
        self.labels = [QLabel() for _ in range(3)]
        self._around = QGridLayout()
        places = ((0, 0, 1), (0, 2, 1), (1, 0, 3))  # row, column, columns: what supersets alone have is below
        for label, stepper, (row, column, wide) in zip(self.labels, self.steppers, places, strict=True):
            label.setBuddy(stepper.box)
            self._around.addWidget(label, row, column, 1, wide, Qt.AlignmentFlag.AlignRight)
            self._around.addWidget(stepper, row, column + wide)
            stepper.box.valueChanged.connect(self._on_change)
        self._around.setColumnStretch(4, 1)
        self.amounts: list[_Amount] = []
        self._rows = QVBoxLayout()
        self._all = QVBoxLayout(self)
        self._all.setContentsMargins(0, 0, 0, 0)
        self._all.addLayout(self._rows)
        self._all.addLayout(self._around)
        self.retranslate()

    def show_step(self, step: PlanStep) -> None:
        """Fills the fields; nothing is announced."""
        self._step = None
        for amount in self.amounts:
            amount.hide()  # else Qt shows it yet, as a window of its own: it was added this very turn
            amount.setParent(None)
            amount.deleteLater()
        self.amounts = [_Amount(planned, self.library) for planned in step.exercises]
        for amount in self.amounts:
            amount.changed.connect(self._on_change)
            amount.set_unit(self._unit)
            self._rows.addWidget(amount)
        self.sets.setValue(step.sets)
        self.rest.setValue(round(step.rest))
        self.between.setValue(round(step.between))
        for part in (self.labels[2], self.steppers[2]):
            part.setVisible(len(step.exercises) > 1)
        self._step = step

    def _on_change(self) -> None:
        if self._step is None:
            return
        self._step = replace(
            self._step,
            exercises=tuple(amount.planned for amount in self.amounts),
            sets=self.sets.value(),
            rest=float(self.rest.value()),
            between=float(self.between.value()),
        )
        self.changed.emit(self._step)

    def retranslate(self) -> None:
        texts = (t("Sets"), t("Rest"), t("Between the exercises"))
        for label, stepper, text in zip(self.labels, self.steppers, texts, strict=True):
            label.setText(text)
            stepper.retranslate(text)
        for box in (self.rest, self.between):
            box.setSuffix(f" {t('s')}")
        for amount in self.amounts:
            amount.retranslate()

    def set_unit(self, unit: float) -> None:
        self._unit = unit
        self._all.setSpacing(round(10 * unit))
        self._rows.setSpacing(round(8 * unit))
        self._around.setHorizontalSpacing(round(10 * unit))
        self._around.setVerticalSpacing(round(8 * unit))
        for stepper in self.steppers:
            stepper.set_unit(unit)
        for amount in self.amounts:
            amount.set_unit(unit)
