"""Near to those that a workload talks to."""

from __future__ import annotations

import numpy as np

from omnicloud.placement.engine.fleet import Fleet, Floats, Rows
from omnicloud.placement.model.workload import Workload
from omnicloud.placement.rules.constraints.latency import Sites
from omnicloud.placement.rules.protocol import Objective, Scope, Score

__all__ = ["Closeness"]


class Closeness(Objective):
    """The mean round trip to the peers that are placed, relative to the longest that is known."""

    name = "closeness"

    def score(self, fleet: Fleet, workload: Workload) -> Score | None:
        """Concerns workloads that talk or are talked to."""
        sites = fleet.table(Sites)
        return _Mean(fleet, sites, workload.name) if sites.peers(workload.name) else None


class _Mean(Score):
    scope = Scope.SHARED

    def __init__(self, fleet: Fleet, sites: Sites, workload: str) -> None:
        self._fleet = fleet
        self._sites = sites
        self._peers = tuple(sorted(sites.peers(workload)))
        known = sites.seconds[np.isfinite(sites.seconds)]
        self._longest = max(float(known.max(initial=0.0)), 1e-9)
        self.bounds = (-self._longest, 0.0)

    def raw(self, rows: Rows) -> Floats:
        there = [self._fleet.where[peer] for peer in self._peers if peer in self._fleet.where]
        codes = self._sites.codes[rows]
        if not there:
            return np.zeros(codes.shape)
        seconds = np.minimum(self._sites.seconds[codes], self._longest)
        mean: Floats = -seconds[:, self._sites.codes[there]].mean(axis=1)
        return mean
