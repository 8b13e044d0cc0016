"""GPUs, whole or in shares: which devices of a node are free, and by how much."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from omnicloud.placement.engine.fleet import Fleet, Rows
from omnicloud.placement.model.verdict import Verdict
from omnicloud.placement.model.workload import GpuRequest, Workload
from omnicloud.placement.rules.protocol import Bools, Filter, Rule

__all__ = ["REMEMBERED", "WHOLE", "Devices", "GpuShares"]

WHOLE = 1000
REMEMBERED = 4096
"""So many that left would get the same devices again; a trial without them is over by then."""


class Devices:
    """What is free of each device, and of each node's devices together.

    A share goes to the fullest device that can take it, whole devices are taken from the first
    on, so that the choice depends on nothing but the node.

    Attributes:
        free: Thousandths of each device; -1 where the node has no such device.
        total: Of each node.
        whole: Devices of each node that nobody uses.
        largest: What the freest device of each node has; -1 where it has none.
    """

    def __init__(self, fleet: Fleet) -> None:
        numbers = np.arange(fleet.gpus.max(initial=0))
        there = numbers[None, :] < fleet.gpus[:, None]
        self.free: NDArray[np.int64] = np.where(there, WHOLE, -1)
        self.total: NDArray[np.int64] = fleet.gpus * WHOLE
        self.whole: NDArray[np.int64] = fleet.gpus.copy()
        self.largest: NDArray[np.int64] = np.where(fleet.gpus > 0, WHOLE, -1)
        self._taken: dict[str, tuple[int, ...]] = {}
        self._before = {
            (name, fleet.rows[one.node]): one.gpus for name, one in fleet.known.items() if one.gpus
        }

    def taken(self, workload: str) -> tuple[int, ...]:
        """The devices that a placed workload has."""
        return self._taken.get(workload, ())

    def choose(self, row: int, request: GpuRequest) -> tuple[int, ...]:
        """The devices that it would get; fewer than asked where they are not there."""
        free = self.free[row].tolist()
        fitting = [device for device, left in enumerate(free) if left >= request.milli]
        if request.milli < WHOLE:
            fitting.sort(key=free.__getitem__)
        return tuple(fitting[: request.count])

    def added(self, row: int, workload: Workload) -> None:
        """Take its devices; the same as before where it comes back after a trial without it."""
        if workload.gpu is None:
            return
        chosen = self._before.pop((workload.name, row), ())
        if not self._good(row, chosen, workload.gpu):
            chosen = self.choose(row, workload.gpu)
        self._taken[workload.name] = chosen
        self._change(row, chosen, -workload.gpu.milli)

    def _good(self, row: int, devices: tuple[int, ...], request: GpuRequest) -> bool:
        known = all(0 <= device < self.free.shape[1] for device in devices)
        right = known and len(devices) == request.count
        return right and all(self.free[row, device] >= request.milli for device in devices)

    def removed(self, row: int, workload: Workload) -> None:
        """Give its devices back."""
        if workload.gpu is None:
            return
        chosen = self._before[workload.name, row] = self._taken.pop(workload.name)
        if len(self._before) > REMEMBERED:
            del self._before[next(iter(self._before))]
        self._change(row, chosen, workload.gpu.milli)

    def _change(self, row: int, devices: tuple[int, ...], milli: int) -> None:
        for device in devices:
            self.free[row, device] += milli
        left = self.free[row].tolist()
        self.total[row] += len(devices) * milli
        self.whole[row] = left.count(WHOLE)
        self.largest[row] = max(left)


class GpuShares(Rule):
    """As many devices as asked have the asked share free."""

    name = "gpus"

    def filter(self, fleet: Fleet, workload: Workload, eligible: Bools) -> Filter | None:
        """Concerns workloads that use GPUs."""
        return _Free(fleet, workload.gpu) if workload.gpu else None


class _Free(Filter):
    def __init__(self, fleet: Fleet, request: GpuRequest) -> None:
        self._fleet = fleet
        self._request = request
        self._devices = fleet.book(Devices)
        self.key = request.count, request.milli

    def admits(self, row: int) -> bool:
        """Whether so many are free."""
        if self._request.milli < WHOLE:
            return bool(self._devices.largest[row] >= self._request.milli)
        return bool(self._devices.whole[row] >= self._request.count)

    def passes(self, rows: Rows) -> Bools:
        if self._request.milli < WHOLE:
            share: Bools = self._devices.largest[rows] >= self._request.milli
            return share
        good: Bools = self._devices.whole[rows] >= self._request.count
        return good

    def nearest(self, rows: NDArray[np.intp]) -> int:
        """The node with the most fitting devices."""
        if self._request.milli < WHOLE:
            return int(rows[0])  # none of them has one
        return int(rows[int(self._devices.whole[rows].argmax())])

    def verdict(self, row: int) -> Verdict:
        fitting = int((self._devices.free[row] >= self._request.milli).sum())
        wanted, share = self._request.count, self._request.milli / WHOLE
        node = self._fleet.nodes[row].name
        words = f"{node} has {fitting} GPUs with {share:g} of them free, {wanted} are asked"
        return Verdict(GpuShares.name, fitting >= wanted, words, wanted, fitting, "GPUs")
