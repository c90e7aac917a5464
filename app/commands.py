"""What the sub-commands share, and the small ones themselves: `exercises`."""

from __future__ import annotations

import argparse
import difflib
import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from app.errors import EXIT_DONE, UsageError
from app.exercise import LEVELS, Exercise
from app.overrides import Overrides, load_overrides, with_overrides
from app.rules import load_exercise, load_library

if TYPE_CHECKING:
    from app.estimator import Estimator

log = logging.getLogger(__name__)

DEVICES: Final = ("auto", "cpu", "cuda", "mps")
RUNTIMES: Final = ("auto", "openvino", "torch")
RULE_SUFFIXES: Final = (".yaml", ".yml")


def add_exercise_argument(parser: argparse.ArgumentParser, *, required: bool = False) -> None:
    parser.add_argument(
        "--exercise",
        metavar="ID",
        required=required,
        help="exercise of the library (see `exercises`), or a rule file of your own (.yaml)",
    )


def add_adjust_arguments(parser: argparse.ArgumentParser) -> None:
    """For commands that judge: `adjusted` then gives the exercise as the arguments want it."""
    parser.add_argument("--level", choices=LEVELS, help="how strictly to judge (default: normal)")
    parser.add_argument(
        "--adjust", metavar="FILE.yaml", type=Path, help="adjustments to the athlete (see `calibrate`)"
    )


def adjusted(exercise: Exercise, args: argparse.Namespace) -> Exercise:
    """The exercise at args.level, with the adjustments of args.adjust. Raises OverridesError."""
    overrides = Overrides()
    if args.adjust is not None:
        overrides = load_overrides(args.adjust, {**load_library(), exercise.id: exercise})
    return with_overrides(exercise, overrides, args.level)


def add_language_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--language", metavar="CODE", default="en", help="of the prompts (default: en)")


def add_runtime_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--device", choices=DEVICES, default="auto", help="where the network runs")
    parser.add_argument("--runtime", choices=RUNTIMES, default="auto", help="what runs it")
    parser.add_argument("--weights", metavar="NAME", default="auto", help="of the catalogue, or a file")


def choose_exercise(name: str) -> Exercise:
    """The exercise of that id, or of the rule file of that name.

    Raises UsageError when there is none, offering the nearest id; RuleFileError when a file is broken.
    """
    if name.lower().endswith(RULE_SUFFIXES):
        path = Path(name).expanduser()
        if not path.is_file():
            raise UsageError(f"{path}: there is no such rule file")
        return load_exercise(path)
    library = load_library()
    if name in library:
        return library[name]
    raise UsageError(f"unknown exercise {name!r}; {nearest(name, library)}")


def nearest(name: str, known: Any) -> str:
    """What to write instead: 'did you mean "squat"?', else the list of what is known."""
    plain = name.lower().strip().replace("-", "_").replace(" ", "_")
    close = difflib.get_close_matches(plain, list(known), n=1, cutoff=0.6)
    if close:
        return f"did you mean {close[0]!r}?"
    return f"known are: {', '.join(sorted(known))}"


def load_estimator(args: argparse.Namespace) -> tuple[Estimator, dict[str, Any]]:
    """The estimator on args.device and args.runtime, and what the JSON files say of its model.

    Raises FormcueError when the weights are missing or changed, or the device is not there.
    """
    # torch takes a second or two to import; commands that need no network do not wait for it.
    from app.estimator import Estimator
    from app.lasting import load_lasting

    runtime, fallbacks = load_lasting(args.weights, device=args.device, runtime=args.runtime)
    for fallback in fallbacks:
        log.warning("%s", fallback)
    model = {
        "name": runtime.model_name,
        "sha256": runtime.sha256,
        "device": runtime.device,
        "runtime": runtime.runtime,
    }
    return Estimator(runtime), model


def add_exercises_parser(commands: Any) -> None:
    """Adds `exercises` to the sub-parsers of the main argument parser."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "exercises",
        help="list the exercises of the library",
        description="Lists the exercises of the library, the views they can be judged from, and their rules.",
    )
    parser.add_argument("--json", action="store_true", help="as JSON, for other programs")
    parser.set_defaults(run=run_exercises)


def run_exercises(args: argparse.Namespace) -> int:
    """Prints the library."""
    library = load_library()
    if args.json:
        print(json.dumps([_as_json(exercise) for exercise in library.values()], ensure_ascii=False, indent=1))
        return EXIT_DONE
    width = max((len(key) for key in library), default=0)
    for exercise in library.values():
        rules = ", ".join(rule.id for rule in exercise.rules)
        print(f"{exercise.id:{width}}  {exercise.name()} (from the {' or '.join(exercise.views)}): {rules}")
    return EXIT_DONE


def _as_json(exercise: Exercise) -> dict[str, Any]:
    return {
        "id": exercise.id,
        "names": dict(exercise.names),
        "views": list(exercise.views),
        "rules": [
            {"id": rule.id, "severity": rule.severity, "judge": rule.judge, "views": list(rule.views)}
            for rule in exercise.rules
        ],
    }
