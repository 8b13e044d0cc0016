"""Relatives of the drivers that a seventh blind count did not find: the same fault elsewhere."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace
from typing import Any

from broken.registry import broken
from omnicloud.contracts.cache.driver import Set as CacheSet
from omnicloud.contracts.documents.driver import Find, Insert
from omnicloud.contracts.documents.driver import Replace as DocumentReplace
from omnicloud.contracts.documents.models import DocumentPage
from omnicloud.contracts.kv.driver import Begin, DeleteMany, Increment, Scan
from omnicloud.contracts.kv.driver import Set as KVSet
from omnicloud.contracts.kv.models import Page
from omnicloud.contracts.objects.driver import List as ObjectsList
from omnicloud.contracts.objects.driver import Put
from omnicloud.contracts.objects.models import ObjectPage
from omnicloud.contracts.secrets.driver import List, Set
from omnicloud.contracts.secrets.models import NamePage
from omnicloud.errors import UnavailableError
from omnicloud.memory.cache import MemoryCache
from omnicloud.memory.documents import MemoryDocuments
from omnicloud.memory.kv import MemoryKV
from omnicloud.memory.objects import MemoryObjects
from omnicloud.memory.secrets import MemorySecrets
from omnicloud.memory.store import MemoryTransaction
from omnicloud_tck.cache import CacheContract
from omnicloud_tck.documents import DocumentsContract
from omnicloud_tck.kv import KVContract
from omnicloud_tck.objects import ObjectsContract
from omnicloud_tck.secrets import SecretsContract


def _spelt_anew(data: bytes) -> bytes:
    """JSON as a JSON column gives it back; anything else as it is."""
    with suppress(ValueError):
        parsed = json.loads(data)
        if isinstance(parsed, dict | list):
            return json.dumps(parsed, sort_keys=True).encode()
    return data


@broken("KIN7-CA-01", "T1", "a value that is JSON comes back written anew", CacheContract)
class CacheJson(MemoryCache):
    async def set(self, op: CacheSet, /) -> None:
        await super().set(replace(op, value=_spelt_anew(op.value)))


@broken("KIN7-OB-01", "T1", "content that is JSON comes back written anew", ObjectsContract)
class ObjectsJson(MemoryObjects):
    async def put(self, op: Put, /) -> str:
        return await super().put(replace(op, data=_spelt_anew(op.data), checksum=None))


@broken("KIN7-SE-01", "T1", "a secret that is JSON comes back written anew", SecretsContract)
class SecretsJson(MemorySecrets):
    async def set(self, op: Set, /) -> str:
        return await super().set(replace(op, value=_spelt_anew(op.value)))


def _texts_anew(value: Any) -> Any:
    if isinstance(value, str):
        return _spelt_anew(value.encode()).decode()
    if isinstance(value, bytes):
        return _spelt_anew(value)
    if isinstance(value, list):
        return [_texts_anew(item) for item in value]
    if isinstance(value, dict):
        return {key: _texts_anew(item) for key, item in value.items()}
    return value


@broken("KIN7-DO-01", "T1", "bytes that are JSON come back written anew", DocumentsContract)
class DocumentsJson(MemoryDocuments):
    async def replace(self, op: DocumentReplace, /) -> Any:
        return await super().replace(replace(op, document=_texts_anew(op.document)))


@broken("KIN7-DO-02", "T1", "text that is JSON is written anew by an insert", DocumentsContract)
class TextsJson(MemoryDocuments):
    async def insert(self, op: Insert, /) -> str:
        return await super().insert(replace(op, document=_texts_anew(op.document)))


@broken("KIN7-OB-02", "T2", "two listings at once share their position", ObjectsContract)
class OneListing(MemoryObjects):
    async def list(self, op: ObjectsList, /) -> ObjectPage:
        if op.cursor is None:
            self._wrong_at: str | None = None
        page = await super().list(replace(op, cursor=self._wrong_at))
        self._wrong_at = page.cursor
        return ObjectPage(page.items, None if page.cursor is None else "more")


@broken(
    "KIN7-SE-02", "T2", "a cursor is good once: a page asked for again is empty", SecretsContract
)
class CursorsOnce(MemorySecrets):
    async def list(self, op: List, /) -> NamePage:
        used: set[str] = self.__dict__.setdefault("_wrong_used", set())
        if op.cursor is not None and op.cursor in used:
            used.discard(op.cursor)
            return NamePage(())
        page = await super().list(op)
        if op.cursor is not None:
            used.add(op.cursor)
        return page


@broken("KIN7-DO-03", "T2", "two searches at once share their position", DocumentsContract)
class OneSearch(MemoryDocuments):
    async def find(self, op: Find, /) -> DocumentPage:
        if op.cursor is None:
            self._wrong_at: str | None = None
        page = await super().find(replace(op, cursor=self._wrong_at))
        self._wrong_at = page.cursor
        return DocumentPage(page.items, None if page.cursor is None else "more")


@broken("KIN7-KV-01", "T3", "a scan whose further page meets an outage ends there", KVContract)
class ScanEndsEarly(MemoryKV):
    async def scan(self, op: Scan, /) -> Page:
        try:
            return await super().scan(op)
        except UnavailableError:
            if op.cursor is None:
                raise
            return Page(())


@broken(
    "KIN7-OB-03", "T3", "a listing whose further page meets an outage ends there", ObjectsContract
)
class ListingEndsEarly(MemoryObjects):
    async def list(self, op: ObjectsList, /) -> ObjectPage:
        try:
            return await super().list(op)
        except UnavailableError:
            if op.cursor is None:
                raise
            return ObjectPage(())


@broken(
    "KIN7-SE-03", "T3", "a listing whose further page meets an outage ends there", SecretsContract
)
class NamesEndEarly(MemorySecrets):
    async def list(self, op: List, /) -> NamePage:
        try:
            return await super().list(op)
        except UnavailableError:
            if op.cursor is None:
                raise
            return NamePage(())


@broken("KIN7-KV-02", "T2", "who waits is not woken by delete_many", KVContract)
class SleepsOnDeleteMany(MemoryKV):
    async def delete_many(self, op: DeleteMany, /) -> None:
        await self._turn()
        for key in op.keys:
            if self._live(key) is not None:
                self._bury(key)


@broken("KIN7-KV-03", "T2", "who waits is not woken by an increment", KVContract)
class SleepsOnIncrement(MemoryKV):
    async def increment(self, op: Increment, /) -> int:
        tell, self._store.tell = self._store.tell, lambda: None  # type: ignore[method-assign]  # silent
        try:
            await self._store.reading()
            return await super().increment(op)
        finally:
            self._store.tell = tell  # type: ignore[method-assign]  # as it was


class _Silent(MemoryTransaction):
    async def commit(self) -> None:
        tell = self._store.tell
        self._store.tell = lambda: None  # type: ignore[method-assign]  # silent
        try:
            await super().commit()
        finally:
            self._store.tell = tell  # type: ignore[method-assign]  # as it was


@broken("KIN7-KV-04", "T2", "who waits is not woken by a commit", KVContract)
class SleepsOnCommit(MemoryKV):
    async def begin(self, op: Begin, /) -> MemoryTransaction:
        await self._store.turn()
        expires = self._store.clock.monotonic() + self._store._transaction_seconds
        made = self._store._transaction = _Silent(self._store, expires)
        return made


class _KeyByKey(MemoryTransaction):
    async def commit(self) -> None:
        self._check_open()
        for table, rows in self._tables.items():
            committed = self._store.rows(table)
            for key, row in rows.items():
                if committed.get(key) is not row:
                    committed[key] = row
                    await self._store.reading()
        await super().commit()


@broken("KIN7-KV-05", "T2", "a commit puts one key after another in place", KVContract)
class KeyByKey(MemoryKV):
    async def begin(self, op: Begin, /) -> MemoryTransaction:
        await self._store.turn()
        expires = self._store.clock.monotonic() + self._store._transaction_seconds
        made = self._store._transaction = _KeyByKey(self._store, expires)
        return made


@broken("KIN7-KV-06", "T4", "a value is printed when it is written", KVContract)
class PrintsValues(MemoryKV):
    async def set(self, op: KVSet, /) -> str:
        print("SET", op.key, op.value)
        return await super().set(op)
