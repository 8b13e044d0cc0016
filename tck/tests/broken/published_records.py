"""objects and documents drivers, wrong as others were found to be."""

from __future__ import annotations

import posixpath
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import quote, unquote

from broken.objects_presign import Signing, serving
from broken.registry import C
from omnicloud.contracts.documents.driver import Find, Update
from omnicloud.contracts.documents.filters import In, leaves, where
from omnicloud.contracts.documents.models import (
    DocumentEntry,
    DocumentPage,
    UpdateResult,
)
from omnicloud.contracts.objects.driver import Copy, Delete, DeleteMany, GetRange, List, Put, Stat
from omnicloud.contracts.objects.models import Chunk, ObjectInfo, ObjectPage, ObjectsLimits, PartTag
from omnicloud.contracts.objects.uploads import AbortUpload, CompleteUpload
from omnicloud.memory.documents import MemoryDocuments
from omnicloud.memory.objects import MemoryObjects, _Upload
from omnicloud.memory.store import MemoryStore
from omnicloud_tck.documents import DocumentsContract
from omnicloud_tck.objects import ObjectsContract
from published import published


def objects(id_: str, tier: str) -> Callable[[C], C]:
    return published(id_, tier, ObjectsContract)


class _Renaming(MemoryObjects):
    """Keeps objects under other names."""

    def kept(self, key: str) -> str:
        return key

    async def put(self, op: Put, /) -> str:
        return await super().put(replace(op, key=self.kept(op.key)))

    async def get_range(self, op: GetRange, /) -> Chunk | None:
        return await super().get_range(replace(op, key=self.kept(op.key)))

    async def stat(self, op: Stat, /) -> ObjectInfo | None:
        return await super().stat(replace(op, key=self.kept(op.key)))

    async def delete(self, op: Delete, /) -> None:
        await super().delete(replace(op, key=self.kept(op.key)))


@objects("P-OB-01", "T1")
class AbsentForSmallOnes(MemoryObjects):
    async def complete_upload(self, op: CompleteUpload, /) -> str:
        return await super().complete_upload(replace(op, if_absent=False))


@objects("P-OB-02", "T4")
class LeavesTheRoot(_Renaming):
    def __init__(self, store: MemoryStore, namespace: str = "") -> None:
        super().__init__(store, namespace)
        self._root = namespace
        self._table = ("objects", "")

    def kept(self, key: str) -> str:
        return posixpath.normpath(f"/{self._root}/{key}") if ".." in key.split("/") else key


@objects("P-OB-03", "T1")
class Slashes(_Renaming):
    def kept(self, key: str) -> str:
        return key.replace("\\", "/")


@objects("P-OB-04", "T1")
class SharesAttributes(MemoryObjects):
    async def stat(self, op: Stat, /) -> ObjectInfo | None:
        found = await super().stat(op)
        if found is None:
            return None
        attributes = self._store.__dict__.setdefault("_wrong_attributes", {})
        held = self._held(op.key)
        assert held is not None
        shared = attributes.setdefault(id(held.metadata), (held.metadata, dict(held.metadata)))
        return replace(found, metadata=shared[1])


@objects("P-OB-05", "T1")
class DecodesSource(MemoryObjects):
    async def copy(self, op: Copy, /) -> str | None:
        return await super().copy(replace(op, source=unquote(op.source)))


@published("P-OB-06", "T1", ObjectsContract, serving)
class SignsRawPath(Signing):
    def path_of(self, key: str) -> str:
        return quote(key, safe="/#?%")


@objects("P-OB-07", "T2")
class ListsOnce(MemoryObjects):
    async def list(self, op: List, /) -> ObjectPage:
        listed = self.__dict__.setdefault("_wrong_listed", {})
        if op not in listed:
            listed[op] = await super().list(op)
        await self._store.reading()
        page: ObjectPage = listed[op]
        return page

    async def put(self, op: Put, /) -> str:
        # What the client itself writes, it knows of.
        self.__dict__.setdefault("_wrong_listed", {}).clear()
        return await super().put(op)


@objects("P-OB-08", "T1")
class TokenSkips(MemoryObjects):
    async def list(self, op: List, /) -> ObjectPage:
        page = await super().list(op)
        if page.cursor is None:
            return page
        wider = await super().list(replace(op, limit=op.limit + 1))
        return ObjectPage(page.items, wider.cursor)


@objects("P-OB-09", "T3")
class PublishesTorn(MemoryObjects):
    async def abort_upload(self, op: AbortUpload, /) -> None:
        upload: _Upload | None = self._store.rows(self._pending).get(op.upload_id)
        if upload is None:
            await super().abort_upload(op)
            return
        parts = tuple(PartTag(number, tag) for number, (tag, _) in sorted(upload.parts.items()))
        await self.complete_upload(CompleteUpload(op.key, op.upload_id, parts))


@objects("P-OB-10", "T1")
class ListsEncoded(MemoryObjects):
    async def list(self, op: List, /) -> ObjectPage:
        page = await super().list(op)
        items = tuple(replace(item, key=quote(item.key)) for item in page.items)
        return ObjectPage(items, page.cursor)


@objects("P-OB-11", "T1")
class FirstThousand(MemoryObjects):
    @property
    def limits(self) -> ObjectsLimits:
        return ObjectsLimits(batch_max_items=10_000)

    async def delete_many(self, op: DeleteMany, /) -> None:
        await super().delete_many(replace(op, keys=op.keys[:1000]))


@published("P-DO-01", "T1", DocumentsContract)
class EmptyIn(MemoryDocuments):
    async def find(self, op: Find, /) -> DocumentPage:
        for leaf in leaves(op.filter):
            if isinstance(leaf, In):
                leaf.values[0]
        return await super().find(op)


@published("P-DO-02", "T2", DocumentsContract)
class NestedByReference(MemoryDocuments):
    async def find(self, op: Find, /) -> DocumentPage:
        page = await super().find(op)
        return DocumentPage(tuple(self._shallow(op, item) for item in page.items), page.cursor)

    def _shallow(self, op: Find, item: DocumentEntry) -> DocumentEntry:
        row: Any = self._rows(op.collection).get(item.document["_id"])
        return item if row is None else DocumentEntry(dict(row.document), item.version)


@published("P-DO-03", "T1", DocumentsContract)
class UpsertForgetsFilter(MemoryDocuments):
    async def update(self, op: Update, /) -> UpdateResult:
        await self._turn()
        if op.upsert_id is None or self._first(op.collection, op.filter, None) is not None:
            return await super().update(op)
        return await super().update(replace(op, filter=where(_id=op.upsert_id)))


@published("P-DO-04", "T1", DocumentsContract)
class UpdateUnchecked(MemoryDocuments):
    async def update(self, op: Update, /) -> UpdateResult:
        return await super().update(replace(op, if_version=None))


@objects("P-OB-12", "T2")
class MissingMeanwhile(MemoryObjects):
    async def put(self, op: Put, /) -> str:
        await self._store.turn()
        self._expect(op.key, op.if_version, absent=op.if_absent)
        self._rows().pop(op.key, None)
        return await super().put(replace(op, if_version=None, if_absent=False))


@objects("P-OB-13", "T1")
class ListsAll(MemoryObjects):
    async def list(self, op: List, /) -> ObjectPage:
        return await super().list(replace(op, cursor=None, limit=1_000_000))
