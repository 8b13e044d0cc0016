"""Brokers that are wrong in the ways of those who build one from parts."""

from __future__ import annotations

import asyncio
import heapq
from dataclasses import replace
from typing import Any

from broken.registry import broken
from omnicloud.contracts.messaging.driver import (
    DeadLetters,
    Nack,
    Publish,
    Receive,
    Redrive,
    Subscribe,
)
from omnicloud.contracts.messaging.models import DeadPage, Delivery
from omnicloud.memory.messaging import MemoryMessaging
from omnicloud.memory.queue import Entry, GroupQueue, Stored
from omnicloud.memory.topic import Topic
from omnicloud_tck.messaging import MessagingContract

__all__ = ["OwnTopics"]

_KEPT = 3600.0


class OwnTopics(MemoryMessaging):
    """With queues of another class."""

    queue: type[GroupQueue] = GroupQueue

    def made(self) -> Topic:
        queue = self.queue

        class Made(Topic):
            def subscribe(self, group: str) -> None:
                if group not in self.groups:
                    made = self.groups[group] = queue(group)
                    for _, stored in self._log:
                        made.add(stored)

        return Made(_KEPT)

    async def _topic(self, name: str) -> Topic:
        await self._store.reading()
        topics = self._store.rows(self._table)
        if name not in topics:
            topics[name] = self.made()
        topic: Topic = topics[name]
        topic.tick(self._now())
        return topic


@broken("B5-MS-01", "T0", "a group that subscribes again loses what waits", MessagingContract)
class SubscribesAnew(MemoryMessaging):
    async def subscribe(self, op: Subscribe, /) -> None:
        topic = await self._topic(op.topic)
        if op.group in topic.groups:
            topic.groups[op.group] = GroupQueue(op.group)
        else:
            topic.subscribe(op.group)


@broken("B5-MS-02", "T0", "a message given back for later is gone", MessagingContract)
class GivesBackNothing(MemoryMessaging):
    async def nack(self, op: Nack, /) -> bool:
        if op.delay <= 0:
            return await super().nack(op)
        group, entry = await self._held(op.topic, op.group, op.receipt)
        if group is None or entry is None:
            return False
        group.remove(entry)
        self._store.tell()
        return True


@broken("B5-MS-03", "T1", "headers with an empty value are left out", MessagingContract)
class NoEmptyHeaders(MemoryMessaging):
    async def publish(self, op: Publish, /) -> None:
        kept = tuple(
            replace(one, headers={name: text for name, text in one.headers.items() if text})
            for one in op.messages
        )
        await super().publish(replace(op, messages=kept))


@broken("B5-MS-04", "T1", "a dead letter was published when it died", MessagingContract)
class BornAtDeath(MemoryMessaging):
    async def dead_letters(self, op: DeadLetters, /) -> DeadPage:
        page = await super().dead_letters(op)
        letters = tuple(replace(one, published_at=one.died_at) for one in page.letters)
        return DeadPage(letters, page.cursor)


@broken("B5-MS-05", "T1", "pages of dead letters are counted, not placed", MessagingContract)
class CountsLetters(MemoryMessaging):
    async def dead_letters(self, op: DeadLetters, /) -> DeadPage:
        start = int(op.cursor or 0)
        page = await super().dead_letters(replace(op, cursor=None, limit=start + op.limit))
        more = page.cursor is not None
        return DeadPage(page.letters[start:], str(start + op.limit) if more else None)


@broken("B5-MS-06", "T1", "of the ids to redrive the first ten are taken", MessagingContract)
class RedrivesTen(MemoryMessaging):
    async def redrive(self, op: Redrive, /) -> int:
        return await super().redrive(replace(op, ids=op.ids[:10]))


class _Forgiving(GroupQueue):
    def put_back(self, entry: Entry, until: float | None, *, counted: bool) -> None:
        super().put_back(entry, until, counted=True)
        if not counted:
            entry.attempt = 0


@broken("B5-MS-07", "T1", "what is given back uncounted starts at one again", MessagingContract)
class StartsAtOne(OwnTopics):
    queue = _Forgiving


class _Overtaken(GroupQueue):
    def _make_ready(self, entry: Entry) -> None:
        key = entry.stored.key
        lane = self._lanes.get(key) if key is not None else None
        lent = entry.state.name == "LENT"
        if lent and key is not None and lane and self._timed_out:
            following = self._heads[key] = heapq.heappop(lane)
            heapq.heappush(lane, entry.stored.number)
            heapq.heappush(self._ready, following)
        super()._make_ready(entry)

    _timed_out = False

    def tick(self, now: float) -> None:
        self._timed_out = True
        super().tick(now)
        self._timed_out = False


@broken("B5-MS-08", "T2", "after a lease ends the next of the key goes first", MessagingContract)
class Overtakes(OwnTopics):
    queue = _Overtaken


class _Partitions(GroupQueue):
    def add(self, stored: Stored) -> None:
        if stored.key is None:
            stored = replace(stored, key=f"\0{stored.number % 4}")
        super().add(stored)


@broken("B5-MS-09", "T2", "messages without a key wait in four partitions", MessagingContract)
class FourPartitions(OwnTopics):
    queue = _Partitions

    async def receive(self, op: Receive, /) -> tuple[Delivery, ...]:
        return tuple(_keyless(one) for one in await super().receive(op))

    async def dead_letters(self, op: DeadLetters, /) -> DeadPage:
        page = await super().dead_letters(op)
        return DeadPage(tuple(_keyless(one) for one in page.letters), page.cursor)


def _keyless(one: Any) -> Any:
    return replace(one, key=None) if (one.key or "").startswith("\0") else one


@broken("B5-MS-10", "T2", "an id is known to all topics once one knows it", MessagingContract)
class KnowsEverywhere(MemoryMessaging):
    async def publish(self, op: Publish, /) -> None:
        if op.dedupe:
            now, known = self._now(), self._store.rows("ids")
            fresh = tuple(one for one in op.messages if known.get(one.id, now) <= now)
            known.update((one.id, now + _KEPT) for one in fresh)
            op = replace(op, messages=fresh)
        await super().publish(op)


@broken("B5-MS-11", "T2", "two publishers of one id at once are both taken", MessagingContract)
class LooksThenPublishes(MemoryMessaging):
    async def publish(self, op: Publish, /) -> None:
        if op.delay:
            return await super().publish(op)
        topic = await self._topic(op.topic)
        fresh = [one for one in op.messages if not topic.knows(one.id, self._now())]
        await asyncio.sleep(0)
        for message in fresh:
            topic.publish(message, self._now(), self._store.clock.wall())
        self._store.tell()
        return None


@broken("B5-MS-12", "T2", "a cancelled batch is published in part", MessagingContract)
class PublishesByTens(MemoryMessaging):
    async def publish(self, op: Publish, /) -> None:
        for start in range(0, len(op.messages), 10):
            await super().publish(replace(op, messages=op.messages[start : start + 10]))


@broken("B5-MS-13", "T2", "two redrives at once bring a letter back twice", MessagingContract)
class RedrivesTwice(MemoryMessaging):
    async def redrive(self, op: Redrive, /) -> int:
        topic = await self._topic(op.topic)
        chosen = [one for one in topic.dead(op.group) if not op.ids or one.stored.id in op.ids]
        await asyncio.sleep(0)
        for letter in chosen:
            queue = topic.groups[letter.group]
            queue.dead.pop(letter.number, None)
            queue.add(replace(letter.stored, number=topic.number()))
        self._store.tell()
        return len(chosen)
