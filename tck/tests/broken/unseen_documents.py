"""documents drivers that are wrong in ways which were written before the laws were looked at."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from broken.registry import broken
from broken.unseen_common import came_back, later, pause, rootless
from omnicloud.contracts.documents.driver import CreateIndex, Delete, Find, Insert, Replace, Update
from omnicloud.contracts.documents.engine import unique_key
from omnicloud.contracts.documents.filters import (
    All,
    Any_,
    Compare,
    Comparison,
    Filter,
    In,
    Not,
    equalities,
    matches,
)
from omnicloud.contracts.documents.models import Document, DocumentEntry, DocumentPage, UpdateResult
from omnicloud.contracts.documents.paths import MISSING, at, put
from omnicloud.contracts.documents.updates import Change, ChangeKind
from omnicloud.contracts.documents.values import copied
from omnicloud.errors import AlreadyExistsError
from omnicloud.memory.documents import MemoryDocuments, _Row
from omnicloud.memory.store import Rows
from omnicloud_tck.documents import DocumentsContract


def documents(id_: str, tier: str, summary: str) -> Any:
    return broken(id_, tier, summary, DocumentsContract)


class _OtherMatch(MemoryDocuments):
    """Finds by another meaning of filters."""

    def _matching(self, collection: str, condition: Filter) -> Iterator[_Row]:
        rows = self._rows(collection).values()
        return (row for row in rows if self.fits(condition, row.document))

    def fits(self, condition: Filter, document: Document) -> bool:
        match condition:
            case All(parts):
                return all(self.fits(part, document) for part in parts)
            case Any_(parts):
                return any(self.fits(part, document) for part in parts)
            case Not(part):
                return not self.fits(part, document)
        return matches(condition, document)


def _stored(change: Callable[[Any], Any]) -> dict[str, Any]:
    def through(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: through(item) for key, item in value.items()}
        return [through(item) for item in value] if isinstance(value, list) else change(value)

    async def insert(self: Any, op: Insert, /) -> str:
        return await MemoryDocuments.insert(self, replace(op, document=through(op.document)))

    return {"insert": insert}


def _double(value: Any) -> Any:
    return int(float(value)) if type(value) is int and abs(value) > 1 << 53 else value


documents("U-DO-01", "T1", "integers beyond 53 bits go through a double")(
    type("Doubles", (MemoryDocuments,), _stored(_double))
)


@documents("U-DO-02", "T1", "$in with null matches what is missing")
class NullIsMissing(_OtherMatch):
    def fits(self, condition: Filter, document: Document) -> bool:
        if isinstance(condition, In) and at(document, condition.path) is MISSING:
            return None in condition.values
        return super().fits(condition, document)


@documents("U-DO-03", "T1", "the opposite of a comparison does not match what is missing")
class ThreeValued(_OtherMatch):
    def fits(self, condition: Filter, document: Document) -> bool:
        part = condition.part if isinstance(condition, Not) else None
        if isinstance(part, Compare) and at(document, part.path) is MISSING:
            return part.how is Comparison.EQ
        return super().fits(condition, document)


@documents("U-DO-04", "T1", "spaces at the end of text do not count when it is compared")
class Padded(_OtherMatch):
    def fits(self, condition: Filter, document: Document) -> bool:
        if isinstance(condition, Compare) and isinstance(condition.value, str):
            found = at(document, condition.path)
            if isinstance(found, str) and condition.path != ("_id",):
                bare = replace(condition, value=condition.value.rstrip(" "))
                copy = copied(document)
                put(copy, condition.path, found.rstrip(" "))
                return matches(bare, copy)
        return super().fits(condition, document)


class _OtherChange(MemoryDocuments):
    async def update(self, op: Update, /) -> UpdateResult:
        return await super().update(replace(op, changes=self.changed(op.changes)))

    def changed(self, changes: tuple[Change, ...]) -> tuple[Change, ...]:
        return changes


@documents("U-DO-05", "T1", "a list that is pushed is spread into its elements")
class Spreads(_OtherChange):
    def changed(self, changes: tuple[Change, ...]) -> tuple[Change, ...]:
        return tuple(
            part
            for change in changes
            for part in (
                [replace(change, value=item) for item in change.value]
                if change.kind is ChangeKind.PUSH and isinstance(change.value, list)
                else [change]
            )
        )


@documents("U-DO-06", "T1", "unsetting a nested field that is missing makes the dicts above it")
class MakesParents(MemoryDocuments):
    async def update(self, op: Update, /) -> UpdateResult:
        parents = [
            Change(ChangeKind.SET, change.path[:-1], {})
            for change in op.changes
            if change.kind is ChangeKind.UNSET and len(change.path) > 1
        ]
        found = await self.find(Find(op.collection, op.filter, limit=1))
        for entry in found.items:
            parents = [each for each in parents if at(entry.document, each.path) is MISSING]
        return await super().update(replace(op, changes=(*parents, *op.changes)))


@documents("U-DO-07", "T1", "an upsert takes the outermost equalities only")
class ShallowUpsert(MemoryDocuments):
    async def update(self, op: Update, /) -> UpdateResult:
        result = await super().update(op)
        if result.upserted_id is not None and isinstance(op.filter, All):
            deep = [part for part in op.filter.parts if isinstance(part, All)]
            row = self._rows(op.collection)[result.upserted_id]
            document = copied(row.document)
            for part in deep:
                for path in equalities(part):
                    if len(path) == 1 and path != ("_id",):
                        document.pop(path[0], None)
            self._rows(op.collection)[result.upserted_id] = replace(row, document=document)
        return result


@documents("U-DO-08", "T1", "a replacement that changes nothing has a new version")
class AlwaysNew(MemoryDocuments):
    async def replace(self, op: Replace, /) -> UpdateResult:
        result = await super().replace(op)
        if result.matched and not result.modified:
            row = self._first(op.collection, op.filter, None)
            assert row is not None
            version = self._write(op.collection, row.document)
            return UpdateResult(1, 1, version=str(version))
        return result


@documents("U-DO-09", "T1", "a replacement keeps the nested fields that it does not name")
class Merges(MemoryDocuments):
    async def replace(self, op: Replace, /) -> UpdateResult:
        found = await self.find(Find(op.collection, op.filter, limit=1))
        for entry in found.items:
            merged = {
                key: {**entry.document[key], **value}
                if isinstance(value, dict) and isinstance(entry.document.get(key), dict)
                else value
                for key, value in op.document.items()
            }
            op = replace(op, document=merged)
        return await super().replace(op)


@documents("U-DO-10", "T1", "where a descending sort leaves a choice, _id descends too")
class DescendingIds(MemoryDocuments):
    async def find(self, op: Find, /) -> DocumentPage:
        if not op.sort or not all(key.descending for key in op.sort):
            return await super().find(op)
        start = int(op.cursor or 0)
        up = tuple(replace(key, descending=False) for key in op.sort)
        page = await super().find(replace(op, sort=up, cursor=None, limit=1_000_000))
        items = page.items[::-1]
        end = start + op.limit
        return DocumentPage(items[start:end], str(end) if end < len(items) else None)


@documents("U-DO-11", "T2", "pages are counted from the start: a deletion makes one be left out")
class Offsets(MemoryDocuments):
    async def find(self, op: Find, /) -> DocumentPage:
        start = int(op.cursor or 0)
        page = await super().find(replace(op, cursor=None, limit=1_000_000))
        end = start + op.limit
        return DocumentPage(page.items[start:end], str(end) if end < len(page.items) else None)


@documents("U-DO-12", "T2", "changes take turns within a client only: two clients lose some")
class TurnsPerClient(MemoryDocuments):
    async def update(self, op: Update, /) -> UpdateResult:
        async with self.__dict__.setdefault("_lock", asyncio.Lock()):
            await self._turn()
            row = self._first(op.collection, op.filter, op.if_version)
            await pause()
            if row is not None and op.if_version is None:
                self._rows(op.collection)[row.document["_id"]] = row
            return await super().update(op)


@documents("U-DO-13", "T1", "a unique index does not bind replacements")
class FreeReplacements(MemoryDocuments):
    async def replace(self, op: Replace, /) -> UpdateResult:
        indexes = dict(self._indexes(op.collection))
        await self._turn()
        self._indexes(op.collection).clear()
        try:
            row = self._first(op.collection, op.filter, op.if_version)
            if row is None:
                return await super().replace(op)
            document = {"_id": row.document["_id"], **copied(op.document)}
            return self._put(op.collection, row, document)
        finally:
            self._indexes(op.collection).update(indexes)


@documents("U-DO-14", "T2", "upserts at once do not see each other's unique fields")
class RacingUpserts(MemoryDocuments):
    async def update(self, op: Update, /) -> UpdateResult:
        await self._turn()
        if op.upsert_id is None or self._first(op.collection, op.filter, None) is not None:
            return await super().update(op)
        before = dict(self._rows(op.collection))
        await pause()
        added = {k: v for k, v in self._rows(op.collection).items() if k not in before}
        for key in added:
            del self._rows(op.collection)[key]
        await self._turn()
        try:
            return await super().update(op)
        finally:
            self._rows(op.collection).update(added)


@documents("U-DO-15", "T3", "a cancelled insert still happens, half a second later")
class GhostInsert(MemoryDocuments):
    async def insert(self, op: Insert, /) -> str:
        try:
            await pause()
            return await super().insert(op)
        except asyncio.CancelledError:
            later(self._store, 0.5, lambda: MemoryDocuments.insert(self, op))
            raise


@documents("U-DO-16", "T3", "an outage makes the server forget that an index is unique")
class ForgetsUnique(MemoryDocuments):
    async def insert(self, op: Insert, /) -> str:
        if came_back(self._store, self._store.__dict__.setdefault("_seen", {})):
            self._indexes(op.collection).clear()
        return await super().insert(op)


@documents("U-DO-17", "T4", "a unique index binds all tenants together")
class SharedUnique(MemoryDocuments):
    def _check_unique(self, collection: str, document: Document) -> None:
        super()._check_unique(collection, document)
        for table, rows in list(self._store._tables.items()):
            kind, _, name = table if isinstance(table, tuple) else ("", "", "")
            if (
                kind == "documents"
                and name != collection
                and rootless(name) == rootless(collection)
            ):
                self._check_against(rows, collection, document)

    def _check_against(self, rows: Rows, collection: str, document: Document) -> None:
        for paths, unique in self._indexes(collection).items():
            key = unique_key(document, paths) if unique else None
            taken = {unique_key(row.document, paths) for row in rows.values()}
            if key is not None and key in taken:
                raise AlreadyExistsError("taken")


@documents("U-DO-18", "T4", "the error of a unique index quotes the values")
class Quotes(MemoryDocuments):
    def _check_unique(self, collection: str, document: Document) -> None:
        try:
            super()._check_unique(collection, document)
        except AlreadyExistsError:
            raise AlreadyExistsError(f"Key {document!r} already exists") from None


@documents("U-DO-19", "T1", "versions are counted per document and begin again after a delete")
class CountsAnew(MemoryDocuments):
    def _write(self, collection: str, document: Document) -> int:
        old = self._rows(collection).get(document["_id"])
        super()._write(collection, document)
        version = 1 if old is None else old.version + 1
        self._rows(collection)[document["_id"]] = _Row(document, version)
        return version


@documents("U-DO-20", "T0", "a filter of more than one field is met by any of them")
class AnyField(_OtherMatch):
    def fits(self, condition: Filter, document: Document) -> bool:
        if isinstance(condition, All) and condition.parts:
            return any(self.fits(part, document) for part in condition.parts)
        return super().fits(condition, document)


@documents("U-DO-21", "T1", "a list matches where one of its elements does")
class SearchesLists(_OtherMatch):
    def fits(self, condition: Filter, document: Document) -> bool:
        if isinstance(condition, Compare) and isinstance(at(document, condition.path), list):
            for item in at(document, condition.path):
                copy = copied(document)
                put(copy, condition.path, item)
                if matches(condition, copy):
                    return True
        return super().fits(condition, document)


@documents("U-DO-22", "T2", "a transaction sees what others commit meanwhile")
class ReadCommitted(MemoryDocuments):
    def within(self, transaction: object, /) -> MemoryDocuments:
        inner = super().within(transaction)
        return _OutsideCount(inner._store, inner._namespace, transaction=inner._transaction)


class _OutsideCount(MemoryDocuments):
    async def find(self, op: Find, /) -> DocumentPage:
        page = await super().find(op)
        if op.cursor is None and not page.items:
            return await MemoryDocuments(self._store, self._namespace).find(op)
        return page


@documents("U-DO-23", "T1", "deleting by a filter that names no _id deletes the newest match")
class DeletesNewest(MemoryDocuments):
    async def delete(self, op: Delete, /) -> bool:
        await self._turn()
        found = list(self._matching(op.collection, op.filter))
        if len(found) > 1 and op.if_version is None:
            newest = max(found, key=lambda row: row.version)
            op = Delete(op.collection, Compare(("_id",), Comparison.EQ, newest.document["_id"]))
        return await super().delete(op)


@documents("U-DO-24", "T2", "what find answers is shared with the next reader")
class SharedAnswers(MemoryDocuments):
    async def find(self, op: Find, /) -> DocumentPage:
        page = await super().find(op)
        held = self._store.rows("answers")
        shared = [
            DocumentEntry(held.setdefault((op.collection, i.version), i.document), i.version)
            for i in page.items
        ]
        return DocumentPage(tuple(shared), page.cursor)


@documents("U-DO-25", "T3", "an index that was refused is kept all the same")
class KeptIndex(MemoryDocuments):
    async def create_index(self, op: CreateIndex, /) -> None:
        try:
            await super().create_index(op)
        except Exception:
            self._indexes(op.collection)[op.paths] = op.unique
            raise


@documents("U-DO-26", "T3", "what is written after a transaction has ended is written outside it")
class AfterTheEnd(MemoryDocuments):
    def within(self, transaction: object, /) -> MemoryDocuments:
        inner = super().within(transaction)
        return _Outliving(inner._store, inner._namespace, transaction=inner._transaction)


class _Outliving(MemoryDocuments):
    async def insert(self, op: Insert, /) -> str:
        assert self._transaction is not None
        if self._transaction._end.is_set():
            return await MemoryDocuments(self._store, self._namespace).insert(op)
        return await super().insert(op)
