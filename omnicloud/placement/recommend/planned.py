"""The limits that a plan of a fleet gives to the containers that run."""

from __future__ import annotations

import math
from collections.abc import Iterator

from omnicloud.contracts.containers import Containers
from omnicloud.errors import InvalidArgumentError
from omnicloud.placement.model.decision import Decision
from omnicloud.placement.model.resources import Resources
from omnicloud.placement.model.snapshot import Snapshot
from omnicloud.placement.model.workload import Workload
from omnicloud.placement.recommend.advise import Advice
from omnicloud.placement.recommend.limits import Limited, limit_of

__all__ = ["planned_limits"]


async def planned_limits(
    containers: Containers, snapshot: Snapshot, decision: Decision, of: Limited = "cpu"
) -> tuple[Advice, ...]:
    """For each workload with a place whose container runs with a limit: what the plan gives it.

    That is its forecast, or its request where nobody forecast it. Containers have the names of
    their workloads. Whoever is refused or evicted keeps the limit that it has.
    """
    found = []
    for workload in sorted(_there(snapshot, decision), key=lambda one: one.name):
        limit = await _limit(containers, workload.name, of)
        amount, what = _planned(workload, of)
        if limit is not None and amount:
            found.append(_advice(workload.name, limit, amount, what))
    return tuple(found)


def _there(snapshot: Snapshot, decision: Decision) -> Iterator[Workload]:
    gone = {one.workload for one in decision.evictions} | {
        one.workload for one in decision.refusals
    }
    return (one for one in snapshot.workloads() if one.name not in gone)


async def _limit(containers: Containers, name: str, of: Limited) -> float | None:
    try:
        container = await containers.get(name)
    except InvalidArgumentError:
        return None  # no container can have that name
    return None if container is None else limit_of(container, of)


def _planned(workload: Workload, of: Limited) -> tuple[float, str]:
    """How much the plan has for it, and by what."""
    for amounts, what in ((workload.forecast, "forecast"), (workload.request, "request")):
        amount = 0.0 if amounts is None else _amount(amounts, of)
        if amount:
            return amount, what
    return 0.0, ""


def _amount(amounts: Resources, of: Limited) -> float:
    return amounts.cpu_cores if of == "cpu" else amounts.memory_bytes


def _advice(name: str, limit: float, amount: float, what: str) -> Advice:
    same = math.isclose(amount, limit, rel_tol=1e-3)  # as the kernel counts
    return Advice(
        workload=name,
        request=limit,
        peak=math.nan,
        forecast=amount if what == "forecast" else math.nan,
        recommended=limit if same else amount,
        known_days=0.0,
        reason=f"by the plan, its {what}",
    )
