"""kv drivers that are odd at times: kinds that were drawn by machine, and found by no law."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from broken.crowding import asked_of
from broken.registry import broken
from omnicloud.contracts.kv.driver import (
    Begin,
    Changes,
    Delete,
    DeleteMany,
    Get,
    Increment,
    Scan,
    Set,
)
from omnicloud.contracts.kv.models import ChangePage, Page, Record
from omnicloud.errors import ThrottledError, UnavailableError
from omnicloud.memory.kv import MemoryKV
from omnicloud.memory.store import MemoryTransaction
from omnicloud_tck.kv import KVContract


def kv(number: str, tier: str, summary: str) -> Any:
    return broken(f"QUIRK-KV-{number}", tier, summary, KVContract)


class Counting(MemoryKV):
    """Knows how many calls there are, and how many there were of each key."""

    async def get(self, op: Get, /) -> Record | None:
        with asked_of(self._store).about(op.key):
            return await super().get(op)

    async def set(self, op: Set, /) -> str:
        with asked_of(self._store).about(op.key):
            return await super().set(op)

    async def delete(self, op: Delete, /) -> bool:
        with asked_of(self._store).about(op.key):
            return await super().delete(op)

    async def increment(self, op: Increment, /) -> int:
        with asked_of(self._store).about(op.key):
            return await super().increment(op)


@kv("01", "T2", "a batch of deletions is dropped where more than 16 calls are under way")
class DroppedInACrowd(Counting):
    """A pool of connections that has no more of them."""

    async def delete_many(self, op: DeleteMany, /) -> None:
        if asked_of(self._store).now <= 16:
            await super().delete_many(op)


@kv("02", "T1", "a key that was asked for 256 times is deleted by its version whatever that is")
class Worn(Counting):
    """A number of the version that is kept in one byte."""

    async def delete(self, op: Delete, /) -> bool:
        often = asked_of(self._store).times[op.key] >= 256
        return await super().delete(replace(op, if_version=None) if often else op)


@kv("03", "T1", "a watch tells angles in keys as they are spelt in XML")
class SpeltInXml(MemoryKV):
    """A service that answers in XML, of which one answer is not read so."""

    async def changes(self, op: Changes, /) -> ChangePage:
        page = await super().changes(op)
        told = (replace(one, key=_spelt(one.key)) for one in page.changes)
        return replace(page, changes=tuple(told))


@kv("05", "T1", "a walk to a key with a pipe in it heeds no limit")
class NoLimit(MemoryKV):
    """A filter that the service is sent in other words where it must be quoted."""

    async def scan(self, op: Scan, /) -> Page:
        return await super().scan(replace(op, limit=10_000) if "|" in op.prefix else op)


@kv("06", "T1", "the condition of a deletion is lost where the key is long")
class ForgottenCondition(MemoryKV):
    """What is hashed to fit a column is looked up in another way."""

    async def delete(self, op: Delete, /) -> bool:
        long = len(op.key.encode()) > 1000
        return await super().delete(replace(op, if_version=None) if long else op)


@kv("04", "T2", "of watches that wait only sixteen are told")
class SixteenWatches(Counting):
    """A pool of connections that each watch holds one of."""

    async def changes(self, op: Changes, /) -> ChangePage:
        asked = asked_of(self._store)
        if op.cursor is not None and asked.now >= 16:
            op = replace(op, cursor=str(self._store.now() + 1000))
        with asked.about():
            return await super().changes(op)


@kv("07", "T3", "a transaction that cannot begin once more is told as one too many")
class TooManyTransactions(MemoryKV):
    """Those that did not begin count as open."""

    _failed = False

    async def begin(self, op: Begin, /) -> MemoryTransaction:
        try:
            begun = await super().begin(op)
        except UnavailableError as error:
            if self._failed:
                raise ThrottledError("too many transactions") from error
            self._failed = True
            raise
        self._failed = False
        return begun


def _spelt(key: str) -> str:
    return key.replace("<", "&lt;").replace(">", "&gt;")
