"""A right objects driver over pages of 1 KiB, with numbered etags and the narrowest limits."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass, field
from typing import NoReturn

from correct.apart import Apart, Backend
from correct.common import correct
from omnicloud.contracts.objects.driver import (
    Copy,
    Delete,
    DeleteMany,
    GetRange,
    List,
    Presign,
    Put,
    Stat,
)
from omnicloud.contracts.objects.models import (
    Chunk,
    Listed,
    Metadata,
    ObjectInfo,
    ObjectPage,
    ObjectsLimits,
    PartInfo,
)
from omnicloud.contracts.objects.uploads import (
    AbortUpload,
    BeginUpload,
    CompleteUpload,
    ListParts,
    UploadPart,
)
from omnicloud.core.clock import Clock
from omnicloud.core.operation import NO_FEATURES, Feature
from omnicloud.errors import ConflictError, NotFoundError, UnsupportedError

_PAGE = 1024
_SMALLEST = 64 << 10


@dataclass(frozen=True, slots=True)
class Head:
    """What is known of an object; its pages have its number."""

    number: int
    size: int
    content_type: str
    metadata: Metadata
    modified: float

    @property
    def etag(self) -> str:
        """Its version."""
        return f'W/"{self.number}"'


@dataclass(slots=True)
class Upload:
    """Parts that wait to become an object, by number, each with its tag."""

    content_type: str
    metadata: Metadata
    parts: dict[int, tuple[str, bytes]] = field(default_factory=dict)


class Pages(Backend):
    """Heads by key, pages by the number of their object and their own."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.heads: dict[str, Head] = {}
        self.pages: dict[tuple[int, int], bytes] = {}
        self.uploads: dict[tuple[str, str], Upload] = {}
        self._last = 1000

    def number(self) -> int:
        """A larger one than all before; some are left out."""
        self._last += self.chance.randrange(1, 50)
        return self._last

    def write(self, key: str, data: bytes, content_type: str, metadata: Metadata) -> str:
        """Put an object in the place of what is there."""
        head = Head(self.number(), len(data), content_type, metadata, self.clock.wall())
        for place, start in enumerate(range(0, len(data), _PAGE)):
            self.pages[head.number, place] = data[start : start + _PAGE]
        self.drop(key)
        self.heads[key] = head
        return head.etag

    def read(self, head: Head, start: int, end: int | None) -> bytes:
        """What is between."""
        end = head.size if end is None else min(end, head.size)
        if start >= end:
            return b""
        first = start // _PAGE
        places = range(first, (end - 1) // _PAGE + 1)
        run = b"".join(self.pages[head.number, place] for place in places)
        return run[start - first * _PAGE : end - first * _PAGE]

    def drop(self, key: str) -> None:
        """Forget an object."""
        head = self.heads.pop(key, None)
        for place in range(0 if head is None else -(-head.size // _PAGE)):
            del self.pages[head.number, place]  # type: ignore[union-attr]  # none is no place

    def info(self, key: str) -> ObjectInfo | None:
        """What is known of an object."""
        head = self.heads.get(key)
        if head is None:
            return None
        metadata = dict(head.metadata)
        return ObjectInfo(key, head.size, head.etag, head.content_type, metadata, head.modified)


@correct("objects", spared=("OBJ-110", "OBJ-130", "OBJ-131", "OBJ-132", "OBJ-133"))
class PagedObjects(Apart):
    """No checksum, no condition; its smallest part is its largest; an empty page is the last."""

    backend_class = Pages
    _backend: Pages
    features: frozenset[Feature] = NO_FEATURES
    limits = ObjectsLimits(
        object_max_bytes=3 << 20,
        put_max_bytes=_SMALLEST,
        part_min_bytes=_SMALLEST,
        part_max_bytes=_SMALLEST,
        parts_max=48,
        batch_max_items=1,
        page_max_items=1,
        parts_checksum=False,
    )

    async def put(self, op: Put, /) -> str:
        await self.arrive()
        etag = self._backend.write(op.key, op.data, op.content_type, op.metadata)
        await self.linger()
        return etag

    async def get_range(self, op: GetRange, /) -> Chunk | None:
        await self.arrive()
        head, info = self._backend.heads.get(op.key), self._backend.info(op.key)
        if head is None or info is None:
            return None
        if op.if_version not in (None, head.etag):
            raise ConflictError("it was written again")
        data = self._backend.read(head, op.start, op.end)
        await self.linger()
        return Chunk(data, info)

    async def stat(self, op: Stat, /) -> ObjectInfo | None:
        await self.arrive()
        info = self._backend.info(op.key)
        await self.linger()
        return info

    async def delete(self, op: Delete, /) -> None:
        await self.arrive()
        self._backend.drop(op.key)
        await self.linger()

    async def delete_many(self, op: DeleteMany, /) -> None:
        for key in op.keys:
            await self.delete(Delete(key))

    async def list(self, op: List, /) -> ObjectPage:
        await self.arrive()
        after = "" if op.cursor is None else op.cursor[1:]
        lines = [line for line in self._lines(op) if op.cursor is None or line.key > after]
        page = tuple(lines[: op.limit])
        await self.linger()
        return ObjectPage(page, f">{page[-1].key}" if page else None)

    def _lines(self, op: List) -> dict[Listed, None]:
        """Objects and common prefixes, each once, in their order."""
        found: dict[Listed, None] = {}
        for key in sorted(key for key in self._backend.heads if key.startswith(op.prefix)):
            head, rest = self._backend.heads[key], key[len(op.prefix) :]
            line = Listed(key, head.size, head.etag, head.modified)
            if op.delimiter and op.delimiter in rest:
                line = Listed(op.prefix + rest[: rest.index(op.delimiter) + 1])
            found[line] = None
        return found

    async def copy(self, op: Copy, /) -> str | None:
        await self.arrive()
        head = self._backend.heads.get(op.source)
        if head is None:
            return None
        data = self._backend.read(head, 0, None)
        etag = self._backend.write(op.target, data, head.content_type, head.metadata)
        await self.linger()
        return etag

    async def begin_upload(self, op: BeginUpload, /) -> str:
        await self.arrive()
        upload_id = f"up/{self._backend.number()}?"
        self._backend.uploads[op.key, upload_id] = Upload(op.content_type, op.metadata)
        await self.linger()
        return upload_id

    async def upload_part(self, op: UploadPart, /) -> str:
        await self.arrive()
        tag = hashlib.sha1(op.data).hexdigest()
        self._upload(op.key, op.upload_id).parts[op.number] = tag, op.data
        await self.linger()
        return tag

    async def list_parts(self, op: ListParts, /) -> tuple[PartInfo, ...]:
        await self.arrive()
        parts = sorted(self._upload(op.key, op.upload_id).parts.items())
        await self.linger()
        return tuple(PartInfo(number, tag, len(data)) for number, (tag, data) in parts)

    async def complete_upload(self, op: CompleteUpload, /) -> str:
        await self.arrive()
        upload = self._upload(op.key, op.upload_id)
        held = [upload.parts.get(part.number, ("", b"")) for part in op.parts]
        if any(tag != part.tag for (tag, _), part in zip(held, op.parts, strict=True)):
            raise ConflictError("there is no such part")
        del self._backend.uploads[op.key, op.upload_id]
        data = b"".join(data for _, data in held)
        etag = self._backend.write(op.key, data, upload.content_type, upload.metadata)
        await self.linger()
        return etag

    async def abort_upload(self, op: AbortUpload, /) -> None:
        await self.arrive()
        self._backend.uploads.pop((op.key, op.upload_id), None)
        await self.linger()

    async def presign(self, op: Presign, /) -> NoReturn:
        await asyncio.sleep(0)
        raise UnsupportedError("pages have no URLs")

    def _upload(self, key: str, upload_id: str) -> Upload:
        upload = self._backend.uploads.get((key, upload_id))
        if upload is None:
            raise NotFoundError("there is no such upload")
        return upload
