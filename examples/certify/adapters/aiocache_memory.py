"""The cache contract over aiocache's ``SimpleMemoryCache``."""

from __future__ import annotations

from typing import Any

from aiocache import SimpleMemoryCache

from omnicloud.contracts.cache.driver import Clear, Delete, Get, Set, Touch
from omnicloud.contracts.cache.models import Cached, CacheFeature
from omnicloud.core.operation import Feature
from omnicloud_tck.world import World

from ..refusals import PlainCache
from ..worlds import process_world

__all__ = ["AiocacheMemory", "world"]


class AiocacheMemory(PlainCache):
    """Keys and values as they are. The library does not tell how long an entry has to live."""

    features: frozenset[Feature] = frozenset({CacheFeature.TOUCH, CacheFeature.CLEAR})

    def __init__(self) -> None:
        self._cache = SimpleMemoryCache()

    async def get(self, op: Get, /) -> Cached | None:
        value: bytes | None = await self._cache.get(op.key)
        return None if value is None else Cached(value)

    async def set(self, op: Set, /) -> None:
        await self._cache.set(op.key, op.value, ttl=op.ttl)

    async def delete(self, op: Delete, /) -> None:
        await self._cache.delete(op.key)

    async def touch(self, op: Touch, /) -> bool:
        was_live: bool = await self._cache.expire(op.key, op.ttl)
        return was_live

    async def clear(self, op: Clear, /) -> None:
        # The library's word for a prefix; it has none for "of one tenant".
        await self._cache.clear(namespace=op.prefix or None)

    async def aclose(self) -> None:
        await self._cache.close()


def world() -> World[Any]:
    """One cache that all clients share; it keeps time by the event loop."""
    return process_world(AiocacheMemory, virtual=True)
