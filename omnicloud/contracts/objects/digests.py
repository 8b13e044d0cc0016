"""Checksums of content, computed piece by piece so that the loop comes round between.

Not in a worker thread: handing a piece over costs about as much as hashing 256 KiB.
"""

from __future__ import annotations

import asyncio
from hashlib import sha256
from typing import Protocol

__all__ = ["Digest", "checksum", "sha256", "update"]

_PIECE_BYTES = 256 << 10


class Digest(Protocol):
    """A hash under way."""

    def update(self, data: bytes | memoryview, /) -> None: ...
    def hexdigest(self) -> str: ...


async def update(digest: Digest, data: bytes) -> None:
    """Feed a hash without holding up the loop."""
    view = memoryview(data)
    for start in range(0, len(data), _PIECE_BYTES):
        if start:
            await asyncio.sleep(0)
        digest.update(view[start : start + _PIECE_BYTES])


async def checksum(data: bytes) -> str:
    """``"sha256:"`` and the hex digest, without holding up the loop."""
    digest = sha256()
    await update(digest, data)
    return f"sha256:{digest.hexdigest()}"
