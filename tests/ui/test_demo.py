"""The demo mode and its guests."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from app.capture import DEMO
from app.ui.demo import DemoMode


def test_a_guest_begins_from_zero_and_is_told_that_there_is_no_camera() -> None:
    told: list[str] = []
    done: list[str] = []
    coach = SimpleNamespace(flash=lambda say: told.append(say()), repeat=lambda: done.append("from zero"))
    demo = DemoMode(cast(Any, coach), cast(Any, SimpleNamespace(cameras=[])))
    demo.wanted.connect(done.append)
    demo.try_camera()
    assert told == ["No camera found"]
    assert done == ["from zero", DEMO]
