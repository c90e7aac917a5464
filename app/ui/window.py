"""The main window: a stack of pages, and the ways between them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QCloseEvent, QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QMainWindow, QMessageBox, QWidget

from app.capture import DEMO, Source
from app.errors import FormcueError
from app.feedback import Complaint
from app.gestures import Gesture
from app.rules import Exercise
from app.settings import Settings, change_settings, data_folder
from app.summary import WorkoutSummary
from app.ui import theme
from app.ui.coach import CoachPage, shown_mirrored
from app.ui.coaching import Coaching
from app.ui.demo import DemoMode
from app.ui.encore import Encore
from app.ui.feed import Feed
from app.ui.help_page import HelpPage
from app.ui.home import HomePage
from app.ui.keeper import Keeper
from app.ui.library import Shelf, shown_entries
from app.ui.look import apply_look, camera_size, known_gestures, known_models
from app.ui.narrator import Narrator
from app.ui.page_stack import PageStack
from app.ui.records_pages import RecordPages
from app.ui.rule_reload import RuleReloader
from app.ui.settings_page import SettingsPage
from app.ui.tour import Tour
from app.ui.words import language, said, t
from app.ui.worker import InferenceWorker
from app.workouts import WorkoutRunner, one_set

FIRST_EXERCISE: Final = "squat"
SHOWN_PROBLEMS: Final = 5  # of a workout's file
_WRITTEN: Final = ("language", "units", "theme", "text_size")  # settings of what is written, and of its look


@dataclass(frozen=True, kw_only=True)
class Options:
    """How the window starts. source and exercise None: with the home page, else with the coach.

    mirror None: as the settings say. loop: a file begins again at its end.
    """

    source: str | None = None
    exercise: str | None = None
    mirror: bool | None = None
    loop: bool = False


class MainWindow(QMainWindow):
    """Owns the pages, the settings and the workout under way."""

    rebuild_engine = Signal()  # the settings ask for another device or model
    _told = Signal(object)  # what says a line, from another thread

    def __init__(
        self,
        worker: InferenceWorker,
        shelf: Shelf,
        settings: Settings,
        options: Options,
        *,
        told: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__()
        self.setWindowTitle("Formcue")
        self.setWindowIcon(theme.app_icon())
        self.resize(1280, 720)
        self.setMinimumSize(480, 480)
        self.worker, self.shelf, self.options = worker, shelf, options
        self.settings = replace(settings, **(told or {}))  # what holds: the command line goes before
        self.feed = Feed(worker, self)
        self.keeper = Keeper(data_folder(), told=self._told.emit)
        self.stack = PageStack()
        self.setCentralWidget(self.stack)
        self.gestures = known_gestures()
        self.narrator = Narrator()
        self.muted = False
        self.home, self.coach = HomePage(), CoachPage(self.feed, self.narrator)
        self.preferences = SettingsPage(self.settings, known_models())
        self.help = HelpPage(self.gestures)
        self.records = RecordPages(self.stack, self.shelf, self.keeper)
        for page in (self.home, self.coach, self.preferences, self.help):
            self.stack.add(page)
        self.tour = Tour(self.home)
        self.reloader = RuleReloader(self)
        self.demo = DemoMode(self.coach, self.feed, self)
        self.encore = Encore(self.feed)
        self._before: QWidget = self.home  # the page that the help was asked for from
        self._connect()
        self.feed.look_for_cameras()
        self._arrange()
        self._fill()
        self._take_sound()
        if options.source is None and options.exercise is None:
            self.show_home()
            if not self.settings.tour_done:
                self.tour.begin()
        elif options.source == DEMO:
            self.begin_demo(options.exercise or FIRST_EXERCISE)
        else:
            self.begin_exercise(options.exercise or FIRST_EXERCISE, source=options.source)

    def _connect(self) -> None:
        home, coach = self.home, self.coach
        home.exercise_chosen.connect(self.begin_exercise)
        home.plan_chosen.connect(self.begin_plan)
        home.resume_wanted.connect(self.resume)
        home.discard_wanted.connect(self.put_away)
        home.demo_wanted.connect(self.begin_demo)
        coach.try_wanted.connect(self.demo.try_camera)
        self.demo.wanted.connect(lambda spec: self._open(spec, loop=True))
        home.settings_wanted.connect(self.show_settings)
        home.help_wanted.connect(self.toggle_help)
        self.preferences.home_wanted.connect(self.show_home)
        self.preferences.changed.connect(lambda name, value: self.change(**{name: value}))
        self.help.home_wanted.connect(self.toggle_help)
        self.help.tour_wanted.connect(self._begin_tour)
        self.tour.done.connect(lambda: self.change(tour_done=True))
        coach.home_wanted.connect(self.show_home)
        coach.help_wanted.connect(self.toggle_help)
        coach.full_screen_wanted.connect(self.toggle_full_screen)
        coach.exercise_wanted.connect(self.begin_exercise)
        coach.source_wanted.connect(self.open)
        coach.reload_wanted.connect(self.reload_exercise)
        coach.mirror_wanted.connect(self.set_mirror)
        coach.mute_wanted.connect(self.set_muted)
        coach.metronome_wanted.connect(lambda: self.change(metronome=not self.settings.metronome))
        coach.complaint.connect(self.keep_poses)
        coach.ended.connect(self._on_ended)
        records = self.records
        home.history_wanted.connect(lambda: records.show_history(self.settings.profile))
        home.plan_edited.connect(records.edit_plan)
        home.studio_wanted.connect(lambda: records.show_studio(None))
        records.home_wanted.connect(self.show_home)
        records.again_wanted.connect(self._again)
        self.encore.wanted.connect(self._again)
        records.plans_changed.connect(self._on_plans_changed)
        records.profile_chosen.connect(lambda name: self.change(profile=name))
        self.reloader.reloaded.connect(self._on_rules_changed)
        self.reloader.broken.connect(self._on_rules_broken)
        records.problem.connect(self.tell)
        self._told.connect(self.tell)
        self.feed.opened.connect(self._on_opened)
        self.feed.changed.connect(self._on_feed_changed)

    # ---- what is begun

    def begin_demo(self, id: str = FIRST_EXERCISE) -> None:
        """Everything on one screen, full, over and over; nothing of it is kept."""
        self.begin_exercise(id, source=DEMO, loop=True)
        self.demo.begin()
        self.showFullScreen()

    def begin_exercise(self, id: str, source: str | None = None, *, loop: bool = False) -> None:
        """One exercise, as often as the athlete likes; from the source under way, unless told otherwise."""
        self.demo.end()
        entry = self.shelf.entry(id)
        if entry is None:
            return
        source = source or self.feed.spec
        self.keeper.put_away(self.shelf.exercises)
        self.stack.show_page(self.coach)
        if entry.exercise is None:
            self.coach.follow(None, entry, at_once=False)
        else:
            at_once = source is not None and not _may_be_camera(source)
            runner = self.keeper.begin(
                one_set(entry.exercise), self.shelf.exercises, profile=self.settings.profile, keep=not at_once
            )
            self.coach.follow(self._coaching(runner), entry, at_once=at_once)
        self.reloader.watch(entry.path)
        self._open(source, loop=loop or self.options.loop)

    def begin_plan(self, path: Path) -> None:
        """A workout of the library, or of one's own."""
        found = self.shelf.plan(path)
        if found is not None and found.plan is None:  # it may be mended by now
            self.shelf.reload_plans()
            self._fill()
            found = self.shelf.plan(path)
        if found is None:
            return
        if found.plan is None:
            problems = found.problems[:SHOWN_PROBLEMS]
            self.tell(lambda: "\n".join((t("This workout's file has errors:"), *problems)))
            return
        self.keeper.put_away(self.shelf.exercises)
        self._follow(self.keeper.begin(found.plan, self.shelf.exercises, profile=self.settings.profile))

    def resume(self) -> None:
        """The workout that was left in the middle."""
        try:
            runner = self.keeper.resume(self.shelf.exercises)
        except FormcueError as error:
            self.tell(partial(said, error))
            self.home.offer_to_resume(self.keeper.waiting_text(self.shelf.exercises))
            return
        self._follow(runner)

    def put_away(self) -> None:
        """The workout that was left in the middle is over: into the history."""
        self.keeper.put_away(self.shelf.exercises)
        self.home.offer_to_resume("")

    def _follow(self, runner: WorkoutRunner) -> None:
        entry = self.shelf.entry(runner.exercise.id)
        assert entry is not None
        self.stack.show_page(self.coach)
        self.coach.follow(self._coaching(runner), entry, at_once=False)
        self._open(self.feed.spec or self.options.source, loop=True)

    def _coaching(self, runner: WorkoutRunner) -> Coaching:
        return Coaching(runner, self.shelf.exercises, self._read_gestures)

    @property
    def _read_gestures(self) -> tuple[Gesture, ...]:
        return self.gestures if self.settings.gestures else ()

    def reload_exercise(self) -> None:
        """Reads a broken rule file again."""
        if self.coach.entry is not None:
            entry = self.shelf.reload_entry(self.coach.entry.path)
            self._fill()
            self.begin_exercise(entry.id)

    # ---- sources

    def open(self, spec: str) -> None:
        """Another source for what is being done: a camera's number or name, a file, or "demo"."""
        coaching, entry = self.coach.coaching, self.coach.entry
        if entry is None:
            self.begin_exercise(FIRST_EXERCISE, source=spec)
        elif coaching is None or coaching.runner.plan.is_open:
            self.begin_exercise(entry.id, source=spec)
        else:
            self._open(spec, loop=True)

    def _open(self, spec: str | None, *, loop: bool) -> None:
        """None: the camera of the settings, else the first one."""
        if spec is None:
            self.feed.open_camera(self.settings.camera, size=camera_size(self.settings))
        else:
            self.feed.open(spec, loop=loop, size=camera_size(self.settings))
        self.coach.show_opening()

    def _on_feed_changed(self) -> None:
        self.preferences.show_cameras(self.feed.cameras or ())
        if self.stack.currentWidget() is self.coach:
            self.coach.show_sources()

    def _on_opened(self, source: Source) -> None:
        wanted = self.options.mirror
        self.coach.show_mirror(shown_mirrored(self.settings.mirror, source) if wanted is None else wanted)

    def set_mirror(self, mirror: bool) -> None:
        self.coach.show_mirror(mirror)

    # ---- pages

    def show_home(self) -> None:
        """Leaves what is under way; a workout can be gone on with."""
        if self.demo.on:
            self.demo.end()
            self.showNormal()
        self.reloader.watch(None)
        self.narrator.quiet()
        self.feed.close()
        self.coach.stage.clear()  # no picture of the athlete stays, nor the memory of it
        self.keeper.leave()
        self.stack.show_page(self.home)
        self.home.offer_to_resume(self.keeper.waiting_text(self.shelf.exercises))

    def show_settings(self) -> None:
        self.stack.show_page(self.preferences)

    def toggle_help(self) -> None:
        """Shows the help, or goes back to where it was asked for. A set is paused meanwhile."""
        if self.stack.currentWidget() is self.help:
            self.stack.show_page(self._before)
        else:
            self.coach.pause()
            self._before = self.stack.currentWidget() or self.home
            self.stack.show_page(self.help)

    def _begin_tour(self) -> None:
        self.show_home()
        self.tour.begin()

    def _on_ended(self, done: WorkoutSummary) -> None:
        """What was done is shown, and kept; an empty one stays with the coach, who says why."""
        self.reloader.watch(None)
        self.keeper.save(done, self.settings.profile)
        if done.sets:
            page = self.records.show_summary(done, self.settings.profile)
            self.encore.begin(page, self._read_gestures)
        else:
            self.feed.close()

    def _again(self) -> None:
        """The same once more."""
        plan = self.coach.coaching.runner.plan if self.coach.coaching is not None else None
        if plan is None or plan.path is None:
            self.begin_exercise(self.coach.entry.id if self.coach.entry is not None else FIRST_EXERCISE)
        else:
            self.begin_plan(plan.path)

    def _on_plans_changed(self) -> None:
        self.shelf.reload_plans()
        self._fill()
        self.show_home()

    # ---- rules that change while they are used

    def _on_rules_changed(self, exercise: Exercise) -> None:
        self.shelf.reload_entry(exercise.path or Path())
        if self.coach.coaching is not None and exercise.id in self.shelf.exercises:
            judged = self.shelf.exercises[exercise.id]
            self.coach.coaching.replace_exercise(judged)
            self.worker.set_exercise(self.coach.coaching.exercise)
            self.coach.flash(lambda: t("The rule file was read again"))

    def _on_rules_broken(self, problems: tuple[str, ...]) -> None:
        found, _, _ = Path(problems[0]).name.partition(", expected ")  # the whole of it is the studio's
        self.coach.flash(lambda: t("The rule file has errors: {problem}", problem=found))

    def tell(self, say: Callable[[], str]) -> None:
        """A line that matters: on the picture, else in a box that waits for nobody."""
        if self.stack.currentWidget() is self.coach:
            self.coach.flash(say)
            return
        box = QMessageBox(QMessageBox.Icon.NoIcon, "Formcue", say(), parent=self)
        box.setIconPixmap(
            theme.pixmap("info", round(40 * self.stack.unit), "accent", self.devicePixelRatioF())
        )
        box.setStyleSheet(theme.style_sheet(self.stack.unit))
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        box.open()

    def keep_poses(self, complaint: Complaint) -> None:
        """What the athlete says was wrong is kept as poses, for the rule studio."""
        coaching = self.coach.coaching
        if coaching is None:
            return
        result = coaching.score.result
        prompt = result.prompt if result is not None else None
        about = prompt.rule if complaint == "wrong_cue" and prompt is not None else ""
        source = self.feed.source
        size = (source.width, source.height) if source is not None else (1, 1)
        self.keeper.keep_poses(
            self.worker.last_poses(), complaint, coaching.exercise.id, size=size, about=about
        )

    def _fill(self) -> None:
        entries = self.shelf.entries
        self.home.show_library(entries, self.shelf.plans)
        coaching, entry = self.coach.coaching, self.coach.entry
        chosen = entry.id if entry is not None else FIRST_EXERCISE
        if coaching is not None:  # of a workout, the one that is on
            chosen = coaching.exercise.id
        self.coach.top.fill_exercises(shown_entries(entries), chosen)

    # ---- settings

    def change(self, **changes: Any) -> None:
        """Takes other settings, at once and for next time."""
        before, self.settings = self.settings, replace(self.settings, **changes)
        try:
            change_settings(changes)
        except FormcueError as error:
            self._told.emit(partial(said, error))
        apply_look(self.settings)
        now = self.settings
        if now.language != before.language:
            self.worker.set_language(language())
        if (now.device, now.model) != (before.device, before.model):
            self.rebuild_engine.emit()
        if now.strictness != before.strictness:
            self.shelf.level = now.strictness
        if any(getattr(now, name) != getattr(before, name) for name in _WRITTEN):
            self._retranslate()
        self._take_sound()
        self.preferences.show_settings(now)

    def _retranslate(self) -> None:
        """What is written, or its look, is another."""
        self.stack.retranslate()
        if not self.home.resume.isHidden():
            self.home.offer_to_resume(self.keeper.waiting_text(self.shelf.exercises))
        self.tour.retranslate()
        self._fill()

    def set_muted(self, muted: bool) -> None:
        """Silence for this time; the settings keep what they say."""
        self.muted = muted
        self.coach.top.show_switch(self.coach.top.mute, muted)
        self._take_sound()

    def _take_sound(self) -> None:
        self.narrator.take(self.settings, muted=self.muted)
        self.coach.show_tempo()

    def _arrange(self) -> None:
        if self.stack.arrange(self.width(), self.height()):
            self.tour.set_unit(self.stack.unit)

    def toggle_full_screen(self) -> None:
        self.setWindowState(self.windowState() ^ Qt.WindowState.WindowFullScreen)

    def back(self) -> None:
        """Escape: back to where one came from, at last home. It never ends the program."""
        if self.stack.currentWidget() is self.help:
            self.toggle_help()
        elif self.stack.currentWidget() is not self.home:
            self.show_home()

    # ---- Qt's own events

    def event(self, event: QEvent) -> bool:
        done = super().event(event)
        if event.type() == QEvent.Type.UpdateRequest:  # everything that was changed is painted now
            self.coach.stage.painted(time.monotonic())
        return done

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Keys that no focused widget wants for itself: the page's, then the window's."""
        acts: dict[Qt.Key, Callable[[], object]] = {
            Qt.Key.Key_F: self.toggle_full_screen,
            Qt.Key.Key_F11: self.toggle_full_screen,
            Qt.Key.Key_Escape: self.back,
            Qt.Key.Key_F1: self.toggle_help,
        }
        key = Qt.Key(event.key())
        if event.isAutoRepeat():
            super().keyPressEvent(event)
        elif key == Qt.Key.Key_Escape and self.isFullScreen() and not self.demo.on:
            self.toggle_full_screen()
        elif not self.stack.act(event):
            acts.get(key, lambda: QMainWindow.keyPressEvent(self, event))()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange()

    def closeEvent(self, event: QCloseEvent) -> None:
        """Asks the threads to end and goes at once; the program waits for them behind (see app.py)."""
        event.accept()
        with ExitStack() as ending:  # each of them, also when one breaks; the last of these goes first
            ending.callback(self.keeper.close)
            ending.callback(self.worker.stop, 0.0)
            ending.callback(self.feed.runner.stop)
            ending.callback(self.records.close)
            ending.callback(self.narrator.quiet)
            ending.callback(self.encore.end)
            ending.callback(self.coach.hide)  # its timers end


def _may_be_camera(spec: str) -> bool:
    return spec != DEMO and not Path(spec).is_file()
