"""The objects contract on a stream that keeps the last message of each subject.

An object is one message: its facts, and its content, or the pieces of a large one. So it is
written and replaced whole, under the condition that no other came between, and its version is
the message's number. The server's own object store has two messages of facts and content that
no condition ties together, and no ranges.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from omnicloud.contracts.objects.digests import checksum
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
from omnicloud.core.together import together
from omnicloud.errors import (
    AlreadyExistsError,
    ConflictError,
    CorruptedError,
    UnavailableError,
    UnsupportedError,
)
from omnicloud_nats.config import NatsConfig
from omnicloud_nats.names import KEY_HEADER, Subjects
from omnicloud_nats.pieces import Piece, Pieces
from omnicloud_nats.records import GONE, Held, held_of, record_of
from omnicloud_nats.scans import Scans
from omnicloud_nats.store import store_of
from omnicloud_nats.stored import Stored
from omnicloud_nats.stream import Stream, open_stream
from omnicloud_nats.turns import Turns, Write
from omnicloud_nats.uploads import Uploads, over

__all__ = ["FEATURES", "NatsObjects", "open_objects"]

FEATURES: frozenset[Feature] = frozenset({ObjectsFeature.CONDITIONAL, ObjectsFeature.DURABLE})

_INLINE_BYTES = 128 << 10
_LIMITS = ObjectsLimits(
    object_max_bytes=64 << 30,
    put_max_bytes=16 << 20,
    part_max_bytes=16 << 20,
    parts_max=4096,
)
_AT_ONCE = 8
_TRIES = 50
_PAUSE_SECONDS = 0.005


class NatsObjects:
    """An objects driver over a :class:`Stream`."""

    def __init__(self, stream: Stream, features: frozenset[Feature]) -> None:
        self._stream = stream
        self._features = features
        self._subjects = Subjects(f"{stream.name}.o")
        self._turns = Turns(stream)
        self._pieces = Pieces(stream)
        self._uploads = Uploads(stream, self._pieces)
        self._lists: Scans[Listed] = Scans()

    @property
    def features(self) -> frozenset[Feature]:
        return self._features

    @property
    def limits(self) -> ObjectsLimits:
        return _LIMITS

    async def put(self, op: Put, /) -> str:
        if op.checksum is not None and op.checksum != await checksum(op.data):
            raise CorruptedError("the data that arrived is not what the checksum is of")
        content = await self._content(op.data)
        subject, beside = self._subjects.of(op.key)
        record = record_of(content, op.content_type, op.metadata, op.checksum, beside)
        return await self._replace(subject, op, record, content)

    async def get_range(self, op: GetRange, /) -> Chunk | None:
        missed = None
        for _ in range(_TRIES):
            held = await self._held(op.key)
            if held is None:
                return None
            if op.if_version is not None and held.version != op.if_version:
                raise ConflictError("the object has another version")
            end = held.size if op.end is None else min(op.end, held.size)
            data = held.data[op.start : end]
            if held.pieces:
                data_or_none = await self._pieces.read(held.pieces, op.start, end)
                if data_or_none is None:
                    if held.seq == missed:
                        raise CorruptedError("a part of the object's content is not there")
                    missed = held.seq  # another writer replaced it, or it is lost
                    continue
                data = data_or_none
            return Chunk(data, held.info(op.key))
        raise _contended()

    async def stat(self, op: Stat, /) -> ObjectInfo | None:
        held = await self._held(op.key)
        return None if held is None else held.info(op.key)

    async def delete(self, op: Delete, /) -> None:
        await self._replace(self._subjects.of(op.key)[0], op, None, b"")

    async def delete_many(self, op: DeleteMany, /) -> None:
        await together(lambda key: self.delete(Delete(key)), op.keys, at_once=_AT_ONCE)

    async def list(self, op: List, /) -> ObjectPage:
        scan, _, after = (op.cursor or "").partition("/")
        lines = self._lists.get(op.prefix, scan)
        if lines is None:
            lines = await _lines(self._stream, self._subjects, op.prefix)
            scan = self._lists.keep(op.prefix, lines)
        page = page_of(lines, op.prefix, op.delimiter, after or None, op.limit)
        if page.cursor is None:
            self._lists.forget(op.prefix, scan)
            return page
        return ObjectPage(page.items, f"{scan}/{page.cursor}")

    async def copy(self, op: Copy, /) -> str | None:
        subject, beside = self._subjects.of(op.target)
        for _ in range(_TRIES):
            held = await self._held(op.source)
            if held is None:
                return None
            content: bytes | Sequence[Piece] | None = held.data
            if held.pieces:
                content = await self._pieces.copy(held.pieces)
            if content is not None:
                facts = (held.content_type, held.metadata, held.checksum, beside)
                return await self._replace(subject, op, record_of(content, *facts), content)
        raise _contended()

    async def begin_upload(self, op: BeginUpload, /) -> str:
        return await self._uploads.begin(op)

    async def upload_part(self, op: UploadPart, /) -> str:
        return await self._uploads.add(op)

    async def list_parts(self, op: ListParts, /) -> tuple[PartInfo, ...]:
        return (await self._uploads.found(op.key, op.upload_id)).told()

    async def complete_upload(self, op: CompleteUpload, /) -> str:
        subject, beside = self._subjects.of(op.key)
        for _ in range(_TRIES):
            found = await self._stream.last(subject)
            # Read after the object: an upload that is there now was there when that was read.
            upload, taken = await self._uploads.taken(op.key, op.upload_id)
            pieces = self._uploads.chosen(upload, op.parts)
            held = held_of(found)
            _expect(held, op)
            record = record_of(pieces, upload.content_type, upload.metadata, op.checksum, beside)
            placed = subject, record.data, record.headers | over(found)
            # In one step: a completion that is cut off leaves the upload or the object, never
            # neither; and of two, or of one and an end of the upload, only one is.
            seq = await self._stream.publish_all([taken, placed])
            if seq is not None:
                kept = {piece.id for piece in pieces}
                left = [p.piece for p in upload.parts.values() if p.piece.id not in kept]
                self._pieces.drop_soon([*left, *(held.pieces if held is not None else ())])
                return str(seq)
            await self._stream.store.clock.sleep(_PAUSE_SECONDS)
        raise _contended()

    async def abort_upload(self, op: AbortUpload, /) -> None:
        await self._uploads.abort(op)

    async def presign(self, op: Presign, /) -> str:
        raise UnsupportedError("an object in NATS has no URL")

    async def aclose(self) -> None:
        """Nothing is held: the store belongs to who opened it."""

    async def _held(self, key: str) -> Held | None:
        return held_of(await self._stream.last(self._subjects.of(key)[0]))

    async def _content(self, data: bytes) -> bytes | Sequence[Piece]:
        return data if len(data) <= _INLINE_BYTES else [await self._pieces.write(data)]

    async def _replace(
        self,
        subject: str,
        op: Put | Copy | Delete,
        record: Write | None,
        fresh: bytes | Sequence[Piece],
    ) -> str:
        """Put a record in place of the object under the conditions of ``op``; its version.

        Args:
            record: ``None`` deletes.
            fresh: Pieces that nothing else names: they go where the condition is refused.
        """
        old: list[Piece] = []

        def decide(found: Stored | None, _: float) -> tuple[Write | None, Callable[[int], str]]:
            held = held_of(found)
            _expect(held, op)
            old[:] = held.pieces if held is not None else ()
            gone = Write(b"", dict(GONE)) if held is not None else None
            return record or gone, str

        try:
            version = await self._turns.change(subject, decide)
        except ConflictError:
            if not isinstance(fresh, bytes):
                self._pieces.drop_soon(fresh)
            raise
        self._pieces.drop_soon(old)
        return version


async def open_objects(config: NatsConfig, opening: Opening) -> NatsObjects:
    """An objects driver on the configured server."""
    store = await store_of(config, opening)
    name = config.stream_of(opening.service.name, "objects")
    stream = await open_stream(store, name, max_msgs_per_subject=1, allow_atomic=True)
    durable = config.durability == "fsync"
    return NatsObjects(stream, FEATURES if durable else FEATURES - {ObjectsFeature.DURABLE})


async def _lines(stream: Stream, subjects: Subjects, prefix: str) -> list[Listed]:
    """All objects with the prefix, in order."""
    lines = []
    for one in await stream.last_of(subjects.under(prefix)):
        held = held_of(one)
        key = subjects.name(one.subject, one.headers.get(KEY_HEADER))
        if held is not None and key is not None and key.startswith(prefix):
            lines.append(held.listed(key))
    return sorted(lines, key=lambda line: line.key)


def _expect(held: Held | None, op: Put | Copy | Delete | CompleteUpload) -> None:
    if not isinstance(op, Delete) and op.if_absent and held is not None:
        raise AlreadyExistsError("there is an object of that key")
    if op.if_version is not None and (held is None or held.version != op.if_version):
        raise ConflictError("the object has another version, or is not there")


def _contended() -> UnavailableError:
    return UnavailableError("the object was replaced at every attempt to read it")
