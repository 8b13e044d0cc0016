"""A cache whose timers outlive what they were set for."""

from __future__ import annotations

from typing import Any

from broken.registry import broken
from omnicloud.contracts.cache.driver import Delete, Get, Set
from omnicloud.memory.cache import MemoryCache
from omnicloud_tck.cache import CacheContract


class _Timers(MemoryCache):
    """Keeps the ends apart from the entries."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self._ends: dict[str, float] = {}

    async def set(self, op: Set, /) -> None:
        if op.ttl is not None:
            self._ends.setdefault(op.key, self._now() + op.ttl)
        await super().set(op)

    async def get(self, op: Get, /) -> Any:
        end = self._ends.get(op.key)
        if end is not None and end <= self._now():
            del self._ends[op.key]
            await super().delete(Delete(op.key))
        return await super().get(op)


@broken("CA-T1", "T1", "a timer outlives a delete", CacheContract)
class OutlivesDelete(_Timers):
    async def set(self, op: Set, /) -> None:
        if await super(_Timers, self).get(Get(op.key)) is not None:
            self._ends.pop(op.key, None)
        await super().set(op)


@broken("CA-T2", "T1", "a timer outlives a clear", CacheContract)
class OutlivesClear(_Timers):
    async def set(self, op: Set, /) -> None:
        if await super(_Timers, self).get(Get(op.key)) is not None:
            self._ends.pop(op.key, None)
        await super().set(op)

    async def delete(self, op: Delete, /) -> None:
        self._ends.pop(op.key, None)
        await super().delete(op)
