"""The kv contract over py-key-value-aio: its store in memory, and its store on disk."""

from __future__ import annotations

import base64
import uuid
from typing import Any

from key_value.aio.stores.disk import DiskStore
from key_value.aio.stores.memory import MemoryStore

from omnicloud.contracts.kv.driver import Delete, Get, Set
from omnicloud.contracts.kv.models import KVFeature, Record
from omnicloud.core.operation import Feature
from omnicloud_tck.world import World

from ..refusals import PlainKV
from ..worlds import folder_world, process_world

__all__ = ["KeyValue", "disk_world", "memory_world"]


class KeyValue(PlainKV):
    """Values are dictionaries of JSON there, so bytes go in as base64.

    The library knows no versions, which the contract asks of all: the adapter keeps one in the
    dictionary. ``put_many`` and ``keys`` promise neither atomicity nor order nor pages, so
    neither batches nor scans are declared.
    """

    features: frozenset[Feature] = frozenset({KVFeature.TTL})

    def __init__(self, store: Any) -> None:
        self._store = store

    async def get(self, op: Get, /) -> Record | None:
        held, left = await self._store.ttl(op.key)
        if held is None:
            return None
        return Record(base64.b64decode(held["value"]), held["version"], left)

    async def set(self, op: Set, /) -> str:
        version = uuid.uuid4().hex
        value = base64.b64encode(op.value).decode()
        await self._store.put(op.key, {"value": value, "version": version}, ttl=op.ttl)
        return version

    async def delete(self, op: Delete, /) -> bool:
        was_live: bool = await self._store.delete(op.key)
        return was_live

    async def aclose(self) -> None:
        close = getattr(self._store, "close", None)
        if close is not None:
            await close()


def memory_world() -> World[Any]:
    """One store in memory that all clients share."""
    return process_world(lambda: KeyValue(MemoryStore()))


def disk_world() -> World[Any]:
    """Stores over one folder."""
    return folder_world(lambda folder: KeyValue(DiskStore(directory=folder)))
