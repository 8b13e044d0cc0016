"""Put shares of GPUs together that fill a device, as the sizes that usually come allow."""

from __future__ import annotations

from collections import Counter as Tally

import numpy as np
from numpy.typing import NDArray

from omnicloud.placement.engine.fleet import Fleet, Floats, Rows
from omnicloud.placement.model.workload import Workload
from omnicloud.placement.rules.constraints.gpus import WHOLE, Devices
from omnicloud.placement.rules.protocol import Objective, Score

__all__ = ["GpuPacking", "worth"]

_UNIT = 10  # thousandths; sizes are rounded up to it
_UNITS = WHOLE // _UNIT
_ROUNDS = 300
_STEP = 0.1


class GpuPacking(Objective):
    """How much less the free share of a device is worth afterwards than the workload is.

    A free share is worth the dearest set of usual sizes that fits into it. The price of a size is
    that of the cutting-stock problem of all of them: 470 of 1000 cost half a device, because a
    second one fits beside it, and 810 a whole one where hardly anybody asks for the rest.
    Such prices are those of Gilmore and Gomory, "A Linear Programming Approach to the
    Cutting-Stock Problem", Operations Research 9 (1961); here to within some hundredths.
    """

    name = "gpu_packing"

    def announce(self, fleet: Fleet, workload: Workload) -> None:
        """Count its size among the usual ones."""
        if workload.gpu is not None and workload.gpu.milli < WHOLE:
            fleet.table(_Sizes).note(workload.gpu.milli)

    def score(self, fleet: Fleet, workload: Workload) -> Score | None:
        """Concerns workloads that ask a share, where anything was announced."""
        if workload.gpu is None or workload.gpu.milli >= WHOLE:
            return None
        values = fleet.table(_Sizes).values()
        return None if values is None else _Loss(fleet, workload.gpu.milli, values)


class _Sizes:
    """Counts sizes until somebody asks what they are worth; that then stays."""

    def __init__(self, fleet: Fleet) -> None:
        self._seen: Tally[int] = Tally()
        self._values: Floats | None = None

    def note(self, milli: int) -> None:
        if self._values is None:
            self._seen[-(-milli // _UNIT)] += 1

    def values(self) -> Floats | None:
        """What each free share is worth, by thousandths; ``None`` where no size was seen."""
        if self._values is None and self._seen:
            sizes = np.array(sorted(self._seen), dtype=np.intp)
            demand = np.array([self._seen[int(size)] for size in sizes], dtype=np.float64)
            self._values = worth(sizes, demand)[np.arange(WHOLE + 1) // _UNIT]
        return self._values


class _Loss(Score):
    bounds = (-1.0, 0.0)

    def __init__(self, fleet: Fleet, milli: int, values: Floats) -> None:
        self._devices = fleet.book(Devices)
        self._milli = self.key = milli
        self._loss = np.zeros(WHOLE + 2)  # by what is free; the last for nodes without room
        self._loss[milli : WHOLE + 1] = values[milli:] - values[: WHOLE + 1 - milli]

    def raw(self, rows: Rows) -> Floats:
        free = self._devices.free[rows]
        fullest = np.where(free >= self._milli, free, WHOLE + 1).min(axis=1, initial=WHOLE + 1)
        lost: Floats = -self._loss[fullest]
        return lost


def worth(sizes: NDArray[np.intp], demand: Floats) -> Floats:
    """What each number of free units of a device is worth, a whole device 1.

    Args:
        sizes: In units, each once.
        demand: How often each comes.
    """
    prices = sizes / _UNITS
    best, most = _values(sizes, prices), 0.0
    for _ in range(_ROUNDS):
        values = _values(sizes, prices)
        prices /= values[-1]
        values /= values[-1]
        if demand @ prices > most:  # no fewer devices do than this, so the highest is the best
            best, most = values, float(demand @ prices)
        used = _dearest(sizes, prices, values) / demand
        prices *= np.exp(-_STEP * used / used.max())
    return best


def _values(sizes: NDArray[np.intp], prices: Floats) -> Floats:
    """The dearest set of sizes that fits into each number of units."""
    values = np.zeros(_UNITS + 1)
    fitting = np.searchsorted(sizes, np.arange(_UNITS + 1), side="right")
    for units in range(int(sizes[0]), _UNITS + 1):
        some = sizes[: fitting[units]]
        values[units] = max(values[units - 1], (values[units - some] + prices[: some.size]).max())
    return values


def _dearest(sizes: NDArray[np.intp], prices: Floats, values: Floats) -> Floats:
    """How many of each size are in the dearest set that fits into a whole device."""
    counts = np.zeros(len(sizes))
    left = _UNITS
    while left >= sizes[0]:
        some = sizes[sizes <= left]
        gains = values[left - some] + prices[: some.size]
        last = int(gains.argmax())
        if gains[last] < values[left] - 1e-12:
            left -= 1  # the same set fits into less
        else:
            counts[last] += 1
            left -= int(sizes[last])
    return counts
