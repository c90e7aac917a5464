"""What the counter and the banner say, from what the pipeline found. No Qt and no clock."""

from __future__ import annotations

from typing import Final

from app.parameters import View
from app.pipeline import StepResult
from app.reps import Rep
from app.rules import REP_NUMBERS, ActiveRule, Exercise, format_value
from app.ui.records import Highlight, RepRecord, Say
from app.ui.words import VIEW_NAMES, how_to_stand, phase_name

ALONE: Final = 1.0  # seconds without anybody before the athlete is called
WRONG_VIEW: Final = 2.5  # seconds in a view the exercise cannot be judged from before it is said
PRAISE: Final = 2.5  # seconds a clean repetition is praised, and a faulty one's limb coloured
BEGUN: Final = 0.3  # progress from which the next repetition is under way


class Score:
    """The set under way, as far as the window has heard of it."""

    def __init__(self, exercise: Exercise, *, language: str = "en") -> None:
        self.exercise, self.language = exercise, language
        self.clear()

    def clear(self) -> None:
        """A new set."""
        self.result: StepResult | None = None
        self.records: list[RepRecord] = []
        self._seen: float | None = None  # when somebody was last seen
        self._view_wrong_since: float | None = None
        self._held_since: float | None = None
        self._longest = 0.0
        self._first: float | None = None

    def add_result(self, result: StepResult) -> None:
        """Takes the newest step; some may have been skipped."""
        self.result = result
        if self._first is None:
            self._first = result.time
        if result.pose is not None:
            self._seen = result.time
        view = result.measurement.view if result.measurement is not None else None
        if view is None or view in self.exercise.views:
            self._view_wrong_since = None
        elif self._view_wrong_since is None:
            self._view_wrong_since = result.time
        if self.is_hold:
            if result.phase != self.exercise.counting.phases[2]:
                self._held_since = None
            elif self._held_since is None:
                self._held_since = result.time
            if self._held_since is not None:
                self._longest = max(self._longest, result.time - self._held_since)

    def add_record(self, record: RepRecord) -> None:
        """Takes a finished repetition or hold."""
        self.records.append(record)

    @property
    def is_hold(self) -> bool:
        return self.exercise.counting.kind == "hold"

    @property
    def count(self) -> int:
        """Repetitions so far."""
        told = sum(isinstance(record.event, Rep) for record in self.records)
        return max(told, self.result.count if self.result is not None else 0)

    @property
    def clean(self) -> int:
        """Repetitions or holds without a fault."""
        return sum(not record.faults for record in self.records)

    @property
    def number(self) -> str:
        """For the middle of the ring: repetitions, or the seconds of the hold."""
        if not self.is_hold:
            return str(self.count)
        if self._held_since is not None and self.result is not None:
            return str(int(self.result.time - self._held_since))
        return str(int(self._longest))

    @property
    def word(self) -> str:
        if self.is_hold:
            return "seconds" if self._held_since is not None or not self._longest else "seconds, longest"
        return "rep" if self.count == 1 else "reps"

    @property
    def phase(self) -> str:
        return phase_name(self.result.phase) if self.result is not None else ""

    @property
    def progress(self) -> float:
        return self.result.progress if self.result is not None and self.result.pose is not None else 0.0

    @property
    def view(self) -> View | None:
        """Where the camera stands, None while unknown."""
        return self.result.measurement.view if self.result is not None and self.result.measurement else None

    @property
    def view_text(self) -> str:
        """The view, for the chip in the corner."""
        return VIEW_NAMES[self.view] if self.view is not None else ""

    @property
    def highlight(self) -> Highlight | None:
        """The joints to colour, with the measured value of the most important fault."""
        faults = [fault for fault in self._faults() if fault.severity != "info"]
        if not faults:
            return None
        worst = faults[0]
        return Highlight(
            joints=frozenset(joint for fault in faults for joint in fault.joints),
            severity=worst.severity,
            tag_joint=worst.joints[len(worst.joints) // 2] if worst.joints else None,
            tag=format_value(worst.parameter, worst.value),
        )

    def _faults(self) -> list[ActiveRule]:
        """What fires now. A fault of a repetition that is over is not one of the next."""
        result = self.result
        if result is None:
            return []
        begun = result.progress > BEGUN
        return [
            fault
            for fault in result.faults
            if not _of_a_rep(fault) or (result.time - fault.since < PRAISE and not begun)
        ]

    @property
    def say(self) -> Say:
        """The one thing to say now."""
        result = self.result
        if result is None:
            return Say(text="Ready when you are", icon="person")
        if (
            result.pose is None
            and result.time - (self._seen if self._seen is not None else self._first or 0.0) > ALONE
        ):
            return Say(text="Step into the picture, head to feet", tone="info", icon="step_in")
        if result.prompt is not None:
            return Say(text=result.prompt.text, tone=result.prompt.severity, icon=result.prompt.severity)
        wrong = self._view_wrong_since
        if wrong is not None and result.time - wrong > WRONG_VIEW and self.progress < BEGUN:
            stand = how_to_stand(self.exercise)
            if stand:
                return Say(text=stand, tone="info", icon="refresh")
        return self._quiet_say(result)

    def _quiet_say(self, result: StepResult) -> Say:
        """Nothing to correct."""
        last = self.records[-1] if self.records else None
        if last is not None and not last.faults and result.time - last.event.end < PRAISE:
            return Say(
                text="Good rep" if isinstance(last.event, Rep) else "Good hold", tone="good", icon="check"
            )
        if self.is_hold and self._held_since is not None:
            return Say(text="Hold it", tone="good", icon="check")
        if not self.records:
            return Say(text="Ready when you are", icon="person")
        return Say(text=f"{self.clean} of {len(self.records)} without a fault", icon="check")


def _of_a_rep(fault: ActiveRule) -> bool:
    """Whether the fault was judged on a whole repetition ("knee.min"), not on the frame."""
    return "." in fault.parameter or fault.parameter in REP_NUMBERS
