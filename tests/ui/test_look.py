"""What the window takes from the computer it runs on, until it is told otherwise."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QLocale

from app.settings import Settings
from app.ui.look import apply_look, language_of
from app.ui.words import alphabetic, known_language, language


@pytest.mark.parametrize(
    ("here", "spoken"), [("zh_CN", "zh"), ("zh_TW", "zh"), ("en_US", "en"), ("de_DE", "en"), ("C", "en")]
)
def test_the_first_start_speaks_the_computers_language_if_it_can(here: str, spoken: str) -> None:
    assert known_language(language_of(Settings(), QLocale(here))) == spoken


def test_a_language_that_was_chosen_stays_on_any_computer() -> None:
    assert language_of(Settings(language="en"), QLocale("zh_CN")) == "en"


@pytest.mark.usefixtures("alone")
def test_a_chinese_machine_opens_a_chinese_window(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(QLocale, "system", staticmethod(lambda: QLocale("zh_CN")))
    apply_look(Settings())
    assert language() == "zh"
    apply_look(Settings(language="en"))
    assert language() == "en"


def test_chinese_names_stand_in_the_order_of_their_pinyin() -> None:
    names = ["深蹲", "二头弯举", "俯卧撑", "侧平举", "Zercher", "air squat"]
    assert sorted(names, key=alphabetic) == ["air squat", "Zercher", "侧平举", "二头弯举", "俯卧撑", "深蹲"]
