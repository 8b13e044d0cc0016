"""Names the workloads that no node could take even if it were empty."""

from __future__ import annotations

from collections.abc import Iterable

from omnicloud.placement.engine.fleet import Fleet
from omnicloud.placement.engine.placer import Placer
from omnicloud.placement.model.errors import Problem
from omnicloud.placement.model.options import Options
from omnicloud.placement.model.workload import Workload
from omnicloud.placement.rules.catalogue import Catalogue
from omnicloud.placement.rules.constraints.gpus import GpuShares
from omnicloud.placement.rules.constraints.numa import ZoneFit
from omnicloud.placement.rules.constraints.resources import FreeResources

__all__ = ["impossible"]


def impossible(placer: Placer, pending: Iterable[Workload]) -> tuple[Problem, ...]:
    """One problem for each, with the node that comes nearest.

    Asked are the rules that look at a node alone, on a fleet without workloads; that neighbours
    are missing or in the way may change.
    """
    alone = (FreeResources, ZoneFit, GpuShares)
    rules = tuple(one for one in placer.rules if one.fixed or isinstance(one, alone))
    fleet = placer.fleet
    empty = Fleet(fleet.nodes, fleet.schema, basis=fleet.basis, latencies=fleet.latencies)
    lone = Placer(empty, Options(), Catalogue(rules, Catalogue.of().objectives))
    return tuple(
        Problem(
            f"workload {workload.name!r}",
            f"no node could take it: {lone.explain(workload).words}",
            "ask less, add a node that has it, or set refuse_impossible",
        )
        for workload in pending
        if lone.find(workload) < 0
    )
