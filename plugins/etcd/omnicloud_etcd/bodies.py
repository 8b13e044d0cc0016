"""Bodies on their way: large ones in pieces, and streams of messages by the line."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator

import aiohttp

__all__ = ["Lines", "carried"]

_PIECE_BYTES = 256 << 10


def carried(body: bytes) -> bytes | AsyncIterator[memoryview] | None:
    """The body as aiohttp takes it; a large one in pieces, between which the loop turns."""
    return _pieces(body) if len(body) > _PIECE_BYTES else body or None


async def _pieces(body: bytes) -> AsyncIterator[memoryview]:
    view = memoryview(body)
    for start in range(0, len(body), _PIECE_BYTES):
        yield view[start : start + _PIECE_BYTES]


class Lines:
    """The messages of a stream, one a line, however long."""

    def __init__(self, content: aiohttp.StreamReader) -> None:
        self._content = content
        self._lines: deque[bytes] = deque()
        self._begun: list[bytes] = []

    async def begun(self) -> None:
        """Wait for the next byte, or for the stream's end; not for a whole line."""
        if not self._lines and not self._begun:
            await self._read()

    async def next(self) -> bytes | None:
        """The next line with something in it, or ``None`` at the stream's end."""
        while not self._lines:
            if not await self._read():
                return None
        return self._lines.popleft()

    async def _read(self) -> bool:
        piece = await self._content.readany()
        *ended, rest = piece.split(b"\n")
        for line in ended:
            whole = b"".join((*self._begun, line))
            self._begun.clear()
            if whole.strip():
                self._lines.append(whole)
        if rest:
            self._begun.append(rest)
        return bool(piece)
