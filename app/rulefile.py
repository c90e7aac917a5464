"""Rule files: YAML -> Exercise, and the JSON Schema of the language, from one description of it.

The reference of the language for people is coach_rules/README.md.
"""

from __future__ import annotations

import glob
import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml

from app.conditionfile import (
    comparisons,
    condition,
    joints,
    overlap,
    parameter,
    quantity,
    sided_parameter,
    views,
)
from app.conditions import Condition, names_in
from app.exercise import SEVERITIES, Exercise, Rule, RuleTest, Severity
from app.measures import JUDGES, Judge, parameter_of
from app.reps import DEFAULT_PHASES, Counting, PhaseNames, Signal
from app.rules import RuleFileError
from app.skeleton import Joint
from app.view import VIEWS
from app.vocabulary import PARAMETERS
from app.yamlfile import (
    SUFFIXES,
    Field,
    Kind,
    Node,
    Reader,
    Schema,
    WrongError,
    choice,
    definitions_of,
    described,
    entries,
    exactly,
    flag,
    identifier,
    json_schema,
    many,
    mapping,
    object_schema,
    quoted,
    read_fields,
    read_yaml,
    seconds,
    text,
    texts,
    value_of,
    whole,
    within,
)

FORMAT: Final = 1
_PLACEHOLDER: Final = re.compile(r"\{[^{}]*\}?|\}")
_RESERVED: Final = ("gestures.yaml",)
_HOLD_PHASES: Final[PhaseNames] = ("out", "away", "holding", "back")
_PRIORITIES: Final[dict[Severity, int]] = {"info": 20, "warning": 50, "error": 80}


# -- counting -----------------------------------------------------------------------------------------


def _signal() -> Kind[Signal]:
    what = "a signal such as {parameter: knee, start: 170deg, turn: 90deg}"

    def fields(value: Kind[Any]) -> dict[str, Field]:
        return {
            "parameter": Field(kind=parameter(), about="what is followed", required=True),
            "start": Field(kind=value, about="its value in the start position", required=True),
            "turn": Field(kind=value, about="its value at the turning point", required=True),
            "weight": Field(kind=within(0.05, 20.0, "a weight"), about="its say among the signals (1)"),
            "views": Field(kind=views(), about="used only from these"),
        }

    # Of a parameter that is not known the unit is not either, and one problem is enough.
    any_value: Kind[Any] = Kind(lambda reader, node: 0.0, {"type": ["number", "string"]})

    def read(reader: Reader, node: Node) -> Signal:
        name = value_of(node, "parameter")
        known = isinstance(name, yaml.ScalarNode) and name.value in PARAMETERS
        before = reader.count
        found = read_fields(reader, node, what, fields(quantity(name.value) if known and name else any_value))
        if reader.count > before:
            raise WrongError
        if found["start"] == found["turn"]:
            place = value_of(node, "turn") or node
            raise reader.wrong(place, f"{found['turn']:g} for both start and turn", "two different values")
        return Signal(**found)

    return Kind(read, object_schema(fields(any_value)))


def _reps(phases: PhaseNames | None) -> Kind[Counting]:
    share = within(0.05, 1.5, "a share of the way from start to turn")
    fields = {
        "signals": Field(
            kind=many(_signal(), "signals", most=8), about="the parameters that are followed", required=True
        ),
        "sides": Field(
            kind=choice(("together", "each"), "sides"),
            about="each: left and right are counted on their own (together)",
        ),
        "side_by": Field(
            kind=sided_parameter(), about="the repetition belongs to the side where it is larger at the turn"
        ),
        "reach": Field(kind=share, about="progress where the turning region begins (0.7)"),
        "start_below": Field(kind=share, about="progress of the start position (0.45)"),
        "open_below": Field(kind=share, about="a recording may open this far out (0.65)"),
        "min_range": Field(kind=share, about="least way, in progress (0.35)"),
        "sure": Field(kind=within(0.0, 1.0, "a confidence"), about="how well the signals must be seen (0.4)"),
        "steady": Field(kind=seconds(2.0), about="median of progress over this time (0.17s)"),
        "min_duration": Field(kind=seconds(30.0), about="of a repetition (0.5s)"),
        "max_duration": Field(kind=seconds(120.0), about="of a repetition (12s)"),
        "posture": Field(kind=condition("frame"), about="must hold in most frames of a repetition"),
        "at_start": Field(kind=condition("frame"), about="must hold in the start position"),
        "at_turn": Field(kind=condition("frame"), about="must hold at the turning point"),
    }

    def make(reader: Reader, node: Node, found: dict[str, Any]) -> Counting:
        counting = Counting(kind="reps", phases=phases or DEFAULT_PHASES, **found)
        if counting.start_below >= counting.reach:
            raise reader.wrong(
                value_of(node, "reach") or value_of(node, "start_below") or node,
                f"start_below {counting.start_below:g} and reach {counting.reach:g}",
                "start_below under reach: else the phases between them cannot be reached",
            )
        if counting.min_range > counting.reach:
            raise reader.wrong(
                value_of(node, "min_range") or node,
                f"min_range {counting.min_range:g} above reach {counting.reach:g}",
                "min_range of reach or less",
            )
        if counting.min_duration >= counting.max_duration:
            raise reader.wrong(
                value_of(node, "min_duration") or node,
                f"min_duration {counting.min_duration:g}s and max_duration {counting.max_duration:g}s",
                "the shorter time in min_duration",
            )
        if counting.sides == "each" and not any(PARAMETERS[s.parameter].sided for s in counting.signals):
            raise reader.wrong(
                node, "sides: each with signals that have no sides", "a signal such as knee or elbow"
            )
        return counting

    return mapping("reps", fields, make)


def _hold(phases: PhaseNames | None) -> Kind[Counting]:
    fields = {
        "posture": Field(kind=condition("frame"), about="what is held", required=True),
        "min_duration": Field(kind=seconds(120.0), about="less is no hold (2s)"),
        "grace": Field(kind=seconds(10.0), about="how long it survives without its posture (0.5s)"),
    }

    def make(reader: Reader, node: Node, found: dict[str, Any]) -> Counting:
        return Counting(kind="hold", phases=phases or _HOLD_PHASES, **{"min_duration": 2.0, **found})

    return mapping("a hold", fields, make)


def _counting(phases: PhaseNames | None) -> Kind[Counting]:
    kinds = {"reps": _reps(phases), "hold": _hold(phases)}

    def read(reader: Reader, node: Node) -> Counting:
        found = entries(reader, node, "reps or hold")
        if len(found) != 1 or found[0][0] not in kinds:
            names = ", ".join(quoted(name) for name, _, _ in found) or "nothing"
            near = reader.near(found[0][0] if found else "", kinds)
            raise reader.wrong(node, names, 'either "reps" or "hold"', near)
        return kinds[found[0][0]].read(reader, found[0][2])

    fields = {
        "reps": Field(kind=kinds["reps"], about="repetitions are counted"),
        "hold": Field(kind=kinds["hold"], about="a position is held"),
    }
    only_one = {"minProperties": 1, "maxProperties": 1}
    return Kind(read, object_schema(fields) | only_one, definitions_of(fields))


def _phases() -> Kind[PhaseNames]:
    abouts = ("the start position", "the way out", "the turning region", "the way back")
    fields = {
        key: Field(kind=identifier(), about=f"name of {about}")
        for key, about in zip(DEFAULT_PHASES, abouts, strict=True)
    }

    def make(reader: Reader, node: Node, found: dict[str, Any]) -> PhaseNames:
        names = [found.get(key, key) for key in DEFAULT_PHASES]
        if len(set(names)) < len(names):
            raise reader.wrong(node, "the same name for two phases", "four different names")
        return (names[0], names[1], names[2], names[3])

    return mapping("the names of the phases: start, away, turn, back", fields, make)


# -- rules --------------------------------------------------------------------------------------------


def _say() -> Kind[dict[str, str]]:
    kind = texts()

    def read(reader: Reader, node: Node) -> dict[str, str]:
        before = reader.count
        values = [node] if isinstance(node, yaml.ScalarNode) else [value for _, value in node.value]
        for value in values if not isinstance(node, yaml.SequenceNode) else ():
            for match in _PLACEHOLDER.findall(value.value) if isinstance(value, yaml.ScalarNode) else ():
                if match not in ("{value}", "{limit}"):
                    reader.report(
                        value, f"found {quoted(match)} in the text, expected only {{value}} and {{limit}}"
                    )
        out = kind.read(reader, node)
        if reader.count > before:
            raise WrongError
        return out

    return Kind(read, kind.schema)


# The keys that mean something only for some kinds of rule.
_ONLY: Final[dict[str, tuple[Judge, ...]]] = {
    "phases": ("frame", "phase"),
    "for": ("frame",),
    "until": ("frame",),
    "over": ("frame",),
    "sure": ("frame",),
    "needs": ("frame", "phase", "rep"),
    "at": ("set",),
    "last": ("set",),
}
_THINGS: Final[dict[Judge, str]] = {"frame": "frames", "phase": "phases", "rep": "reps", "set": "sets"}


def _rule_fields(judge: Judge, phases: Sequence[str] | None, *, over: bool = False) -> dict[str, Field]:
    phase = identifier() if phases is None else choice(phases, "a phase")
    when = condition(judge, over=over)
    level = Field(kind=comparisons(judge, over=over), about="comparisons in the place of those of `when`")
    return {
        "id": Field(kind=identifier(), about="its name in results and tests", required=True),
        "severity": Field(kind=choice(SEVERITIES, "a severity"), about="how bad it is (warning)"),
        "priority": Field(
            kind=whole(1, 100, "a priority"), about="when several are due the highest is said (20, 50, 80)"
        ),
        "praise": Field(kind=flag(), about="said of what went well: sparsely, and where nothing is wrong"),
        "judge": Field(kind=choice(JUDGES, "when to judge"), about="when its condition is looked at (frame)"),
        "when": Field(kind=when, about="what must be true for it to fire", required=True),
        "until": Field(kind=when, about="once it fires, what must be true for it to clear"),
        "over": Field(kind=seconds(20.0), about="judges statistics of so many seconds back"),
        "phases": Field(kind=many(phase, "phases"), about="only in these"),
        "views": Field(kind=views(), about="only from these; from any other it stays silent"),
        "needs": Field(kind=joints(), about="joints that must be seen besides those measured"),
        "sure": Field(kind=within(0.0, 1.0, "a confidence"), about="how well they must be seen (0.3)"),
        "for": Field(kind=seconds(60.0), about="how long it must hold before it fires (0.3s)"),
        "keep_for": Field(
            kind=seconds(60.0), about="how long it must be gone before it clears (0.3s, rep 3s)"
        ),
        "cooldown": Field(kind=seconds(600.0), about="before it is said again (8s)"),
        "per_set": Field(kind=whole(1, 100, "how often a set"), about="how often it may be said (4)"),
        "at": Field(kind=choice(("end", "rep"), "when"), about="at the set's end, or after each rep (end)"),
        "last": Field(kind=whole(1, 20, "reps"), about="how many reps `first` and `last` are (3)"),
        "levels": Field(
            kind=mapping("levels", {"beginner": level, "strict": level}, lambda reader, node, found: found),
            about="other limits for beginners, or for those who want it strict",
        ),
        "joints": Field(kind=joints(), about="what is highlighted"),
        "say": Field(kind=_say(), about="what to do; {value} and {limit} are filled in", required=True),
    }


def _rule(phases: Sequence[str] | None) -> Kind[Rule]:
    def read(reader: Reader, node: Node) -> Rule:
        judge: Judge = "frame"
        written = value_of(node, "judge")
        for one in JUDGES:
            if isinstance(written, yaml.ScalarNode) and written.value == one:
                judge = one
        before = reader.count
        over = value_of(node, "over") is not None
        found = read_fields(reader, node, "a rule", _rule_fields(judge, phases, over=over))
        for key, judges in _ONLY.items():
            if judge not in judges and (value := value_of(node, key)) is not None:
                only = " or ".join(f"`judge: {one}`" for one in judges)
                reader.report(
                    value,
                    f'found "{key}" in a rule that judges {_THINGS[judge]}, expected it only with {only}',
                )
        if reader.count == before:
            _check_rule(reader, node, judge, found)
        if reader.count > before:
            raise WrongError
        return _made(judge, found)

    return Kind(read, *_rule_schema())


def _check_rule(reader: Reader, node: Node, judge: Judge, found: dict[str, Any]) -> None:
    """What no key can say alone."""
    when: Condition = found["when"]

    def place(*keys: str) -> Node:
        at = node
        for key in keys:
            at = value_of(at, key) or at
        return at

    if judge == "phase" and "phases" not in found:
        reader.report(node, 'found no "phases", expected it in a rule that judges phases')
    if found.get("praise") and found.get("severity", "info") != "info":
        reader.report(place("severity"), f"found {found['severity']} in praise, expected info, or nothing")
    is_fault = found.get("severity", "info" if found.get("praise") else "warning") != "info"
    if is_fault and "clean_reps" in names_in(when):
        reader.report(
            place("when"),
            "found clean_reps in a rule of faults, expected it with `praise: true` or `severity: info`",
        )
    if "until" in found and (name := overlap(when, found["until"])) is not None:
        reader.report(
            place("until"), f"found {name} in both `when` and `until` at once, expected a gap or none"
        )
    written = [(comparison.parameter, comparison.operator) for comparison in when.comparisons()]
    for level, patches in found.get("levels", {}).items():
        for patch in patches:
            if (patch.parameter, patch.operator) not in written:
                known = ", ".join(f"{name} {operator}" for name, operator in dict.fromkeys(written))
                reader.report(
                    place("levels", level, patch.parameter),
                    f"found {patch.parameter} {patch.operator}, expected a comparison of `when`: {known}",
                )


def _made(judge: Judge, found: dict[str, Any]) -> Rule:
    """The rule, with what it does not say filled in."""
    praise = bool(found.get("praise", False))
    severity: Severity = found.get("severity", "info" if praise else "warning")
    rare = praise or judge == "set"
    return Rule(
        id=found["id"],
        severity=severity,
        priority=found.get("priority", 10 if praise else _PRIORITIES[severity]),
        judge=judge,
        when=found["when"],
        until=found.get("until"),
        phases=found.get("phases", ()),
        views=found.get("views", VIEWS),
        needs=found.get("needs", ()),
        sure=found.get("sure", 0.0),
        over=found.get("over", 0.0),
        at=found.get("at", "end"),
        last=found.get("last", 3),
        hold_for=found.get("for", 0.3),
        keep_for=found.get("keep_for", 0.3 if judge == "frame" else 3.0),
        cooldown=found.get("cooldown", 20.0 if rare else 8.0),
        per_set=found.get("per_set", 3 if praise else 1 if judge == "set" else 4),
        praise=praise,
        joints=found.get("joints") or _joints_of(found["when"]),
        say=found["say"],
        levels=found.get("levels", {}),
    )


@cache
def _rule_schema() -> tuple[Schema, Schema]:
    """The schema of a rule; what its conditions may say, and which keys it may have, depends on `judge`."""
    plain = _rule_fields("frame", None)
    schema = object_schema(plain)
    definitions = dict(definitions_of(plain))
    for key in ("when", "until", "levels"):
        schema["properties"][key] = {"description": plain[key].about}

    def conditions(judge: Judge, *, over: bool = False) -> dict[str, Any]:
        fields = _rule_fields(judge, None, over=over)
        definitions.update(definitions_of(fields))
        properties = {key: fields[key].kind.schema for key in ("when", "until", "levels")}
        return {"properties": properties | {key: False for key, only in _ONLY.items() if judge not in only}}

    def judged(judge: Judge) -> dict[str, Any]:
        return {"properties": {"judge": {"const": judge}}, "required": ["judge"]}

    schema["allOf"] = [
        *({"if": judged(judge), "then": conditions(judge)} for judge in ("phase", "rep", "set")),
        {
            "if": {
                "not": {"required": ["judge"], "properties": {"judge": {"enum": ["phase", "rep", "set"]}}}
            },
            "then": {
                "if": {"required": ["over"]},
                "then": conditions("frame", over=True),
                "else": conditions("frame"),
            },
        },
    ]
    return schema, definitions


def _joints_of(when: Condition) -> tuple[Joint, ...]:
    """The joints of a condition's first parameter: what the reminder is about."""
    for name in names_in(when):
        parameter = parameter_of(name)
        if parameter is not None:
            return PARAMETERS[parameter].joints
    return ()


def _rules(phases: Sequence[str] | None) -> Kind[tuple[Rule, ...]]:
    one = _rule(phases)

    def read(reader: Reader, node: Node) -> tuple[Rule, ...]:
        if not isinstance(node, yaml.SequenceNode):
            raise reader.wrong(node, described(node), "a list of rules, each beginning with a dash")
        first: dict[str, int] = {}
        for item in node.value:
            place = value_of(item, "id")
            if not isinstance(place, yaml.ScalarNode):
                continue
            if place.value in first:
                reader.report(
                    place,
                    f"found the rule id {quoted(place.value)} again, expected another; "
                    f"it is in line {first[place.value]} already",
                )
            first.setdefault(place.value, place.start_mark.line + 1)
        return many(one, "rules", most=1000, empty=True).read(reader, node)

    return Kind(read, {"type": "array", "items": one.schema, "maxItems": 1000}, one.definitions)


# -- tests --------------------------------------------------------------------------------------------


def _recording_near(name: str, folder: Path) -> str:
    """The one of that name in a folder there, as a question, or nothing."""
    found = next((path for path in sorted(folder.glob(f"*/{glob.escape(name)}")) if path.is_file()), None)
    return f'did you mean "{found.relative_to(folder).as_posix()}"?' if found is not None and name else ""


def _test(rule_ids: Sequence[str] | None) -> Kind[RuleTest]:
    rule = identifier() if rule_ids is None else choice(rule_ids, "a rule")
    fields = {
        "recording": Field(kind=text(), about="a recorded pose file beside the rule file", required=True),
        "reps": Field(kind=whole(0, 10_000, "how many"), about="how many are counted"),
        "holds": Field(kind=whole(0, 10_000, "how many"), about="how many are counted"),
        "prompts": Field(kind=many(rule, "rules", empty=True), about="the rules that speak, exactly these"),
    }

    def make(reader: Reader, node: Node, found: dict[str, Any]) -> RuleTest:
        named, folder = Path(found["recording"]), reader.path.parent
        if named.is_absolute() or ".." in named.parts or not (folder / named).is_file():
            raise reader.wrong(
                value_of(node, "recording") or node,
                quoted(found["recording"]),
                "a recorded pose file that lies beside the rule file or in a folder there",
                _recording_near(named.name, folder),
            )
        return RuleTest(
            recording=folder / named,
            reps=found.get("reps"),
            holds=found.get("holds"),
            prompts=found.get("prompts"),
            line=node.start_mark.line + 1,
        )

    return mapping("a test such as {recording: tests/good.poses.gz, reps: 3, prompts: []}", fields, make)


# -- whole files --------------------------------------------------------------------------------------


def _exercise(phases: PhaseNames | None = None, rule_ids: Sequence[str] | None = None) -> Kind[Exercise]:
    """phases, rule_ids: the names that the file itself gives; None: any, for the schema."""
    fields = {
        "format": Field(kind=exactly(FORMAT, "the format number"), about="always 1", required=True),
        "id": Field(kind=identifier(), about="the file's own name", required=True),
        "name": Field(kind=texts(), about="what it is called, by language", required=True),
        "about": Field(kind=texts(600), about="where to put the camera, how to stand"),
        "views": Field(kind=views(), about="from where it can be judged, the best first", required=True),
        "sources": Field(kind=many(text(1000), "texts"), about="where the reminders come from"),
        "counting": Field(kind=_counting(phases), about="what is a repetition, or a hold", required=True),
        "own_reps": Field(
            kind=whole(1, 20, "reps"),
            about="from how many first reps the athlete's own values are learnt (3)",
        ),
        "phases": Field(kind=_phases(), about="names for the four phases of a repetition"),
        "rules": Field(kind=_rules(phases), about="the reminders", required=True),
        "tests": Field(kind=many(_test(rule_ids), "tests"), about="what must come of recorded poses"),
    }

    def make(reader: Reader, node: Node, found: dict[str, Any]) -> Exercise:
        if reader.path.stem != found["id"]:
            raise reader.wrong(node, f'the id "{found["id"]}" in {reader.path.name}', "the file's own name")
        return Exercise(
            id=found["id"],
            names=found["name"],
            about=found.get("about", {}),
            views=found["views"],
            counting=found["counting"],
            rules=found["rules"],
            sources=found.get("sources", ()),
            tests=found.get("tests", ()),
            own_reps=found.get("own_reps", 3),
            path=reader.path,
        )

    whole_file = mapping("the rule file", fields, make)

    def read(reader: Reader, node: Node) -> Exercise:
        counting = value_of(node, "counting")
        if isinstance(counting, yaml.MappingNode) and [key.value for key, _ in counting.value] == ["hold"]:
            _no_rep_rules(reader, node)
        return whole_file.read(reader, node)

    return Kind(read, whole_file.schema, whole_file.definitions)


def _no_rep_rules(reader: Reader, root: Node) -> None:
    rules = value_of(root, "rules")
    for item in rules.value if isinstance(rules, yaml.SequenceNode) else ():
        for key, expected in (("judge", "judge: frame"), ("phases", "none")):
            value = value_of(item, key)
            if value is not None and not (isinstance(value, yaml.ScalarNode) and value.value == "frame"):
                reader.report(
                    value, f'found "{key}" in a rule of a hold, expected {expected}: it has no reps'
                )


def _language_of(reader: Reader, root: Node) -> Kind[Exercise]:
    """The language with the names that this file gives to its phases and rules."""
    phases: PhaseNames | None = DEFAULT_PHASES
    named = value_of(root, "phases")
    if named is not None:
        try:
            phases = _phases().read(Reader(reader.name, reader.path), named)  # its problems come later
        except WrongError:
            phases = None
    rules = value_of(root, "rules")
    items = rules.value if isinstance(rules, yaml.SequenceNode) else ()
    ids = [value_of(item, "id") for item in items]
    return _exercise(phases, tuple(str(i.value) for i in ids if isinstance(i, yaml.ScalarNode)))


def read_exercise(path: Path, *, name: str | None = None, draft: str | None = None) -> Exercise:
    """Reads one rule file; name: how the problems call it (default: the path).

    draft: what it would say, in place of what it says: a change that is tried before it is written.
    Raises RuleFileError with every problem.
    """
    return read_yaml(path, _language_of, name=name, draft=draft, expected="an exercise", error=RuleFileError)


def exercise_schema() -> dict[str, Any]:
    """The JSON Schema of rule files."""
    return json_schema(_exercise(), "Formcue exercise")


def rule_files(folder: Path) -> list[Path]:
    """The rule files of a folder, sorted by name; not what an editor is writing there just now."""
    return sorted(
        p
        for p in folder.iterdir()
        if p.suffix.lower() in SUFFIXES and p.name not in _RESERVED and not p.name.startswith(".")
    )


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
