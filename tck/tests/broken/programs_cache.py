"""cache drivers that are wrong where verbs and moments meet: random programs show them."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from broken.registry import broken
from broken.unseen_common import came_back, rootless
from omnicloud.contracts.cache.driver import Claim, Clear, Delete, Fill, Set, Touch, Unclaim
from omnicloud.errors import UnavailableError
from omnicloud.memory.cache import MemoryCache
from omnicloud.memory.shelf import Entry
from omnicloud_tck.cache import CacheContract


def cache(number: str, tier: str, summary: str) -> Any:
    return broken(f"PROG-CA-{number}", tier, summary, CacheContract)


@cache("02", "T1", "what is loaded for more than a month is kept for ever")
class FillsForEver(MemoryCache):
    async def fill(self, op: Fill, /) -> bool:
        return await super().fill(replace(op, ttl=None if (op.ttl or 0) > 30 * 86400 else op.ttl))


@cache("03", "T1", "a set of the value that is there leaves its life")
class SameLife(MemoryCache):
    async def set(self, op: Set, /) -> None:
        shelf = await self._turn()
        entry = shelf.get(op.key)
        if entry is None or entry.value != op.value:
            return await super().set(op)
        shelf.put(op.key, entry)
        return None


@cache("04", "T1", "a clear leaves the claims of keys that have no entry")
class ClearsEntries(MemoryCache):
    async def clear(self, op: Clear, /) -> None:
        shelf = await self._turn()
        kept = {key: one for key, one in shelf._claims.items() if key not in shelf._entries}
        shelf.drop_all(op.covers)
        shelf._claims.update(kept)


@cache("05", "T1", "a deletion of what is not there leaves its claim")
class DeletesEntries(MemoryCache):
    async def delete(self, op: Delete, /) -> None:
        if (await self._turn()).get(op.key) is not None:
            await super().delete(op)


@cache("06", "T1", "an entry that is loaded anew keeps the life that it had")
class KeepsLives(MemoryCache):
    async def fill(self, op: Fill, /) -> bool:
        shelf = await self._turn()
        entry = shelf.get(op.key)
        done = await super().fill(op)
        if done and entry is not None:
            shelf.prolong(op.key, entry.deadline)
        return done


@cache("07", "T2", "a fill looks at its claim, then writes")
class FillsAnyway(MemoryCache):
    async def fill(self, op: Fill, /) -> bool:
        shelf = await self._turn()
        stood = shelf.unclaim(op.key, op.owner)
        await asyncio.sleep(0)
        if stood:
            (await self._turn()).put(op.key, Entry(op.value, self._end(op.ttl)))
        return stood


@cache("08", "T2", "a claim looks whether there is one, then takes it")
class TakesAnyway(MemoryCache):
    async def claim(self, op: Claim, /) -> bool:
        shelf = await self._turn()
        if op.key in shelf._claims:
            return await super().claim(op)
        await asyncio.sleep(0)
        (await self._turn())._claims.pop(op.key, None)
        return await super().claim(op)


@cache("09", "T2", "a set with a time to live deletes what there is first")
class DeletesFirst(MemoryCache):
    async def set(self, op: Set, /) -> None:
        if op.ttl is not None:
            await super().delete(Delete(op.key))
            await asyncio.sleep(0)
        await super().set(op)


@cache("10", "T2", "a touch with a time to live reads the entry, then writes it")
class WritesBack(MemoryCache):
    async def touch(self, op: Touch, /) -> bool:
        entry = (await self._turn()).get(op.key)
        if entry is None or op.ttl is None:
            return await super().touch(op)
        await asyncio.sleep(0)
        await self.set(Set(op.key, entry.value, op.ttl))
        return True


@cache("11", "T3", "claims are forgotten in an outage")
class ForgetsClaims(MemoryCache):
    async def fill(self, op: Fill, /) -> bool:
        shelf = await self._turn()
        if came_back(self._store, self.__dict__.setdefault("_wrong_seen", {})):
            shelf._claims.clear()
        return await super().fill(op)


@cache("12", "T3", "an unclaim that does not arrive is taken for done")
class UnclaimsQuietly(MemoryCache):
    async def unclaim(self, op: Unclaim, /) -> None:
        try:
            await super().unclaim(op)
        except UnavailableError:
            return


@cache("13", "T3", "a touch that was given up is done a second later")
class TouchesLater(MemoryCache):
    async def touch(self, op: Touch, /) -> bool:
        work = asyncio.ensure_future(self._touched(op))
        return await asyncio.shield(work)

    async def _touched(self, op: Touch) -> bool:
        try:
            return await super().touch(op)
        except UnavailableError:
            await self._store.clock.sleep(1.0)
            return await super().touch(op)


@cache("14", "T4", "owners of one name share their claims, whichever their tenants")
class SharesClaims(MemoryCache):
    async def claim(self, op: Claim, /) -> bool:
        return await super().claim(replace(op, key=rootless(op.key)))

    async def fill(self, op: Fill, /) -> bool:
        shelf = await self._turn()
        stood = shelf.unclaim(rootless(op.key), op.owner)
        if stood:
            shelf.put(op.key, Entry(op.value, self._end(op.ttl)))
        return stood

    async def unclaim(self, op: Unclaim, /) -> None:
        await super().unclaim(replace(op, key=rootless(op.key)))
