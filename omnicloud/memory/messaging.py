"""The messaging contract in memory: every feature but durability."""

from __future__ import annotations

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
    DeadRecord,
    Delivery,
    Depth,
    MessagingFeature,
    MessagingLimits,
)
from omnicloud.core.operation import Feature
from omnicloud.errors import NotFoundError
from omnicloud.memory.queue import Dead, Entry, GroupQueue
from omnicloud.memory.store import MemoryStore
from omnicloud.memory.topic import Topic

__all__ = ["FEATURES", "MemoryMessaging"]

FEATURES: frozenset[Feature] = frozenset(MessagingFeature) - {MessagingFeature.DURABLE}
_KEPT_SECONDS = 3600.0


class MemoryMessaging:
    """A messaging driver over topics in a :class:`MemoryStore`.

    Messages and their ids are kept for an hour after they are published, and until every
    group has settled them.
    """

    def __init__(self, store: MemoryStore, namespace: str = "") -> None:
        self._store = store
        self._table = ("messaging", namespace)

    @property
    def features(self) -> frozenset[Feature]:
        return FEATURES

    @property
    def limits(self) -> MessagingLimits:
        return MessagingLimits(
            payload_max_bytes=16 << 20,
            batch_max_items=10_000,
            retention_seconds=_KEPT_SECONDS,
            dedupe_seconds=_KEPT_SECONDS,
        )

    async def publish(self, op: Publish, /) -> None:
        topic = await self._topic(op.topic)
        now, stamp = self._now(), self._store.clock.wall()
        for message in op.messages:
            if topic.knows(message.id, now):
                continue
            if op.delay:
                topic.schedule(message, now + op.delay, now, stamp)
            else:
                topic.publish(message, now, stamp)
        self._store.tell()

    async def subscribe(self, op: Subscribe, /) -> None:
        (await self._topic(op.topic)).subscribe(op.group)

    async def receive(self, op: Receive, /) -> tuple[Delivery, ...]:
        until = self._now() + op.wait
        while True:
            topic = await self._topic(op.topic)
            group = topic.groups.get(op.group)
            if group is None:
                raise NotFoundError("the topic has no such group", hint="subscribe it")
            now = self._now()
            lent = group.lend(op.most, now + op.lease)
            if lent or now >= until:
                return tuple(map(_delivery, lent))
            next_tick = topic.next_tick(group)
            wake = until if next_tick is None else min(until, next_tick)
            await self._store.changed(wake - now)

    async def ack(self, op: Ack, /) -> bool:
        group, entry = await self._held(op.topic, op.group, op.receipt)
        if group is None or entry is None:
            return False
        group.remove(entry)
        self._store.tell()
        return True

    async def nack(self, op: Nack, /) -> bool:
        group, entry = await self._held(op.topic, op.group, op.receipt)
        if group is None or entry is None:
            return False
        until = self._now() + op.delay if op.delay > 0 else None
        group.put_back(entry, until, counted=op.count)
        self._store.tell()
        return True

    async def extend(self, op: Extend, /) -> tuple[str, ...]:
        topic = await self._topic(op.topic)
        group = topic.groups.get(op.group)
        if group is None:
            return ()
        held = [entry for entry in map(group.held, op.receipts) if entry is not None]
        for entry in held:
            group.extend(entry, self._now() + op.lease)
        return tuple(entry.receipt for entry in held)

    async def kill(self, op: Kill, /) -> bool:
        group, entry = await self._held(op.topic, op.group, op.receipt)
        if group is None or entry is None:
            return False
        group.remove(entry)
        number = self._store.number()
        stamp = self._store.clock.wall()
        letter = Dead(entry.stored, number, group.name, op.reason, entry.attempt, stamp)
        group.dead[number] = letter
        self._store.tell()
        return True

    async def dead_letters(self, op: DeadLetters, /) -> DeadPage:
        after = int(op.cursor or 0)
        topic = await self._topic(op.topic)
        letters = [one for one in topic.dead(op.group) if one.number > after]
        more = len(letters) > op.limit
        page = letters[: op.limit]
        return DeadPage(tuple(map(_letter, page)), str(page[-1].number) if more else None)

    async def redrive(self, op: Redrive, /) -> int:
        topic = await self._topic(op.topic)
        chosen = [one for one in topic.dead(op.group) if not op.ids or one.stored.id in op.ids]
        topic.redrive(chosen)
        self._store.tell()
        return len(chosen)

    async def cancel(self, op: Cancel, /) -> bool:
        return (await self._topic(op.topic)).cancel(op.id)

    async def replay(self, op: Replay, /) -> int:
        topic = await self._topic(op.topic)
        topic.subscribe(op.group)
        count = topic.replay(op.group, op.since)
        self._store.tell()
        return count

    async def measure(self, op: Measure, /) -> Depth:
        topic = await self._topic(op.topic)
        group = topic.groups.get(op.group) or GroupQueue(op.group)
        ready, lent, waiting = group.counts()
        return Depth(ready, lent, waiting, topic.scheduled(), len(group.dead))

    async def aclose(self) -> None:
        """Nothing is held: the store belongs to who made it."""

    async def _topic(self, name: str) -> Topic:
        """The topic as it stands; until the next await it is the caller's."""
        await self._store.reading()
        topics = self._store.rows(self._table)
        topic: Topic | None = topics.get(name)
        if topic is None:
            topic = topics[name] = Topic(_KEPT_SECONDS)
        topic.tick(self._now())
        return topic

    async def _held(
        self, topic: str, group: str, receipt: str
    ) -> tuple[GroupQueue | None, Entry | None]:
        found = (await self._topic(topic)).groups.get(group)
        return found, found.held(receipt) if found is not None else None

    def _now(self) -> float:
        return self._store.clock.monotonic()


def _delivery(entry: Entry) -> Delivery:
    stored = entry.stored
    return Delivery(
        stored.id,
        stored.payload,
        stored.key,
        stored.headers,
        stored.published_at,
        entry.attempt,
        entry.receipt,
    )


def _letter(dead: Dead) -> DeadRecord:
    stored = dead.stored
    return DeadRecord(
        stored.id,
        stored.payload,
        stored.key,
        stored.headers,
        stored.published_at,
        dead.group,
        dead.reason,
        dead.attempts,
        dead.died_at,
    )
