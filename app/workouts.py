"""Workouts: following a plan set by set. No Qt, and no clock: time is an argument.

`WorkoutRunner` follows a plan (app/plans.py):

    before  the athlete gets into the start position of the next set
    countdown  three seconds, if the start position is kept
    set     counting, until the repetitions or the seconds of the plan are reached
    rest    until its time is over; then "before" again
    done

Everything that happens is first written to the journal as a line, and only then applied; a runner that is
made of the lines of a journal (`WorkoutRunner.resume`) therefore stands where the one stood that wrote them.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final, Literal, Protocol

from app.errors import EXIT_USAGE, FormcueError
from app.parameters import Measurement
from app.plans import Plan as Plan
from app.plans import PlannedSet, plan_as_json, plan_from_json
from app.plans import one_set as one_set
from app.rules import Exercise
from app.summary import RepSummary, SetSummary, WorkoutSummary, rep_as_json, rep_from_json

State = Literal["before", "countdown", "set", "rest", "done"]

READY: Final = 1.0  # seconds in the start position before the countdown
COUNTDOWN: Final = 3.0
LEFT: Final = 1.0  # seconds out of the start position that end the countdown
LATE: Final = 2.0  # steps that are further apart saw nothing in between: no time of work; a rest goes by
MORE_REST: Final = 15.0  # what "a little longer" means, seconds


class WorkoutError(FormcueError):
    """A workout cannot be done; the text is one line that says why."""

    exit_code = EXIT_USAGE


def in_start_position(exercise: Exercise, measurement: Measurement | None, phase: str) -> bool:
    """Whether a set can begin: the start position is taken, in the exercise's own posture.

    phase: the counter's. For a hold: whether the position is held already.
    """
    counting = exercise.counting
    if measurement is None:
        return False
    if counting.kind == "hold":
        return phase == counting.phases[2]
    conditions = [condition for condition in (counting.posture, counting.at_start) if condition is not None]
    wrong = any(condition.holds(measurement.values) is False for condition in conditions)
    return phase == counting.phases[0] and not wrong


class Log(Protocol):
    """What the runner needs of `app.journal.Journal`."""

    def write(self, line: Mapping[str, Any], /) -> None: ...


@dataclass
class _Attempt:
    """One time that a planned set was tried."""

    planned: PlannedSet
    started: float
    worked: float = 0.0  # seconds of it that counted
    ended: float | None = None
    reps: list[RepSummary] = field(default_factory=list)
    holding: RepSummary | None = None

    @property
    def done(self) -> tuple[RepSummary, ...]:
        """The hold under way with it."""
        return (*self.reps, self.holding) if self.holding is not None else tuple(self.reps)

    @property
    def count(self) -> int:
        return sum(rep.kind == "rep" for rep in self.reps)

    @property
    def held(self) -> float:
        return sum(rep.duration for rep in self.done if rep.kind == "hold")

    def summary(self, now: float) -> SetSummary:
        return SetSummary(
            exercise=self.planned.exercise,
            started=self.started,
            seconds=(now if self.ended is None else self.ended) - self.started,
            reps=self.done,
            target_reps=self.planned.reps,
            target_seconds=self.planned.seconds,
            tempo=self.planned.tempo,
            load_kg=None if self.planned.load is None else self.planned.load.kg,
        )


@dataclass(frozen=True, kw_only=True)
class Standing:
    """Where a workout stands, for the screen.

    number, total: of the planned set (from 1). planned: the set under way or, in a rest, the one that comes.
    count, held: repetitions and seconds held in the set under way or just done. remaining: seconds of the
    countdown, of the rest, or of a set of seconds; None where no time runs.
    """

    state: State
    paused: bool
    number: int
    total: int
    planned: PlannedSet | None
    count: int
    held: float
    remaining: float | None


class WorkoutRunner:
    """Follows a plan.

        runner = WorkoutRunner(plan, library, started=datetime.now().astimezone(), journal=journal)
        ended = recorder.add(result, pipeline.fault_counts)      # app.set_recorder.SetRecorder
        ready = in_start_position(runner.exercise, result.measurement, result.phase)
        for state in runner.step(result.time, ended, ready=ready, holding=recorder.holding):
            if state == "before":                                # another set: count from zero
                pipeline.set_exercise(runner.exercise)
                recorder = SetRecorder(runner.exercise)

    library: the exercises by id. countdown: seconds. id: made up when not given.
    """  # fmt: skip

    def __init__(
        self,
        plan: Plan,
        library: Mapping[str, Exercise],
        *,
        started: datetime,
        journal: Log | None = None,
        profile: str = "",
        countdown: float = COUNTDOWN,
        id: str | None = None,
    ) -> None:
        self._begin(plan, library, started, profile, id or uuid.uuid4().hex)
        self._countdown = countdown
        self._journal = journal
        if journal is not None:
            journal.write(
                {
                    "what": "workout",
                    "id": self.id,
                    "plan": plan_as_json(plan),
                    "profile": profile,
                    "started": started.isoformat(),
                }
            )
        self._do({"what": "before", "set": 0})

    @classmethod
    def resume(
        cls,
        lines: Sequence[Mapping[str, Any]],
        library: Mapping[str, Exercise],
        *,
        journal: Log | None = None,
        countdown: float = COUNTDOWN,
    ) -> WorkoutRunner:
        """A runner that stands where the one stood that wrote these lines; see app.journal.unfinished.

        A set that was under way goes on with what was counted; a rest is over. Raises WorkoutError when the
        lines are none of a workout, or the exercises are no longer there.
        """
        runner = cls.__new__(cls)
        try:
            head = lines[0]
            if head["what"] != "workout":
                raise ValueError("not a workout")
            plan = plan_from_json(head["plan"])
            runner._begin(
                plan, library, datetime.fromisoformat(head["started"]), str(head["profile"]), str(head["id"])
            )
            runner._journal, runner._countdown = None, countdown
            for line in lines[1:]:
                runner._apply(line)
        except (LookupError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise WorkoutError("the workout under way cannot be read; it is left out") from error
        runner._journal = journal
        if runner.state != "done":
            if runner.state == "rest":
                runner._index += 1
            runner._do({"what": "before", "set": runner._index})
        return runner

    def _begin(
        self, plan: Plan, library: Mapping[str, Exercise], started: datetime, profile: str, id: str
    ) -> None:
        self.plan, self.library, self.started, self.profile, self.id = plan, library, started, profile, id
        self._sets = plan.sets
        if not self._sets:
            raise WorkoutError("the workout has no sets; add an exercise")
        missing = [name for name in plan.exercises if name not in library]
        if missing:
            raise WorkoutError(
                "the workout needs {missing}, which is not in the library", missing=", ".join(missing)
            )
        self._attempts: list[_Attempt] = []
        self._index = 0
        self._state: State = "before"
        self._paused = False
        self._time: float | None = None  # of the last step, on the frames' clock
        self.elapsed = 0.0  # of the workout, without pauses
        self._ready = 0.0  # seconds in the start position, in a row
        self._away = 0.0  # seconds out of it
        self._left = 0.0  # of the countdown or the rest
        self._asked = False  # the athlete asked for the start
        self._told = 0.0  # when the journal last heard the clock
        self._entered = 0.0  # when the set was begun, or taken up again

    # ---- what is to be known

    @property
    def state(self) -> State:
        return self._state

    @property
    def paused(self) -> bool:
        return self._paused

    @property
    def exercise(self) -> Exercise:
        """Of the set under way, or of the one that comes."""
        planned = self._coming()
        return self.library[(planned or self._sets[-1]).exercise]

    @property
    def standing(self) -> Standing:
        attempt = self._attempts[-1] if self._attempts else None
        current = attempt is not None and (attempt.ended is None or self._state in ("rest", "done"))
        remaining: float | None = None
        if self._state in ("countdown", "rest"):
            remaining = max(0.0, self._left)
        elif self._state == "set" and attempt is not None and attempt.planned.seconds is not None:
            remaining = max(0.0, attempt.planned.seconds - self._done_seconds(attempt))
        return Standing(
            state=self._state,
            paused=self._paused,
            number=min(self._index + (2 if self._state == "rest" else 1), len(self._sets)),
            total=len(self._sets),
            planned=self._coming(),
            count=attempt.count if attempt is not None and current else 0,
            held=attempt.held if attempt is not None and current else 0.0,
            remaining=remaining,
        )

    @property
    def last_set(self) -> SetSummary | None:
        """The set under way or, between sets, the one just done."""
        return self._attempts[-1].summary(self.elapsed) if self._attempts else None

    @property
    def summary(self) -> WorkoutSummary:
        """What was done so far; a set that was begun without doing anything is left out."""
        done = [attempt for attempt in self._attempts if attempt.reps or attempt.holding]
        return WorkoutSummary(
            id=self.id,
            plan=self.plan.id,
            names=self.plan.names,
            started=self.started,
            seconds=self.elapsed,
            sets=tuple(attempt.summary(self.elapsed) for attempt in done),
            finished=self._state == "done" and self._index >= len(self._sets),
        )

    def _coming(self) -> PlannedSet | None:
        index = self._index + 1 if self._state == "rest" else self._index
        return self._sets[index] if index < len(self._sets) else None

    def _open(self) -> _Attempt | None:
        """The attempt under way, also while it waits for the start position again."""
        last = self._attempts[-1] if self._attempts else None
        return last if last is not None and last.ended is None else None

    def _is_hold(self, planned: PlannedSet) -> bool:
        return self.library[planned.exercise].counting.kind == "hold"

    def _done_seconds(self, attempt: _Attempt) -> float:
        return attempt.held if self._is_hold(attempt.planned) else attempt.worked

    # ---- time

    def step(
        self,
        time: float,
        ended: Sequence[RepSummary] = (),
        *,
        ready: bool = False,
        holding: RepSummary | None = None,
    ) -> tuple[State, ...]:
        """One step of the pipeline. time: seconds on the frames' clock.

        ended: the repetitions and holds that ended in it, on the same clock. ready: whether the start
        position is taken (`in_start_position`). holding: the hold under way. Gives the state if it changed.
        """
        last = time if self._time is None else min(self._time, time)
        gap, self._time = time - last, time
        if self._paused or self._state == "done":
            return ()
        if gap > LATE:
            gap = min(gap, self._left) if self._state == "rest" else 0.0
        earlier = self.elapsed - last  # what leads from the frames' clock to ours, up to the last step
        self.elapsed += gap
        before = self._state
        offset = self.elapsed - time
        if self._state == "before":
            self._wait(gap, ready)
        elif self._state == "countdown":
            self._count_down(gap, ready)
        elif self._state == "set":
            under_way = None if holding is None else holding.shifted(offset)
            done = [rep.shifted(earlier if rep.end <= last else offset) for rep in ended]
            self._work(gap, done, under_way)
        elif self._state == "rest":
            self._left -= gap
            if self._left <= 0.0:
                self._do({"what": "before", "set": self._index + 1})
        return (self._state,) if self._state != before else ()

    def _wait(self, gap: float, ready: bool) -> None:
        self._ready = self._ready + gap if ready else 0.0
        planned = self._sets[self._index]
        if ready and self._is_hold(planned):
            self._do({"what": "set"})  # holding has begun, and every second of it counts
        elif self._ready >= READY:
            self._do({"what": "countdown"})

    def _count_down(self, gap: float, ready: bool) -> None:
        self._left -= gap
        self._away = 0.0 if ready else self._away + gap
        if self._away > LEFT and not self._asked:
            self._do({"what": "before", "set": self._index})
        elif self._left <= 0.0:
            self._do({"what": "set"})

    def _work(self, gap: float, ended: Sequence[RepSummary], holding: RepSummary | None) -> None:
        attempt = self._open()
        assert attempt is not None
        attempt.worked += gap
        attempt.holding = self._in_set(holding) if holding is not None else None
        for rep in ended:
            counted = self._in_set(rep)
            if counted is not None:
                self._do({"what": "rep", "rep": rep_as_json(counted)}, counted)
        if self.elapsed - self._told >= 1.0:
            self._tell_clock(attempt)
        if self._is_reached(attempt):
            self._end_set()

    def _in_set(self, rep: RepSummary) -> RepSummary | None:
        """What was done on the way into the start position is none of the set; a hold began with it."""
        if rep.kind == "rep":
            return rep if (rep.end if rep.turn is None else rep.turn) >= self._entered else None
        return replace(rep, start=max(rep.start, self._entered)) if rep.end > self._entered else None

    def _tell_clock(self, attempt: _Attempt) -> None:
        """Once a second: how much of a set's time, or of a hold, is behind the athlete."""
        holding = rep_as_json(attempt.holding) if attempt.holding is not None else None
        self._do({"what": "clock", "worked": round(attempt.worked, 3), "holding": holding}, attempt.holding)

    def _is_reached(self, attempt: _Attempt) -> bool:
        planned = attempt.planned
        if planned.reps is not None:
            return attempt.count >= planned.reps
        return planned.seconds is not None and self._done_seconds(attempt) >= planned.seconds

    def _end_set(self) -> None:
        attempt = self._open()
        if attempt is not None:
            if attempt.holding is not None:
                self._do({"what": "rep", "rep": rep_as_json(attempt.holding)}, attempt.holding)
            self._do({"what": "end", "worked": round(attempt.worked, 3)})
        if self._index + 1 >= len(self._sets):
            self._do({"what": "done", "finished": True})
        elif self._sets[self._index].rest > 0.0:
            self._do({"what": "rest", "seconds": self._sets[self._index].rest})
        else:
            self._do({"what": "before", "set": self._index + 1})

    # ---- commands

    def start(self, *, at_once: bool = False) -> None:
        """By a key or a gesture: the countdown begins, or goes on, wherever the athlete stands.

        at_once: the set itself begins, as it must with a recording.
        """
        if self._state not in ("before", "countdown") or self._paused:
            return
        self._asked = True
        if at_once or self._state == "before":
            self._do({"what": "set" if at_once else "countdown"})

    def skip(self) -> None:
        """The rest is over; or the next set instead of this one, of which what was done is kept."""
        if self._state == "rest":
            self._do({"what": "before", "set": self._index + 1})
            return
        if self._state == "done":
            return
        self._close()
        if self._index + 1 >= len(self._sets):
            self._do({"what": "done", "finished": True})
        else:
            self._do({"what": "before", "set": self._index + 1})

    def repeat(self) -> None:
        """The set once more: the one under way, else the last one. What was done of it is kept."""
        if self._state == "done":
            return
        again = self._index
        if self._state == "before" and self._open() is None and self._index > 0:
            again = self._index - 1
        self._close()
        self._do({"what": "before", "set": again})

    def add_rep(self) -> bool:
        """One that was missed. False when there is no set that it could belong to."""
        if not self._attempts:
            return False
        rep = RepSummary(start=self.elapsed, end=self.elapsed, by_hand=True)
        self._do({"what": "rep", "rep": rep_as_json(rep)}, rep)
        attempt = self._open()
        if self._state == "set" and attempt is not None and self._is_reached(attempt):
            self._end_set()
        return True

    def remove_rep(self) -> RepSummary | None:
        """That was no repetition: takes back the last one, and gives it. None when there is none."""
        if not self._attempts or not self._attempts[-1].reps:
            return None
        removed = self._attempts[-1].reps[-1]
        self._do({"what": "no rep"})
        return removed

    def more_rest(self, seconds: float = MORE_REST) -> None:
        """A little longer."""
        if self._state == "rest":
            self._do({"what": "rest", "seconds": self._left + seconds})

    def pause(self) -> None:
        """Time stands still, and nothing counts."""
        self._paused = True

    def go_on(self) -> None:
        """After a pause. A set waits for the start position again, and goes on with what was counted."""
        if not self._paused:
            return
        self._paused = False
        if self._state in ("countdown", "set"):
            self._do({"what": "before", "set": self._index})

    def finish(self) -> None:
        """Enough for today: what was done is kept. An open last set has no other end: it is finished."""
        if self._state != "done":
            planned = self._sets[self._index]
            last = self._index + 1 == len(self._sets)
            self._close()
            is_open = planned.reps is None and planned.seconds is None
            self._do({"what": "done", "finished": last and is_open})

    def _close(self) -> None:
        """Ends the attempt under way, if there is one."""
        attempt = self._open()
        if attempt is None:
            return
        if attempt.holding is not None:
            self._do({"what": "rep", "rep": rep_as_json(attempt.holding)}, attempt.holding)
        self._do({"what": "end", "worked": round(attempt.worked, 3)})

    # ---- every change goes through here, live and when a journal is read

    def _do(self, line: dict[str, Any], rep: RepSummary | None = None) -> None:
        line["t"] = round(self.elapsed, 3)
        if self._journal is not None:
            self._journal.write(line)
        self._apply(line, rep)

    def _apply(self, line: Mapping[str, Any], rep: RepSummary | None = None) -> None:
        """rep: the one in the line, where it need not be read from it."""
        what = line["what"]
        self.elapsed = max(self.elapsed, float(line["t"]))
        self._told = self.elapsed
        if what == "before":
            self._state, self._index, self._ready, self._asked = "before", int(line["set"]), 0.0, False
            if not 0 <= self._index < len(self._sets):
                raise ValueError("no such set")
        elif what == "countdown":
            self._state, self._left, self._away = "countdown", self._countdown, 0.0
        elif what == "set":
            self._state, self._entered = "set", self.elapsed
            if self._open() is None:
                self._attempts.append(_Attempt(planned=self._sets[self._index], started=self.elapsed))
        elif what == "rep":
            self._attempts[-1].reps.append(rep if rep is not None else rep_from_json(line["rep"]))
            self._attempts[-1].holding = None
        elif what == "no rep":
            self._attempts[-1].reps.pop()
        elif what == "clock":
            holding = line["holding"]
            self._attempts[-1].worked = float(line["worked"])
            self._attempts[-1].holding = rep if rep is not None or holding is None else rep_from_json(holding)
        elif what == "end":
            self._attempts[-1].worked = float(line["worked"])
            self._attempts[-1].ended = self.elapsed
        elif what == "rest":
            self._state, self._left = "rest", float(line["seconds"])
        elif what == "done":
            self._state = "done"
            self._index = len(self._sets) if line["finished"] else self._index
        else:
            raise ValueError(f"{what!r} is nothing that happens in a workout")
