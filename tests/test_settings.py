from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import pytest

from app.settings import (
    FILE,
    LIMITS,
    Settings,
    change_settings,
    choices,
    config_folder,
    data_folder,
    load_settings,
)


def test_what_is_saved_is_loaded_and_only_what_differs_is_written(tmp_path: Path) -> None:
    mine = {"language": "zh", "theme": "light", "camera": "USB 摄像头: 1", "volume": 0.25, "tour_done": True}
    change_settings(mine, tmp_path)
    assert load_settings(tmp_path).settings == Settings(**mine)
    written = (tmp_path / FILE).read_text(encoding="utf-8")
    assert "摄像头" in written
    assert "text_size" not in written
    change_settings(asdict(Settings()), tmp_path)
    loaded = load_settings(tmp_path)
    assert (loaded.settings, loaded.notice) == (Settings(), "")


def test_no_file_is_no_news(tmp_path: Path) -> None:
    loaded = load_settings(tmp_path / "nowhere")
    assert (loaded.settings, loaded.notice) == (Settings(), "")


@pytest.mark.parametrize(
    "content", [b"theme: [light", b"- 1\n- 2", b"\xff\xfe\x00", b"just words", b"!!python/object:os.x {}"]
)
def test_a_broken_file_is_set_aside_and_kept(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE).write_bytes(content)
    loaded = load_settings(tmp_path)
    assert loaded.settings == Settings()
    assert "set aside" in str(loaded.notice)
    assert not (tmp_path / FILE).exists()
    assert (tmp_path / "settings.broken.yaml").read_bytes() == content
    change_settings({"theme": "light"}, tmp_path)  # and life goes on
    assert load_settings(tmp_path).settings.theme == "light"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("theme", "pink"),
        ("theme", "[dark]"),
        ("volume", "1.5"),
        ("volume", ".nan"),
        ("volume", "true"),
        ("voice", "1"),
        ("camera", "0"),
    ],
)
def test_an_impossible_value_falls_back_alone_and_is_named(tmp_path: Path, name: str, value: str) -> None:
    (tmp_path / FILE).write_text(f"language: zh\nunheard_of: 3\n{name}: {value}\n", encoding="utf-8")
    loaded = load_settings(tmp_path)
    assert loaded.settings == Settings(language="zh")
    assert name in str(loaded.notice)


def test_one_variable_moves_everything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORMCUE_HOME", str(tmp_path))
    assert config_folder() == data_folder() == tmp_path
    monkeypatch.delenv("FORMCUE_HOME")
    assert "formcue" in str(config_folder()).lower()


def test_choices_and_limits_speak_of_settings_that_exist() -> None:
    assert choices("theme")[0] == Settings().theme
    for name, (low, high) in LIMITS.items():
        assert low <= getattr(Settings(), name) <= high
