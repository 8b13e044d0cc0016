"""The law of sagas about concurrent clients: some order of their calls explains all answers."""

from __future__ import annotations

from omnicloud_tck.contract import Contract
from omnicloud_tck.histories.explore import explore
from omnicloud_tck.histories.sagas import Sagas
from omnicloud_tck.law import Rung, law
from omnicloud_tck.machine import Lab

__all__ = ["SagaHistories"]


class SagaHistories(Contract):
    """What holds for every history of several clients."""

    @law(
        "SA-110",
        "Creations and updates of concurrent clients are linearizable: of each version one.",
        machine=True,
        rung=Rung.CONCURRENCY,
    )
    def states_are_linearizable(self, lab: Lab) -> None:
        explore(lab, Sagas())
