"""Locks drivers as third parties might write them, wrong in ways thought of blindly."""

from __future__ import annotations

import math
import posixpath
from dataclasses import replace
from typing import Any

from broken.registry import broken
from broken.unseen_common import pause
from omnicloud.contracts.locks.driver import Acquire, Release, Renew
from omnicloud.contracts.locks.line import Line, Place, granted
from omnicloud.contracts.locks.models import Grant
from omnicloud.memory.locks import MemoryLocks
from omnicloud_tck.locks import LocksContract


def locks(number: int, tier: str, summary: str) -> Any:
    return broken(f"B7-LO-{number:02}", tier, summary, LocksContract)


# clause: Release "Nobody else's grant is touched"
# app: every semaphore
@locks(1, "T0", "releasing one permit of a semaphore gives back all of them")
class ReleasesAll(MemoryLocks):
    async def release(self, op: Release, /) -> None:
        line = self._line(op.lock)
        if any(place.owner == op.owner for place in line.holders):
            self._keep(op.lock, replace(line, holders=()))
        await super().release(op)


# clause: Renew "Let the owner's grant end `ttl` seconds from now"
# app: a holder that renews for a second to hand over soon
@locks(2, "T1", "a renewal never lets a grant end earlier than it would have")
class NeverShortens(MemoryLocks):
    async def renew(self, op: Renew, /) -> bool:
        await self._store.reading()
        until = max(
            (p.until for p in self._line(op.lock).holders if p.owner == op.owner), default=0.0
        )
        return await super().renew(replace(op, ttl=max(op.ttl, until - self._now())))


# clause: fencing "a token larger than those of all grants of the name before it"
# app: two grants within a millisecond, or after the clock was set back
@locks(3, "T1", "the token is the time of day in milliseconds")
class TokensOfTime(MemoryLocks):
    async def acquire(self, op: Acquire, /) -> Grant | None:
        await self._store.reading()
        line, token = granted(
            self._line(op.lock),
            op.owner,
            self._now(),
            ttl=op.ttl,
            permits=op.permits,
            queue_seconds=op.queue_seconds,
            token=int(self._store.clock.wall() * 1000),
        )
        self._keep(op.lock, line)
        return None if token is None else Grant(token)


# clause: Release "and give up its place in the line"
# app: a waiter that gives up (wait= passed): those behind it wait for nobody
@locks(4, "T2", "who stops waiting keeps its place in the line")
class KeepsPlaces(MemoryLocks):
    async def release(self, op: Release, /) -> None:
        await self._store.reading()
        line = self._line(op.lock)
        left = tuple(place for place in line.holders if place.owner != op.owner)
        self._keep(op.lock, replace(line, holders=left))


# clause: Acquire "`None` where it has as many holders as permits"
# app: tasks that ask for the last permit at once
@locks(5, "T2", "permits are counted, then taken")
class CountsThenTakes(MemoryLocks):
    async def acquire(self, op: Acquire, /) -> Grant | None:
        if op.permits == 1:
            return await super().acquire(op)
        await self._store.reading()
        before, now = self._line(op.lock), self._now()
        held = [one.owner for one in before.holders if one.until > now]
        await pause()
        if len(held) >= op.permits or op.owner in held or before.waiting:
            return await super().acquire(op)
        line, token = self._line(op.lock), self._store.number()
        kept = tuple(one for one in line.holders if one.owner != op.owner)
        place = Place(op.owner, self._now() + op.ttl, token)
        self._keep(op.lock, Line((*kept, place), line.waiting))
        return Grant(token)


# clause: "asking again keeps the place"; fair: "granted in the order of arrival"
# app: three waiters
@locks(6, "T2", "who asks again goes to the end of the line")
class LosesPlaces(MemoryLocks):
    async def acquire(self, op: Acquire, /) -> Grant | None:
        grant = await super().acquire(op)
        if grant is None:
            line = self._line(op.lock)
            own = tuple(place for place in line.waiting if place.owner == op.owner)
            rest = tuple(place for place in line.waiting if place.owner != op.owner)
            self._keep(op.lock, Line(line.holders, rest + own))
        return grant


# clause: "Hold a name for `ttl` seconds"; "A lock ends by itself after its time to live"
# app: a semaphore of which one holder dies while others work on
@locks(7, "T3", "the permits of dead holders are kept while others renew theirs")
class ExpiresTogether(MemoryLocks):
    async def acquire(self, op: Acquire, /) -> Grant | None:
        grant = await super().acquire(op)
        self._level(op.lock)
        return grant

    async def renew(self, op: Renew, /) -> bool:
        done = await super().renew(op)
        self._level(op.lock)
        return done

    def _level(self, name: str) -> None:
        line = self._line(name)
        if len(line.holders) > 1:
            until = max(place.until for place in line.holders)
            self._keep(
                name, replace(line, holders=tuple(p._replace(until=until) for p in line.holders))
            )


# clause: fencing "each grant has a larger token than all of the name before it"
# app: a nightly job: its counter expired since the night before
@locks(8, "T3", "the counter of a lock's tokens is forgotten after an hour without a grant")
class ForgetsCounters(MemoryLocks):
    async def acquire(self, op: Acquire, /) -> Grant | None:
        await self._store.reading()
        counters, now = self._store.rows(("counters", *self._table)), self._now()
        last, until = counters.get(op.lock, (0, math.inf))
        token = last + 1 if now < until else 1
        line, given = granted(
            self._line(op.lock),
            op.owner,
            now,
            ttl=op.ttl,
            permits=op.permits,
            queue_seconds=op.queue_seconds,
            token=token,
        )
        self._keep(op.lock, line)
        if given is None:
            return None
        if given == token:
            counters[op.lock] = (token, now + 3600.0)
        return Grant(given)


# clause: Acquire "An owner that already holds the name is answered with its token again"
# app: the retry layer repeats an acquire whose answer was lost
@locks(9, "T3", "an acquire that is repeated is answered with another token")
class DrawsAgain(MemoryLocks):
    async def acquire(self, op: Acquire, /) -> Grant | None:
        grant = await super().acquire(op)
        return None if grant is None else Grant(self._store.number())


# clause: names "never colliding, never leaving their namespace (`../`)"
# app: lock names made of paths
@locks(10, "T4", "names are made plain as paths: a/./b and a/b are one lock")
class PlainPaths(MemoryLocks):
    async def acquire(self, op: Acquire, /) -> Grant | None:
        return await super().acquire(replace(op, lock=posixpath.normpath(op.lock)))

    async def renew(self, op: Renew, /) -> bool:
        return await super().renew(replace(op, lock=posixpath.normpath(op.lock)))

    async def release(self, op: Release, /) -> None:
        await super().release(replace(op, lock=posixpath.normpath(op.lock)))
