"""The panel beside the picture shares out its height."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import pytest
from PySide6.QtWidgets import QApplication

from app.ui.panel import SidePanel
from app.ui.rep_list import ROW


@pytest.fixture(scope="module", autouse=True)
def application() -> Iterator[QApplication]:
    yield cast(QApplication, QApplication.instance() or QApplication([]))


@pytest.mark.parametrize("unit", [1.0, 1.5])
def test_whole_repetitions_are_seen(unit: float) -> None:
    panel = SidePanel()
    panel.arrange(unit, portrait=False)
    panel.resize(panel.width(), round(614 * unit))  # what a window of 1280 x 720 leaves it, times the unit
    panel.show()
    for paced, rows, ring in ((False, 3, 262), (True, 2, 200)):
        panel.show_pacer(paced)
        QApplication.processEvents()
        assert abs(panel.list.height() - rows * ROW * unit) <= 2
        assert panel.counter.height() >= ring * unit
    panel.close()
