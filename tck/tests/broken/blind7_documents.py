"""documents drivers written against the contract alone, for a seventh count of what the kit
finds."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from broken.registry import broken
from omnicloud.contracts.documents.driver import Begin, Count, Find, Insert, Update
from omnicloud.contracts.documents.engine import page_of, upserted
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
    read_filter,
)
from omnicloud.contracts.documents.models import (
    Document,
    DocumentEntry,
    DocumentPage,
    SortKey,
    UpdateResult,
)
from omnicloud.contracts.documents.paths import MISSING, Path, at, index, written
from omnicloud.contracts.documents.updates import ChangeKind
from omnicloud.contracts.documents.values import copied
from omnicloud.errors import AlreadyExistsError, InvalidArgumentError, UnavailableError
from omnicloud.memory.documents import MemoryDocuments, _Row
from omnicloud.memory.store import MemoryTransaction, Rows
from omnicloud_tck.documents import DocumentsContract


def documents(number: str, tier: str, summary: str) -> Any:
    return broken(f"BLIND7-DO-{number}", tier, summary, DocumentsContract)


@documents("01", "T0", "count answers how many documents there are, whatever was asked")
class CountsAll(MemoryDocuments):
    """ "How many documents match". Met by the first count with a filter: the estimate of the
    collection's statistics."""

    async def count(self, op: Count, /) -> int:
        return await super().count(Count(op.collection))


@documents("02", "T0", "every order is upwards")
class AlwaysUp(MemoryDocuments):
    """ "One key of an order: a dotted path, downwards or not". Met by the newest-first list."""

    async def find(self, op: Find, /) -> DocumentPage:
        return await super().find(replace(op, sort=tuple(SortKey(key.path) for key in op.sort)))


@documents("03", "T1", "to push a list pushes its elements")
class PushesEach(MemoryDocuments):
    """ "A value is appended to a list". Met by a list of pairs."""

    async def update(self, op: Update, /) -> UpdateResult:
        changes = tuple(
            each
            for one in op.changes
            for each in (
                [replace(one, value=value) for value in one.value]
                if one.kind is ChangeKind.PUSH and isinstance(one.value, list)
                else [one]
            )
        )
        return await super().update(replace(op, changes=changes))


class _Matching(MemoryDocuments):
    """Documents with another idea of what matches."""

    def _meets(self, condition: Filter, document: Document) -> bool:
        raise NotImplementedError

    def _matching(self, collection: str, condition: Filter) -> Iterator[_Row]:
        rows = list(self._rows(collection).values())
        return (row for row in rows if self._meets(condition, row.document))

    def within(self, transaction: object, /) -> MemoryDocuments:
        joined = self._store.joined(transaction)
        return type(self)(self._store, self._namespace, transaction=joined)


@documents("04", "T1", "a number in the path of a filter is taken for a place in a list only")
class NumbersArePlaces(_Matching):
    """ "a.0.b steps into dicts and, where a step is a number, into lists". Met by
    {"sales": {"2024": 5}}, asked for as sales.2024, in JSON paths with brackets."""

    def _meets(self, condition: Filter, document: Document) -> bool:
        match condition:
            case Compare(path, _, _) | In(path, _) | Exists(path):
                return matches(condition, document if self._is_reached(document, path) else {})
            case All(parts):
                return all(self._meets(part, document) for part in parts)
            case Any_(parts):
                return any(self._meets(part, document) for part in parts)
            case Not(part):
                return not self._meets(part, document)
        return matches(condition, document)

    @staticmethod
    def _is_reached(document: Document, path: Path) -> bool:
        for place, step in enumerate(path):
            if place and index(step) is not None and isinstance(at(document, path[:place]), dict):
                return False
        return True


@documents("05", "T1", "the opposite of a comparison does not find missing fields")
class ThreeValued(_Matching):
    """ "$not ... opposites: they match missing fields too". Met by {"age": {"$not": {"$gt": 18}}}
    over SQL, where the opposite of NULL is NULL."""

    def _meets(self, condition: Filter, document: Document) -> bool:
        return self._truth(condition, document) is True

    def _truth(self, condition: Filter, document: Document) -> bool | None:
        match condition:
            case Compare(path, how, _) if how is not Comparison.EQ and (
                at(document, path) is MISSING
            ):
                return None
            case All(parts):
                found = [self._truth(part, document) for part in parts]
                return False if False in found else None if None in found else True
            case Any_(parts):
                found = [self._truth(part, document) for part in parts]
                return True if True in found else None if None in found else False
            case Not(part):
                truth = self._truth(part, document)
                return None if truth is None else not truth
        return matches(condition, document)


@documents("06", "T1", "a change from 1 to True is no change, since the two are equal in Python")
class EqualInPython(MemoryDocuments):
    """ "a bool is no number". Met by a flag that was 0 or 1 and is mended."""

    def _put(self, collection: str, row: _Row, document: Document) -> UpdateResult:
        if document == row.document:
            return UpdateResult(1, 0, version=str(row.version))
        return super()._put(collection, row, document)


@documents("07", "T1", "what an upsert inserts is not held against unique indexes")
class UpsertsAnything(MemoryDocuments):
    """ "AlreadyExistsError: A unique index, or the _id of the upsert, is taken". Met by an upsert
    of a second account with one address."""

    def _upsert(self, collection: str, document: Document) -> UpdateResult:
        rows = self._rows(collection)
        if document["_id"] in rows:
            raise AlreadyExistsError("there is a document of that _id in the collection")
        version = self._store.number()
        rows[document["_id"]] = _Row(document, version)
        return UpdateResult(0, 0, document["_id"], str(version))


@documents("08", "T2", "an upsert looks first and inserts later, over what another inserted")
class LooksThenInserts(MemoryDocuments):
    """ "Finding and changing it are one step: no other writer comes between". Met by two that
    count the first visit of a page at once."""

    async def update(self, op: Update, /) -> UpdateResult:
        if op.upsert_id is None:
            return await super().update(op)
        await self._turn()
        if self._first(op.collection, op.filter, op.if_version) is not None:
            return await super().update(op)
        document = upserted(op.filter, op.upsert_id, op.changes, None)
        await self._turn()
        version = self._write(op.collection, document)
        return UpdateResult(0, 0, document["_id"], str(version))


@documents("09", "T2", "versions of a document that is deleted and made again count from one again")
class CountsFromOne(MemoryDocuments):
    """ "another one after every write that changed the document, also after a delete". Met by who
    holds a version while another deletes and makes anew."""

    def _write(self, collection: str, document: Document) -> int:
        held: _Row | None = self._rows(collection).get(document["_id"])
        super()._write(collection, document)
        version = 1 if held is None else held.version + 1
        self._rows(collection)[document["_id"]] = _Row(document, version)
        return version


@documents("10", "T2", "pages are counted from the start, so a deletion meanwhile skips a document")
class ByOffset(MemoryDocuments):
    """ "A document that matches during the whole search is in it once". Met by who deletes what
    it has gone over."""

    async def find(self, op: Find, /) -> DocumentPage:
        await self._store.reading()
        found = (
            DocumentEntry(copied(row.document), str(row.version))
            for row in self._matching(op.collection, op.filter)
        )
        items = page_of(found, op.sort, None, 1_000_000).items
        start = int(op.cursor or 0)
        end = start + op.limit
        return DocumentPage(items[start:end], str(end) if end < len(items) else None)


class _TableByTable(MemoryTransaction):
    async def commit(self) -> None:
        await asyncio.sleep(0)
        self._check_open()
        for table, rows in self._tables.items():
            self._store._tables[table] = rows
            await asyncio.sleep(0)
        await super().commit()


@documents("11", "T2", "a commit puts one collection after another in place")
class TableByTable(MemoryDocuments):
    """ "atomic and isolated". Met by a reader of two collections beside a transfer between
    them."""

    async def begin(self, op: Begin, /) -> MemoryTransaction:
        await self._store.turn()
        expires = self._store.clock.monotonic() + self._store._transaction_seconds
        made = self._store._transaction = _TableByTable(self._store, expires)
        return made


@documents("12", "T3", "a cancelled insert leaves its _id taken")
class LeavesTaken(MemoryDocuments):
    """ "concurrent callers ..., also after a cancelled call": the _id is taken and no document
    is there. Met by a request that was given up and is tried again."""

    async def insert(self, op: Insert, /) -> str:
        taken, key = self._store.rows("taken"), (op.collection, op.document["_id"])
        if key in taken:
            raise AlreadyExistsError("there is a document of that _id in the collection")
        taken[key] = True
        try:
            version = await super().insert(op)
        except Exception:
            del taken[key]
            raise
        del taken[key]
        return version


@documents("13", "T3", "a unique index is known to the client that made it only")
class OwnIndexes(MemoryDocuments):
    """ "In a unique one no two documents ... have them equal". Met by the first restart."""

    def _indexes(self, collection: str) -> Rows:
        own: dict[str, Rows] = self.__dict__.setdefault("_wrong_own", {})
        return own.setdefault(collection, {})

    def within(self, transaction: object, /) -> MemoryDocuments:
        made = OwnIndexes(self._store, self._namespace, transaction=self._store.joined(transaction))
        made.__dict__["_wrong_own"] = self.__dict__.setdefault("_wrong_own", {})
        return made


class _SilentlyOver(MemoryTransaction):
    async def commit(self) -> None:
        await asyncio.sleep(0)
        if not self._end.is_set():
            await super().commit()


@documents("14", "T3", "a commit of a transaction that the store has ended says that it is done")
class SilentlyOver(MemoryDocuments):
    """ "ConflictError: At the end: another writer came first; nothing was written". Met by a
    block that takes longer than the store allows."""

    async def begin(self, op: Begin, /) -> MemoryTransaction:
        await self._store.turn()
        expires = self._store.clock.monotonic() + self._store._transaction_seconds
        made = self._store._transaction = _SilentlyOver(self._store, expires)
        return made


@documents("15", "T3", "a search whose further page meets an outage ends as if it were whole")
class EndsEarly(MemoryDocuments):
    """An outage is UnavailableError. Met by a long export beside a restart of the server."""

    async def find(self, op: Find, /) -> DocumentPage:
        try:
            return await super().find(op)
        except UnavailableError:
            if op.cursor is None:
                raise
            return DocumentPage(())


@documents("16", "T4", "what is no letter or digit in a collection's name becomes an underscore")
class TableNames(MemoryDocuments):
    """ "names are any Unicode, never colliding, never leaving their namespace". Met by tenants
    a-b and a_b, where collections are tables."""

    def _table(self, kind: str, collection: str) -> Rows:
        return super()._table(kind, re.sub(r"\W", "_", collection))

    def within(self, transaction: object, /) -> MemoryDocuments:
        joined = self._store.joined(transaction)
        return TableNames(self._store, self._namespace, transaction=joined)


@documents("17", "T4", "a dict of operators among the values of $in is taken for operators")
class InjectedByIn(_Matching):
    """ "These never hold an operator". Met by {"owner": {"$in": [literal(v) for v in given]}},
    which a dict of operators then turns into everything."""

    def _meets(self, condition: Filter, document: Document) -> bool:
        match condition:
            case In(path, values):
                return any(self._equals(path, value, document) for value in values)
            case All(parts):
                return all(self._meets(part, document) for part in parts)
            case Any_(parts):
                return any(self._meets(part, document) for part in parts)
            case Not(part):
                return not self._meets(part, document)
        return matches(condition, document)

    @staticmethod
    def _equals(path: Path, value: Any, document: Document) -> bool:
        if isinstance(value, dict) and value and all(name.startswith("$") for name in value):
            try:
                return matches(read_filter({written(path): value}), document)
            except InvalidArgumentError:
                return False
        return matches(In(path, (value,)), document)


@documents("18", "T4", "the error of a unique index quotes the values that are taken")
class QuotesValues(MemoryDocuments):
    """ "Neither payloads nor secrets enter an error". Met by every second account with one
    address: E11000 quotes it."""

    def _check_unique(self, collection: str, document: Document) -> None:
        try:
            super()._check_unique(collection, document)
        except AlreadyExistsError:
            unique = [paths for paths, one in self._indexes(collection).items() if one]
            shown = {written(path): at(document, path) for paths in unique for path in paths}
            message = f"E11000 duplicate key error collection: {collection} dup key: {shown}"
            raise AlreadyExistsError(message) from None
