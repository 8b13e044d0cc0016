"""Place where the fewest GPUs become useless to the workloads that usually come."""

from __future__ import annotations

from collections import Counter as Tally
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from omnicloud.placement.engine.fleet import Fleet, Floats, Rows
from omnicloud.placement.model.workload import GpuRequest, Workload
from omnicloud.placement.rules.constraints.gpus import WHOLE, Devices
from omnicloud.placement.rules.protocol import Objective, Score

__all__ = ["GpuFragmentation"]

_MOST_KINDS = 256
_Kind: TypeAlias = tuple[bytes, GpuRequest | None]


@dataclass(frozen=True)
class _Usual:
    """The kinds of workloads that usually come and use GPUs: one entry, or one row, for each.

    Attributes:
        total: How many came, also of those that use none.
        weights: How often each came.
        demands: In quanta, by dimension of the fleet.
        counts: GPUs.
        sizes: The different thousandths of a GPU that are asked.
        size: Which of the sizes each asks.
        models: Whether it can use the GPUs of each node.
    """

    total: int

    weights: NDArray[np.int64]
    demands: Floats
    counts: NDArray[np.int64]
    sizes: NDArray[np.int64]
    size: NDArray[np.intp]
    models: NDArray[np.bool_]


class _Seen:
    """Counts kinds of workloads until somebody asks what is usual; that then stays."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._seen: Tally[_Kind] = Tally()
        self._usual: _Usual | None = None

    def note(self, workload: Workload) -> None:
        if self._usual is None:
            self._seen[self._fleet.demand(workload).tobytes(), workload.gpu] += 1

    def usual(self) -> _Usual:
        if self._usual is None:
            self._usual = self._summed()
        return self._usual

    def _summed(self) -> _Usual:
        common = sorted(self._seen.items(), key=lambda one: (-one[1], one[0][0], repr(one[0][1])))
        common = common[:_MOST_KINDS]
        using = [(demand, gpu, count) for (demand, gpu), count in common if gpu is not None]
        sizes = sorted({gpu.milli for _, gpu, _ in using})
        models = [n.gpus.model if n.gpus else "" for n in self._fleet.nodes]
        return _Usual(
            sum(count for _, count in common),
            np.array([count for _, _, count in using], dtype=np.int64),
            np.array([np.frombuffer(demand) for demand, _, _ in using]),
            np.array([gpu.count for _, gpu, _ in using], dtype=np.int64),
            np.array(sizes, dtype=np.int64),
            np.array([sizes.index(gpu.milli) for _, gpu, _ in using], dtype=np.intp),
            np.array([[_suits(gpu, model) for model in models] for _, gpu, _ in using]),
        )


def _suits(gpu: GpuRequest, model: str) -> bool:
    return not gpu.models or model in gpu.models


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
        fleet.table(_Seen).note(workload)

    def score(self, fleet: Fleet, workload: Workload) -> Score | None:
        """Concerns every workload where nodes have GPUs and anything was announced."""
        usual = fleet.table(_Seen).usual()
        if not usual.weights.size or not any(node.gpus for node in fleet.nodes):
            return None
        return _Gradient(fleet, workload, usual)


class _Gradient(Score):
    def __init__(self, fleet: Fleet, workload: Workload, usual: _Usual) -> None:
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
        devices = self._after(np.maximum(self._devices.free[rows], 0))
        free = self._fleet.free[:, rows] - self._demand
        return self._lost[rows] - self._useless(rows, free, devices)

    def _after(self, devices: NDArray[np.int64]) -> NDArray[np.int64]:
        """The devices with the workload on those that it would get."""
        if self._gpu is None:
            return devices
        fitting = devices >= self._gpu.milli
        if self._gpu.milli >= WHOLE:
            chosen = fitting & (fitting.cumsum(axis=1) <= self._gpu.count)
            return devices - chosen * self._gpu.milli
        after = devices.copy()
        fullest = np.where(fitting, devices, WHOLE + 1).argmin(axis=1)
        after[np.arange(len(after)), fullest] -= self._gpu.milli
        return np.maximum(after, 0)

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
