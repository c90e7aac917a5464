"""What the user has chosen, kept in the platform's own settings place. Needs yaml and platformdirs.

The file holds only what differs from the defaults below, so that a default that is bettered later
reaches everybody who never touched it. A file that cannot be read is set aside, never fatal.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final, Literal, get_args, get_origin, get_type_hints

import yaml
from platformdirs import user_config_dir, user_data_dir

from app.files import replacing

log = logging.getLogger(__name__)
HOME: Final = "FORMCUE_HOME"  # environment variable: a folder that takes the place of all of the platform's
FILE: Final = "settings.yaml"

Language = Literal["en", "zh"]
Theme = Literal["dark", "light", "high_contrast", "colour_blind"]
TextSize = Literal["normal", "large", "largest"]
Strictness = Literal["beginner", "normal", "strict"]
Resolution = Literal["auto", "640x480", "1280x720", "1920x1080"]
Device = Literal["auto", "cpu", "cuda", "mps"]
Mirror = Literal["auto", "on", "off"]


@dataclass(frozen=True, kw_only=True)
class Settings:
    """camera: its name, empty for the first there is. mirror auto: cameras yes, files no.

    volume: 0 to 1.
    profile: whose history is written.
    """

    language: Language = "en"
    theme: Theme = "dark"
    text_size: TextSize = "normal"
    camera: str = ""
    resolution: Resolution = "auto"
    mirror: Mirror = "auto"
    device: Device = "auto"
    model: str = "auto"
    voice: bool = True
    metronome: bool = False
    volume: float = 0.8
    strictness: Strictness = "normal"
    gestures: bool = True
    profile: str = ""
    tour_done: bool = False


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """The settings, and what to tell the user about them: empty, or one line."""

    settings: Settings
    notice: str = ""


def config_folder() -> Path:
    """Where the settings are; it need not exist yet."""
    home = os.environ.get(HOME)
    return Path(home).expanduser() if home else Path(user_config_dir("formcue", appauthor=False))


def data_folder() -> Path:
    """Where history, journal and saved poses are; it need not exist yet."""
    home = os.environ.get(HOME)
    return Path(home).expanduser() if home else Path(user_data_dir("formcue", appauthor=False))


def load_settings(folder: Path | None = None) -> Loaded:
    """Reads the settings (default: from `config_folder`). Never raises for what is in the file.

    A file that is no settings file is renamed to settings.broken.yaml. A value that is not possible
    falls back to its default, and is named in the notice; unknown keys are ignored.
    """
    path = (folder or config_folder()) / FILE
    try:
        read = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Loaded(settings=Settings())
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        return _set_aside(path, error)
    if read is None:
        read = {}
    if not isinstance(read, dict):
        return _set_aside(path, ValueError("not a list of keys and values"))
    kinds = get_type_hints(Settings)
    known = {key: value for key, value in read.items() if key in kinds}
    sound = {key: value for key, value in known.items() if _possible(key, kinds[key], value)}
    refused = sorted(known.keys() - sound.keys())
    notice = ""
    if refused:
        notice = f"{path}: {', '.join(refused)} could not be used; the default stands in"
    return Loaded(settings=Settings(**{k: _as(kinds[k], v) for k, v in sound.items()}), notice=notice)


def save_settings(settings: Settings, folder: Path | None = None) -> None:
    """Writes what differs from the defaults, whole or not at all.

    Raises OutputError when the place cannot be written.
    """
    path = (folder or config_folder()) / FILE
    changed = as_mapping(settings)
    with suppress(OSError):  # a folder that cannot be made is named by what comes next
        path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary:
        temporary.write_text(
            yaml.safe_dump(changed, allow_unicode=True, sort_keys=False) if changed else "", encoding="utf-8"
        )


def as_mapping(settings: Settings) -> Mapping[str, Any]:
    """What differs from the defaults."""
    default = Settings()
    return {
        field.name: getattr(settings, field.name)
        for field in fields(Settings)
        if getattr(settings, field.name) != getattr(default, field.name)
    }


def choices(name: str) -> tuple[str, ...]:
    """The possible values of a setting that is one of a few, in the order to offer them."""
    return get_args(get_type_hints(Settings)[name])


# Numbers with an end: setting -> smallest, largest.
LIMITS: Final = {"volume": (0.0, 1.0)}


def _possible(name: str, kind: Any, value: object) -> bool:
    if get_origin(kind) is Literal:
        return value in get_args(kind)
    if kind is bool or isinstance(value, bool):
        return kind is bool and isinstance(value, bool)
    if kind is str:
        return isinstance(value, str)
    if not isinstance(value, (int, float)):
        return False
    low, high = LIMITS[name]
    return low <= value <= high  # not a number is neither


def _as(kind: Any, value: Any) -> Any:
    return float(value) if kind is float else value


def _set_aside(path: Path, error: Exception) -> Loaded:
    aside = path.with_name("settings.broken.yaml")
    log.warning("%s cannot be read (%s)", path, error)
    try:
        path.replace(aside)
    except OSError:
        return Loaded(settings=Settings(), notice=f"{path} cannot be read; the defaults stand in")
    return Loaded(
        settings=Settings(),
        notice=f"{path.name} could not be read and was set aside as {aside}; the defaults stand in",
    )
