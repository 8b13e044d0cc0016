"""Open the cheapest node, and open none where one is open."""

from __future__ import annotations

import numpy as np

from omnicloud.placement.engine.fleet import Fleet, Floats, Rows
from omnicloud.placement.model.node import Node, Terms
from omnicloud.placement.model.workload import Workload
from omnicloud.placement.rules.protocol import Objective, Score

__all__ = ["Cost"]


class Cost(Objective):
    """What the placement adds to the price per hour: that of an empty node not paid for yet."""

    name = "cost"

    def score(self, fleet: Fleet, workload: Workload) -> Score | None:
        """Concerns every workload where a node has a price."""
        prices = np.array([_price(node) for node in fleet.nodes])
        return _Added(fleet, prices) if prices.any() else None


def _price(node: Node) -> float:
    return 0.0 if node.terms is Terms.RESERVED else node.price_per_hour


class _Added(Score):
    def __init__(self, fleet: Fleet, prices: Floats) -> None:
        self._fleet = fleet
        self._prices = prices
        self.key = "price"
        self.bounds = (-float(prices.max()), 0.0)

    def raw(self, rows: Rows) -> Floats:
        return np.where(self._fleet.counts[rows] > 0, 0.0, -self._prices[rows])
