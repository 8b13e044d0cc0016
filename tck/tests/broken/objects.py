"""objects drivers that are wrong on purpose."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from broken.common import Verbs, field, wrong_in_common
from broken.registry import broken
from omnicloud.contracts.objects.driver import (
    Copy,
    Delete,
    DeleteMany,
    GetRange,
    List,
    Put,
    Stat,
)
from omnicloud.contracts.objects.models import (
    Chunk,
    Listed,
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
from omnicloud.errors import NotFoundError
from omnicloud.memory.objects import MemoryObjects
from omnicloud_tck.objects import ObjectsContract


def objects(id_: str, tier: str, summary: str) -> Any:
    return broken(id_, tier, summary, ObjectsContract)


wrong_in_common(
    "OB",
    ObjectsContract,
    MemoryObjects,
    Verbs(
        "put",
        "get_range",
        "delete",
        field("key"),
        lambda op, how: replace(op, data=how(op.data), checksum=None),
    ),
)


@objects("OB02", "T0", "a missing object is empty")
class MissingIsEmpty(MemoryObjects):
    async def get_range(self, op: GetRange, /) -> Chunk | None:
        return await super().get_range(op) or Chunk(b"", ObjectInfo(op.key, 0, "0"))


@objects("OB03", "T0", "delete is a no-op")
class DeletesNothing(MemoryObjects):
    async def delete(self, op: Delete, /) -> None:
        await self._store.turn()


@objects("OB04", "T0", "delete of a missing object raises")
class DeleteRaises(MemoryObjects):
    async def delete(self, op: Delete, /) -> None:
        if self._held(op.key) is None:
            raise NotFoundError("missing")
        await super().delete(op)


@objects("OB05", "T1", "empty objects are absent")
class EmptyIsAbsent(MemoryObjects):
    async def get_range(self, op: GetRange, /) -> Chunk | None:
        chunk = await super().get_range(op)
        return chunk if chunk and chunk.info.size_bytes else None


@objects("OB06", "T1", "stat does not find empty objects")
class EmptyHasNoStat(MemoryObjects):
    async def stat(self, op: Stat, /) -> ObjectInfo | None:
        info = await super().stat(op)
        return info if info and info.size_bytes else None


@objects("OB07", "T1", "an overwrite of the same size is skipped")
class SkipsSameSize(MemoryObjects):
    async def put(self, op: Put, /) -> str:
        held = self._held(op.key)
        if held and len(held.data) == len(op.data) and not op.if_absent and not op.if_version:
            return held.version
        return await super().put(op)


@objects("OB08", "T1", "keys are URL-encoded on write only")
class EncodesOnWrite(MemoryObjects):
    async def put(self, op: Put, /) -> str:
        return await super().put(replace(op, key=quote(op.key)))


@objects("OB11", "T1", "backslashes become slashes")
class RewritesBackslash(MemoryObjects):
    async def put(self, op: Put, /) -> str:
        return await super().put(replace(op, key=op.key.replace("\\", "/")))

    async def get_range(self, op: GetRange, /) -> Chunk | None:
        return await super().get_range(replace(op, key=op.key.replace("\\", "/")))


@objects("OB12", "T1", "a and a/b cannot both be there")
class KeysArePaths(MemoryObjects):
    async def put(self, op: Put, /) -> str:
        for key in list(self._rows()):
            if key.startswith(f"{op.key}/") or op.key.startswith(f"{key}/"):
                del self._rows()[key]
        return await super().put(op)


@objects("OB13", "T1", "deleting a key deletes what is below it")
class DeletesBelow(MemoryObjects):
    async def delete(self, op: Delete, /) -> None:
        await super().delete(op)
        for key in [key for key in self._rows() if key.startswith(f"{op.key}/")]:
            del self._rows()[key]


@objects("OB17", "T2", "readers see an object that is half written")
class TornWrite(MemoryObjects):
    async def put(self, op: Put, /) -> str:
        held = self._held(op.key)
        if held is not None and len(op.data) > 1000:
            half = len(op.data) // 2
            mixed = op.data[:half] + held.data[half:]
            self._rows()[op.key] = replace(held, data=mixed, checksum=None)
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            self._rows()[op.key] = held
        return await super().put(op)


@objects("OB18", "T2", "a range is of the newest version, whatever was asked")
class TornRanges(MemoryObjects):
    async def get_range(self, op: GetRange, /) -> Chunk | None:
        chunk = await super().get_range(replace(op, if_version=None))
        if chunk is None or op.if_version is None:
            return chunk
        info = replace(chunk.info, version=op.if_version, checksum=None)
        return Chunk(chunk.data, info)


@objects("OB19", "T2", "a metadata cache hides another client's overwrite")
class CachesStat(MemoryObjects):
    async def stat(self, op: Stat, /) -> ObjectInfo | None:
        held = self.__dict__.setdefault("_cache", {})
        if op.key not in held:
            held[op.key] = await super().stat(op)
        found: ObjectInfo | None = held[op.key]
        return found


@objects("OB21", "T3", "a cancelled upload leaves a cut object")
class CancelledLeavesHalf(MemoryObjects):
    async def put(self, op: Put, /) -> str:
        held = self._held(op.key)
        await super().put(replace(op, data=op.data[: len(op.data) // 2], checksum=None))
        if held is None:
            self._rows().pop(op.key)
        try:
            return await super().put(op)
        except asyncio.CancelledError:
            await asyncio.shield(
                super().put(replace(op, data=op.data[: len(op.data) // 2], checksum=None))
            )
            raise


@objects("OB22", "T3", "objects over 1 MiB come back with a flipped byte")
class FlipsByte(MemoryObjects):
    async def get_range(self, op: GetRange, /) -> Chunk | None:
        chunk = await super().get_range(op)
        if chunk is None or len(chunk.data) <= 1 << 20:
            return chunk
        return replace(chunk, data=chunk.data[:999] + b"\0" + chunk.data[1000:])


@objects("OB23", "T1", "stat tells the size before the last")
class StatSizeWrong(MemoryObjects):
    async def stat(self, op: Stat, /) -> ObjectInfo | None:
        info = await super().stat(op)
        return info and replace(info, size_bytes=max(1, info.size_bytes))


@objects("XOB01", "T1", "ranges include their end")
class IncludesEnd(MemoryObjects):
    async def get_range(self, op: GetRange, /) -> Chunk | None:
        return await super().get_range(replace(op, end=None if op.end is None else op.end + 1))


@objects("XOB02", "T1", "a range beyond the end is an error")
class RangeBeyondRaises(MemoryObjects):
    async def get_range(self, op: GetRange, /) -> Chunk | None:
        chunk = await super().get_range(op)
        if chunk and op.start and op.start >= chunk.info.size_bytes:
            raise NotFoundError("no such range")
        return chunk


@objects("XOB03", "T1", "versions are digests of the content")
class VersionsOfContent(MemoryObjects):
    def _write(self, key: str, data: bytes, *args: Any) -> str:
        super()._write(key, data, *args)
        version = str(hash(data))
        self._rows()[key] = replace(self._rows()[key], version=version)
        return version


@objects("XOB04", "T1", "list stops after the first page")
class ListsOnePage(MemoryObjects):
    async def list(self, op: List, /) -> ObjectPage:
        return ObjectPage((await super().list(op)).items)


@objects("XOB05", "T1", "list sorts without case")
class ListsWithoutCase(MemoryObjects):
    async def list(self, op: List, /) -> ObjectPage:
        page = await super().list(op)
        items = sorted(page.items, key=lambda item: item.key.lower())
        return ObjectPage(tuple(items), page.cursor)


@objects("XOB06", "T1", "a common prefix comes once a page")
class PrefixPerPage(MemoryObjects):
    async def list(self, op: List, /) -> ObjectPage:
        flat = await super().list(replace(op, delimiter=None))
        if op.delimiter is None:
            return flat
        folded: dict[str, Listed] = {}
        for item in flat.items:
            head, found, _ = item.key[len(op.prefix) :].partition(op.delimiter)
            key = op.prefix + head + found
            folded[key] = Listed(key) if found else item
        return ObjectPage(tuple(folded.values()), flat.cursor)


@objects("XOB07", "T2", "new objects are listed once a cache expires")
class CachesList(MemoryObjects):
    async def list(self, op: List, /) -> ObjectPage:
        held = self.__dict__.setdefault("_lists", {})
        if op not in held:
            held[op] = await super().list(op)
        found: ObjectPage = held[op]
        return found


@objects("XOB08", "T1", "if_absent is ignored in parts")
class PartsIgnoreAbsent(MemoryObjects):
    async def complete_upload(self, op: CompleteUpload, /) -> str:
        return await super().complete_upload(replace(op, if_absent=False))


@objects("XOB09", "T1", "if_version is ignored in parts")
class PartsIgnoreVersion(MemoryObjects):
    async def complete_upload(self, op: CompleteUpload, /) -> str:
        return await super().complete_upload(replace(op, if_version=None))


@objects("XOB10", "T1", "if_version of an old version overwrites")
class IgnoresVersion(MemoryObjects):
    async def put(self, op: Put, /) -> str:
        return await super().put(replace(op, if_version=None))


@objects("XOB11", "T1", "copy ignores if_absent")
class CopyIgnoresAbsent(MemoryObjects):
    async def copy(self, op: Copy, /) -> str | None:
        return await super().copy(replace(op, if_absent=False))


@objects("XOB12", "T1", "delete ignores the version")
class DeleteIgnoresVersion(MemoryObjects):
    async def delete(self, op: Delete, /) -> None:
        await super().delete(replace(op, if_version=None))


@objects("XOB13", "T3", "an aborted upload leaves an object")
class AbortLeaves(MemoryObjects):
    async def abort_upload(self, op: AbortUpload, /) -> None:
        pending = self._store.rows(self._pending).get(op.upload_id)
        await super().abort_upload(op)
        if pending and pending.parts:
            data = b"".join(part for _, part in pending.parts.values())
            self._write(op.key, data, "a/b", (), None)


@objects("XOB14", "T3", "an aborted upload can be completed")
class AbortForgotten(MemoryObjects):
    async def abort_upload(self, op: AbortUpload, /) -> None:
        await self._store.turn()


@objects("XOB15", "T1", "parts are joined in the order of arrival")
class OrderOfArrival(MemoryObjects):
    async def complete_upload(self, op: CompleteUpload, /) -> str:
        upload = self._upload(op.key, op.upload_id)
        order = {number: place for place, number in enumerate(upload.parts)}
        parts = tuple(sorted(op.parts, key=lambda part: order.get(part.number, 0)))
        return await super().complete_upload(replace(op, parts=parts, checksum=None))


@objects("XOB16", "T1", "a copy shares the metadata of its source")
class SharesMetadata(MemoryObjects):
    async def stat(self, op: Stat, /) -> ObjectInfo | None:
        info = await super().stat(op)
        shared = self._store.__dict__.setdefault("_shared", {})
        held = self._held(op.key)
        if info is None or held is None:
            return None
        kept = shared.setdefault(held.metadata, dict(held.metadata))
        return replace(info, metadata=kept)


@objects("XOB17", "T1", "copy unescapes the source")
class CopyUnescapes(MemoryObjects):
    async def copy(self, op: Copy, /) -> str | None:
        from urllib.parse import unquote

        return await super().copy(replace(op, source=unquote(op.source)))


@objects("XOB20", "T1", "copy loses the metadata")
class CopyLosesMetadata(MemoryObjects):
    async def copy(self, op: Copy, /) -> str | None:
        version = await super().copy(op)
        if version:
            self._rows()[op.target] = replace(self._rows()[op.target], metadata=())
        return version


@objects("XOB21", "T1", "the content type is guessed")
class GuessesType(MemoryObjects):
    async def put(self, op: Put, /) -> str:
        kind = "text/html" if op.key.endswith(".html") else op.content_type
        return await super().put(replace(op, content_type=kind))


@objects("XOB22", "T1", "metadata names are folded to lower case")
class FoldsMetadata(MemoryObjects):
    async def put(self, op: Put, /) -> str:
        metadata = tuple((name.lower(), value) for name, value in op.metadata)
        return await super().put(replace(op, metadata=metadata))


@objects("XOB23", "T1", "of a batch only the first 1000 are deleted")
class DeletesThousand(MemoryObjects):
    @property
    def limits(self) -> ObjectsLimits:
        return ObjectsLimits(batch_max_items=10_000)

    async def delete_many(self, op: DeleteMany, /) -> None:
        await super().delete_many(DeleteMany(op.keys[:1000]))


@objects("XOB24", "T1", "an overwrite keeps metadata that it does not name")
class KeepsMetadata(MemoryObjects):
    async def put(self, op: Put, /) -> str:
        held = self._held(op.key)
        old = held.metadata if held and not op.metadata else op.metadata
        return await super().put(replace(op, metadata=old))


@objects("XOB25", "T1", "completing does not look at tags")
class IgnoresTags(MemoryObjects):
    async def complete_upload(self, op: CompleteUpload, /) -> str:
        there = self._upload(op.key, op.upload_id).parts
        parts = tuple(
            replace(part, tag=there[part.number][0]) for part in op.parts if part.number in there
        )
        return await super().complete_upload(replace(op, parts=parts))


@objects("XOB26", "T2", "conditional writes check, await, then write")
class ChecksThenWrites(MemoryObjects):
    async def put(self, op: Put, /) -> str:
        await self._store.turn()
        self._expect(op.key, op.if_version, absent=op.if_absent)
        await asyncio.sleep(0)
        return await super().put(replace(op, if_version=None, if_absent=False))


@objects("XOB27", "T1", "the first arrival of a part counts")
class FirstPartCounts(MemoryObjects):
    async def list_parts(self, op: ListParts, /) -> tuple[PartInfo, ...]:
        parts = await super().list_parts(op)
        return tuple(replace(part, size_bytes=part.size_bytes + 1) for part in parts)


@objects("XOB28", "T1", "metadata over the limit is cut")
class CutsMetadata(MemoryObjects):
    async def put(self, op: Put, /) -> str:
        metadata = tuple((name, value[:1000]) for name, value in op.metadata)
        return await super().put(replace(op, metadata=metadata))


@objects("XOB29", "T2", "parts are visible before the upload is complete")
class PartsAreVisible(MemoryObjects):
    async def upload_part(self, op: UploadPart, /) -> str:
        tag = await super().upload_part(op)
        self._write(op.key, op.data, "a/b", (), None)
        return tag


@objects("XOB30", "T1", "an upload in parts forgets its content type")
class PartsForgetType(MemoryObjects):
    async def begin_upload(self, op: BeginUpload, /) -> str:
        return await super().begin_upload(BeginUpload(op.key))


@objects("XOB31", "T1", "reads of sealed objects past the first frame are shifted")
class ShiftsRanges(MemoryObjects):
    async def get_range(self, op: GetRange, /) -> Chunk | None:
        shift = 1 if op.start and op.start % 65_552 == 0 else 0
        return await super().get_range(replace(op, start=op.start - shift))
