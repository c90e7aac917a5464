"""Conditions, values with their units, parameters, joints and views, as they are written in YAML files."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import yaml

from app.conditions import All, AnyOf, Comparison, Condition, Not
from app.measures import (
    PHASE_NUMBERS,
    REP_NUMBERS,
    SET_NUMBERS,
    SET_STATISTICS,
    STATISTICS,
    STRETCH_STATISTICS,
    Judge,
    NumberUnit,
    names_of,
    parameter_of,
    unit_of,
)
from app.skeleton import JOINT_NAMES, Joint
from app.view import VIEWS
from app.vocabulary import PARAMETERS
from app.yamlfile import (
    NUMBER,
    Field,
    Kind,
    Node,
    Reader,
    Schema,
    WrongError,
    choice,
    described,
    entries,
    many,
    quoted,
    read_fields,
    scalar,
    text,
)

# Unit -> what may follow the number, an example, and the values it can have.
_UNITS: Final[dict[NumberUnit, tuple[str, str, float, float]]] = {
    "deg": ("deg|°", "95deg", 0.0, 180.0),
    "ratio": ("%", "0.6 or 60%", -10.0, 10.0),
    "deg/s": ("deg/s|°/s", "120deg/s", -2000.0, 2000.0),
    "ratio/s": ("%/s", "0.5", -2000.0, 2000.0),
    "s": ("s", "1.5s", 0.0, 3600.0),
    "count": ("", "3", 0.0, 1000.0),
    "change": ("%", "-20%", -1.0, 10.0),
}
_SECONDS_OF_A_REP: Final = 120.0
_PAIRS: Final = tuple(name.removeprefix("left_") for name in JOINT_NAMES if name.startswith("left_"))
_EXAMPLE: Final = "a condition such as {knee: {below: 90deg}}"
_OF_OWN: Final = re.compile(rf"({NUMBER})\s*%\s*of own")
_OWN_PLUS: Final = re.compile(r"own(?:\s*([+-])\s*(.+))?")


# -- values -------------------------------------------------------------------------------------------


def quantity(name: str) -> Kind[float]:
    """A value of that parameter, or of any other name of app.measures, in its unit, and one it can have."""
    unit = unit_of(name)
    suffix, example, low, high = _UNITS[unit]
    if name in REP_NUMBERS and unit == "s":
        high = _SECONDS_OF_A_REP
    pattern = re.compile(rf"({NUMBER})\s*({suffix})?")

    def read(reader: Reader, node: Node) -> float:
        value = scalar(reader, node, f"a value of {name}, such as {example}")
        match = pattern.fullmatch(value)
        if match is None or len(value) > 40:
            raise reader.wrong(node, quoted(value), f"a value of {name} in its unit, such as {example}")
        number = float(match[1])
        if match[2] == "%":
            number /= 100.0
        if not low <= number <= high:
            raise reader.wrong(node, value, f"a value that {name} can have, from {low:g} to {high:g}")
        return number

    return Kind(read, _quantity_schema(unit))


def _quantity_schema(unit: NumberUnit, *, own: bool = False) -> Schema:
    suffix, example, _, _ = _UNITS[unit]
    either: list[Schema] = [
        {"type": "number"},
        {"type": "string", "pattern": rf"^{NUMBER}\s*({suffix})?$", "examples": [example]},
    ]
    if own:
        written = rf"^({NUMBER}\s*%\s*of own|own(\s*[+-]\s*{NUMBER}\s*({suffix})?)?)$"
        either.append({"type": "string", "pattern": written, "examples": ["90% of own"]})
    return {"anyOf": either}


def parameter() -> Kind[str]:
    """A parameter of the vocabulary."""

    def check(reader: Reader, node: Node, value: str) -> str:
        if value not in PARAMETERS:
            raise reader.wrong(node, quoted(value), "a parameter", reader.near(value, PARAMETERS))
        return value

    return Kind(text().then(check).read, {"enum": list(PARAMETERS)})


def sided_parameter() -> Kind[str]:
    """A parameter that is measured on the left and on the right."""
    sided = [name for name, info in PARAMETERS.items() if info.sided]

    def check(reader: Reader, node: Node, value: str) -> str:
        if value not in sided:
            near = reader.near(value, sided)
            raise reader.wrong(node, quoted(value), "a parameter that has sides", near)
        return value

    return Kind(parameter().then(check).read, {"enum": sided})


def views() -> Kind[tuple[Any, ...]]:
    """Views, or one alone."""
    return many(choice(VIEWS, "a view"), "views")


def joints() -> Kind[tuple[Joint, ...]]:
    """Joints by name, or one alone; `knee` means both knees."""

    def read(reader: Reader, node: Node, value: str) -> tuple[Joint, ...]:
        if value in JOINT_NAMES:
            return (Joint[value],)
        if value in _PAIRS:
            return (Joint[f"left_{value}"], Joint[f"right_{value}"])
        near = reader.near(value, (*JOINT_NAMES, *_PAIRS))
        raise reader.wrong(node, quoted(value), "a joint such as knee or left_knee", near)

    one = Kind(text().then(read).read, {"enum": [*_PAIRS, *JOINT_NAMES]})
    return many(one, "joints").then(
        lambda reader, node, groups: tuple(dict.fromkeys(joint for group in groups for joint in group))
    )


# -- conditions ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Scope:
    """What the names in a condition may be. over: the rule looks back over some seconds."""

    judge: Judge
    over: bool = False

    @property
    def title(self) -> str:
        return "condition" if self.judge == "frame" and not self.over else f"{self._stretch}_condition"

    @property
    def _stretch(self) -> str:
        return "stretch" if self.judge == "frame" else self.judge


@cache
def _known(judge: Judge, over: bool) -> frozenset[str]:
    return frozenset(names_of(judge, over=over))


def condition(judge: Judge, *, over: bool = False) -> Kind[Condition]:
    """What must be true: {knee: {below: 90deg}, ...} (all of them), or all, any, not.

    judge, over: what the names in it mean; see app.measures.
    """
    scope = _Scope(judge, over)
    return Kind(
        lambda reader, node: _read(reader, node, scope),
        {"$ref": f"#/definitions/{scope.title}"},
        _definitions(scope),
    )


def comparisons(judge: Judge, *, over: bool = False) -> Kind[tuple[Comparison, ...]]:
    """Comparisons alone, without all, any and not: those that are to take the place of others."""
    kind = condition(judge, over=over)

    def check(reader: Reader, node: Node, found: Condition) -> tuple[Comparison, ...]:
        parts = found.parts if isinstance(found, All) else (found,)
        flat = tuple(part for part in parts if isinstance(part, Comparison))
        if len(flat) < len(parts):
            raise reader.wrong(node, "all, any or not", "comparisons alone, such as {knee: {below: 90deg}}")
        return flat

    return kind.then(check)


def _read(reader: Reader, node: Node, scope: _Scope) -> Condition:
    parts: list[Condition] = []
    found = entries(reader, node, _EXAMPLE)
    if not found:
        raise reader.wrong(node, "an empty condition", _EXAMPLE)
    failed = False
    for name, key, value in found:
        try:
            if name == "all":
                parts.append(All(parts=_read_list(reader, value, scope)))
            elif name == "any":
                parts.append(AnyOf(parts=_read_list(reader, value, scope)))
            elif name == "not":
                parts.append(Not(part=_read(reader, value, scope)))
            else:
                _check_name(reader, name, key, scope)
                parts += _comparisons(reader, name, value, own=scope.judge == "rep")
        except WrongError:
            failed = True
    if failed or not parts:
        raise WrongError
    out = parts[0] if len(parts) == 1 else All(parts=tuple(parts))
    _check_possible(reader, node, out)
    return out


def _read_list(reader: Reader, node: Node, scope: _Scope) -> tuple[Condition, ...]:
    if not isinstance(node, yaml.SequenceNode):
        raise reader.wrong(node, described(node), "a list of conditions, each beginning with a dash")
    one: Kind[Condition] = Kind(lambda reader, node: _read(reader, node, scope), {})
    return many(one, "conditions").read(reader, node)


def _check_name(reader: Reader, name: str, key: Node, scope: _Scope) -> None:
    """Raises unless the name is one of the scope's, with the nearest that is."""
    if name in _known(scope.judge, scope.over):
        return
    first, _, rest = name.partition(".")
    plain = scope.judge == "frame" and not scope.over
    if plain and (first in PARAMETERS or first in (*REP_NUMBERS, *PHASE_NUMBERS, *SET_NUMBERS)):
        expected = "a parameter without statistic, or `judge: rep` in this rule"
        raise reader.wrong(key, quoted(name), expected)
    if scope.judge == "set" and first in (*PARAMETERS, *REP_NUMBERS):
        raise _wrong_of_set(reader, name, key)
    if first in PARAMETERS:
        options = [f"{first}.{s}" for s in (STATISTICS if scope.judge == "rep" else STRETCH_STATISTICS)]
        things = {"rep": "reps", "phase": "phases"}.get(scope.judge, "the last seconds")
        expected = f"for a rule that judges {things} one of {', '.join(options)}"
        raise reader.wrong(key, quoted(name), expected, reader.near(name, options) if rest else "")
    numbers = {"frame": (), "phase": PHASE_NUMBERS, "rep": REP_NUMBERS, "set": (*SET_NUMBERS, *REP_NUMBERS)}
    near = reader.nearest(first, [*PARAMETERS, *numbers[scope.judge]])
    full = f"{near}.{rest}" if near and rest else near
    mend = f'did you mean "{full}"?' if near else ""
    raise reader.wrong(key, quoted(name), "a parameter, all, any or not", mend)


def _wrong_of_set(reader: Reader, name: str, key: Node) -> WrongError:
    """A set's names have two statistics: that of each rep, and how it developed."""
    base = name.rpartition(".")[0]
    rep = base if base in _known("rep", False) else name
    if rep in _known("rep", False):
        options = [f"{rep}.{statistic}" for statistic in SET_STATISTICS]
        expected = f"for a rule that judges sets one of {', '.join(options)}"
        return reader.wrong(key, quoted(name), expected, reader.near(name, options) if rep == base else "")
    first = name.split(".")[0]
    expected = f"for a rule that judges sets a statistic of a rep and how it developed, such as {first}."
    return reader.wrong(key, quoted(name), expected + "range.change")


def _comparisons(reader: Reader, name: str, node: Node, *, own: bool) -> list[Comparison]:
    value = quantity(name)
    limit = _limit(name, own=own)
    found = read_fields(
        reader,
        node,
        "below, above, between or outside",
        {
            "below": Field(kind=limit),
            "above": Field(kind=limit),
            "between": Field(kind=_pair(value)),
            "outside": Field(kind=_pair(value)),
        },
    )
    if not isinstance(node, yaml.MappingNode) or len(found) < len(node.value):
        raise WrongError
    if not found:
        raise reader.wrong(node, "no comparison", "below, above, between or outside")
    out: list[Comparison] = []
    for operator, (low, other) in found.items():
        if operator in ("between", "outside"):
            out.append(Comparison(parameter=name, operator=operator, limit=low, upper=other))  # type: ignore[arg-type]
        else:
            out.append(Comparison(parameter=name, operator=operator, limit=low, relative=other))  # type: ignore[arg-type]
    return out


def _limit(name: str, *, own: bool) -> Kind[tuple[float, str]]:
    """A value, or one relative to the athlete's own: 90% of own, own + 10deg. With how it is relative."""
    plain = quantity(name)
    example = "own + 10deg" if unit_of(name) == "deg" else "110% of own"

    def read(reader: Reader, node: Node) -> tuple[float, str]:
        written = scalar(reader, node, f"a value of {name}")[:60]
        if "own" not in written:
            return plain.read(reader, node), ""
        if not own:
            raise reader.wrong(node, quoted(written), "a limit relative to the own in `judge: rep` alone")
        if match := _OF_OWN.fullmatch(written):
            share = float(match[1]) / 100.0
            if not 0.1 <= share <= 5.0:
                raise reader.wrong(node, quoted(written), "from 10% to 500% of own")
            return share, "share"
        match = _OWN_PLUS.fullmatch(written)
        if match is None:
            raise reader.wrong(
                node, quoted(written), f"a value relative to the own: 90% of own, or {example}"
            )
        if match[1] is None:
            return 1.0, "share"
        number = yaml.ScalarNode(node.tag, match[2], node.start_mark, node.end_mark)
        return plain.read(reader, number) * (-1.0 if match[1] == "-" else 1.0), "plus"

    return Kind(read, {})


def _pair(value: Kind[float]) -> Kind[tuple[float, float]]:
    def read(reader: Reader, node: Node) -> tuple[float, float]:
        if not isinstance(node, yaml.SequenceNode) or len(node.value) != 2:
            expected = "two values, the lower first, such as [80deg, 100deg]"
            raise reader.wrong(node, described(node), expected)
        low, high = value.read(reader, node.value[0]), value.read(reader, node.value[1])
        if low >= high:
            raise reader.wrong(node, f"{low:g} before {high:g}", "the lower value first")
        return low, high

    return Kind(read, {})


def _bounds(found: Condition) -> dict[str, tuple[float, float]]:
    """Between what each parameter must lie, as far as plain comparisons that must all hold say so."""
    out: dict[str, tuple[float, float]] = {}
    for part in found.parts if isinstance(found, All) else (found,):
        if not isinstance(part, Comparison) or part.operator == "outside" or part.relative:
            continue
        low, high = out.get(part.parameter, (-math.inf, math.inf))
        if part.operator in ("above", "between"):
            low = max(low, part.limit)
        if part.operator == "below":
            high = min(high, part.limit)
        elif part.operator == "between" and part.upper is not None:
            high = min(high, part.upper)
        out[part.parameter] = (low, high)
    return out


def _check_possible(reader: Reader, node: Node, found: Condition) -> None:
    """Above 100 and below 80 at once is never true: the thresholds are out of order."""
    for name, (low, high) in _bounds(found).items():
        if low >= high:
            raise reader.wrong(
                node, f"{name} above {low:g} and below {high:g} at once", "a condition that can be true"
            )


def overlap(when: Condition, until: Condition) -> str | None:
    """A parameter of which both are true at once, as far as plain comparisons tell; None: there is none."""
    firing, clear = _bounds(when), _bounds(until)
    if set(firing) != set(clear):
        return None
    low_high = {
        name: (max(firing[name][0], clear[name][0]), min(firing[name][1], clear[name][1])) for name in firing
    }
    if any(low >= high for low, high in low_high.values()):
        return None
    return next(iter(low_high), None)


# -- schema -------------------------------------------------------------------------------------------


@cache
def _definitions(scope: _Scope) -> Schema:
    """The schema of a condition, and of the comparisons in it, by unit.

    The names without side are properties, for completion; those with, and those of sets, are patterns:
    thousands of them would make the file large and the list of completions useless.
    """
    again = {"$ref": f"#/definitions/{scope.title}"}
    some = {"type": "array", "items": again, "minItems": 1}
    properties: dict[str, Schema] = {"all": some, "any": some, "not": again}
    patterns: dict[str, Schema] = {}
    out: dict[str, Schema] = {}
    own = scope.judge == "rep"
    for name in names_of(scope.judge, over=scope.over):
        unit = unit_of(name)
        title = ("own_" if own else "") + "comparison_" + unit.replace("/", "_per_")
        out[title] = _comparison_schema(unit, own=own)
        reference = {"$ref": f"#/definitions/{title}"}
        parameter = parameter_of(name)
        if scope.judge == "set" and name not in SET_NUMBERS:
            patterns[title] = reference
        elif name.startswith(("left_", "right_")) and scope.title != "condition":
            continue
        else:
            about = {"description": PARAMETERS[parameter].text} if parameter == name else {}
            properties[name] = {**reference, **about}
    schema: dict[str, Any] = {"type": "object", "additionalProperties": False, "minProperties": 1}
    schema["properties"] = properties
    schema["patternProperties"] = dict(_patterns(scope, patterns))
    out[scope.title] = schema
    return out


def _patterns(scope: _Scope, of_set: Mapping[str, Schema]) -> Iterator[tuple[str, Schema]]:
    """The names that are not listed one by one, by unit."""
    statistics = "|".join(STATISTICS if scope.judge in ("rep", "set") else STRETCH_STATISTICS)
    if scope.judge == "set":
        for title, reference in of_set.items():
            unit = title.removeprefix("comparison_")
            if unit == "change":
                yield rf"^[a-z_]+(\.({statistics}))?\.change$", reference
                continue
            developed = "|".join(name for name in SET_STATISTICS if name != "change")
            named = [name for name in PARAMETERS if unit_of(name).replace("/", "_per_") == unit]
            bases = [rf"({'|'.join(named)})\.({statistics})"] if named else []
            bases += [name for name in REP_NUMBERS if unit_of(name) == unit]
            yield rf"^({'|'.join(bases)})\.({developed})$", reference
    elif scope.title != "condition":
        for unit in dict.fromkeys(info.unit for info in PARAMETERS.values()):
            sided = [
                name
                for name, info in PARAMETERS.items()
                if info.unit == unit and name.startswith(("left_", "right_"))
            ]
            if sided:
                prefix = "own_" if scope.judge == "rep" else ""
                title = f"{prefix}comparison_{unit.replace('/', '_per_')}"
                yield rf"^({'|'.join(sided)})\.({statistics})$", {"$ref": f"#/definitions/{title}"}


def _comparison_schema(unit: NumberUnit, *, own: bool) -> Schema:
    limit, value = _quantity_schema(unit, own=own), _quantity_schema(unit)
    two = {"type": "array", "items": value, "minItems": 2, "maxItems": 2}
    return {
        "type": "object",
        "properties": {"below": limit, "above": limit, "between": two, "outside": two},
        "additionalProperties": False,
        "minProperties": 1,
    }
