from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

import app.estimate
from app.estimate import ImageError, read_image
from app.skeleton import JOINT_NAMES, Pose
from main import main
from tests.poses import pose_of, standing_figure

MODEL = {"name": "made up", "sha256": "0" * 64, "device": "cpu", "runtime": "none"}


class Seer:
    """Stands in for the estimator: sees a person in wide images, nobody in others."""

    def estimate_still(self, image: np.ndarray) -> Pose | None:
        assert image.dtype == np.uint8
        return pose_of(standing_figure(), 0.0) if image.shape[1] > image.shape[0] else None


@pytest.fixture(autouse=True)
def seer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app.estimate, "load_estimator", lambda args: (Seer(), MODEL))


def image_file(path: Path, width: int = 64, height: int = 48) -> Path:
    noise = np.random.default_rng(3).integers(0, 255, (height, width, 3), np.uint8)
    assert cv2.imwrite(str(path), noise)
    return path


def test_images_give_joints_or_null_in_order(tmp_path: Path) -> None:
    wide, tall = image_file(tmp_path / "wide.jpg"), image_file(tmp_path / "tall.png", 48, 64)
    out = tmp_path / "out.json"
    assert main(["estimate", str(wide), str(tall), "--out", str(out)]) == 0
    found = json.loads(out.read_text(encoding="utf-8"))
    assert list(found) == ["schema", "model", "images"]
    assert (found["schema"], found["model"]) == (1, MODEL)
    assert [list(image) for image in found["images"]] == [["path", "width", "height", "joints"]] * 2
    assert [image["path"] for image in found["images"]] == [str(wide), str(tall)]
    assert [(image["width"], image["height"]) for image in found["images"]] == [(64, 48), (48, 64)]
    assert list(found["images"][0]["joints"]) == list(JOINT_NAMES)
    pose = pose_of(standing_figure(), 0.0)
    knee = found["images"][0]["joints"]["left_knee"]
    assert list(knee) == ["x", "y", "confidence", "X", "Y", "Z"]
    assert knee["x"] == pytest.approx(pose.xy[11, 0], abs=0.01)
    assert knee["Z"] == pytest.approx(pose.xyz[11, 2], abs=0.001)
    assert found["images"][1]["joints"] is None


def broken(tmp_path: Path, kind: str) -> Path:
    path = tmp_path / {"cut png": "a.png", "cut webp": "a.webp"}.get(kind, "a.jpg")
    if kind == "missing":
        return path
    if kind == "folder":
        path.mkdir()
    elif kind == "empty":
        path.write_bytes(b"")
    elif kind == "text":
        path.write_text("not a picture")
    elif kind == "noise":
        path.write_bytes(bytes(range(256)) * 20)
    else:
        whole = image_file(path, 200, 200).read_bytes()
        path.write_bytes(whole[: len(whole) * 2 // 3])
    return path


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("missing", "there is no such file"),
        ("folder", "is a folder"),
        ("empty", "the file is empty"),
        ("text", "not an image that can be read"),
        ("noise", "not an image that can be read"),
        ("cut jpeg", "cut off"),
        ("cut png", "cut off"),
        ("cut webp", "cut off"),
    ],
)
def test_one_bad_image_stops_all_before_any_work(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], kind: str, says: str
) -> None:
    good, bad, out = image_file(tmp_path / "good.png"), broken(tmp_path, kind), tmp_path / "out.json"
    before = sorted(tmp_path.iterdir())
    assert main(["estimate", str(good), str(bad), "--out", str(out)]) == 2
    printed = capfd.readouterr().err.strip()
    assert str(bad) in printed
    assert says in printed
    assert len(printed.splitlines()) == 1
    assert sorted(tmp_path.iterdir()) == before


def test_an_image_is_not_overwritten_by_the_result(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    image = image_file(tmp_path / "a.png")
    before = image.read_bytes()
    assert main(["estimate", str(image), "--out", str(image)]) == 2
    assert "is one of the images" in capsys.readouterr().err
    assert image.read_bytes() == before


def test_a_thumbnail_does_not_hide_that_a_jpeg_is_cut_off(tmp_path: Path) -> None:
    whole = image_file(tmp_path / "a.jpg", 200, 200).read_bytes()
    comment = b"\xff\xfe\x00\x08....\xff\xd9"  # a segment that holds an end mark
    assert read_image(tmp_path / "a.jpg").shape == (200, 200, 3)
    (tmp_path / "b.jpg").write_bytes(whole[:2] + comment + whole[2:])
    assert read_image(tmp_path / "b.jpg").shape == (200, 200, 3)
    (tmp_path / "c.jpg").write_bytes((whole[:2] + comment + whole[2:])[: len(whole) // 2])
    with pytest.raises(ImageError, match="cut off"):
        read_image(tmp_path / "c.jpg")


def test_grey_and_transparent_images_become_colour(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "grey.png"), np.zeros((10, 12), np.uint8))
    cv2.imwrite(str(tmp_path / "clear.png"), np.zeros((10, 12, 4), np.uint8))
    for name in ("grey.png", "clear.png"):
        assert read_image(tmp_path / name).shape == (10, 12, 3)
