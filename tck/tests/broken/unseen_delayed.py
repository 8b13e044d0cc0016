"""messaging drivers, wrong in ways that no law was written for: delayed messages."""

from __future__ import annotations

import heapq
from dataclasses import replace
from typing import Any

from broken.registry import broken
from omnicloud.contracts.messaging.driver import Cancel, Measure, Publish, Receive
from omnicloud.contracts.messaging.models import Delivery, Depth
from omnicloud.errors import NotFoundError
from omnicloud.memory.messaging import MemoryMessaging, _delivery
from omnicloud.memory.store import MemoryStore
from omnicloud_tck.messaging import MessagingContract


def delayed(id_: str, tier: str, summary: str) -> Any:
    return broken(id_, tier, summary, MessagingContract)


class _Waits(MemoryMessaging):
    """Waits for something else than it is told."""

    def waited(self, delay: float) -> float:
        return delay

    async def publish(self, op: Publish, /) -> None:
        if op.delay:
            op = replace(op, delay=self.waited(op.delay))
        await super().publish(op)


@delayed("U-DL-01", "T0", "only the first of a batch of one is delayed: all are at once with a key")
class KeyedAtOnce(MemoryMessaging):
    async def publish(self, op: Publish, /) -> None:
        if op.delay and all(one.key is not None for one in op.messages):
            op = replace(op, delay=None)
        await super().publish(op)


@delayed("U-DL-02", "T1", "delays are cut to a quarter of an hour")
class QuarterHour(_Waits):
    def waited(self, delay: float) -> float:
        return min(delay, 900.0)


@delayed("U-DL-03", "T1", "delays of days wait for their part of a day only")
class TimeOfDay(_Waits):
    def waited(self, delay: float) -> float:
        return delay % 86400.0 or delay


@delayed("U-DL-04", "T1", "a delayed message loses its key")
class Keyless(MemoryMessaging):
    async def publish(self, op: Publish, /) -> None:
        if op.delay:
            bare = tuple(replace(one, key=None) for one in op.messages)
            op = replace(op, messages=bare)
        await super().publish(op)


@delayed("U-DL-05", "T1", "delays are rounded to tenths of a second, so some are early")
class Tenths(_Waits):
    def waited(self, delay: float) -> float:
        return round(delay, 1)


@delayed("U-DL-06", "T2", "a short delay waits for a longer one that was asked before it")
class HeadOfLine(MemoryMessaging):
    async def publish(self, op: Publish, /) -> None:
        if op.delay:
            topic = await self._topic(op.topic)
            latest = max((one[0] for one in topic._scheduled), default=0.0)
            op = replace(op, delay=max(op.delay, latest - self._now()))
        await super().publish(op)


@delayed("U-DL-07", "T1", "a group that subscribes before a message is due does not get it")
class BoundEarly(MemoryMessaging):
    async def publish(self, op: Publish, /) -> None:
        topic = await self._topic(op.topic)
        if op.delay:
            bound = self._store.rows(("unseen", "bound", op.topic))
            bound.update((one.id, frozenset(topic.groups)) for one in op.messages)
        await super().publish(op)

    async def receive(self, op: Receive, /) -> tuple[Delivery, ...]:
        found = await super().receive(op)
        bound = self._store.rows(("unseen", "bound", op.topic))
        group = (await self._topic(op.topic)).groups[op.group]
        kept = []
        for one in found:
            if one.id in bound and op.group not in bound[one.id]:
                entry = group.held(one.receipt)
                if entry is not None:
                    group.remove(entry)
            else:
                kept.append(one)
        return tuple(kept)


@delayed("U-DL-08", "T2", "cancelling a message cancels all that wait with its key")
class CancelsKey(MemoryMessaging):
    async def cancel(self, op: Cancel, /) -> bool:
        topic = await self._topic(op.topic)
        keys = {one[2].key for one in topic._scheduled if one[2].id == op.id}
        others = [one[2].id for one in topic._scheduled if one[2].key in keys - {None}]
        for other in others:
            if other != op.id:
                topic.cancel(other)
        return topic.cancel(op.id)


@delayed("U-DL-09", "T2", "cancelling answers True for what is due already")
class CancelsDue(MemoryMessaging):
    async def cancel(self, op: Cancel, /) -> bool:
        done = await super().cancel(op)
        return done or (await self._topic(op.topic)).knows(op.id, self._now())


@delayed("U-DL-10", "T3", "the id of a delayed message is not known before it is due")
class IdWhenDue(MemoryMessaging):
    async def publish(self, op: Publish, /) -> None:
        if op.delay:
            topic = await self._topic(op.topic)
            for one in op.messages:
                if one.id in topic._cancellable:
                    del topic._ids[one.id]
        await super().publish(op)


@delayed("U-DL-11", "T3", "messages wait in the client: closing it loses them")
class InClient(MemoryMessaging):
    def __init__(self, store: MemoryStore, namespace: str = "") -> None:
        super().__init__(store, namespace)
        self._mine: list[tuple[str, str]] = []

    async def publish(self, op: Publish, /) -> None:
        await super().publish(op)
        if op.delay:
            self._mine += [(op.topic, one.id) for one in op.messages]

    async def aclose(self) -> None:
        for name, message_id in self._mine:
            topic = self._store.rows(self._table).get(name)
            if topic is not None:
                topic.cancel(message_id)


@delayed("U-DL-12", "T3", "a receiver that waits is not woken by what becomes due")
class NotWoken(MemoryMessaging):
    async def receive(self, op: Receive, /) -> tuple[Delivery, ...]:
        until = self._now() + op.wait
        while True:
            topic = await self._topic(op.topic)
            group = topic.groups.get(op.group)
            if group is None:
                raise NotFoundError("the topic has no such group")
            now = self._now()
            lent = group.lend(op.most, now + op.lease)
            if lent or now >= until:
                return tuple(map(_delivery, lent))
            own = group.next_tick()
            await self._store.changed((until if own is None else min(until, own)) - now)


@delayed("U-DL-13", "T3", "of many that are due at once ten are released in a second")
class TenASecond(MemoryMessaging):
    async def _topic(self, name: str) -> Any:
        await self._store.reading()
        topic = self._store.rows(self._table).get(name)
        if topic is not None and topic._scheduled:
            now = self._now()
            later, kept, count = [], [], 0
            for due, number, message, stamp in sorted(topic._scheduled, key=lambda one: one[:2]):
                mark = self._store.rows(("unseen", "released"))
                second = int(now)
                used = mark.get(second, 0)
                if due <= now and used + count >= 10:
                    later.append((second + 1.0, number, message, stamp))
                else:
                    count += due <= now
                    kept.append((due, number, message, stamp))
            self._store.rows(("unseen", "released"))[int(now)] = used + count
            topic._scheduled = kept + later
            heapq.heapify(topic._scheduled)
        return await super()._topic(name)


@delayed("U-DL-14", "T1", "what was cancelled is still counted as scheduled")
class CountsCancelled(MemoryMessaging):
    async def cancel(self, op: Cancel, /) -> bool:
        done = await super().cancel(op)
        table = self._store.rows(("unseen", "cancelled"))
        table[op.topic] = table.get(op.topic, 0) + done
        return done

    async def measure(self, op: Measure, /) -> Depth:
        depth = await super().measure(op)
        gone = self._store.rows(("unseen", "cancelled")).get(op.topic, 0)
        return replace(depth, scheduled=depth.scheduled + gone)


@delayed("U-DL-15", "T4", "cancelling looks for the id in every topic, and so in every tenant's")
class CancelsAnywhere(MemoryMessaging):
    async def cancel(self, op: Cancel, /) -> bool:
        await self._topic(op.topic)
        topics = self._store.rows(self._table).values()
        return bool(sum(topic.cancel(op.id) for topic in topics))


@delayed("U-DL-16", "T3", "what is due while nobody receives waits its delay once more")
class DueUnseen(MemoryMessaging):
    async def _topic(self, name: str) -> Any:
        await self._store.reading()
        topic = self._store.rows(self._table).get(name)
        if topic is not None:
            now = self._now()
            for place, (due, number, message, stamp) in enumerate(topic._scheduled):
                if due < now - 30.0:
                    topic._scheduled[place] = (now + 60.0, number, message, stamp)
            heapq.heapify(topic._scheduled)
        return await super()._topic(name)


@delayed("U-DL-17", "T2", "a delayed message goes before what waits of its key")
class DueFirst(MemoryMessaging):
    async def _topic(self, name: str) -> Any:
        await self._store.reading()
        topic = self._store.rows(self._table).get(name)
        now = self._now()
        while topic is not None and topic._scheduled and topic._scheduled[0][0] <= now:
            _, number, message, stamp = heapq.heappop(topic._scheduled)
            topic._cancellable.pop(message.id, None)
            stored = replace(topic._stored(message, stamp), number=number)
            topic._log.append((now + topic.kept, stored))
            for group in topic.groups.values():
                group.add(stored)
        return await super()._topic(name)
