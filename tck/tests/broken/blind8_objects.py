"""objects drivers written against the contract alone, for an eighth count of what is found."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from broken.registry import broken
from omnicloud.contracts.objects.driver import Copy, List, Put
from omnicloud.contracts.objects.models import Listed, ObjectPage, PartInfo
from omnicloud.contracts.objects.uploads import (
    AbortUpload,
    BeginUpload,
    CompleteUpload,
    ListParts,
    UploadPart,
)
from omnicloud.memory.objects import MemoryObjects
from omnicloud_tck.objects import ObjectsContract


def objects(number: str, tier: str, summary: str) -> Any:
    return broken(f"BLIND8-OB-{number}", tier, summary, ObjectsContract)


@objects("01", "T4", "the target of a copy is cut to 1,024 characters of its stored name")
class CutTarget(MemoryObjects):
    """ "names are any Unicode (… 1,024 bytes)", in every tenant. Met by names that are paths."""

    async def copy(self, op: Copy, /) -> str | None:
        return await super().copy(replace(op, target=op.target[:1024]))


@objects("02", "T4", "uploads in parts go to a name that is cut to 1,024 characters")
class CutUploads(MemoryObjects):
    """The same of what goes in parts: it is somewhere else when it is complete."""

    async def begin_upload(self, op: BeginUpload, /) -> str:
        return await super().begin_upload(replace(op, key=op.key[:1024]))

    async def upload_part(self, op: UploadPart, /) -> str:
        return await super().upload_part(replace(op, key=op.key[:1024]))

    async def list_parts(self, op: ListParts, /) -> tuple[PartInfo, ...]:
        return await super().list_parts(replace(op, key=op.key[:1024]))

    async def complete_upload(self, op: CompleteUpload, /) -> str:
        return await super().complete_upload(replace(op, key=op.key[:1024]))

    async def abort_upload(self, op: AbortUpload, /) -> None:
        await super().abort_upload(replace(op, key=op.key[:1024]))


@objects("03", "T1", "the cursor of a listing loses what follows the last dot of its key")
class CutAtDot(MemoryObjects):
    """ "Each object … once". Met by more than a page of names as 17.pdf."""

    async def list(self, op: List, /) -> ObjectPage:
        page = await super().list(op)
        head, dot, tail = (page.cursor or "").rpartition(".")
        return ObjectPage(page.items, f"{head}.\uffff" if dot and tail else page.cursor)


@objects("04", "T1", "an upload goes by way of key.tmp, and takes away what was there")
class ByWayOfTmp(MemoryObjects):
    """Names are "never colliding". Met by who keeps a draft beside a report."""

    async def put(self, op: Put, /) -> str:
        version = await super().put(op)
        self._rows().pop(f"{op.key}.tmp", None)
        return version


@objects("05", "T2", "a listing is of an index that uploads in parts do not write over")
class StaleIndex(MemoryObjects):
    """ "What was written before the first page is in it". Met by a mirror that goes by size."""

    def _index(self) -> Any:
        return self._store.rows(("index", self._table))

    async def complete_upload(self, op: CompleteUpload, /) -> str:
        before = self._held(op.key)
        version = await super().complete_upload(op)
        if before is not None:
            self._index()[op.key] = (version, len(before.data))
        return version

    async def list(self, op: List, /) -> ObjectPage:
        page = await super().list(op)
        return ObjectPage(tuple(map(self._as_indexed, page.items)), page.cursor)

    def _as_indexed(self, line: Listed) -> Listed:
        version, size = self._index().get(line.key, (None, 0))
        return (
            line if version is None or version != line.version else replace(line, size_bytes=size)
        )


@objects("06", "T2", "an upload in parts compares if_version with what was there when it began")
class ComparesAtBeginning(MemoryObjects):
    """ "if_version is not the current version". Met by two who upload the same large object."""

    def _begun(self) -> Any:
        return self._store.rows(("begun", self._table))

    async def begin_upload(self, op: BeginUpload, /) -> str:
        upload = await super().begin_upload(op)
        held = self._held(op.key)
        self._begun()[upload] = None if held is None else held.version
        return upload

    async def complete_upload(self, op: CompleteUpload, /) -> str:
        if op.if_version is not None and self._begun().get(op.upload_id) == op.if_version:
            op = replace(op, if_version=None)
        return await super().complete_upload(op)


@objects("07", "T1", "a content type of text is told with a charset that nobody gave")
class AddsCharset(MemoryObjects):
    """The content type is "as it was given". Met by every page and every stylesheet."""

    async def put(self, op: Put, /) -> str:
        kind = op.content_type
        bare = kind.startswith("text/") and ";" not in kind
        return await super().put(replace(op, content_type=f"{kind}; charset=utf-8") if bare else op)


@objects("08", "T1", "what goes in parts has the content type of the ending of its name")
class GuessesInParts(MemoryObjects):
    """The same of uploads in parts, by the name."""

    async def begin_upload(self, op: BeginUpload, /) -> str:
        page = op.key.endswith(".html")
        return await super().begin_upload(replace(op, content_type="text/html") if page else op)


@objects("09", "T3", "a part that arrives while its upload is aborted begins it anew")
class Revives(MemoryObjects):
    """ "An upload that was aborted is gone". Met by every upload that is cancelled midway."""

    async def upload_part(self, op: UploadPart, /) -> str:
        await self._store.turn()
        upload = self._upload(op.key, op.upload_id)
        await asyncio.sleep(0)
        self._store.rows(self._pending).setdefault(op.upload_id, upload)
        return await super().upload_part(op)


@objects("10", "T3", "a part that arrives while its upload is aborted is completed all the same")
class CompletesAborted(MemoryObjects):
    """The same where parts are kept by the id alone, and nobody looks whether it is there."""

    async def complete_upload(self, op: CompleteUpload, /) -> str:
        kept = self._store.rows(("kept", self._table)).get(op.upload_id)
        if kept is not None and op.parts:
            self._store.rows(self._pending).setdefault(op.upload_id, kept)
        return await super().complete_upload(op)

    async def upload_part(self, op: UploadPart, /) -> str:
        tag = await super().upload_part(op)
        pending = self._store.rows(self._pending)[op.upload_id]
        self._store.rows(("kept", self._table))[op.upload_id] = pending
        return tag


@objects("11", "T1", "an upload is completed of its first hundred parts")
class FirstHundred(MemoryObjects):
    """ "Make the object of these parts". Met by a film."""

    async def complete_upload(self, op: CompleteUpload, /) -> str:
        short = replace(op, parts=op.parts[:100], checksum=None)
        return await super().complete_upload(short if len(op.parts) > 100 else op)


@objects("12", "T1", "of the parts that arrived the first thousand are told")
class FirstThousand(MemoryObjects):
    """ "The parts of an upload that have arrived". Met by a large upload that is resumed."""

    async def list_parts(self, op: ListParts, /) -> tuple[PartInfo, ...]:
        return (await super().list_parts(op))[:1000]


@objects("13", "T1", "of an upload in parts half of the metadata is kept, where there is much")
class HalfOfMetadata(MemoryObjects):
    """Metadata is "kept as it is, at most limits.metadata_max_bytes"."""

    async def begin_upload(self, op: BeginUpload, /) -> str:
        kept = tuple((name, value[:1024]) for name, value in op.metadata)
        return await super().begin_upload(replace(op, metadata=kept))


@objects("14", "T1", "a page of more than 500 lines is cut there, and told as the last")
class LastPage(MemoryObjects):
    """ "cursor is None on the last page". Met by a listing with the usual page."""

    async def list(self, op: List, /) -> ObjectPage:
        page = await super().list(op)
        return ObjectPage(page.items[:500]) if len(page.items) > 500 else page


@objects("15", "T2", "of parts that arrive at once all but one are lost")
class LosesParts(MemoryObjects):
    """ "Parts may arrive in any order, at once". Met by every parallel upload, now and then."""

    async def upload_part(self, op: UploadPart, /) -> str:
        await self._store.turn()
        upload, tag = self._upload(op.key, op.upload_id), str(self._store.number())
        await asyncio.sleep(0)
        if op.upload_id in self._store.rows(self._pending):
            parts = {**upload.parts, op.number: (tag, op.data)}
            self._store.rows(self._pending)[op.upload_id] = replace(upload, parts=parts)
        return tag
