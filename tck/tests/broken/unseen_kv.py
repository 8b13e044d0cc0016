"""kv drivers that are wrong in ways which were written before the laws were looked at."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from broken.registry import broken
from broken.unseen_common import came_back, later, pause, rootless
from omnicloud.contracts.kv.driver import (
    Changes,
    Delete,
    DeleteMany,
    Get,
    GetMany,
    Increment,
    Scan,
    Set,
    SetMany,
)
from omnicloud.contracts.kv.models import ChangePage, Page, Record
from omnicloud.errors import ConflictError
from omnicloud.memory.kv import MemoryKV, _Row
from omnicloud_tck.kv import KVContract


def kv(id_: str, tier: str, summary: str) -> Any:
    return broken(id_, tier, summary, KVContract)


@kv("U-KV-01", "T0", "get_many answers in the order of the keys, not in that asked for")
class SortedAnswers(MemoryKV):
    async def get_many(self, op: GetMany, /) -> tuple[Record | None, ...]:
        return await super().get_many(GetMany(tuple(sorted(op.keys))))


@kv("U-KV-02", "T1", "deleting a key that has expired answers that it was live")
class ExpiredWasLive(MemoryKV):
    async def delete(self, op: Delete, /) -> bool:
        ever = self._store.rows("ever written")
        was_live = await super().delete(op)
        return was_live or ever.pop(op.key, False)

    async def set(self, op: Set, /) -> str:
        version = await super().set(op)
        if op.ttl is not None:
            self._store.rows("ever written")[op.key] = True
        return version


@kv("U-KV-03", "T1", "a value that fills its last 64 KiB chunk to the byte loses that chunk")
class LastChunk(MemoryKV):
    async def set(self, op: Set, /) -> str:
        if op.value and len(op.value) % (64 << 10) == 0:
            op = replace(op, value=op.value[: -(64 << 10)])
        return await super().set(op)


@kv("U-KV-04", "T1", "scan is in the order of UTF-16, which differs beyond the basic plane")
class Utf16Order(MemoryKV):
    async def scan(self, op: Scan, /) -> Page:
        await self._store.reading()
        after = "" if op.cursor is None else op.cursor
        keys = sorted(
            (
                key
                for key in self._rows()
                if key.startswith(op.prefix)
                and self._live(key) is not None
                and _utf16(key) > _utf16(after)
            ),
            key=_utf16,
        )
        more = len(keys) > op.limit
        return Page(tuple(keys[: op.limit]), keys[op.limit - 1] if more else None)


def _utf16(key: str) -> bytes:
    return key.encode("utf-16-be")


@kv("U-KV-05", "T1", "a scan ends where the last key of the page before was deleted meanwhile")
class LostPlace(MemoryKV):
    async def scan(self, op: Scan, /) -> Page:
        await self._store.reading()
        if op.cursor is not None and self._live(op.cursor) is None:
            return Page(())
        return await super().scan(op)


@kv("U-KV-06", "T1", "of a batch with a ttl only the first key gets it")
class TtlOfTheFirst(MemoryKV):
    async def set_many(self, op: SetMany, /) -> None:
        await super().set_many(op)
        if op.ttl is not None:
            for key, value in op.items[1:]:
                self._write(key, value, None)


@kv("U-KV-07", "T1", "a sum below the smallest integer stays at the smallest")
class Saturates(MemoryKV):
    async def increment(self, op: Increment, /) -> int:
        record = await self.get(Get(op.key))
        if record is not None and record.value.lstrip(b"-").isdigit():
            least = -(1 << 63) - int(record.value)
            op = replace(op, delta=max(op.delta, least))
        return await super().increment(op)


@kv("U-KV-08", "T1", "text with spaces, signs or underscores is taken for an integer")
class Lenient(MemoryKV):
    async def increment(self, op: Increment, /) -> int:
        await self._turn()
        row = self._live(op.key)
        if row is not None:
            try:
                number = int(row.value or b"")
            except ValueError:
                raise ConflictError("no integer") from None
            self._rows()[op.key] = replace(row, value=str(number).encode())
        return await super().increment(op)


@kv("U-KV-09", "T1", "increment leaves the version as it was")
class SameVersion(MemoryKV):
    async def increment(self, op: Increment, /) -> int:
        await self._turn()
        old = self._live(op.key)
        total = await super().increment(op)
        if old is not None:
            self._rows()[op.key] = replace(self._rows()[op.key], version=old.version)
        return total


@kv("U-KV-10", "T1", "a conditional delete of a missing key is told as done")
class DeletesNothing(MemoryKV):
    async def delete(self, op: Delete, /) -> bool:
        await self._turn()
        return False if self._live(op.key) is None else await super().delete(op)


@kv("U-KV-11", "T2", "two writers of an absent key both succeed where it was deleted before")
class OverTombstones(MemoryKV):
    async def set(self, op: Set, /) -> str:
        await self._turn()
        if op.if_absent and self._live(op.key) is None and op.key in self._rows():
            await pause()
            op = replace(op, if_absent=False)
        return await super().set(op)


@kv("U-KV-12", "T2", "get_many reads its second half a moment after the first")
class TwoSnapshots(MemoryKV):
    async def get_many(self, op: GetMany, /) -> tuple[Record | None, ...]:
        half = len(op.keys) // 2
        first = await super().get_many(GetMany(op.keys[:half]))
        await pause()
        return first + await super().get_many(GetMany(op.keys[half:]))


@kv("U-KV-13", "T2", "increment takes turns within a client only: two clients lose sums")
class TurnsPerClient(MemoryKV):
    async def increment(self, op: Increment, /) -> int:
        lock = self.__dict__.setdefault("_lock", asyncio.Lock())
        async with lock:
            await self._turn()
            row = self._live(op.key)
            await pause()
            if row is not None:
                self._rows()[op.key] = row
            return await super().increment(op)


@kv("U-KV-14", "T2", "versions are compared with what this client last saw")
class OwnView(MemoryKV):
    async def get(self, op: Get, /) -> Record | None:
        record = await super().get(op)
        self.__dict__.setdefault("_seen", {})[op.key] = record and record.version
        return record

    async def set(self, op: Set, /) -> str:
        seen = self.__dict__.setdefault("_seen", {})
        if op.if_version is not None and op.if_version == seen.get(op.key):
            op = replace(op, if_version=None)
        seen[op.key] = await super().set(op)
        return str(seen[op.key])


@kv("U-KV-15", "T2", "a batch of more than ten is written in tens, each for itself")
class Tens(MemoryKV):
    async def set_many(self, op: SetMany, /) -> None:
        for start in range(0, max(len(op.items), 1), 10):
            await super().set_many(replace(op, items=op.items[start : start + 10]))
            await pause()


@kv("U-KV-16", "T1", "of a batch that is written only the last key is told to watchers")
class TellsTheLast(MemoryKV):
    async def changes(self, op: Changes, /) -> ChangePage:
        page = await super().changes(op)
        silent = self._store.rows("silent")
        told = tuple(c for c in page.changes if c.version not in silent)
        return ChangePage(told, page.cursor)

    async def set_many(self, op: SetMany, /) -> None:
        await super().set_many(op)
        for key, _ in op.items[:-1]:
            self._store.rows("silent")[str(self._rows()[key].version)] = True


@kv("U-KV-17", "T3", "a watch that outlives an outage goes on from now, not from its cursor")
class FromNow(MemoryKV):
    async def changes(self, op: Changes, /) -> ChangePage:
        seen = self.__dict__.setdefault("_outages", {})
        if came_back(self._store, seen) and op.cursor is not None:
            op = replace(op, cursor=str(self._store.now()))
        return await super().changes(op)


@kv("U-KV-18", "T3", "a cancelled write still happens, half a second later")
class GhostWrite(MemoryKV):
    async def set(self, op: Set, /) -> str:
        try:
            await pause()
            return await super().set(op)
        except asyncio.CancelledError:
            later(self._store, 0.5, lambda: MemoryKV.set(self, op))
            raise


@kv("U-KV-19", "T1", "a ttl over 24 days overflows 32 bits of milliseconds and is over at once")
class Int32(MemoryKV):
    async def set(self, op: Set, /) -> str:
        if op.ttl is not None and op.ttl * 1000 >= 1 << 31:
            op = replace(op, ttl=0.001)
        return await super().set(op)


@kv("U-KV-20", "T3", "a write refused in an outage is kept and made when the server is back")
class OfflineQueue(MemoryKV):
    async def set(self, op: Set, /) -> str:
        if self._store.down:
            later(self._store, 1.0, lambda: self._again(op))
        return await super().set(op)

    async def _again(self, op: Set) -> None:
        if self._store.down:
            later(self._store, 1.0, lambda: self._again(op))
        else:
            await MemoryKV.set(self, op)


@kv("U-KV-21", "T4", "delete_many forgets the tenant")
class DeletesOfNoTenant(MemoryKV):
    async def delete_many(self, op: DeleteMany, /) -> None:
        await super().delete_many(DeleteMany((*op.keys, *map(rootless, op.keys))))


@kv("U-KV-22", "T4", "the error of increment quotes the stored value")
class Quotes(MemoryKV):
    async def increment(self, op: Increment, /) -> int:
        record = await self.get(Get(op.key))
        try:
            return await super().increment(op)
        except ConflictError as error:
            value = b"" if record is None else record.value
            raise ConflictError(f"{value!r} is not an integer or out of range") from error


@kv("U-KV-23", "T1", "a conditional write that is refused still renews the ttl")
class RefusedButRenewed(MemoryKV):
    async def set(self, op: Set, /) -> str:
        try:
            return await super().set(op)
        except ConflictError:
            row = self._live(op.key)
            if row is not None and op.ttl is not None:
                end = self._store.clock.monotonic() + op.ttl
                self._rows()[op.key] = renewed = _Row(row.value, row.version, end)
                self._arm(op.key, renewed)
            raise


@kv("U-KV-24", "T2", "a transaction does not see its own batch writes")
class BlindToItself(MemoryKV):
    def within(self, transaction: object, /) -> MemoryKV:
        inner = super().within(transaction)
        return _Blind(inner._store, inner._namespace, transaction=inner._transaction)


class _Blind(MemoryKV):
    async def get_many(self, op: GetMany, /) -> tuple[Record | None, ...]:
        return await MemoryKV(self._store, self._namespace).get_many(op)


@kv("U-KV-25", "T3", "what is written after a transaction has ended is written outside it")
class AfterTheEnd(MemoryKV):
    def within(self, transaction: object, /) -> MemoryKV:
        inner = super().within(transaction)
        return _Outliving(inner._store, inner._namespace, transaction=inner._transaction)


class _Outliving(MemoryKV):
    async def set(self, op: Set, /) -> str:
        assert self._transaction is not None
        if self._transaction._end.is_set():
            return await MemoryKV(self._store, self._namespace).set(op)
        return await super().set(op)


@kv("U-KV-26", "T1", "a batch that writes what is there already leaves its versions")
class SameBatch(MemoryKV):
    async def set_many(self, op: SetMany, /) -> None:
        await self._turn()
        before = {key: self._live(key) for key, _ in op.items}
        await super().set_many(op)
        for key, value in op.items:
            old = before[key]
            if old is not None and old.value == value and op.ttl is None:
                self._rows()[key] = replace(self._rows()[key], version=old.version)
