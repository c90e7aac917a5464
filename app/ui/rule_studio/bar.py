"""The studio's bar: which file and which recording, playing, zoom, undo, reading again."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QSizePolicy, QToolButton, QWidget

from app.ui import theme
from app.ui.words import t


class StudioBar(QWidget):
    """Signals say what is wanted; the page does it."""

    close_wanted = Signal()
    rules_wanted = Signal()
    recording_wanted = Signal()
    play_wanted = Signal()
    zoom_wanted = Signal(int)  # 1 nearer, -1 farther, 0 all of it
    undo_wanted = Signal()
    redo_wanted = Signal()
    reload_wanted = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._playing = False
        self._file = self._clip = ""
        self.note = theme.named(QLabel(), "status")
        # A long text is cut, it does not make the window wider; the tool tip has all of it.
        self.note.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.rules, self.recording = QPushButton(), QPushButton()
        self._layout = QHBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self.close_button = self._tool(self.close_wanted.emit)
        for button, wanted in ((self.rules, self.rules_wanted), (self.recording, self.recording_wanted)):
            button.clicked.connect(wanted)
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            self._layout.addWidget(button)
        self._layout.addWidget(self.note, 1)
        self.play = self._tool(self.play_wanted.emit)
        self.farther = self._tool(lambda: self.zoom_wanted.emit(-1))
        self.nearer = self._tool(lambda: self.zoom_wanted.emit(1))
        self.undo = self._tool(self.undo_wanted.emit)
        self.redo = self._tool(self.redo_wanted.emit)
        self.reload = self._tool(self.reload_wanted.emit)
        self.retranslate()

    def _tool(self, act: Callable[[], object]) -> QToolButton:
        button = QToolButton()
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        button.clicked.connect(lambda: act())
        self._layout.addWidget(button)
        return button

    def retranslate(self) -> None:
        """Texts, and the icons in the theme's colours."""
        for button, icon, text in (
            (self.close_button, "back", t("Close the studio")),
            (self.farther, "minus", t("Zoom out (−)")),
            (self.nearer, "plus", t("Zoom in (+)")),
            (self.undo, "undo", t("Undo (Ctrl+Z)")),
            (self.redo, "redo", t("Redo (Ctrl+Shift+Z)")),
            (self.reload, "refresh", t("Read the file again (F5)")),
        ):
            button.setIcon(theme.icon(icon))
            button.setToolTip(text)
            button.setAccessibleName(text)
        self.rules.setIcon(theme.icon("edit"))
        self.recording.setIcon(theme.icon("film"))
        self.rules.setToolTip(t("Open a rule file (Ctrl+O)"))
        self.recording.setToolTip(t("Open a recording or a video (Ctrl+Shift+O)"))
        self.set_names(self._file, self._clip)
        self.set_playing(self._playing)

    def set_unit(self, unit: float) -> None:
        self._layout.setSpacing(round(8 * unit))
        size = QSize(round(20 * unit), round(20 * unit))
        for button in (self.rules, self.recording, self.close_button, self.play, self.farther, self.nearer,
                       self.undo, self.redo, self.reload):  # fmt: skip
            button.setIconSize(size)

    def set_names(self, file: str, clip: str) -> None:
        """What is open; empty: nothing."""
        self._file, self._clip = file, clip
        theme.label(self.rules, file or t("Rule file…"))
        theme.label(self.recording, clip or t("Recording…"))

    def set_playing(self, playing: bool) -> None:
        self._playing = playing
        text = t("Pause (Space)") if playing else t("Play (Space)")
        self.play.setIcon(theme.icon("pause" if playing else "play"))
        self.play.setToolTip(text)
        self.play.setAccessibleName(text)

    def set_possible(self, *, undo: bool, redo: bool, play: bool) -> None:
        self.undo.setEnabled(undo)
        self.redo.setEnabled(redo)
        for button in (self.play, self.farther, self.nearer):
            button.setEnabled(play)
