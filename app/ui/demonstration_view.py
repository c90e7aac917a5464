"""The demonstration of an exercise: moving beside the picture, or still on a card of the home screen."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Final

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPixmap

from app.demonstration import Demonstration, load_demonstration
from app.errors import FormcueError
from app.ui import theme
from app.ui.figure_painter import Floor, Look, fitting_camera, paint_body, paint_shadow
from app.ui.figure_view import FigureView
from app.ui.words import t

log = logging.getLogger(__name__)

PITCH: Final = 11.0
# Degrees away from the athlete's left side, towards their front: where the exercise shows best.
_YAW: Final = {"lateral_raise": -72.0, "jumping_jack": -72.0, "side_leg_raise": -75.0, "pull_up": -128.0,
               "shoulder_press": -60.0, "biceps_curl": -48.0, "plank": -25.0, "push_up": -30.0}  # fmt: skip
_USUAL_YAW: Final = -38.0
_WITH_BAR: Final = {"pull_up", "deadlift"}
_GHOST: Final = 0.18  # how strong the start position stands behind a still
MOST_KEPT: Final = 32 << 20  # bytes of stills: a page of cards on the largest screens has half of it


def has_demonstration(exercise: str) -> bool:
    """Whether there is one for the exercise (the library's have one, one's own have not)."""
    return _loop(exercise) is not None


def _loop(exercise: str) -> Demonstration | None:
    try:
        return load_demonstration(exercise)
    except FormcueError as error:
        log.warning("the demonstration cannot be shown: %s", error)
        return None


def _paint(
    painter: QPainter, rect: QRectF, floor: Floor, loop: Demonstration, time: float | None, yaw: float
) -> None:
    """The loop at a time, or its turning point (None) with its start position faintly behind."""
    low, high = loop.bodies.min(axis=(0, 1)), loop.bodies.max(axis=(0, 1))
    high = high + 0.05  # the joints lie inside of the body
    camera = fitting_camera(rect, low.tolist(), high.tolist(), yaw=yaw, pitch=PITCH)
    look = Look(bar=loop.exercise in _WITH_BAR, letters=time is not None)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    wide = float(max(high[0] - low[0], high[2] - low[2]))
    floor.paint(painter, camera, rect, radius=max(1.1, 0.8 * wide))
    body = loop.most_moved() if time is None else loop.at(time)
    paint_shadow(painter, camera, body)
    if time is None:
        painter.setOpacity(_GHOST)
        paint_body(painter, camera, loop.bodies[0], look)
        painter.setOpacity(1.0)
    paint_body(painter, camera, body, look)


class PictureStore:
    """Pictures that were made: those of one look, those asked for last, as many as fit into `most` bytes."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.bytes = 0
        self._look: Hashable = None
        self._kept: OrderedDict[Hashable, QPixmap] = OrderedDict()  # the one asked for last at the end

    def get(self, look: Hashable, key: Hashable, make: Callable[[], QPixmap]) -> QPixmap:
        """The picture of that key, made if it is not there. Those of another look go."""
        if look != self._look:
            self._look, self.bytes = look, 0
            self._kept.clear()
        made = self._kept.get(key)
        if made is None:
            made = self._kept[key] = make()
            self.bytes += _bytes(made)
            while self.bytes > self.most:
                self.bytes -= _bytes(self._kept.popitem(last=False)[1])
        else:
            self._kept.move_to_end(key)
        return made


def _bytes(picture: QPixmap) -> int:
    return picture.width() * picture.height() * picture.depth() // 8


_stills = PictureStore(MOST_KEPT)


def demonstration_still(exercise: str, size: QSize, ratio: float = 1.0) -> QPixmap:
    """The exercise at its turning point on a transparent ground, in the theme's colours; kept for a while.

    size: device-independent pixels; ratio: devicePixelRatioF of where it is shown. An exercise without a
    demonstration gets its icon. Ask again after a change of theme.
    """
    key = (exercise, size.width(), size.height(), ratio)
    return _stills.get(theme.current(), key, lambda: _made_still(exercise, size, ratio))


def _made_still(exercise: str, size: QSize, ratio: float) -> QPixmap:
    made = QPixmap(round(size.width() * ratio), round(size.height() * ratio))
    made.setDevicePixelRatio(ratio)
    made.fill(Qt.GlobalColor.transparent)
    loop = _loop(exercise)
    rect = QRectF(0, 0, size.width(), size.height())
    with QPainter(made) as painter:
        if loop is None:
            side = 0.6 * min(size.width(), size.height())
            place = QRectF(0, 0, side, side)
            place.moveCenter(rect.center())
            theme.draw_icon(painter, theme.exercise_icon(exercise), place, "muted")
        else:
            _paint(painter, rect, Floor(), loop, None, _YAW.get(exercise, _USUAL_YAW))
    return made


class DemonstrationView(FigureView):
    """Shows how it is done, round after round: set_exercise(id), play(), stop().

    The shell puts it beside the picture on request (key D). It moves only while it is seen, and asks for
    nothing.
    """

    def __init__(self) -> None:
        super().__init__()
        self._exercise = ""
        self._name = ""
        self._loop: Demonstration | None = None
        self._time = 0.0
        self.animated = True
        self.retranslate()

    def sizeHint(self) -> QSize:
        return QSize(320, 320)

    def retranslate(self) -> None:
        """Sets all texts."""
        self.setAccessibleName(t("Demonstration"))
        self.setToolTip(t("How it is done"))
        self.update()

    def set_exercise(self, exercise: str, name: str = "") -> None:
        """Shows another exercise from its start. name: as it is written above it."""
        self._exercise, self._name = exercise, name
        self._loop = _loop(exercise)
        self._time = 0.0
        self.update()

    @property
    def exercise(self) -> str:
        """What is shown; empty before the first."""
        return self._exercise

    def play(self) -> None:
        self.animated = True

    def stop(self) -> None:
        self.animated = False

    def show_at(self, time: float) -> None:
        """Stops at so many seconds into the loop (a pacer or a test says when)."""
        self.stop()
        self._time = time
        self.update()

    def move_on(self, seconds: float) -> None:
        self._time += seconds

    def paint_inside(self, painter: QPainter, rect: QRectF) -> None:
        unit = self.unit
        head = 34 * unit if self._name else 0.0
        if self._loop is None:
            self.paint_words(painter, rect, t("There is no demonstration of this exercise yet"), 22)
        else:
            yaw = _YAW.get(self._exercise, _USUAL_YAW)
            _paint(painter, rect.adjusted(0, head, 0, 0), self.floor, self._loop, self._time, yaw)
        if self._name:
            painter.setFont(theme.font(17 * unit, "SemiBold"))
            painter.setPen(theme.colour("text"))
            title = QRectF(16 * unit, 8 * unit, rect.width() - 32 * unit, head)
            painter.drawText(title, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, self._name)
