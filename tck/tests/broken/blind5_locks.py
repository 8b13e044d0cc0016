"""Locks that are wrong in the ways of a table, or of a few commands to a cache."""

from __future__ import annotations

import posixpath
from dataclasses import replace

from broken.registry import broken
from omnicloud.contracts.locks.driver import Acquire, Release, Renew
from omnicloud.contracts.locks.line import EMPTY_LINE, Line, granted, left, renewed
from omnicloud.contracts.locks.models import Grant
from omnicloud.memory.locks import MemoryLocks
from omnicloud_tck.locks import LocksContract


@broken("B5-LO-01", "T0", "a semaphore has one permit more", LocksContract)
class OneMore(MemoryLocks):
    async def acquire(self, op: Acquire, /) -> Grant | None:
        permits = op.permits + 1 if op.permits > 1 else 1
        return await super().acquire(replace(op, permits=permits))


@broken("B5-LO-02", "T1", "a holder that asks again has no more time", LocksContract)
class NoMoreTime(MemoryLocks):
    async def acquire(self, op: Acquire, /) -> Grant | None:
        await self._store.reading()
        now = self._now()
        for place in self._line(op.lock).holders:
            if place.owner == op.owner and place.until > now:
                return Grant(place.token)
        return await super().acquire(op)


class _Renamed(MemoryLocks):
    def named(self, name: str) -> str:
        raise AssertionError

    def _line(self, name: str) -> Line:
        return super()._line(self.named(name))

    def _keep(self, name: str, line: Line) -> None:
        super()._keep(self.named(name), line)


@broken("B5-LO-03", "T1", "spaces at the end of a name are no part of it", LocksContract)
class PaddedNames(_Renamed):
    def named(self, name: str) -> str:
        return name.rstrip(" ")


@broken("B5-LO-04", "T2", "who gives up waiting stays in the line", LocksContract)
class StaysInLine(MemoryLocks):
    async def release(self, op: Release, /) -> None:
        await self._store.reading()
        line = self._line(op.lock)
        kept = tuple(place for place in line.holders if place.owner != op.owner)
        self._keep(op.lock, replace(line, holders=kept))


@broken("B5-LO-05", "T2", "after a dead holder whoever asks first is granted", LocksContract)
class BargesAfterDeath(MemoryLocks):
    def _line(self, name: str) -> Line:
        line, now = super()._line(name), self._now()
        dead = line.holders and all(place.until <= now for place in line.holders)
        return Line() if dead else line


@broken("B5-LO-06", "T2", "semaphores of other sizes are other semaphores", LocksContract)
class BySize(MemoryLocks):
    async def acquire(self, op: Acquire, /) -> Grant | None:
        return await super().acquire(replace(op, lock=f"{op.lock}#{op.permits}"))

    async def renew(self, op: Renew, /) -> bool:
        await self._store.reading()
        done = False
        for name in self._sizes(op.lock):
            line, alive = renewed(self._line(name), op.owner, self._now(), op.ttl)
            self._keep(name, line)
            done = done or alive
        return done

    async def release(self, op: Release, /) -> None:
        await self._store.reading()
        for name in self._sizes(op.lock):
            self._keep(name, left(self._line(name), op.owner))

    def _sizes(self, lock: str) -> list[str]:
        return [name for name in self._rows() if name.rpartition("#")[0] == lock]


@broken("B5-LO-07", "T3", "an attempt that is refused lengthens the grant", LocksContract)
class Lengthens(MemoryLocks):
    async def acquire(self, op: Acquire, /) -> Grant | None:
        grant = await super().acquire(op)
        if grant is None:
            line, until = self._line(op.lock), self._now() + op.ttl
            holders = tuple(place._replace(until=until) for place in line.holders)
            self._keep(op.lock, replace(line, holders=holders))
        return grant


@broken("B5-LO-08", "T3", "a name that rests for an hour counts from one again", LocksContract)
class CountsFromOne(MemoryLocks):
    async def acquire(self, op: Acquire, /) -> Grant | None:
        await self._store.reading()
        counters, now = self._store.rows(("locks counters", self._table)), self._now()
        count, until = counters.get(op.lock, (0, 0.0))
        count = count if until > now else 0
        line, token = granted(
            self._rows().get(op.lock, EMPTY_LINE),
            op.owner,
            now,
            ttl=op.ttl,
            permits=op.permits,
            queue_seconds=op.queue_seconds,
            token=count + 1,
        )
        if token is not None:
            counters[op.lock] = (max(count, token), now + max(3600.0, op.ttl))
        self._keep(op.lock, line)
        return None if token is None else Grant(token)


@broken("B5-LO-09", "T4", "names are paths, which are made normal", LocksContract)
class NormalPaths(_Renamed):
    def named(self, name: str) -> str:
        return posixpath.normpath(name)
