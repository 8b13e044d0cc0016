"""The cache contract in memory: every feature. Clients of one store share its entries."""

from __future__ import annotations

from omnicloud.contracts.cache.driver import (
    Claim,
    Clear,
    Delete,
    Fill,
    Get,
    Set,
    Touch,
    Unclaim,
)
from omnicloud.contracts.cache.models import Cached, CacheFeature, CacheLimits
from omnicloud.core.operation import Feature
from omnicloud.memory.shelf import Entry, Shelf
from omnicloud.memory.store import MemoryStore

__all__ = ["FEATURES", "LIMITS", "MemoryCache"]

FEATURES: frozenset[Feature] = frozenset(CacheFeature)
LIMITS = CacheLimits(value_max_bytes=16 << 20, max_entries=100_000, max_bytes=256 << 20)


class MemoryCache:
    """A cache driver over a :class:`Shelf` of a :class:`MemoryStore`.

    Args:
        limits: Bounds; those of the first client of a namespace count.
    """

    def __init__(
        self, store: MemoryStore, namespace: str = "", *, limits: CacheLimits = LIMITS
    ) -> None:
        self._store = store
        self._table = ("cache", namespace)
        self._limits = limits

    @property
    def features(self) -> frozenset[Feature]:
        return FEATURES

    @property
    def limits(self) -> CacheLimits:
        return self._limits

    async def get(self, op: Get, /) -> Cached | None:
        entry = (await self._turn()).get(op.key)
        if entry is None:
            return None
        return Cached(entry.value, None if entry.deadline is None else entry.deadline - self._now())

    async def set(self, op: Set, /) -> None:
        (await self._turn()).put(op.key, Entry(op.value, self._end(op.ttl)))

    async def delete(self, op: Delete, /) -> None:
        (await self._turn()).drop(op.key)

    async def touch(self, op: Touch, /) -> bool:
        return (await self._turn()).prolong(op.key, self._end(op.ttl))

    async def clear(self, op: Clear, /) -> None:
        (await self._turn()).drop_all(op.covers)

    async def claim(self, op: Claim, /) -> bool:
        return (await self._turn()).claim(op.key, op.owner, self._now(), op.seconds)

    async def fill(self, op: Fill, /) -> bool:
        shelf = await self._turn()
        stood = shelf.unclaim(op.key, op.owner)
        if stood:
            shelf.put(op.key, Entry(op.value, self._end(op.ttl)))
        return stood

    async def unclaim(self, op: Unclaim, /) -> None:
        (await self._turn()).unclaim(op.key, op.owner)

    async def aclose(self) -> None:
        """Nothing is held: the store belongs to who made it."""

    async def _turn(self) -> Shelf:
        # Caches take no part in transactions, so no call waits for one.
        await self._store.reading()
        shelf = self._shelf()
        shelf.expire(self._now())
        return shelf

    def _shelf(self) -> Shelf:
        rows = self._store.rows(self._table)
        shelf: Shelf | None = rows.get("shelf")
        if shelf is None:
            shelf = rows["shelf"] = Shelf(self._limits)
        return shelf

    def _end(self, ttl: float | None) -> float | None:
        return None if ttl is None else self._now() + ttl

    def _now(self) -> float:
        return self._store.clock.monotonic()
