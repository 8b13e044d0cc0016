"""kv drivers that are wrong about versions, times to live, batches and scans."""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import replace
from typing import Any

from broken.kv_base import kv
from omnicloud.contracts.kv.driver import Delete, Get, GetMany, Increment, Scan, Set, SetMany
from omnicloud.contracts.kv.models import ChangePage, Page, Record
from omnicloud.errors import ConflictError
from omnicloud.memory.kv import MemoryKV


@kv("XKV01", "T2", "compare-and-set compares the value, so A, B, A goes unseen")
class ComparesValues(MemoryKV):
    _seen: dict[str, bytes] = {}

    async def set(self, op: Set, /) -> str:
        current = self._live(op.key)
        same = current is not None and self._seen.get(op.if_version or "") == current.value
        if op.if_version is not None and same and current is not None:
            op = replace(op, if_version=str(current.version))
        version = await super().set(op)
        self._seen[version] = op.value
        return version


@kv("XKV02", "T2", "compare-and-set checks, awaits, then writes")
class ChecksThenWrites(MemoryKV):
    async def set(self, op: Set, /) -> str:
        await self._turn()
        self._expect(op.if_version, self._live(op.key))
        await asyncio.sleep(0)
        return await super().set(replace(op, if_version=None))


@kv("XKV03", "T1", "if_absent overwrites")
class AbsentOverwrites(MemoryKV):
    async def set(self, op: Set, /) -> str:
        return await super().set(replace(op, if_absent=False))


@kv("XKV04", "T1", "if_absent takes an empty value for absent")
class EmptyCountsAsAbsent(MemoryKV):
    async def set(self, op: Set, /) -> str:
        current = self._live(op.key)
        if op.if_absent and current is not None and current.value == b"":
            op = replace(op, if_absent=False)
        return await super().set(op)


@kv("XKV05", "T1", "delete ignores the expected version")
class DeleteIgnoresVersion(MemoryKV):
    async def delete(self, op: Delete, /) -> bool:
        return await super().delete(replace(op, if_version=None))


@kv("XKV06", "T1", "if_version on a missing key creates it")
class VersionCreates(MemoryKV):
    async def set(self, op: Set, /) -> str:
        if self._live(op.key) is None:
            op = replace(op, if_version=None)
        return await super().set(op)


@kv("XKV07", "T1", "versions start again after a delete")
class VersionsReused(MemoryKV):
    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self._count: dict[str, int] = {}

    async def set(self, op: Set, /) -> str:
        await super().set(op)
        row = self._rows()[op.key]
        self._count[op.key] = self._count.get(op.key, 0) + 1
        self._rows()[op.key] = replace(row, version=self._count[op.key])
        return str(self._count[op.key])

    async def delete(self, op: Delete, /) -> bool:
        self._count.pop(op.key, None)
        return await super().delete(op)


@kv("XKV08", "T2", "a transaction that fails leaves its first writes")
class NoRollback(MemoryKV):
    def within(self, transaction: object, /) -> MemoryKV:
        return type(self)(self._store, self._namespace)

    async def _turn(self) -> None:
        await self._store.reading()


@kv("XKV09", "T2", "readers see half of a batch")
class HalfBatches(MemoryKV):
    async def set_many(self, op: SetMany, /) -> None:
        for key, value in op.items:
            await self.set(Set(key, value, op.ttl))


@kv("XKV10", "T2", "get_many reads key by key")
class HalfReads(MemoryKV):
    async def get_many(self, op: GetMany, /) -> tuple[Record | None, ...]:
        return tuple([await self.get(Get(key)) for key in op.keys])


@kv("XKV11", "T1", "get_many answers missing keys with the neighbour's value")
class ShiftedBatch(MemoryKV):
    async def get_many(self, op: GetMany, /) -> tuple[Record | None, ...]:
        found = await super().get_many(op)
        live = [record for record in found if record is not None]
        return tuple(live + [None] * (len(found) - len(live)))


@kv("XKV12", "T1", "scan stops after the first page")
class OnePage(MemoryKV):
    async def scan(self, op: Scan, /) -> Page:
        return Page((await super().scan(op)).keys)


@kv("XKV13", "T1", "scan skips a key when one of the page before was deleted")
class OffsetPages(MemoryKV):
    async def scan(self, op: Scan, /) -> Page:
        page = await super().scan(Scan(op.prefix, None, 100_000))
        start = int(op.cursor or 0)
        more = start + op.limit < len(page.keys)
        return Page(page.keys[start : start + op.limit], str(start + op.limit) if more else None)


@kv("XKV14", "T1", "the prefix is a LIKE pattern")
class LikePrefix(MemoryKV):
    async def scan(self, op: Scan, /) -> Page:
        import fnmatch

        pattern = op.prefix.replace("[", "[[]").replace("_", "?").replace("%", "*") + "*"
        page = await super().scan(Scan("", None, 100_000))
        return Page(tuple(key for key in page.keys if fnmatch.fnmatchcase(key, pattern)))


@kv("XKV15", "T1", "scan of the empty prefix returns nothing")
class EmptyPrefix(MemoryKV):
    async def scan(self, op: Scan, /) -> Page:
        return await super().scan(op) if op.prefix else Page(())


@kv("XKV16", "T1", "expired keys show up in scan")
class ScansExpired(MemoryKV):
    def _arm(self, key: str, row: Any) -> None:
        """Leave the expired row where it is."""

    async def scan(self, op: Scan, /) -> Page:
        rows = self._rows()
        keys = sorted(k for k, row in rows.items() if row.value is not None)
        return Page(tuple(k for k in keys if k.startswith(op.prefix)))


@kv("XKV17", "T1", "a write without ttl keeps the old one")
class KeepsOldTtl(MemoryKV):
    async def set(self, op: Set, /) -> str:
        current = self._live(op.key)
        if op.ttl is None and current is not None and current.deadline is not None:
            op = replace(op, ttl=current.deadline - self._store.clock.monotonic())
        return await super().set(op)


@kv("XKV18", "T1", "a compare-and-set drops the ttl")
class CasDropsTtl(MemoryKV):
    async def set(self, op: Set, /) -> str:
        return await super().set(op if op.if_version is None else replace(op, ttl=None))


@kv("XKV19", "T1", "scan gives keys twice at page boundaries")
class TwiceAtBoundaries(MemoryKV):
    async def scan(self, op: Scan, /) -> Page:
        page = await super().scan(op)
        if op.cursor and page.keys and op.limit > 1:
            return Page(
                (op.cursor, *page.keys[: op.limit - 1]), page.keys[-1] if page.cursor else None
            )
        return page


@kv("XKV20", "T3", "read-your-writes is lost on another node")
class LaggingReplica(MemoryKV):
    _clients = itertools.count()

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self._replica = next(self._clients) % 2 == 1

    async def get(self, op: Get, /) -> Record | None:
        record = await super().get(op)
        if self._replica and record and self._store.number() - int(record.version) < 4:
            return None
        return record


@kv("XKV21", "T3", "a timed-out set is sent again later and undoes a newer one")
class BlindRetry(MemoryKV):
    async def set(self, op: Set, /) -> str:
        try:
            return await super().set(op)
        except asyncio.CancelledError:
            asyncio.get_running_loop().call_later(0.01, self._write, op.key, op.value, op.ttl)
            raise


@kv("XKV22", "T1", "declares ttl and ignores it")
class IgnoresTtl(MemoryKV):
    async def set(self, op: Set, /) -> str:
        return await super().set(replace(op, ttl=None))


@kv("XKV23", "T1", "set_many ignores the ttl")
class BatchIgnoresTtl(MemoryKV):
    async def set_many(self, op: SetMany, /) -> None:
        await super().set_many(replace(op, ttl=None))


@kv("XKV24", "T1", "the ttl is cut to whole seconds")
class WholeSeconds(MemoryKV):
    async def set(self, op: Set, /) -> str:
        return await super().set(
            op if op.ttl is None else replace(op, ttl=float(int(op.ttl)) or None)
        )


@kv("XKV25", "T1", "reading prolongs the life of a key")
class SlidingTtl(MemoryKV):
    async def get(self, op: Get, /) -> Record | None:
        row = self._live(op.key)
        if row is not None and row.deadline is not None:
            self._write(op.key, row.value or b"", 1.0)
        return await super().get(op)


@kv("XKV26", "T3", "the old timer ends the new value")
class OldTimer(MemoryKV):
    def _arm(self, key: str, row: Any) -> None:
        if row.deadline is not None:
            loop = asyncio.get_running_loop()
            loop.call_later(row.deadline - self._store.clock.monotonic(), self._bury, key)


@kv("XKV27", "T3", "the time to live follows the wall clock")
class WallTtl(MemoryKV):
    async def get(self, op: Get, /) -> Record | None:
        row = self._live(op.key)
        offset = self._store.clock.wall() - self._store.clock.monotonic() - 1_700_000_000
        gone = row and row.deadline and row.deadline <= self._store.clock.monotonic() + offset
        return None if gone else await super().get(op)


@kv("XKV28", "T2", "increment is read-modify-write")
class RacingIncrement(MemoryKV):
    async def increment(self, op: Increment, /) -> int:
        record = await self.get(Get(op.key))
        total = int(record.value if record else b"0") + op.delta
        await self.set(Set(op.key, b"%d" % total))
        return total


@kv("XKV29", "T1", "increment of text starts at 0")
class IncrementOverText(MemoryKV):
    async def increment(self, op: Increment, /) -> int:
        try:
            return await super().increment(op)
        except ConflictError:
            await self.set(Set(op.key, b"%d" % op.delta))
            return op.delta


@kv("XKV30", "T1", "increment drops the ttl")
class IncrementDropsTtl(MemoryKV):
    async def increment(self, op: Increment, /) -> int:
        total = await super().increment(op)
        await self.set(Set(op.key, b"%d" % total))
        return total


@kv("XKV31", "T2", "a watch that starts after a change misses the next")
class WatchMisses(MemoryKV):
    async def changes(self, op: Any, /) -> ChangePage:
        page = await super().changes(op)
        await asyncio.sleep(0.01)
        return ChangePage(page.changes, str(self._store.number()))


@kv("XKV32", "T1", "a watch tells no deletions")
class WatchNoDeletes(MemoryKV):
    async def changes(self, op: Any, /) -> ChangePage:
        page = await super().changes(op)
        return ChangePage(tuple(c for c in page.changes if c.version), page.cursor)


@kv("XKV33", "T1", "the watch ignores its prefix")
class WatchEverything(MemoryKV):
    async def changes(self, op: Any, /) -> ChangePage:
        return await super().changes(replace(op, prefix=""))


@kv("XKV34", "T2", "transactions read old values and overwrite")
class LostUpdates(MemoryKV):
    async def begin(self, op: Any, /) -> Any:
        await self._store.reading()
        from omnicloud.memory.store import MemoryTransaction

        return MemoryTransaction(self._store, 1e9)

    async def _turn(self) -> None:
        await self._store.reading()


@kv("XTN01", "T4", "a missing key falls back to the same name outside all tenants")
class FallsBackToRoot(MemoryKV):
    async def get(self, op: Get, /) -> Record | None:
        record = await super().get(op)
        if record is None and op.key.startswith("~") and "/" in op.key:
            return await super().get(Get(op.key.split("/", 1)[1] or "-"))
        return record


@kv("XKV35", "T1", "a batch over 1000 items writes only the first 1000")
class BatchCut(MemoryKV):
    async def set_many(self, op: SetMany, /) -> None:
        await super().set_many(replace(op, items=op.items[:1000]))
