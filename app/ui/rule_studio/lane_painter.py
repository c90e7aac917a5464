"""Paints the lanes of the timeline: curves, levels with their labels, bands, and values at the playhead."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QBrush, QFontMetricsF, QLinearGradient, QPen, QPolygonF

from app.studio_lanes import Lane
from app.ui import theme
from app.ui.rule_studio.labels import fires_above, lane_title, level_name, level_value, value_text
from app.ui.rule_studio.painting import PHASE_INKS, RIGHT, RowPainter
from app.ui.rule_studio.rows import LevelLabel
from app.ui.rule_studio.state import INKS
from app.ui.words import t

GAP: Final = 0.6  # seconds without a value that break a curve
_CURVES: Final = ("accent", "info")  # of the left side or of both; of the right side


class LanePainter(RowPainter):
    """Paints one lane after the other."""

    def paint_lane(self, index: int, labels: list[LevelLabel]) -> None:
        lane = self.rows.lanes[index]
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
        self.write(
            QRectF(left, rect.y() - 2, width, 18 * self.unit),
            lane_title(lane.parameter),
            13,
            "text",
            "SemiBold",
        )
        note = t("counts") if lane.signal else t("rules") if any(
            level.threshold and level.threshold.owner for level in lane.levels
        ) else t("counting conditions")  # fmt: skip
        self.write(QRectF(left, rect.y() + 16 * self.unit, width, 16 * self.unit), note, 11, "muted")
        for y, value, flags in (
            (rect.y() - 4, lane.high, Qt.AlignmentFlag.AlignTop),
            (rect.bottom() - 10 * self.unit, lane.low, Qt.AlignmentFlag.AlignTop),
        ):
            box = QRectF(self.rows.plot_left - 62 * self.unit, y, 52 * self.unit, 14 * self.unit)
            self.write(
                box, value_text(lane.parameter, value), 10, "muted", flags=Qt.AlignmentFlag.AlignRight | flags
            )

    def _phase_shades(self, rect: QRectF) -> None:
        names = self.shown.analysis.exercise.counting.phases
        for span in self.shown.analysis.spans:
            kind = names.index(span.name)
            if kind:
                ink, strength = PHASE_INKS[kind]
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
        if label.level.comes_from:
            return INKS[self.severities[self.shown.rule]] if self.shown.rule else "muted", 0.75
        if label.level.kind != "limit" or threshold is None:
            return "accent", 0.9 if threshold is not None and threshold.written else 0.55
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
        if threshold is None or not threshold.written:
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
        self.write(inner, value, 12, letters, "SemiBold" if weak else "ExtraBold", RIGHT)
        name = inner.adjusted(0, 0, -width, 0)
        self.write(name, level_name(level), 11.5, "background" if selected else "muted" if weak else "text")

    def _curve(self, index: int, name: str, ink: str) -> None:
        for run in self._pieces(name):
            times, values = run
            rect, lane, window = self.rows.lane(index), self.rows.lanes[index], self.shown.window
            xs = rect.left() + (times - window.left) / window.span * rect.width()
            shares = np.clip((values - lane.low) / (lane.high - lane.low), -0.04, 1.04)
            ys = rect.bottom() - shares * rect.height()
            points = [QPointF(x, y) for x, y in zip(xs.tolist(), ys.tolist(), strict=True)]
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

    def paint_value(self, number: int, frame: int, x: float) -> None:
        """A lane's value in that frame: in figures at the left, and as a dot on the playhead at x."""
        rect, lane = self.rows.lane(number), self.rows.lanes[number]
        texts = []
        for side, curve in enumerate(lane.curves):
            value = float(self.shown.analysis.curve(curve)[frame])
            if not math.isfinite(value):
                texts.append("–")
                continue
            texts.append(value_text(lane.parameter, value))
            self.p.setPen(QPen(theme.colour("surface"), 1.5 * self.unit))
            self.p.setBrush(theme.colour(_CURVES[side % 2]))
            self.p.drawEllipse(QPointF(x, self.rows.y(number, value)), 4.5 * self.unit, 4.5 * self.unit)
        size = 19 if len(texts) == 1 else 14
        box = QRectF(10 * self.unit, rect.bottom() - 26 * self.unit, 84 * self.unit, 26 * self.unit)
        self.write(box, "  ".join(texts), size, "text" if texts != ["–"] else "muted", "ExtraBold")
