"""Pictures in the size of the view that shows them, made in the thread they come from. No Qt.

Scaling, mirroring and turning a picture into what the screen wants takes several milliseconds, more than all
the painting: the main thread has them done already, and copies.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from app.capture import Frame, Image, NewestSlot

SURROUND_EVERY: Final = 12  # frames; the blur beside the picture may lag, nobody looks at it
_COARSE: Final = (32, 18)  # pixels of what is blurred
_DARK: Final = 0.32


@dataclass(frozen=True, kw_only=True)
class Fit:
    """What a view asks for: its size in physical pixels, and whether it shows the picture mirrored."""

    width: int
    height: int
    mirror: bool = False

    def picture_size(self, image: Image) -> tuple[int, int]:
        """Width and height of the image as large as it fits, in its own proportions."""
        height, width = image.shape[:2]
        factor = min(self.width / width, self.height / height)
        return max(1, round(width * factor)), max(1, round(height * factor))


@dataclass(frozen=True, kw_only=True, eq=False)
class FittedFrame(Frame):
    """A frame with its picture as it is to be painted.

    picture: H x W x 4 uint8, blue, green, red and an unused byte, as large as fits into `fit`. surround: the
    same of a dark blur that fills `fit`, or None where the picture leaves nothing beside it.
    """

    fit: Fit
    picture: Image
    surround: Image | None


class Fitter:
    """Fits frame after frame; the surround is made for some of them only. For one thread at a time."""

    def __init__(self) -> None:
        self._surround: Image | None = None
        self._made_for: tuple[Fit, tuple[int, int]] | None = None
        self._age = 0

    def fitted(self, frame: Frame, fit: Fit) -> FittedFrame:
        """The frame with its picture for that view."""
        size = fit.picture_size(frame.image)
        method = cv2.INTER_AREA if size[0] < 0.6 * frame.image.shape[1] else cv2.INTER_LINEAR
        whole = frame.image.shape[1::-1] == size
        picture: NDArray[Any] = frame.image if whole else cv2.resize(frame.image, size, interpolation=method)
        if fit.mirror:
            picture = cv2.flip(picture, 1)
        self._age += 1
        if (fit, size) != self._made_for or self._age >= SURROUND_EVERY:
            self._made_for, self._age = (fit, size), 0
            self._surround = None if size == (fit.width, fit.height) else _surround(frame.image, fit)
        return FittedFrame(
            image=frame.image,
            time=frame.time,
            index=frame.index,
            arrived=frame.arrived,
            fit=fit,
            picture=_for_the_screen(picture),
            surround=self._surround,
        )


class FittingSlot(NewestSlot[Frame]):
    """Fits what is put, in the thread that puts it, once `fit` says for which view; before, it passes."""

    def __init__(self, fit: Fit | None = None) -> None:
        super().__init__()
        self.fit = fit
        self._fitter = Fitter()

    def put(self, item: Frame) -> None:
        fit = self.fit
        super().put(item if fit is None else self._fitter.fitted(item, fit))


def _surround(image: Image, fit: Fit) -> Image:
    small = cv2.GaussianBlur(cv2.resize(image, _COARSE, interpolation=cv2.INTER_AREA), (0, 0), 3)
    small = (small * _DARK).astype(np.uint8)
    if fit.mirror:
        small = cv2.flip(small, 1)
    return _for_the_screen(cv2.resize(small, (fit.width, fit.height), interpolation=cv2.INTER_CUBIC))


def _for_the_screen(image: NDArray[Any]) -> Image:
    return np.ascontiguousarray(cv2.cvtColor(image, cv2.COLOR_BGR2BGRA))
