"""Everything that is read has enough contrast, in every theme (formula: WCAG 2.2, relative luminance)."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from app.settings import choices
from app.ui import theme

INKS = ("text", "muted", "accent", "info", "warning", "fault")
FILLS = ("accent", "hover", "info", "warning", "fault")
PAIRS = [
    *itertools.product(INKS, ("background", "surface", "raised")),
    ("text", "selected"),
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
    least = 7.0 if name == "high_contrast" else 4.5
    low = {pair: round(contrast(theme.ink(pair[0]), theme.ink(pair[1])), 2) for pair in PAIRS}
    assert {pair: value for pair, value in low.items() if value < least} == {}


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
