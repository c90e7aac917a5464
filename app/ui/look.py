"""What the window takes from settings and files at its start; a broken file never keeps it from opening."""

from __future__ import annotations

import logging

from PySide6.QtCore import QCoreApplication, QLibraryInfo, QTranslator

from app.errors import FormcueError
from app.gestures import Gesture, load_gestures
from app.settings import Settings
from app.ui import theme
from app.ui.words import language, set_language
from app.weights import read_catalogue

log = logging.getLogger(__name__)
_qt_speaks: list[QTranslator] = []  # Qt's own words, "Cancel" for one; Qt keeps no reference to it


def apply_look(settings: Settings) -> None:
    """Language, theme and text size are the process's own."""
    set_language(settings.language)
    theme.use(settings.theme, text_size=theme.TEXT_SIZES[settings.text_size])
    translate_qt()


def translate_qt() -> None:
    """Qt's own dialogs speak the language too. Nothing while there is no application object yet."""
    if QCoreApplication.instance() is None:
        return
    while _qt_speaks:
        QCoreApplication.removeTranslator(_qt_speaks.pop())
    made = QTranslator()
    file = {"zh": "qtbase_zh_CN"}.get(language(), "")
    if file and made.load(file, QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath)):
        QCoreApplication.installTranslator(made)
        _qt_speaks.append(made)


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
