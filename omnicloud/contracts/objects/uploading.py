"""How an upload goes: in one request where it fits, else in parts, several at a time."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace

import anyio

from omnicloud.contracts.objects.digests import checksum, sha256, update
from omnicloud.contracts.objects.driver import ObjectsDriver, Put
from omnicloud.contracts.objects.models import Metadata, PartInfo, PartTag
from omnicloud.contracts.objects.uploads import (
    AbortUpload,
    BeginUpload,
    CompleteUpload,
    ListParts,
    UploadPart,
)
from omnicloud.core.pipeline import Pipeline
from omnicloud.errors import OmniCloudError, Outcome

__all__ = ["Progress", "Uploading"]

Progress = Callable[[int], None]
"""Called with the bytes that have arrived so far."""

_ABORT_SECONDS = 5.0


@dataclass(slots=True)
class Uploading:
    """One upload under way.

    What fails or is cancelled is aborted, but not where it is unknown whether its completion was
    done: such an upload is left to the store, which collects it by its own rule.

    Attributes:
        resume: An upload id to go on with; such an upload is never aborted here.
        concurrency: Parts under way at once, each of which is held in memory.
    """

    pipeline: Pipeline[ObjectsDriver]
    key: str
    content_type: str
    metadata: Metadata
    if_version: str | None
    if_absent: bool
    progress: Progress | None
    concurrency: int
    resume: str | None
    _sent: int = 0
    _tags: dict[int, PartTag] = field(default_factory=dict)
    _known: dict[int, PartInfo] = field(default_factory=dict)

    async def run(self, pieces: AsyncIterator[bytes]) -> str:
        """Send all pieces and answer the version."""
        first = await anext(pieces)
        second = await anext(pieces, None)
        if second is None and self.resume is None:
            return await self._whole(first)
        return await self._in_parts(_joined(first, second, pieces))

    async def _whole(self, data: bytes) -> str:
        version = await self.pipeline.send(
            Put(
                self.key,
                data,
                self.content_type,
                self.metadata,
                await checksum(data),
                self.if_version,
                self.if_absent,
            )
        )
        self._tell(len(data))
        return version

    async def _in_parts(self, pieces: AsyncIterator[bytes]) -> str:
        upload_id = await self._begun()
        try:
            whole = await self._send_parts(upload_id, pieces)
        except BaseException:
            await self._abort(upload_id)
            raise
        parts = tuple(self._tags[number] for number in sorted(self._tags))
        try:
            return await self.pipeline.send(
                CompleteUpload(self.key, upload_id, parts, whole, self.if_version, self.if_absent)
            )
        except BaseException as error:
            if not _may_still_be_done(error):
                await self._abort(upload_id)
            raise

    async def _begun(self) -> str:
        if self.resume is None:
            return await self.pipeline.send(BeginUpload(self.key, self.content_type, self.metadata))
        parts = await self.pipeline.send(ListParts(self.key, self.resume))
        self._known = {part.number: part for part in parts}
        return self.resume

    async def _abort(self, upload_id: str) -> None:
        """Best effort, bounded: what stays is invisible, and the store collects it."""
        if self.resume is not None:
            return
        with anyio.move_on_after(_ABORT_SECONDS, shield=True):
            try:
                await self.pipeline.send(AbortUpload(self.key, upload_id))
            except Exception:  # noqa: BLE001 - the error that led here is the one to raise
                return

    async def _send_parts(self, upload_id: str, pieces: AsyncIterator[bytes]) -> str | None:
        digest = sha256() if self.pipeline.driver.limits.parts_checksum else None
        places = anyio.Semaphore(self.concurrency)
        try:
            async with anyio.create_task_group() as group:
                number, offset = 0, 0
                async for data, last in _with_last(pieces):
                    number += 1
                    await places.acquire()
                    part = UploadPart(self.key, upload_id, number, offset, data, last)
                    group.start_soon(self._send_part, part, places)
                    offset += len(data)
                    if digest is not None:
                        await update(digest, data)
        except BaseExceptionGroup as errors:
            raise _first(errors) from None
        return None if digest is None else f"sha256:{digest.hexdigest()}"

    async def _send_part(self, part: UploadPart, places: anyio.Semaphore) -> None:
        try:
            part = replace(part, checksum=await checksum(part.data))
            known = self._known.get(part.number)
            if known is None or known.checksum is None or known.checksum != part.checksum:
                tag = await self.pipeline.send(part)
            else:
                tag = known.tag
            self._tags[part.number] = PartTag(part.number, tag)
            self._tell(len(part.data))
        finally:
            places.release()

    def _tell(self, size: int) -> None:
        self._sent += size
        if self.progress is not None:
            self.progress(self._sent)


async def _joined(
    first: bytes, second: bytes | None, rest: AsyncIterator[bytes]
) -> AsyncIterator[bytes]:
    yield first
    if second is not None:
        yield second
    async for piece in rest:
        yield piece


async def _with_last(pieces: AsyncIterator[bytes]) -> AsyncIterator[tuple[bytes, bool]]:
    held = await anext(pieces)
    async for piece in pieces:
        yield held, False
        held = piece
    yield held, True


def _may_still_be_done(error: BaseException) -> bool:
    """Whether a completion that ended so may go on: an abort would cross it."""
    return isinstance(error, OmniCloudError) and error.outcome is Outcome.UNKNOWN


def _first(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    """The error that ended the group; those of its siblings followed from it."""
    error = errors.exceptions[0]
    return _first(error) if isinstance(error, BaseExceptionGroup) else error
