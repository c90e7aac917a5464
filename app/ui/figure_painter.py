"""Paints a body in a room: shaded limbs sorted by depth, a floor with a grid, and a shadow. QPainter only.

A body is (19, 3) metres in the axes of the room: x to the picture's right, y up from the floor, z towards
the viewer (see app/demonstration.py). The athlete's right limbs wear two bands and their hand an R, the left
ones are plain with an L: left and right can be told without their colours.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import (
    QBrush,
    QColor,
    QImage,
    QLinearGradient,
    QPainter,
    QPainterPath,
    QPen,
    QPixmap,
    QPolygonF,
    QRadialGradient,
    QTransform,
)

from app.rules import Severity
from app.skeleton import Joint
from app.ui import theme
from app.ui.words import t

J = Joint
Points = NDArray[np.float64]  # (N, 3)

# Radii in metres of the limbs at their two ends.
_LIMBS: Final = (
    ("shoulder", "elbow", 0.050, 0.040),
    ("elbow", "wrist", 0.040, 0.030),
    ("hip", "knee", 0.078, 0.055),
    ("knee", "ankle", 0.054, 0.036),
    ("heel", "toe", 0.036, 0.032),
)
_HAND: Final = 0.05  # radius; its middle lies this much further along the forearm than the wrist:
_HAND_AHEAD: Final = 0.075
_HEAD: Final = 0.108
_SHOULDER, _WAIST, _HIP = 0.068, 0.082, 0.092
_SLIM: Final = 0.42  # the waist's share of the shoulders' width
_LIGHT: Final = (-0.5, -0.86)  # in the picture, towards the light
_SUN: Final = np.array([0.28, 0.0, -0.18])  # how far a shadow moves along the floor for a metre of height
_GRID: Final = 0.25  # metres
_SHADOW_PIXEL: Final = 0.035  # metres: what is smaller is no detail of a shadow
_SHADOW: Final = (
    (0.16, ((J.left_hip, J.left_shoulder), (J.right_hip, J.right_shoulder), (J.left_hip, J.right_shoulder),
            (J.left_shoulder, J.right_shoulder), (J.neck, J.head_top))),
    (0.10, tuple((Joint[f"{side}_{a}"], Joint[f"{side}_{b}"])
                 for side in ("left", "right") for a, b, *_ in _LIMBS)),
)  # fmt: skip
HIDDEN: Final = 0.22  # a limb less sure than this is not painted
_THROUGH: Final = 0.5  # how strongly a faulty limb shows through what is before it
_LETTERS_FROM: Final = 9.0  # pixels: smaller letters are not drawn


class Spot(NamedTuple):
    """A place in the picture: pixels, and how many of them a metre has there (more is nearer)."""

    x: float
    y: float
    scale: float


@dataclass(frozen=True, kw_only=True)
class OrbitCamera:
    """Looks at `target` from `distance` metres, turned `yaw` degrees around it and `pitch` above level.

    centre: where the target is painted, pixels. focal: pixels a metre at one metre.
    """

    target: tuple[float, float, float]
    centre: tuple[float, float]
    focal: float
    yaw: float = 0.0
    pitch: float = 12.0
    distance: float = 4.5

    def project(self, points: Points) -> Points:
        """(N, 3) in the room -> (N, 3): x, y in pixels, and pixels a metre there."""
        yaw, pitch = math.radians(self.yaw), math.radians(self.pitch)
        c, s = math.cos(yaw), math.sin(yaw)
        turned = (points - self.target) @ np.array([[c, 0.0, s], [0.0, 1.0, 0.0], [-s, 0.0, c]])
        c, s = math.cos(pitch), math.sin(pitch)
        tilted = turned @ np.array([[1.0, 0.0, 0.0], [0.0, c, s], [0.0, -s, c]])
        scale = self.focal / np.maximum(self.distance - tilted[:, 2], 0.2)
        x = self.centre[0] + tilted[:, 0] * scale
        y = self.centre[1] - tilted[:, 1] * scale
        return np.stack([x, y, scale], axis=1)

    def spots(self, points: Points) -> list[Spot]:
        """`project` as a list."""
        return [Spot(*row) for row in self.project(points).tolist()]


def fitting_camera(
    rect: QRectF, low: Sequence[float], high: Sequence[float], *, yaw: float, pitch: float
) -> OrbitCamera:
    """The camera that shows the box from `low` to `high` (x, y, z) in rect from any side.

    With some air around it, and more below for the floor.
    """
    wide = math.hypot(high[0] - low[0], high[2] - low[2])
    tall = high[1] - low[1]
    middle = tuple((a + b) / 2 for a, b in zip(low, high, strict=True))
    distance = max(4.5, 1.6 * max(wide, tall))
    near = distance - 0.35 * wide  # what is nearer is larger
    lean = abs(math.sin(math.radians(pitch)))
    down = tall * math.cos(math.radians(pitch)) + 0.75 * wide * lean
    focal = near * min(rect.width() * 0.90 / max(wide, 0.5), rect.height() * 0.92 / max(down, 0.5))
    return OrbitCamera(
        target=(middle[0], middle[1], middle[2]),
        centre=(rect.center().x(), rect.center().y() + 0.01 * rect.height()),
        focal=focal,
        yaw=yaw,
        pitch=pitch,
        distance=distance,
    )


@dataclass(frozen=True, kw_only=True)
class Look:
    """What of a body is special. faulty: joints to show as faulty; a limb is when both its ends are.

    severity: how bad, for the colour. bar: joints (two) through which a bar goes. letters: L and R on the
    hands. seen: how sure each joint is, 0..1 (19,), or None when all are.
    """

    faulty: frozenset[Joint] = frozenset()
    severity: Severity = "error"
    bar: bool = False
    letters: bool = True
    seen: tuple[float, ...] | None = None


PLAIN: Final = Look()


class Floor:
    """A round piece of floor with a grid that fades outwards, around the point below the target.

    It is painted once for a camera, and copied from then on: most cameras stand still.
    """

    def __init__(self) -> None:
        self._pixmap: QPixmap | None = None
        self._key: tuple[object, ...] = ()

    def paint(self, painter: QPainter, camera: OrbitCamera, rect: QRectF, radius: float = 1.5) -> None:
        """rect: what is to be filled, with its corner at 0, 0 or beyond."""
        ratio = painter.device().devicePixelRatioF()
        size = rect.right(), rect.bottom()
        key = (camera, size, radius, ratio, theme.ink("raised"), theme.ink("muted"))
        if self._pixmap is None or key != self._key:
            made = QPixmap(math.ceil(size[0] * ratio), math.ceil(size[1] * ratio))
            made.setDevicePixelRatio(ratio)
            made.fill(Qt.GlobalColor.transparent)
            with QPainter(made) as inner:
                inner.setRenderHint(QPainter.RenderHint.Antialiasing)
                _paint_floor(inner, camera, radius)
            self._pixmap, self._key = made, key
        painter.drawPixmap(0, 0, self._pixmap)


def _paint_floor(painter: QPainter, camera: OrbitCamera, radius: float) -> None:
    x, _, z = camera.target
    steps = math.ceil(radius / _GRID)
    angles = np.linspace(0.0, 2 * np.pi, 49)
    rim = np.stack([x + radius * np.cos(angles), 0 * angles, z + radius * np.sin(angles)], axis=1)
    ends: list[tuple[float, float, float]] = []
    first_x, first_z = _GRID * round(x / _GRID), _GRID * round(z / _GRID)
    for step in range(-steps, steps + 1):
        for across in (True, False):
            place = (first_x if across else first_z) + step * _GRID
            off = place - (x if across else z)
            reach = math.sqrt(max(0.0, radius * radius - off * off))
            if reach <= 0.0:
                continue
            if across:
                ends += [(place, 0.0, z - reach), (place, 0.0, z + reach)]
            else:
                ends += [(x - reach, 0.0, place), (x + reach, 0.0, place)]
    seen = camera.project(np.concatenate([rim, np.array([[x, 0.0, z]]), np.array(ends)]))
    outline, middle, lines = seen[:49], seen[49], seen[50:]
    left, top = outline[:, :2].min(axis=0)
    right, bottom = outline[:, :2].max(axis=0)
    # A gradient that is round on the floor is an ellipse in the picture.
    ellipse = QTransform()
    ellipse.translate(float(middle[0]), float(middle[1]))
    ellipse.scale(1.0, max(0.02, float((bottom - top) / max(1.0, right - left))))
    reach = float(right - left) / 2

    def faded(name: str, inside: float, half: float) -> QBrush:
        gradient = QRadialGradient(QPointF(0, 0), reach)
        gradient.setColorAt(0.0, theme.colour(name, inside))
        gradient.setColorAt(0.55, theme.colour(name, half))
        gradient.setColorAt(1.0, theme.colour(name, 0.0))
        brush = QBrush(gradient)
        brush.setTransform(ellipse)
        return brush

    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(faded("raised", 1.0, 0.7))
    painter.drawPolygon(QPolygonF([QPointF(px, py) for px, py, _ in outline.tolist()]))
    painter.setPen(QPen(faded("muted", 0.42, 0.22), 1.0))
    painter.drawLines(
        [
            QLineF(a[0], a[1], b[0], b[1])
            for a, b in zip(lines[::2].tolist(), lines[1::2].tolist(), strict=True)
        ]
    )


def paint_shadow(painter: QPainter, camera: OrbitCamera, body: Points) -> None:
    """The body's shadow on the floor. It is drawn small and painted large, which makes its edge soft."""
    drop = body + np.maximum(body[:, 1:2], 0.0) * _SUN
    drop[:, 1] = 0.0
    seen = camera.project(drop)
    scale = float(seen[J.left_hip, 2])
    fine = max(1.0, _SHADOW_PIXEL * scale)  # pixels of the picture for one of the small image
    edge = 0.3 * scale
    low, high = seen[:, :2].min(axis=0) - edge, seen[:, :2].max(axis=0) + edge
    # A body that stands in the lens, or a joint thrown far, has a shadow of many times the view.
    frame = painter.clipBoundingRect() if painter.hasClipping() else QRectF(painter.viewport())
    left, top = np.maximum(low, (frame.left(), frame.top()))
    wide, tall = np.minimum(high, (frame.right(), frame.bottom())) - (left, top)
    if wide <= 0 or tall <= 0:
        return
    small = QImage(math.ceil(wide / fine), math.ceil(tall / fine), QImage.Format.Format_ARGB32_Premultiplied)
    small.fill(0)
    places = [QPointF(x, y) for x, y in ((seen[:, :2] - (left, top)) / fine).tolist()]
    with QPainter(small) as pen:
        pen.setRenderHint(QPainter.RenderHint.Antialiasing)
        for width, bones in _SHADOW:
            ink = QPen(QColor(0, 0, 0), width * scale / fine, c=Qt.PenCapStyle.RoundCap)
            pen.setPen(ink)
            pen.drawLines([QLineF(places[a], places[b]) for a, b in bones])
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
    painter.setOpacity(0.42 * painter.opacity())
    painter.drawImage(QRectF(left, top, small.width() * fine, small.height() * fine), small)
    painter.restore()


def paint_body(painter: QPainter, camera: OrbitCamera, body: Points, look: Look = PLAIN) -> None:
    """The body itself, the furthest parts first."""
    _Figure(painter, camera, body, look).paint()


class _Figure:
    """The painting of one body; lives for one paint."""

    def __init__(self, painter: QPainter, camera: OrbitCamera, body: Points, look: Look) -> None:
        self.painter, self.look = painter, look
        hands = [self._hand(body, side) for side in ("left", "right")]
        shoulders, hips = body[[J.left_shoulder, J.right_shoulder]], body[[J.left_hip, J.right_hip]]
        middle = shoulders.mean(axis=0)
        waist = 0.55 * hips.mean(axis=0) + 0.45 * middle
        upper = waist + 0.04 * (middle - waist) + _SLIM * (shoulders - middle)
        lower = waist - 0.10 * (middle - waist) + 0.8 * (hips - hips.mean(axis=0))
        face = (body[J.nose] + body[J.head_top]) / 2
        skull = face - 0.25 * (body[J.nose] - face)
        bar = self._bar(hands)
        extra = np.array([*hands, *upper, *lower, middle, skull, *bar])
        spots = camera.spots(np.concatenate([body, extra]))
        self.at = spots[: len(Joint)]
        self.hands = dict(zip(("left", "right"), spots[19:21], strict=True))
        self.upper, self.lower = spots[21:23], spots[23:25]
        self.chest, self.skull = spots[25], spots[26]
        self.bar = spots[27:]
        self.left, self.right = theme.colour("accent"), theme.colour("info")
        self.skin = _mixed(theme.colour("muted"), QColor(255, 255, 255), 0.22)
        self.fault = theme.colour(theme.SEVERITIES[look.severity][0])

    @staticmethod
    def _hand(body: Points, side: str) -> Points:
        wrist, elbow = body[Joint[f"{side}_wrist"]], body[Joint[f"{side}_elbow"]]
        way = wrist - elbow
        hand: Points = wrist + _HAND_AHEAD * way / max(float(np.linalg.norm(way)), 1e-6)
        return hand

    def _bar(self, hands: list[Points]) -> list[Points]:
        if not self.look.bar:
            return []
        way = hands[0] - hands[1]
        ahead = 0.32 * way / max(float(np.linalg.norm(way)), 1e-6)
        return [hands[0] + ahead, hands[1] - ahead]

    def paint(self) -> None:
        parts: list[tuple[float, Callable[[], None]]] = []  # depth, and what paints it
        faulty: list[Callable[[], None]] = []
        for side in ("left", "right"):
            ink = self.left if side == "left" else self.right
            for first, second, thick, thin in _LIMBS:
                a, b = Joint[f"{side}_{first}"], Joint[f"{side}_{second}"]
                if self._seen(a, b):
                    parts.append(self._limb(side, a, b, thick, thin, ink))
                    if a in self.look.faulty and b in self.look.faulty:
                        faulty.append(parts[-1][1])
            if self._seen(Joint[f"{side}_elbow"], Joint[f"{side}_wrist"]):
                parts.append(self._hand_part(side, ink))
        at = self.at
        chest = [(at[J.left_shoulder], _SHOULDER), (at[J.right_shoulder], _SHOULDER),
                 (self.upper[0], _WAIST), (self.upper[1], _WAIST)]  # fmt: skip
        pelvis = [(at[J.left_hip], _HIP), (at[J.right_hip], _HIP),
                  (self.lower[0], _WAIST * 0.94), (self.lower[1], _WAIST * 0.94)]  # fmt: skip
        trunk = self._tone(self.skin, J.left_shoulder, J.right_shoulder, J.left_hip, J.right_hip)
        parts.append((_depth(pelvis) * 0.998, lambda: self._block(pelvis, trunk)))
        parts.append((_depth(chest), lambda: self._block(chest, trunk)))
        neck = self._tone(self.skin, J.neck, J.nose)
        parts.append(
            ((self.chest.scale + self.skull.scale) / 2,
             lambda: self._capsule(self.chest, self.skull, 0.055, 0.05, neck))
        )  # fmt: skip
        parts.append((self.skull.scale * 1.002, lambda: self._ball(self.skull, _HEAD, neck)))
        nose = at[J.nose]
        parts.append((nose.scale * 1.001, lambda: self._ball(nose, 0.028, neck)))
        if self.bar:
            one, other = self.bar
            steel = theme.colour("text")
            parts.append(
                ((one.scale + other.scale) / 2, lambda: self._capsule(one, other, 0.016, 0.016, steel))
            )
        for _, draw in sorted(parts, key=lambda part: part[0]):
            draw()
        # The faulty ones also through what hides them: the leg that is meant may be the far one.
        before = self.painter.opacity()
        self.painter.setOpacity(_THROUGH * before)
        for draw in faulty:
            draw()
        self.painter.setOpacity(before)
        for joint in self.look.faulty:
            if self._seen(joint):
                self._ring(at[joint])

    def _seen(self, *joints: Joint) -> bool:
        return self.look.seen is None or min(self.look.seen[joint] for joint in joints) >= HIDDEN

    def _tone(self, ink: QColor, *joints: Joint) -> QColor:
        """The colour of a part: that of the fault where all its joints are faulty, faded where unsure."""
        if all(joint in self.look.faulty for joint in joints):
            ink = self.fault
        if self.look.seen is None:
            return ink
        sure = min(self.look.seen[joint] for joint in joints)
        return _mixed(theme.colour("raised"), ink, 0.35 + 0.65 * min(1.0, max(0.0, (sure - HIDDEN) / 0.35)))

    def _limb(
        self, side: str, a: Joint, b: Joint, thick: float, thin: float, ink: QColor
    ) -> tuple[float, Callable[[], None]]:
        start, end = self.at[a], self.at[b]
        faulty = a in self.look.faulty and b in self.look.faulty
        tone = self._tone(ink, a, b)
        banded = side == "right" and "heel" not in a.name

        def draw() -> None:
            if faulty:
                self._glow(start, end, thick)
            self._capsule(start, end, thick, thin, tone)
            if banded:
                self._bands(start, end, thick, thin, tone)

        return (start.scale + end.scale) / 2, draw

    def _hand_part(self, side: str, ink: QColor) -> tuple[float, Callable[[], None]]:
        hand = self.hands[side]
        elbow, wrist = Joint[f"{side}_elbow"], Joint[f"{side}_wrist"]
        tone = self._tone(ink, elbow, wrist)

        def draw() -> None:
            self._ball(hand, _HAND, tone)
            letter = t("L") if side == "left" else t("R")
            size = (1.7 if letter.isascii() else 1.3) * _HAND * hand.scale  # 左 is as wide as it is high
            if self.look.letters and size >= _LETTERS_FROM:
                self.painter.setFont(theme.font(size, "ExtraBold"))
                self.painter.setPen(theme.colour("background"))
                half = _HAND * hand.scale
                box = QRectF(hand.x - half, hand.y - half, 2 * half, 2 * half)
                self.painter.drawText(box, Qt.AlignmentFlag.AlignCenter, letter)

        return hand.scale * 1.003, draw

    # ---- solids

    def _edge(self, ink: QColor, scale: float) -> QPen:
        """A dark edge parts limbs that lie over one another."""
        return QPen(_tones(ink.rgb())[2], max(0.8, 0.006 * scale))

    def _capsule(self, a: Spot, b: Spot, thick: float, thin: float, ink: QColor) -> None:
        ra, rb = thick * a.scale, thin * b.scale
        dx, dy = b.x - a.x, b.y - a.y
        length = math.hypot(dx, dy)
        if length <= abs(ra - rb) + 0.1:
            self._ball(max(a, b, key=lambda spot: spot.scale), max(thick, thin), ink)
            return
        # Shaded like a cylinder: across, from the side that looks to the light to the other.
        nx, ny = -dy / length, dx / length
        if nx * _LIGHT[0] + ny * _LIGHT[1] < 0:
            nx, ny = -nx, -ny
        x, y, r = (a.x + b.x) / 2, (a.y + b.y) / 2, max(ra, rb)
        shade = QLinearGradient(x + nx * r, y + ny * r, x - nx * r, y - ny * r)
        _shades(shade, ink)
        path = QPainterPath()
        along = math.degrees(math.atan2(-dy, dx))
        half = math.degrees(math.acos((ra - rb) / length))
        around_a, around_b = _around(a.x, a.y, ra), _around(b.x, b.y, rb)
        path.arcMoveTo(around_a, along + half)
        path.arcTo(around_a, along + half, 360.0 - 2 * half)
        path.arcTo(around_b, along - half, 2 * half)
        path.closeSubpath()
        self.painter.setPen(self._edge(ink, a.scale))
        self.painter.setBrush(shade)
        self.painter.drawPath(path)

    def _ball(self, at: Spot, radius: float, ink: QColor) -> None:
        r = radius * at.scale
        shade = QRadialGradient(QPointF(at.x, at.y), 1.6 * r, QPointF(at.x - 0.45 * r, at.y - 0.5 * r))
        _shades(shade, ink)
        self.painter.setPen(self._edge(ink, at.scale))
        self.painter.setBrush(shade)
        self.painter.drawEllipse(QPointF(at.x, at.y), r, r)

    def _block(self, circles: list[tuple[Spot, float]], ink: QColor) -> None:
        """What the circles span, shaded: chest and pelvis."""
        rims = [np.array((spot.x, spot.y)) + radius * spot.scale * _CIRCLE for spot, radius in circles]
        hull = cv2.convexHull(np.concatenate(rims).astype(np.float32))[:, 0]
        (left, top), (right, bottom) = hull.min(axis=0).tolist(), hull.max(axis=0).tolist()
        shade = QLinearGradient(left, top, left + 0.8 * (right - left), bottom)
        _shades(shade, ink)
        self.painter.setPen(self._edge(ink, circles[0][0].scale))
        self.painter.setBrush(shade)
        self.painter.drawPolygon(QPolygonF([QPointF(px, py) for px, py in hull.tolist()]))

    def _bands(self, a: Spot, b: Spot, thick: float, thin: float, ink: QColor) -> None:
        dx, dy = b.x - a.x, b.y - a.y
        length = math.hypot(dx, dy)
        if length < 4.0:
            return
        nx, ny = -dy / length, dx / length
        width = max(1.5, 0.022 * a.scale * min(1.0, length / (0.2 * a.scale)))
        self.painter.setPen(
            QPen(_mixed(theme.colour("background"), ink, 0.2), width, c=Qt.PenCapStyle.FlatCap)
        )
        for part in (0.48, 0.62):
            r = 0.97 * ((1 - part) * thick * a.scale + part * thin * b.scale)
            x, y = a.x + part * dx, a.y + part * dy
            self.painter.drawLine(QLineF(x + nx * r, y + ny * r, x - nx * r, y - ny * r))

    def _glow(self, a: Spot, b: Spot, thick: float) -> None:
        ink = QColor(self.fault)
        ink.setAlphaF(0.28)
        self.painter.setPen(QPen(ink, 3.4 * thick * a.scale, c=Qt.PenCapStyle.RoundCap))
        self.painter.drawLine(QLineF(a.x, a.y, b.x, b.y))

    def _ring(self, at: Spot) -> None:
        """Around a faulty joint: a shape besides the colour."""
        r = 0.055 * at.scale
        self.painter.setBrush(Qt.BrushStyle.NoBrush)
        self.painter.setPen(QPen(theme.colour("text"), 0.028 * at.scale))
        self.painter.drawEllipse(QPointF(at.x, at.y), r, r)
        self.painter.setPen(QPen(self.fault, 0.014 * at.scale))
        self.painter.drawEllipse(QPointF(at.x, at.y), 1.35 * r, 1.35 * r)


_CIRCLE: Final = np.array(
    [(math.cos(2 * math.pi * k / 14), math.sin(2 * math.pi * k / 14)) for k in range(14)]
)


def _depth(circles: list[tuple[Spot, float]]) -> float:
    return sum(spot.scale for spot, _ in circles) / len(circles)


def _around(x: float, y: float, radius: float) -> QRectF:
    return QRectF(x - radius, y - radius, 2 * radius, 2 * radius)


@lru_cache(maxsize=256)
def _tones(rgb: int) -> tuple[QColor, QColor, QColor]:
    """The colour in the light and in the dark, and that of its edge."""
    ink = QColor.fromRgb(rgb)
    white, black = QColor(255, 255, 255), QColor(0, 0, 0)
    return _mixed(ink, white, 0.32), _mixed(ink, black, 0.55), _mixed(ink, black, 0.62)


def _shades(gradient: QLinearGradient | QRadialGradient, ink: QColor) -> None:
    bright, dark, _ = _tones(ink.rgb())
    gradient.setColorAt(0.0, bright)
    gradient.setColorAt(0.38, ink)
    gradient.setColorAt(1.0, dark)


def _mixed(a: QColor, b: QColor, share: float) -> QColor:
    """`share` of b in a, to the hundredth."""
    return _mix(a.rgb(), b.rgb(), round(100 * share))


@lru_cache(maxsize=1024)
def _mix(a: int, b: int, percent: int) -> QColor:
    share = percent / 100
    keep = 1.0 - share
    one, other = QColor.fromRgb(a), QColor.fromRgb(b)
    return QColor(
        round(keep * one.red() + share * other.red()),
        round(keep * one.green() + share * other.green()),
        round(keep * one.blue() + share * other.blue()),
    )
