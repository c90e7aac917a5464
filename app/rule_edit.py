"""Changing one number of a rule file at its place: everything else stays as it is, byte for byte.

The file is not written anew from its data, which would lose comments and layout. The tree of nodes says
where the number stands, and only its characters are replaced; the unit and the quotes stay as written.
A level of the counting that the file leaves at its default is written where its neighbours stand.
What the file would say is read by the same reader as ever before it is written, so that a change that
makes it wrong is refused with the reader's own words, and a file that somebody else has changed in the
meantime is never overwritten. Needs no Qt.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import yaml

from app.errors import FormcueError
from app.exercise import LEVELS
from app.files import replacing
from app.measures import unit_of
from app.reps import Counting
from app.rulefile import read_exercise
from app.rules import Exercise
from app.yamltext import MAX_BYTES, compose

# Keys and list indices from the top of the file down to a scalar: ("rules", 0, "when", "knee", "below").
Place = tuple[str | int, ...]
Role = Literal["limit", "start", "turn", "reach", "start_below"]
_Node = yaml.nodes.Node

# The number, the space after it and the unit, as they are written.
_WRITTEN: Final = re.compile(r"([-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+))(\s*)(|deg|°|%|deg/s|°/s|%/s|s)")
_FACTORS: Final = {"%": 0.01, "%/s": 0.01}
_OPERATORS: Final = ("below", "above", "between", "outside")
# The least change of a number with the mouse or a key, in the parameter's unit.
_STEPS: Final = {
    "deg": 1.0, "ratio": 0.01, "deg/s": 5.0, "ratio/s": 0.05, "s": 0.05, "count": 1.0, "change": 0.01,
}  # fmt: skip
_RANGES: Final = {"deg": (0.0, 180.0), "ratio": (-10.0, 10.0), "s": (0.0, 120.0), "count": (0.0, 1000.0)}
_SHARE: Final = (0.05, 1.5)
_SHARES: Final[dict[Role, float]] = {"reach": Counting.reach, "start_below": Counting.start_below}


class RuleEditError(FormcueError):
    """The change was not made; the text is one line that says why and what to do."""


@dataclass(frozen=True, kw_only=True)
class Threshold:
    """A number of the file that is a level on a parameter's curve.

    place: where it stands. owner: the rule's id, or "" for the counting. role: a limit of a condition, or
    a value of the counting; "reach" and "start_below" are progress, 0 to 1 from start to turn.
    condition: which condition it belongs to, where that is not a rule's `when`: "until", the level for which
    the rule has another limit, or of the counting "posture", "at_start", "at_turn".
    name: what is compared, "knee" or "knee.min". operator: of a limit; upper: whether it is the second of
    between or outside.
    value: in the parameter's unit (60 % is 0.6). step: the least change. lowest, highest: its bounds.
    line: in the file, from 1. written: False: the file does not say it, and its default stands.
    """

    place: Place
    owner: str
    role: Role
    condition: str = ""
    name: str = ""
    operator: str = ""
    upper: bool = False
    value: float
    step: float
    lowest: float
    highest: float
    line: int
    written: bool = True

    def snapped(self, value: float) -> float:
        """The nearest value that can be written."""
        rounded = round(round(value / self.step) * self.step, 6)
        return min(self.highest, max(self.lowest, rounded))


def read_thresholds(text: str) -> tuple[Threshold, ...]:
    """Every level in a sound rule file, the counting's first, each in the file's order."""
    root = compose(text)
    out: list[Threshold] = []
    counting = _child(root, "counting")
    for kind in ("reps", "hold"):
        body = _child(counting, kind)
        out += _of_signals(_child(body, "signals"), ("counting", kind, "signals"))
        for role, default in _SHARES.items():
            out += _of_share(_child(body, role), ("counting", kind, role), role)
            if kind == "reps" and isinstance(body, yaml.MappingNode) and _child(body, role) is None:
                out.append(_share(("counting", kind, role), role, default, body, written=False))
        for name in ("posture", "at_start", "at_turn"):
            out += _of_condition(_child(body, name), ("counting", kind, name), owner="", condition=name)
    rules = _child(root, "rules")
    for index, rule in enumerate(rules.value if isinstance(rules, yaml.SequenceNode) else ()):
        name_node = _child(rule, "id")
        owner = str(name_node.value) if isinstance(name_node, yaml.ScalarNode) else ""
        for key in ("when", "until"):
            out += _of_condition(
                _child(rule, key), ("rules", index, key), owner=owner, condition="" if key == "when" else key
            )
        for level in LEVELS:
            limits = _child(_child(rule, "levels"), level)
            out += _of_condition(limits, ("rules", index, "levels", level), owner=owner, condition=level)
    return tuple(out)


def _child(node: _Node | None, key: str) -> _Node | None:
    if isinstance(node, yaml.MappingNode):
        for name, value in node.value:
            if isinstance(name, yaml.ScalarNode) and name.value == key:
                return value
    return None


def _of_signals(node: _Node | None, place: Place) -> Iterator[Threshold]:
    if isinstance(node, yaml.MappingNode):  # one signal alone needs no list
        signals: list[tuple[Place, _Node]] = [(place, node)]
    elif isinstance(node, yaml.SequenceNode):
        signals = [((*place, index), item) for index, item in enumerate(node.value)]
    else:
        return
    for at, signal in signals:
        name = _child(signal, "parameter")
        if not isinstance(name, yaml.ScalarNode):
            continue
        for role in ("start", "turn"):
            yield from _level(_child(signal, role), (*at, role), owner="", role=role, name=str(name.value))


def _of_share(node: _Node | None, place: Place, role: Role) -> Iterator[Threshold]:
    if (value := _value(node)) is not None and node is not None:
        yield _share(place, role, value, node)


def _share(place: Place, role: Role, value: float, node: _Node, *, written: bool = True) -> Threshold:
    low, high = _SHARE
    return Threshold(
        place=place, owner="", role=role, value=value, step=0.01, lowest=low, highest=high,
        line=node.start_mark.line + 1, written=written,
    )  # fmt: skip


def _of_condition(node: _Node | None, place: Place, *, owner: str, condition: str) -> Iterator[Threshold]:
    if isinstance(node, yaml.SequenceNode):  # the parts of all and any
        for index, part in enumerate(node.value):
            yield from _of_condition(part, (*place, index), owner=owner, condition=condition)
    if not isinstance(node, yaml.MappingNode):
        return
    for key, value in node.value:
        name = str(key.value)
        at = (*place, name)
        if name in ("all", "any", "not"):
            yield from _of_condition(value, at, owner=owner, condition=condition)
            continue
        for operator in _OPERATORS:
            limit = _child(value, operator)
            limits = limit.value if isinstance(limit, yaml.SequenceNode) else [limit]
            for index, scalar in enumerate(limits):
                inner: Place = (
                    (*at, operator, index) if isinstance(limit, yaml.SequenceNode) else (*at, operator)
                )
                yield from _level(
                    scalar, inner, owner=owner, role="limit", name=name, condition=condition,
                    operator=operator, upper=index == 1,
                )  # fmt: skip


def _level(
    node: _Node | None,
    place: Place,
    *,
    owner: str,
    role: Role,
    name: str,
    condition: str = "",
    operator: str = "",
    upper: bool = False,
) -> Iterator[Threshold]:
    value = _value(node)
    if value is None or node is None:
        return
    unit = unit_of(name)
    low, high = _RANGES.get(unit, (-2000.0, 2000.0))
    yield Threshold(
        place=place, owner=owner, role=role, condition=condition, name=name, operator=operator, upper=upper,
        value=value, step=_STEPS[unit], lowest=low, highest=high, line=node.start_mark.line + 1,
    )  # fmt: skip


def _value(node: _Node | None) -> float | None:
    """The number of a scalar, in the parameter's unit; None when it is none."""
    if not isinstance(node, yaml.ScalarNode):
        return None
    match = _WRITTEN.fullmatch(str(node.value).strip())
    return None if match is None else float(match[1]) * _FACTORS.get(match[3].strip(), 1.0)


def rewritten(written: str, value: float) -> str:
    """The same text with another number: unit, spacing and at least as many decimals as before.

    >>> rewritten("95deg", 88.0), rewritten("60 %", 0.55), rewritten("0.60", 0.5), rewritten("1.0", 0.25)
    ('88deg', '55 %', '0.50', '0.25')
    """
    match = _WRITTEN.fullmatch(written)
    if match is None:
        raise ValueError(f"{written!r} is no number with a unit")
    number = value / _FACTORS.get(match[3].strip(), 1.0)
    needed = f"{number:.4f}".rstrip("0").partition(".")[2]
    decimals = max(len(needed), len(match[1].partition(".")[2]))
    shown = f"{number:.{decimals}f}"
    return f"{shown.removeprefix('-') if float(shown) == 0 else shown}{match[2]}{match[3]}"


@dataclass(frozen=True, kw_only=True)
class Edit:
    """One change that was made: where, from what to what, and the whole file before and after."""

    place: Place
    before: bytes
    after: bytes
    was: str
    now: str


class RuleEditor:
    """A rule file open for changing one number at a time, with undo.

    text: what it says. Every writing is atomic. Raises RuleEditError when the file cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._done: list[Edit] = []
        self._undone: list[Edit] = []
        self._tree: tuple[str, _Node] | None = None
        self._data = self._read()
        self.text = _decoded(self.path, self._data)

    @property
    def data(self) -> bytes:
        """The file's bytes, as read or written last."""
        return self._data

    @property
    def can_undo(self) -> bool:
        return bool(self._done)

    @property
    def can_redo(self) -> bool:
        return bool(self._undone)

    def reload(self) -> None:
        """Reads the file again. When it has changed, there is nothing to undo any more.

        Raises RuleEditError when it cannot be read; then all stays as it was.
        """
        data = self._read()
        text = _decoded(self.path, data)
        if data != self._data:
            self._done.clear()
            self._undone.clear()
        self._data, self.text = data, text

    def written(self, place: Place) -> str:
        """The number as it stands there, with its unit; the default where the file may leave it out.

        Raises RuleEditError when nothing is there.
        """
        default = self._default(place)
        return str(self._scalar(place).value) if default is None else f"{default:g}"

    def with_value(self, place: Place, value: float) -> str:
        """What the file would say with that number there. Raises RuleEditError when nothing is there."""
        if self._default(place) is not None:
            return self._with_key(place, value)
        node = self._scalar(place)
        start, end = node.start_mark.index, node.end_mark.index
        raw = self.text[start:end]
        quote = raw[0] if node.style in ("'", '"') else ""
        inner = raw[1:-1] if quote else raw
        try:
            changed = rewritten(inner, value)
        except ValueError as error:
            raise RuleEditError(
                "{place}: {reason}; change it in an editor", place=self._at(node), reason=error
            ) from None
        return f"{self.text[:start]}{quote}{changed}{quote}{self.text[end:]}"

    def try_value(self, place: Place, value: float) -> Exercise:
        """The exercise with that number there; nothing is written.

        Raises RuleFileError when it would be wrong, RuleEditError when nothing is there.
        """
        return read_exercise(self.path, name=self.path.name, draft=self.with_value(place, value))

    def change(self, place: Place, value: float) -> Exercise:
        """Writes that number there. The exercise as it is now.

        Raises RuleFileError when it would be wrong, RuleEditError when nothing is there or somebody else
        has changed the file, OutputError when it cannot be written; then nothing was written.
        """
        was = self.written(place)
        text = self.with_value(place, value)
        exercise = read_exercise(self.path, name=self.path.name, draft=text)
        before, after = self._data, _encoded(self._data, text)
        if after == before:
            return exercise
        self._write(after, expected=before)
        edit = Edit(place=place, before=before, after=after, was=was, now=self.written(place))
        self._done.append(edit)
        self._undone.clear()
        return exercise

    def undo(self) -> Edit | None:
        """Takes the last change back. None when there is none. Raises as `change` does."""
        if not self._done:
            return None
        edit = self._done[-1]
        self._write(edit.before, expected=edit.after)
        self._undone.append(self._done.pop())
        return edit

    def redo(self) -> Edit | None:
        """Makes the change again that was taken back last; None when there is none. Raises as `change`."""
        if not self._undone:
            return None
        edit = self._undone[-1]
        self._write(edit.after, expected=edit.before)
        self._done.append(self._undone.pop())
        return edit

    def _read(self) -> bytes:
        try:
            with self.path.open("rb") as file:
                return file.read(MAX_BYTES + 1)  # more is no rule file, and the reader has refused it
        except OSError as error:
            raise RuleEditError(
                "{path}: cannot be read ({reason})", path=self.path, reason=error.strerror or error
            ) from None

    def _write(self, data: bytes, *, expected: bytes) -> None:
        if self._read() != expected:
            raise RuleEditError(
                "{file} was changed by another program, so nothing was written; read it again (F5), "
                "then change it",
                file=self.path.name,
            )
        path = self.path.resolve()  # a link stays a link
        mode = path.stat().st_mode & 0o777
        with replacing(path) as temporary:
            temporary.write_bytes(data)
        path.chmod(mode)
        self._data, self.text = data, _decoded(self.path, data)

    def _default(self, place: Place) -> float | None:
        """What stands where the file leaves that number of the counting out; None where it says it."""
        missing = self._node(place) is None and isinstance(self._node(place[:-1]), yaml.MappingNode)
        return next((share for role, share in _SHARES.items() if missing and place[-1] == role), None)

    def _with_key(self, place: Place, value: float) -> str:
        """What the file would say with a key more: on a line after a neighbour's, or in the same braces."""
        body = self._node(place[:-1])
        assert isinstance(body, yaml.MappingNode)
        written = f"{place[-1]}: {value:g}"
        if body.flow_style:
            end = body.end_mark.index - 1
            inside = self.text[:end].rstrip()
            comma = "" if inside.endswith(",") else ","
            return f"{inside}{comma} {written}{self.text[len(inside) :]}"
        first = body.value[0][0].start_mark
        ending = "\r\n" if "\r\n" in self.text else "\n"
        scalars = [node for _, node in body.value if isinstance(node, yaml.ScalarNode) and not node.style]
        if not scalars:
            return (
                f"{self.text[: first.index]}{written}{ending}{' ' * first.column}{self.text[first.index :]}"
            )
        end = self.text.find("\n", scalars[0].end_mark.index)
        before = self.text if end < 0 else self.text[: end + 1]
        if end < 0:
            before += ending
        return f"{before}{' ' * first.column}{written}{ending}{self.text[len(before) :]}"

    def _node(self, place: Place) -> _Node | None:
        if self._tree is None or self._tree[0] != self.text:
            self._tree = self.text, compose(self.text)  # dragging asks for the same place again and again
        node: _Node | None = self._tree[1]
        for step in place:
            if isinstance(step, str):
                node = _child(node, step)
            elif isinstance(node, yaml.SequenceNode) and step < len(node.value):
                node = node.value[step]
            else:
                node = None
        return node

    def _scalar(self, place: Place) -> yaml.ScalarNode:
        node = self._node(place)
        if not isinstance(node, yaml.ScalarNode):
            raise RuleEditError(
                "{file}: there is no {place} any more; read the file again (F5)",
                file=self.path.name,
                place=_shown(place),
            )
        return node

    def _at(self, node: _Node) -> str:
        return f"{self.path.name}:{node.start_mark.line + 1}:{node.start_mark.column + 1}"


def _shown(place: Place) -> str:
    return ".".join(str(step) for step in place)


def _decoded(path: Path, data: bytes) -> str:
    """The text without a byte order mark. Raises RuleEditError when it is no text."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise RuleEditError("{path}: is no text in UTF-8", path=path) from None


def _encoded(before: bytes, text: str) -> bytes:
    """The text as bytes, with a byte order mark where the file had one."""
    mark = codecs.BOM_UTF8 if before.startswith(codecs.BOM_UTF8) else b""
    return mark + text.encode()
