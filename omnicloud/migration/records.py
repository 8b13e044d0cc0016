"""The mover of documents."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Sequence

from omnicloud.contracts.documents import Documents
from omnicloud.contracts.documents.filters import where
from omnicloud.contracts.documents.models import DocumentEntry
from omnicloud.contracts.documents.values import encoded
from omnicloud.errors import InvalidArgumentError
from omnicloud.migration.models import Item, Loss, Moved, Notes
from omnicloud.migration.telling import differing, narrower, of_one_scope

__all__ = ["DocumentsMover"]


class DocumentsMover:
    """Copies the documents of some collections."""

    def __init__(self, source: Documents, target: Documents, collections: Sequence[str]) -> None:
        self._source, self._target = source, target
        if not collections:
            raise InvalidArgumentError(
                "no collection is named, and a store does not list its own",
                hint="name each: --collection orders --collection users",
            )
        self._collections = tuple(dict.fromkeys(collections))

    def losses(self) -> tuple[Loss, ...]:
        here, there = self._source.pipeline.driver, self._target.pipeline.driver
        return (
            *of_one_scope(),
            Loss("indexes", "a store does not list them: create them in the target first"),
            *narrower(here.limits, there.limits),
        )

    async def items(self) -> AsyncIterator[Item]:
        for collection in self._collections:
            async for entry in self._source.iterate(collection):
                yield Item((collection, entry.document["_id"]), entry.version, entry)

    async def move(self, item: Item, notes: Notes) -> Moved | None:
        collection, id_ = item.place
        entry = item.held
        if not isinstance(entry, DocumentEntry):
            raise InvalidArgumentError("the item is none of this mover")
        if entry.version == notes.version(item.place):
            return Moved(entry.version, written=False)
        named = where({"_id": id_})
        await self._target.replace_one(collection, named, entry.document, upsert=True)
        back = await self._target.find_one(collection, named)
        sent = encoded(entry.document)
        if back is None or _checksum(encoded(back)) != _checksum(sent):
            raise differing(item)
        return Moved(entry.version, len(sent))


def _checksum(document: bytes) -> str:
    return hashlib.sha256(document).hexdigest()
