"""The laws of the outbox about concurrent clients: some order of their calls explains all."""

from __future__ import annotations

from omnicloud_tck.contract import Contract
from omnicloud_tck.histories.explore import explore
from omnicloud_tck.histories.outbox import Claims, Sequences
from omnicloud_tck.law import Rung, law
from omnicloud_tck.machine import Lab

__all__ = ["OutboxHistories"]


class OutboxHistories(Contract):
    """What holds for every history of several clients."""

    @law(
        "OX-110",
        "However writers save and are cancelled, numbers have no gaps and no event is lost.",
        machine=True,
        rung=Rung.CONCURRENCY,
    )
    def numbers_have_no_gaps(self, lab: Lab) -> None:
        explore(lab, Sequences())

    @law(
        "OX-111",
        "However relays claim, mark and give back, each event has one claimant at a time, in the "
        "order of its aggregate.",
        machine=True,
        rung=Rung.CONCURRENCY,
    )
    def claims_exclude(self, lab: Lab) -> None:
        explore(lab, Claims(), steps=8)
