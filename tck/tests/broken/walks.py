"""Drivers that lose or repeat a name of one kind where a page ends."""

from __future__ import annotations

import unicodedata
from dataclasses import replace
from urllib.parse import unquote

from broken.registry import broken
from omnicloud.contracts.documents.driver import Find
from omnicloud.contracts.documents.models import DocumentPage
from omnicloud.contracts.kv.driver import Scan
from omnicloud.contracts.kv.models import Page
from omnicloud.contracts.objects.driver import List as ObjectsList
from omnicloud.contracts.objects.models import ObjectPage
from omnicloud.contracts.secrets.driver import List
from omnicloud.contracts.secrets.models import NamePage
from omnicloud.memory.documents import MemoryDocuments
from omnicloud.memory.kv import MemoryKV
from omnicloud.memory.objects import MemoryObjects
from omnicloud.memory.secrets import MemorySecrets
from omnicloud_tck.documents import DocumentsContract
from omnicloud_tck.kv import KVContract
from omnicloud_tck.objects import ObjectsContract
from omnicloud_tck.secrets import SecretsContract

_COLUMN_BYTES = 600


@broken("WALK-KV-01", "T2", "further pages of a scan leave out long keys", KVContract)
class ShortKeysFurther(MemoryKV):
    async def scan(self, op: Scan, /) -> Page:
        page = await super().scan(op)
        if op.cursor is None:
            return page
        short = (key for key in page.keys if len(key.encode()) <= _COLUMN_BYTES)
        return replace(page, keys=tuple(short))


@broken("WALK-OB-01", "T2", "a position in a listing is kept percent-decoded", ObjectsContract)
class DecodedPosition(MemoryObjects):
    async def list(self, op: ObjectsList, /) -> ObjectPage:
        page = await super().list(op)
        return page if page.cursor is None else replace(page, cursor=unquote(page.cursor))


@broken("WALK-DO-01", "T2", "further pages of a search leave out long names", DocumentsContract)
class ShortNamesFurther(MemoryDocuments):
    async def find(self, op: Find, /) -> DocumentPage:
        page = await super().find(op)
        if op.cursor is None:
            return page
        short = (one for one in page.items if len(one.document["_id"].encode()) <= _COLUMN_BYTES)
        return replace(page, items=tuple(short))


@broken("WALK-SE-01", "T2", "a position in a listing is kept in composed form", SecretsContract)
class ComposedPosition(MemorySecrets):
    async def list(self, op: List, /) -> NamePage:
        page = await super().list(op)
        if page.cursor is None:
            return page
        return replace(page, cursor=unicodedata.normalize("NFC", page.cursor))


@broken("WALK-OB-02", "T3", "a listing's cursor ends after ten idle minutes", ObjectsContract)
class CursorEnds(MemoryObjects):
    async def list(self, op: ObjectsList, /) -> ObjectPage:
        now = self._store.clock.monotonic()
        if op.cursor is not None:
            stamp, _, cursor = op.cursor.partition("|")
            if now - float(stamp) > 600.0:
                await self._store.reading()
                return ObjectPage(())
            op = replace(op, cursor=cursor)
        page = await super().list(op)
        return page if page.cursor is None else replace(page, cursor=f"{now!r}|{page.cursor}")
