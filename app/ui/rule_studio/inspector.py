"""Why the selected rule fires at the playhead, or does not; or what was counted there and what was not.

One sentence, and its conditions one by one.
"""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QFontMetricsF, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.exercise import Rule
from app.explanation import Check, Explanation, not_counted_text
from app.measures import unit_of
from app.studio_session import Analysis
from app.ui import theme
from app.ui.rule_studio.labels import value_text
from app.ui.rule_studio.state import INKS, RuleState, state_of
from app.ui.words import VIEW_NAMES, language, phase_name, plain, t


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the table. met: yes, no, or not known. share: how far a hold is, 0..1."""

    met: bool | None
    name: str
    found: str
    wanted: str
    share: float | None = None


class Inspector(QWidget):
    """Paints an Explanation; many a second while the clip plays, so it is one widget and no table of them."""

    def __init__(self) -> None:
        super().__init__()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.unit = 1.0
        self.rule: Rule | None = None
        self.explanation: Explanation | None = None
        self._counting: tuple[Analysis, float] | None = None
        self.retranslate()

    def sizeHint(self) -> QSize:
        return QSize(round(360 * self.unit), round(190 * self.unit))

    def retranslate(self) -> None:
        self.setAccessibleName(t("Why the rule fires or not"))
        self.update()

    def show_counting(self, analysis: Analysis, time: float) -> None:
        """What was counted there, or why it was not."""
        self.rule, self.explanation, self._counting = None, None, (analysis, time)
        self.setAccessibleDescription(self.sentence())
        self.update()

    def show_explanation(self, rule: Rule | None, explanation: Explanation | None) -> None:
        """None: no rule is selected, or there is no recording."""
        self.rule, self.explanation, self._counting = rule, explanation, None
        self.setAccessibleDescription(self.sentence())
        self.update()

    def sentence(self) -> str:
        """The one sentence."""
        if self._counting is not None:
            return _counted(*self._counting)
        if self.rule is None:
            return t("Select a rule to see why it fires, or does not, at the playhead.")
        if self.explanation is None:
            return t("Why it fires or not can be told as soon as the poses are known.")
        text = self.explanation.text(language())
        return text[:1].upper() + text[1:]

    def rows(self) -> list[Row]:
        """Everything the rule asks for, met or not."""
        rule, found = self.rule, self.explanation
        if rule is None or found is None or not found.someone:
            return []
        out = [_row_of(check) for check in found.checks]
        if len(rule.views) < len(VIEW_NAMES):
            view = t(VIEW_NAMES[found.view]) if found.view else "–"
            wanted = ", ".join(t(VIEW_NAMES[view]) for view in rule.views)
            out.append(Row(met=found.view_ok, name=t("View"), found=view, wanted=wanted))
        if rule.phases:
            wanted = ", ".join(phase_name(phase) for phase in rule.phases)
            out.append(
                Row(met=found.phase_ok, name=t("Phase"), found=phase_name(found.phase) or "–", wanted=wanted)
            )
        if rule.needs:
            missing = ", ".join(joint.name.replace("_", " ") for joint in found.missing)
            shown = t("{joints} not seen", joints=missing) if missing else t("seen")
            out.append(Row(met=not missing, name=t("Joints"), found=shown, wanted=t("seen")))
        if found.sureness is not None:
            out.append(
                Row(met=False, name=t("Sureness"), found=f"{found.sureness:.2f}", wanted=f"{found.sure:.2f}")
            )
        if found.hold_for:
            held = min(1.0, found.held / found.hold_for)
            seconds = t("{seconds} s", seconds=f"{found.held:.1f}")
            wanted = t("{seconds} s", seconds=f"{found.hold_for:g}")
            out.append(Row(met=held >= 1.0, name=t("Hold"), found=seconds, wanted=wanted, share=held))
        return out

    def paintEvent(self, event: QPaintEvent) -> None:
        with QPainter(self) as painter:  # ended even when the painting fails
            self._paint(painter)

    def _paint(self, painter: QPainter) -> None:
        unit = self.unit
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.colour("surface"))
        painter.drawRoundedRect(QRectF(self.rect()), 12 * unit, 12 * unit)
        pad = 14 * unit
        area = QRectF(self.rect()).adjusted(pad, 10 * unit, -pad, -8 * unit)
        wrap = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop | Qt.TextFlag.TextWordWrap
        if self._counting is not None:
            painter.setPen(theme.colour("text"))
            painter.setFont(theme.font(15 * unit, "ExtraBold"))
            painter.drawText(area, wrap, t("Counting"))
            below = area.adjusted(0, 28 * unit, 0, 0)
            painter.setFont(
                theme.fitted_font(self.sentence(), below, 14 * unit, 11 * unit, "Regular", int(wrap))
            )
            painter.drawText(below, wrap, self.sentence())
            return
        if self.rule is None or self.explanation is None:
            painter.setPen(theme.colour("muted"))
            painter.setFont(theme.font(14 * unit))
            painter.drawText(area, wrap, self.sentence())
            return
        state = state_of(self.explanation)
        self._badge(painter, area, state)
        rows = self.rows()
        height = 23 * unit
        top = area.y() + 28 * unit
        text = QRectF(
            area.x(), top, area.width(), max(20 * unit, area.bottom() - top - height * len(rows) - 4)
        )
        painter.setPen(theme.colour("text"))
        painter.setFont(theme.fitted_font(self.sentence(), text, 14 * unit, 11 * unit, "Regular", int(wrap)))
        bounds = QFontMetricsF(painter.font()).boundingRect(text, int(wrap), self.sentence())
        painter.save()
        painter.setClipRect(text)
        painter.drawText(text, int(wrap), self.sentence())
        painter.restore()
        y = top + min(text.height(), bounds.height()) + 6 * unit
        for row in rows:
            self._row(painter, QRectF(area.x(), y, area.width(), height), row)
            y += height

    def _badge(self, painter: QPainter, area: QRectF, state: RuleState) -> None:
        """The rule's state in a word and a colour, the rule's name behind it."""
        assert self.rule is not None
        unit = self.unit
        words: dict[RuleState, str] = {
            "firing": t("fires"),
            "pending": t("about to fire"),
            "quiet": t("quiet"),
            "blind": t("cannot judge"),
        }
        ink = INKS[self.rule.severity] if state in ("firing", "pending") else "muted"
        painter.setFont(theme.font(13 * unit, "ExtraBold"))
        width = QFontMetricsF(painter.font()).horizontalAdvance(words[state]) + 18 * unit
        box = QRectF(area.x(), area.y(), width, 22 * unit)
        painter.setPen(QPen(theme.colour(ink), 1.4 * unit))
        painter.setBrush(theme.colour(ink) if state == "firing" else Qt.BrushStyle.NoBrush)
        painter.drawRoundedRect(box, 11 * unit, 11 * unit)
        painter.setPen(theme.colour("on_fill" if state == "firing" else ink))
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, words[state])
        painter.setPen(theme.colour("text"))
        painter.setFont(theme.font(15 * unit, "ExtraBold"))
        name = QRectF(box.right() + 10 * unit, box.y(), area.right() - box.right() - 10 * unit, box.height())
        painter.drawText(name, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, self.rule.id)

    def _row(self, painter: QPainter, rect: QRectF, row: Row) -> None:
        unit = self.unit
        middle = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        painter.setPen(QPen(theme.colour("line"), 1))
        painter.drawLine(rect.topLeft(), rect.topRight())
        ink = {True: "accent", False: "warning", None: "muted"}[row.met]
        sign = {True: "✓", False: "✕", None: "?"}[row.met]
        painter.setFont(theme.font(13 * unit, "ExtraBold"))
        painter.setPen(theme.colour(ink))
        painter.drawText(
            QRectF(rect.x(), rect.y(), 20 * unit, rect.height()), Qt.AlignmentFlag.AlignCenter, sign
        )
        parts = (
            (0.0, 0.30, row.name, "muted", "Regular"),
            (0.30, 0.25, row.found, "text", "ExtraBold"),
            (0.55, 0.45, row.wanted, "muted", "Regular"),
        )
        left, width = rect.x() + 26 * unit, rect.width() - 26 * unit
        for start, share, text, letters, weight in parts:
            box = QRectF(left + start * width, rect.y(), share * width - 4 * unit, rect.height())
            painter.setFont(theme.font(13 * unit, weight))
            painter.setPen(theme.colour(letters))
            shown = QFontMetricsF(painter.font()).elidedText(text, Qt.TextElideMode.ElideRight, box.width())
            painter.drawText(box, middle, shown)
        if row.share is not None:
            bar = QRectF(left + 0.76 * width, rect.center().y() - 3 * unit, 0.24 * width, 6 * unit)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.colour("line"))
            painter.drawRoundedRect(bar, 3 * unit, 3 * unit)
            bar.setWidth(bar.width() * row.share)
            painter.setBrush(theme.colour(ink))
            painter.drawRoundedRect(bar, 3 * unit, 3 * unit)


def _counted(analysis: Analysis, time: float) -> str:
    """What was counted at that time, or why not."""
    rep = next((rep for rep in analysis.reps if rep.start <= time <= rep.end), None)
    if rep is not None:
        signal = analysis.exercise.counting.signals[0].parameter
        share = 1.0 if unit_of(signal) == "deg" else 0.01
        return t(
            "Repetition {number}: {name} moved {range} in {seconds} s.",
            number=rep.number,
            name=plain(signal),
            range=value_text(signal, rep.range * share),
            seconds=f"{rep.end - rep.start:.1f}",
        )
    missed = analysis.not_counted_at(time)
    if missed is None:
        if any(hold.start <= time <= hold.end for hold in analysis.holds):
            return t("The position is held.")
        count = len(analysis.counted.not_counted)
        return t(
            "No movement here. Counted: {counted}; not counted: {others}. Click one to see why.",
            counted=len(analysis.reps) + len(analysis.holds),
            others=count,
        )
    text = not_counted_text(missed, language())
    return text[:1].upper() + text[1:]


def _row_of(check: Check) -> Row:
    """A comparison: "knee, 104°, below 95°"."""
    found = "–" if check.value is None else value_text(check.parameter, check.value)
    if check.limit is None:
        wanted = t("not known yet")
    elif check.upper is not None:
        low, high = value_text(check.parameter, check.limit), value_text(check.parameter, check.upper)
        words = (
            t("between {low} and {high}") if check.operator == "between" else t("outside {low} and {high}")
        )
        wanted = words.format(low=low, high=high)
    else:
        limit = value_text(check.parameter, check.limit)
        wanted = (
            t("below {limit}", limit=limit) if check.operator == "below" else t("above {limit}", limit=limit)
        )
    return Row(met=check.truth, name=check.parameter, found=found, wanted=wanted)
