"""The laws of kv about concurrent clients: some order of their calls explains all answers."""

from __future__ import annotations

from omnicloud.contracts.kv import KVFeature
from omnicloud_tck.contract import Contract
from omnicloud_tck.histories.explore import explore
from omnicloud_tck.histories.groups import Batches, Transactions
from omnicloud_tck.histories.kv import Conditional, Counters, Registers
from omnicloud_tck.law import Rung, law
from omnicloud_tck.machine import Lab

__all__ = ["KVHistories"]


class KVHistories(Contract):
    """What holds for every history of several clients."""

    @law(
        "KV-110",
        "Gets, sets and deletes of concurrent clients, cancelled ones too, are linearizable.",
        machine=True,
        rung=Rung.CONCURRENCY,
    )
    def registers_are_linearizable(self, lab: Lab) -> None:
        explore(lab, Registers())

    @law(
        "KV-111",
        "Conditional writes of concurrent clients are linearizable, their versions never reused.",
        needs=[KVFeature.COMPARE_AND_SET],
        machine=True,
        rung=Rung.CONCURRENCY,
    )
    def conditions_are_linearizable(self, lab: Lab) -> None:
        explore(lab, Conditional())

    @law(
        "KV-112",
        "Increments of concurrent clients are linearizable: each counts once.",
        needs=[KVFeature.COUNTER],
        machine=True,
        rung=Rung.CONCURRENCY,
    )
    def counters_are_linearizable(self, lab: Lab) -> None:
        explore(lab, Counters())

    @law(
        "KV-113",
        "Batches of concurrent clients are linearizable: seen whole or not at all.",
        needs=[KVFeature.BATCH],
        machine=True,
        rung=Rung.CONCURRENCY,
    )
    def batches_are_linearizable(self, lab: Lab) -> None:
        explore(lab, Batches())

    @law(
        "KV-114",
        "Transactions of concurrent clients are strictly serializable: no half, no lost update, "
        "no write skew.",
        needs=[KVFeature.TRANSACTION],
        machine=True,
        rung=Rung.CONCURRENCY,
    )
    def transactions_are_serializable(self, lab: Lab) -> None:
        explore(lab, Transactions())
