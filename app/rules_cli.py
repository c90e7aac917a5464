"""`check`: validates rule files; every problem is printed, each with its place."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from app.errors import EXIT_DONE, EXIT_FAILED, UsageError
from app.rulefile import SUFFIXES, read_exercise, rule_files
from app.rules import LIBRARY, RuleFileError


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
