"""The rule studio's page: puts the views together around a StudioSession."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Final

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import (
    QHideEvent,
    QKeyEvent,
    QKeySequence,
    QShortcut,
    QShowEvent,
)

from app.capture import DEMO
from app.errors import FormcueError
from app.rule_edit import Place
from app.settings import data_folder
from app.studio_footage import Footage
from app.studio_lanes import TimeWindow, lane_of
from app.studio_session import StudioSession
from app.ui.library import ADJUSTMENTS
from app.ui.rule_reload import RuleReloader
from app.ui.rule_studio.background import FootageRunner, TestRunner
from app.ui.rule_studio.dialogs import RULE_SUFFIXES, ask_for_recording, ask_for_rules
from app.ui.rule_studio.frame import StudioFrame
from app.ui.rule_studio.hand import LevelHand
from app.ui.rule_studio.player import Player
from app.ui.rule_studio.state import Timeline, state_of
from app.ui.words import language, said, t

PICTURE_AFTER: Final = 150  # milliseconds
ZOOM: Final = 1.5
NOTE_SECONDS: Final = 8


class StudioPage(StudioFrame):
    """A rule file on a recording: see what it makes of it, why, and change it.

    open(rule file, recording) begins; closed() says that the user has had enough.
    """

    closed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.session = StudioSession(language=language(), adjustments=data_folder() / ADJUSTMENTS)
        self.footage: Footage | None = None
        self.playhead = 0.0
        self._window: TimeWindow | None = None
        self.hand = LevelHand(self.session)
        self._failure = ""
        self._recording: Path | None = None
        self.runner, self.tests = FootageRunner(), TestRunner()
        self.reloader = RuleReloader(self)
        self._connect()
        self.player = Player(self)
        self.player.advanced.connect(self._play_on)
        self._quiet = QTimer(self)
        self._quiet.setSingleShot(True)
        self._quiet.timeout.connect(lambda: self.bar.note.setText(""))
        self.retranslate()

    # ---- building

    def _connect(self) -> None:
        bar, timeline = self.bar, self.timeline
        bar.close_wanted.connect(self.closed)
        bar.rules_wanted.connect(self.ask_for_rules)
        bar.recording_wanted.connect(self.ask_for_recording)
        bar.play_wanted.connect(self.toggle_play)
        bar.zoom_wanted.connect(self.zoom)
        bar.undo_wanted.connect(self.undo)
        bar.redo_wanted.connect(self.redo)
        bar.reload_wanted.connect(self.reload)
        timeline.scrubbed.connect(self.scrub)
        timeline.zoomed.connect(self._set_window)
        timeline.rule_clicked.connect(self.select_rule)
        timeline.level_selected.connect(self._on_level_selected)
        timeline.level_moved.connect(self._on_level_moved)
        timeline.level_set.connect(self._on_level_set)
        timeline.level_left.connect(self._on_level_left)
        self.rules.chosen.connect(self.select_rule)
        self.empty.rules_wanted.connect(self.ask_for_rules)
        self.empty.recording_wanted.connect(self.ask_for_recording)
        self.empty.demo_wanted.connect(lambda: self.open_recording(Path(DEMO)))
        self.test_strip.recording_wanted.connect(self.open_recording)
        self.tests.finished.connect(self.test_strip.show_outcomes)
        self.runner.loading.connect(self.pose.show_loading)
        self.runner.loaded.connect(self._on_loaded)
        self.runner.failed.connect(self._on_failed)
        self.file_dropped.connect(self._on_dropped)
        self.reloader.reloaded.connect(lambda _: self.reload())
        self.reloader.broken.connect(lambda _: self.reload())
        for keys, act in (
            (QKeySequence.StandardKey.Undo, self.undo),
            (QKeySequence("Ctrl+Shift+Z"), self.redo),
            (QKeySequence("Ctrl+Y"), self.redo),
            (QKeySequence("Ctrl+O"), self.ask_for_rules),
            (QKeySequence("Ctrl+Shift+O"), self.ask_for_recording),
            (QKeySequence("F5"), self.reload),
        ):
            shortcut = QShortcut(QKeySequence(keys), self)
            shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            shortcut.activated.connect(act)

    def retranslate(self) -> None:
        """Texts and colours of now."""
        super().retranslate()
        if self.session.language != language():
            self.session.set_language(language())
        self._refresh()

    # ---- what the user does

    def open(self, rule_file: Path | None, recording: Path | None = None) -> None:
        """Opens a rule file, and the recording or video to look at (None: keep the one that is open)."""
        if rule_file is not None:
            self.open_rules(rule_file)
        if recording is not None:
            self.open_recording(recording)

    def open_rules(self, path: Path) -> None:
        self.session.open_rules(path)
        self.reloader.watch(path)
        self.session.rule, self.hand.selected = "", None
        if self.session.exercise is not None and self.session.exercise.rules:
            self.session.rule = self.session.exercise.rules[0].id
        self.timeline.file = path.name
        self._file_changed()

    def open_recording(self, path: Path) -> None:
        """A recorded pose file, a video, or "demo"; a video is estimated while one waits."""
        self._recording, self._failure = path, ""
        self.footage = None
        self.session.set_track(None)
        self._set_playing(False)
        self.pose.clear()
        self.pose.share = 0.0
        self.runner.start(path)
        self._refresh()

    def ask_for_rules(self) -> None:
        path = ask_for_rules(self, self.session.path.parent if self.session.path is not None else None)
        if path is not None:
            self.open_rules(path)

    def ask_for_recording(self) -> None:
        path = ask_for_recording(self, self._recording.parent if self._recording is not None else None)
        if path is not None:
            self.open_recording(path)

    def reload(self) -> None:
        """Reads the rule file again."""
        self.session.reload()
        self._file_changed()

    def undo(self) -> None:
        self._take_back(undo=True)

    def redo(self) -> None:
        self._take_back(undo=False)

    def _take_back(self, *, undo: bool) -> None:
        try:
            edit = self.session.undo() if undo else self.session.redo()
        except FormcueError as error:
            self.say(said(error))
            return
        if edit is not None:
            was, now = (edit.now, edit.was) if undo else (edit.was, edit.now)
            self.say(t("{was} is {now} again", was=was, now=now))
            self._file_changed()

    def toggle_play(self) -> None:
        if self.footage is not None:
            if not self.player.playing and self.playhead >= self.footage.track.end:
                self.scrub(self.footage.track.start)
            self._set_playing(not self.player.playing)

    def zoom(self, steps: int) -> None:
        """Nearer or farther around the playhead; 0: all of it."""
        if self._window is not None:
            factor = ZOOM**steps if steps else 1e-9
            self._set_window(self._window.zoomed(factor, self.playhead))

    def scrub(self, time: float) -> None:
        """The playhead to that time."""
        if self.footage is None or self._window is None:
            return
        track = self.footage.track
        self.playhead = min(track.end, max(track.start, time))
        self._window = self._window.showing(self.playhead)
        self._show_moment()

    def step_frames(self, steps: int) -> None:
        """So many frames on or back."""
        if self.footage is not None:
            track = self.footage.track
            index = min(len(track.times) - 1, max(0, track.index_at(self.playhead) + steps))
            self.scrub(track.times[index])

    def select_rule(self, rule: str) -> None:
        """Shows why this one fires or not; "": what counts, and what does not."""
        if rule != self.session.rule:
            self.session.rule = rule
            mine = [t for t in self.session.thresholds if t.owner == rule]
            if self.hand.selected not in [t.place for t in mine]:
                self.hand.selected = None
                self.hand.refresh()  # the limits of other levels are this rule's; none moves under the hand
            self._show_moment()
            if mine and mine[0].name:
                self.timeline.reveal(lane_of(mine[0].name))

    def say(self, text: str) -> None:
        """A line in the bar, for a while."""
        self.bar.note.setText(text)
        self.bar.note.setToolTip(text)
        self._quiet.start(NOTE_SECONDS * 1000)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Keys that no view wants for itself."""
        shift = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        second = self.footage.track.recording.fps if self.footage is not None else 1.0
        steps = round(second) if shift else 1
        acts = {
            Qt.Key.Key_Space: self.toggle_play,
            Qt.Key.Key_Left: lambda: self.step_frames(-steps),
            Qt.Key.Key_Right: lambda: self.step_frames(steps),
            Qt.Key.Key_Home: lambda: self.scrub(-1e9),
            Qt.Key.Key_End: lambda: self.scrub(1e9),
            Qt.Key.Key_Plus: lambda: self.zoom(1),
            Qt.Key.Key_Equal: lambda: self.zoom(1),
            Qt.Key.Key_Minus: lambda: self.zoom(-1),
            Qt.Key.Key_0: lambda: self.zoom(0),
        }
        act = acts.get(Qt.Key(event.key()))
        if act is None:
            super().keyPressEvent(event)
        else:
            act()

    def _on_dropped(self, path: Path) -> None:
        if path.suffix.lower() in RULE_SUFFIXES:
            self.open_rules(path)
        else:
            self.open_recording(path)

    # ---- levels

    def _on_level_selected(self, place: Place | None) -> None:
        self.hand.selected = place
        self.hand.refresh()
        self._show_moment()

    def _on_level_moved(self, place: Place, value: float) -> None:
        self.say(self.hand.move(place, value))
        self._show_moment()

    def _on_level_set(self, place: Place, value: float) -> None:
        self.say(self.hand.put(place, value))
        self._file_changed()

    def _on_level_left(self) -> None:
        self.hand.leave()
        self._show_moment()

    # ---- what is heard

    def _on_loaded(self, footage: Footage) -> None:
        self.footage = footage
        self.pose.share = None
        track = footage.track
        self._window = TimeWindow.whole(track.start, track.end)
        self.playhead = track.start
        self.session.set_track(track)
        analysis = self.session.analysis
        if analysis is not None and analysis.prompts:  # begin where there is something to see
            self.playhead = analysis.prompts[0].t
            self.session.rule = analysis.prompts[0].rule
        elif analysis is not None and not analysis.reps and analysis.counted.not_counted:
            self.playhead = analysis.counted.not_counted[0].top
            self.session.rule = ""
        self.hand.refresh()
        self._refresh()

    def _on_failed(self, text: str) -> None:
        self._failure = text
        self._recording = None
        self.pose.clear()
        self._refresh()

    def _file_changed(self) -> None:
        """The file says something else, or is broken: everything follows."""
        session = self.session
        if session.editor is not None and not session.problems:
            self.reloader.expect(session.editor.data)
        if session.exercise is not None and not session.problems:
            if session.exercise.tests:
                self.test_strip.show_running()
            self.tests.start(session.exercise)
            if self.session.rule and self.session.rule not in [r.id for r in session.exercise.rules]:
                self.session.rule = session.exercise.rules[0].id if session.exercise.rules else ""
        self.hand.refresh()
        self._refresh()

    # ---- playing

    def _set_playing(self, playing: bool) -> None:
        self.player.set_playing(playing)
        self.bar.set_playing(playing)

    def _play_on(self, seconds: float) -> None:
        self.scrub(self.playhead + seconds)
        if self.footage is None or self.playhead >= self.footage.track.end:
            self._set_playing(False)

    # ---- what is shown

    def _set_window(self, window: TimeWindow) -> None:
        self._window = window
        self._show_moment()

    def _refresh(self) -> None:
        """Everything that follows from what is open."""
        session = self.session
        self.bar.set_names(
            session.path.name if session.path is not None else "",
            ""
            if self._recording is None
            else t("Demo clip")
            if str(self._recording) == DEMO
            else self._recording.name,
        )
        self.bar.set_possible(undo=session.can_undo, redo=session.can_redo, play=self.footage is not None)
        self.problems.show_problems(session.path, session.problems, kept=session.exercise is not None)
        self.empty.show_state(
            has_rules=session.exercise is not None,
            broken=bool(session.problems),
            has_recording=self._recording is not None,
            failure=self._failure,
        )
        ready = session.exercise is not None and self._recording is not None
        if ready and self.split.isHidden():
            QTimer.singleShot(0, self.timeline.setFocus)
        self.empty.setVisible(not ready)
        self.split.setVisible(ready)
        self._show_moment()

    def _show_moment(self) -> None:
        """The views at the playhead."""
        analysis, footage = self.session.shown, self.footage
        exercise = self.session.exercise
        if analysis is None or footage is None or self._window is None:
            self.timeline.show_timeline(None)
            self.rules.show_rules(exercise, {}, frozenset(), self.session.rule)
            rules = exercise.rules if exercise is not None else ()
            chosen = next((rule for rule in rules if rule.id == self.session.rule), None)
            self.inspector.show_explanation(chosen, None)
            return
        track = footage.track
        index = track.index_at(self.playhead)
        active = analysis.active[index]
        firing = frozenset(rule.rule for rule in active)
        rule = next((r for r in analysis.exercise.rules if r.id == self.session.rule), None)
        explained = analysis.explained(rule.id) if rule is not None else ()
        self.timeline.show_timeline(
            Timeline(
                analysis=analysis,
                lanes=self.hand.lanes,
                window=self._window,
                playhead=self.playhead,
                rule=rule.id if rule is not None else "",
                states=analysis.states(rule.id, state_of) if rule is not None else (),
                selected=self.hand.selected,
                refusal=self.hand.refusal,
            )
        )
        said = Counter(prompt.rule for prompt in analysis.prompts)
        said[""] = len(analysis.reps) + len(analysis.holds)
        self.rules.show_rules(analysis.exercise, said, firing, self.session.rule)
        if rule is None:
            self.inspector.show_counting(analysis, self.playhead)
        else:
            self.inspector.show_explanation(rule, explained[index] if explained else None)
        if not self.pose.show_footage(footage, analysis, index, self.session.rule):
            QTimer.singleShot(PICTURE_AFTER, self._show_moment)  # its picture is still being unpacked

    # ---- Qt's own events

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.timeline.setFocus()

    def hideEvent(self, event: QHideEvent) -> None:
        self._set_playing(False)
        super().hideEvent(event)

    def stop(self, patience: float = 2.0) -> bool:
        """Ends what runs behind it, and waits so many seconds for it. True when it has ended."""
        self._set_playing(False)
        self.runner.stop()
        self.tests.stop()
        self.reloader.watch(None)
        return self.runner.wait(patience)
