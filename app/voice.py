"""What is spoken when: counting aloud, the countdown, reminders; and the tones. No Qt and no clock.

The announcer decides, a speaker speaks (app/ui/speaker.py has the one that is heard). Nothing is queued up:
while something is being said, one further thing may wait, the most important and the newest; it is dropped
when it has become stale. What is more important than what is being said cuts it off.

Where no voice speaks the language, tones say what they can: that a repetition counted, that something is to
be corrected, the seconds before the start.
"""

from __future__ import annotations

import io
import re
import wave
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from app.rules import Prompt, in_language

Tone = Literal["rep", "good", "warn", "count", "go", "done", "tick", "accent"]

# Seconds after which something that waited is no longer true: a number is overtaken by the next one.
LIFETIMES: Final[Mapping[str, float]] = {"count": 0.7, "countdown": 0.4, "prompt": 2.0, "words": 2.5}
# How important each is; reminders have their rule's own priority, 1 to 100.
COUNTDOWN, MILESTONE, WORDS, COUNT = 95, 65, 60, 30
LEAST_FOR_HALF_WAY: Final = 6  # repetitions: half of less is no news
# A milestone stands for its number: "last one" and not "nine, last one".

PHRASES: Final[Mapping[str, Mapping[str, str]]] = {
    "go": {"en": "Go", "zh": "开始"},
    "half_way": {"en": "Half way", "zh": "一半了"},
    "last_one": {"en": "Last one", "zh": "最后一个"},
    "set_done": {"en": "Set done, well done", "zh": "这组完成，做得好"},
    "workout_done": {"en": "Workout done, well done", "zh": "训练完成，做得好"},
    "rest": {"en": "Rest, {seconds} seconds", "zh": "休息 {seconds} 秒"},
    "next": {"en": "Next: {exercise}", "zh": "下一个：{exercise}"},
    "paused": {"en": "Paused", "zh": "已暂停"},
    "go_on": {"en": "Let's go on", "zh": "继续"},
    "skipped": {"en": "Skipped", "zh": "已跳过"},
    "seconds_left": {"en": "{seconds} seconds", "zh": "还有 {seconds} 秒"},
}
Phrase = Literal[
    "go", "half_way", "last_one", "set_done", "workout_done", "rest", "next", "paused", "go_on", "skipped",
    "seconds_left",
]  # fmt: skip

_SIGNS: Final = {
    "en": (("°/s", " degrees a second"), ("°", " degrees"), ("%", " percent")),
    "zh": (("°/s", "度每秒"), ("°", "度"), ("%", "百分之")),
}


class Speaker(Protocol):
    """What the announcer needs of that which is heard."""

    @property
    def can_speak(self) -> bool:
        """Whether a voice speaks the language."""
        ...

    @property
    def speaking(self) -> bool:
        """Whether something is being said now."""
        ...

    def say(self, text: str, priority: int) -> None:
        """Says it at once, in place of what is being said."""
        ...

    def tone(self, name: Tone) -> None: ...

    def stop(self) -> None:
        """Silence, at once."""
        ...

    def set_volume(self, volume: float) -> None:
        """0 to 1."""
        ...

    def set_muted(self, muted: bool) -> None: ...

    def set_language(self, language: str) -> None: ...


@dataclass(frozen=True, kw_only=True)
class _Waiting:
    text: str
    priority: int
    until: float


class Announcer:
    """Says what happens in a set. Call `step` often: it lets go what has waited.

    counting: whether repetitions are counted aloud (else a tone). voice: whether anything is said in words
    at all; without, there are the tones.
    """

    def __init__(
        self, speaker: Speaker, *, language: str = "en", voice: bool = True, counting: bool = True
    ) -> None:
        self.speaker: Final = speaker
        self.language, self.voice, self.counting = language, voice, counting
        self._waiting: _Waiting | None = None
        self._priority = 0  # of what is being said
        self._counted_down: int | None = None

    def set_language(self, language: str) -> None:
        self.language = language
        self.speaker.set_language(language)

    def quiet(self) -> None:
        """Another exercise, or a pause: what was to be said has no more meaning."""
        self._waiting = None
        self._counted_down = None
        self.speaker.stop()

    # ---- what happens

    def rep(self, time: float, number: int, *, good: bool = True, target: int | None = None) -> None:
        """A repetition counted. good: without a fault. target: how many there are to be."""
        milestone: Phrase | None = None
        if target is not None and number == target - 1 and target > 2:
            milestone = "last_one"
        elif target is not None and target >= LEAST_FOR_HALF_WAY and number == (target + 1) // 2:
            milestone = "half_way"
        if self._speaks and milestone is not None:
            self._offer(time, self._phrase(milestone), MILESTONE, "words")
        elif self._speaks and self.counting:
            self._offer(time, str(number), COUNT, "count")
        else:
            self.speaker.tone("good" if milestone else "rep" if good else "warn")

    def prompt(self, time: float, prompt: Prompt) -> None:
        """A reminder, or praise."""
        if self._speaks:
            self._offer(time, spoken(prompt.text, self.language), prompt.priority, "prompt")
        else:
            self.speaker.tone("good" if prompt.severity == "info" else "warn")

    def countdown(self, time: float, seconds: float) -> None:
        """So many seconds are left until it begins; 0 is the beginning. May be called with every frame."""
        left = max(0, -int(-seconds // 1))
        if left == self._counted_down:
            return
        self._counted_down = left
        if self._speaks:
            self._offer(time, str(left) if left else self._phrase("go"), COUNTDOWN, "countdown")
        else:
            self.speaker.tone("count" if left else "go")

    def words(self, time: float, phrase: Phrase, **values: object) -> None:
        """One of PHRASES, with its placeholders filled."""
        self._counted_down = None
        if self._speaks:
            self._offer(time, self._phrase(phrase, **values), WORDS, "words")
        elif phrase in ("set_done", "workout_done"):
            self.speaker.tone("done")
        elif phrase in ("go", "go_on"):
            self.speaker.tone("go")
        else:
            self.speaker.tone("count")

    def advice(self, time: float, text: str) -> None:
        """A text of the framing guide, already in the user's language."""
        if self._speaks:
            self._offer(time, text, WORDS, "words")

    def step(self, time: float) -> None:
        """Says what has waited, when there is silence and it is still true."""
        if self._waiting is None:
            return
        if time > self._waiting.until:
            self._waiting = None
        elif not self.speaker.speaking:
            waiting, self._waiting = self._waiting, None
            self._say(waiting.text, waiting.priority)

    # ---- how

    @property
    def _speaks(self) -> bool:
        return self.voice and self.speaker.can_speak

    def _phrase(self, name: str, **values: object) -> str:
        return in_language(PHRASES[name], self.language).format(**values)

    def _offer(self, time: float, text: str, priority: int, kind: str) -> None:
        # The next second of a countdown replaces the one before: it may not come late.
        if not self.speaker.speaking or priority > self._priority or kind == "countdown":
            self._waiting = None if kind != "count" else self._waiting
            self._say(text, priority)
        elif self._waiting is None or priority >= self._waiting.priority or time > self._waiting.until:
            self._waiting = _Waiting(text=text, priority=priority, until=time + LIFETIMES[kind])

    def _say(self, text: str, priority: int) -> None:
        self._priority = priority
        self.speaker.say(text, priority)


def spoken(text: str, language: str) -> str:
    """A reminder as it is said: what to do, without the figures that follow a colon, and signs in words."""
    head = re.split(r"[:：]", text, maxsplit=1)[0].strip() or text
    if language.startswith("zh"):
        head = re.sub(r"(-?\d+(?:\.\d+)?)\s*%", r"百分之\1", head)
    signs = _SIGNS["zh" if language.startswith("zh") else "en"]
    for sign, word in signs:
        head = head.replace(f" {sign}", word).replace(sign, word)
    return head


# ---- tones

RATE: Final = 44_100  # samples a second
# Tone -> its notes: (hertz, seconds, loudness). They differ in height, length and number.
NOTES: Final[Mapping[Tone, tuple[tuple[float, float, float], ...]]] = {
    "rep": ((880.0, 0.09, 0.5),),
    "good": ((660.0, 0.09, 0.5), (990.0, 0.14, 0.5)),
    "warn": ((330.0, 0.13, 0.7), (262.0, 0.20, 0.7)),
    "count": ((587.0, 0.12, 0.6),),
    "go": ((880.0, 0.38, 0.6),),
    "done": ((523.0, 0.12, 0.5), (659.0, 0.12, 0.5), (784.0, 0.30, 0.5)),
    "tick": ((1000.0, 0.03, 0.35),),
    "accent": ((1500.0, 0.05, 0.5),),
}


def samples(name: Tone, volume: float = 1.0) -> NDArray[np.int16]:
    """The tone as (N,) samples: each note swells in a few milliseconds and dies away, so that none clicks."""
    parts = []
    for hertz, seconds, loudness in NOTES[name]:
        t = np.arange(round(RATE * seconds)) / RATE
        swell = (
            np.minimum(1.0, t / 0.004) * np.exp(-3.2 * t / seconds) * np.minimum(1.0, (seconds - t) / 0.01)
        )
        note = np.sin(2 * np.pi * hertz * t) + 0.28 * np.sin(4 * np.pi * hertz * t)
        parts.append(loudness * swell * note / 1.28)
    wavy = np.concatenate(parts) * min(1.0, max(0.0, volume))
    return np.round(32_000 * wavy).astype(np.int16)


def wav(name: Tone, volume: float = 1.0) -> bytes:
    """The tone as a WAV file, mono, 16 bits."""
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(samples(name, volume).tobytes())
    return out.getvalue()
