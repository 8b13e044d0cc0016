"""Drivers of a second round, wrong in ways that passed the laws mended after the first."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from broken.registry import broken
from broken.unseen_common import came_back
from broken.unseen_iam import _OtherRules
from omnicloud.contracts.cache.driver import Get as CacheGet
from omnicloud.contracts.cache.driver import Touch
from omnicloud.contracts.cache.models import Cached
from omnicloud.contracts.iam.models import Access, Effect, Policy
from omnicloud.contracts.kv.driver import Changes, Delete, Get, Scan
from omnicloud.contracts.kv.models import Change, ChangeKind, ChangePage, Page, Record
from omnicloud.contracts.objects.driver import Copy
from omnicloud.contracts.objects.uploads import CompleteUpload
from omnicloud.contracts.secrets.driver import ListVersions, Set
from omnicloud.contracts.secrets.models import VersionInfo
from omnicloud.memory.cache import MemoryCache
from omnicloud.memory.documents import MemoryDocuments
from omnicloud.memory.kv import MemoryKV
from omnicloud.memory.objects import MemoryObjects
from omnicloud.memory.secrets import MemorySecrets
from omnicloud.memory.shelf import Entry
from omnicloud_tck.cache import CacheContract
from omnicloud_tck.documents import DocumentsContract
from omnicloud_tck.iam import IAMContract
from omnicloud_tck.kv import KVContract
from omnicloud_tck.objects import ObjectsContract
from omnicloud_tck.secrets import SecretsContract


@broken("U2-KV-01", "T1", "a scan whose last page is full loses the last key", KVContract)
class FullPage(MemoryKV):
    async def scan(self, op: Scan, /) -> Page:
        page = await super().scan(op)
        full = page.cursor is None and len(page.keys) == op.limit > 1
        return Page(page.keys[:-1]) if full else page


@broken("U2-KV-02", "T1", "a key deleted and made again is told as deleted", KVContract)
class StaysDeleted(MemoryKV):
    async def delete(self, op: Delete, /) -> bool:
        was_live = await super().delete(op)
        self._store.rows("deleted")[op.key] = was_live
        return was_live

    async def changes(self, op: Changes, /) -> ChangePage:
        page = await super().changes(op)
        deleted = self._store.rows("deleted")
        told = (
            Change(each.key, ChangeKind.DELETED) if deleted.pop(each.key, False) else each
            for each in page.changes
        )
        return ChangePage(tuple(told), page.cursor)


@broken("U2-KV-03", "T3", "lives stand still in an outage, and five seconds more", KVContract)
class StandStill(MemoryKV):
    async def get(self, op: Get, /) -> Record | None:
        if came_back(self._store, self._store.__dict__.setdefault("_seen", {})):
            for key, row in list(self._rows().items()):
                if row.deadline is not None and row.value is not None:
                    self._rows()[key] = later = replace(row, deadline=row.deadline + 5)
                    self._arm(key, later)
        return await super().get(op)


@broken("U2-CA-01", "T1", "touching a value over 4 KiB is forgotten", CacheContract)
class SmallTouches(MemoryCache):
    async def touch(self, op: Touch, /) -> bool:
        found = await self.get(CacheGet(op.key))
        large = found is not None and len(found.value) > 4000
        return True if large else await super().touch(op)


@broken("U2-CA-02", "T3", "lives stand still in an outage, and five seconds more", CacheContract)
class CacheStandsStill(MemoryCache):
    async def get(self, op: CacheGet, /) -> Cached | None:
        if came_back(self._store, self._store.__dict__.setdefault("_seen", {})):
            shelf = self._shelf()
            for key, entry in list(shelf._entries.items()):
                if entry.deadline is not None:
                    shelf.put(key, Entry(entry.value, entry.deadline + 5))
        return await super().get(op)


@broken("U2-OB-01", "T1", "an upload in parts of no byte makes no object", ObjectsContract)
class NothingOfNothing(MemoryObjects):
    async def complete_upload(self, op: CompleteUpload, /) -> str:
        version = await super().complete_upload(op)
        if not self._rows()[op.key].data:
            del self._rows()[op.key]
        return version


@broken("U2-OB-02", "T1", "a copy has the time of its source", ObjectsContract)
class OldTime(MemoryObjects):
    async def copy(self, op: Copy, /) -> str | None:
        source = self._held(op.source)
        version = await super().copy(op)
        if source is not None:
            made = self._rows()[op.target]
            self._rows()[op.target] = replace(made, modified=source.modified)
        return version


@broken("U2-OB-03", "T1", "a copy onto itself loses the metadata", ObjectsContract)
class BareItself(MemoryObjects):
    async def copy(self, op: Copy, /) -> str | None:
        version = await super().copy(op)
        if version is not None and op.source == op.target:
            self._rows()[op.target] = replace(self._rows()[op.target], metadata=())
        return version


@broken("U2-DO-01", "T1", "a float that is whole is kept as an integer", DocumentsContract)
class WholeFloats(MemoryDocuments):
    def _write(self, collection: str, document: dict[str, Any]) -> int:
        kept = {
            key: int(value) if key == "n" and isinstance(value, float) and value % 1 == 0 else value
            for key, value in document.items()
        }
        return super()._write(collection, kept)


@broken("U2-SE-01", "T1", "a rotation keeps one older version only", SecretsContract)
class OneOlder(MemorySecrets):
    async def set(self, op: Set, /) -> str:
        version = await super().set(op)
        if op.grace is not None:
            self._rows()[op.secret] = self._rows()[op.secret][:2]
        return version


@broken("U2-SE-02", "T1", "what is left of a grace is told as all of it", SecretsContract)
class AllOfIt(MemorySecrets):
    async def list_versions(self, op: ListVersions, /) -> tuple[VersionInfo, ...]:
        found = await super().list_versions(op)
        return tuple(replace(each, expires_in=each.expires_in and 60.0) for each in found)


@broken("U2-SE-03", "T1", "the time of a version is told in milliseconds", SecretsContract)
class Milliseconds(MemorySecrets):
    async def list_versions(self, op: ListVersions, /) -> tuple[VersionInfo, ...]:
        found = await super().list_versions(op)
        return tuple(replace(each, created=each.created * 1000) for each in found)


@broken("U2-IA-01", "T4", "a rule that denies several actions denies the first", IAMContract)
class FirstAction(_OtherRules):
    def rule(self, policy: Policy, access: Access) -> Policy:
        denies = policy.effect is Effect.DENY
        return replace(policy, actions=policy.actions[:1]) if denies else policy
