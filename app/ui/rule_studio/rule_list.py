"""The file's rules: what each says, how often it fired in the recording, and its state at the playhead."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFontMetricsF, QKeyEvent, QPainter
from PySide6.QtWidgets import QListWidget, QListWidgetItem, QStyle, QStyledItemDelegate, QStyleOptionViewItem

from app.exercise import Exercise, Severity, in_language
from app.ui import theme
from app.ui.rule_studio.state import INKS
from app.ui.words import headline, language, t

ICONS: Final[dict[Severity, str]] = {"info": "info", "warning": "warning", "error": "error"}
_ROW: Final = Qt.ItemDataRole.UserRole


@dataclass(frozen=True, kw_only=True)
class RuleRow:
    """One entry. times: how often it was said in the recording; fires: at the playhead.

    id: the rule's; "": the counting, whose times are what it counted.
    """

    id: str
    severity: Severity
    text: str
    times: int = 0
    fires: bool = False


class RuleList(QListWidget):
    """chosen(rule id): by click or arrow keys. Other keys are left to the page."""

    chosen = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.unit = 1.0
        self.setItemDelegate(_RuleDelegate(self))
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.currentItemChanged.connect(self._on_current)
        self.retranslate()

    def retranslate(self) -> None:
        self.setAccessibleName(t("Rules"))

    def set_unit(self, unit: float) -> None:
        self.unit = unit
        self.doItemsLayout()

    def show_rules(
        self, exercise: Exercise | None, said: Mapping[str, int], firing: frozenset[str], selected: str
    ) -> None:
        """said: rule id -> how often. firing: the rules that fire at the playhead."""
        rules = exercise.rules if exercise is not None else ()
        counting = RuleRow(
            id="", severity="info", text=t("What counts, and what does not"), times=said.get("", 0)
        )
        rows = [counting] if exercise is not None else []
        rows += [
            RuleRow(
                id=rule.id,
                severity=rule.severity,
                text=headline(in_language(rule.say, language())),
                times=said.get(rule.id, 0),
                fires=rule.id in firing,
            )
            for rule in rules
        ]
        self.blockSignals(True)
        if [item.data(_ROW).id for item in self._items()] != [row.id for row in rows]:
            self.clear()
            for _ in rows:
                self.addItem(QListWidgetItem())
        for item, row in zip(self._items(), rows, strict=True):
            if item.data(_ROW) != row:
                item.setData(_ROW, row)
                name = row.id or t("Counting")
                item.setData(Qt.ItemDataRole.AccessibleTextRole, f"{name}: {row.text}")
            if row.id == selected and self.currentItem() is not item:
                self.setCurrentItem(item)
        self.blockSignals(False)

    def _items(self) -> list[QListWidgetItem]:
        return [self.item(index) for index in range(self.count())]

    def _on_current(self, item: QListWidgetItem | None) -> None:
        if item is not None:
            self.chosen.emit(item.data(_ROW).id)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Up, Qt.Key.Key_Down):
            super().keyPressEvent(event)
        else:
            event.ignore()


class _RuleDelegate(QStyledItemDelegate):
    """Icon by severity, id, what it says, how often it was said; a bar at the left while it fires."""

    def __init__(self, view: RuleList) -> None:
        super().__init__(view)
        self._view = view

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        return QSize(100, round(44 * self._view.unit))

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        row, unit = index.data(_ROW), self._view.unit
        if not isinstance(row, RuleRow):
            return
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = QRectF(option.rect).adjusted(2, 2, -2, -2)
        ink = INKS[row.severity]
        selected = bool(option.state & QStyle.StateFlag.State_Selected)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.colour("selected" if selected else "surface"))
        painter.drawRoundedRect(box, 8 * unit, 8 * unit)
        if row.fires:
            painter.setBrush(theme.colour(ink))
            painter.drawRoundedRect(QRectF(box.x(), box.y(), 5 * unit, box.height()), 2 * unit, 2 * unit)
        size = 18 * unit
        theme.draw_icon(
            painter,
            ICONS[row.severity],
            QRectF(box.x() + 13 * unit, box.center().y() - size / 2, size, size),
            ink,
        )
        times = f"{row.times} ×" if row.times else "–"
        painter.setFont(theme.font(14 * unit, "ExtraBold" if row.times else "Regular"))
        width = QFontMetricsF(painter.font()).horizontalAdvance(times)
        painter.setPen(theme.colour(ink if row.times else "muted"))
        painter.drawText(
            box.adjusted(0, 0, -12 * unit, 0),
            Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter,
            times,
        )
        left = QRectF(
            box.x() + 40 * unit, box.y() + 3 * unit, box.width() - width - 62 * unit, box.height() / 2
        )
        self._line(painter, left, row.id or t("Counting"), 14, "text", "SemiBold")
        self._line(painter, left.translated(0, 17 * unit), row.text, 12, "muted", "Regular")
        painter.restore()

    def _line(self, painter: QPainter, rect: QRectF, text: str, size: float, ink: str, weight: str) -> None:
        painter.setFont(theme.font(size * self._view.unit, weight))
        painter.setPen(theme.colour(ink))
        shown = QFontMetricsF(painter.font()).elidedText(text, Qt.TextElideMode.ElideRight, rect.width())
        painter.drawText(rect, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, shown)
