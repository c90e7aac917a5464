"""`studio`: the rule studio in a window of its own."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from pathlib import Path
from typing import Any

from PySide6.QtWidgets import QApplication

from app.capture import DEMO, check_source
from app.diagnostics import hard_crashes_kept
from app.errors import EXIT_DONE, UsageError
from app.recording import is_recording
from app.rules import LIBRARY
from app.settings import log_folder
from app.ui import theme
from app.ui.event_loop import run_until_closed
from app.ui.rule_studio.page import StudioPage
from app.ui.words import set_language, t

PATIENCE = 10.0  # seconds that the loading gets to end
FIRST_RULES = LIBRARY / "squat.yaml"


def add_studio_parser(commands: Any) -> None:
    """Adds `studio` to the sub-parsers of the main argument parser."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "studio",
        help="see what a rule file makes of a recording, and tune it",
        description="Opens a rule file on a recording or a video: curves, thresholds to drag, and why a rule "
        "fires or does not at any moment.",
    )
    parser.add_argument(
        "rules", metavar="RULES", nargs="?", type=Path, help="rule file (default: the squat's)"
    )
    parser.add_argument(
        "recording",
        metavar="RECORDING|VIDEO",
        nargs="?",
        help="recorded pose file, video, or demo (default with the squat: the demo clip)",
    )
    parser.add_argument("--language", metavar="CODE", default="en", help="of the window (default: en)")
    parser.set_defaults(run=run_studio)


def run_studio(args: argparse.Namespace) -> int:
    """Opens the studio and stays until it is closed. Raises UsageError, SourceError for what is not there."""
    if args.rules is not None and not args.rules.is_file():
        raise UsageError(f"{args.rules}: there is no such rule file")
    recording = args.recording or (DEMO if args.rules is None else None)
    if recording is not None and not is_recording(Path(recording)):
        check_source(recording)
    app = QApplication.instance() or QApplication([sys.argv[0]])
    assert isinstance(app, QApplication)
    app.setApplicationName("Formcue")
    app.setStyle("Fusion")
    theme.load_fonts()
    app.setFont(theme.font(15))
    set_language(args.language)
    page = StudioPage()
    page.setWindowTitle(t("Formcue: rule studio"))
    page.setWindowIcon(theme.app_icon())
    page.resize(1280, 720)
    page.closed.connect(page.close)
    page.open(args.rules or FIRST_RULES, Path(recording) if recording is not None else None)
    page.show()
    try:
        with hard_crashes_kept(log_folder()):
            run_until_closed(app, page)
    finally:
        ended = page.stop(PATIENCE)
    if not ended:
        # A network half loaded: nothing of ours is unsaved, and Python's own ending would crash in it.
        logging.shutdown()
        os._exit(EXIT_DONE)
    return EXIT_DONE
