"""The speaker that is heard: a voice for the language where there is one, and tones.

Voices: Qt's text to speech, when the package with it is installed (`pip install ".[voice]"`; it is large, so
Formcue does without it), else the system's own program. Tones: Qt's sound output from the same package, else
the system's own player. Where there is neither, the speaker is silent and says so (`can_speak`, `can_sound`).
"""

from __future__ import annotations

import logging
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

from PySide6.QtCore import QLocale, QObject, QUrl

from app.voice import NOTES, Tone, wav

log = logging.getLogger(__name__)

# Programs that play a WAV file: the first that is installed is taken.
_PLAYERS: Final = (("afplay",), ("pw-play",), ("paplay",), ("aplay", "-q"))


@dataclass(frozen=True, kw_only=True)
class SpeechProgram:
    """A program that says its last argument. arguments: language -> what chooses its voice.

    loudness: makes the arguments for a volume of 0 to 1. hush: what else is run to fall silent, for a
    program that only hands the text to a service.
    """

    name: str
    arguments: Mapping[str, Sequence[str]]
    loudness: Callable[[float], Sequence[str]] = lambda volume: ()
    hush: Sequence[str] = ()


_SPEECH: Final = (
    SpeechProgram(
        name="espeak-ng",
        arguments={"en": ("-v", "en"), "zh": ("-v", "cmn")},
        loudness=lambda volume: ("-a", str(round(120 * volume))),
    ),
    SpeechProgram(
        name="spd-say",
        arguments={"en": ("--wait", "-l", "en"), "zh": ("--wait", "-l", "zh")},
        loudness=lambda volume: ("-i", str(round(200 * volume - 100))),
        hush=("-S",),
    ),
    SpeechProgram(name="say", arguments={"en": (), "zh": ("-v", "Tingting")}),
)


class Voice(Protocol):
    """One way to speak."""

    def speaks(self, language: str) -> bool: ...

    def say(self, text: str, language: str, volume: float) -> None: ...

    def stop(self) -> None: ...

    @property
    def speaking(self) -> bool: ...


class QtVoice:
    """Qt's text to speech. engine: its name (default: the system's). Raises ImportError without it."""

    def __init__(self, engine: str | None = None) -> None:
        from PySide6.QtTextToSpeech import QTextToSpeech  # type: ignore[import-not-found,unused-ignore]

        self._states: Any = QTextToSpeech.State
        self._speech: Any = QTextToSpeech(engine) if engine else QTextToSpeech()
        self._locales = {"en": QLocale.Language.English, "zh": QLocale.Language.Chinese}
        self._language = ""
        self._asked_for = engine is not None

    def speaks(self, language: str) -> bool:
        # Qt's stand-in for tests says nothing, and is only taken when it is asked for.
        mute = self._speech.engine() == "mock" and not self._asked_for
        if mute or self._speech.state() == self._states.Error:
            return False
        wanted = self._locales.get(language)
        return any(locale.language() == wanted for locale in self._speech.availableLocales())

    def say(self, text: str, language: str, volume: float) -> None:
        if language != self._language:
            wanted = self._locales[language]
            locale = next(found for found in self._speech.availableLocales() if found.language() == wanted)
            self._speech.setLocale(locale)
            self._language = language
        self._speech.setVolume(volume)
        self._speech.stop()
        self._speech.say(text)

    def stop(self) -> None:
        self._speech.stop()

    @property
    def speaking(self) -> bool:
        return bool(self._speech.state() in (self._states.Speaking, self._states.Synthesizing))


class ProgramVoice:
    """The system's own speech program, one process for each text.

    path: where it is. When it fails (no sound card, no speech service), it speaks no language any more.
    """

    def __init__(self, program: SpeechProgram, path: str) -> None:
        self._program, self._path = program, path
        self._running: subprocess.Popen[bytes] | None = None
        self._broken = False

    def speaks(self, language: str) -> bool:
        return not self._broken and language in self._program.arguments

    def say(self, text: str, language: str, volume: float) -> None:
        self.stop()
        program = self._program
        # After "--" nothing is taken for an option, whatever a text begins with.
        options = [*program.arguments[language], *program.loudness(volume), "--"]
        self._running = _start([self._path, *options, text])
        self._broken = self._running is None

    def stop(self) -> None:
        if self.speaking and self._running is not None:
            self._running.terminate()
            self._running.wait()
            if self._program.hush:
                _start([self._path, *self._program.hush])
        self._running = None

    @property
    def speaking(self) -> bool:
        if self._running is None:
            return False
        code = self._running.poll()
        if code is None:
            return True
        if code != 0:
            log.warning("%s cannot speak (it ended with %d); tones stand in", self._path, code)
            self._broken = True
        self._running = None
        return False


def _start(command: Sequence[str]) -> subprocess.Popen[bytes] | None:
    quiet = subprocess.DEVNULL
    try:
        return subprocess.Popen(list(command), stdin=quiet, stdout=quiet, stderr=quiet)
    except OSError as error:
        log.warning("%s cannot be started: %s", command[0], error)
        return None


def find_voice() -> Voice | None:
    """The best voice of this machine, or None."""
    try:
        found = QtVoice()
        if found.speaks("en") or found.speaks("zh"):
            return found
    except ImportError:
        log.info("Qt's text to speech is not installed")
    for program in _SPEECH:
        path = shutil.which(program.name)
        if path is not None:
            return ProgramVoice(program, path)
    return None


class _Tones:
    """Plays the tones from small files: Qt's sound output, else the system's player."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="formcue-tones-")
        self._volume = -1.0
        self._effects: dict[Tone, Any] = {}
        self._player: list[str] | None = None
        self._playing: list[subprocess.Popen[bytes]] = []
        self._effect: Any = None
        try:
            from PySide6.QtMultimedia import QMediaDevices, QSoundEffect  # type: ignore[import-not-found,unused-ignore]

            if QMediaDevices.defaultAudioOutput().isNull():
                log.info("there is no sound output")
            else:
                self._effect = QSoundEffect
        except ImportError:
            for program, *options in _PLAYERS:
                path = shutil.which(program)
                if path is not None:
                    self._player = [path, *options]
                    break

    @property
    def can_sound(self) -> bool:
        return self._effect is not None or self._player is not None or sys.platform == "win32"

    def set_volume(self, volume: float) -> None:
        """The loudness is in the files: the players have no common way to say it."""
        if volume == self._volume:
            return
        self._volume = volume
        self._effects.clear()
        for name in NOTES:
            self._path(name).write_bytes(wav(name, volume))

    def play(self, name: Tone) -> None:
        if self._effect is not None:
            effect = self._effects.get(name)
            if effect is None:
                effect = self._effects[name] = self._effect()
                effect.setSource(QUrl.fromLocalFile(str(self._path(name))))
            effect.play()
        elif self._player is not None:
            self._playing = [process for process in self._playing if process.poll() is None]
            started = _start([*self._player, str(self._path(name))])
            if started is not None:
                self._playing.append(started)
        elif sys.platform == "win32":
            import winsound

            winsound.PlaySound(str(self._path(name)), winsound.SND_FILENAME | winsound.SND_ASYNC)

    def _path(self, name: Tone) -> Path:
        return Path(self._folder.name) / f"{name}.wav"


class SystemSpeaker(QObject):
    """The `app.voice.Speaker` of the window; lives on the main thread.

    voice: to be used in place of the machine's (None: no voice). Give it to an `Announcer`, and call
    `announcer.step(time)` with every tick of the window.
    """

    def __init__(self, *, language: str = "en", voice: Voice | bool | None = True) -> None:
        super().__init__()
        self._voice: Voice | None = find_voice() if voice is True else voice or None
        self._language = language
        self._volume, self._muted = 0.8, False
        self._tones = _Tones()
        self._tones.set_volume(self._volume)

    @property
    def can_speak(self) -> bool:
        """Whether a voice speaks the language."""
        return self._voice is not None and self._voice.speaks(self._language)

    @property
    def can_sound(self) -> bool:
        """Whether tones can be heard."""
        return self._tones.can_sound

    @property
    def speaking(self) -> bool:
        return self._voice is not None and self._voice.speaking

    def say(self, text: str, priority: int) -> None:
        if self._voice is not None and self.can_speak and not self._muted and self._volume > 0:
            self._voice.say(text, self._language, self._volume)

    def tone(self, name: Tone) -> None:
        if not self._muted and self._volume > 0:
            self._tones.play(name)

    def stop(self) -> None:
        if self._voice is not None:
            self._voice.stop()

    def set_volume(self, volume: float) -> None:
        """0 to 1."""
        self._volume = min(1.0, max(0.0, volume))
        self._tones.set_volume(self._volume)

    def set_muted(self, muted: bool) -> None:
        self._muted = muted
        if muted:
            self.stop()

    def set_language(self, language: str) -> None:
        self._language = language
