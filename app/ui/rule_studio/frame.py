"""The studio's views and where they stand; what they do is page.py's."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QSplitter, QVBoxLayout, QWidget

from app.ui import theme
from app.ui.rule_studio.bar import StudioBar
from app.ui.rule_studio.empty import EmptyCard
from app.ui.rule_studio.inspector import Inspector
from app.ui.rule_studio.pose_view import PoseView
from app.ui.rule_studio.rule_list import RuleList
from app.ui.rule_studio.strips import ProblemStrip, TestStrip
from app.ui.rule_studio.timeline import TimelineView

SIZE: Final = (1280, 720)  # what the measures of every view are given for
UPRIGHT: Final = (900, 1180)  # of a window that is taller than wide: letters as large, columns narrower


class StudioFrame(QWidget):
    """Bar and problems; pose, rules and inspector side by side; the timeline; the tests.

    file_dropped(path): from the desktop.
    """

    file_dropped = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        theme.named(self, "page")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAcceptDrops(True)
        self._scale = 0.0
        self.bar, self.problems, self.test_strip = StudioBar(), ProblemStrip(), TestStrip()
        self.pose, self.rules, self.inspector = PoseView(), RuleList(), Inspector()
        self.timeline, self.empty = TimelineView(), EmptyCard()
        above = QWidget()
        self._above = QHBoxLayout(above)
        self._above.setContentsMargins(0, 0, 0, 0)
        for widget, stretch in ((self.pose, 13), (self.rules, 8), (self.inspector, 12)):
            self._above.addWidget(widget, stretch)
        self.split = QSplitter(Qt.Orientation.Vertical)
        self.split.setChildrenCollapsible(False)
        self.split.addWidget(above)
        self.split.addWidget(self.timeline)
        self.split.setStretchFactor(0, 2)
        self.split.setStretchFactor(1, 3)
        self.split.setSizes([260, 390])
        for part in (self.split, self.empty):  # what gives way when there are many problems to show
            part.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Ignored)
        self._all = QVBoxLayout(self)
        for view, stretch in (
            (self.bar, 0), (self.problems, 0), (self.empty, 1), (self.split, 1), (self.test_strip, 0),
        ):  # fmt: skip
            self._all.addWidget(view, stretch)

    def retranslate(self) -> None:
        """Texts and colours of now."""
        self._scale = 0.0
        self._arrange()
        for view in (self.bar, self.problems, self.test_strip, self.pose, self.rules, self.inspector,
                     self.timeline, self.empty):  # fmt: skip
            view.retranslate()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange()

    def _arrange(self) -> None:
        """Type and spacings follow the window, in steps."""
        across, down = UPRIGHT if self.width() < self.height() else SIZE
        scale = min(self.width() / across, self.height() / down)
        scale = min(2.5, max(0.8, round(scale / 0.05) * 0.05))
        if scale == self._scale:
            return
        self._scale = scale
        self.setStyleSheet(theme.style_sheet(scale) + _compact(scale))
        gap = round(8 * scale)
        self._all.setContentsMargins(gap, gap, gap, gap)
        for layout in (self._all, self._above):
            layout.setSpacing(gap)
        self.split.setHandleWidth(gap)
        self.bar.set_unit(scale)
        self.rules.set_unit(scale)
        self.timeline.set_unit(scale)
        self.empty.set_unit(scale)
        self.test_strip.set_unit(scale)
        self.pose.unit = self.inspector.unit = scale

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        for url in event.mimeData().urls():
            if url.isLocalFile():
                self.file_dropped.emit(Path(url.toLocalFile()))


def _compact(scale: float) -> str:
    """The studio is worked in from near, with much on the screen: its buttons are small."""

    def px(value: float) -> str:
        return f"{max(1, round(value * scale))}px"

    return f"""
    QPushButton, QToolButton {{ padding: {px(4)} {px(10)}; border-radius: {px(8)}; font-size: {px(14)}; }}
    QToolButton {{ padding: {px(5)}; }}
    QSplitter::handle {{ background: transparent; }}
    """
