"""An upload that is fed piece by piece and becomes visible whole, or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream

from omnicloud.contracts.objects import Objects

__all__ = ["Upload"]


class Upload:
    """One object being written. Its owner ends it by ``end`` or ``discard``."""

    def __init__(self, objects: Objects, key: str, *, absent: bool) -> None:
        self._send, receive = anyio.create_memory_object_stream[bytes](1)
        write = objects.upload(key, _pieces(receive), if_absent=absent)
        self._task = asyncio.ensure_future(write)

    async def send(self, data: bytes) -> None:
        """Give it the next piece.

        Raises:
            OmniCloudError: The upload has failed.
        """
        try:
            await self._send.send(data)
        except anyio.BrokenResourceError:
            await self._task

    async def end(self) -> str:
        """There are no more pieces: make it visible, and answer the version."""
        self._send.close()
        return await self._task

    async def discard(self) -> None:
        """Leave no trace of it."""
        self._task.cancel()
        await asyncio.wait((self._task,))
        self._send.close()


async def _pieces(receive: MemoryObjectReceiveStream[bytes]) -> AsyncIterator[bytes]:
    with receive:
        async for piece in receive:
            yield piece
