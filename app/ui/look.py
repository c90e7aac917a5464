"""What the window takes from settings and files at its start; a broken file never keeps it from opening."""

from __future__ import annotations

import logging

from PySide6.QtCore import QCoreApplication, QLibraryInfo, QLocale, QTranslator

from app.errors import FormcueError
from app.gestures import Gesture, load_gestures
from app.loads import Unit
from app.settings import Settings
from app.ui import amounts, theme
from app.ui.words import language, set_language, t
from app.weights import read_catalogue

log = logging.getLogger(__name__)
_qt_speaks: list[QTranslator] = []  # Qt's own words, "Cancel" for one; Qt keeps no reference to it


class _QtTexts(QTranslator):
    """Qt's own translation, and from ours what it lacks."""

    def translate(self, context: str, text: str, disambiguation: str | None = None, n: int = -1) -> str:
        own = {
            "&Look in:": t("&Look in:"),
            "Files of &type:": t("Files of &type:"),
            "Folder": t("Folder"),
        }
        return own.get(text) or super().translate(context, text, disambiguation, n) or ""


def apply_look(settings: Settings) -> None:
    """Language, units, theme and text size are the process's own."""
    set_language(language_of(settings))
    amounts.set_unit(unit_of(settings))
    theme.use(settings.theme, text_size=theme.TEXT_SIZES[settings.text_size])
    translate_qt()


def language_of(settings: Settings, here: QLocale | None = None) -> str:
    """The code of the language to speak. here: of this computer (default: as its owner has set it)."""
    return settings.language if settings.language != "auto" else (here or QLocale.system()).name()


def unit_of(settings: Settings, here: QLocale | None = None) -> Unit:
    """What loads are shown in. here: how this computer measures (default: as its owner has set it).

    Only the United States lift pounds: British scales and dumbbells show kilograms.
    """
    if settings.units != "auto":
        return "lb" if settings.units == "imperial" else "kg"
    measures = (here or QLocale.system()).measurementSystem()
    return "lb" if measures == QLocale.MeasurementSystem.ImperialUSSystem else "kg"


def translate_qt() -> None:
    """Qt's own dialogs speak the language too. Nothing while there is no application object yet."""
    if QCoreApplication.instance() is None:
        return
    while _qt_speaks:
        QCoreApplication.removeTranslator(_qt_speaks.pop())
    made = _QtTexts()
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
