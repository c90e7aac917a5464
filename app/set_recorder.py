"""The pipeline's steps -> repetitions with their faults and worst moments. No Qt and no clock.

Which fault belongs to which repetition is what the rule engine counted, so that the sums of a set are those
of `analyze`; this module adds where in the repetition it was worst, and how even the two sides were.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from app.conditions import Blame
from app.parameters import MIN_CONFIDENCE
from app.pipeline import Event, StepResult
from app.reps import Hold, Rep
from app.rules import ActiveRule, Exercise, RepValues, Rule, in_language
from app.skeleton import Joint, Pose
from app.summary import FaultSummary, RepSummary, evenness
from app.view import View
from app.vocabulary import PARAMETERS


@dataclass(frozen=True, kw_only=True, eq=False)
class _Moment:
    time: float
    pose: Pose | None
    values: Mapping[str, float]
    view: View | None


class SetRecorder:
    """Follows one set beside the pipeline.

        recorder = SetRecorder(exercise)
        done = recorder.add(result, pipeline.fault_counts)           # the repetitions that ended in this step
        done += recorder.finish(pipeline.finish(), pipeline.fault_counts)  # at the end of a recording
    """  # fmt: skip

    def __init__(self, exercise: Exercise) -> None:
        self.exercise = exercise
        self._kind = exercise.counting.kind
        self._rep_rules = {rule.id: rule for rule in exercise.rules if rule.judge == "rep"}
        signals = exercise.counting.signals
        self._signal = next((s.parameter for s in signals if PARAMETERS[s.parameter].sided), None)
        self.reset()

    def reset(self) -> None:
        """A new set."""
        self._moments: deque[_Moment] = deque()
        self._worst: dict[str, tuple[ActiveRule, _Moment]] = {}
        self._counts: dict[str, float] = {}
        self._active: dict[str, tuple[ActiveRule, _Moment]] = {}
        self._new: dict[str, float] = {}  # fault counts since the last repetition or hold
        self._held: tuple[float, float] | None = None  # the hold under way: since, until now

    @property
    def holding(self) -> RepSummary | None:
        """The hold under way, as far as it has come; None when there is none."""
        if self._held is None:
            return None
        start, end = self._held
        return self._hold(Hold(start=start, end=end), self._new)

    def add(self, result: StepResult, fault_counts: Mapping[str, float]) -> tuple[RepSummary, ...]:
        """The repetitions and holds that ended with this step. fault_counts: the pipeline's, after it."""
        measurement = result.measurement
        moment = _Moment(
            time=result.time,
            pose=result.pose,
            values=measurement.values if measurement is not None else {},
            view=measurement.view if measurement is not None else None,
        )
        self._moments.append(moment)
        oldest = result.time - 1.5 * self.exercise.counting.max_duration - 2.0
        while self._moments[0].time < oldest:
            self._moments.popleft()
        self._active = {fault.rule: (fault, moment) for fault in result.faults}
        for fault in result.faults:
            known = self._worst.get(fault.rule)
            if known is None or _weight(fault, moment) > _weight(*known):
                self._worst[fault.rule] = (fault, moment)
        ended = self._ended(result.events, fault_counts)
        if self._kind == "hold" and result.phase == self.exercise.counting.phases[2]:
            self._held = (self._held[0] if self._held is not None else result.time, result.time)
        else:
            self._held = None
        return ended

    def finish(self, events: Sequence[Event], fault_counts: Mapping[str, float]) -> tuple[RepSummary, ...]:
        """What the end of a recording completed."""
        return self._ended(events, fault_counts)

    def _ended(self, events: Sequence[Event], counts: Mapping[str, float]) -> tuple[RepSummary, ...]:
        ended = [event for event in events if isinstance(event, (Rep, Hold))]
        new = {rule: count - self._counts.get(rule, 0.0) for rule, count in counts.items()}
        out: list[RepSummary] = []
        for place, event in enumerate(ended):
            # Of two that end in one step the last one has what was counted once.
            left = len(ended) - place
            if isinstance(event, Rep):
                share = {rule: None for rule, count in new.items() if count >= left}
                out.append(self._rep(event, [self._fault(event, rule) for rule in share]))
            else:
                out.append(self._hold(event, new if left == 1 else {}))
        if ended:
            self._counts = dict(counts)
            self._worst = dict(self._active)  # what still fires goes on into the next one
            new = {}
        self._new = new
        return tuple(out)

    def _rep(self, rep: Rep, faults: Sequence[FaultSummary | None]) -> RepSummary:
        return RepSummary(
            start=rep.start,
            turn=rep.turn,
            end=rep.end,
            side=rep.side,
            range=rep.range,
            valid=rep.valid,
            symmetry=self._symmetry(rep),
            faults=tuple(fault for fault in faults if fault is not None),
        )

    def _hold(self, hold: Hold, seconds: Mapping[str, float]) -> RepSummary:
        found = [
            replace(fault, seconds=min(count, hold.end - hold.start))
            for rule, count in seconds.items()
            if count > 0.0 and (fault := self._of_frames(rule)) is not None
        ]
        return RepSummary(kind="hold", start=hold.start, end=hold.end, faults=tuple(found))

    def _fault(self, rep: Rep, rule_id: str) -> FaultSummary | None:
        rule = self._rep_rules.get(rule_id)
        return self._of_frames(rule_id) if rule is None else self._of_rep(rule, rep)

    def _of_frames(self, rule: str) -> FaultSummary | None:
        """The moment at which a rule of frames was broken most."""
        known = self._worst.get(rule)
        return None if known is None else _fault_summary(*known)

    def _of_rep(self, rule: Rule, rep: Rep) -> FaultSummary | None:
        """The moment that a rule of repetitions speaks of: of the least or the most, or the turn."""
        whole = [m for m in self._moments if rep.start <= m.time <= rep.end]
        known = self._active.get(rule.id)
        if known is None or not whole:
            frames = [(m.time, m.values) for m in whole if m.view in rule.views]
            blame = rule.when.blame(RepValues(rep, frames)) if frames else None
            if blame is None:
                return None
            fault = _said(rule, blame)
        else:
            fault = known[0]
        name, _, statistic = fault.parameter.partition(".")
        if rep.side != "both" and name in PARAMETERS and PARAMETERS[name].sided:
            name = f"{rep.side}_{name}"
        seen = [m for m in whole if name in m.values and _shows(m.pose, fault.joints)]
        if seen and statistic in ("min", "max"):
            choose = min if statistic == "min" else max
            moment = choose(seen, key=lambda m: m.values[name])
        else:
            at = rep.start if statistic == "start" else rep.turn
            posed = [m for m in whole if _shows(m.pose, fault.joints)] or whole
            moment = min(posed, key=lambda m: abs(m.time - at))
        return _fault_summary(fault, moment)

    def _symmetry(self, rep: Rep) -> float | None:
        """The smaller side's range of movement over the larger one's, where both sides are there to be seen.

        From the side the far arm and leg are hidden behind the near ones: no judgement.
        """
        if self._signal is None or rep.side != "both":
            return None
        whole = [m for m in self._moments if rep.start <= m.time <= rep.end and m.values]
        aside = sum(m.view == "side" for m in whole)
        if not whole or 2 * aside > len(whole):
            return None
        values = RepValues(rep, [(m.time, m.values) for m in whole])
        left, right = (values.get(f"{side}_{self._signal}.range") for side in ("left", "right"))
        return None if left is None or right is None else evenness(left, right)


def _shows(pose: Pose | None, joints: Sequence[Joint]) -> bool:
    return pose is not None and all(pose.confidence[joint] >= MIN_CONFIDENCE for joint in joints)


def _weight(fault: ActiveRule, moment: _Moment) -> tuple[bool, float]:
    """A moment at which the joints are seen, and of those the one furthest beyond the limit."""
    return _shows(moment.pose, fault.joints), abs(fault.value - fault.limit)


def _said(rule: Rule, blame: Blame) -> ActiveRule:
    """What the rule engine would have shown of it, had the recording gone on."""
    return ActiveRule(
        rule=rule.id,
        severity=rule.severity,
        priority=rule.priority,
        text=in_language(rule.say, "en"),
        parameter=blame.parameter,
        value=blame.value,
        limit=blame.limit,
        joints=rule.joints,
        since=0.0,
    )


def _fault_summary(fault: ActiveRule, moment: _Moment) -> FaultSummary:
    return FaultSummary(
        rule=fault.rule,
        severity=fault.severity,
        parameter=fault.parameter,
        value=fault.value,
        limit=fault.limit,
        text=fault.text,
        time=moment.time,
        joints=fault.joints,
        pose=moment.pose,
    )
