"""The kv contract inside a transaction."""

from __future__ import annotations

import asyncio

from omnicloud.contracts.kv.driver import (
    Begin,
    Changes,
    Delete,
    DeleteMany,
    Get,
    GetMany,
    Increment,
    KVDriver,
    Scan,
    Set,
    SetMany,
)
from omnicloud.contracts.kv.models import ChangePage, KVLimits, Page, Record
from omnicloud.core.operation import Feature
from omnicloud.core.transactions import Transaction
from omnicloud.errors import AlreadyExistsError, ConflictError
from omnicloud_etcd.counters import added
from omnicloud_etcd.reading import Found, found_at, names_at
from omnicloud_etcd.records import Stored, new_token, packed
from omnicloud_etcd.transaction import EtcdTransaction, Written
from omnicloud_etcd.wire import range_end

__all__ = ["KVInside"]


class KVInside:
    """A kv driver inside a transaction, around the one outside."""

    def __init__(self, outside: KVDriver, transaction: EtcdTransaction, prefix: bytes) -> None:
        self._outside = outside
        self._transaction = transaction
        self._prefix = prefix

    @property
    def features(self) -> frozenset[Feature]:
        return self._outside.features

    @property
    def limits(self) -> KVLimits:
        return self._outside.limits

    async def get(self, op: Get, /) -> Record | None:
        (stored,) = await self._now((op.key,))
        return self._record(stored)

    async def get_many(self, op: GetMany, /) -> tuple[Record | None, ...]:
        return tuple(map(self._record, await self._now(op.keys)))

    async def set(self, op: Set, /) -> str:
        self._transaction.check_open()
        if op.if_absent or op.if_version is not None:
            (current,) = await self._now((op.key,))
            if op.if_absent and current is not None:
                raise AlreadyExistsError("the key is live")
            _expect(op.if_version, current)
        return self._write(op.key, op.value, self._transaction.client.time.end_ms(op.ttl))

    async def set_many(self, op: SetMany, /) -> None:
        self._transaction.check_open()
        await asyncio.sleep(0)
        end = self._transaction.client.time.end_ms(op.ttl)
        for key, value in op.items:
            self._write(key, value, end)

    async def delete(self, op: Delete, /) -> bool:
        (current,) = await self._now((op.key,))
        _expect(op.if_version, current)
        if current is not None:
            self._transaction.written[self._key(op.key)] = Written()
        return current is not None

    async def delete_many(self, op: DeleteMany, /) -> None:
        self._transaction.check_open()
        await asyncio.sleep(0)
        for key in op.keys:
            self._transaction.written[self._key(key)] = Written()

    async def scan(self, op: Scan, /) -> Page:
        self._transaction.check_open()
        inside = self._transaction
        low = self._prefix + op.prefix.encode()
        names = await names_at(inside.client, self._prefix, op, inside.revision)
        inside.scanned(low, range_end(low), names.revision)
        for name, revision in names.live:
            inside.read(self._key(name), Found(None, revision), names.revision)
        keys = {name for name, _ in names.live if self._key(name) not in inside.written}
        keys |= self._own(op, names.last)
        ordered = sorted(keys)
        if len(ordered) <= op.limit:
            return Page(tuple(ordered), names.last)
        return Page(tuple(ordered[: op.limit]), ordered[op.limit - 1])

    async def increment(self, op: Increment, /) -> int:
        (current,) = await self._now((op.key,))
        total = added(current, op.delta)
        end = self._transaction.client.time.NEVER_MS if current is None else current.end_ms
        self._write(op.key, b"%d" % total, end)
        return total

    async def changes(self, op: Changes, /) -> ChangePage:
        return await self._outside.changes(op)

    async def begin(self, op: Begin, /) -> Transaction:
        return await self._outside.begin(op)

    def within(self, transaction: object, /) -> KVDriver:
        return self._outside.within(transaction)

    async def aclose(self) -> None:
        """Nothing is held."""
        await asyncio.sleep(0)

    def _key(self, name: str) -> bytes:
        return self._prefix + name.encode()

    async def _now(self, names: tuple[str, ...]) -> list[Stored | None]:
        """The keys as this transaction sees them."""
        inside = self._transaction
        inside.check_open()
        keys = [self._key(name) for name in names]
        unknown = [key for key in dict.fromkeys(keys) if key not in inside.written]
        found, revision = await found_at(inside.client, unknown, inside.revision)
        seen = dict(zip(unknown, found, strict=True))
        for key, one in seen.items():
            inside.read(key, one, revision)
        return [
            inside.written[key].stored if key in inside.written else seen[key].stored
            for key in keys
        ]

    def _write(self, name: str, value: bytes, end_ms: int) -> str:
        token = new_token()
        _, version = packed(b"", end_ms, token)
        self._transaction.written[self._key(name)] = Written(Stored(value, version, end_ms), token)
        return version

    def _own(self, op: Scan, last: str | None) -> frozenset[str]:
        """Names that the transaction has written and that belong to this page."""
        named = (
            (key[len(self._prefix) :].decode(), one)
            for key, one in self._transaction.written.items()
            if key.startswith(self._prefix)
        )
        return frozenset(
            name
            for name, one in named
            if one.stored is not None
            and name.startswith(op.prefix)
            and (op.cursor is None or name > op.cursor)
            and (last is None or name <= last)
        )

    def _record(self, stored: Stored | None) -> Record | None:
        if stored is None:
            return None
        left = self._transaction.client.time.seconds_to(stored.end_ms)
        return None if left == 0.0 else Record(stored.value, stored.version, left)


def _expect(version: str | None, current: Stored | None) -> None:
    if version is not None and (current is None or current.version != version):
        raise ConflictError("the key has another version, or is not there")
