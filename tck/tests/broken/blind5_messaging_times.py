"""Brokers that are wrong about time, and about who sees what."""

from __future__ import annotations

import logging
from dataclasses import replace

from broken.blind5_messaging import OwnTopics
from broken.registry import broken
from omnicloud.contracts.messaging.driver import (
    DeadLetters,
    Kill,
    Nack,
    Publish,
    Receive,
)
from omnicloud.contracts.messaging.models import DeadPage, Delivery, MessagingLimits
from omnicloud.memory.messaging import MemoryMessaging, _letter
from omnicloud.memory.queue import Entry, GroupQueue
from omnicloud.memory.topic import Topic
from omnicloud_tck.messaging import MessagingContract

_log = logging.getLogger("broker")


@broken("B5-MS-14", "T3", "a delayed message wakes nobody who waits already", MessagingContract)
class WakesNobody(MemoryMessaging):
    async def publish(self, op: Publish, /) -> None:
        if not op.delay:
            return await super().publish(op)
        topic = await self._topic(op.topic)
        now, stamp = self._now(), self._store.clock.wall()
        for message in op.messages:
            if not topic.knows(message.id, now):
                topic.schedule(message, now + op.delay, now, stamp)
        return None


@broken("B5-MS-15", "T3", "the wait for the next attempt is by the wall clock", MessagingContract)
class WaitsByTheWall(MemoryMessaging):
    async def nack(self, op: Nack, /) -> bool:
        if op.delay <= 0:
            return await super().nack(op)
        group, entry = await self._held(op.topic, op.group, op.receipt)
        if group is None or entry is None:
            return False
        group.put_back(entry, self._now() + 1e9, counted=op.count)
        until = self._store.clock.wall() + op.delay
        self._store.rows("walls")[id(group), entry.stored.number] = (until, group, entry)
        self._store.tell()
        return True

    async def _topic(self, name: str) -> Topic:
        topic = await super()._topic(name)
        wall, walls = self._store.clock.wall(), self._store.rows("walls")
        for place, (until, group, entry) in list(walls.items()):
            if until <= wall:
                del walls[place]
                if entry.stored.number in group.entries:
                    group._make_ready(entry)
        return topic

    async def receive(self, op: Receive, /) -> tuple[Delivery, ...]:
        until = self._now() + op.wait
        while True:
            wait = min(0.2, max(0.0, until - self._now()))
            lent = await super().receive(replace(op, wait=wait))
            if lent or self._now() >= until:
                return lent


class _Uncounted(GroupQueue):
    def _make_ready(self, entry: Entry) -> None:
        if self._ticking and entry.receipt and entry.state.name == "LENT":
            entry.attempt -= 1
        super()._make_ready(entry)

    _ticking = False

    def tick(self, now: float) -> None:
        self._ticking = True
        super().tick(now)
        self._ticking = False


@broken("B5-MS-16", "T3", "a delivery whose lease ended was no attempt", MessagingContract)
class CountsNoCrash(OwnTopics):
    queue = _Uncounted


class _Short(Topic):
    def __init__(self) -> None:
        super().__init__(10.0)
        self._came: dict[tuple[str, int], float] = {}

    def tick(self, now: float) -> None:
        super().tick(now)
        for group in self.groups.values():
            for entry in list(group.entries.values()):
                came = self._came.setdefault((group.name, entry.stored.number), now)
                if came + 10.0 <= now and entry.state.name == "READY":
                    group.remove(entry)


@broken("B5-MS-17", "T3", "what no one handled is gone after the retention", MessagingContract)
class DropsTheBacklog(OwnTopics):
    @property
    def limits(self) -> MessagingLimits:
        return replace(super().limits, retention_seconds=10.0, dedupe_seconds=10.0)

    def made(self) -> Topic:
        return _Short()


@broken("B5-MS-18", "T3", "a delay is at most a quarter of an hour", MessagingContract)
class QuarterHour(MemoryMessaging):
    async def publish(self, op: Publish, /) -> None:
        delay = None if op.delay is None else min(op.delay, 900.0)
        await super().publish(replace(op, delay=delay))


@broken("B5-MS-19", "T3", "attempts are counted by each client for itself", MessagingContract)
class CountsForItself(MemoryMessaging):
    _attempts: dict[tuple[str, str, str], int] | None = None

    def _place(self, op: Receive | Nack, receipt: str) -> tuple[str, str, str]:
        return op.topic, op.group, receipt.partition("-")[0]

    async def receive(self, op: Receive, /) -> tuple[Delivery, ...]:
        self._attempts = self._attempts or {}
        lent: list[Delivery] = []
        for one in await super().receive(op):
            place = self._place(op, one.receipt)
            attempt = self._attempts[place] = self._attempts.get(place, 0) + 1
            lent.append(replace(one, attempt=attempt))
        return tuple(lent)

    async def nack(self, op: Nack, /) -> bool:
        place = self._place(op, op.receipt)
        if not op.count and self._attempts and place in self._attempts:
            self._attempts[place] -= 1
        return await super().nack(op)


@broken("B5-MS-20", "T4", "what becomes a dead letter is logged, payload too", MessagingContract)
class LogsTheDead(MemoryMessaging):
    async def kill(self, op: Kill, /) -> bool:
        group, entry = await self._held(op.topic, op.group, op.receipt)
        if group is not None and entry is not None:
            _log.warning("giving up %s: %r", entry.stored.id, entry.stored.payload)
        return await super().kill(op)


@broken("B5-MS-21", "T4", "a topic and a group are joined by a colon", MessagingContract)
class JoinsByColon(MemoryMessaging):
    async def _topic(self, name: str) -> Topic:
        await self._store.reading()
        topics, queues, store = self._store.rows(self._table), self._store.rows("q"), self._store

        class Made(Topic):
            def number(self) -> int:
                return store.number()

            def subscribe(self, group: str) -> None:
                if group not in self.groups:
                    known = f"{name}:{group}" in queues
                    made = queues.setdefault(f"{name}:{group}", GroupQueue(group))
                    self.groups[group] = made
                    for _, stored in () if known else self._log:
                        made.add(stored)

        if name not in topics:
            topics[name] = Made(3600.0)
        topic: Topic = topics[name]
        topic.tick(self._now())
        return topic


@broken("B5-MS-22", "T4", "dead letters of topics that begin alike are shown", MessagingContract)
class BeginsAlike(MemoryMessaging):
    async def dead_letters(self, op: DeadLetters, /) -> DeadPage:
        await self._topic(op.topic)
        after = int(op.cursor or 0)
        alike = [
            topic
            for name, topic in self._store.rows(self._table).items()
            if name.startswith(op.topic)
        ]
        letters = sorted(
            (one for topic in alike for one in topic.dead(op.group) if one.number > after),
            key=lambda one: one.number,
        )
        page = letters[: op.limit]
        more = len(letters) > op.limit
        return DeadPage(tuple(map(_letter, page)), str(page[-1].number) if more else None)
