"""Place where the fewest GPUs become useless to the workloads that usually come."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from omnicloud.placement.engine.fleet import Fleet, Floats, Rows
from omnicloud.placement.model.workload import Workload
from omnicloud.placement.rules.constraints.gpus import WHOLE, Devices
from omnicloud.placement.rules.objectives.usual_gpus import Seen, Usual, with_one_more
from omnicloud.placement.rules.protocol import Objective, Score

__all__ = ["GpuFragmentation"]


class _Lost:
    """What of each node is useless as it is; NaN where it changed since somebody asked."""

    def __init__(self, fleet: Fleet) -> None:
        self.lost: Floats = np.full(len(fleet), np.nan)

    def added(self, row: int, workload: Workload) -> None:
        self.lost[row] = np.nan

    def removed(self, row: int, workload: Workload) -> None:
        self.lost[row] = np.nan


class GpuFragmentation(Objective):
    """How many free GPUs (in thousandths) become useless to the usual workloads.

    A free share of a device is useless to a kind that does not fit onto the node at all, or that
    asks for more of a device than this one has. The mean over the kinds is the node's
    fragmentation, and its rise is what counts: Weng et al., "Beware of Fragmentation: Scheduling
    GPU-Sharing Workloads with Fragmentation Gradient Descent", USENIX ATC 2023.
    """

    name = "gpu_fragmentation"

    def announce(self, fleet: Fleet, workload: Workload) -> None:
        """Count it among the usual ones."""
        fleet.table(Seen).note(workload)

    def score(self, fleet: Fleet, workload: Workload) -> Score | None:
        """Concerns every workload where nodes have GPUs and anything was announced."""
        usual = fleet.table(Seen).usual()
        if not usual.weights.size or not any(node.gpus for node in fleet.nodes):
            return None
        return _Gradient(fleet, workload, usual)


class _Gradient(Score):
    def __init__(self, fleet: Fleet, workload: Workload, usual: Usual) -> None:
        self._fleet = fleet
        self._usual = usual
        self._devices = fleet.book(Devices)
        self._demand = fleet.demand(workload)[:, None]
        self._gpu = workload.gpu
        self._lost = fleet.book(_Lost).lost
        gpu = workload.gpu
        self.key = self._demand.tobytes(), gpu and (gpu.count, gpu.milli)
        most = float(WHOLE * self._devices.free.shape[1])
        self.bounds = (-most, most)

    def raw(self, rows: Rows) -> Floats:
        rows = np.arange(len(self._lost))[rows]
        stale = rows[np.isnan(self._lost[rows])]
        if stale.size:
            devices = np.maximum(self._devices.free[stale], 0)
            self._lost[stale] = self._useless(stale, self._fleet.free[:, stale], devices)
        devices = with_one_more(np.maximum(self._devices.free[rows], 0), self._gpu)
        free = self._fleet.free[:, rows] - self._demand
        return self._lost[rows] - self._useless(rows, free, devices)

    def _useless(self, rows: Rows, free: Floats, devices: NDArray[np.int64]) -> Floats:
        usual = self._usual
        fitting = devices[None, :, :] >= usual.sizes[:, None, None]
        runs = fitting.sum(axis=2)[usual.size] >= usual.counts[:, None]
        runs &= usual.models[:, rows]
        for column, wanted in zip(free, usual.demands.T, strict=True):
            runs &= column >= wanted[:, None]
        useful = runs * (devices[None, :, :] * fitting).sum(axis=2)[usual.size]
        # whole numbers, so that one node gets the same to the last bit as a column of them
        lost: Floats = devices.sum(axis=1) - (usual.weights @ useful) / usual.total
        return lost
