"""Drivers that take what they gave for one name, or one tenant, from any other."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from broken.registry import broken
from omnicloud.contracts.cache.driver import Fill, Unclaim
from omnicloud.contracts.documents.driver import Delete as DeleteDocument
from omnicloud.contracts.documents.driver import Find, Update
from omnicloud.contracts.documents.models import DocumentPage
from omnicloud.contracts.kv.driver import Changes, Delete, Scan, Set
from omnicloud.contracts.kv.models import ChangePage, Page
from omnicloud.contracts.objects.driver import GetRange, List
from omnicloud.contracts.objects.models import Chunk, ObjectPage, PartInfo
from omnicloud.contracts.objects.uploads import CompleteUpload, ListParts, UploadPart
from omnicloud.contracts.secrets.driver import Get
from omnicloud.contracts.secrets.driver import List as ListSecrets
from omnicloud.contracts.secrets.models import NamePage, StoredSecret
from omnicloud.errors import ConflictError
from omnicloud.memory.cache import MemoryCache
from omnicloud.memory.documents import MemoryDocuments
from omnicloud.memory.kv import MemoryKV
from omnicloud.memory.objects import MemoryObjects
from omnicloud.memory.secrets import MemorySecrets
from omnicloud_tck.cache import CacheContract
from omnicloud_tck.documents import DocumentsContract
from omnicloud_tck.kv import KVContract
from omnicloud_tck.objects import ObjectsContract
from omnicloud_tck.secrets import SecretsContract


@broken("BLIND14-OB-21", "T4", "a part goes to the upload of that id, of any key", ObjectsContract)
class PartsById(MemoryObjects):
    async def upload_part(self, op: UploadPart, /) -> str:
        return await super().upload_part(replace(op, key=self._key(op.key, op.upload_id)))

    def _key(self, key: str, upload_id: str) -> str:
        upload = self._store.rows(self._pending).get(upload_id)
        return key if upload is None else upload.key


@broken("BLIND14-OB-22", "T4", "parts are listed by an upload's id, of any key", ObjectsContract)
class ListsPartsById(PartsById):
    async def upload_part(self, op: UploadPart, /) -> str:
        return await MemoryObjects.upload_part(self, op)

    async def list_parts(self, op: ListParts, /) -> tuple[PartInfo, ...]:
        return await super().list_parts(replace(op, key=self._key(op.key, op.upload_id)))


@broken("BLIND14-OB-23", "T4", "an upload completes under whichever key is asked", ObjectsContract)
class CompletesAnywhere(MemoryObjects):
    async def complete_upload(self, op: CompleteUpload, /) -> str:
        pending = self._store.rows(self._pending)
        upload = pending.get(op.upload_id)
        if upload is not None and upload.key != op.key:
            pending[op.upload_id] = replace(upload, key=op.key)
        return await super().complete_upload(op)


@broken("BLIND14-OB-24", "T4", "a part is found by its tag in whichever upload", ObjectsContract)
class PartsByTag(MemoryObjects):
    async def complete_upload(self, op: CompleteUpload, /) -> str:
        pending = self._store.rows(self._pending)
        upload = pending.get(op.upload_id)
        if upload is not None and upload.key == op.key:
            by_tag = {tag: data for each in pending.values() for tag, data in each.parts.values()}
            parts = {
                part.number: (part.tag, by_tag[part.tag]) for part in op.parts if part.tag in by_tag
            }
            pending[op.upload_id] = replace(upload, parts={**upload.parts, **parts})
        return await super().complete_upload(op)


@broken("BLIND14-OB-25", "T4", "a range under a version is of whichever object", ObjectsContract)
class RangesByVersion(MemoryObjects):
    async def get_range(self, op: GetRange, /) -> Chunk | None:
        try:
            return await super().get_range(op)
        except ConflictError:
            for key, held in self._rows().items():
                if held.version == op.if_version:
                    return Chunk(held.data[op.start : op.end], held.info(op.key or key))
            raise


@broken("BLIND14-OB-26", "T4", "a listing goes on with its cursor's prefix", ObjectsContract)
class ListsByCursor(MemoryObjects):
    async def list(self, op: List, /) -> ObjectPage:
        begun = self._store.rows("cursors")
        prefix = begun.get(op.cursor, op.prefix)
        page = await super().list(replace(op, prefix=prefix))
        if page.cursor is not None:
            begun[page.cursor] = prefix
        return page


@broken("BLIND14-KV-41", "T4", "a scan goes on with its cursor's prefix", KVContract)
class ScansByCursor(MemoryKV):
    async def scan(self, op: Scan, /) -> Page:
        begun = self._store.rows("cursors")
        prefix = begun.get(op.cursor, op.prefix)
        page = await super().scan(replace(op, prefix=prefix))
        if page.cursor is not None:
            begun[page.cursor] = prefix
        return page


@broken("BLIND14-KV-42", "T4", "a set under a version asks whether any key has it", KVContract)
class SetsByVersion(MemoryKV):
    async def set(self, op: Set, /) -> str:
        await self._turn()
        current = self._live(op.key)
        known = any(str(row.version) == op.if_version for row in self._rows().values())
        if current is not None and known:
            op = replace(op, if_version=str(current.version))
        return await super().set(op)


@broken("BLIND14-KV-43", "T4", "a delete under a version deletes the key that has it", KVContract)
class DeletesByVersion(MemoryKV):
    async def delete(self, op: Delete, /) -> bool:
        await self._turn()
        for key, row in self._rows().items():
            if op.if_version is not None and str(row.version) == op.if_version:
                return await super().delete(replace(op, key=key))
        return await super().delete(op)


@broken("BLIND14-KV-44", "T4", "a watch goes on with its cursor's prefix", KVContract)
class WatchesByCursor(MemoryKV):
    async def changes(self, op: Changes, /) -> ChangePage:
        begun = self._store.rows("watches")
        prefix = begun.get(op.cursor, op.prefix)
        page = await super().changes(replace(op, prefix=prefix))
        begun[page.cursor] = prefix
        return page


@broken("BLIND14-SE-41", "T4", "a version is read under whichever name is asked", SecretsContract)
class VersionsByThemselves(MemorySecrets):
    async def get(self, op: Get, /) -> StoredSecret | None:
        found = await super().get(op)
        if found is None and op.version is not None and self._live(op.secret):
            for versions in self._rows().values():
                for held in versions:
                    if str(held.version) == op.version:
                        return StoredSecret(held.value, op.version)
        return found


@broken("BLIND14-SE-42", "T4", "a listing goes on with its cursor's prefix", SecretsContract)
class NamesByCursor(MemorySecrets):
    async def list(self, op: ListSecrets, /) -> NamePage:
        begun = self._store.rows("cursors")
        prefix = begun.get(op.cursor, op.prefix)
        page = await super().list(replace(op, prefix=prefix))
        if page.cursor is not None:
            begun[page.cursor] = prefix
        return page


@broken("BLIND14-CA-41", "T4", "a claim of one key lets its owner fill any", CacheContract)
class FillsByOwner(MemoryCache):
    async def fill(self, op: Fill, /) -> bool:
        shelf = await self._turn()
        held = [key for key, claim in shelf._claims.items() if claim.owner == op.owner]
        if held and op.key not in held:
            shelf._claims[op.key] = shelf._claims.pop(held[0])
        return await super().fill(op)


@broken("BLIND14-CA-42", "T4", "who ends a claim ends all of its owner", CacheContract)
class UnclaimsByOwner(MemoryCache):
    async def unclaim(self, op: Unclaim, /) -> None:
        shelf = await self._turn()
        for key in [key for key, claim in shelf._claims.items() if claim.owner == op.owner]:
            shelf.unclaim(key, op.owner)


@broken("BLIND14-DO-41", "T4", "a search goes on in its cursor's collection", DocumentsContract)
class FindsByCursor(MemoryDocuments):
    async def find(self, op: Find, /) -> DocumentPage:
        begun = self._store.rows("cursors")
        place = begun.get(op.cursor, op.collection)
        page = await super().find(replace(op, collection=place))
        if page.cursor is not None:
            begun[page.cursor] = place
        return page


@broken(
    "BLIND14-DO-42", "T4", "an update asks whether any document has the version", DocumentsContract
)
class UpdatesByVersion(MemoryDocuments):
    async def update(self, op: Update, /) -> Any:
        await self._turn()
        known = any(str(row.version) == op.if_version for row in self._rows(op.collection).values())
        return await super().update(replace(op, if_version=None) if known else op)


@broken(
    "BLIND14-DO-43", "T4", "a delete under a version is in whichever collection", DocumentsContract
)
class DeletesInAnyCollection(MemoryDocuments):
    async def delete(self, op: DeleteDocument, /) -> bool:
        await self._turn()
        for table, rows in self._store._tables.items():
            if op.if_version is None or table[0] != "documents":
                continue
            for name, row in rows.items():
                if str(row.version) == op.if_version:
                    del rows[name]
                    return True
        return await super().delete(op)


@broken("BLIND14-DO-44", "T4", "a search goes on with its cursor's filter", DocumentsContract)
class FindsByCursorsFilter(MemoryDocuments):
    async def find(self, op: Find, /) -> DocumentPage:
        begun = self._store.rows("filters")
        filter_ = begun.get(op.cursor, op.filter)
        page = await super().find(replace(op, filter=filter_))
        if page.cursor is not None:
            begun[page.cursor] = filter_
        return page


@broken(
    "BLIND14-DO-45",
    "T4",
    "a cursor that comes twice ends the walk that it is of",
    DocumentsContract,
)
class FindsOnce(MemoryDocuments):
    async def find(self, op: Find, /) -> DocumentPage:
        used = self._store.rows("used")
        if op.cursor is not None and used.setdefault(op.cursor, op.collection) != op.collection:
            used[op.cursor] = op.collection
            return DocumentPage(())
        return await super().find(op)
