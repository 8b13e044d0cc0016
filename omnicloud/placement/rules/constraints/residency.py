"""A workload stays in the regions or jurisdictions where it may be."""

from __future__ import annotations

from omnicloud.placement.engine.fleet import Fleet
from omnicloud.placement.model.node import Node
from omnicloud.placement.model.workload import Workload
from omnicloud.placement.rules.constraints.static import StaticFilter
from omnicloud.placement.rules.protocol import Bools, Filter, Rule

__all__ = ["Residency"]


class Residency(Rule):
    """The node's region or its jurisdiction is one of those named."""

    name = "residency"
    fixed = True

    def filter(self, fleet: Fleet, workload: Workload, eligible: Bools) -> Filter | None:
        """Concerns workloads with a residency."""
        if not workload.residency:
            return None

        def missing(node: Node) -> str:
            if node.region in workload.residency or node.jurisdiction in workload.residency:
                return ""
            where = node.region or "no region"
            return f"{node.name} is in {where} under {node.jurisdiction or 'no jurisdiction'}"

        return StaticFilter(
            fleet, self.name, ("law", lambda node: (node.region, node.jurisdiction)), missing
        )
