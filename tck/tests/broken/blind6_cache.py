"""Cache drivers as third parties wrote them, made without a look at the laws."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from broken.blind6_names import renaming
from broken.registry import broken
from omnicloud.contracts.cache.driver import Claim, Clear, Delete, Fill, Get, Set, Touch, Unclaim
from omnicloud.contracts.cache.models import Cached
from omnicloud.errors import UnavailableError
from omnicloud.memory.cache import MemoryCache
from omnicloud.memory.shelf import Shelf
from omnicloud_tck.cache import CacheContract

_NEAR_SECONDS = 0.5
_LONG_KEY = 250
_FOR_EVER = 1e9


def cache(id_: str, tier: str, summary: str) -> Any:
    return broken(id_, tier, summary, CacheContract)


@cache("GCA01", "T0", "clear without a prefix clears nothing")
class ClearsNothing(MemoryCache):
    async def clear(self, op: Clear, /) -> None:
        await super().clear(op if op.prefix else Clear("\0never"))


@cache("GCA02", "T1", "touch prolongs a life but never shortens it")
class OnlyProlongs(MemoryCache):
    async def touch(self, op: Touch, /) -> bool:
        held = await self.get(Get(op.key))
        if held is None or op.ttl is None:
            return await super().touch(op)
        left = _FOR_EVER if held.expires_in is None else held.expires_in
        return await super().touch(op) if left < op.ttl else True


@cache("GCA03", "T1", "touch answers that the key was live, whether it was or not")
class TouchesAll(MemoryCache):
    async def touch(self, op: Touch, /) -> bool:
        await super().touch(op)
        return True


@cache("GCA04", "T1", "what was loaded is stored without its time to live")
class FillsForEver(MemoryCache):
    async def fill(self, op: Fill, /) -> bool:
        return await super().fill(replace(op, ttl=None))


@cache("GCA05", "T2", "clear leaves the claims, so what was loaded before it is stored after it")
class ClearLeavesClaims(MemoryCache):
    async def clear(self, op: Clear, /) -> None:
        shelf = await self._turn()
        for key in list(shelf._entries):
            if op.covers(key):
                shelf._remove(key)


@cache("GCA06", "T2", "anyone ends anyone's claim")
class UnclaimsForAll(MemoryCache):
    async def unclaim(self, op: Unclaim, /) -> None:
        (await self._turn())._claims.pop(op.key, None)


@cache("GCA07", "T2", "each client keeps what it read for half a second, whoever writes meanwhile")
class NearCache(MemoryCache):
    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self._near: dict[str, tuple[float, Cached]] = {}

    async def get(self, op: Get, /) -> Cached | None:
        until, kept = self._near.get(op.key, (0.0, None))
        now = self._store.clock.monotonic()
        if kept is not None and now < until:
            left = kept.expires_in
            return kept if left is None else replace(kept, expires_in=until - now)
        found = await super().get(op)
        if found is not None:
            lasts = min(_NEAR_SECONDS, found.expires_in or _NEAR_SECONDS)
            self._near[op.key] = (self._store.clock.monotonic() + lasts, found)
        return found

    async def set(self, op: Set, /) -> None:
        self._near.pop(op.key, None)
        await super().set(op)

    async def delete(self, op: Delete, /) -> None:
        self._near.pop(op.key, None)
        await super().delete(op)

    async def touch(self, op: Touch, /) -> bool:
        self._near.pop(op.key, None)
        return await super().touch(op)

    async def clear(self, op: Clear, /) -> None:
        self._near.clear()
        await super().clear(op)

    async def fill(self, op: Fill, /) -> bool:
        self._near.pop(op.key, None)
        return await super().fill(op)


@cache("GCA08", "T3", "a claim that its owner asks for again ends when the first one would have")
class ClaimIsNotProlonged(MemoryCache):
    async def claim(self, op: Claim, /) -> bool:
        shelf = await self._turn()
        held = shelf._claims.get(op.key)
        if held is not None and held.owner == op.owner:
            return True
        return shelf.claim(op.key, op.owner, self._now(), op.seconds)


@cache("GCA09", "T3", "while the backend is down every key is a miss")
class MissesWhenDown(MemoryCache):
    async def get(self, op: Get, /) -> Cached | None:
        try:
            return await super().get(op)
        except UnavailableError:
            return None


@cache("GCA10", "T3", "the claim of a process that died stands for ever")
class ClaimsForEver(MemoryCache):
    async def claim(self, op: Claim, /) -> bool:
        return await super().claim(replace(op, seconds=_FOR_EVER))


@cache("GCA11", "T4", "claims know no namespace: who loads here stops who loads elsewhere")
class ClaimsWithoutNamespace(MemoryCache):
    async def claim(self, op: Claim, /) -> bool:
        shelf = await self._turn()
        common = self._common()
        common.expire(self._now())
        if not common.claim(op.key, op.owner, self._now(), op.seconds):
            return False
        return shelf.claim(op.key, op.owner, self._now(), op.seconds)

    async def fill(self, op: Fill, /) -> bool:
        stood = await super().fill(op)
        self._common().unclaim(op.key, op.owner)
        return stood

    async def unclaim(self, op: Unclaim, /) -> None:
        await super().unclaim(op)
        self._common().unclaim(op.key, op.owner)

    async def set(self, op: Set, /) -> None:
        await super().set(op)
        self._common().drop(op.key)

    async def delete(self, op: Delete, /) -> None:
        await super().delete(op)
        self._common().drop(op.key)

    async def clear(self, op: Clear, /) -> None:
        await super().clear(op)
        self._common().drop_all(op.covers)

    def _common(self) -> Shelf:
        rows = self._store.rows("cache claims")
        shelf: Shelf = rows.setdefault("shelf", Shelf(self._limits))
        return shelf


def _cut(key: str) -> str:
    return key.encode()[:_LONG_KEY].decode(errors="ignore")


@cache("GCA12", "T4", "keys are cut at 250 bytes, as memcached has it")
class CutsKeys(renaming(MemoryCache, _cut)):  # type: ignore[misc]  # a class made at run time
    pass
