"""The workouts of a history, newest first: a row each, with the day, what was done and how well."""

from __future__ import annotations

from typing import Any, Final

from PySide6.QtCore import QAbstractListModel, QModelIndex, QPersistentModelIndex, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QPainter
from PySide6.QtWidgets import QAbstractItemView, QListView, QStyle, QStyledItemDelegate, QStyleOptionViewItem

from app.history import WorkoutLine
from app.ui import amounts, theme
from app.ui.amounts import Library
from app.ui.words import t

LINE: Final = Qt.ItemDataRole.UserRole
Index = QModelIndex | QPersistentModelIndex


class _Model(QAbstractListModel):
    def __init__(self, library: Library) -> None:
        super().__init__()
        self.library = library
        self.lines: list[WorkoutLine] = []

    def rowCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self.lines)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        line = self.lines[index.row()]
        if role == LINE:
            return line
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return f"{amounts.names(line.names)}, {amounts.moment_text(line.started)}, {below(line)}"
        if role == Qt.ItemDataRole.ToolTipRole:
            return ", ".join(amounts.exercise_name(self.library, one) for one in line.exercises)
        return None

    def show_lines(self, lines: list[WorkoutLine]) -> None:
        self.beginResetModel()
        self.lines = lines
        self.endResetModel()


def below(line: WorkoutLine) -> str:
    """What stands below a workout's name."""
    parts = [amounts.sets(line.sets)]
    if line.reps:
        parts.append(amounts.reps(line.reps))
    parts.append(amounts.length(line.seconds))
    if not line.finished:
        parts.append(t("ended early"))
    return " · ".join(parts)


class _Delegate(QStyledItemDelegate):
    def __init__(self, view: WorkoutList) -> None:
        super().__init__(view)
        self._view = view

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return QSize(100, round(84 * self._view.unit))

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        line: WorkoutLine = index.data(LINE)
        unit = self._view.unit
        rect = QRectF(option.rect).adjusted(1, 3 * unit, -5 * unit, -3 * unit)
        chosen = bool(option.state & QStyle.StateFlag.State_Selected)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setBrush(theme.colour("selected" if chosen else "surface"))
        painter.setPen(theme.edge())
        painter.drawRoundedRect(rect, 12 * unit, 12 * unit)
        left = int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        centre = int(Qt.AlignmentFlag.AlignCenter)
        score = QRectF(rect.right() - 74 * unit, rect.y(), 68 * unit, rect.height())
        painter.setPen(theme.colour("accent"))
        painter.setFont(theme.font(24 * unit, "Figures"))
        painter.drawText(score.adjusted(0, 6 * unit, 0, -24 * unit), centre, amounts.score_text(line.score))
        painter.setPen(theme.colour("muted"))
        painter.setFont(theme.font(12 * unit))
        painter.drawText(score.adjusted(0, 40 * unit, 0, -6 * unit), centre, t("form"))
        x, wide = rect.x() + 14 * unit, score.x() - rect.x() - 20 * unit
        rows = (
            (amounts.names(line.names), theme.font(17 * unit, "SemiBold"), "text", 7 * unit, 25 * unit),
            (amounts.moment_text(line.started), theme.font(13 * unit), "muted", 33 * unit, 19 * unit),
            (below(line), theme.font(13 * unit), "muted", 52 * unit, 19 * unit),
        )
        for text, font, ink, top, tall in rows:
            painter.setFont(font)
            painter.setPen(theme.colour(ink))
            words = painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, int(wide))
            painter.drawText(QRectF(x, rect.y() + top, wide, tall), left, words)
        painter.restore()


class WorkoutList(QListView):
    """opened(id): Enter or a double click. deletion_wanted: the Delete key."""

    opened = Signal(str)
    deletion_wanted = Signal()
    chosen_changed = Signal()

    def __init__(self, library: Library) -> None:
        super().__init__()
        self.unit = 1.0
        self._lines = _Model(library)
        self.setModel(self._lines)
        self.setItemDelegate(_Delegate(self))
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setMinimumHeight(80)
        self.activated.connect(lambda index: self.opened.emit(index.data(LINE).id))
        self.selectionModel().selectionChanged.connect(lambda *_: self.chosen_changed.emit())
        self.retranslate()

    @property
    def lines(self) -> list[WorkoutLine]:
        return self._lines.lines

    @property
    def chosen(self) -> str | None:
        """The id of the chosen workout."""
        index = self.currentIndex()
        return index.data(LINE).id if index.isValid() else None

    def show_lines(self, lines: list[WorkoutLine]) -> None:
        """These workouts; the one that was chosen stays so if it is among them."""
        chosen = self.chosen
        self._lines.show_lines(lines)
        row = next((row for row, line in enumerate(lines) if line.id == chosen), 0)
        if lines:
            self.setCurrentIndex(self._lines.index(row, 0))
        self.chosen_changed.emit()

    def open_chosen(self) -> None:
        if self.chosen is not None:
            self.opened.emit(self.chosen)

    def set_unit(self, unit: float) -> None:
        self.unit = unit
        self.scheduleDelayedItemsLayout()

    def retranslate(self) -> None:
        self.setAccessibleName(t("Workouts"))
        self.viewport().update()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self.deletion_wanted.emit()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.open_chosen()
        else:
            super().keyPressEvent(event)
