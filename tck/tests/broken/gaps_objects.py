"""objects drivers at the places that the list of known faults leaves open."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import replace
from typing import Any
from urllib.parse import unquote

from broken.registry import broken
from omnicloud.contracts.objects.driver import Copy, Delete, GetRange, List, Put, Stat
from omnicloud.contracts.objects.models import Chunk, ObjectInfo, ObjectPage
from omnicloud.contracts.objects.uploads import CompleteUpload, UploadPart
from omnicloud.errors import InvalidArgumentError
from omnicloud.memory.objects import MemoryObjects
from omnicloud_tck.objects import ObjectsContract


def objects(number: str, tier: str, summary: str) -> Any:
    return broken(f"GAP-{number}", tier, summary, ObjectsContract)


class _Keys(MemoryObjects):
    """Changes keys, in requests about one object."""

    def kept(self, key: str) -> str:
        return key

    async def put(self, op: Put, /) -> str:
        return await super().put(replace(op, key=self.kept(op.key)))

    async def get_range(self, op: GetRange, /) -> Chunk | None:
        return await super().get_range(replace(op, key=self.kept(op.key)))

    async def stat(self, op: Stat, /) -> ObjectInfo | None:
        found = await super().stat(replace(op, key=self.kept(op.key)))
        return found and replace(found, key=op.key)

    async def delete(self, op: Delete, /) -> None:
        await super().delete(replace(op, key=self.kept(op.key)))


@objects("OB01", "T0", "an upload stores nothing")
class StoresNothing(MemoryObjects):
    async def put(self, op: Put, /) -> str:
        await self._store.turn()
        return str(self._store.number())


@objects("OB03", "T0", "delete is a no-op")
class DeletesNothing(MemoryObjects):
    async def delete(self, op: Delete, /) -> None:
        await self._store.turn()


@objects("OB06", "T1", "content goes through text mode: CR LF becomes LF")
class TextMode(MemoryObjects):
    async def put(self, op: Put, /) -> str:
        data = op.data.replace(b"\r\n", b"\n")
        return await super().put(replace(op, data=data, checksum=None))


@objects("OB09", "T1", "keys are compared without case")
class FoldsKeys(_Keys):
    def kept(self, key: str) -> str:
        return key.casefold()


@objects("OB10", "T1", "a slash at the start of a key is dropped")
class DropsSlash(_Keys):
    def kept(self, key: str) -> str:
        return key.lstrip("/") or key


@objects("OB13", "T1", "empty path steps in keys are dropped")
class DropsEmptySteps(_Keys):
    def kept(self, key: str) -> str:
        return "/".join(filter(None, key.split("/"))) or key


@objects("OB14", "T1", "keys are cut to the 255 bytes that a file name may have")
class CutsKeys(_Keys):
    def kept(self, key: str) -> str:
        return key.encode()[:255].decode(errors="ignore")


@objects("OB16", "T4", "keys are percent-decoded once more, so 'a%2e%2e' is 'a..'")
class DecodesKeys(_Keys):
    def kept(self, key: str) -> str:
        return unquote(key)


@objects("OB18", "T2", "downloads at once share one buffer")
class SharesBuffer(MemoryObjects):
    def __init__(self, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        self._buffer = b""

    async def get_range(self, op: GetRange, /) -> Chunk | None:
        found = await super().get_range(op)
        if found is None:
            return None
        self._buffer = found.data
        await asyncio.sleep(0)
        return Chunk(self._buffer, found.info)


@objects("OB20", "T2", "of two writes at once the content of one gets the metadata of the other")
class MixesWrites(MemoryObjects):
    async def put(self, op: Put, /) -> str:
        facts = self._store.rows("facts")
        facts[op.key] = (op.content_type, op.metadata)
        await self._store.turn()
        kind, metadata = facts[op.key]
        return await super().put(replace(op, content_type=kind, metadata=metadata))


@objects("XOB02", "T1", "a range beyond the end is an error")
class RangeError(MemoryObjects):
    async def get_range(self, op: GetRange, /) -> Chunk | None:
        found = await super().get_range(op)
        if found is not None and op.start > 0 and op.start >= found.info.size_bytes:
            raise InvalidArgumentError("the range cannot be satisfied")
        return found


@objects("XOB03", "T1", "an empty range answers the whole object")
class EmptyRange(MemoryObjects):
    async def get_range(self, op: GetRange, /) -> Chunk | None:
        if op.end is not None and op.end <= op.start:
            op = replace(op, start=0, end=None)
        return await super().get_range(op)


@objects("XOB04", "T1", "a range with a start reads from the beginning once it has no end")
class OpenRange(MemoryObjects):
    async def get_range(self, op: GetRange, /) -> Chunk | None:
        return await super().get_range(replace(op, start=0) if op.end is None else op)


@objects("XOB06", "T1", "a common prefix is told again on each page")
class PrefixAgain(MemoryObjects):
    async def list(self, op: List, /) -> ObjectPage:
        page = await super().list(op)
        if op.delimiter is None or op.cursor is None or not op.cursor.endswith(op.delimiter):
            return page
        before = await super().list(replace(op, cursor=None, limit=1 << 20))
        again = tuple(item for item in before.items if item.key == op.cursor)
        return ObjectPage(again + page.items, page.cursor)


@objects("XOB09", "T2", "if-absent looks, awaits, and then writes")
class LooksThenWrites(MemoryObjects):
    async def put(self, op: Put, /) -> str:
        if not op.if_absent:
            return await super().put(op)
        await self._store.turn()
        self._expect(op.key, op.if_version, absent=True)
        await asyncio.sleep(0)
        return await super().put(replace(op, if_absent=False))


@objects("XOB11", "T1", "versions are digests of the content, so the same content has the same")
class ContentVersions(MemoryObjects):
    async def put(self, op: Put, /) -> str:
        await super().put(op)
        row = self._rows()[op.key]
        version = hashlib.sha256(op.data).hexdigest()
        self._rows()[op.key] = replace(row, version=version)
        return version


@objects("XOB12", "T1", "parts are joined in the order of their arrival")
class ArrivalOrder(MemoryObjects):
    async def complete_upload(self, op: CompleteUpload, /) -> str:
        version = await super().complete_upload(op)
        tags = sorted(op.parts, key=lambda part: int(part.tag))
        if tags != list(op.parts):
            held = self._rows()[op.key]
            pieces = self._store.rows("pieces")
            data = b"".join(pieces[op.upload_id, part.number] for part in tags)
            self._rows()[op.key] = replace(held, data=data)
        return version

    async def upload_part(self, op: UploadPart, /) -> str:
        self._store.rows("pieces")[op.upload_id, op.number] = op.data
        return await super().upload_part(op)


@objects("XOB14", "T1", "of a part that arrives twice the first counts")
class FirstPart(MemoryObjects):
    async def upload_part(self, op: UploadPart, /) -> str:
        await self._store.reading()
        held = self._upload(op.key, op.upload_id).parts.get(op.number)
        return await super().upload_part(op if held is None else replace(op, data=held[1]))


@objects("XOB15", "T1", "copying an object onto itself empties it")
class CopyToSelf(MemoryObjects):
    async def copy(self, op: Copy, /) -> str | None:
        version = await super().copy(op)
        if version is not None and op.source == op.target:
            self._rows()[op.target] = replace(self._rows()[op.target], data=b"")
        return version


@objects("XOB20", "T1", "the content type of an object in parts is lost")
class PartsLoseType(MemoryObjects):
    async def complete_upload(self, op: CompleteUpload, /) -> str:
        version = await super().complete_upload(op)
        held = self._rows()[op.key]
        self._rows()[op.key] = replace(held, content_type="application/octet-stream")
        return version


@objects("XOB22", "T1", "names of metadata are lower-cased")
class LowersMetadata(MemoryObjects):
    async def put(self, op: Put, /) -> str:
        lowered = tuple((name.lower(), value) for name, value in op.metadata)
        return await super().put(replace(op, metadata=lowered))
