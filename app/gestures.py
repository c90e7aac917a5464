"""Gestures: steering a workout by hand signs, as rules over the same parameters. No Qt and no clock.

A gesture is a condition that must hold for a while; a ring on the screen fills meanwhile. It acts once and
must be let go of before it can act again. Each is read only in situations where it makes sense.
coach_rules/gestures.yaml has them; the conditions mean what they mean in rule files.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from app.conditionfile import condition, parameter, quantity, views
from app.conditions import Condition, names_in
from app.parameters import Measurement
from app.rules import LIBRARY, in_language
from app.view import VIEWS, View
from app.yamlfile import (
    Field,
    Kind,
    Node,
    Reader,
    YamlFileError,
    choice,
    entries,
    exactly,
    identifier,
    many,
    mapping,
    quoted,
    read_yaml,
    seconds,
    texts,
)

Situation = Literal["before", "countdown", "set", "rest", "paused", "done"]
SITUATIONS: Final[tuple[Situation, ...]] = ("before", "countdown", "set", "rest", "paused", "done")
Action = Literal["go", "pause", "skip"]
ACTIONS: Final[tuple[Action, ...]] = ("go", "pause", "skip")

GESTURES: Final = LIBRARY / "gestures.yaml"
# A hand that shakes, or is not seen for a moment, does not begin anew.
GRACE: Final = 0.2
# How long a gesture must be gone before any can act again.
RELEASE: Final = 0.4
# A ring that is hardly begun is not shown: moving an arm past a gesture is none.
SHOWN_FROM: Final = 0.2
_LONGEST_GAP: Final = 0.5
# A file may not ask for less, seconds.
LEAST_HOLD: Final = 0.4


class GestureFileError(YamlFileError):
    """The gestures cannot be read; problems are those of a rule file."""


@dataclass(frozen=True, kw_only=True)
class Gesture:
    """One sign. does: what it asks for. situations: where it is read. hold_for: seconds until it acts.

    after: seconds of the situation that must have passed before it is read. still: parameter -> how far it
    may move while the sign is held.
    """

    id: str
    names: Mapping[str, str]
    does: Action
    situations: tuple[Situation, ...]
    views: tuple[View, ...]
    condition: Condition
    hold_for: float
    after: float = 0.0
    still: Mapping[str, float] = field(default_factory=dict)

    def name(self, language: str = "en") -> str:
        """What to do, in that language, else in English."""
        return in_language(self.names, language)


@dataclass(frozen=True, kw_only=True)
class GestureState:
    """What is seen of the gestures now.

    gesture: the one being made, or None. progress: 0 to 1, how far its ring is filled; 1 until it is let go
    of. fired: it acts now, said in one step only.
    """

    gesture: Gesture | None = None
    progress: float = 0.0
    fired: bool = False


NOTHING: Final = GestureState()


class GestureReader:
    """Follows the gestures of one athlete.

        reader = GestureReader(load_gestures())
        state = reader.step(time, measurement, "rest")
        if state.fired: ...state.gesture.does
    """  # fmt: skip

    def __init__(self, gestures: tuple[Gesture, ...]) -> None:
        self.gestures: Final = gestures
        self.reset()

    def reset(self) -> None:
        """Another athlete, or another recording."""
        self._since: dict[str, float] = {}  # gesture -> when it began to hold
        self._from: dict[str, dict[str, float]] = {}  # gesture -> what must stay still, as it was then
        self._last: dict[str, float] = {}  # gesture -> when it last held
        self._held: Gesture | None = None  # it has acted, and is not let go of yet
        self._time: float | None = None
        self._situation: Situation | None = None
        self._entered = 0.0  # when that began

    def step(self, time: float, measurement: Measurement | None, situation: Situation) -> GestureState:
        """time: seconds, never going back. measurement: None where nobody is."""
        if self._time is not None and not 0.0 <= time - self._time <= _LONGEST_GAP:
            self.reset()
        self._time = time
        if situation != self._situation:
            self._situation, self._entered = situation, time
        for gesture in self.gestures:
            self._follow(gesture, time, measurement)
        if self._held is not None:
            if time - self._last.get(self._held.id, time) < RELEASE:
                return GestureState(gesture=self._held, progress=1.0)
            self._held = None
            self._since.clear()
        made = [
            (self._progress(gesture, time), gesture)
            for gesture in self.gestures
            if situation in gesture.situations and gesture.id in self._since
        ]
        if not made:
            return NOTHING
        progress, gesture = max(made, key=lambda pair: pair[0])
        # It acts while it is made, not in the moment after it was let go of.
        if progress >= 1.0 and self._last[gesture.id] == time:
            self._held = gesture
            return GestureState(gesture=gesture, progress=1.0, fired=True)
        return GestureState(gesture=gesture, progress=progress) if progress >= SHOWN_FROM else NOTHING

    def _progress(self, gesture: Gesture, time: float) -> float:
        """How far its ring is filled, 0 to 1."""
        begun = max(self._since[gesture.id], self._entered + gesture.after if gesture.after else 0.0)
        return min(1.0, max(0.0, (time - begun) / gesture.hold_for))

    def _follow(self, gesture: Gesture, time: float, measurement: Measurement | None) -> None:
        holds = (
            measurement is not None
            and measurement.view in gesture.views
            and gesture.condition.holds(measurement.values) is True
        )
        if holds and measurement is not None:
            if gesture.id not in self._since or self._has_moved(gesture, measurement.values):
                self._since[gesture.id] = time
                self._from[gesture.id] = {name: measurement.values[name] for name in gesture.still}
            self._last[gesture.id] = time
        elif time - self._last.get(gesture.id, -GRACE) > GRACE:
            self._since.pop(gesture.id, None)

    def _has_moved(self, gesture: Gesture, values: Mapping[str, float]) -> bool:
        before = self._from[gesture.id]
        return any(abs(values[name] - before[name]) > most for name, most in gesture.still.items())


def load_gestures(path: Path = GESTURES, *, name: str | None = None) -> tuple[Gesture, ...]:
    """Reads the file; name: how the problems call it. Raises GestureFileError with every problem in it."""
    gestures: tuple[Gesture, ...] = read_yaml(path, _FILE, name=name or path.name, error=GestureFileError)
    return gestures


def _gesture(reader: Reader, node: Node, found: dict[str, Any]) -> Gesture:
    return Gesture(
        id=found["id"],
        names=found["name"],
        does=found["does"],
        situations=found["while"],
        views=found.get("views", VIEWS),
        condition=found["if"],
        hold_for=found.get("for", 1.0),
        after=found.get("after", 0.0),
        still=found.get("still", {}),
    )


def _file(reader: Reader, node: Node, found: dict[str, Any]) -> tuple[Gesture, ...]:
    gestures: tuple[Gesture, ...] = found["gestures"]
    ids = [gesture.id for gesture in gestures]
    for name in dict.fromkeys(ids):
        if ids.count(name) > 1:
            raise reader.wrong(node, f"the gesture {quoted(name)} twice", "each id once")
    for gesture in gestures:
        if loose := set(gesture.still) - set(names_in(gesture.condition)):
            raise reader.wrong(
                node, f"{quoted(min(loose))} in the still of {quoted(gesture.id)}", "one of its if"
            )
        if gesture.hold_for < LEAST_HOLD:
            raise reader.wrong(
                node,
                f"{quoted(gesture.id)} held for {gesture.hold_for:g}s",
                f"at least {LEAST_HOLD:g}s: what acts at once acts by accident",
            )
    return gestures


def _still() -> Kind[dict[str, float]]:
    """{right_wrist_height: 0.2}: each in its own unit."""

    def read(reader: Reader, node: Node) -> dict[str, float]:
        found = entries(reader, node, "parameters such as {right_wrist_height: 0.2}")
        return {
            parameter().read(reader, key): quantity(name).read(reader, value) for name, key, value in found
        }

    return Kind(read, {"type": "object"})


_GESTURE: Final = mapping(
    "a gesture",
    {
        "id": Field(kind=identifier(), about="a-z, 0-9 and _", required=True),
        "name": Field(kind=texts(), about="what to do, by language", required=True),
        "does": Field(kind=choice(ACTIONS, "an action"), about="what it asks for", required=True),
        "while": Field(
            kind=many(choice(SITUATIONS, "a situation"), "situations"),
            about="where it is read",
            required=True,
        ),
        "views": Field(kind=views(), about="from where it can be seen"),
        "if": Field(kind=condition("frame"), about="what the body must be like", required=True),
        "for": Field(kind=seconds(5), about="how long until it acts"),
        "after": Field(kind=seconds(30), about="how long the situation must have lasted"),
        "still": Field(kind=_still(), about="parameters of the if, and how far each may move meanwhile"),
    },
    _gesture,
)
_FILE: Final = mapping(
    "the gestures",
    {
        "format": Field(kind=exactly(1, "format"), required=True),
        "gestures": Field(kind=many(_GESTURE, "gestures"), required=True),
    },
    _file,
)
