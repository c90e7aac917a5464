"""`check`: validates rule files, and prints every problem with its place. `test`: runs the tests in them."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from app.errors import EXIT_DONE, EXIT_FAILED, UsageError
from app.exercise import Exercise, RuleTest
from app.parameters import Measurer
from app.recording import RecordingError, load_recording
from app.reps import Hold, Rep, RepCounter
from app.rulefile import SUFFIXES, read_exercise, rule_files
from app.rules import LIBRARY, Prompt, RuleEngine, RuleFileError, load_exercise


def add_check_parser(commands: Any) -> None:
    """Adds `check` to the sub-parsers of the main argument parser."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "check",
        help="validate rule files",
        description="Validates rule files and prints everything that is wrong with them, one line each: "
        "file:line:column: what was found, what was expected, the nearest name.",
    )
    parser.add_argument(
        "paths",
        nargs="*",
        type=Path,
        metavar="FILE|DIR",
        help="rule files, or folders of them (default: the library that Formcue ships)",
    )
    parser.set_defaults(run=run_check)


def run_check(args: argparse.Namespace) -> int:
    """Checks args.paths. 0 = all files are good, 1 = something is wrong in one, 2 = no such file."""
    files = find_rule_files(args.paths or [LIBRARY])
    by_file = [problems for path in files if (problems := check(path))]
    for problem in (line for problems in by_file for line in problems):
        print(problem)
    if by_file:
        count = sum(map(len, by_file))
        print(f"{_some(count, 'problem')} in {len(by_file)} of {_some(len(files), 'file')}", file=sys.stderr)
        return EXIT_FAILED
    print(f"{_some(len(files), 'rule file')}: no problems")
    return EXIT_DONE


def add_test_parser(commands: Any) -> None:
    """Adds `test` to the sub-parsers of the main argument parser."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "test",
        help="run the rule files' own tests",
        description="Runs the tests in rule files: counts and judges the recorded poses that they name, and "
        "prints what came out differently.",
    )
    parser.add_argument(
        "paths",
        nargs="*",
        type=Path,
        metavar="FILE|DIR",
        help="rule files, or folders of them (default: the library that Formcue ships)",
    )
    parser.set_defaults(run=run_test)


def run_test(args: argparse.Namespace) -> int:
    """Runs the tests of args.paths. 0 = all passed, 1 = one failed or a file is broken, 2 = no such file."""
    files = find_rule_files(args.paths or [LIBRARY])
    tests = failed = broken = 0
    for path in files:
        problems = check(path)
        if problems:
            broken += 1
            print("\n".join(problems))
            continue
        exercise = load_exercise(path)
        for test in exercise.tests:
            tests += 1
            differences = run_one(exercise, test)
            failed += bool(differences)
            for difference in differences:
                print(f"{_shown(path)}:{test.line}: {test.recording.name}: {difference}")
    if failed or broken:
        print(f"{failed} of {_some(tests, 'test')} failed, {_some(broken, 'file')} broken", file=sys.stderr)
        return EXIT_FAILED
    print(f"{_some(tests, 'test')} of {_some(len(files), 'rule file')}: all passed")
    return EXIT_DONE


def run_one(exercise: Exercise, test: RuleTest) -> list[str]:
    """What came out differently than the test says; empty when it passed."""
    try:
        recording = load_recording(test.recording)
    except RecordingError as error:
        return [str(error)]
    measurer, counter, engine = Measurer(), RepCounter(exercise.counting), RuleEngine(exercise)
    events: list[Rep | Hold] = []
    prompts: list[Prompt] = []
    time = 0.0
    for frame in recording.frames:
        time = frame.time
        measurement = measurer.step(frame.pose, time)
        new = counter.step(time, measurement)
        events += new
        prompts += engine.step(time, measurement, counter.phase, new)
    new = counter.finish(time)
    events += new
    prompts += engine.finish(time, new)
    out = []
    for name, kind, expected in (("reps", Rep, test.reps), ("holds", Hold, test.holds)):
        found = [event for event in events if isinstance(event, kind)]
        if expected is not None and len(found) != expected:
            ends = ", ".join(f"{event.end:.1f} s" for event in found)
            out.append(
                f"counted {len(found)} {name}, expected {expected}" + (f"; ended at {ends}" if ends else "")
            )
    if test.prompts is not None:
        said = {prompt.rule for prompt in prompts}
        for rule in sorted(said - set(test.prompts)):
            first = next(prompt for prompt in prompts if prompt.rule == rule)
            out.append(f'said "{first.text}" ({rule}) at {first.t:.1f} s, expected it not to be said')
        out += [f"{rule} was not said, expected it" for rule in sorted(set(test.prompts) - said)]
    return out


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


def check(path: Path) -> tuple[str, ...]:
    """Every problem of a file, in its order, each "file:line:column: ..."."""
    try:
        read_exercise(path, name=_shown(path))
    except RuleFileError as error:
        return error.problems
    return ()


def _shown(path: Path) -> str:
    """The path as the user would write it: relative where it lies below the current folder."""
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def _some(count: int, thing: str) -> str:
    return f"{count} {thing}{'' if count == 1 else 's'}"
