"""A node's labels keep what a workload requires of them."""

from __future__ import annotations

from omnicloud.placement.engine.fleet import Fleet
from omnicloud.placement.model.labels import Requirement
from omnicloud.placement.model.node import Node
from omnicloud.placement.model.workload import Workload
from omnicloud.placement.rules.constraints.static import StaticFilter
from omnicloud.placement.rules.protocol import Bools, Filter, Rule

__all__ = ["Selectors"]


class Selectors(Rule):
    """Every requirement holds for the node's labels."""

    name = "selectors"
    fixed = True

    def filter(self, fleet: Fleet, workload: Workload, eligible: Bools) -> Filter | None:
        """Concerns workloads with requirements."""
        if not workload.requirements:
            return None

        def missing(node: Node) -> str:
            found = dict(node.labels)
            broken = [_words(one) for one in workload.requirements if not one.holds(found)]
            return f"{node.name} does not have {' and '.join(broken)}" if broken else ""

        keys = tuple(sorted({one.key for one in workload.requirements}))
        kind = (keys, lambda node: tuple(dict(node.labels).get(key) for key in keys))
        return StaticFilter(fleet, self.name, kind, missing)


def _words(requirement: Requirement) -> str:
    values = ", ".join(sorted(requirement.values))
    return f"{requirement.key} {requirement.operator.value} {values}".strip()
