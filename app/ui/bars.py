"""The bar above the picture (what, from where, how shown) and the line below (how well it runs)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QPaintEvent
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLabel,
    QListView,
    QSizePolicy,
    QStyle,
    QStyleOptionComboBox,
    QStylePainter,
    QToolButton,
    QWidget,
)

from app.capture import DEMO, CameraInfo, Source
from app.ui import theme
from app.ui.records import EngineInfo
from app.ui.stage import Stage
from app.ui.words import t

OPEN_FILE: Final = "\0open"


class Picker(QComboBox):
    """A box whose text ends in an ellipsis where there is no room for it: Qt's own cuts a letter in two."""

    def paintEvent(self, event: QPaintEvent) -> None:
        option = QStyleOptionComboBox()
        self.initStyleOption(option)
        if self.currentIndex() < 0:
            option.currentText = self.placeholderText()
        label = QStyle.SubControl.SC_ComboBoxEditField
        box = QStyle.ComplexControl.CC_ComboBox
        room = self.style().subControlRect(box, option, label, self).width()
        if not option.currentIcon.isNull():
            room -= option.iconSize.width() + 8
        metrics = self.fontMetrics()
        option.currentText = metrics.elidedText(option.currentText, Qt.TextElideMode.ElideRight, room)
        painter = QStylePainter(self)
        with painter:  # ended even when the painting fails: Qt would crash otherwise
            painter.drawComplexControl(box, option)
            painter.drawControl(QStyle.ControlElement.CE_ComboBoxLabel, option)


class TopBar(QWidget):
    """Pickers and switches."""

    home_wanted = Signal()
    exercise_chosen = Signal(str)
    source_chosen = Signal(str)
    file_wanted = Signal()
    mirror_toggled = Signal(bool)
    figure_toggled = Signal(bool)
    demonstration_toggled = Signal(bool)
    mute_toggled = Signal(bool)
    full_screen_wanted = Signal()
    help_wanted = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.home = self._button()
        self.exercise = theme.named(Picker(), "exercise")
        self.source = Picker()
        for box in (self.exercise, self.source):
            box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
            box.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
            box.setView(QListView())  # the style sheet's rows; Fusion's own popup ignores them
            box.setMaxVisibleItems(10)
            box.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.exercise.setMinimumContentsLength(10)
        self.source.setMinimumContentsLength(8)
        self.demonstration = self._button(checkable=True)
        self.figure = self._button(checkable=True)
        self.mute = self._button(checkable=True)
        self.mirror = self._button(checkable=True)
        self.full_screen = self._button()
        self.help = self._button()
        self._buttons = (
            self.home,
            self.demonstration,
            self.figure,
            self.mute,
            self.mirror,
            self.full_screen,
            self.help,
        )
        self._air = QWidget()
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.addWidget(self.home)
        self._row.addWidget(self.exercise, 6)
        self._row.addWidget(self.source, 5)
        self._row.addWidget(self._air, 1)
        for button in self._buttons[1:]:
            self._row.addWidget(button)
        self.home.clicked.connect(self.home_wanted)
        self.exercise.activated.connect(lambda row: self.exercise_chosen.emit(self.exercise.itemData(row)))
        self.source.activated.connect(self._on_source)
        self.demonstration.toggled.connect(self.demonstration_toggled)
        self.figure.toggled.connect(self.figure_toggled)
        self.mute.toggled.connect(self.mute_toggled)
        self.mirror.toggled.connect(self.mirror_toggled)
        self.full_screen.clicked.connect(self.full_screen_wanted)
        self.help.clicked.connect(self.help_wanted)
        self.retranslate()

    def _button(self, *, checkable: bool = False) -> QToolButton:
        button = QToolButton()
        button.setCheckable(checkable)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        return button

    def retranslate(self) -> None:
        """Sets all texts, and the icons in the theme's colours."""
        for button, icon, words in (
            (self.home, "home", t("Home (Esc)")),
            (self.demonstration, "play", t("Show how it is done (D)")),
            (self.figure, "cube", t("Skeleton in space (3)")),
            (self.mute, "mute" if self.mute.isChecked() else "sound", t("Mute (V)")),
            (self.mirror, "mirror", t("Mirror the picture (M)")),
            (self.full_screen, "fullscreen", t("Full screen (F)")),
            (self.help, "help", t("Keys and gestures (F1)")),
        ):
            button.setIcon(theme.icon(icon))
            button.setToolTip(words)
            button.setAccessibleName(words)
        for box, words in ((self.exercise, t("Exercise")), (self.source, t("Where the picture comes from"))):
            box.setAccessibleName(words)
            box.setToolTip(words)
        self.source.setPlaceholderText(t("Choose a source"))

    def set_unit(self, unit: float, *, narrow: bool) -> None:
        size = round(24 * unit)
        for button in self._buttons:
            button.setIconSize(QSize(size, size))
        self._air.setVisible(not narrow)
        # The source gives way where there is little room, down to its icon: the line below names it, too.
        self.exercise.setMinimumContentsLength(7 if narrow else 10)
        self.source.setMinimumWidth(round(108 * unit) if narrow else 0)
        self._row.setStretchFactor(self.source, 1 if narrow else 5)
        self.exercise.setIconSize(QSize(round(34 * unit), round(34 * unit)))
        self.source.setIconSize(QSize(size, size))
        self._row.setSpacing(round((6 if narrow else 10) * unit))

    def fill_exercises(self, entries: Sequence[tuple[str, str, bool]], chosen: str) -> None:
        """entries: (id, name, sound); one that is not sound has a broken rule file."""
        self.exercise.clear()
        for name, text, sound in entries:
            figure = theme.icon(theme.exercise_icon(name)) if sound else theme.icon("warning", "warning")
            shown = text if sound else t("{name} (broken file)", name=text)
            self.exercise.addItem(figure, shown, name)
        self.select_exercise(chosen)

    def select_exercise(self, chosen: str) -> None:
        self.exercise.setCurrentIndex(max(0, self.exercise.findData(chosen)))

    def fill_sources(self, cameras: Sequence[CameraInfo], files: Sequence[str], chosen: str | None) -> None:
        """Cameras by name, the demo clip, files opened before, and the way to open another."""
        self.source.clear()
        for camera in cameras:
            self.source.addItem(theme.icon("camera"), camera.name, str(camera.index))
        self.source.addItem(theme.icon("film"), t("Demo clip"), DEMO)
        for file in files:
            self.source.addItem(theme.icon("film"), Path(file).name, file)
        self.source.addItem(theme.icon("folder"), t("Open video…"), OPEN_FILE)
        self.select_source(chosen)

    def select_source(self, spec: str | None) -> None:
        row = self.source.findData(spec) if spec is not None else -1
        if row < 0 and spec is not None:  # a camera by its name
            row = self.source.findText(spec, Qt.MatchFlag.MatchContains)
        self.source.setCurrentIndex(row)

    def _on_source(self, row: int) -> None:
        spec = self.source.itemData(row)
        if spec == OPEN_FILE:
            self.file_wanted.emit()
        else:
            self.source_chosen.emit(spec)

    def show_switch(self, button: QToolButton, on: bool) -> None:
        """Shows one of the switches so without announcing it."""
        button.blockSignals(True)
        button.setChecked(on)
        button.blockSignals(False)
        if button is self.mute:
            button.setIcon(theme.icon("mute" if on else "sound"))


class StatusLine(QWidget):
    """Source at the left; pace, latency and engine at the right."""

    def __init__(self) -> None:
        super().__init__()
        self.narrow = False
        self.left = theme.named(QLabel(), "status")
        self.right = theme.named(QLabel(), "status")
        self.left.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.right.setAlignment(Qt.AlignmentFlag.AlignRight)
        row = QHBoxLayout(self)
        row.setContentsMargins(4, 0, 4, 0)
        row.addWidget(self.left, 1)
        row.addWidget(self.right, 0)

    def show_state(self, source: Source | None, engine: EngineInfo | None, stage: Stage) -> None:
        """What is shown, how fast, how late, and by what."""
        left: list[str] = []
        if source is not None:
            name = t("Demo clip") if source.name == "Demo clip" else source.name
            left = [name] if self.narrow else [name, f"{source.width}×{source.height}"]
            if stage.picture_rate:
                left.append(t("picture {rate} fps", rate=f"{stage.picture_rate:.0f}"))
        right: list[str] = []
        if engine is not None:
            if stage.network_rate:
                right = [
                    t("network {rate} fps", rate=f"{stage.network_rate:.0f}"),
                    t("latency {time} ms", time=f"{stage.latency * 1000:.0f}"),
                ]
            right.append(f"{engine.device.upper()} / {engine.runtime}")
            if not self.narrow:
                right.append(engine.model)
        self._show("  ·  ".join(left), "  ·  ".join(right))

    def _show(self, left: str, right: str) -> None:
        if left != self.left.text():
            self.left.setText(left)
        if right != self.right.text():
            self.right.setText(right)
