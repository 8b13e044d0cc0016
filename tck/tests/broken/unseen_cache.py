"""cache drivers that are wrong in ways which were written before the laws were looked at."""

from __future__ import annotations

import fnmatch
import unicodedata
from dataclasses import replace
from typing import Any

from broken.registry import broken
from broken.unseen_common import came_back, later, rootless
from omnicloud.contracts.cache.driver import Claim, Clear, Delete, Fill, Get, Set, Touch, Unclaim
from omnicloud.contracts.cache.models import Cached
from omnicloud.errors import UnavailableError
from omnicloud.memory.cache import MemoryCache
from omnicloud.memory.shelf import Entry
from omnicloud_tck.cache import CacheContract


def cache(id_: str, tier: str, summary: str) -> Any:
    return broken(id_, tier, summary, CacheContract)


@cache("U-CA-01", "T0", "clear of a prefix clears all of the tenant")
class ClearsAll(MemoryCache):
    async def clear(self, op: Clear, /) -> None:
        prefix = op.scope.prefix if op.scope is not None else ""
        await super().clear(replace(op, prefix=prefix))


@cache("U-CA-02", "T1", "a ttl over thirty days is taken for a moment long past")
class Memcached(MemoryCache):
    async def set(self, op: Set, /) -> None:
        await super().set(op)
        if op.ttl is not None and op.ttl > 30 * 86400:
            await self.delete(Delete(op.key))


@cache("U-CA-03", "T1", "touch without a ttl leaves the end as it was")
class KeepsItsEnd(MemoryCache):
    async def touch(self, op: Touch, /) -> bool:
        if op.ttl is None:
            return await self.get(Get(op.key)) is not None
        return await super().touch(op)


@cache("U-CA-04", "T1", "touch never shortens a life")
class NeverShortens(MemoryCache):
    async def touch(self, op: Touch, /) -> bool:
        found = await self.get(Get(op.key))
        left = None if found is None else found.expires_in
        if op.ttl is not None and left is not None and left > op.ttl:
            return True
        return await super().touch(op)


@cache("U-CA-05", "T1", "clear takes * ? and [ in a prefix for a pattern")
class Globs(MemoryCache):
    async def clear(self, op: Clear, /) -> None:
        shelf = await self._turn()
        await super().clear(op)
        shelf.drop_all(lambda key: fnmatch.fnmatchcase(key, op.prefix + "*"))


@cache("U-CA-06", "T1", "clear deletes the first thousand keys only")
class OnePage(MemoryCache):
    async def clear(self, op: Clear, /) -> None:
        shelf = await self._turn()
        left = 1000

        def covered(key: str) -> bool:
            nonlocal left
            left -= op.covers(key)
            return left >= 0 and op.covers(key)

        shelf.drop_all(covered)


@cache("U-CA-07", "T1", "an empty value is kept for a second, as a miss would be")
class NegativeCaching(MemoryCache):
    async def set(self, op: Set, /) -> None:
        short = op.ttl is None or op.ttl > 1
        await super().set(replace(op, ttl=1.0) if not op.value and short else op)


@cache("U-CA-08", "T1", "what is filled without a ttl lives as long as the claim")
class FilledForAWhile(MemoryCache):
    async def fill(self, op: Fill, /) -> bool:
        return await super().fill(replace(op, ttl=30.0) if op.ttl is None else op)


@cache("U-CA-09", "T2", "clear leaves the claims of keys that are missing")
class ClearLeavesClaims(MemoryCache):
    async def clear(self, op: Clear, /) -> None:
        shelf = await self._turn()
        for key in [key for key in shelf._entries if op.covers(key)]:
            shelf.drop(key)


@cache("U-CA-10", "T2", "a claim keeps off the same client only")
class ClaimsPerClient(MemoryCache):
    async def claim(self, op: Claim, /) -> bool:
        mine = self.__dict__.setdefault("_mine", set())
        held = (await self._turn())._claims.get(op.key)
        if held is not None and held.owner not in mine:
            del (await self._turn())._claims[op.key]
        mine.add(op.owner)
        return await super().claim(op)


@cache("U-CA-11", "T2", "anyone's unclaim ends the claim")
class AnyonesUnclaim(MemoryCache):
    async def unclaim(self, op: Unclaim, /) -> None:
        (await self._turn())._claims.pop(op.key, None)


@cache("U-CA-12", "T2", "copies near the client outlive the clear of another client")
class NearCopies(MemoryCache):
    async def get(self, op: Get, /) -> Cached | None:
        copies = self.__dict__.setdefault("_copies", {})
        found = await super().get(op)
        cleared = self._store.rows("cleared").get(op.key)
        if found is not None:
            copies[op.key] = found
        elif cleared is not None and cleared is not self:
            return copies.pop(op.key, None)  # type: ignore[no-any-return]
        return found

    async def clear(self, op: Clear, /) -> None:
        shelf = await self._turn()
        for key in shelf._entries:
            if op.covers(key):
                self._store.rows("cleared")[key] = self
        await super().clear(op)


@cache("U-CA-13", "T3", "a claim whose owner is gone stands for ever")
class EternalClaims(MemoryCache):
    async def claim(self, op: Claim, /) -> bool:
        return await super().claim(replace(op, seconds=1e9))


@cache("U-CA-14", "T3", "asking again does not prolong a claim")
class NotProlonged(MemoryCache):
    async def claim(self, op: Claim, /) -> bool:
        held = (await self._turn())._claims.get(op.key)
        return held.owner == op.owner if held is not None else await super().claim(op)


@cache("U-CA-15", "T3", "in an outage the last known value is answered")
class StaleIfError(MemoryCache):
    async def get(self, op: Get, /) -> Cached | None:
        known = self.__dict__.setdefault("_known", {})
        try:
            known[op.key] = await super().get(op)
        except UnavailableError:
            if known.get(op.key) is None:
                raise
        return known[op.key]  # type: ignore[no-any-return]


@cache("U-CA-16", "T3", "after an outage what was deleted before it is back")
class OldSnapshot(MemoryCache):
    async def delete(self, op: Delete, /) -> None:
        entry = (await self._turn()).get(op.key)
        await super().delete(op)
        if entry is not None:
            self._store.rows("snapshot")[op.key] = entry

    async def get(self, op: Get, /) -> Cached | None:
        if came_back(self._store, self._store.__dict__.setdefault("_seen", {})):
            for key, entry in list(self._store.rows("snapshot").items()):
                (await self._turn()).put(key, entry)
        return await super().get(op)


@cache("U-CA-17", "T4", "clear of a tenant clears those whose names begin like it")
class LongerNames(MemoryCache):
    async def clear(self, op: Clear, /) -> None:
        await super().clear(op)
        if op.scope is not None and op.prefix == op.scope.prefix:
            shelf = await self._turn()
            shelf.drop_all(lambda key: key.startswith(op.prefix.rstrip("/")))


@cache("U-CA-18", "T4", "claims forget the tenant")
class SharedClaims(MemoryCache):
    async def claim(self, op: Claim, /) -> bool:
        held = self._store.rows("claims").get(rootless(op.key))
        if held is not None and held != op.key:
            return False
        self._store.rows("claims")[rootless(op.key)] = op.key
        return await super().claim(op)


@cache("U-CA-19", "T1", "names that look alike are one name for touch")
class Composed(MemoryCache):
    async def touch(self, op: Touch, /) -> bool:
        wanted = unicodedata.normalize("NFC", op.key)
        shelf = await self._turn()
        for key in list(shelf._entries):
            if unicodedata.normalize("NFC", key) == wanted:
                shelf.prolong(key, self._end(op.ttl))
        return await super().touch(op)


@cache("U-CA-20", "T3", "a write over a key that was touched ends when the touch said")
class TouchedForEver(MemoryCache):
    async def touch(self, op: Touch, /) -> bool:
        live = await super().touch(op)
        if live and op.ttl is not None:
            later(self._store, op.ttl, lambda: MemoryCache.delete(self, Delete(op.key)))
        return live


@cache("U-CA-21", "T2", "fill writes over what was set since, if the owner claims again")
class FillsOver(MemoryCache):
    async def fill(self, op: Fill, /) -> bool:
        stood = await super().fill(op)
        if not stood and op.key not in (shelf := await self._turn())._entries:
            shelf.put(op.key, Entry(op.value, self._end(op.ttl)))
        return stood
