"""Processes that write, and are killed while they do; `python -m tests.killing` is what they are forked from.

It reads lines "KIND SEED FOLDER" and answers each with the number of the last write that the child had heard
to be done when it was killed. Forking costs milliseconds where starting Python costs seconds.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from app.files import write_json
from app.history import FILE, History
from app.journal import Journal, journal_path, read_lines
from app.overrides import ExerciseOverrides, Overrides, load_overrides, save_overrides
from app.planfile import load_plan, load_plans, save_plan
from app.plans import Plan, PlannedExercise, PlanStep
from app.recording import load_recording, save_recording
from app.rules import load_library
from app.settings import change_settings, load_settings
from app.summary import RepSummary, SetSummary, WorkoutSummary
from tests.poses import recording_of, squats
from tests.training.runs import tiny_run

LONGEST: Final = 0.06  # seconds that a child is left to write
LIBRARY: Final = load_library()
POSES: Final = squats(1)[:20]

Write = Callable[[int], None]


# -- what is written: each makes, of a folder, a function that makes the n-th write ---------------------


def _settings(folder: Path) -> Write:
    return lambda n: change_settings({"camera": f"camera {n}", "volume": n % 100 / 100}, folder)


def _history(folder: Path) -> Write:
    def write(n: int) -> None:
        reps = tuple(RepSummary(start=i, turn=i + 0.5, end=i + 1.0, range=80.0) for i in range(4))
        done = SetSummary(exercise="squat", started=0.0, seconds=12.0, reps=reps)
        started = datetime(2026, 3, 4, tzinfo=UTC)
        with History(folder / FILE) as history:
            history.add(
                WorkoutSummary(
                    id=f"w{n}", plan="p", names={"en": "P"}, started=started, seconds=9.0, sets=(done, done)
                ),
                history.profile("Anna"),
            )

    return write


def _journal(folder: Path) -> Write:
    journal = Journal(journal_path(folder, "one"))
    return lambda n: journal.write({"what": "rep", "n": n, "padding": "x" * 500})


def _recording(folder: Path) -> Write:
    recording = recording_of(list(POSES))
    return lambda n: save_recording(
        folder / "a.poses.gz", type(recording)(**{**vars(recording), "source": f"{n}"})
    )


def _plan(folder: Path) -> Write:
    steps = (PlanStep(exercises=(PlannedExercise(exercise="squat", reps=5),)),)
    return lambda n: save_plan(folder, Plan(id="mine", names={"en": f"Plan {n}"}, steps=steps)) and None


def _overrides(folder: Path) -> Write:
    def write(n: int) -> None:
        mine = ExerciseOverrides(signals={"knee": (None, 90.0 + n / 1000)})
        save_overrides(folder / "me.yaml", Overrides(level="strict", exercises={"squat": mine}))

    return write


def _export(folder: Path) -> Write:
    return lambda n: write_json(folder / "out.json", {"schema": 1, "n": n, "rows": list(range(2000))})


def _checkpoint(folder: Path) -> Write:
    run = tiny_run(folder)

    def write(n: int) -> None:
        run.done = n
        run.save()

    return write


def _cache(folder: Path) -> Write:
    import openvino
    from openvino import opset8 as ops

    from app import openvino_runtime

    data = ops.parameter([1, 8], name="data")
    model = openvino.Model([ops.relu(data)], [data], "tiny")
    return lambda n: openvino_runtime._keep(model, folder / "network", _weights())


WRITERS: Final[dict[str, Callable[[Path], Write]]] = {
    "settings": _settings,
    "history": _history,
    "journal": _journal,
    "recording": _recording,
    "plan": _plan,
    "overrides": _overrides,
    "export": _export,
    "checkpoint": _checkpoint,
    "cache": _cache,
}


# -- what is there afterwards: the number of the write that is found, whole; 0 for none -----------------


def found(kind: str, folder: Path) -> int:
    """Reads what was written as the app reads it. Fails when it is broken."""
    return _READERS[kind](folder)


def _found_settings(folder: Path) -> int:
    loaded = load_settings(folder)
    assert loaded.notice == ""
    n = int(loaded.settings.camera.removeprefix("camera ") or 0)
    assert n == 0 or loaded.settings.volume == n % 100 / 100  # both of the same write
    return n


def _found_history(folder: Path) -> int:
    with History(folder / FILE) as history:
        assert history._db.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        lines = history.workouts(history.profile("Anna"), most=10_000)
        for line in lines[:3]:
            done = history.workout(line.id)
            assert done is not None
            assert [one.count for one in done.sets] == [4, 4]
        assert {line.id for line in lines} == {f"w{n}" for n in range(1, len(lines) + 1)}
        return len(lines)


def _found_journal(folder: Path) -> int:
    path = journal_path(folder, "one")
    numbers = [line["n"] for line in read_lines(path)]
    assert numbers == list(range(1, len(numbers) + 1))
    again = Journal(path)
    again.write({"what": "rep", "n": 0})
    again.close()
    assert len(read_lines(path)) == len(numbers) + 1
    return len(numbers)


def _found_recording(folder: Path) -> int:
    if not (folder / "a.poses.gz").exists():
        return 0
    recording = load_recording(folder / "a.poses.gz")
    assert len(recording.frames) == len(POSES)
    return int(recording.source)


def _found_plan(folder: Path) -> int:
    assert [entry.problems for entry in load_plans(LIBRARY, own=folder) if entry.problems] == []
    if not (folder / "mine.yaml").exists():
        return 0
    return int(load_plan(folder / "mine.yaml", LIBRARY).names["en"].removeprefix("Plan "))


def _found_overrides(folder: Path) -> int:
    if not (folder / "me.yaml").exists():
        return 0
    turn = load_overrides(folder / "me.yaml", LIBRARY).exercises["squat"].signals["knee"][1]
    assert turn is not None
    return round((turn - 90.0) * 1000)


def _found_export(folder: Path) -> int:
    if not (folder / "out.json").exists():
        return 0
    value = json.loads((folder / "out.json").read_text())
    assert len(value["rows"]) == 2000
    return int(value["n"])


def _found_checkpoint(folder: Path) -> int:
    from app.weights import load_weights

    run = tiny_run(folder)
    if not run.checkpoint.exists():
        return 0
    run.load()
    weights = run.folder / "weights.safetensors"
    if weights.exists():
        load_weights(str(weights)).tensors()
    return run.done


def _found_cache(folder: Path) -> int:
    from app import openvino_runtime

    # Either the converted network, or none, and then it is made anew.
    openvino_runtime._cached_model(openvino_runtime._core(), folder / "network", _weights())
    if (folder / "network").exists():
        assert openvino_runtime._cached_model(openvino_runtime._core(), folder / "network", _weights())
    return 0


_READERS: Final[dict[str, Callable[[Path], int]]] = {
    "settings": _found_settings,
    "history": _found_history,
    "journal": _found_journal,
    "recording": _found_recording,
    "plan": _found_plan,
    "overrides": _found_overrides,
    "export": _found_export,
    "checkpoint": _found_checkpoint,
    "cache": _found_cache,
}


def _weights() -> Any:
    from app.weights import Weights

    return Weights(name="tiny", kind="pose", sha256="0" * 64, config={"kind": "pose"}, data=b"")


# -- the killing ----------------------------------------------------------------------------------------


class Killer:
    """Kills children of one process, which is started once.

        with Killer() as killer:
            heard = killer.kill("settings", seed, folder)
    """  # fmt: skip

    def __enter__(self) -> Killer:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.killing"],
            cwd=Path(__file__).resolve().parent.parent,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait()

    def kill(self, kind: str, seed: int, folder: Path) -> int:
        """The number of the last write that was done, as far as the child had heard."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(f"{kind} {seed} {folder}\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())


def _kill_one(kind: str, seed: int, folder: Path) -> int:
    if kind == "checkpoint":
        tiny_run(folder)  # before the fork: the child need not make it again
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        try:
            write = WRITERS[kind](folder)
            for n in range(1, 100_000):
                os.write(writing, b"%7d\n" % (n - 1))
                write(n)
        finally:
            os._exit(1)
    os.close(writing)
    with os.fdopen(reading, "rb") as heard:
        lines = [heard.readline()]  # it is about to write
        time.sleep(random.Random(seed).uniform(0.0, LONGEST))
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        lines += heard.readlines()
    if not os.WIFSIGNALED(status):
        raise SystemExit(f"the child of {kind} ended by itself")
    return int([line for line in lines if line.endswith(b"\n")][-1])


if __name__ == "__main__":
    for request in sys.stdin:
        kind_, seed_, folder_ = request.rstrip("\n").split(" ", 2)
        print(_kill_one(kind_, int(seed_), Path(folder_)), flush=True)
