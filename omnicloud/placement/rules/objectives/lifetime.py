"""Put together what leaves together, so that nodes become empty."""

from __future__ import annotations

import math

import numpy as np

from omnicloud.placement.engine.fleet import Fleet, Floats, Rows
from omnicloud.placement.model.workload import Workload
from omnicloud.placement.rules.protocol import Objective, Scope, Score

__all__ = ["Exits", "Lifetime"]

LONGEST_SECONDS = 30 * 86_400.0
"""Longer lifetimes, and those that nobody knows, count as this."""


class Exits:
    """When the last workload of each node is expected to leave, in seconds from now.

    A long-lived engine moves ``now`` on; lifetimes of workloads that come later count from there.
    """

    def __init__(self, fleet: Fleet) -> None:
        self.now = 0.0
        self.last: Floats = np.full(len(fleet), -math.inf)
        self._ends: list[dict[str, float]] = [{} for _ in fleet.nodes]

    def added(self, row: int, workload: Workload) -> None:
        """Expect it to leave after its lifetime."""
        end = self.now + expected(workload)
        self._ends[row][workload.name] = end
        self.last[row] = max(self.last[row], end)

    def removed(self, row: int, workload: Workload) -> None:
        """It left."""
        end = self._ends[row].pop(workload.name)
        if end >= self.last[row]:
            self.last[row] = max(self._ends[row].values(), default=-math.inf)

    def expect(self, row: int, workload: str, seconds: float) -> None:
        """Predict again when one that is placed will leave: so many seconds from now."""
        self._ends[row][workload] = self.now + seconds
        self.last[row] = max(self._ends[row].values())


def expected(workload: Workload) -> float:
    """Its lifetime in seconds, within bounds."""
    known = workload.lifetime_seconds
    return LONGEST_SECONDS if known is None else min(known, LONGEST_SECONDS)


class Lifetime(Objective):
    """By how much the node would have to stay longer than without the workload: little is good.

    An empty node stays for the whole lifetime. Known from work on lifetime-aware scheduling, such
    as Barbalho et al., "Virtual Machine Allocation with Lifetime Predictions", MLSys 2023.
    """

    name = "lifetime"

    def score(self, fleet: Fleet, workload: Workload) -> Score | None:
        """Concerns every workload."""
        return _Longer(fleet, expected(workload))


class _Longer(Score):
    scope = Scope.SHARED  # time passes on every node

    def __init__(self, fleet: Fleet, lifetime: float) -> None:
        self._exits = fleet.book(Exits)
        self._lifetime = self.key = lifetime
        self.bounds = (-LONGEST_SECONDS, 0.0)

    def raw(self, rows: Rows) -> Floats:
        stays = np.maximum(self._exits.last[rows] - self._exits.now, 0.0)
        return -np.maximum(self._lifetime - stays, 0.0)
