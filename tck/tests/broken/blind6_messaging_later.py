"""Messaging drivers that are wrong after a while, in what is due, and about names."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from broken.messaging_base import Redelivering, messaging
from omnicloud.contracts.messaging.driver import (
    Ack,
    Extend,
    Kill,
    Measure,
    Nack,
    Publish,
    Receive,
)
from omnicloud.contracts.messaging.models import (
    Delivery,
    Depth,
    MessagingFeature,
)
from omnicloud.core.operation import Feature
from omnicloud.memory.messaging import FEATURES, MemoryMessaging
from omnicloud.memory.topic import Topic


@messaging("B6-ME-15", "T3", "a lease is never renewed beyond five minutes, but said to be")
class RenewsFiveMinutes(MemoryMessaging):
    async def receive(self, op: Receive, /) -> tuple[Delivery, ...]:
        lent = await super().receive(op)
        for one in lent:
            self._store.rows("lent at")[one.receipt] = self._now()
        return lent

    async def extend(self, op: Extend, /) -> tuple[str, ...]:
        began = self._store.rows("lent at")
        good: list[str] = []
        for receipt in op.receipts:
            left = began.get(receipt, self._now()) + 300.0 - self._now()
            if left <= 0:
                held = await self._held(op.topic, op.group, receipt)
                good += [receipt] if held[1] else []
                continue
            one = replace(op, receipts=(receipt,), lease=min(op.lease, left))
            good += await super().extend(one)
        return tuple(good)


@messaging("B6-ME-16", "T3", "a delivery whose lease ended was no attempt")
class CountsOnlyNacks(MemoryMessaging):
    async def receive(self, op: Receive, /) -> tuple[Delivery, ...]:
        failed = self._store.rows("failed attempts")
        return tuple(
            replace(one, attempt=1 + failed.get(self._key(op.topic, op.group, one.receipt), 0))
            for one in await super().receive(op)
        )

    async def nack(self, op: Nack, /) -> bool:
        done = await super().nack(op)
        if done and op.count:
            failed, key = self._store.rows("failed attempts"), self._key(*_place(op))
            failed[key] = failed.get(key, 0) + 1
        return done

    async def ack(self, op: Ack, /) -> bool:
        self._store.rows("failed attempts").pop(self._key(*_place(op)), None)
        return await super().ack(op)

    async def kill(self, op: Kill, /) -> bool:
        self._store.rows("failed attempts").pop(self._key(*_place(op)), None)
        return await super().kill(op)

    def _key(self, topic: str, group: str, receipt: str) -> tuple[str, str, str]:
        return topic, group, receipt.partition("-")[0]


def _place(op: Ack | Kill | Nack) -> tuple[str, str, str]:
    return op.topic, op.group, op.receipt


@messaging("B6-ME-17", "T3", "a dead letter is deleted an hour after its message was published")
class ForgetsDeadLetters(MemoryMessaging):
    async def _topic(self, name: str) -> Topic:
        topic = await super()._topic(name)
        old = self._store.clock.wall() - 3600.0
        for group in topic.groups.values():
            for number in [n for n, one in group.dead.items() if one.stored.published_at < old]:
                del group.dead[number]
        return topic


@messaging("B6-ME-18", "T3", "the log is trimmed after an hour, read by every group or not")
class TrimsUnread(MemoryMessaging):
    async def _topic(self, name: str) -> Topic:
        await self._store.reading()
        known: Topic | None = self._store.rows(self._table).get(name)
        before = set[int]() if known is None else {stored.number for _, stored in known._log}
        topic = await super()._topic(name)
        trimmed = before.difference(stored.number for _, stored in topic._log)
        for group in topic.groups.values():
            for entry in list(group.entries.values()):
                if entry.stored.number in trimmed and entry.state.name == "READY":
                    group.remove(entry)
        return topic


_STEPS = (600.0, 300.0, 120.0, 60.0, 30.0, 10.0, 5.0, 1.0)


@messaging("B6-ME-19", "T3", "a failed message waits in the retry queue next below its back-off")
class HasRetryQueues(MemoryMessaging):
    async def nack(self, op: Nack, /) -> bool:
        delay = next((step for step in _STEPS if step <= op.delay), op.delay)
        return await super().nack(replace(op, delay=delay))


@messaging("B6-ME-20", "T3", "scheduled messages wait in the publisher and end with it")
class SchedulesAtHome(MemoryMessaging):
    @property
    def features(self) -> frozenset[Feature]:
        return FEATURES - {MessagingFeature.CANCEL}

    async def publish(self, op: Publish, /) -> None:
        if not op.delay:
            await super().publish(op)
            return
        topic, now = await self._topic(op.topic), self._now()
        new = tuple(one for one in op.messages if not topic.knows(one.id, now))
        for message in new:
            topic._ids[message.id] = now + op.delay + self.limits.dedupe_seconds
        timers: list[asyncio.Task[None]] = self.__dict__.setdefault("timers", [])
        at_once = replace(op, messages=new, delay=None)
        timers.append(asyncio.create_task(self._publish_after(op.delay, at_once)))

    async def _publish_after(self, delay: float, op: Publish) -> None:
        await self._store.clock.sleep(delay)
        topic = await self._topic(op.topic)
        for message in op.messages:
            topic._ids.pop(message.id, None)
        await super().publish(op)

    async def measure(self, op: Measure, /) -> Depth:
        timers: list[asyncio.Task[None]] = self.__dict__.get("timers", [])
        own = sum(not timer.done() for timer in timers)
        return replace(await super().measure(op), scheduled=own)

    async def aclose(self) -> None:
        for timer in self.__dict__.get("timers", ()):
            timer.cancel()


@messaging("B6-ME-21", "T3", "the scheduler looks every five seconds, so a message may be as late")
class LooksEveryFive(MemoryMessaging):
    async def publish(self, op: Publish, /) -> None:
        if op.delay:
            due = self._now() + op.delay
            op = replace(op, delay=op.delay + -due % 5.0)
        await super().publish(op)


@messaging("B6-ME-22", "T3", "what falls due while nobody asks comes in the order of publishing")
class DueAtOnce(MemoryMessaging):
    async def _topic(self, name: str) -> Topic:
        await self._store.reading()
        topic: Topic | None = self._store.rows(self._table).get(name)
        if topic is not None:
            now = self._now()
            due = [(now, *one[1:]) if one[0] <= now else one for one in topic._scheduled]
            topic._scheduled = due
            heapq.heapify(topic._scheduled)
        return await super()._topic(name)


@messaging("B6-ME-23", "T4", "a star for a word of a topic's name is a wildcard for subscribers")
class StarsInTopics(MemoryMessaging):
    async def publish(self, op: Publish, /) -> None:
        await super().publish(op)
        for name in list(self._store.rows(self._table)):
            if name != op.topic and "*" in name and _covers(name, op.topic):
                await super().publish(replace(op, topic=name))


def _covers(pattern: str, name: str) -> bool:
    words, named = pattern.split("."), name.split(".")
    pairs = zip(words, named, strict=False)
    return len(words) == len(named) and all(word in ("*", other) for word, other in pairs)


@messaging("B6-ME-24", "T4", "the driver's own fields travel as headers id and key of the caller's")
class OwnFieldsAreHeaders(Redelivering):
    def rewritten(self, one: Delivery) -> Delivery:
        fields: dict[str, Any] = {"id": one.id, "key": one.key, **one.headers}
        return replace(one, id=fields.pop("id"), key=fields.pop("key"), headers=fields)


def _folded(name: str) -> Any:
    verb: Callable[..., Any] = getattr(MemoryMessaging, name)

    async def folded(self: MemoryMessaging, op: Any, /) -> Any:
        return await verb(self, replace(op, group=op.group.casefold()))

    return folded


@messaging("B6-ME-25", "T4", "two groups whose names differ in case only are one")
class FoldsGroups(MemoryMessaging):
    subscribe = _folded("subscribe")
    receive = _folded("receive")
    ack = _folded("ack")
    nack = _folded("nack")
    kill = _folded("kill")
    extend = _folded("extend")
    replay = _folded("replay")
    measure = _folded("measure")
