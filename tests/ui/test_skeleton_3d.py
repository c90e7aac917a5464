"""The 3D view and the demonstration: what they paint, and how they are turned."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QSize, Qt
from PySide6.QtGui import QImage, QPixmap
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

from app.skeleton import Joint
from app.ui import theme
from app.ui.demonstration_view import (
    DemonstrationView,
    PictureStore,
    demonstration_still,
    has_demonstration,
)
from app.ui.figure_view import PACE
from app.ui.skeleton_3d import HOME, Skeleton3DView, Standing
from tests.poses import pose_of, squats, standing_figure


@pytest.fixture(autouse=True)
def application() -> Iterator[QApplication]:
    made = QApplication.instance() or QApplication([])
    assert isinstance(made, QApplication)
    theme.use("dark")
    yield made
    theme.use("dark")


def pixels(widget: QWidget) -> np.ndarray:
    """(H, W, 3) of what the widget paints."""
    return array(widget.grab().toImage())


def array(image: QImage) -> np.ndarray:
    image = image.convertToFormat(QImage.Format.Format_RGB32)
    flat = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine() // 4, 4)
    return flat[:, : image.width(), :3].astype(int)


def near(picture: np.ndarray, name: str) -> int:
    """How many pixels have about the theme's colour of that name."""
    ink = theme.colour(name)
    return int((np.abs(picture - (ink.blue(), ink.green(), ink.red())).sum(axis=2) < 60).sum())


def view_of(figure: np.ndarray) -> Skeleton3DView:
    view = Skeleton3DView()
    view.resize(400, 400)
    view.set_pose(pose_of(figure, 0.0))
    return view


def test_limbs_are_painted_and_the_faulty_one_in_its_own_colour() -> None:
    view = view_of(standing_figure(0.6))
    sound = pixels(view)
    assert near(sound, "accent") > 300
    assert near(sound, "info") > 100
    assert near(sound, "fault") == 0
    view.set_pose(pose_of(standing_figure(0.6), 0.04), frozenset({Joint.left_hip, Joint.left_knee}))
    assert near(pixels(view), "fault") > 200


def test_nobody_is_said_not_left_standing() -> None:
    view = view_of(standing_figure())
    view.set_pose(None)
    assert view.body is None
    assert near(pixels(view), "accent") == 0


def test_what_is_not_seen_is_not_painted() -> None:
    pose = pose_of(standing_figure(), 0.0)
    legs = [joint for joint in Joint if any(part in joint.name for part in ("knee", "ankle", "heel", "toe"))]
    view = view_of(standing_figure())
    whole = near(pixels(view), "accent")
    pose.confidence[legs] = 0.05
    view.set_pose(pose)
    assert 0 < near(pixels(view), "accent") < 0.6 * whole


def test_turned_by_mouse_and_keys() -> None:
    view = view_of(standing_figure(0.5))
    view.show()
    before = pixels(view)
    QTest.mousePress(view, Qt.MouseButton.LeftButton, pos=QPoint(200, 200))
    QTest.mouseMove(view, QPoint(120, 180))
    QTest.mouseRelease(view, Qt.MouseButton.LeftButton, pos=QPoint(120, 180))
    assert view.yaw != HOME[0]
    assert np.abs(pixels(view) - before).max() > 50
    QTest.keyClick(view, Qt.Key.Key_Home)
    assert (view.yaw, view.pitch) == HOME
    QTest.keyClick(view, Qt.Key.Key_Right)
    QTest.keyClick(view, Qt.Key.Key_Down)
    assert view.yaw > HOME[0]
    assert view.pitch < HOME[1]
    for _ in range(40):
        QTest.keyClick(view, Qt.Key.Key_Up)
    assert view.pitch == 80.0
    QTest.keyClick(view, Qt.Key.Key_T)
    assert view.turning
    view.close()


def test_mirror_swaps_the_sides() -> None:
    view = view_of(standing_figure())
    assert view.body is not None
    plain = view.body.copy()
    view.mirror = True
    view.set_pose(pose_of(standing_figure(), 0.04))
    assert view.body is not None
    assert view.body[:, 0] == pytest.approx(-plain[:, 0], abs=1e-6)
    assert view.body[:, 1:] == pytest.approx(plain[:, 1:], abs=1e-6)


def test_feet_stay_on_the_floor_while_the_hips_sink() -> None:
    standing = Standing()
    bodies = [body for pose in squats(2) if (body := standing.step(pose)) is not None]
    soles = np.array([body[[Joint.left_toe, Joint.right_toe, Joint.left_heel], 1].min() for body in bodies])
    hips = np.array([body[Joint.left_hip, 1] for body in bodies])
    assert np.abs(soles - soles[0]).max() < 0.03
    assert hips.max() - hips.min() > 0.2


def test_stills_for_all_and_the_icon_for_ones_own() -> None:
    assert has_demonstration("squat")
    assert not has_demonstration("my_own")
    still = demonstration_still("squat", QSize(200, 160))
    assert (still.width(), still.height()) == (200, 160)
    assert near(array(still.toImage()), "accent") > 50
    assert not demonstration_still("my_own", QSize(200, 160)).isNull()
    theme.use("light")
    assert near(array(demonstration_still("squat", QSize(200, 160)).toImage()), "accent") > 50


def test_pictures_are_kept_as_far_as_there_is_room() -> None:
    store = PictureStore(most=3 * 10 * 10 * 4)
    made: list[str] = []

    def ask(name: str, side: int = 10, look: str = "dark") -> None:
        store.get(look, name, lambda: made.append(name) or QPixmap(side, side))

    for name in ("one", "two", "three", "one", "four", "one", "two"):
        ask(name)
    assert made == ["one", "two", "three", "four", "two"]  # the second was the one not asked for longest
    assert store.bytes <= store.most
    ask("larger than all the room", 100)
    assert store.bytes == 0


def test_pictures_of_another_look_go() -> None:
    store = PictureStore(most=1 << 20)
    made: list[str] = []
    for look in ("dark", "dark", "light", "dark"):
        store.get(look, "squat", lambda look=look: made.append(look) or QPixmap(10, 10))
    assert made == ["dark", "light", "dark"]
    assert store.bytes == 10 * 10 * 4


def test_demonstration_moves_on_and_stops() -> None:
    view = DemonstrationView()
    view.resize(300, 300)
    view.set_exercise("squat", "Squat")
    view.show_at(0.0)
    start = pixels(view)
    view.show_at(1.2)
    assert np.abs(pixels(view) - start).max() > 50
    view.set_exercise("my_own")
    assert near(pixels(view), "accent") == 0


def test_poses_that_come_too_fast_are_painted_at_a_pace_and_the_last_one_for_sure(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    view = view_of(standing_figure())
    painted: list[object] = []
    monkeypatch.setattr(view, "paint_inside", lambda *_: painted.append(view.body))
    view.show()
    QTest.qWait(3 * PACE)
    painted.clear()
    began = time.monotonic()
    for pose in squats(1):
        view.set_pose(pose)
        QApplication.processEvents()
    last = view.body
    QTest.qWait(3 * PACE)
    assert painted[-1] is last
    assert len(painted) <= 2 + 1000 * (time.monotonic() - began) / PACE
    count = len(painted)
    QTest.qWait(3 * PACE)
    assert len(painted) == count  # nothing new, nothing painted
    view.close()


def test_the_room_stands_still_while_one_squats_and_follows_one_who_lies_down() -> None:
    view = view_of(standing_figure())

    targets = set()
    for pose in squats(2):
        view.set_pose(pose)
        targets.add(view.camera.target)
    assert len(targets) == 1
    lying = standing_figure() * (1.0, 0.2, 1.0)
    for i in range(60):
        view.set_pose(pose_of(lying, 10.0 + i / 25))
    assert view.camera.target[1] < 0.6


def test_icons_and_fonts_of_another_look_go() -> None:
    theme.use("light")
    icon, font = theme.pixmap("info", 20), theme.font(20)
    theme.use("light")
    assert theme.pixmap("info", 20).cacheKey() == icon.cacheKey()
    assert theme.font(20) is font
    theme.use("dark")
    theme.use("light", text_size=1.3)
    assert theme.pixmap("info", 20).cacheKey() != icon.cacheKey()
    theme.use("light")
    assert theme.font(20) is not font
