"""Bodies on their way: large ones in pieces, and streams of messages by the line."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp

__all__ = ["carried", "lines"]

_PIECE_BYTES = 256 << 10


def carried(body: bytes) -> bytes | AsyncIterator[memoryview] | None:
    """The body as aiohttp takes it; a large one in pieces, between which the loop turns."""
    return _pieces(body) if len(body) > _PIECE_BYTES else body or None


async def _pieces(body: bytes) -> AsyncIterator[memoryview]:
    view = memoryview(body)
    for start in range(0, len(body), _PIECE_BYTES):
        yield view[start : start + _PIECE_BYTES]


async def lines(content: aiohttp.StreamReader) -> AsyncIterator[bytes]:
    """The messages of a stream, one a line, however long."""
    kept = b""
    async for chunk in content.iter_any():
        *whole, kept = (kept + chunk).split(b"\n")
        for line in whole:
            if line.strip():
                yield line
