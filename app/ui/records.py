"""What travels between the inference thread and the views. No Qt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from app.pipeline import StepResult
from app.rules import Severity
from app.runtimes import Fallback
from app.skeleton import Joint
from app.summary import FaultSummary, RepSummary

Tone = Literal["calm", "good", "info", "warning", "error"]


@dataclass(frozen=True, kw_only=True)
class EngineInfo:
    """What runs the network, for the status line. fallbacks: what is not used that should have been."""

    model: str
    device: str
    runtime: str
    fallbacks: tuple[Fallback, ...] = ()


@dataclass(frozen=True, kw_only=True, eq=False)
class Progress:
    """The newest result of the session numbered so, and how fast they come.

    holding: the hold under way with its faults; None when there is none.
    """

    session: int
    result: StepResult
    steps_per_second: float
    holding: RepSummary | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class RepRecord:
    """A finished repetition or hold, the number'th of the set. sign: the unit of a repetition's range."""

    number: int
    done: RepSummary
    sign: str = "°"

    @property
    def is_rep(self) -> bool:
        return self.done.kind == "rep"

    @property
    def faults(self) -> tuple[FaultSummary, ...]:
        """What is held against it: no mere hints."""
        return tuple(fault for fault in self.done.faults if fault.severity != "info")


@dataclass(frozen=True, kw_only=True)
class Summary:
    """What is known at the end: rule id -> repetitions or seconds in which it was active."""

    count: int
    fault_counts: dict[str, float]


@dataclass(frozen=True, kw_only=True)
class Say:
    """A line for the banner. tone gives the colour; icon the shape beside it."""

    text: str
    tone: Tone = "calm"
    icon: str = "info"


@dataclass(frozen=True, kw_only=True)
class Highlight:
    """What is wrong now: the joints of every fault, how bad the worst is, and its value beside one joint."""

    joints: frozenset[Joint]
    severity: Severity
    tag_joint: Joint | None = None
    tag: str = ""
