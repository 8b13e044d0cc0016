"""documents drivers that are wrong on purpose."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from broken.common import Verbs, wrong_in_common
from broken.registry import broken
from omnicloud.contracts.documents.driver import (
    Count,
    CreateIndex,
    Delete,
    Find,
    Insert,
    Replace,
    Update,
)
from omnicloud.contracts.documents.filters import (
    Compare,
    Filter,
    In,
    leaves,
    read_filter,
    where,
)
from omnicloud.contracts.documents.models import (
    Document,
    DocumentEntry,
    DocumentPage,
    DocumentsLimits,
    UpdateResult,
)
from omnicloud.contracts.documents.updates import ChangeKind, applied
from omnicloud.errors import AlreadyExistsError, ConflictError
from omnicloud.memory.documents import MemoryDocuments, _Row
from omnicloud.memory.store import MemoryTransaction
from omnicloud_tck.documents import DocumentsContract


def documents(id_: str, tier: str, summary: str) -> Any:
    return broken(id_, tier, summary, DocumentsContract)


def _renamed(op: Any, how: Any) -> Any:
    """A request whose collection and ``_id`` are renamed."""
    named = next((leaf for leaf in leaves(op.filter) if leaf.path == ("_id",)), None)
    condition = where(_id=how(named.value)) if isinstance(named, Compare) else op.filter
    more = {}
    if getattr(op, "upsert_id", None) is not None:
        more["upsert_id"] = how(op.upsert_id)
    return replace(op, collection=how(op.collection), filter=condition, **more)


def _changed(op: Replace, how: Any) -> Replace:
    payload = op.document.get("payload")
    if not isinstance(payload, bytes):
        return op
    return replace(op, document={**op.document, "payload": how(payload)})


wrong_in_common(
    "DO",
    DocumentsContract,
    MemoryDocuments,
    Verbs("replace", "find", "delete", _renamed, _changed, DocumentPage(())),
)


@documents("DO01", "T0", "update is a no-op")
class UpdatesNothing(MemoryDocuments):
    async def update(self, op: Update, /) -> UpdateResult:
        return UpdateResult(1, 1)


@documents("DO02", "T0", "find ignores the filter")
class IgnoresFilter(MemoryDocuments):
    async def find(self, op: Find, /) -> DocumentPage:
        return await super().find(replace(op, filter=where()))


@documents("DO03", "T1", "an update replaces the document")
class UpdateReplaces(MemoryDocuments):
    def _put(self, collection: str, row: _Row, document: Document) -> UpdateResult:
        old = row.document
        kept = {n: v for n, v in document.items() if n == "_id" or old.get(n) != v}
        return super()._put(collection, row, kept)


@documents("DO04", "T1", "an update changes every document that matches")
class UpdatesAll(MemoryDocuments):
    async def update(self, op: Update, /) -> UpdateResult:
        rows = list(self._matching(op.collection, op.filter))
        result = await super().update(op)
        for row in rows[1:]:
            super()._put(op.collection, row, applied(row.document, op.changes))
        return result


@documents("DO05", "T1", "an update changes the last document that matches")
class UpdatesLast(MemoryDocuments):
    def _first(self, collection: str, condition: Filter, version: str | None) -> _Row | None:
        super()._first(collection, condition, version)
        rows = self._matching(collection, condition)
        return max(rows, key=lambda row: str(row.document["_id"]), default=None)


@documents("DO06", "T1", "inserting an _id again overwrites")
class InsertOverwrites(MemoryDocuments):
    def _insert(self, collection: str, document: Document) -> int:
        return self._write(collection, document)


@documents("DO07", "T1", "delete deletes every document that matches")
class DeletesAll(MemoryDocuments):
    async def delete(self, op: Delete, /) -> bool:
        rows = list(self._matching(op.collection, op.filter))
        deleted = await super().delete(op)
        for row in rows:
            self._rows(op.collection).pop(row.document["_id"], None)
        return deleted


@documents("DO08", "T0", "delete is a no-op")
class DeletesNothing(MemoryDocuments):
    async def delete(self, op: Delete, /) -> bool:
        return self._first(op.collection, op.filter, op.if_version) is not None


@documents("DO09", "T1", "count counts the collection")
class CountsAll(MemoryDocuments):
    async def count(self, op: Count, /) -> int:
        return await super().count(Count(op.collection))


def _without(kind: ChangeKind) -> Any:
    class Ignores(MemoryDocuments):
        async def update(self, op: Update, /) -> UpdateResult:
            changes = tuple(change for change in op.changes if change.kind is not kind)
            return await super().update(replace(op, changes=changes))

    return Ignores


for _number, _kind in enumerate((ChangeKind.UNSET, ChangeKind.INC, ChangeKind.PUSH)):
    documents(f"DO15{'abc'[_number]}", "T1", f"{_kind.value} is ignored")(_without(_kind))


@documents("DO16", "T1", "a failing update leaves its first changes")
class HalfUpdate(MemoryDocuments):
    async def update(self, op: Update, /) -> UpdateResult:
        done = UpdateResult(0, 0)
        for change in sorted(op.changes, key=lambda change: change.kind is not ChangeKind.SET):
            done = await super().update(replace(op, changes=(change,), if_version=None))
        return done


@documents("DO17", "T2", "find answers the stored object itself")
class AnswersStored(MemoryDocuments):
    async def find(self, op: Find, /) -> DocumentPage:
        page = await super().find(op)
        rows = self._rows(op.collection)
        items = tuple(
            DocumentEntry(rows[item.document["_id"]].document, item.version) for item in page.items
        )
        return DocumentPage(items, page.cursor)


@documents("DO17b", "T2", "find answers a shallow copy")
class AnswersShallow(MemoryDocuments):
    async def find(self, op: Find, /) -> DocumentPage:
        page = await super().find(op)
        rows = self._rows(op.collection)
        items = tuple(
            DocumentEntry(dict(rows[item.document["_id"]].document), item.version)
            for item in page.items
        )
        return DocumentPage(items, page.cursor)


@documents("DO18", "T2", "insert keeps the caller's dict")
class KeepsGiven(MemoryDocuments):
    async def insert(self, op: Insert, /) -> str:
        await self._turn()
        return str(self._insert(op.collection, op.document))


@documents("DO20", "T2", "collections share one namespace")
class OneNamespace(MemoryDocuments):
    def _rows(self, collection: str) -> Any:
        return super()._rows("all")


@documents("DO20b", "T4", "collection and _id are joined by ::")
class JoinedNames(MemoryDocuments):
    async def insert(self, op: Insert, /) -> str:
        taken = self._store.__dict__.setdefault("_joined", set())
        joined = f"{op.collection}::{op.document['_id']}"
        if joined in taken:
            raise AlreadyExistsError("taken")
        taken.add(joined)
        return await super().insert(op)


@documents("DO21", "T4", "a value that looks like an operator is one")
class Injectable(MemoryDocuments):
    def _matching(self, collection: str, condition: Filter) -> Iterator[_Row]:
        return super()._matching(collection, _operators(condition))


def _operators(condition: Filter) -> Filter:
    parts = [leaf for leaf in leaves(condition) if isinstance(leaf, Compare)]
    if any(isinstance(leaf.value, dict) and str(leaf.value)[:3] == "{'$" for leaf in parts):
        try:
            return read_filter({".".join(leaf.path): leaf.value for leaf in parts})
        except ValueError:
            return condition
    return condition


@documents("DO22", "T2", "insert looks, awaits, then writes")
class InsertRaces(MemoryDocuments):
    async def insert(self, op: Insert, /) -> str:
        await self._turn()
        if op.document["_id"] in self._rows(op.collection):
            raise AlreadyExistsError("taken")
        await asyncio.sleep(0)
        await self._turn()
        self._check_unique(op.collection, op.document)
        version = self._store.number()
        self._rows(op.collection)[op.document["_id"]] = _Row(dict(op.document), version)
        return str(version)


@documents("DO23", "T2", "an update reads, awaits, then writes")
class UpdateRaces(MemoryDocuments):
    async def update(self, op: Update, /) -> UpdateResult:
        await self._turn()
        row = self._first(op.collection, op.filter, op.if_version)
        await asyncio.sleep(0)
        if row is None:
            return await super().update(op)
        return self._put(op.collection, row, applied(row.document, op.changes))


def _matching_wrongly(id_: str, summary: str, how: Any) -> None:
    class Wrong(MemoryDocuments):
        def _matching(self, collection: str, condition: Filter) -> Iterator[_Row]:
            return how(super()._matching, self._rows(collection).values(), collection, condition)

    documents(id_, "T1", summary)(Wrong)


def _null_is_missing(right: Any, rows: Any, collection: str, condition: Filter) -> Any:
    if isinstance(condition, Compare) and condition.value is None:
        return iter([row for row in rows if row.document.get(condition.path[0]) is None])
    return right(collection, condition)


def _falsy_are_one(right: Any, rows: Any, collection: str, condition: Filter) -> Any:
    if isinstance(condition, Compare) and not condition.value and len(condition.path) == 1:
        return iter([row for row in rows if not row.document.get(condition.path[0])])
    return right(collection, condition)


def _empty_in_is_all(right: Any, rows: Any, collection: str, condition: Filter) -> Any:
    if isinstance(condition, In) and not condition.values:
        return iter(list(rows))
    return right(collection, condition)


def _bool_is_number(right: Any, rows: Any, collection: str, condition: Filter) -> Any:
    if isinstance(condition, Compare) and isinstance(condition.value, bool | int):
        path, value = condition.path[0], condition.value
        if len(condition.path) == 1 and condition.how.value == "$eq":
            return iter([row for row in rows if row.document.get(path) == value])
    return right(collection, condition)


def _text_without_case(right: Any, rows: Any, collection: str, condition: Filter) -> Any:
    if isinstance(condition, Compare) and condition.value == "a" and condition.how == "$lt":
        return iter([r for r in rows if str(r.document.get("v", "~")).lower() < "a"])
    return right(collection, condition)


_matching_wrongly("XDO04", "null and missing are one", _null_is_missing)
_matching_wrongly("XDO04b", "null, missing, 0 and empty are one", _falsy_are_one)
_matching_wrongly("XDO05", "in with an empty list matches everything", _empty_in_is_all)
_matching_wrongly("XDO08", "True is 1", _bool_is_number)
_matching_wrongly("XDO09", "text is ordered without case", _text_without_case)


def _stored_wrongly(id_: str, summary: str, how: Any) -> None:
    class Wrong(MemoryDocuments):
        async def insert(self, op: Insert, /) -> str:
            return await super().insert(replace(op, document=_walked(op.document, how)))

    documents(id_, "T1", summary)(Wrong)


def _walked(value: Any, how: Any) -> Any:
    if isinstance(value, dict):
        return {key: _walked(item, how) for key, item in value.items()}
    if isinstance(value, list):
        return [_walked(item, how) for item in value]
    return how(value)


def _is_time(value: Any) -> bool:
    return isinstance(value, datetime)


_stored_wrongly(
    "XDO06", "datetimes lose microseconds", lambda v: v.replace(microsecond=0) if _is_time(v) else v
)
_stored_wrongly(
    "XDO06b", "datetimes lose offsets", lambda v: v.astimezone(UTC) if _is_time(v) else v
)
_stored_wrongly(
    "XDO06c",
    "datetimes lose the half millisecond",
    lambda v: v.replace(microsecond=v.microsecond // 1000 * 1000) if _is_time(v) else v,
)
_stored_wrongly("XDO10", "whole floats become ints", lambda v: int(v) if v == 1.0 else v)
_stored_wrongly(
    "XDO11",
    "ints become floats",
    lambda v: int(float(v)) if type(v) is int and v < 1e17 else v,
)
_stored_wrongly("XDO12", "bytes become text", lambda v: v.decode("latin-1") if v == b"" else v)


@documents("XDO07", "T2", "a unique index is not enforced between concurrent writers")
class UniqueRaces(MemoryDocuments):
    async def insert(self, op: Insert, /) -> str:
        await self._turn()
        self._check_unique(op.collection, op.document)
        if op.document["_id"] in self._rows(op.collection):
            raise AlreadyExistsError("taken")
        await asyncio.sleep(0)
        version = self._store.number()
        self._rows(op.collection)[op.document["_id"]] = _Row(dict(op.document), version)
        return str(version)


@documents("XDO13", "T1", "a unique index is not enforced by updates")
class UniqueOnlyInserts(MemoryDocuments):
    def _put(self, collection: str, row: _Row, document: Document) -> UpdateResult:
        version = self._store.number()
        self._rows(collection)[document["_id"]] = _Row(document, version)
        return UpdateResult(1, 1, version=str(version))


@documents("XDO14", "T1", "a unique index is made over documents that are not unique")
class IndexOverDuplicates(MemoryDocuments):
    async def create_index(self, op: CreateIndex, /) -> None:
        await self._turn()
        self._indexes(op.collection)[op.paths] = op.unique


@documents("XDO15", "T1", "if_version is ignored by updates")
class IgnoresVersion(MemoryDocuments):
    async def update(self, op: Update, /) -> UpdateResult:
        return await super().update(replace(op, if_version=None))


@documents("XDO16", "T1", "if_version is ignored by deletes")
class DeleteIgnoresVersion(MemoryDocuments):
    async def delete(self, op: Delete, /) -> bool:
        return await super().delete(replace(op, if_version=None))


@documents("XDO17", "T1", "versions are counted per document")
class CountsPerDocument(MemoryDocuments):
    def _write(self, collection: str, document: Document) -> int:
        before = self._rows(collection).get(document["_id"])
        super()._write(collection, document)
        version = before.version + 1 if before else 1
        self._rows(collection)[document["_id"]] = _Row(document, version)
        return version


@documents("XDO18", "T2", "a compare-and-set checks, awaits, then writes")
class CasRaces(MemoryDocuments):
    async def update(self, op: Update, /) -> UpdateResult:
        await self._turn()
        self._first(op.collection, op.filter, op.if_version)
        await asyncio.sleep(0)
        return await super().update(replace(op, if_version=None))


class _AtOnce(MemoryDocuments):
    def _table(self, kind: str, collection: str) -> Any:
        return self._store.rows((kind, self._namespace, collection))


@documents("XDO19", "T2", "a transaction writes at once")
class WritesAtOnce(MemoryDocuments):
    def within(self, transaction: object, /) -> MemoryDocuments:
        return _AtOnce(self._store, self._namespace, transaction=self._store.joined(transaction))


@documents("XDO20", "T2", "a rollback commits")
class RollbackCommits(MemoryDocuments):
    async def begin(self, op: Any, /) -> MemoryTransaction:
        transaction = await super().begin(op)
        transaction.rollback = transaction.commit  # type: ignore[method-assign]
        return transaction


@documents("XDO21", "T1", "pages skip after a delete: the cursor is a number of documents")
class PagesByOffset(MemoryDocuments):
    async def find(self, op: Find, /) -> DocumentPage:
        skip = int(op.cursor or 0)
        items = (await super().find(replace(op, cursor=None, limit=10_000))).items
        cut = skip + op.limit
        return DocumentPage(items[skip:cut], str(cut) if len(items) > cut else None)


@documents("XDO22", "T1", "only the first page is answered")
class OnePage(MemoryDocuments):
    async def find(self, op: Find, /) -> DocumentPage:
        return DocumentPage((await super().find(op)).items)


@documents("XDO23", "T1", "the direction of a sort is ignored")
class SortsUp(MemoryDocuments):
    async def find(self, op: Find, /) -> DocumentPage:
        sort = tuple(replace(key, descending=False) for key in op.sort)
        return await super().find(replace(op, sort=sort))


@documents("XDO24", "T1", "an upsert forgets what the filter says")
class UpsertForgets(MemoryDocuments):
    def _upsert(self, collection: str, document: Document) -> UpdateResult:
        return super()._upsert(collection, {k: v for k, v in document.items() if k != "kind"})


@documents("XDO25", "T1", "an update without a match inserts")
class AlwaysUpserts(MemoryDocuments):
    async def update(self, op: Update, /) -> UpdateResult:
        return await super().update(replace(op, upsert_id=op.upsert_id or "made"))


@documents("XDO26", "T1", "long documents are cut")
class CutsLong(MemoryDocuments):
    async def insert(self, op: Insert, /) -> str:
        cut = {k: v[: 1 << 20] if isinstance(v, str) else v for k, v in op.document.items()}
        return await super().insert(replace(op, document=cut))


@documents("XDO27", "T1", "an update may exceed the limit")
class GrowsOverLimit(MemoryDocuments):
    @property
    def limits(self) -> DocumentsLimits:
        return DocumentsLimits(document_max_bytes=1000)

    def _write(self, collection: str, document: Document) -> int:
        version = self._store.number()
        self._rows(collection)[document["_id"]] = _Row(document, version)
        return version


@documents("XDO28", "T1", "no document can hold bytes")
class NoBytes(MemoryDocuments):
    async def update(self, op: Update, /) -> UpdateResult:
        if any(isinstance(change.value, bytes) for change in op.changes):
            raise ConflictError("no bytes")
        return await super().update(op)
