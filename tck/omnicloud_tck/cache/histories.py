"""The law of caches about concurrent clients: evicted or current, never stale."""

from __future__ import annotations

from omnicloud_tck.contract import Contract
from omnicloud_tck.histories.explore import explore
from omnicloud_tck.histories.stores import CacheEntries
from omnicloud_tck.law import Rung, law
from omnicloud_tck.machine import Lab

__all__ = ["CacheHistories"]


class CacheHistories(Contract):
    """What holds for every history of several clients."""

    @law(
        "CA-110",
        "What concurrent clients get is the current value or none, in some order of their calls.",
        machine=True,
        rung=Rung.CONCURRENCY,
    )
    def entries_are_current_or_gone(self, lab: Lab) -> None:
        explore(lab, CacheEntries())
