"""Fill nodes up, or leave as much free as can be: by shares of each node's own capacity."""

from __future__ import annotations

import numpy as np

from omnicloud.placement.engine.fleet import Fleet, Floats, Rows
from omnicloud.placement.model.workload import Workload
from omnicloud.placement.rules.constraints.gpus import WHOLE, Devices
from omnicloud.placement.rules.protocol import Objective, Score

__all__ = ["Density", "LeastUsed"]


class Density(Objective):
    """The share of the node in use afterwards, mean over what the workload asks.

    Known from Kubernetes as MostAllocated.
    """

    name = "density"

    def score(self, fleet: Fleet, workload: Workload) -> Score | None:
        """Concerns workloads that ask something."""
        return _Used(fleet, workload, sign=1.0) if _asks(fleet, workload) else None


class LeastUsed(Objective):
    """The share of the node that is free afterwards, mean over what the workload asks.

    Known from Kubernetes as LeastAllocated.
    """

    name = "spread"

    def score(self, fleet: Fleet, workload: Workload) -> Score | None:
        """Concerns workloads that ask something."""
        return _Used(fleet, workload, sign=-1.0) if _asks(fleet, workload) else None


def _asks(fleet: Fleet, workload: Workload) -> bool:
    return bool(fleet.demand(workload).any() or workload.gpu)


class _Used(Score):
    def __init__(self, fleet: Fleet, workload: Workload, sign: float) -> None:
        self.bounds = (0.0, 1.0) if sign > 0 else (-1.0, 0.0)
        demand = fleet.demand(workload)
        asked = [int(dimension) for dimension in np.flatnonzero(demand)]
        self.key = sign, demand.tobytes(), workload.gpu and (workload.gpu.count, workload.gpu.milli)
        self._weight = sign / (len(asked) + (workload.gpu is not None))
        self._sign = sign
        self._columns = [(fleet.free[d], fleet.shares[d], float(demand[d])) for d in asked]
        gpu = workload.gpu
        self._gpu = _GpuUse(fleet, gpu.count * gpu.milli) if gpu is not None else None

    def raw(self, rows: Rows) -> Floats:
        """One less what is free afterwards; a node without capacity counts as full."""
        free: Floats | None = None if self._gpu is None else self._gpu.free_after(rows)
        for column, shares, wanted in self._columns:
            share = (column[rows] - wanted) * shares[rows]
            free = share if free is None else free + share
        if free is None:  # nothing is asked: see score
            raise ValueError("a workload that asks nothing has no use to be scored")
        return self._sign - free * self._weight

    def one(self, row: int) -> float:
        """The same sums in the same order."""
        free = 0.0 if self._gpu is None else self._gpu.free_after_one(row)
        for column, shares, wanted in self._columns:
            free += (column.item(row) - wanted) * shares.item(row)
        return self._sign - free * self._weight


class _GpuUse:
    def __init__(self, fleet: Fleet, milli: int) -> None:
        self._devices = fleet.book(Devices)
        self._all = np.maximum(fleet.gpus, 1) * float(WHOLE)
        self._milli = milli

    def free_after(self, rows: Rows) -> Floats:
        after: Floats = (self._devices.total[rows] - self._milli) / self._all[rows]
        return after

    def free_after_one(self, row: int) -> float:
        return (self._devices.total.item(row) - self._milli) / self._all.item(row)
