"""Everything that reads a file of somebody else's, given any bytes: it must read or refuse, in plain words.

    python -m tests.fuzz rules --minutes 5       # guided by coverage; needs `pip install atheris`

What was found is kept in tests/seeds/TARGET/ and tried by tests/test_seeds.py in every run of the suite.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import re
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import cv2
import numpy as np
import safetensors.numpy

try:
    import atheris
except ImportError:  # the targets are used without it too
    atheris = None

with atheris.instrument_imports(include=["app"]) if atheris else contextlib.nullcontext():
    from app.analyze import Tally, video_steps
    from app.capture import FileSource, Frame
    from app.containers import missing_bytes, shown_seconds
    from app.errors import FormcueError
    from app.estimate import read_image
    from app.history import History
    from app.history_export import as_csv, as_json
    from app.journal import Journal, read_lines
    from app.overrides import load_overrides, overrides_text, with_overrides
    from app.pipeline import Pipeline
    from app.planfile import load_plan, plan_text
    from app.recording import is_recording, load_recording
    from app.rulefile import read_exercise
    from app.rules import LIBRARY, load_library
    from app.settings import change_settings, load_settings
    from app.skeleton import Pose
    from app.training.config import load_configs
    from app.training.datasets import read_lsp
    from app.training.sets import load_sets
    from app.weights import load_weights, read_catalogue
    from app.workouts import WorkoutRunner, one_set

from app.summary import RepSummary
from tests.histories import long_history
from tests.training.runs import packed_set

REPOSITORY: Final = Path(__file__).resolve().parent.parent
SEEDS: Final = Path(__file__).resolve().parent / "seeds"
FRAMES: Final = 40  # of a video that are looked at
EXERCISES: Final = load_library()
WHEN: Final = datetime(2026, 3, 4, tzinfo=UTC)


class Nobody:
    """Stands in for the estimator."""

    def estimate(self, frame: Frame, /) -> Pose | None:
        return None

    def reset(self) -> None:
        pass


# -- targets: bytes and an empty folder; a FormcueError of one line is the only way out ----------------


def rules(data: bytes, folder: Path) -> None:
    read_exercise(_put(folder / "a.yaml", data))


def workout(data: bytes, folder: Path) -> None:
    plan = load_plan(_put(folder / "mine.yaml", data), EXERCISES)
    _put(folder / "mine.yaml", plan_text(plan).encode())
    try:
        again = load_plan(folder / "mine.yaml", EXERCISES)
    except FormcueError as error:
        raise AssertionError("what was written cannot be read") from error
    assert again == plan


def overrides(data: bytes, folder: Path) -> None:
    read = load_overrides(_put(folder / "a.yaml", data), EXERCISES)
    for exercise in EXERCISES.values():
        with_overrides(exercise, read)
    _put(folder / "a.yaml", overrides_text(read).encode())
    try:
        load_overrides(folder / "a.yaml", EXERCISES)
    except FormcueError as error:
        raise AssertionError("what was written cannot be read") from error


def settings(data: bytes, folder: Path) -> None:
    _put(folder / "settings.yaml", data)
    loaded = load_settings(folder)
    change_settings({"theme": "light"}, folder)
    again = load_settings(folder)
    assert again.settings.theme == "light"
    assert again.settings.profile == loaded.settings.profile


def recording(data: bytes, folder: Path) -> None:
    path = _put(folder / "a.poses.gz", data)
    is_recording(path)
    load_recording(path)


def journal(data: bytes, folder: Path) -> None:
    path = _put(folder / "a.journal", data)
    lines = read_lines(path)
    opened = Journal(path)
    opened.close()
    assert read_lines(path) == lines  # opening it loses nothing that could be read
    runner = WorkoutRunner.resume(lines, EXERCISES)
    runner.finish()
    with History(folder / "history.sqlite") as history:
        history.add(runner.summary, history.profile(runner.profile))


def history(data: bytes, folder: Path) -> None:
    with History(_put(folder / "history.sqlite", data)) as opened:
        for profile in opened.profiles():
            as_csv(opened, profile)
            as_json(opened, profile)
            opened.exercises(profile)
            opened.bests(profile)
        opened.purge()


def weights(data: bytes, folder: Path) -> None:
    read = load_weights(str(_put(folder / "a.safetensors", data)), "pose")
    read.arrays()


def catalogue(data: bytes, folder: Path) -> None:
    _put(folder / "catalogue.json", data)
    for entry in read_catalogue(folder):
        assert entry.file.parent == entry.card.parent == folder


def video(data: bytes, folder: Path) -> None:
    """The first byte says under which name."""
    endings = (".mp4", ".avi", ".mkv", ".webm", ".mov")
    path = _put(folder / f"a{endings[data[0] % len(endings) if data else 0]}", data[1:])
    missing_bytes(path)
    shown_seconds(path)
    with FileSource(path) as source:
        pipeline, tally = Pipeline(Nobody(), EXERCISES["squat"]), Tally(with_frames=False)
        for _, result in zip(range(FRAMES), video_steps(pipeline, source, tally), strict=False):
            tally.add(result)


def picture(data: bytes, folder: Path) -> None:
    image = read_image(_put(folder / "a.png", data))
    assert image.ndim == 3 and image.dtype == np.uint8


def packed(data: bytes, folder: Path) -> None:
    """A packed set, a set of pictures or LSPET's archive, as it may be."""
    path = _put(folder / "a.npz", data)
    for read in (
        lambda: load_sets("packed", [str(path)], validation=False),
        lambda: load_sets("pictures", [str(path)], validation=False),
        lambda: list(read_lsp([path])),
    ):
        with contextlib.suppress(FormcueError):
            for one in read()[:3]:
                one.decode()


def config(data: bytes, folder: Path) -> None:
    load_configs(_put(folder / "a.yaml", data))


TARGETS: Final[dict[str, Callable[[bytes, Path], None]]] = {
    target.__name__: target
    for target in (
        rules,
        workout,
        overrides,
        settings,
        recording,
        journal,
        history,
        weights,
        catalogue,
        video,
        picture,
        packed,
        config,
    )
}  # fmt: skip


def attempt(name: str, data: bytes, folder: Path) -> None:
    """One try. Anything but a reading or a refusal in one line is raised."""
    for left in folder.iterdir():
        left.unlink()
    try:
        TARGETS[name](data, folder)
    except FormcueError as error:
        assert str(error) and "\n" not in str(error), f"not one line: {error!r}"


def _put(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


# -- seeds --------------------------------------------------------------------------------------------


def kept_seeds(name: str) -> Iterator[Path]:
    """What was found, or is known to be hostile."""
    folder = SEEDS / name
    yield from sorted(folder.iterdir()) if folder.is_dir() else ()


def good_files(name: str) -> Iterator[bytes]:
    """Files as they should be, from which the fuzzer begins."""
    places = {
        "rules": [*sorted(LIBRARY.glob("*.yaml"))[:6], *(REPOSITORY / "tests/invalid_rules").glob("*.yaml")],
        "workout": LIBRARY.glob("workouts/*.yaml"),
        "recording": sorted((LIBRARY / "tests").glob("*.poses.gz"), key=lambda p: p.stat().st_size)[:4],
        "catalogue": (REPOSITORY / "weights").glob("catalogue.json"),
        "config": (REPOSITORY / "app/training/examples").glob("*.yaml"),
    }
    for path in places.get(name, ()):
        yield path.read_bytes()
    if name in _MADE:
        with tempfile.TemporaryDirectory() as folder:
            yield from _MADE[name](Path(folder))
    yield from (path.read_bytes() for path in kept_seeds(name))


def _settings_files(folder: Path) -> Iterator[bytes]:
    change_settings({"theme": "light", "volume": 0.5, "camera": "USB: 1", "profile": "Anna"}, folder)
    yield (folder / "settings.yaml").read_bytes()


def _overrides_files(_folder: Path) -> Iterator[bytes]:
    yield (
        b"format: 1\nlevel: beginner\nexercises:\n  squat:\n    level: normal\n    silent: [heels_up]\n"
        b"    rules:\n      shallow: {limits: {knee.min: {above: 105deg}}, per_set: 2, cooldown: 3s}\n"
        b"    signals: {knee: {turn: 100deg}}\n"
    )


def _journal_files(folder: Path) -> Iterator[bytes]:
    log = Journal(folder / "a.journal")
    runner = WorkoutRunner(one_set(EXERCISES["squat"], reps=3), EXERCISES, started=WHEN, journal=log)
    runner.start()
    for number in range(60):
        reps = (RepSummary(start=number, end=number + 0.5),) if number > 50 else ()
        runner.step(float(number), reps, ready=True)
    log.close()
    yield (folder / "a.journal").read_bytes()


def _history_files(folder: Path) -> Iterator[bytes]:
    long_history(folder / "history.sqlite", 0, template=2)
    yield (folder / "history.sqlite").read_bytes()


def _weights_files(_folder: Path) -> Iterator[bytes]:
    for settings_ in ({"kind": "pose", "input_size": 256}, {"kind": "pose", "architecture": "hourglass"}):
        yield safetensors.numpy.save(
            {"t": np.zeros(3, np.float32)}, metadata={"config": json.dumps(settings_)}
        )


def _video_files(folder: Path) -> Iterator[bytes]:
    for number, (ending, code) in enumerate(((".mp4", "mp4v"), (".avi", "MJPG"), (".mkv", "mp4v"))):
        path = folder / f"a{ending}"
        writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*code), 25.0, (64, 48))
        for grey in range(0, 200, 40):
            writer.write(np.full((48, 64, 3), grey, np.uint8))
        writer.release()
        yield bytes([number]) + path.read_bytes()


def _picture_files(_folder: Path) -> Iterator[bytes]:
    for ending in (".png", ".jpg", ".webp", ".bmp", ".tiff"):
        yield cv2.imencode(ending, np.zeros((8, 8, 3), np.uint8))[1].tobytes()


def _packed_files(folder: Path) -> Iterator[bytes]:
    yield packed_set(folder / "a.npz", 1).read_bytes()
    with zipfile.ZipFile(folder / "a.zip", "w") as archive:
        archive.writestr("annotations.json", json.dumps([{"file": "a.png", "joints": [[1, 1, 1]] * 14}]))
        archive.writestr("a.png", cv2.imencode(".png", np.zeros((8, 8, 3), np.uint8))[1].tobytes())
    yield (folder / "a.zip").read_bytes()


_MADE: Final[dict[str, Callable[[Path], Iterator[bytes]]]] = {
    "settings": _settings_files,
    "overrides": _overrides_files,
    "journal": _journal_files,
    "history": _history_files,
    "weights": _weights_files,
    "video": _video_files,
    "picture": _picture_files,
    "packed": _packed_files,
}


# -- the fuzzer ---------------------------------------------------------------------------------------


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("target", choices=TARGETS)
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument(
        "--found", type=Path, default=Path(), help="where inputs that break something are put"
    )
    arguments = parser.parse_args()
    if atheris is None:
        sys.exit("needs atheris: pip install atheris")
    arguments.found.mkdir(parents=True, exist_ok=True)
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as scratch:
        corpus, folder, words = Path(scratch, "corpus"), Path(scratch, "tried"), Path(scratch, "words")
        corpus.mkdir()
        folder.mkdir()
        seen: set[str] = set()
        for number, data in enumerate(good_files(arguments.target)):
            attempt(arguments.target, data, folder)  # also brings in what is imported only when it is used
            (corpus / f"good-{number}").write_bytes(data)
            seen |= set(re.findall(r"[A-Za-z_]{2,30}", data[:20_000].decode("latin-1")))
        words.write_text("".join(f'"{word}"\n' for word in sorted(seen | {"null"})[:2000]))
        options = [
            f"-max_total_time={round(60 * arguments.minutes)}",
            f"-dict={words}",
            f"-artifact_prefix={arguments.found}/",
            "-max_len=65536",
            "-timeout=60",
            "-rss_limit_mb=2000",
            "-print_final_stats=1",
            "-verbosity=1",
        ]
        atheris.Setup(
            [sys.argv[0], *options, str(corpus)], lambda data: attempt(arguments.target, data, folder)
        )
        atheris.Fuzz()


if __name__ == "__main__":
    main()
