"""The kv contract in memory: every feature but durability."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

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
from omnicloud.errors import AlreadyExistsError, ConflictError
from omnicloud.memory.store import MemoryStore, MemoryTransaction, Rows

__all__ = ["FEATURES", "MemoryKV"]

FEATURES: frozenset[Feature] = frozenset(KVFeature) - {KVFeature.DURABLE}
_INT64 = 1 << 63
_KEPT_TOMBSTONES = 100_000


@dataclass(frozen=True, slots=True)
class _Row:
    """A live key, or the tombstone of a deleted one where ``value`` is ``None``."""

    value: bytes | None
    version: int
    deadline: float | None = None


class MemoryKV:
    """A kv driver over rows of a :class:`MemoryStore`.

    Deleted keys leave a tombstone, so that a watcher that comes later is told of them; the
    newest 100,000 are kept.
    """

    def __init__(
        self,
        store: MemoryStore,
        namespace: str = "",
        *,
        transaction: MemoryTransaction | None = None,
    ) -> None:
        self._store = store
        self._namespace = namespace
        self._table = ("kv", namespace)
        self._transaction = transaction

    @property
    def features(self) -> frozenset[Feature]:
        return FEATURES

    @property
    def limits(self) -> KVLimits:
        return KVLimits(value_max_bytes=16 << 20, batch_max_items=10_000)

    async def get(self, op: Get, /) -> Record | None:
        await self._store.reading()
        return self._record(op.key)

    async def get_many(self, op: GetMany, /) -> tuple[Record | None, ...]:
        await self._store.reading()
        return tuple(map(self._record, op.keys))

    async def set(self, op: Set, /) -> str:
        await self._turn()
        current = self._live(op.key)
        if op.if_absent and current is not None:
            raise AlreadyExistsError("the key is live")
        self._expect(op.if_version, current)
        version = self._write(op.key, op.value, op.ttl)
        self._tell()
        return str(version)

    async def set_many(self, op: SetMany, /) -> None:
        await self._turn()
        for key, value in op.items:
            self._write(key, value, op.ttl)
        self._tell()

    async def delete(self, op: Delete, /) -> bool:
        await self._turn()
        current = self._live(op.key)
        self._expect(op.if_version, current)
        if current is None:
            return False
        self._bury(op.key)
        self._tell()
        return True

    async def delete_many(self, op: DeleteMany, /) -> None:
        await self._turn()
        for key in op.keys:
            if self._live(key) is not None:
                self._bury(key)
        self._tell()

    async def scan(self, op: Scan, /) -> Page:
        await self._store.reading()
        after = op.cursor or ""
        keys = sorted(
            key
            for key in self._rows()
            if key > after and key.startswith(op.prefix) and self._live(key) is not None
        )
        more = len(keys) > op.limit
        return Page(tuple(keys[: op.limit]), keys[op.limit - 1] if more else None)

    async def increment(self, op: Increment, /) -> int:
        await self._turn()
        current = self._live(op.key)
        total = _number(current) + op.delta
        if not -_INT64 <= total < _INT64:
            raise ConflictError("the sum would not be a signed 64-bit integer")
        row = _Row(str(total).encode(), self._store.number(), current.deadline if current else None)
        self._rows()[op.key] = row
        self._arm(op.key, row)
        self._tell()
        return total

    async def changes(self, op: Changes, /) -> ChangePage:
        await self._store.reading()
        if op.cursor is None:
            return ChangePage((), str(self._store.now()))
        until = self._store.clock.monotonic() + op.wait
        while True:
            page = self._since(int(op.cursor), op.prefix)
            left = until - self._store.clock.monotonic()
            if page.changes or left <= 0:
                return page
            await self._store.changed(left)
            await self._store.reading()

    async def begin(self, op: Begin, /) -> MemoryTransaction:
        return await self._store.begin()

    def within(self, transaction: object, /) -> MemoryKV:
        joined = self._store.joined(transaction)
        return MemoryKV(self._store, self._namespace, transaction=joined)

    async def aclose(self) -> None:
        """Nothing is held: the store belongs to who made it."""

    # What follows decides without awaiting.

    async def _turn(self) -> None:
        if self._transaction is None:
            await self._store.turn()
        else:
            await self._store.reading()
            with self._transaction.use():
                pass

    def _rows(self) -> Rows:
        owner: Any = self._store if self._transaction is None else self._transaction
        rows: Rows = owner.rows(self._table)
        return rows

    def _live(self, key: str) -> _Row | None:
        row: _Row | None = self._rows().get(key)
        if row is None or row.value is None:
            return None
        expired = row.deadline is not None and row.deadline <= self._store.clock.monotonic()
        return None if expired else row

    def _record(self, key: str) -> Record | None:
        row = self._live(key)
        if row is None or row.value is None:
            return None
        left = None if row.deadline is None else row.deadline - self._store.clock.monotonic()
        return Record(row.value, str(row.version), left)

    @staticmethod
    def _expect(version: str | None, current: _Row | None) -> None:
        if version is not None and (current is None or str(current.version) != version):
            raise ConflictError("the key has another version, or is not there")

    def _write(self, key: str, value: bytes, ttl: float | None) -> int:
        deadline = None if ttl is None else self._store.clock.monotonic() + ttl
        row = _Row(value, self._store.number(), deadline)
        self._rows()[key] = row
        self._arm(key, row)
        return row.version

    def _bury(self, key: str) -> None:
        self._rows()[key] = _Row(None, self._store.number())

    def _arm(self, key: str, row: _Row) -> None:
        """See to it that an expired row becomes a tombstone and is told."""
        if row.deadline is None:
            return
        deadline = row.deadline

        def end() -> None:
            rows = self._store.rows(self._table)
            if rows.get(key) is row:
                rows[key] = _Row(None, self._store.number())
                self._store.tell()

        if self._transaction is None:
            self._store.at(deadline, end)
        else:
            self._transaction.afterwards(lambda: self._store.at(deadline, end))

    def _tell(self) -> None:
        if self._transaction is None:
            self._forget_old_tombstones()
            self._store.tell()

    def _forget_old_tombstones(self) -> None:
        rows = self._rows()
        if len(rows) % 1000 or len(rows) < _KEPT_TOMBSTONES:
            return
        buried = [(row.version, key) for key, row in rows.items() if row.value is None]
        for _, key in sorted(buried)[:-_KEPT_TOMBSTONES]:
            del rows[key]

    def _since(self, cursor: int, prefix: str) -> ChangePage:
        found = sorted(
            (row.version, key, row)
            for key, row in self._rows().items()
            if row.version > cursor and key.startswith(prefix)
        )
        last = found[-1][0] if found else cursor
        return ChangePage(tuple(_change(key, row) for _, key, row in found), str(last))


def _change(key: str, row: _Row) -> Change:
    if row.value is None:
        return Change(key, ChangeKind.DELETED)
    return Change(key, ChangeKind.SET, str(row.version))


def _number(row: _Row | None) -> int:
    if row is None or row.value is None:
        return 0
    try:
        number = int(row.value)
    except ValueError:
        number = _INT64
    if not -_INT64 <= number < _INT64 or str(number).encode() != row.value:
        raise ConflictError("the stored value is not a signed 64-bit integer")
    return number
