"""documents drivers that are wrong where verbs, options or clients meet."""

from __future__ import annotations

import asyncio
import unicodedata
from dataclasses import replace
from typing import Any

from broken.registry import broken
from omnicloud.contracts.documents.driver import (
    Begin,
    Count,
    CreateIndex,
    Delete,
    Find,
    Insert,
    Replace,
    Update,
)
from omnicloud.contracts.documents.models import Document, DocumentPage, UpdateResult
from omnicloud.contracts.documents.paths import at
from omnicloud.contracts.documents.values import equal
from omnicloud.errors import UnavailableError
from omnicloud.memory.documents import MemoryDocuments, _Row
from omnicloud.memory.store import MemoryTransaction
from omnicloud_tck.documents import DocumentsContract


def documents(number: str, tier: str, summary: str) -> Any:
    return broken(f"PRG-DO-{number}", tier, summary, DocumentsContract)


@documents("01", "T1", "of a sort by several fields the first alone counts")
class FirstKey(MemoryDocuments):
    async def find(self, op: Find, /) -> DocumentPage:
        return await super().find(replace(op, sort=op.sort[:1]))


@documents("02", "T1", "a replacement by a number of another kind is none")
class SameNumber(MemoryDocuments):
    def _put(self, collection: str, row: _Row, document: Document) -> UpdateResult:
        if equal(document, row.document):
            return UpdateResult(1, 0, version=str(row.version))
        return super()._put(collection, row, document)


@documents("03", "T1", "a unique index of two fields binds by the first")
class FirstField(MemoryDocuments):
    async def create_index(self, op: CreateIndex, /) -> None:
        await super().create_index(replace(op, paths=op.paths[:1]))


@documents("04", "T1", "null is not bound by a unique index")
class NullIsFree(MemoryDocuments):
    def _check_unique(self, collection: str, document: Document) -> None:
        bare = {key: value for key, value in document.items() if value is not None}
        super()._check_unique(collection, bare)


@documents("05", "T2", "an index is looked for, and made a little later")
class IndexLater(MemoryDocuments):
    async def create_index(self, op: CreateIndex, /) -> None:
        if op.unique:
            before = dict(self._indexes(op.collection))
            await super().create_index(op)
            self._indexes(op.collection).clear()
            self._indexes(op.collection).update(before)
            await asyncio.sleep(0)
        self._indexes(op.collection)[op.paths] = op.unique


@documents("06", "T2", "a replacement by a field finds, then writes")
class ReplacesLater(MemoryDocuments):
    async def replace(self, op: Replace, /) -> UpdateResult:
        await self._turn()
        row = self._first(op.collection, op.filter, op.if_version)
        if row is None:
            return await super().replace(op)
        await asyncio.sleep(0)
        await self._turn()
        return self._put(op.collection, row, {"_id": row.document["_id"], **op.document})


@documents("07", "T2", "a deletion by a field finds, then deletes by _id")
class DeletesLater(MemoryDocuments):
    async def delete(self, op: Delete, /) -> bool:
        await self._turn()
        row = self._first(op.collection, op.filter, op.if_version)
        if row is None:
            return False
        await asyncio.sleep(0)
        return self._rows(op.collection).pop(row.document["_id"], None) is not None


@documents("08", "T4", "names of collections are composed")
class Composed(MemoryDocuments):
    def _table(self, kind: str, collection: str) -> Any:
        return super()._table(kind, unicodedata.normalize("NFC", collection))


@documents("09", "T3", "a client that is opened anew forgets the unique indexes")
class OwnIndexes(MemoryDocuments):
    _own: dict[str, dict[Any, bool]] | None = None

    def _indexes(self, collection: str) -> dict[Any, bool]:
        if self._transaction is not None:
            return super()._indexes(collection)
        self._own = {} if self._own is None else self._own
        return self._own.setdefault(collection, {})


@documents("10", "T3", "an update that an outage cuts off is written when the store is back")
class WrittenLater(MemoryDocuments):
    async def replace(self, op: Replace, /) -> UpdateResult:
        try:
            return await super().replace(op)
        except UnavailableError:
            self.__dict__.setdefault("_wrong", []).append(op)
            raise

    async def find(self, op: Find, /) -> DocumentPage:
        page = await super().find(op)
        for missed in self.__dict__.pop("_wrong", ()):
            await super().replace(missed)
        return page


@documents("11", "T1", "a count of a transaction leaves out what it inserted")
class CountsOld(MemoryDocuments):
    def within(self, transaction: object, /) -> MemoryDocuments:
        joined = self._store.joined(transaction)
        return CountsOld(self._store, self._namespace, transaction=joined)

    async def count(self, op: Count, /) -> int:
        number = await super().count(op)
        inserted = self.__dict__.get("_inserted", 0)
        return number - inserted if self._transaction is not None else number

    async def insert(self, op: Insert, /) -> str:
        version = await super().insert(op)
        self.__dict__["_inserted"] = self.__dict__.get("_inserted", 0) + 1
        return version


@documents("12", "T1", "a change of a list's element that is a number counts from one")
class FromOne(MemoryDocuments):
    async def update(self, op: Update, /) -> UpdateResult:
        await self._turn()
        row = self._first(op.collection, op.filter, op.if_version)
        moved = []
        for change in op.changes:
            held = at(row.document, change.path[:-1]) if row is not None else None
            last = change.path[-1]
            beyond = isinstance(held, list) and last.isdigit() and 0 < int(last) == len(held)
            path = (*change.path[:-1], str(int(last) - 1)) if beyond else change.path
            moved.append(replace(change, path=path))
        return await super().update(replace(op, changes=tuple(moved)))


@documents("13", "T2", "a rollback takes back the index that was made before it")
class RollsIndexesBack(MemoryDocuments):
    async def begin(self, op: Begin, /) -> MemoryTransaction:
        transaction = await super().begin(op)
        rollback = transaction.rollback

        async def wrong() -> None:
            await rollback()
            for table, rows in self._store._tables.items():
                if isinstance(table, tuple) and "indexes" in str(table[0]):
                    rows.clear()

        transaction.rollback = wrong  # type: ignore[method-assign]  # wrong on purpose
        return transaction
