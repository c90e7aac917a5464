"""The bar above the picture (what, from where, how shown) and the line below (how well it runs)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QListView, QSizePolicy, QToolButton, QWidget

from app.capture import DEMO, CameraInfo, Source
from app.ui import theme
from app.ui.records import EngineInfo
from app.ui.stage import Stage

OPEN_FILE: Final = "\0open"


class TopBar(QWidget):
    """Pickers and switches."""

    exercise_chosen = Signal(str)
    source_chosen = Signal(str)
    file_wanted = Signal()
    mirror_toggled = Signal(bool)
    full_screen_wanted = Signal()
    help_wanted = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.mark = QLabel()
        self.brand = theme.named(QLabel("Formcue"), "brand")
        self.exercise = theme.named(QComboBox(), "exercise")
        self.exercise.setAccessibleName("Exercise")
        self.exercise.setToolTip("Exercise")
        self.source = QComboBox()
        self.source.setAccessibleName("Source")
        self.source.setToolTip("Where the picture comes from")
        for box in (self.exercise, self.source):
            box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
            box.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
            box.setView(QListView())  # the style sheet's rows; Fusion's own popup ignores them
            box.setMaxVisibleItems(10)
            box.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.exercise.setMinimumContentsLength(12)
        self.source.setMinimumContentsLength(10)
        self.mirror = self._button("mirror", "Mirror the picture (M)", checkable=True)
        self.full_screen = self._button("fullscreen", "Full screen (F)")
        self.help = self._button("help", "Keys and help (F1)")
        self._air = QWidget()
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        for widget, stretch in (
            (self.mark, 0),
            (self.brand, 0),
            (self.exercise, 6),
            (self.source, 5),
            (self._air, 3),
            (self.mirror, 0),
            (self.full_screen, 0),
            (self.help, 0),
        ):
            self._row.addWidget(widget, stretch)
        self.exercise.activated.connect(lambda row: self.exercise_chosen.emit(self.exercise.itemData(row)))
        self.source.activated.connect(self._on_source)
        self.mirror.toggled.connect(self.mirror_toggled)
        self.full_screen.clicked.connect(self.full_screen_wanted)
        self.help.clicked.connect(self.help_wanted)

    def _button(self, icon: str, words: str, *, checkable: bool = False) -> QToolButton:
        button = QToolButton()
        button.setIcon(theme.icon(icon))
        button.setToolTip(words)
        button.setAccessibleName(words)
        button.setCheckable(checkable)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        return button

    def set_unit(self, unit: float, *, narrow: bool) -> None:
        size = round(24 * unit)
        for button in (self.mirror, self.full_screen, self.help):
            button.setIconSize(QSize(size, size))
        self.mark.setPixmap(theme.app_icon().pixmap(QSize(round(38 * unit), round(38 * unit))))
        self.brand.setVisible(not narrow)
        self._air.setVisible(not narrow)
        self.exercise.setIconSize(QSize(round(34 * unit), round(34 * unit)))
        self.source.setIconSize(QSize(size, size))
        self._row.setSpacing(round(10 * unit))

    def fill_exercises(self, entries: Sequence[tuple[str, str, bool]], chosen: str) -> None:
        """entries: (id, name, sound); one that is not sound has a broken rule file."""
        self.exercise.clear()
        for name, text, sound in entries:
            figure = theme.icon(theme.exercise_icon(name)) if sound else theme.icon("warning", "warning")
            self.exercise.addItem(figure, text if sound else f"{text} (broken file)", name)
        self.exercise.setCurrentIndex(max(0, self.exercise.findData(chosen)))

    def fill_sources(self, cameras: Sequence[CameraInfo], files: Sequence[str], chosen: str | None) -> None:
        """Cameras by name, the demo clip, files opened before, and the way to open another."""
        self.source.clear()
        for camera in cameras:
            self.source.addItem(theme.icon("camera"), camera.name, str(camera.index))
        self.source.addItem(theme.icon("film"), "Demo clip", DEMO)
        for file in files:
            self.source.addItem(theme.icon("film"), Path(file).name, file)
        self.source.addItem(theme.icon("folder"), "Open video…", OPEN_FILE)
        self.select_source(chosen)

    def select_source(self, spec: str | None) -> None:
        row = self.source.findData(spec) if spec is not None else -1
        self.source.setCurrentIndex(row)
        self.source.setPlaceholderText("Choose a source")

    def _on_source(self, row: int) -> None:
        spec = self.source.itemData(row)
        if spec == OPEN_FILE:
            self.file_wanted.emit()
        else:
            self.source_chosen.emit(spec)

    def set_mirror(self, mirror: bool) -> None:
        """Shows the switch so without announcing it."""
        self.mirror.blockSignals(True)
        self.mirror.setChecked(mirror)
        self.mirror.blockSignals(False)


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
            left = [source.name] if self.narrow else [source.name, f"{source.width}×{source.height}"]
            if stage.picture_rate:
                left.append(f"picture {stage.picture_rate:.0f} fps")
        right: list[str] = []
        if engine is not None:
            if stage.network_rate:
                right = [f"network {stage.network_rate:.0f} fps", f"latency {stage.latency * 1000:.0f} ms"]
            right.append(f"{engine.device.upper()} / {engine.runtime}")
            if not self.narrow:
                right.append(engine.model)
        self._show("  ·  ".join(left), "  ·  ".join(right))

    def _show(self, left: str, right: str) -> None:
        if left != self.left.text():
            self.left.setText(left)
        if right != self.right.text():
            self.right.setText(right)
