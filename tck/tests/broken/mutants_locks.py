"""Locks drivers as a machine changed them: tidying up what is not over."""

from __future__ import annotations

from broken.registry import broken
from omnicloud.memory.locks import MemoryLocks
from omnicloud.memory.store import Rows
from omnicloud_tck.locks import LocksContract


@broken(
    "MUT-LO-01", "T2", "names that nobody holds are put away, who waits for them too", LocksContract
)
class PutAway(MemoryLocks):
    """ "Waiters are granted in the order of arrival". Met by a service with a hundred locks."""

    def _sweep(self, rows: Rows) -> None:
        now = self._now()
        for name, line in list(rows.items()):
            if all(holder.until <= now for holder in line.holders):
                del rows[name]
