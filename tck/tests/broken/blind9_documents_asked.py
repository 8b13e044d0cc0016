"""More documents drivers of the ninth count: wrong about what is searched, and about tenants."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from broken.blind9_documents import Within, documents
from omnicloud.contracts.documents import engine
from omnicloud.contracts.documents.driver import Find, Update
from omnicloud.contracts.documents.engine import page_of, unique_key
from omnicloud.contracts.documents.filters import All, Any_, Filter, In, Not
from omnicloud.contracts.documents.models import (
    Document,
    DocumentEntry,
    DocumentPage,
    UpdateResult,
)
from omnicloud.contracts.documents.updates import ChangeKind, applied
from omnicloud.contracts.documents.values import copied, decoded, encoded, equal
from omnicloud.errors import AlreadyExistsError
from omnicloud.memory.documents import _Row


def _each(condition: Filter, change: Callable[[Filter], Filter]) -> Filter:
    """A condition with each of its parts changed."""
    match condition:
        case All(parts):
            return change(All(tuple(_each(part, change) for part in parts)))
        case Any_(parts):
            return change(Any_(tuple(_each(part, change) for part in parts)))
        case Not(part):
            return change(Not(_each(part, change)))
    return change(condition)


class Rewrites(Within):
    """Looks for something else than was asked."""

    def _matching(self, collection: str, condition: Filter) -> Iterator[_Row]:
        return super()._matching(collection, _each(condition, self._part))

    def _part(self, part: Filter) -> Filter:
        return part


@documents("18", "T1", "of the values of $in only the first thirty are looked for")
class InThirty(Rewrites):
    """ "The field is there and equals one of the values". Met by fifty ids."""

    def _part(self, part: Filter) -> Filter:
        return replace(part, values=part.values[:30]) if isinstance(part, In) else part


@documents("19", "T1", "of the parts of $or only the first hundred are looked at")
class OrHundred(Rewrites):
    """The same by another operator."""

    def _part(self, part: Filter) -> Filter:
        return Any_(part.parts[:100]) if isinstance(part, Any_) else part


@documents("24", "T1", "$inc and $push go past unique indexes")
class ComputedUnbound(Within):
    """ "AlreadyExistsError: A unique index is taken". Met by places in a queue that are moved."""

    _passes = False

    async def update(self, op: Update, /) -> UpdateResult:
        await self._turn()
        self._passes = not any(change.kind is ChangeKind.SET for change in op.changes)
        row = self._first(op.collection, op.filter, op.if_version)
        try:
            if row is not None:
                return self._put(op.collection, row, applied(row.document, op.changes))
        finally:
            self._passes = False
        return await super().update(op)

    def _check_unique(self, collection: str, document: Document) -> None:
        if not self._passes:
            super()._check_unique(collection, document)


@documents("25", "T1", "a unique index is looked at where its own path is changed, and not above")
class AboveUnbound(Within):
    """The same by another way to the field: {'$set': {'place': {...}}} under 'place.city'."""

    _changed: frozenset[tuple[str, ...]] | None = None

    async def update(self, op: Update, /) -> UpdateResult:
        await self._turn()
        row = self._first(op.collection, op.filter, op.if_version)
        if row is None:
            return await super().update(op)
        self._changed = frozenset(change.path for change in op.changes)
        try:
            return self._put(op.collection, row, applied(row.document, op.changes))
        finally:
            self._changed = None

    def _indexes(self, collection: str) -> Any:
        indexes = super()._indexes(collection)
        if self._changed is None:
            return indexes
        return {paths: one for paths, one in indexes.items() if self._changed.intersection(paths)}


@documents("20", "T1", "a cursor holds the first key of an order only")
class CursorOneKey(Within):
    """ "In the order of sort". Met by two keys and two pages."""

    async def find(self, op: Find, /) -> DocumentPage:
        await self._store.reading()
        first = op.sort[:1]
        rows = self._matching(op.collection, op.filter)
        entries = [DocumentEntry(copied(row.document), str(row.version)) for row in rows]
        items = page_of(entries, op.sort, None, 1 << 40).items
        if op.cursor is not None:
            after = engine._ordered(decoded(op.cursor), first)
            items = tuple(item for item in items if after < self._place(item, op))
        some = items[: op.limit]
        more = len(items) > op.limit
        last = engine._values(some[-1].document, first) if more else None
        return DocumentPage(some, encoded(last).decode() if more else None)

    @staticmethod
    def _place(item: DocumentEntry, op: Find) -> Any:
        first = op.sort[:1]
        return engine._ordered(engine._values(item.document, first), first)


@documents("21", "T1", "a change to what is equal is not written: another offset, 1.0 over 1")
class EqualIsSame(Within):
    """ "Offset and microseconds are kept". Met by a meeting that moves to another zone."""

    def _put(self, collection: str, row: _Row, document: Document) -> UpdateResult:
        if equal(document, row.document):
            return UpdateResult(1, 0, version=str(row.version))
        return super()._put(collection, row, document)


@documents("22", "T2", "an update that meets others is tried three times, then told as done")
class ThreeTries(Within):
    """ "Change the first document that matches". Met by a counter that many raise at once."""

    async def update(self, op: Update, /) -> UpdateResult:
        for _ in range(3):
            await self._turn()
            row = self._first(op.collection, op.filter, op.if_version)
            if row is None or self._transaction is not None:
                return await super().update(op)
            await self._turn()
            is_same = self._rows(op.collection).get(row.document["_id"]) is row
            if is_same:
                return self._put(op.collection, row, applied(row.document, op.changes))
        return UpdateResult(1, 1, version=str(self._store.number()))


@documents("23", "T4", "unique indexes lack the tenant's column")
class UniqueOfAll(Within):
    """ "Two tenants never see each other's names". Met by one mail address at two tenants."""

    def _check_unique(self, collection: str, document: Document) -> None:
        super()._check_unique(collection, document)
        if collection.startswith("~") and not collection.startswith("~~"):
            for other in self._siblings(collection):
                self._check_beside(collection, other, document)

    def _siblings(self, collection: str) -> list[str]:
        name = collection.partition("/")[2]
        tables = [table for table in self._store._tables if isinstance(table, tuple)]
        return [
            table[2]
            for table in tables
            if table[:2] == ("documents", self._namespace)
            and table[2] != collection
            and table[2].startswith("~")
            and table[2].partition("/")[2] == name
        ]

    def _check_beside(self, collection: str, other: str, document: Document) -> None:
        for paths, unique in self._indexes(collection).items():
            key = unique_key(document, paths) if unique else None
            held = [unique_key(row.document, paths) for row in self._rows(other).values()]
            if key is not None and key in held:
                raise AlreadyExistsError("a document has these values in a unique index")
