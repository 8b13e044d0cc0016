"""The documents contract on a DynamoDB table."""

from __future__ import annotations

import anyio.lowlevel

from omnicloud.contracts.documents.driver import (
    Begin,
    Count,
    CreateIndex,
    Delete,
    DocumentsDriver,
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
from omnicloud.core.opening import Opening
from omnicloud.core.operation import Feature
from omnicloud.core.transactions import Transaction
from omnicloud.errors import ConflictError, InvalidArgumentError, UnsupportedError
from omnicloud_aws.client import Client, client_of
from omnicloud_aws.config import AWSConfig
from omnicloud_aws.documents_items import Place, Stored
from omnicloud_aws.documents_reading import Reader, asked_ids
from omnicloud_aws.documents_writing import Change, Writer
from omnicloud_aws.kv_table import ready

__all__ = ["FEATURES", "AWSDocuments", "open_documents"]

FEATURES: frozenset[Feature] = frozenset(DocumentsFeature) - {DocumentsFeature.TRANSACTION}

_LIMITS = DocumentsLimits(document_max_bytes=384 << 10)
"""The service takes 400 KB with the keys and what it is asked about."""


class AWSDocuments:
    """A documents driver over a :class:`Client` of DynamoDB."""

    def __init__(self, client: Client, table: str, service: str, *, at_amazon: bool) -> None:
        self._client = client
        self._table = table
        self._service = service
        self._known: dict[str, str] = {}
        self._features = FEATURES if at_amazon else FEATURES - {DocumentsFeature.DURABLE}

    @property
    def features(self) -> frozenset[Feature]:
        return self._features

    @property
    def limits(self) -> DocumentsLimits:
        return _LIMITS

    async def insert(self, op: Insert, /) -> str:
        return await self._writer(op.collection).insert(op.document)

    async def find(self, op: Find, /) -> DocumentPage:
        reader = self._reader(op.collection)
        if not op.sort and asked_ids(op.filter) is None:
            return await reader.page(op)
        found = [stored.entry for stored in await reader.all(op.filter)]
        return page_of(found, op.sort, op.cursor, op.limit)

    async def count(self, op: Count, /) -> int:
        return await self._reader(op.collection).count(op.filter)

    async def update(self, op: Update, /) -> UpdateResult:
        def decide(found: Stored | None) -> Document | None:
            _check_version(found, op.if_version)
            if found is not None:
                return applied(found.entry.document, op.changes)
            if op.upsert_id is None:
                return None
            return upserted(op.filter, op.upsert_id, op.changes, None)

        return _result(await self._writer(op.collection).change(op.filter, decide))

    async def replace(self, op: Replace, /) -> UpdateResult:
        def decide(found: Stored | None) -> Document | None:
            _check_version(found, op.if_version)
            if found is not None:
                return {"_id": found.id, **op.document}
            if op.upsert_id is None:
                return None
            return upserted(op.filter, op.upsert_id, (), op.document)

        return _result(await self._writer(op.collection).change(op.filter, decide))

    async def delete(self, op: Delete, /) -> bool:
        def decide(found: Stored | None) -> None:
            _check_version(found, op.if_version)

        done = await self._writer(op.collection).change(op.filter, decide)
        return done.found is not None

    async def create_index(self, op: CreateIndex, /) -> None:
        await self._writer(op.collection).create_index(op.paths, unique=op.unique)

    async def begin(self, op: Begin, /) -> Transaction:
        await anyio.lowlevel.checkpoint()
        raise UnsupportedError("the provider has no transactions of documents")

    def within(self, transaction: object, /) -> DocumentsDriver:
        raise InvalidArgumentError("the transaction belongs to another store")

    async def aclose(self) -> None:
        """Nothing is held: the client belongs to who opened it."""

    def _place(self, collection: str) -> Place:
        return Place(self._table, self._service, collection)

    def _reader(self, collection: str) -> Reader:
        return Reader(self._client, self._place(collection))

    def _writer(self, collection: str) -> Writer:
        most = self.limits.document_max_bytes
        return Writer(self._client, self._place(collection), self._known, most)


async def open_documents(config: AWSConfig, opening: Opening) -> AWSDocuments:
    """A documents driver on the configured table.

    Raises:
        ConfigurationError: There is no such table, or it has another key.
    """
    client = await client_of("dynamodb", config, opening)
    await ready(client, config)
    return AWSDocuments(client, config.table, opening.service.name, at_amazon=client.at_amazon)


def _check_version(found: Stored | None, version: str | None) -> None:
    if version is not None and (found is None or found.entry.version != version):
        raise ConflictError("the document has another version, or is not there")


def _result(done: Change) -> UpdateResult:
    if done.found is not None:
        return UpdateResult(1, int(done.wrote), version=done.version)
    if done.document is None:
        return UpdateResult(0, 0)
    return UpdateResult(0, 0, str(done.document["_id"]), done.version)
