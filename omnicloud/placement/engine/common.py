"""What shapes share that ask the same of a node: scores of all nodes, kept up to date."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from omnicloud.placement.engine.fleet import Fleet, Rows
from omnicloud.placement.engine.ranking import Ranking
from omnicloud.placement.rules.protocol import ALL, Bools, Filter

__all__ = ["Common"]

_FEW = 8
"""So many nodes are looked at one by one, which is quicker than a column of so few."""
_ALL_AT_ONCE = 8
"""Where more than one node in so many changed, all of them are scored again."""


class Common:
    """Which nodes pass what depends on a node alone, and how they rank.

    Before each use it is brought up to date for the nodes that changed since, so that a decision
    costs little more than finding the greatest number. Thousands of shapes that differ in their
    neighbours only share one.

    Args:
        fleet: Whose nodes.
        eligible: Where the shapes may be at all.
        local: What depends on a node and what is on it.
        ranking: Told of every change.
    """

    def __init__(
        self, fleet: Fleet, eligible: Bools, local: tuple[Filter, ...], ranking: Ranking
    ) -> None:
        self._fleet = fleet
        self.eligible = eligible
        self.ranking = ranking
        self._local = local
        self._seen = -1

    def admits(self, row: int) -> bool:
        """Whether one node passes as things are."""
        if not self.eligible[row]:
            return False
        for one in self._local:  # noqa: SIM110 - asked so often that a generator would be felt
            if not one.admits(row):
                return False
        return True

    def refresh(self) -> None:
        """Look again at the nodes that changed since the last time."""
        generation = self._fleet.generation
        if generation == self._seen:
            return
        before, self._seen = self._seen, generation
        latest = self._fleet.latest_since(before) if before >= 0 else None
        if latest is None or len(latest) > _FEW:
            self._refresh_many(before)
            return
        for row in latest:
            if self.eligible[row]:  # the others never pass
                self.ranking.refresh_one(row, self.admits(row))

    def _refresh_many(self, before: int) -> None:
        if before < 0:
            self._judge(ALL)
            return
        changed = self._fleet.changed_since(before)
        if changed.size * _ALL_AT_ONCE > len(self._fleet):
            self._judge(ALL)
            return
        rows: NDArray[np.intp] = changed[self.eligible[changed]]
        if rows.size:
            self._judge(rows)

    def _judge(self, rows: Rows) -> None:
        good = self.eligible[rows].copy()
        for one in self._local:
            good &= one.passes(rows)
        self.ranking.refresh(rows, good)
