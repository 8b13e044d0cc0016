"""locks drivers written against the contract alone, for a ninth count of what is found."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from broken.registry import broken
from omnicloud.contracts.locks import Grant
from omnicloud.contracts.locks.driver import Acquire, Release
from omnicloud.memory.locks import MemoryLocks
from omnicloud_tck.locks import LocksContract


def locks(number: str, tier: str, summary: str) -> Any:
    return broken(f"BLIND9-LO-{number}", tier, summary, LocksContract)


@locks("01", "T2", "a place in the line ends, however often it is asked for")
class PlacesEnd(MemoryLocks):
    """ "Asking again keeps the place and its end counts anew"."""

    async def acquire(self, op: Acquire, /) -> Grant | None:
        await self._store.reading()
        before = {one.owner: one for one in self._line(op.lock).waiting}
        answer = await super().acquire(op)
        line = self._line(op.lock)
        living = {name: one for name, one in before.items() if one.until > self._now()}
        waiting = tuple(living.get(one.owner, one) for one in line.waiting)
        self._keep(op.lock, replace(line, waiting=waiting))
        return answer


@locks("02", "T2", "a second release of a permit frees another's")
class CountsReleases(MemoryLocks):
    """ "Silent where it has neither. Nobody else's grant is touched"."""

    async def acquire(self, op: Acquire, /) -> Grant | None:
        answer = await super().acquire(op)
        if answer is not None and op.permits > 1:
            self._counted(op.lock).add(op.owner)
        return answer

    async def release(self, op: Release, /) -> None:
        await self._store.reading()
        line = self._line(op.lock)
        known = any(one.owner == op.owner for one in line.holders + line.waiting)
        if not known and op.owner in self._counted(op.lock) and len(line.holders) > 1:
            self._keep(op.lock, replace(line, holders=line.holders[1:]))
        await super().release(op)

    def _counted(self, name: str) -> set[str]:
        owners: set[str] = self._store.rows("semaphores").setdefault(name, set())
        return owners
