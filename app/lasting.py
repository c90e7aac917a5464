"""A runtime that outlasts the one it runs on: a graphics card that is lost, memory that runs out, NaNs.

The estimator and everything after it know nothing of it: the frame that could not be read is read again by
the next runtime, and the same person is followed on.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from app.errors import first_line
from app.runtimes import (
    LIFTER,
    Fallback,
    Networks,
    Runtime,
    fallback_from,
    spoken,
    warm_up,
    ways,
)
from app.skeleton import FloatArray
from app.weights import WeightsError

log = logging.getLogger(__name__)

Spare = Callable[[], Runtime]
Told = Callable[[Fallback, Runtime], None]


class NotNumbersError(RuntimeError):
    """A runtime's maps are not finite."""


class LastingRuntime:
    """Runs on `first` until that breaks, then on the next of `spares`, and so on. A Runtime itself.

    spares: each makes a runtime, when it is needed; one that cannot be made is passed over. told: is called
    with what happened and the runtime that is used from then on, on the thread that asked for the maps.
    When the last one breaks, its error is raised. Maps that are no numbers count as broken, too; but when the
    next runtime gives none either, the weights are at fault: the maps are given as they are (whoever reads
    them sees nobody), and it stays where it is.
    """

    def __init__(self, first: Runtime, spares: Sequence[Spare] = (), *, told: Told | None = None) -> None:
        self._now = first
        self._spares = list(spares)
        self._told = told
        self._blind = False  # the weights themselves give no numbers
        self._lifts = True

    @property
    def model_name(self) -> str:
        return self._now.model_name

    @property
    def sha256(self) -> str:
        return self._now.sha256

    @property
    def device(self) -> str:
        return self._now.device

    @property
    def runtime(self) -> str:
        return self._now.runtime

    @property
    def input_size(self) -> int:
        return self._now.input_size

    @property
    def finder_size(self) -> int:
        return self._now.finder_size

    def pose_maps(self, batch: FloatArray) -> FloatArray:
        return self._maps(lambda runtime: runtime.pose_maps(batch))

    def finder_maps(self, batch: FloatArray) -> FloatArray:
        return self._maps(lambda runtime: runtime.finder_maps(batch))

    def lift(self, xyz: FloatArray, confidence: FloatArray) -> FloatArray:
        """As the lifter has it; where that gives no numbers, the joints as they were."""
        lifted = self._now.lift(xyz, confidence)
        if np.isfinite(lifted).all():
            return lifted
        if self._lifts and np.isfinite(xyz).all():
            self._lifts = False
            used = "depth as the network reads it"
            self._tell(Fallback(wanted=LIFTER, used=used, cause="numbers", reason="it gave no numbers"))
        return xyz

    def _maps(self, read: Callable[[Runtime], FloatArray]) -> FloatArray:
        maps: FloatArray | None = None
        try:
            maps = read(self._now)
            # A sum is finite only when all are: a third of the time that looking at each takes.
            if self._blind or np.isfinite(maps.sum(dtype=np.float32)):
                return maps
            raise NotNumbersError("its maps are no numbers")
        except Exception as error:  # whatever a driver raises
            return self._read_elsewhere(read, error, maps)

    def _read_elsewhere(
        self, read: Callable[[Runtime], FloatArray], error: Exception, nonsense: FloatArray | None
    ) -> FloatArray:
        """The maps of the next runtime that gives any."""
        broken = self._now
        log.error("%s broke", spoken(broken.device, broken.runtime), exc_info=error)
        while self._spares:
            try:
                spare = self._spares[0]()
                maps = read(spare)
            except Exception as again:
                log.warning("a runtime in reserve cannot be used: %s", first_line(again))
                self._spares.pop(0)
                continue
            if nonsense is not None and not np.isfinite(maps).all():
                self._blind = True  # the spare stays one
                self._tell(_change(error, broken, broken))
                return nonsense
            self._spares.pop(0)
            self._now = spare
            self._tell(_change(error, broken, spare))
            return maps
        if nonsense is not None:
            self._blind = True
            self._tell(_change(error, broken, broken))
            return nonsense
        raise error

    def _tell(self, fallback: Fallback) -> None:
        log.warning("%s", fallback)
        if self._told is not None:
            self._told(fallback, self._now)


def load_lasting(
    name: str = "auto",
    *,
    device: str = "auto",
    runtime: str = "auto",
    cache: Path | None = None,
    progress: Callable[[str], None] | None = None,
    told: Told | None = None,
    or_default: bool = False,
) -> tuple[LastingRuntime, tuple[Fallback, ...]]:
    """What `load_runtime` gives, warmed up, with the CPU in reserve; and what did not go the preferred way.

    told: of what breaks later. or_default: weights called `name` that cannot be used are replaced by the
    default ones. The weights stay in memory, so that a runtime in reserve needs no file. Raises as
    `load_runtime` does.
    """
    possible = ways(device, runtime)
    fallbacks: tuple[Fallback, ...] = ()
    try:
        networks = Networks.read(name, cache=cache)
    except WeightsError as error:
        if not or_default or name == "auto":
            raise
        networks = Networks.read(cache=cache)
        fallbacks = (
            Fallback(wanted=name, used=networks.pose.name, cause="damaged", reason=first_line(error)),
        )
    first = networks.on(possible, progress)
    reserve = [way for way in ways("cpu") if way != (first.device, first.runtime)]
    spares = [partial(networks.on, [way], progress) for way in reserve]
    lasting = LastingRuntime(first, spares, told=told)
    warm_up(lasting)
    return lasting, fallbacks + first.fallbacks


def _change(error: Exception, broken: Runtime, used: Runtime) -> Fallback:
    change = fallback_from(error, (broken.device, broken.runtime), (used.device, used.runtime))
    if isinstance(error, NotNumbersError):
        return replace(change, cause="numbers")
    return replace(change, cause="broke") if change.cause == "unusable" else change
