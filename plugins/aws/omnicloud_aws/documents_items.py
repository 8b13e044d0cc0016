"""Where the documents of a collection are in the table, and what an item of one holds.

A collection has three partitions. ``documents``: an item a document, its sort key the ``_id`` as
in :mod:`.kv_table`; ``b`` is the document in the JSON form of the contract, ``n`` its version,
``s`` what the service itself can look at. ``guards``: see :mod:`.documents_guards`. ``unique``:
an item a value that a unique index binds, of no content.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from omnicloud.contracts.documents.models import Document, DocumentEntry
from omnicloud.contracts.documents.values import decoded
from omnicloud_aws.documents_facets import facets
from omnicloud_aws.kv_table import Item, sort_key, stand

__all__ = ["FIRST", "LAST", "Place", "Stored", "bodies", "read"]

FIRST, LAST = b"\0", b"\xff" * 1024
"""Where sort keys begin and end."""
_LONG = 1_000


@dataclass(frozen=True, slots=True)
class Stored:
    """A document as it stands in the table."""

    entry: DocumentEntry
    body: bytes

    @property
    def id(self) -> str:
        """Its ``_id``."""
        return str(self.entry.document["_id"])


@dataclass(frozen=True, slots=True)
class Place:
    """A collection of a service in a table."""

    table: str
    service: str
    collection: str

    def partition(self, kind: str) -> str:
        """The partition of ``documents``, ``guards`` or ``unique`` things."""
        name = self.collection.encode()
        if len(name) <= _LONG:
            return f"{kind}/{self.service}/{self.collection}"
        return f"{kind}-long/{self.service}/{sha256(name).hexdigest()}"

    def document(self, identity: str) -> dict[str, Any]:
        """The request's part that says which document."""
        return self.at("documents", sort_key(identity.encode()))

    def at(self, kind: str, sort: bytes) -> dict[str, Any]:
        """The request's part that says which item."""
        key = {"p": {"S": self.partition(kind)}, "k": {"B": sort}}
        return {"TableName": self.table, "Key": key}

    def item(self, document: Document, body: bytes) -> dict[str, Any]:
        """The item of a document, of a version that never was."""
        key: dict[str, Any] = self.document(document["_id"])["Key"]
        version = {"n": {"S": uuid.uuid4().hex}, "b": {"B": body}}
        return {**key, **version, **facets(document)}


def bodies(items: list[Item]) -> list[Stored]:
    """The documents of some items, by ``_id``: cut sort keys do not sort those alike."""
    stored = [read(item) for item in items]
    if any(stand(item["k"]["B"]) != item["k"]["B"] for item in items):
        stored.sort(key=lambda one: one.id)
    return stored


def read(item: Mapping[str, Any]) -> Stored:
    """The document of an item."""
    body = bytes(item["b"]["B"])
    return Stored(DocumentEntry(decoded(body), item["n"]["S"]), body)
