"""Drivers that tell a moment, a number or a mark in another form than they compare it in."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from broken.registry import broken
from omnicloud.contracts.cache.driver import Get as GetCached
from omnicloud.contracts.cache.models import Cached
from omnicloud.contracts.documents.driver import Find, Insert
from omnicloud.contracts.documents.models import DocumentEntry, DocumentPage, UpdateResult
from omnicloud.contracts.kv.driver import Changes, Get, GetMany, Increment
from omnicloud.contracts.kv.driver import Set as SetKey
from omnicloud.contracts.kv.models import ChangePage, Record
from omnicloud.contracts.objects.driver import Copy, List, Put, Stat
from omnicloud.contracts.objects.models import ObjectInfo, ObjectPage, PartInfo
from omnicloud.contracts.objects.uploads import CompleteUpload, ListParts
from omnicloud.contracts.secrets.driver import Await, ListVersions, Set
from omnicloud.contracts.secrets.driver import Get as GetSecret
from omnicloud.contracts.secrets.models import StoredSecret, VersionInfo
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


def _quoted(version: str) -> str:
    return f'"{version}"'


@broken("BLIND14-KV-61", "T1", "a watch tells versions that no condition knows", KVContract)
class WatchesQuote(MemoryKV):
    async def changes(self, op: Changes, /) -> ChangePage:
        page = await super().changes(op)
        told = tuple(
            replace(one, version=_quoted(one.version)) if one.version else one
            for one in page.changes
        )
        return ChangePage(told, page.cursor)


@broken("BLIND14-KV-62", "T1", "get_many tells versions that no condition knows", KVContract)
class BatchesQuote(MemoryKV):
    async def get_many(self, op: GetMany, /) -> tuple[Record | None, ...]:
        found = await super().get_many(op)
        return tuple(one and replace(one, version=_quoted(one.version)) for one in found)


@broken("BLIND14-KV-63", "T1", "a set under a version tells the version before it", KVContract)
class TellsTheVersionBefore(MemoryKV):
    async def set(self, op: SetKey, /) -> str:
        version = await super().set(op)
        return str(int(version) - 1) if op.if_version is not None else version


@broken("BLIND14-KV-65", "T1", "a version is compared by its beginning", KVContract)
class ComparesBeginnings(MemoryKV):
    @staticmethod
    def _expect(version: str | None, current: Any) -> None:
        if version and current is not None and version.startswith(str(current.version)):
            return
        MemoryKV._expect(version, current)


@broken("BLIND14-KV-66", "T1", "an increment tells its sum as a float would", KVContract)
class SumsAsFloats(MemoryKV):
    async def increment(self, op: Increment, /) -> int:
        total = await super().increment(op)
        return int(float(total)) if abs(total) > 1 << 53 else total


@broken("BLIND14-KV-67", "T1", "a watch goes on one behind what it told", KVContract)
class TellsCursorsAhead(MemoryKV):
    async def changes(self, op: Changes, /) -> ChangePage:
        page = await super().changes(op)
        if op.cursor is None:
            return page
        return ChangePage(page.changes, str(int(page.cursor) + 1) if page.changes else page.cursor)


@broken("BLIND14-OB-61", "T1", "a listing tells versions that no condition knows", ObjectsContract)
class ListsQuote(MemoryObjects):
    async def list(self, op: List, /) -> ObjectPage:
        page = await super().list(op)
        told = tuple(
            replace(one, version=_quoted(one.version)) if one.version else one for one in page.items
        )
        return ObjectPage(told, page.cursor)


@broken("BLIND14-OB-62", "T1", "a copy tells its source's version", ObjectsContract)
class CopiesTellTheSource(MemoryObjects):
    async def copy(self, op: Copy, /) -> str | None:
        source = self._held(op.source)
        told = await super().copy(op)
        return told if source is None or told is None else source.version


@broken("BLIND14-OB-63", "T1", "a completed upload tells a version of its own", ObjectsContract)
class CompletionsTellAnother(MemoryObjects):
    async def complete_upload(self, op: CompleteUpload, /) -> str:
        return f"{await super().complete_upload(op)}-{len(op.parts)}"


@broken("BLIND14-OB-64", "T1", "listed parts have tags that no completion knows", ObjectsContract)
class PartsQuote(MemoryObjects):
    async def list_parts(self, op: ListParts, /) -> tuple[PartInfo, ...]:
        parts = await super().list_parts(op)
        return tuple(replace(one, tag=_quoted(one.tag)) for one in parts)


@broken("BLIND14-OB-65", "T1", "a checksum is told in capitals, and refused so", ObjectsContract)
class ChecksumsInCapitals(MemoryObjects):
    async def stat(self, op: Stat, /) -> ObjectInfo | None:
        found = await super().stat(op)
        if found is None or found.checksum is None:
            return found
        kind, _, digest = found.checksum.partition(":")
        return replace(found, checksum=f"{kind}:{digest.upper()}")


@broken("BLIND14-OB-66", "T1", "a version is compared by its beginning", ObjectsContract)
class ComparesBeginningsOfObjects(MemoryObjects):
    def _expect(self, key: str, version: str | None, *, absent: bool = False) -> None:
        held = self._held(key)
        if held is not None and version is not None and version.startswith(held.version):
            version = held.version
        super()._expect(key, version, absent=absent)


@broken("BLIND14-OB-67", "T1", "a put's version has no meaning to a range", ObjectsContract)
class PutsTellAnother(MemoryObjects):
    async def put(self, op: Put, /) -> str:
        version = await super().put(op)
        return _quoted(version) if op.if_version is not None else version


@broken("BLIND14-SE-61", "T1", "versions are listed padded, and not known so", SecretsContract)
class ListsPadded(MemorySecrets):
    async def list_versions(self, op: ListVersions, /) -> tuple[VersionInfo, ...]:
        listed = await super().list_versions(op)
        return tuple(replace(one, version=one.version.zfill(4)) for one in listed)


@broken("BLIND14-SE-62", "T1", "a wait tells a version that no get knows", SecretsContract)
class WaitsQuote(MemorySecrets):
    async def wait(self, op: Await, /) -> str | None:
        known = op.known.strip('"') if op.known else op.known
        told = await super().wait(replace(op, known=known))
        return told and _quoted(told)


@broken("BLIND14-SE-64", "T1", "a rotation tells the version that it replaced", SecretsContract)
class RotationsTellTheOld(MemorySecrets):
    async def set(self, op: Set, /) -> str:
        older = self._live(op.secret)
        made = await super().set(op)
        return str(older[0].version) if op.grace is not None and older else made


@broken("BLIND14-SE-65", "T1", "a version that is not there is the next older one", SecretsContract)
class ReadsTheNearest(MemorySecrets):
    async def get(self, op: GetSecret, /) -> StoredSecret | None:
        found = await super().get(op)
        if found is None and op.version is not None and op.version.isdigit():
            for held in self._live(op.secret)[:1]:
                if held.version < int(op.version):
                    return StoredSecret(held.value, str(held.version))
        return found


@broken("BLIND14-CA-61", "T1", "what is left to live is told in whole seconds", CacheContract)
class LivesInSeconds(MemoryCache):
    async def get(self, op: GetCached, /) -> Cached | None:
        found = await super().get(op)
        if found is None or found.expires_in is None:
            return found
        return replace(found, expires_in=float(int(found.expires_in + 1)))


@broken("BLIND14-KV-68", "T1", "of long lives the rest is told in whole minutes", KVContract)
class LivesInMinutes(MemoryKV):
    async def get(self, op: Get, /) -> Record | None:
        found = await super().get(op)
        if found is None or found.expires_in is None or found.expires_in < 600:
            return found
        return replace(found, expires_in=found.expires_in // 60 * 60)


def _in_milliseconds(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.replace(microsecond=value.microsecond // 1000 * 1000)
    if isinstance(value, dict):
        return {key: _in_milliseconds(item) for key, item in value.items()}
    return [_in_milliseconds(item) for item in value] if isinstance(value, list) else value


def _told(page: DocumentPage, how: Any) -> DocumentPage:
    items = tuple(DocumentEntry(how(one.document), one.version) for one in page.items)
    return DocumentPage(items, page.cursor)


@broken(
    "BLIND14-DO-61", "T1", "moments are told in milliseconds, and compared whole", DocumentsContract
)
class TellsMilliseconds(MemoryDocuments):
    async def find(self, op: Find, /) -> DocumentPage:
        return _told(await super().find(op), _in_milliseconds)


def _in_digits(value: Any) -> Any:
    if isinstance(value, float) and value == value:
        return float(f"{value:.15g}")
    if isinstance(value, dict):
        return {key: _in_digits(item) for key, item in value.items()}
    return [_in_digits(item) for item in value] if isinstance(value, list) else value


@broken(
    "BLIND14-DO-62", "T1", "floats are told in 15 digits, and compared whole", DocumentsContract
)
class TellsDigits(MemoryDocuments):
    async def find(self, op: Find, /) -> DocumentPage:
        return _told(await super().find(op), _in_digits)


@broken(
    "BLIND14-DO-63", "T1", "an upsert tells a version that no condition knows", DocumentsContract
)
class UpsertsTellAnother(MemoryDocuments):
    def _upsert(self, collection: str, document: Any) -> UpdateResult:
        made = super()._upsert(collection, document)
        return replace(made, version=_quoted(made.version or ""))


@broken(
    "BLIND14-DO-64", "T1", "a sorted page tells versions that no condition knows", DocumentsContract
)
class SortsQuote(MemoryDocuments):
    async def find(self, op: Find, /) -> DocumentPage:
        page = await super().find(op)
        if not op.sort:
            return page
        items = tuple(replace(one, version=_quoted(one.version)) for one in page.items)
        return DocumentPage(items, page.cursor)


@broken(
    "BLIND14-DO-65", "T1", "an update that changes nothing tells a new version", DocumentsContract
)
class NothingIsAVersion(MemoryDocuments):
    def _put(self, collection: str, row: Any, document: Any) -> UpdateResult:
        made = super()._put(collection, row, document)
        return replace(made, version=str(self._store.number())) if not made.modified else made


@broken("BLIND14-DO-67", "T1", "an insert's version is by its length", DocumentsContract)
class InsertsTellAnother(MemoryDocuments):
    async def insert(self, op: Insert, /) -> str:
        version = await super().insert(op)
        return f"{version}.0" if len(op.document) > 20 else version


@broken("BLIND14-DO-68", "T1", "a version is compared by its beginning", DocumentsContract)
class ComparesBeginningsOfVersions(MemoryDocuments):
    def _first(self, collection: str, condition: Any, version: str | None) -> Any:
        row = super()._first(collection, condition, None)
        if version and row is not None and version.startswith(str(row.version)):
            return row
        return super()._first(collection, condition, version)


@broken("BLIND14-SE-66", "T1", "a version is found by how it begins", SecretsContract)
class ReadsBeginnings(MemorySecrets):
    async def get(self, op: GetSecret, /) -> StoredSecret | None:
        found = await super().get(op)
        if found is None and op.version:
            for held in self._live(op.secret):
                if op.version.startswith(str(held.version)):
                    return StoredSecret(held.value, str(held.version))
        return found
