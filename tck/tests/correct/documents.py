"""Right documents drivers that are not like the reference."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from correct.common import correct, meant, slowed, told
from omnicloud.contracts.documents.driver import Delete, Find, Insert, Replace, Update
from omnicloud.contracts.documents.filters import Filter
from omnicloud.contracts.documents.models import (
    DocumentPage,
    DocumentsFeature,
    DocumentsLimits,
    UpdateResult,
)
from omnicloud.core.operation import Feature
from omnicloud.memory.documents import MemoryDocuments, _Row
from omnicloud.memory.store import MemoryStore, MemoryTransaction


@correct("documents")
class Other(MemoryDocuments):
    """Narrow limits, short and empty pages, versions of another form, another order, slow."""

    def __init__(
        self,
        store: MemoryStore,
        namespace: str = "",
        *,
        transaction: MemoryTransaction | None = None,
    ) -> None:
        super().__init__(slowed(store), namespace, transaction=transaction)

    @property
    def limits(self) -> DocumentsLimits:
        return DocumentsLimits(document_max_bytes=4096, page_max_items=3)

    def within(self, transaction: object, /) -> Other:
        joined = self._store.joined(transaction)
        return Other(self._store, self._namespace, transaction=joined)

    def _matching(self, collection: str, condition: Filter) -> Iterator[_Row]:
        return reversed(list(super()._matching(collection, condition)))

    async def insert(self, op: Insert, /) -> str:
        return told(await super().insert(op))

    async def find(self, op: Find, /) -> DocumentPage:
        if op.cursor is None:
            return DocumentPage((), "first")
        cursor = None if op.cursor == "first" else op.cursor
        page = await super().find(replace(op, cursor=cursor, limit=min(op.limit, 3)))
        items = tuple(replace(item, version=told(item.version)) for item in page.items)
        return DocumentPage(items, page.cursor)

    async def update(self, op: Update, /) -> UpdateResult:
        return _told(await super().update(replace(op, if_version=meant(op.if_version))))

    async def replace(self, op: Replace, /) -> UpdateResult:
        return _told(await super().replace(replace(op, if_version=meant(op.if_version))))

    async def delete(self, op: Delete, /) -> bool:
        return await super().delete(replace(op, if_version=meant(op.if_version)))


def _told(result: UpdateResult) -> UpdateResult:
    return replace(result, version=result.version and told(result.version))


@correct("documents", spared=("DOC-148",))
class Bare(MemoryDocuments):
    """No indexes, no conditions, no transactions."""

    @property
    def features(self) -> frozenset[Feature]:
        return frozenset()


@correct("documents", spared=("DOC-148",))
class Indexed(MemoryDocuments):
    """Indexes, and nothing else."""

    @property
    def features(self) -> frozenset[Feature]:
        return frozenset({DocumentsFeature.INDEX})
