"""What is spoken when: by an announcer that speaks into a notebook."""

from __future__ import annotations

import io
import wave

import numpy as np
import pytest

from app.rules import Prompt
from app.voice import NOTES, PHRASES, RATE, Announcer, Tone, samples, spoken, wav


class Notebook:
    """A speaker that writes down; each thing takes so many seconds to say, by the time it is given."""

    def __init__(self, *, can_speak: bool = True) -> None:
        self.can_speak = can_speak
        self.speaking = False
        self.said: list[str] = []
        self.tones: list[Tone] = []
        self.language = "en"

    def say(self, text: str, priority: int) -> None:
        self.said.append(text)
        self.speaking = True

    def tone(self, name: Tone) -> None:
        self.tones.append(name)

    def stop(self) -> None:
        self.speaking = False

    def set_volume(self, volume: float) -> None: ...

    def set_muted(self, muted: bool) -> None: ...

    def set_language(self, language: str) -> None:
        self.language = language


def prompt(text: str, priority: int = 50, severity: str = "warning") -> Prompt:
    return Prompt(
        t=0.0, rule="r", rep=1, severity=severity, priority=priority, text=text, parameter="knee", value=1.0,
        limit=1.0, joints=(),
    )  # fmt: skip


def test_counts_aloud_with_half_way_and_last_one() -> None:
    notebook = Notebook()
    announcer = Announcer(notebook)
    for number in range(1, 9):
        notebook.speaking = False
        announcer.rep(2.0 * number, number, target=8)
    assert notebook.said == ["1", "2", "3", "Half way", "5", "6", "Last one", "8"]


def test_short_sets_have_no_half_way_and_single_ones_no_last_one() -> None:
    notebook = Notebook()
    announcer = Announcer(notebook)
    for target in (2, 4):
        for number in range(1, target + 1):
            notebook.speaking = False
            announcer.rep(number, number, target=target)
    assert notebook.said == ["1", "2", "1", "2", "Last one", "4"]


def test_the_more_important_cuts_off_the_less_important() -> None:
    notebook = Notebook()
    announcer = Announcer(notebook)
    announcer.rep(1.0, 1)
    announcer.prompt(1.1, prompt("Push your knees out", 80))
    assert notebook.said == ["1", "Push your knees out"]


def test_the_less_important_waits_and_becomes_stale() -> None:
    notebook = Notebook()
    announcer = Announcer(notebook)
    announcer.prompt(1.0, prompt("Push your knees out", 80))
    announcer.rep(1.2, 3)
    announcer.step(1.5)
    assert notebook.said == ["Push your knees out"]  # still speaking
    notebook.speaking = False
    announcer.step(2.5)  # the number is overtaken
    assert notebook.said == ["Push your knees out"]


def test_what_waits_is_said_when_it_is_still_true() -> None:
    notebook = Notebook()
    announcer = Announcer(notebook)
    announcer.prompt(1.0, prompt("Push your knees out", 80))
    announcer.prompt(1.5, prompt("Chest up", 60))
    notebook.speaking = False
    announcer.step(2.0)
    assert notebook.said == ["Push your knees out", "Chest up"]
    announcer.step(2.1)
    assert len(notebook.said) == 2


def test_only_one_waits_the_most_important_and_newest() -> None:
    notebook = Notebook()
    announcer = Announcer(notebook)
    announcer.prompt(1.0, prompt("First", 90))
    for text, priority in (("A", 40), ("B", 60), ("C", 50), ("D", 60)):
        announcer.prompt(1.1, prompt(text, priority))
    notebook.speaking = False
    for time in (1.3, 1.5, 1.7):
        announcer.step(time)
        notebook.speaking = False
    assert notebook.said == ["First", "D"]


def test_the_countdown_says_each_second_once() -> None:
    notebook = Notebook()
    announcer = Announcer(notebook)
    for frame in range(76):
        announcer.countdown(frame / 25, 3.0 - frame / 25)
    assert notebook.said == ["3", "2", "1", "Go"]
    announcer.words(9.0, "set_done")
    notebook.speaking = False
    announcer.countdown(60.0, 1.0)  # the next set's
    assert notebook.said[-1] == "1"


def test_without_a_voice_there_are_tones() -> None:
    for announcer in (
        Announcer(Notebook(can_speak=False)),
        Announcer(Notebook(), voice=False),
    ):
        notebook = announcer.speaker
        assert isinstance(notebook, Notebook)
        announcer.rep(1.0, 1)
        announcer.rep(2.0, 2, good=False)
        announcer.prompt(3.0, prompt("Chest up"))
        announcer.prompt(4.0, prompt("Well done", 20, "info"))
        announcer.countdown(5.0, 0.5)
        announcer.countdown(5.5, 0.0)
        announcer.words(6.0, "workout_done")
        assert notebook.said == []
        assert notebook.tones == ["rep", "warn", "warn", "good", "count", "go", "done"]


def test_without_counting_aloud_a_tone_counts() -> None:
    notebook = Notebook()
    Announcer(notebook, counting=False).rep(1.0, 1)
    assert (notebook.said, notebook.tones) == ([], ["rep"])


def test_quiet_forgets_what_waits() -> None:
    notebook = Notebook()
    announcer = Announcer(notebook)
    announcer.prompt(1.0, prompt("First", 90))
    announcer.prompt(1.1, prompt("Second", 50))
    announcer.quiet()
    announcer.step(1.2)
    assert notebook.said == ["First"]
    assert not notebook.speaking


@pytest.mark.parametrize(
    ("text", "language", "heard"),
    [
        ("Go deeper: your knees bent to 104°, go to 95° or less", "en", "Go deeper"),
        ("You lean 62° forward", "en", "You lean 62 degrees forward"),
        ("Chest up", "en", "Chest up"),
        ("再蹲低一点：膝角 104°，要到 95° 以下", "zh", "再蹲低一点"),
        ("手肘离开身体 32°", "zh", "手肘离开身体 32度"),
        ("左右相差 12 %", "zh", "左右相差 百分之12"),
    ],
)
def test_reminders_are_said_short(text: str, language: str, heard: str) -> None:
    assert spoken(text, language) == heard


def test_phrases_in_both_languages() -> None:
    assert all({"en", "zh"} <= set(texts) for texts in PHRASES.values())
    notebook = Notebook()
    announcer = Announcer(notebook)
    announcer.set_language("zh")
    announcer.words(1.0, "rest", seconds=45)
    assert (notebook.said, notebook.language) == (["休息 45 秒"], "zh")


@pytest.mark.parametrize("name", NOTES)
def test_a_tone_is_a_sound_that_begins_and_ends_in_silence(name: Tone) -> None:
    sound = samples(name).astype(int)
    assert 0.02 <= len(sound) / RATE <= 0.7
    assert np.abs(sound).max() > 5000
    assert abs(sound[0]) < 200
    assert abs(sound[-1]) < 200
    assert np.abs(samples(name, 0.5)).max() < 0.6 * np.abs(sound).max()
    with wave.open(io.BytesIO(wav(name))) as file:
        assert file.getparams()[:4] == (1, 2, RATE, len(sound))


def test_tones_are_told_apart() -> None:
    heard = {tuple(note[:2] for note in notes) for notes in NOTES.values()}
    assert len(heard) == len(NOTES)
