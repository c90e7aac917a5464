"""What the tests of training share: pictures that they draw themselves, tiny networks, short runs."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import yaml

from app.skeleton import NUM_JOINTS
from app.training.datasets import Augmentation, LabelledPicture

PLAIN = Augmentation(
    rotation=0, any_rotation=0, scale=(1.2, 1.2), shift=0, upper_body=0, occluders=0, colour=0, blur=0
)
TINY = {"encoder_width": 0.25, "narrow": 8, "wide": 8}


def dotted_picture(seed: int) -> LabelledPicture:
    """A black picture with one joint-coloured dot where each joint is labelled."""
    rng = np.random.default_rng(seed)
    xy = rng.uniform(40, 200, (NUM_JOINTS, 2)).astype(np.float32)
    image = np.zeros((240, 240, 3), np.uint8)
    for joint, (x, y) in enumerate(xy):
        cv2.circle(image, (round(float(x)), round(float(y))), 4, (0, 255, 40 + 10 * joint), -1)
    return LabelledPicture(
        name=f"dots-{seed}",
        encoded=cv2.imencode(".png", image)[1].tobytes(),
        xy=xy,
        xy_weight=np.ones(NUM_JOINTS, np.float32),
        depth=rng.normal(0, 20, NUM_JOINTS).astype(np.float32),
        depth_weight=np.ones(NUM_JOINTS, np.float32),
    )


def packed_set(path: Path, count: int) -> Path:
    """A packed set of that many dotted pictures, 3D-labelled."""
    pictures = [dotted_picture(i) for i in range(count)]
    offset = np.cumsum([0, *(len(picture.encoded) for picture in pictures)])
    np.savez(
        path,
        jpeg=np.frombuffer(b"".join(picture.encoded for picture in pictures), np.uint8),
        offset=offset,
        xy=np.stack([picture.xy for picture in pictures]),
        weight=np.stack([picture.xy_weight for picture in pictures]),
        depth=np.stack([picture.depth for picture in pictures]),
        depth_weight=np.stack([picture.depth_weight for picture in pictures]),
    )
    return path


def run_values(folder: Path, **keys: Any) -> dict[str, Any]:
    """A short run on six dotted pictures, each 2D- and 3D-labelled by turns; `keys` over the defaults."""
    data = folder / "dots.npz"
    if not data.exists():
        packed_set(data, 6)
    return {
        "out": str(folder / "run"),
        "model": TINY,
        "pictures": 8,
        "batch": 2,
        "size": 64,
        "warm_up": 4,
        "sets": [
            {"kind": "packed", "files": [str(data)], "depth": False},
            {"kind": "packed", "files": [str(data)]},
        ],
        **keys,
    }


_MADE: dict[str, Any] = {}


def tiny_run(folder: Path) -> Any:
    """A run (app.training.train.Run) of a tiny network that saves into that folder; made once a process."""
    import torch

    from app.training.config import config_of
    from app.training.tasks import make_task
    from app.training.train import Run, read_set
    from app.training.workers import Workers

    if not _MADE:
        torch.set_num_threads(1)
        with tempfile.TemporaryDirectory() as scratch:
            config = config_of(run_values(Path(scratch)), "a tiny run")
            sets = [(read_set(entry, validation=False), entry.share) for entry in config.sets]
            _MADE["run"] = Run(config, make_task(config, sets), Workers.join(config))
    run = _MADE["run"]
    run.folder = folder
    return run


def write_config(path: Path, values: dict[str, Any]) -> Path:
    path.write_text(yaml.safe_dump(values, sort_keys=False), encoding="utf-8")
    return path
