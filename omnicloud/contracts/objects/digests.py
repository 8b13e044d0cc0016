"""Checksums of content, computed in a worker thread where that takes long."""

from __future__ import annotations

from hashlib import sha256
from typing import Protocol

import anyio.to_thread

from omnicloud.contracts.objects.checks import checksum_of

__all__ = ["Digest", "checksum", "sha256", "update"]

_INLINE_BYTES = 128 << 10


class Digest(Protocol):
    """A hash under way."""

    def update(self, data: bytes, /) -> None: ...
    def hexdigest(self) -> str: ...


async def checksum(data: bytes) -> str:
    """As :func:`checksum_of`, without holding up the loop."""
    if len(data) <= _INLINE_BYTES:
        return checksum_of(data)
    return await anyio.to_thread.run_sync(checksum_of, data)


async def update(digest: Digest, data: bytes) -> None:
    """Feed a hash without holding up the loop."""
    if len(data) <= _INLINE_BYTES:
        digest.update(data)
    else:
        await anyio.to_thread.run_sync(digest.update, data)
