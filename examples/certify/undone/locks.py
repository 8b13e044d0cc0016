"""Causes undone in libraries of locks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from omnicloud.contracts.locks.driver import Acquire, Renew
from omnicloud.contracts.locks.models import Grant
from omnicloud_redis.certify import redis_server
from omnicloud_tck.served import Lone, served_world
from omnicloud_tck.world import World

from ..adapters.filelock_locks import FileLocks
from ..adapters.redis_locks import RedisLocks
from ..worlds import folder_world
from .model import Undone

__all__ = ["LOCKS"]


class AskedAgain(RedisLocks):
    """Prolongs where an acquisition is refused to who holds."""

    async def acquire(self, op: Acquire, /) -> Grant | None:
        granted = await super().acquire(op)
        if granted is None and await self.renew(Renew(op.lock, op.owner, op.ttl)):
            return Grant()
        return granted


def _asked_again() -> World[Any]:
    async def dial(port: int, lone: Lone) -> AskedAgain:
        return AskedAgain(port)

    return served_world(dial, server=redis_server())


def _one_object() -> World[Any]:
    """All clients have the same objects of the library."""
    made: dict[Path, FileLocks] = {}
    return folder_world(lambda folder: made.setdefault(folder, FileLocks(folder)))


LOCKS = (
    Undone(
        "redis_lock_refuses_its_holder",
        "redis-lock",
        ("G-068", "LO-022", "LO-090", "LO-110", "LO-140"),
        _asked_again,
    ),
    Undone(
        "filelock_locks_are_their_objects",
        "filelock",
        ("LO-090", "LO-140"),
        _one_object,
    ),
)
