"""Colours, type and icons: the one place that says what Formcue looks like."""

from __future__ import annotations

import logging
from functools import lru_cache
from pathlib import Path
from typing import Final, TypeVar

from PySide6.QtCore import QByteArray, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontDatabase, QFontMetricsF, QIcon, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QAbstractButton, QWidget

W = TypeVar("W", bound=QWidget)
log = logging.getLogger(__name__)
ASSETS: Final = Path(__file__).resolve().parents[2] / "assets"
ICONS: Final = ASSETS / "icons"

# Dark, because the window is looked at from three metres in a living room, in the evening too.
# Text on BACKGROUND and SURFACE has a contrast of at least 7:1, MUTED at least 4.5:1. Accent and
# fault lie on the blue-yellow axis, so that red-green colour blindness does not merge them, and
# every fault has a shape and a word besides.
BACKGROUND: Final = "#0A0E13"
SURFACE: Final = "#131920"
RAISED: Final = "#1D2630"
LINE: Final = "#2B3743"
TEXT: Final = "#F3F7F9"
MUTED: Final = "#9FB0BD"
ACCENT: Final = "#2EE6B6"
ACCENT_DARK: Final = "#0F3D35"
INFO: Final = "#7CC0FF"
WARNING: Final = "#FFBE3D"
FAULT: Final = "#FF6A55"

# Severity of a prompt -> its colour and icon: never colour alone.
SEVERITIES: Final = {"info": (INFO, "info"), "warning": (WARNING, "warning"), "error": (FAULT, "error")}

_FAMILIES: dict[str, str] = {}


def load_fonts() -> None:
    """Registers the bundled typeface; the system's own stands in for what it lacks (Chinese)."""
    for weight in ("Regular", "SemiBold", "ExtraBold"):
        number = QFontDatabase.addApplicationFont(str(ASSETS / "fonts" / f"Inter-{weight}.otf"))
        families = QFontDatabase.applicationFontFamilies(number) if number >= 0 else []
        if families:
            _FAMILIES[weight] = families[0]
        else:
            log.warning("the typeface Inter-%s cannot be loaded; the system's own is used", weight)


def font(pixels: float, weight: str = "Regular") -> QFont:
    """The typeface at a height of so many pixels; weight: Regular, SemiBold or ExtraBold."""
    made = QFont()
    if weight in _FAMILIES:
        made.setFamilies([_FAMILIES[weight], *made.families()])
    made.setWeight(
        {"SemiBold": QFont.Weight.DemiBold, "ExtraBold": QFont.Weight.ExtraBold}.get(
            weight, QFont.Weight.Normal
        )
    )
    made.setPixelSize(max(8, round(pixels)))
    made.setHintingPreference(QFont.HintingPreference.PreferNoHinting)
    return made


def fitted_font(text: str, rect: QRectF, largest: float, smallest: float, weight: str, flags: int) -> QFont:
    """The largest size at which text, wrapped, fits into rect (smallest when none does)."""
    size = largest
    while size > smallest:
        made = font(size, weight)
        bounds = QFontMetricsF(made).boundingRect(rect, flags, text)
        if bounds.height() <= rect.height() and bounds.width() <= rect.width():
            return made
        size *= 0.94
    return font(smallest, weight)


def colour(name: str, opacity: float = 1.0) -> QColor:
    """The colour with an opacity of 0 to 1."""
    made = QColor(name)
    made.setAlphaF(min(1.0, max(0.0, opacity)))
    return made


@lru_cache(maxsize=128)
def _renderer(name: str, ink: str) -> QSvgRenderer:
    path = ICONS / f"{name}.svg"
    if not path.is_file():
        path = ICONS / "exercises" / "exercise.svg"
    return QSvgRenderer(QByteArray(path.read_bytes().replace(b"currentColor", ink.encode())))


def draw_icon(painter: QPainter, name: str, rect: QRectF, ink: str = TEXT) -> None:
    """Draws assets/icons/<name>.svg in one colour into rect."""
    _renderer(name, ink).render(painter, rect)


@lru_cache(maxsize=256)
def pixmap(name: str, size: int, ink: str = TEXT, ratio: float = 1.0) -> QPixmap:
    """The icon as a pixmap of size x size device-independent pixels."""
    made = QPixmap(round(size * ratio), round(size * ratio))
    made.fill(Qt.GlobalColor.transparent)
    with QPainter(made) as painter:
        draw_icon(painter, name, QRectF(0, 0, made.width(), made.height()), ink)
    made.setDevicePixelRatio(ratio)
    return made


def icon(name: str, ink: str = TEXT, size: int = 64) -> QIcon:
    """The icon for a button or a menu; grey while disabled."""
    made = QIcon(pixmap(name, size, ink))
    made.addPixmap(pixmap(name, size, MUTED), QIcon.Mode.Disabled)
    return made


def named(widget: W, name: str) -> W:
    """The widget, with the name by which the style sheet knows it."""
    widget.setObjectName(name)
    return widget


def label(button: QAbstractButton, text: str) -> None:
    """Text with some air after the icon; screen readers get it without."""
    button.setText(f"\u2002{text}")
    button.setAccessibleName(text)


def app_icon() -> QIcon:
    return QIcon(str(ASSETS / "icon.svg"))


def exercise_icon(exercise: str) -> str:
    """The figure of an exercise, or the general one."""
    return (
        f"exercises/{exercise}"
        if (ICONS / "exercises" / f"{exercise}.svg").is_file()
        else "exercises/exercise"
    )


def style_sheet(scale: float) -> str:
    """Qt's style sheet; scale grows type and paddings with the window."""

    def px(value: float) -> str:
        return f"{max(1, round(value * scale))}px"

    regular = _FAMILIES.get("Regular", "sans-serif")
    bold = _FAMILIES.get("SemiBold", "sans-serif")
    chevron = (ICONS / "chevron.svg").as_posix()
    return f"""
    * {{ font-family: "{regular}"; font-size: {px(15)}; color: {TEXT}; outline: none; }}
    QMainWindow, QWidget#page {{ background: {BACKGROUND}; }}
    QToolTip {{ background: {RAISED}; color: {TEXT}; border: 1px solid {LINE}; padding: {px(6)}; }}
    QLabel {{ background: transparent; }}
    QLabel#brand {{ font-family: "{bold}"; font-size: {px(20)}; }}
    QLabel#status {{ color: {MUTED}; font-size: {px(13)}; }}
    QFrame#card {{ background: {SURFACE}; border-radius: {px(14)}; }}
    QFrame#notice {{ background: {SURFACE}; border: 1px solid {LINE}; border-radius: {px(18)}; }}
    QLabel#noticeTitle {{ font-family: "{bold}"; font-size: {px(27)}; }}
    QLabel#noticeText {{ color: {MUTED}; font-size: {px(17)}; }}
    QLabel#noticeKeys {{ font-size: {px(17)}; }}
    QComboBox {{ background: {RAISED}; border: 1px solid {LINE}; border-radius: {px(10)};
        padding: {px(7)} {px(38)} {px(7)} {px(10)}; min-height: {px(24)};
        combobox-popup: 0; }}
    QComboBox#exercise {{ font-family: "{bold}"; font-size: {px(19)}; min-height: {px(34)}; }}
    QComboBox:hover, QPushButton:hover, QToolButton:hover {{ border-color: {MUTED}; }}
    QComboBox:focus, QPushButton:focus, QToolButton:focus, QListView:focus {{ border: 2px solid {INFO}; }}
    QComboBox::drop-down {{ border: none; width: {px(34)}; }}
    QComboBox::down-arrow {{ image: url("{chevron}"); width: {px(18)}; height: {px(18)}; }}
    QComboBox QAbstractItemView {{ background: {RAISED}; border: 1px solid {LINE}; padding: {px(6)};
        selection-background-color: {ACCENT_DARK}; selection-color: {TEXT}; }}
    QComboBox QAbstractItemView::item {{ min-height: {px(40)}; padding: 0 {px(8)}; border-radius: {px(8)}; }}
    QComboBox QAbstractItemView::item:selected {{ background: {ACCENT_DARK}; color: {TEXT}; }}
    QComboBox QAbstractItemView {{ font-size: {px(17)}; }}
    QPushButton, QToolButton {{ background: {RAISED}; border: 1px solid {LINE}; border-radius: {px(12)};
        padding: {px(9)} {px(16)}; }}
    QToolButton {{ padding: {px(7)}; }}
    QPushButton:pressed, QToolButton:pressed {{ background: {LINE}; }}
    QPushButton:disabled {{ color: {MUTED}; border-color: {RAISED}; }}
    QToolButton:checked {{ background: {ACCENT_DARK}; border-color: {ACCENT}; }}
    QPushButton#primary {{ background: {ACCENT}; color: {BACKGROUND}; border: none;
        font-family: "{bold}"; font-size: {px(20)}; }}
    QPushButton#primary:hover {{ background: #66F0CC; }}
    QPushButton#primary:focus {{ border: 2px solid {TEXT}; }}
    QPushButton#primary:disabled {{ background: {RAISED}; color: {MUTED}; }}
    QListView {{ background: transparent; border: none; }}
    QScrollBar:vertical {{ background: transparent; width: {px(8)}; margin: 0; }}
    QScrollBar::handle:vertical {{ background: {LINE}; border-radius: {px(4)}; min-height: {px(24)}; }}
    QScrollBar::add-line, QScrollBar::sub-line, QScrollBar::add-page, QScrollBar::sub-page
        {{ background: none; border: none; height: 0; }}
    """
