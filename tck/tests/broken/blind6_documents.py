"""Documents drivers as third parties wrote them, made without a look at the laws."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
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
from omnicloud.contracts.documents.engine import upserted
from omnicloud.contracts.documents.filters import (
    All,
    Any_,
    Compare,
    Filter,
    In,
    Not,
    leaves,
    matches,
)
from omnicloud.contracts.documents.models import (
    Document,
    DocumentEntry,
    DocumentPage,
    UpdateResult,
)
from omnicloud.contracts.documents.paths import MISSING, at
from omnicloud.contracts.documents.updates import Change, ChangeKind, applied
from omnicloud.contracts.documents.values import copied, rank
from omnicloud.errors import AlreadyExistsError, ConflictError, UnavailableError
from omnicloud.memory.documents import MemoryDocuments
from omnicloud.memory.store import MemoryTransaction, Rows
from omnicloud_tck.documents import DocumentsContract

_ENFORCED_AFTER = 0.2
_QUOTES = frozenset("'\"")


def documents(id_: str, tier: str, summary: str) -> Any:
    return broken(id_, tier, summary, DocumentsContract)


def asked(condition: Filter, of: Callable[[Any], Any]) -> Filter:
    """The condition with its values made other ones."""
    match condition:
        case Compare(path, how, value):
            return Compare(path, how, of(value))
        case In(path, values):
            return In(path, tuple(map(of, values)))
        case All(parts):
            return All(tuple(asked(part, of) for part in parts))
        case Any_(parts):
            return Any_(tuple(asked(part, of) for part in parts))
        case Not(part):
            return Not(asked(part, of))
    return condition


def through(value: Any, of: Callable[[Any], Any]) -> Any:
    """A document value with its scalars made other ones."""
    if isinstance(value, dict):
        return {key: through(item, of) for key, item in value.items()}
    if isinstance(value, list):
        return [through(item, of) for item in value]
    return of(value)


@documents("GDO01", "T0", "count is that of the whole collection")
class CountsAll(MemoryDocuments):
    async def count(self, op: Count, /) -> int:
        return await super().count(Count(op.collection))


@documents("GDO02", "T0", "delete_one deletes all that match")
class DeletesAll(MemoryDocuments):
    async def delete(self, op: Delete, /) -> bool:
        there = await super().delete(op)
        for row in list(self._matching(op.collection, op.filter)):
            del self._rows(op.collection)[row.document["_id"]]
        return there


@documents("GDO03", "T1", "an update that changes nothing counts as a change, with a new version")
class TouchesVersions(MemoryDocuments):
    def _put(self, collection: str, row: Any, document: Document) -> UpdateResult:
        return UpdateResult(1, 1, version=str(self._write(collection, document)))


@documents("GDO04", "T1", "text is sorted by a collation that knows no case")
class CollatesText(MemoryDocuments):
    async def find(self, op: Find, /) -> DocumentPage:
        await self._store.reading()
        found = [
            DocumentEntry(copied(row.document), str(row.version))
            for row in self._matching(op.collection, op.filter)
        ]
        found.sort(key=lambda entry: str(entry.document["_id"]))
        for key in reversed(op.sort):
            found.sort(
                key=lambda entry: _collated(at(entry.document, key.path)),
                reverse=key.descending,
            )
        start = int(op.cursor or 0)
        stop = start + op.limit
        return DocumentPage(tuple(found[start:stop]), str(stop) if stop < len(found) else None)


def _collated(value: Any) -> tuple[int, Any]:
    if value is MISSING:
        return 0, 0
    place = rank(value)
    if place in (1, 7):
        return place, 0
    return place, value.casefold() if isinstance(value, str) else value


@documents("GDO05", "T1", "moments are compared as the text that they are stored as")
class ComparesIsoText(MemoryDocuments):
    def _matching(self, collection: str, condition: Filter) -> Iterator[Any]:
        written = asked(condition, lambda value: through(value, _iso))
        rows = self._rows(collection).values()
        return (row for row in rows if matches(written, through(row.document, _iso)))


def _iso(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


@documents("GDO06", "T1", "an integer field stays one: half added to it is lost")
class IncrementsWhole(MemoryDocuments):
    async def update(self, op: Update, /) -> UpdateResult:
        await self._turn()
        row = self._first(op.collection, op.filter, op.if_version)
        held = {} if row is None else row.document
        changes = tuple(
            replace(change, value=int(change.value))
            if change.kind is ChangeKind.INC and type(at(held, change.path)) is int
            else change
            for change in op.changes
        )
        return await super().update(replace(op, changes=changes))


@documents("GDO07", "T1", "a list that is pushed is appended element by element")
class PushesElements(MemoryDocuments):
    async def update(self, op: Update, /) -> UpdateResult:
        await self._turn()
        row = self._first(op.collection, op.filter, op.if_version)
        held = {} if row is None else row.document
        changes = tuple(_extended(change, held) for change in op.changes)
        return await super().update(replace(op, changes=changes))


def _extended(change: Change, held: Document) -> Change:
    there = at(held, change.path)
    if change.kind is not ChangeKind.PUSH or not isinstance(change.value, list):
        return change
    if not isinstance(there, list):
        return change
    return Change(ChangeKind.SET, change.path, [*there, *change.value])


@documents("GDO08", "T2", "an upsert looks first and inserts in a second request")
class UpsertsInTwo(MemoryDocuments):
    async def update(self, op: Update, /) -> UpdateResult:
        if op.upsert_id is not None:
            result = await super().update(replace(op, upsert_id=None))
            if result.matched:
                return result
            await asyncio.sleep(0)
            await self._turn()
            changed = upserted(op.filter, op.upsert_id, op.changes, None)
            version = await self.insert(Insert(op.collection, changed))
            return UpdateResult(0, 0, changed["_id"], version)
        return await super().update(op)


@documents("GDO09", "T2", "replace compares the version first and writes in a second request")
class ReplacesInTwo(MemoryDocuments):
    async def replace(self, op: Replace, /) -> UpdateResult:
        if op.if_version is not None:
            await self._turn()
            self._first(op.collection, op.filter, op.if_version)
            await asyncio.sleep(0)
        return await super().replace(replace(op, if_version=None))


@documents("GDO10", "T2", "pages are found by skipping so many documents")
class SkipsDocuments(MemoryDocuments):
    async def find(self, op: Find, /) -> DocumentPage:
        whole = await super().find(replace(op, cursor=None, limit=1_000_000))
        start = int(op.cursor or 0)
        stop = start + op.limit
        more = stop < len(whole.items)
        return DocumentPage(whole.items[start:stop], str(stop) if more else None)


@documents("GDO11", "T2", "count inside a transaction does not see what the transaction wrote")
class CountsOutside(MemoryDocuments):
    async def count(self, op: Count, /) -> int:
        return await MemoryDocuments(self._store, self._namespace).count(op)

    def within(self, transaction: object, /) -> MemoryDocuments:
        joined = self._store.joined(transaction)
        return type(self)(self._store, self._namespace, transaction=joined)


@documents("GDO12", "T2", "an update looks for others of its unique values, and then writes")
class ChecksThenUpdates(MemoryDocuments):
    _unchecked = False

    async def update(self, op: Update, /) -> UpdateResult:
        await self._turn()
        row = self._first(op.collection, op.filter, op.if_version)
        if row is None:
            return await super().update(op)
        self._check_unique(op.collection, applied(row.document, op.changes))
        await asyncio.sleep(0)
        await self._turn()
        row = self._first(op.collection, op.filter, op.if_version)
        if row is None:
            return await super().update(op)
        self._unchecked = True
        try:
            return self._put(op.collection, row, applied(row.document, op.changes))
        finally:
            self._unchecked = False

    def _check_unique(self, collection: str, document: Document) -> None:
        if not self._unchecked:
            super()._check_unique(collection, document)


@documents("GDO13", "T3", "an update whose later change is refused leaves the earlier ones done")
class ChangesOneByOne(MemoryDocuments):
    async def update(self, op: Update, /) -> UpdateResult:
        await self._turn()
        row = self._first(op.collection, op.filter, op.if_version)
        if row is None:
            return await super().update(op)
        done = row.document
        try:
            for change in op.changes:
                done = applied(done, (change,))
        except ConflictError:
            self._put(op.collection, row, done)
            raise
        return self._put(op.collection, row, done)


@documents("GDO14", "T3", "a rollback gives the connection back and leaves the transaction open")
class RollbackLeavesOpen(MemoryDocuments):
    async def begin(self, op: Begin, /) -> MemoryTransaction:
        transaction = await super().begin(op)
        rollback = transaction.rollback

        async def given_back() -> None:
            if asyncio.get_running_loop().time() >= transaction._expires:
                await rollback()

        transaction.rollback = given_back  # type: ignore[method-assign]  # that is the fault
        return transaction


@documents("GDO15", "T3", "while the backend is down the count is 0")
class CountsNothingWhenDown(MemoryDocuments):
    async def count(self, op: Count, /) -> int:
        try:
            return await super().count(op)
        except UnavailableError:
            return 0


@documents("GDO16", "T3", "a unique index is answered at once and built in the background")
class IndexesLater(MemoryDocuments):
    async def create_index(self, op: CreateIndex, /) -> None:
        there = op.paths in self._indexes(op.collection)
        await super().create_index(op)
        indexes = self._indexes(op.collection)
        if op.unique and not there:
            del indexes[op.paths]
            due = self._store.clock.monotonic() + _ENFORCED_AFTER
            self._store.at(due, lambda: indexes.setdefault(op.paths, True))


@documents("GDO17", "T4", "the error about a taken unique value tells the value")
class TellsDuplicate(MemoryDocuments):
    def _check_unique(self, collection: str, document: Document) -> None:
        try:
            super()._check_unique(collection, document)
        except AlreadyExistsError:
            raise AlreadyExistsError(f"duplicate key: {document} already exists") from None


@documents("GDO18", "T4", "a field name with a quote ends the query: all documents match")
class QuotesEndQueries(MemoryDocuments):
    def _matching(self, collection: str, condition: Filter) -> Iterator[Any]:
        steps = (step for leaf in leaves(condition) for step in leaf.path)
        injected = any(_QUOTES & set(step) for step in steps)
        return super()._matching(collection, All() if injected else condition)


@documents("GDO19", "T4", "indexes are kept by the collection's own name, whoever's it is")
class IndexesWithoutTenant(MemoryDocuments):
    def _indexes(self, collection: str) -> Rows:
        own = collection.split("/", 1)[-1] if collection.startswith("~") else collection
        return super()._indexes(own)


@documents("GDO20", "T4", "an _id that looks like a number becomes one: '007' is '7'")
class NumbersAreNumbers(MemoryDocuments):
    async def insert(self, op: Insert, /) -> str:
        await self._turn()
        identity = _numeral(op.document["_id"])
        if any(_numeral(there) == identity for there in self._rows(op.collection)):
            raise AlreadyExistsError("there is a document of that _id in the collection")
        return await super().insert(op)


def _numeral(identity: str) -> str:
    return str(int(identity)) if identity.isascii() and identity.isdigit() else identity
