"""The metronome: a tempo for the phases of a repetition, as times; what is heard and seen follows from it.

No clock: time is an argument, so that a replay ticks as the live set did.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from app.summary import Tempo

Stage = Literal["away", "turn", "back"]

# A calm tempo for whoever wants one without a plan that says which.
USUAL: Final = Tempo(out=2.0, turn=1.0, back=2.0)


@dataclass(frozen=True, kw_only=True)
class Beat:
    """Where the pacer is.

    stage: the stage now. share: how far into it, 0..1. place: where the body should be, 0 in the start
    position, 1 at the turning point. left: whole seconds until the next stage, counted down to 1.
    tick: a second of the stage begins with this step. accent: a stage does.
    """

    stage: Stage
    share: float
    place: float
    left: int
    tick: bool
    accent: bool


class Metronome:
    """Beats from `begin` on, round after round.

        metronome = Metronome(plan.tempo or USUAL)
        metronome.begin(time)
        beat = metronome.step(time)        # None before begin; sound: tone "accent" or "tick"
    """  # fmt: skip

    def __init__(self, tempo: Tempo) -> None:
        """Raises ValueError when no stage takes any time."""
        if tempo.seconds <= 0:
            raise ValueError("a tempo of no length has no beats")
        self.tempo: Final = tempo
        lengths: dict[Stage, float] = {"away": tempo.out, "turn": tempo.turn, "back": tempo.back}
        self._stages = [(stage, length) for stage, length in lengths.items() if length > 0]
        self._begun: float | None = None
        self._last: tuple[int, Stage, int] | None = None  # round, stage, second of the last step

    def begin(self, time: float) -> None:
        """The first stage begins at this time. Call it again to fall in with an athlete who is ahead."""
        self._begun, self._last = time, None

    def stop(self) -> None:
        self._begun = None

    def step(self, time: float) -> Beat | None:
        """time: seconds, never going back."""
        if self._begun is None or time < self._begun:
            return None
        rounds, within = divmod(time - self._begun, self.tempo.seconds)
        stage, length = self._stages[0]
        for following in self._stages[1:]:
            if within < length:
                break
            within -= length
            stage, length = following
        share = min(1.0, within / length)
        now = (int(rounds), stage, int(within))
        last, self._last = self._last, now
        return Beat(
            stage=stage,
            share=share,
            place={"away": share, "turn": 1.0, "back": 1.0 - share}[stage],
            left=max(1, -int(-(length - within) // 1)),
            tick=now != last,
            accent=last is None or now[:2] != last[:2],
        )
