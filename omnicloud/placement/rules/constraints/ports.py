"""A port of a node's addresses belongs to one workload."""

from __future__ import annotations

import numpy as np

from omnicloud.placement.engine.fleet import Fleet, Rows
from omnicloud.placement.model.verdict import Verdict
from omnicloud.placement.model.workload import Workload
from omnicloud.placement.rules.protocol import Bools, Filter, Rule

__all__ = ["Ports"]


class _Used:
    """How often each port is taken on each node."""

    def __init__(self, fleet: Fleet) -> None:
        self._size = len(fleet)
        self._used: dict[int, np.ndarray[tuple[int], np.dtype[np.int64]]] = {}

    def of(self, port: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        if port not in self._used:
            self._used[port] = np.zeros(self._size, dtype=np.int64)
        return self._used[port]

    def added(self, row: int, workload: Workload) -> None:
        for port in workload.ports:
            self.of(port)[row] += 1

    def removed(self, row: int, workload: Workload) -> None:
        for port in workload.ports:
            self.of(port)[row] -= 1


class Ports(Rule):
    """None of the workload's ports is taken."""

    name = "ports"

    def filter(self, fleet: Fleet, workload: Workload, eligible: Bools) -> Filter | None:
        """Concerns workloads with ports."""
        return _Free(fleet, workload) if workload.ports else None


class _Free(Filter):
    def __init__(self, fleet: Fleet, workload: Workload) -> None:
        self._fleet = fleet
        used = fleet.book(_Used)
        self._ports = [(port, used.of(port)) for port in sorted(workload.ports)]
        self.key = workload.ports

    def passes(self, rows: Rows) -> Bools:
        taken = [column[rows] > 0 for _, column in self._ports]
        free: Bools = ~np.logical_or.reduce(taken)
        return free

    def verdict(self, row: int) -> Verdict:
        node = self._fleet.nodes[row].name
        taken = [str(port) for port, column in self._ports if column[row] > 0]
        words = f"{node} has port {', '.join(taken)} taken" if taken else f"{node}: all ports free"
        return Verdict(Ports.name, not taken, words)
