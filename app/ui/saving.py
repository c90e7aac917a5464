"""Where a file that the user saves shall go."""

from __future__ import annotations

import re
from pathlib import Path

from PySide6.QtCore import QStandardPaths
from PySide6.QtWidgets import QFileDialog, QWidget


def ask_where(parent: QWidget, title: str, *, name: str, kind: str) -> Path | None:
    """The file to write, or None; the dialog has asked before another one is replaced.

    name: what is proposed, in the user's documents; its ending is that of a name written without one.
    kind: of file, in words.
    """
    ending = Path(name).suffix
    folder = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.DocumentsLocation)
    dialog = QFileDialog(parent, title, folder or str(Path.home()), f"{kind} (*{ending})")
    dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
    dialog.setDefaultSuffix(ending)
    dialog.selectFile(re.sub(r'[\\/:*?"<>|]', "-", name))
    sure = dialog.exec() == QFileDialog.DialogCode.Accepted
    dialog.deleteLater()
    return Path(dialog.selectedFiles()[0]) if sure else None
