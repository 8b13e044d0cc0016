"""cache drivers at the places that the list of known faults leaves open."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from broken.registry import broken
from omnicloud.contracts.cache.driver import Claim, Delete, Get, Set
from omnicloud.contracts.cache.models import Cached
from omnicloud.errors import UnavailableError
from omnicloud.memory.cache import MemoryCache
from omnicloud_tck.cache import CacheContract


def cache(number: str, tier: str, summary: str) -> Any:
    return broken(f"GAP-{number}", tier, summary, CacheContract)


@cache("CA02", "T0", "get never finds anything")
class NeverFinds(MemoryCache):
    async def get(self, op: Get, /) -> Cached | None:
        await super().get(op)
        return None


@cache("CA04", "T0", "set leaves a value that is there")
class FirstWins(MemoryCache):
    async def set(self, op: Set, /) -> None:
        if await self.get(Get(op.key)) is None:
            await super().set(op)


@cache("CA06", "T1", "set without a time to live keeps the old one")
class KeepsOldEnd(MemoryCache):
    async def set(self, op: Set, /) -> None:
        held = await self.get(Get(op.key))
        if held is not None and op.ttl is None:
            op = replace(op, ttl=held.expires_in)
        await super().set(op)


@cache("CA09", "T1", "times to live are rounded up to whole seconds")
class RoundsUp(MemoryCache):
    async def set(self, op: Set, /) -> None:
        await super().set(op if op.ttl is None else replace(op, ttl=math.ceil(op.ttl)))


@cache("CA11", "T1", "without a time to live an entry ends after five minutes")
class FiveMinutes(MemoryCache):
    async def set(self, op: Set, /) -> None:
        await super().set(op if op.ttl is not None else replace(op, ttl=300.0))


@cache("CA13", "T1", "an empty value is a miss")
class EmptyMisses(MemoryCache):
    async def get(self, op: Get, /) -> Cached | None:
        held = await super().get(op)
        return held if held is not None and held.value else None


@cache("CA15", "T2", "each client keeps what it wrote, and does not see another's delete")
class OwnShelf(MemoryCache):
    def __init__(self, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        self._near: dict[str, Cached] = {}

    async def set(self, op: Set, /) -> None:
        await super().set(op)
        self._near.pop(op.key, None)
        if op.ttl is None:
            self._near[op.key] = Cached(op.value)

    async def get(self, op: Get, /) -> Cached | None:
        found = await super().get(op)
        return self._near.get(op.key, found)

    async def delete(self, op: Delete, /) -> None:
        self._near.pop(op.key, None)
        await super().delete(op)


@cache("CA17", "T3", "times to live end by the wall clock")
class WallClock(MemoryCache):
    async def set(self, op: Set, /) -> None:
        await super().set(replace(op, ttl=None))
        wall = self._store.rows("wall")
        wall[op.key] = None if op.ttl is None else self._store.clock.wall() + op.ttl

    async def get(self, op: Get, /) -> Cached | None:
        held = await super().get(op)
        end = self._store.rows("wall").get(op.key)
        if held is None or end is None:
            return held
        left = end - self._store.clock.wall()
        return Cached(held.value, left) if left > 0 else None


@cache("CA18", "T2", "everyone who claims a missing key is told to load it")
class AllLoad(MemoryCache):
    async def claim(self, op: Claim, /) -> bool:
        await super().claim(op)
        return True


@cache("CA20", "T3", "a delete during an outage answers as if it were done")
class CalmDelete(MemoryCache):
    async def delete(self, op: Delete, /) -> None:
        try:
            await super().delete(op)
        except UnavailableError:
            return
