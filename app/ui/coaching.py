"""One workout as the coach page sees it: which exercise is on, what is counted, what is to be said.

Brings together the workout's runner, the score of the set under way, the guide into the picture before a
set, and the gestures. No Qt and no clock: everything is a function of the pipeline's steps. A single
exercise is a workout of one open set.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from app.framing import Advice, FramingGuide
from app.gestures import NOTHING, Action, Gesture, GestureReader, GestureState, Situation
from app.pipeline import StepResult
from app.recognition import Recogniser
from app.rules import Exercise, Rule, in_language
from app.summary import RepSummary, SetSummary, WorkoutSummary
from app.ui import amounts
from app.ui.records import Say
from app.ui.score import Score
from app.ui.words import as_told, headline, language, t
from app.workouts import Standing, State, WorkoutRunner, in_start_position

JUST_BEGUN: Final = 1.0  # seconds of the countdown: nobody has seen it and thought better of it so fast


@dataclass(frozen=True, kw_only=True)
class Moved:
    """What a step or a command brought: states entered, whether another exercise is on, whether the set's
    repetitions are others than before, whether one of them was just seen, and what a gesture asks for."""

    entered: tuple[State, ...] = ()
    exercise_changed: bool = False
    reps_changed: bool = False
    new_rep: bool = False
    asked: Action | None = None


class Coaching:
    """Follows a workout: `step` takes every result, the commands are the athlete's.

    library: the exercises by id, as they are judged today. gestures: those that are read; none: no hands.
    """

    def __init__(
        self,
        runner: WorkoutRunner,
        library: Mapping[str, Exercise],
        gestures: Sequence[Gesture] = (),
    ) -> None:
        self.runner, self.library = runner, library
        self._take_exercise(library[runner.exercise.id])
        self._reader = GestureReader(tuple(gestures))
        self._go = next((gesture for gesture in gestures if gesture.does == "go"), None)
        self.rest_over = next(  # the sign that ends a rest
            (sign for sign in gestures if "rest" in sign.situations and sign.does != "pause"), None
        )
        self.gesture: GestureState = NOTHING
        self.advice: Advice | None = None  # before a set only
        self.not_judged: tuple[Rule, ...] = ()  # rules off in this set: joints hidden that they need
        self._recogniser = Recogniser(library) if runner.plan.is_open else None
        self.offer: str | None = None  # another exercise that seems to be done instead
        self._counting_since: float | None = None  # of the countdown under way, on the frames' clock
        self._pending: list[RepSummary] = []
        self._state: State = runner.state  # as of the last step or command

    def _take_exercise(self, exercise: Exercise) -> None:
        self.score = Score(exercise)
        self._guide = FramingGuide(exercise)

    @property
    def exercise(self) -> Exercise:
        """Of the set under way, or of the one that comes."""
        return self.score.exercise

    @property
    def state(self) -> State:
        return self.runner.state

    @property
    def paused(self) -> bool:
        return self.runner.paused

    @property
    def just_counting(self) -> bool:
        """Whether the countdown has only just begun: who presses a key now means the start."""
        result, since = self.score.result, self._counting_since
        return self.state == "countdown" and (
            result is None or since is None or result.time - since < JUST_BEGUN
        )

    @property
    def standing(self) -> Standing:
        return self.runner.standing

    @property
    def summary(self) -> WorkoutSummary:
        """What was done so far."""
        return self.runner.summary

    @property
    def last_set(self) -> SetSummary | None:
        """The set under way or, between sets, the one just done."""
        return self.runner.last_set

    @property
    def rest_seconds(self) -> float:
        """Of the rest under way, as the plan has it."""
        sets, number = self.runner.plan.sets, self.standing.number
        return sets[number - 2].rest if self.state == "rest" and number >= 2 else 0.0

    # ---- what comes from the pipeline

    def add_rep(self, rep: RepSummary) -> None:
        """A repetition or hold that ended; the next step takes it."""
        self._pending.append(rep)

    def step(
        self, result: StepResult, width: int, height: int, *, holding: RepSummary | None = None
    ) -> Moved:
        """The newest result; some may have been skipped, repetitions never are.

        width, height: of the frame, pixels. holding: the hold under way.
        """
        asked = self._read_gesture(result)
        if self.paused:
            self._pending.clear()
            return Moved(asked=asked)
        self.score.add_result(result)
        measured = result.measurement
        ready = in_start_position(self.exercise, measured, result.phase)
        self.advice = None
        if self.state in ("before", "countdown"):
            self.advice = self._guide.step(result.time, result.pose, measured, width, height)
            ready = ready and self.advice.ok
            if self.advice.ok:
                self.not_judged = self.advice.off if self.advice.desk else ()
        self._recognise(result)
        ended, self._pending = self._pending, []
        entered = self.runner.step(result.time, ended, ready=ready, holding=holding)
        if self.state != "countdown":
            self._counting_since = None
        elif self._counting_since is None:
            self._counting_since = result.time
        self._state = self.runner.state
        return self._moved(entered, asked)

    def pass_time(self, time: float) -> Moved:
        """Time goes by without a picture: a rest does not wait for one. time: on the frames' clock."""
        if self.paused or self.state != "rest":
            return Moved()
        entered = self.runner.step(time)
        self._state = self.runner.state
        return self._moved(entered)

    def _recognise(self, result: StepResult) -> None:
        """In a single exercise of which nothing is counted, what is done may be another one."""
        if self._recogniser is None:
            return
        guess = self._recogniser.step(result.time, result.measurement)
        other = guess is not None and guess.exercise != self.exercise.id and not self.score.reps
        self.offer = guess.exercise if guess is not None and other else None

    def _read_gesture(self, result: StepResult) -> Action | None:
        situation: Situation = "paused" if self.paused else self.state
        self.gesture = self._reader.step(result.time, result.measurement, situation)
        fired = self.gesture.fired and self.gesture.gesture is not None
        return self.gesture.gesture.does if fired and self.gesture.gesture is not None else None

    def flush(self) -> Moved:
        """Takes what ended with the last frame of a recording."""
        result = self.score.result
        return self.step(result, 1, 1) if result is not None and self._pending else Moved()

    # ---- commands; `after_command` says what they brought about

    def start(self, *, at_once: bool = False) -> None:
        """Begins the set that waits: with the countdown, or at once."""
        self.runner.start(at_once=at_once)

    def pause(self) -> None:
        self.runner.pause()

    def go_on(self, *, at_once: bool = False) -> None:
        """After a pause. at_once: without waiting for the start position."""
        self.runner.go_on()
        if at_once:
            self.runner.start(at_once=True)

    def skip(self) -> None:
        self.runner.skip()

    def repeat(self) -> None:
        self.runner.repeat()

    def finish(self) -> None:
        self.runner.finish()

    def after_command(self) -> Moved:
        """What the commands since the last step brought about."""
        state, self._state = self._state, self.runner.state
        return self._moved((self.runner.state,) if self.runner.state != state else ())

    def replace_exercise(self, exercise: Exercise) -> None:
        """The same exercise, judged by other rules from now on; the count stays."""
        self.library = {**self.library, exercise.id: exercise}
        if exercise.id == self.exercise.id:
            self.score.exercise = exercise

    def _moved(self, entered: Sequence[State], asked: Action | None = None) -> Moved:
        changed = self.runner.exercise.id != self.exercise.id
        if changed:
            self._take_exercise(self.library[self.runner.exercise.id])
        if "before" in entered:
            self._guide.reset()
        current = self.last_set if self.state in ("set", "rest", "done") or self._resumed else None
        before = self.score.reps
        reps = current.reps if current is not None else ()
        if self.state == "set" and self.score.holding_since is not None and reps and reps[-1].kind == "hold":
            reps = reps[:-1]  # the one under way is in the counter
        new = self.score.show_reps(reps)
        return Moved(
            entered=tuple(entered),
            exercise_changed=changed,
            reps_changed=self.score.reps != before,
            new_rep=new,
            asked=asked,
        )

    @property
    def _resumed(self) -> bool:
        """Whether the set that waits for the start position has been begun already."""
        return self.state in ("before", "countdown") and self.standing.count > 0

    # ---- what is shown

    @property
    def number(self) -> str:
        """For the middle of the ring."""
        standing = self.standing
        if standing.state in ("countdown", "rest") and standing.remaining is not None:
            return str(max(1, int(standing.remaining + 0.999)))
        if standing.state == "before" and not self._resumed:
            return "0"  # whoever came to rest in the pose of the hold has not held it yet
        return self.score.number

    @property
    def word(self) -> str:
        """Below the number: what it counts, and what the plan asks for."""
        standing = self.standing
        if standing.state == "countdown":
            return t("get ready")
        if standing.state == "rest":
            return t("seconds of rest")
        planned = standing.planned
        if planned is not None and planned.reps is not None:
            return t("of {count} reps", count=planned.reps)
        if planned is not None and planned.seconds is not None:
            if self.score.is_hold:
                return t("of {count} s", count=f"{planned.seconds:.0f}")
            left = planned.seconds if standing.remaining is None else standing.remaining
            return t("reps · {count} s left", count=f"{left:.0f}")
        return self.score.word

    @property
    def notes(self) -> tuple[str, ...]:
        """What else is to be known: the set of the plan, and which rules are off."""
        notes = []
        standing = self.standing
        if standing.planned is not None:
            parts = []
            if standing.total > 1:
                parts.append(t("Set {number} of {total}", number=standing.number, total=standing.total))
            if standing.planned.load is not None:
                parts.append(amounts.load(standing.planned.load.kg))
            if parts:
                notes.append(" · ".join(parts))
        if self.not_judged and self.state in ("before", "countdown", "set"):
            rules = ", ".join(headline(in_language(rule.say, language())) for rule in self.not_judged[:3])
            notes.append(t("Upper body alone. Not judged: {rules}", rules=rules))
        return tuple(notes)

    @property
    def say(self) -> Say:
        """The one thing to say now."""
        if self.paused:
            return Say(text=t("Paused"), icon="pause")
        if self.state == "countdown":
            return Say(text=t("Stay like that, it begins"), tone="good", icon="check")
        if self.state == "rest":
            planned = self.standing.planned
            name = self.library[planned.exercise].name(language()) if planned is not None else ""
            text = t("Rest. Next: {exercise}", exercise=name)
            if self.rest_over is not None:
                sign = self.rest_over.name(language())
                text = t("{what}.\nTo begin at once: {gesture}", what=text, gesture=as_told(sign))
            return Say(text=text, icon="clock")
        if self.state == "before" and self.advice is not None:
            return self._before_say()
        said = self.score.say
        if self.offer is not None and said.tone == "calm":
            name = self.library[self.offer].name(language())
            text = t("This looks like: {exercise}. S switches to it.", exercise=name)
            return Say(text=text, tone="info", icon="info")
        return said

    def _before_say(self) -> Say:
        """What comes or is left after a pause, and how to begin; how to stand is told on the picture."""
        planned = self.standing.planned
        assert planned is not None and self.advice is not None
        amount = amounts.planned_amount(planned, self.library)
        if planned.reps is not None and 0 < self.standing.count < planned.reps:
            amount = t("{count} more", count=planned.reps - self.standing.count)
        comes = amounts.named(self.library, planned.exercise, amount)
        sign = self._go.name(language()) if self._go is not None else t("the space bar")
        text = t("{what}.\nTo begin at once: {gesture}", what=comes, gesture=as_told(sign))
        return Say(text=text, icon="person")
