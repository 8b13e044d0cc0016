"""Messaging drivers as third parties might write them, wrong in ways thought of blindly."""

from __future__ import annotations

import asyncio
import math
import zlib
from collections.abc import Hashable
from dataclasses import replace
from typing import Any

from opentelemetry import trace

from broken.registry import broken
from broken.unseen_common import pause
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
    Replay,
    Subscribe,
)
from omnicloud.contracts.messaging.models import DeadPage, Delivery, Depth, Outgoing
from omnicloud.errors import UnavailableError
from omnicloud.memory.messaging import MemoryMessaging, _letter
from omnicloud.memory.queue import Dead, Entry
from omnicloud.memory.store import MemoryStore
from omnicloud.memory.topic import Topic
from omnicloud_tck.messaging import MessagingContract

_KEPT = 3600.0


def messaging(number: int, tier: str, summary: str) -> Any:
    return broken(f"B7-MS-{number:02}", tier, summary, MessagingContract)


# clause: Extend "Let the leases end `lease` seconds from now"
# app: any handler that works longer than its lease (30 s)
@messaging(1, "T0", "a lease is said to be renewed and is not")
class RenewsNothing(MemoryMessaging):
    async def extend(self, op: Extend, /) -> tuple[str, ...]:
        topic = await self._topic(op.topic)
        group = topic.groups.get(op.group)
        return tuple(one for one in op.receipts if group is not None and group.held(one))


# clause: DeadLetters "of one group, or of all"
# app: every dashboard that lists a topic's dead letters
@messaging(2, "T0", "dead letters are listed only where a group is named")
class ListsOneGroupOnly(MemoryMessaging):
    async def dead_letters(self, op: DeadLetters, /) -> DeadPage:
        return DeadPage(()) if op.group is None else await super().dead_letters(op)


# clause: "handlers get a message with payload, key, headers"; SQS allows no empty attribute
# app: headers={"locale": ""}
@messaging(3, "T1", "a header whose value is empty is left out")
class LeavesOutEmptyHeaders(MemoryMessaging):
    async def publish(self, op: Publish, /) -> None:
        cleaned = tuple(
            replace(one, headers={name: text for name, text in one.headers.items() if text})
            for one in op.messages
        )
        await super().publish(replace(op, messages=cleaned))


# clause: Message.published_at "Seconds since ... " of the publishing, whichever delivery
# app: a handler that drops what is older than an hour, on its second attempt
@messaging(4, "T1", "a retried message was published when it was tried again")
class StampsRetries(MemoryMessaging):
    async def receive(self, op: Receive, /) -> tuple[Delivery, ...]:
        now = self._store.clock.wall()
        lent = await super().receive(op)
        return tuple(replace(one, published_at=now) if one.attempt > 1 else one for one in lent)


# clause: Replay "was published at `since` or later"
# app: replay(since=message.published_at) of the first bad message
@messaging(5, "T1", "a replay begins after the moment it is given, not at it")
class ReplaysAfter(MemoryMessaging):
    async def replay(self, op: Replay, /) -> int:
        return await super().replay(replace(op, since=math.nextafter(op.since, math.inf)))


# clause: redrive: "They keep id, payload, key and headers"
# app: any redrive of a keyed topic
@messaging(6, "T1", "a redriven message has lost its key")
class RedrivesWithoutKey(MemoryMessaging):
    async def redrive(self, op: Redrive, /) -> int:
        topic = await self._topic(op.topic)
        chosen = [one for one in topic.dead(op.group) if not op.ids or one.stored.id in op.ids]
        topic.redrive([replace(one, stored=replace(one.stored, key=None)) for one in chosen])
        self._store.tell()
        return len(chosen)


# clause: "A page of a topic's dead letters, oldest death first" (each of them)
# app: a burst of more than a page (100) of poison messages within one tick
@messaging(7, "T1", "the page after this one begins after its last moment of death")
class PagesByMoment(MemoryMessaging):
    async def dead_letters(self, op: DeadLetters, /) -> DeadPage:
        after = float(op.cursor or "-inf")
        topic = await self._topic(op.topic)
        letters = [one for one in topic.dead(op.group) if one.died_at > after]
        page = letters[: op.limit]
        more = len(letters) > op.limit
        return DeadPage(tuple(map(_letter, page)), repr(page[-1].died_at) if more else None)


# clause: batch "publishes all messages or none"
# app: a web request that publishes a batch and is cancelled (client went away)
@messaging(8, "T2", "a batch is sent message by message: a cancelled one is published in part")
class SendsOneByOne(MemoryMessaging):
    async def publish(self, op: Publish, /) -> None:
        for one in op.messages:
            await super().publish(replace(op, messages=(one,)))


# clause: Message.attempt "1 at the first delivery to the group"
# app: two groups on one topic, one of which retries
@messaging(9, "T2", "attempts are counted for the message, over all its groups")
class CountsOverGroups(MemoryMessaging):
    async def receive(self, op: Receive, /) -> tuple[Delivery, ...]:
        lent = await super().receive(op)
        topic: Topic = self._store.rows(self._table)[op.topic]
        return tuple(self._numbered(op, topic, one) for one in lent)

    async def nack(self, op: Nack, /) -> bool:
        done = await super().nack(op)
        if done and not op.count:
            self._attempts()[op.topic, int(op.receipt.partition("-")[0])] -= 1
        return done

    def _numbered(self, op: Receive, topic: Topic, one: Delivery) -> Delivery:
        number = int(one.receipt.partition("-")[0])
        seen = self._attempts()
        seen[op.topic, number] = attempt = seen.get((op.topic, number), 0) + 1
        topic.groups[op.group].entries[number].attempt = attempt
        return replace(one, attempt=attempt)

    def _attempts(self) -> dict[Hashable, int]:
        return self._store.rows(("attempts", *self._table))


# clause: "Make the delivery a dead letter of its group"; "two groups both get all"
# app: a poison message for one group that another can handle
@messaging(10, "T2", "a message that one group gives up is gone for every other")
class KillsForAll(MemoryMessaging):
    async def kill(self, op: Kill, /) -> bool:
        done = await super().kill(op)
        if done:
            number = int(op.receipt.partition("-")[0])
            topic: Topic = self._store.rows(self._table)[op.topic]
            for group in topic.groups.values():
                entry = group.entries.get(number)
                if entry is not None:
                    group.remove(entry)
        return done


# clause: "a message of a key is not lent while an earlier one of that key ... waits"; docs:
# "A message that is tried again holds back its own key and no other"
# app: more keys than partitions, one of them failing
@messaging(11, "T2", "keys share eight partitions, and one that waits holds back its partition")
class Partitions(MemoryMessaging):
    async def publish(self, op: Publish, /) -> None:
        await super().publish(replace(op, messages=tuple(map(self._placed, op.messages))))

    async def receive(self, op: Receive, /) -> tuple[Delivery, ...]:
        return tuple(map(self._named, await super().receive(op)))

    async def dead_letters(self, op: DeadLetters, /) -> DeadPage:
        page = await super().dead_letters(op)
        return DeadPage(tuple(map(self._named, page.letters)), page.cursor)

    def _placed(self, one: Outgoing) -> Outgoing:
        if one.key is None:
            return one
        partition = str(zlib.crc32(one.key.encode()) % 8)
        return replace(one, key=partition, headers={**one.headers, "\0key": one.key})

    def _named(self, one: Any) -> Any:
        if one.key is None:
            return one
        headers = dict(one.headers)
        return replace(one, key=headers.pop("\0key"), headers=headers)


# clause: Redrive "Each moves in one step: it is a dead letter or deliverable, never both"
# app: two operators (or a retried click) redrive at once
@messaging(12, "T2", "two redrives at once deliver each letter twice")
class RedrivesTwice(MemoryMessaging):
    async def redrive(self, op: Redrive, /) -> int:
        topic = await self._topic(op.topic)
        chosen = [one for one in topic.dead(op.group) if not op.ids or one.stored.id in op.ids]
        await pause()
        for one in chosen:
            queue = topic.groups[one.group]
            queue.dead.pop(one.number, None)
            queue.add(replace(one.stored, number=topic.number()))
        self._store.tell()
        return len(chosen)


# clause: Nack "Give the message back, to be delivered again after `delay`"; "a crash between
# loses nothing"
# app: a deploy while messages wait for their retry
@messaging(13, "T3", "the wait before a retry lives in the client that asked for it")
class WaitsInTheClient(MemoryMessaging):
    def __init__(self, store: MemoryStore, namespace: str = "") -> None:
        super().__init__(store, namespace)
        self._waits: set[asyncio.Task[None]] = set()

    async def nack(self, op: Nack, /) -> bool:
        if op.delay <= 0:
            return await super().nack(op)
        group, entry = await self._held(op.topic, op.group, op.receipt)
        if group is None or entry is None:
            return False
        group.put_back(entry, math.inf, counted=op.count)
        self._waits.add(asyncio.create_task(self._later(op.delay, group, entry)))
        return True

    async def _later(self, delay: float, group: Any, entry: Entry) -> None:
        await self._store.clock.sleep(delay)
        if group.entries.get(entry.stored.number) is entry:
            group._make_ready(entry)
            self._store.tell()

    async def aclose(self) -> None:
        for one in self._waits:
            one.cancel()


# clause: Delivery.attempt "one more for each delivery before that counted"; docs: a consumer
# that dies with the message: "Such a delivery counts as an attempt"
# app: a message that crashes its consumers is never given up
@messaging(14, "T3", "a delivery whose lease ended was no attempt")
class ForgetsLostDeliveries(MemoryMessaging):
    async def _topic(self, name: str) -> Topic:
        await self._store.reading()
        topics = self._store.rows(self._table)
        topic: Topic = topics.setdefault(name, Topic(_KEPT))
        entries = [one for group in topic.groups.values() for one in group.entries.values()]
        lent = [one for one in entries if one.receipt]
        topic.tick(self._now())
        for one in lent:
            if not one.receipt:
                one.attempt -= 1
        return topic


# clause: dedupe "A message_id that is published again within dedupe_seconds is delivered once"
# app: a relay publishes again after a lost answer, when the consumer was quick
@messaging(15, "T3", "an id is forgotten when its message is acknowledged")
class ForgetsIds(MemoryMessaging):
    async def ack(self, op: Ack, /) -> bool:
        group, entry = await self._held(op.topic, op.group, op.receipt)
        if group is None or entry is None:
            return False
        topic: Topic = self._store.rows(self._table)[op.topic]
        topic._ids.pop(entry.stored.id, None)
        return await super().ack(op)


# clause: "a server that is down ... gives the right error class"
# app: an autoscaler that reads the depth scales to nothing in an outage
@messaging(16, "T3", "while the broker is away every group has nothing before it")
class MeasuresNothing(MemoryMessaging):
    async def measure(self, op: Measure, /) -> Depth:
        try:
            return await super().measure(op)
        except UnavailableError:
            return Depth(0, 0, 0, 0, 0)


# clause: "each message published after that is delivered to it until it is acknowledged or
# dead-lettered"
# app: a consumer that is away for longer than the broker's retention (an hour)
@messaging(17, "T3", "what no group has settled is forgotten with the retention")
class ForgetsTheUnsettled(MemoryMessaging):
    async def _topic(self, name: str) -> Topic:
        await self._store.reading()
        topic: Topic = self._store.rows(self._table).setdefault(name, Topic(_KEPT))
        before = {stored.number for _, stored in topic._log}
        topic.tick(self._now())
        for number in before - {stored.number for _, stored in topic._log}:
            for group in topic.groups.values():
                if number in group.entries:
                    group.remove(group.entries[number])
        return topic


# clause: "two tenants never see each other's names"; names "never colliding"
# app: topics eu/orders and us/orders, or two tenants with a topic of one name
@messaging(18, "T4", "dead letters are kept by the last part of the topic's name")
class KeepsByLastPart(MemoryMessaging):
    async def dead_letters(self, op: DeadLetters, /) -> DeadPage:
        await self._topic(op.topic)
        last, after = op.topic.rpartition("/")[2], int(op.cursor or 0)
        alike = [
            topic
            for name, topic in self._store.rows(self._table).items()
            if name.rpartition("/")[2] == last
        ]
        letters: list[Dead] = [one for topic in alike for one in topic.dead(op.group)]
        letters = sorted((one for one in letters if one.number > after), key=lambda one: one.number)
        page, more = letters[: op.limit], len(letters) > op.limit
        return DeadPage(tuple(map(_letter, page)), str(page[-1].number) if more else None)


# clause: tracing row: "no payload"
# app: every publish under a span
@messaging(19, "T4", "the running span gets the payload as an attribute")
class TellsThePayload(MemoryMessaging):
    async def publish(self, op: Publish, /) -> None:
        span = trace.get_current_span()
        span.set_attribute("messaging.message.body", op.messages[0].payload.decode("latin-1"))
        await super().publish(op)


# clause: names "never colliding": topic "a" group "b:c", topic "a:b" group "c"
# app: topics and groups with colons, as "orders:eu"
@messaging(20, "T4", "a group is stored as topic:group, and two of them are one")
class JoinsNames(MemoryMessaging):
    async def subscribe(self, op: Subscribe, /) -> None:
        await super().subscribe(self._real(op))

    async def receive(self, op: Receive, /) -> tuple[Delivery, ...]:
        return await super().receive(self._real(op))

    async def ack(self, op: Ack, /) -> bool:
        return await super().ack(self._real(op))

    async def nack(self, op: Nack, /) -> bool:
        return await super().nack(self._real(op))

    async def kill(self, op: Kill, /) -> bool:
        return await super().kill(self._real(op))

    async def extend(self, op: Extend, /) -> tuple[str, ...]:
        return await super().extend(self._real(op))

    async def measure(self, op: Measure, /) -> Depth:
        return await super().measure(self._real(op))

    def _real(self, op: Any) -> Any:
        known = self._store.rows(("joined", *self._table))
        topic, group = known.setdefault(f"{op.topic}:{op.group}", (op.topic, op.group))
        return replace(op, topic=topic, group=group)
