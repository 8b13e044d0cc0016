"""documents drivers written against the contract alone, for a fifth count of what the kit finds."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

from broken.registry import broken
from omnicloud.contracts.documents.driver import Count, CreateIndex, Delete, Find, Insert, Update
from omnicloud.contracts.documents.engine import unique_key, upserted
from omnicloud.contracts.documents.filters import (
    All,
    Any_,
    Compare,
    Comparison,
    Exists,
    Filter,
    In,
    Not,
    matches,
)
from omnicloud.contracts.documents.models import (
    Document,
    DocumentEntry,
    DocumentPage,
    UpdateResult,
)
from omnicloud.contracts.documents.paths import MISSING, Path, at, index
from omnicloud.contracts.documents.updates import Change, ChangeKind, applied
from omnicloud.contracts.documents.values import copied, equal, rank
from omnicloud.errors import AlreadyExistsError, ConflictError, UnavailableError
from omnicloud.memory.documents import MemoryDocuments, _Row
from omnicloud.memory.store import Rows
from omnicloud_tck.documents import DocumentsContract


def documents(number: str, tier: str, summary: str) -> Any:
    return broken(f"BLIND5-DO-{number}", tier, summary, DocumentsContract)


class _Updates(MemoryDocuments):
    """Updates by a rule of its own."""

    def rule(self, document: Document, changes: tuple[Change, ...]) -> Document:
        raise AssertionError

    async def update(self, op: Update, /) -> UpdateResult:
        await self._turn()
        row = self._first(op.collection, op.filter, op.if_version)
        if row is None:
            return await super().update(op)
        return self._put(op.collection, row, self.rule(row.document, op.changes))


class _Sorts(MemoryDocuments):
    """Sorts by a rule of its own, and pages by the last ``_id``."""

    def place(self, value: Any) -> tuple[Any, ...]:
        raise AssertionError

    def _by(self, path: Path) -> Callable[[DocumentEntry], Any]:
        return lambda item: self.place(at(item.document, path))

    async def find(self, op: Find, /) -> DocumentPage:
        if not op.sort:
            return await super().find(op)
        whole = await super().find(Find(op.collection, op.filter, (), None, 1 << 30))
        items = sorted(whole.items, key=lambda item: str(item.document["_id"]))
        for key in reversed(op.sort):
            items.sort(key=self._by(key.path), reverse=key.descending)
        ids = [item.document["_id"] for item in items]
        start = ids.index(op.cursor) + 1 if op.cursor in ids else 0
        page = items[start : start + op.limit]
        more = len(items) > start + op.limit
        return DocumentPage(tuple(page), page[-1].document["_id"] if more else None)


def _rounded(document: Document, change: Change) -> Change:
    held = at(document, change.path)
    if change.kind is not ChangeKind.INC or not type(held) is type(change.value) is int:
        return change
    total = int(float(held) + float(change.value))
    return Change(ChangeKind.SET, change.path, total) if abs(total) < 1 << 63 else change


def _value(value: Any) -> Any:
    return value if 2 <= rank(value) <= 6 else 0


@documents("01", "T0", "count counts the whole collection")
class Estimates(MemoryDocuments):
    """ "How many documents match". Met by the first count with a filter."""

    async def count(self, op: Count, /) -> int:
        return await super().count(Count(op.collection))


@documents("02", "T0", "a delete deletes all that match")
class DeletesAll(MemoryDocuments):
    """ "Delete the first document that matches". Met by the first filter that matches two."""

    async def delete(self, op: Delete, /) -> bool:
        there = await super().delete(op)
        for row in list(self._matching(op.collection, op.filter)):
            del self._rows(op.collection)[row.document["_id"]]
        return there


@documents("03", "T1", "what has no value is sorted last")
class NullsLast(_Sorts):
    """ "ordered missing, null, bool, number". Met by sorting by an optional field."""

    def place(self, value: Any) -> tuple[Any, ...]:
        if value is MISSING or value is None:
            return (9 if value is None else 8, 0)
        return (rank(value), _value(value))


@documents("04", "T1", "$inc computes in doubles")
class IncInDoubles(_Updates):
    """ "int (signed 64 bit)". Met by sums of cents of a big house, or of nanoseconds."""

    def rule(self, document: Document, changes: tuple[Change, ...]) -> Document:
        return applied(document, tuple(_rounded(document, change) for change in changes))


@documents("05", "T1", "a $set beyond the end of a list fills it up with nulls")
class Pads(_Updates):
    """ "ConflictError: ... a list index that is not there". Met by any index one too large."""

    def rule(self, document: Document, changes: tuple[Change, ...]) -> Document:
        padded: Document = copied(document)
        for change in changes:
            holder, place = at(padded, change.path[:-1]), index(change.path[-1])
            if change.kind is ChangeKind.SET and isinstance(holder, list) and place is not None:
                holder.extend([None] * (place + 1 - len(holder)))
        return applied(padded, changes)


def _loosely(condition: Filter, document: Document) -> bool:
    match condition:
        case Compare(path, Comparison.EQ, value):
            found = at(document, path)
            inside = isinstance(found, list) and any(equal(item, value) for item in found)
            return inside or matches(condition, document)
        case All(parts):
            return all(_loosely(part, document) for part in parts)
        case Any_(parts):
            return any(_loosely(part, document) for part in parts)
        case Not(part):
            return not _loosely(part, document)
    return matches(condition, document)


@documents("06", "T1", "a list equals each of its elements")
class SearchesLists(MemoryDocuments):
    """ "A list matches as a whole; its elements are not searched". Met by a field of tags."""

    def _matching(self, collection: str, condition: Filter) -> Iterator[_Row]:
        rows = list(self._rows(collection).values())
        return (row for row in rows if _loosely(condition, row.document))


@documents("07", "T1", "datetimes are sorted as text")
class SortsText(_Sorts):
    """ "equal as instants". Met by documents that two time zones write."""

    def place(self, value: Any) -> tuple[Any, ...]:
        if value is MISSING:
            return (0, 0)
        text = value.isoformat() if isinstance(value, datetime) else _value(value)
        return (rank(value), text)


@documents("08", "T2", "an update that does not name an _id finds, then writes")
class FindsThenWrites(MemoryDocuments):
    """ "Finding and changing it are one step". Met by two workers with one queue."""

    async def update(self, op: Update, /) -> UpdateResult:
        await self._turn()
        row = self._first(op.collection, op.filter, op.if_version)
        if row is None or op.if_version is not None or _names_id(op.filter):
            return await super().update(op)
        await asyncio.sleep(0)
        await self._turn()
        return self._put(op.collection, row, applied(row.document, op.changes))


def _names_id(condition: Filter) -> bool:
    match condition:
        case Compare(("_id",)):
            return True
        case All(parts):
            return any(map(_names_id, parts))
    return False


@documents("09", "T2", "pages of a search are counted off")
class CountsOff(MemoryDocuments):
    """ "A document that matches during the whole search is in it once". Met by a job that
    deletes what it has done."""

    async def find(self, op: Find, /) -> DocumentPage:
        whole = await super().find(replace(op, cursor=None, limit=1 << 30))
        start = int(op.cursor or 0)
        stop = start + op.limit
        more = len(whole.items) > stop
        return DocumentPage(whole.items[start:stop], str(stop) if more else None)


@documents("10", "T2", "two who upsert at once both insert")
class UpsertsTwice(MemoryDocuments):
    """ "Finding and changing it are one step". Met by the first two visitors."""

    async def update(self, op: Update, /) -> UpdateResult:
        if op.upsert_id is not None and not _names_id(op.filter):
            await self._turn()
            if self._first(op.collection, op.filter, op.if_version) is None:
                made = upserted(op.filter, op.upsert_id, op.changes, None)
                await asyncio.sleep(0)
                await self._turn()
                return self._upsert(op.collection, made)
        return await super().update(op)


@documents("11", "T2", "a conditional delete looks, then deletes")
class LooksThenDeletes(MemoryDocuments):
    """ "if_version= is linearizable". Met by any writer between."""

    async def delete(self, op: Delete, /) -> bool:
        if op.if_version is not None:
            await self._turn()
            self._first(op.collection, op.filter, op.if_version)
            await asyncio.sleep(0)
        return await super().delete(replace(op, if_version=None))


@documents("12", "T3", "a server that is down counts 0")
class NoneWhenDown(MemoryDocuments):
    """ "a server that is down ... gives the right error class". Met by any outage."""

    async def count(self, op: Count, /) -> int:
        try:
            return await super().count(op)
        except UnavailableError:
            return 0


class _Marks(MemoryDocuments):
    async def insert(self, op: Insert, /) -> str:
        version = await super().insert(op)
        for paths, unique in self._indexes(op.collection).items():
            key = unique_key(op.document, paths) if unique else None
            if key is not None:
                taken = self._store.rows("taken")
                taken[self._namespace, op.collection, paths, key] = op.document["_id"]
        return version


@documents("13", "T3", "what a rolled back insert had taken in a unique index stays taken")
class StaysTaken(MemoryDocuments):
    """ "happen together ..., or not at all". Met by a sign-up that fails and is tried again."""

    def within(self, transaction: object, /) -> MemoryDocuments:
        joined = self._store.joined(transaction)
        return _Marks(self._store, self._namespace, transaction=joined)

    def _check_unique(self, collection: str, document: Document) -> None:
        super()._check_unique(collection, document)
        taken = self._store.rows("taken")
        for paths, unique in self._indexes(collection).items():
            key = unique_key(document, paths) if unique else None
            owner = taken.get((self._namespace, collection, paths, key))
            if owner is not None and owner != document["_id"]:
                raise AlreadyExistsError("a document has these values in a unique index")

    async def delete(self, op: Delete, /) -> bool:
        self._store.rows("taken").clear()
        return await super().delete(op)


class _OneCollection(MemoryDocuments):
    def _table(self, kind: str, collection: str) -> Rows:
        first = self._transaction.__dict__.setdefault("_wrong_first", collection)
        if collection != first:
            return self._store.rows((kind, self._namespace, collection))
        return super()._table(kind, collection)


@documents("14", "T3", "a transaction is one of its first collection only")
class OneCollection(MemoryDocuments):
    """ "happen together ..., or not at all". Met by an order and its items."""

    def within(self, transaction: object, /) -> MemoryDocuments:
        joined = self._store.joined(transaction)
        return _OneCollection(self._store, self._namespace, transaction=joined)


@documents("15", "T3", "a unique index that was refused is there all the same")
class StaysInvalid(MemoryDocuments):
    """ "Nothing was created". Met by the first try to make old data unique."""

    async def create_index(self, op: CreateIndex, /) -> None:
        try:
            await super().create_index(op)
        except ConflictError:
            self._indexes(op.collection).setdefault(op.paths, op.unique)
            raise


@documents("16", "T4", "the error of a unique index quotes the values")
class QuotesKeys(MemoryDocuments):
    """ "Neither payloads nor secrets enter an error". Met by any second e-mail address."""

    def _check_unique(self, collection: str, document: Document) -> None:
        try:
            super()._check_unique(collection, document)
        except AlreadyExistsError:
            values = [at(document, path) for paths in self._indexes(collection) for path in paths]
            raise AlreadyExistsError(f"duplicate key: {values} already exists") from None


def _bare(collection: str) -> str:
    return collection.partition("/")[2] if collection.startswith("~") else collection


@documents("17", "T4", "a unique index is one for all tenants")
class SharedIndex(MemoryDocuments):
    """ "share nothing with each other"; "two tenants never see each other's names". Met by one
    e-mail address at two tenants."""

    def _check_unique(self, collection: str, document: Document) -> None:
        super()._check_unique(collection, document)
        for paths, unique in self._indexes(collection).items():
            key = unique_key(document, paths) if unique else None
            for table, rows in list(self._store._tables.items()):
                if key is None or not isinstance(table, tuple) or table[0] != "documents":
                    continue
                other = table[2] != collection and _bare(table[2]) == _bare(collection)
                if other and any(unique_key(row.document, paths) == key for row in rows.values()):
                    raise AlreadyExistsError("a document has these values in a unique index")


def _trusting(condition: Filter) -> Filter:
    match condition:
        case In(path, values):
            dicts = [value for value in values if isinstance(value, dict)]
            operators = any(name.startswith("$") for value in dicts for name in value)
            return Exists(path) if operators else condition
        case All(parts):
            return All(tuple(map(_trusting, parts)))
        case Any_(parts):
            return Any_(tuple(map(_trusting, parts)))
        case Not(part):
            return Not(_trusting(part))
    return condition


@documents("18", "T4", "an operator in a value of $in is taken for one")
class TrustsLists(MemoryDocuments):
    """ "a value is never taken for an operator further down". Met by $in over what users sent."""

    def _matching(self, collection: str, condition: Filter) -> Iterator[_Row]:
        return super()._matching(collection, _trusting(condition))
