"""documents drivers as third parties might write them, wrong in ways thought of blindly."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

from broken.registry import broken
from broken.unseen_common import pause
from omnicloud.contracts.documents.driver import (
    Count,
    CreateIndex,
    Delete,
    Find,
    Insert,
    Replace,
    Update,
)
from omnicloud.contracts.documents.engine import page_of, unique_key, upserted
from omnicloud.contracts.documents.filters import (
    All,
    Any_,
    Compare,
    Comparison,
    Exists,
    Filter,
    Not,
)
from omnicloud.contracts.documents.models import DocumentEntry, DocumentPage, UpdateResult
from omnicloud.contracts.documents.paths import MISSING, at, index, put
from omnicloud.contracts.documents.updates import Change, ChangeKind
from omnicloud.contracts.documents.values import copied
from omnicloud.errors import AlreadyExistsError, UnavailableError
from omnicloud.memory.documents import MemoryDocuments
from omnicloud.memory.store import Rows
from omnicloud_tck.documents import DocumentsContract

_LOG = logging.getLogger("documents driver")


def documents(number: int, tier: str, summary: str) -> Any:
    return broken(f"B-DO-{number:02}", tier, summary, DocumentsContract)


class _Joined(MemoryDocuments):
    """One that stays what it is inside a transaction."""

    def within(self, transaction: object, /) -> MemoryDocuments:
        joined = self._store.joined(transaction)
        return type(self)(self._store, self._namespace, transaction=joined)


@documents(1, "T0", "delete takes all documents that match")
class DeletesAll(MemoryDocuments):
    async def delete(self, op: Delete, /) -> bool:
        there = await super().delete(op)
        rows = self._rows(op.collection)
        for row in list(self._matching(op.collection, op.filter)):
            rows.pop(row.document["_id"], None)
        return there


@documents(2, "T0", "replace merges the fields into those that are there")
class Merges(MemoryDocuments):
    async def replace(self, op: Replace, /) -> UpdateResult:
        row = self._first(op.collection, op.filter, None)
        if row is not None:
            op = replace(op, document={**copied(row.document), **op.document})
            op.document.pop("_id")
        return await super().replace(op)


@documents(3, "T1", "$lt and $lte match documents that lack the field")
class MissingIsLess(MemoryDocuments):
    def _matching(self, collection: str, condition: Filter) -> Any:
        return super()._matching(collection, _with_missing(condition))


def _with_missing(condition: Filter) -> Filter:
    match condition:
        case Compare(path, how, _) if how in (Comparison.LT, Comparison.LTE):
            return Any_((condition, Not(Exists(path))))
        case All(parts):
            return All(tuple(map(_with_missing, parts)))
        case Any_(parts):
            return Any_(tuple(map(_with_missing, parts)))
    return condition


@documents(4, "T1", "$inc adds in floating point: beyond 2**53 whole numbers are rounded")
class FloatingSums(MemoryDocuments):
    async def update(self, op: Update, /) -> UpdateResult:
        answer = await super().update(op)
        for change in op.changes:
            if change.kind is ChangeKind.INC and isinstance(change.value, int):
                for row in self._rows(op.collection).values():
                    held = at(row.document, change.path)
                    if isinstance(held, int) and abs(held) > 1 << 53:
                        put(row.document, change.path, int(float(held)) if held < 1 << 62 else held)
        return answer


@documents(5, "T1", "$set beyond the end of a list fills it up with nulls")
class PadsLists(MemoryDocuments):
    async def update(self, op: Update, /) -> UpdateResult:
        await self._turn()
        row = self._first(op.collection, op.filter, op.if_version)
        changes = op.changes if row is None else tuple(_padded(row.document, c) for c in op.changes)
        return await super().update(replace(op, changes=changes))


def _padded(document: dict[str, Any], change: Change) -> Change:
    holder = at(document, change.path[:-1])
    place = index(change.path[-1])
    if change.kind is not ChangeKind.SET or not isinstance(holder, list) or place is None:
        return change
    if place < len(holder):
        return change
    longer = [*copied(holder), *[None] * (place - len(holder)), change.value]
    return Change(ChangeKind.SET, change.path[:-1], longer)


@documents(6, "T1", "a replacement that is equal is written all the same, under a new version")
class WritesEqual(MemoryDocuments):
    async def replace(self, op: Replace, /) -> UpdateResult:
        await self._turn()
        row = self._first(op.collection, op.filter, op.if_version)
        if row is None:
            return await super().replace(op)
        document = {"_id": row.document["_id"], **copied(op.document)}
        return UpdateResult(1, 1, version=str(self._write(op.collection, document)))


@documents(7, "T1", "an order takes missing fields for null")
class MissingIsNull(MemoryDocuments):
    async def find(self, op: Find, /) -> DocumentPage:
        if not op.sort:
            return await super().find(op)
        await self._store.reading()
        found = []
        for row in self._matching(op.collection, op.filter):
            filled = copied(row.document)
            for key in op.sort:
                if len(key.path) == 1 and at(filled, key.path) is MISSING:
                    filled[key.path[0]] = None
            found.append(DocumentEntry(filled, str(row.version)))
        page = page_of(found, op.sort, op.cursor, op.limit)
        rows = self._rows(op.collection)
        items = tuple(
            DocumentEntry(copied(rows[item.document["_id"]].document), item.version)
            for item in page.items
        )
        return DocumentPage(items, page.cursor)


@documents(8, "T2", "an upsert looks, awaits, and inserts: two at once make two documents")
class UpsertsLate(MemoryDocuments):
    async def update(self, op: Update, /) -> UpdateResult:
        await self._turn()
        if op.upsert_id is None or self._first(op.collection, op.filter, op.if_version) is not None:
            return await super().update(op)
        await pause()
        await self._turn()
        return self._upsert(op.collection, upserted(op.filter, op.upsert_id, op.changes, None))


@documents(9, "T2", "pages of a search are found by counting: a deletion meanwhile skips one")
class PagesByCount(MemoryDocuments):
    async def find(self, op: Find, /) -> DocumentPage:
        start = int(op.cursor or 0)
        page = await super().find(replace(op, cursor=None, limit=start + op.limit))
        items = page.items[start:]
        more = page.cursor is not None
        return DocumentPage(items, str(start + len(items)) if more else None)


@documents(10, "T2", "update finds the document, awaits, and changes it though it matches no more")
class FindsThenChanges(_Joined):
    async def update(self, op: Update, /) -> UpdateResult:
        await self._turn()
        row = self._first(op.collection, op.filter, op.if_version)
        if row is None:
            return await super().update(op)
        await pause()
        named = Compare(("_id",), Comparison.EQ, row.document["_id"])
        return await super().update(replace(op, filter=named))


@documents(11, "T2", "count inside a transaction does not see what the transaction wrote")
class CountsOutside(_Joined):
    async def count(self, op: Count, /) -> int:
        return await MemoryDocuments(self._store, self._namespace).count(op)


@documents(12, "T2", "count outside a transaction sees what an open one wrote")
class CountsDirty(MemoryDocuments):
    async def count(self, op: Count, /) -> int:
        open_one = self._store._transaction
        if self._transaction is not None or open_one is None:
            return await super().count(op)
        await self._store.reading()
        dirty = MemoryDocuments(self._store, self._namespace, transaction=open_one)
        return sum(1 for _ in dirty._matching(op.collection, op.filter))


@documents(13, "T3", "a unique index is built in the background, and binds a little later")
class IndexesLater(MemoryDocuments):
    async def create_index(self, op: CreateIndex, /) -> None:
        await super().create_index(op)
        if op.unique:
            born = self._store.rows("index births")
            born.setdefault((op.collection, op.paths), self._store.clock.monotonic())

    def _check_unique(self, collection: str, document: dict[str, Any]) -> None:
        now = self._store.clock.monotonic()
        born = self._store.rows("index births")
        indexes = self._indexes(collection)
        young = {
            paths
            for paths in indexes
            if now - born.get((collection, paths), 0.0) < 0.05 and (collection, paths) in born
        }
        whole = dict(indexes)
        for paths in young:
            del indexes[paths]
        try:
            super()._check_unique(collection, document)
        finally:
            indexes.clear()
            indexes.update(whole)


@documents(14, "T3", "a slow insert is sent again, and refused for what it inserted itself")
class InsertsAgain(MemoryDocuments):
    async def insert(self, op: Insert, /) -> str:
        start = self._store.clock.monotonic()
        version = await super().insert(op)
        if self._store.clock.monotonic() - start > 0.2:
            return await super().insert(op)
        return version


@documents(15, "T3", "after a rollback the values it had in unique indexes stay taken")
class KeepsReservations(_Joined):
    def _check_unique(self, collection: str, document: dict[str, Any]) -> None:
        super()._check_unique(collection, document)
        taken = self._store.rows(("taken", self._namespace, collection))
        for paths, unique in self._indexes(collection).items():
            key = unique_key(document, paths) if unique else None
            if key is None:
                continue
            holder = taken.get((paths, key))
            if holder is not None and holder[1] is not self._transaction:
                raise AlreadyExistsError("a document has these values in a unique index")
            if self._transaction is not None:
                transaction = self._transaction
                taken[paths, key] = (document["_id"], transaction)
                transaction.afterwards(lambda place=(paths, key): taken.pop(place, None))  # type: ignore[misc]


@documents(16, "T3", "an update in an outage is answered as one that found nothing")
class UpdatesCalmly(MemoryDocuments):
    async def update(self, op: Update, /) -> UpdateResult:
        try:
            return await super().update(op)
        except UnavailableError:
            return UpdateResult(0, 0)


@documents(17, "T4", "the error of a unique index shows the values that are taken")
class ShowsTaken(MemoryDocuments):
    def _check_unique(self, collection: str, document: dict[str, Any]) -> None:
        try:
            super()._check_unique(collection, document)
        except AlreadyExistsError:
            raise AlreadyExistsError(f"E11000 duplicate key: dup key: {document!r}") from None


@documents(18, "T4", "unique indexes of all collections, tenants' too, are one")
class IndexesInCommon(MemoryDocuments):
    def _check_unique(self, collection: str, document: dict[str, Any]) -> None:
        super()._check_unique(collection, document)
        for paths, unique in self._indexes(collection).items():
            key = unique_key(document, paths) if unique else None
            if key is None:
                continue
            for other in self._collections():
                if self._indexes(other).get(paths) and other != collection:
                    self._check_other(other, paths, key)

    def _check_other(self, other: str, paths: Any, key: bytes) -> None:
        for row in self._rows(other).values():
            if unique_key(row.document, paths) == key:
                raise AlreadyExistsError("a document has these values in a unique index")

    def _collections(self) -> list[str]:
        tables: dict[Any, Rows] = self._store._tables
        return [
            name[2]
            for name in tables
            if isinstance(name, tuple) and name[:2] == ("documents", self._namespace)
        ]


@documents(19, "T4", "what is looked for is logged, values and all")
class LogsFilters(MemoryDocuments):
    async def find(self, op: Find, /) -> DocumentPage:
        _LOG.debug("find in %s: %r", op.collection, op.filter)
        return await super().find(op)
