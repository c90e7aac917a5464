"""Conditions, values with their units, parameters, joints and views, as they are written in YAML files."""

from __future__ import annotations

import difflib
import math
import re
from typing import Any, Final

import yaml

from app.conditions import All, AnyOf, Comparison, Condition, Not
from app.measures import REP_NUMBERS, STATISTICS, Judge
from app.parameters import PARAMETERS, VIEWS
from app.skeleton import JOINT_NAMES, Joint
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
    did_you_mean,
    entries,
    many,
    quoted,
    read_fields,
    scalar,
    text,
)

# Unit -> what may follow the number, and an example.
_UNITS: Final[dict[str, tuple[str, str]]] = {
    "deg": ("deg|°", "95deg"),
    "ratio": ("%", "0.6 or 60%"),
    "deg/s": ("deg/s|°/s", "120deg/s"),
    "ratio/s": ("%/s", "0.5"),
    "s": ("s", "1.5s"),
}
_PAIRS: Final = tuple(name.removeprefix("left_") for name in JOINT_NAMES if name.startswith("left_"))
_EXAMPLE: Final = "a condition such as {knee: {below: 90deg}}"


# -- values -------------------------------------------------------------------------------------------


def unit_of(name: str) -> tuple[str, float, float]:
    """Unit and the range of values of a parameter, a statistic of one, or a number of the rep."""
    if name in REP_NUMBERS:
        return "s", 0.0, 120.0
    info = PARAMETERS[name.split(".")[0]]
    low, high = {"deg": (0.0, 180.0), "ratio": (-10.0, 10.0)}.get(info.unit, (-2000.0, 2000.0))
    return info.unit, low, high


def quantity(name: str) -> Kind[float]:
    """A value of that parameter, in its unit, and one that it can have."""
    unit, low, high = unit_of(name)
    suffix, example = _UNITS[unit]
    pattern = re.compile(rf"({NUMBER})\s*({suffix})?")

    def read(reader: Reader, node: Node) -> float:
        value = scalar(reader, node, f"a value of {name}, such as {example}")
        match = pattern.fullmatch(value)
        if match is None:
            raise reader.wrong(node, quoted(value), f"a value of {name} in its unit, such as {example}")
        number = float(match[1])
        if match[2] == "%":
            number /= 100.0
        if not low <= number <= high:
            raise reader.wrong(node, value, f"a value that {name} can have, from {low:g} to {high:g}")
        return number

    return Kind(read, _quantity_schema(unit))


def _quantity_schema(unit: str) -> Schema:
    suffix, example = _UNITS[unit]
    written = {"type": "string", "pattern": rf"^{NUMBER}\s*({suffix})?$", "examples": [example]}
    return {"anyOf": [{"type": "number"}, written]}


def parameter() -> Kind[str]:
    """A parameter of the vocabulary."""

    def check(reader: Reader, node: Node, value: str) -> str:
        if value not in PARAMETERS:
            raise reader.wrong(node, quoted(value), "a parameter", did_you_mean(value, PARAMETERS))
        return value

    return Kind(text().then(check).read, {"enum": list(PARAMETERS)})


def sided_parameter() -> Kind[str]:
    """A parameter that is measured on the left and on the right."""
    sided = [name for name, info in PARAMETERS.items() if info.sided]

    def check(reader: Reader, node: Node, value: str) -> str:
        if value not in sided:
            near = did_you_mean(value, sided)
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
        near = did_you_mean(value, (*JOINT_NAMES, *_PAIRS))
        raise reader.wrong(node, quoted(value), "a joint such as knee or left_knee", near)

    one = Kind(text().then(read).read, {"enum": [*_PAIRS, *JOINT_NAMES]})
    return many(one, "joints").then(
        lambda reader, node, groups: tuple(dict.fromkeys(joint for group in groups for joint in group))
    )


# -- conditions ---------------------------------------------------------------------------------------


def condition(judge: Judge) -> Kind[Condition]:
    """What must be true: {knee: {below: 90deg}, ...} (all of them), or all, any, not.

    judge: whether plain parameters are meant, or statistics of a rep.
    """
    title = "condition" if judge == "frame" else f"{judge}_condition"
    return Kind(
        lambda reader, node: _read(reader, node, judge),
        {"$ref": f"#/definitions/{title}"},
        _definitions(title, judge),
    )


def _read(reader: Reader, node: Node, judge: Judge) -> Condition:
    parts: list[Condition] = []
    found = entries(reader, node, _EXAMPLE)
    if not found:
        raise reader.wrong(node, "an empty condition", _EXAMPLE)
    failed = False
    for name, key, value in found:
        try:
            if name == "all":
                parts.append(All(parts=_read_list(reader, value, judge)))
            elif name == "any":
                parts.append(AnyOf(parts=_read_list(reader, value, judge)))
            elif name == "not":
                parts.append(Not(part=_read(reader, value, judge)))
            else:
                _check_name(reader, name, key, judge)
                parts += _comparisons(reader, name, value)
        except WrongError:
            failed = True
    if failed or not parts:
        raise WrongError
    out = parts[0] if len(parts) == 1 else All(parts=tuple(parts))
    _check_possible(reader, node, out)
    return out


def _read_list(reader: Reader, node: Node, judge: Judge) -> tuple[Condition, ...]:
    if not isinstance(node, yaml.SequenceNode):
        raise reader.wrong(node, described(node), "a list of conditions, each beginning with a dash")
    one: Kind[Condition] = Kind(lambda reader, node: _read(reader, node, judge), {})
    return many(one, "conditions").read(reader, node)


def _check_name(reader: Reader, name: str, key: Node, judge: Judge) -> None:
    parameter, _, statistic = name.partition(".")
    if judge == "rep":
        if name in REP_NUMBERS:
            return
        if parameter in PARAMETERS and statistic in STATISTICS:
            return
        if parameter in PARAMETERS:
            options = [f"{parameter}.{s}" for s in STATISTICS]
            raise reader.wrong(
                key,
                quoted(name),
                f"for a rule that judges reps one of {', '.join(options)}",
                did_you_mean(name, options) if statistic else "",
            )
        known = [*PARAMETERS, *REP_NUMBERS]
    else:
        if name in PARAMETERS:
            return
        if parameter in PARAMETERS or name in REP_NUMBERS:
            raise reader.wrong(
                key, quoted(name), "a parameter without statistic, or `judge: rep` in this rule"
            )
        known = list(PARAMETERS)
    near = difflib.get_close_matches(parameter[:60].lower(), known, n=1, cutoff=0.6)
    full = f"{near[0]}.{statistic}" if near and statistic else near[0] if near else ""
    raise reader.wrong(
        key, quoted(name), "a parameter, all, any or not", f'did you mean "{full}"?' if near else ""
    )


def _comparisons(reader: Reader, name: str, node: Node) -> list[Condition]:
    value = quantity(name)
    found = read_fields(
        reader,
        node,
        "below, above, between or outside",
        {
            "below": Field(kind=value),
            "above": Field(kind=value),
            "between": Field(kind=_pair(value)),
            "outside": Field(kind=_pair(value)),
        },
    )
    if not isinstance(node, yaml.MappingNode) or len(found) < len(node.value):
        raise WrongError
    if not found:
        raise reader.wrong(node, "no comparison", "below, above, between or outside")
    out: list[Condition] = []
    for operator, limit in found.items():
        low, high = limit if isinstance(limit, tuple) else (limit, None)
        out.append(Comparison(parameter=name, operator=operator, limit=low, upper=high))  # type: ignore[arg-type]
    return out


def _pair(value: Kind[float]) -> Kind[tuple[float, float]]:
    def read(reader: Reader, node: Node) -> tuple[float, float]:
        if not isinstance(node, yaml.SequenceNode) or len(node.value) != 2:
            expected = "two values, the lower first, such as [80deg, 100deg]"
            raise reader.wrong(node, described(node), expected)
        low, high = value.read(reader, node.value[0]), value.read(reader, node.value[1])
        if low >= high:
            raise reader.wrong(node, f"{low:g} before {high:g}", "the lower value first")
        return low, high

    return Kind(read, {"type": "array", "items": value.schema, "minItems": 2, "maxItems": 2})


def _check_possible(reader: Reader, node: Node, found: Condition) -> None:
    """Above 100 and below 80 at once is never true: the thresholds are out of order."""
    if not isinstance(found, All):
        return
    low: dict[str, float] = {}
    high: dict[str, float] = {}
    for part in found.parts:
        if not isinstance(part, Comparison) or part.operator == "outside":
            continue
        name = part.parameter
        if part.operator in ("above", "between"):
            low[name] = max(low.get(name, -math.inf), part.limit)
        if part.operator == "below":
            high[name] = min(high.get(name, math.inf), part.limit)
        elif part.operator == "between" and part.upper is not None:
            high[name] = min(high.get(name, math.inf), part.upper)
    for name in low:
        if low[name] >= high.get(name, math.inf):
            raise reader.wrong(
                node,
                f"{name} above {low[name]:g} and below {high[name]:g} at once",
                "a condition that can be true",
            )


def _definitions(title: str, judge: Judge) -> Schema:
    """The schema of a condition, and of the comparisons in it, by unit."""
    if judge == "rep":
        names = [f"{name}.{statistic}" for name in PARAMETERS for statistic in STATISTICS] + [*REP_NUMBERS]
    else:
        names = list(PARAMETERS)
    again = {"$ref": f"#/definitions/{title}"}
    some = {"type": "array", "items": again, "minItems": 1}
    properties: dict[str, Any] = {"all": some, "any": some, "not": again}
    out: dict[str, Any] = {}
    for name in names:
        unit = unit_of(name)[0]
        comparison = "comparison_" + unit.replace("/", "_per_")
        out[comparison] = _comparison_schema(unit)
        info = PARAMETERS.get(name.split(".")[0])
        about = info.text if info else "of the repetition"
        properties[name] = {"$ref": f"#/definitions/{comparison}", "description": about}
    out[title] = {
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
        "minProperties": 1,
    }
    return out


def _comparison_schema(unit: str) -> Schema:
    value = _quantity_schema(unit)
    two = {"type": "array", "items": value, "minItems": 2, "maxItems": 2}
    return {
        "type": "object",
        "properties": {"below": value, "above": value, "between": two, "outside": two},
        "additionalProperties": False,
        "minProperties": 1,
    }
