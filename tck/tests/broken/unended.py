"""Drivers whose transactions stay with those who forgot them, or are not forgotten."""

from __future__ import annotations

import asyncio
import contextlib
import math
from typing import Any

from broken.registry import broken
from omnicloud.contracts.documents.driver import Begin as BeginDocuments
from omnicloud.contracts.kv.driver import Begin, Changes
from omnicloud.contracts.kv.models import ChangePage
from omnicloud.memory.documents import MemoryDocuments
from omnicloud.memory.kv import MemoryKV
from omnicloud.memory.store import MemoryTransaction
from omnicloud_tck.documents import DocumentsContract
from omnicloud_tck.kv import KVContract


def kv(number: str, tier: str, summary: str) -> Any:
    return broken(f"UNENDED-KV-{number}", tier, summary, KVContract)


def documents(number: str, tier: str, summary: str) -> Any:
    return broken(f"UNENDED-DO-{number}", tier, summary, DocumentsContract)


class Late(MemoryTransaction):
    """Its commit ends well, also when it was over before."""

    async def commit(self) -> None:
        if not self._end.is_set():
            await super().commit()


class Kept(MemoryTransaction):
    """It is committed when its time is over."""

    def expire(self) -> None:
        if not self._end.is_set() and self._store.clock.monotonic() >= self.expires:
            self._end.set()
            self._store.finish(self, self._tables)


@kv("01", "T3", "a transaction whose client left without an end holds up writers for ever")
class HeldForEver(MemoryKV):
    async def begin(self, op: Begin, /) -> MemoryTransaction:
        transaction = await super().begin(op)
        transaction.expires = math.inf
        return transaction


@kv("02", "T3", "a driver that is closed commits what is open, as some clients of SQL do")
class CommitsAtTheEnd(MemoryKV):
    _begun: MemoryTransaction | None = None

    async def begin(self, op: Begin, /) -> MemoryTransaction:
        self._begun = await super().begin(op)
        return self._begun

    async def aclose(self) -> None:
        if self._begun is not None and not self._begun._end.is_set():
            await self._begun.commit()


@kv("03", "T3", "a transaction that was open for too long is committed by who comes next")
class CommittedByTime(MemoryKV):
    async def begin(self, op: Begin, /) -> MemoryTransaction:
        transaction = await super().begin(op)
        transaction.__class__ = Kept
        return transaction


@kv("04", "T3", "who watches hears of no end while a transaction that was forgotten is not ended")
class DeafBehindTheForgotten(MemoryKV):
    async def changes(self, op: Changes, /) -> ChangePage:
        begun = self._store._transaction
        if begun is None or op.cursor is None:
            return await super().changes(op)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(begun._end.wait(), op.wait)
        left = op.wait if begun._end.is_set() else 0.0
        return await super().changes(Changes(op.prefix, op.cursor, left))


@documents("01", "T3", "a transaction that was open for too long ends well, and nothing is written")
class SilentlyOver(MemoryDocuments):
    async def begin(self, op: BeginDocuments, /) -> MemoryTransaction:
        transaction = await super().begin(op)
        transaction.__class__ = Late
        return transaction
