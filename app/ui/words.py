"""What the window says, in the language chosen: texts, names, signs and states in a few words. No Qt.

The English text is its own key; assets/translations/<code>.yaml has it in another language. Whatever is
shown goes through `t`, when it is shown: so the language can change while the program runs.
"""

from __future__ import annotations

import logging
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

import yaml

from app.errors import FormcueError, Line
from app.reps import Counting
from app.view import View
from app.vocabulary import PARAMETERS

if TYPE_CHECKING:
    from app.rules import Exercise

log = logging.getLogger(__name__)
TRANSLATIONS: Final = Path(__file__).resolve().parents[2] / "assets" / "translations"
LANGUAGES: Final = {"en": "English", "zh": "中文"}  # each by its own name
NAMELESS: Final = "Me"  # the profile of one who never named it, as the history keeps it

_language = "en"


def set_language(code: str) -> None:
    """Speaks this language from now on, or the one that `known_language` has for it."""
    global _language
    _language = known_language(code)


def known_language(code: str) -> str:
    """What is spoken to one who speaks this: "zh_CN" is "zh", and one that is not there is English."""
    short = code.replace("-", "_").split("_")[0].lower()
    return short if short in LANGUAGES else "en"


def language() -> str:
    """The code of the language spoken now."""
    return _language


def alphabetic(name: str) -> bytes:
    """What to sort names by: letters as ever, then the usual Chinese characters by their pinyin.

    GB 2312, the heart of GB 18030, has its 3,755 usual characters in that order.
    """
    return name.casefold().encode("gb18030")


def t(text: str, /, **values: object) -> str:
    """The text in the language spoken now, with its {placeholders} filled.

    A text without a translation stays English.
    """
    if _language != "en":
        text = translations(_language).get(text, text)
    return text.format(**values) if values else text


def said(what: FormcueError | Line | str) -> str:
    """What an error or a line of the program's inside says, in the language spoken now.

    A reason within it, of the system's mostly, is said in it where it is known. What is only text by now
    stays as it is.
    """
    if isinstance(what, str):
        return what
    line = what.line if isinstance(what, FormcueError) else what
    if not line.values:
        return t(line.text)
    return t(line.text, **{k: t(str(v)) if k in _INNER else v for k, v in line.values.items()})


_INNER: Final = ("reason", "mend")  # values that are texts themselves

# The one written in C is ten times as fast, and a change of language does not hold the window up.
_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@lru_cache
def translations(code: str) -> dict[str, str]:
    """English -> that language; empty when its file is missing or broken, for the app must start."""
    try:
        read = yaml.load((TRANSLATIONS / f"{code}.yaml").read_text(encoding="utf-8"), Loader=_LOADER)
    except (OSError, yaml.YAMLError) as error:
        log.warning("the texts of %r cannot be read, English stands in: %s", code, error)
        return {}
    return {str(key): str(value) for key, value in (read or {}).items()}


def profile_name(name: str) -> str:
    """A profile's name as it is shown."""
    return t("Me") if name == NAMELESS else name


# How to stand, for a view that an exercise can be judged from.
TURN: Final[dict[View, str]] = {
    "front": "face the camera",
    "side": "turn your side to the camera",
    "oblique": "turn half way to the camera",
    "back": "turn your back to the camera",
}
VIEW_NAMES: Final[dict[View, str]] = {
    "front": "Front view",
    "side": "Side view",
    "oblique": "Oblique view",
    "back": "Back view",
}


def range_sign(counting: Counting) -> str:
    """The sign of a repetition's range, which is that of the first signal."""
    return sign_of(counting.signals[0].parameter) if counting.signals else "°"


def sign_of(parameter: str) -> str:
    """Degrees for angles, percent for shares of the body's own size."""
    info = PARAMETERS.get(parameter.split(".")[0])
    return "°" if info is None or info.unit.startswith("deg") else " %"


def plain(identifier: str) -> str:
    """ "push_up" -> "Push up", in the language spoken where it is known there: phases, parameters."""
    return t(identifier.replace("_", " ").capitalize())


def phase_name(phase: str) -> str:
    """A phase as it stands under the counter. "phase start" is not the button "Start" in every language."""
    own = translations(_language).get(f"phase {phase}") if _language != "en" else None
    return own or (plain(phase) if phase else "")


def headline(prompt: str) -> str:
    """What a prompt asks for, without the measured value: "Go deeper: your knees ..." -> "Go deeper"."""
    return prompt.replace("：", ":").split(":")[0].strip()


def as_told(sign: str) -> str:
    """A gesture's name within a sentence."""
    return sign[:1].lower() + sign[1:]


def how_to_stand(exercise: Exercise) -> str:
    """ "Turn your side to the camera or face the camera"."""
    texts = [t(TURN[view]) for view in exercise.views if view in TURN]
    if not texts or len(texts) == len(TURN):
        return ""
    text = texts[0] if len(texts) == 1 else t("{one} or {other}", one=texts[0], other=texts[1])
    return text[:1].upper() + text[1:]


def count_text(count: int, *, hold: bool = False) -> str:
    """ "1 rep", "12 reps", "30 s"."""
    if hold:
        return t("{count} s", count=count)
    return t("1 rep") if count == 1 else t("{count} reps", count=count)
