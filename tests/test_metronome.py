"""The metronome: its beats come from the times it is given, at whatever rate it is asked."""

from __future__ import annotations

from itertools import pairwise

import pytest

from app.metronome import Metronome
from app.summary import Tempo


def beats(tempo: Tempo, seconds: float, fps: float) -> list[tuple[float, str, bool]]:
    """(time, stage, accent) of every tick."""
    metronome = Metronome(tempo)
    metronome.begin(10.0)
    out = []
    for number in range(round(seconds * fps)):
        beat = metronome.step(10.0 + number / fps)
        assert beat is not None
        if beat.tick:
            out.append((round(number / fps, 3), beat.stage, beat.accent))
    return out


def test_ticks_at_every_second_and_accents_at_every_stage() -> None:
    assert beats(Tempo(out=3, turn=1, back=2), 8.0, 20.0) == [
        (0.0, "away", True), (1.0, "away", False), (2.0, "away", False), (3.0, "turn", True),
        (4.0, "back", True), (5.0, "back", False), (6.0, "away", True), (7.0, "away", False),
    ]  # fmt: skip


def test_stages_of_no_length_are_left_out_and_halves_are_kept() -> None:
    ticks = beats(Tempo(out=1.5, turn=0, back=1), 5.0, 40.0)
    assert [(t, stage) for t, stage, accent in ticks if accent] == [
        (0.0, "away"), (1.5, "back"), (2.5, "away"), (4.0, "back"),
    ]  # fmt: skip


def test_few_frames_a_second_lose_no_stage() -> None:
    ticks = beats(Tempo(out=3, turn=1, back=2), 12.0, 5.0)
    assert [stage for _, stage, accent in ticks if accent] == ["away", "turn", "back"] * 2


def test_place_goes_out_and_back_without_a_jump() -> None:
    metronome = Metronome(Tempo(out=2, turn=1, back=2))
    metronome.begin(0.0)
    places = [beat.place for i in range(600) if (beat := metronome.step(i / 50)) is not None]
    assert max(places) == 1.0
    assert min(places) < 0.02
    assert max(abs(a - b) for a, b in pairwise(places)) < 0.02


def test_counts_the_seconds_of_a_stage_down() -> None:
    metronome = Metronome(Tempo(out=3, turn=1, back=2))
    metronome.begin(0.0)
    left = [beat.left for t in (0.0, 0.5, 1.0, 2.9, 3.0, 4.0, 5.5) if (beat := metronome.step(t)) is not None]
    assert left == [3, 3, 2, 1, 1, 2, 1]


def test_nothing_before_it_begins_and_after_it_stops() -> None:
    metronome = Metronome(Tempo(out=2, turn=0, back=2))
    assert metronome.step(1.0) is None
    metronome.begin(5.0)
    assert metronome.step(4.0) is None
    assert metronome.step(5.0) is not None
    metronome.stop()
    assert metronome.step(6.0) is None


def test_a_tempo_of_no_length_is_refused() -> None:
    with pytest.raises(ValueError, match="no length"):
        Metronome(Tempo(out=0, turn=0, back=0))
