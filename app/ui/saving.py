"""Files that the user chooses: where one shall be saved, and which one shall be opened."""

from __future__ import annotations

import re
from pathlib import Path

from PySide6.QtCore import QStandardPaths
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QFileDialog, QToolButton, QWidget

_ARROWS = {"backButton": "←", "forwardButton": "→", "toParentButton": "↑"}


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
    return _chosen(dialog)


def ask_which(parent: QWidget, title: str, *, folder: Path | None = None, kinds: str) -> Path | None:
    """A file that is there, or None. kinds: as Qt writes them, "Videos (*.mp4);;All files (*)"."""
    dialog = QFileDialog(parent, title, str(folder or ""), kinds)
    dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
    return _chosen(dialog)


def _chosen(dialog: QFileDialog) -> Path | None:
    """What is chosen in it. Qt's own dialog, where the system has none, grows with the window it is over."""
    around = dialog.parentWidget()
    if around is not None:
        size = around.window().size()
        dialog.resize(max(640, size.width() * 2 // 3), max(400, min(size.height(), size.width()) * 2 // 3))
    for name, arrow in _ARROWS.items():
        button = dialog.findChild(QToolButton, name)
        if button is not None:  # its black picture cannot be seen on dark ground
            button.setIcon(QIcon())
            button.setText(arrow)
    sure = dialog.exec() == QFileDialog.DialogCode.Accepted
    dialog.deleteLater()
    return Path(dialog.selectedFiles()[0]) if sure else None
