"""The dialogs that ask for a rule file and for a recording."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from PySide6.QtWidgets import QWidget

from app.capture import VIDEO_SUFFIXES
from app.ui.saving import ask_which
from app.ui.words import t

RULE_SUFFIXES: Final = (".yaml", ".yml")
RECORDING_SUFFIXES: Final = (".poses.gz", ".poses", *VIDEO_SUFFIXES)


def ask_for_rules(parent: QWidget, folder: Path | None) -> Path | None:
    """A rule file, or None."""
    return _ask(parent, t("Open a rule file"), folder, t("Rule files"), RULE_SUFFIXES)


def ask_for_recording(parent: QWidget, folder: Path | None) -> Path | None:
    """A recorded pose file or a video, or None."""
    title, kind = t("Open a recording or a video"), t("Recordings and videos")
    return _ask(parent, title, folder, kind, RECORDING_SUFFIXES)


def _ask(
    parent: QWidget, title: str, folder: Path | None, kind: str, suffixes: tuple[str, ...]
) -> Path | None:
    pattern = " ".join(f"*{suffix}" for suffix in suffixes)
    return ask_which(parent, title, folder=folder, kinds=f"{kind} ({pattern})")
