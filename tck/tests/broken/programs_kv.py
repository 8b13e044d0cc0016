"""kv drivers that are wrong where options, verbs and moments meet: random programs show them."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from typing import Any

from broken.registry import broken
from broken.unseen_common import came_back, rootless
from omnicloud.contracts.kv.driver import Delete, DeleteMany, Increment, Scan, Set, SetMany
from omnicloud.contracts.kv.models import ChangePage, Page
from omnicloud.errors import ConflictError, UnavailableError
from omnicloud.memory.kv import MemoryKV, _Row
from omnicloud_tck.kv import KVContract

_logger = logging.getLogger("broken")


def kv(number: str, tier: str, summary: str) -> Any:
    return broken(f"PROG-KV-{number}", tier, summary, KVContract)


@kv("01", "T1", "a conditional write of the same value keeps the version")
class SameVersion(MemoryKV):
    async def set(self, op: Set, /) -> str:
        await self._turn()
        current = self._live(op.key)
        if op.if_version and current and current.value == op.value and op.ttl is None:
            self._expect(op.if_version, current)
            return str(current.version)
        return await super().set(op)


@kv("02", "T1", "an increment of a key that lives for more than a month makes it live for ever")
class CountsForEver(MemoryKV):
    async def increment(self, op: Increment, /) -> int:
        total = await super().increment(op)
        row = self._live(op.key)
        if row and row.deadline and row.deadline - self._store.clock.monotonic() > 30 * 86400:
            self._rows()[op.key] = replace(row, deadline=None)
        return total


@kv("03", "T1", "a version is taken for current where its value is the current one")
class ComparesValues(MemoryKV):
    async def set(self, op: Set, /) -> str:
        current = self._live(op.key)
        values = self._store.rows("values")
        if op.if_version and current and values.get(op.if_version) == (op.key, current.value):
            op = replace(op, if_version=str(current.version))
        version = await super().set(op)
        values[version] = op.key, op.value
        return version


@kv("04", "T1", "a scan goes on after the letters of its cursor, whatever their case")
class FoldsCursors(MemoryKV):
    async def scan(self, op: Scan, /) -> Page:
        page = await super().scan(op)
        after = (op.cursor or "").upper()
        kept = tuple(key for key in page.keys if not after or key.upper() != after)
        return Page(kept, page.cursor)


@kv("05", "T1", "a batch of deletions ends at the first key that is missing")
class StopsAtMissing(MemoryKV):
    async def delete_many(self, op: DeleteMany, /) -> None:
        await self._turn()
        live = [self._live(key) is not None for key in op.keys]
        stop = live.index(False) if False in live else len(live)
        await super().delete_many(DeleteMany(op.keys[:stop]))


@kv("06", "T2", "a batch that gives a time to live is written one key after the other")
class KeepsOneByOne(MemoryKV):
    async def set_many(self, op: SetMany, /) -> None:
        if op.ttl is None:
            return await super().set_many(op)
        for item in op.items:
            await super().set_many(SetMany((item,), op.ttl))
            await asyncio.sleep(0)
        return None


class _Unconditional(MemoryKV):
    async def delete(self, op: Delete, /) -> bool:
        return await super().delete(Delete(op.key))


@kv("07", "T2", "a deletion in a transaction does not look at the version")
class DeletesInside(MemoryKV):
    def within(self, transaction: object, /) -> MemoryKV:
        joined = self._store.joined(transaction)
        return _Unconditional(self._store, self._namespace, transaction=joined)


@kv("08", "T2", "an increment by a negative number reads, then writes")
class RacesDown(MemoryKV):
    async def increment(self, op: Increment, /) -> int:
        if op.delta >= 0 or self._transaction is not None:
            return await super().increment(op)
        await self._turn()
        before = self._live(op.key)
        await asyncio.sleep(0)
        await self._turn()
        if before is None:
            self._rows().pop(op.key, None)
        else:
            self._rows()[op.key] = _Row(before.value, self._store.number(), before.deadline)
        return await super().increment(op)


@kv("10", "T2", "what a batch deletes is not told to who watches")
class SilentBatches(MemoryKV):
    async def delete_many(self, op: DeleteMany, /) -> None:
        await super().delete_many(op)
        self._store.rows("silent").update(dict.fromkeys(op.keys, self._store.number()))

    def _since(self, cursor: int, prefix: str) -> ChangePage:
        page, silent = super()._since(cursor, prefix), self._store.rows("silent")
        rows = self._rows()
        told = (c for c in page.changes if rows[c.key].version > silent.get(c.key, 0))
        return ChangePage(tuple(told), page.cursor)


@kv("11", "T3", "the first conditional write after an outage is not compared")
class Forgives(MemoryKV):
    async def set(self, op: Set, /) -> str:
        if came_back(self._store, self.__dict__.setdefault("_wrong_seen", {})):
            op = replace(op, if_version=None)
        return await super().set(op)


@kv("13", "T3", "a deletion that finds the store down is taken for one of nothing")
class DeletesNothing(MemoryKV):
    async def delete_many(self, op: DeleteMany, /) -> None:
        try:
            await super().delete_many(op)
        except UnavailableError:
            if len(op.keys) != 1:
                return
            raise


class _Quoting(MemoryKV):
    async def increment(self, op: Increment, /) -> int:
        row = self._live(op.key)
        try:
            return await super().increment(op)
        except ConflictError:
            raise ConflictError(f"not a number: {row and row.value!r}") from None


@kv("14", "T4", "the error of an increment in a transaction quotes what was stored")
class QuotesInside(MemoryKV):
    def within(self, transaction: object, /) -> MemoryKV:
        joined = self._store.joined(transaction)
        return _Quoting(self._store, self._namespace, transaction=joined)


@kv("15", "T4", "a batch of deletions deletes the keys of no tenant as well")
class DeletesOutside(MemoryKV):
    async def delete_many(self, op: DeleteMany, /) -> None:
        await super().delete_many(DeleteMany((*op.keys, *map(rootless, op.keys))))


@kv("16", "T4", "a conditional write that is refused logs what it was to write")
class LogsRefusals(MemoryKV):
    async def set(self, op: Set, /) -> str:
        try:
            return await super().set(op)
        except ConflictError:
            _logger.debug("refused %s: %r", op.key, op.value)
            raise
