"""objects drivers that are wrong where verbs and moments meet: random programs show them."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from typing import Any

from broken.registry import broken
from broken.unseen_common import came_back, rootless
from omnicloud.contracts.objects.driver import Copy, Delete, GetRange, Put, Stat
from omnicloud.contracts.objects.models import Chunk, ObjectInfo, PartInfo
from omnicloud.contracts.objects.uploads import (
    AbortUpload,
    ListParts,
    UploadPart,
)
from omnicloud.errors import ConflictError, UnavailableError
from omnicloud.memory.objects import MemoryObjects
from omnicloud_tck.objects import ObjectsContract

_logger = logging.getLogger("broken")


def objects(number: str, tier: str, summary: str) -> Any:
    return broken(f"PROG-OB-{number}", tier, summary, ObjectsContract)


@objects("01", "T1", "a conditional write without metadata keeps what there was")
class KeepsNotes(MemoryObjects):
    async def put(self, op: Put, /) -> str:
        held = self._held(op.key)
        if op.if_version and held is not None and not op.metadata:
            op = replace(op, metadata=held.metadata)
        return await super().put(op)


@objects("02", "T1", "a range that begins beyond the end answers the last byte")
class LastByte(MemoryObjects):
    async def get_range(self, op: GetRange, /) -> Chunk | None:
        held = self._held(op.key)
        if held is not None and op.start > len(held.data):
            op = replace(op, start=max(0, len(held.data) - 1), end=len(held.data))
        return await super().get_range(op)


@objects("04", "T1", "an abort under another key ends the upload")
class AbortsAny(MemoryObjects):
    async def abort_upload(self, op: AbortUpload, /) -> None:
        await self._store.turn()
        self._store.rows(self._pending).pop(op.upload_id, None)


@objects("05", "T1", "a conditional deletion of what is not there is silent")
class SilentDeletions(MemoryObjects):
    async def delete(self, op: Delete, /) -> None:
        if self._held(op.key) is None:
            op = Delete(op.key)
        await super().delete(op)


@objects("06", "T1", "a copy over its own source changes nothing, not even the version")
class CopiesNothing(MemoryObjects):
    async def copy(self, op: Copy, /) -> str | None:
        held = self._held(op.source)
        if op.source == op.target and held is not None and not op.if_absent:
            await self._store.turn()
            self._expect(op.target, op.if_version)
            return held.version
        return await super().copy(op)


@objects("07", "T2", "a conditional copy looks at its target, then writes")
class CopiesAnyway(MemoryObjects):
    async def copy(self, op: Copy, /) -> str | None:
        await self._store.turn()
        if self._held(op.source) is not None:
            self._expect(op.target, op.if_version, absent=op.if_absent)
        await asyncio.sleep(0)
        return await super().copy(Copy(op.source, op.target))


@objects("09", "T2", "a part is added to the parts as they were a moment ago")
class LosesParts(MemoryObjects):
    async def upload_part(self, op: UploadPart, /) -> str:
        await self._store.turn()
        before = self._upload(op.key, op.upload_id).parts
        await asyncio.sleep(0)
        tag = await super().upload_part(op)
        pending = self._store.rows(self._pending)
        upload = pending[op.upload_id]
        mine = {op.number: upload.parts[op.number]}
        pending[op.upload_id] = replace(upload, parts={**before, **mine})
        return tag


@objects("10", "T2", "a write with a content type deletes what there is first")
class DeletesFirst(MemoryObjects):
    async def put(self, op: Put, /) -> str:
        if op.content_type != "application/octet-stream" and not op.if_absent:
            await self._store.turn()
            self._expect(op.key, op.if_version)
            await super().delete(Delete(op.key))
            await asyncio.sleep(0)
            op = replace(op, if_version=None)
        return await super().put(op)


@objects("11", "T3", "uploads that were begun before an outage are gone after it")
class ForgetsUploads(MemoryObjects):
    async def list_parts(self, op: ListParts, /) -> tuple[PartInfo, ...]:
        await self._store.reading()
        if came_back(self._store, self.__dict__.setdefault("_wrong_seen", {})):
            self._store.rows(self._pending).clear()
        return await super().list_parts(op)


@objects("12", "T3", "an abort that does not arrive is taken for done")
class AbortsQuietly(MemoryObjects):
    async def abort_upload(self, op: AbortUpload, /) -> None:
        try:
            await super().abort_upload(op)
        except UnavailableError:
            return


@objects("13", "T3", "a copy that was given up is made a second later")
class CopiesLater(MemoryObjects):
    async def copy(self, op: Copy, /) -> str | None:
        return await asyncio.shield(asyncio.ensure_future(self._copied(op)))

    async def _copied(self, op: Copy) -> str | None:
        try:
            return await super().copy(op)
        except UnavailableError:
            await self._store.clock.sleep(1.0)
            return await super().copy(op)


@objects("14", "T4", "an upload is found by its id in any tenant that has its key")
class SharesUploads(MemoryObjects):
    def _upload(self, key: str, upload_id: str) -> Any:
        upload = self._store.rows(self._pending).get(upload_id)
        if upload is not None and rootless(upload.key) == rootless(key):
            key = upload.key
        return super()._upload(key, upload_id)


@objects("15", "T4", "a conditional write that is refused logs the metadata")
class LogsNotes(MemoryObjects):
    async def put(self, op: Put, /) -> str:
        try:
            return await super().put(op)
        except ConflictError:
            _logger.info("refused %s with %s", op.key, dict(op.metadata))
            raise


@objects("16", "T4", "what is not there is looked for outside all tenants")
class LooksOutside(MemoryObjects):
    async def stat(self, op: Stat, /) -> ObjectInfo | None:
        found = await super().stat(op)
        if found is None and rootless(op.key) != op.key:
            outside = await super().stat(Stat(rootless(op.key)))
            return outside and replace(outside, key=op.key)
        return found
