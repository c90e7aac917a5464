"""The card in the middle of the picture."""

from __future__ import annotations

from PySide6.QtWidgets import QApplication, QWidget

from app.ui import theme
from app.ui.notice import Action, Notice, NoticeCard


def test_a_notice_that_is_told_again_keeps_its_buttons_under_the_mouse() -> None:
    _application = QApplication.instance() or QApplication([])
    theme.use("dark")
    done: list[str] = []
    parent = QWidget()
    card = NoticeCard(parent)

    def tell(what: str, title: str = "No camera found") -> None:
        action = Action(text="Look again", icon="refresh", act=lambda: done.append(what))
        card.show_notice(Notice(title=title, actions=(action,)))

    tell("first")
    [button] = card.buttons
    tell("second")
    assert card.buttons == [button]
    button.click()
    assert done == ["second"]  # the newest of what it may do
    tell("third", title="The picture is black")
    assert card.buttons != [button]
