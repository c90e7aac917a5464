"""What the user has chosen, kept in the platform's own settings place. Needs yaml and platformdirs.

The file holds only what differs from the defaults below, so that a default that is bettered later
reaches everybody who never touched it. A file that cannot be read is set aside, never fatal. A change is
written into what the file says at that moment: two windows, or two versions, take nothing from each other.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, get_args, get_origin, get_type_hints

import yaml
from platformdirs import user_config_dir, user_data_dir, user_log_dir

from app.errors import Line
from app.files import OutputError, alone, replacing
from app.yamltext import RefusedError, compose, text_of

log = logging.getLogger(__name__)
HOME: Final = "FORMCUE_HOME"  # environment variable: a folder that takes the place of all of the platform's
FILE: Final = "settings.yaml"

Language = Literal["auto", "en", "zh"]
Theme = Literal["dark", "light", "high_contrast", "colour_blind"]
TextSize = Literal["normal", "large", "largest"]
Strictness = Literal["beginner", "normal", "strict"]
Resolution = Literal["auto", "640x480", "1280x720", "1920x1080"]
Device = Literal["auto", "cpu", "cuda", "mps"]
Mirror = Literal["auto", "on", "off"]
Units = Literal["auto", "metric", "imperial"]


@dataclass(frozen=True, kw_only=True)
class Settings:
    """camera: its name, empty for the first there is. mirror auto: cameras yes, files no.

    language auto: the computer's own, else English. units: of what is lifted; auto: as the computer
    measures. volume: 0 to 1. profile: whose history is written.
    """

    language: Language = "auto"
    theme: Theme = "dark"
    text_size: TextSize = "normal"
    units: Units = "auto"
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


_UNREAD: Final = "{path} cannot be read; the defaults stand in"


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """The settings, and what to tell the user about them: empty, or one line."""

    settings: Settings
    notice: Line | str = ""


def config_folder() -> Path:
    """Where the settings are; it need not exist yet."""
    home = os.environ.get(HOME)
    return Path(home).expanduser() if home else Path(user_config_dir("formcue", appauthor=False))


def data_folder() -> Path:
    """Where history, journal and saved poses are; it need not exist yet."""
    home = os.environ.get(HOME)
    return Path(home).expanduser() if home else Path(user_data_dir("formcue", appauthor=False))


def log_folder() -> Path:
    """Where the log is; it need not exist yet."""
    home = os.environ.get(HOME)
    return Path(home).expanduser() / "log" if home else Path(user_log_dir("formcue", appauthor=False))


def load_settings(folder: Path | None = None) -> Loaded:
    """Reads the settings (default: from `config_folder`). Never raises for what is in the file.

    A file that is no settings file is renamed to settings.broken.yaml. A value that is not possible
    falls back to its default, and is named in the notice; unknown keys are ignored.
    """
    path = (folder or config_folder()) / FILE
    try:
        read = _read(path)
    except FileNotFoundError:
        return Loaded(settings=Settings())
    except OSError as error:  # a disk that comes back brings the file back: it is not moved
        log.warning("%s cannot be read (%s)", path, error)
        return Loaded(settings=Settings(), notice=Line(_UNREAD, path=path))
    except ValueError as error:
        return _set_aside(path, error)
    known = {key: value for key, value in read.items() if key in _KINDS}
    sound = _sound(known)
    refused = sorted(known.keys() - sound.keys())
    notice: Line | str = ""
    if refused:
        wrong = "{path}: {refused} could not be used; the default stands in"
        notice = Line(wrong, path=path, refused=", ".join(refused))
    return Loaded(settings=Settings(**sound), notice=notice)


def change_settings(changes: Mapping[str, Any], folder: Path | None = None) -> None:
    """Writes these settings into the file and leaves the others as they are there, whole or not at all.

    What equals its default is left out; keys that this version does not know are kept.
    Raises OutputError when the place cannot be written.
    """
    path = (folder or config_folder()) / FILE
    default = Settings()
    with suppress(OSError):  # a folder that cannot be made is named by what comes next
        path.parent.mkdir(parents=True, exist_ok=True)
    with alone(path):
        try:
            there = _read(path)
        except FileNotFoundError:
            there = {}
        except OSError as error:
            raise OutputError(
                "{path}: cannot be read ({reason}), so not changed", path=path, reason=error.strerror or error
            ) from error
        except ValueError as error:
            _set_aside(path, error)
            there = {}
        there = {**there, **changes}
        kept = {key: value for key, value in there.items() if value != getattr(default, str(key), _NONE)}
        with replacing(path) as temporary:
            temporary.write_text(
                yaml.safe_dump(kept, allow_unicode=True, sort_keys=False) if kept else "", encoding="utf-8"
            )


def _read(path: Path) -> dict[Any, Any]:
    """What the file says. Raises OSError, and ValueError when it is no settings file."""
    try:
        text = text_of(path)
        if text.strip():
            compose(text)  # bounded in size and depth, and without aliases, before anything is made of it
        read = yaml.safe_load(text)
    except (RefusedError, yaml.YAMLError, ValueError, ArithmeticError, RecursionError) as error:
        if isinstance(error, RefusedError) and isinstance(error.__context__, OSError):
            raise error.__context__ from None
        raise ValueError(f"no settings ({error})") from error
    if read is None:
        return {}
    if not isinstance(read, dict):
        raise ValueError("not a list of keys and values")
    return read


def choices(name: str) -> tuple[str, ...]:
    """The possible values of a setting that is one of a few, in the order to offer them."""
    return get_args(_KINDS[name])


# Numbers with an end: setting -> smallest, largest.
LIMITS: Final = {"volume": (0.0, 1.0)}


_KINDS: Final = get_type_hints(Settings)
_NONE: Final = object()  # is no value of any setting


def _sound(known: Mapping[str, Any]) -> dict[str, Any]:
    """Those that are possible, as their own types."""
    return {
        key: float(value) if _KINDS[key] is float else value
        for key, value in known.items()
        if _possible(key, _KINDS[key], value)
    }


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


def _set_aside(path: Path, error: Exception) -> Loaded:
    """Under a name that is free: what was set aside earlier may be somebody's only copy too."""
    aside = path.with_name("settings.broken.yaml")
    number = 1
    while aside.exists():
        number += 1
        aside = path.with_name(f"settings.broken-{number}.yaml")
    log.warning("%s cannot be read (%s)", path, error)
    try:
        path.replace(aside)
    except OSError:
        return Loaded(settings=Settings(), notice=Line(_UNREAD, path=path))
    return Loaded(
        settings=Settings(),
        notice=Line(
            "{file} could not be read and was set aside as {aside}; the defaults stand in",
            file=path.name,
            aside=aside,
        ),
    )
