"""Objects drivers as third parties wrote them, made without a look at the laws."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from hashlib import sha256
from typing import Any

from broken.blind6_names import renaming
from broken.registry import broken
from omnicloud.contracts.objects.driver import Copy, Delete, GetRange, List, Put, Stat
from omnicloud.contracts.objects.models import Chunk, ObjectInfo, ObjectPage
from omnicloud.contracts.objects.uploads import (
    AbortUpload,
    BeginUpload,
    CompleteUpload,
    UploadPart,
)
from omnicloud.errors import (
    AlreadyExistsError,
    ConflictError,
    InvalidArgumentError,
    UnavailableError,
)
from omnicloud.memory.objects import MemoryObjects
from omnicloud_tck.objects import ObjectsContract

_BLOCK = 64 << 10


def objects(id_: str, tier: str, summary: str) -> Any:
    return broken(id_, tier, summary, ObjectsContract)


@objects("GOB01", "T0", "copy moves")
class CopyMoves(MemoryObjects):
    async def copy(self, op: Copy, /) -> str | None:
        version = await super().copy(op)
        if version is not None and op.source != op.target:
            self._rows().pop(op.source, None)
        return version


@objects("GOB02", "T0", "a listing has every key, whatever the prefix")
class ListsAll(MemoryObjects):
    async def list(self, op: List, /) -> ObjectPage:
        return await super().list(replace(op, prefix=""))


@objects("GOB03", "T1", "a range that begins at the end or beyond is an error")
class RefusesRange(MemoryObjects):
    async def get_range(self, op: GetRange, /) -> Chunk | None:
        chunk = await super().get_range(op)
        if chunk is not None and 0 < chunk.info.size_bytes <= op.start:
            raise InvalidArgumentError("416 the range is not satisfiable")
        return chunk


@objects("GOB04", "T1", "names of metadata come back in small letters, as headers do")
class LowersMetadata(MemoryObjects):
    async def put(self, op: Put, /) -> str:
        return await super().put(replace(op, metadata=_lowered(op.metadata)))

    async def begin_upload(self, op: BeginUpload, /) -> str:
        return await super().begin_upload(replace(op, metadata=_lowered(op.metadata)))


def _lowered(pairs: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    return tuple((name.lower(), value) for name, value in pairs)


@objects("GOB05", "T1", "a copy has the default content type")
class CopyLosesType(MemoryObjects):
    async def copy(self, op: Copy, /) -> str | None:
        version = await super().copy(op)
        if version is not None and op.source != op.target:
            made = self._rows()[op.target]
            self._rows()[op.target] = replace(made, content_type="application/octet-stream")
        return version


@objects("GOB06", "T1", "parts are joined in the order of their names: 1, 10, 2")
class JoinsByName(MemoryObjects):
    async def complete_upload(self, op: CompleteUpload, /) -> str:
        parts = tuple(sorted(op.parts, key=lambda part: str(part.number)))
        checksum = op.checksum if parts == op.parts else None
        return await super().complete_upload(replace(op, parts=parts, checksum=checksum))


@objects("GOB07", "T2", "the id of an upload is made of its key: two at once are one")
class UploadIdIsKey(MemoryObjects):
    async def begin_upload(self, op: BeginUpload, /) -> str:
        made = await super().begin_upload(op)
        pending = self._store.rows(self._pending)
        upload_id = "upload-" + sha256(op.key.encode()).hexdigest()
        pending.setdefault(upload_id, pending.pop(made))
        return upload_id


@objects("GOB08", "T2", "a conditional delete compares first and deletes in a second request")
class ComparesThenDeletes(MemoryObjects):
    async def delete(self, op: Delete, /) -> None:
        if op.if_version is not None:
            await self._store.turn()
            self._expect(op.key, op.if_version)
            await asyncio.sleep(0)
        await super().delete(Delete(op.key))


@objects("GOB09", "T2", "a range is read first, and what is told with it asked for after")
class InfoComesLater(MemoryObjects):
    async def get_range(self, op: GetRange, /) -> Chunk | None:
        chunk = await super().get_range(op)
        info = await self.stat(Stat(op.key))
        return None if chunk is None or info is None else Chunk(chunk.data, info)


@objects("GOB10", "T2", "a copy reads its source block by block, also while it is written")
class CopiesBlocks(MemoryObjects):
    async def copy(self, op: Copy, /) -> str | None:
        info = await self.stat(Stat(op.source))
        if info is None:
            return None
        data = b""
        while len(data) < info.size_bytes:
            chunk = await self.get_range(GetRange(op.source, len(data), len(data) + _BLOCK))
            if chunk is None or not chunk.data:
                break
            data += chunk.data
        pairs = tuple(info.metadata.items())
        made = Put(op.target, data, info.content_type, pairs, None, op.if_version, op.if_absent)
        checksum = "sha256:" + sha256(data).hexdigest()
        return await self.put(replace(made, checksum=info.checksum and checksum))


@objects("GOB11", "T3", "an upload whose completion is refused is thrown away")
class RefusalEndsUpload(MemoryObjects):
    async def complete_upload(self, op: CompleteUpload, /) -> str:
        try:
            return await super().complete_upload(op)
        except (AlreadyExistsError, ConflictError):
            self._store.rows(self._pending).pop(op.upload_id, None)
            raise


@objects("GOB12", "T3", "while the backend is down there is no object")
class NothingThereWhenDown(MemoryObjects):
    async def stat(self, op: Stat, /) -> ObjectInfo | None:
        try:
            return await super().stat(op)
        except UnavailableError:
            return None


@objects("GOB13", "T3", "an upload that was aborted takes more parts and can be completed")
class AbortForgetsParts(MemoryObjects):
    async def abort_upload(self, op: AbortUpload, /) -> None:
        await self._store.turn()
        pending = self._store.rows(self._pending)
        if op.upload_id in pending:
            pending[op.upload_id] = replace(pending[op.upload_id], parts={})


@objects("GOB14", "T3", "content type and metadata are written before the content")
class PropertiesFirst(MemoryObjects):
    async def put(self, op: Put, /) -> str:
        await self._store.turn()
        held = self._held(op.key)
        if held is not None and not op.if_absent and op.if_version in (None, held.version):
            self._rows()[op.key] = replace(held, content_type=op.content_type, metadata=op.metadata)
            await asyncio.sleep(0)
        return await super().put(op)


@objects("GOB15", "T3", "the checksum of an object in parts is that of the parts' checksums")
class ComposesChecksums(MemoryObjects):
    async def complete_upload(self, op: CompleteUpload, /) -> str:
        parts = self._upload(op.key, op.upload_id).parts
        version = await super().complete_upload(op)
        digests = b"".join(sha256(parts[part.number][1]).digest() for part in op.parts)
        made = self._rows()[op.key]
        composed = "sha256:" + sha256(digests).hexdigest()
        self._rows()[op.key] = replace(made, checksum=made.checksum and composed)
        return version


def _joined(key: str) -> str:
    while "//" in key:
        key = key.replace("//", "/")
    return key


@objects("GOB16", "T4", "two slashes in a key are one")
class JoinsSlashes(renaming(MemoryObjects, _joined)):  # type: ignore[misc]  # made at run time
    pass


@objects("GOB17", "T4", "who knows the id of an upload may add parts to it under any key")
class IdIsEnough(MemoryObjects):
    async def upload_part(self, op: UploadPart, /) -> str:
        await self._store.turn()
        held = self._store.rows(self._pending).get(op.upload_id)
        return await super().upload_part(op if held is None else replace(op, key=held.key))
