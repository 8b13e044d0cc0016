"""kv drivers that are wrong when clients meet."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from broken.kv_base import kv
from omnicloud.contracts.kv.driver import Get, Set
from omnicloud.contracts.kv.models import Record
from omnicloud.memory.kv import MemoryKV


@kv("KV25", "T2", "concurrent calls share one buffer")
class SharedBuffer(MemoryKV):
    _buffer: Record | None = None

    async def get(self, op: Get, /) -> Record | None:
        self._buffer = await super().get(op)
        await asyncio.sleep(0)
        return self._buffer


@kv("KV26", "T2", "every 7th read of a key returns the value before")
class ReadsGoBack(MemoryKV):
    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self._before: dict[str, Record | None] = {}
        self._reads: dict[str, int] = {}

    async def set(self, op: Set, /) -> str:
        self._before[op.key] = await super().get(Get(op.key))
        return await super().set(op)

    async def get(self, op: Get, /) -> Record | None:
        self._reads[op.key] = self._reads.get(op.key, 0) + 1
        record = await super().get(op)
        if self._reads[op.key] % 7 == 0:
            return self._before.get(op.key) or record
        return record


@kv("KV27", "T2", "a cancelled set leaves the lock held")
class LockLeaks(MemoryKV):
    _lock: asyncio.Lock | None = None

    async def set(self, op: Set, /) -> str:
        self._lock = self._lock or asyncio.Lock()
        await self._lock.acquire()
        version = await super().set(op)
        self._lock.release()
        return version


@kv("KV28", "T2", "every call blocks the event loop for 20 ms")
class Blocks(MemoryKV):
    async def get(self, op: Get, /) -> Record | None:
        time.sleep(0.02)
        return await super().get(op)


@kv("KV29", "T2", "a cancelled get leaves its answer to the next caller")
class AnswersLeftBehind(MemoryKV):
    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self._line: list[Record | None] = []

    async def get(self, op: Get, /) -> Record | None:
        self._line.append(await super().get(op))
        await asyncio.sleep(0)
        return self._line.pop(0)


@kv("KV41", "T2", "each client has a cache of its own that others do not renew")
class ClientCache(MemoryKV):
    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self._cache: dict[str, Record | None] = {}

    async def get(self, op: Get, /) -> Record | None:
        if op.key not in self._cache:
            self._cache[op.key] = await super().get(op)
        return self._cache[op.key]

    async def set(self, op: Set, /) -> str:
        self._cache.pop(op.key, None)
        return await super().set(op)


@kv("KV42", "T2", "a write is acknowledged before it is visible")
class WritesBehind(MemoryKV):
    async def set(self, op: Set, /) -> str:
        if op.if_version or op.if_absent:
            return await super().set(op)
        loop = asyncio.get_running_loop()
        loop.call_later(0.01, self._write, op.key, op.value, op.ttl)
        return str(self._store.number())
