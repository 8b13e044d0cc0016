"""The cache contract over diskcache's ``Cache``."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from diskcache import Cache

from omnicloud.contracts.cache.driver import Delete, Get, Set, Touch
from omnicloud.contracts.cache.models import Cached, CacheFeature
from omnicloud.core.operation import Feature
from omnicloud_tck.world import World

from ..refusals import PlainCache
from ..threads import in_thread
from ..worlds import folder_world

__all__ = ["DiskCache", "world"]


class DiskCache(PlainCache):
    """Keys and values as they are, each call in a thread. It has no deletion by prefix."""

    features: frozenset[Feature] = frozenset({CacheFeature.TOUCH})

    def __init__(self, folder: Path) -> None:
        self._cache = Cache(str(folder))

    async def get(self, op: Get, /) -> Cached | None:
        value, end = await in_thread(self._cache.get, op.key, None, expire_time=True)
        if value is None:
            return None
        return Cached(value, None if end is None else end - time.time())

    async def set(self, op: Set, /) -> None:
        await in_thread(self._cache.set, op.key, op.value, expire=op.ttl)

    async def delete(self, op: Delete, /) -> None:
        await in_thread(self._cache.delete, op.key)

    async def touch(self, op: Touch, /) -> bool:
        was_live: bool = await in_thread(self._cache.touch, op.key, expire=op.ttl)
        return was_live

    async def aclose(self) -> None:
        await in_thread(self._cache.close)


def world() -> World[Any]:
    """Caches over one folder, with the settings that the library has by itself."""
    return folder_world(DiskCache)
