"""Locks that are wrong where owners, permits, lines, times and clients meet."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from broken.registry import broken
from omnicloud.contracts.locks.driver import Acquire, Release, Renew
from omnicloud.contracts.locks.line import Line
from omnicloud.contracts.locks.models import Grant
from omnicloud.memory.locks import MemoryLocks
from omnicloud_tck.locks import LocksContract

_DAY = 86_400.0


def locks(number: str, tier: str, summary: str) -> Any:
    return broken(f"PRG-LO-{number}", tier, summary, LocksContract)


class _Owners(MemoryLocks):
    """Calls owners otherwise."""

    def called(self, owner: str) -> str:
        return owner

    async def acquire(self, op: Acquire, /) -> Grant | None:
        return await super().acquire(replace(op, owner=self.called(op.owner)))

    async def renew(self, op: Renew, /) -> bool:
        return await super().renew(replace(op, owner=self.called(op.owner)))

    async def release(self, op: Release, /) -> None:
        await super().release(replace(op, owner=self.called(op.owner)))


@locks("01", "T1", "owners that differ in case are one")
class CaselessOwners(_Owners):
    def called(self, owner: str) -> str:
        return owner.lower()


@locks("02", "T1", "blanks at the end of an owner are no part of it")
class PaddedOwners(_Owners):
    def called(self, owner: str) -> str:
        return owner.rstrip()


@locks("03", "T1", "a semaphore has two permits at the most")
class TwoPermits(MemoryLocks):
    async def acquire(self, op: Acquire, /) -> Grant | None:
        return await super().acquire(replace(op, permits=min(op.permits, 2)))


@locks("04", "T3", "grants last a day at the most")
class ADay(MemoryLocks):
    async def acquire(self, op: Acquire, /) -> Grant | None:
        return await super().acquire(replace(op, ttl=min(op.ttl, _DAY)))


@locks("05", "T3", "renewals give an hour at the most")
class AnHour(MemoryLocks):
    async def renew(self, op: Renew, /) -> bool:
        return await super().renew(replace(op, ttl=min(op.ttl, 3000.0)))


@locks("06", "T2", "one waits in a line at the most")
class ShortLine(MemoryLocks):
    async def acquire(self, op: Acquire, /) -> Grant | None:
        grant = await super().acquire(op)
        line = self._line(op.lock)
        if len(line.waiting) > 1:
            self._keep(op.lock, replace(line, waiting=line.waiting[:1]))
        return grant


@locks("07", "T2", "who leaves the line takes those behind along")
class LeavesWithMany(MemoryLocks):
    async def release(self, op: Release, /) -> None:
        owners = [place.owner for place in self._line(op.lock).waiting]
        await super().release(op)
        if op.owner in owners:
            line = self._line(op.lock)
            self._keep(op.lock, replace(line, waiting=line.waiting[: owners.index(op.owner)]))


@locks("08", "T2", "a renewal writes back the holders that it saw")
class RenewsInTwo(MemoryLocks):
    async def renew(self, op: Renew, /) -> bool:
        before = self._line(op.lock)
        renewed = await super().renew(op)
        await asyncio.sleep(0)
        if renewed:
            self._keep(op.lock, before)
        return renewed


@locks("09", "T2", "a permit is counted, awaited, and taken")
class CountsThenTakes(MemoryLocks):
    async def acquire(self, op: Acquire, /) -> Grant | None:
        if op.permits == 1:
            return await super().acquire(op)
        seen: Line = self._line(op.lock)
        grant = await super().acquire(op)
        if grant is None and len(seen.holders) < op.permits and not seen.waiting:
            return await super().acquire(replace(op, permits=op.permits + 1))
        return grant


@locks("10", "T3", "a place in the line lasts a minute at the most")
class PlacesEnd(MemoryLocks):
    async def acquire(self, op: Acquire, /) -> Grant | None:
        if op.queue_seconds is None:
            return await super().acquire(op)
        return await super().acquire(replace(op, queue_seconds=min(op.queue_seconds, 60.0)))


@locks("11", "T3", "who holds and asks again with less time keeps the more")
class NeverLess(MemoryLocks):
    async def acquire(self, op: Acquire, /) -> Grant | None:
        for place in self._line(op.lock).holders:
            if place.owner == op.owner and place.until > self._now():
                op = replace(op, ttl=max(op.ttl, place.until - self._now()))
        return await super().acquire(op)


@locks("12", "T1", "releasing a name frees its permits whose names begin so")
class ReleasesBelow(MemoryLocks):
    async def release(self, op: Release, /) -> None:
        await super().release(op)
        for name in [name for name in self._rows() if name.startswith(op.lock)]:
            await super().release(replace(op, lock=name))


@locks("13", "T2", "an attempt that is cancelled while it waits in line is put there after all")
class StaysAfterAll(MemoryLocks):
    async def acquire(self, op: Acquire, /) -> Grant | None:
        if op.queue_seconds is None:
            return await super().acquire(op)
        task = asyncio.ensure_future(self._late(op))
        return await asyncio.shield(task)

    async def _late(self, op: Acquire) -> Grant | None:
        for _ in range(6):
            await asyncio.sleep(0)
        return await super().acquire(op)


@locks("14", "T2", "while some wait only the first of them is granted, of however many permits")
class OneAtATime(MemoryLocks):
    """ "It grants an owner while fewer stand before it in the line than permits are free"."""

    async def acquire(self, op: Acquire, /) -> Grant | None:
        waiting = [one.owner for one in self._line(op.lock).waiting if one.until > self._now()]
        if waiting and waiting[0] != op.owner:
            op = replace(op, permits=0)
        return await super().acquire(op)
