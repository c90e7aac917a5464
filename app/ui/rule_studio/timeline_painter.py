"""Paints the timeline. What stands still between two looks is painted once; the playhead goes over it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Final

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QBrush, QFontMetricsF, QPen, QPolygonF

from app.reps import Rep
from app.rules import Prompt
from app.ui import theme
from app.ui.rule_studio.lane_painter import LanePainter
from app.ui.rule_studio.painting import CENTRE, LEFT, PHASE_INKS, RowPainter
from app.ui.rule_studio.state import INKS, RuleState
from app.ui.words import phase_name, t

_STATES: Final[dict[RuleState, tuple[str, float]]] = {
    "blind": ("muted", 0.35),
    "pending": ("ink", 0.35),
    "firing": ("ink", 1.0),
}


class TimelinePainter(RowPainter):
    """Paints one state of the timeline in one geometry."""

    # ---- what stands still

    def paint_still(self) -> None:
        """Everything but the playhead and the values at it."""
        self._ruler()
        self._titles()
        self._clipped(self.rows.phases, self._phases)
        self._clipped(self.rows.reps, self._reps)
        self._clipped(self.rows.prompts.adjusted(-2, 0, 0, 0), self._prompts)
        self._clipped(self.rows.state, self._state)
        self.p.save()
        self.p.setClipRect(self.rows.viewport)
        labels, painter = self.rows.labels(), LanePainter(self.p, self.rows, self.shown)
        for index, lane in enumerate(self.rows.lanes):
            if self.rows.lane(index).intersects(self.rows.viewport):
                painter.paint_lane(index, [label for label in labels if label.lane is lane])
        self.p.restore()

    def _clipped(self, rect: QRectF, paint: Callable[[QRectF], None]) -> None:
        self.p.save()
        self.p.setClipRect(rect)
        paint(rect)
        self.p.restore()

    def _titles(self) -> None:
        """What the rows are, in the left gutter."""
        rows, rule = self.rows, self.shown.rule
        for rect, text in (
            (rows.phases, t("Phases")),
            (rows.reps, t("Holds") if self.shown.analysis.holds else t("Repetitions")),
            (rows.prompts, t("Prompts")),
            (rows.state, rule),
        ):
            box = QRectF(10 * self.unit, rect.y(), rows.plot_left - 20 * self.unit, rect.height())
            self.write(box, text, 12, "text" if text == rule else "muted", "SemiBold")

    def _ruler(self) -> None:
        rows, window = self.rows, self.shown.window
        rect = rows.ruler
        least = 64 * self.unit / rect.width() * window.span
        step = next((s for s in (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300) if s >= least), 600)
        first = math.ceil(window.left / step)
        for number in range(first, math.floor(window.right / step) + 1):
            x = rows.x(number * step)
            self.p.setPen(QPen(theme.colour("line"), 1))
            self.p.drawLine(QPointF(x, rect.bottom() - 5 * self.unit), QPointF(x, rect.bottom()))
            text = f"{number * step:g} s" if step >= 1 else f"{number * step:.1f} s"
            box = QRectF(x - 40 * self.unit, rect.y(), 80 * self.unit, rect.height() - 5 * self.unit)
            self.p.setFont(theme.font(11 * self.unit))
            self.p.setPen(theme.colour("muted"))
            self.p.drawText(box, CENTRE, text)

    def _phases(self, rect: QRectF) -> None:
        names = self.shown.analysis.exercise.counting.phases
        for span in self.shown.analysis.spans:
            left, right = self.rows.x(span.start), self.rows.x(span.end)
            ink, strength = PHASE_INKS[names.index(span.name)]
            box = QRectF(left, rect.y() + 1, max(1.0, right - left - 1), rect.height() - 2)
            self.p.fillRect(box, theme.colour(ink, strength))
            text = phase_name(span.name)
            self.p.setFont(theme.font(11 * self.unit))
            if QFontMetricsF(self.p.font()).horizontalAdvance(text) < box.width() - 4:
                self.p.setPen(theme.colour("text"))
                self.p.drawText(box, CENTRE, text)

    def _reps(self, rect: QRectF) -> None:
        """Brackets from start to end, a mark at the turn; what a rule has against one is in its colour.

        Movements that were no repetitions are crossed out.
        """
        analysis = self.shown.analysis
        for missed in analysis.counted.not_counted:
            self._bracket(rect, missed.start, missed.end, "✕", "muted", dashed=True)
        for rep in analysis.reps:
            ink = self._ink_of_rep(rep)
            self._bracket(rect, rep.start, rep.end, str(rep.number), ink, dashed=not rep.valid)
            turn = QPointF(self.rows.x(rep.turn), rect.bottom() - 5 * self.unit)
            self.p.setPen(Qt.PenStyle.NoPen)
            self.p.setBrush(theme.colour(ink))
            self.p.drawEllipse(turn, 3 * self.unit, 3 * self.unit)
        for hold in analysis.holds:
            text = t("{seconds} s", seconds=f"{hold.end - hold.start:.1f}")
            self._bracket(rect, hold.start, hold.end, text, "accent", dashed=False)

    def _ink_of_rep(self, rep: Rep) -> str:
        """The colour of the worst rule of repetitions that fires on it."""
        fired = [
            self.severities[rule]
            for (number, rule), explanation in self.shown.analysis.judgements.items()
            if number == rep.number and explanation.fires and self.severities[rule] != "info"
        ]
        return INKS[max(fired, key=list(INKS).index)] if fired else "accent"

    def _bracket(self, rect: QRectF, start: float, end: float, text: str, ink: str, *, dashed: bool) -> None:
        left, right = self.rows.x(start), self.rows.x(end)
        y, foot = rect.y() + 10 * self.unit, rect.bottom() - 5 * self.unit
        style = Qt.PenStyle.DashLine if dashed else Qt.PenStyle.SolidLine
        self.p.setPen(QPen(theme.colour(ink, 0.8), 1.6 * self.unit, style))
        self.p.setBrush(Qt.BrushStyle.NoBrush)
        path = [QPointF(left, foot), QPointF(left, y), QPointF(right, y), QPointF(right, foot)]
        self.p.drawPolyline(QPolygonF(path))
        self.p.setFont(theme.font(12 * self.unit, "ExtraBold"))
        width = QFontMetricsF(self.p.font()).horizontalAdvance(text) + 10 * self.unit
        chip = QRectF((left + right - width) / 2, rect.y() + 1, width, 18 * self.unit)
        self.p.setPen(Qt.PenStyle.NoPen)
        self.p.setBrush(theme.colour(ink))
        self.p.drawRoundedRect(chip, 9 * self.unit, 9 * self.unit)
        self.p.setPen(theme.colour("on_fill"))
        self.p.drawText(chip, CENTRE, text)

    def _prompts(self, rect: QRectF) -> None:
        prompts = self.shown.analysis.prompts
        for index, prompt in enumerate(prompts):
            after = self.rows.x(prompts[index + 1].t) if index + 1 < len(prompts) else rect.right()
            self._flag(rect, prompt, room=after - self.rows.x(prompt.t) - 2)

    def _flag(self, rect: QRectF, prompt: Prompt, *, room: float) -> None:
        x, ink = self.rows.x(prompt.t), INKS[prompt.severity]
        near = self.shown.rule in ("", prompt.rule)  # those of other rules step back
        self.p.setPen(QPen(theme.colour(ink, 1.0 if near else 0.55), 2 * self.unit))
        self.p.drawLine(QPointF(x, rect.y() + 2), QPointF(x, rect.bottom()))
        self.p.setFont(theme.font(11 * self.unit, "SemiBold"))
        metrics = QFontMetricsF(self.p.font())
        width = min(room, metrics.horizontalAdvance(prompt.rule) + 12 * self.unit)
        cloth = QRectF(x, rect.y() + 2, max(8 * self.unit, width), 17 * self.unit)
        self.p.setPen(Qt.PenStyle.NoPen)
        self.p.setBrush(theme.colour(ink if near else "raised"))
        self.p.drawRoundedRect(cloth, 3 * self.unit, 3 * self.unit)
        if width > 26 * self.unit:
            self.p.setPen(theme.colour("on_fill" if near else ink))
            inner = cloth.adjusted(6 * self.unit, 0, -2, 0)
            text = metrics.elidedText(prompt.rule, Qt.TextElideMode.ElideRight, inner.width())
            self.p.drawText(inner, LEFT, text)

    def _state(self, rect: QRectF) -> None:
        """When the selected rule fires, is about to, and cannot be judged."""
        if not self.shown.rule:
            return
        bar = rect.adjusted(0, 4 * self.unit, 0, -4 * self.unit)
        self.p.fillRect(bar, theme.colour("raised"))
        ink = INKS[self.severities[self.shown.rule]]
        for state, start, end in self._runs():
            if state == "quiet":
                continue
            colour_name, strength = _STATES[state]
            box = QRectF(self.rows.x(start), bar.y(), self.rows.x(end) - self.rows.x(start), bar.height())
            colour = theme.colour(ink if colour_name == "ink" else colour_name, strength)
            pattern = Qt.BrushStyle.BDiagPattern if state == "blind" else Qt.BrushStyle.SolidPattern
            self.p.fillRect(box, QBrush(colour, pattern))

    def _runs(self) -> Iterator[tuple[RuleState, float, float]]:
        """Neighbouring frames in which the rule is in the same state."""
        times, states = self.shown.analysis.track.times, self.shown.states
        changes = [i for i in range(len(states)) if i == 0 or states[i] != states[i - 1]]
        for begin, end in pairwise([*changes, len(states) - 1] if states else []):
            yield states[begin], times[begin], times[end]

    # ---- what moves

    def paint_playhead(self) -> None:
        """The line, its time, and each lane's value there."""
        rows, shown = self.rows, self.shown
        x = rows.x(shown.playhead)
        index = shown.analysis.track.index_at(shown.playhead)
        self.p.save()
        self.p.setClipRect(QRectF(0, rows.lanes_top, rows.width, rows.height))
        painter = LanePainter(self.p, rows, shown)
        for number in range(len(rows.lanes)):
            painter.paint_value(number, index, x)
        self.p.restore()
        if rows.plot_left - 1 <= x <= rows.plot_right + 1:
            self.p.setPen(QPen(theme.colour("text", 0.9), 1.4 * self.unit))
            self.p.drawLine(QPointF(x, rows.ruler.bottom() - 2), QPointF(x, rows.height))
            text = f"{shown.playhead:.2f} s"
            self.p.setFont(theme.font(11.5 * self.unit, "ExtraBold"))
            width = QFontMetricsF(self.p.font()).horizontalAdvance(text) + 12 * self.unit
            chip = QRectF(x - width / 2, 2 * self.unit, width, 18 * self.unit)
            self.p.setPen(Qt.PenStyle.NoPen)
            self.p.setBrush(theme.colour("text"))
            self.p.drawRoundedRect(chip, 5 * self.unit, 5 * self.unit)
            self.p.setPen(theme.colour("background"))
            self.p.drawText(chip, CENTRE, text)
