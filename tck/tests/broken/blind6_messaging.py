"""Messaging drivers that are wrong as those over queues, streams and brokers would be."""

from __future__ import annotations

import asyncio
import heapq
import zlib
from dataclasses import replace

from broken.messaging_base import Rewriting, messaging
from broken.unseen_common import later
from omnicloud.contracts.messaging.driver import (
    Ack,
    DeadLetters,
    Extend,
    Kill,
    Measure,
    Nack,
    Publish,
    Receive,
    Redrive,
    Subscribe,
)
from omnicloud.contracts.messaging.models import (
    DeadPage,
    Delivery,
    Depth,
    Outgoing,
)
from omnicloud.memory.messaging import MemoryMessaging
from omnicloud.memory.queue import Entry, GroupQueue
from omnicloud.memory.topic import Topic


@messaging("B6-ME-01", "T0", "a message given back is not put back: requeue is off by default")
class ForgetsRequeue(MemoryMessaging):
    async def nack(self, op: Nack, /) -> bool:
        return await self.ack(Ack(op.topic, op.group, op.receipt))


@messaging("B6-ME-02", "T0", "redrive counts the dead letters and starts moving none")
class OnlyCountsRedriven(MemoryMessaging):
    async def redrive(self, op: Redrive, /) -> int:
        topic = await self._topic(op.topic)
        return sum(not op.ids or one.stored.id in op.ids for one in topic.dead(op.group))


@messaging("B6-ME-03", "T1", "only the first uncounted give-back of a message is not counted")
class UncountsOnce(MemoryMessaging):
    async def nack(self, op: Nack, /) -> bool:
        before = self._store.rows("given back before")
        key = (op.topic, op.group, op.receipt.partition("-")[0])
        if not op.count:
            op = replace(op, count=key in before)
            before[key] = True
        return await super().nack(op)


@messaging("B6-ME-04", "T1", "dead letters are filtered by group after the page was cut")
class FiltersAfterCut(MemoryMessaging):
    async def dead_letters(self, op: DeadLetters, /) -> DeadPage:
        page = await super().dead_letters(replace(op, group=None))
        own = tuple(one for one in page.letters if op.group in (None, one.group))
        return DeadPage(own, page.cursor if len(own) == op.limit else None)


@messaging("B6-ME-05", "T1", "an id that is twice in one batch is delivered twice")
class LooksBeforeBatch(MemoryMessaging):
    async def publish(self, op: Publish, /) -> None:
        topic = await self._topic(op.topic)
        new = [one for one in op.messages if not topic.knows(one.id, self._now())]
        for message in new:
            topic._ids.pop(message.id, None)
            await super().publish(replace(op, messages=(message,)))


@messaging("B6-ME-06", "T1", "header values lose the white space at their ends")
class TrimsHeaders(Rewriting):
    def rewritten(self, message: Outgoing) -> Outgoing:
        trimmed = {name: value.strip() for name, value in message.headers.items()}
        return replace(message, headers=trimmed)


@messaging("B6-ME-07", "T1", "depth counts what is behind another of its key as waiting")
class CountsLanesAsWaiting(MemoryMessaging):
    async def measure(self, op: Measure, /) -> Depth:
        depth = await super().measure(op)
        group = (await self._topic(op.topic)).groups.get(op.group)
        behind = 0 if group is None else sum(map(len, group._lanes.values()))
        return replace(depth, ready=depth.ready - behind, waiting=depth.waiting + behind)


@messaging("B6-ME-08", "T1", "delays are cut to the queue's longest, 15 minutes, silently")
class CutsDelays(MemoryMessaging):
    async def publish(self, op: Publish, /) -> None:
        delay = None if op.delay is None else min(op.delay, 900.0)
        await super().publish(replace(op, delay=delay))


class _Refusing(MemoryMessaging):
    """Passes over ready messages that it should lend."""

    def refuses(self, topic: Topic, group: GroupQueue, entry: Entry) -> bool:
        raise AssertionError

    async def receive(self, op: Receive, /) -> tuple[Delivery, ...]:
        until = self._now() + op.wait
        while True:
            topic = await self._topic(op.topic)
            group = topic.groups.get(op.group)
            hidden = [] if group is None else self._hidden(topic, group)
            if not hidden:
                wait = min(0.05, max(0.0, until - self._now()))
                lent = await super().receive(replace(op, wait=wait))
            else:
                lent = await self._lent_of_rest(op, hidden)
            if lent or self._now() >= until:
                return lent
            await self._store.clock.sleep(0.05)

    def _hidden(self, topic: Topic, group: GroupQueue) -> list[int]:
        ready = ((number, group.entries.get(number)) for number in group._ready)
        return [number for number, one in ready if one and self.refuses(topic, group, one)]

    async def _lent_of_rest(self, op: Receive, hidden: list[int]) -> tuple[Delivery, ...]:
        group = (await self._topic(op.topic)).groups[op.group]
        group._ready = [number for number in group._ready if number not in hidden]
        heapq.heapify(group._ready)
        try:
            return await super().receive(replace(op, wait=0.0))
        finally:
            for number in hidden:
                heapq.heappush(group._ready, number)


def _is_out(entry: Entry) -> bool:
    return entry.state.name != "READY"


@messaging("B6-ME-09", "T2", "a key that is lent in one group is held back in all")
class HoldsKeyForAllGroups(_Refusing):
    def refuses(self, topic: Topic, group: GroupQueue, entry: Entry) -> bool:
        others = (one for one in topic.groups.values() if one is not group)
        held = {
            one.stored.key for other in others for one in other.entries.values() if _is_out(one)
        }
        return entry.stored.key is not None and entry.stored.key in held


def _lane(key: str) -> int:
    return zlib.crc32(key.encode()) % 8


@messaging("B6-ME-10", "T2", "a message in work holds back all keys of its partition, one of 8")
class HoldsPartition(_Refusing):
    def refuses(self, topic: Topic, group: GroupQueue, entry: Entry) -> bool:
        keys = (one.stored.key for one in group.entries.values() if _is_out(one))
        held = {_lane(key) for key in keys if key is not None}
        return entry.stored.key is not None and _lane(entry.stored.key) in held


@messaging("B6-ME-11", "T2", "a batch is sent message by message, so a cancelled one is half there")
class SendsOneByOne(MemoryMessaging):
    async def publish(self, op: Publish, /) -> None:
        for message in op.messages:
            await super().publish(replace(op, messages=(message,)))


@messaging("B6-ME-12", "T2", "a cancelled poll goes on and takes the next message with it")
class PollsOn(MemoryMessaging):
    async def receive(self, op: Receive, /) -> tuple[Delivery, ...]:
        until = self._now() + op.wait
        try:
            return await super().receive(op)
        except asyncio.CancelledError:
            rest = replace(op, wait=max(0.0, until - self._now()))
            later(self._store, 0.0, lambda: MemoryMessaging.receive(self, rest))
            raise


@messaging("B6-ME-13", "T2", "a consumer that joins a group makes what is lent ready again")
class Rebalances(MemoryMessaging):
    async def subscribe(self, op: Subscribe, /) -> None:
        await super().subscribe(op)
        joined: set[tuple[str, str]] = self.__dict__.setdefault("joined", set())
        if (op.topic, op.group) in joined:
            return
        joined.add((op.topic, op.group))
        group = (await self._topic(op.topic)).groups[op.group]
        for entry in group.entries.values():
            if entry.state.name == "LENT":
                group._make_ready(entry)
        self._store.tell()


@messaging("B6-ME-14", "T2", "receipts are each client's delivery tags 1, 2, 3, known to the group")
class TagsPerClient(MemoryMessaging):
    async def receive(self, op: Receive, /) -> tuple[Delivery, ...]:
        return tuple(self._tagged(op, one) for one in await super().receive(op))

    def _tagged(self, op: Receive, one: Delivery) -> Delivery:
        tag = str(self.__dict__.get("tags", 0) + 1)
        self.__dict__["tags"] = int(tag)
        self._store.rows("tags")[op.topic, op.group, tag] = one.receipt
        return replace(one, receipt=tag)

    def _real(self, topic: str, group: str, tag: str) -> str:
        real: str = self._store.rows("tags").get((topic, group, tag), "")
        return real

    async def ack(self, op: Ack, /) -> bool:
        return await super().ack(replace(op, receipt=self._real(op.topic, op.group, op.receipt)))

    async def nack(self, op: Nack, /) -> bool:
        return await super().nack(replace(op, receipt=self._real(op.topic, op.group, op.receipt)))

    async def kill(self, op: Kill, /) -> bool:
        return await super().kill(replace(op, receipt=self._real(op.topic, op.group, op.receipt)))

    async def extend(self, op: Extend, /) -> tuple[str, ...]:
        tags = {self._real(op.topic, op.group, tag): tag for tag in op.receipts}
        good = await super().extend(replace(op, receipts=tuple(tags)))
        return tuple(tags[one] for one in good)
