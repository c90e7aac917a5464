"""What CI says of the lock, the audit and the licences is so."""

from __future__ import annotations

import importlib.util
import sys
from types import ModuleType
from typing import Any

import pytest
from packaging.requirements import Requirement

from tests.conftest import REPOSITORY

LOCK = """
numpy==2.4.6 ; python_full_version < '3.12' \\
    --hash=sha256:{a}
    # via
    #   formcue (pyproject.toml)
    #   opencv-python-headless
numpy==2.5.5 ; python_full_version >= '3.12' \\
    --hash=sha256:{a} \\
    --hash=sha256:{b}
    # via
    #   formcue (pyproject.toml)
    #   opencv-python-headless
opencv-python-headless==5.0.0.93 \\
    --hash=sha256:{a}
    # via formcue (pyproject.toml)
Pytest==9.2.0 \\
    --hash=sha256:{a}
    # via formcue (pyproject.toml)
sympy==1.14.0 \\
    --hash=sha256:{a}
    # via torch
torch==2.13.0 \\
    --hash=sha256:{a}
    # via formcue (pyproject.toml)
""".format(a="a" * 64, b="b" * 64).lstrip()
AGREED = ["MIT", "MIT License", "BSD-3-Clause", "LGPL-3.0-only", "Mozilla Public License 2.0 (MPL 2.0)"]
GROUPS = {
    "app": [Requirement("opencv-python-headless>=5.0"), Requirement("torch>=2.6")],
    "test": [Requirement("pytest>=8"), Requirement("numpy>=2.0")],
}


@pytest.fixture(scope="module")
def supply() -> ModuleType:
    spec = importlib.util.spec_from_file_location("supply", REPOSITORY / ".ci" / "supply.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["supply"] = module
    spec.loader.exec_module(module)
    return module


def test_the_lock_of_the_repository_is_what_pyproject_asks_for(supply: ModuleType) -> None:
    lock = supply.read_lock((REPOSITORY / ".ci" / "lock.txt").read_text(encoding="utf-8"))
    assert len(lock) > 50
    assert supply.lock_problems(supply._groups(), lock) == []


def test_a_lock_is_read_with_all_its_versions(supply: ModuleType) -> None:
    lock = supply.read_lock(LOCK)
    assert [(entry.name, str(entry.version), entry.hashes) for entry in lock] == [
        ("numpy", "2.4.6", 1),
        ("numpy", "2.5.5", 2),
        ("opencv-python-headless", "5.0.0.93", 1),
        ("pytest", "9.2.0", 1),
        ("sympy", "1.14.0", 1),
        ("torch", "2.13.0", 1),
    ]
    assert lock[0].via == ("formcue", "opencv-python-headless")


def test_what_does_not_fit_is_told(supply: ModuleType) -> None:
    lock = supply.read_lock(
        LOCK.replace(f"    --hash=sha256:{'a' * 64}\n    # via torch", "    # via nobody")
    )
    groups = {**GROUPS, "app": [*GROUPS["app"], Requirement("numpy>=2.5"), Requirement("tqdm")]}
    assert supply.lock_problems(groups, lock) == [
        "sympy 1.14.0: no hash in the lock",
        "numpy 2.4.6: the lock has it, pyproject.toml wants >=2.5",
        "tqdm: in pyproject.toml, not in the lock",
        "sympy: in the lock, asked for by nobody",
    ]
    assert supply.lock_problems(GROUPS, supply.read_lock(LOCK)) == []


def test_what_a_package_is_for(supply: ModuleType) -> None:
    lock = supply.read_lock(LOCK)
    purpose = supply.purposes(GROUPS, lock)
    assert purpose == {
        "opencv-python-headless": "app",
        "numpy": "app",
        "torch": "app",
        "sympy": "app",
        "pytest": "test",
    }
    assert "sympy" not in supply.purposes(GROUPS, lock, without="torch")


def test_an_audit_that_could_not_ask_says_so(
    supply: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """pip-audit itself ends well when the service knows none of the packages."""
    said: list[str] = []

    class Done:
        stderr = "ConnectionError: no route to the service"

        @property
        def stdout(self) -> str:
            return said[0]

    monkeypatch.setattr(supply.subprocess, "run", lambda *_, **__: Done())
    skipped = '{"name": "numpy", "skip_reason": "not found"}'
    well = '{"name": "torch", "version": "2.13.0", "vulns": []}'
    bad = '{"name": "torch", "version": "2.13.0", "vulns": [{"id": "X-1", "fix_versions": ["2.14"]}]}'
    for rows, strict, code, text in (
        (f"[{well}]", True, 0, "no known vulnerability"),
        (f"[{well}, {skipped}]", False, 3, "NOT AUDITED: 2 of 4"),
        (f"[{well}, {skipped}]", True, 1, "NOT AUDITED"),
        (f"[{bad}, {skipped}]", False, 1, "vulnerable: torch 2.13.0: X-1, mended in 2.14"),
        ("", False, 3, "NOT AUDITED: pip-audit gave no answer (ConnectionError"),
    ):
        said[:] = [f'{{"dependencies": {rows}}}' if rows else ""]
        assert supply.audit(strict=strict) == code, rows
        assert text in capsys.readouterr().out


@pytest.mark.parametrize(
    ("licence", "agreed"),
    [
        ("MIT", True),
        ("mit license", True),
        ("BSD-3-Clause AND MIT", True),
        ("BSD-3-Clause AND GPL-3.0-only", False),
        ("LGPL-3.0-only OR GPL-3.0-only", True),
        ("(MIT OR GPL-3.0-only) AND MIT", True),
        ("(MIT OR BSD-3-Clause) AND GPL-3.0-only", False),
        ("Mozilla Public License 2.0 (MPL 2.0)", True),
        ("GNU Affero General Public License v3", False),
        ("MIT; GNU General Public License v3 (GPLv3)", False),
        ("", False),
    ],
)
def test_a_licence_is_agreed_to_or_not(supply: ModuleType, licence: str, agreed: bool) -> None:
    assert supply.is_agreed(licence, AGREED) is agreed


def test_an_unexpected_licence_is_told(supply: ModuleType) -> None:
    agreed: dict[str, Any] = {"agreed": ["MIT"], "named": {"odd": "read by hand"}}
    said = {"good": "MIT", "odd": "read by hand", "new": "AGPL-3.0-only"}
    assert supply.licence_problems(said, {"good", "odd", "silent"}, agreed) == [
        "silent: its licence is not known; name it in licences.toml",
        "new: 'AGPL-3.0-only' is not agreed to; see licences.toml",
    ]
