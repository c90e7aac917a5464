"""The keys, by the words that the help says them with. What they do is each page's to say."""

from __future__ import annotations

from typing import Final

# (key as it is printed on the keyboard, what it does). Both are texts for `t`.
EVERYWHERE: Final = (
    ("F1", "Keys, gestures, about"),
    ("F", "Full screen"),
    ("Esc", "Back, leave full screen"),
    ("Tab", "Next button"),
)
COACHING: Final = (
    ("Space", "Start, pause, go on"),
    ("Enter", "Press the chosen button, else finish"),
    ("→", "Next set, end the rest"),
    ("←  R", "This set again"),
    ("↑  +", "One more repetition"),
    ("↓  −", "That was no repetition"),
    ("S", "Switch to the exercise that is recognised"),
    ("X", "Wrong cue: keep the poses"),
    ("C", "Counted wrongly: keep the poses"),
    ("D", "Show how it is done"),
    ("3", "Skeleton in space"),
    ("T", "Metronome"),
    ("V", "Mute"),
    ("M", "Mirror the picture"),
    ("O", "Open a video"),
)
HOME: Final = (
    ("/", "Search"),
    ("Arrows", "Choose a card"),
    ("Enter", "Begin"),
    ("E", "Change the chosen workout"),
)
