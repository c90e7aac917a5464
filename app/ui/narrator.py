"""What is heard in a workout: the countdown, repetitions, prompts, the rest, and the metronome's beat."""

from __future__ import annotations

from PySide6.QtCore import QObject

from app.metronome import USUAL, Beat, Metronome
from app.rules import Prompt
from app.settings import Settings
from app.summary import Tempo
from app.ui.coaching import Coaching, Moved
from app.ui.speaker import SystemSpeaker
from app.ui.words import language, t
from app.voice import Announcer, Speaker

ADVICE_EVERY = 6.0  # seconds before the same advice is spoken again


class Narrator(QObject):
    """Follows the coach page; `now` is monotonic seconds. speaker: in place of the machine's, for tests."""

    def __init__(self, speaker: Speaker | None = None) -> None:
        super().__init__()
        self.speaker: Speaker = speaker or SystemSpeaker(language=language())
        self.announcer = Announcer(self.speaker, language=language())
        self.metronome: Metronome | None = None
        self.beat: Beat | None = None
        self._on = False  # whether the athlete wants the metronome though no plan asks for a tempo
        self._tempo: Tempo | None = None
        self._paced = True
        self._advice = ("", -ADVICE_EVERY)

    def take(self, settings: Settings, *, muted: bool) -> None:
        """The settings of now."""
        self.announcer.voice = settings.voice
        self.announcer.set_language(language())
        self.speaker.set_volume(settings.volume)
        self.speaker.set_muted(muted)
        self._on = settings.metronome

    def begin_set(self, tempo: Tempo | None, *, paced: bool) -> None:
        """Another set: its tempo, if the plan has one. paced: whether anything moves; not in a hold."""
        self._tempo, self._paced = tempo, paced
        self.metronome = self.beat = None

    @property
    def tempo(self) -> Tempo | None:
        """What the metronome beats; None: nothing."""
        return self._tempo or (USUAL if self._on and self._paced else None)

    def prompt(self, now: float, prompt: Prompt) -> None:
        self.announcer.prompt(now, prompt)

    def step(self, now: float, coaching: Coaching, moved: Moved) -> None:
        """After every step of the workout."""
        standing, announcer = coaching.standing, self.announcer
        for state in moved.entered:
            if state == "rest":
                announcer.words(now, "set_done")
                announcer.words(now, "rest", seconds=round(standing.remaining or 0))
            elif state == "done":
                announcer.words(now, "workout_done")
            elif state == "before" and moved.exercise_changed:
                announcer.words(now, "next", exercise=coaching.exercise.name(language()))
        if standing.state == "countdown" and standing.remaining is not None:
            announcer.countdown(now, standing.remaining)
        elif "set" in moved.entered:
            announcer.countdown(now, 0.0)
        elif moved.new_rep and not coaching.score.is_hold:
            planned = standing.planned
            target = planned.reps if planned is not None and standing.state == "set" else None
            good = coaching.score.reps[-1].worth == 1.0
            announcer.rep(now, coaching.score.count, good=good, target=target)
        if standing.state == "before" and coaching.advice is not None:
            self._advise(now, coaching.advice.text)
        self._beat(now, counting=standing.state == "set" and not coaching.paused)
        announcer.step(now)

    def quiet(self) -> None:
        """A pause, or another page."""
        self.announcer.quiet()
        self.metronome = self.beat = None

    def _advise(self, now: float, text: str) -> None:
        said, when = self._advice
        if text != said or now - when > ADVICE_EVERY:
            self._advice = (text, now)
            self.announcer.advice(now, t(text))

    def _beat(self, now: float, *, counting: bool) -> None:
        tempo = self.tempo
        if tempo is None or not counting:
            self.metronome = self.beat = None
            return
        if self.metronome is None or self.metronome.tempo != tempo:
            self.metronome = Metronome(tempo)
            self.metronome.begin(now)
        self.beat = self.metronome.step(now)
        if self.beat is not None and self.beat.tick:
            self.speaker.tone("accent" if self.beat.accent else "tick")
