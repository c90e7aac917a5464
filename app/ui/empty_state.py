"""Where there is nothing to show: what that means, and the one thing to do about it."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QLabel, QPushButton, QVBoxLayout, QWidget

from app.ui import theme


class EmptyState(QWidget):
    """An icon, words and a button; wanted: the button was pressed."""

    wanted = Signal()

    def __init__(self, icon: str, *, way_on: str) -> None:
        """icon, way_on: names of icons, the second one the button's."""
        super().__init__()
        self._icons = (icon, way_on)
        self._unit = 1.0
        self._picture = QLabel()
        self.text = theme.named(QLabel(), "heading")
        self.text.setWordWrap(True)
        self.text.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.button = theme.named(QPushButton(), "primary")
        self.button.clicked.connect(self.wanted)
        self._lines = QVBoxLayout(self)
        self._lines.addStretch(1)
        self._lines.addWidget(self._picture, 0, Qt.AlignmentFlag.AlignHCenter)
        self._lines.addWidget(self.text)
        self._lines.addWidget(self.button, 0, Qt.AlignmentFlag.AlignHCenter)
        self._lines.addStretch(2)

    def say(self, text: str, button: str) -> None:
        """In the language and the colours of now."""
        self.text.setText(text)
        theme.label(self.button, button)
        self.set_unit(self._unit)

    def set_unit(self, unit: float) -> None:
        """Sizes follow the window."""
        self._unit = unit
        icon, way_on = self._icons
        self._picture.setPixmap(theme.pixmap(icon, round(84 * unit), "muted", self.devicePixelRatioF()))
        self.button.setIcon(theme.icon(way_on, "on_fill"))
        self.button.setIconSize(QSize(round(20 * unit), round(20 * unit)))
        self.button.setMinimumHeight(round(54 * unit))
        self._lines.setSpacing(round(20 * unit))
        margin = round(40 * unit)
        self._lines.setContentsMargins(margin, margin, margin, margin)
