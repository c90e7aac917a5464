"""`doctor` finds what is broken and says so; on a sound installation it finds nothing."""

from __future__ import annotations

import sys
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
    looked_at = {line[6:18].strip() for line in lines if line[:4].strip() in ("ok", "note")}
    assert looked_at >= {"formcue", "packages", "settings", "history", "log", "rules", "devices", "cameras"}
    assert looked_at >= {"voices", "window", "weights", "network", "self-test"}
    assert any(line.startswith(("ok    self-test", "note  self-test")) for line in lines)
    assert "note  cameras     none found; plug one in, or use a video file or the demo" in lines


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "required_packages", lambda: ["numpy", "no-such-package"])
    finding = doctor.examine_versions()[-1]
    assert finding.verdict == "fail"
    assert finding.text == "not installed: no-such-package; install with: pip install -e ."


def _absent(monkeypatch: pytest.MonkeyPatch, package: str) -> None:
    """As if it were not installed."""
    for name in [name for name in sys.modules if name.split(".")[0] == package or name == "app.ui.speaker"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)


def test_without_qt_the_commands_still_work(monkeypatch: pytest.MonkeyPatch) -> None:
    _absent(monkeypatch, "PySide6")
    (window,) = doctor.examine_window()
    assert (window.verdict, window.text) == ("fail", "Qt is not installed; install with: pip install -e .")
    (voices,) = doctor.examine_voices()
    assert voices.verdict == "note" and voices.text.startswith("not looked for")


def test_a_package_that_breaks_an_examination_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def needs() -> list[doctor.Finding]:
        import no_such_package  # noqa: F401

        raise AssertionError

    monkeypatch.setattr(doctor, "EXAMINATIONS", {"rules": needs})
    assert main(["doctor"]) == 1
    text = "cannot be looked at without the package 'no_such_package'; install with: pip install -e ."
    assert f"FAIL  rules       {text}\n" in capsys.readouterr().out


class Voice:
    def __init__(self, *languages: str) -> None:
        self.languages = languages

    def speaks(self, language: str) -> bool:
        return language in self.languages


@pytest.mark.parametrize(
    ("voice", "verdict", "said"),
    [
        (Voice("en", "zh"), "pass", "English and Chinese are spoken; tones can be heard"),
        (
            Voice("en"),
            "note",
            "English is spoken; no voice for Chinese; install espeak-ng (on Debian: apt install espeak-ng); "
            "tones can be heard",
        ),
        (
            None,
            "note",
            "no voice for English or Chinese; install espeak-ng (on Debian: apt install espeak-ng); "
            "tones can be heard",
        ),
    ],
)
def test_voices_are_told_by_language(
    monkeypatch: pytest.MonkeyPatch, voice: Voice | None, verdict: str, said: str
) -> None:
    import app.ui.speaker as speaker

    monkeypatch.setattr(speaker, "find_voice", lambda: voice)
    monkeypatch.setattr(speaker.SystemSpeaker, "can_sound", True)
    monkeypatch.setattr("platform.system", lambda: "Linux")
    (finding,) = doctor.examine_voices()
    assert (finding.verdict, finding.text) == (verdict, said)


@pytest.mark.parametrize("columns", [24, 40, 59, 60, 80])
def test_a_finding_fits_a_narrow_terminal(columns: int) -> None:
    text = "none found; plug one in, or use a video file or the demo"
    finding = doctor.Finding(verdict="note", about="cameras", text=text)
    lines = finding.within(columns).splitlines()
    assert max(map(len, lines)) <= max(columns, 26)
    assert " ".join(finding.within(columns).split()) == f"note cameras {text}"


def test_the_one_file_program_does_without_pytorch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.frozen", True, raising=False)
    monkeypatch.setattr(doctor, "required_packages", lambda: ["torch", "no-such-package"])
    assert doctor.examine_versions()[-1].text == "not installed: no-such-package; download Formcue anew"


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
