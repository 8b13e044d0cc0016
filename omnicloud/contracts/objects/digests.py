"""Checksums of content, computed without holding up the loop.

What is large goes to a worker thread, so that another processor hashes while the loop sends;
what is small does not: handing it over costs about as much as hashing 256 KiB.
"""

from __future__ import annotations

import asyncio
from hashlib import sha256
from typing import Protocol

__all__ = ["Digest", "checksum", "sha256", "update"]

_SMALL_BYTES = 256 << 10
_LARGE_BYTES = 2 << 20


class Digest(Protocol):
    """A hash under way."""

    def update(self, data: bytes | memoryview, /) -> None: ...
    def hexdigest(self) -> str: ...


async def update(digest: Digest, data: bytes) -> None:
    """Feed a hash without holding up the loop."""
    if len(data) >= _LARGE_BYTES:
        await asyncio.to_thread(digest.update, data)
        return
    view = memoryview(data)
    for start in range(0, len(data), _SMALL_BYTES):
        if start:
            await asyncio.sleep(0)
        digest.update(view[start : start + _SMALL_BYTES])


async def checksum(data: bytes) -> str:
    """``"sha256:"`` and the hex digest, without holding up the loop."""
    digest = sha256()
    await update(digest, data)
    return f"sha256:{digest.hexdigest()}"
