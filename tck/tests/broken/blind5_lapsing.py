"""Stores in which what nobody writes for a day is gone."""

from __future__ import annotations

from typing import Any

from broken.registry import broken
from omnicloud.contracts.documents import driver as documents
from omnicloud.contracts.kv import driver as kv
from omnicloud.contracts.objects import driver as objects
from omnicloud.contracts.secrets import driver as secrets
from omnicloud.memory.documents import MemoryDocuments
from omnicloud.memory.kv import MemoryKV
from omnicloud.memory.objects import MemoryObjects
from omnicloud.memory.secrets import MemorySecrets
from omnicloud.memory.store import MemoryStore
from omnicloud_tck.documents import DocumentsContract
from omnicloud_tck.kv import KVContract
from omnicloud_tck.objects import ObjectsContract
from omnicloud_tck.secrets import SecretsContract

_DAY = 86_400.0


def _written(store: MemoryStore, place: object) -> None:
    store.rows("written")[place] = store.clock.monotonic()


def _lapsed(store: MemoryStore, place: object) -> bool:
    now = store.clock.monotonic()
    return bool(store.rows("written").get(place, now) + _DAY <= now)


@broken("B5-R-KV-01", "T3", "a value that is not written for a day is gone", KVContract)
class KVLapses(MemoryKV):
    async def set(self, op: kv.Set, /) -> Any:
        _written(self._store, op.key)
        return await super().set(op)

    async def get(self, op: kv.Get, /) -> Any:
        return None if _lapsed(self._store, op.key) else await super().get(op)


@broken("B5-R-OB-01", "T3", "an object that is not written for a day is gone", ObjectsContract)
class ObjectsLapse(MemoryObjects):
    async def put(self, op: objects.Put, /) -> str:
        _written(self._store, op.key)
        return await super().put(op)

    async def get_range(self, op: objects.GetRange, /) -> Any:
        return None if _lapsed(self._store, op.key) else await super().get_range(op)


@broken("B5-R-DO-01", "T3", "a collection that rests for a day is emptied", DocumentsContract)
class DocumentsLapse(MemoryDocuments):
    def _write(self, collection: str, document: Any) -> int:
        _written(self._store, collection)
        return super()._write(collection, document)

    async def find(self, op: documents.Find, /) -> Any:
        if _lapsed(self._store, op.collection):
            self._rows(op.collection).clear()
        return await super().find(op)


@broken("B5-R-SE-01", "T3", "a secret that is not set for a day is gone", SecretsContract)
class SecretsLapse(MemorySecrets):
    async def set(self, op: secrets.Set, /) -> str:
        _written(self._store, op.secret)
        return await super().set(op)

    async def get(self, op: secrets.Get, /) -> Any:
        return None if _lapsed(self._store, op.secret) else await super().get(op)
