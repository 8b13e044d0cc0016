"""The locks contract on a server. Grants end by the server's clock."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from omnicloud.contracts.locks.driver import Acquire, Release, Renew
from omnicloud.contracts.locks.models import Grant, LocksFeature, LocksLimits
from omnicloud.core.opening import Opening
from omnicloud.core.operation import Feature
from omnicloud_postgres import locks_sql as sql
from omnicloud_postgres.config import PostgresConfig
from omnicloud_postgres.signals import bell_of
from omnicloud_postgres.store import Store, store_of

__all__ = ["FEATURES", "PostgresLocks", "open_locks"]

FEATURES: frozenset[Feature] = frozenset(LocksFeature)

_LIMITS = LocksLimits(name_max_bytes=1500)

_Place = tuple[str, bytes, int, bytes]


class PostgresLocks:
    """A locks driver over a :class:`Store`."""

    def __init__(self, store: Store, space: str, features: frozenset[Feature]) -> None:
        self._store = store
        self._space = space
        self._features = features
        self._turns: dict[str, _Turn] = {}

    @property
    def features(self) -> frozenset[Feature]:
        return self._features

    @property
    def limits(self) -> LocksLimits:
        return _LIMITS

    async def acquire(self, op: Acquire, /) -> Grant | None:
        asked = (*self._place(op.lock, op.owner), op.ttl, op.permits, op.queue_seconds)
        async with self._in_order(op.owner):
            ((token,),) = await self._store.rows(sql.ACQUIRE, *asked)
        return None if token is None else Grant(token)

    async def renew(self, op: Renew, /) -> bool:
        async with self._in_order(op.owner):
            ((done,),) = await self._store.rows(sql.RENEW, *self._place(op.lock, op.owner), op.ttl)
        return bool(done)

    async def release(self, op: Release, /) -> None:
        async with self._in_order(op.owner):
            await self._store.rows(sql.RELEASE, *self._place(op.lock, op.owner))

    async def aclose(self) -> None:
        """Nothing is held: the store belongs to who opened it."""

    def _place(self, name: str, owner: str) -> _Place:
        turn = bell_of("locks", self._space, name)
        return self._space, name.encode(), turn, owner.encode()

    @asynccontextmanager
    async def _in_order(self, owner: str) -> AsyncIterator[None]:
        """One owner's requests one after another: connections would not keep their order."""
        turn = self._turns.setdefault(owner, _Turn())
        turn.users += 1
        try:
            async with turn.lock:
                yield
        finally:
            turn.users -= 1
            if not turn.users:
                self._turns.pop(owner, None)


class _Turn:
    """Whose turn it is among the requests of one owner."""

    __slots__ = ("lock", "users")

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.users = 0


async def open_locks(config: PostgresConfig, opening: Opening) -> PostgresLocks:
    """A locks driver on the configured database."""
    store = await store_of(config, opening)
    await store.define(sql.SCHEMA)
    durable = (await store.facts()).durable
    features = FEATURES if durable else FEATURES - {LocksFeature.DURABLE}
    return PostgresLocks(store, config.space_of(opening.service.name), features)
