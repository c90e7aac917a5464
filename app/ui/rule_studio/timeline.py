"""The timeline: phases, repetitions, prompts, and a lane for each parameter with levels to drag."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPointF, Qt, Signal
from PySide6.QtGui import (
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPixmap,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QAbstractScrollArea, QFrame, QToolTip

from app.rule_edit import Place
from app.ui import theme
from app.ui.rule_studio.labels import level_tip
from app.ui.rule_studio.rows import LevelLabel, Rows
from app.ui.rule_studio.state import Timeline
from app.ui.rule_studio.timeline_painter import TimelinePainter
from app.ui.words import t

WHEEL_ZOOM = 1.25
ROUGH = 5  # steps that a level moves with Shift


class TimelineView(QAbstractScrollArea):
    """Shows a Timeline and asks for what the user does with it; it changes nothing itself.

    scrubbed(seconds); zoomed(TimeWindow); rule_clicked(rule id); level_selected(place or None);
    level_moved(place, value): while it is dragged; level_set(place, value): let go; level_left(): Escape.
    """

    scrubbed = Signal(float)
    zoomed = Signal(object)
    rule_clicked = Signal(str)
    level_selected = Signal(object)
    level_moved = Signal(object, float)
    level_set = Signal(object, float)
    level_left = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAsNeeded)
        self.viewport().setMouseTracking(True)
        self.viewport().setAutoFillBackground(False)
        self.unit = 1.0
        self.file = ""
        self.shown: Timeline | None = None
        self._still: QPixmap | None = None
        self._dragged: LevelLabel | None = None
        self._grip = 0.0  # from the level to where it was taken hold of, pixels
        self._value: float | None = None  # of the level being moved with keys or mouse
        self._scrubbing = False
        self.verticalScrollBar().valueChanged.connect(self.refresh)
        self.horizontalScrollBar().valueChanged.connect(self._pan)
        self.retranslate()

    def retranslate(self) -> None:
        self.viewport().setAccessibleName(t("Timeline"))
        self.setAccessibleName(t("Timeline"))
        self.refresh()

    def set_unit(self, unit: float) -> None:
        self.unit = unit
        self._lay_out()

    def show_timeline(self, shown: Timeline | None) -> None:
        """What to show from now on; None: nothing."""
        before, self.shown = self.shown, shown
        if before is None or shown is None or not _same_but_time(before, shown):
            self._still = None
        self._lay_out()

    def reveal(self, lane: str) -> None:
        """Scrolls so that the lane is seen."""
        rows = self.rows()
        names = [one.parameter for one in rows.lanes] if rows is not None else []
        if rows is None or lane not in names:
            return
        rect, bar = rows.lane(names.index(lane)), self.verticalScrollBar()
        pad = round(8 * self.unit)
        if rect.top() < rows.lanes_top:
            bar.setValue(bar.value() - round(rows.lanes_top - rect.top()) - pad)
        elif rect.bottom() > rows.height:
            bar.setValue(bar.value() + round(rect.bottom() - rows.height) + pad)

    def refresh(self) -> None:
        """Paints all of it anew: the theme or the scroll has changed."""
        self._still = None
        self.viewport().update()

    def rows(self) -> Rows | None:
        """The geometry now; None while nothing is shown."""
        if self.shown is None:
            return None
        return Rows(
            width=self.viewport().width(),
            height=self.viewport().height(),
            unit=self.unit,
            scroll=self.verticalScrollBar().value(),
            window=self.shown.window,
            lanes=self.shown.lanes,
        )

    # ---- painting

    def paintEvent(self, event: QPaintEvent) -> None:
        with QPainter(self.viewport()) as painter:  # ended even when the painting fails
            painter.fillRect(self.viewport().rect(), theme.colour("background"))
            rows = self.rows()
            if rows is None or self.shown is None:
                painter.setFont(theme.font(14 * self.unit))
                painter.setPen(theme.colour("muted"))
                text = t("The curves come as soon as the poses are known.")
                painter.drawText(self.viewport().rect(), Qt.AlignmentFlag.AlignCenter, text)
                return
            if self._still is None:
                ratio = self.devicePixelRatioF()
                self._still = QPixmap(self.viewport().size() * ratio)
                self._still.setDevicePixelRatio(ratio)
                self._still.fill(theme.colour("background"))
                with QPainter(self._still) as still:
                    TimelinePainter(still, rows, self.shown).paint_still()
            painter.drawPixmap(0, 0, self._still)
            TimelinePainter(painter, rows, self.shown).paint_playhead()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._lay_out()

    def _lay_out(self) -> None:
        """The scroll bars follow size, zoom and number of lanes."""
        rows = self.rows()
        down, across = self.verticalScrollBar(), self.horizontalScrollBar()
        if rows is not None:
            down.setRange(0, round(rows.hidden))
            down.setPageStep(round(rows.viewport.height()))
            down.setSingleStep(round(24 * self.unit))
            window = rows.window
            across.blockSignals(True)  # the window is moved by us here, not by the bar
            across.setRange(0, round((window.end - window.start - window.span) * 1000))
            across.setPageStep(round(window.span * 1000))
            across.setValue(round((window.left - window.start) * 1000))
            across.blockSignals(False)
        self._still = self._still if self._still is not None and self._fits() else None
        self.viewport().update()

    def _fits(self) -> bool:
        assert self._still is not None
        return self._still.deviceIndependentSize().toSize() == self.viewport().size()

    def _pan(self, value: int) -> None:
        if self.shown is not None:
            window = self.shown.window
            self.zoomed.emit(window.moved(window.start + value / 1000))

    # ---- mouse

    def mousePressEvent(self, event: QMouseEvent) -> None:
        rows, point = self.rows(), event.position()
        if rows is None or self.shown is None or event.button() != Qt.MouseButton.LeftButton:
            return
        label = rows.level_at(point)
        if label is not None and label.place is not None:
            self._take(label, point)
        elif not self._click(rows, point):
            self._scrubbing = True
            self.level_selected.emit(None)
            self.scrubbed.emit(rows.time(point.x()))

    def _take(self, label: LevelLabel, point: QPointF) -> None:
        self._dragged, self._value = label, None
        self._grip = point.y() - label.y
        threshold = label.level.threshold
        self.level_selected.emit(label.place)
        if threshold is not None and threshold.owner:
            self.rule_clicked.emit(threshold.owner)

    def _click(self, rows: Rows, point: QPointF) -> bool:
        """A repetition, a movement that was none, or a prompt: goes there. True when there is one."""
        assert self.shown is not None
        analysis = self.shown.analysis
        if rows.reps.contains(point):
            time = rows.time(point.x())
            rep = next((rep for rep in analysis.reps if rep.start <= time <= rep.end), None)
            if rep is not None:
                self.scrubbed.emit(rep.turn)
                return True
            missed = analysis.not_counted_at(time)
            if missed is not None:
                self.scrubbed.emit(missed.top)
                self.rule_clicked.emit("")
                return True
        if rows.prompts.contains(point):
            before = [p for p in analysis.prompts if 0 <= point.x() - rows.x(p.t) <= 120 * self.unit]
            if before:
                self.scrubbed.emit(before[-1].t)
                self.rule_clicked.emit(before[-1].rule)
                return True
        return not rows.plot_left - 8 <= point.x() <= rows.plot_right + 4  # the gutters are no place in time

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        rows, point = self.rows(), event.position()
        if rows is None or self.shown is None:
            return
        if self._dragged is not None:
            index = [lane.parameter for lane in rows.lanes].index(self._dragged.lane.parameter)
            level = self._dragged.level
            value = level.written_value(rows.value(index, point.y() - self._grip))
            before = self._value if self._value is not None else level.threshold and level.threshold.value
            if value != before:
                self._value = value
                self.level_moved.emit(self._dragged.place, value)
        elif self._scrubbing:
            self.scrubbed.emit(rows.time(point.x()))
        else:
            label = rows.level_at(point)
            movable = label is not None and label.place is not None
            shape = Qt.CursorShape.SizeVerCursor if movable else Qt.CursorShape.ArrowCursor
            self.viewport().setCursor(shape)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._scrubbing = False
        if self._dragged is not None:
            place, value = self._dragged.place, self._value
            self._dragged, self._value = None, None
            if value is not None:
                self.level_set.emit(place, value)
            else:
                self.level_selected.emit(place)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Up and down scrolls the lanes, with Ctrl it zooms around the pointer, with Shift it goes along."""
        rows = self.rows()
        turned = event.angleDelta()
        if rows is None:
            return
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            factor = WHEEL_ZOOM ** (turned.y() / 120)
            self.zoomed.emit(rows.window.zoomed(factor, rows.time(event.position().x())))
        elif turned.x() or event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            step = (turned.x() or turned.y()) / 120 * 0.1 * rows.window.span
            self.zoomed.emit(rows.window.moved(rows.window.left - step))
        else:
            super().wheelEvent(event)

    def viewportEvent(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            rows = self.rows()
            label = rows.level_at(QPointF(event.pos())) if rows is not None else None
            text = level_tip(label.level, self.file) if label is not None else ""
            QToolTip.showText(event.globalPos(), text, self.viewport())
            return True
        return super().viewportEvent(event)

    # ---- keys

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Up and Down move the selected level, Page Up and Page Down select another. Other keys: the page."""
        key = event.key()
        if key in (Qt.Key.Key_PageUp, Qt.Key.Key_PageDown):
            self._select_next(1 if key == Qt.Key.Key_PageDown else -1)
        elif key == Qt.Key.Key_Escape and (self._dragged is not None or self._selected() is not None):
            self._dragged, self._value = None, None
            self.level_left.emit()
        elif key in (Qt.Key.Key_Up, Qt.Key.Key_Down) and self._selected() is not None:
            rough = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
            self._nudge((1 if key == Qt.Key.Key_Up else -1) * (ROUGH if rough else 1))
        else:
            event.ignore()

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        """The file is written when the key is let go, once for however long it was held."""
        label = self._selected()
        if event.isAutoRepeat() or self._value is None or self._dragged is not None or label is None:
            event.ignore()
            return
        value, self._value = self._value, None
        self.level_set.emit(label.place, value)

    def _labels(self) -> list[LevelLabel]:
        """Those that can be moved, from top to bottom."""
        rows = self.rows()
        return [label for label in rows.labels() if label.place is not None] if rows is not None else []

    def _selected(self) -> LevelLabel | None:
        wanted: Place | None = self.shown.selected if self.shown is not None else None
        return next((label for label in self._labels() if wanted is not None and label.place == wanted), None)

    def _select_next(self, step: int) -> None:
        places = list(dict.fromkeys(label.place for label in self._labels()))
        if not places or self.shown is None:
            return
        now = self.shown.selected
        index = places.index(now) + step if now in places else (0 if step > 0 else -1)
        place = places[index % len(places)]
        label = next(one for one in self._labels() if one.place == place)
        threshold = label.level.threshold
        if threshold is not None and threshold.owner:
            self.rule_clicked.emit(threshold.owner)
        self.level_selected.emit(place)
        self.reveal(label.lane.parameter)

    def _nudge(self, steps: int) -> None:
        """So many of the least steps up or down in the lane; upwards is a higher value of the parameter."""
        label = self._selected()
        threshold = label.level.threshold if label is not None else None
        if label is None or threshold is None:
            return
        signal = label.level.signal
        if signal is not None and label.level.kind in ("reach", "start_below") and signal.turn < signal.start:
            steps = -steps
        now = threshold.value if self._value is None else self._value
        value = threshold.snapped(now + steps * threshold.step)
        if value != now:
            self._value = value
            self.level_moved.emit(label.place, value)


def _same_but_time(one: Timeline, other: Timeline) -> bool:
    """Whether only the playhead has moved."""
    return (
        one.analysis is other.analysis
        and one.lanes is other.lanes
        and one.states is other.states
        and (one.window, one.rule, one.selected, one.refusal)
        == (other.window, other.rule, other.selected, other.refusal)
    )
