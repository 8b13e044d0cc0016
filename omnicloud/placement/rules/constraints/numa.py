"""CPU and memory from one NUMA zone, for those that ask for it."""

from __future__ import annotations

import numpy as np

from omnicloud.placement.engine.fleet import Fleet, Floats, Rows
from omnicloud.placement.model.node import Node, NumaZone
from omnicloud.placement.model.resources import Resources
from omnicloud.placement.model.verdict import Verdict
from omnicloud.placement.model.workload import Workload
from omnicloud.placement.rules.constraints.gpus import REMEMBERED
from omnicloud.placement.rules.protocol import Bools, Filter, Rule

__all__ = ["ZoneFit", "Zones"]


class Zones:
    """What aligned workloads left free in each zone, CPU then memory, in quanta.

    Workloads that are not aligned are kept to no zone: they use what the others left, wherever
    it is, so that only the node's totals bind them. A node without zones is one zone.
    """

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        zones = [_zones(node) for node in fleet.nodes]
        self.free = np.full((2, len(fleet), max(map(len, zones), default=1)), -1.0)
        for row, found in enumerate(zones):
            for number, zone in enumerate(found):
                self.free[:, row, number] = self._quanta(zone)
        self._taken: dict[str, int] = {}
        self._before = {
            (name, fleet.rows[one.node]): one.numa_zone
            for name, one in fleet.known.items()
            if one.numa_zone is not None
        }

    def demand(self, workload: Workload) -> Floats:
        """CPU and memory that it asks of its zone."""
        names = [dimension.name for dimension in self._fleet.schema.dimensions]
        indices = [names.index("cpu_cores"), names.index("memory_bytes")]
        return self._fleet.demand(workload)[indices]

    def taken(self, workload: str) -> int | None:
        """The zone of a placed workload."""
        return self._taken.get(workload)

    def added(self, row: int, workload: Workload) -> None:
        """Take it from the zone where it was before, or where the least CPU is left over."""
        if workload.numa_aligned:
            wanted = self.demand(workload)
            left = self.free[:, row, :] - wanted[:, None]
            good = (left[0] >= 0) & (left[1] >= 0)
            zone = self._before.pop((workload.name, row), -1)
            if not (0 <= zone < good.size and good[zone]):
                zone = int(np.where(good, left[0], np.inf).argmin())
            self._taken[workload.name] = zone
            self.free[:, row, zone] -= wanted

    def removed(self, row: int, workload: Workload) -> None:
        """Give it back."""
        if workload.numa_aligned:
            zone = self._before[workload.name, row] = self._taken.pop(workload.name)
            if len(self._before) > REMEMBERED:
                del self._before[next(iter(self._before))]
            self.free[:, row, zone] += self.demand(workload)

    def _quanta(self, zone: NumaZone) -> Floats:
        amounts = Resources(cpu_cores=zone.cpu_cores, memory_bytes=zone.memory_bytes)
        offered = self._fleet.schema.offered(amounts)
        names = [dimension.name for dimension in self._fleet.schema.dimensions]
        return offered[[names.index("cpu_cores"), names.index("memory_bytes")]]


def _zones(node: Node) -> tuple[NumaZone, ...]:
    whole = NumaZone(node.capacity.cpu_cores, node.capacity.memory_bytes)
    return node.numa or (whole,)


class ZoneFit(Rule):
    """One zone has it all."""

    name = "numa"

    def filter(self, fleet: Fleet, workload: Workload, eligible: Bools) -> Filter | None:
        """Concerns aligned workloads."""
        return _Fits(fleet, workload) if workload.numa_aligned else None


class _Fits(Filter):
    def __init__(self, fleet: Fleet, workload: Workload) -> None:
        self._fleet = fleet
        self._zones = fleet.book(Zones)
        self._wanted = self._zones.demand(workload)
        self.key = self._wanted.tobytes()

    def passes(self, rows: Rows) -> Bools:
        cpu, memory = self._zones.free
        good: Bools = ((cpu[rows] >= self._wanted[0]) & (memory[rows] >= self._wanted[1])).any(
            axis=1
        )
        return good

    def verdict(self, row: int) -> Verdict:
        passed = bool(self.passes(slice(row, row + 1))[0])
        most = float(self._zones.free[0, row].max()) * self._fleet.schema.dimensions[0].quantum
        wanted = float(self._wanted[0]) * self._fleet.schema.dimensions[0].quantum
        node = self._fleet.nodes[row].name
        words = (
            f"{node} has {most:g} cores free in its freest zone, {wanted:g} and memory are asked"
        )
        return Verdict(ZoneFit.name, passed, words, wanted, most, "cores")
