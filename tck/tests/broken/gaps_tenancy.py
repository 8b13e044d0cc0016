"""Drivers that mix up tenants, at the places that the list of known faults leaves open."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import replace
from typing import Any
from urllib.parse import unquote

from broken.registry import broken
from omnicloud.contracts.cache.driver import Clear
from omnicloud.contracts.documents.driver import Delete as DeleteDocument
from omnicloud.contracts.documents.driver import Find, Insert
from omnicloud.contracts.documents.models import DocumentPage
from omnicloud.contracts.kv.driver import Delete, Get, Scan, Set
from omnicloud.contracts.kv.models import Page, Record
from omnicloud.contracts.locks.line import Line
from omnicloud.contracts.messaging.driver import DeadLetters
from omnicloud.contracts.messaging.models import DeadPage
from omnicloud.contracts.objects.driver import DeleteMany, List
from omnicloud.contracts.objects.models import ObjectPage
from omnicloud.contracts.secrets.driver import Get as GetSecret
from omnicloud.contracts.secrets.driver import Set as SetSecret
from omnicloud.contracts.secrets.models import StoredSecret
from omnicloud.memory.cache import MemoryCache
from omnicloud.memory.documents import MemoryDocuments
from omnicloud.memory.kv import MemoryKV
from omnicloud.memory.locks import MemoryLocks
from omnicloud.memory.messaging import MemoryMessaging
from omnicloud.memory.objects import MemoryObjects
from omnicloud.memory.secrets import MemorySecrets
from omnicloud_tck.cache import CacheContract
from omnicloud_tck.documents import DocumentsContract
from omnicloud_tck.kv import KVContract
from omnicloud_tck.locks import LocksContract
from omnicloud_tck.messaging import MessagingContract
from omnicloud_tck.objects import ObjectsContract
from omnicloud_tck.secrets import SecretsContract

_TENANT = re.compile(r"^~([^~/]+)/")


def _with_tenant(stored: str, how: Any) -> str:
    """The stored name with another tenant in it; names outside tenants stay."""
    return _TENANT.sub(lambda found: f"~{how(found[1])}/", stored)


class _Tenants(MemoryKV):
    def tenant(self, tenant: str) -> str:
        return tenant

    async def get(self, op: Get, /) -> Record | None:
        return await super().get(replace(op, key=_with_tenant(op.key, self.tenant)))

    async def set(self, op: Set, /) -> str:
        return await super().set(replace(op, key=_with_tenant(op.key, self.tenant)))

    async def delete(self, op: Delete, /) -> bool:
        return await super().delete(replace(op, key=_with_tenant(op.key, self.tenant)))


@broken("GAP-TN01", "T0", "the tenant is ignored", KVContract)
class IgnoresTenant(_Tenants):
    def tenant(self, tenant: str) -> str:
        return "all"


@broken("GAP-TN02", "T4", "a batch delete takes the objects of the others along", ObjectsContract)
class DeletesForAll(MemoryObjects):
    async def delete_many(self, op: DeleteMany, /) -> None:
        await super().delete_many(op)
        bare = {_TENANT.sub("", key) for key in op.keys if _TENANT.match(key)}
        for key in [key for key in self._rows() if _TENANT.sub("", key) in bare]:
            del self._rows()[key]


@broken("GAP-TN03", "T4", "tenants are compared without case", DocumentsContract)
class FoldsTenants(MemoryDocuments):
    async def insert(self, op: Insert, /) -> str:
        return await super().insert(replace(op, collection=_with_tenant(op.collection, str.lower)))

    async def find(self, op: Find, /) -> DocumentPage:
        return await super().find(replace(op, collection=_with_tenant(op.collection, str.lower)))

    async def delete(self, op: DeleteDocument, /) -> bool:
        return await super().delete(replace(op, collection=_with_tenant(op.collection, str.lower)))


@broken("GAP-TN04", "T4", "tenants that differ in punctuation only are one", SecretsContract)
class FoldsPunctuation(MemorySecrets):
    @staticmethod
    def _plain(tenant: str) -> str:
        return re.sub(r"[^A-Za-z0-9]", "_", unquote(tenant))

    async def get(self, op: GetSecret, /) -> StoredSecret | None:
        return await super().get(replace(op, secret=_with_tenant(op.secret, self._plain)))

    async def set(self, op: SetSecret, /) -> str:
        return await super().set(replace(op, secret=_with_tenant(op.secret, self._plain)))


@broken("GAP-TN06", "T4", "a list shows the keys of others as one's own", ObjectsContract)
class ListsAll(MemoryObjects):
    async def list(self, op: List, /) -> ObjectPage:
        page = await super().list(op)
        found = _TENANT.match(op.prefix)
        if found is None or op.delimiter is not None or page.cursor is not None:
            return page
        every = await super().list(List(limit=1 << 20))
        mine = {item.key for item in page.items}
        foreign = [
            replace(item, key=key)
            for item in every.items
            if (key := _TENANT.sub(found[0], item.key)) != item.key
            and key not in mine
            and key.startswith(op.prefix)
        ]
        return ObjectPage(tuple(sorted((*page.items, *foreign), key=lambda item: item.key)))


@broken("GAP-TN07", "T4", "tenants that look alike are one (NFKC)", KVContract)
class LooksAlike(_Tenants):
    def tenant(self, tenant: str) -> str:
        return unicodedata.normalize("NFKC", unquote(tenant))


@broken("GAP-TN08", "T4", "tenants are cut to eight characters", LocksContract)
class CutsTenants(MemoryLocks):
    def _line(self, name: str) -> Line:
        return super()._line(_with_tenant(name, lambda tenant: tenant[:8]))

    def _keep(self, name: str, line: Line) -> None:
        super()._keep(_with_tenant(name, lambda tenant: tenant[:8]), line)


@broken("GAP-XTN01", "T4", "scanning as tenant 't1' shows the keys of 't10', too", KVContract)
class ScansNeighbours(MemoryKV):
    async def scan(self, op: Scan, /) -> Page:
        page = await super().scan(op)
        found = _TENANT.match(op.prefix)
        if found is None or page.cursor is not None:
            return page
        wide = await super().scan(Scan(f"~{found[1]}", limit=1 << 20))
        rest = op.prefix[found.end() :]
        near = {
            found[0] + bare
            for key in wide.keys
            if not key.startswith(found[0]) and (bare := _TENANT.sub("", key)).startswith(rest)
        }
        return Page(tuple(sorted({*page.keys, *near})))


@broken("GAP-XTN04", "T4", "clearing the cache of one tenant clears that of all", CacheContract)
class ClearsAll(MemoryCache):
    async def clear(self, op: Clear, /) -> None:
        if op.scope is not None and op.scope.prefix:
            op = Clear("")
        await super().clear(op)


@broken("GAP-XTN05", "T4", "dead letters of all tenants are in one list", MessagingContract)
class OneDeadList(MemoryMessaging):
    async def dead_letters(self, op: DeadLetters, /) -> DeadPage:
        page = await super().dead_letters(op)
        bare = _TENANT.sub("", op.topic)
        more = list(page.letters)
        for name in list(self._store.rows(self._table)):
            if name != op.topic and _TENANT.match(op.topic) and _TENANT.sub("", name) == bare:
                more.extend((await super().dead_letters(replace(op, topic=name))).letters)
        return DeadPage(tuple(more), page.cursor)
