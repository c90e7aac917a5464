"""What the studio shows while something is missing: what it is for, and what to do next."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QVBoxLayout

from app.ui import theme
from app.ui.words import t


class EmptyCard(QFrame):
    """A title, a text and the buttons that go on from here."""

    rules_wanted = Signal()
    recording_wanted = Signal()
    demo_wanted = Signal()

    def __init__(self) -> None:
        super().__init__()
        theme.named(self, "card")
        self._state = (False, False, False, "")
        self._unit = 1.0
        self._icon = QLabel()
        self._icon.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._title, self._text = theme.named(QLabel(), "noticeTitle"), theme.named(QLabel(), "noticeText")
        for text in (self._title, self._text):
            text.setAlignment(Qt.AlignmentFlag.AlignCenter)
            text.setWordWrap(True)
        # The way on; rules and recording are never asked for at once.
        self.rules, self.recording = (theme.named(QPushButton(), "primary") for _ in range(2))
        self.demo = QPushButton()
        buttons = QHBoxLayout()
        buttons.addStretch()
        for button, wanted in (
            (self.rules, self.rules_wanted),
            (self.recording, self.recording_wanted),
            (self.demo, self.demo_wanted),
        ):
            button.clicked.connect(wanted)
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            buttons.addWidget(button)
        buttons.addStretch()
        self._layout = QVBoxLayout(self)
        self._layout.addStretch()
        self._layout.addWidget(self._icon)
        self._layout.addWidget(self._title)
        self._layout.addWidget(self._text)
        self._layout.addLayout(buttons)
        self._layout.addStretch()

    def set_unit(self, unit: float) -> None:
        self._unit = unit
        self._layout.setSpacing(round(16 * unit))
        self._text.setContentsMargins(round(120 * unit), 0, round(120 * unit), 0)
        for button in (self.rules, self.recording, self.demo):
            button.setIconSize(QSize(round(20 * unit), round(20 * unit)))
            button.setMinimumHeight(round(54 * unit))
        self._fill()

    def retranslate(self) -> None:
        for button, icon, text in (
            (self.rules, "edit", t("Open a rule file")),
            (self.recording, "film", t("Open a recording or a video")),
            (self.demo, "play", t("Demo clip")),
        ):
            theme.label(button, text)
            button.setIcon(theme.icon(icon, "text" if button is self.demo else "on_fill"))
        self._fill()

    def show_state(self, *, has_rules: bool, broken: bool, has_recording: bool, failure: str) -> None:
        """broken: a file is open, and has nothing but problems so far."""
        self._state = (has_rules, broken, has_recording, failure)
        self._fill()

    def _fill(self) -> None:
        has_rules, broken, has_recording, failure = self._state
        wrong = bool(failure) or (broken and not has_rules)
        icon, ink = ("warning", "warning") if wrong else ("film" if has_rules else "edit", "accent")
        self._icon.setPixmap(theme.pixmap(icon, round(64 * self._unit), ink, self.devicePixelRatioF()))
        if failure:
            title, text = t("This recording cannot be used"), failure
        elif broken and not has_rules:
            title = t("The rule file has errors")
            text = t("Mend it in an editor and save it: the studio reads it again by itself.")
        elif not has_rules:
            title = t("Which rules?")
            text = t(
                "Open a rule file, or drop one here: an exercise in YAML, how it is counted and what is said."
            )
        else:
            title = t("Which movement?")
            text = t(
                "Open a recorded pose file or a video of the exercise, or drop one here. "
                "You see what the rules make of it, and can drag every threshold."
            )
        self._title.setText(title)
        self._text.setText(text)
        self.rules.setVisible(not has_rules)
        self.recording.setVisible(has_rules and (not has_recording or bool(failure)))
        self.demo.setVisible(has_rules and (not has_recording or bool(failure)))
