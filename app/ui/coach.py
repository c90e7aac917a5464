"""The coach page: follows one workout on the picture, and decides what each of its views shows."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QHideEvent, QShowEvent

from app.capture import Source
from app.gestures import Action
from app.reps import DEFAULT_PHASES
from app.rules import Prompt
from app.summary import WorkoutSummary
from app.ui import amounts
from app.ui.coach_notices import notice_on
from app.ui.coach_view import CoachView
from app.ui.coaching import Coaching, Moved
from app.ui.feed import Feed
from app.ui.library import Entry
from app.ui.narrator import Narrator
from app.ui.records import RepRecord, Say
from app.ui.stage import Stage
from app.ui.video_files import ask_for_video, dropped_file
from app.ui.words import language, t

TICK: Final = 15  # milliseconds: twice the picture's rate, so that no frame waits long


class CoachPage(CoachView):
    """States: no source, opening, warming up, before the set, countdown, set, rest, paused, failed.

    Signals: exercise_wanted(id) another one, from zero; broken_wanted(Entry) its file, read again;
    source_wanted(spec); ended(WorkoutSummary); mirror_wanted(bool), mute_wanted(bool), metronome_wanted().
    """

    home_wanted = Signal()
    help_wanted = Signal()
    full_screen_wanted = Signal()
    exercise_wanted = Signal(str)
    reload_wanted = Signal()
    source_wanted = Signal(str)
    ended = Signal(object)
    mirror_wanted = Signal(bool)
    mute_wanted = Signal(bool)
    metronome_wanted = Signal()
    try_wanted = Signal()  # in the demo mode: somebody wants to see themselves
    complaint = Signal(str)  # wrong_cue or wrong_rep: what was just seen is to be kept

    def __init__(self, feed: Feed, narrator: Narrator) -> None:
        super().__init__()
        self.feed, self.narrator = feed, narrator
        self.coaching: Coaching | None = None
        self.entry: Entry | None = None
        self.stage = Stage(self.video)
        self.setAcceptDrops(True)
        self.demo = False
        self._sources: tuple[object, ...] = ()  # as the picker shows them
        self._at_once = False  # a recording: counts from its first frame
        self._latest = (0.0, 0.0)  # when the newest result came, and its frame's time
        self.done: WorkoutSummary | None = None
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._tick)
        self._watch = QTimer(self)
        self._watch.timeout.connect(self.refresh)
        self._connect()
        self.retranslate()

    def _connect(self) -> None:
        self.feed.changed.connect(self.refresh)
        self.feed.noted.connect(self.flash)
        self.video.fit_changed.connect(self.feed.runner.fit_pictures)
        self.overlays.rest_shown.connect(self.panel.primary.setFocus)
        self.feed.happened.connect(self._on_happened)
        self.feed.finished.connect(self._on_finished)
        top, panel = self.top, self.panel
        top.home_wanted.connect(self.home_wanted)
        top.help_wanted.connect(self.help_wanted)
        top.full_screen_wanted.connect(self.full_screen_wanted)
        top.exercise_chosen.connect(self.exercise_wanted)
        top.source_chosen.connect(self.source_wanted)
        top.file_wanted.connect(self.ask_for_file)
        top.mirror_toggled.connect(self.mirror_wanted)
        top.mute_toggled.connect(self.mute_wanted)
        top.demonstration_toggled.connect(self._show_aside)
        top.figure_toggled.connect(self._show_aside)
        panel.toggled.connect(self.toggle_pause)
        panel.finish_wanted.connect(self.finish)
        panel.one_more_wanted.connect(self.one_more)
        panel.no_rep_wanted.connect(self.no_rep)
        panel.wrong_cue_wanted.connect(lambda: self.complaint.emit("wrong_cue"))
        panel.wrong_rep_wanted.connect(lambda: self.complaint.emit("wrong_rep"))

    def retranslate(self) -> None:
        """Sets all texts."""
        super().retranslate()
        self.video.corner_text = ""  # the next result says it in the language of now
        if self.coaching is not None:
            exercise = self.coaching.exercise
            self.demonstration.set_exercise(exercise.id, exercise.name(language()))
        self.overlays.show_notes(time.monotonic(), self._notes())
        self.show_sources()
        self.refresh()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._timer.start(TICK)
        self._watch.start(1000)
        if self.card.notice is None:
            self.video.setFocus()  # so that keys are the page's

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._timer.stop()
        self._watch.stop()

    # ---- what the window asks

    def follow(self, coaching: Coaching | None, entry: Entry, *, at_once: bool) -> None:
        """Coaches this workout from now on. coaching None: entry's file is broken, and its errors are shown.

        at_once: the first set begins with the first frame.
        """
        self.coaching, self.entry, self._at_once, self.done = coaching, entry, at_once, None
        self.top.select_exercise(entry.id)
        if coaching is not None:
            self.overlays.begin(coaching)
            if at_once:
                coaching.start(at_once=True)
            self._await_set()
        self.refresh()

    def show_opening(self) -> None:
        """Another source is being opened."""
        self.stage.clear()
        self.show_sources()
        self.refresh()

    def show_sources(self) -> None:
        """The cameras and files there are."""
        known = (tuple(self.feed.cameras or ()), tuple(self.feed.files), self.feed.spec, language())
        if known != self._sources:  # a list that is open must not close for nothing
            self._sources = known
            self.top.fill_sources(known[0], known[1], known[2])

    def set_demo(self, on: bool) -> None:
        """Everything on one screen, turning by itself; the space bar is for trying it."""
        self.demo = on
        self.top.figure.setChecked(on)
        self.figure.turning = on
        self.refresh()

    def keys(self) -> dict[Qt.Key, Callable[[], object]]:
        """What the keys do here; see app/ui/keys.py for their names."""
        return {
            Qt.Key.Key_Space: self.toggle_pause,
            Qt.Key.Key_Return: self.finish,
            Qt.Key.Key_Right: self.skip,
            Qt.Key.Key_Left: self.repeat,
            Qt.Key.Key_R: self.repeat,
            Qt.Key.Key_Up: self.one_more,
            Qt.Key.Key_Plus: self.one_more,
            Qt.Key.Key_Down: self.no_rep,
            Qt.Key.Key_Minus: self.no_rep,
            Qt.Key.Key_M: lambda: self.mirror_wanted.emit(not self.video.mirror),
            Qt.Key.Key_V: self.top.mute.toggle,
            Qt.Key.Key_T: self.metronome_wanted.emit,
            Qt.Key.Key_S: self.switch,
            Qt.Key.Key_X: lambda: self.complaint.emit("wrong_cue"),
            Qt.Key.Key_C: lambda: self.complaint.emit("wrong_rep"),
            Qt.Key.Key_D: self.top.demonstration.toggle,
            Qt.Key.Key_3: self.top.figure.toggle,
            Qt.Key.Key_O: self.ask_for_file,
        }

    # ---- what the athlete does

    @property
    def paused(self) -> bool:
        return self.coaching is not None and self.coaching.paused

    def toggle_pause(self) -> None:
        """Starts a set that waits; pauses; goes on; begins again after the end."""
        if self.demo:
            self.try_wanted.emit()
            return
        if self.done is not None and self.entry is not None:
            self.exercise_wanted.emit(self.entry.id)
            return
        if self.coaching is None or self.feed.source is None:
            return
        if self.paused:
            self.feed.set_paused(False)
            self.coaching.go_on(at_once=self._at_once)
        elif self.coaching.state == "before" or self.coaching.just_counting:
            self.coaching.start()
        elif self.coaching.state == "rest":
            self.coaching.skip()
        else:
            self.pause()
        self._after_command()

    def pause(self) -> None:
        """Time stands still. A recording stops; a camera goes on, for the gesture that ends the pause."""
        if self.coaching is not None and not self.paused and self.done is None:
            self.coaching.pause()
            self.narrator.quiet()
            if self.feed.source is not None and not self.feed.source.live:
                self.feed.set_paused(True)
            self._after_command()

    def finish(self) -> None:
        """Enough: ends the workout here. Nothing is lost."""
        if self.coaching is not None and self.done is None:
            self.coaching.finish()
            self._after_command()

    def skip(self) -> None:
        """Next set, or the end of the rest."""
        if self.coaching is not None:
            self.coaching.skip()
            self._after_command()

    def repeat(self) -> None:
        """The set once more, from zero; what was done of it is kept."""
        if self.coaching is not None and self.done is None:
            self.coaching.repeat()
            if self._at_once:
                self.coaching.start(at_once=True)
            self._after_command()

    def switch(self) -> None:
        """To the exercise that seems to be done."""
        if self.coaching is not None and self.coaching.offer is not None:
            self.exercise_wanted.emit(self.coaching.offer)

    def one_more(self) -> None:
        """A repetition that was missed."""
        if self.coaching is not None:
            self.coaching.runner.add_rep()
            self._after_command()

    def no_rep(self) -> None:
        """The last one was none."""
        if self.coaching is not None:
            self.coaching.runner.remove_rep()
            self._after_command()

    def ask_for_file(self) -> None:
        name = ask_for_video(self)
        if name:
            self.source_wanted.emit(name)
        else:
            self.top.select_source(self.feed.spec)

    def show_mirror(self, mirror: bool) -> None:
        self.video.set_mirror(mirror)
        self.overlays.outline.mirror = self.figure.mirror = mirror
        self.top.show_switch(self.top.mirror, mirror)

    # ---- what is heard

    def _on_happened(self, what: object) -> None:
        if self.coaching is None:
            return
        if isinstance(what, RepRecord):
            self.coaching.add_rep(what.done)
            if what.done.turn is not None:
                self.panel.plot.mark(what.done.turn)
            if self.card.notice is not None:  # of a camera that went, say: it tells how many are kept
                self.refresh()
        elif isinstance(what, Prompt) and self.coaching.state == "set" and not self.paused:
            self.narrator.prompt(time.monotonic(), what)

    def _on_finished(self) -> None:
        """A recording has come to its end."""
        if self.coaching is not None and self.done is None:
            self._take(self.coaching.flush())
            self.coaching.finish()
            self._after_command()

    def _tick(self) -> None:
        now = time.monotonic()
        frame = self.feed.take_frame()
        if frame is not None:
            self.stage.add_frame(frame)
        progress = self.feed.take_progress()
        if progress is not None and self.coaching is not None:
            result = progress.result
            self._latest = now, result.time
            self.stage.add_progress(progress, now)
            measured = result.measurement.values if result.measurement else None
            self.panel.plot.add(result.time, measured, result.phase)
            height, width = result.frame.image.shape[:2] if result.frame is not None else (1, 1)
            moved = self.coaching.step(result, width, height, holding=progress.holding)
            self.narrator.step(now, self.coaching, moved)
            self._take(moved)
            self._show_score()
            self.overlays.show_step(now, self.coaching, result)
            if self.narrator.tempo is not None:
                self.panel.pacer.show_beat(self.narrator.beat, self.coaching.score.progress)
            if not self.figure.isHidden():
                wrong = self.coaching.score.highlight
                joints, bad = (wrong.joints, wrong.severity) if wrong is not None else (frozenset(), "error")
                self.figure.set_pose(result.pose, joints, severity=bad)
            if self.feed.trouble is not None:
                self._blank()  # a result that was still under way counts, but is no picture of now
        elif self.feed.trouble is not None and self.coaching is not None and self.coaching.state == "rest":
            came, time_of_it = self._latest
            moved = self.coaching.pass_time(time_of_it + now - came)
            self.narrator.step(now, self.coaching, moved)
            self._take(moved)
            self._show_score()
        score = self.coaching.score if self.coaching is not None else None
        if self.stage.paint(now, score, with_pose=not self.paused and self.feed.trouble is None):
            self.status.show_state(self.feed.source, self.feed.engine, self.stage)
        if self.video.busy_text:
            self.video.spin(now)
        self.overlays.show_notes(now, self._notes())

    def _take(self, moved: Moved) -> None:
        """What a step or a command brought about."""
        coaching = self.coaching
        assert coaching is not None
        if moved.exercise_changed or "before" in moved.entered:
            self._await_set()
        if "set" in moved.entered:
            self.feed.worker.begin_set()
        if moved.reps_changed:
            self.panel.list.show_reps(coaching.score.reps, coaching.exercise)
        if moved.entered:
            self._show_aside()
            self.refresh()
        if moved.asked is not None:
            self._obey(moved.asked)
        if moved.new_rep:
            self.panel.counter.pulse(good=coaching.score.reps[-1].worth == 1.0)
        if coaching.state == "done" and self.done is None:
            self.done = coaching.summary
            self.ended.emit(self.done)

    def _obey(self, asked: Action) -> None:
        """What a gesture asks for."""
        if asked == "pause":
            self.pause()
        elif asked == "skip":
            self.skip()
        else:
            self.toggle_pause()

    def _after_command(self) -> None:
        if self.coaching is not None:
            self._take(self.coaching.after_command())
        self.refresh()

    def _await_set(self) -> None:
        """The pipeline looks for the exercise of the set that comes, from zero."""
        assert self.coaching is not None
        exercise = self.coaching.exercise
        self.feed.worker.set_exercise(exercise)
        self.panel.plot.follow(exercise.counting, exercise.rules)
        self.demonstration.set_exercise(exercise.id, exercise.name(language()))
        planned = self.coaching.standing.planned
        is_hold = exercise.counting.kind == "hold"
        self.narrator.begin_set(planned.tempo if planned is not None else None, paced=not is_hold)
        self.show_tempo()
        self.panel.list.show_reps(self.coaching.score.reps, exercise)
        self.top.select_exercise(exercise.id)
        self._show_score()

    # ---- what is shown

    def _notes(self) -> tuple[str, ...]:
        """The lasting notes on the picture."""
        if self.demo:
            late, rate = f"{self.stage.latency * 1000:.0f}", f"{self.stage.network_rate:.0f}"
            ways = t("The space bar tries it with your camera, Esc ends the demo")
            if self.status.narrow:  # two would lie on the feet, and the status line has the figures
                return (ways,)
            return (
                t("Latency {time} ms, {rate} poses a second, on this machine alone", time=late, rate=rate),
                ways,
            )
        return self.coaching.notes if self.coaching is not None else ()

    def show_tempo(self) -> None:
        """The metronome is there when a plan or the athlete asks for a tempo."""
        tempo = self.narrator.tempo
        phases = self.coaching.exercise.counting.phases if self.coaching is not None else DEFAULT_PHASES
        self.panel.pacer.set_tempo(tempo, phases)
        self.panel.show_pacer(tempo is not None)

    def _show_aside(self) -> None:
        """What was asked for beside the picture; a rest needs the room itself."""
        resting = self.coaching is not None and self.coaching.state == "rest"
        self.show_aside(
            demonstration=self.top.demonstration.isChecked() and not resting,
            figure=self.top.figure.isChecked() and not resting,
        )

    def flash(self, say: Callable[[], str]) -> None:
        """A short note on the picture."""
        self.overlays.flash(say)

    def _show_score(self) -> None:
        coaching = self.coaching
        if coaching is not None:
            score = coaching.score
            # Outside a set there is no repetition to be part of, and without a picture nothing is seen of it.
            seen = coaching.state == "set" and self.feed.trouble is None
            phase, progress = (score.phase, score.progress) if seen else ("", 0.0)
            number, word = coaching.number, coaching.word
            if coaching.state == "rest" and self.card.notice is None:  # the card of the rest has the clock
                number, word = amounts.counted(coaching.last_set)
            self.panel.counter.show_state(number, word, phase, progress)
        self.banner.show_say(self._say())

    def _say(self) -> Say:
        if self.coaching is None:
            return Say(text=t("Choose another exercise, or mend the file"), icon="warning")
        if self.feed.source_error or (self.feed.spec is None and self.done is None):
            return Say(text=t("Choose a source to begin"), icon="camera")
        if self.feed.engine_error:
            return Say(text=t("The network cannot run"), tone="error", icon="warning")
        if self.done is not None and not self.done.sets:
            return Say(text=t("Nothing was counted"), icon="person")
        if self.feed.trouble is not None and self.coaching.state != "rest":
            count = self.coaching.summary.count
            text = t("No picture. What was counted stays") if count else t("No picture yet")
            return Say(text=text, tone="warning", icon="camera_off")
        if self.feed.engine is None:
            return Say(text=t("Get into place, it starts in a moment"), icon="person")
        return self.coaching.say

    def refresh(self) -> None:
        """Everything that follows from the state."""
        notice = notice_on(self)
        covered = self.card.notice is not None
        self.card.show_notice(notice)
        if notice is None and covered:
            self.video.setFocus()  # so that keys are the page's
        if self.feed.trouble is not None:
            self._blank()
        self.video.dimmed = notice is not None
        self.video.busy_text = self.feed.busy
        can_run = self.feed.source is not None and self.coaching is not None
        running = can_run and not self.paused and self.coaching.state != "before"  # type: ignore[union-attr]
        resting = can_run and self.coaching.state == "rest" and not self.paused  # type: ignore[union-attr]
        if self.coaching is None or self.coaching.state != "rest" or self.paused:
            self.overlays.end_rest()
        text = t("Try it") if self.demo else t("Go on") if resting or self.paused else ""
        self.panel.set_running(running, can_run=can_run, text=text)
        self._show_score()
        self.status.show_state(self.feed.source, self.feed.engine, self.stage)
        self.video.update()

    def _blank(self) -> None:
        """There is no picture: what was measured of the last one is no longer true."""
        self.stage.lose()
        self.panel.plot.lose()
        self.figure.set_pose(None)
        self.overlays.outline.show_advice(None)

    # ---- Qt's own events

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if dropped_file(event):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        name = dropped_file(event)
        if name:
            self.source_wanted.emit(name)


def shown_mirrored(wanted: str, source: Source) -> bool:
    """Whether a source is mirrored, by the setting: "auto" mirrors cameras, as a mirror on the wall does."""
    return source.live if wanted == "auto" else wanted == "on"
