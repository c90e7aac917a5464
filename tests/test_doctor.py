"""`doctor` finds what is broken and says so; on a sound installation it finds nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from app import doctor
from app.errors import FormcueError
from main import main


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORMCUE_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("app.capture.list_cameras", list)


def test_a_sound_installation_passes(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert not [line for line in lines if line.startswith("FAIL")]
    assert any(line.startswith(("ok    self-test", "note  self-test")) for line in lines)
    assert "note  cameras     none found; plug one in, or use a video file or the demo" in lines


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "required_packages", lambda: ["numpy", "no-such-package"])
    finding = doctor.examine_versions()[-1]
    assert finding.verdict == "fail"
    assert finding.text == "not installed: no-such-package; install with: pip install -e ."


def test_what_breaks_is_a_finding_and_the_rest_goes_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken() -> list[doctor.Finding]:
        raise FormcueError("squat.yaml:3:1: found tabs")

    def worse() -> list[doctor.Finding]:
        raise ZeroDivisionError

    last = doctor.Finding(verdict="pass", about="last", text="reached")
    monkeypatch.setattr(doctor, "EXAMINATIONS", {"rules": broken, "network": worse, "last": lambda: [last]})
    assert main(["doctor"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[:3] == [
        "FAIL  rules       squat.yaml:3:1: found tabs",
        "FAIL  network     ZeroDivisionError: ZeroDivisionError",
        "ok    last        reached",
    ]
