"""kv drivers that are wrong in one verb."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from broken.registry import broken
from omnicloud.contracts.kv.driver import (
    Changes,
    Get,
    GetMany,
    Increment,
    Scan,
    Set,
    SetMany,
)
from omnicloud.contracts.kv.driver import (
    Delete as DeleteKey,
)
from omnicloud.contracts.kv.models import ChangePage, Page, Record
from omnicloud.memory.kv import MemoryKV
from omnicloud_tck.kv import KVContract


def kv(number: str, tier: str, summary: str) -> Any:
    return broken(f"VERB-KV-{number}", tier, summary, KVContract)


@kv("01", "T1", "set_many drops a byte order mark")
class BatchDropsMark(MemoryKV):
    async def set_many(self, op: SetMany, /) -> None:
        items = tuple((k, v.removeprefix(b"\xef\xbb\xbf")) for k, v in op.items)
        await super().set_many(replace(op, items=items))


@kv("02", "T1", "get_many cuts values at their first NUL")
class BatchCuts(MemoryKV):
    async def get_many(self, op: GetMany, /) -> tuple[Record | None, ...]:
        found = await super().get_many(op)
        return tuple(r and replace(r, value=r.value.split(b"\0")[0]) for r in found)


@kv("03", "T1", "set_many folds keys to lower case")
class BatchFolds(MemoryKV):
    async def set_many(self, op: SetMany, /) -> None:
        items = {k.lower(): v for k, v in op.items}
        await super().set_many(replace(op, items=tuple(items.items())))


@kv("05", "T1", "get_many tells no time to live")
class BatchForever(MemoryKV):
    async def get_many(self, op: GetMany, /) -> tuple[Record | None, ...]:
        return tuple(r and replace(r, expires_in=None) for r in await super().get_many(op))


@kv("06", "T1", "get_many tells an older version than get")
class BatchVersion(MemoryKV):
    async def get_many(self, op: GetMany, /) -> tuple[Record | None, ...]:
        found = await super().get_many(op)
        return tuple(r and replace(r, version=str(int(r.version) - 1)) for r in found)


@kv("07", "T1", "deleting a missing key under a version is no conflict")
class MissingNoConflict(MemoryKV):
    async def delete(self, op: DeleteKey, /) -> bool:
        await self._turn()
        if self._live(op.key) is None:
            return False
        return await super().delete(op)


@kv("08", "T1", "if_absent is refused over a key that has expired")
class ExpiredIsPresent(MemoryKV):
    async def set(self, op: Set, /) -> str:
        rows = self._store.rows("ever")
        if op.if_absent and rows.get(op.key):
            return await super().set(replace(op, if_absent=False, if_version="0"))
        version = await super().set(op)
        rows[op.key] = op.ttl is not None
        return version


@kv("09", "T4", "a watch tells the changes of all tenants that have the prefix")
class WatchLeaks(MemoryKV):
    async def changes(self, op: Changes, /) -> ChangePage:
        if not op.prefix.startswith("~") or op.cursor is None:
            return await super().changes(op)
        tenant, _, rest = op.prefix.partition("/")
        page = await super().changes(replace(op, prefix=""))
        own = tuple(
            replace(one, key=f"{tenant}/{one.key.partition('/')[2]}")
            for one in page.changes
            if one.key.partition("/")[2].startswith(rest)
        )
        return ChangePage(own, page.cursor)


@kv("10", "T1", "an increment by 0 of a missing key creates nothing")
class NoZero(MemoryKV):
    async def increment(self, op: Increment, /) -> int:
        if op.delta == 0 and await self.get(Get(op.key)) is None:
            return 0
        return await super().increment(op)


@kv("11", "T1", "an increment keeps the version")
class CountsWithoutVersion(MemoryKV):
    async def increment(self, op: Increment, /) -> int:
        await self._turn()
        before = self._live(op.key)
        total = await super().increment(op)
        if before is not None:
            row = self._rows()[op.key]
            self._rows()[op.key] = replace(row, version=before.version)
        return total


@kv("12", "T1", "scan leaves out keys with white space at an end")
class ScanEnds(MemoryKV):
    async def scan(self, op: Scan, /) -> Page:
        page = await super().scan(op)
        return Page(tuple(k for k in page.keys if k == k.strip()), page.cursor)


@kv("13", "T1", "delete_many ends at the first key that is missing")
class DeleteStops(MemoryKV):
    async def delete_many(self, op: Any, /) -> None:
        await self._turn()
        keys = []
        for key in op.keys:
            if self._live(key) is None:
                break
            keys.append(key)
        await super().delete_many(replace(op, keys=tuple(keys)))


@kv("14", "T1", "a write under a version with a time to live lives for ever")
class CasForgetsTtl(MemoryKV):
    async def set(self, op: Set, /) -> str:
        return await super().set(op if op.if_version is None else replace(op, ttl=None))


@kv("15", "T1", "a write if absent with a time to live lives for ever")
class AbsentForgetsTtl(MemoryKV):
    async def set(self, op: Set, /) -> str:
        return await super().set(replace(op, ttl=None) if op.if_absent else op)


@kv("16", "T1", "set_many keeps the time to live that a key had")
class BatchKeepsTtl(MemoryKV):
    async def set_many(self, op: SetMany, /) -> None:
        await self._turn()
        if op.ttl is not None:
            return await super().set_many(op)
        now = self._store.clock.monotonic()
        for key, value in op.items:
            row = self._live(key)
            end = None if row is None or row.deadline is None else row.deadline - now
            self._write(key, value, end)
        self._tell()
        return None


@kv("17", "T2", "a transaction's set_many is visible before its commit")
class BatchOutside(MemoryKV):
    async def set_many(self, op: SetMany, /) -> None:
        if self._transaction is not None:
            for key, value in op.items:
                MemoryKV(self._store, self._namespace)._write(key, value, op.ttl)
        await super().set_many(op)

    def within(self, transaction: object, /) -> MemoryKV:
        joined = self._store.joined(transaction)
        return type(self)(self._store, self._namespace, transaction=joined)


@kv("18", "T1", "in a transaction increments begin at 0")
class TxCountsAnew(MemoryKV):
    async def increment(self, op: Increment, /) -> int:
        if self._transaction is not None and not getattr(self, "_seen", False):
            self._seen = True
            await self.set(Set(op.key, b"0"))
        return await super().increment(op)

    def within(self, transaction: object, /) -> MemoryKV:
        joined = self._store.joined(transaction)
        return type(self)(self._store, self._namespace, transaction=joined)


@kv("19", "T1", "in a transaction conditions are not looked at")
class TxUnconditional(MemoryKV):
    async def set(self, op: Set, /) -> str:
        if self._transaction is not None:
            op = replace(op, if_version=None, if_absent=False)
        return await super().set(op)

    def within(self, transaction: object, /) -> MemoryKV:
        joined = self._store.joined(transaction)
        return type(self)(self._store, self._namespace, transaction=joined)


@kv("20", "T1", "in a transaction a scan does not see what it deleted as gone")
class TxScanStale(MemoryKV):
    async def scan(self, op: Scan, /) -> Page:
        return await MemoryKV(self._store, self._namespace).scan(op)

    def within(self, transaction: object, /) -> MemoryKV:
        joined = self._store.joined(transaction)
        return type(self)(self._store, self._namespace, transaction=joined)
