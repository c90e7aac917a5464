"""What lies over the picture: the way into it, the countdown, the rest, a gesture's ring, notes, the card."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from PySide6.QtCore import QObject, QPoint, QRect, QTimer, Signal

from app.framing import check_light
from app.pipeline import StepResult
from app.ui.coaching import Coaching
from app.ui.gesture_ring import GestureRing
from app.ui.notice import NoticeCard
from app.ui.outline import OutlineOverlay
from app.ui.rest_card import RestCard
from app.ui.video import VideoView

LIGHT_EVERY: Final = 1.0  # seconds between looks at the light
FLASH: Final = 6.0  # seconds that a short note stays


@dataclass
class _Flash:
    """A short note: its text in the language of then, and until when it stays; None: not seen yet."""

    say: Callable[[], str]
    until: float | None = None


class Overlays(QObject):
    """Children of the picture; they follow its size; `show_step` with every step of the workout.

    rest_shown: the card of a rest has come up; keys are for the button that ends it.
    """

    rest_shown = Signal()

    def __init__(self, video: VideoView) -> None:
        super().__init__(video)
        self.video = video
        self.outline = OutlineOverlay(video)
        self.outline.place, self.outline.notes = video.place, video.paint_notes
        self.ring = GestureRing(video)
        self.card = NoticeCard(video)
        self.rest: RestCard | None = None
        self._light: str | None = None  # what is wrong with the picture itself
        self._light_seen = 0.0
        self._flashes: list[_Flash] = []
        video.fit_changed.connect(lambda _: QTimer.singleShot(0, self.place))  # when the layout is done

    def retranslate(self) -> None:
        """Sets all texts."""
        self.outline.retranslate()
        self.ring.retranslate()
        if self.rest is not None:
            self.rest.retranslate()

    def set_unit(self, unit: float) -> None:
        self.outline.unit = self.ring.unit = unit
        self.card.set_unit(unit)

    def place(self) -> None:
        """Everything follows the picture."""
        video, size = self.video, self.ring.sizeHint()
        self.card.place()
        self.outline.setGeometry(video.rect())
        middle = video.rect().center()
        if self.rest is not None and not self.rest.isHidden():
            self.rest.setGeometry(video.rect())
            self.rest.set_unit(video.unit, portrait=video.width() < video.height())
            timer = self.rest.ring  # the gesture's ring stands in it, and covers no more than the time
            middle = timer.mapTo(video, timer.rect().center())
        around = QRect(QPoint(), size)
        around.moveCenter(middle)
        self.ring.setGeometry(around)

    def begin(self, coaching: Coaching) -> None:
        """Another workout."""
        if self.rest is not None:
            self.rest.setParent(None)
            self.rest.deleteLater()
        self.rest = RestCard(coaching.library)
        self.rest.setParent(self.video)
        self.rest.hide()
        self.rest.more_wanted.connect(coaching.runner.more_rest)

    def show_step(self, now: float, coaching: Coaching, result: StepResult) -> None:
        """now: monotonic seconds."""
        standing = coaching.standing
        paused, state = coaching.paused, standing.state
        if state == "before" and now - self._light_seen > LIGHT_EVERY and result.frame is not None:
            self._light_seen, self._light = now, check_light(result.frame.image, result.pose)
        if state == "countdown" and not paused:
            self.outline.show_count(int(coaching.number))
        else:
            advice = coaching.advice if state == "before" and not paused else None
            self.outline.show_advice(advice, self._light)
        self.video.corner_free = paused or state not in ("before", "countdown")
        self.outline.pulse = now
        self.ring.show_state(coaching.gesture, "paused" if paused else state)
        resting = state == "rest" and not paused
        if self.rest is not None:
            if resting:
                self.rest.show_rest(standing, total=coaching.rest_seconds, last=coaching.last_set)
            if resting and self.rest.isHidden():
                self.rest.show()
                self.rest_shown.emit()
                self.place()
            elif not resting:
                self.end_rest()

    def end_rest(self) -> None:
        """The card goes with the rest, also where no further step is seen: a video that is paused."""
        if self.rest is not None and not self.rest.isHidden():
            self.rest.hide()
            if self.card.notice is None:
                self.video.setFocus()  # so that keys are the page's
            self.place()

    def flash(self, say: Callable[[], str]) -> None:
        """A short note, from the moment the picture is seen; in another language it is said again."""
        self._flashes = [flash for flash in self._flashes if flash.say() != say()] + [_Flash(say)]

    def show_notes(self, now: float, lasting: tuple[str, ...]) -> None:
        """lasting: those that stay; the short ones go by themselves."""
        for flash in self._flashes:
            if flash.until is None:
                flash.until = now + FLASH
        self._flashes = [flash for flash in self._flashes if flash.until is None or now <= flash.until]
        notes = (*lasting, *(flash.say() for flash in self._flashes))
        if notes != self.video.notes:
            self.video.notes = notes
            self.video.update()
