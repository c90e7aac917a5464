"""What the studio does behind the window: loading footage, and running the rule file's own tests."""

from __future__ import annotations

import argparse
import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal

from app.commands import load_estimator
from app.errors import FormcueError, first_line
from app.exercise import Exercise, RuleTest
from app.pipeline import PoseEstimator
from app.rules_cli import run_one
from app.studio_footage import Footage, FootageLoader, Loading
from app.ui.words import said

log = logging.getLogger(__name__)


def default_estimator() -> tuple[PoseEstimator, Mapping[str, Any]]:
    """The shipped network on the fastest device that agrees. Raises FormcueError."""
    return load_estimator(argparse.Namespace(weights="auto", device="auto", runtime="auto"))


class FootageRunner(QObject):
    """Loads one recording at a time; a new one ends the one before.

    loading(Loading); loaded(Footage); failed(one line). Nothing is heard of a loading that was given up.
    """

    loading = Signal(object)
    loaded = Signal(object)
    failed = Signal(str)
    _heard = Signal(int, str, object)

    def __init__(self) -> None:
        super().__init__()
        self.make_estimator = default_estimator
        self._session = 0
        self._loader: FootageLoader | None = None
        self._thread: threading.Thread | None = None
        self._heard.connect(self._hear)

    def start(self, path: Path) -> None:
        """path: a recorded pose file, a video, or "demo"."""
        self.stop()
        session = self._session
        loader = FootageLoader(
            path,
            lambda: self.make_estimator(),
            loading=lambda loading: self._heard.emit(session, "loading", loading),
            loaded=lambda footage: self._heard.emit(session, "loaded", footage),
        )
        self._loader = loader

        def run() -> None:
            try:
                loader.run()
            except Exception as error:
                if not isinstance(error, FormcueError):
                    log.exception("loading %s failed", path)
                text = said(error) if isinstance(error, FormcueError) else first_line(error)
                self._heard.emit(session, "failed", text)

        # A daemon: building a network cannot be interrupted, and closing the window must always work.
        self._thread = threading.Thread(target=run, name="footage", daemon=True)
        self._thread.start()

    def wait(self, timeout: float) -> bool:
        """Waits for the thread after `stop`. True when it has ended."""
        if self._thread is not None:
            self._thread.join(timeout)
        return self._thread is None or not self._thread.is_alive()

    def stop(self) -> None:
        """Gives up what is under way."""
        self._session += 1
        if self._loader is not None:
            self._loader.stop()
            self._loader = None

    def _hear(self, session: int, what: str, value: object) -> None:
        if session != self._session:
            return
        if isinstance(value, Loading):
            self.loading.emit(value)
        elif isinstance(value, Footage):
            self.loaded.emit(value)
        elif what == "failed":
            self.failed.emit(str(value))


@dataclass(frozen=True, kw_only=True)
class TestOutcome:
    """differences: what came out otherwise than the test says; none when it passed."""

    __test__ = False  # pytest takes every class of such a name for tests

    test: RuleTest
    differences: tuple[str, ...]


class TestRunner(QObject):
    """Runs the tests of the newest exercise it was given. finished(tuple of TestOutcome)."""

    __test__ = False

    finished = Signal(object)
    _heard = Signal(int, object)

    def __init__(self) -> None:
        super().__init__()
        self._session = 0
        self._heard.connect(self._hear)

    def start(self, exercise: Exercise) -> None:
        """An exercise without tests is done at once."""
        self._session += 1
        session = self._session

        def run() -> None:
            outcomes = []
            for test in exercise.tests:
                if session != self._session:
                    return
                outcomes.append(TestOutcome(test=test, differences=tuple(run_one(exercise, test))))
            self._heard.emit(session, tuple(outcomes))

        if exercise.tests:
            threading.Thread(target=run, name="rule tests", daemon=True).start()
        else:
            self.finished.emit(())

    def stop(self) -> None:
        self._session += 1

    def _hear(self, session: int, outcomes: object) -> None:
        if session == self._session:
            self.finished.emit(outcomes)
