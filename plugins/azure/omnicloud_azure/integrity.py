"""What the service compares with what arrives: it knows MD5, not our SHA-256."""

from __future__ import annotations

import base64
from hashlib import md5

from omnicloud.contracts.objects.digests import update

__all__ = ["md5_of"]


async def md5_of(data: bytes) -> str:
    """The MD5 of the data as the service writes it, without holding up the loop."""
    digest = md5(usedforsecurity=False)
    await update(digest, data)
    return base64.b64encode(digest.digest()).decode()
