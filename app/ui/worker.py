"""The inference thread: builds and warms the network, then frames in, results and events out.

It owns the pipeline; the window speaks to it through a queue of commands, hears of what happens
through Qt signals (events are never dropped) and takes the newest result from a slot (results may be).
"""

from __future__ import annotations

import copy
import logging
import queue
import threading
import time
import traceback
from collections.abc import Callable
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
from app.ui.records import EngineInfo, Progress, RepRecord, Summary
from app.ui.words import range_sign

log = logging.getLogger(__name__)
IDLE_WAIT: Final = 0.05  # seconds between looks at the command queue while no frame comes


Progressing = Callable[[str], None]
# Builds and warms the network; says on the way what takes so long. Raises FormcueError.
Factory = Callable[[Progressing], tuple[PoseEstimator, EngineInfo]]


class InferenceWorker(QObject):
    """Signals come from the inference thread; Qt queues them for the window's.

    preparing(what takes so long), ready(EngineInfo), failed(line, traceback);
    happened(session, RepRecord | Prompt);
    finished(session, Summary): the session's frames have come to their end.
    """

    preparing = Signal(str)
    ready = Signal(object)
    failed = Signal(str, str)
    happened = Signal(int, object)
    finished = Signal(int, object)

    def __init__(self, factory: Factory, exercise: Exercise, *, language: str = "en") -> None:
        super().__init__()
        self._factory, self._language = factory, language
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

    def restart_set(self) -> None:
        """Counts from zero on, and goes on following the same person."""
        self._commands.put(("restart", None))

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
        self._build()
        while not self._stop.is_set():
            waiting = self._pipeline is None or self._slot is None or self._paused
            self._obey(wait=waiting)
            if self._stop.is_set() or self._pipeline is None or self._slot is None or self._paused:
                continue
            frame = self._slot.take(IDLE_WAIT)
            try:
                if frame is not None:
                    self._step(self._pipeline, frame)
                elif self._slot.closed and self._complete:
                    self._finish(self._pipeline)
            except Exception as error:
                self._fail(error)
                self._slot = None

    def _build(self) -> None:
        try:
            estimator, info = self._factory(self.preparing.emit)
            self._pipeline = Pipeline(estimator, self._exercise, language=self._language)
        except Exception as error:
            self._fail(error)
        else:
            self.ready.emit(info)

    def _fail(self, error: Exception) -> None:
        trace = traceback.format_exc()
        if not isinstance(error, FormcueError):
            log.error("the inference thread failed\n%s", trace)
        text = first_line(error) if isinstance(error, FormcueError) else f"{type(error).__name__}: {error}"
        self.failed.emit(text, trace)

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
            elif command == "restart":
                self._restart_set()
            elif command == "language":
                self._language = value
                if self._pipeline is not None:
                    self._pipeline.set_language(value)
            elif command == "paused":
                self._paused = value
                self._rate.clear()
            elif command == "reset":
                self._reset()
            elif (command == "retry" and self._pipeline is None) or command == "rebuild":
                self._factory = value or self._factory
                self._pipeline = None
                self._reset()
                self._build()

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
