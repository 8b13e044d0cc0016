"""The locks contract over the ``Lock`` of redis-py's asyncio client, on a real server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.lock import Lock
from redis.exceptions import ConnectionError as Unreachable
from redis.exceptions import LockError
from redis.exceptions import TimeoutError as TooLate

from omnicloud.contracts.locks.driver import Acquire, Release, Renew
from omnicloud.contracts.locks.models import Grant, LocksLimits
from omnicloud.core.operation import NO_FEATURES, Feature
from omnicloud.errors import UnavailableError
from omnicloud_redis.certify import redis_server
from omnicloud_tck.law import Ability
from omnicloud_tck.served import Lone, served_world
from omnicloud_tck.world import World

__all__ = ["RedisLocks", "world"]


class RedisLocks:
    """A handle of the library for each request, with the owner as its token."""

    features: frozenset[Feature] = NO_FEATURES
    limits = LocksLimits()

    def __init__(self, port: int) -> None:
        self._redis = Redis(
            host="127.0.0.1", port=port, socket_timeout=1.5, socket_connect_timeout=1.5
        )

    async def acquire(self, op: Acquire, /) -> Grant | None:
        lock = self._lock(op.lock, op.ttl)
        with _mapped():
            granted = await lock.acquire(blocking=False, token=op.owner)
        return Grant() if granted else None

    async def renew(self, op: Renew, /) -> bool:
        lock = self._held(op.lock, op.owner, op.ttl)
        with _mapped():
            try:
                await lock.extend(op.ttl, replace_ttl=True)
            except LockError:
                return False
        return True

    async def release(self, op: Release, /) -> None:
        lock = self._held(op.lock, op.owner, None)
        with _mapped():
            try:
                await lock.release()
            except LockError:
                return

    async def aclose(self) -> None:
        await self._redis.aclose()

    def _lock(self, name: str, ttl: float | None) -> Lock:
        return Lock(self._redis, f"lock:{name}", timeout=ttl, thread_local=False)

    def _held(self, name: str, owner: str, ttl: float | None) -> Lock:
        """A handle that holds, as far as it knows: the library keeps the token in the handle."""
        lock = self._lock(name, ttl or 1.0)
        lock.local.token = owner.encode()
        return lock


@contextmanager
def _mapped() -> Iterator[None]:
    try:
        yield
    except (Unreachable, TooLate) as error:
        raise UnavailableError("the server does not answer") from error


def world() -> World[Any]:
    """A server of its own behind the kit's proxy."""

    async def dial(port: int, lone: Lone) -> RedisLocks:
        return RedisLocks(port)

    no_wall = {Ability.STEP_WALL: "lives end by the server's own clock"}
    return served_world(dial, server=redis_server(), cannot_happen=no_wall)
