"""The inference thread: builds and warms the network, then frames in, results and events out.

It owns the pipeline; the window speaks to it through a queue of commands, hears of what happens
through Qt signals (events are never dropped) and takes the newest result from a slot (results may be).
"""

from __future__ import annotations

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
from app.pipeline import Event, Pipeline, PoseEstimator
from app.reps import Hold, Rep
from app.rules import Exercise, Prompt
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
        self._firing: dict[str, str] = {}  # rule id -> text, since the last repetition
        self._told: set[str] = set()  # rules told with an earlier repetition that still fire
        self._count = 0
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

    def retry(self) -> None:
        """Tries again to build the network after a failure."""
        self._commands.put(("retry", None))

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
                self._clear()
                if self._pipeline is not None:
                    self._pipeline.set_exercise(value)
            elif command == "paused":
                self._paused = value
                self._rate.clear()
            elif command == "reset":
                self._reset()
            elif command == "retry" and self._pipeline is None:
                self._build()

    def _reset(self) -> None:
        self._clear()
        self._rate.clear()
        if self._pipeline is not None:
            self._pipeline.reset()

    def _clear(self) -> None:
        self._firing.clear()
        self._told.clear()
        self._count = 0

    def _step(self, pipeline: Pipeline, frame: Frame) -> None:
        result = pipeline.step(frame)
        firing = {fault.rule: fault.text for fault in result.faults if fault.severity != "info"}
        self._told &= firing.keys()
        self._firing.update((rule, text) for rule, text in firing.items() if rule not in self._told)
        self._count = result.count
        self._report(result.events, still_firing=set(firing))
        rate = self._rate.tick(time.monotonic())
        self.results.put(Progress(session=self._session, result=result, steps_per_second=rate))

    def _report(self, events: tuple[Event, ...], still_firing: set[str]) -> None:
        """Signals what happened; a fault goes with the repetition in which it began, and only that."""
        for event in events:
            if isinstance(event, Prompt) and event.severity != "info":
                self._firing[event.rule] = event.text
        for event in events:
            if isinstance(event, Prompt):
                self.happened.emit(self._session, event)
            else:
                self.happened.emit(self._session, self._record(event))
                self._firing.clear()
                self._told |= still_firing

    def _record(self, event: Rep | Hold) -> RepRecord:
        return RepRecord(event=event, sign=range_sign(self._exercise.counting), faults=dict(self._firing))

    def _finish(self, pipeline: Pipeline) -> None:
        events = pipeline.finish()
        self._count += sum(isinstance(event, Rep) for event in events)
        self._report(events, still_firing=set())
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
