"""The log stays within its bounds, breaks for nobody, and says nothing about whose machine it is."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app import diagnostics
from app.diagnostics import LOG_FILE, earlier_hard_crashes, impersonal, kept_log, report, tail
from main import main

REPOSITORY = Path(__file__).resolve().parent.parent
POSIX = pytest.mark.skipif(sys.platform == "win32", reason="as POSIX has it")


@pytest.fixture(autouse=True)
def somebody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The user is called annabel, on a machine called annabels-laptop."""
    monkeypatch.setenv("HOME", "/home/annabel")
    monkeypatch.setenv("USERPROFILE", "/home/annabel")
    monkeypatch.delenv("FORMCUE_HOME")
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.setenv(name, "annabel")
    monkeypatch.setattr("platform.node", lambda: "annabels-laptop.home.example")


@pytest.fixture
def here() -> Iterator[logging.Logger]:
    """A logger of the app's."""
    yield logging.getLogger("app.tests")


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("/home/annabel/.config/formcue: read-only", "~/.config/formcue: read-only"),
        ("annabel's session on annabels-laptop", "<name>'s session on <name>"),
        ("/home/annabel/Videos/Annabel squat.mp4: no video", "<file>.mp4: no video"),
        ("/media/annabel/stick/knee 2.MOV: cut off", "<file>.MOV: cut off"),
        ("annabel_squat.mp4: there is no such file", "<file>.mp4: there is no such file"),
        ("/home/bertha/clips and /Users/carl/x", "/home/<user>/clips and /Users/<user>/x"),
        (f'File "{REPOSITORY}/app/reps.py", line 3', 'File "<formcue>/app/reps.py", line 3'),
        (f"{REPOSITORY}/coach_rules/squat.yaml:3:1", "<formcue>/coach_rules/squat.yaml:3:1"),
        (f"{sys.prefix}/lib/numpy/x.py", "<python>/lib/numpy/x.py"),
        (
            "ValueError: max(…) of 3 / 4, /dev/video0 is busy",
            "ValueError: max(…) of 3 / 4, /dev/video0 is busy",
        ),
        ("assets/demo.mp4", "assets/demo.mp4"),
    ],
)
def test_nothing_personal_is_left(text: str, kept: str) -> None:
    assert impersonal(text) == kept


def test_a_name_of_everybodys_is_no_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/root")
    monkeypatch.setattr("getpass.getuser", lambda: "root")
    assert impersonal("the root of /root/x") == "the root of ~/x"


def test_what_is_to_be_hidden_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diagnostics, "_hidden", set())
    for name in ("Bertha", "Bertha's phone", " ", "x"):
        diagnostics.hide(name)
    assert impersonal("Bertha's phone: is gone; of bertha, x") == "<name>: is gone; of <name>, x"


def test_what_is_logged_is_in_the_file(tmp_path: Path, here: logging.Logger) -> None:
    folder = tmp_path / "not there yet"
    with kept_log(folder):
        assert not folder.exists()  # nothing happened, nothing is written
        here.info("source: %s", "/home/annabel/me.mp4")
        try:
            raise ZeroDivisionError("of annabel")
        except ZeroDivisionError:
            here.exception("broke")
        logging.getLogger("elsewhere").info("chatter of a library")
    here.error("too late")
    text = (folder / LOG_FILE).read_text(encoding="utf-8")
    assert "INFO app.tests: source: <file>.mp4\n" in text
    assert "ZeroDivisionError: of <name>\n" in text and '"<formcue>/tests/test_diagnostics.py"' in text
    assert "annabel" not in text.lower() and "chatter" not in text and "too late" not in text


def test_the_log_is_bounded_and_keeps_the_newest(
    tmp_path: Path, here: logging.Logger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(diagnostics, "MAX_BYTES", 2000)
    with kept_log(tmp_path):
        for number in range(300):
            here.info("number %d", number)
    sizes = {path.name: path.stat().st_size for path in tmp_path.iterdir()}
    assert set(sizes) == {LOG_FILE, f"{LOG_FILE}.1", f"{LOG_FILE}.2"}
    assert max(sizes.values()) <= 2000
    last = tail(tmp_path, 40).splitlines()  # more than one file's
    assert [line.rpartition(" ")[2] for line in last] == [str(n) for n in range(260, 300)]


TWO = """
import logging, sys
from pathlib import Path
from app import diagnostics
diagnostics.MAX_BYTES, diagnostics.OLDER_FILES = 20_000, 50
with diagnostics.kept_log(Path(sys.argv[1])):
    for number in range(800):
        logging.getLogger("app.tests").info("%s %d %s", sys.argv[2], number, "x" * 60)
"""


def test_two_instances_write_one_log(tmp_path: Path) -> None:
    """Whole lines, and none lost but what two renamings at the same moment may put out of reach."""
    command = [sys.executable, "-c", TWO, str(tmp_path)]
    both = [subprocess.Popen([*command, name], cwd=REPOSITORY, stderr=subprocess.PIPE) for name in "ab"]
    assert [process.communicate()[1] for process in both] == [b"", b""]
    assert [process.returncode for process in both] == [0, 0]
    lines = [line for path in tmp_path.iterdir() for line in path.read_text().splitlines()]
    assert all(line.endswith("x" * 60) and line.count("INFO") == 1 for line in lines)
    assert len(lines) == len(set(lines)) > 1200


def _as_a_file(folder: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.write_text("in the way")


def _with_a_folder_in_place_of_the_file(folder: Path) -> None:
    (folder / LOG_FILE).mkdir(parents=True)


@pytest.mark.parametrize("spoil", [_as_a_file, _with_a_folder_in_place_of_the_file])
def test_a_place_that_cannot_be_written_is_no_error(
    tmp_path: Path,
    here: logging.Logger,
    spoil: Callable[[Path], None],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("FORMCUE_HOME", str(tmp_path))
    spoil(tmp_path / "log")
    with kept_log(tmp_path / "log"):
        here.error("nobody hears this")
    assert main(["exercises"]) == 0
    assert "Traceback" not in capsys.readouterr().err
    assert tail(tmp_path / "log") == ""
    assert earlier_hard_crashes(tmp_path / "log") == ""


def test_a_command_that_breaks_leaves_its_trace_in_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FORMCUE_HOME", str(tmp_path))

    def broken(*arguments: object) -> object:
        raise ZeroDivisionError("by annabel")

    monkeypatch.setattr("app.commands.load_library", broken)
    assert main(["exercises"]) == 1
    said = capsys.readouterr().err
    assert said == (
        "formcue: something went wrong inside: ZeroDivisionError: by annabel (--debug shows where)\n"
    )
    text = (tmp_path / "log" / LOG_FILE).read_text(encoding="utf-8")
    assert "Traceback" in text and "in broken" in text and "annabel" not in text


def test_a_report_has_versions_trace_and_the_logs_end(tmp_path: Path, here: logging.Logger) -> None:
    with kept_log(tmp_path):
        here.info("engine: pose-mobile, openvino on cpu")
    text = report('File "/home/annabel/x.py"\nValueError: annabel', tmp_path)
    assert text.startswith("Formcue ")
    assert "numpy" in text and "ValueError: <name>" in text and "openvino on cpu" in text
    assert "annabel" not in text


CRASH = """
import faulthandler, sys
from pathlib import Path
from app.diagnostics import hard_crashes_kept
def end(how):
    if how == "crash":
        faulthandler._sigsegv()
with hard_crashes_kept(Path(sys.argv[1])):
    end(sys.argv[2])
"""


@POSIX
def test_a_hard_crash_is_told_once_at_the_next_start(tmp_path: Path) -> None:
    def ended(how: str) -> int:
        command = [sys.executable, "-c", CRASH, str(tmp_path), how]
        environment = {key: value for key, value in os.environ.items() if key != "PYTHONFAULTHANDLER"}
        return subprocess.run(
            command, cwd=REPOSITORY, env=environment, capture_output=True, check=False
        ).returncode

    assert ended("well") == 0
    assert list(tmp_path.iterdir()) == []
    assert ended("crash") < 0
    (tmp_path / f"hard-crash-{os.getpid()}.txt").write_text("of one that still runs")
    (tmp_path / "hard-crash-999999999.txt").touch()  # of one that was killed: there is nothing to tell
    told = earlier_hard_crashes(tmp_path)
    assert told.startswith("Ended by a crash on ")
    assert "Segmentation fault" in told and "in end" in told
    assert earlier_hard_crashes(tmp_path) == ""
    assert [path.name for path in tmp_path.iterdir()] == [f"hard-crash-{os.getpid()}.txt"]
