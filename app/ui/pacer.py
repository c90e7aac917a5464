"""The metronome to look at: a ball climbs to the turning point and comes back in the plan's tempo."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QLineF, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.metronome import Beat, Stage
from app.reps import DEFAULT_PHASES, PhaseNames
from app.summary import Tempo
from app.ui import theme
from app.ui.words import phase_name, t

_STAGES: Final[tuple[Stage, ...]] = ("away", "turn", "back")


class Pacer(QWidget):
    """set_tempo(tempo, phases), then show_beat(beat, progress) with every step of the metronome.

    progress: how far the athlete really is, 0 to 1 (StepResult.progress): a ring on the same track.
    """

    def __init__(self) -> None:
        super().__init__()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(120, 60)
        self.unit = 1.0
        self._tempo: Tempo | None = None
        self._phases = DEFAULT_PHASES
        self._beat: Beat | None = None
        self._progress: float | None = None
        self.retranslate()

    def sizeHint(self) -> QSize:
        return QSize(320, round(112 * self.unit))

    def retranslate(self) -> None:
        """Sets all texts."""
        self.setAccessibleName(t("Tempo"))
        self.update()

    def set_tempo(self, tempo: Tempo | None, phases: PhaseNames = DEFAULT_PHASES) -> None:
        """None: there is nothing to keep to, and nothing is shown. phases: of the exercise, for its ways."""
        self._tempo, self._phases, self._beat = tempo, phases, None
        self.update()

    def show_beat(self, beat: Beat | None, progress: float | None = None) -> None:
        self._beat, self._progress = beat, progress
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        with QPainter(self) as painter:  # ended even when the painting fails: Qt would crash otherwise
            self._paint(painter)

    def _paint(self, painter: QPainter) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        unit, rect = self.unit, QRectF(self.rect())
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.colour("surface"))
        painter.drawRoundedRect(rect, 14 * unit, 14 * unit)
        if self._tempo is None:
            return
        left = QRectF(16 * unit, 0, 0.30 * rect.width(), rect.height())
        self._paint_words(painter, left, self._tempo)
        track = rect.adjusted(left.right() + 18 * unit, 20 * unit, -26 * unit, -20 * unit)
        self._paint_track(painter, track, self._tempo)

    def _paint_words(self, painter: QPainter, room: QRectF, tempo: Tempo) -> None:
        unit, beat = self.unit, self._beat
        _, away, _, back = self._phases
        names = {"away": phase_name(away), "turn": t("Stay there"), "back": phase_name(back)}
        upper = QRectF(room.left(), room.top() + 10 * unit, room.width(), 0.30 * room.height())
        flags = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        painter.setFont(theme.font(18 * unit, "SemiBold"))
        painter.setPen(theme.colour("muted"))
        text = names[beat.stage] if beat is not None else t("Tempo")
        painter.drawText(upper, flags, text)
        lower = QRectF(room.left(), upper.bottom(), room.width(), room.height() - upper.bottom() - 8 * unit)
        painter.setFont(theme.font(min(0.86 * lower.height(), (46 if beat else 26) * unit), "Figures"))
        painter.setPen(theme.colour("text"))
        parts = "-".join(f"{part:g}" for part in (tempo.out, tempo.turn, tempo.back))
        painter.drawText(lower, flags, str(beat.left) if beat is not None else parts)

    def _paint_track(self, painter: QPainter, track: QRectF, tempo: Tempo) -> None:
        """Time to the right, place upwards: the way out, the stay, the way back."""
        unit = self.unit
        total = tempo.seconds
        lengths: dict[Stage, float] = {"away": tempo.out, "turn": tempo.turn, "back": tempo.back}

        def at(seconds: float, place: float) -> QPointF:
            return QPointF(
                track.left() + seconds / total * track.width(), track.bottom() - place * track.height()
            )

        points = [at(0, 0), at(tempo.out, 1), at(tempo.out + tempo.turn, 1), at(total, 0)]
        painter.setPen(
            QPen(theme.colour("line"), 5 * unit, c=Qt.PenCapStyle.RoundCap, j=Qt.PenJoinStyle.RoundJoin)
        )
        painter.drawPolyline(points)
        beat = self._beat
        if beat is None:
            return
        begun = 0.0
        for stage in _STAGES:
            if stage == beat.stage:
                break
            begun += lengths[stage]
        now = begun + beat.share * lengths[beat.stage]
        ball = at(now, beat.place)
        done = [point for point, when in zip(points, (0.0, tempo.out, tempo.out + tempo.turn), strict=False)
                if when < now]  # fmt: skip
        painter.setPen(
            QPen(theme.colour("accent"), 5 * unit, c=Qt.PenCapStyle.RoundCap, j=Qt.PenJoinStyle.RoundJoin)
        )
        painter.drawPolyline([*done, ball])
        if self._progress is not None:
            mine = at(now, min(1.0, max(0.0, self._progress)))
            painter.setPen(QPen(theme.colour("muted"), 2 * unit, Qt.PenStyle.DotLine))
            painter.drawLine(QLineF(mine, ball))
            painter.setPen(QPen(theme.colour("text"), 3 * unit))
            painter.setBrush(theme.colour("surface"))
            painter.drawEllipse(mine, 7 * unit, 7 * unit)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.colour("accent"))
        painter.drawEllipse(ball, 11 * unit, 11 * unit)
