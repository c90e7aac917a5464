"""Two weights files as one ensemble in the catalogue."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from app.errors import UsageError
from app.network import build
from app.torch_runtime import network_of
from app.training.export import export
from app.weights import load_weights

TINY: dict[str, Any] = {"kind": "pose", "input_size": 64, "encoder_width": 0.25, "narrow": 8, "wide": 8}


def weights_file(path: Path, architecture: str) -> Path:
    torch.manual_seed(len(architecture))
    network = build({**TINY, "architecture": architecture})
    save_file(network.state_dict(), path, metadata={"config": json.dumps(network.config.to_dict())})
    return path


@pytest.fixture
def catalogue(tmp_path: Path) -> Path:
    folder = tmp_path / "weights"
    folder.mkdir()
    (folder / "catalogue.json").write_text(json.dumps({"schema": 1, "weights": []}))
    (folder / "both.md").write_text("a card")
    return folder


def test_a_large_and_a_mobile_network_become_one_file(tmp_path: Path, catalogue: Path) -> None:
    large = weights_file(tmp_path / "large.safetensors", "large")
    mobile = weights_file(tmp_path / "mobile.safetensors", "mobile")
    export(large, "both", catalogue, beside=mobile)
    both = network_of(load_weights("both", "pose", catalogue))
    alone = [network_of(load_weights(str(path), "pose")) for path in (mobile, large)]
    image = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        small, big = (network(image) for network in alone)
        maps = both(image)
    expected = torch.cat([(small[:, :19] + big[:, :19]) / 2, 0.7 * small[:, 19:] + 0.3 * big[:, 19:]], 1)
    torch.testing.assert_close(maps, expected, rtol=1e-2, atol=1e-2)  # half precision in the file


def test_only_a_large_and_a_mobile_one_make_an_ensemble(tmp_path: Path, catalogue: Path) -> None:
    mobile = weights_file(tmp_path / "mobile.safetensors", "mobile")
    with pytest.raises(UsageError, match=r"mobile\.safetensors: not a large network"):
        export(mobile, "both", catalogue, beside=mobile)
    large = weights_file(tmp_path / "large.safetensors", "large")
    with pytest.raises(UsageError, match=r"large\.safetensors: not a mobile network"):
        export(large, "both", catalogue, beside=large)
    assert not list(catalogue.glob("*.safetensors"))


def test_a_name_that_is_taken_is_replaced_only_when_asked_and_by_its_own_kind(
    tmp_path: Path, catalogue: Path
) -> None:
    mobile = weights_file(tmp_path / "mobile.safetensors", "mobile")
    export(mobile, "both", catalogue)
    with pytest.raises(UsageError, match=r"both: is in the catalogue already; .* --replace"):
        export(mobile, "both", catalogue)
    export(mobile, "both", catalogue, replace=True)
    table = json.loads((catalogue / "catalogue.json").read_text())
    assert [row["name"] for row in table["weights"]] == ["both"]
    table["weights"][0]["kind"] = "finder"
    (catalogue / "catalogue.json").write_text(json.dumps(table))
    with pytest.raises(UsageError, match="both: those weights are of kind finder, not pose"):
        export(mobile, "both", catalogue, replace=True)
