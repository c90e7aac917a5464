"""What the window says: names, signs and the state of things in a few words. No Qt."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from app.parameters import PARAMETERS, View
from app.reps import Counting

if TYPE_CHECKING:
    from app.rules import Exercise

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

KEYS: Final = (
    ("Space", "Start, pause, go on"),
    ("R", "Reset: count from zero"),
    ("F", "Full screen"),
    ("M", "Mirror the picture"),
    ("O", "Open a video"),
    ("E", "Next exercise"),
    ("Esc", "Close this, leave full screen"),
    ("F1", "This help"),
)


def range_sign(counting: Counting) -> str:
    """The sign of a repetition's range, which is that of the first signal."""
    return sign_of(counting.signals[0].parameter) if counting.signals else "°"


def sign_of(parameter: str) -> str:
    """Degrees for angles, percent for shares of the body's own size."""
    info = PARAMETERS.get(parameter.split(".")[0])
    return "°" if info is None or info.unit.startswith("deg") else " %"


def plain(identifier: str) -> str:
    """ "push_up" -> "Push up"."""
    return identifier.replace("_", " ").capitalize()


def phase_name(phase: str) -> str:
    """A phase as it stands under the counter."""
    return plain(phase) if phase else ""


def how_to_stand(exercise: Exercise) -> str:
    """ "Turn your side to the camera or face the camera"."""
    texts = [TURN[view] for view in exercise.views if view in TURN]
    if not texts or len(texts) == len(TURN):
        return ""
    return " or ".join(texts[:2]).capitalize()
