"""What the timeline shows. No Qt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from app.exercise import Severity
from app.explanation import Explanation
from app.rule_edit import Place
from app.studio_lanes import Lane, TimeWindow
from app.studio_session import Analysis

# Of a rule at a moment: cannot be judged, not true, true but not for long enough yet, fires.
RuleState = Literal["blind", "quiet", "pending", "firing"]
# The theme's colours of the severities, mild to grave.
INKS: Final[dict[Severity, str]] = {"info": "info", "warning": "warning", "error": "fault"}


def state_of(found: Explanation) -> RuleState:
    """The state in one word. Out of its phase a rule is quiet; from a view that cannot judge it is blind."""
    if found.fires:
        return "firing"
    if not found.someone or not found.view_ok or found.missing or found.sureness is not None:
        return "blind"
    if found.condition is None and found.judged and found.phase_ok:
        return "blind"
    return "pending" if found.condition and found.phase_ok and found.hold_for else "quiet"


@dataclass(frozen=True, kw_only=True, eq=False)
class Timeline:
    """analysis: what came of the recording. playhead: seconds. rule: the selected rule's id, or "".

    states: of that rule, frame by frame. selected: the number of the file that is selected; refusal: why it
    cannot be where it is held.
    """

    analysis: Analysis
    lanes: tuple[Lane, ...]
    window: TimeWindow
    playhead: float
    rule: str = ""
    states: Sequence[RuleState] = ()
    selected: Place | None = None
    refusal: str = ""
