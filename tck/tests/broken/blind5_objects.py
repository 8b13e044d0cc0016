"""objects drivers written against the contract alone, for a fifth count of what the kit finds."""

from __future__ import annotations

import asyncio
import gzip
import zlib
from dataclasses import replace
from typing import Any
from urllib.parse import unquote

from broken.registry import broken
from omnicloud.contracts.objects.checks import checksum_of
from omnicloud.contracts.objects.driver import Copy, Delete, DeleteMany, GetRange, List, Put
from omnicloud.contracts.objects.models import Chunk, Metadata, ObjectPage, PartTag
from omnicloud.contracts.objects.uploads import BeginUpload, CompleteUpload, UploadPart
from omnicloud.errors import AlreadyExistsError, ConflictError, NotFoundError, UnavailableError
from omnicloud.memory.objects import MemoryObjects, _Object, _Upload
from omnicloud_tck.objects import ObjectsContract


def objects(number: str, tier: str, summary: str) -> Any:
    return broken(f"BLIND5-OB-{number}", tier, summary, ObjectsContract)


@objects("01", "T0", "a copy moves")
class Moves(MemoryObjects):
    """ "Copy an object". Met by the first copy."""

    async def copy(self, op: Copy, /) -> str | None:
        version = await super().copy(op)
        if op.source != op.target:
            self._rows().pop(op.source, None)
        return version


@objects("02", "T0", "a listing by a delimiter tells no common prefixes")
class NoPrefixes(MemoryObjects):
    """ "told once for all as their common prefix". Met by the first listing of folders."""

    async def list(self, op: List, /) -> ObjectPage:
        page = await super().list(op)
        return ObjectPage(tuple(i for i in page.items if not i.is_prefix), page.cursor)


@objects("03", "T1", "what is gzip is kept unpacked")
class Unpacks(MemoryObjects):
    """ "payloads are byte-exact". Met by every backup and every log that was packed."""

    async def put(self, op: Put, /) -> str:
        if op.data.startswith(b"\x1f\x8b"):
            try:
                data = gzip.decompress(op.data)
            except (OSError, EOFError, zlib.error):
                return await super().put(op)
            op = replace(op, data=data, checksum=op.checksum and checksum_of(data))
        return await super().put(op)


@objects("04", "T1", "an overwrite keeps the names of the old metadata")
class Merges(MemoryObjects):
    """ "Content, content type and metadata replace what was there". Met by a second upload."""

    async def put(self, op: Put, /) -> str:
        await self._store.turn()
        held = self._held(op.key)
        if held is not None:
            op = replace(op, metadata=tuple({**dict(held.metadata), **dict(op.metadata)}.items()))
        return await super().put(op)


@objects("05", "T1", "a range that ends at 0 has no end")
class EndOfNought(MemoryObjects):
    """ "end (excluded; None: to the end)". Met by who computes ranges: the first n, n being 0."""

    async def get_range(self, op: GetRange, /) -> Chunk | None:
        return await super().get_range(replace(op, end=op.end or None))


@objects("06", "T1", "parts are joined in the order of their numbers as text")
class TenBeforeTwo(MemoryObjects):
    """ "of these parts, in this order". Met by an upload of ten parts."""

    async def complete_upload(self, op: CompleteUpload, /) -> str:
        parts = tuple(sorted(op.parts, key=lambda part: str(part.number)))
        return await super().complete_upload(replace(op, parts=parts))


@objects("07", "T1", "a completion does not look at tags")
class AnyTag(MemoryObjects):
    """ "ConflictError: A part is not there under that tag". Met by a part that two have sent."""

    async def complete_upload(self, op: CompleteUpload, /) -> str:
        await self._store.turn()
        held = self._upload(op.key, op.upload_id).parts
        parts = tuple(PartTag(p.number, held.get(p.number, (p.tag, b""))[0]) for p in op.parts)
        return await super().complete_upload(replace(op, parts=parts))


@objects("08", "T2", "a completion looks at its condition, then assembles, then writes")
class AssemblesLong(MemoryObjects):
    """ "linearizable on every way of writing". Met by two who upload one name at once."""

    async def complete_upload(self, op: CompleteUpload, /) -> str:
        await self._store.turn()
        self._upload(op.key, op.upload_id)
        self._expect(op.key, op.if_version, absent=op.if_absent)
        await asyncio.sleep(0)
        return await super().complete_upload(replace(op, if_version=None, if_absent=False))


@objects("09", "T2", "a read takes what is known of the object first, then its bytes")
class HeadThenGet(MemoryObjects):
    """ "A range of one version of an object". Met by a reader beside a writer."""

    async def get_range(self, op: GetRange, /) -> Chunk | None:
        first = await super().get_range(op)
        await asyncio.sleep(0)
        second = await super().get_range(replace(op, if_version=None))
        return first if first is None or second is None else Chunk(second.data, first.info)


@objects("10", "T2", "pages of a listing are counted off")
class CountsOff(MemoryObjects):
    """ "Each object ... once". Met by a clean-up that deletes what it lists."""

    async def list(self, op: List, /) -> ObjectPage:
        whole = await super().list(replace(op, cursor=None, limit=1 << 30))
        start = int(op.cursor or 0)
        stop = start + op.limit
        more = len(whole.items) > stop
        return ObjectPage(whole.items[start:stop], str(stop) if more else None)


@objects("11", "T2", "a copy takes the bytes first, then type and metadata")
class CopiesTwice(MemoryObjects):
    """ "Copy an object with its content type and metadata". Met by a writer of the source."""

    async def copy(self, op: Copy, /) -> str | None:
        await self._store.turn()
        first = self._held(op.source)
        await asyncio.sleep(0)
        await self._store.turn()
        second = self._held(op.source)
        if first is None or second is None:
            return None
        self._expect(op.target, op.if_version, absent=op.if_absent)
        return self._write(
            op.target, first.data, second.content_type, second.metadata, first.checksum
        )


@objects("12", "T3", "an overwrite deletes first, then writes")
class DeletesFirst(MemoryObjects):
    """ "visible whole and at once, or not at all". Met by a reader, or a cancel, between."""

    async def put(self, op: Put, /) -> str:
        await self._store.turn()
        self._expect(op.key, op.if_version, absent=op.if_absent)
        self._rows().pop(op.key, None)
        await asyncio.sleep(0)
        return await super().put(replace(op, if_version=None, if_absent=False))


@objects("13", "T3", "what delete_many could not delete is not told")
class PartlyDone(MemoryObjects):
    """ "a server that is down ... gives the right error class". Met by any outage."""

    async def delete_many(self, op: DeleteMany, /) -> None:
        try:
            await super().delete_many(op)
        except UnavailableError:
            return


@objects("14", "T3", "a part that comes after an abort begins the upload anew")
class Revives(MemoryObjects):
    """ "NotFoundError: There is no such upload of that key: completed, aborted". Met by a slow
    part of an upload that was given up."""

    async def upload_part(self, op: UploadPart, /) -> str:
        await self._store.turn()
        pending = self._store.rows(self._pending)
        pending.setdefault(op.upload_id, _Upload(op.key, "application/octet-stream", ()))
        return await super().upload_part(op)


@objects("15", "T3", "an upload that is complete can be completed again")
class CompletesAgain(MemoryObjects):
    """ "NotFoundError: There is no such upload of that key: completed". Met by who repeats a
    completion whose answer was lost, after another has written."""

    async def complete_upload(self, op: CompleteUpload, /) -> str:
        await self._store.turn()
        upload = self._upload(op.key, op.upload_id)
        version = await super().complete_upload(op)
        self._store.rows(self._pending)[op.upload_id] = upload
        return version


@objects("16", "T3", "a completion that is refused throws the upload away")
class ThrowsAway(MemoryObjects):
    """ "A refused condition leaves the upload as it is". Met by who asks what to do then."""

    async def complete_upload(self, op: CompleteUpload, /) -> str:
        try:
            self._expect(op.key, op.if_version, absent=op.if_absent)
        except (ConflictError, AlreadyExistsError):
            self._store.rows(self._pending).pop(op.upload_id, None)
            raise
        return await super().complete_upload(op)


@objects("17", "T4", "the id of an upload is good for every key")
class AnyKey(MemoryObjects):
    """ "There is no such upload of that key". Met by a tenant who learns another's id."""

    def _upload(self, key: str, upload_id: str) -> _Upload:
        upload: _Upload | None = self._store.rows(self._pending).get(upload_id)
        if upload is None:
            raise NotFoundError("there is no such upload")
        return upload


def _lines(metadata: Metadata) -> Metadata:
    made: dict[str, str] = {}
    for name, value in metadata:
        first, *more = value.splitlines() or [""]
        made[name] = first
        for line in more:
            other, colon, text = line.partition(":")
            if colon:
                made[other.strip()] = text.strip()
    return tuple(made.items())


@objects("18", "T4", "a line break in metadata begins another header")
class SplitsHeaders(MemoryObjects):
    """ "metadata: As it was given". Met by a title or comment that a user has typed."""

    async def put(self, op: Put, /) -> str:
        return await super().put(replace(op, metadata=_lines(op.metadata)))

    async def begin_upload(self, op: BeginUpload, /) -> str:
        return await super().begin_upload(replace(op, metadata=_lines(op.metadata)))


@objects("19", "T4", "percent signs in keys are decoded once on the way")
class Unquotes(MemoryObjects):
    """ "names ... never colliding, never leaving their namespace (%2e)". Met by any key that
    holds what was an URL; %7Eacme/x is the tenant acme's x."""

    def _held(self, key: str) -> _Object | None:
        return super()._held(unquote(key))

    def _write(
        self, key: str, data: bytes, content_type: str, metadata: Metadata, checksum: str | None
    ) -> str:
        return super()._write(unquote(key), data, content_type, metadata, checksum)

    async def delete(self, op: Delete, /) -> None:
        await super().delete(replace(op, key=unquote(op.key)))

    async def delete_many(self, op: DeleteMany, /) -> None:
        await super().delete_many(DeleteMany(tuple(map(unquote, op.keys))))
