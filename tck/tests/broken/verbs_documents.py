"""documents drivers that are wrong in one verb."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from broken.registry import broken
from omnicloud.contracts.documents.driver import (
    Count,
    CreateIndex,
    Delete,
    Find,
    Insert,
    Replace,
    Update,
)
from omnicloud.contracts.documents.models import DocumentPage, UpdateResult
from omnicloud.contracts.documents.updates import ChangeKind
from omnicloud.memory.documents import MemoryDocuments
from omnicloud_tck.documents import DocumentsContract


def documents(number: str, tier: str, summary: str) -> Any:
    return broken(f"VERB-DO-{number}", tier, summary, DocumentsContract)


@documents("02", "T1", "count stops at a thousand")
class CountStops(MemoryDocuments):
    async def count(self, op: Count, /) -> int:
        return min(await super().count(op), 1000)


@documents("03", "T1", "$unset leaves null")
class UnsetNull(MemoryDocuments):
    async def update(self, op: Update, /) -> UpdateResult:
        changes = tuple(
            replace(c, kind=ChangeKind.SET, value=None) if c.kind is ChangeKind.UNSET else c
            for c in op.changes
        )
        return await super().update(replace(op, changes=changes))


@documents("04", "T1", "an update that changes nothing has a new version")
class NewVersionAlways(MemoryDocuments):
    async def update(self, op: Update, /) -> UpdateResult:
        result = await super().update(op)
        row = self._first(op.collection, op.filter, None)
        if result.matched and not result.modified and row is not None:
            made = replace(row, version=self._store.number())
            self._rows(op.collection)[row.document["_id"]] = made
            return replace(result, version=str(made.version))
        return result


@documents("05", "T1", "a replacement that changes nothing is told as modified")
class ReplacedAlways(MemoryDocuments):
    async def replace(self, op: Replace, /) -> UpdateResult:
        result = await super().replace(op)
        return replace(result, modified=result.matched)


@documents("06", "T1", "a delete without a match under a version is no conflict")
class DeleteNoConflict(MemoryDocuments):
    async def delete(self, op: Delete, /) -> bool:
        await self._turn()
        if self._first(op.collection, op.filter, None) is None:
            return False
        return await super().delete(op)


@documents("07", "T4", "counting counts the documents of every tenant")
class CountsAll(MemoryDocuments):
    async def count(self, op: Count, /) -> int:
        if not op.collection.startswith("~"):
            return await super().count(op)
        seen = self._store.rows("collections")
        bare = op.collection.partition("/")[2]
        names = [n for n in seen if n.startswith("~") and n.partition("/")[2] == bare]
        total = 0
        for name in names:
            total += await super().count(replace(op, collection=name))
        return total

    async def insert(self, op: Insert, /) -> str:
        self._store.rows("collections")[op.collection] = True
        return await super().insert(op)


@documents("08", "T4", "an update of one tenant changes the other tenants' match, too")
class UpdatesAll(MemoryDocuments):
    async def insert(self, op: Insert, /) -> str:
        self._store.rows("collections")[op.collection] = True
        return await super().insert(op)

    async def update(self, op: Update, /) -> UpdateResult:
        bare = op.collection.partition("/")[2]
        for name in list(self._store.rows("collections")):
            if name != op.collection and name.startswith("~") and name.partition("/")[2] == bare:
                plain = replace(op, collection=name, upsert_id=None, if_version=None)
                await super().update(plain)
        return await super().update(op)


@documents("09", "T1", "a search downwards breaks ties downwards")
class TiesDown(MemoryDocuments):
    async def find(self, op: Find, /) -> DocumentPage:
        if len(op.sort) == 1 and op.sort[0].descending and op.cursor is None:
            page = await super().find(replace(op, limit=1 << 20))
            if len(page.items) <= op.limit:
                name = op.sort[0].path[0]
                values = [i.document.get(name) for i in page.items]
                if len(set(map(repr, values))) == 1:
                    return DocumentPage(page.items[::-1])
        return await super().find(op)


@documents("10", "T1", "an index may be made again with the other kind")
class IndexAgain(MemoryDocuments):
    async def create_index(self, op: CreateIndex, /) -> None:
        await self._turn()
        self._indexes(op.collection).pop(op.paths, None)
        await super().create_index(op)


@documents("11", "T1", "an insert of a document that replaces a deleted one has its old version")
class VersionReturns(MemoryDocuments):
    async def delete(self, op: Delete, /) -> bool:
        await self._turn()
        row = self._first(op.collection, op.filter, op.if_version)
        there = await super().delete(op)
        if there and row is not None:
            self._store.rows("gone")[op.collection, row.document["_id"]] = row.version
        return there

    async def insert(self, op: Insert, /) -> str:
        version = await super().insert(op)
        old = self._store.rows("gone").pop((op.collection, op.document["_id"]), None)
        if old is not None:
            rows = self._rows(op.collection)
            rows[op.document["_id"]] = replace(rows[op.document["_id"]], version=old)
            return str(old)
        return version
