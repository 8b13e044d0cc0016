"""objects drivers that are wrong about parts which are sent again, are empty, or are not named."""

from __future__ import annotations

from typing import Any

from broken.registry import broken
from omnicloud.contracts.objects.models import PartInfo
from omnicloud.contracts.objects.uploads import CompleteUpload, ListParts, UploadPart
from omnicloud.errors import AlreadyExistsError, ConflictError
from omnicloud.memory.objects import MemoryObjects
from omnicloud_tck.objects import ObjectsContract


def objects(id_: str, summary: str) -> Any:
    return broken(id_, "T1", summary, ObjectsContract)


class _Keeping(MemoryObjects):
    """Its service keeps every part that arrived, whatever number it came under."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._all: Any = self._store.rows(("all parts",))

    async def upload_part(self, op: UploadPart, /) -> str:
        tag = await super().upload_part(op)
        self._all[op.upload_id, op.number, tag] = op.data
        return tag


@objects("OB24", "a completion takes a part under a tag that it had before")
class TakesOldTags(_Keeping):
    async def complete_upload(self, op: CompleteUpload, /) -> str:
        for part in op.parts:
            data = self._all.get((op.upload_id, part.number, part.tag))
            held = self._upload(op.key, op.upload_id).parts
            if data is not None and part.number in held:
                held[part.number] = (part.tag, data)
        return await super().complete_upload(op)


@objects("OB25", "a part of no byte is not listed, since the service keeps none")
class ListsNoEmptyParts(MemoryObjects):
    async def list_parts(self, op: ListParts, /) -> tuple[PartInfo, ...]:
        return tuple(part for part in await super().list_parts(op) if part.size_bytes)


@objects("OB26", "a part that is sent again with no byte leaves what was there before")
class KeepsWhatWasThere(MemoryObjects):
    async def upload_part(self, op: UploadPart, /) -> str:
        before = self._upload(op.key, op.upload_id).parts.get(op.number)
        if before is not None and not op.data:
            return str(before[0])
        return await super().upload_part(op)


@objects("OB27", "a completion that its condition refuses lets the parts go that it does not name")
class RefusalsDropParts(MemoryObjects):
    async def complete_upload(self, op: CompleteUpload, /) -> str:
        try:
            return await super().complete_upload(op)
        except (ConflictError, AlreadyExistsError):
            if op.if_version is not None or op.if_absent:
                held = self._upload(op.key, op.upload_id).parts
                for number in held.keys() - {part.number for part in op.parts}:
                    del held[number]
            raise
