"""The laws of objects about concurrent clients: some order of their calls explains all answers."""

from __future__ import annotations

from omnicloud.contracts.objects import ObjectsFeature
from omnicloud_tck.contract import Contract
from omnicloud_tck.histories.explore import explore
from omnicloud_tck.histories.stores import ConditionalObjects, WholeObjects
from omnicloud_tck.law import Rung, law
from omnicloud_tck.machine import Lab

__all__ = ["ObjectsHistories"]


class ObjectsHistories(Contract):
    """What holds for every history of several clients."""

    @law(
        "OBJ-110",
        "Uploads, downloads and deletions of concurrent clients are linearizable, no object torn.",
        machine=True,
        rung=Rung.CONCURRENCY,
    )
    def objects_are_linearizable(self, lab: Lab) -> None:
        explore(lab, WholeObjects())

    @law(
        "OBJ-111",
        "Conditional uploads and deletions of concurrent clients are linearizable.",
        needs=[ObjectsFeature.CONDITIONAL],
        machine=True,
        rung=Rung.CONCURRENCY,
    )
    def conditions_are_linearizable(self, lab: Lab) -> None:
        explore(lab, ConditionalObjects())
