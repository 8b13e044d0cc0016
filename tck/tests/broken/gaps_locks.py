"""locks drivers at the places that the list of known faults leaves open."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from broken.registry import broken
from omnicloud.contracts.locks.driver import Acquire, Release, Renew
from omnicloud.contracts.locks.line import EMPTY_LINE, Line
from omnicloud.contracts.locks.models import Grant
from omnicloud.errors import ConflictError
from omnicloud.memory.locks import MemoryLocks
from omnicloud_tck.locks import LocksContract


def locks(number: str, tier: str, summary: str) -> Any:
    return broken(f"GAP-{number}", tier, summary, LocksContract)


@locks("LO03", "T0", "release is a no-op")
class ReleasesNothing(MemoryLocks):
    async def release(self, op: Release, /) -> None:
        await self._store.reading()


@locks("LO05", "T0", "release frees the lock whoever holds it")
class ReleasesAny(MemoryLocks):
    async def release(self, op: Release, /) -> None:
        await self._store.reading()
        self._keep(op.lock, replace(self._line(op.lock), holders=()))


@locks("LO06", "T0", "releasing what is not held raises")
class ReleaseRaises(MemoryLocks):
    async def release(self, op: Release, /) -> None:
        await self._store.reading()
        now = self._now()
        mine = [p for p in self._line(op.lock).holders if p.owner == op.owner and p.until > now]
        if not mine:
            raise ConflictError("the lock is not held by this owner")
        await super().release(op)


@locks("LO07", "T1", "a second handle of one client is granted what the first holds")
class ClientHolds(MemoryLocks):
    def __init__(self, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        self._mine: dict[str, tuple[str, float]] = {}

    async def acquire(self, op: Acquire, /) -> Grant | None:
        held = self._mine.get(op.lock)
        if held is not None and held[1] > self._now() and op.permits == 1:
            return await super().acquire(replace(op, owner=held[0]))
        grant = await super().acquire(op)
        if grant is not None:
            self._mine[op.lock] = (op.owner, self._now() + op.ttl)
        return grant

    async def release(self, op: Release, /) -> None:
        if self._mine.get(op.lock, ("", 0.0))[0] == op.owner:
            del self._mine[op.lock]
        await super().release(op)


@locks("LO11", "T1", "times to live are rounded up to whole seconds")
class RoundsUp(MemoryLocks):
    async def acquire(self, op: Acquire, /) -> Grant | None:
        return await super().acquire(replace(op, ttl=math.ceil(op.ttl)))


@locks("LO15", "T1", "the release of one whose grant has ended frees the lock of the next")
class LateRelease(MemoryLocks):
    async def release(self, op: Release, /) -> None:
        await self._store.reading()
        line = self._line(op.lock)
        if all(place.owner != op.owner for place in line.holders + line.waiting):
            line = replace(line, holders=())
            self._keep(op.lock, line)
        await super().release(op)


@locks("LO17", "T1", "names are compared without case")
class FoldsNames(MemoryLocks):
    def _line(self, name: str) -> Line:
        return super()._line(name.casefold())

    def _keep(self, name: str, line: Line) -> None:
        super()._keep(name.casefold(), line)


@locks("XLK04", "T3", "a waiter that died keeps its place in the line for ever")
class DeadWaiter(MemoryLocks):
    async def acquire(self, op: Acquire, /) -> Grant | None:
        if op.queue_seconds is not None:
            op = replace(op, queue_seconds=1e9)
        return await super().acquire(op)


@locks("XLK05", "T2", "each release of a permit makes room for two")
class GrowingPermits(MemoryLocks):
    async def acquire(self, op: Acquire, /) -> Grant | None:
        more = self._store.rows("released").get(op.lock, 0) if op.permits > 1 else 0
        return await super().acquire(replace(op, permits=op.permits + more))

    async def release(self, op: Release, /) -> None:
        await self._store.reading()
        now = self._now()
        if any(p.owner == op.owner and p.until > now for p in self._line(op.lock).holders):
            freed = self._store.rows("released")
            freed[op.lock] = freed.get(op.lock, 0) + 1
        await super().release(op)


@locks("XLK09", "T3", "renewing adds to what is left instead of counting from now")
class RenewAdds(MemoryLocks):
    async def renew(self, op: Renew, /) -> bool:
        await self._store.reading()
        now = self._now()
        for place in self._rows().get(op.lock, EMPTY_LINE).holders:
            if place.owner == op.owner and place.until > now:
                return await super().renew(replace(op, ttl=op.ttl + place.until - now))
        return await super().renew(op)
