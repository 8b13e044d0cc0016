"""The documents contract in SQLite.

One row a document, in the JSON form of the contract. A filter that names ``_id``s, or values
for all fields of an index, looks at those documents only; any other looks at all of its
collection, in Python, where the meaning of filters is written down once for all.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from typing import TypeVar

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
from omnicloud.contracts.documents.engine import page_of, upserted
from omnicloud.contracts.documents.models import (
    Document,
    DocumentPage,
    DocumentsFeature,
    DocumentsLimits,
    UpdateResult,
)
from omnicloud.contracts.documents.updates import applied
from omnicloud.contracts.documents.values import encoded
from omnicloud.core.opening import Opening
from omnicloud.core.operation import Feature
from omnicloud.errors import ConflictError, InvalidArgumentError
from omnicloud_local.config import LocalConfig
from omnicloud_local.database import Database
from omnicloud_local.documents_rows import SCHEMA, Collection, Found
from omnicloud_local.shared import database_of
from omnicloud_local.writer import WriterTransaction

__all__ = ["FEATURES", "LocalDocuments", "open_documents"]

T = TypeVar("T")

FEATURES: frozenset[Feature] = frozenset(DocumentsFeature)

_LIMITS = DocumentsLimits(document_max_bytes=16 << 20)


class LocalDocuments:
    """A documents driver over a :class:`Database`."""

    def __init__(
        self, database: Database, space: str, *, transaction: WriterTransaction | None = None
    ) -> None:
        self._database = database
        self._space = space
        self._transaction = transaction

    @property
    def features(self) -> frozenset[Feature]:
        return FEATURES

    @property
    def limits(self) -> DocumentsLimits:
        return _LIMITS

    async def insert(self, op: Insert, /) -> str:
        rows, body = self._collection(op.collection), encoded(op.document)

        def write(db: sqlite3.Connection) -> str:
            return rows.insert(db, op.document, body)

        return await self._write(write)

    async def find(self, op: Find, /) -> DocumentPage:
        rows = self._collection(op.collection)

        def read(db: sqlite3.Connection) -> DocumentPage:
            if not op.sort:
                return rows.page(db, op.filter, op.cursor, op.limit)
            found = (each.entry for each in rows.matching(db, op.filter))
            return page_of(found, op.sort, op.cursor, op.limit)

        return await self._read(read)

    async def count(self, op: Count, /) -> int:
        rows = self._collection(op.collection)
        return await self._read(lambda db: rows.count(db, op.filter))

    async def update(self, op: Update, /) -> UpdateResult:
        rows = self._collection(op.collection)

        def write(db: sqlite3.Connection) -> UpdateResult:
            found = _first(rows.matching(db, op.filter), op.if_version)
            if found is not None:
                return self._put(db, rows, found, applied(found.entry.document, op.changes))
            if op.upsert_id is None:
                return UpdateResult(0, 0)
            return self._upsert(db, rows, upserted(op.filter, op.upsert_id, op.changes, None))

        return await self._write(write)

    async def replace(self, op: Replace, /) -> UpdateResult:
        rows = self._collection(op.collection)

        def write(db: sqlite3.Connection) -> UpdateResult:
            found = _first(rows.matching(db, op.filter), op.if_version)
            if found is not None:
                document = {"_id": found.entry.document["_id"], **op.document}
                return self._put(db, rows, found, document)
            if op.upsert_id is None:
                return UpdateResult(0, 0)
            return self._upsert(db, rows, upserted(op.filter, op.upsert_id, (), op.document))

        return await self._write(write)

    async def delete(self, op: Delete, /) -> bool:
        rows = self._collection(op.collection)

        def write(db: sqlite3.Connection) -> bool:
            found = _first(rows.matching(db, op.filter), op.if_version)
            if found is not None:
                rows.delete(db, found.entry.document["_id"])
            return found is not None

        return await self._write(write)

    async def create_index(self, op: CreateIndex, /) -> None:
        rows = self._collection(op.collection)
        await self._write(lambda db: rows.create_index(db, op.paths, unique=op.unique))

    async def begin(self, op: Begin, /) -> WriterTransaction:
        return await self._database.begin()

    def within(self, transaction: object, /) -> LocalDocuments:
        joined = self._database.joined(transaction)
        return LocalDocuments(self._database, self._space, transaction=joined)

    async def aclose(self) -> None:
        """Nothing is held: the database belongs to who opened it."""

    def _collection(self, name: str) -> Collection:
        return Collection(self._space, name)

    async def _read(self, piece: Callable[[sqlite3.Connection], T]) -> T:
        if self._transaction is not None:
            return await self._transaction.run(piece)
        return await self._database.read(piece)

    async def _write(self, piece: Callable[[sqlite3.Connection], T]) -> T:
        if self._transaction is not None:
            return await self._transaction.run(piece)
        return await self._database.write(piece)

    # What follows runs in a thread of the database's.

    def _put(
        self, db: sqlite3.Connection, rows: Collection, found: Found, document: Document
    ) -> UpdateResult:
        body = self._checked(document)
        if body == found.body:
            return UpdateResult(1, 0, version=found.entry.version)
        return UpdateResult(1, 1, version=rows.update(db, document, body))

    def _upsert(self, db: sqlite3.Connection, rows: Collection, document: Document) -> UpdateResult:
        version = rows.insert(db, document, self._checked(document))
        return UpdateResult(0, 0, document["_id"], version)

    def _checked(self, document: Document) -> bytes:
        body, limit = encoded(document), self.limits.document_max_bytes
        if len(body) > limit:
            raise InvalidArgumentError(
                f"the document would have {len(body)} bytes, the limit document_max_bytes is "
                f"{limit}"
            )
        return body


def _first(found: Iterator[Found], version: str | None) -> Found | None:
    first = next(found, None)
    if version is not None and (first is None or first.entry.version != version):
        raise ConflictError("the document has another version, or is not there")
    return first


async def open_documents(config: LocalConfig, opening: Opening) -> LocalDocuments:
    """A documents driver on the database of the configured folder."""
    database = await database_of(config, opening)
    await database.define(SCHEMA)
    return LocalDocuments(database, config.namespace_of(opening.service.name))
