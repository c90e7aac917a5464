"""What is said of the main thread's turns: a block is found, timed and named; quiet turns are not blamed."""

from __future__ import annotations

import time

import pytest
from PySide6.QtCore import QEventLoop, QTimer
from PySide6.QtWidgets import QApplication

from app.ui.turns import BLOCK, Turns


@pytest.fixture(autouse=True)
def application() -> QApplication:
    made = QApplication.instance() or QApplication([])
    assert isinstance(made, QApplication)
    return made


def run_for(milliseconds: int) -> None:
    loop = QEventLoop()
    QTimer.singleShot(milliseconds, loop.quit)
    loop.exec()


def test_a_block_is_found_and_timed() -> None:
    turns = Turns(lambda: 0)
    QTimer.singleShot(20, lambda: time.sleep(4 * BLOCK))
    turns.begin()
    run_for(350)
    found = turns.end()
    assert found["blocks_wall"] >= 1
    assert found["worst"][0]["wall"] >= 3900 * BLOCK
    assert found["worst"][0]["at"] < found["seconds"]


def test_the_processor_s_time_is_told_apart_from_waiting() -> None:
    turns = Turns(lambda: 0)
    QTimer.singleShot(10, lambda: time.sleep(4 * BLOCK))
    turns.begin()
    run_for(300)
    found = turns.end()
    assert found["blocks_wall"] > found["blocks_cpu"] == 0
    worst = found["worst"][0]  # asleep, which is no waiting for a core
    assert worst["queued"] is None or worst["queued"] < 0.5 * worst["wall"]


def test_repaints_are_counted_and_their_turns_told() -> None:
    painted = [100]
    turns = Turns(lambda: painted[0])
    timer = QTimer()

    def paint() -> None:
        painted[0] += 1

    timer.timeout.connect(paint)
    turns.begin()
    timer.start(10)
    run_for(300)
    timer.stop()
    found = turns.end()
    assert found["repaints_a_second"] == pytest.approx((painted[0] - 100) / found["seconds"])
    assert found["cpu_ms"]["p50"] <= found["cpu_ms"]["p99"] <= found["cpu_ms"]["max"]
