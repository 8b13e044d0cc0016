"""kv drivers that are wrong on purpose."""

from __future__ import annotations

import asyncio
import itertools
import os
import time
from dataclasses import replace
from typing import Any

from broken.registry import broken
from omnicloud.contracts.kv.driver import Delete, Get, GetMany, Increment, Scan, Set, SetMany
from omnicloud.contracts.kv.models import ChangePage, KVFeature, Page, Record
from omnicloud.core.operation import Feature
from omnicloud.errors import ConflictError, NotFoundError, UnavailableError
from omnicloud.memory.kv import MemoryKV
from omnicloud_tck.kv import KVContract


def kv(id_: str, tier: str, summary: str) -> Any:
    return broken(id_, tier, summary, KVContract)


# T0: gross


@kv("KV01", "T0", "get always returns None")
class GetIsNone(MemoryKV):
    async def get(self, op: Get, /) -> Record | None:
        await super().get(op)
        return None


@kv("KV02", "T0", "set is a no-op")
class SetDoesNothing(MemoryKV):
    async def set(self, op: Set, /) -> str:
        await self._turn()
        return str(self._store.number())


@kv("KV03", "T0", "delete is a no-op")
class DeleteDoesNothing(MemoryKV):
    async def delete(self, op: Delete, /) -> bool:
        await self._turn()
        return self._live(op.key) is not None


@kv("KV04", "T0", "delete of a missing key raises KeyError")
class DeleteOfMissingRaises(MemoryKV):
    async def delete(self, op: Delete, /) -> bool:
        if not await super().delete(op):
            raise KeyError(op.key)
        return True


@kv("KV05", "T0", "get of a missing key raises")
class GetOfMissingRaises(MemoryKV):
    async def get(self, op: Get, /) -> Record | None:
        record = await super().get(op)
        if record is None:
            raise NotFoundError("missing")
        return record


@kv("KV06", "T0", "the first value stays for ever")
class FirstValueStays(MemoryKV):
    async def set(self, op: Set, /) -> str:
        record = await self.get(Get(op.key))
        return await super().set(op if record is None else replace(op, value=record.value))


# T1: values and edges


@kv("KV07", "T1", "an empty value is stored as absent")
class EmptyIsAbsent(MemoryKV):
    async def get(self, op: Get, /) -> Record | None:
        record = await super().get(op)
        return record if record and record.value else None


@kv("KV08", "T1", "keys are folded to lower case")
class KeysFold(MemoryKV):
    async def get(self, op: Get, /) -> Record | None:
        return await super().get(replace(op, key=op.key.lower()))

    async def set(self, op: Set, /) -> str:
        return await super().set(replace(op, key=op.key.lower()))


@kv("KV09", "T1", "keys are normalised to NFC")
class KeysNormalised(MemoryKV):
    @staticmethod
    def _nfc(key: str) -> str:
        import unicodedata

        return unicodedata.normalize("NFC", key)

    async def get(self, op: Get, /) -> Record | None:
        return await super().get(replace(op, key=self._nfc(op.key)))

    async def set(self, op: Set, /) -> str:
        return await super().set(replace(op, key=self._nfc(op.key)))


@kv("KV10", "T1", "keys are cut to 255 characters")
class KeysCut(MemoryKV):
    async def get(self, op: Get, /) -> Record | None:
        return await super().get(replace(op, key=op.key[:255]))

    async def set(self, op: Set, /) -> str:
        return await super().set(replace(op, key=op.key[:255]))


@kv("KV11", "T1", "values are cut at the first NUL")
class CutAtNul(MemoryKV):
    async def set(self, op: Set, /) -> str:
        return await super().set(replace(op, value=op.value.split(b"\0")[0]))


@kv("KV12", "T1", "keys are cut at the first NUL")
class KeysCutAtNul(MemoryKV):
    async def get(self, op: Get, /) -> Record | None:
        return await super().get(replace(op, key=op.key.split("\0")[0] or "-"))

    async def set(self, op: Set, /) -> str:
        return await super().set(replace(op, key=op.key.split("\0")[0] or "-"))


@kv("KV13", "T1", "values are stripped of white space")
class Stripped(MemoryKV):
    async def set(self, op: Set, /) -> str:
        return await super().set(replace(op, value=op.value.strip()))


@kv("KV14", "T1", "values that are not UTF-8 are replaced")
class Utf8Only(MemoryKV):
    async def set(self, op: Set, /) -> str:
        return await super().set(replace(op, value=op.value.decode(errors="replace").encode()))


@kv("KV15", "T1", "values over 64 KiB are cut")
class CutAt64K(MemoryKV):
    async def set(self, op: Set, /) -> str:
        return await super().set(replace(op, value=op.value[: 1 << 16]))


@kv("KV16", "T1", "paths in keys are normalised")
class PathsNormalised(MemoryKV):
    async def get(self, op: Get, /) -> Record | None:
        return await super().get(replace(op, key=os.path.normpath(op.key)))

    async def set(self, op: Set, /) -> str:
        return await super().set(replace(op, key=os.path.normpath(op.key)))


@kv("KV21", "T1", "more than 100 keys: the oldest is evicted")
class Evicts(MemoryKV):
    async def set(self, op: Set, /) -> str:
        version = await super().set(op)
        live = [key for key in self._rows() if self._live(key)]
        if len(live) > 100:
            self._bury(live[0])
        return version


@kv("KV22", "T1", "delete also deletes keys that start with the key")
class DeletesPrefix(MemoryKV):
    async def delete(self, op: Delete, /) -> bool:
        for key in list(self._rows()):
            if key.startswith(op.key) and key != op.key:
                self._bury(key)
        return await super().delete(op)


@kv("KV23", "T1", "delete says False for a live key")
class DeleteLies(MemoryKV):
    async def delete(self, op: Delete, /) -> bool:
        await super().delete(op)
        return False


# T2: concurrency and isolation


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


# T3: faults, durability and time


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


# Versions, time to live, batches, scans


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
