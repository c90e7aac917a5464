"""What lies over and beside the picture in a set: outline, gesture ring, pacer, plot; and the speaker."""

from __future__ import annotations

import stat
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPointF
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication, QWidget

from app.framing import HOLD_STILL, LEFT_SIDE, STEP_BACK, TAKE_POSITION, TO_THE_MIDDLE, Advice, FramingGuide
from app.gestures import GestureState, load_gestures
from app.metronome import USUAL, Metronome
from app.rules import LIBRARY, Exercise, load_exercise, load_library
from app.settings import Settings
from app.ui import theme, words
from app.ui.gesture_ring import GestureRing, gesture_lines
from app.ui.narrator import Narrator
from app.ui.outline import OutlineOverlay
from app.ui.overlays import FLASH, Overlays
from app.ui.pacer import Pacer
from app.ui.plot import ParameterPlot, limits_of, main_parameter
from app.ui.speaker import ProgramVoice, QtVoice, SpeechProgram, SystemSpeaker
from app.ui.video import VideoView
from app.vocabulary import PARAMETERS
from tests.test_voice import Notebook


@pytest.fixture(autouse=True)
def application() -> Iterator[QApplication]:
    made = QApplication.instance() or QApplication([])
    assert isinstance(made, QApplication)
    theme.use("dark")
    yield made
    words.set_language("en")


def pixels(widget: QWidget) -> np.ndarray:
    """(H, W, 3) of what the widget paints."""
    image = widget.grab().toImage().convertToFormat(QImage.Format.Format_RGB32)
    flat = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine() // 4, 4)
    return flat[:, : image.width(), :3].astype(int)


def where(picture: np.ndarray, name: str) -> np.ndarray:
    """(N, 2) row and column of the pixels that have about the theme's colour of that name."""
    ink = theme.colour(name)
    near = np.abs(picture - (ink.blue(), ink.green(), ink.red())).sum(axis=2) < 60
    return np.argwhere(near)


# ---- outline


def advice(**change: object) -> Advice:
    guide = FramingGuide(load_exercise(LIBRARY / "squat.yaml"))
    return replace(guide.step(0.0, None, None, 640, 360), **change)  # type: ignore[arg-type]


def overlay() -> OutlineOverlay:
    made = OutlineOverlay()
    made.resize(640, 360)
    made.place = lambda x, y: QPointF(x, y)
    return made


def test_the_outline_is_where_the_guide_has_it() -> None:
    shown = overlay()
    said = advice(ok=True, text=HOLD_STILL)
    shown.show_advice(said)
    found = where(pixels(shown), "picture_accent")
    box = said.outline
    rows, columns = found[found[:, 0] > 110].T  # below the words' frame
    assert columns.min() == pytest.approx(box.left, abs=6)
    assert columns.max() == pytest.approx(box.left + box.width, abs=6)
    assert rows.max() == pytest.approx(box.top + box.height, abs=14)  # the feet go a little below it


def test_whoever_holds_still_has_no_outline_to_match() -> None:
    shown = overlay()
    amounts = []
    for text in (TAKE_POSITION, HOLD_STILL):
        shown.show_advice(advice(ok=True, text=text))
        found = where(pixels(shown), "picture_accent")
        middle = found[(abs(found[:, 1] - 320) < 50) & (found[:, 0] > 110)]
        amounts.append(len(middle))
    assert amounts[0] > 200 and amounts[1] == 0


def test_wrong_is_another_colour_than_right_and_nothing_is_nothing() -> None:
    shown = overlay()
    shown.show_advice(advice(ok=False, text=STEP_BACK, arrow="further"))
    picture = pixels(shown)
    assert len(where(picture, "picture_warning")) > 1000
    assert len(where(picture, "picture_accent")) == 0
    shown.show_advice(None)
    assert len(where(pixels(shown), "picture_warning")) == 0


def test_an_arrow_points_to_where_to_go_also_in_a_mirror() -> None:
    shown = overlay()
    middles = []
    for mirror in (False, True):
        shown.mirror = mirror
        shown.show_advice(advice(ok=False, text=TO_THE_MIDDLE, arrow="right"))
        found = where(pixels(shown), "picture_warning")
        arrow = found[np.abs(found[:, 0] - 0.46 * 360) < 20]
        middles.append(float(np.median(arrow[:, 1])))
    assert middles[0] > 340
    assert middles[1] < 300


def test_advice_in_the_users_language_for_screen_readers_too() -> None:
    shown = overlay()
    shown.show_advice(advice(text=LEFT_SIDE, arrow="turn"))
    assert shown.accessibleName() == LEFT_SIDE
    words.set_language("zh")
    shown.retranslate()
    assert shown.accessibleName() == "请把左侧身体转向镜头"
    shown.show_count(3)
    assert shown.accessibleName() == "3"


# ---- gesture ring


def test_the_ring_fills_and_goes_away() -> None:
    ring = GestureRing()
    ring.resize(ring.sizeHint())
    gesture = load_gestures()[0]
    filled = []
    for progress in (0.3, 0.6, 0.9):
        ring.show_state(GestureState(gesture=gesture, progress=progress), "rest")
        assert ring.isVisible()
        filled.append(len(where(pixels(ring), "picture_accent")))
    assert filled[0] < 0.7 * filled[1] < 0.7 * filled[2]
    assert ring.accessibleName() == "Go on"
    ring.show_state(GestureState(), "rest")
    assert not ring.isVisible()


def test_all_gestures_are_listed_in_both_languages() -> None:
    assert gesture_lines(load_gestures())[0] == ("Right hand up", "Start, go on after a pause")
    words.set_language("zh")
    assert gesture_lines(load_gestures())[1] == ("右手高举不动", "结束休息")


def test_a_short_note_changes_its_language_and_goes() -> None:
    video = VideoView()
    overlays = Overlays(video)
    overlays.flash(lambda: words.t("Copied"))
    overlays.flash(lambda: words.t("Copied"))
    overlays.show_notes(10.0, ("Set 1 of 2",))
    assert video.notes == ("Set 1 of 2", "Copied")
    words.set_language("zh")
    overlays.show_notes(11.0, ())
    assert video.notes == ("已复制",)
    overlays.show_notes(10.0 + FLASH + 0.1, ())
    assert video.notes == ()


# ---- narrator, pacer and plot


def test_a_metronome_that_is_asked_for_beats_in_no_hold() -> None:
    narrator = Narrator(Notebook())
    narrator.take(Settings(metronome=True), muted=True)
    narrator.begin_set(None, paced=True)
    assert narrator.tempo == USUAL
    narrator.begin_set(None, paced=False)
    assert narrator.tempo is None


def test_the_pacer_moves_along_its_track() -> None:
    pacer = Pacer()
    pacer.resize(348, 112)
    pacer.set_tempo(USUAL)
    metronome = Metronome(USUAL)
    metronome.begin(0.0)
    ends = []
    for moment in (0.5, 1.5, 2.5, 4.5):
        pacer.show_beat(metronome.step(moment))
        ends.append(int(where(pixels(pacer), "accent")[:, 1].max()))
    assert ends == sorted(ends)
    assert ends[0] < ends[-1] - 100
    pacer.set_tempo(None)
    assert len(where(pixels(pacer), "accent")) == 0


def plot_of(name: str) -> tuple[Exercise, ParameterPlot]:
    """An exercise of the library, and the plot that follows it."""
    exercise, plot = load_exercise(LIBRARY / f"{name}.yaml"), ParameterPlot()
    plot.resize(620, 240)
    plot.follow(exercise.counting, exercise.rules)
    return exercise, plot


def test_the_plot_shows_curve_limits_and_phases() -> None:
    exercise, plot = plot_of("squat")
    bare = pixels(plot)
    assert len(where(bare, "warning")) > 300  # the limit of "go deeper" is there before anything moved
    for i in range(200):
        bend = 0.5 - 0.5 * np.cos(i / 12)
        phase = exercise.counting.phases[2 if bend > 0.8 else 0]
        plot.add(i / 25, {"knee": 170 - 85 * bend}, phase)
    moving = pixels(plot)
    assert len(where(moving, "accent")) > 300
    tinted = (moving[120] - bare[120])[:, 1] > 15
    assert tinted.any()
    assert not tinted.all()
    plot.clear()
    assert len(where(pixels(plot), "accent")) == 0


def test_a_hold_has_a_curve_too() -> None:
    exercise, plot = plot_of("plank")
    bare = pixels(plot)
    assert len(where(bare, "fault")) > 300  # "hips up" has its limit
    assert len(where(bare, "warning")) > 300  # and "lower your hips" too
    for i in range(50):
        plot.add(i / 25, {"hip_sag": 0.02}, exercise.counting.phases[2])
    assert plot.newest == 0.02
    assert len(where(pixels(plot), "accent")) > 100
    name, levels = main_parameter(exercise.counting)  # without reminders: what the posture asks for
    assert (name, levels) == ("trunk_tilt", (55.0,))


@pytest.mark.parametrize("exercise", load_library().values(), ids=lambda known: known.id)
def test_no_exercise_has_an_empty_plot(exercise: Exercise) -> None:
    name, levels = main_parameter(exercise.counting, exercise.rules)
    assert name in PARAMETERS
    assert levels or limits_of(exercise.rules, name)


def test_limits_are_those_of_the_main_parameter() -> None:
    rules = load_exercise(LIBRARY / "squat.yaml").rules
    assert 95.0 in [limit.value for limit in limits_of(rules, "knee")]
    assert limits_of(rules, "elbow") == ()


# ---- speaker


class FakeVoice:
    def __init__(self) -> None:
        self.said: list[tuple[str, str, float]] = []
        self.speaking = False

    def speaks(self, language: str) -> bool:
        return language == "en"

    def say(self, text: str, language: str, volume: float) -> None:
        self.said.append((text, language, volume))

    def stop(self) -> None:
        self.said.append(("", "", 0.0))


def test_speaks_in_the_languages_that_the_voice_has() -> None:
    voice = FakeVoice()
    speaker = SystemSpeaker(voice=voice)
    assert speaker.can_speak
    speaker.set_volume(0.5)
    speaker.say("Chest up", 50)
    speaker.set_language("zh")
    assert not speaker.can_speak
    speaker.say("抬起胸", 50)
    assert voice.said == [("Chest up", "en", 0.5)]


def test_muted_is_silent_at_once() -> None:
    voice = FakeVoice()
    speaker = SystemSpeaker(voice=voice)
    speaker.set_muted(True)
    speaker.say("Chest up", 50)
    speaker.tone("rep")
    assert voice.said == [("", "", 0.0)]


def test_no_voice_at_all() -> None:
    speaker = SystemSpeaker(voice=None)
    assert not speaker.can_speak
    assert not speaker.speaking
    speaker.say("Chest up", 50)
    speaker.tone("rep")
    speaker.stop()


ESPEAK = SpeechProgram(
    name="espeak-ng", arguments={"en": ("-v", "en")}, loudness=lambda volume: ("-a", f"{volume:g}")
)


def program(folder: Path, script: str) -> str:
    path = folder / "espeak-ng"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IEXEC)
    return str(path)


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert condition()


@pytest.mark.skipif(sys.platform == "win32", reason="runs a shell script as the speech program")
def test_a_speech_program_gets_the_text_and_is_cut_off(tmp_path: Path) -> None:
    heard = tmp_path / "heard"
    voice = ProgramVoice(ESPEAK, program(tmp_path, f'printf "%s|" "$@" >> {heard}\nexec sleep 30'))
    voice.say("--help me", "en", 0.5)
    assert voice.speaking
    wait_for(heard.exists)
    voice.stop()
    assert not voice.speaking
    assert heard.read_text() == "-v|en|-a|0.5|--|--help me|"
    assert voice.speaks("en")


@pytest.mark.skipif(sys.platform == "win32", reason="runs a shell script as the speech program")
def test_a_speech_program_that_fails_leaves_the_tones(tmp_path: Path) -> None:
    voice = ProgramVoice(ESPEAK, program(tmp_path, "exit 1"))
    speaker = SystemSpeaker(voice=voice)
    assert speaker.can_speak
    speaker.say("Chest up", 50)
    wait_for(lambda: not speaker.speaking)
    assert not speaker.can_speak


def test_qt_speaks_where_its_package_is_installed() -> None:
    """By Qt's own stand-in for a voice, which takes time and says nothing."""
    pytest.importorskip("PySide6.QtTextToSpeech", reason="needs the extra 'voice'")
    voice = QtVoice("mock")
    assert voice.speaks("en")
    voice.say("Chest up, and once more", "en", 0.5)
    assert voice.speaking
    voice.stop()
    assert not voice.speaking
