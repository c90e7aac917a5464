"""Formcue: watches a person exercise, counts the repetitions, and says what to correct."""

from __future__ import annotations

import os
from typing import Final

# Pixels that OpenCV takes memory for, at most: a photograph of a few kilobytes may claim a thousand million.
# It reads this when it is loaded, so it is said before any module of ours can do that.
os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(200_000_000))

__version__: Final = "0.1.0"
