"""The cards of the home page: a picture, a name, a line below; they flow into as many columns as fit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from PySide6.QtCore import QEvent, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QEnterEvent, QKeyEvent, QPainter, QPaintEvent, QPen, QPixmap, QResizeEvent
from PySide6.QtWidgets import QAbstractButton, QSizePolicy, QWidget

from app.ui import theme

# Gives the card's picture at a size in device-independent pixels, and the device's pixel ratio.
Picture = Callable[[QSize, float], QPixmap]
WIDTH, HEIGHT = 196, 214  # of a card at scale 1
PICTURE: Final = 136  # height of its picture


class Card(QAbstractButton):
    """One choice. warning: a line in place of the words below, with a sign beside it."""

    def __init__(self, title: str, below: str, picture: Picture, *, warning: bool = False) -> None:
        super().__init__()
        self.setText(title)
        self.below, self.picture, self.warning = below, picture, warning
        self.unit = 1.0
        self.setAccessibleName(title)
        self.setAccessibleDescription(below)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        return QSize(round(WIDTH * self.unit), round(HEIGHT * self.unit))

    def enterEvent(self, event: QEnterEvent) -> None:
        self.update()
        super().enterEvent(event)

    def leaveEvent(self, event: QEvent) -> None:
        self.update()
        super().leaveEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter chooses, as the space bar does; arrows are the grid's."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.click()
        elif event.key() in _ARROWS:
            event.ignore()
        else:
            super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        with QPainter(self) as painter:  # ended even when the painting fails: Qt would crash otherwise
            self._paint(painter)

    def _paint(self, painter: QPainter) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        unit, rect = self.unit, QRectF(self.rect()).adjusted(2, 2, -2, -2)
        near = self.underMouse() or self.hasFocus()
        painter.setBrush(theme.colour("raised" if near or self.isDown() else "surface"))
        edge = theme.colour("info") if self.hasFocus() else theme.colour("line")
        painter.setPen(QPen(edge, 3 if self.hasFocus() else 1))
        painter.drawRoundedRect(rect, 16 * unit, 16 * unit)
        size = QSize(round(rect.width()) - 8, round(PICTURE * unit))
        painter.drawPixmap(6, round(6 * unit), self.picture(size, self.devicePixelRatioF()))
        pad = 14 * unit
        top = (PICTURE + 12) * unit
        title = QRectF(pad, top, rect.width() - 2 * pad + 4, 28 * unit)
        flags = int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        painter.setFont(theme.fitted_font(self.text(), title, 20 * unit, 12 * unit, "SemiBold", flags))
        painter.setPen(theme.colour("text"))
        painter.drawText(title, flags, self.text())
        below = QRectF(pad, title.bottom() + 1 * unit, title.width(), 26 * unit)
        ink = "warning" if self.warning else "muted"
        if self.warning:
            theme.draw_icon(
                painter, "warning", QRectF(pad, below.y() + 5 * unit, 16 * unit, 16 * unit), "warning"
            )
            below.adjust(22 * unit, 0, 0, 0)
        painter.setFont(theme.fitted_font(self.below, below, 16 * unit, 11 * unit, "Regular", flags))
        painter.setPen(theme.colour(ink))
        words = painter.fontMetrics().elidedText(self.below, Qt.TextElideMode.ElideRight, int(below.width()))
        painter.drawText(below, flags, words)


_ARROWS: Final = {
    Qt.Key.Key_Left: (-1, 0),
    Qt.Key.Key_Right: (1, 0),
    Qt.Key.Key_Up: (0, -1),
    Qt.Key.Key_Down: (0, 1),
}


class CardGrid(QWidget):
    """Cards in rows, as wide as there is room; the arrow keys go from card to card."""

    def __init__(self) -> None:
        super().__init__()
        self.unit = 1.0
        self.cards: list[Card] = []
        self._columns = 1
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def show_cards(self, cards: Sequence[Card]) -> None:
        """These cards in place of those before."""
        for card in self.cards:
            card.setParent(None)
            card.deleteLater()
        self.cards = list(cards)
        for card in self.cards:
            card.setParent(self)
            card.unit = self.unit
            card.show()
        self.arrange()

    def set_unit(self, unit: float) -> None:
        self.unit = unit
        for card in self.cards:
            card.unit = unit
        self.arrange()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.arrange()

    @property
    def shown(self) -> list[Card]:
        """The cards that are not hidden by a search."""
        return [card for card in self.cards if not card.isHidden()]

    def arrange(self) -> None:
        """Places the cards; the rows stretch to the width."""
        gap = round(12 * self.unit)
        least = round(WIDTH * self.unit)
        self._columns = max(1, (self.width() + gap) // (least + gap))
        shown = self.shown
        fill = max(self._columns, min(len(shown), self._columns))
        wide = (self.width() - gap * (fill - 1)) // fill if len(shown) >= self._columns else least
        wide = min(wide, round(1.35 * least))
        tall = round(HEIGHT * self.unit)
        for place, card in enumerate(shown):
            row, column = divmod(place, self._columns)
            card.setGeometry(QRect(column * (wide + gap), row * (tall + gap), wide, tall))
        rows = -(-len(shown) // self._columns)
        self.setFixedHeight(max(0, rows * (tall + gap) - gap))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        way = _ARROWS.get(Qt.Key(event.key()))
        shown = self.shown
        focused = next((place for place, card in enumerate(shown) if card.hasFocus()), None)
        if way is None or focused is None:
            super().keyPressEvent(event)
            return
        to = focused + way[0] + way[1] * self._columns
        if 0 <= to < len(shown):
            shown[to].setFocus(Qt.FocusReason.TabFocusReason)
        else:
            event.ignore()  # the page goes on to the next grid
