"""Where the views of the coach page stand: landscape, portrait, small, large."""

from __future__ import annotations

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QBoxLayout, QHBoxLayout, QVBoxLayout, QWidget

from app.ui import theme
from app.ui.bars import StatusLine, TopBar
from app.ui.demonstration_view import DemonstrationView
from app.ui.overlays import Overlays
from app.ui.panel import SidePanel
from app.ui.prompt import PromptBanner
from app.ui.skeleton_3d import Skeleton3DView
from app.ui.video import VideoView


class CoachView(QWidget):
    """Bar, picture with its card, banner, panel and status line."""

    def __init__(self) -> None:
        super().__init__()
        theme.named(self, "page")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.video = VideoView()
        self.banner = PromptBanner()
        self.panel = SidePanel()
        self.top = TopBar()
        self.status = StatusLine()
        self.overlays = Overlays(self.video)
        self.card = self.overlays.card
        self.demonstration = DemonstrationView()
        self.figure = Skeleton3DView()
        self._aside = QBoxLayout(QBoxLayout.Direction.TopToBottom)
        for view in (self.figure, self.demonstration):
            self._aside.addWidget(view, 1)
            view.hide()
        self._views = QHBoxLayout()
        self._views.addWidget(self.video, 5)
        self._views.addLayout(self._aside, 0)
        self._left = QVBoxLayout()
        self._left.addLayout(self._views, 1)
        self._left.addWidget(self.banner)
        self._body = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        self._body.addLayout(self._left, 1)
        self._body.addWidget(self.panel)
        self._all = QVBoxLayout(self)
        self._all.addWidget(self.top)
        self._all.addLayout(self._body, 1)
        self._all.addWidget(self.status)

    def retranslate(self) -> None:
        """Sets all texts."""
        self.top.retranslate()
        self.panel.retranslate()
        for view in (self.video, self.overlays, self.demonstration, self.figure):
            view.retranslate()

    def show_aside(self, *, demonstration: bool, figure: bool) -> None:
        """What stands beside the picture."""
        self.demonstration.setVisible(demonstration)
        self.figure.setVisible(figure)
        self._views.setStretch(1, 3 if demonstration or figure else 0)
        if demonstration:
            self.demonstration.play()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        QTimer.singleShot(0, self.overlays.place)

    def set_unit(self, scale: float, *, portrait: bool) -> None:
        """Sizes follow the window; see app/ui/window.py."""
        ways = QBoxLayout.Direction
        self._body.setDirection(ways.TopToBottom if portrait else ways.LeftToRight)
        gap = round(12 * scale)
        self._all.setContentsMargins(gap, gap, gap, round(8 * scale))
        for layout in (self._all, self._left, self._body, self._views, self._aside):
            layout.setSpacing(round(10 * scale))
        self.top.set_unit(scale, narrow=portrait)
        self.status.narrow = portrait
        self.banner.set_unit(scale)
        self.panel.arrange(scale, portrait=portrait)
        for view in (self.video, self.demonstration, self.figure):
            view.unit = scale
        self.overlays.set_unit(scale)
        QTimer.singleShot(0, self.overlays.place)
