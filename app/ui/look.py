"""What the window takes from settings and files at its start; a broken file never keeps it from opening."""

from __future__ import annotations

import logging

from app.errors import FormcueError
from app.gestures import Gesture, load_gestures
from app.settings import Settings
from app.ui import theme
from app.ui.words import set_language
from app.weights import read_catalogue

log = logging.getLogger(__name__)


def apply_look(settings: Settings) -> None:
    """Language, theme and text size are the process's own."""
    set_language(settings.language)
    theme.use(settings.theme, text_size=theme.TEXT_SIZES[settings.text_size])


def known_gestures() -> tuple[Gesture, ...]:
    """Those of the library; none when its file is broken, for the keys do the same."""
    try:
        return load_gestures()
    except FormcueError as error:
        log.warning("%s", error)
        return ()


def known_models() -> list[str]:
    """The pose networks of the catalogue, by name."""
    try:
        return [entry.name for entry in read_catalogue() if entry.kind == "pose"]
    except FormcueError as error:
        log.warning("%s", error)
        return []


def camera_size(settings: Settings) -> tuple[int, int] | None:
    """What is asked of a camera; None: what it is best at."""
    if settings.resolution == "auto":
        return None
    width, height = settings.resolution.split("x")
    return int(width), int(height)
