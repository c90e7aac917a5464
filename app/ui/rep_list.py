"""The repetitions of the set, newest first: how far each went, and what was wrong with it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from PySide6.QtCore import QAbstractListModel, QModelIndex, QPersistentModelIndex, QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QAbstractItemView, QListView, QStyledItemDelegate, QStyleOptionViewItem

from app.rules import Exercise
from app.summary import RepSummary, fault_text
from app.ui import theme
from app.ui.records import RepRecord
from app.ui.words import headline, language, range_sign, t

RECORD: Final = Qt.ItemDataRole.UserRole
ROW: Final = 40  # height of a repetition, units of the window
Index = QModelIndex | QPersistentModelIndex


class RepModel(QAbstractListModel):
    """The records of the set; row 0 is the newest."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[RepRecord] = []
        self.exercise: Exercise | None = None  # whose rules say the faults, in the language of now

    def rowCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self.records)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        record = self.records[len(self.records) - 1 - index.row()]
        if role == RECORD:
            return record
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return f"{heading(record)}: {detail(record, self.exercise)}, {extent(record)}"
        if role == Qt.ItemDataRole.ToolTipRole:
            said = (fault_text(self.exercise, fault, language()) for fault in record.faults)
            return "\n".join(said) or t("No fault found")
        return None

    def show_records(self, records: list[RepRecord], exercise: Exercise) -> None:
        self.beginResetModel()
        self.records, self.exercise = records, exercise
        self.endResetModel()


def heading(record: RepRecord) -> str:
    return t("Rep {number}", number=record.number) if record.is_rep else t("Hold")


def extent(record: RepRecord) -> str:
    """How far a repetition went, or how long a hold lasted."""
    done = record.done
    if not record.is_rep:
        return t("{count} s", count=f"{done.duration:.1f}")
    return f"{done.range:.0f}{record.sign}" if done.range is not None else ""


def detail(record: RepRecord, exercise: Exercise | None) -> str:
    """What to say of it in a few words."""
    if record.done.by_hand:
        return t("added by hand")
    if not record.faults:
        return t("clean")
    first, *more = (headline(fault_text(exercise, fault, language())) for fault in record.faults)
    return f"{first}  +{len(more)}" if more else first


class _RepDelegate(QStyledItemDelegate):
    def __init__(self, view: RepList) -> None:
        super().__init__(view)
        self._view = view

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return QSize(100, round(ROW * self._view.unit))

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        record: RepRecord = index.data(RECORD)
        unit = self._view.unit
        rect = QRectF(option.rect).adjusted(0, 2 * unit, -2 * unit, -2 * unit)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.colour("raised" if index.row() == 0 else "surface"))
        painter.drawRoundedRect(rect, 9 * unit, 9 * unit)
        clean = not record.faults
        ink = "accent" if clean else "warning"
        place = QRectF(rect.x() + 9 * unit, rect.center().y() - 10 * unit, 20 * unit, 20 * unit)
        theme.draw_icon(painter, "check" if clean else "warning", place, ink)
        left = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        painter.setPen(theme.colour("text"))
        painter.setFont(theme.font(15 * unit, "SemiBold"))
        head = heading(record)
        x = place.right() + 9 * unit
        painter.drawText(QRectF(x, rect.y(), 80 * unit, rect.height()), left, head)
        x += painter.fontMetrics().horizontalAdvance(head) + 10 * unit
        text = extent(record)
        width = painter.fontMetrics().horizontalAdvance(text)
        painter.drawText(
            QRectF(rect.right() - width - 10 * unit, rect.y(), width + 4, rect.height()), left, text
        )
        painter.setFont(theme.font(14 * unit))
        painter.setPen(theme.colour("muted" if clean else "warning"))
        room = rect.right() - width - 18 * unit - x
        said = detail(record, self._view.records.exercise)
        words = painter.fontMetrics().elidedText(said, Qt.TextElideMode.ElideRight, int(room))
        painter.drawText(QRectF(x, rect.y(), room, rect.height()), left, words)
        painter.restore()


class RepList(QListView):
    """Scrolls; says what will stand here while it is empty."""

    def __init__(self) -> None:
        super().__init__()
        self.unit = 1.0
        self.records = RepModel()
        self.setModel(self.records)
        self.setItemDelegate(_RepDelegate(self))
        self.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setMinimumHeight(30)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.retranslate()

    def retranslate(self) -> None:
        """Sets all texts."""
        self.setAccessibleName(t("Repetitions"))
        self.viewport().update()

    def show_reps(self, reps: Sequence[RepSummary], exercise: Exercise) -> None:
        """The repetitions and holds of a set of that exercise."""
        sign = range_sign(exercise.counting)
        self.records.show_records(
            [RepRecord(number=number, done=done, sign=sign) for number, done in enumerate(reps, 1)], exercise
        )
        self.scrollToTop()

    def set_unit(self, unit: float) -> None:
        self.unit = unit
        self.scheduleDelayedItemsLayout()

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if self.records.rowCount() == 0:
            with QPainter(self.viewport()) as painter:
                painter.setFont(theme.font(15 * self.unit))
                painter.setPen(theme.colour("muted"))
                flags = int(Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap)
                known = self.records.exercise
                if known is not None and known.counting.kind == "hold":
                    text = t("Each hold appears here with its seconds and what to correct.")
                else:
                    text = t("Each repetition appears here with its range and what to correct.")
                painter.drawText(QRectF(self.viewport().rect()).adjusted(12, 0, -12, 0), flags, text)
