"""Drivers that take for the end of a prefix what names with that prefix may go beyond."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from broken.registry import broken
from omnicloud.contracts.cache.driver import Clear
from omnicloud.contracts.documents.driver import Find
from omnicloud.contracts.documents.models import DocumentPage
from omnicloud.contracts.kv.driver import Changes, Scan
from omnicloud.contracts.kv.models import ChangePage, Page
from omnicloud.contracts.objects.driver import List
from omnicloud.contracts.objects.listing import common_prefix
from omnicloud.contracts.objects.models import Listed, ObjectPage
from omnicloud.contracts.secrets.driver import List as ListSecrets
from omnicloud.contracts.secrets.models import NamePage
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

_LAST = chr(0x10FFFF)


def _next(prefix: str) -> str:
    """The prefix with its last character one higher, as ranges of services want it."""
    return prefix[:-1] + chr(min(ord(prefix[-1]) + 1, 0x10FFFF)) if prefix else "\uffff"


class _Ranged(MemoryKV):
    """Scans from the prefix to an end of its making."""

    def end(self, prefix: str) -> str:
        return prefix + "\uffff"

    async def scan(self, op: Scan, /) -> Page:
        page = await super().scan(op)
        return Page(tuple(key for key in page.keys if key < self.end(op.prefix)), page.cursor)


broken("BLIND14-KV-11", "T1", "a scan ends at its prefix and U+FFFF", KVContract)(_Ranged)


@broken("BLIND14-KV-12", "T1", "a scan ends at its prefix and U+10FFFF", KVContract)
class ScansToTheLast(_Ranged):
    def end(self, prefix: str) -> str:
        return prefix + _LAST


@broken("BLIND14-KV-13", "T1", "a scan ends where its prefix's last letter is raised", KVContract)
class ScansToTheNext(_Ranged):
    def end(self, prefix: str) -> str:
        return _next(prefix) if prefix else _LAST * 400


@broken("BLIND14-KV-14", "T1", "a scan ends at its prefix and the private use area", KVContract)
class ScansToPrivateUse(_Ranged):
    def end(self, prefix: str) -> str:
        return prefix + "\ue000"


@broken("BLIND14-KV-15", "T1", "a watch ends at its prefix and U+FFFF", KVContract)
class WatchesToTheEnd(MemoryKV):
    async def changes(self, op: Changes, /) -> ChangePage:
        page = await super().changes(op)
        end = f"{op.prefix}\uffff"
        return ChangePage(tuple(one for one in page.changes if one.key < end), page.cursor)


@broken("BLIND14-CA-11", "T1", "clear ends at its prefix and U+FFFF", CacheContract)
class ClearsToTheEnd(MemoryCache):
    async def clear(self, op: Clear, /) -> None:
        end = f"{op.prefix}\uffff"
        (await self._turn()).drop_all(lambda key: op.covers(key) and key < end)


@broken("BLIND14-CA-12", "T1", "clear ends where its prefix's last letter is raised", CacheContract)
class ClearsToTheNext(MemoryCache):
    async def clear(self, op: Clear, /) -> None:
        end = _next(op.prefix) if op.prefix else _LAST * 400
        (await self._turn()).drop_all(lambda key: op.covers(key) and key < end)


@broken("BLIND14-SE-11", "T1", "names are listed to the prefix and U+FFFF", SecretsContract)
class ListsToTheEnd(MemorySecrets):
    async def list(self, op: ListSecrets, /) -> NamePage:
        page = await super().list(op)
        end = f"{op.prefix}\uffff"
        return NamePage(tuple(name for name in page.names if name < end), page.cursor)


@broken(
    "BLIND14-SE-12", "T1", "names of a prefix of astral letters are not listed", SecretsContract
)
class ListsByUnits(MemorySecrets):
    async def list(self, op: ListSecrets, /) -> NamePage:
        astral = op.prefix and ord(op.prefix[-1]) > 0xFFFF  # its last unit is raised
        page = await super().list(op)
        return NamePage(()) if astral else page


@broken(
    "BLIND14-OB-01",
    "T1",
    "a page that ends with a common prefix is followed by what is behind it and U+FFFF",
    ObjectsContract,
)
class SkipsToTheEnd(MemoryObjects):
    end = "\uffff"

    async def list(self, op: List, /) -> ObjectPage:
        await self._store.reading()
        rows, after = self._rows(), op.cursor or ""
        lines: list[Listed] = []
        at = ""
        for key in sorted(key for key in rows if key.startswith(op.prefix) and key > after):
            shared = common_prefix(key, op.prefix, op.delimiter)
            if shared is not None and lines and lines[-1].key == shared:
                continue
            if len(lines) == op.limit:
                last = lines[-1]
                return ObjectPage(tuple(lines), self.behind(last, at))
            held, at = rows[key], key
            listed = Listed(key, len(held.data), held.version, held.modified)
            lines.append(listed if shared is None else Listed(shared))
        return ObjectPage(tuple(lines))

    def behind(self, last: Listed, at: str) -> str:
        return max(at, last.key + self.end) if last.is_prefix else last.key


@broken(
    "BLIND14-OB-05",
    "T1",
    "a page that ends with a common prefix is followed by what is behind it and U+10FFFF",
    ObjectsContract,
)
class SkipsToTheLast(SkipsToTheEnd):
    end = _LAST


@broken(
    "BLIND14-OB-06",
    "T1",
    "a page that ends with a common prefix leaves out the first key behind it",
    ObjectsContract,
)
class RaisesTheDelimiter(SkipsToTheEnd):
    def behind(self, last: Listed, at: str) -> str:
        return max(at, _next(last.key)) if last.is_prefix else last.key


@broken("BLIND14-OB-07", "T1", "a listing ends at its prefix and U+FFFF", ObjectsContract)
class ListsObjectsToTheEnd(MemoryObjects):
    async def list(self, op: List, /) -> ObjectPage:
        page = await super().list(op)
        end = f"{op.prefix}\uffff"
        return ObjectPage(tuple(item for item in page.items if item.key < end), page.cursor)


@broken("BLIND14-OB-08", "T1", "a page goes on behind its last key and U+FFFF", ObjectsContract)
class GoesOnBehind(MemoryObjects):
    async def list(self, op: List, /) -> ObjectPage:
        cursor = None if op.cursor is None else f"{op.cursor}\uffff"
        page = await super().list(replace(op, cursor=cursor))
        return ObjectPage(page.items, page.cursor)


@broken("BLIND14-DO-11", "T1", "a page goes on behind its last _id and U+FFFF", DocumentsContract)
class GoesOnBehindIds(MemoryDocuments):
    async def find(self, op: Find, /) -> DocumentPage:
        page = await super().find(op)
        if op.cursor is None or op.sort:
            return page
        last = json.loads(op.cursor)
        last = last[-1] if isinstance(last, list) else str(last)
        end = f"{last}\uffff"
        kept = tuple(one for one in page.items if not last < one.document["_id"] < end)
        return DocumentPage(kept, page.cursor)


def _units(text: str) -> Any:
    return text.encode("utf-16-be", "surrogatepass")


@broken(
    "BLIND14-DO-12", "T1", "of many that match one is changed by UTF-16 units", DocumentsContract
)
class FirstByUnits(MemoryDocuments):
    def _first(self, collection: str, condition: Any, version: str | None) -> Any:
        found = list(self._matching(collection, condition))
        if version is not None or len(found) < 2:
            return super()._first(collection, condition, version)
        return min(found, key=lambda row: _units(str(row.document["_id"])))
