"""A node's processor and GPUs are of a kind that the workload can use."""

from __future__ import annotations

from omnicloud.placement.engine.fleet import Fleet
from omnicloud.placement.model.node import Node
from omnicloud.placement.model.workload import Workload
from omnicloud.placement.rules.constraints.static import StaticFilter
from omnicloud.placement.rules.protocol import Bools, Filter, Rule

__all__ = ["Hardware"]


class Hardware(Rule):
    """Architecture, CPU features and GPU model."""

    name = "hardware"
    fixed = True

    def filter(self, fleet: Fleet, workload: Workload, eligible: Bools) -> Filter | None:
        """Concerns workloads that name a kind of hardware, and those that use GPUs."""
        if not (workload.architectures or workload.cpu_features or workload.gpu):
            return None
        kind = ("hardware", lambda node: (node.architecture, node.cpu_features, node.gpus))
        return StaticFilter(fleet, self.name, kind, lambda node: _missing(node, workload))


def _missing(node: Node, workload: Workload) -> str:
    if workload.architectures and node.architecture not in workload.architectures:
        return f"{node.name} is {node.architecture or 'of no known architecture'}"
    features = workload.cpu_features - node.cpu_features
    if features:
        return f"{node.name} lacks {', '.join(sorted(features))}"
    if workload.gpu is None:
        return ""
    if node.gpus is None or node.gpus.count < workload.gpu.count:
        count = node.gpus.count if node.gpus else 0
        return f"{node.name} has {count} GPUs of {workload.gpu.count}"
    if workload.gpu.models and node.gpus.model not in workload.gpu.models:
        return f"{node.name} has GPUs of the model {node.gpus.model}"
    return ""
