"""The messaging contract on a server: a stream is a topic's log, groups take over from it.

Groups of Redis streams neither keep the order of a key nor hold a message back between two
attempts, so a group is sorted sets of the numbers of messages, changed in one step each.
Consumers that find nothing wait for the topic's bell, a stream of one entry.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from omnicloud.contracts.messaging.driver import (
    Ack,
    Cancel,
    DeadLetters,
    Extend,
    Kill,
    Measure,
    Nack,
    Publish,
    Receive,
    Redrive,
    Replay,
    Subscribe,
)
from omnicloud.contracts.messaging.models import (
    DeadPage,
    Delivery,
    Depth,
    MessagingFeature,
    MessagingLimits,
)
from omnicloud.core.opening import Opening
from omnicloud.core.operation import Feature
from omnicloud.errors import NotFoundError
from omnicloud_redis import messaging_scripts as scripts
from omnicloud_redis import publishing_scripts as publishing
from omnicloud_redis.commands import Argument
from omnicloud_redis.config import RedisConfig
from omnicloud_redis.messages import body_of, dead_record, delivery, key_of, number_of
from omnicloud_redis.store import Script, Store, keeps_everything, store_of

__all__ = ["FEATURES", "RedisMessaging", "open_messaging"]

FEATURES: frozenset[Feature] = frozenset(MessagingFeature)

_PAGE = 200  # dead letters that one step looks at


class RedisMessaging:
    """A messaging driver over a :class:`Store`."""

    def __init__(self, store: Store, prefix: bytes, features: frozenset[Feature]) -> None:
        self._store = store
        self._prefix = prefix
        self._features = features
        self._kept = store.config.retention_seconds
        self._limits = MessagingLimits(
            payload_max_bytes=16 << 20,
            batch_max_items=1000,
            retention_seconds=self._kept,
            dedupe_seconds=self._kept,
        )

    @property
    def features(self) -> frozenset[Feature]:
        return self._features

    @property
    def limits(self) -> MessagingLimits:
        return self._limits

    async def publish(self, op: Publish, /) -> None:
        if len(op.messages) == 1 and not op.delay and not op.dedupe:
            (message,) = op.messages
            one = (message.id, key_of(message.key), body_of(message))
            if await self._run(publishing.PUBLISH_ONE, op.topic, *one):
                return
        parts: list[Argument] = [_microseconds(op.delay or 0.0), int(op.dedupe)]
        for message in op.messages:
            parts += (message.id, key_of(message.key), body_of(message))
        while not await self._run(publishing.PUBLISH, op.topic, *parts):
            pass

    async def subscribe(self, op: Subscribe, /) -> None:
        await self._run(scripts.SUBSCRIBE, op.topic, op.group)

    async def receive(self, op: Receive, /) -> tuple[Delivery, ...]:
        clock = self._store.clock
        until = clock.monotonic() + op.wait
        bell = self._base(op.topic) + b"bell"
        while True:
            answer = await self._run(
                scripts.LEND, op.topic, op.group, op.most, _microseconds(op.lease)
            )
            if answer is None:
                raise NotFoundError("the topic has no such group", hint="subscribe it")
            lent, rung, soon = answer
            left = until - clock.monotonic()
            if lent or left <= 0:
                return tuple(delivery(*one) for one in lent)
            pause = left if soon < 0 else min(left, soon / 1e6)
            milliseconds = max(1, math.ceil(pause * 1000))
            await self._store.wait(pause, "XREAD", "BLOCK", milliseconds, "STREAMS", bell, rung)

    async def ack(self, op: Ack, /) -> bool:
        return await self._settled(op, "ack")

    async def nack(self, op: Nack, /) -> bool:
        return await self._settled(op, "nack", _microseconds(op.delay), int(op.count))

    async def kill(self, op: Kill, /) -> bool:
        return await self._settled(op, "kill", op.reason)

    async def extend(self, op: Extend, /) -> tuple[str, ...]:
        good = await self._run(
            scripts.EXTEND, op.topic, op.group, _microseconds(op.lease), *op.receipts
        )
        return tuple(receipt.decode() for receipt in good)

    async def dead_letters(self, op: DeadLetters, /) -> DeadPage:
        group = key_of(op.group)
        found = await self._run(scripts.DEAD, op.topic, group, op.cursor or "0", op.limit + 1)
        letters = tuple(dead_record(fields) for _, fields in found[: op.limit])
        more = len(found) > op.limit
        return DeadPage(letters, number_of(found[op.limit - 1][0]) if more else None)

    async def redrive(self, op: Redrive, /) -> int:
        moved, after = 0, "0"
        while True:
            found = await self._run(scripts.DEAD, op.topic, key_of(op.group), after, _PAGE)
            chosen = [
                number_of(id_)
                for id_, fields in found
                if not op.ids or dead_record(fields).id in op.ids
            ]
            if chosen:
                moved += await self._redriven(op.topic, chosen)
            if len(found) < _PAGE:
                return moved
            after = number_of(found[-1][0])

    async def cancel(self, op: Cancel, /) -> bool:
        return bool(await self._run(scripts.CANCEL, op.topic, op.id))

    async def replay(self, op: Replay, /) -> int:
        back, after = 0, "0"
        while True:
            count, last = await self._run(
                scripts.REPLAY, op.topic, op.group, _microseconds(op.since), after
            )
            back += int(count)
            if last is None:
                return back
            after = last.decode()

    async def measure(self, op: Measure, /) -> Depth:
        while True:
            answer = await self._run(scripts.MEASURE, op.topic, op.group)
            more, unsettled, lent, waiting, scheduled, dead = answer
            if not more:
                return Depth(unsettled - lent - waiting, lent, waiting, scheduled, dead)

    async def aclose(self) -> None:
        """Nothing is held: the store belongs to who opened it."""

    async def _redriven(self, topic: str, numbers: list[str]) -> int:
        moved, more = 0, 1
        while more:
            count, more = await self._run(scripts.REDRIVE, topic, *numbers)
            moved += int(count)
        return moved

    async def _settled(self, op: Ack | Nack | Kill, *verb: Argument) -> bool:
        return bool(await self._run(scripts.SETTLE, op.topic, op.group, op.receipt, *verb))

    async def _run(self, script: Script, topic: str, *arguments: Argument) -> Any:
        base = self._base(topic)
        given: Sequence[Argument] = (base, _microseconds(self._kept), *arguments)
        return await self._store.run(script, (base + b"log",), given)

    def _base(self, topic: str) -> bytes:
        name = topic.encode()
        # With its length before it, no topic's keys are another's.
        return self._prefix + b"%d:" % len(name) + name + b":"


async def open_messaging(config: RedisConfig, opening: Opening) -> RedisMessaging:
    """A messaging driver on the configured server."""
    store = await store_of(config, opening)
    await keeps_everything(store)
    durable = (await store.facts()).fsyncs
    features = FEATURES if durable else FEATURES - {MessagingFeature.DURABLE}
    return RedisMessaging(store, config.prefix_of(opening.service.name, "messaging"), features)


def _microseconds(seconds: float) -> int:
    return round(seconds * 1e6)
