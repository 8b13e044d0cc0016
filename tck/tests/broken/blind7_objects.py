"""objects drivers written against the contract alone, for a seventh count of what the kit finds."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from broken.registry import broken
from omnicloud.contracts.objects.driver import Copy, Delete, DeleteMany, GetRange, List, Put
from omnicloud.contracts.objects.listing import common_prefix
from omnicloud.contracts.objects.models import Chunk, Listed, Metadata, ObjectPage
from omnicloud.contracts.objects.uploads import AbortUpload, CompleteUpload, UploadPart
from omnicloud.errors import (
    AlreadyExistsError,
    ConflictError,
    InvalidArgumentError,
    NotFoundError,
    UnavailableError,
)
from omnicloud.memory.objects import MemoryObjects, _Object, _Upload
from omnicloud_tck.objects import ObjectsContract


def objects(number: str, tier: str, summary: str) -> Any:
    return broken(f"BLIND7-OB-{number}", tier, summary, ObjectsContract)


@objects("01", "T0", "copy moves: the source is gone")
class Moves(MemoryObjects):
    """ "Copy an object". Met by the first copy."""

    async def copy(self, op: Copy, /) -> str | None:
        version = await super().copy(op)
        if version is not None and op.source != op.target:
            self._rows().pop(op.source, None)
        return version


@objects("02", "T0", "a delimiter is ignored: every key is listed")
class NoDelimiter(MemoryObjects):
    """ "told once for all as their common prefix". Met by the first listing of a folder."""

    async def list(self, op: List, /) -> ObjectPage:
        return await super().list(replace(op, delimiter=None))


@objects("03", "T1", "a range that starts at the end or beyond it says that there is no object")
class NotSatisfiable(MemoryObjects):
    """ "A range beyond the end is cut to what is there, so it may be empty". Met by a reader that
    asks for what was added: 416 is taken for 404."""

    async def get_range(self, op: GetRange, /) -> Chunk | None:
        found = await super().get_range(op)
        if found is not None and 0 < found.info.size_bytes <= op.start:
            return None
        return found


@objects("04", "T1", "a copy of an object to itself is refused")
class NotToItself(MemoryObjects):
    """ "Copy an object ... answer the copy's version". Met by who copies to get a new version;
    S3 refuses it where nothing else is to change."""

    async def copy(self, op: Copy, /) -> str | None:
        if op.source == op.target:
            raise InvalidArgumentError("an object cannot be copied to itself without a change")
        return await super().copy(op)


@objects("05", "T1", "a common prefix that goes over a page is told on each of them")
class TellsPrefixAgain(MemoryObjects):
    """ "told once for all". Met by a folder with more objects than a page has lines."""

    async def list(self, op: List, /) -> ObjectPage:
        await self._store.reading()
        rows, lines = self._rows(), list[Listed]()
        keys = sorted(key for key in rows if key.startswith(op.prefix) and key > (op.cursor or ""))
        for key in keys:
            shared = common_prefix(key, op.prefix, op.delimiter)
            held = rows[key]
            line = Listed(key, len(held.data), held.version, held.modified)
            line = line if shared is None else Listed(shared)
            if not lines or line.key != lines[-1].key:
                lines.append(line)
            if len(lines) == op.limit and key != keys[-1]:
                return ObjectPage(tuple(lines), key)
        return ObjectPage(tuple(lines))


@objects("06", "T1", "parts are joined in the order of their numbers as text: 1, 10, 2")
class JoinsAsText(MemoryObjects):
    """ "Make the object of these parts, in this order". Met by an upload of ten parts or more."""

    async def complete_upload(self, op: CompleteUpload, /) -> str:
        parts = tuple(sorted(op.parts, key=lambda part: str(part.number)))
        version = await super().complete_upload(replace(op, parts=parts, checksum=None))
        self._rows()[op.key] = replace(self._rows()[op.key], checksum=op.checksum)
        return version


@objects("07", "T1", "an object that fills its last block of 64 KiB loses its last byte")
class LosesLast(MemoryObjects):
    """ "payloads are byte-exact". Met by disk images and archives, whose sizes are round."""

    async def put(self, op: Put, /) -> str:
        if not op.data or len(op.data) % (64 << 10):
            return await super().put(op)
        version = await super().put(replace(op, data=op.data[:-1], checksum=None))
        self._rows()[op.key] = replace(self._rows()[op.key], checksum=op.checksum)
        return version


@objects("08", "T1", "the time of the last change is in milliseconds")
class InMilliseconds(MemoryObjects):
    """ "Seconds since 1970-01-01 UTC". Met by who deletes what is older than a month."""

    def _write(
        self, key: str, data: bytes, content_type: str, metadata: Metadata, checksum: str | None
    ) -> str:
        version = super()._write(key, data, content_type, metadata, checksum)
        held: _Object = self._rows()[key]
        self._rows()[key] = replace(held, modified=held.modified * 1000)
        return version


@objects("09", "T2", "the condition of an upload in parts is looked at before they are joined")
class LooksThenJoins(MemoryObjects):
    """ "linearizable on every way of writing". Met by two that upload one large key at once."""

    async def complete_upload(self, op: CompleteUpload, /) -> str:
        await self._store.turn()
        self._upload(op.key, op.upload_id)
        self._expect(op.key, op.if_version, absent=op.if_absent)
        return await super().complete_upload(replace(op, if_version=None, if_absent=False))


@objects("10", "T2", "the version that a copy asks for is compared with its source's")
class AsksTheSource(MemoryObjects):
    """ "if_version is not the current version of the target". Met by who copies over what it
    knows: x-amz-copy-source-if-match is about the other one."""

    async def copy(self, op: Copy, /) -> str | None:
        if op.if_version is None:
            return await super().copy(op)
        await self._store.turn()
        if self._held(op.source) is None:
            return None
        self._expect(op.source, op.if_version)
        return await super().copy(replace(op, if_version=None))


@objects("11", "T2", "only a range from the beginning is of the version that was asked for")
class FirstRangeOnly(MemoryObjects):
    """ "With if_version it answers that version or raises". Met by a long download beside a
    writer: its halves are of two versions."""

    async def get_range(self, op: GetRange, /) -> Chunk | None:
        return await super().get_range(op if op.start == 0 else replace(op, if_version=None))


@objects("12", "T2", "the parts of an upload under way are listed beside its key")
class ListsParts(MemoryObjects):
    """ "Nothing of it is visible under the key before it is complete"; a listing has objects that
    were written. Met by any listing beside an upload, where parts are objects to be composed."""

    def _part_keys(self, key: str, upload_id: str) -> list[str]:
        upload: _Upload | None = self._store.rows(self._pending).get(upload_id)
        return [] if upload is None else [f"{key}.part{number}" for number in upload.parts]

    async def upload_part(self, op: UploadPart, /) -> str:
        tag = await super().upload_part(op)
        self._write(f"{op.key}.part{op.number}", op.data, "application/octet-stream", (), None)
        return tag

    async def complete_upload(self, op: CompleteUpload, /) -> str:
        keys = self._part_keys(op.key, op.upload_id)
        version = await super().complete_upload(op)
        for key in keys:
            self._rows().pop(key, None)
        return version

    async def abort_upload(self, op: AbortUpload, /) -> None:
        keys = self._part_keys(op.key, op.upload_id)
        await super().abort_upload(op)
        for key in keys:
            self._rows().pop(key, None)


@objects("13", "T3", "a delete ends the uploads under way of its key")
class EndsUploads(MemoryObjects):
    """ "There is no such upload: completed, aborted, or collected". Met by who deletes the old
    object while the new one is being uploaded."""

    async def delete(self, op: Delete, /) -> None:
        await super().delete(op)
        pending = self._store.rows(self._pending)
        for upload_id in [one for one, upload in pending.items() if upload.key == op.key]:
            del pending[upload_id]


@objects("14", "T3", "to abort an upload that was completed deletes its object")
class AbortsWhatIsDone(MemoryObjects):
    """ "One that is not there is no error". Met by a cleaner that aborts all it knows of."""

    async def complete_upload(self, op: CompleteUpload, /) -> str:
        version = await super().complete_upload(op)
        self._store.rows("completed")[op.upload_id] = op.key
        return version

    async def abort_upload(self, op: AbortUpload, /) -> None:
        await super().abort_upload(op)
        if self._store.rows("completed").pop(op.upload_id, None) == op.key:
            self._rows().pop(op.key, None)


@objects("15", "T3", "a part that is sent again is not stored again")
class FirstPartCounts(MemoryObjects):
    """ "the last one that arrived under a number counts". Met by an upload that is resumed with
    a file that was mended."""

    async def upload_part(self, op: UploadPart, /) -> str:
        await self._store.turn()
        known = self._upload(op.key, op.upload_id).parts.get(op.number)
        return await super().upload_part(op) if known is None else known[0]


@objects("16", "T3", "delete_many during an outage says that it is done")
class DeletesInVain(MemoryObjects):
    """An outage is UnavailableError. Met by every batch beside a fault: the answer is 200, and
    the errors in its body nobody reads."""

    async def delete_many(self, op: DeleteMany, /) -> None:
        try:
            await super().delete_many(op)
        except UnavailableError:
            return


@objects("17", "T4", "an upload of one key can be gone on with under another")
class AnyKey(MemoryObjects):
    """ "There is no such upload of that key". Met by whoever learns an upload's id, of another
    tenant say."""

    def _upload(self, key: str, upload_id: str) -> _Upload:
        upload: _Upload | None = self._store.rows(self._pending).get(upload_id)
        if upload is None:
            raise NotFoundError("there is no such upload", hint="begin another one")
        return upload


@objects("18", "T4", "the error of a condition shows how the content begins")
class ShowsContent(MemoryObjects):
    """ "Neither payloads nor secrets enter an error". Met by every conflict of two writers."""

    def _expect(self, key: str, version: str | None, *, absent: bool = False) -> None:
        try:
            super()._expect(key, version, absent=absent)
        except ConflictError as error:
            held = self._held(key)
            text = f"{error.message}: {b'' if held is None else held.data[:64]!r}"
            kind = AlreadyExistsError if isinstance(error, AlreadyExistsError) else ConflictError
            raise kind(text) from None
