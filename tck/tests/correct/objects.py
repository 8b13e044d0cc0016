"""Right objects drivers that are not like the reference."""

from __future__ import annotations

from dataclasses import replace

from correct.common import correct, cut, meant, slowed, told
from omnicloud.contracts.objects.driver import Copy, Delete, GetRange, List, Put, Stat
from omnicloud.contracts.objects.listing import page_of
from omnicloud.contracts.objects.models import (
    Chunk,
    Listed,
    ObjectInfo,
    ObjectPage,
    ObjectsLimits,
    PartInfo,
)
from omnicloud.contracts.objects.uploads import CompleteUpload, ListParts
from omnicloud.core.operation import Feature
from omnicloud.memory.objects import MemoryObjects
from omnicloud.memory.store import MemoryStore


@correct("objects")
class Other(MemoryObjects):
    """Narrow limits, short and empty pages, other versions, whole seconds, no checksums, slow."""

    def __init__(self, store: MemoryStore, namespace: str = "") -> None:
        super().__init__(slowed(store), namespace)

    @property
    def limits(self) -> ObjectsLimits:
        return ObjectsLimits(
            object_max_bytes=8 << 20,
            put_max_bytes=1 << 20,
            part_max_bytes=1 << 20,
            parts_max=100,
            batch_max_items=7,
            page_max_items=5,
            metadata_max_bytes=200,
        )

    async def put(self, op: Put, /) -> str:
        return told(await super().put(replace(op, if_version=meant(op.if_version))))

    async def delete(self, op: Delete, /) -> None:
        await super().delete(replace(op, if_version=meant(op.if_version)))

    async def copy(self, op: Copy, /) -> str | None:
        version = await super().copy(replace(op, if_version=meant(op.if_version)))
        return version and told(version)

    async def complete_upload(self, op: CompleteUpload, /) -> str:
        return told(await super().complete_upload(replace(op, if_version=meant(op.if_version))))

    async def list_parts(self, op: ListParts, /) -> tuple[PartInfo, ...]:
        return tuple(replace(part, checksum=None) for part in await super().list_parts(op))

    async def stat(self, op: Stat, /) -> ObjectInfo | None:
        info = await super().stat(op)
        return info and _told(info)

    async def get_range(self, op: GetRange, /) -> Chunk | None:
        chunk = await super().get_range(replace(op, if_version=meant(op.if_version)))
        return chunk and Chunk(chunk.data, _told(chunk.info))

    async def list(self, op: List, /) -> ObjectPage:
        every = (await super().list(List(op.prefix, limit=1_000_000))).items
        lines = {
            line.key: line for line in page_of(every, op.prefix, op.delimiter, None, 10**6).items
        }
        found, cursor = cut(list(lines), op.cursor, op.limit, 4)
        return ObjectPage(tuple(_line(lines[key]) for key in found), cursor)


def _line(line: Listed) -> Listed:
    if line.version is None:
        return line
    return replace(line, version=told(line.version), modified=float(int(line.modified or 0)))


def _told(info: ObjectInfo) -> ObjectInfo:
    return replace(
        info, version=told(info.version), modified=float(int(info.modified)), checksum=None
    )


@correct("objects")
class Bare(MemoryObjects):
    """No conditions, and no large objects."""

    @property
    def features(self) -> frozenset[Feature]:
        return frozenset()

    @property
    def limits(self) -> ObjectsLimits:
        return ObjectsLimits(
            object_max_bytes=300_000, put_max_bytes=100_000, part_max_bytes=100_000, parts_max=12
        )
