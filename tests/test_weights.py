"""Weights: nothing is parsed before its hash is right, and every refusal is one line with the mend."""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app.weights import WEIGHTS_FOLDER, WeightsError, find_entry, load_weights, read_catalogue, read_config

CONFIG = {"kind": "pose", "input_size": 256}


def packed(config: dict[str, Any] | None, values: tuple[float, ...] = (1.0, 2.0)) -> bytes:
    """A safetensors file with one tensor "t", written by hand from the format's description."""
    header: dict[str, Any] = {
        "t": {"dtype": "F32", "shape": [len(values)], "data_offsets": [0, 4 * len(values)]}
    }
    if config is not None:
        header["__metadata__"] = {"config": json.dumps(config)}
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + struct.pack(f"<{len(values)}f", *values)


def entry(name: str, data: bytes, **changes: Any) -> dict[str, Any]:
    row = {
        "name": name,
        "file": f"{name}.safetensors",
        "sha256": hashlib.sha256(data).hexdigest(),
        "size": len(data),
        "kind": "pose",
        "config": CONFIG,
        "card": f"{name}.md",
    }
    return {**row, **changes}


Make = Callable[..., Path]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """make(rows, name=bytes, ...) -> a folder with that catalogue and those weight files."""

    def _make(rows: object, **files: bytes) -> Path:
        (tmp_path / "catalogue.json").write_text(json.dumps({"schema": 1, "weights": rows}))
        for name, data in files.items():
            (tmp_path / f"{name}.safetensors").write_bytes(data)
        return tmp_path

    return _make


def refusal(folder: Path | None, name: str = "auto") -> str:
    with pytest.raises(WeightsError) as caught:
        load_weights(name, folder=folder)
    text = str(caught.value)
    assert "\n" not in text
    assert caught.value.exit_code == 1
    return text


def test_loads_what_the_catalogue_says(make: Make) -> None:
    data = packed(CONFIG)
    folder = make([entry("small", data)], small=data)
    weights = load_weights("small", folder=folder)
    assert weights.config == CONFIG
    assert weights.sha256 == hashlib.sha256(data).hexdigest()
    assert weights.tensors()["t"].tolist() == [1.0, 2.0]


def test_auto_is_the_first_of_the_kind(make: Make) -> None:
    one, two = packed(CONFIG), packed({"kind": "finder"})
    rows = [
        entry("seeker", two, kind="finder", config={"kind": "finder"}),
        entry("first", one),
        entry("second", one),
    ]
    folder = make(rows, first=one, second=one, seeker=two)
    assert load_weights(folder=folder).name == "first"
    assert load_weights(kind="finder", folder=folder).name == "seeker"


def test_an_unknown_name_lists_the_known_ones_nearest_first(make: Make) -> None:
    data = packed(CONFIG)
    folder = make([entry(name, data) for name in ("hourglass", "mobile", "mobile-wide")])
    text = refusal(folder, "mobil")
    assert "'mobil'" in text
    assert text.endswith("mobile, mobile-wide, hourglass")


def test_a_changed_byte_is_refused_before_anything_is_parsed(make: Make) -> None:
    good = packed(CONFIG)
    # Were this parsed, it would be refused as no safetensors file at all.
    folder = make([entry("small", good)], small=b"\xff" * len(good))
    text = refusal(folder, "small")
    assert "SHA-256" in text
    assert "damaged or was swapped" in text


def test_a_truncated_file_tells_its_size(make: Make) -> None:
    good = packed(CONFIG)
    folder = make([entry("small", good)], small=good[:-3])
    assert f"{len(good) - 3} bytes of {len(good)}" in refusal(folder)


def test_a_missing_file_is_named(make: Make) -> None:
    text = refusal(make([entry("small", packed(CONFIG))]))
    assert "small.safetensors" in text
    assert "missing" in text


def test_the_files_own_configuration_must_agree(make: Make) -> None:
    data = packed({**CONFIG, "input_size": 128})
    assert "differs from the catalogue in input_size" in refusal(make([entry("small", data)], small=data))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"file": "../elsewhere.safetensors"}, "without folders"),
        ({"card": "/etc/passwd"}, "without folders"),
        ({"kind": "music"}, "pose or finder"),
        ({"sha256": 5}, "expected a text"),
        ({"config": []}, "object as config"),
        ({"extra": 1}, "exactly the keys"),
    ],
)
def test_a_malformed_entry_is_named(make: Make, change: dict[str, Any], said: str) -> None:
    text = refusal(make([entry("small", packed(CONFIG), **change)]))
    assert "weights[0]" in text
    assert said in text


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"weights": 3}', "{not json"])
def test_a_broken_catalogue_is_one_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "catalogue.json").write_text(text)
    assert "catalogue.json" in refusal(tmp_path)


def test_a_missing_catalogue_is_one_line(tmp_path: Path) -> None:
    assert "missing" in refusal(tmp_path)


def test_an_empty_catalogue_says_so(make: Make) -> None:
    assert "no pose weights" in refusal(make([]))


def test_own_file_by_path(tmp_path: Path) -> None:
    data = packed(CONFIG)
    path = tmp_path / "mine.safetensors"
    path.write_bytes(data)
    weights = load_weights(str(path))
    assert (weights.name, weights.sha256) == ("mine", hashlib.sha256(data).hexdigest())
    with pytest.raises(WeightsError, match="expected 'finder'"):
        load_weights(str(path), kind="finder")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x80\x04K\x01.",  # a pickle
        struct.pack("<Q", 1 << 62) + b"{}",
        struct.pack("<Q", 2) + b"[]",
        struct.pack("<Q", 4) + b"nope",
        packed(None),
        struct.pack("<Q", 60) + b'{"__metadata__": {"config": "[1]"}}'.ljust(60),
    ],
)
def test_what_is_no_weights_file_is_one_line(data: bytes) -> None:
    with pytest.raises(WeightsError, match="here: ") as caught:
        read_config(data, "here")
    assert "\n" not in str(caught.value)


def test_the_projects_own_weights_are_what_the_catalogue_says() -> None:
    rows = read_catalogue()
    if not rows:
        pytest.skip("the catalogue is empty")
    for row in rows:
        weights = load_weights(row.name, row.kind)
        assert row.size == len(weights.data)
        assert row.card.parent == WEIGHTS_FOLDER
        assert row.card.is_file()
        assert find_entry(row.name, row.kind) == row
