"""A right kv driver over a log in SQLite, whose transactions see a snapshot and lock nothing."""

from __future__ import annotations

import math
import re
import secrets
from collections.abc import Iterable

from correct.apart import Apart
from correct.common import correct
from correct.kv_tables import DELETED, MOST_KEYS, SET, Place, Row, Tables, Transaction
from omnicloud.contracts.kv.driver import (
    Begin,
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
from omnicloud.contracts.kv.models import (
    Change,
    ChangeKind,
    ChangePage,
    KVFeature,
    KVLimits,
    Page,
    Record,
)
from omnicloud.core.operation import Feature
from omnicloud.errors import AlreadyExistsError, ConflictError, InvalidArgumentError
from omnicloud.memory.store import MemoryStore

_GRID = 16  # ends of lives a second: each is late by less than a tenth
_POLL, _LONGEST_POLL = 0.04, 1.5
_KEYS_A_PAGE = 7
_MOST_BYTES = 8192
_INT64 = 1 << 63
_INTEGER = re.compile(rb"0|-?[1-9][0-9]{0,18}")


@correct("kv")
class Snapshots(Apart):
    """Tells every state of a key, asked again and again; begins each scan with an empty page.

    Versions are long and odd. A transaction ends in a conflict where anybody wrote meanwhile.
    """

    backend_class = Tables
    _backend: Tables
    features: frozenset[Feature] = frozenset(KVFeature) - {KVFeature.DURABLE}
    limits = KVLimits(
        name_max_bytes=1410,
        value_max_bytes=4096,
        batch_max_items=4,
        batch_max_bytes=_MOST_BYTES,
        transaction_max_keys=MOST_KEYS,
    )

    def __init__(
        self, store: MemoryStore, namespace: str = "", *, transaction: Transaction | None = None
    ) -> None:
        super().__init__(store)
        self._namespace, self._ns = namespace, namespace.encode()
        self._transaction = transaction

    async def get(self, op: Get, /) -> Record | None:
        await self.arrive()
        record = self._record(op.key)
        await self.linger()
        return record

    async def get_many(self, op: GetMany, /) -> tuple[Record | None, ...]:
        await self.arrive()
        records = tuple(map(self._record, op.keys))
        await self.linger()
        return records

    async def set(self, op: Set, /) -> str:
        await self.arrive()
        current = self._live(op.key)
        if op.if_absent and current is not None:
            raise AlreadyExistsError("the key is live")
        _expect(op.if_version, current)
        (row,) = self._write([(op.key, op.value)], self._end_of(op.ttl))
        await self.linger()
        return row.version

    async def set_many(self, op: SetMany, /) -> None:
        await self.arrive()
        self._write(op.items, self._end_of(op.ttl))
        await self.linger()

    async def delete(self, op: Delete, /) -> bool:
        await self.arrive()
        current = self._live(op.key)
        _expect(op.if_version, current)
        self._bury([op.key])
        await self.linger()
        return current is not None

    async def delete_many(self, op: DeleteMany, /) -> None:
        await self.arrive()
        self._bury(op.keys)
        await self.linger()

    async def scan(self, op: Scan, /) -> Page:
        await self.arrive()
        if self._transaction is not None:
            self._transaction.reads.add((self._ns, op.prefix.encode() + b"*"))
        page = Page((), "_") if op.cursor is None else self._page(op, op.cursor)
        await self.linger()
        return page

    async def increment(self, op: Increment, /) -> int:
        await self.arrive()
        current = self._live(op.key)
        total = _number(current) + op.delta
        if not -_INT64 <= total < _INT64:
            raise ConflictError("the sum would not be a signed 64-bit integer")
        deadline = None if current is None else current.deadline
        self._write([(op.key, str(total).encode())], deadline)
        await self.linger()
        return total

    async def changes(self, op: Changes, /) -> ChangePage:
        await self.arrive()
        if op.cursor is None:
            self._backend.sweep()
            return ChangePage((), _cursor(self._backend.seq))
        seen, now = int(op.cursor.removeprefix("№"), 16), self._backend.now
        until = now() + min(op.wait, _LONGEST_POLL)
        while True:
            page, left = self._since(seen, op.prefix), until - now()
            if page.changes or left <= 0:
                return page
            await self._backend.clock.sleep(min(left, _POLL))
            await self._store.reading()

    async def begin(self, op: Begin, /) -> Transaction:
        await self.arrive()
        return Transaction(Apart(self._store), self._backend, _MOST_BYTES)

    def within(self, transaction: object, /) -> Snapshots:
        if not isinstance(transaction, Transaction) or transaction.store is not self._backend:
            raise InvalidArgumentError("the transaction belongs to another store")
        return type(self)(self._store, self._namespace, transaction=transaction)

    async def arrive(self) -> None:
        await super().arrive()
        if self._transaction is not None:
            self._transaction.check_open()

    # What follows decides without awaiting.

    def _place(self, key: str) -> Place:
        return self._ns, key.encode()

    def _end_of(self, ttl: float | None) -> float | None:
        return None if ttl is None else math.ceil((self._backend.now() + ttl) * _GRID) / _GRID

    def _live(self, key: str) -> Row | None:
        place, inside = self._place(key), self._transaction
        if inside is None:
            return self._backend.row(place, self._backend.seq)
        inside.reads.add(place)
        if place not in inside.writes:
            return self._backend.row(place, inside.base)
        row = inside.writes[place]
        return None if row is None or row.is_over(self._backend.now()) else row

    def _record(self, key: str) -> Record | None:
        row = self._live(key)
        if row is None:
            return None
        left = None if row.deadline is None else row.deadline - self._backend.now()
        return Record(row.value, row.version, left)

    def _write(self, items: Iterable[tuple[str, bytes]], deadline: float | None) -> list[Row]:
        rows = {self._place(key): Row(bytes(value), _version(), deadline) for key, value in items}
        if self._transaction is not None:
            self._transaction.writes.update(rows)
        else:
            self._backend.append((place, SET, row) for place, row in rows.items())
        return list(rows.values())

    def _bury(self, keys: Iterable[str]) -> None:
        if self._transaction is not None:
            self._transaction.writes.update({self._place(key): None for key in keys})
            return
        live = dict.fromkeys(key for key in keys if self._live(key) is not None)
        self._backend.append([(self._place(key), DELETED, None) for key in live])

    def _page(self, op: Scan, cursor: str) -> Page:
        prefix, after = op.prefix.encode(), bytes.fromhex(cursor.removeprefix("_"))
        most = max(1, min(op.limit, _KEYS_A_PAGE))
        keys = self._known(prefix, after, most)
        live = tuple(text for key in keys if self._live(text := key.decode()) is not None)
        return Page(live, f"_{keys[-1].hex()}" if len(keys) == most else None)

    def _known(self, prefix: bytes, after: bytes, most: int) -> list[bytes]:
        """Keys that are there, or were."""
        inside = self._transaction
        upto = self._backend.seq if inside is None else inside.base
        keys = set(self._backend.keys(self._ns, prefix, after, upto, most))
        own = () if inside is None else inside.writes
        keys |= {
            key for ns, key in own if ns == self._ns and key > after and key.startswith(prefix)
        }
        return sorted(keys)[:most]

    def _since(self, seen: int, prefix: str) -> ChangePage:
        self._backend.sweep()
        found = self._backend.since(self._ns, prefix.encode(), seen)
        last = found[-1][0] if found else max(seen, self._backend.seq)
        told = [
            Change(key.decode(), ChangeKind.SET, version)
            if kind == SET
            else Change(key.decode(), ChangeKind.DELETED)
            for _, key, kind, version in found
        ]
        return ChangePage(tuple(told), _cursor(last))


def _cursor(seq: int) -> str:
    return f"№{seq:x}"


def _version() -> str:
    return f'W/"{secrets.token_urlsafe(36)}" é✓ %00 \\'


def _expect(version: str | None, current: Row | None) -> None:
    if version is not None and (current is None or current.version != version):
        raise ConflictError("the key has another version, or is not there")


def _number(row: Row | None) -> int:
    if row is None:
        return 0
    number = int(row.value) if _INTEGER.fullmatch(row.value) else _INT64
    if not -_INT64 <= number < _INT64:
        raise ConflictError("the stored value is not a signed 64-bit integer")
    return number
