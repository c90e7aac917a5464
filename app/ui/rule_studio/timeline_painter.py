"""Paints the timeline. What stands still between two looks is painted once; the playhead goes over it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Final

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QBrush, QFontMetricsF, QLinearGradient, QPainter, QPen, QPolygonF

from app.reps import Rep
from app.rules import Prompt
from app.studio_lanes import Lane
from app.ui import theme
from app.ui.rule_studio.labels import fires_above, lane_title, level_name, level_value, value_text
from app.ui.rule_studio.rows import LevelLabel, Rows
from app.ui.rule_studio.state import INKS, RuleState, Timeline
from app.ui.words import phase_name, t

GAP: Final = 0.6  # seconds without a value that break a curve
# Start position, way out, turning region, way back: colour and how strong.
_PHASE_INKS: Final = (("muted", 0.14), ("info", 0.42), ("accent", 0.62), ("info", 0.22))
_STATES: Final[dict[RuleState, tuple[str, float]]] = {
    "blind": ("muted", 0.35),
    "pending": ("ink", 0.35),
    "firing": ("ink", 1.0),
}
_CURVES: Final = ("accent", "info")  # of the left side or of both; of the right side
_LEFT: Final = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
_RIGHT: Final = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
_CENTRE: Final = Qt.AlignmentFlag.AlignCenter


class TimelinePainter:
    """Paints one state of the timeline in one geometry."""

    def __init__(self, painter: QPainter, rows: Rows, shown: Timeline) -> None:
        self.p, self.rows, self.shown = painter, rows, shown
        self.unit = rows.unit
        self.severities = {rule.id: rule.severity for rule in shown.analysis.exercise.rules}
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)

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
        labels = self.rows.labels()
        for index, lane in enumerate(self.rows.lanes):
            if self.rows.lane(index).intersects(self.rows.viewport):
                self._lane(index, lane, [label for label in labels if label.lane is lane])
        self.p.restore()

    def _clipped(self, rect: QRectF, paint: Callable[[QRectF], None]) -> None:
        self.p.save()
        self.p.setClipRect(rect)
        paint(rect)
        self.p.restore()

    def _write(
        self, rect: QRectF, text: str, size: float, ink: str, weight: str = "Regular", flags: int = _LEFT
    ) -> None:
        self.p.setFont(theme.font(size * self.unit, weight))
        self.p.setPen(theme.colour(ink))
        metrics = QFontMetricsF(self.p.font())
        self.p.drawText(rect, flags, metrics.elidedText(text, Qt.TextElideMode.ElideRight, rect.width()))

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
            self._write(box, text, 12, "text" if text == rule else "muted", "SemiBold")

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
            self.p.drawText(box, _CENTRE, text)

    def _phases(self, rect: QRectF) -> None:
        names = self.shown.analysis.exercise.counting.phases
        for span in self.shown.analysis.spans:
            left, right = self.rows.x(span.start), self.rows.x(span.end)
            ink, strength = _PHASE_INKS[names.index(span.name)]
            box = QRectF(left, rect.y() + 1, max(1.0, right - left - 1), rect.height() - 2)
            self.p.fillRect(box, theme.colour(ink, strength))
            text = phase_name(span.name)
            self.p.setFont(theme.font(11 * self.unit))
            if QFontMetricsF(self.p.font()).horizontalAdvance(text) < box.width() - 4:
                self.p.setPen(theme.colour("text"))
                self.p.drawText(box, _CENTRE, text)

    def _reps(self, rect: QRectF) -> None:
        """Brackets from start to end, a mark at the turn; what a rule has against one is in its colour."""
        analysis = self.shown.analysis
        for rep in analysis.reps:
            ink = self._ink_of_rep(rep)
            self._bracket(rect, rep.start, rep.end, str(rep.number), ink, dashed=not rep.valid)
            turn = QPointF(self.rows.x(rep.turn), rect.bottom() - 5 * self.unit)
            self.p.setPen(Qt.PenStyle.NoPen)
            self.p.setBrush(theme.colour(ink))
            self.p.drawEllipse(turn, 3 * self.unit, 3 * self.unit)
        for hold in analysis.holds:
            text = t("{seconds:.1f} s", seconds=hold.end - hold.start)
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
        self.p.drawText(chip, _CENTRE, text)

    def _prompts(self, rect: QRectF) -> None:
        prompts = self.shown.analysis.prompts
        for index, prompt in enumerate(prompts):
            after = self.rows.x(prompts[index + 1].t) if index + 1 < len(prompts) else rect.right()
            self._flag(rect, prompt, room=after - self.rows.x(prompt.t) - 2)

    def _flag(self, rect: QRectF, prompt: Prompt, *, room: float) -> None:
        x, ink = self.rows.x(prompt.t), INKS[prompt.severity]
        strength = 1.0 if self.shown.rule in ("", prompt.rule) else 0.55
        self.p.setPen(QPen(theme.colour(ink, strength), 2 * self.unit))
        self.p.drawLine(QPointF(x, rect.y() + 2), QPointF(x, rect.bottom()))
        self.p.setFont(theme.font(11 * self.unit, "SemiBold"))
        metrics = QFontMetricsF(self.p.font())
        width = min(room, metrics.horizontalAdvance(prompt.rule) + 12 * self.unit)
        cloth = QRectF(x, rect.y() + 2, max(8 * self.unit, width), 17 * self.unit)
        self.p.setPen(Qt.PenStyle.NoPen)
        self.p.setBrush(theme.colour(ink, strength))
        self.p.drawRoundedRect(cloth, 3 * self.unit, 3 * self.unit)
        if width > 26 * self.unit:
            self.p.setPen(theme.colour("on_fill"))
            inner = cloth.adjusted(6 * self.unit, 0, -2, 0)
            text = metrics.elidedText(prompt.rule, Qt.TextElideMode.ElideRight, inner.width())
            self.p.drawText(inner, _LEFT, text)

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

    # ---- lanes

    def _lane(self, index: int, lane: Lane, labels: list[LevelLabel]) -> None:
        rect = self.rows.lane(index)
        self.p.setPen(Qt.PenStyle.NoPen)
        self.p.setBrush(theme.colour("surface"))
        self.p.drawRoundedRect(rect.adjusted(-4, -4, 4, 4), 6 * self.unit, 6 * self.unit)
        self._lane_title(rect, lane)
        self.p.save()
        self.p.setClipRect(rect.adjusted(-4, -4, 4, 4) & self.rows.viewport)
        self._phase_shades(rect)
        self._hysteresis(rect, labels)
        for label in labels:
            self._level(rect, label)
        for number, curve in enumerate(lane.curves):
            self._curve(index, curve, _CURVES[number % 2])
        self._judged_values(index, lane)
        self.p.restore()
        for label in labels:
            self._level_label(label)

    def _lane_title(self, rect: QRectF, lane: Lane) -> None:
        left, width = 10 * self.unit, self.rows.plot_left - 20 * self.unit
        self._write(
            QRectF(left, rect.y() - 2, width, 18 * self.unit),
            lane_title(lane.parameter),
            13,
            "text",
            "SemiBold",
        )
        note = t("counts") if lane.signal else t("rules") if any(
            level.threshold and level.threshold.owner for level in lane.levels
        ) else t("counting conditions")  # fmt: skip
        self._write(QRectF(left, rect.y() + 16 * self.unit, width, 16 * self.unit), note, 11, "muted")
        for y, value, flags in (
            (rect.y() - 4, lane.high, Qt.AlignmentFlag.AlignTop),
            (rect.bottom() - 10 * self.unit, lane.low, Qt.AlignmentFlag.AlignTop),
        ):
            box = QRectF(self.rows.plot_left - 62 * self.unit, y, 52 * self.unit, 14 * self.unit)
            self._write(
                box, value_text(lane.parameter, value), 10, "muted", flags=Qt.AlignmentFlag.AlignRight | flags
            )

    def _phase_shades(self, rect: QRectF) -> None:
        names = self.shown.analysis.exercise.counting.phases
        for span in self.shown.analysis.spans:
            kind = names.index(span.name)
            if kind:
                ink, strength = _PHASE_INKS[kind]
                left, right = self.rows.x(span.start), self.rows.x(span.end)
                self.p.fillRect(
                    QRectF(left, rect.y() - 4, right - left, rect.height() + 8),
                    theme.colour(ink, 0.22 * strength),
                )

    def _hysteresis(self, rect: QRectF, labels: list[LevelLabel]) -> None:
        """Between the start position and the turning region neither begins: the counting's dead band; and
        between where a rule fires and where it clears."""
        at = {label.level.kind: label.y for label in labels if label.level.kind != "limit"}
        bands = [(at["reach"], at["start_below"], "accent")] if "reach" in at else []
        for label in labels:
            threshold = label.level.threshold
            if threshold is not None and threshold.condition == "until":
                owner = threshold.owner
                fires = [
                    (other.y, label.y, INKS[self.severities[owner]])
                    for other in labels
                    if (limit := other.level.threshold) and limit.owner == owner and not limit.condition
                ]
                bands += fires[:1]
        for one, other, ink in bands:
            box = QRectF(rect.left(), min(one, other), rect.width(), abs(other - one))
            self.p.fillRect(box, theme.colour(ink, 0.10))
            self.p.fillRect(box, QBrush(theme.colour(ink, 0.30), Qt.BrushStyle.Dense7Pattern))

    def _level_ink(self, label: LevelLabel) -> tuple[str, float]:
        """Colour and strength of a level: those of other rules than the selected step back."""
        threshold = label.level.threshold
        if label.place is not None and label.place == self.shown.selected:
            return "text" if not self.shown.refusal else "fault", 1.0
        if label.level.kind != "limit" or threshold is None:
            return "accent", 0.9 if label.place else 0.55
        if not threshold.owner:
            return "muted", 0.9
        strength = 1.0 if self.shown.rule in ("", threshold.owner) else 0.45
        return INKS[self.severities[threshold.owner]], strength

    def _level(self, rect: QRectF, label: LevelLabel) -> None:
        ink, strength = self._level_ink(label)
        threshold, selected = (
            label.level.threshold,
            label.place is not None and label.place == self.shown.selected,
        )
        of_rule = threshold is not None and threshold.owner and threshold.owner == self.shown.rule
        if threshold is not None and (selected or of_rule) and label.level.kind == "limit":
            reach = (-26 if fires_above(threshold) else 26) * self.unit  # the side on which it fires
            shade = QLinearGradient(0, label.y, 0, label.y + reach)
            shade.setColorAt(0, theme.colour(ink, 0.28))
            shade.setColorAt(1, theme.colour(ink, 0.0))
            self.p.fillRect(
                QRectF(rect.left(), min(label.y, label.y + reach), rect.width(), abs(reach)), shade
            )
        if label.place is None:
            style = Qt.PenStyle.DotLine
        else:
            style = Qt.PenStyle.SolidLine if label.level.kind == "limit" else Qt.PenStyle.DashLine
        self.p.setPen(QPen(theme.colour(ink, strength), (2.4 if selected else 1.4) * self.unit, style))
        self.p.drawLine(QPointF(rect.left(), label.y), QPointF(rect.right(), label.y))

    def _level_label(self, label: LevelLabel) -> None:
        """Name and value in the right gutter, with a leader from the line."""
        rows, level, box = self.rows, label.level, label.box
        ink, strength = self._level_ink(label)
        selected = label.place is not None and label.place == self.shown.selected
        self.p.setPen(QPen(theme.colour(ink, 0.7 * strength), 1))
        self.p.drawLine(QPointF(rows.plot_right + 4, label.y), QPointF(box.left(), box.center().y()))
        if selected:
            self.p.setPen(Qt.PenStyle.NoPen)
            self.p.setBrush(theme.colour(ink))
            self.p.drawRoundedRect(box, 5 * self.unit, 5 * self.unit)
        inner = box.adjusted(5 * self.unit, 0, -5 * self.unit, 0)
        value = level_value(level, label.lane.parameter)
        self.p.setFont(theme.font(12 * self.unit, "ExtraBold"))
        width = QFontMetricsF(self.p.font()).horizontalAdvance(value) + 4 * self.unit
        weak = strength < 0.6
        letters = "background" if selected else "muted" if weak else ink
        self._write(inner, value, 12, letters, "SemiBold" if weak else "ExtraBold", _RIGHT)
        name = inner.adjusted(0, 0, -width, 0)
        self._write(name, level_name(level), 11.5, "background" if selected else "muted" if weak else "text")

    def _curve(self, index: int, name: str, ink: str) -> None:
        for run in self._pieces(name):
            times, values = run
            points = [
                QPointF(self.rows.x(float(time)), self.rows.y(index, float(value)))
                for time, value in zip(times, values, strict=True)
            ]
            self.p.setPen(
                QPen(theme.colour(ink), 2.0 * self.unit, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap,
                     Qt.PenJoinStyle.RoundJoin)
            )  # fmt: skip
            self.p.setBrush(Qt.BrushStyle.NoBrush)
            if len(points) == 1:
                self.p.drawPoint(points[0])
            else:
                self.p.drawPolyline(QPolygonF(points))

    def _pieces(self, name: str) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """The seen stretches of a curve within the window, thinned to what the pixels can show."""
        times = np.array(self.shown.analysis.track.times)
        values = self.shown.analysis.curve(name)
        margin = GAP
        inside = (times >= self.shown.window.left - margin) & (times <= self.shown.window.right + margin)
        seen = np.flatnonzero(inside & np.isfinite(values))
        if not len(seen):
            return
        breaks = np.flatnonzero(
            (np.diff(times[seen]) > GAP) | (np.diff(seen) > 1) & (np.diff(times[seen]) > 0.25)
        )
        most = max(2, int(2 * self.rows.ruler.width()))
        for run in np.split(seen, breaks + 1):
            kept = run if len(run) <= most else run[:: math.ceil(len(run) / most)]
            yield times[kept], values[kept]

    def _judged_values(self, index: int, lane: Lane) -> None:
        """What rules compared on each repetition: a bar at that value, in the rule's colour when it fires."""
        for (number, rule), explanation in self.shown.analysis.judgements.items():
            rep = self.shown.analysis.reps[number - 1]
            left, right = self.rows.x(rep.start), self.rows.x(rep.end)
            for check in explanation.checks:
                if check.value is None or check.parameter.partition(".")[0] != lane.parameter:
                    continue
                if "." not in check.parameter or check.parameter.endswith("range"):
                    continue
                middle = (left + right) / 2
                half = min(0.3 * (right - left), 26 * self.unit)
                y = self.rows.y(index, check.value)
                ink = INKS[self.severities[rule]] if explanation.fires else "text"
                self.p.setPen(QPen(theme.colour(ink), 3 * self.unit, c=Qt.PenCapStyle.FlatCap))
                self.p.drawLine(QPointF(middle - half, y), QPointF(middle + half, y))

    # ---- what moves

    def paint_playhead(self) -> None:
        """The line, its time, and each lane's value there."""
        rows, shown = self.rows, self.shown
        x = rows.x(shown.playhead)
        index = shown.analysis.track.index_at(shown.playhead)
        self.p.save()
        self.p.setClipRect(QRectF(0, rows.lanes_top, rows.width, rows.height))
        for number, lane in enumerate(rows.lanes):
            rect = rows.lane(number)
            self._value_at(rect, number, lane, index, x)
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
            self.p.drawText(chip, _CENTRE, text)

    def _value_at(self, rect: QRectF, number: int, lane: Lane, index: int, x: float) -> None:
        texts = []
        for side, curve in enumerate(lane.curves):
            value = float(self.shown.analysis.curve(curve)[index])
            if not math.isfinite(value):
                texts.append("–")
                continue
            texts.append(value_text(lane.parameter, value))
            self.p.setPen(QPen(theme.colour("surface"), 1.5 * self.unit))
            self.p.setBrush(theme.colour(_CURVES[side % 2]))
            self.p.drawEllipse(QPointF(x, self.rows.y(number, value)), 4.5 * self.unit, 4.5 * self.unit)
        size = 19 if len(texts) == 1 else 14
        box = QRectF(10 * self.unit, rect.bottom() - 26 * self.unit, 84 * self.unit, 26 * self.unit)
        self._write(box, "  ".join(texts), size, "text" if texts != ["–"] else "muted", "ExtraBold")
