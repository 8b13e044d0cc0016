"""objects drivers written against the contract alone, for a ninth count of what the kit finds."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from broken.registry import broken
from omnicloud.contracts.objects.driver import Copy, DeleteMany, List, Put
from omnicloud.contracts.objects.models import Metadata, ObjectPage
from omnicloud.contracts.objects.uploads import BeginUpload, CompleteUpload, UploadPart
from omnicloud.errors import NotFoundError
from omnicloud.memory.objects import MemoryObjects, _Upload
from omnicloud_tck.objects import ObjectsContract


def objects(number: str, tier: str, summary: str) -> Any:
    return broken(f"BLIND9-OB-{number}", tier, summary, ObjectsContract)


@objects("01", "T1", "a deletion of many leaves keys that its XML would have to escape")
class Unescaped(MemoryObjects):
    """ "Delete each of these objects". Met by keys that are queries: a=1&b=2."""

    async def delete_many(self, op: DeleteMany, /) -> None:
        plain = tuple(key for key in op.keys if not {"&", "<"} & set(key))
        await super().delete_many(replace(op, keys=plain))


@objects("02", "T1", "copies go by a header: a source is cut at its line break")
class CutSource(MemoryObjects):
    """As before, of another verb."""

    async def copy(self, op: Copy, /) -> str | None:
        return await super().copy(replace(op, target=op.target.split("\n")[0] or op.target))


@objects("03", "T4", "the error of an upload that is not there tells which there are")
class TellsUploads(MemoryObjects):
    """Two tenants never see each other's names. Met by whoever resumes too late."""

    def _upload(self, key: str, upload_id: str) -> _Upload:
        try:
            return super()._upload(key, upload_id)
        except NotFoundError as error:
            there = {id_: one.key for id_, one in self._store.rows(self._pending).items()}
            raise NotFoundError(f"{error.message}: there are {there}") from None


def _folded(metadata: Metadata) -> Metadata:
    """One of the names that are one but for their case."""
    return tuple({name.lower(): (name, value) for name, value in metadata}.values())


@objects("04", "T1", "notes whose names are one but for their case are one")
class OneNote(MemoryObjects):
    """Metadata is kept as it is given. Met by notes that come from two sources."""

    async def put(self, op: Put, /) -> str:
        return await super().put(replace(op, metadata=_folded(op.metadata)))


@objects("05", "T1", "of an upload in parts '-' and '_' are one in the names of notes")
class OneDash(MemoryObjects):
    """As before, of another way in."""

    async def begin_upload(self, op: BeginUpload, /) -> str:
        kept = {name.replace("-", "_"): (name, value) for name, value in op.metadata}
        return await super().begin_upload(replace(op, metadata=tuple(kept.values())))


@objects("06", "T3", "a listing of a slow store tells what it found in time, as the last page")
class FoundInTime(MemoryObjects):
    """ "cursor is None on the last page". Met by any listing on a busy afternoon."""

    async def list(self, op: List, /) -> ObjectPage:
        begun = self._store.clock.monotonic()
        page = await super().list(op)
        late = self._store.clock.monotonic() - begun > 5.0
        return ObjectPage(page.items[:3]) if late else page


@objects("07", "T1", "a completion takes all parts that came, not those that it names")
class TakesAll(MemoryObjects):
    """ "the object of these parts". Met by an upload that goes on with less."""

    async def complete_upload(self, op: CompleteUpload, /) -> str:
        upload: _Upload | None = self._store.rows(self._pending).get(op.upload_id)
        version = await super().complete_upload(op)
        parts = {} if upload is None else upload.parts
        data = b"".join(part for _, (_, part) in sorted(parts.items()))
        self._rows()[op.key] = replace(self._rows()[op.key], data=data)
        return version


@objects("08", "T1", "a part that comes again, shorter, keeps the end of the one before")
class KeepsTheEnd(MemoryObjects):
    """ "the last one that arrived under a number counts". Met by the same upload."""

    async def upload_part(self, op: UploadPart, /) -> str:
        await self._store.turn()
        _, before = self._upload(op.key, op.upload_id).parts.get(op.number, ("", b""))
        return await super().upload_part(replace(op, data=op.data + before[len(op.data) :]))


@objects("09", "T2", "a listing tells the sizes of one moment with the versions of another")
class TornLines(MemoryObjects):
    """A line is of one object. Met by who keeps a mirror by size and version."""

    async def list(self, op: List, /) -> ObjectPage:
        sizes = {line.key: line.size_bytes for line in (await super().list(op)).items}
        page = await super().list(op)
        lines = tuple(
            replace(line, size_bytes=sizes.get(line.key, line.size_bytes)) for line in page.items
        )
        return ObjectPage(lines, page.cursor)
