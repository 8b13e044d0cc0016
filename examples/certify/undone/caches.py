"""Causes undone in caches, and in stores of keys."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from key_value.aio.stores.memory import MemoryStore

from omnicloud.contracts.cache import driver as cache
from omnicloud.contracts.cache.models import Cached
from omnicloud.contracts.kv import driver as kv
from omnicloud_tck.world import World

from ..adapters.aiocache_memory import AiocacheMemory
from ..adapters.cashews_cache import Cashews
from ..adapters.key_value_kv import KeyValue
from ..worlds import folder_world, process_world
from .model import Undone

__all__ = ["CACHES"]


class WithoutOldEnds(Cashews):
    """Deletes before it sets, so that no end is taken over and nothing is stored decoded."""

    async def set(self, op: cache.Set, /) -> None:
        await self._cache.delete(op.key)
        await super().set(op)

    async def touch(self, op: cache.Touch, /) -> bool:
        value = await self._cache.get(op.key)
        if value is not None:
            await self.set(cache.Set(op.key, value, op.ttl))
        return value is not None


class TimeTold(AiocacheMemory):
    """Reads the time left off the library's own timers, and the value at the same moment."""

    async def get(self, op: cache.Get, /) -> Cached | None:
        await asyncio.sleep(0)
        value = self._cache._cache.get(op.key)  # noqa: SLF001 - as it has no call for it
        if value is None:
            return None
        timer = self._cache._handlers.get(op.key)  # noqa: SLF001
        if timer is None or timer.cancelled():
            return Cached(value)
        return Cached(value, timer.when() - asyncio.get_running_loop().time())


class LookingFirst(KeyValue):
    """Asks whether a key is live before it deletes it."""

    async def delete(self, op: kv.Delete, /) -> bool:
        was_live = await self._store.get(op.key) is not None
        await self._store.delete(op.key)
        return was_live


def _in_memory() -> World[Any]:
    return process_world(lambda: WithoutOldEnds("mem://"))


def _on_disk() -> World[Any]:
    def make(folder: Path) -> WithoutOldEnds:
        return WithoutOldEnds(f"disk://?directory={folder}&shards=0")

    return folder_world(make)


CACHES = (
    Undone(
        "cashews_set_keeps_the_old_end",
        "cashews-memory",
        ("CA-012", "CA-124"),
        _in_memory,
    ),
    Undone(
        "cashews_set_keeps_the_old_end",
        "cashews-disk",
        ("CA-012", "CA-124"),
        _on_disk,
    ),
    Undone(
        "cashews_expire_loses_the_value",
        "cashews-memory",
        ("CA-020", "CA-120", "CA-123", "CA-124", "CA-131"),
        _in_memory,
    ),
    Undone(
        "aiocache_time_left_untold",
        "aiocache",
        ("CA-010", "CA-120", "CA-123", "CA-140", "CA-141", "CA-142", "CA-143"),
        lambda: process_world(TimeTold, virtual=True),
    ),
    Undone(
        "key_value_memory_keeps_the_expired",
        "key-value-memory",
        ("KV-020",),
        lambda: process_world(lambda: LookingFirst(MemoryStore())),
    ),
)
