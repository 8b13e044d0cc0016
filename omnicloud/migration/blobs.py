"""The mover of objects: streamed in parts, so that no object is ever in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator

from omnicloud.contracts.objects import ObjectInfo, Objects
from omnicloud.contracts.objects.digests import Digest, sha256, update
from omnicloud.contracts.objects.reading import ObjectReader
from omnicloud.contracts.objects.uploads import ListParts
from omnicloud.errors import ConflictError, NotFoundError, ObjectNotFoundError
from omnicloud.migration.models import Item, Loss, Moved, Notes
from omnicloud.migration.telling import differing, narrower, of_one_scope

__all__ = ["ObjectsMover"]

_IN_PARTS = 8 << 20  # bytes; what is larger is uploaded so that it can go on
_ATTEMPTS = 3


class ObjectsMover:
    """Copies objects with their content type and metadata."""

    def __init__(self, source: Objects, target: Objects, prefix: str) -> None:
        self._source, self._target, self._prefix = source, target, prefix

    def losses(self) -> tuple[Loss, ...]:
        here, there = self._source.pipeline.driver, self._target.pipeline.driver
        return (
            *of_one_scope(),
            Loss("times of change", "objects of the target were changed when they were copied"),
            Loss("uploads that are not complete", "only objects are copied"),
            *narrower(here.limits, there.limits),
        )

    async def items(self) -> AsyncIterator[Item]:
        async for line in self._source.list(self._prefix):
            yield Item((line.key,), line.version)

    async def move(self, item: Item, notes: Notes) -> Moved | None:
        if item.version is not None and item.version == notes.version(item.place):
            return Moved(item.version, written=False)
        for _ in range(_ATTEMPTS - 1):
            try:
                return await self._moved(item, notes)
            except ConflictError:  # the source was written while it was read
                continue
        return await self._moved(item, notes)

    async def _moved(self, item: Item, notes: Notes) -> Moved | None:
        (key,) = item.place
        try:
            async with self._source.open(key) as reader:
                digest = sha256()
                await self._send(item, reader, digest, notes)
                info = reader.info
        except ObjectNotFoundError:
            return None
        await self._check(item, info, digest.hexdigest())
        return Moved(info.version, info.size_bytes)

    async def _send(self, item: Item, reader: ObjectReader, digest: Digest, notes: Notes) -> None:
        (key,), info = item.place, reader.info
        content = _told(reader, digest)
        if info.size_bytes <= _IN_PARTS:
            await self._target.upload(
                key, content, content_type=info.content_type, metadata=info.metadata, concurrency=1
            )
            return
        upload = await self._upload(item, info, notes)
        await self._target.upload(key, content, upload_id=upload, concurrency=2)

    async def _upload(self, item: Item, info: ObjectInfo, notes: Notes) -> str:
        """An upload to go on with: the one that was begun for this version, or a new one."""
        (key,), begun = item.place, notes.begun(item.place)
        if begun is not None:
            if begun[1] == info.version and await self._there(key, begun[0]):
                return begun[0]
            await self._target.abort_upload(key, begun[0])
        made = await self._target.begin_upload(
            key, content_type=info.content_type, metadata=info.metadata
        )
        await notes.begin(item.place, made, info.version)
        return made

    async def _there(self, key: str, upload: str) -> bool:
        try:
            await self._target.pipeline.send(ListParts(key, upload))
        except NotFoundError:
            return False
        return True

    async def _check(self, item: Item, info: ObjectInfo, digest: str) -> None:
        """Read the copy back."""
        try:
            async with self._target.open(item.place[0]) as copy:
                back = sha256()
                async for piece in copy:
                    await update(back, piece)
                told = copy.info
        except ObjectNotFoundError:
            raise differing(item) from None
        facts = (told.content_type, dict(told.metadata))
        if back.hexdigest() != digest or facts != (info.content_type, dict(info.metadata)):
            raise differing(item)


async def _told(reader: ObjectReader, digest: Digest) -> AsyncIterator[bytes]:
    async for piece in reader:
        await update(digest, piece)
        yield piece
