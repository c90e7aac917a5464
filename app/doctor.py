"""`doctor`: looks over the installation and says, line by line, what works, what does not, and the mend.

Each examination stands alone: one that breaks is a finding, and the next is made all the same.
"""

from __future__ import annotations

import argparse
import ctypes
import importlib
import importlib.metadata
import importlib.util
import os
import platform
import re
import shutil
import sys
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from app import __version__
from app.diagnostics import is_built
from app.errors import EXIT_DONE, EXIT_FAILED, FormcueError, first_line

Verdict = Literal["pass", "note", "fail"]
MARKS: Final[dict[Verdict, str]] = {"pass": "ok  ", "note": "note", "fail": "FAIL"}

SELF_TEST_SECONDS: Final = 10.0  # of the demo clip
SELF_TEST_EXERCISE: Final = "squat"
SELF_TEST_REPS: Final = 3  # repetitions complete in those seconds
WEAK: Final = 15.0  # frames a second below which following a movement suffers

LEFT_OUT: Final = frozenset({"torch"})  # of the one-file program, whose networks are converted beforehand
INDENT: Final = 18  # columns before a finding's text
NARROW: Final = 60  # columns below which the text goes under its title
LANGUAGES: Final = {"en": "English", "zh": "Chinese"}  # that the app speaks


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What one examination found. note: worth knowing, but the app works."""

    verdict: Verdict
    about: str
    text: str

    def __str__(self) -> str:
        return f"{MARKS[self.verdict]}  {self.about:<12}{self.text}"

    def within(self, columns: int) -> str:
        """The same, no wider than so many columns."""
        indent = INDENT if columns >= NARROW else 6
        first = str(self)[:INDENT] if columns >= NARROW else f"{MARKS[self.verdict]}  {self.about}\n      "
        text = textwrap.fill(
            self.text, max(20, columns - indent), break_long_words=False, break_on_hyphens=False
        )
        return first + text.replace("\n", "\n" + " " * indent)


def add_parser(commands: Any) -> None:
    """Adds `doctor` to the sub-parsers of the main argument parser."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "doctor",
        help="look over the installation",
        description="Looks over versions, folders, rules, devices, cameras, voices and the network, and runs "
        "ten seconds of the demo clip. Exit code 0 when everything that the app needs works, else 1.",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Prints the findings as they come."""
    failed = False
    columns = shutil.get_terminal_size().columns if sys.stdout.isatty() else 0  # 0: a line for each finding
    for about, examination in EXAMINATIONS.items():
        try:
            findings = examination()
        except FormcueError as error:
            findings = [Finding(verdict="fail", about=about, text=str(error))]
        except ModuleNotFoundError as error:
            text = f"cannot be looked at without the package {error.name!r}; {mend()}"
            findings = [Finding(verdict="fail", about=about, text=text)]
        except Exception as error:  # a broken installation breaks anywhere
            text = f"{type(error).__name__}: {first_line(error)}"
            findings = [Finding(verdict="fail", about=about, text=text)]
        for finding in findings:
            print(finding.within(columns) if columns else finding, flush=True)
            failed = failed or finding.verdict == "fail"
    print(
        "\nSomething does not work: see FAIL above." if failed else "\nEverything that the app needs works."
    )
    return EXIT_FAILED if failed else EXIT_DONE


# ---------------------------------------------------------------- examinations


def examine_versions() -> list[Finding]:
    """Python, the system, and every package that pyproject.toml asks for."""
    system = f"{platform.system()} {platform.release()} {platform.machine()}"
    found = [
        Finding(
            verdict="pass",
            about="formcue",
            text=f"{__version__}, Python {platform.python_version()}, {system}",
        )
    ]
    have, missing = [], []
    for name in required_packages():
        if is_built() and name in LEFT_OUT:
            continue
        try:
            have.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            missing.append(name)
    found.append(Finding(verdict="pass", about="packages", text=", ".join(have)))
    if missing:
        text = f"not installed: {', '.join(missing)}; {mend()}"
        found.append(Finding(verdict="fail", about="packages", text=text))
    return found


def mend() -> str:
    """How to get what is missing."""
    return "download Formcue anew" if is_built() else "install with: pip install -e ."


def required_packages() -> list[str]:
    """The names in pyproject.toml's dependencies. Raises FormcueError when it is missing or damaged."""
    import tomllib

    path = Path(__file__).resolve().parent.parent / "pyproject.toml"
    try:
        lines = tomllib.loads(path.read_text(encoding="utf-8"))["project"]["dependencies"]
    except (OSError, KeyError, tomllib.TOMLDecodeError) as error:
        raise FormcueError(f"{path}: cannot be read ({first_line(error)}); install Formcue again") from None
    return [re.split(r"[\s\[<>=!~;]", line, maxsplit=1)[0] for line in lines]


def examine_folders() -> list[Finding]:
    """Whether settings, history and the log can be written."""
    from app.files import check_writable
    from app.settings import config_folder, data_folder, log_folder

    found = []
    places = (("settings", config_folder()), ("history", data_folder()), ("log", log_folder()))
    for about, folder in places:
        existing = next(parent for parent in (folder, *folder.parents) if parent.exists())
        try:
            check_writable(existing / ".formcue-doctor")
        except FormcueError as error:
            text = f"{error}; the app runs, but nothing is kept"
            found.append(Finding(verdict="note", about=about, text=text))
        else:
            found.append(Finding(verdict="pass", about=about, text=str(folder)))
    return found


def examine_rules() -> list[Finding]:
    """Whether every rule file of the library can be read."""
    from app.rules import load_library

    library = load_library()
    rules = sum(len(exercise.rules) for exercise in library.values())
    return [Finding(verdict="pass", about="rules", text=f"{len(library)} exercises, {rules} rules")]


def examine_devices() -> list[Finding]:
    """What can run the network, the best first."""
    from app.runtimes import cpu_threads, spoken, ways

    found = [spoken(device, runtime) for device, runtime in ways()]
    cores = os.cpu_count() or 1
    text = f"{', '.join(found)}; {cores} cores, {cpu_threads()} for the network"
    return [Finding(verdict="pass", about="devices", text=text)]


def examine_cameras() -> list[Finding]:
    """What can be opened."""
    from app.capture import list_cameras

    cameras = list_cameras()
    if not cameras:
        text = "none found; plug one in, or use a video file or the demo"
        return [Finding(verdict="note", about="cameras", text=text)]
    return [Finding(verdict="pass", about="cameras", text=", ".join(f"{c.index}: {c.name}" for c in cameras))]


def examine_voices() -> list[Finding]:
    """Which of the app's languages a voice speaks, and whether tones can be heard."""
    try:
        speaker = importlib.import_module("app.ui.speaker")
    except ImportError as error:
        text = f"not looked for: Qt cannot be loaded ({first_line(error)})"
        return [Finding(verdict="note", about="voices", text=text)]
    core = importlib.import_module("PySide6.QtCore")
    # Qt's own voices and sounds, where they are installed, want an application; no window is opened.
    own = core.QCoreApplication([]) if core.QCoreApplication.instance() is None else None
    try:
        voice = speaker.find_voice()
        spoken = [name for code, name in LANGUAGES.items() if voice is not None and voice.speaks(code)]
        tones = speaker.SystemSpeaker(voice=None).can_sound
    finally:
        if own is not None:
            own.shutdown()
    missing = [name for name in LANGUAGES.values() if name not in spoken]
    parts = (
        [f"{' and '.join(spoken)} are spoken" if len(spoken) > 1 else f"{spoken[0]} is spoken"]
        if spoken
        else []
    )
    if missing:
        parts.append(f"no voice for {' or '.join(missing)}; {_more_voices()}")
    parts.append("tones can be heard" if tones else "no tones: neither a sound output nor a player was found")
    verdict: Verdict = "note" if missing or not tones else "pass"
    return [Finding(verdict=verdict, about="voices", text="; ".join(parts))]


def _more_voices() -> str:
    system = platform.system()
    if system == "Linux":
        return "install espeak-ng (on Debian: apt install espeak-ng)"
    place = {
        "Darwin": "System Settings, Accessibility, Spoken Content",
        "Windows": "Settings, Time and language, Speech",
    }.get(system, "the system's settings")
    return f"add voices in {place}" + ("" if is_built() else ", and: pip install -e '.[voice]'")


def examine_window() -> list[Finding]:
    """Whether Qt can be loaded and has a screen; on bare Linux machines it lacks libraries of the system."""
    try:
        importlib.import_module("PySide6.QtWidgets")
    except ImportError as error:
        if isinstance(error, ModuleNotFoundError):
            text = f"Qt is not installed; {mend()}"
        else:
            text = f"Qt cannot be loaded ({first_line(error)}); on Debian: apt install libegl1 libxkbcommon0"
        return [Finding(verdict="fail", about="window", text=text)]
    version = importlib.import_module("PySide6.QtCore").qVersion()
    if platform.system() == "Linux" and (trouble := _screen_trouble()):
        return [Finding(verdict="note", about="window", text=f"Qt {version}; {trouble}")]
    return [Finding(verdict="pass", about="window", text=f"Qt {version}")]


def _screen_trouble() -> str:
    """Why a window would not open on this Linux machine; Qt itself ends the program where it cannot."""
    if os.environ.get("QT_QPA_PLATFORM") or os.environ.get("WAYLAND_DISPLAY"):
        return ""
    if not os.environ.get("DISPLAY"):
        return "no screen here, so the window cannot open; the commands work"
    try:
        ctypes.CDLL("libxcb-cursor.so.0")
    except OSError:
        return "the window cannot open without libxcb-cursor; on Debian: apt install libxcb-cursor0"
    return ""


def examine_network() -> list[Finding]:
    """The weights' hashes, the device, and that the fast runtime agrees with PyTorch."""
    from app.runtimes import load_runtime
    from app.weights import read_catalogue

    found = [
        Finding(verdict="pass", about="weights", text=f"{entry.name}, {entry.size / 1e6:.1f} MB")
        for entry in read_catalogue()
    ]
    # The first time, the network is prepared for this machine, which takes a while.
    runtime = load_runtime(progress=lambda text: print(f"{'':{INDENT}}{text} ...", flush=True))
    runtime.warm_up()
    found += [Finding(verdict="note", about="network", text=note) for note in runtime.notes]
    text = f"{runtime.model_name} with {runtime.runtime} on {runtime.device}"
    return [*found, Finding(verdict="pass", about="network", text=text)]


def examine_demo() -> list[Finding]:
    """Ten seconds of the demo clip through the same step as the app's, counted against what is in it."""
    import time

    from app.capture import DEMO, open_source
    from app.estimator import Estimator
    from app.pipeline import Pipeline
    from app.reps import Rep
    from app.rules import load_library
    from app.runtimes import load_runtime

    pipeline = Pipeline(Estimator(load_runtime()), load_library()[SELF_TEST_EXERCISE])
    frames = seen = reps = 0
    spent = 0.0
    with open_source(DEMO) as source:
        while (frame := source.read()) is not None and frame.time < SELF_TEST_SECONDS:
            start = time.perf_counter()
            result = pipeline.step(frame)
            spent += time.perf_counter() - start
            frames += 1
            seen += result.pose is not None
            reps += sum(isinstance(event, Rep) for event in result.events)
    rate = frames / spent
    text = (
        f"{reps} of {SELF_TEST_REPS} repetitions, somebody in {seen} of {frames} frames, "
        f"{rate:.0f} frames a second"
    )
    if reps != SELF_TEST_REPS or seen < 0.95 * frames:
        return [Finding(verdict="fail", about="self-test", text=f"{text}; the demo clip is not followed")]
    if rate < WEAK:
        return [Finding(verdict="note", about="self-test", text=f"{text}; slow: close other programs")]
    return [Finding(verdict="pass", about="self-test", text=text)]


EXAMINATIONS: Final[dict[str, Callable[[], list[Finding]]]] = {
    "versions": examine_versions,
    "folders": examine_folders,
    "rules": examine_rules,
    "devices": examine_devices,
    "cameras": examine_cameras,
    "voices": examine_voices,
    "window": examine_window,
    "network": examine_network,
    "self-test": examine_demo,
}
