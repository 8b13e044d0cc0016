"""Uploads in parts for libraries that have none: their parts wait in this process.

A completion is one write of the library. So what is broken with these is broken by something
else than that the library has no parts.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from omnicloud.contracts.objects import driver as objects
from omnicloud.contracts.objects import uploads
from omnicloud.contracts.objects.models import Metadata, PartInfo
from omnicloud.errors import ConflictError, NotFoundError

from ..refusals import PlainObjects

__all__ = ["Parted", "Waiting"]


@dataclass(slots=True)
class _Upload:
    key: str
    content_type: str
    metadata: Metadata
    parts: dict[int, tuple[str, bytes]] = field(default_factory=dict)


class Waiting:
    """The uploads under way of a world, which all its clients know."""

    def __init__(self) -> None:
        self._uploads: dict[str, _Upload] = {}
        self._numbers = count(1)

    def begin(self, upload: _Upload) -> str:
        """Take an upload in; answers its id."""
        upload_id = f"upload-{next(self._numbers)}"
        self._uploads[upload_id] = upload
        return upload_id

    def of(self, key: str, upload_id: str) -> _Upload:
        """The upload of that key and id.

        Raises:
            NotFoundError: There is none.
        """
        upload = self._uploads.get(upload_id)
        if upload is None or upload.key != key:
            raise NotFoundError("there is no such upload", hint="begin another one")
        return upload

    def number(self) -> int:
        """One that was not given before."""
        return next(self._numbers)

    def end(self, key: str, upload_id: str) -> None:
        """Forget an upload; silent where there is none."""
        upload = self._uploads.get(upload_id)
        if upload is not None and upload.key == key:
            del self._uploads[upload_id]


class Parted(PlainObjects):
    """Stands before an adapter in the order of classes, and supplies what parts need."""

    def __init__(self, library: Any, *, waiting: Waiting) -> None:
        super().__init__(library)  # type: ignore[call-arg]
        self.waiting = waiting

    async def begin_upload(self, op: uploads.BeginUpload, /) -> str:
        await asyncio.sleep(0)
        return self.waiting.begin(_Upload(op.key, op.content_type, op.metadata))

    async def upload_part(self, op: uploads.UploadPart, /) -> str:
        await asyncio.sleep(0)
        tag = f"part-{self.waiting.number()}"
        self.waiting.of(op.key, op.upload_id).parts[op.number] = (tag, op.data)
        return tag

    async def list_parts(self, op: uploads.ListParts, /) -> tuple[PartInfo, ...]:
        await asyncio.sleep(0)
        parts = sorted(self.waiting.of(op.key, op.upload_id).parts.items())
        return tuple(PartInfo(number, tag, len(data)) for number, (tag, data) in parts)

    async def complete_upload(self, op: uploads.CompleteUpload, /) -> str:
        upload = self.waiting.of(op.key, op.upload_id)
        held = [upload.parts.get(part.number, ("", b"")) for part in op.parts]
        if [tag for tag, _ in held] != [part.tag for part in op.parts]:
            raise ConflictError("a part is not there under its tag")
        whole = b"".join(data for _, data in held)
        self.waiting.end(op.key, op.upload_id)
        return await self.put(objects.Put(op.key, whole, upload.content_type, upload.metadata))

    async def put(self, op: objects.Put, /) -> str:
        """The library's; it comes after this class."""
        written: str = await super().put(op)  # type: ignore[misc]
        return written

    async def abort_upload(self, op: uploads.AbortUpload, /) -> None:
        await asyncio.sleep(0)
        self.waiting.end(op.key, op.upload_id)
