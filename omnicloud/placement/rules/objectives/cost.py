"""Open the cheapest node, and open none where one is open."""

from __future__ import annotations

import numpy as np

from omnicloud.placement.engine.fleet import Fleet, Floats, Rows
from omnicloud.placement.model.workload import Workload
from omnicloud.placement.rules.protocol import Objective, Score

__all__ = ["Cost"]


class Cost(Objective):
    """What the placement adds to the price per hour: the price of a node that was empty."""

    name = "cost"

    def score(self, fleet: Fleet, workload: Workload) -> Score | None:
        """Concerns every workload where a node has a price."""
        prices = np.array([node.price_per_hour for node in fleet.nodes])
        return _Added(fleet, prices) if prices.any() else None


class _Added(Score):
    def __init__(self, fleet: Fleet, prices: Floats) -> None:
        self._fleet = fleet
        self._prices = prices
        self.key = "price"
        self.bounds = (-float(prices.max()), 0.0)

    def raw(self, rows: Rows) -> Floats:
        return np.where(self._fleet.counts[rows] > 0, 0.0, -self._prices[rows])
