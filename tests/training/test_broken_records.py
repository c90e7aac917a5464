"""What is broken in a data set: pictures are told once and passed over, records end the reading with a line
that names them."""

from __future__ import annotations

import json
import logging
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from app.training.config import SetConfig, TrainingError, config_of
from app.training.datasets import DataSetError
from app.training.places import Backgrounds
from app.training.readers import read_coco, read_lsp_set, read_mpii
from app.training.sets import load_sets, write_packed
from app.training.tasks import make_network, make_task
from app.training.train import read_set, train
from main import main
from tests.training.runs import dotted_picture, packed_set, run_values
from tests.training.test_readers import (
    coco_person,
    mpii_release,
    published_lsp,
    scattered,
    write_coco,
    write_picture,
)

NAN = float("nan")


def spoilt(path: Path, *numbers: int) -> Path:
    """A packed set of six, of whose pictures these are zeros in place of a file."""
    packed_set(path, 6)
    with np.load(path) as file:
        arrays = dict(file)
    for number in numbers:
        arrays["jpeg"][arrays["offset"][number] : arrays["offset"][number + 1]] = 0
    np.savez(path, **arrays)
    return path


# ---------------------------------------------------------------------------------------- pictures


def test_a_run_goes_on_past_a_broken_validation_picture(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    held_out = spoilt(tmp_path / "held-out.npz", 0, 4)  # the samples show them, too
    entry = {"kind": "packed", "files": [str(held_out)]}
    train(config_of(run_values(tmp_path, validate_every=4, validation=entry), "test"), resume=False)
    told = "".join(capsys.readouterr())
    for name in ("held-out.npz#0", "held-out.npz#4"):
        assert told.count(f"skipped: {name}: not a readable picture") == 1
    run = tmp_path / "run"
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert [row["pictures"] for row in rows if "pck" in row] == [4, 8]
    assert (run / "checkpoint.pt").exists()
    sheet = cv2.imread(str(run / "samples" / "000000008.jpg"))
    assert sheet is not None and sheet.shape == (64, 4 * 64, 3)  # the other four


@pytest.mark.parametrize("keys", [{}, {"network": "finder", "model": {}}])
def test_figures_are_those_of_the_readable_pictures(tmp_path: Path, keys: dict[str, Any]) -> None:
    config = config_of(run_values(tmp_path, **keys), "test")
    whole, broken = (
        read_set(SetConfig(kind="packed", files=[str(path)]), validation=False)
        for path in (tmp_path / "dots.npz", spoilt(tmp_path / "broken.npz", 2))
    )
    task, network = make_task(config, [(whole, 1.0)]), make_network(config).eval()
    assert task.validate(network, broken) == task.validate(network, whole[:2] + whole[3:])
    assert len(task.show(network, broken)) == 5
    assert task.validate(network, broken[2:3]) == {}
    assert task.show(network, broken[2:3]) == []


def test_a_base_is_fitted_to_the_readable_pictures(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The base is no base, which is told only after pictures were drawn for it."""
    spoilt(tmp_path / "dots.npz", 0)
    np.savez(tmp_path / "base.npz", nothing=np.zeros(1))
    values = run_values(tmp_path, base=str(tmp_path / "base.npz"))
    with pytest.raises(TrainingError, match=r"base\.npz: not this network's base"):
        train(config_of(values, "test"), resume=False)
    assert "skipped: dots.npz#0: not a readable picture" in "".join(capsys.readouterr())


def test_a_base_of_none_but_broken_pictures_is_refused(tmp_path: Path) -> None:
    spoilt(tmp_path / "dots.npz", *range(6))
    np.savez(tmp_path / "base.npz", nothing=np.zeros(1))
    values = run_values(tmp_path, base=str(tmp_path / "base.npz"))
    with pytest.raises(DataSetError, match=r"dots\.npz#\d: not a readable picture"):
        train(config_of(values, "test"), resume=False)


@pytest.mark.parametrize("packed", [True, False])
def test_a_broken_background_is_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, packed: bool
) -> None:
    files = {"empty.png": b"", "text.jpg": b"no picture"}
    if packed:
        path = tmp_path / "backgrounds.zip"
        with zipfile.ZipFile(path, "w") as archive:
            for name, data in files.items():
                archive.writestr(name, data)
    else:
        path = tmp_path
        for name, data in files.items():
            (path / name).write_bytes(data)
    backgrounds, rng = Backgrounds(path), np.random.default_rng(0)
    with caplog.at_level(logging.WARNING):
        drawn = [backgrounds.draw(32, rng) for _ in range(40)]
    assert {picture.shape for picture in drawn} == {(32, 32, 3)}
    for name in files:
        assert caplog.text.count(f"{path}: {name}: not a readable picture") == 1


# ---------------------------------------------------------------------------------------- records


@pytest.mark.parametrize(
    ("annotations", "told"),
    [
        (["nobody"], r"annotations\[0\]: expected keys and values, found 'nobody'"),
        ([None], r"annotations\[0\]: expected keys and values, found None"),
        ({"1": {}}, r"not a COCO keypoints file \(annotations is no list\)"),
        ([{"id": 5}], r"annotation 5: expected image_id to be the id of one of images, found none"),
        ([{"id": 5, "image_id": "7"}], r"annotation 5: expected image_id to be .*, found '7'"),
        ([{"id": 5, "image_id": [7]}], r"annotation 5: expected image_id to be .*, found \[7\]"),
        ([{"id": 5, "image_id": 7}], r"annotation 5: expected 17 x 3 keypoints \('keypoints'\)"),
    ],
)
def test_a_coco_annotation_that_is_none_is_named(tmp_path: Path, annotations: Any, told: str) -> None:
    good = coco_person(1, scattered(17), [2] * 17)
    file = write_coco(tmp_path, [good])
    document = json.loads(file.read_text())
    document["annotations"] = [*annotations, good] if isinstance(annotations, list) else annotations
    file.write_text(json.dumps(document))
    with pytest.raises(DataSetError, match=rf"person_keypoints_train2017\.json: {told}"):
        list(read_coco(file))


def test_coco_ids_may_be_numbers_and_texts(tmp_path: Path) -> None:
    points = scattered(17)
    people = [{**coco_person(n, points, [2] * 17), "image_id": key} for n, key in enumerate((9, "a", 7, "a"))]
    file = write_coco(tmp_path, [])
    images = [{"id": key, "file_name": f"{key}.jpg"} for key in (9, 7, "a")]
    file.write_text(json.dumps({"images": images, "annotations": people}))
    for key in (7, 9, "a"):
        write_picture(tmp_path / "train2017" / f"{key}.jpg", points)
    assert [picture.name for picture in read_coco(file)] == ["7.jpg#2", "9.jpg#0", "a.jpg#1", "a.jpg#3"]


@pytest.mark.parametrize(
    ("place", "value"), [((0, 0), NAN), ((16, 1), float("inf")), ((3, 0), 1e40), ((2, 2), NAN)]
)
def test_a_coco_person_that_is_no_number_is_named(
    tmp_path: Path, place: tuple[int, int], value: float
) -> None:
    labels = np.column_stack((scattered(17), [2.0] * 17))
    labels[place] = value
    row = {**coco_person(3, labels[:, :2], [2] * 17), "keypoints": labels.ravel().tolist()}
    file = write_coco(tmp_path, [row])
    write_picture(tmp_path / "train2017" / "000000000007.jpg", scattered(17))
    with pytest.raises(
        DataSetError, match=r"annotation 3: expected 17 x 3 keypoints \(.* finite numbers, found"
    ):
        list(read_coco(file))
    row["keypoints"][0] = 10**400
    file = write_coco(tmp_path, [row])
    with pytest.raises(DataSetError, match=r"annotation 3: expected 17 x 3 keypoints \(int too large"):
        list(read_coco(file))


def test_where_no_label_is_the_position_means_nothing(tmp_path: Path) -> None:
    points = scattered(17)
    write_picture(tmp_path / "train2017" / "000000000007.jpg", points)
    points[9] = NAN
    (picture,) = read_coco(write_coco(tmp_path, [coco_person(1, points, [2] * 9 + [0] + [2] * 7)]))
    assert np.isfinite(picture.xy).all() and picture.xy_weight.sum() == 12


@pytest.mark.parametrize(("key", "place"), [("joints", 5), ("joints_vis", 2)])
def test_a_broken_number_of_mpii_s_conversion_is_named(tmp_path: Path, key: str, place: int) -> None:
    row: dict[str, Any] = {"image": "a.jpg", "joints": scattered(16).tolist(), "joints_vis": [1.0] * 16}
    row[key][place] = [NAN, 3] if key == "joints" else NAN
    file = tmp_path / "train.json"
    file.write_text(json.dumps([row]))
    with pytest.raises(DataSetError, match=r"train\.json: record 0: expected .*finite numbers, found nan"):
        list(read_mpii(file))


def _shorter(release: Any) -> None:
    release["img_train"][0, 0] = np.ones((1, 2), np.uint8)


def _point(release: Any, **values: Any) -> None:
    person = release["annolist"][0, 0][0, 1]["annorect"][0, 0]
    point = person["annopoints"][0, 0]["point"][0, 4]
    for name, value in values.items():
        point[name] = value


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (_shorter, "annolist has 3 pictures and img_train 2"),
        (
            lambda release: _point(release, x=NAN),
            r"annolist\(2\): positions: expected finite numbers, found nan",
        ),
        (lambda release: _point(release, id=-1), r"annolist\(2\): expected id to be 0 to 15, found -1"),
        (lambda release: _point(release, id=16), r"annolist\(2\): "),
        (lambda release: _point(release, id=float("inf")), r"annolist\(2\): "),
    ],
)
def test_what_is_broken_in_mpii_s_own_file_is_named(
    tmp_path: Path, spoil: Callable[[Any], None], told: str
) -> None:
    savemat = pytest.importorskip("scipy.io", reason="MATLAB files need scipy").savemat
    points = scattered(16)
    values = mpii_release([(f"{n}.jpg", [points]) for n in range(3)], [1, 1, 1])
    spoil(values["RELEASE"])
    for number in range(3):
        write_picture(tmp_path / "images" / f"{number}.jpg", points)
    file = tmp_path / "mpii_human_pose_v1_u12_1.mat"
    savemat(file, values)
    with pytest.raises(DataSetError, match=rf"mpii_human_pose_v1_u12_1\.mat: {told}"):
        list(read_mpii(file))


def lsp_zip(path: Path, joints: np.ndarray) -> Path:
    picture = cv2.imencode(".png", np.zeros((48, 64, 3), np.uint8))[1].tobytes()
    records = [{"file": "im00001.jpg", "joints": joints.tolist()}]
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("annotations.json", json.dumps(records))
        archive.writestr("im00001.jpg", picture)
    return path


@pytest.mark.parametrize("value", [NAN, float("-inf")])
def test_a_position_of_an_lsp_archive_that_is_no_number_is_named(tmp_path: Path, value: float) -> None:
    joints = np.ones((14, 3))
    assert len(list(read_lsp_set(lsp_zip(tmp_path / "good.zip", joints)))) == 1
    joints[4, 1] = value
    with pytest.raises(DataSetError, match=r"bad\.zip: record 0: .*not finite"):
        list(read_lsp_set(lsp_zip(tmp_path / "bad.zip", joints)))


@pytest.mark.parametrize("extended", [False, True])
def test_a_position_of_published_lsp_that_is_no_number_is_named(tmp_path: Path, extended: bool) -> None:
    published_lsp(tmp_path, extended, (0, 0))  # of LSPET without a label, of LSP a hidden joint
    if extended:
        pictures = list(read_lsp_set(tmp_path))
        assert [float(picture.xy_weight.sum()) for picture in pictures] == [13, 13]
        assert np.isfinite(pictures[1].xy).all()
        published_lsp(tmp_path, extended, (5, 2))
    name = r"im00002\.jpg" if extended else r"im0002\.jpg"
    with pytest.raises(DataSetError, match=rf"joints\.mat: record 2 \({name}\): .*finite numbers, found nan"):
        list(read_lsp_set(tmp_path))
    savemat = pytest.importorskip("scipy.io", reason="MATLAB files need scipy").savemat
    savemat(tmp_path / "joints.mat", {"joints": "text"})
    with pytest.raises(DataSetError, match=r"joints\.mat: joints: expected numbers"):
        list(read_lsp_set(tmp_path))


@pytest.mark.parametrize("name", ["xy", "weight", "depth", "depth_weight"])
def test_a_run_refuses_a_packed_label_that_is_no_number(tmp_path: Path, name: str) -> None:
    """At weight 0, too: nothing times NaN is NaN."""
    path = packed_set(tmp_path / "dots.npz", 3)
    with np.load(path) as file:
        arrays = dict(file)
    for weight in ("weight", "depth_weight"):
        arrays[weight][1, 7] = 0
    arrays[name][1, 7] = NAN
    np.savez(path, **arrays)
    with pytest.raises(
        DataSetError, match=r"packed: dots\.npz#1: .*expected finite numbers, found nan; mend"
    ):
        train(config_of(run_values(tmp_path), "test"), resume=False)


def test_a_file_nested_too_deeply_is_named(tmp_path: Path) -> None:
    file = tmp_path / "train.json"
    file.write_text("[" * 100_000)
    with pytest.raises(DataSetError, match=r"train\.json: cannot be read as JSON"):
        list(read_mpii(file))


@pytest.mark.parametrize("keys", [{"batches": "mixed"}, {"stage": "pretrain"}, {}])
def test_sets_without_a_picture_are_told_before_anything_begins(tmp_path: Path, keys: dict[str, Any]) -> None:
    empty = tmp_path / "empty.npz"
    write_packed(empty, [dotted_picture(0)], [True])  # all of it is held out
    values = run_values(tmp_path, out=str(tmp_path / "run"), **keys)
    values["sets"] = [{"kind": "packed", "files": [str(empty)], "share": 1}]
    with pytest.raises(TrainingError, match=r"no pictures to train on in .*empty\.npz"):
        train(config_of(values, "run"), resume=False)
    assert not list((tmp_path / "run").glob("*.*"))


def test_more_loaders_than_a_machine_bears_are_refused(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"loaders: 100000 processes for \d+ cores; \d+ at most"):
        train(config_of(run_values(tmp_path, loaders=100_000), "run"), resume=False)


def test_packing_leaves_out_what_cannot_be_read(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    source, target = spoilt(tmp_path / "six.npz", 1), tmp_path / "packed.npz"
    assert main(["pack", "packed", str(source), "--out", str(target)]) == 0
    assert "six.npz#1: not a readable picture; skipped" in caplog.text
    with np.load(target) as file:
        assert len(file["xy"]) == 5


def test_a_packed_set_may_be_a_folder_and_a_missing_one_is_called_missing(tmp_path: Path) -> None:
    (tmp_path / "sets").mkdir()
    for name in ("a", "b"):
        packed_set(tmp_path / "sets" / f"{name}.npz", 2)
    assert len(load_sets("packed", [str(tmp_path / "sets")], validation=False)) == 4
    with pytest.raises(DataSetError, match=r"gone\.npz: there is no such file"):
        load_sets("packed", [str(tmp_path / "gone.npz")], validation=False)
    with pytest.raises(DataSetError, match=r"no \.npz files in it"):
        load_sets("packed", [str(tmp_path)], validation=False)
    np.savez(tmp_path / "other.npz", jpeg=np.zeros(3, np.uint8))
    with pytest.raises(DataSetError, match="it lacks depth, depth_weight, offset, weight, xy"):
        load_sets("packed", [str(tmp_path / "other.npz")], validation=False)


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"seed": -1}, "seed: must not be negative, found -1"),
        ({"rate": float("nan")}, "rate: expected a finite number, found nan"),
        ({"lambda_g": float("inf")}, "lambda_g: expected a finite number"),
        ({"average": 2}, "average: expected 0 to below 1"),
        ({"augmentation": {"rotation": -5}}, "augmentation: rotation: must not be negative"),
        ({"augmentation": {"scale": [1.4, 1.05]}}, "augmentation: scale: expected the smaller one first"),
        ({"augmentation": {"blur": float("nan")}}, "augmentation: blur: expected a finite number"),
        ({"sets": [{"kind": "lsp", "files": ["a"], "share": 0}]}, "sets: lsp: share: must be above 0"),
        ({"sets": [{"kind": "lsp", "files": ["a"], "share": float("nan")}]}, "sets: lsp: share: expected a"),
        ({"sets": [{"kind": "lps", "files": ["a"]}]}, "sets: kind: .*lsp"),
        ({"sets": [{"kind": "lsp", "files": ["a"], "limit": 0}]}, "sets: lsp: limit: must be at least 1"),
    ],
)
def test_numbers_that_make_no_sense_are_refused_at_once(
    tmp_path: Path, keys: dict[str, Any], said: str
) -> None:
    with pytest.raises(TrainingError, match=f"run.yaml: {said}"):
        config_of(run_values(tmp_path, **keys), "run.yaml")


def test_a_run_that_finds_nothing_leaves_no_folder_and_one_without_a_place_says_so(tmp_path: Path) -> None:
    out = tmp_path / "run"
    values = run_values(
        tmp_path, out=str(out), sets=[{"kind": "packed", "files": [str(tmp_path / "gone.npz")]}]
    )
    with pytest.raises(DataSetError, match=r"gone\.npz: there is no such file"):
        train(config_of(values, "run"), resume=False)
    assert not out.exists()
    out.write_text("in the way")
    with pytest.raises(TrainingError, match=r"out: .*run: no folder can be made there"):
        train(config_of(run_values(tmp_path, out=str(out)), "run"), resume=False)


def test_a_run_says_what_it_learns_from_and_where_its_weights_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train(config_of(run_values(tmp_path), "run"), resume=False)
    said = capsys.readouterr().out
    assert "dots.npz, 2D labels only: 6 pictures, share 1" in said
    assert "weights.safetensors: trained on 8 pictures; `export` puts it into the catalogue" in said


def test_a_run_is_not_gone_on_with_as_another_network_or_from_a_damaged_checkpoint(tmp_path: Path) -> None:
    train(config_of(run_values(tmp_path), "run"), resume=False)
    other = run_values(tmp_path, model={"encoder_width": 0.25, "narrow": 16, "wide": 8})
    with pytest.raises(TrainingError, match=r"model was .*'narrow': 8.*, now .*'narrow': 16.*; name another"):
        train(config_of(other, "run"), resume=True)
    checkpoint = tmp_path / "run" / "checkpoint.pt"
    checkpoint.write_bytes(checkpoint.read_bytes()[:5000])
    with pytest.raises(TrainingError, match="is damaged and cannot be gone on from") as caught:
        train(config_of(run_values(tmp_path), "run"), resume=True)
    assert len(str(caught.value)) < 300 + len(str(checkpoint))
