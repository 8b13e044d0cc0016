"""What a workload asks is free on the node, in every dimension."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from omnicloud.placement.engine.fleet import Fleet, Floats, Rows
from omnicloud.placement.model.verdict import Verdict
from omnicloud.placement.model.workload import Workload
from omnicloud.placement.rules.protocol import Bools, Filter, Rule

__all__ = ["FreeResources"]


class FreeResources(Rule):
    """Nothing is promised twice; how many workloads a node takes is bounded too."""

    name = "resources"

    def filter(self, fleet: Fleet, workload: Workload, eligible: Bools) -> Filter | None:
        """Concerns every workload."""
        return _Free(fleet, fleet.demand(workload))


class _Free(Filter):
    def __init__(self, fleet: Fleet, demand: Floats) -> None:
        self._fleet = fleet
        self._asked = [(int(d), float(demand[d])) for d in np.flatnonzero(demand)]
        self._most = fleet.most
        self.key = demand.tobytes()
        self._columns = [(fleet.free[dimension], wanted) for dimension, wanted in self._asked]

    def passes(self, rows: Rows) -> Bools:
        good: Bools | None = None
        for free, wanted in self._columns:
            enough: Bools = free[rows] >= wanted
            good = enough if good is None else np.logical_and(good, enough, out=good)
        if self._most is not None:
            room = self._fleet.counts[rows] < self._most[rows]
            good = room if good is None else good & room
        return np.ones(self._fleet.counts[rows].shape, np.bool_) if good is None else good

    def admits(self, row: int) -> bool:
        """Whether all that is asked is free."""
        for free, wanted in self._columns:
            if free[row] < wanted:
                return False
        return self._most is None or bool(self._fleet.counts[row] < self._most[row])

    def nearest(self, rows: NDArray[np.intp]) -> int:
        """The node with the smallest shortage relative to what is asked."""
        if not self._asked:
            return int(rows[0])
        short = np.zeros(rows.shape)
        for free, wanted in self._columns:
            np.maximum(short, (wanted - free[rows]) / wanted, out=short)
        return int(rows[int(short.argmin())])

    def verdict(self, row: int) -> Verdict:
        node = self._fleet.nodes[row]
        if self._most is not None and self._fleet.counts[row] >= self._most[row]:
            most, has = float(self._most[row]), float(self._fleet.counts[row])
            words = f"{node.name} takes {most:g} workloads and has {has:g}"
            return Verdict(FreeResources.name, False, words, 1.0, most - has, "workloads")
        if not self._asked:
            return Verdict(FreeResources.name, True, f"{node.name} is asked nothing")
        shortest = min(self._asked, key=lambda one: self._fleet.free[one[0], row] / one[1])
        dimension, wanted = shortest
        known = self._fleet.schema.dimensions[dimension]
        want, have = wanted * known.quantum, float(self._fleet.free[dimension, row]) * known.quantum
        words = f"{node.name} has {have:g} {known.unit} of {known.name} free, {want:g} are asked"
        return Verdict(FreeResources.name, have >= want, words, want, have, known.unit)
