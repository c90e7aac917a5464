"""Everything that is read has enough contrast, in every theme (formula: WCAG 2.2, relative luminance)."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QApplication

from app.settings import choices
from app.ui import theme, words
from app.ui.rule_studio.painting import PHASE_INKS

INKS = ("text", "muted", "accent", "info", "warning", "fault")
FILLS = ("accent", "hover", "info", "warning", "fault")
PAIRS = [
    *itertools.product(INKS, ("background", "surface", "raised", "selected")),
    *(("on_fill", fill) for fill in FILLS),
    *((f"picture_{ink}", "picture_shade") for ink in INKS),
]


@pytest.fixture(autouse=True)
def dark_again() -> Iterator[None]:
    yield
    theme.use("dark")


def luminance(code: str) -> float:
    def linear(channel: int) -> float:
        share = channel / 255
        return share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4

    red, green, blue = (linear(int(code[place : place + 2], 16)) for place in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(a: str, b: str) -> float:
    light, dark = sorted((luminance(a), luminance(b)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("name", theme.THEMES)
def test_contrast(name: theme.ThemeName) -> None:
    theme.use(name)
    # Twice as much in high contrast, but for what is chosen: that has to be seen as a fill, too.
    least = {pair: 7.0 if name == "high_contrast" and pair[1] != "selected" else 4.5 for pair in PAIRS}
    found = {pair: round(contrast(theme.ink(pair[0]), theme.ink(pair[1])), 2) for pair in PAIRS}
    assert {pair: value for pair, value in found.items() if value < least[pair]} == {}


def mixed(ink: str, ground: str, strength: float) -> str:
    """A colour laid thinly over another."""

    def channel(place: int) -> int:
        over, below = (int(theme.ink(name)[place : place + 2], 16) for name in (ink, ground))
        return round(strength * over + (1 - strength) * below)

    return "#" + "".join(f"{channel(place):02x}" for place in (1, 3, 5))


@pytest.mark.parametrize("name", theme.THEMES)
def test_contrast_on_thin_colours(name: theme.ThemeName) -> None:
    """Names of phases in the rule studio; words on the shade over a picture, however bright that is."""
    theme.use(name)
    for ink, strength in PHASE_INKS:
        assert contrast(theme.ink("text"), mixed(ink, "background", strength)) >= 4.5, (ink, strength)
    for ink in INKS:
        assert contrast(theme.ink(f"picture_{ink}"), mixed("picture_shade", "#ffffff", 0.86)) >= 4.5, ink
    for ink in ("picture_text", "picture_muted"):  # the notes' chips are thinner
        assert contrast(theme.ink(ink), mixed("picture_shade", "#ffffff", 0.78)) >= 4.5, ink


def test_what_the_style_sheet_does_not_reach_has_the_themes_contrast() -> None:
    """The palette: file dialogs and boxes."""
    roles = QPalette.ColorRole
    for name in theme.THEMES:
        theme.use(name)
        made = theme.palette()
        for ink, ground in (
            (roles.WindowText, roles.Window), (roles.Text, roles.Base), (roles.ButtonText, roles.Button),
            (roles.PlaceholderText, roles.Base), (roles.HighlightedText, roles.Highlight),
            (roles.ToolTipText, roles.ToolTipBase), (roles.Link, roles.Base),
        ):  # fmt: skip
            assert contrast(made.color(ink).name(), made.color(ground).name()) >= 4.5, (name, ink, ground)


def test_the_settings_offer_the_themes_there_are() -> None:
    assert set(choices("theme")) == set(theme.THEMES)
    assert set(choices("text_size")) == set(theme.TEXT_SIZES)


def test_another_theme_and_text_size_are_taken_at_once() -> None:
    before, height, sheet = theme.colour("background"), theme.font(20).pixelSize(), theme.style_sheet(1.0)
    theme.use("light", text_size=1.3)
    assert theme.colour("background") != before
    assert theme.font(20).pixelSize() == round(1.3 * height)
    assert theme.style_sheet(1.0) != sheet
    assert "None" not in theme.style_sheet(1.0)


def test_large_figures_are_of_one_face_in_every_language() -> None:
    """The counter is read from across the room; few Chinese faces have figures as bold."""
    assert QApplication.instance() or QApplication([])
    theme.load_fonts()
    english = theme.font(40, "Figures")
    words.set_language("zh")
    try:
        assert theme.font(40, "Figures").families()[0] == english.families()[0]
        assert theme.font(40, "ExtraBold").families()[0] != english.families()[0]
    finally:
        words.set_language("en")
