"""Rule files: YAML text -> Exercise, and every error in it at once, each with its place.

The text is never constructed into Python objects: `yaml.compose` gives the tree of nodes with their
lines and columns, and the tree is read here, key by key, against a closed vocabulary. Tags, anchors and
aliases are refused, size and depth are bounded, and nothing is evaluated.

The reference of the language for people is coach_rules/README.md.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import yaml

from app.conditions import All, AnyOf, Comparison, Condition, Not
from app.parameters import PARAMETERS, VIEWS, ParameterInfo, View
from app.reps import DEFAULT_PHASES, Counting, PhaseNames, Signal
from app.rules import (
    JUDGES,
    REP_NUMBERS,
    SEVERITIES,
    STATISTICS,
    Exercise,
    Judge,
    Rule,
    RuleFileError,
    RuleTest,
    Severity,
)
from app.skeleton import JOINT_NAMES, Joint

FORMAT: Final = 1
MAX_BYTES: Final = 64 * 1024
MAX_DEPTH: Final = 16
MAX_PROBLEMS: Final = 100
SUFFIXES: Final = (".yaml", ".yml")

_ID: Final = re.compile(r"[a-z][a-z0-9_]{0,39}")
_LANGUAGE: Final = re.compile(r"[a-z]{2,3}(_[A-Z]{2})?")
_NUMBER: Final = re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)")
_SECONDS: Final = re.compile(r"(\d+(?:\.\d*)?|\.\d+)\s*(ms|s|min)")
_PLACEHOLDER: Final = re.compile(r"\{[^{}]*\}?|\}")
_YAML_TAG: Final = "tag:yaml.org,2002:"
_PLAIN_TAGS: Final = {
    f"{_YAML_TAG}{name}"
    for name in ("str", "int", "float", "bool", "null", "map", "seq", "timestamp", "merge")
}
_PAIRS: Final = tuple(n.removeprefix("left_") for n in JOINT_NAMES if n.startswith("left_"))
_RESERVED: Final = ("gestures.yaml",)

Node = yaml.nodes.Node
Read = Callable[[Node], Any]


class _RefusedError(Exception):
    """The text as a whole cannot be read; args: line, column (from 1), what."""


class _WrongError(Exception):
    """This node is wrong and was reported; the reading goes on elsewhere."""


class _Reader:
    """Walks the nodes of one file and collects every problem."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._found: list[tuple[int, int, str]] = []

    @property
    def problems(self) -> list[str]:
        """In the order of the file."""
        found = sorted(self._found)
        lines = [f"{self.name}:{line}:{column}: {what}" for line, column, what in found[:MAX_PROBLEMS]]
        if len(found) > MAX_PROBLEMS:
            lines.append(
                f"{self.name}:{found[MAX_PROBLEMS][0]}:1: and {len(found) - MAX_PROBLEMS} more problems"
            )
        return lines

    def report(self, node: Node, what: str) -> None:
        self._found.append((node.start_mark.line + 1, node.start_mark.column + 1, what))

    def wrong(self, node: Node, found: str, expected: str, near: str = "") -> _WrongError:
        """Reports; to be raised by the caller where there is nothing to go on with."""
        self.report(node, f"found {found}, expected {expected}" + (f"; {near}" if near else ""))
        return _WrongError()

    # -- scalars ------------------------------------------------------------------------------------

    def scalar(self, node: Node, expected: str) -> str:
        if not isinstance(node, yaml.ScalarNode):
            raise self.wrong(node, _kind(node), expected)
        return str(node.value)

    def text(self, node: Node) -> str:
        value = self.scalar(node, "a text")
        if node.tag.endswith(":bool"):
            raise self.wrong(
                node, f"{value}, which YAML reads as {_read_as(node)}", f'a text: write "{value}" in quotes'
            )
        if node.tag.endswith(":null") or not value.strip():
            raise self.wrong(node, "nothing", "a text")
        return value.strip()

    def number(self, node: Node, expected: str = "a number") -> float:
        value = self.scalar(node, expected).strip()
        if not _NUMBER.fullmatch(value):
            raise self.wrong(node, _quoted(value), expected)
        return float(value)

    def skip(self, node: Node) -> float:
        return 0.0

    def within(self, low: float, high: float, what: str) -> Callable[[Node], float]:
        def read(node: Node) -> float:
            expected = f"{what} from {low:g} to {high:g}"
            value = self.number(node, expected)
            if not low <= value <= high:
                raise self.wrong(node, f"{value:g}", expected)
            return value

        return read

    def whole(self, low: int, high: int, what: str) -> Callable[[Node], int]:
        def read(node: Node) -> int:
            expected = f"{what}, a whole number from {low} to {high}"
            value = self.number(node, expected)
            if value != int(value) or not low <= value <= high:
                raise self.wrong(node, f"{value:g}", expected)
            return int(value)

        return read

    def seconds(self, high: float) -> Callable[[Node], float]:
        def read(node: Node) -> float:
            value = self.scalar(node, "a time such as 0.3s").strip()
            match = _SECONDS.fullmatch(value)
            if match is None:
                mend = f"write {value}s" if _NUMBER.fullmatch(value) and float(value) >= 0 else ""
                raise self.wrong(
                    node, _quoted(value), "a time with its unit, such as 0.3s, 300ms or 1min", mend
                )
            out = float(match[1]) * {"ms": 0.001, "s": 1.0, "min": 60.0}[match[2]]
            if out > high:
                raise self.wrong(node, value, f"a time of {high:g}s or less")
            return out

        return read

    def quantity(self, name: str) -> Callable[[Node], float]:
        """A value of that parameter, in its unit, and one that it can have."""
        unit, low, high = _unit_of(name)

        def read(node: Node) -> float:
            suffix, example = _UNITS[unit]
            value = self.scalar(node, f"a value of {name}, such as {example}").strip()
            match = re.fullmatch(rf"({_NUMBER.pattern})\s*({suffix})?", value)
            if match is None:
                raise self.wrong(node, _quoted(value), f"a value of {name} in its unit, such as {example}")
            number = float(match[1])
            if (match.group(4) or "") == "%":
                number /= 100.0
            if not low <= number <= high:
                raise self.wrong(node, value, f"a value that {name} can have, from {low:g} to {high:g}")
            return number

        return read

    def choice(self, known: Sequence[str], what: str) -> Callable[[Node], str]:
        def read(node: Node) -> str:
            value = self.scalar(node, f"{what}").strip()
            if value not in known:
                raise self.wrong(node, _quoted(value), _one_of(known, what), _near(value, known))
            return value

        return read

    def identifier(self, node: Node) -> str:
        value = self.text(node)
        if not _ID.fullmatch(value):
            raise self.wrong(
                node, _quoted(value), "an id: a-z, 0-9 and _, beginning with a letter, at most 40"
            )
        return value

    # -- collections --------------------------------------------------------------------------------

    def many(
        self, read: Read, what: str, *, most: int = 64, empty: bool = False
    ) -> Callable[[Node], tuple[Any, ...]]:
        """A list, or one thing alone."""

        def read_list(node: Node) -> tuple[Any, ...]:
            if not isinstance(node, yaml.SequenceNode):
                return (read(node),)
            if not node.value and not empty:
                raise self.wrong(node, "an empty list", what)
            if len(node.value) > most:
                raise self.wrong(node, f"{len(node.value)} entries", f"at most {most}")
            out = []
            for item in node.value:
                try:
                    out.append(read(item))
                except _WrongError:
                    continue
            if len(out) < len(node.value):
                raise _WrongError
            return tuple(out)

        return read_list

    def entries(self, node: Node, what: str) -> list[tuple[str, Node, Node]]:
        """(key, key node, value node) of a mapping; duplicate and non-text keys are reported and left out."""
        if not isinstance(node, yaml.MappingNode):
            raise self.wrong(node, _kind(node), what)
        seen: dict[str, Node] = {}
        out: list[tuple[str, Node, Node]] = []
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                self.report(key, f"found {_kind(key)} as a key, expected a word")
                continue
            if key.tag.endswith((":bool", ":null")):
                self.report(
                    key,
                    f"found the key {_quoted(key.value)}, which YAML reads as {_read_as(key)}, "
                    f"expected a word: write {_quoted(key.value)} in quotes",
                )
                continue
            name = str(key.value)
            if name in seen:
                first = seen[name].start_mark.line + 1
                self.report(
                    key,
                    f"found the key {_quoted(name)} again, expected it once; it is in line {first} already",
                )
                continue
            seen[name] = key
            out.append((name, key, value))
        return out

    def mapping(
        self, node: Node, what: str, fields: Mapping[str, Read], required: Iterable[str] = ()
    ) -> dict[str, Any]:
        """A mapping with these keys. Keys whose value is wrong are missing from the result."""
        out: dict[str, Any] = {}
        present = set()
        for name, key, value in self.entries(node, what):
            read = fields.get(name)
            if read is None:
                self.report(
                    key,
                    f"found the key {_quoted(name)}, expected {_one_of(tuple(fields), 'a key')}"
                    + (f"; {near}" if (near := _near(name, fields)) else ""),
                )
                continue
            present.add(name)
            try:
                out[name] = read(value)
            except _WrongError:
                continue
        for name in required:
            if name not in present:
                self.report(node, f"found no {_quoted(name)}, expected it in {what}")
        return out

    def texts(self, node: Node) -> dict[str, str]:
        """Language -> text; a text alone is English."""
        if isinstance(node, yaml.ScalarNode):
            return {"en": self.text(node)}
        out = {}
        for name, key, value in self.entries(node, "texts by language, such as {en: Squat, zh: 深蹲}"):
            if not _LANGUAGE.fullmatch(name):
                mend = "; put a text that has a comma in quotes" if _is_null(value) else ""
                self.report(key, f"found the key {_quoted(name)}, expected a language such as en or zh{mend}")
                continue
            try:
                out[name] = self.text(value)
            except _WrongError:
                continue
        if "en" not in out:
            self.report(node, "found no text in en, expected one: it is what other languages fall back to")
        return out


# Unit -> what may follow the number, and an example.
_UNITS: Final[dict[str, tuple[str, str]]] = {
    "deg": ("deg|°", "95deg"),
    "ratio": ("%", "0.6 or 60%"),
    "deg/s": ("deg/s|°/s", "120deg/s"),
    "ratio/s": ("%/s", "0.5"),
    "s": ("s", "1.5s"),
}


def _unit_of(name: str) -> tuple[str, float, float]:
    """Unit and the range of values of a parameter, a statistic of one, or a number of the rep."""
    if name in REP_NUMBERS:
        return "s", 0.0, 120.0
    info = PARAMETERS[name.split(".")[0]]
    low, high = {"deg": (0.0, 180.0), "ratio": (-10.0, 10.0)}.get(info.unit, (-2000.0, 2000.0))
    return info.unit, low, high


def _kind(node: Node) -> str:
    if isinstance(node, yaml.MappingNode):
        return "a mapping"
    if isinstance(node, yaml.SequenceNode):
        return "a list"
    return _quoted(str(node.value)) if node.value else "nothing"


def _is_null(node: Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.tag.endswith(":null")


def _read_as(node: Node) -> str:
    if node.tag.endswith(":null"):
        return "nothing"
    return "true" if str(node.value).lower() in ("yes", "on", "true") else "false"


def _quoted(value: str) -> str:
    short = value if len(value) <= 40 else value[:37] + "..."
    return '"' + short.replace("\n", "\\n") + '"'


def _one_of(known: Sequence[str], what: str) -> str:
    return (
        f"{what}: {', '.join(known)}" if len(known) <= 16 else f"{what} of the list in coach_rules/README.md"
    )


def _near(value: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(value.lower(), list(known), n=1, cutoff=0.6)
    return f'did you mean "{close[0]}"?' if close else ""


# -- conditions ---------------------------------------------------------------------------------------


class _Conditions:
    """Reads conditions; `judge` decides whether plain parameters or statistics of a rep are meant."""

    def __init__(self, reader: _Reader, judge: Judge) -> None:
        self.reader = reader
        self.judge = judge

    def read(self, node: Node) -> Condition:
        """{knee: {below: 90deg}, ...}: all of them; or all, any, not."""
        reader = self.reader
        parts: list[Condition] = []
        entries = reader.entries(node, "a condition such as {knee: {below: 90deg}}")
        if not entries:
            raise reader.wrong(node, "an empty condition", "a condition such as {knee: {below: 90deg}}")
        failed = False
        for name, key, value in entries:
            try:
                if name == "all":
                    parts.append(All(parts=self._list(value)))
                elif name == "any":
                    parts.append(AnyOf(parts=self._list(value)))
                elif name == "not":
                    parts.append(Not(part=self.read(value)))
                else:
                    self._check_name(name, key)
                    parts += self._comparisons(name, value)
            except _WrongError:
                failed = True
        if failed or not parts:
            raise _WrongError
        out = parts[0] if len(parts) == 1 else All(parts=tuple(parts))
        self._check_possible(node, out)
        return out

    def _list(self, node: Node) -> tuple[Condition, ...]:
        if not isinstance(node, yaml.SequenceNode):
            raise self.reader.wrong(node, _kind(node), "a list of conditions, each beginning with a dash")
        out: tuple[Condition, ...] = self.reader.many(self.read, "conditions")(node)
        return out

    def _check_name(self, name: str, key: Node) -> None:
        parameter, _, statistic = name.partition(".")
        if self.judge == "rep":
            if name in REP_NUMBERS:
                return
            if parameter in PARAMETERS and statistic in STATISTICS:
                return
            if parameter in PARAMETERS:
                options = [f"{parameter}.{s}" for s in STATISTICS]
                raise self.reader.wrong(
                    key,
                    _quoted(name),
                    f"for a rule that judges reps one of {', '.join(options)}",
                    _near(name, options) if statistic else "",
                )
            known = [*PARAMETERS, *REP_NUMBERS]
        else:
            if name in PARAMETERS:
                return
            if parameter in PARAMETERS or name in REP_NUMBERS:
                raise self.reader.wrong(
                    key, _quoted(name), "a parameter without statistic, or `judge: rep` in this rule"
                )
            known = list(PARAMETERS)
        near = difflib.get_close_matches(parameter.lower(), known, n=1, cutoff=0.6)
        full = f"{near[0]}.{statistic}" if near and statistic else near[0] if near else ""
        raise self.reader.wrong(
            key, _quoted(name), "a parameter, all, any or not", f'did you mean "{full}"?' if near else ""
        )

    def _comparisons(self, name: str, node: Node) -> list[Condition]:
        reader = self.reader
        quantity = reader.quantity(name)

        def pair(value: Node) -> tuple[float, float]:
            if not isinstance(value, yaml.SequenceNode) or len(value.value) != 2:
                raise reader.wrong(
                    value, _kind(value), "two values, the lower first, such as [80deg, 100deg]"
                )
            low, high = quantity(value.value[0]), quantity(value.value[1])
            if low >= high:
                raise reader.wrong(value, f"{low:g} before {high:g}", "the lower value first")
            return low, high

        found = reader.mapping(
            node,
            "below, above, between or outside",
            {"below": quantity, "above": quantity, "between": pair, "outside": pair},
        )
        if not isinstance(node, yaml.MappingNode) or len(found) < len(node.value):
            raise _WrongError
        if not found:
            raise reader.wrong(node, "no comparison", "below, above, between or outside")
        out: list[Condition] = []
        for operator, value in found.items():
            if operator in ("below", "above"):
                out.append(Comparison(parameter=name, operator=operator, limit=value))  # type: ignore[arg-type]
            else:
                out.append(
                    Comparison(parameter=name, operator=operator, limit=value[0], upper=value[1])  # type: ignore[arg-type]
                )
        return out

    def _check_possible(self, node: Node, condition: Condition) -> None:
        """Above 100 and below 80 at once is never true: the thresholds are out of order."""
        if not isinstance(condition, All):
            return
        low: dict[str, float] = {}
        high: dict[str, float] = {}
        for part in condition.parts:
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
                raise self.reader.wrong(
                    node,
                    f"{name} above {low[name]:g} and below {high[name]:g} at once",
                    "a condition that can be true",
                )


# -- the parts of a file ------------------------------------------------------------------------------


class _File:
    """Reads the parts of one rule file."""

    def __init__(self, reader: _Reader) -> None:
        self.r = reader

    def exercise(self, root: Node, path: Path) -> Exercise | None:
        r = self.r
        self.phases: PhaseNames | None = None
        self._take_phases(root)
        rules = _value_of(root, "rules")
        named = [
            _value_of(item, "id") for item in (rules.value if isinstance(rules, yaml.SequenceNode) else ())
        ]
        self.rule_ids = tuple(str(node.value) for node in named if isinstance(node, yaml.ScalarNode))
        fields: dict[str, Read] = {
            "format": self.format,
            "id": r.identifier,
            "name": r.texts,
            "about": r.texts,
            "views": r.many(r.choice(VIEWS, "a view"), "views"),
            "sources": r.many(r.text, "texts"),
            "counting": self.counting,
            "phases": lambda node: None,  # read before, because counting and rules speak of them
            "rules": self.rules,
            "tests": r.many(lambda node: self.test(node, path), "tests"),
        }
        required = ("format", "id", "name", "views", "counting", "rules")
        found = r.mapping(root, "the rule file", fields, required)
        if "counting" in found and found["counting"].kind == "hold":
            self._no_rep_rules(root)
        if r.problems:
            return None
        if path.stem != found["id"]:
            r.report(root, f'found the id "{found["id"]}" in {path.name}, expected the file\'s own name')
            return None
        return Exercise(
            id=found["id"],
            names=found["name"],
            about=found.get("about", {}),
            views=found["views"],
            counting=found["counting"],
            rules=found["rules"],
            sources=found.get("sources", ()),
            tests=found.get("tests", ()),
            path=path,
        )

    def format(self, node: Node) -> int:
        value = self.r.number(node, f"the format number {FORMAT}")
        if value != FORMAT:
            raise self.r.wrong(node, f"{value:g}", f"the format number {FORMAT}, the only one there is")
        return FORMAT

    def _take_phases(self, root: Node) -> None:
        if not isinstance(root, yaml.MappingNode):
            return
        for key, value in root.value:
            if isinstance(key, yaml.ScalarNode) and key.value == "phases":
                try:
                    self.phases = self._phases(value)
                except _WrongError:
                    self.phases = None

    def _phases(self, node: Node) -> PhaseNames:
        r = self.r
        found = r.mapping(
            node,
            "the names of the phases: start, away, turn, back",
            dict.fromkeys(DEFAULT_PHASES, r.identifier),
        )
        names = [found.get(key, key) for key in DEFAULT_PHASES]
        if len(set(names)) < len(names):
            raise r.wrong(node, "the same name for two phases", "four different names")
        return (names[0], names[1], names[2], names[3])

    def counting(self, node: Node) -> Counting:
        r = self.r
        entries = r.entries(node, "reps or hold")
        if len(entries) != 1 or entries[0][0] not in ("reps", "hold"):
            names = ", ".join(f'"{name}"' for name, _, _ in entries) or "nothing"
            raise r.wrong(
                node,
                names,
                'either "reps" or "hold"',
                _near(entries[0][0] if entries else "", ("reps", "hold")),
            )
        return self._reps(entries[0][2]) if entries[0][0] == "reps" else self._hold(entries[0][2])

    def _reps(self, node: Node) -> Counting:
        r = self.r
        condition = _Conditions(r, "frame").read
        before = len(r.problems)
        share = r.within(0.05, 1.5, "a share of the way from start to turn")
        fields: dict[str, Read] = {
            "signals": r.many(self.signal, "signals", most=8),
            "sides": r.choice(("together", "each"), "sides"),
            "side_by": self.sided,
            "reach": share,
            "start_below": share,
            "open_below": share,
            "min_range": share,
            "sure": r.within(0.0, 1.0, "a confidence"),
            "steady": r.seconds(2.0),
            "min_duration": r.seconds(30.0),
            "max_duration": r.seconds(120.0),
            "posture": condition,
            "at_start": condition,
            "at_turn": condition,
        }
        found = r.mapping(node, "reps", fields, ("signals",))
        if len(r.problems) > before:
            raise _WrongError
        counting = Counting(kind="reps", phases=self.phases or DEFAULT_PHASES, **found)
        if counting.start_below >= counting.reach:
            raise r.wrong(
                _value_of(node, "reach") or _value_of(node, "start_below") or node,
                f"start_below {counting.start_below:g} and reach {counting.reach:g}",
                "start_below under reach: else the phases between them cannot be reached",
            )
        if counting.min_range > counting.reach:
            raise r.wrong(
                _value_of(node, "min_range") or node,
                f"min_range {counting.min_range:g} above reach {counting.reach:g}",
                "min_range of reach or less",
            )
        if counting.min_duration >= counting.max_duration:
            raise r.wrong(
                _value_of(node, "min_duration") or node,
                f"min_duration {counting.min_duration:g}s and max_duration {counting.max_duration:g}s",
                "the shorter time in min_duration",
            )
        if counting.sides == "each" and not any(PARAMETERS[s.parameter].sided for s in counting.signals):
            raise r.wrong(
                node, "sides: each with signals that have no sides", "a signal such as knee or elbow"
            )
        return counting

    def _hold(self, node: Node) -> Counting:
        r = self.r
        before = len(r.problems)
        fields: dict[str, Read] = {
            "posture": _Conditions(r, "frame").read,
            "min_duration": r.seconds(120.0),
            "grace": r.seconds(10.0),
        }
        found = r.mapping(node, "a hold", fields, ("posture",))
        if len(r.problems) > before:
            raise _WrongError
        found.setdefault("min_duration", 2.0)
        return Counting(kind="hold", phases=self.phases or ("out", "away", "holding", "back"), **found)

    def signal(self, node: Node) -> Signal:
        r = self.r
        name_node = _value_of(node, "parameter")
        fields: dict[str, Read] = {"parameter": self.parameter}
        quantity: Read = r.skip  # without the parameter its unit is not known, and one problem is enough
        if isinstance(name_node, yaml.ScalarNode) and name_node.value in PARAMETERS:
            quantity = r.quantity(name_node.value)
        fields |= {
            "start": quantity,
            "turn": quantity,
            "weight": r.within(0.05, 20.0, "a weight"),
            "views": r.many(r.choice(VIEWS, "a view"), "views"),
        }
        what = "a signal such as {parameter: knee, start: 170deg, turn: 90deg}"
        before = len(r.problems)
        found = r.mapping(node, what, fields, ("parameter", "start", "turn"))
        if len(r.problems) > before:
            raise _WrongError
        if found["start"] == found["turn"]:
            raise r.wrong(
                _value_of(node, "turn") or node,
                f"{found['turn']:g} for both start and turn",
                "two different values",
            )
        return Signal(**found)

    def parameter(self, node: Node) -> str:
        value = self.r.text(node)
        if value not in PARAMETERS:
            raise self.r.wrong(node, _quoted(value), "a parameter", _near(value, PARAMETERS))
        return value

    def sided(self, node: Node) -> str:
        value = self.parameter(node)
        if not PARAMETERS[value].sided:
            names = [name for name, info in PARAMETERS.items() if info.sided]
            raise self.r.wrong(node, _quoted(value), "a parameter that has sides", _near(value, names))
        return value

    # -- rules ----------------------------------------------------------------------------------------

    def rules(self, node: Node) -> tuple[Rule, ...]:
        r = self.r
        if not isinstance(node, yaml.SequenceNode):
            raise r.wrong(node, _kind(node), "a list of rules, each beginning with a dash")
        out: list[Rule] = []
        first: dict[str, int] = {}
        for item in node.value:
            id_node = _value_of(item, "id")
            if isinstance(id_node, yaml.ScalarNode):
                if id_node.value in first:
                    r.report(
                        id_node,
                        f'found the rule id "{id_node.value}" again, expected another; '
                        f"it is in line {first[id_node.value]} already",
                    )
                first.setdefault(str(id_node.value), id_node.start_mark.line + 1)
            try:
                out.append(self.rule(item))
            except _WrongError:
                continue
        return tuple(out)

    def _no_rep_rules(self, root: Node) -> None:
        rules = _value_of(root, "rules")
        for item in rules.value if isinstance(rules, yaml.SequenceNode) else ():
            for key, expected in (("judge", "judge: frame"), ("phases", "none")):
                value = _value_of(item, key)
                if value is not None and not (isinstance(value, yaml.ScalarNode) and value.value == "frame"):
                    self.r.report(
                        value, f'found "{key}" in a rule of a hold, expected {expected}: it has no reps'
                    )

    def rule(self, node: Node) -> Rule:
        r = self.r
        judge_node = _value_of(node, "judge")
        judge: Judge = (
            "rep" if isinstance(judge_node, yaml.ScalarNode) and judge_node.value == "rep" else "frame"
        )
        before = len(r.problems)
        what = "a rule"
        fields: dict[str, Read] = {
            "id": r.identifier,
            "severity": r.choice(SEVERITIES, "a severity"),
            "priority": r.whole(1, 100, "a priority"),
            "judge": r.choice(JUDGES, "when to judge"),
            "when": _Conditions(r, judge).read,
            "phases": r.many(self.phase, "phases"),
            "views": r.many(r.choice(VIEWS, "a view"), "views"),
            "needs": r.many(self.joints, "joints"),
            "for": r.seconds(60.0),
            "keep_for": r.seconds(60.0),
            "cooldown": r.seconds(600.0),
            "per_set": r.whole(1, 100, "how often a set"),
            "joints": r.many(self.joints, "joints"),
            "say": self.say,
        }
        found = r.mapping(node, what, fields, ("id", "when", "say"))
        if judge == "rep":
            for key in ("phases", "for"):
                if (value := _value_of(node, key)) is not None:
                    r.report(
                        value,
                        f'found "{key}" in a rule that judges reps, expected it only with `judge: frame`',
                    )
        if len(r.problems) > before:
            raise _WrongError
        condition: Condition = found["when"]
        severity: Severity = found.get("severity", "warning")
        highlighted = found.get("joints") or ()
        return Rule(
            id=found["id"],
            severity=severity,
            priority=found.get("priority", {"info": 20, "warning": 50, "error": 80}[severity]),
            judge=judge,
            when=condition,
            phases=found.get("phases", ()),
            views=found.get("views", VIEWS),
            needs=_flat(found.get("needs") or ()),
            hold_for=found.get("for", 0.3),
            keep_for=found.get("keep_for", 0.3 if judge == "frame" else 3.0),
            cooldown=found.get("cooldown", 8.0),
            per_set=found.get("per_set", 4),
            joints=_flat(highlighted) if highlighted else _joints_of(condition),
            say=found["say"],
        )

    def test(self, node: Node, path: Path) -> RuleTest:
        r = self.r
        ids = self.rule_ids
        before = len(r.problems)
        found = r.mapping(
            node,
            "a test such as {recording: tests/good.poses.gz, reps: 3, prompts: []}",
            {
                "recording": r.text,
                "reps": r.whole(0, 10_000, "how many"),
                "holds": r.whole(0, 10_000, "how many"),
                "prompts": r.many(r.choice(ids, "a rule"), "rules", empty=True),
            },
            ("recording",),
        )
        if len(r.problems) > before:
            raise _WrongError
        named = Path(found["recording"])
        if named.is_absolute() or ".." in named.parts or not (path.parent / named).is_file():
            raise r.wrong(
                _value_of(node, "recording") or node,
                _quoted(found["recording"]),
                "a recorded pose file that lies beside the rule file or in a folder there",
            )
        return RuleTest(
            recording=path.parent / named,
            reps=found.get("reps"),
            holds=found.get("holds"),
            prompts=found.get("prompts"),
            line=node.start_mark.line + 1,
        )

    def phase(self, node: Node) -> str:
        known = self.phases or DEFAULT_PHASES
        return self.r.choice(known, "a phase")(node)

    def joints(self, node: Node) -> tuple[Joint, ...]:
        """A joint by name; `knee` means both."""
        value = self.r.text(node)
        if value in JOINT_NAMES:
            return (Joint[value],)
        both = (f"left_{value}", f"right_{value}")
        if both[0] in JOINT_NAMES:
            return (Joint[both[0]], Joint[both[1]])
        raise self.r.wrong(
            node, _quoted(value), "a joint such as knee or left_knee", _near(value, (*JOINT_NAMES, *_PAIRS))
        )

    def say(self, node: Node) -> dict[str, str]:
        out = self.r.texts(node)
        nodes = (
            [node]
            if isinstance(node, yaml.ScalarNode)
            else [value for _, value in getattr(node, "value", ())]
        )
        for item in nodes:
            for match in _PLACEHOLDER.findall(str(item.value)) if isinstance(item, yaml.ScalarNode) else ():
                if match not in ("{value}", "{limit}"):
                    self.r.report(
                        item, f"found {_quoted(match)} in the text, expected only {{value}} and {{limit}}"
                    )
        return out


def _flat(groups: tuple[tuple[Joint, ...], ...]) -> tuple[Joint, ...]:
    return tuple(dict.fromkeys(joint for group in groups for joint in group))


def _joints_of(condition: Condition) -> tuple[Joint, ...]:
    """The joints of a condition's first parameter: what the reminder is about."""
    for name in condition.parameters():
        info: ParameterInfo | None = PARAMETERS.get(name.split(".")[0])
        if info is not None:
            return info.joints
    return ()


def _value_of(node: Node, key: str) -> Node | None:
    if isinstance(node, yaml.MappingNode):
        for name, value in node.value:
            if isinstance(name, yaml.ScalarNode) and name.value == key:
                return value
    return None


# -- whole files --------------------------------------------------------------------------------------


class _PlainLoader(yaml.SafeLoader):
    """Composes plain data only: refuses aliases, tags and depth before it goes into them."""

    depth = 0

    def compose_node(self, parent: Node | None, index: Any) -> Node | None:
        event = self.peek_event()
        mark = event.start_mark
        place = (mark.line + 1, mark.column + 1)
        if isinstance(event, yaml.events.AliasEvent):
            raise _RefusedError(*place, f'found the alias "*{event.anchor}", expected the thing itself')
        if event.anchor is not None:
            raise _RefusedError(*place, f'found the anchor "&{event.anchor}", expected none')
        if event.tag is not None and event.tag not in _PLAIN_TAGS and event.tag != "!":
            tag = _quoted(str(event.tag).replace(_YAML_TAG, "!!"))
            raise _RefusedError(*place, f"found the tag {tag}, expected plain data without tags")
        if self.depth >= MAX_DEPTH:
            raise _RefusedError(*place, f"found nesting deeper than {MAX_DEPTH}, expected less")
        self.depth += 1
        node: Node | None = super().compose_node(parent, index)
        self.depth -= 1
        return node


def compose(text: str) -> Node:
    """The tree of nodes. Raises _RefusedError when the text is no plain YAML of bounded depth."""
    loader = None
    try:
        loader = _PlainLoader(text)
        root: Node | None = loader.get_single_node()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        reason = (error.problem or error.context or "this cannot be read").replace("\n", " ")
        if "'\\t'" in reason:
            raise _RefusedError(line, column, "found a tab, expected spaces") from None
        raise _RefusedError(line, column, f"this is not YAML: {reason}") from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise _RefusedError(line, 1, "found a character that is no text, expected YAML in UTF-8") from None
    except ValueError as error:
        raise _RefusedError(1, 1, f"this cannot be read: {error}") from None
    finally:
        if loader is not None:
            loader.dispose()
    if root is None:
        raise _RefusedError(1, 1, "found an empty file, expected an exercise")
    return root


def _text_of(path: Path) -> str:
    """The file's text. Raises _RefusedError when it is no text or too large."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise _RefusedError(1, 1, f"this cannot be opened: {error.strerror or error}") from None
    if len(data) > MAX_BYTES:
        raise _RefusedError(1, 1, f"found more than {MAX_BYTES // 1024} KB, expected a rule file of a few")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise _RefusedError(line, 1, "found bytes that are no text, expected YAML in UTF-8") from None


def read_exercise(path: Path, *, name: str | None = None, text: str | None = None) -> Exercise:
    """Reads one rule file; name: how the problems call it (default: the path).

    text: what the file would say, in place of what it says: an edit that is tried before it is written.

    Raises RuleFileError with every problem.
    """
    shown = name or str(path)
    reader = _Reader(shown)
    try:
        root = compose(_text_of(path) if text is None else text)
    except _RefusedError as refused:
        line, column, what = refused.args
        raise RuleFileError([f"{shown}:{line}:{column}: {what}"]) from None
    try:
        exercise = _File(reader).exercise(root, path)
    except _WrongError:
        exercise = None
    if exercise is None or reader.problems:
        raise RuleFileError(reader.problems)
    return exercise


def rule_files(folder: Path) -> list[Path]:
    """The rule files of a folder, sorted by name."""
    return sorted(p for p in folder.iterdir() if p.suffix.lower() in SUFFIXES and p.name not in _RESERVED)


def read_library(folder: Path) -> dict[str, Exercise]:
    """All rule files of a folder, by id. Raises RuleFileError with every problem in all of them."""
    if not folder.is_dir():
        raise RuleFileError([f"{folder}:1:1: there is no such folder, expected one with rule files"])
    out: dict[str, Exercise] = {}
    problems: list[str] = []
    for path in rule_files(folder):
        try:
            exercise = read_exercise(path)
        except RuleFileError as error:
            problems += error.problems
            continue
        out[exercise.id] = exercise
    if problems:
        raise RuleFileError(problems)
    return out


def view_names(views: tuple[View, ...]) -> str:
    """ "side, oblique or front"."""
    return " or ".join(filter(None, (", ".join(views[:-1]), views[-1])))
