"""The library on real people: short pieces of clips kept beside the project, from pictures to repetitions.

Of the 17 exercises the clips show these twelve; nobody there does a calf raise, crunch, donkey kick, lateral
raise or side leg raise as the rule files have them. Every second frame is looked at, as a slow camera would
have it.
"""

from __future__ import annotations

import argparse
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from app.capture import open_source
from app.commands import load_estimator
from app.estimator import Estimator
from app.parameters import Measurement, Measurer
from app.reps import RepCounter
from app.rules import RuleEngine, load_library

LIBRARY = load_library()
EVERY = 2


@dataclass(frozen=True)
class Piece:
    """A clip from second to second, and what is to be seen in it, counted by eye.

    told: the faults that are told of it, and no others.
    """

    clip: str
    end: float
    count: int
    begin: float = 0.0
    told: frozenset[str] = frozenset()
    archive: str = "clips-counted.zip"


OTHERS = "clips-unlabelled.zip"
PIECES = {
    "biceps_curl": Piece("biceps_curl-24.mp4", 4.3, 1),
    "deadlift": Piece("deadlift-15.mp4", 9.3, 1, begin=6.6),
    "front_raise": Piece("front_raise-25.mp4", 4.2, 1),
    "glute_bridge": Piece("glute_bridge-055.mp4", 17.0, 1, begin=11.9, archive=OTHERS),
    "jumping_jack": Piece("jumping_jack-01.mp4", 12.9, 2, begin=10.3),
    "lunge": Piece("lunge-02.mp4", 3.9, 2, told=frozenset({"shallow"})),
    "plank": Piece("plank-058.mp4", 5.0, 1, archive=OTHERS),
    "pull_up": Piece("pull_up-14.mp4", 5.0, 2, told=frozenset({"not_lowered"})),
    "push_up": Piece("push_up-10.mp4", 4.6, 1),
    "shoulder_press": Piece("shoulder_press-23.mp4", 4.0, 1),
    "sit_up": Piece("sit_up-16.mp4", 4.0, 2),
    "squat": Piece("squat-26.mp4", 2.9, 1),
}


@pytest.fixture(scope="module")
def estimator(data_folder: Path) -> Estimator:
    made, _ = load_estimator(argparse.Namespace(weights="auto", device="cpu", runtime="auto"))
    return made


def measured(
    piece: Piece, folder: Path, scratch: Path, estimator: Estimator
) -> Iterator[tuple[float, Measurement | None]]:
    """Time and what was measured, of every second frame of the piece."""
    with zipfile.ZipFile(folder / piece.archive) as archive:
        clip = Path(archive.extract(piece.clip, scratch))
    measurer = Measurer()
    estimator.reset()
    with open_source(str(clip)) as source:
        while (frame := source.read()) is not None and frame.time <= piece.end:
            if frame.time >= piece.begin and frame.index % EVERY == 0:
                yield frame.time, measurer.step(estimator.estimate(frame), frame.time)


@pytest.mark.parametrize("name", PIECES)
def test_real_people_are_counted_and_judged(
    data_folder: Path, tmp_path: Path, estimator: Estimator, name: str
) -> None:
    piece, exercise = PIECES[name], LIBRARY[name]
    counter, engine = RepCounter(exercise.counting), RuleEngine(exercise)
    time = 0.0
    for time, measurement in measured(piece, data_folder, tmp_path, estimator):
        engine.step(time, measurement, counter.phase, counter.step(time, measurement))
    engine.finish(time, counter.finish(time))
    assert counter.count == piece.count
    assert {rule for rule, number in engine.fault_counts.items() if number} == piece.told
