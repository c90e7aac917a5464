"""Imports go one way (see the design): the lower modules stay free of torch and of Qt."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent
APP = REPOSITORY / "app"
QT = ("PySide6", "shiboken6")
NETWORKS = ("torch", "openvino", "safetensors")
PICTURES = ("cv2",)

# For each module, what it must import without.
WITHOUT = {
    "app.skeleton": (*QT, *NETWORKS, *PICTURES, "yaml"),
    "app.errors": (*QT, *NETWORKS, *PICTURES, "yaml", "numpy"),
    "app.files": (*QT, *NETWORKS, *PICTURES, "yaml", "numpy"),
    "app.recording": (*QT, *NETWORKS, *PICTURES, "yaml"),
    "app.view": (*QT, *NETWORKS, *PICTURES, "yaml", "numpy"),
    "app.vocabulary": (*QT, *NETWORKS, *PICTURES, "yaml"),
    "app.parameters": (*QT, *NETWORKS, *PICTURES, "yaml"),
    "app.reps": (*QT, *NETWORKS, *PICTURES, "yaml"),
    "app.conditions": (*QT, *NETWORKS, *PICTURES, "yaml", "numpy"),
    "app.measures": (*QT, *NETWORKS, *PICTURES, "yaml"),
    "app.exercise": (*QT, *NETWORKS, *PICTURES, "yaml"),
    "app.explanation": (*QT, *NETWORKS, *PICTURES, "yaml"),
    "app.yamlfile": (*QT, *NETWORKS, *PICTURES, "numpy"),
    "app.rules": (*QT, *NETWORKS, *PICTURES),
    "app.overrides": (*QT, *NETWORKS, *PICTURES),
    "app.gestures": (*QT, *NETWORKS, *PICTURES),
    "app.framing": (*QT, *NETWORKS, *PICTURES),
    "app.voice": (*QT, *NETWORKS, *PICTURES),
    "app.metronome": (*QT, *NETWORKS, *PICTURES),
    "app.demonstration": (*QT, *NETWORKS, *PICTURES),
    "app.weights": (*QT, "torch", "openvino", *PICTURES),
    "app.runtimes": QT,
    "app.estimator": QT,
    "app.camera_trouble": (*QT, *NETWORKS, *PICTURES, "yaml"),
    "app.capture": (*QT, *NETWORKS),
    "app.capture_thread": (*QT, *NETWORKS),
    "app.pipeline": (*QT, *NETWORKS),
    "app.analyze": (*QT, *NETWORKS),
    "app.estimate": (*QT, *NETWORKS),
    "app.overlay": (*QT, *NETWORKS),
    "app.bench.command": QT,
}


@pytest.mark.parametrize("module", WITHOUT)
def test_module_imports_without(module: str) -> None:
    """In a process of its own, where importing the named packages fails as if they were not installed."""
    blocked = WITHOUT[module]
    code = (
        "import sys\n"
        "class Absent:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        f"        if name.split('.')[0] in {blocked!r}:\n"
        "            raise ModuleNotFoundError('blocked: ' + name)\n"
        "sys.meta_path.insert(0, Absent())\n"
        f"import {module}\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]


def _imported(path: Path) -> set[str]:
    """Every module named in an import of the file, at the top or inside a function."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return names


def test_qt_is_in_the_ui_only() -> None:
    offenders = [
        path.relative_to(REPOSITORY).as_posix()
        for path in [*APP.rglob("*.py")]
        if (APP / "ui") not in path.parents and any(name.split(".")[0] in QT for name in _imported(path))
    ]
    assert offenders == []


def test_nothing_below_imports_the_ui_or_training() -> None:
    """`bench` measures the window: it stands above it, as main.py does."""
    offenders = [
        (path.relative_to(REPOSITORY).as_posix(), name)
        for path in APP.rglob("*.py")
        for name in _imported(path)
        if (name.startswith("app.ui") and not {APP / "ui", APP / "bench"} & set(path.parents))
        or (name.startswith("app.training") and (APP / "training") not in path.parents)
        or (name.startswith("app.bench") and (APP / "bench") not in path.parents)
    ]
    assert offenders == []


def test_no_clock_where_time_is_data() -> None:
    """Time is an argument, so that live, replay and test are the same code."""
    offenders = [
        (name, found)
        for name in (
            "view.py",
            "parameters.py",
            "reps.py",
            "rules.py",
            "pipeline.py",
            "workouts.py",
            "gestures.py",
            "framing.py",
            "voice.py",
            "metronome.py",
            "demonstration.py",
        )
        for found in _clocks(APP / name)
    ]
    assert offenders == []


def _clocks(path: Path) -> list[str]:
    """The module `time`, and whatever asks a date for the present; dates that are given are data."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    asked = [node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
    imported = [name for name in _imported(path) if name.split(".")[0] == "time"]
    return imported + [name for name in asked if name in ("now", "utcnow", "today")]
