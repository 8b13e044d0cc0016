"""The locks contract on a server. Grants end by the server's clock."""

from __future__ import annotations

import asyncio

from omnicloud.contracts.locks.driver import Acquire, Release, Renew
from omnicloud.contracts.locks.models import Grant, LocksFeature, LocksLimits
from omnicloud.core.opening import Opening
from omnicloud.core.operation import Feature
from omnicloud_postgres import locks_sql as sql
from omnicloud_postgres.config import PostgresConfig
from omnicloud_postgres.pool import Row
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
        self._last: dict[str, asyncio.Task[list[Row]]] = {}
        self._under_way: set[asyncio.Task[list[Row]]] = set()

    @property
    def features(self) -> frozenset[Feature]:
        return self._features

    @property
    def limits(self) -> LocksLimits:
        return _LIMITS

    async def acquire(self, op: Acquire, /) -> Grant | None:
        asked = (*self._place(op.lock, op.owner), op.ttl, op.permits, op.queue_seconds)
        ((token,),) = await self._in_order(op.owner, sql.ACQUIRE, *asked)
        return None if token is None else Grant(token)

    async def renew(self, op: Renew, /) -> bool:
        asked = (*self._place(op.lock, op.owner), op.ttl)
        ((done,),) = await self._in_order(op.owner, sql.RENEW, *asked)
        return bool(done)

    async def release(self, op: Release, /) -> None:
        await self._in_order(op.owner, sql.RELEASE, *self._place(op.lock, op.owner))

    async def aclose(self) -> None:
        """End what is under way; the store belongs to who opened it."""
        for task in self._under_way:
            task.cancel()
        if self._under_way:
            await asyncio.wait(self._under_way)
        await asyncio.sleep(0)

    def _place(self, name: str, owner: str) -> _Place:
        turn = bell_of("locks", self._space, name)
        return self._space, name.encode(), turn, owner.encode()

    async def _in_order(self, owner: str, statement: str, *arguments: object) -> list[Row]:
        """One owner's requests one after another: connections would not keep their order.

        One that is cancelled goes on until its answer, at most the store's timeout, and the
        next waits for it: the server may have got it, and would do it after the next one.
        """
        task = asyncio.create_task(self._after(self._last.get(owner), statement, arguments))
        self._last[owner] = task
        self._under_way.add(task)
        task.add_done_callback(lambda done: self._forget(owner, done))
        return await asyncio.shield(task)

    async def _after(
        self,
        before: asyncio.Task[list[Row]] | None,
        statement: str,
        arguments: tuple[object, ...],
    ) -> list[Row]:
        if before is not None:
            await asyncio.wait({before})
        return await self._store.rows(statement, *arguments)

    def _forget(self, owner: str, done: asyncio.Task[list[Row]]) -> None:
        self._under_way.discard(done)
        if self._last.get(owner) is done:
            del self._last[owner]
        if not done.cancelled():
            done.exception()  # known to who waited for it, if anybody still did


async def open_locks(config: PostgresConfig, opening: Opening) -> PostgresLocks:
    """A locks driver on the configured database."""
    store = await store_of(config, opening)
    await store.define(sql.SCHEMA)
    durable = (await store.facts()).durable
    features = FEATURES if durable else FEATURES - {LocksFeature.DURABLE}
    return PostgresLocks(store, config.space_of(opening.service.name), features)
