"""YAML files that people write: every mistake at once, each with its place, and nothing in them run.

    PLAN = mapping(
        "the workout",
        {
            "name": Field(kind=texts(), about="what it is called", required=True),
            "rest": Field(kind=seconds(600), about="between two sets"),
            "sets": Field(kind=many(SET, "sets"), required=True),
        },
        make=_plan,                            # (reader, node, {"name": ..., ...}) -> what you want
    )
    plan = read_yaml(path, PLAN)               # raises YamlFileError with every problem

A `Kind` says two things of a value at once: how it is read, and what a JSON Schema says of it, so that the
reader and the completion in editors cannot drift apart (`json_schema`). A problem reads
`file:line:column: found ..., expected ...; did you mean "..."?`.

The text is never constructed into Python objects: app/yamltext.py gives the tree of nodes with their places,
bounded and without tags and aliases, and the tree is read here. A key twice, a key or a text that YAML reads
as true, a number that is no number, and a text without end are problems, not surprises.
"""  # fmt: skip

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Generic, TypeVar

import yaml

from app.errors import FormcueError
from app.yamltext import Node as Node
from app.yamltext import RefusedError, compose, text_of
from app.yamltext import quoted as quoted

MAX_PROBLEMS: Final = 100
SUFFIXES: Final = (".yaml", ".yml")

NUMBER: Final = r"[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)"
_NUMBER: Final = re.compile(NUMBER)
_DIGITS: Final = 20  # no number that anyone means has more
_SECONDS: Final = re.compile(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)\s*(ms|s|min)")
_ID: Final = re.compile(r"[a-z][a-z0-9_]{0,39}")
_LANGUAGE: Final = re.compile(r"[a-z]{2,3}(_[A-Z]{2})?")
Schema = Mapping[str, Any]
T = TypeVar("T")
U = TypeVar("U")


class YamlFileError(FormcueError):
    """A file cannot be used. problems: every one, each "file:line:column: found, expected, nearest"."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems: Final = tuple(problems)
        more = f" (and {len(self.problems) - 1} more; see `check`)" if len(self.problems) > 1 else ""
        super().__init__(f"{self.problems[0]}{more}" if self.problems else "the file cannot be used")


class WrongError(Exception):
    """This value is wrong and was reported; the reading goes on with the next."""


class Reader:
    """One file while it is read: where every problem goes.

    problems: so far, in the order of the file. name: how they call the file. path: where it lies.
    """

    def __init__(self, name: str, path: Path) -> None:
        self.name: Final = name
        self.path: Final = path
        self._found: list[tuple[int, int, str]] = []

    @property
    def problems(self) -> list[str]:
        found = sorted(self._found)
        lines = [f"{self.name}:{line}:{column}: {what}" for line, column, what in found[:MAX_PROBLEMS]]
        if len(found) > MAX_PROBLEMS:
            line = found[MAX_PROBLEMS][0]
            lines.append(f"{self.name}:{line}:1: and {len(found) - MAX_PROBLEMS} more problems")
        return lines

    @property
    def count(self) -> int:
        """How many problems there are so far."""
        return len(self._found)

    def nearest(self, value: str, known: Iterable[str]) -> str:
        """The nearest known name, or nothing; also nothing after so many problems that nobody reads on."""
        if self.count >= MAX_PROBLEMS:
            return ""
        close = difflib.get_close_matches(value[:60].lower(), list(known), n=1, cutoff=0.6)
        return close[0] if close else ""

    def near(self, value: str, known: Iterable[str]) -> str:
        """The nearest known name as a question, or nothing."""
        name = self.nearest(value, known)
        return f'did you mean "{name}"?' if name else ""

    def report(self, node: Node, what: str) -> None:
        """A problem after which the reading of this value can go on."""
        self._found.append((node.start_mark.line + 1, node.start_mark.column + 1, what))

    def wrong(self, node: Node, found: str, expected: str, near: str = "") -> WrongError:
        """Reports a problem; `raise` what it returns when there is nothing to go on with."""
        self.report(node, f"found {found}, expected {expected}" + (f"; {near}" if near else ""))
        return WrongError()


@dataclass(frozen=True)
class Kind(Generic[T]):
    """What a value must be. read: gives it, or reports and raises WrongError. schema: its JSON Schema.

    definitions: what the schema refers to as "#/definitions/...".
    """

    read: Callable[[Reader, Node], T]
    schema: Schema
    definitions: Schema = field(default_factory=dict)

    def then(self, check: Callable[[Reader, Node, T], U]) -> Kind[U]:
        """The same with a further step: `check` may raise `reader.wrong(...)`, and gives the final value."""
        return Kind(
            lambda reader, node: check(reader, node, self.read(reader, node)), self.schema, self.definitions
        )


@dataclass(frozen=True, kw_only=True)
class Field:
    """A key of a mapping. about: one line for the completion in editors."""

    kind: Kind[Any]
    about: str = ""
    required: bool = False


# -- single values ------------------------------------------------------------------------------------


def scalar(reader: Reader, node: Node, expected: str) -> str:
    """The characters of a single value, without the blanks around it."""
    if not isinstance(node, yaml.ScalarNode):
        raise reader.wrong(node, described(node), expected)
    return str(node.value).strip()


def text(most: int = 300) -> Kind[str]:
    """A text that is not empty."""

    def read(reader: Reader, node: Node) -> str:
        if isinstance(node, yaml.MappingNode):
            raise reader.wrong(node, "a mapping", "a text", "put a text with a colon or a { in quotes")
        value = scalar(reader, node, "a text")
        if node.tag.endswith(":bool"):
            raise reader.wrong(
                node, f"{value}, which YAML reads as {_read_as(node)}", f'a text: write "{value}" in quotes'
            )
        if node.tag.endswith(":null") or not value:
            raise reader.wrong(node, "nothing", "a text")
        if len(value) > most:
            raise reader.wrong(node, f"a text of {len(value)} characters", f"at most {most}")
        if not value.replace("\n", " ").isprintable():
            raise reader.wrong(node, quoted(value), "a text without control characters")
        return value

    return Kind(read, {"type": "string", "minLength": 1, "maxLength": most})


def number(what: str = "a number") -> Kind[float]:
    """A plain decimal number: no infinity, no exponent."""

    def read(reader: Reader, node: Node) -> float:
        value = scalar(reader, node, what)
        if not _NUMBER.fullmatch(value) or len(value) > _DIGITS:
            raise reader.wrong(node, quoted(value), what)
        return float(value)

    return Kind(read, {"type": "number"})


def within(low: float, high: float, what: str) -> Kind[float]:
    """A number from low to high."""
    expected = f"{what} from {low:g} to {high:g}"

    def check(reader: Reader, node: Node, value: float) -> float:
        if not low <= value <= high:
            raise reader.wrong(node, f"{value:g}", expected)
        return value

    kind = number(expected).then(check)
    return Kind(kind.read, {"type": "number", "minimum": low, "maximum": high})


def whole(low: int, high: int, what: str) -> Kind[int]:
    """A whole number from low to high."""
    expected = f"{what}, a whole number from {low} to {high}"

    def check(reader: Reader, node: Node, value: float) -> int:
        if not low <= value <= high or value != int(value):
            raise reader.wrong(node, f"{value:g}", expected)
        return int(value)

    return Kind(number(expected).then(check).read, {"type": "integer", "minimum": low, "maximum": high})


def seconds(high: float) -> Kind[float]:
    """A time with its unit, at most `high` seconds: 0.3s, 300ms, 1min."""

    def read(reader: Reader, node: Node) -> float:
        value = scalar(reader, node, "a time such as 0.3s")
        match = _SECONDS.fullmatch(value)
        if match is None or len(value) > _DIGITS:
            mend = f"write {value}s" if _NUMBER.fullmatch(value) and float(value) >= 0 else ""
            raise reader.wrong(node, quoted(value), "a time with its unit, such as 0.3s, 300ms or 1min", mend)
        out = float(match[1]) * {"ms": 0.001, "s": 1.0, "min": 60.0}[match[2]]
        if out > high:
            raise reader.wrong(node, value, f"a time of {high:g}s or less")
        return out

    return Kind(read, {"type": "string", "pattern": f"^{_SECONDS.pattern}$"})


def choice(known: Sequence[str], what: str) -> Kind[str]:
    """One of these words."""

    def read(reader: Reader, node: Node) -> str:
        value = scalar(reader, node, what)
        if value not in known:
            raise reader.wrong(node, quoted(value), one_of(known, what), reader.near(value, known))
        return value

    return Kind(read, {"enum": list(known)})


def flag() -> Kind[bool]:
    """true or false."""

    def read(reader: Reader, node: Node) -> bool:
        value = scalar(reader, node, "true or false")
        if value not in ("true", "false"):
            raise reader.wrong(node, quoted(value), "true or false")
        return value == "true"

    return Kind(read, {"type": "boolean"})


def identifier() -> Kind[str]:
    """A name for programs: a-z, 0-9 and _."""

    def check(reader: Reader, node: Node, value: str) -> str:
        if not _ID.fullmatch(value):
            raise reader.wrong(
                node, quoted(value), "an id: a-z, 0-9 and _, beginning with a letter, at most 40"
            )
        return value

    return Kind(text().then(check).read, {"type": "string", "pattern": f"^{_ID.pattern}$"})


def exactly(value: int, what: str) -> Kind[int]:
    """This number alone, such as the version of a format."""

    def check(reader: Reader, node: Node, found: float) -> int:
        if found != value:
            raise reader.wrong(node, f"{found:g}", f"{what} {value}, the only one there is")
        return value

    return Kind(number(f"{what} {value}").then(check).read, {"const": value})


# -- lists and mappings -------------------------------------------------------------------------------


def many(kind: Kind[T], what: str, *, most: int = 64, empty: bool = False) -> Kind[tuple[T, ...]]:
    """A list, or one thing alone."""

    def read(reader: Reader, node: Node) -> tuple[T, ...]:
        if not isinstance(node, yaml.SequenceNode):
            return (kind.read(reader, node),)
        if not node.value and not empty:
            raise reader.wrong(node, "an empty list", what)
        if len(node.value) > most:
            raise reader.wrong(node, f"{len(node.value)} entries", f"at most {most}")
        out: list[T] = []
        for item in node.value:
            try:
                out.append(kind.read(reader, item))
            except WrongError:
                continue
        if len(out) < len(node.value):
            raise WrongError
        return tuple(out)

    array = {"type": "array", "items": kind.schema, "minItems": 0 if empty else 1, "maxItems": most}
    return Kind(read, {"anyOf": [kind.schema, array]}, kind.definitions)


def entries(reader: Reader, node: Node, what: str) -> list[tuple[str, Node, Node]]:
    """(key, key node, value node) of a mapping; duplicate and non-text keys are reported and left out."""
    if not isinstance(node, yaml.MappingNode):
        raise reader.wrong(node, described(node), what)
    seen: dict[str, Node] = {}
    out: list[tuple[str, Node, Node]] = []
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode):
            reader.report(key, f"found {described(key)} as a key, expected a word")
            continue
        if key.tag.endswith((":bool", ":null")):
            reader.report(
                key,
                f"found the key {quoted(key.value)}, which YAML reads as {_read_as(key)}, "
                f"expected a word: write {quoted(key.value)} in quotes",
            )
            continue
        name = str(key.value)
        if name in seen:
            first = seen[name].start_mark.line + 1
            reader.report(
                key, f"found the key {quoted(name)} again, expected it once; it is in line {first} already"
            )
            continue
        seen[name] = key
        out.append((name, key, value))
    return out


def read_fields(reader: Reader, node: Node, what: str, fields: Mapping[str, Field]) -> dict[str, Any]:
    """The values of a mapping with these keys; keys whose value is wrong are missing from the result."""
    out: dict[str, Any] = {}
    present = set()
    for name, key, value in entries(reader, node, what):
        entry = fields.get(name)
        if entry is None:
            near = reader.near(name, fields)
            reader.report(
                key,
                f"found the key {quoted(name)}, expected {one_of(tuple(fields), 'a key')}"
                + (f"; {near}" if near else ""),
            )
            continue
        present.add(name)
        try:
            out[name] = entry.kind.read(reader, value)
        except WrongError:
            continue
    for name, entry in fields.items():
        if entry.required and name not in present:
            reader.report(node, f"found no {quoted(name)}, expected it in {what}")
    return out


def mapping(
    what: str,
    fields: Mapping[str, Field],
    make: Callable[[Reader, Node, dict[str, Any]], T],
    *,
    also: Schema | None = None,
) -> Kind[T]:
    """A mapping with these keys; `make` turns its values into what is wanted, when all of them are right.

    `make` may itself raise `reader.wrong(...)`. also: further words of the JSON Schema.
    """

    def read(reader: Reader, node: Node) -> T:
        before = reader.count
        found = read_fields(reader, node, what, fields)
        if reader.count > before:
            raise WrongError
        return make(reader, node, found)

    return Kind(read, object_schema(fields) | dict(also or {}), definitions_of(fields))


def keyed(keys: Kind[str], values: Kind[T], what: str, *, most: int = 64) -> Kind[dict[str, T]]:
    """A mapping whose keys are names that the file chooses."""

    def read(reader: Reader, node: Node) -> dict[str, T]:
        found = entries(reader, node, what)
        if len(found) > most:
            raise reader.wrong(node, f"{len(found)} entries", f"at most {most}")
        before = reader.count
        out: dict[str, T] = {}
        for _, key, value in found:
            try:
                name = keys.read(reader, key)
                out[name] = values.read(reader, value)
            except WrongError:
                continue
        if reader.count > before:
            raise WrongError
        return out

    schema = {"type": "object", "propertyNames": keys.schema, "additionalProperties": values.schema}
    return Kind(read, schema | {"maxProperties": most}, {**keys.definitions, **values.definitions})


def texts(most: int = 300) -> Kind[dict[str, str]]:
    """Language -> text; a text alone is English."""
    one = text(most)

    def read(reader: Reader, node: Node) -> dict[str, str]:
        if isinstance(node, yaml.ScalarNode):
            return {"en": one.read(reader, node)}
        before = reader.count
        out = {}
        for name, key, value in entries(reader, node, "texts by language, such as {en: Squat, zh: 深蹲}"):
            if not _LANGUAGE.fullmatch(name):
                null = isinstance(value, yaml.ScalarNode) and value.tag.endswith(":null")
                mend = "; put a text that has a comma in quotes" if null else ""
                reader.report(
                    key, f"found the key {quoted(name)}, expected a language such as en or zh{mend}"
                )
                continue
            try:
                out[name] = one.read(reader, value)
            except WrongError:
                continue
        if "en" not in out:
            reader.report(node, "found no text in en, expected one: it is what other languages fall back to")
        if reader.count > before:
            raise WrongError
        return out

    by_language = {
        "type": "object",
        "required": ["en"],
        "patternProperties": {f"^{_LANGUAGE.pattern}$": one.schema},
        "additionalProperties": False,
    }
    return Kind(read, {"anyOf": [one.schema, by_language]})


# -- words for problems -------------------------------------------------------------------------------


def value_of(node: Node, key: str) -> Node | None:
    """The value of that key of a mapping, without judging it; None when it is not there."""
    if isinstance(node, yaml.MappingNode):
        for name, value in node.value:
            if isinstance(name, yaml.ScalarNode) and name.value == key:
                return value
    return None


def described(node: Node) -> str:
    """What a node is: a mapping, a list, "its text", nothing."""
    if isinstance(node, yaml.MappingNode):
        return "a mapping"
    if isinstance(node, yaml.SequenceNode):
        return "a list"
    return quoted(str(node.value)) if node.value else "nothing"


def one_of(known: Sequence[str], what: str) -> str:
    """The choice in words, all of them when they are few."""
    if len(known) <= 24:
        return f"{what}: {', '.join(known)}"
    return f"{what} of the list in coach_rules/README.md"


def _read_as(node: Node) -> str:
    if node.tag.endswith(":null"):
        return "nothing"
    return "true" if str(node.value).lower() in ("yes", "on", "true") else "false"


# -- JSON Schema --------------------------------------------------------------------------------------


def object_schema(fields: Mapping[str, Field]) -> dict[str, Any]:
    """The schema of a mapping with these keys and no others."""
    properties = {
        name: {**entry.kind.schema, "description": entry.about} if entry.about else dict(entry.kind.schema)
        for name, entry in fields.items()
    }
    required = [name for name, entry in fields.items() if entry.required]
    out: dict[str, Any] = {"type": "object", "properties": properties, "additionalProperties": False}
    return out | {"required": required} if required else out


def definitions_of(fields: Mapping[str, Field]) -> dict[str, Any]:
    """What the schemas of these keys refer to."""
    return {name: value for entry in fields.values() for name, value in entry.kind.definitions.items()}


def json_schema(kind: Kind[Any], title: str) -> dict[str, Any]:
    """The JSON Schema of a whole file, for completion and checks in editors (draft 7, which they know)."""
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": title,
        **kind.schema,
        "definitions": dict(kind.definitions),
    }


# -- whole files --------------------------------------------------------------------------------------


def read_yaml(
    path: Path,
    kind: Kind[T] | Callable[[Reader, Node], Kind[T]],
    *,
    name: str | None = None,
    draft: str | None = None,
    expected: str = "a mapping",
    error: type[YamlFileError] = YamlFileError,
) -> T:
    """Reads one file as that kind.

    kind: or a function that gives it after a look at the tree. name: how the problems call the file
    (default: the path). draft: what the file would say, in place of what it says: a change that is tried
    before it is written. expected: what an empty file should have been. error: what is raised.
    Raises `error` with every problem.
    """
    reader = Reader(name or str(path), path)
    try:
        root = compose(text_of(path) if draft is None else draft, expected)
    except RefusedError as refused:
        line, column, what = refused.args
        raise error([f"{reader.name}:{line}:{column}: {what}"]) from None
    try:
        value = (kind if isinstance(kind, Kind) else kind(reader, root)).read(reader, root)
    except WrongError:
        raise error(reader.problems) from None
    if reader.count:
        raise error(reader.problems)
    return value
