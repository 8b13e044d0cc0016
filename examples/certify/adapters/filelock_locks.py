"""The locks contract over filelock's ``FileLock``."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from omnicloud.contracts.locks.driver import Acquire, Release, Renew
from omnicloud.contracts.locks.models import Grant, LocksLimits
from omnicloud.core.operation import NO_FEATURES, Feature
from omnicloud_tck.world import World

from ..threads import in_thread
from ..worlds import folder_world

__all__ = ["FileLocks", "world"]


class FileLocks:
    """A file for each name, called by its digest, and a handle of the library for each owner.

    A lock of the operating system has no time to live: it ends with its release or with its
    process. So there is nothing to renew either.
    """

    features: frozenset[Feature] = NO_FEATURES
    limits = LocksLimits()

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._held: dict[tuple[str, str], Any] = {}
        self._turn = asyncio.Lock()  # threads would do in any order what was asked in one

    async def acquire(self, op: Acquire, /) -> Grant | None:
        file = self._folder / hashlib.sha256(op.lock.encode()).hexdigest()
        # Kept before it is acquired, so that a cancelled attempt can be given back; a handle
        # that holds is re-entrant.
        fresh = FileLock(str(file), thread_local=False)
        handle = self._held.setdefault((op.lock, op.owner), fresh)
        try:
            async with self._turn:
                await in_thread(handle.acquire, timeout=0)
        except Timeout:
            return None
        return Grant()

    async def renew(self, op: Renew, /) -> bool:
        handle = self._held.get((op.lock, op.owner))
        return await in_thread(lambda: handle is not None and handle.is_locked)

    async def release(self, op: Release, /) -> None:
        handle = self._held.pop((op.lock, op.owner), None)
        if handle is not None:
            async with self._turn:
                await in_thread(handle.release, force=True)

    async def aclose(self) -> None:
        """Nothing is released: what is held outlives its client, as the contract says."""


def world() -> World[Any]:
    """Locks over one folder."""
    return folder_world(FileLocks)
