"""The settings: what can be chosen, in four groups; every change holds at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from PySide6.QtCore import QEvent, QObject, QSize, Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QListView,
    QPushButton,
    QScrollArea,
    QSlider,
    QVBoxLayout,
    QWidget,
)

from app.capture import CameraInfo
from app.settings import Settings, choices
from app.ui import theme
from app.ui.look import language_of, unit_of
from app.ui.words import LANGUAGES, known_language, t

NAMES = {
    "dark": "Dark",
    "light": "Light",
    "high_contrast": "High contrast",
    "colour_blind": "Colour-blind safe",
    "normal": "Normal",
    "large": "Large",
    "largest": "Largest",
    "beginner": "Gentle",
    "strict": "Strict",
    "auto": "Automatic",
    "on": "Always",
    "off": "Never",
    "cpu": "Processor",
    "cuda": "NVIDIA GPU (CUDA)",
    "mps": "Apple GPU (MPS)",
    "metric": "Kilograms",
    "imperial": "Pounds",
}


class SettingsPage(QWidget):
    """Signals: changed(name, value) as the user chooses; home_wanted."""

    changed = Signal(str, object)
    home_wanted = Signal()

    def __init__(self, settings: Settings, models: Sequence[str]) -> None:
        super().__init__()
        theme.named(self, "page")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.settings, self.models = settings, tuple(models)
        self.cameras: tuple[CameraInfo, ...] = ()
        self._filling = False
        self.title = theme.named(QLabel(), "title")
        self.home = QPushButton()
        self.home.clicked.connect(self.home_wanted)
        self.boxes: dict[str, QComboBox] = {}
        self.checks: dict[str, QCheckBox] = {}
        self.volume = QSlider(Qt.Orientation.Horizontal)
        self.volume.setRange(0, 100)
        self.volume.valueChanged.connect(self._on_volume)
        self.volume.installEventFilter(self)
        self._labels: dict[str, QLabel] = {}
        self._notes: dict[str, QLabel] = {}
        self._titles: list[QLabel] = []
        head = QHBoxLayout()
        head.addWidget(self.home)
        head.addWidget(self.title, 1)
        self._groups = [
            self._group([self._box(name) for name in ("language", "units", "theme", "text_size")]),
            self._group([self._box("camera"), self._box("resolution"), self._box("mirror")]),
            self._group([
                self._box("strictness"),
                self._check("voice"),
                ("volume", self.volume),
                self._check("metronome"),
                self._check("gestures"),
            ]),
            self._group([self._box("device"), self._box("model")]),
        ]  # fmt: skip
        inner = theme.named(QWidget(), "page")
        self._columns = QGridLayout(inner)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(inner)
        self._all = QVBoxLayout(self)
        self._all.addLayout(head)
        self._all.addWidget(scroll, 1)
        self.set_unit(1.0, portrait=False)
        self.retranslate()

    # ---- building

    def _box(self, name: str) -> tuple[str, QWidget]:
        box = theme.named(QComboBox(), "wide")
        box.setView(QListView())  # the style sheet's rows; Fusion's own popup ignores them
        box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        box.setMinimumContentsLength(12)
        box.activated.connect(lambda row: self._change(name, box.itemData(row)))
        box.installEventFilter(self)
        self.boxes[name] = box
        return name, box

    def _check(self, name: str) -> tuple[str, QWidget]:
        check = QCheckBox()
        check.toggled.connect(lambda on: self._change(name, on))
        check.toggled.connect(lambda on: check.setText(t("On") if on else t("Off")))
        self.checks[name] = check
        return name, check

    def _group(self, rows: list[tuple[str, QWidget]]) -> QFrame:
        card = theme.named(QFrame(), "card")
        grid = QGridLayout(card)
        title = theme.named(QLabel(), "heading")
        self._titles.append(title)
        grid.addWidget(title, 0, 0, 1, 2)
        for row, (name, control) in enumerate(rows):
            label, note = theme.named(QLabel(), "lead"), theme.named(QLabel(), "quiet")
            label.setBuddy(control)
            note.setWordWrap(True)
            self._labels[name], self._notes[name] = label, note
            grid.addWidget(label, 2 * row + 1, 0)
            grid.addWidget(control, 2 * row + 1, 1)
            grid.addWidget(note, 2 * row + 2, 0, 1, 2)
        grid.setColumnStretch(1, 1)
        grid.setRowStretch(2 * len(rows) + 1, 1)
        return card

    # ---- what is shown

    def show_settings(self, settings: Settings) -> None:
        self.settings = settings
        self._fill()

    def show_cameras(self, cameras: Sequence[CameraInfo]) -> None:
        if tuple(cameras) != self.cameras:  # a list that is open must not close for nothing
            self.cameras = tuple(cameras)
            self._fill()

    def retranslate(self) -> None:
        """Sets all texts, and the icons in the theme's colours."""
        self.title.setText(t("Settings"))
        theme.label(self.home, t("Home"))
        self.home.setIcon(theme.icon("home"))
        groups = (t("Look"), t("Picture"), t("Coaching"), t("Engine"))
        for title, text in zip(self._titles, groups, strict=True):
            title.setText(text)
        chinese = (
            "" if theme.has_chinese() else t("No Chinese typeface is installed: fonts-noto-cjk has one.")
        )
        texts = {
            "language": (t("Language"), chinese),
            "units": (t("Units"), ""),
            "theme": (t("Theme"), ""),
            "text_size": (t("Text size"), ""),
            "camera": (t("Camera"), ""),
            "resolution": (t("Resolution"), ""),
            "mirror": (t("Mirror"), t("Automatic: cameras are mirrored, videos are not.")),
            "strictness": (t("Strictness"), t("How far from the ideal before something is said.")),
            "voice": (t("Spoken prompts"), ""),
            "volume": (self._volume_text(), ""),
            "metronome": (t("Metronome"), ""),
            "gestures": (t("Gestures"), t("Start, pause and skip with your hands; F1 shows how.")),
            "device": (t("Runs on"), t("Automatic: the fastest that this computer has.")),
            "model": (t("Model"), ""),
        }
        for name, (label, note) in texts.items():
            self._labels[name].setText(label)
            self._notes[name].setText(note)
            self._notes[name].setVisible(bool(note))
        for name, control in (*self.boxes.items(), *self.checks.items(), ("volume", self.volume)):
            control.setAccessibleName(texts[name][0])
            control.setAccessibleDescription(texts[name][1])
        for check in self.checks.values():
            check.setText(t("On") if check.isChecked() else t("Off"))
        self._fill()
        self._align()

    def _fill(self) -> None:
        self._filling = True
        cameras = {"": t("The first one")} | {camera.name: camera.name for camera in self.cameras}
        chosen = self.settings.camera
        if chosen not in cameras:
            cameras[chosen] = t("{camera} (not plugged in)", camera=chosen)
        models = {"auto": t("Automatic")} | {name: name for name in self.models}
        models.setdefault(self.settings.model, self.settings.model)
        offered = {
            "language": {"auto": t("Automatic: {unit}", unit=LANGUAGES[self._language_here()])} | LANGUAGES,
            "units": {value: t(NAMES[value]) for value in choices("units")}
            | {"auto": t("Automatic: {unit}", unit=t(self._unit_here()))},
            "camera": cameras,
            "model": models,
            "resolution": {size: size.replace("x", " × ") for size in choices("resolution")}
            | {"auto": t("Automatic")},
        }
        for name, box in self.boxes.items():
            options = offered.get(name) or {value: t(NAMES[value]) for value in choices(name)}
            box.clear()
            for value, text in options.items():
                box.addItem(text, value)
            box.setCurrentIndex(box.findData(getattr(self.settings, name)))
        for name, check in self.checks.items():
            check.setChecked(getattr(self.settings, name))
        self.volume.setValue(round(self.settings.volume * 100))
        self._filling = False

    def _language_here(self) -> str:
        return known_language(language_of(replace(self.settings, language="auto")))

    def _unit_here(self) -> str:
        return NAMES["metric" if unit_of(replace(self.settings, units="auto")) == "kg" else "imperial"]

    def _volume_text(self) -> str:
        return t("Volume {percent} %", percent=self.volume.value())

    def _on_volume(self, percent: int) -> None:
        self._labels["volume"].setText(self._volume_text())
        self._change("volume", percent / 100)

    def _align(self) -> None:
        """The controls of all groups begin at the same distance from their edge."""
        widest = 0
        for label in self._labels.values():
            label.ensurePolished()
            widest = max(widest, label.sizeHint().width())
        for card in self._groups:
            layout = card.layout()
            assert isinstance(layout, QGridLayout)
            layout.setColumnMinimumWidth(0, widest)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """The wheel scrolls the page; it changes no setting that lies on its way."""
        if event.type() == QEvent.Type.Wheel:
            event.ignore()
            return True
        return False

    def _change(self, name: str, value: Any) -> None:
        if not self._filling and value != getattr(self.settings, name):
            self.changed.emit(name, value)

    def set_unit(self, unit: float, *, portrait: bool) -> None:
        """Sizes follow the window."""
        gap = round(14 * unit)
        self._all.setContentsMargins(gap, gap, gap, gap)
        self._all.setSpacing(gap)
        self._columns.setSpacing(gap)
        self._columns.setContentsMargins(0, 0, round(6 * unit), 0)
        for place, card in enumerate(self._groups):
            self._columns.removeWidget(card)
            row, column = (place, 0) if portrait else divmod(place, 2)
            self._columns.addWidget(card, row, column)
            layout = card.layout()
            assert isinstance(layout, QGridLayout)
            pad = round(17 * unit)
            layout.setContentsMargins(pad, pad, pad, pad)
            layout.setHorizontalSpacing(round(24 * unit))
            layout.setVerticalSpacing(round(6 * unit))
        self.home.setMinimumHeight(round(54 * unit))
        self.home.setIconSize(QSize(round(20 * unit), round(20 * unit)))
        for box in self.boxes.values():
            box.setMinimumHeight(round(44 * unit))
        self._align()

    def keys(self) -> dict[Qt.Key, Callable[[], object]]:
        return {}
