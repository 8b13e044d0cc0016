"""locks drivers, wrong in ways that no law was written for."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import replace
from typing import Any

from broken.registry import broken
from omnicloud.contracts.locks import Grant
from omnicloud.contracts.locks.driver import Acquire, Release, Renew
from omnicloud.contracts.locks.line import EMPTY_LINE, Line, left
from omnicloud.errors import UnavailableError
from omnicloud.memory.locks import MemoryLocks
from omnicloud.memory.store import MemoryStore
from omnicloud_tck.locks import LocksContract


def locks(id_: str, tier: str, summary: str) -> Any:
    return broken(id_, tier, summary, LocksContract)


class _Asks(MemoryLocks):
    """Asks for something else than it is asked."""

    def asked(self, op: Acquire) -> Acquire:
        return op

    async def acquire(self, op: Acquire, /) -> Grant | None:
        return await super().acquire(self.asked(op))


@locks("U-LK-01", "T0", "renewing answers True and changes nothing")
class RenewsNothing(MemoryLocks):
    async def renew(self, op: Renew, /) -> bool:
        await self._store.reading()
        holders = self._line(op.lock).holders
        return any(one.owner == op.owner and one.until > self._now() for one in holders)


@locks("U-LK-02", "T1", "an owner that asks again has another token")
class AnotherToken(MemoryLocks):
    async def acquire(self, op: Acquire, /) -> Grant | None:
        grant = await super().acquire(op)
        return grant and Grant(self._store.number())


@locks("U-LK-03", "T1", "an owner that asks again keeps its old end")
class OldEnd(MemoryLocks):
    async def acquire(self, op: Acquire, /) -> Grant | None:
        await self._store.reading()
        now = self._now()
        for one in self._line(op.lock).holders:
            if one.owner == op.owner and one.until > now:
                return Grant(one.token)
        return await super().acquire(op)


@locks("U-LK-04", "T1", "renewing never shortens")
class NeverShorter(MemoryLocks):
    async def renew(self, op: Renew, /) -> bool:
        await self._store.reading()
        ends = [one.until for one in self._line(op.lock).holders if one.owner == op.owner]
        ttl = max([op.ttl, *(end - self._now() for end in ends)])
        return await super().renew(replace(op, ttl=ttl))


@locks("U-LK-05", "T3", "renewing revives a grant that ended, where no one took the name since")
class RevivesFree(MemoryLocks):
    async def renew(self, op: Renew, /) -> bool:
        await self._store.reading()
        line, now = self._line(op.lock), self._now()
        if all(one.owner == op.owner for one in line.holders) and not line.waiting:
            holders = tuple(one._replace(until=max(one.until, now + 1.0)) for one in line.holders)
            self._keep(op.lock, replace(line, holders=holders))
        return await super().renew(op)


@locks("U-LK-06", "T1", "a slash makes a tree: what is above or below a held name is held")
class Tree(MemoryLocks):
    async def acquire(self, op: Acquire, /) -> Grant | None:
        await self._store.reading()
        now = self._now()
        for name, line in self._rows().items():
            near = name.startswith(op.lock + "/") or op.lock.startswith(name + "/")
            if near and any(one.until > now for one in line.holders):
                return None
        return await super().acquire(op)


def _number(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()[:4]


@locks("U-LK-07", "T1", "names are numbers of 16 bits")
class Hashed(MemoryLocks):
    def _line(self, name: str) -> Line:
        return super()._line(_number(name))

    def _keep(self, name: str, line: Line) -> None:
        super()._keep(_number(name), line)


@locks("U-LK-08", "T2", "releasing one permit releases all")
class ReleasesAll(MemoryLocks):
    async def release(self, op: Release, /) -> None:
        await self._store.reading()
        line = self._line(op.lock)
        if any(one.owner == op.owner for one in line.holders):
            self._keep(op.lock, replace(left(line, op.owner), holders=()))
        else:
            self._keep(op.lock, left(line, op.owner))


@locks("U-LK-09", "T2", "all holders of a semaphore have the token of the first")
class OneToken(MemoryLocks):
    async def acquire(self, op: Acquire, /) -> Grant | None:
        grant = await super().acquire(op)
        if grant is None or op.permits == 1:
            return grant
        return Grant(min(one.token for one in self._line(op.lock).holders))


@locks("U-LK-10", "T2", "tokens of a name begin anew once it was free and forgotten")
class TokensAnew(MemoryLocks):
    async def acquire(self, op: Acquire, /) -> Grant | None:
        await self._store.reading()
        counts = self._store.rows(("unseen", "tokens"))
        now = self._now()
        if not any(one.until > now for one in self._line(op.lock).holders):
            counts.pop(op.lock, None)
        grant = await super().acquire(op)
        if grant is None or grant.token is None:
            return grant
        known = counts.setdefault(op.lock, {})
        return Grant(known.setdefault(grant.token, len(known) + 1))


@locks("U-LK-11", "T3", "tokens are milliseconds of the wall clock")
class WallTokens(MemoryLocks):
    async def acquire(self, op: Acquire, /) -> Grant | None:
        grant = await super().acquire(op)
        if grant is None:
            return None
        known = self._store.rows(("unseen", "tokens"))
        now = int(self._store.clock.wall() * 1000)
        return Grant(known.setdefault((op.lock, grant.token), now))


@locks("U-LK-12", "T2", "who gives up keeps its place in the line until that ends")
class KeepsPlace(MemoryLocks):
    async def release(self, op: Release, /) -> None:
        await self._store.reading()
        line = self._line(op.lock)
        self._keep(op.lock, replace(left(line, op.owner), waiting=line.waiting))


@locks("U-LK-13", "T2", "who asks again goes to the end of the line")
class AskLosesPlace(MemoryLocks):
    async def acquire(self, op: Acquire, /) -> Grant | None:
        await self._store.reading()
        line = self._line(op.lock)
        if len(line.waiting) > 1 and line.waiting[0].owner != op.owner:
            away = tuple(one for one in line.waiting if one.owner != op.owner)
            self._keep(op.lock, replace(line, waiting=away))
        return await super().acquire(op)


@locks("U-LK-14", "T2", "who does not wait is granted before those who do")
class Barges(MemoryLocks):
    async def acquire(self, op: Acquire, /) -> Grant | None:
        await self._store.reading()
        line = self._line(op.lock)
        if op.queue_seconds is not None or not line.waiting:
            return await super().acquire(op)
        self._keep(op.lock, replace(line, waiting=()))
        grant = await super().acquire(op)
        self._keep(op.lock, replace(self._line(op.lock), waiting=line.waiting))
        return grant


@locks("U-LK-15", "T3", "a place in the line never ends")
class PlaceForEver(_Asks):
    def asked(self, op: Acquire) -> Acquire:
        return op if op.queue_seconds is None else replace(op, queue_seconds=1e9)


@locks("U-LK-16", "T3", "releasing during an outage is silent")
class OutageReleased(MemoryLocks):
    async def release(self, op: Release, /) -> None:
        try:
            await super().release(op)
        except UnavailableError:
            return


@locks("U-LK-17", "T1", "a lock is held for an hour at most, whatever was asked")
class AnHour(_Asks):
    def asked(self, op: Acquire) -> Acquire:
        return replace(op, ttl=min(op.ttl, 3600.0))


@locks("U-LK-18", "T3", "a name whose holder died is granted to no one for 15 seconds")
class LockDelay(MemoryLocks):
    async def acquire(self, op: Acquire, /) -> Grant | None:
        await self._store.reading()
        now = self._now()
        if any(one.until <= now < one.until + 15.0 for one in self._line(op.lock).holders):
            return None
        return await super().acquire(op)


@locks("U-LK-19", "T4", "only what is behind the last slash of a name counts")
class LastPart(MemoryLocks):
    def _line(self, name: str) -> Line:
        return super()._line(name.rpartition("/")[2] or name)

    def _keep(self, name: str, line: Line) -> None:
        super()._keep(name.rpartition("/")[2] or name, line)


@locks("U-LK-20", "T2", "beyond 256 names the oldest is forgotten, held or not")
class Evicts(MemoryLocks):
    def _keep(self, name: str, line: Line) -> None:
        super()._keep(name, line)
        rows = self._rows()
        while len(rows) > 256:
            del rows[next(iter(rows))]


@locks("U-LK-21", "T2", "a release may overtake the request that it takes back")
class Overtakes(MemoryLocks):
    async def acquire(self, op: Acquire, /) -> Grant | None:
        for _ in range(3):
            await asyncio.sleep(0)
        return await super().acquire(op)


@locks("U-LK-22", "T2", "a client that held a name once releases whoever holds it")
class ReleasesByClient(MemoryLocks):
    def __init__(self, store: MemoryStore, namespace: str = "") -> None:
        super().__init__(store, namespace)
        self._had: set[tuple[str, str]] = set()

    async def acquire(self, op: Acquire, /) -> Grant | None:
        grant = await super().acquire(op)
        if grant is not None:
            self._had.add((op.lock, op.owner))
        return grant

    async def release(self, op: Release, /) -> None:
        if (op.lock, op.owner) not in self._had:
            await super().release(op)
            return
        await self._store.reading()
        self._keep(op.lock, replace(self._line(op.lock), holders=()))


@locks("U-LK-23", "T1", "an owner that asks again takes a second permit")
class SecondPermit(MemoryLocks):
    async def acquire(self, op: Acquire, /) -> Grant | None:
        await self._store.reading()
        line = self._line(op.lock)
        held = [one for one in line.holders if one.owner == op.owner and one.until > self._now()]
        grant = await super().acquire(op)
        if held and op.permits > 1:
            line = self._line(op.lock)
            name, until = f"{op.owner}-{len(line.holders)}", self._now() + op.ttl
            more = held[0]._replace(owner=name, until=until)
            self._keep(op.lock, replace(line, holders=(*line.holders, more)))
        return grant


@locks("U-LK-24", "T1", "renewing a permit renews all permits of the name")
class RenewsAll(MemoryLocks):
    async def renew(self, op: Renew, /) -> bool:
        done = await super().renew(op)
        line, now = self._line(op.lock), self._now()
        if done:
            longer = tuple(one._replace(until=max(one.until, now + op.ttl)) for one in line.holders)
            self._keep(op.lock, replace(line, holders=longer))
        return done


@locks("U-LK-25", "T2", "releasing drops those who wait as well")
class DropsLine(MemoryLocks):
    async def release(self, op: Release, /) -> None:
        await self._store.reading()
        if any(one.owner == op.owner for one in self._line(op.lock).holders):
            self._keep(op.lock, EMPTY_LINE)
        else:
            await super().release(op)


@locks("U-LK-26", "T1", "a short time to live is made ten seconds")
class TenAtLeast(_Asks):
    def asked(self, op: Acquire) -> Acquire:
        return replace(op, ttl=op.ttl if op.ttl >= 0.5 else 10.0)


@locks("U-LK-27", "T2", "with several permits the line is not kept")
class SemaphoreUnfair(_Asks):
    def asked(self, op: Acquire) -> Acquire:
        return op if op.permits == 1 else replace(op, queue_seconds=None)
