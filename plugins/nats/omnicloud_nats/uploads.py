"""Uploads in parts: a record each, which names the pieces of its parts."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace

from omnicloud.contracts.objects.digests import checksum
from omnicloud.contracts.objects.models import PartTag
from omnicloud.contracts.objects.uploads import AbortUpload, BeginUpload, UploadPart
from omnicloud.errors import ConflictError, CorruptedError, NotFoundError
from omnicloud_nats.names import token_of
from omnicloud_nats.pieces import Piece, Pieces
from omnicloud_nats.records import GONE, Part, Upload
from omnicloud_nats.stored import Stored
from omnicloud_nats.stream import Stream
from omnicloud_nats.turns import Turns, Write

__all__ = ["Message", "Uploads", "over"]

Message = tuple[str, bytes, dict[str, str]]
"""A subject, data and headers."""


class Uploads:
    """The uploads of a stream that are not complete."""

    def __init__(self, stream: Stream, pieces: Pieces) -> None:
        self._stream = stream
        self._pieces = pieces
        self._turns = Turns(stream)

    async def begin(self, op: BeginUpload) -> str:
        """Begin one; its id."""
        upload_id = uuid.uuid4().hex
        upload = Upload(op.key, op.content_type, op.metadata)
        await self._stream.publish(self._subject(upload_id), upload.written())
        return upload_id

    async def add(self, op: UploadPart) -> str:
        """Add a part, in place of one of its number; its tag."""
        await self.found(op.key, op.upload_id)
        digest = await checksum(op.data)
        if op.checksum is not None and op.checksum != digest:
            raise CorruptedError("the data that arrived is not what the checksum is of")
        part = Part(await self._pieces.write(op.data), digest)
        old: list[Piece] = []

        def decide(found: Stored | None, _: float) -> tuple[Write, Callable[[int], str]]:
            upload = _found(found, op.key)
            before = upload.parts.get(op.number)
            old[:] = [before.piece] if before is not None else []
            parts = {**upload.parts, op.number: part}
            return Write(replace(upload, parts=parts).written(), {}), lambda _: part.piece.id

        try:
            tag = await self._turns.change(self._subject(op.upload_id), decide)
        except NotFoundError:
            self._pieces.drop_soon([part.piece])
            raise
        self._pieces.drop_soon(old)
        return tag

    async def found(self, key: str, upload_id: str) -> Upload:
        """The upload of an id.

        Raises:
            NotFoundError: There is none of that key.
        """
        return _found(await self._stream.last(self._subject(upload_id)), key)

    def chosen(self, upload: Upload, tags: Sequence[PartTag]) -> list[Piece]:
        """The pieces of these parts.

        Raises:
            ConflictError: One is not there under its tag.
        """
        pieces = [
            part.piece
            for tag in tags
            if (part := upload.parts.get(tag.number)) is not None and part.piece.id == tag.tag
        ]
        if len(pieces) != len(tags):
            raise ConflictError("a part is not there under its tag")
        return pieces

    async def taken(self, key: str, upload_id: str) -> tuple[Upload, Message]:
        """The upload, and the message that takes it away if nobody changes it before.

        Raises:
            NotFoundError: There is none of that key.
        """
        subject = self._subject(upload_id)
        stored = await self._stream.last(subject)
        return _found(stored, key), (subject, b"", GONE | over(stored))

    async def abort(self, op: AbortUpload) -> None:
        """Take the upload away with its parts; silent where there is none."""

        def decide(found: Stored | None, _: float) -> tuple[Write, Callable[[int], Upload]]:
            upload = _found(found, op.key)
            return Write(b"", dict(GONE)), lambda _: upload

        try:
            upload = await self._turns.change(self._subject(op.upload_id), decide)
        except NotFoundError:
            return
        self._pieces.drop_soon(part.piece for part in upload.parts.values())

    def _subject(self, upload_id: str) -> str:
        return f"{self._stream.name}.u.{token_of(upload_id)}"


def over(stored: Stored | None) -> dict[str, str]:
    """The headers of a message that is taken only as the next one of its subject after this."""
    return {"Nats-Expected-Last-Subject-Sequence": str(stored.seq if stored else 0)}


def _found(stored: Stored | None, key: str) -> Upload:
    upload = Upload.read(stored)
    if upload is None or upload.key != key:
        raise NotFoundError("there is no such upload", hint="begin another one")
    return upload
