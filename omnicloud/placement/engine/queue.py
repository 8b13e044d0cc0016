"""In which order pending workloads are placed."""

from __future__ import annotations

import heapq
from collections.abc import Sequence

from omnicloud.placement.model.workload import Workload

__all__ = ["in_order"]


def in_order(pending: Sequence[Workload]) -> list[Workload]:
    """Higher priority first, then as given; what others depend on before them.

    A dependency counts as urgent as the most urgent of those that need it. Dependencies have no
    cycles; those on workloads that are not pending say nothing about the order.
    """
    number = {workload.name: index for index, workload in enumerate(pending)}
    needs = [[number[d] for d in w.depends_on if d in number] for w in pending]
    urgent = _urgency(pending, needs)
    waiting = [len(needed) for needed in needs]
    needed_by: list[list[int]] = [[] for _ in pending]
    for index, needed in enumerate(needs):
        for one in needed:
            needed_by[one].append(index)
    ready = [(-urgent[index], index) for index, left in enumerate(waiting) if not left]
    heapq.heapify(ready)
    order: list[Workload] = []
    while ready:
        _, index = heapq.heappop(ready)
        order.append(pending[index])
        for other in needed_by[index]:
            waiting[other] -= 1
            if not waiting[other]:
                heapq.heappush(ready, (-urgent[other], other))
    return order


def _urgency(pending: Sequence[Workload], needs: list[list[int]]) -> list[int]:
    urgent = [workload.priority for workload in pending]
    raised = [index for index, needed in enumerate(needs) if needed]
    while raised:
        index = raised.pop()
        for needed in needs[index]:
            if urgent[needed] < urgent[index]:
                urgent[needed] = urgent[index]
                raised.append(needed)
    return urgent
