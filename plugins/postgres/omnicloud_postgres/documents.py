"""The documents contract on a server.

A write that names one ``_id`` locks that document; any other locks its collection against
other writers, because which document it means depends on all of them. Inside a transaction
every request locks the collection. Reads of one document are one statement; others see one
moment.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager

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
from omnicloud.contracts.documents.engine import asked_id, page_of, upserted
from omnicloud.contracts.documents.filters import All, Filter
from omnicloud.contracts.documents.models import (
    Document,
    DocumentEntry,
    DocumentPage,
    DocumentsFeature,
    DocumentsLimits,
    UpdateResult,
)
from omnicloud.contracts.documents.updates import applied
from omnicloud.contracts.documents.values import encoded
from omnicloud.core.opening import Opening
from omnicloud.core.operation import Feature
from omnicloud.core.transactions import Transaction
from omnicloud.errors import ConflictError, InvalidArgumentError
from omnicloud_postgres.config import PostgresConfig
from omnicloud_postgres.documents_rows import SCHEMA, Collection, Found, asked_ids
from omnicloud_postgres.runner import Runner
from omnicloud_postgres.store import Store, store_of

__all__ = ["FEATURES", "PostgresDocuments", "open_documents"]

FEATURES: frozenset[Feature] = frozenset(DocumentsFeature)

_LIMITS = DocumentsLimits(name_max_bytes=1500, document_max_bytes=16 << 20)
_A_FEW = 50  # documents to look at first where one is wanted


class PostgresDocuments:
    """A documents driver over a :class:`Store`, or inside a transaction."""

    def __init__(
        self,
        store: Store,
        space: str,
        features: frozenset[Feature],
        inside: Runner | None = None,
    ) -> None:
        self._store = store
        self._space = space
        self._features = features
        self._inside = inside
        self._runner: Runner = store if inside is None else inside

    @property
    def features(self) -> frozenset[Feature]:
        return self._features

    @property
    def limits(self) -> DocumentsLimits:
        return _LIMITS

    async def insert(self, op: Insert, /) -> str:
        body = encoded(op.document)
        async with self._writing(op.collection, op.document["_id"]) as rows:
            return await rows.insert(op.document, body)

    async def find(self, op: Find, /) -> DocumentPage:
        if not op.sort and self._inside is None:
            after = b"" if op.cursor is None else op.cursor.encode()
            rows = Collection(self._runner, self._space, op.collection)
            items, all_seen = await rows.some(op.filter, after, op.limit + 1)
            if all_seen or len(items) > op.limit:
                return _page(items, op.limit)
        async with self._reading(op.collection) as rows:
            if op.sort:
                found = [each.entry async for each in rows.matching(op.filter)]
                return page_of(found, op.sort, op.cursor, op.limit)
            return await _filled(rows, op)

    async def count(self, op: Count, /) -> int:
        async with self._reading(op.collection) as rows:
            return await rows.count(op.filter)

    async def update(self, op: Update, /) -> UpdateResult:
        async with self._writing(op.collection, asked_id(op.filter)) as rows:
            found = await _first(rows, op.filter, op.if_version)
            if found is not None:
                return await self._put(rows, found, applied(found.entry.document, op.changes))
            if op.upsert_id is None:
                return UpdateResult(0, 0)
            document = upserted(op.filter, op.upsert_id, op.changes, None)
            return await self._upsert(rows, document)

    async def replace(self, op: Replace, /) -> UpdateResult:
        async with self._writing(op.collection, asked_id(op.filter)) as rows:
            found = await _first(rows, op.filter, op.if_version)
            if found is not None:
                document = {"_id": found.entry.document["_id"], **op.document}
                return await self._put(rows, found, document)
            if op.upsert_id is None:
                return UpdateResult(0, 0)
            document = upserted(op.filter, op.upsert_id, (), op.document)
            return await self._upsert(rows, document)

    async def delete(self, op: Delete, /) -> bool:
        async with self._writing(op.collection, asked_id(op.filter)) as rows:
            found = await _first(rows, op.filter, op.if_version)
            if found is not None:
                await rows.delete(found.entry.document["_id"])
            return found is not None

    async def create_index(self, op: CreateIndex, /) -> None:
        async with self._writing(op.collection, None) as rows:
            await rows.create_index(op.paths, unique=op.unique)

    async def begin(self, op: Begin, /) -> Transaction:
        return await self._store.begin()

    def within(self, transaction: object, /) -> PostgresDocuments:
        inside = self._store.joined(transaction)
        return PostgresDocuments(self._store, self._space, self._features, inside)

    async def aclose(self) -> None:
        """Nothing is held: the store belongs to who opened it."""

    @asynccontextmanager
    async def _writing(self, collection: str, identity: str | None) -> AsyncIterator[Collection]:
        """The collection, with what may be written locked."""
        async with self._runner.unit() as unit:
            rows = Collection(unit, self._space, collection)
            await rows.lock(identity if self._inside is None else None)
            yield rows

    @asynccontextmanager
    async def _reading(self, collection: str) -> AsyncIterator[Collection]:
        """The collection as of one moment."""
        async with self._runner.unit(snapshot=True) as unit:
            rows = Collection(unit, self._space, collection)
            if self._inside is not None:
                await rows.lock(None)
            yield rows

    async def _put(self, rows: Collection, found: Found, document: Document) -> UpdateResult:
        body = self._checked(document)
        if body == found.body:
            return UpdateResult(1, 0, version=found.entry.version)
        return UpdateResult(1, 1, version=await rows.update(document, body))

    async def _upsert(self, rows: Collection, document: Document) -> UpdateResult:
        version = await rows.insert(document, self._checked(document))
        return UpdateResult(0, 0, document["_id"], version)

    def _checked(self, document: Document) -> bytes:
        body, limit = encoded(document), self.limits.document_max_bytes
        if len(body) > limit:
            raise InvalidArgumentError(
                f"the document would have {len(body)} bytes, the limit document_max_bytes is "
                f"{limit}"
            )
        return body


async def open_documents(config: PostgresConfig, opening: Opening) -> PostgresDocuments:
    """A documents driver on the configured database."""
    store = await store_of(config, opening)
    await store.define(SCHEMA)
    durable = (await store.facts()).durable
    features = FEATURES if durable else FEATURES - {DocumentsFeature.DURABLE}
    return PostgresDocuments(store, config.space_of(opening.service.name), features)


async def _first(rows: Collection, condition: Filter, version: str | None) -> Found | None:
    most = 1 if condition == All() or asked_ids(condition) is not None else _A_FEW
    async with aclosing(rows.matching(condition, first=most)) as matching:
        found = await anext(matching, None)
    if version is not None and (found is None or found.entry.version != version):
        raise ConflictError("the document has another version, or is not there")
    return found


async def _filled(rows: Collection, op: Find) -> DocumentPage:
    items: list[DocumentEntry] = []
    after = b"" if op.cursor is None else op.cursor.encode()
    async with aclosing(rows.matching(op.filter, after)) as matching:
        async for found in matching:
            items.append(found.entry)
            if len(items) > op.limit:
                break
    return _page(items, op.limit)


def _page(items: list[DocumentEntry], limit: int) -> DocumentPage:
    kept = tuple(items[:limit])
    return DocumentPage(kept, kept[-1].document["_id"] if len(items) > limit else None)
