"""kv drivers as third parties might write them, wrong in ways that were thought of blindly."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from urllib.parse import unquote

from broken.registry import broken
from broken.unseen_common import pause
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
from omnicloud.errors import AlreadyExistsError, ConflictError, UnavailableError
from omnicloud.memory.kv import MemoryKV
from omnicloud.memory.store import MemoryTransaction
from omnicloud_tck.kv import KVContract


def kv(number: int, tier: str, summary: str) -> Any:
    return broken(f"B-KV-{number:02}", tier, summary, KVContract)


@kv(1, "T0", "get_many answers in the order of the keys, not in the order asked")
class SortedMany(MemoryKV):
    async def get_many(self, op: GetMany, /) -> tuple[Record | None, ...]:
        return await super().get_many(GetMany(tuple(sorted(op.keys))))


@kv(2, "T0", "increment answers the number before it added")
class FetchesAndAdds(MemoryKV):
    async def increment(self, op: Increment, /) -> int:
        return await super().increment(op) - op.delta


@kv(3, "T1", "sums beyond 2**53 are counted in floating point")
class FloatingSums(MemoryKV):
    async def increment(self, op: Increment, /) -> int:
        total = await super().increment(op)
        rounded = int(float(total))
        if rounded != total and -(1 << 63) <= rounded < 1 << 63:
            await super().increment(Increment(op.key, rounded - total))
        return rounded


@kv(4, "T1", "a scan ends at the prefix and U+FFFF, so names that go on beyond it are left out")
class EndsAtFFFF(MemoryKV):
    async def scan(self, op: Scan, /) -> Page:
        page = await super().scan(op)
        end = f"{op.prefix}\uffff"
        return Page(tuple(key for key in page.keys if key < end), page.cursor)


@kv(5, "T1", "increment takes what Python takes for a number: white space, signs, underscores")
class LenientNumbers(MemoryKV):
    async def increment(self, op: Increment, /) -> int:
        await self._turn()
        row = self._live(op.key)
        if row is not None and row.value is not None:
            try:
                plain = str(int(row.value)).encode()
            except ValueError:
                plain = row.value
            self._rows()[op.key] = replace(row, value=plain)
        return await super().increment(op)


@kv(6, "T1", "times to live are milliseconds in 32 bits: more than 24 days end at once")
class ShortMilliseconds(MemoryKV):
    async def set(self, op: Set, /) -> str:
        if op.ttl is None or op.ttl * 1000 < 1 << 31:
            return await super().set(op)
        return await super().set(replace(op, ttl=0.001))


@kv(7, "T2", "if_absent over a key that was there once looks, awaits, and writes")
class RevivesWithoutLock(MemoryKV):
    async def set(self, op: Set, /) -> str:
        await self._turn()
        if not op.if_absent or op.key not in self._rows():
            return await super().set(op)
        if self._live(op.key) is not None:
            raise AlreadyExistsError("the key is live")
        await pause()
        return await super().set(replace(op, if_absent=False))


@kv(8, "T2", "increment of a key with a time to live reads, awaits, and writes")
class CountsWithTtlInSteps(MemoryKV):
    async def increment(self, op: Increment, /) -> int:
        record = await self.get(Get(op.key))
        if record is None or record.expires_in is None:
            return await super().increment(op)
        try:
            total = int(record.value) + op.delta
        except ValueError:
            return await super().increment(op)
        if not -(1 << 63) <= total < 1 << 63:
            return await super().increment(op)
        await pause()
        await super().set(Set(op.key, str(total).encode(), record.expires_in))
        return total


@kv(9, "T2", "delete under a version compares, awaits, and deletes whatever is there by then")
class ChecksThenDeletes(MemoryKV):
    async def delete(self, op: Delete, /) -> bool:
        if op.if_version is None:
            return await super().delete(op)
        await self._turn()
        self._expect(op.if_version, self._live(op.key))
        await pause()
        return await super().delete(replace(op, if_version=None))


@kv(10, "T2", "get_many of more than eight keys is several reads at several moments")
class ReadsInPieces(MemoryKV):
    async def get_many(self, op: GetMany, /) -> tuple[Record | None, ...]:
        found: list[Record | None] = []
        for start in range(0, len(op.keys), 8):
            found.extend(await super().get_many(GetMany(op.keys[start : start + 8])))
        return tuple(found)


@kv(11, "T2", "increment inside a transaction happens at once, and stays when it is rolled back")
class CountersOutside(MemoryKV):
    async def increment(self, op: Increment, /) -> int:
        held = self._transaction
        if held is None:
            return await super().increment(op)
        await self._turn()
        total = await super().increment(op)
        row = self._rows()[op.key]
        self._store.rows(self._table)[op.key] = row
        return total

    def within(self, transaction: object, /) -> MemoryKV:
        joined = self._store.joined(transaction)
        return type(self)(self._store, self._namespace, transaction=joined)


@kv(12, "T3", "a watch goes on after an outage from the moment of its reconnection")
class WatchesFromNow(MemoryKV):
    def __init__(self, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        self._cut = False

    async def changes(self, op: Changes, /) -> ChangePage:
        if self._cut:
            await self._store.reading()
            self._cut = False
            return ChangePage((), str(self._store.now()))
        try:
            return await super().changes(op)
        except UnavailableError:
            self._cut = True
            raise


@kv(13, "T3", "the end of a counter's life is not told to watchers")
class CountersEndSilently(MemoryKV):
    async def increment(self, op: Increment, /) -> int:
        arm, self._arm = self._arm, lambda key, row: None  # type: ignore[method-assign]
        try:
            return await super().increment(op)
        finally:
            self._arm = arm  # type: ignore[method-assign]


@kv(14, "T3", "a slow set is sent again, and answered with the version of the first")
class SendsAgain(MemoryKV):
    async def set(self, op: Set, /) -> str:
        start = self._store.clock.monotonic()
        version = await super().set(op)
        if self._store.clock.monotonic() - start > 0.2:
            await super().set(replace(op, if_version=None, if_absent=False))
        return version


@kv(15, "T3", "the seconds that are left are counted by the wall clock")
class LeftByWall(MemoryKV):
    def _record(self, key: str) -> Record | None:
        record = super()._record(key)
        row = self._live(key)
        if record is None or row is None or record.expires_in is None:
            return record
        ends = self._store.rows("wall ends")
        clock = self._store.clock
        end = ends.setdefault((key, row.version), clock.wall() + record.expires_in)
        return replace(record, expires_in=end - clock.wall())

    async def set(self, op: Set, /) -> str:
        version = await super().set(op)
        self._record(op.key)
        return version


@kv(16, "T4", "the error of increment shows the value that is no number")
class ShowsValue(MemoryKV):
    async def increment(self, op: Increment, /) -> int:
        try:
            return await super().increment(op)
        except ConflictError:
            row = self._live(op.key)
            text = repr(row.value) if row is not None else ""
            raise ConflictError(f"{text} is no signed 64-bit integer") from None


@kv(17, "T4", "the tenant in a stored name is unescaped, so that two tenants can meet")
class UnescapesTenants(MemoryKV):
    def _met(self, key: str) -> str:
        tenant, slash, name = key.partition("/")
        return f"{unquote(tenant)}{slash}{name}" if key.startswith("~") else key

    async def get(self, op: Get, /) -> Record | None:
        return await super().get(Get(self._met(op.key)))

    async def set(self, op: Set, /) -> str:
        return await super().set(replace(op, key=self._met(op.key)))

    async def delete(self, op: Delete, /) -> bool:
        return await super().delete(replace(op, key=self._met(op.key)))

    async def increment(self, op: Increment, /) -> int:
        return await super().increment(replace(op, key=self._met(op.key)))

    async def get_many(self, op: GetMany, /) -> tuple[Record | None, ...]:
        return await super().get_many(GetMany(tuple(map(self._met, op.keys))))

    async def set_many(self, op: SetMany, /) -> None:
        await super().set_many(replace(op, items=tuple((self._met(k), v) for k, v in op.items)))

    async def delete_many(self, op: DeleteMany, /) -> None:
        await super().delete_many(DeleteMany(tuple(map(self._met, op.keys))))

    def _rename(self, key: str, like: str) -> str:
        # Listings know the tenant that asks, and give its names back as it writes them.
        tenant = like.partition("/")[0]
        return tenant + key[len(unquote(tenant)) :] if like.startswith("~") else key

    async def scan(self, op: Scan, /) -> Page:
        cursor = None if op.cursor is None else self._met(op.cursor)
        page = await super().scan(replace(op, prefix=self._met(op.prefix), cursor=cursor))
        keys = tuple(self._rename(key, op.prefix) for key in page.keys)
        return Page(keys, page.cursor)

    async def changes(self, op: Changes, /) -> ChangePage:
        page = await super().changes(replace(op, prefix=self._met(op.prefix)))
        told = tuple(replace(one, key=self._rename(one.key, op.prefix)) for one in page.changes)
        return ChangePage(told, page.cursor)

    def within(self, transaction: MemoryTransaction, /) -> MemoryKV:  # type: ignore[override]
        joined = self._store.joined(transaction)
        return type(self)(self._store, self._namespace, transaction=joined)
