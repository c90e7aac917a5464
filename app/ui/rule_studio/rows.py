"""Where everything of the timeline stands: rows from top to bottom, gutters at both sides."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

from PySide6.QtCore import QPointF, QRectF

from app.rule_edit import Place
from app.studio_lanes import Lane, Level, TimeWindow

LEFT, RIGHT = 150.0, 176.0
RULER, PHASES, REPS, PROMPTS, STATE, GAP = 24.0, 22.0, 30.0, 26.0, 22.0, 4.0
LANE_LEAST, LANE_MOST = 74.0, 150.0
LABEL = 19.0  # height of a level's label
NEAR = 5.0  # pixels from a line that still are the line


@dataclass(frozen=True, kw_only=True)
class LevelLabel:
    """A level with the place of its label in the right gutter."""

    lane: Lane
    level: Level
    y: float
    box: QRectF

    @property
    def place(self) -> Place | None:
        return None if self.level.threshold is None else self.level.threshold.place


@dataclass(frozen=True, kw_only=True)
class Rows:
    """The timeline's geometry in widget coordinates, for one size, scroll and zoom."""

    width: float
    height: float
    unit: float
    scroll: float
    window: TimeWindow
    lanes: tuple[Lane, ...]

    @property
    def plot_left(self) -> float:
        return LEFT * self.unit

    @property
    def plot_right(self) -> float:
        return max(self.plot_left + 40, self.width - RIGHT * self.unit)

    def _row(self, above: float, height: float) -> QRectF:
        return QRectF(self.plot_left, above * self.unit, self.plot_right - self.plot_left, height * self.unit)

    @property
    def ruler(self) -> QRectF:
        return self._row(0, RULER)

    @property
    def phases(self) -> QRectF:
        return self._row(RULER, PHASES)

    @property
    def reps(self) -> QRectF:
        return self._row(RULER + PHASES + GAP, REPS)

    @property
    def prompts(self) -> QRectF:
        return self._row(RULER + PHASES + REPS + GAP, PROMPTS)

    @property
    def state(self) -> QRectF:
        return self._row(RULER + PHASES + REPS + PROMPTS + 2 * GAP, STATE)

    @property
    def lanes_top(self) -> float:
        return self.state.bottom() + 2 * GAP * self.unit

    @cached_property
    def tops(self) -> tuple[float, ...]:
        """Where each lane begins, from the first one's beginning on, and where the last one ends.

        A lane is as high as its labels need; what is left of the height is shared out, within bounds.
        """
        least = [max(LANE_LEAST, LABEL * len(lane.levels) + 18) * self.unit for lane in self.lanes]
        left = max(0.0, self.height - self.lanes_top - sum(least)) / max(1, len(least))
        heights = [max(height, min(LANE_MOST * self.unit, height + left)) for height in least]
        return tuple(accumulate(heights, initial=0.0))

    @property
    def hidden(self) -> float:
        """How far the lanes can be scrolled."""
        return max(0.0, self.tops[-1] - (self.height - self.lanes_top))

    @property
    def viewport(self) -> QRectF:
        """Where lanes can be seen."""
        return QRectF(0, self.lanes_top, self.width, max(0.0, self.height - self.lanes_top))

    def lane(self, index: int) -> QRectF:
        """The plot of a lane."""
        top, pad = self.lanes_top + self.tops[index] - self.scroll, 7 * self.unit
        height = self.tops[index + 1] - self.tops[index]
        return QRectF(self.plot_left, top + pad, self.plot_right - self.plot_left, height - 2 * pad)

    def x(self, time: float) -> float:
        return self.plot_left + self.window.share(time) * (self.plot_right - self.plot_left)

    def time(self, x: float) -> float:
        """Within the recording."""
        return self.window.time((x - self.plot_left) / (self.plot_right - self.plot_left))

    def y(self, index: int, value: float) -> float:
        rect = self.lane(index)
        share = min(1.04, max(-0.04, self.lanes[index].share(value)))
        return rect.bottom() - share * rect.height()

    def value(self, index: int, y: float) -> float:
        rect = self.lane(index)
        return self.lanes[index].value((rect.bottom() - y) / rect.height())

    def labels(self) -> list[LevelLabel]:
        """Every level, its label as near to its line as the others leave room."""
        out: list[LevelLabel] = []
        height = LABEL * self.unit
        for index, lane in enumerate(self.lanes):
            rect = self.lane(index)
            placed = sorted(((self.y(index, level.value), level) for level in lane.levels), key=_by_height)
            tops = _spread([y - height / 2 for y, _ in placed], height + 1, rect.top() - 5, rect.bottom() + 5)
            for (y, level), top in zip(placed, tops, strict=True):
                box = QRectF(
                    self.plot_right + 12 * self.unit,
                    top,
                    self.width - self.plot_right - 16 * self.unit,
                    height,
                )
                out.append(LevelLabel(lane=lane, level=level, y=y, box=box))
        return out

    def level_at(self, point: QPointF) -> LevelLabel | None:
        """The level whose label or line is there: the nearest, and one that can be moved first."""
        if not self.viewport.contains(point):
            return None
        near = [label for label in self.labels() if label.box.contains(point)]
        if not near and self.plot_left <= point.x() <= self.plot_right:
            near = [label for label in self.labels() if abs(label.y - point.y()) <= NEAR * self.unit]
        return min(near, key=lambda label: (label.place is None, abs(label.y - point.y())), default=None)


def _by_height(entry: tuple[float, Level]) -> float:
    return entry[0]


def _spread(tops: list[float], height: float, lowest: float, highest: float) -> list[float]:
    """Moves boxes apart, downwards first and then up from the end, so that none covers another."""
    out: list[float] = []
    for top in tops:
        out.append(max(top, out[-1] + height) if out else max(top, lowest))
    limit = highest
    for index in range(len(out) - 1, -1, -1):
        out[index] = min(out[index], limit - height)
        limit = out[index]
    return out
