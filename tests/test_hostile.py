"""Files of strangers: nothing in them is run, no name in them leads elsewhere, none takes memory at will."""

from __future__ import annotations

import ast
import gzip
import json
import pickle
import struct
import subprocess
import sys
import zipfile
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

import app.capture
import app.recording
from app.capture import open_source
from app.errors import FormcueError, SourceError
from app.history import FILE, History
from app.journal import journal_path
from app.memory import peak_mb
from app.planfile import free_id
from app.plans import plan_from_json
from app.recording import RecordingError, load_recording
from app.torch_runtime import network_of
from app.training.archives import BROKEN, inside, open_arrays, open_zip, plain_name
from app.training.config import TrainingError
from app.training.counting import Clip
from app.training.datasets import DataSetError
from app.training.labelling import unlabelled_pictures
from app.training.readers import read_coco
from app.training.sets import load_sets
from app.training.sheets import unpacked
from app.weights import WeightsError, load_weights
from tests.conftest import REPOSITORY
from tests.test_disk import workout
from tests.test_weights import packed
from tests.training.runs import tiny_run

SOURCES = [*sorted((REPOSITORY / "app").rglob("*.py")), REPOSITORY / "main.py"]
MEGABYTE = 1 << 20


class Bomb:
    """What a pickle would run."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.trace,)


# -- nothing is run -----------------------------------------------------------------------------------


FORBIDDEN = {"pickle", "cPickle", "dill", "marshal", "shelve", "joblib", "cloudpickle", "jsonpickle"}
# What is called -> what must stand in its arguments; None: it must not be called.
ONLY_WITH = {
    "eval": None,
    "exec": None,
    "compile": None,
    "__import__": None,
    "torch.load": "weights_only=True",
    "np.load": "allow_pickle=False",
    "yaml.load": "Loader=_LOADER",  # of app/ui/words.py: the fast safe one, for files of ours
}


def offences(path: Path) -> list[str]:
    text = path.read_text(encoding="utf-8")
    if not any(word in text for word in (*FORBIDDEN, *ONLY_WITH)):
        return []
    out = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            named = [alias.name for alias in node.names] + [getattr(node, "module", "") or ""]
            out += [f"{path}: imports {name}" for name in named if name.split(".")[0] in FORBIDDEN]
        if isinstance(node, ast.Call) and (name := ast.unparse(node.func)) in ONLY_WITH:
            needed = ONLY_WITH[name]
            if needed is None or needed not in ast.unparse(node):
                out.append(f"{path}:{node.lineno}: {ast.unparse(node)[:80]}")
    return out


def test_nothing_that_can_run_code_reads_a_file(tmp_path: Path) -> None:
    assert [offence for path in SOURCES for offence in offences(path)] == []
    bad = tmp_path / "bad.py"
    bad.write_text("import pickle\nfrom marshal import loads\nnp.load(x)\nyaml.load(y, Loader)\neval(z)\n")
    assert len(offences(bad)) == 5


def test_a_checkpoint_that_is_a_pickle_is_refused_and_not_run(tmp_path: Path) -> None:
    run = tiny_run(tmp_path)
    for write in (
        lambda: run.checkpoint.write_bytes(pickle.dumps(Bomb(tmp_path / "ran"), protocol=2)),
        lambda: torch.save({"network": Bomb(tmp_path / "ran")}, run.checkpoint),
    ):
        write()
        with pytest.raises(TrainingError, match="is damaged"):
            run.load()
    assert not (tmp_path / "ran").exists()


def test_weights_and_sets_that_are_pickles_are_refused_and_not_run(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    path.write_bytes(pickle.dumps(Bomb(tmp_path / "ran"), protocol=2))
    with pytest.raises(WeightsError):
        load_weights(str(path))
    objects = np.array([Bomb(tmp_path / "ran")], dtype=object)
    np.savez(tmp_path / "a.npz", jpeg=objects, offset=objects, xy=objects)
    with pytest.raises(DataSetError, match="objects"):
        load_sets("packed", [str(tmp_path / "a.npz")], validation=False)
    assert not (tmp_path / "ran").exists()


# -- no name leads elsewhere --------------------------------------------------------------------------

ESCAPES = (
    "../evil.mp4",
    "a/../../evil.mp4",
    "/tmp/evil.mp4",
    "..\\evil.mp4",
    "C:\\evil.mp4",
    "a\0.mp4",
    "..",
)


@pytest.mark.parametrize("name", ESCAPES)
def test_a_name_in_an_archive_becomes_a_plain_one(name: str, tmp_path: Path) -> None:
    plain = plain_name(name)
    assert (tmp_path / plain).resolve().parent == tmp_path.resolve()
    assert not set('/\\:"<>|?*\0') & set(plain) and not plain.startswith(".")
    clip = Clip(archive=tmp_path, member=name, exercise="squat")
    assert (tmp_path / f"{clip.name}.poses.gz").resolve().parent == tmp_path.resolve()
    if "\0" not in name:
        with pytest.raises(ValueError, match="leads out"):
            inside(tmp_path, name)


def zipped(path: Path, **members: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def test_clips_of_a_zip_are_unpacked_into_their_own_folder(tmp_path: Path) -> None:
    path = zipped(tmp_path / "clips.zip", **dict.fromkeys(("../../evil.mp4", "/evil.mp4", "a/b.mp4"), b"x"))
    scratch = tmp_path / "deep" / "scratch"
    scratch.mkdir(parents=True)
    videos = unpacked([path], scratch)
    assert {video.name for video in videos} == {"evil.mp4", "b.mp4"}
    with pytest.raises(SourceError):
        list(unlabelled_pictures([path], 1, scratch))
    outside = {p for p in tmp_path.rglob("*") if p.is_file() and scratch not in p.parents}
    assert outside == {path}


def test_labels_name_no_picture_outside_of_their_set(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    secret = tmp_path / "secret.png"
    secret.write_bytes(cv2.imencode(".png", np.zeros((200, 200, 3), np.uint8))[1].tobytes())
    folder = tmp_path / "coco" / "annotations"
    folder.mkdir(parents=True)
    points = [value for k in range(17) for value in (10.0 + 9 * k, 10.0 + 8 * k, 2)]
    people = [{"id": number, "image_id": number, "keypoints": points} for number in (1, 2)]
    document = {
        "images": [{"id": 1, "file_name": "../../secret.png"}, {"id": 2, "file_name": str(secret)}],
        "annotations": people,
    }
    (folder / "person_keypoints_train2017.json").write_text(json.dumps(document))
    with pytest.raises(DataSetError, match="none of its 2 pictures"):
        list(read_coco(folder / "person_keypoints_train2017.json"))
    assert caplog.text.count("leads out of") == 2


def test_ids_name_no_file_outside_of_their_folder(tmp_path: Path) -> None:
    home = tmp_path / "home"
    victim = tmp_path / "victim.journal"
    victim.write_text("somebody's")
    for id in ("../victim", "/etc/passwd", "a/b", "..", "", "a\\b", "C:x"):
        with pytest.raises(ValueError, match="no id"):
            journal_path(home, id)
    with History(home / FILE) as history:  # a made-up file may have such an id in it
        history.add(workout("../victim"), history.profile("Anna"))
        history.hide(["../victim"])
        history.purge()
    assert victim.exists()
    assert free_id("../../Evil: name", []) == "evil_name"


# -- no memory at will --------------------------------------------------------------------------------


def test_a_zip_that_unpacks_to_far_too_much_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.training.archives.FREE_BYTES", MEGABYTE)
    path = zipped(tmp_path / "bomb.zip", **{"annotations.json": bytes(8 * MEGABYTE), "a.png": b""})
    for read in (
        lambda: load_sets("lsp", [str(path)], validation=False),
        lambda: load_sets("pictures", [str(path)], validation=False),
        lambda: load_sets("packed", [str(path)], validation=False),
    ):
        with pytest.raises(FormcueError, match="far more than such a file should"):
            read()
    with pytest.raises(BROKEN):
        open_zip(path)


def test_so_are_the_backgrounds_of_rendered_bodies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("scipy", reason="rendering needs scipy: pip install -e '.[train]'")
    from app.training.places import Backgrounds

    monkeypatch.setattr("app.training.archives.FREE_BYTES", MEGABYTE)
    path = zipped(tmp_path / "bomb.zip", **{"a.png": bytes(8 * MEGABYTE)})
    with pytest.raises(FormcueError, match="far more than such a file should"):
        Backgrounds(path)


def test_an_array_is_no_larger_than_its_data(tmp_path: Path) -> None:
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000,), }".ljust(117) + b"\n"
    path = zipped(tmp_path / "a.npz", **{"xy.npy": b"\x93NUMPY\x01\x00" + struct.pack("<H", 118) + header})
    with pytest.raises(ValueError, match="is more than its"):
        open_arrays(path)
    with pytest.raises(DataSetError, match="is more than its"):
        load_sets("packed", [str(path)], validation=False)


@pytest.mark.parametrize(
    "size",
    [
        {"input_size": 10**9},
        {"input_size": True},
        {"wide": 10**6},
        {"narrow": -1},
        {"joints": "many"},
        {"encoder_width": 1e9},
        {"encoder_width": float("nan")},
        {"architecture": "hourglass", "stacks": 10**9},
    ],
)
def test_a_network_of_any_size_is_not_built(tmp_path: Path, size: dict[str, object]) -> None:
    path = tmp_path / "a.safetensors"
    path.write_bytes(packed({"kind": "pose", **size}))
    with pytest.raises(WeightsError, match="its configuration has"):
        load_weights(str(path))


def test_the_largest_network_that_may_be_asked_for_takes_no_memory_before_its_weights_fit(
    tmp_path: Path,
) -> None:
    resource = pytest.importorskip("resource")
    path = tmp_path / "a.safetensors"
    largest = {"kind": "pose", "architecture": "hourglass", "width": 4096, "stacks": 4}
    path.write_bytes(packed(largest))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(WeightsError, match="do not fit"):
        network_of(load_weights(str(path)))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300 * 1024  # it would be 30 GB


def test_a_recording_is_bounded_however_well_it_packs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    header = {
        "format": "formcue poses", "version": 1, "source": "", "width": 9, "height": 9, "fps": 25.0,
        "frames": 500_000, "joints": list(app.recording.JOINT_NAMES), "model": None,
    }  # fmt: skip
    frame = b'{"t":0,' + b" " * 30_000 + b'"pose":null}\n'
    path = tmp_path / "bomb.poses.gz"
    path.write_bytes(gzip.compress(json.dumps(header).encode() + b"\n" + frame * 600))
    assert path.stat().st_size < 100_000
    monkeypatch.setattr(app.recording, "MAX_BYTES", 8 * MEGABYTE)
    with pytest.raises(RecordingError, match="unpacks to more than 8 MB"):
        load_recording(path)


def test_a_photograph_of_a_thousand_million_pixels_is_refused(tmp_path: Path) -> None:
    def chunk(kind: bytes, data: bytes) -> bytes:
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    head = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)
    rows = zlib.compress(bytes(90_001) * 20)
    path = tmp_path / "huge.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b""))
    if peak_mb() is None:
        pytest.skip("this system does not tell how much memory a process took")
    script = (
        "import sys; from pathlib import Path; from app.estimate import ImageError, read_image\n"
        "from app.memory import peak_mb\n"
        "try: read_image(Path(sys.argv[1]))\n"
        "except ImageError as error: print(error, round(peak_mb()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(path)], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    assert "not an image that can be read" in done.stdout
    assert int(done.stdout.split()[-1]) < 700  # megabytes; the picture would have 2,600


def test_a_video_of_any_size_is_not_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.mp4"
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*"mp4v"), 25.0, (320, 240))
    for _ in range(3):
        writer.write(np.zeros((240, 320, 3), np.uint8))
    writer.release()
    monkeypatch.setattr(app.capture, "LARGEST_PICTURE", 320 * 240 - 1)
    with pytest.raises(SourceError, match="320 x 240, larger than 8K"):
        open_source(str(path))


def test_a_plan_of_a_thousand_million_sets_is_not_laid_out() -> None:
    exercise = {"exercise": "squat", "reps": 1, "seconds": None, "tempo": None}
    step = {"exercises": [exercise], "rest": 0, "between": 0}
    for sets in ([10**9], [-(10**9), 10**9]):
        plan = {"id": "a", "names": {}, "about": {}, "steps": [{**step, "sets": n} for n in sets]}
        with pytest.raises(ValueError, match="more than 200 sets"):
            plan_from_json(plan)
