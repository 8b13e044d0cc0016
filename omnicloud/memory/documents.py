"""The documents contract in memory: every feature but durability."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

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
from omnicloud.contracts.documents.engine import asked_id, page_of, unique_key, upserted
from omnicloud.contracts.documents.filters import Filter, matches
from omnicloud.contracts.documents.models import (
    Document,
    DocumentEntry,
    DocumentPage,
    DocumentsFeature,
    DocumentsLimits,
    UpdateResult,
)
from omnicloud.contracts.documents.updates import applied
from omnicloud.contracts.documents.values import copied, encoded
from omnicloud.core.operation import Feature
from omnicloud.errors import AlreadyExistsError, ConflictError, InvalidArgumentError
from omnicloud.memory.store import MemoryStore, MemoryTransaction, Rows

__all__ = ["FEATURES", "MemoryDocuments"]

FEATURES: frozenset[Feature] = frozenset(DocumentsFeature) - {DocumentsFeature.DURABLE}


@dataclass(frozen=True, slots=True)
class _Row:
    """A document, never changed in place, and its version."""

    document: Document = field(repr=False)
    version: int


class MemoryDocuments:
    """A documents driver over rows of a :class:`MemoryStore`, one table a collection."""

    def __init__(
        self,
        store: MemoryStore,
        namespace: str = "",
        *,
        transaction: MemoryTransaction | None = None,
    ) -> None:
        self._store = store
        self._namespace = namespace
        self._transaction = transaction

    @property
    def features(self) -> frozenset[Feature]:
        return FEATURES

    @property
    def limits(self) -> DocumentsLimits:
        return DocumentsLimits(document_max_bytes=16 << 20)

    async def insert(self, op: Insert, /) -> str:
        await self._turn()
        return str(self._insert(op.collection, copied(op.document)))

    async def find(self, op: Find, /) -> DocumentPage:
        await self._store.reading()
        found = (
            DocumentEntry(row.document, str(row.version))
            for row in self._matching(op.collection, op.filter)
        )
        page = page_of(found, op.sort, op.cursor, op.limit)
        items = tuple(DocumentEntry(copied(item.document), item.version) for item in page.items)
        return DocumentPage(items, page.cursor)

    async def count(self, op: Count, /) -> int:
        await self._store.reading()
        return sum(1 for _ in self._matching(op.collection, op.filter))

    async def update(self, op: Update, /) -> UpdateResult:
        await self._turn()
        row = self._first(op.collection, op.filter, op.if_version)
        if row is not None:
            return self._put(op.collection, row, applied(row.document, op.changes))
        if op.upsert_id is None:
            return UpdateResult(0, 0)
        return self._upsert(op.collection, upserted(op.filter, op.upsert_id, op.changes, None))

    async def replace(self, op: Replace, /) -> UpdateResult:
        await self._turn()
        row = self._first(op.collection, op.filter, op.if_version)
        if row is not None:
            document = {"_id": row.document["_id"], **copied(op.document)}
            return self._put(op.collection, row, document)
        if op.upsert_id is None:
            return UpdateResult(0, 0)
        return self._upsert(op.collection, upserted(op.filter, op.upsert_id, (), op.document))

    async def delete(self, op: Delete, /) -> bool:
        await self._turn()
        row = self._first(op.collection, op.filter, op.if_version)
        if row is None:
            return False
        del self._rows(op.collection)[row.document["_id"]]
        return True

    async def create_index(self, op: CreateIndex, /) -> None:
        await self._turn()
        indexes = self._indexes(op.collection)
        if indexes.get(op.paths, op.unique) != op.unique:
            raise ConflictError("there is an index of these fields, of the other kind")
        if op.unique:
            keys = [unique_key(r.document, op.paths) for r in self._rows(op.collection).values()]
            bound = [key for key in keys if key is not None]
            if len(set(bound)) != len(bound):
                raise ConflictError("there are documents that are not unique in these fields")
        indexes[op.paths] = op.unique

    async def begin(self, op: Begin, /) -> MemoryTransaction:
        return await self._store.begin()

    def within(self, transaction: object, /) -> MemoryDocuments:
        joined = self._store.joined(transaction)
        return MemoryDocuments(self._store, self._namespace, transaction=joined)

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

    def _table(self, kind: str, collection: str) -> Rows:
        owner: Any = self._store if self._transaction is None else self._transaction
        rows: Rows = owner.rows((kind, self._namespace, collection))
        return rows

    def _rows(self, collection: str) -> Rows:
        return self._table("documents", collection)

    def _indexes(self, collection: str) -> Rows:
        return self._table("document indexes", collection)

    def _matching(self, collection: str, condition: Filter) -> Iterator[_Row]:
        rows = self._rows(collection)
        named = asked_id(condition)
        candidates = rows.values() if named is None else filter(None, (rows.get(named),))
        return (row for row in candidates if matches(condition, row.document))

    def _first(self, collection: str, condition: Filter, version: str | None) -> _Row | None:
        row = min(
            self._matching(collection, condition),
            key=lambda row: str(row.document["_id"]),
            default=None,
        )
        if version is not None and (row is None or str(row.version) != version):
            raise ConflictError("the document has another version, or is not there")
        return row

    def _insert(self, collection: str, document: Document) -> int:
        if document["_id"] in self._rows(collection):
            raise AlreadyExistsError("there is a document of that _id in the collection")
        return self._write(collection, document)

    def _upsert(self, collection: str, document: Document) -> UpdateResult:
        version = self._insert(collection, document)
        return UpdateResult(0, 0, document["_id"], str(version))

    def _put(self, collection: str, row: _Row, document: Document) -> UpdateResult:
        if encoded(document) == encoded(row.document):
            return UpdateResult(1, 0, version=str(row.version))
        return UpdateResult(1, 1, version=str(self._write(collection, document)))

    def _write(self, collection: str, document: Document) -> int:
        size, limit = len(encoded(document)), self.limits.document_max_bytes
        if size > limit:
            raise InvalidArgumentError(
                f"the document would have {size} bytes, the limit document_max_bytes is {limit}"
            )
        self._check_unique(collection, document)
        version = self._store.number()
        self._rows(collection)[document["_id"]] = _Row(document, version)
        return version

    def _check_unique(self, collection: str, document: Document) -> None:
        for paths, unique in self._indexes(collection).items():
            key = unique_key(document, paths) if unique else None
            if key is None:
                continue
            for other in self._rows(collection).values():
                same = other.document["_id"] == document["_id"]
                if not same and unique_key(other.document, paths) == key:
                    raise AlreadyExistsError("a document has these values in a unique index")
