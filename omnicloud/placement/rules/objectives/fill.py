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
        self._fleet = fleet
        demand = fleet.demand(workload)
        self.bounds = (0.0, 1.0) if sign > 0 else (-1.0, 0.0)
        asked = [int(dimension) for dimension in np.flatnonzero(demand)]
        parts = len(asked) + (workload.gpu is not None)
        self._shares: list[tuple[int, float, Floats]] = []
        for dimension in asked:
            with np.errstate(divide="ignore"):
                scale = sign / (parts * fleet.capacity[dimension])
            scale[~np.isfinite(scale)] = 0.0
            self._shares.append((dimension, float(demand[dimension]), scale))
        self._gpu = None
        if workload.gpu is not None:
            self._gpu = _GpuUse(fleet, workload.gpu.count * workload.gpu.milli, sign / parts)

    def raw(self, rows: Rows) -> Floats:
        total: Floats = self._gpu.raw(rows) if self._gpu else np.zeros(1)
        for dimension, wanted, scale in self._shares:
            used = self._fleet.capacity[dimension][rows] - self._fleet.free[dimension][rows]
            total = total + (used + wanted) * scale[rows]
        return total


class _GpuUse:
    def __init__(self, fleet: Fleet, milli: int, scale: float) -> None:
        self._devices = fleet.book(Devices)
        counts = np.array([node.gpus.count if node.gpus else 0 for node in fleet.nodes])
        self._all = np.maximum(counts, 1) * float(WHOLE)
        self._milli = milli
        self._scale = scale

    def raw(self, rows: Rows) -> Floats:
        free = np.maximum(self._devices.free[rows], 0).sum(axis=1)
        used: Floats = (self._all[rows] - free + self._milli) / self._all[rows] * self._scale
        return used
