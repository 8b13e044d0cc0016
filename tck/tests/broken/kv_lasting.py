"""kv drivers that are wrong about faults, durability and time."""

from __future__ import annotations

import asyncio
import os
from typing import Any

from broken.kv_base import kv
from omnicloud.contracts.kv.driver import Delete, Get, Set
from omnicloud.contracts.kv.models import KVFeature, Record
from omnicloud.core.operation import Feature
from omnicloud.errors import ConflictError, UnavailableError
from omnicloud.memory.kv import MemoryKV


@kv("KV30", "T3", "a deleted key comes back after 300 ms")
class DeletedComesBack(MemoryKV):
    async def delete(self, op: Delete, /) -> bool:
        record = await self.get(Get(op.key))
        deleted = await super().delete(op)
        if record is not None:
            loop = asyncio.get_running_loop()
            loop.call_later(0.3, self._write, op.key, record.value, None)
        return deleted


@kv("KV31", "T3", "an outage is answered with None")
class OutageIsNone(MemoryKV):
    async def get(self, op: Get, /) -> Record | None:
        try:
            return await super().get(op)
        except UnavailableError:
            return None


@kv("KV32", "T3", "every 50th set is dropped")
class DropsSome(MemoryKV):
    _sets = 0

    async def set(self, op: Set, /) -> str:
        self._sets += 1
        if self._sets % 50 == 0:
            await self._turn()
            return str(self._store.number())
        return await super().set(op)


@kv("KV33", "T3", "an outage during set is told as success")
class OutageIsSuccess(MemoryKV):
    async def set(self, op: Set, /) -> str:
        try:
            return await super().set(op)
        except UnavailableError:
            return "1"


@kv("KV34", "T3", "leaks one file descriptor per call")
class LeaksFiles(MemoryKV):
    leaked: list[int] = []

    async def get(self, op: Get, /) -> Record | None:
        self.leaked.append(os.dup(0) if os.path.exists("/proc/self/fd/0") else os.open("/", 0))
        return await super().get(op)

    async def aclose(self) -> None:
        while self.leaked:
            os.close(self.leaked.pop())


@kv("KV35", "T3", "leaks one task per call")
class LeaksTasks(MemoryKV):
    async def get(self, op: Get, /) -> Record | None:
        self._kept = [*getattr(self, "_kept", []), asyncio.ensure_future(asyncio.sleep(1e6))]
        return await super().get(op)


@kv("KV36", "T3", "an outage is told as a conflict")
class OutageIsConflict(MemoryKV):
    async def set(self, op: Set, /) -> str:
        try:
            return await super().set(op)
        except UnavailableError:
            raise ConflictError("lost") from None


@kv("KV37", "T3", "after an outage the client never comes back")
class NeverReconnects(MemoryKV):
    _dead = False

    async def get(self, op: Get, /) -> Record | None:
        if self._dead:
            raise UnavailableError("dead")
        try:
            return await super().get(op)
        except UnavailableError:
            self._dead = True
            raise


@kv("KV38", "T3", "hangs while the backend is down")
class HangsInOutage(MemoryKV):
    async def get(self, op: Get, /) -> Record | None:
        try:
            return await super().get(op)
        except UnavailableError:
            await asyncio.sleep(1e9)
            raise


@kv("KV39", "T3", "declares durable and keeps the newest writes in memory")
class NotDurable(MemoryKV):
    @property
    def features(self) -> frozenset[Feature]:
        return super().features | {KVFeature.DURABLE}

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self._unflushed: dict[str, bytes] = {}

    async def set(self, op: Set, /) -> str:
        await self._turn()
        self._unflushed[op.key] = op.value
        if len(self._unflushed) >= 16:
            for key, value in self._unflushed.items():
                self._write(key, value, None)
            self._unflushed.clear()
        return str(self._store.number())

    async def get(self, op: Get, /) -> Record | None:
        if op.key in self._unflushed:
            return Record(self._unflushed[op.key], "1")
        return await super().get(op)
