"""The outbox contract on a server: events as hashes, in sorted sets of what may happen to them."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterable
from typing import Any

from omnicloud.contracts.outbox.driver import (
    Begin,
    Claim,
    Fail,
    Keep,
    Lag,
    ListAggregates,
    ListEvents,
    Mark,
    OutboxDriver,
    Purge,
    Requeue,
    Save,
)
from omnicloud.contracts.outbox.models import (
    EventRecord,
    OutboxFeature,
    OutboxLag,
    OutboxLimits,
)
from omnicloud.core.opening import Opening
from omnicloud.core.operation import Feature
from omnicloud.core.transactions import Transaction
from omnicloud_redis import outbox_scripts as scripts
from omnicloud_redis.commands import Argument
from omnicloud_redis.config import RedisConfig
from omnicloud_redis.events import optional, record_of, stored_parts
from omnicloud_redis.outbox_inside import OutboxInside
from omnicloud_redis.store import Script, Store, keeps_everything, store_of
from omnicloud_redis.transaction import RedisTransaction, joined

__all__ = ["FEATURES", "RedisOutbox", "open_outbox"]

FEATURES: frozenset[Feature] = frozenset(OutboxFeature)

_STEP = 1000  # events that one step purges: a step keeps the server from all others


class RedisOutbox:
    """An outbox driver over a :class:`Store`."""

    def __init__(self, store: Store, prefix: bytes, features: frozenset[Feature]) -> None:
        self._store = store
        self._prefix = prefix
        self._features = features

    @property
    def features(self) -> frozenset[Feature]:
        return self._features

    @property
    def limits(self) -> OutboxLimits:
        return OutboxLimits(payload_max_bytes=16 << 20, claim_max_events=1000)

    async def save(self, op: Save, /) -> None:
        await self._run(scripts.SAVE, op.space, *stored_parts(op.event))

    async def list_events(self, op: ListEvents, /) -> tuple[EventRecord, ...]:
        aggregate = "*" if op.every else optional(op.aggregate_key)
        found = await self._run(
            scripts.LIST, op.space, op.status.value, aggregate, optional(op.after), op.limit
        )
        return tuple(map(record_of, found))

    async def list_aggregates(self, op: ListAggregates, /) -> tuple[str, ...]:
        low = "-" if op.after is None else f"({op.after}"
        found = await self._run(scripts.AGGREGATES, op.space, low, op.limit)
        return tuple(key.decode() for key in found)

    async def mark(self, op: Mark, /) -> None:
        await self._run(scripts.MARK, op.space, *op.event_ids)

    async def claim(self, op: Claim, /) -> tuple[EventRecord, ...]:
        clock = self._store.clock
        until = clock.monotonic() + op.wait
        bell = self.base(op.space) + b"bell"
        while True:
            claimed, rung, soon = await self._run(
                scripts.CLAIM, op.space, op.owner, op.most, _microseconds(op.lease)
            )
            left = until - clock.monotonic()
            if claimed or left <= 0:
                return tuple(map(record_of, claimed))
            pause = left if soon < 0 else min(left, soon / 1e6)
            milliseconds = max(1, math.ceil(pause * 1000))
            await self._store.wait(pause, "XREAD", "BLOCK", milliseconds, "STREAMS", bell, rung)

    async def keep(self, op: Keep, /) -> None:
        lease = _microseconds(op.lease)
        await self._run(scripts.KEEP, op.space, op.owner, lease, *op.event_ids)

    async def fail(self, op: Fail, /) -> None:
        delay, park = _microseconds(op.delay), int(op.park)
        await self._run(scripts.FAIL, op.space, op.owner, op.event_id, delay, park)

    async def requeue(self, op: Requeue, /) -> bool:
        return bool(await self._run(scripts.REQUEUE, op.space, op.event_id))

    async def lag(self, op: Lag, /) -> OutboxLag:
        pending, parked, age = await self._run(scripts.LAG, op.space)
        return OutboxLag(pending, parked, age / 1e6)

    async def purge(self, op: Purge, /) -> int:
        total = 0
        while True:
            most = min(_STEP, op.most - total)
            age = _microseconds(op.older_than)
            count = int(await self._run(scripts.PURGE, op.space, age, most))
            total += count
            if count < most or total == op.most:
                return total

    async def begin(self, op: Begin, /) -> Transaction:
        await asyncio.sleep(0)
        return RedisTransaction(self._store)

    def within(self, transaction: object, /) -> OutboxDriver:
        return OutboxInside(self, joined(transaction, self._store))

    async def aclose(self) -> None:
        """Nothing is held: the store belongs to who opened it."""

    async def events(self, space: str, event_ids: Iterable[str]) -> tuple[EventRecord, ...]:
        """The stored ones of these events."""
        return tuple(map(record_of, await self._run(scripts.RECORDS, space, *event_ids)))

    async def last_sequence(self, space: str, aggregate_key: str) -> int:
        """The number of the aggregate's last event, 0 before the first."""
        key = self.base(space) + b"sequences"
        return int(await self._store.call("HGET", key, f"={aggregate_key}") or 0)

    async def _run(self, script: Script, space: str, *arguments: Argument) -> Any:
        base = self.base(space)
        return await self._store.run(script, (base + b"clock",), (base, *arguments))

    def base(self, space: str) -> bytes:
        """What all keys of a space start with."""
        name = space.encode()
        # With its length before it, no space's keys are another's.
        return self._prefix + b"%d:" % len(name) + name + b":"


async def open_outbox(config: RedisConfig, opening: Opening) -> RedisOutbox:
    """An outbox driver on the configured server."""
    store = await store_of(config, opening)
    await keeps_everything(store)
    durable = (await store.facts()).fsyncs
    features = FEATURES if durable else FEATURES - {OutboxFeature.DURABLE}
    return RedisOutbox(store, config.prefix_of(opening.service.name, "outbox"), features)


def _microseconds(seconds: float) -> int:
    return round(seconds * 1e6)
