"""An hour of workouts in the real window, as fast as the frames are done: what is left of it in memory?

Workouts of several sets and rests, one after the other, each followed by a look at every page; in between the
athlete pauses, complains, changes the language, the theme and the window's shape. Frames, network, painting,
journal and history are the real ones. Only time is data, and so is an hour over as soon as its frames are.

After the first workout every page is looked at in every look and shape. What is made once and kept (fonts,
icons, pictures of exercises, the libraries' own) is there then, and the window counts as warm: from there on
its memory is compared. Each workout goes through all shapes, so that they are alike: a larger picture takes
more memory.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import cycle, product
from typing import Final, Protocol

from PySide6.QtCore import QObject, QTimer

from app.capture import Frame
from app.memory import own_mb
from app.pipeline import PoseEstimator
from app.planfile import save_plan
from app.plans import Plan, PlannedExercise, PlanStep
from app.skeleton import Pose
from app.ui.app import Engine, network_factory
from app.ui.measured import CAMERA, Opener, open_window
from app.ui.records import EngineInfo
from app.ui.window import MainWindow, Options
from app.ui.worker import Factory, Progressing

LOOK_EVERY: Final = 20  # milliseconds
ALIVE_EVERY: Final = 2.0  # seconds
READ_EVERY: Final = 0.5  # seconds between looks at the memory
PAGE_SECONDS: Final = 0.25  # of the clock on the wall, for each page to be laid out and painted
READY_AFTER: Final = 5.0  # seconds after which the athlete begins the set that waits
LOOKS: Final[tuple[dict[str, str], ...]] = (
    {"theme": "light"},
    {"language": "zh"},
    {"theme": "high_contrast", "text_size": "large"},
    {"theme": "dark", "language": "en", "text_size": "normal"},
)
SHAPES: Final = ((720, 1180), (1280, 720), (1600, 900))
LONGEST_WORKOUT: Final = 400.0  # seconds; a set that nothing ends is ended

_SQUATS: Final = PlannedExercise(exercise="squat", seconds=40.0)
_LUNGES: Final = PlannedExercise(exercise="lunge", seconds=30.0)
PLAN: Final = Plan(
    id="long_run",
    names={"en": "Long run"},
    steps=(PlanStep(exercises=(_SQUATS,), sets=2, rest=15.0), PlanStep(exercises=(_LUNGES,), rest=10.0)),
)


class Clock(Protocol):
    """seconds: of the frames given so far. fetched: asked before the next frame is given."""

    seconds: float
    fetched: Callable[[], bool]


@dataclass(frozen=True, kw_only=True)
class Minute:
    """What has been done by the end of a minute.

    warm: everything was seen once. look: which of LOOKS is on. own_mb: see app.memory, the mean over the
    minute, or over the part of it that is warm and has this look; None where the system does not tell.
    """

    minute: int
    warm: bool
    look: int
    own_mb: float | None
    workouts: int
    sets: int
    reps: int
    pages: int
    results: int


class LongRun(QObject):
    """Goes through the script until the clock says `minutes`, then closes the window.

    told: called once a minute of the clock's, and at the end. alive: called with the clock's seconds, now and
    then.
    """

    def __init__(
        self,
        window: MainWindow,
        clock: Clock,
        minutes: float,
        *,
        told: Callable[[Minute], None],
        alive: Callable[[float], None],
    ) -> None:
        super().__init__(window)
        self._window, self._clock, self._minutes = window, clock, minutes
        self._told, self._alive = told, alive
        self._said_alive = time.monotonic()
        self._workouts = self._sets = self._reps = self._pages = self._results = 0
        self._last_minute = 0
        self._warm = False
        self._look = len(LOOKS) - 1  # as the tour leaves it
        self._held: list[float | None] = []  # read in this minute
        self._last_read = 0.0
        self._shapes = cycle(SHAPES)
        self._script = self._live()
        clock.fetched = lambda: not window.feed.runner.to_network.waiting
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._step)
        self._timer.start(LOOK_EVERY)

    def _step(self) -> None:
        if time.monotonic() - self._last_read > READ_EVERY:
            self._last_read = time.monotonic()
            self._held.append(own_mb())
        minute = int(self._clock.seconds // 60)
        if minute > self._last_minute:
            self._last_minute = minute
            self._told(self._now(minute))
        if time.monotonic() - self._said_alive > ALIVE_EVERY:
            self._said_alive = time.monotonic()
            self._alive(self._clock.seconds)
        if next(self._script, None) is None:
            self._timer.stop()
            self._told(self._now(minute))
            self._window.close()

    def _now(self, minute: int) -> Minute:
        held = [value for value in self._held or [own_mb()] if value is not None]
        self._held = []
        return Minute(
            minute=minute,
            warm=self._warm,
            look=self._look,
            own_mb=sum(held) / len(held) if held else None,
            workouts=self._workouts,
            sets=self._sets,
            reps=self._reps,
            pages=self._pages,
            results=self._results,
        )

    # ---- the script; each yield waits for the next look

    def _live(self) -> Iterator[bool]:
        window = self._window
        window.coach.stage.watcher = lambda painted: self._count_result(painted.progress is not None)
        path = save_plan(window.shelf.own_plans, PLAN)
        window.shelf.reload_plans()
        while self._goes_on:
            window.begin_plan(path)
            window.coach.top.figure.setChecked(True)
            yield from self._work_out()
            yield from self._look_around()
            if not self._warm and self._goes_on:
                for shape, look in product(SHAPES, LOOKS):
                    window.resize(*shape)
                    window.change(**look)
                    yield from self._look_around()
                self._warm = True
            self._look = (self._look + 1) % len(LOOKS)
            window.change(**LOOKS[self._look])
            yield from self._wait()
            self._held = []

    @property
    def _goes_on(self) -> bool:
        return self._clock.seconds < self._minutes * 60

    def _work_out(self) -> Iterator[bool]:
        window, coach, clock = self._window, self._window.coach, self._clock
        since = clock.seconds
        state, paused = "", False
        end = min(clock.seconds + LONGEST_WORKOUT, self._minutes * 60)
        while coach.done is None and clock.seconds < end:
            coaching = coach.coaching
            assert coaching is not None
            if coaching.state != state:
                state, since = coaching.state, clock.seconds
                if state == "before":
                    window.resize(*next(self._shapes))
            if state == "before" and clock.seconds - since > READY_AFTER:
                coach.toggle_pause()
            if state == "set" and clock.seconds - since > READY_AFTER and not paused:
                paused = True
                window.keep_poses("wrong_cue")
                coach.toggle_pause()
                yield from self._wait()
                coach.toggle_pause()
            yield True
        if coach.done is None:
            coach.finish()
        done = coach.done
        if done is not None:
            self._workouts += 1
            self._sets += len(done.sets)
            self._reps += sum(len(each.reps) for each in done.sets)

    def _look_around(self) -> Iterator[bool]:
        window = self._window
        pages: tuple[Callable[[], object], ...] = (
            lambda: None,  # the summary is up
            lambda: window.records.show_history(window.settings.profile),
            window.show_home,
            window.show_settings,
            window.toggle_help,
            window.toggle_help,
            lambda: window.records.edit_plan(None),
            lambda: window.records.show_studio(None),
            window.show_home,
        )
        for show in pages:
            show()
            self._pages += 1
            yield from self._wait()

    def _wait(self) -> Iterator[bool]:
        until = time.monotonic() + PAGE_SECONDS
        while time.monotonic() < until:
            yield True

    def _count_result(self, new: bool) -> None:
        self._results += new


class RepeatedPoses:
    """An estimator that looks at each frame of the clips once, and then gives the same poses again and again.

    frames: of all clips together.
    """

    def __init__(self, estimator: PoseEstimator, frames: int) -> None:
        self._estimator, self._frames = estimator, frames
        self._poses: list[Pose | None] = []
        self._given = 0

    def estimate(self, frame: Frame, /) -> Pose | None:
        if len(self._poses) < self._frames:
            self._poses.append(self._estimator.estimate(frame))
            return self._poses[-1]
        self._given += 1
        return self._poses[self._given % self._frames]

    def reset(self) -> None:
        self._estimator.reset()


def long_run(
    camera: Opener,
    clock: Clock,
    engine: Engine,
    *,
    minutes: float,
    told: Callable[[Minute], None],
    alive: Callable[[float], None] = lambda seconds: None,
    repeat: int = 0,
) -> int:
    """Runs the window through so many minutes of the clock's time; see LongRun.

    repeat: the network looks at so many frames only, and their poses come again and again; 0: at all of them.
    Returns the exit code.
    """

    def begin(window: MainWindow) -> None:
        window.feed.runner.open_source = camera
        window.options = Options(source=CAMERA, loop=True)
        if repeat:
            window.worker.rebuild(_repeating(network_factory(engine), repeat))
        LongRun(window, clock, minutes, told=told, alive=alive)

    return open_window(begin, engine, Options())


def _repeating(factory: Factory, frames: int) -> Factory:
    def build(say: Progressing) -> tuple[PoseEstimator, EngineInfo]:
        estimator, info = factory(say)
        return RepeatedPoses(estimator, frames), info

    return build
