"""cache drivers that are wrong in one verb."""

from __future__ import annotations

from typing import Any

from broken.registry import broken
from omnicloud.contracts.cache.driver import Claim, Clear, Delete, Fill, Touch
from omnicloud.memory.cache import MemoryCache
from omnicloud_tck.cache import CacheContract


def cache(number: str, tier: str, summary: str) -> Any:
    return broken(f"VERB-CA-{number}", tier, summary, CacheContract)


@cache("01", "T1", "touching a missing key makes an empty entry")
class TouchMakes(MemoryCache):
    async def touch(self, op: Touch, /) -> bool:
        there = await super().touch(op)
        if not there:
            from omnicloud.memory.shelf import Entry

            self._shelf().put(op.key, Entry(b"", self._end(op.ttl)))
        return there


@cache("02", "T1", "touching without a time to live changes nothing")
class TouchKeeps(MemoryCache):
    async def touch(self, op: Touch, /) -> bool:
        if op.ttl is None:
            return (await self._turn()).get(op.key) is not None
        return await super().touch(op)


@cache("03", "T1", "clearing takes its prefix for a pattern")
class ClearGlobs(MemoryCache):
    async def clear(self, op: Clear, /) -> None:
        import fnmatch

        shelf = await self._turn()
        scoped = op.scope is None or op.scope.prefix == ""
        pattern = op.prefix + "*"
        for key in list(shelf._entries):
            if (not scoped or not key.startswith("~")) and fnmatch.fnmatchcase(key, pattern):
                shelf.drop(key)


@cache("04", "T2", "a delete does not void a claim")
class DeleteKeepsClaim(MemoryCache):
    async def delete(self, op: Delete, /) -> None:
        shelf = await self._turn()
        shelf._remove(op.key)


@cache("05", "T2", "clearing does not void claims")
class ClearKeepsClaims(MemoryCache):
    async def clear(self, op: Clear, /) -> None:
        shelf = await self._turn()
        for key in [k for k in shelf._entries if op.covers(k)]:
            shelf._remove(key)


@cache("06", "T4", "claims are shared by tenants")
class ClaimsShared(MemoryCache):
    async def claim(self, op: Claim, /) -> bool:
        bare = op.key.partition("/")[2] if op.key.startswith("~") else op.key
        mine = self._store.rows("claims").get(bare)
        if mine is not None and mine != (op.key, op.owner):
            return False
        done = await super().claim(op)
        if done:
            self._store.rows("claims")[bare] = (op.key, op.owner)
        return done

    async def fill(self, op: Fill, /) -> bool:
        bare = op.key.partition("/")[2] if op.key.startswith("~") else op.key
        self._store.rows("claims").pop(bare, None)
        return await super().fill(op)


@cache("07", "T1", "filling drops an empty value")
class FillDropsEmpty(MemoryCache):
    async def fill(self, op: Fill, /) -> bool:
        stood = await super().fill(op)
        if not op.value:
            (await self._turn()).drop(op.key)
        return stood


@cache("08", "T4", "touching reaches the other tenants' entries, too")
class TouchAll(MemoryCache):
    async def touch(self, op: Touch, /) -> bool:
        there = await super().touch(op)
        shelf = await self._turn()
        bare = op.key.partition("/")[2] if op.key.startswith("~") else op.key
        for key in list(shelf._entries):
            if key.startswith("~") and key.partition("/")[2] == bare:
                shelf.prolong(key, self._end(op.ttl))
        return there
