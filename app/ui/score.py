"""What the counter and the banner say, from what the pipeline found. No Qt and no clock."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from app.pipeline import StepResult
from app.rules import REP_NUMBERS, ActiveRule, Exercise, format_value
from app.summary import RepSummary, fault_text
from app.ui.records import Highlight, Say
from app.ui.words import VIEW_NAMES, how_to_stand, language, phase_name, t
from app.view import View

ALONE: Final = 1.0  # seconds without anybody before the athlete is called
WRONG_VIEW: Final = 2.5  # seconds in a view the exercise cannot be judged from before it is said
PRAISE: Final = 2.5  # seconds a clean repetition is praised, and a faulty one's limb coloured
BEGUN: Final = 0.3  # progress from which the next repetition is under way


class Score:
    """The set under way, as far as the window has heard of it.

    reps: what was done in it, as the workout keeps it: with what was added by hand, without what was
    taken back.
    """

    def __init__(self, exercise: Exercise) -> None:
        self.exercise = exercise
        self.clear()

    def clear(self) -> None:
        """A new set."""
        self.result: StepResult | None = None
        self.reps: tuple[RepSummary, ...] = ()
        self._seen: float | None = None  # when somebody was last seen
        self._view_wrong_since: float | None = None
        self._first: float | None = None
        self._longest = 0.0
        self._praised = -1.0  # until when the last repetition is praised
        self.holding_since: float | None = None

    def add_result(self, result: StepResult) -> None:
        """Takes the newest step; some may have been skipped. Time that goes back is another source's."""
        if self.result is not None and result.time < self.result.time:
            self._first = self._seen = self._view_wrong_since = self.holding_since = None
            self._praised = -1.0
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
        if not self.is_hold or result.phase != self.exercise.counting.phases[2]:
            self.holding_since = None
        elif self.holding_since is None:
            self.holding_since = result.time
        if self.holding_since is not None:
            self._longest = max(self._longest, result.time - self.holding_since)

    def show_reps(self, reps: Sequence[RepSummary]) -> bool:
        """Takes what the set consists of now. True when the last one is new and was seen."""
        new = len(reps) > len(self.reps) and not reps[-1].by_hand
        self.reps = tuple(reps)
        if new and self.result is not None:
            self._praised = self.result.time + PRAISE
        return new

    @property
    def is_hold(self) -> bool:
        return self.exercise.counting.kind == "hold"

    @property
    def count(self) -> int:
        """Repetitions so far."""
        return sum(rep.kind == "rep" for rep in self.reps)

    @property
    def clean(self) -> int:
        """Repetitions or holds without a fault."""
        return sum(rep.worth == 1.0 for rep in self.reps)

    @property
    def held(self) -> float:
        """Seconds of the hold under way, or of the longest one."""
        if self.holding_since is not None and self.result is not None:
            return self.result.time - self.holding_since
        return self._longest

    @property
    def number(self) -> str:
        """For the middle of the ring: repetitions, or the seconds of the hold."""
        return str(int(self.held)) if self.is_hold else str(self.count)

    @property
    def word(self) -> str:
        if self.is_hold:
            under_way = self.holding_since is not None or not self.held
            return t("seconds") if under_way else t("seconds, longest")
        return t("rep") if self.count == 1 else t("reps")

    @property
    def phase(self) -> str:
        if self.result is None:
            return ""
        holding = self.is_hold and self.result.phase == self.exercise.counting.phases[2]
        return t("Hold") if holding else phase_name(self.result.phase)

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
        return t(VIEW_NAMES[self.view]) if self.view is not None else ""

    @property
    def highlight(self) -> Highlight | None:
        """The joints to colour, with one measured value beside them.

        While a prompt is shown, the value and the limb that carries it are the prompt's own: two numbers
        for one thing would be one too many.
        """
        faults = [fault for fault in self._faults() if fault.severity != "info"]
        prompt = self.result.prompt if self.result is not None else None
        named: ActiveRule | None = None
        if prompt is not None:
            named = next((fault for fault in faults if fault.rule == prompt.rule), None)
        if not faults:
            return None
        carrier = named if prompt is not None else faults[0]
        value = prompt.value if prompt is not None else faults[0].value
        tagged = carrier is not None and bool(carrier.joints)
        return Highlight(
            joints=frozenset(joint for fault in faults for joint in fault.joints),
            severity=faults[0].severity,
            tag_joint=carrier.joints[len(carrier.joints) // 2] if carrier is not None and tagged else None,
            tag=format_value(carrier.parameter, value) if carrier is not None and tagged else "",
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
            return Say(text=t("Begin when you are ready"), icon="person")
        if (
            result.pose is None
            and result.time - (self._seen if self._seen is not None else self._first or 0.0) > ALONE
        ):
            return Say(text=t("Step into the picture, head to feet"), tone="info", icon="step_in")
        if (prompt := result.prompt) is not None:
            text = fault_text(self.exercise, prompt, language())  # which may be another than it was told in
            if prompt.praise:
                return Say(text=text, tone="good", icon="check")
            return Say(text=text, tone=prompt.severity, icon=prompt.severity)
        wrong = self._view_wrong_since
        if wrong is not None and result.time - wrong > WRONG_VIEW and self.progress < BEGUN:
            stand = how_to_stand(self.exercise)
            if stand:
                return Say(text=stand, tone="info", icon="refresh")
        return self._quiet_say(result)

    def _quiet_say(self, result: StepResult) -> Say:
        """Nothing to correct."""
        last = self.reps[-1] if self.reps else None
        if last is not None and last.worth == 1.0 and result.time < self._praised:
            good = t("Good rep") if last.kind == "rep" else t("Good hold")
            return Say(text=good, tone="good", icon="check")
        if self.holding_since is not None:
            return Say(text=t("Hold it"), tone="good", icon="check")
        if not self.reps:
            return Say(text=t("Begin when you are ready"), icon="person")
        clean = t("{clean} of {count} without a fault", clean=self.clean, count=len(self.reps))
        return Say(text=clean, icon="check")


def _of_a_rep(fault: ActiveRule) -> bool:
    """Whether the fault was judged on a whole repetition ("knee.min"), not on the frame."""
    return "." in fault.parameter or fault.parameter in REP_NUMBERS
