"""What the pose network reads of pictures whose joints are known, for the lifter's training."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from app.capture import DEMO_CLIP, open_source
from app.errors import EXIT_USAGE
from app.runtimes import load_runtime
from app.skeleton import Joint

pytest.importorskip("scipy", reason="needs the train extra")
from app.estimator import Estimator
from app.training import lifting, readings


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A set in the layout of `render`: two frames of the demo clip and an empty one, the app's joints."""
    estimator = Estimator(load_runtime(), smooth=False)
    jpeg, xy, xyz = [], [], []
    with open_source(str(DEMO_CLIP)) as source:
        for frame in iter(source.read, None):
            pose = estimator.estimate(frame)
            if pose is not None and frame.time > 1.0 + len(xy):
                jpeg.append(cv2.imencode(".jpg", frame.image)[1].ravel())
                xy.append(pose.xy)
                xyz.append(pose.xyz)
            if len(xy) == 2:
                break
    jpeg.append(cv2.imencode(".jpg", np.zeros((64, 64, 3), np.uint8))[1].ravel())
    path = tmp_path_factory.mktemp("set") / "rendered-00.npz"
    np.savez(
        path,
        jpeg=np.concatenate(jpeg),
        offset=np.cumsum([0, *map(len, jpeg)]),
        xy=np.stack([*xy, np.full((19, 2), 32.0)]).astype(np.float32),
        weight=np.ones((3, 19), np.float32) * np.array([[1], [1], [0]], np.float32),
        xyz=np.stack([*xyz, np.zeros((19, 3))]).astype(np.float32),
    )
    return path


def test_the_network_reads_the_people_and_leaves_out_who_is_not_there(rendered: Path, tmp_path: Path) -> None:
    out = tmp_path / "readings.npz"
    assert readings.main([str(rendered.parent), "--out", str(out)]) == 0
    people = lifting.load_readings([out])
    assert people.read.shape == (2, 19, 4)
    assert people.read[:, Joint.left_shoulder, 3].min() > 0.5
    # The same pictures, read by the same network: what the lifter and the bones' fit change is little.
    np.testing.assert_allclose(people.read[..., :2], people.xyz[..., :2], atol=0.15)
    assert people.read[0, Joint.neck, 1] < -0.3 and people.read[0, Joint.left_ankle, 1] > 0.4  # upright


@pytest.mark.parametrize("content", [{"xyz": np.zeros((1, 19, 3))}, None])
def test_files_that_are_no_rendered_set_are_refused(
    tmp_path: Path, content: dict[str, np.ndarray] | None, capsys: pytest.CaptureFixture[str]
) -> None:
    if content is not None:
        np.savez(tmp_path / "x.npz", **content)  # type: ignore[arg-type]
    assert readings.main([str(tmp_path), "--out", str(tmp_path / "out.npz")]) == EXIT_USAGE
    assert ("no set of rendered pictures" if content else "no .npz file") in capsys.readouterr().err
