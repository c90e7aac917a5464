"""The inference thread: builds and warms the network, then frames in, results and events out.

It owns the pipeline; the window speaks to it through a queue of commands, hears of what happens
through Qt signals (events are never dropped) and takes the newest result from a slot (results may be).

Whatever breaks in it is caught here. The first time the network is built anew and the set goes on where it
was, with the frame that broke it left out; when it breaks again soon, the window is told and the thread waits
for `retry`.
"""

from __future__ import annotations

import copy
import logging
import queue
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from PySide6.QtCore import QObject, Signal

from app.capture import Frame, NewestSlot
from app.errors import FormcueError, first_line
from app.feedback import PoseBuffer
from app.pipeline import Pipeline, PoseEstimator, StepResult
from app.reps import Rep
from app.rules import Exercise, Prompt
from app.set_recorder import SetRecorder
from app.summary import RepSummary
from app.ui.main_thread import give_way
from app.ui.records import EngineInfo, Progress, RepRecord, Summary
from app.ui.words import range_sign

log = logging.getLogger(__name__)
IDLE_WAIT: Final = 0.05  # seconds between looks at the command queue while no frame comes
AGAIN: Final = 60.0  # seconds within which a second crash is no accident
BUSY: Final = 0.8  # share of its time that the thread works; the rest is for painting and capturing


@dataclass(frozen=True, kw_only=True)
class Progressing:
    """Whom the building of an engine tells: what takes long; later, which other runtime goes on with it."""

    preparing: Callable[[str], None]
    changed: Callable[[EngineInfo], None]


# Builds and warms the network. Raises FormcueError.
Factory = Callable[[Progressing], tuple[PoseEstimator, EngineInfo]]


class InferenceWorker(QObject):
    """Signals come from the inference thread; Qt queues them for the window's.

    preparing(what takes so long), ready(EngineInfo), changed(EngineInfo) when another runtime goes on;
    restarted(line, traceback) after a crash, failed(FormcueError or a line, traceback) when it stands still
    until `retry`;
    happened(session, RepRecord | Prompt);
    finished(session, Summary): the session's frames have come to their end.
    """

    preparing = Signal(str)
    ready = Signal(object)
    changed = Signal(object)
    restarted = Signal(str, str)
    failed = Signal(object, str)
    happened = Signal(int, object)
    finished = Signal(int, object)

    def __init__(self, factory: Factory, exercise: Exercise, *, language: str = "en") -> None:
        super().__init__()
        self._factory, self._language = factory, language
        self._progressing = Progressing(preparing=self.preparing.emit, changed=self.changed.emit)
        self._begun: float | None = None  # monotonic time of the step under way
        self._crash = -AGAIN  # monotonic time of the last one
        self._broken = False  # stands still until `retry`
        self._exercise = exercise
        self._commands: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()
        self._stop = threading.Event()
        self.results: NewestSlot[Progress] = NewestSlot()
        self._pipeline: Pipeline | None = None
        self._session = 0
        self._slot: NewestSlot[Frame] | None = None
        self._paused = False
        self._complete = False  # the source came to its proper end (else it broke)
        self._rate = _Rate()
        self._recorder = SetRecorder(exercise)
        self._count = 0
        self._told = 0  # repetitions and holds signalled
        self._lock = threading.Lock()
        self._kept = PoseBuffer()
        # A daemon: loading a network cannot be interrupted, and closing the window must always work.
        self._thread = threading.Thread(target=self._run, name="inference", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, timeout: float) -> bool:
        """Asks the thread to end and waits up to timeout seconds. True when it has ended."""
        self._stop.set()
        self._commands.put(("wake", None))
        if self._thread.is_alive():
            self._thread.join(timeout)
        return not self._thread.is_alive()

    @property
    def busy_for(self) -> float:
        """Seconds for which the step under way has been; long ones are a driver's that does not come back."""
        begun = self._begun
        return time.monotonic() - begun if begun is not None else 0.0

    def attach(self, session: int, slot: NewestSlot[Frame]) -> None:
        """Takes frames from slot from now on and counts from zero."""
        self._commands.put(("attach", (session, slot)))

    def complete(self, session: int) -> None:
        """The source of that session came to its end: finish when its last frame is done."""
        self._commands.put(("complete", session))

    def set_exercise(self, exercise: Exercise) -> None:
        self._commands.put(("exercise", exercise))

    def set_paused(self, paused: bool) -> None:
        self._commands.put(("paused", paused))

    def reset(self) -> None:
        """Counts from zero on."""
        self._commands.put(("reset", None))

    def begin_set(self) -> None:
        """The set proper begins; what was done while it was waited for earns no praise in it."""
        self._commands.put(("set", None))

    def set_language(self, language: str) -> None:
        """Of the prompts from now on."""
        self._commands.put(("language", language))

    def retry(self) -> None:
        """Tries again to build the network after a failure."""
        self._commands.put(("retry", None))

    def rebuild(self, factory: Factory) -> None:
        """Another network, or the same one elsewhere; the set begins anew."""
        self._commands.put(("rebuild", factory))

    def last_poses(self) -> PoseBuffer:
        """Those of the last ten seconds, for keeping what went wrong. No picture is among them."""
        with self._lock:
            return copy.deepcopy(self._kept)

    def _run(self) -> None:
        give_way()
        self._build()
        while not self._stop.is_set():
            try:
                self._turn()
            except BaseException as error:  # also what was meant to end the process: the window stays
                self._on_crash(error)

    def _turn(self) -> None:
        """Commands, then a frame if there is one."""
        self._obey(wait=not self._running)
        pipeline, slot = self._pipeline, self._slot
        if self._stop.is_set() or not self._running or pipeline is None or slot is None:
            return
        frame = slot.take(IDLE_WAIT)
        if frame is not None:
            begun = self._begun = time.monotonic()
            try:
                self._step(pipeline, frame)
            finally:
                self._begun = None
            self._leave_room(time.monotonic() - begun)
        elif slot.closed and self._complete:
            self._finish(pipeline)

    @property
    def _running(self) -> bool:
        ready = self._pipeline is not None and self._slot is not None
        return ready and not self._paused and not self._broken

    def _leave_room(self, worked: float) -> None:
        """Rests after a step of `worked` seconds.

        A machine that keeps up with its frames waits for the next one anyway. On a weak one poses get fewer,
        and the window and the camera still have their turn.
        """
        self._stop.wait(worked * (1 / BUSY - 1))

    def _build(self) -> None:
        try:
            estimator, info = self._factory(self._progressing)
            self._pipeline = Pipeline(estimator, self._exercise, language=self._language)
        except Exception as error:
            self._fail(error)
        else:
            self._broken = False
            self.ready.emit(info)

    def _on_crash(self, error: BaseException) -> None:
        """Once, the network is built anew; then the window is told."""
        now = time.monotonic()
        again, self._crash = now - self._crash < AGAIN, now
        if again or self._pipeline is None:
            self._fail(error)
        elif self._rebuild_estimator(self._pipeline):
            log.error("the inference thread broke and goes on", exc_info=error)
            self.restarted.emit(_one_line(error), _trace(error))

    def _rebuild_estimator(self, pipeline: Pipeline) -> bool:
        """A new network for the set under way. False: there is none to be had, which the window was told."""
        try:
            estimator, info = self._factory(self._progressing)
        except Exception as error:
            self._fail(error)
            return False
        pipeline.set_estimator(estimator)
        self._broken = False
        self.ready.emit(info)
        return True

    def _fail(self, error: BaseException) -> None:
        self._broken = True
        if not isinstance(error, FormcueError):
            log.error("the inference thread failed", exc_info=error)
        self.failed.emit(error if isinstance(error, FormcueError) else _one_line(error), _trace(error))

    def _obey(self, *, wait: bool) -> None:
        """Carries out the commands that wait; with wait, stays until there is one."""
        while True:
            try:
                command, value = self._commands.get(block=wait, timeout=None if wait else 0.0)
            except queue.Empty:
                return
            wait = False
            if command == "attach":
                self._session, self._slot = value
                self._complete = False
                self._reset()
            elif command == "complete":
                self._complete = self._complete or value == self._session
            elif command == "exercise":
                self._exercise = value
                self._recorder = SetRecorder(value)
                self._restart_set()
            elif command == "set" and self._pipeline is not None:
                self._pipeline.begin_set()
            elif command == "language":
                self._language = value
                if self._pipeline is not None:
                    self._pipeline.set_language(value)
            elif command == "paused":
                self._paused = value
                self._rate.clear()
            elif command == "reset":
                self._reset()
            elif command == "rebuild":
                self._factory = value
                self._pipeline = None
                self._reset()
                self._build()
            elif command == "retry" and self._broken:
                self._retry()

    def _retry(self) -> None:
        """Everything anew, also what counts: it may be what broke. The window keeps the repetitions done."""
        if self._pipeline is None:
            self._build()
        elif self._rebuild_estimator(self._pipeline):
            self._restart_set()

    def _reset(self) -> None:
        self._clear()
        self._rate.clear()
        with self._lock:
            self._kept.clear()
        if self._pipeline is not None:
            self._pipeline.reset()

    def _restart_set(self) -> None:
        self._clear()
        if self._pipeline is not None:
            self._pipeline.set_exercise(self._exercise)

    def _clear(self) -> None:
        self._recorder.reset()
        self._count = self._told = 0

    def _step(self, pipeline: Pipeline, frame: Frame) -> None:
        result = pipeline.step(frame)
        self._keep(result)
        self._count = result.count
        for event in result.events:
            if isinstance(event, Prompt):
                self.happened.emit(self._session, event)
        self._tell(self._recorder.add(result, pipeline.fault_counts))
        rate = self._rate.tick(time.monotonic())
        self.results.put(
            Progress(
                session=self._session,
                result=result,
                steps_per_second=rate,
                holding=self._recorder.holding,
            )
        )

    def _keep(self, result: StepResult) -> None:
        with self._lock:
            self._kept.add(result.time, result.pose)

    def _tell(self, ended: tuple[RepSummary, ...]) -> None:
        sign = range_sign(self._exercise.counting)
        for done in ended:
            self._told += 1
            self.happened.emit(self._session, RepRecord(number=self._told, done=done, sign=sign))

    def _finish(self, pipeline: Pipeline) -> None:
        events = pipeline.finish()
        self._count += sum(isinstance(event, Rep) for event in events)
        self._tell(self._recorder.finish(events, pipeline.fault_counts))
        self._slot = None
        self.finished.emit(self._session, Summary(count=self._count, fault_counts=pipeline.fault_counts))


def _one_line(error: BaseException) -> str:
    return first_line(error) if isinstance(error, FormcueError) else f"{type(error).__name__}: {error}"


def _trace(error: BaseException) -> str:
    return "".join(traceback.format_exception(error))


class _Rate:
    """Steps a second over the last second or so."""

    def __init__(self) -> None:
        self._times: list[float] = []

    def clear(self) -> None:
        self._times.clear()

    def tick(self, now: float) -> float:
        self._times = [moment for moment in self._times if now - moment < 1.5] + [now]
        span = now - self._times[0]
        return (len(self._times) - 1) / span if span > 0.2 else 0.0
