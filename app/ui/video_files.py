"""Video files that the user chooses or drops."""

from __future__ import annotations

from PySide6.QtGui import QDropEvent
from PySide6.QtWidgets import QWidget

from app.capture import VIDEO_SUFFIXES
from app.ui.saving import ask_which
from app.ui.words import t


def ask_for_video(parent: QWidget) -> str:
    """The file chosen in a dialog; empty when none was."""
    pattern = " ".join(f"*{suffix}" for suffix in VIDEO_SUFFIXES)
    kinds = f"{t('Videos')} ({pattern});;{t('All files')} (*)"
    path = ask_which(parent, t("Open video"), kinds=kinds)
    return "" if path is None else str(path)


def dropped_file(event: QDropEvent) -> str:
    """The first file of this machine that is dragged or dropped; empty when there is none."""
    return next((url.toLocalFile() for url in event.mimeData().urls() if url.isLocalFile()), "")
