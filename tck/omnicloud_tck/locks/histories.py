"""The laws of locks about concurrent clients: some order of their calls explains all answers."""

from __future__ import annotations

from omnicloud.contracts.locks import LocksFeature
from omnicloud_tck.contract import Contract
from omnicloud_tck.histories.explore import explore
from omnicloud_tck.histories.locks import Holdings
from omnicloud_tck.law import Rung, law
from omnicloud_tck.machine import Lab

__all__ = ["LocksHistories"]


class LocksHistories(Contract):
    """What holds for every history of several clients."""

    @law(
        "LO-110",
        "However clients acquire, release and are cancelled, one holds at a time, tokens grow, "
        "and what is free is granted.",
        machine=True,
        rung=Rung.CONCURRENCY,
    )
    def locks_exclude(self, lab: Lab) -> None:
        explore(lab, Holdings())

    @law(
        "LO-111",
        "However clients take and give back permits, as many are out as there are at most.",
        needs=[LocksFeature.PERMITS],
        machine=True,
        rung=Rung.CONCURRENCY,
    )
    def semaphores_count(self, lab: Lab) -> None:
        explore(lab, Holdings(permits=2), clients=4)
