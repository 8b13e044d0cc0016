"""locks drivers as third parties might write them, wrong in ways thought of blindly."""

from __future__ import annotations

import zlib
from dataclasses import replace
from typing import Any

from broken.registry import broken
from omnicloud.contracts.locks.driver import Acquire, Release, Renew
from omnicloud.contracts.locks.line import Line, Place, left
from omnicloud.contracts.locks.models import Grant
from omnicloud.errors import UnavailableError
from omnicloud.memory.locks import MemoryLocks
from omnicloud_tck.locks import LocksContract


def locks(number: int, tier: str, summary: str) -> Any:
    return broken(f"B-LO-{number:02}", tier, summary, LocksContract)


@locks(1, "T0", "release frees the name, whoever holds it")
class ReleasesAnyones(MemoryLocks):
    async def release(self, op: Release, /) -> None:
        await self._store.reading()
        self._keep(op.lock, replace(left(self._line(op.lock), op.owner), holders=()))


@locks(2, "T1", "renew only ever makes a grant longer")
class NeverShortens(MemoryLocks):
    async def renew(self, op: Renew, /) -> bool:
        await self._store.reading()
        ends = [p.until for p in self._line(op.lock).holders if p.owner == op.owner]
        rest = max(ends, default=0.0) - self._now()
        return await super().renew(replace(op, ttl=max(op.ttl, rest)))


@locks(3, "T1", "an owner that asks again for what it holds is given another token")
class AnotherToken(MemoryLocks):
    async def acquire(self, op: Acquire, /) -> Grant | None:
        grant = await super().acquire(op)
        line = self._line(op.lock)
        if grant is None:
            return None
        token = self._store.number()
        holders = tuple(
            Place(p.owner, p.until, token) if p.owner == op.owner else p for p in line.holders
        )
        self._keep(op.lock, replace(line, holders=holders))
        return Grant(token)


@locks(4, "T1", "names are hashed to 16 bits")
class HashesNames(MemoryLocks):
    def _hashed(self, name: str) -> str:
        return f"{zlib.crc32(name.encode()) & 0xFFFF:04x}"

    async def acquire(self, op: Acquire, /) -> Grant | None:
        return await super().acquire(replace(op, lock=self._hashed(op.lock)))

    async def renew(self, op: Renew, /) -> bool:
        return await super().renew(replace(op, lock=self._hashed(op.lock)))

    async def release(self, op: Release, /) -> None:
        await super().release(replace(op, lock=self._hashed(op.lock)))


@locks(5, "T2", "who releases while it waits keeps its place in the line")
class GhostsInLine(MemoryLocks):
    async def release(self, op: Release, /) -> None:
        await self._store.reading()
        line = self._line(op.lock)
        self._keep(op.lock, replace(left(line, op.owner), waiting=line.waiting))


@locks(6, "T2", "of a semaphore release ends the oldest grant, whoever's it is")
class ReleasesOldest(MemoryLocks):
    async def release(self, op: Release, /) -> None:
        await self._store.reading()
        line = self._line(op.lock)
        if any(place.owner == op.owner for place in line.holders):
            self._keep(op.lock, replace(line, holders=line.holders[1:]))
        else:
            self._keep(op.lock, left(line, op.owner))


@locks(7, "T2", "who asks again while it waits goes to the end of the line")
class LosesPlace(MemoryLocks):
    async def acquire(self, op: Acquire, /) -> Grant | None:
        grant = await super().acquire(op)
        line = self._line(op.lock)
        mine = tuple(place for place in line.waiting if place.owner == op.owner)
        if grant is None and mine:
            others = tuple(place for place in line.waiting if place.owner != op.owner)
            self._keep(op.lock, Line(line.holders, others + mine))
        return grant


@locks(8, "T3", "fencing tokens are milliseconds of the wall clock")
class TokensByWall(MemoryLocks):
    async def acquire(self, op: Acquire, /) -> Grant | None:
        held = {p.owner: p.token for p in self._line(op.lock).holders}
        grant = await super().acquire(op)
        if grant is None:
            return None
        tokens = self._store.rows("wall tokens")
        token = grant.token
        if (op.lock, token) not in tokens or op.owner not in held:
            tokens.setdefault((op.lock, token), int(self._store.clock.wall() * 1000))
        return Grant(tokens[op.lock, token])


@locks(9, "T3", "each client draws fencing tokens from a block of a thousand of its own")
class BlocksOfTokens(MemoryLocks):
    def __init__(self, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        self._next = self._end = 0

    async def acquire(self, op: Acquire, /) -> Grant | None:
        grant = await super().acquire(op)
        if grant is None:
            return None
        tokens = self._store.rows("block tokens")
        place = (op.lock, grant.token)
        if place not in tokens:
            if self._next == self._end:
                blocks = self._store.rows("blocks")
                self._next = blocks["next"] = blocks.get("next", 0) + 1000
                self._end = self._next + 1000
            tokens[place] = self._next
            self._next += 1
        return Grant(tokens[place])


@locks(10, "T3", "renew in an outage says that the grant is lost")
class LosesInOutage(MemoryLocks):
    async def renew(self, op: Renew, /) -> bool:
        try:
            return await super().renew(op)
        except UnavailableError:
            return False
