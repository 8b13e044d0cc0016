"""Place where the most room is left for the workloads that usually use GPUs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from omnicloud.placement.engine.fleet import Fleet, Floats, Rows
from omnicloud.placement.model.workload import Workload
from omnicloud.placement.rules.constraints.gpus import WHOLE, Devices
from omnicloud.placement.rules.objectives.usual_gpus import Seen, Usual, with_one_more
from omnicloud.placement.rules.protocol import Objective, Score

__all__ = ["GpuRoom"]


class GpuRoom(Objective):
    """How much less of a node's GPUs the usual workloads could fill afterwards.

    For each kind: as many of it as devices, processors and memory of the node allow, one at
    least; the mean over the kinds, in thousandths of a GPU. Where processors run out before GPUs
    this falls at once, and fragmentation only when the last workload does not fit any more.
    """

    name = "gpu_room"

    def announce(self, fleet: Fleet, workload: Workload) -> None:
        """Count it among the usual ones."""
        fleet.table(Seen).note(workload)

    def score(self, fleet: Fleet, workload: Workload) -> Score | None:
        """Concerns every workload where nodes have GPUs and anything was announced."""
        usual = fleet.table(Seen).usual()
        if not usual.weights.size or not any(node.gpus for node in fleet.nodes):
            return None
        return _Taken(fleet, workload, usual)


class _Room:
    """The room of each node as it is; NaN where it changed since somebody asked."""

    def __init__(self, fleet: Fleet) -> None:
        self.room: Floats = np.full(len(fleet), np.nan)

    def added(self, row: int, workload: Workload) -> None:
        self.room[row] = np.nan

    def removed(self, row: int, workload: Workload) -> None:
        self.room[row] = np.nan


class _Taken(Score):
    def __init__(self, fleet: Fleet, workload: Workload, usual: Usual) -> None:
        self._fleet = fleet
        self._usual = usual
        self._devices = fleet.book(Devices)
        self._demand = fleet.demand(workload)[:, None]
        self._gpu = gpu = workload.gpu
        self._room = fleet.book(_Room).room
        self.key = self._demand.tobytes(), gpu and (gpu.count, gpu.milli)
        self.bounds = (-float(WHOLE * self._devices.free.shape[1]), 0.0)

    def raw(self, rows: Rows) -> Floats:
        rows = np.arange(len(self._room))[rows]
        stale = rows[np.isnan(self._room[rows])]
        if stale.size:
            devices = np.maximum(self._devices.free[stale], 0)
            self._room[stale] = self._counted(stale, self._fleet.free[:, stale], devices)
        devices = with_one_more(np.maximum(self._devices.free[rows], 0), self._gpu)
        free = self._fleet.free[:, rows] - self._demand
        return self._counted(rows, free, devices) - self._room[rows]

    def _counted(self, rows: Rows, free: Floats, devices: NDArray[np.int64]) -> Floats:
        usual = self._usual
        pieces = (devices[None, :, :] // usual.sizes[:, None, None]).sum(axis=2)[usual.size]
        many = (pieces // usual.counts[:, None] * WHOLE).astype(np.float64)
        for column, wanted in zip(free, usual.demands.T, strict=True):
            with np.errstate(divide="ignore", invalid="ignore"):
                np.fmin(many, column * WHOLE / wanted[:, None], out=many)
        whole = np.maximum(many, 0).astype(np.int64)  # thousandths of a workload
        whole *= (whole >= WHOLE) & usual.models[:, rows]
        # whole numbers, so that one node gets the same to the last bit as a column of them
        worth = usual.weights * usual.counts * usual.sizes[usual.size]
        room: Floats = (worth @ whole) / (int(usual.weights.sum()) * WHOLE)
        return room
