"""What is wrong with a snapshot by itself: every mistake, each with how to mend it."""

from __future__ import annotations

from omnicloud.placement.model.checks.nodes import check_nodes
from omnicloud.placement.model.checks.relations import check_relations
from omnicloud.placement.model.checks.workloads import check_workload
from omnicloud.placement.model.errors import Problem
from omnicloud.placement.model.snapshot import Snapshot

__all__ = ["check"]


def check(snapshot: Snapshot) -> tuple[Problem, ...]:
    """All problems, those of nodes first."""
    found = list(check_nodes(snapshot))
    for workload in snapshot.workloads():
        found += check_workload(workload)
    found += check_relations(snapshot)
    return tuple(found)
