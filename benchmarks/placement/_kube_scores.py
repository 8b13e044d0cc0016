"""How kube-scheduler 1.20 scores nodes, in its own whole numbers, as objectives of this library.

Formulas of pkg/scheduler/framework/plugins/noderesources in kubernetes 1.20.2, held against the
real scheduler by a test. Every other score of its default profile is the same for all nodes unless
a pod prefers nodes or neighbours, images are there, or a taint is ``PreferNoSchedule``.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from omnicloud.placement.engine.fleet import Fleet, Floats, Rows
from omnicloud.placement.model.workload import Workload
from omnicloud.placement.rules.hookspecs import hookimpl
from omnicloud.placement.rules.protocol import Objective, Score

_MOST = 100  # of one of its scores


class KubeDefault(Objective):
    """NodeResourcesLeastAllocated and NodeResourcesBalancedAllocation, as by default."""

    name = "kube_default"

    def score(self, fleet: Fleet, workload: Workload) -> Score:
        return _Least(fleet, workload)


class KubeMost(Objective):
    """NodeResourcesMostAllocated alone."""

    name = "kube_most"

    def score(self, fleet: Fleet, workload: Workload) -> Score:
        return _Most(fleet, workload)


class _Allocated(Score):
    """What is known of CPU and memory; a pod without a request of either is not for this."""

    def __init__(self, fleet: Fleet, workload: Workload) -> None:
        names = [dimension.name for dimension in fleet.schema.dimensions]
        demand = fleet.demand(workload)
        both = [names.index(name) for name in ("cpu_cores", "memory_bytes")]
        self._columns = [(fleet.free[d], fleet.capacity[d], int(demand[d])) for d in both]
        self.key = tuple(wanted for _, _, wanted in self._columns)

    def _left(self, rows: Rows) -> list[tuple[np.ndarray, np.ndarray]]:
        """What is free afterwards and what there is, in whole quanta, of CPU and of memory."""
        return [
            (free[rows].astype(np.int64) - wanted, capacity[rows].astype(np.int64))
            for free, capacity, wanted in self._columns
        ]


class _Least(_Allocated):
    bounds = (0.0, 2.0 * _MOST)

    def raw(self, rows: Rows) -> Floats:
        left = self._left(rows)
        least = sum(np.maximum(free, 0) * _MOST // all_ for free, all_ in left) // 2
        used = [(all_ - free) / all_ for free, all_ in left]
        balanced = ((1.0 - np.abs(used[0] - used[1])) * _MOST).astype(np.int64)
        balanced[(used[0] >= 1) | (used[1] >= 1)] = 0
        return np.asarray(least + balanced, dtype=np.float64)


class _Most(_Allocated):
    bounds = (0.0, float(_MOST))

    def raw(self, rows: Rows) -> Floats:
        shares = [
            np.where(free >= 0, all_ - free, 0) * _MOST // all_ for free, all_ in self._left(rows)
        ]
        return np.asarray(sum(shares) // 2, dtype=np.float64)


OBJECTIVES = (KubeDefault(), KubeMost())


class KubeScores:
    """The plugin that brings both."""

    @hookimpl
    def placement_objectives(self) -> Sequence[Objective]:
        return OBJECTIVES
