"""The cache contract over cashews: its cache in memory, and its cache on disk."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cashews import Cache

from omnicloud.contracts.cache.driver import Clear, Delete, Get, Set, Touch
from omnicloud.contracts.cache.models import Cached, CacheFeature, CacheLimits
from omnicloud.core.operation import Feature
from omnicloud_tck.world import World

from ..refusals import PlainCache
from ..worlds import folder_world, process_world

__all__ = ["Cashews", "disk_world", "memory_world"]

_FOR_EVER = -1  # of get_expire
_SIZE = 1000  # entries of mem://, where nothing else is said


class Cashews(PlainCache):
    """Keys and values as they are, through the facade that cashews' guide uses."""

    features: frozenset[Feature] = frozenset({CacheFeature.TOUCH, CacheFeature.CLEAR})

    def __init__(self, url: str, *, max_entries: int | None = None) -> None:
        self.limits = CacheLimits(max_entries=max_entries)
        self._cache = Cache()
        self._cache.setup(url)

    async def get(self, op: Get, /) -> Cached | None:
        value: bytes | None = await self._cache.get(op.key)
        if value is None:
            return None
        left: int = await self._cache.get_expire(op.key)
        return Cached(value, None if left == _FOR_EVER else float(left))

    async def set(self, op: Set, /) -> None:
        await self._cache.set(op.key, op.value, expire=op.ttl)

    async def delete(self, op: Delete, /) -> None:
        await self._cache.delete(op.key)

    async def touch(self, op: Touch, /) -> bool:
        was_live: bool = await self._cache.exists(op.key)
        await self._cache.expire(op.key, op.ttl)
        return was_live

    async def clear(self, op: Clear, /) -> None:
        await self._cache.delete_match(f"{op.prefix}*")

    async def aclose(self) -> None:
        await self._cache.close()


def memory_world() -> World[Any]:
    """One cache in memory that all clients share; it reads the wall clock."""
    return process_world(lambda: Cashews("mem://", max_entries=_SIZE))


def disk_world() -> World[Any]:
    """Caches over one folder, in one shard so that keys can be listed."""

    def make(folder: Path) -> Cashews:
        return Cashews(f"disk://?directory={folder}&shards=0")

    return folder_world(make)
