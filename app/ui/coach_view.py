"""Where the views of the coach page stand: landscape, portrait, small, large."""

from __future__ import annotations

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QBoxLayout, QVBoxLayout, QWidget

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
        ways = QBoxLayout.Direction
        self._aside = QBoxLayout(ways.TopToBottom)
        for view in (self.figure, self.demonstration):
            self._aside.addWidget(view, 1)
            view.hide()
        self._views = QBoxLayout(ways.LeftToRight)
        self._views.addWidget(self.video, 5)
        self._views.addLayout(self._aside, 0)
        self._left = QVBoxLayout()
        self._left.addLayout(self._views, 1)
        self._left.addWidget(self.banner)
        self._body = QBoxLayout(ways.LeftToRight)
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
        """What stands beside the picture (below it in portrait)."""
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
        # The picture is wider than tall: in portrait there is room below it, not beside it.
        self._views.setDirection(ways.TopToBottom if portrait else ways.LeftToRight)
        self._aside.setDirection(ways.LeftToRight if portrait else ways.TopToBottom)
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
