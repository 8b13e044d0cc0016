"""Drivers of which an error that the application keeps holds something."""

from __future__ import annotations

import weakref
from typing import Any

from broken.registry import broken
from omnicloud.contracts.documents.driver import Replace, Update
from omnicloud.contracts.documents.models import UpdateResult
from omnicloud.contracts.kv.driver import Get, Set
from omnicloud.contracts.kv.models import Record
from omnicloud.contracts.objects.driver import Delete, Put
from omnicloud.errors import ConflictError, UnavailableError
from omnicloud.memory.documents import MemoryDocuments
from omnicloud.memory.kv import MemoryKV
from omnicloud.memory.objects import MemoryObjects
from omnicloud_tck.documents import DocumentsContract
from omnicloud_tck.kv import KVContract
from omnicloud_tck.objects import ObjectsContract

_KEPT: weakref.WeakKeyDictionary[Any, weakref.ref[ConflictError]] = weakref.WeakKeyDictionary()


def _check(driver: object) -> None:
    """A write of who has left a cursor open, in the frames of an error that is not gone."""
    kept = _KEPT.get(driver)
    if kept is not None and kept() is not None:
        raise UnavailableError("the database is locked")


@broken("HELD-KV-01", "T3", "a conflict that is kept keeps its snapshot for reads", KVContract)
class SnapshotOfError(MemoryKV):
    _wrong_seen: dict[str, Record | None]

    async def set(self, op: Set, /) -> str:
        try:
            return await super().set(op)
        except ConflictError as error:
            _KEPT[self] = weakref.ref(error)
            self._wrong_seen = {}
            raise

    async def get(self, op: Get, /) -> Record | None:
        kept = _KEPT.get(self)
        if kept is None or kept() is None:
            return await super().get(op)
        if op.key not in self._wrong_seen:
            self._wrong_seen[op.key] = None
        return self._wrong_seen[op.key]


@broken("HELD-DO-01", "T3", "a conflict that is kept keeps its cursor open", DocumentsContract)
class CursorOfError(MemoryDocuments):
    async def update(self, op: Update, /) -> UpdateResult:
        try:
            return await super().update(op)
        except ConflictError as error:
            _KEPT[self] = weakref.ref(error)
            raise

    async def replace(self, op: Replace, /) -> UpdateResult:
        _check(self)
        return await super().replace(op)


@broken("HELD-OB-01", "T3", "a conflict that is kept keeps its transaction", ObjectsContract)
class TransactionOfError(MemoryObjects):
    async def delete(self, op: Delete, /) -> None:
        try:
            await super().delete(op)
        except ConflictError as error:
            _KEPT[self] = weakref.ref(error)
            raise

    async def put(self, op: Put, /) -> str:
        _check(self)
        return await super().put(op)
