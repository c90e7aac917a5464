"""No network at all, and no picture on the disk: the app runs on the demo clip while both are watched."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]

# Every socket that is not a local pair of the event loop is refused and noted, before anything is imported.
WATCHED = """
import socket, sys
asked = []
NETWORK = ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto", "socket.bind")
def refuse(event, arguments):
    if event in NETWORK:
        asked.append((event, str(arguments[1:])))
        raise OSError("no network in this test")
sys.addaudithook(refuse)
import pytest
import app.capture, app.ui.source_runner
app.ui.source_runner.list_cameras = app.capture.list_cameras = list
from tests.ui.driver import drive

def script(window):
    window.tour.hide()
    window.show_settings()
    window.change(theme="light")
    window.begin_exercise("squat", source="demo")
    yield lambda: window.feed.engine is not None or window.feed.engine_error
    assert not window.feed.engine_error, window.feed.engine_error
    yield lambda: window.coach.coaching.score.count >= 2
    window.keep_poses("wrong_rep")
    window.coach.finish()
    yield lambda: window.records.summary is not None
    window.records.show_history("")
    yield lambda: True

assert drive([], script, seconds=200) == 0
assert not asked, asked
print("quiet")
"""

PICTURES = (b"\xff\xd8\xff", b"\x89PNG", b"GIF8")


@pytest.mark.slow
def test_the_app_asks_nothing_of_the_network_and_keeps_no_picture(tmp_path: Path) -> None:
    home, scratch = tmp_path / "home", tmp_path / "tmp"
    scratch.mkdir()
    environment = {
        **os.environ,
        "QT_QPA_PLATFORM": "offscreen",
        "FORMCUE_HOME": str(home),
        "HOME": str(tmp_path),
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "TMPDIR": str(scratch),
    }
    done = subprocess.run(
        [sys.executable, "-c", WATCHED],
        cwd=REPOSITORY,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "quiet" in done.stdout
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert any(path.name.endswith(".poses.gz") for path in written)  # what was asked for is there
    pictures = [path for path in written if path.read_bytes()[:4].startswith(PICTURES)]
    assert pictures == []
