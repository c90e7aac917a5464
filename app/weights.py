"""The weights catalogue: names, hashes, safe loading. Needs neither torch nor a network connection.

A weights file is safetensors, never pickle. Its SHA-256 is compared with the catalogue before a byte of it
is parsed, its configuration lies in its own metadata under "config", and the two must agree.
"""

from __future__ import annotations

import difflib
import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

from app.errors import FormcueError

if TYPE_CHECKING:
    from torch import Tensor

    from app.skeleton import FloatArray

Kind = Literal["pose", "finder", "lifter"]
WEIGHTS_FOLDER: Final = Path(__file__).resolve().parent.parent / "weights"
SUFFIX: Final = ".safetensors"
# Above any file of ours by far: nobody's mistake may fill the memory.
MAX_FILE_BYTES: Final = 1 << 30
MAX_HEADER_BYTES: Final = 1 << 20
# What a configuration may ask for; nothing is built before it is looked at. Key -> smallest, largest.
SIZES: Final = {
    "input_size": (32, 1024),
    "joints": (1, 64),
    "narrow": (1, 1024),
    "wide": (1, 1024),
    "width": (1, 4096),
    "encoder_width": (0.1, 8.0),
    "stacks": (1, 16),
    "stages": (1, 16),
    "blocks": (1, 64),
}
ENTRY_KEYS: Final = ("name", "file", "sha256", "size", "kind", "config", "card")


class WeightsError(FormcueError):
    """Weights that are unknown, missing, damaged or not what the catalogue says."""


@dataclass(frozen=True, kw_only=True)
class CatalogueEntry:
    """One line of the catalogue. `file` and `card` lie beside the catalogue; `size` is in bytes."""

    name: str
    file: Path
    sha256: str
    size: int
    kind: Kind
    config: dict[str, Any]
    card: Path


@dataclass(frozen=True, kw_only=True, eq=False)
class Weights:
    """A weights file whose hash has been checked. `data` is the whole file."""

    name: str
    kind: Kind
    sha256: str
    config: dict[str, Any]
    data: bytes = field(repr=False)

    @property
    def input_size(self) -> int:
        """Side of the square pictures that the network takes, pixels."""
        return int(self.config.get("input_size", 256))

    def tensors(self) -> dict[str, Tensor]:
        """The state of the network, name -> float32 tensor (files may store halves). Imports torch.

        Raises WeightsError when the file is no valid safetensors file.
        """
        import safetensors.torch

        try:
            state = safetensors.torch.load(self.data)
        except Exception as error:  # its own exception type, and others on odd headers
            raise WeightsError(
                "weights {name}: not a valid safetensors file ({reason})", name=self.name, reason=error
            ) from error
        return {key: value.float() if value.is_floating_point() else value for key, value in state.items()}

    def arrays(self) -> dict[str, FloatArray]:
        """The same as float32 arrays, without torch. Raises WeightsError like `tensors`."""
        import numpy as np
        import safetensors.numpy

        try:
            state = safetensors.numpy.load(self.data)
        except Exception as error:
            raise WeightsError(
                "weights {name}: not a valid safetensors file ({reason})", name=self.name, reason=error
            ) from error
        return {key: value.astype(np.float32) for key, value in state.items()}


def read_catalogue(folder: Path | None = None) -> list[CatalogueEntry]:
    """All entries of `folder`/catalogue.json, in its order: the first of a kind is that kind's default.

    Raises WeightsError when it is missing or malformed.
    """
    folder = folder or WEIGHTS_FOLDER
    path = folder / "catalogue.json"
    mend = "reinstall Formcue, or restore the file"
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise WeightsError("{path}: the weights catalogue is missing; {mend}", path=path, mend=mend) from None
    except (OSError, ValueError, RecursionError) as error:
        raise WeightsError(
            "{path}: the weights catalogue cannot be read ({reason}); {mend}",
            path=path,
            reason=error,
            mend=mend,
        ) from error
    rows = table.get("weights") if isinstance(table, dict) else None
    if not isinstance(rows, list):
        raise WeightsError('{path}: expected an object with a list "weights"; {mend}', path=path, mend=mend)
    return [_entry(row, f"{path}: weights[{i}]", folder) for i, row in enumerate(rows)]


def _entry(row: Any, where: str, folder: Path) -> CatalogueEntry:
    if not isinstance(row, dict) or set(row) != set(ENTRY_KEYS):
        raise WeightsError(
            "{where}: expected exactly the keys {keys}", where=where, keys=", ".join(ENTRY_KEYS)
        )
    for key in ("name", "file", "sha256", "kind", "card"):
        if not isinstance(row[key], str):
            raise WeightsError(
                "{where}.{key}: expected a text, found {found!r}", where=where, key=key, found=row[key]
            )
    for key in ("file", "card"):
        # A plain name: the catalogue cannot point out of its own folder.
        if row[key] != Path(row[key]).name:
            raise WeightsError(
                "{where}.{key}: expected a file name without folders, found {found!r}",
                where=where,
                key=key,
                found=row[key],
            )
    if row["kind"] not in get_args(Kind):
        raise WeightsError(
            "{where}.kind: expected {kinds}, found {found!r}",
            where=where,
            kinds=" or ".join(get_args(Kind)),
            found=row["kind"],
        )
    if not isinstance(row["size"], int) or not isinstance(row["config"], dict):
        raise WeightsError("{where}: expected a whole number as size and an object as config", where=where)
    return CatalogueEntry(
        name=row["name"],
        file=folder / row["file"],
        sha256=row["sha256"].lower(),
        size=row["size"],
        kind=row["kind"],
        config=row["config"],
        card=folder / row["card"],
    )


def find_entry(name: str, kind: Kind = "pose", folder: Path | None = None) -> CatalogueEntry:
    """The entry called `name`; "auto" means the first of this kind.

    Raises WeightsError, which lists the known names, nearest first, when there is none.
    """
    entries = [entry for entry in read_catalogue(folder) if entry.kind == kind]
    for entry in entries:
        if name in ("auto", entry.name):
            return entry
    known = [entry.name for entry in entries]
    if not known:
        raise WeightsError("the weights catalogue has no {kind} weights; reinstall Formcue", kind=kind)
    nearest = difflib.get_close_matches(name, known, n=len(known), cutoff=0.0)
    raise WeightsError(
        "no {kind} weights called {name!r}; known (nearest first): {nearest}",
        kind=kind,
        name=name,
        nearest=", ".join(nearest),
    )


def load_weights(name: str = "auto", kind: Kind = "pose", folder: Path | None = None) -> Weights:
    """The catalogue's weights called `name`, their SHA-256 checked before anything is parsed.

    A name that ends in ".safetensors" is a path to a file of one's own: it has no catalogue entry, so its
    hash is computed and told, not compared. Raises WeightsError in one line otherwise.
    """
    if name.endswith(SUFFIX):
        return _load_own(Path(name), kind)
    entry = find_entry(name, kind, folder)
    data = _read(entry.file, entry.name)
    digest = hashlib.sha256(data).hexdigest()
    if digest != entry.sha256:
        size = f", {len(data)} bytes of {entry.size}" if len(data) != entry.size else ""
        raise WeightsError(
            "{file}: SHA-256 is {digest}…{size}, the catalogue says {listed}…: the file is "
            "damaged or was swapped; reinstall Formcue",
            file=entry.file,
            digest=digest[:12],
            size=size,
            listed=entry.sha256[:12],
        )
    config = read_config(data, str(entry.file))
    if config != entry.config:
        wrong = sorted(k for k in config.keys() | entry.config.keys() if config.get(k) != entry.config.get(k))
        raise WeightsError(
            "{file}: configuration differs from the catalogue in {wrong}",
            file=entry.file,
            wrong=", ".join(wrong),
        )
    return Weights(name=entry.name, kind=kind, sha256=digest, config=config, data=data)


def _load_own(path: Path, kind: Kind) -> Weights:
    data = _read(path, path.stem)
    config = read_config(data, str(path))
    if config.get("kind") != kind:
        raise WeightsError(
            "{path}: these are {found!r} weights, expected {kind!r}",
            path=path,
            found=config.get("kind"),
            kind=kind,
        )
    digest = hashlib.sha256(data).hexdigest()
    return Weights(name=path.stem, kind=kind, sha256=digest, config=config, data=data)


def _read(path: Path, name: str) -> bytes:
    try:
        if path.exists() and not path.is_file():  # a pipe would block, and a device never end
            raise WeightsError("{path}: is not a file", path=path)
        if path.stat().st_size > MAX_FILE_BYTES:
            raise WeightsError(
                "{path}: larger than {most} MiB, this is no weights file",
                path=path,
                most=MAX_FILE_BYTES >> 20,
            )
        return path.read_bytes()
    except FileNotFoundError:
        raise WeightsError(
            "{path}: the file of weights {name!r} is missing; reinstall Formcue", path=path, name=name
        ) from None
    except (OSError, ValueError) as error:  # ValueError: a name with a null character
        raise WeightsError(
            "{path}: cannot be read ({reason})", path=path, reason=getattr(error, "strerror", None) or error
        ) from error


def read_config(data: bytes, where: str) -> dict[str, Any]:
    """The configuration in a safetensors file's metadata.

    The header is a little-endian 64-bit length, then that many bytes of JSON (safetensors' format page).
    Raises WeightsError when it is not such a file or carries no configuration.
    """
    length = int.from_bytes(data[:8], "little") if len(data) > 8 else 0
    if not 2 <= length <= min(MAX_HEADER_BYTES, len(data) - 8):
        raise WeightsError("{where}: not a safetensors file (empty or truncated?)", where=where)
    try:
        header = json.loads(data[8 : 8 + length])
        config = json.loads(header["__metadata__"]["config"])
    except (ValueError, KeyError, TypeError, RecursionError):
        raise WeightsError('{where}: no configuration in its metadata ("config")', where=where) from None
    if not isinstance(config, dict):
        raise WeightsError("{where}: its configuration is not an object", where=where)
    for key, (low, high) in SIZES.items():
        value = config.get(key, low)
        whole = isinstance(value, int) and not isinstance(value, bool)
        if not (whole or (key == "encoder_width" and isinstance(value, float))) or not low <= value <= high:
            raise WeightsError(
                "{where}: its configuration has {key} = {value!r:.40}, expected {low:g} to {high:g}",
                where=where,
                key=key,
                value=value,
                low=low,
                high=high,
            )
    return config
