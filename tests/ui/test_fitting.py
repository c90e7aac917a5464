"""Pictures that come ready for the view: their size and side, and that the view takes them as they are."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication

from app.capture import Frame
from app.ui.fitting import SURROUND_EVERY, Fit, FittedFrame, Fitter, FittingSlot
from app.ui.video import VideoView

LEFT, RIGHT = (200, 40, 20), (20, 60, 220)  # blue, green, red


@pytest.fixture(autouse=True)
def application() -> QApplication:
    made = QApplication.instance() or QApplication([])
    assert isinstance(made, QApplication)
    return made


def frame(width: int = 64, height: int = 48, index: int = 0) -> Frame:
    """Its left half is blue, its right half red."""
    image = np.full((height, width, 3), LEFT, np.uint8)
    image[:, width // 2 :] = RIGHT
    return Frame(image=image, time=0.1 * index, index=index, arrived=5.0 + index)


def painted(view: VideoView) -> np.ndarray:
    """(H, W, 3) of what the view paints, blue, green, red."""
    image = view.grab().toImage().convertToFormat(QImage.Format.Format_RGB32)
    flat = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine() // 4, 4)
    return flat[:, : image.width(), :3].copy()


def test_a_picture_is_as_large_as_fits_in_its_own_proportions() -> None:
    fitted = Fitter().fitted(frame(), Fit(width=320, height=120))
    assert fitted.picture.shape == (120, 160, 4)
    assert fitted.surround is not None
    assert fitted.surround.shape == (120, 320, 4)
    assert (fitted.time, fitted.index, fitted.arrived) == (0.0, 0, 5.0)
    assert tuple(fitted.picture[60, 10, :3]) == LEFT
    exact = Fitter().fitted(frame(), Fit(width=64, height=48))
    assert exact.surround is None
    assert np.array_equal(exact.picture[..., :3], exact.image)


def test_a_mirrored_picture_has_its_sides_swapped() -> None:
    fitted = Fitter().fitted(frame(), Fit(width=128, height=96, mirror=True))
    assert tuple(fitted.picture[40, 10, :3]) == RIGHT
    assert tuple(fitted.picture[40, -10, :3]) == LEFT
    assert tuple(fitted.image[10, 5]) == LEFT  # what the network sees is as the camera saw it


def test_the_surround_follows_now_and_then_and_any_other_shape_at_once() -> None:
    fitter, fit = Fitter(), Fit(width=320, height=120)
    first = fitter.fitted(frame(), fit).surround
    kept = [fitter.fitted(frame(index=i), fit).surround for i in range(1, SURROUND_EVERY + 1)]
    assert all(surround is first for surround in kept[:-1])
    assert kept[-1] is not first
    assert fitter.fitted(frame(width=96), fit).surround is not kept[-1]


def test_a_slot_fits_what_is_put_once_it_knows_for_whom() -> None:
    slot = FittingSlot()
    slot.put(frame())
    assert not isinstance(slot.take(), FittedFrame)
    slot.fit = Fit(width=32, height=24)
    slot.put(frame())
    taken = slot.take()
    assert isinstance(taken, FittedFrame)
    assert taken.picture.shape == (24, 32, 4)


def test_the_view_shows_the_same_whoever_fits() -> None:
    """A frame that comes ready, one that does not, and one that was made ready for another size."""
    view = VideoView()
    fits: list[Fit] = []
    view.fit_changed.connect(fits.append)
    view.resize(320, 180)
    view.show()
    assert fits
    raw = frame()
    pictures = []
    for given in (raw, Fitter().fitted(raw, fits[-1]), Fitter().fitted(raw, Fit(width=50, height=50))):
        view.clear()
        view.show_frame(given, None)
        assert view.frame is given
        pictures.append(painted(view))
    assert np.array_equal(pictures[0], pictures[1])
    assert np.array_equal(pictures[0], pictures[2])
    assert tuple(pictures[0][90, 60]) == LEFT
    view.set_mirror(True)
    assert fits[-1].mirror
    assert tuple(painted(view)[90, 60]) == RIGHT
    view.resize(200, 180)
    assert (fits[-1].width, fits[-1].height) == (200, 180)
    assert tuple(painted(view)[90, 20]) == RIGHT
    view.close()


@pytest.mark.parametrize("mirror", [False, True])
def test_pictures_that_nobody_looks_at_any_more_make_room_for_the_next(mirror: bool) -> None:
    fitter, fit = Fitter(), Fit(width=320, height=120, mirror=mirror)
    held = fitter.fitted(frame(), fit)
    before = held.picture.copy()
    places = {fitter.fitted(frame(index=i), fit).picture.ctypes.data for i in range(1, 3 * SURROUND_EVERY)}
    assert len(places) == 1
    assert held.picture.ctypes.data not in places
    assert np.array_equal(held.picture, before)
