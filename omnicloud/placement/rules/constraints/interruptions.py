"""Nodes that may be taken back take only workloads that bear it."""

from __future__ import annotations

from omnicloud.placement.engine.fleet import Fleet
from omnicloud.placement.model.node import Node, Terms
from omnicloud.placement.model.workload import Workload
from omnicloud.placement.rules.constraints.static import StaticFilter
from omnicloud.placement.rules.protocol import Bools, Filter, Rule

__all__ = ["Interruptions"]


class Interruptions(Rule):
    """Spot nodes are for workloads that say that they may be interrupted."""

    name = "interruptions"
    fixed = True

    def filter(self, fleet: Fleet, workload: Workload, eligible: Bools) -> Filter | None:
        """Concerns workloads that may not be interrupted, where a node is a spot node."""
        if workload.interruptible or not fleet.table(_Spots).any:
            return None
        return StaticFilter(fleet, self.name, ("terms", lambda node: node.terms), _taken_back)


class _Spots:
    """Whether a fleet has spot nodes; never changes."""

    def __init__(self, fleet: Fleet) -> None:
        self.any = any(node.terms is Terms.SPOT for node in fleet.nodes)


def _taken_back(node: Node) -> str:
    if node.terms is not Terms.SPOT:
        return ""
    return f"{node.name} is a spot node, and it may not be interrupted"
