"""Relatives, in kv, of documents drivers that a ninth count found alive."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

from broken.registry import broken
from omnicloud.contracts.kv.driver import Begin, Scan, Set
from omnicloud.contracts.kv.models import Page
from omnicloud.errors import InvalidArgumentError
from omnicloud.memory.kv import MemoryKV
from omnicloud.memory.store import MemoryTransaction
from omnicloud_tck.kv import KVContract


def kv(number: str, tier: str, summary: str) -> Any:
    return broken(f"BLIND9-KIN-{number}", tier, summary, KVContract)


class Swallows(MemoryTransaction):
    """Says nothing of a commit that nobody heard."""

    async def commit(self) -> None:
        await (self.rollback() if self._store.down else super().commit())


@kv("01", "T3", "a commit that meets an outage ends well, and nothing was written")
class CommitSwallowed(MemoryKV):
    async def begin(self, op: Begin, /) -> MemoryTransaction:
        transaction = await super().begin(op)
        transaction.__class__ = Swallows
        return transaction


@kv("02", "T2", "what is no transaction of the store is taken, and none is in force")
class ForeignTaken(MemoryKV):
    def within(self, transaction: object, /) -> MemoryKV:
        try:
            return super().within(transaction)
        except InvalidArgumentError:
            return self


@kv("03", "T3", "a scan's cursor is known for a minute, and ends the walk after it")
class CursorEnds(MemoryKV):
    async def scan(self, op: Scan, /) -> Page:
        now = self._store.clock.monotonic()
        if op.cursor is not None:
            stamp, _, cursor = op.cursor.partition("|")
            if now - float(stamp) > 60.0:
                await self._store.reading()
                return Page(())
            op = replace(op, cursor=cursor)
        page = await super().scan(op)
        return page if page.cursor is None else replace(page, cursor=f"{now!r}|{page.cursor}")


@kv("04", "T4", "a write that took long is logged with its value")
class SlowLog(MemoryKV):
    async def set(self, op: Set, /) -> str:
        begun = self._store.clock.monotonic()
        version = await super().set(op)
        if self._store.clock.monotonic() - begun > 1.0:
            logging.getLogger(__name__).warning("SLOWLOG SET %r %r", op.key, op.value)
        return version
