"""Formcue's door: reads the command line, then opens the window or runs a sub-command."""

from __future__ import annotations

import argparse
import difflib
import importlib
import logging
import sys
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NoReturn

from app import __version__
from app.diagnostics import hard_crashes_kept, is_built, kept_log
from app.errors import EXIT_FAILED, FormcueError, UsageError

log = logging.getLogger("formcue")


@dataclass(frozen=True)
class Command:
    """A sub-command: the module that has it, the function that adds its parser, one line about it."""

    module: str
    adder: str
    about: str


# Imported only when used: `exercises` needs neither PyTorch nor Qt.
COMMANDS: Final = {
    "analyze": Command("app.analyze", "add_parser", "count and judge the repetitions of a video"),
    "estimate": Command("app.estimate", "add_parser", "joints of the person in images"),
    "check": Command("app.rules_cli", "add_check_parser", "validate rule files"),
    "test": Command("app.rules_cli", "add_test_parser", "run the rule files' own tests"),
    "schema": Command("app.rules_cli", "add_schema_parser", "print the JSON Schema of rule files"),
    "calibrate": Command("app.rules_cli", "add_calibrate_parser", "adjust an exercise to a person's range"),
    "studio": Command(
        "app.ui.rule_studio.command", "add_studio_parser", "see and tune a rule file on a recording"
    ),
    "record": Command("app.record", "add_parser", "record the poses of a video or the camera"),
    "exercises": Command("app.commands", "add_exercises_parser", "list the exercises of the library"),
    "bench": Command("app.bench.command", "add_parser", "measure speed, lateness and memory"),
    "doctor": Command("app.doctor", "add_parser", "look over the installation"),
    "train": Command("app.training.train", "add_parser", "train the network"),
    "export": Command("app.training.export", "add_parser", "put trained weights into the catalogue"),
    "evaluate": Command("app.training.evaluation", "add_parser", "measure the network on labelled data"),
    "pack": Command("app.training.packing", "add_parser", "make one file of a published data set"),
    "label": Command("app.training.labelling", "add_parser", "label clips with a teacher network"),
    "render": Command("app.training.synthetic", "add_parser", "render bodies with exact 3D joints"),
}


class Parser(argparse.ArgumentParser):
    """Wrong usage is one line, without the whole synopsis before it."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message} (see `{self.prog} --help`)")


def main(argv: Sequence[str] | None = None) -> int:
    """Runs Formcue with these arguments (default: the command line's). Returns the exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in arguments
    arguments = [argument for argument in arguments if argument != "--debug"]
    shown = logging.StreamHandler(sys.stderr)
    shown.setLevel(logging.DEBUG if debug else logging.WARNING)
    shown.setFormatter(
        logging.Formatter("%(levelname)s %(name)s: %(message)s" if debug else "formcue: %(message)s")
    )
    logging.basicConfig(level=shown.level, handlers=[shown])
    with kept_log(_log_folder()):
        return _run(arguments, debug=debug)


def _log_folder() -> Path | None:
    """None when the installation lacks what finds it, which `doctor` must be able to tell."""
    try:
        from app.settings import log_folder
    except ImportError:
        return None
    return log_folder()


def _run(arguments: list[str], *, debug: bool) -> int:
    """Every error becomes a line in plain words and an exit code."""
    try:
        return _dispatch(arguments)
    except FormcueError as error:
        if debug:
            traceback.print_exc()
        print(f"formcue: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("formcue: stopped", file=sys.stderr)
        return 130
    except Exception as error:
        if debug:
            raise
        log.info("uncaught error\n%s", traceback.format_exc())  # for the log file; the terminal gets a line
        line = str(error).strip().splitlines()[0] if str(error).strip() else ""
        print(
            f"formcue: something went wrong inside: {type(error).__name__}: {line} (--debug shows where)",
            file=sys.stderr,
        )
        return EXIT_FAILED


def _dispatch(arguments: list[str]) -> int:
    if arguments and not arguments[0].startswith("-"):
        return _run_command(arguments)
    return _run_app(arguments)


def _run_command(arguments: list[str]) -> int:
    name = arguments[0]
    if name not in COMMANDS:
        if Path(name).exists() or Path(name).suffix:
            raise UsageError(f"{name!r} is no command; to open a video: python main.py --source {name}")
        close = difflib.get_close_matches(name, COMMANDS, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"known are: {', '.join(COMMANDS)}"
        raise UsageError(f"unknown command {name!r}; {hint}")
    command = COMMANDS[name]
    if is_built() and command.module.startswith("app.training"):
        raise UsageError(f"{name} is not part of the one-file program; install Formcue from its source")
    try:
        module = importlib.import_module(command.module)
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("app"):
            raise
        raise UsageError(
            f"{name} needs the package {error.name!r}; install it with: pip install -e '.[train]'"
        ) from error
    parser = Parser(prog="main.py")
    getattr(module, command.adder)(parser.add_subparsers(dest="command", parser_class=Parser))
    parsed = parser.parse_args(arguments)
    return int(parsed.run(parsed))


def _run_app(arguments: list[str]) -> int:
    listed = "\n".join(f"  {name:10} {command.about}" for name, command in COMMANDS.items())
    parser = Parser(
        prog="main.py",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Watches you exercise, counts the repetitions and says what to correct.",
        epilog=f"commands (each has its own --help):\n{listed}",
    )
    parser.add_argument("--source", metavar="0|FILE|demo", help="camera number or name, video file, or demo")
    parser.add_argument(
        "--exercise", metavar="ID", help="exercise of the library, or a rule file of your own"
    )
    parser.add_argument("--device", choices=("auto", "cpu", "cuda", "mps"))
    parser.add_argument("--runtime", choices=("auto", "openvino", "torch"), default="auto")
    parser.add_argument("--weights", metavar="NAME", help="weights of the catalogue")
    parser.add_argument("--language", choices=("en", "zh"), help="of the window and the prompts")
    parser.add_argument(
        "--mirror", action=argparse.BooleanOptionalAction, help="mirror the picture (default: cameras only)"
    )
    parser.add_argument("--loop", action="store_true", help="play a file again and again")
    parser.add_argument("--full-screen", action="store_true")
    parser.add_argument("--debug", action="store_true", help="say more, and show where errors arise")
    parser.add_argument("--version", action="version", version=f"Formcue {__version__}")
    parsed = parser.parse_args(arguments)
    if parsed.source is not None:
        from app.capture import check_source

        check_source(parsed.source)  # a camera may still be plugged in; a file must be there
    own = None
    if parsed.exercise is not None and parsed.exercise.lower().endswith((".yaml", ".yml")):
        own = Path(parsed.exercise).expanduser()
        if not own.is_file():
            raise UsageError(f"{own}: there is no such rule file")

    from app.settings import load_settings, log_folder
    from app.ui.app import run_app
    from app.ui.window import Options

    loaded = load_settings()
    told = {"language": parsed.language, "device": parsed.device, "model": parsed.weights}
    options = Options(source=parsed.source, exercise=parsed.exercise, mirror=parsed.mirror, loop=parsed.loop)
    with hard_crashes_kept(log_folder()):
        return run_app(
            options,
            settings=loaded.settings,
            told={name: value for name, value in told.items() if value is not None},
            runtime=parsed.runtime,
            notice=loaded.notice,
            own=own,
            full_screen=parsed.full_screen,
        )


if __name__ == "__main__":
    sys.exit(main())
