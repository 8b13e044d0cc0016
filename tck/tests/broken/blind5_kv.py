"""kv drivers written against the contract alone, for a fifth count of what the kit finds."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from broken.registry import broken
from omnicloud.contracts.kv.driver import (
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
from omnicloud.errors import AlreadyExistsError, ConflictError, UnavailableError
from omnicloud.memory.kv import MemoryKV, _number, _Row
from omnicloud_tck.kv import KVContract


def kv(number: str, tier: str, summary: str) -> Any:
    return broken(f"BLIND5-KV-{number}", tier, summary, KVContract)


@kv("01", "T0", "a set writes only where nothing is")
class InsertsOnly(MemoryKV):
    """ "read-your-writes after an acknowledged write". Met by the second write of any key."""

    async def set(self, op: Set, /) -> str:
        await self._turn()
        current = self._live(op.key)
        if current is not None and op.if_version is None and not op.if_absent:
            return str(current.version)
        return await super().set(op)


@kv("02", "T0", "an increment answers what was before it")
class AnswersBefore(MemoryKV):
    """ "Add ... and answer the sum". Met by the first counter."""

    async def increment(self, op: Increment, /) -> int:
        return await super().increment(op) - op.delta


@kv("03", "T1", "an increment computes in doubles")
class InDoubles(MemoryKV):
    """ "Sums are signed 64 bit". Met by counters of nanoseconds, or of ids over 2**53."""

    async def increment(self, op: Increment, /) -> int:
        await self._turn()
        current = self._live(op.key)
        exact = _number(current) + op.delta
        rounded = int(float(_number(current)) + float(op.delta))
        if exact == rounded or not -(1 << 63) <= rounded < 1 << 63:
            return await super().increment(op)
        row = _Row(
            str(rounded).encode(), self._store.number(), current.deadline if current else None
        )
        self._rows()[op.key] = row
        self._arm(op.key, row)
        self._tell()
        return rounded


@kv("04", "T1", "a scan ends at its prefix and U+F8FF")
class EndsInPrivateUse(MemoryKV):
    """ "each live key ... that starts with prefix once". Met by a key with an emoji."""

    async def scan(self, op: Scan, /) -> Page:
        page = await super().scan(op)
        if not op.prefix:
            return page
        return Page(tuple(k for k in page.keys if k <= op.prefix + "\uf8ff"), page.cursor)


@kv("05", "T1", "get_many finds nothing after its hundredth key")
class HundredAtOnce(MemoryKV):
    """ "The records of some keys", up to batch_max_items. Met by a batch of 101."""

    async def get_many(self, op: GetMany, /) -> tuple[Record | None, ...]:
        found = await super().get_many(op)
        return found[:100] + (None,) * (len(found) - 100)


@kv("06", "T1", "set_many gives its ttl to the last item only")
class LastLives(MemoryKV):
    """ "ttl is for each of them". Met by any batch of two with a ttl."""

    async def set_many(self, op: SetMany, /) -> None:
        await self._turn()
        for place, (key, value) in enumerate(op.items, 1):
            self._write(key, value, op.ttl if place == len(op.items) else None)
        self._tell()


@kv("07", "T1", "expires_in is the ttl that was given, not what is left of it")
class NeverLess(MemoryKV):
    """ "Seconds to live". Met by whoever refreshes a token when little of it is left."""

    def _write(self, key: str, value: bytes, ttl: float | None) -> int:
        self._store.rows("given")[self._table, key] = ttl
        return super()._write(key, value, ttl)

    def _record(self, key: str) -> Record | None:
        record = super()._record(key)
        given = self._store.rows("given").get((self._table, key))
        return record and replace(record, expires_in=record.expires_in and given)


@kv("08", "T2", "get_many reads one key after the other")
class OneByOne(MemoryKV):
    """ "as they stood at one moment". Met by a set_many meanwhile."""

    async def get_many(self, op: GetMany, /) -> tuple[Record | None, ...]:
        return tuple([await self.get(Get(key)) for key in op.keys])


@kv("09", "T2", "an increment of a key with a time to live reads, then writes")
class RacesWithTTL(MemoryKV):
    """ "increment is atomic". Met by any rate limiter: counters that expire."""

    async def increment(self, op: Increment, /) -> int:
        await self._turn()
        current = self._live(op.key)
        if current is None or current.deadline is None:
            return await super().increment(op)
        total = _number(current) + op.delta
        await asyncio.sleep(0)
        await self._turn()
        row = _Row(str(total).encode(), self._store.number(), current.deadline)
        self._rows()[op.key] = row
        self._arm(op.key, row)
        self._tell()
        return total


@kv("10", "T2", "a conditional delete looks, then deletes")
class LooksThenDeletes(MemoryKV):
    """ "if_version= ... linearizable". Met by a write between, of any two workers."""

    async def delete(self, op: Delete, /) -> bool:
        if op.if_version is not None:
            await self._turn()
            self._expect(op.if_version, self._live(op.key))
            await asyncio.sleep(0)
        return await super().delete(Delete(op.key))


class _ScansOutside(MemoryKV):
    async def scan(self, op: Scan, /) -> Page:
        return await MemoryKV(self._store, self._namespace).scan(op)


@kv("11", "T2", "a scan inside a transaction does not see what that wrote")
class BlindInside(MemoryKV):
    """ "read-your-writes after an acknowledged write". Met by "list, then add" in a block."""

    def within(self, transaction: object, /) -> MemoryKV:
        joined = self._store.joined(transaction)
        return _ScansOutside(self._store, self._namespace, transaction=joined)


@kv("12", "T2", "a commit undoes what others wrote since the transaction began")
class CommitsWhole(MemoryKV):
    """ "another writer came first; nothing was written". Met by any writer meanwhile."""

    async def _turn(self) -> None:
        if self._transaction is None:
            await self._store.reading()
        else:
            await super()._turn()


class _Silent(MemoryKV):
    def _write(self, key: str, value: bytes, ttl: float | None) -> int:
        version = super()._write(key, value, ttl)
        self._store.rows("silent")[version] = True
        return version


@kv("13", "T2", "what a transaction set is not told to who watches")
class SilentCommits(MemoryKV):
    """ "watch tells every change of a key". Met by the first transaction."""

    def within(self, transaction: object, /) -> MemoryKV:
        joined = self._store.joined(transaction)
        return _Silent(self._store, self._namespace, transaction=joined)

    def _since(self, cursor: int, prefix: str) -> ChangePage:
        page = super()._since(cursor, prefix)
        silent = self._store.rows("silent")
        told = tuple(c for c in page.changes if not c.version or int(c.version) not in silent)
        return ChangePage(told, page.cursor)


@kv("14", "T3", "a scan of a server that is down finds nothing")
class EmptyWhenDown(MemoryKV):
    """ "a server that is down ... gives the right error class". Met by any outage."""

    async def scan(self, op: Scan, /) -> Page:
        try:
            return await super().scan(op)
        except UnavailableError:
            return Page(())


_SWEEP = 600.0


@kv("15", "T3", "an expired key is in the way of if_absent until it was swept")
class InTheWay(MemoryKV):
    """ "AlreadyExistsError: if_absent, and the key is live". Met by every lock made of a key."""

    def _write(self, key: str, value: bytes, ttl: float | None) -> int:
        version = super()._write(key, value, ttl)
        end = None if ttl is None else self._store.clock.monotonic() + ttl
        self._store.rows("unswept")[self._table, key] = end
        return version

    def _bury(self, key: str) -> None:
        self._store.rows("unswept").pop((self._table, key), None)
        super()._bury(key)

    async def set(self, op: Set, /) -> str:
        if op.if_absent:
            await self._turn()
            end = self._store.rows("unswept").get((self._table, op.key))
            if end is not None and self._store.clock.monotonic() < end + _SWEEP:
                raise AlreadyExistsError("the key is there")
        return await super().set(op)


@kv("16", "T3", "an expired counter goes on from its last sum until it was swept")
class CountsOn(MemoryKV):
    """ "(0 if absent)", and expired is absent. Met by every limit of calls a minute."""

    def _arm(self, key: str, row: _Row) -> None:
        super()._arm(key, row)
        self._store.rows("unswept")[self._table, key] = row

    def _bury(self, key: str) -> None:
        self._store.rows("unswept").pop((self._table, key), None)
        super()._bury(key)

    async def increment(self, op: Increment, /) -> int:
        await self._turn()
        old = self._store.rows("unswept").get((self._table, op.key))
        if self._live(op.key) is None and old is not None and old.deadline is not None:
            self._store.rows("unswept").pop((self._table, op.key))
            return await super().increment(Increment(op.key, _number(old) + op.delta))
        return await super().increment(op)


@kv("17", "T3", "a batch of more than 25 goes in several requests")
class ManyRequests(MemoryKV):
    """ "Write all items or none". Met by a reader, a cancel or an outage between two."""

    async def set_many(self, op: SetMany, /) -> None:
        for start in range(0, len(op.items), 25):
            await super().set_many(SetMany(op.items[start : start + 25], op.ttl))


@kv("18", "T3", "a watch goes on from now after an outage")
class GoesOnFromNow(MemoryKV):
    """ "Changes of the keys under prefix since cursor". Met by any restart of the server."""

    async def changes(self, op: Changes, /) -> ChangePage:
        if op.cursor is not None and self.__dict__.pop("_wrong_lost", False):
            op = replace(op, cursor=str(self._store.now()))
        try:
            return await super().changes(op)
        except UnavailableError:
            self.__dict__["_wrong_lost"] = True
            raise


@kv("19", "T4", "the error of an increment quotes what was stored")
class Quotes(MemoryKV):
    """ "Neither payloads nor secrets enter an error". Met by counting under a taken key."""

    async def increment(self, op: Increment, /) -> int:
        try:
            return await super().increment(op)
        except ConflictError:
            row = self._live(op.key)
            raise ConflictError(f"invalid literal: {row and row.value!r}") from None


def _folded(name: str) -> str:
    if not name.startswith("~") or name.startswith("~~"):
        return name
    tenant, slash, rest = name.partition("/")
    return tenant.lower() + slash + rest


@kv("20", "T4", "tenants that differ in case only share their keys")
class FoldsTenants(MemoryKV):
    """ "two tenants never see each other's names". Met by the tenants ``Acme`` and ``acme``."""

    async def get(self, op: Get, /) -> Record | None:
        return await super().get(Get(_folded(op.key)))

    async def set(self, op: Set, /) -> str:
        return await super().set(replace(op, key=_folded(op.key)))

    async def delete(self, op: Delete, /) -> bool:
        return await super().delete(replace(op, key=_folded(op.key)))

    async def scan(self, op: Scan, /) -> Page:
        prefix = _folded(op.prefix)
        page = await super().scan(replace(op, prefix=prefix))
        return Page(tuple(op.prefix + key[len(prefix) :] for key in page.keys), page.cursor)
