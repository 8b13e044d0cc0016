"""Spare nodes stay empty, so that what runs on nodes that fail has a place to go to."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from omnicloud.placement.engine.fleet import Fleet, Rows
from omnicloud.placement.model.verdict import Verdict
from omnicloud.placement.model.workload import Workload
from omnicloud.placement.rules.protocol import Bools, Filter, Rule, Scope

__all__ = ["Headroom"]


class _Kinds:
    """Nodes that can stand in for each other: alike in all but name, rack, price and power.

    A label that no other node has makes a node a kind of its own.
    """

    def __init__(self, fleet: Fleet) -> None:
        alike = [replace(n, name="", rack="", price_per_hour=0.0, power=None) for n in fleet.nodes]
        code = {kind: number for number, kind in enumerate(dict.fromkeys(alike))}
        self.codes = np.array([code[kind] for kind in alike], dtype=np.intp)
        self.empty = np.bincount(self.codes, minlength=len(code))
        self._counts = [0] * len(fleet)

    def added(self, row: int, workload: Workload) -> None:
        self._counts[row] += 1
        if self._counts[row] == 1:
            self.empty[self.codes[row]] -= 1

    def removed(self, row: int, workload: Workload) -> None:
        self._counts[row] -= 1
        if self._counts[row] == 0:
            self.empty[self.codes[row]] += 1


class Headroom(Rule):
    """A node is opened only while more than the spare ones of its kind are empty.

    That the workloads of a failed node fit onto an empty one like it needs no search: they
    fitted together before. Rules between nodes, such as anti-affinity over racks, may still
    forbid the very node; a spare has another rack.

    Args:
        spare_nodes: Of each kind.
    """

    name = "headroom"

    def __init__(self, spare_nodes: int) -> None:
        self._spare_nodes = spare_nodes

    def filter(self, fleet: Fleet, workload: Workload, eligible: Bools) -> Filter | None:
        """Concerns every workload where spare nodes are asked."""
        return _KeepsSpare(fleet, self._spare_nodes) if self._spare_nodes else None


class _KeepsSpare(Filter):
    scope = Scope.SHARED

    def __init__(self, fleet: Fleet, spare_nodes: int) -> None:
        self._fleet = fleet
        self._kinds = fleet.book(_Kinds)
        self._spare = spare_nodes

    def passes(self, rows: Rows) -> Bools:
        enough = self._kinds.empty > self._spare
        good: Bools = (self._fleet.counts[rows] > 0) | enough[self._kinds.codes[rows]]
        return good

    def verdict(self, row: int) -> Verdict:
        empty = int(self._kinds.empty[self._kinds.codes[row]])
        node = self._fleet.nodes[row].name
        words = f"{node} is one of {empty} empty nodes of its kind, {self._spare} stay empty"
        passed = bool(self._fleet.counts[row] > 0 or empty > self._spare)
        return Verdict(Headroom.name, passed, words, self._spare + 1, empty, "empty nodes")
