"""cache drivers written against the contract alone, for a ninth count of what the kit finds."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from broken.registry import broken
from omnicloud.contracts.cache.driver import Claim, Fill, Get, Unclaim
from omnicloud.contracts.cache.models import Cached
from omnicloud.memory.cache import MemoryCache
from omnicloud.memory.shelf import Entry
from omnicloud_tck.cache import CacheContract

_CHUNK = 1 << 16


def cache(number: str, tier: str, summary: str) -> Any:
    return broken(f"BLIND9-CA-{number}", tier, summary, CacheContract)


@cache("01", "T1", "a fill without a life keeps that of what it replaces")
class KeepsOldLife(MemoryCache):
    """A fill writes with its own ttl. Met by a refresh that makes an entry permanent."""

    async def fill(self, op: Fill, /) -> bool:
        old = (await self._turn()).get(op.key)
        stood = await super().fill(op)
        if stood and op.ttl is None and old is not None:
            self._shelf().put(op.key, Entry(op.value, old.deadline))
        return stood


@cache("02", "T1", "a fill gives no life to what had none")
class StaysForEver(MemoryCache):
    """As before, the other way round."""

    async def fill(self, op: Fill, /) -> bool:
        old = (await self._turn()).get(op.key)
        for_ever = old is not None and old.deadline is None
        return await super().fill(replace(op, ttl=None) if for_ever else op)


@cache("03", "T3", "the life of what is filled is counted from the claim")
class CountsFromTheClaim(MemoryCache):
    """A life is counted from the write. Met by every loader that takes a while."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._since: dict[str, float] = {}

    async def claim(self, op: Claim, /) -> bool:
        won = await super().claim(op)
        if won:
            self._since[op.key] = self._now()
        return won

    async def fill(self, op: Fill, /) -> bool:
        took = self._now() - self._since.get(op.key, self._now())
        return await super().fill(op if op.ttl is None else replace(op, ttl=op.ttl - took))


@cache("04", "T1", "claims of names that are one but for their case are one")
class FoldedClaims(MemoryCache):
    """Names never collide. Met by keys that are written by two programs."""

    async def claim(self, op: Claim, /) -> bool:
        return await super().claim(replace(op, key=op.key.lower()))

    async def unclaim(self, op: Unclaim, /) -> None:
        await super().unclaim(replace(op, key=op.key.lower()))

    async def fill(self, op: Fill, /) -> bool:
        stood = (await self._turn()).unclaim(op.key.lower(), op.owner)
        if stood:
            self._shelf().put(op.key, Entry(op.value, self._end(op.ttl)))
        return stood


@cache("05", "T2", "long values are read in chunks, one after another")
class TornRead(MemoryCache):
    """Never one that was written over. Met by pages that are drawn anew while they are read."""

    async def get(self, op: Get, /) -> Cached | None:
        first = await super().get(op)
        if first is None or len(first.value) <= _CHUNK:
            return first
        rest = await super().get(op)
        return rest and replace(rest, value=first.value[:_CHUNK] + rest.value[_CHUNK:])
