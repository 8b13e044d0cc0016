"""objects drivers that are wrong in ways which were written before the laws were looked at."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import replace
from typing import Any

from broken.registry import broken
from broken.unseen_common import later, pause, rootless
from omnicloud.contracts.objects.driver import Copy, Delete, DeleteMany, GetRange, List, Put, Stat
from omnicloud.contracts.objects.models import Chunk, Listed, ObjectInfo, ObjectPage, PartInfo
from omnicloud.contracts.objects.uploads import (
    AbortUpload,
    BeginUpload,
    CompleteUpload,
    ListParts,
    UploadPart,
)
from omnicloud.errors import AlreadyExistsError, ConflictError, CorruptedError, NotFoundError
from omnicloud.memory.objects import MemoryObjects
from omnicloud_tck.objects import ObjectsContract


def objects(id_: str, tier: str, summary: str) -> Any:
    return broken(id_, tier, summary, ObjectsContract)


@objects("U-OB-01", "T0", "a copy leaves a target that is there as it is")
class CopiesNothing(MemoryObjects):
    async def copy(self, op: Copy, /) -> str | None:
        target = await self.stat(Stat(op.target))
        if target is None or op.if_version is not None or op.if_absent:
            return await super().copy(op)
        return target.version if await self.stat(Stat(op.source)) else None


@objects("U-OB-02", "T1", "an object whose key is the prefix itself is not listed")
class NoMarker(MemoryObjects):
    async def list(self, op: List, /) -> ObjectPage:
        page = await super().list(op)
        return replace(page, items=tuple(i for i in page.items if i.key != op.prefix))


@objects("U-OB-03", "T1", "a common prefix is told again on each page that holds its keys")
class PrefixAgain(MemoryObjects):
    async def list(self, op: List, /) -> ObjectPage:
        if op.delimiter is None:
            return await super().list(op)
        page = await super().list(replace(op, delimiter=None))
        lines: dict[str, Listed] = {}
        for item in page.items:
            place = item.key.find(op.delimiter, len(op.prefix))
            key = item.key if place < 0 else item.key[: place + 1]
            lines.setdefault(key, item if place < 0 else Listed(key))
        return ObjectPage(tuple(lines.values()), page.cursor)


@objects("U-OB-04", "T1", "an empty range is taken for the whole object")
class EmptyRange(MemoryObjects):
    async def get_range(self, op: GetRange, /) -> Chunk | None:
        if op.end is not None and op.end <= op.start:
            op = replace(op, start=0, end=None)
        return await super().get_range(op)


@objects("U-OB-05", "T1", "what is not Latin-1 in metadata becomes question marks")
class Latin1(MemoryObjects):
    async def put(self, op: Put, /) -> str:
        def held(text: str) -> str:
            return text.encode("latin-1", "replace").decode("latin-1")

        pairs = tuple((held(name), held(value)) for name, value in op.metadata)
        return await super().put(replace(op, metadata=pairs))


@objects("U-OB-06", "T1", "a copy over an object keeps the content type that was there")
class OldType(MemoryObjects):
    async def copy(self, op: Copy, /) -> str | None:
        old = await self.stat(Stat(op.target))
        version = await super().copy(op)
        if old is not None and version is not None:
            held = self._rows()[op.target]
            self._rows()[op.target] = replace(held, content_type=old.content_type)
        return version


@objects("U-OB-07", "T1", "conditions of a copy are ignored")
class BlindCopy(MemoryObjects):
    async def copy(self, op: Copy, /) -> str | None:
        return await super().copy(Copy(op.source, op.target))


@objects("U-OB-08", "T1", "a conditional delete of a missing object is told as done")
class DeletesNothing(MemoryObjects):
    async def delete(self, op: Delete, /) -> None:
        if await self.stat(Stat(op.key)) is not None:
            await super().delete(op)


@objects("U-OB-09", "T1", "from the tenth part on, parts are put together in the order of text")
class TextOrder(MemoryObjects):
    async def complete_upload(self, op: CompleteUpload, /) -> str:
        parts = tuple(sorted(op.parts, key=lambda part: str(part.number)))
        checksum = op.checksum if parts == op.parts else None
        return await super().complete_upload(replace(op, parts=parts, checksum=checksum))


@objects("U-OB-10", "T1", "of a part that is sent twice the first counts")
class FirstPart(MemoryObjects):
    async def upload_part(self, op: UploadPart, /) -> str:
        await self._store.turn()
        held = self._upload(op.key, op.upload_id).parts.get(op.number)
        return held[0] if held is not None else await super().upload_part(op)


@objects("U-OB-11", "T1", "what was uploaded in parts has no metadata")
class BareParts(MemoryObjects):
    async def begin_upload(self, op: BeginUpload, /) -> str:
        return await super().begin_upload(replace(op, metadata=()))


@objects("U-OB-12", "T2", "two uploads of one key share their parts")
class SharedParts(MemoryObjects):
    async def upload_part(self, op: UploadPart, /) -> str:
        tag = await super().upload_part(op)
        pending = self._store.rows(self._pending)
        part = pending[op.upload_id].parts[op.number]
        for upload_id, upload in pending.items():
            if upload.key == op.key:
                parts = {**upload.parts, op.number: part}
                pending[upload_id] = replace(upload, parts=parts)
        return tag


@objects("U-OB-13", "T2", "two uploads in parts that ask for an absent key both succeed")
class LateCheck(MemoryObjects):
    async def complete_upload(self, op: CompleteUpload, /) -> str:
        await self._store.turn()
        if op.if_absent and self._held(op.key) is None:
            await pause()
            op = replace(op, if_absent=False)
        return await super().complete_upload(op)


@objects("U-OB-14", "T2", "the version is a digest: equal content has an equal version")
class Digests(MemoryObjects):
    def _write(self, key: str, data: bytes, *rest: Any) -> str:
        super()._write(key, data, *rest)
        version = hashlib.sha256(data).hexdigest()
        self._rows()[key] = replace(self._rows()[key], version=version)
        return version


@objects("U-OB-15", "T2", "a range is checked against a version, then read from another")
class CheckedThenRead(MemoryObjects):
    async def get_range(self, op: GetRange, /) -> Chunk | None:
        first = await super().get_range(op)
        if first is None or op.start == 0:
            return first
        await pause()
        held = self._held(op.key)
        return first if held is None else Chunk(held.data[op.start : op.end], first.info)


@objects("U-OB-16", "T3", "an aborted upload is still found by its id, without parts")
class Aborted(MemoryObjects):
    async def list_parts(self, op: ListParts, /) -> tuple[PartInfo, ...]:
        try:
            return await super().list_parts(op)
        except NotFoundError:
            return ()


@objects("U-OB-17", "T3", "a completion that is refused takes the upload with it")
class RefusedAndGone(MemoryObjects):
    async def complete_upload(self, op: CompleteUpload, /) -> str:
        try:
            return await super().complete_upload(op)
        except (ConflictError, AlreadyExistsError):
            await self.abort_upload(AbortUpload(op.key, op.upload_id))
            raise


@objects("U-OB-18", "T3", "data that does not meet its checksum is refused and written")
class RefusedAndWritten(MemoryObjects):
    async def put(self, op: Put, /) -> str:
        try:
            return await super().put(op)
        except CorruptedError:
            await super().put(replace(op, checksum=None))
            raise


@objects("U-OB-19", "T3", "a cancelled write still happens, half a second later")
class GhostWrite(MemoryObjects):
    async def put(self, op: Put, /) -> str:
        try:
            await pause()
            return await super().put(op)
        except asyncio.CancelledError:
            later(self._store, 0.5, lambda: MemoryObjects.put(self, op))
            raise


@objects("U-OB-20", "T3", "a deleted object is listed for some time yet")
class ListedYet(MemoryObjects):
    async def delete(self, op: Delete, /) -> None:
        held = self._held(op.key)
        await super().delete(op)
        if held is not None:
            line = Listed(op.key, len(held.data), held.version, held.modified)
            self._store.rows("lines")[op.key] = (self._store.clock.monotonic() + 0.3, line)

    async def list(self, op: List, /) -> ObjectPage:
        page = await super().list(op)
        now, there = self._store.clock.monotonic(), {item.key for item in page.items}
        late = [
            line
            for key, (end, line) in self._store.rows("lines").items()
            if end > now and key.startswith(op.prefix) and key not in there
        ]
        if op.cursor is not None or op.delimiter is not None:
            return page
        items = sorted((*page.items, *late), key=lambda item: item.key)
        return ObjectPage(tuple(items), page.cursor)


@objects("U-OB-21", "T4", "a copy finds the source of no tenant where its own has none")
class ForeignSource(MemoryObjects):
    async def copy(self, op: Copy, /) -> str | None:
        made = await super().copy(op)
        return made or await super().copy(replace(op, source=rootless(op.source)))


@objects("U-OB-22", "T4", "an upload can be aborted under any key by who knows its id")
class AnyonesAbort(MemoryObjects):
    async def abort_upload(self, op: AbortUpload, /) -> None:
        await self._store.turn()
        self._store.rows(self._pending).pop(op.upload_id, None)


@objects("U-OB-23", "T1", "the time of a change is told in milliseconds")
class Milliseconds(MemoryObjects):
    async def stat(self, op: Stat, /) -> ObjectInfo | None:
        info = await super().stat(op)
        return info and replace(info, modified=info.modified * 1000)


@objects("U-OB-24", "T1", "delete_many stops at the first key that is missing")
class Stops(MemoryObjects):
    async def delete_many(self, op: DeleteMany, /) -> None:
        await self._store.turn()
        keys = list(op.keys)
        there = next((n for n, key in enumerate(keys) if self._held(key) is None), len(keys))
        await super().delete_many(DeleteMany(tuple(keys[:there])))


@objects("U-OB-25", "T1", "a range that begins beyond the end answers the last byte")
class LastByte(MemoryObjects):
    async def get_range(self, op: GetRange, /) -> Chunk | None:
        chunk = await super().get_range(op)
        if chunk is not None and chunk.info.size_bytes and op.start >= chunk.info.size_bytes:
            return await super().get_range(replace(op, start=chunk.info.size_bytes - 1, end=None))
        return chunk


@objects("U-OB-26", "T3", "completing the same upload twice makes the object again")
class Twice(MemoryObjects):
    async def complete_upload(self, op: CompleteUpload, /) -> str:
        held = self._store.rows(self._pending).get(op.upload_id)
        version = await super().complete_upload(op)
        self._store.rows(self._pending)[op.upload_id] = held
        return version


@objects("U-OB-27", "T2", "the version that is asked for is compared before the bytes are read")
class ComparedBefore(MemoryObjects):
    async def get_range(self, op: GetRange, /) -> Chunk | None:
        if op.if_version is not None:
            await super().get_range(op)
            await pause()
        return await super().get_range(replace(op, if_version=None))
