"""A filter that was answered once for all nodes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from omnicloud.placement.engine.fleet import Fleet, Rows
from omnicloud.placement.model.node import Node
from omnicloud.placement.model.verdict import Verdict
from omnicloud.placement.rules.protocol import Bools, Filter, Scope

__all__ = ["StaticFilter"]


class StaticFilter(Filter):
    """Asks a question about the node alone.

    Args:
        fleet: Its nodes are asked here and now.
        rule: Name of the rule.
        missing: What a node lacks, in words; empty where it lacks nothing.
    """

    scope = Scope.FIXED

    def __init__(self, fleet: Fleet, rule: str, missing: Callable[[Node], str]) -> None:
        self._fleet = fleet
        self._rule = rule
        self._missing = missing
        self._passes = np.fromiter((not missing(n) for n in fleet.nodes), np.bool_, len(fleet))

    def passes(self, rows: Rows) -> Bools:
        """Looked up."""
        return self._passes[rows]

    def verdict(self, row: int) -> Verdict:
        """What this node lacks."""
        node = self._fleet.nodes[row]
        words = self._missing(node)
        return Verdict(self._rule, not words, words or f"{node.name} has what it asks")
