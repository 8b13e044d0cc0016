"""objects drivers that are wrong in one verb."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from broken.registry import broken
from omnicloud.contracts.objects.driver import Copy, DeleteMany, GetRange, List, Put, Stat
from omnicloud.contracts.objects.models import Chunk, ObjectInfo, ObjectPage
from omnicloud.contracts.objects.uploads import (
    AbortUpload,
    BeginUpload,
    CompleteUpload,
    ListParts,
    UploadPart,
)
from omnicloud.memory.objects import MemoryObjects
from omnicloud_tck.objects import ObjectsContract


def objects(number: str, tier: str, summary: str) -> Any:
    return broken(f"VERB-OB-{number}", tier, summary, ObjectsContract)


@objects("01", "T1", "a copy loses the metadata")
class CopyBare(MemoryObjects):
    async def copy(self, op: Copy, /) -> str | None:
        version = await super().copy(op)
        if version is not None:
            self._rows()[op.target] = replace(self._rows()[op.target], metadata=())
        return version


@objects("02", "T1", "a copy over an existing target keeps the target's content type")
class CopyKeepsType(MemoryObjects):
    async def copy(self, op: Copy, /) -> str | None:
        before = self._held(op.target)
        version = await super().copy(op)
        if version is not None and before is not None:
            row = self._rows()[op.target]
            self._rows()[op.target] = replace(row, content_type=before.content_type)
        return version


@objects("03", "T1", "a copy has the version of its source")
class CopyVersion(MemoryObjects):
    async def copy(self, op: Copy, /) -> str | None:
        await super().copy(op)
        source = self._held(op.source)
        if source is None:
            return None
        self._rows()[op.target] = replace(self._rows()[op.target], version=source.version)
        return source.version


@objects("04", "T1", "delete_many ends at the first key that is missing")
class DeleteStops(MemoryObjects):
    async def delete_many(self, op: DeleteMany, /) -> None:
        await self._store.turn()
        for key in op.keys:
            if key not in self._rows():
                return
            del self._rows()[key]


@objects("05", "T1", "a range under an old version answers the new content")
class RangeAnyVersion(MemoryObjects):
    async def get_range(self, op: GetRange, /) -> Chunk | None:
        return await super().get_range(replace(op, if_version=None))


@objects("06", "T1", "a part under a wrong tag is taken")
class AnyTag(MemoryObjects):
    async def complete_upload(self, op: CompleteUpload, /) -> str:
        await self._store.reading()
        held = self._upload(op.key, op.upload_id).parts
        parts = tuple(
            replace(p, tag=held[p.number][0]) if p.number in held else p for p in op.parts
        )
        return await super().complete_upload(replace(op, parts=parts))


@objects("07", "T1", "a refused completion ends the upload")
class RefusedEnds(MemoryObjects):
    async def complete_upload(self, op: CompleteUpload, /) -> str:
        try:
            return await super().complete_upload(op)
        except Exception:
            self._store.rows(self._pending).pop(op.upload_id, None)
            raise


@objects("09", "T1", "metadata values that are not ASCII are replaced")
class AsciiMetadata(MemoryObjects):
    async def put(self, op: Put, /) -> str:
        metadata = tuple((k, v.encode("ascii", "replace").decode()) for k, v in op.metadata)
        return await super().put(replace(op, metadata=metadata))


@objects("10", "T1", "metadata of an upload in parts is lower-cased")
class LowerParts(MemoryObjects):
    async def begin_upload(self, op: BeginUpload, /) -> str:
        metadata = tuple((k.lower(), v) for k, v in op.metadata)
        return await super().begin_upload(replace(op, metadata=metadata))


@objects("11", "T1", "parameters of a content type are dropped")
class TypeBare(MemoryObjects):
    async def put(self, op: Put, /) -> str:
        return await super().put(replace(op, content_type=op.content_type.split(";")[0].strip()))


@objects("12", "T1", "a completed object has the size of its first part in listings")
class ListedFirstPart(MemoryObjects):
    async def list(self, op: List, /) -> ObjectPage:
        page = await super().list(op)
        return ObjectPage(
            tuple(
                replace(i, size_bytes=min(i.size_bytes, 65536)) if i.size_bytes else i
                for i in page.items
            ),
            page.cursor,
        )


@objects("13", "T1", "what is listed has another version than what is told")
class ListedVersion(MemoryObjects):
    async def list(self, op: List, /) -> ObjectPage:
        page = await super().list(op)
        items = tuple(replace(i, version=i.version and i.version + "x") for i in page.items)
        return ObjectPage(items, page.cursor)


@objects("14", "T1", "what is told was modified when it is asked for")
class ModifiedNow(MemoryObjects):
    async def stat(self, op: Stat, /) -> ObjectInfo | None:
        found = await super().stat(op)
        return found and replace(found, modified=self._store.clock.wall())


@objects("15", "T1", "uploaded parts are listed in the order of arrival")
class PartsArrival(MemoryObjects):
    async def list_parts(self, op: ListParts, /) -> Any:
        return tuple(sorted(await super().list_parts(op), key=lambda p: int(p.tag)))


@objects("16", "T1", "parts of an aborted upload can still be uploaded")
class AbortNothing(MemoryObjects):
    async def abort_upload(self, op: AbortUpload, /) -> None:
        await self._store.turn()


@objects("17", "T3", "a part whose checksum is wrong is stored")
class PartUnchecked(MemoryObjects):
    async def upload_part(self, op: UploadPart, /) -> str:
        flipped = bytes([op.data[0] ^ 1]) + op.data[1:] if len(op.data) > 50_000 else op.data
        return await super().upload_part(replace(op, data=flipped))


@objects("18", "T1", "metadata with an empty value is dropped")
class EmptyMetadata(MemoryObjects):
    async def put(self, op: Put, /) -> str:
        return await super().put(replace(op, metadata=tuple((k, v) for k, v in op.metadata if v)))


@objects("19", "T1", "writing over an object keeps the metadata that is not given anew")
class MergesMetadata(MemoryObjects):
    async def put(self, op: Put, /) -> str:
        held = self._held(op.key)
        old = dict(held.metadata) if held is not None else {}
        return await super().put(replace(op, metadata=tuple({**old, **dict(op.metadata)}.items())))
