"""cache drivers as third parties might write them, wrong in ways that were thought of blindly."""

from __future__ import annotations

import fnmatch
from typing import Any

from broken.registry import broken
from broken.unseen_common import pause, rootless
from omnicloud.contracts.cache.driver import Claim, Clear, Delete, Fill, Get, Set, Touch
from omnicloud.contracts.cache.models import Cached
from omnicloud.errors import UnavailableError
from omnicloud.memory.cache import MemoryCache
from omnicloud.memory.shelf import Entry
from omnicloud_tck.cache import CacheContract


def cache(number: int, tier: str, summary: str) -> Any:
    return broken(f"B-CA-{number:02}", tier, summary, CacheContract)


@cache(1, "T0", "touch says yes, and changes nothing")
class TouchesNothing(MemoryCache):
    async def touch(self, op: Touch, /) -> bool:
        return (await self._turn()).get(op.key) is not None


@cache(2, "T1", "touch without a time to live leaves the old one")
class TouchKeepsEnd(MemoryCache):
    async def touch(self, op: Touch, /) -> bool:
        if op.ttl is not None:
            return await super().touch(op)
        return (await self._turn()).get(op.key) is not None


@cache(3, "T1", "clear takes its prefix for a pattern")
class ClearsPatterns(MemoryCache):
    async def clear(self, op: Clear, /) -> None:
        def covers(stored: str) -> bool:
            mine = op.scope is None or op.scope.leave(stored) is not None
            return mine and fnmatch.fnmatchcase(stored, f"{op.prefix}*")

        (await self._turn()).drop_all(covers)


@cache(4, "T2", "clear voids only the claims of keys that have an entry")
class ClearLeavesClaims(MemoryCache):
    async def clear(self, op: Clear, /) -> None:
        shelf = await self._turn()
        shelf.drop_all(lambda key: op.covers(key) and shelf.get(key) is not None)


@cache(5, "T2", "touch reads the value, awaits, and writes it back with the new end")
class TouchRewrites(MemoryCache):
    async def touch(self, op: Touch, /) -> bool:
        entry = (await self._turn()).get(op.key)
        if entry is None:
            return False
        await pause()
        (await self._turn()).put(op.key, Entry(entry.value, self._end(op.ttl)))
        return True


@cache(6, "T2", "fill ends the claim, awaits, and writes")
class FillsLate(MemoryCache):
    async def fill(self, op: Fill, /) -> bool:
        if not (await self._turn()).unclaim(op.key, op.owner):
            return False
        await pause()
        (await self._turn()).put(op.key, Entry(op.value, self._end(op.ttl)))
        return True


@cache(7, "T3", "the end that touch gives is by the wall clock")
class TouchByWall(MemoryCache):
    def _ends(self) -> Any:
        return self._store.rows(("wall ends", self._table))

    async def _turn(self) -> Any:
        shelf = await super()._turn()
        ends, now = self._ends(), self._store.clock.wall()
        for key in [key for key, end in ends.items() if end <= now]:
            del ends[key]
            shelf.drop(key)
        return shelf

    async def get(self, op: Get, /) -> Cached | None:
        entry = await super().get(op)
        end = self._ends().get(op.key)
        if entry is None or end is None:
            return entry
        return Cached(entry.value, end - self._store.clock.wall())

    async def set(self, op: Set, /) -> None:
        await super().set(op)
        self._ends().pop(op.key, None)

    async def delete(self, op: Delete, /) -> None:
        await super().delete(op)
        self._ends().pop(op.key, None)

    async def fill(self, op: Fill, /) -> bool:
        done = await super().fill(op)
        if done:
            self._ends().pop(op.key, None)
        return done

    async def touch(self, op: Touch, /) -> bool:
        there = await super().touch(Touch(op.key, None))
        self._ends().pop(op.key, None)
        if there and op.ttl is not None:
            self._ends()[op.key] = self._store.clock.wall() + op.ttl
        return there


@cache(8, "T3", "in an outage get answers what this client read last")
class ServesStale(MemoryCache):
    def __init__(self, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        self._near: dict[str, Cached | None] = {}

    async def get(self, op: Get, /) -> Cached | None:
        try:
            self._near[op.key] = await super().get(op)
        except UnavailableError:
            if self._near.get(op.key) is None:
                raise
        return self._near[op.key]

    async def delete(self, op: Delete, /) -> None:
        self._near.pop(op.key, None)
        await super().delete(op)


@cache(9, "T4", "clear of everything outside all tenants clears all tenants too")
class ClearsTenants(MemoryCache):
    async def clear(self, op: Clear, /) -> None:
        (await self._turn()).drop_all(lambda stored: stored.startswith(op.prefix))


@cache(10, "T4", "claims forget the tenant: one tenant's load keeps another's waiting")
class ClaimsOfAllTenants(MemoryCache):
    async def claim(self, op: Claim, /) -> bool:
        shelf = await self._turn()
        for key, held in shelf._claims.items():
            if rootless(key) == rootless(op.key) and held.owner != op.owner:
                return False
        return shelf.claim(op.key, op.owner, self._now(), op.seconds)
