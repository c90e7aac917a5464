"""The same weights on whatever the machine has: CUDA, Apple's MPS, OpenVINO or PyTorch on the CPU.

`load_runtime` gives the fastest that works and agrees with PyTorch. How each one runs the networks is told in
app/torch_runtime.py and app/openvino_runtime.py, which are imported only when they are used; what happens
when one breaks later, in app/lasting.py.
"""

from __future__ import annotations

import ctypes
import importlib.util
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal, Protocol, get_args

import numpy as np

from app.errors import UsageError, first_line
from app.lifter import Lifter
from app.skeleton import FloatArray
from app.weights import SUFFIX, Kind, Weights, WeightsError, find_entry, load_weights

Device = Literal["auto", "cpu", "cuda", "mps"]
RuntimeName = Literal["auto", "openvino", "torch"]
Maps = Callable[[FloatArray], FloatArray]
Lift = Callable[[FloatArray, FloatArray], FloatArray]
Way = tuple[str, str]  # device, runtime

WAYS: Final[tuple[Way, ...]] = (("cuda", "torch"), ("mps", "torch"), ("cpu", "openvino"), ("cpu", "torch"))
LIFTER: Final = "the lifter"  # what goes without, where its weights are damaged


class DeviceError(UsageError):
    """The device or runtime that was asked for is not there, or cannot run these weights."""


# Why something is not used: it could not be loaded; it gives other joints than PyTorch; it broke while
# running; it ran out of memory; it gave values that are no numbers; its weights file is damaged.
Cause = Literal["unusable", "disagrees", "broke", "memory", "numbers", "damaged"]


@dataclass(frozen=True, kw_only=True)
class Fallback:
    """What is not used, what is used instead, and why. reason: the system's own words, one line."""

    wanted: str
    used: str
    cause: Cause
    reason: str

    def __str__(self) -> str:
        if self.cause == "damaged":
            return f"{self.reason}; until then, {self.used} is used"
        if self.wanted == self.used:
            return f"{self.wanted} gives no numbers for what it sees; nobody is found until it does"
        return f"{self.wanted} is not used ({self.reason}); {self.used} runs the network"


class Runtime(Protocol):
    """The networks, ready to run. Calls are not thread-safe: one thread owns a runtime."""

    @property
    def model_name(self) -> str: ...
    @property
    def sha256(self) -> str: ...
    @property
    def device(self) -> str: ...
    @property
    def runtime(self) -> str: ...
    @property
    def input_size(self) -> int: ...
    @property
    def finder_size(self) -> int: ...

    def pose_maps(self, batch: FloatArray) -> FloatArray:
        """(N, 3, S, S) float32 RGB in 0..1 -> (N, 2·19, S/4, S/4) float32. S is `input_size`."""
        ...

    def finder_maps(self, batch: FloatArray) -> FloatArray:
        """(N, 3, F, F) float32 RGB in 0..1 -> (N, 4, F/8, F/8) float32. F is `finder_size`."""
        ...

    def lift(self, xyz: FloatArray, confidence: FloatArray) -> FloatArray:
        """(19, 3) metres in weak perspective, confidence (19,) -> (19, 3) metres; see app/lifter.py."""
        ...


@dataclass(frozen=True, kw_only=True, eq=False)
class LoadedRuntime:
    """What `load_runtime` gives. `fallbacks`: whatever did not go the preferred way.

    The arrays that the maps functions return are the caller's to keep.
    """

    model_name: str
    sha256: str
    device: str
    runtime: str
    input_size: int
    finder_size: int
    pose_maps: Maps
    finder_maps: Maps
    lift: Lift
    fallbacks: tuple[Fallback, ...] = ()

    @property
    def notes(self) -> tuple[str, ...]:
        """The fallbacks, one line each."""
        return tuple(str(fallback) for fallback in self.fallbacks)

    def warm_up(self) -> None:
        """Runs the networks once, so that the first frame does not pay for it."""
        warm_up(self)


def warm_up(runtime: Runtime) -> None:
    """Runs both networks once on black pictures."""
    runtime.finder_maps(np.zeros((1, 3, runtime.finder_size, runtime.finder_size), np.float32))
    runtime.pose_maps(np.zeros((1, 3, runtime.input_size, runtime.input_size), np.float32))


def load_runtime(
    name: str = "auto",
    *,
    device: Device | str = "auto",
    runtime: RuntimeName | str = "auto",
    finder: str = "auto",
    cache: Path | None = None,
    progress: Callable[[str], None] | None = None,
) -> LoadedRuntime:
    """The weights called `name` (and the finder's) on the best device there is, or on the one asked for.

    "auto" takes CUDA, then MPS where PyTorch offers them, else the CPU with OpenVINO, and falls back to the
    next with a note when one fails or disagrees with PyTorch. `cache` replaces the user's cache folder.
    `progress` is told in a few words what takes long. Raises WeightsError for weights, DeviceError for a
    device or runtime that does not exist or cannot be had here.
    """
    possible = ways(device, runtime)
    return Networks.read(name, finder=finder, cache=cache).on(possible, progress)


@dataclass(frozen=True, kw_only=True, eq=False)
class Networks:
    """The weights, read and checked, in memory: what becomes of their files later changes nothing.

    damaged: of pose or finder, whose file is not what the catalogue says, but whose converted form is in the
    cache; these run in OpenVINO only.
    """

    pose: Weights
    finder: Weights
    lift: Lift
    cache: Path | None
    damaged: WeightsError | None = None
    fallbacks: tuple[Fallback, ...] = ()

    @classmethod
    def read(cls, name: str = "auto", *, finder: str = "auto", cache: Path | None = None) -> Networks:
        """Raises WeightsError when weights are missing or damaged and nothing can stand in for them."""
        fallbacks: list[Fallback] = []
        damaged: WeightsError | None = None
        read: dict[str, Weights] = {}
        asked: tuple[tuple[str, Kind], ...] = ((name, "pose"), (finder, "finder"))
        for wanted, kind in asked:
            try:
                read[kind] = load_weights(wanted, kind)
            except WeightsError as error:
                read[kind] = _converted_earlier(wanted, kind, cache, error)
                damaged = error
                used = "the copy converted for this machine earlier"
                fallbacks.append(_damaged(read[kind].name, used, error))
        lift: Lift
        try:
            lift = Lifter.load(load_weights("auto", "lifter"))
        except WeightsError as error:
            lift = _as_it_is
            fallbacks.append(_damaged(LIFTER, "depth as the network reads it", error))
        return cls(
            pose=read["pose"],
            finder=read["finder"],
            lift=lift,
            cache=cache,
            damaged=damaged,
            fallbacks=tuple(fallbacks),
        )

    def on(self, ways: Sequence[Way], progress: Callable[[str], None] | None = None) -> LoadedRuntime:
        """On the first of `ways` that works; those before it become fallbacks of the result.

        Raises DeviceError when none does, WeightsError when the weights are at fault.
        """
        if self.damaged is not None:
            ways = [way for way in ways if way[1] == "openvino"]
            if not ways:
                raise self.damaged
        failed: list[tuple[Way, Exception]] = []
        for way in ways:
            try:
                loaded = self._on(way, progress)
            except WeightsError:
                raise
            except Exception as error:  # whatever a driver raises: the next one may still run the network
                failed.append((way, error))
                continue
            fallbacks = tuple(fallback_from(error, other, way) for other, error in failed)
            return replace(loaded, fallbacks=(*self.fallbacks, *fallbacks))
        way, last = failed[-1]
        mend = "--runtime torch" if way == ("cpu", "openvino") else "--device cpu"
        raise DeviceError(
            "{runtime} cannot run these weights ({reason}); try {mend}",
            runtime=spoken(*way),
            reason=first_line(last),
            mend=mend,
        ) from last

    def _on(self, way: Way, progress: Callable[[str], None] | None) -> LoadedRuntime:
        device, runtime = way
        made: dict[str, Maps] = {}
        for weights in (self.pose, self.finder):
            if runtime == "openvino":
                from app.openvino_runtime import openvino_maps

                made[weights.kind] = openvino_maps(
                    weights, threads=cpu_threads(), cache=self.cache, progress=progress
                )
            else:
                from app.torch_runtime import torch_maps

                made[weights.kind] = torch_maps(weights, device, threads=cpu_threads())
        return LoadedRuntime(
            model_name=self.pose.name,
            sha256=self.pose.sha256,
            device=device,
            runtime=runtime,
            input_size=self.pose.input_size,
            finder_size=self.finder.input_size,
            pose_maps=made["pose"],
            finder_maps=made["finder"],
            lift=self.lift,
        )


def _converted_earlier(name: str, kind: Kind, cache: Path | None, error: WeightsError) -> Weights:
    """In place of a catalogue's file that is damaged: what was converted from it. Else raises the error."""
    if name.endswith(SUFFIX):
        raise error
    entry = find_entry(name, kind)
    weights = Weights(name=entry.name, kind=kind, sha256=entry.sha256, config=entry.config, data=b"")
    try:
        from app.openvino_runtime import has_converted

        kept = has_converted(weights, cache)
    except Exception:  # no OpenVINO: the damaged file is what is to be spoken of
        kept = False
    if not kept:
        raise error
    return weights


def _damaged(wanted: str, used: str, error: WeightsError) -> Fallback:
    return Fallback(wanted=wanted, used=used, cause="damaged", reason=first_line(error))


def _as_it_is(xyz: FloatArray, confidence: FloatArray) -> FloatArray:
    """In place of a lifter whose weights are damaged."""
    return xyz


def fallback_from(error: BaseException, wanted: Way, used: Way) -> Fallback:
    """What an error of the way `wanted` means, now that `used` runs the networks."""
    kind, text = type(error).__name__, str(error).lower()
    cause: Cause = "unusable"
    if kind == "DisagreementError":
        cause = "disagrees"
    elif isinstance(error, MemoryError) or kind == "OutOfMemoryError" or "out of memory" in text:
        cause = "memory"
    return Fallback(wanted=spoken(*wanted), used=spoken(*used), cause=cause, reason=first_line(error))


def spoken(device: str, runtime: str) -> str:
    """The name of a way to run the networks: "CUDA", "OpenVINO"."""
    if device != "cpu":
        return device.upper()
    return {"openvino": "OpenVINO", "torch": "PyTorch"}.get(runtime, runtime)


# ---------------------------------------------------------------- what this machine has


def ways(device: str = "auto", runtime: str = "auto") -> tuple[Way, ...]:
    """The ways to run the networks here that `device` and `runtime` leave open, the best first.

    Raises DeviceError for one that does not exist or cannot be had.
    """
    if device not in get_args(Device):
        raise DeviceError(
            "unknown device {device!r}; choose one of {known}",
            device=device,
            known=", ".join(get_args(Device)),
        )
    if runtime not in get_args(RuntimeName):
        raise DeviceError(
            "unknown runtime {runtime!r}; choose one of {known}",
            runtime=runtime,
            known=", ".join(get_args(RuntimeName)),
        )
    if runtime == "openvino" and device in ("cuda", "mps"):
        raise DeviceError(
            "the runtime openvino runs on the CPU, not on {device}; leave --runtime out", device=device
        )
    open_ = [way for way in WAYS if device in ("auto", way[0]) and runtime in ("auto", way[1])]
    if importlib.util.find_spec("torch") is None:  # the one-file program
        open_ = [way for way in open_ if way[1] != "torch"]
        if not open_:
            raise DeviceError("PyTorch is not installed here; leave --device and --runtime out")
    found = tuple(way for way in open_ if _is_here(way[0]))
    if not found:
        raise DeviceError(
            "no {device} device that PyTorch can use here; leave --device out or use cpu", device=device
        )
    return found


def _is_here(device: str) -> bool:
    # Importing torch costs a second or two: only where an accelerator can be.
    if device == "cuda" and _nvidia_driver():
        import torch

        return torch.cuda.is_available()
    if device == "mps" and sys.platform == "darwin":
        import torch

        return torch.backends.mps.is_available()
    return device == "cpu"


def _nvidia_driver() -> bool:
    library = {"win32": "nvcuda.dll", "linux": "libcuda.so.1"}.get(sys.platform)
    if library is None:
        return False
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def cpu_threads() -> int:
    """Threads for the network: everything on small machines, else one core is left to the window.

    More than four do not help a network of this size.
    """
    try:
        cores = len(os.sched_getaffinity(0))  # type: ignore[attr-defined,unused-ignore]
    except AttributeError:
        cores = os.cpu_count() or 1
    return cores if cores <= 2 else min(4, cores - 1)
