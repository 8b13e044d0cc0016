"""kv drivers as third parties wrote them, made without a look at the laws."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from broken.blind6_names import renaming
from broken.kv_base import kv
from omnicloud.contracts.kv.driver import (
    Begin,
    Changes,
    Delete,
    Get,
    GetMany,
    Increment,
    Scan,
    Set,
    SetMany,
)
from omnicloud.contracts.kv.models import ChangePage, Page, Record
from omnicloud.errors import ConflictError, UnavailableError
from omnicloud.memory.kv import MemoryKV
from omnicloud.memory.store import MemoryStore, MemoryTransaction

_GIVES_UP_AFTER = 3
_CHUNK = 25
_INT64 = 1 << 63
_CONNECTIONS = 10


@kv("GKV01", "T0", "delete answers that the key was live, whether it was or not")
class DeletesAlways(MemoryKV):
    async def delete(self, op: Delete, /) -> bool:
        await super().delete(op)
        return True


@kv("GKV02", "T0", "get_many answers the rows as the query gave them, not as they were asked for")
class RowsAsTheyCome(MemoryKV):
    async def get_many(self, op: GetMany, /) -> tuple[Record | None, ...]:
        return await super().get_many(GetMany(tuple(sorted(op.keys))))


@kv("GKV03", "T1", "counters are doubles: beyond 2**53 the last digits are lost")
class CountsInDoubles(MemoryKV):
    async def increment(self, op: Increment, /) -> int:
        total = await super().increment(op)
        rounded = int(float(total))
        if -(1 << 63) <= rounded < 1 << 63 and rounded != total:
            await super().increment(Increment(op.key, rounded - total))
        return rounded


@kv("GKV04", "T1", "set_many writes the values and leaves the expiry that the rows had")
class BatchKeepsExpiry(MemoryKV):
    async def set_many(self, op: SetMany, /) -> None:
        before = {key: self._record(key) for key, _ in op.items}
        await super().set_many(op)
        for key, value in op.items if op.ttl is None else ():
            held = before[key]
            if held is not None and held.expires_in is not None:
                self._write(key, value, held.expires_in)


@kv("GKV05", "T1", "the time to live is told in milliseconds")
class TellsMilliseconds(MemoryKV):
    def _record(self, key: str) -> Record | None:
        found = super()._record(key)
        if found is None or found.expires_in is None:
            return found
        return replace(found, expires_in=float(int(found.expires_in * 1000)))


@kv("GKV06", "T1", "a scan asks for keys from the prefix to the prefix and a 0xff")
class RangeEndsEarly(MemoryKV):
    async def scan(self, op: Scan, /) -> Page:
        page = await super().scan(op)
        inside = (key for key in page.keys if not op.prefix or key < op.prefix + "\xff")
        return Page(tuple(inside), page.cursor)


@kv("GKV07", "T1", "an empty value counts as zero")
class EmptyIsZero(MemoryKV):
    async def increment(self, op: Increment, /) -> int:
        await self._turn()
        held = self._record(op.key)
        if held is not None and held.value == b"":
            self._write(op.key, b"0", held.expires_in)
        return await super().increment(op)


@kv("GKV08", "T2", "a counter that others count too gives up with a conflict after three tries")
class CounterGivesUp(MemoryKV):
    async def increment(self, op: Increment, /) -> int:
        for _ in range(_GIVES_UP_AFTER):
            seen = await self.get(Get(op.key))
            try:
                total = int(seen.value if seen else b"0") + op.delta
            except ValueError:
                break
            if not -_INT64 <= total < _INT64:
                break
            version, left = (seen.version, seen.expires_in) if seen else (None, None)
            made = Set(op.key, str(total).encode(), left, version, if_absent=seen is None)
            try:
                await self.set(made)
            except ConflictError:
                continue
            return total
        raise ConflictError("the key is no counter, or was written meanwhile")


@kv("GKV09", "T2", "a conditional delete compares first and deletes in a second request")
class ComparesThenDeletes(MemoryKV):
    async def delete(self, op: Delete, /) -> bool:
        if op.if_version is not None:
            seen = await self.get(Get(op.key))
            if seen is None or seen.version != op.if_version:
                raise ConflictError("the key has another version, or is not there")
        return await super().delete(Delete(op.key))


@kv("GKV10", "T2", "get_many asks for 25 keys at a time, each lot as it stands by then")
class ReadsInLots(MemoryKV):
    async def get_many(self, op: GetMany, /) -> tuple[Record | None, ...]:
        found: tuple[Record | None, ...] = ()
        for start in range(0, len(op.keys), _CHUNK):
            found += await super().get_many(GetMany(op.keys[start : start + _CHUNK]))
        return found


@kv("GKV11", "T2", "set_many inside a transaction goes through a connection of its own")
class BatchLeavesTransaction(MemoryKV):
    async def set_many(self, op: SetMany, /) -> None:
        await super().set_many(op)
        if self._transaction is not None:
            outside = MemoryKV(self._store, self._namespace)
            for key, value in op.items:
                outside._write(key, value, op.ttl)
            outside._tell()

    def within(self, transaction: object, /) -> MemoryKV:
        joined = self._store.joined(transaction)
        return type(self)(self._store, self._namespace, transaction=joined)


@kv("GKV12", "T2", "the cursor of a watch is asked for after the changes")
class CursorComesLater(MemoryKV):
    async def changes(self, op: Changes, /) -> ChangePage:
        page = await super().changes(op)
        await self._store.reading()
        return ChangePage(page.changes, str(self._store.now()))


@kv("GKV13", "T3", "while the backend is down a scan ends without a key and without an error")
class ScansNothingWhenDown(MemoryKV):
    async def scan(self, op: Scan, /) -> Page:
        try:
            return await super().scan(op)
        except UnavailableError:
            return Page(())


@kv("GKV14", "T3", "a counter that has expired goes on from where it was")
class ExpiredCounterGoesOn(MemoryKV):
    async def increment(self, op: Increment, /) -> int:
        total = await super().increment(op)
        sums = self._store.rows(("kv sums", self._namespace))
        held = self._record(op.key)
        if held is not None and held.expires_in is None and op.key in sums:
            total = await super().increment(Increment(op.key, sums[op.key]))
        sums.pop(op.key, None)
        if held is not None and held.expires_in is not None:
            sums[op.key] = total
        return total

    async def set(self, op: Set, /) -> str:
        self._store.rows(("kv sums", self._namespace)).pop(op.key, None)
        return await super().set(op)

    async def delete(self, op: Delete, /) -> bool:
        self._store.rows(("kv sums", self._namespace)).pop(op.key, None)
        return await super().delete(op)


@kv("GKV15", "T3", "what is written with a time to live inside a transaction never expires")
class NoExpiryInTransactions(MemoryKV):
    async def set(self, op: Set, /) -> str:
        return await super().set(op if self._transaction is None else replace(op, ttl=None))

    def within(self, transaction: object, /) -> MemoryKV:
        joined = self._store.joined(transaction)
        return type(self)(self._store, self._namespace, transaction=joined)


@kv("GKV16", "T3", "the commit of a transaction that the store had ended says that all is well")
class CommitSaysYes(MemoryKV):
    async def begin(self, op: Begin, /) -> MemoryTransaction:
        transaction = await super().begin(op)
        commit = transaction.commit

        async def calm() -> None:
            try:
                await commit()
            except ConflictError:
                return

        transaction.commit = calm  # type: ignore[method-assign]  # that is the fault
        return transaction


@kv("GKV17", "T3", "each cancelled get keeps one of ten connections for ever")
class CancelledKeepsConnection(MemoryKV):
    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self._free = asyncio.Semaphore(_CONNECTIONS)

    async def get(self, op: Get, /) -> Record | None:
        await self._free.acquire()
        try:
            found = await super().get(op)
        except Exception:
            self._free.release()
            raise
        self._free.release()
        return found


def _padded(key: str) -> str:
    return key.rstrip(" ") or key


@kv("GKV18", "T4", "trailing spaces of a key do not count, as in CHAR columns")
class PadsKeys(renaming(MemoryKV, _padded)):  # type: ignore[misc]  # a class made at run time
    pass


@kv("GKV19", "T4", "counters begin at the count of that name in whatever namespace")
class CountersWithoutNamespace(MemoryKV):
    def __init__(self, store: MemoryStore, *args: Any, **named: Any) -> None:
        super().__init__(store, *args, **named)
        self._counts = store.rows("kv counters")

    async def increment(self, op: Increment, /) -> int:
        await self._turn()
        space, count = self._counts.get(op.key, (self._namespace, 0))
        if self._record(op.key) is None and space != self._namespace:
            self._write(op.key, str(count).encode(), None)
        total = await super().increment(op)
        self._counts[op.key] = (self._namespace, total)
        return total

    async def delete(self, op: Delete, /) -> bool:
        self._counts.pop(op.key, None)
        return await super().delete(op)
