"""The objects contract: content in files, all else in SQLite.

A file is written whole and under a random name before the commit that names it, and removed
after the commit that does not name it any more. So an object is the old one or the new one,
also after ``kill -9``; what a crash leaves is a file that nothing names, which the next
opening removes once it is an hour old. A reader whose file was removed under it asks again.
"""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Callable
from typing import TypeVar

import anyio
import anyio.lowlevel
import anyio.to_thread

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
from omnicloud.core.opening import Opening
from omnicloud.core.operation import Feature
from omnicloud.errors import (
    ConflictError,
    CorruptedError,
    OmniCloudError,
    Outcome,
    UnavailableError,
    UnsupportedError,
)
from omnicloud_local.config import LocalConfig
from omnicloud_local.database import Database
from omnicloud_local.errors import mapped, translated
from omnicloud_local.files import Files, Segment
from omnicloud_local.objects_rows import (
    SCHEMA,
    Facts,
    Row,
    Rows,
    Upload,
    abandoned,
    forget_abandoned,
    referenced,
)
from omnicloud_local.shared import database_of

__all__ = ["FEATURES", "LocalObjects", "open_objects"]

T = TypeVar("T")

FEATURES: frozenset[Feature] = frozenset({ObjectsFeature.CONDITIONAL, ObjectsFeature.DURABLE})

_LIMITS = ObjectsLimits()

_ABANDONED_SECONDS = 7 * 86400.0  # after which an upload in parts is forgotten
_MISSING, _UPLOAD_AGAIN = "a file of the object is missing", "upload the object again"
_RACES = 20  # times that a reader may find its file removed by a writer in a row


class LocalObjects:
    """An objects driver over a :class:`Database` and a folder of files."""

    def __init__(self, database: Database, space: str, files: Files) -> None:
        self._database = database
        self._rows = Rows(space)
        self._files = files

    @property
    def features(self) -> frozenset[Feature]:
        return FEATURES

    @property
    def limits(self) -> ObjectsLimits:
        return _LIMITS

    async def put(self, op: Put, /) -> str:
        segment = await self._in_thread("writing an object", self._files.write, op.data)
        facts = Facts((segment,), op.content_type, op.metadata, op.checksum)

        def write(db: sqlite3.Connection) -> tuple[str, tuple[Segment, ...]]:
            row = self._rows.expect(db, op.key, op.if_version, absent=op.if_absent)
            return self._put(db, op.key, facts), row.segments if row else ()

        return await self._committed(write, new=(segment,))

    async def get_range(self, op: GetRange, /) -> Chunk | None:
        before: str | None = None
        for _ in range(_RACES):
            row = await self._database.read(lambda db: self._rows.find(db, op.key))
            if row is None:
                return None
            if op.if_version is not None and row.info.version != op.if_version:
                raise ConflictError("the object has another version")
            try:
                return Chunk(await self._content(row, op.start, op.end), row.info)
            except FileNotFoundError:
                if row.info.version == before:
                    break
                before = row.info.version
        raise CorruptedError(_MISSING, hint=_UPLOAD_AGAIN)

    async def _content(self, row: Row, start: int, end: int | None) -> bytes:
        stop = row.info.size_bytes if end is None else min(end, row.info.size_bytes)
        return await self._in_thread(
            "reading an object", self._files.read, row.segments, start, stop
        )

    async def stat(self, op: Stat, /) -> ObjectInfo | None:
        row = await self._database.read(lambda db: self._rows.find(db, op.key))
        return None if row is None else row.info

    async def delete(self, op: Delete, /) -> None:
        def write(db: sqlite3.Connection) -> tuple[None, tuple[Segment, ...]]:
            self._rows.expect(db, op.key, op.if_version)
            return None, self._rows.delete(db, op.key)

        await self._committed(write)

    async def delete_many(self, op: DeleteMany, /) -> None:
        def write(db: sqlite3.Connection) -> tuple[None, tuple[Segment, ...]]:
            gone = [segment for key in op.keys for segment in self._rows.delete(db, key)]
            return None, tuple(gone)

        await self._committed(write)

    async def list(self, op: List, /) -> ObjectPage:
        def read(db: sqlite3.Connection) -> ObjectPage:
            entries = self._rows.listed(db, op.prefix, op.delimiter, op.cursor)
            return page_of(entries, op.prefix, op.delimiter, op.cursor, op.limit)

        return await self._database.read(read)

    async def copy(self, op: Copy, /) -> str | None:
        before: str | None = None
        for _ in range(_RACES):
            row = await self._database.read(lambda db: self._rows.find(db, op.source))
            if row is None:
                return None
            try:
                made = await self._in_thread("copying", self._files.link, row.segments)
            except FileNotFoundError:
                if row.info.version == before:
                    raise CorruptedError(_MISSING, hint=_UPLOAD_AGAIN) from None
                before = row.info.version
                continue
            version = await self._copied(op, row, made)
            if version is not None:
                return version
        raise UnavailableError("others write the source all the time", outcome=Outcome.NOT_DONE)

    async def _copied(self, op: Copy, source: Row, made: tuple[Segment, ...]) -> str | None:
        """The new version; ``None`` where the source is another by now, and nothing was done."""
        info = source.info
        facts = Facts(made, info.content_type, tuple(info.metadata.items()), info.checksum)

        def write(db: sqlite3.Connection) -> tuple[str | None, tuple[Segment, ...]]:
            if self._rows.find(db, op.source) != source:
                return None, made
            row = self._rows.expect(db, op.target, op.if_version, absent=op.if_absent)
            return self._put(db, op.target, facts), row.segments if row else ()

        return await self._committed(write, new=made)

    async def begin_upload(self, op: BeginUpload, /) -> str:
        upload_id, upload = secrets.token_hex(16), Upload(op.content_type, op.metadata)
        now = self._database.clock.wall()
        await self._database.write(lambda db: self._rows.begin(db, upload_id, op.key, upload, now))
        return upload_id

    async def upload_part(self, op: UploadPart, /) -> str:
        segment = await self._in_thread("writing a part", self._files.write, op.data)

        def write(db: sqlite3.Connection) -> tuple[str, tuple[Segment, ...]]:
            self._rows.upload(db, op.upload_id, op.key)
            before = self._rows.parts(db, op.upload_id).get(op.number)
            row = op.upload_id, op.number, segment.file, segment.size, op.checksum
            db.execute("INSERT OR REPLACE INTO objects_parts VALUES (?, ?, ?, ?, ?)", row)
            return segment.file, (before[0],) if before else ()

        return await self._committed(write, new=(segment,))

    async def list_parts(self, op: ListParts, /) -> tuple[PartInfo, ...]:
        def read(db: sqlite3.Connection) -> tuple[PartInfo, ...]:
            self._rows.upload(db, op.upload_id, op.key)
            parts = self._rows.parts(db, op.upload_id)
            return tuple(
                PartInfo(number, segment.file, segment.size, checksum)
                for number, (segment, checksum) in parts.items()
            )

        return await self._database.read(read)

    async def complete_upload(self, op: CompleteUpload, /) -> str:
        def write(db: sqlite3.Connection) -> tuple[str, tuple[Segment, ...]]:
            upload = self._rows.upload(db, op.upload_id, op.key)
            there = self._rows.parts(db, op.upload_id)
            if any(p.number not in there or there[p.number][0].file != p.tag for p in op.parts):
                raise ConflictError("a part is not there under its tag")
            row = self._rows.expect(db, op.key, op.if_version, absent=op.if_absent)
            used = tuple(there.pop(part.number)[0] for part in op.parts)
            facts = Facts(used, upload.content_type, upload.metadata, op.checksum)
            version = self._put(db, op.key, facts)
            self._rows.forget(db, op.upload_id)
            unused = tuple(segment for segment, _ in there.values())
            return version, (*unused, *(row.segments if row else ()))

        return await self._committed(write)

    async def abort_upload(self, op: AbortUpload, /) -> None:
        def write(db: sqlite3.Connection) -> tuple[None, tuple[Segment, ...]]:
            if not self._rows.has_upload(db, op.upload_id, op.key):
                return None, ()
            gone = tuple(part for part, _ in self._rows.parts(db, op.upload_id).values())
            self._rows.forget(db, op.upload_id)
            return None, gone

        await self._committed(write)

    async def presign(self, op: Presign, /) -> str:
        await anyio.lowlevel.checkpoint()
        raise UnsupportedError("a file on this machine has no URL")

    async def aclose(self) -> None:
        """Nothing is held: the database belongs to who opened it."""

    def _put(self, db: sqlite3.Connection, key: str, facts: Facts) -> str:
        return self._rows.put(db, key, facts, self._database.clock.wall())

    async def _committed(
        self,
        piece: Callable[[sqlite3.Connection], tuple[T, tuple[Segment, ...]]],
        new: tuple[Segment, ...] = (),
    ) -> T:
        """Commit, then remove the files that no row names any more.

        Where the commit was refused these are the ``new`` ones. Where it is not known (a
        cancelled call), they stay for the next opening to judge.
        """
        try:
            answer, gone = await self._database.write(piece)
        except OmniCloudError as error:
            if error.outcome is Outcome.NOT_DONE:
                await self._removed(new)
            raise
        await self._removed(gone)
        return answer

    async def _removed(self, gone: tuple[Segment, ...]) -> None:
        if gone:
            with anyio.CancelScope(shield=True):
                await self._in_thread("removing files", self._files.remove, gone)

    async def _in_thread(self, what: str, work: Callable[..., T], *args: object) -> T:
        try:
            return await anyio.to_thread.run_sync(work, *args)
        except FileNotFoundError:
            raise
        except OSError as error:
            raise translated(error, what) from error


async def open_objects(config: LocalConfig, opening: Opening) -> LocalObjects:
    """An objects driver on the database and the files of the configured folder."""
    database = await database_of(config, opening)
    await database.define(SCHEMA)
    root = config.path.absolute() / "objects"
    files = Files(root, sync=config.durability == "power")
    await _collect(database, files)
    return LocalObjects(database, config.namespace_of(opening.service.name), files)


async def _collect(database: Database, files: Files) -> None:
    """Remove what crashed uploads left: old uploads, and old files that no row names."""
    with mapped("looking for files that a crash left"):
        before = database.clock.wall() - _ABANDONED_SECONDS
        # Written only where it must be: a service may be opened beside an open transaction.
        if await database.read(lambda db: abandoned(db, before)):
            await database.write(lambda db: forget_abandoned(db, before))
        stale = await anyio.to_thread.run_sync(files.stale)
        if stale:
            # The rows are read after the files: a file that is named by then is kept.
            gone = stale - await database.read(referenced)
            await anyio.to_thread.run_sync(files.remove, [Segment(name, 0) for name in gone])
