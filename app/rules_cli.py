"""The trainer's commands: `check`, `test`, `schema` for editors, `calibrate` to a person."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import yaml

from app.commands import add_exercise_argument, choose_exercise
from app.errors import EXIT_DONE, EXIT_FAILED, UsageError
from app.exercise import Exercise, RuleTest
from app.explanation import Explanation, lacks
from app.files import to_json
from app.gestures import GESTURES, load_gestures
from app.measures import format_value
from app.overrides import (
    ExerciseOverrides,
    Overrides,
    calibrated,
    load_overrides,
    overrides_text,
    save_overrides,
)
from app.parameters import Measurer
from app.planfile import load_plan
from app.plans import PLANS
from app.recording import RecordingError, load_recording
from app.reps import Hold, NotCounted, Rep, RepCounter
from app.rulefile import exercise_schema, read_exercise, rule_files
from app.rules import LIBRARY, Prompt, RuleEngine, load_exercise, load_library
from app.yamlfile import SUFFIXES, Kind, YamlFileError, read_yaml

SCHEMA_FILE: Final = LIBRARY / "exercise.schema.json"


# -- check --------------------------------------------------------------------------------------------


def add_check_parser(commands: Any) -> None:
    """Adds `check` to the sub-parsers of the main argument parser."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "check",
        help="validate rule files",
        description="Validates rule files and prints everything that is wrong with them, one line each: "
        "file:line:column: what was found, what was expected, the nearest name.",
    )
    _add_paths(parser)
    parser.set_defaults(run=run_check)


def run_check(args: argparse.Namespace) -> int:
    """Checks args.paths. 0 = all files are good, 1 = something is wrong in one, 2 = no such file."""
    files = find_rule_files(args.paths or [LIBRARY, GESTURES, PLANS])
    by_file = [problems for path in files if (problems := check(path))]
    for problem in (line for problems in by_file for line in problems):
        print(problem)
    if by_file:
        count = sum(map(len, by_file))
        print(f"{_some(count, 'problem')} in {len(by_file)} of {_some(len(files), 'file')}", file=sys.stderr)
        return EXIT_FAILED
    print(f"{_some(len(files), 'file')}: no problems")
    return EXIT_DONE


def check(path: Path) -> tuple[str, ...]:
    """Every problem of a file, in its order, each "file:line:column: ...".

    Workouts, gestures and adjustments are told from rule files by their keys.
    """
    read: Callable[..., object] = read_exercise
    keys = _keys(path)
    if "gestures" in keys:
        read = load_gestures
    elif isinstance(keys.get("exercises"), yaml.SequenceNode):
        read = load_plan
    elif keys and not keys.keys() & {"counting", "rules", "views"} and keys.keys() & {"exercises", "level"}:
        read = load_overrides
    try:
        read(path, name=_shown(path))
    except YamlFileError as error:
        return error.problems
    return ()


def _keys(path: Path) -> dict[str, yaml.nodes.Node]:
    """The top keys of a file with their values; none of one that cannot be read at all."""
    try:
        root = read_yaml(path, Kind(lambda reader, node: node, {}))
    except YamlFileError:
        return {}
    return {str(key.value): value for key, value in root.value} if isinstance(root, yaml.MappingNode) else {}


# -- test ---------------------------------------------------------------------------------------------


def add_test_parser(commands: Any) -> None:
    """Adds `test` to the sub-parsers of the main argument parser."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "test",
        help="run the rule files' own tests",
        description="Runs the tests in rule files: counts and judges the recorded poses that they name, and "
        "prints what came out differently: - was expected and is missing, + came and was not expected.",
    )
    _add_paths(parser)
    parser.set_defaults(run=run_test)


def run_test(args: argparse.Namespace) -> int:
    """Runs the tests of args.paths. 0 = all passed, 1 = one failed or a file is broken, 2 = no such file."""
    files = find_rule_files(args.paths or [LIBRARY])
    tests = failed = broken = 0
    untested: list[str] = []
    for path in files:
        problems = check(path)
        if problems:
            broken += 1
            print("\n".join(problems))
            continue
        exercise = load_exercise(path)
        if not exercise.tests:
            untested.append(_shown(path))
        for test in exercise.tests:
            tests += 1
            differences = run_one(exercise, test)
            if differences:
                failed += 1
                print(f"{_shown(path)}:{test.line}: {test.recording.name}")
                print("\n".join(f"    {line}" for line in differences))
    for shown in untested:
        print(f"{shown}: has no tests", file=sys.stderr)
    if failed or broken:
        print(f"{failed} of {_some(tests, 'test')} failed, {_some(broken, 'file')} broken", file=sys.stderr)
        return EXIT_FAILED
    print(f"{_some(tests, 'test')} of {_some(len(files), 'rule file')}: all passed")
    return EXIT_DONE


def run_one(exercise: Exercise, test: RuleTest) -> list[str]:
    """What came out differently than the test says, line by line; empty when it passed."""
    try:
        recording = load_recording(test.recording)
    except RecordingError as error:
        return [str(error)]
    measurer, counter, engine = Measurer(), RepCounter(exercise.counting), RuleEngine(exercise)
    events: list[Rep | Hold] = []
    prompts: list[Prompt] = []
    nearest: dict[str, Explanation] = {}
    not_counted: list[NotCounted] = []
    time = 0.0
    for frame in recording.frames:
        time = frame.time
        measurement = measurer.step(frame.pose, time)
        new = counter.step(time, measurement)
        events += new
        not_counted += counter.not_counted
        prompts += engine.step(time, measurement, counter.phase, new)
        for rule in test.prompts or ():
            explained = engine.explain(rule)
            if rule not in nearest or _nearness(explained) > _nearness(nearest[rule]):
                nearest[rule] = explained
    new = counter.finish(time)
    not_counted += counter.not_counted
    events += new
    prompts += engine.finish(time, new)
    out: list[str] = []
    for name, kind, expected in (("reps", Rep, test.reps), ("holds", Hold, test.holds)):
        found = [event for event in events if isinstance(event, kind)]
        if expected is not None and len(found) != expected:
            out.append(f"- {name}: {expected}")
            out.append(f"+ {name}: {len(found)}")
            out += [f"    {_event(event)}" for event in found]
            if kind is Rep:
                out += [
                    f"    not counted: at {one.top:.1f} s, {'; '.join(lacks(one))}" for one in not_counted
                ]
    return out + (_other_prompts(test.prompts, prompts, nearest) if test.prompts is not None else [])


def _nearness(explained: Explanation) -> tuple[bool, bool, float, float]:
    """How near a rule was to speaking: to be compared with that of other moments."""
    missed = 0.0
    for check in explained.checks:
        if check.value is None or check.limit is None:
            missed += 10.0
        elif not check.truth:
            missed += abs(check.value - check.limit) / max(abs(check.limit), 1e-6)
    allowed = explained.judged and explained.view_ok and explained.phase_ok and not explained.missing
    return explained.fires, allowed, explained.held, -missed


def _event(event: Rep | Hold) -> str:
    if isinstance(event, Hold):
        return f"{event.start:.1f} s to {event.end:.1f} s"
    return f"{event.number}: {event.start:.1f} s, turn {event.turn:.1f} s, to {event.end:.1f} s"


def _other_prompts(
    expected: Sequence[str], prompts: Sequence[Prompt], nearest: dict[str, Explanation]
) -> list[str]:
    said = {prompt.rule for prompt in prompts}
    out: list[str] = []
    for rule in sorted(set(expected) - said):
        explained = nearest.get(rule)
        why = f" (nearest at {explained.time:.1f} s: {explained.text()})" if explained else ""
        out.append(f"- {rule}: was never said{why}")
    for prompt in prompts:
        if prompt.rule not in expected:
            in_rep = f", repetition {prompt.rep}" if prompt.rep is not None else ""
            value, limit = (format_value(prompt.parameter, v) for v in (prompt.value, prompt.limit))
            why = "" if value in prompt.text else f" ({prompt.parameter} {value}, limit {limit})"
            out.append(f'+ {prompt.rule}: said at {prompt.t:.1f} s{in_rep}: "{prompt.text}"{why}')
    return out


# -- schema -------------------------------------------------------------------------------------------


def add_schema_parser(commands: Any) -> None:
    """Adds `schema` to the sub-parsers of the main argument parser."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "schema",
        help="print the JSON Schema of rule files",
        description="Prints the JSON Schema of rule files, with which editors complete and check them. The "
        "library has it as coach_rules/exercise.schema.json.",
    )
    parser.set_defaults(run=run_schema)


def run_schema(args: argparse.Namespace) -> int:
    """Prints the schema."""
    print(schema_text(), end="")
    return EXIT_DONE


def schema_text() -> str:
    """The JSON Schema of rule files, one definition a line."""
    schema = exercise_schema()
    definitions = schema.pop("definitions")
    lines = to_json(definitions).rstrip().replace("\n", "\n  ")
    return to_json(schema).rstrip().removesuffix("}") + f',\n "definitions": {lines}}}\n'


# -- calibrate ----------------------------------------------------------------------------------------


def add_calibrate_parser(commands: Any) -> None:
    """Adds `calibrate` to the sub-parsers of the main argument parser."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "calibrate",
        help="adjust an exercise to how far a person can go",
        description="Takes the range of a few repetitions, done as far as the person can, from a recorded "
        "pose file (see `record`) and notes it in an adjustments file, which the app and analyze take with "
        "--adjust. The trainer's rule file stays as it is.",
    )
    parser.add_argument("recording", type=Path, metavar="POSES", help="a recorded pose file")
    add_exercise_argument(parser, required=True)
    parser.add_argument(
        "--out", type=Path, required=True, metavar="FILE.yaml", help="added to if it is there"
    )
    parser.set_defaults(run=run_calibrate)


def run_calibrate(args: argparse.Namespace) -> int:
    """Writes or extends args.out."""
    exercise = choose_exercise(args.exercise)
    recording = load_recording(args.recording)
    measurer = Measurer()
    found = calibrated(exercise, [measurer.step(frame.pose, frame.time) for frame in recording.frames])
    library = {**load_library(), exercise.id: exercise}
    before = load_overrides(args.out, library) if args.out.exists() else Overrides()
    kept = before.exercises.get(exercise.id)
    if found == ExerciseOverrides() and kept is None:
        print(f"{exercise.id}: this person goes as far as the rule file asks; nothing to adjust")
        return EXIT_DONE
    mine = found if kept is None else replace(kept, signals=found.signals, own=found.own)
    save_overrides(args.out, replace(before, exercises={**before.exercises, exercise.id: mine}))
    print(overrides_text(Overrides(exercises={exercise.id: mine})), end="")
    return EXIT_DONE


# -- files --------------------------------------------------------------------------------------------


def _add_paths(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "paths",
        nargs="*",
        type=Path,
        metavar="FILE|DIR",
        help="rule files, or folders of them (default: the library that Formcue ships)",
    )


def find_rule_files(paths: Sequence[Path]) -> list[Path]:
    """The rule files named, and those in the folders named. Raises UsageError when there is none."""
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = rule_files(path)
            if not inside:
                raise UsageError(f"{path}: no rule file ({' or '.join(SUFFIXES)}) in this folder")
            found += inside
        elif path.exists():
            found.append(path)
        else:
            raise UsageError(f"{path}: there is no such file or folder")
    return list(dict.fromkeys(found))


def _shown(path: Path) -> str:
    """The path as the user would write it: relative where it lies below the current folder."""
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def _some(count: int, thing: str) -> str:
    return f"{count} {thing}{'' if count == 1 else 's'}"
