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
from app.memory import Lender

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
        self._pictures, self._surrounds = Lender(), Lender()
        self._scaled: NDArray[Any] | None = None  # on the way to the picture, written over by the next
        self._coloured: NDArray[Any] | None = None

    def fitted(self, frame: Frame, fit: Fit) -> FittedFrame:
        """The frame with its picture for that view."""
        size = fit.picture_size(frame.image)
        self._age += 1
        if (fit, size) != self._made_for or self._age >= SURROUND_EVERY:
            self._made_for, self._age = (fit, size), 0
            whole = size == (fit.width, fit.height)
            self._surround = None if whole else self._make_surround(frame.image, fit)
        return FittedFrame(
            image=frame.image,
            time=frame.time,
            index=frame.index,
            arrived=frame.arrived,
            fit=fit,
            picture=self._make_picture(frame.image, size, mirror=fit.mirror),
            surround=self._surround,
        )

    def _make_picture(self, image: Image, size: tuple[int, int], *, mirror: bool) -> Image:
        made = self._pictures.lend((size[1], size[0], 4))
        scaled: NDArray[Any] = image
        if image.shape[1::-1] != size:
            method = cv2.INTER_AREA if size[0] < 0.6 * image.shape[1] else cv2.INTER_LINEAR
            scaled = self._scaled = cv2.resize(image, size, dst=self._scaled, interpolation=method)
        if mirror:
            self._coloured = cv2.cvtColor(scaled, cv2.COLOR_BGR2BGRA, dst=self._coloured)
            cv2.flip(self._coloured, 1, dst=made)
        else:
            cv2.cvtColor(scaled, cv2.COLOR_BGR2BGRA, dst=made)
        return made

    def _make_surround(self, image: Image, fit: Fit) -> Image:
        small = cv2.GaussianBlur(cv2.resize(image, _COARSE, interpolation=cv2.INTER_AREA), (0, 0), 3)
        small = cv2.cvtColor((small * _DARK).astype(np.uint8), cv2.COLOR_BGR2BGRA)
        if fit.mirror:
            small = cv2.flip(small, 1)
        made = self._surrounds.lend((fit.height, fit.width, 4))
        cv2.resize(small, (fit.width, fit.height), dst=made, interpolation=cv2.INTER_CUBIC)
        return made


class FittingSlot(NewestSlot[Frame]):
    """Fits what is put, in the thread that puts it, once `fit` says for which view; before, it passes."""

    def __init__(self, fit: Fit | None = None) -> None:
        super().__init__()
        self.fit = fit
        self._fitter = Fitter()

    def put(self, item: Frame) -> None:
        fit = self.fit
        super().put(item if fit is None else self._fitter.fitted(item, fit))

    def close(self) -> None:
        super().close()
        self._fitter = Fitter()  # with it goes the memory of its pictures
