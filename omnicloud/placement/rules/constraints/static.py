"""A filter that was answered once for all nodes."""

from __future__ import annotations

from collections.abc import Callable, Hashable

import numpy as np
from numpy.typing import NDArray

from omnicloud.placement.engine.fleet import Fleet, Rows
from omnicloud.placement.model.node import Node
from omnicloud.placement.model.verdict import Verdict
from omnicloud.placement.rules.protocol import Bools, Filter, Scope

__all__ = ["StaticFilter"]


class _Kinds:
    """Which nodes are alike in what a rule reads of them; never changes."""

    def __init__(self, fleet: Fleet) -> None:
        self._nodes = fleet.nodes
        self._known: dict[Hashable, tuple[list[Node], NDArray[np.intp]]] = {}

    def alike(
        self, name: Hashable, read: Callable[[Node], Hashable]
    ) -> tuple[list[Node], NDArray[np.intp]]:
        """One node of each kind, and the kind of every node."""
        if name not in self._known:
            found = [read(node) for node in self._nodes]
            first: dict[Hashable, int] = {}
            for row, kind in enumerate(found):
                first.setdefault(kind, row)
            number = {kind: index for index, kind in enumerate(first)}
            codes = np.fromiter((number[kind] for kind in found), np.intp, len(found))
            self._known[name] = [self._nodes[row] for row in first.values()], codes
        return self._known[name]


class StaticFilter(Filter):
    """Asks a question about the node alone.

    Args:
        fleet: One of its nodes of each kind is asked here and now.
        rule: Name of the rule.
        kind: What the rule reads, as a name for it and a function: nodes of which it gives the
            same are alike.
        missing: What a node lacks, in words; empty where it lacks nothing.
    """

    scope = Scope.FIXED

    def __init__(
        self,
        fleet: Fleet,
        rule: str,
        kind: tuple[Hashable, Callable[[Node], Hashable]],
        missing: Callable[[Node], str],
    ) -> None:
        self._fleet = fleet
        self._rule = rule
        self._missing = missing
        some, codes = fleet.table(_Kinds).alike(*kind)
        good = np.array([not missing(node) for node in some], dtype=np.bool_)
        self._passes = good[codes]
        self.key = kind[0], good.tobytes()

    def passes(self, rows: Rows) -> Bools:
        """Looked up."""
        return self._passes[rows]

    def verdict(self, row: int) -> Verdict:
        """What this node lacks."""
        node = self._fleet.nodes[row]
        words = self._missing(node)
        return Verdict(self._rule, not words, words or f"{node.name} has what it asks")
