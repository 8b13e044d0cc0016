"""objects drivers as third parties might write them, wrong in ways that were thought of blindly."""

from __future__ import annotations

import posixpath
from contextlib import suppress
from dataclasses import replace
from typing import Any
from urllib.parse import unquote

from broken.registry import broken
from broken.unseen_common import pause
from omnicloud.contracts.objects.driver import Copy, Delete, DeleteMany, GetRange, List, Put, Stat
from omnicloud.contracts.objects.models import Chunk, Listed, ObjectInfo, ObjectPage
from omnicloud.contracts.objects.uploads import (
    AbortUpload,
    BeginUpload,
    CompleteUpload,
    UploadPart,
)
from omnicloud.errors import CorruptedError, InvalidArgumentError, NotFoundError, UnavailableError
from omnicloud.memory.objects import MemoryObjects
from omnicloud_tck.objects import ObjectsContract


def objects(number: int, tier: str, summary: str) -> Any:
    return broken(f"B-OB-{number:02}", tier, summary, ObjectsContract)


@objects(1, "T0", "copy moves: the source is gone")
class Moves(MemoryObjects):
    async def copy(self, op: Copy, /) -> str | None:
        version = await super().copy(op)
        if version is not None and op.source != op.target:
            await self.delete(Delete(op.source))
        return version


@objects(2, "T0", "a listing by a delimiter leaves common prefixes out")
class NoFolders(MemoryObjects):
    async def list(self, op: List, /) -> ObjectPage:
        page = await super().list(op)
        return ObjectPage(tuple(one for one in page.items if not one.is_prefix), page.cursor)


@objects(3, "T1", "a copy onto itself opens the target for writing first, and is empty")
class EmptiesItself(MemoryObjects):
    async def copy(self, op: Copy, /) -> str | None:
        version = await super().copy(op)
        held = self._held(op.source)
        if op.source == op.target and held is not None:
            self._rows()[op.target] = replace(held, data=b"", checksum=None)
        return version


@objects(4, "T1", "parts are put together in the order of their numbers as text: 1, 10, 2")
class PartsAsText(MemoryObjects):
    async def complete_upload(self, op: CompleteUpload, /) -> str:
        parts = tuple(sorted(op.parts, key=lambda part: str(part.number)))
        return await super().complete_upload(replace(op, parts=parts, checksum=None))


@objects(5, "T1", "percent signs in values of metadata are decoded on their way back")
class DecodesMetadata(MemoryObjects):
    async def stat(self, op: Stat, /) -> ObjectInfo | None:
        info = await super().stat(op)
        if info is None:
            return None
        return replace(info, metadata={k: unquote(v) for k, v in info.metadata.items()})


@objects(6, "T1", "a range that begins at the end of the object is refused")
class RangeNotSatisfiable(MemoryObjects):
    async def get_range(self, op: GetRange, /) -> Chunk | None:
        chunk = await super().get_range(op)
        if chunk is not None and 0 < chunk.info.size_bytes <= op.start:
            raise InvalidArgumentError("416: the range cannot be satisfied")
        return chunk


@objects(7, "T2", "copy with if_absent looks at the target, awaits, and writes")
class CopiesLate(MemoryObjects):
    async def copy(self, op: Copy, /) -> str | None:
        if not op.if_absent:
            return await super().copy(op)
        await self._store.turn()
        if self._held(op.source) is None:
            return None
        self._expect(op.target, None, absent=True)
        await pause()
        return await super().copy(replace(op, if_absent=False))


@objects(8, "T2", "parts that arrive at once lose each other: read, await, write")
class LosesParts(MemoryObjects):
    async def upload_part(self, op: UploadPart, /) -> str:
        await self._store.turn()
        before = self._upload(op.key, op.upload_id)
        await pause()
        await self._store.turn()
        self._upload(op.key, op.upload_id)
        tag = str(self._store.number())
        parts = {**before.parts, op.number: (tag, op.data)}
        self._store.rows(self._pending)[op.upload_id] = replace(before, parts=parts)
        return tag


@objects(9, "T2", "completing an upload with if_absent looks, awaits, and writes")
class CompletesLate(MemoryObjects):
    async def complete_upload(self, op: CompleteUpload, /) -> str:
        if not op.if_absent:
            return await super().complete_upload(op)
        await self._store.turn()
        self._upload(op.key, op.upload_id)
        self._expect(op.key, None, absent=True)
        await pause()
        return await super().complete_upload(replace(op, if_absent=False))


@objects(10, "T2", "pages of a listing are found by counting: a deletion meanwhile skips one")
class PagesByCount(MemoryObjects):
    async def list(self, op: List, /) -> ObjectPage:
        lines: list[Listed] = []
        cursor: str | None = None
        while True:
            page = await super().list(replace(op, cursor=cursor))
            lines.extend(page.items)
            cursor = page.cursor
            if cursor is None:
                break
        start = int(op.cursor or 0)
        end = start + op.limit
        more = len(lines) > end
        return ObjectPage(tuple(lines[start:end]), str(end) if more else None)


@objects(11, "T3", "an upload is known to the client that began it, and to no other")
class OwnUploads(MemoryObjects):
    def __init__(self, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        self._mine: set[str] = set()

    async def begin_upload(self, op: BeginUpload, /) -> str:
        upload_id = await super().begin_upload(op)
        self._mine.add(upload_id)
        return upload_id

    def _upload(self, key: str, upload_id: str) -> Any:
        if upload_id not in self._mine:
            raise NotFoundError("there is no such upload")
        return super()._upload(key, upload_id)


@objects(12, "T3", "aborting an upload in an outage is answered as done")
class AbortsCalmly(MemoryObjects):
    async def abort_upload(self, op: AbortUpload, /) -> None:
        with suppress(UnavailableError):
            await super().abort_upload(op)


@objects(13, "T3", "a client remembers for two seconds that an object was missing")
class RemembersMissing(MemoryObjects):
    def __init__(self, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        self._missing: dict[str, float] = {}

    async def stat(self, op: Stat, /) -> ObjectInfo | None:
        now = self._store.clock.monotonic()
        if self._missing.get(op.key, 0.0) > now:
            await self._store.reading()
            return None
        info = await super().stat(op)
        if info is None:
            self._missing[op.key] = now + 2.0
        return info

    def _write(self, key: str, *rest: Any) -> str:
        self._missing.pop(key, None)
        return super()._write(key, *rest)


@objects(14, "T3", "delete_many in an outage is answered as done")
class DeletesCalmly(MemoryObjects):
    async def delete_many(self, op: DeleteMany, /) -> None:
        with suppress(UnavailableError):
            await super().delete_many(op)


@objects(15, "T4", "an upload's id is good for any key: it completes under that of the request")
class AnyKeysUpload(MemoryObjects):
    def _upload(self, key: str, upload_id: str) -> Any:
        upload = self._store.rows(self._pending).get(upload_id)
        if upload is None:
            raise NotFoundError("there is no such upload")
        return upload


@objects(16, "T4", "the error of a wrong checksum shows how the data begins")
class ShowsData(MemoryObjects):
    async def put(self, op: Put, /) -> str:
        try:
            return await super().put(op)
        except CorruptedError:
            raise CorruptedError(f"the checksum is not that of {op.data[:64]!r}…") from None


@objects(17, "T4", "the source of a copy is a path that is normalised: '..' leaves the tenant")
class NormalisesSource(MemoryObjects):
    async def copy(self, op: Copy, /) -> str | None:
        source = posixpath.normpath(op.source) if ".." in op.source.split("/") else op.source
        return await super().copy(replace(op, source=source))
