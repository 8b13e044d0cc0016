"""The objects contract in memory: every feature but durability and presigned URLs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from omnicloud.contracts.objects.checks import checksum_of
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
from omnicloud.contracts.objects.listing import page_of
from omnicloud.contracts.objects.models import (
    Chunk,
    Listed,
    Metadata,
    ObjectInfo,
    ObjectPage,
    ObjectsFeature,
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
from omnicloud.core.operation import Feature
from omnicloud.errors import (
    AlreadyExistsError,
    ConflictError,
    CorruptedError,
    NotFoundError,
    UnsupportedError,
)
from omnicloud.memory.store import MemoryStore, Rows

__all__ = ["FEATURES", "MemoryObjects"]

FEATURES: frozenset[Feature] = frozenset({ObjectsFeature.CONDITIONAL})


@dataclass(frozen=True, slots=True)
class _Object:
    data: bytes = field(repr=False)
    version: str
    content_type: str
    metadata: Metadata
    modified: float
    checksum: str | None

    def info(self, key: str) -> ObjectInfo:
        return ObjectInfo(
            key,
            len(self.data),
            self.version,
            self.content_type,
            dict(self.metadata),
            self.modified,
            self.checksum,
        )


@dataclass(frozen=True, slots=True)
class _Upload:
    key: str
    content_type: str
    metadata: Metadata
    parts: Mapping[int, tuple[str, bytes]] = field(default_factory=dict, repr=False)


class MemoryObjects:
    """An objects driver over rows of a :class:`MemoryStore`."""

    def __init__(self, store: MemoryStore, namespace: str = "") -> None:
        self._store = store
        self._table = ("objects", namespace)
        self._pending = ("uploads", namespace)

    @property
    def features(self) -> frozenset[Feature]:
        return FEATURES

    @property
    def limits(self) -> ObjectsLimits:
        return ObjectsLimits(object_max_bytes=4 << 30)

    async def put(self, op: Put, /) -> str:
        await self._store.turn()
        self._expect(op.key, op.if_version, absent=op.if_absent)
        if op.checksum is not None and op.checksum != checksum_of(op.data):
            raise CorruptedError("the data that arrived is not what the checksum is of")
        return self._write(op.key, op.data, op.content_type, op.metadata, op.checksum)

    async def get_range(self, op: GetRange, /) -> Chunk | None:
        await self._store.reading()
        held = self._held(op.key)
        if held is None:
            return None
        if op.if_version is not None and held.version != op.if_version:
            raise ConflictError("the object has another version")
        return Chunk(held.data[op.start : op.end], held.info(op.key))

    async def stat(self, op: Stat, /) -> ObjectInfo | None:
        await self._store.reading()
        held = self._held(op.key)
        return None if held is None else held.info(op.key)

    async def delete(self, op: Delete, /) -> None:
        await self._store.turn()
        self._expect(op.key, op.if_version)
        self._rows().pop(op.key, None)

    async def delete_many(self, op: DeleteMany, /) -> None:
        await self._store.turn()
        for key in op.keys:
            self._rows().pop(key, None)

    async def list(self, op: List, /) -> ObjectPage:
        await self._store.reading()
        rows = self._rows()
        entries = (
            Listed(key, len(rows[key].data), rows[key].version, rows[key].modified)
            for key in sorted(key for key in rows if key.startswith(op.prefix))
        )
        return page_of(entries, op.prefix, op.delimiter, op.cursor, op.limit)

    async def copy(self, op: Copy, /) -> str | None:
        await self._store.turn()
        source = self._held(op.source)
        if source is None:
            return None
        self._expect(op.target, op.if_version, absent=op.if_absent)
        return self._write(
            op.target, source.data, source.content_type, source.metadata, source.checksum
        )

    async def begin_upload(self, op: BeginUpload, /) -> str:
        await self._store.turn()
        upload_id = f"upload-{self._store.number()}"
        self._store.rows(self._pending)[upload_id] = _Upload(op.key, op.content_type, op.metadata)
        return upload_id

    async def upload_part(self, op: UploadPart, /) -> str:
        await self._store.turn()
        upload = self._upload(op.key, op.upload_id)
        tag = str(self._store.number())
        parts = {**upload.parts, op.number: (tag, op.data)}
        self._store.rows(self._pending)[op.upload_id] = replace(upload, parts=parts)
        return tag

    async def list_parts(self, op: ListParts, /) -> tuple[PartInfo, ...]:
        await self._store.reading()
        parts = self._upload(op.key, op.upload_id).parts
        return tuple(
            PartInfo(number, tag, len(data), checksum_of(data))
            for number, (tag, data) in sorted(parts.items())
        )

    async def complete_upload(self, op: CompleteUpload, /) -> str:
        await self._store.turn()
        upload = self._upload(op.key, op.upload_id)
        held = [upload.parts.get(part.number) for part in op.parts]
        pieces = [
            found[1]
            for part, found in zip(op.parts, held, strict=True)
            if found is not None and found[0] == part.tag
        ]
        if len(pieces) != len(op.parts):
            raise ConflictError("a part is not there under its tag")
        self._expect(op.key, op.if_version, absent=op.if_absent)
        data = b"".join(pieces)
        if op.checksum is not None and op.checksum != checksum_of(data):
            raise CorruptedError("the data that arrived is not what the checksum is of")
        del self._store.rows(self._pending)[op.upload_id]
        return self._write(op.key, data, upload.content_type, upload.metadata, op.checksum)

    async def abort_upload(self, op: AbortUpload, /) -> None:
        await self._store.turn()
        pending = self._store.rows(self._pending)
        upload: _Upload | None = pending.get(op.upload_id)
        if upload is not None and upload.key == op.key:
            del pending[op.upload_id]

    async def presign(self, op: Presign, /) -> str:
        await self._store.reading()
        raise UnsupportedError("an object in memory has no URL")

    async def aclose(self) -> None:
        """Nothing is held: the store belongs to who made it."""

    # What follows decides without awaiting.

    def _rows(self) -> Rows:
        return self._store.rows(self._table)

    def _held(self, key: str) -> _Object | None:
        held: _Object | None = self._rows().get(key)
        return held

    def _upload(self, key: str, upload_id: str) -> _Upload:
        upload: _Upload | None = self._store.rows(self._pending).get(upload_id)
        if upload is None or upload.key != key:
            raise NotFoundError("there is no such upload", hint="begin another one")
        return upload

    def _expect(self, key: str, version: str | None, *, absent: bool = False) -> None:
        held = self._held(key)
        if absent and held is not None:
            raise AlreadyExistsError("there is an object of that key")
        if version is not None and (held is None or held.version != version):
            raise ConflictError("the object has another version, or is not there")

    def _write(
        self, key: str, data: bytes, content_type: str, metadata: Metadata, checksum: str | None
    ) -> str:
        version = str(self._store.number())
        self._rows()[key] = _Object(
            data, version, content_type, metadata, self._store.clock.wall(), checksum
        )
        return version
