"""Formcue: watches a person exercise, counts the repetitions, and says what to correct."""

from __future__ import annotations

from typing import Final

__version__: Final = "0.1.0"
