"""A node's taints keep workloads off that do not tolerate them."""

from __future__ import annotations

from omnicloud.placement.engine.fleet import Fleet
from omnicloud.placement.model.node import Node
from omnicloud.placement.model.workload import Workload
from omnicloud.placement.rules.constraints.static import StaticFilter
from omnicloud.placement.rules.protocol import Bools, Filter, Rule

__all__ = ["Taints"]


class Taints(Rule):
    """Every taint of the node is tolerated."""

    name = "taints"
    fixed = True

    def filter(self, fleet: Fleet, workload: Workload, eligible: Bools) -> Filter | None:
        """Concerns every workload."""

        def missing(node: Node) -> str:
            hostile = sorted(
                f"{taint.key}={taint.value}"
                for taint in node.taints
                if not any(one.tolerates(taint) for one in workload.tolerations)
            )
            return f"{node.name} is tainted {', '.join(hostile)}" if hostile else ""

        return StaticFilter(fleet, self.name, ("taints", lambda node: node.taints), missing)
