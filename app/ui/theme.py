"""Colours, type and icons: the one place that says what Formcue looks like."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final, Literal, TypeVar

from PySide6.QtCore import QByteArray, QRectF, Qt
from PySide6.QtGui import (
    QColor,
    QFont,
    QFontDatabase,
    QFontMetricsF,
    QIcon,
    QPainter,
    QPalette,
    QPen,
    QPixmap,
    QPixmapCache,
)
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QAbstractButton, QWidget

from app.ui.words import language

W = TypeVar("W", bound=QWidget)
log = logging.getLogger(__name__)
ASSETS: Final = Path(__file__).resolve().parents[2] / "assets"
ICONS: Final = ASSETS / "icons"

ThemeName = Literal["dark", "light", "high_contrast", "colour_blind"]


@dataclass(frozen=True, kw_only=True)
class Palette:
    """What each colour is for. Every pair that carries words has a contrast of at least 4.5:1 (tested).

    text and muted, accent, info, warning and fault are written on background, surface and raised;
    on_fill is written on accent, hover, info, warning and fault; selected is a quiet fill under all of them.
    What lies over the camera's picture has colours of its own: the picture does not follow the theme.
    """

    background: str
    surface: str
    raised: str
    line: str
    text: str
    muted: str
    accent: str
    hover: str
    selected: str
    on_fill: str
    info: str
    warning: str
    fault: str
    picture_shade: str = "#0A0E13"
    picture_text: str = "#F3F7F9"
    picture_muted: str = "#B4C2CD"
    picture_accent: str = "#2EE6B6"
    picture_info: str = "#7CC0FF"
    picture_warning: str = "#FFBE3D"
    picture_fault: str = "#FF6A55"


# Dark is the default: the window is looked at from three metres in a living room, in the evening too.
# Accent and fault lie on the blue-yellow axis, so that red-green colour blindness does not merge them,
# and every fault has a shape and a word besides. The colour-blind theme takes Okabe and Ito's colours
# (Color Universal Design, 2008), lightened where words are written in them.
THEMES: Final[dict[ThemeName, Palette]] = {
    "dark": Palette(
        background="#0A0E13",
        surface="#131920",
        raised="#1D2630",
        line="#2B3743",
        text="#F3F7F9",
        muted="#9FB0BD",
        accent="#2EE6B6",
        hover="#66F0CC",
        selected="#0C352E",
        on_fill="#0A0E13",
        info="#7CC0FF",
        warning="#FFBE3D",
        fault="#FF6A55",
    ),
    "light": Palette(
        background="#EEF2F5",
        surface="#FFFFFF",
        raised="#F6F9FB",
        line="#C3CFD8",
        text="#10181F",
        muted="#4A5A67",
        accent="#00695A",
        hover="#00544A",
        selected="#CDEDE5",
        on_fill="#FFFFFF",
        info="#0B5FA5",
        warning="#8A4B00",
        fault="#B3261E",
    ),
    "high_contrast": Palette(
        background="#000000",
        surface="#000000",
        raised="#141414",
        line="#FFFFFF",
        text="#FFFFFF",
        muted="#E8E8E8",
        accent="#00F5D4",
        hover="#9BFFF0",
        selected="#00463C",
        on_fill="#000000",
        info="#9AD1FF",
        warning="#FFD60A",
        fault="#FF8A7A",
        picture_shade="#000000",
        picture_text="#FFFFFF",
        picture_muted="#E8E8E8",
        picture_accent="#00F5D4",
        picture_info="#9AD1FF",
        picture_warning="#FFD60A",
        picture_fault="#FF8A7A",
    ),
    "colour_blind": Palette(
        background="#0A0E13",
        surface="#131920",
        raised="#1D2630",
        line="#34424F",
        text="#F3F7F9",
        muted="#A9B8C4",
        accent="#56B4E9",
        hover="#8CCDF2",
        selected="#123A52",
        on_fill="#0A0E13",
        info="#F3F7F9",
        warning="#F0E442",
        fault="#F5883C",
        picture_accent="#56B4E9",
        picture_info="#F3F7F9",
        picture_warning="#F0E442",
        picture_fault="#F5883C",
    ),
}
TEXT_SIZES: Final = {"normal": 1.0, "large": 1.15, "largest": 1.3}

# Severity of a prompt -> the name of its colour and its icon: never colour alone.
SEVERITIES: Final = {"info": ("info", "info"), "warning": ("warning", "warning"), "error": ("fault", "error")}

# Families that have Chinese, best first; the platforms bring one each.
_CHINESE: Final = (
    "Microsoft YaHei UI",
    "PingFang SC",
    "Noto Sans CJK SC",
    "Noto Sans SC",
    "Source Han Sans SC",
    "WenQuanYi Micro Hei",
)

_palette: Palette = THEMES["dark"]
_text_size = 1.0
_made_for: Look | None = None  # the look that fonts and icons are kept for


def use(theme: ThemeName, *, text_size: float = 1.0) -> None:
    """Takes another theme; what is painted from now on has its colours.

    text_size: factor on every letter's height, see TEXT_SIZES.
    """
    global _palette, _text_size, _made_for
    _palette, _text_size = THEMES[theme], text_size
    if look() != _made_for:  # what was made for another one is asked for no more
        _made_for = look()
        for made in (_font, _pixmap, _renderer):  # with a font goes Qt's picture of each of its letters
            made.cache_clear()
        QPixmapCache.clear()  # Qt's own: boxes, arrows, frames


def current() -> ThemeName:
    """The theme in use."""
    return next(name for name, palette in THEMES.items() if palette is _palette)


def ink(name: str) -> str:
    """The colour of that name in the theme as "#rrggbb"; a colour written so is given back."""
    return name if name.startswith("#") else getattr(_palette, name)


def text_size() -> float:
    """The factor on every letter's height."""
    return _text_size


Look = tuple[ThemeName, float, str]


def look() -> Look:
    """Theme, text size and language: what a painting that is kept must be kept for."""
    return current(), _text_size, language()


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
    _font.cache_clear()


def has_chinese() -> bool:
    """Whether the system has a typeface with Chinese letters."""
    return bool(QFontDatabase.families(QFontDatabase.WritingSystem.SimplifiedChinese))


def font(pixels: float, weight: str = "Regular") -> QFont:
    """The typeface at a height of so many pixels times the text size.

    weight: Regular, SemiBold or ExtraBold; Figures: ExtraBold for numbers alone, alike in all languages.
    It is kept for the next who asks: change a copy.
    """
    return _font(_size(pixels * _text_size), weight, language())


def _size(pixels: float) -> int:
    """In steps of a few hundredths: Qt keeps a picture of every letter in every size ever asked for."""
    step = 1 if pixels < 24 else 2 if pixels < 48 else 4 if pixels < 96 else 8
    return max(8, step * round(pixels / step))


@lru_cache(maxsize=256)
def _font(pixels: int, weight: str, _language: str) -> QFont:
    made = QFont()
    made.setFamilies([*_families(weight), *made.families()])
    made.setWeight(QFont.Weight(_number(weight)))
    made.setPixelSize(pixels)
    made.setHintingPreference(QFont.HintingPreference.PreferNoHinting)
    return made


def _families(weight: str) -> list[str]:
    """The bundled face and those that have Chinese.

    Qt takes letters that the first family lacks from a regular face, whatever weight is asked for, so that
    bold Chinese would be a thin face smeared: where letters are bold in Chinese, its typeface goes first. Not
    for large figures, which few of those faces have as bold.
    """
    own = [face for face in (_FAMILIES.get("ExtraBold" if weight == "Figures" else weight),) if face]
    chinese_first = language() == "zh" and weight in ("SemiBold", "ExtraBold")
    return [*_CHINESE, *own] if chinese_first else [*own, *_CHINESE]


def _number(weight: str) -> int:
    """Chinese typefaces have no half bold: their letters would stay thin."""
    return {"SemiBold": 700 if language() == "zh" else 600, "ExtraBold": 800, "Figures": 800}.get(weight, 400)


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
    """The theme's colour of that name (see Palette) with an opacity of 0 to 1. Ask when painting.

    It is kept for the next who asks: change a copy.
    """
    return _colour(ink(name), round(255 * min(1.0, max(0.0, opacity))))


def _needs_edges() -> bool:
    """In high contrast all surfaces are black: an edge tells one from the other."""
    return _palette.surface == _palette.background


def edge() -> QPen:
    """What a surface is painted with an edge of: none, unless the theme needs them."""
    return QPen(colour("line"), 1) if _needs_edges() else QPen(Qt.PenStyle.NoPen)


@lru_cache(maxsize=1024)
def _colour(code: str, opacity: int) -> QColor:
    made = QColor(code)
    made.setAlpha(opacity)
    return made


@lru_cache(maxsize=256)
def _renderer(name: str, colour_code: str) -> QSvgRenderer:
    path = ICONS / f"{name}.svg"
    if not path.is_file():
        path = ICONS / "exercises" / "exercise.svg"
    return QSvgRenderer(QByteArray(path.read_bytes().replace(b"currentColor", colour_code.encode())))


def draw_icon(painter: QPainter, name: str, rect: QRectF, colour_name: str = "text") -> None:
    """Draws assets/icons/<name>.svg in one colour into rect."""
    _renderer(name, ink(colour_name)).render(painter, rect)


@lru_cache(maxsize=512)
def _pixmap(name: str, size: int, colour_code: str, ratio: float) -> QPixmap:
    made = QPixmap(round(size * ratio), round(size * ratio))
    made.fill(Qt.GlobalColor.transparent)
    with QPainter(made) as painter:
        draw_icon(painter, name, QRectF(0, 0, made.width(), made.height()), colour_code)
    made.setDevicePixelRatio(ratio)
    return made


def pixmap(name: str, size: int, colour_name: str = "text", ratio: float = 1.0) -> QPixmap:
    """The icon as a pixmap of size x size device-independent pixels."""
    return _pixmap(name, size, ink(colour_name), ratio)


def icon(name: str, colour_name: str = "text", size: int = 64) -> QIcon:
    """The icon for a button or a menu; grey while disabled. Its colour is the theme's of now: set it again
    in `retranslate`, which the window calls when language or theme change."""
    made = QIcon(pixmap(name, size, colour_name))
    made.addPixmap(pixmap(name, size, "muted"), QIcon.Mode.Disabled)
    made.addPixmap(pixmap(name, size, colour_name), QIcon.Mode.Selected)  # Qt would tint it
    return made


def named(widget: W, name: str) -> W:
    """The widget, with the name by which the style sheet knows it."""
    widget.setObjectName(name)
    return widget


def label(button: QAbstractButton, text: str) -> None:
    """Text with some air after the icon; screen readers get it without."""
    button.setText(f"\u2002{text}")
    button.setAccessibleName(text)


def palette() -> QPalette:
    """The theme for what the style sheet does not reach: file dialogs, boxes, placeholders."""
    made = QPalette(colour("raised"), colour("background"))
    roles = QPalette.ColorRole
    for role, name in (
        (roles.WindowText, "text"),
        (roles.Text, "text"),
        (roles.ButtonText, "text"),
        (roles.PlaceholderText, "muted"),
        (roles.Base, "surface"),
        (roles.AlternateBase, "raised"),
        (roles.ToolTipBase, "raised"),
        (roles.ToolTipText, "text"),
        (roles.Highlight, "selected"),
        (roles.HighlightedText, "text"),
        (roles.Link, "info"),
    ):
        made.setColor(role, colour(name))
    for role in (roles.WindowText, roles.Text, roles.ButtonText):
        made.setColor(QPalette.ColorGroup.Disabled, role, colour("muted"))
    return made


def app_icon() -> QIcon:
    return QIcon(str(ASSETS / "icon.svg"))


def exercise_icon(exercise: str) -> str:
    """The figure of an exercise, or the general one."""
    return (
        f"exercises/{exercise}"
        if (ICONS / "exercises" / f"{exercise}.svg").is_file()
        else "exercises/exercise"
    )


def strong() -> str:
    """CSS of what stands out in a text: a weight that the typeface has, not one that Qt makes up."""
    return f"font-family: {_listed('SemiBold')}; font-weight: {_number('SemiBold')};"


def _listed(weight: str) -> str:
    return ", ".join(f"'{family}'" for family in (*_families(weight), "sans-serif"))


def style_sheet(scale: float) -> str:
    """Qt's style sheet; scale grows type and paddings with the window, the text size type alone."""

    def px(value: float) -> str:
        return f"{max(1, round(value * scale))}px"

    def pt(value: float) -> str:
        return f"{max(8, round(value * scale * _text_size))}px"

    now = _palette
    regular, bold = _listed("Regular"), strong()
    chevron = (ICONS / "chevron.svg").as_posix()
    edge = f"1px solid {now.line}" if _needs_edges() else "none"
    tick = (ICONS / f"tick_{'light' if QColor(now.on_fill).lightness() > 127 else 'dark'}.svg").as_posix()
    return f"""
    * {{ font-family: {regular}; font-size: {pt(15)}; color: {now.text}; outline: none; }}
    QMainWindow, QDialog, QWidget#page {{ background: {now.background}; }}
    QDialog QLabel {{ font-size: {pt(17)}; }}
    QMessageBox#told QLabel#qt_msgbox_informativelabel {{ min-width: {pt(420)}; }}
    QMessageBox#told QLabel#qt_msgbox_label {{ {bold} font-size: {pt(20)}; }}
    QDialogButtonBox {{ dialogbuttonbox-buttons-have-icons: 0; }}
    QHeaderView::section {{ background: {now.raised}; border: none; padding: {px(4)} {px(8)}; }}
    QToolTip {{ background: {now.raised}; color: {now.text}; border: 1px solid {now.line};
        padding: {px(6)}; }}
    QLabel {{ background: transparent; }}
    QLabel#heading {{ {bold} font-size: {pt(24)}; }}
    QLabel#title {{ {bold} font-size: {pt(30)}; }}
    QLabel#far {{ {bold} font-size: {pt(40)}; }}
    QLabel#lead {{ font-size: {pt(19)}; }}
    QLabel#quiet {{ color: {now.muted}; }}
    QScrollArea {{ background: transparent; border: none; }}
    QLineEdit, QSpinBox, QDoubleSpinBox {{ background: {now.raised}; border: 1px solid {now.line};
        border-radius: {px(10)}; padding: {px(7)} {px(10)}; min-height: {px(24)};
        selection-background-color: {now.accent}; selection-color: {now.on_fill}; }}
    QLineEdit {{ placeholder-text-color: {now.muted}; }}
    QSpinBox QLineEdit, QDoubleSpinBox QLineEdit {{ background: transparent; border: none; padding: 0;
        min-height: 0; }}
    QAbstractSpinBox#plain {{ padding: 0; }}
    QAbstractSpinBox#plain::up-button, QAbstractSpinBox#plain::down-button {{ width: 0; border: none;
        subcontrol-origin: border; }}
    QLineEdit#search {{ font-size: {pt(19)}; }}
    QCheckBox {{ spacing: {px(10)}; font-size: {pt(17)}; background: transparent; padding: {px(2)}; }}
    QCheckBox, QSlider {{ border: 2px solid transparent; border-radius: {px(8)}; }}
    QCheckBox::indicator {{ width: {px(24)}; height: {px(24)}; border: 2px solid {now.muted};
        border-radius: {px(6)}; background: {now.raised}; }}
    QCheckBox::indicator:checked {{ background: {now.accent}; border-color: {now.accent};
        image: url("{tick}"); }}
    QComboBox#wide {{ font-size: {pt(17)}; }}
    QSlider {{ background: transparent; min-height: {px(28)}; }}
    QSlider::groove:horizontal {{ background: {now.line}; height: {px(6)}; border-radius: {px(3)}; }}
    QSlider::sub-page:horizontal {{ background: {now.accent}; border-radius: {px(3)}; }}
    QSlider::handle:horizontal {{ background: {now.text}; width: {px(22)}; margin: -{px(8)} 0;
        border-radius: {px(11)}; }}
    QLabel#brand {{ {bold} font-size: {pt(20)}; }}
    QLabel#status {{ color: {now.muted}; font-size: {pt(13)}; }}
    QFrame#card {{ background: {now.surface}; border: {edge}; border-radius: {px(14)}; }}
    QFrame#notice {{ background: {now.surface}; border: 1px solid {now.line}; border-radius: {px(18)}; }}
    QLabel#noticeTitle {{ {bold} font-size: {pt(29)}; }}
    QLabel#noticeText {{ color: {now.text}; font-size: {pt(20)}; }}
    QLabel#problem {{ color: {now.fault}; font-size: {pt(19)}; }}
    QComboBox {{ background: {now.raised}; border: 1px solid {now.line}; border-radius: {px(10)};
        padding: {px(7)} {px(38)} {px(7)} {px(10)}; min-height: {px(24)};
        combobox-popup: 0; }}
    QComboBox#exercise {{ {bold} font-size: {pt(19)};
        min-height: {px(34)}; }}
    QComboBox:hover, QPushButton:hover, QToolButton:hover {{ border-color: {now.muted}; }}
    QComboBox:focus, QPushButton:focus, QToolButton:focus, QListView:focus,
        QLineEdit:focus, QSpinBox:focus, QCheckBox:focus, QSlider:focus, QScrollArea:focus {{
        border: 2px solid {now.info}; }}
    QComboBox::drop-down {{ border: none; width: {px(34)}; }}
    QComboBox::down-arrow {{ image: url("{chevron}"); width: {px(18)}; height: {px(18)}; }}
    QComboBox QAbstractItemView {{ background: {now.raised}; border: 1px solid {now.line}; padding: {px(6)};
        selection-background-color: {now.selected}; selection-color: {now.text}; }}
    QComboBox QAbstractItemView::item {{ min-height: {px(40)}; padding: 0 {px(8)}; border-radius: {px(8)}; }}
    QComboBox QAbstractItemView::item:selected {{ background: {now.selected}; color: {now.text}; }}
    QComboBox QAbstractItemView {{ font-size: {pt(17)}; }}
    QPushButton, QToolButton {{ background: {now.raised}; border: 1px solid {now.line};
        border-radius: {px(12)};
        padding: {px(9)} {px(16)}; }}
    QDialogButtonBox QPushButton {{ padding: {px(9)} {px(9)}; }}
    QToolButton {{ padding: {px(7)}; }}
    QPushButton:pressed, QToolButton:pressed {{ background: {now.selected}; }}
    QPushButton:disabled, QToolButton:disabled {{ color: {now.muted}; border-color: {now.raised}; }}
    QToolButton:checked {{ background: {now.selected}; border-color: {now.accent}; }}
    QPushButton#primary {{ background: {now.accent}; color: {now.on_fill}; border: none;
        {bold} font-size: {pt(20)}; }}
    QPushButton#primary:hover {{ background: {now.hover}; }}
    QPushButton#primary:focus {{ border: 2px solid {now.text}; }}
    QPushButton#primary:disabled {{ background: {now.raised}; color: {now.muted}; }}
    QListView {{ background: transparent; border: none; }}
    QListWidget {{ font-size: {pt(17)}; }}
    QListWidget::item {{ border-radius: {px(10)}; padding: {px(3)}; color: {now.text}; }}
    QListWidget::item:selected {{ background: {now.selected}; color: {now.text}; }}
    QMenu {{ background: {now.raised}; border: 1px solid {now.line}; padding: {px(6)}; }}
    QMenu::item {{ padding: {px(9)} {px(22)}; border-radius: {px(8)}; }}
    QMenu::item:selected {{ background: {now.selected}; }}
    QScrollBar:vertical {{ background: transparent; width: {px(8)}; margin: 0; }}
    QScrollBar::handle:vertical {{ background: {now.line}; border-radius: {px(4)}; min-height: {px(24)}; }}
    QScrollBar:horizontal {{ background: transparent; height: {px(8)}; margin: 0; }}
    QScrollBar::handle:horizontal {{ background: {now.line}; border-radius: {px(4)}; min-width: {px(24)}; }}
    QScrollBar::add-line, QScrollBar::sub-line, QScrollBar::add-page, QScrollBar::sub-page
        {{ background: none; border: none; width: 0; height: 0; }}
    """
