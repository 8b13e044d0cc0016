"""kv drivers written against the contract alone, for a seventh count of what the kit finds."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from dataclasses import replace
from typing import Any

from broken.registry import broken
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
from omnicloud.errors import ConflictError, UnavailableError
from omnicloud.memory.kv import MemoryKV, _number, _Row
from omnicloud_tck.kv import KVContract


def kv(number: str, tier: str, summary: str) -> Any:
    return broken(f"BLIND7-KV-{number}", tier, summary, KVContract)


@kv("01", "T0", "increment answers what was there before")
class AnswersOld(MemoryKV):
    """ "answer the sum". Met by the first counter."""

    async def increment(self, op: Increment, /) -> int:
        return await super().increment(op) - op.delta


@kv("02", "T0", "delete_many deletes the first key only")
class DeletesFirst(MemoryKV):
    """ "Delete all those keys or none". Met by the first batch."""

    async def delete_many(self, op: DeleteMany, /) -> None:
        await super().delete_many(DeleteMany(op.keys[:1]))


@kv("03", "T1", "a scan ends at the prefix and U+F8FF, so keys with an emoji after it are missing")
class EndsAtPrivateUse(MemoryKV):
    """ "each live key once". Met by keys that users name: the idiom of Firestore's manual."""

    async def scan(self, op: Scan, /) -> Page:
        page = await super().scan(op)
        end = op.prefix + "\uf8ff"
        return Page(tuple(key for key in page.keys if not op.prefix or key < end), page.cursor)


@kv("04", "T1", "get_many answers the first hundred keys only, the rest as if they were absent")
class FirstHundred(MemoryKV):
    """ "The records of some keys, in their order". Met by a batch over DynamoDB's page, whose
    unprocessed keys nobody asks for again."""

    async def get_many(self, op: GetMany, /) -> tuple[Record | None, ...]:
        found = await super().get_many(op)
        return found[:100] + (None,) * len(found[100:])


@kv("05", "T1", "a value that is a JSON object comes back written anew")
class JsonColumn(MemoryKV):
    """ "payloads are byte-exact". Met by any JSON text with spaces of its own, in JSONB."""

    async def set(self, op: Set, /) -> str:
        parsed = None
        with suppress(ValueError):
            parsed = json.loads(op.value)
        if isinstance(parsed, dict):
            op = replace(op, value=json.dumps(parsed, sort_keys=True).encode())
        return await super().set(op)


@kv("06", "T1", "delete_many of no keys deletes every key")
class NoWhere(MemoryKV):
    """ "Delete all those keys or none". Met by an empty list where the query builder leaves out
    an empty condition."""

    async def delete_many(self, op: DeleteMany, /) -> None:
        await super().delete_many(op if op.keys else DeleteMany(tuple(self._rows())))


@kv("07", "T3", "a time to live over thirty days is taken for a point in time, long ago")
class TakesForStamp(MemoryKV):
    """ "Time to live from the write". Met by a session of 31 days, as in memcached."""

    async def set(self, op: Set, /) -> str:
        version = await super().set(op)
        if op.ttl is not None and op.ttl > 30 * 86400:
            self._bury(op.key)
        return version


@kv("08", "T2", "two scans at once through one client share their position")
class OnePosition(MemoryKV):
    """ "each live key once"; "concurrent callers never see each other's answers". Met by two
    requests that list at once: a server-side cursor of one name."""

    async def scan(self, op: Scan, /) -> Page:
        if op.cursor is None:
            self._wrong_at: str | None = None
        page = await super().scan(replace(op, cursor=self._wrong_at))
        self._wrong_at = page.cursor
        return Page(page.keys, None if page.cursor is None else "more")


@kv("09", "T2", "a delete under a version looks first and deletes later")
class LooksThenDeletes(MemoryKV):
    """ "if_version is linearizable". Met by a worker that deletes its job while another writes."""

    async def delete(self, op: Delete, /) -> bool:
        if op.if_version is None:
            return await super().delete(op)
        found = await self.get(Get(op.key))
        if found is None or found.version != op.if_version:
            raise ConflictError("the key has another version, or is not there")
        return await super().delete(Delete(op.key))


@kv("10", "T2", "set_many goes in requests of a hundred, and a reader sees some of them")
class InHundreds(MemoryKV):
    """ "Write all items or none". Met by a batch over the service's own limit."""

    async def set_many(self, op: SetMany, /) -> None:
        for start in range(0, len(op.items), 100):
            await super().set_many(SetMany(op.items[start : start + 100], op.ttl))


@kv("11", "T2", "a watch begun while a transaction is open is not told what that wrote")
class BySequence(MemoryKV):
    """ "Every change is told at least in its last state". Met by polling a sequence: numbers
    are given before the commit, so the cursor is past them already."""

    async def changes(self, op: Changes, /) -> ChangePage:
        if op.cursor is None:
            await self._store.reading()
            return ChangePage((), str(self._store.number()))
        return await super().changes(op)


@kv("12", "T2", "an increment inside a transaction stays where that is rolled back")
class CountsAtOnce(MemoryKV):
    """ "or not at all when it raises". Met over Redis, whose MULTI answers no INCR before EXEC,
    so the author sends it at once."""

    def within(self, transaction: object, /) -> CountsAtOnce:
        joined = self._store.joined(transaction)
        return CountsAtOnce(self._store, self._namespace, transaction=joined)

    async def increment(self, op: Increment, /) -> int:
        total = await super().increment(op)
        if self._transaction is not None:
            outside = MemoryKV(self._store, self._namespace)
            current = outside._live(op.key)
            sum_ = str(_number(current) + op.delta).encode()
            deadline = current.deadline if current else None
            outside._rows()[op.key] = _Row(sum_, self._store.number(), deadline)
        return total


@kv("13", "T2", "each client counts versions for itself, so two writes have one version")
class CountsForItself(MemoryKV):
    """ "another one after every write". Met by two processes that write one key."""

    def _write(self, key: str, value: bytes, ttl: float | None) -> int:
        version = super()._write(key, value, ttl)
        self._wrong_count: int = self.__dict__.get("_wrong_count", 0) + 1
        self._shown()[version] = str(self._wrong_count)
        return version

    def _shown(self) -> dict[Any, Any]:
        return self._store.rows(("shown", self._namespace))

    def _as_shown(self, version: str) -> str:
        found: str = self._shown().get(int(version), f"i{version}")
        return found

    async def set(self, op: Set, /) -> str:
        return self._as_shown(await super().set(op))

    def _expect(self, version: str | None, current: _Row | None) -> None:  # type: ignore[override]  # of this client
        if version is None:
            return
        if current is None or self._as_shown(str(current.version)) != version:
            raise ConflictError("the key has another version, or is not there")

    def _record(self, key: str) -> Record | None:
        record = super()._record(key)
        return record and replace(record, version=self._as_shown(record.version))

    async def changes(self, op: Changes, /) -> ChangePage:
        page = await super().changes(op)
        told = (
            replace(one, version=self._as_shown(one.version)) if one.version else one
            for one in page.changes
        )
        return ChangePage(tuple(told), page.cursor)


@kv("14", "T3", "an increment begins the whole time to live again")
class BeginsAgain(MemoryKV):
    """ "The key keeps its time to live". Met by a rate limit, which then never ends."""

    def _write(self, key: str, value: bytes, ttl: float | None) -> int:
        self._store.rows(("lives", self._namespace))[key] = ttl
        return super()._write(key, value, ttl)

    async def increment(self, op: Increment, /) -> int:
        total = await super().increment(op)
        row, ttl = self._rows()[op.key], self._store.rows(("lives", self._namespace)).get(op.key)
        if row.deadline is not None and ttl is not None:
            row = replace(row, deadline=self._store.clock.monotonic() + ttl)
            self._rows()[op.key] = row
            self._arm(op.key, row)
        return total


@kv("15", "T3", "a watcher is told that a key expired only when someone reads it")
class ExpiresLazily(MemoryKV):
    """ "DELETED: Deleted or expired"; "Every change is told". Met over Redis's key events, which
    come when the key is met by chance."""

    def _arm(self, key: str, row: _Row) -> None:
        """No timer."""

    async def get(self, op: Get, /) -> Record | None:
        found = await super().get(op)
        row = self._rows().get(op.key)
        if found is None and row is not None and row.value is not None:
            self._bury(op.key)
            self._tell()
        return found


@kv("16", "T3", "after a poll that failed a watch goes on from now, not from where it was")
class GoesOnFromNow(MemoryKV):
    """ "Changes of the keys under prefix since cursor". Met by a connection that is lost once."""

    async def changes(self, op: Changes, /) -> ChangePage:
        lost = self.__dict__.get("_wrong_lost", False)
        try:
            page = await super().changes(Changes(op.prefix) if lost else op)
        except UnavailableError:
            self._wrong_lost = True
            raise
        self._wrong_lost = False
        return page


@kv("17", "T3", "an increment whose answer takes a quarter of a second is sent again")
class SendsAgain(MemoryKV):
    """ "A write that must not be repeated unless the first is known to be not done". Met by a
    client library with a short timeout and a retry of its own."""

    async def increment(self, op: Increment, /) -> int:
        started = self._store.clock.monotonic()
        total = await super().increment(op)
        if self._store.clock.monotonic() - started >= 0.25:
            await asyncio.sleep(0)
            total = await super().increment(op)
        return total


@kv("18", "T4", "the error of an increment quotes the value that is no integer")
class QuotesValue(MemoryKV):
    """ "Neither payloads nor secrets enter an error". Met by a counter under a taken key:
    PostgreSQL says: invalid input syntax for type bigint, and quotes."""

    async def increment(self, op: Increment, /) -> int:
        try:
            return await super().increment(op)
        except ConflictError:
            held = self._live(op.key)
            text = "" if held is None or held.value is None else held.value.decode(errors="replace")
            message = f'invalid input syntax for type bigint: "{text}"'
            raise ConflictError(message) from None


def _folded(key: str) -> str:
    if not key.startswith("~") or key.startswith("~~"):
        return key
    tenant, slash, rest = key.partition("/")
    return tenant.lower() + slash + rest


@kv("19", "T4", "tenants whose names differ in case only are one")
class FoldsTenants(MemoryKV):
    """ "two tenants never see each other's names". Met by Acme and acme, where a tenant is a
    bucket or a host name."""

    async def get(self, op: Get, /) -> Record | None:
        return await super().get(Get(_folded(op.key)))

    async def set(self, op: Set, /) -> str:
        return await super().set(replace(op, key=_folded(op.key)))

    async def delete(self, op: Delete, /) -> bool:
        return await super().delete(replace(op, key=_folded(op.key)))

    async def get_many(self, op: GetMany, /) -> tuple[Record | None, ...]:
        return await super().get_many(GetMany(tuple(map(_folded, op.keys))))

    async def set_many(self, op: SetMany, /) -> None:
        items = tuple((_folded(key), value) for key, value in op.items)
        await super().set_many(SetMany(items, op.ttl))

    async def delete_many(self, op: DeleteMany, /) -> None:
        await super().delete_many(DeleteMany(tuple(map(_folded, op.keys))))

    async def increment(self, op: Increment, /) -> int:
        return await super().increment(replace(op, key=_folded(op.key)))

    async def scan(self, op: Scan, /) -> Page:
        page = await super().scan(replace(op, prefix=_folded(op.prefix)))
        return Page(tuple(op.prefix + key[len(op.prefix) :] for key in page.keys), page.cursor)

    async def changes(self, op: Changes, /) -> ChangePage:
        page = await super().changes(replace(op, prefix=_folded(op.prefix)))
        told = (replace(one, key=op.prefix + one.key[len(op.prefix) :]) for one in page.changes)
        return ChangePage(tuple(told), page.cursor)
