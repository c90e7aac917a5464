"""What the athlete is told when the network runs elsewhere than it should."""

from __future__ import annotations

from textwrap import shorten
from typing import Final

from app.runtimes import Fallback
from app.ui.words import t

LONGEST: Final = 40  # letters of the system's own words: a note is one line on the picture


def fallback_text(fallback: Fallback) -> str:
    """One line, in the user's language; the log has the reason in full."""
    wanted, used = t(fallback.wanted), t(fallback.used)
    why = shorten(fallback.reason, LONGEST, placeholder="…")
    if fallback.cause == "memory":
        return t("{wanted} ran out of memory; {used} goes on, nothing is lost", wanted=wanted, used=used)
    if fallback.cause == "numbers" and fallback.wanted == fallback.used:
        return t("The network gives no numbers for this picture; until it does, nobody is found")
    if fallback.cause == "numbers":
        return t("{wanted} gave no numbers; {used} goes on, nothing is lost", wanted=wanted, used=used)
    if fallback.cause == "broke":
        return t("{wanted} broke ({why}); {used} goes on, nothing is lost", wanted=wanted, used=used, why=why)
    if fallback.cause == "disagrees":
        return t("{wanted} gives other joints than PyTorch; {used} is used", wanted=wanted, used=used)
    if fallback.cause == "damaged":
        return t("The weights of {wanted} are damaged or missing; {used} is used", wanted=wanted, used=used)
    return t("{wanted} cannot be used ({why}); {used} is used", wanted=wanted, used=used, why=why)
