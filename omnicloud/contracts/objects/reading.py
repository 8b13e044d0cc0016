"""How an object is read: in ranges of one version, the next ones fetched ahead."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine, Iterator
from contextlib import aclosing, asynccontextmanager
from typing import Self, final

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

from omnicloud.contracts.objects.digests import sha256, update
from omnicloud.contracts.objects.driver import GetRange, ObjectsDriver
from omnicloud.contracts.objects.models import Chunk, ObjectInfo
from omnicloud.core.pipeline import Pipeline
from omnicloud.errors import ConflictError, CorruptedError, ObjectNotFoundError, OmniCloudError

__all__ = ["AHEAD", "ObjectReader", "chunks", "opened", "whole"]

AHEAD = 2
"""Chunks that are asked for while one is used: an answer of a store takes its time to begin."""

_RESTARTS = 3

Ahead = Chunk | OmniCloudError
"""What was fetched ahead, or why it was not."""


async def chunks(
    pipeline: Pipeline[ObjectsDriver],
    key: str,
    start: int,
    end: int | None,
    size: int,
    ahead: int = 0,
) -> AsyncGenerator[Chunk, None]:
    """The range in chunks of at most ``size`` bytes, at least one, all of one version.

    So many as ``ahead`` says are asked for while one is used. The checksum is compared where all
    of the object is read.

    Raises:
        ObjectNotFoundError: There is no object.
        ConflictError: It was written or deleted meanwhile.
        CorruptedError: It is not what was written.
    """
    chunk = await _range(pipeline, key, start, _stop(start, end, size), None)
    info = chunk.info
    stop = info.size_bytes if end is None else min(end, info.size_bytes)
    is_all = start == 0 and stop == info.size_bytes
    digest = sha256() if is_all and info.checksum is not None else None
    at = start
    places = range(start + size, stop, size)
    ranges = (_range(pipeline, key, at, _stop(at, stop, size), info.version) for at in places)
    async with _Asked(ranges, ahead) as asked:
        while True:
            _check_length(chunk, at, _stop(at, stop, size))
            at += len(chunk.data)
            if digest is not None:
                await update(digest, chunk.data)
                if at >= stop:
                    _compare(digest.hexdigest(), info)
            yield chunk
            if at >= stop:
                return
            chunk = await asked.next()


class _Asked:
    """Ranges in their order, some asked for before their turn; the rest is cancelled at the end."""

    def __init__(self, ranges: Iterator[Coroutine[None, None, Chunk]], ahead: int) -> None:
        self._ranges = ranges
        self._ahead = ahead
        self._tasks: deque[asyncio.Task[Chunk]] = deque()

    async def __aenter__(self) -> Self:
        self._ask(self._ahead)
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        for task in self._tasks:
            if not task.cancelled():
                task.exception()  # nobody will come for it

    async def next(self) -> Chunk:
        """The next range; with it another one is asked for."""
        self._ask(self._ahead + 1)
        return await self._tasks.popleft()  # which ends with us, should we be cancelled

    def _ask(self, most: int) -> None:
        while len(self._tasks) < most:
            coroutine = next(self._ranges, None)
            if coroutine is None:
                return
            self._tasks.append(asyncio.create_task(coroutine))


def _stop(start: int, end: int | None, size: int) -> int:
    return start + size if end is None else min(end, start + size)


async def _range(
    pipeline: Pipeline[ObjectsDriver], key: str, start: int, end: int, version: str | None
) -> Chunk:
    chunk = await pipeline.send(GetRange(key, start, end, version))
    if chunk is None and version is None:
        raise ObjectNotFoundError(f"there is no object {key!r}")
    if chunk is None or (version is not None and chunk.info.version != version):
        raise ConflictError("the object was written or deleted while it was read")
    return chunk


def _check_length(chunk: Chunk, start: int, end: int) -> None:
    wanted = max(0, min(end, chunk.info.size_bytes) - start)
    if len(chunk.data) != wanted:
        raise CorruptedError(
            f"the store answered {len(chunk.data)} bytes of a range of {wanted}",
        )


def _compare(digest: str, info: ObjectInfo) -> None:
    if info.checksum is not None and info.checksum != f"sha256:{digest}":
        raise CorruptedError("the object is not what was written: its checksum differs")


async def whole(
    pipeline: Pipeline[ObjectsDriver], key: str, start: int, end: int | None, size: int
) -> bytes:
    """The range as one value; begun again where the object was written meanwhile.

    Raises:
        ConflictError: It was written meanwhile four times in a row.
    """
    for _ in range(_RESTARTS):
        try:
            return await _joined(pipeline, key, start, end, size)
        except ConflictError:
            continue
    return await _joined(pipeline, key, start, end, size)


async def _joined(
    pipeline: Pipeline[ObjectsDriver], key: str, start: int, end: int | None, size: int
) -> bytes:
    source = chunks(pipeline, key, start, end, size, AHEAD)
    async with aclosing(source):
        data = [chunk.data async for chunk in source]
    return data[0] if len(data) == 1 else b"".join(data)


@final
class ObjectReader:
    """An open object: ``read`` from it, or iterate over its chunks."""

    def __init__(self, first: Chunk, ahead: MemoryObjectReceiveStream[Ahead]) -> None:
        self._held = first.data
        self._ahead = ahead
        self._info = first.info

    @property
    def info(self) -> ObjectInfo:
        """What is known of the version that is read."""
        return self._info

    async def read(self, size: int = -1) -> bytes:
        """At most ``size`` bytes, all that are left without it; ``b""`` at the end."""
        parts = [self._held]
        have = len(self._held)
        while size < 0 or have < size:
            data = await self._next()
            if data is None:
                break
            parts.append(data)
            have += len(data)
        data = b"".join(parts)
        cut = len(data) if size < 0 else size
        self._held = data[cut:]
        return data[:cut]

    async def __aiter__(self) -> AsyncIterator[bytes]:
        held, self._held = self._held, b""
        if held:
            yield held
        while (data := await self._next()) is not None:
            yield data

    async def _next(self) -> bytes | None:
        try:
            ahead = await self._ahead.receive()
        except anyio.EndOfStream:
            return None
        if isinstance(ahead, OmniCloudError):
            raise ahead
        return ahead.data


@asynccontextmanager
async def opened(
    pipeline: Pipeline[ObjectsDriver],
    key: str,
    start: int,
    end: int | None,
    size: int,
    read_ahead: int,
) -> AsyncIterator[ObjectReader]:
    """A reader, with ``read_ahead`` chunks fetched before they are asked for."""
    source = chunks(pipeline, key, start, end, size)
    first = await anext(source)
    send, receive = anyio.create_memory_object_stream[Ahead](read_ahead)
    task = asyncio.create_task(_feed(source, send))
    try:
        with receive:
            yield ObjectReader(first, receive)
    finally:
        task.cancel()
        await asyncio.wait((task,))
        send.close()  # where the task was cancelled before it began
        await source.aclose()


async def _feed(source: AsyncIterator[Chunk], send: MemoryObjectSendStream[Ahead]) -> None:
    with send:
        try:
            async for chunk in source:
                await send.send(chunk)
        except OmniCloudError as error:
            await send.send(error)
