"""What a runtime must agree in with PyTorch, and the frames it is asked on."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from app.agreement import SURE, TRIALS, DisagreementError, require_agreement, trial_batch
from app.decode import decode_finder, decode_joints
from app.estimator import CANDIDATE
from app.skeleton import NUM_JOINTS
from app.torch_runtime import TorchMaps, network_of, plain_maps, torch_maps
from app.weights import load_weights
from app.world import metric_scale
from tests.stick_figure import FIGURE

SIZE, SIDE = 256, 64
METRES = 0.01  # a pixel of the maps drawn here, about


def maps_of(*, right: float = 0.0, away: float = 0.0) -> np.ndarray:
    """(1, 38, 64, 64) maps of a standing figure, all of it so many input pixels and metres off."""
    centres = (np.arange(SIDE) + 0.5) * 4
    maps = np.zeros((1, 2 * NUM_JOINTS, SIDE, SIDE), np.float32)
    for joint, (x, y, z) in enumerate(FIGURE / METRES):
        square = (centres - (128 + x + right)) ** 2 + (centres - (120 + y))[:, None] ** 2
        maps[0, joint] = np.maximum(9.0 - square / (2 * 4.0**2), -12.0)
        maps[0, NUM_JOINTS + joint] = (z + away / METRES * (joint == 3)) / SIZE
    return maps


def test_the_maps_of_this_test_show_a_person_of_ordinary_size() -> None:
    joints = decode_joints(maps_of())
    scale = metric_scale(joints.xy[0], joints.depth[0], joints.confidence[0])
    assert scale == pytest.approx(METRES, rel=0.1)
    assert (joints.confidence > SURE).all()


@pytest.mark.parametrize(("right", "away"), [(0.0, 0.0), (0.4, 0.0), (0.0, 0.004)])
def test_within_half_a_pixel_and_five_millimetres_it_agrees(right: float, away: float) -> None:
    require_agreement("pose", maps_of(right=right, away=away), maps_of(), SIZE)


@pytest.mark.parametrize(
    ("right", "away", "said"),
    [(0.7, 0.0, "joints differ from PyTorch's by 0.7 pixels"), (0.0, 0.008, "depths differ .* by 8 mm")],
)
def test_beyond_it_does_not(monkeypatch: pytest.MonkeyPatch, right: float, away: float, said: str) -> None:
    monkeypatch.setattr("app.agreement.MAX_MAP_ERROR", 1.0)  # that the joints are looked at, too
    with pytest.raises(DisagreementError, match=said):
        require_agreement("pose", maps_of(right=right, away=away), maps_of(), SIZE)


def test_rounding_that_chooses_between_equal_peaks_is_no_disagreement() -> None:
    """The window that a joint is read in moves by a cell, and what lies at its edge with it."""
    reference = maps_of()
    wrist = reference[0, 10]
    wrist[30:33, 38:48] = 12.0  # as wide as the window and more: somewhere in it is the peak
    ours = reference.copy()
    wrist[31, 39] += 0.01
    ours[0, 10, 31, 46] += 0.01
    apart = np.abs(decode_joints(ours).xy - decode_joints(reference).xy).max()
    assert apart > 4 * 0.5
    require_agreement("pose", ours, reference, SIZE)
    ours[0, 10, 31, 46] += 0.3  # this is no rounding
    reference[0, 10, 31, 39] += 0.3
    with pytest.raises(DisagreementError, match="joints differ"):
        require_agreement("pose", ours, reference, SIZE)


@pytest.mark.parametrize("kind", ["pose", "finder"])
def test_maps_that_differ_or_are_no_numbers_do_not_agree(kind: str) -> None:
    reference = maps_of()
    with pytest.raises(DisagreementError, match="its maps differ from PyTorch's by"):
        require_agreement(kind, reference * -0.5, reference, SIZE)  # type: ignore[arg-type]
    broken = reference.copy()
    broken[0, 0, 0, 0] = np.nan
    with pytest.raises(DisagreementError):
        require_agreement(kind, broken, reference, SIZE)  # type: ignore[arg-type]


def test_the_trial_frames_show_a_person_whom_both_networks_are_sure_of() -> None:
    """Else agreement would be asked of nothing: they were chosen in the demo clip as it is."""
    pose, finder = load_weights("auto", "pose"), load_weights("auto", "finder")
    maps = plain_maps(network_of(pose), trial_batch("pose", 256))
    assert len(maps) == len(TRIALS)
    assert ((decode_joints(maps).confidence > SURE).sum(axis=1) >= 15).all()
    for found in plain_maps(network_of(finder), trial_batch("finder", 256)):
        assert decode_finder(found, CANDIDATE)


def test_half_precision_agrees_on_the_trial_frames() -> None:
    """What CUDA computes in, here on the CPU: the same code, weights and rounding, but no graph."""
    weights = load_weights("auto", "pose")
    maps = torch_maps(weights, "cpu", threads=1, dtype=torch.float16)  # raises where it does not agree
    trial = trial_batch("pose", 256)[:1]
    exact = plain_maps(network_of(weights), trial)
    difference = np.abs(maps(trial) - exact).mean()
    assert 0.0 < difference < 0.01 * exact.std()  # it was half precision that agreed


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
def test_the_captured_graph_gives_what_the_network_gives() -> None:
    weights = load_weights("auto", "pose")
    maps = torch_maps(weights, "cuda", threads=1)
    assert isinstance(maps, TorchMaps)
    assert maps.captured == (1,)
    trial = trial_batch("pose", 256)
    exact = plain_maps(network_of(weights), trial)
    first = maps(trial[:1])
    kept = first.copy()
    for size in (1, 2, 3):  # one graph for each size
        batch = trial[-size:]
        require_agreement("pose", maps(batch), exact[-size:], 256)
    np.testing.assert_array_equal(first, kept)  # the caller's to keep
    assert maps.captured == (1, 2, 3)
    many = maps(np.concatenate([trial] * 8))
    require_agreement("pose", many[:3], exact, 256)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
def test_memory_that_runs_out_on_cuda_is_an_error_that_can_be_caught() -> None:
    """And the graph that is there already goes on when there is room again."""
    maps = torch_maps(load_weights("auto", "pose"), "cuda", threads=1)
    trial = trial_batch("pose", 256)
    before = maps(trial[:1])
    torch.cuda.set_per_process_memory_fraction(1e-6)
    try:
        with pytest.raises(torch.OutOfMemoryError):
            maps(np.concatenate([trial] * 64))
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    np.testing.assert_allclose(maps(trial[:1]), before)
