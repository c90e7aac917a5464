"""How well is counted and judged on real clips: `evaluate --counting`, `evaluate --form`.

Clips lie in a zip. Their poses are estimated once per weights and kept as recorded pose files, so that a
change of rules or counting is measured in seconds. What is measured:

- every clip with its own exercise's rule file: repetitions counted against those labelled, and how far each
  labelled turning point is from the nearest counted one;
- every clip with all the other rule files: what they count there is false;
- the same clips made harder (VARIANTS): how many are still within one;
- clips done right and wrong (`--form`): whether the rule file's reminders tell them apart.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import tempfile
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

import cv2
import numpy as np
import platformdirs

from app.capture import Frame, open_source
from app.commands import load_estimator
from app.errors import EXIT_DONE, EXIT_USAGE, FormcueError
from app.files import check_writable, write_json
from app.parameters import Measurement, Measurer
from app.recording import RecordedFrame, Recording, load_recording, save_recording
from app.reps import Hold, LackKind, NotCounted, Rep, RepCounter
from app.rules import Exercise, RuleEngine, load_library
from app.skeleton import MIRROR, Pose
from app.training.archives import BROKEN, open_zip, plain_name
from app.weights import load_weights

if TYPE_CHECKING:
    from app.estimator import Estimator

LABELS: Final = "labels.json"
NEAR: Final = 0.4  # seconds within which a turning point is right
FALSE_PER_MINUTE: Final = 1.0  # what is let pass on clips of other exercises
FORM_EXERCISE: Final = "push_up"
# What a movement lacks that was seen too badly to be judged.
UNSEEN: Final[frozenset[LackKind]] = frozenset({"unseen", "unsure", "gone"})
SCHEMA: Final = 1

Variant = Literal[
    "plain", "mirrored", "half speed", "double speed", "12 fps", "240 lines", "20 % of joints lost"
]
VARIANTS: Final[tuple[Variant, ...]] = get_args(Variant)[1:]
# These can be made of the recorded poses as well as of the pictures.
FROM_POSES: Final[tuple[Variant, ...]] = ("mirrored", "half speed", "double speed", "12 fps")
Source = Literal["poses", "pictures"]
Measured = list[tuple[float, Measurement | None]]


class ClipsError(FormcueError):
    """The clips cannot be used; the text is one line that says which file and why."""

    exit_code = EXIT_USAGE


# ---------------------------------------------------------------------------------------- the clips


@dataclass(frozen=True, kw_only=True)
class Clip:
    """One clip of a zip, and what is known of it.

    member: its name in the zip. reps, turns: the complete repetitions, and the time of each one's turning
    point in seconds. wrong: whether it shows wrong form; None where that is not labelled.
    """

    archive: Path
    member: str
    exercise: str
    view: str = ""
    reps: int | None = None
    turns: tuple[float, ...] = ()
    wrong: bool | None = None

    @property
    def name(self) -> str:
        """Its name without folder separators and ending."""
        return plain_name(str(Path(self.member).with_suffix("")))


def read_counted(path: Path) -> list[Clip]:
    """The clips of a zip with a labels.json: a list of {clip, exercise, view, reps, turning_times}.

    Raises ClipsError.
    """
    with _opened(path) as archive:
        try:
            rows = json.loads(archive.read(LABELS))
            clips = [
                Clip(
                    archive=path,
                    member=row["clip"],
                    exercise=row["exercise"],
                    view=row.get("view", ""),
                    reps=int(row["reps"]),
                    turns=tuple(float(t) for t in row["turning_times"]),
                )
                for row in rows
            ]
        except KeyError as error:
            raise ClipsError(f"{path}: {LABELS} is missing, or an entry of it lacks {error}") from error
        except (ValueError, TypeError) as error:
            raise ClipsError(f"{path}: {LABELS} cannot be read ({error})") from error
        missing = {clip.member for clip in clips} - set(archive.namelist())
    if missing or not clips:
        raise ClipsError(f"{path}: has {LABELS}, but not {', '.join(sorted(missing)) or 'one clip in it'}")
    return clips


def read_form(path: Path, exercise: str) -> list[Clip]:
    """The clips of a zip with the folders correct/ and wrong/. Raises ClipsError."""
    with _opened(path) as archive:
        names = [name for name in sorted(archive.namelist()) if name.endswith(".mp4")]
    folders = {"correct": False, "wrong": True}
    clips = [
        Clip(archive=path, member=name, exercise=exercise, wrong=folders[Path(name).parts[0]])
        for name in names
        if Path(name).parts[0] in folders
    ]
    if {clip.wrong for clip in clips} != {True, False}:
        raise ClipsError(f"{path}: expected MP4 clips in the folders correct/ and wrong/")
    return clips


def _opened(path: Path) -> zipfile.ZipFile:
    try:
        return open_zip(path)
    except FileNotFoundError as error:
        raise ClipsError(f"{path}: there is no such file") from error
    except BROKEN as error:
        raise ClipsError(f"{path}: cannot be read as a zip ({error})") from error


# ---------------------------------------------------------------------------------------- their poses


class Tracks:
    """The recorded poses of clips in a folder, NAME.poses.gz; those missing are estimated and put there.

    sha256: of the weights; poses that other weights saw are estimated anew (those that name none are kept).
    estimator: called when the first one is needed, so that nothing is loaded when all are there.
    """

    def __init__(self, folder: Path, model: Mapping[str, str], estimator: Callable[[], Estimator]) -> None:
        self._folder = folder
        self._model = model
        self._make = estimator
        self._estimator: Estimator | None = None
        self._kept: dict[tuple[str, Variant], Recording] = {}

    def get(self, clip: Clip, variant: Variant = "plain") -> Recording:
        """The poses of all frames of the clip as that variant shows it. Raises FormcueError."""
        key = (clip.name, variant)
        if key not in self._kept:
            suffix = "" if variant == "plain" else f".{variant.replace(' ', '-')}"
            path = self._folder / f"{clip.name}{suffix}.poses.gz"
            recording = load_recording(path) if path.is_file() else None
            known = recording.model if recording else None
            if recording is None or (known is not None and known["sha256"] != self._model["sha256"]):
                self._folder.mkdir(parents=True, exist_ok=True)
                save_recording(path, self._estimate(clip, variant))
                recording = load_recording(path)  # rounded, as whoever measures again will have it
            self._kept[key] = recording
        return self._kept[key]

    def _estimate(self, clip: Clip, variant: Variant) -> Recording:
        print(f"estimating the poses of {clip.name} ({variant})", file=sys.stderr)
        self._estimator = self._estimator or self._make()
        self._estimator.reset()
        with tempfile.TemporaryDirectory() as scratch:
            path = Path(scratch) / plain_name(clip.member)
            with _opened(clip.archive) as archive:
                path.write_bytes(archive.read(clip.member))
            source = open_source(str(path))
            width, height, fps = source.width, source.height, source.fps or 25.0
            try:
                frames = tuple(
                    RecordedFrame(time=frame.time, pose=self._estimator.estimate(frame))
                    for frame in _changed(iter(source.read, None), variant)
                )
            finally:
                source.close()
        return Recording(
            source=clip.member, width=width, height=height, fps=fps, frames=frames, model=self._model
        )


def _changed(frames: Iterable[Frame], variant: Variant) -> Iterator[Frame]:
    """The frames of a clip as a variant shows them."""
    for frame in frames:
        if variant == "12 fps" and not _kept_at(12.0, frame.time):
            continue
        image = frame.image
        if variant == "mirrored":
            image = cv2.flip(image, 1).astype(np.uint8)
        elif variant == "240 lines":
            width = round(image.shape[1] * 240 / image.shape[0])
            image = cv2.resize(image, (width, 240), interpolation=cv2.INTER_AREA).astype(np.uint8)
        yield Frame(image=image, time=frame.time * _SLOWER.get(variant, 1.0), index=frame.index)


_SLOWER: Final[dict[Variant, float]] = {"half speed": 2.0, "double speed": 0.5}


def _kept_at(fps: float, time: float, own: float = 25.0) -> bool:
    """Whether a camera of that rate has a frame for this one of a clip of `own` frames a second."""
    return int(time * fps + 1e-6) != int((time - 1 / own) * fps + 1e-6) or time == 0.0


def changed_poses(recording: Recording, variant: Variant, seed: int = 0) -> Recording:
    """A recording as if the clip had been changed: see VARIANTS (all but 240 lines)."""
    random = np.random.default_rng(seed)
    frames = []
    for frame in recording.frames:
        if variant == "12 fps" and not _kept_at(12.0, frame.time, recording.fps):
            continue
        time, pose = frame.time * _SLOWER.get(variant, 1.0), frame.pose
        if pose is not None:
            xy, xyz, confidence = pose.xy, pose.xyz, pose.confidence
            if variant == "mirrored":
                xy = (xy * [-1, 1] + [recording.width, 0]).astype(np.float32)[MIRROR]
                xyz = (xyz * [-1, 1, 1]).astype(np.float32)[MIRROR]
                confidence = confidence[MIRROR]
            elif variant == "20 % of joints lost":
                confidence = np.where(random.random(len(confidence)) < 0.2, 0, confidence).astype(np.float32)
            pose = Pose(time=time, xy=xy, xyz=xyz, confidence=confidence)
        frames.append(RecordedFrame(time=time, pose=pose))
    return replace(recording, frames=tuple(frames))


# ---------------------------------------------------------------------------------------- counting


def measured(recording: Recording) -> Measured:
    """What is measured on each frame."""
    measurer = Measurer()
    return [(frame.time, measurer.step(frame.pose, frame.time)) for frame in recording.frames]


def count(exercise: Exercise, frames: Measured) -> list[Rep | Hold]:
    """The repetitions and holds counted."""
    counter = RepCounter(exercise.counting)
    found = [event for time, measurement in frames for event in counter.step(time, measurement)]
    return found + counter.finish(frames[-1][0] if frames else 0.0)


@dataclass(frozen=True, kw_only=True)
class Judged:
    """What a rule file makes of a clip. faults: rule id -> in how many repetitions (for how many seconds)."""

    reps: int
    faults: Mapping[str, float]
    not_counted: tuple[NotCounted, ...]

    @property
    def reasons(self) -> list[str]:
        """Why its form is called wrong: reminders that were active in at least half of the repetitions, or
        no_rep: movements were seen well, and none was a whole repetition."""
        if self.reps:
            return [rule for rule, number in self.faults.items() if 2 * number >= self.reps]
        seen = any({lack.kind for lack in one.lacks} - UNSEEN for one in self.not_counted)
        return ["no_rep"] if seen else []


def judge(exercise: Exercise, frames: Measured) -> Judged:
    """Counts and judges a clip."""
    counter, engine = RepCounter(exercise.counting), RuleEngine(exercise)
    not_counted: list[NotCounted] = []
    for time, measurement in frames:
        ended = counter.step(time, measurement)
        not_counted += counter.not_counted
        engine.step(time, measurement, counter.phase, ended)
    last = frames[-1][0] if frames else 0.0
    engine.finish(last, counter.finish(last))
    return Judged(
        reps=counter.count,
        faults={rule: n for rule, n in engine.fault_counts.items() if n},
        not_counted=(*not_counted, *counter.not_counted),
    )


@dataclass(frozen=True, kw_only=True)
class Counted:
    """One clip counted with its own rule file. turns_off: of each labelled turning point, seconds to the
    nearest counted one, later positive; None where nothing was counted."""

    clip: str
    exercise: str
    view: str
    expected: int
    counted: int
    turns_off: list[float | None]

    @property
    def off(self) -> int:
        return abs(self.counted - self.expected)


def count_clip(clip: Clip, exercise: Exercise, frames: Measured, *, slower: float = 1.0) -> Counted:
    """slower: the clip's times are this many times the labelled ones."""
    found = count(exercise, frames)
    turns = [event.turn / slower for event in found if isinstance(event, Rep)]
    return Counted(
        clip=clip.name,
        exercise=clip.exercise,
        view=clip.view,
        expected=clip.reps or 0,
        counted=len(found),
        turns_off=[_nearest(at, turns) for at in clip.turns],
    )


def _nearest(at: float, turns: Sequence[float]) -> float | None:
    return round(min(turns, key=lambda turn: abs(turn - at)) - at, 3) if turns else None


def false_reps(
    clips: Mapping[Clip, Measured], library: Mapping[str, Exercise]
) -> tuple[dict[str, float], dict[str, dict[str, int]]]:
    """What each rule file counts on clips of other exercises: a minute, and clip -> exercise -> number."""
    minutes = dict.fromkeys(library, 0.0)
    total = dict.fromkeys(library, 0)
    where: dict[str, dict[str, int]] = {}
    for clip, frames in clips.items():
        for name, exercise in library.items():
            if name == clip.exercise or not frames:
                continue
            found = len(count(exercise, frames))
            minutes[name] += (frames[-1][0] - frames[0][0]) / 60
            total[name] += found
            if found:
                where.setdefault(clip.name, {})[name] = found
    return {name: round(total[name] / minutes[name], 2) for name in library if minutes[name]}, where


def evaluate_counting(
    clips: Sequence[Clip],
    library: Mapping[str, Exercise],
    tracks: Tracks,
    *,
    robust: Source | None = None,
) -> dict[str, Any]:
    """Counts, prints the tables, and gives the figures. robust: what harder variants are made of, if wanted.

    Raises ClipsError when a clip's exercise is not in the library.
    """
    for clip in clips:
        if clip.exercise not in library:
            raise ClipsError(f"{clip.archive}: {clip.member}: no rule file for {clip.exercise!r}")
    frames = {clip: measured(tracks.get(clip)) for clip in clips}
    rows = [count_clip(clip, library[clip.exercise], frames[clip]) for clip in clips]
    print(f"{'clip':20} {'view':8} {'labelled':>8} {'counted':>8}   turning points, worst")
    for row in rows:
        known = [abs(off) for off in row.turns_off if off is not None]
        mark = "" if row.off == 0 else "within one" if row.off == 1 else "WRONG"
        worst = f"{max(known):.2f} s" if known else "-"
        print(f"{row.clip:20} {row.view:8} {row.expected:8} {row.counted:8}   {worst:8} {mark}".rstrip())
    turns = [off for row in rows for off in row.turns_off]
    near = [off for off in turns if off is not None and abs(off) <= NEAR]
    out: dict[str, Any] = {
        **_exact(rows),
        "turns": len(turns),
        "turns_near": len(near),
        "turn_error_median_s": round(median(abs(o) for o in turns if o is not None), 3) if near else None,
    }
    print(
        f"exact {out['exact']} of {len(rows)}, within one {out['within_one']}; "
        f"turning points within {NEAR} s: {len(near)} of {len(turns)}"
    )
    rates, where = false_reps(frames, library)
    out |= {"false_reps_per_minute": rates, "false_reps": where, "clips": [asdict(row) for row in rows]}
    print("\ncounted a minute on clips of other exercises")
    for name, rate in sorted(rates.items(), key=lambda item: -item[1]):
        clips_of_it = ", ".join(f"{clip} {found[name]}" for clip, found in where.items() if name in found)
        mark = "TOO MANY" if rate > FALSE_PER_MINUTE else ""
        print(f"{name:16} {rate:5.2f}  {mark:8} {clips_of_it}".rstrip())
    if robust:
        out["robust"] = _evaluate_robust(clips, library, tracks, robust)
    return out


def _exact(rows: Sequence[Counted]) -> dict[str, int]:
    return {
        "clips_counted": len(rows),
        "exact": sum(row.off == 0 for row in rows),
        "within_one": sum(row.off <= 1 for row in rows),
    }


def _evaluate_robust(
    clips: Sequence[Clip], library: Mapping[str, Exercise], tracks: Tracks, made_of: Source
) -> dict[str, Any]:
    print(f"\nharder, made of the {made_of}{'':8} exact  within one")
    out: dict[str, Any] = {}
    for variant in VARIANTS:
        rows = []
        for seed, clip in enumerate(clips):
            from_pictures = variant == "240 lines" or (variant in FROM_POSES and made_of == "pictures")
            recording = (
                tracks.get(clip, variant) if from_pictures else changed_poses(tracks.get(clip), variant, seed)
            )
            rows.append(
                count_clip(
                    clip, library[clip.exercise], measured(recording), slower=_SLOWER.get(variant, 1.0)
                )
            )
        off = {row.clip: row.counted - row.expected for row in rows if row.off}
        out[variant] = {**_exact(rows), "off": off}
        missed = ", ".join(f"{name} {n:+d}" for name, n in off.items())
        print(f"{variant:30} {out[variant]['exact']:5} {out[variant]['within_one']:11}   {missed}")
    return out


# ---------------------------------------------------------------------------------------- form


def evaluate_form(clips: Sequence[Clip], exercise: Exercise, tracks: Tracks) -> dict[str, Any]:
    """Tells clips of wrong form from those of right form by the rule file, prints and gives the figures.

    A clip is called wrong for the reasons of Judged. Where too little is seen, none is called wrong.
    """
    verdicts: list[tuple[bool, bool]] = []
    fired: dict[str, Counter[str]] = {"correct": Counter(), "wrong": Counter()}
    rows = []
    for clip in clips:
        judged = judge(exercise, measured(tracks.get(clip)))
        reasons = judged.reasons
        verdicts.append((bool(clip.wrong), bool(reasons)))
        fired["wrong" if clip.wrong else "correct"].update(reasons)
        rows.append({"clip": clip.name, "wrong": clip.wrong, "reps": judged.reps, "reasons": reasons})
    confusion = Counter(verdicts)
    right = [truth == said for truth, said in verdicts]
    accuracy = sum(right) / len(right)
    print(f"\n{exercise.id} form: told right {sum(right)} of {len(right)} ({100 * accuracy:.1f} %)")
    print(f"{'':16} {'said right':>11} {'said wrong':>11}")
    for truth in (False, True):
        name = "is wrong" if truth else "is right"
        print(f"{name:16} {confusion[truth, False]:11} {confusion[truth, True]:11}")
    print(f"\n{'said because of':16} {'is right':>11} {'is wrong':>11}")
    for rule in sorted(fired["correct"] | fired["wrong"]):
        print(f"{rule:16} {fired['correct'][rule]:11} {fired['wrong'][rule]:11}")
    return {
        "accuracy": round(accuracy, 4),
        "confusion": {
            f"{'wrong' if truth else 'right'} said {'wrong' if said else 'right'}": n
            for (truth, said), n in sorted(confusion.items())
        },
        "fired": {name: dict(counter) for name, counter in fired.items()},
        "clips": rows,
    }


# ---------------------------------------------------------------------------------------- the command


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `python main.py evaluate` that measure counting and form."""
    group = parser.add_argument_group("counting and form, on real clips")
    group.add_argument("--counting", type=Path, metavar="ZIP", help="clips with their repetitions labelled")
    group.add_argument("--form", type=Path, metavar="ZIP", help="push-ups in the folders correct/ and wrong/")
    group.add_argument(
        "--robust",
        nargs="?",
        choices=get_args(Source),
        const="poses",
        help="also count the clips mirrored, slower, faster, and so on: changed in the recorded poses "
        "(quick), or in the pictures",
    )
    group.add_argument(
        "--tracks",
        type=Path,
        metavar="FOLDER",
        help="keep the clips' poses here, NAME.poses.gz (default: in the user's cache)",
    )


def _code() -> str:
    """Of the code between a frame and its pose: what other code saw is seen anew."""
    modules = ("bones", "crop", "decode", "estimator", "lifter", "smoothing", "world")
    sources = b"".join((Path(__file__).parents[1] / f"{name}.py").read_bytes() for name in modules)
    return hashlib.sha256(sources).hexdigest()[:12]


def run(arguments: argparse.Namespace) -> int:
    """Measures counting and form as the arguments ask. Raises FormcueError."""
    if arguments.out:
        check_writable(arguments.out)
    weights = load_weights(arguments.weights)
    model = {"name": weights.name, "sha256": weights.sha256}
    seen_by = f"{weights.sha256[:12]}-{load_weights('auto', 'lifter').sha256[:12]}-{_code()}"
    cache = Path(platformdirs.user_cache_dir("formcue", appauthor=False)) / "tracks" / seen_by
    tracks = Tracks(arguments.tracks or cache, model, lambda: load_estimator(arguments)[0])
    library = load_library()
    figures: dict[str, Any] = {"schema": SCHEMA, "model": model}
    if arguments.counting:
        clips = read_counted(arguments.counting)
        figures["counting"] = evaluate_counting(clips, library, tracks, robust=arguments.robust)
    if arguments.form:
        clips = read_form(arguments.form, FORM_EXERCISE)
        figures["form"] = evaluate_form(clips, library[FORM_EXERCISE], tracks)
    if arguments.out:
        write_json(arguments.out, figures)
    return EXIT_DONE
