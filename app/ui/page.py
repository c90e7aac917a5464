"""Where the views stand, and how they grow with the window: landscape, portrait, small, large."""

from __future__ import annotations

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QBoxLayout, QVBoxLayout, QWidget

from app.ui import theme
from app.ui.bars import StatusLine, TopBar
from app.ui.notice import NoticeCard
from app.ui.panel import SidePanel
from app.ui.prompt import PromptBanner
from app.ui.video import VideoView

# The size that the measures of every view are given for, landscape and portrait.
LANDSCAPE = (1280, 720)
PORTRAIT = (720, 1180)


class Page(QWidget):
    """Bar, picture with its card, banner, panel and status line."""

    def __init__(self) -> None:
        super().__init__()
        theme.named(self, "page")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.video = VideoView()
        self.card = NoticeCard(self.video)
        self.banner = PromptBanner()
        self.panel = SidePanel()
        self.top = TopBar()
        self.status = StatusLine()
        self._left = QVBoxLayout()
        self._left.addWidget(self.video, 1)
        self._left.addWidget(self.banner)
        self._body = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        self._body.addLayout(self._left, 1)
        self._body.addWidget(self.panel)
        self._all = QVBoxLayout(self)
        self._all.addWidget(self.top)
        self._all.addLayout(self._body, 1)
        self._all.addWidget(self.status)
        self._shape: tuple[float, bool] | None = None  # scale and portrait, as laid out
        self.arrange(*LANDSCAPE)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.arrange(self.width(), self.height())
        QTimer.singleShot(0, self.card.place)

    def arrange(self, width: int, height: int) -> None:
        """Type and spacings follow the window, in steps, so that dragging its edge stays smooth."""
        portrait = width < height * 1.05
        across, down = PORTRAIT if portrait else LANDSCAPE
        scale = round(min(width / across, height / down) / 0.05) * 0.05
        scale = min(3.0, max(0.5, scale))
        if (scale, portrait) == self._shape:
            return
        self._shape = scale, portrait
        ways = QBoxLayout.Direction
        self._body.setDirection(ways.TopToBottom if portrait else ways.LeftToRight)
        self.setStyleSheet(theme.style_sheet(scale))
        gap = round(12 * scale)
        self._all.setContentsMargins(gap, gap, gap, round(8 * scale))
        for layout in (self._all, self._left, self._body):
            layout.setSpacing(round(10 * scale))
        self.top.set_unit(scale, narrow=portrait)
        self.status.narrow = portrait
        self.banner.set_unit(scale)
        self.panel.arrange(scale, portrait=portrait)
        self.video.unit = scale
        self.card.set_unit(scale)
