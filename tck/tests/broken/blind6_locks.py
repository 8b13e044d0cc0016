"""Locks drivers that are wrong as those over keys with an expiry, and over queues, would be."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from broken.registry import broken
from broken.unseen_common import rootless
from omnicloud.contracts.locks.driver import Acquire, Release, Renew
from omnicloud.contracts.locks.line import granted, left, renewed
from omnicloud.contracts.locks.models import Grant
from omnicloud.memory.locks import MemoryLocks
from omnicloud_tck.locks import LocksContract


def locks(id_: str, tier: str, summary: str) -> Any:
    return broken(id_, tier, summary, LocksContract)


@locks("B6-LO-01", "T0", "renew says whether the owner holds the name and prolongs nothing")
class OnlyLooks(MemoryLocks):
    async def renew(self, op: Renew, /) -> bool:
        await self._store.reading()
        holders = self._line(op.lock).holders
        return any(one.owner == op.owner and one.until > self._now() for one in holders)


class _Numbering(MemoryLocks):
    """Has tokens of its own."""

    def token(self, op: Acquire) -> int:
        raise AssertionError

    async def acquire(self, op: Acquire, /) -> Grant | None:
        await self._store.reading()
        before, after_all = self._line(op.lock), self.token(op)
        line, token = granted(
            before,
            op.owner,
            self._now(),
            ttl=op.ttl,
            permits=op.permits,
            queue_seconds=op.queue_seconds,
            token=after_all,
        )
        self._keep(op.lock, line)
        return None if token is None else Grant(token)


@locks("B6-LO-02", "T1", "asked again for a grant that stands, it gives another token")
class NumbersRepeats(MemoryLocks):
    async def acquire(self, op: Acquire, /) -> Grant | None:
        held = {one.owner for one in self._line(op.lock).holders if one.until > self._now()}
        grant = await super().acquire(op)
        return Grant(self._store.number()) if grant and op.owner in held else grant


@locks(
    "B6-LO-03", "T1", "the time to live is milliseconds in 32 bits: 25 days and more end at once"
)
class LivesInt32(MemoryLocks):
    async def acquire(self, op: Acquire, /) -> Grant | None:
        wrapped = (int(op.ttl * 1000) + (1 << 31)) % (1 << 32) - (1 << 31)
        return await super().acquire(replace(op, ttl=max(0.0, wrapped / 1000)))


@locks("B6-LO-04", "T2", "release leaves the owner's place in the line")
class LeavesPlace(MemoryLocks):
    async def release(self, op: Release, /) -> None:
        await self._store.reading()
        line = self._line(op.lock)
        self._keep(op.lock, replace(left(line, op.owner), waiting=line.waiting))


@locks("B6-LO-05", "T2", "a waiter that asks again is put to the end of the line")
class AsksFromTheEnd(MemoryLocks):
    async def acquire(self, op: Acquire, /) -> Grant | None:
        grant = await super().acquire(op)
        line = self._line(op.lock)
        own = tuple(one for one in line.waiting if one.owner == op.owner)
        if grant is None and own:
            rest = tuple(one for one in line.waiting if one.owner != op.owner)
            self._keep(op.lock, replace(line, waiting=rest + own))
        return grant


@locks("B6-LO-06", "T2", "a lock and a semaphore of one name do not exclude each other")
class KeepsSemaphoresApart(MemoryLocks):
    async def acquire(self, op: Acquire, /) -> Grant | None:
        return await super().acquire(op if op.permits == 1 else replace(op, lock=_apart(op.lock)))

    async def renew(self, op: Renew, /) -> bool:
        other, now = _apart(op.lock), self._now()
        line, done = renewed(self._line(other), op.owner, now, op.ttl)
        self._keep(other, line)
        return await super().renew(op) or done

    async def release(self, op: Release, /) -> None:
        await super().release(op)
        self._keep(_apart(op.lock), left(self._line(_apart(op.lock)), op.owner))


def _apart(name: str) -> str:
    return f"{name}\0permits"


@locks("B6-LO-07", "T3", "the token is the wall clock's milliseconds")
class TokensByWall(_Numbering):
    def token(self, op: Acquire) -> int:
        return int(self._store.clock.wall() * 1000)


@locks("B6-LO-08", "T3", "the counter of tokens expires with an hour without a grant")
class CounterExpires(_Numbering):
    def token(self, op: Acquire) -> int:
        counters = self._store.rows("token counters")
        last, at = counters.get(op.lock, (0, self._now()))
        number = 1 if self._now() - at >= 3600.0 else last + 1
        counters[op.lock] = (number, self._now())
        return number


@locks("B6-LO-09", "T4", "who waits in one tenant is waited for in all that have the name")
class LinesOfAllTenants(MemoryLocks):
    async def acquire(self, op: Acquire, /) -> Grant | None:
        await self._store.reading()
        now, rows = self._now(), self._rows()
        others = [name for name in rows if name != op.lock and rootless(name) == rootless(op.lock)]
        waited_for = any(one.until > now for name in others for one in rows[name].waiting)
        if waited_for and op.queue_seconds is None:
            return None
        return await super().acquire(op)
