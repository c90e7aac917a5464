"""F1: the keys, the gestures, what Formcue is and what it does with what it sees."""

from __future__ import annotations

import html
import platform
from collections.abc import Iterable, Sequence
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from typing import Final

from PySide6.QtCore import QSize, Qt, Signal, qVersion
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from app import __version__
from app.gestures import Gesture
from app.ui import keys, theme
from app.ui.gesture_ring import gesture_lines
from app.ui.words import t

KEY_SHARE: Final = 0.34  # of a column's width
# Package, licence: what Formcue is built on.
BUILT_ON: Final = (
    ("PySide6-Essentials", "LGPL-3.0"),
    ("torch", "BSD-3-Clause"),
    ("openvino", "Apache-2.0"),
    ("numpy", "BSD-3-Clause"),
    ("opencv-python-headless", "Apache-2.0"),
    ("PyYAML", "MIT"),
    ("safetensors", "Apache-2.0"),
    ("platformdirs", "MIT"),
)


class HelpPage(QWidget):
    """home_wanted: enough. tour_wanted: the first steps again."""

    home_wanted = Signal()
    tour_wanted = Signal()

    def __init__(self, gestures: Sequence[Gesture]) -> None:
        super().__init__()
        theme.named(self, "page")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.gestures = tuple(gestures)
        self.title = theme.named(QLabel(), "title")
        self.home, self.tour = QPushButton(), QPushButton()
        self.home.clicked.connect(self.home_wanted)
        self.tour.clicked.connect(self.tour_wanted)
        self.text = theme.named(QLabel(), "lead")
        self.text.setWordWrap(True)
        self.text.setTextFormat(Qt.TextFormat.RichText)
        self.text.setAlignment(Qt.AlignmentFlag.AlignTop)
        # As high as its words: the hint of its size is that of a narrower one.
        self.text.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Ignored)
        self.text.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self._head = QHBoxLayout()
        self._head.addWidget(self.home)
        self._head.addWidget(self.title, 1)
        self._head.addWidget(self.tour)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(self.text)
        self._scroll = scroll  # has the focus, so that the arrow keys scroll
        self._all = QVBoxLayout(self)
        self._all.addLayout(self._head)
        self._all.addWidget(scroll, 1)
        self._portrait = False
        self.retranslate()

    def retranslate(self) -> None:
        """Sets all texts."""
        self.title.setText(t("Keys, gestures, about"))
        theme.label(self.home, t("Back"))
        self.home.setIcon(theme.icon("back"))
        theme.label(self.tour, t("First steps"))
        self.tour.setIcon(theme.icon("info"))
        columns = 1 if self._portrait else 2
        parts = [
            _heading(t("Gestures")),
            _table(gesture_lines(self.gestures), columns),
            _note(
                t(
                    "Hold a gesture until its ring is full. During a set only the pause is read. In a rest "
                    "the hand must stay up longer, so that drinking and stretching do not end it."
                )
            ),
            _heading(t("During a workout")),
            _table([(t(key), t(words)) for key, words in keys.COACHING], columns),
            _heading(t("Home")),
            _table([(t(key), t(words)) for key, words in keys.HOME], columns),
            _heading(t("Everywhere")),
            _table([(t(key), t(words)) for key, words in keys.EVERYWHERE], columns),
            _heading(t("Privacy")),
            _note(privacy()),
            _heading(t("About")),
            _note(t("Formcue {version}, MIT licence. The typeface is Inter (OFL 1.1).", version=__version__)),
            _note(f"Python {platform.python_version()}, Qt {qVersion()}, {platform.platform()}"),
            _note(", ".join(f"{name} {_version(name)} ({licence})" for name, licence in BUILT_ON)),
            _note(t("The pose network descends from MediaPipe BlazePose (Apache-2.0); see NOTICE.")),
        ]
        self.text.setText("".join(parts))
        for part in (self.text, self._scroll):
            part.setAccessibleName(t("Keys, gestures, about"))

    def set_unit(self, unit: float, *, portrait: bool) -> None:
        """Sizes follow the window."""
        gap = round(14 * unit)
        self._all.setContentsMargins(gap, gap, gap, gap)
        self._all.setSpacing(gap)
        self.text.setContentsMargins(0, 0, round(10 * unit), 0)  # clear of the scroll bar
        for button in (self.home, self.tour):
            button.setMinimumHeight(round(54 * unit))
            button.setIconSize(QSize(round(20 * unit), round(20 * unit)))
        if portrait != self._portrait:
            self._portrait = portrait
            self.retranslate()


def privacy() -> str:
    """What becomes of the pictures."""
    return t(
        "Formcue never uses the network: nothing is sent, and no account is needed. Pictures are looked at "
        "and forgotten; none is written to the disk. What is kept, on this machine only: your settings, the "
        "history of your workouts, and the poses (no pictures) that you ask to keep."
    )


def _heading(text: str) -> str:
    return f'<p style="margin-top:16px; font-size:large; {theme.strong()}">{html.escape(text)}</p>'


def _note(text: str) -> str:
    return f"<p style='color:{theme.ink('muted')}'>{html.escape(text)}</p>"


def _table(rows: Iterable[tuple[str, str]], columns: int) -> str:
    """Key, what it does; twice beside each other for two columns. All tables have the same columns."""
    pairs = list(rows)
    half = -(-len(pairs) // columns)
    key_width, words_width = round(KEY_SHARE * 100 / columns), round((1 - KEY_SHARE) * 100 / columns)
    ink, cell = theme.ink("accent"), "padding:3px 12px 3px 0; vertical-align:middle;"
    lines = []
    for row in range(half):
        beside = pairs[row::half]
        cells = "".join(
            f'<td width="{key_width}%" style="{cell} color:{ink}; {theme.strong()}">{html.escape(key)}</td>'
            f'<td width="{words_width}%" style="{cell}">{html.escape(words) or "&nbsp;"}</td>'
            for key, words in [*beside, *[("", "")] * (columns - len(beside))]
        )
        lines.append(f"<tr>{cells}</tr>")
    return f'<table width="100%">{"".join(lines)}</table>'


@lru_cache  # it reads files
def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "?"
