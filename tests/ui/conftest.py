"""What the tests of the window share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication

import app.capture
import app.ui.source_runner
from app.ui import theme, words


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The machine's own cameras stay out of the test, and so do the user's settings and history."""
    monkeypatch.setenv("FORMCUE_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(words, "_language", "en")
    monkeypatch.setattr(theme, "_palette", theme.THEMES["dark"])
    monkeypatch.setattr(theme, "_text_size", 1.0)
    monkeypatch.setattr(app.ui.source_runner, "list_cameras", list)
    monkeypatch.setattr(app.capture, "list_cameras", list)


@pytest.fixture(scope="module", autouse=True)
def no_window_stays() -> Iterator[None]:
    """An app ends with its last window: one that earlier tests left open kept it from ending for minutes."""
    yield
    if QApplication.instance() is not None:
        for widget in QApplication.topLevelWidgets():
            widget.hide()
