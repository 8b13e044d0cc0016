"""Transactions of kv and documents whose isolation is less than they say."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable
from typing import Any

from broken.registry import broken
from omnicloud.contracts.documents.driver import Find
from omnicloud.contracts.documents.models import DocumentPage
from omnicloud.contracts.kv.driver import Begin, Get
from omnicloud.contracts.kv.models import Record
from omnicloud.errors import ConflictError
from omnicloud.memory.documents import MemoryDocuments
from omnicloud.memory.kv import MemoryKV
from omnicloud.memory.store import MemoryStore, MemoryTransaction, Rows
from omnicloud_tck.documents import DocumentsContract
from omnicloud_tck.kv import KVContract


class Snapshot(MemoryTransaction):
    """Reads what was there when it began; a commit conflicts where another wrote the same."""

    def __init__(self, store: MemoryStore) -> None:
        super().__init__(store, store.clock.monotonic() + 30.0)
        self._was: dict[Hashable, Rows] = {name: dict(rows) for name, rows in store._tables.items()}
        self._halves = False

    def rows(self, table: Hashable) -> Rows:
        if table not in self._tables:
            self._tables[table] = dict(self._was.get(table, {}))
        return self._tables[table]

    async def commit(self) -> None:
        await asyncio.sleep(0)
        self._check_open()
        changed = self._changed()
        for table, key in changed:
            if self._store.rows(table).get(key) is not self._was.get(table, {}).get(key):
                self._end.set()
                raise ConflictError("another transaction wrote it first")
        self._end.set()
        for table, key in changed:
            self._put(table, key)
            if self._halves:
                await asyncio.sleep(0)
        for action in self._after:
            action()
        self._store.tell()

    async def rollback(self) -> None:
        await asyncio.sleep(0)
        self._end.set()

    def _changed(self) -> list[tuple[Hashable, Any]]:
        return [
            (table, key)
            for table, rows in self._tables.items()
            for key in {**rows, **self._was.get(table, {})}
            if rows.get(key) is not self._was.get(table, {}).get(key)
        ]

    def _put(self, table: Hashable, key: Any) -> None:
        if key in self._tables[table]:
            self._store.rows(table)[key] = self._tables[table][key]
        else:
            self._store.rows(table).pop(key, None)


class Halving(Snapshot):
    """A snapshot that is committed key by key."""

    def __init__(self, store: MemoryStore) -> None:
        super().__init__(store)
        self._halves = True


def kv(id_: str, summary: str) -> Any:
    return broken(id_, "T2", summary, KVContract)


@kv("HTX01", "transactions conflict over what both write, not over what one read: write skew")
class SkewedKV(MemoryKV):
    async def begin(self, op: Begin, /) -> MemoryTransaction:
        await self._store.turn()
        return Snapshot(self._store)


@kv("HTX02", "a commit becomes visible key by key")
class HalfVisibleKV(MemoryKV):
    async def begin(self, op: Begin, /) -> MemoryTransaction:
        await self._store.turn()
        return Halving(self._store)


@kv("HTX03", "reads inside a transaction see what others commit meanwhile")
class ReadsCommitted(SkewedKV):
    def within(self, transaction: object, /) -> MemoryKV:
        inside = super().within(transaction)
        return _Unrepeatable(inside, self)  # type: ignore[return-value]  # a driver by shape


class _Unrepeatable:
    def __init__(self, inside: MemoryKV, outside: MemoryKV) -> None:
        self._inside, self._outside = inside, outside

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inside, name)

    async def get(self, op: Get, /) -> Record | None:
        mine = await self._inside.get(op)
        other = await self._outside.get(op)
        was = self._inside._transaction
        wrote = was is not None and any(key == op.key for _, key in was._changed())  # type: ignore[attr-defined]  # a snapshot
        return mine if wrote else other


def documents(id_: str, summary: str) -> Any:
    return broken(id_, "T2", summary, DocumentsContract)


@documents("HTX04", "transactions conflict over what both write, not over what one read")
class SkewedDocuments(MemoryDocuments):
    async def begin(self, op: Any, /) -> MemoryTransaction:
        await self._store.turn()
        return Snapshot(self._store)


@documents("HTX05", "a commit becomes visible document by document")
class HalfVisibleDocuments(MemoryDocuments):
    async def begin(self, op: Any, /) -> MemoryTransaction:
        await self._store.turn()
        return Halving(self._store)


@documents("HTX06", "finds outside see what a transaction has written and not committed")
class DirtyReads(MemoryDocuments):
    async def find(self, op: Find, /) -> DocumentPage:
        await self._store.reading()
        open_ = self._store._transaction
        if self._transaction is None and open_ is not None and len(open_._tables) > 1:
            return await self.within(open_).find(op)
        return await super().find(op)
